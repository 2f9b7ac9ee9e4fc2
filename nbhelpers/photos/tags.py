"""TIFF's tagged values, of which EXIF data are made, too: directories as they are stored in a file.

The layout: TIFF 6.0, section 2; BigTIFF has longer numbers. Files are foreign and may be broken or hostile, so that
no value is larger than a limit, and all of a directory are not larger than another.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

SUBFILE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES = 254, 256, 257, 258, 259, 262, 274, 277
X_RESOLUTION, Y_RESOLUTION, PLANAR, UNIT, EXTRA, SAMPLE_FORMAT, XMP = 282, 283, 284, 296, 338, 339, 700
STRIPS, TILES, DEPTH, IPTC, PHOTOSHOP, PROFILE, DNG_VERSION = 279, 325, 32997, 33723, 34377, 34675, 50706
# Beside EXIF data, what a reader of pictures asks for.
PICTURE = {
    SUBFILE, WIDTH, LENGTH, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SAMPLES, X_RESOLUTION, Y_RESOLUTION, UNIT,
    PLANAR, EXTRA, SAMPLE_FORMAT, XMP, STRIPS, TILES, DEPTH, IPTC, PHOTOSHOP, PROFILE, DNG_VERSION,
}  # fmt: skip
LARGEST = 65_535  # bytes of a value: what a JPEG can hold; larger are an editor's layers, previews, masks
_LONG = {XMP, STRIPS, TILES, IPTC, PHOTOSHOP, PROFILE}  # these may be longer
_LONGEST, _TOGETHER = 2**24, 2**20  # bytes of those, and of all others of a directory together
_ROWS, _PAGES = 4096, 10_000
_WORDS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}  # TIFF's integer types
_FRACTIONS = {5: "I", 10: "i"}
_BYTES = {kind: struct.calcsize(word) for kind, word in _WORDS.items()} | dict.fromkeys(_FRACTIONS, 8)
_BYTES |= {2: 1, 7: 1, 129: 1, 11: 4, 12: 8}  # text, any, text; floats


class Value(NamedTuple):
    """A tag's value as it is stored.

    Attributes
    ----------
    kind : int
        TIFF's number of its type.
    count : int
        How many there are.
    data : bytes
        All of them, in the block's byte order.
    order : str
        That order, "<" or ">".
    at : int
        Where `data` stands in the block.
    """

    kind: int
    count: int
    data: bytes
    order: str
    at: int

    def numbers(self) -> tuple[float, ...]:
        """Its whole numbers or fractions; () for other types. A fraction over zero is left out."""
        if self.kind in _WORDS:
            return struct.unpack(f"{self.order}{self.count}{_WORDS[self.kind]}", self.data)
        if self.kind in _FRACTIONS:
            parts = struct.unpack(f"{self.order}{2 * self.count}{_FRACTIONS[self.kind]}", self.data)
            return tuple(a / b for a, b in zip(parts[::2], parts[1::2]) if b)
        return ()


class Directory(NamedTuple):
    """Values that stand together.

    Attributes
    ----------
    values : dict
        Tag -> Value.
    lost : dict
        Tag -> why its value cannot be had, in a few words.
    follows : int
        Where the next directory is; 0 for none.
    whole : bool
        Whether all of its rows are there.
    """

    values: dict[int, Value]
    lost: dict[int, str]
    follows: int
    whole: bool

    def first(self, tag: int) -> int:
        """The first number of a tag; 0 when it has none.

        Parameters
        ----------
        tag : int
            Which one.

        Returns
        -------
        int
            Rounded down.
        """
        numbers = self.values[tag].numbers() if tag in self.values else ()
        return int(numbers[0]) if numbers else 0


@dataclass(frozen=True, eq=False)
class Block:
    """A TIFF file or an EXIF block.

    Attributes
    ----------
    file : binary file
        What it is read from.
    order : str
        Its byte order, "<" or ">".
    big : bool
        Whether it is a BigTIFF.
    first : int
        Where its first directory is; 0 when this is no such block.
    """

    file: BinaryIO
    order: str
    big: bool
    first: int

    @classmethod
    def of(cls, file: BinaryIO) -> Block:
        """Open a block.

        Parameters
        ----------
        file : binary file
            A TIFF file, or an EXIF block without a mark before it.

        Returns
        -------
        Block
            It may be none: see `first`.
        """
        file.seek(0)
        head = file.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None or len(head) < 8:
            return cls(file, "<", False, 0)
        magic = struct.unpack(order + "H", head[2:4])[0]
        if magic == 43 and len(head) == 16:
            return cls(file, order, True, struct.unpack(order + "Q", head[8:])[0])
        return cls(file, order, False, struct.unpack(order + "I", head[4:8])[0] if magic == 42 else 0)

    def pages(self, wanted: Collection[int]) -> Iterator[Directory]:
        """The directories that follow each other, one for each page of a TIFF.

        Parameters
        ----------
        wanted : collection of int
            Which tags are read.

        Yields
        ------
        Directory
            Those values of a page.
        """
        at, seen = self.first, set()
        while at and at not in seen and len(seen) < _PAGES:  # broken files have circles
            seen.add(at)
            found = self.directory(at, wanted)
            if not found.values:
                return
            yield found
            at = found.follows

    def directory(self, at: int, wanted: Collection[int] | None = None) -> Directory:
        """Read a directory.

        Parameters
        ----------
        at : int
            Where it is.
        wanted : collection of int, optional
            Which tags are read; None reads all.

        Returns
        -------
        Directory
            Without values when it lies beyond the end.
        """
        end = self.file.seek(0, io.SEEK_END)
        number, entry, inline = ("Q", "HHQ", 8) if self.big else ("H", "HHI", 4)
        pointer = self.order + ("Q" if self.big else "I")
        step, ahead = struct.calcsize(self.order + entry) + inline, struct.calcsize(self.order + number)
        self.file.seek(min(at, end))
        head = self.file.read(ahead)
        if len(head) < ahead:
            return Directory({}, {}, 0, False)
        count = struct.unpack(self.order + number, head)[0]
        rows, rest = self.file.read(min(count, _ROWS) * step), self.file.read(inline)
        whole = len(rows) == count * step and len(rest) == inline
        values, lost, budget = {}, {}, _TOGETHER
        for start in range(0, len(rows) - step + 1, step):
            tag, kind, many = struct.unpack_from(self.order + entry, rows, start)
            if wanted is not None and tag not in wanted or tag in values or tag in lost:
                continue  # of one that is there twice the first counts
            here, size = start + step - inline, _BYTES.get(kind, 0) * many
            data, place = rows[here : here + size], at + ahead + here
            if kind not in _BYTES:
                lost[tag] = "of an unknown type"
                continue
            if size > (_LONGEST if tag in _LONG else LARGEST):
                lost[tag] = "more than 16 MB" if tag in _LONG else "more than 64 kB"
                continue
            if size > inline:
                budget -= 0 if tag in _LONG else size
                place = struct.unpack_from(pointer, rows, here)[0]
                if budget < 0 or place + size > end:
                    lost[tag] = "after 1 MB of others" if budget < 0 else "which reaches beyond the end"
                    continue
                self.file.seek(place)
                data = self.file.read(size)
            values[tag] = Value(kind, many, data, self.order, place)
        return Directory(values, lost, struct.unpack(pointer, rest)[0] if whole else 0, whole)
