"""The tables of the comparison, worked by hand on small ones, and whole on the sample photos."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nbhelpers import paths, registry
from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.comparison import tables
from nbhelpers.evaluation.reference import TRAINING
from nbhelpers.hints import Constant
from nbhelpers.linear.colorizers import Propagation
from nbhelpers.linear.neighbours import NeighbourModel, fit, gather_statistics, paper_estimators
from nbhelpers.paths import Run


def scores(**errors):
    """Scores at 100 %: method -> its ab-MSE per photo; None where the solve did not converge."""
    rows = [{"photo": f"p{i}", "unknown": 1.0, "method": name, "ab_mse": value or 0.0, "converged": value is not None}
            for name, values in errors.items() for i, value in enumerate(values)]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_method_that_was_not_fitted_is_named_and_the_others_are_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    run = Run("smoke", "sample")
    registry.save("mean", (1.0, 2.0), run)
    found, missing = tables.load_methods(("grey", "mean", "nearest", "tree"), run)
    assert list(found) == ["grey", "mean", "nearest"]
    assert list(missing) == ["tree"] and "notebook 04" in missing["tree"]


@pytest.fixture(scope="module")
def regressions(sample):
    stats, estimators = gather_statistics(sample.train[:4], jobs=1), paper_estimators()
    return {n: Propagation(n, "neighbour", fit(stats, estimators[n]), (2.0, 8.0)) for n in ("ols", "lasso")}


def test_the_anchor_is_the_best_of_those_that_always_solved(sample, regressions):
    study = tables.anchor_study(regressions, sample.train[:2], (0.1, 10.0))
    assert list(study["method"]) == ["ols", "ols", "lasso", "lasso"]
    assert list(study["anchor"]) == [0.1, 10.0, 0.1, 10.0]
    held = tables.anchored(regressions, study)
    for name in regressions:
        best = study[study["method"] == name].sort_values("mean").iloc[0]["anchor"]
        assert held[f"{name}, anchored"].anchor == best and held[f"{name}, anchored"].name == f"{name}, anchored"
        assert held[f"{name}, anchored"].model is regressions[name].model
    spoiled = study.assign(not_converged=[1, 0, 1, 1])
    kept = tables.anchored(regressions, spoiled)
    assert list(kept) == ["ols, anchored"] and kept["ols, anchored"].anchor == 10


def test_without_hints_each_regression_gives_way_to_its_anchored_variant(regressions):
    methods = {"grey": Constant("grey")} | regressions
    held = {"lasso, anchored": Constant("lasso, anchored")}
    assert [m.name for m in tables.without_hints(methods, held)] == ["grey", "lasso, anchored"]


def test_the_scoreboard_takes_ratios_of_means():
    table = scores(a=[1.0, 3.0], b=[2.0, 2.0]).assign(chroma=[1.0, 3.0, 6.0, 2.0], true_chroma=[4.0, 4.0, 4.0, 4.0])
    table = table.assign(hue_spread=[0.1, 0.2, 0.0, np.nan], true_hue_spread=[0.4, 0.5, 0.4, 0.5])
    board = tables.scoreboard(table, ("ab_mse", "chroma", "hue_spread"))
    shown = tables.wide(board)
    assert list(shown.index) == ["a", "b", "truth"] and list(shown) == ["ab_mse", "chroma", "hue_spread"]
    assert shown.loc["a"].tolist() == pytest.approx([2.0, 0.5, 0.15])
    assert shown.loc["b"].tolist() == [2.0, 1.0, 0.0]
    assert np.isnan(shown.loc["truth", "ab_mse"]) and shown.loc["truth"].tolist()[1:] == pytest.approx([1, 0.45])
    assert board.set_index(["method", "measure"])["photos"]["b", "hue_spread"] == 1


def test_the_means_are_laid_out_beside_what_each_network_learned_from():
    board = pd.DataFrame({"method": ["b", "b", "a", "a"], "patches": [5, 0, 5, 0], "mean": [1.0, 2.0, 3.0, 4.0]})
    assert tables.wide(board, "patches").to_dict("split")["data"] == [[1, 2], [3, 4]]
    board = board.assign(**{name: pd.array([64, 64, None, None], "Int64") for name in TRAINING})
    shown = tables.wide(board, "patches")
    assert list(shown.index) == ["b", "a"] and list(shown) == [5, 0, *TRAINING]
    assert shown.loc["b", list(TRAINING)].tolist() == [64] * 4 and shown.loc["a", list(TRAINING)].isna().all()


def test_winners_say_what_is_not_significantly_different_and_leave_out_the_unsolved():
    table = scores(
        tree=[10.0, 12.0, 11.0, 13.0] * 3,
        levin=[1.0, 2.0, 3.0, 4.0] * 3,
        nearest=[1.5, 1.4, 3.1, 4.2] * 3,
        lasso=[5.0, 6.0, 7.0, 8.0] * 3,
        ols=[0.1, 0.1, 0.1, None] * 3,
    )
    (row,) = tables.winners(table).to_dict("records")
    assert row["best"] == "levin" and row["ab_mse"] == 2.5
    assert row["not significantly different"] == "nearest"
    assert row["best without hints"] == "tree" and row["its ab_mse"] == 11.5


def test_with_few_photos_nobody_can_tell_what_differs_from_the_winner():
    (row,) = tables.winners(scores(levin=[1.0, 2.0], lasso=[5.0, 6.0])).to_dict("records")
    assert row["best"] == "levin" and row["not significantly different"] == tables.TOO_FEW


def test_an_unsolved_photo_is_left_out_of_the_accumulated_error():
    table = tables.accumulated(scores(a=[2.0, None, 6.0]))
    assert table["total"].tolist() == [2, 8] and table["photos"].tolist() == [1, 2]


def test_the_accumulated_error_and_the_running_mean():
    table = tables.accumulated(scores(a=[2.0, 4.0, 9.0]))
    assert table["photos"].tolist() == [1, 2, 3]
    assert table["total"].tolist() == [2, 6, 15] and table["mean"].tolist() == [2, 3, 5]
    half = 1.96 * np.std([2, 4, 9], ddof=1) / np.sqrt(3)
    assert table["high"].iloc[2] - 5 == pytest.approx(half) and 5 - table["low"].iloc[2] == pytest.approx(half)
    assert np.isnan(table["low"].iloc[0])


def test_the_running_interval_holds_for_errors_that_hardly_differ():
    errors = [1e6 + x for x in (0.0, 1e-3, 2e-3, 1e-3)]  # sums of squares would cancel
    half = [1.96 * stats.sem(errors[:n]) for n in (2, 3, 4)]
    table = tables.accumulated(scores(a=errors))
    assert (table["high"] - table["mean"]).tolist()[1:] == pytest.approx(half, rel=1e-4)


def lab(*colours):
    return np.array([[(50.0, a, b) for a, b in colours]], np.float32)


def test_brown_is_measured_against_grey_and_the_mean_colour():
    colours = {"truth": ColourStatistics.of(lab((30.5, 0.5), (-29.5, 0.5), (0.5, 30.5), (0.5, -29.5)))}
    colours["brown"] = ColourStatistics.of(lab(*[(6.5, 8.5)] * 4))
    colours["grey"] = ColourStatistics.of(lab(*[(0.0, 0.0)] * 4))
    table = tables.brown(colours, (6.5, 8.5)).set_index("method")
    assert table.loc["truth", "of truth"] == 1 and table.loc["truth", "distinct"] == 4
    assert table.loc["truth", "hue_entropy"] == pytest.approx(2, abs=1e-3)  # four hues alike
    assert table.loc["brown", "chroma"] == pytest.approx(np.hypot(6.5, 8.5))
    assert table.loc["brown", "from mean"] == 0 and table.loc["brown", "distinct"] == 1
    assert table.loc["brown", "hue_entropy"] == 0
    assert np.isnan(table.loc["grey", "hue_entropy"]) and table.loc["grey", "chroma"] == 0


def test_tails_are_means_of_the_best_and_the_worst_tenth():
    errors = [float(i) for i in range(1, 21)]
    (row,) = tables.tails(scores(a=errors[::-1])).to_dict("records")
    assert (row["best tenth"], row["median"], row["worst tenth"]) == (1.5, 10.5, 19.5)
    assert row["share of worst tenth"] == pytest.approx(39 / 210)


def test_extremes_come_from_the_photos_that_may_be_shown():
    table = scores(a=[5.0, 1.0, 9.0, 3.0], b=[1.0, 2.0, 3.0, 4.0])
    found = tables.extremes(table, ["p0", "p1", "p3"])
    assert found == {"a": ["p1", "p0"], "b": ["p0", "p3"]}


def test_a_model_without_weights_on_lightness_returns_its_anchor():
    own = np.zeros((2, 25))
    own[0, 8:16] = own[1, 16:24] = 0.125
    held = Propagation("x", "neighbour", NeighbourModel(own, np.zeros(2)), (3.0, 4.0), anchor=0.1)
    from nbhelpers.hints import Hints

    ab = held.colorize(np.full((9, 9), 40, np.float32), Hints.none((9, 9))).ab
    assert np.allclose(ab, (3, 4), atol=1e-4)
