"""The committed copy of a trained network: `python -m nbhelpers.course.quantization NAME FILE --photos FOLDER`.

Its convolutions are stored as int8 where the error on test photos hardly grows, else in half precision as they were.
A pretrained encoder is so deep that its features would drift: its batch normalization is adapted on training photos.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from pathlib import Path

import torch

from nbhelpers import paths
from nbhelpers.colour.lab import rgb_to_lab_tensor, scale_lightness
from nbhelpers.errors import UserError
from nbhelpers.evaluation.evaluate import evaluate_patches
from nbhelpers.networks import checkpoints, inference
from nbhelpers.networks.data import bytes_of
from nbhelpers.networks.int8 import means_kept
from nbhelpers.networks.pretrained import PretrainedUNet
from nbhelpers.photos import Photos, open_photos
from nbhelpers.registry import CHECKPOINTS, HINTED, NETWORKS

LIMIT = 0.005  # the share by which the mean ab-MSE may grow
SIZE = 256  # pixels; side of the photos on which a network that takes hints is scored, as in notebook 08
PATCHES = (0, 10)  # how many hints it is given there
ADAPTED_ON = 64  # training photos, the first; those that a pretrained encoder sees
PRIOR = "-prior"  # ends the name of the file beside that of a network with hints


def commit(name: str, file: Path, photos: str, folder: Path, jobs: int = 1) -> dict[str, dict]:
    """Store a trained network, and its prior where it has one, for the course: in int8 if that does no harm.

    A network and its prior are scored together, as they will be stored, and both fall back to float16 when the error of
    one of them grows by more than LIMIT.

    Parameters
    ----------
    name : str
        A name of the registry, such as "unet" or "hinted".
    file : Path
        The network as it was trained; its prior lies beside it.
    photos : str
        A source of `open_photos`; its test photos are painted, at the network's own size, or at SIZE with hints.
    folder : Path
        Where `<name>.safetensors` and `.json` are written, and those of `<name>-prior`, unless the prior is the network
        of the course that lies there. A pretrained encoder has a file of its own, which networks with the same one
        share.
    jobs : int
        Processes that paint.

    Returns
    -------
    dict
        Name of each file written -> what it says of itself under "stored": weights ("int8" or "float16"), made_from
        (digest of the trained file), photos (their number), size (their side in pixels), patches (of hints, a list),
        and for each of these ab_mse_before and ab_mse_after the rounding to int8.

    Raises
    ------
    UserError
        When a file is damaged, missing, or in int8 already, or there is no test photo.
    """
    file, folder = Path(file), Path(folder)
    if any(value.dtype == torch.int8 for value in checkpoints.read(file)[0].values()):
        raise UserError(f"{file} is stored in int8 already: give the network as it was trained")
    before = inference.load(name, file)
    with_hints = isinstance(before, inference.HintedColorizer)
    source = open_photos(photos, SIZE if with_hints else before.size)
    guessed, there = isinstance(getattr(before, "prior", None), inference.NetworkColorizer), folder / inference.SHARED
    shared = guessed and there.is_file() and checkpoints.digest(there) == before.about["start"]
    parts = ["", PRIOR] if guessed and not shared else [""]
    with tempfile.TemporaryDirectory() as trial:
        if shared:
            checkpoints.copy(there, Path(trial) / there.name)
        trial = _store(name, file, Path(trial), True, dict.fromkeys(parts, {}), source.train)
        after = inference.load(name, trial)
    told = _measure(before, after, parts, source.test, PATCHES if with_hints else (0,), jobs)
    small = all(
        new <= (1 + LIMIT) * old
        for one in told.values()
        for old, new in zip(one["ab_mse_before"], one["ab_mse_after"], strict=True)
    )
    stored = {}
    for part, one in told.items():
        digest = checkpoints.digest(file.with_stem(file.stem + part))
        stored[part] = {"weights": "int8" if small else "float16", "made_from": digest} | one
    _store(name, file, folder, small, stored, source.train)
    return {f"{name}{part}.safetensors": one for part, one in stored.items()}


def _measure(before, after, parts: list[str], test: Photos, patches: tuple[int, ...], jobs: int) -> dict[str, dict]:
    """The mean ab-MSE of two colorizers, and of their priors without hints, over test photos: part -> its record."""
    models = {"before": before, "after": after}
    colorizers = [dataclasses.replace(model, name=when) for when, model in models.items()]
    if PRIOR in parts:
        colorizers += [dataclasses.replace(model.prior, name=when + PRIOR) for when, model in models.items()]
    scores = evaluate_patches(colorizers, test, patches, jobs=jobs, measures=("ab_mse",))
    means = scores.groupby(["method", "patches"])["ab_mse"].mean()
    found = {}
    for part in parts:
        counts = (0,) if part == PRIOR else patches
        found[part] = {"photos": scores["photo"].nunique(), "size": test.size, "patches": list(counts)}
        found[part] |= {f"ab_mse_{when}": [float(means[when + part, count]) for count in counts] for when in models}
    return found


def _store(name: str, file: Path, folder: Path, int8: bool, stored: dict[str, dict], train: Photos) -> Path:
    """Write the network, after its prior, whose new digest it names as its start; returns its path in `folder`."""
    network, about = checkpoints.load_network(file)
    if PRIOR in stored:
        beside = _store(name + PRIOR, file.with_stem(file.stem + PRIOR), folder, int8, {"": stored[PRIOR]}, train)
        about["start"] = checkpoints.digest(beside)
    if int8 and isinstance(network, PretrainedUNet):
        squares = bytes_of(train[:ADAPTED_ON], train.size)
        lightness = scale_lightness(rgb_to_lab_tensor(squares)[:, :1])
        network = means_kept(network, lambda one: one.features(lightness))
    to = folder / f"{name}.safetensors"
    checkpoints.save_network(to, network, about | {"stored": stored[""]}, int8, share=True)
    return to


def main(arguments: list[str] | None = None) -> None:
    """Write the committed copy of a network to data/checkpoints and say what it costs.

    Parameters
    ----------
    arguments : list of str, optional
        Of the command line; None takes those of the process.

    Raises
    ------
    SystemExit
        With exit status 1 for a failure, 2 for wrong usage.
    """
    parser = argparse.ArgumentParser(prog="python -m nbhelpers.course.quantization", description=__doc__)
    parser.add_argument("name", choices=(*NETWORKS, *HINTED), help="what the network is called in the course")
    parser.add_argument("file", type=Path, help="the trained network, such as data/runs/RUN/models/unet.safetensors")
    parser.add_argument("--photos", required=True, help="a source of photos; those for tests are painted")
    parser.add_argument("--jobs", type=int, default=1, help="processes that paint")
    asked = parser.parse_args(arguments)
    folder = paths.DATA / CHECKPOINTS
    try:
        stored = commit(asked.name, asked.file, asked.photos, folder, asked.jobs)
    except UserError as error:
        sys.exit(f"{parser.prog}: {error}")
    for name, one in stored.items():
        print(f"{name}: {one['weights']}, {(folder / name).stat().st_size / 1e6:.2f} MB, {one['photos']} photos")
        for count, old, new in zip(one["patches"], one["ab_mse_before"], one["ab_mse_after"], strict=True):
            print(f"  {count} patches known: ab-MSE {old:.3f}, in int8 {new:.3f} ({new / old - 1:+.3%})")


if __name__ == "__main__":
    main()
