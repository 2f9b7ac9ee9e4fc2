"""`nbhelpers colorize`: real photo files through the real command."""

import dataclasses
import errno
import io
import json
import os
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageDraw
from skimage import data

from nbhelpers import __version__, cli, paths, registry
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.colour.tint import is_grey
from nbhelpers.files import colorize_large, laid_under, png_bytes
from nbhelpers.hints import HINTS_UNUSED, Constant, Hints, hide_pixels, shrunk_hints
from nbhelpers.photos import decoding
from nbhelpers.photos.decoding import PhotoError, read_layer, read_photo, read_whole
from nbhelpers.photos.metadata import Metadata
from nbhelpers.photos.profiles import from_srgb

CAT = np.array(Image.fromarray(data.chelsea()).resize((120, 80)))  # (80, 120, 3)
WOMAN = np.array(Image.fromarray(data.astronaut()).resize((64, 64)))
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
ADOBE = {  # the primaries of Adobe RGB, XYZ relative to D50
    b"rXYZ": (0.60974, 0.31111, 0.01947),
    b"gXYZ": (0.20528, 0.62567, 0.06087),
    b"bXYZ": (0.14919, 0.06322, 0.74457),
}


def colorize(capsys, *arguments):
    """Run the command in this process; returns (status, stdout, lines of stderr)."""
    with pytest.raises(SystemExit) as exit:
        cli.main(["colorize", *map(str, arguments)])
    out, errors = capsys.readouterr()
    return exit.value.code, out, [line for line in errors.splitlines() if line.startswith("nbhelpers:")]


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path, **options)
    return path


def lightness(rgb):
    return rgb_to_lab(rgb)[..., 0]


def nearly_grey(rgb):
    """a* = b* = 0 in 8 bits: the rounding of the conversion may part the channels by one level."""
    return np.ptp(rgb.astype(int), axis=-1).max() <= 1


def told(path):
    with Image.open(path) as image:
        return json.loads(image.text["nbhelpers"])


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def stand_in(monkeypatch, before):
    """The command's method is grey, which first calls before(lightness)."""

    class StandIn(Constant):
        def colorize(self, lightness, hints):
            before(lightness)
            return super().colorize(lightness, hints)

    monkeypatch.setattr(registry, "load", lambda _name, _run: StandIn("grey"))


def raising(error):
    """For `stand_in`: raises the error at WOMAN."""

    def before(lightness):
        if lightness.shape == WOMAN.shape[:2]:
            raise error

    return before


def wide_profile():
    """sRGB's curve with the primaries of Adobe RGB."""
    profile = bytearray(SRGB)
    for i in range(struct.unpack(">I", profile[128:132])[0]):
        tag, offset, _ = struct.unpack(">4sII", profile[132 + 12 * i : 144 + 12 * i])
        if tag in ADOBE:
            profile[offset + 8 : offset + 20] = struct.pack(">3i", *(round(value * 65536) for value in ADOBE[tag]))
    return bytes(profile)


# ---- one photo


@pytest.mark.parametrize("method", ["grey", "mean", "edge-aware", "unet"])
def test_size_and_lightness_are_kept(tmp_path, capsys, method):
    photos = {"cat": CAT, "odd": CAT[:61, :75], "pixel": WOMAN[:1, :1], "narrow": WOMAN[:40, :3]}
    for name, rgb in photos.items():
        save(tmp_path / f"{name}.png", rgb)
    status, out, errors = colorize(capsys, tmp_path, "-o", tmp_path / "out", "--method", method, "--recolour")
    assert (status, errors) == (0, [])
    assert out == f"4 photos colorized by {method} -> {tmp_path / 'out'}\n"
    for name, rgb in photos.items():
        found = read_photo(tmp_path / "out" / f"{name}.png")
        assert found.shape == rgb.shape
        assert abs(lightness(found) - lightness(rgb)).max() < 0.5
        assert nearly_grey(found) == (method == "grey")
        assert (read_photo(tmp_path / f"{name}.png") == rgb).all()


def test_lightness_is_kept_whatever_is_painted():
    """All levels of lightness below the most impossible colours: black, white, and chroma beyond sRGB."""
    levels = np.linspace(0, 100, 600, dtype=np.float32)[:, None].repeat(7, 1)
    ab = np.float32([(0, 0), (90, 0), (-120, 0), (0, 120), (0, -120), (100, -100), (5, 3)])
    found = laid_under(levels, np.broadcast_to(ab, (600, 7, 2)))
    assert abs(lightness(found) - levels).max() < 0.5


def test_the_photos_own_colours_are_not_looked_at(tmp_path, capsys):
    save(tmp_path / "colour.png", CAT)
    photo = save(tmp_path / "grey.png", laid_under(lightness(CAT), np.zeros((80, 120, 2))))
    assert colorize(capsys, tmp_path, "-o", tmp_path / "out", "--method", "edge-aware", "--recolour")[0] == 0
    colour, grey = (read_photo(tmp_path / "out" / name).astype(int) for name in ("colour.png", photo.name))
    assert abs(colour - grey).max() <= 3  # 8-bit grey has lost a little lightness


def test_turned_photos_come_out_upright_with_their_exif(tmp_path, capsys):
    exif = Image.Exif()
    exif[274], exif[271], exif[306] = 6, "A camera", "2020:01:02 03:04:05"
    exif.get_ifd(0x8769)[33434] = 0.5  # the exposure time
    suffixes = ("jpg", "png", "tif", "webp")
    for suffix in suffixes:
        save(tmp_path / suffix / f"cat.{suffix}", CAT, exif=exif.tobytes())
    assert colorize(capsys, tmp_path, "-o", tmp_path / "out", "--method", "grey", "--recolour")[0] == 0
    for suffix in suffixes:
        written, photo = tmp_path / "out" / suffix / "cat.png", tmp_path / suffix / f"cat.{suffix}"
        with Image.open(written) as image:
            found = image.getexif()
            assert image.size == (80, 120)
        assert (found[271], found[306]) == ("A camera", "2020:01:02 03:04:05")
        assert float(found.get_ifd(0x8769)[33434]) == 0.5
        assert not {274, 256, 257, 273} & set(found)  # nor how a TIFF stored the pixels
        assert abs(lightness(read_photo(written)) - lightness(read_photo(photo))).max() < 0.5


