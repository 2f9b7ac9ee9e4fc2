"""The cells that are made: the committed notebooks have them as the texts say, with their outputs."""

import ast

import nbformat
import pytest

from nbhelpers.course import exercise_cells, quiz
from nbhelpers.course.exercises import texts
from nbhelpers.course.notebooks import find_notebooks


@pytest.mark.parametrize("notebook", find_notebooks(), ids=lambda path: path.stem)
def test_the_committed_cells_are_what_the_texts_say(notebook):
    node = nbformat.read(notebook, as_version=4)
    again = nbformat.read(notebook, as_version=4)
    exercise_cells.put(again, notebook.stem)
    assert again == node, "python -m nbhelpers.course.exercise_cells writes them anew"
    made = [cell for cell in node.cells if cell.id.startswith(exercise_cells.MADE)]
    checks = [cell for cell in made if "check" in cell.metadata.get("tags", [])]
    assert len(checks) == len(texts.of_notebook(notebook.stem)) >= 3
    assert all(cell.outputs[0]["data"]["text/plain"].startswith("not attempted. ") for cell in checks)


@pytest.mark.parametrize("notebook", find_notebooks(), ids=lambda path: path.stem)
def test_no_exercise_hides_a_name_of_its_notebook(notebook):
    node = nbformat.read(notebook, as_version=4)
    code = [
        cell.source for cell in node.cells if cell.cell_type == "code" and not cell.id.startswith(exercise_cells.MADE)
    ]
    used = {word for source in code for word in compile_names(source)}
    assert [e.name for e in texts.of_notebook(notebook.stem) if e.name in used] == []


def compile_names(source):
    plain = "\n".join("" if line.startswith(("%", "!")) else line for line in source.splitlines())
    for node in ast.walk(ast.parse(plain)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.alias):
            yield node.asname or node.name


def sources(version):
    cells = exercise_cells.generated("01_cielab", version)
    return {cell.id: cell for cell in cells}


def test_students_get_hints_and_no_solution_teachers_both_and_the_slips():
    course, student, teacher = map(sources, ("course", "student", "teacher"))
    solution = texts.exercises()["cube_root"].solution
    assert list(course) == list(student) == list(teacher)
    helps = [cells["ex-cube_root-help"].source for cells in (course, student, teacher)]
    assert all("Hint 1" in text and "Hint 2" in text for text in helps)
    assert [solution in text for text in helps] == [True, False, True]
    assert ["Slips that the check names" in text and "> wanted: " in text for text in helps] == [False, False, True]
    assert teacher["ex-cube_root-answer"].source == solution
    assert student["ex-cube_root-answer"].source == course["ex-cube_root-answer"].source != solution
    assert teacher["ex-cube_root-check"].outputs[0]["data"]["text/plain"].startswith("right. ")
    assert "np.sqrt(t)" in helps[2]


def test_a_notebook_without_a_place_for_them_stays_as_it_is():
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title", id="title")])
    exercise_cells.put(node, "01_cielab")
    assert [cell.id for cell in node.cells] == ["title"]


def test_each_check_cell_runs_alone_and_gives_its_output(monkeypatch, capsys):
    monkeypatch.setenv("NBHELPERS_HEADLESS", "1")
    cells = sources("course")
    space = {}
    exec(cells["ex-cube_root-answer"].source, space)
    exec(cells["ex-cube_root-check"].source, space)
    exec(cells["quiz"].source, space)
    said = capsys.readouterr().out.splitlines()
    plain = [cells[name].outputs[0]["data"]["text/plain"] for name in ("ex-cube_root-check", "quiz")]
    assert said == plain
    assert cells["quiz"].outputs[0]["data"]["text/html"] == quiz.folded("01_cielab")
