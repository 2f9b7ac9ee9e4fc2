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

from nbhelpers import checkpoints, colorizers, neural, paths
from nbhelpers.colorizers import NETWORKS
from nbhelpers.evaluation import evaluate
from nbhelpers.hints import Hints, hide_pixels
from nbhelpers.lab import rgb_to_lab
from nbhelpers.networks import UNet
from nbhelpers.neural import NetworkColorizer
from nbhelpers.paths import Run, UserError

RUN = Run("smoke", "sample")
SIZES = [(1, 1), (3, 40), (15, 15), (16, 16), (17, 16), (16, 90), (64, 64), (33, 70), (150, 20), (400, 16), (16, 1)]


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = UNet(3, 2)
    with torch.no_grad():
        made.head.weight.mul_(4)  # colours, not almost grey
    return made.eval()


@pytest.fixture
def painter(network):
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


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_a_network_keeps_the_contract_at_every_size(painter, shape, share):
    lightness = light(shape)
    hints = hide_pixels(np.random.default_rng(1).normal(0, 30, (*shape, 2)).astype(np.float32), share)
    before = lightness.copy(), hints.ab.copy(), hints.known.copy()
    found = painter.colorize(lightness, hints)
    assert type(found) is np.ndarray and found.dtype == np.float32 and found.shape == (*shape, 2)
    assert np.isfinite(found).all() and np.abs(found).max() < 200
    assert (found[hints.known] == hints.ab[hints.known]).all()
    bare = painter.colorize(lightness, Hints.none(shape))
    assert (found[~hints.known] == bare[~hints.known]).all()  # hints change nothing else
    hidden = hints.ab.copy()
    hidden[~hints.known] = np.nan
    assert (painter.colorize(lightness, Hints(hidden, hints.known)) == found).all()
    for kept, now in zip(before, (lightness, hints.ab, hints.known), strict=True):
        assert (kept == now).all(), "the input was changed"


@pytest.mark.parametrize("shape", SIZES)
def test_a_network_that_paints_one_colour_paints_it_at_every_size(network, shape):
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias[:] = torch.atanh(torch.tensor([33.0, -77.0]) / 110)
    found = NetworkColorizer("unet", network, 16).colorize(light(shape), Hints.none(shape))
    np.testing.assert_allclose(found, np.broadcast_to(np.float32([33, -77]), found.shape), atol=1e-3)


@pytest.mark.parametrize("shape", [(16, 16), (16, 40), (23, 16), (12, 12), (5, 9), (1, 1), (9, 70)])
def test_photos_of_the_networks_size_or_smaller_get_what_the_network_says(painter, network, shape):
    lightness = light(shape)
    found = painter.colorize(lightness, Hints.none(shape))
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
    found = NetworkColorizer("unet", plain, 16).colorize(light(shape), Hints.none(shape))
    assert plain.seen == [(1, 1, *seen)] and found.shape == (*shape, 2)


def test_colours_lie_where_they_were_seen():
    """Along a ramp the painted colour is the ramp, enlarged without a shift; no colour is mixed up with the other."""
    for shape, axis in (((64, 96), 1), ((96, 64), 0)):
        ramp = np.linspace(0, 100, 96, dtype=np.float32)
        lightness = np.broadcast_to(ramp[None] if axis else ramp[:, None], shape)
        found = NetworkColorizer("unet", Plain(), 16).colorize(lightness.copy(), Hints.none(shape))
        expected = 110 * (lightness / 50 - 1)
        inside = np.s_[8:-8, 8:-8]
        np.testing.assert_allclose(found[inside][..., 0], expected[inside], atol=0.5)
        np.testing.assert_allclose(found[inside][..., 1], -expected[inside], atol=0.5)


def test_shrinking_averages_and_leaves_nothing_out():
    stripes = np.tile(np.float32([0, 100, 100, 0]), (64, 16))  # a sampler would see the two in the middle alone
    found = NetworkColorizer("unet", Plain(), 16).colorize(stripes, Hints.none((64, 64)))
    assert np.abs(found[8:-8, 8:-8]).max() < 40 < 110


