"""What the answers to the exercises of notebook 00 must hold to."""

from __future__ import annotations

import numpy as np

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.colour.metrics import ab_mse
from nbhelpers.course.exercises.answers import call, lacks, written
from nbhelpers.course.exercises.properties import agree, explain, holds, number, numbers, same
from nbhelpers.hints import Hints, nearest_known


def without_colour(theirs) -> None:
    """A photo in CIELAB whose a* and b* are 0, on a copy."""
    rng = np.random.default_rng(0)
    for size in ((1, 1), (1, 1), (1, 2), (3, 3), (3, 3)):
        lab = np.dstack([rng.uniform(1, 99, size), *rng.uniform(-90, 90, (2, *size))]).round(1).astype(np.float32)
        told = f"lab = {written(lab)}"
        got = numbers("the result has the photo's shape", call(theirs, lab), told, lab.shape)
        same("the lightness L* stays", got[..., 0], lab[..., 0], told)
        same("a* and b* are 0 everywhere", got[..., 1:], np.zeros_like(lab[..., 1:]), told)


def lookalikes(theirs) -> None:
    """Two colours of one lightness, far apart."""
    pair = numbers("two colours of three numbers each", theirs)
    holds("two colours of three numbers each", pair.shape == (2, 3), got=theirs)
    whole = np.all((pair >= 0) & (pair <= 255) & (pair == np.rint(pair)))
    holds("each number is a byte, whole and from 0 to 255", whole, got=theirs)
    one, two = rgb_to_lab(pair.astype(np.uint8))
    which = "first" if one[0] < two[0] else "second"
    dark = f"the {which} is darker than the other: their L* are {one[0]:.2f} and {two[0]:.2f}"
    explain(abs(one[0] - two[0]) < 1, f"{dark}, and should be less than 1 apart")
    apart = np.hypot(*(one - two)[1:])
    alike = f"they look too much alike: in a* and b* they are {apart:.1f} apart, and should be more than 120 apart"
    explain(apart > 120, alike)


def fourth_pixel(theirs) -> None:
    """The fourth pixel of the notebook's row, when the lightness of its two things is nearly the same."""
    guess = number("a number, the a* of the fourth pixel", theirs)
    lightness, hints = np.array([84.0, 84, 84, 84, 90, 90]), {0: 40.0, 5: 0.0}
    weight = np.exp(-25 * np.abs(np.diff(lightness)) / 100)
    matrix, right = np.eye(6), np.zeros(6)
    for i in range(6):
        if i in hints:
            right[i] = hints[i]
        else:
            matrix[i, i - 1 : i + 2] = -weight[i - 1], weight[i - 1] + weight[i], -weight[i]
    found = np.linalg.solve(matrix, right)[3]
    holds("a weighted mean lies between the two known colours, which are 40 and 0", 0 <= guess <= 40, got=guess)
    high = "this is too red: the edge lets some of the grey through. Is the weight across a step of 6 still nearly 0?"
    low = "this is too grey: the edge is faint, and yet holds back more than equal steps from 40 to 0 would"
    explain(guess <= found + 4, high)
    explain(guess >= found - 4, low)


def guessed_error(theirs) -> None:
    """ab-MSE over the unknown pixels, found from answer, truth and the mask of the known ones."""
    rng = np.random.default_rng(0)

    def case(known, unknown_off, known_off=0.0):
        known = np.array(known)
        truth = rng.integers(-50, 50, (*known.shape, 2)).astype(float)
        return truth + np.where(known, known_off, unknown_off)[..., None], truth, known

    masks = [[[False]], [[True, False]], [[True, True], [True, False]]]
    what = "where each guess is wrong by 3 in a* and in b*, the mean of the squares is 9, whatever share is known"
    for given in (case(mask, 3.0) for mask in masks):
        told = f"known = {given[2].tolist()}"
        got = numbers("it is one number", call(theirs, *given), told, ())
        if np.isclose(got, 18):
            raise lacks("the mean is over both numbers of each unknown pixel, a* and b*", told, got, 9.0)
        same(what, got, 9.0, told)
    what = "what the answer says at known pixels does not count"
    agree(what, theirs, lambda answer, truth, known: 9.0, [case(mask, 3.0, 70.0) for mask in masks[1:]])
    what = "what was guessed exactly counts too, as an error of 0"
    exact = [case([[False, False]], np.array([[3.0, 0.0]])), case([[False, False, True]], 3.0)]
    exact[1][0][0, 0, 1] = exact[1][1][0, 0, 1]
    agree(what, theirs, lambda answer, truth, known: np.square(answer - truth)[~known].mean(), exact)
    some = []
    for size in ((1, 3), (4, 4), (20, 30)):
        known = rng.random(size) < 0.4
        known[0, 0] = False
        some.append((rng.normal(0, 20, (*size, 2)).round(1), rng.normal(0, 20, (*size, 2)).round(1), known))
    agree("it is the package's ab_mse", theirs, lambda a, t, known: ab_mse(a, t, ~known), some, 1e-5)


def copy_nearest(theirs) -> None:
    """The colour of the nearest known pixel, for every pixel of a photo."""
    rng = np.random.default_rng(0)

    def check(what, size, places):
        ab = rng.permutation(np.arange(1.3, 1 + 2 * size[0] * size[1])).reshape(*size, 2).astype(np.float32)
        known = np.zeros(size, bool)
        known[tuple(np.reshape(places, (-1, 2)).astype(int).T)] = True
        _nearest(what, theirs, ab, known)

    line = "each pixel has the colour of a nearest known pixel"
    check("known pixels keep their colours, and one known pixel colours the whole photo", (1, 1), [(0, 0)])
    check("known pixels keep their colours, and one known pixel colours the whole photo", (2, 3), [(1, 0)])
    check(line, (1, 4), [(0, 0), (0, 3)])
    check(line, (4, 2), [(0, 1), (3, 1)])
    straight = "the distance is that of a straight line, the root of (rows² + columns²)"
    check(straight, (3, 4), [(0, 3), (2, 2)])
    check(straight, (4, 5), [(0, 4), (3, 3)])
    for size, count in (((5, 5), 4), ((9, 12), 10)):
        check(line, size, np.argwhere(np.ones(size))[rng.permutation(size[0] * size[1])[:count]])
    agree("where no pixel is known, all are grey", theirs, lambda ab, known: ab * 0, [
        (np.full((*size, 2), 7, np.float32), np.zeros(size, bool)) for size in ((1, 1), (2, 3))
    ])  # fmt: skip


def _nearest(what, theirs, ab, known) -> None:
    """Each pixel has one of the colours that are equally near."""
    places = np.argwhere(known)
    there = ", ".join(str(tuple(map(int, place))) for place in places)
    photo = f"a photo of {known.shape[0]} x {known.shape[1]} pixels, known at {there}"
    got = call(theirs, ab, known)
    got, wanted = numbers("the result is an array (H, W, 2)", got, photo, ab.shape), nearest_known(Hints(ab, known))
    for pixel in np.ndindex(known.shape):
        far = np.square(places - pixel).sum(axis=1)
        near = [ab[tuple(place)] for place in places[far == far.min()]]
        if not any(np.allclose(got[pixel], colour, atol=1e-4) for colour in near):
            raise lacks(what, f"pixel {pixel} of {photo},", got[pixel], wanted[pixel])
