"""What notebook 04 says in words and numbers, against the committed tables, the profiles, and its own outputs."""

import re
import tomllib

import numpy as np
import prose
import pytest
from prose import shown, table

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.evaluation import reference
from nbhelpers.photos import open_photos
from nbhelpers.rows.pixels import FEATURES
from nbhelpers.rows.study import of_mean_row

ROWS, KINDS = "04_row_by_row", ("tree", "forest", "boosting")


@pytest.fixture(scope="module")
def cells():
    return prose.cells(ROWS)


def test_every_number_of_its_prose_has_a_source():
    with open(prose.NOTEBOOKS / "profiles.toml", "rb") as file:
        there = tomllib.load(file)["reference"][ROWS]
    photos = {"5,000": there["n_train"], "4,500": there["n_train"] - there["n_validation"]}
    kept, tested = {"500": there["n_validation"]}, {"739": table("04_rows")["photos"].max()}
    size = {"400": there["size"]}
    photos_and_size = {"5,000": photos["5,000"]} | size
    models = {"1,620": table("04_fit_timing")["models"].sum()}
    given = {
        "nb04-11": "1",  # depths, leaves, numbers of trees and rates: the paper's
        "nb04-12b": "3",
        "nb04-16": "95 5",
        "nb04-19c": "100",
        "nb04-22": "0",
        "nb04-22e": "10",
        "nb04-28": "95",
        "nb04-34": "1 3",
        "nb04-38": "100",
        "nb04-41": "0.1 100 187 3 400",
        "nb04-42b": "0 1 100 2 400 8",  # of features: their units and names
        "nb04-44": "8 2",
        "nb04-55": "3",
    }
    measured = {
        "nb04-01": models | size,
        "nb04-05": {"5,000": photos["5,000"]} | tested | size,
        "nb04-16": {"4,500": photos["4,500"]} | size,
        "nb04-19": kept,
        "nb04-22": {"4,500": photos["4,500"]} | kept,
        "nb04-22e": kept | size | {"800": table("04_fit_timing").loc["tree", "models"]},
        "nb04-27b": {"5,000": photos["5,000"]},
        "nb04-44": {"200,000": table("04_pixels")["pixels"].max(), "58": len(FEATURES)} | photos_and_size,
        "nb04-48b": {"5,000": photos["5,000"]},
    }
    prose.check(ROWS, given, measured)


def test_what_it_calculates_on_paper():
    y, m = np.array([10.0, 12, 30, 32]), 21
    assert y.mean() == m and y.var() == 101
    falls = [y.var() - (k * y[:k].var() + (4 - k) * y[k:].var()) / 4 for k in (1, 2, 3)]
    assert falls[1] == 100 and round(falls[0]) == 40 and y[1:].mean() == pytest.approx(24.7, abs=0.05)
    assert falls[0] == pytest.approx(1 * 3 / 16 * (y[1:].mean() - y[0]) ** 2)
    group = np.array([-30.0] * 6 + [20.0] * 4)
    assert [np.square(group - p).mean() for p in (-10, -30, 20)] == [600, 1000, 1500] and group.mean() == -10
    ab = np.array([[30.0, 0], [-10, 0]])
    chroma, mean = np.hypot(*ab.T).mean(), ab.mean(axis=0)
    assert (chroma, 1 - np.hypot(*mean) / chroma, np.sqrt(np.square(ab - mean).sum(axis=1).mean())) == (20, 0.5, 20)
    assert 0.9**22 < 0.1 < 0.9**21


def test_the_reference_run_on_one_row():
    errors = table("04_one_row")["MSE, new photos"]
    ratio = errors / errors["mean row"]
    assert ratio[list(KINDS)].between(0.95, 1, inclusive="neither").all()  # below the mean row, by a few per cent


def test_reduced_targets_change_less_than_half_a_per_cent_and_save_most_of_the_time():
    assert (table("04_reduced")["mse_ratio"] - 1).abs().max() < 0.005
    assert table("04_reduced_timing")["times_faster"].min() > 2


