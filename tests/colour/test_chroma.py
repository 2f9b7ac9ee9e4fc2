"""Changing chroma, measuring the change, and counting colours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from nbhelpers.colour import chroma, gamut
from nbhelpers.colour.gamut import in_gamut
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.photos import open_photos


@pytest.fixture(scope="module")
def photos():
    return open_photos("sample", 64).test


@pytest.fixture(scope="module")
def rgb(photos):
    return photos[2]


@pytest.fixture(scope="module")
def lab(rgb):
    return rgb_to_lab(rgb)


def test_luma_is_that_of_a_grey_jpeg(rgb):
    pillow = np.asarray(Image.fromarray(rgb).convert("L"), float)
    assert np.abs(chroma.luma(rgb) - pillow).max() <= 0.51
    assert chroma.luma(np.uint8([[255] * 3, [0] * 3])) == pytest.approx([255, 0])


def test_luma_and_lightness_differ():
    red, grey = np.uint8([255, 0, 0]), np.uint8([76, 76, 76])
    assert abs(chroma.luma(red) - chroma.luma(grey)) < 1
    assert rgb_to_lab(red)[0] > rgb_to_lab(grey)[0] + 20


@given(st.floats(0.3, 4))
def test_a_blur_keeps_the_mean_and_takes_contrast_away(sigma):
    planes = np.random.default_rng(0).normal(size=(32, 40, 2)).astype(np.float32)
    blurred = chroma.blur(planes, sigma)
    assert blurred.shape == planes.shape
    assert blurred.mean((0, 1)) == pytest.approx(planes.mean((0, 1)), abs=1e-5)
    assert (blurred.std((0, 1)) < planes.std((0, 1))).all()


def test_planes_are_blurred_separately():
    planes = np.zeros((9, 9, 2), np.float32)
    planes[4, 4, 0] = 1
    blurred = chroma.blur(planes, 1)
    assert np.ptp(blurred[..., 0]) > 0 and not blurred[..., 1].any()
    assert np.allclose(blurred[..., 0], chroma.blur(planes[..., 0], 1))


def test_no_blur_changes_nothing_and_copies(lab):
    same = chroma.blur(lab, 0)
    assert np.array_equal(same, lab) and not np.shares_memory(same, lab)


@given(st.integers(1, 256), st.floats(-128, 128, width=32))
def test_quantized_colours_are_near_multiples_of_the_step(levels, value):
    step = 256 / levels
    got = float(chroma.quantize(np.full((1, 1, 2), value, np.float32), levels)[0, 0, 0])
    assert abs(got - value) <= step / 2 + 1e-4
    assert got / step == pytest.approx(round(got / step), abs=1e-4)


def test_quantizing_keeps_neutral_and_needs_a_level():
    assert not chroma.quantize(np.zeros((2, 2, 2), np.float32), 3).any()
    with pytest.raises(ValueError, match="at least 1"):
        chroma.quantize(np.zeros((2, 2, 2)), 0)


@pytest.mark.parametrize("shape", [(7, 5), (7, 5, 2)])
def test_shuffling_only_moves_pixels(shape):
    planes = np.random.default_rng(0).normal(size=shape)
    moved = chroma.shuffle(planes, seed=1)
    rows, moved_rows = (np.sort(p.reshape(35, -1).view(f"V{p[0, 0].nbytes}").ravel().tolist()) for p in (planes, moved))
    assert moved.shape == shape and not np.array_equal(moved, planes)
    assert np.array_equal(rows, moved_rows)
    assert np.array_equal(moved, chroma.shuffle(planes, seed=1))


def test_only_the_named_planes_change(lab):
    for change, amount in ((chroma.blur_chroma, 2), (chroma.quantize_chroma, 8)):
        assert np.array_equal(change(lab, amount)[..., 0], lab[..., 0])
        assert not np.array_equal(change(lab, amount)[..., 1:], lab[..., 1:])
    blurred = chroma.blur_lightness(lab, 2)
    assert np.array_equal(blurred[..., 1:], lab[..., 1:]) and not np.array_equal(blurred[..., 0], lab[..., 0])


def test_an_unchanged_photo_has_no_visible_difference(lab, rgb):
    assert chroma.visible_difference(lab, rgb) == (0, float("inf"))


def test_a_visible_difference_is_that_of_the_screen(rgb):
    grey = np.full((8, 8, 3), 119, np.uint8)
    lighter = rgb_to_lab(grey) + np.float32([1, 0, 0])
    delta_e, psnr = chroma.visible_difference(lighter, grey)
    assert delta_e == pytest.approx(1, abs=0.35)  # near L* = 50 a unit of L* is a unit of CIEDE2000; bytes are rounded
    steps = np.abs(lab_to_rgb(lighter).astype(int) - grey).max()
    assert psnr == pytest.approx(20 * np.log10(255 / steps), abs=1e-6)


def test_losses_grow_with_the_amount_and_are_larger_for_lightness(photos):
    changes = {"chroma": chroma.blur_chroma, "lightness": chroma.blur_lightness}
    table = chroma.losses([rgb for _, rgb in photos.read()], changes, [0, 1, 4])
    assert list(table.columns) == ["change", "amount", "delta_e", "psnr"]
    delta_e = table.pivot(index="amount", columns="change", values="delta_e")
    assert (delta_e.loc[0] == 0).all() and np.isinf(table.loc[table["amount"] == 0, "psnr"]).all()
    assert (delta_e.diff().iloc[1:] > 0).all().all()
    assert (delta_e["lightness"] > delta_e["chroma"])[1:].all()


def test_losses_are_means_over_photos(photos):
    one, two = photos[0], photos[1]
    rows = [chroma.losses(some, {"blur": chroma.blur_chroma}, [3]) for some in ([one], [two], [one, two])]
    values = [row[["delta_e", "psnr"]].to_numpy()[0] for row in rows]
    assert values[2] == pytest.approx((values[0] + values[1]) / 2)


def test_a_gamut_slice_holds_the_colours_of_its_lightness():
    lab, inside = gamut.gamut_slice(50, points=65)
    assert lab.shape == (65, 65, 3) and (lab[..., 0] == 50).all()
    assert lab[0, 0].tolist() == [50, -128, -128] and lab[-1, 0].tolist() == [50, -128, 128]
    assert inside[32, 32] and not inside[0, 0]
    assert np.abs(rgb_to_lab(lab_to_rgb(lab[inside])) - lab[inside]).max() < 2  # shown as they are
    assert np.abs(rgb_to_lab(lab_to_rgb(lab[~inside])) - lab[~inside]).max() > 20


@pytest.mark.parametrize("lightness", [0, 100])
def test_there_is_one_black_and_one_white(lightness):
    assert gamut.gamut_slice(lightness, points=33)[1].sum() == 1


def test_statistics_are_those_of_all_pixels(photos):
    labs = [rgb_to_lab(rgb) for _, rgb in photos.read()]
    found = chroma.gather_colours(photos, jobs=2)
    ab = np.concatenate([lab[..., 1:].reshape(-1, 2) for lab in labs]).astype(float)
    assert found.pixels == len(ab) == len(photos) * 64**2
    assert found.mean == pytest.approx(ab.mean(axis=0))
    assert found.variance == pytest.approx(np.mean((ab - ab.mean(axis=0)) ** 2))
    assert found.mse_grey == pytest.approx(np.mean(ab**2)) == pytest.approx(found.variance + np.mean(found.mean**2))
    expected = np.histogram2d(*ab.T, bins=[np.arange(-128, 129)] * 2)[0]
    assert np.array_equal(found.counts, expected)


def test_the_mean_colour_is_the_best_constant(lab):
    found, ab = chroma.ColourStatistics.of(lab), lab[..., 1:].astype(float)
    best = np.mean((ab - found.mean) ** 2)
    for other in ([0, 0], found.mean + [1, 0], found.mean - [0, 0.5]):
        assert np.mean((ab - other) ** 2) > best


def test_merging_is_counting_together(lab):
    top, bottom = (chroma.ColourStatistics.of(part) for part in (lab[:20], lab[20:]))
    both, whole = bottom + top, chroma.ColourStatistics.of(lab)
    assert np.array_equal(both.counts, whole.counts)
    assert both.total == pytest.approx(whole.total) and both.squares == pytest.approx(whole.squares)


def test_the_first_photos_are_taken_and_no_photo_is_an_error(photos):
    two = chroma.gather_colours(photos, 2)
    assert two.pixels == 2 * 64**2
    assert np.array_equal(two.counts, chroma.gather_colours(photos[:2]).counts)
    assert chroma.gather_colours(photos, 1000).pixels == len(photos) * 64**2
    with pytest.raises(ValueError, match="no photo"):
        chroma.gather_colours(photos[:0])


def test_chroma_and_spread_are_those_of_all_pixels(photos):
    found = chroma.gather_colours(photos)
    ab = np.concatenate([rgb_to_lab(rgb)[..., 1:].reshape(-1, 2) for rgb in photos]).astype(float)
    assert found.chroma == pytest.approx(np.hypot(*ab.T).mean(), rel=1e-6)
    assert found.spread == pytest.approx(np.sqrt(np.square(ab - ab.mean(axis=0)).sum(axis=1).mean()), rel=1e-6)


@pytest.mark.parametrize(("hues", "spread"), [([30], 0), ([30, 210], 1), ([0, 90, 180, 270], 1), ([-60, 60], 0.5)])
def test_hue_spread_is_0_for_one_hue_and_1_for_hues_in_balance(hues, spread):
    angles = np.deg2rad(hues)
    lab = np.column_stack([np.full(len(hues), 50), 40.4 * np.cos(angles), 40.4 * np.sin(angles)])[None]
    assert chroma.ColourStatistics.of(lab).hue_spread == pytest.approx(spread, abs=1e-6)


def test_grey_has_no_chroma_no_spread_and_no_hue():
    found = chroma.ColourStatistics.of(np.full((3, 4, 3), [50.0, 0, 0]))
    assert (found.chroma, found.spread) == (0, 0) and np.isnan(found.hue_spread)


def test_distances_distinct_colours_and_hues_worked_by_hand():
    lab = np.zeros((1, 200, 3), np.float32)
    lab[0, :, 1:] = (10.5, 0.5)  # 199 pixels of one colour, in the middle of its bin
    lab[0, 0, 1:] = (-9.5, 0.5)
    found = chroma.ColourStatistics.of(lab)
    assert found.distance_to((10.5, 0.5)) == pytest.approx(20 / 200)
    assert found.distinct == 1  # the other is less than 1 % of the pixels
    assert found.hue_entropy == pytest.approx(0.04, abs=0.01)
    lab[0, :100, 1:] = (-9.5, 0.5)
    found = chroma.ColourStatistics.of(lab)
    assert found.distinct == 2
    assert found.hue_entropy == pytest.approx(1, abs=0.01)  # two hues alike: one bit
    grey = chroma.ColourStatistics.of(np.zeros((2, 2, 3), np.float32))
    assert np.isnan(grey.hue_entropy) and grey.distinct == 1


def test_colours_beyond_the_bins_are_counted_at_the_edge():
    lab = np.array([[(50, 130, -140), (50, 1e30, 128), (50, 127.9, -128)]], np.float32)
    found = chroma.ColourStatistics.of(lab)
    assert found.pixels == 3 and found.counts[255, 0] == 2 and found.counts[255, 255] == 1


def test_all_hues_alike_have_the_largest_entropy():
    angles = np.radians(np.arange(5, 360, 10))
    lab = np.dstack([np.zeros(36), 60 * np.cos(angles), 60 * np.sin(angles)]).astype(np.float32)
    assert chroma.ColourStatistics.of(lab).hue_entropy == pytest.approx(np.log2(36), abs=0.01)


# ---- colours to paint with


@given(st.floats(0, 100), st.integers(1, 20))
def test_a_palette_holds_what_a_screen_can_show(lightness, hues):
    ab = gamut.palette(lightness, hues)
    assert ab.shape == (1 + 2 * hues, 2) and ab.dtype == np.float32
    assert in_gamut(np.insert(ab, 0, lightness, axis=1)).all()
    assert (ab[0] == 0).all()  # grey


@pytest.mark.parametrize("lightness", [10, 50, 90])
def test_a_palettes_hues_differ_and_come_pale_and_strong(lightness):
    ab = gamut.palette(lightness, hues=12, shares=(0.4, 0.8))
    pale, strong = ab[1:13], ab[13:]
    np.testing.assert_allclose(2 * pale, strong, rtol=1e-5, atol=1e-4)
    hues = np.degrees(np.arctan2(strong[:, 1], strong[:, 0])) % 360
    np.testing.assert_allclose(hues, (20 + 30 * np.arange(12)) % 360, atol=0.1)
    assert (np.hypot(*strong.T) > 5).all()
    assert len({tuple(one) for one in lab_to_rgb(np.insert(ab, 0, lightness, axis=1)).tolist()}) == 25


@pytest.mark.parametrize("lightness", [0, 100])
def test_black_and_white_have_no_hues(lightness):
    shown = lab_to_rgb(np.insert(gamut.palette(lightness), 0, lightness, axis=1)).astype(int)
    assert np.ptp(shown, axis=1).max() <= 3  # the darkest blue is hardly lighter than black
    assert abs(shown - round(2.55 * lightness)).max() <= 3


def test_a_palette_may_have_as_many_strengths_as_wanted():
    assert len(gamut.palette(50, 6, (0.2, 0.5, 1.0))) == 19 and len(gamut.palette(50, 6, ())) == 1
    rim = np.insert(gamut.palette(50, 6, (1.0,)), 0, 50, axis=1)
    rim[1:, 1:] *= 1.01
    assert not in_gamut(rim)[1:].any()


@pytest.mark.parametrize(("third", "expected"), [(189, 4), (190, 3), (191, 3)], ids=["98.9 %", "99 %", "99.1 %"])
def test_distinct_colours_hold_99_percent_of_the_pixels(third, expected):
    counts = np.zeros((256, 256), np.int64)
    counts[[0, 255, 128, 7, 9], [3, 255, 128, 200, 1]] = 5, 500, third, 300, 195 - third  # in no order
    assert counts.sum() == 1000
    assert chroma.ColourStatistics(counts, np.zeros(2), np.zeros(2), 0.0).distinct == expected
