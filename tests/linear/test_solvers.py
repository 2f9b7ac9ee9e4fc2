"""The sparse systems against dense ones that are assembled pixel by pixel from their definitions."""

import dataclasses
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
from blas import blas_of, blas_threads
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.hints import Hints, hide_pixels, nearest_known
from nbhelpers.linear import solvers
from nbhelpers.linear.neighbours import FEATURES, NeighbourStatistics, fit, paper_estimators
from nbhelpers.linear.solvers import METHODS, Solution, solve, solve_tiled
from nbhelpers.linear.systems import anchor, edge_aware_system, levin_system, neighbour_system

PLACES = {"NW": (-1, -1), "N": (-1, 0), "NE": (-1, 1), "W": (0, -1), "E": (0, 1), "SW": (1, -1), "S": (1, 0),
          "SE": (1, 1)}  # fmt: skip
EIGHT = list(PLACES.values())
ESTIMATORS = tuple(paper_estimators())


@pytest.fixture(scope="module")
def models(lab_photos):
    stats = sum((NeighbourStatistics.of(p) for p in lab_photos[1:]), NeighbourStatistics.of(lab_photos[0]))
    return {name: fit(stats, estimator) for name, estimator in paper_estimators().items()}


@pytest.fixture(scope="module")
def photo(sample):
    """A real crop that is not square: (lightness (36, 44), ab (36, 44, 2))."""
    lab = rgb_to_lab(sample.test[1][20:56, 30:74])
    return lab[..., 0], lab[..., 1:]


@pytest.fixture(scope="module")
def systems(models, photo):
    """The four kinds of system at a share of unknown pixels: make(share) -> {kind: SparseSystem}."""

    def make(share):
        lightness, ab = photo
        hints = hide_pixels(ab, share, seed=1)
        return {
            "ols": neighbour_system(models["ols"], lightness, hints),
            "sum-to-one": neighbour_system(models["sum-to-one"], lightness, hints),
            "edge-aware": edge_aware_system(lightness, hints),
            "levin": levin_system(lightness, hints),
        }

    return make


@dataclass(frozen=True)
class Problem:
    """A small crop of one of the photos, square or not, and a share of unknown pixels."""

    photo: int
    top: int
    left: int
    height: int
    width: int
    share: float
    seed: int

    def of(self, lab_photos):
        """(lightness, hints)"""
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        lab = lab_photos[self.photo % len(lab_photos)][rows, columns].astype(np.float64)
        return lab[..., 0], hide_pixels(lab[..., 1:], self.share, self.seed)


def problems(least=0.0, most=1.0, smallest=2):
    side, place = st.integers(smallest, 9), st.integers(0, 80)
    share, seed = st.floats(least, most), st.integers(0, 9)
    return st.builds(Problem, st.integers(0, 5), place, place, side, side, share, seed)


def mirrored(i, n):
    return -i if i < 0 else 2 * (n - 1) - i if i >= n else i


def naive_neighbour_system(model, lightness, hints, border):
    """Equation by equation, pixel by pixel: dense matrix (2m, 2m), a before b, and right-hand side (2m,)."""
    height, width = lightness.shape
    unknown = [tuple(p) for p in np.argwhere(~hints.known)]
    m, number = len(unknown), {p: i for i, p in enumerate(unknown)}
    matrix, rhs = np.eye(2 * m), np.zeros(2 * m)
    for (y, x), i in number.items():
        for target in range(2):
            row = target * m + i
            rhs[row] += model.intercept[target]
            for name, weight in zip(FEATURES, model.coefficients[target], strict=True):
                channel, place = name.split()
                dy, dx = PLACES.get(place, (0, 0))
                near = (y + dy, x + dx)
                if border == "reflect":
                    near = (mirrored(near[0], height), mirrored(near[1], width))
                elif not (0 <= near[0] < height and 0 <= near[1] < width):
                    continue  # black: L = a = b = 0
                if channel == "L":
                    rhs[row] += weight * lightness[near]
                elif hints.known[near]:
                    rhs[row] += weight * hints.ab[near]["ab".index(channel)]
                else:
                    matrix[row, "ab".index(channel) * m + number[near]] -= weight
    return matrix, rhs


