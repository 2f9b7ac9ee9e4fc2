"""What notebooks 05 and 06 measure of a network: its layers, what it sees, how well it paints."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import torch
from torch.optim.swa_utils import update_bn
from torch.utils.flop_counter import FlopCounterMode

from nbhelpers.colour.lab import rgb_to_lab, scale_lightness
from nbhelpers.evaluation import evaluate
from nbhelpers.hints import Hints
from nbhelpers.networks.inference import NetworkColorizer


def summary(network, size: int, channels: int = 1) -> pd.DataFrame:
    """The top layers of a network, in the order in which they work, and their costs for one photo.

    Parameters
    ----------
    network : nn.Module
        On the CPU; put into evaluation mode.
    size : int
        Side of the photo in pixels.
    channels : int
        Planes that the network reads.

    Returns
    -------
    pd.DataFrame
        layer, output ("channels x height x width"), parameters, GFLOP (of the forward pass, a multiplication and its
        addition being two operations). The last line is the whole network.
    """
    shapes, hooks = {}, []
    layers = {n: m for n, m in network.named_modules() if n.count(".") == (1 if n.split(".")[0] in _LISTS else 0) and n}
    layers = {n: m for n, m in layers.items() if n not in _LISTS}
    for name, layer in layers.items():
        hooks.append(layer.register_forward_hook(lambda _, __, out, name=name: shapes.update({name: tuple(out.shape)})))
    with torch.no_grad(), FlopCounterMode(depth=3, display=False) as counter:
        network.eval()(torch.zeros(1, channels, size, size))
    for hook in hooks:
        hook.remove()
    counts, kind = counter.get_flop_counts(), type(network).__name__
    rows = [(name, " x ".join(map(str, shape[1:])), _size(layers[name]), sum(counts[f"{kind}.{name}"].values()) / 1e9)
            for name, shape in shapes.items()]  # fmt: skip
    rows.append(("all", "", _size(network), counter.get_total_flops() / 1e9))
    return pd.DataFrame(rows, columns=["layer", "output", "parameters", "GFLOP"])


_LISTS = ("down", "up", "merge")  # of a U-Net: one entry for each level


def _size(network) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@torch.inference_mode()
def feature_maps(network, lightness: np.ndarray) -> dict[str, np.ndarray]:
    """What each level of a U-Net holds for a photo.

    Parameters
    ----------
    network : UNet
        A network without hints, on the CPU; put into evaluation mode.
    lightness : np.ndarray
        (H, W), L* in [0, 100].

    Returns
    -------
    dict of str to np.ndarray
        The level's name, such as "down.0" or "merge.0" -> (channels, h, w) float32, in the network's order.
    """
    found, hooks = {}, []
    for part in ("down", "merge"):
        for i, block in enumerate(getattr(network, part)):
            hooks.append(block.register_forward_hook(lambda _, __, out, n=f"{part}.{i}": found.update({n: out[0]})))
    network.eval()(scale_lightness(torch.from_numpy(lightness.astype(np.float32)))[None, None])
    for hook in hooks:
        hook.remove()
    return {name: maps.numpy() for name, maps in found.items()}


def distinct(maps: np.ndarray, count: int) -> np.ndarray:
    """Choose channels of a level that differ: the liveliest, then always the one least correlated with those chosen.

    Parameters
    ----------
    maps : np.ndarray
        (channels, h, w). Only the livelier half is chosen from, or as many as are wanted; dead channels, which are the
        same everywhere, never are.
    count : int
        How many; fewer come where fewer live.

    Returns
    -------
    np.ndarray
        int, their numbers. The first is that of the largest standard deviation.
    """
    flat = maps.reshape(len(maps), -1).astype(float)
    lively = flat.std(axis=1)
    alive = np.argsort(-lively, kind="stable")[: (lively > 1e-6).sum()]
    alive = alive[: max(count, -(-len(alive) // 2))]
    if not len(alive):
        return alive
    alike = np.atleast_2d(abs(np.corrcoef(flat[alive])))
    chosen = [0]
    while len(chosen) < min(count, len(alive)):
        nearest = alike[chosen].max(axis=0)
        nearest[chosen] = np.inf
        chosen.append(int(nearest.argmin()))
    return alive[chosen]


def likeness(maps: np.ndarray) -> float:
    """How much alike some channels are.

    Parameters
    ----------
    maps : np.ndarray
        (channels, h, w), none of them the same everywhere.

    Returns
    -------
    float
        The mean size of the correlation between two of them, in [0, 1]; NaN for a single one.
    """
    pairs = np.corrcoef(maps.reshape(len(maps), -1).astype(float)).reshape(len(maps), -1)
    return float(abs(pairs[np.triu_indices(len(maps), 1)]).mean()) if len(maps) > 1 else float("nan")


def score(colorizers, photos) -> pd.DataFrame:
    """Score colorizers on photos without hints.

    Parameters
    ----------
    colorizers : iterable of Colorizer
        Each needs a name of its own.
    photos : Photos or list of np.ndarray
        uint8 (H, W, 3).

    Returns
    -------
    pd.DataFrame
        One line for each colorizer, after one for "truth": method, ab_mse (mean squared error of a* and b*), of mean
        colour (the error over that of the colorizer named "mean" or "mean colour"; NaN without one), chroma,
        hue_spread, photos (their number).
    """
    found = evaluate.score(colorizers, photos, measures=("ab_mse", "chroma"))
    errors = found.table.groupby("method", sort=False)["ab_mse"].mean()
    mean = errors.get("mean colour", errors.get("mean", np.nan))
    count = found.table["photo"].nunique()
    rows = [(name, errors.get(name, np.nan), errors.get(name, np.nan) / mean, c.chroma, c.hue_spread, count)
            for (name, _), c in found.colours.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "ab_mse", "of mean colour", "chroma", "hue_spread", "photos"])


class Snapshots:
    """A `watch` for `train`: what the network predicts for some photos after each epoch.

    Parameters
    ----------
    photos : list of np.ndarray
        uint8 (S, S, 3).

    Attributes
    ----------
    labs : list of np.ndarray
        (S, S, 3), the photos in CIELAB.
    painted : list of list of np.ndarray
        For each epoch a list of a* and b* of the photos, (S, S, 2).
    errors : list of float
        For each epoch the mean squared error of a* and b*.
    epochs : list of int
        The number of each epoch, from 1; 0 for what was kept before any.
    """

    def __init__(self, photos):
        self.labs = [rgb_to_lab(photo) for photo in photos]
        self.painted, self.errors, self.epochs = [], [], []

    def __call__(self, trainer) -> None:
        self.keep(trainer.result, trainer.step // trainer.data.per_epoch)

    def keep(self, network, epoch: int) -> None:
        """Keep what a network predicts.

        Parameters
        ----------
        network : nn.Module
            Without hints; left as it was.
        epoch : int
            After how many epochs; 0 for one that has not begun.
        """
        self.painted.append(_painted(network, self.labs))
        self.errors.append(_error(self.painted[-1], self.labs))
        self.epochs.append(epoch)


class Diagnosis:
    """A `watch` for `train`: the error on photos learned from and on new ones after each epoch, in evaluation mode.

    Each is measured twice: with the running statistics of batch normalization as they are, and with the same weights
    and statistics that are counted anew over batches of training photos. Where only the first swings, it is not the
    weights that swing.

    Parameters
    ----------
    known, new : list of np.ndarray
        uint8 (S, S, 3), photos that the training learns from, and others.
    batches : list of torch.Tensor
        (N, 1, h, w), scaled lightness of training photos, over which the statistics are counted.

    Attributes
    ----------
    rows : list of dict
        epoch (from 1), photos ("learned from" or "new"), statistics ("running" or "counted anew"), ab_mse, and that "of
        mean colour", the error over that of the mean colour of the photos learned from.
    """

    def __init__(self, known, new, batches):
        self.labs = {"learned from": [rgb_to_lab(p) for p in known], "new": [rgb_to_lab(p) for p in new]}
        self.batches, self.rows = batches, []
        mean = np.mean([lab[..., 1:].mean(axis=(0, 1)) for lab in self.labs["learned from"]], axis=0)
        self.mean = {name: _error([mean] * len(labs), labs) for name, labs in self.labs.items()}

    def __call__(self, trainer) -> None:
        anew = copy.deepcopy(trainer.result)
        update_bn(self.batches, anew, next(anew.parameters()).device)
        for statistics, network in (("running", trainer.result), ("counted anew", anew)):
            for photos, labs in self.labs.items():
                error = _error(_painted(network, labs), labs)
                at = {"epoch": trainer.step // trainer.data.per_epoch, "photos": photos, "statistics": statistics}
                self.rows.append(at | {"ab_mse": error, "of mean colour": error / self.mean[photos]})


def _painted(network, labs) -> list[np.ndarray]:
    """a* and b* of photos at their own size, in evaluation mode; the network is left as it was."""
    was = network.training
    colorizer = NetworkColorizer("", network.eval(), 10**6)
    painted = [colorizer.colorize(lab[..., 0], Hints.none(lab.shape[:2])).ab for lab in labs]
    network.train(was)
    return painted


def _error(painted, labs) -> float:
    return float(np.mean([np.square(ab - lab[..., 1:]).mean() for ab, lab in zip(painted, labs)]))
