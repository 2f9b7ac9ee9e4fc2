"""Training speed, measured: the package's loop with its switches, against the loop one would otherwise write."""

from __future__ import annotations

import dataclasses
import io
import itertools
import os
import time
from statistics import median

import numpy as np
import pandas as pd
import torch
from PIL import Image
from skimage.color import rgb2lab
from torch.nn.functional import binary_cross_entropy_with_logits as _bce
from torch.nn.functional import mse_loss
from torch.utils.data import DataLoader, Dataset

from nbhelpers.networks.config import train_config
from nbhelpers.networks.models import BinaryDiscriminator, UNet
from nbhelpers.networks.speed import Speed
from nbhelpers.networks.training import train

SWITCHES = {  # each line adds to, or takes from, the plain float32 loop
    "photos in memory, float32": Speed(bf16=False, channels_last=False, fused=False),
    "+ channels_last": Speed(bf16=False, channels_last=True, fused=False),
    "+ bf16": Speed(bf16=True, channels_last=False, fused=False),
    "+ fused Adam": Speed(bf16=False, channels_last=False, fused=True),
    "all three": Speed(bf16=True),
}


class _Files(Dataset):
    """What one would write: decode, shrink and convert a photo whenever it is asked for. files: paths, or contents."""

    def __init__(self, files, size):
        self.files, self.size = files, size

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        file = self.files[index]
        photo = Image.open(io.BytesIO(file) if isinstance(file, bytes) else file).convert("RGB")
        rgb = np.asarray(photo.resize((self.size, self.size)))
        if np.random.random() < 0.5:
            rgb = rgb[:, ::-1]
        lab = torch.from_numpy(rgb2lab(rgb).astype(np.float32)).permute(2, 0, 1)
        return lab[:1] / 50 - 1, lab[1:] / 110


def plain(files, asked, repeats, device="cpu") -> float:
    """Time a plain loop in PyTorch, training a U-Net or the paper's GAN; the first epoch warms up.

    Parameters
    ----------
    files : sequence of str, Path or bytes
        Photo files, or their contents.
    asked : TrainConfig
        The training configuration.
    repeats : int
        Epochs that are timed.
    device : torch.device or str
        Where to train.

    Returns
    -------
    float
        Seconds per photo, the median of the epochs; the first batch of each is not counted.
    """
    network = UNet(asked.width, asked.depth).to(device)
    optimizer = torch.optim.Adam(network.parameters(), asked.rate, asked.betas)
    discriminator = BinaryDiscriminator(asked.discriminator_width).to(device)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), asked.rate, asked.betas)
    workers = 2 if torch.device(device).type == "cpu" else os.cpu_count()
    options = {"num_workers": workers, "persistent_workers": True, "pin_memory": torch.device(device).type != "cpu"}
    loader = DataLoader(_Files(files, asked.size), asked.batch, shuffle=True, drop_last=True, **options)
    seconds = []
    for _ in range(repeats + 1):
        for number, (lightness, ab) in enumerate(loader):
            lightness, ab = lightness.to(device), ab.to(device)
            painted = network(lightness)
            if asked.adversarial:
                real = discriminator(torch.cat([lightness, ab], dim=1))
                fake = discriminator(torch.cat([lightness, painted.detach()], dim=1))
                discriminator_loss = _bce(real, torch.ones_like(real)) + _bce(fake, torch.zeros_like(fake))
                discriminator_optimizer.zero_grad()
                discriminator_loss.backward()
                discriminator_optimizer.step()
                fake = discriminator(torch.cat([lightness, painted], dim=1))
                loss = _bce(fake, torch.ones_like(fake))
            else:
                loss = mse_loss(painted, ab)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if number == 0:  # until then its workers only begin
                loss.item()
                began = time.perf_counter()
        loss.item()  # a GPU has finished then
        seconds.append((time.perf_counter() - began) / ((len(loader) - 1) * asked.batch))
    return median(seconds[1:])


def ours(photos, asked, speed) -> float:
    """Time the package's loop; the first epoch warms up.

    Parameters
    ----------
    photos : Photos or sequence of np.ndarray
        uint8 (S, S, 3), S being `asked.stored`.
    asked : TrainConfig
        The training configuration, of at least two epochs.
    speed : Speed
        The switches that it runs with.

    Returns
    -------
    float
        Seconds per photo, the median of the epochs.
    """
    times = []
    train(asked, photos, speed=speed, watch=lambda _: times.append(time.perf_counter()), progress=False)
    count = max(1, len(photos) // asked.batch) * asked.batch
    return median(after - before for before, after in itertools.pairwise(times)) / count


def training(
    name: str, photos, stored, n: int = 320, width: int = 24, size: int = 64, repeats: int = 3
) -> pd.DataFrame:
    """Measure the U-Net's and the GAN's training, with loading, crops, flips and conversion.

    Parameters
    ----------
    name : str
        Name of the photos.
    photos : Photos
        Of the source, whose own files the plain loop decodes.
    stored : Photos
        Of the source, opened at `size` times 9/8.
    n : int
        Photos to learn from; where there are fewer, they come several times.
    width : int
        Channels of the networks' first level.
    size : int
        Side of the squares learned from, in pixels.
    repeats : int
        Epochs that are timed, after one that warms up.

    Returns
    -------
    pd.DataFrame
        what, photos, size, width, batch, seconds (per photo), photos_per_second, against_seconds, ratio (how many times
        slower the loop in `against` is), against.
    """
    asked = train_config("unet", size=size, width=width, epochs=repeats + 1)
    kept = [rgb for _, rgb in stored.read(range(min(n, len(stored))), jobs=-1)]
    kept = list(itertools.islice(itertools.cycle(kept), n))
    files = photos.pick([i % len(photos) for i in range(n)])
    against = "DataLoader that decodes files, float32"
    spent = {f"unet: {against}": plain(files.items, asked, repeats)}
    spent |= {f"unet: {what}": ours(kept, asked, speed) for what, speed in SWITCHES.items()}
    for gan in ("gan-paper", "gan-l1"):
        game = train_config(gan, size=size, width=width, epochs=repeats + 1, pretrain=0)
        spent[f"{gan}: all three"] = ours(kept, game, Speed(bf16=True))
    seeing = train_config("unet-pretrained", size=size, epochs=repeats + 1, pretrain=0, encoder_rate=0.0, cached=0)
    frozen = "unet-pretrained, encoder frozen"
    spent[f"{frozen}: its features in each step"] = ours(kept, seeing, Speed(bf16=True))
    once = dataclasses.replace(seeing, cached=2)  # the time to compute them comes before the first epoch
    spent[f"{frozen}: its features computed once"] = ours(kept, once, Speed(bf16=True))
    learning = dataclasses.replace(seeing, encoder_rate=0.3)
    spent["unet-pretrained: its last two stages learn too"] = ours(kept, learning, Speed(bf16=True))
    widths = [seeing.width if what.startswith("unet-pretrained") else width for what in spent]
    table = pd.DataFrame({"what": list(spent), "photos": name, "size": size, "width": widths, "batch": asked.batch})
    table["seconds"] = list(spent.values())  # per photo
    table["photos_per_second"] = 1 / table["seconds"]
    # a loop is compared with another one for the same network, the games with the U-Net's
    own = table["what"].str.startswith("unet-pretrained")
    table["against"] = np.where(own, f"{frozen}: its features in each step", f"unet: {against}")
    table["against_seconds"] = table["against"].map(spent)
    return table.assign(ratio=table["against_seconds"] / table["seconds"])
