"""The paper's Figure 5: how each method's error adds up over the photos, and how fast."""

from __future__ import annotations

import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator, ScalarFormatter

from nbhelpers.colour.plots import COLOURS


def accumulated(table, methods):
    """Draw Figure 5: accumulated ab-MSE over the number of photos, and the running mean with its 95 % interval.

    Where one method's error is more than twice the median method's, both panels have a log scale: on a linear one it
    would press all others together.

    Parameters
    ----------
    table : pd.DataFrame
        As `tables.accumulated` returns it.
    methods : sequence of str
        The methods to draw, in this order.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    for method in methods:
        rows = table[table["method"] == method]
        (line,) = left.plot(rows["photos"], rows["total"], label=method)
        right.plot(rows["photos"], rows["mean"], color=line.get_color(), linestyle=line.get_linestyle())
        right.fill_between(rows["photos"], rows["low"], rows["high"], color=line.get_color(), alpha=0.1, lw=0)
    left.set(xlabel="test photos", ylabel="accumulated ab-MSE", title="as the paper draws it")
    right.set(xlabel="test photos", ylabel="mean ab-MSE so far", title="the mean, and how sure it is")
    shown = table[table["method"].isin(methods)]
    last = shown.groupby("method")["mean"].last()
    right.set_ylim(0, 1.7 * last.max())
    if last.max() > 2 * last.median():
        left.set(yscale="log", ylabel="accumulated ab-MSE (log scale)")
        right.set(yscale="log", ylabel="mean ab-MSE so far (log scale)", ylim=(last.min() / 2, 2 * last.max()))
        right.yaxis.set_major_formatter(ScalarFormatter())
        right.yaxis.set_minor_formatter(NullFormatter())
        right.set_yticks([t for t in (50, 100, 200, 400, 800, 1600, 3200) if last.min() / 2 < t < 2 * last.max()])
    for ax in (left, right):
        ax.set_xlim(0, table["photos"].max())
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(loc="outside upper center", ncols=min(len(methods), 6), fontsize=8)
    return figure


def slopes(table):
    """Draw how fast each method's accumulated error grows, over the mean colour's: a dot with its 95 % interval.

    Parameters
    ----------
    table : pd.DataFrame
        As `evidence.slopes` returns it.

    Returns
    -------
    matplotlib.figure.Figure
        One panel on a log scale, the slowest at the bottom; hollow: trainings at the paper's length.
    """
    rows = table.sort_values("mean", kind="stable", ignore_index=True)
    figure, ax = plt.subplots(figsize=(8.4, 0.27 * len(rows) + 1))
    ax.hlines(rows.index, rows["low"], rows["high"], color=COLOURS[0], linewidth=2)
    for long, face in ((False, COLOURS[0]), (True, "white")):
        part = rows[rows["long"] == long]
        ax.plot(part["mean"], part.index, "o", color=COLOURS[0], markerfacecolor=face, markersize=5)
    ax.axvline(1, color=COLOURS[1], linestyle=":", linewidth=1.2)
    ax.set_xscale("log")
    ticks = [t for t in (0.5, 0.8, 1, 1.25, 1.6, 2, 3, 4, 6) if 0.9 * rows["low"].min() < t < 1.1 * rows["high"].max()]
    ax.set_xticks(ticks, [f"{t:.0%}" for t in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_yticks(rows.index, rows["label"], fontsize=8)
    ax.grid(axis="y", color="0.92")
    ax.set_xlabel("slope: ab-MSE over the mean colour's (log scale)")
    return figure
