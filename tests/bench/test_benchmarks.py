"""Each benchmark at a tiny scale: what its table holds, and where it goes. No time is asserted."""

import numpy as np
import pandas as pd
import pytest

from nbhelpers import paths, system
from nbhelpers.bench import benchmarks, classical

TINY = {
    "statistics": {"n": 8, "direct": 2, "size": 24},
    "solvers": {"size": 24, "small": 16, "shares": (0.2, 0.8), "n": 2, "repeats": 1},
    "slider": {"size": 24, "n": 2, "repeats": 1},
    "explorer": {"size": 24, "unknown": (80,), "repeats": 1},
    "rows": {"n": 5, "size": 32},
    "training": {"n": 64, "size": 32, "width": 2, "repeats": 1},
    "packs": {"n": 2, "sizes": (48, 32)},
    "imports": {"repeats": 1},
    "lab": {"size": 24, "repeats": 1},
}
PLACES = ("DATA", "FIGURES")


class Measured(dict):
    """{name: table} of the benchmarks, each measured when it is first asked for."""

    def __init__(self, data):
        super().__init__()
        self.data = data

    def __missing__(self, name):
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("NBHELPERS_PHOTOS", raising=False)
            patch.setattr(paths, "DATA", self.data)
            self[name] = benchmarks.BENCHMARKS[name](**TINY[name])
        return self[name]


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return Measured(tmp_path_factory.mktemp("data"))


def test_the_names_are_those_of_the_benchmarks():
    assert benchmarks.NAMES == (*TINY, "notebooks")  # the last is a whole run, which tests/notebooks makes


@pytest.mark.parametrize("name", TINY)
def test_every_table_has_positive_times_and_a_ratio_to_something(tables, name):
    table = tables[name]
    assert {"seconds", "ratio", "against"} <= set(table.columns)
    assert (table["seconds"] > 0).all() and (table["ratio"].dropna() > 0).all() and table["ratio"].notna().any()
    assert table["against"].str.len().min() > 5
    if "against_seconds" in table and name not in ("slider", "imports"):
        compared = table.dropna(subset="against_seconds")
        np.testing.assert_allclose(compared["ratio"], compared["against_seconds"] / compared["seconds"])


def test_statistics_counts_rows_and_finds_scikit_learns_coefficients(tables, sample):
    table = tables["statistics"]
    assert table["rows"].tolist() == [8 * 22**2] + [2 * 22**2] * 3
    assert table["photos"].tolist() == [f"sample: {len(sample.train)}, 2 times over"] + ["sample: 2"] * 3
    assert table["peak_mib"][0] > 50 and table["peak_mib"][1:].isna().all()
    tight = table[table["what"].str.contains("tolerance as here")]
    assert len(tight) == 1 and (tight["largest_difference"] < 1e-4).all()
    per_row = table["seconds"] / table["rows"]
    np.testing.assert_allclose(table["ratio"], per_row / per_row[0])
    np.testing.assert_allclose(table["ratio_same_rows"], per_row / per_row[1])


def test_solvers_measures_each_method_at_each_share_and_size(tables):
    table = tables["solvers"]
    expected = [(s, m, u) for s in (24, 16) for m in classical.METHODS for u in (0.2, 0.8)]
    assert list(table[["photo_size", "method", "unknown"]].itertuples(index=False, name=None)) == expected
    assert table["ratio"].notna().tolist() == [False] * 12 + [True] * 12
    assert (table["residual"] <= 1.01e-6)[table["converged"]].all() and table["converged"].mean() > 0.5


def test_slider_and_imports_and_lab_say_what_was_measured(tables):
    assert tables["slider"]["method"].tolist() == list(classical.METHODS)
    assert tables["imports"]["what"].tolist()[0] == "python -c pass" and tables["imports"]["added_seconds"][0] == 0
    assert tables["lab"]["what"].tolist() == ["rgb_to_lab", "lab_to_rgb"]
    assert (tables["lab"][["peak_mib", "against_peak_mib", "memory_ratio"]] > 0).all(axis=None)


def test_the_explorer_has_a_place_for_how_each_network_was_trained(tables):
    table = tables["explorer"]  # of a machine without any model: what needs none is measured
    assert (table["photo_size"] == 24).all() and {"size", "width", "epochs", "seeds"} <= set(table)


