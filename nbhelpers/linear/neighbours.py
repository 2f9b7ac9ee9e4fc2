"""The 25-feature neighbour regression: second moments gathered in one pass, then any linear estimator.

The paper (section 3.1) predicts a pixel's a* and b* linearly from its eight neighbours' L*, a*, b* and its
own L*. Such a fit needs only the means and second moments of the 25 features and 2 targets, 27 x 27 numbers
however many photos there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, Ridge
from sklearn.utils.validation import has_fit_parameter

from nbhelpers.colour.totals import total

OFFSETS = tuple((dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0))
_PLACES = ("NW", "N", "NE", "W", "E", "SW", "S", "SE")
FEATURES = tuple(f"{channel} {place}" for channel in "Lab" for place in _PLACES) + ("L centre",)
TARGETS = ("a centre", "b centre")


def _rows(lab: np.ndarray, top: int, bottom: int, shift: np.ndarray) -> np.ndarray:
    """Features and targets of the inner pixels in rows top..bottom, less `shift` per channel: (27, n) float64."""
    width = lab.shape[1]
    design = np.empty((27, bottom - top, width - 2))
    for channel in range(3):
        plane = lab[..., channel]
        for i, (dy, dx) in enumerate(OFFSETS):
            shifted = plane[top + dy : bottom + dy, 1 + dx : width - 1 + dx]
            np.subtract(shifted, shift[channel], out=design[8 * channel + i])
        np.subtract(plane[top:bottom, 1:-1], shift[channel], out=design[24 + channel])
    return design.reshape(27, -1)


def features(lab: np.ndarray) -> np.ndarray:
    """The 25 features of each inner pixel of a photo.

    Parameters
    ----------
    lab : np.ndarray
        (H, W, 3), the photo in CIELAB, at least 3 x 3 pixels.

    Returns
    -------
    np.ndarray
        ((H-2)(W-2), 25) float64, columns as FEATURES.

    Raises
    ------
    ValueError
        For another shape, fewer pixels, and NaN or infinity.
    """
    return _rows(_checked(lab), 1, lab.shape[0] - 1, np.zeros(3))[:25].T


def targets(lab: np.ndarray) -> np.ndarray:
    """a* and b* of each inner pixel of a photo.

    Parameters
    ----------
    lab : np.ndarray
        (H, W, 3), the photo in CIELAB, at least 3 x 3 pixels.

    Returns
    -------
    np.ndarray
        ((H-2)(W-2), 2) float64.

    Raises
    ------
    ValueError
        For another shape, fewer pixels, and NaN or infinity.
    """
    return _checked(lab)[1:-1, 1:-1, 1:].reshape(-1, 2).astype(float)


def _checked(lab: np.ndarray) -> np.ndarray:
    lab = np.asarray(lab)
    if lab.ndim != 3 or lab.shape[2] != 3 or min(lab.shape[:2]) < 3:
        raise ValueError(f"expected a Lab photo (H, W, 3) of at least 3 x 3 pixels, got shape {lab.shape}")
    if not np.isfinite(lab).all():
        raise ValueError("the Lab photo holds NaN or infinity")
    return lab


@dataclass(frozen=True, eq=False)
class NeighbourStatistics:
    """Means and centred second moments of the 25 features and 2 targets over many pixels.

    Attributes
    ----------
    rows : int
        The number of pixels.
    mean : np.ndarray
        (27,) float64, in the order FEATURES, then TARGETS.
    moments : np.ndarray
        (27, 27) float64 in the same order, the sum over pixels of (x - mean)(x - mean)'.
    """

    rows: int
    mean: np.ndarray
    moments: np.ndarray

    @classmethod
    def of(cls, lab: np.ndarray) -> NeighbourStatistics:
        """The statistics of the (H-2)(W-2) inner pixels of one photo.

        Parameters
        ----------
        lab : np.ndarray
            (H, W, 3), the photo in CIELAB, at least 3 x 3 pixels.

        Returns
        -------
        NeighbourStatistics
            They can be added to those of other photos.

        Raises
        ------
        ValueError
            For another shape, fewer pixels, and NaN or infinity.
        """
        lab = _checked(lab)
        shift = lab.mean(axis=(0, 1), dtype=float)  # near the mean: no digits are lost in the sums below
        total, products = np.zeros(27), np.zeros((27, 27))
        for top in range(1, lab.shape[0] - 1, 16):  # 16 rows at a time stay in the processor's cache
            design = _rows(lab, top, min(top + 16, lab.shape[0] - 1), shift)
            total += design.sum(axis=1)
            products += design @ design.T
        rows = (lab.shape[0] - 2) * (lab.shape[1] - 2)
        mean = total / rows
        channel = [0] * 8 + [1] * 8 + [2] * 8 + [0, 1, 2]
        return cls(rows, mean + shift[channel], products - rows * np.outer(mean, mean))

    def __add__(self, other: NeighbourStatistics) -> NeighbourStatistics:
        """The statistics of both sets of rows together (Chan, Golub, LeVeque 1983)."""
        if not isinstance(other, NeighbourStatistics):
            return NotImplemented
        rows = self.rows + other.rows
        gap = other.mean - self.mean
        return NeighbourStatistics(
            rows,
            self.mean + gap * other.rows / rows,
            self.moments + other.moments + np.outer(gap, gap) * (self.rows * other.rows / rows),
        )


def gather_statistics(photos, n: int | None = None, jobs: int | None = None) -> NeighbourStatistics:
    """Merge the statistics of photos, in parallel.

    Photos that cannot be read are skipped with a warning. The merge order is fixed, so the result does not depend on
    `jobs`.

    Parameters
    ----------
    photos : Photos
        sRGB uint8 (H, W, 3) each.
    n : int, optional
        Only the first n are taken; None takes all.
    jobs : int, optional
        Pieces of work at once; None takes those of the surrounding `system.backend`.

    Returns
    -------
    NeighbourStatistics
        Of all inner pixels of these photos.

    Raises
    ------
    ValueError
        When no photo is left.
    """
    return total(NeighbourStatistics.of, photos, n, jobs)


@dataclass(frozen=True, eq=False)
class NeighbourModel:
    """ab of a pixel = coefficients @ features + intercept.

    Attributes
    ----------
    coefficients : np.ndarray
        (2, 25) float64: rows a* and b*, columns as FEATURES.
    intercept : np.ndarray
        (2,) float64, of a* and b*.
    """

    coefficients: np.ndarray
    intercept: np.ndarray

    def predict(self, lab: np.ndarray) -> np.ndarray:
        """Predict the inner pixels of a photo from their true neighbours.

        Parameters
        ----------
        lab : np.ndarray
            (H, W, 3), the photo in CIELAB, at least 3 x 3 pixels.

        Returns
        -------
        np.ndarray
            (H-2, W-2, 2) float64, a* and b*.

        Raises
        ------
        ValueError
            For another shape, fewer pixels, and NaN or infinity.
        """
        ab = features(lab) @ self.coefficients.T + self.intercept
        return ab.reshape(lab.shape[0] - 2, lab.shape[1] - 2, 2)


def design_of(stats: NeighbourStatistics, centred: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """27 rows whose mean squares and products equal those of all rows.

    X'X / 27 = moments / rows, so a least-squares fit, penalized or not, sees the same problem on 27 rows.

    Parameters
    ----------
    stats : NeighbourStatistics
        Of all rows.
    centred : bool
        Whether the products are those of the centred rows.

    Returns
    -------
    tuple of np.ndarray
        X (27, 25) and Y (27, 2), both float64.
    """
    moments = stats.moments / stats.rows + (0 if centred else np.outer(stats.mean, stats.mean))
    values, vectors = np.linalg.eigh(27 * moments)
    root = np.sqrt(np.clip(values, 0, None))[:, None] * vectors.T
    return root[:, :25], root[:, 25:]


def fit(stats: NeighbourStatistics, estimator) -> NeighbourModel:
    """Fit a scikit-learn linear estimator to the statistics, as if to all their rows.

    The estimator is cloned and fitted on the 27-row design, one target at a time; with an intercept the design is
    the centred one, and the intercept follows from the means. Each row carries the weight rows / 27, so that a
    penalty that scikit-learn does not divide by the number of rows (Ridge) keeps its meaning.

    Parameters
    ----------
    stats : NeighbourStatistics
        Of the pixels to learn from.
    estimator : sklearn.base.BaseEstimator
        With a squared loss; it stays unfitted.

    Returns
    -------
    NeighbourModel
        The weights of the two fits and their intercepts.

    Raises
    ------
    ValueError
        For estimators that split rows (cross-validation), draw them (stochastic gradients), or have another loss.
    """
    kind = type(estimator).__name__
    if hasattr(estimator, "cv") or kind.startswith(_NEED_ROWS):
        raise ValueError(f"{kind} needs single rows; the statistics hold their moments: fit it to features(lab)")
    with_intercept = getattr(estimator, "fit_intercept", True)
    design, colours = design_of(stats, centred=with_intercept)
    weights = {}
    if has_fit_parameter(estimator, "sample_weight"):
        weights["sample_weight"] = np.full(27, stats.rows / 27)
    coefficients = np.empty((2, 25))
    for k in range(2):
        model = clone(estimator).set_params(fit_intercept=False)
        coefficients[k] = np.ravel(model.fit(design, colours[:, k], **weights).coef_)
    intercept = stats.mean[25:] - coefficients @ stats.mean[:25] if with_intercept else np.zeros(2)
    return NeighbourModel(coefficients, intercept)


# Estimators whose loss is not a plain sum of squares, or that count, draw or weigh single rows.
_NEED_ROWS = (
    "SGD",
    "Huber",
    "Quantile",
    "RANSAC",
    "TheilSen",
    "BayesianRidge",
    "ARD",
    "LassoLarsIC",
    "PassiveAggressive",
    "LinearSVR",
)


def mean_squared_error(stats: NeighbourStatistics, model: NeighbourModel) -> np.ndarray:
    """The model's mean squared error over all rows of the statistics, from their moments alone.

    Parameters
    ----------
    stats : NeighbourStatistics
        Of the pixels to predict.
    model : NeighbourModel
        What predicts them.

    Returns
    -------
    np.ndarray
        (2,) float64, of a* and b*.
    """
    contrast = np.hstack([-model.coefficients, np.eye(2)])
    bias = contrast @ stats.mean - model.intercept
    return np.einsum("ki,ij,kj->k", contrast, stats.moments / stats.rows, contrast) + bias**2


class SumToOne(RegressorMixin, BaseEstimator):
    """Least squares with non-negative weights that sum to 1 on the eight neighbours of the target's own channel.

    Such a prediction is an average of its neighbours: nothing can grow (a maximum principle). The columns of X
    are those of FEATURES; the channel, a* or b*, is the one whose neighbours are closer to y.

    Parameters
    ----------
    fit_intercept : bool
        Must stay False: an average needs none.

    Attributes
    ----------
    coef_ : np.ndarray
        (25,) float64, 0 outside the channel's eight neighbours.
    intercept_ : float
        0.
    """

    def __init__(self, fit_intercept=False):
        self.fit_intercept = fit_intercept  # must stay False: an average needs none

    def fit(self, X, y):
        """Fit the weights w.

        On the simplex, min |y - Xw|^2 = min |(y 1' - X) w|^2: a homogeneous form, whose minimum over the simplex is
        that of non-negative least squares with one row of ones, rescaled.

        Parameters
        ----------
        X : array-like
            (n, 25), columns as FEATURES.
        y : array-like
            (n,), a* or b* of the same pixels.

        Returns
        -------
        SumToOne
            The estimator itself.
        """
        gaps = [np.asarray(y)[:, None] - np.asarray(X)[:, start : start + 8] for start in (8, 16)]
        start = 8 if np.square(gaps[0]).sum() <= np.square(gaps[1]).sum() else 16
        gap = gaps[start == 16]
        scale = np.linalg.norm(gap, axis=0).mean() or 1.0
        weights, _ = nnls(np.vstack([gap / scale, np.ones(8)]), np.r_[np.zeros(len(gap)), 1.0])
        self.coef_ = np.zeros(25)
        self.coef_[start : start + 8] = weights / weights.sum()
        self.intercept_ = 0.0
        return self

    def predict(self, X):
        return np.asarray(X) @ self.coef_ + self.intercept_


def paper_estimators() -> dict:
    """The paper's four estimators at its settings, and the sum-to-one weights: name -> unfitted estimator.

    The L1 problems are solved tightly: scikit-learn's default tolerance leaves errors of 1e-3 in the weights.
    """
    return {
        "ols": LinearRegression(),
        "ridge": Ridge(alpha=1.0),
        "lasso": Lasso(alpha=1.0, tol=1e-10, max_iter=1_000_000),
        "elasticnet": ElasticNet(alpha=1.0, l1_ratio=0.5, tol=1e-10, max_iter=1_000_000),
        "sum-to-one": SumToOne(),
    }
