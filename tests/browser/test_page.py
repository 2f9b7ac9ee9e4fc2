"""The explorer in a real browser: what a person does, and that the page shows what the package computes."""

import base64
import io
import json
import os
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

from nbhelpers import registry
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.comparison import rating
from nbhelpers.course import exercise_cells, quiz
from nbhelpers.course.exercises.texts import of_notebook
from nbhelpers.explorer import painting, pictures
from nbhelpers.explorer.server import write_page
from nbhelpers.photos import open_photos
from nbhelpers.photos.licences import examples

ROOT = Path(__file__).resolve().parents[2]
WAIT = 60_000  # milliseconds; a shared machine may pause


@pytest.fixture(scope="module")
def subject():
    """The photo that the page shows first."""
    shown = examples("sample", open_photos("sample").test, 1)
    return painting.subject(shown.names[0], shown.photos[0], shown.credits[0])


@pytest.fixture(scope="module")
def voila(serve):
    return serve(["nbhelpers", "app", "--port", "{port}", "--no-browser"])


@pytest.fixture
def page(voila, chromium, errors, sent):
    context = chromium.new_context(viewport={"width": 1000, "height": 1300}, accept_downloads=True)
    page = context.new_page()
    errors.watch(page)
    sent.watch(page)
    page.goto(voila, timeout=2 * WAIT)
    ready(page)
    yield page
    context.close()


def ready(page):
    """Wait until the numbers are there and nothing is being computed."""
    page.get_by_text("pixels known").first.wait_for(timeout=2 * WAIT)
    done(page)


def done(page):
    page.wait_for_function(
        "() => ![...document.querySelectorAll('[role=status]')].some(e => e.innerText.includes('computing'))",
        timeout=WAIT,
    )


def known(page) -> int:
    """How many pixels are known, as the page says."""
    return int(re.search(r"([\d,]+) of [\d,]+ pixels known", page.inner_text("body"))[1].replace(",", ""))


def unknown(page) -> int:
    """The slider's percentage of unknown pixels, as the page says."""
    return int(
        page.locator(".widget-hslider").filter(has_text="unknown pixels").locator(".widget-readout").inner_text()
    )


RESULT = "right of the divider"


def shown(page, alt) -> np.ndarray:
    """The picture with these words in its description, as the browser has it."""
    source = page.locator(f"img[alt*='{alt}']").get_attribute("src")
    return np.array(Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))))


def painted(subject, method, hints):
    return painting.paint(method, {method: registry.load(method)}, subject, hints).picture(subject)


def expected(subject, unknown, left="hinted", right="edge-aware", drawn=(), percent=50):
    hints = painting.given(subject, unknown, 0, drawn)
    return pictures.divided(painted(subject, left, hints), painted(subject, right, hints), percent)


def choose_file(page, path):
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="your photo").click()
    chooser.value.set_files(path)


def slider(page, label):
    return page.locator(".widget-slider, .widget-hslider").filter(has_text=label).locator(".noUi-handle").first


def drag(page, handle, right):
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right / 2, y, steps=3)
    page.mouse.move(x + right, y, steps=3)
    page.mouse.up()


# Each page is a kernel of its own, which loads for many seconds: a test does all that can be done on one.


def test_it_opens_with_what_the_package_computes_and_its_controls_are_reached_and_slide(page, subject):
    assert known(page) == 1600
    assert np.array_equal(shown(page, RESULT), expected(subject, 99))
    every_control_is_reached_by_tab(page)
    handle = slider(page, "unknown pixels")
    drag(page, handle, -120)
    page.wait_for_function("() => !document.body.innerText.includes('1,600 of')", timeout=WAIT)
    done(page)
    percent = unknown(page)
    assert 10 < percent < 95 and known(page) == round(1600 * (100 - percent))
    assert np.array_equal(shown(page, RESULT), expected(subject, percent))
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(f"() => document.body.innerText.includes('{1600 * (99 - percent):,} of')", timeout=WAIT)
    done(page)
    assert np.array_equal(shown(page, RESULT), expected(subject, percent + 1))


