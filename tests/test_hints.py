"""Which colours are given: exact counts, nesting, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbhelpers.hints import Hints, hide_pixels, keep_known, patches

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


@pytest.mark.parametrize(("count", "size"), [(-1, 6), (1, 0), (1, 11)])
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
