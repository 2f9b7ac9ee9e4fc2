"""Sparse linear systems that spread known colours over a photo, and their solvers.

Two kinds of system: the neighbour regression read backwards (paper, section 3.1: each unknown pixel is the
model's answer to its neighbours, all at once), and systems whose weights come from the lightness alone.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import pyamg
from scipy import sparse
from scipy.ndimage import distance_transform_edt
from scipy.sparse import linalg
from threadpoolctl import ThreadpoolController

from nbhelpers.hints import Hints, keep_known
from nbhelpers.neighbours import OFFSETS, NeighbourModel

_POOL = ThreadPoolExecutor(2)  # a and b at the same time, where they do not depend on each other
_BLAS = ThreadpoolController()  # its threads make the solvers' short vector sums slower, many times on a busy machine
METHODS = ("auto", "bicg", "bicgstab", "bicgstab+amg", "gmres", "cg", "cg+amg", "lu")


@dataclass(frozen=True)
class SparseSystem:
    """matrix @ x = rhs for the colours x of the unknown pixels of one photo.

    matrix: (m, m) CSR float64, where a and b share one matrix, or (2m, 2m) where they are coupled (a first, then b).
    rhs: (m, 2), columns a and b.  pixels: (m,) flat indices (row-major) of the unknown pixels.
    hints: the known colours.  symmetric: the matrix is symmetric positive (semi-)definite.
    """

    matrix: sparse.csr_matrix
    rhs: np.ndarray
    pixels: np.ndarray
    hints: Hints
    symmetric: bool = False


@dataclass(frozen=True)
class Solution:
    """ab: (H, W, 2) float32 with the known pixels kept; `iterations` of the slower channel; `residual`:
    ||rhs - matrix x|| / ||rhs||, the larger of the systems solved; `converged`: residual <= tol; `seconds`, set-up
    included; `history`: relative residual after each iteration, when asked for."""

    ab: np.ndarray
    iterations: int
    residual: float
    converged: bool
    seconds: float
    history: tuple[float, ...] = field(default=(), repr=False)


def _shifted(plane: np.ndarray, dy: int, dx: int, border: str):
    """plane (H, W) seen from the neighbour at (dy, dx); outside, its mirror image or -1 / 0 ("zero")."""
    mode = {"mode": "reflect"} if border == "reflect" else {"constant_values": -1 if plane.dtype.kind == "i" else 0}
    padded = np.pad(plane, 1, **mode)
    return padded[1 + dy : 1 + dy + plane.shape[0], 1 + dx : 1 + dx + plane.shape[1]]


def _checked(lightness: np.ndarray, hints: Hints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check the inputs; return lightness float64, the flat indices of the unknown pixels, and their numbering."""
    lightness = np.asarray(lightness, dtype=float)
    if lightness.shape != hints.known.shape or min(lightness.shape) < 2:
        raise ValueError(
            f"lightness {lightness.shape} and hints {hints.known.shape} must be of one size, at least 2 x 2 pixels"
        )
    if not np.isfinite(lightness).all():
        raise ValueError("lightness holds NaN or infinity")
    pixels = np.flatnonzero(~hints.known)
    number = np.full(lightness.shape, -1, np.int32)
    number.ravel()[pixels] = np.arange(len(pixels), dtype=np.int32)
    return lightness, pixels, number


def _csr(columns: list[np.ndarray], values: list, width: int) -> sparse.csr_matrix:
    """Build a CSR matrix from slots: columns[s][row] with values[s] (a number, or one per row); column -1 is empty."""
    used = np.stack([column >= 0 for column in columns], axis=1)
    indptr = np.zeros(len(used) + 1, np.int32)
    np.cumsum(used.sum(axis=1), out=indptr[1:])
    indices = np.stack(columns, axis=1)[used]
    if np.isscalar(values[0]):
        data = np.broadcast_to(values, used.shape)[used]
    else:
        data = np.stack(values, axis=1)[used]
    return sparse.csr_matrix((data, indices, indptr), shape=(len(used), width))


