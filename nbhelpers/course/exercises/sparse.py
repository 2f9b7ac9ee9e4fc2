"""What the answers to the exercises of notebook 03 must hold to."""

from __future__ import annotations

import numpy as np

from nbhelpers.course.exercises.answers import Unmet, call, written
from nbhelpers.course.exercises.properties import holds, numbers, same


def _positive(rng, n):
    """A symmetric matrix (n, n) with eigenvalues between 0.1 and 1."""
    turn = np.linalg.qr(rng.normal(size=(n, n)))[0]
    return turn @ np.diag(np.geomspace(0.1, 1, n)) @ turn.T


def worst_error(theirs) -> None:
    """The largest error that a residual of a given length allows."""
    rng = np.random.default_rng(0)
    matrices = [np.eye(1), np.diag([4.0, 1.0]), np.diag([1.0, 0.01]), np.array([[2.0, -1.0], [-1.0, 2.0]])]
    for A in [*matrices, *(_positive(rng, n).round(3) for n in (2, 3, 8))]:
        values, patterns = np.linalg.eigh(A)
        for length in (1.0, 0.01):
            given = f"A = {written(A)} and residual = {length:g}"
            got, e = numbers("it is one number", call(theirs, A, length), given), patterns[:, 0] * length / values[0]
            long = np.linalg.norm(e)
            holds("it is one number", got.ndim == 0, given, got)
            relative = np.isclose(got, length * values[-1] / values[0], rtol=1e-5) and not np.isclose(values[-1], 1)
            what = "it is a length, and not relative to x (that is what the condition number bounds)"
            holds(what, not relative, given, got)
            what = f"no error is longer, and e = {written(e)}, whose A e has the residual's length, is {long:.6g} long"
            holds(what, got >= long * (1 - 1e-5), given, got)
            what = f"there is an error as long as it says, and the longest is {long:.6g} long"
            holds(what, got <= long * (1 + 1e-5), given, got)


def _row(answer, m, given):
    """An answer's columns and values as a full row of m numbers, and its right-hand side."""
    if not isinstance(answer, (tuple, list)) or len(answer) != 3:
        raise Unmet("it returns three things: columns, values and rhs", given, answer)
    columns, values = (np.atleast_1d(numbers("columns and values are lists", part, given)) for part in answer[:2])
    holds("there is one value for each column", columns.shape == values.shape and columns.ndim == 1, given, answer)
    whole = columns.astype(int)
    fits = np.array_equal(whole, columns) and (whole >= 0).all() and (whole < m).all()
    holds(f"the columns are numbers of unknown pixels, here 0 to {m - 1}", fits, given, columns)
    row = np.zeros(m)
    np.add.at(row, whole, values)
    return row, answer[2]


def pixel_row(theirs) -> None:
    """One row of I - W and its right-hand side, as the package builds them."""
    from nbhelpers.hints import Hints
    from nbhelpers.linear import neighbours, systems

    def compare(what, y, x, weights, colours, known):
        coefficients = np.zeros((2, 25))
        coefficients[0, 8:16] = coefficients[1, 16:24] = np.delete(weights.ravel(), 4)
        model = neighbours.NeighbourModel(coefficients, np.zeros(2))
        hints = Hints(np.dstack([colours, colours]), known)
        system = systems.neighbour_system(model, np.zeros(known.shape), hints)
        m = np.count_nonzero(~known)
        number = np.count_nonzero(~known.ravel()[: y * known.shape[1] + x])
        given = f"(y, x) = ({y}, {x}), weights {written(weights)}, colours {written(colours)}, "
        given += f"unknown at {', '.join(str((int(v), int(u))) for v, u in np.argwhere(~known))}"
        answer = call(theirs, y, x, weights, colours, known)
        row, rhs = _row(answer, m, given)
        same(f"{what}: its entries", row, system.matrix[[number]].toarray()[0, :m], f"{given}, as a full row")
        same(f"{what}: its right-hand side", rhs, system.rhs[number, 0], given, 1e-5)

    def some_known(*unknown, shape=(3, 3)):
        known = np.ones(shape, bool)
        for place in unknown:
            known[place] = False
        return known

    rng = np.random.default_rng(0)
    sides = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4
    each = np.array([[0.01, 0.2, 0.03], [0.3, 0, 0.25], [0.05, 0.1, 0.06]])
    nine = np.arange(1.0, 10).reshape(3, 3)
    compare(
        "with all neighbours known the row is a 1, and the right side their weighted sum",
        1,
        1,
        sides,
        nine,
        some_known((1, 1)),
    )
    compare("each neighbour has its own weight", 1, 1, each, nine, some_known((1, 1)))
    compare("an unknown neighbour has minus its weight", 1, 1, each, nine, some_known((1, 1), (1, 2)))
    compare("pixels are numbered by rows, unknown ones only", 1, 1, each, nine, some_known((0, 1), (1, 1), (2, 0)))
    at = "beyond the edge stands the mirror image (line -1 is line 1)"
    compare(f"{at}, at the top", 0, 1, each, nine, some_known((0, 1)))
    compare(f"{at}, on the left", 1, 0, each, nine, some_known((1, 0)))
    compare(f"{at}, at the bottom", 2, 1, each, nine, some_known((2, 1)))
    compare(f"{at}, on the right", 1, 2, each, nine, some_known((1, 2)))
    compare(
        "an unknown pixel that the mirror shows again counts each time", 0, 0, each, nine, some_known((0, 0), (0, 1))
    )
    known, colours = rng.random((4, 5)) < 0.4, rng.normal(0, 20, (4, 5)).round(1)
    for y, x in np.argwhere(~known).tolist():
        compare("it is the package's row of this system", y, x, each, colours, known)


