"""The networks: the U-Net that predicts chroma, and two discriminators. Plain torch.nn.

All of them work on scaled CIELAB (`lab.scale_lightness`, `lab.scale_ab`), channels first: lightness (N, 1, H, W) is
L*/50 - 1, chroma (N, 2, H, W) is (a*, b*)/110.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

UPSAMPLINGS = ("transposed", "resize")
DEEPEST = 8  # levels of a U-Net below the first: 400 pixels are halved to 1
DISCRIMINATORS = ("binary", "patch")


def convolutions(channels: int, out: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each followed by batch normalization and ReLU; the size stays.

    Parameters
    ----------
    channels : int
        Planes that go in.
    out : int
        Planes that come out.

    Returns
    -------
    nn.Sequential
        (N, channels, H, W) -> (N, out, H, W).
    """
    layers = []
    for before in (channels, out):
        # Batch normalization has a bias of its own.
        layers += [nn.Conv2d(before, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def _up(channels: int, upsampling: str) -> nn.Module:
    """Double the size and halve the channels."""
    if upsampling == "transposed":
        return nn.ConvTranspose2d(channels, channels // 2, 2, stride=2)
    # Each output pixel gets the same number of contributions: no checkerboard (Odena et al. 2016).
    return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, channels // 2, 3, padding=1))


class UNet(nn.Module):
    """Lightness in, chroma out: the U-Net, with batch normalization and same padding.

    Any height and width will do: the input is padded to a multiple of 2**depth by repeating its border, and the output
    cut back.

    Parameters
    ----------
    width : int
        Channels of the first level, doubled at each level below; 64 is the paper's.
    depth : int
        Levels below the first, at most 8; 4 is the paper's (with width 64: 31.0 million parameters).
    upsampling : str
        "transposed" convolutions as in 2015, or "resize" and convolve.
    channels : int
        Planes of the input: 1 is the lightness alone; `hint_inputs` adds what hints tell.
    outputs : int
        Planes of the output: 2 are a* and b*; a third says how much they are to be trusted beside the hints.

    Raises
    ------
    ValueError
        For numbers below 1, a depth above 8, and another upsampling.

    References
    ----------
    Ronneberger et al. 2015.
    """

    def __init__(
        self, width: int = 64, depth: int = 4, upsampling: str = "transposed", channels: int = 1, outputs: int = 2
    ):
        super().__init__()
        for name, value in {"width": width, "depth": depth, "channels": channels, "outputs": outputs}.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if depth > DEEPEST:
            raise ValueError(f"depth must be at most {DEEPEST}, got {depth}")
        if upsampling not in UPSAMPLINGS:
            raise ValueError(f"upsampling must be one of {', '.join(UPSAMPLINGS)}, got {upsampling!r}")
        self.width, self.depth, self.upsampling = width, depth, upsampling
        self.channels, self.outputs = channels, outputs
        sizes = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(convolutions(before, after) for before, after in zip([channels, *sizes[:-1]], sizes))
        self.up = nn.ModuleList(_up(size, upsampling) for size in sizes[:0:-1])
        self.merge = nn.ModuleList(convolutions(size, size // 2) for size in sizes[:0:-1])
        self.head = nn.Conv2d(width, outputs, 1)

    @property
    def arguments(self) -> dict:
        """What it is made of."""
        names = ("width", "depth", "upsampling", "channels", "outputs")
        return {name: getattr(self, name) for name in names}

    def planes(self, given: torch.Tensor) -> torch.Tensor:
        """Predict without bounds, at the size that the input is padded to.

        Parameters
        ----------
        given : torch.Tensor
            (N, channels, H, W), scaled; the lightness first.

        Returns
        -------
        torch.Tensor
            (N, outputs, h, w): h is H, filled up to a multiple of 2**depth.
        """
        height, width = given.shape[-2:]
        step = 2**self.depth
        x = functional.pad(given, (0, -width % step, 0, -height % step), mode="replicate")
        skips = []
        for level, block in enumerate(self.down):
            x = block(functional.max_pool2d(x, 2) if level else x)  # level k: width * 2**k channels, size / 2**k
            skips.append(x)
        skips.pop()
        for up, merge in zip(self.up, self.merge):
            x = merge(torch.cat([skips.pop(), up(x)], dim=1))
        return self.head(x)

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """Predict the chroma.

        Parameters
        ----------
        given : torch.Tensor
            See `planes`.

        Returns
        -------
        torch.Tensor
            (N, outputs, H, W) in (-1, 1), that is a*, b* within +-110.
        """
        return torch.tanh(self.planes(given))[..., : given.shape[2], : given.shape[3]]


class BinaryDiscriminator(nn.Module):
    """The paper's discriminator: is this photo real?

    Four convolutions that halve the size, with batch normalization, LeakyReLU(0.1) and dropout; the paper gives no more
    than that (its Figure 2 is not printed in readable form). The features are averaged over the photo, so that every
    size of at least 16 pixels will do.

    Parameters
    ----------
    width : int
        Channels of the first level, doubled at each of the three others.
    dropout : float
        The probability in [0, 1] that a channel is dropped in training.
    spectral : bool
        Spectral normalization too.

    References
    ----------
    Section 3.5 of the paper.
    """

    def __init__(self, width: int = 64, dropout: float = 0.25, spectral: bool = False):
        super().__init__()
        norm = spectral_norm if spectral else lambda layer: layer
        layers, before = [], 3
        for level in range(4):
            after = width * 2**level
            layers.append(norm(nn.Conv2d(before, after, 4, stride=2, padding=1, bias=level == 0)))
            if level:
                layers.append(nn.BatchNorm2d(after))
            layers += [nn.LeakyReLU(0.1, inplace=True), nn.Dropout2d(dropout)]
            before = after
        self.features = nn.Sequential(*layers)
        self.head = norm(nn.Linear(before, 1))

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        """Look at whole photos.

        Parameters
        ----------
        photo : torch.Tensor
            (N, 3, H, W), L*, a*, b*, scaled.

        Returns
        -------
        torch.Tensor
            (N, 1), a logit for each photo: above 0 for real.
        """
        return self.head(self.features(photo).mean(dim=(2, 3)))


class PatchDiscriminator(nn.Module):
    """The 70 x 70 PatchGAN: is this patch of a photo real?

    Three convolutions that halve the size and two that keep it, LeakyReLU(0.2). Photos of at least 24 pixels.

    Parameters
    ----------
    width : int
        Channels of the first level, doubled at each of the three others.
    spectral : bool
        Spectral normalization.
    batch_norm : bool
        Batch normalization, in all convolutions but the first and the last.

    References
    ----------
    Isola et al. 2017, section 3.2.2; for spectral normalization Miyato et al. 2018.
    """

    def __init__(self, width: int = 64, spectral: bool = True, batch_norm: bool = False):
        super().__init__()
        norm = spectral_norm if spectral else lambda layer: layer
        layers, before = [], 3
        for level, stride in enumerate((2, 2, 2, 1)):
            after = width * 2**level
            normal = batch_norm and level > 0
            layers.append(norm(nn.Conv2d(before, after, 4, stride=stride, padding=1, bias=not normal)))
            if normal:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            before = after
        self.features = nn.Sequential(*layers)
        self.head = norm(nn.Conv2d(before, 1, 4, padding=1))

    def forward(self, photo: torch.Tensor) -> torch.Tensor:
        """Look at the patches of photos.

        Parameters
        ----------
        photo : torch.Tensor
            (N, 3, H, W), L*, a*, b*, scaled.

        Returns
        -------
        torch.Tensor
            (N, 1, h, w), a logit for each patch: above 0 for real.
        """
        return self.head(self.features(photo))


def discriminator(
    kind: str, width: int = 64, spectral: bool = False, dropout: float = 0.25, batch_norm: bool = False
) -> nn.Module:
    """Make the discriminator of that name.

    Parameters
    ----------
    kind : str
        "binary" or "patch".
    width : int
        Channels of its first level.
    spectral : bool
        Spectral normalization in it.
    dropout : float
        Of the paper's; the other has none.
    batch_norm : bool
        Batch normalization in it; the paper's has it always.

    Returns
    -------
    BinaryDiscriminator or PatchDiscriminator
        With torch's first weights; see `initialize`.

    Raises
    ------
    ValueError
        For another kind.
    """
    if kind not in DISCRIMINATORS:
        raise ValueError(f"discriminator must be one of {', '.join(DISCRIMINATORS)}, got {kind!r}")
    if kind == "binary":
        return BinaryDiscriminator(width, dropout, spectral)
    return PatchDiscriminator(width, spectral, batch_norm)


def initialize(network: nn.Module) -> nn.Module:
    """Draw the weights as the paper does, from torch's global generator.

    Convolutions N(0, 0.02), batch normalization N(1, 0.02), the second number being the standard deviation; biases 0.

    Parameters
    ----------
    network : nn.Module
        Changed in place.

    Returns
    -------
    nn.Module
        The same network.

    References
    ----------
    Section 5.3 of the paper; Radford et al. 2016, section 3.
    """
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()
            else:
                norm = parameter.ndim == 1
                parameter.normal_(1.0 if norm else 0.0, 0.02)
    return network
