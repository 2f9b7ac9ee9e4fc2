"""The figures of notebooks 05 and 06: learning curves, feature maps, the known-answer world."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.colour.plots import COLOURS, photo_grid, show, with_caption
from nbhelpers.networks import coin_world


def _smooth(values, share: float = 0.05):
    return pd.Series(values).rolling(max(1, round(share * len(values))), min_periods=1, center=True).mean()


def _line(ax, steps, values, colour, label):
    """A measured series, pale, and its running mean."""
    ax.plot(steps, values, color=colour, alpha=0.2, linewidth=0.8, linestyle="-")
    ax.plot(steps, _smooth(values), color=colour, label=label, linestyle="-")


def unet_curves(rows, epochs=None, errors=None, reference: dict[str, float] | None = None):
    """The log of a U-Net: its loss, how colourful its predictions are, and its error on new photos.

    Parameters
    ----------
    rows : list of dict
        The log, see `Trained.rows`.
    epochs : sequence of int, optional
        After which epochs the error was measured; needed with `errors`.
    errors : sequence of float, optional
        Mean squared error of a* and b* on new photos after each of them; None leaves that panel out.
    reference : dict of str to float, optional
        Name -> mean squared error of a* and b*, drawn as lines beside the errors.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels, or three with `errors`.
    """
    log = pd.DataFrame(rows)
    figure, axes = plt.subplots(1, 2 + (errors is not None), figsize=(11 if errors is not None else 8, 2.9))
    _line(axes[0], log["step"], log["loss"], COLOURS[0], "loss")
    axes[0].set(title="training loss", xlabel="step", yscale="log")
    _line(axes[1], log["step"], log["chroma"], COLOURS[1], "painted")
    _line(axes[1], log["step"], log["real_chroma"], COLOURS[6], "true")
    axes[1].set(title="mean chroma of the batch", xlabel="step", ylim=(0, None))
    axes[1].legend()
    if errors is not None:
        axes[2].plot(epochs, errors, "o-", color=COLOURS[0], label="the network")
        for k, (name, value) in enumerate((reference or {}).items()):
            axes[2].axhline(value, color="0.4", linestyle=":" if k else "--", label=name)
        axes[2].set(title="ab-MSE on new photos", xlabel="epoch")
        axes[2].legend()
    return figure


def gan_curves(rows, title: str = ""):
    """The log of a GAN for readers: both losses with the lines that mean something, accuracies, chroma.

    Parameters
    ----------
    rows : list of dict
        The log, see `Trained.rows`; restarts are marked.
    title : str
        Of the first panel; "" is "losses".

    Returns
    -------
    matplotlib.figure.Figure
        Three panels.
    """
    log = pd.DataFrame(rows)
    restarted = log["attempt"].nunique() > 1  # then steps come several times
    steps = np.arange(len(log)) if restarted else log["step"]
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.1))
    _line(axes[0], steps, log["adversarial"], COLOURS[1], "generator: fakes against label 1")
    _line(axes[0], steps, log["discriminator_loss"], COLOURS[0], "discriminator: real + fake")
    axes[0].axhline(2 * np.log(2), color="0.4", linestyle=":", label="2 ln 2: it can only guess")
    axes[0].set(title=title or "losses", ylim=(0, min(12, 1.3 * log["adversarial"].max() + 0.5)))
    axes[0].legend(fontsize=7)
    _line(axes[1], steps, log["real_accuracy"], COLOURS[2], "of real photos")
    _line(axes[1], steps, log["fake_accuracy"], COLOURS[3], "of fakes")
    axes[1].axhline(0.5, color="0.4", linestyle=":", label="guessing")
    axes[1].set(title="share that the discriminator gets right", ylim=(0, 1.03))
    axes[1].legend(fontsize=7)
    _line(axes[2], steps, log["chroma"], COLOURS[1], "painted")
    _line(axes[2], steps, log["real_chroma"], COLOURS[6], "true")
    axes[2].set(title="mean chroma of the batch", ylim=(0, None))
    axes[2].legend(fontsize=7)
    for ax in axes:
        ax.set_xlabel("line of the log" if restarted else "step")
        for row in np.flatnonzero(np.diff(log["attempt"])):
            ax.axvline(row + 0.5, color=COLOURS[1], linewidth=1)
    return figure


def feature_grid(maps: dict[str, np.ndarray], chosen: dict[str, np.ndarray], caption: str = ""):
    """Some channels of each level, one level in each row.

    Parameters
    ----------
    maps : dict of str to np.ndarray
        Name -> (channels, h, w), as `study.feature_maps` gives them.
    chosen : dict of str to np.ndarray
        Name -> the numbers of the channels that are shown, such as those of `study.distinct`.
    caption : str
        Small print under the figure.

    Returns
    -------
    matplotlib.figure.Figure
        The grid.
    """
    columns = max(len(each) for each in chosen.values())
    figure, axes = plt.subplots(len(maps), columns, figsize=(1.05 * columns + 1.2, 1.1 * len(maps)), squeeze=False)
    for line, (name, channels) in zip(axes, maps.items()):
        for ax, channel in zip(line, channels[chosen[name]]):
            ax.imshow(channel, cmap="cividis", interpolation="nearest")
        for ax in line:
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
        c, h, w = channels.shape
        line[0].set_ylabel(f"{name}\n{c} x {h} x {w}", rotation=0, ha="right", va="center", fontsize=8)
    return with_caption(figure, caption)


def over_epochs(labs, trainings, caption: str = "", most: int = 4):
    """Photos (rows) as networks predicted them after some epochs (columns), and the truth.

    Parameters
    ----------
    labs : list of np.ndarray
        (S, S, 3), CIELAB, the photos.
    trainings : dict of str to Snapshots
        What stands above the epochs of each, "" for nothing -> what was painted after them.
    caption : str
        Small print under the figure.
    most : int
        How many epochs of each are shown at most, evenly chosen; the one with the largest error always is.

    Returns
    -------
    matplotlib.figure.Figure
        The grid.
    """
    columns = {}
    for name, kept in trainings.items():
        worst = int(np.argmax(kept.errors))
        picked = np.linspace(0, len(kept.epochs) - 1, min(most, len(kept.epochs))).round().astype(int)
        if worst not in picked:
            inner = picked[1:-1] if len(picked) > 2 else picked[:1]  # the last stays, and the first where it can
            inner[abs(inner - worst).argmin()] = worst
        for e in dict.fromkeys(picked):
            told = f"epoch {kept.epochs[e]}" if kept.epochs[e] else "as it came"
            told += ", worst" if e == worst and len(kept.epochs) > 1 else ""
            columns[f"{name}\n{told}".strip()] = kept.painted[e]
    pictures = [[lab_to_rgb(np.dstack([lab[..., 0], ab[k]])) for ab in columns.values()] for k, lab in enumerate(labs)]
    grid = [picture for line, lab in zip(pictures, labs) for picture in (*line, lab_to_rgb(lab))]
    titles = [*columns, "truth", *[""] * (len(grid) - len(columns) - 1)]
    figure = photo_grid(grid, titles, len(columns) + 1, 1.15 * (len(columns) + 1), caption)
    figure.set_figheight(figure.get_figheight() - 0.4 * (len(labs) - 1))  # only the first line has titles
    return figure


def own_size(lab, small_lightness, small_ab, ab, caption: str = ""):
    """How a photo of any size is colorized: shrink, predict, enlarge the chroma, lay it under the photo's lightness.

    Parameters
    ----------
    lab : np.ndarray
        (H, W, 3), CIELAB, the photo.
    small_lightness : np.ndarray
        (h, w), L* in [0, 100] of the shrunk photo.
    small_ab : np.ndarray
        (h, w, 2), a* and b* that were predicted for it.
    ab : np.ndarray
        (H, W, 2), the same enlarged.
    caption : str
        Small print under the figure.

    Returns
    -------
    matplotlib.figure.Figure
        Four panels.
    """
    figure, axes = plt.subplots(1, 4, figsize=(9, 2.5))
    size = "{1} x {0}".format
    show(lab[..., 0], f"lightness, {size(*lab.shape[:2])}", axes[0])
    shown = lab_to_rgb(np.dstack([np.full(small_ab.shape[:2], 65, np.float32), small_ab]))
    show(small_lightness, f"shrunk to {size(*small_lightness.shape)}", axes[1])
    show(shown, f"chroma predicted, {size(*small_ab.shape[:2])}", axes[2])
    show(lab_to_rgb(np.dstack([lab[..., 0], ab])), "enlarged, with its lightness", axes[3])
    return with_caption(figure, caption)


def coin_answers(answers: dict[str, np.ndarray], best: dict[str, np.ndarray] | None = None):
    """Where in the a*b* plane networks put the colour of each shape of a coin world.

    Parameters
    ----------
    answers : dict of str to np.ndarray
        Name -> (N, 2), a* and b*, as `coin_world.answers` gives them.
    best : dict of str to np.ndarray, optional
        Name -> (2,), the answer worked out before, see `coin_world.best_answer`; or (2, 2), two corners of a rectangle
        in which all answers are equally good.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each name.
    """
    figure, axes = plt.subplots(
        1, len(answers), figsize=(2.75 * len(answers), 3), sharex=True, sharey=True, squeeze=False
    )
    for ax, (name, points) in zip(axes.flat, answers.items()):
        for colour, centre, label in (("#c23a32", coin_world.RED, "red"), ("#3b74c9", coin_world.BLUE, "blue")):
            ax.scatter(*centre, s=300, color=colour, alpha=0.35, linewidth=0)
            ax.annotate(label, centre, ha="center", va="center", fontsize=7)
        ax.scatter(*points.T, s=9, color="0.15", alpha=0.5, linewidth=0, label="painted")
        if best and name in best:
            corners = np.atleast_2d(best[name])
            if len(corners) == 1:
                ax.scatter(*corners[0], s=90, marker="+", color=COLOURS[2], linewidth=2, label="worked out")
            else:
                sides = {"facecolor": "none", "edgecolor": COLOURS[2], "linewidth": 1.5, "label": "all equally good"}
                ax.add_patch(Rectangle(corners.min(axis=0), *np.ptp(corners, axis=0), **sides))
                ax.legend(handles=ax.patches, fontsize=7, loc="upper left")
        ax.set(title=name, xlabel="a*", xlim=(-15, 85), ylim=(-75, 65))
        ax.set_aspect("equal")
    axes[0, 0].set_ylabel("b*")
    axes[0, 0].legend(fontsize=7, loc="lower right")
    return figure


def coin_pictures(world, painted: dict[str, np.ndarray], count: int = 6):
    """Some pictures of the coin world, and below them what networks predicted.

    Parameters
    ----------
    world : CoinWorld
        N pictures.
    painted : dict of str to np.ndarray
        Name -> (N, S, S, 2), a* and b*, as `coin_world.predict` gives them.
    count : int
        How many pictures are shown, the first.

    Returns
    -------
    matplotlib.figure.Figure
        The grid, one picture in each column.
    """
    labs = rgb_to_lab(world.photos[:count])
    rows = {"lightness": labs[..., 0], "the true colour": world.photos[:count]}
    rows |= {name: lab_to_rgb(np.concatenate([labs[..., :1], ab[:count]], axis=-1)) for name, ab in painted.items()}
    figure, axes = plt.subplots(len(rows), count, figsize=(1.15 * count + 1.6, 1.2 * len(rows)), squeeze=False)
    for line, (name, pictures) in zip(axes, rows.items()):
        for ax, picture in zip(line, pictures):
            show(picture, ax=ax)
        line[0].text(-0.08, 0.5, name, transform=line[0].transAxes, ha="right", va="center", fontsize=8)
    return figure


def variants(table: pd.DataFrame, mean_colour: float, true_chroma: float):
    """The error and chroma of each variant, a dot for each seed and a line at their mean.

    Parameters
    ----------
    table : pd.DataFrame
        What `experiments.ablation` returns.
    mean_colour : float
        The mean colour's mean squared error of a* and b*, drawn as a line.
    true_chroma : float
        The mean chroma of the true photos, drawn as a line.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels.
    """
    names = list(dict.fromkeys(table["variant"]))[::-1]
    figure, axes = plt.subplots(1, 2, figsize=(10, 0.3 * len(names) + 1), sharey=True)
    for ax, column, line, label in (
        (axes[0], "ab_mse", mean_colour, "mean colour"),
        (axes[1], "chroma", true_chroma, "truth"),
    ):
        for i, name in enumerate(names):
            values = table.loc[table["variant"] == name, column]
            ax.plot(values, [i] * len(values), "o", color=COLOURS[0], alpha=0.6)
            ax.plot(values.mean(), i, "|", color=COLOURS[1], markersize=14, markeredgewidth=2)
        ax.axvline(line, color="0.4", linestyle="--", label=label)
        ax.legend(fontsize=8)
    axes[0].set(yticks=range(len(names)), yticklabels=names, xlabel="ab-MSE on kept-out photos")
    axes[1].set(xlabel="mean chroma")
    return figure


def with_encoder(table: pd.DataFrame):
    """The error and chroma of networks over the number of photos that they learned from.

    Parameters
    ----------
    table : pd.DataFrame
        What `experiments.with_encoder` returns.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.2))
    lines = {"truth", "mean colour"}
    for k, (kind, part) in enumerate(table[~table["kind"].isin(lines)].groupby("kind", sort=False)):
        axes[0].plot(part["learned from"], 100 * part["of mean colour"], "o-", color=COLOURS[k], label=kind)
        axes[1].plot(part["learned from"], part["chroma"], "o-", color=COLOURS[k], label=kind)
    axes[0].axhline(100, color="0.4", linestyle=":", label="the mean colour")
    axes[0].set(title="error on new photos", ylabel="% of the mean colour's")
    mean, true = (table[table["kind"] == kind].set_index("learned from")["chroma"] for kind in ("mean colour", "truth"))
    axes[1].plot(mean.index, mean, color="0.4", linestyle=":", label="the mean colour")
    axes[1].plot(true.index, true, color="0.4", linestyle="--", label="the truth")
    axes[1].set(title="mean chroma on new photos", ylabel="C*", ylim=(0, 1.1 * true.max()))
    axes[1].legend(handles=axes[1].lines[-2:], fontsize=8)
    counts = sorted(set(table["learned from"]))
    for ax in axes:
        ax.set(xlabel="training photos, logarithmic", xscale="log")
        ax.set_xticks(counts, [f"{count:,}" for count in counts])
        ax.minorticks_off()
    axes[0].legend(fontsize=8)
    return figure


