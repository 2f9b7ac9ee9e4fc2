"""How the learning rate moves: a function of the step alone, so that a resumed training has the same."""

from __future__ import annotations

import math

WARM_UP = 0.1  # the share of the steps in which "warmup-cosine" rises


def rate_factor(schedule: str, step: int, total: int) -> float:
    """What to multiply the configuration's rate with in step `step` of `total`, in (0, 1].

    "constant": 1. "warmup-cosine": a linear warm-up over the first tenth, then half a cosine down (Loshchilov and
    Hutter 2017, equation 5, without restarts).
    """
    if schedule == "constant":
        return 1.0
    rising = max(1, round(WARM_UP * total))
    if step < rising:
        return (step + 1) / rising
    return max(1e-3, 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, total - rising))))
