"""Sources, splits, the cache, and what happens to files that cannot be used."""

import itertools
import multiprocessing
import os
import pickle
import shutil
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data
from skimage.color import rgb2lab

from nbhelpers import cli, paths
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.errors import UserError
from nbhelpers.photos import cache, decoding, open_photos, sets, sources
from nbhelpers.photos.cache import PhotoWarning
from nbhelpers.photos.catalogue import NO_TRUTH, ONE_TINT, attributions, check_source, fetch_source, list_sources
from nbhelpers.photos.decoding import PhotoError
from nbhelpers.photos.sets import tinted

CAT = data.chelsea()


@pytest.fixture(autouse=True)
def own_data(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path / "project" / "data")
    monkeypatch.setattr(cache, "_given_up", set())


@pytest.fixture
def decoded(monkeypatch):
    """The paths that were decoded, in order."""
    seen, read = [], decoding.read_square
    monkeypatch.setattr(sets, "read_square", lambda path, size: seen.append(path) or read(path, size))
    return seen


def write(path, index=0, **options):
    """A photo unlike the others: a part of the cat."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(CAT[index : index + 80, 3 * index : 3 * index + 100]).save(path, **options)


@pytest.fixture
def folder(tmp_path):
    """A folder in Kaggle layout: 6 training and 3 test photos."""
    for i in range(6):
        write(tmp_path / "set" / "train_color" / f"{i}.jpg", i, quality=95)
    for i in range(3):
        write(tmp_path / "set" / "test_color" / f"{i}.png", 10 + i)
    return tmp_path / "set"


def grey(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(CAT[:80, :100, 0]).save(path)


# ---- the sample


def test_sample_is_ten_real_photos_without_a_download(monkeypatch):
    import socket

    monkeypatch.setattr(socket, "socket", None)  # any use of the network fails
    opened = open_photos("sample")
    assert (len(opened.train), len(opened.test), opened.skipped) == (5, 4, ())
    assert not set(opened.train.names) & set(opened.test.names)
    for photo in itertools.chain(opened.train, opened.test):
        assert photo.shape == (400, 400, 3) and photo.dtype == np.uint8 and photo.std() > 20
    cat = opened.test[opened.test.names.index("chelsea")]
    assert np.abs(cat.astype(int) - decoding.square(CAT, 400)).max() == 0


def test_every_sample_photo_has_an_author_and_a_licence():
    opened = open_photos()
    credits = attributions("sample")
    assert set(credits) == {*opened.train.names, *opened.test.names}
    assert all("CC" in text or "public domain" in text for text in credits.values())


def test_a_missing_sample_photo_is_named(monkeypatch):
    lost = sources.SamplePhoto("lost", "train", "skimage", "data", "nobody")
    monkeypatch.setattr(sources, "SAMPLE", (lost,))
    with pytest.raises(UserError, match="lost .*scikit-image"):
        open_photos("sample")


# ---- folders and splits


def test_kaggle_layout(folder):
    shutil.copytree(folder / "train_color", folder / "train_black")
    opened = open_photos(folder, size=64)
    assert opened.name == "set"
    assert opened.train.names == tuple(f"train_color/{i}.jpg" for i in range(6))
    assert opened.test.names == tuple(f"test_color/{i}.png" for i in range(3))
    assert opened.train[0].shape == (64, 64, 3)
    assert (opened.test[1] == decoding.square(CAT[11:91, 33:133], 64)).all()


@pytest.mark.parametrize("train, test", [("data/train_color", "data/test_color"), ("train", "test")])
def test_other_layouts(folder, train, test):
    (folder / train).parent.mkdir(exist_ok=True)
    (folder / "train_color").rename(folder / train)
    (folder / "test_color").rename(folder / test)
    opened = open_photos(str(folder), size=64)
    assert (len(opened.train), len(opened.test)) == (6, 3)
    assert opened.train.names[0] == f"{train}/0.jpg"


def test_a_folder_with_one_part(folder):
    shutil.rmtree(folder / "test_color")
    opened = open_photos(folder, size=64)
    assert (len(opened.train), len(opened.test)) == (6, 0)


def test_plain_images_are_split_by_their_names(tmp_path):
    names = [f"{'abc'[i % 3]}/{i:03}.png" for i in range(60)]
    for name in names:
        write(tmp_path / "plain" / name)
    opened = open_photos(tmp_path / "plain", size=64)
    assert sorted(opened.train.names + opened.test.names) == sorted(names)
    assert list(opened.train.names) == sorted(opened.train.names)
    assert 1 <= len(opened.test) <= 15
    # a photo keeps its part when others leave and come, wherever the folder is
    (tmp_path / "plain").rename(tmp_path / "moved")
    for name in names[::2]:
        (tmp_path / "moved" / name).unlink()
    write(tmp_path / "moved" / "new.png")
    later = open_photos(tmp_path / "moved", size=64)
    assert set(later.test.names) - {"new.png"} == set(opened.test.names) & set(names[1::2])


def test_the_split_is_fixed_for_ever():
    """Recomputed here from the definition: the first 8 bytes of the SHA-256 of the name, modulo 10."""
    import hashlib

    names = [f"{i}.jpg" for i in range(1000)]
    test = [n for n in names if int(hashlib.sha256(n.encode()).hexdigest()[:16], 16) % 10 == 0]
    assert 70 < len(test) < 130
    assert sources._split(names) == {"train": [n for n in names if n not in test], "test": test}
    assert sources._hash("caf\u00e9.jpg") == sources._hash("cafe\u0301.jpg")  # as macOS writes it


def test_neither_part_is_empty_when_there_are_two_photos(tmp_path):
    for count in range(1, 8):
        write(tmp_path / "few" / f"{count}.png")
        opened = open_photos(tmp_path / "few", size=64)
        assert len(opened.train) + len(opened.test) == count
        assert len(opened.test) >= 1 and (count == 1 or len(opened.train) >= 1)


@pytest.mark.parametrize(
    "source, message",
    [
        ("smaple", 'did you mean "sample"'),
        ("flowers", 'did you mean "flowers102"'),
        ("/no/such/folder", "no photo source"),
        ("", "no photo source"),
        ("a\0b", "no photo source"),
        (__file__, "is a file"),
    ],
)
def test_sources_that_do_not_exist(source, message):
    with pytest.raises(UserError, match=message):
        open_photos(source)


@pytest.mark.parametrize("size", [0, -400, 7, 10_001, 2.5, "400", None])
def test_sizes_that_make_no_sense(size):
    with pytest.raises(UserError, match="size"):
        open_photos("sample", size=size)


def test_an_empty_folder(tmp_path):
    (tmp_path / "README.md").write_text("Photos will come.")
    with pytest.raises(UserError, match="no photo"):
        open_photos(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folders_that_may_not_be_read(folder):
    (folder / "train_color").chmod(0)
    try:
        with pytest.raises(UserError, match="cannot be read"):
            open_photos(folder)
    finally:
        (folder / "train_color").chmod(0o755)


# ---- files that cannot be used


def test_unusable_files_are_named_counted_and_skipped(folder):
    train = folder / "train_color"
    whole = (train / "0.jpg").read_bytes()
    (train / "cut.jpg").write_bytes(whole[:-500])
    (train / "empty.jpg").write_bytes(b"")
    (train / "text.jpg").write_text("no photo")
    (train / "film.mp4").write_bytes(b"\0\0\0 ftypisom" * 9)
    grey(train / "grey.png")
    grey(folder / "test_color" / "grey.png")
    for companion in ("README.md", ".DS_Store", "Thumbs.db", "SOURCES.csv", "LICENSE"):
        (train / companion).write_text("beside the photos")
    with pytest.warns(PhotoWarning) as caught:
        opened = open_photos(folder, size=64)
    assert len(caught) == 1
    assert "5 of 15 files in" in str(caught[0].message) and "train_color/cut.jpg (truncated)" in str(caught[0].message)
    assert dict(opened.skipped).keys() == {
        f"train_color/{n}" for n in ("cut.jpg", "empty.jpg", "text.jpg", "film.mp4", "grey.png")
    }
    assert dict(opened.skipped)["train_color/grey.png"].startswith("greyscale")
    beside = (".DS_Store", "LICENSE", "README.md", "SOURCES.csv", "Thumbs.db")
    assert opened.beside == tuple(f"train_color/{name}" for name in beside)
    assert (len(opened.train), len(opened.test)) == (6, 4)  # a grey photo can be colorized
    assert np.ptp(opened.test[3], axis=-1).max() == 0


PLATES = ("license_plate.png", "Licence.JPG", "readme-scan.png", "LICENSE.png", "licenses/a.png", "readme.PNG")


def test_photos_with_names_like_those_of_texts_are_photos_and_all_else_is_named(tmp_path):
    mine = tmp_path / "mine"
    for name in PLATES:
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(CAT[:80, :100]).save(mine / name, "png")
    texts = ("LICENSE", "README", "readme.txt", "about.json", ".hidden.png", "deep/licence.md")
    for name in (*texts, ".git/config", "__MACOSX/a.png", "LICENSE-2.0"):
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_text("beside the photos")
    with pytest.warns(PhotoWarning, match="1 of 7 files .*LICENSE-2.0"):
        opened = open_photos(mine, size=64)
    assert sorted((*opened.train.names, *opened.test.names)) == sorted(PLATES)
    assert opened.beside == tuple(sorted((*texts, ".git/", "__MACOSX/")))
    lines = str(check_source(mine)).splitlines()
    assert [line for line in lines if "passed over" in line] == [
        f"passed over {name}: hidden, a link, or no picture" for name in opened.beside
    ]


def test_a_long_list_of_skipped_files_is_cut(folder):
    for i in range(20):
        (folder / "train_color" / f"bad{i:02}.jpg").write_text("no photo")
    with pytest.warns(PhotoWarning, match="20 of 29 files .* and 15 more"):
        assert len(open_photos(folder, size=64).skipped) == 20


def test_a_folder_of_unusable_files(tmp_path):
    (tmp_path / "a.jpg").write_text("no photo")
    with (
        pytest.warns(PhotoWarning, match="a.jpg"),
        pytest.raises(UserError, match="no photo that can be used"),
    ):
        open_photos(tmp_path)


def damage(path):
    """Put a broken photo there that only decoding finds: a PNG with right checksums around wrong pixels."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100, 80, 8, 2, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"no pixels") + chunk(b"IEND", b""))


