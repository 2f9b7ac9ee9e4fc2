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


FEW = 10  # below so many photos intervals and p-values are far too sure of themselves


def paired(scores: pd.DataFrame, value: str = "ab_mse", against: str | None = None) -> pd.DataFrame:
    """How much methods differ on the same photos, for every pair or `against` one: method minus other.

    scores: one setting, such as one share of unknown pixels. Returns method, other, difference (mean over the photos
    that both have solved), its 95 % bootstrap interval low and high, p (of that pair alone), better (share of photos
    where method's value is smaller), photos. `significant` says which differences are more than the luck of these
    photos.

    p is the two-sided one of the paired t-test that the mean difference is 0. It asks what the interval is about, the
    mean, where Wilcoxon's test asks whether one method is mostly better, which it may be and lose in the mean. It has
    no smallest value, as tests by resampling or flipped signs have: 12 photos allow p >= 2 / 2**12 there, too much for
    one of 136 pairs. Errors of photos are skewed; the differences of two methods much less so, and a long tail makes
    this test cautious.
    """
    wide = scores[scores["converged"]].pivot(index="photo", columns="method", values=value)
    names, rows = list(dict.fromkeys(scores["method"])), []
    for i, method in enumerate(names):
        for other in names[:i] if against is None else [against]:
            if method == other or not {method, other} <= set(wide.columns):
                continue
            both = wide[[method, other]].dropna()
            gap = (both[method] - both[other]).to_numpy()
            mean, better = (gap.mean(), (gap < 0).mean()) if len(gap) else (np.nan, np.nan)
            rows.append((method, other, mean, *bootstrap_interval(gap), _p_of_mean(gap), better, len(gap)))
    return pd.DataFrame(rows, columns=["method", "other", "difference", "low", "high", "p", "better", "photos"])


def _p_of_mean(gap: np.ndarray) -> float:
    """Two-sided p that the mean is 0; NaN for fewer than two values, or any that is none."""
    if len(gap) < 2 or not np.isfinite(gap).all():
        return float("nan")
    if np.ptp(gap) == 0:
        return float(gap[0] == 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nearly the same for all photos
        return float(stats.ttest_1samp(gap, 0).pvalue)


def significant(gaps: pd.DataFrame, level: float = 0.05) -> np.ndarray:
    """Of each line of `paired`: -1 where method is significantly smaller than other, 1 where it is larger, else 0.

    Corrected for the number of lines (Holm 1979): the chance that any of them is significant while all methods are
    equal stays below `level`. A line with fewer than FEW photos is not tested.
    """
    tested = ((gaps["photos"] >= FEW) & gaps["p"].notna()).to_numpy()
    found = np.zeros(len(gaps), bool)
    found[tested] = holm(gaps["p"].to_numpy()[tested], level)
    return np.where(found, np.sign(gaps["difference"]), 0).astype(int)


def holm(p, level: float = 0.05) -> np.ndarray:
    """Which hypotheses to reject so that the chance of any false one is at most `level`; p: theirs, in any order.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p)
    passed = np.asarray(p)[order] * np.arange(len(order), 0, -1) <= level
    rejected = np.zeros(len(order), bool)
    rejected[order] = np.logical_and.accumulate(passed)  # after the first that does not pass, none does
    return rejected
