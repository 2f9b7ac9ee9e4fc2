"""EXIF data are copied byte by byte: whatever cameras, scanners and people have written there."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from nbhelpers.photos import exif, tags
from nbhelpers.photos.tags import Block

MAKE, COPYRIGHT, DESCRIPTION, UNIT, EXPOSURE, NOTE = 271, 33432, 270, 296, 33434, 37500
TEXT, SHORT, LONG, FRACTION, ANY = 2, 3, 4, 5, 7


def block(order="<", exif_tags=(), gps=(), note_at=None, **_):
    """An EXIF block of rows (tag, type, count, data); `main` comes with the pointers."""
    return lambda main: _block(order, main, exif_tags, gps, note_at)


def _block(order, main, exif_tags, gps, note_at):
    parts, end = [], 8
    directories = {None: list(main)}
    if exif_tags:
        directories[34665] = list(exif_tags)
    if gps:
        directories[34853] = list(gps)
    for pointer in [name for name in directories if name]:
        directories[None].append((pointer, LONG, 1, None))
    starts = {}
    for name, rows in directories.items():
        starts[name], end = end, end + 6 + 12 * len(rows)
    for name, rows in directories.items():
        table = struct.pack(order + "H", len(rows))
        for tag, kind, count, data in sorted(rows):
            data = struct.pack(order + "I", starts[tag]) if data is None else data
            if len(data) > 4:
                at = note_at if tag == NOTE and note_at else end
                end = max(end, at + len(data))
                parts.append((at, data))
                data = struct.pack(order + "I", at)
            table += struct.pack(order + "HHI", tag, kind, count) + data.ljust(4, b"\0")
        parts.append((starts[name], table + bytes(4)))
    whole = bytearray(end)
    for at, data in parts:
        whole[at : at + len(data)] = data
    mark = b"II*\0" if order == "<" else b"MM\0*"
    whole[:8] = mark + struct.pack(order + "I", 8)
    return bytes(whole)


def text(tag, data):
    return tag, TEXT, len(data) + 1, data + b"\0"


def values(content, tag, group=None):
    """The bytes of a tag in a block."""
    source = Block.of(exif.block(content))
    found = source.directory(source.first)
    if group:
        found = source.directory(found.values[group].numbers()[0])
    return found.values[tag].data if tag in found.values else None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "words",
    ["© 1923 Käthe".encode(), "© 1923 Käthe".encode("latin-1"), "写真".encode("shift-jis"), b"a\0b", b"", b"\xff\xfe"],
)
def test_texts_are_the_same_bytes(order, words):
    made, left_out = exif.copied(exif.block(block(order)([text(COPYRIGHT, words), text(MAKE, b"X")])), (8, 6))
    assert left_out == [] and values(made, COPYRIGHT) == words + b"\0" and made[:2] == {"<": b"II", ">": b"MM"}[order]
    again = Image.Exif()
    again.load(made)  # Pillow reads it, too
    assert again[MAKE] == "X"


@pytest.mark.parametrize("order", ["<", ">"])
def test_all_directories_travel_and_sizes_follow_the_turned_picture(order):
    rows = [
        (EXPOSURE, FRACTION, 1, struct.pack(order + "2I", 1, 125)),
        (40962, SHORT, 1, struct.pack(order + "H", 640)),
        (40963, LONG, 1, struct.pack(order + "I", 480)),
        (37510, ANY, 12, b"UNICODE\0\xff\x00\xfe\x01"),
    ]
    gps = [(2, FRACTION, 3, struct.pack(order + "6I", 52, 1, 31, 1, 1234, 100)), text(1, b"N")]
    main = [
        text(MAKE, b"A camera"), (274, SHORT, 1, struct.pack(order + "H", 6)),
        (282, FRACTION, 1, struct.pack(order + "2I", 600, 1)), (283, FRACTION, 1, struct.pack(order + "2I", 300, 1)),
    ]  # fmt: skip
    made, left_out = exif.copied(exif.block(block(order, rows, gps)(main)), (480, 640), turned=True)
    assert left_out == []
    again = Image.Exif()
    again.load(made)
    inner, place = again.get_ifd(0x8769), again.get_ifd(0x8825)
    assert again[MAKE] == "A camera" and 274 not in again
    assert (float(again[282]), float(again[283])) == (300, 600)
    assert (inner[40962], inner[40963], float(inner[EXPOSURE])) == (480, 640, 1 / 125)
    assert inner[37510] == b"UNICODE\0\xff\x00\xfe\x01"
    assert place[1] == "N" and [float(part) for part in place[2]] == [52, 31, 12.34]


@pytest.mark.parametrize(
    ("group", "row", "name"),
    [
        (None, (UNIT, TEXT, 2, b"2\0"), "ResolutionUnit, a text where a number belongs"),
        (None, (282, TEXT, 4, b"600\0"), "XResolution, a text where a number belongs"),
        (34853, (2, TEXT, 5, b"52.5\0"), "GPSLatitude, a text where a number belongs"),
        (34853, (5, TEXT, 2, b"0\0"), "GPSAltitudeRef, a text where a number belongs"),
        (34853, (1, SHORT, 1, b"\1\0"), "GPSLatitudeRef, a number where a text belongs"),
        (None, (37724, ANY, 70_000, bytes(70_000)), "ImageSourceData, more than 64 kB"),
    ],
)
def test_an_odd_tag_is_left_out_alone_and_named(group, row, name):
    others = [text(29, b"2020:01:02")]
    made, left_out = exif.copied(
        exif.block(
            block(gps=[row, *others] if group else others)([text(DESCRIPTION, b"Old house")] + [row][: not group])
        ),
        (8, 6),
    )
    assert left_out == [name] and len(made) < 500
    assert values(made, DESCRIPTION) == b"Old house\0" and values(made, row[0], group) is None
    assert values(made, 29, 34853) == b"2020:01:02\0"


def test_numbers_of_another_type_are_numbers():
    made, left_out = exif.copied(exif.block(block()([(UNIT, LONG, 1, struct.pack("<I", 2))])), (8, 6))
    assert left_out == [] and values(made, UNIT) == struct.pack("<I", 2)


def test_a_makers_note_stays_at_its_place():
    """Many point into themselves, counted from the block's begin."""
    note = b"MAKER" + bytes(range(95))
    for at in (90, 200, 4000):
        whole = block(exif_tags=[(NOTE, ANY, 100, note)], note_at=at)([text(MAKE, b"A camera with a long name")] * 1)
        made, left_out = exif.copied(exif.block(whole), (8, 6))
        assert left_out == [] and made[at : at + 100] == note and values(made, NOTE, 34665) == note
        assert values(made, MAKE) == b"A camera with a long name\0"


