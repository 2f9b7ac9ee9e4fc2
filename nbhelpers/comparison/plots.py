"""Figures of the comparison: each function takes tables and returns the matplotlib figure."""

from __future__ import annotations

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import SymLogNorm
from matplotlib.ticker import NullLocator, PercentFormatter

from nbhelpers.colour.lab import lab_to_rgb
from nbhelpers.colour.metrics import ab_mse
from nbhelpers.colour.plots import COLOURS, show, with_caption
from nbhelpers.comparison import ablation
from nbhelpers.evaluation.statistics import FEW, significant
from nbhelpers.hints import Hints
from nbhelpers.methods import BLIND

TITLES = {"ab_mse": "ab-MSE", "psnr": "RGB PSNR, dB", "ssim": "SSIM", "delta_e": "CIEDE2000",
          "colourfulness": "colourfulness / truth", "chroma": "chroma / truth", "hue_spread": "hue spread"}  # fmt: skip
MARKERS = "osD^vP*X<>h"


def scoreboard(board, measures=("ab_mse", "delta_e", "psnr", "ssim", "chroma", "hue_spread"), mark: str = "mean"):
    """Draw each method's mean with its 95 % interval, one panel per measure.

    Parameters
    ----------
    board : pd.DataFrame
        As `tables.scoreboard` returns it.
    measures : sequence of str
        Measures of the board; "chroma" and "colourfulness" are shares of the truth's, with a line at 1.
    mark : str
        The method whose mean is the dotted line.

    Returns
    -------
    matplotlib.figure.Figure
        The panels, side by side.
    """
    names = list(dict.fromkeys(board["method"]))[::-1]
    figure, axes = plt.subplots(1, len(measures), figsize=(12, 0.27 * len(names) + 0.9), sharey=True)
    for ax, measure in zip(axes, measures):
        rows = board[board["measure"] == measure].set_index("method").reindex(names)
        places = np.arange(len(names))
        ax.hlines(places, rows["low"], rows["high"], color=COLOURS[0], linewidth=2)
        ax.plot(rows["mean"], places, "o", color=COLOURS[0], markersize=4)
        if mark in names and np.isfinite(rows.loc[mark, "mean"]):
            ax.axvline(rows.loc[mark, "mean"], color=COLOURS[1], linestyle=":", linewidth=1.2)
        if measure in ("chroma", "colourfulness"):
            ax.axvline(1, color="0.5", linewidth=0.8)
        ax.set_title(TITLES[measure])
        ax.grid(axis="y", color="0.92")
        ax.set_yticks(places, names)
        if measure == "ab_mse" and rows["mean"].max() > 2 * rows["mean"].median():
            ax.set_xscale("log")
            ax.set_xticks(
                ticks := [t for t in (100, 200, 400, 800, 1600) if rows["low"].min() < t < rows["high"].max()], ticks
            )
            ax.xaxis.set_minor_locator(NullLocator())
    return figure


def realism(table):
    """Draw how like the truth each method's photos look to a network, the most alike at the top.

    Parameters
    ----------
    table : pd.DataFrame
        As `realism.compare` returns it.

    Returns
    -------
    matplotlib.figure.Figure
        Four panels: the Fréchet distance, how far behind the nearest it is, that between halves with its floor, and the
        share of equal answers; with too few photos for a distance the last alone.
    """
    rows = table[table["method"] != "truth"]
    panels = {"agreement": "same first answer"}
    if rows["frechet"].notna().all():
        panels = {"frechet": "Fréchet distance", "behind": "behind the nearest", "halves": "between halves"} | panels
    key = next(iter(panels))
    rows = rows.sort_values(key, ascending=key == "agreement")  # the most alike last, which is the top
    places = np.arange(len(rows))
    size = (2.2 * len(panels) + 2, 0.27 * len(rows) + 1)
    figure, axes = plt.subplots(1, len(panels), figsize=size, sharey=True, squeeze=False)
    for ax, (name, title) in zip(axes[0], panels.items()):
        if f"{name}_low" in rows:
            ax.hlines(places, rows[f"{name}_low"], rows[f"{name}_high"], color=COLOURS[0], linewidth=2)
        else:
            floor = table.loc[table["method"] == "truth", name].iloc[0]
            ax.axvline(floor, color=COLOURS[1], linestyle=":", linewidth=1.2, label="truth")
            ax.legend(fontsize=7)
        ax.plot(rows[name], places, "o", color=COLOURS[0], markersize=4)
        ax.set_title(title)
        ax.grid(axis="y", color="0.92")
    axes[0, 0].set_yticks(places, rows["method"])
    axes[0, -1].xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


