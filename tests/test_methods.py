"""The table of methods is the only list of them: all others come from it, and it is true."""

import numpy as np
import pytest

from nbhelpers import methods, registry
from nbhelpers.evaluation.paper import table_1
from nbhelpers.hints import HINTS_UNUSED, Hints
from nbhelpers.linear.neighbours import paper_estimators
from nbhelpers.networks import config
from nbhelpers.rows.regressor import KINDS, paper_models

METHODS = methods.METHODS


def test_a_method_stands_under_its_own_name_and_is_described():
    assert [method.name for method in METHODS.values()] == list(METHODS) == list(registry.names())
    labels = [method.label for method in METHODS.values()]
    assert all(labels) and len(set(labels)) == len(labels)
    for method in METHODS.values():
        assert bool(method.file) == bool(method.made_by)
        assert not method.spreads_hints or method.uses_hints


def test_what_the_wings_fit_is_in_the_table():
    assert registry.ROWS == KINDS == tuple(paper_models())
    assert set(registry.LINEAR) == set(paper_estimators())
    assert set(registry.FOUR) == set(table_1()["method"])
    assert set((*registry.NETWORKS, *registry.HINTED)) == set(config.CONFIGS)


def test_the_lists_are_those_that_they_were():
    assert registry.CLASSICAL == ("grey", "mean", "nearest", *registry.LINEAR, "edge-aware", "levin", "biharmonic")
    assert registry.BLIND == ("grey", "mean", "position-mean", *KINDS, *registry.NETWORKS)
    assert set(registry.COMPARED) == set(METHODS) - {"biharmonic", *registry.HINTED}
    assert registry.SLIDING[:2] == ("hinted", "edge-aware")  # what the explorer begins with


@pytest.mark.parametrize("name", registry.SLIDING)
def test_the_table_says_who_looks_at_hints(name):
    """Of those that the course has models for: an answer depends on the hints, or it says that it does not."""
    lightness = np.linspace(20, 80, 24 * 24, dtype=np.float32).reshape(24, 24)
    known = np.zeros((24, 24), bool)
    known[4:8, 4:8] = True
    red = Hints(np.full((24, 24, 2), 50, np.float32), known)
    colorizer = registry.load(name)
    bare, given = colorizer.colorize(lightness, Hints.none((24, 24))), colorizer.colorize(lightness, red)
    assert HINTS_UNUSED not in bare.note and (HINTS_UNUSED in given.note) == (not METHODS[name].uses_hints)
    assert np.array_equal(bare.ab[~known], given.ab[~known]) == (not METHODS[name].uses_hints)
