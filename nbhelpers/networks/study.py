"""What notebooks 05 and 06 measure of networks: their layers, what they see, what each choice brings."""

from __future__ import annotations

import dataclasses
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.utils.flop_counter import FlopCounterMode

from nbhelpers.colour.lab import rgb_to_lab, scale_lightness
from nbhelpers.evaluation import evaluate
from nbhelpers.hints import Constant, Hints
from nbhelpers.networks.collapse import Diverged, Monitor
from nbhelpers.networks.columns import with_training
from nbhelpers.networks.config import GAN_L1, GAN_PAPER, TrainConfig
from nbhelpers.networks.data import bytes_of
from nbhelpers.networks.inference import NetworkColorizer
from nbhelpers.networks.training import train
from nbhelpers.system import one_thread


def summary(network, size: int, channels: int = 1) -> pd.DataFrame:
    """The top layers of a network and their costs for one photo.

    Parameters
    ----------
    network : nn.Module
        On the CPU; put into evaluation mode.
    size : int
        Side of the photo in pixels.
    channels : int
        Planes that the network reads.

    Returns
    -------
    pd.DataFrame
        layer, output ("channels x height x width"), parameters, GFLOP (of the forward pass, a multiplication and its
        addition being two operations). The last line is the whole network.
    """
    shapes, hooks = {}, []
    layers = {n: m for n, m in network.named_modules() if n.count(".") == (1 if n.split(".")[0] in _LISTS else 0) and n}
    layers = {n: m for n, m in layers.items() if n not in _LISTS}
    for name, layer in layers.items():
        hooks.append(layer.register_forward_hook(lambda _, __, out, name=name: shapes.update({name: tuple(out.shape)})))
    with torch.no_grad(), FlopCounterMode(depth=3, display=False) as counter:
        network.eval()(torch.zeros(1, channels, size, size))
    for hook in hooks:
        hook.remove()
    counts, kind = counter.get_flop_counts(), type(network).__name__
    rows = [(name, " x ".join(map(str, shapes[name][1:])), _size(layer), sum(counts[f"{kind}.{name}"].values()) / 1e9)
            for name, layer in layers.items()]  # fmt: skip
    rows.append(("all", "", _size(network), counter.get_total_flops() / 1e9))
    return pd.DataFrame(rows, columns=["layer", "output", "parameters", "GFLOP"])


_LISTS = ("down", "up", "merge")  # of a U-Net: one entry for each level


def _size(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@torch.inference_mode()
def feature_maps(network, lightness: np.ndarray) -> dict[str, np.ndarray]:
    """What each level of a U-Net holds for a photo.

    Parameters
    ----------
    network : UNet
        A network without hints, on the CPU; put into evaluation mode.
    lightness : np.ndarray
        (H, W), L* in [0, 100].

    Returns
    -------
    dict of str to np.ndarray
        The level's name, such as "down.0" or "merge.0" -> (channels, h, w) float32, in the network's order.
    """
    found, hooks = {}, []
    for part in ("down", "merge"):
        for i, block in enumerate(getattr(network, part)):
            hooks.append(block.register_forward_hook(lambda _, __, out, n=f"{part}.{i}": found.update({n: out[0]})))
    network.eval()(scale_lightness(torch.from_numpy(lightness.astype(np.float32)))[None, None])
    for hook in hooks:
        hook.remove()
    return {name: maps.numpy() for name, maps in found.items()}


def score(colorizers, photos) -> pd.DataFrame:
    """Score colorizers on photos without hints.

    Parameters
    ----------
    colorizers : iterable of Colorizer
        Each needs a name of its own.
    photos : Photos or list of np.ndarray
        uint8 (H, W, 3).

    Returns
    -------
    pd.DataFrame
        One line for each colorizer, after one for "truth": method, ab_mse (mean squared error of a* and b*), of mean
        colour (the error over that of the colorizer named "mean" or "mean colour"; NaN without one), chroma,
        hue_spread, photos (their number).
    """
    found = evaluate.score(colorizers, photos, measures=("ab_mse", "chroma"))
    errors = found.table.groupby("method", sort=False)["ab_mse"].mean()
    mean = errors.get("mean colour", errors.get("mean", np.nan))
    count = found.table["photo"].nunique()
    rows = [(name, errors.get(name, np.nan), errors.get(name, np.nan) / mean, c.chroma, c.hue_spread, count)
            for (name, _), c in found.colours.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "ab_mse", "of mean colour", "chroma", "hue_spread", "photos"])


