"""The health of a training: its log, and how to see that a GAN has collapsed."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from nbhelpers import paths
from nbhelpers.errors import UserError


class Diverged(UserError):
    """A loss became NaN or infinite; the message names the step and the last good checkpoint."""


class Collapsed(Exception):
    """The monitor saw a training that cannot recover; the message says why."""


@dataclass(frozen=True)
class Monitor:
    """Looks at the log of a GAN and says when it has collapsed.

    A row of the log is a symptom when the discriminator is saturated (it tells at least `accuracy` of real and of fake
    photos apart, and the generator's adversarial loss is above `lost`), or when the sample spread is gone (below
    `spread` times the real photos'). `patience` such rows in succession, or as many with the very same losses (frozen),
    are a collapse.

    Attributes
    ----------
    accuracy : float
        The least share, in [0, 1], of real photos and of fakes that a saturated discriminator gets right.
    lost : float
        The adversarial loss above which the generator has lost: fakes pass for real with a chance below exp(-lost).
    spread : float
        The ratio to the real photos' spread of colours below which that of the predictions is gone.
    patience : int
        How many rows of the log in succession are a collapse.
    """

    accuracy: float = 0.99
    lost: float = 6.0
    spread: float = 0.05
    patience: int = 10

    def symptom(self, row: dict) -> str:
        """What is wrong in one row of the log.

        Parameters
        ----------
        row : dict
            A row that `Trainer.log` made.

        Returns
        -------
        str
            "discriminator saturated", "sample spread gone", or "", as for any row of a training without a
            discriminator.
        """
        if "adversarial" not in row:
            return ""
        if min(row["real_accuracy"], row["fake_accuracy"]) >= self.accuracy and row["adversarial"] > self.lost:
            return "discriminator saturated"
        if row["spread"] < self.spread * row["real_spread"]:
            return "sample spread gone"
        return ""

    def verdict(self, rows: list[dict]) -> str:
        """Why a training has collapsed.

        Parameters
        ----------
        rows : list of dict
            Its log, oldest row first.

        Returns
        -------
        str
            "loss frozen", the symptom that the last `patience` rows share, or "" when it has not collapsed.
        """
        last = rows[-self.patience :]
        if len(last) < self.patience:
            return ""
        if len({tuple(v for k, v in row.items() if "loss" in k or k == "adversarial") for row in last}) == 1:
            return "loss frozen"
        first = self.symptom(last[0])
        return first if first and all(self.symptom(row) == first for row in last) else ""


def write_log(path: Path, rows: list[dict]) -> None:
    """Write a log as CSV, in one step; nothing when there are no rows.

    Parameters
    ----------
    path : Path
        The file, which is replaced.
    rows : list of dict
        Rows with the same keys, which are the columns; floats are written with 7 significant digits.
    """
    if not rows:
        return
    with paths.atomic(path) as part, open(part, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({k: f"{v:.7g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


def read_log(path: Path) -> list[dict]:
    """Read what `write_log` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of dict
        The rows, numbers as int or float; [] when there is no file.
    """
    if not Path(path).is_file():
        return []
    with open(path, newline="") as file:
        return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def _number(text: str):
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
