"""Training: a loop for each kind of network, on Lightning Fabric, with checkpoints, resume and a collapse monitor.

`train(config, photos, folder)` does it all, `fit` takes the steps; `_train_unet`, `_train_bins` and `_train_gan` are
the loops, to be read. They need torch, torchvision, lightning, scikit-image, safetensors and tqdm, and no Jupyter; with
hints also joblib, scikit-learn and pyamg; with a pretrained encoder timm and psutil.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, l1_loss, mse_loss

from nbhelpers.colour.lab import unscale_ab
from nbhelpers.errors import UserError
from nbhelpers.networks import bins, checkpoints, collapse, hint_inputs
from nbhelpers.networks.config import TrainConfig
from nbhelpers.networks.data import bytes_of, identity
from nbhelpers.networks.speed import Speed
from nbhelpers.networks.trainer import Trainer

__all__ = ["Speed", "Trained", "Trainer", "train"]


@dataclass(frozen=True)
class Trained:
    """What a training has made.

    Attributes
    ----------
    network : UNet, PretrainedUNet or ColourBins
        In evaluation mode, on the CPU.
    file : Path or None
        Its file; None without a folder.
    home : Path or None
        The folder of the training's state, with its log; None without a folder.
    rows : list of dict
        The log.
    restarts : list of dict
        The restarts: when, why and to where.
    collapsed : str
        Why the training was given up after its last restart, or ""; the network is then the last healthy one.
    """

    network: torch.nn.Module
    file: Path | None
    home: Path | None
    rows: list[dict]
    restarts: list[dict]
    collapsed: str = ""


def _pixel_loss(kind: str, predicted: torch.Tensor, truth: torch.Tensor, weight=None) -> torch.Tensor:
    loss = mse_loss if kind == "mse" else l1_loss
    return loss(predicted, truth) if weight is None else (weight * loss(predicted, truth, reduction="none")).mean()


def _train_unet(trainer: Trainer) -> None:
    """The U-Net: predict, compare with the truth, step downhill."""

    def step(batch):
        predicted = hint_inputs.predict(trainer.generator, batch.lightness, batch.hint_channels, batch.features)
        loss = _pixel_loss(trainer.config.loss, predicted, batch.ab, batch.weight)
        trainer.optimizer.zero_grad()
        trainer.fabric.backward(loss)
        trainer.optimizer.step()
        return predicted, {"loss": loss}

    trainer.follow(step)


def _train_bins(trainer: Trainer) -> None:
    """Colour bins: say how likely each colour of the palette is; the less likely the true one, the higher the loss."""
    centres = trainer.generator_module.centres
    weights = bins.class_weights(centres, trainer.generator_module.share, trainer.config.uniform)

    def step(batch):
        with trainer.fabric.autocast():
            logits = trainer.generator.planes(*batch.given)
        truth = avg_pool2d(unscale_ab(batch.ab), bins.COARSE)
        logits = logits[..., : truth.shape[2], : truth.shape[3]]  # without what a photo was filled up with
        loss = bins.cross_entropy(logits, truth, centres, weights)
        trainer.optimizer.zero_grad()
        trainer.fabric.backward(loss)
        trainer.optimizer.step()
        return trainer.generator_module.paint(logits.detach()), {"loss": loss}

    trainer.follow(step)


def _train_gan(trainer: Trainer) -> None:
    """The GAN: first the discriminator learns to tell real from fake, then the generator learns to fool it."""
    config = trainer.config
    generated = [each for each in trainer.generator_module.parameters() if each.requires_grad]

    def step(batch):
        fake = trainer.generator(*batch.given)

        # The discriminator: real photos are to get label 1, fakes 0. No gradient goes to the generator here.
        trainer.discriminator_optimizer.zero_grad()
        real_logit = trainer.discriminator(torch.cat([batch.lightness, batch.ab], dim=1))
        real_loss = binary_cross_entropy_with_logits(real_logit, torch.ones_like(real_logit))
        trainer.fabric.backward(real_loss)
        fake_logit = trainer.discriminator(torch.cat([batch.lightness, fake.detach()], dim=1))
        fake_loss = binary_cross_entropy_with_logits(fake_logit, torch.zeros_like(fake_logit))
        trainer.fabric.backward(fake_loss)
        trainer.discriminator_optimizer.step()

        # The generator: its fakes are to get label 1. The discriminator's own weights get no gradient here.
        trainer.optimizer.zero_grad()
        logit = trainer.logits_for_generator(torch.cat([batch.lightness, fake], dim=1))
        adversarial = binary_cross_entropy_with_logits(logit, torch.ones_like(logit))
        pixel = _pixel_loss(config.loss, fake, batch.ab) if config.loss != "none" else torch.zeros_like(adversarial)
        trainer.fabric.backward(adversarial + config.weight * pixel, inputs=generated)
        trainer.optimizer.step()
        return fake, {
            "adversarial": adversarial,
            "pixel_loss": pixel,
            "discriminator_loss": real_loss + fake_loss,
            "real_accuracy": (real_logit > 0).float().mean(),
            "fake_accuracy": (fake_logit < 0).float().mean(),
        }

    trainer.follow(step)


def train(
    config: TrainConfig,
    photos,
    folder: Path | None = None,
    *,
    speed: Speed | None = None,
    resume: bool = True,
    start: Path | None = None,
    watch=None,
    log_every: int = 20,
    save_every: int = 1,
    monitor: collapse.Monitor | None = None,
    restarts: int = 2,
    progress: bool = True,
) -> Trained:
    """Train a network by a training configuration, and keep it as `folder`/<its name>.safetensors.

    While it runs, the state is in `folder`/<name>-<digest of config and photos>/, written after each `save_every`-th
    epoch, the last, and on Ctrl-C; the same call goes on from there, to the same numbers, or returns what is finished.
    Seeds torch's global generator.

    Parameters
    ----------
    config : TrainConfig
        The training configuration.
    photos : Photos or sequence of np.ndarray
        uint8 (S, S, 3), S being `config.stored`.
    folder : Path, optional
        Where the network and the state are kept; None: nowhere.
    speed : Speed, optional
        Device, precision and other switches; None: the defaults of Speed.
    resume : bool
        With False an unfinished or finished training in the folder is an error, so that nothing is lost.
    start : Path, optional
        The file of a network to begin with, in place of the configuration's pretraining.
    watch : callable, optional
        Called with the Trainer after each epoch.
    log_every : int
        Steps between rows of the log; the first step and the last of each epoch have one too.
    save_every : int
        Epochs between checkpoints.
    monitor : Monitor, optional
        When a GAN counts as collapsed; None: the defaults of Monitor.
    restarts : int
        How often a GAN may start again.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Trained
        The network, with the rounded weights of its file when there is a folder; its log; its restarts.

    Raises
    ------
    UserError
        For photos that do not fit, damaged files, a loss that is not finite, a full GPU, pretraining without a folder,
        and a training in the folder that is not to be resumed.
    """
    speed = speed or Speed()
    folder = None if folder is None else Path(folder)
    photos = bytes_of(photos, config.stored)
    options = {"speed": speed, "log_every": log_every, "save_every": save_every, "progress": progress}
    if config.pretrain and start is None:
        start = _pretrained(config, photos, folder, options)
    guessers = _guessers(config, photos, start, folder, options) if config.folds else []
    home = None if folder is None else folder / _state_name(config, photos, start)
    with _explained(config):
        options |= {"start": start, "guessers": guessers, "watch": watch, "monitor": monitor or collapse.Monitor()}
        trainer = Trainer(config, photos, home, **options)
        if folder is not None:
            _warn_of_another(trainer, folder / f"{config.name}.safetensors")
            _go_on(trainer, home, resume)
        began, first_step = time.perf_counter(), trainer.step
        collapsed = fit(trainer, restarts)
    seconds = time.perf_counter() - began
    network = copy.deepcopy(trainer.result).eval()
    trained = Trained(network.to("cpu"), None, home, trainer.rows, trainer.restarts, collapsed)
    if folder is None:
        return trained
    file = folder / f"{config.name}.safetensors"
    if trainer.fabric.is_global_zero:
        _keep(trained, trainer, file)
        if trainer.step > first_step:
            rate = (trainer.step - first_step) * config.batch / seconds
            collapse.write_log(home / "timing.csv", [{"photos_per_second": rate, "seconds": seconds}])
    trainer.fabric.barrier()
    network = checkpoints.load_network(file)[0]  # with the rounded weights, as everyone else will have it
    return dataclasses.replace(trained, network=network, file=file)


def loop(config: TrainConfig):
    """Look up the loop of a training.

    Parameters
    ----------
    config : TrainConfig
        The training configuration.

    Returns
    -------
    callable
        Trainer -> None: it takes the steps that are left.
    """
    if config.adversarial:
        return _train_gan
    return _train_bins if config.loss == "bins" else _train_unet


def fit(trainer: Trainer, restarts: int) -> str:
    """Take all steps that are left.

    Parameters
    ----------
    trainer : Trainer
        The training.
    restarts : int
        How many there may be at most, earlier ones counted.

    Returns
    -------
    str
        Why the training was given up, or "".
    """
    while trainer.step < trainer.total:
        try:
            loop(trainer.config)(trainer)
        except collapse.Collapsed as why:
            if len(trainer.restarts) >= restarts:
                trainer.restore_healthy()
                return str(why)
            trainer.restart(str(why))
    return ""


def _pretrained(config: TrainConfig, photos: torch.Tensor, folder: Path | None, options: dict) -> Path:
    """The file of the network that `config` begins with: like its generator, trained with the pixel loss alone."""
    if folder is None:
        raise UserError(f"{config.name} is pretrained first: give a folder to keep that network in")
    return train(config.pretraining(), list(photos.permute(0, 2, 3, 1).numpy()), folder, **options).file


def _guessers(config: TrainConfig, photos: torch.Tensor, start: Path | None, folder: Path | None, options: dict):
    """The files of the networks that guess: the k-th for photos k, k + folds, ..., none of which it learned from."""
    if folder is None or start is None:
        need = "a folder to keep them in" if folder is None else "a network to begin with, --start FILE"
        raise UserError(f"{config.name} trains a network for each of {config.folds} folds: give {need}")
    told = checkpoints.read_about(start)[checkpoints.CONFIG]
    same = TrainConfig(**{key: value for key, value in told.items() if key in TrainConfig.__dataclass_fields__})
    files = []
    for fold in range(config.folds):
        others = photos[torch.arange(len(photos)) % config.folds != fold].permute(0, 2, 3, 1).numpy()
        files.append(train(same, list(others), folder / f"{config.name}-fold-{fold + 1}", **options).file)
    return files


def _state_name(config: TrainConfig, photos: torch.Tensor, start: Path | None) -> str:
    """The name of the folder of a training's state, another for each configuration, photos and first network."""
    about_start = None if start is None else checkpoints.read_about(start)
    key = [dataclasses.asdict(config), identity(photos), str(about_start)]
    return f"{config.name}-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:10]}"


