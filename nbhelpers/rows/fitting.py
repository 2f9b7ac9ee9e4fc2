"""Fitting, keeping and loading the row models of whole photos: 800 trees, 800 forests, 20 boosted models.

Each model is one piece of work; what is finished is on disk at once, so that an interrupted fit goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import warnings
from pathlib import Path

import joblib
import numpy as np
import sklearn
from sklearn.base import clone
from tqdm import tqdm

from nbhelpers import paths
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.errors import UserError
from nbhelpers.photos import Photos
from nbhelpers.rows.colorizers import RowColorizer
from nbhelpers.rows.regressor import KINDS, RowRegressor, Trees
from nbhelpers.system import one_thread, peak_of_process

FORMAT = 1  # raise it when the arrays of a file change their meaning
BANDS = 10  # of boosting, for each channel: each model serves 40 of the paper's 400 rows
CHUNK = 200  # photos that are converted to Lab at once
ARRAYS = {"feature": 4, "threshold": 4, "leaf": 1, "mean": 3, "components": 2, "sizes": 2}  # and their dimensions


def read_rows(photos, start: int, stop: int, channels=(0, 1), step: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Rows [start, stop) of all photos in CIELAB.

    Parameters
    ----------
    photos : Photos or sequence of np.ndarray
        N photos, uint8 (H, W, 3) of one size, all usable.
    start, stop : int
        The first row, and the one after the last.
    channels : sequence of int
        Of the chroma: 0 (a*) or 1 (b*).
    step : float
        The lightness is rounded to multiples of it, which makes splits quicker to find; 0 leaves it exact.

    Returns
    -------
    lightness : np.ndarray
        (N, stop - start, W) float32, L* in [0, 100].
    chroma : np.ndarray
        (channels, N, stop - start, W) float32.
    """
    count, width = len(photos), photos[0].shape[1]
    lightness = np.empty((count, stop - start, width), np.float32)
    chroma = np.empty((len(channels), *lightness.shape), np.float32)
    for i in range(0, count, CHUNK):
        part = photos[i : i + CHUNK]
        strip = part.rows(start, stop) if isinstance(part, Photos) else np.array([p[start:stop] for p in part])
        lab = rgb_to_lab(strip)
        lightness[i : i + CHUNK] = np.round(lab[..., 0] / step) * step if step else lab[..., 0]
        for k, channel in enumerate(channels):
            chroma[k, i : i + CHUNK] = lab[..., 1 + channel]
    return lightness, chroma


