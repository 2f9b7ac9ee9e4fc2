"""What the answers to the exercises of notebook 07 must hold to."""

from __future__ import annotations

from itertools import product
from numbers import Real

import numpy as np
from scipy import stats

from nbhelpers.course.exercises.answers import Unmet, call, written
from nbhelpers.course.exercises.properties import agree, holds, same
from nbhelpers.evaluation.statistics import bootstrap_interval, holm


def two_winners(theirs) -> None:
    """Errors of which one method has the smaller mean, and the other wins on most photos."""
    form = "it is two lists of errors, of the same photos"
    try:
        one, other = (np.asarray(errors, float) for errors in theirs)
    except (TypeError, ValueError):
        raise Unmet(form) from None
    holds(form, one.ndim == 1 and one.shape == other.shape, f"{one.size} and {other.size} errors")
    holds("no error is negative or infinite: each is a mean of squares", np.isfinite([one, other]).all(), got=theirs)
    holds("no error is negative: each is a mean of squares", min(one.min(initial=0), other.min(initial=0)) >= 0)
    wins = f"`other` is better on more than half of the photos (it is on {(other < one).sum()} of {len(one)}"
    holds(f"{wins}; a tie is no win)", (other < one).sum() > len(one) / 2)
    means = f"`one` has the smaller mean error (it has {written(one.mean())}, `other` {written(other.mean())})"
    holds(means, one.mean() < other.mean() - 1e-9)


def _interval(gap, level):
    """Of the mean difference, by our own drawing."""
    counts = np.random.default_rng(1).multinomial(len(gap), np.full(len(gap), 1 / len(gap)), 50_000)
    return np.quantile(counts @ gap / len(gap), [(1 - level) / 2, (1 + level) / 2])


def paired_interval(theirs) -> None:
    """A percentile bootstrap interval of a mean paired difference."""

    def asked(one, other, resamples, level, seed=0):
        one, other = np.array(one, float), np.array(other, float)
        got = call(theirs, one, other, np.random.default_rng(seed), resamples, level)
        given = f"one = {written(one)}, other = {written(other)}" if one.size < 17 else f"{one.size} photos"
        given = f"{given}, resamples = {resamples}, level = {level}"
        try:
            numbers = np.asarray(got, float)
        except (TypeError, ValueError):
            numbers = np.empty(0)
        holds("it is two numbers, low and high", numbers.shape == (2,), given, got)
        return numbers, given

    def ends(what, one, other, wanted, resamples=4000, level=0.95, apart=1e-4):
        got, given = asked(one, other, resamples, level)
        if not np.allclose(got, wanted, rtol=0, atol=apart):
            about = " (but for the luck of the draw)" if apart > 1e-4 else ""
            raise Unmet(f"{what}{about}", given, got, np.array(wanted))

    ends("of one photo both ends are its difference, one minus other", [5], [3], (2, 2), 100)
    constant = "the same photos are drawn for both: a difference that is always the same has an interval of no width"
    ends(constant, [1, 2], [4, 5], (-3, -3), 100)
    ends(constant, [1, 50, 900], [0, 49, 899], (1, 1), 100)
    two = [1, 0], [0, 0]
    got, given = asked(*two, 400, 0.95)
    unit = "low and high are percentiles of the means: np.percentile counts them from 0 to 100, np.quantile from 0 to 1"
    holds(unit, np.ptp(got) > 0 or got[0] != 0, given, got)
    holds("photos are drawn with replacement, each as likely as any, so the means differ", np.ptp(got) > 0, given, got)
    holds("low comes first, then high", got[0] <= got[1], given, got)
    quarter = "each new set of photos has one mean (of two photos, a quarter of the sets has the first twice, and a "
    ends(f"{quarter}quarter the second)", *two, (0, 1), 400)
    got, given = asked([0, 1, 5, 9], [0, 0, 0, 0], 1, 0.95)
    holds("there are as many new sets as resamples says: of a single one both ends are its mean", np.ptp(got) < 1e-4,
          given, got)  # fmt: skip
    one, other = np.random.default_rng(0).gamma(2, 100, (2, 30))
    gap = one - other
    error = gap.std() / np.sqrt(len(gap))  # the ends of another 4,000 resamples differ by some hundredths of it
    (wide, _), (narrow, given) = asked(one, other, 4000, 0.95), asked(one, other, 4000, 0.9)
    told = f"the interval is narrower at the level 0.9 than at 0.95 (where it is {written(wide)})"
    holds(told, np.ptp(narrow) < 0.95 * np.ptp(wide), given, narrow)
    ends("each new set has as many photos as there are", [0, 0, 1], [0, 0, 0], (0, 2 / 3), 10_000, 0.9)
    for level in (0.5, 0.8, 0.95):
        what = "between the ends lies as much as level says, and what is left out lies half at each end"
        ends(what, one, other, _interval(gap, level), level=level, apart=0.2 * error)
    ends("it is what statistics.bootstrap_interval gives for one - other", one, other, bootstrap_interval(gap),
         apart=0.3 * error)  # fmt: skip
    (first, given), (again, _), (another, _) = (asked(one, other, 50, 0.8, seed) for seed in (0, 0, 1))
    luck = "the luck comes from rng: generators of the same seed give the same interval, of another seed another"
    holds(luck, np.allclose(first, again) and not np.allclose(first, another), given)


