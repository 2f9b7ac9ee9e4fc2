"""Colorizers made of a trained U-Net: chroma predicted small, enlarged, and laid under the photo's own lightness."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import interpolate

from nbhelpers.colour.lab import rgb_to_lab_tensor, scale_lightness, unscale_ab
from nbhelpers.errors import UserError
from nbhelpers.hints import (
    Colorization,
    Constant,
    Hints,
    checked,
    keep_known,
    shrunk,
    shrunk_hints,
    shrunk_lightness,
    unused,
)
from nbhelpers.networks import checkpoints, hint_inputs
from nbhelpers.networks.bins import coarse
from nbhelpers.networks.models import UNet
from nbhelpers.networks.pretrained import guided

SHARED = "unet-pretrained.safetensors"  # of the course, which guesses for `hinted` too


@dataclass(frozen=True, eq=False)
class NetworkColorizer:
    """A U-Net as a Colorizer of photos of any size. It does not look at hints, but keeps known pixels.

    A larger photo than those of the training is shrunk until its shorter side has `size` pixels, with the filter that
    its training photos were shrunk with (Lanczos): the network knows no softer ones. The predicted chroma is enlarged
    again, and the lightness stays as it was: people see far less detail in colour than in lightness (notebook 01).

    Attributes
    ----------
    name : str
        The colorizer's name.
    network : UNet
        In evaluation mode, on the CPU.
    size : int
        The side in pixels that the network was trained at.
    gain : float
        What the chroma is multiplied with in the end (see `gain_for`).
    about : dict
        What the file says of the training.
    origin : str
        Where the model came from, see `registry.load`.
    """

    name: str
    network: UNet
    size: int
    gain: float = 1.0
    about: dict = field(default_factory=dict)
    origin: str = ""

    @torch.inference_mode()
    def colorize(self, lightness, hints):
        note = unused(lightness, hints)
        seen = _planes(shrunk_lightness(lightness, self.size))
        small = unscale_ab(self.network(scale_lightness(seen)))
        ab = _laid_under(lightness, self.network, small, seen)
        return Colorization(keep_known(np.float32(self.gain) * ab, hints), note=note)


@dataclass(frozen=True, eq=False)
class HintedColorizer:
    """A guess without hints, edge-aware propagation of what the hints say against it, and a U-Net that corrects both.

    All of that happens on the photo made small, where edges are sharp for its size. The hints are spread over the whole
    photo as well, and what the small result has of other colours is added, more the farther the next hint is: see
    `hint_inputs`.

    Attributes
    ----------
    name : str
        The colorizer's name.
    network : UNet
        In evaluation mode, on the CPU.
    size : int
        The side in pixels that the network was trained at, see `NetworkColorizer`.
    prior : Colorizer
        The one that guesses.
    kind : str
        "spread" (propagated hints), or "given" for a network whose hint channels are the hints themselves.
    about : dict
        What the file says of the training.
    origin : str
        Where the model came from, see `registry.load`.
    """

    name: str
    network: UNet
    size: int
    prior: object
    kind: str = "spread"
    about: dict = field(default_factory=dict)
    origin: str = ""

    @torch.inference_mode()
    def colorize(self, lightness, hints):
        note = checked(lightness, hints)
        seen, less = shrunk_lightness(lightness, self.size), shrunk_hints(hints, self.size)
        known = _planes(less.known.astype(np.float32))
        if self.kind == "given":
            told = hint_inputs.stack("given", _planes(less.ab), known, None, None)
            seen = _planes(seen)
            ab = unscale_ab(hint_inputs.predict(self.network, scale_lightness(seen), told))
            return Colorization(keep_known(_laid_under(lightness, self.network, ab, seen), hints), note=note)
        guess = self.prior.colorize(lightness, Hints.none(lightness.shape)).ab
        little = shrunk(guess, self.size)
        spread = hint_inputs.spread_colours(seen, less, little)
        near = _planes(hint_inputs.closeness(less.known))
        told = hint_inputs.stack("spread", _planes(spread.ab), known, near, _planes(little))
        ab = unscale_ab(hint_inputs.predict(self.network, scale_lightness(_planes(seen)), told))
        if less.known.shape == hints.known.shape:
            return replace(spread, ab=keep_known(_enlarged(ab, lightness.shape), hints), note=spread.note or note)
        large = hint_inputs.spread_colours(lightness, hints, guess)
        change = _enlarged(ab - _planes(shrunk(large.ab, self.size)), lightness.shape)
        near = hint_inputs.closeness(hints.known, self.size / min(lightness.shape))
        ab = keep_known(large.ab + hint_inputs.openness(near)[..., None] * change, hints)
        residuals = [found.residual for found in (spread, large) if found.residual is not None]
        solved = spread.converged and large.converged
        return Colorization(ab, solved, max(residuals, default=None), large.note or spread.note or note)


def _pixels(planes: torch.Tensor) -> np.ndarray:
    """(1, n, h, w) -> (h, w, n)."""
    return planes[0].permute(1, 2, 0).numpy()


def _planes(pixels: np.ndarray) -> torch.Tensor:
    """(h, w) or (h, w, n) -> (1, n, h, w)."""
    return torch.from_numpy(np.atleast_3d(pixels)).permute(2, 0, 1)[None]


def _laid_under(lightness: np.ndarray, network, ab: torch.Tensor, seen: torch.Tensor) -> np.ndarray:
    """Chroma (1, 2, h, w) at the photo's size, (H, W, 2); along its edges where it was painted coarsely."""
    if coarse(network):
        return _pixels(guided(ab, seen, _planes(lightness)))
    return _enlarged(ab, lightness.shape)


