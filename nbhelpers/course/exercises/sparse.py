"""What the answers to the exercises of notebook 03 must hold to."""

from __future__ import annotations

import numpy as np

from nbhelpers.course.exercises.answers import call, written
from nbhelpers.course.exercises.properties import explain, holds, number, numbers, same

NOTHING = "what `colours` holds at unknown pixels plays no part"


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
            got, long = numbers("it is one number", call(theirs, A, length), given), length / values[0]
            holds("it is one number", got.ndim == 0, given, got)
            relative = np.isclose(got, long * values[-1], rtol=1e-5) and not np.isclose(values[-1], 1)
            what = "it is a length, and not relative to x (that is what the condition number bounds)"
            holds(what, not relative, given, got)
            what = f"no error is longer (e = {written(patterns[:, 0] * long)} is {long:.6g} long, A e as the residual)"
            holds(what, got >= long * (1 - 1e-5), given, got)
            what = f"there is an error as long as it says (the longest is {long:.6g} long)"
            holds(what, got <= long * (1 + 1e-5), given, got)


def _known_but(*unknown, shape=(3, 3)):
    known = np.ones(shape, bool)
    known[tuple(np.transpose(unknown))] = False
    return known


def _told(colours, known) -> str:
    """Colours and where they are unknown, for a message."""
    return f"colours = {written(colours)}, unknown at {', '.join(str(tuple(p)) for p in np.argwhere(~known).tolist())}"


def _row(answer, m, given):
    """An answer's columns and values as a full row of m numbers, and its right-hand side."""
    three = isinstance(answer, (tuple, list)) and len(answer) == 3
    holds("it returns three things: columns, values and rhs", three, given, answer)
    columns, values = (np.atleast_1d(numbers("columns and values are lists", part, given)) for part in answer[:2])
    holds("there is one value for each column", columns.shape == values.shape and columns.ndim == 1, given, answer)
    whole = np.nan_to_num(columns).astype(int)
    fits = np.array_equal(whole, columns) and (whole >= 0).all() and (whole < m).all()
    holds(f"the columns are numbers of unknown pixels, here 0 to {m - 1}", fits, given, columns)
    row, rhs = np.zeros(m), numbers("rhs is one number", answer[2], given)
    holds("rhs is one number", rhs.size == 1, given, rhs)
    np.add.at(row, whole, values)
    return row, rhs.item()


def _packages_row(place, weights, colours, known):
    """A row of the package's system, as `_row` gives it."""
    from nbhelpers.hints import Hints
    from nbhelpers.linear import neighbours, systems

    coefficients = np.zeros((2, 25))
    coefficients[0, 8:16] = coefficients[1, 16:24] = np.delete(weights.ravel(), 4)
    model, hints = neighbours.NeighbourModel(coefficients, np.zeros(2)), Hints(np.dstack([colours] * 2), known)
    system = systems.neighbour_system(model, np.zeros(known.shape), hints)
    count = np.count_nonzero(~known.ravel()[: np.ravel_multi_index(place, known.shape)])
    return system.matrix[[count]].toarray()[0, : np.count_nonzero(~known)], system.rhs[count, 0]


def pixel_row(theirs) -> None:
    """One row of I - W and its right-hand side, as the package builds them."""
    rng, nine = np.random.default_rng(0), np.arange(1.0, 10).reshape(3, 3)
    sides = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) / 4
    each = np.array([[0.01, 0.2, 0.03], [0.3, 0, 0.25], [0.05, 0.1, 0.06]])
    at = "beyond the edge stands the mirror image (line -1 is line 1)"
    alone = "with all neighbours known the row is a 1, and the right side their weighted sum"
    asked = {  # the pixel asked about comes first
        "each neighbour has its own weight": [(1, 1)],
        "an unknown neighbour has minus its weight": [(1, 1), (1, 2)],
        "pixels are numbered by rows, unknown ones only": [(1, 1), (0, 1), (2, 0)],
        f"{at}, at the top": [(0, 1)],
        f"{at}, on the left": [(1, 0)],
        f"{at}, at the bottom": [(2, 1)],
        f"{at}, on the right": [(1, 2)],
        "an unknown pixel that the mirror shows again counts each time": [(0, 0), (0, 1)],
    }
    cases = [(alone, (1, 1), sides, nine, _known_but((1, 1)))]
    cases += [(what, places[0], each, nine, _known_but(*places)) for what, places in asked.items()]
    known = _known_but((1, 1), (1, 2))
    cases.append((NOTHING, (1, 1), each, np.where(known, nine, np.nan), known))
    known, colours = rng.random((4, 5)) < 0.4, rng.normal(0, 20, (4, 5)).round(1)
    cases += [("it is the package's row", place, each, colours, known) for place in np.argwhere(~known).tolist()]
    for what, (y, x), weights, colours, known in cases:
        given = f"(y, x) = ({y}, {x}), weights = {written(weights)}, {_told(colours, known)}"
        right = _packages_row((y, x), weights, colours, known)
        row, rhs = _row(call(theirs, y, x, weights, colours, known), len(right[0]), given)
        same(f"{what}: its entries", row, right[0], f"{given}, as a full row")
        same(f"{what}: its right-hand side", rhs, right[1], given, 1e-5)


