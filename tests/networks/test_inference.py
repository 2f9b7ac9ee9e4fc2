"""Networks as colorizers: any size of photo, its own lightness, hints kept; where the registry finds them."""

import pickle
import shutil
import warnings

import joblib
import numpy as np
import pytest
import torch
from joblib.externals.loky.backend import reduction
from torch import nn
from torch.nn.functional import interpolate

from nbhelpers import paths, registry
from nbhelpers.colour.lab import rgb_to_lab, scale_lightness, unscale_ab
from nbhelpers.errors import UserError
from nbhelpers.evaluation.evaluate import evaluate
from nbhelpers.hints import Colorization, Constant, Hints, hide_pixels, patches, shrunk_hints, shrunk_lightness
from nbhelpers.linear import colorizers
from nbhelpers.linear.colorizers import Propagation
from nbhelpers.networks import checkpoints, hint_inputs, inference
from nbhelpers.networks.bins import ColourBins, UNetBins
from nbhelpers.networks.config import LITE0
from nbhelpers.networks.encoder import imagenet_weights
from nbhelpers.networks.inference import HintedColorizer, NetworkColorizer
from nbhelpers.networks.models import UNet
from nbhelpers.networks.pretrained import PretrainedUNet, guided
from nbhelpers.paths import Run
from nbhelpers.registry import HINTED, NETWORKS

RUN = Run("smoke", "sample")
# For a network of 16 pixels: one pixel and one column, smaller, its own size, a little and much larger, extreme.
SIZES = [(1, 1), (16, 1), (3, 40), (16, 16), (17, 16), (33, 70), (400, 16)]
# With some pixels known; with all and with none in one small and one large photo.
CASES = [
    *((shape, 0.6) for shape in SIZES),
    *(((3, 40), share) for share in (0.0, 1.0)),
    *(((33, 70), share) for share in (0.0, 1.0)),
]


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = UNet(3, 2)
    with torch.no_grad():
        made.head.weight.mul_(4)  # colours, not almost grey
    return made.eval()


@pytest.fixture
def colorizer(network):
    return NetworkColorizer("unet", network, 16)


