"""Hints from a picture: a copy of a photo on which somebody painted, or a layer with strokes alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold

from nbhelpers.colour.lab import in_bands, rgb_to_lab
from nbhelpers.colour.tint import tint
from nbhelpers.errors import UserError
from nbhelpers.hints import Hints, resized
from nbhelpers.photos.decoding import read_layer

WAYS = ("difference", "chroma", "alpha")
MOST = 1 / 3  # of the pixels; more are hardly strokes
# Differences are distances in a*, b*, in CIELAB units, sizes are in pixels.
_SEEN = 2  # a difference in colour, which the eye sees, in a copy that was saved without loss
_LIGHTER = 5  # a difference in lightness there
# Such a copy has some pixels (2 %) that are the photo's, and far from what changed in colour few (30 %) blocks that are
# not flat and where anything changed, as where somebody painted in grey; a lossy format changes next to all of them.
# A cast leaves pixels as they were, too, black ones: there a tint by lightness has no colour.
_SAME, _FAR, _FEW, _SQUARE, _FLAT = 0.02, 67, 0.3, 8, 4
_EDGE, _CLEAR = 8, 12  # in all others a stroke's pixels differ by the first, one of them by the second
_NOISY = 4, 10  # or so many times the median difference, which is the noise of lossy formats
_EXACT, _NOISIEST = 0.2, 3  # median difference up to which there is no noise, and the most; JPEG of quality 60 has 1.6
_EVERYWHERE, _STRONGEST = 1, 40  # median from which there may be a tint, and the strongest one; sepia's has 30
_RIM, _BRUSH = 0.75, 7  # less than this share of what is so near is a rim, where paint and photo mix
_SLOPE = 0.8, 17  # a soft brush's rim slopes up to its middle: less than this share of what is so near, in pixels
_SAME_HUE = 0.94  # cosine between two hues, from here
_ROUNDING = 1.5  # what 8 bits do to a pale colour
_WEAK, _BLOCK = 0.5, 33  # less than this share of what is so near is such a rim, or a block of JPEG that rings
_SMALL = 40  # pixels of a piece that may be no stroke
_LIKE = 0.88  # correlation of lightness below which it is another picture; JPEG of quality 30 has 0.9, cropping 0.84
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
        Pieces of known pixels that lie at least five pixels apart.
    tint : float
        The largest tint, in CIELAB units, that was taken off all over before the comparison; 0 for none.
    exact : bool
        Whether nothing else was changed, as far as that can be seen; a lossy format changes nearly all.
    grey : int
        Pixels of such a copy that became lighter or darker alone.
    """

    hints: Hints
    way: str
    strokes: int
    tint: float = 0.0
    exact: bool = True
    grey: int = 0

    def __str__(self):
        known = int(self.hints.known.sum())
        how = {"difference": "where it differs from the photo", "chroma": "its coloured pixels"}
        what = how.get(self.way, "its opaque pixels")
        strokes = f"{self.strokes:,} stroke{'' if self.strokes == 1 else 's'}"
        said = f"{known:,} of {self.hints.known.size:,} pixels known, in {strokes}: {what}"
        said += ", but for a cast that it has all over" if self.tint else ""
        lossy = "; the copy was changed elsewhere, too, as by JPEG: pale and thin strokes may be missing, PNG keeps all"
        said += "" if self.exact else lossy
        return said + (f"; {self.grey:,} grey pixels count on a transparent layer alone" if self.grey else "")


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
        depends on lightness alone. "chroma": those that are not grey. "alpha": those with alpha >= 128. None takes
        alpha where a third of the picture at most is opaque, else the difference, and refuses what is hardly a painted
        copy: more than a third of the pixels, or one that shows something else.

        The difference is 2 CIELAB units in a copy that was saved without loss, in others 8 to 12. Rims, where paint and
        photo mix, do not count.

    Returns
    -------
    PaintedHints
        The hints.

    Raises
    ------
    UserError
        For a picture of another shape or that cannot be read, when nothing is known, when `way` does not fit it, and
        with None for what is hardly a painted copy.
    """
    layer, alpha = read_layer(path)
    if alpha is not None and alpha.min() >= 128:  # many programs write an alpha though all is opaque
        alpha = None
    if way == "alpha" and alpha is None:
        raise UserError(f"{path} is opaque all over, so that alpha tells nothing: leave --hints-from out")
    _check_shapes(path, layer, photo, rgb)
    opaque = np.ones(layer.shape[:2], bool) if alpha is None else alpha >= 128
    used = way or ("alpha" if alpha is not None and opaque.mean() <= MOST else "difference")
    if used == "difference":
        found = _differences(layer, rgb)
        found = found._replace(known=found.known & _fitted(opaque, found.known.shape))
    else:
        known = (layer != layer[..., :1]).any(axis=-1) if used == "chroma" else opaque
        found = _Found(known, in_bands(rgb_to_lab, layer)[..., 1:])
    known, colours = _fitted(found.known, rgb.shape), _fitted(found.colours, rgb.shape)
    if not opaque.any():
        raise UserError(
            f"{path} gives no hint for {photo}: no pixel is half opaque; paint, or raise the layer's opacity"
        )
    if not known.any():
        raise UserError(f"{path} gives no hint for {photo}, since {_NOTHING[used]}")
    strokes = int(ndimage.label(ndimage.binary_dilation(known, _TOUCHING, iterations=2), _TOUCHING)[1])
    doubt = found.doubt
    if known.mean() > MOST:
        doubt = f"{known.mean():.0%} of it would be hints, which is more than strokes"
    if way is None and doubt:
        raise UserError(f"{path} is hardly {photo} with some strokes on it: {doubt}; {_OTHERWISE}")
    hints = Hints(np.ascontiguousarray(colours, np.float32), known)
    return PaintedHints(hints, used, strokes, found.cast, found.exact, found.grey)


_NOTHING = {
    "difference": "no colour of it clearly differs from the photo's: paint on it in colours (grey strokes count on a "
    "transparent layer), save it as PNG, or see --hints-from",
    "chroma": "all of it is grey: coloured pixels are hints",
}
_OTHERWISE = (
    "paint on a copy of that very file, or on a transparent layer over it, and save that as PNG; or say --hints-from "
    "difference, chroma or alpha, to take all pixels that differ, are coloured, or are opaque"
)


class _Found(NamedTuple):
    known: np.ndarray  # (h, w) bool
    colours: np.ndarray  # (h, w, 2), a* and b*
    cast: float = 0.0  # the largest tint that was taken off
    doubt: str = ""  # why this is hardly a painted copy
    exact: bool = True  # nothing else was changed
    grey: int = 0  # pixels that became lighter or darker alone


def _check_shapes(path: str | os.PathLike, layer: np.ndarray, photo, rgb: np.ndarray) -> None:
    height, width = rgb.shape[:2]
    tall, wide = layer.shape[:2]
    scale = np.sqrt(tall * wide / (height * width))
    if abs(height * scale - tall) > 1 or abs(width * scale - wide) > 1:  # what rounding of a size may do
        sizes = f"{path} is {wide} x {tall} pixels, {photo} is {width} x {height}"
        raise UserError(f"{sizes}: save the hints in the photo's shape, best at its size")


def _differences(layer: np.ndarray, rgb: np.ndarray) -> _Found:
    """Where a copy differs from a photo in colour, at the smaller of both sizes."""
    size = min((layer.shape[1::-1], rgb.shape[1::-1]))
    painted, plain = (in_bands(rgb_to_lab, _resized(part, size)) for part in (layer, rgb))
    apart, lighter, cast = painted[..., 1:] - plain[..., 1:], np.abs(painted[..., 0] - plain[..., 0]), 0.0
    distance = np.hypot(apart[..., 0], apart[..., 1])
    common = tint(plain[..., 0], apart) if np.median(distance) > _EVERYWHERE else np.zeros_like(apart)
    strength = np.hypot(common[..., 0], common[..., 1])
    if layer.shape == rgb.shape and _is_exact(layer, rgb, distance, strength):
        known = distance >= _SEEN
        known &= ~_rims(known, apart)
        grey = (lighter >= _LIGHTER) & ~ndimage.binary_dilation(distance >= _SEEN, iterations=_BRUSH)
        return _Found(known, painted[..., 1:], grey=int((grey & ~_specks(grey, lighter, True)).sum()))
    if 0 < strength.max() <= _STRONGEST:
        distance, cast = np.hypot(*np.moveaxis(apart - common, -1, 0)), float(strength.max())
    noise = float(np.median(distance))
    edge, clear = (max(units, times * min(noise, _NOISIEST)) for units, times in zip((_EDGE, _CLEAR), _NOISY))
    core = distance >= _RIM * ndimage.maximum_filter(distance, _BRUSH)
    known = apply_hysteresis_threshold(np.where(core, distance, 0), edge, clear)
    known &= ~_specks(known, distance, noise > _EXACT)
    doubt = "its colours differ all over, by more than a cast or a lossy format" if noise > _NOISIEST else ""
    levels = [part[..., 0][~known] for part in (painted, plain)]
    if known.mean() < 1 and min(map(np.ptp, levels)) > 1 and np.corrcoef(*levels)[0, 1] < _LIKE:
        doubt = "light and dark lie elsewhere, as if it were turned, mirrored or cropped, or strokes on a plain sheet"
    return _Found(known, painted[..., 1:], cast, doubt, exact=False)


def _is_exact(layer: np.ndarray, rgb: np.ndarray, distance: np.ndarray, tints: np.ndarray) -> bool:
    """Whether a copy was saved without loss: what was not painted is the same."""
    same, level = (layer == rgb).all(axis=-1), rgb.max(axis=-1)
    if same.mean() < _SAME:
        return False
    swing = ndimage.maximum_filter(level, _SQUARE) - ndimage.minimum_filter(level, _SQUARE)
    busy = (ndimage.maximum_filter(distance, _FAR) < _SEEN) & (swing > _FLAT)
    if busy.any() and ndimage.maximum_filter(~same, _SQUARE)[busy].mean() >= _FEW:
        return False
    return same.mean() > 0.5 or float(np.median(tints[same])) >= _SEEN


def _rims(known: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """Where paint and photo mix: weaker than a stronger pixel of the same hue and stroke, which it slopes up to.

    These pixels stand all round a stroke, so that their pale colours and not the stroke's would be spread.
    """
    distance, pieces = np.hypot(apart[..., 0], apart[..., 1]), ndimage.label(known, _TOUCHING)[0]
    order = np.argsort(distance, axis=None, kind="stable")
    rank = np.empty(order.size, np.int32)
    rank[order] = np.arange(order.size, dtype=np.int32)
    rank = rank.reshape(distance.shape)

    def weaker(share: float, within: int, rounding: float = 0.0) -> np.ndarray:
        strongest = order[ndimage.maximum_filter(rank, within)]
        there = apart.reshape(-1, 2)[strongest]
        alike = (apart * there).sum(axis=-1) >= _SAME_HUE * distance * distance.ravel()[strongest]
        return (
            alike & (pieces == pieces.ravel()[strongest]) & (distance + rounding < share * distance.ravel()[strongest])
        )

    return known & (weaker(_RIM, _BRUSH, _ROUNDING) | weaker(_WEAK, _BLOCK) & weaker(*_SLOPE))


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


def _fitted(planes: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Planes in the height and width of `shape`, each value from the nearest place."""
    if planes.shape[:2] == tuple(shape[:2]):
        return planes
    return resized(planes, shape[1::-1], Image.Resampling.NEAREST).astype(planes.dtype)
