"""Networks from what is said of them; which networks a training may begin with, and what it takes of them."""

from pathlib import Path

import pytest
import torch
from trainings import assert_equal, pale, quick

from nbhelpers.errors import UserError
from nbhelpers.networks import bins, encoder
from nbhelpers.networks.architectures import build, first_weights, started_from
from nbhelpers.networks.bins import ColourBins, UNetBins
from nbhelpers.networks.config import LITE0
from nbhelpers.networks.data import bytes_of
from nbhelpers.networks.encoder import imagenet_weights
from nbhelpers.networks.models import UNet
from nbhelpers.networks.pretrained import PretrainedUNet

FILE = Path("a/known.safetensors")
PHOTOS = bytes_of(pale(), 26)
MADE = {
    "unet": (UNet, {"width": 2, "depth": 3, "upsampling": "resize", "channels": 7, "outputs": 3}),
    "pretrained": (PretrainedUNet, {"encoder": "resnet18", "width": 5, "outputs": 2}),
    "bins": (ColourBins, {"encoder": LITE0, "width": 3, "outputs": 11, "temperature": 0.7}),
    "bins from scratch": (
        UNetBins,
        {"width": 2, "depth": 3, "upsampling": "resize", "outputs": 9, "temperature": 0.7},
    ),
}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def random(arguments):
    """A network with weights and statistics unlike any other's."""
    made = build(arguments)
    with torch.no_grad():
        for value in made.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value))
    return made


def copied(network):
    return {key: value.clone() for key, value in network.state_dict().items()}


# ---- from arguments


@pytest.mark.parametrize(("kind", "arguments"), MADE.values(), ids=MADE)
def test_what_a_network_says_of_itself_makes_it_again(kind, arguments):
    made = build(arguments)
    assert type(made) is kind and made.arguments == arguments
    again = build(made.arguments)
    again.load_state_dict(made.state_dict())
    assert type(again) is kind and again.arguments == arguments and again.width == arguments["width"]
    x = torch.rand(1, made.channels, 16, 16)
    with torch.no_grad():
        assert torch.equal(again.eval()(x), made.eval()(x))


def test_building_changes_no_arguments():
    arguments = dict(MADE["bins"][1])
    build(arguments)
    assert arguments == MADE["bins"][1]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"width": 2, "depth": 0}, ValueError),
        ({"width": 2, "colour": 1}, TypeError),
        ({"encoder": LITE0, "depth": 2}, TypeError),
        ({"encoder": LITE0, "width": 0}, ValueError),
        ({"encoder": "nosuch"}, UserError),
        ({"width": 2, "depth": 1, "upsampling": "resize", "outputs": 4, "temperature": 1.0}, ValueError),
        ({"encoder": LITE0, "width": 2, "outputs": 4, "temperature": 0}, ValueError),
        ({"encoder": LITE0, "width": 2, "outputs": 4, "temperature": "warm"}, TypeError),
    ],
    ids=str,
)
def test_arguments_that_cannot_be_are_refused(arguments, error):
    with pytest.raises(error):
        build(arguments)


# ---- first weights


def test_a_configuration_decides_the_kind_and_imagenet_the_encoder():
    imagenet = imagenet_weights(LITE0)
    made = first_weights(quick("unet-pretrained"), PHOTOS)
    assert type(made) is PretrainedUNet and made.training and made.width == 2
    assert_equal(made.encoder.state_dict(), imagenet)
    made = first_weights(quick("bins", temperature=0.5), PHOTOS)
    assert type(made) is ColourBins and made.training and made.temperature == 0.5
    assert_equal(made.encoder.state_dict(), imagenet)
    centres, share = bins.palette(PHOTOS)
    assert torch.equal(made.centres, centres) and torch.equal(made.share, share)
    assert made.arguments["outputs"] == len(centres) > 1
    assert type(first_weights(quick("unet"), PHOTOS)) is UNet
    made = first_weights(quick("unet", loss="bins", temperature=0.5), PHOTOS)
    assert type(made) is UNetBins and made.training and made.temperature == 0.5
    assert torch.equal(made.centres, centres) and torch.equal(made.share, share)  # first weights are not drawn for it


def test_the_seed_decides_the_decoders_first_weights():
    def made(seed):
        torch.manual_seed(seed)
        return first_weights(quick("bins"), PHOTOS).state_dict()

    encoder.efficientnet_lite0.cache_clear()  # the first call of a process gives what all others give
    assert_equal(made(3), made(3))
    assert not torch.equal(made(3)["head.weight"], made(4)["head.weight"])


# ---- begun with a trained one


def test_a_network_goes_on_from_one_like_it():
    known = random({"encoder": LITE0, "width": 2, "outputs": 2})
    made = first_weights(quick("unet-pretrained"), PHOTOS)
    assert started_from(known, made, FILE) is made
    assert_equal(made.state_dict(), known.state_dict())


def test_bins_take_everything_but_the_last_layer_of_a_network_without():
    known = random({"encoder": LITE0, "width": 2, "outputs": 2})
    made = first_weights(quick("bins"), PHOTOS)
    before = copied(made)
    assert started_from(known, made, FILE) is made
    theirs = known.state_dict()
    mine = {"head.weight", "head.bias", "centres", "share"}
    assert_equal(made.state_dict(), theirs | {key: before[key] for key in mine})


def test_bins_take_all_of_bins_and_keep_their_temperature():
    made = first_weights(quick("bins", temperature=0.9), PHOTOS)
    known = random(made.arguments | {"temperature": 0.2})
    started_from(known, made, FILE)
    assert_equal(made.state_dict(), known.state_dict())
    assert made.temperature == 0.9


@pytest.mark.parametrize(
    ("name", "known", "says"),
    [
        ("unet-pretrained", {"encoder": LITE0, "width": 3}, "holds a network with width 3: ask the configuration"),
        ("bins", {"encoder": LITE0, "width": 3}, "holds a network with width 3: ask the configuration"),
        ("unet-pretrained", {"encoder": "resnet18", "width": 2}, "holds a network with encoder resnet18: ask"),
        ("bins", {"encoder": "resnet18", "width": 3}, "holds a network with encoder resnet18, width 3: ask"),
        ("unet-pretrained", {"width": 2, "depth": 2}, "holds a network with depth 2, upsampling transposed: ask"),
        ("bins", {"width": 2, "depth": 2}, "holds a network with depth 2, upsampling transposed: ask"),
        ("unet", {"encoder": LITE0, "width": 2}, f"holds a network with encoder {LITE0}: ask"),
        (
            "unet",
            {"encoder": LITE0, "width": 2, "outputs": 4, "temperature": 0.4},
            f"holds a network with encoder {LITE0}: ask",
        ),
        ("unet", {"width": 2, "depth": 1}, "holds a network with depth 1: ask"),
        ("unet", {"width": 2, "depth": 2, "channels": 7}, "holds a U-Net with 7 planes in and 2 out: start from one"),
        ("bins", {"encoder": LITE0, "width": 2, "outputs": 3, "temperature": 0.4}, "classifies 3 colours, these"),
    ],
    ids=str,
)
def test_networks_of_another_kind_or_shape_are_one_sentence(name, known, says):
    made = first_weights(quick(name), PHOTOS)
    before = copied(made)
    with pytest.raises(UserError) as caught:
        started_from(build(known), made, FILE)
    assert str(caught.value).startswith(f"{FILE} {says}") and "\n" not in str(caught.value)
    assert_equal(made.state_dict(), before)
