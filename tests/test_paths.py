"""Names of runs, and how their figures are saved."""

import json
import os
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from nbhelpers import paths
from nbhelpers.errors import UserError
from nbhelpers.paths import Run, atomic, find_run, whole_folder
from nbhelpers.photos.torchvision_sets import TORCHVISION


def test_two_folders_of_one_name_are_two_runs(tmp_path, monkeypatch):
    for home in ("a", "b"):
        (tmp_path / home / "pics").mkdir(parents=True)
    one, other = (Run("demo", str(tmp_path / home / "pics")) for home in "ab")
    assert one.name != other.name and one.models != other.models and one.figures != other.figures
    assert one.name.startswith("demo-pics-") and len(one.name) == len("demo-pics-") + 6
    monkeypatch.chdir(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "a" / "pics")
    for same in ("pics", "./pics/", str(tmp_path / "b" / ".." / "a" / "pics"), str(tmp_path / "link")):
        assert Run("demo", same).name == one.name


def test_a_source_keeps_its_name_whatever_lies_beside(tmp_path, monkeypatch):
    (tmp_path / "pictures").mkdir()
    monkeypatch.chdir(tmp_path)
    for name in paths.SOURCES:
        (tmp_path / name).symlink_to(tmp_path / "pictures")
        assert Run("demo", name).name == f"demo-{name}"
        assert Run("demo", f"./{name}").name.startswith("demo-pictures-")
    assert paths.SOURCES == ("sample", "kaggle", *TORCHVISION)


@pytest.mark.parametrize(("folder", "name"), [("my cats", "my-cats"), ("日本", "photos"), ("a.b_c", "a.b_c")])
def test_a_name_is_fit_for_a_folder(tmp_path, folder, name):
    (tmp_path / folder).mkdir()
    assert Run("smoke", str(tmp_path / folder)).name.rpartition("-")[0] == f"smoke-{name}"


@pytest.mark.parametrize("folder", ["reference", "photos", "paper"])
@pytest.mark.parametrize("profile", ["reference", "paper", "demo"])
def test_no_folder_makes_a_run_the_committed_one(tmp_path, folder, profile):
    (tmp_path / folder).mkdir()
    assert Run(profile, str(tmp_path / folder)).name not in ("reference", "bench", "explorer")


def test_a_run_that_the_runner_has_named(monkeypatch):
    monkeypatch.setenv("NBHELPERS_RUN", "reference")
    monkeypatch.delenv("NBHELPERS_HEADLESS", raising=False)
    assert Run("demo", "sample").name == "demo-sample", "only in a notebook that the runner executes"
    monkeypatch.setenv("NBHELPERS_HEADLESS", "1")
    assert Run("reference", "/photos").name == "reference"
    assert Run("reference", "/photos", "mine").name == "mine"


def test_a_run_is_found_by_its_name(course):
    mine = Run("demo", str(course.root))
    for run in (mine, Run("smoke", "sample"), Run("reference", "x", "reference")):
        run.models.mkdir(parents=True)
        with pytest.raises(UserError, match="there is no run"):
            find_run(run.name)  # an interrupted training leaves a folder without a model
        (run.models / "mean.json").write_text("{}")
        assert find_run(run.name).models == run.models and find_run(run.name).name == run.name
    assert find_run("smoke-sample").photos == "sample"
    with pytest.raises(
        UserError, match=f"no run 'demo-x' with models in .*: choose from {mine.name}, reference, smoke"
    ):
        find_run("demo-x")


@pytest.fixture
def figure():
    made = plt.figure(figsize=(2, 1.5))
    yield made
    plt.close(made)


