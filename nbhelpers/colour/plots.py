"""The notebooks' look, grids of photos, and the figures about CIELAB: each function returns what it drew on."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap, LogNorm

from nbhelpers.colour.chroma import ColourStatistics, luma
from nbhelpers.colour.gamut import gamut_slice
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.hints import Hints

# Okabe and Ito's colours, which colour-blind readers can tell apart, with a second line style for more series.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
LARGEST = 100  # colour bars of a* and b* end here: few colours of sRGB lie further out
SQUARE = (-128, 128, -128, 128)
MARK = "#D55E00"
NAMED = 12  # so many photos can be named along an axis


def style() -> None:
    """Set the notebooks' look: readable sizes, colour-blind-safe cycle, compact inline pictures."""
    plt.rcParams.update(
        {
            "figure.dpi": 90,
            "figure.constrained_layout.use": True,
            "font.size": 10,
            "axes.titlesize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": False,
            "axes.prop_cycle": plt.cycler(linestyle=["-", "--"]) * plt.cycler(color=COLOURS),
            "legend.frameon": False,
            "image.interpolation": "antialiased",
        }
    )
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("jpeg", pil_kwargs={"quality": 88})  # keeps executed notebooks small
    except (ImportError, AttributeError):  # no notebook around us
        pass


def photo_grid(photos, titles=None, columns: int = 4, width: float = 10.0, caption: str = ""):
    """Draw images in a grid.

    Parameters
    ----------
    photos : iterable of np.ndarray
        Each (H, W, 3) uint8, or grey (H, W), see `show`.
    titles : sequence of str, optional
        One for each image; None draws none.
    columns : int
        Images side by side, at most.
    width : float
        Of the figure, in inches; its height follows from the images.
    caption : str
        A line under the figure, see `with_caption`.

    Returns
    -------
    matplotlib.figure.Figure
        The grid.
    """
    photos = list(photos)
    columns = min(columns, len(photos))
    rows = -(-len(photos) // columns)
    shape = np.mean([p.shape[0] / p.shape[1] for p in photos])
    lines = max((str(t).count("\n") + 1 for t in titles), default=0) if titles is not None else 0
    height = rows * (width / columns * shape + 0.22 * lines) + (0.2 if caption else 0)
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    for i, ax in enumerate(axes.flat):
        ax.axis("off")
        if i < len(photos):
            show(photos[i], "" if titles is None else titles[i], ax=ax)
    return with_caption(figure, caption)


def by_method(labs, methods: dict, width: float = 10.0, caption: str = ""):
    """Draw photos (rows) as methods colorize them without hints (columns).

    Parameters
    ----------
    labs : iterable of np.ndarray
        Photos, each CIELAB (H, W, 3).
    methods : dict
        Title -> Colorizer; None shows the truth.
    width : float
        Of the figure, in inches.
    caption : str
        A line under the figure, see `with_caption`.

    Returns
    -------
    matplotlib.figure.Figure
        The grid.
    """
    pictures = []
    for lab in labs:
        for method in methods.values():
            ab = lab[..., 1:] if method is None else method.colorize(lab[..., 0], Hints.none(lab.shape[:2])).ab
            pictures.append(lab_to_rgb(np.dstack([lab[..., 0], ab])))
    titles = [*methods, *[""] * (len(pictures) - len(methods))]
    return photo_grid(pictures, titles, len(methods), width, caption)


def with_caption(figure, caption: str):
    """Put a line in small print under a figure, such as the photos' credits.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Is changed.
    caption : str
        The line, wrapped to the figure's width; "" leaves the figure as it is.

    Returns
    -------
    matplotlib.figure.Figure
        The same figure.
    """
    if caption:
        lines = textwrap.wrap(caption, int(figure.get_figwidth() * 15))
        figure.supxlabel("\n".join(lines), fontsize=7, color="0.35")
    return figure


def show(image, title: str = "", ax=None):
    """Draw one image without axes.

    Parameters
    ----------
    image : np.ndarray
        (H, W, 3) uint8, or grey (H, W), uint8 or in [0, 100].
    title : str
        Above the image.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None makes a new figure.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    ax = ax or plt.subplots(figsize=(4, 4))[1]
    grey = {} if image.ndim == 3 else {"cmap": "gray", "vmin": 0, "vmax": 255 if image.dtype == np.uint8 else 100}
    ax.imshow(image, **grey)
    ax.set_title(title)
    ax.axis("off")
    return ax


def hinted_photo(lightness: np.ndarray, hints: Hints) -> np.ndarray:
    """What a colorizer is given, as a picture: known pixels in colour, the others grey.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), L* in [0, 100].
    hints : Hints
        The known colours of the same photo.

    Returns
    -------
    np.ndarray
        (H, W, 3) uint8, sRGB.
    """
    ab = np.where(hints.known[..., None], hints.ab, 0)
    return lab_to_rgb(np.dstack([lightness, ab]))


def error_map(ab: np.ndarray, truth: np.ndarray, ax=None, largest: float = 30.0):
    """Draw the distance between two colorizations per pixel, with its colour bar.

    Parameters
    ----------
    ab, truth : np.ndarray
        (H, W, 2), CIELAB a* and b*.
    ax : matplotlib.axes.Axes, optional
        Where to draw; None makes a new figure.
    largest : float
        Where the colour bar ends, in CIELAB units.

    Returns
    -------
    matplotlib.axes.Axes
        Where it was drawn.
    """
    ax = ax or plt.subplots(figsize=(4.5, 4))[1]
    distance = np.hypot(*np.moveaxis(np.asarray(ab, float) - truth, -1, 0))
    picture = ax.imshow(distance, cmap="cividis", vmin=0, vmax=largest, interpolation="nearest")
    ax.axis("off")
    bar = ax.inset_axes([1.04, 0.05, 0.05, 0.9])  # beside the map, which keeps the size of its neighbours
    ax.figure.colorbar(picture, cax=bar, extend="max", label="distance in a*, b*")
    return ax


def colorization(lightness, hints: Hints, ab, truth, title: str = ""):
    """Draw one experiment: what is given, what came out, the truth, and the error.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), L* in [0, 100].
    hints : Hints
        What was given.
    ab, truth : np.ndarray
        (H, W, 2), CIELAB a* and b*, what came out and what is true.
    title : str
        Above what came out.

    Returns
    -------
    matplotlib.figure.Figure
        Four panels side by side.
    """
    figure, axes = plt.subplots(1, 4, figsize=(11, 3))
    share = 100 * (1 - hints.known.mean())
    show(hinted_photo(lightness, hints), f"given ({share:.0f} % unknown)", axes[0])
    show(lab_to_rgb(np.dstack([lightness, ab])), title, axes[1])
    show(lab_to_rgb(np.dstack([lightness, truth])), "truth", axes[2])
    error_map(ab, truth, axes[3]).set_title("error")
    return figure


def ramp(plane: str) -> ListedColormap:
    """The colours along one axis of CIELAB.

    Parameters
    ----------
    plane : str
        "L" goes from black to white; "a" and "b" from -100 to 100 at L* = 65.

    Returns
    -------
    matplotlib.colors.ListedColormap
        256 colours.
    """
    lab = np.zeros((256, 3), np.float32)
    if plane == "L":
        lab[:, 0] = np.linspace(0, 100, 256)
    else:
        lab[:, 0] = 65
        lab[:, "ab".index(plane) + 1] = np.linspace(-LARGEST, LARGEST, 256)
    return ListedColormap(lab_to_rgb(lab) / 255)


def planes(rgb: np.ndarray, caption: str = ""):
    """Draw a photo beside its L*, a* and b* planes, each in the colours that it stands for.

    Parameters
    ----------
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB.
    caption : str
        A line under the figure, see `with_caption`.

    Returns
    -------
    matplotlib.figure.Figure
        Four panels side by side.
    """
    figure, axes = plt.subplots(1, 4, figsize=(10, 3.1))
    axes[0].imshow(rgb)
    axes[0].set_title("the photo")
    for ax, plane, name in zip(axes[1:], np.moveaxis(rgb_to_lab(rgb), -1, 0), "Lab", strict=True):
        low = 0 if name == "L" else -LARGEST
        picture = ax.imshow(plane, cmap=ramp(name), vmin=low, vmax=100)
        ax.set_title({"L": "L*, lightness", "a": "a*, green to red", "b": "b*, blue to yellow"}[name])
        ticks = [low, low / 2 + 50, 100]
        figure.colorbar(picture, ax=ax, location="bottom", shrink=0.9, aspect=25, ticks=ticks)
    for ax in axes:
        ax.set_axis_off()
    return with_caption(figure, caption)


def equal_luma(colours: dict[str, tuple]):
    """Draw colours; below each the grey of its luma, then the grey of its L*.

    Parameters
    ----------
    colours : dict
        name -> (red, green, blue), sRGB in [0, 255].

    Returns
    -------
    matplotlib.figure.Figure
        One column for each colour.
    """
    rgb = np.array(list(colours.values()), np.uint8)[None]  # 1 x N x 3
    lab, grey = rgb_to_lab(rgb), luma(rgb)
    same_luma = np.repeat(np.rint(grey)[..., None], 3, axis=-1).astype(np.uint8)
    same_lightness = lab_to_rgb(lab * np.float32([1, 0, 0]))
    figure, ax = plt.subplots(figsize=(1.6 * len(colours) + 1.4, 3.2))
    ax.imshow(np.concatenate([rgb, same_luma, same_lightness]), aspect="auto")
    ax.set_xticks(range(len(colours)), colours)
    ax.set_yticks(range(3), ["colour", "its luma", "its L*"])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    for x in range(len(colours)):
        for y, text in enumerate(["", f"luma {grey[0, x]:.0f}", f"L* {lab[0, x, 0]:.0f}"]):
            ax.text(x, y, text, ha="center", va="center", color="white")
    return figure


def signed_map(values: np.ndarray, label: str, largest: float, pictures=(), caption: str = ""):
    """Draw a map of numbers, blue below zero, red above, with pictures to the left of it.

    Parameters
    ----------
    values : np.ndarray
        (H, W).
    label : str
        Of the colour bar.
    largest : float
        The colour bar goes from -largest to largest.
    pictures : sequence of tuple
        (title, image) each, the image uint8 (H, W, 3).
    caption : str
        A line under the figure, see `with_caption`.

    Returns
    -------
    matplotlib.figure.Figure
        The panels side by side.
    """
    panels = len(pictures) + 1
    figure, axes = plt.subplots(1, panels, figsize=(2.4 * panels + 0.8, 2.7), squeeze=False)
    for ax, (title, image) in zip(axes[0], pictures, strict=False):
        ax.imshow(image)
        ax.set_title(title)
    last = axes[0, -1]
    shown = last.imshow(values, cmap="RdBu_r", vmin=-largest, vmax=largest)
    bar = last.inset_axes([1.04, 0.05, 0.05, 0.9])  # beside the map, so that all panels keep one size
    figure.colorbar(shown, cax=bar, extend="both", label=label)
    for ax in axes[0]:
        ax.set_axis_off()
    return with_caption(figure, caption)


def gamut(*lightness: float):
    """Draw the colours a*, b* that sRGB can show, one panel for each lightness; white where it can show none.

    Parameters
    ----------
    *lightness : float
        L* in [0, 100].

    Returns
    -------
    matplotlib.figure.Figure
        The panels side by side; their titles say which share of the square sRGB can show.
    """
    figure, axes = plt.subplots(1, len(lightness), figsize=(2.6 * len(lightness) + 0.6, 3), squeeze=False)
    for ax, value in zip(axes[0], lightness, strict=True):
        lab, inside = gamut_slice(value)
        ax.imshow(np.where(inside[..., None], lab_to_rgb(lab), 255), origin="lower", extent=SQUARE)
        _neutral_cross(ax)
        ax.set_title(f"L* = {value:g}: {inside.mean():.0%} of the square")
        ax.set_xlabel("a*")
    axes[0, 0].set_ylabel("b*")
    return figure


def gamut_shares(lightness, shares):
    """Draw which share of the a*, b* square sRGB can show, against the lightness.

    Parameters
    ----------
    lightness : array-like
        (N,), L* in [0, 100].
    shares : array-like
        (N,), in [0, 1].

    Returns
    -------
    matplotlib.figure.Figure
        The curve.
    """
    figure, ax = plt.subplots(figsize=(5, 2.6))
    ax.fill_between(lightness, 100 * np.asarray(shares), alpha=0.25, linewidth=0)
    ax.plot(lightness, 100 * np.asarray(shares))
    ax.set(xlabel="lightness L*", ylabel="inside sRGB, % of the square", xlim=(0, 100), ylim=(0, None))
    return figure


def loss_curves(blurred, quantized):
    """Draw CIEDE2000 (above) and PSNR (below) against the blur (left) and the levels (right).

    Parameters
    ----------
    blurred, quantized : pd.DataFrame
        As `chroma.losses` returns them; amounts are sigmas in pixels, and levels.

    Returns
    -------
    matplotlib.figure.Figure
        2 x 2 panels.
    """
    figure, axes = plt.subplots(2, 2, figsize=(10, 5), sharex="col", sharey="row")
    for (delta_e, psnr), table in zip(axes.T, (blurred, quantized), strict=True):
        for name, part in table.groupby("change", sort=False):
            delta_e.plot(part["amount"], part["delta_e"], marker="o", markersize=4, label=name)
            psnr.plot(part["amount"], part["psnr"], marker="o", markersize=4)
        delta_e.axhline(1, color="0.6", linewidth=1, linestyle=":")
        delta_e.legend()
        psnr.set_xscale("log", base=2)
        psnr.xaxis.set_major_formatter("{x:g}")
    axes[0, 0].set(ylabel="mean CIEDE2000", ylim=(0, None))
    axes[1, 0].set(ylabel="PSNR, dB", xlabel="blur: sigma in pixels")
    axes[1, 1].set_xlabel("levels of a* and of b*")
    place = {"xycoords": ("axes fraction", "data"), "ha": "left", "va": "bottom", "color": "0.4"}
    axes[0, 1].annotate("just noticeable in flat patches", (0.01, 1.1), **place)
    return figure


def joint_histogram(statistics: ColourStatistics):
    """Draw how often each colour (a*, b*) occurs, on a logarithmic scale, and patches of the mean colour.

    Parameters
    ----------
    statistics : ColourStatistics
        The colours.

    Returns
    -------
    matplotlib.figure.Figure
        The histogram, and beside it the mean colour at five lightnesses.
    """
    figure, (ax, patch) = plt.subplots(1, 2, figsize=(9.5, 4.4), width_ratios=(6, 1), gridspec_kw={"wspace": 0.1})
    shares = np.ma.masked_equal(statistics.counts.T / statistics.pixels, 0)
    shown = ax.imshow(shares, origin="lower", extent=SQUARE, norm=LogNorm(), interpolation="nearest")
    figure.colorbar(shown, ax=ax, pad=0.02, label="share of the pixels in a bin of 1 x 1")
    _neutral_cross(ax)
    a, b = statistics.mean
    ax.plot(a, b, marker="o", markersize=8, markerfacecolor="none", markeredgecolor=MARK, markeredgewidth=2)
    ax.annotate("mean", (a, b), xytext=(-115, 105), color=MARK, arrowprops={"arrowstyle": "-", "color": MARK})
    ax.set(xlabel="a*, green to red", ylabel="b*, blue to yellow")
    lightness = np.array([90, 75, 60, 45, 30])
    lab = np.column_stack([lightness, np.broadcast_to(statistics.mean, (5, 2))])
    patch.imshow(lab_to_rgb(lab[:, None]), aspect=0.6)
    patch.set(title="the mean colour", xticks=[])
    patch.yaxis.tick_right()  # away from the colour bar's label
    patch.set_yticks(range(5), [f"L* {value}" for value in lightness])
    patch.tick_params(length=0)
    return figure


def per_photo(scores):
    """Draw the mean squared error of a* and b* of each method, one dot per photo.

    Photos are in the order of the first method's errors. Up to NAMED of them have their names below, and a line from
    dot to dot.

    Parameters
    ----------
    scores : pd.DataFrame
        With photo, method, ab_mse, as `evaluate.evaluate` returns it.

    Returns
    -------
    matplotlib.figure.Figure
        The dots.
    """
    wide = scores.pivot(index="photo", columns="method", values="ab_mse")
    wide = wide[list(scores["method"].unique())].sort_values(scores["method"].iloc[0])
    figure, ax = plt.subplots(figsize=(7, 3))
    size = max(2, 7 - len(wide) / 50)  # smaller dots where there are many
    for marker, name in zip("osD^v", wide.columns, strict=False):
        ax.plot(np.arange(1, len(wide) + 1), wide[name], marker, markersize=size, alpha=0.8, label=name)
    ax.set(xlabel="test photo, from the greyest to the most colourful", ylabel="ab-MSE", ylim=(0, None))
    ax.xaxis.get_major_locator().set_params(integer=True)
    if len(wide) <= NAMED:
        places = np.arange(1, len(wide) + 1)
        ax.vlines(places, wide.min(axis=1), wide.max(axis=1), color="0.8", zorder=0)
        names = [name if len(name) <= 18 else f"{name[:17]}…" for name in map(str, wide.index)]
        names = [name.replace("$", r"\$") for name in names]  # matplotlib would read a bare $ as a formula
        ax.set_xticks(places, names, rotation=20 if len(wide) > 5 else 0)
        ax.set_xlim(0.5, len(wide) + 0.5)
    ax.legend()
    return figure


def _neutral_cross(ax) -> None:
    ax.axhline(0, color="0.6", linewidth=0.7, zorder=1)
    ax.axvline(0, color="0.6", linewidth=0.7, zorder=1)
