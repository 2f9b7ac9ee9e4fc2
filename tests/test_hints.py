"""Which colours are given: exact counts, nesting, and what is refused."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nbhelpers.hints import (
    HINTS_UNUSED,
    NEARLY_BLACK,
    Constant,
    Hints,
    Nearest,
    Stroke,
    hide_pixels,
    keep_known,
    on_top,
    patches,
    resized,
    shrunk,
    shrunk_hints,
    shrunk_lightness,
    strokes,
)

shares = st.floats(0, 1)
sides = st.integers(1, 30)


def colours(height, width):
    return np.random.default_rng(1).normal(size=(height, width, 2)).astype(np.float32)


@given(sides, sides, shares, st.integers(0, 5))
def test_as_many_pixels_are_hidden_as_asked_for(height, width, share, seed):
    ab = colours(height, width)
    hints = hide_pixels(ab, share, seed)
    assert (~hints.known).sum() == round(share * height * width)
    assert np.array_equal(hints.ab, ab) and hints.known.shape == (height, width)


@given(shares, shares, st.integers(0, 5))
def test_a_larger_share_only_takes_colours_away(one, other, seed):
    few, many = (hide_pixels(colours(12, 9), share, seed).known for share in sorted((one, other)))
    assert not (many & ~few).any()


def test_the_seed_decides_which():
    ab = colours(20, 20)
    assert np.array_equal(hide_pixels(ab, 0.5, 3).known, hide_pixels(ab, 0.5, 3).known)
    assert not np.array_equal(hide_pixels(ab, 0.5, 3).known, hide_pixels(ab, 0.5, 4).known)


def test_hidden_pixels_are_spread_evenly():
    known = hide_pixels(colours(200, 200), 0.75).known
    quarters = known.reshape(2, 100, 2, 100).mean(axis=(1, 3))
    assert quarters == pytest.approx(np.full((2, 2), 0.25), abs=0.02)


@pytest.mark.parametrize("share", [-0.1, 1.1, 80, float("nan")])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(ValueError, match="80 % is 0.8"):
        hide_pixels(colours(3, 3), share)


@given(st.integers(0, 20), st.integers(1, 8), st.integers(0, 5))
def test_patches_lie_inside_and_give_their_mean_colour(count, size, seed):
    ab = colours(17, 23)
    hints = patches(ab, count, size, seed)
    largest = count * size**2
    assert (size**2 if count else 0) <= hints.known.sum() <= largest
    assert np.isfinite(hints.ab).all()


def test_one_patch_is_one_square_of_its_mean():
    ab = colours(17, 23)
    hints = patches(ab, 1, size=4)
    rows, columns = np.nonzero(hints.known)
    assert (np.ptp(rows), np.ptp(columns), len(rows)) == (3, 3, 16)
    assert hints.ab[hints.known] == pytest.approx(np.broadcast_to(ab[hints.known].mean(axis=0), (16, 2)), abs=1e-6)


@given(st.integers(0, 10), st.integers(0, 10))
def test_more_patches_keep_the_earlier_places(one, other):
    few, many = (patches(colours(40, 40), count).known for count in sorted((one, other)))
    assert not (few & ~many).any()


def test_patches_reach_every_corner():
    ab = colours(8, 8)
    assert patches(ab, 400, size=6).known.all()
    assert patches(ab, 1, size=8).known.all()


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(("count", "size"), [(-1, 6), (1, 0), (1, 11), (NAN, 6), (INF, 6), (1, NAN), (1, INF)])
def test_patches_that_do_not_fit_are_refused(count, size):
    with pytest.raises(ValueError, match="10"):
        patches(colours(10, 12), count, size)


def test_none_means_no_colour():
    hints = Hints.none((4, 5))
    assert hints.ab.shape == (4, 5, 2) and not hints.known.any()


@pytest.mark.parametrize(
    ("ab", "known", "words"),
    [
        (np.zeros((3, 3, 2)), np.ones((3, 3)), "bool"),
        (np.zeros((3, 3, 2)), np.ones(9, bool), "H, W"),
        (np.zeros((3, 4, 2)), np.ones((3, 3), bool), r"\(3, 4, 2\)"),
        (np.zeros((3, 3, 3)), np.ones((3, 3), bool), r"\(3, 3, 3\)"),
        (np.full((3, 3, 2), np.nan), np.eye(3, dtype=bool), "NaN"),
        (np.full((3, 3, 2), np.inf), np.eye(3, dtype=bool), "infinity"),
    ],
)
def test_wrong_hints_are_refused(ab, known, words):
    with pytest.raises(ValueError, match=words):
        Hints(ab, known)


def test_what_is_not_known_may_be_anything():
    hints = Hints(np.where(np.eye(3)[..., None] > 0, 5.0, np.nan) * np.ones(2), np.eye(3, dtype=bool))
    assert hints.ab.dtype == np.float32
    kept = keep_known(np.zeros((3, 3, 2)), hints)
    assert kept.dtype == np.float32
    assert np.array_equal(kept, 5 * np.eye(3)[..., None] * np.ones(2))


@given(shares)
def test_keep_known_changes_only_known_pixels(share):
    truth, answer = colours(6, 7), np.full((6, 7, 2), 99.0)
    hints = hide_pixels(truth, share)
    kept = keep_known(answer, hints)
    assert np.array_equal(kept[hints.known], truth[hints.known])
    assert (kept[~hints.known] == 99).all()


# ---- strokes of a brush

RED, BLUE = (60.0, 40.0), (20.0, -70.0)


def centres(shape):
    """x and y of the middle of each pixel."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    return x, y


