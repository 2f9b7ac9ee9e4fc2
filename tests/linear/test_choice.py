"""Which solver "auto" is: each kind of system on both sides of each threshold."""

import dataclasses

import numpy as np
import pytest

from nbhelpers.hints import Hints
from nbhelpers.linear import solvers
from nbhelpers.linear.neighbours import NeighbourModel
from nbhelpers.linear.systems import edge_aware_system, levin_system, neighbour_system

# Known columns at these distances from each other, and how far unknown pixels then are from a known one, on average.
STRIPES = {
    1.588: [5, 5, 5, 6],
    1.615: [5, 5, 6],
    3.5: [13],  # exactly
    3.522: [13] * 12 + [14],
    5.5: [21],  # exactly
    5.545: [21] * 5 + [22],
}


def stripes(steps):
    known = np.zeros((4, sum(steps) + 1), bool)
    known[:, np.cumsum([0, *steps])] = True
    return Hints(np.zeros((*known.shape, 2)), known)


def model(side=0.125, **weights):
    """Each neighbour's own channel with the same weight, the first one as `first` says, all else 0."""
    coefficients = np.zeros((2, 25))
    for channel in range(2):
        own = coefficients[channel, 8 * (channel + 1) : 8 * (channel + 2)]
        own[:] = side
        own[0] = weights.get("first", side)
    return NeighbourModel(coefficients, np.zeros(2))


def systems(hints):
    lightness = np.random.default_rng(0).uniform(0, 100, hints.known.shape)
    return {
        "edge-aware": edge_aware_system(lightness, hints),
        "levin": levin_system(lightness, hints),
        "averages": neighbour_system(model(), lightness, hints),
        "growing": neighbour_system(model(0.13), lightness, hints),  # rows sum to less than 0
        "of both signs": neighbour_system(model(0.1, first=-0.01), lightness, hints),
    }


@pytest.mark.parametrize("far", STRIPES)
def test_the_stripes_are_as_far_apart_as_they_say(far):
    known = stripes(STRIPES[far]).known
    places = np.flatnonzero(known[0])
    distances = [min(abs(places - i)) for i in range(known.shape[1]) if not known[0, i]]
    assert round(np.mean(distances), 3) == far


CHOICES = {
    "edge-aware": ("cg",) + ("cg+amg",) * 5,
    "levin": ("cg", *("cg+amg",) * 4, "lu"),
    "averages": ("bicgstab",) + ("bicgstab+amg",) * 5,
    "growing": ("bicgstab",) * 3 + ("lu",) * 3,
    "of both signs": ("bicgstab",) * 3 + ("lu",) * 3,
}


@pytest.mark.parametrize("kind", CHOICES)
def test_the_choice_on_both_sides_of_the_thresholds(kind):
    found = tuple(solvers._choose(systems(stripes(steps))[kind]) for steps in STRIPES.values())
    assert found == CHOICES[kind]


def test_the_choice_where_nothing_is_known():
    found = {kind: solvers._choose(system) for kind, system in systems(Hints.none((6, 7))).items()}
    assert found == {kind: choices[-1] for kind, choices in CHOICES.items()}


def test_a_system_too_large_for_factors_takes_steps(monkeypatch):
    many = systems(stripes(STRIPES[5.545]))
    monkeypatch.setattr(solvers, "_DIRECT", many["growing"].matrix.shape[0])
    assert solvers._choose(many["growing"]) == "lu"
    monkeypatch.setattr(solvers, "_DIRECT", many["growing"].matrix.shape[0] - 1)
    assert solvers._choose(many["growing"]) == "bicgstab" and solvers._choose(many["levin"]) == "lu"


def test_auto_is_what_was_chosen(monkeypatch):
    system = systems(stripes([5, 5, 6]))["averages"]
    monkeypatch.setattr(solvers, "_choose", lambda system: "lu")
    auto, lu = solvers.solve(system), solvers.solve(system, "lu")
    assert auto.iterations == lu.iterations == 1 and np.array_equal(auto.ab, lu.ab)


def test_what_gave_up_is_solved_directly_unless_it_is_too_large(monkeypatch):
    system = systems(stripes([5, 5, 5, 6]))["averages"]
    rhs = np.random.default_rng(0).normal(size=system.rhs.shape)
    system = dataclasses.replace(system, rhs=rhs)
    few, exact = solvers.solve(system, "bicgstab", tol=1e-14, maxiter=1), solvers.solve(system, "lu")
    auto = solvers.solve(system, tol=1e-14, maxiter=1)
    assert not few.converged and auto.converged and np.array_equal(auto.ab, exact.ab)
    monkeypatch.setattr(solvers, "_DIRECT", 1)
    assert not solvers.solve(system, tol=1e-14, maxiter=1).converged
