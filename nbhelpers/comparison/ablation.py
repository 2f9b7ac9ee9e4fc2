"""The ablation judged: what each network paints of photos that were kept out, and which of them none beats twice."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.evaluation.evaluate import score
from nbhelpers.evaluation.statistics import bootstrap_interval
from nbhelpers.hints import Constant, Hints
from nbhelpers.networks.columns import with_training

OF_PHOTOS = ("ab_mse", "delta_e", "psnr", "colourfulness")  # of each photo, as `evaluate.score` measures them
MEASURES = (*OF_PHOTOS, "agreement", "frechet")  # those with an interval over photos
MEAN = "mean colour"
CENTRES = {"MSE": "MSE", "bins": "bins, rebalanced", "game": "L1 + discriminator"}  # of `experiments.factors`
CENTRE = f"pretrained: {CENTRES['game']}"
WEIGHTS = (1, 3, 10, 30, 100, 300)  # of L1 beside the discriminator, the last that of CENTRE


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
        (the error over that of the mean colour); difference, with its interval (of that share from the share of the
        variant `against`, photo by photo, both with the same seed); chroma, true chroma and hue_spread, of all photos
        together; photos; restarts, collapsed (why, or ""); and the columns of `columns`.
    """
    from nbhelpers.networks.inference import NetworkColorizer  # torch takes seconds to load

    ((line, plain),) = _lines([Constant(MEAN, tuple(colour))], photos, draws)
    rows, errors = [line | {"variant": MEAN, "collapsed": "", "against": ""}], {}
    for variant, config in configs.items():
        mine = {seed: training for (name, seed), training in trained.items() if name == variant}
        painters = [NetworkColorizer(f"{seed}", made.network, config.size) for seed, made in mine.items()]
        for (seed, made), (line, error) in zip(mine.items(), _lines(painters, photos, draws)):
            errors[variant, seed] = error
            health = {"restarts": len(made.restarts), "collapsed": made.collapsed, "against": against(variant)}
            rows.append(line | {"variant": variant, "seed": seed} | health)
            if (against(variant), seed) in errors:
                more = (error - errors[against(variant), seed]) / plain.mean()
                rows[-1] |= dict(zip(("difference", "difference_low", "difference_high"), _spanned(more)))
    table = pd.DataFrame(rows)
    table["of mean colour"] = table["ab_mse"] / table["ab_mse"][0]
    spans = [f"{measure}{end}" for measure in (*MEASURES, "difference") for end in ("", "_low", "_high")]
    rest = ["against", "chroma", "true chroma", "hue_spread", "photos", "restarts", "collapsed"]
    table = table.reindex(columns=["variant", "seed", "of mean colour", *spans, *rest])
    return with_training(table.astype({"seed": "Int64", "restarts": "Int64"}), configs, "variant")


def against(variant: str) -> str:
    """The variant that one is compared with: on an encoder the same from scratch, with a change the one without.

    Parameters
    ----------
    variant : str
        A name of `experiments.losses` or `experiments.factors`.

    Returns
    -------
    str
        Another; "" for what is compared with nothing.
    """
    family, _, what = variant.partition(": ")
    if family == "pretrained":
        return f"scratch: {what}"
    return f"pretrained: {CENTRES[family]}" if family in CENTRES else ""


def _spanned(values) -> tuple[float, float, float]:
    """A mean over photos and its 95 % interval."""
    return float(np.mean(values)), *bootstrap_interval(values)


def _lines(colorizers, photos, draws: int) -> list[tuple[dict, np.ndarray]]:
    """What methods paint, measured: a line for each, and its ab-MSE photo by photo."""
    from nbhelpers.comparison import realism  # which loads torch too

    found = score(colorizers, photos, measures=(*OF_PHOTOS, "chroma"), also=realism.Look())
    seen = realism.compare(realism.seen(found.table), draws=draws, splits=1).set_index("method")
    lines = []
    for name, table in found.table.groupby("method", sort=False):
        values = table.assign(colourfulness=table["colourfulness"] - table["true_colourfulness"])
        line = {"photos": len(table)}
        for measure in OF_PHOTOS:
            line |= dict(zip((measure, f"{measure}_low", f"{measure}_high"), _spanned(values[measure])))
        of_sets = [f"{measure}{end}" for measure in MEASURES[-2:] for end in ("", "_low", "_high")]
        painted, true = found.colours[name, 1.0], found.colours["truth", 1.0]
        colours = {"chroma": painted.chroma, "true chroma": true.chroma, "hue_spread": painted.hue_spread}
        lines.append((line | seen.loc[name, of_sets].to_dict() | colours, table["ab_mse"].to_numpy()))
    return lines


