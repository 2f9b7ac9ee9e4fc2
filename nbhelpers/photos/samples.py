"""Samples of more than 8 bits, and of odd numbers of bits, which Pillow reads as 8, as noise, or not at all."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np

from nbhelpers.photos.exif import BITS, DNG_VERSION, PHOTOMETRIC, SAMPLE_FORMAT, SAMPLES, SUBFILE

_TOP = 65535


class Unsuitable(ValueError):
    """Samples that are no photo's; the message says what to do."""


def depth(file: BinaryIO, form: str) -> int:
    """Bits of a sample, as a file's header says.

    Parameters
    ----------
    file : binary file
        A picture.
    form : str
        Its format, of `formats.of`.

    Returns
    -------
    int
        For PNG, JPEG 2000, AVIF and HEIC; 8 for all others.
    """
    file.seek(0)
    start = file.read(4096)
    if form == "PNG":
        return start[24]  # of IHDR, which comes first
    if form == "JPEG2000":
        bits = start[42] if start.startswith(b"\xff\x4f") else start[start.find(b"ihdr") + 14]  # SIZ, or its copy
        return (bits & 0x7F) + 1
    if form in ("AVIF", "HEIF") and (place := start.find(b"pixi")) > 0:
        return start[place + 9]
    return 8


def png_samples(file: BinaryIO) -> np.ndarray:
    """The samples of a PNG of 16 bits.

    Parameters
    ----------
    file : binary file
        The PNG.

    Returns
    -------
    np.ndarray
        (H, W) or (H, W, 2 to 4) uint16, alpha last.
    """
    import imagecodecs

    file.seek(0)
    return imagecodecs.png_decode(file.read())


def tiff_samples(file: BinaryIO, page: dict) -> np.ndarray | None:
    """The samples of a TIFF's first page, scaled to 16 bits.

    Parameters
    ----------
    file : binary file
        The TIFF.
    page : dict
        Its first directory, of `exif.directories`.

    Returns
    -------
    np.ndarray or None
        (H, W) or (H, W, 3 or more) uint16, 0 black; None where Pillow reads the samples right: 1, 2, 4 or 8 bits, and
        other than grey and RGB.

    Raises
    ------
    Unsuitable
        For samples without a photographic scale, and for a camera's raw data.
    """
    first = {tag: page[tag].numbers() for tag in (BITS, PHOTOMETRIC, SAMPLE_FORMAT, SUBFILE, SAMPLES) if tag in page}
    if DNG_VERSION in page or first.get(SUBFILE, (0,))[0] & 1:
        raise Unsuitable("a camera's raw data, or a preview alone: develop it, and save it as TIFF or JPEG")
    bits, kind = set(first.get(BITS, (1,))), first.get(SAMPLE_FORMAT, (1,))[0]
    if kind == 3:
        raise Unsuitable("floating-point samples: save it with 8 or 16 bits")
    if max(bits) > 16 or kind == 2:
        raise Unsuitable(f"{'signed' if kind == 2 else f'{max(bits)}-bit'} samples: save it with 8 or 16 bits")
    photometric = first.get(PHOTOMETRIC, (1,))[0]
    if photometric not in (0, 1, 2) or len(bits) > 1 or bits == {8}:
        return None
    import tifffile

    depth = bits.pop()
    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        shown = opened.pages[0]
        samples = _unpacked(file, shown, depth)
        if samples is None and depth in (1, 2, 4):
            return None
        samples = shown.asarray() if samples is None else samples
        if "S" in shown.axes and shown.axes[0] == "S":  # planes one after another
            samples = np.moveaxis(samples, 0, -1)
    top = 2**depth - 1
    scaled = np.minimum(samples, top).astype(np.uint32) * _TOP
    scaled = ((scaled + top // 2) // top).astype(np.uint16)
    return _TOP - scaled if photometric == 0 else scaled


def _unpacked(file: BinaryIO, page, depth: int) -> np.ndarray | None:
    """Samples that take whole bytes each, though they have fewer bits; None where they do not."""
    each = 1 if depth <= 8 else 2
    shape = (page.imagelength, page.imagewidth) + ((page.samplesperpixel,) if page.samplesperpixel > 1 else ())
    if depth in (8, 16) or page.compression != 1 or page.is_tiled or page.planarconfig == 2:
        return None
    whole, packed = each * int(np.prod(shape)), shape[0] * -(-int(np.prod(shape[1:])) * depth // 8)
    if sum(page.databytecounts) != whole or whole == packed:  # in a narrow picture both can be the same
        return None
    parts = []
    for at, size in zip(page.dataoffsets, page.databytecounts):
        file.seek(at)
        parts.append(file.read(size))
    return np.frombuffer(b"".join(parts), f"{page.parent.byteorder}u{each}").reshape(shape)
