"""The figures of notebook 04: rows of pixels, trees and what they can paint, errors by row, brown in numbers."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm

from nbhelpers.colour.lab import lab_to_rgb
from nbhelpers.colour.plots import COLOURS, show, with_caption
from nbhelpers.rows.regressor import Trees

LIGHT = 65.0  # the lightness at which colours without a picture are shown


def one_row(rgb: np.ndarray, lab: np.ndarray, row: int, caption: str = ""):
    """Draw one row of a photo: where it is, and its lightness, a* and b* along x.

    Parameters
    ----------
    rgb : np.ndarray
        (H, W, 3) uint8, the photo in sRGB.
    lab : np.ndarray
        (H, W, 3), the same in CIELAB.
    row : int
        From 0, the top, to H - 1.
    caption : str
        In small print under the figure, such as the photo's credit.

    Returns
    -------
    matplotlib.figure.Figure
        The photo, the row stretched, and two panels of curves.
    """
    figure, axes = plt.subplot_mosaic(
        [["photo", "strip"], ["photo", "L"], ["photo", "ab"]],
        figsize=(10, 4),
        width_ratios=(1, 1.7),
        height_ratios=(0.35, 1, 1),
    )
    show(rgb, f"row {row}", axes["photo"])
    for y in (row - 1.5, row + 1.5):
        axes["photo"].axhline(y, color="white", linewidth=1)
    axes["photo"].axhline(row, color="black", linewidth=1)
    axes["strip"].imshow(rgb[row : row + 1], aspect="auto")
    axes["strip"].set(yticks=[], xticks=[], title="the row, stretched")
    axes["L"].plot(lab[row, :, 0], color="0.3")
    axes["L"].set(ylabel="L* (given)", ylim=(0, 100), xticklabels=[])
    for k, (name, colour) in enumerate(zip(("a*", "b*"), COLOURS)):
        axes["ab"].plot(lab[row, :, 1 + k], color=colour, label=name)
    axes["ab"].axhline(0, color="0.7", linewidth=0.7)
    axes["ab"].set(ylabel="a*, b* (asked)", xlabel="x, pixels")
    axes["ab"].legend(ncols=2)
    for name in ("L", "ab", "strip"):
        axes[name].set_xlim(-0.5, len(lab[row]) - 0.5)
    return with_caption(figure, caption)


def _strip(chroma: np.ndarray, other: np.ndarray, channel: int) -> np.ndarray:
    """One channel's row (W,) with the `other` one beside it, as a picture (1, W, 3) at one lightness."""
    planes = (chroma, other) if channel == 0 else (other, chroma)
    return lab_to_rgb(np.dstack([np.full((1, len(chroma)), LIGHT), *(np.atleast_2d(plane) for plane in planes)]))


