"""Which differences are significant: p-values against SciPy's, Holm's correction against published examples."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nbhelpers.evaluation.statistics import FEW, apart, holm, p_of_interval, paired, significant

# Benjamini and Hochberg 1995, section 4: fifteen p-values, of which corrections for any false rejection keep three.
MYOCARDIAL = (0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
              0.7590, 1.0)  # fmt: skip


def scores(errors):
    """One table of errors (photos, methods); methods are m0, m1, ..."""
    photos, methods = errors.shape
    names = np.repeat([f"m{i}" for i in range(methods)], photos)
    found = {"photo": np.tile(np.arange(photos), methods), "method": names, "ab_mse": errors.T.ravel()}
    return pd.DataFrame(found | {"converged": True})


@pytest.mark.parametrize(
    ("p", "rejected"),
    [
        (MYOCARDIAL, 3),
        ((0.01, 0.04, 0.03, 0.005), 2),
        ((0.05,), 1),
        ((0.0501,), 0),
        ((0.03, 0.03), 0),  # the larger of two alone would pass
        ((0.025, 0.05), 2),
        ((), 0),
    ],
)
def test_holm_rejects_what_the_publications_reject(p, rejected):
    shuffled = np.random.default_rng(0).permutation(p)
    found = holm(shuffled)
    assert found.sum() == rejected
    assert sorted(shuffled[found]) == sorted(p)[:rejected]


def test_p_is_that_of_the_paired_t_test():
    errors = np.random.default_rng(0).lognormal(5, 1, (30, 3))
    gaps = paired(scores(errors))
    for row in gaps.itertuples():
        ours, other = errors[:, int(row.method[1])], errors[:, int(row.other[1])]
        assert row.p == pytest.approx(stats.ttest_rel(ours, other).pvalue, rel=1e-9)


def test_differences_that_do_not_vary_have_a_p_too():
    errors = np.tile(np.arange(12.0)[:, None], 3) + (0, 0, 5)
    assert paired(scores(errors))["p"].tolist() == [1, 0, 0]
    assert np.isnan(paired(scores(errors[:1]))["p"]).all()


def test_rounding_is_a_tie_and_no_win():
    noise = np.random.default_rng(0).uniform(1e-9, 5e-7, 12)
    errors = np.column_stack([np.full(12, 250.0), 250 - noise, 250 - np.where(np.arange(12) < 3, 1e-3, noise)])
    gaps = paired(scores(errors), against="m0").set_index("method")
    assert gaps.loc["m1", ["difference", "low", "high", "p", "better"]].tolist() == [0, 0, 0, 1, 0]
    assert gaps.loc["m2", "better"] == 0.25 and gaps.loc["m2", "difference"] == pytest.approx(-0.25e-3)
    assert significant(gaps).tolist() == [0, 0]


def test_few_photos_are_never_significant():
    errors = np.array([1.0, 9.0]) + np.random.default_rng(0).normal(0, 0.01, (FEW, 2))
    assert FEW == 10
    assert significant(paired(scores(errors))).tolist() == [1]
    assert significant(paired(scores(errors[: FEW - 1]))).tolist() == [0]


def test_pairs_are_corrected_for_their_number_and_those_of_few_photos_do_not_count():
    gaps = pd.DataFrame(
        {"difference": [-1.0, 2.0, 3.0, -4.0], "p": [0.02, 0.001, 0.04, 0.0], "photos": [20, 20, 20, 9]}
    )
    assert significant(gaps).tolist() == [-1, 1, 1, 0]
    assert significant(gaps.assign(photos=20)).tolist() == [-1, 1, 1, -1]
    assert significant(gaps.assign(p=[0.03, 0.001, 0.04, 0.0])).tolist() == [0, 1, 0, 0]
    assert significant(gaps.iloc[[2]]).tolist() == [1]
    assert significant(gaps.iloc[:0]).tolist() == []
    assert significant(gaps, level=0.0005).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("photos", [12, 100])
def test_equal_methods_seldom_differ_significantly(photos):
    """136 pairs of 17 methods that are all the same: their errors are skewed, and hard photos are hard for all."""
    found, pairs = [], np.triu_indices(17, 1)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        errors = rng.lognormal(5, 1, (photos, 1)) * rng.lognormal(0, 0.5, (photos, 17))
        gaps = errors[:, pairs[0]] - errors[:, pairs[1]]
        p = stats.ttest_1samp(gaps, 0).pvalue
        table = pd.DataFrame({"difference": gaps.mean(axis=0), "p": p, "photos": photos})
        found.append(significant(table).any())
        if seed < 1:  # the p-values are those that `paired` gives
            whole = paired(scores(errors[:, :3]))["p"]
            assert whole.tolist() == pytest.approx([p[0], p[1], p[16]])
    assert np.mean(found) < 0.08


def test_a_small_but_steady_difference_among_many_pairs_is_found():
    rng = np.random.default_rng(0)
    errors = rng.lognormal(5, 1, (100, 17)) + 0.0
    errors[:, 1] = errors[:, 0] * rng.normal(0.9, 0.05, 100)
    gaps = paired(scores(errors), against="m0")
    assert significant(gaps).tolist() == [-1] + [0] * 15


def test_a_few_enormous_differences_do_not_hide_that_all_have_one_sign():
    gap = np.r_[np.linspace(1, 2, 29), 1e9]
    rows = [("worse", photo, 5 + value) for photo, value in enumerate(gap)] + [
        ("best", photo, 5.0) for photo in range(30)
    ]
    scores = pd.DataFrame(rows, columns=["method", "photo", "ab_mse"]).assign(converged=True)
    found = paired(scores, against="best")
    assert found["p"].item() == 2.0**-29 and significant(found).tolist() == [1]
    scores.loc[0, "ab_mse"] = 4.0  # one of the other sign: the t-test alone
    assert paired(scores, against="best")["p"].item() > 0.3


def test_the_p_of_an_interval_is_the_one_that_its_ends_say():
    assert p_of_interval(1.96, 0.0, 3.92) == pytest.approx(0.05, abs=1e-4)  # just excludes 0
    assert p_of_interval(-1.96, -3.92, 0.0) == pytest.approx(0.05, abs=1e-4)
    assert p_of_interval(0.0, -1.0, 1.0) == 1
    assert (p_of_interval(0.0, 0.0, 0.0), p_of_interval(2.0, 2.0, 2.0)) == (1, 0)
    assert np.isnan(p_of_interval(1.0, np.nan, 2.0))


def test_the_p_of_a_paired_interval_is_near_the_tests():
    gap = np.random.default_rng(0).normal(0.15, 1, 700)
    scores = pd.concat([pd.DataFrame({"photo": range(700), "method": name, "ab_mse": values, "converged": True})
                        for name, values in (("a", 9 + 0 * gap), ("b", 9 + gap))])  # fmt: skip
    (row,) = paired(scores).to_dict("records")
    found = p_of_interval(row["difference"], row["low"], row["high"])
    assert 0.3 < np.log(found) / np.log(row["p"]) < 3 and row["p"] < 0.05 > found


def test_means_of_which_only_intervals_are_known_are_compared_as_if_independent():
    one = {"mean": 10.0, "low": 7.0, "high": 13.0, "photos": 50}
    other = {"mean": 4.0, "low": 0.0, "high": 8.0, "photos": 40}
    gap = apart(one, other)
    assert (gap["difference"], gap["low"], gap["high"], gap["photos"]) == (6, 1, 11, 40)  # 5 is the root of 3 and 4
    assert gap["p"] == pytest.approx(2 * stats.norm.sf(6 / (5 / 1.96)))
    assert apart(other, one)["difference"] == -6


def test_a_difference_of_equal_means_is_found_in_one_of_twenty():
    """Equal means, each with the interval of its own photos: p < 0.05 in about 5 % of the tries."""
    draws = np.random.default_rng(1).normal(0, 1, (2, 400, 60))
    half = 1.96 * draws.std(axis=2, ddof=1) / np.sqrt(60)
    means = draws.mean(axis=2)
    lines = [[{"mean": m, "low": m - h, "high": m + h, "photos": 60} for m, h in zip(*each)]
             for each in zip(means, half)]  # fmt: skip
    p = np.array([apart(one, other)["p"] for one, other in zip(*lines)])
    assert 0.02 < (p < 0.05).mean() < 0.09
