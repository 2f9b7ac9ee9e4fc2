"""What there is in the course, as notebook 00 and the site have it, and what this machine has."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

import pandas as pd

from nbhelpers.system import memory

COURSE = (
    ("Start here", "photos as arrays, and the one question of the course", "section 4, Figure 3"),
    ("CIELAB", "lightness, chroma, and what knowing nothing costs", "sections 1 and 3"),
    ("Neighbour regression", "a pixel's colour from its eight neighbours", "section 3.1"),
    ("The sparse system", "from one pixel to a whole photo", "section 3.1, Table 1"),
    ("Row by row", "trees, forests and boosting", "sections 3.2 to 3.4"),
    ("U-Net", "a network that reads the whole photo", "section 3.5, Figure 1"),
    ("GAN", "a network with a discriminator", "section 3.5, Figure 2"),
    ("Comparison", "every method on the same photos", "section 5, Figures 4 and 5"),
    ("Explorer", "your photo and your hints, live", "section 6"),
)
PACKAGES = ("numpy", "scipy", "scikit-learn", "scikit-image", "torch", "torchvision")


def machine() -> pd.Series:
    """Versions of Python and the main packages; processor, memory and accelerator of this machine."""
    found = {"Python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    found["processor cores"] = str(os.cpu_count())
    found["memory"] = f"{memory() / 2**30:.0f} GiB"
    found["networks run on"] = _accelerator()
    return pd.Series(found, name="this machine")


def _accelerator() -> str:
    import torch

    if not torch.cuda.is_available():
        return "the processor (no CUDA device found)"
    device = torch.cuda.get_device_properties(0)
    return f"{torch.cuda.device_count()} x {device.name}, {device.total_memory / 2**30:.0f} GiB"
