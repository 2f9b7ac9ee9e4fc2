"""Colorizers made of a trained U-Net: chroma predicted small, enlarged, and laid under the photo's own lightness."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import interpolate

from nbhelpers import checkpoints
from nbhelpers.hints import keep_known
from nbhelpers.lab import scale_lightness, unscale_ab
from nbhelpers.networks import UNet


@dataclass(frozen=True, eq=False)
class NetworkColorizer:
    """A U-Net as a Colorizer of photos of any size. It does not look at hints, but keeps known pixels.

    size: the side in pixels that the network was trained at. A larger photo is shrunk until its shorter side has that
    many pixels; the predicted chroma is enlarged again, and the lightness stays as it was: people see far less
    detail in colour than in lightness (notebook 01). about: what the file says of the training.
    """

    name: str
    network: UNet
    size: int
    about: dict = field(default_factory=dict)

    @torch.inference_mode()
    def colorize(self, lightness, hints):
        height, width = lightness.shape
        x = scale_lightness(torch.from_numpy(np.ascontiguousarray(lightness, np.float32)))[None, None]
        shrink = self.size / min(height, width)
        if shrink < 1:
            small = max(1, round(height * shrink)), max(1, round(width * shrink))
            x = interpolate(x, small, mode="bilinear", antialias=True)
        ab = unscale_ab(self.network(x))  # (1, 2, h, w)
        if shrink < 1:
            ab = interpolate(ab, (height, width), mode="bicubic", align_corners=False)
        return keep_known(ab[0].permute(1, 2, 0).numpy(), hints)


def load(name: str, path: Path) -> NetworkColorizer:
    """The colorizer `name` from a file that `nbhelpers.training` wrote.

    Raises UserError when the file is damaged, foreign, or holds another recipe's network.
    """
    network, about = checkpoints.load_network(path)
    if about.get("name") != name or not isinstance(about.get("size"), int):
        raise checkpoints.UserError(f"{path} does not hold a network {name!r}: delete it and train again")
    return NetworkColorizer(name, network, about["size"], about)
