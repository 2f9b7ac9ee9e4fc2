"""The Makefile's promises about .venv and `clean`, in a copy of the project with stand-ins for Python."""

import ast
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nbhelpers.explorer.server import LARGEST_MESSAGE

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

# Answers the version check, makes a .venv whose python does what the test says, and notes every call.
PYTHON = """#!/bin/sh
echo "$0 $*" >> calls
case "$1" in
  -m) mkdir -p .venv/bin && cp installer .venv/bin/python ;;
esac
"""


@pytest.fixture
def project(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    script(tmp_path / "python", PYTHON)
    return tmp_path


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def make(project, *arguments):
    alone = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS", "MFLAGS")}
    command = ["make", *arguments]  # as if no `make test` stood above it
    return subprocess.run(command, cwd=project, env=alone, capture_output=True, text=True, timeout=60)


def test_the_environment_is_made_once_and_installed_with_the_constraints(project):
    script(project / "installer", '#!/bin/sh\necho "$0 $*" >> calls\n')
    for _ in range(2):
        assert make(project, "PYTHON=./python", ".venv/.installed").returncode == 0
    calls = (project / "calls").read_text()
    assert calls.count("-m venv") == 1
    assert calls.count("pip install") == 1
    assert "-c constraints.txt -e .[test,app,cluster,heic]" in calls
    (project / "constraints.txt").write_text("numpy==2.4.6\n")
    make(project, "PYTHON=./python", ".venv/.installed")
    assert (project / "calls").read_text().count("pip install") == 2
    assert (project / "calls").read_text().count("-m venv") == 1


def test_a_failed_installation_is_taken_up_again(project):
    script(project / "installer", '#!/bin/sh\n[ "$1" = -c ]\n')
    assert make(project, "PYTHON=./python", ".venv/.installed").returncode != 0
    assert not (project / ".venv/.installed").exists()
    script(project / ".venv/bin/python", "#!/bin/sh\n")
    assert make(project, "PYTHON=./python", ".venv/.installed").returncode == 0
    assert (project / ".venv/.installed").exists()


def test_a_python_that_does_not_fit_is_told_in_one_sentence(project):
    script(project / "old", "#!/bin/sh\nexit 1\n")
    done = make(project, "PYTHON=./old", "test")
    assert done.returncode != 0
    told = [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]
    assert told == ["nbhelpers needs Python 3.11, 3.12 or 3.13; install one, or name it: make PYTHON=/path/to/python"]


def test_a_python_without_venv_is_told_what_to_install(project):
    script(project / "bare", '#!/bin/sh\n[ "$1" = -c ]\n')
    done = make(project, "PYTHON=./bare", "test")
    assert done.returncode != 0
    assert "apt install python3-venv" in done.stderr


def test_clean_leaves_photos_figures_and_models(project):
    kept = [
        "data/runs/demo-sample/models/unet.safetensors",
        "figures/demo-sample/a.png",
        "data/kaggle/a.jpg",
        "data/torchvision/a",
        "data/checkpoints/a",
        ".venv/bin/a",
    ]
    gone = [
        "data/runs/demo-sample/a.ipynb",
        "data/runs/demo-sample/scores/a",
        "data/cache/a",
        "build/a",
        "tests/__pycache__/a",
        "nbhelpers.egg-info/a",
    ]
    for name in kept + gone:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("")
    for folder in ("nbhelpers", "notebooks", "tests"):
        (project / folder).mkdir(exist_ok=True)
    assert make(project, "clean").returncode == 0
    assert [name for name in kept if not (project / name).exists()] == []
    assert [name for name in gone if (project / name).exists()] == []


@pytest.fixture
def lab(project):
    """The project with two notebooks, and a JupyterLab that notes what it is asked to open."""
    for name in ("00_start_here", "01_next"):
        path = project / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{name} of the course")
    (project / ".venv" / "bin").mkdir(parents=True)
    script(project / ".venv/bin/jupyter", '#!/bin/sh\necho "opened $*"\n')
    (project / ".venv/.installed").touch()
    return project


def test_lab_opens_copies_and_keeps_what_a_person_has_changed(lab):
    done = make(lab, "lab")
    assert done.returncode == 0 and f"opened lab --ServerApp.root_dir={lab} lab/00_start_here.ipynb" in done.stdout
    mine, other = (lab / "lab" / f"{name}.ipynb" for name in ("00_start_here", "01_next"))
    assert other.read_text() == "01_next of the course"
    mine.write_text("my work")
    assert make(lab, "lab").stderr == "" and mine.read_text() == "my work"
    for path in (lab / "notebooks").iterdir():
        path.write_text("newer")
    done = make(lab, "lab")
    assert (mine.read_text(), other.read_text()) == ("my work", "newer")
    assert done.stderr.startswith("lab/00_start_here.ipynb is yours and stays") and "01_next" not in done.stderr
    shutil.rmtree(lab / "lab/.course")  # what is as the course has it is no work of a person
    assert "01_next" not in make(lab, "lab").stderr
    mine.unlink()
    assert make(lab, "lab").stderr == "" and mine.read_text() == "newer"


def test_lab_takes_messages_as_large_as_the_explorers_page(lab):
    """Of ipywidgets' own button a file comes in one; what the shell hands on is what the server reads."""
    script(lab / ".venv/bin/jupyter", "#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    name, _, value = make(lab, "lab").stdout.splitlines()[-1].partition("=")
    assert name == "--ServerApp.tornado_settings"
    assert ast.literal_eval(value) == {"websocket_max_message_size": LARGEST_MESSAGE}


def test_lab_opens_the_originals_when_asked(lab):
    assert " notebooks/00_start_here.ipynb" in make(lab, "lab", "EDIT=1").stdout
    assert not (lab / "lab").exists()


def test_help_names_every_target(project):
    shown = make(project, "help").stdout
    assert all(f"make {target} " in shown for target in ("figures", "test", "lab", "notebooks", "bench", "clean"))