def test_photos_that_fail_later_are_named_and_skipped(folder, decoded):
    damage(folder / "train_color" / "2.jpg")
    Image.fromarray(CAT[:80, :100, :1].repeat(3, axis=2)).save(folder / "train_color" / "4.jpg")  # grey, stored as RGB
    opened = open_photos(folder, size=64)
    assert len(opened.train) == 6 and opened.skipped == ()
    with pytest.raises(PhotoError, match="2.jpg"):
        opened.train[2]
    with pytest.raises(PhotoError, match="4.jpg .*greyscale"):
        opened.train[4]
    with pytest.warns(PhotoWarning) as caught:
        assert [i for i, _ in opened.train.read()] == [0, 1, 3, 5]
    assert ["2.jpg" in str(caught[0].message), "4.jpg" in str(caught[1].message)] == [True, True]
    with pytest.warns(PhotoWarning, match="2.jpg"):
        labs = list(opened.labs(3))
    assert len(labs) == 3 and np.abs(labs[2] - rgb_to_lab(opened.train[3])).max() == 0
    with pytest.warns(PhotoWarning), pytest.raises(UserError, match="5 training photos.* has 4"):
        list(opened.labs(5))


def test_a_photo_that_vanishes(folder):
    opened = open_photos(folder, size=64)
    (folder / "train_color" / "0.jpg").unlink()
    with pytest.raises(PhotoError, match="0.jpg.*no such file"):
        opened.train[0]


