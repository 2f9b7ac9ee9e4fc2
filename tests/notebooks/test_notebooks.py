"""The committed notebooks: their shape, and that each of them runs."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from nbhelpers.course.exercise_cells import MADE
from nbhelpers.course.notebooks import parameters_of
from nbhelpers.paths import Run

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
MACHINE = re.compile(r"/(?:home|root|work|tmp|Users)/\w|\.venv|site-packages")
OPENING = ("what you'll do", "what you'll learn", "what you need", "how long")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return request.param


@pytest.fixture
def node(notebook):
    return nbformat.read(notebook, as_version=4)


def code_cells(node):
    return [cell for cell in node.cells if cell.cell_type == "code"]


def texts(node):
    """Everything in a notebook that is text: sources, and outputs other than pictures."""
    for cell in node.cells:
        yield cell.source
        for output in cell.get("outputs", []):
            yield output.get("text", "")
            yield from (text for kind, text in output.get("data", {}).items() if kind.startswith("text/"))


def test_the_course_is_complete():
    numbers = [path.name[:2] for path in NOTEBOOKS]
    assert numbers == [f"{number:02}" for number in range(len(numbers))]
    assert len(numbers) >= 4


def test_it_is_valid_and_small(notebook, node):
    nbformat.validate(node)
    assert notebook.stat().st_size < 1.5e6
    assert "widgets" not in node.metadata
    assert node.metadata.kernelspec.name == "python3"


def test_it_opens_with_what_a_reader_wants_to_know(node):
    first = node.cells[0]
    assert first.cell_type == "markdown" and first.source.startswith("# ")
    opening = first.source.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    assert [words for words in OPENING if words not in opening] == []


def test_its_cells_are_many_and_small(node):
    cells = code_cells(node)
    made = [cell for cell in cells if cell.id.startswith(MADE)]  # two for an exercise, one for the quiz
    assert 15 <= len(cells) - len(made) <= 45 and 7 <= len(made) <= 11
    assert [cell.source for cell in cells if len(cell.source.splitlines()) > 30] == []


def test_python_warns_of_none_of_its_cells(node):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as "\\*" in a string, of which newer versions warn every reader
        for cell in node.cells:
            if cell.cell_type == "code":
                lines = cell.source.splitlines()
                compile("\n".join("" if line.startswith(("%", "!")) else line for line in lines), cell.id, "exec")


def test_its_parameters_are_literals_with_photos_and_profile_first(node):
    parameters = parameters_of(node)
    assert list(parameters)[:2] == ["photos", "profile"]
    assert (parameters["photos"], parameters["profile"]) == ("sample", "demo")


def test_it_is_committed_as_executed_from_top_to_bottom(node):
    cells = code_cells(node)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    found = [output for cell in cells for output in cell.outputs]
    assert any({"image/png", "image/jpeg"} & set(output.get("data", {})) for output in found)
    assert [output.ename for output in found if output.output_type == "error"] == []
    assert not any("injected-parameters" in cell.metadata.get("tags", []) for cell in cells)


def test_it_names_no_path_of_one_machine(node):
    assert [text for text in texts(node) if MACHINE.search(text)] == []


def test_its_pictures_in_prose_have_a_description(node):
    prose = "\n".join(cell.source for cell in node.cells if cell.cell_type == "markdown")
    assert "![](" not in prose
    assert [tag for tag in re.findall(r"<img[^>]*>", prose) if not re.search(r'alt="[^"]+"', tag)] == []


def test_profiles_set_real_parameters_to_values_of_their_type():
    profiles = tomllib.loads((ROOT / "notebooks/profiles.toml").read_text(encoding="utf-8"))
    assert set(profiles) == {"smoke", "reference", "paper"}
    known = {path.stem: parameters_of(nbformat.read(path, as_version=4)) for path in NOTEBOOKS}
    for profile, notebooks in profiles.items():
        for stem, overrides in notebooks.items():
            assert stem in known, f"[{profile}.{stem}]: there is no such notebook"
            for name, value in overrides.items():
                assert name in known[stem], f"[{profile}.{stem}] {name}: not a parameter of that notebook"
                default = known[stem][name]
                fits = type(value) is type(default) or (type(value), type(default)) == (int, float)
                assert fits, f"[{profile}.{stem}] {name} = {value!r}: the notebook has {default!r}"


def first_cell():
    node = nbformat.read(NOTEBOOKS[0], as_version=4)
    return code_cells(node)[0].source


def test_the_first_cell_does_nothing_where_the_package_is_installed(monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    exec(first_cell(), {})


@pytest.fixture
def missing(monkeypatch):
    """As where the package is not installed; the commands that would be run."""
    done = []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(subprocess, "run", lambda command, check: done.append(command))
    monkeypatch.setattr(sys, "path", list(sys.path))
    return done


ADDRESS = "https://example.org/course"


def first_cell_with(address):
    found = re.findall('REPOSITORY = ".*?"', first_cell())
    assert len(found) == 1
    return first_cell().replace(found[0], f'REPOSITORY = "{address}"')


def fetched(done):
    clone, install = done
    assert clone[:2] == ["git", "clone"] and clone[-2:] == [ADDRESS, "course"]
    assert install == [sys.executable, "-m", "pip", "install", "--quiet", "-e", "course"]
    return sys.path[0] == "course"


def test_the_first_cell_fetches_and_installs_the_course_where_it_is_missing(missing, monkeypatch):
    monkeypatch.setattr("builtins.input", None)  # nothing to ask
    exec(first_cell_with(ADDRESS), {})
    assert fetched(missing)


def test_the_first_cell_asks_for_an_address_where_there_is_none(missing, monkeypatch):
    asked = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or f" {ADDRESS} ")
    exec(first_cell_with(""), {})
    assert fetched(missing)
    assert len(asked) == 1 and "not installed" in asked[0] and "ddress" in asked[0]


def nobody(question):
    raise EOFError


def no_input(question):  # what a kernel without a reader raises
    from IPython.core.error import StdinNotImplementedError

    raise StdinNotImplementedError


@pytest.mark.parametrize(
    "answer", [lambda question: "", nobody, no_input], ids=["empty", "no reader", "no kernel input"]
)
def test_the_first_cell_without_an_address_says_what_to_set_and_ends_nothing(missing, monkeypatch, capsys, answer):
    monkeypatch.setattr("builtins.input", answer)
    exec(first_cell_with(""), {})  # no SystemExit, no error: a kernel goes on
    assert missing == [] and "course" not in sys.path
    said = " ".join(capsys.readouterr().out.split())
    assert said.startswith("nbhelpers is not installed") and said.count(".") == 1
    assert "REPOSITORY" in said and "make lab" in said


@pytest.fixture
def elsewhere(tmp_path):
    """The environment of a project folder of its own: a run in it leaves the checkout as it is."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    (tmp_path / "data").mkdir()
    if (ROOT / "data/checkpoints").is_dir():
        shutil.copytree(ROOT / "data/checkpoints", tmp_path / "data/checkpoints")
    kept = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    return kept | {"NBHELPERS_ROOT": str(tmp_path), "NBHELPERS_HEADLESS": "1"}


