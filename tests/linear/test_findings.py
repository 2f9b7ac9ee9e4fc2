"""What notebook 03 says follows from its tables, also where they say the opposite."""

import io

import numpy as np
import pandas as pd
import pytest

from nbhelpers.linear import findings


def rows(columns, *lines):
    return pd.DataFrame(lines, columns=columns)


def test_tiles():
    columns = ["photo", "photo_size", "times worse"]
    two = rows(columns, (0, 400, 2.0), (0, 400, 4.0), (1, 400, 9.0))
    assert "is 2.0 to 9.0 times" in findings.tiles(two) and "(median 4.0; 2 photos of 400 x" in findings.tiles(two)
    assert "; 1 photo of 300 x 300" in findings.tiles(rows(columns, (0, 300, 2.0)))


SUMS = ["method", "channel", "sum of own weights", "c", "crossing, side in pixels"]


def test_the_sum_alone_does_not_decide():
    table = rows(
        SUMS,
        ("ols", "a", 1.0026, 0.08, 23.5),
        ("ols", "b", 0.9, 0.08, np.inf),
        ("lasso", "a", 1.005, 0.25, 31.0),
        ("sum-to-one", "a", 1.0, 0.25, np.inf),
    )
    text = findings.sums(table)
    assert "weights of ols and lasso sum to more than 1" in text and "expected for ols (a\\*), at 24 pixels" in text
    assert "lasso's, 1.0050 against 1.0026" in text and "0.080 against 0.250" in text
    only = findings.sums(table[table["method"] != "lasso"])
    assert "does not decide" not in only and "weights of ols sum to" in only
    assert findings.sums(table.iloc[[1, 3]]).startswith("No weights sum to more than 1 here")


def test_beyond_the_first_crossing():
    errors = pd.DataFrame({"ols": [1.0, 9e6, 2000, 3000], "sum-to-one": [1.0, 2, 3, 4]}, index=[10, 20, 30, 40])
    text = findings.beyond(errors, {"ols": [35.0, 19.0], "sum-to-one": [np.inf]})
    assert text.endswith("it is never below ols 2,000. The largest without a crossing: sum-to-one 4.")
    assert findings.beyond(errors, {"ols": [99.0], "sum-to-one": [np.inf]}).startswith(
        "No crossing is expected in holes"
    )


EIGEN = ["unknown, %", "method", "smallest eigenvalue", "largest 1/|eigenvalue|", "one-step MSE", "exact ab-MSE",
         "of one pattern", "LU's residual", "BiCGSTAB's steps", "BiCGSTAB's residual", "reached", "BiCGSTAB's ab-MSE",
         "photo_size"]  # fmt: skip


@pytest.fixture
def eigen():
    return rows(
        EIGEN,
        (95, "ols", 0.001, 1000, 0.2, 30.0, 20.0, 1e-15, 90, 1e-7, True, 30.0, 100),
        (95, "lasso", 0.004, 250, 0.3, 40.0, 10.0, 1e-15, 60, 1e-7, True, 40.0, 100),
        (95, "sum-to-one", 0.01, 100, 0.3, 2.0, 0.1, 1e-15, 40, 1e-7, True, 2.0, 100),
        (99, "ols", -0.002, 9e6, 0.2, 5e6, 4.9e6, 1e-13, 250, 0.2, False, 4000.0, 100),
        (99, "lasso", -0.004, 9e7, 0.3, 300.0, 0.01, 1e-13, 250, 0.1, False, 290.0, 100),
        (99, "sum-to-one", 0.002, 500, 0.3, 3.0, 0.1, 1e-15, 80, 1e-7, True, 3.0, 100),
    )


def test_explosions_have_an_eigenvalue_near_zero(eigen):
    text = findings.explosions(eigen)
    assert "ols has the smallest one-step error (0.20), and its exact solution an error of 30.0; sum-to-one" in text
    assert "is below 1,000, the largest amplification is 1,000. Errors above that: ols at 99 %. In each" in text
    assert "some pattern is amplified 9.0e+06 times or more; of the largest error, 5.0e+06, the one pattern" in text
    assert "makes 4.9e+06." in text and "smaller error: lasso at 99 % (of 300 that pattern makes 0.01)." in text
    calm = findings.explosions(eigen[eigen["exact ab-MSE"] < 100])
    assert "Errors above" not in calm and "As large an amplification" not in calm


def test_what_was_given_up(eigen):
    text = findings.given_up(eigen)
    assert text.startswith(
        "Of 6 systems BiCGSTAB gave up 2, LU none. What it left has a smaller error than the solution in 1"
    )
    assert "a larger one in 0 and about the same in 1" in text and text.endswith(
        "an estimate of its relative error, is 9e-06 at most."
    )
    assert "What it left" not in findings.given_up(eigen[eigen["reached"]])
    lost = eigen.assign(**{"LU's residual": [1e-15, 1e-3, 1e-15, 1e-15, 1e-15, 1e-15]})
    assert findings.given_up(lost).startswith("Of 6 systems BiCGSTAB gave up 2, LU 1.")


