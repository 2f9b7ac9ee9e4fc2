"""Costs: what is measured, and exponents and plans of costs that are known."""

import numpy as np
import pandas as pd
import pytest

from nbhelpers.comparison import costs
from nbhelpers.hints import Colorization, Nearest


class Counter:
    """A colorizer that remembers what it was asked."""

    name = "counter"

    def __init__(self):
        self.asked = []

    def colorize(self, lightness, hints):
        self.asked.append((lightness.shape, round(1 - hints.known.mean(), 3)))
        return Colorization(hints.ab)


def test_each_axis_is_measured_as_it_says(sample):
    counter, photos = Counter(), [sample.test[i] for i in range(2)]
    table = costs.measure_costs([counter], photos, [24, 48], [0.25, 0.5], [1, 2], unknown=0.75, repeats=1)
    assert table[["axis", "at"]].values.tolist() == [["pixels", 576], ["pixels", 2304], ["unknown", 0.25],
                                                     ["unknown", 0.5], ["photos", 1], ["photos", 2]]  # fmt: skip
    small, large, whole = (24, 24), (48, 48), (96, 96)
    expected = [(small, 0.75), (small, 0.75), (large, 0.75), (whole, 0.25), (whole, 0.5), (small, 0.75), (small, 0.75),
                (small, 0.75)]  # fmt: skip
    assert counter.asked == expected
    assert (table["seconds"] > 0).all()


def known(power):
    rows = [("m", "pixels", n * n, 1e-6 * (n * n) ** power) for n in (50, 100, 200)]
    rows += [("m", "unknown", u, 0.1 * u**2) for u in (0.2, 0.4, 0.8)]
    rows += [("m", "photos", n, 0.5 * n) for n in (1, 2, 4)]
    return pd.DataFrame(rows, columns=["method", "axis", "at", "seconds"])


@pytest.mark.parametrize("power", [1.0, 1.5])
def test_exponents_and_the_plan_follow_the_power_law(power):
    slopes = costs.exponents(known(power)).iloc[0]
    assert (slopes["pixels"], slopes["unknown"], slopes["photos"]) == pytest.approx((power, 2, 1))
    (plan,) = costs.million(known(power), side=400, photos=1e6, cores=10).to_dict("records")
    assert plan["seconds"] == pytest.approx(1e-6 * 160_000**power)
    assert plan["core_hours"] == pytest.approx(plan["seconds"] * 1e6 / 3600)
    assert plan["hours_on_10_cores"] == pytest.approx(plan["core_hours"] / 10)


def test_a_real_methods_exponents_are_numbers(sample):
    photos = [sample.test[i] for i in range(2)] * 2
    table = costs.measure_costs([Nearest()], photos, [48, 96], [0.5, 0.8], [2, 4])
    assert np.isfinite(costs.exponents(table.assign(at=table["at"] + 0.0))["photos"]).all()