def every_control_is_reached_by_tab(page):
    page.locator("body").click(position={"x": 2, "y": 2})
    reached = []
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(
            """() => {
                const e = document.activeElement, label = e.closest('.jupyter-widgets')?.querySelector('label');
                return [e.innerText.split('\\n')[0], e.title, label ? label.innerText : ''].join(' ')
            }"""))  # fmt: skip
    labels = ["chelsea", "your photo", "unknown pixels", "seed", "left", "right", "left | right", "make PNG files"]
    labels += ["paint", "eyedropper", "undo", "clear", "brush", "colour", "b*", "dab"]
    missing = [label for label in labels if not any(label in text for text in reached)]
    assert missing == [], reached


def test_a_stroke_is_painted_and_taken_back(page, subject):
    handle = slider(page, "unknown pixels")
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("0 of 160,000 pixels known").wait_for(timeout=WAIT)
    done(page)
    page.locator("button[title*='b* 5']").last.click()  # an orange or yellow of the palette
    stroke(page, [(200, 150), (260, 180)])
    page.get_by_text("1 strokes").wait_for(timeout=WAIT)
    done(page)
    assert 900 < known(page) < 2000
    with_stroke = shown(page, RESULT)
    chroma = np.hypot(*np.moveaxis(rgb_to_lab(with_stroke)[150:180, 300:, 1:], -1, 0)).mean()
    assert chroma > 15  # edge-aware, right of the divider, has but one colour to spread
    page.get_by_role("button", name="undo").click()
    page.get_by_text("0 of 160,000 pixels known").wait_for(timeout=WAIT)
    done(page)
    assert np.array_equal(shown(page, RESULT), expected(subject, 100))


def test_photos_of_ones_own_come_back_at_their_own_size_and_what_is_none_gets_a_sentence(page, sent, tmp_path):
    what_is_no_photo_gets_a_sentence_and_a_large_one_comes_in_pieces(page, sent, tmp_path)
    page.get_by_role("button", name="chelsea").click()
    page.get_by_text("0 strokes; Stéfan").wait_for(timeout=WAIT)
    done(page)
    handle = slider(page, "unknown pixels")  # the page goes on
    for key, count in (("ArrowLeft", "3,200"), ("ArrowRight", "1,600")):
        handle.focus()
        page.keyboard.press(key)
        page.get_by_text(f"{count} of 160,000 pixels known").wait_for(timeout=WAIT)
        done(page)
    a_photo_is_saved_at_its_own_size(page, tmp_path)
    Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (150, 1))).save(tmp_path / "grey.png")
    choose_file(page, tmp_path / "grey.png")
    page.get_by_text("grey.png has no colours: paint some").wait_for(timeout=WAIT)
    assert known(page) == 0


WRONG = [
    ("notes.png", b"no picture", "notes.png cannot be used as a photo: not a JPEG"),
    ("empty.jpg", b"", "empty.jpg cannot be used as a photo: empty file"),
    ("huge.png", b"\x89PNG" + bytes(41_000_000), "huge.png cannot be used as a photo: larger than 40 MB (`nbhelpers"),
]


def what_is_no_photo_gets_a_sentence_and_a_large_one_comes_in_pieces(page, sent, tmp_path):
    for name, content, sentence in WRONG:
        (tmp_path / name).write_bytes(content)
        sent.clear()
        choose_file(page, tmp_path / name)
        page.get_by_text(sentence).wait_for(timeout=WAIT)
        assert sum(sent) < 100_000  # the name and the size of a file that is too large, and nothing of it
    rgb = np.random.default_rng(0).integers(0, 256, (2000, 2000, 3), np.uint8)
    Image.fromarray(rgb).save(tmp_path / "noise.bmp")
    sent.clear()
    choose_file(page, tmp_path / "noise.bmp")
    page.get_by_text("1,600 of 160,000 pixels known (1.00 %), 0 strokes; noise.bmp").wait_for(timeout=WAIT)
    done(page)
    assert np.array_equal(shown(page, RESULT), expected(painting.subject("noise.bmp", rgb), 99))
    assert 12_000_000 < sum(sent) < 13_000_000 and max(sent) < 1_100_000
    page.get_by_role("button", name="your photo", exact=True).wait_for(timeout=WAIT)  # without per cents
    Image.fromarray(rgb[:320, :200]).save(tmp_path / "second.png")
    for name in ("noise.bmp", "second.png"):  # the second takes the place of the first
        choose_file(page, tmp_path / name)
    page.get_by_text("640 of 64,000 pixels known (1.00 %), 0 strokes; second.png").wait_for(timeout=WAIT)
    done(page)
    page.get_by_role("button", name="your photo", exact=True).wait_for(timeout=WAIT)