# ---- the sequence


def test_photos_behave_as_a_sequence(folder):
    train = open_photos(folder, size=64).train
    assert len(train[1:4]) == 3 and train[1:4].names == train.names[1:4]
    assert (train[1:4][0] == train[1]).all() and (train[::-1][0] == train[5]).all() and (train[-1] == train[5]).all()
    assert (train[np.int64(2)] == train[2]).all()
    with pytest.raises(IndexError):
        train[6]
    with pytest.raises(IndexError):
        train[1:4][3]
    with pytest.raises(TypeError):
        train["0"]
    assert [i for i, _ in train.read([4, 1])] == [4, 1]


def test_picked_photos_are_those_photos(folder, decoded):
    train = open_photos(folder, size=64).train
    all_photos = list(train)
    picked = train.pick(i for i in (4, 1, 1, np.int64(-1)))
    assert picked.names == tuple(train.names[i] for i in (4, 1, 1, 5)) and len(train.pick([])) == 0
    assert all((photo == all_photos[i]).all() for photo, i in zip(picked, (4, 1, 1, 5), strict=True))
    assert len(decoded) == 6  # they share the cache
    assert picked[1:3].names == (train.names[1], train.names[1])
    with pytest.raises(IndexError):
        train.pick([6])


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (63, 64), (20, 47), (0, 64)])
def test_rows_of_all_photos(folder, decoded, cached, start, stop):
    train = open_photos(folder, size=64).train
    expected = np.stack([sets.read_square(item, 64) for item in train.items])
    if cached:
        list(train)
    for some in (train, train[::-2], train.pick([3, 0, 3])):
        found = some.rows(start, stop)
        assert type(found) is np.ndarray and found.dtype == np.uint8
        np.testing.assert_array_equal(found, expected[[train.names.index(n) for n in some.names], start:stop])
    assert len(decoded) == 12  # six of them by this test, and each photo once


