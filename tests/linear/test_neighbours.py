"""One-pass statistics against all rows at once, and the fits against scikit-learn and SciPy on those rows."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy.optimize import minimize
from skimage import data
from sklearn.linear_model import (
    ElasticNet,
    HuberRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    Ridge,
    RidgeCV,
    SGDRegressor,
)
from sklearn.svm import LinearSVR

from nbhelpers import paths
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.linear.neighbours import (
    FEATURES,
    NeighbourModel,
    NeighbourStatistics,
    SumToOne,
    features,
    fit,
    gather_statistics,
    mean_squared_error,
    paper_estimators,
    targets,
)
from nbhelpers.photos import open_photos
from nbhelpers.photos.cache import PhotoWarning
from nbhelpers.system import backend

COMPASS = {"N": (-1, 0), "S": (1, 0), "W": (0, -1), "E": (0, 1), "NW": (-1, -1), "NE": (-1, 1), "SW": (1, -1),
           "SE": (1, 1), "centre": (0, 0)}  # fmt: skip


def stacked(photos):
    """All rows of some Lab photos: X (n, 25) and Y (n, 2)."""
    return np.concatenate([features(p) for p in photos]), np.concatenate([targets(p) for p in photos])


def assert_statistics(stats, photos):
    """`stats` is what one pass of plain NumPy over all rows gives."""
    rows = np.hstack(stacked(photos))
    centred = rows - rows.mean(axis=0)
    assert stats.rows == len(rows)
    np.testing.assert_allclose(stats.mean, rows.mean(axis=0), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(stats.moments, centred.T @ centred, rtol=1e-9, atol=1e-7 * len(rows))


@pytest.fixture(scope="module")
def crops(lab_photos):
    """Crops of real photos, of different shapes."""
    one, two, three, four = lab_photos[:4]
    return [one[:40, :40], two[10:27, 20:80], three[:, 30:63], four[50:53, 40:43]]


@pytest.fixture(scope="module")
def rows(crops):
    return stacked(crops)


@pytest.fixture(scope="module")
def stats(crops):
    return sum((NeighbourStatistics.of(c) for c in crops[1:]), NeighbourStatistics.of(crops[0]))


def test_each_feature_is_the_pixel_that_its_name_says(crops):
    lab = crops[1]
    height, width = lab.shape[:2]
    X, Y = features(lab), targets(lab)
    assert X.shape == ((height - 2) * (width - 2), 25) and Y.shape == ((height - 2) * (width - 2), 2)
    assert FEATURES[0] == "L NW" and FEATURES[8] == "a NW" and FEATURES[23] == "b SE" and FEATURES[24] == "L centre"
    for row, (y, x) in enumerate(np.ndindex(height - 2, width - 2)):
        for k, name in enumerate(FEATURES):
            channel, place = name.split()
            dy, dx = COMPASS[place]
            assert X[row, k] == lab[y + 1 + dy, x + 1 + dx, "Lab".index(channel)]
        assert (Y[row] == lab[y + 1, x + 1, 1:]).all()


@pytest.mark.parametrize("shape", [(3, 3), (3, 50), (50, 3), (18, 20), (19, 20), (34, 5), (96, 96)])
def test_statistics_of_one_photo(lab_photos, shape):
    lab = lab_photos[0][: shape[0], : shape[1]]
    assert_statistics(NeighbourStatistics.of(lab), [lab])


@given(st.data())
def test_statistics_merge_in_any_order_to_those_of_one_pass(crops, data):
    parts = [NeighbourStatistics.of(crop) for crop in data.draw(st.permutations(crops))]
    while len(parts) > 1:
        i = data.draw(st.integers(0, len(parts) - 2))
        j = data.draw(st.integers(i + 1, len(parts) - 1))
        second, first = parts.pop(j), parts.pop(i)
        parts.append(first + second if data.draw(st.booleans()) else second + first)
    assert_statistics(parts[0], crops)


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(3, 7), st.integers(3, 7), st.just(3)),
        elements=st.floats(-128, 128, width=32),
    ),
    st.integers(0, 3),
)
def test_statistics_of_any_numbers(lab, extra):
    photos = [lab] + [lab + np.float32(i + 1) for i in range(extra)]
    assert_statistics(sum(map(NeighbourStatistics.of, photos[1:]), NeighbourStatistics.of(lab)), photos)


@given(cut=st.integers(3, 37))
def test_two_overlapping_strips_hold_the_rows_of_the_photo(crops, cut):
    both = NeighbourStatistics.of(crops[0][:cut]) + NeighbourStatistics.of(crops[0][cut - 2 :])
    assert_statistics(both, crops[:1])


def test_small_differences_on_a_large_mean_are_kept():
    lab = np.full((40, 40, 3), 100.0)
    assert abs(NeighbourStatistics.of(lab).moments).max() < 1e-12
    lab[..., 1] += 1e-6 * np.random.default_rng(0).standard_normal((40, 40))
    variance = NeighbourStatistics.of(lab).moments[25, 25] / 38**2
    assert variance == pytest.approx(lab[1:-1, 1:-1, 1].var(), rel=1e-6)


def test_what_is_no_photo_is_refused(crops):
    for bad in (crops[0][..., :2], crops[0][..., 0], crops[0][:2], crops[0][:, :2], np.zeros((4, 4, 4))):
        with pytest.raises(ValueError, match=r"expected a Lab photo \(H, W, 3\) of at least 3 x 3 pixels"):
            NeighbourStatistics.of(bad)
    for bad in (np.nan, np.inf):
        lab = crops[0].copy()
        lab[5, 5, 1] = bad
        for function in (NeighbourStatistics.of, features, targets):
            with pytest.raises(ValueError, match="NaN or infinity"):
                function(lab)
    with pytest.raises(TypeError):
        NeighbourStatistics.of(crops[0]) + 1


def test_gathering_is_merging_and_does_not_depend_on_the_jobs(sample, lab_photos):
    one = gather_statistics(sample.train, jobs=1)
    assert_statistics(one, lab_photos)
    photos = sample.train
    thrice = dataclasses.replace(photos, names=photos.names * 3, items=photos.items * 3, slots=photos.slots * 3)
    alone, shared = gather_statistics(thrice, jobs=1), gather_statistics(thrice, jobs=2)
    assert alone.rows == 3 * one.rows
    assert (alone.mean == shared.mean).all() and (alone.moments == shared.moments).all()
    assert_statistics(gather_statistics(sample.train, n=2), lab_photos[:2])
    assert gather_statistics(sample.train, n=1000).rows == one.rows


def test_a_cluster_gathers_the_same_moments(cluster, sample):
    here = gather_statistics(sample.train, jobs=1)
    before = executed(cluster)
    with backend(cluster.scheduler_address):
        there = gather_statistics(sample.train)
    assert executed(cluster) > before, "the work stayed in this process"
    assert there.rows == here.rows
    np.testing.assert_allclose(there.mean, here.mean, rtol=1e-12)
    np.testing.assert_allclose(there.moments, here.moments, rtol=1e-9, atol=1e-6)


def executed(cluster) -> int:
    """How many tasks the cluster's workers have done."""
    with cluster.get_client() as client:
        return sum(client.run(lambda dask_worker: dask_worker.state.executed_count).values())


