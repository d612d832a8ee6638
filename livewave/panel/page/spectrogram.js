// The spectrum of what sounds, as it goes by: time to the right, pitch upwards, loud is bright.

import {SPECTRUM} from "./tables.js";
import {SPAN_S, Surface, placeOf} from "./surface.js";

const COLUMN_S = 0.05, COLUMNS = Math.round(SPAN_S / COLUMN_S);
const LATE_COLUMNS = 20;  // nothing was said for so long: then it is unknown what sounds
const COLOURS = [[0, "#0c0f13"], [0.38, "#10121c"], [0.58, "#331d5e"], [0.74, "#93307c"], [0.87, "#f0744a"], [1, "#fff3bd"]];
const MARKS_HZ = [100, 200, 500, 1000, 2000, 5000];
const GROUND = "#0c0f13", LETTERS = "#c3ccd6", SHADE = "#0c0f13b0", CURSOR = "#e8edf2";

export class Spectrogram {
  #surface; #still; #ring = new OffscreenCanvas(COLUMNS, SPECTRUM.bands); #paint; #newest = -1; #column; #shades = shades();

  constructor(canvas, still) {
    this.#surface = new Surface(canvas);
    this.#still = still;
    this.#paint = this.#ring.getContext("2d");
    this.#column = this.#paint.createImageData(1, SPECTRUM.bands);
    this.#paint.fillStyle = GROUND;
    this.#paint.fillRect(0, 0, COLUMNS, SPECTRUM.bands);
  }

  // levels: a byte a band, the lowest first. What was missed since the last ones is filled with these.
  hear(levels, now_s) {
    const pixels = this.#column.data;
    levels.forEach((level, band) => pixels.set(this.#shades[level], 4 * (SPECTRUM.bands - 1 - band)));
    this.#advance(Math.floor(now_s / COLUMN_S), column => this.#paint.putImageData(this.#column, column, 0));
  }

  draw(now_s) {
    const {context, width, height} = this.#surface, newest = Math.floor(now_s / COLUMN_S);
    if (!width || !height) return;
    if (newest - this.#newest > LATE_COLUMNS) this.#advance(newest, column => this.#paint.fillRect(column, 0, 1, SPECTRUM.bands));
    context.imageSmoothingEnabled = true;
    context.fillStyle = GROUND;
    context.fillRect(0, 0, width, height);
    if (this.#still) context.drawImage(this.#ring, 0, 0, width, height);
    else this.#drawMoving(now_s, width, height);
    this.#drawMarks(height);
    if (this.#still) {
      context.fillStyle = CURSOR;
      context.fillRect(placeOf(this.#surface, true)(now_s), 0, this.#surface.scale, height);
    }
  }

  #advance(to, put) {
    for (let number = Math.max(this.#newest + 1, to - COLUMNS + 1); number <= to; number++) put(number % COLUMNS);
    this.#newest = Math.max(this.#newest, to);
  }

  // The ring has two parts: from its oldest column to its end, and from its beginning to the newest one.
  #drawMoving(now_s, width, height) {
    const oldest = this.#newest - COLUMNS + 1, first = ((oldest % COLUMNS) + COLUMNS) % COLUMNS, place = placeOf(this.#surface, false);
    const left = place((oldest + 1) * COLUMN_S, now_s), scale = width / COLUMNS, later = COLUMNS - first;
    this.#surface.context.drawImage(this.#ring, first, 0, later, SPECTRUM.bands, left, 0, later * scale, height);
    if (first) this.#surface.context.drawImage(this.#ring, 0, 0, first, SPECTRUM.bands, left + later * scale, 0, first * scale, height);
  }

  #drawMarks(height) {
    const {context, scale} = this.#surface, {low_hz, high_hz} = SPECTRUM;
    context.font = this.#surface.font(11);
    for (const hz of MARKS_HZ) {
      const y = height * (1 - Math.log(hz / low_hz) / Math.log(high_hz / low_hz)), name = hz < 1000 ? `${hz}` : `${hz / 1000}k`;
      context.fillStyle = SHADE;
      context.fillRect(2 * scale, y - 7 * scale, context.measureText(name).width + 4 * scale, 13 * scale);
      context.fillStyle = LETTERS;
      context.fillText(name, 4 * scale, y + 4 * scale);
    }
  }
}

// [256] of red, green, blue and 255, between the colours above.
function shades() {
  const parts = COLOURS.map(([at, colour]) => [at, [1, 3, 5].map(place => parseInt(colour.slice(place, place + 2), 16))]);
  return Array.from({length: 256}, (_, level) => {
    const share = level / 255, above = Math.max(1, parts.findIndex(([at]) => at >= share));
    const [[from, low], [to, high]] = [parts[above - 1], parts[above]], part = (share - from) / (to - from);
    return [...low.map((value, place) => Math.round(value + part * (high[place] - value))), 255];
  });
}