def test_what_a_caller_does_to_a_photo_stays_with_the_caller(folder):
    train = open_photos(folder, size=64).train
    for _ in range(2):  # decoded, then from the cache
        photo = train[0]
        before = photo.copy()
        photo[:] = 0
        assert (train[0] == before).all()


def test_pickled_photos_are_the_same_and_small(folder):
    train = open_photos(folder, size=64).train
    again = pickle.loads(pickle.dumps(train))
    assert again.names == train.names and (again[3] == train[3]).all()
    assert len(pickle.dumps(train[:1])) < 2000


@pytest.mark.parametrize("jobs", [1, 3])
def test_labs_in_order_and_bounded(folder, jobs, decoded):
    opened = open_photos(folder, size=64)
    labs = opened.labs(jobs=jobs)
    first = next(labs)
    assert first.shape == (64, 64, 3) and first.dtype == np.float32
    assert len(decoded) <= 1 + 2 * jobs
    rest = list(labs)
    for i, lab in enumerate([first, *rest]):
        assert np.abs(lab - rgb2lab(opened.train[i])).max() < 1e-3
    assert len(rest) == 5 and len(list(opened.labs(0, jobs=jobs))) == 0 and len(list(opened.labs(2, jobs=jobs))) == 2


@pytest.mark.parametrize("n", [7, -1])
def test_labs_says_how_many_there_are(folder, n):
    with pytest.raises(UserError, match="set has 6"):
        open_photos(folder, size=64).labs(n)  # at once, not when the first is asked for


# ---- the cache


def test_a_second_pass_does_not_decode(folder, decoded):
    first = [photo for _, photo in open_photos(folder, size=64).train.read()]
    assert len(decoded) == 6
    again = open_photos(folder, size=64)
    assert all((a == b).all() for a, (_, b) in zip(first, again.train.read(), strict=True))
    assert (again.train[2:][0] == first[2]).all()
    assert len(decoded) == 6
    open_photos(folder, size=32).train[0]
    assert len(decoded) == 7  # another size is another cache


def test_changed_photos_are_decoded_anew_and_old_squares_deleted(folder, decoded):
    list(open_photos(folder, size=64).train)
    write(folder / "train_color" / "0.jpg", 50)
    opened = open_photos(folder, size=64)
    assert np.abs(opened.train[0].astype(int) - decoding.square(CAT[50:130, 150:250], 64)).mean() < 10
    assert len(decoded) == 7
    (home,) = (paths.DATA / "cache").iterdir()
    assert len(list(home.iterdir())) == 1


def test_a_killed_writer_leaves_no_wrong_photo(folder, decoded):
    opened = open_photos(folder, size=64)
    expected = opened.train[1]
    cache = opened.train.cache
    data_file, done_file = cache.folder / "train.u8", cache.folder / "train.done"
    done_file.write_bytes(b"\0\0")  # killed after half the data, before the byte
    with open(data_file, "r+b") as file:
        file.seek(64 * 64 * 3)
        file.write(bytes(5000))
    assert (opened.train[1] == expected).all() and len(decoded) == 2
    with open(data_file, "r+b") as file:
        file.truncate(64 * 64 * 3 + 100)  # a byte that is set without its data, as after a power failure
    assert (opened.train[1] == expected).all() and len(decoded) == 3


def test_a_strip_is_there_when_every_photo_is(folder, decoded):
    opened = open_photos(folder, size=64)
    train, cache = opened.train, opened.train.cache
    assert cache.strip([0], 0, 64) is None  # nothing is there yet
    expected = train[1][10:13], train[4][10:13]
    np.testing.assert_array_equal(cache.strip([4, 1], 10, 13), expected[::-1])
    assert cache.strip([1, 3], 10, 13) is None and cache.strip([5], 10, 13) is None  # between them, and after
    train[5]
    np.testing.assert_array_equal(cache.strip((1, 4), 10, 13), expected)
    assert opened.test.cache.strip([1], 10, 13) is None  # the other part has files of its own


