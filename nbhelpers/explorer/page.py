"""The explorer's page: a photo, the share of unknown pixels, painted hints, two methods side by side, a download."""

from __future__ import annotations

import base64
import html
import re

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display

from nbhelpers import widgets
from nbhelpers.colour import plots
from nbhelpers.colour.plots import hinted_photo
from nbhelpers.colour.tint import TINTED
from nbhelpers.errors import UserError
from nbhelpers.explorer import painting, pictures, places
from nbhelpers.explorer.canvas import Brush
from nbhelpers.explorer.painting import SIDE, TRUTH, Subject
from nbhelpers.files import png_bytes
from nbhelpers.methods import METHODS


class Explorer:
    """All controls, and what they show.

    `page` is the widget to display. What was computed for one side is kept until the photo, the hints or its method
    change.

    Parameters
    ----------
    subjects : list of Subject
        The photos to choose from; the first is shown.
    methods : dict
        Name -> Colorizer; at the start the first two stand side by side.
    unknown : int
        Unknown pixels at the start, in percent, 0 to 100.
    seed : int
        Chooses the unknown pixels, 0 to 9,999.
    """

    def __init__(self, subjects: list[Subject], methods: dict, unknown: int = 99, seed: int = 0):
        subjects = painting.named_apart(subjects)
        self.subjects, self.methods = {item.name: item for item in subjects}, methods
        self.histories, self.subject, self.results = {}, subjects[0], {}
        options = {f"{name}: {METHODS[name].label}" if name in METHODS else name: name for name in methods}
        self.unknown = widgets.build(widgets.unknown_slider(unknown))
        self.unknown.layout.width = "30em"
        self.seed = ipywidgets.BoundedIntText(
            value=seed, min=0, max=9999, description="seed", tooltip="which pixels are known", layout={"width": "9em"},
            style={"description_width": "initial"},
        )  # fmt: skip
        first = list(methods)
        self.left = self._method("left", options, first[0])
        self.right = self._method("right", options | {TRUTH: TRUTH}, first[min(1, len(first) - 1)])
        self.divider = ipywidgets.IntSlider(
            value=50, min=0, max=100, description="left | right", readout=False, layout={"width": f"{SIDE}px"},
            style={"description_width": "initial"}, tooltip="how much of the left picture is seen",
        )  # fmt: skip
        self.result = places.picture(SIDE, SIDE)
        self.errors = {side: places.picture(160, 160) for side in ("left", "right")}
        self.histograms = {side: places.picture(160, 160) for side in ("left", "right", "photo")}
        self.numbers = ipywidgets.HTML(layout={"min_height": "5.5em"})
        self.status = widgets.status_line()
        self.brush = Brush(self._changed, self._shown_at)
        self.make = ipywidgets.Button(
            description="make PNG files", icon="download", tooltip="both results at the photo's own size"
        )
        self.links = ipywidgets.HTML(layout={"min_height": "2em"})
        small = {item.name: pictures.encoded(pictures.thumbnail(item.rgb, 120)) for item in subjects}
        self.picker, self.upload = places.photo_picker(small, self.choose, self._uploaded, self._refused)
        self.redraw_soon = widgets.soon(self.redraw)
        for control in (self.unknown, self.seed, self.left, self.right):
            control.observe(self._changed, names="value")
        self.divider.observe(lambda _change: self._divide(), names="value")
        self.make.on_click(lambda _button: self._offer())
        self.page = self._page()
        self.choose(subjects[0].name)

    def _method(self, label: str, options: dict, value: str):
        return ipywidgets.Dropdown(
            options=options, value=value, description=label, layout={"width": "24em"},
            style={"description_width": "3em"}, tooltip=f"the method whose result is seen on the {label}",
        )  # fmt: skip

    def _page(self):
        def titled(title, *parts):
            return ipywidgets.VBox([ipywidgets.HTML(f"<b>{title}</b>"), *parts])

        row = {"flex_flow": "row wrap", "align_items": "flex-start"}
        column = {"margin": "0 20px 8px 0", "width": f"{SIDE + 10}px"}
        bar = places.picture(160, 12)
        places.put(bar, pictures.encoded(pictures.error_legend(160, 12)), "from dark blue over grey to yellow")
        legend = ipywidgets.HTML(f"0 to {pictures.LARGEST:.0f} and more, CIELAB units in a*, b*")
        both = [titled(side, self.errors[side]) for side in ("left", "right")]
        colours = [titled(side, self.histograms[side]) for side in ("left", "right", "photo")]
        axes = ipywidgets.HTML("a* to the right, green to red; b* upwards, blue to yellow; -100 to 100")
        # The canvas keeps the Tab key to itself, so it comes last for the keyboard, though first for the eye.
        given = titled("What is known: paint on it", self.brush.tools, self.brush.canvas)
        made = titled("What the methods make of it", self.result, self.divider, self.numbers, self.make, self.links)
        for place, part in enumerate((given.children[0], self.brush.canvas, self.brush.tools)):
            part.layout.order = str(place)
        given.layout, made.layout = ipywidgets.Layout(order="0", **column), ipywidgets.Layout(order="1", **column)
        rows = [
            self.picker,
            ipywidgets.HBox([self.unknown, self.seed], layout=row),
            ipywidgets.HBox([self.left, self.right], layout=row),
            self.status,
            ipywidgets.HBox([made, given], layout=row),
            ipywidgets.HBox(
                [
                    titled("Errors", ipywidgets.HBox(both), bar, legend),
                    titled("Colours", ipywidgets.HBox(colours), axes),
                ],
                layout=row | {"justify_content": "space-between"},
            ),
        ]
        return ipywidgets.VBox(rows, layout={"max_width": "860px"})

    # What a person does

    def choose(self, name: str) -> None:
        """Work on another photo; strokes that were painted on it before are there again.

        Parameters
        ----------
        name : str
            A subject's name, as `painting.named_apart` has it.
        """
        self._begin(self.subjects[name], self.histories.setdefault(name, [()]))

    def _begin(self, subject: Subject, history: list) -> None:
        self.subject = subject
        self.brush.begin(subject.lightness, history)
        height, width = subject.lightness.shape
        self.result.layout.width, self.result.layout.height = f"{width}px", f"{height}px"
        self.unknown.disabled = self.seed.disabled = subject.grey
        self.results = {}
        if subject.grey and self.right.value == TRUTH:
            self.right.value = next(iter(self.methods))
        self._changed()

    def _uploaded(self, name: str, content: bytes) -> None:
        try:
            found = painting.uploaded(name, content)
        except UserError as error:
            self._refused(error)
            return
        self._begin(found, [()])

    def _refused(self, error: UserError) -> None:
        widgets.say(self.status, str(error), wrong=True)

    def _shown_at(self, x: int, y: int):
        """The a*, b* that the picture of the result shows at a place, on the side of the divider where it is."""
        width = self.subject.lightness.shape[1]
        side = "left" if x < width * self.divider.value / 100 else "right"
        return self.results[side][1].ab[y, x] if side in self.results else (0.0, 0.0)

    def _changed(self, _change=None) -> None:
        widgets.say(self.status, "computing \N{HORIZONTAL ELLIPSIS}")
        self.links.value = ""
        self.redraw_soon()

    # What they see

    def hints(self):
        """What is known now, as Hints."""
        return painting.given(self.subject, self.unknown.value, self.seed.value, self.brush.strokes)

    def redraw(self) -> None:
        """Compute what has changed, and show it; the old pictures stay until then. Errors become one line."""
        try:
            hints = self.hints()
            self.brush.show(hinted_photo(self.subject.lightness, hints))
            for side, control in (("left", self.left), ("right", self.right)):
                self._compute(side, control.value, hints)
            self._divide()
            self._measure(hints)
        except Exception as error:  # the page must go on working
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        """Say what went wrong; a photo that has no results yet does not stand beside those of the one before."""
        if len(self.results) < 2:
            for place in (self.result, self.numbers, *self.errors.values(), *self.histograms.values()):
                place.value = ""
        kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
        widgets.say(self.status, f"{kind}{error}", wrong=True)

    def _compute(self, side: str, method: str, hints) -> None:
        """Keep (the settings it was made with, Painted, picture) of one side in `results`."""
        if method == TRUTH and self.subject.grey:
            raise UserError(f"{self.subject.name} is grey: nobody knows its true colours")
        settings = self._settings(method)
        if side not in self.results or self.results[side][0] != settings:
            painted = painting.paint(method, self.methods, self.subject, hints)
            self.results[side] = (settings, painted, painted.picture(self.subject))

    def _divide(self) -> None:
        if {"left", "right"} <= set(self.results):
            left, right = (self.results[side][2] for side in ("left", "right"))
            both = pictures.encoded(pictures.divided(left, right, self.divider.value))
            places.put(self.result, both, f"{self.left.value}, and right of the divider {self.right.value}")

    def _measure(self, hints) -> None:
        """The error maps, the histograms and the line of numbers."""
        truth, lines, notes = self.subject.lab[..., 1:], [], list(self.subject.notes)
        for side in ("left", "right"):
            painted = self.results[side][1]
            found = painting.measures(painted, self.subject, hints)
            places.put(
                self.histograms[side], pictures.encoded(pictures.histogram_picture(painted.ab)), f"{side} colours"
            )
            error = (
                np.full((1, 1, 3), 255, np.uint8) if self.subject.grey else pictures.error_picture(painted.ab, truth)
            )
            places.put(self.errors[side], pictures.encoded(error), f"{side} error", "contain")
            cells = [html.escape(painted.method), *(f"{found[name]:.2f}" for name in ("ab_mse", "psnr"))]
            lines.append("".join(f"<td>{cell}</td>" for cell in [side, *cells, f"{painted.seconds:.2f} s"]))
            if painted.note:
                notes.append(f"{painted.method}: {painted.note}")
        places.put(self.histograms["photo"], pictures.encoded(pictures.histogram_picture(truth)), "the photo's colours")
        head = "".join(f"<th style='padding-right: 14px'>{name}</th>" for name in
                       ("", "method", "ab-MSE", "PSNR, dB", "time"))  # fmt: skip
        rows = "".join(f"<tr>{line}</tr>" for line in lines)
        known, height, width = int(hints.known.sum()), *hints.known.shape
        self.numbers.value = (
            f"<table style='text-align: left; line-height: 1.5'><tr>{head}</tr>{rows}</table>"
            f"{known:,} of {height * width:,} pixels known ({100 * known / hints.known.size:.2f} %), "
            f"{len(self.brush.strokes)} strokes; {html.escape(self.subject.credit or self.subject.name)}"
        )
        none = "one tint, which is taken for none" if self.subject.tone == TINTED else "no colours"
        grey = f"{self.subject.name} has {none}: paint some" if self.subject.grey else ""
        wrong = not all(self.results[side][1].converged for side in ("left", "right"))
        widgets.say(self.status, "; ".join(dict.fromkeys(notes)) or (grey if not known else ""), wrong=wrong)

    # What they take home

    def _settings(self, method: str) -> dict:
        """What one side is made with, as it is written into its file."""
        strokes = [[*stroke.ab, stroke.radius, stroke.points] for stroke in self.brush.strokes]
        share = None if self.subject.grey else self.unknown.value
        about = {"photo": self.subject.name, "method": method}
        if origin := getattr(self.methods.get(method), "origin", ""):  # the truth and a person's own have none
            about["model"] = origin
        about |= {"unknown": share}
        height, width = self.subject.lightness.shape
        return about | {"seed": self.seed.value, "strokes": strokes, "chroma computed at": [width, height]}

    def _offer(self) -> None:
        """Make the files, and links to save them."""
        if len(self.results) < 2:
            widgets.say(self.status, "there is no result to save yet", wrong=True)
            return
        try:
            self.links.value = "making them \N{HORIZONTAL ELLIPSIS}"
            made = []
            for side in ("left", "right"):
                settings, painted, _ = self.results[side]
                content = png_bytes(painting.enlarged(self.subject, painted), settings, self.subject.about)
                stem = re.sub(r"[^\w.-]+", "-", self.subject.name.rsplit(".", 1)[0]).strip("-") or "photo"
                name, data = f"{stem}-{painted.method.replace(' ', '-')}.png", base64.b64encode(content).decode()
                made.append(
                    f'<a download="{name}" href="data:image/png;base64,{data}" style="text-decoration: underline">'
                    f"save {name}</a> ({len(content) / 1e6:.1f} MB)"
                )
            self.links.value = "<br>".join(dict.fromkeys(made))
        except Exception as error:
            self.links.value = ""
            self._failed(error)


