"""The command line: exit status, one-sentence errors, and a start without heavy imports."""

import subprocess
import sys

import pytest

from nbhelpers import __version__, cli
from nbhelpers.course import runner
from nbhelpers.errors import UserError


def command(*arguments):
    return subprocess.run([sys.executable, "-m", "nbhelpers", *arguments], capture_output=True, text=True, timeout=120)


def main(capsys, *arguments):
    """Run in this process; returns (status, stdout, stderr)."""
    with pytest.raises(SystemExit) as exit:
        cli.main(list(arguments))
    return exit.value.code, *capsys.readouterr()


def sentence(text):
    """The only line on stderr that is not a progress bar."""
    (line,) = [line for line in text.splitlines() if line.startswith("nbhelpers:")]
    return line


def test_help_and_version_need_no_heavy_import():
    code = "import sys, nbhelpers.cli as c\ntry: c.main(['--help'])\n"
    code += "finally: print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"run", "photos", "bench"} <= set(done.stdout.split())
    loaded = set(done.stderr.split())
    assert not {"torch", "papermill", "sklearn", "pandas", "matplotlib", "numpy", "scipy"} & loaded
    assert command("--version").stdout == f"nbhelpers {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["runn"], "runn"),
        (["run", "--bogus"], "--bogus"),
        (["run", "--cell-timeout", "0"], "--cell-timeout"),
        (["run", "--profile", "papper"], "no profile 'papper': choose from demo"),
        (["run", "03"], "no notebook '03': choose from 01_first"),
        (["run", "--photos", "kagle"], 'did you mean "kaggle"'),
        (["photos", "check", "kagle"], 'did you mean "kaggle"'),
        (["photos", "fetch", "kagle"], 'did you mean "kaggle"'),
        (["bench", "nothing"], "no benchmark 'nothing': choose from one"),
    ],
)
def test_wrong_usage_is_status_2(course, capsys, monkeypatch, arguments, words):
    course.write("01_first", "1")
    bench = type(sys)("nbhelpers.bench.benchmarks")
    bench.NAMES = ("one",)
    monkeypatch.setitem(sys.modules, "nbhelpers.bench.benchmarks", bench)
    monkeypatch.setattr("nbhelpers.bench.benchmarks", bench, raising=False)
    status, out, errors = main(capsys, *arguments)
    assert (status, out) == (2, "")
    assert words in sentence(errors)


def test_a_bare_command_shows_what_there_is():
    done = command()
    assert done.returncode == 2
    assert "Commands:" in done.stderr


def test_a_failing_job_is_status_1_and_its_traceback_is_for_debug_only(course, capsys):
    course.write("01_first", "1 / 0")
    plain = command("run")
    for status, errors in ((plain.returncode, plain.stderr), main(capsys, "run", "--debug")[::2]):
        assert status == 1
        assert "01_first.ipynb failed in code cell 2 (1 / 0): ZeroDivisionError" in sentence(errors)
    assert "Traceback" not in plain.stderr
    assert "Traceback" in errors


def test_a_finished_run_says_how_long_and_where(course, capsys):
    course.write("01_first", "1")
    status, out, _ = main(capsys, "run", "1")
    assert status == 0
    assert out.startswith("01_first ")
    assert "figures/demo-sample/" in out and "data/runs/demo-sample/" in out
    assert "skipped" in main(capsys, "run", "1", "--resume")[1]


@pytest.mark.parametrize("source", ["./missing", "/no/such/folder"])
def test_a_missing_folder_is_status_1(course, capsys, source):
    course.write("01_first", "1")
    for arguments in (["run", "--photos", source], ["photos", "check", source]):
        status, _, errors = main(capsys, *arguments)
        assert status == 1
        assert source in sentence(errors)


def test_an_unforeseen_error_is_one_sentence_too(capsys, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left\non device")

    monkeypatch.setattr(runner, "run_notebooks", fail)
    status, _, errors = main(capsys, "run")
    assert status == 1
    assert errors == "nbhelpers: OSError: [Errno 28] No space left on device (--debug shows the traceback)\n"
    assert "Traceback" in main(capsys, "--debug", "run")[2]


def test_an_error_outside_a_run_keeps_its_own_status(capsys, monkeypatch):
    def fail(*_):
        raise UserError("put it right")

    monkeypatch.setattr(runner, "run_notebooks", fail)
    assert main(capsys, "run") == (1, "", "nbhelpers: put it right\n")


def test_ctrl_c_is_status_130(capsys, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_notebooks", interrupt)
    status, _, errors = main(capsys, "run")
    assert status == 130
    assert "--resume goes on" in sentence(errors)
    monkeypatch.setattr("nbhelpers.photos.catalogue.list_sources", interrupt)
    assert main(capsys, "photos", "list")[0] == 130


def test_sources_are_listed_and_checked(course, capsys):
    status, out, _ = main(capsys, "photos", "list")
    assert status == 0
    assert [line.split()[1] for line in out.splitlines() if line.startswith("sample")] == ["present"]
    assert "kaggle" in out
    status, out, _ = main(capsys, "photos", "check", "sample")
    assert status == 0
    assert out.startswith("sample: ")


def test_skipped_photos_are_one_clean_line(course, capsys):
    from PIL import Image

    folder = course.root / "pictures"
    folder.mkdir()
    for name in "abc":
        Image.new("RGB", (40, 40), "red").save(folder / f"{name}.png")
    (folder / "broken.jpg").write_bytes(b"no photo")
    course.write("01_first", "1")
    status, _, errors = main(capsys, "run", "--photos", str(folder))
    assert status == 0
    line = sentence(errors)
    assert line.startswith("nbhelpers: warning: 1 of 4 files") and "broken.jpg" in line
