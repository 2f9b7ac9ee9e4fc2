"""A U-Net whose way down has been learned elsewhere: an encoder that saw a million photos, and a decoder of our own."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from nbhelpers.networks.config import LITE0
from nbhelpers.networks.encoder import extractor
from nbhelpers.networks.models import convolutions, initialize

ENLARGED = 2  # the encoder sees a photo so much larger: it learned from photos of 224 pixels
COARSE = 4  # the chroma has a quarter of the photo's side
STEP = 16  # pixels; sides are filled up to a multiple
REACH = 6  # pixels to each side, of the photo that the network sees, in which `guided` looks
SMOOTHNESS = 1e-3  # variance of the lightness, over 100, below which it takes the mean of the chroma
DROPPED = 0.2  # of the encoder's channels, while the decoder learns


class PretrainedUNet(nn.Module):
    """Lightness in, chroma out: a pretrained encoder, and a decoder that merges its levels up to a quarter of the size.

    The encoder stays in evaluation mode: its batch normalization keeps the statistics of ImageNet. Any height and width
    will do.

    Parameters
    ----------
    encoder : str
        timm's name, see `encoder.extractor`. Its weights are random: `begin_with` puts others there.
    width : int
        Channels of the decoder's last level; the others have half as many again.
    outputs : int
        Planes that are predicted: 2 are a* and b*.
    channels : int
        Planes that are read: 1 is the lightness alone; `hint_inputs` adds what hints tell. The encoder sees the
        lightness; convolutions that halve the size bring all of them to its levels, and the decoder goes on to half of
        the photo's size.

    Raises
    ------
    UserError
        For an encoder that there is not.
    ValueError
        For numbers below 1.

    References
    ----------
    Ronneberger et al. 2015 for the skips; Iglovikov and Shvets 2018, TernausNet, for a U-Net on a pretrained encoder.
    """

    def __init__(self, encoder: str = LITE0, width: int = 64, outputs: int = 2, channels: int = 1):
        super().__init__()
        for name, value in {"width": width, "outputs": outputs, "channels": channels}.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        self.name, self.width, self.outputs, self.channels = encoder, width, outputs, channels
        self.encoder = extractor(encoder)
        told = self.encoder.default_cfg
        self.mean, self.std = ([float(value) for value in told[key]] for key in ("mean", "std"))
        # The levels at 1/16, 1/8 and 1/4 of the photo's side.
        seen = self.encoder.feature_info.channels()[-3:]
        wide = max(1, 3 * width // 2)
        self.told, levels = nn.ModuleList(), [(wide, seen[1]), (width, seen[0])]
        if channels > 1:  # all planes at half of the photo's size, and beside what the encoder sees
            half = max(1, width // 2)
            self.told = nn.ModuleList(_halved(*pair) for pair in pairwise([channels, half, width, width, width]))
            seen, levels = seen[:2] + [seen[2] + width], [(after, more + width) for after, more in levels]
            levels.append((half, half))
        self.bottom = nn.Sequential(
            nn.Conv2d(seen[2], wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU(inplace=True)
        )
        before = [wide, *(after for after, _ in levels)]
        self.merge = nn.ModuleList(convolutions(one + more, after) for one, (after, more) in zip(before, levels))
        self.drop = nn.Dropout2d(DROPPED)
        self.head = nn.Conv2d(before[-1], outputs, 1)
        self.train()

    @property
    def arguments(self) -> dict:
        """What it is made of."""
        more = {} if self.channels == 1 else {"channels": self.channels}
        return {"encoder": self.name, "width": self.width, "outputs": self.outputs} | more

    def train(self, mode: bool = True) -> PretrainedUNet:
        """Put the decoder into training mode; the encoder stays in evaluation mode.

        Parameters
        ----------
        mode : bool
            False: evaluation mode.

        Returns
        -------
        PretrainedUNet
            The same network.
        """
        super().train(mode)
        self.encoder.eval()
        return self

    def begin_with(self, weights: dict[str, torch.Tensor]) -> PretrainedUNet:
        """Draw the decoder's weights as the paper does, and give the encoder these.

        Parameters
        ----------
        weights : dict of str to torch.Tensor
            The encoder's state, see `encoder.imagenet_weights`.

        Returns
        -------
        PretrainedUNet
            The same network.
        """
        for part in (self.told, self.bottom, self.merge, self.head):
            initialize(part)
        self.encoder.load_state_dict(weights)
        return self

    def features(self, lightness: torch.Tensor) -> list[torch.Tensor]:
        """What the encoder sees in photos, as far as the decoder needs it.

        Parameters
        ----------
        lightness : torch.Tensor
            (N, 1, H, W), scaled.

        Returns
        -------
        list of torch.Tensor
            (N, channels, h, w): h is a quarter of H, then an eighth, then a sixteenth, H filled up to a multiple of 16
            by repeating the border.
        """
        x = functional.interpolate(_filled_up(lightness), scale_factor=ENLARGED, mode="bilinear", align_corners=False)
        grey = (x + 1) / 2  # L* runs nearly as the bytes of a grey photo do
        shown = torch.cat([(grey - mean) / std for mean, std in zip(self.mean, self.std)], dim=1)
        if next(self.parameters()).is_contiguous(memory_format=torch.channels_last):
            shown = shown.contiguous(memory_format=torch.channels_last)
        return self.encoder(shown)[-3:]

    def planes(self, given: torch.Tensor, features: list[torch.Tensor] | None = None) -> torch.Tensor:
        """Predict without bounds: at a quarter of the size, or with hints at half of it.

        Parameters
        ----------
        given : torch.Tensor
            (N, channels, H, W), scaled; the lightness first.
        features : list of torch.Tensor, optional
            What `features` returned for the lightness; None: computed here.

        Returns
        -------
        torch.Tensor
            (N, outputs, ceil(H / 16) * 4, ceil(W / 16) * 4), with hints twice these sides.
        """
        seen = [self.drop(level) for level in (self.features(given[:, :1]) if features is None else features)]
        if self.told:
            told = [_filled_up(given)]
            for halve in self.told:
                told.append(halve(told[-1]))
            seen = [told[1], *(torch.cat(pair, dim=1) for pair in zip(seen, told[2:]))]
        x = self.bottom(seen.pop())
        for merge in self.merge:
            x = merge(torch.cat([functional.interpolate(x, scale_factor=2), seen.pop()], dim=1))
        return self.head(x)

    def paint(self, planes: torch.Tensor) -> torch.Tensor:
        """Bring what was predicted within the bounds of chroma.

        Parameters
        ----------
        planes : torch.Tensor
            (N, outputs, h, w).

        Returns
        -------
        torch.Tensor
            (N, outputs, h, w) in (-1, 1), that is a*, b* within +-110.
        """
        return torch.tanh(planes)

    def forward(self, given: torch.Tensor, features: list[torch.Tensor] | None = None) -> torch.Tensor:
        """Predict the chroma: what was painted at a quarter or half of the size, enlarged, and therefore smooth.

        Parameters
        ----------
        given, features : torch.Tensor, list of torch.Tensor
            See `planes`.

        Returns
        -------
        torch.Tensor
            (N, outputs, H, W), a* and b* over 110 first; of a network that classifies these alone.
        """
        return enlarged(self.paint(self.planes(given, features)), given.shape[-2:], 2 if self.told else COARSE)


def _filled_up(planes: torch.Tensor) -> torch.Tensor:
    """Planes whose sides are multiples of STEP."""
    height, width = planes.shape[-2:]
    return functional.pad(planes, (0, -width % STEP, 0, -height % STEP), mode="replicate")


def _halved(before: int, after: int) -> nn.Sequential:
    """A convolution that halves the size."""
    convolution = nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


def enlarged(coarse: torch.Tensor, size, factor: int = COARSE) -> torch.Tensor:
    """Bring what was painted at a quarter of a photo's size to that size, without what the photo was filled up with.

    Parameters
    ----------
    coarse : torch.Tensor
        (N, planes, h, w).
    size : tuple of int
        Height and width of the photo, at most `factor` times h and w.
    factor : int
        How much smaller the sides are than the photo's, filled up.

    Returns
    -------
    torch.Tensor
        (N, planes, *size).
    """
    large = functional.interpolate(coarse, scale_factor=factor, mode="bilinear", align_corners=False)
    return large[..., : size[0], : size[1]]


def guided(chroma: torch.Tensor, seen: torch.Tensor, lightness: torch.Tensor) -> torch.Tensor:
    """Lay chroma along the edges of a photo's lightness, at the photo's size: the fast guided filter.

    Around each pixel the chroma is taken for a linear function of the lightness. That function is found on the small
    photo, enlarged, and applied to the large one.

    Parameters
    ----------
    chroma : torch.Tensor
        (N, 2, h, w), a* and b*.
    seen : torch.Tensor
        (N, 1, h, w) in [0, 100], the lightness of which it was predicted.
    lightness : torch.Tensor
        (N, 1, H, W) in [0, 100], the photo that is painted, as large or larger.

    Returns
    -------
    torch.Tensor
        (N, 2, H, W), a* and b*.

    References
    ----------
    He, Sun and Tang 2013, Guided image filtering, equations 5 to 8; He and Sun 2015, Fast guided filter.
    """
    guide = seen / 100
    reach = min(REACH, *(side - 1 for side in guide.shape[2:]))

    def mean(planes):
        return functional.avg_pool2d(functional.pad(planes, [reach] * 4, mode="reflect"), 2 * reach + 1, stride=1)

    variance = mean(guide * guide) - mean(guide) ** 2
    slope = (mean(guide * chroma) - mean(guide) * mean(chroma)) / (variance + SMOOTHNESS)
    offset = mean(chroma) - slope * mean(guide)
    slope, offset = (
        functional.interpolate(mean(planes), lightness.shape[2:], mode="bilinear", align_corners=False)
        for planes in (slope, offset)
    )
    return slope * lightness / 100 + offset
