"""What the answers to the exercises of notebook 08 must hold to."""

from __future__ import annotations

import tracemalloc

import numpy as np

from nbhelpers.course.exercises.answers import call, lacks, written
from nbhelpers.course.exercises.properties import agree, explain, holds, name_slip, number, same


def times_larger(theirs) -> None:
    """The ratio of squared errors that a difference of PSNRs means."""
    from nbhelpers.colour.metrics import psnr

    def ours(first, second):
        return 10 ** ((second - first) / 10)

    agree("with the same PSNR no error is larger", theirs, ours, [(30.0, 30.0)])
    got = call(theirs, 20.0, 40.0)
    given = "first = 20, second = 40"
    holds("fewer dB mean a larger error", number("it is a number", got) > 1, given, got)
    name_slip(got, {"it is the ratio of the squared error, not the rms error": 10}, given)
    agree("it is the ratio that the definition of the PSNR gives", theirs, ours, [(20.0, 40.0), (30.0, 33.5)])
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
    holds(
        f"it has the four lines of the cell: {', '.join(there)}", isinstance(theirs, dict) and set(theirs) == set(there)
    )
    for name, (decibel, why) in there.items():
        mine = number(f'"{name}" is a number, in dB', theirs[name])
        if abs(mine - 2 * decibel) < 0.5 and name.startswith("B"):
            why = "that would be so if the rms error fell by that share; it is the squared error that does"
        way = "fewer" if decibel < mine else "more"
        explain(abs(mine - decibel) <= 0.5, f"{name}: there are {way} dB than that; {why}")


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
    tiles("a large error counts in full", whole, painted=np.full_like(one, 250), true=np.zeros_like(one))
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


def _package(L, news, known, anchor):
    """The same by the package, on two equal rows, where nothing differs between them."""
    from scipy.sparse.linalg import spsolve

    from nbhelpers.hints import Hints
    from nbhelpers.linear.systems import edge_aware_system

    hints = Hints(np.tile(news[None, :, None], (2, 1, 2)), np.tile(known, (2, 1)))
    system = edge_aware_system(np.tile(L, (2, 1)), hints)
    v = news.copy()
    v[~known] = spsolve(system.matrix.tocsc(), system.rhs[:, 0])[: (~known).sum()]  # the first row's
    return v