class Plain(nn.Module):
    """Paints the lightness it sees as a*, its negative as b*; `seen` keeps the sizes."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, lightness):
        self.seen.append(tuple(lightness.shape))
        return torch.cat([lightness, -lightness], dim=1)


def light(shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 100, shape).astype(np.float32)


def raw(network, lightness):
    """What the network says of a photo as it is: (H, W, 2), a* and b*."""
    with torch.no_grad():
        found = network(torch.from_numpy(lightness)[None, None] / 50 - 1)
    return 110 * found[0].permute(1, 2, 0).numpy()


# ---- colorize


@pytest.mark.parametrize(("shape", "share"), CASES)
def test_a_network_keeps_the_contract_at_every_size(colorizer, shape, share, colorized):
    lightness = light(shape)
    hints = hide_pixels(np.random.default_rng(1).normal(0, 30, (*shape, 2)).astype(np.float32), share)
    found = colorized(colorizer, lightness, hints)
    assert np.abs(found).max() < 200
    bare = colorizer.colorize(lightness, Hints.none(shape)).ab
    assert (found[~hints.known] == bare[~hints.known]).all()  # hints change nothing else


@pytest.mark.parametrize("shape", SIZES)
def test_a_network_that_paints_one_colour_paints_it_at_every_size(network, shape):
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias[:] = torch.atanh(torch.tensor([33.0, -77.0]) / 110)
    found = NetworkColorizer("unet", network, 16).colorize(light(shape), Hints.none(shape)).ab
    np.testing.assert_allclose(found, np.broadcast_to(np.float32([33, -77]), found.shape), atol=1e-3)


@pytest.fixture(scope="module", params=["unet-pretrained", "bins", "bins from scratch"])
def at_a_quarter(request):
    """A network that paints at a quarter of the size, with strong colours."""
    torch.manual_seed(0)
    if request.param == "bins from scratch":
        made = UNetBins(4, 4, "transposed", 9, 0.38)
    else:
        made = PretrainedUNet(LITE0, 4) if request.param == "unet-pretrained" else ColourBins(LITE0, 4, 9, 0.38)
        made.begin_with(imagenet_weights(LITE0))
    with torch.no_grad():
        made.head.weight.normal_(std=2)
    return (
        made.eval()
        if request.param == "unet-pretrained"
        else made.with_palette(20 * torch.randn(9, 2), torch.ones(9) / 9).eval()
    )


@pytest.mark.parametrize(("shape", "share"), [((1, 1), 0.0), ((16, 1), 0.5), ((3, 40), 1.0), ((33, 70), 0.3)])
def test_a_network_at_a_quarter_keeps_the_contract_at_every_size(at_a_quarter, shape, share, colorized):
    colorizer = NetworkColorizer("x", at_a_quarter, 16)
    hints = hide_pixels(np.random.default_rng(1).normal(0, 30, (*shape, 2)).astype(np.float32), share)
    found = colorized(colorizer, light(shape), hints)
    bare = colorizer.colorize(light(shape), Hints.none(shape)).ab
    assert (found[~hints.known] == bare[~hints.known]).all() and np.abs(found).max() < 200


@pytest.mark.parametrize(("shape", "seen"), [((16, 16), (16, 16)), ((64, 32), (32, 16)), ((5, 9), (5, 9))])
def test_a_network_at_a_quarter_paints_along_the_lightness(at_a_quarter, shape, seen):
    lightness = light(shape)
    small = torch.from_numpy(shrunk_lightness(lightness, 16))[None, None]
    assert small.shape[2:] == seen
    with torch.no_grad():
        chroma = 110 * at_a_quarter(small / 50 - 1)
        expected = guided(chroma, small, torch.from_numpy(lightness)[None, None])[0].permute(1, 2, 0).numpy()
    found = NetworkColorizer("x", at_a_quarter, 16).colorize(lightness, Hints.none(shape)).ab
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert np.ptp(found) > 1
    twice = NetworkColorizer("x", at_a_quarter, 16, gain=2.0).colorize(lightness, Hints.none(shape)).ab
    np.testing.assert_allclose(twice, 2 * found, rtol=1e-6)
    again = pickle.loads(pickle.dumps(NetworkColorizer("x", at_a_quarter, 16)))
    assert (again.colorize(lightness, Hints.none(shape)).ab == found).all()


@pytest.mark.parametrize("shape", SIZES)
def test_a_network_at_a_quarter_that_paints_one_colour_paints_it_at_every_size(shape):
    network = PretrainedUNet(LITE0, 2).eval()
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias[:] = torch.atanh(torch.tensor([33.0, -77.0]) / 110)
    found = NetworkColorizer("unet", network, 16).colorize(light(shape), Hints.none(shape)).ab
    np.testing.assert_allclose(found, np.broadcast_to(np.float32([33, -77]), found.shape), atol=2e-2)


@pytest.mark.parametrize("shape", [(16, 16), (16, 40), (5, 9), (1, 1), (9, 70)])
def test_photos_of_the_networks_size_or_smaller_get_what_the_network_says(colorizer, network, shape):
    lightness = light(shape)
    found = colorizer.colorize(lightness, Hints.none(shape)).ab
    np.testing.assert_allclose(found, raw(network, lightness), rtol=0, atol=1e-4)
    assert np.ptp(found) > 1 or shape == (1, 1)


@pytest.mark.parametrize(
    ("shape", "seen"),
    {
        (16, 16): (16, 16),
        (10, 30): (10, 30),
        (32, 32): (16, 16),
        (64, 200): (16, 50),
        (200, 64): (50, 16),
        (17, 17): (16, 16),
        (30, 31): (16, 17),
        (400, 16): (400, 16),
    }.items(),
)
def test_larger_photos_are_shrunk_to_the_networks_size(shape, seen):
    plain = Plain()
    found = NetworkColorizer("unet", plain, 16).colorize(light(shape), Hints.none(shape)).ab
    assert plain.seen == [(1, 1, *seen)] and found.shape == (*shape, 2)


def test_colours_lie_where_they_were_seen():
    """Along a ramp the painted colour is the ramp, enlarged without a shift; no colour is mixed up with the other."""
    for shape, axis in (((64, 96), 1), ((96, 64), 0)):
        ramp = np.linspace(0, 100, 96, dtype=np.float32)
        lightness = np.broadcast_to(ramp[None] if axis else ramp[:, None], shape)
        found = NetworkColorizer("unet", Plain(), 16).colorize(lightness.copy(), Hints.none(shape)).ab
        expected = 110 * (lightness / 50 - 1)
        inside = np.s_[8:-8, 8:-8]
        np.testing.assert_allclose(found[inside][..., 0], expected[inside], atol=0.5)
        np.testing.assert_allclose(found[inside][..., 1], -expected[inside], atol=0.5)


def test_shrinking_averages_and_leaves_nothing_out():
    stripes = np.tile(np.float32([0, 100, 100, 0]), (64, 16))  # a sampler would see the two in the middle alone
    found = NetworkColorizer("unet", Plain(), 16).colorize(stripes, Hints.none((64, 64))).ab
    assert np.abs(found[8:-8, 8:-8]).max() < 40 < 110


def test_lightness_may_come_in_any_layout(colorizer):
    lightness = light((40, 24))
    expected = colorizer.colorize(lightness, Hints.none((40, 24))).ab
    for other in (lightness.astype(np.float64), np.asfortranarray(lightness), np.dstack([lightness] * 3)[..., 1]):
        assert (colorizer.colorize(other, Hints.none((40, 24))).ab == expected).all()


def test_what_comes_out_belongs_to_the_caller(colorizer):
    lightness = light((16, 16))
    first = colorizer.colorize(lightness, Hints.none((16, 16))).ab
    kept = first.copy()
    first[:] = 0
    assert (colorizer.colorize(lightness, Hints.none((16, 16))).ab == kept).all()
    assert all(parameter.grad is None for parameter in colorizer.network.parameters())


def test_colorizing_changes_nothing_in_the_network(colorizer, network):
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state = torch.get_rng_state()
    colorizer.colorize(light((33, 20)), Hints.none((33, 20)))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state) and not network.training


def test_real_photos_get_the_same_colours_alone_or_in_an_evaluation(colorizer, sample):
    lab = rgb_to_lab(sample.test[0])
    ab = colorizer.colorize(lab[..., 0], Hints.none((96, 96))).ab
    (scored,) = evaluate([colorizer], sample.test[:1], (1.0,), jobs=1).itertuples()
    assert scored.method == "unet" and scored.ab_mse == pytest.approx(((ab - lab[..., 1:]) ** 2).mean(), rel=1e-4)


# ---- to other processes


@pytest.mark.parametrize("dumps", [pickle.dumps, reduction.dumps], ids=["pickle", "loky"])
def test_a_sent_colorizer_colorizes_alike(colorizer, dumps):
    again = pickle.loads(dumps(colorizer))
    lightness, hints = light((40, 24)), Hints.none((40, 24))
    assert (again.name, again.size, again.network.training) == ("unet", 16, False)
    assert (again.colorize(lightness, hints).ab == colorizer.colorize(lightness, hints).ab).all()


def test_threads_colorize_alike(colorizer):
    photos = [light((20 + 3 * i, 24), i) for i in range(6)]
    alone = [colorizer.colorize(each, Hints.none(each.shape)).ab for each in photos]
    tasks = (joblib.delayed(colorizer.colorize)(each, Hints.none(each.shape)) for each in photos)
    for mine, theirs in zip(joblib.Parallel(2, backend="threading")(tasks), alone, strict=True):
        np.testing.assert_allclose(mine.ab, theirs, rtol=0, atol=1e-4)


# ---- the registry


def keep(name, folder, network, about=None):
    path = folder / f"{name}.safetensors"
    checkpoints.save_network(path, network, {"name": name, "size": 16, "step": 7} | (about or {}))
    return path


@pytest.mark.parametrize("name", NETWORKS)
def test_a_runs_own_network_comes_before_the_committed_one(course, name):
    networks = {}
    for folder, colour in ((paths.DATA / "checkpoints", 20.0), (RUN.models, -50.0)):
        networks[folder] = UNet(2, 1)
        with torch.no_grad():
            networks[folder].head.weight.zero_()
            networks[folder].head.bias[:] = torch.atanh(torch.tensor(colour / 110))
        keep(name, folder, networks[folder])
    for run, colour in ((RUN, -50), (None, 20), (Run("paper", "kaggle"), 20)):
        found = registry.load(name, run)
        assert isinstance(found, NetworkColorizer) and found.name == name and found.size == 16
        assert found.about["step"] == 7 and not found.network.training
        ab = found.colorize(light((40, 20)), Hints.none((40, 20))).ab
        np.testing.assert_allclose(ab, np.full((40, 20, 2), colour), atol=0.1)


def test_a_loaded_network_paints_as_the_trained_one(course, network, sample):
    keep("unet", RUN.models, network)
    lightness = rgb_to_lab(sample.test[0])[..., 0]
    ab = registry.load("unet", RUN).colorize(lightness, Hints.none((96, 96))).ab
    expected = NetworkColorizer("unet", network, 16).colorize(lightness, Hints.none((96, 96))).ab
    assert np.ptp(expected) > 5
    np.testing.assert_allclose(ab, expected, rtol=0, atol=0.5)  # convolutions are rounded to half precision


@pytest.mark.parametrize(("name", "notebook"), {"unet": "05", "gan-paper": "06", "gan-l1": "06"}.items())
def test_a_network_that_was_never_trained_says_how_to_train_it(course, name, notebook):
    asked = f"'{name}' has not been fitted: run notebook {notebook}, .*`nbhelpers run {notebook} --profile"
    with pytest.raises(UserError, match=f"{asked} paper --photos kaggle`"):
        registry.load(name, Run("paper", "kaggle"))
    with pytest.raises(
        UserError, match=rf"{asked} demo --photos sample`, and load it with run=Run\('demo', 'sample'\)"
    ):
        registry.load(name)
    assert name in registry.names()


def test_a_misspelt_network_is_answered_with_the_nearest():
    for wrong, right in (("u-net", "unet"), ("gan_l1", "gan-l1"), ("gan-papers", "gan-paper")):
        with pytest.raises(UserError, match=f"no colorizer '{wrong}': did you mean '{right}'"):
            registry.load(wrong)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_damaged_network_is_named(course, network, name):
    path = keep(name, RUN.models, network)
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:1000], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"{name}.safetensors is damaged .*: delete it and train again") as caught:
            registry.load(name, RUN)
        assert str(path) in str(caught.value)
    path.write_bytes(whole)
    assert registry.load(name, RUN).name == name


def test_a_network_of_another_config_is_refused(course, network):
    path = keep("gan-l1", RUN.models, network)
    shutil.copy(path, path.with_stem("unet"))
    with pytest.raises(UserError, match=r"unet\.safetensors does not hold a network 'unet': delete it and train again"):
        registry.load("unet", RUN)
    assert registry.load("gan-l1", RUN).name == "gan-l1"


@pytest.mark.parametrize("about", [{"size": "16"}, {"size": None}, {"size": 16.5}, {"name": None}], ids=str)
def test_a_network_without_its_name_and_size_is_refused(course, network, about):
    keep("unet", RUN.models, network, about)
    with pytest.raises(UserError, match=r"unet\.safetensors does not hold a network 'unet'"):
        registry.load("unet", RUN)


def test_a_checkpoint_of_a_training_is_no_colorizer(course, network):
    path = RUN.models / "unet.safetensors"
    checkpoints.save(path, checkpoints.pack("generator", network.state_dict()), {"name": "unet", "size": 16})
    with pytest.raises(UserError, match=r"unet\.safetensors holds no network as it should"):
        inference.load("unet", path)


def test_read_only_lightness_is_no_reason_to_warn(colorizer):
    lightness = light((16, 16))
    lightness.setflags(write=False)
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            colorizer.colorize(lightness, Hints.none((16, 16)))
    finally:
        torch.set_warn_always(False)


def test_a_gain_multiplies_the_chroma_at_every_size(network):
    plain, loud = NetworkColorizer("unet", network, 16), NetworkColorizer("unet", network, 16, gain=2.0)
    for shape in ((16, 16), (40, 60)):
        nothing = Hints.none(shape)
        quiet = plain.colorize(light(shape), nothing).ab
        np.testing.assert_allclose(loud.colorize(light(shape), nothing).ab, 2 * quiet, rtol=1e-5, atol=1e-5)


def test_the_gain_brings_the_mean_chroma_to_a_share_of_the_true_one(network, sample):
    photos = torch.from_numpy(np.stack(list(sample.train))).permute(0, 3, 1, 2)
    gain = inference.gain_for(network, photos, 96, 0.5)
    labs = list(sample.labs())
    colorizer = NetworkColorizer("", network, 96, gain=gain)
    predicted = [colorizer.colorize(lab[..., 0], Hints.none((96, 96))).ab for lab in labs]
    found, true = (np.mean([np.hypot(*np.moveaxis(ab, -1, 0)).mean() for ab in planes])
                   for planes in (predicted, [lab[..., 1:] for lab in labs]))  # fmt: skip
    assert found == pytest.approx(0.5 * true, rel=1e-3) or (gain == 3.0 and found < 0.5 * true)
    assert inference.gain_for(network, photos, 96, 1e9) == 3.0  # a network that paints grey is not blown up


@pytest.mark.parametrize("gain", [0.0, -1.0, 11.0, "1", None])
def test_a_gain_that_cannot_be_is_refused(network, tmp_path, gain):
    checkpoints.save_network(tmp_path / "unet.safetensors", network, {"name": "unet", "size": 16, "gain": gain})
    with pytest.raises(UserError, match="unet.safetensors does not hold"):
        inference.load("unet", tmp_path / "unet.safetensors")


def test_a_photo_is_shrunk_as_the_training_photos_were(tmp_path):
    """The lightness that the network sees is that of the photo opened at the network's size."""
    from nbhelpers.photos import open_photos

    seen = []

    class Listener(torch.nn.Module):
        def forward(self, x):
            seen.append(x[0, 0].numpy())
            return torch.zeros(1, 2, *x.shape[2:])

    photos = [open_photos("sample", size=size).test[0] for size in (240, 60)]
    lightness = [rgb_to_lab(rgb)[..., 0] for rgb in photos]
    NetworkColorizer("n", Listener(), 60).colorize(lightness[0], Hints.none((240, 240)))
    difference = np.abs((seen[0] + 1) * 50 - lightness[1])
    assert difference.mean() < 0.3  # a triangle filter, which blurs more, is off by 1


