"""For teachers, `nbhelpers class`: notebooks of students and of the teacher, and a syllabus."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import nbformat

from nbhelpers import paths
from nbhelpers.course import exercise_cells, quiz
from nbhelpers.course.exercises.texts import Exercise, of_notebook
from nbhelpers.course.notebooks import find_notebooks
from nbhelpers.errors import UserError

ABOUT = """# For a class

- `student/`: the notebooks with stubs to fill in and hints, without solutions.
- `teacher/`: the same with the solutions in place, why they are right, and the slips that each check names.
- `syllabus.md`: what each notebook asks for and teaches, its exercises and how long it takes.

They run where the course is installed; nobody needs an account, and no server is asked. What a student checks is noted
on the student's own machine alone, in `data/progress.jsonl` of the course, and `nbhelpers progress` shows it. The
exercises help to learn, they are no examination: `check.<name>.solution()` shows a solution to whoever asks.
"""


@dataclass(frozen=True)
class Lesson:
    """One notebook, as a teacher plans with it.

    Attributes
    ----------
    stem, title : str
        Its file's stem, and its heading.
    learn, need, long : str
        What its opening says in Markdown: what is learned, what is needed, how long it takes.
    exercises : tuple of Exercise
        In their order.
    questions : int
        Of its quiz.
    """

    stem: str
    title: str
    learn: str
    need: str
    long: str
    exercises: tuple[Exercise, ...]
    questions: int


def lessons() -> list[Lesson]:
    """The notebooks that have exercises, in order.

    Returns
    -------
    list of Lesson
        One for each.
    """
    read = {notebook.stem: nbformat.read(notebook, as_version=4).cells for notebook in find_notebooks()}
    with_them = {stem: cells for stem, cells in read.items() if any(c.get("id") == "ex-intro" for c in cells)}
    return [_lesson(stem, cells[0].source) for stem, cells in with_them.items()]


def _lesson(stem: str, opening: str) -> Lesson:
    parts = dict(re.findall(r"^\*\*(.+?)\.\*\* ((?s:.+?))(?=\n\n|\Z)", opening, re.MULTILINE))
    said = [
        " ".join(parts.get(name, "").split()) for name in ("What you'll learn", "What you need", "How long it takes")
    ]
    title = opening.partition("\n")[0].lstrip("# ")
    return Lesson(stem, title, *said, tuple(of_notebook(stem)), len(quiz.questions(stem)))


def syllabus() -> str:
    """What the course teaches, notebook by notebook.

    Returns
    -------
    str
        Markdown; its links lead to notebooks beside it.
    """
    parts = ["# Syllabus"]
    for lesson in lessons():
        listed = "\n".join(f"   - `{e.name}` ({e.kind}): {e.title}" for e in lesson.exercises)
        heading = f"## [{lesson.stem[:2]} {lesson.title}]({lesson.stem}.ipynb)\n"
        told = [heading, f"- **Learn.** {lesson.learn}", f"- **Need.** {lesson.need}", f"- **Time.** {lesson.long}"]
        told += [f"- **Quiz.** {lesson.questions} questions.", f"- **Exercises.**\n{listed}"]
        parts.append("\n".join(told))
    return "\n\n".join(parts) + "\n"


def write(folder: Path) -> None:
    """Write the notebooks for a class, whole or not at all.

    Parameters
    ----------
    folder : Path
        New or empty: what a teacher has changed in it should not be lost.

    Raises
    ------
    UserError
        When there is something in it.
    """
    folder = Path(folder).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty, and what is in it may be yours: name a new folder with -o")
    if folder == Path.cwd():
        raise UserError(f"{folder} is where this command runs: name a new folder with -o")
    with paths.whole_folder(folder) as part:
        _fill(part)
        if folder.exists():
            folder.rmdir()


def _fill(folder: Path) -> None:
    (folder / "README.md").write_text(ABOUT, encoding="utf-8")
    text = re.sub(r"\]\((\d\d_)", rf"]({exercise_cells.STUDENT}/\1", syllabus())
    (folder / "syllabus.md").write_text(text, encoding="utf-8")
    for version in (exercise_cells.STUDENT, exercise_cells.TEACHER):
        (folder / version).mkdir()
        for notebook in find_notebooks():
            node = nbformat.read(notebook, as_version=4)
            exercise_cells.put(node, notebook.stem, version)
            nbformat.write(node, folder / version / notebook.name)
            for name in re.findall(r"\]\(\.\./(figures/[^)]+)\)", nbformat.writes(node)):  # what it shows beside it
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(paths.ROOT / name, folder / name)
