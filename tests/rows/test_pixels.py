"""Features of a pixel and its surroundings, and trees that learn colours from them."""

import pickle

import numpy as np
import pytest
from PIL import Image
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression
from sklearn.multioutput import MultiOutputRegressor
from sklearn.tree import DecisionTreeRegressor

from nbhelpers import paths
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.hints import Hints, hide_pixels
from nbhelpers.photos import open_photos
from nbhelpers.photos.cache import PhotoWarning
from nbhelpers.rows import pixels as pixel_models
from nbhelpers.rows.pixels import FEATURES, GROUPS, features, fit_pixels, importance, paper_trees, sample_pixels


def column(found, name):
    return found[..., FEATURES.index(name)]


def planted(seed, size=48):
    """A photo with a plain colour rule: bright pixels of the upper half are blue, all others are orange."""
    rng = np.random.default_rng(seed)
    blocks = rng.choice([35.0, 75.0], size=(8, 8))
    lightness = np.kron(blocks, np.ones((size // 8, size // 8))) + rng.normal(0, 2, (size, size))
    blue = (lightness > 55) & (np.arange(size) < size / 2)[:, None]
    return lab_to_rgb(np.dstack([lightness, np.where(blue, 0, 15), np.where(blue, -20, 20)]))


@pytest.fixture(scope="module")
def lightness(lab_photos):
    return lab_photos[0][..., 0]


@pytest.fixture(scope="module")
def pixels():
    return sample_pixels([planted(seed) for seed in range(40)], 200)


def test_every_feature_is_in_one_group_and_filled(lightness):
    assert len(set(FEATURES)) == len(FEATURES) == sum(map(len, GROUPS.values()))
    found = features(lightness)
    assert found.shape == (*lightness.shape, len(FEATURES)) and found.dtype == np.float32
    assert np.isfinite(found).all()
    assert (np.ptp(found, axis=(0, 1)) > 0).all()  # none is the same everywhere


def test_features_are_what_their_names_say(lightness):
    found = features(lightness)
    assert np.array_equal(column(found, "lightness"), lightness)
    assert column(found, "y")[:, 0] == pytest.approx((np.arange(96) + 0.5) / 96)
    assert column(found, "x")[0] == pytest.approx((np.arange(96) + 0.5) / 96)
    assert column(found, "to the border").max() == pytest.approx(47.5 / 96)
    spreads = [column(found, f"blur {s}").std() for s in (2, 4, 8, 16, 32, 64)]
    assert (np.diff(spreads) < 0).all()
    assert (column(found, "darkest 132") <= column(found, "darkest 36") + 1e-4).all()
    assert (column(found, "brightest 132") >= column(found, "brightest 36") - 1e-4).all()
    order = np.argsort(lightness, axis=None)
    assert (np.diff(column(found, "rank").ravel()[order]) >= 0).all()


def test_surroundings_look_to_the_named_side():
    lightness = np.full((100, 100), 20, np.float32)
    lightness[:50] = 80
    found = features(lightness)[60, 50]  # in the dark half, a tenth of the photo below the border
    assert column(found, "lightness 120 above") > 75 and column(found, "lightness 120 below") < 25
    assert column(found, "lightness 120 left") == pytest.approx(column(found, "lightness 120 right"), abs=0.1)
    assert column(found, "edges 48 above") > 10 * column(found, "edges 48 below")
    assert column(found, "mean above") > 60 and column(found, "mean below") == pytest.approx(20, abs=1e-3)


@pytest.mark.parametrize("axis, sign", [(0, 1), (1, -1)])
def test_stripes_have_a_direction(axis, sign):
    stripes = 50 + 20 * np.sin(2 * np.pi * np.arange(200) / 10)
    lightness = np.broadcast_to(stripes, (200, 200)).astype(np.float32)
    found = features(lightness if axis == 0 else lightness.T)[100, 100]  # axis 0: the stripes are upright
    assert sign * column(found, "upright 32") > 0.9 and column(found, "one way 32") > 0.9


@pytest.mark.parametrize("size, tolerance", [(192, 0.06), (150, 0.08)])
def test_features_mean_the_same_at_another_size(sample, size, tolerance):
    small = rgb_to_lab(sample.train[0])[..., 0]
    smooth = np.asarray(Image.fromarray(small).resize((24, 24), Image.BOX).resize((96, 96), Image.BICUBIC))
    large = np.asarray(Image.fromarray(smooth).resize((size, size), Image.BICUBIC))
    here, there = features(smooth), features(large)
    back = np.dstack(
        [np.asarray(Image.fromarray(plane).resize((96, 96), Image.BOX)) for plane in np.moveaxis(there, 2, 0)]
    )
    gap = np.abs(back - here)[8:-8, 8:-8].mean((0, 1)) / np.maximum(here.std((0, 1)), 1e-3)
    assert np.median(gap) < tolerance
    assert gap[[FEATURES.index(f"blur {s}") for s in (8, 16, 32, 64)]].max() < tolerance


def test_photos_need_not_be_square(lightness):
    found = features(lightness[:60])
    assert found.shape == (60, 96, len(FEATURES)) and np.isfinite(found).all()
    assert features(lightness[:2, :2]).shape == (2, 2, len(FEATURES))


def test_flat_black_and_white_photos_have_features():
    for value in (0, 50, 100):
        assert np.isfinite(features(np.full((9, 12), value, np.float32))).all()


@pytest.mark.parametrize("wrong", [np.zeros((4, 4, 3)), np.zeros(9), np.zeros((1, 5)), np.full((4, 4), np.nan)])
def test_what_is_no_lightness_is_an_error(wrong):
    with pytest.raises(ValueError, match="lightness"):
        features(wrong)


def test_samples_are_pixels_of_the_photos_and_do_not_see_colour():
    rgb = planted(0)
    lab = rgb_to_lab(rgb)
    X, ab = sample_pixels([rgb], 10**9)  # all of them
    assert X.shape == (48 * 48, len(FEATURES)) and ab.shape == (48 * 48, 2)
    assert X.dtype == ab.dtype == np.float32
    at = np.rint(X[:, [FEATURES.index("y"), FEATURES.index("x")]] * 48 - 0.5).astype(int)
    assert len(np.unique(at, axis=0)) == len(at)
    assert np.array_equal(ab, lab[at[:, 0], at[:, 1], 1:])
    assert np.array_equal(X, features(lab[..., 0])[at[:, 0], at[:, 1]])  # of the lightness alone


def test_the_draw_depends_on_the_seed_only():
    photos = [planted(seed) for seed in range(20)]
    one, two = sample_pixels(photos, 5, jobs=1), sample_pixels(photos, 5, jobs=2)
    assert all(np.array_equal(p, q) for p, q in zip(one, two))
    assert not np.array_equal(one[0], sample_pixels(photos, 5, seed=1)[0])
    first = sample_pixels(photos, 5, n=3)
    assert all(np.array_equal(p, q[:15]) for p, q in zip(first, one)) and len(first[0]) == 15


def test_photos_that_cannot_be_used_are_replaced_by_later_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    for i in range(5):
        path = tmp_path / "photos" / ("test" if i == 4 else "train") / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(planted(i)).save(path)
    train = open_photos(tmp_path / "photos", size=48).train
    (tmp_path / "photos" / "train" / "1.png").unlink()  # opening would have left out one that is broken already
    with pytest.warns(PhotoWarning, match="1.png"):
        X, ab = sample_pixels(train, 10, n=3, jobs=1)
    assert len(train) == 4 and len(X) == len(ab) == 30
    with pytest.warns(PhotoWarning), pytest.raises(ValueError, match="no photo"):
        sample_pixels(train[1:2], 10, jobs=1)


def test_nothing_to_sample_is_an_error(sample):
    for photos, n in (([], None), (sample.train[:0], None), (sample.train, 0)):
        with pytest.raises(ValueError, match="no photo"):
            sample_pixels(photos, 5, n=n)
    with pytest.raises(ValueError, match="per_photo"):
        sample_pixels(sample.train, 0)


@pytest.mark.parametrize("name", paper_trees())
def test_the_paper_s_trees_learn_a_planted_rule(name, pixels):
    estimator = paper_trees()[name]
    if name == "boosting, deep":
        estimator.set_params(max_iter=60)  # enough here
    colorizer = fit_pixels(estimator, *pixels, name)
    lab = rgb_to_lab(planted(99))
    ab = colorizer.colorize(lab[..., 0], Hints.none(lab.shape[:2])).ab
    assert colorizer.name == name and ab.shape == (48, 48, 2) and ab.dtype == np.float32
    brown = np.square(pixels[1].mean(axis=0) - lab[..., 1:]).mean()
    assert np.square(ab - lab[..., 1:]).mean() < (0.5 if name == "forest" else 0.25) * brown


def test_the_paper_s_settings():
    trees = paper_trees(seed=5)
    assert list(trees) == ["tree", "forest", "boosting", "boosting, deep"]
    assert all(tree.random_state == 5 for tree in trees.values())
    assert all(trees[name].max_depth == 3 for name in ("tree", "forest", "boosting"))
    assert trees["forest"].n_estimators == trees["boosting"].max_iter == 100
    assert trees["boosting"].learning_rate == 0.1


def test_single_output_estimators_are_fitted_once_per_channel(pixels):
    X, ab = pixels
    twice = fit_pixels(HistGradientBoostingRegressor(max_iter=5), X, ab)
    assert isinstance(twice.model, MultiOutputRegressor) and twice.name == "HistGradientBoostingRegressor"
    alone = HistGradientBoostingRegressor(max_iter=5).fit(X, ab[:, 1])
    assert np.allclose(twice.model.predict(X)[:, 1], alone.predict(X))
    tree = DecisionTreeRegressor(max_depth=2)
    once = fit_pixels(tree, X, ab)
    assert isinstance(once.model, DecisionTreeRegressor) and once.model is not tree
    assert isinstance(fit_pixels(LinearRegression(), X, ab).model, LinearRegression)


def test_a_photo_is_colorized_pixel_by_pixel_in_blocks(pixels, lightness, monkeypatch):
    colorizer = fit_pixels(DecisionTreeRegressor(max_depth=6, random_state=0), *pixels)
    whole = colorizer.model.predict(features(lightness).reshape(-1, len(FEATURES))).reshape(96, 96, 2)
    monkeypatch.setattr(pixel_models._blocks, "__defaults__", (None, 1000))
    assert np.allclose(colorizer.colorize(lightness, Hints.none((96, 96))).ab, whole)


def test_known_pixels_are_kept_and_change_nothing_else(pixels, lab_photos):
    colorizer = pickle.loads(pickle.dumps(fit_pixels(DecisionTreeRegressor(max_depth=3), *pixels)))
    lab = lab_photos[0]
    hints = hide_pixels(lab[..., 1:], 0.8)
    ab = colorizer.colorize(lab[..., 0], hints).ab
    assert np.array_equal(ab[hints.known], lab[..., 1:][hints.known])
    assert np.array_equal(ab[~hints.known], colorizer.colorize(lab[..., 0], Hints.none((96, 96))).ab[~hints.known])


def test_other_columns_are_an_error(pixels):
    X, ab = pixels
    for wrong in ((X[:, :5], ab), (X, ab[:, 0]), (X, ab[:-1]), (X[0], ab)):
        with pytest.raises(ValueError, match="sample_pixels"):
            fit_pixels(DecisionTreeRegressor(), *wrong)


def test_importance_finds_the_group_that_carries_the_colour(pixels):
    X, _ = pixels
    rng = np.random.default_rng(0)
    for group, names in GROUPS.items():
        carrier = X[:, FEATURES.index(names[-1])]
        ab = np.column_stack([20 * (carrier > np.median(carrier)), rng.normal(0, 1, len(X))])
        table = importance(fit_pixels(DecisionTreeRegressor(max_depth=1), X, ab), X, ab)
        assert list(table.columns) == ["group", "mse_increase"] and list(table["group"]) == list(GROUPS)
        increase = table.set_index("group")["mse_increase"]
        assert increase[group] == pytest.approx(100, rel=0.1)  # 400 for every second pixel, and half of all numbers
        assert (increase.drop(group) == 0).all()


def test_importance_is_repeatable_and_zero_for_a_constant(pixels):
    X, ab = pixels
    before = X.copy()
    assert (importance(fit_pixels(DummyRegressor(), X, ab), X, ab)["mse_increase"] == 0).all()
    colorizer = fit_pixels(DecisionTreeRegressor(max_depth=4, random_state=0), X, ab)
    assert importance(colorizer, X, ab, seed=3).equals(importance(colorizer, X, ab, seed=3))
    assert np.array_equal(X, before)
