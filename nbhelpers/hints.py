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


def keep_known(ab: np.ndarray, hints: Hints) -> np.ndarray:
    """Return ab (H, W, 2) float32 with the known pixels set to their hints."""
    return np.where(hints.known[..., None], hints.ab, ab).astype(np.float32)