def test_the_command_writes_one_table_and_the_machine(tmp_path, monkeypatch, capsys):
    for place in PLACES:
        monkeypatch.setattr(paths, place, tmp_path / place.lower())
    monkeypatch.setitem(benchmarks.BENCHMARKS, "lab", lambda: classical.lab(**TINY["lab"]))
    benchmarks.main("lab")
    written = pd.read_csv(tmp_path / "figures" / "bench" / "lab.csv")
    assert written["what"].tolist() == ["rgb_to_lab", "lab_to_rgb"]
    assert (written["machine"] == system.processor()).all()
    described = pd.read_csv(tmp_path / "figures" / "bench" / "machine.csv").set_index("item")["value"]
    assert described["numpy"] == np.__version__ and {"processor", "python", "scipy"} <= set(described.index)
    assert sorted(p.name for p in (tmp_path / "figures" / "bench").iterdir()) == ["lab.csv", "machine.csv"]
    shown = capsys.readouterr().out
    assert "rgb_to_lab" in shown and "ratio" in shown and str(tmp_path) not in shown


def test_without_a_name_all_are_run(tmp_path, monkeypatch):
    for place in PLACES:
        monkeypatch.setattr(paths, place, tmp_path / place.lower())
    for name in benchmarks.NAMES:
        monkeypatch.setitem(benchmarks.BENCHMARKS, name, lambda name=name: pd.DataFrame({"what": [name]}))
    benchmarks.main()
    assert {p.stem for p in (tmp_path / "figures" / "bench").iterdir()} == {*benchmarks.NAMES, "machine"}
    for name in benchmarks.NAMES:
        assert pd.read_csv(tmp_path / "figures" / "bench" / f"{name}.csv")["what"].tolist() == [name]


def test_a_benchmark_that_fails_leaves_the_older_table(tmp_path, monkeypatch):
    for place in PLACES:
        monkeypatch.setattr(paths, place, tmp_path / place.lower())
    older = tmp_path / "figures" / "bench" / "lab.csv"
    older.parent.mkdir(parents=True)
    older.write_text("what\nolder\n")

    def fails():
        raise KeyboardInterrupt

    monkeypatch.setitem(benchmarks.BENCHMARKS, "lab", fails)
    with pytest.raises(KeyboardInterrupt):
        benchmarks.main("lab")
    assert older.read_text() == "what\nolder\n"
    assert sorted(p.name for p in older.parent.iterdir()) == ["lab.csv", "machine.csv"]


def test_photos_of_a_folder_are_named_without_their_path(tmp_path, monkeypatch):
    from skimage import data, io

    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    for part, photo in (("train", data.chelsea()), ("test", data.coffee())):
        (tmp_path / "holidays" / part).mkdir(parents=True)
        io.imsave(tmp_path / "holidays" / part / "one.png", photo)
    monkeypatch.setenv("NBHELPERS_PHOTOS", str(tmp_path / "holidays"))
    table = classical.lab(size=24, repeats=1)
    assert (table["photos"] == "holidays").all()


def test_the_median_leaves_the_first_call_out():
    calls = []
    assert system.median_seconds(lambda: calls.append(1), 3) >= 0
    assert len(calls) == 4


def test_the_peak_of_a_call_is_what_it_allocates():
    assert 8 <= system.peak_of_call(lambda: np.ones((1024, 1024))) < 9
    assert system.peak_of_process() > 20


def test_a_library_that_is_not_installed_is_left_out(monkeypatch):
    found = system.version

    def without_pyamg(name):
        if name == "pyamg":
            raise system.PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(system, "version", without_pyamg)
    found_here = set(system.machine())
    assert "pyamg" not in found_here and {"processor", "numpy", "torch"} <= found_here


def test_packs_of_higher_quality_have_less_error_and_more_bytes(tables):
    table = tables["packs"]
    assert set(table["photo_size"]) == {48, 32} and set(table["photos"]) == {"sample: 2"} and len(table) == 12
    for _, part in table.groupby(["photo_size", table["what"].str.split().str[0]]):
        assert part["bytes_per_photo"].is_monotonic_increasing
        assert part["ab_mse"].is_monotonic_decreasing and part["l_mse"].is_monotonic_decreasing
    small = table[(table["photo_size"] == 48) & (table["what"] == "WebP 80")].iloc[0]
    assert 0.5 < small["ab_mse"] < 60 and 300 < small["bytes_per_photo"] < 6000


def test_training_measures_each_switch_and_both_gans_against_a_plain_loop(tables):
    table = tables["training"]
    assert table["what"].str.startswith("unet:").sum() == 6 and table["what"].str.startswith("gan").sum() == 2
    frozen = table[8:]  # against the same network, whose features come anew in each step
    assert frozen["what"].str.startswith("unet-pretrained").all() and len(frozen) == 3
    assert (frozen["against"] == table["what"][8]).all() and table["ratio"][8] == 1
    assert table["ratio"][0] == 1 and (table["against"][:8] == table["what"][0]).all()
    np.testing.assert_allclose(table["photos_per_second"] * table["seconds"], 1)
