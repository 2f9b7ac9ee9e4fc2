"""Spread known colours over a photo by solving its sparse system: Krylov methods, multigrid, LU; the paper's tiles."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse
from scipy.ndimage import distance_transform_edt
from scipy.sparse import linalg
from threadpoolctl import ThreadpoolController

from nbhelpers.hints import Hints, keep_known, nearest_known
from nbhelpers.linear.neighbours import NeighbourModel
from nbhelpers.linear.systems import SparseSystem, check_photo, neighbour_system
from nbhelpers.system import one_thread

_LIBRARIES = ThreadpoolController()  # those of NumPy and SciPy: they are all that a solve uses
METHODS = ("auto", "bicg", "bicgstab", "bicgstab+amg", "gmres", "cg", "cg+amg", "lu")
_FAR = 3.5  # pixels to a known one, on average: from there BiCGSTAB takes many steps, often in vain
_SINGULAR = 1e12  # |A| |x| / |b| beyond which double precision cannot tell a matrix from a singular one
_DIRECT = 350_000  # equations; LU of 400 x 400 pixels, a and b coupled, takes 1 GB and seconds


@dataclass(frozen=True, eq=False)
class Solution:
    """The solution of one photo's system.

    Attributes
    ----------
    ab : np.ndarray
        (H, W, 2) float32, a* and b* with the known pixels kept.
    iterations : int
        Of the slower channel.
    residual : float
        ||rhs - matrix x|| / ||rhs||, the larger of the systems solved.
    converged : bool
        Whether `residual` <= tol, with a hundredth of it to spare.
    seconds : float
        Set-up included.
    history : tuple of float
        The relative residual after each iteration, when asked for.
    singular : bool
        Whether "lu" found, to double precision, that there is no single solution.
    method : str
        What solved it, see `solve`; never "auto".
    """

    ab: np.ndarray
    iterations: int
    residual: float
    converged: bool
    seconds: float
    history: tuple[float, ...] = field(default=(), repr=False)
    singular: bool = False
    method: str = ""

    @property
    def note(self) -> str:
        """What to tell a person: that there is no solution, that the solver gave up, or "" when it converged."""
        if self.converged:
            return ""
        if self.singular:
            return "the system has no single solution, since its matrix is singular: the colours mean nothing"
        if self.method == "lu":
            why = ": the matrix is nearly singular" if self.residual > 1e-9 else ""
            return f"double precision allows no relative residual below {self.residual:.1g}{why}"
        how = f"after {self.iterations} iterations at a relative residual of {self.residual:.1g}"
        return f"the solver gave up {how}: the colours are not the system's solution"


def solve(
    system: SparseSystem,
    method: str = "auto",
    tol: float = 1e-6,
    maxiter: int = 250,
    start: np.ndarray | None = None,
    history: bool = False,
) -> Solution:
    """Solve for the unknown colours; the caller looks at `Solution.converged`.

    Parameters
    ----------
    system : SparseSystem
        Of one photo.
    method : str
        "bicg" (the paper's), "bicgstab", "gmres", "lu" for any system; "bicgstab+amg" (classical algebraic multigrid as
        preconditioner) where a maximum principle holds; "cg" (Jacobi-preconditioned) and "cg+amg" for symmetric ones;
        "auto" is cg for symmetric systems, else bicgstab, with AMG where hints are sparse and it is safe, and lu where
        they are sparse and it is not: for Levin's, and for the others up to 350,000 equations. Where what it chose gave
        up, it takes lu after all, up to as many equations.
    tol : float
        Relative residual that counts as solved, at least 0.
    maxiter : int
        Iterations per system.
    start : np.ndarray, optional
        First guess of a* and b*, (H, W, 2), or (2,) for all pixels; None takes the nearest known colours.
    history : bool
        Whether to keep the residual after each iteration (costs one more product each).

    Returns
    -------
    Solution
        Of the same height and width as the hints.

    Raises
    ------
    ValueError
        For an unknown method, a symmetric-only method on another system, and a tol that is negative or not finite.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose from {', '.join(METHODS)}")
    if method.startswith("cg") and not system.symmetric:
        raise ValueError(f'"{method}" needs a symmetric system: use bicgstab, bicg, gmres or lu')
    if not 0 <= tol < np.inf:
        raise ValueError(f"tol must be at least 0 and finite, got {tol}")
    began, shape, m = time.perf_counter(), system.hints.known.shape, len(system.pixels)
    if m == 0:
        return Solution(system.hints.ab.copy(), 0, 0.0, True, time.perf_counter() - began)
    if method == "auto":
        found = solve(system, _choose(system), tol, maxiter, start, history)
        if not found.converged and found.method != "lu" and system.matrix.shape[0] <= _DIRECT:
            try:
                found = replace(solve(system, "lu", tol, start=start), history=found.history)
            except MemoryError:
                pass  # the steps' answer stays, which says that they gave up
        return replace(found, seconds=time.perf_counter() - began)
    guess = nearest_known(system.hints) if start is None else np.broadcast_to(start, (*shape, 2))
    guess = guess.reshape(-1, 2)[system.pixels].astype(float)
    coupled = system.matrix.shape[0] == 2 * m
    sides = [(system.rhs.ravel("F"), guess.ravel("F"))] if coupled else list(zip(system.rhs.T, guess.T))
    run = _prepared(system.matrix, method, tol, maxiter, history)
    # BLAS's own threads make the solvers' short vector sums slower, many times on a busy machine. Threads of a pool
    # that outlives the call would be missing after a fork.
    with (
        one_thread(_LIBRARIES),
        ThreadPoolExecutor(len(sides)) as pool,
    ):  # a and b at the same time, unless they are coupled
        found, curves = zip(*pool.map(run, *zip(*sides)))
    x = found[0].reshape(2, m).T if coupled else np.stack(found, axis=1)
    residual = max(_residual(system.matrix, x_k, rhs) for x_k, (rhs, _) in zip(found, sides))
    ab = np.zeros((shape[0] * shape[1], 2), np.float32)
    with np.errstate(over="ignore"):
        ab[system.pixels] = x
    longest, converged = max(curves, key=len), bool(residual <= tol * 1.01)
    return Solution(
        keep_known(ab.reshape(*shape, 2), system.hints),
        len(longest),
        residual,
        converged,
        time.perf_counter() - began,
        tuple(longest) if history else (),
        method == "lu" and not converged and (longest[0] is None or _singular(system, x)),
        method,
    )


