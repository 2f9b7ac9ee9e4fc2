"""All benchmarks by name: `nbhelpers bench [NAME]` writes figures/bench/<name>.csv and prints it.

Each table has a column `ratio`: how many times longer the thing named in `against` took, in the same run on the same
machine (described in figures/bench/machine.csv). Photos come from the folder that the environment variable
NBHELPERS_PHOTOS names, else from the sample.
"""

from __future__ import annotations

import functools
import subprocess
import sys

import pandas as pd

from nbhelpers import paths
from nbhelpers.bench.classical import fit_methods, lab, photos_here, solvers, statistics
from nbhelpers.system import machine, median_seconds, processor


def slider(size: int = 400, n: int = 20, unknown: float = 0.8, repeats: int = 5) -> pd.DataFrame:
    """Measure from the release of notebook 02's mask slider to the redrawn picture; see `sliders.mask`.

    Parameters
    ----------
    size : int
        Side of the photo in pixels.
    n : int
        Training photos that the methods are fitted to.
    unknown : float
        Share of unknown pixels in [0, 1].
    repeats : int
        Passes, of which the median counts.

    Returns
    -------
    pd.DataFrame
        As `sliders.mask` returns it.
    """
    from nbhelpers.bench.sliders import mask

    name, opened = photos_here(size)
    return mask(name, opened.test[0], fit_methods(opened.train[:n]), unknown, repeats)


def explorer(size: int = 400, unknown=(20, 50, 80, 95, 99, 100), repeats: int = 3) -> pd.DataFrame:
    """Measure from the release of the explorer's slider to all its new pictures; see `sliders.explorer`.

    Parameters
    ----------
    size : int
        Side of the photo in pixels.
    unknown : iterable of int
        Unknown pixels in percent.
    repeats : int
        Passes, of which the median counts.

    Returns
    -------
    pd.DataFrame
        As `sliders.explorer` returns it.
    """
    from nbhelpers.bench.sliders import explorer as measure

    name, opened = photos_here(size)
    return measure(name, opened.test[0], unknown, repeats)


def rows(n: int = 5000, size: int = 400) -> pd.DataFrame:
    """Measure row models against scikit-learn's; see `rows.row_models`.

    Parameters
    ----------
    n : int
        Training photos.
    size : int
        Their side in pixels.

    Returns
    -------
    pd.DataFrame
        As `rows.row_models` returns it.
    """
    from nbhelpers.bench.rows import row_models

    name, opened = photos_here(size)
    return row_models(name, opened.train[:n], opened.test)


def training(n: int = 320, size: int = 64, width: int = 24, repeats: int = 3) -> pd.DataFrame:
    """Measure training the networks against a plain loop; see `networks.training`.

    Parameters
    ----------
    n : int
        Photos to learn from.
    size : int
        Side of the squares learned from, in pixels.
    width : int
        Channels of the networks' first level.
    repeats : int
        Epochs measured, of which the median counts.

    Returns
    -------
    pd.DataFrame
        As `networks.training` returns it.
    """
    from nbhelpers.bench.networks import training as measure

    name, opened = photos_here(400)
    return measure(name, opened.train, photos_here(size + size // 8)[1].train, n, width, size, repeats)


def packs(n: int = 300, sizes=(144, 136, 128)) -> pd.DataFrame:
    """Measure formats and sizes for `nbhelpers photos pack`; see `packs.packs`.

    Parameters
    ----------
    n : int
        Test photos.
    sizes : sequence of int
        Sides of the packed photos, in pixels.

    Returns
    -------
    pd.DataFrame
        As `packs.packs` returns it.
    """
    from nbhelpers.bench.packs import packs as measure

    opened = {size: photos_here(size) for size in sizes}
    return measure(opened[sizes[0]][0], {size: photos.test[:n] for size, (_, photos) in opened.items()})


def imports(repeats: int = 5) -> pd.DataFrame:
    """Measure starting a process with the package next to an empty one.

    Parameters
    ----------
    repeats : int
        Starts, of which the median counts.

    Returns
    -------
    pd.DataFrame
        what, seconds, added_seconds (the difference to the empty one), against, against_seconds, ratio.
    """
    commands = {
        "python -c pass": ["-c", "pass"],
        "import nbhelpers": ["-c", "import nbhelpers"],
        "import nbhelpers.linear.neighbours": ["-c", "import nbhelpers.linear.neighbours"],
        "nbhelpers --help": ["-m", "nbhelpers", "--help"],
    }
    run = functools.partial(subprocess.run, check=True, stdout=subprocess.DEVNULL, cwd=paths.ROOT)
    seconds = [median_seconds(functools.partial(run, [sys.executable, *c]), repeats) for c in commands.values()]
    table = pd.DataFrame({"what": list(commands), "seconds": seconds})
    table["added_seconds"] = table["seconds"] - seconds[0]
    return table.assign(against="python -c pass", against_seconds=seconds[0], ratio=seconds[0] / table["seconds"])


def notebooks(profile: str = "demo", photos: str = "sample") -> pd.DataFrame:
    """Measure the seconds for each notebook of a whole run, kernel start included.

    Parameters
    ----------
    profile : str
        The run's profile.
    photos : str
        A source of `open_photos`.

    Returns
    -------
    pd.DataFrame
        notebook, profile, photos, seconds, against, against_seconds, ratio (the whole run against this notebook).
    """
    from nbhelpers.course.runner import run_notebooks

    done = run_notebooks(profile=profile, photos=photos)
    table = pd.DataFrame({"notebook": [item.notebook.stem for item in done], "profile": profile, "photos": photos})
    table["seconds"] = [item.seconds for item in done]
    total = table["seconds"].sum()
    return table.assign(against="the whole run", against_seconds=total, ratio=total / table["seconds"])


BENCHMARKS = {
    function.__name__: function
    for function in (statistics, solvers, slider, explorer, rows, training, packs, imports, lab, notebooks)
}


NAMES = tuple(BENCHMARKS)


def main(name: str | None = None) -> None:
    """Run one benchmark, or all: print its table, and write it and the machine's to figures/bench/.

    Parameters
    ----------
    name : str, optional
        One of NAMES; None runs all.
    """
    _write(pd.DataFrame(machine().items(), columns=["item", "value"]), "machine")
    for each in (name,) if name else NAMES:
        table = BENCHMARKS[each]()
        print(f"{each}\n{table.to_string(index=False, na_rep='', float_format='{:.4g}'.format)}\n", flush=True)
        _write(table.assign(machine=processor()), each)


def _write(table: pd.DataFrame, name: str) -> None:
    with paths.atomic(paths.FIGURES / "bench" / f"{name}.csv") as part:
        table.to_csv(part, index=False, float_format="%.4g")
