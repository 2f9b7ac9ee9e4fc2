"""Fits of whole photos: the same rows and results however they are spread, interrupted, damaged and taken up again."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
import warnings
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
import threadpoolctl
from PIL import Image

from nbhelpers import paths
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.errors import UserError
from nbhelpers.photos import open_photos
from nbhelpers.photos.cache import PhotoWarning
from nbhelpers.rows import fitting
from nbhelpers.rows.fitting import about_rows, fit_rows, load_rows, read_rows, rows_of, save_rows
from nbhelpers.rows.regressor import KINDS, RowRegressor
from nbhelpers.system import backend

HEIGHT, WIDTH = 6, 8


def noise(count=7, height=HEIGHT, width=WIDTH, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8))


def quick(kind="forest", **options):
    return RowRegressor(kind, **{"max_depth": 2, "n_estimators": 3, "max_features": 3, "random_state": 0} | options)


def assert_equal(found, expected):
    assert vars(found).keys() == vars(expected).keys() and found.kind == expected.kind
    for name in fitting.ARRAYS:
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name), strict=True)


class Pieces:
    """Stands in for `_fit_piece`: notes what is fitted, and is interrupted before the piece number `stop`."""

    def __init__(self, stop=None):
        self.seen, self.stop, self.fit = [], stop, fitting._fit_piece

    def __call__(self, photos, model, index, channels, *rest):
        if len(self.seen) == self.stop:
            raise KeyboardInterrupt
        self.seen.append((index, *channels))
        return self.fit(photos, model, index, channels, *rest)


@pytest.fixture
def pieces(monkeypatch):
    """Call it to note what is fitted from now on."""

    def watch(stop=None):
        monkeypatch.undo()
        monkeypatch.setattr(fitting, "_fit_piece", watched := Pieces(stop))
        return watched

    return watch


@pytest.fixture
def interrupted(tmp_path, pieces):
    """A forest of which 4 of 6 pieces are done: its folder, and the folder of its parts."""
    pieces(stop=4)
    with pytest.raises(KeyboardInterrupt):
        fit_rows(noise(), quick(), tmp_path)
    (parts,) = tmp_path.iterdir()
    pieces()
    return tmp_path, parts


# ---- which rows


def test_rows_are_those_of_the_photos_in_lab(sample, monkeypatch):
    monkeypatch.setattr(fitting, "CHUNK", 2)  # so that five photos come in three parts
    photos, expected = list(sample.train), np.stack(list(sample.labs()))
    for given in (sample.train, photos, tuple(photos)):
        lightness, chroma = read_rows(given, 30, 33)
        assert lightness.dtype == chroma.dtype == np.float32
        np.testing.assert_array_equal(lightness, expected[:, 30:33, :, 0])
        np.testing.assert_array_equal(chroma, np.moveaxis(expected[:, 30:33, :, 1:], -1, 0))
        np.testing.assert_array_equal(read_rows(given, 30, 33, [1])[1], chroma[1:])


def test_lightness_is_rounded_to_steps_and_chroma_is_not(sample):
    exact, chroma = read_rows(sample.train, 0, 96)
    rounded, same = read_rows(sample.train, 0, 96, step=0.5)
    np.testing.assert_array_equal(rounded * 2, np.round(exact * 2))
    np.testing.assert_array_equal(same, chroma)
    assert (rounded != exact).mean() > 0.9


@pytest.mark.parametrize(("models", "height"), [(10, 400), (10, 96), (1, 5), (7, 7), (3, 8)])
def test_bands_cover_every_row_once_and_middles_are_theirs(models, height):
    bands = [rows_of(i, models, height, True) for i in range(models)]
    assert [y for start, stop in bands for y in range(start, stop)] == list(range(height))
    served = ((np.arange(height) + 0.5) * models / height).astype(int)  # as RowColorizer.colorize maps them
    assert [list(range(*band)) for band in bands] == [list(np.flatnonzero(served == i)) for i in range(models)]
    for i in range(models):
        start, stop = rows_of(i, models, height, False)
        assert stop == start + 1 and abs(start + 0.5 - (i + 0.5) * height / models) <= 0.5
        assert int((start + 0.5) * models / height) == i  # the row that it learns from is one that it serves


@pytest.mark.parametrize("kind", KINDS)
def test_each_model_is_a_row_model_of_its_rows(kind):
    """One fit by hand for each model and channel, from photos whose bands are not all of one height."""
    photos = noise(height=8)
    fitted = fit_rows(photos, quick(kind), models=3, step=0)
    lab = rgb_to_lab(np.stack(photos))
    for i, rows in enumerate([[0, 1, 2], [3, 4], [5, 6, 7]] if kind == "boosting" else [[1], [4], [6]]):
        L, a, b = (lab[:, rows, :, k].reshape(-1, WIDTH) for k in range(3))
        for channel, target in enumerate((a, b)):
            alone = quick(kind, random_state=2 * i + channel).fit(L, target)
            np.testing.assert_allclose(fitted.trees(channel, i).predict(L), alone.predict(L), atol=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_and_photos_give_equal_models(sample, kind):
    assert_equal(fit_rows(sample.train, quick(kind), models=2), fit_rows(list(sample.train), quick(kind), models=2))


def test_as_many_models_as_rows_and_ten_for_boosting():
    photos = noise(height=12)
    assert [fit_rows(photos, quick(kind)).sizes.shape for kind in KINDS] == [(2, 12), (2, 12), (2, 10)]
    assert fit_rows(photos[:3], quick("tree"), models=1).sizes.shape == (2, 1)


# ---- interrupted


@pytest.mark.parametrize("kind", KINDS)
def test_an_interrupted_fit_goes_on_where_it_stopped(tmp_path, pieces, kind):
    photos, whole = noise(), pieces()
    expected = fit_rows(photos, quick(kind))
    count = len(whole.seen)
    assert count == (12 if kind == "boosting" else 6)
    first = pieces(stop=4)
    with pytest.raises(KeyboardInterrupt):
        fit_rows(photos, quick(kind), tmp_path)
    assert not (tmp_path / f"{kind}.npz").exists()
    second = pieces()
    assert_equal(fit_rows(photos, quick(kind), tmp_path), expected)
    assert len(first.seen) == 4 and sorted(first.seen + second.seen) == sorted(whole.seen)
    assert [path.name for path in tmp_path.iterdir()] == [f"{kind}.npz"]
    third = pieces()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_equal(fit_rows(photos, quick(kind), tmp_path), expected)
    assert third.seen == []


def test_stopped_while_writing_only_that_model_is_lost(tmp_path, monkeypatch, pieces, capsys):
    """A tree's a* is on disk and its b* is not: both are fitted again, and the bar counts neither as done."""
    writes, write = [], fitting._write

    def stops(path, arrays):
        writes.append(path)
        if len(writes) == 6:
            raise KeyboardInterrupt
        write(path, arrays)

    monkeypatch.setattr(fitting, "_write", stops)
    with pytest.raises(KeyboardInterrupt):
        fit_rows(noise(), quick(), tmp_path)
    (parts,) = tmp_path.iterdir()
    assert sorted(path.name for path in parts.iterdir()) == ["0-0.npz", "0-1.npz", "1-0.npz", "1-1.npz", "2-0.npz"]
    assert f"forest: interrupted; 5 of 12 models are kept in {parts.name}" in capsys.readouterr().out
    again = pieces()  # takes the broken `_write` away too
    assert_equal(fit_rows(noise(), quick(), tmp_path), fit_rows(noise(), quick()))
    assert again.seen[:4] == [(i, 0, 1) for i in (2, 3, 4, 5)]
    shown = re.findall(r"(\d+)/12 ", capsys.readouterr().err)
    assert shown[0] == "4" and max(map(int, shown)) == 12


