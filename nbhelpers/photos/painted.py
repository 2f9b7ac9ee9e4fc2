"""Hints from a picture: a copy of a photo on which somebody painted, or a layer with strokes alone."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold

from nbhelpers.colour.lab import in_bands, rgb_to_lab
from nbhelpers.colour.tint import tint
from nbhelpers.errors import UserError
from nbhelpers.hints import Hints
from nbhelpers.photos.decoding import read_layer

WAYS = ("difference", "chroma", "alpha")
MOST = 1 / 3  # of the pixels; more are hardly strokes
# Differences are distances in a*, b*, in CIELAB units, sizes are in pixels.
_EDGE, _CLEAR = 8, 12  # a stroke's pixels differ by the first, one of them by the second
_NOISY = 4, 10  # or so many times the median difference, which is the noise of lossy formats
_EXACT, _NOISIEST = 0.2, 3  # median difference up to which there is no noise, and the most; JPEG of quality 60 has 1.6
_EVERYWHERE, _STRONGEST = 1, 40  # median from which there may be a tint, and the strongest one; sepia's has 30
_RIM, _BRUSH = 0.75, 7  # less than this share of what is so near is a brush's soft rim, of mixed colours
_WEAK, _BLOCK = 0.5, 33  # less than this share of what is so near, in a small piece, is a block of JPEG that rings
_SMALL = 40
_TOUCHING = np.ones((3, 3))  # at corners, too


@dataclass(frozen=True, eq=False)
class PaintedHints:
    """Hints, and how they were found.

    Attributes
    ----------
    hints : Hints
        The colours, of the photo's height and width.
    way : str
        One of WAYS.
    strokes : int
        Connected pieces of known pixels.
    tint : float
        The largest tint, in CIELAB units, that was taken off all over before the comparison; 0 for none.
    """

    hints: Hints
    way: str
    strokes: int
    tint: float = 0.0

    def __str__(self):
        known = int(self.hints.known.sum())
        how = {"difference": "where it differs from the photo", "chroma": "its coloured pixels"}
        what = how.get(self.way, "its opaque pixels")
        cast = f", beside a tint of {self.tint:.0f} units that it has all over" if self.tint else ""
        strokes = f"{self.strokes:,} stroke{'' if self.strokes == 1 else 's'}"
        return f"{known:,} of {self.hints.known.size:,} pixels known, in {strokes}: {what}{cast}"


def read_hints(path, photo, rgb: np.ndarray, way: str | None = None) -> PaintedHints:
    """Read the hints that a picture gives for a photo.

    Parameters
    ----------
    path : str or os.PathLike
        The picture: of the photo's size, or of its shape in another size.
    photo : str or os.PathLike
        Names the photo in errors.
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB: the photo.
    way : str, optional
        Which pixels are known. "difference": those whose a*, b* differ clearly from the photo's, beside a tint that
        depends on lightness alone; a brush's rim is left out. "chroma": those that are not grey. "alpha": those with
        alpha >= 128. None takes alpha where the picture is transparent anywhere, else the difference, and refuses more
        than a third of the pixels.

    Returns
    -------
    PaintedHints
        The hints.

    Raises
    ------
    UserError
        For a picture of another shape or that cannot be read, when nothing is known, when `way` does not fit it, and
        for more than a third of the pixels.
    """
    layer, alpha = read_layer(path)
    if alpha is not None and alpha.min() >= 128:  # many programs write an alpha though all is opaque
        alpha = None
    if way == "alpha" and alpha is None:
        raise UserError(f"{path} is opaque all over, so that alpha tells nothing: leave --hints-from out")
    _check_shapes(path, layer, photo, rgb)
    cast, found = 0.0, way or ("difference" if alpha is None else "alpha")
    if found == "difference":
        known, colours, cast = _differences(layer, rgb)
    else:
        known = (layer != layer[..., :1]).any(axis=-1) if found == "chroma" else alpha >= 128
        colours = in_bands(rgb_to_lab, layer)[..., 1:]
    known, colours = _fitted(known, rgb.shape), _fitted(colours, rgb.shape)
    if not known.any():
        raise UserError(f"{path} gives no hint for {photo}, since {_NOTHING[found]}")
    if way is None and known.mean() > MOST:
        share = f"{known.mean():.0%} of {path} would be hints for {photo}, which is more than strokes"
        raise UserError(f"{share}: --hints-from {found} takes them all the same, {_OTHERWISE[found]}")
    strokes = int(ndimage.label(known, _TOUCHING)[1])
    return PaintedHints(Hints(np.ascontiguousarray(colours, np.float32), known), found, strokes, cast)


_NOTHING = {
    "difference": "its colours are those of the photo: paint on it, or see --hints-from",
    "chroma": "all of it is grey: coloured pixels are hints",
    "alpha": "all of it is transparent: pixels with alpha >= 128 are hints",
}
_OTHERWISE = {
    "difference": "--hints-from chroma those that are not grey; strokes alone belong on a copy of this very photo",
    "alpha": "--hints-from difference those that differ from the photo",
}


def _check_shapes(path: str | os.PathLike, layer: np.ndarray, photo, rgb: np.ndarray) -> None:
    height, width = rgb.shape[:2]
    tall, wide = layer.shape[:2]
    scale = np.sqrt(tall * wide / (height * width))
    if abs(height * scale - tall) > 1 or abs(width * scale - wide) > 1:  # what rounding of a size may do
        sizes = f"{path} is {wide} x {tall} pixels, {photo} is {width} x {height}"
        raise UserError(f"{sizes}: save the hints in the photo's shape, best at its size")


def _differences(layer: np.ndarray, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Known pixels, their a*, b*, and the largest tint that was taken off; at the smaller of both sizes."""
    size = min((layer.shape[1::-1], rgb.shape[1::-1]))
    painted, plain = (in_bands(rgb_to_lab, _resized(part, size)) for part in (layer, rgb))
    apart = painted[..., 1:] - plain[..., 1:]
    distance, cast = np.hypot(apart[..., 0], apart[..., 1]), 0.0
    if np.median(distance) > _EVERYWHERE:
        common = tint(plain[..., 0], apart)
        strongest = float(np.hypot(common[..., 0], common[..., 1]).max())
        if strongest <= _STRONGEST:
            distance, cast = np.hypot(*np.moveaxis(apart - common, -1, 0)), strongest
    noise = min(float(np.median(distance)), _NOISIEST)
    edge, clear = (max(units, times * noise) for units, times in zip((_EDGE, _CLEAR), _NOISY))
    core = distance >= _RIM * ndimage.maximum_filter(distance, _BRUSH)
    known = apply_hysteresis_threshold(np.where(core, distance, 0), edge, clear)
    return known & ~_specks(known, distance, noise > _EXACT), painted[..., 1:], cast


def _specks(known: np.ndarray, distance: np.ndarray, noisy: bool) -> np.ndarray:
    """Small pieces that are no strokes."""
    pieces, number = ndimage.label(known, _TOUCHING)
    small = np.bincount(pieces.ravel()) < _SMALL
    if not noisy:
        inside = np.arange(number + 1)
        nearby = ndimage.maximum_filter(np.where(known, distance, 0), _BLOCK)
        small &= ndimage.maximum(distance, pieces, inside) < _WEAK * ndimage.maximum(nearby, pieces, inside)
    return known & small[pieces]


def _resized(rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if rgb.shape[1::-1] == tuple(size):
        return rgb
    return np.array(Image.fromarray(rgb).resize(size, Image.Resampling.BOX))


def _fitted(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """An array in the height and width of `shape`, each value from the nearest place."""
    if array.shape[:2] == tuple(shape[:2]):
        return array
    rows, columns = ((np.arange(new) + 0.5) * old / new for new, old in zip(shape[:2], array.shape[:2]))
    return array[rows.astype(int)[:, None], columns.astype(int)]
