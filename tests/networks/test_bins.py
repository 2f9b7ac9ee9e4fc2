"""Colour as classification: palette, soft targets, weights and annealed mean, against numbers worked out by hand."""

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, interpolate

from nbhelpers.colour.lab import rgb_to_lab_tensor
from nbhelpers.networks import bins
from nbhelpers.networks.bins import ColourBins, UNetBins
from nbhelpers.networks.config import LITE0
from nbhelpers.networks.models import UNet
from nbhelpers.networks.pretrained import PretrainedUNet

RED, GREEN, BLUE = (200, 30, 40), (40, 160, 60), (30, 60, 190)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def plain(*colours, side=8):
    """A photo of one colour for each."""
    return torch.tensor(colours, dtype=torch.uint8)[:, :, None, None].expand(-1, -1, side, side).contiguous()


def nearest(colour):
    """The place of a colour on the grid of 10 units, a* and b*."""
    ab = rgb_to_lab_tensor(plain(colour, side=1))[0, 1:, 0, 0]
    return tuple((10 * (ab / 10).round()).tolist())


def network(centres=((0, 0), (40, 30), (-40, 30), (10, -50)), temperature=0.5, width=3, kind=ColourBins):
    shape = (LITE0, width) if kind is ColourBins else (width, 4, "transposed")
    made = kind(*shape, len(centres), temperature)
    return made.with_palette(torch.tensor(centres).float(), torch.full((len(centres),), 1 / len(centres)))


# ---- the palette


def test_the_palette_holds_the_colours_of_the_photos_and_how_often():
    centres, share = bins.palette(plain(RED, GREEN, GREEN, BLUE, (128, 128, 128)))
    found = {tuple(centre): value for centre, value in zip(centres.tolist(), share.tolist(), strict=True)}
    expected = {nearest(RED): 0.2, nearest(GREEN): 0.4, nearest(BLUE): 0.2, (0.0, 0.0): 0.2}
    assert found == pytest.approx(expected) and len(expected) == 4
    assert centres.dtype == share.dtype == torch.float32


def test_the_palette_of_many_photos_is_that_of_all_of_them(monkeypatch):
    photos = torch.randint(0, 256, (7, 3, 16, 16), dtype=torch.uint8)
    whole = bins.palette(photos)
    monkeypatch.setattr(bins, "PART", 2)
    assert all(torch.equal(one, other) for one, other in zip(bins.palette(photos), whole, strict=True))
    assert whole[1].sum().item() == pytest.approx(1)
    assert (whole[0] % 10 == 0).all() and len(whole[0].unique(dim=0)) == len(whole[0]) > 5


def test_colours_are_those_of_squares_of_four_pixels():
    photos = torch.randint(0, 256, (2, 3, 10, 12), dtype=torch.uint8)
    ab = rgb_to_lab_tensor(photos)[:, 1:]
    expected = torch.stack([ab[..., y : y + 4, x : x + 4].mean((2, 3)) for y in (0, 4) for x in (0, 4, 8)], -1)
    torch.testing.assert_close(bins.small_ab(photos).flatten(2), expected)


def test_a_colour_that_hardly_a_pixel_has_is_left_out(monkeypatch):
    photos = plain(GREEN, side=40)
    photos[0, :, :4, :4] = torch.tensor(RED)[:, None, None]
    monkeypatch.setattr(bins, "RAREST", 0.01)  # it has 1 of 100 pixels
    assert bins.palette(photos)[1].tolist() == pytest.approx([0.99, 0.01])  # sorted by a*
    monkeypatch.setattr(bins, "RAREST", 0.011)
    centres, share = bins.palette(photos)
    assert centres.tolist() == [list(nearest(GREEN))] and share.tolist() == [1]


# ---- soft targets


def test_the_five_nearest_share_the_truth_as_a_gaussian_says():
    centres = torch.tensor([(0, 0), (10, 0), (0, 10), (-10, 0), (0, -10), (10, 10), (60, 60)]).float()
    which, share = bins.encode(torch.tensor([[3.0, 1.0], [61.0, 60.0]]), centres)
    squares = {0: 9 + 1, 1: 49 + 1, 2: 9 + 81, 5: 49 + 81, 4: 9 + 121}  # distances from (3, 1)
    near = sorted(squares, key=squares.get)[:3]
    assert which[0, :3].tolist() == near == [0, 1, 2] and set(which[0].tolist()) == {0, 1, 2, 4, 5}
    gauss = np.exp(-np.array([squares[i] for i in which[0].tolist()]) / 50)
    np.testing.assert_allclose(share[0], gauss / gauss.sum(), rtol=1e-5)
    assert which[1, 0] == 6 and share[1, 0] == pytest.approx(1)  # the others are far


