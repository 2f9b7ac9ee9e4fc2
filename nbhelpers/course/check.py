"""Exercises that check themselves: `check.<name>(answer)`, `check.<name>.hint()`, `check.<name>.solution()`.

An answer is *not attempted*, or *not yet*, with the property that it lacks and the smallest input that shows it, or
*right*.
What was tried is noted in data/progress.jsonl on this machine (`nbhelpers progress`), and goes nowhere else.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from IPython.display import display

from nbhelpers import widgets
from nbhelpers.course import progress
from nbhelpers.course.exercises import cielab, comparison, explorer, gan, neighbours, rows, sparse, start, unet
from nbhelpers.course.exercises.answers import Unmet, empty
from nbhelpers.course.exercises.texts import Exercise, exercises
from nbhelpers.course.pages import marked
from nbhelpers.course.progress import COLOURS, NOT_ATTEMPTED, NOT_YET, RIGHT
from nbhelpers.errors import instead_of

_JUDGES = {
    "00_start_here": start,
    "01_cielab": cielab,
    "02_neighbour_regression": neighbours,
    "03_sparse_system": sparse,
    "04_row_by_row": rows,
    "05_unet": unet,
    "06_gan": gan,
    "07_comparison": comparison,
    "08_explorer": explorer,
}


@dataclass(frozen=True)
class Verdict:
    """What can be said of an answer.

    Attributes
    ----------
    state : str
        "not attempted", "not yet" or "right".
    said : str
        One or two sentences, with `code` in backticks.
    """

    state: str
    said: str

    def __repr__(self):
        return f"{self.state}. {self.said[:1].upper()}{self.said[1:]}"

    def _repr_html_(self):
        style = f"border-left:.3rem solid {COLOURS[self.state]};padding:.3rem .8rem;margin:.2rem 0"
        said = marked(repr(self).removeprefix(self.state))
        return f'<div style="{style}"><b>{self.state}</b>{said}</div>'


class Text(str):
    """Markdown that a notebook shows as such, and a terminal as it is."""

    __repr__ = str.__str__

    def _repr_markdown_(self):
        return str(self)


class Check:
    """The check of one exercise.

    Parameters
    ----------
    exercise : Exercise
        What it asks, its hints and its solution.
    """

    def __init__(self, exercise: Exercise):
        self.exercise, self._hinted = exercise, 0

    def __repr__(self):
        return f"check.{self.exercise.name}: {self.exercise.title}"

    def __call__(self, answer=...) -> None:
        """Show what can be said of an answer, and note it.

        Parameters
        ----------
        answer : object
            What the exercise's cell defines.
        """
        verdict = self.verdict(answer)
        display(verdict)
        if verdict.state == RIGHT:
            display(Text(self.exercise.why))
        self._note(verdict.state)

    def verdict(self, answer=...) -> Verdict:
        """Judge an answer.

        Parameters
        ----------
        answer : object
            What the exercise's cell defines.

        Returns
        -------
        Verdict
            Its state, and why.
        """
        name, code = self.exercise.name, self.exercise.stub
        judge = getattr(_JUDGES[self.exercise.notebook], name)
        try:
            # A kernel compiles statement by statement, Python a whole file, which gives other bytecode.
            begun = answer is not ... and not any(empty(answer, defined(code, name, whole)) for whole in (False, True))
        except RecursionError:  # a list that holds itself
            begun = True
        if not begun:
            what = "the cell above is as it was given; change it, run it, then this one"
            if isinstance(answer, (list, tuple, dict)):
                what = "a `...` is left in the cell above; replace it, run the cell, then this one"
            return Verdict(NOT_ATTEMPTED, f"{what}. {self._way()}")
        if self.exercise.is_function and not callable(answer):
            return Verdict(NOT_YET, f"a function is asked for: `check.{name}({name})`, without calling it")
        if callable(answer) and not self.exercise.is_function:
            return Verdict(NOT_YET, "a value is asked for, and this is a function")
        try:
            judge(answer)
        except Unmet as unmet:
            return Verdict(NOT_YET, f"{_ended(str(unmet))} {self._way()}")
        except Exception as error:  # an answer of a form that nobody thought of
            reason = " ".join(str(error).split())[:200]
            what = f"the answer cannot be read ({type(error).__name__}: {reason}): has it the form that is asked for?"
            return Verdict(NOT_YET, f"{what} {self._way()}")
        return Verdict(RIGHT, f"{_ended(self.exercise.title)} Another way: `check.{name}.solution()`")

    def hint(self, number: int | None = None) -> None:
        """Show a hint.

        Parameters
        ----------
        number : int, optional
            1 or 2; by default the one after the last.
        """
        number = min(self._hinted + 1, 2) if number is None else number
        if type(number) is not int or number not in (1, 2):
            raise ValueError(f"there are hints 1 and 2, not {number!r}")
        self._hinted = max(self._hinted, number)
        after = f" (That was the last one: `check.{self.exercise.name}.solution()`.)" if number == 2 else ""
        display(Text(f"**Hint {number} of 2.** {self.exercise.hints[number - 1]}{after}"))
        self._note(f"hint {number}")

    def solution(self) -> None:
        """Show a solution, and why it is one."""
        display(Text(f"**A solution.**\n\n```python\n{self.exercise.solution}\n```\n\n{self.exercise.why}"))
        self._note("solution")

    def _way(self) -> str:
        """What helps next."""
        return f"Help: `check.{self.exercise.name}.{'solution' if self._hinted == 2 else 'hint'}()`"

    def _note(self, event: str) -> None:
        if event == NOT_ATTEMPTED or widgets.headless():
            return
        failed = progress.note(self.exercise.name, event)
        if failed:
            print(failed)


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def defined(code: str, name: str, whole: bool = False):
    """What a cell's code defines under a name.

    Parameters
    ----------
    code : str
        A stub's or a solution's.
    name : str
        Of the exercise.
    whole : bool
        Whether it is compiled as a whole, as a file is, and not by statements, as a notebook's cell.

    Returns
    -------
    object
        A function or a value.
    """
    space = {"__name__": "exercise"}
    tree = ast.parse(code)
    for part in [tree] if whole else [ast.Module([node], []) for node in tree.body]:
        exec(compile(part, f"<{name}>", "exec", dont_inherit=True), space)
    return space[name]


_CHECKS: dict[str, Check] = {}


def __getattr__(name: str) -> Check:
    if name.startswith("_"):
        raise AttributeError(name)
    if name not in exercises():
        raise AttributeError(f"no exercise {name!r}: {instead_of(name, exercises())}")
    return _CHECKS.setdefault(name, Check(exercises()[name]))


def __dir__() -> list[str]:
    return list(exercises())
