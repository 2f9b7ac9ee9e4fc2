"""The figures about CIELAB: the data that were put in are the data that are drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nbhelpers.colour import chroma, gamut, plots
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.photos import open_photos


@pytest.fixture(scope="module")
def rgb():
    return open_photos("sample", 48).test[2]


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def drawn(ax):
    return np.asarray(ax.images[0].get_array())


@pytest.mark.parametrize(("plane", "low"), [("L", [0, 0, 0]), ("a", [65, -100, 0]), ("b", [65, 0, -100])])
def test_a_ramp_shows_the_colours_of_its_axis(plane, low):
    ramp = plots.ramp(plane)
    assert np.allclose(ramp(0.0)[:3], lab_to_rgb(np.float32(low)) / 255)
    assert np.ptp(ramp(0.5)[:3]) < 0.02  # neutral in the middle
    assert ramp.N == 256


def test_planes_are_the_photo_and_its_lab(rgb):
    figure = plots.planes(rgb, "Photo: a \\$")
    photo, *planes = [ax for ax in figure.axes if ax.images]
    assert np.array_equal(drawn(photo), rgb)
    for ax, plane, limits in zip(
        planes, np.moveaxis(rgb_to_lab(rgb), -1, 0), [(0, 100), (-100, 100), (-100, 100)], strict=True
    ):
        assert np.array_equal(drawn(ax), plane) and ax.images[0].get_clim() == limits
    assert [ax.get_title()[:2] for ax in planes] == ["L*", "a*", "b*"]
    assert figure._supxlabel.get_text() == "Photo: a \\$"


def test_equal_luma_shows_colour_luma_and_lightness():
    four = {"red": (255, 0, 0), "grey": (76, 76, 76)}
    (ax,) = plots.equal_luma(four).axes
    image = drawn(ax)
    assert image[0].tolist() == [[255, 0, 0], [76, 76, 76]]
    assert image[1].tolist() == [[76] * 3, [76] * 3]
    assert image[2, 1].tolist() == [76] * 3 and image[2, 0, 0] == pytest.approx(127, abs=2)  # L* 53
    assert [label.get_text() for label in ax.get_xticklabels()] == ["red", "grey"]
    assert "L* 53" in [text.get_text() for text in ax.texts]


def test_a_signed_map_is_symmetric_about_zero(rgb):
    values = np.linspace(-3, 1, 48 * 48).reshape(48, 48)
    figure = plots.signed_map(values, "difference", largest=5, pictures=[("the photo", rgb)])
    photo, last = figure.axes[:2]
    assert np.array_equal(drawn(photo), rgb) and photo.get_title() == "the photo"
    assert np.array_equal(drawn(last), values) and last.images[0].get_clim() == (-5, 5)
    assert last.child_axes[0].get_ylabel() == "difference"
    assert len(plots.signed_map(values, "alone", 5).axes[0].images) == 1


def test_the_gamut_is_white_outside():
    figure = plots.gamut(30, 70)
    assert len(figure.axes) == 2
    for ax, value in zip(figure.axes, (30, 70), strict=True):
        lab, inside = gamut.gamut_slice(value)
        assert (drawn(ax)[~inside] == 255).all()
        assert np.array_equal(drawn(ax)[inside], lab_to_rgb(lab[inside]))
        assert ax.get_xlabel() == "a*" and f"L* = {value}: {inside.mean():.0%}" in ax.get_title()
    assert figure.axes[0].get_ylabel() == "b*"
    assert figure.axes[0].images[0].origin == "lower"  # b* upwards


def test_gamut_shares_are_drawn_in_percent():
    (ax,) = plots.gamut_shares([0, 50, 100], [0, 0.25, 0]).axes
    assert ax.lines[0].get_ydata().tolist() == [0, 25, 0]
    assert "L*" in ax.get_xlabel() and "%" in ax.get_ylabel()


def test_loss_curves_draw_each_change():
    blurred = pd.DataFrame(
        {"change": ["x", "x", "y", "y"], "amount": [1, 2] * 2, "delta_e": [1, 2, 3, 4], "psnr": [9, 8, 7, 6]}
    )
    quantized = blurred[:2].assign(change="z")
    axes = np.array(plots.loss_curves(blurred, quantized).axes).reshape(2, 2)
    left, right = ([list(line.get_ydata()) for line in ax.lines[:2]] for ax in axes[0])
    assert left == [[1, 2], [3, 4]] and right[0] == [1, 2]
    assert [line.get_ydata().tolist() for line in axes[1, 0].lines] == [[9, 8], [7, 6]]
    assert [text.get_text() for text in axes[0, 0].get_legend().get_texts()] == ["x", "y"]
    assert all(ax.get_xlabel() for ax in axes[1]) and all(ax.get_ylabel() for ax in axes[:, 0])


def test_the_joint_histogram_has_a_upwards_right_and_marks_the_mean():
    lab = np.broadcast_to(np.float32([50, 20.5, -60.5]), (4, 4, 3))
    figure = plots.joint_histogram(chroma.ColourStatistics.of(lab))
    ax, patch = figure.axes[:2]
    shares = ax.images[0].get_array()
    assert shares.count() == 1 and shares[-61 + 128, 20 + 128] == 1  # row b*, column a*
    assert [float(line.get_xdata()[0]) for line in ax.lines if line.get_marker() == "o"] == [20.5]
    assert ax.get_xlabel().startswith("a*") and ax.get_ylabel().startswith("b*")
    assert drawn(patch)[2, 0].tolist() == lab_to_rgb(np.float32([60, 20.5, -60.5])).tolist()


def test_the_joint_histograms_texts_do_not_overlap():
    figure = plots.joint_histogram(chroma.ColourStatistics.of(np.float32([[50, 0.5, 0.5], [50, 9.5, 9.5], [50, 9, 9]])))
    figure.draw_without_rendering()
    _, patch, bar = figure.axes
    right = bar.yaxis.get_label().get_window_extent().x1
    words = [patch.title, *patch.get_yticklabels()]
    assert all(text.get_window_extent().x0 > right for text in words)
    assert all(text.get_window_extent().x1 < figure.bbox.x1 for text in words)


def test_photos_are_ordered_by_the_first_method():
    scores = pd.DataFrame(
        {"photo": ["a", "a", "b", "b"], "method": ["grey", "mean"] * 2, "ab_mse": [5.0, 4.0, 2.0, 3.0]}
    )
    (ax,) = plots.per_photo(scores).axes
    assert [line.get_ydata().tolist() for line in ax.lines] == [[2, 5], [3, 4]]
    assert [line.get_label() for line in ax.lines] == ["grey", "mean"]
    assert ax.get_ylabel() == "ab-MSE" and "photo" in ax.get_xlabel()


@pytest.mark.parametrize("count", [4, plots.NAMED, plots.NAMED + 1])
def test_few_photos_have_their_names_below(count):
    names = [f"the $photo$ nr {i} of the {'x' * i}" for i in range(count)]  # one $ too many would be a formula
    rows = [(name, method, i + d) for i, name in enumerate(names) for method, d in (("grey", 2.0), ("mean", 1.0))]
    (ax,) = plots.per_photo(pd.DataFrame(rows, columns=["photo", "method", "ab_mse"])).axes
    ax.figure.draw_without_rendering()
    labels = [text.get_text() for text in ax.get_xticklabels()]
    if count > plots.NAMED:
        assert not any("photo" in text for text in labels)
        return
    drawn = [label.replace("\\$", "$") for label in labels]
    assert drawn == [f"{name[:17]}…" for name in names] and all("\\$photo\\$" in label for label in labels)
    (joined,) = ax.collections
    assert [sorted(y for _, y in path.vertices) for path in joined.get_paths()] == [
        [i + 1, i + 2] for i in range(count)
    ]
