"""What notebook 03 says of its tables: sentences made from the numbers of a run, and true of no other."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbhelpers.evaluation.statistics import FEW

_WILD = 1000.0  # an ab-MSE beyond that of any colours that photos have
_PHOTOS = 10  # a common factor between two tables that other photos could explain, at most
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


def beyond(errors: pd.DataFrame, crossings: dict) -> str:
    """What becomes of the error in a hole that is larger than the first crossing.

    Parameters
    ----------
    errors : pd.DataFrame
        ab-MSE in the hole; index: its side in pixels, one column per method.
    crossings : dict
        Method -> the sides at which an eigenvalue is expected at zero; infinite where none is.

    Returns
    -------
    str
        Markdown.
    """
    first = {name: min(crossings[name]) for name in errors if min(crossings[name]) < errors.index.max()}
    if not first:
        return f"No crossing is expected in holes up to {errors.index.max()} pixels."
    least = {name: errors.loc[side:, name].min() for name, side in first.items()}
    told = _listed(f"{name} {_number(value)}" for name, value in least.items())
    rest = {name: errors[name].max() for name in errors if name not in first}
    text = f"Between the peaks the error falls again; beyond the first crossing it is never below {told}."
    if rest:
        text += f" The largest without a crossing: {_listed(f'{n} {_number(v)}' for n, v in rest.items())}."
    return text


def explosions(table: pd.DataFrame) -> str:
    """Where exact solutions explode, and what their eigenvalues have to do with it.

    Parameters
    ----------
    table : pd.DataFrame
        The table "03_eigenvalues".

    Returns
    -------
    str
        Markdown.
    """
    side, four = table["photo_size"].max(), table[table["method"] != "sum-to-one"]
    at = table[table["unknown, %"] == 95].set_index("method")
    step, exact = at["one-step MSE"].idxmin(), at["exact ab-MSE"].idxmin()
    text = f"""On this crop of {side} x {side} pixels of one photo, at 95 % unknown: {step} has the smallest one-step
        error ({at.loc[step, "one-step MSE"]:.2f}), and its exact solution an error of
        {at.loc[step, "exact ab-MSE"]:.1f}; {exact} has the smallest exact error
        ({at.loc[exact, "exact ab-MSE"]:.1f}), with a one-step error of {at.loc[exact, "one-step MSE"]:.2f}. """
    wild = four[four["exact ab-MSE"] > _WILD]
    calm = table[(table["smallest eigenvalue"] > 0) & (table["exact ab-MSE"] <= _WILD)]
    if len(calm):
        text += f"""Where all eigenvalues are positive and the error is below {_WILD:,.0f}, the largest amplification is
            {_number(calm["largest 1/|eigenvalue|"].max())}. """
    if len(wild):
        where = "; ".join(
            f"{method} at {_listed(f'{percent:g}' for percent in part['unknown, %'])} %"
            for method, part in wild.groupby("method", sort=False)
        )
        least, most = wild["largest 1/|eigenvalue|"].min(), wild.loc[wild["exact ab-MSE"].idxmax()]
        text += f"""Errors above that: {where}. In each of these systems some pattern is amplified {_number(least)}
            times or more; of the largest error, {_number(most["exact ab-MSE"])}, the one pattern nearest to zero makes
            {_number(most["of one pattern"])}. """
        quiet = four[(four["exact ab-MSE"] <= _WILD) & (four["largest 1/|eigenvalue|"] >= least)]
        if len(quiet):
            told = _listed(
                f"{row['method']} at {row['unknown, %']:g} % (of {row['exact ab-MSE']:.0f} that pattern makes "
                f"{row['of one pattern']:.2g})"
                for _, row in quiet.iterrows()
            )
            text += f"""As large an amplification but a smaller error: {told}. There is little of the pattern in the
                one-step error."""
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
    left, lost = table[~table["reached"]], (table["LU's residual"] > 1e-6).sum()
    text = f"Of {len(table)} systems BiCGSTAB gave up {len(left)}, LU {lost or 'none'}."
    if len(left):
        ratio = left["BiCGSTAB's ab-MSE"] / left["exact ab-MSE"]
        below, above = (ratio < 0.9).sum(), (ratio > 1.1).sum()
        text += f""" What it left has a smaller error than the solution in {below}, a larger one in {above} and about
            the same in {len(left) - below - above}: that depends on where its steps end, and says nothing of the
            method."""
    digits = (table["largest 1/|eigenvalue|"] * table["LU's residual"]).max()
    text += f""" Is LU's answer the solution, a small residual being no small error? Residual times amplification,
        an estimate of its relative error, is {digits:.0e} at most."""
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
        f"sum-to-one a smaller one {_where(edges < fitted)}, a larger one {_where(edges > fitted)}. At "
        f"{100 * few:g} % unknown edges multiply the error by {edges[few] / flat[few]:.2f} (beta 25 over beta 0), "
        f"equal weights for sides and corners by {flat[few] / fitted[few]:.2f} (beta 0 over sum-to-one). "
        f"({table['photos'].max()} validation photos of {table['photo_size'].max()} pixels.)"
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
    if count < FEW:
        text = f"Of {len(ranking)} protocols *{best.protocol}* has the smallest scatter, {best.scatter:.2f} at a factor"
        return f"{text} of {best.factor:.1f}; {count} photos are too few for a verdict."
    text = f"Of {len(ranking)} protocols on {count} photos {_scatter(best)}. "
    text += f"It is the nearest in {best['nearest']:.0%} of the draws of the photos"
    text += f"; they do not tell it apart from {_listed(f'*{name}*' for name in alike)}. " if alike else ". "
    explained = full[full["factor"].between(1 / _PHOTOS, _PHOTOS)]
    if len(explained) and not 1 / _PHOTOS <= best["factor"] <= _PHOTOS:
        best = explained.iloc[0]
        text += (
            f"No other photos explain such a factor; of the protocols with one of at most {_PHOTOS} {_scatter(best)}. "
        )
    mine = tables[tables["protocol"] == best["protocol"]]
    near = (abs(np.log(mine["ab_mse"] / mine["printed"] / best["factor"])) < np.log(1.1)).sum()
    pair = mine.pivot(index="unknown", columns="method", values=["ab_mse", "printed"])
    apart = {kind: abs(np.log(pair[kind]["ridge"] / pair[kind]["ols"])).max() for kind in ("ab_mse", "printed")}
    text += f"""Of its {len(mine)} numbers {near} lie within 10 % of the printed ones once the factor is taken out. Its
        Ridge differs from its OLS by at most {np.expm1(apart["ab_mse"]):.1%}, the printed ones by up to
        {np.expm1(apart["printed"]):.0%}."""
    return " ".join(text.split())


def _scatter(line: pd.Series) -> str:
    ends = f"{line['scatter']:.2f} ({line['scatter_low']:.2f} to {line['scatter_high']:.2f})"
    return f"*{line['protocol']}* has the smallest scatter, {ends} at a factor of {line['factor']:.1f}"
