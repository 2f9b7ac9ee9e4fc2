"""Batch normalization over several devices, on CPUs too.

torch's SyncBatchNorm needs CUDA. With it, training in several processes could be tested on a machine with several GPUs
alone; with this it is tested wherever there are two CPU processes.
"""

from __future__ import annotations

import torch
from torch import distributed, nn


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; so is its gradient."""

    @staticmethod
    def forward(ctx, x):
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, gradient):
        return _Sum.forward(ctx, gradient)


class SyncedBatchNorm(nn.BatchNorm2d):
    """Batch normalization with the statistics of the batches of all processes, which must be of equal size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalize a batch: in training with the statistics of all processes, else with the running ones.

        Parameters
        ----------
        x : torch.Tensor
            (N, C, H, W), this process's part of the batch.

        Returns
        -------
        torch.Tensor
            Of the same shape and dtype.
        """
        if not self.training:
            return super().forward(x)
        world, wide = distributed.get_world_size(), x.float()
        mean = _Sum.apply(wide.mean(dim=(0, 2, 3))) / world
        centred = wide - mean[:, None, None]  # the mean square less the squared mean could come out below zero
        variance = _Sum.apply(centred.square().mean(dim=(0, 2, 3))) / world
        with torch.no_grad():
            count = world * x.numel() / x.shape[1]
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            self.num_batches_tracked += 1
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype)


def _synced(norm: nn.BatchNorm2d) -> SyncedBatchNorm:
    """A new module with the parameters, statistics and settings of `norm`, as SyncBatchNorm's conversion makes one."""
    made = SyncedBatchNorm(norm.num_features, norm.eps, norm.momentum)
    made.weight, made.bias = norm.weight, norm.bias
    made.running_mean, made.running_var = norm.running_mean, norm.running_var
    made.num_batches_tracked = norm.num_batches_tracked
    return made.train(norm.training)


def synchronize(network: nn.Module, world: int) -> nn.Module:
    """Let the batch normalizations inside a network share their statistics.

    Those of torch: timm's hold an activation as well, and an encoder of its stays in evaluation mode.

    Parameters
    ----------
    network : nn.Module
        Changed in place.
    world : int
        The number of processes; for one nothing changes.

    Returns
    -------
    nn.Module
        The same network.
    """
    if world > 1:
        for parent in list(network.modules()):
            for name, child in list(parent.named_children()):
                if type(child) is nn.BatchNorm2d:
                    setattr(parent, name, _synced(child))
    return network
