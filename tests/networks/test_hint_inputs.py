"""What a network is told of hints, what it may change, and the random hints of a training."""

import dataclasses

import joblib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nbhelpers.colour.lab import rgb_to_lab, scale_ab, unscale_ab
from nbhelpers.errors import UserError
from nbhelpers.hints import Colorization, Hints, hide_pixels, patches
from nbhelpers.linear.colorizers import Propagation
from nbhelpers.networks import hint_inputs
from nbhelpers.networks.config import LITE0, TrainConfig
from nbhelpers.networks.data import bytes_of
from nbhelpers.networks.hint_inputs import ANCHOR, FAR, LEVELS, PLANES, closeness, openness, predict, stack, widened
from nbhelpers.networks.inference import NetworkColorizer
from nbhelpers.networks.models import UNet
from nbhelpers.networks.pretrained import PretrainedUNet

TINY = TrainConfig("tiny", hints="spread", batch=4, size=16, stored=20, depth=1, rounds=3)
PRIOR = (3.5, -6.25)


def one_known(shape, row, column):
    known = np.zeros(shape, bool)
    known[row, column] = True
    return known


def told(kind, count=2, size=16, seed=0):
    """Spread colours, random hints, what is given of them, and the prior's guess, as tensors."""
    random = np.random.default_rng(seed)
    spread, guess = (
        torch.from_numpy(random.uniform(-80, 80, (count, 2, size, size)).astype(np.float32)) for _ in range(2)
    )
    known = random.random((count, 1, size, size)) < 0.05
    near = torch.from_numpy(np.stack([closeness(one[0])[None] for one in known]))
    known = torch.from_numpy(known)
    return spread, known, stack(kind, spread, known.float(), near, guess), guess


# ---- near and far


def test_a_hint_is_as_near_as_can_be_and_none_is_far():
    known = one_known((9, 12), 4, 5)
    near = closeness(known)
    assert near.dtype == np.float32 and near.shape == known.shape
    assert near[4, 5] == 1 and (near[~known] < 1).all() and (near > 0).all()
    assert not closeness(np.zeros((9, 12), bool)).any()
    assert (closeness(np.ones((9, 12), bool)) == 1).all()


def test_closeness_falls_with_the_logarithm_of_the_distance_to_the_nearest_hint():
    known = one_known((1, 400), 0, 0) | one_known((1, 400), 0, 30)
    near = closeness(known)[0]
    distance = np.minimum(np.arange(400), abs(np.arange(400) - 30))
    np.testing.assert_allclose(near, np.clip(1 - np.log1p(distance) / FAR, 0, 1), atol=1e-6)
    assert near[30 + 147] > 0 and near[30 + 148] == 0


@given(st.floats(0.05, 4), st.integers(0, 9))
def test_distances_count_in_pixels_of_the_scaled_photo(scale, column):
    known = one_known((1, 10), 0, column)
    distance = scale * abs(np.arange(10) - column)
    np.testing.assert_allclose(closeness(known, scale)[0], np.maximum(0, 1 - np.log1p(distance) / FAR), atol=1e-5)


@pytest.mark.parametrize("make", [np.asarray, torch.from_numpy])
def test_openness_is_the_share_d_of_1_plus_d(make):
    distance = np.array([0, 1, 2, 9, 100.0])
    found = openness(make(1 - np.log1p(distance) / FAR))
    assert type(found) is type(make(distance))
    np.testing.assert_allclose(np.asarray(found), distance / (1 + distance), atol=1e-6)
    assert found[0] == 0


# ---- what the network is told


def test_spread_hints_are_told_with_where_and_how_near_they_are_and_what_was_guessed_without():
    spread, known, channels, guess = told("spread")
    assert channels.shape == (2, 6, 16, 16) and channels.dtype == torch.float32
    assert torch.equal(channels[:, 4:], guess / 110)
    assert torch.equal(channels[:, :2], spread / 110)
    assert torch.equal(channels[:, 2:3], known.float())
    for near, one in zip(channels[:, 3], known):
        np.testing.assert_array_equal(near, closeness(one[0].numpy()))


def test_given_hints_are_told_as_known_colours_on_grey_and_where_they_are():
    spread, known, channels, _ = told("given")
    assert channels.shape == (2, 3, 16, 16)
    assert torch.equal(channels[:, :2], torch.where(known, spread / 110, torch.zeros(())))
    assert torch.equal(channels[:, 2:], known.float()) and known.any()


@pytest.mark.parametrize("kind", ["spread", "given"])
def test_the_planes_told_are_those_that_a_network_of_that_kind_reads(kind):
    channels = told(kind)[2]
    assert 1 + channels.shape[1] == PLANES[kind][0]
    network = UNet(2, 2, "resize", *PLANES[kind]).eval()
    with torch.no_grad():
        assert predict(network, torch.rand(2, 1, 16, 16), channels).shape == (2, 2, 16, 16)


# ---- painting


