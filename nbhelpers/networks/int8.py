"""The weights of convolutions in eight bits, with one scale for each output channel."""

from __future__ import annotations

import copy

import torch
from torch import nn

STEPS = 127  # of an int8 weight to either side of 0; -128 is not used


def output_axes(network: nn.Module) -> dict[str, int]:
    """Find the dimension that counts the output channels in the weight of each convolution.

    Parameters
    ----------
    network : nn.Module
        Any network.

    Returns
    -------
    dict of str to int
        The names of the convolutions' weights -> 0 for a convolution (output, input, height, width), 1 for a
        transposed one (input, output, height, width).
    """
    return {
        f"{name}.weight": int(isinstance(module, nn.ConvTranspose2d))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)
    }


def quantize(weight: torch.Tensor, axis: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Round a convolution's weight to int8 with a scale for each output channel.

    Parameters
    ----------
    weight : torch.Tensor
        Floating point, (n, m, h, w).
    axis : int
        The dimension that counts the output channels, see `output_axes`.

    Returns
    -------
    steps : torch.Tensor
        int8 in [-127, 127], of the shape of `weight`.
    scale : torch.Tensor
        float32 and positive, (channels,): the largest absolute weight of each channel, over 127. No weight moves by
        more than half of it.
    """
    weight = weight.float()
    others = [dim for dim in range(weight.ndim) if dim != axis]
    scale = (weight.abs().amax(others, keepdim=True) / STEPS).clamp(min=torch.finfo(torch.float32).tiny)
    return (weight / scale).round().to(torch.int8), scale.flatten()


def dequantize(steps: torch.Tensor, scale: torch.Tensor, axis: int) -> torch.Tensor:
    """The inverse of `quantize`.

    Parameters
    ----------
    steps : torch.Tensor
        int8, (n, m, h, w).
    scale : torch.Tensor
        float32 and positive, (channels,).
    axis : int
        The dimension that counts the output channels, see `output_axes`.

    Returns
    -------
    torch.Tensor
        float32, of the shape of `steps`.

    Raises
    ------
    ValueError
        When `steps` does not have four dimensions, or `scale` is not positive, not float32 or of another shape.
    """
    if steps.ndim != 4 or scale.shape != steps.shape[axis : axis + 1] or scale.dtype != torch.float32:
        raise ValueError(f"{tuple(steps.shape)} numbers have a {scale.dtype} scale {tuple(scale.shape)}")
    if (scale <= 0).any():
        raise ValueError("a scale must be positive")
    return steps.float() * scale.reshape([-1 if dim == axis else 1 for dim in range(4)])


def dequantized(weights: dict[str, torch.Tensor], network: nn.Module) -> dict[str, torch.Tensor]:
    """Multiply the weights that are in int8 by their scales.

    Parameters
    ----------
    weights : dict of str to torch.Tensor
        Of a file: "<name>.weight" in int8 has its "<name>.weight_scale" beside it.
    network : nn.Module
        The network that they belong to.

    Returns
    -------
    dict of str to torch.Tensor
        The same weights in float32, without the scales.

    Raises
    ------
    KeyError
        When a scale is missing, or what is in int8 is no convolution.
    ValueError
        As `dequantize` does.
    """
    axes, found = output_axes(network), dict(weights)
    for key, value in weights.items():
        if value.dtype == torch.int8:
            found[key] = dequantize(value, found.pop(f"{key}_scale"), axes[key])
    return found


@torch.no_grad()
def means_kept(network: nn.Module, see) -> nn.Module:
    """Move the means of batch normalization by what rounding the weights will move those of its inputs.

    Roundings of one sign add up along a deep network: its features drift, and what is painted gets another tint.

    Parameters
    ----------
    network : nn.Module
        In evaluation mode; it stays as it is.
    see : callable
        Called with a network; shows it some photos.

    Returns
    -------
    nn.Module
        A copy, to be rounded: then each batch normalization that `see` reaches has inputs around 0 again, as before.

    References
    ----------
    Nagel et al. 2019, Data-free quantization through weight equalization and bias correction; this is their variant
    that looks at data.
    """
    rounded, moved = copy.deepcopy(network), copy.deepcopy(network)
    weights = rounded.state_dict()
    for key, axis in output_axes(rounded).items():
        weights[key].copy_(dequantize(*quantize(weights[key], axis), axis))
    means = []
    _before_each_batch_norm(network, see, lambda layer, mean: means.append(mean))
    wanted = iter(means)
    # One pass: what comes later sees the means of what came before already moved.
    _before_each_batch_norm(rounded, see, lambda layer, mean: layer.running_mean.add_(mean - next(wanted)))
    kept = {key: value for key, value in rounded.state_dict().items() if key.endswith("running_mean")}
    moved.load_state_dict(kept, strict=False)
    return moved


def _before_each_batch_norm(network: nn.Module, see, act) -> None:
    """Call `act` with each batch normalization and the mean of its input's channels, in the order of the layers."""

    def hook(layer, inputs):  # what it returned would become the input
        act(layer, inputs[0].mean(dim=(0, 2, 3)))

    layers = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    hooks = [layer.register_forward_pre_hook(hook) for layer in layers]
    try:
        see(network)
    finally:
        for hook in hooks:
            hook.remove()
