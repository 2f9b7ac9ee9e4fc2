"""The canvas to paint hints on: brush, palette, eyedropper, undo and clear, for mouse, finger and keyboard."""

from __future__ import annotations

import ipywidgets
import numpy as np

from nbhelpers import widgets
from nbhelpers.colour.gamut import palette
from nbhelpers.errors import UserError
from nbhelpers.explorer.painting import to_ab, to_hex
from nbhelpers.hints import Stroke
from nbhelpers.widgets import Slider, build

try:
    from ipycanvas import MultiCanvas, hold_canvas
except ImportError as error:
    raise UserError(widgets.missing("ipycanvas") or str(error)) from None

COLUMNS = 13  # of the palette: grey and twelve hues


class Brush:
    """A canvas that shows a picture and collects strokes.

    `canvas` and `tools` are the widgets to display; `strokes` is what is drawn now.

    Parameters
    ----------
    changed : callable
        Called without arguments after each stroke, undo and clear.
    picked : callable
        (x, y), int pixels -> the (a*, b*) shown at a place, for the eyedropper.
    """

    def __init__(self, changed, picked):
        self.changed, self.picked = changed, picked
        self.history, self.points, self.lightness, self.picture = [()], [], None, None
        self.level, self.ab, self.swatch, self._mine = 60.0, (0.0, 0.0), None, ""
        self.canvas = MultiCanvas(2, width=16, height=16, layout={"max_width": "100%"})
        self.canvas[1].line_cap = self.canvas[1].line_join = "round"
        for event, function in (("down", self._down), ("move", self._move), ("up", self._up), ("out", self._up)):
            getattr(self.canvas, f"on_mouse_{event}")(function)
        for event, function in (("start", self._down), ("move", self._move)):
            getattr(self.canvas, f"on_touch_{event}")(lambda fingers, act=function: fingers and act(*fingers[0]))
        for event in ("end", "cancel"):
            getattr(self.canvas, f"on_touch_{event}")(lambda _fingers: self._up())
        # A page that opens later, or again, has not seen what was drawn before.
        self.canvas.on_client_ready(lambda: self.picture is not None and self.show(self.picture))
        self.tool = ipywidgets.ToggleButtons(
            options={"paint": "paint", "eyedropper": "pick"}, tooltips=["draw with the brush", "take the colour here"],
            style={"button_width": "90px"},
        )  # fmt: skip
        self.colour = ipywidgets.ColorPicker(
            concise=False, description="colour", value="#808080", layout={"width": "170px"},
            style={"description_width": "initial"},
        )  # fmt: skip
        self.size = build(Slider("brush, pixels", 8, 1, 40))
        self.undo = ipywidgets.Button(description="undo", tooltip="take the last stroke back", layout={"width": "70px"})
        self.clear = ipywidgets.Button(description="clear", tooltip="take all strokes away", layout={"width": "70px"})
        swatch = {"width": "26px", "height": "24px", "margin": "1px", "padding": "0"}
        self.swatches = [ipywidgets.Button(layout=swatch) for _ in palette(self.level)]
        for index, button in enumerate(self.swatches):
            button.on_click(lambda _button, index=index: self.take_swatch(index))
        self.about = ipywidgets.HTML()
        self.x, self.y = build(Slider("x", 0, 0, 1)), build(Slider("y", 0, 0, 1))
        self.x.layout.width = self.y.layout.width = "150px"
        self.dab = ipywidgets.Button(
            description="dab", tooltip="one dab of the brush at x, y", layout={"width": "70px"}
        )
        self.undo.on_click(lambda _button: self._undo())
        self.clear.on_click(lambda _button: self.strokes and self._now(()))
        self.dab.on_click(lambda _button: self._dab())
        self.colour.observe(lambda change: self._chosen(change["new"]), names="value")
        row = {"flex_flow": "row wrap", "align_items": "center"}
        rows = [ipywidgets.HBox(self.swatches[i : i + COLUMNS - 1]) for i in (1, COLUMNS)]
        grid = ipywidgets.HBox([self.swatches[0], ipywidgets.VBox(rows)])
        self.tools = ipywidgets.VBox(
            [
                ipywidgets.HBox([self.tool, self.undo, self.clear], layout=row),
                ipywidgets.HBox([self.size, self.colour], layout=row),
                self.about,
                grid,
                ipywidgets.HTML("without a mouse, one dab of the brush at a place:"),
                ipywidgets.HBox([self.x, self.y, self.dab], layout=row),
            ]
        )
        self.point_at(self.level)

    @property
    def strokes(self) -> tuple[Stroke, ...]:
        """What is drawn now, in order; the last stroke lies on top."""
        return self.history[-1]

    def begin(self, lightness: np.ndarray, history: list) -> None:
        """Work on another photo.

        Parameters
        ----------
        lightness : np.ndarray
            (H, W), L* in [0, 100] of the photo.
        history : list of tuple of Stroke
            The strokes that were drawn on it before, one tuple for each state, the first (), the newest
            last; new states are added to the list itself.
        """
        self.lightness, self.history, self.points = lightness, history, []
        height, width = lightness.shape
        self.canvas.width, self.canvas.height = width, height
        self.canvas.layout.width, self.canvas.layout.height = f"{width}px", "auto"
        for slider, side in ((self.x, width), (self.y, height)):
            slider.max, slider.value = side - 1, side // 2

    def show(self, picture: np.ndarray) -> None:
        """Show a picture, and take the trace of the stroke away that it now holds.

        Parameters
        ----------
        picture : np.ndarray
            sRGB uint8 (H, W, 3), of the size of the photo.
        """
        self.picture = picture
        with hold_canvas():
            self.canvas[0].put_image_data(picture, 0, 0)
            self.canvas[1].clear()

    def point_at(self, level: float) -> None:
        """Offer the colours that sRGB has at a lightness.

        Parameters
        ----------
        level : float
            L* in [0, 100].
        """
        self.level = float(level)
        if self.swatch is not None:
            self.take_swatch(self.swatch)
        for button, ab in zip(self.swatches, palette(self.level)):
            button.style.button_color = to_hex(self.level, ab)
            button.tooltip = f"a* {ab[0]:.0f}, b* {ab[1]:.0f}"
        self.about.value = f"colours that a screen can show at the lightness you last touched, L* = {self.level:.0f}:"

    def take_swatch(self, index: int) -> None:
        """Paint with this hue of the palette from now on: of each place's lightness, so that a screen can show it.

        Parameters
        ----------
        index : int
            Place in `gamut.palette`; 0 is grey.
        """
        self.take(palette(self.level)[index])
        self.swatch = index

    def take(self, ab) -> None:
        """Paint with this very colour from now on.

        Parameters
        ----------
        ab : sequence of float
            The colour (a*, b*).
        """
        self.swatch, self.ab = None, tuple(float(value) for value in ab)
        self._mine = to_hex(max(self.level, 30.0), self.ab)
        self.colour.value = self._mine

    def _chosen(self, colour: str) -> None:
        """A colour came from the colour field, unless `take` put it there."""
        if colour != self._mine:
            try:
                self.swatch, self.ab, self._mine = None, to_ab(colour), colour
            except UserError:  # what nobody can paint with is not shown either
                self.colour.value = self._mine

    def _at(self, x: float, y: float) -> tuple[int, int]:
        height, width = self.lightness.shape
        return int(np.clip(y, 0, height - 1)), int(np.clip(x, 0, width - 1))

    def _down(self, x, y):
        if self.lightness is None:
            return
        self.point_at(self.lightness[self._at(x, y)])
        if self.tool.value == "pick":
            self.take(self.picked(*self._at(x, y)[::-1]))
            self.tool.value = "paint"
            return
        self.points = [(float(x), float(y))]
        self._trace()

    def _move(self, x, y):
        if self.points and np.hypot(x - self.points[-1][0], y - self.points[-1][1]) >= 1:
            self.points.append((float(x), float(y)))
            self._trace()

    def _up(self, _x=0, _y=0):
        if self.points:
            stroke, self.points = Stroke(self.ab, self.size.value, tuple(self.points)), []
            self._now((*self.strokes, stroke))

    def _trace(self):
        """Draw the last piece of the stroke, so that the hand sees what it does before anything is computed."""
        layer, (x1, y1) = self.canvas[1], self.points[-1]
        x0, y0 = self.points[-2] if len(self.points) > 1 else (x1, y1)
        with hold_canvas():
            layer.stroke_style = layer.fill_style = to_hex(self.level, self.ab)
            layer.line_width = 2 * self.size.value
            layer.fill_circle(x1, y1, self.size.value)
            layer.stroke_line(x0, y0, x1, y1)

    def _dab(self):
        self.point_at(self.lightness[self._at(self.x.value, self.y.value)])
        place = (float(self.x.value), float(self.y.value))
        self._now((*self.strokes, Stroke(self.ab, self.size.value, (place,))))

    def _now(self, drawn: tuple[Stroke, ...]):
        self.history.append(drawn)
        self.changed()

    def _undo(self):
        if len(self.history) > 1:
            self.history.pop()
            self.changed()
