"""What lies in a folder: pictures, told by content, and what is passed over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from nbhelpers.photos import formats

# Names that promise a picture: whatever else is in such a file is a fault to be told, not something to pass over.
ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".jp2", ".j2k", ".avif")
ENDINGS += (".heic", ".heif")


class Below(NamedTuple):
    """What was found below a folder; all names are relative to it, as Path.

    Attributes
    ----------
    photos : list of Path
        Files that begin as pictures do, whatever their names, and those whose names promise one; sorted.
    passed_over : list of str
        All other files that are not hidden, hidden pictures, and hidden folders, which were not searched; sorted.
    unreadable : list of str
        A sentence for each folder that cannot be read.
    """

    photos: list[Path]
    passed_over: list[str]
    unreadable: list[str]


def below(folder: Path, away: Path | None = None) -> Below:
    """Search a folder and all folders in it.

    Parameters
    ----------
    folder : Path
        The folder.
    away : Path, optional
        A folder in it that is left out, as that of the results.

    Returns
    -------
    Below
        Its pictures and the rest.
    """
    photos, passed_over, unreadable = [], [], []
    away = None if away is None else away.resolve()

    def note(error: OSError) -> None:
        unreadable.append(f"{error.filename} cannot be searched: {error.strerror.lower()}")

    for where, folders, files in os.walk(folder, onerror=note):
        where = Path(where)
        inside = where.relative_to(folder)
        passed_over += [f"{inside / name}/" for name in folders if name.startswith(".")]
        folders[:] = [name for name in folders if not name.startswith(".") and (where / name).resolve() != away]
        for name in files:
            path, hidden = where / name, name.startswith(".")
            if not os.path.isfile(path):  # a pipe, or a link to nowhere
                continue
            picture = promises(name) or _begins_as_picture(path)
            if picture and not hidden:
                photos.append(inside / name)
            elif picture or not hidden:
                passed_over.append(f"{inside / name}")
    return Below(sorted(photos), sorted(passed_over), unreadable)


def promises(name: str) -> bool:
    """Whether a file's name says that it is a picture.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    bool
        By its ending.
    """
    return name.lower().endswith(ENDINGS)


def named(names: list[str], most: int = 5) -> str:
    """A list of names for a sentence.

    Parameters
    ----------
    names : list of str
        All of them.
    most : int
        How many are named.

    Returns
    -------
    str
        As "a, b and 3 more".
    """
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _begins_as_picture(path: Path) -> bool:
    try:
        return formats.is_picture(path)
    except OSError:
        return True  # to be told why it cannot be read