def test_an_anchor_may_move_an_eigenvalue_onto_zero():
    columns = ["unknown, %", "anchor", "nearest |eigenvalue|", "ab-MSE"]
    table = rows(
        columns, (99, 0, 1e-4, 100.0), (99, 1e-3, 1e-6, 9000.0), (99, 1e-2, 8e-3, 50.0), (99, 1e-1, 0.09, 180.0)
    )
    worse, better, strongest = findings.anchors(table).split("\n")
    assert "the anchor 0.001 turns an error of 100 into 9,000" in worse
    assert "is 1.0e-06 away then, 1.0e-04 without" in worse
    assert better == "- At 99 % unknown the anchor 0.01 brings 100 down to 50."
    assert "the strongest, 0.1, has 180" in strongest
    assert findings.anchors(table.iloc[[0, 3]].assign(**{"ab-MSE": 7.0})) == "No anchor changed the error by much here."
    too_strong = findings.anchors(rows(columns, (95, 0, 1e-3, 10.0), (95, 0.1, 0.1, 200.0)))
    assert too_strong == "- At 95 % unknown the strongest, 0.1, has 200: it pulls to the prior where hints are near."
    nothing = findings.anchors(rows(columns, (100, 0, 1e-3, 10.0), (100, 0.1, 0.1, 200.0)))
    assert "hints" not in nothing


TABLE = ["method", "unknown", "mean", "median", "photos", "bicgstab_reached", "printed", "photo_size"]


@pytest.fixture
def table():
    lines = [("mean", 0.2, 250.0, 200.0, 30, None, None, 144), ("mean", 1.0, 250.0, 200.0, 30, None, None, 144)]
    for method, few, none in (("ols", 2.0, 3e7), ("lasso", 4.0, 300.0)):
        lines += [(method, 0.2, few, few, 30, None, 40.0, 144), (method, 1.0, none, none / 10, 30, 7, 100.0, 144)]
    file = io.StringIO(rows(TABLE, *lines).to_csv(index=False))  # as a table of a run is read
    return pd.read_csv(file)


def test_with_nothing_known(table):
    first, second = findings.nothing_known(table).split("\n")
    assert first.startswith("- ols: mean error 3.0e+07, median 3.0e+06 (the mean colour's mean: 250)")
    assert (
        second.endswith("BiCGSTAB reaches it for 7 of 30 photos in 250 steps") and "mean error 300, median 30" in second
    )


def test_table_1(table):
    text = findings.table_1(table)
    assert "OLS has a smaller error than Lasso at 20 %." in text and "are 10 to 20 times ours" in text
    assert text.endswith("The smallest error at each percentage: 20 % ols (2.0). (30 photos of 144 x 144 pixels.)")
    reversed_ = table.assign(mean=table["mean"].replace({2.0: 4.0, 4.0: 2.0}))
    assert "than Lasso nowhere." in findings.table_1(reversed_)
    assert "too few to trust" in findings.table_1(table.assign(photos=4))


def test_the_ablation_of_edges():
    errors = {"sum-to-one": (1.0, 9), "beta 0": (1.5, 10), "beta 25": (1.2, 5)}
    lines = [(m, u, e, 20, 400) for m, both in errors.items() for u, e in zip((0.2, 0.95), both)]
    text = findings.ablation(rows(["method", "unknown", "mean", "photos", "photo_size"], *lines))
    assert (
        "than beta 0 at 20 and 95 %, a larger one nowhere; than sum-to-one a smaller one at 95 %, a larger one at 20 %"
        in text
    )
    assert (
        "multiply the error by 0.80 (beta 25 over beta 0), equal weights for sides and corners by 1.50 (beta 0 over"
        in text
    )


def search(nearest, photos=40, factor=5.0):
    names = ["one step", "predicted", "solved", "holes"]
    ranking = pd.DataFrame({"protocol": names, "factor": [factor, 6, 0.1, 1], "scatter": [1.3, 1.4, 9, 1.1]})
    ranking = ranking.assign(scatter_low=1.2, scatter_high=1.5, nearest=nearest, photos=photos, cells=[20, 20, 20, 16])
    cells = [(n, m, u, 5 * p * (1.05 if m == "ridge" else 2), p) for n in names
             for u, p in ((0.2, 10.0), (0.4, 20.0)) for m, p in (("ols", p), ("ridge", 2 * p))]  # fmt: skip
    return findings.search(ranking, rows(["protocol", "method", "unknown", "ab_mse", "printed"], *cells))


def test_the_search_says_what_its_intervals_allow():
    alone, tied = search([0.99, 0.01, 0, 0]), search([0.6, 0.4, 0, 0])
    assert (
        "Of 4 protocols on 40 photos *one step* has the smallest scatter, 1.30 (1.20 to 1.50) at a factor of 5.0"
        in alone
    )
    assert "It is the nearest in 99% of the draws of the photos. " in alone
    assert "It is the nearest in 60% of the draws of the photos; they do not tell it apart from *predicted*." in tied
    assert "Of its 4 numbers 2 lie within 10 %" in alone and "the printed ones by up to 100%" in alone
    many = search([0.52, *[0.024] * 3])
    assert "nearest in 52% of the draws of the photos. " in many
    assert search([1.0, 0, 0, 0], photos=3).endswith("at a factor of 5.0; 3 photos are too few for a verdict.")
    assert "within 10 %" not in search([1.0, 0, 0, 0], photos=3)
    far = search([0.9, 0.1, 0, 0], factor=100.0)
    assert "1.30 (1.20 to 1.50) at a factor of 100.0. It is the nearest in 90%" in far
    assert "of at most 10 *predicted* has the smallest scatter, 1.40 (1.20 to 1.50) at a factor of 6.0. Of its 4" in far
