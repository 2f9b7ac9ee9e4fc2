"""Features computed once: they are those of the squares that they come with, and the epochs take them in turn."""

import pytest
import torch
from lightning.fabric import Fabric
from trainings import quick

from nbhelpers.colour.lab import rgb_to_lab_tensor, scale_ab, scale_lightness
from nbhelpers.errors import UserError
from nbhelpers.networks import feature_cache, hint_inputs
from nbhelpers.networks.config import LITE0
from nbhelpers.networks.data import Batches
from nbhelpers.networks.pretrained import PretrainedUNet

CPU = Fabric(accelerator="cpu", devices=1)
ALL = torch.arange(7)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return PretrainedUNet(LITE0, 2)


@pytest.fixture(scope="module")
def photos():
    return torch.randint(0, 256, (7, 3, 26, 26), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def config(**changes):
    return quick("bins", **{"cached": 3, "jitter": 0.0} | changes)


def seen(network, squares):
    with torch.no_grad():
        return network.features(scale_lightness(rgb_to_lab_tensor(squares)[:, :1]))


def network_sees(network, lightness):
    with torch.no_grad():
        return network.features(lightness)


def near(found, expected):
    """As near as bfloat16, which has 8 bits, comes."""
    return all(
        (a - b).abs().max() <= b.abs().max() / 256 + 1e-6 and a.shape == b.shape
        for a, b in zip(found, expected, strict=True)
    )


def test_squares_and_features_belong_together(network, photos, monkeypatch):
    monkeypatch.setattr(feature_cache, "PART", 5)  # the last part is another one
    found = feature_cache.compute(photos, config(), network, CPU)
    assert (found.sets, found.size, len(found.corners)) == (3, 24, 21)
    for epoch in range(3):
        which = torch.tensor([4, 0, 6])
        squares, levels, _ = found.at(photos[which], which, epoch)
        assert squares.dtype == torch.uint8 and {level.dtype for level in levels} == {torch.float32}
        assert squares.shape == (3, 3, 24, 24) and near(levels, seen(network, squares))
        assert not near([level.flip(0) for level in levels], seen(network, squares))


def test_squares_are_cut_from_their_photos_and_mirrored_or_not(network, photos):
    found = feature_cache.compute(photos, config(), network, CPU)
    flips = set()
    for epoch in range(3):
        squares, *_ = found.at(photos, ALL, epoch)
        for photo, square in zip(photos, squares, strict=True):
            places = _places(photo, square)
            assert len(places) == 1
            flips |= {places[0]}
    assert {flip for _, _, flip in flips} == {False, True} and len({place[:2] for place in flips}) > 4


def _places(photo, square):
    cuts = {(y, x): photo[:, y : y + 24, x : x + 24] for y in range(3) for x in range(3)}
    return [(*at, flip) for at, cut in cuts.items() for flip in (False, True)
            if torch.equal(square, cut.flip(-1) if flip else cut)]  # fmt: skip


def test_epochs_take_the_sets_in_turn(network, photos):
    found = feature_cache.compute(photos, config(), network, CPU)
    first, second, third, fourth = (found.at(photos, ALL, epoch) for epoch in range(4))
    assert torch.equal(first[0], fourth[0])
    assert all(torch.equal(a, b) for a, b in zip(first[1], fourth[1], strict=True))
    for one, other in ((first, second), (second, third), (first, third)):
        assert not torch.equal(one[0], other[0]) and not torch.equal(one[1][0], other[1][0])


def test_the_seed_decides_and_nothing_else_does(network, photos):
    one = feature_cache.compute(photos, config(jitter=0.1), network, CPU)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    again = feature_cache.compute(photos, config(jitter=0.1), network, CPU)
    assert torch.equal(torch.get_rng_state(), state)
    other = feature_cache.compute(photos, config(jitter=0.1, seed=5), network, CPU)
    assert torch.equal(one.corners, again.corners) and torch.equal(one.mirrored, again.mirrored)
    assert all(torch.equal(a, b) for a, b in zip(one.levels, again.levels, strict=True))
    assert not torch.equal(one.corners, other.corners) and not torch.equal(one.levels[0], other.levels[0])
    assert {level.dtype for level in one.levels} == {torch.bfloat16}


def test_jitter_changes_the_features_and_not_the_squares(network, photos):
    plain, jittered = (feature_cache.compute(photos, config(jitter=jitter), network, CPU) for jitter in (0.0, 0.3))
    assert torch.equal(plain.at(photos, ALL, 1)[0], jittered.at(photos, ALL, 1)[0])
    assert all(not near([a[row]], [b[row]]) for a, b in zip(plain.levels, jittered.levels) for row in range(21))


def test_photos_as_large_as_the_squares_are_taken_whole(network, photos):
    found = feature_cache.compute(photos, config(size=26, cached=1), network, CPU)
    squares, levels, _ = found.at(photos, ALL, 5)
    mirrored = found.mirrored[:, None, None, None]
    assert torch.equal(squares, torch.where(mirrored, photos.flip(-1), photos)) and near(levels, seen(network, squares))


def test_batches_have_the_features_of_their_photos(network, photos):
    asked = config(batch=3)
    batches = Batches(photos, asked)
    assert batches.at(0, 1).features is None
    batches.seen = feature_cache.compute(photos, asked, network, CPU)
    for step in (0, 1, 2, 5):
        batch = batches.at(step, 1)
        with torch.no_grad():
            assert near(batch.features, network.features(batch.lightness))
        which, epoch = batches._visits[step // 2, 1][0][step % 2], step // 2
        lab = rgb_to_lab_tensor(batches.seen.at(photos[which], which, epoch)[0])
        torch.testing.assert_close(batch.ab, scale_ab(lab[:, 1:]))


def test_two_devices_share_a_batch(network, photos):
    asked = config(batch=4)
    whole, *parts = (Batches(photos, asked, rank=rank, world=world) for rank, world in ((0, 1), (0, 2), (1, 2)))
    features = feature_cache.compute(photos, asked, network, CPU)
    for each in (whole, *parts):
        each.seen = features
    expected, found = whole.at(1, 7), [each.at(1, 7) for each in parts]
    assert torch.equal(torch.cat([batch.ab for batch in found]), expected.ab)
    for level, *halves in zip(expected.features, *(batch.features for batch in found), strict=True):
        assert torch.equal(torch.cat(halves), level)


def test_learning_from_features_gives_gradients(network, photos):
    found = feature_cache.compute(photos, config(), network, CPU)
    squares, levels, _ = found.at(photos, ALL, 0)
    network(scale_lightness(rgb_to_lab_tensor(squares)[:, :1]), levels).square().mean().backward()
    assert network.bottom[0].weight.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in network.encoder.parameters())
    network.zero_grad()


def test_a_memory_that_is_too_small_is_one_sentence(network, photos, monkeypatch):
    levels = feature_cache.compute(photos, config(), network, CPU).levels
    needed = sum(level.numel() * 2 for level in levels)
    monkeypatch.setattr(feature_cache, "memory", lambda: 2 * needed)
    assert feature_cache.compute(photos, config(), network, CPU).levels[0].shape == levels[0].shape
    monkeypatch.setattr(feature_cache, "memory", lambda: 2 * needed - 1)
    with pytest.raises(UserError) as caught:
        feature_cache.compute(photos, config(), network, CPU)
    assert str(caught.value).startswith("the encoder's features of 21 squares need 0.0 GiB of memory, this machine")
    assert str(caught.value).endswith("try a smaller --size, or fewer photos")


# ---- with hints


@pytest.mark.parametrize("name", ["hinted", "hinted-alone"])
def test_hints_and_features_are_of_the_same_squares(photos, name):
    asked = quick(name, encoder=LITE0, cached=2, rounds=2, jitter=0.0)
    torch.manual_seed(0)
    network = PretrainedUNet(LITE0, 2, *reversed(hint_inputs.PLANES[asked.hints]))
    batches = Batches(photos, asked)
    batches.seen = feature_cache.compute(photos, asked, network, CPU, batches.samples.corners)
    assert torch.equal(batches.seen.corners, batches.samples.corners) and 0 < batches.seen.mirrored.sum() < 14
    flipped = []
    for step in range(2 * batches.per_epoch):
        batch, epoch = batches.at(step, 1), step // batches.per_epoch
        which = batches.order(epoch, 1)[step % batches.per_epoch]
        rows = 2 * which + epoch % 2
        assert near(batch.features, network_sees(network, batch.lightness))
        known = batch.hint_channels[:, 2:3]
        expected = batches.samples.known[rows].float()
        for one, other, mirrored in zip(known, expected, batches.seen.mirrored[rows]):
            assert torch.equal(one, other.flip(-1) if mirrored else other)
            flipped.append(bool(mirrored))
        assert batch.weight.shape == (len(which), 1, 1, 1)
        if name == "hinted-alone":  # the hints are the true colours of these very pixels
            assert (batch.hint_channels[:, :2] - batch.ab * known).abs().max() < 0.35
    assert 0 < sum(flipped) < len(flipped)
