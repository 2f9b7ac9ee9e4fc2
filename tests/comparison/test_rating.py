"""The blinded rating: planted answers give the planted strengths, nothing is lost, nobody sees what is compared."""

import itertools
from collections import Counter
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.comparison import claims, plots, preference, rating
from nbhelpers.comparison.preference import bradley_terry, differences
from nbhelpers.comparison.rating import COLUMNS, TRUTH, Pair, Rating, pairs
from nbhelpers.errors import UserError
from nbhelpers.evaluation.statistics import apart
from nbhelpers.hints import Constant

STRENGTHS = {"weak": 0.0, "middling": 1.0, "strong": 2.0}  # whose mean is 1
PHOTOS = [f"photo-{i}" for i in range(50)]


def planted(strengths=STRENGTHS, count=2000, raters=10, seed=0, choose=None):
    """Answers drawn from these strengths, or given by choose(left, right)."""
    rng, rows = np.random.default_rng(seed), []
    for i in range(count):
        left, right = rng.permutation(list(strengths))[:2]
        p = 1 / (1 + np.exp(strengths[right] - strengths[left]))
        chosen = choose(left, right) if choose else ("right", "left")[int(rng.random() < p)]
        rows.append((f"rater {i % raters}", f"photo-{i // raters}", left, right, chosen, 1.5))
    return pd.DataFrame(rows, columns=COLUMNS)


def of(table, column="strength"):
    return table.set_index("method")[column].to_dict()


# ---- what is asked


@pytest.mark.parametrize("count", [1, 7, 40, 60, 10_000])
@pytest.mark.parametrize(("methods", "photos"), [("abcd", "12345"), ("ab", "123456"), ("abcde", "1"), ("abcd", "123")])
def test_questions_are_different_and_balanced(count, methods, photos):
    asked = pairs(methods, photos, count, seed=3)
    most = len(photos) * len(methods) * (len(methods) - 1) // 2
    assert len(asked) == len({pair.key for pair in asked}) == min(count, most)
    assert all(pair.left != pair.right for pair in asked)
    met = Counter(frozenset((pair.left, pair.right)) for pair in asked)
    seen = Counter(pair.photo for pair in asked)
    for one, other in itertools.combinations(methods, 2):
        left, right = (sum(p.left == a and p.right == b for p in asked) for a, b in ((one, other), (other, one)))
        assert abs(left - right) <= 1
        met[frozenset((one, other))] += 0
    assert max(met.values()) - min(met.values()) <= 1
    assert max(seen.values()) - min(seen[photo] for photo in photos) <= 1


def test_order_and_sides_come_from_the_seed():
    asked = [pairs("abc", PHOTOS, 60, seed) for seed in (0, 0, 1, [0, 5])]
    assert asked[0] == asked[1] and asked[0] != asked[2] and asked[0] != asked[3]
    lefts = np.array([pair.left < pair.right for pair in asked[0]])
    assert 0.3 < lefts.mean() < 0.7 and 0.25 < (lefts[1:] == lefts[:-1]).mean() < 0.75  # not left, right, left, right
    photos = [PHOTOS.index(pair.photo) for pair in asked[0]]
    assert abs(np.corrcoef(photos, range(60))[0, 1]) < 0.4


@pytest.mark.parametrize(
    ("methods", "photos", "count", "words"),
    [("a", "12", 5, "two methods"), ("aa", "12", 5, "two methods"), ("ab", "", 5, "photo"), ("ab", "1", 0, "count")],
)
def test_what_cannot_be_asked_is_refused(methods, photos, count, words):
    with pytest.raises(UserError, match=words):
        pairs(methods, photos, count)


# ---- the file


def answer(**changes):
    return dict(zip(COLUMNS, ("r, the first", "a.jpg", "x", "y", "left", 2.5))) | changes


def test_answers_are_kept_in_order_as_they_were_given(tmp_path):
    path = tmp_path / "new" / "ratings.csv"
    assert rating.read(path).empty and list(rating.read(path)) == list(COLUMNS)
    rows = [answer(), answer(rater="NA", photo='"b", the second', chosen="right"), answer(rater="Zoë", seconds=0.0)]
    for row in rows:
        rating.append(path, row)
    assert rating.read(path).to_dict("records") == rows
    assert path.read_text().startswith("rater,photo,left,right,chosen,seconds\n")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as a spreadsheet writes it
    assert len(rating.read(path)) == 3


