"""What the games in the coin world say, in words: which sentences fit depends on how the seeds fell."""

from __future__ import annotations

import math

import pandas as pd
from scipy.stats import binomtest, mannwhitneyu

LEVEL = 0.05  # over all pairs of games: so often chance alone may make some pair look different
ONE_COLOUR = 0.95  # of the shapes that have a colour, at least so many have the same
CONTROL = "L1 alone"  # has no game to restart
# Which game is compared with which, and what the first has that the second has not.
COMPARED = {
    ("gan-l1", CONTROL): "a discriminator",
    ("gan-paper", "gan-paper, the paper's rates"): "five times the paper's rates",
    ("gan-l1", "gan-paper"): "L1, patches, spectral normalization and the other changes",
}


def coin_summary(coins: pd.DataFrame) -> pd.DataFrame:
    """Summarize the games of the coin world over their seeds.

    Parameters
    ----------
    coins : pd.DataFrame
        A line for each game and seed: config, seed, the shares red and blue in [0, 1] (NaN where a loss was not
        finite), converged, and given up (why, or "" or NaN).

    Returns
    -------
    pd.DataFrame
        A line for each game, in order of appearance: seeds; of the share of shapes that have a colour, red or blue, the
        mean, least and most; converged, how many seeds did; one colour, in how many of these nearly all coloured shapes
        (ONE_COLOUR) have the same; given up, how many trainings were.
    """
    chose = coins["red"] + coins["blue"]
    main = coins[["red", "blue"]].max(axis=1) >= ONE_COLOUR * chose
    converged = coins["converged"].astype(object).fillna(False).astype(bool)
    told = coins.assign(
        chose=chose,
        converged=converged,
        one=converged & main,
        left=coins["given up"].notna() & (coins["given up"] != ""),
    )
    groups = told.groupby("config", sort=False)
    found = groups["chose"].agg(["mean", "min", "max"])
    found.insert(0, "seeds", groups.size())
    sums = groups[["converged", "one", "left"]].sum().astype(int)
    return found.join(sums.rename(columns={"one": "one colour", "left": "given up"}))


def _compare(coins: pd.DataFrame, one: str, other: str, what: str, level: float) -> str:
    """Do the seeds of two games differ in how many shapes chose? By a test of ranks."""
    shares = [(part["red"] + part["blue"]).dropna() for part in (coins[coins["config"] == n] for n in (one, other))]
    if min(map(len, shares)) < 2:
        return f"`{one}` and `{other}`: too few seeds to compare."
    if pd.concat(shares).nunique() == 1:
        return f"`{one}` and `{other}` chose equally often with every seed."
    gap = 100 * (shares[0].mean() - shares[1].mean())
    more = f"in the mean {abs(gap):.0f} points {'more' if gap >= 0 else 'less'}"
    first, second = (f"{share.min():.0%} to {share.max():.0%}" for share in shares)
    if _least_p(*map(len, shares)) >= level:
        return f"`{one}` chose {first} and `{other}` {second}, {more}; so few seeds pass no test."
    ranks = mannwhitneyu(*shares)
    p, above = ranks.pvalue, ranks.statistic / (len(shares[0]) * len(shares[1]))
    by = f"({more}; it ranks above in {above:.0%} of all pairs of seeds; test of ranks, p = {p:.2g})"
    if p >= level:
        return f"`{one}` and `{other}` are not told apart by these seeds {by}."
    return f"With {what}, `{one}` chose {'more' if above > 0.5 else 'less'} often than `{other}` {by}."


def _least_p(first: int, second: int) -> float:
    """The p-value of a test of ranks were all seeds of one game above all of the other: 2 of all orders."""
    return 2 / math.comb(first + second, first)


def _rule(coins: pd.DataFrame, pairs) -> str:
    """How small a p-value must be, and why few seeds cannot have one."""
    counts = coins.dropna(subset=["red", "blue"]).groupby("config").size().reindex(coins["config"].unique()).fillna(0)
    level = LEVEL / len(pairs)
    each = f", so one pair must have a p below {level:.2g}" if len(pairs) > 1 else ""
    words = f"A difference counts at {LEVEL:.0%} over all {len(pairs)} pairs together{each}." if each else ""
    few = [tuple(int(counts[name]) for name in pair) for pair in pairs]
    few = [pair for pair in few if min(pair) > 1 and _least_p(*pair) >= level]
    if few:
        one, other = max(few, key=sum)
        orders = math.comb(one + other, one)
        words += f""" (Why a few seeds cannot pass: were both games alike, the {orders} orders in which {one} and
            {other} seeds can rank would be equally likely. The clearest outcome, all of one above all of the other, is
            2 of them: p = 2/{orders} = {2 / orders:.2g} at best.)"""
    return " ".join(words.split())