def neighbours_of(y, x, shape):
    return [(y + dy, x + dx) for dy, dx in EIGHT if 0 <= y + dy < shape[0] and 0 <= x + dx < shape[1]]


def filled(hints, values):
    """Known colours, and values (m, 2) at the unknown pixels."""
    ab = hints.ab.astype(float).copy()
    ab[~hints.known] = values
    return ab


@given(problems(), st.sampled_from(ESTIMATORS), st.sampled_from(["reflect", "zero"]))
def test_the_neighbour_system_is_its_definition(lab_photos, models, problem, name, border):
    lightness, hints = problem.of(lab_photos)
    system = neighbour_system(models[name], lightness, hints, border)
    matrix, rhs = naive_neighbour_system(models[name], lightness, hints, border)
    np.testing.assert_allclose(system.matrix.toarray(), matrix, atol=1e-12)
    np.testing.assert_allclose(system.rhs.ravel(order="F"), rhs, atol=1e-9)
    assert (system.pixels == np.flatnonzero(~hints.known)).all()
    assume(len(matrix) and np.linalg.cond(matrix) < 1e6)
    dense = np.linalg.solve(matrix, rhs).reshape(2, -1).T
    for method in ("auto", "lu"):
        found = solve(system, method, tol=1e-11)
        assume(found.converged)
        scale = max(1, abs(dense).max())
        np.testing.assert_allclose(found.ab, filled(hints, dense), atol=1e-4 * scale)


@given(problems(), st.floats(0, 60))
def test_the_edge_aware_system_is_its_definition(lab_photos, problem, beta):
    lightness, hints = problem.of(lab_photos)
    shape, m = lightness.shape, int((~hints.known).sum())
    number = np.full(shape, -1)
    number[~hints.known] = np.arange(m)
    matrix, rhs = np.zeros((m, m)), np.zeros((m, 2))
    for y, x in np.argwhere(~hints.known):
        for s in neighbours_of(y, x, shape):
            weight = np.exp(-beta * abs(lightness[y, x] - lightness[s]) / 100)
            matrix[number[y, x], number[y, x]] += weight
            if hints.known[s]:
                rhs[number[y, x]] += weight * hints.ab[s]
            else:
                matrix[number[y, x], number[s]] -= weight
    system = edge_aware_system(lightness, hints, beta)
    assert system.symmetric
    np.testing.assert_allclose(system.matrix.toarray(), matrix, atol=1e-9)
    np.testing.assert_allclose(system.rhs, rhs, atol=1e-6)
    assume(m and np.linalg.cond(matrix) < 1e8)
    found = solve(system, tol=1e-12)
    np.testing.assert_allclose(found.ab, filled(hints, np.linalg.solve(matrix, rhs)), atol=1e-3)


@given(problems(most=0.97, smallest=3))
def test_levins_colours_are_the_least_squares_solution(lab_photos, problem):
    lightness, hints = problem.of(lab_photos)
    shape = lightness.shape
    residual_of = np.eye(lightness.size)
    for y, x in np.ndindex(shape):
        window = [lightness[mirrored(y + dy, shape[0]), mirrored(x + dx, shape[1])] for dy, dx in EIGHT]
        variance = max(np.var([lightness[y, x], *window]), 0.05)
        near = neighbours_of(y, x, shape)
        weights = np.exp([-((lightness[y, x] - lightness[s]) ** 2) / (2 * variance) for s in near])
        for s, weight in zip(near, weights / weights.sum(), strict=True):
            residual_of[y * shape[1] + x, s[0] * shape[1] + s[1]] -= weight
    known = hints.known.ravel()
    assume(known.any() and not known.all())
    assume(np.linalg.cond(residual_of[:, ~known]) < 1e4)
    wanted = -residual_of[:, known] @ hints.ab.reshape(-1, 2)[known]
    best = np.linalg.lstsq(residual_of[:, ~known], wanted, rcond=None)[0]
    system = levin_system(lightness, hints)
    assert system.symmetric and abs(system.matrix - system.matrix.T).max() < 1e-12
    found = solve(system, tol=1e-12)
    assert found.converged
    np.testing.assert_allclose(found.ab, filled(hints, best), atol=1e-3)


