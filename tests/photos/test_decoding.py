"""Every kind of file that a person may have, and every kind of broken one."""

import io
import os
import pickle
import struct
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from skimage import data

from nbhelpers.colour.tint import is_grey
from nbhelpers.errors import UserError
from nbhelpers.photos.decoding import PhotoError, in_order, read_header, read_photo, read_square, square

CAT = data.chelsea()  # (300, 451, 3)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def save(path, image, **options):
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def distance(a, b):
    return np.abs(np.asarray(a, dtype=float) - np.asarray(b, dtype=float)).mean()


def png(samples, colour_type):
    """A 16-bit PNG, which Pillow does not write for colour."""
    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return _png(struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0), rows)


def _png(header, rows):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def swapped_profile(order=(1, 0, 2)):
    """sRGB with its colorants' tags renamed: what is stored as red is shown as green."""
    profile = bytearray(SRGB)
    tags = [b"rXYZ", b"gXYZ", b"bXYZ"]
    places = [profile.index(tag, 128) for tag in tags]
    for place, other in zip(places, order, strict=True):
        profile[place : place + 4] = tags[other]
    return bytes(profile)


@pytest.mark.parametrize(
    "suffix, options, tolerance",
    [
        ("jpg", {"quality": 95}, 3),
        ("png", {}, 0),
        ("webp", {"lossless": True}, 0),
        ("bmp", {}, 0),
        ("tif", {}, 0),
        ("tif", {"compression": "tiff_lzw"}, 0),
        ("jpg", {"quality": 95, "progressive": True}, 3),
    ],
)
def test_formats_are_read_by_content(tmp_path, suffix, options, tolerance):
    path = save(tmp_path / f"cat.{suffix}", CAT, **options)
    path = path.rename(tmp_path / "a photo without a suffix")
    assert read_photo(path).shape == CAT.shape and read_photo(path).dtype == np.uint8
    assert distance(read_photo(path), CAT) <= tolerance
    assert not read_header(path).grey
    assert read_header(path).bytes == path.stat().st_size


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(tmp_path, suffix, orientation):
    # how a viewer has to turn the stored rows, by EXIF 2.32, table 6
    turn = {
        1: lambda x: x,
        2: np.fliplr,
        3: lambda x: np.rot90(x, 2),
        4: np.flipud,
        5: lambda x: x.transpose(1, 0, 2),
        6: lambda x: np.rot90(x, -1),
        7: lambda x: np.rot90(x.transpose(1, 0, 2), 2),
        8: np.rot90,
    }
    exif = Image.Exif()
    exif[274] = orientation
    path = save(tmp_path / f"cat.{suffix}", CAT, exif=exif)
    upright = turn[orientation](CAT)
    assert read_photo(path).shape == upright.shape
    assert distance(read_photo(path), upright) < 5
    assert distance(read_square(path, 100), square(np.ascontiguousarray(upright), 100)) < 5


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_is_ignored(tmp_path):
    path = save(tmp_path / "cat.jpg", CAT, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff nonsense")
    assert read_photo(path).shape == CAT.shape


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_icc_profile_is_applied(tmp_path, suffix):
    path = save(tmp_path / f"cat.{suffix}", CAT, icc_profile=swapped_profile())
    assert distance(read_photo(path), CAT[..., [1, 0, 2]]) < 4
    plain = save(tmp_path / f"plain.{suffix}", CAT, icc_profile=SRGB)
    assert distance(read_photo(plain), CAT) < 4


@pytest.mark.parametrize("profile", [b"no profile", SRGB[:200], bytes(3144)])
def test_broken_icc_profile_is_ignored(tmp_path, profile):
    assert (read_photo(save(tmp_path / "cat.png", CAT, icc_profile=profile)) == CAT).all()


def test_profile_for_other_channels_is_ignored(tmp_path):
    cmyk = Image.fromarray(CAT).convert("CMYK")
    path = save(tmp_path / "cat.tif", cmyk, icc_profile=SRGB)  # a profile for RGB
    assert distance(read_photo(path), CAT) < 1


def test_profile_with_alpha_and_with_palette(tmp_path):
    rgba = np.dstack([CAT, np.full(CAT.shape[:2], 255, np.uint8)])
    path = save(tmp_path / "alpha.png", rgba, icc_profile=swapped_profile())
    assert distance(read_photo(path), CAT[..., [1, 0, 2]]) < 1
    palette = Image.fromarray(CAT).quantize(256)
    path = save(tmp_path / "palette.png", palette, icc_profile=swapped_profile())
    assert distance(read_photo(path), np.asarray(palette.convert("RGB"))[..., [1, 0, 2]]) < 1


def test_alpha_is_laid_over_white(tmp_path):
    alpha = np.full(CAT.shape[:2], 255, np.uint8)
    alpha[:, :100], alpha[:, 100:200] = 0, 128
    for suffix in ("png", "tif", "webp"):
        path = save(
            tmp_path / f"cat.{suffix}",
            np.dstack([CAT, alpha]),
            **({"lossless": True} if suffix == "webp" else {}),
        )
        rgb = read_photo(path)
        assert (rgb[:, :100] == 255).all()
        assert distance(rgb[:, 100:200], CAT[:, 100:200] * (128 / 255) + 127) <= 1
        assert (rgb[:, 200:] == CAT[:, 200:]).all()
    path = save(tmp_path / "la.png", Image.merge("LA", [Image.fromarray(CAT[..., 0]), Image.fromarray(alpha)]))
    rgb = read_photo(path)
    assert (rgb[:, :100] == 255).all() and (rgb[:, 200:] == CAT[:, 200:, :1]).all()


def test_palette_with_and_without_transparency(tmp_path):
    palette = Image.fromarray(CAT).quantize(64)
    expected = np.asarray(palette.convert("RGB"))
    assert (read_photo(save(tmp_path / "p.png", palette)) == expected).all()
    see_through = palette.getpixel((0, 0))
    rgb = read_photo(save(tmp_path / "t.png", palette, transparency=see_through))
    hidden = np.asarray(palette) == see_through
    assert (rgb[hidden] == 255).all() and (rgb[~hidden] == expected[~hidden]).all()


def test_cmyk(tmp_path):
    cmyk = Image.fromarray(CAT).convert("CMYK")
    assert distance(read_photo(save(tmp_path / "cat.tif", cmyk)), CAT) < 1
    jpeg = save(tmp_path / "cat.jpg", cmyk, quality=95)  # stored inverted, with Adobe's marker
    assert b"Adobe" in jpeg.read_bytes()
    assert distance(read_photo(jpeg), CAT) < 4


def test_16_bits_are_scaled_not_clipped(tmp_path):
    wide = CAT.astype(np.uint16) * 257
    (tmp_path / "rgb.png").write_bytes(png(wide, 2))
    (tmp_path / "grey.png").write_bytes(png(wide[..., 0], 0))
    tifffile.imwrite(tmp_path / "rgb.tif", wide)
    tifffile.imwrite(tmp_path / "big-endian.tif", wide, byteorder=">")
    tifffile.imwrite(
        tmp_path / "planar.tif", wide.transpose(2, 0, 1).copy(), planarconfig="separate", photometric="rgb"
    )
    tifffile.imwrite(tmp_path / "grey.tif", wide[..., 0])
    tifffile.imwrite(tmp_path / "white-is-zero.tif", 65535 - wide[..., 0], photometric="miniswhite")
    for path in tmp_path.iterdir():
        grey = path.stem in ("grey", "white-is-zero")
        assert distance(read_photo(path), CAT[..., :1].repeat(3, 2) if grey else CAT) <= 0.01, path
        assert read_header(path).grey == grey, path
    tifffile.imwrite(
        tmp_path / "turned.tif",
        wide.transpose(2, 0, 1).copy(),
        planarconfig="separate",
        photometric="rgb",
        extratags=[(274, "H", 1, 6, True)],
    )
    assert (read_photo(tmp_path / "turned.tif") == np.rot90(CAT, -1)).all()


def test_samples_without_a_photographic_scale_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "float.tif", CAT[..., 0].astype(np.float32) * 1000)
    tifffile.imwrite(tmp_path / "wide.tif", CAT[..., 0].astype(np.uint32) * 100_000)
    for path in tmp_path.iterdir():
        with pytest.raises(PhotoError, match=path.name):
            read_photo(path)


