"""What the explorer does, without its page: a photo, what is known of its colours, what a method makes of that."""

from __future__ import annotations

import math
import tempfile
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image, ImageColor

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.colour.metrics import ab_mse, psnr
from nbhelpers.errors import UserError
from nbhelpers.files import laid_under, lightness_of
from nbhelpers.hints import Hints, Stroke, hide_pixels, on_top, resized, strokes
from nbhelpers.photos.decoding import PhotoError, is_grey, read_photo

SIDE = 400  # the longer side of the photo that is worked on, in pixels
MAX_BYTES, MAX_PIXELS = 40_000_000, 40_000_000
TRUTH = "true colours"  # beside the methods' names, for photos that have colours


@dataclass(frozen=True, eq=False)
class Subject:
    """A photo to explore: sRGB uint8 at its own size, as CIELAB with SIDE pixels along its longer side, its credit."""

    name: str
    rgb: np.ndarray
    lab: np.ndarray
    credit: str = ""

    @cached_property
    def grey(self) -> bool:
        """Has it no colours that could be known?"""
        return is_grey(self.rgb)

    @property
    def lightness(self) -> np.ndarray:
        return self.lab[..., 0]


def subject(name: str, rgb: np.ndarray, credit: str = "") -> Subject:
    """A Subject made of a photo, uint8 (H, W, 3). Raises PhotoError for one that is too large or too small."""
    height, width = rgb.shape[:2]
    if height * width > MAX_PIXELS:
        limit = f"{width} x {height} pixels are more than {MAX_PIXELS / 1e6:.0f} million"
        raise PhotoError(name, f"{limit} (`nbhelpers colorize` takes more)")
    if min(height, width) < 16:
        raise PhotoError(name, f"{width} x {height} pixels are too few to see anything")
    image = Image.fromarray(rgb)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    if min(image.size) < 16:
        raise PhotoError(name, f"{width} x {height} pixels are too long and narrow")
    return Subject(name, rgb, rgb_to_lab(np.array(image)), credit)


def named_apart(subjects: list[Subject]) -> list[Subject]:
    """The subjects with a name of their own each: a second "cat" becomes "cat 2"."""
    found = {}
    for item in subjects:
        name, count = item.name, 1
        while name in found:
            name, count = f"{item.name} {count + 1}", count + 1
        found[name] = replace(item, name=name)
    return list(found.values())


def uploaded(name: str, content: bytes) -> Subject:
    """A Subject made of a file that a person uploaded. Raises PhotoError, which says what is wrong with it."""
    if len(content) > MAX_BYTES:
        raise PhotoError(name, f"{len(content) / 1e6:.0f} MB are more than {MAX_BYTES / 1e6:.0f}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(content)
        try:
            rgb = read_photo(path)
        except PhotoError as error:
            raise PhotoError(name, error.reason) from None
    return subject(name, rgb)


def given(subject: Subject, unknown: float, seed: int = 0, drawn: tuple[Stroke, ...] = ()) -> Hints:
    """What is known: all but `unknown` percent of the pixels of a colour photo, at random; strokes lie on top."""
    shape = subject.lightness.shape
    below = Hints.none(shape) if subject.grey else hide_pixels(subject.lab[..., 1:], unknown / 100, seed)
    return on_top(strokes(shape, drawn), below) if drawn else below


@dataclass(frozen=True, eq=False)
class Painted:
    """What a method made of it: ab (H, W, 2), how long that took, a sentence about it or "", whether it was solved."""

    method: str
    ab: np.ndarray
    seconds: float
    note: str = ""
    converged: bool = True

    def picture(self, subject: Subject) -> np.ndarray:
        """As a screen shows it, uint8 (H, W, 3)."""
        if self.method == TRUTH:
            return lab_to_rgb(subject.lab)
        return laid_under(subject.lightness, self.ab)


def paint(method: str, methods: dict, subject: Subject, hints: Hints) -> Painted:
    """Colorize the subject by one of `methods`, name -> Colorizer, or TRUTH."""
    if method == TRUTH:
        return Painted(method, subject.lab[..., 1:], 0.0)
    began = time.perf_counter()
    found = methods[method].colorize(subject.lightness, hints)
    return Painted(method, found.ab, time.perf_counter() - began, found.note, found.converged)


def measures(painted: Painted, subject: Subject, hints: Hints) -> dict[str, float]:
    """How far it is from the photo's own colours: ab_mse of the unknown pixels, psnr in dB; NaN for a grey photo.

    As in `evaluation.evaluate`: the picture is not brought into sRGB's gamut first, as the one that a person sees is.
    """
    if subject.grey:
        return {"ab_mse": math.nan, "psnr": math.nan}
    error = ab_mse(painted.ab, subject.lab[..., 1:], ~hints.known)
    shown = lab_to_rgb(np.dstack([subject.lightness, painted.ab]))
    return {"ab_mse": error, "psnr": psnr(shown, lab_to_rgb(subject.lab))}


def enlarged(subject: Subject, painted: Painted) -> np.ndarray:
    """The result at the photo's own size, uint8 (H, W, 3): its own lightness, the chroma enlarged (bicubic)."""
    if painted.method == TRUTH:
        return subject.rgb
    height, width = subject.rgb.shape[:2]
    return laid_under(lightness_of(subject.rgb), resized(painted.ab, (width, height), Image.Resampling.BICUBIC))


def to_ab(colour: str) -> tuple[float, float]:
    """The a*, b* of a colour as web pages name it: "#rrggbb", "#rgb", "red"; UserError for anything else."""
    try:
        rgb = np.uint8(ImageColor.getrgb(colour)[:3])
    except (ValueError, OverflowError):
        raise UserError(f"{colour!r} is no colour: write it as #rrggbb") from None
    return tuple(float(value) for value in rgb_to_lab(rgb[None])[0, 1:])


def to_hex(lightness: float, ab) -> str:
    """ "#rrggbb" of a colour a*, b* at a lightness."""
    rgb = laid_under(np.full((1, 1), lightness, np.float32), np.asarray(ab, np.float32).reshape(1, 1, 2))[0, 0]
    return "#" + "".join(f"{value:02x}" for value in rgb)
