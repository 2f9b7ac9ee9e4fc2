"""The verdicts follow from the tables: tables that say the opposite get the opposite verdict."""

import zlib

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nbhelpers import registry
from nbhelpers.comparison import claims
from nbhelpers.comparison.claims import FAILS, HOLDS, OPEN, PARTLY, check_claims
from nbhelpers.evaluation.statistics import FEW
from nbhelpers.methods import BLIND, SPREADING

N = 40
FULL = {"grey": 300, "mean": 260, "tree": 256, "forest": 252, "boosting": 247, "unet": 230, "gan-paper": 900,
        "gan-l1": 255}  # fmt: skip
AXIS = {"grey": 300, "mean": 260, "nearest": 3, "ols": 1.0, "ridge": 1.0, "lasso": 1.4, "elasticnet": 1.3,
        "sum-to-one": 1.3, "edge-aware": 1.5, "levin": 1.2, "unet": 230, "boosting": 247}  # fmt: skip
UNSOLVED = ("ols", "ridge", "elasticnet")


def luck(*key, n=N):
    """Each photo's own luck with a method, the same for the same key."""
    return np.random.default_rng(zlib.crc32(repr(key).encode())).normal(0, 1, n)


def full(spread=2.0, n=N, **changes):
    """Scores with nothing known; `spread` is how far the photos scatter around each method's mean."""
    tables = []
    for method, value in (FULL | {name.replace("_", "-"): value for name, value in changes.items()}).items():
        error = value + spread * luck(method, n=n)
        found = {"photo": range(n), "unknown": 1.0, "method": method, "ab_mse": error, "converged": True}
        tables.append(pd.DataFrame(found | {"delta_e": error / 20, "psnr": 40 - error / 20}))
    return pd.concat(tables)


def axis(unsolved=UNSOLVED, **changes):
    """Scores over the shares; methods that use hints err more with fewer of them."""
    tables = []
    for share in (0.2, 0.4, 0.6, 0.8, 0.95, 0.99, 1.0):
        for method, value in (AXIS | changes).items():
            lifted = value if method in BLIND else value * {0.95: 10, 0.99: 25, 1.0: 200}.get(share, 1)
            error = lifted * (1 + 0.02 * luck(method, share) * (method not in ("ols", "ridge")))
            solved = not (share > 0.98 and method in unsolved)
            found = {"photo": range(N), "unknown": share, "method": method, "ab_mse": error, "converged": solved}
            tables.append(pd.DataFrame(found))
    return pd.concat(tables)


def brown(trees=0.02, near=4.0, unet=0.6, gan=1.8, entropy=4.0):
    lines = [("truth", 18.0, 1.0, 16.0, 9000, 4.5, 0.5)]
    lines += [(kind, 9.4, 0.53, near, 400, 1.0, trees) for kind in ("tree", "forest", "boosting")]
    lines += [("unet", 18 * unet, unet, 6.0, 2000, 2.0, 0.13)]
    lines += [(name, 18 * gan, gan, 20.0, 8000, entropy, 0.4) for name in ("gan-paper", "gan-l1")]
    columns = ["method", "chroma", "of truth", "from mean", "distinct", "hue_entropy", "hue_spread"]
    return pd.DataFrame(lines, columns=columns)


def coins(paper):
    """The known-answer games: how many of five the paper's GAN has won."""
    return pd.DataFrame({"config": ["gan-paper"] * 5 + ["gan-l1"] * 5, "converged": [i < paper for i in range(5)] * 2})


TABLES = {"full": full(), "axis": axis(), "brown": brown(), "coins": coins(2)}


def verdicts(**changes):
    table = check_claims(*(TABLES | changes).values())
    return dict(zip((judge.__name__ for _, _, judge in claims.CLAIMS), table["verdict"]))


