"""Colorize photo files: any size, the lightness kept exactly, written as PNG with what the photo's file said."""

from __future__ import annotations

import io
import json
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin
from tqdm import tqdm

from nbhelpers import __version__
from nbhelpers.colour.gamut import into_gamut
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
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
from nbhelpers.photos.decoding import from_srgb, is_grey, read_layer, read_whole

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
SIZE = 512  # pixels of the shorter side that colorizers run at, at most
_BAND = 256  # rows converted at once: the colour conversion takes many times the memory of its result


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
    return _in_bands(lambda band: np.clip(rgb_to_lab(band)[..., 0], 0, 100), rgb)


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
    return _in_bands(lambda *parts: lab_to_rgb(into_gamut(np.dstack(parts))), lightness, ab)


def png_bytes(rgb: np.ndarray, settings: dict, exif: bytes = b"", icc: bytes | None = None) -> bytes:
    """A PNG file of a photo, with the settings it was made with as JSON under "nbhelpers".

    Parameters
    ----------
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB.
    settings : dict
        What JSON can hold; the version of this package is added.
    exif : bytes
        EXIF data to embed.
    icc : bytes, optional
        A profile that the pixels are converted to and that is embedded, unless it cannot describe an RGB photo.

    Returns
    -------
    bytes
        The file.
    """
    converted = from_srgb(rgb, icc) if icc else None
    told = PngImagePlugin.PngInfo()
    told.add_text("nbhelpers", json.dumps({"version": __version__, **settings}))
    image = Image.fromarray(rgb if converted is None else converted)
    profile = None if converted is None else icc
    image.save(file := io.BytesIO(), "PNG", pnginfo=told, exif=exif, icc_profile=profile)
    return file.getvalue()


def read_hints(path, photo, shape: tuple[int, int]) -> Hints:
    """Read hints for a photo from a picture of its size.

    Known are the pixels with alpha >= 128, or in a picture without transparency those that are not grey.

    Parameters
    ----------
    path : str or os.PathLike
        The picture.
    photo : str or os.PathLike
        Names the photo in errors.
    shape : tuple of int
        Height and width of the photo.

    Returns
    -------
    Hints
        The colours of height and width `shape`.

    Raises
    ------
    UserError
        For a picture of another size or that cannot be read, when nothing is known, and for a JPEG, which tints what
        was grey.
    """
    rgb, alpha = read_layer(path)
    with open(path, "rb") as file:
        if file.read(3) == b"\xff\xd8\xff":
            raise UserError(
                f"{path} is a JPEG, in which grey pixels have a tint and would all be hints: save it as PNG"
            )
    if alpha is not None and alpha.min() >= 128:  # many programs write an alpha though all is opaque
        alpha = None
    if rgb.shape[:2] != tuple(shape):
        sizes = f"{path} is {rgb.shape[1]} x {rgb.shape[0]} pixels, {photo} is {shape[1]} x {shape[0]}"
        raise UserError(f"{sizes}: save the hints at the photo's size")
    known = (rgb != rgb[..., :1]).any(axis=-1) if alpha is None else alpha >= 128
    if not known.any():
        rule = "is grey: coloured pixels" if alpha is None else "is transparent: pixels with alpha >= 128"
        raise UserError(f"{path} gives no hint for {photo}, since all of it {rule} are hints")
    return Hints(rgb_to_lab(rgb)[..., 1:], known)


