// A strip for each voice of an ensemble. How each is set is told by /livewave/voice.reply, asked for as often as the status.

import {Choice, Slider, Toggle, element} from "./knobs.js";
import {VOICE, VOICE_STATE} from "./tables.js";

const SOFTEST_DB = -60, LOUD_DB = -1;

export class Voices {
  #root; #link; #strips = []; #models = [];

  constructor(root, link) {
    [this.#root, this.#link] = [root, link];
    link.onStatus(status => {
      this.#show(status.voices > 1 ? status.voices : 0);
      if (status.voices > 1) link.send("/livewave/voices");
    });
    link.on("/livewave/voice.reply", (number, ...values) => this.#strips[number - 1]?.hear(number, values));
    link.on("/livewave/voice/level", (number, level) => this.#strips[number - 1]?.level(level));
    link.on("/livewave/models.reply", (...names) => {
      this.#models = names;
      for (const strip of this.#strips) strip.choices(names);
    });
  }

  #show(count) {
    while (this.#strips.length < count) {
      const strip = new Strip(this.#link, this.#strips.length + 1, this.#models);
      this.#strips.push(strip);
      this.#root.append(strip.element);
    }
    this.#root.hidden = !count;
    this.#strips.forEach((strip, place) => strip.element.hidden = place >= count);
  }
}

class Strip {
  #listeners = []; #title; #bar; #model;

  constructor(link, number, models) {
    const line = {send: (...message) => link.send(...message), on: (...hear) => link.on(...hear), onStatus: hear => this.#listeners.push(hear)};
    const knob = (verb, name, step) => new Slider(line, `${VOICE}/${number}/${verb}`, {name, step});
    this.#model = new Choice(line, `${VOICE}/${number}/model`, {name: "Model", choices: models, answered: true});
    this.element = element("section", "group strip");
    this.element.setAttribute("aria-label", `Voice ${number}`);
    this.#title = element("h2", "", `Voice ${number}`);
    this.#bar = element("div", "bar");
    this.#bar.append(element("div"));
    const knobs = element("div", "knobs");
    knobs.append(...[this.#model, new Toggle(line, `${VOICE}/${number}/mute`, {name: "Mute"}), knob("gain", "Gain", 0.5), knob("pan", "Pan", 0.05),
                     knob("transpose", "Transpose", 1), knob("temperature", "Temperature", 0.05)].map(each => each.element));
    this.element.append(this.#title, this.#bar, knobs);
  }

  choices(names) {
    this.#model.choices(names);
  }

  hear(number, values) {
    const state = Object.fromEntries(VOICE_STATE.map((name, place) => [name, values[place]]));
    const hears = [state.channel ? `channel ${state.channel}` : "", state.low > 0 || state.high < 127 ? `keys ${state.low}..${state.high}` : ""];
    const title = [`Voice ${number}`, ...hears.filter(Boolean)].join(", ");
    if (this.#title.textContent !== title) this.#title.textContent = title;
    for (const hear of this.#listeners) hear(state);
  }

  level(level) {
    const db = level > 0 ? 20 * Math.log10(level) : -Infinity;
    this.#bar.firstChild.style.transform = `scaleX(${Math.min(1, Math.max(0, 1 - db / SOFTEST_DB))})`;
    this.element.classList.toggle("alarm", db > LOUD_DB);
  }
}
