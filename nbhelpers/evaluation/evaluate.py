"""How good is a colorization: one loop over colorizers, photos and hints, and means with their intervals."""

from __future__ import annotations

import time
import warnings

import joblib
import numpy as np
import pandas as pd
from scipy import stats
from threadpoolctl import threadpool_limits

from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.colour.metrics import ab_mse, colourfulness, delta_e, psnr, ssim
from nbhelpers.hints import Hints, hide_pixels, patches
from nbhelpers.photos.cache import PhotoWarning
from nbhelpers.photos.decoding import PhotoError
from nbhelpers.registry import NotConverged

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
    with threadpool_limits(1):
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
    over processes; None takes the jobs of the surrounding `parallel.backend`. ValueError for an unknown measure.
    """
    return _evaluate(colorizers, photos, "unknown", list(fractions), seed, jobs, tuple(measures))


def evaluate_patches(
    colorizers, photos, counts, seed: int = 0, jobs: int | None = None, measures=("ab_mse", "psnr")
) -> pd.DataFrame:
    """The same with `counts` of revealed 6 x 6 patches instead of hidden pixels; the column is `patches`."""
    return _evaluate(colorizers, photos, "patches", list(counts), seed, jobs, tuple(measures))


def bootstrap_interval(values, level: float = 0.95, seed: int = 0, of=None) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of `values` over photos; NaN for fewer than two values.

    of: values of the same photos; then the interval is of the ratio mean(values) / mean(of).
    """
    values = np.asarray(values, float)
    if len(values) < 2 or not np.isfinite(values).all():
        return (float("nan"),) * 2
    if of is None and np.ptp(values) == 0:
        return values[0], values[0]
    data, statistic = (values,), np.mean
    if of is not None:
        data, statistic = (values, np.asarray(of, float)), _ratio
    options = {"confidence_level": level, "n_resamples": 2000, "method": "percentile"}
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # a method that paints all photos grey
        found = stats.bootstrap(data, statistic, paired=of is not None, vectorized=True, rng=seed, **options)
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _ratio(values, of, axis=-1):
    return np.mean(values, axis=axis) / np.mean(of, axis=axis)


def summarise(scores: pd.DataFrame, by: list[str], value: str = "ab_mse", of: str | None = None) -> pd.DataFrame:
    """Mean of `value` over photos with its 95 % bootstrap interval, per group.

    of: another column; then it is the ratio of the two means, as in chroma over true_chroma.
    Solves that did not converge are left out of the mean and counted: columns by..., mean, low, high, photos
    (in the mean), not_converged. Photos where the value is not a number, such as the hue of grey, are left out too.
    Groups stay in order of appearance.
    """
    rows = []
    for key, group in scores.groupby(by, sort=False):
        good = group[group["converged"]].dropna(subset=[value])
        mean = good[value].mean() / (good[of].mean() if of else 1)
        low, high = bootstrap_interval(good[value], of=good[of] if of else None)
        rows.append((*key, mean, low, high, len(good), int((~group["converged"]).sum())))
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "photos", "not_converged"])


def paired(scores: pd.DataFrame, value: str = "ab_mse", against: str | None = None) -> pd.DataFrame:
    """How much methods differ on the same photos, for every pair or `against` one: method minus other.

    scores: one setting, such as one share of unknown pixels. Returns method, other, difference (mean over the photos
    that both have solved), its 95 % bootstrap interval low and high, better (share of photos where method's value is
    smaller), photos. `told_apart` says where the difference is more than the luck of these photos.
    """
    wide = scores[scores["converged"]].pivot(index="photo", columns="method", values=value)
    names, rows = list(dict.fromkeys(scores["method"])), []
    for i, method in enumerate(names):
        for other in names[:i] if against is None else [against]:
            if method == other or not {method, other} <= set(wide.columns):
                continue
            both = wide[[method, other]].dropna()
            gap = (both[method] - both[other]).to_numpy()
            better = (gap < 0).mean() if len(gap) else np.nan
            rows.append((method, other, gap.mean() if len(gap) else np.nan, *bootstrap_interval(gap), better, len(gap)))
    return pd.DataFrame(rows, columns=["method", "other", "difference", "low", "high", "better", "photos"])


FEW = 10  # below so many photos a percentile bootstrap is far too sure of itself


def told_apart(gaps: pd.DataFrame) -> np.ndarray:
    """Of each line of `paired`: -1 where method is smaller than other beyond chance, 1 where it is larger, else 0.

    Beyond chance: the 95 % interval of the difference is without 0, and there are at least FEW photos.
    """
    sign = np.where(gaps["high"] < 0, -1, np.where(gaps["low"] > 0, 1, 0))
    return np.where(gaps["photos"] >= FEW, sign, 0)
