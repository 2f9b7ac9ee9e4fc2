"""What the answers to the exercises of notebook 01 must hold to."""

from __future__ import annotations

import numpy as np

from nbhelpers.colour.gamut import in_gamut, into_gamut
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.colour.metrics import psnr
from nbhelpers.course.exercises.answers import Unmet, call
from nbhelpers.course.exercises.properties import agree, holds, same


def from_hue(theirs) -> None:
    """a* and b* of a chroma and a hue in degrees."""

    def ours(chroma, degrees):
        angle = np.radians(np.asarray(degrees, float))
        return np.stack([chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1)

    rng = np.random.default_rng(0)
    agree("a hue of 0 is the direction of a*", theirs, ours, [(10.0, 0.0)], 1e-5)
    for chroma, degrees in ((10.0, 90.0), (10.0, 40.0), (20.0, 300.0)):
        got, told = call(theirs, chroma, degrees), f"chroma = {chroma:g}, degrees = {degrees:g}"
        if np.shape(got) == (2,) and np.allclose(got, chroma * np.array([np.cos(degrees), np.sin(degrees)]), atol=1e-3):
            raise Unmet("the hue is in degrees, and np.cos and np.sin want radians", told, got, ours(chroma, degrees))
        same("the hue turns from +a* towards +b*", got, ours(chroma, degrees), told, 1e-5)
    agree("a grey has no colour, whatever its hue", theirs, ours, [(0.0, 77.0)], 1e-5)
    many = [(rng.uniform(0, 100, size), rng.uniform(0, 360, size)) for size in ((1,), (3,), (2, 3))]
    agree("of arrays, a* and b* stand along a new last axis", theirs, ours, many, 1e-5)


def cube_root(theirs) -> None:
    """The cube root with a straight piece near black, for any place where the two meet."""

    def ours(t, delta):
        return np.where(t > delta**3, np.cbrt(t), t / (3 * delta**2) + 2 * delta / 3)

    cie, rng = 6 / 29, np.random.default_rng(0)
    agree("it is 1 for white", theirs, ours, [(np.array([1.0]), cie)])
    above = [(rng.uniform(0.01, 1, size), cie) for size in (1, 2, 100)]
    agree("above delta³ it is the cube root", theirs, ours, above)
    agree("an array keeps its shape", theirs, ours, [(rng.uniform(0.01, 1, (2, 3)), cie)])
    got = call(theirs, np.array([0.1]), 0.5)
    if np.allclose(got, np.cbrt(0.1)):
        raise Unmet("the line reaches up to delta³, whatever delta is", "t = [0.1], delta = 0.5", got, ours(0.1, 0.5))
    for delta in (0.5, cie, 0.1):
        what = "where the pieces meet, the line has the cube root's value, delta"
        near = np.array([delta**3 * (1 - 1e-9)])
        same(what, call(theirs, near, delta), np.array([delta]), f"t = delta³, delta = {delta:.6g}")
        low, high = delta**3 * np.array([[0.25], [0.75]])
        slope = (np.asarray(call(theirs, high, delta)) - call(theirs, low, delta)) / (high - low)
        what = "below delta³ it is a straight line with the slope that the cube root has at delta³"
        same(what, slope, np.array([1 / (3 * delta**2)]), f"delta = {delta:.6g}", 1e-5)
    both = [(rng.uniform(0, 2 * delta**3, size), delta) for delta in (0.5, cie, 0.1) for size in (1, 2, 100)]
    agree("it is right on both sides of delta³", theirs, ours, both)
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    stored = np.arange(256) / 255
    light = np.where(stored > 0.04045, ((stored + 0.055) / 1.055) ** 2.4, stored / 12.92)
    got = 116 * np.asarray(call(theirs, light, cie), float) - 16
    same("with delta = 6/29 it gives the L* of the package", got, rgb_to_lab(grey)[:, 0], "the 256 greys", 1e-4)


def psnr_order(theirs) -> None:
    """Which of three damaged pictures has the highest PSNR: measured on a picture of weak colours."""
    names = ("no colour", "wrong colours", "lighter")
    listed = isinstance(theirs, (list, tuple)) and sorted(map(str, theirs)) == sorted(names)
    holds(f"it is a list of the three names {', '.join(names)}, each once", listed, got=theirs)
    y, x = np.mgrid[0:1:32j, 0:1:32j]
    lab = np.dstack([30 + 30 * x, 10 * np.cos(6 * y), 10 * np.sin(6 * y)])
    changed = {"no colour": lab * [1, 0, 0], "wrong colours": lab * [1, -1, -1], "lighter": lab + [15, 0, 0]}
    found = {name: psnr(lab_to_rgb(change), lab_to_rgb(lab)) for name, change in changed.items()}
    light = "a step of L* moves all three bytes of a pixel the same way, and PSNR knows nothing but the bytes"
    wrong = "the opposite colour is twice as far from the true one as grey is, and the error is squared"
    for better, worse in zip(theirs, theirs[1:]):
        why = light if better == "lighter" else wrong
        holds(f'"{better}" does not have a higher PSNR than "{worse}": {why}', found[better] > found[worse])


def mean_step(theirs) -> None:
    """The mean squared step of L* between neighbours, which bytes cannot hold."""

    def ours(lightness):
        return np.mean(np.square(np.diff(np.asarray(lightness, float), axis=1)))

    rng = np.random.default_rng(0)
    rows = np.float32([[5, 5], [90, 90]])
    agree("the steps are those from left to right, not from row to row", theirs, ours, [(rows,)], 1e-5)
    up = [(np.float32([row]),) for row in ([0, 3], [3, 0])]
    agree("a step down counts as much as one up, and is squared", theirs, ours, up, 1e-5)
    large = [(np.float32([row]),) for row in ([0, 20], [0, 100], [100, 0, 50])]
    agree("large steps count in full", theirs, ours, large, 1e-5)
    small = [(np.float32([row]),) for row in ([10, 10.4], [10, 10.4, 10.8, 11.2])]
    agree("steps of less than one unit count for what they are", theirs, ours, small, 1e-5)
    agree("it is the mean of the squares", theirs, ours, [(rng.uniform(0, 100, (5, 8)).astype(np.float32),)], 1e-5)


def most_chroma(theirs) -> None:
    """The largest chroma that a screen can show at a lightness and a hue."""

    def colour(lightness, chroma, degrees):
        angle = np.radians(degrees)
        return np.array([lightness, chroma * np.cos(angle), chroma * np.sin(angle)])

    rng = np.random.default_rng(0)
    some = [(float(light), float(hue)) for light, hue in zip(rng.uniform(20, 80, 8), rng.uniform(110, 360, 8))]
    for light, hue in [(50.0, 0.0), (50.0, 90.0), (98.0, 200.0), (32.3, 306.3), *some]:
        got, told = call(theirs, light, hue), f"lightness = {light:.4g}, degrees = {hue:.4g}"
        one = np.shape(got) == () and np.asarray(got).dtype.kind in "iuf"
        holds("the chroma is one number, not less than 0", one and got >= 0, told, got)
        got, most = float(got), float(np.hypot(*into_gamut(colour(light, 200, hue))[1:]))
        if got > most + 0.16:  # `into_gamut` is exact to 0.05
            turned = np.degrees(hue) % 360  # taken for radians
            slip = hue and in_gamut(colour(light, got - 0.1, turned)) and not in_gamut(colour(light, got + 0.1, turned))
            if slip:
                raise Unmet("the hue is in degrees, and np.cos and np.sin want radians", told, got, most)
            raise Unmet("a screen can show the colour", told, got, most)
        same("a screen can show no larger chroma (to within 0.1)", got, most, told, 0.16 / max(1, most))
