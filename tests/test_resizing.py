"""Planes and hints made smaller."""

import numpy as np
import pytest
from PIL import Image

from nbhelpers.hints import Hints, hide_pixels
from nbhelpers.resizing import resized, shrunk, shrunk_hints, shrunk_lightness


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (16, 200), (1, 1)])
def test_the_shorter_side_gets_the_length_and_what_has_no_more_stays(shape):
    planes = np.random.default_rng(0).normal(0, 30, (*shape, 2)).astype(np.float32)
    found = shrunk(planes, 16)
    if min(shape) <= 16:
        assert (found == planes).all()
    else:
        assert min(found.shape[:2]) == 16 and found.shape[2] == 2
        assert abs(found.shape[0] / found.shape[1] - shape[0] / shape[1]) < 1 / 16
    assert found.dtype == np.float32


def test_a_whole_number_of_pixels_becomes_their_mean():
    plane = np.random.default_rng(0).normal(0, 30, (64, 32)).astype(np.float32)
    np.testing.assert_allclose(shrunk(plane, 8), plane.reshape(16, 4, 8, 4).mean(axis=(1, 3)), atol=1e-4)


def test_every_plane_is_resized_alike():
    planes = np.random.default_rng(0).normal(0, 30, (20, 30, 3)).astype(np.float32)
    found = resized(planes, (45, 10), Image.Resampling.BICUBIC)
    assert found.shape == (10, 45, 3)
    for i in range(3):
        assert (found[..., i] == resized(planes[..., i], (45, 10), Image.Resampling.BICUBIC)).all()


def test_small_lightness_stays_in_its_range_at_the_sharpest_edge():
    edge = np.zeros((64, 64), np.float32)
    edge[:, 31:] = 100
    overshot = shrunk(edge, 16, Image.Resampling.LANCZOS)
    assert overshot.min() < 0 and overshot.max() > 100
    found = shrunk_lightness(edge, 16)
    assert found.min() == 0 and found.max() == 100 and found.dtype == np.float32


def test_a_small_pixel_is_known_when_one_of_its_pixels_is_with_the_mean_of_their_colours():
    random = np.random.default_rng(2)
    ab, known = random.normal(0, 40, (64, 96, 2)).astype(np.float32), random.random((64, 96)) < 0.05
    ab[~known] = np.nan  # what is unknown is never looked at
    found = shrunk_hints(Hints(ab, known), 16)
    assert found.known.shape == (16, 24) and found.ab.dtype == np.float32 and found.known.dtype == bool
    cells = known.reshape(16, 4, 24, 4).transpose(0, 2, 1, 3)
    assert (found.known == cells.any(axis=(2, 3))).all() and 0 < found.known.mean() < 1
    colours = ab.reshape(16, 4, 24, 4, 2).transpose(0, 2, 1, 3, 4)
    for y, x in np.argwhere(found.known):
        np.testing.assert_allclose(found.ab[y, x], colours[y, x][cells[y, x]].mean(axis=0), rtol=1e-4, atol=1e-3)
    assert np.isfinite(found.ab).all()


@pytest.mark.parametrize("shape", [(17, 17), (23, 40), (97, 150), (400, 31), (501, 333)])
def test_no_hint_is_lost_and_each_counts_once(shape):
    for seed in range(20):
        y, x = np.random.default_rng(seed).integers(0, shape)
        known = np.zeros(shape, bool)
        known[y, x] = True
        ab = np.full((*shape, 2), np.float32([33, -77]))
        found = shrunk_hints(Hints(ab, known), 16)
        assert found.known.sum() == 1 and min(found.known.shape) == 16
        np.testing.assert_allclose(found.ab[found.known], [[33, -77]], rtol=1e-3)
        place = (np.argwhere(found.known)[0] + 0.5) / found.known.shape
        assert np.abs(place - (np.array([y, x]) + 0.5) / shape).max() < 0.5 / 16 + 1e-6


@pytest.mark.parametrize("shape", [(16, 16), (9, 40), (30, 16), (1, 1)])
def test_hints_of_a_photo_that_is_not_larger_stay_as_they_are(shape):
    hints = hide_pixels(np.random.default_rng(1).normal(0, 30, (*shape, 2)).astype(np.float32), 0.5)
    found = shrunk_hints(hints, 16)
    assert (found.known == hints.known).all() and (found.ab[hints.known] == hints.ab[hints.known]).all()


def test_no_hints_are_none_when_made_small():
    found = shrunk_hints(Hints.none((64, 40)), 16)
    assert found.known.shape == (26, 16) and not found.known.any() and not found.ab.any()
