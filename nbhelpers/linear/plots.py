"""The figures of notebooks 02 and 03: neighbourhoods, coefficients, spectra, systems, tables over the unknown share."""

from __future__ import annotations

from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np

from nbhelpers.colour.plots import COLOURS


def neighbourhood(lab: np.ndarray, y: int, x: int):
    """Draw the 25 features around a pixel as three 3 x 3 grids; the two targets are "?".

    Parameters
    ----------
    lab : np.ndarray
        (H, W, 3), the photo in CIELAB.
    y, x : int
        The pixel's row and column, not at the photo's edge.

    Returns
    -------
    matplotlib.figure.Figure
        A panel each for L*, a* and b*.
    """
    figure, axes = plt.subplots(1, 3, figsize=(8.5, 3.1))
    window = lab[y - 1 : y + 2, x - 1 : x + 2]
    maps = (("gray", 0, 100), ("PiYG_r", -60, 60), ("PuOr_r", -60, 60))
    for k, (ax, (cmap, low, high)) in enumerate(zip(axes, maps)):
        ax.imshow(window[..., k], cmap=cmap, vmin=low, vmax=high)
        for i in range(3):
            for j in range(3):
                asked = k > 0 and i == j == 1
                dark = k == 0 and window[i, j, 0] < 50
                ax.text(j, i, "?" if asked else f"{window[i, j, k]:.1f}", ha="center", va="center",
                        fontsize=16 if asked else 11, weight="bold" if asked else "normal",
                        color="white" if dark else "black")  # fmt: skip
                if asked:
                    ax.add_patch(plt.Rectangle((0.5, 0.5), 1, 1, fill=True, facecolor="white", edgecolor="black"))
        ax.set_title(("L*: 9 features", "a*: 8 features, 1 target", "b*: 8 features, 1 target")[k])
        ax.set_xticks([])
        ax.set_yticks([])
    return figure


def coefficient_maps(models: dict):
    """Draw each model's weights as 3 x 3 maps.

    Parameters
    ----------
    models : dict
        name -> NeighbourModel.

    Returns
    -------
    matplotlib.figure.Figure
        One row per model; the columns are what predicts a* and b* from L*, a* and b*.
    """
    figure, axes = plt.subplots(len(models), 6, figsize=(10, 1.75 * len(models)), squeeze=False)
    for row, (name, model) in zip(axes, models.items()):
        for k, ax in enumerate(row):
            target, channel = divmod(k, 3)
            weights = model.coefficients[target]
            grid = np.insert(weights[8 * channel : 8 * channel + 8], 4, weights[24] if channel == 0 else np.nan)
            picture = ax.imshow(grid.reshape(3, 3), cmap="RdBu_r", vmin=-0.5, vmax=0.5)
            for i, value in enumerate(grid):
                if np.isfinite(value):
                    text = "0" if value == 0 else f"{value:.2f}"
                    colour = "white" if abs(value) > 0.35 else "black"
                    ax.text(i % 3, i // 3, text, ha="center", va="center", fontsize=7, color=colour)
            ax.set_xticks([])
            ax.set_yticks([])
            if ax.get_subplotspec().is_first_row():
                ax.set_title(f"{'ab'[target]}* from {'Lab'[channel]}*")
        row[0].set_ylabel(name)
    figure.colorbar(picture, ax=axes, shrink=0.6, label="weight")
    return figure


def correlation(moments: np.ndarray):
    """Draw the correlations of the 25 features, and the eigenvalues of their matrix.

    These are the squared singular values of the standardized features, divided by the number of rows.

    Parameters
    ----------
    moments : np.ndarray
        (27, 27), as `NeighbourStatistics.moments`.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels.
    """
    spread = np.sqrt(np.diag(moments)[:25])
    matrix = moments[:25, :25] / np.outer(spread, spread)
    values = np.linalg.eigvalsh(matrix)[::-1]
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.3), width_ratios=(1.15, 1))
    picture = left.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    left.set_xticks([3.5, 11.5, 19.5, 24], ["L of 8", "a of 8", "b of 8", "L"])
    left.set_yticks([3.5, 11.5, 19.5, 24], ["L of 8", "a of 8", "b of 8", "L centre"])
    left.set_title("correlation of the 25 features")
    figure.colorbar(picture, ax=left, shrink=0.8)
    right.semilogy(range(1, 26), values, "o-", color=COLOURS[0])
    right.axhline(1, color="0.6", lw=1, ls=":")
    right.annotate("uncorrelated features", (0.99, 1), xycoords=("axes fraction", "data"), ha="right", va="bottom",
                   fontsize=8, color="0.4")  # fmt: skip
    right.set(xlabel="number of the principal direction", ylabel="eigenvalue (share of variance x 25)",
              title=f"3 directions carry {values[:3].sum() / 25:.0%} of the variance")  # fmt: skip
    return figure