def a_photo_is_saved_at_its_own_size(page, tmp_path):
    height, width = 600, 900
    y, x = np.mgrid[:height, :width]
    rgb = np.stack([80 + 120 * (x > 450), 60 + y // 5, 200 - 120 * (x > 450)], axis=-1).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / "mine.png")
    choose_file(page, tmp_path / "mine.png")
    page.get_by_text("mine.png").first.wait_for(timeout=WAIT)
    page.get_by_text("of 106,800 pixels known").wait_for(timeout=WAIT)
    done(page)
    page.get_by_role("button", name="make PNG files").click()
    link = page.get_by_role("link", name="save mine-hinted.png")
    link.wait_for(timeout=WAIT)
    with page.expect_download() as download:
        link.click()
    download.value.save_as(tmp_path / "result.png")
    with Image.open(tmp_path / "result.png") as image:
        settings, result = json.loads(image.text["nbhelpers"]), np.array(image)
    assert result.shape == rgb.shape
    assert (settings["method"], settings["unknown"], settings["photo"]) == ("hinted", 99, "mine.png")
    assert np.abs(rgb_to_lab(result)[..., 0] - rgb_to_lab(rgb)[..., 0]).max() < 0.5
    mine = painting.subject("mine.png", rgb)
    hints = painting.given(mine, 99, 0)
    found = painting.paint("hinted", {"hinted": registry.load("hinted")}, mine, hints)
    assert np.array_equal(result, painting.enlarged(mine, found))


@pytest.fixture(scope="module")
def lab(serve, elsewhere):
    """open(chromium's page, notebook): show a notebook of the course's folder in JupyterLab, and run all its cells."""
    options = ["--no-browser", "--ServerApp.token=", "--ServerApp.ip=127.0.0.1", "--allow-root"]
    base = serve(["jupyterlab", "--port={port}", *options, "."])

    def open_(page, notebook):
        page.goto(
            f"{base}/lab/workspaces/{Path(notebook).stem}/tree/{notebook}", timeout=2 * WAIT
        )  # nothing else is open
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for(timeout=2 * WAIT)
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).first.click()

    return open_


@pytest.fixture
def wide_page(chromium, errors, sent):
    context = chromium.new_context(viewport={"width": 1400, "height": 1600})
    page = context.new_page()
    errors.watch(page)
    sent.watch(page)
    yield page
    context.close()


def test_in_jupyterlab_it_works_as_well(lab, wide_page, elsewhere, subject, sent, tmp_path):
    """Its server ends the connection at a message of more than 10 MiB."""
    page = wide_page
    write_page("sample", Path(elsewhere["NBHELPERS_ROOT"]))
    lab(page, "explorer.ipynb")
    ready(page)
    assert np.array_equal(shown(page, RESULT), expected(subject, 99))
    slider(page, "unknown pixels").focus()
    page.keyboard.press("ArrowLeft")
    page.get_by_text("3,200 of 160,000 pixels known").wait_for(timeout=WAIT)
    done(page)
    assert np.array_equal(shown(page, RESULT), expected(subject, 98))
    slider(page, "unknown pixels").focus()
    page.keyboard.press("ArrowRight")
    what_is_no_photo_gets_a_sentence_and_a_large_one_comes_in_pieces(page, sent, tmp_path)


def test_a_slider_of_the_other_notebooks_draws_anew_in_jupyterlab(lab, wide_page, elsewhere):
    page = wide_page
    cells = ["import matplotlib.pyplot as plt\nfrom nbhelpers import widgets",
             "def draw(percent):\n    return plt.subplots(figsize=(2 + percent / 50, 1))[0]",
             "widgets.explore(draw, percent=widgets.unknown_slider(50));"]  # fmt: skip
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    node.metadata.kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(node, Path(elsewhere["NBHELPERS_ROOT"]) / "slider.ipynb")
    lab(page, "slider.ipynb")
    picture = page.locator(".jp-RenderedImage img")
    picture.first.wait_for(timeout=WAIT)
    before = picture.first.get_attribute("src")
    slider(page, "unknown pixels").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => document.querySelector('.jp-RenderedImage img')?.src !== before &&"
        " document.querySelector('.jp-RenderedImage img')",
        arg=before,
        timeout=WAIT,
    )
    assert picture.count() == 1 and picture.first.get_attribute("src") != before


