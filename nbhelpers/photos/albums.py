"""The photos in files and folders, and where what is made of each goes."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from nbhelpers.photos import folders
from nbhelpers.photos.formats import READABLE
from nbhelpers.photos.metadata import settings_of

OF_OURS = "a result of this command"


class Job(NamedTuple):
    """A photo to colorize.

    Attributes
    ----------
    photo, output : Path
        Its file, and the PNG file to be.
    in_folder : bool
        Whether it was found in a folder, not named.
    """

    photo: Path
    output: Path
    in_folder: bool = False


class Found(NamedTuple):
    """The photos in files and folders.

    Attributes
    ----------
    jobs : list of Job
        Photos with their outputs.
    failures : list of str
        A sentence for each place or photo that has none.
    passed_over : dict of str to list
        Why -> names of what else lies in the folders.
    """

    jobs: list[Job]
    failures: list[str]
    passed_over: dict[str, list[str]]


def find_photos(places: Sequence[str], out) -> Found:
    """Find the photos in files and folders.

    Folders are searched by content, in sorted order, and their structure is kept; what is hidden, lies in `out` below
    the folder, or was made by this package, is left out.

    Parameters
    ----------
    places : sequence of str
        Files and folders.
    out : str or os.PathLike
        The folder for the colorized photos.

    Returns
    -------
    Found
        Photos with their outputs, and what is to be told.
    """
    jobs, failures, passed_over, taken = [], [], defaultdict(list), {}
    for place in map(Path, places):
        if in_folder := os.path.isdir(place):  # unlike the methods of Path these raise nothing
            inside = folders.below(place, Path(out))
            results = _results(place, inside.photos)
            passed_over[OF_OURS] += [f"{place}/{name}" for name in results]
            failures += [f"{place / name} cannot be searched: {why}" for name, why in inside.unreadable]
            for name, why in inside.passed_over:
                passed_over[why].append(f"{place}/{name}")
            found = [(place / name, name) for name in inside.photos if name not in results]
            if not found:
                failures.append(f"{place} holds no photo: put {READABLE} files in it")
        elif os.path.isfile(place):
            found = [(place, place.name)]
        else:
            reason = "is not a file" if os.path.exists(place) else "does not exist"
            failures.append(f"{place} {reason}: check the name")
            continue
        for photo, name in found:
            output = (Path(out) / name).with_suffix(".png")
            first = taken.setdefault(output, photo)
            if first is photo:
                jobs.append(Job(photo, output, in_folder))
            elif not first.samefile(photo):  # named twice is no failure
                failures.append(f"{photo} would become {output}, as {first} does: name it alone, with another folder")
    return Found(jobs, failures, {why: names for why, names in passed_over.items() if names})


def _results(folder: Path, names: list[str]) -> set[str]:
    """Which of the photos in a folder were made by this package."""
    return {name for name in names if name.lower().endswith(".png") and settings_of(folder / name)}