def test_the_thumbnail_in_exif_is_not_kept(tmp_path):
    """It shows the photo as it was."""
    thumbnail = io.BytesIO()
    Image.fromarray(CAT[:8, :8]).save(thumbnail, "JPEG")
    thumb = thumbnail.getvalue()
    # two directories: the photo's (make), and the thumbnail's (where its JPEG is)
    first = struct.pack(">HHHI4sI", 1, 271, 2, 4, b"abc\0", 26)
    second = struct.pack(">HHHIIHHIII", 2, 513, 4, 1, 56, 514, 4, 1, len(thumb), 0)
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + first + second + thumb
    whole = read_whole(save(tmp_path / "cat.jpg", CAT, exif=exif))
    assert b"abc" in whole.metadata.exif and thumb not in whole.metadata.exif


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_broken_exif_does_no_harm(tmp_path, capsys, suffix):
    photo = save(tmp_path / f"cat.{suffix}", CAT, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff nonsense")
    status, _, errors = colorize(capsys, photo, "-o", tmp_path / "out", "--method", "grey")
    assert status == 0 and all("cat." in line for line in errors)
    assert read_photo(tmp_path / "out" / "cat.png").shape == CAT.shape


@pytest.mark.parametrize("profile", [SRGB, wide_profile()], ids=["sRGB", "wide"])
def test_a_colour_profile_is_kept_and_the_colours_are_as_without(tmp_path, capsys, profile):
    stored, suffixes = from_srgb(CAT, profile), ("jpg", "png", "tif", "webp")
    assert (stored == CAT).all() == (profile == SRGB)
    for suffix in suffixes:
        photo = save(tmp_path / suffix / f"cat.{suffix}", stored, icc_profile=profile)
        save(tmp_path / suffix / "plain.png", read_photo(photo))
    arguments = ["-o", tmp_path / "out", "--method", "edge-aware", "--unknown", 50]
    assert colorize(capsys, tmp_path, *arguments)[0] == 0
    for suffix in suffixes:
        out, photo = tmp_path / "out" / suffix, tmp_path / suffix / f"cat.{suffix}"
        with Image.open(out / "cat.png") as image:
            assert image.info["icc_profile"] == profile
        found, plain = read_photo(out / "cat.png"), read_photo(out / "plain.png")
        assert abs(found.astype(int) - plain).max() <= (0 if profile == SRGB else 4)
        assert abs(lightness(found) - lightness(read_photo(photo))).max() < 0.5


@pytest.mark.parametrize("profile", [b"no profile", SRGB[:200], bytes(3144), "CMYK", "LAB"])
def test_a_profile_that_cannot_describe_an_rgb_photo_is_left_out(tmp_path, capsys, profile):
    if profile == "CMYK":
        profile = SRGB[:16] + b"CMYK" + SRGB[20:]
    elif profile == "LAB":
        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    photo = save(tmp_path / "cat.png", CAT, icc_profile=profile)
    assert colorize(capsys, photo, "-o", tmp_path / "out", "--method", "grey")[0] == 0
    with Image.open(tmp_path / "out" / "cat.png") as image:
        assert "icc_profile" not in image.info
    assert abs(lightness(read_photo(tmp_path / "out" / "cat.png")) - lightness(CAT)).max() < 0.5


def test_other_kinds_of_photo(tmp_path, capsys):
    image = Image.fromarray(CAT)
    save(tmp_path / "in" / "cmyk.jpg", image.convert("CMYK"))
    save(tmp_path / "in" / "grey.png", image.convert("L"))
    save(tmp_path / "in" / "palette.png", image.quantize(32))
    save(tmp_path / "in" / "alpha.webp", np.dstack([CAT, CAT[..., 0]]), lossless=True)
    Image.fromarray(CAT[..., 0].astype(np.uint16) * 257).save(tmp_path / "in" / "wide.tif")
    assert colorize(capsys, tmp_path / "in", "-o", tmp_path / "out", "--method", "mean", "--recolour")[0] == 0
    for photo in (tmp_path / "in").iterdir():
        found = read_photo(tmp_path / "out" / f"{photo.stem}.png")
        assert abs(lightness(found) - lightness(read_photo(photo))).max() < 0.5, photo
        assert not is_grey(found)


def test_the_settings_are_in_the_file(tmp_path, capsys):
    photo, out = save(tmp_path / "cat.png", CAT), tmp_path / "out"
    always = {"version": __version__, "photo": "cat.png"}
    colorize(capsys, photo, "-o", out, "--method", "mean")
    assert told(out / "cat.png") == always | {"method": "mean", "size": 512, "model": "course"}
    arguments = ["--method", "grey", "--size", 64, "--unknown", 80, "--seed", 3, "--overwrite"]
    colorize(capsys, photo, "-o", out, *arguments)
    assert told(out / "cat.png") == always | {"method": "grey", "size": 64, "unknown": 80, "seed": 3}
    arguments = ["--hints", save(tmp_path / "härte.png", CAT // 2 + np.uint8([40, 0, 0])), "--hints-from", "Chroma"]
    colorize(capsys, photo, "-o", out, "--method", "grey", *arguments, "--overwrite")
    hints = {"hints": "härte.png", "hints from": "chroma", "known": 80 * 120}
    assert told(out / "cat.png") == always | {"method": "grey", "size": 512, **hints}


def test_png_bytes_are_a_png_of_these_pixels():
    with Image.open(io.BytesIO(png_bytes(CAT, {"anything": "ü"}))) as image:
        assert (np.asarray(image) == CAT).all() and image.format == "PNG"
        assert json.loads(image.text["nbhelpers"]) == {"version": __version__, "anything": "ü"}
        assert not image.getexif() and "icc_profile" not in image.info


# ---- hints


def test_a_share_of_the_own_colours_helps(tmp_path, capsys):
    photo, error = save(tmp_path / "cat.png", CAT), {}
    for method in ("grey", "edge-aware"):
        assert colorize(capsys, photo, "-o", tmp_path / method, "--method", method, "--unknown", 80)[0] == 0
        difference = rgb_to_lab(read_photo(tmp_path / method / "cat.png")) - rgb_to_lab(CAT)
        error[method] = float((difference[..., 1:] ** 2).mean())
        known = hide_pixels(rgb_to_lab(CAT)[..., 1:], 0.8).known
        assert abs(difference[known]).max() < 2  # 8 bits
    assert error["edge-aware"] < error["grey"] / 10


def test_the_seed_chooses_the_pixels(tmp_path, capsys):
    photo = save(tmp_path / "cat.png", CAT)
    found = []
    for i, seed in enumerate((0, 0, 1)):
        arguments = ["--method", "grey", "--unknown", 50, "--seed", seed]
        colorize(capsys, photo, "-o", tmp_path / str(i), *arguments)
        found.append(read_photo(tmp_path / str(i) / "cat.png"))
    assert (found[0] == found[1]).all() and (found[0] != found[2]).any()


def test_a_grey_photo_has_no_colours_to_hide(tmp_path, capsys):
    photo = save(tmp_path / "grey.png", Image.fromarray(CAT).convert("L"))
    status, out, errors = colorize(capsys, photo, "-o", tmp_path / "out", "--method", "grey", "--unknown", 80)
    assert (status, out[:19]) == (1, "0 photos colorized ") and len(errors) == 1
    assert "grey.png has no colours" in errors[0] and not (tmp_path / "out").exists()
    assert colorize(capsys, photo, "-o", tmp_path / "out", "--method", "grey", "--unknown", 100)[0] == 0


def test_hints_with_alpha(tmp_path, capsys):
    """Known from alpha 128 on, with the colour below the alpha; grey is a colour too."""
    photo = save(tmp_path / "grey.png", Image.fromarray(CAT).convert("L"))
    layer = np.zeros((80, 120, 4), np.uint8)
    layer[:, :20] = (120, 120, 120, 255)
    layer[:, 20:40] = (200, 60, 60, 128)
    layer[:, 40:60] = (60, 60, 200, 127)
    hints = save(tmp_path / "hints.png", layer)
    assert colorize(capsys, photo, "-o", tmp_path / "out", "--method", "mean", "--hints", hints)[0] == 0
    found = read_photo(tmp_path / "out" / "grey.png")
    assert is_grey(found[:, :20])
    level, ab = lightness(read_photo(photo)), rgb_to_lab(layer[..., :3])[..., 1:]
    assert (found[:, 20:40] == laid_under(level, ab)[:, 20:40]).all()
    mean = laid_under(level, np.broadcast_to(np.float32(registry.load("mean").ab), ab.shape))
    assert (found[:, 40:] == mean[:, 40:]).all()


@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_hints_without_alpha_are_the_coloured_pixels(tmp_path, capsys, mode):
    """As in a grey photo with strokes on it."""
    grey = Image.fromarray(CAT).convert("L")
    drawn = grey.quantize(60).convert("RGB") if mode == "P" else grey.convert("RGB")
    ImageDraw.Draw(drawn).rectangle((10, 10, 29, 29), fill=(220, 40, 40))
    hints = save(tmp_path / "hints.png", drawn if mode == "RGB" else drawn.quantize(100))
    photo = save(tmp_path / "cat.png", grey)
    assert colorize(capsys, photo, "-o", tmp_path / "out", "--method", "grey", "--hints", hints)[0] == 0
    found = read_photo(tmp_path / "out" / "cat.png")
    coloured = (found.max(axis=-1) > found.min(axis=-1)).nonzero()
    assert (coloured[0].min(), coloured[0].max(), coloured[1].min(), coloured[1].max()) == (10, 29, 10, 29)


def test_hints_are_compared_with_the_upright_photo(tmp_path, capsys):
    exif = Image.Exif()
    exif[274] = 8
    photo = save(tmp_path / "cat.jpg", CAT, exif=exif)
    hints = save(tmp_path / "hints.png", CAT)
    status, _, errors = colorize(capsys, photo, "-o", tmp_path / "out", "--method", "grey", "--hints", hints)
    assert status == 1 and len(errors) == 1
    for words in ("hints.png is 120 x 80", "cat.jpg is 80 x 120"):
        assert words in errors[0]
    upright = save(tmp_path / "upright.png", CAT.transpose(1, 0, 2))
    assert (
        colorize(
            capsys, photo, "-o", tmp_path / "out", "--method", "grey", "--hints", upright, "--hints-from", "chroma"
        )[0]
        == 0
    )


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (np.zeros((80, 120, 4), np.uint8), "no pixel is half opaque"),
        (CAT, "no colour of it clearly differs from the photo's: paint on it"),
        (None, "hints.png cannot be used as a photo: no such file"),
    ],
)
def test_hints_that_say_nothing(tmp_path, capsys, layer, words):
    photo = save(tmp_path / "cat.png", CAT)
    if layer is not None:
        save(tmp_path / "hints.png", layer)
    arguments = ["--method", "grey", "--hints", tmp_path / "hints.png"]
    status, _, errors = colorize(capsys, photo, "-o", tmp_path / "out", *arguments)
    assert status == 1 and len(errors) == 1 and words in errors[0]


# ---- several photos


def test_folders_keep_their_structure(tmp_path, capsys):
    photos = tmp_path / "photos"
    for name in ("b.JPG", "a.jpeg", "deep/er/c.TIFF", "deep/d.webp", "e.bmp", ".hidden.png", ".thumbs/f.png"):
        save(photos / name, WOMAN)
    (photos / "notes.txt").write_text("no photo")
    single = save(tmp_path / "elsewhere" / "g.png", WOMAN)
    status, out, errors = colorize(capsys, photos, single, "-o", tmp_path / "out", "--method", "grey", "--recolour")
    assert [line.removeprefix("nbhelpers: warning: passed over, ") for line in errors] == [
        f"hidden: 2 ({photos}/.hidden.png, {photos}/.thumbs/)",
        f"no picture in a format that is read: 1 ({photos}/notes.txt)",
    ]
    assert status == 0
    assert out.startswith("6 photos colorized by grey")
    assert files(tmp_path / "out") == ["a.png", "b.png", "deep/d.png", "deep/er/c.png", "e.png", "g.png"]


def test_results_below_the_folder_are_not_colorized_again(tmp_path, capsys):
    save(tmp_path / "cat.jpg", CAT)
    arguments = [tmp_path, "-o", tmp_path / "out", "--method", "grey", "--recolour"]
    assert colorize(capsys, *arguments)[0] == 0
    assert colorize(capsys, *arguments, "--overwrite")[1].startswith("1 photo ")
    assert files(tmp_path) == ["cat.jpg", "out/cat.png"]


def test_nothing_is_overwritten_unless_asked(tmp_path, capsys):
    photo, output = save(tmp_path / "cat.jpg", CAT), tmp_path / "out" / "cat.png"
    output.parent.mkdir()
    output.write_bytes(b"precious")
    arguments = [photo, "-o", tmp_path / "out", "--method", "grey"]
    status, out, errors = colorize(capsys, *arguments)
    assert (status, len(errors)) == (1, 1)
    assert "cat.png exists already: --overwrite replaces it" in errors[0]
    assert output.read_bytes() == b"precious"
    assert colorize(capsys, *arguments, "--overwrite")[0] == 0
    assert nearly_grey(read_photo(output))


def test_two_photos_with_one_output(tmp_path, capsys):
    save(tmp_path / "in" / "cat.jpg", CAT)
    save(tmp_path / "in" / "cat.png", WOMAN)
    arguments = ["-o", tmp_path / "out", "--method", "grey", "--recolour"]
    status, out, errors = colorize(capsys, tmp_path / "in", *arguments, "--overwrite")
    assert status == 1 and out.startswith("1 photo ") and len(errors) == 1
    assert f"{tmp_path / 'in' / 'cat.png'} would become" in errors[0] and "as " in errors[0] and "cat.jpg" in errors[0]
    assert read_photo(tmp_path / "out" / "cat.png").shape == CAT.shape
    # the same photo twice, as from `colorize photos photos/*`, is no failure
    again = [tmp_path / "in" / "cat.jpg", tmp_path / "in" / ".." / "in" / "cat.jpg"]
    status, out, _ = colorize(capsys, *again, *arguments, "--overwrite")
    assert status == 0 and out.startswith("1 photo ")


def test_an_input_is_never_overwritten(tmp_path, capsys):
    photos = tmp_path / "photos"
    cat, woman = save(photos / "cat.png", CAT), save(photos / "woman.jpg", WOMAN)
    save(tmp_path / "elsewhere" / "linked.png", CAT)
    (photos / "linked.png").symlink_to(tmp_path / "elsewhere" / "linked.png")
    before = cat.read_bytes()
    status, out, errors = colorize(capsys, photos, "-o", photos, "--method", "grey", "--recolour", "--overwrite")
    assert status == 1 and out.startswith("1 photo ")  # the JPEG, which becomes woman.png
    assert len(errors) == 2 and all("is itself one of the inputs" in line for line in errors)
    status, _, errors = colorize(
        capsys, photos / "linked.png", "-o", tmp_path / "elsewhere", "--method", "grey", "--recolour", "--overwrite"
    )
    assert status == 1 and "is itself one of the inputs" in errors[0]
    hints = save(tmp_path / "out" / "woman.png", WOMAN)  # where the result would go
    drawn = hints.read_bytes()
    arguments = ["--method", "grey", "--recolour", "--overwrite", "--hints", hints]
    assert colorize(capsys, woman, "-o", tmp_path / "out", *arguments)[0] == 1
    assert cat.read_bytes() == before and hints.read_bytes() == drawn
    assert (read_photo(tmp_path / "elsewhere" / "linked.png") == CAT).all()


def test_bad_files_do_not_stop_the_rest(tmp_path, capsys):
    photos = tmp_path / "photos"
    whole = save(photos / "a.jpg", CAT).read_bytes()
    (photos / "b.jpg").write_bytes(whole[: len(whole) // 2])
    (photos / "c.jpg").write_text("This is no photo.")
    (photos / "d.png").write_bytes(b"")
    save(photos / "e.png", WOMAN)
    (tmp_path / "hollow").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    places = [photos, tmp_path / "missing.jpg", tmp_path / "hollow", tmp_path / "pipe.jpg"]
    status, out, errors = colorize(capsys, *places, "-o", tmp_path / "out", "--method", "grey", "--recolour")
    assert status == 1
    assert out == f"2 photos colorized by grey -> {tmp_path / 'out'}\n"
    expected = {
        "b.jpg": "truncated", "c.jpg": "not a JPEG", "d.png": "empty file", "missing.jpg": "does not exist",
        "hollow": "holds no photo", "pipe.jpg": "is not a file",
    }  # fmt: skip
    assert len(errors) == len(expected)
    for name, reason in expected.items():
        assert any(f"/{name} " in line and reason in line for line in errors), name
    assert files(tmp_path / "out") == ["a.png", "e.png"]


def test_nothing_found_is_a_failure(tmp_path, capsys):
    (tmp_path / "hollow").mkdir()
    status, out, errors = colorize(
        capsys, tmp_path / "hollow", tmp_path / "missing", "-o", tmp_path / "out", "--method", "grey"
    )
    assert (status, out, len(errors)) == (1, "", 2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("something\nodd"), KeyError("key")])
def test_an_unforeseen_error_is_one_photos_failure(tmp_path, capsys, monkeypatch, error):
    stand_in(monkeypatch, raising(error))
    photos = [save(tmp_path / "woman.png", WOMAN), save(tmp_path / "cat.png", CAT)]
    status, out, errors = colorize(capsys, *photos, "-o", tmp_path / "out", "--method", "grey", "--recolour")
    assert status == 1 and out.startswith("1 photo ") and len(errors) == 1
    reason = "memory" if isinstance(error, MemoryError) else type(error).__name__
    assert "woman.png" in errors[0] and reason in errors[0]
    assert files(tmp_path / "out") == ["cat.png"]


def test_a_solver_that_stops_early_is_a_line_and_the_photo_is_written(tmp_path, capsys, monkeypatch):
    class Stubborn(Constant):
        def colorize(self, lightness, hints):
            return dataclasses.replace(super().colorize(lightness, hints), converged=False, note="gave up early")

    monkeypatch.setattr(registry, "load", lambda _name, _run: Stubborn("grey"))
    photos = [save(tmp_path / name, CAT) for name in ("a.jpg", "b.jpg")]
    status, out, errors = colorize(capsys, *photos, "-o", tmp_path / "out", "--method", "grey", "--recolour")
    assert status == 0 and out.startswith("2 photos ")
    assert errors == [f"nbhelpers: warning: {photo}: gave up early" for photo in photos]


def test_ctrl_c_keeps_what_is_done_and_nothing_half(tmp_path, capsys, monkeypatch):
    stand_in(monkeypatch, raising(KeyboardInterrupt()))
    photos = [save(tmp_path / "cat.png", CAT), save(tmp_path / "woman.png", WOMAN)]
    status, out, errors = colorize(capsys, *photos, "-o", tmp_path / "out", "--method", "grey", "--recolour")
    assert (status, out, len(errors)) == (130, "", 1)
    assert "interrupted" in errors[0] and "those that exist are kept" in errors[0]
    assert files(tmp_path / "out") == ["cat.png"]


# ---- wrong usage


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cat.png"], "--out"),
        (["-o", "out"], "PHOTO"),
        (["cat.png", "-o", "out", "--method", "edgeaware"], "did you mean 'edge-aware'"),
        (["cat.png", "-o", "out", "--method", "xyzzy"], "choose from grey"),
        (["cat.png", "-o", "out", "--unknown", "101"], "0 to 100"),
        (["cat.png", "-o", "out", "--unknown", "nan"], "0 to 100"),
        (["cat.png", "-o", "out", "--unknown", "much"], "--unknown"),
        (["cat.png", "-o", "out", "--unknown", "80", "--hints", "woman.png"], "--hints and --unknown"),
        (["cat.png", "woman.png", "-o", "out", "--hints", "woman.png"], "2 were found"),
        ([".", "-o", "out", "--hints", "woman.png"], "2 were found"),
        (["cat.png", "-o", "woman.png"], "woman.png is a file"),
        (["cat.png", "-o", "out", "--size", "0"], "--size"),
        (["cat.png", "-o", "out", "--hints", ""], "--hints is empty"),
        (["cat.png", "-o", "out", "--hints-from", "alpha"], "--hints-from belongs to --hints"),
        (["cat.png", "-o", "out", "--hints", "woman.png", "--hints-from", "colour"], "choose from difference, chroma"),
        (["cat.png", "-o", "out", "--seed", "-1"], "--seed"),
    ],
)
def test_wrong_usage_is_status_2(tmp_path, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "cat.png", CAT)
    save(tmp_path / "woman.png", WOMAN)
    method = [] if "--method" in arguments else ["--method", "grey"]
    status, out, errors = colorize(capsys, *arguments, *method)
    assert (status, out, len(errors)) == (2, "", 1)
    assert words in errors[0]
    assert files(tmp_path) == ["cat.png", "woman.png"]


