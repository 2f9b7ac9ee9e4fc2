"""A long training on its way: the networks of some epochs kept as files, and what each of them can do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from nbhelpers.errors import UserError
from nbhelpers.networks import batch_scores, checkpoints
from nbhelpers.networks.config import WEIGHTS


class Milestones:
    """A `watch` for `train`: keeps the networks of some epochs, with their last weights and with the averaged ones.

    They lie in the folder of the training's state, so that one which was interrupted and goes on has those of before.

    Parameters
    ----------
    epochs : collection of int
        Which, from 1.
    """

    def __init__(self, epochs: Collection[int]):
        self.epochs = epochs

    def __call__(self, trainer) -> None:
        epoch = trainer.step // trainer.data.per_epoch
        if epoch not in self.epochs or not trainer.fabric.is_global_zero:
            return
        if trainer.folder is None:
            raise UserError("milestones are files: give the training a folder to keep them in")
        config = trainer.config
        about = trainer.about | {"name": config.name, "size": config.size, "attempt": trainer.attempt}
        about |= {"epochs": trainer.earlier_epochs + epoch}
        for weights, network in trainer.readings.items():
            checkpoints.save_network(file(trainer.folder, epoch, weights), network, about | {"weights": weights})


def file(home: Path, epoch: int, weights: str) -> Path:
    """Say where the network of an epoch lies.

    Parameters
    ----------
    home : Path
        The folder of the training's state, see `Trained.home`.
    epoch : int
        Counted from 1.
    weights : str
        "last" or "averaged".

    Returns
    -------
    Path
        The file.
    """
    return home / "milestones" / f"{epoch:04d}-{weights}.safetensors"


def every(epochs: int, step: int) -> list[int]:
    """The first epoch, each `step`-th, and the last.

    Parameters
    ----------
    epochs : int
        How many there are.
    step : int
        Epochs between two.

    Returns
    -------
    list of int
        In order.
    """
    return sorted({1, *range(step, epochs + 1, step), epochs})


def _networks(home: Path, epochs: Collection[int]):
    """Yield (epoch, weights, network, its description) of each; UserError when the last weights of one are missing."""
    for epoch in epochs:
        for weights in WEIGHTS[::-1]:
            path = file(home, epoch, weights)
            if path.is_file():
                yield epoch, weights, *checkpoints.load_network(path)
            elif weights == "last":
                raise UserError(f"{home} keeps no network of epoch {epoch}: delete that folder and train again")


def scores(home: Path, epochs: Collection[int], photos: Sequence[np.ndarray], colour) -> pd.DataFrame:
    """Score the networks that a training kept on its way.

    Parameters
    ----------
    home : Path
        The folder of the training's state, see `Trained.home`.
    epochs : collection of int
        Which.
    photos : sequence of np.ndarray
        uint8 (S, S, 3), S being the size that the network learned at.
    colour : array-like
        (2,), the mean a* and b* of the training photos.

    Returns
    -------
    pd.DataFrame
        A line for the mean colour (epoch 0), then one for each epoch and kind of weights: network, size, width, batch,
        epochs (see `checkpoints.epochs`), seeds (1), seed, weights ("last" or "averaged"), epoch,
        attempt (how often the training had been restarted), training_photos, and what `batch_scores.summary` finds.
        What is about a training is empty in the first line.

    Raises
    ------
    UserError
        When the networks of an epoch are missing.
    """
    test = batch_scores.on("cpu", np.stack(list(photos)))
    base = batch_scores.errors(None, test, batch_scores.plane(colour))
    rows = []
    for epoch, weights, network, about in _networks(home, epochs):
        config = about[checkpoints.CONFIG]
        facts = {"network": about["name"], "size": config["size"], "width": config["width"], "batch": config["batch"]}
        facts |= {"epochs": checkpoints.epochs(about), "seeds": 1, "seed": config["seed"], "weights": weights}
        facts |= {"epoch": epoch, "attempt": about["attempt"], "training_photos": about["photos"]}
        rows.append(facts | batch_scores.summary(batch_scores.errors(network, test), base))
    none = {"network": "mean colour", "seed": rows[0]["seed"], "weights": "mean colour", "epoch": 0}
    table = pd.DataFrame([none | batch_scores.summary(base, base), *rows])[list(rows[0])]
    whole = ("size", "width", "batch", "epochs", "seeds", "attempt", "training_photos")
    return table.astype(dict.fromkeys(whole, "Int64"))


def pictures(home: Path, epochs: Collection[int], photos: Sequence[np.ndarray], credits: Sequence[str]) -> dict:
    """Paint photos by the networks that a training kept on its way, for `plots.at_epochs`.

    Parameters
    ----------
    home : Path
        The folder of the training's state.
    epochs : collection of int
        Which.
    photos : sequence of np.ndarray
        uint8 (S, S, 3).
    credits : sequence of str
        One for each photo.

    Returns
    -------
    dict
        "last 010", "averaged 010", ... and "truth" -> (N, S, S, 3) uint8; "credits" -> the texts.

    Raises
    ------
    UserError
        When the networks of an epoch are missing.
    """
    true = np.stack(list(photos))
    found = {"truth": true, "credits": list(credits)}
    for epoch, weights, network, _ in _networks(home, epochs):
        found[f"{weights} {epoch:03d}"] = batch_scores.painted(network, batch_scores.on("cpu", true))
    return found
