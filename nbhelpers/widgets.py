"""Controls for the notebooks and the explorer: thin shells over functions that draw.

In JupyterLab `explore` builds the controls; in a headless run (NBHELPERS_HEADLESS=1, set by `nbhelpers run`) it only
draws the figure at their first values, so that the executed notebook shows the same picture to every reader.
"""

from __future__ import annotations

import asyncio
import html
import importlib.util
import os
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import clear_output, display


@dataclass(frozen=True)
class Slider:
    """A number to be chosen between two others.

    Attributes
    ----------
    label : str
        What stands beside it.
    value : float
        The number at the start.
    low, high : float
        The least and the largest.
    step : float
        The distance between two that can be chosen. When all four are int, the number chosen is one too.
    """

    label: str
    value: float
    low: float
    high: float
    step: float = 1


@dataclass(frozen=True)
class Choice:
    """One of several options; the first is chosen at the start.

    Attributes
    ----------
    label : str
        What stands beside it.
    options : list or dict
        The values, or what is shown -> the value.
    """

    label: str
    options: list | dict

    @property
    def value(self):
        return next(iter(self.options.values() if isinstance(self.options, dict) else self.options))


def unknown_slider(value: int = 80) -> Slider:
    """The project's signature: the slider of how many pixels have no known colour.

    Parameters
    ----------
    value : int
        The percentage at the start, 0 to 100.

    Returns
    -------
    Slider
        Of percentages from 0 to 100.
    """
    return Slider("unknown pixels, %", value, 0, 100)


def missing(*names: str) -> str:
    """Say what to install where packages of the extra "app" are missing.

    Parameters
    ----------
    *names : str
        The packages that are needed.

    Returns
    -------
    str
        A sentence, or "" when all are there.
    """
    lacking = [name for name in names if importlib.util.find_spec(name) is None]
    return f"{' and '.join(lacking)} missing: `make app` installs it, or pip install -e '.[app]'" if lacking else ""


def headless() -> bool:
    """Is this a run without a person in front of it?"""
    return os.environ.get("NBHELPERS_HEADLESS") == "1"


def build(control: Slider | Choice):
    """Make the ipywidgets control for a Slider or Choice.

    Parameters
    ----------
    control : Slider or Choice
        What to build.

    Returns
    -------
    ipywidgets.Widget
        It reports a value when released, not while moving.
    """
    import ipywidgets

    wide = {"style": {"description_width": "initial"}, "layout": {"width": "22em"}}
    if isinstance(control, Choice):
        return ipywidgets.Dropdown(options=control.options, value=control.value, description=control.label, **wide)
    whole = all(isinstance(v, int) for v in (control.value, control.low, control.high, control.step))
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    return kind(
        value=control.value,
        min=control.low,
        max=control.high,
        step=control.step,
        description=control.label,
        continuous_update=False,
        **wide,
    )


def soon(function):
    """Make a callback that runs a function once after all events that wait already: ten key presses, one redraw.

    Where no event loop runs, as in a test, it runs at once.

    Parameters
    ----------
    function : callable
        Called without arguments.

    Returns
    -------
    callable
        The callback, with or without an argument, which is not used.
    """
    waiting = []

    def schedule(_change=None):
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            function()
            return
        for handle in waiting:
            handle.cancel()
        waiting[:] = [loop.call_later(0.05, function)]

    return schedule


def status_line():
    """The line that says what is going on; it is there when empty, so that nothing below it jumps."""
    import ipywidgets

    return ipywidgets.HTML(layout={"min_height": "2em"})


def say(line, text: str, wrong: bool = False) -> None:
    """Put plain text into a `status_line`.

    Parameters
    ----------
    line : ipywidgets.HTML
        The line.
    text : str
        Plain text; "" empties the line.
    wrong : bool
        Something is wrong: the text is marked by a sign as well as by colour.
    """
    colour, sign = ("#a03000", "&#9888; ") if wrong else ("#444444", "")
    line.value = f'<span role="status" style="color: {colour}">{sign}{html.escape(text)}</span>' if text else ""