def weight_paths(alphas, weights: np.ndarray, errors, title: str, mark: float):
    """Draw the weights for a* and their mean squared error over the penalty.

    Parameters
    ----------
    alphas : array-like
        (n,), the penalties.
    weights : np.ndarray
        (n, 25), columns as `neighbours.FEATURES`.
    errors : array-like
        (n,), mean squared errors of a*.
    title : str
        Of the left panel.
    mark : float
        The paper's penalty.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    groups = {"L*": (*range(0, 8), 24), "own channel, side": (9, 11, 12, 14), "own channel, corner": (8, 10, 13, 15),
              "other channel": range(16, 24)}  # fmt: skip
    for colour, (label, members) in zip(COLOURS, groups.items()):
        for i, k in enumerate(members):
            left.semilogx(alphas, weights[:, k], color=colour, ls="-", lw=1.2, label=label if i == 0 else None)
    left.set(xlabel="penalty alpha", ylabel="weight for a*", title=title)
    left.legend(fontsize=8)
    right.loglog(alphas, errors, color=COLOURS[0], ls="-")
    right.set(xlabel="penalty alpha", ylabel="mean squared error of a*", title="what the penalty costs (training rows)")
    for ax in (left, right):
        ax.axvline(mark, color="0.5", lw=1, ls=":")
        ax.text(mark, ax.get_ylim()[1], " paper", va="top", fontsize=8, color="0.4")
    return figure


def shrinkage(variance: float, alpha: float):
    """Draw why an L1 penalty gives exact zeros: the loss of one weight, and the weight over the covariance.

    The loss is half the mean squared error, less half the target's variance, plus alpha |w|; its minimum is at
    sign(c) max(|c| - alpha, 0) / variance (Tibshirani 1996, section 2.2).

    Parameters
    ----------
    variance : float
        Of the only feature, above 0.
    alpha : float
        The penalty, above 0.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels: three losses with their minima; the weight without penalty, with an L2 and with an L1 penalty.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6))
    w = np.linspace(-1.2, 2, 321) * alpha / variance
    for colour, times in zip(COLOURS, (0.5, 1.5, 2.5)):
        best = max(times - 1, 0) * alpha / variance
        for x, style in ((w, {"ls": "-", "label": f"c = {times:g} alpha"}), (np.array([best]), {"marker": "o"})):
            left.plot(x, variance * x**2 / 2 - times * alpha * x + alpha * abs(x), color=colour, **style)
    left.axvline(0, color="0.6", lw=1, ls=":")
    left.set(xlabel="weight w", ylabel="loss, up to a constant", title="L1 penalty: a kink at 0 (dots: minima)")
    c = np.linspace(-3, 3, 301) * alpha
    soft = np.sign(c) * np.maximum(abs(c) - alpha, 0) / variance
    curves = {"no penalty": c / variance, "L2 penalty": c / (variance + alpha), "L1 penalty": soft}
    for (label, weight), colour, style in zip(curves.items(), COLOURS, ("-", "--", "-")):
        right.plot(c, weight, color=colour, ls=style, label=label)
    right.set(xlabel="covariance c of feature and target", ylabel="best weight", title="L1: no weight for small c")
    for ax in (left, right):
        ax.legend(fontsize=8)
    return figure


