"""Which photos figures may show, and how they are credited."""

import numpy as np
import pytest
from PIL import Image

from nbhelpers import paths, photos
from nbhelpers.errors import UserError
from nbhelpers.photos import cache
from nbhelpers.photos.catalogue import attributions
from nbhelpers.photos.licences import Examples, examples, showable

NOTES = {
    "00.jpg": (
        "Ann, of Ghent | https://www.flickr.com/photos/ann/1",
        "CC BY 2.0 per image (Flickr; URL in a table)",
    ),
    "01.jpg": ("", '"no image licence, research use"'),
    "02.jpg": ("", "Kodak: released for unrestricted usage"),
    "03.jpg": ("CC BY 2.0", "all rights reserved"),
    "04.jpg": ("Cash$ | http://flickr.com/4", "CC BY 2.0"),
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three training photos and two test photos with a SOURCES.csv; returns the folder."""
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    root, random = tmp_path / "set", np.random.default_rng(0)
    lines = ["file,attribution,licence_note"]
    for name, (author, note) in NOTES.items():
        part = "train_color" if name <= "02.jpg" else "test_color"
        (root / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (32, 32, 3), np.uint8)).save(root / part / name)
        lines.append(f'{part}/{name},"{author}",{note}')
    (root / "SOURCES.csv").write_text("\n".join(lines))
    return root


def test_every_sample_photo_may_be_shown():
    part = photos.open_photos("sample", 32).train
    assert showable("sample", part) == list(range(len(part)))


def test_only_free_photos_of_a_set_with_a_table_may_be_shown(folder):
    found = photos.open_photos(folder, 16)
    assert [found.train.names[i] for i in showable(folder, found.train)] == [
        "train_color/00.jpg",
        "train_color/02.jpg",
    ]
    assert [found.test.names[i] for i in showable(str(folder), found.test)] == ["test_color/04.jpg"]


def test_without_a_table_the_figures_are_their_makers_own(folder):
    (folder / "SOURCES.csv").unlink()
    found = photos.open_photos(folder, 16)
    assert showable(folder, found.train) == [0, 1, 2]
    assert examples(folder, found.train, 3).caption() == ""


def test_examples_carry_the_photo_and_its_credit(folder):
    part = photos.open_photos(folder, 16).train
    two = examples(folder, part, 5)
    assert two.names == ("00", "02")
    assert np.array_equal(two.photos[1], part[2])
    assert two.credits == ("Ann, of Ghent, flickr.com/photos/ann/1, CC BY 2.0", "Kodak")
    assert two.caption() == "Photos: 00: Ann, of Ghent, flickr.com/photos/ann/1, CC BY 2.0; 02: Kodak"
    assert two.caption(1) == "Photo: 02: Kodak"
    assert examples(folder, part, 1).names == ("00",)


def test_a_dollar_sign_does_not_start_a_formula(folder):
    one = examples(folder, photos.open_photos(folder, 16).test, 1)
    assert one.caption() == r"Photo: 04: Cash\$, flickr.com/4, CC BY 2.0"


def test_examples_add_up():
    one, two = (Examples((name,), (np.zeros((2, 2, 3), np.uint8),), (name * 2,)) for name in "ab")
    both = one + two
    assert both.names == ("a", "b") and len(both.photos) == 2 and both.caption() == "Photos: a: aa; b: bb"


def test_a_photo_that_cannot_be_read_is_passed_over(folder):
    found = photos.open_photos(folder, 16).train
    whole = (folder / "train_color/00.jpg").read_bytes()
    (folder / "train_color/00.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.warns(cache.PhotoWarning, match="00.jpg"):
        assert examples(folder, found, 1).names == ("02",)


def test_no_free_photo_is_answered_with_the_way_out(folder):
    (folder / "SOURCES.csv").write_text("file,attribution,licence_note\ntrain_color/00.jpg,,all rights reserved\n")
    with pytest.raises(UserError, match="SOURCES.csv .* take the table away"):
        examples(folder, photos.open_photos(folder, 16).train, 1)


def test_an_empty_part_is_answered_with_the_way_out(folder):
    with pytest.raises(UserError, match="no readable photo"):
        examples(folder, photos.open_photos(folder, 16).test[:0], 1)


def test_a_table_as_a_spreadsheet_saves_it(folder):
    table = folder / "SOURCES.csv"
    text = table.read_text()
    expected = attributions(folder)
    table.write_text(text, encoding="utf-8-sig")
    assert attributions(folder) == expected and all(expected)
    table.write_text(text.replace(",", ";"))
    with pytest.raises(UserError, match="SOURCES.csv has no column 'file': save it as CSV with commas"):
        attributions(folder)
    table.write_bytes(text.encode() + "Müller".encode("cp1252"))
    with pytest.raises(UserError, match="SOURCES.csv is not UTF-8"):
        attributions(folder)