def test_the_bar_counts_models_and_starts_where_the_fit_goes_on(interrupted, capsys):
    capsys.readouterr()
    fit_rows(noise(), quick(), interrupted[0])
    shown = capsys.readouterr().err
    counts = re.findall(r"forest: .*?(\d+)/12 \[.*?model", shown.replace("\r", "\n"))
    assert (counts[0], counts[-1]) == ("8", "12")


DAMAGE = {
    "empty": lambda whole: b"",
    "cut": lambda whole: whole[: len(whole) // 2],
    "without its last byte": lambda whole: whole[:-1],
    "flipped": lambda whole: whole[:200] + bytes([whole[200] ^ 255]) + whole[201:],
    "text": lambda whole: b"no zip file",
    "zeros": lambda whole: bytes(len(whole)),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_part_is_fitted_anew(interrupted, pieces, damage):
    folder, parts = interrupted
    (parts / "1-0.npz").write_bytes(damage((parts / "1-0.npz").read_bytes()))
    watched = pieces()
    assert_equal(fit_rows(noise(), quick(), folder), fit_rows(noise(), quick()))
    assert watched.seen[:3] == [(1, 0, 1), (4, 0, 1), (5, 0, 1)]


def test_a_folder_cut_off_half_way_goes_on(interrupted, pieces):
    folder, parts = interrupted
    (parts / "0-0.npz").unlink()
    (parts / "2-1.npz").write_bytes((parts / "2-1.npz").read_bytes()[:99])
    (parts / ".3-0-x1y2z3.npz").write_bytes((parts / "3-0.npz").read_bytes())  # killed before it had its name
    (parts / ".3-1-x1y2z3.npz").write_bytes(b"half")
    watched = pieces()
    assert_equal(fit_rows(noise(), quick(), folder), fit_rows(noise(), quick()))
    assert [index for index, *_ in watched.seen[:4]] == [0, 2, 4, 5]
    assert [path.name for path in folder.iterdir()] == ["forest.npz"]


CHANGES = {
    "photos": dict(photos=noise(seed=1)),
    "one photo less": dict(photos=noise()[:-1]),
    "other order": dict(photos=noise()[::-1]),
    "depth": dict(model=quick(max_depth=1)),
    "trees": dict(model=quick(n_estimators=4)),
    "seed": dict(model=quick(random_state=1)),
    "models": dict(models=3),
    "step": dict(step=0.0),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_other_photos_or_settings_start_anew_and_leave_old_parts_alone(interrupted, pieces, change):
    folder, parts = interrupted
    before = {path.name: path.read_bytes() for path in parts.iterdir()}
    asked = dict(photos=noise(), model=quick(), folder=folder)
    watched = pieces()
    other = fit_rows(**asked | change)
    assert len(watched.seen) == change.get("models", HEIGHT)
    assert_equal(other, fit_rows(**asked | change | {"folder": None}))
    assert {path.name: path.read_bytes() for path in parts.iterdir()} == before
    rest = pieces()
    with pytest.warns(UserWarning, match="forest.npz was fitted with other photos, .*it will be replaced"):
        back = fit_rows(**asked)
    assert len(rest.seen) == 2
    assert_equal(back, fit_rows(**asked | {"folder": None}))
    assert_equal(back, load_rows(folder / "forest.npz"))


def test_photos_of_a_source_are_known_by_their_names(sample, tmp_path, pieces):
    fit_rows(sample.train[:4], quick(), tmp_path, models=2)
    watched = pieces()
    fit_rows(sample.train.pick(range(4)), quick(), str(tmp_path), models=2)
    assert watched.seen == []
    with pytest.warns(UserWarning, match="other photos"):
        fit_rows(sample.train[1:], quick(), tmp_path, models=2)
    assert len(watched.seen) == 2


SCRIPT = """
import sys, numpy as np
from nbhelpers.system import backend
from nbhelpers.rows.fitting import fit_rows
from nbhelpers.rows.regressor import RowRegressor
with backend(jobs=2):
    fit_rows(np.load(sys.argv[1]), RowRegressor("forest", random_state=0), sys.argv[2])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sends the signal to a group of processes, as a terminal does")
def test_a_real_ctrl_c_keeps_what_is_done(tmp_path, pieces):
    photos, folder = noise(40, 12, 24), tmp_path / "models"
    np.save(tmp_path / "photos.npy", photos)
    command = [sys.executable, "-c", SCRIPT, tmp_path / "photos.npy", folder]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          start_new_session=True) as process:  # fmt: skip
        deadline = time.monotonic() + 60
        while len(list(folder.glob("forest-*/[0-9]*.npz"))) < 4:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)  # until no worker holds the pipes either
    assert process.returncode == -signal.SIGINT and "KeyboardInterrupt" in err
    (parts,) = folder.iterdir()
    names = {path.name for path in parts.iterdir()}
    assert 4 <= len(names) < 24 and all(re.fullmatch(r"\d+-[01]\.npz", name) for name in names)
    assert len(fitting._read_parts(parts)) == len(names)  # each of them whole
    assert re.search(rf"forest: interrupted; \d+ of 24 models are kept in {parts.name}", out)
    watched = pieces()
    fitted = fit_rows(photos, RowRegressor("forest", random_state=0), folder)
    assert {i for i, *_ in watched.seen} == {i for i in range(12) if not {f"{i}-0.npz", f"{i}-1.npz"} <= names}
    assert [path.name for path in folder.iterdir()] == ["forest.npz"]
    assert_equal(load_rows(folder / "forest.npz"), fitted)


# ---- files


@pytest.fixture
def saved(tmp_path):
    """A file with a fitted forest, and the forest."""
    return tmp_path / "forest.npz", fit_rows(noise(), quick(), tmp_path)


def rewrite(path, **changes):
    """Write the file's arrays again, some of them changed."""
    with np.load(path) as file:
        arrays = dict(file) | changes
    np.savez(path, **arrays)


def assert_refused(path, reason):
    with pytest.raises(UserError, match=rf"forest\.npz .*{reason}.*; delete it and run notebook 04 again"):
        load_rows(path)


def test_a_saved_model_comes_back_to_the_last_digit(saved):
    path, fitted = saved
    assert_equal(load_rows(path), fitted)
    with np.load(path, allow_pickle=False) as file:
        assert set(file) == {*fitting.ARRAYS, "about"}
    about = about_rows(path)
    known = {"kind": "forest", "photos": 7, "size": [HEIGHT, WIDTH], "models": HEIGHT, "step": 0.5, "format": 1}
    assert about | known == about and about["settings"] == quick().get_params()
    assert about["seconds"] > 0 and 20 < about["peak_mib"] < 100_000


@pytest.mark.parametrize("length", [0, 1, 100, 0.25, 0.5, 0.9, -100, -1])
def test_a_cut_file_is_named_and_fitted_again(saved, length):
    path, fitted = saved
    whole = path.read_bytes()
    path.write_bytes(whole[: length if isinstance(length, int) else int(length * len(whole))])
    assert_refused(path, "damaged or no row model")
    with pytest.raises(UserError, match=r"forest\.npz"):
        about_rows(path)
    with pytest.warns(UserWarning, match=r"forest\.npz is damaged .*; it will be replaced"):
        assert_equal(fit_rows(noise(), quick(), path.parent), fitted)
    assert_equal(load_rows(path), fitted)


def test_a_file_of_another_format_is_named(saved):
    path, fitted = saved
    save_rows(fitted, path, about_rows(path) | {"format": 2})
    with pytest.raises(UserError, match=r"forest\.npz has format 2, this .* reads 1; delete it"):
        load_rows(path)


def as_bytes(save, *arguments, **arrays):
    save(file := io.BytesIO(), *arguments, **arrays)
    return file.getvalue()


FOREIGN = {
    "another npz": as_bytes(np.savez, coefficients=np.eye(3)),
    "an npy": as_bytes(np.save, np.eye(3)),
    "a picture": as_bytes(lambda file: Image.new("RGB", (9, 9)).save(file, "png")),
    "a list": as_bytes(np.savez, about=np.array("[]")),
    "no JSON": as_bytes(np.savez, about=np.array("kind: forest")),
    "numbers": as_bytes(np.savez, about=np.zeros(3)),
    "deep JSON": as_bytes(np.savez, about=np.array("[" * 100_000)),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_named(saved, content):
    saved[0].write_bytes(content)
    assert_refused(saved[0], "damaged or no row model")


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert_refused(tmp_path / "forest.npz", "FileNotFoundError")


class Bomb:
    """Unpickling it leaves a trace."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.mark.parametrize("name", ["about", *fitting.ARRAYS])
def test_pickled_objects_are_refused_unopened(saved, tmp_path, name):
    path = saved[0]
    rewrite(path, **{name: np.array([Bomb(tmp_path / "trace")], dtype=object)})
    assert_refused(path, "damaged")
    assert not (tmp_path / "trace").exists()
    with np.load(path, allow_pickle=True) as file:
        file[name]
    assert (tmp_path / "trace").exists()  # it would have worked


HEADER = b"\x93NUMPY\x01\x00"
MEMBERS = {
    "empty": b"",
    "no array": b"hello",
    "cut header": HEADER + b"\x76\x00{'descr': '<f4', ",
    "cut data": as_bytes(np.save, np.zeros((50, 8), np.float32))[:-40],
    "huge": HEADER
    + b"\x76\x00"
    + b"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999, 8), }".ljust(118),
}


@pytest.mark.parametrize("name", ["leaf", "components"])
@pytest.mark.parametrize("content", MEMBERS.values(), ids=MEMBERS)
def test_an_array_that_cannot_be_read_is_named(saved, name, content):
    """Inside a whole zip file, whose checksums say that all is well."""
    path = saved[0]
    with zipfile.ZipFile(path) as file:
        members = {member: file.read(member) for member in file.namelist()} | {f"{name}.npy": content}
    with zipfile.ZipFile(path, "w") as file:
        for member, data in members.items():
            file.writestr(member, data)
    assert_refused(path, "is damaged")


def changed(array, place, value):
    array = array.copy()
    array[place] = value
    return array


UNFIT = {
    "feature beyond the row": lambda f: dict(feature=changed(f.feature, (0, 0, 0, 0), WIDTH)),
    "feature before the row": lambda f: dict(feature=changed(f.feature, (1, 2, 0, 0), -1)),
    "feature flat": lambda f: dict(feature=f.feature[0]),
    "feature of text": lambda f: dict(feature=f.feature.astype(str)),
    "threshold NaN": lambda f: dict(threshold=changed(f.threshold, (0, 0, 0, 0), np.nan)),
    "threshold of one channel": lambda f: dict(threshold=f.threshold[:1]),
    "threshold of other trees": lambda f: dict(threshold=f.threshold[:, :, :-1]),
    "leaf short": lambda f: dict(leaf=f.leaf[:-1]),
    "leaf infinite": lambda f: dict(leaf=changed(f.leaf, 0, np.inf)),
    "leaf complex": lambda f: dict(leaf=f.leaf.astype(complex)),
    "mean NaN": lambda f: dict(mean=changed(f.mean, (1, 0, 3), np.nan)),
    "mean wide": lambda f: dict(mean=np.pad(f.mean, ((0, 0), (0, 0), (0, 1)))),
    "mean flat": lambda f: dict(mean=f.mean[0]),
    "components narrow": lambda f: dict(components=f.components[:, :-1]),
    "components few": lambda f: dict(components=f.components[1:]),
    "sizes other": lambda f: dict(sizes=f.sizes + 1),
    "sizes zero": lambda f: dict(sizes=changed(f.sizes, np.s_[0, :2], (0, f.sizes[0, :2].sum()))),
    "sizes fractional": lambda f: dict(sizes=f.sizes.astype(float)),
    "three channels": lambda f: {n: np.concatenate([v := getattr(f, n), v[:1]]) for n in ("feature", "threshold",
                                                                                         "mean", "sizes")},
    "no complete tree": lambda f: dict(feature=f.feature[..., :2], threshold=f.threshold[..., :2],
                                       leaf=f.leaf[: 3 * 3 * f.sizes.sum()]),
    "no trees": lambda f: dict(feature=f.feature[:, :, :0], threshold=f.threshold[:, :, :0], leaf=f.leaf[:0]),
}  # fmt: skip


@pytest.mark.parametrize("change", UNFIT.values(), ids=UNFIT)
def test_arrays_that_do_not_fit_together_are_refused(saved, change):
    path, fitted = saved
    rewrite(path, **change(fitted))
    assert_refused(path, "is damaged")


def test_a_missing_array_and_an_unknown_kind_are_refused(saved):
    path, fitted = saved
    about = about_rows(path)
    save_rows(fitted, path, about | {"kind": "shrub"})
    assert_refused(path, "unknown kind 'shrub'")
    np.savez(path, about=np.array(json.dumps(about)), feature=fitted.feature)
    assert_refused(path, "threshold")


# ---- photos that cannot be learned from


UNUSABLE = {
    "mixed sizes": ([*noise(), *noise(1, height=7)], r"photo 7 has \(7, 8\) pixels and photo 0 has \(6, 8\)"),
    "floats": ([p / np.float32(255) for p in noise()], r"photo 0 is float32 \(6, 8, 3\): row models need uint8"),
    "grey": ([*noise(2), noise(1)[0][..., 0]], r"photo 2 is uint8 \(6, 8\): row models need"),
    "with alpha": ([np.dstack([p, p[..., :1]]) for p in noise()], r"photo 0 is uint8 \(6, 8, 4\)"),
    "one": (noise(1), "1 usable training photos are too few"),
    "none": ([], "0 usable training photos are too few"),
}


@pytest.mark.parametrize(("photos", "message"), UNUSABLE.values(), ids=UNUSABLE)
def test_photos_that_cannot_be_used_together_are_named(tmp_path, photos, message):
    with pytest.raises(UserError, match=message):
        fit_rows(photos, quick(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_unusable_photos_of_a_folder_are_skipped(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    for i, photo in enumerate(noise(5, 12, 12)):
        (tmp_path / "set" / "train_color").mkdir(parents=True, exist_ok=True)
        photo = photo[..., :1].repeat(3, axis=2) if i == 2 else photo  # grey, which only decoding finds
        Image.fromarray(photo).save(tmp_path / "set" / "train_color" / f"{i}.png")
    train = open_photos(tmp_path / "set", size=12).train
    with pytest.warns(PhotoWarning, match=r"skipped: .*2\.png"):
        fitted = fit_rows(train, quick(), tmp_path / "models")
    assert about_rows(tmp_path / "models" / "forest.npz")["photos"] == 4
    assert_equal(fitted, fit_rows([train[i] for i in (0, 1, 3, 4)], quick()))
    with pytest.warns(PhotoWarning), pytest.raises(UserError, match="1 usable training photos are too few"):
        fit_rows(train[1:3], quick())


@pytest.mark.parametrize(
    ("kind", "rows", "where"),
    [("tree", [3], "row 3"), ("forest", [3], "row 3"), ("boosting", [2, 3], "rows 2 to 3")],
)
def test_a_constant_row_is_named_and_what_was_fitted_stays(tmp_path, pieces, kind, rows, where):
    photos = noise()
    for photo in photos:
        photo[rows] = 0
    models = 3 if kind == "boosting" else None
    for left in (6 if kind != "boosting" else 2, 0):  # channels that are fitted before it; later nothing anew
        watched = pieces()
        with pytest.raises(UserError, match=f"^{where} of the photos cannot be learned: every sample has the same"):
            fit_rows(photos, quick(kind), tmp_path, models)
        (parts,) = tmp_path.iterdir()
        assert len(list(parts.iterdir())) == (2 if kind == "boosting" else 6)
        assert sum(len(channels) for _, *channels in watched.seen[:-1]) == left


@pytest.mark.parametrize("models", [0, -1, HEIGHT + 1])
@pytest.mark.parametrize("kind", KINDS)
def test_models_that_are_no_rows_are_refused(kind, models):
    with pytest.raises(UserError, match=f"models must be from 1 to the 6 rows of a photo, got {models}"):
        fit_rows(noise(), quick(kind), models=models)


# ---- in parallel


class Watched(RowRegressor):
    """A forest that leaves a note where it was fitted: the process, its BLAS threads, and the jobs it could start."""

    def __init__(self, kind="forest", *, n_estimators=5, random_state=0, notes=None):
        super().__init__(kind, n_estimators=n_estimators, random_state=random_state)
        self.notes = notes

    def fit(self, X, y):
        threads = max(pool["num_threads"] for pool in threadpoolctl.threadpool_info())
        note = {"process": os.getpid(), "threads": threads, "jobs": joblib.effective_n_jobs()}
        Path(self.notes, uuid.uuid4().hex).write_text(json.dumps(note))
        return super().fit(X, y)


def fit_and_read_notes(folder):
    """Fit 6 x 2 forests with `Watched`; returns the colorizer and the processes that fitted them."""
    fitted = fit_rows(noise(12, width=30), Watched(notes=str(folder)))
    notes = [json.loads(path.read_text()) for path in folder.iterdir()]
    assert len(notes) == 2 * HEIGHT
    assert {note["threads"] for note in notes} == {1}, "pieces in parallel and BLAS threads multiply"
    assert {note["jobs"] for note in notes} == {1}, "a forest inside a piece spreads its trees"
    return fitted, {note["process"] for note in notes}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """What `fit_and_read_notes` gives in this process, without any backend."""
    fitted, processes = fit_and_read_notes(tmp_path_factory.mktemp("alone"))
    assert processes == {os.getpid()}
    return fitted


def test_two_processes_give_what_one_gives(tmp_path, alone):
    before = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    with backend(jobs=2):
        fitted, processes = fit_and_read_notes(tmp_path)
    assert os.getpid() not in processes
    assert_equal(fitted, alone)
    assert [pool["num_threads"] for pool in threadpoolctl.threadpool_info()] == before


def test_a_cluster_gives_what_one_process_gives(cluster, tmp_path, alone):
    with backend(cluster.scheduler_address):
        fitted, processes = fit_and_read_notes(tmp_path)
    assert processes <= {worker.pid for worker in cluster.workers.values()}
    assert_equal(fitted, alone)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_a_source_is_the_same_in_two_processes(sample, tmp_path, kind):
    expected = fit_rows(sample.train, quick(kind), models=4)
    with backend(jobs=2):
        assert_equal(fit_rows(sample.train, quick(kind), tmp_path, models=4), expected)
    assert_equal(load_rows(tmp_path / f"{kind}.npz"), expected)


def test_settings_may_be_numpys_numbers(tmp_path):
    model = RowRegressor("tree", max_depth=np.int64(2), random_state=np.int64(3))
    assert_equal(
        fit_rows(noise(), model, tmp_path), fit_rows(noise(), RowRegressor("tree", max_depth=2, random_state=3))
    )
    with pytest.raises(ValueError, match="random_state must be a whole number or None"):
        fit_rows(noise(), RowRegressor("tree", random_state=np.random.RandomState(0)), tmp_path)


def test_what_another_process_is_writing_is_left_alone(tmp_path):
    (tmp_path / ".0-1-abc.npz").write_bytes(b"half")
    assert fitting._read_parts(tmp_path) == {} and (tmp_path / ".0-1-abc.npz").exists()