def snapshots(trained: dict, configs: dict, photos, names) -> dict[str, list[np.ndarray]]:
    """What each loss paints after each pass over the photos, for `paths.Run.save_sheet`.

    Parameters
    ----------
    trained : dict of (str, int) to Trained
        (variant, seed) -> training that kept its `milestones.Milestones`; of each variant the first seed is shown.
    configs : dict of str to TrainConfig
        The variants to be shown, each with as many passes over the photos.
    photos : sequence of np.ndarray
        uint8 (S, S, 3), S being the size that the networks learned at.
    names : sequence of str
        Of the photos.

    Returns
    -------
    dict of str to list of np.ndarray
        "variant | photo" -> a picture for each pass, grey for those of a head start, of which nothing is kept; and the
        true photo, the last.
    """
    from nbhelpers.networks import checkpoints, milestones

    first = _first(trained)
    found = {}
    for variant, config in configs.items():
        weights = config.kept if config.ema else "last"
        files = [milestones.file(first[variant].home, 1 + epoch, weights) for epoch in range(config.epochs)]
        networks = [checkpoints.load_network(file)[0] for file in files]
        for photo, name in zip(photos, names):
            grey = painted(None, photo, config.size)
            tiles = [grey] * config.pretrain + [painted(network, photo, config.size) for network in networks]
            found[f"{variant} | {name}"] = [*tiles, photo]
    return found


def _first(trained: dict) -> dict:
    """Variant -> the training with its first seed."""
    return {name: made for (name, _), made in reversed(trained.items())}


def weights(trained: dict, configs: dict, photos, names) -> dict[str, list[np.ndarray]]:
    """What the game on an encoder paints, the more L1 weighs beside the discriminator, for `paths.Run.save_sheet`.

    Parameters
    ----------
    trained, configs, photos, names : dict, dict, sequence, sequence
        See `snapshots`; the configurations are those of `experiments.losses` and `experiments.factors`.

    Returns
    -------
    dict of str to list of np.ndarray
        "game | photo" -> a picture for each of WEIGHTS, and the true photo, the last.
    """
    first = _first(trained)
    games = {config.weight: name for name, config in configs.items() if name.startswith("game: L1 weight")}
    games |= {configs[CENTRE].weight: CENTRE}
    found = {}
    for photo, name in zip(photos, names):
        networks = [(first[games[weight]].network, configs[CENTRE].size) for weight in WEIGHTS]
        found[f"game | {name}"] = [*(painted(network, photo, size) for network, size in networks), photo]
    return found


def painted(network, photo: np.ndarray, size: int) -> np.ndarray:
    """Paint one photo without hints.

    Parameters
    ----------
    network : nn.Module or None
        As for `NetworkColorizer`; None leaves it grey.
    photo : np.ndarray
        uint8 (H, W, 3).
    size : int
        The side in pixels that the network learned at.

    Returns
    -------
    np.ndarray
        uint8 (H, W, 3).
    """
    from nbhelpers.networks.inference import NetworkColorizer

    lab = rgb_to_lab(photo)
    painter = Constant("grey") if network is None else NetworkColorizer("", network, size)
    return lab_to_rgb(np.dstack([lab[..., 0], painter.colorize(lab[..., 0], Hints.none(lab.shape[:2])).ab]))


def over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """The mean of each variant over its seeds, with intervals over photos and seeds.

    Parameters
    ----------
    table : pd.DataFrame
        What `judged` returns.

    Returns
    -------
    pd.DataFrame
        variant (the index), in order of appearance: each measure's mean and that of the difference, with <measure>_low
        and <measure>_high; "of mean colour" with its interval, divided likewise; chroma and hue_spread; seeds; against.

    Notes
    -----
    The squares of two half-widths are added: that over photos, a mean over the seeds, which were all measured on the
    same photos, and 1.96 standard errors of a mean over seeds. With two seeds the latter is itself little more than a
    guess.
    """
    groups, measures = table.groupby("variant", sort=False), [*MEASURES, "difference"]
    found = groups[[*measures, "of mean colour", "chroma", "hue_spread"]].mean()
    spread = groups[measures].std().fillna(0) / np.sqrt(groups.size()).to_numpy()[:, None]
    for measure in measures:
        halves = (table[f"{measure}_high"] - table[f"{measure}_low"]) / 2
        photos = halves.groupby(table["variant"], sort=False).mean()
        half = np.sqrt(photos**2 + (1.96 * spread[measure]) ** 2)
        found[f"{measure}_low"], found[f"{measure}_high"] = found[measure] - half, found[measure] + half
    for end in ("low", "high"):
        found[f"of mean colour_{end}"] = found[f"ab_mse_{end}"] * found["of mean colour"] / found["ab_mse"]
    return found.assign(seeds=groups["seed"].nunique(), against=groups["against"].first())


def presented(means: pd.DataFrame) -> pd.DataFrame:
    """The table that a reader sees.

    Parameters
    ----------
    means : pd.DataFrame
        As `over_seeds` returns it.

    Returns
    -------
    pd.DataFrame
        Texts, a mean with half the width of its interval, variant by variant; the second column is the difference to
        the same loss from scratch, or to the loss without the change, photo by photo.
    """

    def told(measure: str, digits: int, factor: float = 1.0) -> pd.Series:
        halves = (means[f"{measure}_high"] - means[f"{measure}_low"]) / 2
        pairs = zip(factor * means[measure], factor * halves)
        return pd.Series([f"{mean:.{digits}f}\u00a0±\u00a0{half:.{digits}f}" for mean, half in pairs], means.index)

    return pd.DataFrame(
        {
            "ab-MSE, % of the mean colour's": told("of mean colour", 1, 100),
            "difference": told("difference", 1, 100).mask(means["difference"].isna(), ""),
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
