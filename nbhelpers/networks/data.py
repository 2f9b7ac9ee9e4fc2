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
from nbhelpers.networks import feature_cache, hint_inputs
from nbhelpers.networks.config import TrainConfig
from nbhelpers.photos import Photos


class Batch(NamedTuple):
    """What a network learns from in one step, all on its device; planes scaled as `colour.lab` does.

    Attributes
    ----------
    lightness : torch.Tensor
        (N, 1, H, W) float32 in [-1, 1].
    ab : torch.Tensor
        (N, 2, H, W) float32, chroma: a* and b* over 110.
    hint_channels : torch.Tensor or None
        (N, 3 or 6, H, W) float32, see `hint_inputs`; None without hints.
    weight : torch.Tensor or None
        (N, 1, 1, 1) float32, of each photo in the loss; None without hints.
    features : list of torch.Tensor or None
        What a frozen encoder sees, see `feature_cache`; None where that is not known in advance.
    """

    lightness: torch.Tensor
    ab: torch.Tensor
    hint_channels: torch.Tensor | None = None
    weight: torch.Tensor | None = None
    features: list[torch.Tensor] | None = None

    @property
    def given(self) -> tuple:
        """What a network without hints is given: the lightness, and its features where they are known."""
        return (self.lightness,) if self.features is None else (self.lightness, self.features)


