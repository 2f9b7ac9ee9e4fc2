"""Samples of any depth come out as bright as they are, through their profile, and what is done to them is said."""

import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin
from skimage import data

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.files import png_bytes
from nbhelpers.photos.decoding import PhotoError, read_header, read_layer, read_photo, read_whole
from nbhelpers.photos.profiles import from_srgb

GREY = np.array(Image.fromarray(data.chelsea()).convert("L").resize((75, 50)))
COLOUR = np.array(Image.fromarray(data.chelsea()).resize((75, 50)))
SRGB = {"whitepoint": [0.3127, 0.329], "primaries": [0.64, 0.33, 0.3, 0.6, 0.15, 0.06]}
LINEAR = {"gray": imagecodecs.cms_profile("gray", gamma=1.0), "rgb": imagecodecs.cms_profile("rgb", gamma=1.0, **SRGB)}
TOP = 65535


def deep(picture, bits):
    return np.round(picture / 255 * (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def linear(picture):
    """16-bit samples proportional to light."""
    level = picture / 255
    return np.round(TOP * np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)).astype(np.uint16)


def tiff(path, rows, bits, photometric, order="<", per_pixel=1, size=(75, 50)):
    """A TIFF of raw bytes."""
    tags = [(256, 4, size[0]), (257, 4, size[1]), (258, 3, bits), (259, 3, 1), (262, 3, photometric)]
    tags += [(273, 4, 0), (277, 3, per_pixel), (278, 4, size[1]), (279, 4, len(rows))]
    start = 8 + 2 + 12 * len(tags) + 4
    table = b""
    for tag, kind, value in tags:
        value = start if tag == 273 else value
        table += struct.pack(order + "HHI", tag, kind, 1)
        table += struct.pack(order + "I", value) if kind == 4 else struct.pack(order + "HH", value, 0)
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    path.write_bytes(mark + struct.pack(order + "IH", 8, len(tags)) + table + bytes(4) + rows)
    return path


def packed(samples, bits):
    """Samples as TIFF packs them: most significant bit first, each row from a byte of its own."""
    places = (samples[..., None].astype(int) >> np.arange(bits)[::-1]) & 1
    return np.packbits(places.reshape(len(samples), -1), axis=1).tobytes()


def png(path, samples, colour_type, **chunks):
    """A PNG of 16 bits, as Pillow writes none in colour."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0))
    more = b"".join(chunk(kind.encode(), body) for kind, body in chunks.items())
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("photometric", [0, 1], ids=["white-is-zero", "black-is-zero"])
@pytest.mark.parametrize("bits", range(1, 17))
def test_a_grey_tiff_of_any_depth_is_as_bright_as_it_is(tmp_path, bits, photometric):
    samples, top = deep(GREY, bits), 2**bits - 1
    expected = samples / top * 255
    stored = samples if photometric else top - samples
    for order in "<>":
        whole_bytes = stored.astype(order + ("u1" if bits <= 8 else "u2"))
        for rows in ([] if bits == 16 else [packed(stored, bits)]) + [whole_bytes.tobytes()]:
            path = tiff(tmp_path / "a.tif", rows, bits, photometric, order)
            assert np.abs(read_photo(path) - expected[..., None]).max() < 1, (order, len(rows))
            assert read_header(path).grey
    said = [what for what, _ in read_whole(path).notes]
    assert said == (["more than 8 bits a sample, which become 8"] if bits > 8 else [])


def test_narrow_pictures_are_taken_as_packed(tmp_path):
    """Of one or two pixels a row, 15 bits take as many bytes packed as unpacked."""
    for width in (1, 2, 3):
        samples = deep(GREY[:, :width], 15)
        tiff(tmp_path / "a.tif", packed(samples, 15), 15, 1, size=(width, 50))
        assert np.abs(read_photo(tmp_path / "a.tif")[..., 0] - GREY[:, :width].astype(int)).max() <= 1


@pytest.mark.parametrize("bits", [10, 12, 16])
@pytest.mark.parametrize("planar", [False, True])
def test_a_colour_tiff_of_many_bits(tmp_path, bits, planar):
    samples = deep(COLOUR, bits)
    if planar:
        samples = np.ascontiguousarray(samples.transpose(2, 0, 1))
    options = {"planarconfig": "separate" if planar else "contig", "photometric": "rgb"}
    tifffile.imwrite(tmp_path / "a.tif", samples, **options, **({} if bits == 16 else {"bitspersample": bits}))
    assert np.abs(read_photo(tmp_path / "a.tif") - COLOUR.astype(int)).max() <= 1
    assert not read_header(tmp_path / "a.tif").grey


@pytest.mark.parametrize("compression", ["lzw", "zlib", "packbits"])
def test_compressed_and_tiled_and_big_ones(tmp_path, compression):
    path, samples = tmp_path / "a.tif", deep(COLOUR, 16)
    for options in ({}, {"tile": (16, 16)}, {"bigtiff": True}):
        tifffile.imwrite(path, samples, compression=compression, photometric="rgb", **options)
        assert np.abs(read_photo(path) - COLOUR.astype(int)).max() <= 1, options


@pytest.mark.parametrize("space", ["gray", "rgb"])
@pytest.mark.parametrize("suffix", ["tif", "png"])
def test_a_linear_scan_is_converted_at_its_depth(tmp_path, space, suffix):
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(16, 0)
    levels = ramp if space == "gray" else np.stack([ramp, ramp[:, ::-1], ramp // 2], axis=-1)
    samples, path = linear(levels), tmp_path / f"a.{suffix}"
    if suffix == "tif":
        tifffile.imwrite(path, samples, photometric={"gray": "minisblack"}.get(space, "rgb"), iccprofile=LINEAR[space])
    else:
        profile = b"p\0\0" + zlib.compress(LINEAR[space])
        png(path, samples, {"gray": 0, "rgb": 2}[space], iCCP=profile)
    expected = levels if levels.ndim == 3 else levels[..., None].repeat(3, -1)
    found = read_photo(path)
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert np.abs(rgb_to_lab(found) - rgb_to_lab(expected)).max() < 1.3  # 8 bits before the profile: 5.9 in L*


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("colour", [False, True])
def test_a_png_may_tell_its_gamma_instead_of_a_profile(tmp_path, bits, colour):
    levels = COLOUR if colour else GREY
    samples = linear(levels) if bits == 16 else np.round(linear(levels) / 257).astype(np.uint8)
    gamma = struct.pack(">I", 100_000)
    if bits == 16:
        png(tmp_path / "a.png", samples, 2 if colour else 0, gAMA=gamma)
    else:
        told = PngImagePlugin.PngInfo()
        told.add(b"gAMA", gamma)
        Image.fromarray(samples).save(tmp_path / "a.png", pnginfo=told)
    expected = levels if colour else levels[..., None]
    light = levels > 60  # 8 linear bits are few for the shadows
    error = np.abs(read_photo(tmp_path / "a.png") - expected.astype(int))
    assert error[light if not colour else light.all(-1)].max() <= (1 if bits == 16 else 4)
    usual = png(tmp_path / "b.png", deep(GREY, 16), 0, gAMA=struct.pack(">I", 45455))
    assert np.abs(read_photo(usual)[..., 0] - GREY.astype(int)).max() <= 1


def test_a_damaged_profile_is_told(tmp_path):
    Image.fromarray(COLOUR).save(tmp_path / "a.png", icc_profile=b"no profile")
    Image.fromarray(GREY).save(tmp_path / "b.png", icc_profile=LINEAR["rgb"])
    tifffile.imwrite(tmp_path / "c.tif", deep(COLOUR, 16), photometric="rgb", iccprofile=LINEAR["gray"])
    for path in tmp_path.iterdir():
        said = dict(read_whole(path).notes)
        assert "a colour profile that is damaged or of another kind, so that the plain numbers were taken" in said


@pytest.mark.parametrize("suffix", ["png", "webp", "avif", "jpg", "tif"])
def test_the_profile_of_a_grey_photo_is_applied_in_each_format(tmp_path, suffix):
    """WebP and AVIF store a grey photo as a coloured one."""
    options = {"webp": {"lossless": True}, "avif": {"quality": 100}, "jpg": {"quality": 100}}.get(suffix, {})
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(GREY).save(path, icc_profile=LINEAR["gray"], **options)
    light = GREY / 255
    expected = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    found = read_whole(path)
    assert np.abs(found.rgb[..., 0] - expected).mean() < 1 and found.notes == ()


def test_a_grey_png_with_a_transparent_value_has_its_profile(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.png", icc_profile=LINEAR["gray"])
    told = PngImagePlugin.PngInfo()
    told.add(b"gAMA", struct.pack(">I", 100_000))
    Image.fromarray(GREY).save(tmp_path / "b.png", icc_profile=LINEAR["gray"], transparency=3)
    Image.fromarray(GREY).save(tmp_path / "c.png", pnginfo=told, transparency=3)
    plain = read_photo(tmp_path / "a.png")
    for name in ("b.png", "c.png"):
        assert np.abs(read_photo(tmp_path / name)[GREY != 3] - plain[GREY != 3].astype(int)).max() <= 1


def test_impossible_colours_of_a_png_are_no_reason_to_refuse_it(tmp_path):
    for corners in (bytes(32), struct.pack(">8I", 31270, 32900, *[0] * 6)):
        png(tmp_path / "a.png", deep(COLOUR, 16), 2, gAMA=struct.pack(">I", 100_000), cHRM=corners)
        assert np.abs(read_photo(tmp_path / "a.png") - COLOUR.astype(int)).max() <= 1
    png(tmp_path / "a.png", deep(COLOUR, 16), 2, gAMA=struct.pack(">I", 100_000), sRGB=b"\0")
    assert np.abs(read_photo(tmp_path / "a.png") - COLOUR.astype(int)).max() <= 1  # the mark counts
    wide = struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000)  # Adobe RGB's
    png(tmp_path / "a.png", deep(COLOUR, 16), 2, gAMA=struct.pack(">I", 45455), cHRM=wide)
    assert 2 < np.abs(read_photo(tmp_path / "a.png") - COLOUR.astype(int)).max() < 60


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", "tiff_lzw"])
def test_two_levels_as_a_fax_has_them(tmp_path, compression):
    page = Image.fromarray(GREY).convert("1")
    page.save(tmp_path / "a.tif", compression=compression)
    assert (read_photo(tmp_path / "a.tif")[..., 0] == np.asarray(page) * 255).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_alpha_in_planes_and_multiplied(tmp_path, bits):
    half = deep(np.full(GREY.shape, 128, np.uint8), bits)
    planes = np.stack([deep(GREY, bits), half])
    options = {"photometric": "minisblack", "extrasamples": ["unassalpha"]}
    tifffile.imwrite(tmp_path / "a.tif", planes, planarconfig="separate", **options)
    multiplied = np.dstack([deep(GREY, bits) // 2, half])
    options["extrasamples"] = ["assocalpha"]
    tifffile.imwrite(tmp_path / "b.tif", multiplied, planarconfig="contig", **options)
    for name in ("a.tif", "b.tif"):
        assert np.abs(read_layer(tmp_path / name)[0][..., 0] - GREY.astype(int)).max() <= 2, name


def test_the_first_of_two_widths_counts_for_all(tmp_path):
    """Else a file could tell one reader a small size and the other a large one."""
    tiff(tmp_path / "a.tif", packed(deep(GREY, 12), 12), 12, 1)
    content = (tmp_path / "a.tif").read_bytes()
    count = struct.unpack_from("<H", content, 8)[0]
    large = struct.pack("<HHII", 256, 4, 1, 60_000) + struct.pack("<HHII", 257, 4, 1, 60_000)
    end = 10 + 12 * count
    rows = bytearray(content[10:end])
    place = rows.index(struct.pack("<HHI", 273, 4, 1)) + 8
    struct.pack_into("<I", rows, place, struct.unpack_from("<I", rows, place)[0] + 24)
    twice = content[:8] + struct.pack("<H", count + 2) + large + bytes(rows) + content[end:]
    (tmp_path / "a.tif").write_bytes(twice)
    with pytest.raises(PhotoError, match="60000 x 60000 is more than 100 megapixels"):
        read_photo(tmp_path / "a.tif")


def test_a_tile_much_larger_than_the_picture_is_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif", deep(GREY, 16), tile=(2048, 2048), compression="zlib", photometric="minisblack"
    )
    with pytest.raises(PhotoError, match="tiles that are much larger than the picture"):
        read_photo(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "a.tif", deep(GREY, 16), tile=(256, 256), photometric="minisblack")
    assert np.abs(read_photo(tmp_path / "a.tif")[..., 0] - GREY.astype(int)).max() <= 1


def test_a_profile_for_other_channels_or_a_broken_one_leaves_the_numbers(tmp_path):
    for profile in (LINEAR["rgb"], b"no profile", LINEAR["gray"][:200], bytes(3000)):
        tifffile.imwrite(tmp_path / "a.tif", deep(GREY, 16), photometric="minisblack", iccprofile=profile)
        assert np.abs(read_photo(tmp_path / "a.tif")[..., 0] - GREY.astype(int)).max() <= 1


@pytest.mark.parametrize("colour", [False, True])
def test_channels_beside_the_colours(tmp_path, colour):
    """What they are stands in a tag: 2 is alpha, with 1 the colours were multiplied by it; others are infrared, say."""
    picture = COLOUR if colour else GREY
    half = np.full(GREY.shape, TOP // 2, np.uint16)
    options = {"photometric": "rgb" if colour else "minisblack", "planarconfig": "contig"}
    expected = picture if colour else picture[..., None].repeat(3, -1)
    for kind, stored, over_white in (
        ("unspecified", deep(picture, 16), False),
        ("unassalpha", deep(picture, 16), True),
        ("assocalpha", deep(picture, 16) // 2, True),
    ):
        tifffile.imwrite(tmp_path / "a.tif", np.dstack([stored, half]), extrasamples=[kind], **options)
        rgb, alpha = read_layer(tmp_path / "a.tif")
        assert np.abs(rgb - expected.astype(int)).max() <= 2, kind
        assert (alpha is not None) == over_white and (alpha is None or np.abs(alpha - 127.0).max() <= 1)
        shown = expected / 2 + 127.5 if over_white else expected
        assert np.abs(read_photo(tmp_path / "a.tif") - shown).max() <= 2, kind
        said = "a channel beside the colours, as a scanner's infrared, which is left out"
        assert (said in dict(read_whole(tmp_path / "a.tif").notes)) == (not over_white)
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.dstack([deep(picture, 16), half, half]),
        extrasamples=["unspecified", "unspecified"],
        **options,
    )
    assert np.abs(read_photo(tmp_path / "a.tif") - expected.astype(int)).max() <= 1
    assert said in dict(read_whole(tmp_path / "a.tif").notes)
    eight = np.dstack([picture, picture if picture.ndim == 2 else picture[..., 0]])
    tifffile.imwrite(tmp_path / "a.tif", eight, extrasamples=["unspecified"], **options)
    assert list(dict(read_whole(tmp_path / "a.tif").notes)) == [said]
    plain = picture if colour else picture[..., None]
    assert (read_photo(tmp_path / "a.tif") == plain).all()


def test_alpha_of_a_tiff_whose_white_is_zero(tmp_path):
    opaque = np.full(GREY.shape, TOP, np.uint16)
    stored = np.dstack([TOP - deep(GREY, 16), opaque])
    options = {"extrasamples": ["unassalpha"], "photometric": "miniswhite", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    assert np.abs(read_photo(tmp_path / "a.tif")[..., 0] - GREY.astype(int)).max() <= 1


def test_one_transparent_colour_in_a_png_of_16_bits(tmp_path):
    """It is compared at 16 bits: 0x0344 is not 0x03ff."""
    grey = deep(GREY, 16)
    grey[:, :20], grey[:, 20:30] = 0x0344, 0x03FF
    png(tmp_path / "a.png", grey, 0, tRNS=struct.pack(">H", 0x0344))
    png(tmp_path / "b.png", np.dstack([grey] * 3), 2, tRNS=struct.pack(">3H", *[0x0344] * 3))
    png(tmp_path / "c.png", np.where(grey == 0x0344, 0, grey), 0, tRNS=b"\0\0")
    for name in ("a.png", "b.png", "c.png"):
        rgb = read_photo(tmp_path / name)
        assert (rgb[:, :20] == 255).all() and (rgb[:, 20:30] < 8).all(), name
        assert np.abs(rgb[:, 30:, 0] - GREY[:, 30:].astype(int)).max() <= 1
        said = dict(read_whole(tmp_path / name).notes)
        assert said.keys() == {"more than 8 bits a sample, which become 8", "transparency, laid over white"}


def test_alpha_of_16_bits(tmp_path):
    alpha = np.full(GREY.shape, TOP, np.uint16)
    alpha[:, :20] = 0
    four = np.dstack([deep(COLOUR, 16), alpha])
    tifffile.imwrite(tmp_path / "a.tif", four, photometric="rgb", extrasamples=["unassalpha"])
    png(tmp_path / "b.png", four, 6)
    png(tmp_path / "c.png", np.dstack([deep(GREY, 16), alpha]), 4)
    for name in ("a.tif", "b.png", "c.png"):
        rgb, layer = read_photo(tmp_path / name), read_layer(tmp_path / name)
        expected = GREY[..., None] if name == "c.png" else COLOUR
        assert (rgb[:, :20] == 255).all() and np.abs(rgb[:, 20:] - expected[:, 20:].astype(int)).max() <= 1
        assert np.abs(layer[0] - expected.astype(int)).max() <= 1 and set(np.unique(layer[1])) == {0, 255}
        assert read_header(tmp_path / name).grey == (name == "c.png")
        said = [what for what, _ in read_whole(tmp_path / name).notes]
        assert said == ["more than 8 bits a sample, which become 8", "transparency, laid over white"]


def test_cmyk_of_16_bits(tmp_path):
    inks = np.dstack([255 - COLOUR, np.zeros(GREY.shape, np.uint8)])
    tifffile.imwrite(tmp_path / "a.tif", deep(inks, 16), photometric="separated")
    whole = read_whole(tmp_path / "a.tif")
    assert np.abs(whole.rgb - COLOUR.astype(int)).max() <= 1
    assert dict(whole.notes) == {"more than 8 bits a sample, which become 8": ""}


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_other_formats_say_their_depth(tmp_path, bits):
    samples = deep(COLOUR, bits)
    for form in ("JP2", "J2K"):
        content = imagecodecs.jpeg2k_encode(samples, level=0, bitspersample=bits, codecformat=form)
        (tmp_path / form).write_bytes(content)
    if bits < 16:
        (tmp_path / "avif").write_bytes(imagecodecs.avif_encode(samples, bitspersample=bits, level=100))
    for path in tmp_path.iterdir():
        whole = read_whole(path)
        assert np.abs(whole.rgb - COLOUR.astype(int)).max() <= 2, path.name
        assert ("more than 8 bits a sample, which become 8" in dict(whole.notes)) == (bits > 8), path.name


@pytest.mark.parametrize("bits", [12, 14])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_fewer_bits_that_were_stored_as_16_are_told(tmp_path, bits, alpha, photometric):
    samples = deep(GREY, bits)
    stored, options = samples, {"photometric": photometric}
    if alpha:
        stored = np.dstack([samples, np.full(GREY.shape, TOP, np.uint16)])
        options |= {"extrasamples": ["unassalpha"], "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", stored, **options)
    notes = dict(read_whole(tmp_path / "a.tif").notes)
    told = notes[f"samples so dark that they may be {bits} bits in 16"]
    assert told == f"the brightest is {samples.max():,}"
    if photometric == "minisblack":
        assert read_photo(tmp_path / "a.tif").max() < 64  # and are not guessed at


def test_a_dark_linear_scan_is_no_such_case(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", linear(GREY // 8), photometric="minisblack", iccprofile=LINEAR["gray"])
    assert dict(read_whole(tmp_path / "a.tif").notes).keys() == {"more than 8 bits a sample, which become 8"}


@pytest.mark.parametrize(
    ("samples", "options", "reason"),
    [
        (GREY.astype(np.float32), {}, "floating-point samples: save it with 8 or 16 bits"),
        (GREY.astype(np.uint32), {}, "32-bit samples: save it with 8 or 16 bits"),
        (GREY.astype(np.int16), {}, "signed samples: save it with 8 or 16 bits"),
        (GREY, {"subfiletype": 1}, "a camera's raw data, or a preview before the picture itself"),
        (GREY, {"extratags": [(50706, 1, 4, bytes([1, 4, 0, 0]), True)]}, "a camera's raw data"),
    ],
)
def test_what_is_no_photo_is_refused_by_name_and_with_the_way_out(tmp_path, samples, options, reason):
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="minisblack", **options)
    for read in (read_photo, read_header, read_whole):
        with pytest.raises(PhotoError, match=reason) as caught:
            read(tmp_path / "a.tif")
        assert "a.tif" in str(caught.value) and "damaged" not in str(caught.value)


def test_what_takes_more_memory_than_its_pixels_say_is_refused(tmp_path):
    path, rows = tmp_path / "a.tif", packed(deep(GREY, 12), 12)
    tiff(path, rows, 12, 1, per_pixel=300)
    with pytest.raises(PhotoError, match="more channels or layers than a photo has"):
        read_photo(path)
    tifffile.imwrite(path, deep(COLOUR, 16), photometric="rgb", compression="png")
    with pytest.raises(PhotoError, match="a compression that is not read at this depth"):
        read_photo(path)


def test_a_tiff_of_which_parts_are_missing_is_truncated(tmp_path):
    for bits in (8, 16):
        tifffile.imwrite(tmp_path / "a.tif", deep(GREY, bits), rowsperstrip=5, photometric="minisblack")
        content = bytearray((tmp_path / "a.tif").read_bytes())
        with tifffile.TiffFile(tmp_path / "a.tif") as opened:
            place = opened.pages[0].tags[279].valueoffset
            size = 2 if opened.pages[0].tags[279].dtype == 3 else 4
        content[place + size : place + 3 * size] = bytes(2 * size)
        (tmp_path / "a.tif").write_bytes(content)
        with pytest.raises(PhotoError, match="truncated, parts of it are empty"):
            read_photo(tmp_path / "a.tif")


@pytest.mark.filterwarnings("ignore")
def test_random_damage_of_a_header_is_one_plain_reason(tmp_path, capfd):
    tifffile.imwrite(tmp_path / "a.tif", deep(GREY, 12), bitspersample=12, photometric="minisblack")
    whole, random = (tmp_path / "a.tif").read_bytes(), np.random.default_rng(0)
    with tifffile.TiffFile(tmp_path / "a.tif") as opened:
        first = opened.pages[0].offset
    for _ in range(300):
        damaged = bytearray(whole)
        for place in random.integers(first, first + 200, 2):
            damaged[place] = random.integers(256)
        (tmp_path / "a.tif").write_bytes(damaged)
        try:
            read_whole(tmp_path / "a.tif")
        except PhotoError as error:
            assert not any(word in error.reason for word in ("tuple", "index", "arg", "instances", "None"))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("gamma", [1.0, 1.4, 1.8, 2.2])
@pytest.mark.parametrize("space", ["gray", "rgb"])
def test_a_profile_is_applied_exactly_at_8_bits_too(tmp_path, space, gamma):
    profile = imagecodecs.cms_profile(space, gamma=gamma, **({} if space == "gray" else SRGB))
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(8, 0)
    light = (ramp / 255) ** gamma
    expected = 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    Image.fromarray(ramp if space == "gray" else np.dstack([ramp] * 3)).save(tmp_path / "a.png", icc_profile=profile)
    assert np.abs(read_photo(tmp_path / "a.png") - expected[..., None]).max() < 0.6


def test_a_result_in_too_steep_a_profile_is_srgb(tmp_path):
    """In 8 bits a linear profile has 12 levels for the shadows where sRGB has 58."""
    dark = np.arange(60, dtype=np.uint8)[None].repeat(8, 0)
    tifffile.imwrite(tmp_path / "a.tif", linear(np.dstack([dark] * 3)), photometric="rgb", iccprofile=LINEAR["rgb"])
    whole = read_whole(tmp_path / "a.tif")
    with Image.open(io.BytesIO(png_bytes(whole.rgb, {}, whole.metadata))) as image:
        assert "icc_profile" not in image.info
        assert np.abs(np.asarray(image)[..., 0] - dark.astype(int)).max() <= 1
    wide = imagecodecs.cms_profile("adobergb")
    assert from_srgb(COLOUR, wide) is not None and from_srgb(COLOUR, LINEAR["rgb"]) is None


def test_a_damaged_tiff_of_many_bits_and_a_bomb(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", deep(GREY, 12), bitspersample=12, photometric="minisblack")
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(PhotoError, match="truncated|damaged"):
        read_photo(tmp_path / "a.tif")
    tiff(tmp_path / "b.tif", b"\0" * 99, 12, 1, size=(60_000, 60_000))
    with pytest.raises(PhotoError, match="60000 x 60000 is more than 100 megapixels"):
        read_header(tmp_path / "b.tif")
