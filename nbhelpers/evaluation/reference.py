"""Tables of the committed reference run, and of the campaign on a GPU, to stand beside those of a run of one's own."""

from __future__ import annotations

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
