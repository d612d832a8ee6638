// MIDI keyboards of the browser, where it has Web MIDI and the player lets it: notes, sustain pedal, wheel.

const NOTE_OFF = 0x80, NOTE_ON = 0x90, CONTROL = 0xB0, BEND = 0xE0;
const SUSTAIN = 64, ALL_SOUND_OFF = 120, ALL_NOTES_OFF = 123;
const CENTRE = 8192, BEND_SEMITONES = 2;  // of a wheel, unless it says otherwise

// show  is told what to write on the button, and whether a keyboard is heard
export class MidiIn {
  #notes; #link; #show; #ports = new Map();

  constructor(notes, link, show) {
    this.#notes = notes;
    this.#link = link;
    this.#show = show;
  }

  static get isHere() {
    return "requestMIDIAccess" in navigator;
  }

  // At once where it was allowed before; else a click asks.
  async beginIfAllowed() {
    try {
      if ((await navigator.permissions.query({name: "midi"})).state === "granted") await this.begin();
    } catch {
      return;  // a browser that cannot be asked whether it will ask
    }
  }

  async begin() {
    try {
      const access = await navigator.requestMIDIAccess();
      access.onstatechange = () => this.#follow(access);
      this.#follow(access);
    } catch {
      this.#show("MIDI: not allowed", false);
    }
  }

  #follow(access) {
    const here = new Map([...access.inputs.values()].filter(port => port.state !== "disconnected").map(port => [port.id, port]));
    for (const id of this.#ports.keys()) {
      if (here.has(id)) continue;
      this.#notes.releaseAll(`midi:${id}:`);
      this.#link.send("/livewave/bend", 0);  // its wheel may have been up
    }
    for (const [id, port] of here) port.onmidimessage = event => this.#hear(id, event.data);
    this.#ports = here;
    const names = [...here.values()].map(port => port.name);
    this.#show(names.length ? `MIDI: ${names.join(", ")}` : "MIDI: no keyboard", names.length > 0);
  }

  #hear(id, [status, first, second]) {
    const kind = status & 0xF0, channel = `midi:${id}:${status & 0x0F}:`;
    if (kind === NOTE_ON && second > 0) this.#notes.press(channel + first, first, second);
    else if (kind === NOTE_ON || kind === NOTE_OFF) this.#notes.release(channel + first);
    else if (kind === CONTROL && first === SUSTAIN) this.#notes.pedal(`${channel}pedal`, second / 127);
    else if (kind === CONTROL && (first === ALL_SOUND_OFF || first >= ALL_NOTES_OFF)) this.#notes.releaseAll(channel);
    else if (kind === BEND) this.#link.send("/livewave/bend", BEND_SEMITONES * ((second << 7 | first) - CENTRE) / CENTRE);
  }
}