class Says(nn.Module):
    """Paints the same three numbers everywhere; `seen` keeps what it was told."""

    def __init__(self, *values):
        super().__init__()
        self.values, self.seen = torch.tensor(values), []

    def forward(self, x):
        self.seen.append(x)
        return self.values[None, :, None, None].expand(len(x), -1, *x.shape[2:])


def test_without_hints_the_network_paints_alone():
    network, lightness = Says(0.25, -0.5), torch.rand(2, 1, 8, 8)
    predicted = predict(network, lightness, None)
    assert torch.equal(predicted, network(lightness)) and torch.equal(network.seen[0], lightness)


def test_a_network_that_does_not_trust_itself_leaves_the_spread_colours():
    spread, _, channels, _ = told("spread")
    lightness = torch.rand(2, 1, 16, 16)
    network = Says(0.5, 0.5, -1.0)
    assert torch.equal(predict(network, lightness, channels), spread / 110)
    assert torch.equal(network.seen[0], torch.cat([lightness, channels], dim=1))


def test_a_network_of_zeros_draws_half_of_the_way_to_grey_far_from_hints():
    """tanh(0) = 0 is half of the trust."""
    spread, _, channels, _ = told("spread")
    network = UNet(2, 1, "resize", *PLANES["spread"]).eval()
    for parameter in network.parameters():
        parameter.data.zero_()
    with torch.no_grad():
        predicted = predict(network, torch.rand(2, 1, 16, 16), channels)
    torch.testing.assert_close(predicted, (1 - openness(channels[:, 3:4]) / 2) * spread / 110)


@pytest.mark.parametrize("says", [(0.9, -0.9, 0.99), (-0.9, 0.3, 0.0), (0.1, 0.2, -0.5)])
def test_at_a_hint_its_colour_counts_whatever_the_network_says(says):
    spread, known, channels, _ = told("spread")
    predicted = predict(Says(*says), torch.rand(2, 1, 16, 16), channels)
    at = known.expand(-1, 2, -1, -1)
    assert at.any() and torch.equal(predicted[at], spread[at] / 110)
    assert (predicted[~at] != spread[~at] / 110).all()


def test_the_farther_the_hints_the_more_a_network_that_trusts_itself_decides():
    known = one_known((1, 40), 0, 0)
    near = torch.from_numpy(closeness(known))[None, None]
    spread, guess = torch.zeros(1, 2, 1, 40), torch.full((1, 2, 1, 40), 60.0)
    channels = stack("spread", spread, torch.from_numpy(known)[None, None].float(), near, guess)
    predicted = predict(Says(0.8, -0.4, 1.0), torch.zeros(1, 1, 1, 40), channels)[0, :, 0]
    share = torch.arange(40) / torch.arange(1, 41)
    torch.testing.assert_close(predicted, torch.stack([0.8 * share, -0.4 * share]), atol=1e-5, rtol=0)


def test_a_network_of_given_hints_paints_without_help():
    channels = told("given")[2]
    predicted = predict(Says(0.25, -0.5), torch.rand(2, 1, 16, 16), channels)
    assert (predicted[:, 0] == 0.25).all() and (predicted[:, 1] == -0.5).all()


def test_the_guess_is_told_and_not_painted():
    """It counts by what the network makes of it, and by what is spread against it."""
    spread, known, channels, guess = told("spread")
    other = channels.clone()
    other[:, 4:] *= -1
    lightness = torch.rand(2, 1, 16, 16)
    assert torch.equal(
        predict(Says(0.5, -0.5, 0.3), lightness, other), predict(Says(0.5, -0.5, 0.3), lightness, channels)
    )
    torch.manual_seed(0)
    network = UNet(2, 1, "resize", *PLANES["spread"]).eval()
    with torch.no_grad():
        change = (predict(network, lightness, other) - predict(network, lightness, channels)).abs()
    at = known.expand(-1, 2, -1, -1)
    assert change[~at].mean() > 0 and not change[at].any()


def test_gradients_reach_colours_and_trust():
    channels = told("spread")[2]
    network = UNet(2, 1, "resize", *PLANES["spread"])
    predict(network, torch.rand(2, 1, 16, 16), channels).square().mean().backward()
    assert (network.head.bias.grad.abs() > 1e-9).all()
    assert (network.down[0][0].weight.grad.abs().sum(dim=(0, 2, 3)) > 0).all()  # of each plane


# ---- a network with more planes


