"""The notes of what was tried, and the page made from them."""

import subprocess
import sys

import pytest

from nbhelpers import cli, paths
from nbhelpers.course import progress
from nbhelpers.course.exercises.texts import exercises
from nbhelpers.errors import UserError

NAME = "cube_root"


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as ended:
        cli.main(["progress", *arguments])
    return ended.value.code, *capsys.readouterr()


def test_what_came_before_the_first_right_answer_counts(course):
    for event in ("not yet", "hint 2", "hint 1", "not yet", "solution", "right", "not yet", "right"):
        assert progress.note(NAME, event) == ""
    tried, odd = progress.tried()
    assert odd == [] and list(tried) == list(exercises())
    mine = tried[NAME]
    assert (mine.checks, mine.hints, mine.solution, mine.state) == (3, 2, True, "right")
    assert {each.state for name, each in tried.items() if name != NAME} <= {"not attempted"}


def test_lines_that_are_no_notes_are_named_and_the_others_count(course, capsys):
    progress.note(NAME, "not yet")
    with open(progress.file(), "ab") as file:
        file.write(b'half a li\n[1]\n\xff\n{"at": 1}\n{"at": "x", "exercise": "of old", "event": "right"}\n')
    progress.note(NAME, "right")
    tried, odd = progress.tried()
    assert odd == [2, 3, 4, 5] and tried[NAME].state == "right" and "of old" not in tried
    status, _, errors = run(capsys)
    assert status == 0 and "lines that are no notes, which are passed over: 2, 3, 4, 5" in errors


def test_the_page_and_the_lines_say_how_far_one_is(course, capsys):
    progress.note(NAME, "not yet")
    progress.note(NAME, "hint 1")
    progress.note(NAME, "right")
    status, out, errors = run(capsys)
    assert (status, errors) == (0, "")
    of = sum(exercise.notebook == "01_cielab" for exercise in exercises().values())
    assert f"01_cielab                    1 of {of} right\n" in out
    page = (paths.DATA / "progress.html").read_text()
    assert f"1 of {len(exercises())} exercises are right" in page
    assert "2 checks, 1 hint<" in page and "http" not in page.replace(str(paths.DATA), "")
    assert str(progress.file()) in page


def test_nothing_tried_is_a_page_too(course, capsys, tmp_path):
    status, out, _ = run(capsys, "-o", str(tmp_path / "mine.html"))
    assert status == 0 and " 0 of " in out
    assert f"0 of {len(exercises())} exercises" in (tmp_path / "mine.html").read_text()


def test_a_folder_is_no_page_and_what_cannot_be_read_is_named(course, capsys, tmp_path):
    status, _, errors = run(capsys, "-o", str(tmp_path))
    assert status == 2 and f"names a page, such as progress.html, and not {tmp_path}" in errors
    assert run(capsys, "-o", "")[0] == 2
    progress.note(NAME, "right")
    assert run(capsys, "-o", str(progress.file()))[0] == 2  # never in place of the notes
    assert progress.tried()[0][NAME].state == "right"
    progress.file().unlink()
    (tmp_path / "mine.html").write_text("a page of one's own")
    status, _, errors = run(capsys, "-o", str(tmp_path / "mine.html"))
    assert status == 1 and "is another page, and is left as it is" in errors
    (tmp_path / "file").touch()
    status, out, errors = run(capsys, "-o", str(tmp_path / "file" / "x.html"))
    assert status == 1 and "x.html cannot be written" in errors and "0 of " in out
    progress.file().mkdir(parents=True)
    with pytest.raises(UserError, match="progress.jsonl cannot be read .* move it away"):
        progress.tried()


def test_a_line_that_was_cut_off_takes_no_other_with_it(course):
    progress.note(NAME, "not yet")
    with open(progress.file(), "ab") as file:
        file.write(b'{"at": "2026", "exer')
    progress.note(NAME, "right")
    tried, odd = progress.tried()
    assert odd == [2] and tried[NAME].state == "right" and tried[NAME].checks == 2


@pytest.mark.parametrize(
    "line", ['"event": "hint two", "at": "x"', '"event": "quiz", "at": "x"', '"event": "right", "at": null']
)
def test_a_note_of_a_later_version_is_named_and_not_guessed_at(course, line):
    progress.file().parent.mkdir()
    progress.file().write_text(f'{{"exercise": "{NAME}", {line}}}\n')
    tried, odd = progress.tried()
    assert odd == [1] and tried[NAME] == progress.Tried()


def test_two_kernels_write_whole_lines(course):
    code = "from nbhelpers.course import progress\nfor i in range(300): progress.note('cube_root', 'not yet')"
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    tried, odd = progress.tried()
    assert odd == [] and tried[NAME].checks == 600
