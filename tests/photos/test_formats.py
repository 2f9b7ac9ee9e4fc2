"""Pictures are told by content, whatever their names; what is passed over is named."""

import builtins
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from nbhelpers.photos import folders, formats, open_photos
from nbhelpers.photos.decoding import PhotoError, read_header, read_photo, read_whole

CAT = np.array(Image.fromarray(data.chelsea()).resize((96, 64)))
HEIC = Path(__file__).with_name("cat.heic")  # of scikit-image's cat, CC0, as CAT
MARKS = {
    "JPEG": ("jpg", {}), "PNG": ("png", {}), "WEBP": ("webp", {}), "BMP": ("bmp", {}), "TIFF": ("tif", {}),
    "GIF": ("gif", {}), "JPEG2000": ("jp2", {}), "AVIF": ("avif", {}),
}  # fmt: skip


def saved(path, image=CAT, **options):
    Image.fromarray(image).save(path, **options)
    return path


@pytest.fixture
def without_heic(monkeypatch):
    """The reader of HEIC files is not installed."""
    real = builtins.__import__

    def absent(name, *rest):
        if name == "pi_heif":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)


@pytest.mark.parametrize("form", MARKS)
def test_each_format_is_known_and_read_without_a_name(tmp_path, form):
    suffix, options = MARKS[form]
    path = saved(tmp_path / f"a.{suffix}", **options).rename(tmp_path / "IMG_0001.xyz")
    with path.open("rb") as file:
        assert formats.of(file) == form and formats.is_readable(form)
    assert np.abs(read_photo(path) - CAT.astype(int)).mean() < 9 and not read_header(path).grey
    assert folders.below(tmp_path).photos == ["IMG_0001.xyz"]


def test_a_heic_photo_is_read(tmp_path):
    pytest.importorskip("pi_heif")
    path = shutil.copy(HEIC, tmp_path / "photo.jpg")
    assert np.abs(read_photo(path) - CAT.astype(int)).mean() < 9 and not read_header(path).grey


def test_a_heic_photo_names_what_to_install(tmp_path, without_heic):
    for read in (read_header, read_photo):
        with pytest.raises(PhotoError, match=r"needs pi-heif \(pip install pi-heif\), or has to be saved as JPEG"):
            read(HEIC)
    assert not formats.is_readable("HEIF")
    shutil.copy(HEIC, tmp_path / "photo")
    assert folders.below(tmp_path).photos == ["photo"]  # to be told, not passed over


def test_avif_without_its_reader(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.avif")
    monkeypatch.setattr(formats.features, "check", lambda name: False)
    with pytest.raises(PhotoError, match="needs a newer Pillow"):
        read_photo(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"8BPS\0\1" + bytes(40), "a Photoshop document, which has to be saved as PNG, TIFF or JPEG first"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"\xff\x0a" + bytes(40), "a JPEG XL photo"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(40), "a JPEG XL photo"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", "a camera's raw file"),
        (b"FUJIFILMCCD-RAW 0201", "a camera's raw file"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(40), "a camera's raw file"),
        (b"BMW is no bitmap, though it begins as one", "not a JPEG, PNG"),
        (b"\0\0\0\x18ftypisom" + bytes(40), "not a JPEG, PNG"),
        (b"RIFF\0\0\0\0WAVEfmt ", "not a JPEG, PNG"),
        (b"", "empty file"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "damaged header"),
    ],
)
def test_other_files_are_named_with_the_way_out(tmp_path, content, words):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    for read in (read_header, read_photo):
        with pytest.raises(PhotoError, match=words):
            read(path)


def test_a_folder_is_searched_by_content(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / ".thumbs").mkdir()
    (tmp_path / "out").mkdir()
    for name in ("a.jfif", "b.jpe", "c", "deep/d.txt", ".hidden", ".thumbs/e.jpg", "out/f.jpg"):
        saved(tmp_path / name, format="JPEG")
    for name in ("notes.txt", ".DS_Store", "clip.mp4", "broken.jpg"):
        (tmp_path / name).write_text("no picture")
    (tmp_path / "drawing.psd").write_bytes(b"8BPS\0\1")
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "missing")
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "c")
    (tmp_path / "elsewhere").symlink_to(tmp_path / "deep")
    os.mkfifo(tmp_path / "log.txt")
    found = folders.below(tmp_path, tmp_path / "out")
    assert found.photos == ["a.jfif", "b.jpe", "broken.jpg", "c", "deep/d.txt", "linked.jpg"] and found.unreadable == []
    assert dict(found.passed_over) == {
        ".DS_Store": folders.HIDDEN, ".hidden": folders.HIDDEN, ".thumbs/": folders.HIDDEN,
        "clip.mp4": folders.NO_PICTURE, "notes.txt": folders.NO_PICTURE,
        "elsewhere/": folders.LINKED, "log.txt": folders.NOTHING, "nowhere.jpg": folders.NOTHING,
        "drawing.psd": "a Photoshop document, which has to be saved as PNG, TIFF or JPEG first",
    }  # fmt: skip


def test_a_folder_of_photos_with_a_pipe_does_not_wait(tmp_path):
    """Nobody writes into it, so that whoever opens it to look waits for ever."""
    saved(tmp_path / "a.png")
    for name in ("log.txt", "readme", "pipe.jpg"):
        os.mkfifo(tmp_path / name)
    opened = open_photos(tmp_path, size=32)
    assert len(opened.train) + len(opened.test) == 1 and opened.beside == ("log.txt", "pipe.jpg", "readme")


@pytest.mark.parametrize(
    ("brands", "form"),
    [
        (b"mif1\0\0\0\0mif1avifmiaf", "AVIF"), (b"mif1\0\0\0\0mif1heic", "HEIF"), (b"heif\0\0\0\0", "HEIF"),
        (b"isom\0\0\0\0mp41", ""), (b"crx \0\0\0\1crx isom", ""),
    ],
)  # fmt: skip
def test_brands_of_a_container_are_looked_through(tmp_path, brands, form):
    content = len(brands + b"xxxxxxxx").to_bytes(4, "big") + b"ftyp" + brands
    assert formats.of(io.BytesIO(content + bytes(40) + b"avif")) == form


@pytest.mark.parametrize(
    ("names", "words"),
    [([], ""), (["a"], "a"), (list("abcde"), "a, b, c, d, e"), (list("abcdefg"), "a, b, c, d, e and 2 more")],
)
def test_names_in_a_sentence(names, words):
    assert folders.named(names) == words


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_of_several_frames_the_first_is_taken_and_that_is_said(tmp_path, suffix):
    frames = [Image.fromarray(np.roll(CAT, 20 * i, axis=1)) for i in range(3)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    whole = read_whole(tmp_path / f"a.{suffix}")
    assert whole.notes == (("several pages or frames, of which the first is taken", "3"),)
    first = Image.open(io.BytesIO(saved(tmp_path / f"b.{suffix}").read_bytes())).convert("RGB")
    assert np.abs(whole.rgb - np.asarray(first).astype(int)).mean() < 9


def test_a_preview_behind_a_tiff_is_no_page(tmp_path):
    import tifffile

    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(CAT, photometric="rgb")
        file.write(CAT[::4, ::4], photometric="rgb", subfiletype=1)
    assert read_whole(tmp_path / "a.tif").notes == ()
