"""Are variants held against the right one, is the report of pytest read as it is, is resume looked at closely?"""

import subprocess
from pathlib import Path

import pytest
from campaigns import campaign, table

from nbhelpers import paths
from nbhelpers.bench import cuda_right
from nbhelpers.bench.cuda_campaign import PLAIN, SWITCHES, OutOfTime
from nbhelpers.networks import collapse
from nbhelpers.networks.data import Batches

REPORT = """<testsuites><testsuite name="pytest">
<testcase classname="tests.test_a" name="test_good" time="0.5"/>
<testcase classname="tests.test_a" name="test_bad" time="1.25"><failure message="assert 1&#10;   == 2"/></testcase>
<testcase classname="tests.test_b" name="test_not_here" time="0"><skipped message="no GPU"/></testcase>
<testcase classname="tests.test_b" name="test_broken" time="0"><error message="fixture"/></testcase>
</testsuite></testsuites>"""


class Process:
    """A pytest that ends, or does not."""

    returncode, killed = 4, False

    def __init__(self, ends=True):
        self.ends = ends

    def wait(self, seconds):
        self.waited = seconds
        if not self.ends:
            raise subprocess.TimeoutExpired("pytest", seconds)

    def kill(self):
        self.killed = True


def test_each_variant_is_held_against_the_first_of_its_network_and_size():
    def row(network, size, **losses):
        return {"network": network, "size": size} | losses

    rows = [row("unet", 64, loss=2.0), row("unet", 64, loss=1.95), row("unet", 64, loss=2.1)]
    rows += [row("gan-paper", s, adversarial=a, discriminator_loss=d) for s, a, d in ((64, 1, 4), (64, 1.2, 2.8))]
    rows += [row("gan-paper", 128, adversarial=5, discriminator_loss=1.0)]
    cuda_right._compare(rows)
    assert [each["difference"] for each in rows] == pytest.approx([0, 0.025, 0.05, 0, 0.3, 0])
    assert [each["within"] for each in rows] == [True, True, False, True, False, True]


def test_every_switch_is_compared_and_plain_float32_comes_first(tmp_path, monkeypatch):
    sizes = campaign(tmp_path, check_steps=200, compile=True, size=128).sizes
    found = list(cuda_right._variants(sizes))
    for name in cuda_right.TOLERANCE:
        small = [(what, switches) for asked, what, switches in found if (asked.name, asked.size) == (name, 32)]
        assert small[0] == ("float32", PLAIN) and {"bf16", "CUDA graph"} <= {what for what, _ in small}
    assert {"float32, another seed", *SWITCHES} <= {what for asked, what, _ in found if asked.name == "unet"}
    assert [switches.compile for asked, _, switches in found if asked.size == 128] == [False, True]
    assert {8 * asked.epochs for asked, _, _ in found} == {200}
    monkeypatch.setattr(cuda_right, "flops", lambda asked: asked.size)
    assert cuda_right.work(sizes) == (800 * len(found), 800 * sum(asked.size for asked, _, _ in found))


def test_a_report_is_a_row_for_each_test(tmp_path):
    (tmp_path / "tests.xml").write_text(REPORT)
    rows = cuda_right._end_tests(campaign(tmp_path), (tmp_path / "tests.xml", Process()))
    assert [row["outcome"] for row in rows] == ["passed", "failure", "skipped", "error"]
    assert [row["message"] for row in rows] == ["", "assert 1 == 2", "no GPU", "fixture"]
    assert [row["seconds"] for row in rows] == [0.5, 1.25, 0, 0]
    assert (rows[2]["file"], rows[2]["test"]) == ("tests.test_b", "test_not_here")


def test_tests_without_a_report_and_without_an_end_say_so(tmp_path):
    (row,) = cuda_right._end_tests(campaign(tmp_path), (tmp_path / "tests.xml", Process()))
    assert row["outcome"] == "pytest ended with 4"
    (tmp_path / "tests.xml").write_text(REPORT)
    process = Process(ends=False)
    (row,) = cuda_right._end_tests(campaign(tmp_path, seconds=50), (tmp_path / "tests.xml", process))
    assert row["outcome"] == "not finished in time" and process.killed and 40 < process.waited <= 50


def test_the_tests_that_are_started(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(cuda_right.subprocess, "Popen", lambda command, **options: started.append((command, options)))
    (tmp_path / "tests.xml").write_text("of an earlier attempt")
    c = campaign(tmp_path)
    assert cuda_right._start_tests(c) is None and not started
    object.__setattr__(c.sizes, "tests", ("networks/test_cuda_graphs", "test_of_another_version"))
    report = cuda_right._start_tests(c)[0]
    ((command, options),) = started
    assert command[1:3] == ["-m", "pytest"] and command[command.index("cuda") - 1] == "-m"
    assert [Path(word).name for word in command if word.endswith(".py")] == ["test_cuda_graphs.py"]
    assert f"--junitxml={report}" in command and options["cwd"] == paths.ROOT and not report.exists()


def test_tests_are_ended_when_the_time_is_over(tmp_path, monkeypatch):
    (tmp_path / "tests.xml").write_text(REPORT)
    monkeypatch.setattr(cuda_right, "_start_tests", lambda c: (c.out / "tests.xml", Process()))
    with pytest.raises(OutOfTime):
        cuda_right.right(campaign(tmp_path, seconds=-1))
    assert table(tmp_path, "tests")["outcome"].tolist() == ["passed", "failure", "skipped", "error"]


def test_resume_is_exact_until_something_changes_on_it(tmp_path, monkeypatch, one_thread):
    c, at = campaign(tmp_path), Batches.at
    row = cuda_right._resumed(c, "unet", False)
    assert row["a second run repeats"] and row["resume is exact"] and row["steps"] == 24

    def other_seed_if_resumed(self, step, seed):
        first = self.__dict__.setdefault("first", step)
        return at(self, step, seed + (first > 0))

    monkeypatch.setattr(Batches, "at", other_seed_if_resumed)
    row = cuda_right._resumed(c, "unet", False)  # in the same folder: nothing of the first attempt is taken
    assert row["a second run repeats"] and not row["resume is exact"]


def test_resume_is_exact_when_the_training_collapses_later(tmp_path, monkeypatch, one_thread):
    monkeypatch.setattr(collapse.Monitor, "verdict", lambda self, rows: "planted" if rows[-1]["step"] == 10 else "")
    row = cuda_right._resumed(campaign(tmp_path), "gan-paper", False)
    assert row["steps"] == 11 and row["a second run repeats"] and row["resume is exact"]
