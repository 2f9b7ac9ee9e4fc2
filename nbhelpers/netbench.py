"""Training speed, measured: the package's loop with its switches, against the loop one would otherwise write."""

from __future__ import annotations

import itertools
import time
from statistics import median

import numpy as np
import pandas as pd
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, Dataset

from nbhelpers.networks import UNet
from nbhelpers.recipes import recipe
from nbhelpers.training import Speed, train

SWITCHES = {  # each line adds to, or takes from, the plain float32 loop
    "photos in memory, float32": Speed(bf16=False, channels_last=False, fused=False),
    "+ channels_last": Speed(bf16=False, channels_last=True, fused=False),
    "+ bf16": Speed(bf16=True, channels_last=False, fused=False),
    "+ fused Adam": Speed(bf16=False, channels_last=False, fused=True),
    "all three": Speed(bf16=True),
}


class _Files(Dataset):
    """What one would write: decode, shrink and convert a photo whenever it is asked for."""

    def __init__(self, photos, size):
        self.photos, self.size = photos, size

    def __len__(self):
        return len(self.photos)

    def __getitem__(self, index):
        rgb = np.asarray(Image.open(self.photos.items[index]).convert("RGB").resize((self.size, self.size)))
        if np.random.random() < 0.5:
            rgb = rgb[:, ::-1]
        lab = torch.from_numpy(rgb2lab(rgb).astype(np.float32)).permute(2, 0, 1)
        return lab[:1] / 50 - 1, lab[1:] / 110


def _plain(photos, asked, repeats) -> float:
    """Seconds per photo; the first epoch warms up."""
    network = UNet(asked.width, asked.depth)
    optimizer = torch.optim.Adam(network.parameters(), asked.rate)
    loader = DataLoader(_Files(photos, asked.size), asked.batch, shuffle=True, num_workers=2, drop_last=True)
    seconds = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        for lightness, ab in loader:
            loss = mse_loss(network(lightness), ab)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        seconds.append((time.perf_counter() - began) / (len(loader) * asked.batch))
    return median(seconds[1:])


def _ours(photos, asked, speed) -> float:
    times = []
    train(asked, photos, speed=speed, watch=lambda _: times.append(time.perf_counter()), progress=False)
    count = len(photos) // asked.batch * asked.batch
    return median(after - before for before, after in itertools.pairwise(times)) / count


def training(
    name: str, photos, stored, n: int = 320, width: int = 24, size: int = 64, repeats: int = 3
) -> pd.DataFrame:
    """Photos per second of the U-Net's and the GAN's training, with loading, crops, flips and conversion.

    photos, stored: `Photos` of the source at its own size, and opened at `size` times 9/8. `ratio`: how many times
    slower the loop in `against` is.
    """
    asked = recipe("unet", size=size, width=width, epochs=repeats + 1)
    kept = [rgb for _, rgb in stored.read(range(min(n, len(stored))), jobs=-1)]
    kept = list(itertools.islice(itertools.cycle(kept), n))
    files = photos.pick([i % len(photos) for i in range(n)])
    against = "DataLoader that decodes files, float32"
    spent = {f"unet: {against}": _plain(files, asked, repeats)}
    spent |= {f"unet: {what}": _ours(kept, asked, speed) for what, speed in SWITCHES.items()}
    for gan in ("gan-paper", "gan-l1"):
        game = recipe(gan, size=size, width=width, epochs=repeats + 1, pretrain=0)
        spent[f"{gan}: all three"] = _ours(kept, game, Speed(bf16=True))
    table = pd.DataFrame({"what": list(spent), "photos": name, "size": size, "width": width, "batch": asked.batch})
    table["seconds"] = list(spent.values())  # per photo
    table["photos_per_second"] = 1 / table["seconds"]
    table["against_seconds"] = table["seconds"][0]
    return table.assign(ratio=table["against_seconds"] / table["seconds"], against=f"unet: {against}")
