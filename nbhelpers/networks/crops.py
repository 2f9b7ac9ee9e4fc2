"""Squares cut from photos, another place in each."""

from __future__ import annotations

import torch


def cut(planes: torch.Tensor, corners: torch.Tensor, size: int) -> torch.Tensor:
    """Cut a square from each photo.

    Parameters
    ----------
    planes : torch.Tensor
        (n, channels, H, W).
    corners : torch.Tensor
        (n, 2) int64, top and left of the square, in pixels.
    size : int
        Its side in pixels.

    Returns
    -------
    torch.Tensor
        (n, channels, size, size).
    """
    return torch.stack([one[:, y : y + size, x : x + size] for one, (y, x) in zip(planes, corners.tolist())])