# ---- networks that look at hints

PRIOR = (4.0, 12.5)
MEAN = Constant("mean", PRIOR)


class Told(nn.Module):
    """Paints the same numbers everywhere; `seen` keeps what it was told."""

    def __init__(self, *values):
        super().__init__()
        self.values, self.seen = torch.tensor(values), []

    def forward(self, x):
        self.seen.append(x.clone())
        return self.values[None, :, None, None].expand(1, -1, *x.shape[2:])


class Ramp:
    """A prior that is no single colour: a* grows to the right, b* downwards."""

    name = "ramp"

    def __init__(self):
        self.asked = []

    def colorize(self, lightness, hints):
        self.asked.append((lightness, hints))
        y, x = np.mgrid[: lightness.shape[0], : lightness.shape[1]].astype(np.float32)
        ab = np.dstack([60 * x / lightness.shape[1] - 30, 40 * y / lightness.shape[0] - 10]).astype(np.float32)
        return Colorization(ab)


def bold(kind, prior=MEAN):
    """A colorizer with a network of random weights and strong colours."""
    torch.manual_seed(1)
    network = UNet(3, 2, "transposed", *hint_inputs.PLANES[kind])
    with torch.no_grad():
        network.head.weight.mul_(4)
    return HintedColorizer("hinted", network.eval(), 16, prior, kind)