def tree_diagram(trees: Trees, X: np.ndarray, channel: int, other: np.ndarray):
    """Draw the first tree of a row model: its questions, how many rows reach each leaf, the colours of each leaf.

    Parameters
    ----------
    trees : Trees
        Of the fitted model.
    X : np.ndarray
        (N, W), the lightness of the rows that are counted.
    channel : int
        0 (a*) or 1 (b*), what the tree predicts.
    other : np.ndarray
        (W,), the row of the other channel, for the colours.

    Returns
    -------
    matplotlib.figure.Figure
        The tree, and the rows of its leaves along x.
    """
    depth, leaves = trees.depth, 2**trees.depth
    first = Trees(trees.feature[:1], trees.threshold[:1], trees.leaf[:1], trees.mean, trees.components)
    reached = np.bincount(first.apply(np.asarray(X, np.float32))[:, 0], minlength=leaves)
    rows = trees.mean + trees.leaf[0] @ trees.components
    figure, (ax, lines) = plt.subplots(2, 1, figsize=(11, 6.4), height_ratios=(1.6, 1))
    for level in range(depth):
        for i in range(2**level):
            node, width = 2**level - 1 + i, leaves / 2**level
            x, y = (i + 0.5) * width, depth - level
            used = np.isfinite(trees.threshold[0, node])
            count = reached[round(i * width) : round((i + 1) * width)].sum()
            for side in (-1, 1) if used else ():
                ax.plot([x, x + side * width / 4], [y, y - 1], color="0.6", linewidth=1, linestyle="-", zorder=0)
            if used:
                text = f"L*[{trees.feature[0, node]}] > {trees.threshold[0, node]:.1f}?\n{count} rows"
                ax.text(x, y, text, ha="center", va="center", fontsize=8,
                        bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "0.6"})  # fmt: skip
    for side, answer in ((-1, "no"), (1, "yes")):
        ax.text(leaves / 2 + side * leaves / 8, depth - 0.4, answer, ha="center", color="0.4")
    for i, row in enumerate(rows):
        if reached[i]:
            ax.imshow(_strip(row, other, channel), extent=(i + 0.04, i + 0.96, -0.3, 0.15), aspect="auto")
            count = f"leaf {i}: {reached[i]} row{'s' if reached[i] > 1 else ''}"
            ax.text(i + 0.5, -0.38, count, ha="center", va="top", fontsize=8)
            lines.plot(row, label=f"leaf {i}", color=plt.get_cmap("viridis")(i / leaves), linestyle="-")
    ax.set(xlim=(0, leaves), ylim=(-0.65, depth + 0.3))
    ax.axis("off")
    lines.plot(trees.mean, color="black", linewidth=2.5, linestyle="-", label="mean of all")
    lines.set(xlabel="x, pixels", ylabel=f"{'ab'[channel]}*", title="the only rows that this tree can paint",
              xlim=(0, len(trees.mean) - 1))  # fmt: skip
    lines.legend(ncols=1, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def strips(columns: dict[str, np.ndarray], height: int = 10, caption: str = ""):
    """Draw rows of several photos under each other, one panel for each way to colour them.

    Parameters
    ----------
    columns : dict
        title -> CIELAB (N, W, 3), the same row of N photos.
    height : int
        The pixels that each row is drawn high, the last of them white.
    caption : str
        In small print under the figure, such as the photos' credits.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each title.
    """
    figure, axes = plt.subplots(1, len(columns), figsize=(11, 3.2), squeeze=False)
    for ax, (title, lab) in zip(axes[0], columns.items()):
        picture = np.repeat(lab_to_rgb(lab), height, axis=0)
        picture[height - 1 :: height] = 255
        ax.imshow(picture, aspect="auto", interpolation="nearest")
        ax.set(title=title, xticks=[], yticks=[])
    axes[0, 0].set_ylabel(f"one row of {len(lab)} photos")
    return with_caption(figure, caption)


def over_trees(steps, curves: dict[str, list[float]], mean: float):
    """Draw the mean squared error of boosting over the number of its trees.

    Parameters
    ----------
    steps : sequence of int
        Numbers of trees.
    curves : dict
        name -> mean squared error at each of the steps.
    mean : float
        The error of the mean row on the new photos, a line.

    Returns
    -------
    matplotlib.figure.Figure
        One curve for each name.
    """
    figure, ax = plt.subplots(figsize=(6.5, 3))
    for name, values in curves.items():
        ax.plot(steps, values, marker="o", markersize=3, label=name)
    ax.axhline(mean, color="0.5", linewidth=1, linestyle=":", label="mean row, new photos")
    ax.set(xlabel="trees", ylabel="MSE of one channel")
    ax.legend()
    return figure


def error_by_row(rows: dict[str, np.ndarray], unit: str):
    """Draw the ab-MSE of each row of pixels, top to bottom, for each method.

    Parameters
    ----------
    rows : dict
        method -> (H,) errors.
    unit : str
        The method whose error is 100 % in the right panel.

    Returns
    -------
    matplotlib.figure.Figure
        The errors; beside them, in percent of that method's.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 3.3))
    for name, values in rows.items():
        left.plot(values, label=name)
        right.plot(100 * values / rows[unit])
    left.set(ylabel="ab-MSE", ylim=(0, None))
    right.set(ylabel=f"% of the {unit}'s")
    for ax in (left, right):
        ax.set(xlabel="row, from the top of the photo", xlim=(0, len(values) - 1))
    figure.legend(loc="outside upper center", ncols=len(rows))
    return figure


def colour_histograms(colours: dict, reach: int = 70):
    """Draw how often each colour a*, b* occurs in the truth and in what each method predicted.

    Parameters
    ----------
    colours : dict
        name -> ColourStatistics.
    reach : int
        Each panel goes from -reach to reach, at most 128, in a* and b*.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each name.
    """
    figure, axes = plt.subplots(1, len(colours), figsize=(11, 2.7), sharey=True, squeeze=False)
    window = slice(128 - reach, 128 + reach)
    for ax, (name, found) in zip(axes[0], colours.items()):
        shares = np.ma.masked_equal(found.counts.T[window, window] / found.pixels, 0)
        shown = ax.imshow(shares, origin="lower", extent=(-reach, reach, -reach, reach), norm=LogNorm(1e-7, 0.1))
        ax.plot(0, 0, "+", color="#D55E00", markersize=12)
        ax.set_title(f"{name}\nchroma {found.chroma:.1f}\nhues {found.hue_spread:.2f}", fontsize=9)
        ax.set(xlabel="a*", xticks=(-50, 0, 50))
    axes[0, 0].set_ylabel("b*")
    figure.colorbar(shown, ax=axes, label="share of pixels", shrink=0.9)
    return figure


def learning_curves(relative):
    """Draw the mean squared error of row models, in percent of the mean row's, over the number of training photos.

    Parameters
    ----------
    relative : pd.DataFrame
        As `study.of_mean_row` returns it: each panel has its own mean row, which is 100 % everywhere.

    Returns
    -------
    matplotlib.figure.Figure
        The photos that were learned from, and new photos.
    """
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.4), sharey=True)
    for ax, column, title in zip(axes, ("training", "validation"), ("photos learned from", "new photos")):
        for name, part in relative.groupby("method", sort=False):
            mean = {"color": "0.4", "linestyle": "--", "marker": ""} if name == "position mean" else {"marker": "o"}
            label = "mean row" if name == "position mean" else name
            ax.plot(part["photos"], part[column], markersize=3, label=label, **mean)
        ax.set(xscale="log", xlabel="training photos", title=title)
        ax.set_xticks(counts := sorted(set(relative["photos"])), counts)
        ax.minorticks_off()
    axes[0].set(ylabel="error, % of the mean row's", ylim=(0, None))
    axes[1].legend()
    return figure


def split_search(thresholds: np.ndarray, falls: np.ndarray, best: np.ndarray, pixel: int):
    """Draw how much the variance falls with each question that a tree of depth 1 may ask.

    Parameters
    ----------
    thresholds : np.ndarray
        (n,), those of one pixel, rising.
    falls : np.ndarray
        (n,), by which share of the variance each of them lets it fall, in [0, 1].
    best : np.ndarray
        (W,), the largest such share of each pixel.
    pixel : int
        The one whose thresholds are shown.

    Returns
    -------
    matplotlib.figure.Figure
        One pixel with all its thresholds, and all pixels with their best one.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3), sharey=True)
    left.plot(thresholds, 100 * falls, color=COLOURS[0], linestyle="-")
    left.plot(thresholds[falls.argmax()], 100 * falls.max(), "o", color=COLOURS[1])
    left.set(xlabel="threshold, L*", ylabel="fall of the variance, %", title=f"pixel {pixel}, all thresholds")
    right.plot(100 * best, color=COLOURS[0], linestyle="-")
    right.plot(pixel, 100 * best[pixel], "o", color=COLOURS[1], label="the best question")
    right.set(xlabel="pixel, from the left of the row", title="all pixels, each with its best threshold",
              ylim=(0, None), xlim=(0, len(best) - 1))  # fmt: skip
    right.legend(loc="lower right")
    return figure


