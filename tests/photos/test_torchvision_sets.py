"""torchvision's sets, with a small stand-in for their classes: nothing is downloaded."""

import pickle
import sys
import types
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from PIL import Image
from skimage import data

from nbhelpers import paths
from nbhelpers.errors import UserError
from nbhelpers.photos import open_photos, torchvision_sets
from nbhelpers.photos.cache import PhotoWarning
from nbhelpers.photos.catalogue import check_source, fetch_source, list_sources

CAT = data.chelsea()
COUNTS = {"train": 4, "val": 2, "test": 3}


class FakeSet:
    """Opens and downloads as torchvision's classes do; photo 1 of `train` is grey."""

    downloads, error = [], None

    def __init__(self, root, split, download=False):
        self.root, self.split = Path(root), split
        if download:
            if self.error:
                raise self.error
            self.downloads.append(split)
            (self.root / f"{split}.tgz").write_text("photos")
        elif not (self.root / f"{split}.tgz").is_file():
            raise RuntimeError("Dataset not found. You can use download=True to download it.")

    def __len__(self):
        return COUNTS[self.split]

    def __getitem__(self, index):
        photo = CAT[index : index + 96, 10 * COUNTS[self.split] :][:, :96]
        grey = (self.split, index) == ("train", 1)
        return Image.fromarray(photo[..., :1].repeat(3, 2) if grey else photo), 0


@pytest.fixture(autouse=True)
def fake(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    monkeypatch.setattr(FakeSet, "downloads", [])
    module = types.SimpleNamespace(
        datasets=types.SimpleNamespace(Flowers102=FakeSet, Imagenette=FakeSet, STL10=FakeSet)
    )
    monkeypatch.setitem(sys.modules, "torchvision", module)
    torchvision_sets._dataset.cache_clear()
    return FakeSet


@pytest.mark.parametrize(
    "name, train, test",
    [
        ("flowers102", ("train", "val"), "test"),
        ("imagenette", ("train",), "val"),
        ("stl10", ("train",), "test"),
    ],
)
def test_splits_are_the_sets_own(name, train, test, fake):
    opened = open_photos(name, size=48)
    assert opened.name == name and fake.downloads == [*train, test]
    assert opened.train.names == tuple(f"{split}-{i:05d}" for split in train for i in range(COUNTS[split]))
    assert opened.test.names == tuple(f"{test}-{i:05d}" for i in range(COUNTS[test]))
    assert opened.test[1].shape == (48, 48, 3)
    expected = CAT[1:97, 10 * COUNTS[test] :][:, :96]
    assert (open_photos(name, size=96).test[1] == expected).all()
    assert fake.downloads == [*train, test]  # once
    assert {source.name: source.present for source in list_sources()}[name]


def test_grey_photos_are_no_training_photos(fake):
    opened = open_photos("stl10", size=48)
    with pytest.warns(PhotoWarning, match="train-00001.*greyscale"):
        assert [i for i, _ in opened.train.read()] == [0, 2, 3]
    report = check_source("stl10")
    assert (report.train, report.test, report.largest) == (3, 3, (96, 96))


def test_photos_are_cached_and_pickled_by_name(fake, monkeypatch):
    opened = open_photos("stl10", size=48)
    before = opened.test[0]
    monkeypatch.setattr(FakeSet, "__getitem__", None)  # a second decoding would fail
    assert (opened.test[0] == before).all()
    assert len(pickle.dumps(opened.test)) < 2000
    assert np.array_equal(pickle.loads(pickle.dumps(opened.test))[0], before)


@pytest.mark.parametrize(
    "error", [URLError("no network"), RuntimeError("File not found or corrupted."), KeyboardInterrupt()]
)
def test_a_failed_download_leaves_nothing_behind(fake, monkeypatch, error):
    monkeypatch.setattr(FakeSet, "error", error)
    expected = KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else UserError
    with pytest.raises(expected) as caught:
        fetch_source("imagenette")
    if expected is UserError:
        assert "imagenette" in str(caught.value) and "network" in str(caught.value)
    assert list((paths.DATA / "torchvision").iterdir()) == []
    monkeypatch.setattr(FakeSet, "error", None)
    assert "imagenette is in" in fetch_source("imagenette")


def test_a_damaged_set_says_what_to_delete(fake):
    fetch_source("stl10")
    (paths.DATA / "torchvision" / "stl10" / "test.tgz").unlink()
    torchvision_sets._dataset.cache_clear()
    with pytest.raises(UserError, match="stl10 is damaged.*delete"):
        open_photos("stl10")


def test_without_torchvision(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(UserError, match="pip install torchvision"):
        open_photos("stl10")