def test_unreadable_photos_are_named_and_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    for part, photo in (("train", data.chelsea()), ("train", data.coffee()), ("test", data.rocket())):
        (tmp_path / "set" / part).mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(tmp_path / "set" / part / f"{photo.shape[0]}.png")
    opened = open_photos(tmp_path / "set", size=32).train
    broken, whole = opened.items
    broken.write_bytes(b"no photo any more")
    with pytest.warns(PhotoWarning, match=broken.name):
        stats = gather_statistics(opened, jobs=1)
    assert_statistics(stats, [rgb_to_lab(opened[1])])
    whole.write_bytes(b"")
    opened = dataclasses.replace(opened, cache=dataclasses.replace(opened.cache, folder=tmp_path / "new"))
    with pytest.warns(PhotoWarning), pytest.raises(ValueError, match="no photo to learn from"):
        gather_statistics(opened, jobs=1)
    with pytest.raises(ValueError, match="no photo to learn from"):
        gather_statistics(opened[:0])


@pytest.mark.parametrize("with_intercept", [True, False])
@pytest.mark.parametrize(
    ("estimator", "relative", "absolute"),
    [
        (LinearRegression(), 1e-6, 0),
        (Ridge(alpha=1.0), 1e-6, 0),
        (Ridge(alpha=1e5), 1e-6, 0),
        (Lasso(alpha=1.0, tol=1e-10, max_iter=100_000), 0, 1e-4),
        (Lasso(alpha=0.1, tol=1e-10, max_iter=100_000, positive=True), 0, 1e-4),
        (ElasticNet(alpha=1.0, l1_ratio=0.5, tol=1e-10, max_iter=100_000), 0, 1e-4),
    ],
    ids=str,
)
def test_a_fit_equals_scikit_learn_on_all_rows(stats, rows, estimator, relative, absolute, with_intercept):
    estimator = estimator.set_params(fit_intercept=with_intercept)
    X, Y = rows
    ours = fit(stats, estimator)
    for k in range(2):
        theirs = estimator.fit(X, Y[:, k])
        np.testing.assert_allclose(ours.coefficients[k], theirs.coef_, rtol=relative, atol=absolute)
        assert ours.intercept[k] == pytest.approx(theirs.intercept_, rel=1e-5, abs=1e-4)


