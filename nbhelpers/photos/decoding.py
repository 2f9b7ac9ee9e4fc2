"""From a photo file to sRGB bytes, as a person would see it: upright, in sRGB, alpha over white.

Files are told apart by content, never by name, and nothing but the `READABLE` formats is decoded.
"""

from __future__ import annotations

import collections
import itertools
import os
import stat
import warnings
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from nbhelpers.errors import UserError
from nbhelpers.photos import formats, metadata, samples, tags
from nbhelpers.photos.metadata import Metadata
from nbhelpers.photos.profiles import deep_to_srgb, gamma_profile, to_srgb
from nbhelpers.photos.samples import Samples, Unsuitable
from nbhelpers.photos.tags import Block, Directory

MAX_PIXELS = 100_000_000
GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N"}
# Pillow warns below our own limit already.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# It warns of each tag in broken EXIF data, too, of which we say what is lost.
warnings.filterwarnings("ignore", module=r"PIL\.TiffImagePlugin")
# EXIF's orientations, as what has to be done to the stored rows.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_CHANNELS = {0: 1, 1: 1, 2: 3, 5: 4}  # colours of a TIFF, by how it says that they are stored
_DARK = {4095: 12, 16383: 14}  # of 65,535: the brightest sample where so many bits were stored as 16


class PhotoError(UserError):
    """A photo that cannot be used.

    Parameters
    ----------
    path : str or os.PathLike
        Names the photo.
    reason : str
        Why, in a few words.
    advice : str
        The way out; "" when the reason has it.
    """

    def __init__(self, path, reason: str, advice: str = "replace it or take it out"):
        super().__init__(str(path), reason, advice)  # all in args, so that the error survives pickling
        self.path, self.reason, self.advice = str(path), reason, advice

    def __str__(self):
        return f"{self.path} cannot be used as a photo: {self.reason}{f'; {self.advice}' if self.advice else ''}."


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

    grey: bool
    bytes: int
    mtime_ns: int


class Whole(NamedTuple):
    """A photo with what its file says beside the pixels.

    Attributes
    ----------
    rgb : np.ndarray
        (H, W, 3) uint8, sRGB, upright, alpha over white.
    metadata : Metadata
        EXIF data, profile, XMP, print size, texts.
    notes : tuple
        (what, detail): what these pixels do not show of the file, as ("transparency, laid over white", "").
    """

    rgb: np.ndarray
    metadata: Metadata
    notes: tuple[tuple[str, str], ...]

    def told(self) -> list[tuple[str, str]]:
        """All that a person should hear of a file made of it: the notes, and what metadata are left out."""
        return [*self.notes, *((f"left out of the new file, {what}", "") for what in self.metadata.left_out)]


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
        with open(path, "rb") as file:
            form = formats.of(file)
            if form == "TIFF":
                grey = _decoded(path).grey
            else:
                with _opened(path, file) as image:
                    grey = image.mode in GREY_MODES or bool(image.tile) and image.tile[0][3] == "LA;16B"
                    if form == "PNG":
                        image.verify()
                    elif form != "JPEG" or not _ends_as_jpeg(file):
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
    return np.array(_over_white(_decoded(path)))


def read_whole(path) -> Whole:
    """Read a photo at its own size, with what its file says.

    Parameters
    ----------
    path : str or os.PathLike
        The file.

    Returns
    -------
    Whole
        Pixels, metadata, and what is to be said of them.

    Raises
    ------
    PhotoError
        When the file cannot be used.
    """
    found = _decoded(path, whole=True)
    return Whole(np.array(_over_white(found)), found.metadata, tuple(found.notes))


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
    found = _decoded(path)
    return np.array(found.rgb), None if found.alpha is None else np.array(found.alpha)


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
    return square(_over_white(_decoded(path, size)), size)


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


class _Pixels(NamedTuple):
    rgb: Image.Image  # sRGB, the colours below the alpha, as they are stored
    alpha: Image.Image | None
    fits: bool  # whether the profile was applied, if there is one
    turn: int = 1  # EXIF's orientation
    deep: Samples | None = None  # what `rgb` was made of


class _Decoded(NamedTuple):
    rgb: Image.Image  # upright, sRGB: the colours below the alpha
    alpha: Image.Image | None
    grey: bool  # stored without colour
    metadata: Metadata
    notes: list[tuple[str, str]]


def _decoded(path, size: int | None = None, whole: bool = False) -> _Decoded:
    """Decode a photo.

    With `size`, a JPEG may come out smaller, though at least twice that size. Metadata and notes are collected with
    `whole` alone.
    """
    with _named_errors(path), open(path, "rb") as file:
        form, page, deep = formats.of(file), None, None
        if form == "TIFF" and (page := next(Block.of(file).pages(tags.PICTURE), None)):
            _check_pixels(path, page.first(tags.WIDTH), page.first(tags.LENGTH))
            deep = samples.tiff_samples(file, page)
        if deep is None:
            with _opened(path, file) as image:
                return _finished(file, form, page, _by_pillow(file, image, form, size), image, whole)
        profile = page.values[tags.PROFILE].data if tags.PROFILE in page.values else None
        pixels = _of_samples(deep, profile, metadata.orientation(page))
        return _finished(file, form, page, pixels, None, whole)