def over_unknown(summary):
    """Draw the ab-MSE over the share of unknown pixels.

    Methods that ignore hints are grey lines with their names at the end. Solutions that explode leave the frame, which
    ends at 3,000 at most.

    Parameters
    ----------
    summary : pd.DataFrame
        Of `evaluation.statistics.summarise(scores, ["method", "unknown"])`.

    Returns
    -------
    matplotlib.figure.Figure
        One panel; the error on a log scale, the shares as even steps.
    """
    figure, ax = plt.subplots(figsize=(9.5, 5.4))
    ticks = [f"{100 * u:g}" for u in dict.fromkeys(summary["unknown"].sort_values())]
    place = {u: i for i, u in enumerate(dict.fromkeys(summary["unknown"].sort_values()))}
    flat_ends = []
    colours, markers = cycle((*COLOURS, "#882255")), cycle(MARKERS)
    for method, rows in summary.groupby("method", sort=False):
        x = rows["unknown"].map(place)
        if method in BLIND:
            ax.plot(x, rows["mean"], color="0.6", linestyle="-", linewidth=1, zorder=1)
            flat_ends.append((rows["mean"].iloc[-1], method))
        else:
            colour = next(colours)
            hollow = {"ms": 9, "mfc": "none", "linestyle": ":"} if method == "ridge" else {"ms": 5, "linestyle": "-"}
            ax.plot(x, rows["mean"], marker=next(markers), color=colour, label=method, zorder=3, **hollow)  # on OLS
            ax.fill_between(x, rows["low"], rows["high"], color=colour, alpha=0.08, lw=0)
    ax.set_yscale("log")
    flat_ends.sort()
    end = len(ticks) - 1
    for height, (value, method) in zip(_apart([np.log10(value) for value, _ in flat_ends], 0.14), flat_ends):
        ax.plot([end, end + 0.12], [value, 10**height], color="0.8", linewidth=0.8, linestyle="-")
        ax.text(end + 0.15, 10**height, method, fontsize=8, color="0.35", va="center")
    ax.set_xticks(range(len(ticks)), ticks)
    ax.set(xlabel="unknown pixels, % (steps, not to scale)", ylabel="ab-MSE of the unknown pixels (log scale)")
    ax.set(xlim=(-0.2, end + 0.9), ylim=(None, min(4 * summary["mean"].max(), 3e3)))
    ax.legend(fontsize=8, loc="lower right", bbox_to_anchor=(0.99, 0.0), title="they use the hints", title_fontsize=8)
    if flat_ends:
        ax.text(-0.1, 1.2 * flat_ends[-1][0], "grey lines: blind to hints", fontsize=8, color="0.35")
    return figure


def _apart(values, least: float) -> list[float]:
    """Sorted values moved up so that neighbours are at least `least` apart."""
    found = []
    for value in values:
        found.append(max(value, found[-1] + least) if found else value)
    shift = (found[-1] - values[-1]) / 2 if found else 0
    return [value - shift for value in found]


