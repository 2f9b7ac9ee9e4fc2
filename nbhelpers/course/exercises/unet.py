"""What the answers to the exercises of notebook 05 must hold to."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from nbhelpers.course.exercises.answers import Unmet, call, itself, written
from nbhelpers.course.exercises.properties import explain, holds, name_slip, number, numbers, same
from nbhelpers.course.exercises.traces import gradients, left_to_learn


def running_statistics(theirs) -> None:
    """What batch normalization remembers of a row of batches, as PyTorch's layer does."""
    import torch

    def ours(batches):
        norm = torch.nn.BatchNorm1d(1).double()
        for batch in batches:
            norm(torch.from_numpy(batch)[:, None])
        return norm.running_mean.item(), norm.running_var.item()

    rng = np.random.default_rng(0)
    inputs = [[np.array([0.0, 0, 4, 4])], [np.array([2.5, 4]), np.array([1.0, 2, 9.5])]]
    inputs += [[rng.normal(5, 3, 4) for _ in range(count)] for count in (3, 30)]
    for batches in inputs:
        given, wanted, got = f"batches = {written(batches)}", ours(batches), call(theirs, batches)
        two = isinstance(got, (tuple, list)) or getattr(got, "ndim", 0) > 0
        holds("it gives two numbers, mean and variance", two and len(got) == 2, given, got)
        found = [numbers("it gives two numbers, mean and variance", one, given) for one in got]
        mean, variance = (one.item() if one.size == 1 else one for one in found)
        same("the running mean is that of PyTorch's layer", mean, wanted[0], given, 1e-5)
        plain = 0.9 ** len(batches) + sum(0.1 * 0.9**i * np.var(x) for i, x in enumerate(reversed(batches)))
        what = "a batch is a sample, and its variance estimated from it (see `eval()` in the notebook)"
        name_slip(variance, {what: plain}, given, wanted=wanted[1])
        same("the running variance is that of PyTorch's layer", variance, wanted[1], given, 1e-5)


def _filled_up(network, x, own_first=True, bounded=True, mode="replicate", before=0.0, cut=True, step=None, more=False):
    """A picture of any size, painted; with a slip, as each argument but the first two is one."""
    import torch
    from torch.nn.functional import max_pool2d, pad

    height, width = x.shape[-2:]
    step = step or 2 ** len(network.up)
    down, right = (step - side % step if more else -side % step for side in (height, width))
    above, left = int(before * down), int(before * right)
    if down >= height or right >= width:
        mode = mode.replace("reflect", "replicate")  # too small for a mirror image
    x, levels = pad(x, (left, right - left, above, down - above), mode=mode), []
    for level, block in enumerate(network.down):
        x = block(max_pool2d(x, 2) if level else x)
        levels.append(x)
    for up, merge, beside in zip(network.up, network.merge, levels[-2::-1]):
        x = merge(torch.cat([beside, up(x)] if own_first else [up(x), beside], dim=1))
    above, left = (above, left) if cut else (0, 0)
    x = network.head(x)[..., above : above + height, left : left + width]
    return torch.tanh(x) if bounded else x


def _painted(theirs, network, x, given, divides):
    """What an answer paints; where it stops, a sentence that helps comes first."""
    try:
        return call(theirs, network, x)
    except Unmet as unmet:
        said, lead = str(unmet), None
        if "not callable" in said:
            lead = "`network` itself is no function: its blocks are called one by one, as in `forward` of `MyUNet`"
        elif "must match" in said and not divides:
            lead = "after filling up, the height and the width must each be a multiple of 2**depth"
        raise (Unmet(f"{lead}. {said[:1].upper()}{said[1:]}") if lead else unmet) from None