def test_a_kill_leaves_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "ratings.csv"
    rating.append(path, answer())
    before = path.read_bytes()

    def killed(self, *_args, **_options):
        next(tmp_path.glob(".ratings*")).write_text("rater,pho")
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", killed)
    with pytest.raises(KeyboardInterrupt):
        rating.append(path, answer(photo="b.jpg"))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


HEAD = ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "columns"),
        ("rater,photo,left,right,chosen\nr,a,x,y,left\n", 1, "columns must be rater"),
        (f"{HEAD}\nr,a,x,y,left,1\nr,a,x,y,middle,1\n", 3, "neither left nor right"),
        (f"{HEAD}\nr,a,x,x,left,1\n", 2, "same method"),
        (f"{HEAD}\nr,a,x,y,left,1\nr,a,x,y,le", 3, "6 values"),
        (f"{HEAD}\nr,a,x,y,left,1,9\n", 2, "6 values"),
        (f"{HEAD}\n,a,x,y,left,1\n", 2, "empty"),
        (f"{HEAD}\nr,a,x,y,left,soon\n", 2, "no number"),
        (f"{HEAD}\nr,a,x,y,left,-1\n", 2, "negative"),
        (f"{HEAD}\nr,a,x,y,left,nan\n", 2, "finite"),
        (f'{HEAD}\nr,"a,x,y,left,1\n', 2, "no CSV"),
        (f"{HEAD}\nr,a\xff,x,y,left,1\n", 2, "UTF-8"),
    ],
)
def test_a_damaged_file_is_named_with_the_line_and_left_alone(tmp_path, text, line, words):
    path = tmp_path / "ratings.csv"
    path.write_bytes(text.encode("latin-1"))
    for attempt in (lambda: rating.read(path), lambda: rating.append(path, answer())):
        with pytest.raises(UserError, match=words) as error:
            attempt()
        assert f"{path}, line {line}:" in str(error.value)
    assert path.read_bytes() == text.encode("latin-1")


# ---- strengths


@pytest.mark.parametrize("raters", [10, 2])  # the intervals are over raters, and over photos
def test_planted_strengths_are_found(raters):
    table = bradley_terry(planted(raters=raters), draws=400)
    assert table["method"].tolist() == ["strong", "middling", "weak"]
    assert table["strength"].mean() == pytest.approx(0, abs=1e-9)
    for row in table.itertuples():
        assert row.low < STRENGTHS[row.method] - 1 < row.high and 0.1 < row.high - row.low < 0.5
        assert row.strength == pytest.approx(STRENGTHS[row.method] - 1, abs=0.15)
    assert table["wins"].sum() == 2000 and table["comparisons"].sum() == 4000
    assert (table["raters"] == raters).all() and table["photos"].between(200 / raters, 2000 / raters).all()
    assert table.loc[:, "against truth":"against high"].isna().all(axis=None)


@pytest.mark.parametrize("raters", [10, 2])
def test_differences_are_those_of_the_resamples(raters):
    answers = planted(raters=raters)
    table, pairs = bradley_terry(answers, draws=200).set_index("method"), differences(answers, draws=200)
    assert list(pairs) == list(preference.PAIRS) and len(pairs) == 3
    for row in pairs.itertuples():
        assert row.difference == pytest.approx(table.loc[row.method, "strength"] - table.loc[row.other, "strength"])
        assert row.low < row.difference < row.high and 0 <= row.p < 1e-4
        assert row.difference == pytest.approx(STRENGTHS[row.method] - STRENGTHS[row.other], abs=0.3)
        assert row.unit == ("rater" if raters == 10 else "photo")
        of_both = table.loc[[row.method, row.other], f"{row.unit}s"]
        assert row.drawn == of_both.min()


def test_strengths_that_sum_to_0_are_not_independent_and_their_difference_is_less_sure():
    """Of two methods one strength is minus the other: the interval of the difference is twice as wide as theirs."""
    answers = planted({"a": 0.0, "b": 0.3}, 200)
    table, (row,) = bradley_terry(answers, draws=300).set_index("method"), differences(answers, draws=300).itertuples()
    ends = table.loc[row.method, ["low", "high"]].astype(float)
    assert (row.low, row.high) == pytest.approx((2 * ends["low"], 2 * ends["high"]))
    lines = table.rename(columns={"strength": "mean"})
    free = apart(lines.loc[row.method], lines.loc[row.other])
    assert (row.high - row.low) == pytest.approx(np.sqrt(2) * (free["high"] - free["low"])) and row.p > free["p"]