@given(problems(), st.sampled_from(["ols", "sum-to-one", "edge-aware", "levin"]), st.floats(1e-3, 10))
def test_an_anchored_system_is_pulled_to_its_prior(lab_photos, models, problem, kind, strength):
    lightness, hints = problem.of(lab_photos)
    if kind in models:
        system = neighbour_system(models[kind], lightness, hints)
    else:
        system = (edge_aware_system if kind == "edge-aware" else levin_system)(lightness, hints)
    prior = np.dstack([lightness - 40, 50 - lightness])  # (H, W, 2), another colour for each pixel
    dense, m = system.matrix.toarray(), len(system.pixels)
    pull = strength * np.diag(dense)
    asked = prior.reshape(-1, 2)[system.pixels]
    rhs, asked = (v.ravel("F")[:, None] if len(dense) == 2 * m else v for v in (system.rhs, asked))
    found = solve(anchor(system, prior, strength), tol=1e-11)
    assume(m and np.linalg.cond(dense + np.diag(pull)) < 1e6)
    best = np.linalg.solve(dense + np.diag(pull), rhs + pull[:, None] * asked)
    assume(found.converged)
    np.testing.assert_allclose(found.ab, filled(hints, best.reshape(m, 2, order="F")), atol=1e-3)


@given(problems(0.1, 0.97), st.tuples(st.floats(-60, 60), st.floats(-60, 60)))
def test_a_constant_colour_stays_constant(lab_photos, models, problem, colour):
    lightness, hints = problem.of(lab_photos)
    assume(hints.known.any() and not hints.known.all())
    one = Hints(np.broadcast_to(np.float32(colour), hints.ab.shape), hints.known)
    for system in (
        neighbour_system(models["sum-to-one"], lightness, one),
        edge_aware_system(lightness, one),
        levin_system(lightness, one),
    ):
        assume(np.linalg.cond(system.matrix.toarray()) < 1e6)
        found = solve(system, "lu", start=np.zeros(2))
        np.testing.assert_allclose(found.ab, one.ab, atol=1e-3)


@given(problems(0.1, 0.97))
def test_averages_stay_between_the_known_colours(lab_photos, models, problem):
    lightness, hints = problem.of(lab_photos)
    assume(hints.known.any() and not hints.known.all())
    low, high = hints.ab[hints.known].min(axis=0), hints.ab[hints.known].max(axis=0)
    for system in (
        neighbour_system(models["sum-to-one"], lightness, hints),
        edge_aware_system(lightness, hints),
    ):
        for method in ("lu", "auto"):
            found = solve(system, method, tol=1e-9)
            assert found.converged and (found.ab >= low - 1e-3).all() and (found.ab <= high + 1e-3).all()


@settings(max_examples=30)
@given(problems(), st.sampled_from(ESTIMATORS), st.sampled_from(["bicg", "bicgstab", "gmres", "lu"]))
def test_known_pixels_are_unchanged(lab_photos, models, problem, name, method):
    lightness, hints = problem.of(lab_photos)
    hidden = hints.ab.copy()
    hidden[~hints.known] = np.nan  # what is unknown is never looked at
    unseen = Hints(hidden, hints.known)
    for found, again in (
        [solve(neighbour_system(models[name], lightness, h), method, maxiter=3) for h in (hints, unseen)],
        [solve(edge_aware_system(lightness, h), maxiter=3) for h in (hints, unseen)],
        [solve(levin_system(lightness, h), maxiter=3) for h in (hints, unseen)],
        [solve_tiled(models[name], lightness, h, 5, maxiter=3) for h in (hints, unseen)],
    ):
        assert found.ab.dtype == np.float32 and found.ab.shape == (*lightness.shape, 2)
        assert (found.ab[hints.known] == hints.ab[hints.known]).all()
        assert np.isfinite(found.ab).all() and (found.ab == again.ab).all()


def test_all_known_is_solved_at_once(systems):
    for system in systems(0.0).values():
        for some in (system, anchor(system, (3, 4), 0.5)):
            found = solve(some)
            assert found.converged and found.iterations == 0 and found.residual == 0
            assert (found.ab == system.hints.ab).all()


def test_none_known_is_the_prior_where_the_system_says_nothing(systems):
    for kind, system in systems(1.0).items():
        if kind != "ols":  # its lightness terms do say something
            found = solve(anchor(system, (3, 4), 1e-3), tol=1e-9)
            assert found.converged
            np.testing.assert_allclose(found.ab, np.broadcast_to([3, 4], found.ab.shape), atol=1e-2)