def explore(draw, clickable=None, start=None, **controls: Slider | Choice):
    """Show a figure, and draw it anew whenever a control is released, or a place in a photo clicked.

    The old picture stays until the new one is there, and its place is kept. An error becomes one line under the
    controls.

    Parameters
    ----------
    draw : callable
        Called with the controls' values by their names; returns a matplotlib figure.
    clickable : np.ndarray, optional
        A photo, sRGB uint8 (H, W, 3), shown beside the controls. `draw` is then called with `x` and `y` too, the pixel
        that was clicked.
    start : tuple of int, optional
        `x` and `y` at first; None: the middle of the photo.
    **controls : Slider or Choice
        The controls.

    Returns
    -------
    dict of str to ipywidgets.Widget or None
        The controls by name; None in a headless run.
    """
    middle = () if clickable is None else (clickable.shape[1] // 2, clickable.shape[0] // 2)
    place = dict(zip("xy", start or middle))
    if headless():
        _show(draw(**place, **{name: control.value for name, control in controls.items()}))
        return None
    import ipywidgets

    built = {name: build(control) for name, control in controls.items()}
    status, output = status_line(), ipywidgets.Output()

    def redraw():
        try:
            figure = draw(**place, **{name: control.value for name, control in built.items()})
        except Exception as error:  # the sliders must go on working
            say(status, f"{type(error).__name__}: {error}", wrong=True)
            return
        output.layout.min_height = f"{figure.get_figheight() * figure.dpi:.0f}px"
        with output:
            clear_output(wait=True)
            _show(figure)
        say(status, "")

    def changed(_change):  # at once: JupyterLab no longer listens for pictures when the event is over
        say(status, "computing \N{HORIZONTAL ELLIPSIS}")
        redraw()

    for control in built.values():
        control.observe(changed, names="value")
    row = ipywidgets.HBox(list(built.values()), layout={"flex_flow": "row wrap"})
    if clickable is not None:

        def clicked(x, y):
            place.update(x=x, y=y)
            changed(None)

        if told := missing("ipycanvas"):  # the controls go on working
            canvas = status_line()
            say(canvas, f"{told}; until then the photo cannot be clicked", wrong=True)
        else:
            canvas = _clickable(clickable, clicked)
        row = ipywidgets.HBox([canvas, row], layout={"flex_flow": "row wrap"})
    display(ipywidgets.VBox([row, status, output]))
    redraw()
    return built


def _clickable(photo, clicked):
    """A canvas with a photo, each pixel at least two wide; `clicked` is called with the pixel's column and row."""
    from ipycanvas import Canvas

    large = max(2, round(300 / max(photo.shape[:2])))
    height, width = photo.shape[0] * large, photo.shape[1] * large
    canvas = Canvas(width=width, height=height, layout={"width": f"{width}px", "height": f"{height}px"})

    def paint():
        canvas.put_image_data(np.kron(photo, np.ones((large, large, 1), np.uint8)))

    canvas.on_client_ready(paint)  # a page that opens later has not seen what was painted before
    paint()

    def hit(x, y):  # a browser may report the border
        clicked(min(int(x) // large, photo.shape[1] - 1), min(int(y) // large, photo.shape[0] - 1))

    canvas.on_mouse_down(hit)
    canvas.on_touch_start(lambda fingers: fingers and hit(*fingers[0]))
    return canvas


def live(draw):
    """Make a `watch` for `train` that shows a figure of the log anew after each epoch.

    In a headless run it shows nothing: the notebook draws the finished curves anyway.

    Parameters
    ----------
    draw : callable
        The trainer's rows, a list of dict -> a matplotlib figure.

    Returns
    -------
    callable
        Called with the Trainer.
    """
    if headless():
        return lambda trainer: None
    shown = display(display_id=True)

    def watch(trainer) -> None:
        figure = draw(trainer.rows)
        shown.update(figure)
        plt.close(figure)

    return watch


def _show(figure) -> None:
    display(figure)
    plt.close(figure)
