"""What the answers to the exercises of notebook 07 must hold to."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import stats

from nbhelpers.course.exercises.answers import as_array, call, lacks, written
from nbhelpers.course.exercises.properties import agree, explain, holds, name_slip, number, numbers, same
from nbhelpers.evaluation.statistics import bootstrap_interval, holm


def two_winners(theirs) -> None:
    """Errors of which one method has the smaller mean, and the other wins on most photos."""
    form = "it is two lists of errors, of the same photos"
    theirs = as_array(theirs) if hasattr(theirs, "detach") else theirs
    holds(form, isinstance(theirs, (tuple, list, np.ndarray)) and len(theirs) == 2, got=theirs)
    one, other = (numbers(form, errors) for errors in theirs)
    holds(form, one.ndim == 1 and one.shape == other.shape, f"{one.size} and {other.size} errors")
    fine = np.isfinite([one, other]).all() and min(one.min(initial=0), other.min(initial=0)) >= 0
    holds("no error is negative or infinite: each is a mean of squares", fine, got=theirs)
    wins = f"`other` is better on more than half of the photos (it is on {(other < one).sum()} of {len(one)}"
    holds(f"{wins}; a tie is no win)", (other < one).sum() > len(one) / 2)
    means = f"`one` has the smaller mean error (it has {written(one.mean())}, `other` {written(other.mean())})"
    holds(means, one.mean() < other.mean() - 1e-9)


def _interval(gap, level):
    """Of the mean difference, by our own drawing."""
    counts = np.random.default_rng(1).multinomial(len(gap), np.full(len(gap), 1 / len(gap)), 50_000)
    return np.quantile(counts @ gap / len(gap), [(1 - level) / 2, (1 + level) / 2])


def _ends(theirs, one, other, resamples, level=0.95, seed=0):
    """The two ends that an answer gives, and its input for a message."""
    one, other = np.array(one, float), np.array(other, float)
    got = call(theirs, one, other, np.random.default_rng(seed), resamples, level)
    given = f"one = {written(one)}, other = {written(other)}" if one.size < 17 else f"{one.size} photos"
    given = f"{given}, resamples = {resamples}, level = {level}"
    ends = numbers("it is two numbers, low and high", got, given)
    holds("it is two numbers, low and high", ends.shape == (2,), given, got)
    return ends, given


def _exact_ends(theirs) -> None:
    """What an interval is where one can count it on one's fingers."""
    two, five = ([1, 0], [0, 0]), ([0, 0, 0, 0, 1], [0] * 5)
    same("of one photo both ends are its difference, one minus other", *_told(theirs, [5.5], [3], 100, (2.5, 2.5)))
    constant = "where the difference is the same on all photos the interval has no width"
    same(constant, *_told(theirs, [1, 2], [4, 5], 100, (-3, -3)))
    same(constant, *_told(theirs, [1, 50, 900], [0, 49, 899], 100, (1, 1)))
    got, given = _ends(theirs, *two, 400)
    unit = "low and high are percentiles of the means: np.percentile counts them from 0 to 100, np.quantile from 0 to 1"
    holds(unit, np.ptp(got) > 0 or got[0] != 0, given, got)
    holds("photos are drawn with replacement, each as likely as any, so the means differ", np.ptp(got) > 0, given, got)
    holds("low comes first, then high", got[0] <= got[1], given, got)
    quarter = "each new set of photos has one mean (a quarter of the sets has one photo twice, a quarter the other)"
    same(quarter, *_told(theirs, *two, 400, (0, 1)))
    got, given = _ends(theirs, [0, 1, 5, 9], [0, 0, 0, 0], 1)
    luck = "there are as many new sets as resamples says: of a single one both ends are its mean"
    holds(luck, np.ptp(got) < 1e-4, given, got)
    ends = _told(theirs, *five, 10_000, (0, 0.6))
    slips = {
        "what counts is the mean of each new set, not its median": (0, 1),
        "the ends are percentiles of the means as they are, not mirrored at the mean difference": (-0.2, 0.4),
    }
    name_slip(ends[0], {what: np.array(slip) for what, slip in slips.items()}, ends[2], wanted=ends[1])
    same("each new set has as many photos as there are", *ends)
    follow = "the ends follow `level`: at 0.9 they are the percentiles 5 and 95"
    same(follow, *_told(theirs, [0, 0, 1], [0] * 3, 10_000, (0, 2 / 3), 0.9))


