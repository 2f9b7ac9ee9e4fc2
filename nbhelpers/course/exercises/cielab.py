"""What the answers to the exercises of notebook 01 must hold to."""

from __future__ import annotations

import numpy as np

from nbhelpers.colour.gamut import in_gamut
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.colour.metrics import psnr
from nbhelpers.course.exercises.answers import call, lacks, named_inputs
from nbhelpers.course.exercises.properties import agree, explain, holds, name_slip, numbers, same

DEGREES = "degrees become radians before np.cos and np.sin take them"
SHOWN = "a screen can show a colour of this chroma"
NO_LARGER = "no colour of a larger chroma can be shown"


def from_hue(theirs) -> None:
    """a* and b* of a chroma and a hue in degrees."""

    def ours(chroma, degrees):
        angle = np.radians(np.asarray(degrees, float))
        return np.stack([chroma * np.cos(angle), chroma * np.sin(angle)], axis=-1)

    rng = np.random.default_rng(0)

    def check(what, *given):
        told, wanted = named_inputs(theirs, given), ours(*given)
        got = numbers("a* and b* stand along a new last axis", call(theirs, *given), told, wanted.shape)
        if np.ndim(given[0]) == 0 and given[0] * given[1] > 0:
            name_slip(got, {DEGREES: ours(given[0], np.degrees(given[1]))}, told)
        same(what, got, wanted, told, 1e-5)

    check("a hue of 0 is the direction of a*", 10.0, 0.0)
    for degrees in (30.0, 90.0, 300.0):
        check("the hue turns from +a* towards +b*", 20.0, degrees)
    check("a grey has no colour, whatever its hue", 0.0, 77.0)
    for size in (1, 3, (2, 3)):
        given = rng.uniform(0, 100, size).round(1), rng.uniform(0, 360, size).round(1)
        check("each colour has the chroma and the hue at its own place", *given)


def cube_root(theirs) -> None:
    """The cube root with a straight piece near black, for any place where the two meet."""

    def ours(t, delta):
        return np.where(t > delta**3, np.cbrt(t), t / (3 * delta**2) + 2 * delta / 3)

    cie, rng = 6 / 29, np.random.default_rng(0)
    for t in (np.array([1.0]), np.array([[0.5, 0.7]])):
        numbers("an array keeps its shape", call(theirs, t, cie), named_inputs(theirs, (t, cie)), t.shape)
    agree("it is 1 for white", theirs, ours, [(np.array([1.0]), cie)])
    above = [(rng.uniform(0.01, 1, size).round(2), cie) for size in (1, 2, (2, 3), 100)]
    agree("above delta³ it is the cube root", theirs, ours, above)
    tenth = np.array([0.1])
    got = call(theirs, tenth, 0.5)
    if np.allclose(got, np.cbrt(tenth)):
        what = "the line reaches up to delta³, whatever delta is"
        raise lacks(what, "t = [0.1], delta = 0.5", got, ours(tenth, 0.5))
    for delta in (0.5, cie, 0.1):
        what = "where the pieces meet, the line has the cube root's value, delta"
        near = np.array([delta**3 * (1 - 1e-9)])
        same(what, call(theirs, near, delta), np.array([delta]), f"t = delta³, delta = {delta:.6g}")
        low, high = delta**3 * np.array([[0.25], [0.75]])
        above, below = (numbers("it is an array of numbers", call(theirs, t, delta)) for t in (high, low))
        slope = (above - below) / (high - low)
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
    said = [str(name).strip().lower() for name in theirs] if np.iterable(theirs) else []
    holds(f"a list of the three names {', '.join(names)}, each once", sorted(said) == sorted(names), got=theirs)
    y, x = np.mgrid[0:1:32j, 0:1:32j]
    lab = np.dstack([30 + 30 * x, 10 * np.cos(6 * y), 10 * np.sin(6 * y)])
    changed = {"no colour": lab * [1, 0, 0], "wrong colours": lab * [1, -1, -1], "lighter": lab + [15, 0, 0]}
    found = {name: psnr(lab_to_rgb(change), lab_to_rgb(lab)) for name, change in changed.items()}
    light = "by how many levels do 15 units of L* move the bytes of a pixel, and by how many does a weak tint?"
    wrong = "how far from the true colour is grey, and how far is its opposite?"
    for better, worse in zip(said, said[1:]):
        why = light if better == "lighter" else wrong
        explain(found[better] > found[worse], f'"{better}" does not have a higher PSNR than "{worse}": {why}')


def mean_step(theirs) -> None:
    """The mean squared step of L* between neighbours, which bytes cannot hold."""

    def ours(lightness):
        return np.mean(np.square(np.diff(np.asarray(lightness, float), axis=1)))

    rng = np.random.default_rng(0)
    rows = np.float32([[5, 5], [90, 90]])
    numbers("it is one number, whatever the number of rows", call(theirs, rows), named_inputs(theirs, (rows,)), ())
    agree("the steps are those from left to right, not from row to row", theirs, ours, [(rows,)], 1e-5)
    up = [(np.float32([row]),) for row in ([0, 3], [3, 0])]
    agree("a step down counts as much as one up, and is squared", theirs, ours, up, 1e-5)
    agree(
        "it is the mean of the squares", theirs, ours, [(np.float32([row]),) for row in ([0, 2, 3], [0, 1, 3, 6])], 1e-5
    )
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

    def edge(lightness, degrees, colour=colour):
        low, high = 0.0, 200.0
        while high - low > 1e-3:
            middle = (low + high) / 2
            low, high = (middle, high) if in_gamut(colour(lightness, middle, degrees)) else (low, middle)
        return low

    rng = np.random.default_rng(0)
    some = zip(rng.uniform(20, 80, 8).round().tolist(), rng.uniform(110, 360, 8).round().tolist())
    for light, hue in [(50.0, 0.0), (50.0, 90.0), (98.0, 200.0), (32.3, 306.3), *some]:
        told = f"lightness = {light:.4g}, degrees = {hue:.4g}"
        what = "the chroma is one number, not less than 0"
        got = float(numbers(what, call(theirs, light, hue), told, ()))
        holds(what, got >= 0, told, got)
        most = round(edge(light, hue), 2)
        if abs(got - most) > 0.11:
            near = 0.11 / max(1, got)
            name_slip(got, {DEGREES: edge(light, np.degrees(hue))}, told, near)
            what = SHOWN if got > most else NO_LARGER
            for angle in (hue, np.radians(hue)):  # taken for b*
                slip = edge(light, angle, lambda *three: np.array(three))
                name_slip(got, {f"{what} (a* and b* from chroma and hue?)": slip}, told, near, wanted=most)
            raise lacks(what, told, got, most)