def test_what_is_broken_is_named_and_the_rest_kept():
    whole = bytearray(block()([text(COPYRIGHT, b"somebody"), text(MAKE, b"A camera"), (UNIT, SHORT, 1, b"\2\0")]))
    row = whole.index(struct.pack("<HH", COPYRIGHT, TEXT))
    whole[row + 8 : row + 12] = struct.pack("<I", 10_000_000)
    made, left_out = exif.copied(exif.block(bytes(whole)), (8, 6))
    assert left_out == ["Copyright, which reaches beyond the end"]
    assert values(made, MAKE) == b"A camera\0" and values(made, UNIT) == b"\2\0"
    for tag, which in ((34665, "exposure"), (34853, "place")):
        pointer = block()([(tag, LONG, 1, struct.pack("<I", 10_000_000)), text(MAKE, b"A camera")])
        made, left_out = exif.copied(exif.block(pointer), (8, 6))
        assert values(made, MAKE) == b"A camera\0" and left_out == [f"data on the {which}, which are cut off"]
    pointer = block()([(34665, TEXT, 2, b"8\0"), text(MAKE, b"A camera")])
    assert exif.copied(exif.block(pointer), (8, 6))[1] == ["ExifOffset, which points nowhere"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "data, which are damaged"),
        (b"II", "data, which are damaged"),
        (b"nonsense, all of it", "data, which are damaged"),
        (b"MM\0*\0\0\0\0", "data, which are damaged"),
        (b"II*\0\xff\xff\xff\xff", "data, which are cut off"),
        (b"II*\0\x08\0\0\0\x03\0" + bytes(12), "data, which are cut off"),
    ],
)
def test_nonsense_is_no_exif_and_that_is_told(content, why):
    made, left_out = exif.copied(exif.block(content), (8, 6))
    assert made == b"" and why in left_out


