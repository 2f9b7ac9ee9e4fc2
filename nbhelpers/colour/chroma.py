"""What happens to a photo when its chroma is changed, and which colours a set of photos has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.colour.metrics import delta_e, psnr
from nbhelpers.colour.totals import total

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, which JPEG uses
BINS = 256  # of width 1, from -128, for each of a* and b*


def luma(rgb: np.ndarray) -> np.ndarray:
    """The grey value of a JPEG: uint8 sRGB (..., 3) -> float (...) in [0, 255] (ITU-R BT.601).

    A weighted mean of the stored, not the linear, values.
    """
    return np.asarray(rgb) @ np.array(LUMA)


def blur(planes: np.ndarray, sigma: float) -> np.ndarray:
    """Blur (H, W) or each plane of (H, W, C) with a Gaussian of `sigma` pixels; edges are mirrored."""
    return gaussian_filter(planes, sigma, axes=(0, 1)) if sigma else planes.copy()


def quantize(ab: np.ndarray, levels: int) -> np.ndarray:
    """Round a* and b* to `levels` evenly spaced values each over [-128, 128]; neutral stays neutral."""
    if levels < 1:
        raise ValueError(f"levels must be at least 1, got {levels}")
    step = np.float32(256 / levels)
    return np.round(ab / step) * step


def shuffle(planes: np.ndarray, seed: int = 0) -> np.ndarray:
    """Put the pixels of (H, W) or (H, W, C) in random order; each keeps its own values."""
    flat = planes.reshape(-1, *planes.shape[2:])
    return flat[np.random.default_rng(seed).permutation(len(flat))].reshape(planes.shape)


def visible_difference(lab: np.ndarray, rgb: np.ndarray) -> tuple[float, float]:
    """Compare lab (H, W, 3), as a screen shows it, with the photo rgb uint8: (mean CIEDE2000, PSNR in dB)."""
    shown = lab_to_rgb(lab)
    return delta_e(shown, rgb), psnr(shown, rgb)


def losses(photos, changes: dict, amounts) -> pd.DataFrame:
    """Measure changes on photos, a list of uint8 (H, W, 3), at several amounts.

    changes: name -> function (lab, amount) -> lab.  Returns one row per change and amount, averaged over the
    photos: change, amount, delta_e (CIEDE2000), psnr (dB; infinite when nothing changed).
    """
    labs, rows = [rgb_to_lab(rgb) for rgb in photos], []
    for name, change in changes.items():
        for amount in amounts:
            pairs = zip(labs, photos, strict=True)
            differences = [visible_difference(change(lab, amount), rgb) for lab, rgb in pairs]
            rows.append((name, amount, *np.mean(differences, axis=0)))
    return pd.DataFrame(rows, columns=["change", "amount", "delta_e", "psnr"])


def blur_chroma(lab: np.ndarray, sigma: float) -> np.ndarray:
    """Blur a* and b* of lab (H, W, 3); the lightness stays."""
    return np.dstack([lab[..., 0], blur(lab[..., 1:], sigma)])


def blur_lightness(lab: np.ndarray, sigma: float) -> np.ndarray:
    """Blur L* of lab (H, W, 3); the chroma stays."""
    return np.dstack([blur(lab[..., 0], sigma), lab[..., 1:]])


def quantize_chroma(lab: np.ndarray, levels: int) -> np.ndarray:
    """Quantize a* and b* of lab (H, W, 3); the lightness stays."""
    return np.dstack([lab[..., 0], quantize(lab[..., 1:], levels)])


@dataclass(frozen=True, eq=False)
class ColourStatistics:
    """The colours of photos.

    counts: (256, 256) int64, pixels per bin of width 1 of a* (rows) and b* (columns), both from -128; what lies
    outside, which no screen shows, is counted in the outermost bins.
    total, squares: (2,) sums of a* and b*, and of their squares.  distance: the sum of the distances from grey.
    """

    counts: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    distance: float

    @classmethod
    def of(cls, lab: np.ndarray) -> ColourStatistics:
        """Of one photo (H, W, 3) in CIELAB."""
        ab = np.asarray(lab[..., 1:], float).reshape(-1, 2)
        a, b = (np.clip(np.floor(ab), -128, 127).astype(int) + 128).T
        counts = np.bincount(BINS * a + b, minlength=BINS**2).reshape(BINS, BINS)
        return cls(counts, ab.sum(axis=0), np.square(ab).sum(axis=0), float(np.hypot(*ab.T).sum()))

    def __add__(self, other: ColourStatistics) -> ColourStatistics:
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("counts", "total", "squares", "distance"))
        return ColourStatistics(*(mine + theirs for mine, theirs in pairs))

    @property
    def pixels(self) -> int:
        return int(self.counts.sum())

    @property
    def mean(self) -> np.ndarray:
        """The mean colour (a*, b*): what to predict when nothing is known."""
        return self.total / self.pixels

    @property
    def mse_grey(self) -> float:
        """The ab-MSE of predicting a = b = 0: half the mean square of the chroma."""
        return float(self.squares.mean() / self.pixels)

    @property
    def variance(self) -> float:
        """The ab-MSE of predicting the mean colour: the variance, averaged over a* and b*."""
        return self.mse_grey - float(np.square(self.mean).mean())

    @property
    def spread(self) -> float:
        """The root mean square distance of the colours from their mean, in CIELAB units."""
        return float(np.sqrt(max(0.0, 2 * self.variance)))  # rounding may leave less than nothing

    @property
    def chroma(self) -> float:
        """The mean distance from grey, in CIELAB units."""
        return self.distance / self.pixels

    @property
    def hue_spread(self) -> float:
        """How many hues there are: 0 is one hue, near 1 is all of them in balance; NaN for grey alone.

        The circular variance of the hue angle (Mardia and Jupp 2000, section 2.3), pixels weighted by their chroma.
        """
        if not self.distance:
            return float("nan")
        return max(0.0, 1 - float(np.hypot(*self.mean)) / self.chroma)  # rounding may leave less than nothing

    def distance_to(self, colour) -> float:
        """The mean distance of the colours from one colour (a*, b*), in CIELAB units, to within 0.7."""
        a, b = np.meshgrid(_CENTRES - colour[0], _CENTRES - colour[1], indexing="ij")
        return float((self.counts * np.hypot(a, b)).sum() / self.pixels)

    @property
    def distinct(self) -> int:
        """How many different colours there are: the bins, of 1 x 1 CIELAB units, that hold 99 % of the pixels."""
        largest = np.sort(self.counts.ravel())[::-1].cumsum()
        return int(np.searchsorted(largest, 0.99 * self.pixels) + 1)

    @property
    def hue_entropy(self) -> float:
        """The entropy of the hue in bits: 36 sectors of 10 degrees, pixels weighted by chroma; NaN for grey alone.

        0 is one sector, log2(36) = 5.17 all of them alike. Unlike `hue_spread` it does not mistake two opposite hues
        for all hues.
        """
        a, b = np.meshgrid(_CENTRES, _CENTRES, indexing="ij")
        weights = (self.counts * np.hypot(a, b)).ravel()
        if not self.distance:
            return float("nan")
        sectors = (np.degrees(np.arctan2(b, a)) // 10 % 36).astype(int).ravel()
        share = np.bincount(sectors, weights, 36) / weights.sum()
        return max(0.0, float(-(share[share > 0] * np.log2(share[share > 0])).sum()))


_CENTRES = np.arange(BINS) - BINS / 2 + 0.5  # of the bins of counts


def gather_colours(photos, n: int | None = None, jobs: int | None = None) -> ColourStatistics:
    """Merge the statistics of the first `n` photos (default: all) of a `Photos` sequence, in parallel.

    Photos that cannot be read are skipped with a warning; None takes the jobs of the surrounding
    `system.backend`. Raises ValueError when no photo is left.
    """
    return total(ColourStatistics.of, photos, n, jobs)
