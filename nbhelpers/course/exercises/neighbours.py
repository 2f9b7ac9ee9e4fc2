"""What the answers to the exercises of notebook 02 must hold to."""

from __future__ import annotations

import numpy as np

from nbhelpers.course.exercises.answers import call, written
from nbhelpers.course.exercises.properties import agree, explain, holds, numbers, same


def window_features(theirs) -> None:
    """The 25 features of the middle pixel of a window."""
    from nbhelpers.linear import neighbours

    nine = np.arange(1.5, 10).reshape(3, 3)
    for window in (
        np.dstack([nine, nine + 10, nine + 20]),
        np.random.default_rng(0).uniform(-100, 100, (3, 3, 3)).round(1),
    ):
        planes = window.reshape(9, 3).T
        given = f"the planes, by rows, L* = {written(planes[0])}, a* = {written(planes[1])}, b* = {written(planes[2])}"
        got = numbers("it is one line of 25 numbers", call(theirs, window), "window = an array (3, 3, 3)", (25,))
        right = neighbours.features(window)[0]
        same("its first 8 are L* of the eight neighbours, without the middle", got[:8], right[:8], given)
        same("after all L* come a* of the eight neighbours", got[8:16], right[8:16], given)
        same("after all a* come b* of the eight neighbours", got[16:24], right[16:24], given)
        same("its last is the middle pixel's own L*", got[24], right[24], given)


def _triple(rows):
    """Count, mean and scatter of rows (n, k), and their text."""
    if not len(rows):
        return 0, np.full(rows.shape[1], np.nan), np.zeros((rows.shape[1],) * 2)
    centred = rows - rows.mean(axis=0)
    return len(rows), rows.mean(axis=0), centred.T @ centred


def merge_all(theirs) -> None:
    """Count, mean and scatter of all rows, from those of parts."""
    from nbhelpers.linear import neighbours

    def check(what, parts, number, far=0.0):
        rows = [np.atleast_2d(np.asarray(part, float).T).T + far for part in parts]
        given = " and ".join(written(part) for part in parts) + (", each a part" if len(parts) > 1 else ", one part")
        given += f", each number {far:.0f} larger" if far else ""
        got, given = call(theirs, [_triple(part) for part in rows]), f"the rows {given},"
        three = isinstance(got, (tuple, list)) and len(got) == 3
        holds("it returns three things: count, mean and scatter", three, given, got)
        wanted = _triple(np.concatenate(rows))[number]
        name = ("count", "mean", "scatter")[number]
        numbers(f"the {name} has the shape that those of the parts have", got[number], given, np.shape(wanted))
        same(what, got[number], wanted, given)

    rng = np.random.default_rng(0)
    one, two, three = np.array([1.0, 3]), np.array([5.0, 7, 9]), np.array([4.0])
    check("its count is that of all rows", [one, two], 0)
    check("its mean counts a part with more rows for more", [one, two], 1)
    check("its scatter is around the common mean", [one, two], 2)
    for number in range(3):
        check("one part alone stays as it is", [two], number)
        check("three parts work like two", [one, two, three], number)
        check("an empty part, whose mean is NaN, changes nothing", [one, np.array([]), two], number)
        check("an empty part may come first", [np.array([]), one, two], number)
    wide = [rng.normal(size=(n, 2)).round(1) for n in (2, 3)]
    check("with two columns the scatter holds their products too (np.outer)", wide, 2)
    for far in (1e6, 1e7 / 3):
        check("far from zero it keeps its digits", wide, 2, far)
    photos = [neighbours.NeighbourStatistics.of(rng.uniform(0, 90, (size, size, 3))) for size in (3, 5, 9)]
    got = call(theirs, [(photo.rows, photo.mean, photo.moments) for photo in photos])
    total = photos[0] + photos[1] + photos[2]
    wanted = (total.rows, total.mean, total.moments)
    same("it is the sum that the package makes", got, wanted, "three photos of 3, 5 and 9 pixels square")


WORDS = ("nearer to 0", "the same", "farther from 0")
MISSING = {
    "ols": "what of its loss changes, but for a factor, when every row comes ten times?",
    "ridge": "which of the two parts of its loss grows with the rows?",
    "lasso": "does the part of its loss that looks at the rows grow with them?",
}


def ten_times(theirs) -> None:
    """What ten copies of each row do to a weight."""
    from sklearn.linear_model import Lasso, LinearRegression, Ridge

    x, y = np.array([[0.0], [1], [2]]), np.array([0.0, 2, 4])
    mine = {str(key).strip().lower(): value for key, value in theirs.items()} if isinstance(theirs, dict) else {}
    holds(f"a dict with the keys {', '.join(MISSING)}", set(mine) == set(MISSING), got=theirs)
    for (name, why), estimator in zip(MISSING.items(), (LinearRegression(), Ridge(alpha=1), Lasso(alpha=1))):
        once = estimator.fit(x, y).coef_[0]
        more = estimator.fit(np.repeat(x, 10, axis=0), np.repeat(y, 10)).coef_[0]
        right = WORDS[1] if np.isclose(once, more, rtol=1e-6) else WORDS[2] if abs(more) > abs(once) else WORDS[0]
        said = str(mine[name]).strip().lower()
        listed = ", ".join(f'"{word}"' for word in WORDS)
        holds(f"each value is one of {listed}", said in WORDS, name, mine[name])
        explain(said == right, f'in the experiment the weight of "{name}" is not {said}: {why}')


