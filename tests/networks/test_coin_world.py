"""The world with a known answer."""

import numpy as np
import pytest
import torch

from nbhelpers.colour.gamut import in_gamut
from nbhelpers.colour.lab import rgb_to_lab, scale_ab
from nbhelpers.networks import coin_world


def test_the_lightness_does_not_tell_the_colour():
    world = coin_world.toss(2000, size=16, seed=3)
    lightness = rgb_to_lab(world.photos)[..., 0]
    light = np.array([plane[mask].mean() for plane, mask in zip(lightness, world.inside)])
    area = world.inside.mean(axis=(1, 2))
    for seen in (light, area, world.inside[:, :8].mean(axis=(1, 2))):
        assert abs(np.corrcoef(seen, world.red)[0, 1]) < 0.07


def test_shapes_have_the_two_colours_and_the_rest_is_grey():
    world = coin_world.toss(40, seed=1)
    ab = rgb_to_lab(world.photos)[..., 1:]
    for plane, mask, red in zip(ab, world.inside, world.red):
        assert np.allclose(plane[mask], coin_world.RED if red else coin_world.BLUE, atol=1.5)
        assert abs(plane[~mask]).max() < 1.5  # bytes are rounded


def test_srgb_can_show_both_colours():
    for lightness in coin_world.LIGHTNESS:
        assert in_gamut(np.array([[lightness, *coin_world.RED], [lightness, *coin_world.BLUE]])).all()


def test_the_odds_are_kept_and_the_seed_decides():
    assert coin_world.toss(2000, size=16, odds=0.7).red.mean() == pytest.approx(0.7, abs=0.03)
    assert np.array_equal(coin_world.toss(5, seed=4).photos, coin_world.toss(5, seed=4).photos)
    assert not np.array_equal(coin_world.toss(5, seed=4).photos, coin_world.toss(5, seed=5).photos)


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
