"""A U-Net on an encoder that saw ImageNet: any size, what learns and what stays, the guided filter."""

import copy

import pytest
import timm
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate, mse_loss
from trainings import assert_equal

from nbhelpers.errors import UserError
from nbhelpers.networks import encoder
from nbhelpers.networks.config import LITE0
from nbhelpers.networks.encoder import extractor, imagenet_weights, later_parameters
from nbhelpers.networks.pretrained import PretrainedUNet, guided

FIRST = {LITE0: ("conv_stem", "bn1", "blocks.0.", "blocks.1.", "blocks.2."),
         "resnet18": ("conv1", "bn1", "layer1.", "layer2."),
         "ghostnet_050": ("conv_stem", "bn1", "blocks_0.", "blocks_1.", "blocks_2.", "blocks_3.")}  # fmt: skip


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def imagenet():
    return imagenet_weights(LITE0)


def lightness(*size, count=2):
    return 2 * torch.rand(count, 1, *size) - 1


def statistics(module):
    return {key: value.clone() for key, value in module.state_dict().items() if "running" in key or "tracked" in key}


def take_step(network, parameters, x, **given):
    """Learn noise in one large step."""
    optimizer = torch.optim.SGD(parameters, lr=1.0)
    loss = mse_loss(network(x, **given), torch.randn(len(x), 2, *x.shape[2:]))
    loss.backward()
    optimizer.step()


# ---- hints


def told(*size, count=2, planes=7):
    return torch.cat([lightness(*size, count=count), torch.rand(count, planes - 1, *size)], dim=1)


