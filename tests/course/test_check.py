"""What a check says: of nothing, of an answer that is wrong, that breaks, that is right."""

import json

import numpy as np
import pytest

from nbhelpers import paths
from nbhelpers.course import check
from nbhelpers.course.exercises import cielab, texts
from nbhelpers.course.exercises.answers import Unmet, call, empty, written
from nbhelpers.course.exercises.properties import agree, holds, same


@pytest.fixture
def person(course, monkeypatch):
    """Somebody sits in front of the notebook; a course of their own."""
    monkeypatch.delenv("NBHELPERS_HEADLESS", raising=False)
    monkeypatch.setattr(check, "_CHECKS", {})
    return course


def notes():
    return [json.loads(line) for line in (paths.DATA / "progress.jsonl").read_text().splitlines()]


def right(t, delta=6 / 29):
    return np.where(t > delta**3, np.cbrt(t), t / (3 * delta**2) + 2 * delta / 3)


def test_what_is_tried_is_noted_in_order_and_nothing_else(person, capsys):
    check.cube_root()
    check.cube_root(check.defined(texts.exercises()["cube_root"].stub, "cube_root"))
    assert not (paths.DATA / "progress.jsonl").exists()
    check.cube_root(np.sqrt)
    for _ in range(3):
        check.cube_root.hint()
    check.cube_root.hint(1)
    check.cube_root.solution()
    check.cube_root(right)
    told = [note["event"] for note in notes()]
    assert told == ["not yet", "hint 1", "hint 2", "hint 2", "hint 1", "solution", "right"]
    assert {note["exercise"] for note in notes()} == {"cube_root"}
    said = capsys.readouterr().out
    assert said.count("not attempted") == 2 and said.count("not yet. ") == 1 and said.count("right. ") == 1


def test_without_a_person_nothing_is_noted(course, monkeypatch):
    monkeypatch.setenv("NBHELPERS_HEADLESS", "1")
    check.cube_root(right)
    check.cube_root.hint()
    assert not (paths.DATA / "progress.jsonl").exists()


def test_where_nothing_can_be_noted_the_check_goes_on_and_says_so(person, capsys):
    paths.DATA.write_text("a file in its place")
    check.cube_root(right)
    said = capsys.readouterr().out
    assert "right. " in said and "progress.jsonl cannot be written" in said


def test_the_answers_that_one_gives_first(person):
    ask = check.cube_root
    assert "a function is asked for" in ask.verdict(None).said  # the result of a function without `return`
    assert "without calling it" in ask.verdict(right(np.ones(1))).said
    assert ask.verdict(lambda t, delta: None).said.startswith("it returns nothing, for t = [1], delta = 0.206897")
    broken = "def cube_root(t, delta):\n    u = t\n    return u / missing\n"
    assert (
        "NameError (name 'missing' is not defined) in line 3 of the cell"
        in ask.verdict(check.defined(broken, "cube_root")).said
    )
    assert "raises SystemExit" in ask.verdict(lambda t, delta: exit()).said
    assert "TypeError" in ask.verdict(lambda: 1).said

    def endless(t, delta):
        raise KeyboardInterrupt

    assert "it was stopped, for t = [1], delta = 0.206897: does a loop in it never end?" in ask.verdict(endless).said

    def changes(t, delta):
        t += 1
        return right(t - 1, delta)

    assert "it leaves its input as it was" in ask.verdict(changes).said
    assert ask.verdict(lambda t, delta: right(t, delta).astype("float32")).state == check.RIGHT
    assert ask.verdict(lambda t, delta: right(t, delta).tolist()).state == check.RIGHT


def test_values_of_any_kind_are_told_in_one_line(person):
    endless = []
    endless.append(endless)
    for answer in (endless, {i: i for i in range(10_000)}, ["`" * 9] * 99, "x" * 9_999, np.array(["x" * 999] * 3)):
        found = check.lookalikes.verdict(answer)
        assert found.state == check.NOT_YET and len(found.said) < 400 and found.said.count("`") == 2


def test_a_name_that_is_none_says_which_is_meant():
    with pytest.raises(AttributeError, match=r"no exercise 'cube_rot': did you mean 'cube_root'\?"):
        check.cube_rot  # noqa: B018
    assert dir(check) == sorted(texts.exercises())
    assert repr(check.cube_root) == "check.cube_root: A cube root that is not steep at black"
    for number in (3, 1.0, True, "1"):
        with pytest.raises(ValueError, match="hints 1 and 2, not "):
            check.cube_root.hint(number)


def test_a_verdict_is_shown_safely():
    made = check.Verdict("not yet", "for a < b")
    assert "For a &lt; b" in made._repr_html_() and repr(made) == "not yet. For a < b"


def test_an_answer_of_an_unforeseen_form_is_no_traceback_of_ours(monkeypatch):
    monkeypatch.setattr(cielab, "cube_root", lambda theirs: 1 / 0)
    found = check.cube_root.verdict(right)
    assert found.state == check.NOT_YET
    assert "cannot be read (ZeroDivisionError: division by zero): has it the form that is asked for?" in found.said


