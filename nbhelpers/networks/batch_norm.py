"""Batch normalization over several devices, on CPUs too (torch's own needs CUDA)."""

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


def synchronize(network: nn.Module, world: int) -> nn.Module:
    """Let the batch normalizations of a network share their statistics; nothing changes for one process."""
    if world > 1:
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.__class__ = SyncedBatchNorm
    return network