def _told(theirs, one, other, resamples, wanted, level=0.95):
    """What `same` compares."""
    got, given = _ends(theirs, one, other, resamples, level)
    return got, np.array(wanted, float), given, 1e-4


def paired_interval(theirs) -> None:
    """A percentile bootstrap interval of a mean paired difference."""
    _exact_ends(theirs)
    one, other = np.random.default_rng(0).gamma(2, 100, (2, 30))
    gap = one - other
    error = gap.std() / np.sqrt(len(gap))  # the ends of another 4,000 resamples differ by some hundredths of it
    (wide, _), (narrow, given) = _ends(theirs, one, other, 4000), _ends(theirs, one, other, 4000, 0.9)
    told = f"the interval is narrower at the level 0.9 than at 0.95 (where it is {written(wide)})"
    holds(told, np.ptp(narrow) < 0.95 * np.ptp(wide), given, narrow)
    share = "between the ends lies as much as level says, and what is left out lies half at each end"
    cases = [(share, level, _interval(gap, level), 0.2) for level in (0.5, 0.8, 0.95)]
    cases.append(("it is what statistics.bootstrap_interval gives for one - other", 0.95, bootstrap_interval(gap), 0.3))
    for what, level, wanted, apart in cases:
        got, given = _ends(theirs, one, other, 4000, level)
        if not np.allclose(got, wanted, rtol=0, atol=apart * error):
            raise lacks(f"{what} (but for the luck of the draw)", given, got, np.array(wanted))
    (first, given), (again, _), (another, _) = (_ends(theirs, one, other, 50, 0.8, seed) for seed in (0, 0, 1))
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
    agree("with other test photos the choice stays", theirs, ours, at([[1, 2]], [[9, 3]]), of=choice)
    reported = "the reported error is the chosen candidate's, over all test photos and no others"
    agree(reported, theirs, ours, at([[1, 2]], [[9, 3]]) + at([[1, 2]], [[3, 1], [5, 9]]))
    mean = "the choice is by the mean over all kept-out photos"
    agree(mean, theirs, ours, at([[1, 2], [1, 2], [9, 3]], [[3, 4]]), of=choice)
    rng = np.random.default_rng(0)
    sizes = (1, 2, 2), (9, 5, 20)
    luck = [tuple(rng.normal(100, 30, (photos, k)).round(1) for photos in (n, m)) for n, m, k in sizes]
    agree("with other test photos the choice stays", theirs, ours, luck, of=choice)
    agree(reported, theirs, ours, luck)


def peeking(theirs) -> None:
    """How many of 100 studies find something that is not there, if they look after every 10 photos."""
    luck = np.random.default_rng(0).normal(0, 1, (1000, 200))
    found = [stats.ttest_1samp(luck[:, :n], 0, axis=1).pvalue < 0.05 for n in range(10, 201, 10)]
    happened = 100 * np.any(found, axis=0).mean()
    form = "the prediction is a number, from 0 to 100"
    said = number(form, theirs)
    holds(form, 0 <= said <= 100, got=theirs)
    holds("it says how many of 100 studies, not a share of 1", not 0 < said < 1, got=theirs)
    low = "it happens more often than that: each of the looks is one more chance for luck, and one lucky look is enough"
    explain(said >= happened / 1.4, low)
    high = "it happens less often than that: a look has all the photos of the look before it, so that many looks are "
    explain(said <= happened * 1.35, high + "far from being as many independent chances")


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
