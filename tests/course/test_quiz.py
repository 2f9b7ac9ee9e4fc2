"""The quizzes: their shape, and that no number in them was typed."""

import re
import tomllib

import pytest

from nbhelpers.course import quiz
from nbhelpers.course.notebooks import find_notebooks

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