def neighbour_system(
    model: NeighbourModel, lightness: np.ndarray, hints: Hints, border: str = "reflect"
) -> SparseSystem:
    """Each unknown pixel equals the model's prediction from its eight neighbours, known or unknown.

    lightness: (H, W) in [0, 100].  border: beyond the photo's edge stands its mirror image ("reflect"), or black
    pixels with a = b = 0 ("zero": the paper's "white edges with all zero").
    """
    if border not in ("reflect", "zero"):
        raise ValueError(f'border is "reflect" or "zero", got {border!r}')
    lightness, pixels, number = _checked(lightness, hints)
    m, known_ab = len(pixels), np.where(hints.known[..., None], hints.ab, 0).astype(float)
    own, neighbour = model.coefficients[:, 24], model.coefficients[:, :24].reshape(2, 3, 8)
    rhs = own * lightness.ravel()[pixels, None] + model.intercept
    numbers, at = [], lambda plane: plane.ravel()[pixels]
    for i, (dy, dx) in enumerate(OFFSETS):
        numbers.append(at(_shifted(number, dy, dx, border)))
        rhs += at(_shifted(lightness, dy, dx, border))[:, None] * neighbour[:, 0, i]
        for source in range(2):
            rhs += at(_shifted(known_ab[..., source], dy, dx, border))[:, None] * neighbour[:, 1 + source, i]
    halves = []
    for target in range(2):
        columns, values = [np.arange(target * m, (target + 1) * m, dtype=np.int32)], [1.0]
        for source in range(2):
            for near, weight in zip(numbers, neighbour[target, 1 + source]):
                if weight:
                    columns.append(near if source == 0 else np.where(near >= 0, near + np.int32(m), near))
                    values.append(-float(weight))
        halves.append(_csr(columns, values, 2 * m))
    matrix = sparse.vstack(halves, format="csr")
    return SparseSystem(matrix, rhs, pixels, hints)


def _lightness_weights(lightness: np.ndarray, beta: float) -> list[np.ndarray]:
    """exp(-beta |dL| / 100) towards each of the eight neighbours; 0 beyond the edge."""
    inside = np.ones(lightness.shape)
    return [
        np.exp(-beta / 100 * np.abs(_shifted(lightness, dy, dx, "zero") - lightness)) * _shifted(inside, dy, dx, "zero")
        for dy, dx in OFFSETS
    ]


def edge_aware_system(lightness: np.ndarray, hints: Hints, beta: float = 25.0) -> SparseSystem:
    """The edge-aware harmonic system: sum_s w_rs (u_r - u_s) = 0 over the eight neighbours s of each unknown r.

    w_rs = exp(-beta |L_r - L_s| / 100).  lightness: (H, W) in [0, 100]; beta >= 0, the strength of edges: 0 spreads
    colour evenly. Symmetric. Without any hint it is singular (every constant solves it): see `anchor`.
    """
    lightness, pixels, number = _checked(lightness, hints)
    weights = [w.ravel()[pixels] for w in _lightness_weights(lightness, beta)]
    known_ab = np.where(hints.known[..., None], hints.ab, 0).astype(float)
    columns, rhs = [np.arange(len(pixels), dtype=np.int32)], np.zeros((len(pixels), 2))
    for (dy, dx), weight in zip(OFFSETS, weights):
        columns.append(_shifted(number, dy, dx, "zero").ravel()[pixels])
        for channel in range(2):
            rhs[:, channel] += weight * _shifted(known_ab[..., channel], dy, dx, "zero").ravel()[pixels]
    matrix = _csr(columns, [sum(weights), *(-w for w in weights)], len(pixels))
    return SparseSystem(matrix, rhs, pixels, hints, symmetric=True)


