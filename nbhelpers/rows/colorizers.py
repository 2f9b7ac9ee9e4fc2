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

    Each model has T trees of depth d and predicts W pixels from k components; see `regressor.Trees`. Arrays hold all
    models, a* before b*.

    Attributes
    ----------
    kind : str
        "tree", "forest" or "boosting".
    feature, threshold : np.ndarray
        (2, M, T, 2^d - 1), integer and float64.
    leaf : np.ndarray
        float32, all (T, 2^d, k) one after another.
    mean : np.ndarray
        (2, M, W) float32.
    components : np.ndarray
        (sum of k, W) float32, in the same order as `leaf`.
    sizes : np.ndarray
        (2, M) int32, the number k of components of each model.
    origin : str
        Where the models came from, see `registry.load`; "" where it is not known.
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
        """Stack the fitted trees of all models.

        Parameters
        ----------
        kind : str
            "tree", "forest" or "boosting".
        channels : list of list of Trees
            Those of a* and of b*, top to bottom.

        Returns
        -------
        RowColorizer
            Leaves, means and components are kept as float32.
        """
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
        """The trees of one model.

        Parameters
        ----------
        channel : int
            0 (a*) or 1 (b*).
        index : int
            The model, 0 to M - 1 from the top.

        Returns
        -------
        Trees
            A view.
        """
        flat = channel * self.sizes.shape[1] + index
        start, k = int(self.sizes.ravel()[:flat].sum()), int(self.sizes[channel, index])
        count, leaves = self.feature.shape[2], self.feature.shape[3] + 1
        leaf = self.leaf[start * count * leaves : (start + k) * count * leaves].reshape(count, leaves, k)
        parts = self.feature[channel, index], self.threshold[channel, index], leaf, self.mean[channel, index]
        return Trees(*parts, self.components[start : start + k])

    def colorize(self, lightness, hints):
        """Colorize a photo of any size: rows are resampled to the models' width and back.

        Row y goes to the model of its height in the photo. Hints do not change the prediction.

        Parameters
        ----------
        lightness : np.ndarray
            (H, W), CIELAB L* in [0, 100].
        hints : Hints
            The known colours of the same photo.

        Returns
        -------
        Colorization
            Colours of the same height and width; known pixels are kept.

        Raises
        ------
        ValueError
            As `hints.checked` does.
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
    """The mean colour of each position over the training photos.

    Attributes
    ----------
    ab : np.ndarray
        (H, W, 2) float32, a* and b*; for photos of other sizes it is resampled.
    name : str
        The method's name.
    origin : str
        Where `ab` came from, see `registry.load`; "" where it is not known.
    """

    ab: np.ndarray
    name: str = "position-mean"
    origin: str = ""

    def colorize(self, lightness, hints):
        note = unused(lightness, hints)
        height, width = lightness.shape
        rows = np.arange(height) * len(self.ab) // height
        return Colorization(keep_known(resample(self.ab[rows], width), hints), note=note)


def resample(image: np.ndarray, width: int) -> np.ndarray:
    """Give an image another width, smoothed when it shrinks.

    Parameters
    ----------
    image : np.ndarray
        (H, W) or (H, W, C).
    width : int
        In pixels.

    Returns
    -------
    np.ndarray
        (H, width) or (H, width, C) float32.
    """
    image = np.asarray(image, np.float32)
    if image.shape[1] == width:
        return image
    shape = (len(image), width, *image.shape[2:])
    return resize(image, shape, order=1, anti_aliasing=width < image.shape[1], preserve_range=True).astype(np.float32)
