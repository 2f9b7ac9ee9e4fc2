"""What the answers to the exercises of notebook 06 must hold to."""

from __future__ import annotations

from functools import partial

import numpy as np

from nbhelpers.course.exercises.answers import Unmet, call, itself, written
from nbhelpers.course.exercises.properties import holds, name_slip, same


def least_loss(theirs) -> None:
    """What the best discriminator pays, counted from colours seen."""
    from scipy.spatial.distance import jensenshannon
    from scipy.special import rel_entr

    rng = np.random.default_rng(0)
    inputs = [([3], [3]), ([1, 1], [2, 2]), ([3, 0], [0, 1]), ([1, 1, 0], [4, 0, 0])]
    inputs += [(rng.integers(0, 5, size) + np.eye(size, dtype=int)[0], rng.integers(1, 9, size)) for size in (3, 30)]
    for real, fake in inputs:
        real, fake = np.array(real), np.array(fake)
        wanted = round(2 * np.log(2) - 2 * jensenshannon(real, fake) ** 2, 12)  # which makes shares of them
        given, got = f"real = {written(real)}, fake = {written(fake)}", call(theirs, real, fake)
        slips = {
            "it counts with natural logarithms": wanted / np.log(2),
            "the losses of real ones and of fakes are added, not averaged": wanted / 2,
            "a loss is not below zero": -wanted,
        }
        counted = (rel_entr(real, real + fake) + rel_entr(fake, real + fake)).sum()
        if abs(counted + wanted) > 1e-4:
            slips["counts become shares first"] = -counted
        if wanted > 0.01:
            name_slip(got, slips, given)
        if (np.min([real, fake], axis=0) == 0).any():
            same("a colour that only one side has adds nothing", got, wanted, given)
        same("it is 2 ln 2 - 2 JS of the shares", got, wanted, given)


def _case(seed, number, photos, side):
    """(G, D, G's optimizer, D's, batches), tiny."""
    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        G = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Tanh())
        D = nn.Sequential(nn.Conv2d(3, 3, 1), nn.LeakyReLU(0.2), nn.Conv2d(3, 1, 1))
        drawn = [2 * torch.rand(photos, 3, side, side) - 1 for _ in range(number)]
    steps = (torch.optim.SGD(network.parameters(), lr=0.5) for network in (G, D))
    named = zip((G, D, *steps), ("G", "D", "G_optimizer", "D_optimizer"))
    return *(itself(each, name) for each, name in named), [(planes[:, :1], planes[:, 1:]) for planes in drawn]


def _old(*networks):
    """Leave gradients of earlier steps in them."""
    import torch

    for network in networks:
        for weights in network.parameters():
            weights.grad = torch.ones_like(weights)


def _weights(network):
    return [weights.detach().clone() for weights in network.parameters()]


def _apart(one, other):
    return max((a - b).abs().max().item() for a, b in zip(one, other))


def _checked(slips, ours, found, given):
    """What a move returns, where the weights that are found are those after ours; else a slip is named.

    ours takes a slip's options, and gives weights and what is returned.
    """
    weights, returned = ours()
    if _apart(found, weights) < 1e-5:
        return returned
    for words, slip in slips.items():
        if _apart(found, ours(**slip)[0]) < 1e-5:
            raise Unmet(words, given)
    raise Unmet("each weight goes where the loss sends it", given)


def _described(photos, side, old):
    """A case, for a message."""
    return f"{photos} photo{'s' * (photos > 1)} of {side} x {side}" + ", old gradients in G and D" * old