def levin_system(lightness: np.ndarray, hints: Hints) -> SparseSystem:
    """Levin, Lischinski, Weiss 2004, equations 1 and 2: minimize sum_r (u_r - sum_s w_rs u_s)^2, hints fixed.

    w_rs is proportional to exp(-(L_r - L_s)^2 / (2 s_r^2)) over the eight neighbours and sums to 1; s_r^2 is the
    variance of lightness in the 3 x 3 window around r. Symmetric: the normal equations of that least-squares problem.
    """
    lightness, pixels, number = _checked(lightness, hints)
    size = lightness.size
    everywhere = np.arange(size, dtype=np.int32).reshape(lightness.shape)
    window = np.stack([lightness] + [_shifted(lightness, dy, dx, "reflect") for dy, dx in OFFSETS])
    variance = np.maximum(window.var(axis=0), 0.05)  # flat windows: all neighbours weigh the same
    inside = np.stack([_shifted(np.ones_like(lightness), dy, dx, "zero") for dy, dx in OFFSETS])
    weights = inside * np.exp(-((window[1:] - lightness) ** 2) / (2 * variance))
    weights /= weights.sum(axis=0)
    columns = [everywhere.ravel(), *(_shifted(everywhere, dy, dx, "zero").ravel() for dy, dx in OFFSETS)]
    residual_of = _csr(columns, [np.ones(size), *(-w.ravel() for w in weights)], size).tocsc()
    unknown, known = residual_of[:, pixels], np.flatnonzero(hints.known)
    rhs = -(unknown.T @ (residual_of[:, known] @ hints.ab.reshape(-1, 2)[known].astype(float)))
    return SparseSystem((unknown.T @ unknown).tocsr(), rhs, pixels, hints, symmetric=True)


def anchor(system: SparseSystem, prior: np.ndarray, strength: float) -> SparseSystem:
    """Pull each unknown pixel towards a prior colour: (matrix + strength D) x = rhs + strength D prior, D its diagonal.

    prior: (2,) or (H, W, 2), a* and b*.  strength > 0: small values matter only far from hints, where the system
    itself says little; at 100 % unknown the prior decides.
    """
    if not strength > 0:
        raise ValueError(f"strength must be positive, got {strength}")
    prior = np.broadcast_to(np.asarray(prior, float), (*system.hints.known.shape, 2)).reshape(-1, 2)[system.pixels]
    pull = strength * np.abs(system.matrix.diagonal())
    sides = pull.reshape(-1, 2, order="F") if len(pull) == 2 * len(prior) else pull[:, None]
    matrix = (system.matrix + sparse.diags(pull)).tocsr()
    return replace(system, matrix=matrix, rhs=system.rhs + sides * prior)


def nearest_known(hints: Hints) -> np.ndarray:
    """The colour of the nearest known pixel, everywhere: (H, W, 2) float32; zeros if none is known."""
    if not hints.known.any():
        return np.zeros_like(hints.ab)
    rows, columns = distance_transform_edt(~hints.known, return_distances=False, return_indices=True)
    return hints.ab[rows, columns]


