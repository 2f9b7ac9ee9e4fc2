"""What a photo's file says beside its pixels: EXIF data, profile, XMP, print size, titles and comments."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, PngImagePlugin

from nbhelpers.photos import exif, tags
from nbhelpers.photos.tags import Block, Directory

PngImagePlugin.MAX_TEXT_CHUNK = 2**24  # a longer text than Pillow's 1 MB is no reason to refuse a photo
_MOST = 65_535  # characters of a text, and a tenth of all of them
OURS = "nbhelpers"  # the key of the settings that a PNG file was made with
_XMP = "XML:com.adobe.xmp"  # PNG's key
_NAMES = rb"tiff:Orientation|exif:Pixel[XY]Dimension|tiff:Image(?:Width|Length)|xmpNote:HasExtendedXMP"
_STALE = re.compile(rb"\s(?:" + _NAMES + rb")\s*=\s*(?:\"[^\"]*\"|'[^']*')")
_STALE_ELEMENT = re.compile(rb"<(" + _NAMES + rb")>[^<]*</\1>")
_TURN = re.compile(rb"tiff:Orientation(?:>|\s*=\s*[\"'])([1-8])")
_CAPTIONS = "captions, which are IPTC data"
_BOXES = {  # JPEG 2000's, by their identifiers
    bytes.fromhex("be7acfcb97a942e89c71999491e3afac"): "xmp", b"JpgTiffExif->JP2": "exif",
    bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"): "iptc",
}  # fmt: skip


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
        What could not be kept, and why.
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
            info.add_text(key, text, zip=len(text) > 1000)
        if self.xmp:
            info.add_itxt(_XMP, self.xmp)
        return info


def of_image(image: Image.Image, file: BinaryIO, size: tuple[int, int], turned: bool) -> Metadata:
    """What a file says that is no TIFF.

    Parameters
    ----------
    image : PIL.Image.Image
        As it was opened and decoded.
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
    info, left_out, data = image.info, [], b""
    boxes = dict(_boxes(file)) if image.format == "JPEG2000" else {}
    block = _exif_of(image) or boxes.get("exif", b"")
    if block:
        data, odd = exif.copied(exif.block(block), size, turned)
        left_out += [f"EXIF's {what}" for what in odd]
    elif "Raw profile type exif" in info:
        left_out.append("EXIF's data, which are damaged")
    dpi = info.get("dpi")
    if image.format in ("JPEG", "MPO") and info.get("jfif_unit") not in (1, 2):
        dpi = None  # Pillow's own guess
    if dpi is None and block:
        dpi = next((_print_size(page) for page in Block.of(exif.block(block)).pages(tags.PICTURE)), None)
    xmp = info.get("xmp") or info.get(_XMP) or _unpacked(info.get("Raw profile type xmp")) or boxes.get("xmp", b"")
    if 0x0404 in (info.get("photoshop") or {}) or "iptc" in boxes:
        left_out.append(_CAPTIONS)
    texts = _texts(image, left_out)
    said = tuple(left_out) + _of_xmp(xmp)
    return Metadata(data, info.get("icc_profile"), _upright(xmp), _per_inch(dpi, turned), tuple(texts), said)


def of_tiff(file: BinaryIO, page: Directory, size: tuple[int, int], turned: bool) -> Metadata:
    """What a TIFF file says, whether Pillow can read it or not.

    Parameters
    ----------
    file : binary file
        The file.
    page : Directory
        Its first, with the tags of `tags.PICTURE`.
    size : tuple of int
        Width and height of the upright picture.
    turned : bool
        Whether its width was stored as the height.

    Returns
    -------
    Metadata
        What fits the upright picture.
    """
    data, odd = exif.copied(file, size, turned)
    left_out = [f"EXIF's {what}" for what in odd]
    profile, xmp, photoshop = (
        page.values[tag].data if tag in page.values else b"" for tag in (tags.PROFILE, tags.XMP, tags.PHOTOSHOP)
    )
    kept_apart = {tags.PROFILE: "its colour profile", tags.XMP: "its XMP", tags.IPTC: _CAPTIONS}
    left_out += [f"{what}, {page.lost[tag]}" for tag, what in kept_apart.items() if tag in page.lost]
    if tags.IPTC in page.values or b"8BIM\x04\x04" in photoshop:
        left_out.append(_CAPTIONS)
    said = tuple(left_out) + _of_xmp(xmp)
    return Metadata(data, profile or None, _upright(xmp), _per_inch(_print_size(page), turned), (), said)