def pairs(gaps):
    """Draw all pairs of methods: the row's ab-MSE minus the column's.

    Parameters
    ----------
    gaps : pd.DataFrame
        As `statistics.paired` returns it for every pair.

    Returns
    -------
    matplotlib.figure.Figure
        A matrix of colours and numbers; blank: no significant difference (`statistics.significant`). With fewer than
        FEW photos all differences are drawn, as colours alone, and the title says that nobody can tell which are luck.
    """
    names = list(dict.fromkeys([*gaps["other"], *gaps["method"]]))
    place = {name: i for i, name in enumerate(names)}
    values = np.zeros((len(names), len(names)))
    photos = gaps["photos"].max()
    for row in (gaps if photos < FEW else gaps[significant(gaps) != 0]).itertuples():
        i, j = place[row.method], place[row.other]
        values[i, j], values[j, i] = row.difference, -row.difference
    figure, ax = plt.subplots(figsize=(8.2, 6.6))
    reach = max(1.0, abs(values).max())
    drawn = ax.imshow(values, cmap="PuOr", norm=SymLogNorm(5, vmin=-reach, vmax=reach))
    for i, j in np.argwhere(values) if photos >= FEW else ():
        value, dark = values[i, j], abs(drawn.norm(values[i, j]) - 0.5) > 0.27
        ax.text(j, i, f"{value:.0f}" if abs(value) >= 9.5 else f"{value:.2g}", ha="center", va="center", fontsize=6,
                color="white" if dark else "0.2")  # fmt: skip
    blank = "blank: not significant"
    if photos < FEW:
        blank = f"\n{photos} photos: too few to say which of these differences are luck"
    elif not values.any():
        few = f"{photos} photos: no difference is significant"
        ax.text(0.5, 0.5, few, transform=ax.transAxes, ha="center", va="center")
    ax.set_xticks(range(len(names)), names, rotation=55, ha="right", fontsize=8)
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.set_title(f"ab-MSE of the row minus that of the column; purple: the row's is larger; {blank}")
    ax.title.set_fontsize(9)
    ticks = [t for t in (-1000, -100, -10, 0, 10, 100, 1000) if abs(t) <= reach]
    bar = figure.colorbar(drawn, ax=ax, shrink=0.8, label="difference (log scale from ±5 on)", ticks=ticks)
    bar.ax.set_yticklabels([f"{t:g}" for t in ticks])
    bar.ax.minorticks_off()
    return figure


def by_method(labs, methods: dict, hints: dict | None = None, caption: str = ""):
    """Draw Figure 4: photos down and methods across, each with its ab-MSE; the truth comes first.

    Parameters
    ----------
    labs : sequence of np.ndarray
        Photos, CIELAB (H, W, 3).
    methods : dict
        Name -> Colorizer.
    hints : dict, optional
        Method name -> function (lab) -> Hints, for methods that are given some; the others get none.
    caption : str
        A line below the figure, such as the photos' credits; "" for none.

    Returns
    -------
    matplotlib.figure.Figure
        One row for each photo.
    """
    columns = len(methods) + 1
    figure, axes = plt.subplots(len(labs), columns, figsize=(12, 12 / columns * len(labs) * 1.19), squeeze=False)
    for i, (line, lab) in enumerate(zip(axes, labs)):
        show(lab_to_rgb(lab), "" if i else "truth\n", line[0]).title.set_fontsize(8)
        for ax, (name, method) in zip(line[1:], methods.items()):
            given = (hints or {}).get(name)
            known = given(lab) if given else Hints.none(lab.shape[:2])
            ab = method.colorize(lab[..., 0], known).ab
            score = f"{ab_mse(ab, lab[..., 1:], ~known.known):.0f}"
            show(lab_to_rgb(np.dstack([lab[..., 0], ab])), score if i else f"{name}\n{score}", ax)
            ax.title.set_fontsize(8)
    return with_caption(figure, caption)


def gallery(items: dict[str, list], caption: str = ""):
    """Draw the best and the worst photos of each method, colorized beside true.

    Parameters
    ----------
    items : dict
        Method -> [(label, rgb colorized, rgb true), ...], uint8 (H, W, 3).
    caption : str
        A line below the figure, such as the photos' credits; "" for none.

    Returns
    -------
    matplotlib.figure.Figure
        One row for each method.
    """
    columns = 2 * max(map(len, items.values()))
    figure, axes = plt.subplots(len(items), columns, figsize=(1.55 * columns, 1.7 * len(items)), squeeze=False)
    for line, (name, pictures) in zip(axes, items.items()):
        for ax in line:
            ax.axis("off")
        for k, (label, painted, truth) in enumerate(pictures):
            show(painted, f"{name}, {label}", line[2 * k]).title.set_fontsize(8)
            show(truth, "truth", line[2 * k + 1]).title.set_fontsize(8)
    return with_caption(figure, caption)


