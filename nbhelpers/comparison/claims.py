"""The paper's claims, one by one, against the tables of a run: verdict and evidence come from the tables alone."""

from __future__ import annotations

import pandas as pd

from nbhelpers.comparison.evidence import Evidence, of_scores
from nbhelpers.comparison.rules_gan import GENERATIVE
from nbhelpers.comparison.rules_learned import LEARNED
from nbhelpers.comparison.rules_linear import LINEAR
from nbhelpers.comparison.verdicts import FAILS, HOLDS, OPEN, PARTLY, SEVERAL, SIGNIFICANT, UNTESTED
from nbhelpers.evaluation.statistics import FEW

CLAIMS = (*LINEAR, *LEARNED, *GENERATIVE)
VERDICTS = (HOLDS, PARTLY, FAILS, OPEN, UNTESTED)
KEPT = ". Judged by the reference run itself, whose scores photo by photo are not kept"
COLUMNS = ["claim", "paper", "verdict", "evidence"]


def rules() -> str:
    """The rule of each claim, one line each.

    Returns
    -------
    str
        A Markdown list: what few photos decide, what is significant, how several differences make one verdict, then
        claim after claim. The thresholds are those that the rules take.
    """
    few = f"on fewer than {FEW} photos, what is said of painted photos is {OPEN}; how real they look is {UNTESTED}"
    lines = [f"- **Few photos**: {few}.", f"- **Significant**: {SIGNIFICANT}.", f"- **Judged together**: {SEVERAL}."]
    return "\n".join([*lines, *(f"- *{each.claim}*: {each.rule}." for each in CLAIMS)])


def told(judged: pd.DataFrame) -> str:
    """The evidence of verdicts, one finding to a line, to stand below the table of verdicts.

    Parameters
    ----------
    judged : pd.DataFrame
        As `judge` returns it.

    Returns
    -------
    str
        A Markdown list: each claim with its verdict, below it the parts of its evidence.
    """
    lines = []
    for row in judged.itertuples():
        lines.append(f"- *{row.claim}*: **{row.verdict}**")
        lines += [f"    - {part}" for part in row.evidence.split("; ")]
    return "\n".join(lines)


def judge(evidence: Evidence, before: pd.DataFrame | None = None) -> pd.DataFrame:
    """Give a verdict on each of the paper's claims.

    Parameters
    ----------
    evidence : Evidence
        Of a run, or of the committed tables.
    before : pd.DataFrame, optional
        Verdicts of the run that made these tables: they stay, and that is said, for a claim that the tables alone
        cannot decide.

    Returns
    -------
    pd.DataFrame
        One row per claim: claim, paper (section), verdict ("holds", "does not hold", "holds in part", "undecided" or
        "not tested"), evidence. A claim whose methods or shares are not in the tables is "undecided".
    """
    kept = {} if before is None else {row.claim: (row.verdict, row.evidence) for row in before.itertuples()}
    lacking = OPEN, "this run lacks a method or a share that the claim is about"
    rows = []
    for claim in CLAIMS:
        try:
            found = claim.judge(evidence)
        except (KeyError, IndexError):
            found = kept.get(claim.claim, lacking)
            if claim.claim in kept:
                found = found[0], found[1].removesuffix(KEPT) + KEPT  # the tables may have been judged before
        rows.append((claim.claim, claim.paper, *found))
    return pd.DataFrame(rows, columns=COLUMNS)


def check_claims(
    full: pd.DataFrame, axis: pd.DataFrame, brown: pd.DataFrame, coins: pd.DataFrame | None = None, **more
):
    """Give a verdict on each of the paper's claims from the scores of a run.

    Parameters
    ----------
    full : pd.DataFrame
        Scores at 100 % unknown (`scores.score_methods`), one row per photo and method.
    axis : pd.DataFrame
        Scores over the shares of unknown pixels, with the column unknown in [0, 1].
    brown : pd.DataFrame
        As `tables.brown` gives it.
    coins : pd.DataFrame, optional
        The known-answer games of notebook 06 (config, converged), if they were played.
    **more : dict, tuple, pd.DataFrame or None
        trained, and further tables: see `evidence.of_scores`.

    Returns
    -------
    pd.DataFrame
        As `judge` gives it.
    """
    return judge(of_scores(full, axis, brown, coins=coins, **more))