@pytest.mark.parametrize("out", ["", "cat.png"])
def test_an_output_that_is_no_folder_is_named(tmp_path, capsys, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "cat.png", CAT)
    status, _, errors = colorize(capsys, "cat.png", "-o", out, "--method", "grey")
    assert status == 2 and "-o/--out names a folder" in errors[0]
    status, _, errors = colorize(capsys, "", "-o", "new", "--method", "grey")
    assert status == 2 and "PHOTO is empty" in errors[0] and files(tmp_path) == ["cat.png"]


def test_home_is_found_though_the_shell_did_not_write_it_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save(tmp_path / "cat.png", CAT)
    assert colorize(capsys, "~/cat.png", "--out=~/colour", "--method", "grey")[0] == 0
    assert files(tmp_path) == ["cat.png", "colour/cat.png"]


def test_an_opaque_alpha_is_none_and_a_jpeg_is_as_good_as_a_png(tmp_path, capsys):
    grey = np.array(Image.fromarray(data.chelsea()).convert("L"))[:, :450, None].repeat(3, axis=2)
    photo, drawn = save(tmp_path / "grey.png", grey), grey.copy()
    drawn[120:160, 120:240] = 200, 60, 60
    opaque = np.dstack([drawn, np.full(drawn.shape[:2], 255, np.uint8)])
    found = []
    for name, layer in (("rgb.png", drawn), ("rgba.png", opaque), ("painted.jpg", drawn)):
        hints = save(tmp_path / name, layer)
        arguments = ["-o", tmp_path / "out", "--method", "edge-aware", "--hints", hints, "--overwrite"]
        status, out, errors = colorize(capsys, photo, *arguments)
        assert (status, errors) == (0, [])
        assert out.startswith(f"{hints}: ") and "of 135,000 pixels known, in 1 stroke: where it differs" in out
        found.append(rgb_to_lab(read_photo(tmp_path / "out" / "grey.png")))
    assert np.array_equal(*found[:2]) and np.abs(found[0] - found[2]).mean() < 3
    assert np.hypot(*found[0][140, 180, 1:]) > 40


