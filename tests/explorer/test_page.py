"""The explorer's page without a browser: what happens when its controls get values."""

import base64
import html
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from skimage.data import chelsea
from uploading import Sender

from nbhelpers import widgets
from nbhelpers.colour.gamut import palette
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.explorer import painting, pictures
from nbhelpers.explorer.page import Explorer, explore
from nbhelpers.hints import HINTS_UNUSED, Colorization, Constant, Nearest, Stroke
from nbhelpers.photos import decoding, formats


class Counting:
    """A colorizer that counts how often it was asked."""

    name = "counting"

    def __init__(self):
        self.asked = 0

    def colorize(self, lightness, hints):
        self.asked += 1
        return Nearest().colorize(lightness, hints)


@pytest.fixture
def methods():
    return {"counting": Counting(), "mean": Constant("mean", (3.0, 9.0))}


@pytest.fixture
def cat():
    return painting.subject("cat", chelsea()[:240, 60:380].repeat(2, 0).repeat(2, 1), "Stefan van der Walt, CC0")


@pytest.fixture
def page(monkeypatch, cat, methods):
    monkeypatch.delenv("NBHELPERS_HEADLESS", raising=False)
    grey = painting.subject("old.png", np.repeat(chelsea()[:200, :200, :1], 3, axis=2))
    return Explorer([cat, grey], methods)


def picture(widget):
    return np.array(Image.open(io.BytesIO(base64.b64decode(re.search('base64,([^"]+)', widget.value)[1]))))


def said(page):
    """The status line, which must not look like an error."""
    assert "&#9888;" not in page.status.value
    return html.unescape(re.sub("<[^>]+>", "", page.status.value))


def text(page):
    return re.sub("<[^>]+>", " ", page.numbers.value)


def test_it_starts_with_one_pixel_in_a_hundred(page, cat, methods):
    hints = painting.given(cat, 99)
    assert hints.known.sum() == round(0.01 * 300 * 400)
    assert "1,200 of 120,000 pixels known (1.00 %), 0 strokes" in text(page) and "CC0" in text(page)
    both = [painting.paint(name, methods, cat, hints).picture(cat) for name in methods]
    assert np.array_equal(picture(page.result), pictures.divided(*both, 50))
    assert said(page) == f"mean: {HINTS_UNUSED}"


def test_the_slider_changes_what_is_known_and_both_results(page, cat, methods):
    before = picture(page.result)
    page.unknown.value = 50
    assert "60,000 of 120,000" in text(page)
    assert not np.array_equal(before, picture(page.result))
    assert page.unknown.continuous_update is False and (page.unknown.min, page.unknown.max) == (0, 100)


def test_only_what_changed_is_computed_anew(page, methods):
    asked = methods["counting"].asked
    page.divider.value = 10
    page.right.value = painting.TRUTH
    assert methods["counting"].asked == asked
    page.seed.value = 1
    assert methods["counting"].asked == asked + 1


def test_the_divider_shows_the_left_and_the_right(page, cat, methods):
    page.divider.value = 100
    left = picture(page.result)
    page.divider.value = 0
    right = picture(page.result)
    hints = painting.given(cat, 99)
    assert np.array_equal(left, painting.paint("counting", methods, cat, hints).picture(cat))
    assert np.array_equal(right, painting.paint("mean", methods, cat, hints).picture(cat))


def test_a_stroke_becomes_hints_and_undo_takes_it_back(page):
    page.unknown.value = 100
    page.brush.take((20.0, 30.0))
    page.brush.size.value = 5
    for event, place in (("_down", (100, 100)), ("_move", (140, 100)), ("_up", (140, 100))):
        getattr(page.brush, event)(*place)
    (stroke,) = page.brush.strokes
    assert stroke == Stroke((20.0, 30.0), 5, ((100.0, 100.0), (140.0, 100.0)))
    hints = page.hints()
    assert 400 <= hints.known.sum() <= 520 and np.allclose(hints.ab[hints.known], (20, 30))
    assert "1 strokes" in text(page)
    page.brush.clear.click()
    assert page.brush.strokes == () and page.hints().known.sum() == 0
    page.brush.undo.click()  # clear, too, can be taken back
    assert page.brush.strokes == (stroke,)
    page.brush.undo.click()
    page.brush.undo.click()
    assert page.brush.strokes == ()


def test_a_dab_needs_no_mouse(page):
    page.unknown.value = 100
    page.brush.x.value, page.brush.y.value, page.brush.size.value = 30, 40, 4
    page.brush.dab.click()
    ys, xs = np.nonzero(page.hints().known)
    assert abs(ys.mean() + 0.5 - 40) < 1 and abs(xs.mean() + 0.5 - 30) < 1


