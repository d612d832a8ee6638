// One control each: a slider, a choice, a few buttons of which one is down. Each sends its address, and shows what the status says,
// unless somebody is just turning it. Ranges and meanings are those of the tables.

import {ADDRESSES} from "./tables.js";

const HELD_MS = 700;  // after it was turned, until the status counts again
const ASKED_MS = 5000;  // the same for what is answered by done or fail
const SEND_MS = 30;  // between two messages of a slider

let made = 0;

// Voices share a row: what is said of voice N counts for each.
const rowOf = address => ADDRESSES[address] || ADDRESSES[address.replace(/\/\d+\//, "/N/")];

class Knob {
  #touchedMs = -Infinity; #heldMs = HELD_MS;

  constructor(link, address) {
    this.link = link;
    this.address = address;
    this.row = rowOf(address);
    for (const answer of ["/livewave/done", "/livewave/fail"])
      link.on(answer, about => about === address && this.free());
    link.onStatus(status => performance.now() - this.#touchedMs > this.#heldMs && this.show(status));
  }

  touch(heldMs = HELD_MS) {
    [this.#touchedMs, this.#heldMs] = [performance.now(), heldMs];
  }

  free() {
    this.#touchedMs = -Infinity;
  }
}

const SHORT = {semitones: "st"};  // of units that would take the room of a name

// A slider for one of the arguments of an address; all of them are sent.  step; shown: its value as text
export class Slider extends Knob {
  #input; #output; #number; #shown; #digits; #others; #sentMs = -Infinity; #timer = 0;

  constructor(link, address, {name, step, number = 0, shown}) {
    super(link, address);
    const argument = this.row.arguments[number];
    [this.#number, this.#digits] = [number, step < 0.1 ? 2 : step < 1 ? 1 : 0];
    this.#shown = shown || (value => `${value.toFixed(this.#digits).replace("-", "−")} ${SHORT[argument.unit] ?? argument.unit}`.trim());
    this.element = element("label", "knob");
    this.element.title = this.row.meaning;
    this.#output = element("span", "value");  // an output would take the label for itself
    this.#output.setAttribute("aria-hidden", "true");
    this.#input = element("input");
    Object.assign(this.#input, {type: "range", min: argument.low, max: argument.high, step});
    this.#input.dataset.address = address;
    this.#input.dataset.argument = argument.name;
    this.element.append(element("span", "name", name), this.#output, this.#input);
    this.#input.addEventListener("input", () => this.#turn());
  }

  // The other sliders of the same address.
  beside(...others) {
    this.#others = others;
    return this;
  }

  get value() {
    return Number(this.#input.value);
  }

  show(status) {
    const value = status[this.row.status[this.#number]];
    if (value === undefined) return;
    setSlider(this.#input, value);
    this.#write(value);
  }

  #write(value) {
    const text = this.#shown(value);
    this.#output.textContent = text;
    this.#input.setAttribute("aria-valuetext", text);
  }

  #turn() {
    this.touch();
    setSlider(this.#input, this.value);
    this.#write(this.value);
    for (const other of this.#others || []) other.touch();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), Math.max(0, this.#sentMs + SEND_MS - performance.now()));
  }

  #send() {
    this.#sentMs = performance.now();
    const values = this.row.arguments.map((_, number) => [this, ...(this.#others || [])].find(slider => slider.#number === number).value);
    this.link.send(this.address, ...values);
  }
}

// The part of its track up to the value is drawn bright.
export function setSlider(input, value) {
  input.value = value;
  input.style.setProperty("--share", `${100 * (input.value - input.min) / (input.max - input.min)}%`);
}

// A list to choose from. choices: texts to be sent, or [text, values to be sent];  answered: whether done or fail follows
export class Choice extends Knob {
  #select; #values = new Map();

  constructor(link, address, {name, choices, answered = false}) {
    super(link, address);
    this.element = element("label", "knob");
    this.element.title = this.row.meaning;
    this.#select = element("select");
    this.#select.dataset.address = address;
    this.element.append(element("span", "name", name), this.#select);
    this.choices(choices);
    let pointed = false;
    this.#select.addEventListener("pointerdown", () => pointed = true);
    this.#select.addEventListener("keydown", () => pointed = false);
    this.#select.addEventListener("change", () => {
      this.touch(answered ? ASKED_MS : HELD_MS);
      link.send(address, ...this.#values.get(this.#select.value));
      if (pointed) this.#select.blur();  // letters are notes again
    });
  }

  choices(texts) {
    const chosen = this.#select.value;
    this.#values = new Map(texts.map(text => Array.isArray(text) ? text : [text, [text]]));
    this.#select.replaceChildren(...[...this.#values.keys()].map(text => new Option(text, text)));
    this.#choose(chosen, [chosen]);
  }

  show(status) {
    const values = this.row.status.map(name => status[name]);
    if (values.includes(undefined)) return;
    const known = [...this.#values].find(([, sent]) => sent.every((value, place) => value === values[place]));
    this.#choose(known ? known[0] : values.join("/"), values);
  }

  // What the list lacks is added: the daemon may have been told by somebody else.
  #choose(text, values) {
    if (!text) return;
    if (!this.#values.has(text)) {
      this.#values.set(text, values);
      this.#select.append(new Option(text, text));
    }
    if (this.#select.value !== text) this.#select.value = text;
  }
}

// A button that stays down, for an argument that is 1 or 0.
export class Toggle extends Knob {
  #on = false;

  constructor(link, address, {name}) {
    super(link, address);
    this.element = element("button", "", name);
    Object.assign(this.element, {type: "button", title: this.row.meaning});
    this.element.dataset.address = address;
    this.#write(false);
    this.element.addEventListener("click", () => {
      this.touch();
      this.#write(!this.#on);
      link.send(address, this.#on ? 1 : 0);
    });
  }

  show(status) {
    const value = status[this.row.status[0]];
    if (value !== undefined) this.#write(Boolean(value));
  }

  #write(on) {
    this.#on = on;
    this.element.setAttribute("aria-pressed", on);
  }
}

// A few choices, one of which is down.
export class Modes extends Knob {
  #inputs = new Map();

  constructor(link, address, {name}) {
    super(link, address);
    this.element = element("fieldset", "modes");
    this.element.title = this.row.meaning;
    this.element.append(element("legend", "", name));
    const group = `modes-${made++}`;
    for (const choice of this.row.arguments[0].choices) {
      const label = element("label"), input = element("input");
      Object.assign(input, {type: "radio", name: group, value: choice});
      input.dataset.address = address;
      label.append(input, element("span", "", choice));
      input.addEventListener("change", () => {
        this.touch(ASKED_MS);
        link.send(address, choice);
      });
      this.#inputs.set(choice, input);
      this.element.append(label);
    }
  }

  show(status) {
    const input = this.#inputs.get(status[this.row.status[0]]);
    if (input && !input.checked) input.checked = true;
  }
}

// A button that sends its address. `twice`: once more within three seconds, for what cannot be taken back.
export function action(link, address, name, {twice = false, then = () => {}} = {}) {
  const button = element("button", "", name);
  let asked = 0;
  const calm = () => {
    asked = 0;
    button.textContent = name;
    button.classList.remove("asked");
  };
  Object.assign(button, {type: "button", title: ADDRESSES[address].meaning});
  button.dataset.address = address;
  button.addEventListener("click", () => {
    if (twice && !asked) {
      button.textContent = `${name}: press again`;
      button.classList.add("asked");
      asked = setTimeout(calm, 3000);
      return;
    }
    clearTimeout(asked);
    calm();
    link.send(address);
    then();
  });
  return {element: button};
}

export function element(kind, name = "", text = "") {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}
