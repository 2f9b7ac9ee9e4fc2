"""What the committed reference run and the campaign on a GPU measured and painted, beside a run of one's own."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nbhelpers import paths

REFERENCE = "reference"  # the committed run: figures/reference/
TRAINING = ("size", "width", "epochs", "seeds")  # the columns of `networks.columns`, whole numbers or empty


def table(name: str) -> pd.DataFrame | None:
    """A table of the reference run.

    Parameters
    ----------
    name : str
        Of the file figures/reference/<name>.csv.

    Returns
    -------
    pd.DataFrame or None
        None where the file is not there. What it says of trainings are whole numbers, empty where there was none.
    """
    path = paths.FIGURES / REFERENCE / f"{name}.csv"
    return pd.read_csv(path, dtype=dict.fromkeys(TRAINING, "Int64")) if path.is_file() else None


def cuda(name: str) -> pd.DataFrame | None:
    """A table of the CUDA campaign.

    Parameters
    ----------
    name : str
        Of the file figures/reference/10_cuda_<name>.csv.

    Returns
    -------
    pd.DataFrame or None
        None where the file is not there.
    """
    return table(f"10_cuda_{name}")


@dataclass(frozen=True, eq=False)
class Sheet:
    """Small pictures of one size, for a slider that runs over the columns.

    Attributes
    ----------
    tiles : np.ndarray
        (rows, columns, S, S, 3), sRGB uint8.
    rows, columns : list of str
        What is painted and by whom; what the slider runs over.
    credits : list of str
        Of the photos.
    """

    tiles: np.ndarray
    rows: list[str]
    columns: list[str]
    credits: list[str]

    def of(self, kind: str) -> dict[str, np.ndarray]:
        """The rows of one kind.

        Parameters
        ----------
        kind : str
            What their names begin with, before " | ".

        Returns
        -------
        dict of str to np.ndarray
            The rest of the name -> (columns, S, S, 3).
        """
        parts = [row.partition(" | ") for row in self.rows]
        return {rest: tiles for (mine, _, rest), tiles in zip(parts, self.tiles) if mine == kind}


def sheet(name: str) -> Sheet | None:
    """A sheet of tiles of the reference run.

    Parameters
    ----------
    name : str
        Of the files figures/reference/<name>.webp and .json, see `paths.Run.save_sheet`.

    Returns
    -------
    Sheet or None
        None where they are not there.
    """
    path = paths.FIGURES / REFERENCE / f"{name}.json"
    if not path.is_file():
        return None
    from PIL import Image

    told = json.loads(path.read_text())
    rows, columns, side = told["rows"], told["columns"], told["side"]
    with Image.open(path.with_suffix(".webp")) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(len(rows), side, len(columns), side, 3)
    return Sheet(pixels.swapaxes(1, 2), rows, columns, told["credits"])