def test_pictures_of_photos_are_webp_and_drawings_png(course, figure):
    run = Run("demo", "sample")
    ax = figure.subplots()
    ax.plot([0, 1])
    run.save_figure(figure, "01_a")
    assert [path.name for path in run.figures.iterdir()] == ["01_a.png"]
    ax.imshow(np.zeros((4, 4)), cmap="gray")  # numbers, not a photo
    run.save_figure(figure, "01_a")
    assert Image.open(run.figures / "01_a.png").format == "PNG"
    ax.imshow(np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8))
    run.save_figure(figure, "01_a")
    assert [path.name for path in run.figures.iterdir()] == ["01_a.webp"], "one file for a figure"
    with Image.open(run.figures / "01_a.webp") as image:
        assert image.format == "WEBP" and 100 < image.width <= 200
    ax.clear()
    run.save_figure(figure, "01_a")
    assert [path.name for path in run.figures.iterdir()] == ["01_a.png"]


# ---- files written whole or not at all


@contextmanager
def umask(mask):
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
@pytest.mark.parametrize(("mask", "file", "folder"), [(0o077, 0o600, 0o700), (0o027, 0o640, 0o750),
                                                      (0o002, 0o664, 0o775), (0o022, 0o644, 0o755)])  # fmt: skip
def test_the_umask_says_who_may_read_what_is_written(tmp_path, mask, file, folder):
    with umask(mask):
        with atomic(tmp_path / "a.txt") as part:
            part.write_text("new")
        with whole_folder(tmp_path / "made") as part:
            (part / "b.txt").write_text("new")
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("a.txt", "made", "made/b.txt")]
    assert [oct(mode) for mode in modes] == [oct(mode) for mode in (file, folder, file)]


@pytest.fixture
def steps(monkeypatch):
    """What reached the disk and what was renamed, in order."""
    seen, fsync = [], os.fsync

    def flush(handle):
        seen.append(("fsync", os.fstat(handle).st_ino))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", flush)
    for name in ("replace", "rename"):
        plain = getattr(paths.Path, name)
        monkeypatch.setattr(
            paths.Path,
            name,
            lambda self, to, plain=plain: seen.append(("rename", self.stat().st_ino)) or plain(self, to),
        )
    return seen


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, steps):
    with atomic(tmp_path / "a.txt") as part:
        part.write_text("new")
    file, folder = (tmp_path / "a.txt").stat().st_ino, tmp_path.stat().st_ino
    assert steps == [("fsync", file), ("rename", file), ("fsync", folder)]


def test_a_folder_is_on_the_disk_before_it_has_its_name(tmp_path, steps):
    with whole_folder(tmp_path / "made") as part:
        (part / "deep").mkdir()
        (part / "deep" / "b.txt").write_text("new")
    made, deep, file = (tmp_path / "made" / name for name in (".", "deep", "deep/b.txt"))
    at = steps.index(("rename", made.stat().st_ino))
    assert {("fsync", path.stat().st_ino) for path in (made, deep, file)} == set(steps[:at])
    assert steps[at + 1 :] == [("fsync", tmp_path.stat().st_ino)]


def test_a_disk_that_fails_leaves_the_older_file(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old")

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"), atomic(tmp_path / "a.txt") as part:
        part.write_text("new")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_a_folder_that_cannot_be_flushed_is_no_failure(tmp_path, monkeypatch):
    fsync = os.fsync

    def files_only(handle):
        if os.fstat(handle).st_ino == tmp_path.stat().st_ino:
            raise OSError(22, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", files_only)
    with atomic(tmp_path / "a.txt") as part:
        part.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_sheet_has_a_tile_for_each_row_and_column_and_says_which(course):
    colours = np.arange(6, dtype=np.uint8).reshape(2, 3) * 40
    rows = {f"row {r}": [np.full((16, 16, 3), colours[r, c]) for c in range(3)] for r in range(2)}
    run = Run("demo")
    run.save_sheet(rows, [1, 2, "truth"], ["a: somebody, CC BY 2.0"], "x")
    told = json.loads((run.figures / "x.json").read_text())
    assert told == {"rows": ["row 0", "row 1"], "columns": ["1", "2", "truth"], "side": 16,
                    "credits": ["a: somebody, CC BY 2.0"]}  # fmt: skip
    sheet = np.asarray(Image.open(run.figures / "x.webp").convert("RGB")).astype(int)
    assert sheet.shape == (32, 48, 3)
    assert np.abs(sheet[8::16, 8::16, 0] - colours).max() < 6  # webp loses a little
