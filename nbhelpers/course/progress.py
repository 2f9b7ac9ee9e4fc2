"""What a reader has tried of the exercises: a local file, one line a check, and a page made from it."""

from __future__ import annotations

import html
import json
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from nbhelpers import paths
from nbhelpers.course.exercises.texts import exercises
from nbhelpers.course.pages import write as write_page
from nbhelpers.errors import UserError

NOT_ATTEMPTED, NOT_YET, RIGHT = "not attempted", "not yet", "right"
EVENTS = (NOT_YET, RIGHT, "hint 1", "hint 2", "solution")
COLOURS = {NOT_ATTEMPTED: "#757575", NOT_YET: "#a85b00", RIGHT: "#2e7d32"}


def file() -> Path:
    """Where the notes lie, data/progress.jsonl: a line of JSON for each check, hint and solution."""
    return paths.DATA / "progress.jsonl"


def note(name: str, event: str) -> str:
    """Add a line to the notes.

    Parameters
    ----------
    name : str
        Of the exercise.
    event : str
        "right", "not yet", "hint 1", "hint 2" or "solution".

    Returns
    -------
    str
        "" or, where nothing can be written, a sentence that says so.
    """
    line = json.dumps({"at": datetime.now().isoformat(timespec="seconds"), "exercise": name, "event": event})
    try:
        file().parent.mkdir(parents=True, exist_ok=True)
        with open(file(), "ab+") as notes:  # a line at once: two kernels may write
            if notes.tell() and (notes.seek(-1, os.SEEK_END), notes.read(1))[1] != b"\n":
                line = f"\n{line}"  # the last one was cut off
            notes.write(f"{line}\n".encode())
    except OSError as error:
        return f"nbhelpers progress will not know of this: {file()} cannot be written ({error.strerror})"
    return ""


@dataclass(frozen=True)
class Tried:
    """What was tried of one exercise.

    Attributes
    ----------
    right : str
        When it was right for the first time, or "".
    checks : int
        How often an answer was checked, up to then.
    hints : int
        How many hints were read, up to then.
    solution : bool
        Whether the solution was shown before it was right.
    """

    right: str = ""
    checks: int = 0
    hints: int = 0
    solution: bool = False

    @property
    def state(self) -> str:
        """One of the three states."""
        return RIGHT if self.right else NOT_YET if self.checks else NOT_ATTEMPTED


def tried() -> tuple[dict[str, Tried], list[int]]:
    """Read the notes.

    Returns
    -------
    tuple
        For every exercise of the course, in order, what was tried; and the numbers of lines that are no notes.

    Raises
    ------
    UserError
        When the file cannot be read.
    """
    found, odd = dict.fromkeys(exercises(), Tried()), []
    try:
        lines = file().read_bytes().splitlines() if file().exists() else []
    except OSError as error:
        raise UserError(f"{file()} cannot be read ({error.strerror}): move it away to begin anew") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
            at, name, event = said["at"], said["exercise"], said["event"]
            if not (isinstance(at, str) and at and isinstance(name, str) and event in EVENTS):
                raise ValueError
        except (ValueError, TypeError, KeyError):
            odd.append(number)
            continue
        if name in found and not found[name].right:  # one that the course no longer has is passed over
            found[name] = _after(found[name], at, event)
    return found, odd


def _after(before: Tried, at: str, event: str) -> Tried:
    if event == "solution":
        return replace(before, solution=True)
    if event.startswith("hint "):
        return replace(before, hints=max(before.hints, int(event[5:])))
    return replace(before, checks=before.checks + 1, right=at if event == RIGHT else "")


def write(path: Path, notes: dict[str, Tried]) -> None:
    """Write a page of what was tried.

    Parameters
    ----------
    path : Path
        The page.
    notes : dict of str to Tried
        As `tried` reads them.
    """
    rows, notebook = [], ""
    for name, exercise in exercises().items():
        if exercise.notebook != notebook:
            notebook = exercise.notebook
            rows.append(f'<tr><th colspan="4">{html.escape(notebook.replace("_", " "))}</th></tr>')
        each = notes[name]
        told = [_count(each.checks, "check")] * bool(each.checks) + [_count(each.hints, "hint")] * bool(each.hints)
        told = ", ".join(told + ["solution"] * each.solution)
        cells = (exercise.title, exercise.kind, f"{each.state} {each.right[:10]}", told)
        style = f' style="color:{COLOURS[each.state]}"'
        made = "".join(f"<td{style * (i == 2)}>{html.escape(cell)}</td>" for i, cell in enumerate(cells))
        rows.append(f"<tr>{made}</tr>")
    right = sum(bool(each.right) for each in notes.values())
    body = f"<h1>{right} of {len(notes)} exercises are right</h1><p>Made from {html.escape(str(file()))}, "
    body += f'which stays on this machine.</p><div class="wide"><table class="text">{"".join(rows)}</table></div>'
    write_page(path, "Progress", "", body, [])


def _count(number: int, what: str) -> str:
    return f"{number} {what}" + "s" * (number > 1)
