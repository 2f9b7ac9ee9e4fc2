"""Which photo sources there are, and where each is."""

from __future__ import annotations

import collections
import difflib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from nbhelpers.colour.tint import COLOURED, is_grey, tone
from nbhelpers.errors import UserError
from nbhelpers.paths import SOURCES
from nbhelpers.photos import kaggle, sources, torchvision_sets
from nbhelpers.photos.decoding import PhotoError, in_order, read_whole
from nbhelpers.photos.folders import named
from nbhelpers.photos.sources import NO_COLOUR
from nbhelpers.photos.torchvision_sets import TORCHVISION, TorchvisionPhoto

ONE_TINT = "one tint, as sepia, or next to no colour, which is what they teach: take them out, unless it is meant"
NO_TRUTH = "one tint or no colour, in the test part, so that scores of them tell nothing"


def find(source) -> tuple[str, Path | str, sources.Found]:
    """Look a source up afresh; those that are downloaded are fetched when they are not here.

    Parameters
    ----------
    source : str or os.PathLike
        One of `paths.SOURCES`, or a folder.

    Returns
    -------
    name : str
        Of the source, or of the folder.
    where : Path or str
        The folder; for the sample and torchvision's sets the name again.
    found : Found
        What is there.

    Raises
    ------
    UserError
        For a file, for a name or folder that does not exist, and when the source cannot be opened or downloaded.
    """
    text = os.fspath(source)
    if text == "sample":
        return text, text, sources.sample()
    if text in TORCHVISION:
        return text, text, torchvision_sets.torchvision_set(text)
    if text == "kaggle":
        where = kaggle.folder()
        return text, where, sources.folder(where)
    where = os.path.expanduser(text)  # os.path, not Path: it answers False, without an error, for odd names
    if os.path.isdir(where):
        where = Path(where).resolve()
        return where.name, where, sources.folder(where)
    if os.path.exists(where):
        raise UserError(f"{text} is a file: give the folder that holds the photos.")
    close = difflib.get_close_matches(text, SOURCES, n=1)
    advice = f'did you mean "{close[0]}"?' if close else f"choose a folder or one of {', '.join(SOURCES)}."
    raise UserError(f'there is no photo source or folder "{text}": {advice}')


class Source(NamedTuple):
    """A line of `nbhelpers photos list`.

    Attributes
    ----------
    name : str
        What `open_photos` takes.
    present : bool
        Whether it is on this machine.
    photos : int or None
        How many; None where counting would need to open it.
    how : str
        Where it comes from, or how to get it.
    """

    name: str
    present: bool
    photos: int | None  # None where counting would need to open it
    how: str


def list_sources() -> list[Source]:
    """The known sources, and whether each is here; never uses the network."""
    here = kaggle.present()
    listed = [
        Source("sample", True, len(sources.SAMPLE), "comes with scikit-image, scikit-learn and matplotlib"),
        Source(
            "kaggle",
            here is not None,
            sources.count_files(here) if here else None,
            "the paper's photos: nbhelpers photos fetch kaggle, or by hand (data/README.md)",
        ),
    ]
    for name in TORCHVISION:
        present = torchvision_sets.torchvision_root(name).is_dir()
        listed.append(Source(name, present, None, f"torchvision's: nbhelpers photos fetch {name}"))
    if own := os.environ.get("NBHELPERS_PHOTOS"):
        present = Path(own).is_dir()
        count = sources.count_files(Path(own)) if present else None
        listed.append(Source(own, present, count, "the folder in NBHELPERS_PHOTOS"))
    return listed


def fetch_source(name: str) -> str:
    """Download a source if it is not here.

    Parameters
    ----------
    name : str
        One of `paths.SOURCES`, or a folder, which needs no download.

    Returns
    -------
    str
        One sentence on where it is.

    Raises
    ------
    UserError
        As `find` does.
    """
    if name == "kaggle":
        return f"kaggle is in {kaggle.folder()}"
    if name in TORCHVISION:
        torchvision_sets.torchvision_set(name)
        return f"{name} is in {torchvision_sets.torchvision_root(name)}"
    _, where, _ = find(name)  # raises for a source that does not exist
    return f"{where} needs no download"