def test_the_l1_penalty_drops_features(stats):
    kept = {name: (fit(stats, e).coefficients != 0).sum() for name, e in paper_estimators().items()}
    assert kept["ols"] == kept["ridge"] == 50 and 0 < kept["lasso"] < 25


def test_the_settings_are_the_papers():
    found = paper_estimators()
    assert tuple(found) == ("ols", "ridge", "lasso", "elasticnet", "sum-to-one")
    assert found["ridge"].alpha == found["lasso"].alpha == found["elasticnet"].alpha == 1.0
    assert found["elasticnet"].l1_ratio == 0.5


@pytest.mark.parametrize("name", list(paper_estimators()))
def test_errors_from_moments_equal_errors_of_predictions(stats, rows, crops, name):
    model = fit(stats, paper_estimators()[name])
    X, Y = rows
    errors = np.square(X @ model.coefficients.T + model.intercept - Y).mean(axis=0)
    np.testing.assert_allclose(mean_squared_error(stats, model), errors, rtol=1e-6)
    predicted = np.concatenate([model.predict(c).reshape(-1, 2) for c in crops])
    np.testing.assert_allclose(np.square(predicted - Y).mean(axis=0), errors, rtol=1e-9)


def test_a_prediction_keeps_the_photos_shape():
    lab = np.arange(4 * 6 * 3, dtype=float).reshape(4, 6, 3)
    coefficients = np.zeros((2, 25))
    coefficients[0, FEATURES.index("a E")] = coefficients[1, FEATURES.index("b N")] = 1
    predicted = NeighbourModel(coefficients, np.array([0.0, 10])).predict(lab)
    assert (predicted[..., 0] == lab[1:-1, 2:, 1]).all()
    assert (predicted[..., 1] == lab[:-2, 1:-1, 2] + 10).all()


@pytest.mark.parametrize("channel", [0, 1])
def test_sum_to_one_is_the_constrained_optimum(stats, rows, channel):
    X, Y = rows
    own, y = X[:, 8 + 8 * channel : 16 + 8 * channel], Y[:, channel]
    gap = own - y[:, None]
    gram = gap.T @ gap / len(y)
    best = minimize(
        lambda w: w @ gram @ w,
        np.full(8, 1 / 8),
        jac=lambda w: 2 * gram @ w,
        method="SLSQP",
        bounds=[(0, 1)] * 8,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1, "jac": np.ones_like},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert best.success
    for weights in (fit(stats, SumToOne()).coefficients[channel], SumToOne().fit(X, y).coef_):
        ours = weights[8 + 8 * channel : 16 + 8 * channel]
        assert (weights >= 0).all() and weights.sum() == pytest.approx(1, abs=1e-12)
        assert np.count_nonzero(weights) == np.count_nonzero(ours), "only the target's own channel"
        assert ours @ gram @ ours <= best.fun * (1 + 1e-6)
        np.testing.assert_allclose(ours, best.x, atol=1e-4)
    assert (fit(stats, SumToOne()).intercept == 0).all()


def test_sum_to_one_predicts_the_average_that_it_fitted(rows):
    X, Y = rows
    model = SumToOne().fit(X, Y[:, 1])
    np.testing.assert_allclose(model.predict(X), X[:, 16:24] @ model.coef_[16:24])
    flat = SumToOne().fit(np.full((9, 25), 7.0), np.full(9, 7.0))
    assert flat.coef_.sum() == pytest.approx(1) and (flat.coef_ >= 0).all()


@pytest.mark.parametrize(
    "estimator", [LassoCV(), RidgeCV(), SGDRegressor(), HuberRegressor(), LinearSVR()], ids=lambda e: type(e).__name__
)
def test_estimators_that_need_single_rows_are_refused(stats, estimator):
    with pytest.raises(ValueError, match=f"{type(estimator).__name__} .*single rows"):
        fit(stats, estimator)


def test_fitting_leaves_the_given_estimator_alone(stats):
    estimator = Ridge(alpha=3.0)
    fit(stats, estimator)
    assert estimator.get_params() == Ridge(alpha=3.0).get_params() and not hasattr(estimator, "coef_")