def jacobi_cg(theirs) -> None:
    """Conjugate gradients with Jacobi, a start, a tolerance and a limit."""

    def run(A, b, start, tol=1e-10, most=50):
        given = f"A = {written(A)}, b = {written(b)}, start = {written(start)}, tol = {tol:g}, most = {most}"
        answer = call(theirs, A, b, start, tol, most)
        if not isinstance(answer, (tuple, list)) or len(answer) != 2:
            raise Unmet("it returns two things: x and the number of steps", given, answer)
        x, steps = (
            numbers("x has as many numbers as b", answer[0], given),
            numbers("steps is a number", answer[1], given),
        )
        holds("x has as many numbers as b", x.shape == b.shape, given, x)
        holds("steps is one whole number", steps.ndim == 0 and steps == np.round(steps), given, answer[1])
        return x, int(steps), given

    rng = np.random.default_rng(0)
    A, b = np.array([[2.0, -1.0], [-1.0, 2.0]]), np.array([1.0, 0.0])
    x, steps, given = run(np.eye(1), np.zeros(1), np.zeros(1))
    same("for b = 0 zeros are the solution, without a step", (x, steps), (np.zeros(1), 0), given)
    x, steps, given = run(A, b, np.array([2 / 3, 1 / 3]))
    same("a start that is the solution takes no step", (x, steps), (np.array([2 / 3, 1 / 3]), 0), given)
    for n in (1, 3):
        b_n, start = np.arange(1.0, n + 1), np.arange(n, 0.0, -1)
        x, steps, given = run(np.eye(n), b_n, start)
        same("for the identity it is there in one step", (x, steps), (b_n, int(n > 1)), given)
    x, steps, given = run(np.diag([2.0, 5, 9]), np.ones(3), np.zeros(3))
    what = "with Jacobi any diagonal matrix takes one step"
    same(what, (x, steps), (1 / np.array([2.0, 5, 9]), 1), given)
    for n in (2, 3, 5, 8):
        scale = rng.uniform(1, 30, n)  # diagonals that differ, so that Jacobi has something to do
        A_n, b_n = _positive(rng, n) * np.outer(scale, scale), rng.normal(size=n)
        for start in (np.zeros(n), np.linalg.solve(A_n, b_n) + rng.normal(size=n) / scale):
            x, steps, given = run(A_n, b_n, start, 1e-7)
            right = np.linalg.solve(A_n, b_n)
            holds(f"{n} equations take at most {n} steps (it took {steps})", steps <= n, given)
            same("it finds the solution", x * scale, right * scale, f"{given}, each times its row's scale", 1e-4)
    for n in (4, 20):
        A, x = _positive(rng, n), rng.normal(size=n)
        _stops(run, A, A @ x, np.zeros(n))
        _stops(run, A, A @ x, x + 0.2 * rng.normal(size=n))  # the first residual is not b


def _stops(run, A, b, start):
    """When it stops."""
    for most in (0, 1, 2):
        _, steps, given = run(A, b, start, 1e-12, most)
        same("it gives up after `most` steps", steps, most, given)
    for tol in (0.1, 1e-3):
        x, steps, given = run(A, b, start, tol)
        for times in (1e-6, 1e6):
            then = run(A, b * times, start * times, tol)[1]
            what = "its tolerance is relative to b"
            same(what, then, steps, f"{given}, which takes {steps} steps, with b and start times {times:g}")
        left = np.linalg.norm(b - A @ x) / np.linalg.norm(b)
        holds(
            f"it goes on while |b - A x| is above tol |b| (it stopped at {left:.2g} |b|)", left <= tol * 1.0001, given
        )
        if not steps:
            continue
        before, fewer, _ = run(A, b, start, tol, steps - 1)
        left = np.linalg.norm(b - A @ before) / np.linalg.norm(b)
        what = f"it stops as soon as |b - A x| is at most tol |b| (one step earlier it was {left:.2g} |b|)"
        holds(what, fewer == steps - 1 and left > tol, f"{given}, where it took {steps} steps")


