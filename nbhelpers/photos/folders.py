"""What lies in a folder: pictures, told by content, and what is passed over."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from nbhelpers.photos import formats

# Names that promise a picture: whatever else is in such a file is a fault to be told, not something to pass over.
ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".jp2", ".j2k", ".avif")
ENDINGS += (".heic", ".heif")
NO_PICTURE, HIDDEN = "no picture in a format that is read", "hidden"
LINKED, NOTHING = "a link to a folder", "a link to nothing, or a special file"


class Below(NamedTuple):
    """What was found below a folder; all names are relative to it, as a/b.jpg.

    Attributes
    ----------
    photos : list of str
        Files that begin as pictures do, whatever their names, and those whose names promise one; sorted.
    passed_over : list of tuple
        (name, why) of all else, sorted. A folder, which was not searched, ends in "/".
    unreadable : list of tuple
        (folder, why) of those that cannot be read; "." is the folder itself.
    """

    photos: list[str]
    passed_over: list[tuple[str, str]]
    unreadable: list[tuple[str, str]]


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
        unreadable.append((Path(error.filename).relative_to(folder).as_posix(), error.strerror.lower()))

    for where, folders, files in os.walk(folder, onerror=note):
        where, inside, searched = Path(where), Path(where).relative_to(folder), []
        for name in folders:
            if (where / name).resolve() == away:
                continue
            why = HIDDEN if is_hidden(name) else LINKED if os.path.islink(where / name) else ""
            if why:
                passed_over.append((f"{(inside / name).as_posix()}/", why))
            else:
                searched.append(name)
        folders[:] = searched
        for name in files:
            shown = (inside / name).as_posix()
            if why := _why_not(where / name):
                passed_over.append((shown, why))
            else:
                photos.append(shown)
    return Below(sorted(photos), sorted(passed_over), sorted(unreadable))


def is_photo(path: Path) -> bool:
    """Whether a file is taken for a photo, even if only to be told why it cannot be read.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    bool
        By its content, and by its name.
    """
    return not _why_not(path)


def is_hidden(name: str) -> bool:
    """Whether a file or a folder is not for people, by its name.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    bool
        For names that begin with a dot, and the folder that macOS puts into archives.
    """
    return name.startswith(".") or name == "__MACOSX"


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


def begins_as_picture(path: Path) -> bool:
    """Whether a file begins as a picture in a format that is read.

    Parameters
    ----------
    path : Path
        A regular file.

    Returns
    -------
    bool
        By its first bytes, whatever its name.

    Raises
    ------
    OSError
        When it cannot be opened.
    """
    with path.open("rb") as file:
        return bool(formats.of(file))


def _why_not(path: Path) -> str:
    """Why a file is passed over; "" for a photo, and for what has to be told as a fault."""
    if not os.path.isfile(path):  # a pipe, or a link to nowhere
        return NOTHING
    if is_hidden(path.name):
        return HIDDEN
    try:
        if path.name.lower().endswith(ENDINGS) or begins_as_picture(path):
            return ""
        return formats.other(path) or NO_PICTURE
    except OSError:
        return ""