def test_equal_methods_are_seldom_told_apart():
    """Of 3 methods that are the same, one difference in twenty has p < 0.05."""
    p = []
    for seed in range(40):
        answers = planted(dict.fromkeys("abc", 0.0), 120, raters=1, seed=seed)
        p += differences(answers, draws=50)["p"].tolist()
    assert 0 < (np.array(p) < 0.05).mean() < 0.09


@pytest.mark.parametrize(("raters", "unit"), [(4, "photo"), (5, "rater")])
def test_from_five_raters_on_raters_are_drawn_as_the_rule_of_the_claim_says(raters, unit):
    assert set(differences(planted(count=60, raters=raters), draws=5)["unit"]) == {unit}
    assert "(photos, from five raters on raters)" in claims.rules()


def test_without_answers_or_between_groups_there_are_no_differences():
    assert list(differences(planted().iloc[:0])) == list(preference.PAIRS)
    apart_groups = pd.concat([planted({"a": 0, "b": 1}, 40), planted({"c": 0, "d": 1}, 40)])
    assert differences(apart_groups, draws=20)[["difference", "low", "high", "p"]].isna().all(axis=None)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    inside = []
    for seed in range(15):
        table = bradley_terry(planted(count=300, raters=1, seed=seed), draws=100)
        inside += [row.low < STRENGTHS[row.method] - 1 < row.high for row in table.itertuples()]
    assert 0.8 <= np.mean(inside) <= 1


def test_raters_who_disagree_widen_the_intervals_that_are_over_raters():
    """Each rater has a favourite: to draw photos of five raters would be far too sure."""
    parts = []
    for i, favourite in enumerate(["weak", "strong"] * 3):
        part = planted(count=200, raters=1, choose=lambda left, right, liked=favourite: (
            "left" if left == liked or right not in (liked, "middling") else "right"))  # fmt: skip
        parts.append(part.assign(rater=f"rater {i}"))
    few, many = (bradley_terry(pd.concat(some), draws=200) for some in (parts[:4], parts))
    assert (many["high"] - many["low"]).max() > 2 * (few["high"] - few["low"]).max()


def test_more_answers_are_surer_and_the_same_seed_gives_the_same():
    few, many = (bradley_terry(planted(count=count, raters=4), draws=200) for count in (200, 1600))
    assert ((many["high"] - many["low"]).to_numpy() < 0.6 * (few["high"] - few["low"]).to_numpy()).all()
    pd.testing.assert_frame_equal(few, bradley_terry(planted(count=200, raters=4), draws=200))
    other = bradley_terry(planted(count=200, raters=4), seed=1, draws=200)
    assert (few["strength"] == other["strength"]).all() and (few["low"] != other["low"]).all()


def test_who_always_presses_1_prefers_nothing():
    asked = pairs(STRENGTHS, PHOTOS, 120)
    rows = [("r", pair.photo, pair.left, pair.right, "left", 0.4) for pair in asked]
    table = bradley_terry(pd.DataFrame(rows, columns=COLUMNS), draws=200)
    assert table["strength"].abs().max() < 0.3
    assert ((table["low"] < 0) & (0 < table["high"])).all()


def test_the_truth_tells_how_often_a_method_fools():
    answers = planted({"good": 0.0, TRUTH: 1.0, "bad": -2.0})
    table = bradley_terry(answers, draws=200)
    fooled = of(table, "against truth")
    assert fooled[TRUTH] == 0.5
    assert fooled["good"] == pytest.approx(1 / (1 + np.e), abs=0.04)
    assert fooled["bad"] == pytest.approx(1 / (1 + np.e**3), abs=0.03)
    rows = table[table["method"] != TRUTH]
    assert ((rows["against low"] < rows["against truth"]) & (rows["against truth"] < rows["against high"])).all()