def test_a_painted_copy_of_a_scan_with_a_cast_colours_as_one_of_a_grey_one(tmp_path, capsys):
    """As programs save them: sepia, through lossy WebP and JPEG, as PNG; no pixel is grey, and few are hints."""
    grey = np.array(Image.fromarray(data.chelsea()).convert("L"))[:, :450]
    scan = np.stack([grey * 1.0, grey * 0.93, grey * 0.8], axis=-1).astype(np.uint8)
    copy = scan.copy()
    copy[120:160, 120:240] = 60, 90, 200
    photo = save(tmp_path / "scan.png", scan)
    for form in ("PNG", "JPEG", "WEBP"):
        Image.fromarray(copy).save(file := io.BytesIO(), form, quality=75)
        hints = save(tmp_path / "copy.png", Image.open(file).convert("RGB"))
        arguments = ["-o", tmp_path / "out", "--method", "edge-aware", "--hints", hints, "--overwrite"]
        assert colorize(capsys, photo, *arguments)[0] == 0
        about = told(tmp_path / "out" / "scan.png")
        assert about["hints from"] == "difference" and 4500 < about["known"] < 5500
        lab = rgb_to_lab(read_photo(tmp_path / "out" / "scan.png"))
        assert np.median(np.hypot(*np.moveaxis(lab[..., 1:], -1, 0))) > 35  # it was 0.7


