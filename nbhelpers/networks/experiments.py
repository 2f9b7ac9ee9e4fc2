"""Trainings side by side: what one choice changes, what luck does, what an encoder brings."""

from __future__ import annotations

import dataclasses
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.hints import Constant
from nbhelpers.networks.collapse import Diverged, Monitor
from nbhelpers.networks.columns import with_training
from nbhelpers.networks.config import GAN_L1, GAN_PAPER, LITE0, UNET, UNET_PRETRAINED, TrainConfig
from nbhelpers.networks.data import bytes_of
from nbhelpers.networks.inference import NetworkColorizer
from nbhelpers.networks.study import score
from nbhelpers.networks.training import Trained, train
from nbhelpers.system import one_thread


def losses(epochs: int = 4, width: int = 24, decoder: int = 64, **changes) -> dict[str, TrainConfig]:
    """Six losses, each from scratch and on a pretrained encoder, that see the photos equally often.

    Parameters
    ----------
    epochs : int
        Passes over the photos in all: of "L1 + discriminator" the first half with L1 alone.
    width, decoder : int
        Channels of the U-Net's first level, and of the decoder's last on the encoder, which stays as it was.
    **changes : object
        Fields of TrainConfig for all of them, such as size and stored.

    Returns
    -------
    dict of str to TrainConfig
        "scratch: MSE" ... "pretrained: BCE alone" -> configuration. "bins" weighs all colours alike (lambda 1),
        "bins, rebalanced" the rare ones more (0.7); "BCE alone" is the paper's game.
    """
    replace, head_start = dataclasses.replace, epochs // 2
    told = {
        "MSE": replace(UNET, epochs=epochs),
        "L1": replace(UNET, epochs=epochs, loss="l1"),
        "bins": replace(UNET, epochs=epochs, loss="bins", uniform=1.0),
        "bins, rebalanced": replace(UNET, epochs=epochs, loss="bins", uniform=0.7),
        "L1 + discriminator": replace(GAN_L1, epochs=epochs - head_start, pretrain=head_start),
        "BCE alone": replace(GAN_PAPER, epochs=epochs),
    }
    helped = {"encoder": LITE0, "cached": 2, "decay": UNET_PRETRAINED.decay, "width": decoder}
    found = {f"scratch: {name}": replace(config, width=width) for name, config in told.items()}
    found |= {f"pretrained: {name}": replace(config, **helped) for name, config in told.items()}
    return {name: replace(config, **changes) for name, config in found.items()}


def factors(losses: dict[str, TrainConfig]) -> dict[str, TrainConfig]:
    """One change at a time, around three of the pretrained networks.

    Parameters
    ----------
    losses : dict of str to TrainConfig
        What the function `losses` gives.

    Returns
    -------
    dict of str to TrainConfig
        "MSE: jitter 0" and the like -> configuration: the loss it belongs to, and what is changed.
    """
    replace = dataclasses.replace
    mse, game = losses["pretrained: MSE"], losses["pretrained: L1 + discriminator"]
    bins = losses["pretrained: bins, rebalanced"]
    half = {"vivid": mse.epochs // 2}
    tuned = {"encoder_rate": UNET_PRETRAINED.encoder_rate, "rate": UNET_PRETRAINED.rate}
    return {
        "MSE: jitter 0": replace(mse, jitter=0.0),
        "MSE: jitter 0.3": replace(mse, jitter=0.3),
        "MSE: averaged weights": replace(mse, ema=0.99),
        "MSE: the encoder learns too, in the second half": replace(
            mse, **tuned, pretrain=mse.epochs // 2, epochs=mse.epochs - mse.epochs // 2
        ),
        "MSE: vivid first, then uniform": replace(mse, **half),
        "bins: vivid first, then uniform": replace(bins, **half),
        **{f"bins: lambda {share:g}": replace(bins, uniform=share) for share in (0.0, 0.3, 0.5)},
        **{f"game: L1 weight {weight:g}": replace(game, weight=weight) for weight in (1.0, 3.0, 10.0, 30.0, 100.0)},
        "game: batch norm for spectral norm": replace(game, spectral=False, batch_norm=True),
        "game: spectral norm and batch norm": replace(game, batch_norm=True),
        "game: neither norm": replace(game, spectral=False),
        "game: the paper's discriminator": replace(game, discriminator="binary", spectral=False),
        "game: no averaged weights": replace(game, ema=0.0),
        "game: no head start": replace(game, pretrain=0, epochs=game.epochs + game.pretrain),  # as many passes in all
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


def trained(configs: dict[str, TrainConfig], photos, seeds, folder: Path, watch=None) -> dict[tuple[str, int], Trained]:
    """Train each configuration with each seed.

    Parameters
    ----------
    configs : dict of str to TrainConfig
        Name -> configuration; `stored` is the same in all.
    photos : Photos or sequence of np.ndarray
        The training photos, uint8 (stored, stored, 3).
    seeds : iterable of int
        The seeds, which replace those of the configurations.
    folder : Path
        Where trainings are kept; finished ones are only read again.
    watch : callable, optional
        For `train`.

    Returns
    -------
    dict of (str, int) to Trained
        (Name, seed) -> what came of it.
    """
    photos = list(bytes_of(photos, next(iter(configs.values())).stored).permute(0, 2, 3, 1).numpy())
    found = {}
    for seed in seeds:
        for name, config in configs.items():
            asked = dataclasses.replace(config, seed=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # each replaces the file of the one before, and says so
                found[name, seed] = train(asked, photos, Path(folder) / f"seed-{seed}", watch=watch)
    return found


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
    for (name, seed), made in trained(configs, photos, seeds, folder).items():
        colorizer = NetworkColorizer(name, made.network, configs[name].size)
        found = score([Constant("mean", tuple(mean.tolist())), colorizer], validation).set_index("method")
        row = {"variant": name, "seed": seed} | found.loc[name, ["ab_mse", "of mean colour", "chroma"]].to_dict()
        row |= {"true chroma": found.loc["truth", "chroma"], "photos": len(photos)}
        ill = [bool(Monitor().symptom(line)) for line in made.rows if "adversarial" in line]
        row |= {"symptoms": np.mean(ill) if ill else np.nan}
        rows.append(row | {"restarts": len(made.restarts), "collapsed": made.collapsed})
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
        For each count a line for the truth, the mean colour of its photos, "from scratch", "encoder frozen" and
        "encoder fine-tuned": learned from (photos), kind, what `score` finds, and the columns of `columns`.
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
            made = train(asked, few, Path(folder) / f"{count}-photos")
            methods.append(NetworkColorizer(kind, made.network, asked.size))
        found = score(methods, test).rename(columns={"method": "kind"})
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
                made = train(asked, photos, Path(folder) / str(seed), restarts=0, progress=False, **options)
                rows.append({"seed": seed} | measure(made.network) | {"given up": made.collapsed})
            except Diverged:
                rows.append({"seed": seed, "given up": "not finite"})
    return pd.DataFrame(rows)
