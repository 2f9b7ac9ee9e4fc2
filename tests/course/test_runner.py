"""The papermill driver, on small notebooks made here."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial

import nbformat
import pytest
from PIL import Image

from nbhelpers import paths
from nbhelpers.course import runner
from nbhelpers.course.runner import run_notebooks
from nbhelpers.errors import UserError

SAVE = "from nbhelpers.paths import Run\nmine = Run(profile, photos)\n"
TABLE = SAVE + "import pandas\nmine.save_table(pandas.DataFrame({'count': [count]}), 'table')"
FIT = SAVE + "mine.models.mkdir(parents=True, exist_ok=True)\n(mine.models / 'mean.txt').write_text('%s');"
FIGURE = """\
import matplotlib.pyplot as plt
plt.plot([1, 2]);"""
LOOK = """\
import json, os, sys
print(json.dumps([sys.executable, os.getcwd(), os.environ.get("NBHELPERS_HEADLESS")]))"""
PARAMETERS = "photos = 'sample'\nprofile = 'demo'\ncount = 5"


def source_of(node, tag):
    return [cell.source for cell in node.cells if tag in cell.metadata.get("tags", [])]


def outputs(node):
    return [output for cell in node.cells if cell.cell_type == "code" for output in cell.outputs]


def left_over(course):
    """Temporary files that should have been renamed or removed."""
    return [file for file in course.root.rglob(".*") if file.suffix == ".ipynb"]


def test_a_run_leaves_figures_tables_and_executed_copies(course, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")  # must not reach the kernel: pictures would be lost
    course.write("00_start", FIGURE, LOOK, "import ipywidgets\nipywidgets.IntSlider()")
    course.write("01_table", TABLE, parameters=PARAMETERS)
    course.profiles("[smoke.01_table]\ncount = 2\n")
    done = run_notebooks(profile="smoke")
    assert [item.notebook.stem for item in done] == ["00_start", "01_table"]
    assert all(item.seconds > 0 and not item.skipped for item in done)
    assert (course.root / "figures/smoke-sample/table.csv").read_text() == "count\n2\n"
    start, table = course.copy("00_start", "smoke-sample"), course.copy("01_table", "smoke-sample")
    assert any("image/png" in output.get("data", {}) for output in outputs(start))
    printed = next(output.text for output in outputs(start) if output.output_type == "stream")
    assert json.loads(printed) == [sys.executable, str(course.notebooks), "1"]
    assert "widgets" not in start.metadata
    assert "count = 2" in source_of(table, "injected-parameters")[0]
    assert table.metadata["nbhelpers"]["outputs"] == ["figures/smoke-sample/table.csv"]
    assert "input_path" not in table.metadata.papermill
    assert not left_over(course)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Stands for the package's source, which somebody may be editing while the tests run."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "module.py").write_text("first = True")
    monkeypatch.setattr(runner, "PACKAGE", folder)
    return folder


def test_resume_skips_what_is_finished_and_unchanged(course, package):
    course.write("01_fit", FIT % "brown")
    course.write("02_table", TABLE, parameters=PARAMETERS)
    course.profiles("[smoke.02_table]\ncount = 2\n")

    def executed(**options):
        return [
            item.notebook.stem[:2]
            for item in run_notebooks(profile="smoke", resume=True, **options)
            if not item.skipped
        ]

    assert executed() == ["01", "02"]
    assert executed() == []
    (course.root / "figures/smoke-sample/table.csv").unlink()
    assert executed() == ["02"]
    course.profiles("[smoke.02_table]\ncount = 3\n")
    assert executed() == ["02"]
    course.write("01_fit", FIT % "brown", "'a new cell that fits the same'")
    assert executed() == ["01"]
    course.write("01_fit", FIT % "grey")
    assert executed() == ["01", "02"], "what is fitted earlier may be loaded later"
    (package / "module.py").write_text("changed = True")
    assert executed(names=["02"]) == ["02"]
    assert executed(names=["02"]) == []
    assert [item.skipped for item in run_notebooks(["02"], profile="smoke")] == [False], "only with resume"


def test_resume_sees_an_earlier_table_and_a_model_that_was_not_written_again(course, package):
    table = "from nbhelpers.paths import Run\nimport pandas as pd\nrun = Run(profile, photos)\n"
    table += "run.save_table(pd.DataFrame({'n': [%d]}), '01_n')\n"
    once = "run.models.mkdir(parents=True, exist_ok=True)\nfile = run.models / 'once.json'\n"
    once += "file.exists() or file.write_text('fitted')"
    course.write("01_fit", table % 1, once)
    course.write("02_reads", "1")
    done = [item.skipped for item in run_notebooks(resume=True)]
    assert done == [False, False]
    course.write("01_fit", table % 2, once)
    assert [item.skipped for item in run_notebooks(resume=True)] == [False, False]
    assert [item.skipped for item in run_notebooks(resume=True)] == [True, True]
    (course.root / "data/runs/demo-sample/models/once.json").unlink()
    assert [item.skipped for item in run_notebooks(resume=True)] == [False, True]


def test_a_failing_cell_is_named_and_kept_in_the_copy(course, package):
    course.write("01_fine", "1")
    course.write("02_fails", "fine = 1", "# the next line fails\n\nraise ValueError('no\\ncolour')", "late = 1")
    course.write("03_late", "1")
    with pytest.raises(
        UserError, match=r"02_fails.ipynb failed in code cell 3 \(# the next.*ValueError: no colour; .*02_"
    ):
        run_notebooks()
    copy = course.copy("02_fails")
    assert [output.ename for output in outputs(copy) if output.output_type == "error"] == ["ValueError"]
    assert "nbhelpers" not in copy.metadata
    assert "nbhelpers" in course.copy("01_fine").metadata
    assert not (paths.DATA / "runs/demo-sample/03_late.ipynb").exists()
    assert not left_over(course)
    course.write("02_fails", "fine = 1")
    assert [item.skipped for item in run_notebooks(resume=True)] == [True, False, False]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("import time\ntime.sleep(60)", "stopped after 2 s"),
        ("import os\nos._exit(1)", "Kernel died"),
        ("raise SystemExit", "SystemExit"),
    ],
)
def test_a_cell_that_hangs_or_ends_its_kernel_fails(course, cell, reason):
    course.write("01_stops", cell, "late = 1")
    with pytest.raises(UserError, match=f"01_stops.ipynb failed in code cell 2 .*{reason}"):
        run_notebooks(cell_timeout=2)
    assert any(output.output_type == "error" for output in outputs(course.copy("01_stops")))
    assert "nbhelpers" not in course.copy("01_stops").metadata


@pytest.mark.parametrize(("end", "shown"), [("1 / 0", False), ("os._exit(1)", True)])
def test_what_a_kernel_says_of_itself_is_shown_when_it_died_alone(course, capfd, end, shown):
    course.write("01_stops", f"import os\nget_ipython().parent.log.critical('from the kernel')\n{end}")
    with pytest.raises(UserError, match="01_stops.ipynb failed in code cell 2"):
        run_notebooks()
    assert ("from the kernel" in capfd.readouterr().err) is shown


def test_a_missing_source_or_cluster_shows_before_any_kernel_starts(course, monkeypatch):
    monkeypatch.setattr(runner, "_execute", lambda *_: pytest.fail("a kernel was started"))
    course.write("01_fine", "1")
    with pytest.raises(UserError, match="no_such_folder"):
        run_notebooks(photos="./no_such_folder")
    monkeypatch.setattr(runner.system, "backend", partial(runner.system.backend, timeout=1))
    with pytest.raises(UserError, match="127.0.0.1:1"):
        run_notebooks(cluster="tcp://127.0.0.1:1")


def test_a_folder_of_photos_is_handed_over_as_an_absolute_path(course, package, monkeypatch):
    pictures = course.root / "my pictures"
    pictures.mkdir()
    for name, colour in [("a", "red"), ("b", "green"), ("c", "blue")]:
        Image.new("RGB", (40, 40), colour).save(pictures / f"{name}.png")
    monkeypatch.chdir(course.root)
    look = "from nbhelpers.photos import open_photos\nfound = open_photos(photos, size=32)\n"
    course.write("01_photos", look + "print(photos, len(found.train) + len(found.test))")
    run_notebooks(photos="my pictures")
    assert outputs(course.copy("01_photos", paths.Run("demo", str(pictures)).name))[-1].text == f"{pictures} 3\n"
    before = [item.skipped for item in run_notebooks(photos=str(pictures), resume=True)]
    Image.new("RGB", (40, 40), "yellow").save(pictures / "d.png")
    assert before + [item.skipped for item in run_notebooks(photos="my pictures", resume=True)] == [
        True,
        False,
    ]


def test_update_writes_clean_outputs_back(course):
    bar = "from tqdm.auto import tqdm\nfrom tqdm import tqdm as lines\n"
    bar += "for _ in tqdm(lines(range(2))): print('step')\n'end'"
    notebook = course.write("01_first", FIGURE, "", bar)
    before = nbformat.read(notebook, as_version=4)
    run_notebooks(update=True)
    first, node = notebook.read_bytes(), nbformat.read(notebook, as_version=4)
    assert [(c.id, c.cell_type, c.source, c.metadata) for c in node.cells] == [
        (c.id, c.cell_type, c.source, c.metadata) for c in before.cells
    ]
    assert [c.execution_count for c in node.cells if c.cell_type == "code"] == [1, 2, None, 3]
    assert [o.output_type for o in node.cells[-1].outputs] == ["stream", "execute_result"]
    assert node.cells[-1].outputs[0].text == "step\nstep\n"
    assert node.cells[-1].outputs[1].execution_count == 3
    assert any("image/png" in output.get("data", {}) for output in outputs(node))
    assert dict(node.metadata.language_info) == {"name": "python"}
    assert "papermill" not in node.metadata and "nbhelpers" not in node.metadata
    run_notebooks(update=True)
    assert notebook.read_bytes() == first


def test_update_waits_until_all_have_succeeded_and_is_for_the_committed_run_only(course):
    notebook = course.write("01_first", "1")
    course.write("02_fails", "1 / 0")
    before = notebook.read_bytes()
    with pytest.raises(UserError, match="ZeroDivisionError"):
        run_notebooks(update=True)
    course.profiles("[smoke]")
    with pytest.raises(UserError, match="--update needs"):
        run_notebooks(["01"], profile="smoke", update=True)
    assert notebook.read_bytes() == before


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_nothing_half_written_and_no_kernel(course, how):
    course.write("01_quick", "1")
    course.write("02_slow", "1")
    run_notebooks(["02"])
    older = (paths.DATA / "runs/demo-sample/02_slow.ipynb").read_bytes()
    course.write(
        "02_slow",
        "import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(120)",
    )
    command = [sys.executable, "-m", "nbhelpers", "run"]
    # A group of its own, and SIGINT to the driver alone: the kernel must not need the terminal to tell it.
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    pid = course.notebooks / "pid"
    wait_until(lambda: pid.exists() and pid.read_text(), 90)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume goes on" in errors.splitlines()[-1]
    assert "Traceback" not in errors
    wait_until(lambda: not os.path.exists(f"/proc/{pid.read_text()}"), 20)
    assert (paths.DATA / "runs/demo-sample/02_slow.ipynb").read_bytes() == older
    assert (paths.DATA / "runs/demo-sample/01_quick.ipynb").exists()
    assert not left_over(course)


def wait_until(true, seconds):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
