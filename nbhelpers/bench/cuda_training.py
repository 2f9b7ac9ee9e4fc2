"""Steps 3 to 5 of the CUDA campaign: the paper's training, with more seeds, and small networks to ship."""

from __future__ import annotations

import dataclasses
import shutil
import time
from pathlib import Path

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
SEEDS = (1, 2)  # of trainings once more
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
    return _work(small_configs(sizes).values(), (sizes.most or 5000) - sizes.held)


def _work(asked, photos: int) -> tuple[int, float]:
    # The epochs before those of a network on an encoder are a configuration of their own, "frozen".
    counts = [(each.epochs + each.pretrain * (each.encoder == "none")) * photos for each in asked]
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
    _paper(c, seed=0)


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
            _paper(c, seed)
            begun = True
    if not begun:
        raise OutOfTime


def _paper(c: Campaign, seed: int) -> None:
    """The paper's training with a seed, whose scores stand with those of the others."""
    asked = dataclasses.replace(paper_config(c.sizes), stored=c.pack.size, seed=seed)
    switches = dataclasses.replace(FAST, compile=c.sizes.compile)
    try:
        _watched(c, f"paper_seed_{seed}" if seed else "paper", asked, switches, list(c.pack.train))
    finally:
        first, log = _table(c, "paper"), _table(c, "paper_log")
        if first is not None and log is not None:
            others = [_table(c, f"paper_seed_{other}") for other in SEEDS]
            c.write("paper", pd.concat([first[first["seed"] == 0], *(each for each in others if each is not None)]))
            _keep(c, "paper.png", network_plots.long_training(_table(c, "paper"), log))


def _table(c: Campaign, name: str) -> pd.DataFrame | None:
    """A table that the campaign has written, or None."""
    path = c.out / f"10_cuda_{name}.csv"
    return pd.read_csv(path) if path.is_file() else None


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
        _keep(c, file, figure)


def _keep(c: Campaign, file: str, figure) -> None:
    with paths.atomic(c.out / f"10_cuda_{file}") as part:
        figure.savefig(part, dpi=90, bbox_inches="tight")
    plt.close(figure)


