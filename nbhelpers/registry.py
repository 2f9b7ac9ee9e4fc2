"""The registry: one name per method, all answering the same question.

A colorizer has a `name` and `colorize(lightness (H, W) float32 in [0, 100], hints) -> ab (H, W, 2) float32` with
the known pixels kept. What was fitted is saved as JSON or plain arrays, which nothing can execute.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from nbhelpers import paths
from nbhelpers.errors import UserError, instead_of
from nbhelpers.hints import Colorizer, Constant, Nearest
from nbhelpers.linear.colorizers import ANCHOR, Biharmonic, Propagation
from nbhelpers.linear.neighbours import NeighbourModel
from nbhelpers.rows.colorizers import PositionMean
from nbhelpers.rows.fitting import load_rows
from nbhelpers.rows.regressor import KINDS

CHECKPOINTS = "checkpoints"  # below data/: small fitted models that are committed
FOUR = ("ols", "ridge", "lasso", "elasticnet")  # the paper's regressions
LINEAR = (*FOUR, "sum-to-one")
NETWORKS = ("unet", "gan-paper", "gan-l1")  # they do not look at hints
HINTED = ("hinted", "hinted-alone")
CLASSICAL = ("grey", "mean", "nearest", *LINEAR, "edge-aware", "levin", "biharmonic")


def names() -> tuple[str, ...]:
    """The names that `load` knows, baselines first."""
    return (*CLASSICAL, "position-mean", *KINDS, *NETWORKS, *HINTED)


def save(name: str, model, run: paths.Run) -> None:
    """Keep a fitted model of a run: a NeighbourModel, for "mean" the two numbers a*, b*, or a PositionMean.

    It is written to data/runs/<run>/models/<name>.json, a PositionMean as .npz.
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
    """The colorizer of that name: fitted in `run`, else the committed one under data/checkpoints/.

    Raises UserError for an unknown name, for a model that was never fitted (the sentence says how to), and
    for a model file that is damaged.
    """
    if name not in names():
        raise UserError(f"there is no colorizer {name!r}: {instead_of(name, names())}")
    if name == "grey":
        return Constant("grey")
    if name == "position-mean":
        return PositionMean(_planes(_find(f"{name}.npz", run, "04")))
    if name in KINDS:
        rows = load_rows(path := _find(f"{name}.npz", run, "04"))
        if rows.kind != name:
            raise UserError(f"{path} holds {rows.kind} models: delete it and run notebook 04 again")
        return rows
    if name in (*NETWORKS, *HINTED):
        from nbhelpers.networks import inference  # torch takes seconds to load

        return inference.load(name, _find(f"{name}.safetensors", run, "05" if name == "unet" else "06"))
    prior = tuple(_read("mean", run, {"ab": (2,)})["ab"].tolist())
    if name == "mean":
        return Constant("mean", prior)
    if name == "nearest":
        return Nearest(prior=prior)
    if name == "biharmonic":
        return Biharmonic(prior=prior)
    if name in LINEAR:
        model = NeighbourModel(**_read(name, run, {"coefficients": (2, 25), "intercept": (2,)}))
        return Propagation(name, "neighbour", model, prior, ANCHOR.get(name, 0.0))
    return Propagation(name, name, prior=prior, anchor=ANCHOR[name])


def _find(file: str, run: paths.Run | None, notebook: str) -> Path:
    """The file of a model, in the run or else among the committed checkpoints; UserError when it is in neither."""
    for path in (place / file for place in ([run.models] if run else []) + [paths.DATA / CHECKPOINTS]):
        if path.is_file():
            return path
    asked = run or paths.Run()
    if Path(file).stem in HINTED:
        how = f"trained: `nbhelpers train {Path(file).stem}"
    else:
        how = f"fitted: run notebook {notebook}, for example `nbhelpers run {notebook}"
    then = f", and load it with run=Run({asked.profile!r}, {asked.photos!r}), or --run {asked.name}"
    which = "--reference" if asked.called == "reference" else f"--profile {asked.profile}"
    raise UserError(
        f"the colorizer {Path(file).stem!r} has not been {how} {which} --photos {asked.photos}`" + ("" if run else then)
    )


def _read(name: str, run: paths.Run | None, shapes: dict[str, tuple]) -> dict[str, np.ndarray]:
    """Read a model's arrays, of the given shapes, from the run or else from the committed checkpoints."""
    path = _find(f"{name}.json", run, "02")
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
