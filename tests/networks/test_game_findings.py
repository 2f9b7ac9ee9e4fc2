"""Sentences about the games in the coin world, on planted outcomes."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu

from nbhelpers.networks import coin_world, game_findings
from nbhelpers.networks.game_plots import coin_choices


def played(**games):
    """A table from game -> list of (red, blue) for each seed; None stands for a loss that was not finite."""
    rows = []
    for name, shares in games.items():
        for seed, share in enumerate(shares):
            red, blue = share or (np.nan, np.nan)
            rows.append({"config": name, "seed": seed, "red": red, "blue": blue, "neither": 1 - red - blue})
            rows[-1] |= {"converged": red + blue > 0.8 if share else np.nan, "given up": "" if share else "not finite"}
    return pd.DataFrame(rows).assign(epochs=7, size=24)


def test_it_counts_what_chose_what_converged_and_in_one_colour():
    table = game_findings.coin_summary(played(a=[(0.9, 0.0), (0.5, 0.4), (0.2, 0.1)], b=[None, (0.0, 0.0), (0.3, 0.1)]))
    assert list(table.index) == ["a", "b"]
    assert table.loc["a"].tolist() == pytest.approx([3, 0.7, 0.3, 0.9, 2, 1, 0])
    assert table.loc["b"].tolist() == pytest.approx([3, 0.2, 0.0, 0.4, 0, 0, 1])


def test_the_committed_empty_reason_is_none():
    coins = played(a=[(0.5, 0.5)]).assign(**{"given up": np.nan})
    assert game_findings.coin_summary(coins).loc["a", "given up"] == 0


@pytest.mark.parametrize(
    ("with_it", "without", "said"),
    [
        ([0.9, 0.8, 1.0, 0.95, 0.85], [0.0, 0.1, 0.0, 0.2, 0.0], "With a discriminator, `gan-l1` chose more often"),
        ([0.0, 0.1, 0.0, 0.2, 0.0], [0.9, 0.8, 1.0, 0.95, 0.85], "With a discriminator, `gan-l1` chose less often"),
        ([0.9, 0.1, 0.5, 0.3, 0.7], [0.8, 0.2, 0.5, 0.4, 0.6], "`gan-l1` and `L1 alone` are not told apart"),
        (
            [0.9, 0.8, 1.0],
            [0.0, 0.1, 0.0],
            "`gan-l1` chose 80% to 100% and `L1 alone` 0% to 10%, in the mean 87 points",
        ),
        ([0.9, 0.8, 1.0, 0.9], [0.0, 0.1, 0.2, 0.0], "With a discriminator, `gan-l1` chose more often"),
        # all or nothing: the mean says one thing, the ranks that were tested another
        (
            [0.5] * 10,
            [0.4] * 8 + [1.0] * 2,
            "chose more often than `L1 alone` (in the mean 2 points less; it ranks above",
        ),
        ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0], "`gan-l1` and `L1 alone` chose equally often"),
        ([0.9], [0.0], "too few seeds"),
    ],
)
def test_the_control_is_compared_by_all_seeds(with_it, without, said):
    coins = played(**{"gan-l1": [(share, 0.0) for share in with_it], "L1 alone": [(share, 0.0) for share in without]})
    text = game_findings.coins_in_words(coins)
    assert said in text
    assert "gan-paper" not in text and "`L1 alone` converged" not in text
    assert ("so few seeds pass no test" in text) == (len(with_it) == 3 and max(with_it) > 0)
    assert f"`gan-l1` {np.mean(with_it):.0%} of them" in text


def test_more_pairs_ask_for_more():
    shares = {"gan-l1": [0.9, 0.8, 0.95, 0.85], "L1 alone": [0.0, 0.1, 0.2, 0.05], "gan-paper": [0.5, 0.6, 0.4, 0.45]}
    games = {name: [(share, 0.0) for share in each] for name, each in shares.items()}
    two = {name: games[name] for name in ("gan-l1", "L1 alone")}
    assert "chose more often than `L1 alone` (in the mean 79 points more; it ranks above in 100% of all pairs" in (
        game_findings.coins_in_words(played(**two))
    )
    text = game_findings.coins_in_words(played(**games))
    assert text.count("so few seeds pass no test") == 2  # p = 0.029 is not below 0.05 / 2
    assert "A difference counts at 5% over all 2 pairs together, so one pair must have a p below 0.025." in text
    assert "the 70 orders in which 4 and 4 seeds can rank" in text and "p = 2/70 = 0.029 at best" in text


@pytest.mark.parametrize(("seeds", "said"), [(3, "p = 2/20 = 0.1 at best"), (4, ""), (20, "")])
def test_why_few_seeds_pass_no_test(seeds, said):
    games = {"gan-l1": [(0.9, 0.0), (1.0, 0.0)] * seeds, "L1 alone": [(0.0, 0.0)] * seeds}
    text = game_findings.coins_in_words(played(**{name: each[:seeds] for name, each in games.items()}))
    assert said in text and ("Why a few seeds" in text) == bool(said)
    clear = mannwhitneyu(np.arange(seeds), np.arange(seeds) + 100).pvalue
    assert (clear >= game_findings.LEVEL) == bool(said)


def restart(collapsed_at, back_to):
    return {"attempt": 1, "collapsed_at": collapsed_at, "why": "sample spread gone", "back_to": back_to, "seed": 7}


def test_a_monitor_s_work_is_told():
    two = [restart(120, 100), restart(110, 90)]
    text = game_findings.restarts_in_words(two, "loss frozen", 300)
    assert "The first attempt collapsed after 120 steps (sample spread gone); it went back to step 100." in text
    assert "Restart 1 collapsed after 10 steps" in text and "Restart 2 collapsed too (loss frozen)" in text
    assert "gave up" in text and "finished" not in text
    text = game_findings.restarts_in_words(two, "", 300)
    assert "Restart 2 reached the end of the 300 steps" in text and "gave up" not in text
    assert "No collapse" in game_findings.restarts_in_words([], "", 300)
    assert "The first attempt collapsed (loss frozen)" in game_findings.restarts_in_words([], "loss frozen", 300)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ([0.1, 0.2, 0.0, 0.3, 0.0], "converged with none of 5, so none of these restarts would have helped"),
        ([0.9, 0.2, 1.0, 0.3, 0.0], "converged with 2 of 5: here another seed can help"),
        ([0.9, 0.95, 1.0, 0.9, 0.9], "converged with all 5: there was nothing to restart for"),
    ],
)
def test_what_the_seeds_say_of_a_restart(shares, said):
    text = game_findings.coins_in_words(played(a=[(share, 0.0) for share in shares]))
    assert said in text
    assert ("Both colours?" in text) == (max(shares) > 0.8)


def test_none_of_five_leaves_a_chance_of_a_half():
    assert "(95 % interval of the chance: 0% to 52%)" in game_findings.coins_in_words(played(a=[(0.0, 0.0)] * 5))


def test_games_without_a_finite_loss_are_named():
    text = game_findings.coins_in_words(played(a=[None, None], b=[(0.5, 0.5), None]))
    assert "`a`: no training had a finite loss" in text
    assert "none of 2, 2 given up on the way" in text
    assert "1 of 2, 1 given up on the way: here another seed can help" in text
    assert "`b` in 0 of 1" in text


def test_it_knows_the_games_by_name():
    assert {name for pair in game_findings.COMPARED for name in pair} == set(coin_world.games(1))
    games = coin_world.games(1)
    assert games["gan-paper"].rate == 5 * games["gan-paper, the paper's rates"].rate


def test_each_seed_has_a_bar_that_is_filled():
    figure = coin_choices(played(a=[(0.5, 0.25), None], b=[(0.0, 1.0), (0.2, 0.2)]))
    first, second = figure.axes
    assert (first.get_title(), second.get_title()) == ("a", "b")
    widths = [[bar.get_width() for bar in kind] for kind in second.containers]
    assert np.allclose(widths, [[0, 20], [0, 60], [100, 20]])
    assert np.allclose([[bar.get_width() for bar in kind] for kind in first.containers], [[50, 0], [25, 0], [25, 0]])
    assert second.containers[2][1].get_x() == pytest.approx(80)
