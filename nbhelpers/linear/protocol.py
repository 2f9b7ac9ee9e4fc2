"""The search for the protocol behind the printed Table 1: ways to fit, to solve and to count, all tried alike."""

from __future__ import annotations

from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.colour.metrics import ab_mse
from nbhelpers.evaluation.paper import table_1
from nbhelpers.hints import hide_pixels
from nbhelpers.linear.neighbours import NeighbourModel, features, targets
from nbhelpers.linear.solvers import solve, solve_tiled
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
        method -> NeighbourModel.
    tile : int
        Side in pixels of the tiles with zero borders; 0 solves the photo whole.
    iterations : int
        A cap on the BiCG steps, which start from zero colours.
    over : str
        Which pixels the error is counted over: "unknown", as the paper's text says, or "all".
    """

    name: str
    models: dict[str, NeighbourModel]
    tile: int = 0
    iterations: int = 500
    over: str = "unknown"


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


def _table_of_photo(protocol: Protocol, rgb: np.ndarray, shares, seed: int) -> list[tuple]:
    lab, rows = rgb_to_lab(rgb), []
    with one_thread():
        for share in shares:
            hints = hide_pixels(lab[..., 1:], share, seed=seed)
            counted = ~hints.known if protocol.over == "unknown" else None
            for method, model in protocol.models.items():
                if protocol.tile:
                    found = solve_tiled(model, lab[..., 0], hints, protocol.tile, maxiter=protocol.iterations)
                else:
                    system = neighbour_system(model, lab[..., 0], hints)
                    found = solve(system, "bicg", maxiter=protocol.iterations, start=np.zeros(2))
                rows.append((method, share, ab_mse(found.ab, lab[..., 1:], counted)))
    return rows


def compare_with_printed(protocols, photos, seed: int = 0, jobs: int | None = None) -> pd.DataFrame:
    """Run every protocol on every photo.

    Parameters
    ----------
    protocols : iterable of Protocol
        Each needs a name of its own.
    photos : Photos
        sRGB uint8 (H, W, 3) each.
    seed : int
        Photo i hides its pixels with seed + i.
    jobs : int, optional
        Pieces of work at once; None takes those of the surrounding `system.backend`.

    Returns
    -------
    pd.DataFrame
        One row for each protocol, method and share of unknown pixels that the paper's Table 1 prints: protocol, method,
        unknown (in [0, 1]), ab_mse (mean over photos), printed.
    """
    printed = table_1()
    shares = sorted(set(printed["unknown"]))
    tables = []
    for protocol in protocols:
        tasks = (joblib.delayed(_table_of_photo)(protocol, rgb, shares, seed + i) for i, rgb in photos.read())
        rows = [row for part in joblib.Parallel(n_jobs=jobs)(tasks) for row in part]
        table = pd.DataFrame(rows, columns=["method", "unknown", "ab_mse"])
        table = table.groupby(["method", "unknown"], sort=False, as_index=False).mean()
        tables.append(table.assign(protocol=protocol.name))
    return pd.concat(tables, ignore_index=True).merge(printed, on=["method", "unknown"])


def distances(comparison: pd.DataFrame) -> pd.DataFrame:
    """How far each protocol is from the printed numbers.

    Parameters
    ----------
    comparison : pd.DataFrame
        As `compare_with_printed` returns it.

    Returns
    -------
    pd.DataFrame
        One row for each protocol: protocol; factor, the geometric mean of ours / printed; spread, the typical factor
        left once that common one, which another photo set could explain, is taken out (1 is perfect); order, the share
        of the pairs of printed numbers at equal unknown that we order alike.
    """
    rows = []
    for name, table in comparison.groupby("protocol", sort=False):
        logs = np.log(table["ab_mse"].clip(lower=1e-9) / table["printed"])
        agree = []
        for _, column in table.groupby("unknown"):
            ours, theirs = column["ab_mse"].to_numpy(), column["printed"].to_numpy()
            first, second = np.triu_indices(len(ours), 1)
            agree.append(np.sign(ours[first] - ours[second]) == np.sign(theirs[first] - theirs[second]))
        rows.append((name, np.exp(logs.mean()), np.exp(logs.std(ddof=0)), np.concatenate(agree).mean()))
    return pd.DataFrame(rows, columns=["protocol", "factor", "spread", "order"])
