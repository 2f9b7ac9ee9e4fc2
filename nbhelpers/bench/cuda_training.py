"""Steps 3 and 4 of the CUDA campaign: the paper's training at its length, and small networks to ship."""

from __future__ import annotations

import dataclasses
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from nbhelpers import paths
from nbhelpers.bench.cuda_campaign import FAST, Campaign, OutOfTime, Sizes
from nbhelpers.bench.cuda_speed import empty, flops
from nbhelpers.networks import batch_scores, checkpoints
from nbhelpers.networks import plots as network_plots
from nbhelpers.networks.config import TrainConfig, train_config
from nbhelpers.networks.speed import Speed
from nbhelpers.networks.training import Trained, train

SHOWN = 6  # test photos whose pictures are kept
NEVER = 10**6  # epochs between checkpoints: an interrupted step starts anew


def paper_config(sizes: Sizes) -> TrainConfig:
    """Make the training configuration of the paper's GAN.

    Parameters
    ----------
    sizes : Sizes
        The campaign's sizes.

    Returns
    -------
    TrainConfig
        At the paper's width and epochs.
    """
    more = {"width": sizes.width, "discriminator_width": sizes.width, "epochs": sizes.epochs, "batch": sizes.batch}
    return train_config("gan-paper", size=sizes.size, **more)


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
    return _work([paper_config(sizes)], sizes.most or 5000)


def ship_work(sizes: Sizes) -> tuple[int, float]:
    """Count the work of the step `ship`, as `paper_work` does, of the networks to ship.

    Parameters
    ----------
    sizes : Sizes
        The campaign's sizes.

    Returns
    -------
    tuple of int and float
        Photos learned from, each time counted, and their floating-point operations.
    """
    return _work(small_configs(sizes), (sizes.most or 5000) - sizes.held)


def _work(asked, photos: int) -> tuple[int, float]:
    counts = [(each.epochs + each.pretrain) * photos for each in asked]
    return sum(counts), sum(count * flops(each) for count, each in zip(counts, asked))


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
    asked = dataclasses.replace(paper_config(c.sizes), stored=c.pack.size)
    _watched(c, "paper", asked, dataclasses.replace(FAST, compile=c.sizes.compile), list(c.pack.train))


def _watched(c: Campaign, name: str, asked: TrainConfig, switches: Speed, photos, folder=None) -> Trained:
    """Train, and write scores, log and painted photos as `name`."""
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
        if epoch == 1 or epoch % c.sizes.score_every == 0 or trainer.step == trainer.total or c.left < 0:
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
    figures = {f"{name}.png": network_plots.long_training(scores, log)}
    if len(pictures["truth"]):
        figures[f"{name}_photos.webp"] = network_plots.at_epochs(pictures)
    for file, figure in figures.items():
        with paths.atomic(c.out / f"10_cuda_{file}") as part:
            figure.savefig(part, dpi=90, bbox_inches="tight")
        plt.close(figure)


def small_configs(sizes: Sizes) -> tuple[TrainConfig, TrainConfig, TrainConfig]:
    """Make the training configurations of the networks to ship.

    Parameters
    ----------
    sizes : Sizes
        The campaign's sizes.

    Returns
    -------
    tuple of TrainConfig
        In order: the paper's GAN, the U-Net, and the GAN with L1 beside the discriminator.
    """
    more = {"size": sizes.size, "width": sizes.small, "batch": sizes.batch}
    gan = train_config("gan-paper", epochs=sizes.epochs, **more)
    long, short = 3 * sizes.epochs // 5, max(1, sizes.epochs // 5)
    return gan, train_config("unet", epochs=long, **more), train_config("gan-l1", epochs=short, pretrain=short, **more)


