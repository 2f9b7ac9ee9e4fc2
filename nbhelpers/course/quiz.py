"""A quiz in each notebook: with jupyterquiz where there is a kernel and a person, else as text that unfolds.

The questions lie in `quizzes/<notebook>.toml`. A number that was measured stands there as `{name}` and is read from a
committed table whenever a quiz is shown or a page of the site made:

    given = "99 100"                 # numbers that are written out: definitions, nothing measured

    [numbers.cost]
    table = "01_baselines"           # figures/reference/01_baselines.csv
    row = { measure = "ab_mse", method = "mean" }   # picks one row
    column = "mean"
    times = 1.0                      # optional
    format = ".0f"                   # optional

    [[question]]                     # one of several is right; each of the others has its reason
    ask = "..."
    right = "..."
    because = "..."
    wrong = [["...", "why not"], ["...", "why not"]]

    [[question]]                     # or a number is asked for
    ask = "..."
    number = "cost"
    within = 0.1                     # of the number, counts as right
    because = "..."

Texts are plain, with `code` in backticks.
"""

from __future__ import annotations

import random
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from IPython.display import HTML, Javascript, display

from nbhelpers import widgets
from nbhelpers.course.notebooks import UnknownName
from nbhelpers.course.pages import marked
from nbhelpers.errors import UserError
from nbhelpers.evaluation import reference

FOLDER = Path(__file__).parent / "quizzes"


class MissingTable(UserError):
    """A committed table is not there."""


@dataclass(frozen=True)
class Question:
    """One question, with its numbers filled in.

    Attributes
    ----------
    ask : str
        The question.
    right, because : str
        The answer and why it is right.
    wrong : tuple of tuple of str
        (answer, why it is wrong); empty where a number is asked for.
    number : float or None
        The number that is asked for.
    within : float
        The share of it that an answer may be off.
    """

    ask: str
    right: str
    because: str
    wrong: tuple[tuple[str, str], ...] = ()
    number: float | None = None
    within: float = 0.1

    def options(self) -> list[tuple[str, str, bool]]:
        """The answers to choose from: (answer, why, is it right?), in an order that is always the same."""
        found = [(self.right, self.because, True), *((*each, False) for each in self.wrong)]
        random.Random(self.ask).shuffle(found)
        return found


def questions(notebook: str) -> list[Question]:
    """The questions of a notebook, with the numbers of the committed tables.

    Parameters
    ----------
    notebook : str
        Its stem, such as "01_cielab".

    Returns
    -------
    list of Question
        In their order.

    Raises
    ------
    UnknownName
        When there is no quiz of that name.
    MissingTable
        When a committed table is not there.
    ValueError
        When a number's row is not one row of its table.
    """
    file = FOLDER / f"{notebook}.toml"
    if not file.is_file():
        there = ", ".join(sorted(path.stem for path in FOLDER.glob("*.toml")))
        raise UnknownName(f"no quiz {notebook!r}: choose from {there}")
    said = tomllib.loads(file.read_text(encoding="utf-8"))
    values = {name: _number(name, **place) for name, place in said.get("numbers", {}).items()}
    written = {name: text for name, (_, text) in values.items()}
    return [_question(values, written, **each) for each in said.get("question", ())]


def _number(name: str, table: str, row: dict, column: str, times: float = 1.0, format: str = ".3g"):
    """(value, text) of a cell of a committed table."""
    found = reference.table(table)
    if found is None:
        raise MissingTable(f"the quiz reads figures/reference/{table}.csv, which is not there: use a full checkout")
    picked = found[(found[list(row)] == list(row.values())).all(axis=1)]
    if len(picked) != 1:
        raise ValueError(f"{name}: {len(picked)} rows of {table} have {row}, not one")
    value = float(picked[column].iloc[0]) * times
    return value, f"{value:{format}}"


def _question(values, written, ask, because, right="", wrong=(), number=None, within=0.1) -> Question:
    def fill(text):
        return re.sub(r"\{(\w+)\}", lambda found: written[found[1]], text)

    others = tuple((fill(answer), fill(why)) for answer, why in wrong)
    if number is not None:
        return Question(fill(ask), written[number], fill(because), (), values[number][0], within)
    return Question(fill(ask), fill(right), fill(because), others)


def folded(notebook: str) -> str:
    """The quiz as HTML that needs no script: each answer unfolds to why it is right or wrong.

    Parameters
    ----------
    notebook : str
        As in `questions`.

    Returns
    -------
    str
        A list of questions.
    """
    parts = []
    for question in questions(notebook):
        if question.number is not None:
            answer = f"<b>{marked(question.right)}.</b> {marked(question.because)}"
            options = f"<details><summary>the number</summary><p>{answer}</p></details>"
        else:
            options = "".join(
                f"<details><summary>{marked(answer)}</summary>"
                f"<p><b>{'Right' if good else 'Not so'}.</b> {marked(why)}</p></details>"
                for answer, why, good in question.options()
            )
        parts.append(f'<li style="margin-bottom:.8rem">{marked(question.ask)}{options}</li>')
    return f'<ol class="quiz">{"".join(parts)}</ol>'


def _played(question: Question) -> dict:
    """As jupyterquiz takes it."""
    if question.number is None:
        answers = [
            {"answer": marked(answer), "correct": good, "feedback": marked(why)}
            for answer, why, good in question.options()
        ]
        return {"question": marked(question.ask), "type": "multiple_choice", "answers": answers}
    apart = abs(question.number) * question.within
    near = {"type": "range", "range": [question.number - apart, question.number + apart], "correct": True}
    near["feedback"] = f"{marked(question.right)}. {marked(question.because)}"
    other = {"type": "default", "feedback": "Not near enough: try once more."}
    return {"question": marked(question.ask), "type": "numeric", "answers": [near, other]}


def show(notebook: str) -> None:
    """Show the quiz of a notebook; where a committed table is missing, a sentence that says so.

    Parameters
    ----------
    notebook : str
        As in `questions`.
    """
    try:
        found = questions(notebook)
    except MissingTable as error:  # no reason to stop a run of the notebook
        print(error)
        return
    if widgets.headless():
        display(HTML(folded(notebook)))
        return
    from jupyterquiz import display_quiz

    display(Javascript(NO_FETCH), HTML(STYLE))
    display_quiz([_played(question) for question in found], colors=COLOURS, max_width=800)
    # What a saved notebook still shows to a reader whose JupyterLab does not trust its scripts.
    display(HTML(f"<details><summary>The same as a list</summary>{folded(notebook)}</details>"))


# Where JupyterLab's MathJax has no function for it, jupyterquiz would fetch another to set formulas; there are none.
NO_FETCH = "if (window.MathJax && !window.MathJax.typeset) window.MathJax.typeset = () => {};"
# Dark text on light ground, in a dark JupyterLab too.
STYLE = """<style>.Quiz{background:#f4f6f8;color:#1b1b1b;padding:.5rem 1rem 1rem!important;font-size:1rem!important}
.Quiz *{font-size:1rem!important}.Quiz code{background:none!important;color:inherit!important}</style>"""
COLOURS = {
    "--jq-multiple-choice-bg": "#2f4b63",
    "--jq-numeric-bg": "#2f4b63",
    "--jq-correct-color": "#2e7d32",
    "--jq-incorrect-color": "#a33b00",
}
