"""What the answers to the exercises of notebook 04 must hold to."""

from __future__ import annotations

import numpy as np

from nbhelpers.course.exercises.answers import call, lacks, named_inputs
from nbhelpers.course.exercises.properties import agree, explain, holds, name_slip, numbers, same


def spread_share(theirs) -> None:
    """The spread that an error gives ground for, also of somebody who really paints means."""

    def ours(error, error_of_mean):
        return np.sqrt(np.maximum(1 - np.asarray(error, float) / error_of_mean, 0))

    with np.errstate(all="ignore"):
        agree("with no error at all it is the whole spread", theirs, ours, [(0.0, 250.0)])
        what = "with three quarters of the mean colour's error it is half of the spread"
        agree(what, theirs, ours, [(75.0, 100.0), (0.3, 0.4)])
        agree("it is the notebook's S / S_truth", theirs, ours, [(16.0, 25.0), (0.36, 1.0)])
        agree("with the mean colour's error it is 0", theirs, ours, [(250.0, 250.0)])
        agree("with an error larger than the mean colour's it is 0", theirs, ours, [(300.0, 250.0)])
        arrays = [(np.array([90.5, 50, 110]), 100.0), (np.array([[20.5, 60], [100, 5]]), np.array([[40.5], [200]]))]
        agree("it takes arrays of any shape", theirs, ours, arrays)
        for groups in (2, 5, 20):
            error, error_of_mean, share = _painted_with_means(groups)
            given = f"{groups} groups of colours, each painted with its mean"
            what = "it is the spread of somebody who paints each group of colours with its mean"
            same(what, call(theirs, error, error_of_mean), share, given)


def _painted_with_means(groups: int) -> tuple[float, float, float]:
    """(ab-MSE, that of the mean colour, spread over the truth's) of groups of colours, each painted with its mean."""
    rng = np.random.default_rng(groups)
    ab = rng.normal(0, 10, (groups, 30, 2)) + rng.normal(0, 20, (groups, 1, 2))
    painted, mean = ab.mean(axis=1, keepdims=True) + np.zeros_like(ab), ab.mean(axis=(0, 1))
    spread, whole = (np.sqrt(np.square(these - mean).sum(axis=2).mean()) for these in (painted, ab))
    return np.square(ab - painted).mean(), np.square(ab - mean).mean(), spread / whole


def boosted(theirs) -> None:
    """Boosting at any rate: each tree is fitted to what is still wrong."""
    from sklearn.tree import DecisionTreeRegressor

    from nbhelpers.rows.regressor import RowRegressor

    def ours(x, y, new, steps, rate):
        painted, known = np.tile(y.mean(axis=0), (len(new), 1)), np.tile(y.mean(axis=0), (len(x), 1))
        for _ in range(steps):
            tree = DecisionTreeRegressor(max_depth=2, random_state=0).fit(x, y - known)
            painted, known = painted + rate * tree.predict(new), known + rate * tree.predict(x)
        return painted

    def package(x, y, new, steps, rate):
        options = {"max_depth": 2, "n_estimators": steps, "learning_rate": rate, "variance": None, "random_state": 0}
        return RowRegressor("boosting", **options).fit(x, y).predict(new)

    def of_new(x, y, new, steps, rate):  # `wrong = y - painted`
        painted, wrong = np.tile(y.mean(axis=0), (len(new), 1)), y - y.mean(axis=0)
        for _ in range(steps):
            tree = DecisionTreeRegressor(max_depth=2, random_state=0).fit(x, wrong)
            painted = painted + rate * tree.predict(new)
            wrong = y - painted
        return painted

    x, y = np.array([[20.0], [60.2], [60.8]]), np.array([[10.5, -4], [20, 8.5], [45, 2]])
    new = np.array([[20.0], [65.5], [30.5]])  # as many as in x: so `y - painted` raises no error
    agree("without trees it paints the mean row", theirs, ours, [(x, y, new, 0, 0.5)])
    agree("one tree adds its rows times the rate", theirs, ours, [(x, y, new, 1, rate) for rate in (1.0, 0.5, 0.1)])
    twice = x, y, new, 2, 0.5
    what = "trees learn what is wrong at the photos `x`; `new` are others, and `painted` says nothing of `x`"
    name_slip(call(theirs, *twice), {what: of_new(*twice)}, named_inputs(theirs, twice), wanted=ours(*twice))
    more = [(x, y, new, steps, rate) for steps in (2, 3, 10) for rate in (0.5, 0.1)]
    more += [(np.arange(6.0)[:, None], np.array([[0.0], [9], [2], [30], [28.5], [50]]) * (1, -2), new / 20, 2, 0.5)]
    agree("each further tree is fitted to what is still wrong", theirs, ours, more)
    what = "with many trees the photos learned from have their colours"
    agree(what, theirs, lambda *_: y, [(x, y, x, 150, 0.1)], 1e-3)
    rng = np.random.default_rng(0)
    many = rng.uniform(0, 100, (40, 1)), rng.normal(0, 20, (40, 3)), rng.uniform(0, 100, (10, 1))
    agree("it is the package's RowRegressor", theirs, package, [(*many, 20, rate) for rate in (1.0, 0.1)], 1e-4)


