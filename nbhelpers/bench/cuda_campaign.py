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

# Nothing but what a loop in plain PyTorch does, and everything but compilation.
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

    check_steps: of each variant that is compared; check_size: its photos in pixels.  speed_size, speed_photos: of the
    photos per second; largest_batch: where the search for the largest ends.  size, epochs, width: of the paper's
    training, scored every `score_every` epochs; small: width of the networks to ship; held: training photos kept out
    to choose by.  most: photos read from each part of the pack; None: all.  tests: files of tests/ that are run.
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
    """A step of the campaign: what it answers, its share of the seconds, what does it, and how much work that is."""

    name: str
    question: str
    share: int
    do: Callable[[Campaign], None]
    work: Callable[[Sizes], tuple[int, float]]


@dataclass
class Campaign:
    """What the steps share: the photos, how large, on which device, where to, and until when (`time.monotonic`)."""

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
        """Raise OutOfTime when the step's seconds are used up; also a `watch` for `train`."""
        if self.left < 0:
            raise OutOfTime

    def write(self, name: str, rows) -> None:
        """Write rows, with the card they were measured on, to `out`/10_cuda_<name>.csv, in one step."""
        table = pd.DataFrame(rows).assign(card=card(self.device), torch=torch.__version__)
        with paths.atomic(self.out / f"10_cuda_{name}.csv") as part:
            table.to_csv(part, index=False, float_format="%.5g")

    def squares(self, side: int, count: int) -> list[np.ndarray]:
        """The first `count` training photos (some several times, if need be), resized to uint8 (side, side, 3)."""
        photos = torch.from_numpy(self.pack.train[:count]).to(self.device).permute(0, 3, 1, 2).float()
        sized = torch.nn.functional.interpolate(photos, (side, side), mode="bilinear", antialias=True)
        sized = sized.round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
        return [sized[i % len(sized)] for i in range(count)]


def card(device: torch.device) -> str:
    """The name of the GPU, or "CPU"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