def test_after_both_hints_the_solution_is_offered(person):
    ask = check.cube_root
    assert "`check.cube_root.hint()`" in ask.verdict().said and ".solution()" not in ask.verdict().said
    ask.hint()
    ask.hint()
    assert "`check.cube_root.solution()`" in ask.verdict().said


def test_the_first_input_that_fails_is_shown():
    inputs = [(np.zeros(1),), (np.array([2.0]),), (np.array([2.0, 3.0]),)]
    with pytest.raises(Unmet) as found:
        agree("it doubles", lambda x: x * x, lambda x: 2 * x, [*inputs, (np.full((5, 5), 3.0),)])
    assert str(found.value) == "wanted: it doubles. For x = [2, 3] it is [4, 9], and should be [4, 6]"
    with pytest.raises(Unmet) as found:
        agree("it doubles", lambda x: x * x, lambda x: 2 * x, [(np.full((5, 5), 3.0),)])
    shape = "x = an array of shape (5, 5) that begins 3 3 3 3"
    assert str(found.value) == f"wanted: it doubles, at (0, 0). For {shape} it is 9, and should be 6"


@pytest.mark.parametrize(
    ("got", "wanted", "words"),
    [
        (np.zeros((2, 1)), np.zeros(2), "its shape is (2, 1), and should be (2,)"),
        (np.array([np.nan]), np.zeros(1), "It is [nan], and should be [0]"),
        ((1, 2), (1, 3), "(result 2). It is 2, and should be 3"),
        (1, (1, 3), "(2 results are asked for)"),
        ({"a": 1}, {"b": 1}, "It is {'a': 1}, and should be {'b': 1}"),
        ("pale", "vivid", "It is 'pale', and should be 'vivid'"),
        ("pale", 1.0, "It is 'pale', and should be 1"),
        ([[1, 2], [3]], np.zeros((2, 2)), "and should be [[0, 0], [0, 0]]"),
    ],
)
def test_a_difference_is_told(got, wanted, words):
    with pytest.raises(Unmet) as found:
        same("so it is", got, wanted)
    assert words in str(found.value)


def test_what_is_near_is_the_same():
    same("", np.float32(1 / 3), 1 / 3)
    same("", [1, 2], np.array([1.0, 2.0]))
    same("", {"a": (1, "b")}, {"a": (1, "b")})
    same("", 1e9 + 1, 1e9)  # relative
    with pytest.raises(Unmet):
        same("", 1e-3, 0)
    with pytest.raises(Unmet, match="^wanted: it grows. For n = 3 it is not so$"):
        holds("it grows", False, "n = 3")


@pytest.mark.parametrize("legacy", [False, "1.13"])
def test_values_are_written_short(legacy):
    import torch

    with np.printoptions(legacy=legacy):  # colour-science sets it for all
        its = torch.tensor([1.0, 2.5], requires_grad=True)
        told = [written(v) for v in (its, np.zeros((20, 2)), True, 0.1 + 0.2, "x", (np.ones(1), "a"), np.sqrt)]
    assert told == [
        "[1, 2.5]",
        "an array of shape (20, 2) that begins 0 0 0 0",
        "True",
        "0.3",
        "'x'",
        "([1], 'a')",
        "sqrt",
    ]


def test_what_was_not_begun_is_told_from_a_wrong_answer():
    stub = check.defined('def f(x):\n    """Do it."""\n    ...', "f")
    moved = check.defined('\n\n# mine\ndef f(x):\n    """Do it."""\n    ...', "f")
    assert empty(moved, stub)
    assert not empty(check.defined("def f(x):\n    return x", "f"), stub)
    assert not empty(check.defined('def f(x):\n    """Do it."""\n    return ...', "f"), 1)
    assert empty(check.defined('def f(x):\n    """Do it now."""\n    ...', "f"), stub)
    inner = "def f(x):\n    def g():\n        return {}\n    return g"
    assert empty(check.defined(inner.format(1), "f"), check.defined(inner.format(1), "f"))
    assert not empty(check.defined(inner.format(1), "f"), check.defined(inner.format(True), "f"))
    beside = "LEVEL = {}\ndef g():\n    return {}\ndef f(x):\n    return g() + LEVEL"
    stub = check.defined(beside.format(1, 2), "f")
    assert empty(check.defined(beside.format(1, 2), "f"), stub)
    assert not empty(check.defined(beside.format(9, 2), "f"), stub)
    assert not empty(check.defined(beside.format(1, 9), "f"), stub)
    assert empty((1, ...), 0) and empty({"a": ...}, 0) and not empty(None, 0) and not empty(0.0, ...)


def test_a_function_gets_copies():
    import torch

    given = np.zeros(2)
    call(lambda x: x.tolist(), given)
    for change in (lambda x: x.fill(1) or 1, lambda x: torch.from_numpy(x).zero_().add_(1)):
        with pytest.raises(Unmet, match="leaves its input"):
            call(change, given)
    with pytest.raises(Unmet, match="leaves its input"):
        call(lambda parts: parts[0][1].add_(1), [(0, torch.zeros(2))])
    assert call(lambda x: x + 1, torch.tensor([float("nan")])).isnan()
    assert not given.any()
