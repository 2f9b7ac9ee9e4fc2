"""The cells of exercises and quiz, made from their texts: `python -m nbhelpers.course.exercise_cells` writes them anew.

They stand before a notebook's cell `closing`, and their ids begin with "ex-" and "quiz". A student's version keeps the
hints and leaves out the solutions; a teacher's has the solutions in place, and says which slips the checks name.
"""

from __future__ import annotations

import difflib
import warnings

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from nbhelpers import paths
from nbhelpers.course import check, quiz
from nbhelpers.course.exercises.texts import Exercise, of_notebook
from nbhelpers.course.notebooks import find_notebooks
from nbhelpers.course.refresh import number_cells

MADE = ("ex-", "quiz")  # how the ids of these cells begin
COURSE, STUDENT, TEACHER = "course", "student", "teacher"
INTRO = """<a id="Exercises"></a>

## Exercises

Change a cell, run it, then the one below it. The check says *not attempted*, or *not yet* with a property that your
answer lacks and the smallest input that shows it, or *right*. It looks for properties, not for our words: another way
is as good, as long as what a function is given stays as it is. Each cell runs by itself, without those above.
`nbhelpers progress` shows how far you are, from a file on your machine; nothing leaves it."""
QUIZ = """<a id="Quiz"></a>

## Quiz

Each answer says why it is right or wrong. What was measured is read from the committed tables. Nobody keeps what you
choose."""


def generated(notebook: str, version: str = COURSE) -> list:
    """Make the cells of exercises and quiz.

    Parameters
    ----------
    notebook : str
        Its stem.
    version : str
        "course", "student" or "teacher".

    Returns
    -------
    list of nbformat.NotebookNode
        With their outputs, as a run without a person in front of it makes them.
    """
    cells = [new_markdown_cell(INTRO, id="ex-intro")]
    for number, exercise in enumerate(of_notebook(notebook), 1):
        name, code = exercise.name, exercise.solution if version == TEACHER else exercise.stub
        asked = f"### {number}. {exercise.title}\n\n*{exercise.kind}*\n\n{exercise.ask}"
        cells.append(new_markdown_cell(asked, id=f"ex-{name}"))
        cells.append(new_code_cell(code, id=f"ex-{name}-answer", metadata={"tags": ["exercise"]}))
        verdict = getattr(check, name).verdict(check.defined(code, name))
        asks = f"from nbhelpers.course import check\n\ncheck.{name}({name})"
        cells.append(new_code_cell(asks, id=f"ex-{name}-check", metadata={"tags": ["check"]}))
        cells[-1].outputs = [_output(repr(verdict), verdict._repr_html_())]
        cells.append(new_markdown_cell(_help(exercise, version), id=f"ex-{name}-help"))
    cells.append(new_markdown_cell(QUIZ, id="quiz-intro"))
    asks = f'from nbhelpers.course import quiz\n\nquiz.show("{notebook}")'
    cells.append(new_code_cell(asks, id="quiz", metadata={"tags": ["quiz"]}))
    cells[-1].outputs = [_output("<IPython.core.display.HTML object>", quiz.folded(notebook))]
    return cells


def _output(plain: str, html: str):
    return new_output("display_data", data={"text/plain": plain, "text/html": html})


def _help(exercise: Exercise, version: str) -> str:
    folds = [(f"Hint {number}", hint) for number, hint in enumerate(exercise.hints, 1)]
    if version != STUDENT:
        folds.append(("Solution", f"```python\n{exercise.solution}\n```\n\n{exercise.why}"))
    if version == TEACHER:
        folds.append(("Slips that the check names", _slips(exercise)))
    return "\n".join(f"<details><summary>{title}</summary>\n\n{text}\n\n</details>" for title, text in folds)


def _slips(exercise: Exercise) -> str:
    """The planted mistakes: the lines that are wrong, and what the check says of them."""
    parts = []
    for code, _ in exercise.mistakes:
        lines = difflib.ndiff(exercise.solution.splitlines(), code.strip().splitlines())
        wrong = "\n".join(line[2:] for line in lines if line.startswith("+ "))
        with warnings.catch_warnings(action="ignore"):  # a slip may well divide by zero
            said = getattr(check, exercise.name).verdict(check.defined(code, exercise.name)).said
        parts.append(f"```python\n{wrong or '(a line is missing)'}\n```\n\n> {said}")
    return "\n\n".join(parts)


def put(node, notebook: str, version: str = COURSE) -> None:
    """Put the cells into a notebook, in place of those that were made before, and number all code cells.

    Parameters
    ----------
    node : nbformat.NotebookNode
        Changed. Without a cell `closing` it stays as it is.
    notebook : str
        Its stem.
    version : str
        As in `generated`.
    """
    kept = [cell for cell in node.cells if not cell.get("id", "").startswith(MADE)]
    at = next((i for i, cell in enumerate(kept) if cell.get("id") == "closing"), None)
    if at is None:
        return
    node.cells = kept[:at] + generated(notebook, version) + kept[at:]
    number_cells(node)


def main() -> None:
    """Write the cells into all notebooks of the course."""
    for notebook in find_notebooks():
        node = nbformat.read(notebook, as_version=4)
        put(node, notebook.stem)
        with paths.atomic(notebook) as part:
            nbformat.write(node, part)


if __name__ == "__main__":
    main()
