"""The paper's claims, one by one, against the scores of a run: verdict and evidence come from the tables alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbhelpers.evaluation.statistics import paired, significant
from nbhelpers.registry import FOUR, ROWS

HOLDS, FAILS, PARTLY, OPEN = "holds", "does not hold", "holds in part", "undecided"


def _means(scores: pd.DataFrame, value: str = "ab_mse") -> pd.Series:
    return scores[scores["converged"]].groupby("method", sort=False)[value].mean()


def _compared(*pairs) -> tuple[list[int], list[str]]:
    """Of pairs (scores, method, other, measure): signs of the significant differences method minus other, else 0,
    corrected for the number of pairs; and each difference with its interval in words."""
    tables = [paired(scores[scores["method"].isin([method, other])], value, other)
              for scores, method, other, value in pairs]  # fmt: skip
    if any(table.empty for table in tables):
        raise KeyError("a method has no scores")
    gaps = pd.concat(tables, ignore_index=True)
    words = [f"{gap.difference:+.3g} ({gap.low:+.3g} to {gap.high:+.3g})" for gap in gaps.itertuples()]
    return significant(gaps).tolist(), words


def _verdict(signs) -> str:
    """From several comparisons: -1 where the claim is significantly right, 1 where its opposite is, 0 where neither."""
    if not any(signs):
        return OPEN
    return FAILS if min(signs) >= 0 else HOLDS if max(signs) < 0 else PARTLY


def _at(axis: pd.DataFrame, share: float, *needed: str) -> pd.DataFrame:
    """The scores at one share of unknown pixels; KeyError when one of the `needed` methods has none."""
    part = axis[np.isclose(axis["unknown"], share)]
    if missing := set(needed) - set(part["method"]):
        raise KeyError(*missing)
    return part


def _few_unknown(full, axis, brown, coins):
    part = _at(axis, 0.2, "mean", *FOUR)
    means = _means(part)
    worst = means[list(FOUR)].max() / means["mean"]
    text = f"20 % unknown: the worst of the four has {worst:.2%} of the mean colour's error"
    return (HOLDS if worst < 0.05 else FAILS), text


def _lasso_wins(full, axis, brown, coins):
    shares = (0.2, 0.4, 0.6, 0.8)
    pairs = [(l1, other) for l1 in ("elasticnet", "lasso") for other in ("ols", "ridge")]
    signs, gaps = _compared(*((_at(axis, share, *FOUR), *pair, "ab_mse") for share in shares for pair in pairs))
    better, worse = (sum(sign == wanted for sign in signs) for wanted in (-1, 1))
    text = f"up to 80 % unknown {better} of {len(signs)} comparisons are significantly better, {worse} worse"
    words = "; ".join(f"{share:.0%}: {gap}" for share, gap in zip(shares, gaps[:: len(pairs)]))
    return _verdict(signs), f"{text}. ElasticNet minus OLS, ab-MSE at {words}"


def _weak_l2(full, axis, brown, coins):
    means = [_means(_at(axis, share, *FOUR)) for share in (0.2, 0.4, 0.6, 0.8)]
    ridge, elastic = (max(abs(m[name] / m["ols"] - 1) for m in means) for name in ("ridge", "elasticnet"))
    text = f"up to 80 % unknown Ridge's ab-MSE is within {ridge:.1e} of OLS's, ElasticNet's within {elastic:.0%}"
    return (HOLDS if ridge < elastic else FAILS), text


def _nothing_known(full, axis, brown, coins):
    part = _at(axis, 1.0, "mean", *FOUR)
    four, means = part[part["method"].isin(FOUR)], _means(part)
    solved = four.groupby("method", sort=False)["converged"].agg(["sum", "size"])
    median = four[four["converged"]].groupby("method")["ab_mse"].median()
    words = [f"{m} solved {row['sum']} of {row['size']}"
             + (f", ab-MSE {_plain(means[m])}, median {_plain(median[m])}" if row["sum"] else "")
             for m, row in solved.iterrows()]  # fmt: skip
    text = f"{'; '.join(words)}; the mean colour {means['mean']:.0f}"
    if not four["converged"].all():
        return FAILS, text
    good = (means[list(FOUR)] < means["mean"]).all()
    return (HOLDS, text) if good else (PARTLY, f"each has its one solution: {text}")


def _plain(value: float) -> str:
    return f"{value:.0f}" if value < 1e5 else f"{value:.0e}"


def _hints(full, axis, brown, coins):
    part = _at(axis, 0.99, "mean", *FOUR, "edge-aware")
    share = _means(part) / _means(part)["mean"]
    solved = part.groupby("method")["converged"].all()
    theirs = {name: share[name] for name in FOUR if solved[name]}
    words = [f"{name} {_share(share[name])}" if name in theirs else f"{name} not always solved" for name in FOUR]
    ours = share["edge-aware"]
    text = f"1 % of the pixels known, error over the mean colour's: {', '.join(words)}; edge-aware {ours:.0%}"
    return (HOLDS if theirs and min(theirs.values()) < 0.25 else PARTLY if ours < 0.25 else FAILS), text


def _share(value: float) -> str:
    return f"{value:.0%}" if value < 10 else f"{_plain(value)} times"


def _brown(full, axis, brown, coins):
    table = brown.set_index("method")
    trees, truth = table.loc[list(ROWS)], table.loc["truth"]
    text = (f"hue spread {trees['hue_spread'].min():.2f} to {trees['hue_spread'].max():.2f} (truth "
            f"{truth['hue_spread']:.2f}); {trees['from mean'].max():.1f} from the mean colour at most (truth "
            f"{truth['from mean']:.1f}); {trees['distinct'].min()} to {trees['distinct'].max()} distinct colours "
            f"(truth {truth['distinct']:.0f})")  # fmt: skip
    ratio = (trees[["hue_spread", "from mean"]] / truth[["hue_spread", "from mean"]]).max()
    if ratio["hue_spread"] < 0.25 and ratio["from mean"] < 0.5:
        return HOLDS, text
    return (PARTLY if ratio.max() < 0.5 else FAILS), text


def _close(full, axis, brown, coins):
    means = _means(full)[list(ROWS)]
    gap = means.max() / means.min() - 1
    signs = significant(paired(full[full["method"].isin(ROWS)]))
    text = f"{', '.join(f'{name} {value:.0f}' for name, value in means.items())}: {gap:.1%} apart"
    return (HOLDS if gap < 0.1 else FAILS), text + (", yet all differ significantly" if signs.all() else "")


def _no_ability(full, axis, brown, coins):
    means = _means(full)
    signs, gaps = _compared(*((full, kind, "mean", "ab_mse") for kind in ROWS))
    share = means[list(ROWS)] / means["mean"]
    text = "minus the mean colour: " + "; ".join(f"{k} {gap}, {share[k]:.1%} of it" for k, gap in zip(ROWS, gaps))
    if not any(signs):
        return OPEN, text
    if max(signs) < 0:
        return (PARTLY if share.min() > 0.9 else FAILS), text
    return (HOLDS if min(signs) >= 0 else PARTLY), text


def _limited(full, axis, brown, coins):
    share = brown.set_index("method")["of truth"]
    text = f"its chroma is {share['unet']:.0%} of the truth's, the trees' at most {share[list(ROWS)].max():.0%}"
    return (HOLDS if share["unet"] < 0.75 else FAILS), text


def _gan_wins(full, axis, brown, coins):
    means = _means(full)
    rivals = means[[*ROWS, "unet"]]
    best = rivals.idxmin()
    signs, (gap,) = _compared((full, "gan-paper", best, "ab_mse"))
    _, (gap_l1,) = _compared((full, "gan-l1", best, "ab_mse"))
    text = (f"gan-paper {means['gan-paper']:.0f}, gan-l1 {means['gan-l1']:.0f}, grey {means['grey']:.0f}, {best} "
            f"{rivals.min():.0f}; gan-paper minus {best}: {gap}; gan-l1 minus {best}: "
            f"{gap_l1}")  # fmt: skip
    return _verdict(signs), text


def _colourful(full, axis, brown, coins):
    table = brown.set_index("method")
    words = [f"{name}: chroma {table.loc[name, 'of truth']:.0%} of the truth's, hue entropy "
             f"{table.loc[name, 'hue_entropy']:.2f} of {table.loc['truth', 'hue_entropy']:.2f} bits"
             for name in ("gan-paper", "gan-l1")]  # fmt: skip
    good = [table.loc[n, "of truth"] > 0.75 and table.loc[n, "hue_entropy"] > 0.75 * table.loc["truth", "hue_entropy"]
            for n in ("gan-paper", "gan-l1")]  # fmt: skip
    return (HOLDS if all(good) else PARTLY if any(good) else FAILS), "; ".join(words)


def _better(full, axis, brown, coins):
    small = {"delta_e": 1, "psnr": -1}  # whether a smaller value or a larger one is better
    best = {name: (sign * _means(full, name)[list(ROWS)]).idxmin() for name, sign in small.items()}
    pairs = [(full, gan, best[name], name) for name in small for gan in ("gan-paper", "gan-l1")]
    signs, gaps = _compared(*pairs)
    words = [f"{name}, {gan} minus {other}: {gap}" for (_, gan, other, name), gap in zip(pairs, gaps)]
    signs = [small[name] * sign for (*_, name), sign in zip(pairs, signs)]
    return _verdict(signs), f"nearer to the truth? {'; '.join(words)}. How real they look was asked of no person"


def _restarts(full, axis, brown, coins):
    if coins is None:
        return OPEN, "notebook 06 has not been run"
    done = coins.groupby("config")["converged"].agg(["sum", "size"])
    found, tries = done.loc["gan-paper"]
    words = [f"{name} found the known answer for {row['sum']} of {row['size']} seeds" for name, row in done.iterrows()]
    verdict = HOLDS if 0 < found < tries else PARTLY if not found else FAILS
    return verdict, f"in the small game with a known answer (notebook 06) {'; '.join(words)}"


def _improper(full, axis, brown, coins):
    bare, one = _means(full), _at(axis, 0.99, "unet", "edge-aware")
    pairs = (full, "unet", "boosting", "ab_mse"), (one, "edge-aware", "unet", "ab_mse")
    (sign, hinted), (gap, hinted_gap) = _compared(*pairs)
    text = (f"nothing known: U-Net {bare['unet']:.0f}, boosting {bare['boosting']:.0f}, difference {gap}; 1 % known, "
            f"without any learning: edge-aware minus U-Net {hinted_gap}")  # fmt: skip
    verdict = _verdict([sign])
    return (PARTLY if verdict == HOLDS and hinted < 0 else verdict), text


CLAIMS = (
    ("Linear models predict accurately when few pixels are unknown", "5.1", _few_unknown),
    ("Lasso and ElasticNet outperform OLS and Ridge", "5.1, Table 1", _lasso_wins),
    ("L2 regularization is weaker than L1 with so many rows", "5.1", _weak_l2),
    ("With nothing known, the linear models still have an answer (printed: 102 to 211)", "Table 1", _nothing_known),
    ("With prompts, the classical models can paint with the given colours", "6", _hints),
    ("Tree, forest and boosting paint a single brown", "abstract, 5.4", _brown),
    ("Their losses are very close", "5.3", _close),
    ("They show no ability to predict the colour", "5.4", _no_ability),
    ("The U-Net alone paints limited colour", "abstract, 5.3", _limited),
    ("The GAN's squared error grows slowest", "Figure 5", _gan_wins),
    ("The GAN paints complex, colourful, diverse pictures", "5.3", _colourful),
    ("The GAN's colours are better than the traditional methods'", "5.3, 5.4", _better),
    ("The GAN sometimes cannot learn and must be restarted", "5.3, 6", _restarts),
    ("Traditional machine learning is not a proper choice for colorization", "6", _improper),
)


def check_claims(full: pd.DataFrame, axis: pd.DataFrame, brown: pd.DataFrame, coins: pd.DataFrame | None = None):
    """Give a verdict on each of the paper's claims.

    The rules, with their thresholds, are the functions above; "significant" is `statistics.significant`, over all the
    pairs that a claim compares. A claim whose methods or shares are not in the tables is "undecided".

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

    Returns
    -------
    pd.DataFrame
        One row per claim: claim, paper (section), verdict ("holds", "does not hold", "holds in part" or "undecided"),
        evidence.
    """
    rows = []
    for claim, where, rule in CLAIMS:
        try:
            verdict, evidence = rule(full, axis, brown, coins)
        except (KeyError, IndexError):
            verdict, evidence = OPEN, "this run lacks a method or a share that the claim is about"
        rows.append((claim, where, verdict, evidence))
    return pd.DataFrame(rows, columns=["claim", "paper", "verdict", "evidence"])


def _and(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def at_length(verdicts: pd.DataFrame, long: pd.DataFrame | None) -> pd.DataFrame:
    """Add a training at the paper's length to the verdicts, as further evidence on the paper's GAN.

    A verdict stays where the training says the same of its last and of its averaged weights; else it becomes "holds in
    part". The error does not grow slowest where the intervals of both are above the mean colour's error; the pictures
    are colourful where the chroma of both is between 3/4 and 4/3 of the truth's.

    Parameters
    ----------
    verdicts : pd.DataFrame
        As `check_claims` gives them.
    long : pd.DataFrame or None
        Scores over the epochs of that training, as notebook 06 and the CUDA campaign write them (weights, epoch,
        of_mean_colour with its interval of_low to of_high, chroma, true_chroma, attempt, size, width, seed); of further
        seeds only the restarts count. None changes nothing.

    Returns
    -------
    pd.DataFrame
        A table like `verdicts`.
    """
    if long is None:
        return verdicts
    long = long[long["epoch"] > 0]
    first = long[long["seed"] == long["seed"].iloc[0]]
    end = first[first["epoch"] == first["epoch"].max()].set_index("weights").loc[["last", "averaged"]]
    how = end.iloc[0]
    epochs, size, width, seed = (f"{how[name]:.0f}" for name in ("epoch", "size", "width", "seed"))
    length = f"Trained for {epochs} epochs ({size} pixels, {width} channels, seed {seed})"
    share = {
        w: f"{row['of_mean_colour']:.0%} ({row['of_low']:.0%} to {row['of_high']:.0%})" for w, row in end.iterrows()
    }
    chroma = end["chroma"] / end["true_chroma"]
    fell = int(long.groupby("seed")["attempt"].max().sum())
    restarts = {0: "no restart", 1: "1 restart"}.get(fell, f"{fell} restarts")
    lengths = [f"{part['epoch'].max():.0f}" for _, part in long.groupby("seed", sort=False)]
    trainings = "in its one training" if len(lengths) == 1 else f"in {len(lengths)} trainings of {_and(lengths)} epochs"
    said = {
        _gan_wins: (
            FAILS if (end["of_low"] > 1).all() else PARTLY,
            f"{share['last']} of the mean colour's error, with averaged weights {share['averaged']}",
        ),
        _colourful: (
            HOLDS if chroma.between(3 / 4, 4 / 3).all() else PARTLY,
            f"chroma {chroma['last']:.0%} of the truth's, with averaged weights {chroma['averaged']:.0%}",
        ),
        _restarts: (None, f"{restarts} {trainings}"),
    }
    table = verdicts.copy()
    for claim, _, rule in CLAIMS:
        for row in table.index[(table["claim"] == claim) & (rule in said)]:
            verdict, words = said[rule]
            if verdict not in (None, table.loc[row, "verdict"]):
                table.loc[row, "verdict"] = PARTLY
            table.loc[row, "evidence"] += f". {length}: {words}"
    return table


def with_realism(verdicts: pd.DataFrame, realism: pd.DataFrame | None) -> pd.DataFrame:
    """Add what a network sees in the painted photos to the claim that the GAN's colours are better.

    It is evidence beside the verdict, which stays what the errors say.

    Parameters
    ----------
    verdicts : pd.DataFrame
        As `check_claims` gives them.
    realism : pd.DataFrame or None
        As `realism.compare` gives it; None changes nothing.

    Returns
    -------
    pd.DataFrame
        A table like `verdicts`.
    """
    if realism is None:
        return verdicts
    table, seen = verdicts.copy(), realism.set_index("method")
    asked = ("gan-paper", "gan-paper, averaged", "gan-l1", "unet", *ROWS, "mean", "grey")
    words = []
    for name, row in seen.loc[[name for name in asked if name in seen.index]].iterrows():
        ends = f" ({row['frechet_low']:.1f} to {row['frechet_high']:.1f})"
        distance = f"{row['frechet']:.1f}{ends}, {row['halves']:.0f}, " if pd.notna(row["frechet"]) else ""
        words.append(f"{name} {distance}{row['agreement']:.0%}")
    claims = [claim for claim, _, rule in CLAIMS if rule is _better]
    what = "Fréchet distance, that between halves, same answer as for the truth"
    told = f"To EfficientNet-Lite0, on {seen['photos'].max()} photos ({what}): "
    table.loc[table["claim"].isin(claims), "evidence"] += f". {told}{'; '.join(words)}"
    return table
