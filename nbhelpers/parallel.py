"""Where independent pieces of work (photos, rows, fits) run: this machine's cores, or a Dask cluster."""

from __future__ import annotations

from contextlib import contextmanager
from functools import reduce
from operator import add

import joblib
from threadpoolctl import threadpool_limits

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.paths import UserError


@contextmanager
def backend(cluster: str = "", jobs: int = -1, timeout: float = 10):
    """Run the `joblib.Parallel` calls of the block on `jobs` local cores, or on a Dask scheduler.

    cluster: the scheduler's address, "tcp://host:8786", or empty for this machine.
    timeout: seconds to wait for the scheduler and its first worker.
    Inside, BLAS and OpenMP keep to one thread for each process: the pieces are what runs in parallel.
    Calls that give no `n_jobs` of their own follow it. Raises UserError when the cluster cannot be used.
    """
    with threadpool_limits(limits=1):
        if not cluster:
            with joblib.parallel_config(n_jobs=jobs):
                yield
            return
        with _connect(cluster, timeout), joblib.parallel_config("dask"):
            yield


def total(of, photos, n: int | None = None, jobs: int | None = None):
    """The sum of `of(lab)` over the first `n` photos (default: all) of a `Photos` sequence, in parallel.

    of: CIELAB (H, W, 3) -> something that can be added.  Photos that cannot be read are skipped with a warning. The
    order of the sum is fixed, so the result does not depend on `jobs`; None takes those of the surrounding `backend`.
    Raises ValueError when no photo is left.
    """
    n = len(photos) if n is None else min(n, len(photos))
    tasks = (joblib.delayed(_of_chunk)(of, photos[start : min(start + 8, n)]) for start in range(0, n, 8))
    with threadpool_limits(1):  # out here too: threads that end at different times then restore one and the same
        parts = joblib.Parallel(n_jobs=jobs, prefer="threads")(tasks)
    found = [item for part in parts for item in part]
    if not found:
        raise ValueError("no photo to learn from: the list of photos is empty or none could be read")
    return reduce(add, found)


def _of_chunk(of, photos) -> list:
    with threadpool_limits(1):
        return [of(rgb_to_lab(rgb)) for _, rgb in photos.read()]


def _connect(address: str, timeout: float):
    start = f"dask worker {address} --nworkers -1 --nthreads 1"
    try:
        from distributed import Client
    except ImportError:
        raise UserError('--cluster needs Dask: pip install -e ".[cluster]"') from None
    try:
        client = Client(address, timeout=timeout, set_as_default=True)
    except (OSError, ValueError) as error:  # a time-out is an OSError too
        reason = f"cannot reach a Dask scheduler at {address!r} ({type(error).__name__})"
        raise UserError(f"{reason}: start one with `dask scheduler`, or leave --cluster out") from None
    try:
        client.wait_for_workers(1, timeout=timeout)
    except (OSError, TimeoutError):
        client.close()
        raise UserError(f"no workers at {address}: start some with `{start}`") from None
    # Warnings, which say that a system was not solved, and limits of BLAS belong to a process, not to a thread.
    if any(threads > 1 for threads in client.nthreads().values()):
        client.close()
        raise UserError(f"workers at {address} have several threads: start them with `{start}`")
    return client
