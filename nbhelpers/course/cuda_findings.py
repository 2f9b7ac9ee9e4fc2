"""What the CUDA campaign's long training of the U-Net says, as a sentence made from its tables."""

from __future__ import annotations

import pandas as pd

from nbhelpers.colour.lab import unscale_ab


def unet_at_length(scores: pd.DataFrame, log: pd.DataFrame) -> str:
    """Say what became of the paper's U-Net in a training as long as the paper's.

    Parameters
    ----------
    scores : pd.DataFrame
        Table `unet` of the CUDA campaign.
    log : pd.DataFrame
        Table `unet_log`, of the first seed.

    Returns
    -------
    str
        One bullet point in markdown, without its dash.
    """
    looks = scores[scores["epoch"] > 0]
    (_, first), *others = list(looks.groupby("seed", sort=False))
    begin, end, best = first.iloc[0], first.iloc[-1], first.loc[first["of_mean_colour"].idxmin()]
    final = log.loc[log["epoch"] == log["epoch"].max(), "loss"].mean()
    learned = unscale_ab(1.0) ** 2 * final / scores.loc[scores["epoch"] == 0, "ab_mse"].iloc[0]
    how = f"""{end.epoch:.0f} epochs at {end["size"]:.0f} pixels and {end.width:.0f} channels,
        {end.training_photos:,.0f} photos, {end.photos:.0f} test photos, on one {end["card"]}"""
    more = "".join(f" Another seed: {_course(part)}." for _, part in others)
    gap = f"""Its training loss, as a share of the same mean colour's error, is {learned:.0%} in the last epoch,
        {_points(end, learned)}."""
    if best.epoch < end.epoch:
        gap += " Who stopped at the lowest look would have chosen on test photos: that needs photos kept out."
    return f"""**The paper's U-Net at the paper's length** ({how}): {_share(begin)} of the mean colour's error after
        {begin.epoch:.0f} epoch, {_course(first)}. {gap}{more} Chroma {end.chroma:.1f} in the end (truth
        {end.true_chroma:.1f})."""


def _share(row) -> str:
    return f"{row.of_mean_colour:.0%} ({row.of_low:.0%} to {row.of_high:.0%})"


def _course(looks: pd.DataFrame) -> str:
    """The lowest error and the last."""
    end, best = looks.iloc[-1], looks.loc[looks["of_mean_colour"].idxmin()]
    if best.epoch == end.epoch:
        return f"lowest at the end, {_share(end)}"
    return f"lowest after {best.epoch:.0f}, {_share(best)}, and {_share(end)} in the end"


def _points(end, learned: float) -> str:
    gap = 100 * (end.of_mean_colour - learned)
    return f"{abs(gap):.0f} points {'less' if gap > 0 else 'more'} than the error on new photos"
