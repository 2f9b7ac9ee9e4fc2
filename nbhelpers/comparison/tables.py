"""The comparison of notebook 07: every method on the same photos; tables of what that shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from nbhelpers import paths, registry
from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.errors import UserError
from nbhelpers.evaluation.evaluate import MEASURES, evaluate
from nbhelpers.evaluation.statistics import paired, significant, summarise
from nbhelpers.registry import BLIND, FOUR

RATIOS = {"colourfulness": "true_colourfulness", "chroma": "true_chroma"}  # measured as shares of the truth's


def load_methods(names, run: paths.Run) -> tuple[dict, dict[str, str]]:
    """The fitted methods of a run, {name: Colorizer}, and of those that cannot be loaded why: {name: sentence}."""
    found, missing = {}, {}
    for name in names:
        try:
            found[name] = registry.load(name, run)
        except UserError as error:
            missing[name] = str(error)
    return found, missing


def anchor_study(methods: dict, photos, strengths) -> pd.DataFrame:
    """Neighbour systems without any hint, drawn to the mean colour with several strengths.

    methods: name -> Propagation.  photos: a `Photos` of training photos, for the choice must not see others.
    Returns method, anchor, mean (ab-MSE), low, high, photos, not_converged.
    """
    tries = [replace(methods[name], name=f"{name} {value}", anchor=value) for name in methods for value in strengths]
    scores = summarise(evaluate(tries, photos, [1.0], measures=("ab_mse",)), ["method"])
    keys = scores.pop("method").str.rsplit(" ", n=1, expand=True)
    return scores.assign(method=keys[0], anchor=keys[1].astype(float))[["method", "anchor", *scores.columns]]


def anchored(methods: dict, study: pd.DataFrame) -> dict:
    """Each method of `anchor_study` with its best anchor among those that always converged, "<name>, anchored"."""
    found = {}
    for name, rows in study[study["not_converged"] == 0].groupby("method", sort=False):
        best = rows.loc[rows["mean"].idxmin(), "anchor"]
        found[f"{name}, anchored"] = replace(methods[name], name=f"{name}, anchored", anchor=float(best))
    return found


def without_hints(methods: dict, held: dict) -> list:
    """The methods to compare where nothing is known: each regression gives its place to its anchored variant."""
    chosen = [held.get(f"{name}, anchored") if name in FOUR else method for name, method in methods.items()]
    return [method for method in chosen if method is not None]


def scoreboard(scores: pd.DataFrame, measures=MEASURES) -> pd.DataFrame:
    """One row per method and measure: method, measure, mean, low, high (95 % interval), photos, not_converged.

    scores: of one share of unknown pixels. Chroma and colourfulness become shares of the truth's. The last method,
    "truth", has the measures that are not distances: those two, which are 1, and hue_spread.
    """
    first = scores[scores["method"] == scores["method"].iloc[0]].assign(method="truth", converged=True)
    truth = first.assign(**{name: first[f"true_{name}"] for name in (*RATIOS, "hue_spread") if name in measures})
    tables = []
    for name in measures:
        both = pd.concat([scores, truth]) if name in (*RATIOS, "hue_spread") else scores
        tables.append(summarise(both, ["method"], name, RATIOS.get(name)).assign(measure=name))
    columns = ["method", "measure", "mean", "low", "high", "photos", "not_converged"]
    return pd.concat(tables, ignore_index=True)[columns]


def wide(board: pd.DataFrame) -> pd.DataFrame:
    """The means of a `scoreboard`: methods down, measures across."""
    return board.pivot(index="method", columns="measure", values="mean").loc[
        list(dict.fromkeys(board["method"])), list(dict.fromkeys(board["measure"]))
    ]


def winners(scores: pd.DataFrame) -> pd.DataFrame:
    """The best method at each share of unknown pixels, and which others are not significantly different.

    Returns unknown, best, ab_mse, not significantly different (from the best: see `statistics.significant`), and the
    best of the methods that ignore hints. Methods that did not solve every photo do not take part.
    """
    rows = []
    for share, part in scores.groupby("unknown"):
        solved = part.groupby("method", sort=False)["converged"].transform("all")
        means = part[solved].groupby("method", sort=False)["ab_mse"].mean().sort_values(kind="stable")
        gaps = paired(part[solved], against=means.index[0])
        tied = gaps.loc[significant(gaps) == 0, "method"]
        flat = next((name for name in means.index if name in BLIND), "")
        rows.append((share, means.index[0], means.iloc[0], ", ".join(tied), flat, means.get(flat, np.nan)))
    columns = ["unknown", "best", "ab_mse", "not significantly different", "best without hints", "its ab_mse"]
    return pd.DataFrame(rows, columns=columns)


def accumulated(scores: pd.DataFrame) -> pd.DataFrame:
    """Figure 5, and the mean with its interval: method, photos (how many so far), total, mean, low, high.

    total: the sum of the photos' ab-MSE so far, as the paper draws it. mean: that divided by their number, with the
    95 % interval of a mean of so many photos, mean +- 1.96 standard errors (NaN for one photo).
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
    """How brown is it? Of all pixels that each method painted; "truth" is one of the names.

    mean: the mean colour (a*, b*). Returns method, chroma (mean distance from grey), of truth (that over the truth's),
    from mean (mean distance from the mean colour), distinct (colours that hold 99 % of the pixels, of 1 x 1 unit),
    hue_entropy (bits) and hue_spread (see `ColourStatistics`).
    """
    rows = []
    for name, found in colours.items():
        row = (name, found.chroma, found.chroma / colours["truth"].chroma, found.distance_to(mean), found.distinct)
        rows.append((*row, found.hue_entropy, found.hue_spread))
    names = ["method", "chroma", "of truth", "from mean", "distinct", "hue_entropy", "hue_spread"]
    return pd.DataFrame(rows, columns=names)


def tails(scores: pd.DataFrame) -> pd.DataFrame:
    """The best and the worst tenth of the photos for each method, by ab-MSE.

    Returns method, best tenth, median, worst tenth (means of the tenths), and share: how much of the whole error the
    worst tenth makes.
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
    """The photos among `names` that each method paints best and worst: method -> best ones, then worst ones."""
    found = {}
    for method, part in scores[scores["photo"].isin(list(names))].groupby("method", sort=False):
        order = part.sort_values("ab_mse", kind="stable")["photo"].tolist()
        found[method] = order[:count] + order[-count:]
    return found
