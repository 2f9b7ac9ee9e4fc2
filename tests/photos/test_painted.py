"""Hints from painted copies of a photo, saved as programs save them: what was painted is found, and nothing else."""

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy import ndimage
from skimage import data

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.errors import UserError
from nbhelpers.photos.painted import read_hints
from nbhelpers.photos.profiles import from_srgb

GREY = np.array(Image.fromarray(data.chelsea()).convert("L"))[:, :450, None].repeat(3, 2)
STROKES = (  # where from, where to, colour, width
    ((60, 60), (120, 90), (200, 60, 60), 18),
    ((200, 200), (300, 230), (60, 140, 60), 24),
    ((350, 40), (400, 80), (70, 90, 190), 14),
)
SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])


def sepia(rgb):
    return np.clip(rgb @ SEPIA.T, 0, 255).astype(np.uint8)


def monitor(rgb):
    """Its greys have a cast, as through a monitor's profile."""
    return np.stack([255 * (rgb[..., 0] / 255.0) ** power for power in (0.85, 1, 1.2)], axis=-1).astype(np.uint8)


def painted(rgb, strokes=STROKES):
    """A copy with antialiased strokes, and where they are."""
    mask = np.zeros(rgb.shape[:2], bool)
    copy = rgb.astype(float)
    for start, end, colour, width in strokes:
        large = Image.new("L", (4 * rgb.shape[1], 4 * rgb.shape[0]))
        ImageDraw.Draw(large).line([(4 * x, 4 * y) for x, y in (start, end)], fill=255, width=4 * width)
        alpha = np.array(large.resize(rgb.shape[1::-1], Image.Resampling.BOX))[..., None] / 255
        copy = copy * (1 - alpha) + alpha * np.float64(colour)
        mask |= alpha[..., 0] > 0.95
    return np.round(copy).astype(np.uint8), mask


def through(rgb, form, **options):
    Image.fromarray(rgb).save(file := io.BytesIO(), form, **options)
    return np.array(Image.open(file).convert("RGB"))


def saved(path, rgb, **options):
    Image.fromarray(rgb).save(path, **options)
    return path


def found(tmp_path, copy, photo=GREY, way=None, name="copy.png", **options):
    return read_hints(saved(tmp_path / name, copy, **options), "photo.png", photo, way)


def check(hints, mask):
    """What was painted is known, next to nothing else, in its colours."""
    known = hints.hints.known
    near = ndimage.binary_dilation(mask, iterations=6)  # what JPEG's blocks smear
    assert known[ndimage.binary_erosion(mask, iterations=3)].mean() > 0.95  # but for the rim, whose colours are mixed
    assert (known & ~near).sum() <= 0.01 * known.sum()
    assert hints.strokes == 3 and hints.way == "difference"
    chroma = np.hypot(*np.moveaxis(hints.hints.ab[known], -1, 0))
    assert np.median(chroma) > 40