def test_a_method_that_always_wins_stays_finite():
    table = bradley_terry(planted(count=60, choose=lambda a, b: "left" if a > b else "right"), draws=200)
    assert np.isfinite(table[["strength", "low", "high"]]).all(axis=None)
    assert table["method"].tolist() == ["weak", "strong", "middling"] and table["strength"].iloc[0] > 2
    assert of(table, "wins")["weak"] == of(table, "comparisons")["weak"]


def test_methods_that_were_never_compared_have_no_strengths():
    one, two = planted({"a": 0, "b": 1}, 40), planted({"c": 0, "d": 1}, 40)
    table = bradley_terry(pd.concat([one, two]), draws=20)
    assert table.loc[:, "strength":"against high"].isna().all(axis=None) and table["wins"].sum() == 80
    bridge = one.iloc[:20].assign(left="b", right="c")
    assert bradley_terry(pd.concat([one, two, bridge]), draws=20)["strength"].notna().all()


def test_too_little_for_an_interval_gives_none():
    assert list(bradley_terry(planted().iloc[:0])) == list(preference.RESULT)
    table = bradley_terry(planted(count=1), draws=20)
    assert table["strength"].notna().all() and table["low"].isna().all()  # one photo, one rater
    links = itertools.pairwise("abcdef")  # of resampled photos only 4 in 100 hold all five links
    rows = [("r", f"{one}.jpg", one, other, "left", 1.0) for one, other in links]
    table = bradley_terry(pd.DataFrame(rows, columns=COLUMNS), draws=50)
    assert table["method"].tolist() == list("abcdef") and table["low"].isna().all()


def test_of_several_answers_to_a_question_the_last_counts():
    answers = planted(count=90)
    again = answers.rename(columns={"left": "right", "right": "left"})  # shown the other way round, chosen on that side
    both = pd.concat([answers.assign(chosen="left"), again.assign(chosen="right"), answers])
    pd.testing.assert_frame_equal(bradley_terry(both, draws=20), bradley_terry(answers, draws=20))


def test_the_figure_has_a_dot_for_each_method_and_a_line_at_the_truth():
    table = bradley_terry(planted({"good": 0.0, TRUTH: 1.0, "bad": -2.0}, 300), draws=20)
    (ax,) = plots.ratings(table).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["bad", "good", TRUTH]  # from below
    assert ax.lines[0].get_xdata().tolist() == sorted(table["strength"])
    dotted = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
    assert dotted == [of(table)[TRUTH]] and "log odds" in ax.get_xlabel() and ax.get_ylabel() == "method"
    (ax,) = plots.ratings(bradley_terry(planted(count=50), draws=20)).axes
    assert [line for line in ax.lines if line.get_linestyle() == ":"] == []
    for nothing in (bradley_terry(planted(count=0)), table.assign(strength=np.nan, low=np.nan, high=np.nan)):
        assert "not enough" in plots.ratings(nothing).axes[0].texts[0].get_text()
    plt.close("all")


# ---- the page


class Broken:
    """A method that names itself when it fails."""

    name = "secret"

    def colorize(self, lightness, hints):
        raise RuntimeError("the method secret failed")


METHODS = {"warm-method": Constant("warm-method", (20.0, 30.0)), "cold-method": Constant("cold-method", (0.0, -30.0))}


@pytest.fixture
def clock(monkeypatch):
    """The time in seconds, which only a test moves; a second goes by before each answer."""
    now = SimpleNamespace(value=100.0)
    monkeypatch.setattr(rating.time, "monotonic", lambda: now.value)
    return now


@pytest.fixture
def drawn(monkeypatch):
    """Words and pictures that are drawn on the canvas."""
    from ipycanvas import Canvas

    drawn = SimpleNamespace(words=[], pictures=[])
    monkeypatch.setattr(Canvas, "fill_text", lambda self, text, *_: drawn.words.append(text))
    monkeypatch.setattr(Canvas, "put_image_data", lambda self, picture, *_: drawn.pictures.append(picture))
    return drawn


@pytest.fixture
def ask(sample, tmp_path, monkeypatch, clock, drawn):
    """Make the page of a rater."""
    monkeypatch.delenv("NBHELPERS_HEADLESS", raising=False)

    def ask(count=4, rater="me", methods=METHODS, photos=sample.test[:2]):
        asked = pairs([*methods, TRUTH], photos.names, count)
        return Rating(asked, methods, photos, tmp_path / "ratings.csv", rater)

    return ask


