"""What the tests of training share: pale photos, trainings of less than a second, where one keeps its state."""

import dataclasses

import numpy as np
import torch

from nbhelpers.networks.config import train_config


def pale(count=13, side=26, seed=0):
    """Noise near grey, so that first weights do not count as a collapse."""
    return list(np.random.default_rng(seed).integers(96, 160, (count, side, side, 3), dtype=np.uint8))


def quick(name, **changes):
    """A configuration of less than a second: 13 photos make 3 epochs of 3 steps. With hints it is of a U-Net."""
    if name.startswith("hinted"):
        changes = {"encoder": "none", "cached": 0, "loss": "mse", "decay": 0.01} | changes
    small = {"size": 24, "stored": 26, "width": 2, "discriminator_width": 2, "epochs": 3}
    return dataclasses.replace(train_config(name, "smoke", **small), **small | changes)


def home(folder, name):
    """The folder of the state of the only training by that configuration."""
    (found,) = [path for path in folder.glob(f"{name}-*/") if len(path.name) == len(name) + 11]
    return found


def assert_equal(found, expected):
    """Two dictionaries hold the same tensors, to the last bit."""
    assert found.keys() == expected.keys()
    assert [key for key, value in found.items() if not torch.equal(value, expected[key])] == []
