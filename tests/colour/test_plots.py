"""The shared figures: what was put in is what is drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from nbhelpers import paths
from nbhelpers.colour import plots
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.hints import Hints, hide_pixels
from nbhelpers.photos import open_photos


@pytest.fixture(scope="module")
def photos():
    return [rgb for _, rgb in open_photos("sample", 48).test.read()]


@pytest.fixture(autouse=True)
def restore():
    with plt.rc_context():
        yield
    plt.close("all")


def drawn(ax):
    return np.asarray(ax.images[0].get_array())


def test_the_style_can_be_set_outside_a_notebook():
    plots.style()
    assert plt.rcParams["figure.constrained_layout.use"]
    cycle = [(p["color"], p["linestyle"]) for p in plt.rcParams["axes.prop_cycle"]]
    assert len(set(cycle)) == len(cycle) == 2 * len(plots.COLOURS)


def test_the_grid_shows_each_photo_under_its_title(photos):
    figure = plots.photo_grid(photos[:3], ["x", "y", "z"], columns=2, caption="by someone")
    assert len(figure.axes) == 4
    assert [ax.get_title() for ax in figure.axes] == ["x", "y", "z", ""]
    for ax, rgb in zip(figure.axes, photos[:3], strict=False):
        assert np.array_equal(drawn(ax), rgb)
    assert not figure.axes[3].images and not figure.axes[3].axison
    assert figure._supxlabel.get_text() == "by someone"


def test_the_grid_is_no_wider_than_its_photos(photos):
    assert len(plots.photo_grid(photos[:2], columns=4).axes) == 2


def test_a_long_caption_is_wrapped(photos):
    figure = plots.photo_grid(photos[:1], caption="word " * 100)
    assert "\n" in figure._supxlabel.get_text()


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.float32, 100)])
def test_grey_images_have_a_fixed_scale(dtype, white):
    ax = plots.show(np.full((4, 4), 10, dtype), "dark")
    assert ax.images[0].get_clim() == (0, white)
    assert ax.get_title() == "dark" and not ax.axison


def test_show_draws_where_it_is_told(photos):
    ax = plt.subplots()[1]
    assert plots.show(photos[0], ax=ax) is ax
    assert np.array_equal(drawn(ax), photos[0])


def test_a_hinted_photo_has_colour_only_where_it_is_known(photos):
    lab = rgb_to_lab(photos[2])
    hints = hide_pixels(lab[..., 1:], 0.7)
    picture = plots.hinted_photo(lab[..., 0], hints)
    assert np.array_equal(picture[hints.known], photos[2][hints.known])
    grey = lab_to_rgb(lab * np.float32([1, 0, 0]))
    assert np.array_equal(picture[~hints.known], grey[~hints.known])
    assert np.array_equal(plots.hinted_photo(lab[..., 0], Hints.none((48, 48))), grey)


def test_the_error_map_is_the_distance_in_colour():
    truth = np.zeros((5, 6, 2), np.float32)
    ax = plots.error_map(truth + np.float32([3, 4]), truth, largest=20)
    assert np.allclose(drawn(ax), 5) and ax.images[0].get_clim() == (0, 20)
    assert "a*, b*" in ax.child_axes[0].get_ylabel()


def test_the_panels_of_a_colorization_are_alike_in_height_and_place(photos):
    lab = rgb_to_lab(photos[2])
    hints = hide_pixels(lab[..., 1:], 0.7)
    figure = plots.colorization(lab[..., 0], hints, lab[..., 1:] * 0.5, lab[..., 1:], "half the chroma")
    figure.canvas.draw()
    boxes = np.array([ax.get_position().bounds for ax in figure.axes])  # left, bottom, width, height
    assert len(boxes) == 4 and np.ptp(boxes[:, 1:], axis=0).max() < 1e-6
    heights = {ax.title.get_window_extent().y0 for ax in figure.axes}
    assert [ax.get_title() for ax in figure.axes] == ["given (70 % unknown)", "half the chroma", "truth", "error"]
    assert max(heights) - min(heights) < 1


def test_save_figure_writes_a_picture_of_the_figure(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "FIGURES", tmp_path)
    figure = plots.photo_grid(photos[:2], width=4)
    paths.Run("demo", "sample").save_figure(figure, "00_two")
    saved = plt.imread(tmp_path / "demo-sample" / "00_two.webp")
    assert saved.shape[1] > 250 and saved[..., :3].std() > 25
    assert plt.fignum_exists(figure.number)  # it stays open: the notebook shows it
