// The controls, in groups. What only one voice of an ensemble has stands in its strip: voices.js.

import {Choice, Modes, Slider, action, element} from "./knobs.js";
import {nameOf} from "./pitches.js";

const TONICS = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];
const KEYS = ["off", "auto", ...TONICS, ...TONICS.map(tonic => `${tonic} minor`)];
const METRES = [[2, 4], [3, 4], [4, 4], [3, 8], [5, 8], [6, 8], [7, 8]].map(metre => [metre.join("/"), metre]);
const CONTINUE = "/livewave/continue";

export function buildControls(root, link, notes) {
  const slider = (address, name, step, more) => new Slider(link, address, {name, step, ...more});
  const model = new Choice(link, "/livewave/model", {name: "Model", choices: [], answered: true});
  const low = slider(`${CONTINUE}/range`, "Lowest", 1, {number: 0, shown: nameOf});
  const high = slider(`${CONTINUE}/range`, "Highest", 1, {number: 1, shown: nameOf});
  low.beside(high);
  high.beside(low);
  const goesOn = group("Continue", new Modes(link, CONTINUE, {name: "Mode"}),
    slider(`${CONTINUE}/temperature`, "Temperature", 0.05), slider(`${CONTINUE}/density`, "Density", 0.05),
    slider(`${CONTINUE}/polyphony`, "Notes at once", 1), slider(`${CONTINUE}/rest`, "Rest", 0.5), low, high,
    new Choice(link, `${CONTINUE}/key`, {name: "Key", choices: KEYS}));
  const state = element("span", "state");
  goesOn.querySelector("h2").append(state);
  root.append(
    group("Instrument", model, action(link, "/livewave/reset", "Reset", {twice: true, then: () => notes.forget()}),
      slider("/livewave/gain", "Gain", 0.5), slider("/livewave/temperature", "Temperature", 0.05)),
    group("Time", slider("/livewave/tempo", "Tempo", 1), action(link, "/livewave/tap", "Tap"),
      new Choice(link, "/livewave/metre", {name: "Metre", choices: METRES})),
    goesOn,
  );
  link.on("/livewave/models.reply", (...names) => model.choices(names));
  link.onStatus(status => {
    model.element.hidden = status.voices > 1;
    const text = status.continue === "off" ? "" : `${status.continue_state}, beat ${status.bar_beat.toFixed(1)}`;
    if (state.textContent !== text) state.textContent = text;
  });
}

function group(title, ...knobs) {
  const part = element("section", "group"), parts = element("div", "knobs");
  part.setAttribute("aria-label", title);
  parts.append(...knobs.map(knob => knob.element));
  part.append(element("h2", "", title), parts);
  return part;
}
