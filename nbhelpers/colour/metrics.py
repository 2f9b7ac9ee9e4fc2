"""How near a painted photo is to the true one, and how colourful it is: numbers for one photo at a time."""

from __future__ import annotations

import numpy as np
from skimage.color import deltaE_ciede2000
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from nbhelpers.colour.lab import rgb_to_lab


def ab_mse(ab: np.ndarray, truth: np.ndarray, unknown: np.ndarray | None = None) -> float:
    """The paper's measure (section 3): mean squared error of a* and b* over the unknown pixels.

    Parameters
    ----------
    ab, truth : np.ndarray
        (H, W, 2), CIELAB a* and b*, predicted and true.
    unknown : np.ndarray, optional
        (H, W) bool, the pixels that were to be predicted; None counts all.

    Returns
    -------
    float
        The error in squared CIELAB units; NaN when there is no such pixel.
    """
    squares = np.square(np.asarray(ab, float) - truth)
    squares = squares if unknown is None else squares[unknown]
    return float(squares.mean()) if squares.size else float("nan")


def psnr(rgb: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two photos.

    Parameters
    ----------
    rgb, truth : np.ndarray
        uint8 sRGB, of one shape.

    Returns
    -------
    float
        In dB; infinity when they are equal.
    """
    with np.errstate(divide="ignore"):  # equal photos
        return float(peak_signal_noise_ratio(truth, rgb, data_range=255))


def ssim(rgb: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity of two photos.

    The variant of Wang et al. 2004: Gaussian window of 11 pixels and sigma 1.5, population statistics, K1 0.01,
    K2 0.03, range 255, where the window lies inside the photo; computed for red, green and blue and averaged. Other
    variants give other numbers.

    Parameters
    ----------
    rgb, truth : np.ndarray
        (H, W, 3) uint8, sRGB, of one shape.

    Returns
    -------
    float
        1 when equal; NaN below 11 x 11 pixels.
    """
    if min(rgb.shape[:2]) < 11:
        return float("nan")
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    return float(structural_similarity(rgb, truth, channel_axis=-1, **wang))


def delta_e(rgb: np.ndarray, truth: np.ndarray) -> float:
    """Mean CIEDE2000 of two photos.

    Parameters
    ----------
    rgb, truth : np.ndarray
        (H, W, 3) uint8, sRGB, of one shape.

    Returns
    -------
    float
        1 is about what a person just tells apart in two large patches side by side (CIE 142-2001).
    """
    return float(deltaE_ciede2000(rgb_to_lab(truth), rgb_to_lab(rgb)).mean())


def colourfulness(rgb: np.ndarray) -> float:
    """How colourful a photo looks (Hasler and Suesstrunk 2003, M3).

    Parameters
    ----------
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB.

    Returns
    -------
    float
        0 is grey, about 59 quite colourful.
    """
    red, green, blue = np.moveaxis(rgb.astype(float), -1, 0)
    opponents = np.stack([red - green, (red + green) / 2 - blue]).reshape(2, -1)
    return float(np.linalg.norm(opponents.std(axis=1)) + 0.3 * np.linalg.norm(opponents.mean(axis=1)))
