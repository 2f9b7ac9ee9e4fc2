"""The paper's photos, from a local archive of the same layout; nothing is downloaded."""

import json
import os
import sys
import types
import zipfile

import pytest
from PIL import Image
from skimage import data

from nbhelpers import paths
from nbhelpers.errors import UserError
from nbhelpers.photos import kaggle, open_photos
from nbhelpers.photos.catalogue import check_source, fetch_source, list_sources

CAT = data.chelsea()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """data/kaggle of an empty project."""
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    (tmp_path / "data" / "kaggle").mkdir(parents=True)
    return tmp_path / "data" / "kaggle"


def fill(folder):
    """The layout of the real archive, with 5 + 2 parts of a cat."""
    for part, count in (("train", 5), ("test", 2)):
        for i in range(count):
            for colour, mode in (("color", "RGB"), ("black", "L")):
                path = folder / "data" / f"{part}_{colour}" / f"image{i:04}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(CAT[i : i + 90, :90]).convert(mode).save(path)


@pytest.fixture
def archive(tmp_path):
    fill(tmp_path / "unpacked")
    path = tmp_path / "the archive.zip"
    with zipfile.ZipFile(path, "w") as file:
        for photo in sorted((tmp_path / "unpacked").rglob("*.jpg")):
            file.write(photo, photo.relative_to(tmp_path / "unpacked"))
    return path


@pytest.fixture
def hub(monkeypatch):
    """A kagglehub that unpacks the layout into its cache; `calls` counts, `error` makes it fail."""
    made = types.SimpleNamespace(calls=[], error=None)

    def dataset_download(handle):
        made.calls.append(handle)
        if made.error:
            raise made.error
        folder = paths.Path(os.environ["KAGGLEHUB_CACHE"]) / "datasets" / handle
        fill(folder)
        return str(folder)

    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(dataset_download=dataset_download))
    return made


def names(opened):
    return [name.split("/")[-2:] for name in (*opened.train.names, *opened.test.names)]


EXPECTED = [["train_color", f"image{i:04}.jpg"] for i in range(5)] + [
    ["test_color", f"image{i:04}.jpg"] for i in range(2)
]


def test_by_hand_through_the_archive(home, archive, hub):
    archive.rename(home / "archive.zip")
    assert list_sources()[1][:3] == ("kaggle", False, None)
    opened = open_photos("kaggle", size=64)
    assert opened.name == "kaggle" and names(opened) == EXPECTED and opened.train[0].shape == (64, 64, 3)
    assert sorted(p.name for p in home.iterdir()) == ["archive.zip", "data", "manifest.json"]
    assert sorted(p.name for p in (home / "data").iterdir()) == ["test_color", "train_color"]  # no *_black
    assert list_sources()[1][:3] == ("kaggle", True, 7)
    assert hub.calls == []


def test_by_hand_through_folders(home, hub):
    fill(home)
    assert names(open_photos("kaggle", size=64)) == EXPECTED and hub.calls == []


def test_through_kagglehub_once(home, hub, monkeypatch):
    monkeypatch.setenv("KAGGLEHUB_CACHE", "elsewhere")
    assert names(open_photos("kaggle", size=64)) == EXPECTED
    assert os.environ["KAGGLEHUB_CACHE"] == "elsewhere"
    assert hub.calls == ["aayush9753/image-colorization-dataset/versions/1"]
    hub.error = AssertionError("asked again")
    assert names(open_photos("kaggle", size=64)) == EXPECTED
    assert str(home) in fetch_source("kaggle") and list_sources()[1].photos == 7


def test_a_download_without_manifest_is_left_to_kagglehub(home, hub):
    """Killed while kagglehub unpacked: only kagglehub knows whether its folder is whole."""
    fill(home / "datasets" / kaggle.HANDLE)
    assert not list_sources()[1].present
    open_photos("kaggle", size=64)
    assert len(hub.calls) == 1


class Refusal(Exception):
    def __init__(self, status):
        self.response = types.SimpleNamespace(status_code=status)


@pytest.mark.parametrize(
    "error, message",
    [
        (ConnectionError("Name or service not known"), "no answer from Kaggle"),
        (Refusal(403), "no permission .403"),
        (Refusal(401), "no permission .401"),
        (Refusal(404), "404"),
        (OSError(28, "No space left on device"), "No space left"),
    ],
)
def test_failed_downloads_say_what_to_do(hub, error, message, home):
    hub.error = error
    with pytest.raises(UserError, match=message) as caught:
        open_photos("kaggle")
    assert "data/kaggle/archive.zip" in str(caught.value) and "\n" not in str(caught.value)
    assert not (home / "manifest.json").exists() and "KAGGLEHUB_CACHE" not in os.environ


def test_without_kagglehub(monkeypatch):
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    with pytest.raises(UserError, match=r'pip install -e "\.\[kaggle\]"'):
        open_photos("kaggle")


