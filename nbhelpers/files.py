"""Colorize photo files: any size, the lightness kept exactly, written as PNG with what the photo's file said."""

from __future__ import annotations

import errno
import io
import json
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from tqdm import tqdm

from nbhelpers import __version__
from nbhelpers.colour.gamut import into_gamut
from nbhelpers.colour.lab import in_bands, lab_to_rgb, rgb_to_lab
from nbhelpers.colour.tint import COLOURED, GREY, TINTED, tone
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
from nbhelpers.photos.albums import Job
from nbhelpers.photos.decoding import Whole, read_whole
from nbhelpers.photos.metadata import OURS, Metadata, settings_of
from nbhelpers.photos.painted import read_hints
from nbhelpers.photos.profiles import from_srgb

SIZE = 512  # pixels of the shorter side that colorizers run at, at most
# What is said of photos with a tone of their own.
_OWN = {
    COLOURED: "colours of their own, which were painted over",
    TINTED: "a tint, as sepia, which was taken for no colour and painted over",
}
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


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
    told.add_text(OURS, json.dumps({"version": __version__, **settings}))
    image = Image.fromarray(rgb if converted is None else converted)
    profile = None if converted is None else about.icc
    options = {"dpi": about.dpi} if about.dpi else {}
    image.save(file := io.BytesIO(), "PNG", pnginfo=told, exif=about.exif, icc_profile=profile, **options)
    return file.getvalue()


@dataclass(frozen=True)
class Options:
    """How photo files are colorized.

    Attributes
    ----------
    size : int
        Pixels of the shorter side that the colorizer sees, at most.
    unknown : float or None
        The percentage of pixels, chosen at random, whose colours are hidden; the others are the hints. None does not
        look at the photos' own colours.
    seed : int
        Of the choice of hidden pixels, for each photo.
    hints : str or None
        A picture for `read_hints`; with it nothing is hidden.
    hints_from : str or None
        How its known pixels are told, see `read_hints`.
    overwrite : bool
        Whether results of the same photo are replaced; no input and no other's result ever is.
    recolour : bool
        Whether photos in folders that have colours (`colour.tint.tone`) are colorized, too. One that was named, or
        that has hints or a share of its own colours, is.
    """

    size: int = SIZE
    unknown: float | None = None
    seed: int = 0
    hints: str | None = None
    hints_from: str | None = None
    overwrite: bool = False
    recolour: bool = False


