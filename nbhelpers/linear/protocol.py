"""The search for the protocol behind the printed Table 1: ways to fit, to solve and to count, all tried alike."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import joblib
import numpy as np
import pandas as pd

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.evaluation.paper import table_1
from nbhelpers.hints import Hints, hide_pixels
from nbhelpers.linear.neighbours import NeighbourModel, NeighbourStatistics, features, fit, targets
from nbhelpers.linear.solvers import solved_tiles
from nbhelpers.linear.systems import neighbour_system
from nbhelpers.system import one_thread


@dataclass(frozen=True)
class Protocol:
    """One way to get from fitted models to a table of errors.

    Attributes
    ----------
    name : str
        The protocol's name.
    models : dict
        method -> NeighbourModel, or {share of unknown pixels: NeighbourModel} where it was fitted for each share.
    tile : int
        Side in pixels of the tiles with zero borders; 0 solves the photo whole, its borders mirrored.
    steps : int or None
        A cap on the BiCG steps, which start from zero colours; None solves directly (LU), and 0 solves nothing: each
        unknown pixel is predicted once, its unknown neighbours with zero colours (and no tile has a border but the
        photo).
    over : str
        Which pixels the error is counted over: "unknown", as the paper's text says, "all", or "solved", the unknown
        ones of the tiles whose solver reached a relative residual of 1e-6.
    zero : float
        The a* and b* that a zero stands for, in borders and in the first guess: -128 where colours are stored from 0
        upwards.

    Raises
    ------
    ValueError
        For another `over`, and for a negative number of steps.
    """

    name: str
    models: dict = field(repr=False)
    tile: int = 0
    steps: int | None = None
    over: str = "unknown"
    zero: float = 0.0

    def __post_init__(self):
        if self.over not in ("unknown", "all", "solved"):
            raise ValueError(f'over is "unknown", "all" or "solved", got {self.over!r}')
        if self.steps is not None and self.steps < 0:
            raise ValueError(f"steps must be None or at least 0, got {self.steps}")


def fit_scaled(stats: NeighbourStatistics, estimator, lightness: float, ab: float) -> NeighbourModel:
    """Fit on L*, a*, b* divided by numbers of their own, as for colours that are stored in [0, 1] or in bytes.

    Least squares does not mind, penalties do: they see weights and errors in other units.

    Parameters
    ----------
    stats : NeighbourStatistics
        Of the pixels to learn from.
    estimator : sklearn.base.BaseEstimator
        As in `neighbours.fit`.
    lightness, ab : float
        What L*, and a* and b*, are divided by, above 0.

    Returns
    -------
    NeighbourModel
        For colours that are not divided.
    """
    units = np.r_[[lightness] * 8, [ab] * 16, lightness, ab, ab]
    scaled = NeighbourStatistics(stats.rows, stats.mean / units, stats.moments / np.outer(units, units))
    model = fit(scaled, estimator)
    return NeighbourModel(ab * model.coefficients / units[:25], ab * model.intercept)


def hidden_statistics(photos, share: float, seed: int = 0) -> NeighbourStatistics:
    """The statistics of photos in which a share of the neighbours' colours is unknown and stands there as grey.

    Parameters
    ----------
    photos : Photos
        sRGB uint8 (H, W, 3) each.
    share : float
        Of the pixels that are unknown, in [0, 1].
    seed : int
        Photo i hides its pixels with seed + i.

    Returns
    -------
    NeighbourStatistics
        Of the features with grey neighbours, and of the true colours as targets.

    Raises
    ------
    ValueError
        When there is no photo.
    """
    total = None
    for i, rgb in photos.read():
        lab = rgb_to_lab(rgb)
        known = hide_pixels(lab[..., 1:], share, seed=seed + i).known[..., None]
        rows = np.hstack([features(np.dstack([lab[..., :1], lab[..., 1:] * known])), targets(lab)])
        mean = rows.mean(axis=0)
        one = NeighbourStatistics(len(rows), mean, (rows - mean).T @ (rows - mean))
        total = one if total is None else total + one
    if total is None:
        raise ValueError("no photo to learn from")
    return total


def fit_minibatch(
    photos, alpha: float = 0.0, l1_ratio: float = 0.0, steps: int = 20_000, rate: float = 0.02, seed: int = 0
) -> NeighbourModel:
    """Fit by stochastic gradients with batches of 32 rows, the batch size that the paper names.

    Each step lowers half the mean squared error on 32 random rows of the photos plus the penalty
    alpha (l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2), its L1 part by soft thresholding. Colours and lightness are
    divided by 100, without which no step size is stable; alpha acts on the weights as they are.

    Parameters
    ----------
    photos : Photos
        sRGB uint8 (H, W, 3) each.
    alpha : float
        The strength of the penalty, at least 0.
    l1_ratio : float
        The share of its L1 part, in [0, 1].
    steps : int
        The number of batches.
    rate : float
        The step size.
    seed : int
        Of the random rows.

    Returns
    -------
    NeighbourModel
        As after the last step, for colours and lightness that are not divided.
    """
    rng, rows, colours = np.random.default_rng(seed), [], []
    for _, rgb in photos.read():
        lab = rgb_to_lab(rgb)
        picked = rng.integers(0, (lab.shape[0] - 2) * (lab.shape[1] - 2), -(-32 * steps // len(photos)))
        rows.append(features(lab)[picked] / 100)
        colours.append(targets(lab)[picked] / 100)
    order = rng.permutation(len(rows) * len(rows[0]))[: 32 * steps]
    design, wanted = np.concatenate(rows)[order], np.concatenate(colours)[order]
    weights, intercept = np.zeros((2, 25)), np.zeros(2)
    for start in range(0, len(design), 32):
        x, y = design[start : start + 32], wanted[start : start + 32]
        error = x @ weights.T + intercept - y
        weights -= rate * (error.T @ x / len(x) + alpha * (1 - l1_ratio) * weights)
        intercept -= rate * error.mean(axis=0)
        if l1_ratio:
            weights = np.sign(weights) * np.maximum(np.abs(weights) - rate * alpha * l1_ratio, 0)
    return NeighbourModel(weights, 100 * intercept)


def _error(protocol: Protocol, model: NeighbourModel, lab: np.ndarray, hints: Hints) -> tuple[float, int, int]:
    """The ab-MSE of one photo, its number of tiles, and how many of them reached their tolerance."""
    shift = protocol.zero * (1 - model.coefficients[:, 8:16].sum(axis=1) - model.coefficients[:, 16:24].sum(axis=1))
    from_zero = NeighbourModel(model.coefficients, model.intercept - shift)  # colours counted from `zero`
    given, tile = Hints(hints.ab - np.float32(protocol.zero), hints.known), protocol.tile or max(lab.shape)
    how = {"tile": tile, "border": "zero" if protocol.tile else "reflect", "method": "bicg", "start": np.zeros(2)}
    how |= {"method": "lu"} if protocol.steps is None else {"maxiter": protocol.steps}
    if protocol.steps == 0:
        system = neighbour_system(from_zero, lab[..., 0], given, how["border"])
        ab, reached = given.ab.copy(), []
        ab.reshape(-1, 2)[system.pixels] = system.rhs
        counted = ~hints.known
    else:
        ab, counted, reached = np.empty_like(given.ab), ~hints.known, []
        for area, part in solved_tiles(from_zero, lab[..., 0], given, **how):
            ab[area] = part.ab
            reached.append(part.converged)
            if protocol.over == "solved" and not part.converged:
                counted[area] = False
    counted = np.ones_like(counted) if protocol.over == "all" else counted
    squares = np.square(ab.astype(float) + protocol.zero - lab[..., 1:]).mean(axis=2)
    return squares[counted].mean() if counted.any() else np.nan, len(reached), sum(reached)


def _table_of_photo(protocols, rgb: np.ndarray, photo: int, shares, crop: int, seed: int) -> list[tuple]:
    if crop > min(rgb.shape[:2]):
        raise ValueError(
            f"a crop of {crop} pixels is larger than photo {photo}: {rgb.shape[0]} x {rgb.shape[1]} pixels"
        )
    top, left = ((side - crop) // 2 if crop else 0 for side in rgb.shape[:2])
    lab, rows = rgb_to_lab(rgb[top : top + (crop or len(rgb)), left : left + (crop or rgb.shape[1])]), []
    with one_thread():
        for share in shares:
            hints = hide_pixels(lab[..., 1:], share, seed=seed)
            for protocol in protocols:
                for method, model in protocol.models.items():
                    model = model[share] if isinstance(model, dict) else model
                    rows.append((protocol.name, method, share, photo, *_error(protocol, model, lab, hints)))
    return rows


def compare_with_printed(protocols, photos, crop: int = 0, seed: int = 0, jobs: int | None = None) -> pd.DataFrame:
    """Run every protocol on every photo.

    Parameters
    ----------
    protocols : iterable of Protocol
        Each needs a name of its own.
    photos : Photos
        sRGB uint8 (H, W, 3) each.
    crop : int
        Side in pixels of the middle square that is taken of each; 0 takes all.
    seed : int
        Photo i hides its pixels with seed + i.
    jobs : int, optional
        Pieces of work at once; None takes those of the surrounding `system.backend`.

    Returns
    -------
    pd.DataFrame
        One row for each protocol, method, share of unknown pixels that the paper's Table 1 prints, and photo: protocol,
        method, unknown (in [0, 1]), photo (its number), ab_mse (of solutions that are none, too; NaN where nothing is
        counted), tiles, reached (tiles whose solver reached its tolerance), printed.

    Raises
    ------
    ValueError
        For two protocols of one name, and for a crop that is larger than a photo.
    """
    protocols, printed = list(protocols), table_1()
    if len({protocol.name for protocol in protocols}) < len(protocols):
        raise ValueError("each protocol needs a name of its own")
    shares = sorted(set(printed["unknown"]))
    tasks = (joblib.delayed(_table_of_photo)(protocols, rgb, i, shares, crop, seed + i) for i, rgb in photos.read())
    rows = [row for part in joblib.Parallel(n_jobs=jobs)(tasks) for row in part]
    columns = ["protocol", "method", "unknown", "photo", "ab_mse", "tiles", "reached"]
    table = pd.DataFrame(rows, columns=columns).merge(printed, on=["method", "unknown"])
    order = {protocol.name: i for i, protocol in enumerate(protocols)}
    return table.sort_values("protocol", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def table_of(comparison: pd.DataFrame) -> pd.DataFrame:
    """Means over photos: a table like the printed one for each protocol.

    Parameters
    ----------
    comparison : pd.DataFrame
        As `compare_with_printed` returns it.

    Returns
    -------
    pd.DataFrame
        protocol, method, unknown, ab_mse (mean over the photos that have a number), photos (how many have), tiles,
        reached (both summed over photos), printed.
    """
    groups = comparison.groupby(["protocol", "method", "unknown"], sort=False)
    sums = {"tiles": ("tiles", "sum"), "reached": ("reached", "sum"), "printed": ("printed", "first")}
    return groups.agg(ab_mse=("ab_mse", "mean"), photos=("ab_mse", "count"), **sums).reset_index()


def distances(comparison: pd.DataFrame, resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
    """How far each protocol's table is from the printed one, with 95 % bootstrap intervals over photos.

    Parameters
    ----------
    comparison : pd.DataFrame
        As `compare_with_printed` returns it; every protocol of the same photos.
    resamples : int
        Draws of as many photos, the same for all protocols.
    seed : int
        Of the draws.

    Returns
    -------
    pd.DataFrame
        One row for each protocol: protocol; factor, the geometric mean of ours / printed; scatter, the typical factor
        left once that common one, which another photo set could explain, is taken out (1 is perfect), with scatter_low
        and scatter_high; scatter_80, the same without the cells at 100 % unknown; order, the share of the pairs of
        printed numbers at equal unknown that we order alike; cells, how many of the printed numbers have a number of
        ours beside them; reached, the share of the tiles whose solver reached its tolerance (NaN where nothing is
        solved); photos; nearest, the share of draws in which its scatter is the smallest of those that have all cells
        there (NaN where none has).
    """
    rng, rows, curves = np.random.default_rng(seed), [], []
    draws = rng.integers(0, comparison["photo"].nunique(), (resamples, comparison["photo"].nunique()))
    for name, part in comparison.groupby("protocol", sort=False):
        errors = part.pivot(index="photo", columns=["unknown", "method"], values="ab_mse").dropna(axis=1, how="all")
        printed = part.groupby(["unknown", "method"])["printed"].first()
        ours = errors.mean()
        if ours.empty:
            rows.append((name, *[np.nan] * 6, 0, np.nan, len(errors)))
            curves.append(np.full(resamples, np.inf))
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # draws without a photo that has a number
            means = np.stack([np.nanmean(column[draws], axis=1) for column in errors.to_numpy().T], axis=1)
        scatters = np.exp(np.nanstd(_logs(means, printed[errors.columns]), axis=1))
        low, high = np.percentile(scatters, [2.5, 97.5]) if len(errors) > 1 else (np.nan, np.nan)
        whole = (len(ours) == len(printed)) & np.isfinite(means).all(axis=1)
        curves.append(np.where(whole, scatters, np.inf))
        logs, tiles = _logs(ours.to_numpy(), printed[errors.columns]), part["tiles"].sum()
        reached = part["reached"].sum() / tiles if tiles else np.nan
        order = _order(ours, printed[errors.columns])
        some = np.exp(logs[ours.index.get_level_values("unknown") < 1].std())
        found = (np.exp(logs.mean()), np.exp(logs.std()), low, high, some, order)
        rows.append((name, *found, len(ours), reached, len(errors)))
    measures = ["factor", "scatter", "scatter_low", "scatter_high", "scatter_80", "order"]
    columns = ["protocol", *measures, "cells", "reached", "photos"]
    some = np.isfinite(curves).any(axis=0)
    nearest = np.bincount(np.argmin(curves, axis=0)[some], minlength=len(rows)) / (some.sum() or np.nan)
    return pd.DataFrame(rows, columns=columns).assign(nearest=nearest)


def _logs(ours: np.ndarray, printed: pd.Series) -> np.ndarray:
    return np.log(np.maximum(ours, 1e-9) / printed.to_numpy())


def _order(ours: pd.Series, printed: pd.Series) -> float:
    """The share of the pairs of methods at equal unknown that two tables order alike."""
    agree = []
    for share in printed.index.unique("unknown"):
        mine, theirs = ours[share].to_numpy(), printed[share].to_numpy()
        first, second = np.triu_indices(len(mine), 1)
        agree.append(np.sign(mine[first] - mine[second]) == np.sign(theirs[first] - theirs[second]))
    return float(np.concatenate(agree).mean())
