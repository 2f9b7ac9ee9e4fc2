"""Networks from what a file or a training configuration says of them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from nbhelpers.errors import UserError
from nbhelpers.networks import bins, encoder, hint_inputs
from nbhelpers.networks.bins import ColourBins, UNetBins
from nbhelpers.networks.config import TrainConfig
from nbhelpers.networks.models import UNet, initialize
from nbhelpers.networks.pretrained import PretrainedUNet

_FREE = ("channels", "outputs", "temperature")  # may differ between a network and the one that it begins with


def build(arguments: dict) -> nn.Module:
    """Make a network of the arguments that a file holds, with random weights.

    Parameters
    ----------
    arguments : dict
        Those of UNet; with "encoder" those of PretrainedUNet; with "temperature" those of UNetBins or of ColourBins.

    Returns
    -------
    UNet, PretrainedUNet, ColourBins or UNetBins
        Its `arguments` are these.

    Raises
    ------
    UserError, TypeError, ValueError
        For arguments that cannot be.
    """
    plain, classifies = (PretrainedUNet, ColourBins) if "encoder" in arguments else (UNet, UNetBins)
    return (classifies if "temperature" in arguments else plain)(**arguments)


def first_weights(config: TrainConfig, photos: torch.Tensor) -> nn.Module:
    """Make the network of a training, with the weights that it begins with, drawn from torch's global generator.

    Parameters
    ----------
    config : TrainConfig
        The training configuration.
    photos : torch.Tensor
        (N, 3, S, S) uint8, the training photos: what is classified are their colours.

    Returns
    -------
    UNet, PretrainedUNet, ColourBins or UNetBins
        In training mode, on the CPU.

    Raises
    ------
    UserError
        For an encoder that there is not, or whose weights cannot be had.
    """
    classifies = config.loss == "bins"
    centres, share = bins.palette(photos) if classifies else ((), ())
    if config.encoder == "none":
        shape = (config.width, config.depth, config.upsampling)
        if not classifies:
            return initialize(UNet(*shape, *hint_inputs.PLANES[config.hints]))
        return initialize(UNetBins(*shape, len(centres), config.temperature)).with_palette(centres, share)
    weights = encoder.imagenet_weights(config.encoder)
    if not classifies:
        channels, outputs = hint_inputs.PLANES[config.hints]
        return PretrainedUNet(config.encoder, config.width, outputs, channels).begin_with(weights)
    made = ColourBins(config.encoder, config.width, len(centres), config.temperature)
    return made.begin_with(weights).with_palette(centres, share)


def started_from(known: nn.Module, made: nn.Module, file: Path) -> nn.Module:
    """Give a network the weights of a trained one.

    Parameters
    ----------
    known : UNet, PretrainedUNet or ColourBins
        The trained network, without hints.
    made : UNet, PretrainedUNet or ColourBins
        With first weights, see `first_weights`. A U-Net may take hints; one on an encoder that corrects spread hints
        keeps its weights, since `known` only guesses for it. One that classifies colours may begin with one that does
        not, whose last layer it does not take.
    file : Path
        Where `known` was read, for the message.

    Returns
    -------
    UNet, PretrainedUNet or ColourBins
        `made`.

    Raises
    ------
    UserError
        When `known` is of another kind or shape.
    """
    if isinstance(made, PretrainedUNet) and made.channels > 1:
        if (made.channels, made.outputs) != hint_inputs.PLANES["spread"]:
            raise UserError(f"{file} has nothing for a network on an encoder that is told the hints: leave out --start")
        if known.channels > 1:
            raise UserError(f"{file} holds a network that takes hints: start from one without")
        return made
    differ = [key for key, value in known.arguments.items() if key not in _FREE and made.arguments.get(key) != value]
    if differ or isinstance(made, PretrainedUNet) != isinstance(known, PretrainedUNet):
        what = ", ".join(f"{key} {known.arguments[key]}" for key in differ) or "no pretrained encoder"
        raise UserError(f"{file} holds a network with {what}: ask the configuration for the same")
    if isinstance(made, UNet):
        if (known.channels, known.outputs) != hint_inputs.PLANES["none"]:
            what = f"{known.channels} planes in and {known.outputs} out"
            raise UserError(f"{file} holds a U-Net with {what}: start from one without hints")
        made.load_state_dict(hint_inputs.widened(known, made.channels, made.outputs).state_dict())
    elif isinstance(known, ColourBins) == isinstance(made, ColourBins):
        if known.arguments["outputs"] != made.arguments["outputs"]:
            raise UserError(f"{file} classifies {known.arguments['outputs']} colours, these photos have others")
        made.load_state_dict(known.state_dict())
    else:
        own = ("head.", "centres", "share")
        weights = {key: value for key, value in known.state_dict().items() if not key.startswith(own)}
        made.load_state_dict(weights, strict=False)
    return made
