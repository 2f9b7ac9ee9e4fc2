"""This machine: seconds, memory, processor; and where independent pieces of work run, its cores or a Dask cluster."""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import platform
import sys
import time
import tracemalloc
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

import numpy as np

from nbhelpers.errors import UserError

LIBRARIES = ("numpy", "scipy", "scikit-learn", "scikit-image", "pillow", "pyamg", "matplotlib", "torch")


def median_seconds(function, repeats: int) -> float:
    """The median time of `repeats` calls, after one that is not counted."""
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return median(times)


def memory() -> float:
    """The memory of this machine, bytes; infinite where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return math.inf


def peak_of_process() -> float:
    """The most memory that this process has held so far, MiB; NaN where the system does not say."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage there also counts the process that started this one
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return math.nan
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def peak_of_call(function) -> float:
    """The most memory that Python and NumPy held at once for one call of `function`, MiB."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()


def processor() -> str:
    """The processor's name and the number of cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def machine() -> dict[str, str]:
    """What a measurement depends on: processor, system, Python, and the libraries that do the work, where they are."""
    own = {"processor": processor(), "system": platform.system(), "python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            own[name] = version(name)
    return own


@contextmanager
def backend(cluster: str = "", jobs: int = -1, timeout: float = 10):
    """Run the `joblib.Parallel` calls of the block on `jobs` local cores, or on a Dask scheduler.

    cluster: the scheduler's address, "tcp://host:8786", or empty for this machine.
    timeout: seconds to wait for the scheduler and its first worker.
    Inside, BLAS and OpenMP keep to one thread for each process: the pieces are what runs in parallel.
    Calls that give no `n_jobs` of their own follow it. Raises UserError when the cluster cannot be used.
    """
    import joblib
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        if not cluster:
            with joblib.parallel_config(n_jobs=jobs):
                yield
            return
        with _connect(cluster, timeout), joblib.parallel_config("dask"):
            yield


_SENT: dict[str, object] = {}  # in a worker: the last thing that was sent to all of them, by the digest of its bytes


def spread(function, shared, tasks, jobs: int | None = None):
    """Yield `function(shared, *task)` for each of `tasks`, in their order, from the workers of the `backend` around.

    Parameters
    ----------
    function : callable
        A function of a module; what it returns travels back.
    shared : object
        What all tasks need, such as fitted methods: it is loaded once by each worker, not once for each task.
    tasks : iterable of tuple
        The other arguments.
    jobs : int, optional
        Processes; None takes those of the surrounding `backend`. With one, all is done here.
    """
    import joblib

    if joblib.effective_n_jobs(jobs) == 1:
        for task in tasks:
            yield function(shared, *task)
        return
    import cloudpickle  # classes that a notebook defines travel too

    # As an array the bytes lie in memory that all processes share, and Dask sends them to each worker once.
    content = np.frombuffer(cloudpickle.dumps(shared), np.uint8)
    digest = hashlib.sha256(content).hexdigest()
    calls = (joblib.delayed(_with_sent)(function, digest, content, task) for task in tasks)
    yield from joblib.Parallel(n_jobs=jobs, return_as="generator")(calls)


def _with_sent(function, digest: str, content: np.ndarray, task: tuple):
    if digest not in _SENT:
        _SENT.clear()
        _SENT[digest] = pickle.loads(content)  # made by `spread` a moment ago
    return function(_SENT[digest], *task)


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
    # Limits of BLAS belong to a process, not to a thread.
    if any(threads > 1 for threads in client.nthreads().values()):
        client.close()
        raise UserError(f"workers at {address} have several threads: start them with `{start}`")
    return client