def _warn_of_another(trainer: Trainer, file: Path) -> None:
    """Warn when `file` holds a network of another training, which this one is going to replace."""
    if not file.is_file() or not trainer.fabric.is_global_zero:
        return
    known, mine = checkpoints.read_about(file), json.loads(json.dumps(trainer.about))  # lists, no tuples
    if any(known.get(name) != mine[name] for name in (checkpoints.CONFIG, "identity", "start")):
        warnings.warn(f"{file} was trained with other settings or photos; it will be replaced", stacklevel=3)


def _go_on(trainer: Trainer, home: Path, resume: bool) -> None:
    """Restore the last state in `home`, if there is one."""
    last = home / "last.safetensors"
    if not last.is_file():
        return
    if not resume:
        raise UserError(f"{home} holds an unfinished or finished training: go on with --resume, or delete it")
    trainer.restore(last)


def _keep(trained: Trained, trainer: Trainer, file: Path) -> None:
    """Write the finished network to `file`, the prior that its hints need beside it."""
    config = trainer.config
    about = trainer.about | {"name": config.name, "size": config.size, "step": trainer.step}
    about |= {"epochs": trainer.earlier_epochs + config.epochs}
    about |= {"collapsed": trained.collapsed, "restarts": trained.restarts}
    if trainer.start is not None and config.hints == "spread":
        checkpoints.copy(trainer.start, file.with_name(f"{config.name}-prior.safetensors"))
    checkpoints.save_network(file, trained.network, about)
    if trained.collapsed:
        collapse.write_log(trainer.folder / "log.csv", trainer.rows)  # up to the collapse, which no checkpoint follows


@contextmanager
def _explained(config: TrainConfig):
    """Turn a full GPU into a sentence that says what to try."""
    try:
        yield
    except torch.OutOfMemoryError:
        smaller = f"--batch {config.batch // 2}" if config.batch > 1 else "a smaller --size or --width"
        raise UserError(
            f"the GPU's memory is full at batch {config.batch}, {config.size} x {config.size} pixels, width "
            f"{config.width}: try {smaller}"
        ) from None
