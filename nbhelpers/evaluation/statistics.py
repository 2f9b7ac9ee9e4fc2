"""Means over photos with their intervals, and which methods differ by more than the luck of the photos."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from scipy import stats


def bootstrap_interval(values, level: float = 0.95, seed: int = 0, of=None) -> tuple[float, float]:
    """Percentile bootstrap interval of a mean over photos, or of the ratio of two means.

    Parameters
    ----------
    values : array-like
        (n,), one for each photo.
    level : float
        The confidence level, in (0, 1).
    seed : int
        Of the 2,000 resamples.
    of : array-like, optional
        (n,) values of the same photos; then the interval is of the ratio mean(values) / mean(of).

    Returns
    -------
    tuple of float
        Its low and high end; NaN for fewer than two values, or when one is not finite.
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
    """Mean over photos with its 95 % bootstrap interval, per group.

    Solves that did not converge are left out of the mean and counted. Photos where the value is not a number, such as
    the hue of grey, are left out too.

    Parameters
    ----------
    scores : pd.DataFrame
        A row for each photo in each group, with the columns `by`, `value`, `of` and converged, as `evaluate` returns
        it.
    by : list of str
        The columns that make the groups.
    value : str
        The column whose mean is asked for.
    of : str, optional
        Another column; then it is the ratio of the two means, as in chroma over true_chroma.

    Returns
    -------
    pd.DataFrame
        One row for each group, in order of appearance: the columns `by`, mean, low, high, photos (in the mean),
        not_converged.
    """
    rows = []
    for key, group in scores.groupby(by, sort=False):
        good = group[group["converged"]].dropna(subset=[value])
        mean = good[value].mean() / (good[of].mean() if of else 1)
        low, high = bootstrap_interval(good[value], of=good[of] if of else None)
        rows.append((*key, mean, low, high, len(good), int((~group["converged"]).sum())))
    return pd.DataFrame(rows, columns=[*by, "mean", "low", "high", "photos", "not_converged"])


LEVEL = 0.05  # of significance
TIE = 1e-6  # two errors nearer than this are the same but for rounding
FEW = 10  # below so many photos intervals and p-values are far too sure of themselves
LEAST_FRECHET = 100  # photos, for a Fréchet distance between sets of them


def paired(scores: pd.DataFrame, value: str = "ab_mse", against: str | None = None) -> pd.DataFrame:
    """How much methods differ on the same photos, method minus other, for every pair or against one.

    p is the two-sided one of the paired t-test that the mean difference is 0. It asks what the interval is about, the
    mean, where Wilcoxon's test asks whether one method is mostly better, which it may be and lose in the mean. It has
    no smallest value, as tests by resampling or flipped signs have: 12 photos allow p >= 2 / 2**12 there, too much for
    one of 136 pairs. Errors of photos are skewed; the differences of two methods much less so, and a long tail makes
    this test cautious. Too cautious where solutions explode: where all differences have one sign p is at most 2 / 2**n.
    `significant` says which differences are more than the luck of these photos.

    Parameters
    ----------
    scores : pd.DataFrame
        Of one setting, such as one share of unknown pixels: a row for each photo and method, with the columns photo,
        method, converged and `value`.
    value : str
        The column to compare.
    against : str, optional
        The one method that all others are compared with; None compares every pair.

    Returns
    -------
    pd.DataFrame
        One row for each pair: method, other, difference (mean over the photos that both have solved), low and high (its
        95 % bootstrap interval), p (of that pair alone), better (share of photos where method's value is smaller, in
        [0, 1]; a tie is not better), photos (their number). A difference below TIE is rounding and counts as 0.
    """
    wide = scores[scores["converged"]].pivot(index="photo", columns="method", values=value)
    names, rows = list(dict.fromkeys(scores["method"])), []
    for i, method in enumerate(names):
        for other in names[:i] if against is None else [against]:
            if method == other or not {method, other} <= set(wide.columns):
                continue
            both = wide[[method, other]].dropna()
            gap = (both[method] - both[other]).to_numpy()
            gap = np.where(abs(gap) < TIE, 0, gap)
            mean, better = (gap.mean(), (gap < 0).mean()) if len(gap) else (np.nan, np.nan)
            rows.append((method, other, mean, *bootstrap_interval(gap), _p_of_mean(gap), better, len(gap)))
    return pd.DataFrame(rows, columns=["method", "other", "difference", "low", "high", "p", "better", "photos"])