def generator_move(theirs) -> None:
    """The generator's move with L1 beside the discriminator's opinion."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as bce

    def ours(case, weight, old, opinion=True, near=True, label=1.0, cleared=True):
        G, D, optimizer, _, ((lightness, ab),) = case()
        fake = G(lightness)
        logit = D(torch.cat([lightness, fake if opinion else fake.detach()], dim=1))
        apart = ((fake if near else fake.detach()) - ab).abs().mean()
        loss = bce(logit, torch.full_like(logit, label)) + weight * apart
        if old and not cleared:
            _old(G)
        loss.backward()
        optimizer.step()
        return _weights(G), loss.item()

    slips = {
        "the discriminator's opinion reaches G": {"opinion": False},
        "L1 reaches G": {"near": False},
        "its fakes are to get label 1": {"label": 0.0},
        "gradients of earlier steps are thrown away": {"cleared": False},
    }
    for seed, (photos, side, weight, old) in enumerate([(1, 1, 0.0, False), (1, 1, 1.0, False), (3, 2, 2.0, True)]):
        case = partial(_case, seed, 1, photos, side)
        G, D, optimizer, _, ((lightness, ab),) = case()
        was = _weights(D)
        if old:
            _old(G, D)
        given = f"weight = {weight:g}, {_described(photos, side, old)}"
        got = call(theirs, G, D, optimizer, lightness, ab, weight)
        holds("only G moves", _apart(_weights(D), was) == 0, given)
        loss = _checked(slips, partial(ours, case, weight, old), _weights(G), given)
        same("it returns G's loss", got, loss, given, 1e-5)


def several_moves(theirs) -> None:
    """A step of the game with squared losses, in which the discriminator moves several times."""
    import torch

    def ours(
        case, old, early=False, label=1.0, swapped=0.0, clear_D=True, clear_G=True, first=False, half=1, deaf=False
    ):
        G, D, G_optimizer, D_optimizer, batches = case()
        if old:
            _old(*([] if clear_G else [G]), *([] if clear_D else [D]))
        for lightness, ab in batches:
            judging = [weights.clone() for weights in D.parameters()]
            real, fake = D(torch.cat([lightness, ab], dim=1)), D(torch.cat([lightness, G(lightness).detach()], dim=1))
            loss = (real - (1 - swapped)).square().mean() + (fake - swapped).square().mean()
            if clear_D:
                D_optimizer.zero_grad()
            loss = half * loss
            loss.backward()
            D_optimizer.step()
        found = _weights(D)
        if early:
            for weights, value in zip(D.parameters(), judging):
                weights.data = value.data
        lightness = batches[0 if first else -1][0]
        opinion = (D(torch.cat([lightness, G(lightness)], dim=1)) - label).square().mean()
        opinion.backward()
        if not deaf:
            G_optimizer.step()
        return found + _weights(G), (loss.item(), opinion.item())

    slips = {
        "gradients of D's earlier moves are thrown away": {"clear_D": False},
        "gradients that lie in G are thrown away": {"clear_G": False},
        "gradients that lie in both are thrown away": {"clear_D": False, "clear_G": False},
        "real ones are to get 1 in D's move, and fakes 0": {"swapped": 1.0},
        "G is judged by D after D's last move": {"early": True},
        "G's fakes are to get 1": {"label": 0.0},
        "G moves on the last batch": {"first": True},
        "D's loss is the sum of two means": {"half": 0.5},
        "in G's own move its fakes are not cut off": {"deaf": True},
    }
    cases = [(1, 1, 1, False), (2, 1, 1, False), (3, 2, 2, False), (1, 1, 1, True), (2, 3, 2, True)]
    for seed, (number, photos, side, old) in enumerate(cases):
        case = partial(_case, seed, number, photos, side)
        G, D, G_optimizer, D_optimizer, batches = case()
        if old:
            _old(G, D)
        given = f"{number} batch{'es' * (number > 1)} of {_described(photos, side, old)}"
        moves, leaks = [], []

        def note(name, *_, moves=moves, leaks=leaks, G=G):
            moves.append(name)
            grads = [weights.grad for weights in G.parameters() if weights.grad is not None]
            leaks.append(any(((grad != 0) & (grad != 1)).any() for grad in grads))  # 1 is what _old left

        for name, optimizer in {"D": D_optimizer, "G": G_optimizer}.items():
            optimizer.register_step_pre_hook(partial(note, name))
        try:
            got = call(theirs, G, D, G_optimizer, D_optimizer, batches)
        except Unmet as unmet:
            if "second time" in str(unmet):
                again = "G is judged by D after D's last move, so D is asked once more"
                raise Unmet("D's move does not go back into G" if any(leaks[:1]) else again, given) from None
            raise
        holds("D moves once for each batch, then G once", moves == ["D"] * number + ["G"], given, "".join(moves))
        holds("D's move sends no gradient into G", not any(leaks[:-1]), given)
        losses = _checked(slips, partial(ours, case, old), _weights(D) + _weights(G), given)
        same("it returns D's last loss and G's", got, losses, given, 1e-5)


def circle(theirs) -> None:
    """Where the smallest game goes, and the mean of its way."""
    fake, w, path = 1.0, 0.0, []
    for _ in range(3000):
        w -= 0.1 * fake / (1 + np.exp(-w * fake))
        fake += 0.1 * w / (1 + np.exp(-w * fake))
        path.append(fake)
    found = {"farthest": max(np.abs(path[-500:])), "mean": np.mean(path)}
    ideas = {
        "farthest": "when the fake is right w still sends it on, past 0: compare one round with the next",
        "mean": "compare how long it is on either side of 0",
    }
    for name, idea in ideas.items():
        try:
            off = float(theirs[name]) - found[name]
        except (TypeError, ValueError, KeyError, IndexError):
            raise Unmet('it is a dict with numbers for "farthest" and "mean"') from None
        if not abs(off) < 0.2:
            raise Unmet(f"{name} is {'smaller' if off > 0 else 'larger'} than you say: {idea}")