def rows_of(index: int, models: int, height: int, pooled: bool) -> tuple[int, int]:
    """The rows that a model learns from: its whole band, or the band's middle row.

    Parameters
    ----------
    index : int
        The model, 0 to models - 1 from the top.
    models : int
        How many there are for each channel.
    height : int
        Of a photo, in pixels.
    pooled : bool
        Whether it learns from its whole band.

    Returns
    -------
    tuple of int
        The rows [start, stop).
    """
    if pooled:  # the rows whose middles lie in the band: those that `RowColorizer.colorize` gives to this model
        start, stop = (-(-(2 * i * height - models) // (2 * models)) for i in (index, index + 1))
        return start, stop
    middle = (2 * index + 1) * height // (2 * models)
    return middle, middle + 1


def _fit_piece(photos, model: RowRegressor, index: int, channels, rows, step) -> tuple:
    """Fit the models of one band; returns what came in, their trees, and the process and its peak memory."""
    with one_thread(), joblib.parallel_config("sequential"):  # or a forest would send each tree to the cluster
        lightness, chroma = read_rows(photos, *rows, channels, step)
        X, found = lightness.reshape(-1, lightness.shape[-1]), []
        for k, channel in enumerate(channels):
            seeded = clone(model).set_params(random_state=(model.random_state or 0) + 2 * index + channel)
            try:
                found.append(seeded.fit(X, chroma[k].reshape(X.shape)).trees_)
            except ValueError as error:
                where = f"row {rows[0]}" if rows[1] - rows[0] == 1 else f"rows {rows[0]} to {rows[1] - 1}"
                raise UserError(f"{where} of the photos cannot be learned: {error}") from None
    return index, channels, found, (os.getpid(), peak_of_process())


def usable(photos):
    """Those photos that row models can learn from.

    Parameters
    ----------
    photos : Photos or sequence of np.ndarray
        uint8 (H, W, 3).

    Returns
    -------
    Photos or np.ndarray
        Those of a `Photos` that can be read, decoded and cached on the way; or a sequence as one array, (N, H, W, 3)
        uint8.

    Raises
    ------
    UserError
        For photos of several sizes, for anything but uint8 (H, W, 3), and for fewer than two.
    """
    if isinstance(photos, Photos):
        photos = photos.pick([index for index, _ in photos.read()])
    else:
        for i, photo in enumerate(photos):
            if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
                raise UserError(f"photo {i} is {photo.dtype} {photo.shape}: row models need uint8 (H, W, 3)")
            if photo.shape != photos[0].shape:
                sizes = f"photo {i} has {photo.shape[:2]} pixels and photo 0 has {photos[0].shape[:2]}"
                raise UserError(f"{sizes}: row models need photos of one size, as open_photos gives them")
        photos = np.array(photos)
    if len(photos) < 2:
        raise UserError(f"{len(photos)} usable training photos are too few for row models: give at least 2")
    return photos


def _identity(photos) -> str:
    digest = hashlib.sha256()
    if isinstance(photos, Photos):
        digest.update(json.dumps([photos.cache.folder.name, photos.cache.part, photos.names]).encode())
    else:
        digest.update(str(photos.shape).encode() + photos.tobytes())
    return digest.hexdigest()[:16]


def fit_rows(photos, model: RowRegressor, folder=None, models: int | None = None, step: float = 0.5) -> RowColorizer:
    """Fit one kind of row model to whole photos.

    A tree or forest learns from one row of every photo; boosting from all rows of a band. The models are spread over
    processes or a cluster as `system.backend` says. Shows a progress bar with the time left.

    Parameters
    ----------
    photos : Photos or sequence of np.ndarray
        uint8 (H, W, 3) of one size.
    model : RowRegressor
        Its `kind` says how; it stays unfitted.
    folder : path-like, optional
        Where to keep the result, `<kind>.npz`; the same call loads it again. While fitting, finished models are in
        `<kind>-<digest>/` beside it: after Ctrl-C the same call goes on from them, and one with other photos or
        settings starts a folder of its own. None keeps nothing.
    models : int, optional
        How many for each channel, evenly spaced, from 1 to H; None is one per row, for boosting 10 (or H when that is
        less).
    step : float
        Lightness is rounded to multiples of it while fitting (see `read_rows`).

    Returns
    -------
    RowColorizer
        With `models` models for each channel.

    Raises
    ------
    UserError
        For photos that cannot be used together (see `usable`), for a row that is constant, and for `models` out of
        range.
    ValueError
        For a parameter of `model` that is out of range.
    """
    model.check()
    photos = usable(photos)
    height, pooled = len(photos[0]), model.kind == "boosting"
    if models is None:
        models = min(BANDS, height) if pooled else height
    if not 1 <= models <= height:
        raise UserError(f"models must be from 1 to the {height} rows of a photo, got {models}")
    about = {"format": FORMAT, "kind": model.kind, "photos": len(photos), "size": list(photos[0].shape[:2])}
    about |= {"models": models, "step": step, "settings": model.get_params(), "identity": _identity(photos)}
    about |= {"scikit-learn": sklearn.__version__.rsplit(".", 1)[0]}
    parts = None
    if folder is not None:
        file = Path(folder) / f"{model.kind}.npz"
        digest = hashlib.sha256(json.dumps(about, default=int).encode()).hexdigest()
        parts = file.with_name(f"{model.kind}-{digest[:12]}")
        if file.exists():
            try:
                known, why = about_rows(file), f"{file} was fitted with other photos, settings or versions"
                if {key: known.get(key) for key in about} == about:
                    return load_rows(file)
            except UserError as error:
                why = str(error).partition(";")[0]
            warnings.warn(f"{why}; it will be replaced", stacklevel=2)
    done = _read_parts(parts)
    both = [[0], [1]] if pooled else [[0, 1]]
    todo = [(i, c) for i in range(models) for c in both if not all((i, channel) in done for channel in c)]
    pieces = (
        joblib.delayed(_fit_piece)(photos, model, i, channels, rows_of(i, models, height, pooled), step)
        for i, channels in todo
    )
    began, peaks, kept = time.perf_counter(), {}, 2 * models - sum(len(channels) for _, channels in todo)
    with tqdm(total=2 * models, initial=kept, desc=model.kind, unit="model", smoothing=0.05) as bar:
        try:
            for index, channels, found, (pid, peak) in joblib.Parallel(return_as="generator_unordered")(pieces):
                now = time.perf_counter()
                peaks |= {pid: peak, os.getpid(): peak_of_process()}
                spent = (now - began) / len(channels), sum(peaks.values())
                began = now
                for channel, trees in zip(channels, found):
                    if parts is not None:
                        _write(parts / f"{index}-{channel}.npz", vars(trees) | {"spent": np.array(spent)})
                    done[index, channel] = trees, spent
                bar.update(len(channels))
        except KeyboardInterrupt:
            if parts is not None:
                bar.write(f"{model.kind}: interrupted; {len(done)} of {2 * models} models are kept in {parts.name}")
            raise
    fitted = RowColorizer.of(model.kind, [[done[i, channel][0] for i in range(models)] for channel in range(2)])
    if parts is not None:
        spent = np.array([spent for _, spent in done.values()])
        about |= {"seconds": spent[:, 0].sum(), "peak_mib": spent[:, 1].max()}
        save_rows(fitted, file, about)
        shutil.rmtree(parts, ignore_errors=True)
    return fitted


def _read_parts(parts: Path | None) -> dict:
    """The finished models in a folder, {(index, channel): (Trees, (seconds, MiB))}; a damaged file is fitted anew."""
    found = {}
    for path in sorted(parts.glob("[0-9]*-*.npz")) if parts is not None else ():
        try:
            with np.load(path, allow_pickle=False) as arrays:
                trees = Trees(*(arrays[name] for name in Trees.__dataclass_fields__))
                spent = tuple(arrays["spent"].tolist())
            found[tuple(map(int, path.stem.split("-")))] = trees, spent
        except Exception:  # see about_rows
            path.unlink(missing_ok=True)
    return found


def _write(path: Path, arrays: dict) -> None:
    with paths.atomic(path) as part, open(part, "wb") as file:
        np.savez(file, **arrays)


def save_rows(fitted: RowColorizer, path: Path, about: dict) -> None:
    """Write a RowColorizer and what is known about it as plain arrays; nothing in the file can be executed.

    Parameters
    ----------
    fitted : RowColorizer
        The models.
    path : path-like
        The file, `.npz`.
    about : dict
        What it was fitted on, see `about_rows`; `load_rows` needs "format" and "kind" among it.
    """
    arrays = {name: getattr(fitted, name) for name in ARRAYS}
    _write(Path(path), arrays | {"about": np.array(json.dumps(about, default=int))})


def about_rows(path: Path) -> dict:
    """What a saved RowColorizer was fitted on.

    Parameters
    ----------
    path : path-like
        The file, `.npz`.

    Returns
    -------
    dict
        kind, photos (their number), size (height and width), models, settings, seconds, peak_mib (MiB) and more.

    Raises
    ------
    UserError
        When the file is damaged or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            written = about["format"]
    except Exception as error:  # zipfile and NumPy raise a dozen kinds for damaged files, TokenError among them
        reason = f"{path} is damaged or no row model ({type(error).__name__})"
        raise UserError(f"{reason}; delete it and run notebook 04 again") from None
    if written != FORMAT:
        reason = f"{path} has format {written}, this version of nbhelpers reads {FORMAT}"
        raise UserError(f"{reason}; delete it and run notebook 04 again")
    return about


def load_rows(path: Path) -> RowColorizer:
    """Read a RowColorizer; nothing is unpickled.

    Parameters
    ----------
    path : path-like
        The file, `.npz`.

    Returns
    -------
    RowColorizer
        As it was saved.

    Raises
    ------
    UserError
        When the file is damaged or of another version.
    """
    about = about_rows(path)
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in ARRAYS}
        _check(about["kind"], arrays)
    except Exception as error:
        raise UserError(f"{path} is damaged ({error}); delete it and run notebook 04 again") from None
    return RowColorizer(about["kind"], **arrays)


def _check(kind, arrays: dict) -> None:
    """Raise ValueError unless the arrays of a file fit together, so that no prediction reads outside them."""
    if kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}")
    for name, array in arrays.items():
        if array.ndim != ARRAYS[name] or array.dtype.kind != ("i" if name in ("feature", "sizes") else "f"):
            raise ValueError(f"{name} is {array.dtype} {array.shape}")
    feature, threshold, leaf, mean, components, sizes = (arrays[name] for name in ARRAYS)
    _, models, width = mean.shape
    total, count, nodes = int(sizes.sum()), feature.shape[2], feature.shape[3]
    fits = (
        feature.shape == threshold.shape == (2, models, count, nodes)
        and mean.shape[0] == 2
        and sizes.shape == (2, models)
        and (nodes & (nodes + 1)) == 0
        and components.shape == (total, width)
        and leaf.shape == (total * count * (nodes + 1),)
        and feature.min() >= 0
        and feature.max() < width
        and sizes.min() >= 1
        and all(np.isfinite(array).all() for array in (leaf, mean, components))
        and not np.isnan(threshold).any()
    )
    if not fits:
        raise ValueError("its arrays do not fit together")
