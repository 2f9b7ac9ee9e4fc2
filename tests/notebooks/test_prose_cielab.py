"""Notebook 01: each number of its prose has a source, and each comparison in words holds in the committed tables."""

import numpy as np
import prose
import pytest

from nbhelpers.colour import chroma
from nbhelpers.colour.lab import RGB_TO_XYZ, lab_to_rgb, rgb_to_lab
from nbhelpers.evaluation.reference import table
from nbhelpers.evaluation.statistics import FEW

NAME = "01_cielab"
GIVEN = {
    "nb01-08": "0 100 40 140 300",  # hues, tested below
    "nb01-10": "0 1 2 15 18 255 61966",
    "nb01-21": "0.299 0.587 0.114 1",
    "nb01-21c": "1",
    "nb01-23": "-128 127",
    "nb01-37": "0 142",
    "nb01-37d": "1 20 40 255",
    "nb01-39": "-128 128 256",
    "nb01-45": "0 2 4",
    "nb01-47": "02 03 0 2 4",
    "nb01-52": "0 10 30",
    "nb01-54": "1 2.5 95 97.5 160,000",
    "nb01-60": "0.7",
    "nb01-60c": "04 06",
    "nb01-60f": "5",
    "nb01-62": "-1 0 1 32",
    "closing": "1 2 3 4 7 15 30 34 61966 10.1002 10.1145 10.1214 103085.103089 1176344552",
}
MEASURED = {
    "nb01-10": {"32": float(rgb_to_lab(np.uint8([0, 0, 255]))[0])},
    "nb01-21": dict(zip(("0.213", "0.715", "0.072"), RGB_TO_XYZ[1])),
    "nb01-37d": {"2.55": 255 / 10 ** (40 / 20)},
}


@pytest.fixture(scope="module")
def cells():
    return prose.cells(NAME)


def printed(cell):
    return "".join(o.get("text", "") or o.get("data", {}).get("text/markdown", "") for o in cell.outputs)


def test_each_number_has_a_source():
    prose.check(NAME, GIVEN, MEASURED)


def test_the_colours_of_the_screen_are_as_described():
    rgb = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0), "grey": (128,) * 3}
    lab = {name: rgb_to_lab(np.uint8(value)) for name, value in rgb.items()}
    for name, hue in {"red": 40, "yellow": 100, "green": 140, "blue": 300}.items():
        assert abs(np.degrees(np.arctan2(lab[name][2], lab[name][1])) % 360 - hue) < 7, name
        assert np.hypot(*lab[name][1:]) > 90  # a large chroma
    assert lab["yellow"][0] > 95
    assert 25 < lab["blue"][0] < min(lab["red"][0], lab["green"][0], lab["grey"][0])  # far from black


def test_luma_is_mostly_too_dark_and_equal_for_greys():
    steps = np.arange(0, 256, 15, dtype=np.uint8)
    many = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 3)
    luma = np.rint(chroma.luma(many)).astype(np.uint8)
    gap = rgb_to_lab(np.repeat(luma[:, None], 3, axis=1))[:, 0] - rgb_to_lab(many)[:, 0]
    grey = np.ptp(many, axis=1) == 0
    assert np.abs(gap[grey]).max() < 0.01 and (gap[~grey] < -1).mean() > 0.7 and 0 < (gap > 1).mean() < 0.1
    spread = np.hypot(*rgb_to_lab(many)[:, 1:].T)
    assert np.corrcoef(spread, gap)[0, 1] < -0.5  # "the more, the larger the chroma"


def test_the_worst_of_rounded_cielab_is_a_cyan_whose_red_is_lost():
    colour = np.uint8([25, 235, 255])
    assert lab_to_rgb(np.rint(rgb_to_lab(colour))).tolist() == [0, 234, 254]


def test_blurred_chroma_is_seen_less_and_few_levels_are_seen_in_the_reference_run():
    losses = table("01_losses")
    assert list(losses) == ["change", "amount", "delta_e", "psnr"]
    wide = losses.pivot(index="amount", columns="change", values=["delta_e", "psnr"])
    blurred = wide.drop(columns=["chroma quantized"], level="change").dropna()
    assert (blurred["delta_e", "chroma blurred"] < blurred["delta_e", "lightness blurred"]).all()
    assert (blurred["psnr", "chroma blurred"] > blurred["psnr", "lightness blurred"]).all()
    levels = wide["delta_e", "chroma quantized"].dropna()
    assert levels.index[levels < 1].min() == 128  # as nb01-44 prints it


def test_the_mean_colour_is_better_than_grey_in_the_reference_run(cells):
    found = table("01_baselines")
    assert list(found) == ["measure", "method", "mean", "low", "high", "photos", "not_converged"]
    by = found.set_index(["measure", "method"])
    assert by.loc[("ab_mse", "mean"), "mean"] < by.loc[("ab_mse", "grey"), "mean"]
    assert by.loc[("psnr", "mean"), "mean"] > by.loc[("psnr", "grey"), "mean"]
    said = printed(cells["nb01-55c"])
    for method in ("grey", "mean"):
        line = by.loc[("ab_mse", method)]
        assert f"{line['mean']:.0f} ({line['low']:.0f} to {line['high']:.0f})" in said
    assert f"{by['photos'].iloc[0]} photos to test on" in said


def test_intervals_of_few_photos_carry_a_warning(cells):
    said = printed(cells["nb01-55c"])
    photos = int(said.split("**This run**, ")[1].split()[0])
    assert photos < FEW and "Do not trust these intervals" in said


def test_the_brown_of_the_reference_stands_where_brown_is_said(cells):
    source = cells["nb01-58d"].source
    assert "**brown**" in source and "](../figures/reference/01_brown.webp)" in source
    brown = [id for id, cell in cells.items() if "brown" in cell.source and cell.cell_type == "markdown"]
    assert brown[0] == "nb01-58d"  # nowhere before
    a, b = table_mean()
    assert 50 < np.degrees(np.arctan2(b, a)) < 90  # the hue that the notebook calls brown


def table_mean():
    from nbhelpers import registry

    return registry.load("mean").ab
