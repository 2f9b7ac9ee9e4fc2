"""Hints: the colours that are given, and ways to choose them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Hints:
    """The known colours of one photo.

    ab: (H, W, 2) float32, CIELAB a* and b*; ignored where not known.
    known: (H, W) bool, True where the colour is given.
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

    @classmethod
    def none(cls, shape: tuple[int, int]) -> Hints:
        """No colour is known: the photo of height and width `shape` is to be colorized from nothing."""
        return cls(np.zeros((*shape, 2), np.float32), np.zeros(shape, bool))


def hide_pixels(ab: np.ndarray, unknown: float, seed: int = 0) -> Hints:
    """Hide a share `unknown` in [0, 1] of single pixels, chosen evenly at random, of ab (H, W, 2).

    The number of hidden pixels is exactly round(unknown * H * W), and a pixel hidden at a smaller share
    stays hidden at a larger one (same seed): raising the share only takes colours away.
    """
    if not 0 <= unknown <= 1:
        raise ValueError(f"unknown is a share in [0, 1], got {unknown}: 80 % is 0.8")
    height, width = ab.shape[:2]
    order = np.random.default_rng(seed).permutation(height * width)
    known = np.ones(height * width, bool)
    known[order[: round(unknown * height * width)]] = False
    return Hints(ab, known.reshape(height, width))


def patches(ab: np.ndarray, count: int, size: int = 6, seed: int = 0) -> Hints:
    """Reveal `count` patches of `size` x `size` pixels at random places of ab (H, W, 2).

    Each patch gives one colour, its mean, as a person's brush would (Zhang et al. 2017, section 3.1, reveal
    the average colour of a patch). Patches may overlap; with the same seed a larger count keeps the earlier places.
    """
    height, width = ab.shape[:2]
    if count < 0 or not 1 <= size <= min(height, width):
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
    """One stroke of a brush: colour (a*, b*), radius in pixels, and the points (x, y) that it was drawn through."""

    ab: tuple[float, float]
    radius: float
    points: tuple[tuple[float, float], ...]


def strokes(shape: tuple[int, int], drawn) -> Hints:
    """The hints that `Stroke`s give on a photo of that height and width; the last stroke lies on top.

    A pixel is covered when its centre is at most `radius` from the line through the points. What lies beyond the
    photo's edge is cut off.
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
    """Both sets of hints of one photo; where both know a colour, that of `hints` counts."""
    ab = np.where(hints.known[..., None], hints.ab, below.ab)
    return Hints(ab, hints.known | below.known)


def keep_known(ab: np.ndarray, hints: Hints) -> np.ndarray:
    """Return ab (H, W, 2) float32 with the known pixels set to their hints."""
    return np.where(hints.known[..., None], hints.ab, ab).astype(np.float32)
