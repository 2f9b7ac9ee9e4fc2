"""The search for the printed table's protocol, and the printed numbers."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.colour.metrics import ab_mse
from nbhelpers.evaluation.paper import siggraph17, table_1
from nbhelpers.hints import hide_pixels
from nbhelpers.linear.neighbours import fit, gather_statistics, mean_squared_error, paper_estimators
from nbhelpers.linear.protocol import Protocol, compare_with_printed, distances, fit_minibatch
from nbhelpers.linear.solvers import solve_tiled

SHARES = (0.2, 0.4, 0.6, 0.8, 1.0)


@pytest.fixture(scope="module")
def models(sample):
    stats = gather_statistics(sample.train, jobs=1)
    return {n: fit(stats, e) for n, e in paper_estimators().items() if n in ("ols", "lasso")}


@pytest.fixture(scope="module")
def compared(sample, models):
    protocols = [
        Protocol("unknown", models, tile=48, iterations=20),
        Protocol("all", models, tile=48, iterations=20, over="all"),
        Protocol("whole", models, iterations=20),
        Protocol("two steps", models, iterations=2),
    ]
    return compare_with_printed(protocols, sample.test[:2], seed=3, jobs=1)


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


def test_each_protocol_fills_the_table(compared, models):
    assert set(compared.columns) == {"protocol", "method", "unknown", "ab_mse", "printed"}
    expected = {(p, m, s) for p in ("unknown", "all", "whole", "two steps") for m in models for s in SHARES}
    assert set(compared[["protocol", "method", "unknown"]].itertuples(index=False, name=None)) == expected
    assert len(compared) == len(expected) and np.isfinite(compared["ab_mse"]).all()
    lasso = compared[(compared["method"] == "lasso") & (compared["unknown"] == 0.6)]
    assert set(lasso["printed"]) == {41.52}


def test_a_number_of_the_table_is_the_mean_over_photos(compared, sample, models):
    errors = []
    for i, rgb in enumerate(sample.test[:2]):
        lab = rgb_to_lab(rgb)
        hints = hide_pixels(lab[..., 1:], 0.8, seed=3 + i)
        found = solve_tiled(models["lasso"], lab[..., 0], hints, 48, maxiter=20)
        errors.append(ab_mse(found.ab, lab[..., 1:], ~hints.known))
    row = compared.query("protocol == 'unknown' and method == 'lasso' and unknown == 0.8").squeeze()
    assert row["ab_mse"] == pytest.approx(np.mean(errors), rel=1e-6)


def test_known_pixels_count_as_right_when_all_are_counted(compared):
    tables = {p: t.set_index(["method", "unknown"])["ab_mse"] for p, t in compared.groupby("protocol")}
    shares = tables["unknown"].index.get_level_values("unknown")
    np.testing.assert_allclose(tables["all"], tables["unknown"] * shares, rtol=1e-3)


def test_tiles_and_a_cap_on_the_iterations_cost(compared):
    mean = compared.query("method == 'lasso' and unknown < 0.9").groupby("protocol")["ab_mse"].mean()
    assert mean["unknown"] > 1.05 * mean["whole"]
    assert mean["two steps"] > 1.5 * mean["whole"]


def test_processes_change_nothing(compared, sample, models):
    again = compare_with_printed([Protocol("whole", models, iterations=20)], sample.test[:2], seed=3, jobs=2)
    before = compared[compared["protocol"] == "whole"].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, before)


def comparison(ours, printed, protocol="a"):
    count = len(ours)
    return pd.DataFrame(
        {
            "protocol": protocol,
            "method": [f"m{i}" for i in range(count)],
            "unknown": 0.2,
            "ab_mse": ours,
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
    assert list(found.index) == ["same", "double", "reversed", "mixed"]
    assert found.loc["same"].tolist() == pytest.approx([1, 1, 1])
    assert found.loc["double"].tolist() == pytest.approx([2, 1, 1])
    assert found.loc["reversed", "factor"] == pytest.approx(1) and found.loc["reversed", "order"] == 0
    logs = np.log([2, 0.5, 2])
    assert found.loc["mixed"].tolist() == pytest.approx([np.exp(logs.mean()), np.exp(logs.std()), 1 / 3])


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
