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
    """The grey value of a JPEG (ITU-R BT.601): a weighted mean of the stored, not the linear, values.

    Parameters
    ----------
    rgb : np.ndarray
        (..., 3) uint8, sRGB.

    Returns
    -------
    np.ndarray
        (...) float in [0, 255].
    """
    return np.asarray(rgb) @ np.array(LUMA)


def blur(planes: np.ndarray, sigma: float) -> np.ndarray:
    """Blur with a Gaussian; edges are mirrored.

    Parameters
    ----------
    planes : np.ndarray
        (H, W), or (H, W, C), of which each plane is blurred.
    sigma : float
        Standard deviation in pixels; 0 blurs nothing.

    Returns
    -------
    np.ndarray
        A new array of the shape of `planes`.
    """
    return gaussian_filter(planes, sigma, axes=(0, 1)) if sigma else planes.copy()


def quantize(ab: np.ndarray, levels: int) -> np.ndarray:
    """Round a* and b* to evenly spaced values; neutral stays neutral.

    Parameters
    ----------
    ab : np.ndarray
        (..., 2), CIELAB a* and b*.
    levels : int
        The number of values of each over [-128, 128]: they lie 256 / levels apart.

    Returns
    -------
    np.ndarray
        The rounded colours, same shape.

    Raises
    ------
    ValueError
        For less than one level.
    """
    if levels < 1:
        raise ValueError(f"levels must be at least 1, got {levels}")
    step = np.float32(256 / levels)
    return np.round(ab / step) * step


def shuffle(planes: np.ndarray, seed: int = 0) -> np.ndarray:
    """Put pixels in random order; each keeps its own values.

    Parameters
    ----------
    planes : np.ndarray
        (H, W) or (H, W, C).
    seed : int
        Of the order.

    Returns
    -------
    np.ndarray
        A new array of the shape of `planes`.
    """
    flat = planes.reshape(-1, *planes.shape[2:])
    return flat[np.random.default_rng(seed).permutation(len(flat))].reshape(planes.shape)


def visible_difference(lab: np.ndarray, rgb: np.ndarray) -> tuple[float, float]:
    """Compare a CIELAB picture, as a screen shows it, with a photo.

    Parameters
    ----------
    lab : np.ndarray
        (H, W, 3), CIELAB.
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB, the photo.

    Returns
    -------
    delta_e : float
        Mean CIEDE2000.
    psnr : float
        PSNR in dB; infinite when nothing differs.
    """
    shown = lab_to_rgb(lab)
    return delta_e(shown, rgb), psnr(shown, rgb)


def losses(photos, changes: dict, amounts) -> pd.DataFrame:
    """Measure what changes do to photos, at several amounts.

    Parameters
    ----------
    photos : list of np.ndarray
        Each (H, W, 3) uint8, sRGB.
    changes : dict
        name -> function (lab, amount) -> lab, both CIELAB (H, W, 3).
    amounts : iterable of float
        What the changes are called with.

    Returns
    -------
    pd.DataFrame
        One row per change and amount, averaged over the photos: change, amount, delta_e (CIEDE2000), psnr (dB; infinite
        when nothing changed).
    """
    labs, rows = [rgb_to_lab(rgb) for rgb in photos], []
    for name, change in changes.items():
        for amount in amounts:
            pairs = zip(labs, photos, strict=True)
            differences = [visible_difference(change(lab, amount), rgb) for lab, rgb in pairs]
            rows.append((name, amount, *np.mean(differences, axis=0)))
    return pd.DataFrame(rows, columns=["change", "amount", "delta_e", "psnr"])


def blur_chroma(lab: np.ndarray, sigma: float) -> np.ndarray:
    """Blur a* and b*; the lightness stays.

    Parameters
    ----------
    lab : np.ndarray
        (H, W, 3), CIELAB.
    sigma : float
        Standard deviation of the Gaussian in pixels, see `blur`.

    Returns
    -------
    np.ndarray
        (H, W, 3), CIELAB.
    """
    return np.dstack([lab[..., 0], blur(lab[..., 1:], sigma)])