def edge_aware(lightness, hints, prior=MEAN):
    """What the hints say against the prior's guess, spread and added to it."""
    guess = prior.colorize(lightness, Hints.none(lightness.shape)).ab
    news = Hints(np.where(hints.known[..., None], hints.ab - guess, 0), hints.known)
    strength = hint_inputs.ANCHOR * (64 / min(lightness.shape)) ** 2
    spread = Propagation("", "edge-aware", anchor=strength).colorize(lightness, news).ab
    return np.where(hints.known[..., None], hints.ab, guess + spread)


@pytest.mark.parametrize(("kind", "prior"), [("given", "mean"), ("spread", "mean"), ("spread", "network")])
@pytest.mark.parametrize(("shape", "share"), CASES)
def test_a_network_with_hints_keeps_the_contract_at_every_size(network, shape, share, kind, prior, colorized):
    colorizer = bold(kind, MEAN if prior == "mean" else NetworkColorizer("unet", network, 16))
    lightness = light(shape)
    hints = hide_pixels(np.random.default_rng(1).normal(0, 30, (*shape, 2)).astype(np.float32), share)
    assert np.abs(colorized(colorizer, lightness, hints)).max() < 300


@pytest.mark.parametrize("kind", ["spread", "given"])
def test_hints_change_what_is_painted_elsewhere(kind):
    colorizer, lightness = bold(kind), light((40, 50))
    found = []
    for colour in (-60.0, 60.0):
        hints = patches(np.full((40, 50, 2), colour, np.float32), 3, 5)
        found.append(colorizer.colorize(lightness, hints).ab[~hints.known])
    assert np.abs(found[1] - found[0]).mean() > 0.05  # of random weights


@pytest.mark.parametrize("shape", [(16, 16), (40, 64), (9, 30)])
@pytest.mark.parametrize("prior", [MEAN, Ramp()], ids=["mean", "ramp"])
def test_next_to_hints_a_network_is_near_propagation_and_far_from_them_free(shape, prior):
    lightness = light(shape)
    ab = np.random.default_rng(1).normal(0, 30, (*shape, 2)).astype(np.float32)
    hints = patches(ab, 2, 3, seed=1)
    spread = edge_aware(lightness, hints, prior)
    says = np.float32([70, -70])
    found = HintedColorizer("hinted", Told(*says / 110, 1.0), 16, prior).colorize(lightness, hints).ab
    open_ = hint_inputs.openness(hint_inputs.closeness(hints.known, min(1, 16 / min(shape))))[..., None]
    # At the network's own size exactly so; of a larger photo the network saw the spread colours shrunk.
    expected = (1 - open_) * spread + open_ * says
    if min(shape) <= 16:
        np.testing.assert_allclose(found, expected, atol=0.05)
    near, far = ((open_[..., 0] < 0.55) & ~hints.known, open_[..., 0] > 0.8)
    assert near.any() and far.any()
    change = np.abs(found - spread).mean(axis=-1) / np.abs(says - spread).mean(axis=-1)
    assert np.median(change[near]) < 0.6 < np.median(change[far])


def some_hints(lab):
    return hide_pixels(lab[..., 1:], 0.95), patches(lab[..., 1:], 4), Hints.none(lab.shape[:2])