def jacobi_cg(theirs) -> None:
    """Conjugate gradients with Jacobi, a start, a tolerance and a limit."""

    def run(A, b, start, tol=1e-10, most=50):
        given = f"A = {written(A)}, b = {written(b)}, start = {written(start)}, tol = {tol:g}, most = {most}"
        answer = call(theirs, A, b, start, tol, most)
        two = isinstance(answer, (tuple, list)) and len(answer) == 2
        holds("it returns two things: x and the number of steps", two, given, answer)
        x = numbers("x has as many numbers as b", answer[0], given)
        holds("x has as many numbers as b", x.shape == b.shape, given, x)
        steps = numbers("steps is one whole number", answer[1], given)
        holds("steps is one whole number", steps.ndim == 0 and steps == np.round(steps), given, answer[1])
        return x, int(steps), given

    rng = np.random.default_rng(0)
    A, b = np.array([[2.0, -1.0], [-1.0, 2.0]]), np.array([0.75, 0.0])
    for what, A_n, right, start, wanted in (
        ("for b = 0 zeros are the solution, without a step", np.eye(1), np.zeros(1), np.zeros(1), 0),
        ("a start that is the solution takes no step", A, np.array([0.5, 0.25]), np.array([0.5, 0.25]), 0),
        ("for the identity it is there in one step", np.eye(2), np.array([1, 2.5]), np.array([3.0, 0]), 1),
        ("with Jacobi any diagonal matrix takes one step", np.diag([2.0, 8]), np.array([0.5, 1]), np.zeros(2), 1),
    ):
        x, steps, given = run(A_n, A_n @ right, start)
        same(what, (x, steps), (right, wanted), given)
    _solves(run, np.array([[2.0, 1], [1, 8]]), np.array([0.5, 1]), np.zeros(2))
    for n in (2, 3, 5, 8):
        scale = rng.uniform(0.2, 3, n)  # diagonals that differ, so that Jacobi has something to do
        A_n, b_n = (_positive(rng, n) * np.outer(scale, scale)).round(3), rng.normal(size=n).round(2)
        for start in (np.zeros(n), np.ones(n)):
            _solves(run, A_n, b_n, start)
    _stops(run, A, b, np.zeros(2))
    _stops(run, A, b, np.array([0.5, 0.5]))  # the first residual is not b
    for n in (4, 20):
        A, x = _positive(rng, n).round(3), rng.normal(size=n).round(2)
        _stops(run, A, A @ x, np.zeros(n))
        _stops(run, A, A @ x, (x + 0.2 * rng.normal(size=n)).round(2))


def _solves(run, A, b, start):
    """As many steps as equations, at most, and the solution: in single precision, too."""
    x, steps, given = run(A, b, start, 1e-5)
    holds(f"{len(b)} equations take at most {len(b)} steps (it took {steps})", steps <= len(b), given)
    same("it finds the solution", x, np.linalg.solve(A, b), given, 1e-3)


def _stops(run, A, b, start):
    """When it stops."""
    for most in (0, 1, 2):
        _, steps, given = run(A, b, start, 1e-12, most)
        same("it gives up after `most` steps", steps, most, given)
    for tol in (0.1, 1e-3):
        x, steps, given = run(A, b, start, tol)
        for times in (1e-6, 1e6):
            then = run(A, b * times, start * times, tol)[1]
            changed = f"{given}, which takes {steps} steps, with b and start times {times:g}"
            same("its tolerance is relative to b", then, steps, changed)
        left = np.linalg.norm(b - A @ x) / np.linalg.norm(b)
        what = f"it goes on while |b - A x| is above tol |b| (it stopped at {left:.2g} |b|)"
        holds(what, left <= tol * 1.001, given)
        before, fewer, _ = run(A, b, start, tol, max(steps - 1, 0))
        left = np.linalg.norm(b - A @ before) / np.linalg.norm(b)
        what = f"it stops as soon as |b - A x| is at most tol |b| (one step earlier it was {left:.2g} |b|)"
        holds(what, not steps or fewer == steps - 1 and left > tol * 0.999, f"{given}, where it took {steps} steps")