def costs(table, labels=("pixels", "share of unknown pixels", "photos")):
    """Draw processor seconds over pixels, unknown share and photos, log-log.

    Parameters
    ----------
    table : pd.DataFrame
        As `costs.measure_costs` returns it.
    labels : sequence of str
        What is written below the three horizontal axes.

    Returns
    -------
    matplotlib.figure.Figure
        Three panels with one vertical axis.
    """
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.8), sharey=True)
    for ax, axis, label in zip(axes, ("pixels", "unknown", "photos"), labels):
        part = table[table["axis"] == axis]
        for marker, (method, rows) in zip(cycle(MARKERS), part.groupby("method", sort=False)):
            ax.plot(rows["at"], rows["seconds"], marker=marker, ms=4, label=method)
        ax.set(xscale="log", yscale="log", xlabel=label)
        ax.set_xticks(part["at"].unique(), [f"{at:,g}" for at in part["at"].unique()])
        ax.xaxis.set_minor_locator(NullLocator())
    axes[0].set_ylabel("processor seconds")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure


def ratings(table):
    """Draw how strong each method is in people's eyes, with its 95 % interval.

    Parameters
    ----------
    table : pd.DataFrame
        As `preference.bradley_terry` returns it.

    Returns
    -------
    matplotlib.figure.Figure
        One panel, the strongest method on top; the truth, if it took part, is the dotted line.
    """
    rows = table.sort_values("strength", kind="stable", ignore_index=True)
    figure, ax = plt.subplots(figsize=(7.2, 0.3 * len(rows) + 1.3))
    ax.hlines(rows.index, rows["low"], rows["high"], color=COLOURS[0], linewidth=2)
    ax.plot(rows["strength"], rows.index, "o", color=COLOURS[0], markersize=5)
    for strength in rows.loc[rows["method"] == "truth", "strength"].dropna():
        ax.axvline(strength, color=COLOURS[1], linestyle=":", linewidth=1.2)
    if rows["strength"].isna().all():
        few = "not enough answers to compare the methods"
        ax.text(0.5, 0.5, few, transform=ax.transAxes, ha="center", va="center")
    ax.set_yticks(rows.index, rows["method"])
    ax.grid(axis="y", color="0.92")
    ax.set(xlabel="preferred: log odds, mean of all methods 0", ylabel="method")
    return figure


def hint_curve(summary, printed=None):
    """Draw the PSNR over the number of 6 x 6 patches of known colour.

    Parameters
    ----------
    summary : pd.DataFrame
        patches, method, mean, low, high (dB).
    printed : pd.DataFrame, optional
        patches and psnr (dB) that others have published for their own photos, drawn as a dotted line.

    Returns
    -------
    matplotlib.figure.Figure
        One panel; the numbers of patches as even steps.
    """
    figure, ax = plt.subplots(figsize=(7.2, 4.4))
    counts = sorted(summary["patches"].unique())
    place = {count: i for i, count in enumerate(counts)}
    for marker, (method, rows) in zip(cycle(MARKERS), summary.groupby("method", sort=False)):
        x = rows["patches"].map(place)
        (line,) = ax.plot(x, rows["mean"], marker=marker, ms=5, linestyle="-", label=method)
        ax.fill_between(x, rows["low"], rows["high"], color=line.get_color(), alpha=0.1, lw=0)
    if printed is not None:
        rows = printed[printed["patches"].isin(counts)]
        ax.plot(
            rows["patches"].map(place), rows["psnr"], ":x", color="0.4", label="SIGGRAPH17, as published (ImageNet)"
        )
    ax.set_xticks(range(len(counts)), [f"{count:g}" for count in counts])
    ax.set(xlabel="patches of known colour (steps, not to scale)", ylabel="RGB PSNR, dB: higher is better")
    ax.legend(fontsize=8, loc="upper left")
    return figure


