// How it is: level, latency by stage, load, adherence, and what was lost.

const SOFTEST_DB = -60, LOUD_DB = -1, FALL_DB_A_S = 24;
const BUSY = 0.7;  // of real time
const LEAST_SCALE_MS = 20;  // the latency's bar is full here, or where the latency is
const STAGES = ["queue", "column", "block", "resampler", "ring", "device"];
const COUNTS = {late: "late", restarts: "restarts", faults: "faults", dropped: "dropped"};
const FIGURES_MS = 200;  // between two changes of a figure: faster cannot be read

export class Meters {
  #parts; #level_db = SOFTEST_DB; #peak_db = -Infinity; #shown_s = 0; #figuresMs = 0; #adherence = NaN; #adherenceMs = 0; #load = 0;

  constructor(root, link) {
    this.#parts = Object.fromEntries([...root.querySelectorAll(".meter")].map(part => [part.id, part]));
    this.#makeStages();
    link.on("/livewave/level", level => {
      const db = level > 0 ? 20 * Math.log10(level) : -Infinity;
      this.#level_db = Math.max(this.#level_db, db);
      this.#peak_db = Math.max(this.#peak_db, db);
    });
    link.on("/livewave/load", load => this.#load = load);
    link.on("/livewave/adherence", adherence => [this.#adherence, this.#adherenceMs] = [adherence, performance.now()]);
    link.on("/livewave/underruns", count => this.#count(count));
    link.onStatus(status => this.#take(status));
  }

  // Once a frame: the level falls slowly, so that it can be seen.
  draw(now_s) {
    this.#level_db = Math.max(SOFTEST_DB, this.#level_db - FALL_DB_A_S * Math.min(1, now_s - this.#shown_s));
    this.#shown_s = now_s;
    fill(this.#parts.level, 1 - this.#level_db / SOFTEST_DB, this.#level_db > LOUD_DB);
    if (performance.now() - this.#figuresMs < FIGURES_MS) return;
    this.#figuresMs = performance.now();
    const heard = this.#peak_db > SOFTEST_DB, follows = this.#figuresMs - this.#adherenceMs < 1000;
    figure(this.#parts.level, heard ? `${decibels(this.#peak_db)} dB` : "silent", Math.max(SOFTEST_DB, Math.min(0, this.#peak_db)));
    this.#peak_db = -Infinity;
    fill(this.#parts.load, this.#load, this.#load > BUSY);
    figure(this.#parts.load, `${Math.round(100 * this.#load)} %`, Math.min(100, 100 * this.#load));
    fill(this.#parts.adherence, follows ? this.#adherence : 0, false);
    figure(this.#parts.adherence, follows ? `${Math.round(100 * this.#adherence)} %` : "–", follows ? 100 * this.#adherence : 0);
  }

  // Nobody says anything any more.
  rest() {
    [this.#load, this.#adherenceMs] = [0, 0];
  }

  #makeStages() {
    const bar = this.#parts.latency.querySelector(".bar"), legend = this.#parts.latency.querySelector(".legend");
    for (const stage of STAGES) {
      const part = document.createElement("div"), item = document.createElement("li");
      part.className = item.className = `stage-${stage}`;
      part.dataset.stage = item.dataset.stage = stage;
      bar.append(part);
      legend.append(item);
    }
  }

  #take(status) {
    const latency = this.#parts.latency, scale_ms = Math.max(LEAST_SCALE_MS, status.latency_ms), told = [];
    for (const stage of STAGES) {
      const ms = status[`${stage}_ms`] || 0;
      latency.querySelector(`.bar [data-stage=${stage}]`).style.width = `${100 * ms / scale_ms}%`;
      latency.querySelector(`.legend [data-stage=${stage}]`).textContent = `${stage} ${ms.toFixed(1)}`;
      told.push(`${stage} ${ms.toFixed(1)}`);
    }
    latency.querySelector(".figure").textContent = `${status.latency_ms.toFixed(1)} ms`;
    latency.querySelector(".bar").setAttribute("aria-label", `Latency ${status.latency_ms.toFixed(1)} ms: ${told.join(", ")}`);
    const lost = Object.entries(COUNTS).filter(([name]) => status[name]).map(([name, word]) => `${status[name]} ${word}`);
    this.#parts.lost.querySelector(".more").textContent = lost.join(", ");
    this.#count(status.underruns);
  }

  #count(underruns) {
    this.#parts.lost.querySelector(".figure").textContent = underruns;
    this.#parts.lost.classList.toggle("alarm", underruns > 0);
  }
}

function fill(part, share, alarm) {
  const bar = part.querySelector(".bar > div");
  bar.style.transform = `scaleX(${Math.min(1, Math.max(0, share))})`;
  part.classList.toggle("alarm", alarm);
}

function figure(part, text, value) {
  part.querySelector(".figure").textContent = text;
  part.querySelector(".bar").setAttribute("aria-valuenow", value.toFixed(0));
  part.querySelector(".bar").setAttribute("aria-valuetext", text);
}

const decibels = db => db.toFixed(1).replace("-", "−");
