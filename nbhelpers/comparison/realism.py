"""LPIPS and FID through torchmetrics, when the weights of their networks are on this machine; else how to get them."""

from __future__ import annotations

import importlib.util
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from nbhelpers.evaluation.evaluate import score
from nbhelpers.evaluation.statistics import bootstrap_interval

LPIPS_NET = "alex"  # the variant that most papers report
LPIPS_FILES = {"alex": "alexnet-owt-7be5be79.pth", "squeeze": "squeezenet1_1-b8a52dc0.pth"}
LEAST_FID = 500  # photos
FID_FILE = "weights-inception-2015-12-05-6726825d.pth"


def _weights(name: str) -> Path:
    """Where torchvision and torch-fidelity keep the weights that they have downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / name


def _safe(path: Path) -> bool:
    """Does the file hold tensors and nothing else? Those libraries would unpickle anything."""
    try:
        torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError):
        return False
    return True


def lpips_ready() -> bool:
    """Are the weights for LPIPS here, as plain tensors?"""
    return _safe(_weights(LPIPS_FILES[LPIPS_NET]))


def fid_ready() -> bool:
    """Are torch-fidelity and its Inception weights here, as plain tensors?"""
    return importlib.util.find_spec("torch_fidelity") is not None and _safe(_weights(FID_FILE))


def status() -> str:
    """One line for each measure: ready, or left out and how to get it."""
    lines = []
    get = f"python -c \"from torchvision.models import alexnet; alexnet(weights='DEFAULT')\" puts {LPIPS_FILES['alex']}"
    for name, ready, how in (
        ("LPIPS", lpips_ready(), f"{get} (233 MB) where torch looks for it"),
        ("FID", fid_ready(), "pip install torch-fidelity, whose first use downloads its Inception weights (91 MB)"),
    ):
        lines.append(f"{name}: ready" if ready else f"{name}: left out, its weights are not on this machine. {how}")
    return "\n".join(lines)


def measure(colorizers, photos) -> pd.DataFrame:
    """Measure LPIPS (AlexNet) and FID of photos colorized without hints, whichever is ready.

    FID compares two sets and is biased for small ones: it is taken for at least LEAST_FID photos, and compares only
    methods on the same ones.

    Parameters
    ----------
    colorizers : iterable of Colorizer
        The methods.
    photos : Photos or sequence of np.ndarray
        uint8 (H, W, 3).

    Returns
    -------
    pd.DataFrame
        method, lpips (mean over photos), low, high (its 95 % interval over photos), fid, photos (their number). NaN
        where the measure is not ready, or there are too few photos for FID.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    near = LearnedPerceptualImagePatchSimilarity(LPIPS_NET) if lpips_ready() else None
    sets = FrechetInceptionDistance(reset_real_features=False) if fid_ready() and len(photos) >= LEAST_FID else None

    def perceive(colorized, truth) -> dict:
        image, real = _tensor(colorized), _tensor(truth)
        if sets is not None:
            sets.update(image, real=False)
            if first:
                sets.update(real, real=True)
        if near is None:
            return {"lpips": np.nan}
        with torch.inference_mode():
            return {"lpips": float(near(image / 127.5 - 1, real / 127.5 - 1))}

    rows = []
    for i, colorizer in enumerate(colorizers):
        first = i == 0
        distances = score([colorizer], photos, jobs=1, measures=(), also=perceive).table["lpips"]
        fid = float(sets.compute()) if sets is not None else np.nan
        rows.append((colorizer.name, distances.mean(), *bootstrap_interval(distances), fid, len(photos)))
        if sets is not None:
            sets.reset()
    return pd.DataFrame(rows, columns=["method", "lpips", "low", "high", "fid", "photos"])


def _tensor(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(rgb.transpose(2, 0, 1)))[None]
