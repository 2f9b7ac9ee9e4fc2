"""Trees that see a pixel and what is around it, instead of a row: the learners of `regressor`, better features.

The features come from the lightness alone. Distances are in 400ths of the photo's width (pixels, in the paper's
photos), so that a feature means the same in a photo of another size.
"""

from __future__ import annotations

from dataclasses import dataclass

import joblib
import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter
from scipy.sparse import csr_array
from sklearn.base import RegressorMixin, clone
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.multioutput import MultiOutputRegressor
from sklearn.tree import DecisionTreeRegressor
from sklearn.utils import get_tags

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.hints import Colorization, Hints, check_lightness, keep_known, unused
from nbhelpers.system import one_thread

COARSE = 100  # width of the small copy in which all but the finest detail is computed
SIDES = {"above": (-1, 0), "below": (1, 0), "left": (0, -1), "right": (0, 1)}
GROUPS: dict[str, tuple[str, ...]] = {
    "pixel": ("lightness", "lightness - blur 2"),
    "neighbourhood": (
        *(f"blur {s}" for s in (2, 4, 8, 16, 32, 64)),
        *(f"{name} {size}" for size in (36, 132) for name in ("brightest", "darkest")),
        *(f"{name} {d} {side}" for d in (48, 120) for side in SIDES for name in ("lightness", "edges")),
    ),
    "texture": (
        *(f"deviation {s}" for s in (2, 8, 16, 32, 64)),
        *(f"{name} {s}" for s in (8, 32) for name in ("band", "d/dx", "d/dy", "upright", "one way")),
        *(f"{name} {s}" for s in (8, 32, 96) for name in ("sharp", "even")),
        *("smoothest 36", "smoothest 132"),
    ),
    "position": ("x", "y", "to the border"),
    "whole photo": ("rank", "mean above", "mean below", "edges above"),
}
FEATURES: tuple[str, ...] = tuple(name for names in GROUPS.values() for name in names)


def _blur(plane, sigma):
    return gaussian_filter(plane, sigma, mode="nearest", truncate=3)


def _root(plane):
    return np.sqrt(np.maximum(plane, 0))


def _averaging(n: int, m: int) -> np.ndarray:
    """The matrix (m, n) that averages n samples over m equal boxes."""
    ends, i = np.linspace(0, n, m + 1), np.arange(n)
    shared = np.minimum(ends[1:, None], i + 1) - np.maximum(ends[:-1, None], i)
    return (shared.clip(0) * m / n).astype(np.float32)


def _running_mean(plane):
    return np.cumsum(plane, axis=0) / np.arange(1, len(plane) + 1)[:, None]


