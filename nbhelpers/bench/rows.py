"""Row models against what one would otherwise fit: part of `nbhelpers bench`."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from nbhelpers.rows.fitting import BANDS, read_rows, usable
from nbhelpers.rows.regressor import paper_models
from nbhelpers.rows.study import random_crops
from nbhelpers.system import one_thread

COUNT = {"tree": 800, "forest": 800, "boosting": 2 * BANDS}  # the paper's models of 400 rows and two channels


def _fit(model, X, y):
    began = time.perf_counter()
    return model.fit(X, y), time.perf_counter() - began


def _rows(photos, start: int, stop: int, step: float = 0.0):
    """b* of some rows, as a row model learns them: lightness and targets, both (N, W)."""
    lightness, chroma = read_rows(photos, start, stop, [1], step)
    return lightness.reshape(-1, lightness.shape[-1]), chroma.reshape(-1, lightness.shape[-1])


def row_models(photos: str, train, test, one_output: int = 500) -> pd.DataFrame:
    """Measure fits of the middle row (b*) of all training photos, beside scikit-learn's as they come.

    scikit-learn's look at all pixels for each split and at all targets. Its GradientBoostingRegressor has one output:
    it is fitted to one pixel, and counted once for each pixel.

    Parameters
    ----------
    photos : str
        Name of the photos.
    train, test : Photos or sequence of np.ndarray
        uint8 (H, W, 3), of one size; of fewer than 100 training photos 300 squares are cut.
    one_output : int
        Photos that boosting, ours and scikit-learn's, is fitted to.

    Returns
    -------
    pd.DataFrame
        One row for each kind: model, photos, seconds, test_mse (our error on the test photos), against_seconds, ratio,
        mse_ratio (our error, theirs being 1), all_minutes (for the paper's number of such models on two cores, from
        this one fit; for boosting from a band of a tenth of the rows), against.
    """
    train, test = usable(train), usable(test)
    if len(train) < 100:
        train, photos = random_crops(train, 300), f"{photos}, cut into squares"
    height, width = train[0].shape[:2]
    middle, pixel = height // 2, width // 2
    X, y = _rows(train, middle, middle + 1, 0.5)  # the lightness is rounded as `fit_rows` does
    X_new, y_new = _rows(test, middle, middle + 1)
    theirs = {
        "tree": DecisionTreeRegressor(max_depth=3, random_state=0),
        "forest": RandomForestRegressor(100, max_depth=3, random_state=0),
        "boosting": GradientBoostingRegressor(max_depth=3, random_state=0),
    }
    rows = []
    with one_thread():
        for kind, model in paper_models().items():
            n, asked, times = (one_output, pixel, width) if kind == "boosting" else (len(X), slice(None), 1)
            ours, seconds = _fit(model, X[:n], y[:n])
            their, their_seconds = _fit(theirs[kind], X[:n], y[:n, asked])
            error, their_error = (np.square(found - y_new[:, asked]).mean()
                                  for found in (ours.predict(X_new)[:, asked], their.predict(X_new)))  # fmt: skip
            whole = _fit(model, *_rows(train, middle, middle + height // BANDS, 0.5))[1] if times > 1 else seconds
            row = {"model": kind, "photos": f"{photos}: {min(n, len(X))}", "seconds": seconds, "test_mse": error}
            row |= {"against_seconds": times * their_seconds, "ratio": times * their_seconds / seconds}
            row |= {"mse_ratio": error / their_error, "all_minutes": COUNT[kind] * whole / 2 / 60}
            rows.append(row | {"against": "scikit-learn" if times == 1 else "scikit-learn, one pixel, times all"})
    return pd.DataFrame(rows)
