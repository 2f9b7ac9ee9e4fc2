"""What notebook 03 says in words holds in the reference run's tables; what it prints, it makes from its own."""

import numpy as np
import prose
import pytest

from nbhelpers.evaluation import reference
from nbhelpers.registry import FOUR

STEM = "03_sparse_system"


@pytest.fixture(scope="module")
def means():
    return reference.table("03_table1").pivot(index="method", columns="unknown", values="mean")


def test_each_number_of_the_prose_is_a_definition_or_the_papers():
    given = {
        "nb03-07": "1 16 6.25",
        "nb03-09": "24 4",
        "nb03-09f": "15 1e-16 20 90",
        "nb03-09h": "1 30",
        "nb03-13": "1e-6",
        "nb03-16c": "100 16",
        "nb03-25": "200",
        "nb03-28": "99",
        "nb03-28c": "1",
        "nb03-35": "1,000 90",
        "nb03-36c": "1 250",
        "nb03-36e": "1",
        "nb03-37": "100",
        "nb03-40": "1 1e-6 1e-7",
        "nb03-43": "250",
        "nb03-48": "95",
        "nb03-50b": "80",
        "nb03-50e": "12 4",
        "nb03-52": "0 1 128 32 80",
        "nb03-57": "1 100 2 2,000 20 5 95",
        "nb03-59": "6 80",
        "nb03-63": "1 1.3 80",
        "closing": "0 60 100 400",
    }
    first = reference.table("03_row_sums").groupby("method")["crossing, side in pixels"].min()
    prose.check(STEM, given, {"nb03-35": {"34": first["ols"], "62": first["elasticnet"]}})


def test_the_page_of_four_by_four_ends_at_its_sides_colours():
    """The hints are 20 on the dark side and -15 on the light one, and a weight across is exp(-25 * 38 / 100)."""
    assert np.exp(-25 * 38 / 100) < 1e-4
    assert np.exp(-25 * 12 / 100) == pytest.approx(1 / 20, rel=0.01)  # "a step of 12 units a twentieth"


def test_a_preconditioner_flattens_the_spectrum_and_saves_steps():
    table = reference.table("03_preconditioners").set_index("preconditioner")
    for column in ("condition number", "bound for 1e-6, steps", "steps taken"):
        assert table.loc["AMG", column] < table.loc["Jacobi", column] <= table.loc["none", column], column


def test_edges_cost_at_small_percentages_and_help_at_large_ones(means):
    gap = means.loc["edge-aware"] - means.loc["sum-to-one"]
    assert (gap[[0.2, 0.4, 0.6, 0.8]] > 0).all() and (gap[[0.95, 0.99]] < 0).all()


def test_ols_is_better_than_lasso_up_to_80_percent_and_all_four_than_printed(means):
    few = [0.2, 0.4, 0.6, 0.8]
    assert (means.loc["ols", few] < means.loc["lasso", few]).all()
    assert (means.loc["ols", few] <= means.loc[list(FOUR), few].min() * (1 + 1e-6)).all()  # the smallest of the four
    table = reference.table("03_table1").dropna(subset="printed")
    known, none = table[table["unknown"] < 1], table[table["unknown"] == 1]
    assert len(known) == 16 and (known["printed"] > 5 * known["mean"]).all()
    assert len(none) == 4 and (none["printed"] < none["mean"]).all()


def test_every_cell_of_table_1_is_solved_and_says_what_bicgstab_reached():
    table = reference.table("03_table1")
    assert (table["not_converged"] == 0).all() and table["mean"].notna().all()
    told = table[table["bicgstab_reached"].notna()]
    assert set(zip(told["method"], told["unknown"])) == {(name, share) for name in FOUR for share in (0.99, 1.0)}
    assert (told.query("method == 'ols'")["bicgstab_reached"] == 0).all()


