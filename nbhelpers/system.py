"""Seconds, memory, and the machine that they were measured on."""

from __future__ import annotations

import math
import os
import platform
import sys
import time
import tracemalloc
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

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