@pytest.mark.parametrize("planes", [PLANES["spread"], PLANES["given"], (2, 2), (1, 3)], ids=str)
@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
def test_a_widened_network_paints_as_before_whatever_else_it_is_told(planes, upsampling):
    torch.manual_seed(0)
    network = UNet(3, 2, upsampling)
    network(torch.rand(2, 1, 16, 16))  # running averages of its own
    network.eval()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    wide = widened(network, *planes).eval()
    assert (wide.channels, wide.outputs, wide.width, wide.depth, wide.upsampling) == (*planes, 3, 2, upsampling)
    lightness = torch.rand(2, 1, 13, 20)
    with torch.no_grad():
        expected = network(lightness)
        for seed in range(3):
            torch.manual_seed(seed)
            more = 100 * torch.randn(2, planes[0] - 1, 13, 20)
            found = wide(torch.cat([lightness, more], dim=1))
            torch.testing.assert_close(found[:, :2], expected, atol=1e-5, rtol=0)
            assert not found[:, 2:].any()
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


def test_a_network_with_these_planes_is_itself():
    for planes in PLANES.values():
        network = UNet(2, 1, "resize", *planes)
        assert widened(network, *planes) is network


# ---- hints to learn from


@pytest.fixture(scope="module")
def photos(sample):
    """40 small pieces of the sample photos, uint8 (40, 3, 20, 20)."""
    whole = bytes_of(sample.train, 96)[:5]
    return whole.unfold(2, 20, 19)[:, :, :4].unfold(3, 20, 19)[:, :, :, :2].permute(0, 2, 3, 1, 4, 5).reshape(
        40, 3, 20, 20
    )  # fmt: skip


@pytest.fixture(scope="module")
def samples(photos):
    return hint_inputs.draw(photos, TINY)


@pytest.fixture(scope="module")
def guesser():
    """A network without hints and with strong colours."""
    torch.manual_seed(3)
    network = UNet(3, 2, "transposed")
    with torch.no_grad():
        network.head.weight.mul_(10)
    return network.eval()


@pytest.fixture(scope="module")
def guessed(photos, guesser):
    """Samples whose prior a network has painted."""
    return hint_inputs.draw(photos, TINY, [guesser])


def unflipped(which):
    return torch.zeros(len(which), dtype=bool)


TENSORS = ("corners", "spread", "known", "near", "level", "error", "guess")


def assert_same(one, other):
    assert (one.kind, one.rounds) == (other.kind, other.rounds)
    for name in TENSORS:
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def labs(photos):
    """(N, H, W, 3) CIELAB."""
    return rgb_to_lab(photos.permute(0, 2, 3, 1).numpy())


def test_the_photos_and_the_seed_decide_what_is_drawn(photos, samples):
    np.random.seed(5)
    torch.manual_seed(5)
    assert_same(hint_inputs.draw(photos.clone(), TINY), samples)
    other = hint_inputs.draw(photos, dataclasses.replace(TINY, seed=1))
    assert not torch.equal(other.level, samples.level) and not torch.equal(other.known, samples.known)
    assert not torch.equal(other.corners, samples.corners) and torch.equal(other.guess, samples.guess)


def test_each_photo_has_hints_of_its_own_however_many_there_are(photos, samples):
    few = hint_inputs.draw(photos[:7], TINY)
    for name in ("corners", "level", "known", "near"):
        assert torch.equal(getattr(few, name), getattr(samples, name)[:21]), name


def test_the_prior_decides_neither_which_hints_there_are_nor_where(samples, guessed):
    for name in ("corners", "level", "known", "near"):
        assert torch.equal(getattr(guessed, name), getattr(samples, name)), name
    assert not torch.equal(guessed.spread, samples.spread) and not torch.equal(guessed.error, samples.error)


@pytest.mark.parametrize("by", ["mean", "network"])
def test_the_number_of_processes_changes_nothing(photos, guesser, monkeypatch, by):
    small = dataclasses.replace(TINY, size=8, stored=10, rounds=4)  # quick
    priors = [guesser] if by == "network" else []
    many, asked, parallel = photos[..., :10, :10].repeat(4, 1, 1, 1)[:126], [], joblib.Parallel
    assert len(many) * small.rounds > 500

    def noted(n_jobs):
        asked.append(n_jobs)
        return parallel(n_jobs=2)

    monkeypatch.setattr(joblib, "Parallel", noted)
    several = hint_inputs.draw(many, small, priors)
    monkeypatch.setattr(joblib, "Parallel", lambda n_jobs: parallel(n_jobs=1))
    assert_same(hint_inputs.draw(many, small, priors), several)
    assert asked == [-1]


def test_hints_that_do_not_fit_into_memory_are_one_sentence(photos, samples, monkeypatch):
    kept = (samples.spread, samples.known, samples.near, samples.guess)
    needed = 2 * sum(tensor.element_size() * tensor.nelement() for tensor in kept)
    monkeypatch.setattr(hint_inputs, "memory", lambda: needed)
    assert_same(hint_inputs.draw(photos, TINY), samples)
    monkeypatch.setattr(hint_inputs, "memory", lambda: needed - 1)
    with pytest.raises(UserError, match=f"{len(photos)} photos of 16 pixels need .*: try a smaller --size"):
        hint_inputs.draw(photos, TINY)