@pytest.mark.parametrize("size", [96, 100])
@pytest.mark.parametrize("prior", [MEAN, Ramp()], ids=["mean", "ramp"])
def test_a_network_that_does_not_trust_itself_is_edge_aware_propagation(lab_photos, prior, size):
    lab = lab_photos[1]
    timid = HintedColorizer("hinted", Told(0.9, -0.9, -1.0), size, prior)
    for hints in some_hints(lab):
        found = timid.colorize(lab[..., 0], hints).ab
        expected = edge_aware(lab[..., 0], hints, prior)
        np.testing.assert_allclose(found, expected, atol=1e-2)
        expected = hint_inputs.spread_colours(
            lab[..., 0], hints, prior.colorize(lab[..., 0], Hints.none((96, 96))).ab
        ).ab
        np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("size", [16, 33, 95])
@pytest.mark.parametrize("prior", ["mean", "ramp", "network"])
def test_of_a_larger_photo_too_it_is_propagation_where_small_and_whole_agree(lab_photos, network, prior, size):
    prior = {"mean": MEAN, "ramp": Ramp(), "network": NetworkColorizer("unet", network, size)}[prior]
    timid = HintedColorizer("hinted", Told(0.9, -0.9, -1.0), size, prior)
    lightness, nothing = lab_photos[1][..., 0], Hints.none((96, 96))
    found = timid.colorize(lightness, nothing).ab
    np.testing.assert_allclose(found, prior.colorize(lightness, nothing).ab, rtol=0, atol=1e-3)
    if prior is MEAN:  # nor does a hint that says what the prior says anyway change anything
        hints = patches(np.full_like(found, PRIOR), 5, 4)
        np.testing.assert_allclose(timid.colorize(lightness, hints).ab, found, rtol=0, atol=1e-3)


@pytest.mark.parametrize("prior", [MEAN, Ramp()], ids=["mean", "ramp"])
def test_of_a_larger_photo_the_small_result_corrects_the_whole_spread(lab_photos, prior):
    """96 pixels become 24, so that each small pixel is the mean of 4 x 4."""
    lab = lab_photos[1]
    nothing, says = Hints.none((96, 96)), Told(0.5, -0.4, 0.6)
    for hints in some_hints(lab):
        found = HintedColorizer("hinted", says, 24, prior).colorize(lab[..., 0], hints).ab
        guess = prior.colorize(lab[..., 0], nothing).ab
        spread = hint_inputs.spread_colours(lab[..., 0], hints, guess).ab

        def little(ab):
            return ab.reshape(24, 4, 24, 4, 2).mean(axis=(1, 3))

        less = shrunk_hints(hints, 24)
        seen = shrunk_lightness(lab[..., 0], 24)
        small = hint_inputs.spread_colours(seen, less, little(guess)).ab
        free = hint_inputs.openness(hint_inputs.closeness(less.known))[..., None]
        small = small + free * 0.8 * (np.float32([55, -44]) - small)
        change = torch.from_numpy((small - little(spread)).transpose(2, 0, 1))[None]
        change = nn.functional.interpolate(change, (96, 96), mode="bicubic", align_corners=False)[0].numpy()
        free = hint_inputs.openness(hint_inputs.closeness(hints.known, 0.25))[..., None]
        expected = np.where(hints.known[..., None], hints.ab, spread + free * change.transpose(1, 2, 0))
        np.testing.assert_allclose(found, expected, rtol=0, atol=0.02)


@pytest.mark.parametrize("kind", ["spread", "given"])
@pytest.mark.parametrize("shape", [(16, 16), (16, 50), (9, 30), (40, 16), (2, 5)])
def test_a_photo_that_is_not_larger_gets_what_is_painted_of_its_own_planes(shape, kind):
    """Nothing is shrunk or enlarged: `hint_inputs.predict`, to the last bit."""
    colorizer, lightness = bold(kind, Ramp()), light(shape)
    ab = np.random.default_rng(1).normal(0, 30, (*shape, 2)).astype(np.float32)
    for hints in (hide_pixels(ab, 0.9), hide_pixels(ab, 0.4), Hints.none(shape)):
        guess = colorizer.prior.colorize(lightness, Hints.none(shape)).ab
        spread = hints.ab if kind == "given" else hint_inputs.spread_colours(lightness, hints, guess).ab
        spread = np.where(hints.known[..., None], hints.ab, 0 if kind == "given" else spread).astype(np.float32)
        near = hint_inputs.closeness(hints.known)
        spread, guess = (torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))[None] for x in (spread, guess))
        known, near = (torch.from_numpy(np.float32(x))[None, None] for x in (hints.known, near))
        with torch.inference_mode():
            given = hint_inputs.stack(kind, spread, known, near, guess)
            scaled = scale_lightness(torch.from_numpy(lightness)[None, None])
            predicted = unscale_ab(hint_inputs.predict(colorizer.network, scaled, given))[0].permute(1, 2, 0).numpy()
        found = colorizer.colorize(lightness, hints).ab
        assert (found[~hints.known] == predicted[~hints.known]).all()
        assert (found[hints.known] == hints.ab[hints.known]).all()


# ---- what a network with hints is told


def test_the_prior_sees_the_whole_photo_and_none_of_the_hints():
    prior, lightness = Ramp(), light((40, 64))
    hints = hide_pixels(np.random.default_rng(1).normal(0, 30, (40, 64, 2)).astype(np.float32), 0.9)
    HintedColorizer("hinted", Told(0.0, 0.0, 0.0), 16, prior).colorize(lightness, hints)
    ((seen, given),) = prior.asked
    assert (seen == lightness).all() and not given.known.any() and given.known.shape == (40, 64)
    HintedColorizer("hinted", Told(0.0, 0.0), 16, prior, "given").colorize(lightness, hints)
    assert len(prior.asked) == 1  # a network of given hints needs none


def test_a_system_that_was_not_solved_is_said_in_the_answer(monkeypatch):
    from nbhelpers.linear.solvers import solve

    monkeypatch.setattr(colorizers, "solve", lambda system, **_: solve(system, "cg", tol=1e-30, maxiter=2))
    for shape in ((40, 50), (16, 16)):  # made small, and as it is
        hints = patches(np.full((*shape, 2), 30, np.float32), 3, 5)
        found = bold("spread").colorize(light(shape), hints)
        assert not found.converged and found.residual > 1e-30 and "gave up after 2 iterations" in found.note
        assert np.isfinite(found.ab).all() and (found.ab[hints.known] == 30).all()


