"""Averaged weights of a network in training, without waiting for a GPU."""

from __future__ import annotations

import itertools

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


@torch.no_grad()
def average(averaged: AveragedModel, network, factor: float, step: int) -> None:
    """Draw the averaged weights to the current ones; early on more, or the first weights would stay in them.

    AveragedModel's own way would wait for a GPU at each step.

    Parameters
    ----------
    averaged : AveragedModel
        The averaged network, changed in place.
    network : nn.Module
        The network in training, of the same shape.
    factor : float
        The share of the averaged weights that is kept at each step, in [0, 1).
    step : int
        The step that was taken, counted from 0.
    """
    keep = min(factor, (1 + step) / (10 + step)) if averaged.n_averaged else 0.0
    pairs = list(zip(*(itertools.chain(net.parameters(), net.buffers()) for net in (averaged.module, network))))
    get_ema_multi_avg_fn(keep)(*zip(*[pair for pair in pairs if pair[0].is_floating_point()]), None)
    for mine, new in pairs:
        if not mine.is_floating_point():
            mine.copy_(new)
    averaged.n_averaged += 1