def test_rows_come_out_brown_and_pixels_a_little_better():
    rows, pixels = table("04_rows"), table("04_pixels")
    of_rows, of_pixels = rows.loc[list(KINDS), "of mean colour"], pixels["of mean colour"]
    assert of_rows.between(0.95, 1, inclusive="neither").all()
    assert (rows.loc[list(KINDS), "hue_spread"] < 0.05).all()
    assert ((rows.loc[list(KINDS), "chroma"] - rows.loc["mean colour", "chroma"]).abs() < 0.5).all()
    assert rows.loc["forest", "spread"] < rows.loc["tree", "spread"]
    assert rows.loc["truth", "chroma"] > 1.5 * rows.loc[list(KINDS), "chroma"].max()
    for kind in KINDS:
        assert of_pixels[f"{kind}, pixels"] < of_rows[kind]
    assert of_pixels.idxmin() == "boosting, deep, pixels"
    assert pixels.loc["forest, pixels", "hue_spread"] < 0.05  # nearly as brown as that of rows


def test_the_deep_boosting_is_about_as_colourful_as_its_error_allows_and_far_paler_than_the_truth():
    truth, deep = table("04_rows").loc["truth"], table("04_pixels").loc["boosting, deep, pixels"]
    allowed = np.sqrt(2 * deep["ab_mse"] * (1 / deep["of mean colour"] - 1))
    assert deep["spread"] == pytest.approx(allowed, rel=0.05)
    assert deep["spread"] < truth["spread"] / 2
    assert truth["spread"] == pytest.approx(np.sqrt(2 * table("04_rows").loc["mean colour", "ab_mse"]), rel=0.01)


def test_more_photos_cure_the_overfitting_not_the_brown():
    found = of_mean_row(reference.table("04_learning")).set_index(["method", "photos"])
    for kind in KINDS:
        known, new = found.loc[kind, "training"], found.loc[kind, "validation"]
        assert known.is_monotonic_increasing and known.max() < 100
        assert new.is_monotonic_decreasing and new.iloc[0] > 100
        assert 95 < new.iloc[-1] < 100
        assert abs(new.iloc[-1] - known.iloc[-1]) < abs(new.iloc[0] - known.iloc[0]) / 3


def test_what_it_says_of_this_run_is_so_on_the_photos_that_it_shows(cells):
    one = {line[0]: [float(n) for n in line[1:]] for line in shown(cells["nb04-22d"])[1:]}
    errors = {name: numbers[-1] for name, numbers in one.items()}
    assert min(errors, key=errors.get) == "mean row"
    assert one["tree"][0] > one["mean row"][0] > 0  # painted: more yellow than the mean row
    b = [rgb_to_lab(photo)[..., 2].mean() for photo in open_photos("sample", size=200).train[:5]]
    assert min(b[:4]) > 0 > b[4]  # learned from, held out
    titles = shown(cells["nb04-29b"])[0]
    photos = [dict(zip(titles, line, strict=True)) for line in shown(cells["nb04-29b"])[1:]]
    mean = float(re.search(r"b\* = (-?[\d.]+)", cells["nb04-26"].outputs[0].text)[1])
    assert len(photos) == 4
    brown = {line[0]: line[1:] for line in shown(cells["nb04-32b"])[1:]}
    hues = [float(brown[name][3]) for name in ("truth", "tree")]
    assert abs(hues[0] - hues[1]) < 0.03 and 95 < float(brown["tree"][1].rstrip("%")) < 100
    assert all(float(photo["b*, boosting"]) > mean for photo in photos)
    assert [float(photo["b*, truth"]) > mean for photo in photos] == [True, True, True, False]
    shares = [float(photo["boosting"].rstrip("%")) for photo in photos]
    assert max(shares[:3]) < 100 < shares[3] and min(shares) < 50  # wins by up to more than half of the error
