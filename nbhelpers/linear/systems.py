"""The sparse linear systems: the neighbour regression read backwards, and weights from the lightness alone.

The first is the paper's (section 3.1): each unknown pixel is the model's answer to its neighbours, all at once.
`nbhelpers.linear.solvers` solves them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from nbhelpers.hints import Hints, check_lightness
from nbhelpers.linear.neighbours import OFFSETS, NeighbourModel


@dataclass(frozen=True, eq=False)
class SparseSystem:
    """matrix @ x = rhs for the colours x of the unknown pixels of one photo.

    Attributes
    ----------
    matrix : scipy.sparse.csr_array
        (m, m) float64, where a and b share one matrix, or (2m, 2m) where they are coupled (a first, then b).
    rhs : np.ndarray
        (m, 2) float64, columns a and b.
    pixels : np.ndarray
        (m,) flat indices (row-major) of the unknown pixels.
    hints : Hints
        The known colours.
    symmetric : bool
        Whether the matrix is symmetric positive (semi-)definite.
    """

    matrix: sparse.csr_array
    rhs: np.ndarray
    pixels: np.ndarray
    hints: Hints
    symmetric: bool = False


def _shifted(plane: np.ndarray, dy: int, dx: int, border: str):
    """plane (H, W) seen from the neighbour at (dy, dx); outside, its mirror image or -1 / 0 ("zero")."""
    mode = {"mode": "reflect"} if border == "reflect" else {"constant_values": -1 if plane.dtype.kind == "i" else 0}
    padded = np.pad(plane, 1, **mode)
    return padded[1 + dy : 1 + dy + plane.shape[0], 1 + dx : 1 + dx + plane.shape[1]]


def check_photo(lightness: np.ndarray, hints: Hints) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Check a lightness and its hints, and number the unknown pixels.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), CIELAB L*, at least 2 x 2 pixels.
    hints : Hints
        The known colours of the same photo.

    Returns
    -------
    lightness : np.ndarray
        (H, W) float64.
    pixels : np.ndarray
        (m,) flat indices (row-major) of the unknown pixels.
    number : np.ndarray
        (H, W) int32: 0 to m - 1 at the unknown pixels, -1 at the known ones.

    Raises
    ------
    ValueError
        For a lightness of another shape than the hints, fewer pixels, and as `hints.check_lightness` does.
    """
    lightness = np.asarray(lightness, dtype=float)
    if lightness.shape != hints.known.shape or min(lightness.shape) < 2:
        raise ValueError(
            f"lightness {lightness.shape} and hints {hints.known.shape} must be of one size, at least 2 x 2 pixels"
        )
    check_lightness(lightness)
    pixels = np.flatnonzero(~hints.known)
    number = np.full(lightness.shape, -1, np.int32)
    number.ravel()[pixels] = np.arange(len(pixels), dtype=np.int32)
    return lightness, pixels, number


def _csr(columns: list[np.ndarray], values: list, width: int) -> sparse.csr_array:
    """Build a CSR matrix from slots: columns[s][row] with values[s] (a number, or one per row); column -1 is empty."""
    used = np.stack([column >= 0 for column in columns], axis=1)
    indptr = np.zeros(len(used) + 1, np.int32)
    np.cumsum(used.sum(axis=1), out=indptr[1:])
    indices = np.stack(columns, axis=1)[used]
    if np.isscalar(values[0]):
        data = np.broadcast_to(values, used.shape)[used]
    else:
        data = np.stack(values, axis=1)[used]
    return sparse.csr_array((data, indices, indptr), shape=(len(used), width))


def neighbour_system(
    model: NeighbourModel, lightness: np.ndarray, hints: Hints, border: str = "reflect"
) -> SparseSystem:
    """The system in which each unknown pixel equals the model's prediction from its neighbours, known or unknown.

    Parameters
    ----------
    model : NeighbourModel
        What predicts a pixel from its eight neighbours.
    lightness : np.ndarray
        (H, W), CIELAB L* in [0, 100].
    hints : Hints
        The known colours of the same photo.
    border : str
        Beyond the photo's edge stands its mirror image ("reflect"), or black pixels with a = b = 0 ("zero": the paper's
        "white edges with all zero").

    Returns
    -------
    SparseSystem
        Coupled, (2m, 2m).

    Raises
    ------
    ValueError
        For another border, and as `check_photo` does.
    """
    if border not in ("reflect", "zero"):
        raise ValueError(f'border is "reflect" or "zero", got {border!r}')
    lightness, pixels, number = check_photo(lightness, hints)
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

    w_rs = exp(-beta |L_r - L_s| / 100). Without any hint it is singular (every constant solves it): see `anchor`.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), CIELAB L* in [0, 100].
    hints : Hints
        The known colours of the same photo.
    beta : float
        The strength of edges, at least 0: 0 spreads colour evenly.

    Returns
    -------
    SparseSystem
        Symmetric, (m, m).

    Raises
    ------
    ValueError
        For a beta that is negative or not finite, and as `check_photo` does.
    """
    if not 0 <= beta < np.inf:
        raise ValueError(f"beta must be at least 0 and finite, got {beta}")
    lightness, pixels, number = check_photo(lightness, hints)
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
    """The system of Levin, Lischinski, Weiss 2004: minimize sum_r (u_r - sum_s w_rs u_s)^2, hints fixed.

    w_rs is proportional to exp(-(L_r - L_s)^2 / (2 s_r^2)) over the eight neighbours and sums to 1; s_r^2 is the
    variance of lightness in the 3 x 3 window around r.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), CIELAB L* in [0, 100].
    hints : Hints
        The known colours of the same photo.

    Returns
    -------
    SparseSystem
        Symmetric, (m, m): the normal equations of that least-squares problem.

    Raises
    ------
    ValueError
        As `check_photo` does.

    References
    ----------
    Levin, Lischinski, Weiss 2004, equations 1 and 2.
    """
    lightness, pixels, number = check_photo(lightness, hints)
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
    """Pull each unknown pixel towards a prior colour.

    The system becomes (matrix + strength D) x = rhs + strength D prior, D the absolute values of its diagonal.

    Parameters
    ----------
    system : SparseSystem
        It stays as it is.
    prior : array-like
        (2,) or (H, W, 2), a* and b*.
    strength : float
        Above 0: small values matter only far from hints, where the system itself says little; at 100 % unknown the
        prior decides.

    Returns
    -------
    SparseSystem
        Of the same size.

    Raises
    ------
    ValueError
        When `strength` is not positive and finite.
    """
    if not 0 < strength < np.inf:
        raise ValueError(f"strength must be positive and finite, got {strength}")
    prior = np.broadcast_to(np.asarray(prior, float), (*system.hints.known.shape, 2)).reshape(-1, 2)[system.pixels]
    pull = strength * np.abs(system.matrix.diagonal())
    sides = pull.reshape(-1, 2, order="F") if len(pull) == 2 * len(prior) else pull[:, None]
    matrix = (system.matrix + sparse.diags_array(pull)).tocsr()
    return replace(system, matrix=matrix, rhs=system.rhs + sides * prior)