def distribution(photo: np.ndarray, x: int, y: int, likely, centres, temperature: float, caption: str = ""):
    """How likely a network thinks each colour of its palette at a pixel, and what it paints there.

    Parameters
    ----------
    photo : np.ndarray
        sRGB uint8 (H, W, 3), in which the pixel is marked.
    x, y : int
        The pixel's column and row.
    likely : np.ndarray
        (Q,) probabilities, at temperature 1.
    centres : np.ndarray
        (Q, 2), a* and b*.
    temperature : float
        Above 0; the probabilities are sharpened with it.
    caption : str
        Below the figure, in small print.

    Returns
    -------
    matplotlib.figure.Figure
        The photo, the palette with a disc for each colour, as large as it is likely, and the painted colour.
    """
    sharp = likely ** (1 / temperature)
    sharp = sharp / sharp.sum()
    painted, mode = sharp @ centres, centres[likely.argmax()]
    figure, axes = plt.subplots(1, 2, figsize=(8.5, 3.8), width_ratios=[1, 1.15])
    show(photo, f"pixel {x}, {y}", axes[0])
    axes[0].plot(x, y, "o", color="none", markeredgecolor="white", markersize=11, markeredgewidth=3)
    axes[0].plot(x, y, "o", color="none", markeredgecolor="black", markersize=11, markeredgewidth=1)
    colours = lab_to_rgb(np.column_stack([np.full(len(centres), 65.0), centres])[None])[0] / 255
    axes[1].scatter(*centres.T, s=4, color="0.8")
    axes[1].scatter(*centres.T, s=2500 * sharp, color=colours, edgecolor="0.3", linewidth=0.5)
    axes[1].plot(*painted, "P", color="black", markersize=9, markeredgecolor="white", label="painted: annealed mean")
    axes[1].plot(*(likely @ centres), "X", color="black", markersize=7, markeredgecolor="white", label="mean, T = 1")
    axes[1].plot(*mode, "s", color="none", markeredgecolor="black", markersize=13, label="likeliest colour")
    axes[1].set(xlabel="a*", ylabel="b*", title=f"probabilities, sharpened with T = {temperature:g}", aspect="equal")
    axes[1].legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1), markerscale=0.7)
    return with_caption(figure, caption)