def spy(system, rows: int = 400):
    """Draw where a system's matrix has entries, whole and its corner enlarged.

    Parameters
    ----------
    system : SparseSystem
        Of one photo.
    rows : int
        The corner is the first so many rows and columns.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels.
    """
    size = system.matrix.shape[0]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 4.4))
    for ax, n in ((left, size), (right, min(rows, size))):
        ax.spy(system.matrix[:n, :n], markersize=0.4 if n == size else 1.5, color=COLOURS[0])
        ax.set_title(f"{'the whole matrix' if n == size else 'its corner'}: {n:,} x {n:,}", pad=18)
        ax.set(xlabel="unknown", ylabel="equation")
    return figure


def residual_curves(histories: dict, tol: float):
    """Draw relative residuals over iterations, on a logarithmic scale.

    Parameters
    ----------
    histories : dict
        panel -> {method: (residual, ...)}.
    tol : float
        The relative residual that counts as solved, a line.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each key.
    """
    figure, axes = plt.subplots(1, len(histories), figsize=(10, 3.8), sharey=True, squeeze=False)
    for ax, (panel, curves) in zip(axes[0], histories.items()):
        for style, (method, curve) in zip(cycle("- -- : -.".split()), curves.items()):
            ax.semilogy(range(1, len(curve) + 1), curve, ls=style, label=method)
        ax.axhline(tol, color="0.6", lw=0.8)
        ax.set(xlabel="iteration", title=panel)
        ax.legend()
    axes[0, 0].set_ylabel("relative residual")
    return figure


