"""Step 4 of the CUDA campaign: small networks for the course, compared on training photos kept out."""

from __future__ import annotations

import dataclasses
import shutil
import time
from pathlib import Path

from nbhelpers import paths
from nbhelpers.bench.cuda_campaign import FAST, Campaign, OutOfTime, Sizes
from nbhelpers.bench.cuda_training import NEVER, SEEDS, train_watched, work_of
from nbhelpers.networks import batch_scores, checkpoints
from nbhelpers.networks.config import TrainConfig, train_config
from nbhelpers.networks.data import bytes_of, identity
from nbhelpers.networks.training import train


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
    return work_of(small_configs(sizes).values(), (sizes.most or 5000) - sizes.held)


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
        mine = identity(bytes_of(self.photos, c.pack.size))
        for file in sorted((paths.DATA / "checkpoints").glob("*.safetensors")):
            about = checkpoints.read_about(file)
            if about.get(checkpoints.CONFIG, {}).get("hints", "none") == "none" and about.get("size") == c.sizes.size:
                facts = {"network": about["name"], "file": "committed"}
                facts |= {key: about[checkpoints.CONFIG][key] for key in ("loss", "size", "width", "seed")}
                facts["epochs"] = checkpoints.epochs(about)
                if about.get("identity") == mine:
                    facts["training_photos"] = len(self.photos)
                else:
                    facts["file"] += "; may have learned from the photos kept out"
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
            found = train_watched(self.c, "paper_small", asked, FAST, self.photos, folder)
        else:
            options = {"save_every": NEVER, "watch": self.c.check_time, "progress": False}
            found = train(asked, self.photos, folder, speed=FAST, start=start, **options)
        row = {
            "file": f"{folder.name}/{found.file.name}",
            "epochs": checkpoints.epochs(checkpoints.read_about(found.file)),
        }
        row |= {"restarts": len(found.restarts), "collapsed": found.collapsed, "seconds": time.perf_counter() - began}
        return row | batch_scores.summary(batch_scores.errors(found.network.to(self.c.device), self.held), self.base)