def test_whose_pixels_count_is_asked_for_in_words(tmp_path, capsys):
    photo, hints = save(tmp_path / "cat.png", CAT), save(tmp_path / "copy.png", CAT[..., ::-1])
    arguments = [photo, "-o", tmp_path / "out", "--method", "grey", "--hints", hints]
    status, _, errors = colorize(capsys, *arguments)
    assert (
        status == 1
        and "copy.png is hardly" in errors[0]
        and "say --hints-from difference, chroma or alpha" in errors[0]
    )
    status, out, _ = colorize(capsys, *arguments, "--hints-from", "difference")
    assert status == 0 and "where it differs from the photo" in out


def test_the_result_of_another_photo_is_never_replaced(tmp_path, capsys):
    """A scan's TIFF and the JPEG made of it have one name."""
    tiff, jpeg = save(tmp_path / "1.tif", CAT), save(tmp_path / "1.jpg", WOMAN)
    arguments = ["-o", tmp_path / "out", "--method", "grey", "--recolour"]
    assert colorize(capsys, jpeg, *arguments)[0] == 0
    before = (tmp_path / "out" / "1.png").read_bytes()
    for more in ([], ["--overwrite"]):
        status, _, errors = colorize(capsys, tiff, *arguments, *more)
        assert status == 1 and "1.png was made of 1.jpg: choose another folder" in errors[0]
    assert (tmp_path / "out" / "1.png").read_bytes() == before
    assert colorize(capsys, jpeg, *arguments, "--overwrite")[0] == 0


