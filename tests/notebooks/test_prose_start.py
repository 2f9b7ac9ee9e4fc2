"""Notebook 00: each number of its prose has a source, its map is the course's, its small examples are right."""

import re

import numpy as np
import pandas as pd
import prose

from nbhelpers import paths
from nbhelpers.course.overview import COURSE
from nbhelpers.evaluation import paper
from nbhelpers.evaluation.reference import table

NAME = "00_start_here"
GIVEN = {
    "nb00-05b": "1970",
    "nb00-06": "00 01 02 03 04 05 06 07 08 3 5",
    "nb00-10": "5,000 739",  # the paper's set
    "nb00-15": "0 255 3",
    "nb00-18": "0 100",
    "nb00-20b": "0",
    "nb00-20i": "04 05 06",
    "nb00-24": "0 1 40 80 99",
    "nb00-24d": "0 1 22,000 40",  # tested below
    "nb00-28": "95 99 100",
    "nb00-33": "06 1",
    "nb00-35": "5,000",
    "closing": "4 35 10.1145 1015706.1015780 10.2307 1931034 1603.08511 1703.04044 23 3 99",
}


def cells():
    return prose.cells(NAME)


def test_each_number_has_a_source():
    prose.check(NAME, GIVEN, {})


def test_the_map_is_the_courses_and_leads_to_every_notebook():
    rows = re.findall(r"^\| (?:\[(.+?)\]\((\S+?)\)|(00 .+?) \(.*?) \| (.*?) \| (.*?) \| (.*?) ?\|$", *_map())
    assert [(number, *told) for number, told in zip([f"{i:02}" for i in range(len(COURSE))], COURSE, strict=True)] == [
        ((name or here)[:2], (name or here)[3:], about, where) for name, _, here, about, where, _ in rows
    ]
    assert [link for _, link, *_ in rows[1:]] == sorted(p.name for p in paths.NOTEBOOKS.glob("0[1-9]_*.ipynb"))
    for name, _, here, *_, needs in rows:  # nothing builds on what comes after it
        assert all(before < (name or here)[:2] for before in re.findall(r"\d\d", needs))


def _map():
    return cells()["nb00-06"].source, re.MULTILINE


def test_the_weight_across_the_edge_and_the_error_of_nearest_are_as_said():
    source = cells()["nb00-24d"].source
    assert "about 1 to 22,000" in source and round(np.exp(10), -3) == 22_000
    assert r"$40^2 / (2 \cdot 4) = 200$" in source and 40**2 / (2 * 4) == 200


def test_what_it_says_of_the_table_holds_in_the_reference_run_too():
    found = table("00_first_answers")
    mean = found.set_index(["method", "unknown"])["mean"]
    for share in found["unknown"].unique():
        assert mean["edge-aware", share] < mean["nearest", share] < mean["grey", share]
    printed = paper.table_1().query("unknown == 0.8")["printed"].min()
    assert printed > 5 * mean["nearest", 0.8]
    assert list(found) == ["method", "unknown", "mean", "low", "high", "photos", "not_converged"]
    assert isinstance(found, pd.DataFrame) and not found["not_converged"].any()


def test_the_rule_which_model_is_loaded_is_the_registrys(monkeypatch, tmp_path):
    from nbhelpers import registry

    source = cells()["nb00-33c"].source
    assert "`registry.load(name, run)`" in source and "`registry.load(name)`" in source
    monkeypatch.setattr(paths.Run, "models", tmp_path)
    run = paths.Run("demo", "sample")
    assert registry.load("mean", run).origin == registry.COURSE  # where there is none, the course's
    registry.save("mean", [1.0, 2.0], run)
    assert registry.load("mean", run).origin == run.name and tuple(registry.load("mean", run).ab) == (1.0, 2.0)
    assert registry.load("mean").origin == registry.COURSE  # always
    assert registry.load("grey", run).origin == ""  # needs no model
