"""Training: the U-Net's loop and the GAN's, on Lightning Fabric, with checkpoints, resume and a collapse monitor.

`train(recipe, photos, folder)` does it all; `_train_unet` and `_train_gan` are the two loops, to be read. They need
torch, torchvision, lightning, scikit-image, safetensors and tqdm, and no Jupyter; with hints also joblib, scikit-learn
and pyamg.
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
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss, mse_loss

from nbhelpers.errors import UserError
from nbhelpers.networks import checkpoints, collapse, hint_inputs
from nbhelpers.networks.config import Recipe
from nbhelpers.networks.data import bytes_of, identity
from nbhelpers.networks.inference import gain_for
from nbhelpers.networks.models import UNet
from nbhelpers.networks.speed import Speed
from nbhelpers.networks.trainer import Session

__all__ = ["VIVID", "Session", "Speed", "Trained", "train"]

# A GAN with a pixel loss stays paler than its photos: the loss outweighs the judge. Its chroma is multiplied so that on
# the training photos it has this share of the true chroma. That costs far less error than a smaller pixel loss does.
VIVID = 0.84


@dataclass(frozen=True)
class Trained:
    """What came out: the network in evaluation mode, its file (None without a folder), the log's rows, the restarts.

    gain: what to multiply the painted chroma with; 1 except for a GAN with a pixel loss (see `VIVID`).
    collapsed: why the training was given up after its last restart, or ""; the network is then the last healthy one.
    """

    network: UNet
    file: Path | None
    rows: list[dict]
    restarts: list[dict]
    gain: float = 1.0
    collapsed: str = ""


def _pixel_loss(kind: str, painted: torch.Tensor, truth: torch.Tensor, weight=None) -> torch.Tensor:
    loss = mse_loss if kind == "mse" else l1_loss
    return loss(painted, truth) if weight is None else (weight * loss(painted, truth, reduction="none")).mean()


def _train_unet(t: Session) -> None:
    """The U-Net: paint, compare with the truth, step downhill."""

    def step(batch):
        painted = hint_inputs.paint(t.painter, batch.lightness, batch.given)
        loss = _pixel_loss(t.recipe.loss, painted, batch.ab, batch.weight)
        t.optimizer.zero_grad()
        t.fabric.backward(loss)
        t.optimizer.step()
        return painted, {"loss": loss}

    t.follow(step)


def _train_gan(t: Session) -> None:
    """The GAN: first the discriminator learns to tell real from fake, then the generator learns to fool it."""
    recipe = t.recipe
    generated = list(t.generator.parameters())

    def step(batch):
        fake = t.painter(batch.lightness)

        # The discriminator: real photos are to get label 1, fakes 0. No gradient goes to the generator here.
        t.judge_optimizer.zero_grad()
        real_logit = t.judge(torch.cat([batch.lightness, batch.ab], dim=1))
        real_loss = binary_cross_entropy_with_logits(real_logit, torch.ones_like(real_logit))
        t.fabric.backward(real_loss)
        fake_logit = t.judge(torch.cat([batch.lightness, fake.detach()], dim=1))
        fake_loss = binary_cross_entropy_with_logits(fake_logit, torch.zeros_like(fake_logit))
        t.fabric.backward(fake_loss)
        t.judge_optimizer.step()

        # The generator: its fakes are to get label 1. The judge's own weights get no gradient here.
        t.optimizer.zero_grad()
        logit = t.judged(torch.cat([batch.lightness, fake], dim=1))
        adversarial = binary_cross_entropy_with_logits(logit, torch.ones_like(logit))
        pixel = _pixel_loss(recipe.loss, fake, batch.ab) if recipe.loss != "none" else torch.zeros_like(adversarial)
        t.fabric.backward(adversarial + recipe.weight * pixel, inputs=generated)
        t.optimizer.step()
        return fake, {
            "adversarial": adversarial,
            "pixel_loss": pixel,
            "discriminator_loss": real_loss + fake_loss,
            "real_accuracy": (real_logit > 0).float().mean(),
            "fake_accuracy": (fake_logit < 0).float().mean(),
        }

    t.follow(step)


def train(
    recipe: Recipe,
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
    """Train a network by a recipe, and keep it as `folder`/<recipe's name>.safetensors.

    photos: a `Photos`, or a sequence of uint8 (S, S, 3), S being `recipe.stored`. start: the file of a network to
    begin with, in place of the recipe's pretraining. watch(session) is called after each epoch. monitor, restarts:
    when a GAN counts as collapsed, and how often it may start again. Seeds torch's global generator.

    While it runs, the state is in `folder`/<name>-<digest of recipe and photos>/, written after each `save_every`-th
    epoch, the last, and on Ctrl-C; the same call goes on from there, to the same numbers, or returns what is finished.
    With resume=False an unfinished training there is an error, so that nothing is lost.
    Raises UserError for photos that do not fit, damaged files, a loss that is not finite, a full GPU.
    """
    speed, folder = speed or Speed(), None if folder is None else Path(folder)
    photos = bytes_of(photos, recipe.stored)
    common = {"speed": speed, "log_every": log_every, "save_every": save_every, "progress": progress}
    if recipe.pretrain and start is None:
        if folder is None:
            raise UserError(f"{recipe.name} is pretrained first: give a folder to keep that network in")
        first = train(recipe.pretraining(), list(photos.permute(0, 2, 3, 1).numpy()), folder, **common)
        start = first.file
    home = None
    if folder is not None:
        key = [dataclasses.asdict(recipe), identity(photos), str(start and checkpoints.read_about(start))]
        home = folder / f"{recipe.name}-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:10]}"
    file = home and folder / f"{recipe.name}.safetensors"
    last = home and home / "last.safetensors"
    with _explained(recipe):
        monitor = monitor or collapse.Monitor()
        session = Session(recipe, photos, home, speed, start, watch, log_every, save_every, monitor, progress)
        if file is not None and file.is_file() and session.fabric.is_global_zero:
            known, mine = checkpoints.read_about(file), json.loads(json.dumps(session.about))  # lists, no tuples
            if any(known.get(name) != mine[name] for name in ("recipe", "identity", "start")):
                warnings.warn(f"{file} was trained with other settings or photos; it will be replaced", stacklevel=2)
        if last and last.is_file():
            if not resume:
                raise UserError(f"{home} holds an unfinished or finished training: go on with --resume, or delete it")
            session.restore(last)
        collapsed = ""
        began, first_step = time.perf_counter(), session.step
        while session.step < session.total and not collapsed:
            try:
                (_train_gan if recipe.adversarial else _train_unet)(session)
            except collapse.Collapsed as why:
                collapsed = str(why)
                if len(session.restarts) < restarts:
                    session.restart(collapsed)
                    collapsed = ""
                elif home and (home / "healthy.safetensors").is_file():
                    rows, tried = session.rows, session.restarts
                    session.restore(home / "healthy.safetensors")
                    session.rows, session.restarts = rows, tried
    seconds = time.perf_counter() - began
    network = copy.deepcopy(session.result).eval()
    toned = recipe.adversarial and recipe.loss != "none"
    gain = gain_for(network, photos, recipe.size, VIVID) if toned else 1.0
    network = network.to("cpu")
    if file is not None and session.fabric.is_global_zero:
        about = session.about | {"name": recipe.name, "size": recipe.size, "step": session.step}
        about |= {"gain": gain, "collapsed": collapsed, "restarts": session.restarts}
        if start is not None and recipe.hints == "spread":
            checkpoints.copy(start, folder / f"{recipe.name}-prior.safetensors")
        checkpoints.save_network(file, network, about)
        if collapsed:
            collapse.write_log(home / "log.csv", session.rows)  # up to the collapse, which no checkpoint follows
        if session.step > first_step:
            rate = (session.step - first_step) * recipe.batch / seconds
            collapse.write_log(home / "timing.csv", [{"photos_per_second": rate, "seconds": seconds}])
    session.fabric.barrier()
    if file is not None:
        network = checkpoints.load_network(file)[0]  # with the rounded weights, as everyone else will have it
    return Trained(network, file, session.rows, session.restarts, gain, collapsed)


@contextmanager
def _explained(recipe: Recipe):
    """Turn a full GPU into a sentence that says what to try."""
    try:
        yield
    except torch.OutOfMemoryError:
        smaller = f"--batch {recipe.batch // 2}" if recipe.batch > 1 else "a smaller --size or --width"
        raise UserError(
            f"the GPU's memory is full at batch {recipe.batch}, {recipe.size} x {recipe.size} pixels, width "
            f"{recipe.width}: try {smaller}"
        ) from None
