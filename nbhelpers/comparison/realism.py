"""How real colours look, without asking a person: what a network sees in painted photos and in true ones.

Two measures are always there, on EfficientNet-Lite0 (`networks.encoder`): a Fréchet distance between the features of
all painted and all true photos, and how often the network takes the painted photo for what it takes the true one for.
LPIPS and FID, through torchmetrics, when the weights of their networks are on this machine; else how to get them.
"""

from __future__ import annotations

import importlib.util
import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from nbhelpers.evaluation.evaluate import score
from nbhelpers.evaluation.statistics import LEAST_FRECHET, bootstrap_interval
from nbhelpers.networks.config import saw_imagenet
from nbhelpers.networks.encoder import look

LPIPS_NET = "alex"  # the variant that most papers report
LPIPS_FILES = {"alex": "alexnet-owt-7be5be79.pth", "squeeze": "squeezenet1_1-b8a52dc0.pth"}
LEAST_FID = 500  # photos
DISTANCES = ("frechet", "frechet_low", "frechet_high", "behind", "behind_low", "behind_high", "halves")
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


@dataclass(frozen=True, eq=False)
class Seen:
    """What EfficientNet-Lite0 sees in photos.

    Attributes
    ----------
    features : np.ndarray
        (N, 1280) float32.
    answers : np.ndarray
        (N, 1000) float32, probabilities of the classes of ImageNet.
    """

    features: np.ndarray
    answers: np.ndarray


class Look:
    """For `score`, as its `also`: what EfficientNet-Lite0 sees in a painted photo, "seen", and in the true one, "true".

    At a true photo it looks once for all methods.
    """

    true = None, None

    def __call__(self, colorized: np.ndarray, truth: np.ndarray) -> dict:
        if self.true[0] is not truth:
            self.true = truth, look(truth)
        return {"seen": look(colorized), "true": self.true[1]}


def perceive(colorizers, photos, jobs: int | None = None) -> dict[str, Seen]:
    """Let EfficientNet-Lite0 look at photos, and at what methods paint of them without hints.

    Parameters
    ----------
    colorizers : iterable of Colorizer
        The methods.
    photos : Photos or sequence of np.ndarray
        uint8 (H, W, 3).
    jobs : int, optional
        Processes; None takes those of the surrounding `system.backend`.

    Returns
    -------
    dict of str to Seen
        "truth" and the methods' names -> what it sees, photo by photo in the same order.
    """
    return seen(score(colorizers, photos, jobs=jobs, measures=(), also=Look()).table)


def seen(table: pd.DataFrame) -> dict[str, Seen]:
    """Sort by method what `Look` saw.

    Parameters
    ----------
    table : pd.DataFrame
        That of `score`, called with `also=Look()`.

    Returns
    -------
    dict of str to Seen
        As `perceive` returns it.
    """
    groups = dict(list(table.groupby("method", sort=False)))
    looks = {"truth": next(iter(groups.values()))["true"]} | {name: group["seen"] for name, group in groups.items()}
    return {name: Seen(*(np.stack(part) for part in zip(*each))) for name, each in looks.items()}


def frechet(true: np.ndarray, painted: np.ndarray, counts: np.ndarray | None = None) -> float:
    """Squared Fréchet distance between two normal distributions with the means and covariances of two sets.

    Parameters
    ----------
    true, painted : np.ndarray
        (N, D) and (M, D), features.
    counts : np.ndarray, optional
        (N,) with N = M: how often each row of both counts, as in a resample.

    Returns
    -------
    float
        At least 0; 0 for equal sets.

    References
    ----------
    Dowson and Landau 1982; Heusel et al. 2017. The trace of the root of the covariances' product is the sum of the
    singular values of one set's centred rows times the other's.
    """
    means, roots, total = [], [], 0.0
    for rows in (true, painted):
        weight = np.ones(len(rows)) if counts is None else counts
        mean = weight @ rows / weight.sum()
        kept = weight > 0
        root = (rows[kept] - mean) * np.sqrt(weight[kept] / (weight.sum() - 1))[:, None]
        means.append(mean)
        roots.append(root)
        total += np.square(root).sum()
    shared = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    return max(0.0, float(np.square(means[0] - means[1]).sum() + total - 2 * shared))


def compare(seen: dict[str, Seen], seed: int = 0, draws: int = 200, splits: int = 20) -> pd.DataFrame:
    """How like the true photos the painted ones look to EfficientNet-Lite0.

    A Fréchet distance is biased, more for few photos: it compares methods on the same photos only, and is left out for
    fewer than LEAST_FRECHET. `halves` takes it between one half of the true photos and the other half painted: there
    the truth itself has a distance, the floor.

    Parameters
    ----------
    seen : dict of str to Seen
        As `perceive` gives it.
    seed : int
        Of the resamples and the splits.
    draws : int
        Resamples for an interval.
    splits : int
        Random halvings.

    Returns
    -------
    pd.DataFrame
        A line for the truth and each method: method; frechet with its 95 % interval frechet_low to frechet_high;
        behind, how much larger that is than the nearest method's, with behind_low to behind_high (the nearest of those
        whose encoder did not see ImageNet, as EfficientNet-Lite0 did: one that did may be below 0); halves (mean over
        the splits); agreement, the share of photos for which the network's first answer is that for the true photo,
        with agreement_low to agreement_high; photos (their number).

    Notes
    -----
    An interval is 1.96 standard errors to each side, these from resamples of the photos, the same for all methods. It
    says how the distance moves between sets of so many photos, not where it would go with more: that the bias of a
    resample repeats the bias of the set is true with few features only. With more features than photos resamples
    spread farther than fresh sets do, and the interval is somewhat too wide.

    References
    ----------
    Zhang et al. 2016, section 3.1, asks a classifier too, there for the known class.
    """
    true, count = seen["truth"], len(seen["truth"].features)
    rng = np.random.default_rng(seed)  # the same resamples and splits for all
    resamples = rng.multinomial(count, np.full(count, 1 / count), draws)
    parts = [np.array_split(rng.permutation(count), 2) for _ in range(splits)]
    rows, drawn = [], {}
    for name, each in seen.items():
        same = each.answers.argmax(1) == true.answers.argmax(1)
        low, high = bootstrap_interval(same)
        row = {"method": name} | dict.fromkeys(DISTANCES, np.nan)
        rows.append(row | {"agreement": same.mean(), "agreement_low": low, "agreement_high": high, "photos": count})
        if count >= LEAST_FRECHET:
            rows[-1]["frechet"] = frechet(true.features, each.features)
            rows[-1]["halves"] = np.mean([frechet(true.features[a], each.features[b]) for a, b in parts])
            if name != "truth":
                drawn[name] = np.array([frechet(true.features, each.features, counts) for counts in resamples])
    painted = [row for row in rows if row["method"] in drawn]
    unaided = [row for row in painted if not saw_imagenet(row["method"])]
    nearest = min(unaided or painted, key=lambda row: row["frechet"], default=None)
    for row in painted:
        moved = drawn[row["method"]]
        row["frechet_low"], row["frechet_high"] = _interval(row["frechet"], moved).clip(0)
        row["behind"] = row["frechet"] - nearest["frechet"]
        if row is not nearest:
            row["behind_low"], row["behind_high"] = _interval(row["behind"], moved - drawn[nearest["method"]])
    return pd.DataFrame(rows)


def _interval(value: float, drawn: np.ndarray) -> np.ndarray:
    """(2,) low and high end around a value, from what it was in resamples."""
    return value + 1.96 * drawn.std(ddof=1) * np.array([-1, 1])
