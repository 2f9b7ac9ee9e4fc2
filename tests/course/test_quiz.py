"""The quizzes: their shape, and that no number in them was typed."""

import re
import tomllib

import pytest
from prose import table

from nbhelpers import paths
from nbhelpers.course import quiz
from nbhelpers.course.notebooks import UnknownName, find_notebooks
from nbhelpers.errors import UserError
from nbhelpers.evaluation import reference
from nbhelpers.rows.study import of_mean_row

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


def test_what_they_say_of_the_rows_in_words_is_so():
    rows, deep = table("04_rows"), table("04_pixels").loc["boosting, deep, pixels"]
    assert rows.loc["truth", "chroma"] / rows.loc["mean colour", "chroma"] == pytest.approx(2, abs=0.2)
    a_share = (1 - deep["of mean colour"]) ** 0.5
    assert 1 / 3 < a_share < 0.4 and a_share * rows.loc["truth", "spread"] == pytest.approx(deep["spread"], rel=0.05)
    learned = of_mean_row(reference.table("04_learning")).pivot(index="photos", columns="method", values="validation")
    before, most = learned.iloc[-2], learned.iloc[-1]
    assert learned.index[-1] == 3 * learned.index[-2]
    assert (
        most[["tree", "forest", "boosting"]].between(95, 100, inclusive="neither").all()
    )  # a few per cent below the mean row's
    assert (before - most)[["tree", "boosting"]].between(1, 5).all() and abs(before - most)["forest"] < 0.5


@pytest.mark.parametrize("run", ["06_paper", "10_cuda_paper"])
def test_what_they_say_of_the_papers_gan_in_words_is_so(run):
    found = reference.table(run).set_index(["seed", "weights", "epoch"])
    last, averaged = found.xs("last", level="weights"), found.xs("averaged", level="weights")
    assert (last["of_low"] > 1).all() and (averaged["of_high"] >= 1).all()
    same = last.index.intersection(averaged.index)
    assert (averaged.loc[same, "of_mean_colour"] < last.loc[same, "of_mean_colour"]).mean() > 0.5
    assert (averaged.loc[same, "chroma"] < last.loc[same, "chroma"]).mean() > 0.5


def test_what_they_say_of_losses_and_encoders_in_words_is_so():
    found = reference.table("06_ablation").set_index("variant")
    losses = ("MSE", "L1", "L1 + discriminator")
    scratch, pretrained = (found.loc[[f"{body}: {loss}" for loss in losses]] for body in ("scratch", "pretrained"))
    for body in (scratch, pretrained):
        assert body["ab_mse_low"].max() < body["ab_mse_high"].min()  # the losses' intervals overlap
    gap = scratch["ab_mse_low"].min() - pretrained["ab_mse_high"].max()
    assert abs(gap) < 0.1 * (scratch["ab_mse_high"] - scratch["ab_mse_low"]).mean()  # these hardly meet
    assert (pretrained["difference_high"] < 0).all()


def test_what_they_say_of_a_long_training_in_words_is_so():
    share = reference.table("10_cuda_unet").query("weights == 'last'").set_index(["seed", "epoch"])["of_mean_colour"]
    assert share[0].idxmin() == 80 and share[0][100] > share[0][80] and share[1][100] > share[1].min()


def test_what_they_say_of_the_comparison_and_of_hints_in_words_is_so():
    pair = reference.table("07_pairs").set_index(["method", "other"]).loc[("tree", "mean")]
    mean = reference.table("07_scores").set_index(["measure", "method"]).loc[("ab_mse", "mean"), "mean"]
    assert round(-pair["difference"] / mean * 100) == 1 and pair["high"] < 0 and pair["better"] < 0.5
    told = reference.table("08_gains").set_index(["method", "patches"]).loc["hinted-alone"]
    assert (told.loc[5:, "high"] < 0).all() and (told.loc[:1, "low"] > 0).all()
    assert (reference.table("02_one_step")["share of the mean colour's"] < 0.01).all()  # "less than one percent"


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
