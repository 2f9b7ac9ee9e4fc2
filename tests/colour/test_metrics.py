"""The measures against referees (scikit-image, colour-science, torchmetrics) and worked examples."""

import warnings

import colour
import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio
from torchmetrics.functional.image import structural_similarity_index_measure

from nbhelpers.colour import metrics
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab

# Pairs of Sharma, Wu and Dalal 2005, table 1, that exercise the formula's branches: Lab, Lab, CIEDE2000.
SHARMA = (
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
)


@pytest.fixture(scope="module")
def pair(sample):
    rgb = sample.test[1]
    lab = rgb_to_lab(rgb)
    lab[..., 1:] *= 0.6
    return lab_to_rgb(lab), rgb


def test_ssim_is_that_of_wang_as_torchmetrics_has_it(pair):
    tensors = [torch.from_numpy(rgb).permute(2, 0, 1)[None].double() for rgb in pair]
    options = {"sigma": 1.5, "kernel_size": 11, "data_range": 255.0, "return_full_image": True}
    _, theirs = structural_similarity_index_measure(*tensors, **options)  # its own mean includes mirrored borders
    assert metrics.ssim(*pair) == pytest.approx(float(theirs[..., 5:-5, 5:-5].mean()), abs=1e-9)
    assert metrics.ssim(pair[1], pair[1]) == pytest.approx(1)
    assert metrics.ssim(*pair) < 0.99


def test_ssim_of_a_photo_smaller_than_its_window_is_not_a_number(pair):
    assert np.isnan(metrics.ssim(*(rgb[:10] for rgb in pair)))
    assert np.isfinite(metrics.ssim(*(rgb[:11] for rgb in pair)))


def test_psnr_is_its_formula_and_that_of_scikit_image(pair):
    error = np.square(pair[0].astype(float) - pair[1]).mean()
    assert metrics.psnr(*pair) == pytest.approx(10 * np.log10(255**2 / error))
    assert metrics.psnr(*pair) == pytest.approx(peak_signal_noise_ratio(pair[1], pair[0], data_range=255))


def test_equal_photos_have_an_infinite_psnr_without_a_warning(pair):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert metrics.psnr(pair[0], pair[0]) == np.inf


def test_delta_e_is_that_of_colour_science(pair):
    ours = metrics.delta_e(*pair)
    theirs = colour.difference.delta_E_CIE2000(*(rgb_to_lab(rgb).astype(float) for rgb in pair)).mean()
    assert ours == pytest.approx(float(theirs), rel=1e-4)
    assert metrics.delta_e(pair[0], pair[0]) == 0


@pytest.mark.parametrize(("first", "second", "expected"), SHARMA)
def test_the_formula_behind_delta_e_passes_sharmas_pairs(first, second, expected):
    found = metrics.deltaE_ciede2000(np.array(first), np.array(second))
    assert found == pytest.approx(expected, abs=1e-4)


def test_colourfulness_worked_by_hand():
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255  # rg = 255, yb = 127.5 everywhere: no spread, 0.3 of the distance from grey
    assert metrics.colourfulness(red) == pytest.approx(0.3 * np.hypot(255, 127.5))
    red[1] = 0, 255, 0  # half of it green: rg = +-255
    assert metrics.colourfulness(red) == pytest.approx(255 + 0.3 * 127.5)
    assert metrics.colourfulness(np.full((3, 3, 3), 90, np.uint8)) == 0


def test_colourfulness_falls_with_the_colours(pair):
    assert metrics.colourfulness(pair[0]) < metrics.colourfulness(pair[1])