def settings_of(path) -> dict:
    """The settings that a PNG file of ours was made with.

    Parameters
    ----------
    path : str or os.PathLike
        Any file.

    Returns
    -------
    dict
        As `files.png_bytes` was given them; {} for files of other origin.
    """
    with suppress(Exception), Image.open(path, formats=["PNG"]) as image:  # damaged files are not ours
        found = json.loads(image.info[OURS])
        return found if isinstance(found, dict) else {}
    return {}


def info_of(image: Image.Image) -> dict:
    """What Pillow found in a file, without what only seems so: a PNG's own texts stand among it by their keys.

    Parameters
    ----------
    image : PIL.Image.Image
        Decoded.

    Returns
    -------
    dict
        As its `info`.
    """
    texts = getattr(image, "text", {}).keys() - {_XMP, "Raw profile type exif", "Raw profile type xmp"}
    return {key: value for key, value in image.info.items() if key not in texts}


def orientation(page: Directory) -> int:
    """How the rows of a TIFF's page have to be turned.

    Parameters
    ----------
    page : Directory
        With the tags of `tags.PICTURE`.

    Returns
    -------
    int
        EXIF's number, 1 to 8: of its tag, or where there is none of its XMP.
    """
    found = page.first(tags.ORIENTATION)
    if not found and tags.XMP in page.values and (told := _TURN.search(page.values[tags.XMP].data)):
        found = int(told[1])
    return found if 1 <= found <= 8 else 1


def _exif_of(image: Image.Image) -> bytes:
    with suppress(AttributeError, IndexError, TypeError):
        if image.format == "AVIF" and (stored := image._decoder.get_info()[4]):
            return stored  # Pillow has encoded those of turned photos anew
    return image.info.get("exif") or _unpacked(image.info.get("Raw profile type exif"))


def _unpacked(profile: str | None) -> bytes:
    """Other formats' data, as ImageMagick stores them in a PNG's text; b"" where they are damaged."""
    with suppress(ValueError):
        return bytes.fromhex("".join(str(profile or "").split("\n")[3:]))
    return b""


def _boxes(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """EXIF, XMP and IPTC data of a JPEG 2000 file."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(32)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if len(head) < 32 or size < 8:  # the last one may say 0: to the end
            return
        if kind == b"uuid" and head[8:24] in _BOXES and size < 2**24:
            file.seek(at + 24)
            yield _BOXES[head[8:24]], file.read(size - 24)
        at += size


def _texts(image: Image.Image, left_out: list[str]) -> list[tuple]:
    """A PNG's texts but for ours and other formats' data, and comments; none is long."""
    found, total = [], 0
    texts = list(getattr(image, "text", {}).items())
    comments = [part for name, part in getattr(image, "applist", []) if name == "COM"] or [image.info.get("comment")]
    if words := "\n".join(_decoded(comment) for comment in comments if comment):
        texts.append(("Comment", words))
    for key, text in texts:
        if key in (OURS, _XMP, "Raw profile type exif", "Raw profile type xmp"):
            continue
        total += len(text)
        if key.startswith("Raw profile type"):
            left_out.append(_CAPTIONS if key.endswith("iptc") else f"the text {key!r}, data of another format")
        elif len(text) > _MOST or total > 10 * _MOST:
            left_out.append(f"the text {key!r}, too long")
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


def _of_xmp(xmp: bytes | str) -> tuple[str, ...]:
    extended = "HasExtendedXMP" in xmp if isinstance(xmp, str) else b"HasExtendedXMP" in xmp
    return ("the second part of its XMP, which is spread over the file",) if extended else ()


def _upright(xmp: bytes | str) -> bytes:
    """XMP without the orientation and the size that the pixels had."""
    xmp = xmp.encode() if isinstance(xmp, str) else xmp
    return _STALE_ELEMENT.sub(b"", _STALE.sub(b"", xmp.rstrip(b"\0")))


def _print_size(page: Directory) -> tuple[float, float] | None:
    """Pixels per inch along width and height, as a directory's tags have them."""
    across, down, unit = (
        page.values[tag].numbers() if tag in page.values else ()
        for tag in (tags.X_RESOLUTION, tags.Y_RESOLUTION, tags.UNIT)
    )
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