@pytest.mark.parametrize("mode", ["1", "L", "LA"])
def test_grey_files_are_read_and_known_by_their_header(tmp_path, mode):
    grey = Image.fromarray(CAT).convert(mode)
    path = save(tmp_path / "grey.png", grey)
    assert read_header(path).grey
    assert is_grey(read_photo(path)) and not is_grey(CAT)
    assert (read_photo(path) == np.asarray(grey.convert("RGB"))).all()


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.fromarray(np.roll(CAT, 50 * i, axis=1)) for i in range(3)]
    for name, options in (("a.png", {}), ("a.webp", {"lossless": True}), ("a.tif", {})):
        path = save(tmp_path / name, frames[0], save_all=True, append_images=frames[1:], **options)
        assert (read_photo(path) == CAT).all(), name


# ---- files that cannot be used


def broken_files():
    jpeg, image = io.BytesIO(), Image.fromarray(CAT)
    image.save(jpeg, "JPEG")
    jpeg = jpeg.getvalue()
    whole = {}
    for form in ("PNG", "WEBP", "BMP", "TIFF"):
        image.save(buffer := io.BytesIO(), form)
        whole[form] = buffer.getvalue()
    yield "empty.jpg", b"", "empty file"
    yield (
        "text.jpg",
        b"This is no photo. " * 100,
        "not a JPEG, PNG, WebP, BMP, TIFF, GIF, JPEG 2000, AVIF or HEIC image",
    )
    yield (
        "page.png",
        b"<html><body>404</body></html>",
        "not a JPEG, PNG, WebP, BMP, TIFF, GIF, JPEG 2000, AVIF or HEIC image",
    )
    yield "cut.jpg", jpeg[: len(jpeg) // 2], "truncated"
    yield "stub.jpg", jpeg[:40], "damaged|truncated"
    for form, content in whole.items():
        yield f"cut.{form.lower()}", content[: len(content) // 2], "truncated|damaged"
    flipped = bytearray(whole["PNG"])
    flipped[len(flipped) // 2] ^= 255
    yield "flipped.png", bytes(flipped), "damaged|truncated"
    bomb = _png(struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0), b"\0" * 1000)
    yield "bomb.png", bomb, "more than 100 megapixels"


@pytest.mark.parametrize(
    "name, content, reason", list(broken_files()), ids=lambda value: value if isinstance(value, str) else ""
)
@pytest.mark.parametrize("read", [read_header, read_photo, lambda path: read_square(path, 64)])
def test_broken_files_are_refused_by_name_and_reason(tmp_path, name, content, reason, read):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=reason) as caught:
        read(path)
    assert isinstance(caught.value, UserError) and name in str(caught.value)


def test_a_large_photo_within_the_limit_is_no_reason_to_warn(tmp_path):
    Image.new("1", (9_600, 9_600)).save(tmp_path / "large.png")  # 92 megapixels; Pillow warns from 89 on
    code = (
        f"from nbhelpers.photos.decoding import read_header; print(read_header({str(tmp_path / 'large.png')!r}).grey)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_bomb_just_over_the_limit(tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(_png(struct.pack(">IIBBBBB", 10_001, 10_000, 8, 2, 0, 0, 0), b"\0" * 1000))
    limit, before = Image.MAX_IMAGE_PIXELS, time.perf_counter()
    with pytest.raises(PhotoError, match="10001 x 10000 is more than 100 megapixels"):
        read_photo(path)
    assert time.perf_counter() - before < 5  # refused by the header: nothing of that size is made
    assert Image.MAX_IMAGE_PIXELS == limit


def test_a_padded_jpeg_is_whole(tmp_path):
    path = save(tmp_path / "cat.jpg", CAT)
    path.write_bytes(path.read_bytes() + bytes(40))
    read_header(path)
    path.write_bytes(path.read_bytes() + b"a camera's film clip" * 1000)  # no end marker in sight: decoded to be sure
    read_header(path)


def test_missing_and_special_files(tmp_path):
    with pytest.raises(PhotoError, match="no such file"):
        read_photo(tmp_path / "missing.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PhotoError, match="regular file"):
        read_header(tmp_path / "pipe.jpg")


def test_errors_survive_pickling():
    error = pickle.loads(pickle.dumps(PhotoError("a.jpg", "truncated")))
    assert (error.path, error.reason) == ("a.jpg", "truncated") and "a.jpg" in str(error)


# ---- squares


def test_square_cuts_the_centre():
    assert (square(CAT, 300) == CAT[:, 75:375]).all()
    assert (square(CAT.transpose(1, 0, 2), 300) == CAT[:, 75:375].transpose(1, 0, 2)).all()
    assert square(CAT, 64).shape == square(CAT[:, :7], 64).shape == (64, 64, 3)
    reference = np.asarray(Image.fromarray(CAT).resize((451 * 64 // 300, 64), Image.Resampling.LANCZOS))
    assert distance(square(CAT, 64), reference[:, 16:80]) < 3


def test_large_jpegs_are_decoded_small_without_visible_loss(tmp_path):
    large = np.asarray(Image.fromarray(CAT).resize((3608, 2400), Image.Resampling.BICUBIC))
    path = save(tmp_path / "large.jpg", large, quality=95)
    assert distance(read_square(path, 400), square(read_photo(path), 400)) < 0.5
    assert read_photo(path).shape == large.shape


# ---- decoding ahead


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_in_order_keeps_order_and_bounds(jobs):
    started, lock = [], threading.Lock()

    def work(i):
        with lock:
            started.append(i)
        time.sleep(0.002 * (i % 3))
        return i

    for consumed, result in enumerate(in_order(work, range(40), jobs), start=1):
        assert result == consumed - 1
        with lock:
            assert len(started) <= consumed + 2 * jobs
    assert sorted(started) == list(range(40))


def test_in_order_stops_when_its_consumer_does():
    started = []
    results = in_order(lambda i: started.append(i) or i, range(1000), 2)
    assert next(results) == 0
    results.close()
    assert len(started) < 10
