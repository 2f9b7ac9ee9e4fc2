"""A world with a known answer: discs and squares that are red or blue by the toss of a coin.

Nothing in the lightness tells the colour: each shape comes several times, the same but for its colour, in a red and a
blue whose bytes have the same L* to less than a ten-thousandth. So the best answer to each loss can be worked out
beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np
import pandas as pd

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab, scale_lightness, unscale_ab
from nbhelpers.errors import UserError
from nbhelpers.networks.config import GAN_L1, GAN_PAPER, TrainConfig

RED, BLUE = np.array([60.0, 40.0]), np.array([10.0, -50.0])  # a*, b*; sRGB can show both at these lightnesses
LIGHTNESS = (45.0, 58.0)
LEVELS, SAME = 14, 1e-4  # lightnesses that a shape may have; how far those of red and blue may lie apart


@dataclass(frozen=True, eq=False)
class CoinWorld:
    """Pictures of discs and squares, and what is known of them.

    Attributes
    ----------
    photos : np.ndarray
        uint8 sRGB, (N, S, S, 3).
    inside : np.ndarray
        bool, (N, S, S), True at the pixels of the shape.
    red : np.ndarray
        bool, (N,), how the coin fell: True for a red shape, False for a blue one.
    """

    photos: np.ndarray
    inside: np.ndarray
    red: np.ndarray


@cache
def _twins() -> np.ndarray:
    """For each level a red and a blue, uint8 (LEVELS, 2, 3): the nearest to both colours with the same L*.

    The bytes nearest to the two colours themselves differ in L* by up to 0.3, which a network might learn.
    """
    steps = np.stack(np.meshgrid(*3 * [np.arange(-4, 5)]), axis=-1).reshape(-1, 1, 3)
    pairs = []
    for level in np.linspace(*LIGHTNESS, LEVELS):
        exact = np.float32([[[level, *RED], [level, *BLUE]]])
        near = (lab_to_rgb(exact)[0] + steps).clip(0, 255).astype(np.uint8)  # (729, 2, 3)
        labs = rgb_to_lab(near)
        off = np.linalg.norm(labs - exact, axis=-1)
        alike = abs(labs[:, None, 0, 0] - labs[None, :, 1, 0]) < SAME
        both = np.where(alike, off[:, None, 0] + off[None, :, 1], np.inf)
        red, blue = np.unravel_index(both.argmin(), both.shape)
        pairs.append((near[red, 0], near[blue, 1]))
    return np.array(pairs)


def toss(n: int, size: int = 32, odds: float = 0.5, seed: int = 0) -> CoinWorld:
    """Draw pictures, each a shape on grey that is red or blue, in exactly the given odds.

    Of even odds each shape comes twice, once red and once blue; of 7 in 10 it comes ten times, seven times red. So
    the odds are exact for the pixels, too, and knowing all pictures by heart does not help to tell the colour.

    Parameters
    ----------
    n : int
        The number of pictures, a multiple of how often each shape comes.
    size : int
        Side of a picture in pixels.
    odds : float
        The share in [0, 1] of red shapes, in tenths or such that few copies make it; the others are blue.
    seed : int
        Decides all that is drawn, and the order.

    Returns
    -------
    CoinWorld
        `n` pictures of `size` x `size` pixels.

    Raises
    ------
    UserError
        When `n` pictures cannot have these odds.
    """
    share = Fraction(odds).limit_denominator(100)
    reds, copies = share.numerator, share.denominator
    if n % copies:
        near = max(copies, round(n / copies) * copies)
        raise UserError(f"{n} pictures cannot be red in exactly {reds} of {copies} cases: take {near}")
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    photos, inside = np.zeros((n, size, size, 3), np.uint8), np.zeros((n, size, size), bool)
    red = np.arange(n) % copies < reds
    for i in range(0, n, copies):
        radius = size * rng.uniform(0.18, 0.35)
        cy, cx = rng.uniform(radius, size - radius, 2)
        far = np.maximum(abs(y - cy), abs(x - cx)) if rng.random() < 0.5 else np.hypot(y - cy, x - cx)
        inside[i : i + copies] = far < radius
        twins = _twins()[rng.integers(LEVELS)]
        photos[i : i + copies] = lab_to_rgb(np.float32([[[rng.uniform(15, 35), 0, 0]]]))
        for k in range(i, i + copies):
            photos[k, far < radius] = twins[0 if red[k] else 1]
    order = rng.permutation(n)
    return CoinWorld(photos[order], inside[order], red[order])


def games(epochs: int, size: int = 24) -> dict[str, TrainConfig]:
    """Four ways to learn this world that must or may choose a colour, small enough to be played many times.

    Parameters
    ----------
    epochs : int
        Passes over the pictures.
    size : int
        Side of the pictures in pixels.

    Returns
    -------
    dict of str to TrainConfig
        "gan-paper" (at five times the paper's rates, as so small a world has few steps), "gan-paper, the paper's rates"
        (2e-4), "gan-l1" (L1 at a weight of 1, no head start), and its control "L1 alone", without the discriminator.
    """
    tiny = {"size": size, "stored": size, "width": 8, "depth": 3, "jitter": 0.0, "batch": 16, "discriminator_width": 8}
    fast = {"rate": 1e-3, "discriminator_rate": 1e-3}
    paper = replace(GAN_PAPER, epochs=epochs, **tiny)
    both = replace(GAN_L1, epochs=epochs, weight=1.0, pretrain=0, **tiny | fast)
    alone = replace(both, discriminator="none", discriminator_rate=0.0, spectral=False)
    named = {"gan-paper": replace(paper, **fast), "gan-paper, the paper's rates": paper, "gan-l1": both}
    return named | {"L1 alone": alone}


def best_answer(loss: str, odds: float) -> np.ndarray:
    """The colour with the least expected loss for a shape: the mean, or the median.

    At even odds every colour between the two is a median; the middle is returned.

    Parameters
    ----------
    loss : str
        "mse" for the mean, "l1" for the median.
    odds : float
        The probability in [0, 1] that a shape is red.

    Returns
    -------
    np.ndarray
        float, (2,), a* and b*.
    """
    if loss == "l1" and odds != 0.5:
        return RED if odds > 0.5 else BLUE
    return odds * RED + (1 - odds) * BLUE


def predict(network, world: CoinWorld) -> np.ndarray:
    """What a network predicts for each picture.

    Parameters
    ----------
    network : UNet
        A network without hints, on the CPU; it answers in evaluation mode.
    world : CoinWorld
        N pictures.

    Returns
    -------
    np.ndarray
        float32, (N, S, S, 2), a* and b*.
    """
    import torch

    lightness, training = torch.from_numpy(rgb_to_lab(world.photos)[..., 0])[:, None], network.training
    with torch.inference_mode():
        painted = unscale_ab(network.eval()(scale_lightness(lightness))).permute(0, 2, 3, 1).numpy()
    network.train(training)  # it may be asked while it learns
    return painted


def answers(network, world: CoinWorld) -> np.ndarray:
    """The mean colour that a network predicts inside each shape.

    Parameters
    ----------
    network : UNet
        A network without hints, on the CPU; it answers in evaluation mode.
    world : CoinWorld
        N pictures.

    Returns
    -------
    np.ndarray
        float32, (N, 2), a* and b*.
    """
    return np.stack([plane[mask].mean(axis=0) for plane, mask in zip(predict(network, world), world.inside)])


def decided(colours: np.ndarray) -> np.ndarray:
    """Which answers chose: nearer to red or to blue than a quarter of the distance between the two.

    Parameters
    ----------
    colours : np.ndarray
        (N, 2), a* and b*, as `answers` gives them.

    Returns
    -------
    np.ndarray
        bool, (N,).
    """
    nearest = np.minimum(np.linalg.norm(colours - RED, axis=1), np.linalg.norm(colours - BLUE, axis=1))
    return nearest < np.linalg.norm(RED - BLUE) / 4


def verdicts(named: dict[str, np.ndarray]) -> pd.DataFrame:
    """Summarize sets of answers: their mean colour, and how many are red, blue, or neither.

    Parameters
    ----------
    named : dict of str to np.ndarray
        Name -> (N, 2), a* and b*, as `answers` gives them.

    Returns
    -------
    pd.DataFrame
        One line for each set: "learned with" (the name), "a*" and "b*" of the mean colour, and the shares "red", "blue"
        and "neither" in [0, 1].
    """
    rows = []
    for name, colours in named.items():
        chose = decided(colours)
        red = chose & (np.linalg.norm(colours - RED, axis=1) < np.linalg.norm(colours - BLUE, axis=1))
        a, b = colours.mean(axis=0)
        rows.append((name, a, b, red.mean(), (chose & ~red).mean(), (~chose).mean()))
    return pd.DataFrame(rows, columns=["learned with", "a*", "b*", "red", "blue", "neither"])