@gradients()
def any_size(theirs) -> None:
    """The U-Net for pictures of any size, from its blocks, as the package's."""
    import torch

    from nbhelpers.networks.models import UNet

    slips = {
        "beside each other lie first the level's own channels, then those from below": {"own_first": False},
        "tanh bounds what the head says": {"bounded": False},
        "it is filled up by repeating the border, not with zeros": {"mode": "constant"},
        "it is filled up by repeating the last row and column, not by a mirror image": {"mode": "reflect"},
        "it is filled up below and on the right only": {"before": 1.0},
        "it is filled up below and on the right only, not all around": {"before": 0.5},
        "it is cut back where it was filled up": {"before": 1.0, "cut": False},
        "it is cut back where it was filled up, on all sides": {"before": 0.5, "cut": False},
        "a side becomes a multiple of 2**depth, which is 16 for a depth of 4 alone": {"step": 16},
        "a side that is a multiple of 2**depth stays as it is": {"more": True},
    }
    fits = [(1, 1, 2, 2), (1, 1, 4, 2), (2, 2, 8, 4), (3, 1, 8, 8)]
    odd = [(1, 1, 3, 2), (1, 1, 3, 5), (1, 1, 1, 1), (2, 2, 4, 6), (2, 1, 5, 7), (3, 1, 9, 12)]
    with torch.random.fork_rng(devices=[]):
        for depth, count, *sides in fits + odd:
            torch.manual_seed(depth)
            whole = UNet(width=2, depth=depth).eval()
            blocks = {name: getattr(whole, name) for name in ("down", "up", "merge", "head")}
            network = itself(SimpleNamespace(**blocks), f"a U-Net of depth {depth}")
            x = 2 * torch.rand(count, 1, *sides) - 1
            given = f"network = {network.__name__}, x of shape {tuple(x.shape)}"
            divides = sides == [side + -side % 2**depth for side in sides]
            what = "where sides can be halved it is the U-Net" if divides else "other sides are filled up and cut back"
            with torch.no_grad():
                got, wanted = _painted(theirs, network, x, given, divides), whole(x)
                what = what if np.shape(got) == wanted.shape else "what comes out is as large as what goes in"
                try:
                    same(what, got, wanted, given, 1e-5)
                except Unmet:
                    made = {words: _filled_up(network, x, **slip) for words, slip in slips.items()}
                    name_slip(got, made, given, wanted=wanted)
                    raise


@gradients()
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
                for weights in network.parameters():
                    weights.grad = torch.ones_like(weights)
                network.train(training)
                dice = torch.get_rng_state()
                given = f"{count} photo{'s' * (count > 1)} in batches of {batch}, {network.__name__}"
                with left_to_learn(given, network):
                    got = call(theirs, network, lightness, ab, batch)
                what = "afterwards chance goes on as if nobody had looked (a seed, or a DataLoader, throws the dice)"
                holds(what, torch.equal(torch.get_rng_state(), dice), given)
                grads = [weights.grad for weights in network.parameters()]
                untouched = all(grad is not None and (grad == 1).all() for grad in grads)
                holds("the gradients that lay in its weights still lie there (`.grad`)", untouched, given)
                uneven = torch.stack([part.mean() for part in errors.split(batch)]).mean()
                what = "all photos count alike, those of a smaller last batch too"
                name_slip(got, {what: uneven}, given, wanted=errors.mean())
                alone = "each photo is painted as if it came alone, by running statistics"
                same(alone, got, errors.mean(), given, 1e-5)
                kept = all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
                holds("to look changes no weights and no running statistics", kept, given)


def learned_colour(theirs) -> None:
    """Which number five pictures teach by squared and by absolute error."""
    a, t = np.array([-20, 0, 10, 60, 60]), np.arange(-50, 100)
    ideas = {
        "squared": "each picture pulls, and the harder the farther away it is: where is there a balance",
        "absolute": "each picture pulls equally hard, however far away it is: where is there a balance",
    }
    for name, power in {"squared": 2, "absolute": 1}.items():
        holds('it is a dict with "squared" and "absolute"', isinstance(theirs, dict) and name in theirs, got=theirs)
        found = t[(np.abs(t[:, None] - a) ** power).mean(axis=1).argmin()]
        off = number(f'"{name}" is a number', theirs[name]) - found
        way = "lower" if off > 0 else "higher"
        explain(abs(off) <= 0.5, f"{name} error goes {way} than you say: {ideas[name]}?")
