"""What the answers to the exercises of notebook 02 must hold to."""

from __future__ import annotations

import numpy as np

from nbhelpers.course.exercises.answers import Unmet, call, written
from nbhelpers.course.exercises.properties import agree, holds, numbers, same


def window_features(theirs) -> None:
    """The 25 features of the middle pixel of a window."""
    from nbhelpers.linear import neighbours

    nine = np.arange(1.0, 10).reshape(3, 3)
    for window in (
        np.dstack([nine, nine + 10, nine + 20]),
        np.random.default_rng(0).uniform(-100, 100, (3, 3, 3)).round(1),
    ):
        planes = window.reshape(9, 3).T
        given = f"the planes, by rows, L* = {written(planes[0])}, a* = {written(planes[1])}, b* = {written(planes[2])}"
        got = numbers("it is one line of 25 numbers", call(theirs, window), given)
        right = neighbours.features(window)[0]
        holds("it is one line of 25 numbers", got.shape == (25,), f"{given} (its shape is {got.shape})")
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
        got = call(theirs, [_triple(part) for part in rows])
        holds("it returns three things: count, mean and scatter", isinstance(got, (tuple, list)) and len(got) == 3)
        same(what, got[number], _triple(np.concatenate(rows))[number], f"the rows {given}")

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
    check("with two columns the scatter holds their products too", wide, 2)
    for far in (1e6, 1e7 / 3):
        check("far from zero it keeps its digits", wide, 2, far)
    photos = [neighbours.NeighbourStatistics.of(rng.uniform(0, 90, (size, size, 3))) for size in (3, 5, 9)]
    got = call(theirs, [(photo.rows, photo.mean, photo.moments) for photo in photos])
    total = photos[0] + photos[1] + photos[2]
    wanted = (total.rows, total.mean, total.moments)
    same("it is the sum that the package makes", got, wanted, "three photos of 3, 5 and 9 pixels square")


WORDS = ("nearer to 0", "the same", "farther from 0")
MISSING = {
    "ols": "OLS has no penalty: what of its loss changes, up to a factor, when every row comes ten times",
    "ridge": "Ridge adds its penalty once, to the sum of squares: which of the two grows with the rows",
    "lasso": "scikit-learn's Lasso charges its penalty to the mean of squares: does a mean count them",
}


def ten_times(theirs) -> None:
    """What ten copies of each row do to a weight."""
    from sklearn.linear_model import Lasso, LinearRegression, Ridge

    x, y = np.array([[0.0], [1], [2]]), np.array([0.0, 2, 4])
    if not isinstance(theirs, dict) or set(theirs) != set(MISSING):
        raise Unmet(f"it is a dict with the keys {', '.join(MISSING)}")
    for (name, why), estimator in zip(MISSING.items(), (LinearRegression(), Ridge(alpha=1), Lasso(alpha=1))):
        once = estimator.fit(x, y).coef_[0]
        more = estimator.fit(np.repeat(x, 10, axis=0), np.repeat(y, 10)).coef_[0]
        right = WORDS[1] if np.isclose(once, more, rtol=1e-6) else WORDS[2] if abs(more) > abs(once) else WORDS[0]
        said = str(theirs[name]).strip().lower()
        listed = ", ".join(f'"{word}"' for word in WORDS)
        holds(f"each value is one of {listed}: {name}'s is {written(theirs[name])}", said in WORDS)
        holds(f"{name}'s weight is not {said} in the experiment ({why}?)", said == right)


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
        given, what = (
            f"train_X = [0, 2, 4] and test_X = {written(test.ravel())}",
            "there is one guess for each test pixel",
        )
        alone, beside = (numbers(what, call(theirs, X, y, some, 1.0), given).ravel() for some in (test[:1], test))
        holds(what, (alone.size, beside.size) == (1, len(test)), given, beside)
        given = f"train_X = [0, 2, 4] and the test pixel {written(test[0])}: its guess is {written(alone[0])} alone, "
        given += f"and {written(beside[0])} in a list with {written(test[1:].ravel())}"
        what = "a test pixel's guess does not depend on the other test pixels"
        holds(what, np.isclose(alone[0], beside[0], rtol=1e-5, atol=1e-5), given)
    inputs = [(X, y, np.array([[1.0]]), 1.0)]
    for n, k in ((6, 2), (40, 5)):
        parts = rng.normal(3, 2, (n, k)) * np.arange(1, k + 1), rng.normal(size=n), rng.normal(3, 2, (4, k))
        inputs += [(*parts, 1.0), (*parts, 10.0)]
    agree("it is scikit-learn's StandardScaler and Ridge, both fitted to the training rows", theirs, ours, inputs, 1e-5)
    level = np.column_stack([X, np.full(3, 7.0)])
    inputs = [(level, y, np.array([[1.0, 7]]), 1.0)]
    agree("a feature that never varies does no harm", theirs, ours, inputs, 1e-5)


def keeping_weights(theirs) -> None:
    """The best weights among those that sum to 1."""
    from nbhelpers.linear import neighbours

    rng = np.random.default_rng(0)
    problems = [(np.eye(2), np.array([0.5, 0.1]))]
    for n in (2, 3, 8, 8):
        rows = rng.normal(size=(4 * n, n)) + 2 * rng.normal(size=(4 * n, 1))  # alike, as neighbours are
        problems.append((rows.T @ rows / len(rows), rows.T @ rng.normal(rows.mean(axis=1), 1) / len(rows)))
    for G, c in problems:
        given = f"G = {written(G)}, c = {written(c)}"
        w = numbers("it has one weight for each feature", call(theirs, G, c), given)
        holds("it has one weight for each feature", w.shape == c.shape, f"{given} (its shape is {w.shape})")
        same("its weights sum to 1", w.sum(), 1.0, given, 1e-5)
        slope = G @ w - c
        better = w - (slope - slope.mean()) / np.linalg.eigvalsh(G)[-1]  # it sums to 1 as well, one step downhill
        if np.ptp(slope) > 1e-4 * max(1, abs(c).max()):
            errors = [f"{v @ G @ v - 2 * v @ c:.6g}" for v in (w, better)]
            what = "no weights that sum to 1 have a smaller w'Gw - 2w'c"
            what = f"{what}: {written(better)} has {errors[1]}, yours {errors[0]}"
            raise Unmet(what, given, w)
    G = problems[2][0]
    w = np.array([0.5, 0.3, 0.2])
    same(
        "where OLS sums to 1 by itself it is OLS",
        call(theirs, G, G @ w),
        w,
        f"G = {written(G)}, c = {written(G @ w)}",
        1e-4,
    )
    X = rng.normal(size=(200, 25)) + rng.normal(size=(200, 1))
    y = X[:, 8:16].mean(axis=1) + rng.normal(0, 0.1, 200)
    package = neighbours.SumToOne().fit(X, y).coef_[8:16]
    assert (package > 0).all()
    eight = X[:, 8:16]
    got = call(theirs, eight.T @ eight / 200, eight.T @ y / 200)
    same("where none of its weights is negative it is the package's sum-to-one", got, package, "200 rows", 1e-4)
