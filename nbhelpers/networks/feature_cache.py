"""What a frozen encoder sees in the training photos, computed once: its decoder then learns faster."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from nbhelpers.colour.lab import rgb_to_lab_tensor, scale_lightness
from nbhelpers.errors import UserError
from nbhelpers.networks.config import TrainConfig
from nbhelpers.networks.crops import cut, mirrored
from nbhelpers.system import memory

PART = 50  # photos at once


@dataclass(frozen=True, eq=False)
class Features:
    """Squares cut from N photos, `sets` times from each, and their features: row i * sets + r is photo i in set r.

    Attributes
    ----------
    sets : int
        How many squares a photo has.
    size : int
        Their side in pixels.
    corners : torch.Tensor
        (N * sets, 2) int64, top and left of the square, in pixels.
    mirrored : torch.Tensor
        (N * sets,) bool, left to right.
    levels : list of torch.Tensor
        (N * sets, channels, h, w) bfloat16, see `PretrainedUNet.features`; on the CPU.
    """

    sets: int
    size: int
    corners: torch.Tensor
    mirrored: torch.Tensor
    levels: list[torch.Tensor]

    def at(
        self, rgb: torch.Tensor, which: torch.Tensor, epoch: int
    ) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor]:
        """Cut photos, and look up the features of the squares.

        Parameters
        ----------
        rgb : torch.Tensor
            (n, 3, S, S) uint8, the photos, on the device of the training.
        which : torch.Tensor
            (n,) int64, their numbers, on the CPU.
        epoch : int
            The epochs take the squares of a photo in turn.

        Returns
        -------
        squares : torch.Tensor
            (n, 3, size, size) uint8.
        levels : list of torch.Tensor
            (n, channels, h, w) float32, see `PretrainedUNet.features`; on the device of the training.
        mirrored : torch.Tensor
            (n,) bool, which of the squares are.
        """
        rows = which * self.sets + epoch % self.sets
        squares = mirrored(cut(rgb, self.corners[rows], self.size), self.mirrored[rows])
        levels = [level[rows].to(rgb.device, non_blocking=True).float() for level in self.levels]
        return squares, levels, self.mirrored[rows]


@torch.inference_mode()
def compute(photos: torch.Tensor, config: TrainConfig, network, fabric, corners=None) -> Features:
    """Draw the squares of a training and compute what the encoder sees in them.

    Parameters
    ----------
    photos : torch.Tensor
        (N, 3, S, S) uint8.
    config : TrainConfig
        It says `cached`, `size`, `jitter` and `seed`.
    network : PretrainedUNet
        Whose encoder stays as it is; on the device of the training.
    fabric : lightning.fabric.Fabric
        Says the precision and the device.
    corners : torch.Tensor, optional
        (N * cached, 2) int64, of squares that are chosen already; None draws them.

    Returns
    -------
    Features
        On the CPU.

    Raises
    ------
    UserError
        When they need more than half of the memory of this machine.
    """
    sets, count = config.cached, len(photos) * config.cached
    drawn = torch.Generator().manual_seed(config.seed)
    if corners is None:
        corners = torch.randint(0, config.stored - config.size + 1, (count, 2), generator=drawn)
    flipped = torch.rand(count, generator=drawn) < 0.5
    jitter = config.jitter * (2 * torch.rand(2, count, 1, 1, 1, generator=drawn) - 1)
    levels = None
    for rows in torch.arange(count).split(PART):
        squares = cut(photos[(rows // sets).to(photos.device)], corners[rows], config.size)
        squares = mirrored(squares, flipped[rows])
        lightness = scale_lightness(rgb_to_lab_tensor(squares.to(fabric.device))[:, :1])
        factor, shift = jitter[:, rows].to(fabric.device)
        with fabric.autocast():
            found = network.features((lightness * (1 + factor) + shift).clamp(-1, 1))
        levels = _room(found, count) if levels is None else levels
        for level, part in zip(levels, found):
            level[rows] = part.bfloat16().cpu()
    return Features(sets, config.size, corners, flipped, levels)


def _room(found: list[torch.Tensor], count: int) -> list[torch.Tensor]:
    """Levels for so many squares, to be filled."""
    needed = 2 * count * sum(level[0].numel() for level in found)
    if needed > memory() / 2:
        what, there = f"{needed / 2**30:.1f} GiB of memory", f"this machine has {memory() / 2**30:.1f}"
        raise UserError(
            f"the encoder's features of {count} squares need {what}, {there}: try a smaller --size, or fewer photos"
        )
    return [torch.empty((count, *level.shape[1:]), dtype=torch.bfloat16) for level in found]
