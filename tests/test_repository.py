"""The repository's shape: nothing large, cached or bound to one machine is in it."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CACHES = {
    "__pycache__",
    ".ipynb_checkpoints",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".venv",
    "build",
}
TEXT = {".py", ".md", ".toml", ".txt", ".yml", ".csv", ".json", ".ipynb", ""}
# Somebody's home or a working folder, at the start of a path.
MACHINE = re.compile(r"(?<![\w.~/+-])/(?:home|root|work|Users)/\w[\w./-]*")


@pytest.fixture(scope="module")
def files():
    """The files that are, or are about to be, in the repository."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.skip("not a git checkout")
    found = [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert ROOT / "pyproject.toml" in found
    return found


def test_no_file_is_large(files):
    assert [f"{file} {file.stat().st_size}" for file in files if file.stat().st_size > 5e6] == []


def test_all_files_together_are_light_enough_to_travel(files):
    assert 1e7 < sum(file.stat().st_size for file in files) < 40e6
    networks = [file for file in files if file.suffix == ".safetensors"]
    assert len(networks) >= 4 and sum(file.stat().st_size for file in networks) < 22e6


def test_no_committed_figure_is_heavy(files):
    figures = [file for file in files if file.parts[-3:-1] == ("figures", "reference")]
    assert {".csv", ".png", ".webp"} <= {file.suffix for file in figures}
    assert [file.name for file in figures if file.stat().st_size > 400_000] == []


def test_using_the_course_leaves_git_alone():
    def ignored(*names):
        done = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            pytest.skip("not a git checkout")
        return done.stdout.split()

    made = [
        "figures/demo-sample/01_a.png",
        "figures/paper-pics-1a2b3c/02.csv",
        "lab/00_start_here.ipynb",
        "site/a.html",
    ]
    made += ["data/runs/demo-sample/01.ipynb", "data/cache/a/train.u8"]
    assert ignored(*made) == made
    kept = ["figures/reference/01_a.csv", "figures/bench/a.csv", "figures/explorer/a.webp", "notebooks/01.ipynb"]
    assert ignored(*kept) == []


def test_no_cache_or_download_is_tracked(files):
    names = [file.relative_to(ROOT) for file in files]
    assert [name for name in names if CACHES & set(name.parts) or name.suffix in (".pyc", ".u8")] == []
    data = [name for name in names if name.parts[0] == "data" and name.parts[1] not in ("README.md", "checkpoints")]
    assert data == []


def test_no_text_names_a_path_of_one_machine(files):
    texts = {file: file.read_text(encoding="utf-8") for file in files if file.suffix in TEXT}
    assert {str(file): found for file, text in texts.items() if (found := MACHINE.findall(text))} == {}


def test_the_pattern_finds_such_paths():
    (home,) = MACHINE.findall('File "' + "/home" + '/somebody/project/module.py", line 3')
    assert home == "/home" + "/somebody/project/module.py"
    assert not MACHINE.findall("see https://example.org/work/list and data/work/x")
