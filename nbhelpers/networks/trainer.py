"""The state of one training, and what every loop needs: batches in turn, a log, health, checkpoints."""

from __future__ import annotations

import atexit
import dataclasses
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from lightning.fabric import Fabric
from torch.nn.utils import get_total_norm
from torch.optim.swa_utils import AveragedModel
from tqdm.auto import tqdm

from nbhelpers.colour.lab import unscale_ab
from nbhelpers.errors import UserError
from nbhelpers.networks import checkpoints, collapse, feature_cache, hint_inputs, optimizers, processes
from nbhelpers.networks.architectures import first_weights, started_from
from nbhelpers.networks.averaging import average
from nbhelpers.networks.batch_norm import synchronize
from nbhelpers.networks.cuda_graphs import Recorded
from nbhelpers.networks.data import Batch, Batches, check_share, identity, mix
from nbhelpers.networks.interrupts import asked_to_stop
from nbhelpers.networks.models import discriminator, initialize
from nbhelpers.networks.schedules import rate_factor

STATE = 2  # raise it when what a checkpoint of a training holds changes

for _name in ("lightning.fabric", "lightning.pytorch"):  # they announce each choice that `Speed` makes
    logging.getLogger(_name).setLevel(logging.WARNING)


class Trainer:
    """The state of one training, and what the loops of the U-Net and the GAN share.

    Parameters
    ----------
    config : TrainConfig
        The training configuration.
    photos : torch.Tensor
        (N, 3, stored, stored) uint8, on the CPU.
    folder : Path or None
        Where the state is kept; None: nowhere.
    speed : Speed
        Device, precision and other switches.
    start : Path or None
        The file of a network without hints to begin with.
    watch : callable or None
        Called with this trainer after each epoch.
    log_every : int
        Steps between rows of the log; the first step and the last of each epoch have one too.
    save_every : int
        Epochs between checkpoints; the last epoch has one too.
    monitor : Monitor
        Says when a GAN has collapsed.
    progress : bool
        Show a progress bar.
    guessers : sequence of Path
        The files of networks without hints which guess for the photos in turn; none of them: `start` does.

    Attributes
    ----------
    step : int
        Finished steps over all epochs.
    total : int
        Steps of the whole training.
    rows : list of dict
        The log.
    attempt : int
        How often the training has been restarted.
    restarts : list of dict
        When, why and to where.
    earlier_epochs : int
        What the network to start from had learned.
    generator, discriminator : nn.Module
        The networks as Fabric runs them (precision, devices); the discriminator is None for a U-Net.
    generator_module, discriminator_module : nn.Module
        The networks themselves; the latter for a GAN alone.

    Raises
    ------
    UserError
        For an accelerator that there is not, a batch that its devices cannot share equally, hints that need more memory
        than there is, and a file to start from that is damaged or holds another network.
    """

    def __init__(
        self, config, photos, folder, *, speed, start, watch, log_every, save_every, monitor, progress, guessers=()
    ):
        self.config, self.folder, self.watch, self.log_every = config, folder, watch, log_every
        self.save_every, self.monitor, self.progress = save_every, monitor, progress
        speed.check()
        devices = {"accelerator": speed.accelerator, "devices": speed.devices, "precision": speed.precision()}
        check_share(config.batch, speed.devices)  # what is refused before the launch, one process refuses
        self.first = None if start is None else checkpoints.load_network(start)[0]
        priors = [checkpoints.load_network(file)[0] for file in guessers]
        if config.hints != "none" and start is not None:
            priors = priors or [self.first]
        self.fabric = Fabric(**devices, strategy="ddp" if speed.devices > 1 else "auto")
        self.fabric.launch()
        if self.fabric.world_size > 1:
            atexit.register(processes.leave)
            self.fabric.barrier()  # one that refuses while another still connects would leave that with Gloo's words
        world = {"rank": self.fabric.global_rank, "world": self.fabric.world_size}
        self.data = Batches(photos, config, self.fabric.device, **world, priors=priors, resident=speed.resident)
        self.about = {
            checkpoints.CONFIG: dataclasses.asdict(config),
            "photos": len(photos),
            "identity": identity(photos),
        }
        self.about |= {"start": None if start is None else checkpoints.digest(start)}
        self.earlier_epochs = 0 if start is None else checkpoints.epochs(checkpoints.read_about(start))
        if config.hints != "none":
            self.about |= {"prior": list(hint_inputs.mean_colour(photos))}
        self.start, self.speed = start, speed
        self._graphs = speed.graphs and self.fabric.device.type == "cuda" and self.fabric.world_size == 1
        self.total = config.epochs * self.data.per_epoch
        self.attempt, self.restarts = 0, []
        self.begin()

    def begin(self) -> None:
        """Make the networks, with the first weights of this attempt, and their optimizers.

        Raises UserError when the network to start from is of another kind or shape than the configuration's.
        """
        config = self.config
        self.step, self.rows = 0, []
        self.bad = torch.full((), -1, device=self.fabric.device)  # the first step whose loss was not finite
        torch.manual_seed(mix(config.seed, self.attempt, 2))
        generator = first_weights(config, self.data.photos)
        if self.first is not None:
            generator = started_from(self.first, generator, self.start)
        self.generator_module, self.generator, self.optimizer = self._set_up(generator, config.rate, config.decay)
        if config.loss == "bins":
            self.generator.mark_forward_method("planes")
        self.discriminator = None
        if config.adversarial:
            kind, width = config.discriminator, config.discriminator_width
            made = initialize(discriminator(kind, width, config.spectral, config.dropout, config.batch_norm))
            ready = self._set_up(made, config.discriminator_rate, 0.0)
            self.discriminator_module, self.discriminator, self.discriminator_optimizer = ready
        self.ema = AveragedModel(self.generator_module) if config.ema else None

    def _set_up(self, network, rate, decay):
        """The network itself, the same as Fabric runs it, and its optimizer."""
        if self.speed.channels_last:
            network = network.to(memory_format=torch.channels_last)
        network = synchronize(network, self.fabric.world_size).to(self.fabric.device)
        fused, graphs = self.speed.fused, self._graphs
        groups = optimizers.groups(network, self.config.encoder_rate)
        for group in groups:
            group["lr"] = torch.tensor(rate, device=self.fabric.device) if graphs else rate
        optimizer = torch.optim.AdamW(
            groups, betas=self.config.betas, weight_decay=decay, fused=fused, capturable=graphs
        )
        ready, optimizer = self.fabric.setup(
            torch.compile(network, dynamic=False) if self.speed.compile else network, optimizer
        )
        return network, ready, optimizer

    def _seed_dropout(self, seed: int) -> None:
        """Seed what draws it; torch.manual_seed would look after every kind of device there is, at each step."""
        torch.default_generator.manual_seed(seed)
        if self.fabric.device.type == "cuda":
            torch.cuda.manual_seed(seed)

    def logits_for_generator(self, photos: torch.Tensor) -> torch.Tensor:
        """The discriminator's logits for the generator's step, in which its own weights get no gradient.

        With several devices its gradients must not be exchanged either, hence the discriminator itself.

        Parameters
        ----------
        photos : torch.Tensor
            (N, 3, H, W), L*, a*, b*, scaled.

        Returns
        -------
        torch.Tensor
            (N, 1), or (N, 1, h, w) of a PatchDiscriminator.
        """
        if self.fabric.world_size == 1:
            return self.discriminator(photos)
        with self.fabric.autocast():
            return self.discriminator_module(photos).float()

    @property
    def seed(self) -> int:
        return mix(self.config.seed, self.attempt)

    @property
    def readings(self) -> dict[str, torch.nn.Module]:
        """The generator with its last weights, and, where the configuration averages them, with these: "averaged"."""
        return {"last": self.generator_module} | ({} if self.ema is None else {"averaged": self.ema.module})

    @property
    def result(self) -> torch.nn.Module:
        """The network that is kept: with the last weights, or the averaged ones, as the configuration says."""
        return self.readings.get(self.config.kept, self.generator_module)

    def batches(self) -> Iterator[Batch]:
        """Yield the batch of each step that is left; between two, log, look after the health, and save.

        Raises `Diverged` and `Collapsed` of `collapse`, and after Ctrl-C KeyboardInterrupt, once the step is finished.
        """
        missing = self.config.cached and not self.config.encoder_rate and self.data.seen is None
        if missing and self.step < self.total:
            corners = None if self.data.samples is None else self.data.samples.corners
            made = (self.data.photos, self.config, self.generator_module, self.fabric, corners)
            self.data.seen = feature_cache.compute(*made)
        bar = tqdm(total=self.total * self.config.batch, initial=self.step * self.config.batch, unit="photo",
                   desc=self.config.name, disable=not (self.progress and self.fabric.is_global_zero), smoothing=0.05,
                   mininterval=0.2 if sys.stderr.isatty() else 30)  # fmt: skip
        with bar, asked_to_stop() as stop:
            while self.step < self.total:
                factor = rate_factor(self.config.schedule, self.step, self.total)
                optimizers.set_rate(self.optimizer, factor * self.config.rate)
                if self.config.adversarial:
                    optimizers.set_rate(self.discriminator_optimizer, factor * self.config.discriminator_rate)
                batch = self.data.at(self.step, self.seed)
                self._seed_dropout(mix(self.seed, self.step, 3, self.fabric.global_rank))
                yield batch
                if self.ema is not None:
                    average(self.ema, self.generator_module, self.config.ema, self.step)
                self.step += 1
                bar.update(self.config.batch)
                stopping = self._any(stop.is_set())
                if self.due(self.step - 1) or stopping:
                    try:
                        self._check()
                    except collapse.Collapsed:
                        if stopping:  # nothing is saved: the same steps will collapse again
                            raise KeyboardInterrupt from None
                        raise
                epoch, within = divmod(self.step, self.data.per_epoch)
                try:
                    if self.watch is not None and not within:  # first, so that no stop makes it miss an epoch
                        self.watch(self)
                finally:
                    if stopping or not within and (epoch % self.save_every == 0 or self.step == self.total):
                        self.save()
                if stopping:
                    raise KeyboardInterrupt

    def due(self, step: int | None = None) -> bool:
        """Is this step to be logged? The first, every `log_every`-th, and the last of each epoch.

        Parameters
        ----------
        step : int, optional
            Counted from 0; None: the one in progress.

        Returns
        -------
        bool
            Whether it is.
        """
        step = self.step if step is None else step
        return step == 0 or (step + 1) % self.log_every == 0 or (step + 1) % self.data.per_epoch == 0

    def follow(self, step) -> None:
        """Take a step with each batch that is left.

        Parameters
        ----------
        step : callable
            Batch -> (predicted, values): the chroma (N, 2, H, W), scaled, and a dict of the losses to be logged, scalar
            tensors.
        """
        taken = Recorded(step) if self._graphs else step
        for batch in self.batches():
            predicted, values = taken(batch)
            # The first step whose loss is not finite is remembered without waiting for the device.
            finite = torch.stack([value.detach() for value in values.values()]).sum().isfinite()
            self.bad = torch.where((self.bad < 0) & ~finite, self.step, self.bad)
            if self.due():
                self.log(predicted, batch, **values)

    def log(self, predicted: torch.Tensor, batch: Batch, **values: torch.Tensor) -> None:
        """Add a row to the log, its numbers averaged over devices.

        Beside `values` it holds the gradients' norms, and how colourful the predictions and the true photos are: mean
        chroma, and spread, the root of the summed variances of a* and b*.

        Parameters
        ----------
        predicted : torch.Tensor
            (N, 2, H, W), chroma, scaled.
        batch : Batch
            What it was predicted for.
        **values : torch.Tensor
            Scalars, such as the losses.
        """
        values["gradient"] = get_total_norm([p.grad for p in self.generator_module.parameters() if p.requires_grad])
        if self.config.adversarial:
            values["discriminator_gradient"] = get_total_norm([p.grad for p in self.discriminator_module.parameters()])
        for name, ab in (("", predicted), ("real_", batch.ab)):
            ab = unscale_ab(ab.detach().float())
            values[f"{name}chroma"] = ab.square().sum(dim=1).sqrt().mean()
            values[f"{name}spread"] = ab.var(dim=(0, 2, 3)).sum().sqrt()
        together = torch.stack([value.detach().float() for value in values.values()])
        numbers = self.fabric.all_reduce(together, reduce_op="mean").tolist()
        at = {"attempt": self.attempt, "epoch": self.step // self.data.per_epoch, "step": self.step}
        self.rows.append(at | dict(zip(values, numbers)))

    def _any(self, flag: bool) -> bool:
        """Does any device say so? All must agree, or they would wait for each other for ever."""
        if self.fabric.world_size == 1:
            return flag
        return bool(self.fabric.all_reduce(torch.tensor(float(flag), device=self.fabric.device), reduce_op="sum") > 0)

    def _check(self) -> None:
        """Stop on a loss or a weight that is not finite, and on a collapse."""
        weights = [
            *self.generator_module.parameters(),
            *(self.discriminator_module.parameters() if self.config.adversarial else ()),
        ]
        if not get_total_norm([weight.detach() for weight in weights]).isfinite():  # a finite loss may yet lead there
            self.bad = torch.where(self.bad < 0, self.step - 1, self.bad)
        bad = int(self.fabric.all_reduce(self.bad, reduce_op="max"))
        if bad >= 0:
            good = "no checkpoint was written yet"
            if self.folder is not None and (self.folder / "last.safetensors").is_file():
                good = f"the last good checkpoint is {self.folder / 'last.safetensors'}"
            raise collapse.Diverged(f"the loss became NaN or infinite in step {bad}: lower the rate; {good}")
        if self.config.adversarial:
            mine = [row for row in self.rows if row["attempt"] == self.attempt]
            if why := self.monitor.verdict(mine):
                raise collapse.Collapsed(why)

    # Checkpoints

    def state(self) -> dict[str, torch.Tensor]:
        """All tensors that decide how the training goes on. Random numbers depend on the step alone."""
        tensors = checkpoints.pack("generator", self.generator_module.state_dict())
        tensors |= checkpoints.pack("optimizer", optimizers.state(self.optimizer.optimizer))
        if self.config.adversarial:
            tensors |= checkpoints.pack("discriminator", self.discriminator_module.state_dict())
            moments = optimizers.state(self.discriminator_optimizer.optimizer)
            tensors |= checkpoints.pack("discriminator_optimizer", moments)
        if self.ema is not None:
            tensors |= checkpoints.pack("ema", self.ema.state_dict())
        return tensors

    def save(self) -> None:
        """Write the state to `last.safetensors`, and to `healthy.safetensors` unless the log shows a symptom."""
        if self.folder is not None and self.fabric.is_global_zero:
            about = self.about | {"state": STATE, "step": self.step, "attempt": self.attempt, "restarts": self.restarts}
            # The log first: after a kill in between, `restore` leaves out the rows that the checkpoint does not know.
            collapse.write_log(self.folder / "log.csv", self.rows)
            collapse.write_log(self.folder / "restarts.csv", self.restarts)
            names = ["last"]
            if self.config.adversarial and not (self.rows and self.monitor.symptom(self.rows[-1])):
                names.append("healthy")
            for name in names:
                checkpoints.save(self.folder / f"{name}.safetensors", self.state(), about)
        self.fabric.barrier()

    def restore(self, path: Path) -> None:
        """Go back to a checkpoint of this very training.

        Parameters
        ----------
        path : Path
            A file that `save` wrote.

        Raises
        ------
        UserError
            For a file that is damaged, of another training or of another version; the message names it.
        """
        tensors, about = checkpoints.read(path)
        if about.get("state") != STATE:
            raise UserError(f"{path} was written by another version of nbhelpers: delete {path.parent} and train again")
        for key, mine in json.loads(json.dumps(self.about)).items():  # as the file holds it: lists, no tuples
            theirs = about.get(key)
            if mine != theirs:
                if isinstance(mine, dict) and isinstance(theirs, dict):
                    key, theirs, mine = next((k, theirs.get(k), mine[k]) for k in mine if theirs.get(k) != mine[k])
                raise UserError(f"{path} belongs to another training ({key} {theirs}, now {mine}): use another folder")
        try:
            self.generator_module.load_state_dict(checkpoints.unpack("generator", tensors))
            optimizers.restore(self.optimizer.optimizer, checkpoints.unpack("optimizer", tensors))
            if self.config.adversarial:
                self.discriminator_module.load_state_dict(checkpoints.unpack("discriminator", tensors))
                moments = checkpoints.unpack("discriminator_optimizer", tensors)
                optimizers.restore(self.discriminator_optimizer.optimizer, moments)
            if self.ema is not None:
                self.ema.load_state_dict(checkpoints.unpack("ema", tensors))
            self.step, attempt, self.restarts = int(about["step"]), int(about["attempt"]), list(about["restarts"])
        except (KeyError, RuntimeError, IndexError, TypeError, ValueError) as error:
            reason = " ".join(str(error).split())[:120]
            raise UserError(f"{path} does not fit its own description ({reason}): delete it and train again") from None
        self.attempt = max(self.attempt, attempt)
        rows = collapse.read_log(self.folder / "log.csv")
        self.rows = [row for row in rows if row["attempt"] < self.attempt or row["step"] < self.step]

    def restart(self, why: str) -> None:
        """After a collapse: go back to the last healthy state, with a new seed.

        Parameters
        ----------
        why : str
            The reason, for `restarts`.
        """
        fell, rows = self.step, self.rows
        self.attempt += 1
        if not self.restore_healthy():
            self.begin()
            self.rows = rows
        now = {"attempt": self.attempt, "collapsed_at": fell, "why": why, "back_to": self.step, "seed": self.seed}
        self.restarts = [*self.restarts, now]
        self.save()

    def restore_healthy(self) -> bool:
        """Go back to the last healthy state, if there is one; the log and the restarts stay as they are."""
        if self.folder is None or not (self.folder / "healthy.safetensors").is_file():
            return False
        rows, restarts = self.rows, self.restarts
        self.restore(self.folder / "healthy.safetensors")
        self.rows, self.restarts = rows, restarts
        return True