def long_training(scores: pd.DataFrame, log: pd.DataFrame):
    """A GAN's scores on new photos over its epochs, for the last and for averaged weights, and its losses.

    Parameters
    ----------
    scores : pd.DataFrame
        Columns seed, weights ("last" or "averaged"), epoch, of_mean_colour (the error over the mean colour's) with its
        interval of_low to of_high, chroma, true_chroma. Epoch 0 is left out; of further seeds there are thin lines.
    log : pd.DataFrame
        The log, as `train` gives it.

    Returns
    -------
    matplotlib.figure.Figure
        Three panels.
    """
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.1))
    others = scores[(scores["epoch"] > 0) & (scores["seed"] != scores["seed"].iloc[0])]
    scores = scores[scores["seed"] == scores["seed"].iloc[0]]
    for k, (weights, part) in enumerate(scores[scores["epoch"] > 0].groupby("weights", sort=False)):
        label = {"last": "last weights", "averaged": "averaged weights"}[weights]
        for _, line in others[others["weights"] == weights].groupby("seed"):
            axes[0].plot(line["epoch"], line["of_mean_colour"], ".-", color=COLOURS[k], linewidth=0.8, alpha=0.7)
            axes[1].plot(line["epoch"], line["chroma"], ".-", color=COLOURS[k], linewidth=0.8, alpha=0.7)
        bars = abs(part[["of_low", "of_high"]].sub(part["of_mean_colour"], axis=0)).to_numpy().T
        axes[0].errorbar(
            part["epoch"], part["of_mean_colour"], bars, fmt="o-", color=COLOURS[k], label=label, capsize=2
        )
        axes[1].plot(part["epoch"], part["chroma"], "o-", color=COLOURS[k], label=label)
    if len(others):
        axes[0].plot([], [], ".-", color="0.4", linewidth=0.8, label="other seeds")
    axes[0].axhline(1, color="0.4", linestyle=":", label="the mean colour")
    axes[0].set(title="error / the mean colour's", xlabel="epoch", ylim=(0, None))
    axes[1].axhline(scores["true_chroma"].max(), color="0.4", linestyle="--", label="true photos")
    axes[1].set(title="mean chroma", xlabel="epoch", ylim=(0, None))
    steps = log["step"] / log["step"].max() * scores["epoch"].max()
    _line(axes[2], steps, log["adversarial"], COLOURS[1], "generator")
    _line(axes[2], steps, log["discriminator_loss"], COLOURS[0], "discriminator, real + fake")
    for value, label in ((np.log(2), "ln 2, 2 ln 2: it can only guess"), (2 * np.log(2), None)):
        axes[2].axhline(value, color="0.4", linestyle=":", label=label)
    axes[2].set(title="losses", xlabel="epoch", ylim=(0, 2.5))
    for ax in axes:
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.legend(fontsize=7)
    return figure


