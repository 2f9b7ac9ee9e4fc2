"""Row models against scikit-learn's own trees, and a photo's rows against the models that they belong to."""

import pickle

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils.estimator_checks import parametrize_with_checks

from nbhelpers.hints import Hints, hide_pixels
from nbhelpers.rows.colorizers import RowColorizer
from nbhelpers.rows.regressor import KINDS, RowRegressor, Trees, _complete, paper_models

QUICK = {"n_estimators": 8, "learning_rate": 0.5, "random_state": 0}


def whole_numbers(seed=0, samples=300):
    """X (samples, 6) and y (samples, 3) of whole numbers with whole means: every sum of y is exact.

    Two splits that part the samples alike then score exactly alike, and the first found wins, here and there.
    """
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(samples, 6))
    y = np.column_stack([20 * np.sin(X[:, 0]) + 9 * X[:, 1] * X[:, 2], 8 * X[:, 3], 5 * rng.normal(size=samples)])
    y = np.round(y)
    y[-1] -= y.sum(axis=0) % samples
    return X, y


def crops(lab_photos, seed, count=800, width=48):
    """Pieces of rows of real photos: lightness and b*, (count, width) float32 each."""
    rng = np.random.default_rng(seed)
    places = zip(*(rng.integers(n, size=count) for n in (len(lab_photos), 96, 97 - width)))
    found = np.stack([lab_photos[i][y, x : x + width] for i, y, x in places])
    return found[..., 0], found[..., 2]


def stump(value, width, depth=1, components=1):
    """A tree whose every leaf is zero: it predicts rows of `value`."""
    nodes = 2**depth - 1
    leaf, mean = np.zeros((1, nodes + 1, components)), np.full(width, float(value))
    return Trees(np.zeros((1, nodes), np.int16), np.full((1, nodes), np.inf), leaf, mean, np.ones((components, width)))


def planted(models, width):
    """A colorizer whose model i says i for a* and 100 + i for b*."""
    return RowColorizer.of("tree", [[stump(100 * channel + i, width) for i in range(models)] for channel in (0, 1)])


# ---- one row model


@parametrize_with_checks([RowRegressor(kind, **QUICK) for kind in KINDS])
def test_scikit_learn_accepts_it_as_an_estimator(estimator, check):
    check(estimator)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("outputs", ["all", "column", "flat"])
@pytest.mark.parametrize("max_features", [None, "sqrt", 2])
def test_a_forest_is_scikit_learns(seed, outputs, max_features):
    X, y = whole_numbers(seed)
    y = {"all": y, "column": y[:, :1], "flat": y[:, 0]}[outputs]
    ours = RowRegressor("forest", n_estimators=12, max_features=max_features, variance=None, random_state=seed)
    theirs = RandomForestRegressor(12, max_depth=3, max_features=max_features or 1.0, random_state=seed)
    found = ours.fit(X, y).predict(X)
    assert found.shape == y.shape
    np.testing.assert_allclose(found.ravel(), theirs.fit(X, y.squeeze()).predict(X).ravel(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_a_tree_is_scikit_learns(depth):
    X, y = whole_numbers()
    ours = RowRegressor("tree", max_depth=depth, variance=None).fit(X, y)
    theirs = DecisionTreeRegressor(max_depth=depth).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("rate", [0.1, 0.6])
def test_boosting_is_scikit_learns_on_one_output(rate):
    X, y = whole_numbers()
    ours = RowRegressor("boosting", n_estimators=50, learning_rate=rate).fit(X, y[:, 0])
    theirs = GradientBoostingRegressor(n_estimators=50, learning_rate=rate, max_depth=3).fit(X, y[:, 0])
    assert np.ptp(theirs.predict(X)) > 20
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=0, atol=1e-9)


@pytest.mark.parametrize("depth", [2, 5, 8])
def test_samples_reach_the_leaves_of_scikit_learns_tree(depth):
    """On whole and half numbers, so that some samples lie exactly on a threshold."""
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 6, (80, 4)).astype(np.float32), rng.normal(size=(80, 2))
    new = np.concatenate([X, rng.integers(0, 12, (300, 4)).astype(np.float32) / 2])
    tree = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(X, y)
    feature, threshold, leaf = _complete(tree.tree_, depth)
    trees = Trees(feature[None], threshold[None], leaf[None], np.zeros(2), np.eye(2))
    ours, theirs = trees.apply(new)[:, 0], tree.apply(new)
    assert trees.depth == depth and 0 <= ours.min() and ours.max() < 2**depth
    assert len(set(ours)) == len(set(theirs)) == len(set(zip(ours, theirs))) > depth
    np.testing.assert_array_equal(trees.predict(new), tree.predict(new))