def chosen_fairly(theirs) -> None:
    """A choice on kept-out photos, and its error on test photos."""

    def ours(kept_out, test):
        best = int(kept_out.mean(axis=0).argmin())
        return best, test[:, best].mean()

    def at(kept_out, test):
        return [(np.array(kept_out, float), np.array(test, float))]

    def choice(result):
        return result[0]

    form = "it gives two results: the number of the candidate, and its mean error on the test photos"
    agree(form, theirs, ours, at([[5]], [[7]]))
    agree("the candidate with the smallest mean error is chosen", theirs, ours, at([[1, 2]], [[1, 2]]), of=choice)
    agree("the test photos have no say in the choice", theirs, ours, at([[1, 2]], [[9, 3]]), of=choice)
    reported = "the reported error is the chosen candidate's, over all test photos and no others"
    agree(reported, theirs, ours, at([[1, 2]], [[9, 3]]) + at([[1, 2]], [[3, 1], [5, 9]]))
    mean = "the choice is by the mean over all kept-out photos"
    agree(mean, theirs, ours, at([[1, 2], [1, 2], [9, 3]], [[3, 4]]), of=choice)
    rng = np.random.default_rng(0)
    luck = [(rng.normal(100, 30, (n, k)), rng.normal(100, 30, (m, k))) for n, m, k in ((2, 4, 3), (9, 5, 20))]
    agree("the test photos have no say in the choice", theirs, ours, luck, of=choice)
    agree(reported, theirs, ours, luck)


def peeking(theirs) -> None:
    """How many of 100 studies find something that is not there, if they look after every 10 photos."""
    luck = np.random.default_rng(0).normal(0, 1, (1000, 200))
    found = [stats.ttest_1samp(luck[:, :n], 0, axis=1).pvalue < 0.05 for n in range(10, 201, 10)]
    happened = 100 * np.any(found, axis=0).mean()
    real = isinstance(theirs, Real) and not isinstance(theirs, bool)
    holds("the prediction is a number, from 0 to 100", real and 0 <= theirs <= 100, got=theirs)
    holds("it says how many of 100 studies, not a share of 1", not 0 < theirs < 1, got=theirs)
    low = "it happens more often than that: each of the looks is one more chance for luck, and one lucky look is enough"
    holds(low, theirs >= happened / 1.5, got=theirs)
    high = "it happens less often than that: a look has all the photos of the look before it, so that many looks are "
    holds(high + "far from being as many independent chances", theirs <= happened * 1.5, got=theirs)


def adjusted_p(theirs) -> None:
    """Holm's adjusted p-values."""

    def ours(p):
        order, adjusted = np.argsort(p), np.empty(len(p))
        adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)).clip(max=1)
        return adjusted

    def at(*p):
        return [(np.array(p),)]

    agree("one comparison needs no correction", theirs, ours, at(0.03))
    agree("the smallest is multiplied by their number, the next by one less", theirs, ours, at(0.01, 0.04))
    agree("once one fails at a level, each larger one fails, too", theirs, ours, at(0.02, 0.021))
    agree("it is never above 1", theirs, ours, at(0.6, 0.7))
    agree("each stands where its p-value stood", theirs, ours, at(0.04, 0.01) + at(0.3, 0.001, 0.02))
    rng = np.random.default_rng(0)
    some = [(rng.uniform(0, 1, size) ** 3,) for size in (3, 10, 100)]
    agree("it is the smallest level at which Holm's method says yes", theirs, ours, some)
    for (p,), level in product(some, (0.01, 0.05, 0.3)):
        said = (np.asarray(call(theirs, p)) <= level).astype(int)
        same(f"at the level {level} it says what statistics.holm says", said, holm(p, level).astype(int), written(p))
