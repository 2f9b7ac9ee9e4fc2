"""A long training on its way: the networks of chosen epochs kept as files, and what they can do."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from nbhelpers.networks import checkpoints


class Milestones:
    """A `watch` for `train`: keeps the network of chosen epochs, with its last weights and its averaged ones.

    Parameters
    ----------
    folder : Path
        Where the files go: <name>-<epoch>-<weights>.safetensors, float16. They are all that is kept, so a training that
        was interrupted and goes on has those of before.
    epochs : collection of int
        Which epochs, from 1.
    """

    def __init__(self, folder: Path, epochs: Collection[int]):
        self.folder, self.epochs = Path(folder), epochs

    def __call__(self, trainer) -> None:
        epoch = trainer.step // trainer.data.per_epoch
        if epoch not in self.epochs or not trainer.fabric.is_global_zero:
            return
        config = trainer.config
        about = trainer.about | {"name": config.name, "size": config.size, "attempt": trainer.attempt}
        about |= {"epochs": trainer.earlier_epochs + epoch}
        for weights, network in trainer.readings.items():
            file = self.folder / f"{config.name}-{epoch:03d}-{weights}.safetensors"
            checkpoints.save_network(file, network, about | {"weights": weights})
