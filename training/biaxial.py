"""The biaxial LSTM in PyTorch, and what it is taught by.

LSTMs along time, the same for every note, then LSTMs along the notes of a step from the lowest up, each told what was
chosen for the note below; for each note the logits of play and articulate, and where `spec.velocity` its velocity.

Source: Johnson 2017, "Generating Polyphonic Music Using Tied Parallel Networks" (BALSTM); velocity after Mao et al. 2018, DeepJ.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from livewave.music.biaxial import ARTICULATE, PLAY, VELOCITY, BiaxialSpec

FEW_PLAY = -3.5  # log odds of a note at the start of training: 3 in 100 sound

States = list[tuple[Tensor, Tensor]]


class Biaxial(nn.Module):
    """The net of `spec`. Dropout falls behind every LSTM while training."""

    def __init__(self, spec: BiaxialSpec, dropout: float = 0.5) -> None:
        super().__init__()
        self.spec = spec
        along_time = [spec.features, *spec.time_units]
        along_notes = [spec.time_units[-1] + spec.choices, *spec.note_units]
        self.time = nn.ModuleList(nn.LSTM(before, units) for before, units in zip(along_time, spec.time_units))
        self.note = nn.ModuleList(nn.LSTM(before, units) for before, units in zip(along_notes, spec.note_units))
        self.out = nn.Linear(spec.note_units[-1], spec.choices)
        self.dropout = nn.Dropout(dropout)
        with torch.no_grad():
            self.out.bias[PLAY] = FEW_PLAY

    def forward(self, features: Tensor, chosen: Tensor, states: States | None = None) -> tuple[Tensor, States]:
        """Logits of every note of every step, and the states along time after the last of them.

        features  float32 [steps, batch, notes, 80 or 81]
        chosen    float32 [steps, batch, notes, 2 or 3]  what sounds in the steps themselves: the note below is shown to each
        returns   float32 [steps, batch, notes, 2 or 3]
        """
        steps, batch, notes, _ = features.shape
        x, after = features.reshape(steps, batch * notes, -1), []
        for place, lstm in enumerate(self.time):
            x, state = lstm(x, states[place] if states else None)
            x = self.dropout(x)
            after.append(state)
        below = F.pad(chosen, (0, 0, 1, 0))[:, :, :notes]
        x = torch.cat((x.view(steps, batch, notes, -1), below), -1)
        x = x.permute(2, 0, 1, 3).reshape(notes, steps * batch, -1)
        for lstm in self.note:
            x = self.dropout(lstm(x)[0])
        return self.out(x).view(notes, steps, batch, -1).permute(1, 2, 0, 3), after


def chosen_of(rows: Tensor, spec: BiaxialSpec) -> Tensor:
    """float32 [..., notes, 2 or 3]: rows, uint8 [..., notes, 3], as the net is shown them and asked for them."""
    if not spec.velocity:
        return rows[..., :2].float()
    return torch.cat((rows[..., :2].float(), rows[..., VELOCITY:].float() / 127.0), -1)


def nats(logits: Tensor, chosen: Tensor) -> Tensor:
    """float32 [steps, batch]: what each step costs, summed over its notes: cross-entropy of play, and, where a note plays,
    of articulate. Where it does not play, articulate means nothing and teaches nothing.

    logits, chosen  float32 [steps, batch, notes, 2 or 3]
    """
    each = F.binary_cross_entropy_with_logits(logits[..., :2], chosen[..., :2], reduction="none")
    return (each[..., PLAY] + each[..., ARTICULATE] * chosen[..., PLAY]).sum(-1)


def velocity_error(logits: Tensor, chosen: Tensor) -> Tensor:
    """float32 [steps, batch]: squared errors of velocity, 0..1, summed over the notes that play."""
    wrong = torch.sigmoid(logits[..., VELOCITY]) - chosen[..., VELOCITY]
    return (wrong**2 * chosen[..., PLAY]).sum(-1)
