"""The figures show the numbers that they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nbhelpers.evaluation.paper import siggraph17, table_1
from nbhelpers.hints import hide_pixels
from nbhelpers.linear import plots as linear_plots
from nbhelpers.linear.neighbours import NeighbourStatistics, features, fit, paper_estimators
from nbhelpers.linear.systems import edge_aware_system


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def drawn(figure):
    """Draw the figure for real, and return its axes."""
    figure.canvas.draw()
    return figure.axes


def texts(ax):
    return [t.get_text() for t in ax.texts]


@pytest.fixture(scope="module")
def stats(lab_photos):
    return sum((NeighbourStatistics.of(p) for p in lab_photos[1:3]), NeighbourStatistics.of(lab_photos[0]))


def summary(column, values):
    rows = [(m, v, 10.0 * k + i, 5.0 * k + i, 20.0 * k + i) for k, m in enumerate(("one", "two"), 1)
            for i, v in enumerate(values)]  # fmt: skip
    return pd.DataFrame(rows, columns=["method", column, "mean", "low", "high"])


def test_the_neighbourhood_shows_25_numbers_and_asks_for_two(lab_photos):
    lab = lab_photos[0]
    axes = drawn(linear_plots.neighbourhood(lab, 30, 40))
    shown = [texts(ax) for ax in axes]
    assert [s.count("?") for s in shown] == [0, 1, 1] and [len(s) for s in shown] == [9, 9, 9]
    assert shown[0][4] == f"{lab[30, 40, 0]:.1f}"
    assert shown[1][0] == f"{lab[29, 39, 1]:.1f}" and shown[2][5] == f"{lab[30, 41, 2]:.1f}"


def test_the_coefficient_maps_show_the_weights(stats):
    models = {name: fit(stats, paper_estimators()[name]) for name in ("ols", "lasso")}
    figure = linear_plots.coefficient_maps(models)
    axes = drawn(figure)[:12]
    assert [ax.get_title() for ax in axes[:6]] == [f"{t}* from {c}*" for t in "ab" for c in "Lab"]
    assert [axes[0].get_ylabel(), axes[6].get_ylabel()] == ["ols", "lasso"]
    west_for_a = axes[1].images[0].get_array()[1, 0]
    assert west_for_a == models["ols"].coefficients[0, 8 + 3]
    assert texts(axes[1])[3] == f"{west_for_a:.2f}"
    zeros = sum(texts(ax).count("0") for ax in axes[6:])
    assert zeros == (models["lasso"].coefficients == 0).sum() > 0


def test_the_correlation_matrix_is_numpys(stats, lab_photos):
    axes = drawn(linear_plots.correlation(stats.moments))
    rows = np.concatenate([features(lab) for lab in lab_photos[:3]])
    np.testing.assert_allclose(axes[0].images[0].get_array(), np.corrcoef(rows.T), atol=1e-6)
    values = axes[1].lines[0].get_ydata()
    assert len(values) == 25 and sum(values) == pytest.approx(25) and (np.diff(values) <= 1e-12).all()


def test_the_losses_have_their_minima_where_the_soft_threshold_says():
    left, right = drawn(linear_plots.shrinkage(variance=4.0, alpha=2.0))
    curves = [line for line in left.lines if len(line.get_xdata()) > 2]
    dots = [line for line in left.lines if line.get_marker() == "o"]
    assert [float(dot.get_xdata()[0]) for dot in dots] == [0, 0.25, 0.75]
    for curve, dot in zip(curves, dots, strict=True):
        assert curve.get_ydata().min() >= dot.get_ydata()[0] - 1e-12
        assert curve.get_ydata().min() == pytest.approx(dot.get_ydata()[0], abs=1e-3)
    none, ridge, lasso = right.lines
    assert np.allclose(none.get_ydata(), none.get_xdata() / 4) and np.allclose(ridge.get_ydata(), ridge.get_xdata() / 6)
    inside = abs(lasso.get_xdata()) < 2
    assert (lasso.get_ydata()[inside] == 0).all() and (lasso.get_ydata()[~inside & (lasso.get_xdata() > 2)] > 0).all()


def test_the_weight_paths_draw_each_weight():
    alphas, weights = np.logspace(-2, 1, 5), np.random.default_rng(0).normal(size=(5, 25))
    figure = linear_plots.weight_paths(alphas, weights, np.arange(1.0, 6), "Lasso", mark=1.0)
    left, right = drawn(figure)
    paths = [line.get_ydata() for line in left.lines if len(line.get_ydata()) == 5]
    assert len(paths) == 25
    for k in range(25):
        assert any((path == weights[:, k]).all() for path in paths)
    assert (right.lines[0].get_ydata() == np.arange(1, 6)).all()


def test_spy_marks_the_entries(lab_photos):
    lab = lab_photos[0][:12, :14].astype(float)
    system = edge_aware_system(lab[..., 0], hide_pixels(lab[..., 1:], 0.9))
    left, right = drawn(linear_plots.spy(system, rows=20))
    assert len(left.lines[0].get_xdata()) == system.matrix.nnz
    assert len(right.lines[0].get_xdata()) == system.matrix[:20, :20].nnz
    assert f"{system.matrix.shape[0]:,}" in left.get_title() and "20 x 20" in right.get_title()


def test_residual_curves():
    curves = {"whole": {"bicg": (0.5, 0.1, 0.01), "gmres": (0.4, 0.2)}, "tile": {"bicg": (0.3,)}}
    axes = drawn(linear_plots.residual_curves(curves, 1e-6))
    assert [ax.get_title() for ax in axes] == ["whole", "tile"]
    for ax, panel in zip(axes, curves.values(), strict=True):
        for line, (method, curve) in zip(ax.lines[: len(panel)], panel.items(), strict=True):
            assert line.get_label() == method and tuple(line.get_ydata()) == curve
        assert ax.get_yscale() == "log" and ax.lines[len(panel)].get_ydata()[0] == 1e-6


def test_seams():
    ax = drawn(linear_plots.seams({"zero": (np.arange(3), [9.0, 3, 1]), "mirror": (np.arange(3), [2.0, 1, 1])}, 100))[0]
    assert [tuple(line.get_ydata()) for line in ax.lines] == [(9, 3, 1), (2, 1, 1)]
    assert "100 x 100" in ax.get_xlabel()


def test_errors_over_the_unknown_share_with_the_printed_ones():
    ours, printed = summary("unknown", (0.2, 0.8)), table_1()
    ax = drawn(linear_plots.over_unknown(ours, printed))[0]
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["one", "two"] + [f"{m}, as printed" for m in ("ols", "ridge", "lasso", "elasticnet")]
    assert tuple(ax.lines[0].get_ydata()) == (10, 11) and tuple(ax.lines[1].get_ydata()) == (20, 21)
    assert tuple(ax.lines[2].get_ydata()) == (37.25, 73.89, 125.48, 195.40, 211.10)
    assert tuple(ax.lines[0].get_xdata()) == ("20", "80") and len(ax.collections) == 2
    assert len(drawn(linear_plots.over_unknown(ours))[0].lines) == 2


def test_psnr_over_the_patches_with_the_printed_one():
    ours, printed = summary("patches", (0, 50)), siggraph17()
    ax = drawn(linear_plots.over_patches(ours, printed))[0]
    assert len(ax.lines) == 3 and tuple(ax.lines[2].get_ydata()) == tuple(printed["psnr"])
    assert tuple(ax.lines[1].get_ydata()) == (20, 21)
    band = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert band.min() == 5 and band.max() == 21
    assert len(drawn(linear_plots.over_patches(ours))[0].lines) == 2


def test_holes_show_eigenvalues_errors_and_crossings():
    eigenvalues = pd.DataFrame({"grows": [0.01, -0.002], "stays": [0.02, 0.001]}, index=[10, 40])
    errors = pd.DataFrame({"grows": [1.0, 900, 30], "stays": [1.0, 2, 3]}, index=[10, 20, 30])
    left, right = drawn(linear_plots.holes(eigenvalues, errors, {"grows": [25, 21.5, 99], "stays": [np.inf] * 2}))
    assert [list(line.get_ydata()) for line in left.lines if len(line.get_xdata()) == 2][0] == [0.01, -0.002]
    curves = [list(line.get_ydata()) for line in right.lines if len(line.get_xdata()) == 3]
    assert curves == [[1.0, 900, 30], [1.0, 2, 3]]
    dotted = [line for ax in (left, right) for line in ax.lines if line.get_linestyle() == ":"]
    assert [list(line.get_xdata()) for line in dotted] == [[21.5, 21.5]] * 2
    assert [list(line.get_xdata()) for line in right.lines if line.get_linewidth() < 1 and line not in dotted] == [
        [25, 25]
    ]


def test_spectra_are_sorted():
    axes = drawn(linear_plots.spectra({"A": np.array([3.0, 1, 2]), "better": np.ones(3)}))
    assert [ax.get_title() for ax in axes] == ["A", "better"]
    assert axes[0].lines[0].get_ydata().tolist() == [1, 2, 3]


def test_error_maps_show_distances(lab_photos):
    truth = lab_photos[0][..., 1:]
    axes = drawn(linear_plots.error_maps([truth, truth + (3, 4)], truth, ["none", "five"]))
    assert [ax.get_title() for ax in axes[:2]] == ["none", "five"]
    assert (axes[0].images[0].get_array() == 0).all()
    assert np.allclose(axes[1].images[0].get_array(), 5)


def test_no_series_is_dropped_however_many_there_are():
    names = [f"method {k}" for k in range(12)]
    figure = linear_plots.residual_curves({"panel": {name: (1.0, 0.1) for name in names}}, tol=1e-6)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == names
    rows = [(name, n, 20.0, 19.0, 21.0) for name in names for n in (1, 10)]
    summary = pd.DataFrame(rows, columns=["method", "patches", "mean", "low", "high"])
    figure = linear_plots.over_patches(summary)
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == names
