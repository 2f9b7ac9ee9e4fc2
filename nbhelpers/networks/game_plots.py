"""Figures of notebook 06 alone: how the games in the coin world end, seed by seed."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd


def coin_choices(coins: pd.DataFrame):
    """For each game a bar for each seed: the shares of the shapes that came out red, neither and blue.

    Parameters
    ----------
    coins : pd.DataFrame
        Columns config, seed, red, neither, blue; the shares in [0, 1], NaN where nothing was learned.

    Returns
    -------
    matplotlib.figure.Figure
        One panel for each game.
    """
    games = list(dict.fromkeys(coins["config"]))
    most = max(coins["config"].value_counts().max(), 3)
    figure, axes = plt.subplots(1, len(games), figsize=(10.5, 0.11 * most + 1.1), sharey=True, squeeze=False)
    for ax, name in zip(axes.flat, games):
        part = coins[coins["config"] == name].reset_index(drop=True)
        left = 0.0
        for column, colour in (("red", "#c23a32"), ("neither", "0.85"), ("blue", "#3b74c9")):
            share = 100 * part[column].fillna(0)
            ax.barh(part.index, share, left=left, color=colour, label=column, height=0.85)
            left = left + share
        ax.set(title=name, xlabel="% of the new shapes", xlim=(0, 100), yticks=part.index[:: max(1, len(part) // 5)])
        ax.set_yticklabels(part["seed"][:: max(1, len(part) // 5)])
        ax.tick_params(axis="y", length=0)
    axes[0, 0].set_ylabel("seed")
    axes[0, 0].invert_yaxis()
    figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure
