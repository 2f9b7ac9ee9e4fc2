"""What notebook 02 says in words holds in the reference run's tables, and what it calls its own run in its outputs."""

import re

import nbformat
import numpy as np
import prose
import pytest

from nbhelpers.evaluation import paper, reference

STEM = "02_neighbour_regression"
NEW = {  # tables that the reference run writes from its next time on, and columns that the notebook reads there
    "02_scaling": {"features", "estimator", "weights kept (of 25)", "sum of own weights, a", "mse_a"},
    "02_splits": {"parts", "rms difference", "rms expected", "rms uncorrelated", "mse_same", "mse_other", "cost"},
    "02_inflation": {"feature", "vif", "se", "se_uncorrelated", "ols weight for a*"},
    "02_condition": {"rows", "kappa", "kappa_standardized"},
    "02_few_rows": {"rows", "scatter of side weights", "formula", "error, times the best"},
}


def said(cell):
    """What a cell of the committed notebook printed, as one text."""
    node = nbformat.read(prose.NOTEBOOKS / f"{STEM}.ipynb", as_version=4)
    (found,) = (c for c in node.cells if c.id == cell)
    return " ".join(o.get("text", "") or o["data"].get("text/markdown", "") for o in found.outputs)


def printed(method, unknown):
    table = paper.table_1().set_index(["method", "unknown"])["printed"]
    return table.loc[method, unknown]


def test_each_number_of_the_prose_is_a_definition_or_the_papers():
    given = {
        "nb02-01": "1 27 158 3",
        "nb02-05": "25",
        "nb02-07": "3",
        "nb02-09": "25 27 32 64 158 158,000 400",
        "nb02-09c": "1 2 3 5 7 9",
        "nb02-09e": "16 27 64",
        "nb02-12": "27",
        "nb02-14": "1 2 3 4 5",
        "nb02-16": "20",
        "nb02-22": "1 6",
        "nb02-22c": "0 1",
        "nb02-24b": "0 1",
        "nb02-24d": "0 1 7",
        "nb02-24h": "1",
        "nb02-27": "-128 0 0.5 1 100 127 255",
        "nb02-27d": "0 1 20 80",
        "nb02-30b": "5 7 8 9 10 16 25 30 32 64 100",
        "nb02-31b": "1 6 10 24 36",
        "nb02-31d": "0.01 20 36 160",
        "nb02-33c": "1 50",
        "nb02-34b": "1",
        "nb02-36": "20",
        "nb02-38": "1",
        "nb02-40": "1.001",
        "nb02-43": "80 95",
        "nb02-44d": "10 100",
        "nb02-47": "0 27 158",
        "closing": "3 12 18 100 255",
    }
    measured = {
        "nb02-27d": {"20.12": printed("lasso", 0.2), "122.59": printed("lasso", 0.8)},
        "nb02-36": {"37.25": printed("ols", 0.2), "48.47": printed("ridge", 0.2)},
    }
    prose.check(STEM, given, measured)
    rows = 398**2
    assert round(rows, -3) == 158_000 and round(1000 * rows * 25 * 8 / 1e9) == 32


def test_ridge_is_ols_and_charged_per_row_it_is_not():
    models = reference.table("02_models").set_index("estimator")
    assert np.allclose(models.loc["ridge"], models.loc["ols"], rtol=1e-6)
    charge = reference.table("02_ridge_per_row").set_index("alpha per row")
    assert charge["largest weight"].is_monotonic_decreasing  # "evens out the weights of the neighbours"
    assert charge.loc[1, "sum of own weights, a"] > 1 > charge.loc[100, "sum of own weights, a"]


def test_lasso_keeps_little_more_than_the_four_sides_of_each_channel():
    models = reference.table("02_models").set_index("estimator")
    assert 8 <= models.loc["lasso", "weights kept (of 50)"] <= 12
    assert models.loc["ols", "weights kept (of 50)"] == 50
    path = reference.table("02_lasso_path")
    assert path["mse_a"].is_monotonic_increasing
    assert (path.query("1 < alpha <= 100")["kept"] == 4).all()  # the sides stay when the others have gone
    assert (path.query("alpha > 200")["kept"] == 0).all()  # "until only the mean colour is left"
    grown = path.loc[(path["alpha"] - 1).abs().idxmin(), "mse_a"] / path["mse_a"].iloc[0] - 1
    assert 0.25 < grown < 0.5  # "so that a growth by a third looks small"


def test_with_true_neighbours_every_estimator_is_excellent_and_ols_is_not_behind():
    one_step = reference.table("02_one_step").set_index("estimator")
    assert one_step["share of the mean colour's"].max() < 0.01
    assert one_step["test ab-MSE"]["ols"] == one_step["test ab-MSE"].min()


def test_the_pencils_numbers_are_those_of_the_committed_run():
    variances, factor = said("nb02-27c"), said("nb02-31c")
    assert "is 158 as it is, 12.4 standardized, 0.0024 in units of 255" in variances
    assert "keeps 7, 4 and 0 weights" in variances
    variance, covariance = 163, 158
    spread = variance**0.5
    assert f"{spread:.2f}" == "12.77" and f"{covariance / spread:.2f}" == "12.38"
    weights = covariance / variance, (covariance - 1) / variance, (covariance / spread - 1) / spread
    assert [f"{w:.3f}" for w in weights] == ["0.969", "0.963", "0.891"] and covariance / 255**2 < 1
    assert round(float(re.search(r"a VIF of ([\d.]+),", factor)[1])) == 36
    rows = 2.6 * 36 / (12.8 * 0.01) ** 2
    assert round(rows, -2) == 5700 and round(rows / 36, -1) == 160


def test_other_photos_move_the_weights_far_more_than_other_pixels_of_the_same():
    """As the summary says of the sample's photos."""
    text = said("nb02-34")
    rms = [float(n) for n in re.findall(r"differ by ([\d.]+) ", text)]
    assert text.startswith("**This run, 5 photos.**") and rms[1] > 10 * rms[0]


@pytest.mark.parametrize("name", NEW)
def test_the_tables_that_the_notebook_reads_have_its_columns(name):
    table = reference.table(name)
    if table is None:
        pytest.skip("the committed reference run is older than this table")
    assert NEW[name] <= set(table.columns)
    assert table.select_dtypes("number").gt(-1e-9).all(axis=None) or name == "02_inflation"
    if name == "02_scaling":
        by = table.set_index(["features", "estimator"])
        assert np.allclose(by["mse_a"].xs("OLS", level=1), by["mse_a"].xs("OLS", level=1).iloc[0])
        assert by.loc[("L / 100, a and b / 255", "Lasso"), "weights kept (of 25)"] == 0
    if name == "02_inflation":
        assert (table["vif"] >= 1).all() and np.allclose(table["se"], table["se_uncorrelated"] * table["vif"] ** 0.5)
    if name == "02_splits":
        assert list(table["parts"]) == ["odd and even rows", "bands of rows", "halves of the photos"]
        assert (table["rms expected"] > table["rms uncorrelated"]).all() and (table["cost"] > 0).all()
