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

    A row of the log is a symptom when the discriminator is saturated (it tells at least `accuracy` of real and of
    fake apart, and the generator's adversarial loss is above `lost`: fakes pass for real with a chance below
    exp(-lost)), or when the sample spread is gone (below `spread` times the real photos'). `patience` such rows in a
    row, or as many with the very same losses (frozen), are a collapse.
    """

    accuracy: float = 0.99
    lost: float = 6.0
    spread: float = 0.05
    patience: int = 10

    def symptom(self, row: dict) -> str:
        """What is wrong in one row of the log, or ""."""
        if "adversarial" not in row:
            return ""
        if min(row["real_accuracy"], row["fake_accuracy"]) >= self.accuracy and row["adversarial"] > self.lost:
            return "discriminator saturated"
        if row["spread"] < self.spread * row["real_spread"]:
            return "sample spread gone"
        return ""

    def verdict(self, rows: list[dict]) -> str:
        """Why a training with these rows of its log, oldest first, has collapsed, or ""."""
        last = rows[-self.patience :]
        if len(last) < self.patience:
            return ""
        if len({tuple(v for k, v in row.items() if "loss" in k or k == "adversarial") for row in last}) == 1:
            return "loss frozen"
        first = self.symptom(last[0])
        return first if first and all(self.symptom(row) == first for row in last) else ""


def write_log(path: Path, rows: list[dict]) -> None:
    """Write rows with the same keys as CSV, in one step."""
    if not rows:
        return
    with paths.atomic(path) as part, open(part, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({k: f"{v:.7g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)


def read_log(path: Path) -> list[dict]:
    """Read what `write_log` wrote, numbers as numbers; [] when there is no file."""
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
