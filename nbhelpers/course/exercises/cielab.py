"""What the answers to the exercises of notebook 01 must hold to."""

from __future__ import annotations

import numpy as np

from nbhelpers.course.exercises.properties import agree


def cube_root(theirs) -> None:
    """CIELAB's f, whose straight piece near black is its point."""

    def ours(t):
        return np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)

    rng = np.random.default_rng(0)
    agree("it is 1 for white", theirs, ours, [(np.array([1.0]),)])
    agree("above (6/29)³ it is the cube root", theirs, ours, [(rng.uniform(0.01, 1, size),) for size in (1, 2, 100)])
    agree("below (6/29)³ it is a straight line", theirs, ours, [(np.linspace(0, 0.008, size),) for size in (1, 2, 100)])
    agree("an array keeps its shape", theirs, ours, [(rng.uniform(0, 1, (2, 3)),)])
