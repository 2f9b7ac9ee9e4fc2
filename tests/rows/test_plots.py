"""The figures of notebook 04 show the numbers that they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.rows import plots as row_plots
from nbhelpers.rows import study as row_study
from nbhelpers.rows.regressor import RowRegressor


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data(sample):
    crops = row_study.random_crops(sample.train, 40)
    X, chroma = row_study.row_data(crops, 40)
    return X, chroma


def texts(figure):
    return [text.get_text() for ax in figure.axes for text in ax.texts]


def test_one_row_shows_lightness_and_chroma_of_that_row(sample):
    rgb = sample.test[0]
    lab = rgb_to_lab(rgb)
    figure = row_plots.one_row(rgb, lab, 33)
    lines = [line.get_ydata() for ax in figure.axes for line in ax.lines]
    for plane in range(3):
        assert any(len(line) == 96 and np.allclose(line, lab[33, :, plane]) for line in lines)


@pytest.mark.parametrize("channel", [0, 1])
def test_the_tree_shows_its_questions_and_its_leaves(data, channel):
    X, chroma = data
    tree = RowRegressor(random_state=0).fit(X, chroma[channel]).trees_
    figure = row_plots.tree_diagram(tree, X, channel, chroma[1 - channel].mean(axis=0))
    shown = texts(figure)
    used = np.isfinite(tree.threshold[0])
    for feature, threshold in zip(tree.feature[0][used], tree.threshold[0][used]):
        assert any(text.startswith(f"L*[{feature}] > {threshold:.1f}?") for text in shown)
    leaves = [int(text.split(": ")[1].split()[0]) for text in shown if text.startswith("leaf")]
    assert sum(leaves) == len(X) and len(leaves) == len(np.unique(tree.apply(X)))
    top, lines = figure.axes
    assert len(top.images) == len(leaves) == len(lines.lines) - 1  # and the mean


def test_a_tree_that_stopped_early_is_drawn_without_empty_leaves(data):
    X, chroma = data
    tree = RowRegressor(random_state=0).fit(X[:3], chroma[0][:3]).trees_
    figure = row_plots.tree_diagram(tree, X[:3], 0, chroma[1].mean(axis=0))
    assert sum(text.startswith("leaf") for text in texts(figure)) == 3


def test_strips_show_every_photo_in_every_panel(sample):
    lab = np.stack([rgb_to_lab(rgb)[10] for rgb in sample.test])
    figure = row_plots.strips({"truth": lab, "grey": lab * [1, 0, 0]}, height=6)
    assert [ax.images[0].get_array().shape for ax in figure.axes] == [(6 * len(lab), 96, 3)] * 2
    assert [ax.get_title() for ax in figure.axes] == ["truth", "grey"]


def test_curves_over_trees_and_rows(sample):
    figure = row_plots.over_trees([0, 5, 10], {"known": [9, 4, 2], "new": [9, 8, 9]}, mean=9.5)
    assert [list(line.get_ydata()) for line in figure.axes[0].lines] == [[9, 4, 2], [9, 8, 9], [9.5, 9.5]]
    figure = row_plots.error_by_row({"mean": np.arange(1.0, 7), "tree": np.ones(6)}, "mean")
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[1, 2, 3, 4, 5, 6], [1] * 6]
    assert list(right.lines[0].get_ydata()) == [100] * 6 and right.lines[1].get_ydata()[1] == 50
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["mean", "tree"]


def test_histograms_name_chroma_and_hues(sample):
    found = {name: ColourStatistics.of(rgb_to_lab(rgb)) for name, rgb in zip("xy", sample.test)}
    figure = row_plots.colour_histograms(found, reach=40)
    for ax, (name, colours) in zip(figure.axes, found.items()):
        assert ax.get_title().startswith(f"{name}\nchroma {colours.chroma:.1f}")
        drawn = ax.images[0].get_array()
        assert drawn.shape == (80, 80)
        assert drawn.sum() == pytest.approx(colours.counts[88:168, 88:168].sum() / colours.pixels)


def test_learning_curves_show_each_panel_in_percent_of_its_own_mean_row():
    lines = [("position mean", n, 0, "a", known, 20.0) for n, known in ((5, 10.0), (10, 12.0))]
    lines += [("tree", n, 0, "a", known, new) for n, known, new in ((5, 1.0, 30.0), (10, 6.0, 19.0))]
    table = pd.DataFrame(lines, columns=["method", "photos", "row", "channel", "training", "validation"])
    figure = row_plots.learning_curves(row_study.of_mean_row(table))
    left, right = figure.axes
    assert [list(line.get_ydata()) for line in left.lines] == [[100, 100], [10, 50]]
    assert [list(line.get_ydata()) for line in right.lines] == [[100, 100], [150, 95]]
    assert left.get_ylabel() == "error, % of the mean row's"
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["mean row", "tree"]


def test_a_search_for_a_split_shows_its_best_question():
    falls, best = np.array([0.1, 0.3, 0.2]), np.array([0.05, 0.3, 0.1, 0.0])
    left, right = row_plots.split_search(np.array([10.0, 20, 30]), falls, best, 1).axes
    assert list(left.lines[0].get_ydata()) == pytest.approx([10, 30, 20])
    assert [float(np.ravel(part)[0]) for part in left.lines[1].get_data()] == pytest.approx([20, 30])
    assert list(right.lines[0].get_ydata()) == pytest.approx([5, 30, 10, 0])
    assert [float(np.ravel(part)[0]) for part in right.lines[1].get_data()] == pytest.approx([1, 30])


def test_bars_keep_their_order_and_carry_their_numbers():
    figure = row_plots.bars(pd.Series({"mean": 100.0, "tree": 98.5}), "MSE", mark=100, mark_label="mean colour")
    (ax,) = figure.axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["mean", "tree"]
    assert {"100", "98.5"} <= {text.get_text() for text in ax.texts}
    assert ax.yaxis_inverted()


def test_feature_maps_show_each_plane_under_its_name():
    planes = {"one": np.zeros((4, 5)), "two": np.arange(20.0).reshape(4, 5)}
    figure = row_plots.feature_maps(planes)
    assert [ax.get_title() for ax in figure.axes] == list(planes)
    assert all((ax.images[0].get_array() == plane).all() for ax, plane in zip(figure.axes, planes.values()))