def test_shares_sum_to_one_however_few_or_far_the_colours():
    ab = 100 * torch.randn(50, 2)
    for count in (1, 2, 5, 9):
        which, share = bins.encode(ab, 20 * torch.randn(count, 2))
        assert which.shape == share.shape == (50, min(5, count))
        torch.testing.assert_close(share.sum(1), torch.ones(50))
        assert (share.diff(dim=1) <= 0).all() and share.isfinite().all()  # the nearest first
    assert (bins.encode(ab, torch.zeros(1, 2))[1] == 1).all()


# ---- rare colours weigh more


@pytest.mark.parametrize("uniform", [0.0, 0.25, 0.5, 1.0])
def test_weights_follow_the_papers_formula(uniform):
    centres = np.array([(0, 0), (10, 0), (30, -20), (-40, 50)])
    share = np.array([0.7, 0.2, 0.09, 0.01])
    smooth = np.zeros(4)
    for i, from_ in enumerate(centres):  # each colour's share is spread over those around it
        spread = np.exp(-((centres - from_) ** 2).sum(1) / (2 * 5**2))
        smooth += share[i] * spread / spread.sum()
    assert smooth.sum() == pytest.approx(1)
    weights = 1 / ((1 - uniform) * smooth + uniform / 4)
    weights /= (share * weights).sum()
    found = bins.class_weights(torch.tensor(centres).float(), torch.tensor(share).float(), uniform)
    np.testing.assert_allclose(found, weights, rtol=1e-4)
    assert (found * torch.tensor(share)).sum().item() == pytest.approx(1)
    if uniform == 1:
        assert found.tolist() == pytest.approx([1] * 4)
    else:
        assert (found.diff() > 0).all()  # the rarer, the more


# ---- the loss


@pytest.mark.parametrize("count", [3, 8])
def test_the_loss_is_that_of_a_dense_computation(count):
    generator = np.random.default_rng(0)
    centres = generator.choice(np.array([(a, b) for a in range(-50, 60, 10) for b in range(-50, 60, 10)]), count, False)
    ab, logits = generator.normal(0, 30, (2, 2, 4, 3)), generator.normal(0, 2, (2, count, 4, 3))
    weights = generator.uniform(0.5, 3, count)
    losses = []
    for n, y, x in np.ndindex(2, 4, 3):
        distance = ((centres - ab[n, :, y, x]) ** 2).sum(1)
        target = np.where(
            distance <= np.sort(distance)[min(5, count) - 1], np.exp(-(distance - distance.min()) / 50), 0
        )
        target /= target.sum()
        likely = np.exp(logits[n, :, y, x]) / np.exp(logits[n, :, y, x]).sum()
        losses.append(-weights[distance.argmin()] * (target * np.log(likely)).sum())
    given = [torch.tensor(value).float() for value in (logits, ab, centres, weights)]
    assert bins.cross_entropy(*given).item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_the_loss_is_least_for_the_truth():
    centres = torch.tensor([(0, 0), (40, 30), (-40, 30), (10, -50)]).float()
    truth = torch.tensor([3, 1, 0, 2])
    ab = centres[truth].T.reshape(1, 2, 2, 2)
    right = 20 * torch.nn.functional.one_hot(truth, 4).float().T.reshape(1, 4, 2, 2)
    weights = torch.ones(4)
    assert bins.cross_entropy(right, ab, centres, weights) < 1e-3
    assert bins.cross_entropy(torch.zeros(1, 4, 2, 2), ab, centres, weights).item() == pytest.approx(
        np.log(4), rel=1e-4
    )
    assert bins.cross_entropy(-right, ab, centres, weights) > 2


# ---- the annealed mean


def test_the_annealed_mean_goes_from_the_mean_to_the_mode():
    centres = torch.tensor([(0.0, 0.0), (60.0, 20.0), (-20.0, 50.0)])
    likely = torch.tensor([0.2, 0.5, 0.3])
    logits = likely.log()[None, :, None, None].expand(1, 3, 2, 5)

    def at(temperature):
        found = bins.annealed_mean(logits, centres, temperature)
        assert found.shape == (1, 2, 2, 5) and (found == found[..., :1, :1]).all()
        return found[0, :, 0, 0]

    torch.testing.assert_close(at(1), torch.tensor([0.5 * 60 - 0.3 * 20, 0.5 * 20 + 0.3 * 50]))
    torch.testing.assert_close(at(0.01), centres[1])
    sharpened = likely ** (1 / 0.38) / (likely ** (1 / 0.38)).sum()
    torch.testing.assert_close(at(0.38), sharpened @ centres)
    torch.testing.assert_close(at(1e6), centres.mean(0), atol=1e-3, rtol=0)