def test_a_picture_of_other_origin_is_never_replaced(tmp_path, capsys):
    photo, other = save(tmp_path / "a" / "1.jpg", CAT), save(tmp_path / "out" / "1.png", WOMAN)
    before = other.read_bytes()
    arguments = [photo, "-o", tmp_path / "out", "--method", "grey", "--overwrite"]
    status, _, errors = colorize(capsys, *arguments)
    assert status == 1 and "1.png was not made by this command: choose another folder" in errors[0]
    assert other.read_bytes() == before
    other.unlink()
    other.mkdir()
    status, _, errors = colorize(capsys, *arguments)
    assert status == 1 and "was not made by this command" in errors[0]


def test_earlier_results_do_not_displace_the_scans(tmp_path, capsys):
    save(tmp_path / "in" / "1.tif", CAT)
    assert colorize(capsys, tmp_path / "in", "-o", tmp_path / "in", "--method", "mean", "--recolour")[0] == 0
    arguments = ["-o", tmp_path / "better", "--method", "grey", "--recolour"]
    status, out, errors = colorize(capsys, tmp_path / "in", *arguments)
    assert status == 0 and out.startswith("1 photo ") and told(tmp_path / "better" / "1.png")["photo"] == "1.tif"
    assert "passed over, a result of this command: 1" in errors[0]


def test_a_second_run_says_in_one_line_what_is_there(tmp_path, capsys):
    for name in "abcdefg":
        save(tmp_path / "in" / f"{name}.jpg", CAT)
    arguments = [tmp_path / "in", "-o", tmp_path / "out", "--method", "grey", "--recolour"]
    assert colorize(capsys, *arguments)[0] == 0
    (tmp_path / "in" / "broken.jpg").write_bytes(b"nothing")
    status, out, errors = colorize(capsys, *arguments)
    assert status == 1 and out.startswith("0 photos") and len(errors) == 2
    assert "broken.jpg cannot be used" in errors[0]
    assert "7 photos were left out, as their results exist already" in errors[1] and "--overwrite replaces" in errors[1]


def test_results_in_the_album_itself_are_no_photos(tmp_path, capsys):
    save(tmp_path / "a.jpg", CAT)
    save(tmp_path / "deep" / "b.png", WOMAN)
    arguments = [tmp_path, "-o", tmp_path, "--method", "grey", "--recolour"]
    status, out, errors = colorize(capsys, *arguments)
    assert status == 1 and out.startswith("1 photo ") and "is itself one of the inputs" in errors[0]
    status, out, errors = colorize(capsys, *arguments, "--overwrite")
    assert out.startswith("1 photo ") and files(tmp_path) == ["a.jpg", "a.png", "deep/b.png"]
    assert errors[0] == f"nbhelpers: warning: passed over, a result of this command: 1 ({tmp_path}/a.png)"


def test_a_folder_that_cannot_be_written_is_told_before_the_work(tmp_path, capsys, monkeypatch):
    photo = save(tmp_path / "a.png", CAT)
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    status, out, errors = colorize(capsys, photo, photo, "-o", tmp_path / "out" / "deep", "--method", "grey")
    assert (status, out, len(errors)) == (1, "", 1)
    assert f"nothing can be written to {tmp_path}/out/deep, as {tmp_path} does not allow it" in errors[0]
    status, _, errors = colorize(capsys, photo, "-o", photo / "below", "--method", "grey")
    assert status == 1 and "does not allow it" in errors[0]


def test_a_full_disk_ends_the_run_in_one_line(tmp_path, capsys, monkeypatch):
    stand_in(monkeypatch, raising(OSError(errno.ENOSPC, "No space left on device")))
    photos = [save(tmp_path / f"{i}.png", rgb) for i, rgb in enumerate((CAT, WOMAN, CAT, CAT))]
    status, out, errors = colorize(capsys, *photos, "-o", tmp_path / "out", "--method", "grey", "--recolour")
    assert status == 1 and out.startswith("1 photo ") and len(errors) == 1
    assert "takes no more (no space left on device); 3 of 4 photos are left: make room there" in errors[0]


# ---- what is said of files as people have them