@pytest.mark.parametrize("kind", ["ols", "sum-to-one", "edge-aware", "levin"])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_the_methods_agree(systems, kind, share):
    system = systems(share)[kind]
    best = solve(system, "lu")
    assert best.converged and best.residual < 1e-12
    tried = [m for m in METHODS if m != "lu" and (system.symmetric or not m.startswith("cg"))]
    for method in tried:
        if method == "bicgstab+amg" and kind == "ols":
            continue  # no maximum principle: not promised
        found = solve(system, method, tol=1e-9, maxiter=2000)
        assert found.converged and found.residual <= 1.01e-9, method
        np.testing.assert_allclose(found.ab, best.ab, atol=0.01, err_msg=method)


@pytest.mark.parametrize("kind", ["sum-to-one", "edge-aware", "levin"])
def test_few_hints_are_enough_for_the_default_method(systems, kind):
    system = systems(0.98)[kind]
    found = solve(system)
    assert found.converged and found.residual <= 1.01e-6
    np.testing.assert_allclose(found.ab, solve(system, "lu").ab, atol=0.5)


def test_the_residual_is_that_of_the_system(systems):
    for system in systems(0.8).values():
        found = solve(system, tol=1e-4)
        x, sides = found.ab.reshape(-1, 2)[system.pixels].astype(float), system.rhs
        if system.matrix.shape[0] == 2 * len(x):
            x, sides = x.ravel("F")[:, None], sides.ravel("F")[:, None]
        gaps = np.linalg.norm(sides - system.matrix @ x, axis=0) / np.linalg.norm(sides, axis=0)
        assert found.residual == pytest.approx(gaps.max(), rel=0.05)
        assert 1e-7 < found.residual <= 1.01e-4


@pytest.mark.parametrize("method", ["bicg", "bicgstab", "gmres", "cg"])
def test_the_history_ends_at_the_residual(systems, method):
    system = systems(0.8)["edge-aware" if method == "cg" else "sum-to-one"]
    found = solve(system, method, history=True, start=np.zeros(2))
    assert len(found.history) == found.iterations > 3
    assert found.history[0] > 10 * found.history[-1]
    # BiCGSTAB may be satisfied half a step after the last whole one
    assert found.history[-1] <= 1.01e-6 * (10 if method == "bicgstab" else 1)
    assert solve(system, method).history == ()


@pytest.mark.parametrize("method", ["bicg", "bicgstab", "gmres", "cg", "cg+amg", "bicgstab+amg"])
def test_a_solve_that_stops_early_says_so(systems, method):
    system = systems(0.95)["levin"]
    found = solve(system, method, maxiter=2, tol=1e-10)
    assert not found.converged and found.residual > 1e-10 and np.isfinite(found.ab).all()
    assert isinstance(found, Solution) and found.iterations >= 2 and found.seconds > 0


def test_a_system_that_explodes_is_not_called_converged(models, photo):
    """Weights that sum to 1.05 with all unknown: the iterations cannot settle, whatever they return."""
    lightness, ab = photo
    grown = models["ols"].coefficients * 1.05
    hot = type(models["ols"])(grown, models["ols"].intercept + 1)
    found = solve(neighbour_system(hot, lightness, Hints.none(lightness.shape)), "bicgstab", maxiter=40)
    assert not found.converged and found.residual > 1e-6 and np.isfinite(found.ab).all()


def naive_tiles(model, lightness, hints, rows, columns):
    ab = np.zeros((*lightness.shape, 2))
    for top, bottom in rows:
        for left, right in columns:
            area = np.s_[top:bottom, left:right]
            part = Hints(hints.ab[area], hints.known[area])
            matrix, rhs = naive_neighbour_system(model, lightness[area], part, "zero")
            ab[area] = filled(part, np.linalg.solve(matrix, rhs).reshape(2, -1).T)
    return ab


