"""How the claims on the GAN are judged."""

from __future__ import annotations

import numpy as np
import pandas as pd

from nbhelpers.comparison.evidence import AT_LENGTH, Evidence, gap, signs
from nbhelpers.comparison.verdicts import FAILS, HOLDS, OPEN, PARTLY, UNTESTED, Claim, on_photos, span, verdict
from nbhelpers.evaluation.statistics import FEW, LEAST_FRECHET, apart
from nbhelpers.networks.columns import beside, in_words
from nbhelpers.registry import ROWS

PALE, LOUD = 3 / 4, 4 / 3  # of the truth's chroma
DIVERSE = 3 / 4  # of the truth's hue spread
GAN, AVERAGED = "gan-paper", "gan-paper, averaged"
ALONE = "no discriminator"  # gan-l1 trained without one
GANS = (GAN, AVERAGED, "gan-l1")
PAPER_EPOCHS = 100


def _slowest(e: Evidence):
    means = e.means()
    rival = means[[*ROWS, "unet"]].idxmin()
    if not (ends := e.ends()):
        behind, here = e.gap(GAN, rival), e.board.set_index("method").loc[GAN]
        epochs = here.get("epochs")
        after = f"at the {epochs:.0f} epochs that were run" if pd.notna(epochs) else "at the epochs that were run"
        text = (f"judged {after} (the paper: {PAPER_EPOCHS}) on {e.photos()} photos: {e.named(GAN)} {means[GAN]:.0f}, "
                f"{e.named(rival)} {means[rival]:.0f}, difference {span(behind)}")  # fmt: skip
        return verdict(signs([behind])), text
    base, ahead = means["mean"], e.gap(rival, "mean")
    share = {"mean": means[rival] / base, "low": 1 + ahead["low"] / base, "high": 1 + ahead["high"] / base}
    gaps, words = [], []
    for end in ends:
        rows = end[["of_mean_colour", "of_low", "of_high", "photos"]].astype(float)
        rows.columns = ["mean", "low", "high", "photos"]
        gaps += [apart(row, share | {"photos": ahead["photos"]}) for _, row in rows.iterrows()]
        said = [f"{weights} weights {_spread(row)}" for weights, row in rows.iterrows()]
        words.append(f"{_trained(end)} {', '.join(said)}")
    photos = min(each["photos"] for each in gaps)
    text = (f"judged at the paper's length on {photos} photos, as shares of the mean colour's error: "
            f"{'; '.join(words)}; the slowest other, {e.named(rival)}, {_spread(share)}")  # fmt: skip
    return verdict(signs(gaps)), text


def _spread(row) -> str:
    return f"{row['mean']:.0%} ({row['low']:.0%} to {row['high']:.0%})"


def _trained(end: pd.DataFrame) -> str:
    """The paper's GAN at the end of a training, with what it was."""
    return f"{beside(GAN, end.iloc[0])} with seed {end['seed'].iloc[0]:.0f}"


def _candidates(e: Evidence) -> pd.DataFrame:
    """GANs with chroma and hue spread over the truth's; if one was trained for long, none that was not.

    What was painted by a network of the same name (which says the weights), size, width and epochs stands for the first
    of such trainings: those of a further seed, or of weights that were not painted, are lines of their own.
    """
    how = ["method", "size", "width", "epochs"]
    tables, known = [e.painted], set(e.painted[how].itertuples(index=False, name=None))
    for end in e.ends():
        rows = end.reset_index().assign(method=[GAN, AVERAGED], hue_spread=np.nan)
        keys = list(rows[how].itertuples(index=False, name=None))
        rows = rows[[key not in known for key in keys]]  # else measured with its hue spread
        known -= set(keys)
        tables.append(rows.assign(chroma=rows["chroma"] / rows["true_chroma"])[[*e.painted, "seed"]])
    every = pd.concat(tables, ignore_index=True)
    long = every["epochs"].fillna(0).astype(float) >= AT_LENGTH
    return every[long] if long.any() else every


