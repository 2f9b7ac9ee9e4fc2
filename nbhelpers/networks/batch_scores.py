"""Scores of networks without hints on many photos at once, on the device that holds them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from nbhelpers.colour.lab import lab_to_rgb_tensor, rgb_to_lab_tensor, scale_lightness, unscale_ab
from nbhelpers.evaluation.statistics import bootstrap_interval

CHUNK = 64  # photos at once


def on(device, photos: np.ndarray) -> torch.Tensor:
    """Move photos to a device.

    Parameters
    ----------
    device : torch.device or str
        Where to.
    photos : np.ndarray
        uint8 (N, S, S, 3).

    Returns
    -------
    torch.Tensor
        uint8 (N, 3, S, S).
    """
    return torch.from_numpy(photos).to(device).permute(0, 3, 1, 2).contiguous()


def mean_colour(device, photos: np.ndarray) -> torch.Tensor:
    """Compute the mean colour of photos.

    Parameters
    ----------
    device : torch.device or str
        Where to compute it.
    photos : np.ndarray
        uint8 (N, S, S, 3).

    Returns
    -------
    torch.Tensor
        (1, 2, 1, 1), a* and b*.
    """
    sums = sum(rgb_to_lab_tensor(on(device, part))[:, 1:].mean((2, 3)).sum(0) for part in np.array_split(photos, 50))
    return (sums / len(photos))[None, :, None, None]


def plane(colour) -> torch.Tensor:
    """Make a colour of the shape that `errors` takes.

    Parameters
    ----------
    colour : array-like
        (2,), a* and b*.

    Returns
    -------
    torch.Tensor
        (1, 2, 1, 1) float32.
    """
    return torch.tensor(np.asarray(colour), dtype=torch.float32)[None, :, None, None]


@torch.inference_mode()
def _labs(network, photos: torch.Tensor, colour=None):
    """Yield (true CIELAB (n, 3, S, S), painted a*, b* (n, 2, S, S)) of the photos, some at a time."""
    was = network is not None and network.training
    if network is not None:
        network.eval()
    for part in photos.split(CHUNK):
        lab = rgb_to_lab_tensor(part)
        if network is None:
            yield lab, colour.expand(len(lab), 2, *lab.shape[2:])
        else:
            yield lab, unscale_ab(network(scale_lightness(lab[:, :1])).float())
    if network is not None:
        network.train(was)


def errors(network, photos: torch.Tensor, colour=None) -> pd.DataFrame:
    """Score each photo as a network, or one colour, colorizes it.

    Parameters
    ----------
    network : UNet or None
        Left in the mode that it was in; None paints `colour` everywhere.
    photos : torch.Tensor
        uint8 (N, 3, S, S), where the network is.
    colour : torch.Tensor, optional
        (1, 2, 1, 1), a* and b*, for no network.

    Returns
    -------
    pd.DataFrame
        One row for each photo: ab_mse, mean over pixels and both channels; chroma and true_chroma, mean distances from
        grey.
    """
    rows = []
    for lab, ab in _labs(network, photos, colour):
        squares = (ab - lab[:, 1:]).square().mean((1, 2, 3))
        chroma = [found.square().sum(1).sqrt().mean((1, 2)) for found in (ab, lab[:, 1:])]
        rows.append(torch.stack([squares, *chroma], dim=1).cpu())
    return pd.DataFrame(torch.cat(rows).numpy(), columns=["ab_mse", "chroma", "true_chroma"])


def painted(network, photos: torch.Tensor) -> np.ndarray:
    """Colorize photos by a network, under their own lightness.

    Parameters
    ----------
    network : UNet
        Left in the mode that it was in.
    photos : torch.Tensor
        uint8 (N, 3, S, S), where the network is.

    Returns
    -------
    np.ndarray
        sRGB uint8 (N, S, S, 3).
    """
    parts = [lab_to_rgb_tensor(torch.cat([lab[:, :1], ab], dim=1)) for lab, ab in _labs(network, photos)]
    return (255 * torch.cat(parts)).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def summary(found: pd.DataFrame, base: pd.DataFrame) -> dict:
    """Average scores over photos.

    Parameters
    ----------
    found, base : pd.DataFrame
        As `errors` returns them, of the same photos; `base` is what the error is compared with.

    Returns
    -------
    dict
        ab_mse with its 95 % bootstrap interval low to high; of_mean_colour, the ratio of the mean error to that of
        `base`, with of_low to of_high; chroma, true_chroma, photos (their number).
    """
    low, high = bootstrap_interval(found["ab_mse"])
    row = {"ab_mse": found["ab_mse"].mean(), "low": low, "high": high}
    low, high = bootstrap_interval(found["ab_mse"], of=base["ab_mse"])
    row |= {"of_mean_colour": row["ab_mse"] / base["ab_mse"].mean(), "of_low": low, "of_high": high}
    return row | {"chroma": found["chroma"].mean(), "true_chroma": found["true_chroma"].mean(), "photos": len(found)}
