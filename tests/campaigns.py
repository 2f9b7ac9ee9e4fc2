"""What the tests of the CUDA campaign share: made-up photos, and a campaign of seconds on the device that there is."""

import dataclasses
import time

import numpy as np
import pandas as pd
import torch
from PIL import Image

from nbhelpers.bench.cuda_campaign import TINY, Campaign
from nbhelpers.photos.pack import Pack

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def squares(count, side=48, seed=0):
    """Smooth colours, uint8 (count, side, side, 3)."""
    rough = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return np.stack([np.array(Image.fromarray(one).resize((side, side), Image.Resampling.BICUBIC)) for one in rough])


def campaign(out, seconds=500, credits=None, **changes):
    """20 training and 6 test photos, in memory; `changes` are of its sizes."""
    pack = Pack("made up", 48, 80, squares(20), squares(6, seed=1), tuple("abcdef"), credits or {})
    sizes = dataclasses.replace(TINY, tests=(), **changes)
    return Campaign(pack, sizes, DEVICE, out, time.monotonic() + seconds)


def table(out, name):
    return pd.read_csv(out / f"10_cuda_{name}.csv", keep_default_na=False, na_values=[""])


class Clock:
    """In place of the module `time`: it stands still until it is moved."""

    def __init__(self, *modules, patch):
        self.now = 1000.0
        for module in modules:
            patch.setattr(module, "time", self)

    def monotonic(self):
        return self.now

    perf_counter = monotonic
