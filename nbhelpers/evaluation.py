"""How good is a colorization: the paper's MSE, PSNR, and one loop over colorizers, photos and hints."""

from __future__ import annotations

import time
import warnings

import joblib
import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from nbhelpers.colorizers import NotConverged
from nbhelpers.hints import Hints, hide_pixels, patches
from nbhelpers.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.photos import PhotoError, PhotoWarning


def ab_mse(ab: np.ndarray, truth: np.ndarray, unknown: np.ndarray | None = None) -> float:
    """The paper's measure (section 3): mean squared error of a* and b*, both (H, W, 2), over the unknown pixels.

    unknown: (H, W) bool, the pixels that were to be predicted; None counts all. NaN when there are none.
    """
    squares = np.square(np.asarray(ab, float) - truth)
    squares = squares if unknown is None else squares[unknown]
    return float(squares.mean()) if squares.size else float("nan")


def psnr(rgb: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 sRGB photos of one shape; infinity when they are equal."""
    error = np.square(rgb.astype(float) - truth).mean()
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def _score(colorizers, rgb: np.ndarray, settings: list[tuple[float, Hints]], label: str) -> list[dict]:
    """Score each colorizer at each setting on one photo."""
    lab = rgb_to_lab(rgb)
    lightness, truth, rows = lab[..., 0], lab[..., 1:], []
    for value, hints in settings:
        for colorizer in colorizers:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", NotConverged)
                began = time.perf_counter()
                ab = colorizer.colorize(lightness, hints)
                seconds = time.perf_counter() - began
            rows.append(
                {
                    label: value,
                    "method": colorizer.name,
                    "ab_mse": ab_mse(ab, truth, ~hints.known),
                    "psnr": psnr(lab_to_rgb(np.dstack([lightness, ab])), rgb),
                    "converged": not any(issubclass(w.category, NotConverged) for w in caught),
                    "seconds": seconds,
                }
            )
    return rows


def _score_photo(colorizers, photo, label, values, seed) -> tuple[list[dict], str]:
    """Score the one photo of a `Photos` of length 1; also say why not, when it cannot be read."""
    try:
        rgb = photo[0]
    except PhotoError as error:
        return [], str(error)
    with threadpool_limits(1):
        ab = rgb_to_lab(rgb)[..., 1:]
        make = hide_pixels if label == "unknown" else patches
        settings = [(value, make(ab, value, seed=seed)) for value in values]
        return [{"photo": photo.names[0], **row} for row in _score(colorizers, rgb, settings, label)], ""


def _evaluate(colorizers, photos, label, values, seed, jobs) -> pd.DataFrame:
    colorizers = list(colorizers)
    tasks = (
        joblib.delayed(_score_photo)(colorizers, photos[i : i + 1], label, values, seed + i) for i in range(len(photos))
    )
    parts = joblib.Parallel(n_jobs=jobs)(tasks)
    for problem in (why for _, why in parts if why):  # here: a warning in a worker process is not seen
        warnings.warn(f"skipped: {problem}", PhotoWarning, stacklevel=3)
    columns = ["photo", label, "method", "ab_mse", "psnr", "converged", "seconds"]
    return pd.DataFrame([row for rows, _ in parts for row in rows], columns=columns)


def evaluate(colorizers, photos, fractions, seed: int = 0, jobs: int | None = None) -> pd.DataFrame:
    """Score colorizers on a `Photos` sequence at several shares of unknown pixels in [0, 1].

    Every method sees the same hidden pixels; photo i hides them with seed + i. Returns one row per photo, share
    and method: photo, unknown, method, ab_mse (unknown pixels), psnr (dB, RGB, whole photo), converged, seconds.
    Unreadable photos are skipped with a PhotoWarning. Photos are spread over processes; None takes the jobs of the
    surrounding `parallel.backend`.
    """
    return _evaluate(colorizers, photos, "unknown", list(fractions), seed, jobs)


def evaluate_patches(colorizers, photos, counts, seed: int = 0, jobs: int | None = None) -> pd.DataFrame:
    """The same with `counts` of revealed 6 x 6 patches instead of hidden pixels; the column is `patches`."""
    return _evaluate(colorizers, photos, "patches", list(counts), seed, jobs)


def bootstrap_interval(values, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of `values` over photos; NaN for fewer than two values."""
    values = np.asarray(values, float)
    if len(values) < 2 or np.ptp(values) == 0:
        return (float("nan"),) * 2 if len(values) < 2 else (values[0], values[0])
    result = stats.bootstrap(
        (values,), np.mean, confidence_level=level, n_resamples=2000, method="percentile", rng=seed
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def summarise(scores: pd.DataFrame, by: list[str], value: str = "ab_mse") -> pd.DataFrame:
    """Mean of `value` over photos with its 95 % bootstrap interval, per group.

    Solves that did not converge are left out of the mean and counted: columns by..., mean, low, high, photos
    (in the mean), not_converged. Groups stay in order of appearance.
    """
    rows = []
    for key, group in scores.groupby(by, sort=False):
        good = group.loc[group["converged"], value]
        low, high = bootstrap_interval(good)
        rows.append((*key, good.mean(), low, high, len(good), int((~group["converged"]).sum())))
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "photos", "not_converged"])
