"""What the answers to the exercises of notebook 05 must hold to."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nbhelpers.course.exercises.answers import Unmet, call, itself, written
from nbhelpers.course.exercises.properties import holds, name_slip, same


def running_statistics(theirs) -> None:
    """What batch normalization remembers of a row of batches, as PyTorch's layer does."""
    import torch

    def ours(batches):
        norm = torch.nn.BatchNorm1d(1).double()
        for batch in batches:
            norm(torch.from_numpy(batch)[:, None])
        return norm.running_mean.item(), norm.running_var.item()

    rng = np.random.default_rng(0)
    inputs = [[np.array([0.0, 0, 4, 4])], [np.array([2.0, 4]), np.array([1.0, 2, 9])]]
    inputs += [[rng.normal(5, 3, 4) for _ in range(count)] for count in (3, 30)]
    for batches in inputs:
        given, got, wanted = f"batches = {written(batches)}", call(theirs, batches), ours(batches)
        listed = isinstance(got, (tuple, list)) or getattr(got, "ndim", 0) == 1
        holds("it gives two numbers, mean and variance", listed and len(got) == 2, given, got)
        words = "the mean begins at 0 and takes in 0.1 of each batch's", "the variance begins at 1 and takes in 0.1 of"
        for what, mine, right in zip((words[0], f"{words[1]} each batch's, divided by n - 1"), got, wanted):
            same(what, mine.reshape(()) if getattr(mine, "shape", ()) == (1,) else mine, right, given, 1e-5)


def any_size(theirs) -> None:
    """The U-Net for pictures of any size, from its blocks, as the package's."""
    import torch
    from torch.nn.functional import max_pool2d, pad

    from nbhelpers.networks.models import UNet

    def ours(network, x, own_first=True, bounded=True, mode="replicate", before=False, step=None, more=False):
        height, width = x.shape[-2:]
        step = step or 2 ** len(network.up)
        down, right = (step - side % step if more else -side % step for side in (height, width))
        x, levels = pad(x, (right, 0, down, 0) if before else (0, right, 0, down), mode=mode), []
        for level, block in enumerate(network.down):
            x = block(max_pool2d(x, 2) if level else x)
            levels.append(x)
        for up, merge, beside in zip(network.up, network.merge, levels[-2::-1]):
            x = merge(torch.cat([beside, up(x)] if own_first else [up(x), beside], dim=1))
        x = network.head(x)
        x = x[..., down:, right:] if before else x[..., :height, :width]
        return torch.tanh(x) if bounded else x

    slips = {
        "beside each other lie first the level's own channels, then those from below": {"own_first": False},
        "tanh bounds what the head says": {"bounded": False},
        "it is filled up by repeating the border, not with zeros": {"mode": "constant"},
        "it is filled up at the right and below": {"before": True},
        "a side becomes a multiple of 2**depth, which is 16 for a depth of 4 alone": {"step": 16},
        "a side that is a multiple of 2**depth stays as it is": {"more": True},
    }
    fits = [(1, 1, 2, 2), (1, 1, 4, 2), (2, 2, 8, 4), (3, 1, 8, 8)]
    odd = [(1, 1, 1, 1), (1, 1, 3, 2), (2, 2, 4, 6), (2, 1, 5, 7), (3, 1, 9, 12)]
    with torch.random.fork_rng(devices=[]):
        for depth, count, *sides in fits + odd:
            torch.manual_seed(depth)
            whole = UNet(width=2, depth=depth).eval()
            blocks = {name: getattr(whole, name) for name in ("down", "up", "merge", "head")}
            network = itself(SimpleNamespace(**blocks), f"a U-Net of depth {depth}")
            x = 2 * torch.rand(count, 1, *sides) - 1
            with torch.no_grad():
                got, wanted = call(theirs, network, x), whole(x)
                given = f"network = {network.__name__}, x of shape {tuple(x.shape)}"
                _shape("what comes out is as large as what goes in", got, wanted, given)
                if not torch.allclose(torch.as_tensor(got).float(), wanted, atol=1e-5):
                    name_slip(got, {words: ours(network, x, **slip) for words, slip in slips.items()}, given)
            divides = sides == [side + -side % 2**depth for side in sides]
            what = "where sides can be halved it is the U-Net" if divides else "other sides are filled up and cut back"
            same(what, got, wanted, given, 1e-5)


def _shape(what, got, wanted, given):
    mine = tuple(getattr(got, "shape", ()))
    if mine != tuple(wanted.shape):
        raise Unmet(f"{what} (its shape is {mine}, and should be {tuple(wanted.shape)})", given)


def error_in_batches(theirs) -> None:
    """The error of photos that were not learned from; the network is left as it was."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        for count, batch in [(1, 1), (2, 1), (2, 2), (3, 2), (5, 4)]:
            for training in (True, False):
                torch.manual_seed(count)
                network = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 2, 1))
                itself(network, f"a network in {'train' if training else 'eval'}()")
                network[1].running_mean.normal_()
                network[1].running_var.uniform_(0.5, 2)
                lightness, ab = 2 * torch.rand(count, 1, 4, 4) - 1, torch.rand(count, 2, 4, 4)
                with torch.no_grad():
                    errors = (network.eval()(lightness) - ab).square().mean(dim=(1, 2, 3))
                before = {name: value.clone() for name, value in network.state_dict().items()}
                learns = [weights.requires_grad for weights in network.parameters()]
                network.train(training)
                given = f"{count} photo{'s' * (count > 1)} in batches of {batch}, {network.__name__}"
                got = call(theirs, network, lightness, ab, batch)
                uneven = torch.stack([part.mean() for part in errors.split(batch)]).mean()
                if abs(uneven - errors.mean()) > 1e-4:
                    name_slip(got, {"all photos count alike, those of a smaller last batch too": uneven}, given)
                alone = "each photo is painted as if it came alone, by running statistics"
                same(alone, got, errors.mean(), given, 1e-5)
                kept = all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
                holds("to look changes no weights and no running statistics", kept, given)
                modes = {layer.training for layer in network.modules()}
                holds("afterwards it is in the mode in which it came", modes == {training}, given)
                still = [weights.requires_grad for weights in network.parameters()]
                holds("afterwards its weights can learn as before", still == learns, given)


def learned_colour(theirs) -> None:
    """Which number five pictures teach by squared and by absolute error."""
    a, t = np.array([-20, 0, 10, 60, 60]), np.arange(-50, 100)
    for name, power in {"squared": 2, "absolute": 1}.items():
        found = t[(np.abs(t[:, None] - a) ** power).mean(axis=1).argmin()]
        try:
            off = float(theirs[name]) - found
        except (TypeError, ValueError, KeyError, IndexError):
            raise Unmet('it is a dict with numbers for "squared" and "absolute"') from None
        if not abs(off) <= 0.5:
            idea = {
                "squared": "each picture pulls as hard as it is far away, so the pulls cancel at the mean",
                "absolute": "each picture pulls equally hard, however far away it is: count those above and below",
            }
            raise Unmet(f"{name} error goes {'lower' if off > 0 else 'higher'} than you say: {idea[name]}")