def test_a_circle_of_directories_ends():
    whole = bytearray(block()([text(MAKE, b"A camera")]))
    whole[8 + 2 + 12 : 8 + 2 + 12 + 4] = struct.pack("<I", 8)
    assert len(list(Block.of(io.BytesIO(bytes(whole))).pages({MAKE}))) == 1
    inner = block()([(34665, LONG, 1, struct.pack("<I", 8)), text(MAKE, b"A camera")])  # a directory in itself
    assert values(exif.copied(exif.block(inner), (8, 6))[0], MAKE) == b"A camera\0"


def test_values_of_an_unknown_type_are_named():
    made, left_out = exif.copied(exif.block(block()([(60000, 99, 1, b"abcd"), text(MAKE, b"A camera")])), (8, 6))
    assert left_out == ["tag 60000, of an unknown type"] and values(made, MAKE) == b"A camera\0"


def test_many_values_of_one_place_take_no_memory():
    """4,000 tags, each of which claims the same 60,000 bytes."""
    many = 4000
    start = 8 + 2 + 12 * many + 4
    rows = b"".join(struct.pack("<HHII", 40_000 + tag, ANY, 60_000, start) for tag in range(many))
    bomb = b"II*\0\x08\0\0\0" + struct.pack("<H", many) + rows + bytes(4) + bytes(60_000)
    made, left_out = exif.copied(exif.block(bomb), (8, 6))
    assert len(made) < 1_200_000 and len(left_out) > 3900 and "after 1 MB of others" in left_out[-1]
    rows = b"".join(struct.pack("<HHI4s", 1000 + i % 60_000, ANY, 4, b"abcd") for i in range(50_000))
    endless = b"II*\0\x08\0\0\0" + struct.pack("<H", 50_000) + rows + bytes(4)
    assert len(Block.of(io.BytesIO(endless)).directory(8).values) <= 4096
    whole = block()([(tags.PROFILE, ANY, 2**25, bytes(8))]) + bytes(2**25)
    assert Block.of(io.BytesIO(whole)).directory(8).lost == {tags.PROFILE: "more than 16 MB"}
    large = block()([(37724, ANY, 100_000, bytes(100_000)), (tags.PROFILE, ANY, 100_000, bytes(100_000))])
    found = Block.of(io.BytesIO(large)).directory(8)
    assert len(found.values[tags.PROFILE].data) == 100_000 and found.lost == {37724: "more than 64 kB"}


def test_big_numbers_and_signed_fractions():
    rows = struct.pack("<HHQ4s4x", 271, 2, 4, b"abc\0") + struct.pack("<HHQQ", 256, 16, 1, 640)
    big = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2) + rows + bytes(8)
    source = Block.of(io.BytesIO(big))
    assert source.big and source.directory(source.first).first(256) == 640
    assert values(exif.copied(io.BytesIO(big), (8, 6))[0], MAKE) == b"abc\0"
    assert tags.Value(10, 2, struct.pack(">4i", -1, 2, 3, 0), ">", 0).numbers() == (-0.5,)
    assert tags.Value(18, 1, struct.pack("<Q", 2**40), "<", 0).numbers() == (2**40,)


def test_random_damage_never_raises():
    whole = block(exif_tags=[(EXPOSURE, FRACTION, 1, struct.pack("<2I", 1, 125))], gps=[text(29, b"2020:01:02")])(
        [text(MAKE, b"A camera"), text(COPYRIGHT, b"somebody"), (UNIT, SHORT, 1, b"\2\0")]
    )
    random = np.random.default_rng(0)
    for _ in range(2000):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 3):
            damaged[place] = random.integers(256)
        made, _ = exif.copied(exif.block(bytes(damaged[: random.integers(8, len(whole) + 1)])), (8, 6))
        assert len(made) < 70_000
        assert exif.copied(exif.block(made), (8, 6))[0] == made  # what is made is sound
