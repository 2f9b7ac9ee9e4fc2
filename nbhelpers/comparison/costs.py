"""What colorizing costs: processor seconds over pixels, unknown share and photos, and a plan for a million photos."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.hints import hide_pixels
from nbhelpers.system import one_thread

AXES = ("pixels", "unknown", "photos")


def _seconds(colorizer, cases, repeats: int) -> float:
    """The cheapest of several passes over cases, [(lightness, Hints)], in seconds of processor time, all threads."""
    times = []
    for _ in range(repeats):
        began = time.process_time()
        for lightness, hints in cases:
            colorizer.colorize(lightness, hints)
        times.append(time.process_time() - began)
    return min(times)


def measure_costs(colorizers, photos, sizes, shares, counts, unknown: float = 0.8, repeats: int = 3, seed: int = 0):
    """Measure the processor seconds of each colorizer along three axes, in one process.

    Parameters
    ----------
    colorizers : iterable of Colorizer
        What is timed.
    photos : sequence of np.ndarray
        uint8 (H, H, 3), at least max(counts).
    sizes : sequence of int
        The axis "pixels": the middle of the first photo, side x side pixels for each of these.
    shares : iterable of float
        The axis "unknown": the whole first photo at each of these shares of unknown pixels in [0, 1].
    counts : iterable of int
        The axis "photos": the first n photos for each of these n, at the smallest size.
    unknown : float
        The share of unknown pixels in [0, 1] where an axis does not say otherwise.
    repeats : int
        Passes over each setting, of which the cheapest counts.
    seed : int
        Chooses the unknown pixels.

    Returns
    -------
    pd.DataFrame
        method, axis, at (number of pixels, share or number of photos), seconds (of processor time, for all its photos).
    """
    labs, rows = [rgb_to_lab(photo) for photo in photos], []

    def case(lab, side, share):
        edge = (len(lab) - side) // 2
        part = lab[edge : edge + side, edge : edge + side]
        return part[..., 0], hide_pixels(part[..., 1:], share, seed=seed)

    side = len(labs[0])
    settings = [("pixels", n * n, [case(labs[0], n, unknown)]) for n in sizes]
    settings += [("unknown", share, [case(labs[0], side, share)]) for share in shares]
    settings += [("photos", n, [case(lab, min(sizes), unknown) for lab in labs[:n]]) for n in counts]
    with one_thread():  # only the time counts here; the scores say what was solved
        for colorizer in colorizers:
            colorizer.colorize(*settings[0][2][0])  # not counted: the first call fills caches
            rows += [(colorizer.name, axis, at, _seconds(colorizer, cases, repeats)) for axis, at, cases in settings]
    return pd.DataFrame(rows, columns=["method", "axis", "at", "seconds"])


def exponents(costs: pd.DataFrame) -> pd.DataFrame:
    """Fit the slopes of the costs in log-log: seconds grow like x to that power.

    Where the curve is no straight line, as over the unknown share of a solver, the slope only sums it up.

    Parameters
    ----------
    costs : pd.DataFrame
        As `measure_costs` returns it, with all three axes.

    Returns
    -------
    pd.DataFrame
        Methods down; method, pixels, unknown, photos across.
    """
    fitted = {}
    for (method, axis), part in costs.groupby(["method", "axis"], sort=False):
        fitted[method, axis] = np.polyfit(np.log(part["at"]), np.log(part["seconds"]), 1)[0]
    table = pd.Series(fitted).unstack()
    return table.loc[list(dict.fromkeys(costs["method"])), list(AXES)].rename_axis("method").reset_index()


def million(costs: pd.DataFrame, side: int = 400, photos: float = 1e6, cores: int = 64) -> pd.DataFrame:
    """Extrapolate what many photos cost, along the fitted line of pixels.

    Photos are independent, so the work divides evenly over cores.

    Parameters
    ----------
    costs : pd.DataFrame
        As `measure_costs` returns it.
    side : int
        Side of a photo in pixels; photos are square.
    photos : float
        Number of photos.
    cores : int
        Cores of the cluster.

    Returns
    -------
    pd.DataFrame
        method, seconds (per photo, one core), core_hours (for all photos), hours_on_<cores>_cores (on that cluster).
    """
    rows = []
    for method, part in costs[costs["axis"] == "pixels"].groupby("method", sort=False):
        slope, level = np.polyfit(np.log(part["at"]), np.log(part["seconds"]), 1)
        seconds = float(np.exp(level + slope * np.log(side**2)))
        hours = seconds * photos / 3600
        rows.append((method, seconds, hours, hours / cores))
    return pd.DataFrame(rows, columns=["method", "seconds", "core_hours", f"hours_on_{cores}_cores"])
