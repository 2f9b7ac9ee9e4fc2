"""The world with a known answer."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from nbhelpers.colour.gamut import in_gamut
from nbhelpers.colour.lab import rgb_to_lab, rgb_to_lab_tensor, scale_ab
from nbhelpers.errors import UserError
from nbhelpers.networks import coin_world


def levels(world):
    """Which lightness the shapes have: the same number for those within a thousandth of L*."""
    light = np.array([plane[mask].mean() for plane, mask in zip(rgb_to_lab(world.photos)[..., 0], world.inside)])
    order = light.argsort()
    found = np.zeros(len(light), int)
    found[order[1:]] = (np.diff(light[order]) > 1e-3).cumsum()
    return found


@pytest.mark.parametrize(("odds", "copies"), [(0.5, 2), (0.7, 10), (0.6, 5), (1.0, 1)])
def test_each_shape_comes_in_exactly_the_odds(odds, copies):
    world = coin_world.toss(60, size=16, odds=odds, seed=3)
    keys = [mask.tobytes() + bytes([level]) for level, mask in zip(levels(world), world.inside)]
    groups = pd.DataFrame({"shape": keys, "red": world.red}).groupby("shape")["red"]
    assert (groups.size() == copies).all()
    assert np.allclose(groups.mean(), odds)
    assert len(set(keys)) == 60 // copies
    pixels = world.inside.sum(axis=(1, 2))
    assert pixels[world.red].sum() / pixels.sum() == pytest.approx(odds)


def test_no_lightness_of_a_shape_tells_its_colour():
    world = coin_world.toss(400, size=16)
    red = pd.Series(world.red).groupby(levels(world))
    assert red.ngroups > 10 and (red.mean() == 0.5).all()  # whoever looks the lightness up is at chance
    found = rgb_to_lab(coin_world._twins())[..., 0]
    assert abs(found[:, 0] - found[:, 1]).max() < 1e-4
    by_torch = rgb_to_lab_tensor(torch.from_numpy(coin_world._twins()).permute(2, 0, 1)[None])[0, 0]
    assert abs(by_torch[:, 0] - by_torch[:, 1]).max() < 2e-4  # what a network reads


def test_pictures_that_cannot_have_the_odds_are_refused():
    with pytest.raises(UserError, match="33 pictures .* 7 of 10 cases: take 30"):
        coin_world.toss(33, odds=0.7)
    with pytest.raises(UserError, match="take 10"):
        coin_world.toss(2, odds=0.7)


def test_the_games_differ_in_what_they_say():
    games = coin_world.games(3)
    assert [game.adversarial for game in games.values()] == [True, True, True, False]
    assert (
        games["gan-paper, the paper's rates"].rate == games["gan-paper, the paper's rates"].discriminator_rate == 2e-4
    )
    l1, alone = games["gan-l1"], games["L1 alone"]
    changed = {f.name for f in dataclasses.fields(l1) if getattr(l1, f.name) != getattr(alone, f.name)}
    assert changed == {"discriminator", "discriminator_rate", "spectral"}


def test_shapes_have_the_two_colours_and_the_rest_is_grey():
    world = coin_world.toss(40, seed=1)
    ab = rgb_to_lab(world.photos)[..., 1:]
    for plane, mask, red in zip(ab, world.inside, world.red):
        assert np.allclose(plane[mask], coin_world.RED if red else coin_world.BLUE, atol=2)
        assert abs(plane[~mask]).max() < 1.5  # bytes are rounded


def test_srgb_can_show_both_colours():
    for lightness in coin_world.LIGHTNESS:
        assert in_gamut(np.array([[lightness, *coin_world.RED], [lightness, *coin_world.BLUE]])).all()


def test_the_seed_decides():
    assert np.array_equal(coin_world.toss(6, seed=4).photos, coin_world.toss(6, seed=4).photos)
    assert not np.array_equal(coin_world.toss(6, seed=4).photos, coin_world.toss(6, seed=5).photos)


@pytest.mark.parametrize("loss", ["mse", "l1"])
@pytest.mark.parametrize("odds", [0.3, 0.5, 0.7])
def test_the_best_answer_has_the_least_expected_loss(loss, odds):
    best = coin_world.best_answer(loss, odds)

    def cost(colour):
        power = 2 if loss == "mse" else 1
        red, blue = (np.abs(colour - truth) ** power for truth in (coin_world.RED, coin_world.BLUE))
        return (odds * red + (1 - odds) * blue).sum()

    others = np.random.default_rng(0).uniform(-60, 80, (500, 2))
    assert all(cost(best) <= cost(other) + 1e-9 for other in others)


class Painter(torch.nn.Module):
    def __init__(self, colour):
        super().__init__()
        self.colour = scale_ab(torch.tensor(colour, dtype=torch.float32))

    def forward(self, lightness):
        return self.colour[None, :, None, None].expand(len(lightness), 2, *lightness.shape[-2:])


def test_verdicts_on_networks_of_one_colour():
    world, middle = coin_world.toss(6), (coin_world.RED + coin_world.BLUE) / 2
    named = {"red": coin_world.RED, "blue": coin_world.BLUE, "purple": middle}
    table = coin_world.verdicts({name: coin_world.answers(Painter(c), world) for name, c in named.items()})
    assert table[["red", "blue", "neither"]].to_numpy().tolist() == np.eye(3).tolist()
    assert np.allclose(table[["a*", "b*"]], [coin_world.RED, coin_world.BLUE, middle], atol=1e-3)


@pytest.mark.parametrize("training", [True, False])
def test_to_ask_a_network_leaves_it_as_it_was(training):
    network = torch.nn.Sequential(torch.nn.Dropout(1.0), torch.nn.Conv2d(1, 2, 1)).train(training)
    answers = coin_world.answers(network, coin_world.toss(4))
    assert network.training is network[0].training is training
    assert np.ptp(answers, axis=0).max() > 0  # nothing was dropped: it depends on the lightness
