"""What a photo's file says beside its pixels: EXIF data, profile, XMP, print size, titles and comments."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, PngImagePlugin

from nbhelpers.photos import exif

_XMP = "XML:com.adobe.xmp"  # PNG's key
_STALE = re.compile(rb'(?:tiff:Orientation|exif:Pixel[XY]Dimension|tiff:Image(?:Width|Length))="[^"]*"')
_STALE_ELEMENT = re.compile(rb"<(tiff:Orientation|exif:Pixel[XY]Dimension|tiff:Image(?:Width|Length))>[^<]*</\1>")


@dataclass(frozen=True)
class Metadata:
    """What is written into a file made of a photo.

    Attributes
    ----------
    exif : bytes
        An EXIF block that fits the upright picture; b"" for none.
    icc : bytes or None
        The photo's colour profile, whatever it is.
    xmp : bytes
        Adobe's XMP, without what says how the pixels were stored; b"" for none.
    dpi : tuple of float or None
        Pixels per inch along width and height of the upright picture.
    texts : tuple
        (key, text) of a PNG's texts, and of comments.
    left_out : tuple of str
        What could not be kept, in a few words each.
    """

    exif: bytes = b""
    icc: bytes | None = None
    xmp: bytes = b""
    dpi: tuple[float, float] | None = None
    texts: tuple = ()
    left_out: tuple[str, ...] = ()

    def chunks(self) -> PngImagePlugin.PngInfo:
        """Texts and XMP as a PNG holds them."""
        info = PngImagePlugin.PngInfo()
        for key, text in self.texts:
            info.add_text(key, text)
        if self.xmp:
            info.add_itxt(_XMP, self.xmp)
        return info


def of_image(image: Image.Image, size: tuple[int, int], turned: bool) -> Metadata:
    """What Pillow found in a file, TIFF excepted.

    Parameters
    ----------
    image : PIL.Image.Image
        As it was opened and decoded; what its `info` says is not yet changed.
    size : tuple of int
        Width and height of the upright picture.
    turned : bool
        Whether its width was stored as the height.

    Returns
    -------
    Metadata
        What fits the upright picture.
    """
    info, left_out = image.info, []
    block = _exif_of(info)
    data, odd = exif.copied(exif.block(block), size, turned) if block else (b"", [])
    left_out += [f"EXIF's {name}" for name in odd]
    dpi = info.get("dpi")
    if image.format in ("JPEG", "MPO") and info.get("jfif_unit") not in (1, 2):
        dpi = None  # Pillow's own guess
    if dpi is None and block:
        dpi = next((_print_size(page) for page in exif.directories(exif.block(block))), None)
    xmp = info.get("xmp") or info.get(_XMP) or b""
    texts = _texts(image, left_out)
    if (comment := info.get("comment")) and not any(key == "Comment" for key, _ in texts):
        texts.append(("Comment", _decoded(comment)))
    if 0x0404 in (info.get("photoshop") or {}):
        left_out.append("captions, which are IPTC data")
    profile = info.get("icc_profile")
    return Metadata(data, profile, _upright(xmp), _per_inch(dpi, turned), tuple(texts), tuple(left_out))


def of_tiff(file: BinaryIO, size: tuple[int, int], turned: bool) -> Metadata:
    """What a TIFF file says, whether Pillow can read it or not.

    Parameters
    ----------
    file : binary file
        The file.
    size : tuple of int
        Width and height of the upright picture.
    turned : bool
        Whether its width was stored as the height.

    Returns
    -------
    Metadata
        What fits the upright picture.
    """
    page = exif.directories(file)[0]
    data, left_out = exif.copied(file, size, turned)
    left_out = [f"EXIF's {name}" for name in left_out]
    if exif.IPTC in page:
        left_out.append("captions, which are IPTC data")
    profile, xmp = (page[tag].data if tag in page else b"" for tag in (exif.PROFILE, exif.XMP))
    dpi = _per_inch(_print_size(page), turned)
    return Metadata(data, profile or None, _upright(xmp), dpi, (), tuple(left_out))


def _exif_of(info: dict) -> bytes:
    if block := info.get("exif"):
        return block
    lines = str(info.get("Raw profile type exif", "")).split("\n")[3:]  # as ImageMagick stores it in a PNG
    try:
        return bytes.fromhex("".join(lines))
    except ValueError:
        return b""


def _texts(image: Image.Image, left_out: list[str]) -> list[tuple]:
    """A PNG's texts but for ours, those that are other formats' data, and those larger than 64 kB."""
    found = []
    for key, text in getattr(image, "text", {}).items():
        if key in ("nbhelpers", _XMP, "Raw profile type exif", "Raw profile type xmp"):
            continue
        if key.startswith("Raw profile type") or len(text) > 65_535:
            left_out.append(f"the text {key!r}, {len(text):,} characters")
        else:
            found.append((key, text))
    return found


def _decoded(comment: bytes | str) -> str:
    """Text without a stated encoding."""
    if isinstance(comment, str):
        return comment
    comment = comment.rstrip(b"\0")
    try:
        return comment.decode("utf-8")
    except UnicodeDecodeError:
        return comment.decode("latin-1")


def _upright(xmp: bytes | str) -> bytes:
    """XMP without the orientation and the size that the pixels had."""
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    return _STALE_ELEMENT.sub(b"", _STALE.sub(b"", xmp.rstrip(b"\0")))


def _print_size(page: dict) -> tuple[float, float] | None:
    """Pixels per inch along width and height, as a directory's tags have them."""
    tags = (exif.X_RESOLUTION, exif.Y_RESOLUTION, exif.UNIT)
    across, down, unit = (page[tag].numbers() if tag in page else () for tag in tags)
    factor = {2: 1, 3: 2.54}.get(unit[0] if unit else 2)  # inches, centimetres
    return (across[0] * factor, down[0] * factor) if factor and across and down else None


def _per_inch(dpi, turned: bool) -> tuple[float, float] | None:
    try:
        across, down = (float(value) for value in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not all(math.isfinite(value) and 1 <= value <= 1e6 for value in (across, down)):
        return None
    return (down, across) if turned else (across, down)