def holes(eigenvalues, errors, crossings: dict):
    """Draw what becomes of a square hole without known pixels as it grows.

    Parameters
    ----------
    eigenvalues : pd.DataFrame
        The smallest eigenvalue of I - W; index: the side of the hole in pixels, one column per model.
    errors : pd.DataFrame
        ab-MSE of the exact solution in the hole, likewise.
    crossings : dict
        model -> the sides at which an eigenvalue is expected to be 0; infinite where none is.

    Returns
    -------
    matplotlib.figure.Figure
        Two panels; a dotted line stands at each model's first crossing, in the right one thin lines at the others.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.5, 4))
    for marker, (name, values) in zip(cycle("osD^v"), eigenvalues.items()):
        line = left.plot(values.index, values, marker=marker, ms=4, label=name)[0]
        right.semilogy(errors.index, errors[name], marker=marker, ms=4, label=name)
        first, *others = sorted(crossings[name])
        for ax in (left, right):
            if first <= errors.index.max():
                ax.axvline(first, color=line.get_color(), ls=":", lw=1.2)
        for side in others:
            if side <= errors.index.max():
                right.axvline(side, color=line.get_color(), lw=0.4, alpha=0.6)
    left.axhline(0, color="0.4", lw=0.8)
    left.set_yscale("symlog", linthresh=0.002)
    left.set(ylabel="smallest eigenvalue of I - W", title="eigenvalue")
    right.set(ylabel="ab-MSE in the hole", title="error of the exact solution")
    for ax in (left, right):
        ax.set_xlabel("side of the hole, pixels")
    right.legend(fontsize=8)
    return figure


def spectra(values: dict):
    """Draw sorted eigenvalues on a logarithmic scale, a panel for each matrix.

    Parameters
    ----------
    values : dict
        title -> (n,) positive eigenvalues.

    Returns
    -------
    matplotlib.figure.Figure
        The panels share their scale.
    """
    figure, axes = plt.subplots(1, len(values), figsize=(10, 3.3), sharey=True, squeeze=False)
    for colour, ax, (title, eigenvalues) in zip(COLOURS, axes[0], values.items()):
        ax.semilogy(np.sort(eigenvalues), ".", ms=3, color=colour)
        ax.set(title=title, xlabel="number of the eigenvalue")
    axes[0, 0].set_ylabel("eigenvalue (log scale)")
    return figure


def error_maps(abs_, truth, titles, largest: float = 30.0):
    """Draw the error maps of several colorizations side by side on one scale.

    Parameters
    ----------
    abs_ : iterable of np.ndarray
        The colorizations' a* and b*, (H, W, 2) each.
    truth : np.ndarray
        (H, W, 2), the true a* and b*.
    titles : sequence of str
        One for each colorization.
    largest : float
        The distance in a*, b* where the scale ends.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each colorization.
    """
    figure, axes = plt.subplots(1, len(titles), figsize=(11, 3.6), squeeze=False)
    for ax, ab, title in zip(axes[0], abs_, titles):
        error = np.hypot(*np.moveaxis(np.asarray(ab, float) - truth, -1, 0))
        picture = ax.imshow(error, cmap="cividis", vmin=0, vmax=largest, interpolation="nearest")
        ax.set_title(title)
        ax.axis("off")
    figure.colorbar(picture, ax=axes, shrink=0.8, extend="max", label="distance in a*, b*")
    return figure


def seams(distance_error: dict, tile: int):
    """Draw mean squared error over the distance to the nearest tile edge.

    Parameters
    ----------
    distance_error : dict
        label -> (distances in pixels, errors), both (n,).
    tile : int
        Side of a tile in pixels.

    Returns
    -------
    matplotlib.figure.Figure
        One curve for each label.
    """
    figure, ax = plt.subplots(figsize=(6.5, 3.4))
    for label, (distance, error) in distance_error.items():
        ax.plot(distance, error, marker=".", label=label)
    ax.set(xlabel=f"distance to the nearest edge of a {tile} x {tile} tile, pixels", ylabel="ab-MSE", yscale="log")
    ax.legend()
    return figure


def over_unknown(summary, printed=None):
    """Draw ab-MSE over the share of unknown pixels. Solutions that explode leave the frame, which ends at 3,000.

    Parameters
    ----------
    summary : pd.DataFrame
        Of `summarise` by method and unknown: method, unknown (in [0, 1]), mean, low, high.
    printed : pd.DataFrame, optional
        The paper's table: method, unknown, printed.

    Returns
    -------
    matplotlib.figure.Figure
        One curve for each method, with its interval.
    """
    figure, ax = plt.subplots(figsize=(9, 5.2))
    markers = "osD^vP*X<>h"
    for marker, (method, rows) in zip(cycle(markers), summary.groupby("method", sort=False)):
        x = [f"{100 * u:g}" for u in rows["unknown"]]
        hollow = {"ms": 9, "mfc": "none", "zorder": 1} if method == "ridge" else {"ms": 5}  # it lies on OLS
        line = ax.plot(x, rows["mean"], marker=marker, label=method, **hollow)[0]
        ax.fill_between(x, rows["low"], rows["high"], color=line.get_color(), alpha=0.07, lw=0)
    if printed is not None:
        for marker, (method, rows) in zip("oD^v", printed.groupby("method", sort=False)):
            x = [f"{100 * u:g}" for u in rows["unknown"]]
            ax.plot(x, rows["printed"], marker=marker, ls="none", mfc="none", mec="0.35", label=f"{method}, as printed")
    ax.set_yscale("log")
    ax.set_ylim(top=3e3)
    ax.set(xlabel="unknown pixels, % (steps, not to scale)", ylabel="ab-MSE of the unknown pixels (log scale)")
    ax.legend(ncols=1, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def over_patches(summary, published=None):
    """Draw RGB PSNR over the number of 6 x 6 hint patches.

    Parameters
    ----------
    summary : pd.DataFrame
        Of `summarise` of the PSNR by method and patches: method, patches, mean, low, high, in dB.
    published : pd.DataFrame, optional
        SIGGRAPH17's: patches, psnr (dB).

    Returns
    -------
    matplotlib.figure.Figure
        One curve for each method, with its interval.
    """
    figure, ax = plt.subplots(figsize=(8, 4.2))
    for marker, (method, rows) in zip(cycle("osD^vP*"), summary.groupby("method", sort=False)):
        x = [f"{n:g}" for n in rows["patches"]]
        line = ax.plot(x, rows["mean"], marker=marker, ms=5, label=method)[0]
        ax.fill_between(x, rows["low"], rows["high"], color=line.get_color(), alpha=0.12, lw=0)
    if published is not None:
        x = [f"{n:g}" for n in published["patches"]]
        ax.plot(x, published["psnr"], "k:x", label="SIGGRAPH17 (ImageNet, printed)")
    ax.set(xlabel="hint patches of 6 x 6 pixels", ylabel="RGB PSNR, dB")
    ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
