// Elements, and the players of a screen: an <audio> each, for it plays beside a page of file:// and through the mute
// switch of a phone, where other ways of playing do not.

const HEAR_S = 2;  // of a clip, or all of a shorter one, before it counts as heard
const find = id => document.getElementById(id);

function make(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties || {})) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter(child => child !== null && child !== undefined));
  return element;
}

function icon(path, className) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS("http://www.w3.org/2000/svg", "path"));
  svg.firstChild.setAttribute("d", path);
  return svg;
}

function say(text, alarm) {
  find("say").textContent = text;
  find("say").className = alarm ? "alarm" : "";
}

let players = [], current = null;

function address(clip) {
  if (test.folder) return test.folder + clip + ".flac";
  const text = document.querySelector(`[data-clip="${clip}"]`).textContent;
  const bytes = Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  return URL.createObjectURL(new Blob([bytes], {type: "audio/flac"}));
}

class Player {
  constructor(clip, letter, name, small) {
    Object.assign(this, {clip, name, plays: 0, heard: 0, from: 0, done: false, judged: false});
    this.bar = make("span", {className: "bar"});
    const onclick = () => this.toggle();
    this.button = make("button", {type: "button", className: small ? "play small" : "play", onclick},
      icon("M3 1.5v13l11-6.5z", "start"), icon("M3 2h4v12H3zM9 2h4v12H9z", "stop"),
      make("span", {className: "letter"}, letter), make("span", {className: "tick", "aria-hidden": "true"}, "✓"),
      this.bar);
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.audio.src = address(clip);
    this.audio.onplay = () => { this.from = this.audio.currentTime; this.show(); };
    this.audio.onpause = () => { this.count(); this.show(); };
    this.audio.onended = () => { this.done = true; this.show(); };
    this.audio.onerror = () => say(`${this.name} cannot be played here. This test needs a browser that plays FLAC:`
      + " a current Chrome, Edge, Firefox or Safari.", true);
    this.show();
    players.push(this);
  }

  get playing() { return !this.audio.paused && !this.audio.ended; }
  get midway() { return this.audio.paused && !this.audio.ended && this.audio.currentTime > 0; }
  get isHeard() { return this.done || this.heard >= HEAR_S; }

  count() {
    this.heard += Math.max(0, this.audio.currentTime - this.from);
    this.from = this.audio.currentTime;
  }

  show() {
    this.button.classList.toggle("playing", this.playing);
    this.button.classList.toggle("heard", this.isHeard);
    const action = this.playing ? "Pause" : "Play", heard = this.isHeard ? ", heard" : "";
    this.button.setAttribute("aria-label", `${action} ${this.name}${heard}`);
    this.bar.style.transform = `scaleX(${this.audio.duration ? this.audio.currentTime / this.audio.duration : 0})`;
  }

  toggle() {
    if (this.playing) this.audio.pause();
    else this.play(this.midway);
  }

  play(resume) {
    for (const other of players) if (other !== this) {
      other.audio.pause();
      other.audio.currentTime = 0;
      other.show();
    }
    if (!resume) {
      this.audio.currentTime = 0;
      this.plays += 1;
    }
    current = this;
    this.audio.play().catch(error => {
      if (error.name !== "AbortError") this.audio.onerror();  // aborted: it was paused at once
    });
  }
}

function silence() {
  for (const player of players) {
    player.audio.onerror = null;
    player.audio.pause();
    if (!test.folder) URL.revokeObjectURL(player.audio.src);
    player.audio.removeAttribute("src");
  }
  players = [];
  current = null;
}

const judged = () => players.filter(player => player.judged);
const unheard = () => judged().find(player => !player.isHeard);

// What the space bar plays when nothing is playing: what was paused, else what has not been heard, else another clip.
function turn() {
  const asked = judged().length ? judged() : players;
  if (current && current.midway) return current;
  return asked.find(player => !player.isHeard) || asked.find(player => player !== current) || asked[0];
}
