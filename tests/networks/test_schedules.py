"""Learning rates: constant, or a linear warm-up and a cosine."""

import numpy as np
import pytest

from nbhelpers.networks.config import SCHEDULES
from nbhelpers.networks.schedules import rate_factor

TOTALS = (1, 2, 9, 15, 100, 1234)


def factors(schedule, total):
    return np.array([rate_factor(schedule, step, total) for step in range(total)])


@pytest.mark.parametrize("total", TOTALS)
def test_a_constant_rate_stays(total):
    assert (factors("constant", total) == 1).all()


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("total", TOTALS)
def test_factors_lie_above_0_and_reach_1(schedule, total):
    found = factors(schedule, total)
    assert (found > 0).all() and found.max() == 1


@pytest.mark.parametrize("total", TOTALS)
def test_warmup_cosine_rises_in_the_first_tenth_and_falls_in_the_rest(total):
    found = factors("warmup-cosine", total)
    top = max(1, round(total / 10))
    assert found[top - 1] == 1 and (np.diff(found[:top]) > 0).all()
    assert (np.diff(found[top - 1 :]) <= 0).all()
    assert (np.diff(found[top:][found[top:] > 1e-3]) < 0).all()  # so small it stays
    np.testing.assert_allclose(np.diff(found[:top], prepend=0), 1 / top)  # in a line, from 0


def test_warmup_cosine_falls_along_a_cosine_to_almost_nothing():
    found = factors("warmup-cosine", 1000)
    np.testing.assert_allclose(found[[100, 400, 550, 700]], [1, 0.75, 0.5, 0.25], atol=1e-12)
    assert found[-1] == 1e-3 and found[-100] < 0.04


def test_a_training_of_one_step_has_the_full_rate():
    assert rate_factor("warmup-cosine", 0, 1) == rate_factor("constant", 0, 1) == 1