def test_each_claim_gets_a_verdict_and_its_evidence():
    table = check_claims(*TABLES.values())
    assert len(table) == len(claims.CLAIMS) and list(table) == ["claim", "paper", "verdict", "evidence"]
    assert set(table["verdict"]) <= {HOLDS, FAILS, PARTLY}
    assert table["evidence"].str.contains(r"\d").all() and not table["evidence"].str.contains("nan").any()
    assert table["claim"].is_unique


def test_the_verdicts_on_tables_like_those_of_the_reference():
    assert verdicts() == {
        "_few_unknown": HOLDS, "_lasso_wins": FAILS, "_weak_l2": HOLDS, "_nothing_known": FAILS,
        "_hints": HOLDS, "_brown": HOLDS, "_close": HOLDS, "_no_ability": PARTLY, "_limited": HOLDS,
        "_gan_wins": FAILS, "_colourful": HOLDS, "_better": FAILS, "_restarts": HOLDS, "_improper": PARTLY,
    }  # fmt: skip


def test_answers_that_explode_are_told_with_their_size():
    wild = axis(unsolved=(), ols=4e6)
    _, text = claims._nothing_known(None, wild, None, None)
    assert text.startswith("each has its one solution: ols solved") and "ab-MSE 8e+08, median 8e+08; ridge" in text
    verdict, text = claims._hints(None, wild, None, None)
    assert verdict == HOLDS and "ols 4e+05 times, ridge" in text


TIES = {name: 9 for name in SPREADING if name != "biharmonic"}


@pytest.mark.parametrize(
    ("judge", "tables", "verdict"),
    [
        ("_few_unknown", {"axis": axis(lasso=40)}, FAILS),
        ("_lasso_wins", {"axis": axis(elasticnet=0.8, lasso=0.9)}, HOLDS),
        ("_lasso_wins", {"axis": axis(elasticnet=0.8)}, PARTLY),
        ("_weak_l2", {"axis": axis(ridge=2.2)}, FAILS),
        ("_nothing_known", {"axis": axis(unsolved=(), ols=2, ridge=2)}, PARTLY),  # solved, but worse than the mean
        ("_nothing_known", {"axis": axis(unsolved=(), ols=0.5, ridge=0.5, lasso=0.6, elasticnet=0.7)}, HOLDS),
        ("_hints", {"axis": axis(unsolved=registry.FOUR)}, PARTLY),
        ("_hints", {"axis": axis(**TIES)}, FAILS),
        ("_brown", {"brown": brown(trees=0.2)}, PARTLY),
        ("_brown", {"brown": brown(near=9.0)}, FAILS),  # one hue, but not the mean colour's
        ("_brown", {"brown": brown(trees=0.4)}, FAILS),
        ("_close", {"full": full(tree=400)}, FAILS),
        ("_no_ability", {"full": full(tree=263, forest=264, boosting=265)}, HOLDS),
        ("_no_ability", {"full": full(tree=200, forest=200, boosting=200)}, FAILS),
        ("_no_ability", {"full": full(spread=400)}, OPEN),
        ("_limited", {"brown": brown(unet=0.9)}, FAILS),
        ("_gan_wins", {"full": full(gan_paper=200)}, HOLDS),
        ("_gan_wins", {"full": full(gan_paper=232, spread=60)}, OPEN),  # larger, but within chance
        ("_colourful", {"brown": brown(gan=0.5)}, FAILS),
        ("_colourful", {"brown": brown(entropy=2.0)}, FAILS),
        ("_better", {"full": full(gan_paper=100, gan_l1=100)}, HOLDS),
        ("_better", {"full": full(gan_paper=100)}, PARTLY),
        ("_better", {"full": full(spread=4000)}, OPEN),
        ("_restarts", {"coins": coins(5)}, FAILS),
        ("_restarts", {"coins": coins(0)}, PARTLY),
        ("_restarts", {"coins": None}, OPEN),
        ("_improper", {"full": full(boosting=200)}, FAILS),
        ("_improper", {"full": full(boosting=231, spread=60)}, OPEN),
        ("_improper", {"axis": axis(**{"edge-aware": 20})}, HOLDS),
    ],
)
def test_other_tables_get_other_verdicts(judge, tables, verdict):
    assert getattr(claims, judge)(*(TABLES | tables).values())[0] == verdict