@pytest.mark.parametrize("name", ["ols", "sum-to-one"])
@pytest.mark.parametrize(
    ("size", "tile", "rows", "columns"),
    [
        ((12, 18), 6, [(0, 6), (6, 12)], [(0, 6), (6, 12), (12, 18)]),
        ((11, 14), 6, [(0, 6), (6, 11)], [(0, 6), (6, 12), (12, 14)]),
        ((13, 6), 6, [(0, 6), (6, 13)], [(0, 6)]),  # a strip of one pixel joins its neighbour
        ((9, 12), 100, [(0, 9)], [(0, 12)]),  # larger than the photo
    ],
)
def test_tiles_are_solved_one_by_one_with_a_border_of_zeros(models, photo, name, size, tile, rows, columns):
    lightness, ab = (plane[: size[0], : size[1]] for plane in photo)
    hints = hide_pixels(ab, 0.7, seed=3)
    wanted = naive_tiles(models[name], lightness, hints, rows, columns)
    found = solve_tiled(models[name], lightness, hints, tile, tol=1e-10)
    assert found.converged and found.iterations > 0
    np.testing.assert_allclose(found.ab, wanted, atol=1e-3)


def test_one_tile_that_does_not_converge_is_told(models, photo):
    lightness, ab = photo
    hints = hide_pixels(ab, 0.8)
    known = hints.known.copy()
    known[:, 22:] = True  # the tiles on the right have nothing to solve
    half = Hints(ab, known)
    good = solve_tiled(models["ols"], lightness, half, 22)
    short = solve_tiled(models["ols"], lightness, half, 22, maxiter=3)
    assert good.converged and not short.converged
    assert short.residual > 1e-6 and short.iterations == 3


def test_tiles_with_mirrored_borders_are_better_at_the_seams(models, photo):
    lightness, ab = photo
    hints = hide_pixels(ab, 0.8)
    whole = solve(neighbour_system(models["sum-to-one"], lightness, hints), tol=1e-9).ab
    far = [
        np.square(solve_tiled(models["sum-to-one"], lightness, hints, 12, border).ab - whole).mean()
        for border in ("zero", "reflect")
    ]
    assert far[1] < far[0] / 2


def test_the_nearest_known_colour(photo):
    hints = hide_pixels(photo[1], 0.9, seed=2)
    places = np.argwhere(hints.known)
    distance, _ = cKDTree(places).query(np.argwhere(np.ones_like(hints.known)))
    found = nearest_known(hints)
    for (y, x), d in zip(np.ndindex(hints.known.shape), distance, strict=True):
        at_that_distance = places[np.isclose(np.hypot(*(places - (y, x)).T), d)]
        assert any((found[y, x] == hints.ab[tuple(p)]).all() for p in at_that_distance)
    assert (nearest_known(Hints.none((4, 5))) == 0).all()


def test_wrong_input_is_refused_in_words(models, photo):
    lightness, ab = photo
    hints = hide_pixels(ab, 0.5)
    broken = lightness.copy()
    broken[3, 3] = np.nan
    makers = {
        "neighbour": lambda light, h: neighbour_system(models["ols"], light, h),
        "edge-aware": edge_aware_system,
        "levin": levin_system,
        "tiles": lambda light, h: solve_tiled(models["ols"], light, h),
    }
    for make in makers.values():
        with pytest.raises(ValueError, match="NaN or infinity"):
            make(broken, hints)
        with pytest.raises(ValueError, match="must be of one size, at least 2 x 2"):
            make(lightness[:-1], hints)
        with pytest.raises(ValueError, match="at least 2 x 2"):
            make(lightness[:1], Hints(ab[:1], hints.known[:1]))
    with pytest.raises(ValueError, match="'mirror'"):
        neighbour_system(models["ols"], lightness, hints, "mirror")
    with pytest.raises(ValueError, match="at least 2 pixels wide, got 1"):
        solve_tiled(models["ols"], lightness, hints, 1)
    system = neighbour_system(models["ols"], lightness, hints)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="tol must be at least 0 and finite"):
            solve(system, tol=bad)
        with pytest.raises(ValueError, match="beta must be at least 0 and finite"):
            edge_aware_system(lightness, hints, bad)
    with pytest.raises(ValueError, match="unknown method 'jacobi': choose from auto, bicg"):
        solve(system, "jacobi")
    for method in ("cg", "cg+amg"):
        with pytest.raises(ValueError, match="needs a symmetric system"):
            solve(system, method)
    for strength in (0, -1, np.nan, np.inf):
        with pytest.raises(ValueError, match="strength must be positive"):
            anchor(system, (0, 0), strength)


