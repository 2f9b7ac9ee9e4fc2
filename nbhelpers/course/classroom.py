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

- `student/`: the notebooks with stubs to fill in and hints, without solutions. The folder stands alone: hand it out.
- `teacher/`: the same with the solutions in place, why they are right, and the slips that each check names.
- `syllabus.md`: what each notebook teaches and asks for, its exercises, a plan for six sessions.

Whoever works in them needs the course installed, each a checkout of their own (`make lab` does it, about 6 GB); then
`.venv/bin/jupyter lab FOLDER`, run in the checkout, opens a folder of notebooks. Nobody needs an account, and no server
is asked.

The checks look for properties and help to learn; they are no examination. The course's own notebooks, in every checkout
and on its site, have the solutions folded, and `check.<name>.solution()` shows one to whoever asks. What is checked is
noted in the checkout's `data/progress.jsonl` and goes nowhere; a student who wants to show it hands in the page that
`nbhelpers progress -o FILE.html` writes. Answers to quizzes are not kept.
"""
PLAN = """## Six sessions

| session | notebooks | what it is about |
|---|---|---|
| one | 00, 01 | what is asked, and what it costs to know nothing |
| two | 02 | a regression on neighbours |
| three | 03 | a sparse system, and when a solution is none |
| four | 04 | trees, and why squared error is pale |
| five | 05, 06 | networks, with and without a discriminator |
| six | 07, 08 | what the evidence says; one's own photos |

With fewer sessions: 00, 01, 02, 03 and the middle of 08 are a course on hints; 01, 04, 05, 06 and 07 one on learning.
07 and 08 load the course's own networks where a run has none, and name a method that is left out."""


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
    words, cells : int
        Of its Markdown, exercises left out; how many code cells it has beside them.
    """

    stem: str
    title: str
    learn: str
    need: str
    long: str
    exercises: tuple[Exercise, ...]
    questions: int
    words: int
    cells: int


def lessons() -> list[Lesson]:
    """The notebooks that have exercises, in order.

    Returns
    -------
    list of Lesson
        One for each.
    """
    read = {notebook.stem: nbformat.read(notebook, as_version=4).cells for notebook in find_notebooks()}
    with_them = {stem: cells for stem, cells in read.items() if any(c.get("id") == "ex-intro" for c in cells)}
    return [_lesson(stem, cells) for stem, cells in with_them.items()]


def _lesson(stem: str, cells: list) -> Lesson:
    opening = cells[0].source
    parts = dict(re.findall(r"^\*\*(.+?)\.\*\* ((?s:.+?))(?=\n\n|\Z)", opening, re.MULTILINE))
    asked = ("What you'll learn", "What you need", "How long it takes")
    said = [" ".join(parts.get(name, "").split()) for name in asked]
    own = [cell for cell in cells if not cell.get("id", "").startswith(exercise_cells.MADE)]
    words = sum(len(cell.source.split()) for cell in own if cell.cell_type == "markdown")
    code = sum(cell.cell_type == "code" for cell in own)
    title = opening.partition("\n")[0].lstrip("# ")
    return Lesson(stem, title, *said, tuple(of_notebook(stem)), len(quiz.questions(stem)), words, code)


def syllabus(link: str) -> str:
    """What the course teaches, notebook by notebook.

    Parameters
    ----------
    link : str
        Where a notebook is, with {} for its stem.

    Returns
    -------
    str
        Markdown.
    """
    parts = ["# Colorizing grey photographs: syllabus", PLAN]
    for lesson in lessons():
        listed = "\n".join(f"   - `{e.name}` ({e.kind}): {e.title}" for e in lesson.exercises)
        heading = f"## [{lesson.stem[:2]} {lesson.title}]({link.format(lesson.stem)})\n"
        told = [heading, f"- **Learn.** {lesson.learn}", f"- **Need.** {lesson.need}", f"- **Time.** {lesson.long}"]
        told += [f"- **Length.** {lesson.words:,} words, {lesson.cells} cells of code."]
        told += [f"- **Quiz.** {lesson.questions} questions.", f"- **Exercises.**\n{listed}"]
        parts.append("\n".join(told))
    return re.sub(r"\]\((\d\d_\w+)\.ipynb\)", lambda found: f"]({link.format(found[1])})", "\n\n".join(parts)) + "\n"


def write(folder: Path) -> None:
    """Write the notebooks for a class, whole or not at all.

    Parameters
    ----------
    folder : Path
        New or empty: what a teacher has changed in it should not be lost.

    Raises
    ------
    UserError
        When there is something in it, it is the current folder, or it cannot be written.
    """
    folder = Path(folder).resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is not empty, and what is in it may be yours: name a new folder with -o")
    if folder == Path.cwd():
        raise UserError(f"{folder} is where this command runs: name a new folder with -o")
    try:
        with paths.whole_folder(folder) as part:
            _fill(part)
            if folder.exists():
                folder.rmdir()
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error.strerror}): name another folder with -o") from None


def _fill(folder: Path) -> None:
    (folder / "README.md").write_text(ABOUT, encoding="utf-8")
    (folder / "syllabus.md").write_text(syllabus(f"{exercise_cells.STUDENT}/{{}}.ipynb"), encoding="utf-8")
    for version in (exercise_cells.STUDENT, exercise_cells.TEACHER):
        (folder / version).mkdir()
        for notebook in find_notebooks():
            node = nbformat.read(notebook, as_version=4)
            exercise_cells.put(node, notebook.stem, version)
            if version == exercise_cells.TEACHER:
                node.cells[0].source += "\n\n*The teacher's version, with solutions.*"
            for cell in node.cells:
                for name in re.findall(r"\]\(\.\./(figures/[^)]+)\)", cell.source):  # what it shows goes with it
                    (folder / version / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(paths.ROOT / name, folder / version / name)
                cell.source = cell.source.replace("](../figures/", "](figures/")
            nbformat.write(node, folder / version / notebook.name)
