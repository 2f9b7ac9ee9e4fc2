"""What the verdicts on the paper's claims rest on: tables of a run, or of the committed reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from nbhelpers.evaluation import reference
from nbhelpers.evaluation.reference import TRAINING
from nbhelpers.evaluation.statistics import p_of_interval, paired, significant, summarise
from nbhelpers.networks.columns import beside, with_training
from nbhelpers.registry import FOUR, ROWS

NOTHING = ("grey", "mean", *ROWS, "unet", "gan-paper")  # the methods whose differences are asked for with nothing known
SHARES = (0.2, 0.4, 0.6, 0.8)  # of unknown pixels, at which the regressions are compared
REGRESSIONS = tuple((one, other) for one in ("elasticnet", "lasso") for other in ("ols", "ridge"))
REQUIRED = ("07_scores", "07_pairs", "07_axis", "07_brown", "06_scores")  # of the committed tables
AT_LENGTH = 90  # epochs; the paper trained 100, and one of our trainings had time for 97


@dataclass(frozen=True, eq=False)
class Evidence:
    """Tables that the rules look at; a rule that needs a table that is None, or a line that is missing, gives none.

    The first six but axis_pairs are always there.

    Attributes
    ----------
    board : pd.DataFrame
        Nothing known: method, mean (ab-MSE), low, high, photos, with the columns of `networks.columns`.
    pairs : pd.DataFrame
        Nothing known: `statistics.paired` of those methods.
    axis : pd.DataFrame
        Over the shares of unknown pixels: method, unknown, mean (ab-MSE), low, high, photos, not_converged.
    axis_pairs : pd.DataFrame or None
        Paired differences of the regressions, with the column unknown.
    brown : pd.DataFrame
        As `tables.brown` gives it.
    painted : pd.DataFrame
        How colourful GANs paint, without a gain: method, chroma and hue_spread (both over the truth's), and the columns
        of `networks.columns`.
    coins : pd.DataFrame or None
        The games with a known answer: config, converged.
    long : tuple of pd.DataFrame
        Scores over the epochs of trainings of the paper's GAN on the test photos, as notebook 06 and the CUDA campaign
        write them. Not among them: `10_cuda_ship.csv`, whose photos are training photos kept out.
    variants : pd.DataFrame or None
        Trainings of the paper's GAN with one thing changed: restarts, collapsed.
    pixels : pd.DataFrame or None
        The learners on single pixels of notebook 04: method, ab_mse, low, high, photos, measured.
    realism : pd.DataFrame or None
        As `realism.compare` gives it.
    ratings : pd.DataFrame or None
        As `preference.bradley_terry` gives it.
    rating_pairs : pd.DataFrame or None
        As `preference.differences` gives it.
    """

    board: pd.DataFrame
    pairs: pd.DataFrame
    axis: pd.DataFrame
    axis_pairs: pd.DataFrame | None
    brown: pd.DataFrame
    painted: pd.DataFrame
    coins: pd.DataFrame | None = None
    long: tuple = ()
    variants: pd.DataFrame | None = None
    pixels: pd.DataFrame | None = None
    realism: pd.DataFrame | None = None
    ratings: pd.DataFrame | None = None
    rating_pairs: pd.DataFrame | None = None

    def means(self) -> pd.Series:
        """The mean ab-MSE of each method with nothing known."""
        return self.board.set_index("method")["mean"]

    def photos(self) -> int:
        """How many photos the board rests on."""
        return int(self.board["photos"].max())

    def named(self, name: str) -> str:
        """A method's name, for a network with its training in brackets.

        Parameters
        ----------
        name : str
            A method of the board.

        Returns
        -------
        str
            As `columns.beside` gives it.
        """
        return beside(name, self.board.set_index("method").loc[name])

    def gap(self, method: str, other: str) -> dict:
        """The paired difference of two methods with nothing known.

        Parameters
        ----------
        method, other : str
            Their names.

        Returns
        -------
        dict
            difference (method minus other), low, high, p, photos.

        Raises
        ------
        KeyError
            When the pair was not compared.
        """
        return gap(self.pairs, method, other)

    def at(self, share: float, *needed: str) -> pd.DataFrame:
        """The lines of the axis at one share of unknown pixels.

        Parameters
        ----------
        share : float
            Of unknown pixels, in [0, 1].
        *needed : str
            Methods that must be there.

        Returns
        -------
        pd.DataFrame
            The lines, by method; mean is NaN where a method solved no photo.

        Raises
        ------
        KeyError
            When one of the methods is missing.
        """
        part = self.axis[np.isclose(self.axis["unknown"], share)].set_index("method")
        if missing := set(needed) - set(part.index):
            raise KeyError(*missing)
        return part

    def ends(self) -> list[pd.DataFrame]:
        """The last epoch of each training of the paper's GAN of at least AT_LENGTH epochs: lines last and averaged."""
        found = []
        for table in self.long:
            for _, part in table[table["epoch"] > 0].groupby("seed", sort=False):
                if part["epoch"].max() >= AT_LENGTH:
                    end = part[part["epoch"] == part["epoch"].max()].set_index("weights").loc[["last", "averaged"]]
                    found.append(end.assign(epochs=end["epoch"], seeds=1))
        return found


def gap(pairs: pd.DataFrame, method: str, other: str) -> dict:
    """The difference of two methods, whichever way round the table has them.

    Parameters
    ----------
    pairs : pd.DataFrame
        As `statistics.paired` or `preference.differences` gives it: a line for each two methods.
    method, other : str
        Their names.

    Returns
    -------
    dict
        difference (method minus other), low, high, and the other columns of that line.

    Raises
    ------
    KeyError
        When the pair was not compared.
    """
    for one, two, sign in ((method, other, 1), (other, method, -1)):
        rows = pairs[(pairs["method"] == one) & (pairs["other"] == two)]
        if len(rows):
            row = rows.iloc[0].to_dict()
            low, high = sorted((sign * row["low"], sign * row["high"]))
            return row | {"method": method, "other": other, "difference": sign * row["difference"], "low": low,
                          "high": high}  # fmt: skip
    raise KeyError(method, other)


def slopes(evidence: Evidence, methods) -> pd.DataFrame:
    """How fast the accumulated error of Figure 5 grows for each method, over the mean colour's.

    The slope is the mean error. Over that of the mean colour on the same photos it is known far better than alone.

    Parameters
    ----------
    evidence : Evidence
        Of a run or of the committed tables.
    methods : sequence of str
        Of its board; to them come the trainings of the paper's GAN at length.

    Returns
    -------
    pd.DataFrame
        label (the method with its training), mean, low, high (over the mean colour's error), photos, long (a training
        of at least AT_LENGTH epochs).
    """
    base, rows = evidence.means()["mean"], []
    for name in methods:
        gap = {"difference": 0, "low": 0, "high": 0, "photos": evidence.board["photos"].max()}
        gap = gap if name == "mean" else evidence.gap(name, "mean")
        ends = [1 + gap[key] / base for key in ("difference", "low", "high")]
        rows.append((evidence.named(name), *ends, gap["photos"], False))
    for end in evidence.ends():
        for weights, row in end.iterrows():
            told = f"{beside('gan-paper', row)}, seed {row['seed']:.0f}, {weights} weights"
            rows.append((told, row["of_mean_colour"], row["of_low"], row["of_high"], row["photos"], True))
    return pd.DataFrame(rows, columns=["label", "mean", "low", "high", "photos", "long"])


def signs(gaps: list[dict]) -> list[int]:
    """Which differences are significant, corrected for how many a claim compares (Holm).

    Parameters
    ----------
    gaps : list of dict
        difference, p, photos.

    Returns
    -------
    list of int
        -1 where significantly below 0, 1 where above, else 0.
    """
    return significant(pd.DataFrame(gaps)).tolist() if gaps else []


def of_scores(full, axis, brown, trained=None, **more) -> Evidence:
    """Gather the evidence of a run.

    Parameters
    ----------
    full : pd.DataFrame
        Scores with nothing known, one row per photo and method (photo, method, ab_mse, converged).
    axis : pd.DataFrame
        Scores over the shares of unknown pixels, with the column unknown in [0, 1].
    brown : pd.DataFrame
        As `tables.brown` gives it.
    trained : dict or iterable of Colorizer, optional
        The methods, to say how their networks were trained.
    **more : pd.DataFrame or None
        Further tables of `Evidence`, by its names.

    Returns
    -------
    Evidence
        With the differences that the rules ask for.
    """
    board = with_training(summarise(full, ["method"]), trained if trained is not None else {})
    pairs = paired(full[full["method"].isin(NOTHING)])
    more["long"] = tuple(table for table in more.get("long", ()) if table is not None)
    summary = summarise(axis, ["method", "unknown"])
    return Evidence(board, pairs, summary, regression_pairs(axis), brown, _painted(brown), **more)


def regression_pairs(axis: pd.DataFrame) -> pd.DataFrame:
    """Compare the paper's four regressions pair by pair at each of SHARES.

    Parameters
    ----------
    axis : pd.DataFrame
        Scores over the shares of unknown pixels.

    Returns
    -------
    pd.DataFrame
        `statistics.paired` of them, with the column unknown.
    """
    parts = {share: axis[np.isclose(axis["unknown"], share) & axis["method"].isin(FOUR)] for share in SHARES}
    return pd.concat([paired(part).assign(unknown=share) for share, part in parts.items()], ignore_index=True)


def _painted(brown: pd.DataFrame) -> pd.DataFrame:
    """The lines of the GANs, as shares of the truth's."""
    truth = brown.set_index("method").loc["truth"]
    gans = brown[brown["method"].str.startswith("gan-")].reindex(columns=[*brown, *set(TRAINING) - set(brown)])
    table = gans.assign(chroma=gans["of truth"], hue_spread=gans["hue_spread"] / truth["hue_spread"])
    return table[["method", "chroma", "hue_spread", *TRAINING]]


def of_reference() -> Evidence | None:
    """Gather the evidence of the committed tables.

    The scores photo by photo are not committed. So the p-value of a pair is that of its interval where the table has
    none, and what only these scores can tell is missing. The colours of the GANs are those of notebook 06's table,
    without a gain: `gan-l1` in notebook 07's older table had one.

    Returns
    -------
    Evidence or None
        Of the reference run and of the campaign on a GPU; None where one of the tables of REQUIRED is not there.
    """
    table = reference.table
    required = [table(name) for name in REQUIRED]
    if any(each is None for each in required):
        return None
    board, pairs, axis, brown, scores = required
    board = board.query("measure == 'ab_mse'")
    if "p" not in pairs:
        pairs["p"] = [p_of_interval(row.difference, row.low, row.high) for row in pairs.itertuples()]
    truth = scores.set_index("method").loc["truth"]
    gans = scores[scores["method"].str.startswith("gan-") & (scores["gain"] == 1)]
    painted = gans.assign(chroma=gans["chroma"] / truth["chroma"], hue_spread=gans["hue_spread"] / truth["hue_spread"])
    long = tuple(each for each in (table("06_paper"), reference.cuda("paper")) if each is not None)
    return Evidence(
        board, pairs, axis, table("07_axis_pairs"), brown,
        painted[["method", "chroma", "hue_spread", *TRAINING]], table("06_coins"), long, table("06_variants"),
        table("04_pixels"), table("07_realism"), table("07_ratings"),
        table("07_rating_pairs"),
    )  # fmt: skip
