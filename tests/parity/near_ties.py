"""When two engines may draw differently: only where logits that differ by the tolerance lead to different samples."""

from __future__ import annotations

import numpy as np

from livewave.render.wavenet import WaveNetSpec, draw


def _slack(logits: np.ndarray, tolerance: float) -> float:
    return tolerance * float(np.sqrt(np.mean(logits.astype(np.float64) ** 2)))


def near_tie(logits: np.ndarray, chosen: int, uniform: float, temperature: float, tolerance: float) -> bool:
    """True when logits within `tolerance` of these could have made `chosen` the draw."""
    off = _slack(logits, tolerance)
    if temperature == 0.0:
        return logits.max() - logits[chosen] <= 2 * off
    odds = np.exp((logits.astype(np.float64) - logits.max()) / temperature)
    cumulative = np.concatenate(([0.0], np.cumsum(odds))) / odds.sum()
    reach = 2 * off / temperature + 1e-6
    return cumulative[chosen] - reach <= uniform <= cumulative[chosen + 1] + reach


def drawn_between(spec: WaveNetSpec, logits: np.ndarray, uniform: float, temperature: float,
                  tolerance: float) -> tuple[float, float]:
    """Least and most that logits of a logistic net within `tolerance` of these could have drawn."""
    off = _slack(logits, tolerance)
    reach = 2 * off / temperature + 1e-6 if temperature else 0.0
    values = [draw(spec, logits, min(max(uniform + way * reach, 0.0), 1.0), temperature) for way in (-1, 0, 1)]
    margin = 3 * off  # off in the mean, and in the logarithm of a spread of 2 at most
    return min(values) - margin, max(values) + margin