ONE_PROCESS = {"LOKY_MAX_CPU_COUNT": "1"}  # for joblib: each process that it starts loads all libraries once more


def smoke(environment, photos, run, *names):
    command = [sys.executable, "-m", "nbhelpers", "run", *names, "--profile", "smoke", "--photos", photos]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    root = Path(environment["NBHELPERS_ROOT"])
    for path in NOTEBOOKS:
        copy = nbformat.read(root / "data/runs" / run / path.name, as_version=4)
        assert all((root / name).exists() for name in copy.metadata["nbhelpers"]["outputs"])
    assert list((root / "figures" / run).glob("*.png"))
    assert list((root / "figures" / run).glob("*.csv"))


def tables(folder):
    """The tables of a run that should come out alike each time."""
    files = [path for path in sorted(folder.glob("*.csv")) if not path.stem.endswith("_timing")]
    return {path.name: pd.read_csv(path) for path in files}


def test_they_run_at_the_smoke_profile_and_the_comparison_gives_the_same_tables_again(elsewhere):
    """On the folder that NBHELPERS_PHOTOS names, where it does: on the sample they run with nbval."""
    folder = os.environ.get("NBHELPERS_PHOTOS")
    photos = str(Path(folder).resolve()) if folder else "sample"
    run = Run("smoke", photos).name
    smoke(elsewhere | ONE_PROCESS, photos, run)
    root = Path(elsewhere["NBHELPERS_ROOT"])
    committed = {path.stem: path.name for path in (ROOT / "figures/reference").iterdir() if path.suffix != ".csv"}
    made = [path for path in (root / "figures" / run).iterdir() if path.suffix != ".csv"]
    assert {path.stem for path in made} & set(committed)
    # The reference's pictures are of the kinds that a run makes, or links to them would break with the next one.
    assert [path.name for path in made if committed.get(path.stem, path.name) != path.name] == []
    before = tables(root / "figures" / run)
    assert any(name.startswith("07_") for name in before)
    shutil.rmtree(root / "data/runs" / run / "scores")  # measure again, do not read
    for path in (root / "figures" / run).glob("07_*"):
        path.unlink()
    smoke(elsewhere, photos, run, "07")  # in several processes now
    after = tables(root / "figures" / run)
    assert list(after) == list(before)
    for name, table in before.items():
        pd.testing.assert_frame_equal(after[name], table, rtol=1e-6, obj=name)


# As committed these solve and train for minutes, which `make figures` does; what is marked in them holds at any size.
# Where nothing is marked, nbval would only do once more what papermill's run does.
MARK = "NBVAL_CHECK_OUTPUT"
LONG = ("03_sparse_system", "05_unet", "06_gan", "07_comparison", "08_explorer")


def shorten(path):
    """Give a notebook the sizes of the smoke profile, in its own cell; its outputs stay those that are committed."""
    profiles = tomllib.loads((ROOT / "notebooks/profiles.toml").read_text(encoding="utf-8"))
    node = nbformat.read(path, as_version=4)
    (cell,) = (cell for cell in node.cells if "parameters" in cell.metadata.get("tags", []))
    cell.source += "".join(f"\n{name} = {value!r}" for name, value in profiles["smoke"][path.stem].items())
    nbformat.write(node, path)


def test_they_run_again_with_the_outputs_that_they_promise(elsewhere):
    folder = Path(elsewhere["NBHELPERS_ROOT"]) / "notebooks"
    again = [folder / path.name for path in NOTEBOOKS if path.stem not in LONG or MARK in path.read_text("utf-8")]
    assert len(again) > 5
    for path in again:
        if path.stem in LONG:
            shorten(path)
    options = [
        "--nbval-lax",
        "--nbval-current-env",
        "--nbval-cell-timeout=600",
        "-q",
        "-p",
        "no:cacheprovider",
    ]
    command = [sys.executable, "-m", "pytest", *options, *map(str, again)]
    done = subprocess.run(command, env=elsewhere | ONE_PROCESS, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:]
    cells = sum(len(code_cells(nbformat.read(path, as_version=4))) for path in again)
    assert f"{cells} passed" in done.stdout
