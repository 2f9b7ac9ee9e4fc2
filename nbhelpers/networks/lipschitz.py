"""How steep a discriminator can be: what spectral normalization bounds, and what it leaves open.

A layer stretches the distance between two inputs at most by its largest singular value, its spectral norm. Layers one
after another stretch at most by the product, as LeakyReLU stretches nothing.
"""

from __future__ import annotations

import pandas as pd
import torch
from torch import nn
from torch.nn.functional import conv2d
from torch.nn.grad import conv2d_input

STEPS = 300  # of the power iteration


@torch.no_grad()
def convolution_norm(weight: torch.Tensor, stride: int, padding: int, side: int) -> float:
    """The spectral norm of a convolution, as the linear map that it is, by power iteration.

    Parameters
    ----------
    weight : torch.Tensor
        (out, in, k, k), the kernel.
    stride, padding : int
        As in `torch.nn.Conv2d`.
    side : int
        Height and width of its input in pixels.

    Returns
    -------
    float
        The largest factor by which it stretches a vector; from below, up to the rest of the iteration.
    """
    x = torch.randn(1, weight.shape[1], side, side, generator=torch.Generator().manual_seed(0)).to(weight)
    for _ in range(STEPS):
        y = conv2d(x / x.norm(), weight, stride=stride, padding=padding)
        x = conv2d_input(x.shape, weight, y, stride=stride, padding=padding)  # the transposed map
    return y.norm().item()


@torch.no_grad()
def layer_norms(discriminator: nn.Module, side: int) -> pd.DataFrame:
    """The spectral norms of the layers of a discriminator.

    Parameters
    ----------
    discriminator : BinaryDiscriminator or PatchDiscriminator
        On the CPU; put into evaluation mode.
    side : int
        Height and width of the photos in pixels.

    Returns
    -------
    pd.DataFrame
        One line for each convolution or linear layer, in order: layer, kernel ("out x in x k x k"), stride, matrix (the
        largest singular value of the kernel reshaped to (out, in k k), which `spectral_norm` divides by), convolution
        (that of the map itself) and at most (matrix times k / stride, rounded up: a pixel lies in so many windows
        squared). Batch normalization, which may stretch too, has no line.
    """
    rows = []
    for name, layer in discriminator.eval().named_modules():
        if not isinstance(layer, (nn.Conv2d, nn.Linear)):
            continue
        weight = layer.weight
        matrix = torch.linalg.matrix_norm(weight.flatten(1), ord=2).item()
        row = {"layer": name, "kernel": " x ".join(map(str, weight.shape))}
        if isinstance(layer, nn.Linear):
            rows.append(row | {"stride": 1, "matrix": matrix, "convolution": matrix, "at most": matrix})
            continue
        (stride, _), (padding, _), kernel = layer.stride, layer.padding, layer.kernel_size[0]
        measured = convolution_norm(weight, stride, padding, side)
        windows = -(-kernel // stride)
        rows.append(row | {"stride": stride, "matrix": matrix, "convolution": measured, "at most": matrix * windows})
        side = (side + 2 * padding - kernel) // stride + 1
    return pd.DataFrame(rows)
