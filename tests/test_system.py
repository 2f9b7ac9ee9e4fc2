"""The same work on local cores and on a Dask cluster of two processes."""

import math
import multiprocessing
import os
import sys
import threading
import time
from contextlib import ExitStack

import joblib
import numpy as np
import psutil
import pytest
import threadpoolctl
from blas import blas_of, blas_threads

from nbhelpers import system
from nbhelpers.errors import UserError
from nbhelpers.system import backend, one_thread, spread


def where(number):
    import numpy
    import threadpoolctl

    numpy.ones((2, 2)) @ numpy.ones((2, 2))
    return number**2, os.getpid(), max(pool["num_threads"] for pool in threadpoolctl.threadpool_info())


def work(count=8):
    squares, processes, threads = zip(*joblib.Parallel()(joblib.delayed(where)(n) for n in range(count)), strict=True)
    assert list(squares) == [n**2 for n in range(count)]
    assert max(threads) == 1, "pieces in parallel and BLAS threads multiply"
    return set(processes)


class Heavy:
    """Notes in a file each process that loads it."""

    def __init__(self, path):
        self.path, self.ballast = path, np.zeros(10**6)

    def __setstate__(self, state):
        self.__dict__ = state
        with open(self.path, "a") as file:
            file.write(f"{os.getpid()}\n")


def plus(heavy, number, other):
    time.sleep(0.1)  # so that no worker does it all
    return os.getpid(), number + other + heavy.ballast[0]


@pytest.mark.parametrize("where", ["here", "cores", "cluster"])
def test_what_all_tasks_share_is_loaded_once_a_worker(where, tmp_path, request):
    there = {"jobs": 1} if where == "here" else {"jobs": 2}
    if where == "cluster":
        there = {"cluster": request.getfixturevalue("cluster").scheduler_address}
    (log := tmp_path / "log").touch()
    with backend(**there):
        workers, sums = zip(*spread(plus, Heavy(str(log)), ((i, 10) for i in range(20))), strict=True)
    assert list(sums) == [i + 10 for i in range(20)]
    assert sorted(log.read_text().split()) == sorted({str(pid) for pid in workers} - {str(os.getpid())})
    assert where == "here" or len(set(workers)) > 1


def test_one_job_stays_in_this_process():
    with backend(jobs=1):
        assert work() == {os.getpid()}


def test_local_jobs_run_in_other_processes_and_threads_are_given_back():
    before = threadpoolctl.threadpool_info()
    with backend(jobs=2):
        assert os.getpid() not in work()
    assert [pool["num_threads"] for pool in threadpoolctl.threadpool_info()] == [pool["num_threads"] for pool in before]


def test_a_cluster_does_the_work(cluster):
    with backend(cluster.scheduler_address):
        processes = work(40)
    assert processes <= {worker.pid for worker in cluster.workers.values()}


def test_a_cluster_that_is_not_there_is_named():
    pytest.importorskip("distributed")
    for address in ("tcp://127.0.0.1:1", "nonsense://there"):
        with pytest.raises(UserError, match=f"cannot reach a Dask scheduler at '{address}'"):
            with backend(address, timeout=1):
                pytest.fail("there is no such scheduler")


def test_a_cluster_without_workers_is_refused():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as empty:
        with pytest.raises(UserError, match="no workers at"):
            with backend(empty.scheduler_address, timeout=1):
                pytest.fail("nobody would do the work")


