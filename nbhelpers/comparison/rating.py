"""A blinded rating: people choose the more real of two pictures; `preference` makes strengths of their answers."""

from __future__ import annotations

import csv
import io
import time
import zlib
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from nbhelpers import widgets
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.errors import UserError
from nbhelpers.hints import Hints
from nbhelpers.paths import atomic

TRUTH = "truth"  # the photo itself, as one of the methods
COLUMNS = ("rater", "photo", "left", "right", "chosen", "seconds")
SIDE = 400  # how wide one picture is shown, in pixels of the page
AT_LEAST = 0.25  # seconds; who answers sooner has not seen the pair: a key held down, or pressed while it was painted


@dataclass(frozen=True)
class Pair:
    """One question: the same photo by two methods.

    Attributes
    ----------
    photo : str
        Its name.
    left, right : str
        The methods on the two sides, TRUTH for the photo itself.
    """

    photo: str
    left: str
    right: str

    @property
    def key(self) -> tuple:
        """What is asked, whichever method stands on the left."""
        return self.photo, *sorted((self.left, self.right))


def pairs(methods, photos, count: int, seed=0) -> list[Pair]:
    """Choose what to ask: different questions in random order, evenly over methods, photos and sides.

    Parameters
    ----------
    methods : iterable of str
        At least two; TRUTH may be one of them.
    photos : iterable of str
        Names of the photos, at least one.
    count : int
        How many questions, at least 1. There are no more than each photo by each two methods.
    seed : int or sequence of int
        Of the order and the sides.

    Returns
    -------
    list of Pair
        Any two methods meet as often as any other two, and each photo is seen as often as any other, up to one; of two
        methods each is on the left as often as on the right, up to one.

    Raises
    ------
    UserError
        For fewer than two methods, no photo, or a count below 1.
    """
    methods, photos = list(dict.fromkeys(methods)), list(dict.fromkeys(photos))
    if len(methods) < 2:
        raise UserError(f"a rating compares two methods or more, got {len(methods)}: name another, or {TRUTH!r}")
    if not photos:
        raise UserError("a rating needs a photo to show: photos is empty")
    if count < 1:
        raise UserError(f"count is the number of pairs to ask for, at least 1, got {count}")
    rng = np.random.default_rng(seed)
    rng.shuffle(photos)
    both = list(combinations(methods, 2))
    rng.shuffle(both)
    turned = rng.integers(0, 2, len(both))
    chosen, around = [], np.lcm(len(photos), len(both))
    for i in range(min(count, len(photos) * len(both))):
        which = (i + i // around) % len(both)  # one further after each time around: a photo and two methods meet once
        one, other = both[which][:: 1 if turned[which] else -1]
        turned[which] = 1 - turned[which]
        chosen.append(Pair(photos[i % len(photos)], str(one), str(other)))
    return [chosen[i] for i in rng.permutation(len(chosen))]


# The file of answers


def read(path) -> pd.DataFrame:
    """Read answers, and check them.

    Parameters
    ----------
    path : Path or str
        The CSV file that `append` has written.

    Returns
    -------
    pd.DataFrame
        One row for each answer, in order: rater, photo, left, right (methods), chosen ("left" or "right"), seconds (how
        long the pair was looked at). Empty when there is no file.

    Raises
    ------
    UserError
        When the file is damaged; it names the line.
    """
    path, rows, wrong, line = Path(path), [], "", 1
    text = path.read_text(encoding="utf-8-sig", errors="replace") if path.is_file() else ",".join(COLUMNS)
    reader = csv.DictReader(io.StringIO(text), strict=True)
    try:
        if sorted(reader.fieldnames or ()) != sorted(COLUMNS):
            wrong = f"the columns must be {', '.join(COLUMNS)}"
        while not wrong and (row := next(reader, None)):
            wrong, line = _fault(row), reader.line_num
            rows.append(row)
    except csv.Error as error:
        wrong, line = f"this is no CSV ({error})", reader.line_num + 1
    if wrong:
        raise UserError(f"{path}, line {line}: {wrong}; put it right, or move the file away to begin anew")
    return pd.DataFrame(rows, columns=COLUMNS).astype({"seconds": float})


def _fault(row: dict) -> str:
    """What is wrong with a line of the file, or ""."""
    if None in row or not all(row.values()):
        return f"there must be {len(COLUMNS)} values, none of them empty"
    if any("\N{REPLACEMENT CHARACTER}" in value for value in row.values()):
        return "there are bytes that are no UTF-8"
    if row["chosen"] not in ("left", "right"):
        return f"chosen is neither left nor right but {row['chosen']!r}"
    if row["left"] == row["right"]:
        return "left and right are the same method"
    try:
        return "" if 0 <= float(row["seconds"]) < np.inf else "seconds is negative or not finite"
    except ValueError:
        return f"seconds is no number but {row['seconds']!r}"


def append(path, row: dict) -> None:
    """Add an answer to a file, which is written anew: whatever happens, it is whole, with the answer or without.

    One process at a time may do so.

    Parameters
    ----------
    path : Path or str
        The CSV file; it is made when there is none.
    row : dict
        A value for each of COLUMNS.

    Raises
    ------
    UserError
        When the file is damaged: it stays as it is.
    """
    _write(path, [*read(path).to_dict("records"), row])


def _write(path, rows) -> None:
    with atomic(path) as part:
        pd.DataFrame(rows, columns=COLUMNS).to_csv(part, index=False)


# The page


class Rating:
    """The page that asks one person; `page` is the widget to display.

    It shows neither which methods these are nor which photo. Questions that this person has answered in the file are
    not asked again. The truth goes the way of the others, through CIELAB, so that nothing but colour differs.

    Parameters
    ----------
    questions : list of Pair
        What to ask, in this order.
    methods : dict
        Name -> Colorizer; without hints. TRUTH needs none.
    photos : Photos
        The photos and their names.
    path : Path or str
        The CSV file of answers; other persons' may be there too.
    rater : str
        Who is asked: a name or a number, not empty.

    Raises
    ------
    UserError
        When ipycanvas is not installed, the rater has no name, or the file is damaged.
    """

    def __init__(self, questions: list[Pair], methods: dict, photos, path, rater: str):
        if told := widgets.missing("ipycanvas"):
            raise UserError(told)
        if not (rater := rater.strip()):
            raise UserError("rater is empty: give a name or a number, so that you can go on later")
        import ipywidgets
        from ipycanvas import Canvas

        self.methods, self.photos, self.path, self.rater = methods, photos, Path(path), rater
        mine = read(path).query("rater == @rater")
        known = {Pair(row.photo, row.left, row.right).key for row in mine.itertuples()}
        self.waiting = [pair for pair in questions if pair.key not in known]
        self.total, self.answered = len(questions), []  # those of now, which can be taken back
        self.picture, self.half, self.since = None, 0, 0.0
        wide = 2 * SIDE + SIDE // 10
        layout = {"width": f"{wide}px", "height": "auto", "max_width": "100%"}
        self.canvas = Canvas(width=wide, height=SIDE, layout=layout)
        self.canvas.on_mouse_down(self._clicked)
        self.canvas.on_touch_start(lambda fingers: fingers and self._clicked(*fingers[0]))
        self.canvas.on_key_down(self._pressed)
        self.canvas.on_client_ready(self._show)  # a page that opens later, or again, is empty
        self.question, self.progress, self.status = ipywidgets.HTML(), ipywidgets.HTML(), widgets.status_line()
        self.back = ipywidgets.Button(description="undo", tooltip="take the last answer back", disabled=True)
        self.back.on_click(lambda _button: self.undo())
        row = ipywidgets.HBox([self.progress, self.back], layout={"align_items": "center"})
        self.page = ipywidgets.VBox([self.question, self.canvas, row, self.status])
        self._say()

    def choose(self, side: str) -> None:
        """Answer the question that is shown, and show the next one.

        Parameters
        ----------
        side : str
            "left" or "right".
        """
        seconds = time.monotonic() - self.since
        if self.picture is None or seconds < AT_LEAST:
            return
        pair = self.waiting[0]
        row = {"rater": self.rater, "photo": pair.photo, "left": pair.left, "right": pair.right}
        try:
            append(self.path, row | {"chosen": side, "seconds": round(seconds, 2)})
        except (UserError, OSError) as error:
            widgets.say(self.status, f"the answer was not kept: {error}", wrong=True)
            return
        self.answered.append(self.waiting.pop(0))
        self._next()

    def undo(self) -> None:
        """Take the last answer back, of those given since the page was made, and ask again."""
        if not self.answered:
            return
        try:
            rows = read(self.path).to_dict("records")
            mine = [(row["rater"], Pair(row["photo"], row["left"], row["right"])) for row in rows]
            last = max((i for i, each in enumerate(mine) if each == (self.rater, self.answered[-1])), default=len(rows))
            _write(self.path, rows[:last] + rows[last + 1 :])
        except (UserError, OSError) as error:
            widgets.say(self.status, f"the answer was not taken back: {error}", wrong=True)
            return
        self.waiting.insert(0, self.answered.pop())
        self._next()
        self.canvas.focus()  # the button had it; the keys are the canvas's

    def _pressed(self, key: str, _shift: bool, control: bool, meta: bool) -> None:
        """JupyterLab sees the keys too: 0, twice, would restart its kernel. 1, 2 and Backspace mean nothing to it."""
        if control or meta:  # the browser's
            return
        if key == "Backspace":
            self.undo()
        elif self.picture is None and self.waiting:
            self._next()
        elif key in ("1", "2"):
            self.choose("left" if key == "1" else "right")

    def _clicked(self, x: float, _y: float) -> None:
        """The first click gives the canvas the keyboard, and answers nothing."""
        if self.picture is None and self.waiting:
            self._next()
        elif x < self.half:
            self.choose("left")
        elif x >= self.canvas.width - self.half:  # between them is the bar
            self.choose("right")

    def _next(self) -> None:
        self.picture, failed = None, 0
        widgets.say(self.status, "painting \N{HORIZONTAL ELLIPSIS}" if self.waiting else "")
        while self.waiting and self.picture is None:
            try:
                self.picture = self._painted(self.waiting[0])
            except Exception:  # what it says might name the method
                self.waiting.pop(0)
                self.total, failed = self.total - 1, failed + 1
        left_out = f"left out, because the photo could not be read or painted: {failed}" if failed else ""
        widgets.say(self.status, left_out, wrong=True)
        self._say()
        self._show()
        self.since = time.monotonic()

    def _painted(self, pair: Pair) -> np.ndarray:
        """Both pictures of a pair, a grey bar between them."""
        lab = rgb_to_lab(self.photos[self.photos.names.index(pair.photo)])
        lightness, none = lab[..., 0], Hints.none(lab.shape[:2])
        left, right = (
            lab[..., 1:] if name == TRUTH else self.methods[name].colorize(lightness, none).ab
            for name in (pair.left, pair.right)
        )
        self.half = lab.shape[1]
        bar = np.full((len(lab), 1 + self.half // 10, 3), 128, np.uint8)
        left, right = (lab_to_rgb(np.dstack([lightness, ab])) for ab in (left, right))
        return np.hstack([left, bar, right])

    def _show(self) -> None:
        from ipycanvas import hold_canvas

        if self.picture is not None and (self.canvas.height, self.canvas.width) != self.picture.shape[:2]:
            self.canvas.height, self.canvas.width = self.picture.shape[:2]
        canvas, words = self.canvas, "click here to begin" if self.waiting else "thank you"
        with hold_canvas():
            if self.picture is not None:
                canvas.put_image_data(self.picture, 0, 0)
                return
            canvas.fill_style = "#707070"
            canvas.fill_rect(0, 0, canvas.width, canvas.height)
            canvas.fill_style, canvas.text_align, canvas.font = "white", "center", f"{canvas.width // 30}px sans-serif"
            canvas.fill_text(words, canvas.width / 2, canvas.height / 2)

    def _say(self) -> None:
        """The lines around the picture: what to do, and how far it is."""
        done = self.total - len(self.waiting)
        asked = "Which photo looks more real? Press 1 (left) or 2 (right), or click it. Backspace: undo."
        widgets.say(self.question, asked if self.waiting else f"That is all. The answers are in {self.path}")
        widgets.say(self.progress, f"{min(done + 1, self.total)} of {self.total}")
        self.back.disabled = not self.answered


def rate(methods: dict, photos, path, rater: str, count: int = 40, seed: int = 0) -> Rating | None:
    """Ask a person which of two pictures looks more real; in a headless run say where that is possible.

    Parameters
    ----------
    methods : dict
        Name -> Colorizer; the truth takes part as well.
    photos : Photos
        The photos to show, and their names.
    path : Path or str
        The CSV file of answers. Whoever comes again goes on.
    rater : str
        Who is asked: a name or a number, not empty. Each gets an order of their own.
    count : int
        How many pairs, at least 1.
    seed : int
        Of the order and the sides.

    Returns
    -------
    Rating or None
        What is shown; None in a headless run.

    Raises
    ------
    UserError
        For no method, no photo, a count below 1, and what Rating raises.
    """
    from IPython.display import display

    if widgets.headless():
        print("A rating needs a person: run this cell in JupyterLab.")
        return None
    order = [seed, zlib.crc32(rater.strip().encode())]
    made = Rating(pairs([*methods, TRUTH], photos.names, count, order), methods, photos, path, rater)
    display(made.page)
    return made