LOSSES = {
    "no byte": lambda data, done: done.write_bytes(b"\1\1\0\1\1\1"),
    "fewer bytes": lambda data, done: done.write_bytes(b"\1\1"),
    "no bytes at all": lambda data, done: done.write_bytes(b""),
    "no list": lambda data, done: done.unlink(),
    "data cut": lambda data, done: os.truncate(data, 64 * 64 * 3 * 4 + 100),
    "no data": lambda data, done: data.unlink(),
}


@pytest.mark.parametrize("lose", LOSSES.values(), ids=LOSSES)
def test_rows_that_the_cache_has_lost_are_decoded_again(folder, decoded, lose):
    train = open_photos(folder, size=64).train
    expected = np.stack(list(train))[:, 30:33]
    lose(train.cache.folder / "train.u8", train.cache.folder / "train.done")
    assert train.cache.strip(train.slots, 30, 33) is None
    before = len(decoded)
    np.testing.assert_array_equal(train.rows(30, 33), expected)
    assert len(decoded) > before
    np.testing.assert_array_equal(train.cache.strip(train.slots, 30, 33), expected)  # and now they are there again


def test_rows_of_a_photo_that_cannot_be_used_raise(folder):
    damage(folder / "train_color" / "2.jpg")
    train = open_photos(folder, size=64).train
    with pytest.raises(PhotoError, match="2.jpg"):
        train.rows(0, 1)
    assert train.pick([0, 1, 3]).rows(0, 1).shape == (3, 1, 64, 3)


def _read_all(opened, queue):
    queue.put(sum(int(photo.sum()) for _, photo in opened.train.read()))


def test_several_processes_share_the_cache(folder, decoded):
    opened = open_photos(folder, size=64)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [context.Process(target=_read_all, args=(opened, queue)) for _ in range(2)]
    for worker in workers:
        worker.start()
    sums = {queue.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert sums == {sum(int(photo.sum()) for photo in opened.train)}
    assert decoded == []  # this process found all of them in the cache


@pytest.mark.parametrize("how", ["file in the way", "disk full"])
def test_without_a_cache_everything_works_and_says_so_once(folder, decoded, monkeypatch, how):
    if how == "disk full":
        monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))
    else:
        paths.DATA.mkdir(parents=True)
        (paths.DATA / "cache").write_text("in the way")
    opened = open_photos(folder, size=64)
    with pytest.warns(PhotoWarning, match="not cached") as caught:
        first = list(opened.train)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert all((a == b).all() for a, b in zip(first, opened.train, strict=True))
    assert len(decoded) == 12


# ---- lists, checks, credits


def test_list_sources(folder, monkeypatch):
    monkeypatch.delenv("NBHELPERS_PHOTOS", raising=False)
    listed = {name: (present, count) for name, present, count, _ in list_sources()}
    assert listed == {
        "sample": (True, 9),
        "kaggle": (False, None),
        "flowers102": (False, None),
        "imagenette": (False, None),
        "stl10": (False, None),
    }
    monkeypatch.setenv("NBHELPERS_PHOTOS", str(folder))
    assert list_sources()[-1][:3] == (str(folder), True, 9)
    monkeypatch.setenv("NBHELPERS_PHOTOS", str(folder / "nowhere"))
    assert list_sources()[-1][:3] == (str(folder / "nowhere"), False, None)


