"""EXIF data copied byte by byte into a block of their own (EXIF 2.32, section 4.6): nothing is decoded and encoded."""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from PIL import ExifTags, TiffTags

from nbhelpers.photos import tags
from nbhelpers.photos.tags import Block, Value

_EXIF, _GPS, _INTEROP, _MAKER_NOTE = 34665, 34853, 40965, 37500
_SIDES = {40962: 0, 40963: 1}  # PixelXDimension, PixelYDimension
_DIRECTORIES = {None: (_EXIF, _GPS), _EXIF: (_INTEROP,)}  # which directory points to which others
_POINTERS, _TEXT, _ANY = (4, 13, 16, 18), (2, 129), (7,)  # types
# Tags that say how a file stores its pixels; those of a TIFF stand among its EXIF data and fit no other file.
_STORAGE = tags.PICTURE - {tags.X_RESOLUTION, tags.Y_RESOLUTION, tags.UNIT, tags.DNG_VERSION}
_STORAGE |= {255, 266, 273, 278, 280, 281, 292, 293, 297, 301, 317, 318, 319, 320, 322, 323, 324, 330, 332, 339, 347}
_STORED_AS = {37121, 37122}  # ComponentsConfiguration, CompressedBitsPerPixel
_STORAGE |= {513, 514, 529, 530, 531, 532}


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
        What could not be copied, and why: "ResolutionUnit, a text where a number belongs".
    """
    source, left_out = Block.of(file), []
    if not source.first:
        return b"", ["data, which are damaged"]
    tree = {None: _fitting(source, source.first, None, left_out)}
    for parent, children in _DIRECTORIES.items():
        for child in children:
            pointer = tree.get(parent, {}).pop(child, None)
            where = pointer.numbers() if pointer and pointer.kind in _POINTERS else ()
            if where:
                tree[child] = _fitting(source, where[0], child, left_out)
            elif pointer:
                left_out.append(f"{_name(child, parent)}, which points nowhere")
    for tag, side in _SIDES.items():
        if tag in tree.get(_EXIF, {}):
            tree[_EXIF][tag] = Value(4, 1, struct.pack(source.order + "I", size[side]), source.order, 0)
    if turned:  # its resolution along the width was that along the height
        main = tree[None]
        across, down = main.pop(tags.X_RESOLUTION, None), main.pop(tags.Y_RESOLUTION, None)
        main |= ({tags.Y_RESOLUTION: across} if across else {}) | ({tags.X_RESOLUTION: down} if down else {})
    tree = {name: values for name, values in tree.items() if values}
    return _written(tree, source.order) if tree else b"", left_out


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


def _fitting(source: Block, at: int, group: int | None, left_out: list[str]) -> dict[int, Value]:
    """The values of a directory that are copied; of others `left_out` is told."""
    found = source.directory(at)
    if not found.whole:
        which = {None: "data", _EXIF: "data on the exposure", _GPS: "data on the place", _INTEROP: "InteropIndex"}[
            group
        ]
        left_out.append(f"{which}, {'the rest of which is' if found.values else 'which are'} cut off")
    storage = {None: _STORAGE, _EXIF: _STORED_AS}.get(group, ())
    left_out += [f"{_name(tag, group)}, {why}" for tag, why in found.lost.items() if tag not in storage]
    kept = {}
    for tag, value in found.values.items():
        if tag in _DIRECTORIES.get(group, ()):
            kept[tag] = value
        elif tag not in storage:
            if odd := _odd(TiffTags.lookup(tag, group).type, value.kind):
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
    pinned = range(note.at, note.at + len(note.data)) if note and 8 <= note.at <= tags.LARGEST else range(0)
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
