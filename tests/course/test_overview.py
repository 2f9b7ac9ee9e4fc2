"""The machine's report."""

import os
import platform

import numpy as np

from nbhelpers.course import overview


def test_the_machine_is_this_one():
    found = overview.machine()
    assert found["Python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert found["processor cores"] == str(os.cpu_count())
    assert float(found["memory"].removesuffix(" GiB")) >= 1
    assert found["networks run on"]