def edge_aware_colours(theirs) -> None:
    """Edge-aware colours of one channel: hints count by their weights."""
    from nbhelpers.hints import Hints
    from nbhelpers.linear import solvers, systems

    def told(lightness, colours, known):
        hidden = ", ".join(str((int(v), int(u))) for v, u in np.argwhere(~known))
        return f"lightness {written(lightness)}, colours {written(colours)}, unknown at {hidden}"

    def run(lightness, colours, known, beta=25):
        given = told(lightness, colours, known)
        got = numbers("it is an array of numbers", call(theirs, lightness, colours, known, beta), given)
        holds("it has the photo's shape", got.shape == colours.shape, f"{given} (its shape is {got.shape})")
        same("known pixels keep their colours", got[known], colours[known], given)
        return got, given

    rng, known = np.random.default_rng(0), np.array([[True, True], [True, False]])
    got, given = run(np.full((2, 2), 50.0), np.array([[3.0, 6], [12, 0]]), known)
    same("where all is equally light an unknown pixel is the average of its neighbours", got[1, 1], 7.0, given)
    got, given = run(np.array([[20.0, 30], [60, 25]]), np.array([[10.0, 10], [10, 0]]), known)
    same("hints of one colour give that colour", got[1, 1], 10.0, given)
    known = np.array([[True, False, True]] * 2)
    got, given = run(np.array([[20.0, 22, 80]] * 2), np.array([[10.0, 0, -40]] * 2), known)
    what = "a hint across an edge of lightness hardly counts"
    holds(f"{what} (the unknown ones come near 10)", np.all(abs(got[:, 1] - 10) < 0.1), given, got[:, 1])
    for shape in ((2, 3), (4, 5), (6, 6)):
        lightness, colours = rng.uniform(0, 100, shape).round(), rng.uniform(-60, 60, shape).round()
        known = rng.random(shape) < 0.4
        known[0, 0], known[-1, -1] = True, False
        got, given = run(lightness, colours, known)
        low, high = colours[known].min(), colours[known].max()
        beyond = got[(got < low - 1e-6) | (got > high + 1e-6)]
        holds(f"no colour lies beyond the hints, {low:g} to {high:g}", beyond.size == 0, given, beyond)
        for beta in (25, 5):
            system = systems.edge_aware_system(lightness, Hints(np.dstack([colours] * 2), known), beta)
            right = solvers.solve(system, "lu").ab[..., 0]
            got, given = run(lightness, colours, known, beta)
            same("it is what the package finds", got, right, f"{given}, beta = {beta}", 1e-5)


def first_bad_hole(theirs) -> None:
    """The side of the first square hole with a negative eigenvalue."""
    from scipy.sparse import linalg

    from nbhelpers.hints import Hints
    from nbhelpers.linear import neighbours, systems

    weights = np.zeros((2, 25))
    weights[0, [9, 11, 12, 14]] = weights[1, [17, 19, 20, 22]] = 0.2525
    model = neighbours.NeighbourModel(weights, np.zeros(2))

    def smallest(side):
        known = np.ones((side + 2, side + 2), bool)
        known[1:-1, 1:-1] = False
        hints = Hints(np.zeros((*known.shape, 2)), known)
        A = systems.neighbour_system(model, np.zeros(known.shape), hints).matrix[: side**2, : side**2]
        return linalg.eigsh(A.tocsc(), k=1, sigma=-0.05, v0=np.ones(side**2), return_eigenvectors=False)[0]

    try:
        side = float(theirs)
    except (TypeError, ValueError):
        raise Unmet(f"it is a number of pixels, and not {written(theirs)}") from None
    holds("it is a positive number of pixels", 0 < side < np.inf, "your prediction", side)
    low, high = 2, 64  # the smallest eigenvalue falls as the hole grows: halve what lies between
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if smallest(middle) < 0 else (middle, high)
    S, c = 1.01, 0.2525
    slips = {
        "waves go down and across: both c_y and c_x count": np.pi * np.sqrt(c / (S - 1)) - 1,
        "what stands under the root is divided by S - 1, not by S": np.pi * np.sqrt(2 * c / S) - 1,
        "there is a square root in the formula": np.pi * 2 * c / (S - 1) - 1,
        "c has a half before its sum, and of the four sides only two are one step up or down": np.pi
        * np.sqrt(4 * c / (S - 1))
        - 1,
    }
    if low <= side < high + 0.5:  # as the formula says it, or the next whole number
        return
    for what, slip in slips.items():
        holds(f"{what}: your prediction of {side:g} pixels leaves this out", abs(side - slip) > 0.8)
    if side < low:
        what = (
            "the smallest eigenvalue of a hole of your side is still positive: at a hole's edge known pixels hold the "
        )
        raise Unmet(f"{what}waves, and only long waves, in large holes, feel that S is above 1 (you said {side:g})")
    what = (
        "a smaller hole has a negative eigenvalue already: how long must a wave be before c times its theta squared is"
    )
    raise Unmet(f"{what} smaller than S - 1? (you said {side:g})")
