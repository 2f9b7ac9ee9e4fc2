"""Colorize photo files: any size, the lightness kept exactly, written as PNG with what the photo's file said."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from nbhelpers import __version__
from nbhelpers.colour.gamut import into_gamut
from nbhelpers.colour.lab import in_bands, lab_to_rgb, rgb_to_lab
from nbhelpers.colour.tint import COLOURED, GREY, tone
from nbhelpers.errors import UserError
from nbhelpers.hints import (
    Colorization,
    Colorizer,
    Hints,
    hide_pixels,
    keep_known,
    resized,
    shrunk_hints,
    shrunk_lightness,
)
from nbhelpers.paths import atomic
from nbhelpers.photos import folders
from nbhelpers.photos.decoding import read_whole
from nbhelpers.photos.formats import READABLE
from nbhelpers.photos.metadata import Metadata
from nbhelpers.photos.painted import read_hints
from nbhelpers.photos.profiles import from_srgb

SIZE = 512  # pixels of the shorter side that colorizers run at, at most
_OWN_COLOURS = "colours of their own, which were painted over"


def colorize_large(colorizer: Colorizer, lightness: np.ndarray, hints: Hints, size: int = SIZE) -> Colorization:
    """Colorize a photo of any size.

    The colorizer sees the photo and its hints shrunk until the shorter side has `size` pixels, if it is larger
    (`hints.shrunk_hints`). Its chroma is enlarged again, and known pixels are kept.

    Parameters
    ----------
    colorizer : Colorizer
        The method.
    lightness : np.ndarray
        (H, W) float32, L* in [0, 100].
    hints : Hints
        The known colours of the same photo.
    size : int
        Pixels of the shorter side that the colorizer sees, at most.

    Returns
    -------
    Colorization
        Of height H and width W.
    """
    height, width = lightness.shape
    if min(height, width) <= size:
        return colorizer.colorize(lightness, hints)
    found = colorizer.colorize(shrunk_lightness(lightness, size), shrunk_hints(hints, size))
    return replace(found, ab=keep_known(resized(found.ab, (width, height), Image.Resampling.BICUBIC), hints))


def lightness_of(rgb: np.ndarray) -> np.ndarray:
    """The lightness of a photo.

    Parameters
    ----------
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB.

    Returns
    -------
    np.ndarray
        (H, W) float32, L* in [0, 100].
    """
    return in_bands(lambda band: np.clip(rgb_to_lab(band)[..., 0], 0, 100), rgb)


def laid_under(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """Lay colours under a lightness, with less chroma where sRGB ends.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), L* in [0, 100].
    ab : np.ndarray
        (H, W, 2), CIELAB a* and b*.

    Returns
    -------
    np.ndarray
        (H, W, 3) uint8, sRGB of that lightness.
    """
    return in_bands(lambda *parts: lab_to_rgb(into_gamut(np.dstack(parts))), lightness, ab)


def png_bytes(rgb: np.ndarray, settings: dict, about: Metadata = Metadata()) -> bytes:  # noqa: B008, it is frozen
    """A PNG file of a photo, with the settings it was made with as JSON under "nbhelpers".

    Parameters
    ----------
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB.
    settings : dict
        What JSON can hold; the version of this package is added.
    about : Metadata
        What the photo's file said. The pixels are converted to its profile, unless that cannot describe an RGB photo.

    Returns
    -------
    bytes
        The file.
    """
    converted = from_srgb(rgb, about.icc) if about.icc else None
    told = about.chunks()
    told.add_text("nbhelpers", json.dumps({"version": __version__, **settings}))
    image = Image.fromarray(rgb if converted is None else converted)
    profile = None if converted is None else about.icc
    options = {"dpi": about.dpi} if about.dpi else {}
    image.save(file := io.BytesIO(), "PNG", pnginfo=told, exif=about.exif, icc_profile=profile, **options)
    return file.getvalue()


class Job(NamedTuple):
    """A photo to colorize.

    Attributes
    ----------
    photo, output : Path
        Its file, and the PNG file to be.
    in_folder : bool
        Whether it was found in a folder, not named.
    """

    photo: Path
    output: Path
    in_folder: bool = False


class Found(NamedTuple):
    """The photos in files and folders.

    Attributes
    ----------
    jobs : list of Job
        Photos with their outputs.
    failures : list of str
        A sentence for each place or photo that has none.
    passed_over : list of str
        Files in the folders that are no pictures, and what is hidden in them.
    """

    jobs: list[Job]
    failures: list[str]
    passed_over: list[str]


def find_photos(places: Sequence[str], out) -> Found:
    """Find the photos in files and folders.

    Folders are searched by content, in sorted order, and their structure is kept; what is hidden, or already lies in
    `out` below the folder, is left out.

    Parameters
    ----------
    places : sequence of str
        Files and folders.
    out : str or os.PathLike
        The folder for the colorized photos.

    Returns
    -------
    Found
        Photos with their outputs, and what is to be told.
    """
    jobs, failures, passed_over, taken = [], [], [], {}
    for place in map(Path, places):
        if in_folder := os.path.isdir(place):  # unlike the methods of Path these raise nothing
            inside = folders.below(place, Path(out))
            failures += inside.unreadable
            passed_over += [f"{place}/{name}" for name in inside.passed_over]
            found = [(place / name, name) for name in inside.photos]
            if not found:
                failures.append(f"{place} holds no photo: put {READABLE} files in it")
        elif os.path.isfile(place):
            found = [(place, place.name)]
        else:
            reason = "is not a file" if os.path.exists(place) else "does not exist"
            failures.append(f"{place} {reason}: check the name")
            continue
        for photo, name in found:
            output = (Path(out) / name).with_suffix(".png")
            first = taken.setdefault(output, photo)
            if first is photo:
                jobs.append(Job(photo, output, in_folder))
            elif not first.samefile(photo):  # named twice is no failure
                failures.append(f"{photo} would become {output}, as {first} does: rename it or choose another folder")
    return Found(jobs, failures, passed_over)


class Done(NamedTuple):
    """What became of some photos.

    Attributes
    ----------
    written : int
        How many PNG files were written.
    failures : list of str
        A sentence for each photo that failed.
    coloured : list of Path
        Photos that were left out since they have colours.
    told : list of str
        What was found in a picture with hints.
    """

    written: int
    failures: list[str]
    coloured: list[Path]
    told: list[str]


def colorize_files(
    jobs: Sequence[Job],
    colorizer: Colorizer,
    size: int = SIZE,
    unknown: float | None = None,
    seed: int = 0,
    hints: str | None = None,
    hints_from: str | None = None,
    overwrite: bool = False,
    recolour: bool = False,
    tell: Callable[[str], None] = warnings.warn,
) -> Done:
    """Colorize photos into PNG files.

    The settings in each file name the method, the origin of its model, and what it was given.

    Parameters
    ----------
    jobs : sequence of Job
        Which photos, as `find_photos` returns them.
    colorizer : Colorizer
        The method.
    size : int
        Pixels of the shorter side that the colorizer sees, at most.
    unknown : float, optional
        The percentage of pixels, chosen at random, whose colours are hidden; the others are the hints. None does not
        look at the photos' own colours.
    seed : int
        Of the choice of hidden pixels, for each photo.
    hints : str, optional
        A picture for `read_hints`; with it nothing is hidden.
    hints_from : str, optional
        How its known pixels are told, see `read_hints`.
    overwrite : bool
        Whether files that exist are replaced, though never one of the inputs; else their photos fail.
    recolour : bool
        Whether photos in folders that have colours (`colour.tint.tone`) are colorized, too. One that was named, or
        that has hints or a share of its own colours, is.
    tell : callable
        Called with what is to be said (str) of photos that are written all the same, as when a solver gave up; what
        holds for several photos is said once, in the end.

    Returns
    -------
    Done
        What became of them.
    """
    settings = {"method": colorizer.name, "size": size}
    if origin := getattr(colorizer, "origin", ""):  # a person's own colorizer may have none
        settings["model"] = origin
    inputs = [job.photo for job in jobs] + ([Path(hints)] if hints is not None else [])
    kept = {_identity(path) for path in inputs if os.path.exists(path)}  # not even by another name are they overwritten
    done, notes, written = Done(0, [], [], []), defaultdict(list), 0

    def one(photo: Path, output: Path, in_folder: bool) -> bool:
        """Colorize a photo; False when it is left out."""
        if output.exists() and _identity(output) in kept:
            away = "is itself one of the inputs: choose another folder"
            raise UserError(f"{photo} was left out, as {output} {away}")
        if output.exists() and not overwrite:
            raise UserError(f"{photo} was left out, as {output} exists already: --overwrite replaces it")
        whole = read_whole(photo)
        own = hints is None and unknown is None and not recolour and tone(whole.rgb) == COLOURED
        if own and in_folder:
            done.coloured.append(photo)
            return False
        lightness = lightness_of(whole.rgb)
        about, given = settings, Hints.none(lightness.shape)
        if hints is not None:
            painted = read_hints(hints, photo, whole.rgb, hints_from)
            given = painted.hints
            done.told.append(f"{hints}: {painted}")
            about = settings | {"hints": Path(hints).name, "hints from": painted.way, "known": int(given.known.sum())}
        elif unknown is not None:
            if unknown < 100 and tone(whole.rgb) == GREY:
                raise UserError(f"{photo} has no colours to hide: leave --unknown out")
            given = hide_pixels(rgb_to_lab(whole.rgb)[..., 1:], unknown / 100, seed)
            about = settings | {"unknown": unknown, "seed": seed}
        found = colorize_large(colorizer, lightness, given, size)
        content = png_bytes(laid_under(lightness, found.ab), about, whole.metadata)
        with atomic(output) as part:
            part.write_bytes(content)
        if found.note:
            tell(f"{photo}: {found.note}")
        for what, detail in [*whole.told(), *([(_OWN_COLOURS, "")] if own else [])]:
            notes[what].append(f"{photo.name} ({detail})" if detail else photo.name)
        return True

    try:
        for job in tqdm(jobs, unit="photo", disable=None):
            try:
                written += one(*job)
            except UserError as error:
                done.failures.append(str(error))
            except MemoryError:
                way_out = "try a smaller --size, or shrink the photo"
                done.failures.append(f"{job.photo} needs more memory than there is: {way_out}")
            except Exception as error:  # whatever it is, the other photos are not to suffer
                reason = " ".join(str(error).split())[:300]
                done.failures.append(f"{job.photo} could not be colorized: {type(error).__name__}: {reason}")
    finally:
        for what, names in notes.items():
            tell(f"{what}: {folders.named(names)}")
    return done._replace(written=written)


def _identity(path: Path) -> tuple[int, int]:
    """Equal for all names of one file: links, and other cases where the file system ignores them."""
    status = path.stat()
    return status.st_dev, status.st_ino
