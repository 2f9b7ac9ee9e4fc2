"""The explorer's pictures: what stands where, and in which colour."""

import io

import numpy as np
import pytest
from PIL import Image

from nbhelpers.explorer import pictures


def test_divided_takes_each_side_from_its_picture():
    left, right = np.zeros((4, 10, 3), np.uint8), np.full((4, 10, 3), 9, np.uint8)
    both = pictures.divided(left, right, 50)
    assert (both[:, :4] == 0).all() and (both[:, 6:] == 9).all() and (both[:, 4:5] == 255).all()
    assert np.array_equal(pictures.divided(left, right, 100), left)
    assert np.array_equal(pictures.divided(left, right, 0), right)


def test_the_error_map_grows_brighter_with_the_error_and_ends_at_its_largest():
    truth = np.zeros((1, 4, 2), np.float32)
    ab = truth + np.float32([0, 10, 30, 90])[None, :, None] * [1, 0]
    picture = pictures.error_picture(ab, truth)
    grey = picture.astype(int).sum(axis=-1)[0]
    assert grey[0] < grey[1] < grey[2] == grey[3]
    legend = pictures.error_legend(50, 3)
    assert np.array_equal(legend[0, 0], picture[0, 0]) and np.array_equal(legend[0, -1], picture[0, 3])


@pytest.mark.parametrize(
    ("ab", "place"), [((60, 0), "right"), ((-60, 0), "left"), ((0, 60), "top"), ((0, -60), "bottom")]
)
def test_the_histogram_has_a_to_the_right_and_b_upwards(ab, place):
    empty = pictures.histogram_picture(np.full((5, 5, 2), 120, np.float32), 200)  # outside the frame: no mark
    marked = pictures.histogram_picture(np.broadcast_to(np.float32(ab), (5, 5, 2)), 200)
    ys, xs = np.nonzero((marked != empty).any(axis=-1))
    where = {"right": xs.mean() > 150, "left": xs.mean() < 50, "top": ys.mean() < 50, "bottom": ys.mean() > 150}
    assert len(xs) and where[place]


def test_encoded_is_a_png_of_the_very_pixels():
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert np.array_equal(np.array(Image.open(io.BytesIO(pictures.encoded(rgb)))), rgb)


def test_a_thumbnail_keeps_the_shape():
    assert pictures.thumbnail(np.zeros((100, 200, 3), np.uint8), 50).shape == (25, 50, 3)
