"""Every exercise: its stub, its solution, and its planted mistakes, at least three."""

import re

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbhelpers.course import check
from nbhelpers.course.exercises import texts
from nbhelpers.course.notebooks import find_notebooks

EXERCISES = texts.exercises()
MISTAKES = [(name, i) for name, exercise in EXERCISES.items() for i, _ in enumerate(exercise.mistakes)]
# A number in what a reader is told stands in code or a formula, or in words: nothing here is measured.
APART = re.compile(r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|\b[Nn]otebooks? \d\d", re.DOTALL)
each = pytest.mark.parametrize("name", EXERCISES)


def verdict(name, code):
    return getattr(check, name).verdict(check.defined(code, name))


def test_no_name_is_one_of_the_checks_own():
    assert set(EXERCISES) & set(vars(check)) == set()


@each
def test_its_stub_is_not_attempted(name):
    assert verdict(name, EXERCISES[name].stub).state == check.NOT_ATTEMPTED


@pytest.fixture(scope="module")
def kernel():
    """What a notebook runs its cells with: it compiles them statement by statement."""
    return InteractiveShell()


@each
def test_its_stub_is_not_attempted_in_a_notebook_either(name, kernel):
    kernel.run_cell(EXERCISES[name].stub).raise_error()
    assert getattr(check, name).verdict(kernel.user_ns[name]).state == check.NOT_ATTEMPTED


@each
def test_its_stub_is_not_attempted_in_a_script_either(name):
    stub = check.defined(EXERCISES[name].stub, name, whole=True)
    assert getattr(check, name).verdict(stub).state == check.NOT_ATTEMPTED


@each
def test_its_solution_is_right(name):
    found = verdict(name, EXERCISES[name].solution)
    assert found.state == check.RIGHT, found


@pytest.mark.filterwarnings("ignore")  # a mistake may well divide by zero
@pytest.mark.parametrize(("name", "number"), MISTAKES)
def test_a_planted_mistake_is_caught_by_the_property_that_it_breaks(name, number):
    code, words = EXERCISES[name].mistakes[number]
    found = verdict(name, code)
    assert found.state == check.NOT_YET
    assert words in found.said
    assert (
        re.search(r"\bfor .+ = .|\. For .+ it is ", found.said, re.IGNORECASE) or not EXERCISES[name].is_function
    )  # the input that shows it


@each
def test_it_is_small_and_has_three_mistakes(name):
    exercise = EXERCISES[name]
    assert len(exercise.mistakes) >= 3
    assert max(len(code.splitlines()) for code in (exercise.stub, exercise.solution)) <= 30
    assert max(len(line) for line in exercise.solution.splitlines()) <= 120
    told = " ".join((exercise.title, exercise.ask, *exercise.hints, exercise.why))
    assert re.findall(r"(?<![\w.])\d[\d.]*", APART.sub(" ", told)) == []


@pytest.mark.parametrize("notebook", find_notebooks(), ids=lambda path: path.stem)
def test_each_notebook_has_an_algorithm_a_mistake_and_a_prediction(notebook):
    kinds = [exercise.kind for exercise in texts.of_notebook(notebook.stem)]
    assert 3 <= len(kinds) <= 5
    assert {"write the algorithm", "find the mistake", "predict, then run"} <= set(kinds)
