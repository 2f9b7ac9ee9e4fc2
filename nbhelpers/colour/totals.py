"""A statistic of photos in CIELAB, summed over many of them in parallel."""

from __future__ import annotations

from functools import reduce
from operator import add

import joblib

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.system import one_thread


def total(of, photos, n: int | None = None, jobs: int | None = None):
    """The sum of a statistic over many photos, in parallel.

    Photos that cannot be read are skipped with a warning. The order of the sum is fixed, so the result does not depend
    on `jobs`.

    Parameters
    ----------
    of : callable
        CIELAB float32 (H, W, 3) -> something that can be added.
    photos : Photos
        Where to read.
    n : int, optional
        How many photos to take, from the first; None takes all.
    jobs : int, optional
        How many run at once; None takes those of the surrounding `system.backend`.

    Returns
    -------
    object
        The sum, of the type that `of` returns.

    Raises
    ------
    ValueError
        When no photo is left.
    """
    n = len(photos) if n is None else min(n, len(photos))
    tasks = (joblib.delayed(_of_chunk)(of, photos[start : min(start + 8, n)]) for start in range(0, n, 8))
    with one_thread():
        parts = joblib.Parallel(n_jobs=jobs, prefer="threads")(tasks)
    found = [item for part in parts for item in part]
    if not found:
        raise ValueError("no photo to learn from: the list of photos is empty or none could be read")
    return reduce(add, found)


def _of_chunk(of, photos) -> list:
    with one_thread():
        return [of(rgb_to_lab(rgb)) for _, rgb in photos.read()]
