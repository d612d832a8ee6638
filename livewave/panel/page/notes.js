// Who holds which key: fingers, letters, MIDI ports. Every note that begins here ends here, whatever happens to its holder.

import {HIGHEST} from "./pitches.js";
import {NO_DAEMON, NO_PANEL} from "./link.js";

const FULL = 127;

// A holder is a text: "pointer:3", "letter:KeyA", "midi:Keystation:0:60". It holds one pitch at a time.
export class Notes {
  #link; #held = new Map(); #pedals = new Map(); #depth = 0; #listeners = [];

  constructor(link) {
    this.#link = link;
    link.onState(state => {
      if (state === NO_DAEMON || state === NO_PANEL) this.forget();  // it has let go itself
    });
  }

  // Pitches that are held here.
  get pitches() {
    return new Set(this.#held.values());
  }

  // Whether anybody's pedal is down.
  get sustained() {
    return this.#depth >= 0.5;
  }

  onChange(listener) {
    this.#listeners.push(listener);
  }

  press(holder, pitch, velocity) {
    if (pitch < 0 || pitch > HIGHEST) return;
    this.release(holder);
    this.#held.set(holder, pitch);
    this.#link.send("/livewave/note", pitch, Math.min(FULL, Math.max(1, Math.round(velocity))));
    this.#changed();
  }

  holds(holder) {
    return this.#held.get(holder);
  }

  release(holder) {
    const pitch = this.#held.get(holder);
    if (pitch === undefined) return;
    this.#held.delete(holder);
    this.#link.send("/livewave/note", pitch, 0);
    this.#changed();
  }

  // All whose names begin so, with their pedals.
  releaseAll(kind) {
    for (const holder of [...this.#held.keys()].filter(holder => holder.startsWith(kind))) this.release(holder);
    for (const holder of [...this.#pedals.keys()].filter(holder => holder.startsWith(kind))) this.pedal(holder, 0);
  }

  // The deepest pedal counts. depth: 0..1
  pedal(holder, depth) {
    this.#pedals.set(holder, depth);
    const deepest = Math.max(0, ...this.#pedals.values());
    if (deepest !== this.#depth) this.#link.send("/livewave/sustain", deepest);
    this.#depth = deepest;
    this.#changed();
  }

  panic() {
    this.#link.send("/livewave/panic");
    this.forget();
  }

  // The daemon has ended all of it.
  forget() {
    this.#held.clear();
    this.#pedals.clear();
    this.#depth = 0;
    this.#changed();
  }

  #changed() {
    for (const listener of this.#listeners) listener();
  }
}