def test_few_photos_decide_nothing_about_differences():
    found = verdicts(full=full(n=FEW - 1))
    assert [found[name] for name in ("_no_ability", "_gan_wins", "_better", "_improper")] == [OPEN] * 4


def with_p(p):
    """Scores in which tree is better than the mean colour with this p-value; forest and boosting are just as good."""
    noise = luck("noise")
    noise -= noise.mean()
    gap = noise + stats.t.isf(p / 2, N - 1) * noise.std(ddof=1) / np.sqrt(N)
    errors = {"mean": 260 + 0 * gap, "tree": 260 - gap, "forest": 260 + noise, "boosting": 260 - noise}
    return pd.concat([pd.DataFrame({"photo": range(N), "unknown": 1.0, "method": method, "ab_mse": error,
                                    "converged": True}) for method, error in errors.items()])  # fmt: skip


@pytest.mark.parametrize(("p", "verdict"), [(0.04, OPEN), (0.018, OPEN), (0.016, PARTLY)])
def test_a_claim_about_several_pairs_is_corrected_for_their_number(p, verdict):
    assert claims._no_ability(with_p(p), None, None, None)[0] == verdict  # three pairs: 0.05 / 3
    one = claims._compared((with_p(p), "tree", "mean", "ab_mse"))
    assert one[0] == [-1]  # alone it would be significant


def test_a_claim_about_a_method_or_share_that_is_not_there_is_undecided():
    table = TABLES["full"]
    found = verdicts(full=table[~table["method"].isin(["unet", "gan-paper"])])
    assert found["_gan_wins"] == OPEN and found["_improper"] == OPEN and found["_close"] == HOLDS
    table = TABLES["axis"]
    found = verdicts(axis=table[table["unknown"] == 0.4])
    names = ("_few_unknown", "_lasso_wins", "_weak_l2", "_nothing_known", "_hints", "_improper")
    assert [found[name] for name in names] == [OPEN] * len(names)
    found = verdicts(axis=table[~table["method"].isin(registry.FOUR)])
    assert [found[name] for name in names[:-1]] == [OPEN] * (len(names) - 1)


# ---- with a training at the paper's length


def long_training(last=(1.5, 1.4), averaged=(1.2, 1.1), chroma=(15.0, 17.0), attempt=0):
    """Scores after two epochs; of_mean_colour and its lower end, the upper as far above."""
    rows = []
    for epoch in (50, 100):
        for (ratio, low), painted, weights in zip((last, averaged), chroma, ("last", "averaged")):
            row = {"weights": weights, "epoch": epoch, "of_mean_colour": ratio, "of_low": low}
            row |= {"of_high": 2 * ratio - low, "chroma": painted, "true_chroma": 17.6, "attempt": attempt}
            rows.append(row | {"size": 128, "width": 64, "seed": 0})
    base = {
        "weights": "mean colour",
        "epoch": 0,
        "of_mean_colour": 1,
        "of_low": 1,
        "of_high": 1,
        "size": 128,
        "seed": 0,
    }
    return pd.DataFrame([base, *rows])


def judged(start, **planted):
    """verdict and evidence of each claim on the GAN, all of them having had the verdict `start`."""
    table = pd.DataFrame([(c, w, start, "before") for c, w, _ in claims.CLAIMS])
    table.columns = ["claim", "paper", "verdict", "evidence"]
    found = claims.at_length(table, long_training(**planted))
    assert (table["evidence"] == "before").all()  # the table that was given stays
    changed = found[found["evidence"] != "before"]
    names = {claim: judge.__name__ for claim, _, judge in claims.CLAIMS}
    return {names[row.claim]: (row.verdict, row.evidence) for row in changed.itertuples()}


