"""Sliders: in a notebook they redraw; in a headless run the figure is drawn once and nothing is built."""

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest

from nbhelpers import widgets


class Recorder:
    """A draw function that remembers what it was asked for."""

    def __init__(self):
        self.asked, self.figures = [], []

    def __call__(self, **values):
        self.asked.append(values)
        if values.get("unknown") == 13:
            raise ValueError("thirteen is refused")
        self.figures.append(plt.figure())
        return self.figures[-1]


@pytest.fixture
def shown(monkeypatch):
    """What was displayed, in order."""
    shown = []
    monkeypatch.setattr(widgets, "display", shown.append)
    monkeypatch.setattr(widgets, "clear_output", lambda wait=False: None)
    yield shown
    plt.close("all")


@pytest.fixture
def with_a_person(monkeypatch):
    monkeypatch.delenv("NBHELPERS_HEADLESS", raising=False)


def controls():
    return {"unknown": widgets.unknown_slider(80), "photo": widgets.Choice("photo", {"cat": 0, "cup": 1})}


def labels_of(shown):
    (box,) = [item for item in shown if isinstance(item, ipywidgets.VBox)]
    return box.children[1]


def test_a_headless_run_draws_once_and_builds_no_widget(monkeypatch, shown):
    monkeypatch.setenv("NBHELPERS_HEADLESS", "1")
    monkeypatch.setattr(widgets, "build", lambda control: pytest.fail("a widget was built"))
    draw = Recorder()
    assert widgets.explore(draw, **controls()) is None
    assert draw.asked == [{"unknown": 80, "photo": 0}]
    assert shown == draw.figures
    assert not plt.fignum_exists(draw.figures[0].number)  # else the notebook would show it twice


def test_a_click_in_a_photo_redraws_with_the_pixel_that_was_hit(with_a_person, shown):
    draw, photo = Recorder(), np.zeros((64, 100, 3), np.uint8)
    widgets.explore(draw, clickable=photo, **controls())
    (box,) = [item for item in shown if isinstance(item, ipywidgets.VBox)]
    canvas = box.children[0].children[0]
    assert (canvas.width, canvas.height) == (300, 192)  # three pixels for one of the photo's
    for x, y in ((7.4, 100.9), (299.6, 191.9), (300.5, 0)):  # a browser may report the border
        canvas._mouse_down_callbacks(x, y)
    places = [(asked["x"], asked["y"]) for asked in draw.asked]
    assert places == [(50, 32), (2, 33), (99, 63), (99, 0)]
    assert all(asked["unknown"] == 80 for asked in draw.asked)


def test_without_ipycanvas_the_controls_work_and_what_to_install_is_said(with_a_person, shown, monkeypatch):
    monkeypatch.setattr(widgets.importlib.util, "find_spec", lambda name: None)
    draw = Recorder()
    built = widgets.explore(draw, clickable=np.zeros((64, 100, 3), np.uint8), **controls())
    (box,) = [item for item in shown if isinstance(item, ipywidgets.VBox)]
    assert "ipycanvas missing: `make app` installs it" in box.children[0].children[0].value
    built["unknown"].value = 95
    assert draw.asked == [{"x": 50, "y": 32, "unknown": unknown, "photo": 0} for unknown in (80, 95)]


@pytest.mark.parametrize(("start", "place"), [(None, (50, 32)), ((3, 0), (3, 0))])
def test_a_headless_run_draws_the_middle_pixel_or_the_one_asked_for(monkeypatch, shown, start, place):
    monkeypatch.setenv("NBHELPERS_HEADLESS", "1")
    draw = Recorder()
    assert widgets.explore(draw, clickable=np.zeros((64, 100, 3), np.uint8), start=start, **controls()) is None
    assert draw.asked == [{"x": place[0], "y": place[1], "unknown": 80, "photo": 0}]


def test_moving_a_control_redraws_with_all_values(with_a_person, shown):
    draw = Recorder()
    built = widgets.explore(draw, **controls())
    built["unknown"].value = 95
    built["photo"].value = 1
    assert draw.asked == [
        {"unknown": 80, "photo": 0},
        {"unknown": 95, "photo": 0},
        {"unknown": 95, "photo": 1},
    ]
    assert [item for item in shown if item in draw.figures] == draw.figures
    assert plt.get_fignums() == []


def test_an_error_is_one_line_and_the_sliders_go_on_working(with_a_person, shown):
    draw = Recorder()
    built = widgets.explore(draw, **controls())
    built["unknown"].value = 13
    assert "ValueError: thirteen is refused" in labels_of(shown).value
    built["unknown"].value = 14
    assert labels_of(shown).value == ""
    assert draw.asked[-1]["unknown"] == 14 and len(draw.figures) == 2


def test_the_unknown_slider_goes_from_0_to_100_in_whole_percent():
    slider = widgets.build(widgets.unknown_slider(35))
    assert isinstance(slider, ipywidgets.IntSlider)
    assert (slider.min, slider.max, slider.step, slider.value) == (0, 100, 1, 35)
    assert "%" in slider.description
    assert slider.continuous_update is False  # a picture for each value on the way would take too long


def test_a_slider_of_fractions_takes_fractions():
    slider = widgets.build(widgets.Slider("sigma", 1, 0, 5, 0.5))
    assert isinstance(slider, ipywidgets.FloatSlider)
    slider.value = 2.5
    assert slider.value == 2.5


@pytest.mark.parametrize(("options", "first", "second"), [(["x", "y"], "x", "y"), ({"one": 1, "two": 2}, 1, 2)])
def test_a_choice_offers_its_options_and_starts_with_the_first(options, first, second):
    control = widgets.Choice("which", options)
    dropdown = widgets.build(control)
    assert dropdown.value == control.value == first
    assert dropdown.description == "which"
    dropdown.value = second  # refused for what is not an option
    assert len(dropdown.options) == 2


@pytest.mark.parametrize(("value", "expected"), [("1", True), ("0", False), ("", False), (None, False)])
def test_headless_is_what_the_environment_says(monkeypatch, value, expected):
    if value is None:
        monkeypatch.delenv("NBHELPERS_HEADLESS", raising=False)
    else:
        monkeypatch.setenv("NBHELPERS_HEADLESS", value)
    assert widgets.headless() is expected


class Handle:
    def __init__(self):
        self.updates = []

    def update(self, figure):
        self.updates.append(figure)


class Trainer:
    rows = [{"loss": 1.0}]


def test_live_curves_are_drawn_after_each_epoch(monkeypatch, with_a_person):
    handle, drawn = Handle(), []
    monkeypatch.setattr(widgets, "display", lambda display_id: handle)
    watch = widgets.live(lambda rows: drawn.append(rows) or plt.figure())
    watch(Trainer)
    watch(Trainer)
    assert drawn == [Trainer.rows] * 2 and len(handle.updates) == 2 and plt.get_fignums() == []


def test_live_curves_do_nothing_in_a_headless_run(monkeypatch):
    monkeypatch.setenv("NBHELPERS_HEADLESS", "1")
    widgets.live(lambda rows: pytest.fail("it drew"))(Trainer)
