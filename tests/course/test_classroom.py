"""Notebooks for a class."""

import nbformat
import pytest

from nbhelpers import cli
from nbhelpers.course import classroom
from nbhelpers.course.exercises.texts import exercises, of_notebook
from nbhelpers.course.notebooks import find_notebooks
from nbhelpers.errors import UserError


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class") / "autumn"
    classroom.write(folder)
    return folder


def test_both_versions_have_all_notebooks_and_the_pictures_that_these_show(made):
    names = [notebook.name for notebook in find_notebooks()]
    for version in ("student", "teacher"):
        assert sorted(path.name for path in (made / version).glob("*.ipynb")) == names
        for path in (made / version).glob("*.ipynb"):
            node = nbformat.read(path, as_version=4)
            nbformat.validate(node)
            text = nbformat.writes(node)
            shown = [part.partition(")")[0] for part in text.split("](figures/")[1:]]
            assert "](../" not in text
            assert [name for name in shown if not (made / version / "figures" / name).is_file()] == []
            assert ("teacher's version" in node.cells[0].source) == (version == "teacher")
            solutions = [e.solution for e in of_notebook(path.stem)]
            answers = [cell.source for cell in node.cells if "exercise" in cell.metadata.get("tags", [])]
            assert (answers == solutions) == (version == "teacher")
            helps = " ".join(cell.source for cell in node.cells if cell.id.endswith("-help"))
            assert ("Solution" in helps) == (version == "teacher")


def test_the_syllabus_has_each_notebook_with_its_aims_and_exercises(made):
    text = (made / "syllabus.md").read_text()
    for lesson in classroom.lessons():
        assert f"## [{lesson.stem[:2]} {lesson.title}](student/{lesson.stem}.ipynb)" in text
        assert lesson.words > 500 and lesson.cells >= 15 and f"{lesson.words:,} words" in text
        assert all(len(part) > 20 for part in (lesson.learn, lesson.need, lesson.long))
    assert all(f"`{name}`" in text for name in exercises())
    linked = [part.partition(")")[0] for part in text.split("](")[1:]]
    assert [name for name in linked if not name.startswith("http") and not (made / name).is_file()] == []


def test_what_lies_in_a_folder_is_not_replaced(made, tmp_path, monkeypatch):
    before = sorted(path.name for path in made.iterdir())
    with pytest.raises(UserError, match="is not empty, and what is in it may be yours: name a new folder"):
        classroom.write(made)
    assert sorted(path.name for path in made.iterdir()) == before
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="is where this command runs"):
        classroom.write(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="name a new folder"):
        classroom.write(tmp_path / "file")


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(classroom, "syllabus", lambda link: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        classroom.write(tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_what_it_wrote(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(classroom, "_fill", lambda folder: None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SystemExit) as ended:
        cli.main(["class", "-o", str(tmp_path / "empty")])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"{tmp_path / 'empty'}: student/, teacher/, syllabus.md\n"
