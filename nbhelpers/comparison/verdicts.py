"""The words of the verdicts, and how several comparisons make one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from nbhelpers.evaluation.statistics import FEW, LEVEL

HOLDS, FAILS, PARTLY, OPEN = "holds", "does not hold", "holds in part", "undecided"
UNTESTED = "not tested"  # evidence of the kind that the claim is about is not there

SIGNIFICANT = (
    f"p below {LEVEL} after Holm's correction for all the differences that the claim compares, on {FEW} photos or more"
)
SEVERAL = (
    "each difference is significantly for the claim, significantly against it, or neither: holds if all are for it; "
    "does not hold if some are against it and none for it; in part if some are for it while others are against it or "
    "neither; undecided if all are neither"
)


class Claim(NamedTuple):
    """One of the paper's claims, and how it is judged.

    Attributes
    ----------
    claim : str
        In a sentence.
    paper : str
        Where it stands in the paper.
    judge : callable
        (Evidence) -> verdict, evidence in words; KeyError when a line is missing that the claim is about.
    rule : str
        What `judge` does, in one line, its thresholds in the very numbers that it takes.
    """

    claim: str
    paper: str
    judge: Callable
    rule: str


def verdict(signs) -> str:
    """One verdict from several comparisons, as SEVERAL says.

    Parameters
    ----------
    signs : sequence of int
        -1 where the claim is significantly right, 1 where its opposite is, 0 where neither.

    Returns
    -------
    str
        HOLDS, FAILS, PARTLY or OPEN.
    """
    if not any(signs):
        return OPEN
    return FAILS if min(signs) >= 0 else HOLDS if max(signs) < 0 else PARTLY


def on_photos(photos, verdict: str, text: str) -> tuple[str, str]:
    """A verdict that needs no comparison, with the number of photos that it rests on.

    Parameters
    ----------
    photos : int
        Their number; fewer than FEW decide nothing.
    verdict, text : str
        Verdict and evidence.

    Returns
    -------
    tuple of str
        The verdict, or OPEN, and the evidence with that number.
    """
    return OPEN if photos < FEW else verdict, f"{text} ({photos:.0f} photo{'' if photos == 1 else 's'})"


def plain(value: float) -> str:
    """A number without decimals; a very large one with its power of ten.

    Parameters
    ----------
    value : float
        At least 0.

    Returns
    -------
    str
        Such as "516" or "3e+08".
    """
    return f"{value:.0f}" if value < 1e5 else f"{value:.0e}"


def span(gap) -> str:
    """A difference with its interval, in words.

    Parameters
    ----------
    gap : Mapping
        difference, low, high.

    Returns
    -------
    str
        Such as "-10.4 (-12.7 to -7.95)".
    """
    return f"{gap['difference']:+.3g} ({gap['low']:+.3g} to {gap['high']:+.3g})"