def test_anchors_differ_by_more_than_a_decibel_with_one_patch_and_hardly_with_ten():
    table = reference.table("03_anchor").set_index("method").drop(columns="photos")
    table.columns = table.columns.astype(int)
    for kind in ("edge-aware", "sum-to-one"):
        weak = table.loc[[f"{kind} 1e-0{k}" for k in (6, 7, 8)]]
        assert np.ptp(table.loc[[n for n in table.index if n.startswith(kind)], 1]) > 1
        assert np.ptp(weak[10]) < 0.5


def test_averages_have_no_negative_eigenvalue_and_ols_has():
    table = reference.table("03_eigenvalues").set_index(["method", "unknown, %"])["smallest eigenvalue"]
    assert (table["sum-to-one"] > 0).all() and (table["ols"].loc[[99, 100]] < 0).all()
    weights = reference.table("03_row_sums").set_index(["method", "channel"])["sum of |weights|"]
    assert weights["sum-to-one"].tolist() == pytest.approx([1, 1]) and (weights["ols"] > 1.5).all()


def test_errors_in_a_hole_peak_where_an_eigenvalue_was_expected_to_cross():
    holes = reference.table("03_hole_errors")
    errors = holes.pivot(index="side of the hole, pixels", columns="method", values="ab-MSE in the hole")
    sums = reference.table("03_row_sums").groupby("method")["crossing, side in pixels"].min()
    crossed = [name for name, side in sums.items() if side < errors.index.max() - 4]
    assert "ols" in crossed and sums["sum-to-one"] == np.inf
    for name in crossed:
        near = errors.index[abs(errors.index - sums[name]) <= 4]
        assert errors.loc[near, name].max() > 10 * errors.loc[: sums[name] - 10, name].max()
        signs = reference.table("03_holes").set_index("side of the hole, pixels")[name]
        assert (signs[signs.index < sums[name] - 3] > 0).all() and (signs[signs.index > sums[name] + 3] < 0).all()
    assert errors["sum-to-one"].max() < 100
    assert sorted(crossed) == ["elasticnet", "ols"] and sums["lasso"] > 90 == errors.index.max()


def test_no_protocol_gives_the_printed_table_and_the_nearest_hardly_solve():
    ranking = reference.table("03_protocol_ranking")
    full = ranking[ranking["cells"] == 20].sort_values("scatter")
    assert full["scatter_low"].min() > 1.1 and full["photos"].min() >= 20
    assert full["protocol"].iloc[:3].str.contains("1 BiCG step|1 step|predicted once").all()
    assert set(ranking["photos"]) == {ranking["photos"].max()}
    tables = reference.table("03_protocols")
    nearest = tables[(tables["protocol"] == full["protocol"].iloc[0]) & (tables["unknown"] < 1)]
    wide = nearest.pivot(index="unknown", columns="method", values="ab_mse")
    assert (wide["ols"] >= wide.max(axis=1) * (1 - 1e-6)).all()  # its column is the largest


def test_the_largest_wave_has_one_minus_the_sum_and_the_other_channel_moves_it_for_ols_alone():
    """As the note below the table of sums says: with nothing known the smallest eigenvalue is that of one colour."""
    lowest = reference.table("03_eigenvalues").query("`unknown, %` == 100").set_index("method")["smallest eigenvalue"]
    sums = reference.table("03_row_sums").groupby("method")
    most, other = sums["sum of own weights"].max(), sums["other channel"].apply(lambda weights: abs(weights).max())
    for name in ("lasso", "elasticnet"):
        assert lowest[name] == pytest.approx(1 - most[name], abs=1e-6) and other[name] == 0
    assert 0.05 < lowest["ols"] / (1 - most["ols"]) - 1 < 0.3 and other["ols"] > 0


def test_the_nearest_pattern_makes_most_of_the_largest_error():
    table = reference.table("03_eigenvalues")
    worst = table.loc[table["exact ab-MSE"].idxmax()]
    assert worst["method"] == "ols" and worst["of one pattern"] > 0.8 * worst["exact ab-MSE"]