def _choose(system: SparseSystem) -> str:
    """The fastest method that converges, as measured. What counts is how far unknown pixels are from a known one."""
    unknown, matrix = ~system.hints.known, system.matrix
    far = distance_transform_edt(unknown)[unknown].mean() if system.hints.known.any() else np.inf
    if far <= 1.6:  # about 90 % of single pixels unknown: plain steps cost less than multigrid's set-up
        return "cg" if system.symmetric else "bicgstab"
    positive = np.count_nonzero(matrix.data > 0) == matrix.shape[0]  # none off the diagonal
    if positive and matrix.sum(axis=1).min() > -1e-9:  # an M-matrix: unknowns are averages, multigrid is safe
        return "cg+amg" if system.symmetric else "bicgstab+amg"
    if system.symmetric:  # Levin's squared operator: in large holes no iteration gets there
        return "cg+amg" if far <= 5.5 else "lu"
    return "lu" if far > _FAR and matrix.shape[0] <= _DIRECT else "bicgstab"


def _singular(system: SparseSystem, x: np.ndarray) -> bool:
    """Is the solution so much larger than the right-hand side that none of its digits can be trusted?"""
    return linalg.norm(system.matrix, np.inf) * np.linalg.norm(x) > _SINGULAR * (np.linalg.norm(system.rhs) or 1.0)


def _residual(matrix, x, rhs) -> float:
    scale = np.linalg.norm(rhs) or 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        residual = float(np.linalg.norm(rhs - matrix @ x) / scale)
    return residual if np.isfinite(residual) else np.inf


def _factored(matrix):
    """rhs -> x by LU factors; None where there are none, since the matrix is exactly singular.

    An ordering for symmetric patterns halves the factors and the time. It keeps to the diagonal for pivots, so it is
    tried out; where it loses digits, the default, which looks for pivots, takes its place.
    """
    matrix, probe, solve_for = matrix.tocsc(), np.ones(matrix.shape[0]), None
    ordered = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.01, "options": {"SymmetricMode": True}}
    for options in (ordered, {}):
        try:
            solve_for = linalg.splu(matrix, **options).solve
        except RuntimeError:  # a pivot that is exactly 0
            solve_for = None
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            x = solve_for(probe)
            lost = np.linalg.norm(probe - matrix @ x) / (np.linalg.norm(probe) + np.linalg.norm(x))
        if lost < 1e-10:
            return solve_for
    return solve_for


