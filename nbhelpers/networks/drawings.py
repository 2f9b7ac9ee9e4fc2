"""More figures of notebook 05: the U-Net as a drawing, what a pixel sees, how a training goes."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import FancyArrowPatch, Rectangle

from nbhelpers.colour.lab import unscale_ab
from nbhelpers.colour.plots import COLOURS, show, with_caption


def u_shape(summary: pd.DataFrame):
    """A U-Net as the U that gave it its name: a box for each block, arrows for what goes where.

    Parameters
    ----------
    summary : pd.DataFrame
        Its layers and outputs as `study.summary` gives them.

    Returns
    -------
    matplotlib.figure.Figure
        Down on the left, up on the right; each box with channels x height x width of what comes out of it.
    """
    outputs = dict(zip(summary["layer"], summary["output"]))
    depth = sum(name.startswith("up.") for name in outputs)
    steps = [(f"down.{level}", 0.75 * level, -level) for level in range(depth + 1)]
    steps += [(f"merge.{k}", 0.75 * depth + 1.5 + 0.75 * k, k + 1 - depth) for k in range(depth)]
    places = {name: np.array([x, y]) for name, x, y in steps}
    end = places[f"merge.{depth - 1}"] if depth else places["down.0"]
    places["head"] = end + [1.6, 0]
    figure, ax = plt.subplots(figsize=(9.6, 0.7 * depth + 1.1))
    for name, (x, y) in places.items():
        colour = {"down": COLOURS[0], "merge": COLOURS[2], "head": COLOURS[1]}[name.split(".")[0]]
        ax.add_patch(Rectangle((x - 0.5, y - 0.27), 1.0, 0.54, facecolor=colour, alpha=0.25, edgecolor=colour))
        ax.text(x, y, f"{name}\n{outputs[name]}", ha="center", va="center", fontsize=7.5)

    def arrow(start, stop, text="", style="-", shift=(0, 0), align="center"):
        look = {"arrowstyle": "-|>", "mutation_scale": 9, "linestyle": style, "color": "0.35", "shrinkA": 0}
        ax.add_patch(FancyArrowPatch(start, stop, **look))
        ax.text(*((np.add(start, stop) / 2) + shift), text, ha=align, va="center", fontsize=7, color="0.25")

    for level in range(depth):
        here, below = places[f"down.{level}"], places[f"down.{level + 1}"]
        arrow(here + [0, -0.27], below + [-0.2, 0.27], "halve", shift=(-0.18, 0), align="right")
        upper = places[f"merge.{depth - 1 - level}"]
        lower = below if level == depth - 1 else places[f"merge.{depth - 2 - level}"]
        name = f"up.{depth - 1 - level}: {outputs[f'up.{depth - 1 - level}'].split(' x ')[0]} channels, doubled"
        arrow(lower + [0.2, 0.27], upper + [0, -0.27], name, shift=(0.25, 0), align="left")
        arrow(here + [0.5, 0], upper + [-0.5, 0], "put beside", "--", shift=(0, 0.12))
    arrow([-1.1, 0], [-0.5, 0], "L*", shift=(0, 0.16))
    arrow(end + [0.5, 0], places["head"] + [-0.5, 0])
    arrow(places["head"] + [0.5, 0], places["head"] + [1.1, 0], "a*, b*", shift=(0, 0.16))
    ax.set(xlim=(-1.15, places["head"][0] + 1.15), ylim=(-depth - 0.4, 0.45))
    ax.axis("off")
    return figure


def seen_by_a_pixel(photo: np.ndarray, gradient: np.ndarray, at: tuple[int, int], field: int, caption: str = ""):
    """How far a network looks from one pixel, and where it looks.

    Parameters
    ----------
    photo : np.ndarray
        sRGB uint8 (H, W, 3).
    gradient : np.ndarray
        (H, W), at least 0: how much the pixel's answer changes with the lightness there.
    at : tuple of int
        The pixel's column and row.
    field : int
        Side of its receptive field in pixels, drawn as a square around it.
    caption : str
        Small print under the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The photo, and the gradient over its largest value, on a logarithmic scale.
    """
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.9), width_ratios=[1, 1.2])
    show(photo, "the photo, the pixel, its receptive field", axes[0])
    shown = np.log10(np.maximum(gradient / gradient.max(), 1e-6))
    image = axes[1].imshow(shown, cmap="cividis", vmin=-4, vmax=0)
    axes[1].set_title("how much its answer depends on the others")
    for ax in axes:
        ax.plot(*at, "+", color=COLOURS[1], markersize=9)
        half = field / 2
        ax.add_patch(Rectangle(np.subtract(at, half), field, field, fill=False, edgecolor=COLOURS[1]))
        ax.set(xlim=(0, photo.shape[1]), ylim=(photo.shape[0], 0))
        ax.axis("off")
    bar = figure.colorbar(image, ax=axes[1], shrink=0.9, ticks=[-4, -3, -2, -1, 0])
    bar.ax.set_yticklabels(["1e-4", "1e-3", "0.01", "0.1", "1"])
    return with_caption(figure, caption)


def diagnosis(rows):
    """The error on photos learned from and on new ones over the epochs, a panel for each kind of statistics.

    Parameters
    ----------
    rows : list of dict
        Those of `study.Diagnosis`.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels.
    """
    table = pd.DataFrame(rows)
    figure, axes = plt.subplots(1, 2, figsize=(9, 2.8), sharey=True)
    for ax, (statistics, part) in zip(axes, table.groupby("statistics", sort=False)):
        for colour, (photos, line) in zip((COLOURS[0], COLOURS[1]), part.groupby("photos", sort=False)):
            ax.plot(line["epoch"], 100 * line["of mean colour"], "o-", color=colour, label=f"photos {photos}"
                    if photos == "learned from" else "new photos")  # fmt: skip
        ax.axhline(100, color="0.4", linestyle=":", label="the mean colour")
        ax.set(title=f"{statistics} statistics" if statistics == "running" else f"statistics {statistics}")
        ax.set(xlabel="epoch", ylim=(0, None))
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel("error, % of the mean colour's")
    axes[1].legend(fontsize=8)
    return figure


def bins_choice(choice: pd.DataFrame, chosen: tuple[float, float]):
    """What a network of bins answers with each evenness of the weights and each temperature, against its chroma.

    Parameters
    ----------
    choice : pd.DataFrame
        uniform (the evenness), temperature, of mean colour, hue_spread, chroma, true chroma, true hue_spread.
    chosen : tuple of float
        The evenness and the temperature to mark.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels, the error and the hue spread; a line for each temperature, a dot for each evenness, named at the
        line of the highest temperature. The chroma of photos is a dotted line, up to 10 % more of it are shaded.
    """
    table = choice.assign(x=100 * choice["chroma"] / choice["true chroma"], error=100 * choice["of mean colour"])
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.1))
    names = {"error": "error, % of the mean colour's", "hue_spread": "hue spread"}
    lines = list(table.sort_values("uniform").groupby("temperature"))
    for ax, (measure, name) in zip(axes, names.items()):
        for colour, (temperature, line) in zip(COLOURS, lines):
            ax.plot(line["x"], line[measure], "o-", color=colour, markersize=3.5, label=f"T = {temperature:g}")
        for row in lines[-1][1].itertuples():
            ax.annotate(f"{row.uniform:g}", (row.x, getattr(row, measure)), (4, -9), textcoords="offset points",
                        fontsize=7.5, color="0.25")  # fmt: skip
        mark = table[(table["uniform"] == chosen[0]) & (table["temperature"] == chosen[1])]
        ax.plot(mark["x"], mark[measure], "o", color="0.1", markersize=11, fillstyle="none", label="chosen")
        ax.axvspan(100, 110, color="0.5", alpha=0.15, linewidth=0)
        ax.axvline(100, color="0.4", linestyle=":")
        ax.set(xlabel="chroma, % of the truth's", ylabel=name)
    axes[1].axhline(table["true hue_spread"].iloc[0], color="0.4", linestyle="--", linewidth=1, label="of the truth")
    axes[1].legend(fontsize=8)
    return figure


def unet_over_epochs(scores: pd.DataFrame, log: pd.DataFrame):
    """A U-Net's error on the photos that it learns from and on new ones, over its epochs, and its chroma.

    Parameters
    ----------
    scores : pd.DataFrame
        Columns seed, weights, epoch, ab_mse, of_mean_colour with its interval of_low to of_high, chroma, true_chroma.
        Of further seeds there are thin lines.
    log : pd.DataFrame
        The log of the first seed, as `train` gives it.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels.
    """
    mean, looks = scores[scores["epoch"] == 0].iloc[0], scores[scores["epoch"] > 0]
    first = looks[looks["seed"] == looks["seed"].iloc[0]]
    learned = (unscale_ab(1.0) ** 2 * log["loss"] / mean["ab_mse"]).groupby(log["epoch"] + 1).mean()
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.1))
    bars = abs(first[["of_low", "of_high"]].sub(first["of_mean_colour"], axis=0)).to_numpy().T
    axes[0].plot(learned.index, learned, color="tab:blue", label="photos learned from (loss)")
    axes[0].errorbar(
        first["epoch"], first["of_mean_colour"], bars, fmt="o-", color="tab:red", label="new photos", capsize=2
    )
    axes[1].plot(first["epoch"], first["chroma"], "o-", color="tab:red", label="new photos")
    for _, line in looks[looks["seed"] != looks["seed"].iloc[0]].groupby("seed"):
        axes[0].plot(line["epoch"], line["of_mean_colour"], color="tab:red", linewidth=0.8, label="another seed")
        axes[1].plot(line["epoch"], line["chroma"], color="tab:red", linewidth=0.8, label="another seed")
    axes[0].axhline(1, color="0.4", linestyle=":", label="the mean colour")
    axes[1].axhline(mean["true_chroma"], color="0.4", linestyle="--", label="true photos")
    axes[0].set(title="error / the mean colour's", xlabel="epoch", ylim=(0, None))
    axes[1].set(title="mean chroma", xlabel="epoch", ylim=(0, None))
    for ax in axes:
        ax.legend(fontsize=7)
    return figure
