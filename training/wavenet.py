"""The net of `livewave.render.wavenet` in PyTorch, parallel over time.

Channels last, one matrix product per gate over [past | current | y] and one for all skips: 2.5 times a stack of Conv1d on a CPU.
Equations 2 and 3 of Manzelli et al. 2018. `tests/parity` proves it equal to cached generation.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from livewave.render.wavenet import (
    CLASSES, HINT_CHANNELS, MULAW, PITCHES, SILENCE_CLASS, WaveNetSpec, Weights, mulaw_encode, phase_steps,
)
from training.stack import gated_stack

WAVEFORM_GAIN = 4.0  # the waveform taps see this multiple of the signal while training; folded into the weights


class WaveNet(nn.Module):
    """Parameters are matrices [inputs, outputs]; `weights()` names and shapes them as `livewave.render.wavenet.shapes` does."""

    def __init__(self, spec: WaveNetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("decoded", torch.tensor(MULAW), persistent=False)
        R, S, A, C = spec.residual_channels, spec.skip_channels, spec.out_channels, spec.cond_channels
        self.input_bias = nn.Parameter(torch.zeros(R))
        if spec.class_kernel:
            self.input_classes = nn.Parameter(_initial_embedding(spec.class_kernel, R))
        if spec.input_kernel:
            self.input_waveform = nn.Parameter(torch.randn(spec.input_kernel, R) * spec.input_kernel**-0.5)
        if spec.hint != "none":
            self.hint = nn.Parameter(torch.randn(HINT_CHANNELS, R) * 0.3)
        if C:
            self.condition_kernel = nn.Parameter(torch.randn(spec.roll_kernel, PITCHES, C) * 0.5)
            self.condition_bias = nn.Parameter(torch.zeros(C))
            self.condition = nn.ParameterList(nn.Parameter(torch.randn(C, 2 * R) * 0.25) for _ in spec.dilations)
        self.gate = nn.ParameterList(_xavier(2 * R, 2 * R, 1.2) for _ in spec.dilations)
        self.gate_bias = nn.ParameterList(nn.Parameter(torch.zeros(2 * R)) for _ in spec.dilations)
        self.residual = nn.ParameterList(_xavier(R, R, 0.7) for _ in spec.dilations[1:])
        self.skip = _xavier(spec.layers * R, S, 1.0)
        self.skip_bias = nn.Parameter(torch.zeros(S))
        self.hidden = _xavier(S, A, 1.4)
        self.hidden_bias = nn.Parameter(torch.zeros(A))
        self.logits = nn.Parameter(torch.randn(A, spec.outputs) * 0.5 * A**-0.5)
        self.logits_bias = nn.Parameter(torch.zeros(spec.outputs))

    def forward(self, heard: Tensor, roll: Tensor | None, hint: Tensor | None = None, first: int = 0,
                dtype: torch.dtype = torch.float32) -> Tensor:
        """Logits [batch, samples - first, outputs] of every sample from `first` on, given what was heard before it.

        heard  int64 classes or float32 samples (logistic) [batch, samples]  entry t is the sample before output t
        roll   uint8 [batch, columns, 128]  columns divide samples; each is held. None for an unconditioned net
        hint   float32 [batch, samples, 4]  where the spec has one
        dtype  of activations and products; float32 or bfloat16
        """
        x = self._input(heard, hint).to(dtype)
        y = self._condition(roll, heard.shape[1]).to(dtype) if self.spec.cond_channels else None
        gates = gated_stack(x, y, first, self.spec.dilations, self.gate, self.gate_bias,
                            self.condition if y is not None else (), self.residual)
        skip = F.linear(gates, 0.5 * self.skip.to(dtype).T, self.skip_bias.to(dtype))
        hidden = F.linear(F.relu(skip), self.hidden.to(dtype).T, self.hidden_bias.to(dtype))
        return F.linear(F.relu(hidden), self.logits.to(dtype).T, self.logits_bias.to(dtype))

    def teacher_force(self, samples: np.ndarray, roll: np.ndarray) -> np.ndarray:
        """What `Engine.feed` writes into its logits, from a fresh state: float32 [samples, outputs].

        samples  float32 [samples];  roll  uint8 [columns, 128]
        """
        heard = self.heard(np.concatenate(([0.0], samples[:-1]))[None])
        columns = torch.from_numpy(roll)[None]
        hint = torch.from_numpy(plain_hint(self.spec, roll, len(samples)))[None] if self.spec.hint != "none" else None
        with torch.no_grad():
            return self(heard, columns, hint)[0].numpy()

    def heard(self, samples: np.ndarray) -> Tensor:
        """float samples -> what `forward` hears: mu-law classes, or the samples themselves."""
        samples = np.asarray(samples, np.float32)
        return torch.from_numpy(mulaw_encode(samples).astype(np.int64) if self.spec.output == "mulaw" else samples)

    def _input(self, heard: Tensor, hint: Tensor | None) -> Tensor:
        spec, x = self.spec, self.input_bias
        for tap in range(spec.class_kernel):
            x = x + F.embedding(F.pad(heard, (tap, 0), value=SILENCE_CLASS)[:, : heard.shape[1]], self.input_classes[tap])
        if spec.input_kernel:
            waveform = self.decoded[heard] if spec.output == "mulaw" else heard
            silence = float(MULAW[SILENCE_CLASS]) if spec.output == "mulaw" else 0.0
            padded = F.pad(waveform, (spec.input_kernel - 1, 0), value=silence) * WAVEFORM_GAIN
            x = x + F.conv1d(padded[:, None], self.input_waveform.flip(0).T[:, None]).transpose(1, 2)
        return x if hint is None else x + hint @ self.hint

    def _condition(self, roll: Tensor, samples: int) -> Tensor:
        """y at the sample rate: each tap is projected once a column, then held and shifted by its lag in samples."""
        held = samples // roll.shape[1]
        encoded = (roll > 0).float() if self.spec.roll_encoding == "binary" else roll.float() / 127.0
        y = self.condition_bias
        for tap in range(self.spec.roll_kernel):
            projected = (encoded @ self.condition_kernel[tap]).repeat_interleave(held, dim=1)
            y = y + F.pad(projected, (0, 0, tap, 0))[:, :samples]
        return y

    def weights(self) -> Weights:
        """The parameters as NumPy arrays, ready for an engine or the exporter."""
        spec, R = self.spec, self.spec.residual_channels
        gate = torch.stack(list(self.gate))
        table = {
            "input_bias": self.input_bias, "past": gate[:, :R], "current": gate[:, R:],
            "gate_bias": torch.stack(list(self.gate_bias)), "skip": self.skip.view(spec.layers, R, -1),
            "skip_bias": self.skip_bias, "hidden": self.hidden, "hidden_bias": self.hidden_bias,
            "logits": self.logits, "logits_bias": self.logits_bias,
        }
        if spec.layers > 1:
            table["residual"] = torch.stack(list(self.residual))
            table["residual_bias"] = torch.zeros(spec.layers - 1, R)  # a constant in x: the next gate biases already say it
        if spec.class_kernel:
            table["input_classes"] = self.input_classes
        if spec.input_kernel:
            table["input_waveform"] = self.input_waveform * WAVEFORM_GAIN
        if spec.hint != "none":
            table["hint"] = self.hint
        if spec.cond_channels:
            table |= {"condition_kernel": self.condition_kernel, "condition_bias": self.condition_bias,
                      "condition": torch.stack(list(self.condition))}
        return {name: np.ascontiguousarray(value.detach().float().cpu().numpy()) for name, value in table.items()}

    def load_weights(self, weights: Weights) -> None:
        """The inverse of `weights`. Raises ValueError for a residual bias, which this graph does not have."""
        if np.any(weights.get("residual_bias", 0.0)):
            raise ValueError("residual_bias is not zero; the training graph has none")
        w = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
        state = {"gate." + str(k): torch.cat((w["past"][k], w["current"][k])) for k in range(self.spec.layers)}
        for name in ("gate_bias", "residual", "condition"):
            state |= {f"{name}.{k}": row for k, row in enumerate(w.get(name, ()))}
        for name in ("input_bias", "skip_bias", "hidden", "hidden_bias", "logits", "logits_bias", "input_classes",
                     "hint", "condition_kernel", "condition_bias"):
            if name in w:
                state[name] = w[name]
        state["skip"] = w["skip"].flatten(0, 1)
        if "input_waveform" in w:
            state["input_waveform"] = w["input_waveform"] / WAVEFORM_GAIN
        self.load_state_dict(state)


def plain_hint(spec: WaveNetSpec, roll: np.ndarray, samples: int) -> np.ndarray:
    """float32 [samples, 4]: the f0 hint as an engine makes it, a plain oscillator per sounding pitch from sample 0 on."""
    held, time = samples // len(roll), np.arange(samples, dtype=np.uint64)
    out, steps = np.zeros((samples, HINT_CHANNELS)), phase_steps(spec)
    for pitch in np.flatnonzero(roll.any(0)):
        on = np.repeat(roll[:, pitch] > 0, held)
        for harmonic in (1, 2):
            if harmonic * int(steps[pitch]) < 2**31:
                turns = (time * np.uint64(harmonic * int(steps[pitch])) % np.uint64(2**32)) / 2.0**32
                out[:, 2 * harmonic - 2] += on * np.cos(2 * np.pi * turns)
                out[:, 2 * harmonic - 1] += on * np.sin(2 * np.pi * turns)
    return out.astype(np.float32)


def _xavier(inputs: int, outputs: int, gain: float) -> nn.Parameter:
    return nn.Parameter(torch.randn(inputs, outputs) * gain * (2.0 / (inputs + outputs)) ** 0.5)


def _initial_embedding(taps: int, width: int) -> Tensor:
    """Neighbouring classes start as neighbours: a ramp in class and a ramp in amplitude along random directions."""
    curve = torch.linspace(-1.0, 1.0, CLASSES)[:, None]
    table = 0.1 * torch.randn(taps, CLASSES, width)
    return table + curve * torch.randn(taps, 1, width) + 0.5 * torch.tensor(MULAW)[:, None] * torch.randn(taps, 1, width)
