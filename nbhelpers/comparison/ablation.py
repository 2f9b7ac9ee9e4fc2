"""The ablation judged: what each network paints of photos that were kept out, and which of them none beats twice."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbhelpers.evaluation.evaluate import score
from nbhelpers.evaluation.statistics import bootstrap_interval
from nbhelpers.hints import Constant
from nbhelpers.networks.columns import with_training

OF_PHOTOS = ("ab_mse", "delta_e", "psnr", "colourfulness")  # of each photo, as `evaluate.score` measures them
MEASURES = (*OF_PHOTOS, "agreement", "frechet")  # those with an interval over photos
MEAN = "mean colour"
CENTRES = {"MSE": "MSE", "bins": "bins, rebalanced", "game": "L1 + discriminator"}  # of `experiments.factors`


def judged(trained: dict, configs: dict, photos, colour, draws: int = 50) -> pd.DataFrame:
    """Measure what trained networks paint without hints, each seed for itself.

    Parameters
    ----------
    trained : dict of (str, int) to Trained
        (variant, seed) -> training, see `experiments.trained`.
    configs : dict of str to TrainConfig
        Variant -> its configuration.
    photos : Photos or sequence of np.ndarray
        uint8 (H, W, 3), none of which the networks learned from.
    colour : array-like
        (2,), the mean a* and b* of the training photos.
    draws : int
        Resamples for the interval of the Fréchet distance.

    Returns
    -------
    pd.DataFrame
        A line for the mean colour (whose seed is empty) and for each variant and seed: variant, seed; ab_mse, delta_e,
        psnr, colourfulness (of the painted photo minus that of the true one), agreement and frechet (see
        `realism.compare`), each with its 95 % interval over photos in <measure>_low and <measure>_high; of mean colour
        (the error over that of the mean colour); chroma, true chroma and hue_spread, of all photos together; photos;
        restarts, collapsed (why, or ""); and the columns of `columns`.
    """
    from nbhelpers.networks.inference import NetworkColorizer  # torch takes seconds to load

    rows = [
        line | {"variant": MEAN, "collapsed": ""} for line in _lines([Constant(MEAN, tuple(colour))], photos, draws)
    ]
    for variant, config in configs.items():
        mine = {seed: training for (name, seed), training in trained.items() if name == variant}
        painters = [NetworkColorizer(f"{seed}", made.network, config.size) for seed, made in mine.items()]
        for (seed, made), line in zip(mine.items(), _lines(painters, photos, draws)):
            health = {"restarts": len(made.restarts), "collapsed": made.collapsed}
            rows.append(line | {"variant": variant, "seed": seed} | health)
    table = pd.DataFrame(rows)
    table["of mean colour"] = table["ab_mse"] / table["ab_mse"][0]
    spans = [f"{measure}{end}" for measure in MEASURES for end in ("", "_low", "_high")]
    rest = ["chroma", "true chroma", "hue_spread", "photos", "restarts", "collapsed"]
    table = table[["variant", "seed", *spans, "of mean colour", *rest]]
    return with_training(table.astype({"seed": "Int64", "restarts": "Int64"}), configs, "variant")


def _lines(colorizers, photos, draws: int) -> list[dict]:
    """What methods paint, measured: a line for each."""
    from nbhelpers.comparison import realism  # which loads torch too

    found = score(colorizers, photos, measures=(*OF_PHOTOS, "chroma"), also=realism.Look())
    seen = realism.compare(realism.seen(found.table), draws=draws, splits=1).set_index("method")
    lines = []
    for name, table in found.table.groupby("method", sort=False):
        values = table.assign(colourfulness=table["colourfulness"] - table["true_colourfulness"])
        line = {"photos": len(table)}
        for measure in OF_PHOTOS:
            low, high = bootstrap_interval(values[measure])
            line |= {measure: values[measure].mean(), f"{measure}_low": low, f"{measure}_high": high}
        of_sets = [f"{measure}{end}" for measure in MEASURES[-2:] for end in ("", "_low", "_high")]
        painted, true = found.colours[name, 1.0], found.colours["truth", 1.0]
        colours = {"chroma": painted.chroma, "true chroma": true.chroma, "hue_spread": painted.hue_spread}
        lines.append(line | seen.loc[name, of_sets].to_dict() | colours)
    return lines


def over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """The mean of each variant over its seeds, with intervals over photos and seeds.

    Parameters
    ----------
    table : pd.DataFrame
        What `judged` returns.

    Returns
    -------
    pd.DataFrame
        variant (the index), in order of appearance: each measure's mean, <measure>_low and <measure>_high; "of mean
        colour" with its interval, divided likewise; chroma and hue_spread; seeds.

    Notes
    -----
    The squares of two half-widths are added: that over photos, a mean over the seeds, which were all measured on the
    same photos, and 1.96 standard errors of a mean over seeds. With two seeds the latter is itself little more than a
    guess.
    """
    groups = table.groupby("variant", sort=False)
    found = groups[[*MEASURES, "of mean colour", "chroma", "hue_spread"]].mean()
    spread = groups[list(MEASURES)].std().fillna(0) / np.sqrt(groups.size()).to_numpy()[:, None]
    for measure in MEASURES:
        halves = (table[f"{measure}_high"] - table[f"{measure}_low"]) / 2
        photos = halves.groupby(table["variant"], sort=False).mean()
        half = np.sqrt(photos**2 + (1.96 * spread[measure]) ** 2)
        found[f"{measure}_low"], found[f"{measure}_high"] = found[measure] - half, found[measure] + half
    for end in ("low", "high"):
        found[f"of mean colour_{end}"] = found[f"ab_mse_{end}"] * found["of mean colour"] / found["ab_mse"]
    return found.assign(seeds=groups["seed"].nunique())


def presented(means: pd.DataFrame) -> pd.DataFrame:
    """The table that a reader sees.

    Parameters
    ----------
    means : pd.DataFrame
        As `over_seeds` returns it.

    Returns
    -------
    pd.DataFrame
        Texts, a mean with half the width of its interval, variant by variant.
    """

    def told(measure: str, digits: int, factor: float = 1.0) -> pd.Series:
        halves = (means[f"{measure}_high"] - means[f"{measure}_low"]) / 2
        pairs = zip(factor * means[measure], factor * halves)
        return pd.Series([f"{mean:.{digits}f} ± {half:.{digits}f}" for mean, half in pairs], means.index)

    return pd.DataFrame(
        {
            "ab-MSE, % of the mean colour's": told("of mean colour", 1, 100),
            "CIEDE2000": told("delta_e", 2),
            "PSNR, dB": told("psnr", 2),
            "colourfulness, minus the truth's": told("colourfulness", 1),
            "hue spread": means["hue_spread"].map("{:.2f}".format),
            "named alike, %": told("agreement", 0, 100),
            "Fréchet distance": told("frechet", 1),
            "seeds": means["seeds"].clip(lower=1),
        }
    ).rename_axis(None)


def front(error, difference) -> np.ndarray:
    """Which points no other beats in both: the Pareto front of a small error and colours as strong as the truth's.

    Parameters
    ----------
    error : array-like
        (n,).
    difference : array-like
        (n,), colourfulness minus the truth's; nearer to 0 is better, from either side.

    Returns
    -------
    np.ndarray
        (n,) bool.
    """
    points = np.column_stack([error, np.abs(difference)])
    no_worse = (points[None] <= points[:, None]).all(axis=2)
    better = (points[None] < points[:, None]).any(axis=2)
    return ~(no_worse & better).any(axis=1)
