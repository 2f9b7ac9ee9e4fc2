"""Colorizers of sparse systems: they are their system solved, and say when it was not; biharmonic."""

import functools

import numpy as np
import pytest

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.hints import Hints, hide_pixels
from nbhelpers.linear import colorizers
from nbhelpers.linear.colorizers import Biharmonic, Propagation
from nbhelpers.linear.neighbours import NeighbourModel, fit, gather_statistics, paper_estimators
from nbhelpers.linear.solvers import solve
from nbhelpers.linear.systems import neighbour_system


@pytest.fixture(scope="module")
def lasso(sample):
    return fit(gather_statistics(sample.train[:4], jobs=1), paper_estimators()["lasso"])


@pytest.fixture(scope="module")
def photo(sample):
    lab = rgb_to_lab(sample.test[0][30:54, 40:70])
    return lab[..., 0], lab[..., 1:]


def test_propagation_is_its_system_solved(lasso, photo):
    lightness, ab = photo
    hints = hide_pixels(ab, 0.8)
    expected = solve(neighbour_system(lasso, lightness, hints)).ab
    found = Propagation("lasso", "neighbour", lasso).colorize(lightness, hints).ab
    assert (found == expected).all()
    flat = Propagation("edge-aware", "edge-aware", beta=0.0).colorize(lightness, hints).ab
    assert abs(flat - Propagation("edge-aware", "edge-aware").colorize(lightness, hints).ab).max() > 1


@pytest.mark.parametrize("kind", ["edge-aware", "levin"])
def test_the_tolerance_is_the_solvers(photo, monkeypatch, kind):
    asked = []

    def asking(system, method, tol):
        asked.append((method, tol))
        return solve(system, method, tol)

    monkeypatch.setattr(colorizers, "solve", asking)
    lightness, ab = photo
    hints = hide_pixels(ab, 0.9)
    fine, rough = (Propagation("", kind, tol=tol).colorize(lightness, hints).ab for tol in (1e-8, 1e-2))
    Propagation("", kind, solver="lu").colorize(lightness, hints)
    assert asked == [("auto", 1e-8), ("auto", 1e-2), ("lu", 1e-6)] and 0 < np.abs(fine - rough).max()


def test_colours_that_cannot_be_are_named():
    """Weights that sum to 1.001 in a small hole, and in one of a size for which an eigenvalue is near 0."""
    coefficients = np.zeros((2, 25))
    coefficients[0, 8:16] = coefficients[1, 16:24] = 1.001 / 8
    lightness = np.full((60, 60), 50, np.float32)
    known = np.ones((60, 60), bool)
    for side, wild in ((10, False), (58, True)):
        known[:] = True
        known[1 : 1 + side, 1 : 1 + side] = False
        hints = Hints(np.zeros((60, 60, 2), np.float32), known)
        model = NeighbourModel(coefficients, np.full(2, 1.0))
        found = Propagation("a", "neighbour", model, solver="lu").colorize(lightness, hints)
        assert found.converged and (abs(found.ab).max() > 200) == wild
        assert ("explode" in found.note) == wild


def test_biharmonic_fills_a_smooth_plane_and_a_hole(photo):
    """A linear colour gradient is biharmonic, so it must come back; so must the values outside [0, 1]."""
    y, x = np.mgrid[:20, :24].astype(np.float32)
    ab = np.dstack([2 * x - 20, 30 - 3 * y])
    known = np.ones((20, 24), bool)
    known[8:12, 9:14] = False
    found = Biharmonic().colorize(np.full((20, 24), 50, np.float32), Hints(ab, known)).ab
    np.testing.assert_allclose(found, ab, atol=0.05)


def test_a_solve_that_stops_early_says_so_in_the_answer(lasso, photo, monkeypatch):
    monkeypatch.setattr(colorizers, "solve", functools.partial(solve, maxiter=2, tol=1e-12))
    lightness, ab = photo
    found = Propagation("lasso", "neighbour", lasso, solver="bicgstab").colorize(lightness, hide_pixels(ab, 0.8))
    assert np.isfinite(found.ab).all() and not found.converged and found.residual > 1e-12
    assert found.note.startswith("the solver gave up after 2 iterations at a relative residual of ")
    monkeypatch.undo()
    solved = Propagation("edge-aware", "edge-aware").colorize(lightness, hide_pixels(ab, 0.8))
    assert solved.converged and solved.residual <= 1e-6 * 1.01 and solved.note == ""
