"""The averaged weights: how much is kept of them at each step."""

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from nbhelpers.networks.averaging import average


def kept(factor, step, averaged_before=1):
    """What is left of averaged weights of 1 when the network's are 0."""
    network = nn.Linear(2, 2).double()
    averaged = AveragedModel(network)
    averaged.n_averaged.fill_(averaged_before)
    for parameters, value in ((averaged.module.parameters(), 1.0), (network.parameters(), 0.0)):
        for parameter in parameters:
            nn.init.constant_(parameter, value)
    average(averaged, network, factor, step)
    assert averaged.n_averaged == averaged_before + 1
    (share,) = {value for parameter in averaged.module.parameters() for value in parameter.flatten().tolist()}
    return share


@pytest.mark.parametrize(
    ("step", "expected"),
    {0: 1 / 10, 1: 2 / 11, 2: 3 / 12, 50: 51 / 60, 8989: 8990 / 8999, 8991: 0.999, 10**6: 0.999}.items(),
)
def test_the_share_kept_rises_to_the_factor(step, expected):
    assert kept(0.999, step) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("step", "expected"), {2: 3 / 12, 7: 8 / 17, 8: 0.5, 50: 0.5}.items())
def test_a_small_factor_is_reached_soon(step, expected):
    assert kept(0.5, step) == pytest.approx(expected, rel=1e-9)


def test_the_first_weights_are_taken_as_they_are():
    assert kept(0.999, 50, averaged_before=0) == 0


def test_counters_are_copied_and_not_averaged():
    network = nn.BatchNorm2d(1)
    averaged = AveragedModel(network)
    averaged.n_averaged.fill_(1)
    network.num_batches_tracked.fill_(7)
    network.running_mean.fill_(12.0)
    average(averaged, network, 0.999, 2)
    assert averaged.module.num_batches_tracked == 7 and torch.equal(averaged.module.running_mean, torch.tensor([9.0]))