def test_lightness_may_come_in_any_layout(painter):
    lightness = light((40, 24))
    expected = painter.colorize(lightness, Hints.none((40, 24)))
    for other in (lightness.astype(np.float64), np.asfortranarray(lightness), np.dstack([lightness] * 3)[..., 1]):
        assert (painter.colorize(other, Hints.none((40, 24))) == expected).all()


def test_what_comes_out_belongs_to_the_caller(painter):
    lightness = light((16, 16))
    first = painter.colorize(lightness, Hints.none((16, 16)))
    kept = first.copy()
    first[:] = 0
    assert (painter.colorize(lightness, Hints.none((16, 16))) == kept).all()
    assert all(parameter.grad is None for parameter in painter.network.parameters())


def test_colorizing_changes_nothing_in_the_network(painter, network):
    before = {key: value.clone() for key, value in network.state_dict().items()}
    state = torch.get_rng_state()
    painter.colorize(light((33, 20)), Hints.none((33, 20)))
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state) and not network.training


def test_real_photos_get_the_same_colours_alone_or_in_an_evaluation(painter, sample):
    lab = rgb_to_lab(sample.test[0])
    ab = painter.colorize(lab[..., 0], Hints.none((96, 96)))
    (scored,) = evaluate([painter], sample.test[:1], (1.0,), jobs=1).itertuples()
    assert scored.method == "unet" and scored.ab_mse == pytest.approx(((ab - lab[..., 1:]) ** 2).mean(), rel=1e-4)


# ---- to other processes


@pytest.mark.parametrize("dumps", [pickle.dumps, reduction.dumps], ids=["pickle", "loky"])
def test_a_sent_colorizer_colorizes_alike(painter, dumps):
    again = pickle.loads(dumps(painter))
    lightness, hints = light((40, 24)), Hints.none((40, 24))
    assert (again.name, again.size, again.network.training) == ("unet", 16, False)
    assert (again.colorize(lightness, hints) == painter.colorize(lightness, hints)).all()


def test_threads_colorize_alike(painter):
    photos = [light((20 + 3 * i, 24), i) for i in range(6)]
    alone = [painter.colorize(each, Hints.none(each.shape)) for each in photos]
    tasks = (joblib.delayed(painter.colorize)(each, Hints.none(each.shape)) for each in photos)
    for mine, theirs in zip(joblib.Parallel(2, backend="threading")(tasks), alone, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-4)


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
        found = colorizers.load(name, run)
        assert isinstance(found, NetworkColorizer) and found.name == name and found.size == 16
        assert found.about["step"] == 7 and not found.network.training
        ab = found.colorize(light((40, 20)), Hints.none((40, 20)))
        np.testing.assert_allclose(ab, np.full((40, 20, 2), colour), atol=0.1)


def test_a_loaded_network_paints_as_the_trained_one(course, network, sample):
    keep("unet", RUN.models, network)
    lightness = rgb_to_lab(sample.test[0])[..., 0]
    ab = colorizers.load("unet", RUN).colorize(lightness, Hints.none((96, 96)))
    expected = NetworkColorizer("unet", network, 16).colorize(lightness, Hints.none((96, 96)))
    assert np.ptp(expected) > 5
    np.testing.assert_allclose(ab, expected, rtol=0, atol=0.5)  # convolutions are rounded to half precision


@pytest.mark.parametrize(("name", "notebook"), {"unet": "05", "gan-paper": "06", "gan-l1": "06"}.items())
def test_a_network_that_was_never_trained_says_how_to_train_it(course, name, notebook):
    asked = f"'{name}' has not been fitted: run notebook {notebook}, .*`nbhelpers run {notebook} --profile"
    with pytest.raises(UserError, match=f"{asked} paper --photos kaggle`"):
        colorizers.load(name, Run("paper", "kaggle"))
    with pytest.raises(
        UserError, match=rf"{asked} demo --photos sample`, and load it with run=Run\('demo', 'sample'\)"
    ):
        colorizers.load(name)
    assert name in colorizers.names()


