"""What the steps of the CUDA campaign share: its sizes, switches and photos, the seconds left, where tables go."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from nbhelpers import paths
from nbhelpers.networks.speed import Speed
from nbhelpers.photos.pack import Pack

# Nothing but what a loop in plain PyTorch does (its float32 lets convolutions use TF32), and everything but
# compilation.
PLAIN = Speed(bf16=False, channels_last=False, fused=False, graphs=False, resident=False)
FAST = Speed(bf16=True)
SWITCHES = {
    "channels_last": {"channels_last": True},
    "bf16": {"bf16": True},
    "fused Adam": {"fused": True},
    "CUDA graph": {"graphs": True},
    "photos on the GPU": {"resident": True},
}


class OutOfTime(Exception):
    """A step's share of the budget is used up."""


@dataclass(frozen=True)
class Sizes:
    """How much work the campaign is; `TINY` is the same in seconds, to rehearse it.

    Attributes
    ----------
    check_steps : int
        Training steps of each variant that is compared.
    check_size : int
        Side of the squares that these variants learn from, in pixels.
    speed_size : int
        Side of the photos that are timed, in pixels.
    speed_photos : int
        How many of these there are.
    largest_batch : int
        Where the search for the largest batch ends.
    size : int
        Side of the squares that the paper's GAN and the networks to ship learn from, in pixels.
    epochs : int
        Of the paper's training.
    score_every : int
        Epochs from one scoring to the next.
    batch : int
        Photos in a step.
    width : int
        Channels of the first level of the paper's networks.
    small : int
        The same of the networks to ship, and of those that are compared.
    held : int
        Training photos kept out to choose by.
    most : int or None
        Photos read from each part of the pack; None reads all.
    compile : bool
        Whether torch.compile is timed, and used for the paper's training.
    tests : tuple of str
        Files of tests/ that are run, without their ending.
    """

    check_steps: int = 200
    check_size: int = 64
    speed_size: int = 400
    speed_photos: int = 192
    largest_batch: int = 512
    size: int = 128
    epochs: int = 100
    score_every: int = 10
    batch: int = 32
    width: int = 64
    small: int = 24
    held: int = 500
    most: int | None = None
    compile: bool = True
    tests: tuple[str, ...] = (
        "networks/test_data",
        "networks/test_cuda_graphs",
        "cli/test_train",
        "networks/test_training",
    )


TINY = Sizes(6, 32, 48, 8, 16, 32, 4, 2, 4, 4, 4, 8, 24, False, ("networks/test_cuda_graphs",))


@dataclass(frozen=True)
class Step:
    """A step of the campaign.

    Attributes
    ----------
    name : str
        What it is called.
    question : str
        What it answers.
    share : int
        Its share of the seconds, beside those of the other steps.
    do : callable
        Campaign -> None, does it.
    work : callable
        Sizes -> how much work it is: photos learned from, each time counted, and their floating-point operations.
    """

    name: str
    question: str
    share: int
    do: Callable[[Campaign], None]
    work: Callable[[Sizes], tuple[int, float]]


@dataclass
class Campaign:
    """What the steps share.

    Attributes
    ----------
    pack : Pack
        The photos.
    sizes : Sizes
        How much work there is.
    device : torch.device
        Where it is done.
    out : Path
        Where the tables go.
    deadline : float
        Until when the step may take, as `time.monotonic` counts, in seconds.
    """

    pack: Pack
    sizes: Sizes
    device: torch.device
    out: Path
    deadline: float = 0.0

    @property
    def left(self) -> float:
        """Seconds that this step still has."""
        return self.deadline - time.monotonic()

    def check_time(self, *_) -> None:
        """Check that the step has seconds left; also a `watch` for `train`.

        Parameters
        ----------
        *_ : object
            Not looked at.

        Raises
        ------
        OutOfTime
            When the step's seconds are used up.
        """
        if self.left < 0:
            raise OutOfTime

    def write(self, name: str, rows) -> None:
        """Write rows, with the card and the torch they were measured with, to `out`/10_cuda_<name>.csv, in one step.

        Parameters
        ----------
        name : str
            Name of the table.
        rows : list of dict or pd.DataFrame
            All its rows: an earlier table is replaced.
        """
        table = pd.DataFrame(rows)
        for column, value in {"card": card(self.device), "torch": torch.__version__}.items():
            kept = table[column].fillna(value) if column in table else value  # of rows that were written before
            table[column] = kept
        with paths.atomic(self.out / f"10_cuda_{name}.csv") as part:
            table.to_csv(part, index=False, float_format="%.5g")

    def squares(self, side: int, count: int) -> list[np.ndarray]:
        """Return the first training photos, resized; some several times, if need be.

        Parameters
        ----------
        side : int
            In pixels.
        count : int
            How many.

        Returns
        -------
        list of np.ndarray
            uint8 (side, side, 3).
        """
        photos = torch.from_numpy(self.pack.train[:count]).to(self.device).permute(0, 3, 1, 2).float()
        sized = torch.nn.functional.interpolate(photos, (side, side), mode="bilinear", antialias=True)
        sized = sized.round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        return [sized[i % len(sized)] for i in range(count)]


def card(device: torch.device) -> str:
    """Name a GPU.

    Parameters
    ----------
    device : torch.device
        The device.

    Returns
    -------
    str
        The name of the GPU, or "CPU".
    """
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