@given(st.floats(4, 14), st.floats(15, 45), st.floats(15, 45))
def test_a_dot_covers_its_disc(radius, x, y):
    hints = strokes((60, 60), [Stroke(RED, radius, ((x, y),))])
    assert hints.known.sum() == pytest.approx(np.pi * radius**2, rel=0.15)
    across, down = centres((60, 60))
    assert (hints.known == (np.hypot(across - x, down - y) <= radius)).all()
    assert (hints.ab[hints.known] == np.float32(RED)).all()


@pytest.mark.parametrize("radius", [0.0, 0.1, 0.5])
def test_the_finest_brush_still_covers_the_pixel_below_it(radius):
    known = strokes((9, 12), [Stroke(RED, radius, ((3.5, 6.5),))]).known
    assert np.argwhere(known).tolist() == [[6, 3]]


@given(st.lists(st.tuples(st.floats(-20, 60), st.floats(-20, 50)), min_size=2, max_size=5), st.floats(1, 6))
def test_a_line_covers_what_lies_near_it_through_all_its_points(points, radius):
    known = strokes((30, 40), [Stroke(RED, radius, tuple(points))]).known
    x, y = centres((30, 40))
    nearest = np.full((30, 40), np.inf)
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        for t in np.linspace(0, 1, 400):  # 100 pixels: dense enough for the margin below
            nearest = np.minimum(nearest, np.hypot(x - x0 - t * (x1 - x0), y - y0 - t * (y1 - y0)))
    assert known[nearest < radius - 0.05].all() and not known[nearest > radius + 0.05].any()


def test_a_line_is_as_long_and_as_wide_as_it_was_drawn():
    known = strokes((40, 60), [Stroke(RED, 3, ((10, 20), (50, 20)))]).known
    assert known[17:23, 10:50].all() and known.sum() == pytest.approx(6 * 40 + np.pi * 9, rel=0.03)
    assert (strokes((40, 60), [Stroke(RED, 3, ((50, 20), (30, 20), (10, 20)))]).known == known).all()


def test_the_last_stroke_lies_on_top():
    dots = [Stroke(RED, 6, ((10, 10),)), Stroke(BLUE, 6, ((16, 10),))]
    one, two = strokes((20, 30), dots), strokes((20, 30), dots[::-1])
    both = strokes((20, 30), dots[:1]).known & strokes((20, 30), dots[1:]).known
    assert both.any() and (one.known == two.known).all()
    assert (one.ab[both] == np.float32(BLUE)).all() and (two.ab[both] == np.float32(RED)).all()
    assert (one.ab[9, 6], two.ab[9, 20]) == (pytest.approx(RED), pytest.approx(BLUE))


@pytest.mark.parametrize("point", [(-3.0, 5.0), (5.0, -3.0), (27.0, 5.0), (5.0, 19.0), (26.0, 18.0)])
def test_what_lies_beyond_the_edge_is_cut_off(point):
    known = strokes((16, 24), [Stroke(RED, 5, (point,))]).known
    x, y = centres((16, 24))
    assert known.shape == (16, 24) and 0 < known.sum() < np.pi * 25 / 2
    assert (known == (np.hypot(x - point[0], y - point[1]) <= 5)).all()
    assert not strokes((16, 24), [Stroke(RED, 5, ((200.0, 5.0),)), Stroke(RED, 5, ((5.0, -99.0),))]).known.any()


