"""Colour management: from a photo's own numbers to sRGB and back, through its ICC profile."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_EXACT = 0x0100  # LittleCMS's cmsFLAGS_NOOPTIMIZE: its tables are 10 of 255 levels off in linear shadows


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A photo of 8 bits in sRGB.

    Parameters
    ----------
    image : PIL.Image.Image
        Of mode L, RGB, CMYK or LAB.
    profile : bytes or None
        The ICC profile of its numbers; None, a broken one, or one for other channels leaves the plain numbers, as
        viewers do.

    Returns
    -------
    PIL.Image.Image
        Of mode RGB.
    """
    if profile is None and image.mode == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except _ERRORS:
            pass
    return image.convert("RGB")


def deep_to_srgb(samples: np.ndarray, profile: bytes | None) -> Image.Image:
    """A photo of 16 bits in sRGB, rounded to 8 bits only there.

    Parameters
    ----------
    samples : np.ndarray
        (H, W) or (H, W, 3) uint16.
    profile : bytes or None
        As for `to_srgb`.

    Returns
    -------
    PIL.Image.Image
        Of mode RGB.
    """
    if profile:
        import imagecodecs

        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        space = "gray" if samples.ndim == 2 else "rgb"
        try:
            return Image.fromarray(
                imagecodecs.cms_transform(
                    samples, profile, srgb, colorspace=space, outcolorspace="rgb", outdtype="uint8", flags=_EXACT
                )
            )
        except (imagecodecs.CmsError, ValueError, TypeError):
            pass
    return Image.fromarray(((samples.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)).convert("RGB")


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
        (H, W, 3) uint8; None when the profile cannot describe an RGB photo: it is broken, or made for grey, CMYK or
        only for reading.
    """
    try:
        target, image = ImageCms.ImageCmsProfile(io.BytesIO(profile)), Image.fromarray(rgb)
        converted = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), target, outputMode="RGB")
    except _ERRORS:
        return None
    return np.array(converted)
