"""What notebook 03 says of its tables: sentences made from the numbers of a run, and true of no other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbhelpers.evaluation.statistics import FEW

_WILD = 1000.0  # an ab-MSE beyond that of any colours that photos have
_CLOSE = 0.025  # of the draws: a protocol that is nearest less often is told apart


def _listed(words) -> str:
    words = list(words)
    return " and ".join([", ".join(words[:-1])] * (len(words) > 1) + words[-1:]) or "none"


def _where(test: pd.Series) -> str:
    """At which shares of unknown pixels something is so."""
    return f"at {_listed(f'{100 * u:g}' for u in test.index[test])} %" if test.any() else "nowhere"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.1e}"


def tiles(table: pd.DataFrame) -> str:
    """How many times larger the error is with tiles that have zero borders.

    Parameters
    ----------
    table : pd.DataFrame
        The table "03_tiles".

    Returns
    -------
    str
        One sentence of markdown.
    """
    low, middle, high = table["times worse"].quantile([0, 0.5, 1])
    count, side = table["photo"].nunique(), table["photo_size"].max()
    photos = f"{count} photo{'s' * (count > 1)} of {side} x {side} pixels"
    return (
        f"Lasso's error with zero-edge tiles is {low:.1f} to {high:.1f} times that of the whole photo "
        f"(median {middle:.1f}; {photos}, 20 to 80 % unknown)."
    )


def sums(table: pd.DataFrame) -> str:
    """Which weights sum to more than 1, and whose hole is the smallest with an eigenvalue at zero.

    Parameters
    ----------
    table : pd.DataFrame
        The table "03_row_sums".

    Returns
    -------
    str
        Markdown.
    """
    above = table[np.isfinite(table["crossing, side in pixels"])]
    if above.empty:
        return "No weights sum to more than 1 here: no crossing is expected in any hole."
    first = above.loc[above["crossing, side in pixels"].idxmin()]
    most = above.loc[above["sum of own weights"].idxmax()]
    text = f"""The own weights of {_listed(above["method"].unique())} sum to more than 1, in one channel or both. The
        smallest hole with an eigenvalue at zero is expected for {first["method"]} ({first["channel"]}\\*), at
        {first["crossing, side in pixels"]:.0f} pixels."""
    if most["method"] != first["method"]:
        text += f""" The largest sum is {most["method"]}'s, {most["sum of own weights"]:.4f} against
            {first["sum of own weights"]:.4f}: the sum alone does not decide. {first["method"]}'s *c* is smaller,
            {first["c"]:.3f} against {most["c"]:.3f}, and there is less to hold against the sum."""
    return " ".join(text.split())


def explosions(table: pd.DataFrame, crossings: pd.Series) -> str:
    """Where exact solutions explode, and what their eigenvalues have to do with it.

    Parameters
    ----------
    table : pd.DataFrame
        The table "03_eigenvalues".
    crossings : pd.Series
        Method -> the side in pixels of the smallest hole with an eigenvalue at zero, infinite where there is none.

    Returns
    -------
    str
        Markdown.
    """
    side, four = table["photo_size"].max(), table[table["method"] != "sum-to-one"]
    at = four[four["unknown, %"] == 95].set_index("method")
    best = at["exact ab-MSE"].idxmin()
    text = f"""On this crop of {side} x {side} pixels of one photo the paper's estimator with the smallest error at 95 %
        unknown is {best} ({at.loc[best, "exact ab-MSE"]:.1f})"""
    if np.isfinite(crossings[best]) and at.loc[best, "smallest eigenvalue"] > 0:
        text += ": that its weights sum to more than 1 does no harm here, where all eigenvalues are positive"
    wild = four[four["exact ab-MSE"] > _WILD]
    calm = table[(table["smallest eigenvalue"] > 0) & (table["exact ab-MSE"] <= _WILD)]
    text += ". "
    if len(wild):
        where = "; ".join(
            f"{method} at {_listed(f'{percent:g}' for percent in part['unknown, %'])} %"
            for method, part in wild.groupby("method", sort=False)
        )
        text += f"""Errors above {_WILD:,.0f}: {where}. In each of these systems some pattern is amplified
            {_number(wild["largest 1/|eigenvalue|"].min())} times or more. """
    text += f"""Where all eigenvalues are positive and the error is no larger than that, the largest amplification is
        {_number(calm["largest 1/|eigenvalue|"].max())}."""
    quiet = four[
        (four["exact ab-MSE"] <= _WILD) & (four["largest 1/|eigenvalue|"] >= wild["largest 1/|eigenvalue|"].min())
    ]
    if len(quiet):
        where = _listed(f"{method} at {percent:g} %" for method, percent in zip(quiet["method"], quiet["unknown, %"]))
        text += f""" As large an amplification but a smaller error: {where}. There is little to amplify, since next to
            none of *b* lies along those patterns."""
    return " ".join(text.split())


def given_up(table: pd.DataFrame) -> str:
    """What BiCGSTAB left where it did not reach its tolerance.

    Parameters
    ----------
    table : pd.DataFrame
        The table "03_eigenvalues".

    Returns
    -------
    str
        One or two sentences of markdown.
    """
    left = table[~table["reached"]]
    if left.empty:
        return "BiCGSTAB reached its tolerance everywhere here."
    below = left[left["BiCGSTAB's ab-MSE"] < 0.9 * left["exact ab-MSE"]]
    lost = (table["LU's residual"] > 1e-6).sum()
    text = f"Of {len(table)} systems BiCGSTAB gave up {len(left)}, LU {lost or 'none'}."
    if len(below):
        text += f""" What it left has a *smaller* error than the solution in {len(below)} of them: it began at a
            sensible guess and had not yet gone all the way. That is luck, not merit."""
    return " ".join(text.split())


def anchors(table: pd.DataFrame) -> str:
    """Where an anchor made the exact solution of OLS worse, and why.

    Parameters
    ----------
    table : pd.DataFrame
        The table "03_anchored_ols".

    Returns
    -------
    str
        Markdown, a bullet point for each percentage at which one did.
    """
    lines = []
    for percent, part in table.groupby("unknown, %"):
        part = part.set_index("anchor").sort_index()
        errors, near = part["ab-MSE"], part["nearest |eigenvalue|"]
        closer = errors[near < near[0]]
        worst, best = closer.idxmax() if len(closer) else None, errors.drop(0).idxmin()
        if len(closer) and errors[worst] > 1.5 * errors[0]:
            lines.append(
                f"- At {percent} % unknown the anchor {worst:g} turns an error of {_number(errors[0])} into "
                f"{_number(errors[worst])}: the eigenvalue nearest to zero is {near[worst]:.1e} away then, "
                f"{near[0]:.1e} without an anchor."
            )
        if errors[best] < errors[0]:
            lines.append(f"- At {percent} % unknown the anchor {best:g} brings {_number(errors[0])} down to "
                         f"{_number(errors[best])}.")  # fmt: skip
        if percent < 100 and errors.iloc[-1] > 2 * min(errors[0], errors[best]):
            lines.append(f"- At {percent} % unknown the strongest, {errors.index[-1]:g}, has "
                         f"{_number(errors.iloc[-1])}: it pulls to the prior where hints are near.")  # fmt: skip
    return "\n".join(lines) or "No anchor changed the error by much here."


def nothing_known(table: pd.DataFrame) -> str:
    """The exact answers of the paper's four with nothing known, and whether a Krylov method found them.

    Parameters
    ----------
    table : pd.DataFrame
        The table "03_table1".

    Returns
    -------
    str
        Markdown, a bullet point for each.
    """
    part = table[table["unknown"] == 1].set_index("method")
    lines = [
        f"- {name}: mean error {_number(row['mean'])}, median {_number(row['median'])} (the mean colour's mean: "
        f"{_number(part.loc['mean', 'mean'])}); BiCGSTAB reaches it for {row['bicgstab_reached']:.0f} of "
        f"{row['photos']:.0f} photos in 250 steps"
        for name, row in part[part["bicgstab_reached"].notna()].iterrows()
    ]
    return "\n".join(lines)


def table_1(table: pd.DataFrame) -> str:
    """Who is best where, and how far the printed errors are from ours.

    Parameters
    ----------
    table : pd.DataFrame
        The table "03_table1".

    Returns
    -------
    str
        Markdown.
    """
    wide = table.pivot(index="method", columns="unknown", values="mean").drop(columns=1.0)
    count, side = table["photos"].max(), table["photo_size"].max()
    lead = table[(table["unknown"] < 1) & (table["photos"] == count)]  # not of methods with fewer photos
    lead = lead.loc[lead.groupby("unknown")["mean"].idxmin()]
    ours = table[table["printed"].notna() & (table["unknown"] < 1)]
    ratio = ours["printed"] / ours["mean"]
    best = "; ".join(
        f"{100 * u:g} % {name} ({mean:.1f})" for u, name, mean in lead[["unknown", "method", "mean"]].values
    )
    few = ", too few to trust an interval" if count < FEW else ""
    text = f"""OLS has a smaller error than Lasso {_where(wide.loc["ols"] < wide.loc["lasso"])}. Up to
        {100 * ours["unknown"].max():g} % unknown the printed errors are {ratio.min():.0f} to {ratio.max():.0f} times
        ours. The smallest error at each percentage: {best}. ({count} photos of {side} x {side} pixels{few}.)"""
    return " ".join(text.split())


def ablation(table: pd.DataFrame) -> str:
    """Where edges help edge-aware, and what equal weights for all eight neighbours cost.

    Parameters
    ----------
    table : pd.DataFrame
        The table "03_beta".

    Returns
    -------
    str
        Markdown.
    """
    wide = table.pivot(index="method", columns="unknown", values="mean")
    edges, flat, fitted = (wide.loc[name] for name in ("beta 25", "beta 0", "sum-to-one"))
    few = wide.columns.min()

    return (
        f"beta 25 has a smaller error than beta 0 {_where(edges < flat)}, a larger one {_where(edges > flat)}; than "
        f"sum-to-one a smaller one {_where(edges < fitted)}, a larger one {_where(edges > fitted)}. beta 0 has "
        f"{flat[few] / fitted[few]:.2f} times the error of sum-to-one at {100 * few:g} % unknown "
        f"({table['photos'].max()} validation photos of {table['photo_size'].max()} pixels)."
    )


def search(ranking: pd.DataFrame, tables: pd.DataFrame) -> str:
    """What the search for the printed table's protocol allows to say.

    Parameters
    ----------
    ranking : pd.DataFrame
        The table "03_protocol_ranking".
    tables : pd.DataFrame
        The table "03_protocols".

    Returns
    -------
    str
        Markdown.
    """
    full = ranking[ranking["cells"] == ranking["cells"].max()].sort_values("scatter")
    best, count = full.iloc[0], full["photos"].max()
    alike = [name for name in full[full["nearest"] >= _CLOSE]["protocol"] if name != best["protocol"]]
    mine = tables[tables["protocol"] == best["protocol"]]
    near = (abs(np.log(mine["ab_mse"] / mine["printed"] / best["factor"])) < np.log(1.1)).sum()
    pair = mine.pivot(index="unknown", columns="method", values=["ab_mse", "printed"])
    apart = {kind: abs(np.log(pair[kind]["ridge"] / pair[kind]["ols"])).max() for kind in ("ab_mse", "printed")}
    told = f"It is the nearest in {best['nearest']:.0%} of the draws of the photos"
    told += f"; they do not tell it apart from {_listed(f'*{name}*' for name in alike)}. " if alike else ". "
    text = f"""Of {len(ranking)} protocols on {count} photos{" (too few for a verdict)" if count < FEW else ""}
        *{best.protocol}* has the smallest scatter, {best.scatter:.2f} ({best.scatter_low:.2f} to
        {best.scatter_high:.2f}) at a factor of {best.factor:.1f}. {told}Of its {len(mine)} numbers {near}
        lie within 10 % of the printed ones once the factor is taken out. Its Ridge differs from its OLS by
        at most {np.expm1(apart["ab_mse"]):.1%}, the printed ones by up to {np.expm1(apart["printed"]):.0%}."""
    return " ".join(text.split())