def spread_row(theirs) -> None:
    """Propagation with an anchor on one row."""

    def row(n, hints, anchor, L=50.0):
        news, known = np.zeros(n), np.zeros(n, bool)
        for place, value in hints.items():
            news[place], known[place] = value, True
        return np.broadcast_to(np.asarray(L, float), n).copy(), news, known, anchor

    def check(what, *inputs, wanted=_by_matrix):
        agree(what, theirs, wanted, inputs, 1e-6)

    check("without hints there is no difference", row(2, {}, 0.1), row(5, {}, 0.01))
    check("hints keep their difference", row(2, {0: 20.0, 1: -3.5}, 0.1))
    check("a hint that agrees with the guess is a hint", row(3, {0: 20.0, 1: 0.0}, 0.1))
    chains = row(3, {0: 20.0, 2: 10.0}, 0), row(4, {0: 20.0, 3: 5.0}, 0), row(4, {1: 20.0, 3: 10.0}, 0)
    check("without an anchor a pixel is the mean of its neighbours", *chains)
    check("without an anchor a single difference is everywhere", row(2, {0: 20.0}, 0), row(5, {2: 20.0}, 0))
    r = 1.1 - np.sqrt(0.21)
    long = row(120, {0: 1.0}, 0.1)
    what = "on an even row it falls by the factor r per pixel"
    given = "n = 120 pixels, one hint of 1 at the first, anchor = 0.1 (the first four)"
    same(what, np.asarray(call(theirs, *long))[:4], r ** np.arange(4), given)
    between = row(3, {0: 20.0, 2: 10.0}, 0.1), row(4, {1: 20.0}, 0.1), row(6, {2: 20.0, 4: -5.0}, 0.01)
    check("with an anchor that mean is drawn to 0", *between)
    steps = row(3, {0: 20.0}, 0.1, [30, 60, 60]), row(3, {0: 20.0}, 0.1, [60, 30, 30])
    check("a step of lightness holds back, up or down", *steps)
    rng = np.random.default_rng(0)
    sizes = [(n, anchor) for n in (6, 20, 90) for anchor in (0.1, 0.001)]
    spare = row(3, {0: 20.0, 2: 10.0}, 0.1)
    spare[1][1] = 7.5
    check("what `news` holds at a pixel that is no hint plays no part", spare)
    many = [row(n, {n // 3: 20.5, n - 2: -8.0}, anchor, rng.uniform(20, 80, n).round(1)) for n, anchor in sizes]
    check("it solves the equations of every pixel", *many)

    what = "without an anchor it is the package's edge-aware propagation, on equal rows"
    agree(what, theirs, _package, [(*given[:3], 0.0) for given in many[:4]], 1e-4)
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
    what = f"it needs memory for a few numbers per pixel, and no matrix (it takes that of {used / 8:.0f} per pixel)"
    holds(what, used < n, f"n = {n} pixels")


def _pixels(what, theirs, photo, wanted, given, tolerance=1e-6, where=None):
    """Of the pixels that differ from what is wanted, the one that does most is told."""
    got = np.asarray(call(theirs, *photo), float)
    shape = wanted.shape
    if got.shape != shape:
        raise lacks(f"it has the large photo's shape (it has {got.shape}, and should have {shape})", given)
    off = np.where(True if where is None else where, np.abs(got - wanted).max(axis=2), 0)
    if not off.any():
        return
    place = tuple(map(int, np.unravel_index(off.argmax(), off.shape)))
    same(f"{what}, at pixel {place}", got[place], wanted[place], given, tolerance)


def full_size(theirs) -> None:
    """Full-size propagation plus the enlarged change of a small answer, exact at hints."""
    from nbhelpers.networks.hint_inputs import closeness, openness

    def ours(small, spread, known):
        (h, w), k = small.shape[:2], len(spread) // len(small)
        shrunk = spread.reshape(h, k, w, k, 2).mean(axis=(1, 3))
        near = closeness(known, 1 / k)
        return spread + openness(near)[..., None] * np.kron(small - shrunk, np.ones((k, k, 1)))

    rng = np.random.default_rng(0)

    def photo(h, w, k, hints, change=None, flat=False):
        spread, known = rng.normal(0, 20, (h * k, w * k, 2)).round(1) * (not flat), np.zeros((h * k, w * k), bool)
        for place in hints:
            known[place] = True
        small = spread.reshape(h, k, w, k, 2).mean(axis=(1, 3))
        change = rng.normal(0, 20, small.shape).round(1) if change is None else change
        told = f"a small photo of {h} x {w} pixels, k = {k}, hints at {', '.join(map(str, hints))}"
        return (small + change, spread, known), told + ", spread = 0 everywhere" * flat

    sizes = (1, 1, 2, [(0, 0)]), (1, 2, 2, [(1, 3)]), (2, 3, 3, [(0, 0), (4, 5)])
    given, told = photo(*sizes[0])
    crossed = given[1] + openness(closeness(given[2], 1 / 2)) * (given[0] - given[1].mean(axis=(0, 1)))
    both = "the factor d / (1 + d) of a pixel reaches both of its planes"
    name_slip(call(theirs, *given), {both: crossed}, told, wanted=ours(*given))
    for size in sizes:
        given, told = photo(*size)
        _pixels("a hint keeps its colour", theirs, given, given[1], told, where=given[2])
    for size in sizes:
        given, told = photo(*size, change=0)
        told += ", small = what spread shrinks to"
        _pixels("where the network changed nothing spread stays", theirs, given, given[1], told)
    given, told = photo(1, 3, 2, [(0, 0)], change=np.array([[[0], [30], [0]]]))
    moved = np.abs(np.asarray(call(theirs, *given)) - given[1]).max(axis=2) > 1e-3
    for place, it_does in np.ndenumerate(moved):
        what = f"a small pixel that changed moves all pixels of its own block, and no others (look at pixel {place}, "
        what += f"which {'moved' if it_does else 'stayed'})"
        holds(what, it_does == (place[1] in (2, 3)), f"{told}, of which the one in the middle changed")
    step = "without shrinking it is spread + d / (1 + d) * change"
    blocks = "distances count in pixels of the small photo"
    flat = np.array([30, -12.5])
    for what, size in ((step, (1, 3, 1, [(0, 0)])), (blocks, (1, 1, 2, [(0, 0)]))):
        given, told = photo(*size, change=flat, flat=True)
        _pixels(what, theirs, given, ours(*given), f"{told}, small = {written(flat)} everywhere", 1e-4)
    for size in sizes:
        given, told = photo(*size)
        _pixels(blocks, theirs, given, ours(*given), told, 1e-4)
