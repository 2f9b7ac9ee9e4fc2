"""The course's map and the machine's report."""

import os
import platform

import numpy as np

from nbhelpers.course import overview


def test_the_map_says_which_notebooks_are_here(course):
    course.write("00_start_here")
    course.write("02_neighbour_regression")
    found = overview.course_map()
    assert list(found.index) == [f"{number:02d}" for number in range(9)]
    assert found["here"].to_dict() == {n: "yes" if n in ("00", "02") else "not yet" for n in found.index}
    assert (found["title"].str.len() > 0).all()


def test_the_machine_is_this_one():
    found = overview.machine()
    assert found["Python"] == platform.python_version()
    assert found["numpy"] == np.__version__
    assert found["processor cores"] == str(os.cpu_count())
    assert float(found["memory"].removesuffix(" GiB")) >= 1
    assert found["networks run on"]