def _prepared(matrix, method: str, tol: float, maxiter: int, history: bool):
    """Set the method up once for the matrix: run(rhs, x0) -> (x, residual per iteration)."""
    if method == "lu":
        solve_for = _factored(matrix)
        if solve_for is None:  # the first guess stays, and its residual says what it is worth
            return lambda rhs, x0: (x0, [None])
        return lambda rhs, x0: (np.nan_to_num(solve_for(rhs), nan=0.0, posinf=1e30, neginf=-1e30), [np.nan])
    options = {"rtol": tol, "atol": 0.0, "maxiter": maxiter}
    if method.endswith("+amg"):
        sweeps = [("gauss_seidel", {"sweep": sweep}) for sweep in ("forward", "backward")]  # together symmetric
        import pyamg  # not at the top: networks without hints train where it is missing

        hierarchy = pyamg.ruge_stuben_solver(matrix, max_coarse=200, presmoother=sweeps[0], postsmoother=sweeps[1])
        options["M"] = hierarchy.aspreconditioner()
    elif method == "cg":
        options["M"] = sparse.diags_array(1 / matrix.diagonal())
    elif method == "gmres":
        options |= {"restart": 30, "maxiter": -(-maxiter // 30), "callback_type": "pr_norm"}
    solver = getattr(linalg, method.split("+")[0])

    def run(rhs, x0):
        curve = []

        def note(state):
            if method == "gmres":
                curve.append(float(state))
            else:
                curve.append(_residual(matrix, state, rhs) if history else np.nan)

        with np.errstate(all="ignore"):
            x, _ = solver(matrix, rhs, x0=x0, callback=note, **options)
        return np.nan_to_num(x, nan=0.0, posinf=1e30, neginf=-1e30), curve

    return run


def solve_tiled(
    model: NeighbourModel,
    lightness: np.ndarray,
    hints: Hints,
    tile: int = 100,
    border: str = "zero",
    method: str = "bicg",
    tol: float = 1e-6,
    maxiter: int = 250,
) -> Solution:
    """Solve the paper's way: cut the photo into tiles and solve each by itself.

    Parameters
    ----------
    model : NeighbourModel
        What predicts a pixel from its eight neighbours.
    lightness : np.ndarray
        (H, W), CIELAB L* in [0, 100].
    hints : Hints
        The known colours of the same photo.
    tile : int
        Side of a tile in pixels, at least 2.
    border : str
        Beyond a tile's edge stand pixels with L = a = b = 0 ("zero", the paper's) or its mirror image ("reflect").
    method : str
        See `solve`.
    tol : float
        Relative residual that counts as solved, at least 0.
    maxiter : int
        Iterations per tile.

    Returns
    -------
    Solution
        With the tiles' worst residual and most iterations; it has converged if all of them have.

    Raises
    ------
    ValueError
        When `tile` is below 2, and as `check_photo`, `neighbour_system` and `solve` do.
    """
    began, ab = time.perf_counter(), np.array(hints.ab)
    start, parts = None if border == "reflect" else np.zeros(2), []
    for area, part in solved_tiles(model, lightness, hints, tile, border, method, tol, maxiter, start):
        ab[area] = part.ab
        parts.append(part)
    return Solution(
        ab,
        max(p.iterations for p in parts),
        max(p.residual for p in parts),
        all(p.converged for p in parts),
        time.perf_counter() - began,
        singular=any(p.singular for p in parts),
    )


def solved_tiles(
    model: NeighbourModel, lightness: np.ndarray, hints: Hints, tile: int = 100, border: str = "zero",
    method: str = "bicg", tol: float = 1e-6, maxiter: int = 250, start: np.ndarray | None = None,
) -> Iterator[tuple[tuple[slice, slice], Solution]]:  # fmt: skip
    """Solve the tiles of a photo one by one. Errors come with the first tile.

    Parameters
    ----------
    model : NeighbourModel
        What predicts a pixel from its eight neighbours.
    lightness : np.ndarray
        (H, W), CIELAB L* in [0, 100].
    hints : Hints
        The known colours of the same photo.
    tile : int
        Side of a tile in pixels, at least 2.
    border : str
        "zero" or "reflect".
    method : str
        See `solve`.
    tol : float
        Relative residual that counts as solved, at least 0.
    maxiter : int
        Iterations per tile.
    start : np.ndarray, optional
        (2,), the first guess of a* and b* everywhere; None takes the nearest known colours of the tile.

    Yields
    ------
    tuple
        The slices of rows and columns that a tile takes, and its Solution.

    Raises
    ------
    ValueError
        As `solve_tiled` does.
    """
    if tile < 2:
        raise ValueError(f"a tile must be at least 2 pixels wide, got {tile}")
    lightness, _, _ = check_photo(lightness, hints)
    for top in _edges(lightness.shape[0], tile):
        for left in _edges(lightness.shape[1], tile):
            area = np.s_[slice(*top), slice(*left)]
            part = Hints(hints.ab[area], hints.known[area])
            yield area, solve(neighbour_system(model, lightness[area], part, border), method, tol, maxiter, start)


def _edges(length: int, tile: int) -> list[tuple[int, int]]:
    """Cut 0..length into tiles; a last strip of one pixel joins the tile before it."""
    starts = [s for s in range(0, length, tile) if length - s > 1 or s == 0]
    return list(zip(starts, [*starts[1:], length]))
