"""How good is a colorization: the loop over photos, hints and colorizers, and the table that comes of it."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.colour.metrics import ab_mse, colourfulness, delta_e, psnr, ssim
from nbhelpers.errors import UserError
from nbhelpers.hints import Colorization, Hints, hide_pixels, patches
from nbhelpers.photos.cache import PhotoWarning
from nbhelpers.photos.decoding import PhotoError
from nbhelpers.system import one_thread, spread

OF_PHOTOS = {"psnr": psnr, "ssim": ssim, "delta_e": delta_e}  # painted and true, uint8 sRGB
OF_COLOURS = ("chroma", "hue_spread")  # of `ColourStatistics`
MEASURES = ("ab_mse", *OF_PHOTOS, "colourfulness", *OF_COLOURS)
HINTS = {"unknown": hide_pixels, "patches": patches}  # what a setting says, and how hints are made of it


@dataclass(frozen=True, eq=False)
class Scores:
    """How several methods colorized photos.

    Attributes
    ----------
    table : pd.DataFrame
        One row for each photo, setting and method; see `score`.
    colours : dict
        (method, setting) -> ColourStatistics of the unknown pixels of all photos that the method solved, and
        ("truth", setting) of all photos. Empty unless "chroma" or "hue_spread" were measured.
    rows : dict
        (method, setting) -> (H,) mean squared error of each row of pixels, a mean over photos. Empty unless asked for.
    """

    table: pd.DataFrame
    colours: dict[tuple[str, float], ColourStatistics]
    rows: dict[tuple[str, float], np.ndarray] = field(default_factory=dict)


def colorizations(colorizers, lab: np.ndarray, settings) -> Iterator[tuple[float, Hints, str, Colorization, float]]:
    """Colorize one photo by each method at each setting.

    Parameters
    ----------
    colorizers : sequence of Colorizer
        The methods.
    lab : np.ndarray
        (H, W, 3), the photo in CIELAB.
    settings : iterable of tuple
        (value, Hints) for each setting.

    Yields
    ------
    tuple
        The value, the hints, the method's name, its Colorization, and the seconds that it took.
    """
    for value, hints in settings:
        for colorizer in colorizers:
            began = time.perf_counter()
            found = colorizer.colorize(lab[..., 0], hints)
            yield value, hints, colorizer.name, found, time.perf_counter() - began


def _measure(measures, rgb: np.ndarray, lab: np.ndarray, ab: np.ndarray, unknown: np.ndarray, colours: dict) -> dict:
    """The measures of one colorized photo. colours: ColourStatistics of its unknown pixels, "" its own, "true_"."""
    found = {}
    shown = lab_to_rgb(np.dstack([lab[..., 0], ab])) if set(measures) - {"ab_mse", *OF_COLOURS} else None
    for name in measures:
        if name == "ab_mse":
            found[name] = ab_mse(ab, lab[..., 1:], unknown)
        elif name == "colourfulness":
            found |= {name: colourfulness(shown), f"true_{name}": colourfulness(rgb)}
        elif name in OF_PHOTOS:
            found[name] = OF_PHOTOS[name](shown, rgb)
        else:
            for kind in ("", "true_"):
                found[kind + name] = getattr(colours[kind], name) if colours else np.nan
    return found


def _score_photo(colorizers, rgb, label, values, seed, measures, by_row, also) -> tuple[list[dict], dict, dict]:
    """The rows of one photo in the table, its ColourStatistics and row errors, both by (method, setting)."""
    lab, table, colours, rows = rgb_to_lab(rgb), [], {}, {}
    settings = [(value, HINTS[label](lab[..., 1:], value, seed=seed)) for value in values]
    for value, hints, method, found, seconds in colorizations(colorizers, lab, settings):
        unknown, both = ~hints.known, {}
        painted = np.dstack([lab[..., 0], found.ab])
        if unknown.any() and set(measures) & set(OF_COLOURS):
            if ("truth", value) not in colours:
                colours["truth", value] = ColourStatistics.of(lab[unknown])
            both = {"": ColourStatistics.of(painted[unknown]), "true_": colours["truth", value]}
            if found.converged:
                colours[method, value] = both[""]
        if by_row:
            squares = np.square(found.ab.astype(float) - lab[..., 1:]).mean(axis=2)
            rows[method, value] = (squares * unknown).sum(axis=1) / np.maximum(unknown.sum(axis=1), 1)
        row = {label: value, "method": method} | _measure(measures, rgb, lab, found.ab, unknown, both)
        row |= also(lab_to_rgb(painted), rgb) if also else {}
        table.append(row | {"converged": found.converged, "seconds": seconds})
    return table, colours, rows


def _score_chunk(shared, photos, first: int):
    """What `score` wants of some photos, the first of which has that number; and of how many, and why not of others."""
    colorizers, label, values, seed, *how = shared
    table, colours, rows, problems, count = [], {}, {}, [], 0
    with one_thread():
        for i in range(len(photos)):
            try:
                rgb = photos[i]
            except PhotoError as error:
                problems.append(str(error))
                continue
            found, new_colours, new_rows = _score_photo(colorizers, rgb, label, values, seed + first + i, *how)
            name = photos.names[i] if hasattr(photos, "names") else f"photo {first + i}"
            table += [{"photo": name, **row} for row in found]
            count += 1
            for total, new in ((colours, new_colours), (rows, new_rows)):
                _add(total, new)
    return table, colours, rows, count, problems


def _add(total: dict, new: dict) -> None:
    for key, value in new.items():
        total[key] = total[key] + value if key in total else value


def score(
    colorizers, photos, values=(1.0,), seed: int = 0, jobs: int | None = None, measures=MEASURES, label="unknown",
    by_row: bool = False, also=None, bar=None,
) -> Scores:  # fmt: skip
    """Score colorizers on photos at several settings; all see the same hints.

    Parameters
    ----------
    colorizers : iterable of Colorizer
        Each needs a name of its own.
    photos : Photos or sequence of np.ndarray
        uint8 (H, W, 3). Photos that cannot be read are skipped with a PhotoWarning.
    values : iterable of float
        The settings: shares of unknown pixels in [0, 1], or for the label "patches" numbers of 6 x 6 patches known.
    seed : int
        Photo i draws its hints with seed + i.
    jobs : int, optional
        Processes that photos are spread over; None takes those of the surrounding `system.backend`. Each loads the
        colorizers once.
    measures : iterable of str
        Of MEASURES: ab_mse, chroma (mean distance from grey) and hue_spread (see `ColourStatistics`) of the unknown
        pixels; psnr (dB), ssim, delta_e (CIEDE2000) and colourfulness of the whole photo as sRGB.
    label : str
        "unknown" or "patches", what `values` are.
    by_row : bool
        Whether to keep the error of each row of pixels too.
    also : callable, optional
        (colorized, true), both uint8 (H, W, 3) -> dict of more columns, called for each photo.
    bar : tqdm.tqdm, optional
        Moved on by the number of photos done.

    Returns
    -------
    Scores
        Its table has the columns photo, `label`, method, the measures (beside chroma, hue_spread and colourfulness
        those of the true photo, "true_..."), converged, seconds.

    Raises
    ------
    ValueError
        For an unknown measure, and for two colorizers of one name.
    UserError
        When there is no photo that can be read.
    """
    colorizers, values, measures = list(colorizers), list(values), tuple(measures)
    check(colorizers, measures)
    size = min(8, max(1, len(photos) // 16))  # photos in one piece of work
    tasks = ((photos[i : i + size], i) for i in range(0, len(photos), size))
    table, colours, rows, count = [], {}, {}, 0
    shared = (colorizers, label, values, seed, measures, by_row, also)
    for found, new_colours, new_rows, some, problems in spread(_score_chunk, shared, tasks, jobs):
        for problem in problems:  # here: a warning in a worker process is not seen
            warnings.warn(f"skipped: {problem}", PhotoWarning, stacklevel=2)
        table, count = table + found, count + some
        _add(colours, new_colours)
        _add(rows, new_rows)
        if bar is not None:
            bar.update(some + len(problems))
    if not count:
        raise UserError("there is no photo to colorize: name a source or a folder with some that can be read")
    return Scores(pd.DataFrame(table), colours, {key: total / count for key, total in rows.items()})


def check(colorizers, measures) -> None:
    """Check the methods and the measures that are to be scored.

    Parameters
    ----------
    colorizers : iterable of Colorizer
        The methods.
    measures : iterable of str
        Their measures.

    Raises
    ------
    ValueError
        For a measure that is not one of MEASURES, and for two colorizers of one name.
    """
    for name in measures:
        if name not in MEASURES:
            raise ValueError(f"there is no measure {name!r}: choose from {', '.join(MEASURES)}")
    names = [colorizer.name for colorizer in colorizers]
    if len(set(names)) < len(names):
        raise ValueError(f"each method needs a name of its own, got {', '.join(names)}")


def columns_of(label: str, measures) -> list[str]:
    """The columns of a table of scores.

    Parameters
    ----------
    label : str
        The name of the setting, "unknown" or "patches".
    measures : iterable of str
        Of MEASURES.

    Returns
    -------
    list of str
        In the order of `Scores.table`.
    """
    both = {name: [name, f"true_{name}"] for name in ("colourfulness", *OF_COLOURS)}
    measured = [column for name in measures for column in both.get(name, [name])]
    return ["photo", label, "method", *measured, "converged", "seconds"]


def evaluate(
    colorizers, photos, fractions, seed: int = 0, jobs: int | None = None, measures=("ab_mse", "psnr")
) -> pd.DataFrame:
    """The table of `score` at several shares of unknown pixels.

    Parameters
    ----------
    colorizers : iterable of Colorizer
        Each needs a name of its own.
    photos : Photos or sequence of np.ndarray
        uint8 (H, W, 3).
    fractions : iterable of float
        Shares of unknown pixels in [0, 1].
    seed : int
        Photo i draws its hints with seed + i.
    jobs : int, optional
        Processes; None takes those of the surrounding `system.backend`.
    measures : iterable of str
        Of MEASURES.

    Returns
    -------
    pd.DataFrame
        One row for each photo, share (column unknown) and method; see `score`.
    """
    return score(colorizers, photos, fractions, seed, jobs, measures).table


def evaluate_patches(
    colorizers, photos, counts, seed: int = 0, jobs: int | None = None, measures=("ab_mse", "psnr")
) -> pd.DataFrame:
    """The table of `score` at several numbers of revealed 6 x 6 patches.

    Parameters
    ----------
    colorizers : iterable of Colorizer
        Each needs a name of its own.
    photos : Photos or sequence of np.ndarray
        uint8 (H, W, 3).
    counts : iterable of int
        Numbers of patches.
    seed : int
        Photo i draws its hints with seed + i.
    jobs : int, optional
        Processes; None takes those of the surrounding `system.backend`.
    measures : iterable of str
        Of MEASURES.

    Returns
    -------
    pd.DataFrame
        One row for each photo, number (column patches) and method; see `score`.
    """
    return score(colorizers, photos, counts, seed, jobs, measures, "patches").table