def _p_of_mean(gap: np.ndarray) -> float:
    """Two-sided p that the mean is 0; NaN for fewer than two values, or any that is none."""
    if len(gap) < 2 or not np.isfinite(gap).all():
        return float("nan")
    if np.ptp(gap) == 0:
        return float(gap[0] == 0)
    one_sign = 2.0 ** (1 - len(gap)) if (gap > 0).all() or (gap < 0).all() else 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # nearly the same for all photos
        return min(float(stats.ttest_1samp(gap, 0).pvalue), one_sign)


def apart(one, other) -> dict:
    """How far two means are apart of which only the intervals are known, not the values photo by photo.

    As if they were independent, each normal with 1.96 standard errors to each end of its interval. That is cautious
    where the two go up and down together, as errors of the same photos do: what makes a photo hard for both is not
    subtracted, as `paired` would. Where one falls as the other rises it is the opposite, far too sure of itself: so
    not for strengths, which sum to 0 (`preference.differences`).

    Parameters
    ----------
    one, other : Mapping
        mean, low, high (a 95 % interval), photos.

    Returns
    -------
    dict
        difference (one minus other), low, high (its 95 % interval), p (two-sided, that it is 0), photos (the smaller
        number).
    """
    difference = float(one["mean"] - other["mean"])
    half = float(np.hypot(one["high"] - one["low"], other["high"] - other["low"])) / 2
    found = {"difference": difference, "low": difference - half, "high": difference + half}
    return found | {"p": p_of_interval(**found), "photos": int(min(one["photos"], other["photos"]))}


def p_of_interval(difference: float, low: float, high: float) -> float:
    """The p-value that belongs to a difference with a 95 % interval, if it is normal.

    Parameters
    ----------
    difference, low, high : float
        The difference and the ends of its interval.

    Returns
    -------
    float
        Two-sided p that the difference is 0; NaN where one of them is NaN.
    """
    if np.isnan([difference, low, high]).any():
        return float("nan")
    if high == low:
        return float(difference == 0)
    return float(2 * stats.norm.sf(abs(difference) * 2 * 1.96 / (high - low)))


def significant(gaps: pd.DataFrame, level: float = LEVEL) -> np.ndarray:
    """Which differences are significant, corrected for the number of lines (Holm 1979).

    The chance that any of them is significant while all methods are equal stays below `level`. A line with fewer than
    FEW photos is not tested.

    Parameters
    ----------
    gaps : pd.DataFrame
        Of n lines, as `paired` returns it.
    level : float
        The chance of any false one, in (0, 1).

    Returns
    -------
    np.ndarray
        (n,) int: -1 where method is significantly smaller than other, 1 where it is larger, else 0.
    """
    tested = ((gaps["photos"] >= FEW) & gaps["p"].notna()).to_numpy()
    found = np.zeros(len(gaps), bool)
    found[tested] = holm(gaps["p"].to_numpy()[tested], level)
    return np.where(found, np.sign(gaps["difference"]), 0).astype(int)


def holm(p, level: float = LEVEL) -> np.ndarray:
    """Which hypotheses to reject so that the chance of any false rejection is at most `level`.

    Parameters
    ----------
    p : array-like
        (n,), the p-values of the hypotheses, in any order.
    level : float
        That chance, in (0, 1).

    Returns
    -------
    np.ndarray
        (n,) bool, True where the hypothesis is rejected.

    References
    ----------
    Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    order = np.argsort(p)
    passed = np.asarray(p)[order] * np.arange(len(order), 0, -1) <= level
    rejected = np.zeros(len(order), bool)
    rejected[order] = np.logical_and.accumulate(passed)  # after the first that does not pass, none does
    return rejected