class Snapshots:
    """A `watch` for `train`: what the network predicts for some photos after each epoch.

    Parameters
    ----------
    photos : list of np.ndarray
        uint8 (S, S, 3).

    Attributes
    ----------
    labs : list of np.ndarray
        (S, S, 3), the photos in CIELAB.
    painted : list of list of np.ndarray
        For each epoch a list of a* and b* of the photos, (S, S, 2).
    errors : list of float
        For each epoch the mean squared error of a* and b*.
    epochs : list of int
        The number of each epoch, from 1.
    """

    def __init__(self, photos):
        self.labs = [rgb_to_lab(photo) for photo in photos]
        self.painted, self.errors, self.epochs = [], [], []

    def __call__(self, trainer) -> None:
        network = trainer.result
        was = network.training
        colorizer = NetworkColorizer("", network.eval(), 10**6)  # at the photos' own size
        self.painted.append([colorizer.colorize(lab[..., 0], Hints.none(lab.shape[:2])).ab for lab in self.labs])
        network.train(was)
        errors = [np.square(ab - lab[..., 1:]).mean() for ab, lab in zip(self.painted[-1], self.labs)]
        self.errors.append(float(np.mean(errors)))
        self.epochs.append(trainer.step // trainer.data.per_epoch)


def variants(**changes) -> dict[str, TrainConfig]:
    """The training configurations of the ablation: `gan-l1` and others one change away from it.

    Parameters
    ----------
    **changes : object
        Fields of TrainConfig for all of them, such as width and epochs.

    Returns
    -------
    dict of str to TrainConfig
        Name -> configuration.
    """
    replace = dataclasses.replace
    full = replace(GAN_L1, **changes)
    return {
        "gan-l1": full,
        "L1 weight 100": replace(full, weight=100.0),
        "L1 weight 30": replace(full, weight=30.0),
        "L1 weight 10": replace(full, weight=10.0),
        "the paper's discriminator": replace(full, discriminator="binary"),
        "no spectral norm": replace(full, spectral=False),
        # as many passes over the photos in all
        "no pretraining": replace(full, pretrain=0, epochs=full.epochs + full.pretrain),
        "no averaged weights": replace(full, ema=0.0),
        "equal rates": replace(full, discriminator_rate=full.rate),
    }


def paper_variants(**changes) -> dict[str, TrainConfig]:
    """The paper's GAN and others one change away from it, in what the paper names or leaves open.

    It tuned by hand and restarted; its words are Adam's rate, batch normalization, LeakyReLU and dropout.

    Parameters
    ----------
    **changes : object
        Fields of TrainConfig for all of them, such as width and epochs.

    Returns
    -------
    dict of str to TrainConfig
        Name -> configuration.
    """
    replace = dataclasses.replace
    full = replace(GAN_PAPER, **changes)
    rate, width = full.rate, full.discriminator_width
    return {
        "gan-paper": full,
        "both rates halved": replace(full, rate=rate / 2, discriminator_rate=rate / 2),
        "both rates doubled": replace(full, rate=2 * rate, discriminator_rate=2 * rate),
        "discriminator's rate / 4": replace(full, discriminator_rate=rate / 4),
        "discriminator's rate x 4": replace(full, discriminator_rate=4 * rate),
        "no dropout": replace(full, dropout=0.0),
        "discriminator half as wide": replace(full, discriminator_width=max(1, width // 2)),
        "discriminator twice as wide": replace(full, discriminator_width=2 * width),
    }


def ablation(configs: dict[str, TrainConfig], photos, validation, seeds, folder: Path) -> pd.DataFrame:
    """Train each configuration with each seed, and score what it learned.

    Parameters
    ----------
    configs : dict of str to TrainConfig
        Name -> configuration; `stored` is the same in all.
    photos : Photos or sequence of np.ndarray
        The training photos, uint8 (stored, stored, 3).
    validation : Photos or list of np.ndarray
        The photos to score on, uint8 (size, size, 3).
    seeds : iterable of int
        The seeds, which replace those of the configurations.
    folder : Path
        Where trainings are kept; finished ones are only read again.

    Returns
    -------
    pd.DataFrame
        One line for each configuration and seed: variant, seed, ab_mse, of mean colour, chroma, true chroma (see
        `score`), photos (how many were learned from); what the monitor saw: symptoms (share of the log's rows with one,
        NaN without a discriminator), restarts, collapsed (why, or ""); and the columns of
        `columns`.
    """
    photos = list(bytes_of(photos, next(iter(configs.values())).stored).permute(0, 2, 3, 1).numpy())
    mean = np.mean([rgb_to_lab(photo)[..., 1:].mean(axis=(0, 1)) for photo in photos], axis=0)
    rows = []
    for seed in seeds:
        for name, config in configs.items():
            asked = dataclasses.replace(config, seed=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # each replaces the file of the one before, and says so
                trained = train(asked, photos, Path(folder) / f"seed-{seed}")
            colorizer = NetworkColorizer(name, trained.network, asked.size)
            found = score([Constant("mean", tuple(mean.tolist())), colorizer], validation).set_index("method")
            row = {"variant": name, "seed": seed} | found.loc[name, ["ab_mse", "of mean colour", "chroma"]].to_dict()
            row |= {"true chroma": found.loc["truth", "chroma"], "photos": len(photos)}
            ill = [bool(Monitor().symptom(line)) for line in trained.rows if "adversarial" in line]
            row |= {"symptoms": np.mean(ill) if ill else np.nan}
            rows.append(row | {"restarts": len(trained.restarts), "collapsed": trained.collapsed})
    return with_training(pd.DataFrame(rows), configs, "variant")


def with_encoder(scratch: TrainConfig, pretrained: TrainConfig, photos, counts, test, folder: Path) -> pd.DataFrame:
    """What an encoder that saw ImageNet brings, learning from few photos and from many.

    Parameters
    ----------
    scratch : TrainConfig
        A U-Net that begins with first weights.
    pretrained : TrainConfig
        A U-Net with an encoder, which stays as it was for `pretrain` epochs; `stored` is that of `scratch`.
    photos : Photos or sequence of np.ndarray
        The training photos, uint8 (stored, stored, 3).
    counts : iterable of int
        To learn from so many of them, the first. The epochs hold for all; with fewer there are more, so that a
        network takes as many steps as with all.
    test : Photos or list of np.ndarray
        The photos to score on, uint8 (size, size, 3).
    folder : Path
        Where trainings are kept; finished ones are only read again.

    Returns
    -------
    pd.DataFrame
        For each count a line for the mean colour of its photos, "from scratch", "encoder frozen" and "encoder
        fine-tuned": learned from (photos), kind, what `score` finds, and the columns of `columns`.
    """
    photos = list(bytes_of(photos, scratch.stored).permute(0, 2, 3, 1).numpy())
    tables = []
    for count in counts:
        few, more = photos[:count], max(1, round(len(photos) / count))
        told = {
            "from scratch": dataclasses.replace(scratch, epochs=more * scratch.epochs),
            "encoder frozen": dataclasses.replace(pretrained, pretrain=more * pretrained.pretrain).pretraining(),
            "encoder fine-tuned": dataclasses.replace(
                pretrained, epochs=more * pretrained.epochs, pretrain=more * pretrained.pretrain
            ),
        }
        mean = np.mean([rgb_to_lab(photo)[..., 1:].mean(axis=(0, 1)) for photo in few], axis=0)
        methods = [Constant("mean colour", tuple(mean.tolist()))]
        for kind, asked in told.items():
            trained = train(asked, few, Path(folder) / f"{count}-photos")
            methods.append(NetworkColorizer(kind, trained.network, asked.size))
        found = score(methods, test).rename(columns={"method": "kind"}).iloc[1:]
        found.insert(0, "learned from", count)
        tables.append(with_training(found, told, "kind"))
    return pd.concat(tables, ignore_index=True)


def many_seeds(config: TrainConfig, photos, seeds, measure, **options) -> pd.DataFrame:
    """Train one configuration with several seeds, without restarts.

    Parameters
    ----------
    config : TrainConfig
        The training configuration.
    photos : Photos or sequence of np.ndarray
        The training photos, uint8 (stored, stored, 3).
    seeds : iterable of int
        The seeds, which replace that of the configuration.
    measure : callable
        The finished network -> dict of numbers.
    **options : object
        For `train`.

    Returns
    -------
    pd.DataFrame
        One line for each seed: seed, what `measure` found, and "given up": why, or "". NaN stands for what was not
        measured, because a loss was not finite.
    """
    rows = []
    # Networks this small gain nothing from a second thread, and lose much by waiting for it.
    with tempfile.TemporaryDirectory() as folder, one_thread():
        for seed in seeds:
            asked = dataclasses.replace(config, seed=seed)
            try:
                trained = train(asked, photos, Path(folder) / str(seed), restarts=0, progress=False, **options)
                rows.append({"seed": seed} | measure(trained.network) | {"given up": trained.collapsed})
            except Diverged:
                rows.append({"seed": seed, "given up": "not finite"})
    return pd.DataFrame(rows)
