"""Squares cut from photos, another place in each, and some of them mirrored."""

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


def mirrored(squares: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    """Mirror some squares left to right.

    Parameters
    ----------
    squares : torch.Tensor
        (n, channels, H, W).
    which : torch.Tensor
        (n,) bool, on any device.

    Returns
    -------
    torch.Tensor
        (n, channels, H, W).
    """
    return torch.where(which.to(squares.device)[:, None, None, None], squares.flip(-1), squares)