def _colourful(e: Evidence):
    words, good, half = [], [], []  # half: those of which one of the two was not measured
    for line in _candidates(e).to_dict("records"):
        seed = f" with seed {line['seed']:.0f}" if pd.notna(line.get("seed")) else ""
        told = f"{beside(line['method'], line)}{seed} "
        told += "no chroma" if pd.isna(line["chroma"]) else f"chroma {100 * line['chroma']:.3g}%"
        if pd.isna(line["hue_spread"]) or pd.isna(line["chroma"]):
            half.append(told)
            continue
        good.append(PALE <= line["chroma"] <= LOUD and line["hue_spread"] >= DIVERSE)
        words.append(f"{told}, hue spread {line['hue_spread']:.0%}: {'yes' if good[-1] else 'no'}")
    lacking = "its chroma or hue spread" if any("no chroma" in told for told in half) else "the hue spread"
    left = f"not judged, as {lacking} was not measured: {', '.join(half)}"
    if not good:
        return UNTESTED, left if half else "no GAN without a gain was measured"
    count = f"both in {sum(good)} of {len(good)} (shares of the truth's, without a gain)"
    text = "; ".join([f"{count}: {words[0]}", *words[1:], *([left] if half else [])])
    return on_photos(e.photos(), HOLDS if all(good) else PARTLY if any(good) else FAILS, text)


def _real(e: Evidence):
    found, words = [], []  # (GAN, by what, difference that is negative where the GAN is better)
    for told, said in (_distances(e.realism), _preferred(e.ratings, e.rating_pairs)):
        found += [line for line in told if line[2]["photos"] >= FEW and np.isfinite(line[2]["p"])]
        words += said
    if not found:
        return UNTESTED, "; ".join(["neither distances on enough photos nor enough ratings", *words])
    table = pd.DataFrame([line[:2] for line in found], columns=["gan", "by"])
    table["sign"] = signs([each for *_, each in found])
    counts = [f"{gan} {by}: better than {(rows['sign'] < 0).sum()} and worse than {(rows['sign'] > 0).sum()} of "
              f"{len(rows)} row models" for (gan, by), rows in table.groupby(["gan", "by"], sort=False)]  # fmt: skip
    return verdict(table["sign"]), "; ".join([*counts, *words])


def _distances(realism: pd.DataFrame | None):
    seen = None if realism is None else realism.dropna(subset="frechet").set_index("method")
    if seen is None or seen.drop(index="truth", errors="ignore").empty or seen["photos"].max() < LEAST_FRECHET:
        return [], []
    pairs = [(gan, kind) for gan in GANS for kind in ROWS if {gan, kind} <= set(seen.index)]
    return [(gan, "in distance", _nearer(seen, gan, kind)) for gan, kind in pairs], [_looks(seen)]


def _preferred(ratings: pd.DataFrame | None, between: pd.DataFrame | None):
    if ratings is None:
        return [], ["no person was asked"]
    rated = ratings.set_index("method")
    lines = rated.to_dict("index")
    pairs = [(gan, kind) for gan in GANS for kind in ROWS if {gan, kind} <= set(lines)]
    told = [f"{name} {lines[name]['strength']:+.2f} ({lines[name]['low']:+.2f} to {lines[name]['high']:+.2f})"
            for name in dict.fromkeys(name for pair in pairs for name in pair)]  # fmt: skip
    said = f"preferred by people (log odds, {rated['photos'].max()} photos, {rated['raters'].max()} raters): "
    # the stronger is the better: the row model minus the GAN
    gaps = [] if between is None else [(gan, "to people", gap(between, kind, gan)) for gan, kind in pairs]
    return [(gan, by, each | {"photos": each["drawn"]}) for gan, by, each in gaps], [said + ", ".join(told)]


def _nearer(seen: pd.DataFrame, gan: str, kind: str) -> dict:
    """Distance of a GAN minus that of a row model: on the same resamples where both were compared with the nearest."""
    lines = []
    for name in (gan, kind):
        line = seen.loc[name]
        behind = [line["behind"], line["behind_low"], line["behind_high"]]
        if line["behind"] == 0:
            behind = [0.0, 0.0, 0.0]  # it is the nearest
        lines.append((behind, [line["frechet"], line["frechet_low"], line["frechet_high"]]))
    paired = all(np.isfinite(behind).all() for behind, _ in lines)
    one, other = (dict(zip(("mean", "low", "high"), both[0 if paired else 1])) for both in lines)
    photos = {"photos": seen["photos"].max()}
    return apart(one | photos, other | photos)


def _looks(seen: pd.DataFrame) -> str:
    told = []
    for name in (name for name in (*GANS, ALONE, "unet", *ROWS, "grey") if name in seen.index):
        row = seen.loc[name]
        told.append(f"{beside(name, row)} {row['frechet']:.1f} ({row['frechet_low']:.1f} to {row['frechet_high']:.1f}),"
                    f" {row['halves']:.0f}, {row['agreement']:.0%}")  # fmt: skip
    what = "Fréchet distance, that between halves, same answer as for the truth"
    text = f"to EfficientNet-Lite0, on {seen['photos'].max()} photos ({what}): {'; '.join(told)}"
    if {ALONE, "gan-l1"} <= set(seen.index) and seen.loc["gan-l1", "behind"] == 0:
        alone = dict(zip(("difference", "low", "high"), seen.loc[ALONE, ["behind", "behind_low", "behind_high"]]))
        text += f"; gan-l1 trained without its discriminator is {span(alone)} farther"
    few = seen.get("training_photos", pd.Series(dtype=float)).dropna()
    return text + (f"; the row models had learned from {few.max():.0f} photos" if len(few) else "")


