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
    """Photos for figures, each uint8 (size, size, 3), their names, and credits: author and licence, or ""."""

    names: tuple[str, ...]
    photos: tuple[np.ndarray, ...]
    credits: tuple[str, ...]

    def __add__(self, other: Examples) -> Examples:
        return Examples(self.names + other.names, self.photos + other.photos, self.credits + other.credits)

    def caption(self, *indices: int) -> str:
        """The credits of some photos (default: all) as one line for a figure, or "" when none is known."""
        picked = indices or range(len(self.names))
        known = [f"{self.names[i]}: {self.credits[i]}" for i in picked if self.credits[i]]
        line = f"Photo{'s' * (len(known) > 1)}: {'; '.join(known)}" if known else ""
        return line.replace("$", r"\$")  # matplotlib would read a bare $ as a formula


def showable(source, photos: Photos) -> list[int]:
    """Indices of the photos of one part of `source` that a published figure may show.

    All of "sample", and of a source without a SOURCES.csv (its figures are their maker's own); else those
    that the table marks "CC BY 2.0" or "Kodak: ".
    """
    credits = attributions(source)
    if str(source) == "sample" or not credits:
        return list(range(len(photos)))
    return [i for i, name in enumerate(photos.names) if _FREE.search(credits.get(name, ""))]


def examples(source, photos: Photos, n: int) -> Examples:
    """The first `n` photos, or as many as there are, that may be shown and can be read.

    Raises UserError when there is none.
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
    """Photo name -> credit ("" when unknown), of those photos of one part that a published figure may show."""
    credits = attributions(source)
    return {photos.names[i]: _short(credits.get(photos.names[i], "")) for i in showable(source, photos)}


def _short(credit: str) -> str:
    """A credit without the words that a caption does not need."""
    credit = re.sub(r"(CC BY 2\.0) per image.*|(Kodak): .*", r"\1\2", credit)
    return re.sub(r"https?://(?:www\.)?", "", credit).replace(" | ", ", ")
