"""What the exercises ask, their solutions, hints and planted mistakes: read from `<notebook>.md` beside this file.

An exercise is a heading `## name: Title`, its kind in italics, what is asked, a block of Python that defines `name`,
`### Hint 1`, `### Hint 2`, `### Why` (said with the solution), and `### Mistakes`: lines "- `old` → `new`: words of
the property that catches it". In the Python, what stands between `### BEGIN SOLUTION` and `### END SOLUTION` is left
out of the stub; lines there that begin with `#|` stand in the stub instead, and without any a `...` does.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

KINDS = ("warm-up", "write the algorithm", "find the mistake", "predict, then run", "think")
BEGIN, END, INSTEAD = "### BEGIN SOLUTION", "### END SOLUTION", "#|"


@dataclass(frozen=True)
class Exercise:
    """One exercise.

    Attributes
    ----------
    notebook : str
        The stem of its notebook.
    name : str
        What its cell defines; unique in the course.
    title, kind, ask : str
        Its title; one of `KINDS`; the question, in Markdown.
    stub, solution : str
        The cell that a student gets, and one that is right.
    hints : tuple of str
        Two, in Markdown, the second nearer to the solution.
    why : str
        What is said with the solution, in Markdown.
    mistakes : tuple of tuple
        (wrong solution, words of the property that it lacks).
    """

    notebook: str
    name: str
    title: str
    kind: str
    ask: str
    stub: str
    solution: str
    hints: tuple[str, str]
    why: str
    mistakes: tuple[tuple[str, str], ...]

    @property
    def is_function(self) -> bool:
        """Whether a function is asked for, and not a value."""
        return any(isinstance(n, ast.FunctionDef) and n.name == self.name for n in ast.parse(self.solution).body)


@cache
def exercises() -> dict[str, Exercise]:
    """Read all exercises.

    Returns
    -------
    dict of str to Exercise
        By name, in the order of the course.

    Raises
    ------
    ValueError
        Naming the file and the exercise, for one that is not written as the top of this module says.
    """
    found = {}
    for file in sorted(Path(__file__).parent.glob("[0-9][0-9]_*.md")):
        for part in re.split(r"^## ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            exercise = _exercise(file, part)
            if exercise.name in found:
                raise ValueError(f"{file.name}: {exercise.name} is the name of two exercises")
            found[exercise.name] = exercise
    return found


def of_notebook(stem: str) -> list[Exercise]:
    """The exercises of one notebook.

    Parameters
    ----------
    stem : str
        Such as "01_cielab".

    Returns
    -------
    list of Exercise
        In their order; empty for a notebook without.
    """
    return [exercise for exercise in exercises().values() if exercise.notebook == stem]


def _exercise(file: Path, text: str) -> Exercise:
    """Read what follows one `## `."""
    head, *rest = re.split(r"^### (?!BEGIN|END)(.+)\n", text, flags=re.MULTILINE)
    sections = {name.strip(): body.strip() for name, body in zip(rest[::2], rest[1::2])}
    form = r"(\w+): (.+)\n+\*(.+)\*\n((?s:.*))```python\n((?s:.*))```\s*\Z"
    found = re.fullmatch(form, head)
    name = head.partition("\n")[0]
    if found is None or list(sections) != ["Hint 1", "Hint 2", "Why", "Mistakes"] or found[3] not in KINDS:
        raise ValueError(f"{file.name}: {name!r} is not written as {Path(__file__).name} says")
    solution = "".join(line for line in found[5].splitlines(True) if not line.strip().startswith((BEGIN, END, INSTEAD)))
    mistakes = []
    for line in sections["Mistakes"].splitlines():
        change = re.fullmatch(r"- `(.+)` → `(.*)`: (.+)", line)
        if change is None or solution.count(change[1]) != 1:
            raise ValueError(f"{file.name}: {name!r}: the mistake {line!r} does not change one place of the solution")
        mistakes.append((solution.replace(change[1], change[2]), change[3]))
    hints = sections["Hint 1"], sections["Hint 2"]
    texts = found[1], found[2], found[3], found[4].strip(), _stub(found[5]), solution.strip()
    return Exercise(file.stem, *texts, hints, sections["Why"], tuple(mistakes))


def _stub(code: str) -> str:
    """The code without what is to be found."""
    kept, inside, instead = [], False, []
    for line in code.splitlines():
        plain = line.strip()
        if plain.startswith(BEGIN):
            inside, instead, indent = True, [], line[: len(line) - len(line.lstrip())]
        elif plain.startswith(END):
            kept += instead or [f"{indent}..."]
            inside = False
        elif not inside:
            kept.append(line)
        elif plain.startswith(INSTEAD):
            instead.append(line.replace(f"{INSTEAD} ", "", 1))
    return "\n".join(kept).strip()