def edge_aware_colours(theirs) -> None:
    """Edge-aware colours of one channel: hints count by their weights."""

    def run(lightness, colours, known, beta=25):
        given = f"lightness = {written(lightness)}, {_told(colours, known)}, beta = {beta}"
        got = numbers("it is an array of numbers", call(theirs, lightness, colours, known, beta), given)
        holds(f"it has the photo's shape (its shape is {got.shape})", got.shape == known.shape, given)
        same("known pixels keep their colours", got[known], colours[known], given)
        return got, given

    rng, known = np.random.default_rng(0), _known_but((1, 1), shape=(2, 2))
    got, given = run(np.full((2, 2), 50.0), np.array([[3.0, 6], [12, 0]]), known)
    same("where all is equally light an unknown pixel is the average of its neighbours", got[1, 1], 7.0, given)
    got, given = run(np.array([[20.5, 30], [60, 25]]), np.array([[10.5, 10.5], [10.5, 0]]), known)
    same("hints of one colour give that colour", got[1, 1], 10.5, given)
    known = np.array([[True, False, True]] * 2)
    got, given = run(np.array([[20.0, 22, 80]] * 2), np.array([[10.0, 0, -40]] * 2), known)
    near = np.all(abs(got[:, 1] - 10) < 0.1)
    holds("a hint across an edge hardly counts (the unknown ones come near 10)", near, given, got[:, 1])
    lightness, colours = np.array([[20.0, 24.5, 22], [24, 21, 29]]), np.array([[10.5, 0, 0], [-30, 0, 0]])
    known = np.array([[True, False, False]] * 2)
    two = lightness[:, :2], colours[:, :2], known[:, :2]
    _as_ours(run, "unknown neighbours count in the average, by their weights", *two)
    what = "an unknown pixel with no known neighbour gets its colour through others"
    _as_ours(run, what, lightness, colours, known)
    _as_ours(run, "`beta` is used", lightness, colours, known, 5)
    _as_ours(run, NOTHING, lightness, np.where(known, colours, np.nan), known)
    for shape in ((2, 3), (4, 5), (6, 6)):
        lightness, colours = rng.uniform(0, 100, shape).round(1), rng.uniform(-60, 60, shape).round(1)
        known = rng.random(shape) < 0.4
        known[0, 0], known[-1, -1] = True, False
        got, given = run(lightness, colours, known)
        beyond = got[(got < colours[known].min() - 1e-3) | (got > colours[known].max() + 1e-3)]
        holds("no colour lies beyond the hints", beyond.size == 0, given, beyond)
        for beta in (25, 5):
            _as_ours(run, "it is the package's edge-aware solution", lightness, colours, known, beta)


def _as_ours(run, what, lightness, colours, known, beta=25):
    """The unknown pixels are as the package finds them."""
    from nbhelpers.hints import Hints
    from nbhelpers.linear import solvers, systems

    system = systems.edge_aware_system(lightness, Hints(np.dstack([colours] * 2), known), beta)
    got, given = run(lightness, colours, known, beta)
    same(what, got, solvers.solve(system, "lu").ab[..., 0], given, 1e-4)


def first_bad_hole(theirs) -> None:
    """The side of the first square hole with a negative eigenvalue."""
    from scipy import sparse
    from scipy.sparse import linalg

    def smallest(side):
        T = sparse.diags([1.0, 1.0], [-1, 1], (side, side))
        A = (sparse.eye(side**2) - 0.2525 * sparse.kronsum(T, T)).tocsc()
        return linalg.eigsh(A, k=1, sigma=-0.05, v0=np.ones(side**2), return_eigenvectors=False)[0]

    side = number("it is a number of pixels", theirs)
    holds("it is a positive number of pixels", side > 0, got=side)
    first = next(side for side in range(2, 64) if smallest(side) < 0)
    S, c = 1.01, 0.2525
    for what, waves in {
        "waves go down and across: both c_y and c_x count": np.sqrt(c / (S - 1)),
        "what stands under the root is divided by S - 1, not by S": np.sqrt(2 * c / S),
        "there is a square root in the formula": 2 * c / (S - 1),
        "c has a half before its sum, and of the four sides only two are one step up or down": np.sqrt(4 * c / (S - 1)),
    }.items():
        explain(abs(side - (np.pi * waves - 1)) > 0.8, f"{what}; {side:g} pixels leave this out")
    what = f"with {first - 1} pixels it is still positive, if only just: a hole has whole pixels"
    explain(not first - 1 <= side < first, f"{what}, and the first with a negative eigenvalue is asked for")
    what = "the smallest eigenvalue of such a hole is still positive: at its edge known pixels hold the waves, and only"
    explain(side >= first, f"{what} long waves, in large holes, feel that S is above 1 (you said {side:g})")
    what = f"nearly: a hole somewhat smaller than {side:g} has a negative eigenvalue already; as known pixels stand on"
    near = first < side <= first + 1.5
    explain(not near, f"{what} both sides, half-waves end one step outside the hole: s pixels have s + 1 steps")
    what = "a smaller hole has a negative eigenvalue already: how long must a wave be before c times its theta squared"
    explain(side == first, f"{what} is smaller than S - 1? (you said {side:g})")
