"""Colorizers that solve a sparse system: the fitted regressions, edge-aware, Levin; and scikit-image's biharmonic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from skimage.restoration import inpaint_biharmonic

from nbhelpers.hints import Colorization, checked, filled, keep_known
from nbhelpers.linear.neighbours import NeighbourModel
from nbhelpers.linear.solvers import solve
from nbhelpers.linear.systems import anchor, edge_aware_system, levin_system, neighbour_system

# How strongly hint-free places are drawn to the prior colour; chosen on training photos in notebook 03.
ANCHOR = {"sum-to-one": 1e-7, "edge-aware": 1e-7, "levin": 1e-10}


_MOST = 200.0  # beyond any a* or b* of a photo


@dataclass(frozen=True)
class Propagation:
    """A sparse system solved over the whole photo.

    Attributes
    ----------
    name : str
        The method's name.
    kind : str
        "neighbour", "edge-aware" or "levin".
    model : NeighbourModel, optional
        The fitted regression, for "neighbour".
    prior : tuple of float
        The colour (a*, b*) that hint-free places are drawn to.
    anchor : float
        How strongly they are drawn to it; 0 is the bare system, which may explode ("neighbour") or is singular when
        nothing is known.
    beta : float
        How strongly edges of the lightness stop colour, for "edge-aware"; see `edge_aware_system`.
    tol : float
        Relative residual that counts as solved.
    solver : str
        The method of `solvers.solve`.
    origin : str
        Where the model came from, see `registry.load`; "" where it is not known.
    """

    name: str
    kind: str
    model: NeighbourModel | None = None
    prior: tuple[float, float] = (0.0, 0.0)
    anchor: float = 0.0
    beta: float = 25.0
    tol: float = 1e-6
    solver: str = "auto"
    origin: str = ""

    def system(self, lightness, hints):
        """The system of one photo, anchored unless `anchor` is 0.

        Parameters
        ----------
        lightness : np.ndarray
            (H, W), CIELAB L* in [0, 100].
        hints : Hints
            The known colours of the same photo.

        Returns
        -------
        SparseSystem
            For the m unknown pixels.
        """
        if self.kind == "neighbour":
            system = neighbour_system(self.model, lightness, hints)
        elif self.kind == "edge-aware":
            system = edge_aware_system(lightness, hints, self.beta)
        else:
            system = levin_system(lightness, hints)
        return anchor(system, self.prior, self.anchor) if self.anchor else system

    @property
    def averages(self) -> bool:
        """Is each unknown colour an average of its neighbours, so that every constant colour solves the system?"""
        if self.kind != "neighbour":
            return True
        own = np.stack([self.model.coefficients[0, 8:16], self.model.coefficients[1, 16:24]])
        return np.allclose(own.sum(axis=1), 1, atol=1e-9) and np.allclose(abs(self.model.coefficients).sum(), 2)

    def colorize(self, lightness, hints):
        note = checked(lightness, hints)
        if self.anchor and self.averages and not hints.known.any():  # solved exactly by the prior
            return Colorization(filled(self.prior, hints), note=note)
        solution = solve(self.system(lightness, hints), method=self.solver, tol=self.tol)
        note = solution.note or self._wild(solution.ab[~hints.known]) or note
        return Colorization(solution.ab, solution.converged, solution.residual, note)

    def _wild(self, ab: np.ndarray) -> str:
        """What to tell a person of unknown pixels whose solved colours do not exist; "" of others."""
        most = abs(ab).max(initial=0)
        if self.kind != "neighbour" or most <= _MOST:
            return ""
        return f"solved, but its colours go up to {most:.2g}: with so few known these weights explode; averages do not"


@dataclass(frozen=True)
class Biharmonic:
    """scikit-image's biharmonic inpainting (Damelin and Hoang 2018). It ignores the lightness.

    Attributes
    ----------
    name : str
        The method's name.
    prior : tuple of float
        The colour (a*, b*) of all pixels where nothing is known.
    origin : str
        Where `prior` came from, see `registry.load`; "" where it is not known.
    """

    name: str = "biharmonic"
    prior: tuple[float, float] = (0.0, 0.0)
    origin: str = ""

    def colorize(self, lightness, hints):
        note = checked(lightness, hints)
        if not hints.known.any() or hints.known.all():
            return Colorization(filled(self.prior, hints), note=note)
        scaled = keep_known(np.zeros_like(hints.ab), hints) / 128  # its result is clipped to the known range
        ab = 128 * inpaint_biharmonic(scaled, ~hints.known, channel_axis=-1)
        return Colorization(keep_known(ab, hints), note=note)