def bytes_of(photos, stored: int) -> torch.Tensor:
    """The sRGB bytes of photos as one tensor.

    Parameters
    ----------
    photos : Photos or sequence of np.ndarray
        uint8 (stored, stored, 3). Unusable photos of a `Photos` are skipped with a warning.
    stored : int
        The side in pixels that the training configuration expects.

    Returns
    -------
    torch.Tensor
        uint8, (N, 3, stored, stored).

    Raises
    ------
    UserError
        When no photo is left, and for photos of another size or type.
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
    """A digest of the photos' bytes: a training may only go on with the photos that it began with.

    Parameters
    ----------
    photos : torch.Tensor
        uint8, (N, 3, S, S), on the CPU.

    Returns
    -------
    str
        Sixteen hexadecimal digits.
    """
    digest = hashlib.sha256(repr(tuple(photos.shape)).encode())
    digest.update(photos.numpy())
    return digest.hexdigest()[:16]


def mix(*numbers: int) -> int:
    """Make one seed out of several numbers.

    Parameters
    ----------
    *numbers : int
        None of them negative.

    Returns
    -------
    int
        In [0, 2**32).
    """
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def check_share(batch: int, devices: int) -> None:
    """Check that devices can share a batch equally.

    Parameters
    ----------
    batch : int
        Photos in a step, on all devices together.
    devices : int
        How many.

    Raises
    ------
    UserError
        When they cannot.
    """
    if batch % devices:
        raise UserError(f"a batch of {batch} cannot be shared by {devices} devices: make it a multiple")


class Batches:
    """The batches of a training: `at(step, seed)` depends on nothing else, so that no random state must be kept.

    Each epoch visits the photos in a new order; the last incomplete batch is left out, and with fewer photos than a
    batch each comes several times.

    Parameters
    ----------
    photos : torch.Tensor
        uint8, (N, 3, stored, stored).
    config : TrainConfig
        The training configuration.
    device : torch.device or str
        Where batches are needed.
    rank, world : int
        The number of this process, which takes its part of each batch, and how many there are; all draw the same crops.
    priors : sequence of nn.Module
        Networks without hints, which predict what hints are to correct, see `hint_inputs.guesses`; none of them: the
        mean colour.
    resident : bool
        Keep the photos on the device, when it has room for them.

    Raises
    ------
    UserError
        When a batch cannot be shared equally by `world` processes.
    """

    def __init__(
        self,
        photos: torch.Tensor,
        config: TrainConfig,
        device="cpu",
        rank=0,
        world=1,
        priors=(),
        resident: bool = True,
    ):
        check_share(config.batch, world)
        self.config, self.device, self.world, self.priors = config, torch.device(device), world, priors
        self.per_epoch = max(1, len(photos) // config.batch)
        there = (resident or self.device.type == "cpu") and _fits(photos, self.device)
        self.photos = photos.to(self.device) if there else photos.pin_memory()
        self.part = slice(rank * config.batch // world, (rank + 1) * config.batch // world)
        self.seen: feature_cache.Features | None = None  # the trainer computes them, who has the encoder
        self._visits = {}  # the order of the epoch that goes on, here and where the photos are
        # One crop and one coin for the whole batch; both are drawn anew for each.
        self.cut = v2.Compose([v2.RandomCrop(config.size), v2.RandomHorizontalFlip()])

    @functools.cached_property
    def samples(self) -> hint_inputs.Samples | None:
        """The random hints, drawn when they are first needed; None for a configuration without."""
        return hint_inputs.draw(self.photos.cpu(), self.config, self.priors) if self.config.hints != "none" else None

    @functools.cached_property
    def vivid(self) -> torch.Tensor:
        """The numbers of the more colourful half of the photos, those of the larger mean chroma: (half,) int64."""
        parts = (rgb_to_lab_tensor(part)[:, 1:].norm(dim=1).mean(dim=(1, 2)) for part in self.photos.cpu().split(100))
        return torch.cat(list(parts)).argsort(descending=True, stable=True)[: -(-len(self.photos) // 2)]

    def order(self, epoch: int, seed: int) -> torch.Tensor:
        """Which photos the batches of an epoch hold.

        Parameters
        ----------
        epoch : int
            Counted from 0.
        seed : int
            Of the training.

        Returns
        -------
        torch.Tensor
            int64, (per_epoch, batch), indices of photos.
        """
        drawn = torch.Generator().manual_seed(mix(seed, epoch))
        among = self.vivid if epoch < self.config.vivid else torch.arange(len(self.photos))
        rounds = -(-max(self.config.batch, len(self.photos)) // len(among))
        shuffled = torch.cat([among[torch.randperm(len(among), generator=drawn)] for _ in range(rounds)])
        return shuffled[: self.per_epoch * self.config.batch].reshape(self.per_epoch, self.config.batch)

    def at(self, step: int, seed: int) -> Batch:
        """The batch of one step. Seeds torch's generator of the processor.

        Parameters
        ----------
        step : int
            Counted from 0 over all epochs.
        seed : int
            Of the training.

        Returns
        -------
        Batch
            This process's part, of `config.batch // world` photos.
        """
        torch.default_generator.manual_seed(mix(seed, step, 1))  # the processor's alone: a GPU's is left as it is
        epoch, place = divmod(step, self.per_epoch)
        if (epoch, seed) not in self._visits:
            order = self.order(epoch, seed)
            self._visits = {(epoch, seed): (order, order.to(self.photos.device))}
        which, there = (order[place] for order in self._visits[epoch, seed])
        jitter = 1 + self.config.jitter * (2 * torch.rand(2, len(which), 1, 1, 1) - 1)
        rgb = self.photos[there[self.part]].to(self.device, non_blocking=True)
        hint_channels = weight = features = None
        mine, flipped = which[self.part], None
        if self.seen is not None:
            squares, features, flipped = self.seen.at(rgb, mine, epoch)
        elif self.samples is None:
            squares = self.cut(rgb)
        if self.samples is not None:
            if flipped is None:
                flipped = (torch.rand(()) < 0.5).expand(len(mine))  # all or none
            squares, hint_channels, weight = self.samples.at(rgb, mine, epoch % self.config.rounds, flipped)
        lab = rgb_to_lab_tensor(squares)  # (N, 3, size, size)
        lightness = scale_lightness(lab[:, :1])
        if self.config.jitter and features is None:  # which were computed with it
            # Not to be waited for: a GPU would stand idle until the next step is prepared.
            jitter = jitter[:, self.part].to(self.device, non_blocking=True)
            lightness = (lightness * jitter[0] + jitter[1] - 1).clamp(-1, 1)
        return Batch(lightness, scale_ab(lab[:, 1:]), hint_channels, weight, features)


def _fits(photos: torch.Tensor, device: torch.device) -> bool:
    """Is there room for all the photos on the device, with as much left for the work?"""
    if device.type == "cuda":
        torch.cuda.empty_cache()  # what an earlier training has left counts as free
    return device.type != "cuda" or 2 * photos.nbytes < torch.cuda.mem_get_info(device)[0]
