"""Steps 3, 6 and 7 of the CUDA campaign: the paper's trainings at their length, and the GAN's with more seeds."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from nbhelpers import paths
from nbhelpers.bench.cuda_campaign import FAST, Campaign, OutOfTime, Sizes
from nbhelpers.bench.cuda_speed import empty, flops
from nbhelpers.networks import batch_scores, drawings
from nbhelpers.networks import plots as network_plots
from nbhelpers.networks.config import TrainConfig, train_config
from nbhelpers.networks.speed import Speed
from nbhelpers.networks.training import Trained, train

SHOWN = 6  # test photos whose pictures are kept
SEEDS = (1, 2)  # of trainings once more
EARLY = (1, 2, 5)  # epochs that are scored besides
NEVER = 10**6  # epochs between checkpoints: an interrupted step starts anew


def paper_config(sizes: Sizes, name: str = "gan-paper") -> TrainConfig:
    """Make the training configuration of the paper's GAN, or of its U-Net.

    Parameters
    ----------
    sizes : Sizes
        The campaign's sizes.
    name : str
        Of the configuration.

    Returns
    -------
    TrainConfig
        At the paper's width and epochs.
    """
    more = {"width": sizes.width, "discriminator_width": sizes.width, "epochs": sizes.epochs, "batch": sizes.batch}
    return train_config(name, size=sizes.size, **more)


def paper_work(sizes: Sizes) -> tuple[int, float]:
    """Count the work of the step `paper`.

    Parameters
    ----------
    sizes : Sizes
        The campaign's sizes.

    Returns
    -------
    tuple of int and float
        Photos learned from, each time counted, and their floating-point operations.
    """
    return work_of([paper_config(sizes)], sizes.most or 5000)


def unet_work(sizes: Sizes) -> tuple[int, float]:
    """Count the work of one training of the step `unet`.

    Parameters
    ----------
    sizes : Sizes
        The campaign's sizes.

    Returns
    -------
    tuple of int and float
        Photos learned from, each time counted, and their floating-point operations.
    """
    return work_of([paper_config(sizes, "unet")], sizes.most or 5000)


def work_of(asked, photos: int) -> tuple[int, float]:
    """Count the work of trainings.

    Parameters
    ----------
    asked : iterable of TrainConfig
        Their configurations. The epochs before those of a network on an encoder are a configuration of their own.
    photos : int
        Photos that each learns from.

    Returns
    -------
    tuple of int and float
        Photos learned from, each time counted, and their floating-point operations.
    """
    counts = [(each, (each.epochs + each.pretrain * (each.encoder == "none")) * photos) for each in asked]
    return sum(count for _, count in counts), sum(count * flops(each) for each, count in counts)


def paper(c: Campaign) -> None:
    """Train the paper's GAN at its width, for all epochs.

    It is scored on the test photos, and some of them are colorized, every few epochs.

    Parameters
    ----------
    c : Campaign
        The tables "paper" and "paper_log", the pictures and the figures are written there.

    Raises
    ------
    OutOfTime
        When the step's seconds are used up.
    """
    _seeded(c, "paper", "gan-paper", 0)


def again(c: Campaign) -> None:
    """Train the paper's GAN with other seeds, as many as the seconds allow: how far does chance go?

    Parameters
    ----------
    c : Campaign
        A table "paper_seed_<seed>", with its log, pictures and figures, is written there for each; its rows join those
        of the table "paper", and thin lines the figure. A seed that is there in full is left as it is.

    Raises
    ------
    OutOfTime
        When the step's seconds are used up, and when they do not suffice for one seed.
    """
    whole, begun = _table(c, "paper"), False
    took = 0.0 if whole is None else whole["seconds"].max()
    for seed in SEEDS:
        known = _table(c, f"paper_seed_{seed}")
        if known is not None and known["epoch"].max() == c.sizes.epochs:
            begun = True
        elif c.left > 1.1 * took:
            _seeded(c, "paper", "gan-paper", seed)
            begun = True
    if not begun:
        raise OutOfTime


def unet(c: Campaign) -> None:
    """Train the paper's U-Net at its width, for all epochs; with further seeds, as many as the seconds allow.

    Parameters
    ----------
    c : Campaign
        As for `paper`, "unet" in place of "paper"; further seeds as for `again`.

    Raises
    ------
    OutOfTime
        When the step's seconds are used up.
    """
    c.check_time()
    took = 0.0
    for seed in (0, *SEEDS):
        if c.left > 1.1 * took:
            _seeded(c, "unet", "unet", seed)
            took = took or _table(c, "unet")["seconds"].max()


def _seeded(c: Campaign, name: str, network: str, seed: int) -> None:
    """A training with a seed, whose scores stand with those of the others in the table `name`."""
    asked = dataclasses.replace(paper_config(c.sizes, network), stored=c.pack.size, seed=seed)
    switches = dataclasses.replace(FAST, compile=c.sizes.compile)
    try:
        train_watched(c, f"{name}_seed_{seed}" if seed else name, asked, switches, list(c.pack.train))
    finally:
        first, log = _table(c, name), _table(c, f"{name}_log")
        if first is not None and log is not None:
            others = [_table(c, f"{name}_seed_{other}") for other in SEEDS]
            c.write(name, pd.concat([first[first["seed"] == 0], *(each for each in others if each is not None)]))
            _keep(c, f"{name}.png", _over_epochs(_table(c, name), log))


def _table(c: Campaign, name: str) -> pd.DataFrame | None:
    """A table that the campaign has written, or None."""
    path = c.out / f"10_cuda_{name}.csv"
    return pd.read_csv(path) if path.is_file() else None


def train_watched(
    c: Campaign, name: str, asked: TrainConfig, switches: Speed, photos, folder: Path | None = None
) -> Trained:
    """Train a network that is scored on the test photos, and colorizes some of them, every few epochs.

    Parameters
    ----------
    c : Campaign
        The tables `name` and "<name>_log", the pictures and the figures are written there.
    name : str
        Of the tables.
    asked : TrainConfig
        The training configuration.
    switches : Speed
        The switches that it runs with.
    photos : list of np.ndarray
        The training photos, uint8 (stored, stored, 3).
    folder : Path, optional
        Where the network is kept; None: nowhere.

    Returns
    -------
    Trained
        What the training has made.

    Raises
    ------
    OutOfTime
        When the step's seconds are used up; what was scored until then is written.
    """
    empty(c.device)
    test = batch_scores.on(c.device, c.pack.test)
    base = batch_scores.errors(None, test, batch_scores.mean_colour(c.device, c.pack.train))
    shown = [i for i, each in enumerate(c.pack.test_names) if each in c.pack.credits][:SHOWN]
    facts = {"network": asked.name, "size": asked.size, "width": asked.width, "batch": asked.batch, "seed": asked.seed}
    facts["training_photos"] = len(photos)
    rows = [facts | {"weights": "mean colour", "epoch": 0} | batch_scores.summary(base, base)]
    pictures = {"truth": c.pack.test[shown]}
    pictures["credits"] = np.array([f"{c.pack.test_names[i]}: {c.pack.credits[c.pack.test_names[i]]}" for i in shown])
    began = time.perf_counter()

    def watch(trainer):
        epoch = trainer.step // trainer.data.per_epoch
        if epoch in EARLY or epoch % c.sizes.score_every == 0 or trainer.step == trainer.total or c.left < 0:
            for weights, network in trainer.readings.items():
                at = {"weights": weights, "epoch": epoch, "attempt": trainer.attempt}
                at["seconds"] = time.perf_counter() - began
                rows.append(facts | at | batch_scores.summary(batch_scores.errors(network, test), base))
                pictures[f"{weights} {epoch:03d}"] = batch_scores.painted(network, test[shown])
            c.write(name, rows)
            c.write(f"{name}_log", [facts | row for row in trainer.rows])
            with paths.atomic(c.out / f"10_cuda_{name}_pictures.npz") as part:
                np.savez(part, **pictures)
        c.check_time()

    options = {"save_every": NEVER, "restarts": 1, "progress": False}
    try:
        return train(asked, photos, folder, speed=switches, watch=watch, **options)
    finally:
        if len(rows) > 1:
            _draw(c, name, pictures)


def _draw(c: Campaign, name: str, pictures: dict) -> None:
    """The figures of a training: from the tables that were written, and from its pictures."""
    scores, log = (pd.read_csv(c.out / f"10_cuda_{part}.csv") for part in (name, f"{name}_log"))
    figures = {f"{name}.png": _over_epochs(scores, log)}
    if len(pictures["truth"]):
        figures[f"{name}_photos.webp"] = network_plots.at_epochs(pictures)
    for file, figure in figures.items():
        _keep(c, file, figure)


def _over_epochs(scores: pd.DataFrame, log: pd.DataFrame):
    """The figure of a GAN's training, or of a U-Net's."""
    return (network_plots.long_training if "adversarial" in log else drawings.unet_over_epochs)(scores, log)


def _keep(c: Campaign, file: str, figure) -> None:
    with paths.atomic(c.out / f"10_cuda_{file}") as part:
        figure.savefig(part, dpi=90, bbox_inches="tight")
    plt.close(figure)
