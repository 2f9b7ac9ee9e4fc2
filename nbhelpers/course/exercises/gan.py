"""What the answers to the exercises of notebook 06 must hold to."""

from __future__ import annotations

import copy
from functools import partial
from itertools import combinations

import numpy as np

from nbhelpers.course.exercises.answers import Unmet, call, itself, lacks, written
from nbhelpers.course.exercises.properties import explain, holds, name_slip, number, same
from nbhelpers.course.exercises.traces import gradients, left_to_learn


def least_loss(theirs) -> None:
    """What the best discriminator pays, counted from colours seen."""
    from scipy.spatial.distance import jensenshannon
    from scipy.special import rel_entr

    rng = np.random.default_rng(0)
    inputs = [([8, 1, 1], [1, 1, 1]), ([3], [3]), ([1, 1], [2, 2]), ([3, 0], [0, 1]), ([1, 1, 0], [4, 0, 0])]
    inputs += [([1, 99], [500, 1]), ([1, 9999], [5000, 1])]  # rare on one side, where a D cut off above pays less
    inputs += [(rng.integers(0, 5, size) + np.eye(size, dtype=int)[0], rng.integers(1, 9, size)) for size in (3, 30)]
    for real, fake in inputs:
        real, fake = np.array(real), np.array(fake)
        wanted = round(2 * np.log(2) - 2 * jensenshannon(real, fake) ** 2, 12)  # which makes shares of them
        given, got = f"real = {written(real)}, fake = {written(fake)}", call(theirs, real, fake)
        slips = {
            "it counts with natural logarithms": wanted / np.log(2),
            "the losses of real ones and of fakes are added, not averaged": wanted / 2,
            "a loss is not below zero": -wanted,
            "each colour counts by its share: the sum of what is paid, and not its mean over colours": wanted
            / real.size,
        }
        sums = np.array([rel_entr(counts, real + fake).sum() for counts in (real, fake)])  # D from counts
        each = sums / (real.sum(), fake.sum())
        slips["counts become shares first"] = -sums.sum()
        slips["D weighs all real ones together as much as all fakes: it is made from shares, too"] = -each.sum()
        shares = real / real.sum(), fake / fake.sum()
        for side, share in zip(("fakes", "real ones"), shares):
            slips[f"D pays for {side}, too"] = -rel_entr(share, sum(shares)).sum()
        name_slip(got, slips, given, wanted=wanted)
        if isinstance(got, float) and 1e-6 < abs(got - wanted) < (0.1 if fake.max() > 99 else 1e-3):
            raise lacks("it is exact, with no small number added or cut off within the logarithm", given, got, wanted)
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


def _weights(*networks):
    """All their weights, in a row."""
    import torch

    return torch.cat([weights.detach().flatten() for network in networks for weights in network.parameters()])


def _checked(slips, ours, found, given):
    """What a move returns, where the weights that are found are those after ours; else a slip is named.

    slips are pairs of words and options of ours, which gives weights and what is returned.
    """
    weights, returned = ours()
    if not np.allclose(found, weights, rtol=0, atol=1e-5):
        for words, slip in slips:
            name_slip(found, {words: ours(**slip)[0]}, given)
        raise lacks("each weight goes where the loss sends it", given)
    return returned


def _described(photos, side, old):
    """A case, for a message."""
    return f"{photos} photo{'s' * (photos > 1)} of {side} x {side}" + ", old gradients in G and D" * old


_L1 = "L1 is a mean of absolute differences"
_MOVE_SLIPS = (
    ("the discriminator's opinion reaches G", {"opinion": False}),
    ("L1 reaches G", {"near": False}),
    ("its fakes are to get label 1", {"label": 0.0}),
    ("gradients of earlier steps are thrown away", {"cleared": False}),
    ("`weight` is the factor of L1", {"factor": 1.0}),
    ("`weight` is the factor of L1", {"factor": 100.0}),
    (_L1, {"size": lambda apart: apart.square().mean()}),
    (_L1, {"size": lambda apart: apart.abs().sum()}),
    (_L1, {"size": lambda apart: apart.square().sum()}),
    ("D sees lightness first, then ab", {"swap": True}),
)