def standardized_guesses(theirs) -> None:
    """Ridge on standardized features, none of whose statistics come from the test photos."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def ours(train_X, train_y, test_X, alpha):
        return make_pipeline(StandardScaler(), Ridge(alpha=alpha)).fit(train_X, train_y).predict(test_X)

    rng = np.random.default_rng(0)
    X, y = np.array([[0.0], [2], [4]]), np.array([0.0, 2, 4])
    for test in (np.array([[1.0], [50]]), np.array([[3.0], [-7], [90]])):
        given = f"train_X = [0, 2, 4] and test_X = {written(test.ravel())}"
        what = "there is one guess for each test pixel"
        alone, beside = (numbers(what, call(theirs, X, y, some, 1.0), given).ravel() for some in (test[:1], test))
        holds(what, (alone.size, beside.size) == (1, len(test)), given, beside)
        why = "a test pixel's guess depends on the other test pixels: for train_X = [0, 2, 4] the test pixel "
        why += f"{written(test[0])} gets {written(alone[0])} alone, and {written(beside[0])} in a list with "
        explain(np.isclose(alone[0], beside[0], rtol=1e-5, atol=1e-5), why + written(test[1:].ravel()))
    inputs = [(X, y, np.array([[1.0]]), 1.0)]
    for n, k, tests in ((3, 2, 1), (40, 5, 4)):
        rows, more = (rng.normal(3, 2, (m, k)).round(1) * np.arange(1, k + 1) for m in (n, tests))
        parts = rows, rng.normal(size=n).round(1), more
        inputs += [(*parts, 1.0), (*parts, 10.0)]
    agree("it is scikit-learn's StandardScaler and Ridge, both fitted to the training rows", theirs, ours, inputs, 1e-5)
    level = np.column_stack([X, np.full(3, 7.0)])
    inputs = [(level, y, np.array([[1.0, 7]]), 1.0)]
    agree("a feature that never varies does no harm", theirs, ours, inputs, 1e-5)


def keeping_weights(theirs) -> None:
    """The best weights among those that sum to 1."""
    from nbhelpers.linear import neighbours

    rng = np.random.default_rng(0)
    problems = [(np.eye(2), [0.5, 0.1]), (np.diag([2.0, 1]), [1.0, 0]), (np.array([[2.0, 1], [1, 1]]), [1.0, 2])]
    for n in (3, 8, 8):
        rows = rng.normal(size=(4 * n, n)) + 2 * rng.normal(size=(4 * n, 1))  # alike, as neighbours are
        G, c = rows.T @ rows / len(rows), rows.T @ rng.normal(rows.mean(axis=1), 1) / len(rows)
        problems.append((G.round(1), c.round(1)) if n == 3 else (G, c))
    for G, c in problems:
        _best(theirs, G, np.array(c), "other weights that sum to 1 have a smaller error")
    G = problems[3][0]
    _best(theirs, G, G @ [0.5, 0.3, 0.2], "OLS sums to 1 by itself here, and is the best")
    X = rng.normal(size=(200, 25)) + rng.normal(size=(200, 1))
    y = X[:, 8:16].mean(axis=1) + rng.normal(0, 0.1, 200)
    package, eight = neighbours.SumToOne().fit(X, y).coef_[8:16], X[:, 8:16]
    assert (package > 0).all()
    got = call(theirs, eight.T @ eight / 200, eight.T @ y / 200)
    same("where none of its weights is negative it is the package's sum-to-one", got, package, "200 rows", 1e-3)


def _best(theirs, G, c, what) -> None:
    """No other weights that sum to 1 have a smaller error, but for rounding."""
    given = f"G = {written(G)}, c = {written(c)}"
    w = numbers("it has one weight for each feature", call(theirs, G, c), given, c.shape)
    same("its weights sum to 1", w.sum(), 1.0, given, 1e-6)
    free, even = np.linalg.solve(G, np.column_stack([c, np.ones(len(c))])).T
    best = free + even * (1 - free.sum()) / even.sum()
    more = (w - best) @ G @ (w - best)  # by which the error is larger
    found = f"the best are {written(best)}, yours {written(w)}, and the errors differ by {more:.2g}"
    explain(more <= 1e-6 * max(1e-9, best @ G @ best), f"{what}: for {given} {found}")