def _by_pillow(file, image: Image.Image, form: str, size: int | None) -> _Pixels:
    if size:
        image.draft(None, (2 * size, 2 * size))  # lets libjpeg skip frequencies that resizing would drop
    image.load()
    image.info, turn = metadata.info_of(image), 1
    with suppress(Exception):  # broken EXIF data raise a dozen types; the picture itself is fine
        turn = image.getexif().get(tags.ORIENTATION, 1)  # 1 in a TIFF, which Pillow has turned already
    turn, profile = turn if turn in _TURNS else 1, image.info.get("icc_profile")
    if form == "PNG":
        profile = profile or gamma_profile(image.info, image.mode in GREY_MODES)
        if samples.depth(file, form) > 8:
            return _of_samples(samples.png_samples(file), profile, turn)
    return _of_bytes(image, profile)._replace(turn=turn)


def _finished(file, form: str, page: Directory | None, pixels: _Pixels, image, whole: bool) -> _Decoded:
    """Turn a decoded photo upright, and say of it what there is to say; `image` is None where Pillow was not asked."""
    turn, deep = pixels.turn, pixels.deep
    rgb, alpha = (part.transpose(_TURNS[turn]) if part and turn > 1 else part for part in pixels[:2])
    grey = deep.colours.ndim == 2 if deep else image.mode in GREY_MODES
    if not whole:
        return _Decoded(rgb, alpha, grey, Metadata(), [])
    notes, pages = [], getattr(image, "n_frames", 1)
    if page:
        every = Block.of(file).pages({tags.SUBFILE, tags.WIDTH})
        pages = sum(1 for other in every if not other.first(tags.SUBFILE) & 1)  # without previews
        about = metadata.of_tiff(file, page, rgb.size, metadata.orientation(page) > 4)
    else:
        about = metadata.of_image(image, file, rgb.size, turn > 4)
    if not pixels.fits:
        notes.append(("a colour profile that is damaged or of another kind, so that the plain numbers were taken", ""))
    if pages > 1:
        notes.append(("several pages or frames, of which the first is taken", f"{pages}"))
    if (page.first(tags.BITS) if page else samples.depth(file, form)) > 8:
        notes.append(("more than 8 bits a sample, which become 8", ""))
    if deep and not about.icc and (bits := next((bits for top, bits in _DARK.items() if deep.brightest <= top), 0)):
        notes.append((f"samples so dark that they may be {bits} bits in 16", f"the brightest is {deep.brightest:,}"))
    colours = _CHANNELS.get(page.first(tags.PHOTOMETRIC)) if page else None
    if colours and page.first(tags.SAMPLES) > colours + (alpha is not None):
        notes.append(("a channel beside the colours, as a scanner's infrared, which is left out", ""))
    if alpha is not None and alpha.getextrema()[0] < 255:
        notes.append(("transparency, laid over white", ""))
    return _Decoded(rgb, alpha, grey, about, notes)


def _of_samples(deep: Samples, profile: bytes | None, turn: int) -> _Pixels:
    alpha = None if deep.alpha is None else Image.fromarray((deep.alpha >> 8).astype(np.uint8))
    rgb, fits = deep_to_srgb(deep.colours, profile)
    return _Pixels(rgb, alpha, fits, turn, deep)


def _over_white(found: _Decoded) -> Image.Image:
    if found.alpha is None:
        return found.rgb
    white = Image.new("RGB", found.rgb.size, "white")
    white.paste(found.rgb, mask=found.alpha)
    return white


def _of_bytes(image: Image.Image, profile: bytes | None) -> _Pixels:
    """A Pillow image of any mode."""
    alpha = None
    if image.mode.startswith("I"):  # JPEG 2000
        rgb, fits = deep_to_srgb(np.asarray(image).astype(np.uint16), profile)
        return _Pixels(rgb, None, fits)
    if image.mode == "La":  # multiplied by its alpha
        image = image.convert("LA")
    if image.has_transparency_data:
        grey = image.mode in ("L", "LA")  # a grey profile fits only the grey channel
        image = image.convert("LA" if grey else "RGBA")
        alpha = image.getchannel("A")
        image = image.convert("L" if grey else "RGB")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    rgb, fits = to_srgb(image, profile)
    return _Pixels(rgb, alpha, fits)


@contextmanager
def _opened(path, file):
    form = formats.of(file)
    if not formats.is_readable(form):
        raise UnidentifiedImageError
    file.seek(0)
    with Image.open(file, formats=[form]) as image:
        _check_pixels(path, image.width, image.height)
        yield image


def _check_pixels(path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise PhotoError(path, f"{width} x {height} is more than 100 megapixels")


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
        reason, way_out = formats.why_not(path)
        raise (PhotoError(path, reason, "") if way_out else PhotoError(path, reason)) from None
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise PhotoError(path, error.strerror.lower(), "check its name and permissions") from None
    except Unsuitable as error:
        raise PhotoError(path, str(error), "") from None
    except MemoryError:
        raise PhotoError(path, "it needs more memory than there is") from None
    except Exception as error:  # for broken files Pillow raises OSError, SyntaxError, struct.error …
        truncated = "truncated" in str(error).lower() or isinstance(error, EOFError)
        said = f"damaged ({error})" if isinstance(error, (OSError, SyntaxError)) else "damaged"
        raise PhotoError(path, "truncated" if truncated else said) from error