def test_early_leaves_are_repeated_down_to_the_full_depth():
    X, y = whole_numbers(samples=5)
    ours = RowRegressor("tree", max_depth=6, variance=None).fit(X, y)
    assert ours.trees_.leaf.shape == (1, 64, 3) and ours.trees_.threshold.shape == (1, 63)
    np.testing.assert_allclose(ours.predict(X), y, atol=1e-9)  # five samples, five leaves


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_a_tree_of_depth_d_gives_at_most_2_to_the_d_rows(lab_photos, depth):
    X, Y = crops(lab_photos, 0)
    found = RowRegressor("tree", max_depth=depth).fit(X, Y).predict(crops(lab_photos, 1)[0])
    assert depth < len(np.unique(found, axis=0)) <= 2**depth


def test_sums_over_many_trees_are_the_same_in_parts():
    rng = np.random.default_rng(0)
    leaf = rng.normal(size=(100, 2, 400))  # 40,000 numbers for each sample: 100 samples at once
    trees = Trees(rng.integers(0, 5, (100, 1)), rng.normal(size=(100, 1)), leaf, np.zeros(400), np.eye(400))
    X = rng.normal(size=(230, 5)).astype(np.float32)
    right = X[:, trees.feature[:, 0]] > trees.threshold[:, 0]
    for i in (0, 99, 100, 199, 229):
        expected = leaf[np.arange(100), right[i].astype(int)].sum(axis=0)
        np.testing.assert_allclose(trees.scores(X)[i], expected, atol=1e-9)


# ---- components


@pytest.mark.parametrize("kind", KINDS)
def test_all_components_give_the_splits_of_the_targets_themselves(lab_photos, kind):
    """But for a tie: neighbouring pixels may part a tree's samples alike, and then rounding chooses the pixel."""
    X, Y = (part.astype(np.float64) for part in crops(lab_photos, 0))
    rotated, plain = (RowRegressor(kind, variance=share, **QUICK).fit(X, Y) for share in (1.0, None))
    assert len(rotated.trees_.components) == Y.shape[1]
    same = (rotated.trees_.feature == plain.trees_.feature) & (rotated.trees_.threshold == plain.trees_.threshold)
    assert same.mean() > 0.9 and (same.all() or kind != "tree")
    assert np.mean(abs(rotated.predict(X) - plain.predict(X)).max(axis=1) < 1e-8) > 0.95


@pytest.mark.parametrize("kind", KINDS)
def test_few_components_predict_rows_of_photos_as_well(lab_photos, kind):
    """The error on other pieces of rows is at most 2 % above that of full targets, with a third of their numbers."""
    (X, Y), (new, true) = crops(lab_photos, 0), crops(lab_photos, 1)
    few, full = (RowRegressor(kind, variance=share, **QUICK).fit(X, Y) for share in (0.95, None))
    assert 3 * len(few.trees_.components) <= Y.shape[1]
    errors = [np.mean((model.predict(new) - true) ** 2) for model in (few, full)]
    assert errors[1] < 0.9 * np.mean((true - Y.mean(axis=0)) ** 2)
    assert errors[0] < 1.02 * errors[1]
    if kind == "tree":
        same = few.trees_.apply(new) == full.trees_.apply(new)
        assert same.mean() > 0.9
        assert few.trees_.feature[0, 0] == full.trees_.feature[0, 0]


def test_components_are_as_few_as_hold_the_variance(lab_photos):
    X, Y = crops(lab_photos, 0)
    spread = np.linalg.svd(Y.astype(np.float64) - Y.mean(axis=0), compute_uv=False) ** 2
    counts = []
    for share in (0.3, 0.8, 0.95, 0.999):
        components = RowRegressor(variance=share).fit(X, Y).trees_.components
        counts.append(len(components))
        assert spread[: counts[-1]].sum() >= share * spread.sum() > spread[: counts[-1] - 1].sum()
        np.testing.assert_allclose(components @ components.T, np.eye(counts[-1]), atol=1e-9)
    assert counts == sorted(set(counts))