def best_split(theirs) -> None:
    """The threshold of the smallest squared error, with enough photos on both sides."""

    def ours(x, y, at_least):
        order = np.argsort(x)
        x, y, best = x[order], y[order], (np.inf, np.inf)
        for k in range(at_least, len(x) - at_least + 1):
            if x[k - 1] < x[k]:
                error = np.square(y[:k] - y[:k].mean(axis=0)).sum() + np.square(y[k:] - y[k:].mean(axis=0)).sum()
                best = min(best, (error, (x[k - 1] + x[k]) / 2))
        return best[1]

    def sides(what, *inputs):
        for given in inputs:
            wanted, x, told = ours(*given), given[0], named_inputs(theirs, given)
            got = numbers("it is one threshold", call(theirs, *given), told)
            holds("it is one threshold", got.size == 1 and not np.isnan(got), told, got)
            fits = np.array_equal(x > got, x > wanted) and np.isinf(got).all() == np.isinf(wanted)
            if not fits:
                raise lacks(what, told, got.item(), wanted)

    def column(*numbers):
        return np.array(numbers, float)[:, None]

    dark_and_bright = np.array([20.0, 25, 60, 70])
    paper = dark_and_bright, column(10, 12, 30, 32), 1
    half_way, got = "the threshold lies half-way between two values", call(theirs, *paper)
    for lightness in dark_and_bright:
        name_slip(got, {half_way: lightness}, named_inputs(theirs, paper), wanted=ours(*paper))
    sides("of four photos in order it finds the best question", paper)
    sides("the photos may come in any order", (dark_and_bright[[2, 0, 3, 1]], column(30, 10, 32, 12), 1))
    by_number = np.array([0.1, 0.2, 0.3, 0.4]), column(0, 0, 5, 10), 1
    sides("a side counts with its number of photos", by_number)
    exactly = (np.array([20.0, 70]), column(10, 30), 1), (np.arange(5.0), column(0, 2, 1, 40, 41), 2)
    sides("exactly that many photos on a side are enough", *exactly)
    tied = (np.array([30.0, 30, 50]), column(0, 40, 41), 1), (np.array([5.0, 7, 7, 7, 9]), column(0, 0, 50, 50, 49), 1)
    sides("photos of the same lightness go to the same side", *tied)
    sides("where all photos have the same lightness it is infinite", (np.full(3, 40.0), column(1, 2, 30), 1))
    one_odd = np.array([10.0, 20, 30, 40]), column(50, 1, 0, 2)
    sides("each side keeps at least that many photos", (*one_odd, 2), (dark_and_bright, column(0, 0, 1, 50), 2))
    sides("where neither side can keep so many it is infinite", (np.arange(3.0), column(0, 5, 9), 2), (*one_odd, 4))
    opposite = np.array([[0.0, 20], [0, 20], [20, 0], [26, 6]])
    sides("each pixel of a row has its own mean", (dark_and_bright, opposite, 1))
    agree(half_way, theirs, ours, [paper, by_number, *tied], of=np.squeeze)
    rng = np.random.default_rng(0)
    sizes = [(n, w, m) for n in (4, 7, 30) for w in (1, 3) for m in (1, 2)] * 3
    many = [(rng.uniform(0, 100, n).round(1), rng.normal(0, 20, (n, w)).round(1), m) for n, w, m in sizes]
    sides("the squares are summed over both sides", *many)
    agree("it is the question of scikit-learn's tree", theirs, _of_sklearn, many, of=np.squeeze)


def _of_sklearn(x, y, at_least):
    """The threshold of scikit-learn's tree with one question."""
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(max_depth=1, min_samples_leaf=at_least).fit(x[:, None], y).tree_
    return tree.threshold[0] if tree.node_count > 1 else np.inf


def share_left(theirs) -> None:
    """The variance that three models leave, in a world of sums and in one of "exactly one"."""
    from nbhelpers.rows.regressor import RowRegressor

    X = np.repeat([[20.0, 20], [20, 80], [80, 20], [80, 80]], 10, axis=0)
    left, right = (X > 50).T
    worlds = {"left and right add up": 20 * left + 10 * right, "exactly one is bright": 20 * (left != right)}
    models = ("one tree of depth one", "boosting with trees of depth one", "one tree of depth two")
    why = {
        (0, 0): "it takes away the part of one pixel, and leaves the part of the other: compare their variances",
        (0, 1): "its trees may ask about different pixels, and what they say is added up",
        (0, 2): "it asks about the second pixel on each side of the first question",
        (1, 0): "on each side of any question about one pixel, half of the photos have either colour",
        (1, 1): "more of the same trees are a sum of answers about one pixel each, and that is all they can say",
        (1, 2): "on each side of its first question, one more question settles the colour",
    }
    fits = isinstance(theirs, dict) and set(theirs) == set(worlds)
    holds(f"it has one line for each world: {' and '.join(map(repr, worlds))}", fits, got=theirs)
    for i, (world, b) in enumerate(worlds.items()):
        mine = numbers(f"{world!r} has three numbers", theirs[world])
        holds(f"{world!r} has three numbers", mine.shape == (3,), got=theirs[world])
        holds("a share lies from 0 to 1", ((mine >= 0) & (mine <= 1)).all(), f"{world!r}", mine)
        for j, (kind, depth) in enumerate((("tree", 1), ("boosting", 1), ("tree", 2))):
            model = RowRegressor(kind, max_depth=depth, n_estimators=100, random_state=0).fit(X, b.astype(float))
            there = np.square(b - model.predict(X)).mean() / b.var()
            way = "less" if there < mine[j] else "more"
            explain(
                abs(mine[j] - there) <= 0.04, f"{models[j]}, where {world!r}: it leaves {way} than that; {why[i, j]}"
            )
