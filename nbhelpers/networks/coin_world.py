"""A world with a known answer: discs and squares that are red or blue by the toss of a coin.

Nothing in the lightness tells the colour, so the best answer to each loss can be worked out beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab, scale_lightness, unscale_ab

RED, BLUE = np.array([60.0, 40.0]), np.array([10.0, -50.0])  # a*, b*; sRGB can show both at these lightnesses
LIGHTNESS = (45.0, 58.0)


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


def toss(n: int, size: int = 32, odds: float = 0.5, seed: int = 0) -> CoinWorld:
    """Draw pictures, each a shape on grey that is red or blue.

    Place, size, kind and lightness of a shape are drawn independently of its colour.

    Parameters
    ----------
    n : int
        The number of pictures.
    size : int
        Side of a picture in pixels.
    odds : float
        The probability in [0, 1] that a shape is red; else it is blue.
    seed : int
        Decides all that is drawn.

    Returns
    -------
    CoinWorld
        `n` pictures of `size` x `size` pixels.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    labs, inside, red = np.zeros((n, size, size, 3), np.float32), np.zeros((n, size, size), bool), rng.random(n) < odds
    for i in range(n):
        radius = size * rng.uniform(0.18, 0.35)
        cy, cx = rng.uniform(radius, size - radius, 2)
        far = np.maximum(abs(y - cy), abs(x - cx)) if rng.random() < 0.5 else np.hypot(y - cy, x - cx)
        inside[i] = far < radius
        labs[i, ..., 0] = np.where(inside[i], rng.uniform(*LIGHTNESS), rng.uniform(15, 35))
        labs[i, inside[i], 1:] = RED if red[i] else BLUE
    return CoinWorld(lab_to_rgb(labs), inside, red)


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
        A network without hints, on the CPU; put into evaluation mode.
    world : CoinWorld
        N pictures.

    Returns
    -------
    np.ndarray
        float32, (N, S, S, 2), a* and b*.
    """
    import torch

    lightness = torch.from_numpy(rgb_to_lab(world.photos)[..., 0])[:, None]
    with torch.inference_mode():
        return unscale_ab(network.eval()(scale_lightness(lightness))).permute(0, 2, 3, 1).numpy()


def answers(network, world: CoinWorld) -> np.ndarray:
    """The mean colour that a network predicts inside each shape.

    Parameters
    ----------
    network : UNet
        A network without hints, on the CPU; put into evaluation mode.
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