# ---- the manifest


def test_manifest_and_mismatches(home, hub):
    fill(home)
    open_photos("kaggle", size=64)
    files = json.loads((home / "manifest.json").read_text())["files"]
    assert sorted(files) == sorted("/".join(name) for name in EXPECTED)
    photo = home / "data" / "train_color" / "image0002.jpg"
    whole = photo.read_bytes()
    assert files["train_color/image0002.jpg"][0] == len(whole)

    photo.write_bytes(whole + b"\0")
    with pytest.raises(UserError, match="train_color/image0002.jpg has .* bytes instead of .*delete"):
        open_photos("kaggle", size=64)

    photo.write_bytes(whole[:-10] + bytes(8) + whole[-2:])  # as many bytes, other ones
    open_photos("kaggle", size=64)
    with pytest.raises(UserError, match="train_color/image0002.jpg has other contents"):
        check_source("kaggle")

    photo.write_bytes(whole)
    assert (check_source("kaggle").train, check_source("kaggle").test) == (5, 2)
    photo.rename(photo.with_name("other.jpg"))
    with pytest.raises(UserError, match="image0002.jpg is missing"):
        open_photos("kaggle", size=64)
    photo.write_bytes(whole)
    with pytest.raises(UserError, match="other.jpg is not in the manifest"):
        open_photos("kaggle", size=64)
    photo.with_name("other.jpg").unlink()

    (home / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match="manifest.json is damaged"):
        open_photos("kaggle", size=64)


def test_half_of_the_folders(home, hub):
    fill(home)
    (home / "data" / "test_color").rename(home / "elsewhere")
    with pytest.raises(UserError, match="lacks the photos of train_color or test_color"):
        open_photos("kaggle")
    assert not (home / "manifest.json").exists()


# ---- bad archives


@pytest.mark.parametrize(
    "name", ["../../evil.jpg", "/etc/evil.jpg", "data/train_color/../../../evil.jpg", "C:\\evil.jpg"]
)
def test_names_that_lead_outside_are_refused(home, archive, name, tmp_path):
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(name, b"evil")
    archive.rename(home / "archive.zip")
    with pytest.raises(UserError, match="leads outside"):
        open_photos("kaggle")
    assert [p.name for p in home.iterdir()] == ["archive.zip"] and not list(tmp_path.rglob("evil*"))


def test_only_photos_of_the_two_folders_are_unpacked(home, archive):
    with zipfile.ZipFile(archive, "a") as file:
        for name in (
            "data/train_color/setup.py",
            "train_color/.hidden.jpg",
            "model.pkl",
            "data/train_color/deep/a.jpg",
        ):
            file.writestr(name, b"other")
    kaggle.unpack(archive, home / "data")
    assert sorted(p.name for p in (home / "data").rglob("*.*")) == sorted(name[1] for name in EXPECTED)


def damaged(content):
    changed = bytearray(content)
    start = content.index(b"test_color/image0000.jpg") + 300  # so that a checksum fails while unpacking
    changed[start : start + 200] = bytes(200)
    return bytes(changed)


@pytest.mark.parametrize(
    "spoil", [damaged, lambda content: content[: len(content) // 2], lambda content: b"no archive"]
)
def test_damaged_archives_leave_nothing_behind(home, archive, spoil):
    (home / "archive.zip").write_bytes(spoil(archive.read_bytes()))
    with pytest.raises(UserError, match="archive.zip is damaged"):
        open_photos("kaggle")
    assert [p.name for p in home.iterdir()] == ["archive.zip"]


def test_an_interrupted_unpacking_leaves_nothing_behind(home, archive, monkeypatch):
    archive.rename(home / "archive.zip")
    copied = []

    def stop(source, target):
        copied.append(target.write(source.read()))
        if len(copied) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(kaggle.shutil, "copyfileobj", stop)
        open_photos("kaggle")
    assert [p.name for p in home.iterdir()] == ["archive.zip"]
    assert names(open_photos("kaggle", size=64)) == EXPECTED


def test_an_archive_without_photos_and_one_that_is_too_large(home, archive, monkeypatch):
    monkeypatch.setattr(kaggle, "MAX_UNPACKED", 1000)
    with pytest.raises(UserError, match="10 GB"):
        kaggle.unpack(archive, home / "data")
    with zipfile.ZipFile(home / "archive.zip", "w") as file:
        file.writestr("notes.txt", "nothing here")
    with pytest.raises(UserError, match="no photos"):
        open_photos("kaggle")


def test_something_in_the_way(home, archive):
    archive.rename(home / "archive.zip")
    (home / "data").mkdir()
    (home / "data" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="in the way"):
        open_photos("kaggle")
    assert (home / "data" / "notes.txt").read_text() == "mine"
