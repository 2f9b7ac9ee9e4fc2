"""The quizzes: their shape, and that no number in them was typed."""

import re
import tomllib

import pytest

from nbhelpers import paths
from nbhelpers.course import quiz
from nbhelpers.course.notebooks import UnknownName, find_notebooks
from nbhelpers.errors import UserError

STEMS = [path.stem for path in find_notebooks()]
NUMBER = re.compile(r"(?<![\w.{])\d[\d.,]*")


@pytest.mark.parametrize("stem", STEMS)
def test_each_notebook_has_four_to_eight_questions_with_a_reason_for_each_answer(stem):
    found = quiz.questions(stem)
    assert 4 <= len(found) <= 8
    for question in found:
        assert question.because and question.right
        assert question.number is not None or len(question.wrong) >= 2
        assert all(answer and why for answer, why in question.wrong)


@pytest.mark.parametrize("stem", STEMS)
def test_no_number_in_it_was_typed_but_definitions(stem):
    said = tomllib.loads((quiz.FOLDER / f"{stem}.toml").read_text(encoding="utf-8"))
    texts = [
        text
        for q in said.get("question", ())
        for text in (q["ask"], q.get("right", ""), q["because"], *(t for pair in q.get("wrong", ()) for t in pair))
    ]
    plain = [re.sub(r"`[^`]*`|\{\w+\}|[Nn]otebooks? \d\d", " ", text) for text in texts]
    numbers = {number.rstrip(".,") for text in plain for number in NUMBER.findall(text)}
    assert numbers == set(said["given"].split())
    used = set(re.findall(r"\{(\w+)\}", " ".join(texts))) | {
        q["number"] for q in said.get("question", ()) if "number" in q
    }
    assert used == set(said.get("numbers", {}))


@pytest.mark.parametrize("stem", STEMS)
def test_a_committed_table_answers_at_least_one_question(stem):
    assert tomllib.loads((quiz.FOLDER / f"{stem}.toml").read_text(encoding="utf-8"))["numbers"]


@pytest.fixture
def one(tmp_path, monkeypatch):
    """A quiz of one's own, beside a table of the reference run."""
    monkeypatch.setattr(quiz, "FOLDER", tmp_path)
    monkeypatch.setattr(paths, "FIGURES", tmp_path / "figures")
    (tmp_path / "figures/reference").mkdir(parents=True)
    (tmp_path / "figures/reference/table.csv").write_text("method,unknown,value\nols,0.2,0.5\nols,1.0,0.75\n")

    def write(row="{ method = 'ols', unknown = 1.0 }"):
        (tmp_path / "99_mine.toml").write_text(
            f"""given = ""
[numbers.share]
table = "table"
row = {row}
column = "value"
times = 100
format = ".0f"
[[question]]
ask = "How much is `a < b`?"
right = "{{share}} %"
because = "so it is"
wrong = [["none", "not so"], ["all", "nor so"]]
[[question]]
ask = "How many percent?"
number = "share"
because = "as above"
"""
        )

    write()
    return write


def test_numbers_are_read_from_the_table_as_it_is_now(one, tmp_path):
    first, second = quiz.questions("99_mine")
    assert first.right == "75 %" and second.number == 75.0 and second.right == "75"
    assert "<code>a &lt; b</code>" in quiz.folded("99_mine")
    (tmp_path / "figures/reference/table.csv").write_text("method,unknown,value\nols,1.0,0.5\n")
    assert "<b>50.</b> as above" in quiz.folded("99_mine")


def test_each_answer_of_the_folded_quiz_says_whether_it_is_right(one):
    text = quiz.folded("99_mine")
    assert text.count("<details>") == 4
    assert "<summary>none</summary><p><b>Not so.</b> not so</p>" in text
    assert "<summary>75 %</summary><p><b>Right.</b> so it is</p>" in text
    assert "script" not in text and "http" not in text


def test_the_order_of_answers_is_always_the_same_and_not_always_begins_with_the_right_one():
    found = [question for stem in STEMS for question in quiz.questions(stem) if question.number is None]
    asked = quiz.Question("a?", "yes", "so", (("no", "not so"), ("never", "nor so")))
    assert [answer for answer, _, _ in asked.options()] == ["never", "no", "yes"]  # at every start of Python
    first = sum(question.options()[0][2] for question in found)
    assert 0 < first < len(found) / 2


def test_with_a_person_jupyterquiz_shows_it(one, monkeypatch, capsys):
    import jupyterquiz

    monkeypatch.delenv("NBHELPERS_HEADLESS", raising=False)
    shown = []
    monkeypatch.setattr(jupyterquiz, "display_quiz", lambda questions, **_: shown.extend(questions))
    quiz.show("99_mine")
    assert capsys.readouterr().out.count("HTML object") == 2  # its style, and a list that unfolds
    choice, number = shown
    assert choice["type"] == "multiple_choice" and len(choice["answers"]) == 3
    assert [answer["answer"] for answer in choice["answers"] if answer["correct"]] == ["75 %"]
    near, other = number["answers"]
    assert number["type"] == "numeric" and near["range"] == [67.5, 82.5] and near["correct"]
    assert other["type"] == "default"


def test_a_quiz_that_cannot_be_shown_says_why(one, tmp_path, capsys):
    with pytest.raises(UnknownName, match="no quiz '98': choose from 99_mine"):
        quiz.questions("98")
    one("{ method = 'ols' }")
    with pytest.raises(ValueError, match="share: 2 rows of table"):
        quiz.questions("99_mine")
    one()
    (tmp_path / "figures/reference/table.csv").unlink()
    with pytest.raises(UserError, match="table.csv, which is not there: use a full checkout"):
        quiz.questions("99_mine")
    quiz.show("99_mine")  # and a run of its notebook goes on
    assert capsys.readouterr().out.startswith("the quiz reads figures/reference/table.csv")
