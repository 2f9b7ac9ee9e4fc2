"""Hints: the colours that are given, ways to choose and resize them; what a colorizer is, and the simplest three."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt


@dataclass(frozen=True, eq=False)
class Hints:
    """The known colours of one photo.

    Two are equal when the same pixels are known, with the same colours.

    Attributes
    ----------
    ab : np.ndarray
        (H, W, 2) float32, CIELAB a* and b*; ignored where not known.
    known : np.ndarray
        (H, W) bool, True where the colour is given.

    Raises
    ------
    ValueError
        For arrays of other shapes, a `known` that is not bool, and known colours that are NaN or infinite.
    """

    ab: np.ndarray
    known: np.ndarray

    def __post_init__(self):
        ab, known = np.asarray(self.ab, dtype=np.float32), np.asarray(self.known)
        if known.ndim != 2 or known.dtype != bool:
            raise ValueError(f"known must be a bool array (H, W), got {known.dtype} {known.shape}")
        if ab.shape != (*known.shape, 2):
            raise ValueError(f"ab must be (H, W, 2) = {(*known.shape, 2)}, got {ab.shape}")
        if not np.isfinite(ab[known]).all():
            raise ValueError("known colours must be finite: NaN or infinity among the hints")
        object.__setattr__(self, "ab", ab)
        object.__setattr__(self, "known", known)

    def __eq__(self, other) -> bool:
        """The same pixels are known, with the same colours; what stands in `ab` elsewhere says nothing."""
        if not isinstance(other, Hints):
            return NotImplemented
        same = np.array_equal(self.known, other.known)
        return same and np.array_equal(self.ab[self.known], other.ab[other.known])

    @classmethod
    def none(cls, shape: tuple[int, int]) -> Hints:
        """Make the hints of a photo that is to be colorized from nothing: no colour is known.

        Parameters
        ----------
        shape : tuple of int
            The photo's height and width in pixels.

        Returns
        -------
        Hints
            With no known pixel.
        """
        return cls(np.zeros((*shape, 2), np.float32), np.zeros(shape, bool))


def hide_pixels(ab: np.ndarray, unknown: float, seed: int = 0) -> Hints:
    """Hide a share of single pixels, chosen evenly at random.

    A pixel hidden at a smaller share stays hidden at a larger one (same seed): raising the share only takes colours
    away.

    Parameters
    ----------
    ab : np.ndarray
        (H, W, 2), the true a* and b*.
    unknown : float
        The share of pixels to hide, in [0, 1].
    seed : int
        Of the random choice.

    Returns
    -------
    Hints
        Exactly round(unknown * H * W) pixels are hidden.

    Raises
    ------
    ValueError
        When `unknown` is outside [0, 1].
    """
    if not 0 <= unknown <= 1:
        raise ValueError(f"unknown is a share in [0, 1], got {unknown}: 80 % is 0.8")
    height, width = ab.shape[:2]
    order = np.random.default_rng(seed).permutation(height * width)
    known = np.ones(height * width, bool)
    known[order[: round(unknown * height * width)]] = False
    return Hints(ab, known.reshape(height, width))


def patches(ab: np.ndarray, count: int, size: int = 6, seed: int = 0) -> Hints:
    """Reveal patches at random places.

    Each patch gives one colour, its mean, as a person's brush would. Patches may overlap; with the same seed a larger
    count keeps the earlier places.

    Parameters
    ----------
    ab : np.ndarray
        (H, W, 2), the true a* and b*.
    count : int
        How many patches, at least 0.
    size : int
        Side of a patch in pixels, from 1 to the photo's shorter side.
    seed : int
        Of the random places.

    Returns
    -------
    Hints
        The pixels of the patches are known.

    Raises
    ------
    ValueError
        When `count` or `size` is out of range.

    References
    ----------
    Zhang et al. 2017, section 3.1: they reveal the average colour of a patch.
    """
    height, width = ab.shape[:2]
    if not 0 <= count < np.inf or not 1 <= size <= min(height, width):
        raise ValueError(f"need count >= 0 and 1 <= size <= {min(height, width)}, got {count} and {size}")
    given, known = np.zeros(ab.shape, np.float32), np.zeros((height, width), bool)
    places = np.random.default_rng(seed).random((count, 2)) * (height - size + 1, width - size + 1)
    for top, left in places.astype(int):
        patch = np.s_[top : top + size, left : left + size]
        given[patch] = ab[patch].mean(axis=(0, 1))
        known[patch] = True
    return Hints(given, known)


@dataclass(frozen=True)
class Stroke:
    """One stroke of a brush.

    Attributes
    ----------
    ab : tuple of float
        Its colour, (a*, b*).
    radius : float
        Of the brush, in pixels.
    points : tuple of tuple of float
        The points (x, y) that it was drawn through, in pixels.
    """

    ab: tuple[float, float]
    radius: float
    points: tuple[tuple[float, float], ...]


def strokes(shape: tuple[int, int], drawn) -> Hints:
    """The hints that strokes of a brush give on a photo; the last stroke lies on top.

    A pixel is covered when its centre is at most the stroke's radius (0.75 when that is less) from the line through the
    points. What lies beyond the photo's edge is cut off.

    Parameters
    ----------
    shape : tuple of int
        The photo's height and width in pixels.
    drawn : iterable of Stroke
        In the order in which they were drawn.

    Returns
    -------
    Hints
        The covered pixels are known.
    """
    ab, known = np.zeros((*shape, 2), np.float32), np.zeros(shape, bool)
    for stroke in drawn:
        radius = max(float(stroke.radius), 0.75)  # at least one pixel, wherever the brush stands
        points = np.asarray(stroke.points, float).reshape(-1, 2)
        for (x0, y0), (x1, y1) in zip(points, points[1:] if len(points) > 1 else points):
            top, bottom = (int(np.clip(edge, 0, shape[0])) for edge in (min(y0, y1) - radius, max(y0, y1) + radius + 1))
            left, right = (int(np.clip(edge, 0, shape[1])) for edge in (min(x0, x1) - radius, max(x0, x1) + radius + 1))
            y, x = np.mgrid[top:bottom, left:right] + 0.5
            length = (x1 - x0) ** 2 + (y1 - y0) ** 2
            along = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length, 0, 1) if length else 0.0
            covered = np.hypot(x - x0 - along * (x1 - x0), y - y0 - along * (y1 - y0)) <= radius
            area = np.s_[top:bottom, left:right]
            ab[area][covered], known[area][covered] = stroke.ab, True
    return Hints(ab, known)


def on_top(hints: Hints, below: Hints) -> Hints:
    """Lay hints over other hints of the same photo.

    Parameters
    ----------
    hints : Hints
        Their colours count where both know one.
    below : Hints
        Of the same height and width.

    Returns
    -------
    Hints
        Both sets.
    """
    ab = np.where(hints.known[..., None], hints.ab, below.ab)
    return Hints(ab, hints.known | below.known)


def keep_known(ab: np.ndarray, hints: Hints) -> np.ndarray:
    """Set the known pixels to their hints.

    Parameters
    ----------
    ab : np.ndarray
        (H, W, 2), a* and b*.
    hints : Hints
        The known colours of the same photo.

    Returns
    -------
    np.ndarray
        (H, W, 2) float32.
    """
    return np.where(hints.known[..., None], hints.ab, ab).astype(np.float32)


def filled(colour: tuple[float, float], hints: Hints) -> np.ndarray:
    """Fill every unknown pixel with one colour; the known ones are kept.

    Parameters
    ----------
    colour : tuple of float
        (a*, b*).
    hints : Hints
        The known colours of a photo (H, W).

    Returns
    -------
    np.ndarray
        (H, W, 2) float32.
    """
    return keep_known(np.broadcast_to(np.float32(colour), hints.ab.shape), hints)


def nearest_known(hints: Hints) -> np.ndarray:
    """The colour of the nearest known pixel, everywhere.

    Parameters
    ----------
    hints : Hints
        The known colours of a photo (H, W).

    Returns
    -------
    np.ndarray
        (H, W, 2) float32; zeros if none is known.
    """
    if not hints.known.any():
        return np.zeros_like(hints.ab)
    rows, columns = distance_transform_edt(~hints.known, return_distances=False, return_indices=True)
    return hints.ab[rows, columns]


@dataclass(frozen=True, eq=False)
class Colorization:
    """What a method answers.

    Attributes
    ----------
    ab : np.ndarray
        (H, W, 2) float32, CIELAB a* and b* of every pixel, known ones as the hints have them.
    converged : bool
        False when a solver stopped before its tolerance: `ab` then is its last guess.
    residual : float or None
        The solver's relative residual, the largest of several; None where nothing was solved.
    note : str
        One sentence for a person, in which the method is not named; "" when all is well.
    """

    ab: np.ndarray
    converged: bool = True
    residual: float | None = None
    note: str = ""


class Colorizer(Protocol):
    """A method, by its name. One that `registry.load` has made also says by `origin` where its model came from.

    Attributes
    ----------
    name : str
        What tables and figures call it.
    """

    name: str

    def colorize(self, lightness: np.ndarray, hints: Hints) -> Colorization:
        """Colorize a photo.

        Parameters
        ----------
        lightness : np.ndarray
            (H, W) float32, CIELAB L* in [0, 100].
        hints : Hints
            The known colours of the same photo.

        Returns
        -------
        Colorization
            Colours of the same height and width; the known ones are kept.

        Raises
        ------
        ValueError
            When `lightness` is no L* of that photo, see `checked`.
        """
        ...


HINTS_UNUSED = "this method does not look at hints: the known pixels keep their colours, the others are as without any"
NEARLY_BLACK = "the lightness lies between 0 and 1, which is nearly black: L* goes from 0 to 100"


def check_lightness(lightness: np.ndarray) -> str:
    """Check that an array may be a lightness.

    Parameters
    ----------
    lightness : np.ndarray
        Of any shape, CIELAB L* in [0, 100].

    Returns
    -------
    str
        A sentence on a lightness that looks as if it were given in [0, 1], else "".

    Raises
    ------
    ValueError
        When it is empty, holds NaN or infinity, or leaves [0, 100] by more than smooth resizing does, 20.
    """
    lightness = np.asarray(lightness)
    if not lightness.size:
        raise ValueError("the photo has no pixels")
    low, high = float(lightness.min()), float(lightness.max())
    if not np.isfinite([low, high]).all():
        raise ValueError("the lightness holds NaN or infinity")
    if low < -20 or high > 120:  # a photo that was resized smoothly overshoots its range at sharp edges
        raise ValueError(
            f"the lightness goes from {low:.4g} to {high:.4g}, and L* from 0 to 100: colour.lab.rgb_to_lab makes it "
            "of the bytes of a photo"
        )
    return NEARLY_BLACK if 0 < high <= 1 else ""


def checked(lightness: np.ndarray, hints: Hints) -> str:
    """Check what a colorizer is given.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), CIELAB L* in [0, 100].
    hints : Hints
        The known colours of the same photo.

    Returns
    -------
    str
        What `check_lightness` says.

    Raises
    ------
    ValueError
        For a lightness of another shape than the hints, and as `check_lightness` does.
    """
    if np.shape(lightness) != hints.known.shape:
        raise ValueError(f"lightness {np.shape(lightness)} and hints {hints.known.shape} must be of one size, (H, W)")
    return check_lightness(lightness)


def unused(lightness: np.ndarray, hints: Hints) -> str:
    """Check what a colorizer that does not look at hints is given, as `checked` does.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), CIELAB L* in [0, 100].
    hints : Hints
        The known colours of the same photo.

    Returns
    -------
    str
        The sentence of `checked`, and one that hints are not looked at when there are some; "" for neither.

    Raises
    ------
    ValueError
        As `checked` does.
    """
    return "; ".join(note for note in (checked(lightness, hints), HINTS_UNUSED if hints.known.any() else "") if note)


@dataclass(frozen=True)
class Constant:
    """One colour for every unknown pixel: grey, or the training photos' mean colour.

    Attributes
    ----------
    name : str
        The method's name.
    ab : tuple of float
        The colour (a*, b*); (0, 0) is grey.
    origin : str
        Where the mean colour came from, see `registry.load`; "" where it is not known or there is none.
    """

    name: str
    ab: tuple[float, float] = (0.0, 0.0)
    origin: str = ""

    def colorize(self, lightness, hints):
        return Colorization(filled(self.ab, hints), note=unused(lightness, hints))


@dataclass(frozen=True)
class Nearest:
    """The colour of the nearest known pixel.

    Attributes
    ----------
    name : str
        The method's name.
    prior : tuple of float
        The colour (a*, b*) of all pixels where nothing is known.
    origin : str
        Where `prior` came from, see `registry.load`; "" where it is not known.
    """

    name: str = "nearest"
    prior: tuple[float, float] = (0.0, 0.0)
    origin: str = ""

    def colorize(self, lightness, hints):
        note = checked(lightness, hints)
        return Colorization(nearest_known(hints) if hints.known.any() else filled(self.prior, hints), note=note)


def resized(planes: np.ndarray, size: tuple[int, int], how: Image.Resampling) -> np.ndarray:
    """Give planes another size.

    Parameters
    ----------
    planes : np.ndarray
        (H, W) or (H, W, n).
    size : tuple of int
        (width, height) in pixels, as Pillow has it.
    how : PIL.Image.Resampling
        The filter.

    Returns
    -------
    np.ndarray
        (height, width) or (height, width, n) float32.
    """
    planes = np.asarray(planes, np.float32)
    if planes.ndim == 3:
        return np.dstack([resized(planes[..., i], size, how) for i in range(planes.shape[2])])
    return np.array(Image.fromarray(planes).resize(size, how))


def shrunk(planes: np.ndarray, side: int, how: Image.Resampling = Image.Resampling.BOX) -> np.ndarray:
    """Make planes smaller, when their shorter side has more than `side` pixels.

    Parameters
    ----------
    planes : np.ndarray
        (H, W) or (H, W, n).
    side : int
        The pixels of the shorter side afterwards.
    how : PIL.Image.Resampling
        The filter; by default each pixel is the mean of those it covers.

    Returns
    -------
    np.ndarray
        (h, w) or (h, w, n) float32; of the same size when the planes are small enough.
    """
    height, width = planes.shape[:2]
    shrink = min(1, side / min(height, width))
    return resized(planes, (max(1, round(width * shrink)), max(1, round(height * shrink))), how)


def shrunk_lightness(lightness: np.ndarray, side: int) -> np.ndarray:
    """Make a lightness smaller by `shrunk` with Lanczos' filter, as photos are when they are opened small.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), CIELAB L* in [0, 100].
    side : int
        The pixels of the shorter side afterwards.

    Returns
    -------
    np.ndarray
        (h, w) float32 within [0, 100], which that filter overshoots.
    """
    return shrunk(lightness, side, Image.Resampling.LANCZOS).clip(0, 100)


def shrunk_hints(hints: Hints, side: int) -> Hints:
    """The hints of a photo that is made smaller by `shrunk`.

    Parameters
    ----------
    hints : Hints
        The known colours of the large photo.
    side : int
        The pixels of the shorter side afterwards.

    Returns
    -------
    Hints
        A pixel is known when one of the pixels that it covers is, with the mean of their colours.
    """
    share = shrunk(hints.known, side)
    ab = shrunk(np.where(hints.known[..., None], hints.ab, 0), side)
    return Hints(ab / np.where(share > 0, share, 1)[..., None], share > 0)
