"""This machine: seconds, memory, processor; and where independent pieces of work run, its cores or a Dask cluster."""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import platform
import sys
import threading
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
    """The median time of several calls, after one that is not counted.

    Parameters
    ----------
    function : callable
        Called without arguments.
    repeats : int
        The number of calls that count.

    Returns
    -------
    float
        Seconds.
    """
    function()
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return median(times)


def memory() -> float:
    """The memory that this process may use, bytes: the machine's, or what a container or a batch job leaves of it."""
    import psutil  # not at the top: bare machines train networks without it

    return min(psutil.virtual_memory().total, _memory_of_group())


def _memory_of_group(membership=Path("/proc/self/cgroup"), groups=Path("/sys/fs/cgroup")) -> float:
    """The lowest limit of this process's control group and those around it, bytes; infinite where there is none.

    Linux has one tree of groups (version 2, `memory.max`) or one for each resource (version 1). In a container the
    path may be the host's: then its folders are not there, and the limit stands at the root.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # not Linux
        return math.inf
    limits = [math.inf]
    for line in lines:
        _, resources, path = line.split(":", 2)
        if not resources:
            root, file = groups, "memory.max"
        elif "memory" in resources.split(","):
            root, file = groups / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(root):
                with suppress(OSError, ValueError):  # no such group, or "max"
                    limits.append(int((folder / file).read_text()))
    return min(limits)


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
    """The most memory that Python and NumPy held at once for one call.

    Parameters
    ----------
    function : callable
        Called without arguments.

    Returns
    -------
    float
        MiB.
    """
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
    return {"processor": processor(), "system": platform.system(), "python": platform.python_version()} | libraries()


def libraries() -> dict[str, str]:
    """The versions of the libraries that do the work, where they are installed."""
    found = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


class _SharedLimit:
    """OpenBLAS at one thread while anybody is inside: the first in sets it, the last out restores what was before.

    Its number of threads belongs to the process. Blocks of several threads that each restored what they found would
    restore each other's 1, for good.
    """

    def __init__(self):
        self.lock, self.inside, self.before = threading.Lock(), {}, {}

    def enter(self, key, libraries) -> None:
        with self.lock:
            self.inside[key] = threading.get_ident()
            for library in libraries:
                if library.filepath not in self.before:  # also one that was loaded while others were inside
                    self.before[library.filepath] = library, library.num_threads
                    _set_threads(library, 1)

    def leave(self, key) -> None:
        with self.lock:
            self.inside.pop(key, None)
            self._restore()

    def _restore(self) -> None:
        if not self.inside:
            for library, threads in self.before.values():
                _set_threads(library, threads)
            self.before.clear()

    def after_fork(self) -> None:
        """In the child only the thread that forked goes on: nobody else holds the lock or will ever leave."""
        self.lock = threading.Lock()
        self.inside = {key: thread for key, thread in self.inside.items() if thread == threading.get_ident()}
        self._restore()


def _set_threads(library, threads: int) -> None:
    release = getattr(library, "clear_controlling_thread", None)  # threadpoolctl 3.8 obeys one thread at a time
    if release:
        release(force=True)
    library.set_num_threads(threads)
    if release:
        release(force=True)


_LIMIT = _SharedLimit()
if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=lambda: _LIMIT.after_fork())


@contextmanager
def one_thread(libraries=None):
    """Keep BLAS and OpenMP to one thread in the block; blocks of several threads may overlap.

    For pieces of work that run in parallel, and for vector sums so short that threads only wait for each other. The
    limit of OpenBLAS is the whole process's and ends with the last block; all others are the calling thread's own.

    Parameters
    ----------
    libraries : threadpoolctl.ThreadpoolController, optional
        One of an earlier time, where the time that it takes to look for the libraries counts; None looks for them now.

    Yields
    ------
    None
        Nothing; the limit holds in the block.
    """
    from threadpoolctl import ThreadpoolController

    found, key = libraries or ThreadpoolController(), object()
    shared = [x for x in found.lib_controllers if x.internal_api == "openblas" and x.threading_layer != "openmp"]
    own = [x.filepath for x in found.lib_controllers if x not in shared]
    _LIMIT.enter(key, shared)
    try:
        with found.select(filepath=own).limit(limits=1):
            yield
    finally:
        _LIMIT.leave(key)


@contextmanager
def backend(cluster: str = "", jobs: int = -1, timeout: float = 10):
    """Run the `joblib.Parallel` calls of the block on local cores, or on a Dask scheduler.

    Inside, BLAS and OpenMP keep to one thread for each process: the pieces are what runs in parallel. Calls that give
    no `n_jobs` of their own follow it.

    Parameters
    ----------
    cluster : str
        The scheduler's address, "tcp://host:8786", or empty for this machine.
    jobs : int
        Local processes; -1: one for each core.
    timeout : float
        Seconds to wait for the scheduler and its first worker.

    Yields
    ------
    None
        Nothing; the choice holds in the block.

    Raises
    ------
    UserError
        When the cluster cannot be used.
    """
    import joblib

    with one_thread():
        if not cluster:
            with joblib.parallel_config(n_jobs=jobs):
                yield
            return
        with _connect(cluster, timeout), joblib.parallel_config("dask"):
            yield


_SENT: dict[str, object] = {}  # in a worker: the last thing that was sent to all of them, by the digest of its bytes


def spread(function, shared, tasks, jobs: int | None = None):
    """Call a function for each of several tasks, on the workers of the surrounding `backend`.

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

    Yields
    ------
    object
        `function(shared, *task)` for each task, in their order.
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
