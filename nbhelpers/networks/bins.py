"""Colour as classification: a network says how likely each of some hundred colours is, instead of naming one.

Zhang, Isola and Efros 2016, sections 2.2 (the loss, rebalanced) and 2.3 (the annealed mean).
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional

from nbhelpers.colour.lab import rgb_to_lab_tensor, scale_ab
from nbhelpers.networks.models import UNet
from nbhelpers.networks.pretrained import COARSE, PretrainedUNet, enlarged

GRID = 10.0  # units of a* and b* between two colours
NEAREST = 5  # colours that share the truth
SIGMA = 5.0  # units of a* and b*; how fast their shares fall with distance
RAREST = 1e-5  # share of the pixels that a colour has at least
PART = 100  # photos at once


def small_ab(photos: torch.Tensor) -> torch.Tensor:
    """The chroma of photos at a quarter of their size, where colours are classified.

    Parameters
    ----------
    photos : torch.Tensor
        (N, 3, S, S) uint8.

    Returns
    -------
    torch.Tensor
        (N, 2, S // 4, S // 4) float32, a* and b*.
    """
    return functional.avg_pool2d(rgb_to_lab_tensor(photos)[:, 1:], COARSE)


def palette(photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The colours that photos use, on a grid of 10 units, and how often.

    Parameters
    ----------
    photos : torch.Tensor
        (N, 3, S, S) uint8.

    Returns
    -------
    centres : torch.Tensor
        (Q, 2) float32, a* and b*; each is the nearest of the grid to at least RAREST of the pixels.
    share : torch.Tensor
        (Q,) float32, which share of the pixels; they sum to 1.
    """
    found = [(small_ab(part) / GRID).round().long().permute(0, 2, 3, 1).reshape(-1, 2) for part in photos.split(PART)]
    cells, counts = torch.unique(torch.cat(found), dim=0, return_counts=True)
    often = counts >= RAREST * counts.sum()
    return GRID * cells[often].float(), (counts[often] / counts[often].sum()).float()


def encode(ab: torch.Tensor, centres: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Share each true colour among the nearest of the palette.

    Parameters
    ----------
    ab : torch.Tensor
        (N, 2) float32, a* and b*.
    centres : torch.Tensor
        (Q, 2) float32, see `palette`.

    Returns
    -------
    which : torch.Tensor
        (N, 5) int64, the nearest colours, the nearest first; fewer when the palette has fewer.
    share : torch.Tensor
        (N, 5) float32, Gaussian in the distance with a standard deviation of 5 units; they sum to 1.
    """
    distance, which = torch.cdist(ab, centres).topk(min(NEAREST, len(centres)), largest=False)
    return which, torch.softmax(-(distance**2) / (2 * SIGMA**2), dim=1)


def class_weights(centres: torch.Tensor, share: torch.Tensor, uniform: float) -> torch.Tensor:
    """How much a mistake at a pixel of each colour costs: the rarer the colour, the more.

    Parameters
    ----------
    centres, share : torch.Tensor
        (Q, 2) and (Q,), see `palette`.
    uniform : float
        λ in [0, 1]: the colours' shares, smoothed, are mixed with so much of even shares; 1 weighs all alike.

    Returns
    -------
    torch.Tensor
        (Q,) float32; their mean over the photos' pixels is 1.
    """
    near = torch.exp(-(torch.cdist(centres, centres) ** 2) / (2 * SIGMA**2))
    smooth = (near / near.sum(dim=0)) @ share
    weights = 1 / ((1 - uniform) * smooth + uniform / len(share))
    return weights / (share * weights).sum()


def cross_entropy(logits: torch.Tensor, ab: torch.Tensor, centres: torch.Tensor, weights: torch.Tensor):
    """The loss: how unlikely a network thinks the true colours, rare ones weighing more.

    Parameters
    ----------
    logits : torch.Tensor
        (N, Q, h, w).
    ab : torch.Tensor
        (N, 2, h, w), the true a* and b*.
    centres, weights : torch.Tensor
        (Q, 2) and (Q,), see `palette` and `class_weights`.

    Returns
    -------
    torch.Tensor
        A scalar, the mean over pixels.
    """
    which, share = encode(ab.permute(0, 2, 3, 1).reshape(-1, 2), centres)
    log_likely = logits.float().log_softmax(dim=1).permute(0, 2, 3, 1).reshape(-1, len(centres))
    return -(weights[which[:, 0]] * (share * log_likely.gather(1, which)).sum(dim=1)).mean()


def annealed_mean(logits: torch.Tensor, centres: torch.Tensor, temperature: float) -> torch.Tensor:
    """The mean of the colours after their distribution has been sharpened.

    Parameters
    ----------
    logits : torch.Tensor
        (N, Q, h, w).
    centres : torch.Tensor
        (Q, 2), a* and b*.
    temperature : float
        T > 0: 1 is the mean, near 0 the likeliest colour.

    Returns
    -------
    torch.Tensor
        (N, 2, h, w), a* and b*.
    """
    likely = torch.softmax(logits.float() / temperature, dim=1)
    return torch.einsum("nqhw,qc->nchw", likely, centres)


class _Classifier:
    """What a network has that classifies colours, whatever its body: a palette, and how it paints by it."""

    def _make_room(self, outputs: int, temperature: float) -> None:
        """For a palette of so many colours."""
        self.outputs, self.temperature = 2, _sensible(temperature)
        self.register_buffer("centres", torch.zeros(outputs, 2))
        self.register_buffer("share", torch.zeros(outputs))

    @property
    def about_colours(self) -> dict:
        """Arguments that are about colours, the temperature being that of now."""
        return {"outputs": len(self.centres), "temperature": self.temperature}

    def with_palette(self, centres: torch.Tensor, share: torch.Tensor) -> _Classifier:
        """Give it the palette of the training photos.

        Parameters
        ----------
        centres, share : torch.Tensor
            (Q, 2) and (Q,), see `palette`.

        Returns
        -------
        ColourBins or UNetBins
            The same network.
        """
        self.centres.copy_(centres)
        self.share.copy_(share)
        return self

    def paint(self, planes: torch.Tensor) -> torch.Tensor:
        """Turn the logits into chroma.

        Parameters
        ----------
        planes : torch.Tensor
            (N, Q, h, w), logits.

        Returns
        -------
        torch.Tensor
            (N, 2, h, w), a* and b* over 110.
        """
        return scale_ab(annealed_mean(planes, self.centres, self.temperature))

    def at(self, temperature: float) -> _Classifier:
        """The same network, weights shared, at another temperature.

        Parameters
        ----------
        temperature : float
            See `annealed_mean`.

        Returns
        -------
        ColourBins or UNetBins
            Another object.

        Raises
        ------
        ValueError
            For a temperature that is not above 0.
        """
        other = copy.copy(self)
        other.temperature = _sensible(temperature)
        return other


class ColourBins(_Classifier, PretrainedUNet):
    """A network that classifies colours: its planes are the logits of a palette; it paints their annealed mean.

    Parameters
    ----------
    encoder, width : str, int
        See PretrainedUNet.
    outputs : int
        Colours of the palette.
    temperature : float
        See `annealed_mean`; theirs was 0.38.

    Attributes
    ----------
    centres, share : torch.Tensor
        (Q, 2) and (Q,), the palette of the training photos, see `palette`.

    Raises
    ------
    UserError, ValueError
        As PretrainedUNet does, and for a temperature that is not above 0.
    """

    def __init__(self, encoder: str, width: int, outputs: int, temperature: float):
        super().__init__(encoder, width, outputs)
        self._make_room(outputs, temperature)

    @property
    def arguments(self) -> dict:
        """What it is made of, the temperature being that of now."""
        return super().arguments | self.about_colours


class UNetBins(_Classifier, UNet):
    """The same from scratch: a U-Net without its last two levels, so that it classifies at a quarter of the size.

    Parameters
    ----------
    width, depth, upsampling : int, int, str
        See UNet; two levels at least.
    outputs : int
        Colours of the palette.
    temperature : float
        See `annealed_mean`.

    Attributes
    ----------
    centres, share : torch.Tensor
        (Q, 2) and (Q,), the palette of the training photos, see `palette`.

    Raises
    ------
    ValueError
        As UNet does, for fewer than two levels, and for a temperature that is not above 0.
    """

    def __init__(self, width: int, depth: int, upsampling: str, outputs: int, temperature: float):
        super().__init__(width, depth, upsampling, outputs=outputs)
        if depth < 2:
            raise ValueError(f"depth must be at least 2 to classify at a quarter of the size, got {depth}")
        kept = depth - 2
        self.up, self.merge = self.up[:kept], self.merge[:kept]
        self.head = nn.Conv2d(COARSE * width, outputs, 1)
        self._make_room(outputs, temperature)

    @property
    def arguments(self) -> dict:
        """What it is made of, the temperature being that of now."""
        return {"width": self.width, "depth": self.depth, "upsampling": self.upsampling} | self.about_colours

    def forward(self, lightness: torch.Tensor) -> torch.Tensor:
        """Predict the chroma: what was painted at a quarter of the size, enlarged.

        Parameters
        ----------
        lightness : torch.Tensor
            (N, 1, H, W), scaled.

        Returns
        -------
        torch.Tensor
            (N, 2, H, W), a* and b* over 110.
        """
        return enlarged(self.paint(self.planes(lightness)), lightness.shape[-2:])


def coarse(network: nn.Module) -> bool:
    """Does a network paint at a quarter of the size, so that its chroma is to be laid along edges, see `guided`?

    Parameters
    ----------
    network : nn.Module
        Any.

    Returns
    -------
    bool
        Whether it does.
    """
    return isinstance(network, UNetBins) or isinstance(network, PretrainedUNet) and network.channels == 1


def _sensible(temperature: float) -> float:
    if not 0 < temperature < float("inf"):
        raise ValueError(f"temperature must be above 0 and finite, got {temperature}")
    return temperature
