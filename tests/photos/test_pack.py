"""Photos in one file that travels, and a reader that trusts nothing in it."""

import io
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from nbhelpers import cli, paths, photos
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.errors import UserError
from nbhelpers.photos import cache, pack

NOTES = {"test_color/b.jpg": "CC BY 2.0", "test_color/c.jpg": "all rights reserved", "train_color/a.jpg": "CC BY 2.0"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Photos with a SOURCES.csv; two have the same stem, one training photo is grey but stored in colour."""
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    root, random = tmp_path / "set", np.random.default_rng(0)
    for name in ("train_color/a.jpg", "train_color/a.png", "train_color/grey.png", *list(NOTES)[:2]):
        rgb = random.integers(0, 255, (24, 20, 3), np.uint8)
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rgb[..., :1].repeat(3, 2) if "grey" in name else rgb).save(root / name)
    lines = [f"{name},Ann,{note}" for name, note in NOTES.items()]
    (root / "SOURCES.csv").write_text("\n".join(["file,attribution,licence_note", *lines]))
    return root


@pytest.fixture(scope="module")
def packed(sample, tmp_path_factory):
    """The sample's photos of 96 x 96 pixels in a file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "DATA", tmp_path_factory.mktemp("data"))
        path = tmp_path_factory.mktemp("pack") / "new" / "sample.zip"
        pack.write("sample", path, size=96)
    return path


def altered(packed, tmp_path, change=None, compression=zipfile.ZIP_STORED, **about):
    """A copy of the file with `about` in its pack.json, and the members that `change` names and gives."""
    path = tmp_path / "altered.zip"
    with zipfile.ZipFile(packed) as old, zipfile.ZipFile(path, "w", compression) as new:
        files = {name: old.read(name) for name in old.namelist()} | (change or {})
        files["pack.json"] = json.dumps(json.loads(files["pack.json"]) | about)
        for name, data in files.items():
            new.writestr(name, data)
    return path


def webp(mode="RGB", side=96):
    """A WebP file of 96 x 96 pixels that claims another side."""
    file = io.BytesIO()
    Image.new(mode, (96, 96), (255, 0, 0, 99)[: len(mode)]).save(file, "WEBP")
    data = file.getvalue()
    return data if side == 96 else data[:26] + side.to_bytes(2, "little") * 2 + data[30:]


def test_what_is_read_looks_like_what_was_written(packed, sample):
    found = pack.read(packed)
    assert (found.source, found.size, found.quality) == ("sample", 96, 80)
    assert found.test_names == sample.test.names == tuple(found.credits)
    assert found.credits["coffee"] == "Rachel Michetti, CC0"
    for part, truth in ((found.train, sample.train), (found.test, sample.test)):
        assert part.dtype == np.uint8 and part.shape == (len(truth), 96, 96, 3)
        for rgb, expected in zip(part, truth, strict=True):
            error = ((rgb_to_lab(rgb) - rgb_to_lab(expected)) ** 2).mean((0, 1))
            assert error[0] < 5 and error[1:].mean() < 35  # the worst: 3.1 and 25.6


def test_only_the_first_photos_are_decoded(packed, tmp_path):
    whole, few = pack.read(packed), pack.read(altered(packed, tmp_path, {"test/flower.webp": b"no photo"}), most=2)
    assert (few.train == whole.train[:2]).all() and (few.test == whole.test[:2]).all()
    assert few.test_names == whole.test_names[:2] == tuple(few.credits)


def test_the_same_photos_give_the_same_file(packed, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    pack.write("sample", tmp_path / "again.zip", size=96)
    assert (tmp_path / "again.zip").read_bytes() == packed.read_bytes()


def test_names_credits_and_photos_that_cannot_be_used(folder, tmp_path):
    with pytest.warns(cache.PhotoWarning, match="grey.png"):
        about = pack.write(folder, tmp_path / "a.zip", size=16, progress=False)
    names = {"train": ["train_color/a.jpg", "train_color/a.png"], "test": ["test_color/b.jpg", "test_color/c.jpg"]}
    credits = {"test_color/b.jpg": "Ann, CC BY 2.0"}
    assert about == {"format": 1, "source": "set", "size": 16, "quality": 80, **names, "credits": credits}
    one, other = pack.read(tmp_path / "a.zip").train
    assert (one != other).any()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "unzipped")
    assert len(photos.open_photos(tmp_path / "unzipped", 16).train) == 2


@pytest.mark.filterwarnings("ignore::nbhelpers.photos.cache.PhotoWarning")
def test_no_half_file_is_left(folder, tmp_path, monkeypatch):
    def interrupt(archive, name, data):
        raise KeyboardInterrupt

    older = tmp_path / "out" / "a.zip"
    older.parent.mkdir()
    older.write_text("older")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pack, "_add", interrupt)
        pack.write(folder, older, size=16)
    for path in folder.glob("*/[abc].*"):
        path.unlink()
    with pytest.raises(UserError, match="no usable photo"):
        pack.write(folder, older, size=16)
    assert older.read_text() == "older" and list(older.parent.iterdir()) == [older]


