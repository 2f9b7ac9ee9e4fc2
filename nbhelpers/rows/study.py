"""What notebook 04 measures of row models: errors by row, how brown they paint, what more photos would bring."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import reduce
from operator import add

import joblib
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.base import clone

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.rows.colorizers import PositionMean
from nbhelpers.rows.fitting import read_rows
from nbhelpers.rows.regressor import RowRegressor, Trees
from nbhelpers.system import one_thread


def random_crops(photos, n: int, seed: int = 0, smallest: float = 0.4, side: int | None = None) -> list[np.ndarray]:
    """Squares cut from photos at random, half of them mirrored.

    Few photos become many that way, though not more varied ones. The i-th square is cut from photo i modulo their
    number.

    Parameters
    ----------
    photos : iterable of np.ndarray
        sRGB uint8 (H, H, 3).
    n : int
        How many squares.
    seed : int
        Of the random squares.
    smallest : float
        A square is this to 1 times a photo's width, in (0, 1].
    side : int, optional
        The pixels that a square is scaled to; None is H.

    Returns
    -------
    list of np.ndarray
        n squares, uint8 (side, side, 3).
    """
    rng, photos, found = np.random.default_rng(seed), list(photos), []
    for i in range(n):
        photo = photos[i % len(photos)]
        size = len(photo)
        cut = size * rng.uniform(smallest, 1)
        left, top = rng.uniform(0, size - cut, 2)
        box = (left, top, left + cut, top + cut)
        crop = np.asarray(Image.fromarray(photo).resize((side or size,) * 2, Image.Resampling.BICUBIC, box=box))
        found.append(np.ascontiguousarray(crop[:, ::-1] if rng.random() < 0.5 else crop))
    return found


def _total(photos) -> np.ndarray:
    with one_thread():
        return sum(rgb_to_lab(photo)[..., 1:].astype(float) for photo in photos)


def position_mean(photos) -> PositionMean:
    """The mean colour of each position over photos.

    Parameters
    ----------
    photos : Photos or sequence of np.ndarray
        sRGB uint8 (H, W, 3) of one size, all usable; see `fitting.usable`.

    Returns
    -------
    PositionMean
        Named "position mean".
    """
    chunks = (photos[i : i + 50] for i in range(0, len(photos), 50))
    with one_thread():  # as in `totals.total`
        totals = joblib.Parallel(prefer="threads")(joblib.delayed(_total)(chunk) for chunk in chunks)
    return PositionMean((sum(totals) / len(photos)).astype(np.float32), "position mean")


def row_data(photos, row: int, channels=(0, 1)) -> tuple[np.ndarray, np.ndarray]:
    """One row of all photos in CIELAB.

    Parameters
    ----------
    photos : Photos or sequence of np.ndarray
        N photos, sRGB uint8 (H, W, 3) of one size, all usable.
    row : int
        From 0, the top, to H - 1.
    channels : sequence of int
        Of the chroma: 0 (a*) or 1 (b*).

    Returns
    -------
    lightness : np.ndarray
        (N, W) float32, L* in [0, 100].
    chroma : np.ndarray
        (channels, N, W) float32.
    """
    lightness, chroma = read_rows(photos, row, row + 1, channels)
    return lightness[:, 0], chroma[:, :, 0]


def row_mse(model: RowRegressor, X, y) -> float:
    """Mean squared error of a fitted row model.

    Parameters
    ----------
    model : RowRegressor
        Fitted.
    X : np.ndarray
        (N, W), the lightness of the rows.
    y : np.ndarray
        (N, W), their a* or b*.

    Returns
    -------
    float
        A mean over rows and pixels.
    """
    return float(np.square(model.predict(X) - y).mean())


def _learn(train, validation, models, counts, row, channel) -> list[dict]:
    with one_thread():
        X, y = row_data(train[: max(counts)], row, [channel])
        X_new, y_new = row_data(validation, row, [channel])
        found = []
        for n in counts:
            known, new = y[0][:n], y_new[0]
            at = {"row": row, "channel": "ab"[channel], "photos": n}
            mean = known.mean(axis=0)
            errors = float(np.square(known - mean).mean()), float(np.square(new - mean).mean())
            found.append(at | dict(zip(("method", "training", "validation"), ("position mean", *errors))))
            for name, model in models.items():
                fitted = clone(model).fit(X[:n], known)
                errors = row_mse(fitted, X[:n], known), row_mse(fitted, X_new, new)
                found.append(at | dict(zip(("method", "training", "validation"), (name, *errors))))
        return found


def learning_curve(train, validation, models: dict[str, RowRegressor], counts, rows) -> pd.DataFrame:
    """Mean squared error of row models over the number of training photos, with the mean row beside them.

    Every model, boosting too, learns from single rows of the first n training photos, and is measured on the same rows
    of the validation photos, for both channels.

    Parameters
    ----------
    train, validation : Photos or sequence of np.ndarray
        sRGB uint8 (H, W, 3) of one size, all usable.
    models : dict
        name -> unfitted RowRegressor.
    counts : sequence of int
        The numbers n of training photos.
    rows : iterable of int
        From 0, the top, to H - 1.

    Returns
    -------
    pd.DataFrame
        One line per method, photos, row and channel ("a" or "b"): row, channel, photos, method, training and validation
        (the mean squared errors).
    """
    tasks = (
        joblib.delayed(_learn)(train, validation, models, counts, row, channel) for row in rows for channel in (0, 1)
    )
    return pd.DataFrame(reduce(add, joblib.Parallel()(tasks)))


def of_mean_row(curve: pd.DataFrame) -> pd.DataFrame:
    """The errors of a learning curve in percent of the mean row's, on the same photos and of as many training photos.

    Parameters
    ----------
    curve : pd.DataFrame
        As `learning_curve` returns it; rows and channels are averaged.

    Returns
    -------
    pd.DataFrame
        One line per method and number of photos: method, photos, training, validation. The mean row, "position mean",
        is 100 in both everywhere.
    """
    mean = curve.groupby(["method", "photos"], sort=False)[["training", "validation"]].mean()
    unit = mean.loc["position mean"]
    return (100 * mean.div(unit, level="photos")).reset_index()


def staged_mse(trees: Trees, X, y, steps) -> list[float]:
    """Mean squared error of a boosted model after its first t trees.

    Parameters
    ----------
    trees : Trees
        Of the fitted model.
    X : np.ndarray
        (N, W), the lightness of the rows.
    y : np.ndarray
        (N, W), their a* or b*.
    steps : iterable of int
        The numbers t; 0 is the mean row.

    Returns
    -------
    list of float
        One for each step.
    """
    X, errors = np.asarray(X, np.float32), []
    for t in steps:
        first = replace(trees, feature=trees.feature[:t], threshold=trees.threshold[:t], leaf=trees.leaf[:t])
        errors.append(float(np.square((first.predict(X) if t else trees.mean) - y).mean()))
    return errors


def same_splits(first: Trees, second: Trees) -> float:
    """The share of splits, tree by tree and node by node, that look at the same pixel.

    Parameters
    ----------
    first, second : Trees
        Of one shape.

    Returns
    -------
    float
        In [0, 1], of the splits of `first`.
    """
    used = np.isfinite(first.threshold)
    return float((first.feature == second.feature)[used].mean())


def against_exact(models: dict[str, tuple[RowRegressor, RowRegressor]], X, y, X_new, y_new) -> pd.DataFrame:
    """Fit pairs of row models, exact and reduced, and measure them on new rows.

    Parameters
    ----------
    models : dict
        name -> (exact, reduced), unfitted RowRegressors.
    X : np.ndarray
        (N, W), the lightness of the rows to learn from.
    y : np.ndarray
        (N, W), their a* or b*.
    X_new, y_new : np.ndarray
        The same of the new rows.

    Returns
    -------
    pd.DataFrame
        One line per name: model, exact_seconds, reduced_seconds, times_faster, same_splits (share of splits at the same
        pixel; NaN when the two look at different numbers of features), exact_mse, reduced_mse (of the new rows),
        mse_ratio (reduced / exact).
    """
    lines = []
    with one_thread():
        for name, pair in models.items():
            seconds, fitted = [], []
            for model in pair:
                began = time.perf_counter()
                fitted.append(clone(model).fit(X, y))
                seconds.append(time.perf_counter() - began)
            exact, reduced = (row_mse(model, X_new, y_new) for model in fitted)
            alike = pair[0].max_features == pair[1].max_features  # else they never saw the same pixels
            same = same_splits(*(model.trees_ for model in fitted)) if alike else float("nan")
            lines.append((name, *seconds, seconds[0] / seconds[1], same, exact, reduced, reduced / exact))
    columns = ["model", "exact_seconds", "reduced_seconds", "times_faster", "same_splits"]
    return pd.DataFrame(lines, columns=[*columns, "exact_mse", "reduced_mse", "mse_ratio"])
