"""How the claims on the four regressions are judged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbhelpers.comparison.evidence import REGRESSIONS, SHARES, Evidence, gap, signs
from nbhelpers.comparison.verdicts import FAILS, HOLDS, OPEN, PARTLY, Claim, on_photos, plain, span, verdict
from nbhelpers.registry import FOUR

ACCURATE = 0.05  # of the mean colour's error
PROMPTED = 0.25  # of the mean colour's error
FEW_KNOWN, MORE_KNOWN = 0.99, 0.95  # shares of unknown pixels


def _few_unknown(e: Evidence):
    part = e.at(SHARES[0], "mean", *FOUR)
    worst = part.loc[list(FOUR), "mean"].max() / part.loc["mean", "mean"]
    text = f"{SHARES[0]:.0%} unknown: the worst of the four has {worst:.2%} of the mean colour's error"
    if unsolved := _unsolved(part):
        return on_photos(_photos(part), FAILS, f"{SHARES[0]:.0%} unknown: not solved on every photo: {unsolved}")
    return on_photos(_photos(part), HOLDS if worst < ACCURATE else FAILS, text)


def _unsolved(part: pd.DataFrame, names=FOUR) -> str:
    """The regressions that left a photo unsolved; "" for none."""
    few = [name for name in names if part.loc[name, "not_converged"] > 0 or pd.isna(part.loc[name, "mean"])]
    return ", ".join(few)


def _photos(part: pd.DataFrame, names=FOUR) -> int:
    """How many photos the regressions were given, solved or not."""
    return int(part.loc[list(names), ["photos", "not_converged"]].sum(axis=1).min())


def _lasso_wins(e: Evidence):
    if e.axis_pairs is None:
        raise KeyError("no differences")
    parts = [e.axis_pairs[np.isclose(e.axis_pairs["unknown"], share)] for share in SHARES]
    gaps = [gap(part, one, other) for part in parts for one, other in REGRESSIONS]
    said = signs(gaps)
    better, worse = (sum(sign == wanted for sign in said) for wanted in (-1, 1))
    text = f"up to {SHARES[-1]:.0%} unknown {better} of {len(said)} comparisons are significantly better, {worse} worse"
    words = "; ".join(f"{share:.0%}: {span(each)}" for share, each in zip(SHARES, gaps[:: len(REGRESSIONS)]))
    return verdict(said), f"{text}. ElasticNet minus OLS, ab-MSE at {words}"


def _weak_l2(e: Evidence):
    names = ("ols", "ridge", "elasticnet")
    parts = [e.at(share, *names) for share in SHARES]
    photos = min(_photos(part, names) for part in parts)
    if any(_unsolved(part, names) for part in parts):
        told = [
            f"{_unsolved(part, names)} at {share:.0%}" for share, part in zip(SHARES, parts) if _unsolved(part, names)
        ]
        return OPEN, f"not solved on every photo: {'; '.join(told)} unknown ({photos} photos)"
    means = [part["mean"] for part in parts]
    ridge, elastic = (max(abs(m[name] / m["ols"] - 1) for m in means) for name in ("ridge", "elasticnet"))
    near = f"{ridge:.1e}" if ridge > 1e-6 else "a millionth"
    text = f"up to {SHARES[-1]:.0%} unknown Ridge's ab-MSE is within {near} of OLS's, ElasticNet's within {elastic:.0%}"
    return on_photos(photos, HOLDS if ridge < elastic else FAILS, text)


def _nothing_known(e: Evidence):
    part = e.at(1.0, "mean", *FOUR)
    four, mean = part.loc[list(FOUR)], part.loc["mean", "mean"]
    every = four["photos"] + four["not_converged"]
    errors = {name: f", ab-MSE {plain(error)}" if pd.notna(error) else "" for name, error in four["mean"].items()}
    words = [f"{name} solved {four.loc[name, 'photos']:.0f} of {every[name]:.0f}{errors[name]}" for name in FOUR]
    text = f"{'; '.join(words)}; the mean colour {mean:.0f}"
    if four["not_converged"].any():
        return on_photos(every.max(), FAILS, text)
    better = (four["mean"] < mean).all()
    return on_photos(every.max(), HOLDS if better else PARTLY, text if better else f"each has its one solution: {text}")


def _prompts(e: Evidence):
    part = e.at(FEW_KNOWN, "mean", *FOUR)
    share = part["mean"] / part.loc["mean", "mean"]
    paint = [name for name in FOUR if part.loc[name, "not_converged"] == 0 and share[name] < PROMPTED]
    words = [f"{n} {_share(share[n])}" if part.loc[n, "not_converged"] == 0 else f"{n} not always solved" for n in FOUR]
    text = f"{1 - FEW_KNOWN:.0%} of the pixels known, error over the mean colour's: {', '.join(words)}"
    text += f"; below {PROMPTED:.0%}: {len(paint)} of {len(FOUR)}"
    text += f"; beside them edge-aware {share['edge-aware']:.0%}" if "edge-aware" in share else ""
    try:
        more = e.at(MORE_KNOWN, "mean", *FOUR)["mean"]
        worst = more[list(FOUR)].max(skipna=False) / more["mean"]
        text += f". With {1 - MORE_KNOWN:.0%} known the worst of the four has {_share(worst)}"
    except KeyError:
        pass  # a run without that share
    found = HOLDS if len(paint) == len(FOUR) else PARTLY if paint else FAILS
    return on_photos(_photos(part), found, text)


def _share(value: float) -> str:
    return f"{value:.0%}" if value < 10 else f"{plain(value)} times"


LINEAR = (
    Claim(
        "Linear models predict accurately when few pixels are unknown", "5.1", _few_unknown,
        f"with {SHARES[0]:.0%} unknown: holds if each of the four regressions is solved on every photo and the worst "
        f"has less than {ACCURATE:.0%} of the mean colour's error, else it does not",
    ),
    Claim(
        "Lasso and ElasticNet outperform OLS and Ridge", "5.1, Table 1", _lasso_wins,
        f"Lasso and ElasticNet, each minus OLS and Ridge, at {', '.join(f'{share:.0%}' for share in SHARES)} unknown, "
        f"{len(SHARES) * len(REGRESSIONS)} paired differences: judged together",
    ),
    Claim(
        "L2 regularization is weaker than L1 with so many rows", "5.1", _weak_l2,
        f"up to {SHARES[-1]:.0%} unknown: holds if Ridge's error is nearer to OLS's than ElasticNet's is, "
        "each where it is farthest, else it does not; undecided if one of these three was not solved on every photo",
    ),
    Claim(
        "With nothing known, the linear models still have an answer (printed: 102 to 211)", "Table 1", _nothing_known,
        "all four on all photos: holds if each is solved and has a smaller error than the mean colour; in part if each "
        "is solved; else it does not hold",
    ),
    Claim(
        "With prompts, the classical models can paint with the given colours", "6", _prompts,
        f"with {1 - FEW_KNOWN:.0%} of the pixels known: a regression can if it is solved on every photo with less than "
        f"{PROMPTED:.0%} of the mean colour's error; holds if all four can, in part if some can, else it does not",
    ),
)  # fmt: skip