def test_close_to_hints_a_network_cannot_spoil_what_propagation_made(lab_photos):
    lab = lab_photos[0]
    hints = hide_pixels(lab[..., 1:], 0.05)  # of 20 pixels 19 are known
    found, spread = bold("spread").colorize(lab[..., 0], hints).ab, edge_aware(lab[..., 0], hints)
    said = np.abs(found - spread)[~hints.known]
    assert 0 < said.mean() and said.max() < 60  # of what it paints, it gets half a vote and half of that near by


def test_without_hints_the_network_sees_the_prior():
    network = Told(0.5, -0.5, 1.0)
    found = HintedColorizer("hinted", network, 16, MEAN).colorize(light((32, 48)), Hints.none((32, 48))).ab
    (seen,) = network.seen
    assert seen.shape == (1, 7, 16, 24)
    for planes in (seen[0, 1:3], seen[0, 5:]):
        np.testing.assert_allclose(planes.mean(dim=(1, 2)), np.float32(PRIOR) / 110, atol=1e-6)
    assert not seen[0, 3:5].any()
    share = 1 - np.exp(-hint_inputs.FAR)
    share = share**2  # once on the small photo, once more as it is enlarged
    expected = (1 - share) * np.float32(PRIOR) + share * np.float32([55, -55])
    np.testing.assert_allclose(found, np.broadcast_to(expected, found.shape), atol=1e-3)


@pytest.mark.parametrize("kind", ["spread", "given"])
@pytest.mark.parametrize("prior", [MEAN, Ramp()], ids=["mean", "ramp"])
def test_the_network_is_told_as_in_its_training(kind, prior):
    """A photo of the network's size: the planes are those of `hint_inputs.stack`."""
    lightness = light((16, 20))
    hints = hide_pixels(np.random.default_rng(1).normal(0, 30, (16, 20, 2)).astype(np.float32), 0.9)
    network = Told(*[0.0] * hint_inputs.PLANES[kind][1])
    HintedColorizer("hinted", network, 16, prior, kind).colorize(lightness, hints)
    guess = prior.colorize(lightness, Hints.none((16, 20))).ab
    spread = torch.from_numpy(hint_inputs.spread_colours(lightness, hints, guess).ab.transpose(2, 0, 1))[None]
    guess = torch.from_numpy(guess.transpose(2, 0, 1).copy())[None]
    known, near = (
        torch.from_numpy(np.float32(x))[None, None] for x in (hints.known, hint_inputs.closeness(hints.known))
    )
    expected = hint_inputs.stack(kind, spread, known, near, guess)
    torch.testing.assert_close(network.seen[0][:, 1:], expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(network.seen[0][0, 0], torch.from_numpy(lightness / 50 - 1))


def test_of_a_large_photo_the_network_sees_the_guess_made_small():
    network, prior, lightness = Told(0.0, 0.0, 0.0), Ramp(), light((64, 96))
    HintedColorizer("hinted", network, 16, prior).colorize(lightness, Hints.none((64, 96)))
    whole = prior.colorize(lightness, None).ab
    expected = whole.reshape(16, 4, 24, 4, 2).mean(axis=(1, 3)).transpose(2, 0, 1) / 110
    assert network.seen[0].shape == (1, 7, 16, 24)
    for planes in (network.seen[0][0, 1:3], network.seen[0][0, 5:]):
        np.testing.assert_allclose(planes, expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(20, 20), (20, 33)])
def test_without_hints_what_is_told_is_what_was_drawn_at_level_0(network, shape):
    """Of a photo of the network's size: the prior of a colorizer is that of its training."""
    lightness = light(shape)
    rgb = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    lightness = rgb_to_lab(rgb)[..., 0] if shape == (20, 20) else lightness
    told = Told(0.0, 0.0, 0.0)
    HintedColorizer("hinted", told, 20, NetworkColorizer("unet", network, 20)).colorize(lightness, Hints.none(shape))
    assert torch.equal(told.seen[0][:, 1:3], told.seen[0][:, 5:])
    np.testing.assert_allclose(told.seen[0][0, 5:].permute(1, 2, 0) * 110, raw(network, lightness), atol=1e-3)
    if shape == (20, 20):
        drawn = hint_inputs.guesses(torch.from_numpy(rgb).permute(2, 0, 1)[None], [network])[0]
        np.testing.assert_allclose(told.seen[0][0, 5:] * 110, drawn, rtol=1e-3, atol=1e-2)


