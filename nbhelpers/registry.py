"""The registry: the table of all methods, and how each is saved and loaded.

What was fitted is saved as JSON or plain arrays, which nothing can execute.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from nbhelpers import paths
from nbhelpers.errors import UserError, instead_of
from nbhelpers.hints import Colorizer, Constant, Nearest
from nbhelpers.linear.colorizers import ANCHOR, Biharmonic, Propagation
from nbhelpers.linear.neighbours import NeighbourModel
from nbhelpers.methods import (
    BLIND,
    CLASSICAL,
    COMPARED,
    FOUR,
    HINTED,
    LINEAR,
    METHODS,
    NETWORKS,
    ROWS,
    SLIDING,
    SPREADING,
    Method,
    names,
)
from nbhelpers.rows.colorizers import PositionMean
from nbhelpers.rows.fitting import load_rows

__all__ = [
    "BLIND", "CHECKPOINTS", "CLASSICAL", "COMPARED", "COURSE", "FOUR", "HINTED", "LINEAR", "METHODS", "NETWORKS",
    "ROWS", "SLIDING", "SPREADING", "Method", "load", "names", "save",
]  # fmt: skip

CHECKPOINTS = "checkpoints"  # below data/: small fitted models that are committed
COURSE = "course"  # the origin of those; a run's models have its name, which holds a hyphen


def save(name: str, model, run: paths.Run) -> None:
    """Keep a fitted model of a run in data/runs/<run>/models/.

    Parameters
    ----------
    name : str
        The method's name.
    model : NeighbourModel, array_like or PositionMean
        Written to <name>.json; for "mean" the two numbers a*, b*. A PositionMean is written to <name>.npz.
    run : Run
        The run.
    """
    if isinstance(model, PositionMean):
        with paths.atomic(run.models / f"{name}.npz") as part:
            np.savez_compressed(part, ab=model.ab)
        return
    content = asdict(model) if isinstance(model, NeighbourModel) else {"ab": model}
    lists = {key: np.asarray(value, float).tolist() for key, value in content.items()}
    with paths.atomic(run.models / f"{name}.json") as part:
        part.write_text(json.dumps(lists, indent=1) + "\n")


def load(name: str, run: paths.Run | None = None) -> Colorizer:
    """Load the colorizer of that name.

    Parameters
    ----------
    name : str
        One of METHODS.
    run : Run, optional
        Where it was fitted; what is not there, and all with None, is the committed one under data/checkpoints/.

    Returns
    -------
    Colorizer
        Its `origin` says where the model came from: the name of the run, or COURSE, both with "and" when its model and
        the mean colour that it falls back to differ in that, or "" when it needs no model.

    Raises
    ------
    UserError
        For an unknown name, for a model that was never fitted (the sentence says how to), and for a model file that is
        damaged.
    """
    if name not in METHODS:
        raise UserError(f"there is no colorizer {name!r}: {instead_of(name, names())}")
    method = METHODS[name]
    if not method.file:
        return Constant(name)
    path, origin = _find(method, run)
    if name == "position-mean":
        found = PositionMean(_planes(path))
    elif method.family == "rows":
        found = load_rows(path)
        if found.kind != name:
            raise UserError(f"{path} holds {found.kind} models: delete it and run notebook 04 again")
    elif method.family == "network":
        from nbhelpers.networks import inference  # torch takes seconds to load

        found = inference.load(name, path)
    else:
        mean, other = _find(METHODS["mean"], run)
        prior = tuple(_read(mean, "mean", {"ab": (2,)})["ab"].tolist())
        found = _with_prior(method, path, prior)
        origin = origin if other == origin else f"{origin} and {other}"
    return replace(found, origin=origin)


def _with_prior(method: Method, path: Path, prior: tuple[float, float]) -> Colorizer:
    """A method that paints the mean colour `prior` where nothing is known."""
    name = method.name
    if name == "mean":
        return Constant(name, prior)
    if name == "nearest":
        return Nearest(prior=prior)
    if name == "biharmonic":
        return Biharmonic(prior=prior)
    if method.family == "regression":
        model = NeighbourModel(**_read(path, name, {"coefficients": (2, 25), "intercept": (2,)}))
        return Propagation(name, "neighbour", model, prior, ANCHOR.get(name, 0.0))
    return Propagation(name, name, prior=prior, anchor=ANCHOR[name])


def _find(method: Method, run: paths.Run | None) -> tuple[Path, str]:
    """The file of a model and its origin: the run, or else the course; UserError when it is in neither."""
    places = {COURSE: paths.DATA / CHECKPOINTS}
    if run is not None:
        places = {run.name: run.models} | places
    for origin, place in places.items():
        if (place / method.file).is_file():
            return place / method.file, origin
    asked = run or paths.Run()
    which = "--reference" if asked.called == "reference" else f"--profile {asked.profile}"
    command = f"`{method.made_by} {which} --photos {asked.photos}`"
    how = f"trained: {command}"
    if method.made_by.startswith("nbhelpers run"):
        how = f"fitted: run notebook {method.made_by[-2:]}, for example {command}"
    then = f", and load it with run=Run({asked.profile!r}, {asked.photos!r}), or --run {asked.name}"
    raise UserError(f"the colorizer {Path(method.file).stem!r} has not been {how}" + ("" if run else then))


def _read(path: Path, name: str, shapes: dict[str, tuple]) -> dict[str, np.ndarray]:
    """Read a model's arrays, of the given shapes; UserError when the file is damaged."""
    try:
        content = json.loads(path.read_text())
        arrays = {key: np.array(content[key], dtype=float) for key in shapes}
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error}): delete it and run notebook 02 again") from error
    if any(arrays[key].shape != shapes[key] or not np.isfinite(arrays[key]).all() for key in shapes):
        raise UserError(f"{path} does not hold a {name} model: delete it and run notebook 02 again")
    return arrays


def _planes(path: Path) -> np.ndarray:
    """Read the ab planes (H, W, 2) of a PositionMean; UserError when the file is damaged."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            ab = arrays["ab"]
    except Exception as error:  # zipfile and NumPy raise a dozen kinds for damaged files
        raise UserError(f"{path} is damaged ({type(error).__name__}): delete it and run notebook 04 again") from None
    if ab.dtype != np.float32 or ab.ndim != 3 or ab.shape[2] != 2 or not ab.size or not np.isfinite(ab).all():
        raise UserError(f"{path} does not hold a position mean: delete it and run notebook 04 again")
    return ab