class Done(NamedTuple):
    """What became of some photos.

    Attributes
    ----------
    written : int
        How many PNG files were written.
    failures : list of str
        A sentence for each photo that failed, and one for all whose results were there.
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
    options: Options = Options(),  # noqa: B008, it is frozen
    tell: Callable[[str], None] = warnings.warn,
) -> Done:
    """Colorize photos into PNG files.

    The settings in each file name the photo, the method, the origin of its model, and what it was given.

    Parameters
    ----------
    jobs : sequence of Job
        Which photos, as `find_photos` returns them.
    colorizer : Colorizer
        The method.
    options : Options
        How.
    tell : callable
        Called with what is to be said (str) of photos that are written all the same, as when a solver gave up; what
        holds for several photos is said once, in the end.

    Returns
    -------
    Done
        What became of them.
    """
    inputs = [job.photo for job in jobs] + ([Path(options.hints)] if options.hints is not None else [])
    kept = {_identity(path) for path in inputs if os.path.exists(path)}  # not even by another name are they overwritten
    done, notes, existing, written = Done(0, [], [], []), defaultdict(list), [], 0
    try:
        for number, job in enumerate(tqdm(jobs, unit="photo", disable=None)):
            try:
                if _is_there(job, kept, options.overwrite):
                    existing.append(job)
                    continue
                whole = read_whole(job.photo)
                own = options.unknown is None and not options.recolour and tone(whole.rgb)
                if own == COLOURED and job.in_folder and options.hints is None:
                    done.coloured.append(job.photo)
                    continue
                found, told = _colorized(job, whole, colorizer, options)
                done.told.extend([told] if told else [])
                if found.note:
                    tell(f"{job.photo}: {found.note}")
                for what, detail in [*whole.told(), *([(_OWN[own], "")] if own in _OWN else [])]:
                    notes[what].append(f"{job.photo} ({detail})" if detail else str(job.photo))
                written += 1
            except Exception as error:  # whatever it is, the other photos are not to suffer
                done.failures.append(_failure(job, error))
                if isinstance(error, OSError) and error.errno in _FULL:
                    done.failures[-1] += f"; {len(jobs) - number} of {len(jobs)} photos are left: make room there"
                    break
    finally:
        for what, names in notes.items():
            tell(f"{what}: {folders.named(names)}")
    done.failures.extend(_left_there(existing))
    return done._replace(written=written)


def _failure(job: Job, error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{job.photo} needs more memory than there is: try a smaller --size, or shrink the photo"
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"{job.output.parent} takes no more ({error.strerror.lower()})"
    reason = " ".join(str(error).split())[:300]
    return f"{job.photo} could not be colorized: {type(error).__name__}: {reason}"


def _left_there(existing: list[Job]) -> list[str]:
    """One sentence on all photos whose results were there."""
    if len(existing) > 1:
        names = folders.named([str(job.photo) for job in existing])
        there = f"{len(existing)} photos were left out, as their results exist already ({names})"
        return [f"{there}: --overwrite replaces them"]
    there = "{} was left out, as {} exists already: --overwrite replaces it"
    return [there.format(job.photo, job.output) for job in existing]


def _is_there(job: Job, kept: set, overwrite: bool) -> bool:
    """Whether the result of a photo is there and stays; an error for what must not be replaced."""
    if not job.output.exists():
        return False
    if _identity(job.output) in kept:
        away = "is itself one of the inputs: choose another folder"
        raise UserError(f"{job.photo} was left out, as {job.output} {away}")
    settings = settings_of(job.output)
    if not settings and overwrite and (job.output.is_dir() or folders.begins_as_picture(job.output)):
        raise UserError(
            f"{job.photo} was left out, as {job.output} was not made by this command: choose another folder"
        )
    if (made_of := settings.get("photo", job.photo.name)) != job.photo.name:
        raise UserError(f"{job.photo} was left out, as {job.output} was made of {made_of}: choose another folder")
    return not overwrite


def _colorized(job: Job, whole: Whole, colorizer: Colorizer, options: Options) -> tuple[Colorization, str]:
    """Colorize a photo and write its file; what the method answered, and what was found in a picture with hints."""
    settings = {"photo": job.photo.name, "method": colorizer.name, "size": options.size}
    if origin := getattr(colorizer, "origin", ""):  # a person's own colorizer may have none
        settings["model"] = origin
    lightness, told = lightness_of(whole.rgb), ""
    given = Hints.none(lightness.shape)
    if options.hints is not None:
        painted = read_hints(options.hints, job.photo, whole.rgb, options.hints_from)
        given, told = painted.hints, f"{options.hints}: {painted}"
        settings |= {"hints": Path(options.hints).name, "hints from": painted.way, "known": int(given.known.sum())}
    elif options.unknown is not None:
        if options.unknown < 100 and tone(whole.rgb) == GREY:
            raise UserError(f"{job.photo} has no colours to hide: leave --unknown out")
        given = hide_pixels(rgb_to_lab(whole.rgb)[..., 1:], options.unknown / 100, options.seed)
        settings |= {"unknown": options.unknown, "seed": options.seed}
    found = colorize_large(colorizer, lightness, given, options.size)
    content = png_bytes(laid_under(lightness, found.ab), settings, whole.metadata)
    with atomic(job.output) as part:
        part.write_bytes(content)
    return found, told


def _identity(path: Path) -> tuple[int, int]:
    """Equal for all names of one file: links, and other cases where the file system ignores them."""
    status = path.stat()
    return status.st_dev, status.st_ino
