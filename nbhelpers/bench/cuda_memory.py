"""Step 5 of the CUDA campaign: the memory that a training takes, by batch and size."""

from __future__ import annotations

import torch

from nbhelpers.bench import networks
from nbhelpers.bench.cuda_campaign import FAST, Campaign, Sizes
from nbhelpers.bench.cuda_speed import empty, flops
from nbhelpers.networks.config import TrainConfig, train_config

NETWORKS = ("unet", "gan-paper")
EPOCHS, STEPS = 3, 2  # of two steps each: the first warm up, and one of them is recorded


def _configs(sizes: Sizes) -> list[TrainConfig]:
    """What is measured: both networks of the paper's width, at four sizes with three batches."""
    sides = sorted({max(32, side * sizes.speed_size // 400) for side in (64, 128, 256, 400)})
    batches = (sizes.batch // 4, sizes.batch, 4 * sizes.batch)
    shape = {"width": sizes.width, "discriminator_width": sizes.width, "epochs": EPOCHS}
    return [
        train_config(name, size=side, stored=side, batch=batch, **shape)
        for name in NETWORKS
        for side in sides
        for batch in batches
    ]


def work(sizes: Sizes) -> tuple[int, float]:
    """Count the work of the step.

    Parameters
    ----------
    sizes : Sizes
        The campaign's sizes.

    Returns
    -------
    tuple of int and float
        Photos learned from, each time counted, and their floating-point operations.
    """
    counts = [(asked, EPOCHS * STEPS * asked.batch) for asked in _configs(sizes)]
    return sum(count for _, count in counts), sum(count * flops(asked) for asked, count in counts)


def memory(c: Campaign) -> None:
    """Measure the most memory that a training takes, and its photos per second, by network, size and batch.

    With all switches but compilation. A training that does not fit has a row with a note.

    Parameters
    ----------
    c : Campaign
        The table "memory" is written there, anew with each row.

    Raises
    ------
    OutOfTime
        When the step's seconds are used up.
    """
    rows = []
    for asked in _configs(c.sizes):
        c.check_time()
        row = {"network": asked.name, "size": asked.size, "width": asked.width, "batch": asked.batch}
        photos = c.squares(asked.size, STEPS * asked.batch)
        empty(c.device)
        try:
            row["photos_per_second"] = 1 / networks.ours(photos, asked, FAST)
            if c.device.type == "cuda":
                row["peak_GiB"] = torch.cuda.max_memory_allocated(c.device) / 2**30
        except Exception as error:
            row["note"] = f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
        rows.append(row)
        c.write("memory", rows)