def test_what_a_network_on_an_encoder_paints_that_is_told_the_hints_is_enlarged(lab_photos):
    torch.manual_seed(0)
    told, lab = PretrainedUNet(LITE0, 2, 2, 4).eval(), lab_photos[0]
    hints = patches(lab[..., 1:], 5, 4)
    found = HintedColorizer("hinted-alone", told, 32, MEAN, "given").colorize(lab[..., 0], hints).ab
    seen, less = shrunk_lightness(lab[..., 0], 32), shrunk_hints(hints, 32)
    planes = torch.from_numpy(np.dstack([scale_lightness(seen), less.ab / 110, less.known])).permute(2, 0, 1)[None]
    with torch.no_grad():
        small = 110 * told(planes.float())
    large = interpolate(small, (96, 96), mode="bicubic", align_corners=False)
    expected = large[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(found[~hints.known], expected[~hints.known], atol=1e-3)
    assert np.array_equal(found[hints.known], hints.ab[hints.known])


def test_of_a_large_photo_the_network_sees_means_of_the_known_colours():
    ab = np.zeros((64, 64, 2), np.float32)
    ab[0, 0], ab[1, 0] = (40, -20), (20, 60)
    known = np.zeros((64, 64), bool)
    known[:2, 0] = True
    network = Told(0.0, 0.0)
    HintedColorizer("hinted", network, 16, MEAN, "given").colorize(light((64, 64)), Hints(ab, known))
    seen = network.seen[0][0]
    assert seen.shape == (4, 16, 16) and seen[3, 0, 0] == 1  # as in its training, though 2 of 4 x 4 pixels are known
    np.testing.assert_allclose(seen[1:3, 0, 0], np.float32([30, 20]) / 110, atol=1e-4)
    assert not seen[1:, 1:].any() and not seen[1:, 0, 1:].any()
    spread = Told(0.0, 0.0, 0.0)
    HintedColorizer("hinted", spread, 16, MEAN).colorize(light((64, 64)), Hints(ab, known))
    seen = spread.seen[0][0]
    np.testing.assert_allclose(seen[1:3, 0, 0], np.float32([30, 20]) / 110, atol=1e-4)
    small = np.zeros((16, 16), bool)
    small[0, 0] = True
    assert (seen[3].numpy() == small).all()
    np.testing.assert_allclose(seen[4], hint_inputs.closeness(small), atol=1e-6)


@pytest.mark.parametrize("kind", ["spread", "given"])
def test_all_known_is_the_photo_itself(kind, lab_photos):
    lab = lab_photos[0][:50]
    hints = Hints(lab[..., 1:], np.ones((50, 96), bool))
    assert (bold(kind).colorize(lab[..., 0], hints).ab == lab[..., 1:]).all()


@pytest.mark.parametrize("dumps", [pickle.dumps, reduction.dumps], ids=["pickle", "loky"])
def test_a_sent_colorizer_with_hints_colorizes_alike(network, dumps):
    lightness = light((40, 24))
    hints = hide_pixels(np.random.default_rng(1).normal(0, 30, (40, 24, 2)).astype(np.float32), 0.9)
    for prior in (MEAN, NetworkColorizer("unet", network, 16)):
        colorizer = bold("spread", prior)
        again = pickle.loads(dumps(colorizer))
        assert (again.prior.name, again.kind) == (prior.name, "spread") and (prior is not MEAN or again.prior == MEAN)
        assert (again.colorize(lightness, hints).ab == colorizer.colorize(lightness, hints).ab).all()


def hinted_about(kind, **changes):
    return {"prior": list(PRIOR), checkpoints.CONFIG: {"hints": kind}} | changes


@pytest.mark.parametrize(("name", "kind"), [("hinted", "spread"), ("hinted-alone", "given")])
def test_the_registry_finds_networks_with_hints(course, name, kind):
    colorizer, lightness = bold(kind), light((40, 24))
    keep(name, RUN.models, colorizer.network, hinted_about(kind))
    found = registry.load(name, RUN)
    assert isinstance(found, HintedColorizer) and name in HINTED
    assert (found.name, found.size, found.prior, found.kind, found.about["step"]) == (name, 16, MEAN, kind, 7)
    assert not found.network.training
    hints = hide_pixels(np.random.default_rng(1).normal(0, 30, (40, 24, 2)).astype(np.float32), 0.95)
    np.testing.assert_allclose(found.colorize(lightness, hints).ab, colorizer.colorize(lightness, hints).ab, atol=0.5)


def paints(colour):
    """A network that paints one colour."""
    made = UNet(2, 1)
    with torch.no_grad():
        made.head.weight.zero_()
        made.head.bias[:] = torch.atanh(torch.tensor(colour) / 110)
    return made


def begun(folder, network, start, name="unet", about=None):
    """A file of a network with hints that began with `start`, which lies beside it."""
    beside = keep(name, folder, start, about).rename(folder / "hinted-prior.safetensors")
    return keep("hinted", folder, network, hinted_about("spread", start=checkpoints.digest(beside)))


def test_a_network_that_began_with_another_has_the_one_beside_it_as_prior(course):
    for folder, colour, name in (
        (paths.DATA / "checkpoints", (20.0, -35.0), "unet"),
        (RUN.models, (-50.0, 10.0), "unet-wide"),
    ):
        begun(folder, bold("spread").network, paints(colour), name)
        keep("unet", folder, paints((70.0, 70.0)))  # whatever was trained since
    for run, colour, name in (
        (RUN, (-50, 10), "unet-wide"),
        (None, (20, -35), "unet"),
        (Run("paper", "kaggle"), (20, -35), "unet"),
    ):
        found = registry.load("hinted", run)
        assert isinstance(found.prior, NetworkColorizer) and (found.prior.name, found.prior.size) == (name, 16)
        assert not found.prior.network.training and found.prior.about["step"] == 7
        found.network.head.weight.data[2], found.network.head.bias.data[2] = 0, -50  # it trusts itself nowhere
        for colorizer in (found.prior, found):
            for shape in ((16, 12), (20, 24)):
                ab = colorizer.colorize(light(shape), Hints.none(shape)).ab
                np.testing.assert_allclose(ab, np.broadcast_to(np.float32(colour), ab.shape), atol=0.1)


def test_the_prior_is_what_it_was_in_the_training_without_its_gain(tmp_path, network):
    """`hint_inputs.guesses` knows no gain, so neither did the network that corrects them."""
    path = begun(tmp_path, bold("spread").network, network, "gan-l1", {"gain": 2.0})
    prior, rgb = inference.load("hinted", path).prior, np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    drawn = hint_inputs.guesses(torch.from_numpy(rgb).permute(2, 0, 1)[None], [prior.network])[0].permute(1, 2, 0)
    found = prior.colorize(rgb_to_lab(rgb)[..., 0], Hints.none((16, 16))).ab
    np.testing.assert_allclose(found, drawn.float(), rtol=1e-3, atol=1e-2)
    assert np.ptp(found) > 1


def test_a_network_that_began_with_another_paints_the_same_when_it_is_read_again(course, network, lab_photos):
    begun(RUN.models, bold("spread").network, network)
    colorizer = bold("spread", NetworkColorizer("unet", network, 16))
    lab = lab_photos[0]
    for hints in (Hints.none((96, 96)), patches(lab[..., 1:], 5, 4)):
        found = registry.load("hinted", RUN).colorize(lab[..., 0], hints).ab
        np.testing.assert_allclose(found, colorizer.colorize(lab[..., 0], hints).ab, atol=0.5)


def test_a_prior_that_is_missing_or_another_is_refused_in_one_sentence(course, network):
    path = begun(RUN.models, bold("spread").network, network)
    beside = RUN.models / "hinted-prior.safetensors"
    whole = beside.read_bytes()
    keep("unet", RUN.models, network)  # is not taken instead

    def refused():
        words = "hinted-prior.safetensors, the network that hinted.safetensors was trained with, is missing or another"
        for load in (lambda: registry.load("hinted", RUN), lambda: inference.load("hinted", path)):
            with pytest.raises(UserError, match=f"{words}: train again") as error:
                load()
            assert "\n" not in str(error.value) and str(beside) in str(error.value)

    beside.unlink()
    refused()
    for content in (whole[:-1], b"", whole + b" ", bytes(len(whole))):
        beside.write_bytes(content)
        refused()
    shutil.copy(keep("other", RUN.models, paints((1.0, 2.0))), beside)
    refused()
    beside.unlink()
    beside.mkdir()
    refused()
    beside.rmdir()
    beside.write_bytes(whole)
    assert registry.load("hinted", RUN).prior.name == "unet"


def test_the_network_of_the_course_that_it_began_with_need_not_lie_there_twice(course, network):
    path = begun(RUN.models, bold("spread").network, network, "unet-pretrained")
    beside = RUN.models / "hinted-prior.safetensors"
    beside.rename(RUN.models / inference.SHARED)
    assert inference.load("hinted", path).prior.name == "unet-pretrained"
    keep("unet-pretrained", RUN.models, paints((1.0, 2.0)))  # another one, trained since
    with pytest.raises(UserError, match=f"{beside}, .*, is missing or another: train again"):
        inference.load("hinted", path)


@pytest.mark.parametrize("start", ["0123456789abcdef", "", 3, 1.5, [], {"a": 1}, True], ids=str)
def test_a_start_that_the_prior_does_not_have_is_refused(tmp_path, network, start):
    begun(tmp_path, bold("spread").network, network)
    path = keep("hinted", tmp_path, bold("spread").network, hinted_about("spread", start=start))
    with pytest.raises(UserError, match=r"hinted-prior\.safetensors, .*, is missing or another: train again"):
        inference.load("hinted", path)


def test_a_network_that_began_with_nothing_has_the_mean_whatever_lies_beside_it(tmp_path, network):
    begun(tmp_path, bold("spread").network, network)
    for about in (hinted_about("spread"), hinted_about("spread", start=None)):
        assert inference.load("hinted", keep("hinted", tmp_path, bold("spread").network, about)).prior == MEAN


def test_a_network_of_given_hints_needs_no_unet_though_it_began_with_one(course):
    keep("hinted-alone", RUN.models, bold("given").network, hinted_about("given", start="0123456789abcdef"))
    found = registry.load("hinted-alone", RUN)
    assert (found.prior, found.kind) == (MEAN, "given")
    assert np.isfinite(found.colorize(light((20, 24)), Hints.none((20, 24))).ab).all()


@pytest.mark.parametrize("name", HINTED)
def test_a_network_with_hints_that_was_never_trained_says_how_to_train_it(course, name):
    with pytest.raises(UserError, match=f"'{name}' has not been trained: `nbhelpers train {name} --profile paper"):
        registry.load(name, Run("paper", "kaggle"))
    assert name in registry.names() and name not in NETWORKS


@pytest.mark.parametrize("planes", [(1, 2), (4, 2), (5, 3), (7, 2), (1, 3), (7, 3)], ids=str)
@pytest.mark.parametrize("kind", ["none", "given", "spread"])
def test_planes_that_the_config_does_not_have_are_refused(tmp_path, planes, kind):
    about = hinted_about(kind) if kind != "none" else {checkpoints.CONFIG: {"hints": kind}}
    path = keep("hinted", tmp_path, UNet(2, 1, "resize", *planes), about)
    if planes == hint_inputs.PLANES[kind]:
        assert inference.load("hinted", path).name == "hinted"
    else:
        with pytest.raises(UserError, match=r"hinted\.safetensors does not hold a network 'hinted': delete it"):
            inference.load("hinted", path)


@pytest.mark.parametrize(
    "prior",
    [None, [], [1.0], [1.0, 2.0, 3.0], [float("nan"), 1.0], [1.0, float("inf")], ["1", "2"], "12", 3.0, {"a": 1.0}],
    ids=str,
)
def test_a_prior_that_is_no_colour_is_refused(tmp_path, prior):
    path = keep("hinted", tmp_path, bold("spread").network, hinted_about("spread", prior=prior))
    with pytest.raises(UserError, match=r"hinted\.safetensors does not hold a network 'hinted'"):
        inference.load("hinted", path)


@pytest.mark.parametrize("config", [None, {}, [], "spread", {"hints": "some"}, {"hints": None}, {"hints": []}], ids=str)
def test_a_config_that_says_nothing_of_its_hints_is_refused(tmp_path, config):
    path = keep("hinted", tmp_path, bold("spread").network, hinted_about("spread", **{checkpoints.CONFIG: config}))
    with pytest.raises(UserError, match=r"hinted\.safetensors does not hold a network 'hinted'"):
        inference.load("hinted", path)


def test_a_network_without_hints_needs_no_prior_and_one_with_a_prior_is_another(tmp_path, network):
    assert isinstance(inference.load("unet", keep("unet", tmp_path, network)), NetworkColorizer)
    with pytest.raises(UserError, match=r"unet\.safetensors does not hold a network 'unet'"):
        inference.load("unet", keep("unet", tmp_path, network, {"prior": list(PRIOR)}))
