"""The colour conversion against scikit-image and colour-science, there and back, and its tensor twin."""

import colour
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage import color as skcolor

from nbhelpers.colour import gamut, lab
from nbhelpers.photos import open_photos

EVERY_FIFTH = np.stack(np.meshgrid(*[np.arange(0, 256, 5, dtype=np.uint8)] * 3), axis=-1)  # 52 x 52 x 52 x 3
photos_uint8 = arrays.arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6), st.just(3)))


def channels_first(array):
    return torch.from_numpy(np.moveaxis(array, -1, 0).copy())


def channels_last(tensor):
    return np.moveaxis(tensor.numpy(), 0, -1)


@given(photos_uint8)
def test_bytes_come_back_exactly(rgb):
    converted = lab.rgb_to_lab(rgb)
    assert converted.dtype == np.float32 and converted.shape == rgb.shape
    assert np.array_equal(lab.lab_to_rgb(converted), rgb)


@given(arrays.arrays(np.float32, (3, 4, 3), elements=st.floats(0, 1, width=32)))
def test_floats_come_back_to_the_nearest_byte(rgb):
    assert np.abs(lab.lab_to_rgb(lab.rgb_to_lab(rgb)) - 255 * rgb).max() < 0.51


def test_scikit_image_agrees():
    assert np.abs(lab.rgb_to_lab(EVERY_FIFTH) - skcolor.rgb2lab(EVERY_FIFTH)).max() < 1e-3
    floats = EVERY_FIFTH / 255
    assert np.abs(lab.rgb_to_lab(floats) - skcolor.rgb2lab(floats)).max() < 1e-3


def test_scikit_image_agrees_on_photos_and_on_the_way_back():
    for _, rgb in open_photos("sample", 64).test.read():
        ours = lab.rgb_to_lab(rgb)
        assert np.abs(ours - skcolor.rgb2lab(rgb)).max() < 1e-3
        swapped = np.dstack([ours[..., 0], ours[..., :0:-1]])  # mostly still colours, partly outside sRGB
        theirs = 255 * skcolor.lab2rgb(np.where(gamut.in_gamut(swapped)[..., None], swapped, 0))
        inside = lab.lab_to_rgb(np.where(gamut.in_gamut(swapped)[..., None], swapped, 0))
        assert np.abs(inside - theirs).max() < 0.51


def test_colour_science_agrees():
    """With the matrix and the white point that both know; theirs by default has more digits."""
    linear = colour.models.eotf_sRGB(EVERY_FIFTH / 255)
    theirs = colour.XYZ_to_Lab(linear @ lab.RGB_TO_XYZ.T, colour.XYZ_to_xy(lab.WHITE))
    assert np.abs(lab.rgb_to_lab(EVERY_FIFTH) - theirs).max() < 1e-3


def test_the_matrix_is_that_of_srgb():
    printed = colour.RGB_COLOURSPACES["sRGB"].matrix_RGB_to_XYZ  # the standard's, rounded
    assert np.abs(lab.RGB_TO_XYZ - printed).max() < 5e-4


def test_white_black_and_greys_are_neutral():
    greys = lab.rgb_to_lab(np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1))
    assert greys[[0, 255], 0] == pytest.approx([0, 100], abs=1e-3)
    assert np.all(np.diff(greys[:, 0]) > 0) and np.abs(greys[:, 1:]).max() < 0.01


def test_ranges_are_those_of_the_docstring():
    a, b = np.moveaxis(lab.rgb_to_lab(EVERY_FIFTH)[..., 1:], -1, 0)
    assert min(a.min(), b.min()) > -108 and max(a.max(), b.max()) < 99


@pytest.mark.parametrize(
    ("rgb", "words"),
    [
        (np.zeros((4, 4), np.uint8), r"\(4, 4\)"),
        (np.uint8(3), r"shape \(\)"),
        (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\)"),
        (np.zeros((2, 2, 3), np.int64), "int64"),
        (np.zeros((2, 2, 3), np.uint16), "uint16"),
        (np.full((2, 2, 3), 128.0), "divide"),
        (np.full((2, 2, 3), -0.1), "divide"),
        (np.full((2, 2, 3), np.nan), "divide"),
    ],
)
def test_other_input_is_refused(rgb, words):
    with pytest.raises(ValueError, match=words):
        lab.rgb_to_lab(rgb)


def test_lab_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="CIELAB"):
        lab.lab_to_rgb(np.zeros((4, 4)))


def test_an_empty_photo_stays_empty():
    assert lab.rgb_to_lab(np.zeros((0, 5, 3))).shape == (0, 5, 3)


def test_in_gamut_knows_what_a_screen_can_show():
    assert gamut.in_gamut(lab.rgb_to_lab(EVERY_FIFTH)).all()
    assert not gamut.in_gamut(np.float32([[50, -100, 60], [100, 20, 0], [0, 0, 20], [101, 0, 0]])).any()


labs = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.just(3)),
    elements=st.floats(0, 1, width=32),
).map(lambda unit: unit * np.float32([100, 256, 256]) - np.float32([0, 128, 128]))


