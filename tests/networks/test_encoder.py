"""EfficientNet-Lite0: the weights of its package, in the network that timm builds."""

import numpy as np
import pytest
import torch
from skimage import data

from nbhelpers.networks import encoder

EGYPTIAN_CAT, TABBY, ESPRESSO = 285, 281, 967  # classes of ImageNet


def test_it_names_what_it_sees_in_colour_and_in_grey():
    cat = data.chelsea()[:, :300]
    assert encoder.look(cat)[1].argmax() in (EGYPTIAN_CAT, TABBY, 282)
    assert encoder.look(data.coffee()[:, 100:500])[1].argmax() == ESPRESSO
    grey = np.repeat(cat.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    assert encoder.look(grey)[1].argmax() in (EGYPTIAN_CAT, TABBY, 282)


@pytest.mark.parametrize("shape", [(224, 224, 3), (64, 64, 3), (100, 333, 3)])
def test_photos_of_any_size(shape):
    features, answer = encoder.look(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    assert features.shape == (1280,) and answer.shape == (1000,) and answer.sum() == pytest.approx(1, abs=1e-4)
    assert features.dtype == answer.dtype == np.float32


def test_its_answer_follows_from_its_features():
    features, answer = encoder.look(data.chelsea())
    network = encoder.efficientnet_lite0()
    assert network is encoder.efficientnet_lite0() and not network.training
    with torch.inference_mode():
        again = network.classifier(torch.from_numpy(features)[None])[0].softmax(0)
    np.testing.assert_allclose(answer, again, atol=1e-6)
