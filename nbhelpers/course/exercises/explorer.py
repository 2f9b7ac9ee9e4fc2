"""What the answers to the exercises of notebook 08 must hold to."""

from __future__ import annotations

import tracemalloc

import numpy as np

from nbhelpers.course.exercises.answers import Unmet, call, written
from nbhelpers.course.exercises.properties import agree, holds, same


def times_larger(theirs) -> None:
    """The ratio of squared errors that a difference of PSNRs means."""
    from nbhelpers.colour.metrics import psnr

    def ours(first, second):
        return 10 ** ((second - first) / 10)

    agree("with the same PSNR no error is larger", theirs, ours, [(30.0, 30.0)])
    got = call(theirs, 20.0, 40.0)
    holds("fewer dB mean a larger error", np.ndim(got) or got > 1, "first = 20, second = 40", got)
    agree("it is the ratio of the squared error, not the rms error", theirs, ours, [(20.0, 40.0), (30.0, 33.0)])
    rng = np.random.default_rng(0)
    truth = rng.integers(60, 190, (6, 8, 3)).astype(np.uint8)
    for first, second in ((12, 3), (2, 40), (25, 20)):
        errors = [rng.integers(-off, off + 1, truth.shape) for off in (first, second)]
        decibels = [psnr((truth + error).astype(np.uint8), truth) for error in errors]
        wanted = np.square(errors[0]).mean() / np.square(errors[1]).mean()
        given = "two pictures with {:.2f} and {:.2f} dB".format(*decibels)
        same("it is what two pictures really have", call(theirs, *decibels), wanted, given)


def given_pixels(theirs) -> None:
    """What given pixels do to the PSNR of two methods that look at no hints."""
    from nbhelpers.colour.metrics import psnr

    rng = np.random.default_rng(0)
    truth = rng.integers(50, 200, (100, 100, 3))
    signs, order = rng.choice([-1, 1], truth.shape), rng.permutation(10000).reshape(100, 100, 1)

    def decibels(off, given):
        picture = np.where(order < given, truth, truth + off * signs)
        return psnr(picture.astype(np.uint8), truth.astype(np.uint8))

    half, most = 5000, 9900
    share = "find the share of the squared error that is left, and how many dB that share is"
    twice = "half the steps are a quarter of the squared error"
    there = {
        "B rises, half given": (decibels(12, half) - decibels(12, 0), share),
        "B rises, 99 in 100 given": (decibels(12, most) - decibels(12, 0), share),
        "A ahead, none given": (decibels(6, 0) - decibels(12, 0), twice),
        "A ahead, 99 in 100 given": (
            decibels(6, most) - decibels(12, most),
            "the pixels that are left have the errors that they had, and the given ones take the same share from both",
        ),
    }
    if not isinstance(theirs, dict) or set(theirs) != set(there):
        raise Unmet(f"it has the four lines of the cell: {', '.join(there)}")
    for name, (decibel, why) in there.items():
        try:
            mine = float(theirs[name])
        except (TypeError, ValueError):
            raise Unmet(f"{name!r} is one number, in dB") from None
        if not abs(mine - decibel) <= 0.5:
            if abs(mine - 2 * decibel) < 0.5 and name.startswith("B"):
                why = "that would be so if the rms error fell by that share; it is the squared error that does"
            way = "fewer" if decibel < mine else "more"
            raise Unmet(f"{name}: there are {way} dB than that; {why}")