@pytest.mark.parametrize("size", [(16, 16), (50, 70), (17, 3)])
def test_a_network_that_is_told_hints_looks_at_each_plane(size):
    network, x = PretrainedUNet(LITE0, 3, 3, 7).eval(), told(*size)
    with torch.no_grad():
        painted, planes = network(x), network.planes(x)
        assert painted.shape == (2, 3, *size)
        assert planes.shape == (2, 3, *[-(-side // 16) * 8 for side in size])  # half of the size, filled up
        large = interpolate(planes.tanh(), scale_factor=2, mode="bilinear")
        torch.testing.assert_close(painted, large[..., : size[0], : size[1]])
        for plane in range(7):
            other = x.clone()
            other[:, plane] = torch.rand_like(other[:, plane])
            assert not torch.equal(network(other), painted), plane


def test_the_encoder_sees_the_lightness_alone():
    network, x = PretrainedUNet(LITE0, 3, 3, 7).eval(), told(32, 32)
    with torch.no_grad():
        features = network.features(x[:, :1])
        torch.testing.assert_close(network(x, features), network(x))
        assert not torch.equal(network(x, [level + 1 for level in features]), network(x))
    with pytest.raises(RuntimeError):
        network.features(x)


def test_hints_change_nothing_of_a_network_without():
    torch.manual_seed(1)
    plain = PretrainedUNet(LITE0, 3)
    assert (
        plain.channels == 1
        and "channels" not in plain.arguments
        and not any("told" in key for key in plain.state_dict())
    )
    made = PretrainedUNet(LITE0, 3, 3, 7)
    assert made.arguments == {"encoder": LITE0, "width": 3, "outputs": 3, "channels": 7}
    with pytest.raises(ValueError, match="channels must be at least 1, got 0"):
        PretrainedUNet(LITE0, 3, channels=0)


def test_a_hint_reaches_the_place_where_it_is(imagenet):
    """What one pixel tells changes the chroma around it, and nothing far away."""
    network = PretrainedUNet(LITE0, 4, 2, 4).begin_with(imagenet).eval()
    x = told(192, 192, planes=4)
    other = x.clone()
    other[:, 1:, 40, 40] += 1
    with torch.no_grad():
        change = (network(other) - network(x)).abs().amax(dim=(0, 1))
    assert change[36:45, 36:45].max() > 0 and change[150:, 150:].max() == 0


# ---- sizes


@pytest.mark.parametrize("size", [(16, 16), (50, 70), (17, 3), (1, 1), (32, 48)])
def test_any_size_comes_out_as_it_went_in(size):
    network, x = PretrainedUNet(LITE0, 3).eval(), lightness(*size)
    small = [-(-side // 16) * 4 for side in size]
    with torch.no_grad():
        painted, planes = network(x), network.planes(x)
        assert painted.shape == (2, 2, *size) and planes.shape == (2, 2, *small) and (painted.abs() < 1).all()
        large = interpolate(planes.tanh(), scale_factor=4, mode="bilinear")
        torch.testing.assert_close(painted, large[..., : x.shape[2], : x.shape[3]])
        assert not torch.equal(painted[0], painted[1]) and not torch.equal(painted[:, 0], painted[:, 1])
        network.head.bias[:] = torch.tensor([9.0, -9.0])
        network.head.weight.zero_()
        torch.testing.assert_close(network(x), torch.tensor([1.0, -1.0])[:, None, None].expand(2, 2, *size))


def test_features_are_a_quarter_an_eighth_and_a_sixteenth_of_the_side():
    network = PretrainedUNet("resnet18", 2)
    with torch.no_grad():
        seen = network.features(lightness(33, 50))
    assert [tuple(level.shape) for level in seen] == [(2, 128, 12, 16), (2, 256, 6, 8), (2, 512, 3, 4)]


def test_the_border_is_repeated_where_a_photo_is_filled_up():
    network, x = PretrainedUNet(LITE0, 2).eval(), lightness(10, 20)
    rows, columns = [min(i, 9) for i in range(16)], [min(i, 19) for i in range(32)]
    with torch.no_grad():
        assert torch.equal(network(x), network(x[..., rows, :][..., columns])[..., :10, :20])


def test_the_encoder_sees_twice_the_size_in_the_scale_it_knows():
    network, seen = PretrainedUNet(LITE0, 2).eval(), []
    network.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network.features(torch.full((1, 1, 16, 32), 0.2))
    told = timm.get_pretrained_cfg(LITE0)
    expected = [(0.6 - mean) / std for mean, std in zip(told.mean, told.std, strict=True)]
    assert seen[0].shape == (1, 3, 32, 64)
    torch.testing.assert_close(seen[0], torch.tensor(expected)[:, None, None].expand(1, 3, 32, 64))


@pytest.mark.parametrize(("width", "outputs", "levels"), [(1, 2, (1, 1, 1)), (4, 2, (6, 6, 4)), (5, 30, (7, 7, 5))])
def test_width_and_outputs_decide_the_decoder(width, outputs, levels):
    network = PretrainedUNet(LITE0, width, outputs)
    assert network.arguments == {"encoder": LITE0, "width": width, "outputs": outputs}
    assert [network.bottom[0].out_channels, *(merge[0].out_channels for merge in network.merge)] == list(levels)
    assert (network.head.in_channels, network.head.out_channels, network.channels) == (width, outputs, 1)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"outputs": -1}])
def test_a_decoder_without_channels_is_refused(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be at least 1"):
        PretrainedUNet(LITE0, **wrong)


# ---- first weights


def test_it_begins_with_imagenet_and_a_drawn_decoder(imagenet):
    network = PretrainedUNet(LITE0, 8)
    assert network.begin_with(imagenet) is network
    assert_equal(network.encoder.state_dict(), imagenet)
    whole = encoder.efficientnet_lite0().state_dict()
    assert all(torch.equal(value, whole[key]) for key, value in imagenet.items()) and len(imagenet) > 200
    weights = torch.cat([layer.weight.flatten() for layer in network.merge.modules() if isinstance(layer, nn.Conv2d)])
    assert weights.std().item() == pytest.approx(0.02, rel=0.1) and network.head.bias.abs().max() == 0


def test_it_sees_in_a_photo_what_the_whole_network_sees(imagenet):
    """The features of the last stage are those from which EfficientNet-Lite0 goes on."""
    network = PretrainedUNet(LITE0, 2).begin_with(imagenet)
    x = lightness(32, 32, count=1)
    whole, seen = encoder.efficientnet_lite0(), []
    hook = whole.blocks[6].register_forward_hook(lambda _, __, found: seen.append(found))
    with torch.no_grad():
        shown = (interpolate(x, scale_factor=2, mode="bilinear") + 1) / 2
        mean, std = (torch.tensor(whole.default_cfg[key])[:, None, None] for key in ("mean", "std"))
        whole.forward_features((shown - mean) / std)
        torch.testing.assert_close(network.features(x)[-1], seen[0])
    hook.remove()


def test_other_weights_that_cannot_be_had_are_one_sentence(monkeypatch):
    made = timm.create_model

    def offline(name, pretrained=False, **options):
        if pretrained:
            raise OSError("no route\nto host")
        return made(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(UserError) as caught:
        imagenet_weights("resnet18")
    expected = f"the weights of resnet18 cannot be had (no route to host): --encoder {LITE0} needs no network"
    assert str(caught.value) == expected
    assert imagenet_weights(LITE0).keys() == extractor(LITE0).state_dict().keys()


def test_weights_of_another_encoder_are_those_that_timm_brings(monkeypatch):
    made, asked = timm.create_model, []

    def online(name, pretrained=False, **options):
        asked.append((name, pretrained))
        found = made(name, pretrained=False, **options)
        if pretrained:
            nn.init.constant_(found.conv1.weight, 7)
        return found

    monkeypatch.setattr(timm, "create_model", online)
    weights = imagenet_weights("resnet18")
    assert ("resnet18", True) in asked and (weights["conv1.weight"] == 7).all()
    network = PretrainedUNet("resnet18", 2).begin_with(weights)
    assert_equal(network.encoder.state_dict(), weights)


# ---- names


@pytest.mark.parametrize("name", ["nosuch", "hf-hub:a/b", "local-dir:/tmp", "", "../x"])
def test_names_that_timm_does_not_know_are_one_sentence(name, monkeypatch):
    monkeypatch.setattr(timm, "create_model", lambda *_, **__: pytest.fail("looked for elsewhere"))
    for make in (extractor, PretrainedUNet, imagenet_weights):
        with pytest.raises(UserError) as caught:
            make(name)
        assert str(caught.value).startswith(f"timm knows no network {name!r}: try {LITE0}, resnet18 or another")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "convnext_atto", "inception_v3", "maxvit_tiny_rw_224"])
def test_networks_with_other_sizes_are_one_sentence(name):
    with pytest.raises(UserError) as caught:
        extractor(name)
    assert str(caught.value).startswith(f"{name} does not halve a photo five times: try {LITE0}")


def test_an_extractor_is_as_timm_makes_it():
    made = extractor("resnet18")
    torch.manual_seed(0)
    assert_equal(extractor("resnet18").state_dict(), timm_resnet(0))
    assert made.training and [len(level.shape) for level in made.eval()(torch.rand(1, 3, 32, 32))] == [4] * 5


def timm_resnet(seed):
    torch.manual_seed(seed)
    return timm.create_model("resnet18", features_only=True, pretrained=False).state_dict()


# ---- what learns and what stays


def test_the_encoder_is_in_evaluation_mode_from_birth_and_stays_so():
    network = PretrainedUNet(LITE0, 2)

    def modes():
        return {module.training for module in network.encoder.modules()}, {m.training for m in network.merge.modules()}

    assert network.training and modes() == ({False}, {True})
    assert network.train() is network and modes() == ({False}, {True})
    assert network.eval() is network and modes() == ({False}, {False})
    network.train(True)
    assert modes() == ({False}, {True})
    network = copy.deepcopy(network)
    assert modes() == ({False}, {True})


@pytest.mark.parametrize("name", [LITE0, "resnet18"])
def test_a_step_leaves_the_statistics_of_the_encoder_and_moves_the_decoders(name):
    network, x = PretrainedUNet(name, 3), lightness(16, 16, count=4)
    before, beside = statistics(network.encoder), statistics(network.merge)
    take_step(network, network.parameters(), x)
    assert len(before) > 50 and before.keys() == statistics(network.encoder).keys()
    assert_equal(statistics(network.encoder), before)
    assert all(not torch.equal(value, beside[key]) for key, value in statistics(network.merge).items())


@pytest.mark.parametrize("size", [(32, 32), (20, 40)])
def test_features_that_are_known_give_the_same_answer(size):
    network, x = PretrainedUNet(LITE0, 3).eval(), lightness(*size)
    with torch.no_grad():
        known = network.features(x)
        kept = [level.clone() for level in known]
        assert torch.equal(network(x, known), network(x)) and torch.equal(network.planes(x, known), network.planes(x))
        assert len(known) == 3 and all(torch.equal(a, b) for a, b in zip(known, kept, strict=True))  # not used up
        assert not torch.equal(network(x, [2 * level for level in known]), network(x))


def test_a_frozen_encoder_gets_no_gradient_and_does_not_change():
    network, x = PretrainedUNet(LITE0, 3), lightness(16, 16, count=4)
    network.encoder.requires_grad_(False)
    before = copy.deepcopy(network.state_dict())
    take_step(network, [each for each in network.parameters() if each.requires_grad], x)
    assert all(parameter.grad is None for parameter in network.encoder.parameters())
    moved = {key for key, value in network.state_dict().items() if not torch.equal(value, before[key])}
    assert moved == {key for key in before if not key.startswith("encoder.")}


@pytest.mark.parametrize("name", FIRST)
def test_only_the_last_two_stages_learn(name):
    network, x = PretrainedUNet(name, 3), lightness(32, 32, count=4)
    network.encoder.requires_grad_(False)
    later = later_parameters(network.encoder)
    for parameter in later:
        parameter.requires_grad_(True)
    before = copy.deepcopy(dict(network.encoder.named_parameters()))
    take_step(network, later, x)
    moved = {key for key, value in network.encoder.named_parameters() if not torch.equal(value, before[key])}
    stay = {key for key in before if key.startswith(FIRST[name])}
    assert stay and not moved & stay and len(later) == len(before) - len(stay)
    assert len(moved) > 10 and all(parameter.grad is not None for parameter in later)
    assert all(value.grad is None for key, value in network.encoder.named_parameters() if key in stay)
    named = [value for key, value in network.encoder.named_parameters() if key not in stay]
    assert all(one is other for one, other in zip(later, named, strict=True))


def test_dropout_is_drawn_in_training_alone():
    network, x = PretrainedUNet(LITE0, 3), lightness(16, 16)
    with torch.no_grad():
        known = network.features(x)
        assert not torch.equal(network.planes(x, known), network.planes(x, known))
        network.eval()
        assert torch.equal(network.planes(x, known), network.planes(x, known))


# ---- the guided filter


@pytest.mark.parametrize(
    ("seen", "size"),
    [((16, 16), (16, 16)), ((32, 32), (150, 90)), ((20, 33), (61, 100)), ((16, 16), (200, 20)), ((1, 1), (1, 1)),
     ((3, 40), (3, 40)), ((1, 40), (1, 400))],
)  # fmt: skip
def test_constant_chroma_stays_constant_at_any_size(seen, size):
    ab = torch.tensor([30.0, -50.0])[None, :, None, None]
    found = guided(ab.expand(1, 2, *seen), 100 * torch.rand(1, 1, *seen), 100 * torch.rand(1, 1, *size))
    assert found.shape == (1, 2, *size)
    torch.testing.assert_close(found, ab.expand(1, 2, *size), atol=1e-2, rtol=0)


@pytest.mark.parametrize("larger", [1, 5])
def test_the_chroma_follows_an_edge_of_the_lightness(larger):
    """A red square on a blue ground, of which the network knows to 4 pixels only where it is."""
    inside = torch.zeros(1, 1, 64, 64)
    inside[..., 18:45, 21:50] = 1
    photo = inside.repeat_interleave(larger, dim=2).repeat_interleave(larger, dim=3)
    truth = torch.cat([60 * photo, -50 * (1 - photo)], dim=1)
    small = avg_pool2d(torch.cat([60 * inside, -50 * (1 - inside)], dim=1), 4)
    chroma = interpolate(small, scale_factor=4, mode="bilinear")
    plain = mse_loss(interpolate(chroma, scale_factor=larger, mode="bilinear"), truth)
    assert mse_loss(guided(chroma, 20 + 60 * inside, 20 + 60 * photo), truth) < 0.6 * plain
    # without an edge there is nothing to follow
    assert mse_loss(guided(chroma, torch.full_like(inside, 50), torch.full_like(photo, 50)), truth) > plain


def test_a_linear_function_of_the_small_lightness_is_applied_to_the_large_one():
    seen, photo = 100 * torch.rand(1, 1, 40, 60), 100 * torch.rand(1, 1, 200, 300)
    found = guided(torch.cat([0.5 * seen, 20 - seen], dim=1), seen, photo)
    torch.testing.assert_close(found, torch.cat([0.5 * photo, 20 - photo], dim=1), atol=2, rtol=0)


def test_a_larger_photo_is_painted_where_the_small_one_was():
    """Without edges the border of two colours is soft, as wide as the filter looks twice, and stays in its place."""
    chroma = torch.full((1, 2, 60, 70), 40.0)
    chroma[..., 35:] = -90
    found = guided(chroma, torch.full((1, 1, 60, 70), 50.0), torch.full((1, 1, 300, 350), 50.0))
    torch.testing.assert_close(found[..., :110], torch.full((1, 2, 300, 110), 40.0), atol=0.1, rtol=0)
    torch.testing.assert_close(found[..., 240:], torch.full((1, 2, 300, 110), -90.0), atol=0.1, rtol=0)
    torch.testing.assert_close(found[..., 174:176].mean(), torch.tensor(-25.0), atol=1, rtol=0)