def test_workers_of_several_threads_are_refused():
    """Warnings, which say that a system was not solved, would be those of any thread."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 1, "threads_per_worker": 2, "processes": False, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as made:
        with pytest.raises(UserError, match="several threads: start them with `dask worker .* --nthreads 1`"):
            with backend(made.scheduler_address):
                pytest.fail("two threads would share their warnings")


def test_without_dask_the_way_to_install_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"pip install -e \"\.\[cluster\]\""):
        with backend("tcp://127.0.0.1:1"):
            pytest.fail("there is no Dask")


# ---- memory


def groups(folder, membership, limits):
    """A tree of control groups: /proc/self/cgroup and the folder of the groups."""
    (folder / "cgroup").write_text(membership)
    for name, limit in limits.items():
        (folder / "groups" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "groups" / name).write_text(f"{limit}\n")
    return folder / "cgroup", folder / "groups"


V1 = "12:cpu,cpuacct:/a\n5:memory:/docker/b\n1:name=systemd:/a\n"


@pytest.mark.parametrize(
    ("membership", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": 4096}, 4096),  # a container with a tree of its own
        ("0::/\n", {"memory.max": "max"}, math.inf),
        ("0::/\n", {}, math.inf),  # the root of a whole machine has no limit
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": 8192, "memory.max": "max"}, 8192),
        ("0::/a/b\n", {"a/b/memory.max": 100, "a/memory.max": 8192}, 100),
        ("0::/a/b\n", {"a/b/memory.max": 9000, "a/memory.max": 8192, "c/memory.max": 1}, 8192),
        ("0::/host/of/container\n", {"memory.max": 512}, 512),  # the host's path, of which nothing is here
        ("0::/../../other\n", {"memory.max": 512}, 512),
        (V1, {"memory/docker/b/memory.limit_in_bytes": 700, "memory/memory.limit_in_bytes": 2**63 - 4096}, 700),
        (V1, {"memory/memory.limit_in_bytes": 600}, 600),
        (V1, {"memory.max": 5, "cpu/a/memory.max": 5}, math.inf),
        (V1 + "0::/a\n", {"memory/docker/b/memory.limit_in_bytes": 700, "a/memory.max": 300}, 300),
    ],
)
def test_the_limit_of_a_container_counts(tmp_path, membership, limits, expected):
    assert system._memory_of_group(*groups(tmp_path, membership, limits)) == expected


def test_the_smaller_of_machine_and_container_counts(monkeypatch, tmp_path):
    assert system._memory_of_group(tmp_path / "none", tmp_path) == math.inf  # not Linux
    for limit in (2**20, math.inf):
        monkeypatch.setattr(system, "_memory_of_group", lambda limit=limit: limit)
        assert system.memory() == min(limit, psutil.virtual_memory().total)


# ---- one thread for BLAS


@pytest.fixture
def two_threads():
    with blas_of(2):
        yield


def test_blocks_that_overlap_give_the_threads_back_at_the_last_end(two_threads):
    before, blocks = blas_threads(), [ExitStack() for _ in range(3)]
    for block in blocks:
        block.enter_context(one_thread())
        assert set(blas_threads().values()) == {1}
    for block in blocks[:2]:  # first in, first out: each block by itself would restore what it found
        block.close()
        assert set(blas_threads().values()) == {1}
    blocks[2].close()
    assert blas_threads() == before


def test_eight_threads_leave_blas_as_it_was(two_threads):
    before, start = blas_threads(), threading.Barrier(8)

    def go(seed):
        for _ in range(5):
            start.wait()
            with one_thread():
                np.linalg.norm(np.ones(100 * (seed + 1)))

    threads = [threading.Thread(target=go, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert blas_threads() == before


def test_a_block_ends_when_it_fails(two_threads):
    with pytest.raises(KeyError), one_thread():
        raise KeyError
    assert set(blas_threads().values()) == {2}


def forked(work):
    """What `work()` returns in a process forked here and now; fails when that hangs."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=lambda: theirs.send(work()), daemon=True)
    child.start()
    try:
        assert ours.poll(30), "the child hangs"
        return ours.recv()
    finally:
        child.kill()
        child.join()


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")


@needs_fork
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_fork_forgets_the_blocks_of_threads_that_it_does_not_have(two_threads):
    inside, done = threading.Event(), threading.Event()

    def stay():
        with one_thread():
            inside.set()
            done.wait(60)

    def in_child():
        with one_thread():
            during = set(blas_threads().values())
        return during, set(blas_threads().values())

    thread = threading.Thread(target=stay)
    thread.start()
    inside.wait(60)
    try:
        assert forked(in_child) == ({1}, {2})
        with one_thread():  # its own block goes on in the child
            assert forked(lambda: set(blas_threads().values())) == {1}
    finally:
        done.set()
        thread.join()
