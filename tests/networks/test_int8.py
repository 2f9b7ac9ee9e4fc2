"""Weights in eight bits: batch normalization follows the roundings of a deep network."""

import copy

import pytest
import torch
from torch import nn

from nbhelpers.networks.int8 import dequantize, means_kept, output_axes, quantize


def deep():
    """Layers whose weights and statistics differ; the means are not those of the inputs."""
    torch.manual_seed(0)
    layers = []
    for k in range(6):
        layers += [nn.Conv2d(3 if k == 0 else 5, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU()]
    network = nn.Sequential(*layers)
    for layer in network[1::3]:
        layer.running_mean.normal_()
        layer.running_var.uniform_(0.5, 2)
    return network.eval()


def rounded(network):
    other = copy.deepcopy(network)
    for key, axis in output_axes(other).items():
        weight = other.get_parameter(key)
        weight.data = dequantize(*quantize(weight.data, axis), axis)
    return other


@torch.no_grad()
def centres(network, photos):
    """The mean of what each batch normalization sees, less the mean that it takes away: (layers, channels)."""
    found = []
    for layer in network:
        if isinstance(layer, nn.BatchNorm2d):
            found.append(photos.mean(dim=(0, 2, 3)) - layer.running_mean)
        photos = layer(photos)
    return torch.stack(found)


def test_each_batch_normalization_sees_after_rounding_what_it_saw_before():
    network, photos = deep(), torch.rand(4, 3, 16, 16)
    before = copy.deepcopy(network.state_dict())
    moved = means_kept(network, lambda one: one(photos))
    wanted = centres(network, photos)
    torch.testing.assert_close(centres(rounded(moved), photos), wanted, atol=1e-5, rtol=0)
    assert (centres(rounded(network), photos) - wanted).abs().max() > 1e-3  # without
    for key, value in before.items():
        assert torch.equal(network.state_dict()[key], value)
        assert torch.equal(moved.state_dict()[key], value) != key.endswith("running_mean")
    assert not any(layer._forward_pre_hooks for one in (network, moved) for layer in one)


def test_nothing_hangs_on_a_network_that_failed():
    def fail(one):
        raise RuntimeError("no photos")

    network = deep()
    with pytest.raises(RuntimeError, match="no photos"):
        means_kept(network, fail)
    assert not any(layer._forward_pre_hooks for layer in network)