def small_configs(sizes: Sizes) -> dict[str, TrainConfig]:
    """Make the training configurations of the networks to ship.

    Parameters
    ----------
    sizes : Sizes
        The campaign's sizes.

    Returns
    -------
    dict of str to TrainConfig
        Name -> configuration, in order of value: a decoder on an encoder that stays as it was, the same fine-tuned, as
        long as the committed one and longer, the paper's GAN, colour bins, the U-Net, and the GAN with L1.
    """
    more = {"size": sizes.size, "batch": sizes.batch}
    long, short, brief = (max(1, sizes.epochs * share // 100) for share in (60, 20, 4))
    tuned = train_config("unet-pretrained", pretrain=brief, epochs=brief, **more)
    made = {"frozen": tuned.pretraining(), "tuned": tuned}
    made["tuned longer"] = dataclasses.replace(tuned, epochs=4 * brief)
    made["bins"] = train_config("bins", epochs=3 * brief // 2, **more)
    more["width"] = sizes.small
    made["gan-paper"] = train_config("gan-paper", epochs=sizes.epochs, **more)
    made["unet"] = train_config("unet", epochs=long, **more)
    made["gan-l1"] = train_config("gan-l1", epochs=short, pretrain=short, **more)
    order = ("frozen", "tuned", "tuned longer", "gan-paper", "bins", "unet", "gan-l1")
    return {name: made[name] for name in order}


def ship(c: Campaign) -> None:
    """Train small networks without the last training photos, and compare them on these; more seeds where seconds allow.

    No network takes another with it: what goes wrong stands in the row's note, and the step fails when all is done.

    Parameters
    ----------
    c : Campaign
        The table "ship", those of the watched GAN ("paper_small") and the networks are written there.

    Raises
    ------
    OutOfTime
        When the step's seconds are used up.
    """
    table = Shipped(c)
    asked = {name: dataclasses.replace(each, stored=c.pack.size) for name, each in small_configs(c.sizes).items()}
    best, seconds = _with_encoder(table, asked)
    table.add(asked["gan-paper"], share=0.72, watched=True)
    if best is not None:
        table.add(asked["bins"], start=c.out / "networks" / best["file"])
    again = table.add(asked["unet"], share=0.6)
    table.add(asked["gan-l1"], share=0.9)
    for seed in SEEDS:
        if best is not None and c.left > 1.2 * seconds:
            _with_encoder(table, {name: dataclasses.replace(each, seed=seed) for name, each in asked.items()})
        if "note" not in again and c.left > 1.2 * again["seconds"]:
            table.add(dataclasses.replace(asked["unet"], epochs=again["epochs"], seed=seed))
    failed = [row["network"] for row in table.rows if "note" in row]
    if failed:
        raise RuntimeError(f"{len(failed)} networks failed: {', '.join(failed)}; why stands in their notes")


def _with_encoder(table: Shipped, asked: dict[str, TrainConfig]) -> tuple[dict | None, float]:
    """The row of the best fine-tuned network, None where there is none, and the seconds that all took."""
    rows = [table.add(asked["frozen"])]
    if "note" not in rows[0]:
        start = table.c.out / "networks" / rows[0]["file"]
        rows += [table.add(asked[name], start=start) for name in ("tuned", "tuned longer")]
    good = [row for row in rows[1:] if "note" not in row]
    return min(good, key=lambda row: row["ab_mse"], default=None), sum(row["seconds"] for row in rows)


def _affordable(c: Campaign, asked: TrainConfig, photos: list, share: float) -> TrainConfig:
    """The configuration with as many epochs as fit into a share of the seconds that are left, at most its own.

    Rates that rise and fall must come to their end, so the number is fixed before it begins.
    """
    c.check_time()
    times, trial = [], dataclasses.replace(asked, epochs=3, pretrain=0)
    train(trial, photos, speed=FAST, watch=lambda _: times.append(time.perf_counter()), restarts=0, progress=False)
    if len(times) < 3:
        raise RuntimeError("it collapsed in its first three epochs")
    parts = 2 if asked.pretrain else 1
    epochs = min(asked.epochs, int(share * c.left / parts / (times[2] - times[1])))
    if epochs < 1:
        raise OutOfTime
    return dataclasses.replace(asked, epochs=epochs, pretrain=epochs if asked.pretrain else 0)


class Shipped:
    """The rows of the step's table: errors on the training photos kept out, those of the committed networks first.

    Epochs are passes over the photos in all, those of the network that one began with counted too.

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
                facts |= {key: about[checkpoints.CONFIG][key] for key in ("loss", "size", "width", "seed")}
                facts["epochs"] = checkpoints.epochs(about)
                network = checkpoints.load_network(file)[0].to(c.device)
                self.rows.append(facts | batch_scores.summary(batch_scores.errors(network, self.held), self.base))

    def add(self, asked: TrainConfig, start: Path | None = None, share: float = 0.0, watched: bool = False) -> dict:
        """Train a network, keep and score it.

        Parameters
        ----------
        asked : TrainConfig
            The training configuration.
        start : Path, optional
            The file of a network to begin with.
        share : float
            Of the seconds that are left: it gets as many epochs as fit into it. 0: those of the configuration.
        watched : bool
            Whether to score it every few epochs too, on the test photos, as `paper` does.

        Returns
        -------
        dict
            Its row of the table; with a note, and without scores, when it went wrong.

        Raises
        ------
        OutOfTime
            When the step's seconds are used up.
        """
        self.c.check_time()
        facts = {"network": asked.name, "loss": asked.loss, "size": asked.size, "width": asked.width}
        facts |= {"seed": asked.seed, "training_photos": len(self.photos)}
        try:
            asked = _affordable(self.c, asked, self.photos, share) if share else asked
            facts |= self._trained(asked, start, watched)
        except OutOfTime:
            raise
        except Exception as error:
            facts["note"] = f"{type(error).__name__}: {' '.join(str(error).split())[:150]}"
            facts["seconds"] = 0.0
            print(f"ship: {asked.name} failed: {facts['note']}", flush=True)
        self.rows.append(facts)
        self.c.write("ship", self.rows)
        return facts

    def _trained(self, asked: TrainConfig, start: Path | None, watched: bool) -> dict:
        """What one more network came to."""
        folder, began = self.c.out / "networks" / f"{asked.name}-{asked.epochs}-{asked.seed}", time.perf_counter()
        shutil.rmtree(folder, ignore_errors=True)  # a network of an earlier attempt would be taken as it is
        if watched:
            found = _watched(self.c, "paper_small", asked, FAST, self.photos, folder)
        else:
            options = {"save_every": NEVER, "watch": self.c.check_time, "progress": False}
            found = train(asked, self.photos, folder, speed=FAST, start=start, **options)
        row = {
            "file": f"{folder.name}/{found.file.name}",
            "epochs": checkpoints.epochs(checkpoints.read_about(found.file)),
        }
        row |= {"restarts": len(found.restarts), "collapsed": found.collapsed, "seconds": time.perf_counter() - began}
        return row | batch_scores.summary(batch_scores.errors(found.network.to(self.c.device), self.held), self.base)
