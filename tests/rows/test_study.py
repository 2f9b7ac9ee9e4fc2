"""What notebook 04 measures, against plain loops and worked examples."""

import numpy as np
import pytest

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.hints import Hints, hide_pixels
from nbhelpers.rows import study as row_study
from nbhelpers.rows.regressor import RowRegressor, paper_models


def models():
    fitted = {name: model.set_params(n_estimators=8) for name, model in paper_models().items()}
    return fitted


@pytest.fixture(scope="module")
def crops(sample):
    return row_study.random_crops(sample.train, 30, seed=1)


def test_crops_have_the_photos_size_and_depend_on_the_seed_alone(sample, crops):
    assert len(crops) == 30 and {(c.shape, c.dtype) for c in crops} == {((96, 96, 3), np.dtype(np.uint8))}
    again = row_study.random_crops(list(sample.train), 30, seed=1)
    assert all((a == b).all() for a, b in zip(crops, again, strict=True))
    other = row_study.random_crops(sample.train, 30, seed=2)
    assert any((a != b).any() for a, b in zip(crops, other, strict=True))


def test_a_crop_of_the_whole_side_is_the_photo_or_its_mirror_image(sample):
    photo = sample.train[0]
    found = row_study.random_crops([photo], 12, smallest=1)
    upright = [(c == photo).all() for c in found]
    assert all(same or (c == photo[:, ::-1]).all() for same, c in zip(upright, found))
    assert 0 < sum(upright) < 12


def test_the_position_mean_is_the_mean_of_each_position(sample):
    mean = row_study.position_mean(sample.train)
    expected = np.mean([rgb_to_lab(rgb)[..., 1:] for rgb in sample.train], axis=0)
    np.testing.assert_allclose(mean.ab, expected, atol=1e-4)
    ab = rgb_to_lab(sample.test[0])[..., 1:]
    hints = hide_pixels(ab, 0.9)
    found = mean.colorize(np.zeros((96, 96), np.float32), hints).ab
    assert (found[hints.known] == ab[hints.known]).all()
    np.testing.assert_allclose(found[~hints.known], expected[~hints.known], atol=1e-4)
    assert mean.colorize(np.zeros((50, 130), np.float32), Hints.none((50, 130))).ab.shape == (50, 130, 2)


def test_a_learning_curve_is_made_of_the_fits_that_it_names(crops):
    train, new = crops[:20], crops[20:]
    table = row_study.learning_curve(train, new, models(), [5, 20], [30, 60])
    assert len(table) == 4 * 2 * 2 * 2
    X, chroma = row_study.row_data(train, 60)
    X_new, chroma_new = row_study.row_data(new, 60)
    tree = models()["tree"].fit(X[:5], chroma[1][:5])
    line = table.query("method == 'tree' and photos == 5 and row == 60 and channel == 'b'").iloc[0]
    assert line["validation"] == pytest.approx(np.square(tree.predict(X_new) - chroma_new[1]).mean())
    assert line["training"] == pytest.approx(row_study.row_mse(tree, X[:5], chroma[1][:5]))
    mean = table.query("method == 'position mean' and photos == 20 and row == 30 and channel == 'a'").iloc[0]
    known = row_study.row_data(train, 30)[1][0]
    assert mean["training"] == pytest.approx(known.var(axis=0).mean(), rel=1e-4)


def test_a_learning_curve_in_percent_of_its_own_mean_row(crops):
    table = row_study.learning_curve(crops[:20], crops[20:], models(), [5, 20], [30, 60])
    found = row_study.of_mean_row(table).set_index(["method", "photos"])
    assert np.allclose(found.loc["position mean"], 100)
    for column in ("training", "validation"):
        tree, mean = (table.query("method == @m and photos == 20")[column].mean() for m in ("tree", "position mean"))
        assert found.loc[("tree", 20), column] == pytest.approx(100 * tree / mean)


def test_the_squares_take_the_photos_in_turn(sample):
    photos = list(sample.train)[:3]
    found = row_study.random_crops(photos, 7, smallest=1)
    for i, crop in enumerate(found):
        assert (crop == photos[i % 3]).all() or (crop == photos[i % 3][:, ::-1]).all()


def test_stages_of_boosting_are_boosting_with_fewer_trees(crops):
    X, chroma = row_study.row_data(crops, 50)
    y = chroma[0]
    whole = RowRegressor("boosting", n_estimators=12, random_state=0).fit(X, y)
    fewer = RowRegressor("boosting", n_estimators=7, random_state=0).fit(X, y)
    stages = row_study.staged_mse(whole.trees_, X, y, [0, 7, 12])
    assert stages[0] == pytest.approx(y.var(axis=0).mean(), rel=1e-4)
    assert stages[1:] == pytest.approx([row_study.row_mse(fewer, X, y), row_study.row_mse(whole, X, y)])


def test_reduced_fits_split_as_exact_ones(crops):
    X, chroma = row_study.row_data(crops[:20], 50)
    X_new, chroma_new = row_study.row_data(crops[20:], 50)
    exact = RowRegressor(variance=None, random_state=0)
    pairs = {
        "all components": (exact, RowRegressor(variance=1.0, random_state=0)),
        "one component": (exact, RowRegressor(variance=1e-6, random_state=0)),
        "few pixels": (exact, RowRegressor(max_features=4, random_state=0)),
    }
    table = row_study.against_exact(pairs, X, chroma[1], X_new, chroma_new[1]).set_index("model")
    assert table.loc["all components", "same_splits"] == 1
    assert table.loc["all components", "mse_ratio"] == pytest.approx(1, rel=1e-6)
    assert table.loc["one component", "same_splits"] < 1
    assert np.isnan(table.loc["few pixels", "same_splits"])
