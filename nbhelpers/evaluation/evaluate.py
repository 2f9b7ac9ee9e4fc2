"""How good is a colorization: one loop over colorizers, photos and hints, and the table that comes of it."""

from __future__ import annotations

import time
import warnings

import joblib
import numpy as np
import pandas as pd

from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.colour.metrics import ab_mse, colourfulness, delta_e, psnr, ssim
from nbhelpers.errors import NotConverged
from nbhelpers.hints import Hints, hide_pixels, patches
from nbhelpers.photos.cache import PhotoWarning
from nbhelpers.photos.decoding import PhotoError
from nbhelpers.system import one_thread

OF_PHOTOS = {"psnr": psnr, "ssim": ssim, "delta_e": delta_e}  # painted and true, uint8 sRGB
OF_COLOURS = ("chroma", "hue_spread")  # of `ColourStatistics`
MEASURES = ("ab_mse", *OF_PHOTOS, "colourfulness", *OF_COLOURS)


def _measure(measures, rgb: np.ndarray, lab: np.ndarray, ab: np.ndarray, unknown: np.ndarray) -> dict:
    """The measures of one painted photo, and under "colours" the ColourStatistics of its unknown pixels, or None."""
    painted, found = np.dstack([lab[..., 0], ab]), {}
    shown = lab_to_rgb(painted) if set(measures) - {"ab_mse", *OF_COLOURS} else None
    wanted = unknown.any() and set(measures) & set(OF_COLOURS)
    colours, true = (ColourStatistics.of(part[unknown]) if wanted else None for part in (painted, lab))
    for name in measures:
        if name == "ab_mse":
            found[name] = ab_mse(ab, lab[..., 1:], unknown)
        elif name == "colourfulness":
            found |= {name: colourfulness(shown), f"true_{name}": colourfulness(rgb)}
        elif name in OF_PHOTOS:
            found[name] = OF_PHOTOS[name](shown, rgb)
        else:
            for kind, statistics in (("", colours), ("true_", true)):
                found[kind + name] = getattr(statistics, name) if statistics else np.nan
    return found | {"colours": colours}


def _score(colorizers, rgb: np.ndarray, settings: list[tuple[float, Hints]], label: str, measures) -> list[dict]:
    """Score each colorizer at each setting on one photo."""
    lab = rgb_to_lab(rgb)
    rows = []
    for value, hints in settings:
        for colorizer in colorizers:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", NotConverged)
                began = time.perf_counter()
                ab = colorizer.colorize(lab[..., 0], hints)
                seconds = time.perf_counter() - began
            converged = not any(issubclass(w.category, NotConverged) for w in caught)
            row = {label: value, "method": colorizer.name} | _measure(measures, rgb, lab, ab, ~hints.known)
            rows.append(row | {"converged": converged, "seconds": seconds})
    return rows


def score_photo(colorizers, photo, label, values, seed, measures) -> tuple[list[dict], str]:
    """Score the one photo of a `Photos` of length 1: rows as in `evaluate`, with their "colours"; or why not."""
    try:
        rgb = photo[0]
    except PhotoError as error:
        return [], str(error)
    with one_thread():
        ab = rgb_to_lab(rgb)[..., 1:]
        make = hide_pixels if label == "unknown" else patches
        settings = [(value, make(ab, value, seed=seed)) for value in values]
        return [{"photo": photo.names[0], **row} for row in _score(colorizers, rgb, settings, label, measures)], ""


def _rows(*task) -> tuple[list[dict], str]:
    rows, why = score_photo(*task)
    return [{name: value for name, value in row.items() if name != "colours"} for row in rows], why


def _evaluate(colorizers, photos, label, values, seed, jobs, measures) -> pd.DataFrame:
    check_measures(measures)
    colorizers = list(colorizers)
    tasks = (
        joblib.delayed(_rows)(colorizers, photos[i : i + 1], label, values, seed + i, measures)
        for i in range(len(photos))
    )
    parts = joblib.Parallel(n_jobs=jobs)(tasks)
    for problem in (why for _, why in parts if why):  # here: a warning in a worker process is not seen
        warnings.warn(f"skipped: {problem}", PhotoWarning, stacklevel=3)
    return pd.DataFrame([row for rows, _ in parts for row in rows], columns=columns_of(label, measures))


def check_measures(measures) -> None:
    """Raise ValueError for a measure that is not one of MEASURES."""
    for name in measures:
        if name not in MEASURES:
            raise ValueError(f"there is no measure {name!r}: choose from {', '.join(MEASURES)}")


def columns_of(label: str, measures) -> list[str]:
    """The columns of a table of scores."""
    both = {name: [name, f"true_{name}"] for name in ("colourfulness", *OF_COLOURS)}
    measured = [column for name in measures for column in both.get(name, [name])]
    return ["photo", label, "method", *measured, "converged", "seconds"]


def evaluate(
    colorizers, photos, fractions, seed: int = 0, jobs: int | None = None, measures=("ab_mse", "psnr")
) -> pd.DataFrame:
    """Score colorizers on a `Photos` sequence at several shares of unknown pixels in [0, 1].

    Every method sees the same hidden pixels; photo i hides them with seed + i. Returns one row per photo, share
    and method: photo, unknown, method, the measures, converged, seconds. Measures are those of MEASURES: ab_mse,
    chroma (mean distance from grey) and hue_spread (`ColourStatistics`) of the unknown pixels; psnr (dB), ssim, delta_e
    (CIEDE2000) and colourfulness of the whole photo as sRGB. Beside chroma, hue_spread and colourfulness stand those of
    the true photo, with "true_" before the name. Unreadable photos are skipped with a PhotoWarning. Photos are spread
    over processes; None takes the jobs of the surrounding `system.backend`. ValueError for an unknown measure.
    """
    return _evaluate(colorizers, photos, "unknown", list(fractions), seed, jobs, tuple(measures))


def evaluate_patches(
    colorizers, photos, counts, seed: int = 0, jobs: int | None = None, measures=("ab_mse", "psnr")
) -> pd.DataFrame:
    """The same with `counts` of revealed 6 x 6 patches instead of hidden pixels; the column is `patches`."""
    return _evaluate(colorizers, photos, "patches", list(counts), seed, jobs, tuple(measures))
