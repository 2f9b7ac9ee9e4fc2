"""EXIF data as they are stored: directories of tagged values, copied byte by byte into a block of their own.

The layout is TIFF's (TIFF 6.0, section 2; EXIF 2.32, section 4.6): a TIFF file is one such block, too.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO, NamedTuple

from PIL import ExifTags, TiffTags

WIDTH, LENGTH, BITS, PHOTOMETRIC, PLANAR, ORIENTATION = 256, 257, 258, 262, 284, 274
X_RESOLUTION, Y_RESOLUTION, UNIT, SUBFILE, SAMPLES, SAMPLE_FORMAT, XMP, IPTC, PROFILE = (
    282, 283, 296, 254, 277, 339, 700, 33723, 34675,
)  # fmt: skip
DNG_VERSION = 50706
_EXIF, _GPS, _INTEROP, _MAKER_NOTE = 34665, 34853, 40965, 37500
_SIDES = {40962: 0, 40963: 1}  # PixelXDimension, PixelYDimension
_DIRECTORIES = {None: (_EXIF, _GPS), _EXIF: (_INTEROP,)}  # which directory points to which others
_LARGEST = 65_535  # bytes of a value: what a JPEG can hold; larger are an editor's layers, previews, masks
_WORDS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 13: "I", 16: "Q", 17: "q", 18: "Q"}  # TIFF's integer types
_BYTES = {kind: struct.calcsize(word) for kind, word in _WORDS.items()}
_BYTES |= {2: 1, 7: 1, 129: 1, 5: 8, 10: 8, 11: 4, 12: 8}  # text, any, text; two types of fractions; floats
_TEXT, _ANY = (2, 129), (7,)  # types of texts, and of bytes that may be anything
# Tags that say how a file stores its pixels; those of a TIFF stand among its EXIF data and fit no other file.
_STORAGE = {SUBFILE, 255, WIDTH, LENGTH, BITS, 259, PHOTOMETRIC, 266, 273, ORIENTATION, SAMPLES, 278, 279, 280, 281}
_STORAGE |= {PLANAR, 292, 293, 297, 301, 317, 318, 319, 320, 322, 323, 324, 325, 330, 332, 338, SAMPLE_FORMAT, 347}
_STORAGE |= {513, 514, 529, 530, 531, 532, XMP, IPTC, 34377, PROFILE}


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
        """Its whole numbers or fractions; () for other types, and for a fraction over zero."""
        if self.kind in _WORDS:
            return struct.unpack(f"{self.order}{self.count}{_WORDS[self.kind]}", self.data)
        if self.kind in (5, 10):
            word = "I" if self.kind == 5 else "i"
            parts = struct.unpack(f"{self.order}{2 * self.count}{word}", self.data)
            return tuple(a / b for a, b in zip(parts[::2], parts[1::2]) if b)
        return ()


def directories(file: BinaryIO) -> list[dict[int, Value]]:
    """The directories of a TIFF file, one for each page.

    Parameters
    ----------
    file : binary file
        A TIFF, BigTIFF or EXIF block.

    Returns
    -------
    list of dict
        Tag -> Value; [] where there is none. Values that reach beyond the file's end are left out.
    """
    order, big, at = _start(file)
    found, seen = [], set()
    while at and at not in seen and len(seen) < 10_000:  # broken files have circles
        seen.add(at)
        values, at, _ = _read(file, at, order, big)
        found += [values] if values else []
    return found


def copied(file: BinaryIO, size: tuple[int, int], turned: bool = False) -> tuple[bytes, list[str]]:
    """Copy EXIF data for a picture that is upright, without a thumbnail, and stored in another way.

    Values stay the same bytes. What says how the pixels are stored is not copied, the orientation neither; the
    picture's size, where it stands, is that of the new one. A maker's note stays at its place, as many of them point
    into themselves.

    Parameters
    ----------
    file : binary file
        An EXIF block, or a TIFF file.
    size : tuple of int
        Width and height of the new picture.
    turned : bool
        Whether its width was the height.

    Returns
    -------
    block : bytes
        The new EXIF block; b"" when nothing was there to be copied.
    left_out : list of str
        What could not be copied, and why: names of tags, or one sentence on all of it.
    """
    order, big, at = _start(file)
    left_out = []
    if not at:
        return b"", ["data, which are damaged"]
    tree = {None: _fitting(file, at, order, big, None, left_out)}
    for parent, children in _DIRECTORIES.items():
        for child in children:
            pointer = tree.get(parent, {}).pop(child, None)
            where = pointer.numbers() if pointer and pointer.kind in (4, 13, 16, 18) else ()
            if where:
                tree[child] = _fitting(file, where[0], order, big, child, left_out)
            elif pointer:
                left_out.append(f"{_name(child, parent)}, which points nowhere")
    for tag, side in _SIDES.items():
        if tag in tree.get(_EXIF, {}):
            tree[_EXIF][tag] = Value(4, 1, struct.pack(order + "I", size[side]), order, 0)
    if turned:  # its resolution along the width was that along the height
        main = tree[None]
        swapped = {X_RESOLUTION: main.pop(Y_RESOLUTION, None), Y_RESOLUTION: main.pop(X_RESOLUTION, None)}
        main |= {tag: value for tag, value in swapped.items() if value}
    tree = {name: values for name, values in tree.items() if values}
    return _written(tree, order) if tree else b"", left_out


def block(content: bytes) -> BinaryIO:
    """A file of the EXIF data in a photo, which may stand behind a mark.

    Parameters
    ----------
    content : bytes
        With or without "Exif" before it.

    Returns
    -------
    binary file
        What `copied` takes.
    """
    return io.BytesIO(content.removeprefix(b"Exif\0\0"))


def _start(file: BinaryIO) -> tuple[str, bool, int]:
    """Byte order, whether it is a BigTIFF, and where the first directory is: 0 when this is no TIFF."""
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        return "<", False, 0
    magic = struct.unpack(order + "H", head[2:4])[0]
    if magic == 43 and len(head) == 16:
        return order, True, struct.unpack(order + "Q", head[8:])[0]
    return order, False, struct.unpack(order + "I", head[4:8])[0] if magic == 42 else 0


def _read(file: BinaryIO, at: int, order: str, big: bool) -> tuple[dict[int, Value], int, list[int]]:
    """A directory's values, where the next one is, and the tags whose values cannot be read."""
    end = file.seek(0, io.SEEK_END)
    number, entry, inline = (order + "Q", order + "HHQ", 8) if big else (order + "H", order + "HHI", 4)
    step = struct.calcsize(entry) + inline
    file.seek(min(at, end))
    head = file.read(struct.calcsize(number))
    if len(head) < struct.calcsize(number):
        return {}, 0, []
    count = struct.unpack(number, head)[0]
    rows = file.read(min(count, 4096) * step)
    rest, values, broken = file.read(inline), {}, []
    for i in range(len(rows) // step):
        tag, kind, many = struct.unpack_from(entry, rows, i * step)
        here, size = i * step + step - inline, _BYTES.get(kind, 0) * many
        data, place = rows[here : here + size], at + len(head) + here
        if size > inline:
            place = struct.unpack_from(order + ("Q" if big else "I"), rows, here)[0]
            file.seek(min(place, end))
            data = file.read(size) if place + size <= end else b""
        if kind in _BYTES and len(data) == size:
            values[tag] = Value(kind, many, data, order, place)
        else:
            broken.append(tag)
    follows = len(rows) == count * step and len(rest) == inline
    return values, struct.unpack(order + ("Q" if big else "I"), rest)[0] if follows else 0, broken


def _fitting(file, at: int, order: str, big: bool, group: int | None, left_out: list[str]) -> dict[int, Value]:
    """The values of a directory that are copied; of others `left_out` is told."""
    values, _, broken = _read(file, at, order, big)
    left_out += [f"{_name(tag, group)}, which reaches beyond the end" for tag in broken if tag not in _STORAGE]
    kept = {}
    for tag, value in values.items():
        if group is None and tag in _STORAGE or tag in _DIRECTORIES.get(group, ()):
            kept |= {tag: value} if tag not in _STORAGE else {}
            continue
        if len(value.data) > _LARGEST:
            left_out.append(f"{_name(tag, group)}, {len(value.data):,} bytes")
        elif odd := _odd(TiffTags.lookup(tag, group).type, value.kind):
            left_out.append(f"{_name(tag, group)}, {odd}")
        else:
            kept[tag] = value
    return kept


def _odd(wanted: int | None, stored: int) -> str:
    """What is wrong with a tag's type, "" when nothing is; numbers of all types are taken for each other."""
    if stored in (16, 17, 18):
        return "a number of 64 bits"  # of BigTIFF alone
    if wanted in (None, *_ANY) or wanted == stored:
        return ""
    if wanted in _TEXT:
        return "" if stored in (1, *_TEXT, *_ANY) else "a number where a text belongs"
    return "a text where a number belongs" if stored in _TEXT else ""


def _name(tag: int, group: int | None) -> str:
    names = {_GPS: ExifTags.GPSTAGS, None: ExifTags.TAGS, _EXIF: ExifTags.TAGS}.get(group, {})
    name = TiffTags.lookup(tag, group).name
    return names.get(tag) or (f"tag {tag}" if name == "unknown" else name)


def _written(tree: dict[int | None, dict[int, Value]], order: str) -> bytes:
    """A classic TIFF block of these directories."""
    note = tree.get(_EXIF, {}).get(_MAKER_NOTE)
    pinned = range(note.at, note.at + len(note.data)) if note and 8 <= note.at <= _LARGEST else range(0)
    end = 8

    def place(size: int) -> int:
        """The next even place for so many bytes, around the maker's note."""
        nonlocal end
        if pinned and end < pinned.stop and end + size > pinned.start:
            end = pinned.stop + pinned.stop % 2
        end += size + size % 2
        return end - size - size % 2

    tree = {None: {}} | tree
    for parent, children in _DIRECTORIES.items():  # the deepest is not needed before its parent is
        for child in children:
            if child in tree:
                tree.setdefault(parent, {})[child] = Value(4, 1, bytes(4), order, 0)
    starts = {name: place(2 + 12 * len(values) + 4) for name, values in tree.items()}
    out = bytearray(8)
    out[:8] = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, starts[None])

    def put(at: int, data: bytes) -> None:
        out.extend(bytes(max(0, at + len(data) - len(out))))
        out[at : at + len(data)] = data

    for name, values in tree.items():
        rows = struct.pack(order + "H", len(values))
        for tag, value in sorted(values.items()):
            data = struct.pack(order + "I", starts[tag]) if tag in starts else value.data
            if len(data) > 4:
                at = note.at if pinned and value is note else place(len(data))
                put(at, data)
                data = struct.pack(order + "I", at)
            rows += struct.pack(order + "HHI", tag, value.kind, value.count) + data.ljust(4, b"\0")
        put(starts[name], rows + bytes(4))
    return bytes(out)