def test_a_click_in_a_photo_draws_anew_in_jupyterlab(lab, wide_page, elsewhere):
    page, root = wide_page, Path(elsewhere["NBHELPERS_ROOT"])
    cells = ["from pathlib import Path\nimport matplotlib.pyplot as plt\nimport numpy as np\n"
             "from nbhelpers import widgets",
             "def draw(x, y, percent):\n    Path('place.txt').write_text(f'{x} {y}')\n"
             "    return plt.subplots(figsize=(2 + x / 50, 1))[0]",
             "photo = np.full((64, 100, 3), (200, 60, 60), np.uint8)\n"
             "widgets.explore(draw, clickable=photo, percent=widgets.unknown_slider(50));"]  # fmt: skip
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    node.metadata.kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(node, root / "click.ipynb")
    lab(page, "click.ipynb")
    page.locator(".jp-RenderedImage img").first.wait_for(timeout=WAIT)
    assert (root / "place.txt").read_text() == "50 32"
    canvas = page.locator(".jupyter-widgets canvas")
    page.wait_for_function(  # the photo is on it, three pixels for one
        "document.querySelector('.jupyter-widgets canvas').getContext('2d')"
        ".getImageData(299, 191, 1, 1).data[0] === 200",
        timeout=WAIT,
    )
    before = page.locator(".jp-RenderedImage img").first.get_attribute("src")
    canvas.click(position={"x": 31, "y": 61})
    page.wait_for_function(
        "before => document.querySelector('.jp-RenderedImage img')?.src !== before &&"
        " document.querySelector('.jp-RenderedImage img')",
        arg=before,
        timeout=WAIT,
    )
    assert (root / "place.txt").read_text() == "10 20"


def test_a_person_rates_with_the_keys_in_jupyterlab(lab, wide_page, elsewhere):
    page, root = wide_page, Path(elsewhere["NBHELPERS_ROOT"])
    cells = ["from nbhelpers.comparison import rating\nfrom nbhelpers.hints import Constant\n"
             "from nbhelpers.photos import open_photos",
             "methods = {name: Constant(name, ab) for name, ab in (('warm', (20.0, 30.0)), ('cold', (0.0, -30.0)))}",
             "rating.rate(methods, open_photos('sample', size=100).test[:1], 'ratings.csv', 'me');"]  # fmt: skip
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    node.metadata.kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(node, root / "rating.ipynb")
    lab(page, "rating.ipynb")
    page.get_by_text("Which photo looks more real?").wait_for(timeout=WAIT)
    canvas = page.locator(".jupyter-widgets canvas")
    canvas.click()
    page.wait_for_function("document.querySelector('.jupyter-widgets canvas').width === 211", timeout=WAIT)
    for press, progress in (("1", 2), ("2", 3), ("Backspace", 2), ("1", 3), ("2", 3)):
        page.wait_for_timeout(400)  # who is faster has not seen the pair
        page.keyboard.press(press)
        page.get_by_text(f"{progress} of 3", exact=True).wait_for(timeout=WAIT)
    page.get_by_text("That is all.").wait_for(timeout=WAIT)
    answers = rating.read(root / "ratings.csv")
    assert answers["chosen"].tolist() == ["left", "left", "right"]
    page.wait_for_timeout(400)
    page.get_by_role("button", name="undo").click()
    page.get_by_text("Which photo looks more real?").wait_for(timeout=WAIT)
    page.wait_for_timeout(400)
    page.keyboard.press("1")  # the button has given the keys back
    page.get_by_text("That is all.").wait_for(timeout=WAIT)
    assert rating.read(root / "ratings.csv")["chosen"].tolist() == ["left", "left", "left"]
    assert page.locator(".jp-Dialog").count() == 0 and page.locator(".jp-MarkdownCell").count() == 0


STORY = ROOT / "figures/explorer"