def test_the_palette_follows_the_lightness_and_a_swatch_is_taken(page, cat):
    page.brush._down(5, 5)
    page.brush._up()
    assert page.brush.level == cat.lightness[5, 5]
    page.brush.swatches[3].click()
    assert np.allclose(page.brush.ab, palette(page.brush.level)[3])
    page.brush._down(200, 150)  # elsewhere the same hue, as strong as a screen can show it there
    page.brush._up()
    assert np.allclose(page.brush.strokes[-1].ab, palette(cat.lightness[150, 200])[3])
    page.brush.take((1.0, 2.0))  # a colour that was picked stays what it is
    page.brush._down(5, 5)
    page.brush._up()
    assert page.brush.strokes[-1].ab == (1.0, 2.0)


def test_the_eyedropper_takes_the_colour_of_the_result(page, cat):
    page.divider.value = 0  # all of it is the right method's: the mean colour
    page.brush.tool.value = "pick"
    page.brush._down(50, 60)
    assert page.brush.ab == (3.0, 9.0) and page.brush.strokes == () and page.brush.tool.value == "paint"


@pytest.mark.parametrize("colour", ["#ff0000", "#f00", "red"])
def test_a_colour_can_be_typed(page, colour):
    page.brush.swatches[3].click()
    page.brush.colour.value = colour
    assert np.allclose(page.brush.ab, rgb_to_lab(np.uint8([[255, 0, 0]]))[0, 1:]) and page.brush.swatch is None
    page.brush.colour.value = "transparent"  # the field takes more than anybody can paint with
    assert page.brush.colour.value == colour


def test_strokes_stay_with_their_photo(page):
    page.brush._down(50, 50)
    page.brush._up()
    page.choose("old.png")
    assert page.brush.strokes == ()
    page.choose("cat")
    assert len(page.brush.strokes) == 1


def test_a_grey_photo_has_nothing_to_slide(page):
    page.choose("old.png")
    assert page.unknown.disabled and "has no colours: paint some" in page.status.value
    assert page.hints().known.sum() == 0 and "nan" in text(page)
    page.right.value = painting.TRUTH
    assert "nobody knows its true colours" in page.status.value and "Error" not in page.status.value
    page.choose("cat")
    assert not page.unknown.disabled and said(page) == ""


def test_a_grey_photo_is_shown_though_the_true_colours_were_asked_for_before(page):
    page.right.value = painting.TRUTH
    page.choose("old.png")
    assert page.right.value == "counting" and "has no colours: paint some" in page.status.value
    assert "0 of 40,000 pixels known" in text(page) and page.brush.picture.shape == (200, 200, 3)


def test_photos_of_one_name_are_kept_apart(methods):
    photos = [painting.subject("1", np.roll(chelsea(), 40 * i, axis=1), credit) for i, credit in enumerate("abc")]
    page = Explorer(photos, methods)
    assert page.subject.credit == "a" and list(page.subjects) == ["1", "1 2", "1 3"]
    page.choose("1 3")
    assert page.subject.credit == "c"


def test_an_upload_replaces_no_photo_of_the_page(page):
    upload(page, "old.png", png(chelsea()))
    assert page.subject.name == "old.png" and not page.subject.grey
    page.brush._down(50, 50)
    page.brush._up()
    page.choose("old.png")
    assert page.subject.grey and page.brush.strokes == () and list(page.subjects) == ["cat", "old.png"]


def test_a_photo_that_no_method_could_paint_leaves_no_other_photos_results(page, monkeypatch):
    def broken(*_):
        raise MemoryError("too much")

    monkeypatch.setattr(Counting, "colorize", broken)
    page.choose("old.png")
    assert "MemoryError: too much" in page.status.value
    assert page.brush.picture.shape == (200, 200, 3) and page.numbers.value == page.result.value == ""
    page.make.click()
    assert page.links.value == "" and "no result to save yet" in page.status.value


def test_a_file_says_what_its_own_picture_was_made_with(page):
    page.choose("old.png")
    page.right.value = painting.TRUTH  # refused: the mean colour's result is still there
    page.brush._down(50, 50)
    page.brush._up()
    page.make.click()
    files = re.findall(r'download="([^"]+)" href="data:image/png;base64,([^"]+)"', page.links.value)
    told = {}
    for name, data in files:
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            told[name] = json.loads(image.text["nbhelpers"])
    assert len(told["old-counting.png"]["strokes"]) == 1 and told["old-mean.png"]["strokes"] == []


def upload(page, name, content):
    """As the browser does: in pieces, each when it is asked for; return how many."""
    return Sender(page.upload).send(name, content)


def png(rgb):
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_photo_is_uploaded_and_saved_at_its_own_size(page):
    mine = np.repeat(np.repeat(chelsea()[:100, :150], 5, axis=0), 5, axis=1)
    for _ in range(2):  # the same file may come again
        upload(page, "my cat.png", png(mine))
        assert page.subject.name == "my cat.png" and page.subject.lab.shape == (267, 400, 3)
        page.choose("cat")
    upload(page, "my cat.png", png(mine))
    page.make.click()
    links = re.findall(r'download="([^"]+)" href="data:image/png;base64,([^"]+)"', page.links.value)
    assert [name for name, _ in links] == ["my-cat-counting.png", "my-cat-mean.png"]
    with Image.open(io.BytesIO(base64.b64decode(links[0][1]))) as image:
        assert image.size == (750, 500)
        settings = json.loads(image.text["nbhelpers"])
        lightness = rgb_to_lab(np.array(image))[..., 0]
    assert np.abs(lightness - rgb_to_lab(mine)[..., 0]).max() < 0.5
    assert settings["photo"] == "my cat.png" and settings["unknown"] == 99 and settings["method"] == "counting"


