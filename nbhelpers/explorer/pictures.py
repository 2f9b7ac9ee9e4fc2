"""Pictures for the explorer's page: uint8 arrays, made without matplotlib's figures."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
from PIL import Image
from scipy.ndimage import binary_erosion

from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.colour.gamut import in_gamut
from nbhelpers.colour.lab import lab_to_rgb

LARGEST = 30.0  # CIELAB units at the bright end of an error map
REACH = 100  # a* and b* that a histogram shows, from -REACH to REACH
_MAP = matplotlib.colormaps["cividis"](np.arange(256), bytes=True)[:, :3]


def divided(left: np.ndarray, right: np.ndarray, percent: float) -> np.ndarray:
    """Put the left part of one picture beside the rest of another, with a white line in between.

    Parameters
    ----------
    left, right : np.ndarray
        uint8 (H, W, 3) each, of one size.
    percent : float
        How much of `left` is seen, 0 to 100.

    Returns
    -------
    np.ndarray
        uint8 (H, W, 3).
    """
    edge = round(left.shape[1] * percent / 100)
    both = np.concatenate([left[:, :edge], right[:, edge:]], axis=1)
    if 0 < percent < 100:
        both[:, max(edge - 1, 0) : edge + 1] = 255
    return both


def error_picture(ab: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Draw the distance of two colours in each pixel.

    Parameters
    ----------
    ab, truth : np.ndarray
        (H, W, 2), CIELAB a* and b*.

    Returns
    -------
    np.ndarray
        uint8 (H, W, 3): dark blue is 0, yellow `LARGEST` CIELAB units and more.
    """
    distance = np.hypot(*np.moveaxis(np.asarray(ab, np.float32) - truth, -1, 0))
    return _MAP[np.uint8(np.clip(distance / LARGEST, 0, 1) * 255)]


def error_legend(width: int = 200, height: int = 12) -> np.ndarray:
    """Draw the colours of `error_picture` from 0 to LARGEST, as a bar.

    Parameters
    ----------
    width, height : int
        Of the bar, in pixels.

    Returns
    -------
    np.ndarray
        uint8 (height, width, 3); 0 is on the left.
    """
    return np.broadcast_to(_MAP[np.linspace(0, 255, width).astype(int)], (height, width, 3)).copy()


def histogram_picture(ab: np.ndarray, side: int = 160) -> np.ndarray:
    """Draw which colours there are: a* to the right, b* upwards, both from -REACH to REACH.

    Each bin has its own colour; the more pixels it holds, the stronger it is, logarithmically. Crossing lines: grey.
    The line around: what sRGB shows at L* = 60.

    Parameters
    ----------
    ab : np.ndarray
        (H, W, 2), CIELAB a* and b*.
    side : int
        Of the picture, in pixels.

    Returns
    -------
    np.ndarray
        uint8 (side, side, 3).
    """
    lab = np.dstack([np.full(ab.shape[:2], 60, np.float32), ab])
    counts = ColourStatistics.of(lab).counts[128 - REACH : 128 + REACH, 128 - REACH : 128 + REACH]
    strength = np.log1p(counts) / np.log1p(max(counts.max(), 1))
    bins, inside = _bins()
    strength = np.where(counts > 0, 0.45 + 0.55 * strength, 0)[..., None]
    picture = 255 + strength * (bins - 255.0)
    rim = inside & ~binary_erosion(inside)
    picture[rim] = np.minimum(picture[rim], 190)
    picture[REACH], picture[:, REACH] = np.minimum(picture[REACH], 215), np.minimum(picture[:, REACH], 215)
    upright = np.uint8(picture.transpose(1, 0, 2)[::-1])  # a* to the right, b* upwards
    return np.array(Image.fromarray(upright).resize((side, side), Image.Resampling.BOX))


def _bins() -> tuple[np.ndarray, np.ndarray]:
    """The colour of each bin at L* = 60, uint8, and whether sRGB has it."""
    a, b = np.meshgrid(*[np.arange(-REACH, REACH, dtype=np.float32) + 0.5] * 2, indexing="ij")
    lab = np.dstack([np.full_like(a, 60), a, b])
    return lab_to_rgb(lab), in_gamut(lab)


def thumbnail(rgb: np.ndarray, side: int = 72) -> np.ndarray:
    """Shrink a photo.

    Parameters
    ----------
    rgb : np.ndarray
        uint8 (H, W, 3).
    side : int
        The photo fits within side x side pixels; a smaller one stays as it is.

    Returns
    -------
    np.ndarray
        uint8 (h, w, 3), in the photo's proportions.
    """
    image = Image.fromarray(rgb)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return np.array(image)


def encoded(rgb: np.ndarray) -> bytes:
    """Encode a picture as a PNG file, which a browser shows to the very bit; packed quickly rather than well.

    Parameters
    ----------
    rgb : np.ndarray
        uint8 (H, W, 3).

    Returns
    -------
    bytes
        The file.
    """
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
