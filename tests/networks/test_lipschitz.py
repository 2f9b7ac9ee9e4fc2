"""Spectral norms of layers, against matrices written out."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from nbhelpers.networks import lipschitz
from nbhelpers.networks.models import BinaryDiscriminator, PatchDiscriminator


def written_out(weight, stride, padding, side):
    """The matrix of a convolution: what it makes of each unit vector."""
    units = torch.eye(weight.shape[1] * side**2).reshape(-1, weight.shape[1], side, side)
    return conv2d(units, weight, stride=stride, padding=padding).flatten(1).T


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (4, 1, 1), (3, 1, 1), (3, 2, 0)])
def test_the_norm_of_a_convolution_is_that_of_its_matrix(kernel, stride, padding):
    weight = torch.randn(3, 2, kernel, kernel, generator=torch.Generator().manual_seed(1))
    dense = np.linalg.svd(written_out(weight, stride, padding, 7), compute_uv=False)[0]
    found = lipschitz.convolution_norm(weight, stride, padding, 7)
    assert found == pytest.approx(dense, rel=1e-3)
    assert found <= dense * (1 + 1e-5)


def test_a_kernel_of_equal_weights_stretches_as_much_as_its_windows_overlap():
    weight = torch.ones(1, 1, 4, 4) / 4  # its matrix has the norm 1
    assert lipschitz.convolution_norm(weight, 4, 0, 64) == pytest.approx(1, abs=1e-4)  # no overlap
    assert lipschitz.convolution_norm(weight, 2, 1, 64) == pytest.approx(2, abs=0.02)
    assert lipschitz.convolution_norm(weight, 1, 1, 64) == pytest.approx(4, abs=0.05)


def test_the_layers_of_a_patch_discriminator_stay_below_their_bounds():
    torch.manual_seed(0)
    table = lipschitz.layer_norms(PatchDiscriminator(4, spectral=True), 32)
    assert list(table["stride"]) == [2, 2, 2, 1, 1]
    assert list(table["at most"] / table["matrix"]) == pytest.approx([2, 2, 2, 4, 4])
    assert table["matrix"].to_numpy() == pytest.approx(1, abs=0.05)
    assert (table["convolution"] <= table["at most"] * (1 + 1e-5)).all()
    assert table["convolution"].max() > 1.2  # normalized is the matrix, not the map


def test_without_normalization_a_larger_kernel_is_steeper():
    network = PatchDiscriminator(4, spectral=False)
    before = lipschitz.layer_norms(network, 32)
    with torch.no_grad():
        network.features[2].weight.mul_(3)
    after = lipschitz.layer_norms(network, 32)
    assert list(after["matrix"] / before["matrix"]) == pytest.approx([1, 3, 1, 1, 1])
    assert list(after["convolution"] / before["convolution"]) == pytest.approx([1, 3, 1, 1, 1])


def test_the_binary_one_ends_in_a_linear_layer():
    table = lipschitz.layer_norms(BinaryDiscriminator(4), 32)
    assert list(table["layer"]) == [*(f"features.{i}" for i in (0, 3, 7, 11)), "head"]
    last = table.iloc[-1]
    assert last["matrix"] == last["convolution"] == last["at most"] > 0
