"""The comparison of notebook 07: every method on the same photos; tables of what that shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from nbhelpers import paths, registry
from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.errors import UserError
from nbhelpers.evaluation.evaluate import MEASURES, evaluate
from nbhelpers.evaluation.reference import TRAINING
from nbhelpers.evaluation.statistics import FEW, paired, significant, summarise
from nbhelpers.registry import BLIND, FOUR

TOO_FEW = "too few photos"  # to say anything of differences
RATIOS = {"colourfulness": "true_colourfulness", "chroma": "true_chroma"}  # measured as shares of the truth's


def load_methods(names, run: paths.Run) -> tuple[dict, dict[str, str]]:
    """Load the fitted methods of a run.

    Parameters
    ----------
    names : iterable of str
        Of the registry.
    run : paths.Run or None
        Whose models are looked for first; None takes those that come with the course.

    Returns
    -------
    tuple of dict
        name -> Colorizer, and of those that cannot be loaded name -> a sentence that says why.
    """
    found, missing = {}, {}
    for name in names:
        try:
            found[name] = registry.load(name, run)
        except UserError as error:
            missing[name] = str(error)
    return found, missing


def anchor_study(methods: dict, photos, strengths) -> pd.DataFrame:
    """Score neighbour systems without any hint, drawn to the mean colour with several strengths.

    Parameters
    ----------
    methods : dict
        Name -> Propagation.
    photos : Photos
        Training photos, for the choice must not see others.
    strengths : sequence of float
        Anchors to try.

    Returns
    -------
    pd.DataFrame
        method, anchor, mean (ab-MSE), low, high, photos, not_converged.
    """
    tries = [replace(methods[name], name=f"{name} {value}", anchor=value) for name in methods for value in strengths]
    scores = summarise(evaluate(tries, photos, [1.0], measures=("ab_mse",)), ["method"])
    keys = scores.pop("method").str.rsplit(" ", n=1, expand=True)
    return scores.assign(method=keys[0], anchor=keys[1].astype(float))[["method", "anchor", *scores.columns]]


def anchored(methods: dict, study: pd.DataFrame) -> dict:
    """Give each method of `anchor_study` its best anchor among those that always converged.

    Parameters
    ----------
    methods : dict
        Name -> Propagation, as `anchor_study` was given them.
    study : pd.DataFrame
        What it returned.

    Returns
    -------
    dict
        "<name>, anchored" -> Propagation of that name; a method that no anchor solves is left out.
    """
    found = {}
    for name, rows in study[study["not_converged"] == 0].groupby("method", sort=False):
        best = rows.loc[rows["mean"].idxmin(), "anchor"]
        found[f"{name}, anchored"] = replace(methods[name], name=f"{name}, anchored", anchor=float(best))
    return found


def without_hints(methods: dict, held: dict) -> list:
    """Choose the methods to compare where nothing is known: each regression gives its place to its anchored variant.

    Parameters
    ----------
    methods : dict
        Name -> Colorizer.
    held : dict
        The anchored variants, as `anchored` returns them; a regression without one is left out.

    Returns
    -------
    list of Colorizer
        In the order of `methods`.
    """
    chosen = [held.get(f"{name}, anchored") if name in FOUR else method for name, method in methods.items()]
    return [method for method in chosen if method is not None]


def scoreboard(scores: pd.DataFrame, measures=MEASURES) -> pd.DataFrame:
    """Tabulate the mean of each method and measure, with its 95 % interval over photos.

    Parameters
    ----------
    scores : pd.DataFrame
        Of one share of unknown pixels, as in `Scores.table`.
    measures : sequence of str
        Columns of `scores`, of `evaluate.MEASURES`.

    Returns
    -------
    pd.DataFrame
        One row per method and measure: method, measure, mean, low, high, photos, not_converged. Chroma and
        colourfulness are shares of the truth's. The last method, "truth", has the measures that are not distances:
        those two, which are 1, and hue_spread.
    """
    first = scores[scores["method"] == scores["method"].iloc[0]].assign(method="truth", converged=True)
    truth = first.assign(**{name: first[f"true_{name}"] for name in (*RATIOS, "hue_spread") if name in measures})
    tables = []
    for name in measures:
        both = pd.concat([scores, truth]) if name in (*RATIOS, "hue_spread") else scores
        tables.append(summarise(both, ["method"], name, RATIOS.get(name)).assign(measure=name))
    columns = ["method", "measure", "mean", "low", "high", "photos", "not_converged"]
    return pd.concat(tables, ignore_index=True)[columns]


def wide(board: pd.DataFrame, across: str = "measure") -> pd.DataFrame:
    """Lay out the means of a `scoreboard`, or of another table of means.

    Parameters
    ----------
    board : pd.DataFrame
        As `scoreboard` returns it, or method, `across` and mean.
    across : str
        The column whose values become columns.

    Returns
    -------
    pd.DataFrame
        Methods down, measures across, both in the board's order; then the columns of `networks.columns` that it has.
    """
    order = list(dict.fromkeys(board["method"])), list(dict.fromkeys(board[across]))
    means = board.pivot(index="method", columns=across, values="mean").loc[order]
    kept = [name for name in TRAINING if name in board]
    return means.join(board.groupby("method")[kept].first()) if kept else means


def winners(scores: pd.DataFrame) -> pd.DataFrame:
    """Find the best method at each share of unknown pixels, and which others are not significantly different.

    Methods that did not solve every photo do not take part.

    Parameters
    ----------
    scores : pd.DataFrame
        photo, unknown, method, ab_mse, converged.

    Returns
    -------
    pd.DataFrame
        unknown, best, ab_mse, not significantly different (from the best: see `statistics.significant`; names in one
        string, or TOO_FEW), best without hints (of the methods that ignore them; "" for none), its ab_mse.
    """
    rows = []
    for share, part in scores.groupby("unknown"):
        solved = part.groupby("method", sort=False)["converged"].transform("all")
        means = part[solved].groupby("method", sort=False)["ab_mse"].mean().sort_values(kind="stable")
        gaps = paired(part[solved], against=means.index[0])
        tied = ", ".join(gaps.loc[significant(gaps) == 0, "method"])
        if part["photo"].nunique() < FEW:
            tied = TOO_FEW
        flat = next((name for name in means.index if name in BLIND), "")
        rows.append((share, means.index[0], means.iloc[0], tied, flat, means.get(flat, np.nan)))
    columns = ["unknown", "best", "ab_mse", "not significantly different", "best without hints", "its ab_mse"]
    return pd.DataFrame(rows, columns=columns)


def accumulated(scores: pd.DataFrame) -> pd.DataFrame:
    """Sum up the photos' errors as Figure 5 does, and take the mean with its interval.

    Parameters
    ----------
    scores : pd.DataFrame
        method, ab_mse, converged; photos that were not solved are left out.

    Returns
    -------
    pd.DataFrame
        method, photos (how many so far), total, mean, low, high. total: the sum of the photos' ab-MSE so far, as the
        paper draws it. mean: that divided by their number, with the 95 % interval of a mean of so many photos, mean +-
        1.96 standard errors (NaN for one photo).

    References
    ----------
    Figure 5 of the paper.
    """
    tables = []
    for method, rows in scores[scores["converged"]].groupby("method", sort=False):
        errors = rows["ab_mse"].reset_index(drop=True)
        n, total = errors.index + 1, errors.cumsum()
        mean, half = total / n, 1.96 * errors.expanding().std() / np.sqrt(n)  # sem() divides by n - 1 before pandas 3
        found = {"photos": n, "total": total, "mean": mean, "low": mean - half, "high": mean + half}
        tables.append(pd.DataFrame({"method": method} | found))
    return pd.concat(tables, ignore_index=True)


def brown(colours: dict[str, ColourStatistics], mean) -> pd.DataFrame:
    """Measure how brown the pixels of each method are, all photos together.

    Parameters
    ----------
    colours : dict
        Name -> ColourStatistics; "truth" is one of the names.
    mean : sequence of float
        The mean colour (a*, b*).

    Returns
    -------
    pd.DataFrame
        method, chroma (mean distance from grey), of truth (that over the truth's), from mean (mean distance from the
        mean colour), distinct (colours that hold 99 % of the pixels, of 1 x 1 unit), hue_entropy (bits) and hue_spread
        (see `ColourStatistics`).
    """
    rows = []
    for name, found in colours.items():
        row = (name, found.chroma, found.chroma / colours["truth"].chroma, found.distance_to(mean), found.distinct)
        rows.append((*row, found.hue_entropy, found.hue_spread))
    names = ["method", "chroma", "of truth", "from mean", "distinct", "hue_entropy", "hue_spread"]
    return pd.DataFrame(rows, columns=names)


def tails(scores: pd.DataFrame) -> pd.DataFrame:
    """Compare the best and the worst tenth of the photos of each method, by ab-MSE.

    Parameters
    ----------
    scores : pd.DataFrame
        method, ab_mse, converged; photos that were not solved are left out.

    Returns
    -------
    pd.DataFrame
        method, best tenth, median, worst tenth (means of the tenths), share of worst tenth (how much of the whole error
        it makes, in [0, 1]), photos.
    """
    rows = []
    for method, part in scores[scores["converged"]].groupby("method", sort=False):
        errors = np.sort(part["ab_mse"])
        tenth = max(1, len(errors) // 10)
        best, worst = errors[:tenth], errors[-tenth:]
        rows.append((method, best.mean(), np.median(errors), worst.mean(), worst.sum() / errors.sum(), len(errors)))
    columns = ["method", "best tenth", "median", "worst tenth", "share of worst tenth", "photos"]
    return pd.DataFrame(rows, columns=columns)


def extremes(scores: pd.DataFrame, names, count: int = 1) -> dict[str, list[str]]:
    """Find the photos that each method colorizes best and worst, by ab-MSE.

    Parameters
    ----------
    scores : pd.DataFrame
        photo, method, ab_mse.
    names : iterable of str
        The photos to choose from.
    count : int
        How many best ones, and how many worst ones.

    Returns
    -------
    dict
        Method -> names of the best photos, best first, then of the worst, worst last.
    """
    found = {}
    for method, part in scores[scores["photo"].isin(list(names))].groupby("method", sort=False):
        order = part.sort_values("ab_mse", kind="stable")["photo"].tolist()
        found[method] = order[:count] + order[-count:]
    return found