def test_what_is_drawn_has_the_configs_shape(samples):
    shapes = {"corners": (120, 2), "spread": (120, 2, 16, 16), "known": (120, 1, 16, 16), "near": (120, 1, 16, 16)}
    assert {name: tuple(getattr(samples, name).shape) for name in shapes} == shapes
    assert samples.guess.shape == (40, 2, 20, 20)  # of whole photos, once for all rounds
    assert samples.spread.dtype == samples.near.dtype == samples.guess.dtype == torch.float16
    assert samples.known.dtype == torch.bool
    assert samples.level.shape == (120,) and samples.error.shape == (len(LEVELS),)
    assert samples.corners.min() == 0 and samples.corners.max() == 4
    assert samples.error.isfinite().all() and (samples.error > 0).all()
    assert (samples.kind, samples.rounds) == ("spread", 3)


def test_every_level_occurs_about_as_often(photos):
    small = dataclasses.replace(TINY, size=8, stored=20, rounds=9)
    counts = np.bincount(hint_inputs.draw(photos, small).level, minlength=len(LEVELS))
    assert counts.sum() == 360 and len(counts) == len(LEVELS)
    assert counts.min() > 10 and counts.max() < 60  # 30 each


def test_without_a_network_the_prior_is_the_mean_colour(photos, samples):
    mean = labs(photos)[..., 1:].mean(axis=(0, 1, 2))
    found = hint_inputs.mean_colour(photos)
    assert found == pytest.approx(mean, abs=1e-3) and [type(value) for value in found] == [float, float]
    assert hint_inputs.mean_colour(photos, most=3) == pytest.approx(
        labs(photos[:3])[..., 1:].mean(axis=(0, 1, 2)), abs=1e-3
    )
    assert torch.equal(samples.guess, hint_inputs.guesses(photos, ()))
    expected = np.broadcast_to(mean[:, None, None], (40, 2, 20, 20))
    np.testing.assert_allclose(samples.guess, expected, rtol=1e-3, atol=2e-3)


def test_the_prior_is_what_the_network_paints_of_whole_photos(photos, guesser, guessed):
    assert torch.equal(guessed.guess, hint_inputs.guesses(photos, [guesser]))
    assert guessed.guess.dtype == torch.float16 and guessed.guess.shape == (40, 2, 20, 20)
    for i in (0, 17, 39):  # by the colorizer of that network
        lightness = labs(photos[i : i + 1])[0, ..., 0]
        expected = NetworkColorizer("unet", guesser, 20).colorize(lightness, Hints.none((20, 20))).ab
        found = guessed.guess[i].permute(1, 2, 0)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-2)
        assert np.ptp(expected) > 5


def test_of_several_networks_each_guesses_for_its_own_photos(photos, guesser):
    """The k-th for photos k, k + 3, ..., also when they are asked in parts."""
    other = UNet(3, 2)
    networks = [guesser, other.eval(), PretrainedUNet(LITE0, 2).eval()]
    found = hint_inputs.guesses(photos, networks)
    for k, network in enumerate(networks):
        alone = hint_inputs.guesses(photos, [network])
        torch.testing.assert_close(found[k::3], alone[k::3], atol=0.1, rtol=1e-2)
        assert not torch.equal(found[(k + 1) % 3 :: 3], alone[(k + 1) % 3 :: 3])
    parts = [hint_inputs.guesses(photos[i : i + 7], networks, i) for i in range(0, 40, 7)]
    torch.testing.assert_close(torch.cat(parts), found, atol=0.1, rtol=1e-2)
    drawn = hint_inputs.draw(photos, dataclasses.replace(TINY, rounds=1), networks)
    torch.testing.assert_close(drawn.guess, found, atol=0.1, rtol=1e-2)


def test_a_guess_painted_at_a_quarter_is_laid_along_edges_as_its_colorizer_does(photos):
    network = PretrainedUNet(LITE0, 2).eval()
    found = hint_inputs.guesses(photos[:3], [network])
    for photo, guess in zip(labs(photos[:3]), found):
        expected = NetworkColorizer("unet-pretrained", network, 20).colorize(photo[..., 0], Hints.none((20, 20))).ab
        np.testing.assert_allclose(guess.permute(1, 2, 0), expected, rtol=1e-3, atol=2e-2)


@pytest.mark.parametrize("count", [1, 49, 50, 51])
def test_guesses_of_many_photos_are_those_of_each(photos, guesser, count):
    many = photos.repeat(2, 1, 1, 1)[:count]
    found = hint_inputs.guesses(many, [guesser.train()])  # evaluated: batch norms do not mix photos
    each = torch.cat([hint_inputs.guesses(photo[None], [guesser]) for photo in many])
    torch.testing.assert_close(found, each, atol=0.1, rtol=1e-2)


def test_a_guess_may_be_learned_from(photos, guessed, samples):
    """Though it was made without gradients."""
    for drawn in (guessed, samples):
        which = torch.arange(4)
        _, channels, _ = drawn.at(photos[which], which, 0, unflipped(which))
        network = UNet(2, 1, "resize", *PLANES["spread"])
        predict(network, torch.rand(4, 1, 16, 16), channels).square().mean().backward()
        assert network.down[0][0].weight.grad[:, 5:].abs().sum() > 0


