// The piano on the screen: mouse, fingers, and the keyboard that moves from key to key.

import {HIGHEST, OCTAVE, isBlack, nameOf} from "./pitches.js";

const LEAST_WIDTH_PX = 44, FEWEST_WHITE = 7, MOST_WHITE = 29;
const SOFTEST = 0.4;  // of the velocity, at a key's upper end
const A_TOUCH_MS = 400;  // of who cannot hold a key: a screen reader's click
const WHITES = [0, 2, 4, 5, 7, 9, 11];  // semitones above a C

// base  the C where the letters begin; a wide piano begins lower;  velocity  of a key that is pressed at its lower end
// letters  what is written on the keys from there on, by semitone
export class Keys {
  velocity = 100;
  letters = [];
  #root; #notes; #base = 60; #count = 0; #focused = 60; #range = [0, HIGHEST]; #keys = new Map(); #listeners = [];

  constructor(root, notes) {
    this.#root = root;
    this.#notes = notes;
    notes.onChange(() => this.#showHeld());
    new ResizeObserver(() => this.#fit()).observe(root);
    root.addEventListener("pointerdown", event => this.#down(event));
    root.addEventListener("pointermove", event => this.#move(event));
    for (const end of ["pointerup", "pointercancel", "lostpointercapture"])
      root.addEventListener(end, event => notes.release(`pointer:${event.pointerId}`));
    root.addEventListener("mousedown", event => event.preventDefault());  // the focus stays where it is
    root.addEventListener("contextmenu", event => event.preventDefault());
    root.addEventListener("keydown", event => this.#type(event));
    root.addEventListener("keyup", event => event.key === "Enter" && notes.release("enter:"));
    root.addEventListener("focusout", () => notes.release("enter:"));
    root.addEventListener("click", event => this.#click(event));
  }

  get base() {
    return this.#base;
  }

  set base(pitch) {
    this.#base = Math.max(0, Math.min(HIGHEST - OCTAVE, pitch - pitch % OCTAVE));
    this.#build();
    for (const listener of this.#listeners) listener(this.#base);
  }

  onBase(listener) {
    this.#listeners.push(listener);
  }

  // The pitches that the model plays: others sound in the nearest octave inside.
  range(low, high) {
    if (this.#range[0] === low && this.#range[1] === high) return;
    this.#range = [low, high];
    this.#build();
  }

  // played, generated: sets of pitches that sound now
  light(played, generated) {
    for (const [pitch, key] of this.#keys) {
      key.classList.toggle("played", played.has(pitch));
      key.classList.toggle("generated", generated.has(pitch));
    }
  }

  #fit() {
    const count = Math.max(FEWEST_WHITE, Math.min(MOST_WHITE, Math.floor(this.#root.clientWidth / LEAST_WIDTH_PX)));
    if (count === this.#count) return;
    this.#count = count;
    this.#build();
  }

  // A C: the letters' octave in the middle where there is room, and nothing above the highest pitch.
  #lowest() {
    const last = this.#count - 1, span = OCTAVE * Math.floor(last / 7) + WHITES[last % 7];
    const wanted = this.#base - OCTAVE * Math.max(0, Math.floor((this.#count - 8) / 14)), highest = HIGHEST - span;
    return Math.max(0, Math.min(wanted, highest - highest % OCTAVE));
  }

  #build() {
    if (!this.#count) return;
    const [low, high] = this.#range, kept = this.#root.contains(document.activeElement), lowest = this.#lowest();
    this.#root.replaceChildren();
    this.#keys.clear();
    let whites = 0;
    for (let pitch = lowest; whites < this.#count && pitch <= HIGHEST; pitch++) {
      const key = document.createElement("button"), black = isBlack(pitch);
      key.type = "button";
      key.tabIndex = -1;
      key.dataset.pitch = pitch;
      key.className = black ? "black" : "white";
      key.classList.toggle("outside", pitch < low || pitch > high);
      key.setAttribute("aria-label", nameOf(pitch));
      if (pitch % OCTAVE === 0) key.append(nameOf(pitch));
      key.dataset.letter = this.letters[pitch - this.#base] || "";
      if (black) key.style.left = `${100 * whites / this.#count}%`;
      else whites += 1;
      this.#keys.set(pitch, key);
      this.#root.append(key);
    }
    this.#root.style.setProperty("--whites", this.#count);
    this.#focus(this.#keys.has(this.#focused) ? this.#focused : lowest, kept);
    this.#showHeld();
  }

  #showHeld() {
    const held = this.#notes.pitches;
    for (const [pitch, key] of this.#keys) key.classList.toggle("down", held.has(pitch));
  }

  // One key at a time is in the order of tabs.
  #focus(pitch, now) {
    const key = this.#keys.get(pitch);
    if (!key) return;
    const before = this.#keys.get(this.#focused);
    if (before) before.tabIndex = -1;
    this.#focused = pitch;
    key.tabIndex = 0;
    if (now) key.focus();
  }

  #keyAt(event) {
    const found = document.elementFromPoint(event.clientX, event.clientY);
    return found && this.#root.contains(found) ? found.closest("[data-pitch]") : null;
  }

  #press(event, key) {
    const {top, height} = key.getBoundingClientRect(), place = Math.min(1, Math.max(0, (event.clientY - top) / (0.9 * height)));
    this.#notes.press(`pointer:${event.pointerId}`, Number(key.dataset.pitch), this.velocity * (SOFTEST + (1 - SOFTEST) * place));
  }

  #down(event) {
    const key = this.#keyAt(event);
    if (!key || event.button > 0) return;
    event.preventDefault();
    this.#root.setPointerCapture(event.pointerId);
    this.#press(event, key);
  }

  // A finger that slides plays what it slides over.
  #move(event) {
    const holder = `pointer:${event.pointerId}`, key = this.#root.hasPointerCapture(event.pointerId) && this.#keyAt(event);
    if (key && this.#notes.holds(holder) !== Number(key.dataset.pitch)) this.#press(event, key);
  }

  #type(event) {
    const step = {ArrowLeft: -1, ArrowRight: 1, ArrowDown: -OCTAVE, ArrowUp: OCTAVE}[event.key];
    if (event.ctrlKey || event.metaKey || event.altKey || !(step || event.key === "Enter")) return;
    event.preventDefault();
    if (step) this.#focus(this.#focused + step, true);
    else if (!event.repeat) this.#notes.press("enter:", this.#focused, this.velocity);
  }

  #click(event) {
    const key = event.target.closest("[data-pitch]");
    if (event.detail || !key) return;
    this.#notes.press("touch:", Number(key.dataset.pitch), this.velocity);
    setTimeout(() => this.#notes.release("touch:"), A_TOUCH_MS);
  }
}