def test_a_source_without_usable_photos_fails_the_check(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as exit:
        cli.main(["photos", "check", str(tmp_path / "empty")])
    out, errors = capsys.readouterr()
    assert exit.value.code == 1 and "0 training and 0 test photos" in out and "empty has no usable photo" in errors


def test_check_source_decodes_everything(folder):
    damage(folder / "train_color" / "2.jpg")
    (folder / "test_color" / "text.png").write_text("no photo")
    write(folder / "test_color" / "small.png")
    Image.fromarray(CAT[:20, :30]).save(folder / "test_color" / "small.png")
    report = check_source(folder)
    assert (report.train, report.test) == (5, 4)
    assert dict(report.skipped).keys() == {"train_color/2.jpg", "test_color/text.png"}
    assert (report.smallest, report.largest) == ((30, 20), (100, 80))
    assert "5 training and 4 test photos, 2 skipped" in str(report) and "train_color/2.jpg" in str(report)


def toned(path, colours=("#1a0d00", "#fff3d8")):
    ImageOps.colorize(Image.fromarray(CAT).convert("L"), *colours).save(path)


def test_photos_of_one_tint_are_named(folder):
    """They teach that tint; a test photo may have one."""
    toned(folder / "train_color" / "sepia.jpg")
    toned(folder / "train_color" / "blue.png", ("#001030", "#e8f8ff"))
    toned(folder / "test_color" / "sepia.jpg")
    report = check_source(folder)
    names = ("train_color/blue.png", "train_color/sepia.jpg")
    assert dict(report.notes) == {ONE_TINT: names, NO_TRUTH: ("test_color/sepia.jpg",)}
    assert f"2 with {ONE_TINT}: {', '.join(names)}" in str(report)
    assert tinted(open_photos(folder, size=64).train) == list(names)


def test_photos_beside_the_parts_are_named(tmp_path):
    for place in ("train", "test"):
        (tmp_path / place).mkdir()
        Image.fromarray(CAT[:80, :100]).save(tmp_path / place / "a.png")
    Image.fromarray(CAT[:80, :100]).save(tmp_path / "forgotten.jfif", "JPEG")
    (tmp_path / "notes.txt").write_text("no photo")
    with pytest.warns(
        PhotoWarning, match=r"1 of 3 files .* skipped: forgotten.jfif \(lies beside train and test, not in"
    ):
        opened = open_photos(tmp_path, size=64)
    assert (len(opened.train), len(opened.test), opened.skipped[0][0]) == (1, 1, "forgotten.jfif")


def test_check_source_says_what_is_lost(folder):
    clear = np.dstack([CAT, np.full(CAT.shape[:2], 200, np.uint8)])
    Image.fromarray(clear).save(folder / "train_color" / "clear.png")
    frames = [Image.fromarray(CAT)] * 2
    frames[0].save(folder / "test_color" / "pages.tif", save_all=True, append_images=frames[1:])
    text = str(check_source(folder))
    assert "1 with transparency, laid over white: train_color/clear.png" in text
    assert "1 with several pages or frames, of which the first is taken: test_color/pages.tif" in text


def test_a_picture_is_a_photo_whatever_its_name(tmp_path):
    for name in ("a.jfif", "b.jpe", "c.txt", "README", "d.json", "e"):
        Image.fromarray(CAT[:80, :100]).save(tmp_path / name, "JPEG")
    Image.fromarray(CAT[:80, :100]).save(tmp_path / "f.gif")
    (tmp_path / "notes.txt").write_text("beside the photos")
    opened = open_photos(tmp_path, size=64)
    assert sorted((*opened.train.names, *opened.test.names)) == [
        "README",
        "a.jfif",
        "b.jpe",
        "c.txt",
        "d.json",
        "e",
        "f.gif",
    ]
    assert opened.beside == ("notes.txt",) and opened.skipped == ()


def test_fetch_source_of_what_is_here(folder):
    assert "no download" in fetch_source("sample")
    assert "no download" in fetch_source(str(folder))
    with pytest.raises(UserError, match="did you mean"):
        fetch_source("kagle")


def test_attributions_of_a_folder(folder):
    assert attributions(folder) == {}
    table = 'file,attribution,licence_note\ntrain_color/0.jpg,"A. Person",CC BY 2.0\ntrain_color/1.jpg,,CC0\n'
    (folder / "SOURCES.csv").write_text(table)
    assert attributions(folder) == {"train_color/0.jpg": "A. Person, CC BY 2.0", "train_color/1.jpg": "CC0"}
    assert set(attributions(folder)) <= set(open_photos(folder, size=64).train.names)


def test_the_module_needs_nothing_heavy():
    """A plain training script imports it: no notebook machinery, no pooch; torch only when asked for."""
    script = "import sys, nbhelpers.photos; print([m for m in sys.argv[1:] if m in sys.modules])"
    heavy = ["torch", "torchvision", "papermill", "ipywidgets", "pooch", "skimage", "kagglehub", "dask"]
    assert subprocess.check_output([sys.executable, "-c", script, *heavy], text=True).strip() == "[]"


# ---- a real set


@pytest.mark.photos
def test_a_real_folder_opens_and_decodes(decoded):
    opened = open_photos(os.environ["NBHELPERS_PHOTOS"])
    assert len(opened.train) > 100 and len(opened.test) > 10 and opened.skipped == ()
    labs = list(opened.labs(20, jobs=2))
    assert len(labs) == 20 and all(lab.shape == (400, 400, 3) for lab in labs)
    assert np.mean([np.hypot(lab[..., 1], lab[..., 2]).mean() for lab in labs]) > 4  # they have colour
    assert len(decoded) <= 24
    for again, lab in zip(opened.labs(20), labs, strict=True):
        assert (again == lab).all()
    assert len(decoded) <= 24
