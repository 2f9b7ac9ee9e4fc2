"""The registry: every method keeps the contract; models survive their files; damaged files are named."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from nbhelpers import paths, registry
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.errors import UserError
from nbhelpers.hints import Constant, Hints, Nearest, hide_pixels, nearest_known
from nbhelpers.linear.colorizers import Propagation
from nbhelpers.linear.neighbours import fit, gather_statistics, paper_estimators
from nbhelpers.networks import checkpoints
from nbhelpers.networks.config import CONFIGS
from nbhelpers.networks.hint_inputs import PLANES
from nbhelpers.networks.models import UNet
from nbhelpers.paths import Run
from nbhelpers.rows.colorizers import PositionMean
from nbhelpers.rows.fitting import about_rows, fit_rows, save_rows
from nbhelpers.rows.regressor import KINDS, RowRegressor

RUN = Run("smoke", "sample")
PRIOR = (3.5, -6.25)


@pytest.fixture(scope="module")
def models(sample):
    stats = gather_statistics(sample.train[:4], jobs=1)
    return {name: fit(stats, estimator) for name, estimator in paper_estimators().items()}


@pytest.fixture(scope="module")
def row_models(sample, tmp_path_factory):
    """Small row models of three bands, and the folder of their files."""
    folder = tmp_path_factory.mktemp("rows")
    models = (RowRegressor(kind, n_estimators=3, max_features="sqrt", random_state=0) for kind in KINDS)
    return {model.kind: fit_rows(sample.train[:4], model, folder, models=3) for model in models}, folder


@pytest.fixture(autouse=True)
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def fitted(models, row_models):
    """A run in which everything is fitted."""
    shutil.copytree(row_models[1], RUN.models)
    registry.save("mean", PRIOR, RUN)
    registry.save("position-mean", PositionMean(np.ones((30, 30, 2), np.float32)), RUN)
    for name, model in models.items():
        registry.save(name, model, RUN)
    for name in registry.NETWORKS:
        checkpoints.save_network(RUN.models / f"{name}.safetensors", UNet(2, 1), {"name": name, "size": 16})
    for name in registry.HINTED:
        hints = CONFIGS[name].hints
        about = {"name": name, "size": 16, "prior": list(PRIOR), "recipe": {"hints": hints}}
        checkpoints.save_network(RUN.models / f"{name}.safetensors", UNet(2, 1, "resize", *PLANES[hints]), about)
    return RUN


@pytest.fixture(scope="module")
def photo(sample):
    lab = rgb_to_lab(sample.test[0][30:54, 40:70])
    return lab[..., 0], lab[..., 1:]


@pytest.mark.parametrize("name", registry.names())
@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_every_colorizer_keeps_the_contract(fitted, photo, name, share, colorized):
    lightness, ab = photo
    hints = hide_pixels(ab, share)
    colorizer = registry.load(name, fitted)
    assert colorizer.name == name
    found = colorized(colorizer, lightness, hints)
    assert (found[hints.known] == ab[hints.known]).all()


@pytest.mark.parametrize("name", ["mean", "nearest", "sum-to-one", "edge-aware", "levin", "biharmonic"])
def test_without_hints_the_prior_decides(fitted, photo, name):
    found = registry.load(name, fitted).colorize(photo[0], Hints.none(photo[0].shape)).ab
    np.testing.assert_allclose(found, np.broadcast_to(PRIOR, found.shape), atol=1e-3)


def test_the_anchor_is_not_felt_near_hints(fitted, photo):
    lightness, ab = photo
    hints = hide_pixels(ab, 0.8)
    for name in ("sum-to-one", "edge-aware", "levin"):
        anchored = registry.load(name, fitted)
        bare = Propagation(name, anchored.kind, anchored.model)
        assert anchored.anchor > 0 == bare.anchor
        np.testing.assert_allclose(
            anchored.colorize(lightness, hints).ab, bare.colorize(lightness, hints).ab, atol=0.05
        )


def test_the_simple_ones(photo):
    lightness, ab = photo
    hints = hide_pixels(ab, 0.5)
    assert (registry.load("grey").colorize(lightness, hints).ab[~hints.known] == 0).all()
    assert (Constant("mean", (1, 2)).colorize(lightness, hints).ab[~hints.known] == (1, 2)).all()
    assert (Nearest().colorize(lightness, hints).ab == nearest_known(hints)).all()


def test_models_come_back_to_the_last_digit(fitted, models):
    for name, model in models.items():
        back = registry.load(name, fitted)
        assert (back.model.coefficients == model.coefficients).all()
        assert (back.model.intercept == model.intercept).all()
        assert back.prior == PRIOR
    assert registry.load("mean", fitted).ab == PRIOR
    files = [f"{n}.json" for n in ("mean", *models)] + [f"{kind}.npz" for kind in KINDS]
    files += [
        f"{name}{ending}" for name in (*registry.NETWORKS, *registry.HINTED) for ending in (".json", ".safetensors")
    ]
    files.append("position-mean.npz")
    assert sorted(p.name for p in fitted.models.iterdir()) == sorted(files)
    assert set(json.loads((fitted.models / "ols.json").read_text())) == {"coefficients", "intercept"}


def test_a_runs_own_model_comes_before_the_committed_one(data, models):
    for folder, value in ((data / "checkpoints", 1.0), (RUN.models, 2.0)):
        folder.mkdir(parents=True)
        (folder / "mean.json").write_text(json.dumps({"ab": [value, value]}))
        assert registry.load("mean", RUN).ab == (value, value)
    assert registry.load("mean").ab == (1.0, 1.0)
    assert registry.load("mean", Run("paper", "kaggle")).ab == (1.0, 1.0)


def test_a_method_says_where_its_model_came_from(data, models):
    course = data / "checkpoints"
    course.mkdir(parents=True)
    for place in (course, RUN.models):
        place.mkdir(parents=True, exist_ok=True)
        (place / "mean.json").write_text(json.dumps({"ab": [1.0, 2.0]}))
    registry.save("ols", models["ols"], RUN)
    shutil.copy(RUN.models / "ols.json", course / "lasso.json")
    assert registry.load("grey", RUN).origin == ""
    assert [registry.load("mean", run).origin for run in (RUN, None)] == [RUN.name, registry.COURSE]
    assert registry.load("ols", RUN).origin == RUN.name
    assert registry.load("lasso", RUN).origin == f"{registry.COURSE} and {RUN.name}"  # its mean colour is the run's
    assert registry.load("edge-aware", Run("paper", "kaggle")).origin == registry.COURSE


def test_row_models_come_from_the_run_or_the_checkpoints(data, row_models, photo):
    lightness, hints = photo[0], Hints.none(photo[0].shape)
    expected = {}
    for folder, shift in ((data / "checkpoints", 3), (RUN.models, 5)):  # to be told apart
        fitted, about = row_models[0]["forest"], about_rows(row_models[1] / "forest.npz")
        save_rows(moved := dataclasses.replace(fitted, mean=fitted.mean + shift), folder / "forest.npz", about)
        expected[folder] = moved.colorize(lightness, hints).ab
    for run, folder in (
        (RUN, RUN.models),
        (None, data / "checkpoints"),
        (Run("paper", "kaggle"), data / "checkpoints"),
    ):
        assert (registry.load("forest", run).colorize(lightness, hints).ab == expected[folder]).all()


def test_a_file_under_another_kinds_name_is_refused(row_models):
    RUN.models.mkdir(parents=True)
    shutil.copy(row_models[1] / "tree.npz", RUN.models / "forest.npz")
    with pytest.raises(UserError, match=r"forest\.npz holds tree models: delete it"):
        registry.load("forest", RUN)


def test_a_model_that_was_never_fitted_says_how_to_fit_it():
    with pytest.raises(UserError, match="'mean' has not been fitted: .*run 02 --profile paper --photos kaggle`"):
        registry.load("nearest", Run("paper", "kaggle"))
    registry.save("mean", PRIOR, RUN)
    with pytest.raises(UserError, match="'ols' has not been fitted: .*--profile smoke --photos sample"):
        registry.load("ols", RUN)
    with pytest.raises(UserError, match=r"'mean' has .*--profile demo --photos sample`, and .*Run\('demo', 'sample'\)"):
        registry.load("mean")
    for name in registry.HINTED:
        with pytest.raises(UserError, match=f"'{name}' has not been trained: `nbhelpers train {name} --profile smoke"):
            registry.load(name, RUN)
    for kind in KINDS:
        with pytest.raises(UserError, match=f"'{kind}' has not been fitted: .*run 04 --profile smoke --photos sample`"):
            registry.load(kind, RUN)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("edgeaware", "edge-aware"), ("laso", "lasso"), ("sum-to-1", "sum-to-one"), ("forrest", "forest")],
)
def test_a_misspelt_name_is_answered_with_the_nearest_one(wrong, right):
    with pytest.raises(UserError, match=f"no colorizer '{wrong}': did you mean '{right}'"):
        registry.load(wrong)


def test_a_name_like_no_other_is_answered_with_all():
    for name in ("xyzzy", "", "../../mean"):
        with pytest.raises(
            UserError, match="choose from grey, mean, position-mean, .*biharmonic, tree, forest, boosting"
        ):
            registry.load(name)


DAMAGED = {
    "empty": "",
    "cut": '{"coefficients": [[1, 2',
    "list": "[]",
    "number": "3",
    "missing key": '{"intercept": [0, 0]}',
    "words": '{"coefficients": "none", "intercept": [0, 0]}',
    "ragged": '{"coefficients": [[1], [2, 3]], "intercept": [0, 0]}',
    "object": '{"coefficients": {"a": 1}, "intercept": [0, 0]}',
    "huge": json.dumps({"coefficients": [[10**400] * 25] * 2, "intercept": [0, 0]}),
    "deep": '{"coefficients":' + "[" * 100_000,
}
FOREIGN = {
    "shape": {"coefficients": [[0.5] * 24] * 2, "intercept": [0, 0]},
    "swapped": {"coefficients": [[0.5] * 2] * 25, "intercept": [0, 0]},
    "NaN": {"coefficients": [[float("nan")] * 25] * 2, "intercept": [0, 0]},
    "infinity": {"coefficients": [[0.5] * 25] * 2, "intercept": [0, float("inf")]},
    "null": {"coefficients": [[None] * 25] * 2, "intercept": [0, 0]},
    "scalar": {"coefficients": 1, "intercept": [0, 0]},
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_model_is_named(fitted, text):
    path = fitted.models / "ols.json"
    path.write_text(text)
    with pytest.raises(UserError, match="is damaged .*delete it and run notebook 02 again") as caught:
        registry.load("ols", fitted)
    assert str(path) in str(caught.value) and len(str(caught.value)) < 500 + len(str(path))
    assert registry.load("lasso", fitted).name == "lasso"


def test_a_model_that_is_no_text_is_named(fitted):
    (fitted.models / "ols.json").write_bytes(b"\x80\x04\x95 pickle")
    with pytest.raises(UserError, match=r"ols\.json is damaged"):
        registry.load("ols", fitted)


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_model_of_another_shape_is_named(fitted, content):
    (fitted.models / "ols.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"ols\.json does not hold a ols model: delete it and run notebook 02"):
        registry.load("ols", fitted)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_row_model_is_named(fitted, kind):
    path = fitted.models / f"{kind}.npz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=f"{kind}.npz is damaged .*delete it and run notebook 04 again"):
        registry.load(kind, fitted)


def test_a_position_mean_comes_back_and_fits_photos_of_other_sizes():
    ab = np.random.default_rng(0).normal(0, 20, (6, 8, 2)).astype(np.float32)
    registry.save("position-mean", PositionMean(ab), RUN)
    back = registry.load("position-mean", RUN)
    assert (back.ab == ab).all()
    assert (back.colorize(np.zeros((6, 8), np.float32), Hints.none((6, 8))).ab == ab).all()
    twice = back.colorize(np.zeros((12, 8), np.float32), Hints.none((12, 8))).ab
    assert (twice == ab.repeat(2, axis=0)).all()


@pytest.mark.parametrize(
    "content",
    [b"no archive", {"ab": np.zeros((4, 4), np.float32)}, {"ab": np.full((2, 2, 2), np.nan, np.float32)},
     {"other": np.zeros(3)}, {"ab": np.array([{}], dtype=object)}],
)  # fmt: skip
def test_a_damaged_position_mean_is_named(data, content):
    path = RUN.models / "position-mean.npz"
    path.parent.mkdir(parents=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.savez(path, **content)
    with pytest.raises(UserError, match="position-mean.npz.*run notebook 04 again"):
        registry.load("position-mean", RUN)