@dataclass(frozen=True)
class Report:
    """What `check_source` found.

    Attributes
    ----------
    name : str
        Of the source.
    train, test : int
        The photos of each part that can be used.
    skipped : tuple
        (name, reason) of files that cannot.
    smallest, largest : tuple
        (width, height) in pixels of the photos with the fewest and the most pixels; (0, 0) when there is none.
    beside : tuple of str
        Names of what was passed over: hidden, a link, or no picture.
    notes : tuple
        (what, names) of what holds for some photos, as that they have one tint.
    """

    name: str
    train: int
    test: int
    skipped: tuple[tuple[str, str], ...]
    smallest: tuple[int, int]
    largest: tuple[int, int]
    beside: tuple[str, ...] = ()
    notes: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def __str__(self):
        counts = f"{self.train} training and {self.test} test photos, {len(self.skipped)} skipped"
        lines = [f"{self.name}: {counts}"]
        if self.train + self.test:
            lines.append("from {} x {} to {} x {} pixels".format(*self.smallest, *self.largest))
        lines += [f"skipped {name}: {reason}" for name, reason in self.skipped]
        lines += [f"passed over {name}: hidden, a link, or no picture" for name in self.beside]
        return "\n".join(
            lines + [f"{len(names)} with {what}: {named(list(names), len(names))}" for what, names in self.notes]
        )


def check_source(source: str | os.PathLike, jobs: int = -1) -> Report:
    """Decode every photo of a source at its own size, in parallel, with a progress bar.

    For kaggle the SHA-256 of every file is compared too.

    Parameters
    ----------
    source : str or os.PathLike
        As for `open_photos`.
    jobs : int
        Photos decoded at once; -1 is one per core.

    Returns
    -------
    Report
        What there is, and what cannot be used.

    Raises
    ------
    UserError
        As `open_photos` does when there is no such source, and for a file that differs from the manifest.
    """
    from tqdm.auto import tqdm

    name, where, found = find(source)
    if os.fspath(source) == "kaggle":
        kaggle.compare_with_manifest(where, contents=True, progress=lambda names: tqdm(names, desc="SHA-256"))
    photos = [("train", *photo) for photo in found.train] + [("test", *photo) for photo in found.test]
    counts, sizes, skipped, notes = collections.Counter(), [], list(found.skipped), collections.defaultdict(list)
    for (part, label, _), result in zip(
        photos, tqdm(in_order(_examine, photos, jobs), total=len(photos), desc="decoding"), strict=True
    ):
        if isinstance(result, str):
            skipped.append((label, result))
        else:
            counts[part] += 1
            sizes.append(result[0])
            for what in result[1]:
                notes[what].append(label)
    sizes.sort(key=lambda size: size[0] * size[1])
    smallest, largest = (sizes[0], sizes[-1]) if sizes else ((0, 0), (0, 0))
    told = tuple((what, tuple(names)) for what, names in sorted(notes.items()))
    return Report(name, counts["train"], counts["test"], tuple(sorted(skipped)), smallest, largest, found.beside, told)


def _examine(photo):
    """(width, height) of a photo that can be used, and what is to be said of it; else the reason why not."""
    part, _, item = photo
    try:
        if isinstance(item, TorchvisionPhoto):
            rgb, notes = np.asarray(item.image()), []
        else:
            rgb, _, said = read_whole(item)
            notes = [what for what, _ in said]
    except PhotoError as error:
        return error.reason
    if part == "train" and is_grey(rgb):
        return NO_COLOUR
    if tone(rgb) != COLOURED:
        notes.append(ONE_TINT if part == "train" else NO_TRUTH)
    return (rgb.shape[1], rgb.shape[0]), notes


def attributions(source: str | os.PathLike) -> dict[str, str]:
    """Who made the photos, and their licences: of the sample, or from a folder's SOURCES.csv.

    Parameters
    ----------
    source : str or os.PathLike
        "sample" or a folder.

    Returns
    -------
    dict
        Photo name -> author and licence; {} when unknown.

    Raises
    ------
    UserError
        When the table cannot be read.
    """
    if str(source) == "sample":
        return sources.sample_credits()
    return sources.folder_credits(Path(source).expanduser())
