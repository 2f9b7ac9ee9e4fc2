"""Means over photos with their intervals, and which methods differ by more than the luck of the photos."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import stats


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


FEW = 10  # below so many photos a percentile bootstrap is far too sure of itself


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


def told_apart(gaps: pd.DataFrame) -> np.ndarray:
    """Of each line of `paired`: -1 where method is smaller than other beyond chance, 1 where it is larger, else 0.

    Beyond chance: the 95 % interval of the difference is without 0, and there are at least FEW photos.
    """
    sign = np.where(gaps["high"] < 0, -1, np.where(gaps["low"] > 0, 1, 0))
    return np.where(gaps["photos"] >= FEW, sign, 0)
