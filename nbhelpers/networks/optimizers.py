"""Optimizers: which weights learn at which rate, and what an optimizer remembers, as tensors."""

from __future__ import annotations

import torch
from torch import nn

from nbhelpers.networks.encoder import later_parameters


def groups(network: nn.Module, encoder_rate: float) -> list[dict]:
    """Sort the parameters that learn; those that do not are told so.

    Parameters
    ----------
    network : nn.Module
        Any network; with an attribute `encoder` it is a pretrained one.
    encoder_rate : float
        The rate of the encoder's last two stages over that of the other weights; its first stages never learn. 0: none
        of it learns.

    Returns
    -------
    list of dict
        Groups of parameters for an optimizer, the encoder's with its "factor".
    """
    encoder = getattr(network, "encoder", None)
    if encoder is None:
        return [{"params": list(network.parameters())}]
    encoder.requires_grad_(False)
    found = [{"params": [each for each in network.parameters() if each.requires_grad]}]
    if encoder_rate:
        found.append({"params": later_parameters(encoder), "factor": encoder_rate})
        for parameter in found[1]["params"]:
            parameter.requires_grad_(True)
    return found


def set_rate(optimizer, rate: float) -> None:
    """Set the learning rate of each group, times its factor.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        Or what Fabric made of it. Where a rate is a tensor its value is changed in place: a recorded step reads it
        where it lay when it was recorded.
    rate : float
        The rate of the groups without a factor.
    """
    for group in optimizer.param_groups:
        mine = rate * group.get("factor", 1.0)
        if torch.is_tensor(group["lr"]):
            group["lr"].fill_(mine)
        else:
            group["lr"] = mine


def state(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    """An optimizer's moments and counters.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        The optimizer itself, not as Fabric wraps it.

    Returns
    -------
    dict of str to torch.Tensor
        "<number of the parameter>.<name>" -> tensor; no copies.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return {
        f"{i}.{name}": value
        for i, parameter in enumerate(parameters)
        for name, value in optimizer.state.get(parameter, {}).items()
    }


def restore(optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor]) -> None:
    """Put back what `state` took.

    Each moment gets the memory layout of its parameter: the fused Adam walks both as they lie in memory, and would
    silently apply moments of another layout to other weights.

    Parameters
    ----------
    optimizer : torch.optim.Optimizer
        An optimizer of the same parameters; what it held is dropped.
    tensors : dict of str to torch.Tensor
        "<number of the parameter>.<name>" -> tensor, on any device.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    optimizer.state.clear()
    for key, value in tensors.items():
        number, _, name = key.partition(".")
        parameter = parameters[int(number)]
        same = value.shape == parameter.shape and name != "step"
        place = torch.empty_like(parameter, dtype=value.dtype) if same else torch.empty_like(value).to(parameter.device)
        optimizer.state[parameter][name] = place.copy_(value)