def press(page, clock, *keys, seconds=1.0, control=False):
    for key in keys:
        clock.value += seconds
        modifiers = {"shift_key": False, "ctrl_key": control, "meta_key": False}
        page.canvas._handle_frontend_event(None, {"event": "key_down", "key": key} | modifiers, None)


def click(page, clock, share, seconds=1.0):
    clock.value += seconds
    page.canvas._handle_frontend_event(None, {"event": "mouse_down", "x": share * page.canvas.width, "y": 5}, None)


def texts(page):
    """All that the page's widgets hold, their tooltips too."""
    found, todo = [], [page.page]
    while todo:
        widget = todo.pop()
        todo += getattr(widget, "children", ())
        found += [str(value) for value in (*widget.get_state().values(), *widget.layout.get_state().values())]
    return found


def answered(page):
    return [(row.photo, row.left, row.right, row.chosen) for row in rating.read(page.path).itertuples()]


def shown(page, pair):
    """What a pair looks like."""
    lab = rgb_to_lab(page.photos[page.photos.names.index(pair.photo)])
    for name in (pair.left, pair.right):
        ab = lab[..., 1:] if name == TRUTH else np.broadcast_to(METHODS[name].ab, lab[..., 1:].shape)
        yield lab_to_rgb(np.dstack([lab[..., :1], ab]))


def test_keys_1_and_2_record_left_and_right(ask, clock, drawn):
    page = ask(3)
    asked = list(page.waiting)
    assert drawn.pictures == [] and drawn.words == [] and "1 of 3" in page.progress.value
    press(page, clock, "1")  # begins, and answers nothing
    assert answered(page) == []
    left, right = shown(page, asked[0])
    picture = drawn.pictures[-1]
    assert (page.canvas.height, page.canvas.width) == picture.shape[:2]
    assert np.array_equal(picture[:, :96], left) and np.array_equal(picture[:, -96:], right)
    assert (picture[:, 96:-96] == 128).all() and picture.shape[1] > 2 * 96
    press(page, clock, "1", control=True)  # another tab of the browser
    assert answered(page) == []
    clock.value -= 1
    press(page, clock, "1", "x", "2")
    assert answered(page) == [(*key(asked[0]), "left"), (*key(asked[1]), "right")]
    assert rating.read(page.path)["seconds"].tolist() == [1.0, 2.0]
    assert "3 of 3" in page.progress.value and "more real" in page.question.value
    press(page, clock, "2")
    assert str(page.path) in page.question.value and drawn.words == ["thank you"]
    press(page, clock, "1", "2")  # nothing is left to answer
    assert len(answered(page)) == 3


def key(pair):
    return pair.photo, pair.left, pair.right


def test_a_click_or_a_finger_chooses_a_half_but_not_the_bar(ask, clock):
    page = ask(4)
    click(page, clock, 0.9)
    assert answered(page) == []
    click(page, clock, 0.5)
    click(page, clock, 0.9)
    click(page, clock, 0.1)
    clock.value += 1
    page.canvas._handle_frontend_event(None, {"event": "touch_start", "touches": [{"x": 5, "y": 5}]}, None)
    assert [row[-1] for row in answered(page)] == ["right", "left", "left"]


def test_who_answers_before_the_pair_can_have_been_seen_is_not_heard(ask, clock):
    page = ask(4)
    press(page, clock, "1")
    press(page, clock, *"1111", seconds=0.05)
    assert answered(page) == []
    press(page, clock, "2")
    click(page, clock, 0.1, seconds=0.0)
    assert [row[-1] for row in answered(page)] == ["right"]


def test_undo_takes_the_last_answer_back_and_asks_again(ask, clock, drawn):
    page = ask(2)
    asked = list(page.waiting)
    assert page.back.disabled
    press(page, clock, "1", "Backspace", "1")
    assert len(answered(page)) == 1 and not page.back.disabled
    rating.append(page.path, answer(rater="another"))
    press(page, clock, "2")
    assert drawn.words == ["thank you"]
    page.back.click()
    assert page.waiting == asked[1:] and "2 of 2" in page.progress.value
    press(page, clock, "Backspace", "Backspace")
    assert answered(page) == [("a.jpg", "x", "y", "left")]  # the other person's stays
    press(page, clock, "2", "2")
    assert answered(page)[1:] == [(*key(pair), "right") for pair in asked]


