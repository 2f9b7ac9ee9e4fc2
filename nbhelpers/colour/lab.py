"""sRGB <-> CIELAB (D65 white, 2 degree observer), for arrays and for tensors, and the networks' scaling.

Formulas: IEC 61966-2-1 for sRGB, CIE 15:2004 for L*a*b*. The primaries and the white point are those of
scikit-image, so that its numbers and ours agree.
"""

from __future__ import annotations

import functools

import numpy as np

RGB_TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]])
WHITE = np.array([0.95047, 1.0, 1.08883])
_TO_XYZ = RGB_TO_XYZ / WHITE[:, None]  # linear RGB -> XYZ relative to white
_TO_RGB = np.linalg.inv(_TO_XYZ)
_BAND = 256  # rows
_EPSILON, _KAPPA = (6 / 29) ** 3, (29 / 6) ** 2 / 3  # where the cube root gives way to a straight line


def _linear(rgb: np.ndarray) -> np.ndarray:
    return np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)


_LINEAR_OF_BYTE = _linear(np.arange(256) / 255).astype(np.float32)


def _mix(colours: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """matrix @ colour for each colour (..., 3) float32; sums of planes, which beat a product with a 3 x 3 matrix."""
    first, second, third = np.moveaxis(colours, -1, 0)
    mixed = np.empty_like(colours)
    for i, (p, q, r) in enumerate(matrix.astype(np.float32)):
        mixed[..., i] = p * first + q * second + r * third
    return mixed


def rgb_to_lab(rgb: np.ndarray) -> np.ndarray:
    """Convert sRGB to CIELAB.

    Parameters
    ----------
    rgb : np.ndarray
        (..., 3), uint8 or float in [0, 1].

    Returns
    -------
    np.ndarray
        (..., 3) float32. L* is in [0, 100]; a* and b* of sRGB colours lie within [-108, 99].

    Raises
    ------
    ValueError
        For another last axis, another integer type, or floats outside [0, 1].
    """
    rgb = np.asarray(rgb)
    if rgb.ndim == 0 or rgb.shape[-1] != 3:
        raise ValueError(f"expected an array (..., 3) of sRGB values, got shape {rgb.shape}")
    if rgb.dtype == np.uint8:
        linear = _LINEAR_OF_BYTE[rgb]
    elif rgb.dtype.kind == "f":
        if rgb.size and not (rgb.min() >= 0 and rgb.max() <= 1):  # also catches NaN
            raise ValueError("float sRGB values must lie in [0, 1]: divide 8-bit values by 255")
        linear = _linear(rgb).astype(np.float32)
    else:
        raise ValueError(f"expected uint8 or float in [0, 1], got {rgb.dtype}: its scale is not known")
    xyz = _mix(linear, _TO_XYZ)
    f = np.cbrt(xyz)
    dark = xyz <= _EPSILON
    f[dark] = _KAPPA * xyz[dark] + 4 / 29
    lab = np.empty_like(f)
    lab[..., 0] = 116 * f[..., 1] - 16
    lab[..., 1] = 500 * (f[..., 0] - f[..., 1])
    lab[..., 2] = 200 * (f[..., 1] - f[..., 2])
    return lab


def lab_to_linear(lab: np.ndarray) -> np.ndarray:
    """Convert CIELAB to linear RGB.

    Parameters
    ----------
    lab : np.ndarray
        (..., 3), CIELAB.

    Returns
    -------
    np.ndarray
        (..., 3) float32, outside [0, 1] where sRGB cannot show the colour.

    Raises
    ------
    ValueError
        For another last axis.
    """
    lab = np.asarray(lab, dtype=np.float32)
    if lab.ndim == 0 or lab.shape[-1] != 3:
        raise ValueError(f"expected an array (..., 3) of CIELAB values, got shape {lab.shape}")
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    xyz = f * f * f
    dark = f <= 6 / 29
    xyz[dark] = (f[dark] - 4 / 29) / np.float32(_KAPPA)
    return _mix(xyz, _TO_RGB)


def lab_to_rgb(lab: np.ndarray) -> np.ndarray:
    """Convert CIELAB to sRGB; colours outside sRGB are clipped channel by channel.

    Parameters
    ----------
    lab : np.ndarray
        (..., 3), CIELAB.

    Returns
    -------
    np.ndarray
        (..., 3) uint8.

    Raises
    ------
    ValueError
        For another last axis.
    """
    linear = np.clip(lab_to_linear(lab), 0, 1)
    encoded = 1.055 * linear ** (1 / 2.4) - 0.055
    dark = linear <= 0.0031308
    encoded[dark] = 12.92 * linear[dark]
    return np.rint(255 * encoded).astype(np.uint8)


def in_bands(function, *arrays: np.ndarray) -> np.ndarray:
    """Convert a large photo a band of rows at a time, as a conversion takes many times the memory of its result.

    Parameters
    ----------
    function : callable
        Called with a band of each array, it returns an array with as many rows.
    *arrays : np.ndarray
        (H, ...) each.

    Returns
    -------
    np.ndarray
        What `function` would return for whole arrays.
    """
    starts = range(0, len(arrays[0]), _BAND)
    return np.concatenate([function(*(array[start : start + _BAND] for array in arrays)) for start in starts])


@functools.cache
def _matrix(inverse: bool, device):
    """RGB <-> XYZ relative to white as a tensor (3, 3); made once, since a GPU must be waited for to receive it."""
    import torch

    with torch.inference_mode(False):  # gradients flow through it later, wherever it is first needed
        return torch.tensor(_TO_RGB if inverse else _TO_XYZ, dtype=torch.float32, device=device)


def rgb_to_lab_tensor(rgb):
    """Convert a tensor of sRGB to CIELAB.

    Differentiable for floats; stays on the tensor's device. Values are not range-checked: that would wait for a GPU.

    Parameters
    ----------
    rgb : torch.Tensor
        (..., 3, H, W), uint8 or float in [0, 1].

    Returns
    -------
    torch.Tensor
        (..., 3, H, W) float32.
    """
    import torch

    rgb = rgb.float() / 255 if rgb.dtype == torch.uint8 else rgb.float()
    linear = torch.where(rgb > 0.04045, ((rgb.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = torch.einsum("ij,...jhw->...ihw", _matrix(False, rgb.device), linear)
    f = torch.where(xyz > _EPSILON, xyz.clamp(min=_EPSILON) ** (1 / 3), _KAPPA * xyz + 4 / 29)
    x, y, z = f.unbind(-3)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=-3)


def lab_to_rgb_tensor(lab):
    """Convert a tensor of CIELAB to sRGB, clipped to its gamut.

    Parameters
    ----------
    lab : torch.Tensor
        (..., 3, H, W), CIELAB.

    Returns
    -------
    torch.Tensor
        (..., 3, H, W) float32 in [0, 1].
    """
    import torch

    lightness, a, b = lab.float().unbind(-3)
    fy = (lightness + 16) / 116
    f = torch.stack([fy + a / 500, fy, fy - b / 200], dim=-3)
    xyz = torch.where(f > 6 / 29, f**3, (f - 4 / 29) / _KAPPA)
    linear = torch.einsum("ij,...jhw->...ihw", _matrix(True, xyz.device), xyz).clamp(0, 1)
    curve = 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(linear > 0.0031308, curve, 12.92 * linear)


def scale_lightness(lightness):
    """Scale lightness to what the networks read.

    Parameters
    ----------
    lightness : np.ndarray or torch.Tensor
        L* in [0, 100], any shape.

    Returns
    -------
    np.ndarray or torch.Tensor
        In [-1, 1], same shape.
    """
    return lightness / 50 - 1


def unscale_lightness(scaled):
    """The inverse of `scale_lightness`.

    Parameters
    ----------
    scaled : np.ndarray or torch.Tensor
        In [-1, 1], any shape.

    Returns
    -------
    np.ndarray or torch.Tensor
        L* in [0, 100], same shape.
    """
    return (scaled + 1) * 50


def scale_ab(ab):
    """Scale a* and b* to what the networks predict.

    Parameters
    ----------
    ab : np.ndarray or torch.Tensor
        CIELAB a* and b*, any shape.

    Returns
    -------
    np.ndarray or torch.Tensor
        About in [-1, 1], same shape.
    """
    return ab / 110


def unscale_ab(scaled):
    """The inverse of `scale_ab`.

    Parameters
    ----------
    scaled : np.ndarray or torch.Tensor
        About in [-1, 1], any shape.

    Returns
    -------
    np.ndarray or torch.Tensor
        CIELAB a* and b*, same shape.
    """
    return scaled * 110
