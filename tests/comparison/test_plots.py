"""The figures of the comparison draw what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.comparison import figure_5, realism, tables
from nbhelpers.comparison import plots as comparison_plots
from nbhelpers.hints import Constant, Nearest, hide_pixels


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def table(**means):
    rows = [(m, u, value, value * 0.9, value * 1.1) for m, values in means.items() for u, value in values.items()]
    return pd.DataFrame(rows, columns=["method", "unknown", "mean", "low", "high"])


def test_the_axis_draws_blind_methods_grey_and_names_them_at_the_end():
    figure = comparison_plots.over_unknown(table(
        tree={0.2: 250.0, 1.0: 251.0}, unet={0.2: 249.0, 1.0: 250.0}, levin={0.2: 0.5, 1.0: 260.0}
    ))  # fmt: skip
    (ax,) = figure.axes
    named = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert {"tree", "unet"} <= set(named) and named["tree"] > 1.2 * named["unet"]  # moved apart to be read
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["levin"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["20", "100"]
    assert ax.get_ylim()[1] > named["tree"]


def test_what_explodes_leaves_the_frame():
    figure = comparison_plots.over_unknown(table(unet={0.2: 249.0, 1.0: 250.0}, ols={0.2: 0.5, 1.0: 1e7}))
    assert figure.axes[0].get_ylim()[1] == 3e3


def test_labels_keep_their_order_and_their_distance():
    found = comparison_plots._apart([1.0, 1.01, 1.02, 3.0], 0.1)
    assert found == sorted(found) and np.diff(found).min() >= 0.1 - 1e-12
    assert comparison_plots._apart([], 0.1) == []


def test_the_scoreboard_marks_the_mean_colour_and_the_truth():
    rows = [(m, k, v, v - 1, v + 1, 5, 0) for m, v in (("mean", 250.0), ("unet", 220.0), ("gan-paper", 900.0))
            for k in ("ab_mse", "chroma")]  # fmt: skip
    board = pd.DataFrame(rows, columns=["method", "measure", "mean", "low", "high", "photos", "not_converged"])
    figure = comparison_plots.scoreboard(board, ("ab_mse", "chroma"))
    left, right = figure.axes
    assert left.get_xscale() == "log" and right.get_xscale() == "linear"
    assert [label.get_text() for label in left.get_yticklabels()] == ["gan-paper", "unet", "mean"]
    assert any(line.get_xdata()[0] == 250 for line in left.lines if line.get_linestyle() == ":")
    assert any(line.get_xdata()[0] == 1 for line in right.lines)


def test_figure_5_draws_the_sum_and_the_running_mean():
    scores = pd.DataFrame({"photo": list("abc"), "method": "unet", "ab_mse": [2.0, 4.0, 9.0], "converged": True})
    figure = figure_5.accumulated(tables.accumulated(scores), ["unet"])
    left, right = figure.axes
    assert left.lines[0].get_ydata().tolist() == [2, 6, 15]
    assert right.lines[0].get_ydata().tolist() == [2, 3, 5]


def test_pairs_are_white_where_the_difference_is_not_significant():
    rows = [("b", "a", 5.0, 3.0, 7.0, 1e-6, 0.1, 99), ("c", "a", 0.5, -1.0, 2.0, 0.5, 0.5, 99),
            ("c", "b", -4.0, -6.0, -2.0, 1e-4, 0.9, 99)]  # fmt: skip
    gaps = pd.DataFrame(rows, columns=["method", "other", "difference", "low", "high", "p", "better", "photos"])
    ax = comparison_plots.pairs(gaps).axes[0]
    values = ax.images[0].get_array()
    assert values.tolist() == [[0, -5, 0], [5, 0, 4], [0, -4, 0]]
    assert sorted(text.get_text() for text in ax.texts) == ["-4", "-5", "4", "5"]
    none = comparison_plots.pairs(gaps.assign(p=0.5)).axes[0]
    assert not none.images[0].get_array().any()
    assert [text.get_text() for text in none.texts] == ["99 photos: no difference is significant"]


def test_pairs_of_few_photos_are_drawn_without_a_verdict():
    rows = [("b", "a", 5.0, 1e-9, 9), ("c", "a", 0.5, 1e-9, 9), ("c", "b", -0.001, 1e-9, 9)]
    ax = comparison_plots.pairs(pd.DataFrame(rows, columns=["method", "other", "difference", "p", "photos"])).axes[0]
    assert ax.images[0].get_array().tolist() == [[0, -5, -0.5], [5, 0, 0.001], [0.5, -0.001, 0]]
    assert not ax.texts and "9 photos: too few to say which" in ax.get_title() and "significant" not in ax.get_title()


def test_one_large_curve_of_figure_5_does_not_press_the_others_together():
    errors = {"a": [200.0, 300.0], "b": [220.0, 240.0], "c": [900.0, 1000.0]}
    scores = pd.concat([pd.DataFrame({"photo": [0, 1], "method": m, "ab_mse": v, "converged": True})
                        for m, v in errors.items()])  # fmt: skip
    for names, scale in ((["a", "b"], "linear"), (["a", "b", "c"], "log")):
        left, right = figure_5.accumulated(tables.accumulated(scores), names).axes
        assert left.get_yscale() == right.get_yscale() == scale and ("log" in left.get_ylabel()) == (scale == "log")
    low, high = right.get_ylim()
    assert low < 230 and high > 950 and [label.get_text() for label in right.get_yticklabels()][0] == "200"


def test_slopes_mark_the_mean_colour_and_trainings_at_length():
    lines = [("unet", 0.9, 0.85, 0.95, False), ("mean", 1.0, 1.0, 1.0, False), ("gan", 1.5, 1.4, 1.6, True)]
    table = pd.DataFrame(lines, columns=["label", "mean", "low", "high", "long"])
    (ax,) = figure_5.slopes(table[::-1]).axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["unet", "mean", "gan"] and ax.get_xscale() == "log"
    here, long = ax.lines[:2]
    assert list(here.get_xdata()) == [0.9, 1.0] and list(long.get_xdata()) == [1.5]
    assert long.get_markerfacecolor() == "white" and ax.lines[2].get_xdata()[0] == 1


def test_figure_4_writes_the_error_of_the_unknown_pixels(sample):
    labs = [rgb_to_lab(sample.test[i])[:40, :40] for i in range(2)]
    methods = {"mean": Constant("mean", (2.0, 8.0)), "hinted": Nearest()}
    given = {"hinted": lambda lab: hide_pixels(lab[..., 1:], 0.5)}
    figure = comparison_plots.by_method(labs, methods, given, "credits")
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[0].startswith("truth") and titles[1].startswith("mean\n") and titles[2].startswith("hinted\n")
    error = np.square(labs[1][..., 1:] - (2.0, 8.0)).mean()
    assert titles[3] == "" and titles[4] == f"{error:.0f}"
    assert float(titles[5]) < float(titles[4])


def test_the_gallery_and_the_costs_show_every_method(sample):
    photo = sample.test[0]
    figure = comparison_plots.gallery({"tree": [("best: 3", photo, photo), ("worst: 9", photo, photo)]})
    assert [ax.get_title() for ax in figure.axes] == ["tree, best: 3", "truth", "tree, worst: 9", "truth"]
    rows = [(m, axis, at, at / 10) for m in ("a", "b") for axis in ("pixels", "unknown", "photos") for at in (1, 10)]
    figure = comparison_plots.costs(pd.DataFrame(rows, columns=["method", "axis", "at", "seconds"]))
    assert [len(ax.lines) for ax in figure.axes] == [2, 2, 2]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["1", "10"]


@pytest.mark.parametrize("many", [True, False])
def test_realism_shows_the_most_alike_at_the_top_and_the_floor(many):
    empty = [np.nan] * 5
    rows = [("truth", 0.0, *empty, 2.0, 1.0, 1.0, 1.0), ("a", 9.0, 8.0, 10.0, 5.0, 4.5, 5.5, 12.0, 0.3, 0.2, 0.4),
            ("b", 4.0, 3.0, 5.0, 0.0, np.nan, np.nan, 7.0, 0.2, 0.1, 0.3)]  # fmt: skip
    agree = ("agreement", "agreement_low", "agreement_high")
    table = pd.DataFrame(rows, columns=["method", *realism.DISTANCES, *agree])
    if not many:
        table[list(realism.DISTANCES)] = np.nan
    axes = comparison_plots.realism(table).axes
    labels = [label.get_text() for label in axes[0].get_yticklabels()]
    assert labels == (["a", "b"] if many else ["b", "a"])  # from below
    shown = [dict(zip(labels, ax.lines[-1].get_xdata())) for ax in axes]
    expected = [{"a": 9, "b": 4}, {"a": 5, "b": 0}, {"a": 12, "b": 7}] if many else []
    assert shown == [*expected, {"a": 0.3, "b": 0.2}]
    floors = [line.get_xdata()[0] for ax in axes for line in ax.lines if line.get_linestyle() == ":"]
    assert floors == ([2.0] if many else [])