@pytest.mark.parametrize("by", ["samples", "guessed"])
def test_hints_come_from_their_own_photo_and_place(photos, by, request):
    """Where single pixels are known, the spread colours are the photo's, to the digits of float16."""
    samples, lab, checked = request.getfixturevalue(by), labs(photos), 0
    for row in range(len(samples.level)):
        level = LEVELS[samples.level[row]]
        if not 0 < level < 1:
            continue
        top, left = samples.corners[row].tolist()
        ab = lab[row // TINY.rounds, top : top + 16, left : left + 16, 1:]
        known = samples.known[row, 0].numpy()
        np.testing.assert_allclose(
            samples.spread[row].permute(1, 2, 0).float().numpy()[known], ab[known], rtol=1e-3, atol=0.05
        )
        assert known.sum() == 256 - round((1 - level) * 256)
        checked += 1
    assert checked > 5


def test_patches_have_the_mean_colour_of_the_photo_below(photos, samples):
    lab, ones = labs(photos), [row for row in range(len(samples.level)) if LEVELS[samples.level[row]] == 1]
    assert len(ones) > 2
    for row in ones:
        top, left = samples.corners[row].tolist()
        ab = lab[row // TINY.rounds, top : top + 16, left : left + 16, 1:]
        known, spread = samples.known[row, 0].numpy(), samples.spread[row].float().numpy()
        assert known.sum() == 1  # 3 pixels at 128 are less than one at 16
        np.testing.assert_allclose(spread[:, known].T, ab[known], rtol=1e-3, atol=0.05)


@pytest.mark.parametrize("by", ["samples", "guessed"])
def test_photos_without_hints_are_given_the_prior(by, request):
    """Of the same photo, at the same place."""
    samples = request.getfixturevalue(by)
    none = samples.level == LEVELS.index(0)
    assert none.any() and not samples.known[none].any() and not samples.near[none].any()
    assert samples.known[~none].flatten(1).any(dim=1).all()
    for row in none.nonzero().flatten().tolist():
        top, left = samples.corners[row].tolist()
        assert torch.equal(samples.spread[row], samples.guess[row // 3, :, top : top + 16, left : left + 16])


def test_what_is_drawn_is_spread_against_the_prior(photos, guessed):
    """The same hints spread again, to the digits of float16 and the tolerance."""
    lab, checked = labs(photos), 0
    for row in range(0, 120, 5):
        if not 0 < LEVELS[guessed.level[row]] < 1:  # of patches the samples keep no sharper colours
            continue
        top, left = guessed.corners[row].tolist()
        cut = lab[row // 3, top : top + 16, left : left + 16]
        prior = guessed.guess[row // 3, :, top : top + 16, left : left + 16].permute(1, 2, 0).float().numpy()
        expected = hint_inputs.spread_colours(cut[..., 0], Hints(cut[..., 1:], guessed.known[row, 0].numpy()), prior).ab
        found = guessed.spread[row].permute(1, 2, 0).float().numpy()
        assert np.abs(found - expected).mean() < 0.1 < np.abs(found - prior).mean()
        checked += 1
    assert checked > 2


def test_a_better_prior_errs_less_where_there_are_few_hints(photos, samples, monkeypatch):
    truth = torch.from_numpy(labs(photos)[..., 1:]).permute(0, 3, 1, 2).half()
    monkeypatch.setattr(hint_inputs, "guesses", lambda *_: truth)
    assert (hint_inputs.draw(photos, TINY).error < 1e-5).all() and samples.error[0] > 1e-3


def test_the_rows_say_how_near_their_hints_are(samples):
    for row in range(0, 120, 7):
        expected = closeness(samples.known[row, 0].numpy()).astype(np.float16)
        np.testing.assert_array_equal(samples.near[row, 0].numpy(), expected)
    assert (samples.near[samples.known] == 1).all()


def test_propagation_errs_the_less_the_more_hints_there_are(sample):
    whole = bytes_of(sample.train, 96)
    drawn = hint_inputs.draw(whole, dataclasses.replace(TINY, size=48, stored=96, rounds=10))
    error = dict(zip(LEVELS, drawn.error.tolist()))
    few, some, many = ((error[a] + error[b]) / 2 for a, b in ((0, 1), (20, 50), (500, 0.4)))
    assert few > 2 * some > 4 * many > 0


def test_the_error_of_a_level_is_that_of_its_spread_colours(photos, samples):
    lab, found = labs(photos), {}
    for row, level in enumerate(samples.level.tolist()):
        top, left = samples.corners[row].tolist()
        ab = lab[row // TINY.rounds, top : top + 16, left : left + 16, 1:].transpose(2, 0, 1)
        found.setdefault(level, []).append(np.square(scale_ab(samples.spread[row].float().numpy() - ab)).mean())
    for level, errors in found.items():
        assert samples.error[level].item() == pytest.approx(np.mean(errors), rel=0.01, abs=1e-6)


def test_photos_of_one_colour_have_finite_weights():
    plain = torch.full((3, 3, 20, 20), 99, dtype=torch.uint8)
    drawn = hint_inputs.draw(plain, TINY)
    assert (drawn.error > 0).all()
    weight = drawn.at(plain, torch.arange(3), 0, torch.zeros(3, dtype=bool))[2]
    assert weight.isfinite().all() and (weight > 0).all()


@pytest.mark.parametrize("kind", ["spread", "given"])
@pytest.mark.parametrize("round_", [0, 2])
def test_samples_are_handed_out_by_photo_and_round(photos, samples, kind, round_):
    samples = dataclasses.replace(samples, kind=kind)
    which = torch.tensor([7, 0, 39, 7])
    cut, channels, weight = samples.at(photos[which], which, round_, unflipped(which))
    assert (
        cut.dtype == torch.uint8 and cut.shape == (4, 3, 16, 16) and channels.shape == (4, PLANES[kind][0] - 1, 16, 16)
    )
    for i, photo in enumerate(which.tolist()):
        row = 3 * photo + round_
        top, left = samples.corners[row].tolist()
        assert torch.equal(cut[i], photos[photo, :, top : top + 16, left : left + 16])
        spread, known, near = (getattr(samples, name)[row, None].float() for name in ("spread", "known", "near"))
        guess = samples.guess[photo, None, :, top : top + 16, left : left + 16].float()
        assert torch.equal(channels[i], stack(kind, spread, known, near, guess)[0])


def test_guesses_are_of_the_same_photo_and_crop(photos, monkeypatch):
    """A prior that is the photo itself, by its bytes, is found again in what is handed out."""
    monkeypatch.setattr(hint_inputs, "guesses", lambda photos, _: photos[:, :2].half() / 4)
    drawn, which = hint_inputs.draw(photos, TINY), torch.tensor([3, 31, 0, 12])
    for round_ in range(3):
        for flip in (False, True):
            cut, channels, _ = drawn.at(photos[which], which, round_, torch.full((4,), flip))
            torch.testing.assert_close(channels[:, 4:] * 440, cut[:, :2].float(), rtol=1e-3, atol=0.1)


def test_a_flip_flips_everything(photos, guessed):
    samples, which = guessed, torch.arange(5, 11)
    some = torch.tensor([False, True, True, False, False, True])
    all_, none, mixed = (samples.at(photos[which], which, 1, flipped) for flipped in (some | True, some & False, some))
    for plain, mirrored, either in zip(none, all_, mixed):
        assert torch.equal(either[some], mirrored[some]) and torch.equal(either[~some], plain[~some])
        assert plain.shape[1] != 6 or not torch.equal(plain[:, 4:], mirrored[:, 4:])
        assert torch.equal(plain.flip(-1), mirrored)
        assert plain.shape[-1] == 1 or not torch.equal(plain, mirrored)


def test_photos_weigh_more_where_propagation_errs_less(photos, samples):
    which = torch.arange(40)
    for round_ in range(3):
        weight = samples.at(photos, which, round_, unflipped(which))[2]
        assert weight.shape == (40, 1, 1, 1)
        error = samples.error[samples.level[3 * which + round_]]
        torch.testing.assert_close(weight.flatten().square(), samples.error.mean() / error)


# ---- one set of hints


@pytest.mark.parametrize("level", LEVELS)
def test_hints_of_a_level_are_as_many_as_it_says(level):
    ab = np.random.default_rng(0).normal(0, 30, (128, 128, 2)).astype(np.float32)
    sides = set()
    for seed in range(12):
        hints = hint_inputs.draw_hints(ab, level, np.random.default_rng(seed))
        if 0 < level < 1:
            assert hints.known.sum() == 128**2 - round((1 - level) * 128**2)
            assert (hints.ab[hints.known] == ab[hints.known]).all()
        elif level == 1:
            side = int(hints.known.sum() ** 0.5)
            assert hints.known.sum() == side**2
            sides.add(side)
        else:
            assert (level > 0) * level / 2 < hints.known.sum() + (level == 0) <= max(1, 9 * level)
    assert level != 1 or sides == {1, 2, 3}


@given(st.sampled_from(LEVELS), st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 40))
@settings(max_examples=40)
def test_hints_of_any_photo_depend_on_the_random_numbers_alone(level, seed, height, width):
    ab = np.random.default_rng(1).normal(0, 30, (height, width, 2)).astype(np.float32)
    one, two = (hint_inputs.draw_hints(ab, level, np.random.default_rng(seed)) for _ in range(2))
    assert (one.known == two.known).all() and (one.ab[one.known] == two.ab[two.known]).all()
    assert one.known.shape == (height, width)
    assert one.known.any() == (level >= 1 or round((1 - level) * height * width) < height * width)


def full_prior(shape):
    """A smooth prior, in shape unlike any photo's lightness: (H, W, 2)."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    return np.dstack([20 * np.sin(x / 5), 15 * np.cos(y / 4) - 8]).astype(np.float32)


@pytest.mark.parametrize("prior", [PRIOR, full_prior((5, 7))], ids=["colour", "full"])
def test_without_hints_the_prior_is_spread(prior):
    kept = np.array(prior)
    found = hint_inputs.spread_colours(np.full((5, 7), 50, np.float32), Hints.none((5, 7)), prior).ab
    assert found.dtype == np.float32 and found.shape == (5, 7, 2) and (found == np.float32(prior)).all()
    found[0] = 0  # it belongs to the caller
    assert (np.array(prior) == kept).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_along_a_line_of_pixels_the_nearest_hint_is_spread(shape):
    known = np.zeros(shape, bool)
    known.flat[[0, -1]] = True
    ab = np.full((*shape, 2), np.nan, np.float32)
    ab[known] = [[10, 20], [-30, 40]][-known.sum() :]
    lightness = np.full(shape, 50, np.float32)
    found = hint_inputs.spread_colours(lightness, Hints(ab, known), PRIOR).ab.reshape(-1, 2)
    assert (found[0] == ab[known][0]).all() and (found[-1] == ab[known][-1]).all() and np.isfinite(found).all()
    np.testing.assert_allclose(found[1:2], found[:1][: len(found) - 1], atol=1e-5)
    prior = full_prior(shape)
    found = hint_inputs.spread_colours(lightness, Hints(ab, known), prior).ab.reshape(-1, 2)
    assert (found[0] == ab[known][0]).all() and (found[-1] == ab[known][-1]).all()
    change = found - prior.reshape(-1, 2)  # of the nearest hint against the prior
    np.testing.assert_allclose(change[1:2], change[:1][: len(found) - 1], atol=1e-5)


def some_hints(ab, kind):
    return {"pixels": hide_pixels(ab, 0.9), "patches": patches(ab, 5, 3), "all": hide_pixels(ab, 0.0)}[kind]


@pytest.fixture
def piece(lab_photos):
    """The lightness (40, 52) and colours of a piece of a photo."""
    lab = lab_photos[0][20:60, 10:62]
    return lab[..., 0], lab[..., 1:]


@pytest.mark.parametrize("kind", ["pixels", "patches", "all"])
def test_colours_are_spread_as_by_edge_aware_propagation(piece, kind):
    lightness, ab = piece
    hints = some_hints(ab, kind)
    found = hint_inputs.spread_colours(lightness, hints, PRIOR).ab
    strength = ANCHOR * (64 / 40) ** 2
    expected = Propagation("edge-aware", "edge-aware", prior=PRIOR, anchor=strength).colorize(lightness, hints).ab
    np.testing.assert_allclose(found, expected, atol=1e-2)
    assert (found[hints.known] == hints.ab[hints.known]).all() and found.dtype == np.float32
    assert kind == "all" or np.ptp(found[~hints.known]) > 1


@pytest.mark.parametrize("kind", ["pixels", "patches", "all"])
def test_one_colour_everywhere_is_a_prior_like_any_other(piece, kind):
    lightness, ab = piece
    hints = some_hints(ab, kind)
    full = np.broadcast_to(np.float32(PRIOR), ab.shape)
    assert (
        hint_inputs.spread_colours(lightness, hints, full).ab == hint_inputs.spread_colours(lightness, hints, PRIOR).ab
    ).all()


@pytest.mark.parametrize("kind", ["pixels", "patches"])
def test_a_constant_added_to_prior_and_hints_is_added_to_what_is_spread(piece, kind):
    lightness, ab = piece
    hints, prior, more = some_hints(ab, kind), full_prior(ab.shape), np.float32([11, -7.5])
    before = prior.copy(), hints.ab.copy(), lightness.copy()
    found = hint_inputs.spread_colours(lightness, hints, prior).ab
    moved = hint_inputs.spread_colours(lightness, Hints(hints.ab + more, hints.known), prior + more).ab
    np.testing.assert_allclose(moved, found + more, atol=1e-2)
    assert (found[hints.known] == hints.ab[hints.known]).all() and found.dtype == np.float32
    for kept, now in zip(before, (prior, hints.ab, lightness), strict=True):
        assert (kept == now).all(), "the input was changed"


@pytest.mark.parametrize("kind", ["pixels", "patches", "all"])
def test_a_prior_that_is_right_is_left_as_it_is(piece, kind):
    lightness, ab = piece
    hints = Hints(ab, some_hints(ab, kind).known)
    np.testing.assert_allclose(hint_inputs.spread_colours(lightness, hints, ab).ab, ab, atol=1e-4)


@pytest.mark.parametrize("known", [0.02, 0.3])
def test_unknown_colours_are_never_looked_at(piece, known):
    lightness, ab = piece
    hints, prior = hide_pixels(ab, 1 - known), full_prior(ab.shape)
    hidden = np.where(hints.known[..., None], hints.ab, np.nan)
    found = hint_inputs.spread_colours(lightness, Hints(hidden, hints.known), prior).ab
    assert (found == hint_inputs.spread_colours(lightness, hints, prior).ab).all()


def test_far_from_a_hint_the_priors_shape_is_left():
    """Near the hint all of what it says is added, far from it next to nothing; everywhere smoothly."""
    shape = (64, 640)
    known, prior = one_known(shape, 32, 20), full_prior(shape)
    ab = prior + np.float32([60, -45])
    change = hint_inputs.spread_colours(np.full(shape, 50, np.float32), Hints(ab, known), prior).ab - prior
    np.testing.assert_allclose(change[32, 20], [60, -45], atol=1e-4)
    np.testing.assert_allclose(change[..., 1], -0.75 * change[..., 0], atol=1e-2)
    along = change[32, 20:, 0]
    assert (np.diff(along) < 1e-3).all() and along[3] > 20 and 0.0 <= along[-1] + 1e-2 < 0.5
    assert (change[..., 0] > -1e-2).all() and change[..., 0].max() <= 60 + 1e-3


def test_the_anchor_reaches_as_far_on_a_photo_of_any_size():
    """In pixels twice as far on a photo of twice the size; a hint is given along the left edge."""
    found = {}
    for side in (16, 32, 64, 128):
        for shape in ((side, 3 * side), (3 * side, side)):  # the shorter side counts
            known = np.zeros((side, 3 * side), bool)
            known[:, : side // 16] = True
            known = known if shape == known.shape else known.T
            lightness, hints = np.full(shape, 50, np.float32), Hints(np.full((*shape, 2), 50, np.float32), known)
            change = hint_inputs.spread_colours(lightness, hints, (0, 0)).ab[..., 0]
            change = change if shape[0] == side else change.T
            np.testing.assert_allclose(change, change[:1].repeat(side, axis=0), atol=0.1)
            found[shape] = change[0].reshape(48, -1).mean(axis=1)
            if side == 16:
                found["bare"] = Propagation("", "edge-aware", anchor=ANCHOR).colorize(lightness, hints).ab[..., 0]
    assert 1 < found[64, 192][-1] < 10 < found[64, 192][8] < 40  # there is a fall to compare
    for shape in ((16, 48), (48, 16), (32, 96), (96, 32), (192, 64), (128, 384), (384, 128)):
        np.testing.assert_allclose(found[shape], found[64, 192], atol=1.5)
    assert found["bare"].min() > 25  # as it would be if strength were the same for all sizes


def test_a_stronger_anchor_leaves_more_of_the_prior(piece):
    lightness, ab = piece
    hints, prior = patches(ab, 3, 3), full_prior(ab.shape)
    found = {
        anchor: hint_inputs.spread_colours(lightness, hints, prior, anchor=anchor).ab for anchor in (1e-6, ANCHOR, 1)
    }
    change = [np.abs(each - prior)[~hints.known].mean() for each in found.values()]
    assert change[0] > 1.1 * change[1] > 1.5 * change[2] > 0
    assert (found[ANCHOR] == hint_inputs.spread_colours(lightness, hints, prior).ab).all()


def test_what_is_corrected_is_a_colorizer(piece, colorized):
    """The prior's guess is asked for without the hints, and what they say against it is spread."""
    lightness, ab = piece

    class Guess:
        def colorize(self, asked, hints):
            assert asked is lightness and not hints.known.any()
            return Colorization(full_prior(ab.shape))

    for kind in ("pixels", "patches", "all"):
        hints = some_hints(ab, kind)
        found = colorized(hint_inputs.Spread("spread", Guess(), 1e-2), lightness, hints)
        assert (found == hint_inputs.spread_colours(lightness, hints, full_prior(ab.shape), anchor=1e-2).ab).all()


def test_a_tolerance_that_is_not_reached_is_said(piece):
    lightness, ab = piece
    answer = hint_inputs.spread_colours(lightness, patches(ab, 5, 3), PRIOR, tol=1e-30)
    assert not answer.converged and "double precision allows no relative residual below" in answer.note
    found = answer.ab
    assert np.isfinite(found).all()
    rough = hint_inputs.spread_colours(lightness, patches(ab, 5, 3), PRIOR, tol=1e-3).ab
    assert 0 < np.abs(rough - found).max() < 5


def test_the_scaling_is_that_of_the_networks():
    spread = torch.full((1, 2, 1, 1), 55.0)
    told_ = unscale_ab(stack("spread", spread, torch.ones(1, 1, 1, 1), torch.ones(1, 1, 1, 1), spread / 2))
    assert told_[0, 0] == 55 and told_[0, 4] == 27.5
