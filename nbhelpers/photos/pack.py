"""All photos of a source in one small file, so that they can travel to another machine: `write` and `read`.

A pack is a ZIP file of WebP photos and of `pack.json`, which says where they come from; unzipped, it is itself a
folder of photos as `open_photos` takes it. Reading needs NumPy, Pillow and tqdm, no more, and executes nothing.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from nbhelpers import paths
from nbhelpers.errors import UserError
from nbhelpers.photos import Photos, open_photos
from nbhelpers.photos.decoding import in_order
from nbhelpers.photos.licences import showable_credits

FORMAT = 1  # raise it when the contents change their meaning
SIZES = range(16, 1025)  # sides of the squares, in pixels
PARTS = ("train", "test")
MAX_BYTES = 16_000_000_000  # of memory that `read` takes, whatever a file claims


@dataclass(frozen=True, eq=False)
class Pack:
    """The photos of a pack.

    Attributes
    ----------
    source : str
        The name of the source.
    size : int
        Pixels of a square's side.
    quality : int
        WebP's, 1 to 100.
    train, test : np.ndarray
        (N, size, size, 3) uint8, sRGB, one for each part.
    test_names : tuple of str
        The names of the test photos.
    credits : dict
        Name -> author and licence, or "", of those test photos that a published figure may show.
    """

    source: str
    size: int
    quality: int
    train: np.ndarray
    test: np.ndarray
    test_names: tuple[str, ...]
    credits: dict[str, str]


def write(source: str | os.PathLike, path, size: int = 144, quality: int = 80, progress: bool = True) -> dict:
    """Write the centre squares of a source's photos to a ZIP file.

    Photos that cannot be used are skipped with a PhotoWarning. The file appears, or an older one is replaced, when all
    is done.

    Parameters
    ----------
    source : str or os.PathLike
        As for `open_photos`.
    path : str or os.PathLike
        The file.
    size : int
        Pixels of a square's side, 16 to 1,024.
    quality : int
        WebP's, 1 to 100; what it costs, beside JPEG and other sizes: figures/bench/packs.csv.
    progress : bool
        Whether a terminal shows a progress bar for each part.

    Returns
    -------
    dict
        What pack.json says.

    Raises
    ------
    UserError
        As `open_photos` does, for a size or a quality out of range, and when no photo can be used.
    """
    if size not in SIZES or quality not in range(1, 101):
        raise UserError(f"a pack has photos of {SIZES[0]} to {SIZES[-1]} pixels and quality 1 to 100: change these")
    opened = open_photos(source, size)
    about = {"format": FORMAT, "source": opened.name, "size": size, "quality": quality}
    credits = showable_credits(source, opened.test)
    with paths.atomic(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for part, photos in zip(PARTS, (opened.train, opened.test), strict=True):
            about[part] = []
            files = tqdm(_encoded(photos, quality), part, len(photos), unit="photo", disable=None if progress else True)
            for index, data in files:
                _add(archive, _member(part, photos.names[index]), data)
                about[part].append(photos.names[index])
        if not about["train"] + about["test"]:
            raise UserError(f"{source} has no usable photo")
        about["credits"] = {name: credits[name] for name in about["test"] if name in credits}
        _add(archive, "pack.json", json.dumps(about, indent=1))
    return about


def read(path, most: int | None = None) -> Pack:
    """Read the photos of a pack.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    most : int, optional
        Only the first so many of each part; None reads all.

    Returns
    -------
    Pack
        The photos and where they come from.

    Raises
    ------
    UserError
        Names the file, when it is missing, no pack, of another format, damaged or too large.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no file {path}: `nbhelpers photos pack` makes one")
    try:
        with zipfile.ZipFile(path) as archive:
            about = _about(path, archive)
            names, size = {part: about[part][:most] for part in PARTS}, about["size"]
            count = len(names["train"]) + len(names["test"])
            if count * size * size * 3 > MAX_BYTES:
                raise UserError(f"{path} has {count} photos of {size} pixels, too many at once: read fewer (`most`)")
            arrays = {part: np.empty((len(names[part]), size, size, 3), np.uint8) for part in PARTS}
            for part in PARTS:
                files = (archive.read(_member(part, name)) for name in names[part])
                for _ in in_order(_decode, zip(arrays[part], names[part], files, strict=True), jobs=-1):
                    pass
    except (UserError, MemoryError):
        raise
    except Exception as error:  # for damaged files zipfile, JSON and Pillow raise a dozen types
        what = f"is no pack of photos, or damaged ({error})"
        raise UserError(f"{path} {what}: `nbhelpers photos pack` makes one") from None
    credits = {name: about["credits"][name] for name in names["test"] if name in about["credits"]}
    return Pack(about["source"], size, about["quality"], **arrays, test_names=tuple(names["test"]), credits=credits)


def _about(path: Path, archive: zipfile.ZipFile) -> dict:
    """What pack.json says. Raises ValueError and others for a damaged file, UserError for another format."""
    if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
        raise ValueError("it is compressed")  # could unpack to any size
    about = json.loads(archive.read("pack.json"))
    if about["format"] != FORMAT:
        raise UserError(f"{path} was written by another version: make it anew with `nbhelpers photos pack`")
    texts = [about["source"], *about["train"], *about["test"], *about["credits"].values()]
    numbers = type(about["size"]) is int and about["size"] in SIZES and type(about["quality"]) is int
    if not numbers or not all(isinstance(text, str) for text in texts):
        raise ValueError("its pack.json says something else than it should")
    return about


def _add(archive: zipfile.ZipFile, name: str, data) -> None:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # the same photos give the same file at any time
    info.external_attr = 0o644 << 16  # or nobody may read it when unzipped
    archive.writestr(info, data)


def _member(part: str, name: str) -> str:
    """Where a photo stands in the ZIP file; with its own suffix, as a.jpg and a.png are two photos."""
    return f"{part}/{name.encode('utf-8', 'backslashreplace').decode()}.webp"


def _encoded(photos: Photos, quality: int):
    """Yield (index, WebP file) of the photos that can be used, in order."""

    def encode(item):
        index, rgb = item
        file = io.BytesIO()
        Image.fromarray(rgb).save(file, "WEBP", quality=quality, method=6)
        return index, file.getvalue()

    return in_order(encode, photos.read(jobs=-1), jobs=-1)


def _decode(item) -> None:
    """Fill a square, uint8 (size, size, 3), with a photo, which must have just that size."""
    square, name, data = item
    try:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:  # no pixel is decoded yet
            if image.size != square.shape[:2] or image.mode != "RGB":
                raise ValueError
            square[:] = np.array(image)
    except Exception:
        raise ValueError(f"{name} is no WebP photo of {square.shape[1]} x {square.shape[0]} pixels") from None