def test_what_an_uploaded_file_says_stands_in_the_files_made_of_it(page):
    exif = Image.Exif()
    exif[315] = b"K\xc3\xa4the"
    content = io.BytesIO()
    Image.fromarray(chelsea()[:, :400, 0].astype(np.uint16) * 257).save(content, "PNG", exif=exif, dpi=(600, 600))
    upload(page, "scan.png", content.getvalue())
    assert "more than 8 bits a sample, which become 8" in page.status.value
    page.make.click()
    for data in re.findall(r'href="data:image/png;base64,([^"]+)"', page.links.value):
        with Image.open(io.BytesIO(base64.b64decode(data))) as image:
            assert image.info["dpi"] == pytest.approx((600, 600), abs=0.02)
            assert "Käthe".encode() in image.info["exif"]


def test_the_tint_of_a_scan_is_no_colour_that_is_known(page):
    sepia = np.clip(chelsea()[..., :1] * np.float64([1, 0.9, 0.7]), 0, 255).astype(np.uint8)
    upload(page, "sepia.png", png(sepia))
    assert page.subject.grey and not page.hints().known.any() and page.unknown.disabled
    assert "sepia.png has one tint, which is taken for none: paint some" in page.status.value


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"hello", "not a JPEG, PNG, WebP, BMP, TIFF, GIF, JPEG 2000, AVIF or HEIC image"),
        (png(np.zeros((500, 500, 3), np.uint8))[:300], "truncated; choose another."),
        (b"\x89PNG" + bytes(painting.MAX_BYTES), "larger than 40 MB (`nbhelpers colorize` takes more)."),
        (png(np.zeros((10, 10, 3), np.uint8)), "too few to see anything; choose another."),
        (png(np.zeros((17, 2000, 3), np.uint8)), "too long and narrow"),
    ],
    ids=["empty", "text", "cut off", "too large", "too small", "too narrow"],
)
def test_a_wrong_upload_is_a_sentence_and_the_page_stays(page, content, reason):
    before = picture(page.result)
    upload(page, "<b>x.png", content)
    assert "&lt;b&gt;x.png cannot be used as a photo" in page.status.value and reason in page.status.value
    assert page.subject.name == "cat" and np.array_equal(before, picture(page.result))
    page.unknown.value = 60
    assert said(page) == f"mean: {HINTS_UNUSED}"


def test_an_upload_that_needs_another_package_says_which_and_nothing_else(page, monkeypatch):
    monkeypatch.setattr(formats, "_has_heic", lambda: False)
    upload(page, "phone.heic", b"\0\0\0\x18ftypheic" + bytes(12))
    assert page.status.value.count("pip install pi-heif), or has to be saved as JPEG.") == 1


def test_a_photo_of_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(painting, "MAX_PIXELS", 1000)
    with pytest.raises(decoding.PhotoError, match="40 x 30 pixels are more than"):
        painting.subject("x", np.zeros((30, 40, 3), np.uint8))


def test_an_error_is_one_line_and_a_solver_that_stopped_is_named(page, methods, monkeypatch):
    def broken(*_):
        raise MemoryError("too much")

    def unfinished(lightness, hints):
        return Colorization(np.zeros((*lightness.shape, 2), np.float32), False, 0.1, "gave up")

    monkeypatch.setattr(Counting, "colorize", broken)
    page.unknown.value = 40
    assert "MemoryError: too much" in page.status.value
    monkeypatch.setattr(Counting, "colorize", lambda self, lightness, hints: unfinished(lightness, hints))
    page.unknown.value = 41
    assert "counting: gave up" in page.status.value


def test_without_a_person_it_is_one_figure(monkeypatch, cat, methods):
    shown = []
    monkeypatch.setenv("NBHELPERS_HEADLESS", "1")
    monkeypatch.setattr("nbhelpers.explorer.page.display", shown.append)
    assert explore([cat], methods) is None
    (figure,) = shown
    assert [ax.get_title() for ax in figure.axes][0] == "known: 1 % of the pixels" and len(figure.axes) == 4


def test_pictures_have_fixed_sizes_so_that_nothing_jumps(page):
    assert (page.result.layout.width, page.result.layout.height) == ("400px", "300px")
    assert page.status.layout.min_height and page.numbers.layout.min_height
    assert "width: 400px; height: 300px" in page.result.value and 'alt="counting, and right' in page.result.value


def test_many_events_are_one_redraw():
    import asyncio

    done = []

    async def events():
        schedule = widgets.soon(lambda: done.append(1))
        for _ in range(10):
            schedule()
        await asyncio.sleep(0.2)

    asyncio.run(events())
    assert done == [1]
