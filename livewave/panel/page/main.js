// The panel: everything is made here, and told of everything else.

import {buildControls} from "./controls.js";
import {Keys} from "./keys.js";
import {setSlider} from "./knobs.js";
import {Link, NO_DAEMON, NO_PANEL, PLAYING, SILENT} from "./link.js";
import {Meters} from "./meters.js";
import {MidiIn} from "./midi.js";
import {Notes} from "./notes.js";
import {OCTAVE, nameOf, pitchesOf} from "./pitches.js";
import {Roll} from "./roll.js";
import {Spectrogram} from "./spectrogram.js";
import {WRITTEN, playByLetters} from "./typing.js";
import {Voices} from "./voices.js";

const MOST_NEWS = 3, NEWS_MS = 8000;
const VELOCITY_STEP = 10;
const FRAME_MS = 30, STILL_FRAME_MS = 250;  // at least, from picture to picture; the latter for who wants little motion

const find = id => document.getElementById(id);
const now_s = () => performance.now() / 1000;
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

const link = new Link(new URL("socket", location.href.replace(/^http/, "ws")));
const notes = new Notes(link);
const keys = new Keys(find("keys"), notes);
const roll = new Roll(find("roll"), still), spectrogram = new Spectrogram(find("spectrogram"), still);
const meters = new Meters(find("meters"), link);
buildControls(find("controls"), link, notes);
new Voices(find("voices"), link);

// keys

const velocity = find("velocity").querySelector("input"), sustain = find("sustain");
let model = null;

function setVelocity(value) {
  setSlider(velocity, value);
  keys.velocity = Number(velocity.value);
  find("velocity").querySelector(".value").textContent = velocity.value;
}

function toggleSustain() {
  notes.pedal("button:", notes.sustained ? 0 : 1);
}

keys.letters = WRITTEN;
velocity.addEventListener("input", () => setVelocity(velocity.value));
sustain.addEventListener("click", toggleSustain);
notes.onChange(() => sustain.setAttribute("aria-pressed", notes.sustained));
keys.onBase(base => find("octave").textContent = nameOf(base));
find("down").addEventListener("click", () => keys.base -= OCTAVE);
find("up").addEventListener("click", () => keys.base += OCTAVE);
find("panic").addEventListener("click", () => notes.panic());
playByLetters(notes, keys, {
  Escape: () => notes.panic(),
  KeyZ: () => keys.base -= OCTAVE, KeyX: () => keys.base += OCTAVE,
  KeyC: () => setVelocity(Number(velocity.value) - VELOCITY_STEP), KeyV: () => setVelocity(Number(velocity.value) + VELOCITY_STEP),
});

// A control that was clicked gives the keyboard back: the next space is the pedal's.
addEventListener("pointerup", () => setTimeout(() => {
  if (document.activeElement?.matches("button, input:not([type=number])")) document.activeElement.blur();
}));

const midi = new MidiIn(notes, link, (text, heard) => {
  find("midi").textContent = text;
  find("midi").setAttribute("aria-pressed", heard);
});
if (MidiIn.isHere) {
  find("midi").addEventListener("click", () => midi.begin());
  midi.beginIfAllowed();
} else {
  Object.assign(find("midi"), {disabled: true, textContent: "MIDI: not here", title: "This browser has no Web MIDI, or not for a page at this address"});
}

// what the daemon says

link.on("/livewave/sounding", (played, generated) => sound(pitchesOf(played), pitchesOf(generated)));
link.on("/livewave/spectrum", levels => spectrogram.hear(levels, now_s()));
link.on("/livewave/notice", text => tell(text));
link.on("/livewave/fail", (address, reason) => tell(`${address.replace("/livewave/", "")}: ${reason}`));
link.on("/livewave/record", state => tell(state === "off" ? "recording has ended" : `record: ${state}`));
link.onStatus(status => {
  roll.range(Math.max(0, status.pitch_low - 1), status.pitch_high + 1);
  keys.range(status.pitch_low, status.pitch_high);
  if (status.model !== model) {  // its middle comes under the hands
    model = status.model;
    keys.base = OCTAVE * Math.round(((status.pitch_low + status.pitch_high) / 2 - OCTAVE / 2) / OCTAVE);
  }
  const record = find("record");
  record.setAttribute("aria-pressed", Boolean(status.recording));
  record.textContent = status.recording ? "Recording" : "Record";
  describe();
});
find("record").addEventListener("click", () => link.send("/livewave/record", link.status.recording ? 0 : 1));

link.onState((state, before) => {
  document.body.dataset.state = state;
  describe();
  if (state !== PLAYING) {
    sound(new Set(), new Set());
    meters.rest();
  } else if (before !== SILENT) {
    link.send("/livewave/models");
  }
});

function describe() {
  const {state, daemon, status} = link;
  const text = {
    [NO_PANEL]: "the panel is not there; looking for it",
    [NO_DAEMON]: `no livewave at ${daemon}; looking for it`,
    [SILENT]: `livewave at ${daemon} does not answer`,
    [PLAYING]: status.model ? `${status.model} by ${[status.engine, status.isa].filter(Boolean).join(" ")} on ${status.output}` : `livewave at ${daemon}`,
  }[state];
  if (find("link").textContent !== text) find("link").textContent = text;
}

function sound(played, generated) {
  keys.light(played, generated);
  roll.hear(played, generated, now_s());
}

function tell(text) {
  const line = document.createElement("p"), news = find("news");
  line.textContent = text;
  news.append(line);
  while (news.children.length > MOST_NEWS) news.firstChild.remove();
  setTimeout(() => line.remove(), NEWS_MS);
}

// what is seen

function draw() {
  const at_s = now_s();
  roll.draw(at_s);
  spectrogram.draw(at_s);
  meters.draw(at_s);
}

let drawnMs = 0;

function eachFrame(nowMs) {
  if (nowMs - drawnMs >= FRAME_MS) {
    drawnMs = nowMs;
    draw();
  }
  requestAnimationFrame(eachFrame);
}

document.body.dataset.state = link.state;
keys.base = 60;
setVelocity(velocity.value);
describe();
link.begin();
if (still) setInterval(draw, STILL_FRAME_MS);
else requestAnimationFrame(eachFrame);
