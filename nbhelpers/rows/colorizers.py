"""Colorizers of notebook 04: the row models of a whole photo, and the mean colour of each position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.transform import resize

from nbhelpers.hints import Colorization, keep_known, unused
from nbhelpers.rows.regressor import Trees


@dataclass(frozen=True, eq=False)
class RowColorizer:
    """M row models per channel, top to bottom; each serves the M-th part of a photo's rows that it was fitted for.

    Arrays of all models: feature, threshold (2, M, T, 2^d - 1), mean (2, M, W), sizes (2, M) the number k of
    components of each; components (sum of k, W) and leaf (all (T, 2^d, k) one after another) in that order.
    """

    kind: str
    feature: np.ndarray
    threshold: np.ndarray
    leaf: np.ndarray
    mean: np.ndarray
    components: np.ndarray
    sizes: np.ndarray
    origin: str = ""

    @classmethod
    def of(cls, kind: str, channels: list[list[Trees]]) -> RowColorizer:
        """From the fitted trees of a* and of b*, top to bottom; values are kept as float32."""
        every = [trees for channel in channels for trees in channel]
        grid = (2, len(every) // 2)

        def stacked(name, dtype=None):
            arrays = np.stack([getattr(trees, name) for trees in every])
            return arrays.reshape(*grid, *arrays.shape[1:]).astype(dtype or arrays.dtype)

        leaf = np.concatenate([trees.leaf.ravel() for trees in every]).astype(np.float32)
        components = np.concatenate([trees.components for trees in every]).astype(np.float32)
        sizes = np.array([len(trees.components) for trees in every], np.int32).reshape(grid)
        arrays = stacked("feature"), stacked("threshold"), leaf, stacked("mean", np.float32), components, sizes
        return cls(kind, *arrays)

    @property
    def name(self) -> str:
        return self.kind

    @property
    def width(self) -> int:
        """The pixels of a row that the models read and predict."""
        return self.mean.shape[-1]

    def trees(self, channel: int, index: int) -> Trees:
        """The trees of channel 0 (a*) or 1 (b*), model `index` from the top; a view."""
        flat = channel * self.sizes.shape[1] + index
        start, k = int(self.sizes.ravel()[:flat].sum()), int(self.sizes[channel, index])
        count, leaves = self.feature.shape[2], self.feature.shape[3] + 1
        leaf = self.leaf[start * count * leaves : (start + k) * count * leaves].reshape(count, leaves, k)
        parts = self.feature[channel, index], self.threshold[channel, index], leaf, self.mean[channel, index]
        return Trees(*parts, self.components[start : start + k])

    def colorize(self, lightness, hints):
        """Colours for a lightness (H, W) of any size: rows are resampled to the models' width and back.

        Row y goes to the model of its height in the photo. Hints do not change the prediction; known pixels are kept.
        """
        note = unused(lightness, hints)
        height, width = lightness.shape
        read = resample(lightness, self.width)
        count = self.mean.shape[1]
        model = ((np.arange(height) + 0.5) * count / height).astype(int)
        ab = np.empty((height, self.width, 2), np.float32)
        for index in np.unique(model):
            rows = slice(*np.searchsorted(model, (index, index + 1)))
            for channel in range(2):
                ab[rows, :, channel] = self.trees(channel, index).predict(read[rows])
        return Colorization(keep_known(resample(ab, width), hints), note=note)


@dataclass(frozen=True, eq=False)
class PositionMean:
    """The mean colour of each position over the training photos, ab (H, W, 2); other sizes are resampled."""

    ab: np.ndarray
    name: str = "position-mean"
    origin: str = ""

    def colorize(self, lightness, hints):
        note = unused(lightness, hints)
        height, width = lightness.shape
        rows = np.arange(height) * len(self.ab) // height
        return Colorization(keep_known(resample(self.ab[rows], width), hints), note=note)


def resample(image: np.ndarray, width: int) -> np.ndarray:
    """Give (H, W) or (H, W, C) another width, smoothed when it shrinks; float32."""
    image = np.asarray(image, np.float32)
    if image.shape[1] == width:
        return image
    shape = (len(image), width, *image.shape[2:])
    return resize(image, shape, order=1, anti_aliasing=width < image.shape[1], preserve_range=True).astype(np.float32)