def find_photos(places: Sequence[str], out) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Find the photos in files and folders.

    Folders are searched by suffix, in sorted order, and their structure is kept; what is hidden, or already lies in
    `out` below the folder, is left out.

    Parameters
    ----------
    places : sequence of str
        Files and folders.
    out : str or os.PathLike
        The folder for the colorized photos.

    Returns
    -------
    pairs : list of tuple
        (photo, PNG file below `out`), both Path.
    failures : list of str
        A sentence for each place or photo that has none.
    """
    pairs, failures, taken = [], [], {}
    for place in map(Path, places):
        if os.path.isdir(place):  # unlike the methods of Path these raise nothing
            found = _below(place, Path(out), failures)
            if not found:
                failures.append(f"{place} holds no photo: put JPEG, PNG, WebP, BMP or TIFF files in it")
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
                pairs.append((photo, output))
            elif not first.samefile(photo):  # named twice is no failure
                failures.append(f"{photo} would become {output}, as {first} does: rename it or choose another folder")
    return pairs, failures


def colorize_files(
    pairs: Sequence[tuple[Path, Path]],
    colorizer: Colorizer,
    size: int = SIZE,
    unknown: float | None = None,
    seed: int = 0,
    hints: str | None = None,
    overwrite: bool = False,
    tell: Callable[[str], None] = warnings.warn,
) -> list[str]:
    """Colorize photos into PNG files.

    The settings in each file name the method, the origin of its model, and what it was given.

    Parameters
    ----------
    pairs : sequence of tuple
        (photo, PNG file), as `find_photos` returns them.
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
    overwrite : bool
        Whether files that exist are replaced, though never one of the inputs; else their photos fail.
    tell : callable
        Called with what the colorizer has to say (str) of a photo that is written all the same, as when its solver
        gave up.

    Returns
    -------
    list of str
        A sentence for each photo that failed.
    """
    settings = {"method": colorizer.name, "size": size}
    if origin := getattr(colorizer, "origin", ""):  # a person's own colorizer may have none
        settings["model"] = origin
    settings |= {} if unknown is None else {"unknown": unknown, "seed": seed}
    settings |= {} if hints is None else {"hints": Path(hints).name}
    inputs = [photo for photo, _ in pairs] + ([Path(hints)] if hints is not None else [])
    kept = {_identity(path) for path in inputs if os.path.exists(path)}  # not even by another name are they overwritten
    failures = []
    for photo, output in tqdm(pairs, unit="photo", disable=None):
        try:
            if output.exists() and _identity(output) in kept:
                away = "is itself one of the inputs: choose another folder"
                raise UserError(f"{photo} was left out, as {output} {away}")
            if output.exists() and not overwrite:
                raise UserError(f"{photo} was left out, as {output} exists already: --overwrite replaces it")
            whole = read_whole(photo)
            lightness = lightness_of(whole.rgb)
            if hints is not None:
                given = read_hints(hints, photo, lightness.shape)
            elif unknown is not None:
                if unknown < 100 and is_grey(whole.rgb):
                    raise UserError(f"{photo} has no colours to hide: leave --unknown out")
                given = hide_pixels(rgb_to_lab(whole.rgb)[..., 1:], unknown / 100, seed)
            else:
                given = Hints.none(lightness.shape)
            found = colorize_large(colorizer, lightness, given, size)
            rgb = laid_under(lightness, found.ab)
            content = png_bytes(rgb, settings, whole.exif, whole.icc)
            with atomic(output) as part:
                part.write_bytes(content)
            if found.note:
                tell(f"{photo}: {found.note}")
        except UserError as error:
            failures.append(str(error))
        except MemoryError:
            failures.append(f"{photo} needs more memory than there is: try a smaller --size, or shrink the photo")
        except Exception as error:  # whatever it is, the other photos are not to suffer
            reason = " ".join(str(error).split())[:300]
            failures.append(f"{photo} could not be colorized: {type(error).__name__}: {reason}")
    return failures


def _below(folder: Path, out: Path, failures: list[str]) -> list[tuple[Path, Path]]:
    """The photos below a folder with their paths in it, sorted; folders that cannot be read are failures."""
    found, away = [], out.resolve()

    def unreadable(error):
        failures.append(f"{error.filename} cannot be searched: {error.strerror.lower()}")

    for where, folders, files in os.walk(folder, onerror=unreadable):
        where = Path(where)
        folders[:] = [name for name in folders if not name.startswith(".") and (where / name).resolve() != away]
        photos = (where / name for name in files if name.lower().endswith(SUFFIXES) and not name.startswith("."))
        found += [(photo, photo.relative_to(folder)) for photo in photos if os.path.isfile(photo)]
    return sorted(found)


def _identity(path: Path) -> tuple[int, int]:
    """Equal for all names of one file: links, and other cases where the file system ignores them."""
    status = path.stat()
    return status.st_dev, status.st_ino


def _in_bands(function, *arrays: np.ndarray) -> np.ndarray:
    """function(*arrays), a band of rows after the other."""
    starts = range(0, len(arrays[0]), _BAND)
    return np.concatenate([function(*(array[start : start + _BAND] for array in arrays)) for start in starts])
