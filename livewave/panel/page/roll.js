// The live piano roll: what is held by players and what is generated, in two colours.

import {HIGHEST, OCTAVE, isBlack, nameOf} from "./pitches.js";
import {SPAN_S, Surface, placeOf} from "./surface.js";

export const PLAYED = "#ffb454", GENERATED = "#5cc8ff";
const COLOURS = [PLAYED, GENERATED];
const GROUND = "#0c0f13", BLACK_KEYS = "#12171d", LINE = "#232b35", LETTERS = "#8d9aa8", CURSOR = "#e8edf2";
const STILL_GAP_S = 0.4;  // of what is old, before the line

export class Roll {
  #surface; #still; #low = 48; #high = 84; #segments = []; #open = new Map(); #ground = null;

  constructor(canvas, still) {
    this.#surface = new Surface(canvas);
    this.#still = still;
    this.#surface.onSize(() => this.#ground = null);
  }

  range(low, high) {
    if (low === this.#low && high === this.#high) return;
    [this.#low, this.#high, this.#ground] = [low, high, null];
  }

  // played, generated: sets of pitches that sound from now on
  hear(played, generated, now_s) {
    [played, generated].forEach((pitches, kind) => {
      for (const pitch of pitches) if (!this.#open.has(`${kind}:${pitch}`)) this.#begin(kind, pitch, now_s);
    });
    for (const [name, segment] of this.#open) {
      if ((segment.kind ? generated : played).has(segment.pitch)) continue;
      segment.end_s = now_s;
      this.#open.delete(name);
    }
    this.#segments = this.#segments.filter(segment => segment.end_s > now_s - SPAN_S);
  }

  draw(now_s) {
    const {context, width, height} = this.#surface, row = height / (this.#high - this.#low + 1), place = placeOf(this.#surface, this.#still);
    if (!width || !height) return;
    this.#ground ??= this.#drawGround();
    context.drawImage(this.#ground, 0, 0);
    const oldest_s = now_s - SPAN_S + (this.#still ? STILL_GAP_S : 0);
    for (const {kind, pitch, begin_s, end_s} of this.#segments) {
      if (end_s < oldest_s || pitch < this.#low || pitch > this.#high) continue;
      const left = place(Math.max(begin_s, oldest_s), now_s), right = place(Math.min(end_s, now_s), now_s), top = (this.#high - pitch) * row;
      context.fillStyle = COLOURS[kind];
      for (const [from, to] of right < left ? [[left, width], [0, right]] : [[left, right]])
        context.fillRect(from, top + 0.1 * row, Math.max(to - from, this.#surface.scale), 0.8 * row);
    }
    if (this.#still) {
      context.fillStyle = CURSOR;
      context.fillRect(place(now_s), 0, this.#surface.scale, height);
    }
  }

  #begin(kind, pitch, now_s) {
    const segment = {kind, pitch, begin_s: now_s, end_s: Infinity};
    this.#open.set(`${kind}:${pitch}`, segment);
    this.#segments.push(segment);
  }

  // Rows of the black keys, a line below each C and its name: it changes with the range alone.
  #drawGround() {
    const {width, height} = this.#surface, ground = new OffscreenCanvas(width, height), context = ground.getContext("2d");
    const row = height / (this.#high - this.#low + 1);
    context.fillStyle = GROUND;
    context.fillRect(0, 0, width, height);
    const pitches = Array.from({length: Math.min(this.#high, HIGHEST) - this.#low + 1}, (_, number) => this.#low + number);
    context.fillStyle = BLACK_KEYS;
    for (const pitch of pitches.filter(isBlack)) context.fillRect(0, (this.#high - pitch) * row, width, row);
    context.font = this.#surface.font(11);
    for (const pitch of pitches.filter(pitch => pitch % OCTAVE === 0)) {
      const below = (this.#high - pitch + 1) * row;
      context.fillStyle = LINE;
      context.fillRect(0, below, width, this.#surface.scale);
      context.fillStyle = LETTERS;
      context.fillText(nameOf(pitch), 4 * this.#surface.scale, below - 3 * this.#surface.scale);
    }
    return ground;
  }
}
