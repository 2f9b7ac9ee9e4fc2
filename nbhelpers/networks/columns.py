"""The columns of a table that say how each network in it was trained: nobody has to remember which one it was."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from nbhelpers.evaluation.reference import TRAINING
from nbhelpers.networks.config import TrainConfig, saw_imagenet


def with_training(table: pd.DataFrame, trained, column: str = "method", prefix: str = "") -> pd.DataFrame:
    """Say in each line of a table how its network was trained.

    Parameters
    ----------
    table : pd.DataFrame
        A line for each method, or several.
    trained : dict or iterable of Colorizer
        What the lines are about: name in the table -> Colorizer or TrainConfig, or colorizers by their own names. A
        configuration stands for one training from first weights, that of its `pretrain` epochs counted.
    column : str
        Where the name stands.
    prefix : str
        Before the names of the new columns, for a second network in the same line ("other_" for that in "other").

    Returns
    -------
    pd.DataFrame
        `table` with four columns more, of Int64: size (side in pixels of the squares that the network learned from),
        width (channels of its first level), epochs (passes over the photos in all, those of the networks that it began
        with too), seeds (how many trainings the line stands for). Empty where the name is not that of a network.
    """
    named = trained if isinstance(trained, Mapping) else {each.name: each for each in trained}
    told = {name: _training(each) for name, each in named.items()}
    lines = [told.get(name, {}) for name in table[column]]
    return table.assign(**{f"{prefix}{key}": pd.array([line.get(key) for line in lines], "Int64") for key in TRAINING})


def _training(each) -> dict[str, int]:
    if isinstance(each, TrainConfig):
        return {"size": each.size, "width": each.width, "epochs": each.pretrain + each.epochs, "seeds": 1}
    from nbhelpers.networks.inference import training_of  # torch takes seconds to load

    return training_of(each)


def in_words(line, prefix: str = "") -> str:
    """How the network of a line was trained, to stand beside its name in a sentence.

    Parameters
    ----------
    line : Mapping or pd.Series
        With the columns of `with_training`.
    prefix : str
        Before their names.

    Returns
    -------
    str
        Such as "64 px, 24 channels, 24 epochs, 1 seed"; "" when the line is not about a network.
    """
    found = [line.get(f"{prefix}{key}") for key in TRAINING]
    if any(pd.isna(value) for value in found):
        return ""
    size, width, epochs, seeds = (int(value) for value in found)
    counted = f"{epochs} epoch{'s' * (epochs != 1)}, {seeds} seed{'s' * (seeds != 1)}"
    return f"{size} px, {width} channels, {counted}"


def beside(name: str, line, prefix: str = "") -> str:
    """A method's name, for a network with its training in brackets.

    Parameters
    ----------
    name : str
        The name, marked up or not.
    line : Mapping or pd.Series
        With the columns of `with_training`; without them it is taken for no network.
    prefix : str
        Before their names.

    Returns
    -------
    str
        Such as "unet (64 px, 24 channels, 24 epochs, 1 seed)", or the name alone; where a part of the network had
        learned from other photos before, that is said too.
    """
    words = in_words(line, prefix)
    if words and saw_imagenet(name.strip("*`").partition(" (")[0]):
        words += ", encoder from ImageNet"
    return f"{name} ({words})" if words else name