def blur_lightness(lab: np.ndarray, sigma: float) -> np.ndarray:
    """Blur L*; the chroma stays.

    Parameters
    ----------
    lab : np.ndarray
        (H, W, 3), CIELAB.
    sigma : float
        Standard deviation of the Gaussian in pixels, see `blur`.

    Returns
    -------
    np.ndarray
        (H, W, 3), CIELAB.
    """
    return np.dstack([blur(lab[..., 0], sigma), lab[..., 1:]])


def quantize_chroma(lab: np.ndarray, levels: int) -> np.ndarray:
    """Quantize a* and b*; the lightness stays.

    Parameters
    ----------
    lab : np.ndarray
        (H, W, 3), CIELAB.
    levels : int
        The number of values of each of a* and b*, see `quantize`.

    Returns
    -------
    np.ndarray
        (H, W, 3), CIELAB.
    """
    return np.dstack([lab[..., 0], quantize(lab[..., 1:], levels)])


@dataclass(frozen=True, eq=False)
class ColourStatistics:
    """The colours of photos.

    Attributes
    ----------
    counts : np.ndarray
        (256, 256) int64, pixels per bin of width 1 of a* (rows) and b* (columns), both from -128; what lies outside,
        which no screen shows, is counted in the outermost bins.
    total, squares : np.ndarray
        (2,) float, the sums of a* and b*, and of their squares.
    distance : float
        The sum of the distances from grey, in CIELAB units.
    """

    counts: np.ndarray
    total: np.ndarray
    squares: np.ndarray
    distance: float

    @classmethod
    def of(cls, lab: np.ndarray) -> ColourStatistics:
        """The statistics of one photo.

        Parameters
        ----------
        lab : np.ndarray
            CIELAB, (H, W, 3), or (N, 3) for some of its pixels.

        Returns
        -------
        ColourStatistics
            Of these pixels.
        """
        ab = np.asarray(lab[..., 1:], float).reshape(-1, 2)
        a, b = (np.clip(np.floor(ab), -128, 127).astype(int) + 128).T
        counts = np.bincount(BINS * a + b, minlength=BINS**2).reshape(BINS, BINS)
        return cls(counts, ab.sum(axis=0), np.square(ab).sum(axis=0), float(np.hypot(*ab.T).sum()))

    def __add__(self, other: ColourStatistics) -> ColourStatistics:
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("counts", "total", "squares", "distance"))
        return ColourStatistics(*(mine + theirs for mine, theirs in pairs))

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return int(self.counts.sum())

    @property
    def mean(self) -> np.ndarray:
        """The mean colour (a*, b*): what to predict when nothing is known."""
        return self.total / self.pixels

    @property
    def mse_grey(self) -> float:
        """The mean squared error of predicting a* = b* = 0: half the mean square of the chroma."""
        return float(self.squares.mean() / self.pixels)

    @property
    def variance(self) -> float:
        """The mean squared error of predicting the mean colour: the variance, averaged over a* and b*."""
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
        """How varied the hues are: 0 is one hue, near 1 is all of them in balance; NaN for grey alone.

        The circular variance of the hue angle (Mardia and Jupp 2000, section 2.3), pixels weighted by their chroma.
        """
        if not self.distance:
            return float("nan")
        return max(0.0, 1 - float(np.hypot(*self.mean)) / self.chroma)  # rounding may leave less than nothing

    def distance_to(self, colour) -> float:
        """The mean distance of the colours from one colour, in CIELAB units.

        Parameters
        ----------
        colour : array-like
            (2,), CIELAB a* and b*.

        Returns
        -------
        float
            The distance, to within 0.7: it is that of the bins' centres.
        """
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
    """The statistics of many photos, merged in parallel.

    Photos that cannot be read are skipped with a warning.

    Parameters
    ----------
    photos : Photos
        Where to read.
    n : int, optional
        How many photos to take, from the first; None takes all.
    jobs : int, optional
        How many run at once; None takes those of the surrounding `system.backend`.

    Returns
    -------
    ColourStatistics
        Of all pixels of these photos.

    Raises
    ------
    ValueError
        When no photo is left.
    """
    return total(ColourStatistics.of, photos, n, jobs)
