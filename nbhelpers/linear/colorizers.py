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


@dataclass(frozen=True)
class Propagation:
    """A sparse system solved over the whole photo: `kind` is "neighbour", "edge-aware" or "levin".

    model: the fitted regression, for "neighbour".  prior, anchor: the colour (a, b) that hint-free places are
    drawn to and how strongly; anchor 0 is the bare system, which may explode ("neighbour") or is singular
    when nothing is known.  tol: relative residual that counts as solved.
    """

    name: str
    kind: str
    model: NeighbourModel | None = None
    prior: tuple[float, float] = (0.0, 0.0)
    anchor: float = 0.0
    beta: float = 25.0
    tol: float = 1e-6
    origin: str = ""

    def system(self, lightness, hints):
        """The SparseSystem of one photo."""
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
        solution = solve(self.system(lightness, hints), tol=self.tol)
        return Colorization(solution.ab, solution.converged, solution.residual, solution.note or note)


@dataclass(frozen=True)
class Biharmonic:
    """scikit-image's biharmonic inpainting (Damelin and Hoang 2018); `prior` where nothing is known.

    It ignores the lightness.
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