def _restarts(e: Evidence):
    photo, games = [], []  # (attempts that failed, all attempts)
    words = []
    for table in e.long:
        each = table[table["epoch"] > 0].groupby("seed", sort=False)
        fell, last = int(each["attempt"].max().sum()), each["epoch"].max()
        photo.append((fell, fell + len(last)))
        how = table[table["epoch"] > 0].iloc[0]
        told = beside(GAN, {"size": how["size"], "width": how["width"], "epochs": last.max(), "seeds": len(last)})
        lengths = ""
        if last.nunique() > 1:  # no one number of epochs is theirs
            told = f"{GAN} ({how['size']:.0f} px, {how['width']:.0f} channels)"
            lengths = f" of {', '.join(f'{epochs:.0f}' for epochs in last)} epochs"
        words.append(f"{told}: {_restarted(fell)} in {len(last)} training{'s' * (len(last) != 1)}{lengths}")
    if e.variants is not None:
        gave_up = int((e.variants["collapsed"].astype("string").fillna("") != "").sum())
        fell = int(e.variants["restarts"].sum())
        photo.append((fell + gave_up, fell + len(e.variants)))
        words.append(f"it and variants of it ({in_words(e.variants.iloc[0])} each): {_restarted(fell)} in "
                     f"{len(e.variants)} trainings, {gave_up} given up")  # fmt: skip
    if e.coins is not None:
        beyond = []  # games of others: told, not counted
        for name, rows in e.coins.groupby("config", sort=False):
            found = int(rows["converged"].sum())
            told = beside(name, rows.iloc[0].to_dict() | {"seeds": len(rows)})
            told += f" found it for {found} of {len(rows)} seeds"
            if name.startswith(GAN):
                games.append((len(rows) - found, len(rows)))
                words.append(f"in the game with a known answer {told}")
            else:
                beyond.append(told)
        words += [f"beside them, not counted: {', '.join(beyond)}"] if beyond else []
    kinds = [_often(each) for each in (photo, games) if each]
    if not kinds:
        return OPEN, "no training was counted: notebook 06 has not been run"
    verdicts = {"never": FAILS, "sometimes": HOLDS}
    return (verdicts.get(kinds[0], PARTLY) if len(set(kinds)) == 1 else PARTLY), "; ".join(words)


def _restarted(count: int) -> str:
    return f"{count} restart{'s' * (count != 1)}"


def _often(counts) -> str:
    failed, tries = np.sum(counts, axis=0)
    return "never" if not failed else "always" if failed == tries else "sometimes"


GENERATIVE = (
    Claim(
        "The GAN's squared error grows slowest", "Figure 5", _slowest,
        f"trainings of at least {AT_LENGTH} epochs decide where any was measured on the test photos (last and averaged "
        "weights, over the mean colour's error), else the network of this run at its epochs; minus the best of row "
        "models and U-Net: judged together",
    ),
    Claim(
        "The GAN paints complex, colourful, diverse pictures", "5.3", _colourful,
        f"without a gain, and where some had at least {AT_LENGTH} epochs only those: one does if its chroma is "
        f"{PALE:.0%} to {LOUD:.0%} and its hue spread over all photos at least {DIVERSE:.0%} of the truth's; one of "
        "which either was not measured counts neither way; holds if all others do, in part if some do, does not hold "
        "if none does; not tested where there is none",
    ),
    Claim(
        "The GAN's colours are better than the traditional methods'", "5.3, 5.4", _real,
        "about how real they look, not how right they are, so no error decides: Fréchet distance of each GAN minus "
        f"each row model's, on {LEAST_FRECHET} photos or more, and where people were asked the difference of the "
        f"strengths that they gave, on {FEW} or more of what was drawn anew for its interval (photos, from five raters "
        "on raters): judged together; not tested without either",
    ),
    Claim(
        "The GAN sometimes cannot learn and must be restarted", "5.3, 6", _restarts,
        "attempts that failed, in two kinds: trainings on photos (restarted, or given up where the table says "
        "so: the long ones' count restarts only), where no answer is known, "
        "and games with a known answer (not found; no restart), of which only those whose name begins with "
        f"{GAN} count: holds if some but not all failed in each kind, does not hold if none in either, else in part",
    ),
)  # fmt: skip
