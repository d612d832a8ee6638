// Pitches: their names, and which of them a vector of the daemon holds.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
export const HIGHEST = 127, OCTAVE = 12;

export const nameOf = pitch => NAMES[pitch % OCTAVE] + (Math.floor(pitch / OCTAVE) - 1);  // 60 is C4
export const isBlack = pitch => [1, 3, 6, 8, 10].includes(pitch % OCTAVE);

// bits: 16 bytes, the lowest bit of byte 0 is pitch 0.
export function pitchesOf(bits) {
  const pitches = new Set();
  for (let pitch = 0; pitch <= HIGHEST; pitch++)
    if (bits[pitch >> 3] >> (pitch & 7) & 1) pitches.add(pitch);
  return pitches;
}
