"""Tables of the committed reference run, to stand beside those of a run of one's own."""

from __future__ import annotations

import pandas as pd

from nbhelpers import paths

REFERENCE = "paper-photos"  # the committed run at the paper's scale
CUDA = "reference"  # the committed campaign on a GPU


def table(name: str) -> pd.DataFrame | None:
    """A table of the reference run, figures/paper-photos/<name>.csv; None where it is not there."""
    path = paths.FIGURES / REFERENCE / f"{name}.csv"
    return pd.read_csv(path) if path.is_file() else None


def cuda(name: str) -> pd.DataFrame | None:
    """A table of the committed CUDA campaign, figures/reference/10_cuda_<name>.csv; None where it is not there."""
    path = paths.FIGURES / CUDA / f"10_cuda_{name}.csv"
    return pd.read_csv(path) if path.is_file() else None
