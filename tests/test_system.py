"""The same work on local cores and on a Dask cluster of two processes."""

import os
import sys

import joblib
import numpy as np
import pytest
import threadpoolctl

from nbhelpers.errors import UserError
from nbhelpers.system import backend, spread


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