def test_a_long_training_is_evidence_on_the_gan_alone():
    found = judged(FAILS)
    assert set(found) == {"_gan_wins", "_colourful", "_restarts"}
    verdict, evidence = found["_gan_wins"]
    assert verdict == FAILS  # both weights are above the mean colour
    assert evidence == (
        "before. Trained for 100 epochs (128 pixels, 64 channels, seed 0): 150% (140% to 160%) of the mean colour's "
        "error, with averaged weights 120% (110% to 130%)"
    )
    assert "85% of the truth's, with averaged weights 97%" in found["_colourful"][1]
    assert found["_restarts"] == (FAILS, found["_restarts"][1]) and "no restart in" in found["_restarts"][1]
    assert "2 restarts in its one training" in judged(FAILS, attempt=2)["_restarts"][1]


def test_of_further_seeds_only_the_restarts_count(monkeypatch):
    long = long_training()
    others = [long[long["epoch"] == 50].assign(seed=seed, of_low=0.1, attempt=seed) for seed in (1, 2)]
    table = pd.DataFrame(
        [(c, w, FAILS, "") for c, w, _ in claims.CLAIMS], columns=["claim", "paper", "verdict", "evidence"]
    )
    one, all_of_them = (claims.at_length(table, each) for each in (long, pd.concat([long, *others])))
    changed = one[one["evidence"] != all_of_them["evidence"]].index
    assert [claims.CLAIMS[i][2].__name__ for i in changed] == ["_restarts"]
    assert "3 restarts in 3 trainings of 100, 50 and 50 epochs" in all_of_them.loc[changed[0], "evidence"]


def test_what_a_network_sees_stands_beside_one_claim():
    rows = [("truth", 0.0, None, None, 1.0), ("boosting", 9.0, 8.0, 10.0, 0.31), ("gan-paper", 4.0, 3.5, 4.5, 0.42)]
    seen = pd.DataFrame(rows, columns=["method", "frechet", "frechet_low", "frechet_high", "agreement"]).assign(
        photos=739, halves=[5.0, 12.0, 7.0]
    )
    table = pd.DataFrame(
        [(c, w, FAILS, "so") for c, w, _ in claims.CLAIMS], columns=["claim", "paper", "verdict", "evidence"]
    )
    found = claims.with_realism(table, seen)
    changed = found[found["evidence"] != "so"]
    assert [claims.CLAIMS[i][2].__name__ for i in changed.index] == ["_better"] and (found["verdict"] == FAILS).all()
    words = changed["evidence"].iloc[0]
    assert (
        "on 739 photos" in words and "gan-paper 4.0 (3.5 to 4.5), 7, 42%; boosting 9.0 (8.0 to 10.0), 12, 31%" in words
    )
    few = claims.with_realism(table, seen.assign(frechet=float("nan")))
    assert "gan-paper 42%; boosting 31%" in " ".join(few["evidence"])
    assert claims.with_realism(table, None) is table


@pytest.mark.parametrize(
    ("start", "planted", "expected"),
    [
        (FAILS, {"averaged": (1.0, 0.9)}, {"_gan_wins": PARTLY}),  # its interval holds the mean colour's
        (HOLDS, {}, {"_gan_wins": PARTLY, "_colourful": HOLDS}),
        (HOLDS, {"chroma": (32.0, 17.0)}, {"_colourful": PARTLY}),  # too colourful is no success
        (HOLDS, {"chroma": (10.0, 17.0)}, {"_colourful": PARTLY}),
        (PARTLY, {}, {"_gan_wins": PARTLY, "_colourful": PARTLY}),
    ],
)
def test_a_verdict_stays_where_a_long_training_says_the_same(start, planted, expected):
    found = judged(start, **planted)
    assert {name: found[name][0] for name in expected} == expected


def test_without_a_long_training_nothing_changes():
    table = check_claims(*TABLES.values())
    assert claims.at_length(table, None) is table