def test_a_file_that_is_no_pack_is_named_with_the_way_out(packed, tmp_path):
    def refused(path, words):
        with pytest.raises(UserError, match=words) as error:
            pack.read(path)
        assert str(path) in str(error.value) and "nbhelpers photos pack" in str(error.value)

    file, data = tmp_path / "a.zip", packed.read_bytes()
    refused(file, "there is no file")
    file.write_bytes(data[:-100])
    refused(file, "no pack of photos, or damaged")
    file.write_bytes(data[:200] + bytes([data[200] ^ 255]) + data[201:])
    refused(file, "damaged .*CRC")
    refused(altered(packed, tmp_path, format=2), "another version")
    refused(altered(packed, tmp_path, compression=zipfile.ZIP_DEFLATED), "it is compressed")
    refused(altered(packed, tmp_path, size=5000), "something else")
    refused(altered(packed, tmp_path, credits={"coffee": 1}), "something else")
    refused(altered(packed, tmp_path, test=["tea"]), "test/tea.webp")
    refused(altered(packed, tmp_path, train=None), "damaged")
    for wrong in (b"no photo", webp(side=95), webp(side=8000), webp(side=16383), webp("RGBA")):
        refused(altered(packed, tmp_path, {"test/coffee.webp": wrong}), "coffee is no WebP photo of 96 x 96")
    assert len(pack.read(altered(packed, tmp_path, {"test/coffee.webp": webp()})).test) == 4
    with pytest.raises(UserError, match="6004 photos of 1024 pixels, too many at once"):
        pack.read(altered(packed, tmp_path, size=1024, train=["rocket"] * 6000))


def test_reading_needs_neither_jupyter_nor_torch():
    code = "import sys, nbhelpers.photos.pack; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = set(subprocess.check_output([sys.executable, "-c", code], text=True).split())
    heavy = {"nbformat", "ipywidgets", "IPython", "papermill", "pyamg", "voila", "torch", "torchvision", "typer"}
    assert not heavy & loaded and not [name for name in loaded if name.startswith("jupyter")]


def test_the_command(course, capsys):
    def main(*arguments):
        with pytest.raises(SystemExit) as exit:
            cli.main(["photos", "pack", *arguments])
        return exit.value.code, *capsys.readouterr()

    course.root.joinpath("folder.zip").mkdir()
    out = str(course.root / "new" / "a.zip")
    status, line, _ = main("sample", "--out", out, "--size", "16", "--quality", "50")
    assert (status, line) == (0, f"{out}: 5 training and 4 test photos, {os.path.getsize(out) / 2**20:.3g} MiB\n")
    for wrong in ("a.tar", "", str(course.root / "folder.zip")):
        status, _, errors = main("sample", "--out", wrong)
        assert status == 2 and "file that ends in .zip" in errors
    assert main("sample", "--out", out, "--quality", "101")[0] == main("sample", "--out", out, "--size", "15")[0] == 2
    assert main("smaple", "--out", out)[0] == 2 and main("./missing", "--out", out)[0] == 1
    assert pack.read(out).quality == 50
