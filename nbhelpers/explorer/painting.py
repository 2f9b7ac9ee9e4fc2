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
from nbhelpers.colour.tint import COLOURED, tone
from nbhelpers.errors import UserError
from nbhelpers.files import laid_under, lightness_of
from nbhelpers.hints import Hints, Stroke, hide_pixels, on_top, resized, strokes
from nbhelpers.photos.decoding import PhotoError, read_whole
from nbhelpers.photos.metadata import Metadata

SIDE = 400  # the longer side of the photo that is worked on, in pixels
MAX_BYTES, MAX_PIXELS = 40_000_000, 40_000_000
TRUTH = "true colours"  # beside the methods' names, for photos that have colours


@dataclass(frozen=True, eq=False)
class Subject:
    """A photo to explore.

    Attributes
    ----------
    name : str
        What it is called on the page.
    rgb : np.ndarray
        sRGB uint8 (H, W, 3) at its own size.
    lab : np.ndarray
        CIELAB float32 (h, w, 3), with SIDE pixels along its longer side, or as many as the photo has if these are
        fewer.
    credit : str
        Author and licence, or "".
    about : Metadata
        What its file says, for files made of it.
    notes : tuple of str
        What is not seen of its file.
    """

    name: str
    rgb: np.ndarray
    lab: np.ndarray
    credit: str = ""
    about: Metadata = Metadata()
    notes: tuple[str, ...] = ()

    @cached_property
    def tone(self) -> str:
        """GREY, TINTED or COLOURED, of `colour.tint`."""
        return tone(self.rgb)

    @property
    def grey(self) -> bool:
        """Has it no colours that could be known? A sepia's tint is none."""
        return self.tone != COLOURED

    @property
    def lightness(self) -> np.ndarray:
        """L* of `lab`, (h, w) in [0, 100]."""
        return self.lab[..., 0]


def subject(name: str, rgb: np.ndarray, credit: str = "") -> Subject:
    """Make a Subject of a photo.

    Parameters
    ----------
    name : str
        What it is called.
    rgb : np.ndarray
        sRGB uint8 (H, W, 3).
    credit : str
        Author and licence, or "".

    Returns
    -------
    Subject
        The photo at its own size, and as CIELAB at the size that is worked on.

    Raises
    ------
    PhotoError
        For a photo of more than MAX_PIXELS pixels, or with a side below 16 pixels at either size.
    """
    height, width = rgb.shape[:2]
    if height * width > MAX_PIXELS:
        limit = f"{width} x {height} pixels are more than {MAX_PIXELS / 1e6:.0f} million"
        raise PhotoError(name, f"{limit} (`nbhelpers colorize` takes more)", "")
    if min(height, width) < 16:
        raise PhotoError(name, f"{width} x {height} pixels are too few to see anything")
    image = Image.fromarray(rgb)
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    if min(image.size) < 16:
        raise PhotoError(name, f"{width} x {height} pixels are too long and narrow")
    return Subject(name, rgb, rgb_to_lab(np.array(image)), credit)


def named_apart(subjects: list[Subject]) -> list[Subject]:
    """Give each subject a name of its own: a second "cat" becomes "cat 2".

    Parameters
    ----------
    subjects : list of Subject
        Some may share a name.

    Returns
    -------
    list of Subject
        In the same order.
    """
    found = {}
    for item in subjects:
        name, count = item.name, 1
        while name in found:
            name, count = f"{item.name} {count + 1}", count + 1
        found[name] = replace(item, name=name)
    return list(found.values())


def check_size(name: str, size: int) -> None:
    """Refuse a file that is too large, before it is sent or read.

    Parameters
    ----------
    name : str
        Name of the file.
    size : int
        Its bytes.

    Raises
    ------
    PhotoError
        When they are more than MAX_BYTES.
    """
    if size > MAX_BYTES:
        raise PhotoError(name, f"larger than {MAX_BYTES / 1e6:.0f} MB (`nbhelpers colorize` takes more)", "")


def uploaded(name: str, content: bytes) -> Subject:
    """Make a Subject of a file that a person uploaded.

    Parameters
    ----------
    name : str
        Name of the file.
    content : bytes
        What the file holds.

    Returns
    -------
    Subject
        The photo, without a credit, and what its file says.

    Raises
    ------
    PhotoError
        When the file is larger than MAX_BYTES or no photo that can be used; it says what is wrong.
    """
    check_size(name, len(content))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload"
        path.write_bytes(content)
        try:
            whole = read_whole(path)
            found = subject(name, whole.rgb)
        except PhotoError as error:  # there is no folder here that it could be taken out of
            raise PhotoError(name, error.reason, error.advice and "choose another") from None
    return replace(
        found,
        about=whole.metadata,
        notes=tuple(f"{what}: {detail}" if detail else what for what, detail in whole.told()),
    )


