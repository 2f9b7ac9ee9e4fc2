"""From the release of a slider to the new pictures: part of `nbhelpers bench`."""

from __future__ import annotations

import functools
import io
import itertools

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nbhelpers import registry
from nbhelpers.colour import plots
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.comparison import tables
from nbhelpers.explorer import page, painting
from nbhelpers.hints import hide_pixels
from nbhelpers.networks.columns import with_training
from nbhelpers.system import median_seconds

# Too slow for the page; measured once each, to show it.
LEFT_OUT = tuple(name for name in registry.CLASSICAL if name not in (*registry.SLIDING, *registry.LINEAR))


def mask(name: str, photo: np.ndarray, methods: dict, unknown: float, repeats: int) -> pd.DataFrame:
    """Measure a photo colorized by each of several methods and drawn.

    Parameters
    ----------
    name : str
        Name of the photos.
    photo : np.ndarray
        uint8 (S, S, 3).
    methods : dict
        Name -> Colorizer.
    unknown : float
        Share of unknown pixels in [0, 1].
    repeats : int
        Passes, of which the median counts.

    Returns
    -------
    pd.DataFrame
        photos, photo_size, method, unknown, seconds, against, against_seconds, ratio (what share of it the drawing
        takes).
    """
    lab = rgb_to_lab(photo)

    def release(method=None):
        hints = hide_pixels(lab[..., 1:], unknown)
        _draw(lab, hints, method.colorize(lab[..., 0], hints).ab if method else lab[..., 1:])

    drawing = median_seconds(release, repeats)
    table = pd.DataFrame({"photos": name, "photo_size": len(photo), "method": list(methods), "unknown": unknown})
    table["seconds"] = [median_seconds(functools.partial(release, method), repeats) for method in methods.values()]
    return table.assign(against="drawing alone", against_seconds=drawing, ratio=drawing / table["seconds"])


def explorer(name: str, photo: np.ndarray, unknown, repeats: int) -> pd.DataFrame:
    """Measure the explorer's page with one method on the left and the truth on the right, all its pictures included.

    Measured are the page's methods, and those that were left out.

    Parameters
    ----------
    name : str
        Name of the photos.
    photo : np.ndarray
        uint8 (S, S, 3).
    unknown : iterable of int
        Unknown pixels in percent, 0 to 100.
    repeats : int
        Passes, of which the median counts; one for the methods that were left out.

    Returns
    -------
    pd.DataFrame
        photos, photo_size, method, unknown, seconds, against_seconds, against, ratio: against the same as a matplotlib
        figure, as a notebook's slider draws it; and how the networks were trained (`networks.columns`).
    """
    subject = painting.subject("photo", photo)
    methods, _ = tables.load_methods(registry.SLIDING + LEFT_OUT, None)
    shown = page.Explorer([subject], methods)
    shown.right.value = painting.TRUTH

    def release(percent):
        shown.results.clear()
        shown.unknown.value = percent
        shown.redraw()

    def drawn(method, percent):
        hints = painting.given(subject, percent)
        _draw(subject.lab, hints, painting.paint(method, methods, subject, hints).ab)

    rows = []
    for method, percent in itertools.product(methods, unknown):
        shown.left.value, shown.unknown.value = method, percent
        passes = 1 if method in LEFT_OUT else repeats
        times = (median_seconds(call, passes) for call in (
            functools.partial(release, percent), functools.partial(drawn, method, percent)))  # fmt: skip
        rows.append((name, len(photo), method, percent, *times))
    table = pd.DataFrame(rows, columns=["photos", "photo_size", "method", "unknown", "seconds", "against_seconds"])
    table = table.assign(against="a matplotlib figure", ratio=table["against_seconds"] / table["seconds"])
    return with_training(table, methods)


def _draw(lab, hints, ab) -> None:
    figure = plots.colorization(lab[..., 0], hints, ab, lab[..., 1:])
    FigureCanvasAgg(figure).print_png(io.BytesIO())
    plt.close(figure)