def tiles_psnr(theirs) -> None:
    """The PSNR of a whole photo, however it is cut."""
    from nbhelpers.colour.metrics import psnr

    rng = np.random.default_rng(0)
    truth = rng.integers(30, 220, (6, 8, 3)).astype(np.uint8)
    off = rng.integers(-3, 4, truth.shape)
    off[:, 4:] *= 8  # a calm half, and a busy one
    picture = (truth + off).astype(np.uint8)

    def tiles(what, *cuts, painted=picture, true=truth):
        pictures, truths = ([photo[cut] for cut in cuts] for photo in (painted, true))
        given = "tiles of " + " and ".join(f"{len(tile)} x {tile.shape[1]} pixels" for tile in truths)
        given += f", each with the PSNR {written([psnr(*pair) for pair in zip(pictures, truths)])} dB"
        with np.errstate(all="ignore"):
            got = call(theirs, pictures, truths)
        same(what, got, psnr(painted, true), given)

    whole = np.s_[:, :]
    one = np.full((1, 1, 3), 100, np.uint8)
    for step, which in ((80, "too dark"), (120, "too bright")):
        painted = np.full_like(one, step)
        tiles(f"a pixel that is {which} by 20 steps has an error of 20", whole, painted=painted, true=one)
    tiles("a photo in one tile has its own PSNR", whole)
    tiles("a photo that is cut in two has the PSNR of the whole", np.s_[:, :4], np.s_[:, 4:])
    tiles("a tile's size counts", np.s_[:, :6], np.s_[:, 6:])
    tiles("a tile's size counts", np.s_[:1], np.s_[1:3], np.s_[3:])
    exact = picture.copy()
    exact[:, :4] = truth[:, :4]
    tiles("where one tile is right the others still count", np.s_[:, :4], np.s_[:, 4:], painted=exact)
    with np.errstate(all="ignore"):
        got = call(theirs, [truth], [truth])
    holds("a photo that is right has an infinite PSNR", np.ndim(got) == 0 and got == np.inf, "one exact tile", got)


def _by_matrix(L, news, known, anchor):
    """The differences on one row, with all equations in one matrix."""
    w = np.exp(-25 * np.abs(np.diff(L)) / 100)
    sums = np.append(0, w) + np.append(w, 0)
    A = np.diag((1 + anchor) * sums) - np.diag(w, 1) - np.diag(w, -1)
    A[known] = np.eye(len(L))[known]
    return np.linalg.solve(A, np.where(known, news, 0.0))