# ---- threads and processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_solves_after_its_parent_did(systems):
    system = systems(0.5)["edge-aware"]
    expected = solve(system).ab
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=lambda: theirs.send(solve(system).ab), daemon=True)
    child.start()
    try:
        assert ours.poll(30), "the child hangs"
        np.testing.assert_array_equal(ours.recv(), expected)
    finally:
        child.kill()
        child.join()


def test_eight_threads_solve_at_once_and_each_knows_whether_it_converged(systems):
    found = systems(0.8)
    tasks = [(found[kind], method, maxiter) for _ in range(4) for maxiter in (1, 250)
             for kind, method in (("edge-aware", "cg"), ("sum-to-one", "bicgstab"), ("levin", "cg"))]  # fmt: skip
    with blas_of(2):
        with ThreadPoolExecutor(8) as pool:
            many = list(pool.map(lambda task: solve(task[0], task[1], maxiter=task[2]), tasks))
        assert set(blas_threads().values()) == {2}  # overlapping limits do not restore each other's 1
    for (system, method, maxiter), solution in zip(tasks, many):
        alone = solve(system, method, maxiter=maxiter)
        assert solution.converged == alone.converged == (maxiter > 1)
        assert (solution.iterations, solution.residual) == (alone.iterations, alone.residual)
        np.testing.assert_array_equal(solution.ab, alone.ab)


def test_results_and_systems_have_a_plain_answer_to_whether_they_are_equal(models, systems):
    one, other = systems(0.5)["edge-aware"], systems(0.5)["edge-aware"]
    pairs = [(one, other), (solve(one), solve(other)), (models["ols"], models["ridge"])]
    assert [a == b for a, b in pairs] == [False] * 3 and [a == a for a, _ in pairs] == [True] * 3


def test_no_solution_and_giving_up_are_named_apart():
    light = np.float32(np.random.default_rng(0).uniform(20, 80, (8, 9)))
    ab = np.full((8, 9, 2), 20, np.float32)
    known = np.zeros((8, 9), bool)
    singular = edge_aware_system(light, Hints(ab, known))  # any one colour everywhere solves it
    rhs = dataclasses.replace(singular, rhs=singular.rhs + 1)  # and now nothing does
    none = solve(rhs, "lu")
    assert none.singular and not none.converged and "no single solution" in none.note
    known[0, 0] = True
    few = solve(edge_aware_system(light, Hints(ab, known)), "cg", maxiter=1, start=np.zeros(2))
    assert not few.singular and not few.converged and "gave up after 1 iteration" in few.note
    good = solve(edge_aware_system(light, Hints(ab, known)), "lu")
    assert good.converged and not good.singular and good.note == ""


@pytest.mark.parametrize("loses", [False, True])
def test_factors_that_lose_digits_are_replaced_by_pivoted_ones(systems, monkeypatch, loses):
    asked, splu = [], solvers.linalg.splu

    def factor(matrix, **options):
        asked.append(options)
        found = splu(matrix, **options)
        if loses and options:
            return SimpleNamespace(solve=lambda rhs: found.solve(rhs) * (1 + 1e-3))
        return found

    monkeypatch.setattr(solvers.linalg, "splu", factor)
    system = systems(0.8)["ols"]
    found = solve(system, "lu")
    assert found.converged and found.residual < 1e-9 and found.method == "lu"
    assert asked[0]["options"] == {"SymmetricMode": True} and asked[1:] == [{}] * loses


def test_a_tolerance_below_rounding_is_no_singular_matrix(systems):
    found = solve(systems(0.8)["ols"], "lu", tol=0)
    assert not found.converged and not found.singular and found.residual < 1e-12
    assert "double precision allows no relative residual below" in found.note and "singular" not in found.note
    nearly = dataclasses.replace(found, residual=1e-3)
    assert nearly.note.endswith("below 0.001: the matrix is nearly singular")


def test_auto_names_what_it_chose_and_keeps_the_history_of_steps_in_vain(systems):
    system = systems(0.8)["ols"]
    assert solve(system).method == "bicgstab"
    found = solve(system, tol=1e-9, maxiter=3, history=True)
    assert found.converged and found.method == "lu" and len(found.history) == 3
