"""How many threads BLAS has."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from threadpoolctl import ThreadpoolController


def blas():
    return ThreadpoolController().select(user_api="blas").lib_controllers


def blas_threads():
    return {library.filepath: library.num_threads for library in blas()}


def _set(threads):
    for library in blas():
        library.set_num_threads(threads[library.filepath])


@contextmanager
def blas_of(threads):
    """A BLAS of so many threads, whatever this machine has.

    A thread that ends at once sets it: threadpoolctl would ignore all others while that one lives.
    """
    before = blas_threads()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_set, dict.fromkeys(before, threads)).result()
    assert set(blas_threads().values()) == {threads}
    try:
        yield
    finally:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_set, before).result()