def test_a_second_session_goes_on_and_another_person_begins_anew(ask, clock):
    first = ask(6)
    asked = list(first.waiting)
    press(first, clock, "1", "1", "2")
    turned = asked[2]
    rating.append(first.path, answer(rater="me", photo=turned.photo, left=turned.right, right=turned.left))
    second = ask(6)
    assert second.waiting == asked[3:] and "4 of 6" in second.progress.value and second.back.disabled
    assert ask(6, rater="you").waiting == asked
    press(second, clock, "1", "1", "1", "1")
    assert len(answered(second)) == 6
    done = ask(6)
    assert "answers are in" in done.question.value and done.waiting == []
    press(done, clock, "1")


def test_nothing_on_the_page_names_a_method_or_a_photo(ask, clock, drawn, sample):
    page = ask(6)
    words = texts(page)
    for _ in range(7):
        press(page, clock, "1")
        words += texts(page)
    assert any("more real" in text for text in words) and any("6 of 6" in text for text in words)
    for name in (*METHODS, TRUTH, *sample.test.names[:2]):
        assert not any(name in text for text in (*words, *drawn.words)), name


def test_a_pair_that_cannot_be_painted_is_left_out_without_saying_whose(ask, clock):
    page = ask(6, methods=METHODS | {"secret": Broken()})
    whole = [pair for pair in page.waiting if "secret" not in (pair.left, pair.right)]
    press(page, clock, "1", *"1" * 6)
    assert [row[:3] for row in answered(page)] == [key(pair) for pair in whole] and 0 < len(whole) < 6
    assert not any("secret" in text for text in texts(page))


def test_an_answer_that_cannot_be_kept_is_asked_again(ask, clock):
    page = ask(2)
    asked = list(page.waiting)
    press(page, clock, "1", "1")
    page.path.write_text("damaged")
    press(page, clock, "1")
    assert "not kept" in page.status.value and page.waiting == asked[1:]
    press(page, clock, "Backspace")
    assert "not taken back" in page.status.value
    page.path.unlink()
    press(page, clock, "2")
    assert answered(page) == [(*key(asked[1]), "right")]
    press(page, clock, "Backspace", "Backspace")  # what was in the lost file is not there to take back
    assert answered(page) == [] and page.waiting == asked


def test_a_page_that_opens_again_shows_the_pair(ask, clock, drawn):
    page = ask()
    press(page, clock, "1")
    page.canvas._handle_frontend_event(None, {"event": "client_ready"}, None)
    assert len(drawn.pictures) == 2 and np.array_equal(*drawn.pictures)


def test_rate_shows_the_page_and_gives_each_rater_an_order(ask, sample, tmp_path, monkeypatch):
    displayed = []
    monkeypatch.setattr("IPython.display.display", displayed.append)
    mine, again, yours = (
        rating.rate(METHODS, sample.test[:4], tmp_path / "ratings.csv", rater, 12) for rater in ("me", " me ", "you")
    )
    assert displayed == [mine.page, again.page, yours.page] and mine.waiting == again.waiting != yours.waiting
    assert {name for pair in mine.waiting for name in (pair.left, pair.right)} == {*METHODS, TRUTH}
    for rater in ("", " "):
        with pytest.raises(UserError, match="rater is empty"):
            rating.rate(METHODS, sample.test[:4], tmp_path / "ratings.csv", rater)


def test_without_ipycanvas_it_says_what_to_install(ask, monkeypatch):
    monkeypatch.setattr(rating.widgets.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="ipycanvas missing"):
        ask()


def test_a_headless_run_builds_no_widget(monkeypatch, capsys, sample, tmp_path):
    monkeypatch.setenv("NBHELPERS_HEADLESS", "1")
    monkeypatch.setattr(rating, "Rating", lambda *_: pytest.fail("a widget was built"))
    assert rating.rate(METHODS, sample.test[:2], tmp_path / "ratings.csv", "me") is None
    assert "JupyterLab" in capsys.readouterr().out and list(tmp_path.iterdir()) == []


def test_a_pair_is_one_question_whichever_side():
    assert Pair("1", "a", "b").key == Pair("1", "b", "a").key != Pair("2", "a", "b").key
