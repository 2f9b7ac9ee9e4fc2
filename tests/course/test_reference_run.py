"""The committed reference: only --reference writes it, from a clean checkout, and it says what it comes from."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from nbhelpers import cli
from nbhelpers.course import reference_run, runner
from nbhelpers.errors import UserError
from nbhelpers.photos import open_photos

TABLE = "from nbhelpers.paths import Run\nimport pandas as pd\nrun = Run(profile, photos)\n"
TABLE += "run.save_table(pd.DataFrame({'profile': [profile]}), '01_a')"


def git(course, *words):
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    done = subprocess.run(["git", *who, *words], cwd=course.root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(course, tmp_path, monkeypatch):
    """A course under version control, with one notebook and an empty package."""
    folder = course.root / "nbhelpers"
    folder.mkdir()
    monkeypatch.setattr(runner, "PACKAGE", folder)
    course.write("01_a", TABLE)
    course.profiles("[reference.01_a]\n")
    (course.root / ".gitignore").write_text("/data/\n")
    git(course, "init", "-q")
    git(course, "add", "-A")
    git(course, "commit", "-qm", "all")
    return course


@pytest.fixture
def pictures(tmp_path):
    for i in range(4):
        path = tmp_path / "home" / "reference" / ("train", "test")[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (12, 12, 3), np.uint8)).save(path)
    return tmp_path / "home" / "reference"


def test_it_says_what_it_comes_from(checkout, pictures, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["run", "--reference", "--photos", str(pictures)])
    assert end.value.code == 0, capsys.readouterr().err
    assert "figures/reference/" in capsys.readouterr().out
    folder = checkout.root / "figures/reference"
    assert (folder / "01_a.csv").read_text() == "profile\nreference\n"
    told = json.loads((folder / "run.json").read_text())
    assert told["commit"] == git(checkout, "rev-parse", "HEAD")
    assert told["photos"] | {"sha256": ""} == {"name": "reference", "training": 2, "test": 2, "sha256": ""}
    assert told["machine"]["numpy"] == np.__version__
    assert list(told["notebooks"]) == ["01_a"] and told["notebooks"]["01_a"]["seconds"] > 0
    runner.run_notebooks(photos=str(pictures), reference=True, resume=True)  # its own tables are no changes


def test_the_same_profile_without_the_option_leaves_it_alone(checkout, pictures):
    (item,) = runner.run_notebooks(profile="reference", photos=str(pictures))
    name = item.copy.parent.name
    assert name.startswith("reference-reference-") and (checkout.root / "figures" / name / "01_a.csv").is_file()
    assert not (checkout.root / "figures/reference").exists()


def test_changes_that_no_commit_has_are_refused(checkout, pictures, monkeypatch):
    monkeypatch.setattr(runner, "_execute", lambda *_: pytest.fail("a kernel was started"))
    (checkout.root / "new.py").write_text("1")
    with pytest.raises(UserError, match=r"commit your changes first \(new.py\)"):
        runner.run_notebooks(photos=str(pictures), reference=True)
    (checkout.root / "new.py").unlink()
    checkout.write("01_a", TABLE, "1")
    with pytest.raises(UserError, match=r"changes first \(notebooks/01_a.ipynb\)"):
        runner.run_notebooks(photos=str(pictures), reference=True)
    shutil.rmtree(checkout.root / ".git")
    with pytest.raises(UserError, match="needs git, and nbhelpers in a checkout of its own"):
        runner.run_notebooks(photos=str(pictures), reference=True)


def test_a_package_from_elsewhere_is_refused(checkout, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "PACKAGE", tmp_path / "nbhelpers")
    with pytest.raises(UserError, match="nbhelpers in a checkout of its own"):
        runner.run_notebooks(photos=str(pictures), reference=True)


def test_a_reference_is_of_one_set_of_photos(checkout, pictures):
    runner.run_notebooks(photos=str(pictures), reference=True)
    record = checkout.root / "figures/reference/run.json"
    before = record.read_text()
    Image.new("RGB", (12, 12), (200, 10, 10)).save(pictures / "train" / "new.png")
    with pytest.raises(UserError, match="run.json is of other photos .*'training': 2.*: delete it to begin"):
        runner.run_notebooks(photos=str(pictures), reference=True)
    assert record.read_text() == before


def test_a_notebook_that_fails_is_taken_out_of_the_record(checkout, pictures):
    runner.run_notebooks(photos=str(pictures), reference=True)
    checkout.write("01_a", TABLE, "1 / 0")
    git(checkout, "commit", "-qam", "worse")
    with pytest.raises(UserError, match="ZeroDivisionError"):
        runner.run_notebooks(photos=str(pictures), reference=True)
    assert json.loads((checkout.root / "figures/reference/run.json").read_text())["notebooks"] == {}


def test_a_commit_in_between_is_noticed(checkout, pictures):
    record = reference_run.Record(str(pictures), open_photos(pictures, size=8), checkout.root / "nbhelpers")
    checkout.write("01_a", TABLE, "2")
    git(checkout, "commit", "-qam", "other")
    with pytest.raises(UserError, match="moved on to another commit while 01_a ran"):
        record.end("01_a", 1.0)
    assert not record.path.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--profile", "demo", "--photos", "kaggle"], "goes with neither --update nor --profile"),
        (["--update", "--photos", "kaggle"], "goes with neither --update nor --profile"),
        ([], "--reference needs --photos"),
        (["--photos", "sample"], "--reference needs --photos"),
    ],
)
def test_what_does_not_go_with_it_is_wrong_usage(options, words, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["run", "--reference", *options])
    assert end.value.code == 2 and words in " ".join(capsys.readouterr().err.split())


def test_the_digest_is_of_the_photos_and_not_of_their_place(pictures, tmp_path):
    there = reference_run.photos_digest(open_photos(pictures, size=8))
    shutil.copytree(pictures, tmp_path / "copy")
    assert reference_run.photos_digest(open_photos(tmp_path / "copy", size=8)) == there
    Image.new("RGB", (12, 12), (200, 10, 10)).save(tmp_path / "copy/train/0.png")
    assert reference_run.photos_digest(open_photos(tmp_path / "copy", size=8)) != there


def test_a_damaged_record_is_named(checkout, pictures):
    folder = checkout.root / "figures/reference"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("[]")
    with pytest.raises(UserError, match=r"run.json is damaged: delete it"):
        reference_run.Record("x", open_photos(pictures, size=8), checkout.root / "nbhelpers")