def test_a_misspelt_network_is_answered_with_the_nearest():
    for wrong, right in (("u-net", "unet"), ("gan_l1", "gan-l1"), ("gan-papers", "gan-paper")):
        with pytest.raises(UserError, match=f"no colorizer '{wrong}': did you mean '{right}'"):
            colorizers.load(wrong)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_damaged_network_is_named(course, network, name):
    path = keep(name, RUN.models, network)
    whole = path.read_bytes()
    for content in (whole[:-1], whole[:1000], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=f"{name}.safetensors is damaged .*: delete it and train again") as caught:
            colorizers.load(name, RUN)
        assert str(path) in str(caught.value)
    path.write_bytes(whole)
    assert colorizers.load(name, RUN).name == name


def test_a_network_of_another_recipe_is_refused(course, network):
    path = keep("gan-l1", RUN.models, network)
    shutil.copy(path, path.with_stem("unet"))
    with pytest.raises(UserError, match=r"unet\.safetensors does not hold a network 'unet': delete it and train again"):
        colorizers.load("unet", RUN)
    assert colorizers.load("gan-l1", RUN).name == "gan-l1"


@pytest.mark.parametrize("about", [{"size": "16"}, {"size": None}, {"size": 16.5}, {"name": None}], ids=str)
def test_a_network_without_its_name_and_size_is_refused(course, network, about):
    keep("unet", RUN.models, network, about)
    with pytest.raises(UserError, match=r"unet\.safetensors does not hold a network 'unet'"):
        colorizers.load("unet", RUN)


def test_a_checkpoint_of_a_training_is_no_colorizer(course, network):
    path = RUN.models / "unet.safetensors"
    checkpoints.save(path, checkpoints.pack("generator", network.state_dict()), {"name": "unet", "size": 16})
    with pytest.raises(UserError, match=r"unet\.safetensors holds no U-Net as it should"):
        neural.load("unet", path)


def test_read_only_lightness_is_no_reason_to_warn(painter):
    lightness = light((16, 16))
    lightness.setflags(write=False)
    torch.set_warn_always(True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            painter.colorize(lightness, Hints.none((16, 16)))
    finally:
        torch.set_warn_always(False)


def test_a_gain_multiplies_the_chroma_at_every_size(network):
    plain, loud = NetworkColorizer("unet", network, 16), NetworkColorizer("unet", network, 16, gain=2.0)
    for shape in ((16, 16), (40, 60)):
        nothing = Hints.none(shape)
        quiet = plain.colorize(light(shape), nothing)
        np.testing.assert_allclose(loud.colorize(light(shape), nothing), 2 * quiet, rtol=1e-5, atol=1e-5)


def test_the_gain_brings_the_mean_chroma_to_a_share_of_the_true_one(network, sample):
    photos = torch.from_numpy(np.stack(list(sample.train))).permute(0, 3, 1, 2)
    gain = neural.gain_for(network, photos, 96, 0.5)
    labs = list(sample.labs())
    painter = NetworkColorizer("", network, 96, gain=gain)
    painted = [painter.colorize(lab[..., 0], Hints.none((96, 96))) for lab in labs]
    found, true = (np.mean([np.hypot(*np.moveaxis(ab, -1, 0)).mean() for ab in planes])
                   for planes in (painted, [lab[..., 1:] for lab in labs]))  # fmt: skip
    assert found == pytest.approx(0.5 * true, rel=1e-3) or (gain == 3.0 and found < 0.5 * true)
    assert neural.gain_for(network, photos, 96, 1e9) == 3.0  # a network that paints grey is not blown up


@pytest.mark.parametrize("gain", [0.0, -1.0, 11.0, "1", None])
def test_a_gain_that_cannot_be_is_refused(network, tmp_path, gain):
    checkpoints.save_network(tmp_path / "unet.safetensors", network, {"name": "unet", "size": 16, "gain": gain})
    with pytest.raises(UserError, match="unet.safetensors does not hold"):
        neural.load("unet", tmp_path / "unet.safetensors")


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
