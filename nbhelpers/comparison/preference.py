"""How strong each method is, from the answers of a `rating`: a Bradley-Terry model with intervals."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from nbhelpers.comparison.rating import TRUTH
from nbhelpers.evaluation.statistics import p_of_interval

RESULT = ("method", "strength", "low", "high", "against truth", "against low", "against high", "wins", "comparisons",
          "raters", "photos")  # fmt: skip
PAIRS = ("method", "other", "difference", "low", "high", "p", "drawn", "unit")
RIDGE = 0.1  # times half the sum of the squared strengths; as if they were normal with 3.2 log odds around 0
RATERS = 5  # from so many on, the intervals are about other raters; below about other photos


def bradley_terry(answers: pd.DataFrame, seed: int = 0, draws: int = 1000) -> pd.DataFrame:
    """Estimate how strong each method is from who was preferred to whom.

    P(i is preferred to j) = 1 / (1 + exp(s_j - s_i)), by maximum likelihood with a small ridge (RIDGE), so that a
    method that always wins stays finite. Of several answers of a rater to the same question the last counts.

    Intervals are 95 % percentile intervals of a bootstrap over raters when there are at least RATERS of them, else over
    photos, each with all its answers: answers of one rater, or about one photo, are no independent ones. With fewer
    than ten of either they are far too sure of themselves. Resamples in which a method meets no other are left out.

    Parameters
    ----------
    answers : pd.DataFrame
        As `read` returns it.
    seed : int
        Of the bootstrap.
    draws : int
        The number of resamples.

    Returns
    -------
    pd.DataFrame
        One row for each method, the strongest first: method, strength (log odds; their mean over the methods is 0),
        low, high, against truth (the probability in [0, 1] to be preferred to the photo itself; at 0.5 nobody can tell
        them apart), against low, against high, wins, comparisons, raters, photos (numbers). Strengths are NaN when the
        methods fall into groups that were never compared with each other; intervals also when there is only one photo
        to draw, or most resamples fall into groups; "against" also without the truth. No rows for no answers.

    References
    ----------
    Bradley and Terry 1952, "Rank analysis of incomplete block designs: I. The method of paired comparisons".
    """
    if answers.empty:
        return pd.DataFrame(columns=RESULT)
    answers, names, won, found, sampled, unit = _resampled(answers, seed, draws)
    units = answers[unit].nunique()
    low, high = _interval(sampled, units)
    against_low, against_high = _interval(_against_truth(sampled, names), units)
    columns = (names, found, low, high, _against_truth(found, names), against_low, against_high)
    table = pd.DataFrame(dict(zip(RESULT, columns)))
    met = [_met(answers, name) for name in names]
    table["wins"], table["comparisons"] = np.bincount(won, minlength=len(names)), [len(rows) for rows in met]
    table["raters"], table["photos"] = ([rows[name].nunique() for rows in met] for name in ("rater", "photo"))
    return table.sort_values("strength", ascending=False, kind="stable", ignore_index=True)


def differences(answers: pd.DataFrame, seed: int = 0, draws: int = 1000) -> pd.DataFrame:
    """How much stronger each method is than each other, from the very resamples of `bradley_terry`.

    Strengths sum to 0: one falls as another rises, so the interval of a difference is wider than those of two
    independent strengths would make it.

    Parameters
    ----------
    answers : pd.DataFrame
        As `read` returns it.
    seed : int
        Of the bootstrap.
    draws : int
        The number of resamples.

    Returns
    -------
    pd.DataFrame
        One row for each two methods: method, other, difference (in log odds, method minus other), low, high (its 95 %
        interval), p (that of this interval, if it is normal), drawn (how many of what was drawn anew have answers about
        a method, of the two the smaller number), unit (what was drawn anew: "rater" or "photo").
        NaN as there; no rows for no answers.
    """
    if answers.empty:
        return pd.DataFrame(columns=PAIRS)
    answers, names, _, found, sampled, unit = _resampled(answers, seed, draws)
    pairs = np.array(list(combinations(range(len(names)), 2))).T
    gaps, moved = found[pairs[0]] - found[pairs[1]], sampled[:, pairs[0]] - sampled[:, pairs[1]]
    low, high = _interval(moved, answers[unit].nunique())
    drawn = np.array([_met(answers, name)[unit].nunique() for name in names])[pairs].min(axis=0)
    p = [p_of_interval(*each) for each in zip(gaps, low, high)]
    table = pd.DataFrame(dict(zip(PAIRS, (names[pairs[0]], names[pairs[1]], gaps, low, high, p, drawn))))
    return table.assign(unit=unit)


def _met(answers: pd.DataFrame, name: str) -> pd.DataFrame:
    """The answers about a method."""
    return answers[(answers["left"] == name) | (answers["right"] == name)]


def _resampled(answers: pd.DataFrame, seed: int, draws: int) -> tuple:
    """Answers that count, names, who won each, strengths, (draws, n) strengths of resamples, what was resampled."""
    ordered = np.sort(answers[["left", "right"]].to_numpy(str), axis=1)
    asked = answers[["rater", "photo"]].assign(one=ordered[:, 0], other=ordered[:, 1])
    answers = answers[~asked.duplicated(keep="last").to_numpy()]
    names, sides = np.unique(answers[["left", "right"]].to_numpy(str), return_inverse=True)
    sides = sides.reshape(-1, 2)
    won_left = (answers["chosen"] == "left").to_numpy()
    won, lost = np.where(won_left, *sides.T), np.where(won_left, *sides.T[::-1])
    unit = "rater" if answers["rater"].nunique() >= RATERS else "photo"
    units, of = np.unique(answers[unit].to_numpy(str), return_inverse=True)
    wins = np.zeros((len(units), len(names), len(names)))  # [u, i, j]: how often i was preferred to j
    np.add.at(wins, (of, won, lost), 1)
    found = _strengths(wins.sum(axis=0))
    drawn = np.random.default_rng(seed).multinomial(len(units), np.full(len(units), 1 / len(units)), draws)
    sampled = np.array([_strengths(np.tensordot(times, wins, 1)) for times in drawn])
    return answers, names, won, found, sampled, unit


def _strengths(wins: np.ndarray) -> np.ndarray:
    """(n,) log odds of n methods from (n, n) how often i was preferred to j; NaN when they fall into groups."""
    if connected_components(wins, directed=False)[0] > 1:
        return np.full(len(wins), np.nan)
    one, other = np.nonzero(np.triu(wins + wins.T))
    design = np.eye(len(wins))[one] - np.eye(len(wins))[other]
    model = LogisticRegression(C=1 / RIDGE, fit_intercept=False, tol=1e-6)
    times = np.concatenate([wins[one, other], wins[other, one]])
    model.fit(np.vstack([design, design]), np.repeat([1, 0], len(design)), times)
    return model.coef_[0] - model.coef_[0].mean()


def _against_truth(strengths: np.ndarray, names: np.ndarray) -> np.ndarray:
    """The probability to be preferred to the truth, from strengths (..., n); NaN when it is not among the names."""
    truth = strengths[..., names == TRUTH]
    return expit(strengths - truth) if truth.size else np.full_like(strengths, np.nan)


def _interval(sampled: np.ndarray, units: int) -> np.ndarray:
    """(2, n) low and high end over (draws, n)."""
    good = sampled[np.isfinite(sampled).all(axis=1)]
    if units < 2 or 2 * len(good) < len(sampled):
        return np.full((2, sampled.shape[1]), np.nan)
    return np.percentile(good, [2.5, 97.5], axis=0)
