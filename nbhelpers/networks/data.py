"""Batches for the networks: the photos' bytes in memory, cut, mirrored and converted to CIELAB on the device."""

from __future__ import annotations

import functools
import hashlib
from typing import NamedTuple

import numpy as np
import torch
from torchvision.transforms import v2

from nbhelpers.colour.lab import rgb_to_lab_tensor, scale_ab, scale_lightness
from nbhelpers.errors import UserError
from nbhelpers.networks import hint_inputs
from nbhelpers.networks.config import TrainConfig
from nbhelpers.photos import Photos


class Batch(NamedTuple):
    """lightness (N, 1, H, W) and chroma ab (N, 2, H, W), both scaled as `colour.lab` does, on the device.

    hint_channels: (N, 3 or 6, H, W), see `hint_inputs`; None without hints.  weight: of each photo in the loss.
    """

    lightness: torch.Tensor
    ab: torch.Tensor
    hint_channels: torch.Tensor | None = None
    weight: torch.Tensor | None = None


def bytes_of(photos, stored: int) -> torch.Tensor:
    """The sRGB bytes of a `Photos` or a sequence of uint8 (S, S, 3), as one tensor uint8 (N, 3, S, S).

    Unusable photos of a `Photos` are skipped with a warning. Raises UserError when none is left, and for photos of
    another size than `stored`, which the configuration expects.
    """
    found = [rgb for _, rgb in photos.read(jobs=-1)] if isinstance(photos, Photos) else list(photos)
    if not found:
        raise UserError("there is no usable training photo: name a source that has some")
    for rgb in found:
        if rgb.dtype != np.uint8 or rgb.shape != (stored, stored, 3):
            raise UserError(
                f"a training photo is {rgb.dtype} {rgb.shape}, the configuration needs uint8 {(stored, stored, 3)}: "
                f"open the photos with size={stored}, or change the configuration's size and stored"
            )
    return torch.from_numpy(np.stack(found)).permute(0, 3, 1, 2).contiguous()


def identity(photos: torch.Tensor) -> str:
    """A digest of the photos' bytes: a training may only go on with the photos that it began with."""
    digest = hashlib.sha256(repr(tuple(photos.shape)).encode())
    digest.update(photos.numpy())
    return digest.hexdigest()[:16]


def mix(*numbers: int) -> int:
    """One seed out of several numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


class Batches:
    """The batches of a training: `at(step, seed)` depends on nothing else, so that no random state must be kept.

    photos: uint8 (N, 3, stored, stored), kept on `device` when they are `resident` and it has room. Each epoch visits
    them in a new order; the last incomplete batch is left out, and with fewer photos than a batch each comes several
    times.
    rank, world: this process takes its part of each batch; all draw the same crops.  prior: a UNet without hints, which
    predicts what hints are to correct; see `hint_inputs`.
    """

    def __init__(
        self,
        photos: torch.Tensor,
        config: TrainConfig,
        device="cpu",
        rank=0,
        world=1,
        prior=None,
        resident: bool = True,
    ):
        if config.batch % world:
            raise UserError(f"a batch of {config.batch} cannot be shared by {world} devices: make it a multiple")
        self.config, self.device, self.world, self.prior = config, torch.device(device), world, prior
        self.per_epoch = max(1, len(photos) // config.batch)
        there = (resident or self.device.type == "cpu") and _fits(photos, self.device)
        self.photos = photos.to(self.device) if there else photos.pin_memory()
        self.part = slice(rank * config.batch // world, (rank + 1) * config.batch // world)
        self._visits = {}  # the order of the epoch that goes on, here and where the photos are
        # One crop and one coin for the whole batch; both are drawn anew for each.
        self.cut = v2.Compose([v2.RandomCrop(config.size), v2.RandomHorizontalFlip()])

    @functools.cached_property
    def samples(self) -> hint_inputs.Samples | None:
        """The random hints, drawn when they are first needed; None for a configuration without."""
        return hint_inputs.draw(self.photos.cpu(), self.config, self.prior) if self.config.hints != "none" else None

    def order(self, epoch: int, seed: int) -> torch.Tensor:
        """Which photos the batches of an epoch hold: (per_epoch, batch) indices."""
        drawn = torch.Generator().manual_seed(mix(seed, epoch))
        rounds = -(-self.config.batch // len(self.photos))
        shuffled = torch.cat([torch.randperm(len(self.photos), generator=drawn) for _ in range(rounds)])
        return shuffled[: self.per_epoch * self.config.batch].reshape(self.per_epoch, self.config.batch)

    def at(self, step: int, seed: int) -> Batch:
        """The batch of one step, counted from 0 over all epochs. Seeds torch's generator of the processor."""
        torch.default_generator.manual_seed(mix(seed, step, 1))  # the processor's alone: a GPU's is left as it is
        epoch, place = divmod(step, self.per_epoch)
        if (epoch, seed) not in self._visits:
            order = self.order(epoch, seed)
            self._visits = {(epoch, seed): (order, order.to(self.photos.device))}
        which, there = (order[place] for order in self._visits[epoch, seed])
        jitter = 1 + self.config.jitter * (2 * torch.rand(2, len(which), 1, 1, 1) - 1)
        rgb = self.photos[there[self.part]].to(self.device, non_blocking=True)
        hint_channels = weight = None
        if self.samples is None:
            rgb = self.cut(rgb)
        else:
            round_ = epoch % self.config.rounds
            rgb, hint_channels, weight = self.samples.at(rgb, which[self.part], round_, flip=bool(torch.rand(()) < 0.5))
        lab = rgb_to_lab_tensor(rgb)  # (N, 3, size, size)
        lightness = scale_lightness(lab[:, :1])
        if self.config.jitter:
            # Not to be waited for: a GPU would stand idle until the next step is prepared.
            jitter = jitter[:, self.part].to(self.device, non_blocking=True)
            lightness = (lightness * jitter[0] + jitter[1] - 1).clamp(-1, 1)
        return Batch(lightness, scale_ab(lab[:, 1:]), hint_channels, weight)


def _fits(photos: torch.Tensor, device: torch.device) -> bool:
    """Is there room for all the photos on the device, with as much left for the work?"""
    if device.type == "cuda":
        torch.cuda.empty_cache()  # what an earlier training has left counts as free
    return device.type != "cuda" or 2 * photos.nbytes < torch.cuda.mem_get_info(device)[0]