def test_a_line_that_leaves_and_comes_back_covers_what_it_crosses():
    known = strokes((20, 20), [Stroke(RED, 2, ((-1000, 10), (1000, 10)))]).known
    assert known[8:12].all() and not known[:8].any() and not known[12:].any()


def test_no_stroke_is_no_hint():
    for nothing in ([], [Stroke(RED, 5, ())]):
        hints = strokes((7, 9), nothing)
        assert hints.known.shape == (7, 9) and not hints.known.any() and hints.ab.shape == (7, 9, 2)


def test_the_same_strokes_give_the_same_hints():
    drawn = [Stroke(RED, 2.5, ((3, 4), (11.3, 9), (3, 4))), Stroke(BLUE, 1.7, ((8, 2), (8, 2)))]
    one, two = strokes((15, 17), drawn), strokes((15, 17), iter(drawn))
    assert (one.known == two.known).all() and (one.ab == two.ab).all() and one.known[2, 8]


@given(shares, shares)
def test_hints_on_top_of_others_add_to_them(one, other):
    above, below = hide_pixels(colours(8, 9), one, 1), hide_pixels(colours(8, 9) + 50, other, 2)
    both = on_top(above, below)
    assert (both.known == (above.known | below.known)).all()
    assert (both.ab[above.known] == above.ab[above.known]).all()
    only = below.known & ~above.known
    assert (both.ab[only] == below.ab[only]).all()


def test_nothing_on_top_changes_nothing():
    hints = hide_pixels(colours(5, 6), 0.4)
    for found in (on_top(Hints.none((5, 6)), hints), on_top(hints, Hints.none((5, 6)))):
        assert (found.known == hints.known).all() and (found.ab[hints.known] == hints.ab[hints.known]).all()


# ---- planes and hints made smaller


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


# ---- what a colorizer is given, and what it answers


@pytest.mark.parametrize(
    ("lightness", "why"),
    [
        (np.full((4, 6), 128.0), "from 128 to 128, and L* from 0 to 100"),  # grey values of bytes
        (np.full((4, 6), -30.0), "from -30 to -30"),
        (np.full((4, 6), np.nan), "NaN or infinity"),
        (np.full((4, 6), np.inf), "NaN or infinity"),
        (np.full((6, 4), 50.0), "must be of one size"),
        (np.full((4, 6, 1), 50.0), "must be of one size"),
    ],
)
def test_what_is_no_lightness_of_that_photo_gets_a_sentence(lightness, why):
    for method in (Constant("grey"), Nearest()):
        with pytest.raises(ValueError, match=re.escape(why)):
            method.colorize(lightness, Hints.none((4, 6)))


def test_a_lightness_from_0_to_1_is_noted_and_black_is_not():
    hints = Hints.none((4, 6))
    light = np.linspace(0, 1, 24).reshape(4, 6)
    assert Constant("grey").colorize(light, hints).note == NEARLY_BLACK
    assert Constant("grey").colorize(0 * light, hints).note == ""
    assert Constant("grey").colorize(100.4 * light, hints).note == ""


def test_a_photo_that_overshoots_when_it_is_enlarged_is_none_of_bytes():
    edge = np.zeros((8, 8), np.float32)
    edge[:, 4:] = 100
    large = resized(edge, (32, 32), Image.Resampling.BICUBIC)
    assert large.min() < -5 and large.max() > 105
    assert Constant("grey").colorize(large, Hints.none((32, 32))).note == ""


def test_a_method_that_does_not_look_at_hints_says_so_when_it_gets_some():
    ab = np.ones((4, 6, 2), np.float32)
    some, light = hide_pixels(ab, 0.5), np.full((4, 6), 50.0)
    assert Constant("grey").colorize(light, some).note == HINTS_UNUSED
    assert Constant("grey").colorize(light, Hints.none((4, 6))).note == ""
    assert Nearest().colorize(light, some).note == ""


def test_hints_are_equal_when_they_say_the_same():
    ab, known = np.zeros((3, 4, 2), np.float32), np.zeros((3, 4), bool)
    known[1, 2] = True
    hints = Hints(ab, known)
    elsewhere, here, more = ab.copy(), ab.copy(), known.copy()
    elsewhere[0, 0], here[1, 2], more[0, 0] = np.nan, 1, True
    assert hints == Hints(ab.copy(), known.copy()) == Hints(elsewhere, known)
    assert hints != Hints(here, known) and hints != Hints(ab, more) and hints != Hints.none((4, 3))
    assert hints != "hints" and (hints == None) is False  # noqa: E711
    assert hints in [Hints.none((3, 4)), hints]
    with pytest.raises(TypeError, match="unhashable"):
        hash(hints)