def test_opposite_colours_alike_likely_are_painted_grey():
    centres = torch.tensor([(50.0, 0.0), (-50.0, 0.0), (0.0, 30.0), (0.0, -30.0)])
    for temperature in (0.1, 0.38, 1):
        assert bins.annealed_mean(torch.zeros(1, 4, 1, 1), centres, temperature).abs().max() < 1e-4


# ---- the network


@pytest.mark.parametrize("kind", [ColourBins, UNetBins])
@pytest.mark.parametrize("size", [(16, 16), (50, 70), (33, 8)])
def test_any_size_is_painted_as_its_logits_say(size, kind):
    made, x = network(kind=kind).eval(), 2 * torch.rand(2, 1, *size) - 1
    small = [-(-side // 16) * 4 for side in size]
    with torch.no_grad():
        logits, found = made.planes(x), made(x)
        coarse = made.paint(logits)
        assert logits.shape == (2, 4, *small) and coarse.shape == (2, 2, *small) and found.shape == (2, 2, *size)
        likely = (logits / 0.5).softmax(1)
        torch.testing.assert_close(coarse, torch.einsum("nqhw,qc->nchw", likely, made.centres) / 110)
        large = interpolate(coarse, scale_factor=4, mode="bilinear")
        torch.testing.assert_close(found, large[..., : x.shape[2], : x.shape[3]])
        made.head.weight.zero_()
        made.head.bias.copy_(torch.tensor([0, 0, 90.0, 0]))
        torch.testing.assert_close(made(x), torch.tensor([-40 / 110, 30 / 110])[:, None, None].expand(2, 2, *size))


@pytest.mark.parametrize("kind", [ColourBins, UNetBins])
def test_another_temperature_shares_the_weights_and_leaves_the_first_alone(kind):
    made, x = network(temperature=0.38, kind=kind).eval(), 2 * torch.rand(1, 1, 16, 16) - 1
    with torch.no_grad():
        made.head.weight.mul_(10)
        before = made(x)
        other = made.at(1.0)
        assert (made.temperature, other.temperature) == (0.38, 1.0) and type(other) is kind
        assert made.arguments["temperature"] == 0.38 and other.arguments["temperature"] == 1.0
        assert torch.equal(made(x), before) and not torch.allclose(other(x), before, atol=1e-4)
        mean = torch.einsum("nqhw,qc->nchw", made.planes(x).softmax(1), made.centres)
        torch.testing.assert_close(other.paint(other.planes(x)), mean / 110)
        made.head.weight.zero_()
        assert other.head.weight.abs().max() == 0
    assert all(one is other for one, other in zip(made.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("temperature", [0, -1, float("inf"), float("nan")])
def test_a_temperature_without_meaning_is_refused(temperature):
    with pytest.raises(ValueError, match="temperature must be above 0"):
        network(temperature=temperature)
    with pytest.raises(ValueError, match="temperature must be above 0"):
        network().at(temperature)


@pytest.mark.parametrize("kind", [ColourBins, UNetBins])
def test_the_loss_reaches_every_weight_that_learns(kind):
    made, photos = network(kind=kind), torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)
    lab = rgb_to_lab_tensor(photos)
    weights = bins.class_weights(made.centres, made.share, 0.5)
    loss = bins.cross_entropy(made.planes(lab[:, :1] / 50 - 1), avg_pool2d(lab[:, 1:], 4), made.centres, weights)
    loss.backward()
    found = {name: parameter.grad for name, parameter in made.named_parameters() if not name.startswith("encoder.")}
    assert len(found) > 10 and all(grad.abs().sum() > 0 for grad in found.values())


def test_from_scratch_only_the_last_two_levels_are_missing():
    whole, made = UNet(3, 4), network(kind=UNetBins)
    theirs = {key: value.shape for key, value in whole.state_dict().items() if not key.startswith("head.")}
    mine = {key: value.shape for key, value in made.state_dict().items() if not key.startswith("head.")}
    assert mine.pop("centres") == (4, 2) and mine.pop("share") == (4,)
    missing = {key.split(".")[0] + "." + key.split(".")[1] for key in theirs.keys() - mine.keys()}
    assert missing == {"up.2", "up.3", "merge.2", "merge.3"} and mine.items() < theirs.items()
    assert made.head.weight.shape == (4, 12, 1, 1)


def test_what_paints_at_a_quarter_is_known_by_its_kind():
    kinds = {
        UNet(2, 1): False,
        UNetBins(2, 2, "resize", 5, 0.2): True,
        PretrainedUNet(LITE0, 2): True,
        ColourBins(LITE0, 2, 5, 0.2): True,
        PretrainedUNet(LITE0, 2, 3, 7): False,  # with hints at half
    }
    assert [bins.coarse(network) for network in kinds] == list(kinds.values())
