"""Sliders for the notebooks: thin shells over functions that draw a figure.

In JupyterLab `explore` builds the controls; in a headless run (NBHELPERS_HEADLESS=1, set by `nbhelpers run`) it only
draws the figure at their first values, so that the executed notebook shows the same picture to every reader.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import matplotlib.pyplot as plt
from IPython.display import clear_output, display


@dataclass(frozen=True)
class Slider:
    """A number between `low` and `high`."""

    label: str
    value: float
    low: float
    high: float
    step: float = 1


@dataclass(frozen=True)
class Choice:
    """One of `options`: a list, or a dict from what is shown to the value; the first is chosen at the start."""

    label: str
    options: list | dict

    @property
    def value(self):
        return next(iter(self.options.values() if isinstance(self.options, dict) else self.options))


def unknown_slider(value: int = 80) -> Slider:
    """The project's signature: the percentage of pixels whose colour is unknown, 0 to 100."""
    return Slider("unknown pixels, %", value, 0, 100)


def headless() -> bool:
    """Is this a run without a person in front of it?"""
    return os.environ.get("NBHELPERS_HEADLESS") == "1"


def build(control: Slider | Choice):
    """The ipywidgets control for a Slider or Choice; it reports a value when released, not while moving."""
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


def explore(draw, **controls: Slider | Choice):
    """Show `draw(**values)`, a matplotlib figure, and draw it anew whenever a control is released.

    The old picture stays until the new one is there. An error becomes one line under the controls. Returns the
    controls by name, or None in a headless run.
    """
    if headless():
        _show(draw(**{name: control.value for name, control in controls.items()}))
        return None
    import ipywidgets

    built = {name: build(control) for name, control in controls.items()}
    status, output = ipywidgets.Label(), ipywidgets.Output()

    def redraw(_change=None):
        status.value = "computing …"
        try:
            figure = draw(**{name: control.value for name, control in built.items()})
        except Exception as error:  # the sliders must go on working
            status.value = f"{type(error).__name__}: {error}"
            return
        with output:
            clear_output(wait=True)
            _show(figure)
        status.value = ""

    for control in built.values():
        control.observe(redraw, names="value")
    row = ipywidgets.HBox(list(built.values()), layout={"flex_flow": "row wrap"})
    display(ipywidgets.VBox([row, status, output]))
    redraw()
    return built


def live(draw):
    """A `watch` for `train` that shows `draw(session.rows)`, a figure, anew after each epoch.

    In a headless run it shows nothing: the notebook draws the finished curves anyway.
    """
    if headless():
        return lambda session: None
    shown = display(display_id=True)

    def watch(session) -> None:
        figure = draw(session.rows)
        shown.update(figure)
        plt.close(figure)

    return watch


def _show(figure) -> None:
    display(figure)
    plt.close(figure)
