"""How the learning rate moves: a function of the step alone, so that a resumed training has the same."""

from __future__ import annotations

import math

WARM_UP = 0.1  # the share of the steps in which "warmup-cosine" rises


def rate_factor(schedule: str, step: int, total: int) -> float:
    """What to multiply the training configuration's rate with.

    Parameters
    ----------
    schedule : str
        "constant": 1 at each step. "warmup-cosine": a linear warm-up over the first tenth of the steps, then half a
        cosine down, without restarts.
    step : int
        The step, counted from 0.
    total : int
        The number of steps.

    Returns
    -------
    float
        In (0, 1]; after the warm-up at least 0.001.

    References
    ----------
    Loshchilov and Hutter 2017, equation 5.
    """
    if schedule == "constant":
        return 1.0
    rising = max(1, round(WARM_UP * total))
    if step < rising:
        return (step + 1) / rising
    return max(1e-3, 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, total - rising))))
