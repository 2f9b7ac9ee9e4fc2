"""Scores of many methods on the same photos, kept method by method: what is done is not done again."""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from nbhelpers import paths, system
from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.evaluation.evaluate import MEASURES, Scores, check, columns_of, score

# What decides a score: when the code of one of these changes, scores that were kept are not used.
MODULES = ("colour/chroma", "colour/gamut", "colour/lab", "colour/metrics", "evaluation/evaluate", "hints",
           "linear/colorizers", "linear/neighbours", "linear/solvers", "linear/systems", "networks/hint_inputs",
           "networks/inference", "networks/models", "registry", "rows/colorizers", "rows/regressor")  # fmt: skip
PACKAGE = Path(__file__).parents[1]


def score_methods(colorizers, photos, shares, folder=None, seed: int = 0, measures=MEASURES) -> Scores:
    """Score methods by `evaluate.score` at several shares of unknown pixels, one by one, and keep each when it is done.

    Parameters
    ----------
    colorizers : iterable of Colorizer
        Each needs a name of its own.
    photos : Photos or sequence of np.ndarray
        uint8 (H, W, 3); with a folder it must be a `Photos`.
    shares : iterable of float
        Shares of unknown pixels in [0, 1].
    folder : path-like, optional
        Where finished methods are kept, `<name>-<digest>.npz`; None keeps nothing. The digest is of the fitted method,
        the photos, the settings, the code that colours and measures and the versions of the libraries below it, so that
        what has changed is scored anew, and after Ctrl-C the same call goes on.
    seed : int
        Photo i draws its hints with seed + i.
    measures : iterable of str
        Of `evaluate.MEASURES`.

    Returns
    -------
    Scores
        As `evaluate.score` returns it, without the colours of the truth.

    Raises
    ------
    ValueError
        For an unknown measure, for two colorizers of one name, and when there is no photo.
    """
    colorizers, shares, measures = list(colorizers), [float(share) for share in shares], tuple(measures)
    check(colorizers, measures)
    tables, colours = [], {}
    # One bar for all methods; in a log file, where each redraw is a new line, it is brief.
    with tqdm(total=len(colorizers) * len(photos), unit="photo", mininterval=1) as bar:
        for colorizer in colorizers:
            bar.set_description(colorizer.name)
            path = None
            if folder is not None:
                which = (photos.cache.folder.name, photos.cache.part, photos.names, shares, seed, measures)
                key = fingerprint((_code(), system.libraries(), colorizer, *which))
                path = Path(folder) / f"{colorizer.name}-{key[:16]}.npz"
            found = _read(path, columns_of("unknown", measures)) if path else None
            if found is None:
                new = score([colorizer], photos, shares, seed, measures=measures, bar=bar)
                found = new.table, {at: kept for (name, at), kept in new.colours.items() if name == colorizer.name}
                if path and len(new.table) == len(photos) * len(shares):  # an unreadable photo may be readable later
                    _write(path, *found)
            else:
                bar.update(len(photos))
            tables.append(found[0])
            colours |= {(colorizer.name, share): statistics for share, statistics in found[1].items()}
    return Scores(pd.concat(tables, ignore_index=True), colours)


@functools.cache
def _code() -> str:
    """A digest of the code of MODULES, comments and layout left out."""
    trees = (ast.dump(ast.parse((PACKAGE / f"{name}.py").read_text("utf-8"))) for name in MODULES)
    return hashlib.sha256("".join(trees).encode()).hexdigest()


_SUMS = tuple(field.name for field in dataclasses.fields(ColourStatistics))


def _write(path: Path, table: pd.DataFrame, colours: dict) -> None:
    arrays = {f"table:{name}": table[name].to_numpy() for name in table}
    for name in ("table:photo", "table:method"):
        arrays[name] = arrays[name].astype(str)
    arrays["shares"] = np.array(list(colours))
    for name in _SUMS:
        arrays[f"colours:{name}"] = np.array([getattr(statistics, name) for statistics in colours.values()])
    with paths.atomic(path) as part, open(part, "wb") as file:
        np.savez_compressed(file, **arrays)


def _read(path: Path, columns: list[str]) -> tuple[pd.DataFrame, dict] | None:
    """What was kept, or None when there is nothing or it is damaged; nothing is unpickled."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            table = pd.DataFrame({name: arrays[f"table:{name}"] for name in columns})
            sums = [arrays[f"colours:{name}"] for name in _SUMS]
            shares = arrays["shares"].tolist()
    except Exception:  # zipfile and NumPy raise a dozen kinds for damaged files; it is only measured again
        return None
    return table, {share: ColourStatistics(*(column[i] for column in sums)) for i, share in enumerate(shares)}


def fingerprint(value) -> str:
    """A digest of a value: two methods that differ must not look alike.

    `joblib.hash` does not do: it takes anything, depends on the memory layout of arrays, and gives equal networks
    different values.

    Parameters
    ----------
    value : object
        A number, a text, None, an array, a network, or a dataclass, list, tuple or dict of them.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.

    Raises
    ------
    TypeError
        For anything else.
    """
    digest = hashlib.sha256()
    _feed(digest, value)
    return digest.hexdigest()


def _feed(digest, value) -> None:
    digest.update(type(value).__name__.encode() + b"(")
    if dataclasses.is_dataclass(value):
        _feed(digest, {field.name: getattr(value, field.name) for field in dataclasses.fields(value)})
    elif hasattr(value, "state_dict"):  # a network: its layers, then its weights
        digest.update(repr(value).encode())
        _feed(digest, {name: tensor.detach().cpu().numpy() for name, tensor in value.state_dict().items()})
    elif isinstance(value, np.ndarray):
        digest.update(f"{value.dtype}{value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        _feed(digest, list(value.items()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            _feed(digest, item)
    elif value is None or isinstance(value, (str, int, float, bool)):
        digest.update(repr(value).encode())
    else:
        raise TypeError(f"cannot tell apart values of type {type(value).__name__}")
    digest.update(b")")