def test_colour_photos_in_a_folder_stay_out_and_are_counted(tmp_path, capsys):
    grey = np.array(Image.fromarray(CAT).convert("L").convert("RGB"))
    sepia = (grey * np.float64([1, 0.9, 0.7])).astype(np.uint8)
    for name, rgb in (("cat", CAT), ("grey", grey), ("sepia", sepia), ("woman", WOMAN)):
        save(tmp_path / "album" / f"{name}.png", rgb)
    arguments = ["-o", tmp_path / "out", "--method", "mean"]
    status, out, errors = colorize(capsys, tmp_path / "album", *arguments)
    album = tmp_path / "album"
    tinted = f"a tint, as sepia, which was taken for no colour and painted over: {album / 'sepia.png'}"
    stayed = f"2 photos have colours and stayed out: {album / 'cat.png'}, {album / 'woman.png'}; --recolour colorizes"
    assert status == 0 and out.startswith("2 photos colorized")
    assert errors == [f"nbhelpers: warning: {line}" for line in (tinted, f"{stayed} those, too")]
    assert files(tmp_path / "out") == ["grey.png", "sepia.png"]
    status, out, errors = colorize(capsys, album, *arguments, "--recolour", "--overwrite")
    assert (status, errors) == (0, []) and out.startswith("4 photos")
    # one that is named is meant, and with a share of its own colours it is no loss
    status, _, errors = colorize(capsys, album / "cat.png", *arguments, "--overwrite")
    assert status == 0 and errors == [
        f"nbhelpers: warning: colours of their own, which were painted over: {album / 'cat.png'}"
    ]
    (album / "grey.png").unlink()
    status, out, errors = colorize(capsys, album, "-o", tmp_path / "own", "--method", "nearest", "--unknown", 100)
    assert (status, errors) == (0, []) and out.startswith("3 photos")
    (album / "sepia.png").unlink()
    status, out, errors = colorize(capsys, album, "-o", tmp_path / "none", "--method", "mean")
    assert status == 1 and out.startswith("0 photos") and "2 photos have colours" in errors[0]


def test_what_several_files_share_is_said_once(tmp_path, capsys):
    grey = np.array(Image.fromarray(CAT).convert("L"))
    for i in range(7):
        save(tmp_path / "in" / f"{i}.png", grey.astype(np.uint16) * 257)
    pages = [Image.fromarray(grey)] * 3
    save(tmp_path / "in" / "pages.tif", pages[0], save_all=True, append_images=pages[1:])
    save(tmp_path / "in" / "clear.webp", np.dstack([CAT[..., :1].repeat(3, 2), CAT[..., 0]]), lossless=True)
    status, out, errors = colorize(capsys, tmp_path / "in", "-o", tmp_path / "out", "--method", "grey")
    assert status == 0 and out.startswith("9 photos")
    short = [line.removeprefix("nbhelpers: warning: ").replace(f"{tmp_path / 'in'}/", "") for line in errors]
    assert short == [
        "more than 8 bits a sample, which become 8: 0.png, 1.png, 2.png, 3.png, 4.png and 2 more",
        "transparency, laid over white: clear.webp",
        "several pages or frames, of which the first is taken: pages.tif (3)",
    ]


