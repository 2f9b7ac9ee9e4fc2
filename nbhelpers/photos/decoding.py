"""From a photo file to sRGB bytes, as a person would see it: upright, in sRGB, alpha over white.

Files are told apart by content, never by name, and nothing but JPEG, PNG, WebP, BMP and TIFF is decoded.
"""

from __future__ import annotations

import collections
import io
import itertools
import os
import stat
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from nbhelpers.errors import UserError

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
MAX_PIXELS = 100_000_000
GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"}
# Pillow warns below our own limit already.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
_PROFILE_ERRORS = (ImageCms.PyCMSError, OSError, ValueError, TypeError)
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"BM", b"II*\0", b"MM\0*")
_ORIENTATION, _BITS, _PHOTOMETRIC, _PLANAR = 274, 258, 262, 284  # TIFF and EXIF tags
# Tags that say how a file stores its pixels; those of a TIFF stand among its EXIF data and fit no other file.
_STORAGE = {254, 255, 256, 257, _BITS, 259, _PHOTOMETRIC, 266, 273, _ORIENTATION, 277, 278, 279, 280, 281, _PLANAR}
_STORAGE |= {292, 293, 297, 301, 317, 318, 319, 320, 322, 323, 324, 325, 330, 332, 338, 339, 347, 513, 514, 529, 530}
_STORAGE |= {531, 532, 700, 34377, 34675}


class PhotoError(UserError):
    """A photo that cannot be used.

    Parameters
    ----------
    path : str or os.PathLike
        Names the photo.
    reason : str
        Why, in a few words.
    """

    def __init__(self, path, reason: str):
        super().__init__(str(path), reason)  # both in args, so that the error survives pickling
        self.path, self.reason = str(path), reason

    def __str__(self):
        return f"{self.path} cannot be used as a photo: {self.reason}; replace it or take it out."


class Header(NamedTuple):
    """What can be said about a photo file without decoding it.

    Attributes
    ----------
    grey : bool
        Whether it is stored without colour.
    bytes : int
        The size of the file.
    mtime_ns : int
        When it was last changed, in nanoseconds since 1970.
    """

    grey: bool  # stored without colour
    bytes: int
    mtime_ns: int


class Whole(NamedTuple):
    """A photo with what its file says beside the pixels.

    Attributes
    ----------
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB, upright, alpha over white.
    exif : bytes
        Without what no longer fits these pixels, orientation above all; b"" when absent or broken.
    icc : bytes or None
        The embedded colour profile, whatever it is: see `from_srgb`.
    """

    rgb: np.ndarray  # sRGB uint8 (H, W, 3), upright, alpha over white
    exif: bytes  # without what no longer fits these pixels, orientation above all; b"" when absent or broken
    icc: bytes | None  # the embedded colour profile, whatever it is: see `from_srgb`


def read_header(path) -> Header:
    """Check a photo file cheaply: type, pixel count, and that its end is there.

    JPEG: header and end marker; PNG: every checksum; the others, and a JPEG without end marker, are decoded.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    Header
        What it says.

    Raises
    ------
    PhotoError
        When the file cannot be used.
    """
    with _named_errors(path):
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError(path, "not a regular file")  # opening a pipe would wait for ever
        with open(path, "rb") as file, _opened(path, file) as image:
            grey = image.mode in GREY_MODES
            if image.format == "PNG":
                image.verify()
            elif image.format not in ("JPEG", "MPO") or not _ends_as_jpeg(file):
                image.load()
        return Header(grey, status.st_size, status.st_mtime_ns)


def read_photo(path) -> np.ndarray:
    """Read a photo at its own size.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    np.ndarray
        (H, W, 3) uint8, sRGB, upright, alpha over white.

    Raises
    ------
    PhotoError
        When the file cannot be used.
    """
    return np.array(_load(path))