def still(subject: Subject, methods: dict, unknown: int, seed: int):
    """Draw the page's first view as one figure: what is known, what the first two methods make of it, the truth.

    Parameters
    ----------
    subject : Subject
        The photo.
    methods : dict
        Name -> Colorizer.
    unknown : int
        Unknown pixels in percent, 0 to 100.
    seed : int
        Chooses them.

    Returns
    -------
    matplotlib.figure.Figure
        The pictures side by side, the methods' with their PSNR in dB, and the photo's credit.
    """
    hints = painting.given(subject, unknown, seed)
    figure, axes = plt.subplots(1, 4, figsize=(11, 3.1))
    plots.show(hinted_photo(subject.lightness, hints), f"known: {100 - unknown} % of the pixels", axes[0])
    for ax, name in zip(axes[1:], [*list(methods)[:2], TRUTH]):
        painted = painting.paint(name, methods, subject, hints)
        number = "" if name == TRUTH else f": {painting.measures(painted, subject, hints)['psnr']:.1f} dB"
        plots.show(painted.picture(subject), name + number, ax)
    return plots.with_caption(figure, subject.credit)


def explore(subjects: list[Subject], methods: dict, unknown: int = 99, seed: int = 0) -> Explorer | None:
    """Show the explorer; in a headless run draw what it would show first.

    Parameters
    ----------
    subjects : list of Subject
        The photos to choose from; the first is shown.
    methods : dict
        Name -> Colorizer.
    unknown : int
        Unknown pixels at the start, in percent, 0 to 100.
    seed : int
        Chooses them.

    Returns
    -------
    Explorer or None
        What is shown; None in a headless run.
    """
    if widgets.headless():
        figure = still(subjects[0], methods, unknown, seed)
        display(figure)
        plt.close(figure)
        return None
    made = Explorer(subjects, methods, unknown, seed)
    display(made.page)
    return made
