"""The budget that `make test` and `make figures` are held against. No time is asserted."""

import os
import re
import subprocess
import sys

import pandas as pd
import torch

from nbhelpers import paths
from nbhelpers.bench import calibration


def test_a_time_is_told_as_a_multiple_beside_its_budget(monkeypatch):
    monkeypatch.setitem(calibration.BUDGET, "make test", 250)
    told = calibration.sentence("make test", 540.0, 2.5)
    assert told == "make test took 9.0 min, 216 times the calibration's 2.50 s (CONTRIBUTING.md: at most 250)"


def test_contributing_has_the_same_budgets():
    text = (paths.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert {what: int(n) for what, n in re.findall(r"`(make \w+)` (?:takes )?at most (\d+) times", text)} == (
        calibration.BUDGET
    )


def test_contributing_has_the_minutes_that_were_measured():
    text = (paths.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = pd.read_csv(paths.FIGURES / "bench" / "commands.csv").query("code == 'now'")
    told = re.findall(r"`(make \w+)` (?:took )?([\d.]+) minutes \((\d+) times\)", text)
    assert told == [(row.command, f"{row.minutes:g}", str(row.multiple)) for row in table.itertuples()]
    for row in table.itertuples():
        assert row.multiple <= calibration.BUDGET[row.command]


def test_the_work_is_done_and_leaves_the_threads_as_they_were(monkeypatch):
    done = []
    for name in ("solve", "grow", "learn"):
        monkeypatch.setattr(calibration, name, lambda name=name: done.append((name, torch.get_num_threads())))
    before = torch.get_num_threads()
    assert calibration.calibration(2) >= 0 and torch.get_num_threads() == before
    assert done == [("solve", 1), ("grow", 1), ("learn", 1)] * 2
    monkeypatch.undo()
    assert calibration.calibration(1) > 0


def test_the_line_of_pytest_stays_the_last():
    code = "import pytest, sys\nfrom nbhelpers.bench import calibration\ncalibration.calibration = lambda: 2.0\n"
    code += "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '--calibrate', 'tests/test_errors.py']))"
    environment = {key: value for key, value in os.environ.items() if key != "PYTEST_ADDOPTS"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=paths.ROOT, env=environment)
    *_, ours, last = done.stdout.splitlines()
    assert done.returncode == 0 and ours.startswith("make test took 0.") and re.match(r"\d+ passed in", last)
