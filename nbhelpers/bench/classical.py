"""The classical half against what one would otherwise use: statistics and fits, solvers, colour conversion."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import multiprocessing
import os
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import linalg

from nbhelpers import paths, registry
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.hints import hide_pixels
from nbhelpers.linear import neighbours
from nbhelpers.linear.colorizers import Propagation
from nbhelpers.linear.solvers import solve
from nbhelpers.photos import PhotoSet, open_photos
from nbhelpers.registry import FOUR
from nbhelpers.system import median_seconds, peak_of_call, peak_of_process

# Those that solve a system; ridge's is that of ols.
METHODS = tuple(name for name in (*registry.LINEAR, *registry.names(family="system")) if name != "ridge")
SCIKIT_LEARN = {  # how its two L1 estimators are set; tight without precompute takes minutes for the same weights
    "default tolerance": {"tol": 1e-4, "max_iter": 1000},
    "tolerance as here, precompute=True": {"precompute": True},
}


def photos_here(size: int) -> tuple[str, PhotoSet]:
    """Open the photos to measure on.

    Parameters
    ----------
    size : int
        Their side in pixels.

    Returns
    -------
    tuple of str and PhotoSet
        Their name, for a folder its own and not its path, and the photos.
    """
    source = os.environ.get("NBHELPERS_PHOTOS") or "sample"
    opened = open_photos(source, size=size)
    return ("sample" if source == "sample" else Path(source).resolve().name), opened


def _fit_four(stats) -> dict:
    return {name: neighbours.fit(stats, neighbours.paper_estimators()[name]) for name in FOUR}


def _fit_directly(design, colours, options) -> dict:
    """scikit-learn's coefficients (2, 25) from all rows; `options` are for the two L1 estimators."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the default tolerance may stop early, and says so
        for name in FOUR:
            estimator = neighbours.paper_estimators()[name]
            estimator.set_params(**options if name in ("lasso", "elasticnet") else {})
            found[name] = np.array([estimator.fit(design, colours[:, k]).coef_ for k in range(2)])
    return found


