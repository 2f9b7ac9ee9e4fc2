"""Which picture format a file has, by its first bytes, and which can be read."""

from __future__ import annotations

import os
from typing import BinaryIO

from PIL import features

READABLE = "JPEG, PNG, WebP, BMP, TIFF, GIF, JPEG 2000, AVIF or HEIC"
_STARTS = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"GIF8": "GIF", b"II*\0": "TIFF", b"MM\0*": "TIFF",
    b"II+\0": "TIFF", b"MM\0+": "TIFF", b"\0\0\0\x0cjP  ": "JPEG2000", b"\xff\x4f\xff\x51": "JPEG2000",
}  # fmt: skip
# Of a file's brands the first of these decides.
_BRANDS = dict.fromkeys((b"avif", b"avis"), "AVIF")
_BRANDS |= dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), "HEIF")
_BRANDS |= dict.fromkeys((b"heif", b"mif1", b"mif2", b"msf1", b"miaf"), "HEIF")
_BITMAP_HEADERS = {12, 40, 52, 56, 64, 108, 124}  # how long a BMP's second header may be
# Formats that people have photos in, and that are not read: their first bytes, and where these stand.
_OTHERS = (
    (0, b"8BPS", "Photoshop document"), (0, b"%PDF", "PDF"), (0, b"\xff\x0a", "JPEG XL photo"),
    (4, b"JXL ", "JPEG XL photo"), (4, b"ftypcrx", "camera's raw file"), (0, b"FUJIFILM", "camera's raw file"),
    (0, b"IIRO", "camera's raw file"), (0, b"IIU\0", "camera's raw file"), (8, b"CR\2", "camera's raw file"),
    (0, b"gimp xcf", "GIMP document"),
    (30, b"mimetypeimage/openraster", "drawing with layers"), (30, b"mimetypeapplication/x-krita", "Krita document"),
)  # fmt: skip


def of(file: BinaryIO) -> str:
    """The format of a picture file.

    Parameters
    ----------
    file : binary file
        Any file.

    Returns
    -------
    str
        Pillow's name of a format in `READABLE`, as "JPEG" or "HEIF"; "" for all others.
    """
    file.seek(0)
    start = file.read(64)
    if _other(start):  # some raw files begin as TIFF
        return ""
    for begin, name in _STARTS.items():
        if start.startswith(begin):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start[:2] == b"BM" and int.from_bytes(start[14:18], "little") in _BITMAP_HEADERS:
        return "BMP"
    if start[4:8] == b"ftyp":
        own = [start[at : at + 4] for at in range(8, min(int.from_bytes(start[:4], "big"), len(start)), 4)]
        return next((name for brand, name in _BRANDS.items() if brand in own), "")
    return ""


def other(path: str | os.PathLike) -> str:
    """What a file is that people have photos in, and that is not read.

    Parameters
    ----------
    path : str or os.PathLike
        A regular file.

    Returns
    -------
    str
        With the way out, as "a PDF, which has to be saved as PNG, TIFF or JPEG first"; "" for all others.
    """
    with open(path, "rb") as file:
        what = _other(file.read(64))
    return f"a {what}, which has to be saved as PNG, TIFF or JPEG first" if what else ""


def is_readable(form: str) -> bool:
    """Whether a format can be read on this machine.

    Parameters
    ----------
    form : str
        A format, as `of` names it.

    Returns
    -------
    bool
        False for "", for AVIF where Pillow is too old, and for HEIC where its reader is not installed.
    """
    return _has_heic() if form == "HEIF" else features.check("avif") if form == "AVIF" else bool(form)


def why_not(path: str | os.PathLike) -> tuple[str, bool]:
    """Why a file cannot be opened as a picture.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    reason : str
        A few words.
    way_out : bool
        Whether they say what to do.
    """
    if not os.path.getsize(path):
        return "empty file", False
    with open(path, "rb") as file:
        form = of(file)
    if form == "HEIF" and not _has_heic():
        return "a HEIC photo, which needs pi-heif (pip install pi-heif), or has to be saved as JPEG", True
    if form == "AVIF" and not features.check("avif"):
        needs = 'which needs a newer Pillow (pip install "pillow>=11.3")'
        return f"an AVIF photo, {needs}, or has to be saved as JPEG", True
    if form == "TIFF":
        return "damaged header, or samples of a rare kind, which have to be saved as RGB or grey of 8 bits", True
    if form:
        return "damaged header", False
    if known := other(path):
        return known, True
    return f"not a {READABLE} image", False


def _other(start: bytes) -> str:
    return next((what for at, mark, what in _OTHERS if start[at:].startswith(mark)), "")


def _has_heic() -> bool:
    """Whether a reader of HEIC files is installed, and so registered with Pillow."""
    try:
        import pi_heif
    except ImportError:
        return False
    pi_heif.register_heif_opener()
    return True