def spread_row(theirs) -> None:
    """Propagation with an anchor on one row."""
    from scipy.sparse.linalg import spsolve

    from nbhelpers.hints import Hints
    from nbhelpers.linear.systems import edge_aware_system

    def row(n, hints, anchor, L=50.0):
        news, known = np.zeros(n), np.zeros(n, bool)
        for place, value in hints.items():
            news[place], known[place] = value, True
        return np.broadcast_to(np.asarray(L, float), n).copy(), news, known, anchor

    def check(what, *inputs, wanted=_by_matrix):
        agree(what, theirs, wanted, inputs, 1e-6)

    check("without hints there is no difference", row(2, {}, 0.1), row(5, {}, 0.01))
    check("hints keep their difference", row(2, {0: 20.0, 1: -3.0}, 0.1))
    check("a hint that agrees with the guess is a hint", row(3, {0: 20.0, 1: 0.0}, 0.1))
    chains = row(3, {0: 20.0, 2: 10.0}, 0), row(4, {0: 20.0, 3: 5.0}, 0), row(4, {1: 20.0, 3: 10.0}, 0)
    check("without an anchor a pixel is the mean of its neighbours", *chains)
    check("without an anchor a single difference is everywhere", row(2, {0: 20.0}, 0), row(5, {2: 20.0}, 0))
    r = 1.1 - np.sqrt(0.21)
    long = row(120, {0: 1.0}, 0.1)
    if np.ndim(got := call(theirs, *long)) != 1 or len(got) != 120:
        raise Unmet("there is one difference for each pixel", "a row of 120 pixels", np.shape(got))
    what = "on an even row it falls by the factor r per pixel"
    same(what, got[:12], r ** np.arange(12), "n = 120 pixels, one hint of 1 at the first, anchor = 0.1 (the first 12)")
    between = row(3, {0: 20.0, 2: 10.0}, 0.1), row(4, {1: 20.0}, 0.1), row(6, {2: 20.0, 4: -5.0}, 0.01)
    check("with an anchor that mean is drawn to 0", *between)
    steps = row(3, {0: 20.0}, 0.1, [30, 60, 60]), row(3, {0: 20.0}, 0.1, [60, 30, 30])
    check("a step of lightness holds back, up or down", *steps)
    rng = np.random.default_rng(0)
    sizes = [(n, anchor) for n in (6, 20, 90) for anchor in (0.1, 0.001)]
    many = [row(n, {n // 3: 20.0, n - 2: -8.0}, anchor, rng.uniform(20, 80, n)) for n, anchor in sizes]
    check("it solves the equations of every pixel", *many)

    def package(L, news, known, anchor):  # on two equal rows, where nothing differs between them
        hints = Hints(np.tile(news[None, :, None], (2, 1, 2)), np.tile(known, (2, 1)))
        system = edge_aware_system(np.tile(L, (2, 1)), hints)
        return np.append(spsolve(system.matrix.tocsc(), system.rhs[:, 0]), news[known])

    def with_hints(L, news, known, anchor):
        v = np.asarray(theirs(L, news, known, anchor))
        return np.concatenate([v[~known], v[~known], news[known]])

    what = "without an anchor it is the package's edge-aware propagation, on equal rows"
    agree(what, with_hints, package, [(*given[:3], 0.0) for given in many[:4]], 1e-4)
    _sparing(theirs, row(1500, {10: 20.0}, 1e-4, rng.uniform(40, 60, 1500)))


def _sparing(theirs, given) -> None:
    """Memory grows with the length of the row, and not with its square."""
    n = len(given[0])
    running = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        got = call(theirs, *given)
        used = (tracemalloc.get_traced_memory()[1] - before) / n
    finally:
        if not running:
            tracemalloc.stop()
    same("a long row is right too", got, _by_matrix(*given), f"n = {n} pixels")
    what = "it needs memory for a few numbers per pixel, and no matrix"
    holds(what, used < n, f"n = {n} pixels, where it takes {used / 8:.0f} numbers per pixel")


def full_size(theirs) -> None:
    """Full-size propagation plus the enlarged change of a small answer, exact at hints."""
    from nbhelpers.networks.hint_inputs import closeness, openness

    def ours(small, spread, known):
        (h, w), k = small.shape[:2], len(spread) // len(small)
        shrunk = spread.reshape(h, k, w, k, 2).mean(axis=(1, 3))
        near = closeness(known, 1 / k)
        return spread + openness(near)[..., None] * np.kron(small - shrunk, np.ones((k, k, 1)))

    rng = np.random.default_rng(0)

    def photo(h, w, k, hints, changed=True):
        spread, known = rng.normal(0, 20, (h * k, w * k, 2)).round(), np.zeros((h * k, w * k), bool)
        for place in hints:
            known[place] = True
        small = spread.reshape(h, k, w, k, 2).mean(axis=(1, 3))
        return small + changed * rng.normal(0, 20, small.shape).round(), spread, known

    first = [photo(1, 1, 2, [(0, 0)]), photo(1, 2, 2, [(1, 3)]), photo(2, 3, 3, [(0, 0), (4, 5)])]
    for small, spread, known in first:
        got = np.asarray(call(theirs, small, spread, known))
        what, k = "it has the large photo's shape", len(spread) // len(small)
        given = f"a small photo of {small.shape[0]} x {small.shape[1]} pixels, k = {k}"
        holds(f"{what}, {spread.shape}", got.shape == spread.shape, given, got.shape)
        same("a hint keeps its colour", got[known], spread[known], f"{given}, hints at {np.argwhere(known).tolist()}")
    for h, w, k in ((1, 1, 2), (1, 2, 2), (2, 3, 3)):
        small, spread, known = photo(h, w, k, [(0, 0)], changed=False)
        given = f"small = what spread shrinks to, {h} x {w} pixels, k = {k}"
        same("where the network changed nothing spread stays", call(theirs, small, spread, known), spread, given)
    small, spread, known = photo(1, 3, 2, [(0, 0)], changed=False)
    small[0, 1] += 30
    got = np.asarray(call(theirs, small, spread, known)) - spread
    moved = np.abs(got).max(axis=2) > 1e-3
    wanted = np.repeat([[False, True, False]] * 2, 2, axis=1)
    what, given = "a small pixel that changed moves all pixels of its own block, and no others", "1 x 3 pixels, k = 2"
    same(what, moved, wanted, f"{given}, of which the one in the middle changed; which pixels moved:")
    agree("without shrinking it is spread + d / (1 + d) * change", theirs, ours, [photo(1, 3, 1, [(0, 0)])], 1e-4)
    agree("distances count in pixels of the small photo", theirs, ours, first, 1e-4)
