"""Scores of many methods on the same photos, kept method by method: what is done is not done again."""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import warnings
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from nbhelpers import paths, system
from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.evaluation.evaluate import MEASURES, check_measures, columns_of, score_photo
from nbhelpers.photos.cache import PhotoWarning

# What decides a score: when the code of one of these changes, scores that were kept are not used.
MODULES = ("colour/chroma", "colour/gamut", "colour/lab", "colour/metrics", "evaluation/evaluate", "hints",
           "linear/colorizers", "linear/neighbours", "linear/solvers", "linear/systems", "networks/hint_inputs",
           "networks/inference", "networks/models", "registry", "rows/colorizers", "rows/regressor")  # fmt: skip
PACKAGE = Path(__file__).parents[1]
CHUNK = 8  # photos in one piece of work


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of photos, one row per photo, share and method as `evaluate.evaluate` gives them, and painted colours.

    colours: (method, share of unknown pixels) -> ColourStatistics of the unknown pixels of all photos that it solved.
    """

    table: pd.DataFrame
    colours: dict[tuple[str, float], ColourStatistics]


def _score_chunk(colorizer, photos, shares, seed, measures) -> tuple[list[dict], dict, list[str]]:
    rows, colours, problems = [], {}, []
    for i in range(len(photos)):
        found, why = score_photo([colorizer], photos[i : i + 1], "unknown", shares, seed + i, measures)
        if why:
            problems.append(why)
        for row in found:
            new, share = row.pop("colours"), row["unknown"]
            if new is not None and row["converged"]:
                colours[share] = colours[share] + new if share in colours else new
            rows.append(row)
    return rows, colours, problems


def score_methods(colorizers, photos, shares, folder=None, seed: int = 0, measures=MEASURES) -> Scores:
    """Score each colorizer on a `Photos` at several shares of unknown pixels, the same hidden pixels for all.

    folder: where finished methods are kept, `<name>-<digest>.npz`; the digest is of the fitted method, the photos, the
    settings, the code that colours and measures and the versions of the libraries below it, so that what has changed
    is scored anew and after Ctrl-C the same call goes on. Measures and columns are those of `evaluate`. Photos are
    spread as `system.backend` says; unreadable ones are skipped with a PhotoWarning. Raises ValueError for an unknown
    measure and for two colorizers of one name.
    """
    colorizers, shares = list(colorizers), [float(share) for share in shares]
    check_measures(measures)
    names = [colorizer.name for colorizer in colorizers]
    if len(set(names)) < len(names):
        raise ValueError(f"each method needs a name of its own, got {', '.join(names)}")
    tables, colours = [], {}
    # One bar for all methods; in a log file, where each redraw is a new line, it is brief.
    with tqdm(total=len(colorizers) * len(photos), unit="photo", mininterval=1) as bar:
        for colorizer in colorizers:
            bar.set_description(colorizer.name)
            path = None
            if folder is not None:
                about = (
                    _code(),
                    system.libraries(),
                    colorizer,
                    photos.cache.folder.name,
                    photos.cache.part,
                    photos.names,
                    shares,
                    seed,
                )
                path = Path(folder) / f"{colorizer.name}-{fingerprint((*about, tuple(measures)))[:16]}.npz"
            found = _read(path, columns_of("unknown", measures)) if path else None
            if found is None:
                found = _score(colorizer, photos, shares, seed, tuple(measures), bar)
                if path and len(found[0]) == len(photos) * len(shares):  # an unreadable photo may be readable later
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


def _score(colorizer, photos, shares, seed, measures, bar) -> tuple[pd.DataFrame, dict]:
    tasks = (
        joblib.delayed(_score_chunk)(colorizer, photos[i : i + CHUNK], shares, seed + i, measures)
        for i in range(0, len(photos), CHUNK)
    )
    table, colours = [], {}
    for rows, new, problems in joblib.Parallel(return_as="generator")(tasks):
        for problem in problems:
            warnings.warn(f"skipped: {problem}", PhotoWarning, stacklevel=3)
        table += rows
        for share, statistics in new.items():
            colours[share] = colours[share] + statistics if share in colours else statistics
        bar.update(len(rows) // len(shares) + len(problems))
    return pd.DataFrame(table, columns=columns_of("unknown", measures)), colours


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
    """A SHA-256 of numbers, texts, arrays, networks, and of dataclasses, lists and dicts of them.

    Raises TypeError for anything else: two methods that differ must not look alike. `joblib.hash` does not do: it
    takes anything, depends on the memory layout of arrays, and gives equal networks different values.
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