def solve(
    system: SparseSystem,
    method: str = "auto",
    tol: float = 1e-6,
    maxiter: int = 250,
    start: np.ndarray | None = None,
    history: bool = False,
) -> Solution:
    """Solve for the unknown colours; the caller looks at `Solution.converged`.

    method: "bicg" (the paper's), "bicgstab", "gmres", "lu" for any system; "bicgstab+amg" (classical algebraic
    multigrid as preconditioner) where a maximum principle holds; "cg" (Jacobi-preconditioned) and "cg+amg" for
    symmetric ones; "auto" is cg for symmetric systems, else bicgstab, with AMG where hints are sparse and it is
    safe, and lu for Levin's where they are very sparse.
    tol: relative residual.  maxiter: iterations per system.  start: (H, W, 2) first guess, default the nearest known
    colours.  history: keep the residual after each iteration (costs one more product each).
    Raises ValueError for an unknown method, or a symmetric-only method on another system.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose from {', '.join(METHODS)}")
    if method.startswith("cg") and not system.symmetric:
        raise ValueError(f'"{method}" needs a symmetric system: use bicgstab, bicg, gmres or lu')
    began, shape, m = time.perf_counter(), system.hints.known.shape, len(system.pixels)
    if m == 0:
        return Solution(system.hints.ab.copy(), 0, 0.0, True, time.perf_counter() - began)
    if method == "auto":
        method = _choose(system)
    guess = nearest_known(system.hints) if start is None else np.broadcast_to(start, (*shape, 2))
    guess = guess.reshape(-1, 2)[system.pixels].astype(float)
    coupled = system.matrix.shape[0] == 2 * m
    sides = [(system.rhs.ravel("F"), guess.ravel("F"))] if coupled else list(zip(system.rhs.T, guess.T))
    run = _prepared(system.matrix, method, tol, maxiter, history)
    with _BLAS.limit(limits=1):
        found, curves = zip(*_POOL.map(run, *zip(*sides)) if len(sides) > 1 else [run(*sides[0])])
    x = found[0].reshape(2, m).T if coupled else np.stack(found, axis=1)
    residual = max(_residual(system.matrix, x_k, rhs) for x_k, (rhs, _) in zip(found, sides))
    ab = np.zeros((shape[0] * shape[1], 2), np.float32)
    with np.errstate(over="ignore"):
        ab[system.pixels] = x
    longest = max(curves, key=len)
    return Solution(
        keep_known(ab.reshape(*shape, 2), system.hints),
        len(longest),
        residual,
        bool(residual <= tol * 1.01),
        time.perf_counter() - began,
        tuple(longest) if history else (),
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
    return "bicgstab"


def _residual(matrix, x, rhs) -> float:
    scale = np.linalg.norm(rhs) or 1.0
    with np.errstate(over="ignore", invalid="ignore"):
        residual = float(np.linalg.norm(rhs - matrix @ x) / scale)
    return residual if np.isfinite(residual) else np.inf


def _prepared(matrix, method: str, tol: float, maxiter: int, history: bool):
    """Set the method up once for the matrix; return run(rhs, x0) -> (x, residual per iteration)."""
    if method == "lu":
        factors = linalg.splu(matrix.tocsc())
        return lambda rhs, x0: (factors.solve(rhs), [np.nan])
    options = {"rtol": tol, "atol": 0.0, "maxiter": maxiter}
    if method.endswith("+amg"):
        sweeps = [("gauss_seidel", {"sweep": sweep}) for sweep in ("forward", "backward")]  # together symmetric
        hierarchy = pyamg.ruge_stuben_solver(matrix, max_coarse=200, presmoother=sweeps[0], postsmoother=sweeps[1])
        options["M"] = hierarchy.aspreconditioner()
    elif method == "cg":
        options["M"] = sparse.diags(1 / matrix.diagonal())
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
    """The paper's way: cut the photo into tiles of `tile` x `tile` pixels and solve each by itself.

    Beyond a tile's edge stand pixels with L = a = b = 0 (border "zero", the paper's) or its mirror image ("reflect").
    The result has the tiles' worst residual and most iterations, and has converged if all of them have.
    """
    if tile < 2:
        raise ValueError(f"a tile must be at least 2 pixels wide, got {tile}")
    lightness, _, _ = _checked(lightness, hints)
    began, ab, parts = time.perf_counter(), hints.ab.copy(), []
    for top in _edges(lightness.shape[0], tile):
        for left in _edges(lightness.shape[1], tile):
            area = np.s_[slice(*top), slice(*left)]
            part = Hints(hints.ab[area], hints.known[area])
            start = None if border == "reflect" else np.zeros(2)
            system = neighbour_system(model, lightness[area], part, border)
            parts.append(solve(system, method, tol, maxiter, start=start))
            ab[area] = parts[-1].ab
    return Solution(
        ab,
        max(p.iterations for p in parts),
        max(p.residual for p in parts),
        all(p.converged for p in parts),
        time.perf_counter() - began,
    )


def _edges(length: int, tile: int) -> list[tuple[int, int]]:
    """Cut 0..length into tiles; a last strip of one pixel joins the tile before it."""
    starts = [s for s in range(0, length, tile) if length - s > 1 or s == 0]
    return list(zip(starts, [*starts[1:], length]))
