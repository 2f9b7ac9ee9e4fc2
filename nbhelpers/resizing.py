"""Planes of a photo made smaller and larger, and its hints with them; shorter sides count, proportions stay."""

from __future__ import annotations

import numpy as np
from PIL import Image

from nbhelpers.hints import Hints


def resized(planes: np.ndarray, size: tuple[int, int], how: Image.Resampling) -> np.ndarray:
    """Planes (H, W) or (H, W, n) at another size, which is (width, height) as Pillow has it; float32."""
    planes = np.asarray(planes, np.float32)
    if planes.ndim == 3:
        return np.dstack([resized(planes[..., i], size, how) for i in range(planes.shape[2])])
    return np.array(Image.fromarray(planes).resize(size, how))


def shrunk(planes: np.ndarray, side: int, how: Image.Resampling = Image.Resampling.BOX) -> np.ndarray:
    """Planes (H, W) or (H, W, n) with `side` pixels along the shorter side, when that has more; float32."""
    height, width = planes.shape[:2]
    shrink = min(1, side / min(height, width))
    return resized(planes, (max(1, round(width * shrink)), max(1, round(height * shrink))), how)


def shrunk_lightness(lightness: np.ndarray, side: int) -> np.ndarray:
    """`shrunk` by Lanczos, as photos are when they are opened small, within [0, 100], which that filter overshoots."""
    return shrunk(lightness, side, Image.Resampling.LANCZOS).clip(0, 100)


def shrunk_hints(hints: Hints, side: int) -> Hints:
    """Hints of the `shrunk` photo: a pixel is known when one of its pixels is, with the mean of their colours."""
    share = shrunk(hints.known, side)
    ab = shrunk(np.where(hints.known[..., None], hints.ab, 0), side)
    return Hints(ab / np.where(share > 0, share, 1)[..., None], share > 0)
