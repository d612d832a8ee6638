// A canvas that is as sharp as the screen, and the ten seconds that roll and spectrogram share.

export const SPAN_S = 10;
const SHARPEST = 2;  // pixels to a CSS pixel: more is work that nobody sees

export class Surface {
  #canvas; #listeners = [];

  constructor(canvas) {
    this.#canvas = canvas;
    this.context = canvas.getContext("2d");
    new ResizeObserver(() => this.#fit()).observe(canvas);
    this.#fit();
  }

  onSize(listener) {
    this.#listeners.push(listener);
  }

  get width() {
    return this.#canvas.width;
  }

  get height() {
    return this.#canvas.height;
  }

  // Pixels of the canvas to a CSS pixel.
  get scale() {
    return Math.min(SHARPEST, devicePixelRatio || 1);
  }

  font(size) {
    return `${Math.round(size * this.scale)}px system-ui, sans-serif`;
  }

  #fit() {
    const {clientWidth, clientHeight} = this.#canvas, width = Math.round(clientWidth * this.scale), height = Math.round(clientHeight * this.scale);
    if (width === this.#canvas.width && height === this.#canvas.height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    for (const listener of this.#listeners) listener();
  }
}

// Where on the canvas a moment is. What is new comes in at the right edge and moves left; `still`, for who wants little motion, nothing
// moves but a line, from left to right and again from the left, and what is old is written over.
export function placeOf(surface, still) {
  return still ? (at_s => (at_s % SPAN_S) / SPAN_S * surface.width)
               : ((at_s, now_s) => surface.width * (1 - (now_s - at_s) / SPAN_S));
}