KINDS = {
    "exact": lambda copy: copy,
    "JPEG 90": lambda copy: through(copy, "JPEG", quality=90),
    "JPEG 75": lambda copy: through(copy, "JPEG", quality=75),
    "JPEG 60": lambda copy: through(copy, "JPEG", quality=60),
    "WebP 80": lambda copy: through(copy, "WEBP", quality=80),
    "WebP 50": lambda copy: through(copy, "WEBP", quality=50),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scan", ["grey", "sepia", "monitor", "noisy"])
def test_a_copy_of_a_scan_whose_grey_is_not_grey(tmp_path, scan, kind):
    """The photo has the cast as well, and the copy was saved in some format, then as PNG."""
    noise = np.random.default_rng(0).normal(0, 3, GREY.shape)
    photo = {"grey": GREY, "sepia": sepia(GREY), "monitor": monitor(GREY), "noisy": np.clip(GREY + noise, 0, 255)}[scan]
    photo = photo.astype(np.uint8)
    copy, mask = painted(photo)
    check(found(tmp_path, KINDS[kind](copy), photo), mask)


@pytest.mark.parametrize("cast", [sepia, monitor])
@pytest.mark.parametrize("kind", ["exact", "JPEG 75", "WebP 80"])
def test_a_copy_with_a_cast_that_the_photo_has_not(tmp_path, cast, kind):
    copy, mask = painted(cast(GREY))
    hints = found(tmp_path, KINDS[kind](copy))
    check(hints, mask)
    assert hints.tint > 5 and "but for a cast that it has all over" in str(hints)
    reverse, mask = painted(GREY)
    check(found(tmp_path, KINDS[kind](reverse), cast(GREY)), mask)


@pytest.mark.parametrize(("suffix", "options"), [("jpg", {"quality": 85}), ("webp", {"quality": 80}), ("png", {})])
def test_the_file_itself_may_be_lossy(tmp_path, suffix, options):
    copy, mask = painted(GREY)
    check(found(tmp_path, copy, name=f"copy.{suffix}", **options), mask)


def test_a_copy_in_another_profile(tmp_path):
    """Its numbers differ all over, its colours do not."""
    wide = imagecodecs.cms_profile("adobergb")
    copy, mask = painted(sepia(GREY))
    numbers = from_srgb(copy, wide)
    assert np.abs(numbers.astype(int) - copy).max() > 30
    hints = found(tmp_path, numbers, sepia(GREY), icc_profile=wide)
    check(hints, mask)
    assert hints.tint == 0


@pytest.mark.parametrize("scale", [0.5, 0.37, 1.5, 2])
def test_a_copy_of_another_size(tmp_path, scale):
    copy, mask = painted(GREY)
    size = tuple(round(side * scale) for side in copy.shape[1::-1])
    hints = found(tmp_path, np.array(Image.fromarray(copy).resize(size, Image.Resampling.LANCZOS)))
    assert hints.hints.known.shape == mask.shape
    known = hints.hints.known
    assert known[mask].mean() > 0.85 and (known & ~mask).mean() < 0.01 and hints.strokes == 3
    assert np.median(np.hypot(*np.moveaxis(hints.hints.ab[known], -1, 0))) > 40


def test_a_copy_of_another_shape_is_refused(tmp_path):
    copy = painted(GREY)[0]
    for other in (copy[:, :400], copy.transpose(1, 0, 2)):
        with pytest.raises(UserError, match=r"copy.png is \d+ x \d+ pixels, photo.png is 450 x 300: save the hints"):
            found(tmp_path, other)


def test_a_colour_photo_with_strokes(tmp_path):
    photo = data.chelsea()[:, :450]
    copy, mask = painted(photo)
    check(found(tmp_path, copy, photo), mask)


def pale(ab, *places):
    """A copy of the photo with rectangles of some a*, b* at the photo's lightness."""
    lab = rgb_to_lab(GREY)
    for (top, bottom, left, right), colour in zip(places, ab):
        lab[top:bottom, left:right, 1:] = colour
    copy = np.where((lab[..., 1:] != rgb_to_lab(GREY)[..., 1:]).any(-1)[..., None], lab_to_rgb(lab), GREY)
    return copy, lab


@pytest.mark.parametrize("chroma", [3, 6, 11, 20])
def test_pale_paint_counts_in_an_exact_copy(tmp_path, chroma):
    """Skin, walls and old clothes are pale, also beside something strong, and in thin lines."""
    copy, _ = pale([(chroma, 0), (60, 40)], (100, 140, 100, 140), (100, 140, 140, 160))
    known = found(tmp_path, copy).hints.known
    assert known[100:140, 100:140].mean() > 0.97 and known[100:140, 140:160].mean() > 0.9
    assert known.sum() <= 40 * 60
    line, _ = pale([(chroma, 0)], (100, 101, 100, 200))
    hints = found(tmp_path, line)
    assert hints.hints.known.sum() == 100 and hints.strokes == 1


def test_the_true_colours_of_a_photo_as_paint(tmp_path):
    photo = data.astronaut()
    grey = np.array(Image.fromarray(photo).convert("L"))[..., None].repeat(3, 2)
    stripes = np.zeros(photo.shape[:2], bool)
    stripes[:, ::16] = stripes[:, 1::16] = stripes[:, 2::16] = True
    copy = np.where(
        stripes[..., None], lab_to_rgb(np.dstack([rgb_to_lab(grey)[..., :1], rgb_to_lab(photo)[..., 1:]])), grey
    )
    known = found(tmp_path, copy, grey).hints.known
    seen = np.hypot(*np.moveaxis((rgb_to_lab(copy) - rgb_to_lab(grey))[..., 1:], -1, 0)) >= 2
    assert not (known & ~(stripes & seen)).any() and known.sum() > 0.8 * (stripes & seen).sum()


@pytest.mark.parametrize("scan", [sepia, monitor])
def test_paint_in_nearly_the_tint_of_the_scan(tmp_path, scan):
    """Skin on sepia is the most usual hint there is."""
    photo = scan(GREY)
    copy = photo.copy()
    tinted = rgb_to_lab(photo[100:140, 100:180])[..., 1:].mean(axis=(0, 1))
    lab = rgb_to_lab(photo[100:140, 100:180])
    lab[..., 1:] = tinted + np.float32([6, 3])
    copy[100:140, 100:180] = lab_to_rgb(lab)
    known = found(tmp_path, copy, photo).hints.known
    assert known[100:140, 100:180].mean() > 0.8 and not known[150:].any()


@pytest.mark.parametrize("opacity", [0.2, 0.43, 0.9])
def test_a_wash_over_most_of_a_photo_is_asked_about_and_no_tint(tmp_path, opacity):
    copy = GREY.astype(float)
    copy[:207] = copy[:207] * (1 - opacity) + opacity * np.float64((60, 90, 200))
    copy = copy.round().astype(np.uint8)
    with pytest.raises(UserError, match="6.% of it would be hints"):
        found(tmp_path, copy)
    hints = found(tmp_path, copy, way="difference")
    assert hints.tint == 0 and hints.hints.known[:207].mean() > 0.97 and not hints.hints.known[207:].any()


def test_what_is_no_copy_of_the_photo_is_asked_about(tmp_path):
    """A coloured version, a desaturated copy of a colour photo, and one that was turned, mirrored or cropped."""
    colour, square = data.chelsea()[:, :450], GREY[:, 75:375]
    with pytest.raises(UserError, match="differ all over, by more than a cast or a lossy format"):
        found(tmp_path, painted(GREY)[0], colour)
    with pytest.raises(UserError, match="differ all over|more than strokes"):
        found(tmp_path, colour)
    crop = np.array(Image.fromarray(square[10:-10, 10:-10]).resize((300, 300)))
    for other in (np.rot90(square), square[:, ::-1], square[::-1], crop):
        copy, _ = painted(np.ascontiguousarray(other))
        with pytest.raises(UserError, match="as if it were turned, mirrored or cropped, or strokes"):
            found(tmp_path, copy, np.ascontiguousarray(square))
        assert found(tmp_path, copy, np.ascontiguousarray(square), way="difference").hints.known.any()


@pytest.mark.parametrize("quality", [30, 60, 85, 95, 98])
@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_lossy_copies_of_flat_and_bordered_scans_are_no_exact_ones(tmp_path, form, quality):
    """They have many pixels in common with the photo."""
    flat = np.clip(120 + (GREY.astype(int) - 120) // 4, 0, 255).astype(np.uint8)
    border = GREY.copy()
    border[:50], border[-50:], border[:, :50] = 255, 255, 255
    for photo in (flat, border):
        copy, mask = painted(photo)
        hints = found(tmp_path, through(copy, form, quality=quality), photo, way="difference")
        near = ndimage.binary_dilation(mask, iterations=8)
        assert (hints.hints.known & ~near).sum() <= 0.02 * mask.sum() and hints.strokes <= 5


def grain_in_a_frame(seed=0):
    """Photographic grain makes large differences, a white border equal pixels."""
    noise = np.random.default_rng(seed).normal(0, 12, GREY.shape[:2])[..., None]
    photo = np.clip(GREY + noise, 0, 255).astype(np.uint8)
    photo[:30], photo[-30:], photo[:, :30], photo[:, -30:] = 255, 255, 255, 255
    return photo


def test_a_turned_or_shifted_copy_of_a_scan_with_grain_and_border_is_asked_about(tmp_path):
    photo = grain_in_a_frame()
    for other in (photo[:, ::-1], photo[::-1, ::-1], np.roll(photo, 40, axis=1)):
        copy, _ = painted(np.ascontiguousarray(other))
        with pytest.raises(UserError, match="turned, mirrored or cropped"):
            found(tmp_path, copy, photo)


@pytest.mark.parametrize(("form", "quality"), [("JPEG", 10), ("JPEG", 30), ("JPEG", 75), ("WEBP", 20)])
def test_lossy_copies_of_grain_in_a_border_are_no_exact_ones(tmp_path, form, quality):
    photo = grain_in_a_frame()
    copy, mask = painted(photo)
    hints = found(tmp_path, through(copy, form, quality=quality), photo, way="difference")
    assert not hints.exact and "pale and thin strokes may be missing, PNG keeps all" in str(hints)
    assert hints.hints.known.sum() < 1.3 * mask.sum() and hints.strokes <= 12


def test_a_soft_brush_does_not_make_a_copy_lossy(tmp_path):
    """Its tails differ by next to nothing; a pale stroke elsewhere counts all the same."""
    copy, _ = pale([(6, 2)], (20, 60, 380, 420))
    y, x = np.mgrid[:300, :450]
    for opacity in (0.1, 0.5):
        alpha = opacity * np.exp(-((y - 180) ** 2 + (x - 150) ** 2) / (2 * 25.0**2))[..., None]
        soft = np.round(copy * (1 - alpha) + alpha * np.float64((200, 40, 40))).astype(np.uint8)
        hints = found(tmp_path, soft)
        assert hints.exact and hints.hints.known[20:60, 380:420].all() and hints.hints.known[180, 150]
        assert hints.strokes <= 6


def test_a_slight_cast_of_a_photo_with_black_in_it_is_one(tmp_path):
    """Black stays black, to the last bit."""
    photo = GREY.copy()
    photo[:40] = 0
    for share in ((1.02, 1, 0.97), (1.04, 1, 0.94), (1.1, 1, 0.85)):
        copy, mask = painted(np.clip(photo * share, 0, 255).astype(np.uint8))
        hints = found(tmp_path, copy, photo)
        assert not hints.exact and hints.tint > 0 and hints.hints.known.sum() < 1.2 * mask.sum()


def test_grey_strokes_beside_coloured_ones_are_told(tmp_path):
    copy, mask = painted(GREY)
    copy[250:280, 20:120] = 255
    hints = found(tmp_path, copy)
    check(hints, mask)
    assert hints.grey > 2500 and "grey pixels count on a transparent layer alone" in str(hints)
    assert "transparent layer" not in str(found(tmp_path, painted(GREY)[0]))


@pytest.mark.parametrize("scan", [sepia, monitor, lambda rgb: rgb])
def test_a_copy_that_was_brightened_as_well(tmp_path, scan):
    """Its tint depends on lightness in another way: that is a cast, too."""
    copy, mask = painted(scan(GREY))
    for edited in ((copy.astype(float) - 10) * 255 / 235, copy * 1.1, (copy / 255.0) ** 0.8 * 255):
        hints = found(tmp_path, np.clip(edited, 0, 255).astype(np.uint8), scan(GREY))
        assert hints.strokes == 3 and 0.8 * mask.sum() < hints.hints.known.sum() < 1.3 * mask.sum()


def test_one_colour_over_most_of_a_jpeg_is_paint_and_no_cast(tmp_path):
    """Else the quarter that was left alone would be taken for grey strokes."""
    copy = GREY.astype(float)
    copy[:230] = copy[:230] * 0.2 + 0.8 * np.float64((30, 60, 220))
    with pytest.raises(UserError, match=r"7\d% of it would be hints"):
        found(tmp_path, through(copy.astype(np.uint8), "JPEG", quality=85))


@pytest.mark.parametrize("quality", [85, 95])
def test_pale_paint_in_a_jpeg(tmp_path, quality):
    copy, _ = pale([(18, 8)], (100, 140, 100, 180))
    hints = found(tmp_path, through(copy, "JPEG", quality=quality))
    assert hints.hints.known[104:136, 104:176].mean() > 0.8 and hints.strokes == 1


def test_dots_and_soft_brushes(tmp_path):
    """As they were painted."""
    copy = GREY.copy()
    copy[100, 100], copy[200:202, 300:302] = (200, 60, 60), (60, 60, 200)
    hints = found(tmp_path, copy)
    assert hints.hints.known.sum() == 5 and hints.strokes == 2
    y, x = np.mgrid[:300, :450]
    alpha = np.exp(-((y - 150) ** 2 + (x - 200) ** 2) / (2 * 25.0**2))[..., None]
    soft = np.round(GREY * (1 - alpha) + alpha * np.float64((200, 40, 40))).astype(np.uint8)
    known = found(tmp_path, soft).hints.known
    assert known[alpha[..., 0] > 0.7].mean() > 0.95 and (alpha[known] < 0.25).mean() < 0.1  # its wide rim is pale


def test_the_rim_of_a_stroke_does_not_spread_its_mixed_colours(tmp_path):
    """An antialiased edge stands all round a stroke: a propagation would see it alone."""
    hard = GREY.copy()
    hard[100:140, 100:180] = 200, 60, 60
    copy, _ = painted(GREY, [((100, 120), (180, 120), (200, 60, 60), 40)])
    for picture in (hard, copy):
        hints = found(tmp_path, picture).hints
        edge = hints.known & ~ndimage.binary_erosion(hints.known)
        chroma = np.hypot(*np.moveaxis(hints.ab, -1, 0))
        assert np.median(chroma[edge]) > 0.9 * np.median(chroma[hints.known])
    beside = GREY.copy()  # two strokes of different hues lose nothing where they touch
    beside[100:140, 100:140], beside[100:140, 140:180] = (200, 60, 60), (130, 140, 120)
    assert found(tmp_path, beside).hints.known[100:140, 100:180].mean() > 0.98


def test_more_than_a_third_is_asked_about(tmp_path):
    random = np.random.default_rng(0)
    small = random.integers(0, 255, (30, 45, 3), dtype=np.uint8), random.random((30, 45, 1)) < 0.5
    colours, spots = (part.repeat(10, 0).repeat(10, 1) for part in small)
    copy = np.where(spots, colours, GREY)
    with pytest.raises(UserError, match=r"\d\d% of it would be hints, which is more than strokes;.*--hints-from"):
        found(tmp_path, copy)
    assert found(tmp_path, copy, way="difference").hints.known.mean() > 1 / 3
    washed, _ = painted(GREY, [((0, 150), (450, 150), (40, 90, 230), 200)])  # one colour over most of it: no tint
    with pytest.raises(UserError, match=r"6\d% of it would be hints"):
        found(tmp_path, washed)


def test_alpha_and_chroma(tmp_path):
    layer = np.zeros((300, 450, 4), np.uint8)
    layer[:40, :40] = 120, 120, 120, 255  # grey is a colour too
    layer[50:90, 50:90] = 200, 60, 60, 128
    layer[100:140, 100:140] = 60, 60, 200, 127
    hints = found(tmp_path, layer)
    assert (hints.way, hints.strokes, hints.hints.known.sum()) == ("alpha", 2, 3200)
    assert "3,200 of 135,000 pixels known, in 2 strokes: its opaque pixels" in str(hints)
    copy, mask = painted(GREY)
    chroma = found(tmp_path, copy, way="chroma")
    assert (chroma.hints.known == (copy != copy[..., :1]).any(-1)).all() and chroma.way == "chroma"
    with pytest.raises(UserError, match="opaque all over, so that alpha tells nothing: leave --hints-from out"):
        found(tmp_path, copy, way="alpha")
    full = np.dstack([copy, np.full(mask.shape, 200, np.uint8)])  # many programs write an alpha, though all is opaque
    check(found(tmp_path, full), mask)
    most = np.dstack([copy, np.full(mask.shape, 255, np.uint8)])
    most[:20, :, 3] = 0
    check(found(tmp_path, most), mask)  # a copy of which a corner was erased is no layer
    assert found(tmp_path, most, way="alpha").hints.known.mean() > 0.9
    check(found(tmp_path, most, way="difference"), mask)


@pytest.mark.parametrize(
    ("copy", "way", "words"),
    [
        (GREY, None, "no colour of it clearly differs from the photo's: paint on it"),
        (sepia(GREY), None, "no colour of it clearly differs from the photo's"),
        (GREY, "chroma", "all of it is grey"),
        (np.zeros((300, 450, 4), np.uint8), None, "no pixel is half opaque; paint, or raise the layer's opacity"),
    ],
)
def test_a_picture_without_hints(tmp_path, copy, way, words):
    with pytest.raises(UserError, match=words):
        found(tmp_path, copy, way=way)
