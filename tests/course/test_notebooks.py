"""Which notebooks, profiles and parameters a run takes."""

import nbformat
import pytest

from nbhelpers.course.notebooks import UnknownName, find_notebooks, parameters_of, profile_overrides, read_notebook
from nbhelpers.errors import UserError


def node(*sources, tags=("parameters",)):
    cells = [nbformat.v4.new_code_cell(source, metadata={"tags": list(tags)}) for source in sources]
    return nbformat.v4.new_notebook(cells=cells)


def test_notebooks_are_found_in_order_by_number_stem_and_path(course):
    for stem in ("02_second", "01_first", "10_tenth"):
        course.write(stem)
    (course.notebooks / "notes.ipynb").write_text("{}")
    first, second, tenth = (course.notebooks / f"{stem}.ipynb" for stem in ("01_first", "02_second", "10_tenth"))
    assert find_notebooks() == [first, second, tenth]
    assert find_notebooks(["10", "1"]) == [first, tenth]
    assert find_notebooks(["02_second", "02", "02_second.ipynb", str(second)]) == [second]


def test_an_unknown_notebook_is_answered_with_those_there_are(course):
    course.write("01_first")
    with pytest.raises(UnknownName, match="'03'.*01_first"):
        find_notebooks(["01", "03"])


def test_a_folder_without_notebooks_is_named(course):
    with pytest.raises(UserError, match="notebooks has no notebook"):
        find_notebooks()


def test_parameters_are_the_literals_of_the_tagged_cell():
    source = "photos = 'sample'  # which\nprofile = 'demo'\ncount = -3\nshares = [0.2, 0.8]\nnothing = None"
    expected = {"photos": "sample", "profile": "demo", "count": -3, "shares": [0.2, 0.8], "nothing": None}
    assert parameters_of(node(source)) == expected
    assert list(parameters_of(node(source))) == list(expected)


@pytest.mark.parametrize("source", ["import os", "a = int('1')", "a = b = 1", "a, b = 1, 2", "a.b = 1", "print(1)"])
def test_parameters_may_be_nothing_but_literals(source):
    with pytest.raises(ValueError):
        parameters_of(node(source))


@pytest.mark.parametrize("notebook", [node("a = 1", tags=()), node("a = 1", "b = 2")])
def test_one_cell_is_tagged_parameters(notebook):
    with pytest.raises(ValueError, match="one cell tagged 'parameters'"):
        parameters_of(notebook)


def test_profiles(course):
    assert profile_overrides("demo") == {}
    course.profiles("[smoke.01_first]\ncount = 2\n")
    assert profile_overrides("demo") == {}
    assert profile_overrides("smoke") == {"01_first": {"count": 2}}
    with pytest.raises(UnknownName, match="'papper'.*demo, smoke"):
        profile_overrides("papper")
    course.profiles("[smoke")
    with pytest.raises(UserError, match="profiles.toml is not valid TOML"):
        profile_overrides("demo")


def test_a_run_hands_over_overrides_and_the_parameters_that_a_notebook_takes(course):
    notebook = course.write("01_first", parameters="photos = 'sample'\nprofile = 'demo'\ncount = 5\nother = 1")
    _, parameters = read_notebook(notebook, "smoke", {"count": 2}, {"photos": "kaggle", "cluster": "tcp://x"})
    assert parameters == {"count": 2, "photos": "kaggle"}
    with pytest.raises(UserError, match=r"\[smoke.01_first\].*profiles.toml sets coutn"):
        read_notebook(notebook, "smoke", {"coutn": 2}, {})


@pytest.mark.parametrize("text", ["", "not a notebook", "{}", '{"nbformat": 4, "nbformat_minor": 5, "cells": 3}'])
def test_a_broken_notebook_is_named(course, text):
    (course.notebooks / "01_first.ipynb").write_text(text)
    with pytest.raises(UserError, match="01_first.ipynb cannot be run"):
        read_notebook(course.notebooks / "01_first.ipynb", "demo", {}, {})