def test_the_pictures_in_the_readme_are_what_the_page_shows(page):
    """`make screenshots` writes them; else they are compared with what the browser shows now."""
    frames = [snap(page)]
    slider(page, "unknown pixels").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_text("0 of 160,000 pixels known").wait_for(timeout=WAIT)
    done(page)
    frames.append(snap(page))
    for number, (swatch, line) in enumerate(CAT, start=1):
        page.locator("button[title^='a*']").nth(swatch).click()
        stroke(page, line)
        page.get_by_text(f"{number} strokes").wait_for(timeout=WAIT)
        done(page)
        frames.append(snap(page))
    handle = slider(page, "left | right")
    for move in (70, -140):
        drag(page, handle, move)
        page.wait_for_timeout(500)
        frames.append(snap(page))
    if os.environ.get("NBHELPERS_SCREENSHOTS"):
        STORY.mkdir(exist_ok=True)
        frames[-3].save(STORY / "explorer.png", optimize=True)
        small = [
            frame.resize((frame.width * 3 // 4, frame.height * 3 // 4), Image.Resampling.LANCZOS) for frame in frames
        ]
        small[0].save(
            STORY / "explorer.webp", save_all=True, append_images=small[1:], duration=1500, loop=0, quality=70
        )
    with Image.open(STORY / "explorer.png") as image:
        assert alike(frames[-3], image.convert("RGB")), "stale: `make screenshots` makes the README's pictures anew"
    with Image.open(STORY / "explorer.webp") as film:
        assert film.n_frames == len(frames)


CAT = [  # swatches of the palette and the strokes drawn with them: fur, both eyes, the nose, fur again
    (3, [(60, 60), (130, 40), (200, 70)]),
    (4, [(100, 138), (106, 150)]),
    (4, [(334, 172), (338, 186)]),
    (1, [(232, 318), (252, 322)]),
    (3, [(200, 200), (215, 280)]),
]


def stroke(page, points):
    box = page.locator("canvas").first.bounding_box()
    places = [(box["x"] + x * box["width"] / 400, box["y"] + y * box["height"] / 400) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def snap(page) -> Image.Image:
    """The page's controls and pictures."""
    page.mouse.move(980, 5)
    box = page.locator(".jupyter-widgets.widget-vbox").first.bounding_box()
    area = {"x": box["x"] - 8, "y": box["y"] - 4, "width": 860, "height": 780}
    return Image.open(io.BytesIO(page.screenshot(clip=area))).convert("RGB")


def alike(one: Image.Image, other: Image.Image) -> bool:
    """Do two screenshots show the same, whatever fonts the machine has and however long it computed?"""
    small = [np.asarray(image.resize((40, 40), Image.Resampling.BOX), float) for image in (one, other)]
    return one.size == other.size and np.abs(small[0] - small[1]).mean() < 3


def test_exercises_and_a_quiz_are_done_in_jupyterlab_with_nothing_fetched(lab, wide_page, elsewhere):
    page, root = wide_page, Path(elsewhere["NBHELPERS_ROOT"])
    (root / "figures").mkdir()
    (root / "figures/reference").symlink_to(ROOT / "figures/reference")
    node = nbformat.v4.new_notebook(cells=exercise_cells.generated("01_cielab", "teacher"))
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    node.metadata.kernelspec = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    nbformat.write(node, root / "exercises.ipynb")
    fetched = []
    page.on("request", lambda request: fetched.append(request.url))
    lab(page, "exercises.ipynb")
    page.locator(".Quiz").last.wait_for(timeout=WAIT)
    asked = quiz.questions("01_cielab")
    assert page.locator(".Quiz").count() == len(asked)
    rights = page.locator(".jp-OutputArea-output b", has_text=re.compile("^right$"))
    assert rights.count() == len(of_notebook("01_cielab"))
    notes = [json.loads(line) for line in (root / "data/progress.jsonl").read_text().splitlines()]
    assert [note["event"] for note in notes] == ["right"] * rights.count()
    number, question = next((i, q) for i, q in enumerate(asked) if q.number is None)
    wrong, why = question.wrong[0]
    page.locator(".Quiz").nth(number).get_by_text(wrong, exact=True).click()
    page.locator(".Feedback", has_text=why).wait_for(timeout=WAIT)
    number, question = next((i, q) for i, q in enumerate(asked) if q.number is not None)
    box = page.locator(".Quiz").nth(number).locator("input")
    box.fill(f"{question.number:.4g}")
    box.press("Enter")
    page.locator(".Feedback.correct", has_text=f"{question.right}. {question.because}").wait_for(timeout=WAIT)
    assert [url for url in fetched if "mathjax@" in url] == []  # jupyterquiz would, see `quiz.NO_FETCH`
