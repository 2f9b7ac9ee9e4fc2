"""Colour management: from a photo's own numbers to sRGB and back, through its ICC profile."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from nbhelpers.colour.lab import in_bands
from nbhelpers.colour.tint import is_grey

_SRGB = ImageCms.createProfile("sRGB")
_SRGB_CHROMATICITY = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)  # white, red, green, blue: x, y each
_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_EXACT = int(ImageCms.Flags.NOOPTIMIZE)  # else LittleCMS's tables are 10 of 255 levels off in linear greys' shadows


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """A photo of 8 bits in sRGB.

    Parameters
    ----------
    image : PIL.Image.Image
        Of mode L, RGB, CMYK or LAB.
    profile : bytes or None
        The ICC profile of its numbers; with None, a broken one, or one for other channels the plain numbers stay, as
        viewers show them.

    Returns
    -------
    image : PIL.Image.Image
        Of mode RGB.
    applied : bool
        Whether there was no profile, or it fitted.
    """
    told = profile is not None
    if profile is None and image.mode == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if source.profile.xcolor_space.strip() == "GRAY" and image.mode == "RGB" and is_grey(np.asarray(image)):
                image = image.getchannel(0)  # WebP and AVIF store no grey
            flags = _EXACT if image.mode == "L" else 0  # colours are right without, and three times as fast
            return ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB", flags=flags), True
        except _ERRORS:
            pass
    return image.convert("RGB"), not told


def deep_to_srgb(samples: np.ndarray, profile: bytes | None) -> tuple[Image.Image, bool]:
    """A photo of 16 bits in sRGB, rounded to 8 bits only there.

    Parameters
    ----------
    samples : np.ndarray
        (H, W) or (H, W, 3) uint16.
    profile : bytes or None
        As for `to_srgb`.

    Returns
    -------
    image : PIL.Image.Image
        Of mode RGB.
    applied : bool
        Whether there was no profile, or it fitted.
    """
    if profile:
        import imagecodecs

        srgb = ImageCms.ImageCmsProfile(_SRGB).tobytes()
        space = "gray" if samples.ndim == 2 else "rgb"
        options = {"colorspace": space, "outcolorspace": "rgb", "outdtype": "uint8", "flags": _EXACT}
        try:
            return Image.fromarray(imagecodecs.cms_transform(samples, profile, srgb, **options)), True
        except (imagecodecs.CmsError, ValueError, TypeError):
            pass
    bytes_ = in_bands(lambda band: ((band.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8), samples)
    return Image.fromarray(bytes_).convert("RGB"), not profile


def gamma_profile(info: dict, grey: bool) -> bytes | None:
    """The profile of a PNG that has none, and that tells its gamma instead, as PNG's specification has it.

    Parameters
    ----------
    info : dict
        What Pillow found in the file.
    grey : bool
        Whether it is without colour.

    Returns
    -------
    bytes or None
        An ICC profile; None for no gamma, one that is nearly sRGB's where no colours are told, and one beside a mark
        that the file is sRGB.
    """
    gamma, chromaticity = info.get("gamma") or 0, info.get("chromaticity")
    usual = abs(gamma - 1 / 2.2) < 0.01 and not chromaticity
    if "srgb" in info or not 0.05 <= gamma <= 5 or usual:
        return None
    import imagecodecs

    white, *primaries = np.reshape(chromaticity or _SRGB_CHROMATICITY, (4, 2)).tolist()
    colours = {} if grey else {"primaries": np.ravel(primaries).tolist()}
    try:
        return imagecodecs.cms_profile("gray" if grey else "rgb", gamma=1 / gamma, whitepoint=white, **colours)
    except (imagecodecs.CmsError, ValueError):
        return None  # impossible colours


def from_srgb(rgb: np.ndarray, profile: bytes) -> np.ndarray | None:
    """The colours of an sRGB photo in the numbers of an ICC profile.

    Parameters
    ----------
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB.
    profile : bytes
        The ICC profile.

    Returns
    -------
    np.ndarray or None
        (H, W, 3) uint8; None when the profile cannot describe an RGB photo in 8 bits: it is broken, made for grey, CMYK
        or only for reading, or so steep that greys come back by more than a level apart, as a linear one is.
    """
    greys = np.arange(256, dtype=np.uint8)[None, :, None].repeat(3, axis=2)
    try:
        target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        there = ImageCms.profileToProfile(Image.fromarray(greys), _SRGB, target, outputMode="RGB")
        back = ImageCms.profileToProfile(there, target, _SRGB, outputMode="RGB")
        if np.abs(np.asarray(back).astype(int) - greys).max() > 1:
            return None
        return np.array(ImageCms.profileToProfile(Image.fromarray(rgb), _SRGB, target, outputMode="RGB"))
    except _ERRORS:
        return None
