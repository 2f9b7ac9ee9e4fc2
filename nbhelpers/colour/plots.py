"""The figures: each function takes data and returns the matplotlib figure or axes that it drew on."""

from __future__ import annotations

import textwrap

import matplotlib.pyplot as plt
import numpy as np

from nbhelpers.colour.lab import lab_to_rgb
from nbhelpers.hints import Hints

# Okabe and Ito's colours, which colour-blind readers can tell apart, with a second line style for more series.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


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
    """Draw images, each uint8 (H, W, 3) or grey (H, W), in a grid; returns the figure. `width` in inches."""
    photos = list(photos)
    columns = min(columns, len(photos))
    rows = -(-len(photos) // columns)
    shape = np.mean([p.shape[0] / p.shape[1] for p in photos])
    lines = max((str(t).count("\n") + 1 for t in titles), default=0) if titles is not None else 0
    height = rows * (width / columns * shape + 0.22 * lines) + 0.2 * bool(caption)
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    for i, ax in enumerate(axes.flat):
        ax.axis("off")
        if i < len(photos):
            show(photos[i], "" if titles is None else titles[i], ax=ax)
    return with_caption(figure, caption)


def by_method(labs, methods: dict, width: float = 10.0, caption: str = ""):
    """Photos (rows), CIELAB (H, W, 3), as colorizers paint them without hints (columns); None shows the truth."""
    pictures = []
    for lab in labs:
        for method in methods.values():
            ab = lab[..., 1:] if method is None else method.colorize(lab[..., 0], Hints.none(lab.shape[:2]))
            pictures.append(lab_to_rgb(np.dstack([lab[..., 0], ab])))
    titles = [*methods, *[""] * (len(pictures) - len(methods))]
    return photo_grid(pictures, titles, len(methods), width, caption)


def with_caption(figure, caption: str):
    """Put a line in small print under a figure, such as the photos' credits; returns the figure."""
    if caption:
        lines = textwrap.wrap(caption, int(figure.get_figwidth() * 15))
        figure.supxlabel("\n".join(lines), fontsize=7, color="0.35")
    return figure


def show(image, title: str = "", ax=None):
    """Draw one image, uint8 (H, W, 3) or grey (H, W) in [0, 100] or uint8, without axes."""
    ax = ax or plt.subplots(figsize=(4, 4))[1]
    grey = {} if image.ndim == 3 else {"cmap": "gray", "vmin": 0, "vmax": 255 if image.dtype == np.uint8 else 100}
    ax.imshow(image, **grey)
    ax.set_title(title)
    ax.axis("off")
    return ax


def hinted_photo(lightness: np.ndarray, hints: Hints) -> np.ndarray:
    """What a colorizer is given, as a picture: known pixels in colour, the others grey. uint8 (H, W, 3)."""
    ab = np.where(hints.known[..., None], hints.ab, 0)
    return lab_to_rgb(np.dstack([lightness, ab]))


def error_map(ab: np.ndarray, truth: np.ndarray, ax=None, largest: float = 30.0):
    """Draw the distance between two ab planes (H, W, 2) per pixel, in CIELAB units, with its colour bar."""
    ax = ax or plt.subplots(figsize=(4.5, 4))[1]
    distance = np.hypot(*np.moveaxis(np.asarray(ab, float) - truth, -1, 0))
    picture = ax.imshow(distance, cmap="cividis", vmin=0, vmax=largest, interpolation="nearest")
    ax.axis("off")
    ax.figure.colorbar(picture, ax=ax, shrink=0.75, extend="max", label="distance in a*, b*")
    return ax


def colorization(lightness, hints: Hints, ab, truth, title: str = ""):
    """Draw one experiment: what is given, what came out, the truth, and the error; ab and truth are (H, W, 2)."""
    figure, axes = plt.subplots(1, 4, figsize=(11, 3), width_ratios=(1, 1, 1, 1.22))
    share = 100 * (1 - hints.known.mean())
    show(hinted_photo(lightness, hints), f"given ({share:.0f} % unknown)", axes[0])
    show(lab_to_rgb(np.dstack([lightness, ab])), title, axes[1])
    show(lab_to_rgb(np.dstack([lightness, truth])), "truth", axes[2])
    error_map(ab, truth, axes[3]).set_title("error")
    return figure