def read_whole(path) -> Whole:
    """Read a photo at its own size, with its EXIF data and its colour profile.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    Whole
        Pixels, EXIF data and profile.

    Raises
    ------
    PhotoError
        When the file cannot be used.
    """
    with _upright(path) as (image, pixels):
        return Whole(np.array(as_rgb(pixels)), _exif(image), image.info.get("icc_profile"))


def read_layer(path) -> tuple[np.ndarray, np.ndarray | None]:
    """Read a picture that is to lie over a photo.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB, upright: the colours below the alpha, mixed with nothing.
    alpha : np.ndarray or None
        (H, W) uint8; None where the picture has none.

    Raises
    ------
    PhotoError
        When the file cannot be used.
    """
    with _upright(path) as (_, pixels):
        image, alpha = _without_alpha(pixels)
        return np.array(image), None if alpha is None else np.array(alpha)


def read_square(path, size: int) -> np.ndarray:
    """Read the centre square of a photo, see `square`.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    size : int
        Pixels of the square's side.

    Returns
    -------
    np.ndarray
        (size, size, 3) uint8, sRGB.

    Raises
    ------
    PhotoError
        When the file cannot be used.
    """
    return square(_load(path, size), size)


def square(rgb, size: int) -> np.ndarray:
    """The centre square of a photo, resized (Lanczos).

    Parameters
    ----------
    rgb : np.ndarray or PIL.Image.Image
        (H, W, 3) uint8, or an RGB Pillow image.
    size : int
        Pixels of the square's side. A shorter side equal to it is not resampled.

    Returns
    -------
    np.ndarray
        (size, size, 3) uint8.
    """
    image = rgb if isinstance(rgb, Image.Image) else Image.fromarray(np.asarray(rgb, dtype=np.uint8))
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    box = (left, top, left + side, top + side)
    if side == size:
        return np.array(image.crop(box))
    return np.array(image.resize((size, size), Image.Resampling.LANCZOS, box=box))


def as_rgb(image: Image.Image) -> Image.Image:
    """Convert a Pillow image to sRGB: embedded profile applied, alpha over white.

    Parameters
    ----------
    image : PIL.Image.Image
        Of any mode; 16-bit grey is scaled to 8 bits.

    Returns
    -------
    PIL.Image.Image
        Of mode RGB.

    Raises
    ------
    ValueError
        For samples that have no photographic scale: floating-point or 32-bit ones.
    """
    image, alpha = _without_alpha(image)
    if alpha is None:
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=alpha)
    return white


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
    except _PROFILE_ERRORS:
        return None
    return np.array(converted)


