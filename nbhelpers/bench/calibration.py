"""How fast is this machine? Fixed work of the kinds that the course is made of, and times as multiples of it.

`make test` and `make figures` print such a multiple at their end; CONTRIBUTING.md says how large it may grow.
"""

from __future__ import annotations

import sys
import time
from statistics import median

import numpy as np
import torch
from scipy.sparse import diags, identity, kron
from scipy.sparse.linalg import cg, splu
from sklearn.tree import DecisionTreeRegressor

from nbhelpers.system import one_thread

BUDGET = {"make test": 500, "make figures": 430}  # multiples; as in CONTRIBUTING.md


def solve() -> None:
    """A factorization and 300 steps of conjugate gradients, for the Laplacian of a square of 120 x 120 pixels."""
    line = diags([-1.0, 2.0, -1.0], [-1, 0, 1], shape=(120, 120))
    matrix = (kron(line, identity(120)) + kron(identity(120), line)).tocsc()
    rhs = np.random.default_rng(0).normal(size=matrix.shape[0])
    splu(matrix).solve(rhs)
    cg(matrix, rhs, rtol=0, maxiter=300)


def grow() -> None:
    """One regression tree on 20,000 rows of 25 features."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(20_000, 25))
    DecisionTreeRegressor(max_depth=12, random_state=0).fit(rows, rows[:, :2] ** 2)


def learn() -> None:
    """20 training steps of three convolutions on 8 photos of 64 x 64 pixels."""
    torch.manual_seed(0)
    layers = [torch.nn.Conv2d(*planes, 3, padding=1) for planes in ((1, 24), (24, 24), (24, 2))]
    network = torch.nn.Sequential(layers[0], torch.nn.ReLU(), layers[1], torch.nn.ReLU(), layers[2])
    photos, optimizer = torch.rand(8, 3, 64, 64), torch.optim.Adam(network.parameters())
    for _ in range(20):
        loss = torch.nn.functional.mse_loss(network(photos[:, :1]), photos[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def calibration(repeats: int = 5) -> float:
    """Time the fixed work in one thread. Nothing of the package is in it: a faster package has a smaller multiple.

    Parameters
    ----------
    repeats : int
        How often the work is done.

    Returns
    -------
    float
        The median of its times, seconds.
    """
    seconds, threads = [], torch.get_num_threads()
    torch.set_num_threads(1)
    with one_thread():
        for _ in range(repeats):
            began = time.perf_counter()
            for work in (solve, grow, learn):
                work()
            seconds.append(time.perf_counter() - began)
    torch.set_num_threads(threads)
    return median(seconds)


def sentence(what: str, took: float, unit: float) -> str:
    """Say what a command took.

    Parameters
    ----------
    what : str
        The command, one of BUDGET.
    took, unit : float
        Seconds of the command, and of the calibration.

    Returns
    -------
    str
        Minutes, multiple and budget in one line.
    """
    multiple = f"{took / unit:.0f} times the calibration's {unit:.2f} s"
    return f"{what} took {took / 60:.1f} min, {multiple} (CONTRIBUTING.md: at most {BUDGET[what]})"


if __name__ == "__main__":  # python -m nbhelpers.bench.calibration "make test" SECONDS
    print(sentence(sys.argv[1], float(sys.argv[2]), calibration()))