@given(labs)
def test_colours_are_brought_into_what_a_screen_can_show(wild):
    before = wild.copy()
    found = gamut.into_gamut(wild)
    assert found.dtype == np.float32 and found.shape == wild.shape and (wild == before).all()
    assert gamut.in_gamut(found).all()
    assert (found[..., 0] == wild[..., 0]).all()
    chroma, kept = (np.hypot(each[..., 1], each[..., 2]) for each in (wild, found))
    assert (kept <= chroma).all()
    turned = found[..., 1] * wild[..., 2] - found[..., 2] * wild[..., 1]  # the sine of the angle between them
    assert (abs(turned) <= 1e-4 * (1 + chroma**2)).all() and (found[..., 1:] * wild[..., 1:] >= 0).all()
    inside = gamut.in_gamut(wild)
    assert (found[inside] == wild[inside]).all()
    shown = lab.rgb_to_lab(lab.lab_to_rgb(found))
    assert np.abs(shown[..., 0] - wild[..., 0]).max() < 0.5


@pytest.mark.parametrize("lightness", [5, 35, 50, 75, 97])
def test_no_more_chroma_is_taken_than_must_be(lightness):
    angles = np.radians(np.arange(0, 360, 10))
    wild = np.stack([np.full(36, lightness), 140 * np.cos(angles), 140 * np.sin(angles)], axis=1)
    found = gamut.into_gamut(wild)
    kept = np.hypot(found[:, 1], found[:, 2])
    assert (kept > 1).all()
    more = found.copy()
    more[:, 1:] *= ((kept + 0.05) / kept)[:, None]
    assert not gamut.in_gamut(more).any()


def test_photos_are_within_the_gamut_as_they_are():
    photo = lab.rgb_to_lab(EVERY_FIFTH)
    found = gamut.into_gamut(photo)
    assert np.array_equal(found, photo) and not np.shares_memory(found, photo)
    assert gamut.into_gamut(np.float32([50, 200, 0])).shape == (3,)
    assert gamut.into_gamut(np.zeros((0, 3))).shape == (0, 3)


def test_colours_outside_are_clipped():
    assert lab.lab_to_rgb(np.float32([200, 0, 0])).tolist() == [255, 255, 255]
    assert lab.lab_to_rgb(np.float32([-50, 0, 0])).tolist() == [0, 0, 0]


@given(photos_uint8)
def test_tensors_agree_with_arrays(rgb):
    expected = lab.rgb_to_lab(rgb)
    assert np.abs(channels_last(lab.rgb_to_lab_tensor(channels_first(rgb))) - expected).max() < 1e-3
    as_floats = lab.rgb_to_lab_tensor(channels_first(np.float32(rgb) / 255))
    assert np.abs(channels_last(as_floats) - expected).max() < 1e-3
    back = lab.lab_to_rgb_tensor(channels_first(expected))
    assert np.abs(255 * channels_last(back) - rgb).max() < 0.1


def test_tensors_agree_on_every_fifth_colour_and_in_batches():
    rgb = EVERY_FIFTH.reshape(4, -1, 52, 3)
    batch = torch.from_numpy(rgb).permute(0, 3, 1, 2)
    converted = lab.rgb_to_lab_tensor(batch)
    assert converted.shape == batch.shape and converted.dtype == torch.float32
    assert np.abs(converted.permute(0, 2, 3, 1).numpy() - lab.rgb_to_lab(rgb)).max() < 1e-3


def test_tensors_clip_like_arrays():
    wild = np.random.default_rng(0).uniform([-20, -128, -128], [120, 128, 128], (40, 50, 3)).astype(np.float32)
    ours = 255 * channels_last(lab.lab_to_rgb_tensor(channels_first(wild)))
    assert np.abs(ours - lab.lab_to_rgb(wild)).max() < 0.51


@pytest.mark.parametrize("convert", [lab.rgb_to_lab_tensor, lab.lab_to_rgb_tensor])
@pytest.mark.parametrize("value", [0.0, 0.003, 0.5, 1.0])
def test_gradients_flow_and_are_finite(convert, value):
    tensor = torch.full((1, 3, 2, 2), value)
    if convert is lab.lab_to_rgb_tensor:
        tensor[:, 0] = 1 + 90 * value
    tensor.requires_grad_()
    convert(tensor).sum().backward()
    assert torch.isfinite(tensor.grad).all() and tensor.grad.abs().sum() > 0


def test_the_gradient_is_the_slope():
    rgb, step = np.array([0.02, 0.5, 0.7]), 1e-5
    slopes = [(skcolor.rgb2lab(rgb + d) - skcolor.rgb2lab(rgb - d)) / (2 * step) for d in step * np.eye(3)]
    tensor = torch.tensor(rgb).reshape(3, 1, 1)
    ours = torch.autograd.functional.jacobian(lab.rgb_to_lab_tensor, tensor).reshape(3, 3).numpy()
    assert ours.T == pytest.approx(np.array(slopes), rel=2e-3, abs=0.05)


@pytest.mark.parametrize("make", [np.float32, lambda values: torch.tensor(values)])
def test_the_networks_scaling(make):
    assert [float(x) for x in lab.scale_lightness(make([0.0, 50.0, 100.0]))] == [-1, 0, 1]
    assert [float(x) for x in lab.scale_ab(make([-110.0, 0.0, 55.0]))] == [-1, 0, 0.5]


@given(st.floats(0, 100), st.floats(-128, 128))
def test_the_networks_scaling_goes_back(lightness, ab):
    assert lab.unscale_lightness(lab.scale_lightness(lightness)) == pytest.approx(lightness, abs=1e-9)
    assert lab.unscale_ab(lab.scale_ab(ab)) == pytest.approx(ab, abs=1e-9)