def test_each_loss_is_named_however_many_there_are(tmp_path, capsys):
    for i in range(7):
        rows = struct.pack("<HHII", 0x9C00 + i, 99, 1, 0)
        save(tmp_path / "in" / f"{i}.jpg", CAT[..., 0], exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0" + rows + bytes(4))
    errors = colorize(capsys, tmp_path / "in", "-o", tmp_path / "out", "--method", "grey")[2]
    assert len(errors) == 7 and all(f"tag {0x9C00 + i}, of an unknown type" in errors[i] for i in range(7))


def test_an_odd_tag_is_named_and_the_others_travel(tmp_path, capsys):
    words = "© 1923 Käthe".encode() + b"\0"
    rows = struct.pack("<HHII", 0x128, 2, 2, 0x32) + struct.pack("<HHII", 0x8298, 2, len(words), 38)
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + rows + bytes(4) + words
    photo = save(tmp_path / "odd.jpg", CAT, exif=exif)
    status, _, errors = colorize(capsys, photo, "-o", tmp_path / "out", "--method", "grey", "--unknown", 100)
    named = f"left out of the new file, EXIF's ResolutionUnit, a text where a number belongs: {photo}"
    assert status == 0 and errors == [f"nbhelpers: warning: {named}"]
    with Image.open(tmp_path / "out" / "odd.png") as image:
        assert words in image.info["exif"]


def test_what_was_said_is_said_after_an_interruption_too(tmp_path, capsys, monkeypatch):
    stand_in(monkeypatch, raising(KeyboardInterrupt()))
    wide = save(tmp_path / "a.png", CAT[..., 0].astype(np.uint16) * 257)
    status, _, errors = colorize(
        capsys, wide, save(tmp_path / "b.png", WOMAN), "-o", tmp_path / "out", "--method", "grey"
    )
    assert status == 130 and f"more than 8 bits a sample, which become 8: {wide}" in errors[0]


def test_a_method_without_its_model_is_status_1(tmp_path, capsys):
    photo = save(tmp_path / "cat.png", CAT)
    status, _, errors = colorize(capsys, photo, "-o", tmp_path / "out", "--method", "forest")
    assert status == 1 and "'forest' has not been fitted" in errors[0] and "or --run demo-sample" in errors[0]


def test_a_run_of_ones_own_is_asked_first(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    photo = save(tmp_path / "cat.png", CAT)
    arguments = [photo, "-o", tmp_path / "out", "--method", "mean", "--run"]
    run = paths.Run("demo", str(tmp_path / "my-cats"))
    status, _, errors = colorize(capsys, *arguments, run.name)
    assert status == 1 and f"no run '{run.name}' with models" in errors[0] and "`nbhelpers train`" in errors[0]
    registry.save("mean", (20.0, -5.0), run)
    for wrong in ("demo", f"../runs/{run.name}", "demo-my-cats"):
        status, _, errors = colorize(capsys, *arguments, wrong)
        assert status == 1 and f"no run {wrong!r}" in errors[0] and run.name in errors[0]
    assert colorize(capsys, *arguments, run.name)[0] == 0
    lab = rgb_to_lab(read_photo(tmp_path / "out" / "cat.png"))
    assert np.abs(np.median(lab[..., 1:], axis=(0, 1)) - (20, -5)).max() < 1
    assert told(tmp_path / "out" / "cat.png")["model"] == run.name


def test_the_courses_model_is_never_passed_off_as_a_runs(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    (course := tmp_path / "data" / "checkpoints").mkdir(parents=True)
    (course / "mean.json").write_text(json.dumps({"ab": [1.0, 2.0]}))
    (mine := paths.Run("demo", "kaggle")).models.mkdir(parents=True)
    (mine.models / "tree.npz").touch()
    photo = save(tmp_path / "cat.png", CAT)
    status, _, errors = colorize(
        capsys, photo, "-o", tmp_path / "out", "--method", "mean", "--run", mine.name, "--recolour"
    )
    assert status == 0 and told(tmp_path / "out" / "cat.png")["model"] == "course"
    said = "the run demo-kaggle lacks what mean needs: that of course is used, and the files say so"
    assert errors == [f"nbhelpers: warning: {said}"]
    assert colorize(capsys, photo, "-o", tmp_path / "grey", "--method", "grey")[0] == 0
    assert "model" not in told(tmp_path / "grey" / "cat.png")


def test_a_method_that_does_not_look_at_hints_says_so(tmp_path, capsys):
    photo = save(tmp_path / "cat.png", CAT)
    arguments = [photo, "-o", tmp_path / "out", "--unknown", 90, "--method"]
    status, _, errors = colorize(capsys, *arguments, "mean")
    assert status == 0 and errors == [f"nbhelpers: warning: {photo}: {HINTS_UNUSED}"]
    assert colorize(capsys, *arguments, "nearest", "--overwrite")[2] == []


# ---- large photos


class Watching(Constant):
    """A colorizer that remembers what it was shown."""

    def colorize(self, lightness, hints):
        object.__setattr__(self, "seen", (lightness, hints))
        return super().colorize(lightness, hints)


def test_a_photo_within_the_size_goes_straight_to_the_colorizer():
    level, hints, watching = lightness(CAT), Hints.none((80, 120)), Watching("mean", (3, 4))
    colorize_large(watching, level, hints, size=80)
    assert watching.seen[0] is level and watching.seen[1] is hints


def test_large_photos_are_colorized_small_and_hints_are_kept():
    lab = rgb_to_lab(data.chelsea()[:, :450])  # (300, 450, 3)
    hints = hide_pixels(lab[..., 1:], 0.995)
    hidden = Hints(np.where(hints.known[..., None], hints.ab, np.nan), hints.known)
    watching = Watching("mean", (3, 4))
    found = colorize_large(watching, lab[..., 0], hidden, size=100).ab
    assert found.shape == (300, 450, 2) and found.dtype == np.float32 and np.isfinite(found).all()
    assert (found[hints.known] == hints.ab[hints.known]).all()
    level, small = watching.seen
    assert level.shape == (100, 150) and level.dtype == np.float32 and 0 <= level.min() and level.max() <= 100
    expected = shrunk_hints(hints, 100)
    assert (small.known == expected.known).all() and (small.ab == expected.ab).all()
    assert 0 < small.known.sum() < hints.known.sum()


def test_a_large_run_matches_a_small_one():
    """The same photo enlarged smoothly, colorized at its first size."""
    colorizer = registry.load("edge-aware")
    lab = rgb_to_lab(CAT)
    hints = hide_pixels(lab[..., 1:], 0.8)
    direct = colorizer.colorize(lab[..., 0], hints).ab
    large = np.array(Image.fromarray(lab[..., 0]).resize((480, 320), Image.Resampling.BICUBIC))
    ab, known = hints.ab.repeat(4, 0).repeat(4, 1), hints.known.repeat(4, 0).repeat(4, 1)
    found = colorize_large(colorizer, large, Hints(ab, known), size=80).ab
    back = found.reshape(80, 4, 120, 4, 2).mean(axis=(1, 3))
    assert np.sqrt(((back - direct) ** 2).mean()) < 1
    assert (found[known] == ab[known]).all()


def test_a_large_photo_through_the_command(tmp_path, capsys):
    large = data.chelsea()
    photo = save(tmp_path / "large.png", large)
    arguments = ["--method", "edge-aware", "--size", 75, "--unknown", 90]
    assert colorize(capsys, photo, "-o", tmp_path / "out", *arguments)[0] == 0
    found = read_photo(tmp_path / "out" / "large.png")
    assert found.shape == large.shape
    assert abs(lightness(found) - lightness(large)).max() < 0.5
    difference = (rgb_to_lab(found) - rgb_to_lab(large))[..., 1:]
    assert abs(difference[hide_pixels(rgb_to_lab(large)[..., 1:], 0.9).known]).max() < 2
    assert (difference**2).mean() < (rgb_to_lab(large)[..., 1:] ** 2).mean() / 8


# ---- what decoding gives


def test_read_whole_is_read_photo_and_more(tmp_path):
    exif = Image.Exif()
    exif[274], exif[271] = 3, "A camera"
    path = save(tmp_path / "cat.jpg", CAT, exif=exif, icc_profile=wide_profile())
    whole = read_whole(path)
    assert (whole.rgb == read_photo(path)).all() and whole.metadata.icc == wide_profile()
    again = Image.Exif()
    again.load(whole.metadata.exif)
    assert dict(again) == {271: "A camera"}
    assert read_whole(save(tmp_path / "plain.png", CAT))[1:] == (Metadata(), ())
    (tmp_path / "empty.jpg").write_bytes(b"")
    for read in (read_whole, read_layer):
        with pytest.raises(PhotoError, match="empty file"):
            read(tmp_path / "empty.jpg")


def test_read_layer_mixes_nothing(tmp_path):
    rgba = np.dstack([CAT, np.full(CAT.shape[:2], 40, np.uint8)])
    rgb, alpha = read_layer(save(tmp_path / "layer.png", rgba))
    assert (rgb == CAT).all() and (alpha == 40).all()
    assert read_layer(save(tmp_path / "plain.png", CAT))[1] is None
    assert decoding.read_photo(tmp_path / "layer.png").mean() > 215