def restarts_in_words(restarts: list[dict], collapsed: str, steps: int) -> str:
    """Tell what a monitor saw in a game and did about it.

    Parameters
    ----------
    restarts : list of dict
        See `Trained.restarts`.
    collapsed : str
        Why the game was given up in the end, or "".
    steps : int
        How many steps it was to have.

    Returns
    -------
    str
        Markdown, one paragraph.
    """
    if not restarts and not collapsed:
        return f"**No collapse.** The game took all its {steps} steps before the monitor's patience ran out."
    told = []
    for k, each in enumerate(restarts):
        lasted = each["collapsed_at"] - (restarts[k - 1]["back_to"] if k else 0)
        which = "The first attempt" if not k else f"Restart {k}"
        told.append(f"{which} collapsed after {lasted} steps ({each['why']}); it went back to step {each['back_to']}.")
    last = f"Restart {len(restarts)}" if restarts else "The first attempt"
    if collapsed:
        end = f"{last} collapsed too ({collapsed}), and the program **gave up**: no restart was left."
        end = end if restarts else f"{last} collapsed ({collapsed}), and the program **gave up**: it may not restart."
        kept = "What it keeps is the last healthy network."
    else:
        end, kept = f"{last} reached the end of the {steps} steps without another collapse: the game **finished**.", ""
    return " ".join(["**What happened.**", *told, end, kept]).strip()


def coins_in_words(coins: pd.DataFrame) -> str:
    """Say how many shapes chose a colour in each game, what makes them choose, and whether a restart would help.

    Parameters
    ----------
    coins : pd.DataFrame
        See `coin_summary`, with the columns epochs and size.

    Returns
    -------
    str
        Markdown, in paragraphs: of each game, of each pair of COMPARED that is there, of what converged and of which
        colours.
    """
    found = coin_summary(coins)
    epochs, size = coins["epochs"].max(), coins["size"].max()
    each = "; ".join(
        f"`{name}` {row['mean']:.0%} of them ({row['min']:.0%} to {row['max']:.0%}, {row.seeds:.0f} seeds)"
        if pd.notna(row["mean"])
        else f"`{name}`: no training had a finite loss"
        for name, row in found.iterrows()
    )
    where = f"after {epochs} epochs, at {size} pixels"
    said = [f"**How many shapes chose** red or blue {where}, in the mean over the seeds: {each}."]
    pairs = {pair: what for pair, what in COMPARED.items() if set(pair) <= set(found.index)}
    if pairs:
        compared = [_compare(coins, *pair, what, LEVEL / len(pairs)) for pair, what in pairs.items()]
        said.append(" ".join(["**Why?**", *compared, _rule(coins, pairs)]).strip())
    restarts = [_restart(name, row) for name, row in found.iterrows() if name != CONTROL]
    said.append("**Another seed?** " + " ".join(restarts))
    won = found[found["converged"] > 0]
    if len(won):
        one = "; ".join(f"`{name}` in {row['one colour']:.0f} of {row.converged:.0f}" for name, row in won.iterrows())
        said.append(
            f"**Both colours?** Of the seeds that converged so many gave (nearly) all shapes the same colour: {one}."
        )
    return "\n\n".join(said)


def _restart(name: str, row: pd.Series) -> str:
    """What the seeds say of a restart."""
    tries, done = int(row.seeds), int(row.converged)
    low, high = binomtest(done, tries).proportion_ci()
    chance = f"95 % interval of the chance: {low:.0%} to {high:.0%}"
    left = f", {int(row['given up'])} given up on the way" if row["given up"] else ""
    if not done:
        return f"`{name}` converged with none of {tries}{left}, so none of these restarts would have helped ({chance})."
    if done == tries:
        return f"`{name}` converged with all {tries}: there was nothing to restart for ({chance})."
    return f"`{name}` converged with {done} of {tries}{left}: here another seed can help ({chance})."