def _enlarged(ab: torch.Tensor, shape) -> np.ndarray:
    """Chroma (1, 2, h, w) at the photo's size, (H, W, 2)."""
    if ab.shape[2:] != shape:
        ab = interpolate(ab, shape, mode="bicubic", align_corners=False)
    return _pixels(ab)


def load(name: str, path: Path) -> NetworkColorizer | HintedColorizer:
    """Load a colorizer from a file that `nbhelpers.networks.training` wrote.

    A network with propagated hints that began with a trained network has that one as its prior, which lies beside it as
    `<name>-prior.safetensors`, or as the very file SHARED; any other with hints has the mean colour.

    Parameters
    ----------
    name : str
        The network's name, which the file must hold.
    path : Path
        The `.safetensors` file.

    Returns
    -------
    NetworkColorizer or HintedColorizer
        The latter when the network takes hints.

    Raises
    ------
    UserError
        When a file is damaged, foreign, missing, or holds another network.
    """
    network, about = checkpoints.load_network(path)
    size, gain, prior = about.get("size"), about.get("gain", 1.0), about.get("prior")
    config = about.get(checkpoints.CONFIG, {})
    kind = config.get("hints", "none") if isinstance(config, dict) else None
    good = about.get("name") == name and isinstance(size, int) and isinstance(gain, float) and 0 < gain < 10
    good = good and isinstance(kind, str) and (network.channels, network.outputs) == hint_inputs.PLANES.get(kind)
    if not good or (kind != "none") != _is_colour(prior):
        raise UserError(f"{path} does not hold a network {name!r}: delete it and train again")
    if kind == "none":
        return NetworkColorizer(name, network, size, gain, about)
    prior = Constant("mean", tuple(prior))
    if about.get("start") is not None and kind == "spread":
        prior = _prior(Path(path), about["start"])
    return HintedColorizer(name, network, size, prior, kind, about)


def training_of(colorizer) -> dict[str, int]:
    """How the network behind a colorizer was trained: what stands beside its name in every table.

    Parameters
    ----------
    colorizer : Colorizer
        Any method.

    Returns
    -------
    dict of str to int
        size (side of the training squares in pixels), width (channels of the first level), epochs (passes over the
        photos, see `checkpoints.epochs`), seeds (how many trainings: 1); {} when it is no network.
    """
    about = getattr(colorizer, "about", {})
    config = about.get(checkpoints.CONFIG)
    if not config:
        return {}
    return {"size": config["size"], "width": config["width"], "epochs": checkpoints.epochs(about), "seeds": 1}


def _prior(path: Path, digest: str) -> NetworkColorizer:
    """The network beside `path` that it was trained with, whose file has that digest."""
    beside = path.with_name(f"{path.stem}-prior.safetensors")
    there = [file for file in (path.with_name(SHARED), beside) if file.is_file() and checkpoints.digest(file) == digest]
    if not there:
        raise UserError(f"{beside}, the network that {path.name} was trained with, is missing or another: train again")
    beside = there[0]
    network, about = checkpoints.load_network(beside)
    return NetworkColorizer(str(about.get("name")), network, about["size"], about=about)  # as then, without its gain


def _is_colour(found) -> bool:
    """Two finite numbers, as a*, b* are?"""
    numbers = isinstance(found, list) and len(found) == 2 and all(isinstance(value, float) for value in found)
    return numbers and bool(np.isfinite(found).all())


@torch.inference_mode()
def gain_for(network: UNet, photos: torch.Tensor, size: int, share: float, most: int = 1000) -> float:
    """The gain that brings the mean chroma which a network predicts to a share of the true one.

    Parameters
    ----------
    network : UNet
        A network without hints, on any device; put into evaluation mode.
    photos : torch.Tensor
        (N, 3, S, S) uint8, training photos.
    size : int
        The middle `size` x `size` pixels of each photo are colorized.
    share : float
        The ratio of predicted to true mean chroma to be reached.
    most : int
        Only so many photos count, the first.

    Returns
    -------
    float
        What to multiply a* and b* with, at most 3.
    """
    edge, painted, true = (photos.shape[-1] - size) // 2, 0.0, 0.0
    device = next(network.parameters()).device
    for chunk in photos[:most, :, edge : edge + size, edge : edge + size].split(
        10
    ):  # a GPU is still full of the training
        lab = rgb_to_lab_tensor(chunk.to(device))
        found = unscale_ab(network.eval()(scale_lightness(lab[:, :1])))
        painted += float(found.square().sum(dim=1).sqrt().sum())
        true += float(lab[:, 1:].square().sum(dim=1).sqrt().sum())
    return min(3.0, share * true / max(painted, 1e-9))