def ship(c: Campaign) -> None:
    """Train small networks without the last training photos, and compare them on these; more seeds where seconds allow.

    Parameters
    ----------
    c : Campaign
        The table "ship", those of the watched GAN ("paper_small") and the networks are written there.

    Raises
    ------
    OutOfTime
        When the step's seconds are used up.
    """
    table, compiled = Shipped(c), dataclasses.replace(FAST, compile=c.sizes.compile)
    gan, unet, l1 = (dataclasses.replace(asked, stored=c.pack.size) for asked in small_configs(c.sizes))
    table.add(_affordable(c, gan, compiled, table.photos, 0.72), compiled, watched=True)
    unet = _affordable(c, unet, compiled, table.photos, 0.6)
    seconds = table.add(unet, compiled)
    table.add(_affordable(c, l1, FAST, table.photos, 0.9), FAST)
    while c.left > 1.2 * seconds and unet.seed < 2:
        unet = dataclasses.replace(unet, seed=unet.seed + 1)
        seconds = table.add(unet, compiled)


def _affordable(c: Campaign, asked: TrainConfig, switches: Speed, photos: list, share: float) -> TrainConfig:
    """The configuration with as many epochs as fit into a share of the seconds that are left, at most its own.

    Rates that rise and fall must come to their end, so the number is fixed before it begins.
    """
    c.check_time()
    times, trial = [], dataclasses.replace(asked, epochs=3, pretrain=0)
    train(trial, photos, speed=switches, watch=lambda _: times.append(time.perf_counter()), restarts=0, progress=False)
    parts = 2 if asked.pretrain else 1
    epochs = min(asked.epochs, int(share * c.left / parts / (times[2] - times[1])))
    if epochs < 1:
        raise OutOfTime
    return dataclasses.replace(asked, epochs=epochs, pretrain=epochs if asked.pretrain else 0)


class Shipped:
    """The rows of the step's table: errors on the training photos kept out, those of the committed networks first.

    Parameters
    ----------
    c : Campaign
        Whose training photos are split, and where the table "ship" is written.
    """

    def __init__(self, c: Campaign):
        self.c, self.photos = c, list(c.pack.train[: -c.sizes.held])
        self.held = batch_scores.on(c.device, c.pack.train[-c.sizes.held :])
        colour = batch_scores.mean_colour(c.device, c.pack.train[: -c.sizes.held])
        self.base = batch_scores.errors(None, self.held, colour)
        self.rows = [{"network": "mean colour"} | batch_scores.summary(self.base, self.base)]
        for file in sorted((paths.DATA / "checkpoints").glob("*.safetensors")):
            about = checkpoints.read_about(file)
            if about.get(checkpoints.CONFIG, {}).get("hints", "none") == "none" and about.get("size") == c.sizes.size:
                facts = {"network": about["name"], "file": "committed; has learned from the photos kept out"}
                facts |= {key: about[checkpoints.CONFIG][key] for key in ("loss", "size", "width", "epochs", "seed")}
                self._score(facts, checkpoints.load_network(file)[0])

    def add(self, asked: TrainConfig, switches: Speed, watched: bool = False) -> float:
        """Train a network, keep and score it.

        Parameters
        ----------
        asked : TrainConfig
            The training configuration.
        switches : Speed
            The switches that it runs with.
        watched : bool
            Whether to score it every few epochs too, on the test photos, as `paper` does.

        Returns
        -------
        float
            The seconds that the training took.
        """
        folder, began = self.c.out / "networks" / f"{asked.name}-{asked.seed}", time.perf_counter()
        if watched:
            found = _watched(self.c, "paper_small", asked, switches, self.photos, folder)
        else:
            options = {"save_every": NEVER, "watch": self.c.check_time, "progress": False}
            found = train(asked, self.photos, folder, speed=switches, **options)
        facts = {"network": asked.name, "file": f"{folder.name}/{found.file.name}", "loss": asked.loss}
        facts |= {key: getattr(asked, key) for key in ("size", "width", "pretrain", "epochs", "seed")}
        facts |= {"restarts": len(found.restarts), "collapsed": found.collapsed, "training_photos": len(self.photos)}
        facts["seconds"] = time.perf_counter() - began
        self._score(facts, found.network)
        return facts["seconds"]

    def _score(self, facts: dict, network) -> None:
        found = batch_scores.errors(network.to(self.c.device), self.held)
        self.rows.append(facts | batch_scores.summary(found, self.base))
        self.c.write("ship", self.rows)
