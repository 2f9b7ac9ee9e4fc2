"""The networks: their sizes, what one output sees of the input, what they are made of, their first weights."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn import functional

from nbhelpers.networks.models import (
    DISCRIMINATORS,
    UPSAMPLINGS,
    BinaryDiscriminator,
    PatchDiscriminator,
    UNet,
    discriminator,
    initialize,
)


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def of(network, kind):
    return [module for module in network.modules() if isinstance(module, kind)]


# ---- the U-Net


@pytest.mark.parametrize(("upsampling", "count"), {"transposed": 31_036_546, "resize": 34_518_146}.items())
def test_the_papers_unet_has_31_million_parameters(upsampling, count):
    with torch.device("meta"):  # shapes without numbers
        network = UNet(upsampling=upsampling)
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    assert (network.width, network.depth, network.upsampling) == (64, 4, upsampling)
    assert UNet(1, 1).upsampling == "transposed" and round(31_036_546 / 1e6, 1) == 31.0


def test_the_unet_has_two_convolutions_with_batch_normalization_at_each_level():
    network = UNet(2, 3)
    for block, (before, after) in zip(network.down, itertools.pairwise((1, 2, 4, 8, 16)), strict=True):
        first, second = of(block, nn.Conv2d)
        assert [type(layer) for layer in block] == 2 * [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
        assert (first.in_channels, first.out_channels, second.out_channels) == (before, after, after)
    assert [block[0].in_channels for block in network.merge] == [16, 8, 4]  # half from below, half from beside
    assert len(of(network, nn.Conv2d)) == 2 * 4 + 2 * 3 + 1 and len(of(network, nn.ConvTranspose2d)) == 3


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize(
    ("depth", "size"), [(3, (16, 16)), (3, (17, 23)), (3, (1, 1)), (3, (1, 40)), (3, (32, 8)), (1, (7, 2))]
)
def test_any_size_comes_out_as_it_went_in(upsampling, size, depth):
    network = UNet(2, depth, upsampling).eval()
    x = torch.rand(2, 1, *size) * 2 - 1
    with torch.no_grad():
        painted = network(x)
        assert painted.shape == (2, 2, *size) and (painted.abs() < 1).all()
        assert not torch.equal(painted[0], painted[1]) and not torch.equal(painted[:, 0], painted[:, 1])
        network.head.bias[:] = torch.tensor([9.0, -9.0])
        torch.testing.assert_close(network(x), torch.tensor([1.0, -1.0])[:, None, None].expand(2, 2, *size))


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize(("channels", "outputs"), [(1, 2), (4, 2), (5, 3), (2, 1)])
def test_planes_decide_what_goes_in_and_comes_out_and_nothing_else(upsampling, channels, outputs):
    network, plain = UNet(2, 2, upsampling, channels, outputs).eval(), UNet(2, 2, upsampling).state_dict()
    assert (network.channels, network.outputs) == (channels, outputs)
    x = torch.rand(2, channels, 7, 10)
    with torch.no_grad():
        painted = network(x)
        assert painted.shape == (2, outputs, 7, 10) and (painted.abs() < 1).all()
        for plane in range(channels):
            other = x.clone()
            other[:, plane] += 1
            assert not torch.equal(network(other), painted)
        with pytest.raises(RuntimeError):
            network(x[:, :0])
    first, last = "down.0.0.weight", ("head.weight", "head.bias")
    found = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert found[first] == (2, channels, 3, 3) and [found[key][0] for key in last] == [outputs] * 2
    assert all(shape == tuple(plain[key].shape) for key, shape in found.items() if key not in (first, *last))


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
@pytest.mark.parametrize("size", [(5, 8), (8, 5), (3, 2)])
def test_odd_sizes_are_filled_up_by_repeating_the_border(upsampling, size):
    network = UNet(2, 2, upsampling).eval()
    x = torch.rand(1, 1, *size)
    up = [-(-side // 4) * 4 for side in size]
    filled = x[..., [min(i, size[0] - 1) for i in range(up[0])], :][..., [min(i, size[1] - 1) for i in range(up[1])]]
    seen = []
    network.down[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        assert torch.equal(network(x), network(filled)[..., : size[0], : size[1]])
    assert torch.equal(seen[0], filled) and torch.equal(seen[1], filled)


@pytest.mark.parametrize(("depth", "size"), [(1, (6, 10)), (2, (12, 8)), (3, (8, 24))])
def test_a_multiple_of_2_to_the_depth_is_not_filled_up(depth, size):
    network, x, seen = UNet(2, depth), torch.rand(2, 1, *size), []
    network.down[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(x)
    assert len(seen) == 1 and torch.equal(seen[0], x)


def test_resized_maps_have_no_checkerboard():
    patterns = {}
    for upsampling in UPSAMPLINGS:
        found = UNet(4, 1, upsampling).up[0](torch.ones(1, 8, 6, 6))
        assert found.shape == (1, 4, 12, 12)
        cells = found[..., 2:-2, 2:-2].unfold(2, 2, 2).unfold(3, 2, 2).flatten(-2)  # the 4 pixels under each
        assert (cells - cells[:, :, :1, :1]).abs().max() < 1e-6
        patterns[upsampling] = (cells.amax(-1) - cells.amin(-1)).max().item()
    assert patterns["resize"] < 1e-6 < 1e-2 < patterns["transposed"]


@pytest.mark.parametrize(("depth", "felt"), {1: (24, 41), 2: (10, 53)}.items())
def test_deeper_networks_see_farther(depth, felt):
    """What a change of pixel 32 reaches: by hand from 3 x 3 convolutions, halved and doubled maps."""
    network = UNet(2, depth).double().eval()
    for parameter in network.parameters():
        parameter.data.abs_()  # then nothing cancels, and no ReLU is off
    outputs = []
    network.head.register_forward_hook(lambda *given: outputs.append(given[-1]))  # before tanh saturates
    x = torch.rand(1, 1, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        network(x)
        x[..., 32, 32] = 100
        network(x)
    changed = (outputs[0] != outputs[1])[0].any(dim=0)
    for axis in (0, 1):
        places = changed.any(dim=axis).nonzero()
        assert (places.min().item(), places.max().item()) == felt


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_each_level_is_merged_with_what_comes_from_below(upsampling):
    network, kept = UNet(2, 3, upsampling).eval(), {}
    for name in ("down", "up", "merge"):
        for i, layer in enumerate(getattr(network, name)):
            layer.register_forward_hook(lambda _, given, made, at=(name, i): kept.update({at: (given[0], made)}))
    with torch.no_grad():
        painted = network(torch.rand(1, 1, 16, 24))
        for i in range(3):
            beside, below = kept["down", 2 - i][1], kept["up", i][1]
            assert torch.equal(kept["merge", i][0], torch.cat([beside, below], dim=1))
            assert torch.equal(kept["up", i][0], kept["merge", i - 1][1] if i else kept["down", 3][1])
            assert torch.equal(kept["down", i + 1][0], functional.max_pool2d(kept["down", i][1], 2))
        assert torch.equal(painted, torch.tanh(network.head(kept["merge", 2][1])))


@pytest.mark.parametrize(
    "arguments",
    [{"width": 0}, {"depth": 0}, {"width": -3}, {"depth": -1}, {"channels": 0}, {"outputs": 0}, {"channels": -2}],
    ids=str,
)
def test_a_unet_without_width_depth_or_planes_is_refused(arguments):
    ((name, value),) = arguments.items()
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got {value}"):
        UNet(**arguments)


def test_a_depth_that_no_photo_could_have_is_refused_before_anything_is_built():
    with pytest.raises(ValueError, match="depth must be at most 8, got 1000000"):
        UNet(depth=10**6)


@pytest.mark.parametrize("wrong", ["bilinear", "", None])
def test_wrong_names_are_answered_with_the_choices(wrong):
    with pytest.raises(ValueError, match=f"upsampling must be one of transposed, resize, got {wrong!r}"):
        UNet(2, 1, upsampling=wrong)
    with pytest.raises(ValueError, match=f"discriminator must be one of binary, patch, got {wrong!r}"):
        discriminator(wrong)


@pytest.mark.parametrize("upsampling", UPSAMPLINGS)
def test_a_loss_moves_every_parameter_of_the_unet(upsampling):
    network = UNet(3, 2, upsampling)
    functional.mse_loss(network(torch.rand(2, 1, 16, 16)), torch.rand(2, 2, 16, 16)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 1e-9, name


@pytest.mark.parametrize("kind", DISCRIMINATORS)
@pytest.mark.parametrize("spectral", [False, True])
def test_a_logit_moves_the_generator_and_the_discriminator(kind, spectral):
    generator, net = UNet(2, 2), discriminator(kind, 2, spectral)
    lightness = torch.rand(4, 1, 32, 32)
    functional.softplus(-net(torch.cat([lightness, generator(lightness)], dim=1))).mean().backward()
    for network in (generator, net):
        for name, parameter in network.named_parameters():
            assert parameter.grad.isfinite().all() and parameter.grad.abs().max() > 1e-12, name


# ---- the discriminators


@pytest.mark.parametrize("spectral", [False, True])
def test_the_papers_discriminator_is_made_of_what_the_paper_names(spectral):
    net = BinaryDiscriminator(4, spectral=spectral)
    assert [layer.out_channels for layer in of(net, nn.Conv2d)] == [4, 8, 16, 32]
    assert [layer.num_features for layer in of(net, nn.BatchNorm2d)] == [8, 16, 32]
    assert [layer.negative_slope for layer in of(net, nn.LeakyReLU)] == [0.1] * 4
    assert [layer.p for layer in of(net, nn.Dropout2d)] == [0.25] * 4
    assert any("original" in name for name, _ in net.named_parameters()) == spectral
    assert [layer.p for layer in of(BinaryDiscriminator(4, dropout=0.5), nn.Dropout2d)] == [0.5] * 4


@pytest.mark.parametrize("size", [(16, 16), (16, 40), (33, 25)])
def test_the_papers_discriminator_gives_one_logit_for_photos_of_any_size(size):
    logits = BinaryDiscriminator(2)(torch.rand(3, 3, *size))
    assert logits.shape == (3, 1) and logits.isfinite().all() and logits.unique().numel() == 3


def test_the_papers_discriminator_averages_what_it_sees_over_the_photo():
    net, seen = BinaryDiscriminator(2).eval(), []
    net.features.register_forward_hook(lambda *given: seen.append(given[-1]))
    logits = net(torch.rand(3, 3, 48, 32))
    assert seen[0].shape == (3, 16, 3, 2)
    torch.testing.assert_close(logits, net.head(seen[0].flatten(2).sum(dim=-1) / 6))


def test_the_papers_discriminator_drops_out_only_while_it_learns():
    net, photos = BinaryDiscriminator(4), torch.rand(2, 3, 16, 16)
    assert not torch.equal(net(photos), net(photos))
    net.eval()
    assert torch.equal(net(photos), net(photos))


@pytest.mark.parametrize("spectral", [False, True])
def test_a_patch_logit_sees_exactly_70_x_70_pixels(spectral):
    net = PatchDiscriminator(2, spectral=spectral).eval()
    photo = torch.rand(1, 3, 128, 128, requires_grad=True)
    logits = net(photo)
    assert logits.shape == (1, 1, 14, 14)
    for row, column in ((7, 7), (6, 8)):
        (gradient,) = torch.autograd.grad(logits[0, 0, row, column], photo, retain_graph=True)
        seen = torch.zeros(128, 128, dtype=torch.bool)
        top, left = 33 + 8 * (row - 7), 33 + 8 * (column - 7)  # one logit is 8 pixels from the next
        seen[top : top + 70, left : left + 70] = True
        assert torch.equal((gradient[0] != 0).any(dim=0), seen)


def test_the_field_of_a_patch_logit_by_its_layers():
    net, field = PatchDiscriminator(1), 1
    for layer in reversed(of(net, nn.Conv2d)):
        field = (field - 1) * layer.stride[0] + layer.kernel_size[0]
    assert field == 70
    assert [layer.stride[0] for layer in of(net, nn.Conv2d)] == [2, 2, 2, 1, 1]
    assert [layer.negative_slope for layer in of(net, nn.LeakyReLU)] == [0.2] * 4


@pytest.mark.parametrize(
    ("size", "patches"), [((24, 24), (1, 1)), ((70, 70), (6, 6)), ((32, 48), (2, 4)), ((41, 96), (3, 10))]
)
def test_a_patch_discriminator_gives_a_logit_for_each_patch(size, patches):
    for spectral in (False, True):
        logits = PatchDiscriminator(2, spectral)(torch.rand(2, 3, *size))
        assert logits.shape == (2, 1, *patches) and logits.isfinite().all()


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("spectral", [False, True])
def test_spectral_and_batch_normalization_are_switches_of_their_own(spectral, batch_norm):
    for net in (PatchDiscriminator(4, spectral, batch_norm), discriminator("patch", 4, spectral, 0.5, batch_norm)):
        assert len([name for name, _ in net.named_parameters() if "original" in name]) == 5 * spectral
        assert [layer.num_features for layer in of(net, nn.BatchNorm2d)] == [8, 16, 32] * batch_norm
        biases = [layer.bias is not None for layer in of(net, nn.Conv2d)]
        assert biases == [True, *[not batch_norm] * 3, True]  # batch normalization has a bias of its own


def test_spectral_normalization_keeps_the_largest_singular_value_at_1():
    net, photos = initialize(PatchDiscriminator(3)), torch.rand(1, 3, 24, 24)
    weights = [layer.parametrizations.weight.original for layer in of(net, nn.Conv2d)]
    for weight in weights:
        assert torch.linalg.matrix_norm(weight.flatten(1), ord=2) < 0.7  # the bare weights are not normalized
    with torch.no_grad():
        for _ in range(100):  # one step of the power iteration each
            net(photos)
        for layer in of(net, nn.Conv2d):
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), ord=2) == pytest.approx(1, abs=0.01)
        net.eval()
        assert torch.equal(net(photos), net(photos))


@pytest.mark.parametrize(("kind", "made"), [("binary", BinaryDiscriminator), ("patch", PatchDiscriminator)])
def test_discriminators_have_names(kind, made):
    net = discriminator(kind, 6)
    assert type(net) is made and of(net, nn.Conv2d)[0].out_channels == 6
    assert [name for name, _ in net.named_parameters() if "original" in name] == []
    assert any("original" in name for name, _ in discriminator(kind, 2, True).named_parameters())


# ---- first weights

LARGE = {
    "transposed": lambda: UNet(32, 2),
    "resize": lambda: UNet(32, 2, "resize"),
    "binary": lambda: BinaryDiscriminator(32),
    "patch": lambda: PatchDiscriminator(32, spectral=False, batch_norm=True),
    "spectral": lambda: PatchDiscriminator(32),
}


@pytest.mark.parametrize("make", LARGE.values(), ids=LARGE)
def test_first_weights_are_drawn_as_the_paper_says(make):
    network = make()
    assert initialize(network) is network
    norms = {id(module.weight) for module in of(network, nn.BatchNorm2d)}
    weights, scales = [], []
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            assert (parameter == 0).all(), name
        else:
            (scales if id(parameter) in norms else weights).append(parameter.detach().flatten())
    for weight in weights:  # each layer, within what chance allows
        assert weight.std().item() == pytest.approx(0.02, rel=4 / weight.numel() ** 0.5)
    weights = torch.cat(weights)
    assert weights.std().item() == pytest.approx(0.02, rel=0.01) and abs(weights.mean().item()) < 2e-4
    assert (weights.abs() > 0.04).float().mean().item() == pytest.approx(0.0455, abs=0.003)  # a normal's tails
    if scales:
        scales = torch.cat(scales)
        assert scales.std().item() == pytest.approx(0.02, rel=0.15)
        assert scales.mean().item() == pytest.approx(1, abs=0.004)
        for module in of(network, nn.BatchNorm2d):
            assert (module.running_mean == 0).all() and (module.running_var == 1).all()


@pytest.mark.parametrize("kind", ["unet", *DISCRIMINATORS])
def test_the_seed_decides_the_first_weights(kind):
    drawn = []
    for before, seed in ((1, 7), (2, 7), (1, 8)):
        torch.manual_seed(before)  # what it was made with does not matter
        network = UNet(2, 2) if kind == "unet" else discriminator(kind, 2, spectral=True)
        torch.manual_seed(seed)
        drawn.append(nn.utils.parameters_to_vector(initialize(network).parameters()))
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