def bars(values, label: str, mark: float | None = None, mark_label: str = ""):
    """Draw horizontal bars, the first on top, each with its number.

    Parameters
    ----------
    values : pd.Series
        name -> value.
    label : str
        Of the values' axis.
    mark : float, optional
        A value to compare with, a line.
    mark_label : str
        Of that line.

    Returns
    -------
    matplotlib.figure.Figure
        One panel.
    """
    figure, ax = plt.subplots(figsize=(7.5, 0.6 + 0.3 * len(values)))
    drawn = ax.barh(np.arange(len(values)), values, color=COLOURS[0], height=0.65)
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # the line goes behind the numbers
    ax.bar_label(drawn, fmt="%.3g", padding=4, fontsize=8, bbox=paper)
    ax.set_yticks(np.arange(len(values)), values.index)
    ax.invert_yaxis()
    ax.set(xlabel=label)
    ax.margins(x=0.12)
    if mark is not None:
        ax.axvline(mark, color=COLOURS[1], linewidth=1.5, linestyle="--", label=mark_label)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.02 + 0.8 / len(values)))
    return figure


def feature_maps(planes: dict[str, np.ndarray], caption: str = ""):
    """Draw features of every pixel of a photo as pictures, each from its smallest to its largest value.

    Parameters
    ----------
    planes : dict
        name -> (H, W).
    caption : str
        In small print under the figure, such as the photo's credit.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each feature.
    """
    figure, axes = plt.subplots(1, len(planes), figsize=(11, 2.3), squeeze=False)
    for ax, (name, plane) in zip(axes[0], planes.items()):
        ax.imshow(plane, cmap="cividis")
        ax.set_title(name)
        ax.axis("off")
    return with_caption(figure, caption)
