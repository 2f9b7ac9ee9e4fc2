"""Tints: colour that follows from the lightness, as in sepia, a monitor's cast, a duotone; no colours of things.

`tone` tells grey, tinted and coloured photos apart: of real photos it calls less than 5 in 100 tinted, most of which
are; of the same photos toned sepia and saved as JPEG of quality 60 it finds more than 85 (a test counts them).
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from nbhelpers.colour.lab import rgb_to_lab

GREY, TINTED, COLOURED = "grey", "tinted", "coloured"
_GROUPS = 24  # of pixels of like lightness, equally many in each
_SIDE = 48  # pixels of the copy that `tone` looks at: the noise of film and JPEG is averaged
_FAINT, _BESIDE, _SHARE = 1.5, 2.7, 0.5  # CIELAB units, and a part of the chroma


def is_grey(rgb: np.ndarray) -> bool:
    """Whether the three channels of a photo are equal everywhere.

    Parameters
    ----------
    rgb : np.ndarray
        (H, W, 3).

    Returns
    -------
    bool
        True for a photo without colour; `tone` allows for noise.
    """
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def tint(lightness: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """The colour that most pixels of like lightness have.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), L* in [0, 100].
    ab : np.ndarray
        (H, W, 2), CIELAB a* and b*, or differences of them.

    Returns
    -------
    np.ndarray
        (H, W, 2): the median of a* and b* in groups of like lightness, linear in between.
    """
    levels, values = lightness.ravel(), ab.reshape(-1, 2)
    groups = np.array_split(np.argsort(levels, kind="stable"), min(_GROUPS, levels.size))
    middles, first = np.unique([np.median(levels[group]) for group in groups], return_index=True)
    medians = np.array([np.median(values[groups[i]], axis=0) for i in first])
    return np.stack([np.interp(lightness, middles, medians[:, channel]) for channel in (0, 1)], axis=-1)


def tone(rgb: np.ndarray) -> str:
    """Whether a photo has no colour, one tint for each lightness, or colours.

    Parameters
    ----------
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB.

    Returns
    -------
    str
        GREY where the root of the mean squared chroma is below 1.5 CIELAB units, TINTED where that of the distance from
        `tint` is below 2.7 and half of the first, else COLOURED; each in a copy of 48 x 48 pixels.
    """
    small = Image.fromarray(rgb).resize((_SIDE, _SIDE), Image.Resampling.BOX)
    lab = rgb_to_lab(np.array(small))
    lightness, ab = lab[..., 0], lab[..., 1:]
    beside = ab - tint(lightness, ab)
    strong, spread = (float(np.sqrt((part.astype(float) ** 2).sum(axis=-1).mean())) for part in (ab, beside))
    return GREY if strong < _FAINT else TINTED if spread < min(_BESIDE, _SHARE * strong) else COLOURED
