"""What an answer leaves behind in PyTorch: weights that no longer learn, another mode, gradients switched off."""

from __future__ import annotations

from contextlib import contextmanager

from nbhelpers.course.exercises.properties import holds


@contextmanager
def gradients():
    """PyTorch keeps gradients within; afterwards it is as before, whatever an answer has switched off."""
    import torch

    was = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    try:
        yield
    finally:
        torch.set_grad_enabled(was)


@contextmanager
def left_to_learn(given: str, *networks):
    """After what is done within, networks can learn as before, and are in the mode in which they came.

    Parameters
    ----------
    given : str
        The input, for the message.
    *networks : torch.nn.Module
        What an answer is called with.

    Yields
    ------
    None
        To call the answer within, where `gradients` are kept.

    Raises
    ------
    Unmet
        When a weight no longer learns, a layer is in another mode, or gradients are switched off.
    """
    import torch

    def learns():
        return [weights.requires_grad for network in networks for weights in network.parameters()]

    def modes():
        return [layer.training for network in networks for layer in network.modules()]

    before = learns(), modes()
    yield
    holds("afterwards all weights can learn as before (`requires_grad`)", learns() == before[0], given)
    holds("afterwards each network is in the mode in which it came, `train` or `eval`", modes() == before[1], given)
    holds("afterwards gradients are kept as before (`torch.is_grad_enabled()`)", torch.is_grad_enabled(), given)
