"""The pitches an instrument plays: a key outside sounds in the nearest octave inside."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from livewave.control.events import Event, NoteOff, NoteOn, RollSet


@dataclass(frozen=True, slots=True)
class Compass:
    """Pitches `low`..`high`, at least an octave; the whole keyboard by default. Keys are transposed by so many semitones first."""

    low: int = 0
    high: int = 127
    transpose: int = 0

    @classmethod
    def of(cls, provenance: dict[str, str]) -> Compass:
        """What the model's card says it plays, else what it was trained on; the whole keyboard where it says nothing usable."""
        try:
            low, high = (int(provenance.get(f"compass.{end}") or provenance[f"data.{end}"]) for end in ("low", "high"))
        except (KeyError, ValueError):
            return cls()
        return cls(low, high) if 0 <= low <= high - 11 <= 116 else cls()

    def fold(self, pitch: int) -> int:
        """Where a key sounds."""
        pitch += self.transpose
        if pitch < self.low:
            return pitch + 12 * -((pitch - self.low) // 12)
        return pitch - 12 * -((self.high - pitch) // 12) if pitch > self.high else pitch

    def fit(self, event: Event) -> Event:
        """The event with its pitches inside; most events pass untouched."""
        if isinstance(event, (NoteOn, NoteOff)):
            folded = self.fold(event.pitch)
            return event if folded == event.pitch else dataclasses.replace(event, pitch=folded)
        if isinstance(event, RollSet):
            return dataclasses.replace(event, vector=self._fold_vector(event.vector))
        return event

    def _fold_vector(self, vector: bytes) -> bytes:
        bits = int.from_bytes(vector, "little")
        folded = 0
        for pitch in range(128):
            if bits >> pitch & 1:
                folded |= 1 << self.fold(pitch)
        return folded.to_bytes(16, "little")
