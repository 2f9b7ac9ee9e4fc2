"""Scores of many photos at once are those that the package finds photo by photo."""

import numpy as np
import pytest
import torch
from campaigns import squares

from nbhelpers.colour import lab
from nbhelpers.colour.metrics import ab_mse
from nbhelpers.evaluation.evaluate import evaluate
from nbhelpers.evaluation.statistics import summarise
from nbhelpers.hints import Constant, Hints
from nbhelpers.networks import batch_scores, hint_inputs
from nbhelpers.networks.inference import NetworkColorizer
from nbhelpers.networks.models import UNet
from nbhelpers.networks.study import score

PHOTOS = squares(5)


@pytest.fixture
def network(monkeypatch):
    """A U-Net whose batch normalization makes a difference, on photos that come two at a time."""
    monkeypatch.setattr(batch_scores, "CHUNK", 2)
    torch.manual_seed(0)
    made = UNet(4, 2)
    made.head.weight.data *= 3
    for _ in range(3):
        made(torch.rand(4, 1, 48, 48))
    return made.eval()


def colorized(network):
    colorizer = NetworkColorizer("net", network, 48)
    labs = [lab.rgb_to_lab(photo) for photo in PHOTOS]
    return labs, [colorizer.colorize(one[..., 0], Hints.none((48, 48))).ab for one in labs]


def test_errors_are_those_of_the_colorizer(network):
    found = batch_scores.errors(network, batch_scores.on("cpu", PHOTOS))
    labs, painted = colorized(network)
    expected = [ab_mse(ab, one[..., 1:]) for ab, one in zip(painted, labs)]
    np.testing.assert_allclose(found["ab_mse"], expected, rtol=1e-4)
    for column, planes in (("chroma", painted), ("true_chroma", [one[..., 1:] for one in labs])):
        np.testing.assert_allclose(found[column], [np.hypot(*ab.T).mean() for ab in planes], rtol=1e-4)
    assert found["chroma"].min() > 5


def test_the_summary_is_that_of_the_package(network):
    colour = batch_scores.mean_colour("cpu", PHOTOS)
    colorizers = [Constant("mean", tuple(colour.flatten().tolist())), NetworkColorizer("net", network, 48)]
    base = batch_scores.errors(None, batch_scores.on("cpu", PHOTOS), colour)
    found = batch_scores.summary(batch_scores.errors(network, batch_scores.on("cpu", PHOTOS)), base)
    package = score(colorizers, list(PHOTOS)).set_index("method")
    assert found["ab_mse"] == pytest.approx(package.loc["net", "ab_mse"], rel=1e-4)
    assert base["ab_mse"].mean() == pytest.approx(package.loc["mean", "ab_mse"], rel=1e-4)
    assert found["of_mean_colour"] == pytest.approx(package.loc["net", "of mean colour"], rel=1e-4)
    assert found["chroma"] == pytest.approx(package.loc["net", "chroma"], rel=1e-4)
    assert found["true_chroma"] == pytest.approx(package.loc["truth", "chroma"], rel=1e-4)
    interval = summarise(evaluate(colorizers, list(PHOTOS), [1.0]), ["method"]).set_index("method").loc["net"]
    assert (found["low"], found["high"]) == pytest.approx((interval["low"], interval["high"]), rel=1e-4)
    assert found["of_low"] < found["of_mean_colour"] < found["of_high"] and found["photos"] == 5


def test_the_network_stays_in_its_mode_and_is_not_trained(network):
    before = {name: value.clone() for name, value in network.state_dict().items()}
    photos = batch_scores.on("cpu", PHOTOS)
    expected = batch_scores.errors(network, photos)
    assert not network.training
    network.train()
    assert batch_scores.errors(network, photos).equals(expected) and network.training
    batch_scores.painted(network, photos)
    assert network.training and all(torch.equal(before[name], value) for name, value in network.state_dict().items())


def test_photos_are_painted_as_the_package_does(network):
    found = batch_scores.painted(network, batch_scores.on("cpu", PHOTOS))
    assert found.dtype == np.uint8 and found.shape == PHOTOS.shape
    for photo, one, ab in zip(found, *colorized(network)):
        expected = lab.lab_to_rgb(np.dstack([one[..., 0], ab]))
        assert abs(photo.astype(int) - expected).max() <= 1
    assert batch_scores.painted(network, batch_scores.on("cpu", PHOTOS[:0])).shape == (0, 48, 48, 3)


@pytest.mark.parametrize("count", [3, 70])  # fewer than its parts, and parts of two lengths
def test_the_mean_colour_is_that_of_the_package(count):
    photos = squares(count, side=8)
    expected = hint_inputs.mean_colour(torch.from_numpy(photos).permute(0, 3, 1, 2))
    np.testing.assert_allclose(batch_scores.mean_colour("cpu", photos).flatten(), expected, atol=1e-3)