def _cold_pass(n: int, size: int, cache: str) -> dict:
    """Statistics and fits of the first `n` training photos, none of them decoded yet, in a process of its own."""
    paths.DATA = Path(cache)
    name, opened = photos_here(size)
    train = opened.train[:n]
    label = f"{name}: {len(train)}"
    if len(train) < n:
        times = -(-n // len(train))
        label += f", {times} times over"
        names, items = ((part * times)[:n] for part in (train.names, train.items))
        train = dataclasses.replace(train, names=names, items=items, slots=tuple(range(n)))  # each is decoded again
    began = time.perf_counter()
    stats = neighbours.gather_statistics(train, jobs=-1)
    _fit_four(stats)
    seconds = time.perf_counter() - began
    return {"photos": label, "rows": stats.rows, "seconds": seconds, "peak_mib": peak_of_process()}


def statistics(n: int = 1000, direct: int = 2, size: int = 400) -> pd.DataFrame:
    """Measure the four estimators from one pass over photos, and scikit-learn's direct fits to the rows of a few.

    The pass starts from photo files and ends with fitted models; scikit-learn is given its matrix ready-made.

    Parameters
    ----------
    n : int
        Photos of the pass; where there are fewer, they come several times.
    direct : int
        Photos whose rows scikit-learn fits.
    size : int
        Side of the photos in pixels.

    Returns
    -------
    pd.DataFrame
        what, photos, rows, seconds, peak_mib (of the whole pass), largest_difference (of scikit-learn's coefficients
        from ours), microseconds_per_row, ratio (seconds per row against the whole pass), ratio_same_rows (against the
        pass over the same rows, Lab ready-made), against.
    """
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as cache, ProcessPoolExecutor(1, mp_context=spawn) as child:
        cold = child.submit(_cold_pass, n, size, cache).result()
    name, opened = photos_here(size)
    labs = list(itertools.islice(opened.labs(), direct))
    began = time.perf_counter()
    models = _fit_four(functools.reduce(lambda a, b: a + b, map(neighbours.NeighbourStatistics.of, labs)))
    seconds = time.perf_counter() - began
    design = np.concatenate([neighbours.features(lab) for lab in labs])
    colours = np.concatenate([neighbours.targets(lab) for lab in labs])
    same = {"photos": f"{name}: {len(labs)}", "rows": len(design)}
    rows = [
        {"what": "one pass: decode, Lab, moments, four fits", **cold},
        {"what": "one pass: moments, four fits", **same, "seconds": seconds},
    ]
    for what, options in SCIKIT_LEARN.items():
        began, found = time.perf_counter(), _fit_directly(design, colours, options)
        row = {"what": f"scikit-learn, four fits, {what}", **same, "seconds": time.perf_counter() - began}
        row["largest_difference"] = max(abs(found[name] - models[name].coefficients).max() for name in FOUR)
        rows.append(row)
    table = pd.DataFrame(rows)
    table["microseconds_per_row"] = 1e6 * table["seconds"] / table["rows"]
    for column, row in (("ratio", 0), ("ratio_same_rows", 1)):
        table[column] = table["microseconds_per_row"] / table["microseconds_per_row"][row]
    return table.assign(against="one pass, per row")


def fit_methods(train) -> dict[str, Propagation]:
    """Fit METHODS: those that need a model get one fitted to photos.

    Parameters
    ----------
    train : Photos
        Training photos.

    Returns
    -------
    dict
        Name -> Propagation.
    """
    stats, estimators = neighbours.gather_statistics(train, jobs=-1), neighbours.paper_estimators()
    models = {name: neighbours.fit(stats, estimators[name]) for name in METHODS if name in estimators}
    return {m: Propagation(m, "neighbour", models[m]) if m in models else Propagation(m, m) for m in METHODS}


def _solve(method: Propagation, lightness, hints):
    return solve(method.system(lightness, hints))


def _spsolve(method: Propagation, lightness, hints) -> np.ndarray:
    """What one would write without a choice of solvers: SciPy's spsolve on the same system."""
    system = method.system(lightness, hints)
    rhs = system.rhs if system.matrix.shape[0] == len(system.rhs) else system.rhs.ravel("F")
    return linalg.spsolve(system.matrix.tocsc(), rhs)


def solvers(
    size: int = 400, small: int = 200, shares=(0.2, 0.6, 0.8, 0.95), n: int = 20, repeats: int = 5
) -> pd.DataFrame:
    """Measure assembly and solve of one whole photo to a relative residual of 1e-6, for each method and share unknown.

    Parameters
    ----------
    size : int
        Side of the photo in pixels.
    small : int
        Side at which SciPy's spsolve, with the same assembly, is measured too.
    shares : iterable of float
        Shares of unknown pixels in [0, 1].
    n : int
        Training photos that the methods are fitted to.
    repeats : int
        Passes, of which the median counts.

    Returns
    -------
    pd.DataFrame
        photos, photo_size, method, unknown, iterations, residual (relative), converged, seconds, against_seconds and
        ratio (spsolve against ours, both at `small` x `small` pixels, else NaN), against.
    """
    columns = ["photos", "photo_size", "method", "unknown", "iterations", "residual", "converged", "seconds"]
    rows, fitted = [], fit_methods(photos_here(size)[1].train[:n])
    for side in (size, small):
        name, opened = photos_here(side)
        lab = rgb_to_lab(opened.test[0])
        for method, share in itertools.product(METHODS, shares):
            asked = lab[..., 0], hide_pixels(lab[..., 1:], share)
            ours = functools.partial(_solve, fitted[method], *asked)
            found, seconds = ours(), median_seconds(ours, repeats)
            theirs = np.nan
            if side == small:
                theirs = median_seconds(functools.partial(_spsolve, fitted[method], *asked), min(repeats, 3))
            row = (name, side, method, share, found.iterations, found.residual, found.converged, seconds, theirs)
            rows.append(row)
    table = pd.DataFrame(rows, columns=[*columns, "against_seconds"])
    return table.assign(ratio=table["against_seconds"] / table["seconds"], against="scipy spsolve")


def lab(size: int = 400, repeats: int = 9) -> pd.DataFrame:
    """Measure the colour conversion of one photo against scikit-image.

    Parameters
    ----------
    size : int
        Side of the photo in pixels.
    repeats : int
        Passes, of which the median counts.

    Returns
    -------
    pd.DataFrame
        what, photos, photo_size, seconds and peak_mib (the most memory held on the way), the same of scikit-image as
        against_seconds and against_peak_mib, ratio, memory_ratio, against.
    """
    from skimage import color

    name, opened = photos_here(size)
    rgb = opened.test[0]
    lab = rgb_to_lab(rgb)
    pairs = {
        "rgb_to_lab": (functools.partial(rgb_to_lab, rgb), functools.partial(color.rgb2lab, rgb)),
        "lab_to_rgb": (functools.partial(lab_to_rgb, lab), functools.partial(color.lab2rgb, lab)),
    }
    table = pd.DataFrame({"what": list(pairs), "photos": name, "photo_size": size})
    for k, whose in enumerate(("", "against_")):
        table[f"{whose}seconds"] = [median_seconds(pair[k], repeats) for pair in pairs.values()]
        table[f"{whose}peak_mib"] = [peak_of_call(pair[k]) for pair in pairs.values()]
    table["ratio"] = table["against_seconds"] / table["seconds"]
    return table.assign(memory_ratio=table["against_peak_mib"] / table["peak_mib"], against="scikit-image")