def at_epochs(pictures: dict[str, np.ndarray], most: int = 5):
    """Photos (rows) as a network colorized them after some epochs (columns), with last and with averaged weights.

    Parameters
    ----------
    pictures : dict
        "last 010" and, if there are any, "averaged 010", the number being the epoch, and "truth" -> (N, S, S, 3) uint8
        sRGB; "credits" -> N texts, of the same photos.
    most : int
        How many photos are shown at most, the first.

    Returns
    -------
    matplotlib.figure.Figure
        The grid, with the credits in small print.
    """
    epochs = sorted({int(key.split()[1]) for key in pictures if key.startswith("last ")})
    picked = [epochs[round(share * (len(epochs) - 1))] for share in (0, 0.2, 0.5, 1)]
    columns = {f"last {e:03d}": f"epoch {e}" for e in dict.fromkeys(picked)}
    if any(key.startswith("averaged ") for key in pictures):
        columns |= {f"averaged {e:03d}": f"epoch {e}, averaged" for e in dict.fromkeys(picked[1::2])}
    columns["truth"] = "truth"
    count = min(most, len(pictures["truth"]))
    shown = [pictures[key][i] for i in range(count) for key in columns]
    titles = [*columns.values(), *[""] * (len(shown) - len(columns))]
    credits = "; ".join(str(credit) for credit in pictures["credits"][:count])
    return photo_grid(shown, titles, len(columns), 1.7 * len(columns), f"Photos: {credits}")