def is_grey(rgb: np.ndarray) -> bool:
    """Whether the three channels of a photo are equal everywhere.

    Parameters
    ----------
    rgb : np.ndarray
        (H, W, 3).

    Returns
    -------
    bool
        True for a photo without colour.
    """
    return bool((rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all())


def in_order(function, items: Iterable, jobs: int) -> Iterator:
    """Like map, with threads that run at most two items each ahead of the user.

    Parameters
    ----------
    function : callable
        Called with one item.
    items : iterable
        What to call it with.
    jobs : int
        Threads; -1 is one per core.

    Yields
    ------
    object
        What `function` returns, in the order of the items.
    """
    jobs = (os.cpu_count() or 1) if jobs < 0 else max(jobs, 1)
    if jobs == 1:
        yield from map(function, items)
        return
    items, waiting = iter(items), collections.deque()
    with ThreadPoolExecutor(jobs) as pool:  # joblib's generator would run ahead without a bound
        try:
            waiting.extend(pool.submit(function, item) for item in itertools.islice(items, 2 * jobs))
            while waiting:
                result = waiting.popleft().result()
                waiting.extend(pool.submit(function, item) for item in itertools.islice(items, 1))
                yield result
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _load(path, size: int | None = None) -> Image.Image:
    """Decode a photo to sRGB; with `size`, a JPEG may come out smaller, though at least twice that size."""
    with _upright(path, size) as (_, pixels):
        return as_rgb(pixels)


@contextmanager
def _upright(path, size: int | None = None):
    """Yield a file as Pillow opened it, and its pixels, decoded and upright: mostly the same image."""
    with _named_errors(path), open(path, "rb") as file, _opened(path, file) as image:
        if size:
            image.draft(None, (2 * size, 2 * size))  # lets libjpeg skip frequencies that resizing would drop
        if image.format == "TIFF" and image.tag_v2.get(_PLANAR) == 2 and 16 in image.tag_v2.get(_BITS, ()):
            yield image, _planar_tiff(path, image)
            return
        image.load()
        with suppress(Exception):  # broken EXIF data raise a dozen types; the picture itself is fine
            ImageOps.exif_transpose(image, in_place=True)
        yield image, image


def _exif(image: Image.Image) -> bytes:
    with suppress(Exception):  # as above
        exif = image.getexif()
        for tag in _STORAGE & set(exif):
            del exif[tag]
        return exif.tobytes() if len(exif) else b""
    return b""


def _without_alpha(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """A Pillow image of any mode as sRGB, and its alpha (L) where it has one; see `as_rgb`."""
    profile, alpha = image.info.get("icc_profile"), None
    if image.mode.startswith("I"):
        image = _grey_16(image)
    elif image.mode == "F":
        raise ValueError("floating-point samples: save it with 8 or 16 bits")
    elif image.has_transparency_data:
        grey = image.mode == "LA"  # a grey profile fits only the grey channel
        image = image if grey else image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if grey else "RGB")
    elif image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    if profile:
        image = _to_srgb(image, profile)
    return image.convert("RGB"), alpha


def _grey_16(image: Image.Image) -> Image.Image:
    levels = np.asarray(image).astype(np.int64)
    if levels.min() < 0 or levels.max() > 65535:
        raise ValueError("32-bit samples: save it with 8 or 16 bits")
    if image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == 0:
        levels = 65535 - levels  # white is zero; Pillow inverts only 8-bit samples
    return Image.fromarray(((levels * 255 + 32767) // 65535).astype(np.uint8))


def _planar_tiff(path, image: Image.Image) -> Image.Image:
    """16-bit TIFF with its channels one after another, which Pillow reads as noise."""
    import tifffile

    planes = tifffile.imread(path, key=0)[:3].astype(np.uint32)
    rgb = Image.fromarray(((planes * 255 + 32767) // 65535).astype(np.uint8).transpose(1, 2, 0).copy())
    turn = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}.get(image.tag_v2.get(_ORIENTATION, 1))
    return rgb if turn is None else rgb.transpose(Image.Transpose(turn))


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except _PROFILE_ERRORS:
        return image  # a broken profile, or one for other channels: viewers show the plain numbers


@contextmanager
def _opened(path, file):
    with Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise PhotoError(path, f"{image.width} x {image.height} is more than 100 megapixels")
        yield image


def _ends_as_jpeg(file) -> bool:
    file.seek(-min(64, os.fstat(file.fileno()).st_size), os.SEEK_END)
    return file.read().rstrip(b"\0\r\n ").endswith(b"\xff\xd9")  # some cameras pad


@contextmanager
def _named_errors(path):
    """Turn whatever goes wrong with a file into a PhotoError that names it."""
    try:
        yield
    except (PhotoError, KeyboardInterrupt):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PhotoError(path, "its header claims more than 100 megapixels") from None
    except UnidentifiedImageError:
        raise PhotoError(path, _unidentified(path)) from None
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise PhotoError(path, error.strerror.lower()) from None
    except Exception as error:  # for broken files Pillow raises OSError, SyntaxError, struct.error …
        truncated = "truncated" in str(error).lower() or isinstance(error, EOFError)
        raise PhotoError(path, "truncated" if truncated else f"damaged ({error})") from error


def _unidentified(path) -> str:
    with open(path, "rb") as file:
        start = file.read(4)
    if not start:
        return "empty file"
    if start.startswith(_SIGNATURES):
        return "damaged header, or samples of a rare kind"
    return "not a JPEG, PNG, WebP, BMP or TIFF image"
