"""Colorizers made of a trained U-Net: chroma predicted small, enlarged, and laid under the photo's own lightness."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.nn.functional import interpolate

from nbhelpers import checkpoints
from nbhelpers.hints import keep_known
from nbhelpers.lab import rgb_to_lab_tensor, scale_lightness, unscale_ab
from nbhelpers.networks import UNet
from nbhelpers.paths import UserError


@dataclass(frozen=True, eq=False)
class NetworkColorizer:
    """A U-Net as a Colorizer of photos of any size. It does not look at hints, but keeps known pixels.

    size: the side in pixels that the network was trained at. A larger photo is shrunk until its shorter side has that
    many pixels, with the filter that its training photos were shrunk with (Lanczos): one that blurs more costs up to
    a tenth in squared error. The predicted chroma is enlarged again, and the lightness stays as it was: people see far
    less detail in colour than in lightness (notebook 01). gain: what the chroma is multiplied with in the end (see
    `gain_for`). about: what the file says of the training.
    """

    name: str
    network: UNet
    size: int
    gain: float = 1.0
    about: dict = field(default_factory=dict)

    @torch.inference_mode()
    def colorize(self, lightness, hints):
        height, width = lightness.shape
        seen, shrink = np.array(lightness, np.float32), self.size / min(height, width)
        if shrink < 1:
            small = max(1, round(width * shrink)), max(1, round(height * shrink))
            seen = np.array(Image.fromarray(seen).resize(small, Image.Resampling.LANCZOS)).clip(0, 100)
        x = scale_lightness(torch.from_numpy(seen))[None, None]
        ab = self.gain * unscale_ab(self.network(x))  # (1, 2, h, w)
        if shrink < 1:
            ab = interpolate(ab, (height, width), mode="bicubic", align_corners=False)
        return keep_known(ab[0].permute(1, 2, 0).numpy(), hints)


def load(name: str, path: Path) -> NetworkColorizer:
    """The colorizer `name` from a file that `nbhelpers.training` wrote.

    Raises UserError when the file is damaged, foreign, or holds another recipe's network.
    """
    network, about = checkpoints.load_network(path)
    size, gain = about.get("size"), about.get("gain", 1.0)
    if about.get("name") != name or not isinstance(size, int) or not isinstance(gain, float) or not 0 < gain < 10:
        raise UserError(f"{path} does not hold a network {name!r}: delete it and train again")
    return NetworkColorizer(name, network, size, gain, about)


@torch.inference_mode()
def gain_for(network: UNet, photos: torch.Tensor, size: int, share: float, most: int = 1000) -> float:
    """The gain, at most 3, that brings the mean chroma which a network paints to a `share` of the true one.

    photos: uint8 (N, 3, S, S), training photos; the middle size x size pixels of the first `most` are painted.
    """
    edge, painted, true = (photos.shape[-1] - size) // 2, 0.0, 0.0
    for chunk in photos[:most, :, edge : edge + size, edge : edge + size].split(50):
        lab = rgb_to_lab_tensor(chunk)
        found = unscale_ab(network.eval()(scale_lightness(lab[:, :1])))
        painted += float(found.square().sum(dim=1).sqrt().sum())
        true += float(lab[:, 1:].square().sum(dim=1).sqrt().sum())
    return min(3.0, share * true / max(painted, 1e-9))