# ---- what cannot be learned, and what can


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.95, None])
def test_a_constant_target_is_predicted(kind, share):
    X = whole_numbers()[0]
    found = RowRegressor(kind, variance=share, **QUICK).fit(X, np.tile([3.0, -7.0], (len(X), 1))).predict(X)
    np.testing.assert_allclose(found, np.tile([3.0, -7.0], (len(X), 1)), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_features_without_any_difference_are_refused(kind):
    with pytest.raises(ValueError, match="every sample has the same features: there is nothing to split on"):
        RowRegressor(kind).fit(np.tile([1.0, 2.0, 3.0], (9, 1)), np.eye(9))


@pytest.mark.parametrize("kind", KINDS)
def test_nan_and_too_few_samples_are_refused(kind):
    X, y = whole_numbers(samples=20)
    wrong = X.copy()
    wrong[3, 2] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        RowRegressor(kind).fit(wrong, y)
    with pytest.raises(ValueError, match="NaN"):
        RowRegressor(kind).fit(X, wrong)
    with pytest.raises(ValueError, match="minimum of 2"):
        RowRegressor(kind).fit(X[:1], y[:1])
    with pytest.raises(ValueError, match="Input X contains NaN"):
        RowRegressor(kind, **QUICK).fit(X, y).predict(wrong)
    with pytest.raises(NotFittedError):
        RowRegressor(kind).predict(X)


@pytest.mark.parametrize(
    ("parameter", "values"),
    {
        "kind": ("trees", None, ""),
        "max_depth": (0, 11, -1, 2.5, None, "3"),
        "n_estimators": (0, -5, 2.5, None),
        "learning_rate": (0, -0.1, np.nan, np.inf),
        "variance": (0, -0.5, 1.01, np.nan),
    }.items(),
)
def test_parameters_out_of_range_are_named(parameter, values):
    X, y = whole_numbers(samples=20)
    for value in values:
        with pytest.raises(ValueError, match=f"^{parameter} must be"):
            RowRegressor("boosting").set_params(**{parameter: value}).fit(X, y)


@pytest.mark.parametrize("kind", ["forest", "boosting"])
def test_the_random_state_decides_everything(kind):
    X, y = whole_numbers()
    fits = []
    for seed, elsewhere in ((0, 1), (0, 2), (1, 1)):
        np.random.seed(elsewhere)
        fits.append(RowRegressor(kind, n_estimators=5, max_features=2, random_state=seed).fit(X, y).predict(X))
    assert (fits[0] == fits[1]).all() and not np.allclose(fits[0], fits[2])


def test_the_papers_models_have_the_papers_settings():
    models = paper_models()
    assert tuple(models) == KINDS and [model.kind for model in models.values()] == list(KINDS)
    for model in models.values():
        assert (model.max_depth, model.n_estimators, model.learning_rate) == (3, 100, 0.1)


# ---- the models of a whole photo


@pytest.fixture(scope="module")
def grown():
    """Trees of 2 x 3 models that differ in their numbers of components, and what they were fitted on."""
    rng = np.random.default_rng(0)
    X, bend = rng.normal(size=(60, 7)).astype(np.float32), rng.normal(size=(7, 7))
    fit = RowRegressor("forest", n_estimators=4, max_depth=2, random_state=0).fit
    targets = [np.tanh(X @ bend) ** power * [scale, 1, 1, 1, 1, 1, 1] for power in (1, 2) for scale in (50, 5, 1)]
    trees = [fit(X, y).trees_ for y in targets]
    assert len({len(each.components) for each in trees}) >= 3
    return [trees[:3], trees[3:]], X


def test_packed_trees_come_out_as_they_went_in(grown):
    channels, X = grown
    colorizer = RowColorizer.of("forest", channels)
    assert (colorizer.name, colorizer.width, colorizer.sizes.shape) == ("forest", 7, (2, 3))
    for channel in range(2):
        for index in range(3):
            back, was = colorizer.trees(channel, index), channels[channel][index]
            for name in Trees.__dataclass_fields__:
                kept = getattr(was, name)
                kept = kept if name in ("feature", "threshold") else kept.astype(np.float32)
                np.testing.assert_array_equal(getattr(back, name), kept, strict=True)
            np.testing.assert_allclose(back.predict(X), was.predict(X), atol=1e-4)
            assert np.shares_memory(back.leaf, colorizer.leaf)


def test_numbers_are_kept_as_float32_and_thresholds_exactly(grown):
    colorizer = RowColorizer.of("forest", grown[0])
    kinds = {name: str(array.dtype) for name, array in vars(colorizer).items() if name not in ("kind", "origin")}
    assert kinds == {"feature": "int16", "threshold": "float64", "leaf": "float32", "mean": "float32",
                     "components": "float32", "sizes": "int32"}  # fmt: skip


@pytest.mark.parametrize("shape", [(5, 8), (1, 8), (12, 8), (3, 8), (100, 3), (7, 90), (1, 1), (2, 9), (33, 31)])
def test_every_row_goes_to_the_model_of_its_height(shape):
    lightness = np.random.default_rng(0).uniform(0, 100, shape).astype(np.float32)
    found = planted(5, 8).colorize(lightness, Hints.none(shape)).ab
    assert found.shape == (*shape, 2) and found.dtype == np.float32
    for y, row in enumerate(found):
        middle = 5 * (2 * y + 1) / (2 * shape[0])  # of the row, in models from the top
        (index,) = (i for i in range(5) if i <= middle < i + 1)
        np.testing.assert_allclose(row, np.tile([index, 100 + index], (shape[1], 1)), rtol=1e-6)


@pytest.mark.parametrize("width", [8, 5, 20, 64])
def test_rows_are_resampled_to_the_models_and_back(width):
    """The model looks at the last pixel and answers with a ramp, up when it is light and down when it is dark."""
    ramp, leaf = np.arange(8.0)[None], np.array([[[-1.0], [1.0]]])
    trees = Trees(np.full((1, 1), 7), np.full((1, 1), 50.0), leaf, np.zeros(8), ramp)
    lightness = np.full((6, width), 50, np.float32)
    lightness[:, -width // 3 :] = np.array([10, 90, 90, 10, 90, 10], np.float32)[:, None]
    found = RowColorizer.of("tree", [[trees], [trees]]).colorize(lightness, Hints.none(lightness.shape)).ab
    place = (np.arange(width) + 0.5) * 8 / width - 0.5  # of each pixel in the model's row, and its value on the ramp
    inside = (0 <= place) & (place <= 7)
    signs = np.array([-1, 1, 1, -1, 1, -1])[:, None]
    smoothed = 0 if width >= 8 else 0.25  # at both ends, where a smaller width is smoothed
    np.testing.assert_allclose(found[..., 0][:, inside], (signs * place)[:, inside], atol=1e-4 + smoothed)
    np.testing.assert_array_equal(found[..., 0], found[..., 1])


def test_hints_are_kept_and_change_nothing_else(grown):
    colorizer, rng = RowColorizer.of("forest", grown[0]), np.random.default_rng(1)
    lightness, ab = np.abs(rng.normal(size=(9, 7))).astype(np.float32), rng.normal(size=(9, 7, 2)).astype(np.float32)
    bare = colorizer.colorize(lightness, Hints.none((9, 7))).ab
    hints = hide_pixels(ab, 0.7)
    found = colorizer.colorize(lightness, hints).ab
    assert (found[hints.known] == ab[hints.known]).all()
    assert (found[~hints.known] == bare[~hints.known]).all()


def test_a_pickled_colorizer_colorizes_alike(grown):
    colorizer = RowColorizer.of("forest", grown[0])
    again = pickle.loads(pickle.dumps(colorizer))
    lightness, hints = np.abs(np.random.default_rng(1).normal(size=(9, 7)).astype(np.float32)), Hints.none((9, 7))
    assert again.name == "forest" and np.ptp(again.colorize(lightness, hints).ab) > 1
    assert (again.colorize(lightness, hints).ab == colorizer.colorize(lightness, hints).ab).all()