def trade_off(table):
    """Error against colourfulness of the ablation: a point for each variant, from seed to seed, and the front.

    Parameters
    ----------
    table : pd.DataFrame
        As `ablation.judged` returns it.

    Returns
    -------
    matplotlib.figure.Figure
        Left each loss from scratch (hollow) and on a pretrained encoder (filled); right one change at a time around
        some of the latter, changes that hardly moved anything without a name. A cross spans the seeds. Dashed the
        front, see `ablation.front`.
    """
    means = ablation.over_seeds(table).assign(x=lambda m: m["colourfulness"], y=lambda m: 100 * m["of mean colour"])
    losses = [name.removeprefix("scratch: ") for name in means.index if name.startswith("scratch: ")]
    colours = dict(zip(losses, COLOURS))
    loss = {name: name.partition(": ")[2] for name in means.index if name.startswith(("scratch: ", "pretrained: "))}
    factors = [name for name in means.index if name.partition(": ")[0] in ablation.CENTRES]
    loss |= {name: ablation.CENTRES[name.partition(": ")[0]] for name in factors}
    around = [f"pretrained: {each}" for each in (*ablation.CENTRES.values(), "bins")]
    figure, axes = plt.subplots(1, 2, figsize=(12.5, 5.6))
    for ax, shown in zip(axes, ([name for name in loss if name not in factors], [*around, *factors])):
        for name in sorted(shown, key=means["y"].get):
            mine, colour = table[table["variant"] == name], colours[loss[name]]
            x, y = means.loc[name, ["x", "y"]]
            ax.hlines(y, mine["colourfulness"].min(), mine["colourfulness"].max(), color=colour, linewidth=1)
            ax.vlines(x, *(100 * mine["of mean colour"].agg(["min", "max"])), color=colour, linewidth=1)
            face = "white" if name.startswith("scratch: ") else colour
            ax.plot(x, y, "D" if name in factors else "o", color=colour, markerfacecolor=face, zorder=3,
                    markersize=5 if name in factors else 9)  # fmt: skip
            centre = means.loc[f"pretrained: {loss[name]}"]
            if name in factors and abs(x - centre["x"]) + abs(y - centre["y"]) > 4:
                below = len(ax.texts) % 2
                place, side = ((7, -10), "left") if below else ((-7, 5), "right")
                text = name.partition(": ")[2]
                ax.annotate(text, (x, y), place, textcoords="offset points", ha=side, fontsize=8, color=colour)
        best = means.loc[shown][ablation.front(means.loc[shown, "y"], means.loc[shown, "x"])].sort_values("y")
        ax.plot(best["x"], best["y"], "--", color="0.3", linewidth=1, zorder=1)
        ax.plot(*means.loc[ablation.MEAN, ["x", "y"]], "X", color="0.4", markersize=8)
        ax.axvline(0, color="0.6", linewidth=0.8)
        ax.set(xlabel="colourfulness, painted minus true", ylabel="ab-MSE, % of the mean colour's")
    axes[0].set(yscale="log", yticks=(80, 100, 150, 200, 300, 500), title="six losses, from scratch and on an encoder")
    axes[0].set_yticklabels(axes[0].get_yticks())
    axes[0].yaxis.set_minor_locator(NullLocator())
    near = means.loc[[ablation.MEAN, *around, *factors]].query("y < 150")
    axes[1].set(
        xlim=(near["x"].min() - 2, max(0, near["x"].max()) + 4), ylim=(near["y"].min() - 3, near["y"].max() + 4)
    )
    axes[1].set_title("one change at a time, around some on an encoder")
    far = [f"{name}: {line['y']:.0f} %" for name, line in means.loc[factors].query("y >= 150").iterrows()]
    axes[1].text(0.98, 0.02, "\n".join(["beyond the panel:", *far] if far else []), transform=axes[1].transAxes,
                 ha="right", va="bottom", fontsize=8)  # fmt: skip
    marks = [plt.Line2D([], [], color=colour, marker="o", linestyle="") for colour in colours.values()]
    marks += [plt.Line2D([], [], color="0.4", marker=mark, linestyle="", markerfacecolor=face)
              for mark, face in (("o", "white"), ("o", "0.4"), ("X", "0.4"))]  # fmt: skip
    axes[0].legend(marks, [*colours, "from scratch", "on an encoder", "mean colour"], fontsize=8)
    return figure
