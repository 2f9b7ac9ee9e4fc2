"""Which colours sRGB can show, and the nearest ones of those that it cannot."""

from __future__ import annotations

import numpy as np

from nbhelpers.colour.lab import lab_to_linear


def in_gamut(lab: np.ndarray, tolerance: float = 1e-4) -> np.ndarray:
    """Say for each colour whether sRGB can show it.

    Parameters
    ----------
    lab : np.ndarray
        (..., 3), CIELAB.
    tolerance : float
        How far linear red, green and blue may leave [0, 1].

    Returns
    -------
    np.ndarray
        (...) bool.
    """
    linear = lab_to_linear(lab)
    return np.all((linear >= -tolerance) & (linear <= 1 + tolerance), axis=-1)


def into_gamut(lab: np.ndarray) -> np.ndarray:
    """Reduce the chroma of colours that sRGB cannot show until it can; lightness and hue stay.

    `lab_to_rgb` alone would clip red, green and blue, and so change the lightness.

    Parameters
    ----------
    lab : np.ndarray
        (..., 3), CIELAB; L* must lie in [0, 100].

    Returns
    -------
    np.ndarray
        (..., 3) float32, CIELAB; colours that sRGB can show are as they were.
    """
    lab = np.array(lab, np.float32)
    outside = ~in_gamut(lab)
    wrong, low = lab[outside], np.zeros(int(outside.sum()), np.float32)
    high = np.ones_like(low)
    for _ in range(12):  # bisect the share of the chroma that is kept: to 1/4096 of it
        middle = (low + high) / 2
        good = in_gamut(np.concatenate([wrong[:, :1], wrong[:, 1:] * middle[:, None]], axis=1))
        low, high = np.where(good, middle, low), np.where(good, high, middle)
    lab[outside, 1:] = wrong[:, 1:] * low[:, None]
    return lab


def gamut_slice(lightness: float, points: int = 257) -> tuple[np.ndarray, np.ndarray]:
    """All colours a*, b* in [-128, 128] at one lightness, and whether sRGB can show them.

    Parameters
    ----------
    lightness : float
        L* in [0, 100].
    points : int
        The number of values of each of a* and b*; the default has them 1 apart.

    Returns
    -------
    lab : np.ndarray
        (points, points, 3) float32, CIELAB; rows run from b* = -128 up, columns from a* = -128.
    inside : np.ndarray
        (points, points) bool, True where sRGB can show the colour.
    """
    a, b = np.meshgrid(*[np.linspace(-128, 128, points, dtype=np.float32)] * 2)
    lab = np.dstack([np.full_like(a, lightness), a, b])
    return lab, in_gamut(lab)


def palette(lightness: float, hues: int = 12, shares=(0.45, 0.85)) -> np.ndarray:
    """Colours to paint with at one lightness, all within sRGB.

    For each hue, starting at red (20 degrees), the `shares` of the largest chroma that sRGB shows at that L*.

    Parameters
    ----------
    lightness : float
        L* in [0, 100].
    hues : int
        The number of hues, evenly spaced in angle.
    shares : sequence of float
        Shares of the largest chroma, in [0, 1].

    Returns
    -------
    np.ndarray
        (1 + hues * len(shares), 2) float32, a* and b*: grey first, then all hues at each share.
    """
    angles = np.radians(20 + 360 / hues * np.arange(hues))
    rim = np.stack([np.full(hues, lightness), 140 * np.cos(angles), 140 * np.sin(angles)], axis=1)
    rim = into_gamut(rim)[:, 1:]
    return np.concatenate([np.zeros((1, 2), np.float32), *(np.float32(share) * rim for share in shares)])