def _planes(lightness) -> tuple[dict, dict]:
    """All but the position: name -> plane of the photo's size, and name -> plane COARSE wide, to be interpolated."""
    L = np.asarray(lightness, np.float32)
    if L.ndim != 2 or min(L.shape) < 2:
        raise ValueError(f"expected a lightness (H, W) of at least 2 x 2 pixels, got shape {L.shape}")
    check_lightness(L)
    unit, rows = L.shape[1] / 400, max(2, round(COARSE * L.shape[0] / L.shape[1]))
    down, across = _averaging(L.shape[0], rows), _averaging(L.shape[1], COARSE).T
    blur1, blur2 = _blur(L, unit), _blur(L, 2 * unit)
    dy, dx = (slope * unit for slope in np.gradient(blur1))
    fine = {"lightness": L, "blur 2": blur2, "lightness - blur 2": L - blur2}
    fine["deviation 2"] = _root(_blur(L * L, 2 * unit) - blur2 * blur2)

    parts = (L, L * L, (blur1 - blur2) ** 2, dx * dx, dy * dy, dx * dy)
    copy, squares, band, xx, yy, xy = (down @ part @ across for part in parts)
    edge, coarse_edge = _root(xx + yy), sum(slope**2 for slope in np.gradient(_blur(copy, 1)))
    blurs = {s: _blur(copy, s / 4) for s in (4, 8, 16, 32, 64)}
    found = {f"blur {s}": plane for s, plane in blurs.items()}
    found |= {f"deviation {s}": _root(_blur(squares, s / 4) - blurs[s] ** 2) for s in (8, 16, 32, 64)}
    for size in (36, 132):
        found[f"brightest {size}"] = maximum_filter(copy, size // 4)
        found[f"darkest {size}"] = minimum_filter(copy, size // 4)
        found[f"smoothest {size}"] = minimum_filter(edge, size // 4)
    for s in (8, 32, 96):  # ratios: what kind of texture it is, whatever its contrast
        near, total, coarser = _blur(edge, s / 4), _root(_blur(xx + yy, s / 4)), _root(_blur(coarse_edge, s / 4))
        found[f"sharp {s}"] = np.log((near + 0.05) / (coarser + 0.05))
        found[f"even {s}"] = (near + 0.05) / (total + 0.05)
    for s in (8, 32):  # the structure tensor: how strong edges are, which way they run, whether all the same way
        x, y, cross, bands = (_blur(part, s / 4) for part in (xx, yy, xy, band))
        found |= {f"band {s}": _root(bands), f"d/dx {s}": _root(x), f"d/dy {s}": _root(y)}
        found[f"upright {s}"] = (x - y) / (x + y + 0.1)
        found[f"one way {s}"] = np.hypot(x - y, 2 * cross) / (x + y + 0.1)
    for d, light, edges in ((48, blurs[8], _blur(edge, 2)), (120, blurs[16], _blur(edge, 4))):
        for side, (right_down, right_across) in SIDES.items():
            y = np.clip(np.arange(rows) + d // 4 * right_down, 0, rows - 1)
            x = np.clip(np.arange(COARSE) + d // 4 * right_across, 0, COARSE - 1)
            found[f"lightness {d} {side}"], found[f"edges {d} {side}"] = light[y][:, x], edges[y][:, x]
    # Numbers that are one for the whole photo (its mean, quantiles, a 5 x 5 grid) made the error of unseen photos
    # larger: a few thousand photos are few samples of them. Ranks compare a pixel with its photo instead.
    counts, levels = np.histogram(copy, bins=200, range=(0, 100))
    shares = np.append(0, np.cumsum(counts) / copy.size)
    fine["rank"] = np.interp(L, levels, shares)
    wide = gaussian_filter(copy, (0, 8), mode="nearest")
    found["mean above"], found["mean below"] = _running_mean(wide), _running_mean(wide[::-1])[::-1]
    found["edges above"] = _running_mean(edge)
    return fine, found


def _interpolate(stack: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Bilinear values (n, F') of a stack of planes (h, w, F') at the places `at`, y and x (2, n) in [0, 1].

    `scipy.ndimage.map_coordinates` gives the same and takes far longer: it finds the corners anew for each plane.
    """
    shape = np.array(stack.shape[:2])[:, None]
    place = np.clip(at * shape - 0.5, 0, shape - 1)
    first = np.minimum(place.astype(int), shape - 2)
    v, u = place - first
    corners = (first[0] * stack.shape[1] + first[1])[:, None] + [0, 1, stack.shape[1], stack.shape[1] + 1]
    weights = np.column_stack([(1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u]).astype(np.float32)
    flat = stack.reshape(-1, stack.shape[2])
    ends = np.arange(0, corners.size + 1, 4)
    return csr_array((weights.ravel(), corners.ravel(), ends), shape=(len(corners), len(flat))) @ flat


def _blocks(lightness, pixels: np.ndarray | None = None, size: int = 4000):
    """Yield the features (n, F) of `pixels`, flat indices (None: all in order): so few that they stay in the cache."""
    fine, coarse = _planes(lightness)
    shape = np.array(np.shape(lightness))[:, None]
    stack = np.stack(list(coarse.values()), axis=-1, dtype=np.float32)
    columns = [FEATURES.index(name) for name in (*coarse, *fine, *GROUPS["position"])]
    pixels = np.arange(shape.prod()) if pixels is None else pixels
    for start in range(0, len(pixels), size):
        some = pixels[start : start + size]
        at = (np.divmod(some, shape[1]) + np.float64(0.5)) / shape
        border = np.minimum(at, 1 - at).min(axis=0)
        out = np.empty((len(some), len(FEATURES)), np.float32)
        values = *(plane.ravel()[some] for plane in fine.values()), at[1], at[0], border
        out[:, columns] = np.column_stack([_interpolate(stack, at), *values])
        yield out


def features(lightness: np.ndarray) -> np.ndarray:
    """The features of every pixel of a photo.

    Parameters
    ----------
    lightness : np.ndarray
        (H, W), CIELAB L* in [0, 100], at least 2 x 2 pixels.

    Returns
    -------
    np.ndarray
        (H, W, F) float32, in the order of FEATURES.

    Raises
    ------
    ValueError
        For another shape, fewer pixels, and NaN or infinity.
    """
    return np.concatenate(list(_blocks(lightness))).reshape(*np.shape(lightness), len(FEATURES))


def _of_chunk(photos, indices, per_photo, seed) -> list[tuple[np.ndarray, np.ndarray]]:
    found = []
    with one_thread():
        for i, rgb in photos.read(indices) if hasattr(photos, "read") else ((i, photos[i]) for i in indices):
            lab = rgb_to_lab(rgb)
            ab = lab[..., 1:].reshape(-1, 2)
            pixels = np.random.default_rng((seed, i)).choice(len(ab), min(per_photo, len(ab)), replace=False)
            found += [(X, ab[pixels]) for X in _blocks(lab[..., 0], pixels, len(ab))]
    return found


def sample_pixels(photos, per_photo: int, n: int | None = None, seed: int = 0, jobs: int | None = None):
    """Draw pixels of each photo at random.

    The draw does not depend on `jobs`.

    Parameters
    ----------
    photos : Photos or sequence of np.ndarray
        sRGB uint8 (H, W, 3). Unusable photos of a `Photos` are skipped with a warning.
    per_photo : int
        Pixels of each photo, at least 1; of a photo with fewer pixels all are taken.
    n : int, optional
        Only the first n usable photos are taken; None takes all.
    seed : int
        Of the draw.
    jobs : int, optional
        Pieces of work at once; None takes those of the surrounding `system.backend`.

    Returns
    -------
    X : np.ndarray
        (N, F) float32, the features of the pixels.
    ab : np.ndarray
        (N, 2) float32, their a* and b*.

    Raises
    ------
    ValueError
        When no photo is left, and for `per_photo` below 1.
    """
    if per_photo < 1:
        raise ValueError(f"per_photo must be at least 1, got {per_photo}")
    n, found, start = len(photos) if n is None else min(n, len(photos)), [], 0
    while len(found) < n and start < len(photos):  # again, when some could not be used
        stop = min(start + n - len(found), len(photos))
        chunks = (range(i, min(i + 8, stop)) for i in range(start, stop, 8))
        tasks = (joblib.delayed(_of_chunk)(photos, chunk, per_photo, seed) for chunk in chunks)
        with one_thread():
            found += [pair for part in joblib.Parallel(n_jobs=jobs, prefer="threads")(tasks) for pair in part]
        start = stop
    if not found:
        raise ValueError("no photo to learn from: the list of photos is empty or none could be read")
    X, ab = zip(*found)
    return np.concatenate(X), np.concatenate(ab)


@dataclass(frozen=True)
class PixelColorizer:
    """Colours each pixel from its features by a fitted regressor; hints are kept, and not used.

    Attributes
    ----------
    name : str
        The method's name.
    model : sklearn.base.RegressorMixin
        Fitted: features (N, F) -> a* and b*, (N, 2).
    origin : str
        Where the model came from; "" where it is not known.
    """

    name: str
    model: RegressorMixin
    origin: str = ""

    def colorize(self, lightness: np.ndarray, hints: Hints) -> Colorization:
        """Predict a* and b* from the lightness.

        Parameters
        ----------
        lightness : np.ndarray
            (H, W), CIELAB L* in [0, 100], at least 2 x 2 pixels.
        hints : Hints
            The known colours of the same photo.

        Returns
        -------
        Colorization
            Colours of the same height and width; known pixels are kept, and not predicted.

        Raises
        ------
        ValueError
            As `hints.checked` and `features` do.
        """
        note = unused(lightness, hints)
        unknown, ab = np.flatnonzero(~hints.known), np.zeros((hints.known.size, 2), np.float32)
        if unknown.size:
            with one_thread():  # on a busy machine OpenMP's threads wait for each other
                ab[unknown] = np.concatenate([self.model.predict(X) for X in _blocks(lightness, unknown)])
        return Colorization(keep_known(ab.reshape(*np.shape(lightness), 2), hints), note=note)


def fit_pixels(estimator, X: np.ndarray, ab: np.ndarray, name: str = "") -> PixelColorizer:
    """Fit a clone of a scikit-learn regressor, or two where it has a single output.

    Parameters
    ----------
    estimator : sklearn.base.RegressorMixin
        Any; it stays unfitted.
    X : np.ndarray
        (N, F), the features of the pixels.
    ab : np.ndarray
        (N, 2), their a* and b*.
    name : str
        The colorizer's; without one, the estimator's class.

    Returns
    -------
    PixelColorizer
        With the fitted clone.

    Raises
    ------
    ValueError
        For other shapes.
    """
    if np.ndim(X) != 2 or np.shape(X)[1] != len(FEATURES) or np.shape(ab) != (len(X), 2):
        shapes = f"{np.shape(X)} and {np.shape(ab)}"
        raise ValueError(f"expected X (N, {len(FEATURES)}) and ab (N, 2) as sample_pixels gives them, got {shapes}")
    model = clone(estimator) if get_tags(estimator).target_tags.multi_output else MultiOutputRegressor(estimator)
    return PixelColorizer(name or type(estimator).__name__, model.fit(X, ab))


def paper_trees(seed: int = 0) -> dict:
    """The paper's three models (section 5.1: depth 3, 100 trees, rate 0.1), and a larger boosting.

    For speed each tree of the forest draws a tenth of the pixels, and each of its splits a third of the features.
    Boosting never stops early: that would need pixels of photos that it does not learn from.

    Parameters
    ----------
    seed : int
        Their `random_state`.

    Returns
    -------
    dict
        "tree", "forest", "boosting" and "boosting, deep" -> unfitted estimator.
    """
    boosting, paper = HistGradientBoostingRegressor(early_stopping=False, random_state=seed), {"max_depth": 3}
    deep = {"max_leaf_nodes": 63, "min_samples_leaf": 200, "l2_regularization": 50, "max_features": 0.3}
    return {
        "tree": DecisionTreeRegressor(**paper, random_state=seed),
        "forest": RandomForestRegressor(100, **paper, max_features=1 / 3, max_samples=0.1, random_state=seed),
        "boosting": clone(boosting).set_params(**paper, max_iter=100, learning_rate=0.1),
        "boosting, deep": clone(boosting).set_params(**deep, max_iter=150, learning_rate=0.1),
    }


def importance(colorizer: PixelColorizer, X: np.ndarray, ab: np.ndarray, seed: int = 0) -> pd.DataFrame:
    """How much the ab-MSE grows when the columns of a group of features are permuted, all in one order.

    Parameters
    ----------
    colorizer : PixelColorizer
        The fitted model.
    X : np.ndarray
        (N, F), the features of the pixels to measure on.
    ab : np.ndarray
        (N, 2), their true a* and b*.
    seed : int
        Of the permutation.

    Returns
    -------
    pd.DataFrame
        One row per group of `GROUPS`: group, mse_increase.

    References
    ----------
    Breiman 2001, section 10, for groups.
    """
    order = np.random.default_rng(seed).permutation(len(X))

    def mse(features):
        with one_thread():
            return float(np.square(colorizer.model.predict(features) - ab).mean())

    before, rows = mse(X), []
    for group, names in GROUPS.items():
        permuted, columns = X.copy(), [FEATURES.index(name) for name in names]
        permuted[:, columns] = X[order][:, columns]
        rows.append((group, mse(permuted) - before))
    return pd.DataFrame(rows, columns=["group", "mse_increase"])
