// OSC 1.0 messages as bytes, both ways: the packets that the daemon hears by UDP and TCP.
// Whole numbers go out as i, others as f, texts as s, Uint8Array as b; the daemon takes i and f for one another.

const SMALLEST_INT = -(2 ** 31), LARGEST_INT = 2 ** 31 - 1;
const letters = new TextEncoder(), text = new TextDecoder();

export function encode(address, ...values) {
  const tags = values.map(tagOf);
  const parts = [string(address), string("," + tags.join("")), ...values.map((value, number) => WRITE[tags[number]](value))];
  const packet = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let place = 0;
  for (const part of parts) {
    packet.set(part, place);
    place += part.length;
  }
  return packet;
}

// {address, values} of one message. Throws RangeError for bytes that are none, or hold a type that is never sent here.
export function decode(packet) {
  const reader = new Reader(packet);
  const address = reader.string();
  if (address[0] !== "/") throw new RangeError("neither a message nor a bundle");
  const tags = reader.done ? "," : reader.string();
  if (tags[0] !== ",") throw new RangeError("type tags without a comma");
  const values = [...tags.slice(1)].map(tag => {
    if (!Object.hasOwn(READ, tag)) throw new RangeError(`type tag ${tag}`);
    return READ[tag](reader);
  });
  return {address, values};
}

function tagOf(value) {
  switch (typeof value) {
    case "number": return Number.isInteger(value) && value >= SMALLEST_INT && value <= LARGEST_INT ? "i" : "f";
    case "string": return "s";
    case "boolean": return value ? "T" : "F";
  }
  if (value instanceof Uint8Array) return "b";
  throw new TypeError(`${value} has no place in an OSC message`);
}

const padded = size => (size + 3) & ~3;

function string(value) {
  const bytes = letters.encode(value), out = new Uint8Array(padded(bytes.length + 1));  // it ends with a zero at least
  out.set(bytes);
  return out;
}

function number(size, write) {
  const out = new Uint8Array(size);
  write(new DataView(out.buffer));
  return out;
}

function blob(bytes) {
  const out = new Uint8Array(4 + padded(bytes.length));
  new DataView(out.buffer).setInt32(0, bytes.length);
  out.set(bytes, 4);
  return out;
}

const nothing = new Uint8Array(0);
const WRITE = {
  i: value => number(4, view => view.setInt32(0, value)),
  f: value => number(4, view => view.setFloat32(0, value)),
  s: string, b: blob, T: () => nothing, F: () => nothing,
};
const READ = {
  i: reader => reader.number(4, "getInt32"),
  f: reader => reader.number(4, "getFloat32"),
  d: reader => reader.number(8, "getFloat64"),
  h: reader => Number(reader.number(8, "getBigInt64")),
  s: reader => reader.string(),
  b: reader => reader.blob(),
  T: () => true, F: () => false, N: () => null,
};

class Reader {
  #bytes; #view; #place = 0;

  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get done() {
    return this.#place >= this.#bytes.length;
  }

  number(size, get) {
    const value = this.#view[get](this.#place);
    this.#place += size;
    return value;
  }

  string() {
    const end = this.#bytes.indexOf(0, this.#place);
    if (end < 0) throw new RangeError("a string without an end");
    const value = text.decode(this.#bytes.subarray(this.#place, end));
    this.#place = padded(end + 1);
    return value;
  }

  blob() {
    const size = this.number(4, "getInt32"), end = this.#place + size;
    if (size < 0 || end > this.#bytes.length) throw new RangeError(`a blob of ${size} bytes`);
    const value = this.#bytes.slice(this.#place, end);
    this.#place = padded(end);
    return value;
  }
}