def given(subject: Subject, unknown: float, seed: int = 0, drawn: tuple[Stroke, ...] = ()) -> Hints:
    """Say what is known of a photo's colours.

    Parameters
    ----------
    subject : Subject
        The photo; of a grey one nothing is known but the strokes.
    unknown : float
        Pixels of a colour photo that are hidden at random, in percent, 0 to 100; all others are known.
    seed : int
        Chooses them.
    drawn : tuple of Stroke
        These lie on top.

    Returns
    -------
    Hints
        Of the photo at the size that is worked on.
    """
    shape = subject.lightness.shape
    below = Hints.none(shape) if subject.grey else hide_pixels(subject.lab[..., 1:], unknown / 100, seed)
    return on_top(strokes(shape, drawn), below) if drawn else below


@dataclass(frozen=True, eq=False)
class Painted:
    """What a method made of a subject.

    Attributes
    ----------
    method : str
        Its name, or TRUTH.
    ab : np.ndarray
        (H, W, 2), CIELAB a* and b* at the size that is worked on.
    seconds : float
        How long that took.
    note : str
        A sentence about it, or "".
    converged : bool
        Whether it was solved.
    """

    method: str
    ab: np.ndarray
    seconds: float
    note: str = ""
    converged: bool = True

    def picture(self, subject: Subject) -> np.ndarray:
        """Return the result as a screen shows it.

        Parameters
        ----------
        subject : Subject
            The photo that was colorized.

        Returns
        -------
        np.ndarray
            sRGB uint8 (H, W, 3) at the size that is worked on.
        """
        if self.method == TRUTH:
            return lab_to_rgb(subject.lab)
        return laid_under(subject.lightness, self.ab)


def paint(method: str, methods: dict, subject: Subject, hints: Hints) -> Painted:
    """Colorize a subject.

    Parameters
    ----------
    method : str
        A name in `methods`, or TRUTH, for the photo's own colours.
    methods : dict
        Name -> Colorizer.
    subject : Subject
        The photo.
    hints : Hints
        What is known of it, as `given` returns it.

    Returns
    -------
    Painted
        The colours, and how long they took.
    """
    if method == TRUTH:
        return Painted(method, subject.lab[..., 1:], 0.0)
    began = time.perf_counter()
    found = methods[method].colorize(subject.lightness, hints)
    return Painted(method, found.ab, time.perf_counter() - began, found.note, found.converged)


def measures(painted: Painted, subject: Subject, hints: Hints) -> dict[str, float]:
    """Measure how far a result is from the photo's own colours.

    As in `evaluation.evaluate`: the picture is not brought into sRGB's gamut first, as the one that a person sees is.

    Parameters
    ----------
    painted : Painted
        The result.
    subject : Subject
        The photo.
    hints : Hints
        What the method was given.

    Returns
    -------
    dict
        ab_mse, of the unknown pixels (NaN when there are none), and psnr in dB; both NaN for a grey photo.
    """
    if subject.grey:
        return {"ab_mse": math.nan, "psnr": math.nan}
    error = ab_mse(painted.ab, subject.lab[..., 1:], ~hints.known)
    shown = lab_to_rgb(np.dstack([subject.lightness, painted.ab]))
    return {"ab_mse": error, "psnr": psnr(shown, lab_to_rgb(subject.lab))}


def enlarged(subject: Subject, painted: Painted) -> np.ndarray:
    """Enlarge a result to the photo's own size.

    Parameters
    ----------
    subject : Subject
        The photo.
    painted : Painted
        The result.

    Returns
    -------
    np.ndarray
        sRGB uint8 (H, W, 3): the photo's own lightness, the chroma enlarged (bicubic); the photo itself for TRUTH.
    """
    if painted.method == TRUTH:
        return subject.rgb
    height, width = subject.rgb.shape[:2]
    return laid_under(lightness_of(subject.rgb), resized(painted.ab, (width, height), Image.Resampling.BICUBIC))


def to_ab(colour: str) -> tuple[float, float]:
    """Convert a colour as web pages name it to a*, b*.

    Parameters
    ----------
    colour : str
        "#rrggbb", "#rgb", "red".

    Returns
    -------
    tuple of float
        (a*, b*).

    Raises
    ------
    UserError
        For anything else.
    """
    try:
        rgb = np.uint8(ImageColor.getrgb(colour)[:3])
    except (ValueError, OverflowError):
        raise UserError(f"{colour!r} is no colour: write it as #rrggbb") from None
    return tuple(float(value) for value in rgb_to_lab(rgb[None])[0, 1:])


def to_hex(lightness: float, ab) -> str:
    """Name a colour as web pages do.

    Parameters
    ----------
    lightness : float
        L* in [0, 100].
    ab : sequence of float
        The colour (a*, b*); where sRGB does not have it at this lightness, its chroma is reduced.

    Returns
    -------
    str
        "#rrggbb".
    """
    rgb = laid_under(np.full((1, 1), lightness, np.float32), np.asarray(ab, np.float32).reshape(1, 1, 2))[0, 0]
    return "#" + "".join(f"{value:02x}" for value in rgb)
