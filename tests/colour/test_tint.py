"""Colour that follows from lightness is a tint; all other is colour."""

import io
import os

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data

from nbhelpers.colour.tint import COLOURED, GREY, TINTED, tint, tone
from nbhelpers.photos import open_photos

PHOTOS = {name: getattr(data, name)() for name in ("chelsea", "astronaut", "coffee", "rocket")}


def grey(rgb):
    return np.array(Image.fromarray(rgb).convert("L").convert("RGB"))


def toned(rgb, kind):
    single = Image.fromarray(rgb).convert("L")
    ends = {"sepia": ("#1a0d00", "#fff3d8"), "cyanotype": ("#001030", "#e8f8ff"), "duotone": ("#301040", "#fff0c0")}
    return np.array(ImageOps.colorize(single, *ends[kind], mid={"sepia": "#a08060"}.get(kind)))


def jpeg(rgb, quality):
    Image.fromarray(rgb).save(file := io.BytesIO(), "JPEG", quality=quality)
    return np.array(Image.open(file))


def test_the_tint_is_the_curve_that_was_laid_on():
    lightness = np.random.default_rng(0).uniform(0, 100, (60, 80))
    curve = np.stack([lightness / 5, 10 - lightness / 8], axis=-1)
    assert np.abs(tint(lightness, curve) - curve).max() < 1
    stroke = curve.copy()
    stroke[:10, :20] += 60  # less than half of any lightness
    assert np.abs(tint(lightness, stroke) - curve).max() < 2
    assert (tint(np.full((3, 4), 50.0), np.full((3, 4, 2), 7.0)) == 7).all()


@pytest.mark.parametrize("name", PHOTOS)
def test_grey_toned_and_colour_photos_are_told_apart(name):
    rgb = PHOTOS[name]
    assert tone(rgb) == tone(jpeg(rgb, 50)) == COLOURED
    noisy = np.clip(grey(rgb) + np.random.default_rng(0).normal(0, 5, rgb.shape), 0, 255).astype(np.uint8)
    for colourless in (grey(rgb), jpeg(noisy, 60), grey(rgb) // 2):
        assert tone(colourless) == GREY
    for kind in ("sepia", "cyanotype", "duotone"):
        for quality in (60, 90):
            assert tone(jpeg(toned(rgb, kind), quality)) == TINTED, (kind, quality)


def test_one_coloured_thing_in_a_sepia_photo_is_a_colour():
    rgb = toned(PHOTOS["chelsea"], "sepia")
    rgb[100:180, 100:220] = 60, 80, 200
    assert tone(rgb) == COLOURED


def test_flat_and_tiny_pictures_have_a_tone():
    assert tone(np.full((1, 1, 3), 90, np.uint8)) == GREY
    assert tone(np.full((5, 900, 3), (200, 40, 40), np.uint8)) == TINTED


def test_no_sample_photo_is_taken_for_a_toned_one():
    photos = open_photos("sample", size=64)
    assert {tone(rgb) for part in (photos.train, photos.test) for rgb in part} == {COLOURED}


@pytest.mark.photos
def test_of_real_photos_few_are_called_tinted_and_most_toned_ones_are_found():
    photos = open_photos(os.environ["NBHELPERS_PHOTOS"]).test[:150]
    tones = [tone(rgb) for rgb in photos]
    assert tones.count(TINTED) < 0.05 * len(tones) and tones.count(COLOURED) > 0.9 * len(tones)
    matrix = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    sepia = [jpeg(np.clip(grey(rgb) @ matrix.T, 0, 255).astype(np.uint8), 60) for rgb in photos]
    assert [tone(rgb) for rgb in sepia].count(TINTED) > 0.85 * len(sepia)
