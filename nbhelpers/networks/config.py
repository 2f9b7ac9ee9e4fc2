"""Training configurations: everything about a training that decides what comes out, as frozen dataclasses."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from nbhelpers.errors import UserError, instead_of

LOSSES = ("mse", "l1", "bins", "none")
LITE0 = "tf_efficientnet_lite0"  # the encoder whose weights are installed, under timm's name of it
SCHEDULES = ("constant", "warmup-cosine")
HINTS = ("none", "given", "spread")
UPSAMPLINGS = ("transposed", "resize")  # as in `models`, which loads torch
WEIGHTS = ("averaged", "last")
SMALLEST = {"none": 1, "binary": 16, "patch": 24}  # discriminators, and the smallest photos, in pixels, that they take


@dataclass(frozen=True)
class TrainConfig:
    """How a network learns; `dataclasses.replace(UNET, loss="l1")` changes one thing.

    Attributes
    ----------
    name : str
        The network's name, which its file has too.
    loss : str
        The pixel loss, which draws each pixel to the truth: "mse", "l1"; "bins", cross entropy over a palette (see the
        module `bins`); or "none" for an adversarial loss alone.
    weight : float
        The factor of the pixel loss beside the adversarial loss (lambda of Isola et al. 2017).
    discriminator : str
        "none" (a plain U-Net), "binary" (the paper's) or "patch".
    spectral : bool
        Spectral normalization in the discriminator.
    batch_norm : bool
        Batch normalization in the discriminator "patch"; "binary" has it always, as the paper's.
    pretrain : int
        Epochs that come first, unless the training starts from a given network: with the pixel loss alone, and with a
        pretrained encoder as it was.
    rate, discriminator_rate : float
        Adam's rates, of the generator and of the discriminator.
    betas : tuple of two float
        Adam's, in [0, 1), of both networks.
    decay : float
        AdamW's weight decay, of the generator.
    schedule : str
        "constant", or "warmup-cosine": the rates rise in a line over the first tenth of the steps, then fall along a
        cosine towards 0 (see `rate_factor`).
    ema : float
        Averages the generator's weights over the last steps with this factor, in [0, 1), without acting on the
        training; 0: no average.
    kept : str
        Which weights the finished network has: "averaged", or "last"; the same where ema is 0.
    batch : int
        Photos in a step, those of all devices together.
    epochs : int
        Passes over the photos, those of `pretrain` not counted.
    vivid : int
        Epochs, the first ones, that visit the more colourful half of the photos alone, each photo twice.
    size : int
        Side of the squares learned from, in pixels.
    stored : int
        Side of the photos that they are cut from, in pixels (crops are not resized, so that they are as sharp as photos
        opened at that size).
    jitter : float
        How much lightness and contrast vary: scaled lightness, in [-1, 1], is multiplied by a factor within 1 +- jitter
        and shifted by at most jitter.
    hints : str
        The channels that the network reads beside the lightness: "none"; "given", the known colours and where they are;
        "spread", propagated hints, which the network corrects (see `hint_inputs`). The files of finished networks hold
        these words.
    rounds : int
        How many sets of random hints are drawn for each photo; the epochs take them in turn.
    folds : int
        Of the hints "spread": so many parts of the photos, each guessed by a network that did not learn from it, but
        from the others, as the network to begin with did. 0: that network guesses for all, also for those that it
        learned from, where it errs less than elsewhere.
    width : int
        Channels of the U-Net's first level, the one with the most pixels.
    depth : int
        Levels of the U-Net below the first; a pretrained encoder has its own.
    encoder : str
        "none": the whole network learns from first weights; else timm's name of an encoder that learned from ImageNet.
    encoder_rate : float
        The rate of the weights of its last two stages over that of the others; 0: they too stay as they were.
    cached : int
        As long as the encoder stays as it was: how many squares are cut from each photo, for which its features are
        computed once; the epochs take them in turn. 0: other squares in each step, and their features anew. With hints
        as many as `rounds`, or 0.
    uniform : float
        Of the loss "bins": lambda in [0, 1], see `bins.class_weights`.
    temperature : float
        Of the loss "bins": what the finished network paints with, see `bins.annealed_mean`.
    upsampling : str
        Of the U-Net: "transposed" or "resize".
    discriminator_width : int
        Channels of the discriminator's first level.
    dropout : float
        The chance in [0, 1) that the paper's discriminator drops a channel.
    seed : int
        Decides the first weights, the batches, the hints and the dropout.

    Raises
    ------
    UserError
        For values that cannot be, alone or together.
    """

    name: str
    loss: str = "mse"
    weight: float = 1.0
    discriminator: str = "none"
    spectral: bool = False
    batch_norm: bool = False
    pretrain: int = 0
    rate: float = 2e-3
    discriminator_rate: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    decay: float = 0.01
    schedule: str = "warmup-cosine"
    ema: float = 0.0
    kept: str = "averaged"
    batch: int = 32
    epochs: int = 10
    vivid: int = 0
    size: int = 64
    stored: int = 72
    jitter: float = 0.1
    hints: str = "none"
    rounds: int = 4
    folds: int = 0
    width: int = 24
    depth: int = 4
    upsampling: str = "transposed"
    encoder: str = "none"
    encoder_rate: float = 0.0
    cached: int = 0
    uniform: float = 0.7
    temperature: float = 0.2
    discriminator_width: int = 32
    dropout: float = 0.25
    seed: int = 0

    def __post_init__(self):
        object.__setattr__(self, "betas", tuple(self.betas))
        for field, allowed in {
            "loss": LOSSES,
            "schedule": SCHEDULES,
            "hints": HINTS,
            "discriminator": tuple(SMALLEST),
            "upsampling": UPSAMPLINGS,
            "kept": WEIGHTS,
        }.items():
            if getattr(self, field) not in allowed:
                raise UserError(f"{field} must be one of {', '.join(allowed)}, got {getattr(self, field)!r}")
        for field, value in vars(self).items():
            numbers = value if isinstance(value, tuple) else (value,)
            if not all(isinstance(number, str) or math.isfinite(number) for number in numbers):
                raise UserError(f"{field} must be finite, got {value}")
        for field in ("batch", "epochs", "size", "rounds", "width", "depth", "discriminator_width"):
            if getattr(self, field) < 1:
                raise UserError(f"{field} must be at least 1, got {getattr(self, field)}")
        rates = ("rate", "discriminator_rate", "encoder_rate")
        for field in (*rates, "seed", "pretrain", "weight", "decay", "jitter", "cached", "vivid", "folds"):
            if getattr(self, field) < 0:
                raise UserError(f"{field} must not be negative, got {getattr(self, field)}")
        if not 0 <= self.dropout < 1:
            raise UserError(f"dropout must lie in [0, 1), got {self.dropout}")
        if not 0 <= self.ema < 1 or len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise UserError(f"ema and the two betas must lie in [0, 1), got {self.ema} and {self.betas}")
        if not 0 <= self.uniform <= 1 or self.temperature <= 0:
            raise UserError(
                f"uniform must lie in [0, 1] and temperature above 0, got {self.uniform} and {self.temperature}"
            )
        self._check_encoder()
        if self.pretrain and self.loss == "none":
            raise UserError(
                "pretrain needs a pixel loss, mse or l1: without one there is nothing to learn before the game"
            )
        if self.stored < self.size:
            raise UserError(f"stored ({self.stored}) must be at least size ({self.size}): crops are cut from it")
        if self.size < (least := max(2**self.depth, SMALLEST[self.discriminator])):
            raise UserError(f"size must be at least {least} pixels for depth {self.depth} and these networks")
        if self.hints != "none" and self.adversarial:
            raise UserError(f"hints {self.hints!r} go with a plain U-Net: a discriminator does not look at them")
        if self.batch_norm and self.discriminator != "patch":
            raise UserError("batch_norm is of the discriminator 'patch': the paper's, 'binary', has it always")
        if self.loss == "none" and not self.adversarial:
            raise UserError("loss 'none' needs a discriminator: nothing else would teach the network")

    def _check_encoder(self) -> None:
        """Raise UserError for what does not go with an encoder, or without one."""
        if self.encoder == "none" and (self.encoder_rate or self.cached):
            raise UserError("encoder_rate and cached need an encoder: --encoder " + LITE0)
        if self.hints != "none" and self.cached not in (0, self.rounds):
            raise UserError(
                f"cached must be 0, or as rounds {self.rounds}: features belong to the squares of the hints"
            )
        if self.folds == 1 or self.folds and self.hints != "spread":
            raise UserError(f"folds must be 0, or at least 2 with hints 'spread', got {self.folds}")
        if self.loss == "bins" and self.adversarial:
            raise UserError("loss 'bins' goes with no discriminator: the network answers with a distribution")
        if self.loss == "bins" and self.hints != "none":
            raise UserError(f"hints {self.hints!r} go with loss mse or l1: the network answers with a distribution")
        if self.loss == "bins" and self.encoder == "none" and self.depth < 2:
            raise UserError(f"loss 'bins' needs a depth of at least 2, got {self.depth}: it answers at a quarter size")

    @property
    def adversarial(self) -> bool:
        return self.discriminator != "none"

    def pretraining(self) -> TrainConfig:
        """The configuration of the `pretrain` epochs: a network like this generator, with its pixel loss alone."""
        same = ("loss", "batch", "size", "stored", "jitter", "width", "depth", "upsampling", "seed")
        first = "pretrained"
        if self.encoder != "none":
            same, first = (*same, "encoder", "cached", "decay", "uniform", "temperature"), "frozen"
        mine = {field: getattr(self, field) for field in same}
        return dataclasses.replace(UNET, name=f"{self.name}-{first}", epochs=self.pretrain, **mine)


UNET = TrainConfig("unet")
# Section 3.5 and 5.3 of the paper: binary cross entropy only, real 1, fake 0, the generator against label 1. Its
# averaged weights, which the paper does not have, are a second reading of the same training.
GAN_PAPER = TrainConfig(
    "gan-paper",
    loss="none",
    discriminator="binary",
    rate=2e-4,
    discriminator_rate=2e-4,
    betas=(0.5, 0.999),
    decay=0.0,
    schedule="constant",
    ema=0.999,
    kept="last",
    jitter=0.0,
)
# What is known to help a GAN with few photos: Isola et al. 2017 (L1, patches), Miyato et al. 2018 (spectral
# normalization), Heusel et al. 2017 (a faster discriminator), Yazici et al. 2019 (averaged weights). A smaller weight
# paints more colourfully and errs more: figures/reference/06_ablation.csv.
GAN_L1 = dataclasses.replace(
    GAN_PAPER,
    name="gan-l1",
    loss="l1",
    weight=300.0,
    discriminator="patch",
    spectral=True,
    pretrain=10,
    discriminator_rate=8e-4,
    schedule="warmup-cosine",
    kept="averaged",
    jitter=0.1,
)
# First a decoder on an encoder that stays, then both. Its second part has half the rate, and the encoder a third of it.
UNET_PRETRAINED = TrainConfig(
    "unet-pretrained",
    encoder=LITE0,
    encoder_rate=0.3,
    cached=2,
    pretrain=4,
    epochs=4,
    rate=1e-3,
    decay=0.1,
    size=128,
    stored=144,
    width=64,
)
# Begins best with a trained `unet-pretrained`, whose encoder it keeps. Zhang et al. 2016; their lambda of 0.5 and T of
# 0.38 paint too vividly here: figures/reference/05_bins_choice.csv.
BINS = dataclasses.replace(UNET_PRETRAINED, name="bins", loss="bins", encoder_rate=0.0, pretrain=0, epochs=6, rate=2e-3)
# Corrects best what a trained `unet-pretrained` guesses. Its own encoder is as it came from ImageNet: one that learned
# from these photos errs less on them than on others. L1: a higher PSNR than MSE at as large an error, in
# figures/reference/06_ablation.csv.
HINTED = dataclasses.replace(BINS, name="hinted", loss="l1", hints="spread", epochs=8, cached=4)
# For comparison: the same without propagation's help.
HINTED_ALONE = dataclasses.replace(HINTED, name="hinted-alone", hints="given")
CONFIGS = {config.name: config for config in (UNET, GAN_PAPER, GAN_L1, UNET_PRETRAINED, BINS, HINTED, HINTED_ALONE)}


def saw_imagenet(name: str) -> bool:
    """Had a part of this network learned from ImageNet before, as the others had not? Say so where they are compared.

    Parameters
    ----------
    name : str
        Of any method.

    Returns
    -------
    bool
        Whether its configuration names an encoder.
    """
    return name in CONFIGS and CONFIGS[name].encoder != "none"


# Sizes of work: a test of seconds, minutes on two cores, what the committed reference run did there, and the paper's
# own (for a CUDA machine).
PROFILES = {
    "smoke": {"size": 32, "stored": 36, "width": 4, "depth": 2, "epochs": 1, "batch": 4, "discriminator_width": 4},
    "demo": {},
    "reference": {"size": 64, "width": 24},
    "paper": {"size": 400, "stored": 400, "width": 64, "epochs": 100, "discriminator_width": 64, "cached": 0},
}
REFERENCE = {
    "unet": {"epochs": 24},
    "unet-pretrained": {"size": 128, "width": 64},
    "bins": {"size": 128, "width": 64},
    "gan-paper": {"width": 16, "epochs": 100},
    "gan-l1": {"width": 16, "pretrain": 24, "epochs": 5},
    "hinted": {"size": 128, "width": 64, "folds": 2},
    "hinted-alone": {"size": 128, "width": 64},
}


def train_config(name: str, profile: str = "demo", **changes) -> TrainConfig:
    """The training configuration of that name at a profile's size of work.

    Parameters
    ----------
    name : str
        One of CONFIGS.
    profile : str
        One of PROFILES.
    **changes : object
        Fields of TrainConfig with other values; None changes nothing. A new `size` changes `stored` too, unless that is
        given: to 9/8 of it below 400 pixels, else to the same.

    Returns
    -------
    TrainConfig
        The configuration.

    Raises
    ------
    UserError
        For an unknown name or profile, or values that cannot be.
    """
    for asked, known, what in ((name, CONFIGS, "training configuration"), (profile, PROFILES, "training profile")):
        if asked not in known:
            raise UserError(f"there is no {what} {asked!r}: {instead_of(asked, known)}")
    own = REFERENCE[name] if profile == "reference" else {}
    values = PROFILES[profile] | own | {key: value for key, value in changes.items() if value is not None}
    if "size" in values and changes.get("stored") is None:
        values["stored"] = values["size"] + values["size"] // 8 if values["size"] < 400 else values["size"]
    if CONFIGS[name].pretrain and profile == "smoke":
        values.setdefault("pretrain", 1)
    return dataclasses.replace(CONFIGS[name], **values)
