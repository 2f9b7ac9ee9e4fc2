"""Samples of more than 8 bits, and of odd numbers of bits, which Pillow reads as 8, as noise, or not at all."""

from __future__ import annotations

import logging
from typing import BinaryIO, NamedTuple

import numpy as np

from nbhelpers.colour.lab import in_bands
from nbhelpers.photos import tags
from nbhelpers.photos.tags import Directory

_TOP = 65535
_PLAIN = (1, 5, 8, 32773, 32946, 34925, 50000)  # compressions of which a strip holds no picture with a size of its own
_SAMPLES = 8  # of a pixel, at most
_RAW = "a camera's raw data, or a preview before the picture itself: save the whole picture as TIFF or JPEG"
logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what is wrong with a file is told in one sentence, by us


class Unsuitable(ValueError):
    """Samples that are no photo's; the message says what to do."""


class Samples(NamedTuple):
    """A picture of 16 bits.

    Attributes
    ----------
    colours : np.ndarray
        (H, W) or (H, W, 3) uint16, 0 black.
    alpha : np.ndarray or None
        (H, W) uint16.
    brightest : int
        The largest number that is stored as a colour, of 65,535.
    """

    colours: np.ndarray
    alpha: np.ndarray | None
    brightest: int


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


def png_samples(file: BinaryIO) -> Samples:
    """The samples of a PNG of 16 bits.

    Parameters
    ----------
    file : binary file
        The PNG.

    Returns
    -------
    Samples
        What it holds.
    """
    import imagecodecs

    file.seek(0)
    stored = imagecodecs.png_decode(file.read())
    channels = 1 if stored.ndim == 2 else stored.shape[2]
    colours = stored if stored.ndim == 2 else stored[..., :3] if channels > 2 else stored[..., 0]
    alpha = stored[..., -1] if channels in (2, 4) else None
    return Samples(np.ascontiguousarray(colours), alpha, int(colours.max(initial=0)))


def tiff_samples(file: BinaryIO, page: Directory) -> Samples | None:
    """The samples of a TIFF's first page, scaled to 16 bits.

    Parameters
    ----------
    file : binary file
        The TIFF.
    page : Directory
        Its first, with the tags of `tags.PICTURE`.

    Returns
    -------
    Samples or None
        None for what is left to Pillow: 8 bits, packed 1, 2 and 4 bits, and other than grey and RGB. Channels beside
        colours and alpha, as a scanner's infrared, are left out.

    Raises
    ------
    Unsuitable
        For samples without a photographic scale, and for a camera's raw data.
    """
    if tags.DNG_VERSION in page.values or page.first(tags.SUBFILE) & 1:
        raise Unsuitable(_RAW)
    _check_parts(page)
    bits = set(page.values[tags.BITS].numbers()) if tags.BITS in page.values else {1}
    kind, photometric = page.first(tags.SAMPLE_FORMAT), page.first(tags.PHOTOMETRIC)
    if kind == 3:
        raise Unsuitable("floating-point samples: save it with 8 or 16 bits")
    if kind == 2 or max(bits, default=1) > 16:
        raise Unsuitable(f"{'signed' if kind == 2 else f'{max(bits)}-bit'} samples: save it with 8 or 16 bits")
    odd_planes = page.first(tags.PLANAR) == 2 and page.first(tags.SAMPLES) in (2, 4)
    if photometric not in (0, 1, 2) or len(bits) != 1 or bits == {8} and not odd_planes:
        return None
    if (page.first(tags.COMPRESSION) or 1) not in _PLAIN:
        if bits <= {1, 2, 4}:
            return None
        raise Unsuitable("a compression that is not read at this depth: save it with LZW, or with 8 bits")
    import tifffile

    bits = bits.pop()
    file.seek(0)
    with tifffile.TiffFile(file) as opened:
        shown = opened.pages[0]
        tile = max(shown.tilewidth, 1) * max(shown.tilelength, 1)
        if tile > 4 * max(shown.imagewidth * shown.imagelength, 256**2):
            raise Unsuitable("tiles that are much larger than the picture: save it anew")
        stored = _unpacked(file, shown, bits)
        if stored is None and bits in (1, 2, 4):
            return None
        stored = shown.asarray() if stored is None else stored
        if shown.axes.startswith("S"):  # planes one after another
            stored = np.moveaxis(stored, 0, -1)
    many = 3 if photometric == 2 else 1
    if stored.ndim != 2 + (many > 1 or stored.ndim == 3) or stored.ndim == 3 and stored.shape[2] < many:
        raise Unsuitable("samples of a rare kind: save it as RGB or grey")
    colours = stored if stored.ndim == 2 else stored[..., :many] if many > 1 else stored[..., 0]
    brightest, top = int(colours.max(initial=0)), 2**bits - 1
    colours, alpha = _scaled(colours, top), None
    colours = _TOP - colours if photometric == 0 else colours
    extra = page.values[tags.EXTRA].numbers() if tags.EXTRA in page.values else ()
    if stored.ndim == 3 and extra and extra[0] in (1, 2) and stored.shape[2] > many:
        alpha = _scaled(stored[..., many], top)
        if extra[0] == 1:  # colours were multiplied by it
            share = np.maximum(alpha, 1).astype(np.float32)
            share = share[..., None] if many > 1 else share
            colours = np.minimum(colours / share * _TOP, _TOP).astype(np.uint16)
    return Samples(np.ascontiguousarray(colours), alpha, brightest if bits == 16 else _TOP)


def _check_parts(page: Directory) -> None:
    """Refuse what is not all there, and what would take much more memory than its pixels say."""
    sizes = [size for tag in (tags.STRIPS, tags.TILES) if tag in page.values for size in page.values[tag].numbers()]
    if 0 in sizes and any(sizes):
        raise Unsuitable("truncated, parts of it are empty")
    if page.first(tags.SAMPLES) > _SAMPLES or page.first(tags.DEPTH) > 1:
        raise Unsuitable("more channels or layers than a photo has: save it as RGB or grey")


def _scaled(samples: np.ndarray, top: int) -> np.ndarray:
    """From 0 to `top` to 16 bits."""

    def scaled(band: np.ndarray) -> np.ndarray:
        return ((np.minimum(band, top).astype(np.uint32) * _TOP + top // 2) // top).astype(np.uint16)

    return in_bands(scaled, samples)


def _unpacked(file: BinaryIO, page, bits: int) -> np.ndarray | None:
    """Samples that take whole bytes each, though they have fewer bits; None where they do not."""
    each = 1 if bits <= 8 else 2
    shape = (page.imagelength, page.imagewidth) + ((page.samplesperpixel,) if page.samplesperpixel > 1 else ())
    if bits in (8, 16) or page.compression != 1 or page.is_tiled or page.planarconfig == 2:
        return None
    whole, packed = each * int(np.prod(shape)), shape[0] * -(-int(np.prod(shape[1:])) * bits // 8)
    if sum(page.databytecounts) != whole or whole == packed:  # in a narrow picture both can be the same
        return None
    parts = []
    for at, size in zip(page.dataoffsets, page.databytecounts):
        file.seek(at)
        parts.append(file.read(size))
    return np.frombuffer(b"".join(parts), f"{page.parent.byteorder}u{each}").reshape(shape)
