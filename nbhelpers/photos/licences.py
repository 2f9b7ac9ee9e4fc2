"""Which photos a figure may show, and whom to name under it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from nbhelpers.errors import UserError
from nbhelpers.photos import Photos
from nbhelpers.photos.catalogue import attributions

_FREE = re.compile(r"(?:^|, )(?:CC BY 2\.0|Kodak: )[^,]*$")  # the licence is the last part of a credit


@dataclass(frozen=True, eq=False)
class Examples:
    """Photos for figures.

    Attributes
    ----------
    names : tuple of str
        The photos' names, without folder and suffix.
    photos : tuple of np.ndarray
        Each (size, size, 3) uint8, sRGB.
    credits : tuple of str
        Author and licence of each, or "".
    """

    names: tuple[str, ...]
    photos: tuple[np.ndarray, ...]
    credits: tuple[str, ...]

    def __add__(self, other: Examples) -> Examples:
        return Examples(self.names + other.names, self.photos + other.photos, self.credits + other.credits)

    def caption(self, *indices: int) -> str:
        """The credits of some photos as one line for a figure.

        Parameters
        ----------
        *indices : int
            Which photos; without any, all.

        Returns
        -------
        str
            The line, or "" when no credit is known; $ is escaped for matplotlib.
        """
        picked = indices or range(len(self.names))
        known = [f"{self.names[i]}: {self.credits[i]}" for i in picked if self.credits[i]]
        line = f"Photo{'s' * (len(known) > 1)}: {'; '.join(known)}" if known else ""
        return line.replace("$", r"\$")  # matplotlib would read a bare $ as a formula


def showable(source, photos: Photos) -> list[int]:
    """The photos of one part of a source that a published figure may show.

    All of "sample", and of a source without a SOURCES.csv (its figures are their maker's own); else those that the
    table marks "CC BY 2.0" or "Kodak: ".

    Parameters
    ----------
    source : str or os.PathLike
        As for `open_photos`.
    photos : Photos
        The part of it.

    Returns
    -------
    list of int
        Indices of `photos`.

    Raises
    ------
    UserError
        When the table cannot be read.
    """
    credits = attributions(source)
    if str(source) == "sample" or not credits:
        return list(range(len(photos)))
    return [i for i, name in enumerate(photos.names) if _FREE.search(credits.get(name, ""))]


def examples(source, photos: Photos, n: int) -> Examples:
    """The first photos that may be shown and can be read.

    Parameters
    ----------
    source : str or os.PathLike
        As for `open_photos`.
    photos : Photos
        The part of it.
    n : int
        How many, or as many as there are.

    Returns
    -------
    Examples
        The photos and their credits.

    Raises
    ------
    UserError
        When there is none.
    """
    credits, found = attributions(source), []
    for index in showable(source, photos):
        if len(found) == n:
            break
        found += photos.read([index])
    if not found and credits and len(photos):
        raise UserError(
            f"SOURCES.csv of {source} marks no readable photo as CC BY 2.0 or Kodak, so none may be shown: "
            "take the table away if you may show them all."
        )
    if not found:
        raise UserError(
            f"{source} has no readable photo for a figure in one of its parts: add training and test photos."
        )
    names = [photos.names[index] for index, _ in found]
    return Examples(
        tuple(PurePosixPath(name).stem for name in names),
        tuple(rgb for _, rgb in found),
        tuple(_short(credits.get(name, "")) for name in names),
    )


def showable_credits(source, photos: Photos) -> dict[str, str]:
    """The credits of those photos of one part that a published figure may show.

    Parameters
    ----------
    source : str or os.PathLike
        As for `open_photos`.
    photos : Photos
        The part of it.

    Returns
    -------
    dict
        Photo name -> credit, "" when unknown.

    Raises
    ------
    UserError
        When SOURCES.csv cannot be read.
    """
    credits = attributions(source)
    return {photos.names[i]: _short(credits.get(photos.names[i], "")) for i in showable(source, photos)}


def _short(credit: str) -> str:
    """A credit without the words that a caption does not need."""
    credit = re.sub(r"(CC BY 2\.0) per image.*|(Kodak): .*", r"\1\2", credit)
    return re.sub(r"https?://(?:www\.)?", "", credit).replace(" | ", ", ")
