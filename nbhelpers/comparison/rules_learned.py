"""How the claims on trees and on the U-Net are judged."""

from __future__ import annotations

from nbhelpers.comparison.evidence import Evidence, signs
from nbhelpers.comparison.verdicts import FAILS, HOLDS, OPEN, PARTLY, Claim, on_photos, span, verdict
from nbhelpers.evaluation.statistics import FEW, apart
from nbhelpers.registry import ROWS

ONE_HUE, NEAR = 0.25, 0.5  # of the truth's hue spread; of the truth's distance from the mean colour
CLOSE = 0.10  # apart
NO_GAIN = 0.01  # of the mean colour's error
PALE = 0.75  # of the truth's chroma
HINTED = 0.99  # share of unknown pixels


def _brown(e: Evidence):
    table = e.brown.set_index("method")
    trees, truth = table.loc[list(ROWS)], table.loc["truth"]
    text = (f"hue spread over all photos {trees['hue_spread'].min():.2f} to {trees['hue_spread'].max():.2f} (truth "
            f"{truth['hue_spread']:.2f}); {trees['from mean'].max():.1f} from the mean colour at most (truth "
            f"{truth['from mean']:.1f}); {trees['distinct'].min()} to {trees['distinct'].max()} distinct colours "
            f"(truth {truth['distinct']:.0f})")  # fmt: skip
    ratio = (trees[["hue_spread", "from mean"]] / truth[["hue_spread", "from mean"]]).max()
    if ratio["hue_spread"] < ONE_HUE and ratio["from mean"] < NEAR:
        return on_photos(e.photos(), HOLDS, text)
    return on_photos(e.photos(), PARTLY if ratio.max() < NEAR else FAILS, text)


def _close(e: Evidence):
    means = e.means()[list(ROWS)]
    gap = means.max() / means.min() - 1
    pairs = [e.gap(one, other) for i, one in enumerate(ROWS) for other in ROWS[:i]]
    text = f"{', '.join(f'{name} {value:.0f}' for name, value in means.items())}: {gap:.1%} apart"
    text += ", yet all differ significantly" if all(signs(pairs)) else ""
    return on_photos(e.photos(), HOLDS if gap < CLOSE else FAILS, text)


def _no_ability(e: Evidence):
    means, gaps = e.means(), [e.gap(kind, "mean") for kind in ROWS]
    said, base = signs(gaps), means["mean"]
    words = [f"{kind} {span(gap)}, {means[kind] / base:.1%} of it" for kind, gap in zip(ROWS, gaps)]
    text = f"minus the mean colour, on {e.photos()} photos: {'; '.join(words)}"
    if (better := said.count(-1)) > 0:
        largest = 1 - means[list(ROWS)].min() / base
        told = f"; significantly better than one colour for all, if by {largest:.1%} at most"
        return (FAILS if better == len(ROWS) else PARTLY), text + told
    enough = min(gap["photos"] for gap in gaps) >= FEW
    return (HOLDS if enough and min(gap["low"] for gap in gaps) > -NO_GAIN * base else OPEN), text


def _limited(e: Evidence):
    share = e.brown.set_index("method")["of truth"]
    text = f"{e.named('unet')}: its chroma is {share['unet']:.0%} of the truth's"
    trees = share[share.index.isin(ROWS)]
    text += f", the trees' at most {trees.max():.0%}" if len(trees) else ""
    return on_photos(e.photos(), HOLDS if share["unet"] < PALE else FAILS, text)


def _improper(e: Evidence):
    board, hinted = e.board.set_index("method"), e.at(HINTED, "unet", "edge-aware")
    best = e.means()[list(ROWS)].idxmin()
    gaps = [e.gap("unet", best)]
    text = (f"nothing known, {e.photos()} photos: {e.named('unet')} {board.loc['unet', 'mean']:.0f}, {best} of rows "
            f"{board.loc[best, 'mean']:.0f}, difference {span(gaps[0])}")  # fmt: skip
    if e.pixels is not None:
        pixel = e.pixels.loc[e.pixels["ab_mse"].idxmin()]
        gaps.append(apart(board.loc["unet"], pixel.rename({"ab_mse": "mean"})))
        text += (f"; {pixel['method']} {pixel['ab_mse']:.0f} (on {pixel['measured']:.0%} of each photo's pixels, not "
                 f"paired), U-Net minus that {span(gaps[-1])}")  # fmt: skip
    gaps.append(apart(hinted.loc["unet"], hinted.loc["edge-aware"]))
    text += (f"; {1 - HINTED:.0%} known: edge-aware, which has learned nothing, {hinted.loc['edge-aware', 'mean']:.0f},"
             f" U-Net {hinted.loc['unet', 'mean']:.0f}")  # fmt: skip
    return verdict(signs(gaps)), text


LEARNED = (
    Claim(
        "Tree, forest and boosting paint a single brown", "abstract, 5.4", _brown,
        f"the largest of the three: holds if the hue spread over all photos is below {ONE_HUE:.0%} and the distance "
        f"from the mean colour below {NEAR:.0%} of the truth's; in part if both are below {NEAR:.0%}; else it does not",
    ),
    Claim(
        "Their losses are very close", "5.3", _close,
        f"holds if the largest ab-MSE is less than {CLOSE:.0%} above the smallest, else it does not",
    ),
    Claim(
        "They show no ability to predict the colour", "5.4", _no_ability,
        "each of the three minus the mean colour, paired: does not hold if all are significantly better, in part if "
        f"some are; holds if none is and no interval allows a gain of {NO_GAIN:.0%}; else undecided",
    ),
    Claim(
        "The U-Net alone paints limited colour", "abstract, 5.3", _limited,
        f"holds if its chroma is below {PALE:.0%} of the truth's, else it does not",
    ),
    Claim(
        "Traditional machine learning is not a proper choice for colorization", "6", _improper,
        "U-Net minus the best row model, minus the best model of single pixels (notebook 04) where there is one, and, "
        f"with {1 - HINTED:.0%} of the pixels known, minus edge-aware: judged together",
    ),
)  # fmt: skip
