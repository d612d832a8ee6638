// The line to the daemon, through the panel's server: messages out, what it says in, and whether anybody is there.

import {decode, encode} from "./osc.js";

export const PLAYING = "playing", SILENT = "silent", NO_DAEMON = "no daemon", NO_PANEL = "no panel";

const FIRST_RETRY_MS = 250, LONGEST_RETRY_MS = 2000;
const STATUS_MS = 250;  // between two looks at the status
const SILENT_MS = 2000;  // it speaks 20 times a second

// state   one of the four above;  daemon  where it is, HOST:PORT;  status  its values by name, as they were told last
export class Link {
  state = NO_PANEL;
  daemon = "";
  status = {};
  #url; #socket; #retryMs = FIRST_RETRY_MS; #heardMs = 0; #askedMs = 0;
  #hearers = new Map();
  #states = [];
  #statuses = [];

  constructor(url) {
    this.#url = url;
  }

  begin() {
    this.on("/livewave/status.reply", (...values) => this.#takeStatus(values));
    this.#open();
    setInterval(() => this.#look(), STATUS_MS);
  }

  // What is said while nobody is there is not said later: a note would come too late.
  send(address, ...values) {
    if (this.state === PLAYING || this.state === SILENT) this.#socket.send(encode(address, ...values));
  }

  on(address, hear) {
    this.#hearers.set(address, [...(this.#hearers.get(address) || []), hear]);
  }

  onState(hear) {
    this.#states.push(hear);
  }

  onStatus(hear) {
    this.#statuses.push(hear);
  }

  #open() {
    const socket = this.#socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({data}) => typeof data === "string" ? this.#hearServer(JSON.parse(data)) : this.#hear(new Uint8Array(data));
    socket.onclose = () => {
      this.#enter(NO_PANEL);
      setTimeout(() => this.#open(), this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
    };
  }

  #hearServer({daemon, connected}) {
    this.#retryMs = FIRST_RETRY_MS;
    this.daemon = daemon;
    this.#heardMs = performance.now();
    this.#askedMs = 0;
    this.#enter(connected ? PLAYING : NO_DAEMON);
    this.#look();
  }

  #hear(packet) {
    this.#heardMs = performance.now();
    if (this.state === SILENT) this.#enter(PLAYING);
    let message;
    try {
      message = decode(packet);
    } catch (error) {
      console.info("a packet that is no message:", error.message);
      return;
    }
    for (const hear of this.#hearers.get(message.address) || []) hear(...message.values);
  }

  // Ask how it is, unless the last answer is still to come; notice that it says nothing any more.
  #look() {
    const now = performance.now();
    if (this.state === PLAYING && now - this.#heardMs > SILENT_MS) this.#enter(SILENT);
    if (this.#askedMs && now - this.#askedMs < SILENT_MS) return;
    this.#askedMs = now;
    this.send("/livewave/status");
  }

  #takeStatus(values) {
    this.#askedMs = 0;
    const status = {};
    for (let place = 0; place + 1 < values.length; place += 2) status[values[place]] = values[place + 1];
    this.status = status;
    for (const hear of this.#statuses) hear(status);
  }

  #enter(state) {
    if (state === this.state) return;
    const before = this.state;
    this.state = state;
    for (const hear of this.#states) hear(state, before);
  }
}
