"""The search for the printed table's protocol, and the printed numbers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.colour.metrics import ab_mse
from nbhelpers.evaluation.paper import siggraph17, table_1
from nbhelpers.hints import Hints, hide_pixels
from nbhelpers.linear.neighbours import (
    NeighbourModel,
    features,
    fit,
    gather_statistics,
    mean_squared_error,
    paper_estimators,
    targets,
)
from nbhelpers.linear.protocol import (
    Protocol,
    compare_with_printed,
    distances,
    fit_minibatch,
    fit_scaled,
    hidden_statistics,
    table_of,
)
from nbhelpers.linear.solvers import solve, solve_tiled, solved_tiles
from nbhelpers.linear.systems import neighbour_system

SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)


@pytest.fixture(scope="module")
def models(sample):
    stats = gather_statistics(sample.train, jobs=1)
    return {n: fit(stats, e) for n, e in paper_estimators().items() if n in ("ols", "lasso")}


@pytest.fixture(scope="module")
def compared(sample, models):
    protocols = [
        Protocol("unknown", models, tile=48, steps=20),
        Protocol("all", models, tile=48, steps=20, over="all"),
        Protocol("solved", models, tile=48, steps=20, over="solved"),
        Protocol("whole", models, steps=20),
        Protocol("direct", models),
        Protocol("two steps", models, steps=2),
        Protocol("predicted", models, tile=48, steps=0),
    ]
    return compare_with_printed(protocols, sample.test[:2], seed=3, jobs=1)


@pytest.fixture(scope="module")
def means(compared):
    return table_of(compared)


def test_the_printed_table():
    printed = table_1().pivot_table(index="method", columns="unknown", values="printed")
    assert printed.shape == (4, 5) and tuple(printed.columns) == SHARES
    assert printed.loc["ols"].tolist() == [37.25, 73.89, 125.48, 195.40, 211.10]
    assert printed.loc["elasticnet"].tolist() == [17.00, 23.20, 37.61, 89.73, 101.87]
    assert (printed.diff(axis=1).iloc[:, 1:] > 0).all(axis=None), "more unknown, more error"
    assert set(printed.index) == {"ols", "ridge", "lasso", "elasticnet"}


def test_the_printed_psnr():
    printed = siggraph17().set_index("patches")["psnr"]
    assert printed.index.tolist() == [0, 1, 5, 10, 50, 100, 500]
    assert printed.is_monotonic_increasing and printed[0] == 24.4 and printed[500] == 32.1


def of(table, protocol):
    return table[table["protocol"] == protocol].set_index(["method", "unknown"])


def test_each_protocol_fills_the_table(compared, models):
    columns = ["protocol", "method", "unknown", "photo", "ab_mse", "tiles", "reached", "printed"]
    assert list(compared.columns) == columns
    names = ["unknown", "all", "solved", "whole", "direct", "two steps", "predicted"]
    expected = {(p, m, s, i) for p in names for m in models for s in SHARES for i in range(2)}
    assert set(compared[columns[:4]].itertuples(index=False, name=None)) == expected and len(compared) == len(expected)
    assert list(compared["protocol"].unique()) == names
    assert np.isfinite(compared["ab_mse"][compared["protocol"] != "solved"]).all()
    lasso = compared[(compared["method"] == "lasso") & (compared["unknown"] == 0.6)]
    assert set(lasso["printed"]) == {41.52}


def test_a_number_of_the_table_is_the_mean_over_photos(means, sample, models):
    errors, reached = [], 0
    for i, rgb in enumerate(sample.test[:2]):
        lab = rgb_to_lab(rgb)
        hints = hide_pixels(lab[..., 1:], 0.8, seed=3 + i)
        found = solve_tiled(models["lasso"], lab[..., 0], hints, 48, maxiter=20)
        errors.append(ab_mse(found.ab, lab[..., 1:], ~hints.known))
        tiles = solved_tiles(models["lasso"], lab[..., 0], hints, 48, maxiter=20, start=np.zeros(2))
        reached += sum(part.converged for _, part in tiles)
    row = of(means, "unknown").loc[("lasso", 0.8)]
    assert row["ab_mse"] == pytest.approx(np.mean(errors), rel=1e-6) and row["photos"] == 2
    assert row["reached"] == reached


def test_known_pixels_count_as_right_when_all_are_counted(means):
    shares = of(means, "unknown").index.get_level_values("unknown")
    np.testing.assert_allclose(of(means, "all")["ab_mse"], of(means, "unknown")["ab_mse"] * shares, rtol=1e-3)


def test_tiles_that_gave_up_are_counted_and_may_be_left_out(compared, means):
    some, left = of(means, "unknown"), of(means, "solved")
    assert (some["reached"] == left["reached"]).all() and 0 < some["reached"].sum() < some["tiles"].sum()
    none = left["reached"] == 0
    assert left["ab_mse"].isna()[none].all() and (left["photos"][none] == 0).all() and none.any()
    full = left["reached"] == left["tiles"]
    np.testing.assert_allclose(left["ab_mse"][full], some["ab_mse"][full])


def test_tiles_and_a_cap_on_the_steps_cost(means):
    mean = means.query("method == 'lasso' and unknown < 0.9").groupby("protocol")["ab_mse"].mean()
    assert mean["unknown"] > 1.05 * mean["whole"]
    assert mean["two steps"] > 1.5 * mean["whole"]
    assert mean["predicted"] > mean["two steps"]


def test_direct_is_the_exact_solution_of_the_whole_photo(compared, sample, models):
    lab = rgb_to_lab(sample.test[1])
    hints = hide_pixels(lab[..., 1:], 1.0, seed=4)
    exact = solve(neighbour_system(models["ols"], lab[..., 0], hints), "lu")
    row = compared.query("protocol == 'direct' and method == 'ols' and unknown == 1.0 and photo == 1").squeeze()
    assert row["ab_mse"] == pytest.approx(ab_mse(exact.ab, lab[..., 1:]), rel=1e-4)
    assert (row["tiles"], row["reached"]) == (1, 1)


def test_one_prediction_sees_unknown_neighbours_as_grey(compared, sample, models):
    lab = rgb_to_lab(sample.test[0])
    size = lab.shape[0]
    hints = hide_pixels(lab[..., 1:], 0.4, seed=3)
    grey = np.dstack([lab[..., :1], np.where(hints.known[..., None], lab[..., 1:], 0)])
    inner = ~hints.known[1:-1, 1:-1]
    wrong = np.square(models["ols"].predict(grey) - lab[1:-1, 1:-1, 1:]).mean(axis=2)[inner]
    row = compared.query("protocol == 'predicted' and method == 'ols' and unknown == 0.4 and photo == 0").squeeze()
    assert row["tiles"] == row["reached"] == 0
    assert row["ab_mse"] == pytest.approx(wrong.mean(), rel=2 * 4 / size)  # but for the rim, which is zero-padded


def test_a_zero_may_stand_for_a_colour(sample, models):
    """Beyond the tiles stands a* = b* = -128: as a solution of the photo with those colours around it."""
    found = compare_with_printed(
        [Protocol("a", models, tile=48, zero=-128.0)], _Photos([sample.test[0]]), crop=48, seed=3, jobs=1
    )
    lab = rgb_to_lab(sample.test[0])
    corner = (lab.shape[0] - 48) // 2
    lab = lab[corner : corner + 48, corner : corner + 48]
    around = np.full((50, 50, 3), [0, -128, -128], np.float32)
    around[1:-1, 1:-1] = lab
    known = np.ones((50, 50), bool)
    hints = hide_pixels(lab[..., 1:], 0.6, seed=3)
    known[1:-1, 1:-1] = hints.known
    exact = solve(neighbour_system(models["lasso"], around[..., 0], Hints(around[..., 1:], known)), "lu")
    error = ab_mse(exact.ab[1:-1, 1:-1], lab[..., 1:], ~hints.known)
    row = found.query("method == 'lasso' and unknown == 0.6").squeeze()
    assert row["ab_mse"] == pytest.approx(error, rel=1e-3)


class _Photos(list):
    def read(self):
        return enumerate(self)


def test_a_model_for_each_share(sample, models):
    """The right one is taken: where the weights are all 0, the answer is the intercept."""
    constant = {share: NeighbourModel(np.zeros((2, 25)), np.full(2, 100 * share)) for share in SHARES}
    found = compare_with_printed([Protocol("a", {"ols": constant})], sample.test[:1], jobs=1)
    ab = rgb_to_lab(sample.test[0])[..., 1:]
    for row in found.itertuples():
        hidden = ~hide_pixels(ab, row.unknown, seed=0).known
        assert row.ab_mse == pytest.approx(np.square(ab[hidden] - 100 * row.unknown).mean(), rel=1e-4)


def test_wrong_protocols_and_crops_are_refused(sample, models):
    with pytest.raises(ValueError, match='over is "unknown", "all" or "solved", got \'solv\''):
        Protocol("a", models, over="solv")
    with pytest.raises(ValueError, match="at least 0, got -1"):
        Protocol("a", models, steps=-1)
    with pytest.raises(ValueError, match="a name of its own"):
        compare_with_printed([Protocol("a", models)] * 2, sample.test[:1])
    with pytest.raises(ValueError, match="a crop of 1000 pixels is larger than photo 0"):
        compare_with_printed([Protocol("a", models)], sample.test[:1], crop=1000, jobs=1)
    with pytest.raises(ValueError, match="no photo"):
        hidden_statistics(sample.train[:0], 0.5)


def test_processes_change_nothing(compared, sample, models):
    again = compare_with_printed([Protocol("whole", models, steps=20)], sample.test[:2], seed=3, jobs=2)
    before = compared[compared["protocol"] == "whole"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, before)


def test_least_squares_does_not_mind_units_and_penalties_do(sample, models):
    stats = gather_statistics(sample.train, jobs=1)
    estimators = paper_estimators()
    same = fit_scaled(stats, estimators["ols"], 100, 255)
    np.testing.assert_allclose(same.coefficients, models["ols"].coefficients, atol=1e-8)
    np.testing.assert_allclose(same.intercept, models["ols"].intercept, atol=1e-6)
    np.testing.assert_array_equal(
        fit_scaled(stats, estimators["lasso"], 1, 1).coefficients, models["lasso"].coefficients
    )
    none = fit_scaled(stats, estimators["lasso"], 100, 255)  # all colours lie within a fraction of 1
    assert (none.coefficients == 0).all() and none.intercept == pytest.approx(stats.mean[25:])
    tenfold = fit_scaled(stats, paper_estimators()["lasso"].set_params(alpha=0.01), 0.1, 0.1)  # an L1 penalty of 1
    bytes_ = fit_scaled(stats, paper_estimators()["lasso"].set_params(alpha=1e-4), 1, 1)
    assert abs(tenfold.coefficients - bytes_.coefficients).max() < 1e-3


def test_a_fit_on_hidden_colours_is_that_of_the_greyed_rows(sample):
    share, photos = 0.5, sample.train[:2]
    found = fit(hidden_statistics(photos, share, seed=7), LinearRegression())
    X, y = [], []
    for i, rgb in photos.read():
        lab = rgb_to_lab(rgb)
        known = hide_pixels(lab[..., 1:], share, seed=7 + i).known
        X.append(features(np.dstack([lab[..., 0], lab[..., 1:] * known[..., None]])))
        y.append(targets(lab))
    exact = LinearRegression().fit(np.concatenate(X), np.concatenate(y))
    np.testing.assert_allclose(found.coefficients, exact.coef_, atol=1e-6)
    np.testing.assert_allclose(found.intercept, exact.intercept_, atol=1e-4)
    assert found.coefficients[0, 8:16].sum() > 1  # known neighbours speak for the grey ones beside them


def comparison(ours, printed, protocol="a", photo=0):
    count = len(ours)
    return pd.DataFrame(
        {
            "protocol": protocol,
            "method": [f"m{i}" for i in range(count)],
            "unknown": 0.2,
            "photo": photo,
            "ab_mse": ours,
            "tiles": 4,
            "reached": 3,
            "printed": printed,
        }
    )


def test_the_distance_of_a_table_from_another():
    tables = [
        comparison([10.0, 20, 30], [10, 20, 30], "same"),
        comparison([20.0, 40, 60], [10, 20, 30], "double"),
        comparison([30.0, 20, 10], [10, 20, 30], "reversed"),
        comparison([20.0, 20, 40], [10, 40, 20], "mixed"),  # factors 2, 1/2, 2; of 3 pairs only m0 < m2 agrees
    ]
    found = distances(pd.concat(tables)).set_index("protocol")
    three = found[["factor", "scatter", "order"]]
    assert list(found.index) == ["same", "double", "reversed", "mixed"]
    assert three.loc["same"].tolist() == pytest.approx([1, 1, 1])
    assert three.loc["double"].tolist() == pytest.approx([2, 1, 1])
    assert three.loc["reversed", "factor"] == pytest.approx(1) and three.loc["reversed", "order"] == 0
    logs = np.log([2, 0.5, 2])
    assert three.loc["mixed"].tolist() == pytest.approx([np.exp(logs.mean()), np.exp(logs.std()), 1 / 3])
    assert found["scatter_low"].isna().all() and (found["photos"] == 1).all() and (found["cells"] == 3).all()
    assert found["reached"].tolist() == [0.75] * 4


def test_the_interval_of_a_distance_is_over_photos():
    rng, printed, tables = np.random.default_rng(0), np.array([10.0, 20, 30]), []
    for photo in range(30):
        luck = rng.lognormal(0, 0.5, 3)
        tables.append(comparison(printed * luck, printed, "noisy", photo))
        tables.append(comparison(printed[::-1] * luck, printed, "reversed", photo))
        tables.append(comparison(np.r_[printed[:2], np.nan], printed, "holes", photo))
    found = distances(pd.concat(tables)).set_index("protocol")
    assert (found["scatter_low"] < found["scatter"]).loc[["noisy", "reversed"]].all()
    assert (found["scatter_high"] > found["scatter"]).loc[["noisy", "reversed"]].all()
    assert found.loc["noisy", "scatter_high"] < found.loc["reversed", "scatter_low"]
    assert found["nearest"].tolist() == [1, 0, 0]  # two of three cells are no table
    assert found.loc["holes", ["scatter", "cells"]].tolist() == [1, 2]
    pd.testing.assert_frame_equal(found, distances(pd.concat(tables)).set_index("protocol"))


def test_a_draw_without_a_cell_is_not_nearer_for_it():
    printed, tables = np.array([10.0, 20, 30]), []
    for photo in range(3):
        some = np.r_[printed[:2], 3000.0 if photo == 0 else np.nan]  # the cell that is wrong is there in one photo
        tables += [comparison(some, printed, "wrong", photo), comparison(printed * 2**photo, printed, "right", photo)]
        tables.append(comparison(np.full(3, np.nan), printed, "none", photo))
    found = distances(pd.concat(tables)).set_index("protocol")
    assert found["nearest"].tolist() == [0, 1, 0] and found["cells"].tolist() == [3, 3, 0]
    assert np.isnan(found.loc["none", "scatter"])
    nothing = distances(pd.concat(tables[2::3]))
    assert nothing["nearest"].isna().all()


@pytest.fixture(scope="module")
def small_steps(sample):
    return fit_minibatch(sample.train, steps=3000)


def test_stochastic_gradients_come_near_the_exact_fit(sample, small_steps):
    stats = gather_statistics(sample.train, jobs=1)
    exact = fit(stats, LinearRegression())
    variance = np.diag(stats.moments)[25:] / stats.rows
    error, best = mean_squared_error(stats, small_steps), mean_squared_error(stats, exact)
    assert (best < error).all() and (error < 0.1 * variance).all()


def test_stochastic_gradients_follow_their_seed(sample, small_steps):
    again, other = (fit_minibatch(sample.train, steps=3000, seed=seed) for seed in (0, 1))
    assert (again.coefficients == small_steps.coefficients).all()
    assert (other.coefficients != small_steps.coefficients).any()


def test_penalties_shrink_and_drop_weights(sample, small_steps):
    ridge = fit_minibatch(sample.train, alpha=0.1, steps=3000)
    lasso = fit_minibatch(sample.train, alpha=0.01, l1_ratio=1.0, steps=3000)
    assert np.linalg.norm(ridge.coefficients) < np.linalg.norm(small_steps.coefficients)
    assert (small_steps.coefficients != 0).all() and (ridge.coefficients != 0).all()
    assert (lasso.coefficients == 0).any() and (lasso.coefficients != 0).any()