@gradients()
def generator_move(theirs) -> None:
    """The generator's move with L1 beside the discriminator's opinion."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as bce

    def mean(apart):
        return apart.abs().mean()

    def ours(case, weight, old, opinion=True, near=True, label=1.0, cleared=True, factor=None, size=mean, swap=False):
        G, D, optimizer, _, ((lightness, ab),) = case()
        fake = G(lightness)
        seen = [lightness, fake if opinion else fake.detach()]
        logit = D(torch.cat(seen[::-1] if swap else seen, dim=1))
        apart = size((fake if near else fake.detach()) - ab)
        loss = bce(logit, torch.full_like(logit, label)) + (weight if factor is None else factor) * apart
        if old and not cleared:
            _old(G)
        loss.backward()
        optimizer.step()
        return _weights(G), loss.item()

    for seed, (photos, side, weight, old) in enumerate([(1, 1, 0.0, False), (1, 1, 1.0, False), (3, 2, 2.0, True)]):
        case = partial(_case, seed, 1, photos, side)
        G, D, optimizer, _, ((lightness, ab),) = case()
        was = _weights(D)
        if old:
            _old(G, D)
        given, moves = f"weight = {weight:g}, {_described(photos, side, old)}", []
        optimizer.register_step_pre_hook(lambda *_, moves=moves: moves.append("G"))
        with left_to_learn(given, G, D):
            got = call(theirs, G, D, optimizer, lightness, ab, weight)
        holds("only G moves", torch.equal(_weights(D), was), given)
        holds("G moves once", len(moves) < 2, given, "".join(moves))
        loss = _checked(_MOVE_SLIPS, partial(ours, case, weight, old), _weights(G), given)
        same("it returns G's loss", got, loss, given, 1e-5)


def _step(
    case, old, cleared="DG", cut=True, own=True, early=False, first=False, labels=(1, 0, 1), half=1, how=(), swap=()
):
    """The weights after a step of the game with squared losses, and D's last loss and G's; each option is a slip."""
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits as bce

    def loss(judge, lightness, ab, label, part):
        says = judge(torch.cat([ab, lightness] if part in swap else [lightness, ab], dim=1))
        if part in how and "bce" in how:
            return bce(says, torch.full_like(says, label))
        return ((says.sigmoid() if part in how else says) - label).square().mean()

    G, D, G_optimizer, D_optimizer, batches = case()
    if old:
        _old(G, D)
    for lightness, ab in batches:
        judge, fake = copy.deepcopy(D) if early else D, G(lightness)
        pays = loss(D, lightness, ab, labels[0], "real")
        pays = pays + loss(D, lightness, fake.detach() if cut else fake, labels[1], "fake")
        if "D" in cleared:
            D_optimizer.zero_grad()
        (half * pays).backward()
        D_optimizer.step()
    lightness = batches[0 if first else -1][0]
    opinion = loss(judge, lightness, G(lightness) if own else G(lightness).detach(), labels[2], "own")
    if "G" in cleared:
        G_optimizer.zero_grad()
    opinion.backward()
    G_optimizer.step()
    return _weights(D, G), (half * pays.item(), opinion.item())


_SLIPS = [
    ("gradients of D's earlier moves are thrown away", {"cleared": "G"}),
    ("gradients that lie in G are thrown away", {"cleared": "D"}),
    ("no gradient of D's moves stays in G", {"cleared": "D", "cut": False}),
    ("real ones are to get 1 in D's move, and fakes 0", {"labels": (0, 1, 1)}),
    ("G is judged by D after D's last move", {"early": True}),
    ("G's fakes are to get 1", {"labels": (1, 0, 0)}),
    ("G moves on the last batch", {"first": True}),
    ("D's loss is the sum of two means", {"half": 0.5}),
    ("in G's own move its fakes are not cut off", {"own": False}),
]
_SQUARES = "D pays (d - 1)² for a real photo and d² for a fake, G (d - 1)²: no sigmoid, no BCE"
_PARTS = [parts for count in (3, 2, 1) for parts in combinations(("real", "fake", "own"), count)]
_SLIPS += [(_SQUARES, {"how": (kind, *parts)}) for kind in ("bce", "sigmoid") for parts in _PARTS]
_SLIPS += [("D sees lightness first, then ab", {"swap": parts}) for parts in _PARTS]


@gradients()
def several_moves(theirs) -> None:
    """A step of the game with squared losses, in which the discriminator moves several times."""
    cases = [(1, 1, 1, False), (2, 1, 1, False), (3, 2, 2, False), (1, 1, 1, True), (2, 3, 2, True)]
    for seed, (count, photos, side, old) in enumerate(cases):
        case = partial(_case, seed, count, photos, side)
        G, D, G_optimizer, D_optimizer, batches = case()
        if old:
            _old(G, D)
        given = f"{count} batch{'es' * (count > 1)} of {_described(photos, side, old)}"
        moves, reached = [], []

        def note(name, *_, moves=moves, reached=reached, G=G):
            moves.append(name)
            grads = [weights.grad for weights in G.parameters() if weights.grad is not None]
            reached.append(any(((grad != 0) & (grad != 1)).any() for grad in grads))  # 1 is what _old left

        for name, optimizer in {"D": D_optimizer, "G": G_optimizer}.items():
            optimizer.register_step_pre_hook(partial(note, name))
        try:
            with left_to_learn(given, G, D):
                got = call(theirs, G, D, G_optimizer, D_optimizer, batches)
        except Unmet as unmet:
            if "second time" in str(unmet):
                again = "G is judged by D after D's last move, so D is asked once more"
                raise lacks("D's move does not go back into G" if any(reached[:1]) else again, given) from None
            raise
        holds("D moves once for each batch, then G once", moves == ["D"] * count + ["G"], given, "".join(moves))
        losses = _checked(_SLIPS, partial(_step, case, old), _weights(D, G), given)
        same("it returns D's last loss and G's", got, losses, given, 1e-5)


def circle(theirs) -> None:
    """Where the smallest game goes, and the mean of its way."""
    fake, w, path = 1.0, 0.0, []
    for _ in range(3000):
        w -= 0.1 * fake / (1 + np.exp(-w * fake))
        fake += 0.1 * w / (1 + np.exp(-w * fake))
        path.append(fake)
    found = {"farthest": max(np.abs(path[-500:])), "mean": np.mean(path)}
    sides = "compare how long it is on either side of 0"
    ideas = {  # where it is larger than they say, and where it is smaller
        "farthest": (
            "when the fake is right w still sends it on, past 0: compare one round with the next",
            "G answers the w that has just moved, so nothing adds up, and each turn comes back to where it began",
        ),
        "mean": (sides, sides),
    }
    good = isinstance(theirs, dict) and set(found) <= set(theirs)
    holds('it is a dict with numbers for "farthest" and "mean"', good, got=theirs)
    for name, (larger, smaller) in ideas.items():
        off = number(f'"{name}" is a number', theirs[name]) - found[name]
        explain(off > -0.2, f"{name} is larger than you say: {larger}")
        explain(off < 0.2, f"{name} is smaller than you say: {smaller}")
