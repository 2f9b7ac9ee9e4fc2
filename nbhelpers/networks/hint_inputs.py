"""Hints for networks: the channels that tell a network of them, and the random hints that it learns from.

The one network of ours that merely got the known colours, `hinted-alone`, was behind plain propagation from five
patches on (notebook 08 says how it was trained). So a network without hints guesses, edge-aware propagation carries
what the hints say against the guess, and a second network corrects the sum: it reads the lightness, both, where colours
are known and how near that is, predicts colours of its own, and says how much it trusts them. At a hint they count for
nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt

from nbhelpers.colour.lab import rgb_to_lab, rgb_to_lab_tensor, scale_ab, scale_lightness, unscale_ab
from nbhelpers.errors import UserError
from nbhelpers.hints import Colorization, Hints, hide_pixels, keep_known, nearest_known, patches
from nbhelpers.networks import crops, processes
from nbhelpers.networks.bins import coarse
from nbhelpers.networks.models import UNet
from nbhelpers.networks.pretrained import guided
from nbhelpers.system import memory, one_thread

# Planes that a network reads, the lightness among them, and predicts, for each kind of `TrainConfig.hints`.
PLANES = {"none": (1, 2), "given": (4, 2), "spread": (7, 3)}
# How strongly places far from hints are drawn to the prior, at 64 pixels; chosen on training photos in notebook 08.
ANCHOR = 1e-4
# How many patches a photo may have, each as likely; a share below 1 is of single pixels.
LEVELS = (0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 0.1, 0.4)
LARGEST = 3  # side of a patch at 128 pixels, as 6 x 6 at 256
PART = 50  # photos that are worked on together


FAR = 5.0  # logarithm of the distance, in pixels, beyond which a hint counts as none: 147 pixels


def closeness(known: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """How near each pixel is to the nearest hint: 1 - log(1 + d) / FAR, d being the distance times `scale`.

    Parameters
    ----------
    known : np.ndarray
        (H, W) bool, True where the colour is given.
    scale : float
        What distances in pixels are multiplied with: 1 for the photo that a network reads, less for a larger one.

    Returns
    -------
    np.ndarray
        (H, W) float32 in [0, 1]: 1 at hints, 0 from 147 on and without any hint.
    """
    if not known.any():
        return np.zeros(known.shape, np.float32)
    return np.maximum(0, 1 - np.log1p(scale * distance_transform_edt(~known)) / FAR).astype(np.float32)


def openness(near):
    """How much a network may change where hints are that near: d / (1 + d), d being the distance in `closeness`.

    Parameters
    ----------
    near : np.ndarray or torch.Tensor
        Of any shape, in [0, 1], as `closeness` gives it.

    Returns
    -------
    np.ndarray or torch.Tensor
        Of the same kind and shape, in [0, 1): 0 at a hint.
    """
    return 1 - (np if isinstance(near, np.ndarray) else torch).exp(FAR * (near - 1))


def stack(kind: str, spread, known, near, guess):
    """The hint channels of a network, which it reads beside the lightness.

    Parameters
    ----------
    kind : str
        "given" or "spread", see `TrainConfig.hints`.
    spread : torch.Tensor
        (N, 2, H, W), a* and b*, as propagation spreads them, or for "given" as the hints are.
    known : torch.Tensor
        (N, 1, H, W), 1 at hints and 0 elsewhere.
    near : torch.Tensor or None
        (N, 1, H, W) in [0, 1], the `closeness` of hints; not used for "given".
    guess : torch.Tensor or None
        (N, 2, H, W), a* and b* of the prior, which has not seen the hints; not used for "given".

    Returns
    -------
    torch.Tensor
        (N, 3, H, W) for "given", else (N, 6, H, W); colours scaled.
    """
    if kind == "given":
        return torch.cat([scale_ab(spread) * known, known], dim=1)
    return torch.cat([scale_ab(spread), known, near, scale_ab(guess)], dim=1)


def predict(network, lightness: torch.Tensor, hint_channels: torch.Tensor | None, features=None) -> torch.Tensor:
    """The chroma that a network predicts; with propagated hints, mixed with their colours.

    Parameters
    ----------
    network : nn.Module
        A network, or what runs it.
    lightness : torch.Tensor
        (N, 1, H, W), scaled.
    hint_channels : torch.Tensor or None
        (N, 3 or 6, H, W), as `stack` gives them; None for a network without hints.
    features : list of torch.Tensor, optional
        What its encoder sees, where that is known, see `PretrainedUNet.features`.

    Returns
    -------
    torch.Tensor
        (N, 2, H, W), scaled.
    """
    given = lightness if hint_channels is None else torch.cat([lightness, hint_channels], dim=1)
    predicted = network(given) if features is None else network(given, features)
    if predicted.shape[1] == 2:
        return predicted
    return hint_channels[:, :2] + openness(hint_channels[:, 3:4]) * correction(predicted, hint_channels[:, :2])


def correction(predicted: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    """What a network adds to the spread colours away from hints.

    Parameters
    ----------
    predicted : torch.Tensor
        (N, 3, H, W): colours of its own, scaled, and a third plane t in (-1, 1), how much it trusts them: they get the
        share (1 + t) / 2.
    spread : torch.Tensor
        (N, 2, H, W), the spread colours, scaled.

    Returns
    -------
    torch.Tensor
        (N, 2, H, W), scaled.
    """
    return (1 + predicted[:, 2:]) / 2 * (predicted[:, :2] - spread)


def widened(network: UNet, channels: int, outputs: int) -> UNet:
    """The same network with more planes; weights of new ones are 0, so that a*, b* stay as before.

    Parameters
    ----------
    network : UNet
        The network, which stays as it is.
    channels, outputs : int
        Planes of the new input and output, at least as many as before.

    Returns
    -------
    UNet
        A new network; `network` itself when it has just these planes.
    """
    if (channels, outputs) == (network.channels, network.outputs):
        return network
    made = UNet(network.width, network.depth, network.upsampling, channels, outputs)
    weights = network.state_dict()
    for name, mine in made.state_dict().items():
        if mine.shape != weights[name].shape:
            larger = torch.zeros_like(mine)
            larger[tuple(slice(side) for side in weights[name].shape)] = weights[name]
            weights[name] = larger
    made.load_state_dict(weights)
    return made


@dataclass(frozen=True, eq=False)
class Samples:
    """Hints drawn for N training photos, `rounds` times for each: row i * rounds + r of M is photo i in round r.

    Attributes
    ----------
    kind : str
        "given" or "spread", see `TrainConfig.hints`.
    rounds : int
        How many sets of hints a photo has.
    corners : torch.Tensor
        (M, 2) int64, top and left of the square cut out, in pixels.
    spread : torch.Tensor
        (M, 2, size, size) float16, a* and b* as propagation spreads them.
    known : torch.Tensor
        (M, 1, size, size) bool, True at hints.
    near : torch.Tensor
        (M, 1, size, size) float16, their `closeness`.
    level : torch.Tensor
        (M,) int64, indices of LEVELS.
    error : torch.Tensor
        (levels,) float32, mean squared error of the spread colours, scaled.
    guess : torch.Tensor
        (N, 2, S, S) float16, a* and b* of the prior for whole photos.
    """

    kind: str
    rounds: int
    corners: torch.Tensor
    spread: torch.Tensor
    known: torch.Tensor
    near: torch.Tensor
    level: torch.Tensor
    error: torch.Tensor
    guess: torch.Tensor

    def at(self, rgb: torch.Tensor, which: torch.Tensor, round_: int, mirrored: torch.Tensor):
        """The squares cut from photos, their hint channels and weights.

        The smaller the error of propagation at a photo's number of hints, the more its error weighs: by the root of
        that, so that many hints, where little is left to gain, neither vanish beside few nor rule.

        Parameters
        ----------
        rgb : torch.Tensor
            (n, 3, S, S) uint8, the photos, on the device of the training.
        which : torch.Tensor
            (n,) int64, their numbers, on the CPU.
        round_ : int
            Which set of hints, in [0, rounds).
        mirrored : torch.Tensor
            (n,) bool, which to mirror left to right.

        Returns
        -------
        squares : torch.Tensor
            (n, 3, size, size) uint8.
        hint_channels : torch.Tensor
            (n, 3 or 6, size, size) float32, see `stack`.
        weight : torch.Tensor
            (n, 1, 1, 1) float32.
        """
        rows, size = which * self.rounds + round_, self.spread.shape[-1]
        squares, guess = (crops.cut(whole, self.corners[rows], size) for whole in (rgb, self.guess[which]))
        told = (self.spread[rows].float(), self.known[rows].float(), self.near[rows].float(), guess.float())
        hint_channels = stack(self.kind, *told).to(rgb.device)
        weight = (self.error.mean() / self.error).sqrt()[self.level[rows]].to(rgb.device)
        squares, hint_channels = (crops.mirrored(planes, mirrored) for planes in (squares, hint_channels))
        return squares, hint_channels, weight[:, None, None, None]


def mean_colour(photos: torch.Tensor, most: int = 1000) -> tuple[float, float]:
    """The mean colour of training photos.

    Parameters
    ----------
    photos : torch.Tensor
        (N, 3, S, S) uint8, on the CPU.
    most : int
        Only so many photos count, the first.

    Returns
    -------
    tuple of two float
        a* and b*.
    """
    rgb = photos[:most].permute(0, 2, 3, 1).numpy()
    return tuple(np.mean([rgb_to_lab(one)[..., 1:].mean(axis=(0, 1)) for one in rgb], axis=0).tolist())


@torch.inference_mode()
def guesses(photos: torch.Tensor, networks, first: int = 0) -> torch.Tensor:
    """The prior of photos: what networks without hints predict, or else their mean colour.

    Parameters
    ----------
    photos : torch.Tensor
        (N, 3, S, S) uint8, on the CPU.
    networks : sequence of nn.Module
        Without hints, on the CPU; put into evaluation mode. Of k networks the (i mod k)-th guesses for photo i.
    first : int
        The number of the first photo.

    Returns
    -------
    torch.Tensor
        (N, 2, S, S) float16, a* and b*.
    """
    if not networks:
        colour = torch.tensor(mean_colour(photos), dtype=torch.float16)
        return colour[:, None, None].expand(len(photos), 2, *photos.shape[2:])
    found = torch.empty(len(photos), 2, *photos.shape[2:], dtype=torch.float16)
    for k, network in enumerate(networks):
        mine = torch.arange((k - first) % len(networks), len(photos), len(networks))
        for rows in mine.split(PART):
            seen = rgb_to_lab_tensor(photos[rows])[:, :1]
            ab = unscale_ab(network.eval()(scale_lightness(seen)))
            found[rows] = (guided(ab, seen, seen) if coarse(network) else ab).half()
    return found


def draw(photos: torch.Tensor, config, networks=()) -> Samples:
    """Draw the hints of a training.

    The photos are spread over the processors, and over the processes of the training, which must all call this.

    Parameters
    ----------
    photos : torch.Tensor
        (N, 3, S, S) uint8, on the CPU.
    config : TrainConfig
        The training configuration: it says the kind of hints, `size`, `rounds` and `seed`.
    networks : sequence of nn.Module
        Without hints, which predict the prior, see `guesses`; none of them: the mean colour of the photos.

    Returns
    -------
    Samples
        The hints.

    Raises
    ------
    UserError
        When the samples need more memory than this machine has.
    """
    # Twice, since parts are joined; several processes also hold what they exchange.
    copies = 2 if processes.place()[1] == 1 else 3
    needed = copies * len(photos) * (7 * config.rounds * config.size**2 + 4 * photos.shape[-1] ** 2)
    if needed > memory():
        what = f"{len(photos)} photos of {config.size} pixels need {needed / 2**30:.1f} GiB of memory"
        there = f"this machine has {memory() / 2**30:.1f}"
        raise UserError(f"the hints of {what}, {there}: try a smaller --size, or fewer photos")
    import joblib  # not at the top: bare machines, without it, can train networks without hints

    mine = processes.share([slice(i, min(i + PART, len(photos))) for i in range(0, len(photos), PART)])
    if not networks:
        guess = guesses(photos, ())
        priors = [guess[part] for part in mine]
    else:
        priors = [guesses(photos[part], networks, part.start) for part in mine]
        guess = torch.cat(processes.gathered(priors))
    rgb, jobs = photos.permute(0, 2, 3, 1).numpy(), -1 if len(photos) * config.rounds > 500 else 1
    tasks = (
        joblib.delayed(_of_photos)(rgb[part], prior.permute(0, 2, 3, 1).numpy(), part.start, config)
        for part, prior in zip(mine, priors)
    )
    parts = processes.gathered(joblib.Parallel(n_jobs=jobs)(tasks))
    corners, spread, known, near, level, error = (np.concatenate(column) for column in zip(*parts))
    errors = np.array([error[level == k].mean() if (level == k).any() else np.nan for k in range(len(LEVELS))])
    errors = np.where(np.isfinite(errors), errors, error.mean()).clip(1e-6)
    arrays = (torch.from_numpy(array) for array in (corners, spread, known, near, level))
    return Samples(config.hints, config.rounds, *arrays, torch.from_numpy(errors).float(), guess)


def _of_photos(rgb, priors, first: int, config) -> tuple:
    """The samples of some photos, as arrays."""
    found = []
    with one_thread():
        for i, (photo, prior) in enumerate(zip(rgb, priors), first):
            lab = np.dstack([rgb_to_lab(photo), prior])
            for round_ in range(config.rounds):
                found.append(_sample(lab, np.random.default_rng([config.seed, i, round_]), config.size))
    return tuple(np.stack(column) for column in zip(*found))


def _sample(lab, random, size: int):
    """One set of hints of a photo (S, S, 5): L*, a*, b*, and a*, b* of the prior."""
    top, left = random.integers(0, lab.shape[0] - size + 1, 2)
    cut = lab[top : top + size, left : left + size]
    level = int(random.integers(len(LEVELS)))
    hints = draw_hints(cut[..., 1:3], LEVELS[level], random)
    spread = spread_colours(cut[..., 0], hints, cut[..., 3:], tol=1e-3).ab
    error = np.square(scale_ab(spread - cut[..., 1:3])).mean()
    near = closeness(hints.known)[None].astype(np.float16)
    return np.array([top, left]), spread.transpose(2, 0, 1).astype(np.float16), hints.known[None], near, level, error


def draw_hints(ab: np.ndarray, level: float, random) -> Hints:
    """Draw random hints for a photo: patches of 1 to 3 pixels at 128, or a share of single pixels.

    Parameters
    ----------
    ab : np.ndarray
        (H, W, 2), its true a* and b*.
    level : float
        One of LEVELS: a number of patches, or a share of pixels in (0, 1) to be known.
    random : np.random.Generator
        What decides places and sizes.

    Returns
    -------
    Hints
        The hints.
    """
    seed = int(random.integers(2**31))
    if 0 < level < 1:
        return hide_pixels(ab, 1 - level, seed)
    largest = max(1, round(LARGEST * min(ab.shape[:2]) / 128))
    return patches(ab, level, int(random.integers(1, largest + 1)), seed)


def spread_colours(lightness, hints: Hints, prior, tol: float = 1e-6, anchor: float = ANCHOR) -> Colorization:
    """What the hints say that the prior did not, spread by edge-aware propagation and added to it.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W) float32, CIELAB L* in [0, 100].
    hints : Hints
        The known colours of the same photo.
    prior : array_like
        a* and b*, (2,) or (H, W, 2): the colours where there is no hint, which fade in far from all of them.
    tol : float
        Relative residual of the system; the answer says whether it was reached.
    anchor : float
        How strongly places far from hints are drawn to the prior, at 64 pixels along the shorter side; on larger photos
        so much less that what a hint says reaches as far.

    Returns
    -------
    Colorization
        Colours of the same height and width; the known ones are kept.
    """
    from nbhelpers.linear.colorizers import Propagation  # not at the top: bare machines lack what it needs

    prior = np.broadcast_to(np.asarray(prior, np.float32), hints.ab.shape)
    if not hints.known.any():
        return Colorization(prior.copy())
    news = Hints(np.where(hints.known[..., None], hints.ab - prior, 0), hints.known)
    if min(hints.known.shape) < 2:  # systems need 2 x 2 pixels
        return Colorization(keep_known(prior + nearest_known(news), hints))
    strength = anchor * (64 / min(hints.known.shape)) ** 2
    spread = Propagation("hinted", "edge-aware", anchor=strength, tol=tol).colorize(lightness, news)
    return replace(spread, ab=keep_known(prior + spread.ab, hints))


@dataclass(frozen=True, eq=False)
class Spread:
    """What `hinted` corrects, as a Colorizer: a guess without hints, and what the hints say against it, spread.

    Attributes
    ----------
    name : str
        The colorizer's name.
    prior : Colorizer
        The one that guesses.
    anchor : float
        See `spread_colours`.
    origin : str
        Where its model came from, see `registry.load`.
    """

    name: str
    prior: object
    anchor: float = ANCHOR
    origin: str = ""

    def colorize(self, lightness, hints):
        guess = self.prior.colorize(lightness, Hints.none(lightness.shape)).ab
        return spread_colours(lightness, hints, guess, anchor=self.anchor)
