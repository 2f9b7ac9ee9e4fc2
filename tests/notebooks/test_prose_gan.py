"""What notebook 06 says in words and numbers, against the committed tables, the profiles, the code, and its outputs."""

import dataclasses
import math
import re
import tomllib

import numpy as np
import pandas as pd
import prose
import pytest
import torch
from scipy.spatial.distance import jensenshannon
from scipy.stats import binomtest

from nbhelpers.comparison import ablation
from nbhelpers.evaluation import reference
from nbhelpers.networks import coin_world, experiments, lipschitz
from nbhelpers.networks.collapse import Monitor
from nbhelpers.networks.config import GAN_L1, GAN_PAPER
from nbhelpers.networks.models import BinaryDiscriminator, PatchDiscriminator
from nbhelpers.networks.training import train

GAN = "06_gan"
LOSSES = ("MSE", "L1", "bins", "bins, rebalanced", "L1 + discriminator", "BCE alone")


@pytest.fixture(scope="module")
def cells():
    return prose.cells(GAN)


@pytest.fixture(scope="module")
def there():
    with open(prose.NOTEBOOKS / "profiles.toml", "rb") as file:
        return tomllib.load(file)["reference"][GAN]


@pytest.fixture(scope="module")
def means():
    return ablation.over_seeds(reference.table("06_ablation"))


@pytest.fixture(scope="module")
def paper():
    """The looks at the long training: (seed, weights, epoch) -> line."""
    return reference.table("06_paper").query("epoch > 0").set_index(["seed", "weights", "epoch"]).sort_index()


def fields(side):
    """How many pixels in a row each of the PatchGAN's verdicts sees of a photo, by its gradient."""
    torch.manual_seed(0)
    photo = torch.randn(1, 3, side, side, dtype=torch.float64, requires_grad=True)
    verdicts = PatchDiscriminator(1, spectral=False).double().eval()(photo)[0, 0]
    seen = []
    for i in range(len(verdicts)):
        (gradient,) = torch.autograd.grad(verdicts[i, i], photo, retain_graph=True)
        seen.append(int((gradient != 0).any(dim=3).any(dim=1).sum()))
    return seen


def test_every_number_of_its_prose_has_a_source(there, means, paper):
    sides = {side: fields(side) for side in (64, 128, 400)}
    share = {side: 100 * max(seen) ** 2 / side**2 for side, seen in sides.items()}
    late = paper.loc[(0, "last")].query("epoch >= 10")["chroma"]
    early = 100 * paper.loc[(0, "last")].query("epoch <= 15")["of_mean_colour"]
    lucky = 100 * paper["of_mean_colour"].xs("last", level="weights").xs(15, level="epoch")
    at = reference.table("06_ablation").set_index(["variant", "seed"])["of mean colour"]
    long, scores = paper.loc[0].xs(100, level="epoch")["of_mean_colour"], reference.table("06_scores")
    scores, won = scores.set_index("method"), reference.table("06_winners").set_index("variant")
    losses, cuda = experiments.losses(), reference.cuda("paper")
    monitor, tested = Monitor(), scores["photos"].max()
    beside = means.loc[[f"pretrained: {loss}" for loss in LOSSES if loss != "BCE alone"]]
    calm = cuda[(cuda["weights"] == "averaged") & (cuda["epoch"] > 1)]["of_mean_colour"].nlargest(2).iloc[1]
    given = {
        "nb06-05": "0 1",
        "dstar-text": "0 1",
        "dstar-read": "0 1 0.01 0.99",
        "two-discriminators": "0 0.02 0.1 0.2 0.5 0.999 1 2e-4 4 32 70",
        "field-text": "1 2 4 6 7 8 10 16 22 32 46 64 70",  # the recurrence, which the next cell runs
        "0c103f56": "0 0.02 1",
        "further-read": "8 300",
        "step-read": "0 1",
        "nb06-18": "2",
        "coins-there": "2.5",
        "nb06-25": "2 80",
        "nb06-10": "1",
        "2b96e201": "0.001 0.999 1,000",  # 1 / (1 - ema)
        "paper-slide": "50",
        "nb06-12": "1 3 10 30 100 300",
        "spectral-text": "0.2 1",
        "spectral-conv": "1 2 4",
        "spectral-read": "0 0.02 1 2 4",
        "nb06-20": "1 2e-4 80 100",
        "variants-said": "0 1",
        "46ac0a40": "1",
        "ablation-read": "95",
        "nb06-32": "0 0.3 1 3 10 300",
        "winners-text": "10",
        "a8b0c7de": "10 15",
        "field-read": "64 128 400 46",
        "cuda-memory": "32 400",  # photos in a batch, pixels
        "cuda-figures": "1 20 50 100",
        "cuda-read": "400",
        "take-away": "1 2 70 300",
    }
    measured = {
        "field-read": {"36": len(sides[64]) ** 2, "54": 100 * min(sides[64]) ** 2 / 64**2, "97": share[64],
                       "30": share[128], "3": share[400]},
        "9d418fc7": {"100": there["paper_epochs"], "5,000": there["n_train"], "32": GAN_PAPER.batch},
        "7e81d3ab": {"64": there["size"]},
        "a8b0c7de": {"14.5": late.min(), "22.7": late.max(), "17.9": paper["true_chroma"].max(), "64": there["size"],
                     "152": lucky.min(), "216": lucky.median(), "224": lucky.max(), "177": early.min(),
                     "236": early.max()},
        "2b96e201": {"37": 100 * GAN_PAPER.ema**1000},
        "nb06-12": {"96": at_most("size"), "2,000": at_most("training"), "64": 64, "91": math.sqrt(2 * 64 * 64)},
        "nb06-25": {"99": 100 * monitor.accuracy, "6": monitor.lost, "5": 100 * monitor.spread},
        "46ac0a40": {"0.7": losses["scratch: bins, rebalanced"].uniform, "224": 224},
        "nb06-32": {"2,000": at_most("training"), "96": at_most("size"), "64": at_most("width"),
                    "24": losses["scratch: MSE"].width, "0.2": losses["scratch: bins"].temperature,
                    "11": -100 * beside["difference"].max(), "16": -100 * beside["difference"].min(),
                    "0.05": fall(means, "pretrained: MSE", "MSE: vivid first, then uniform"),
                    "0.11": fall(means, "pretrained: bins, rebalanced", "bins: vivid first, then uniform"),
                    "1.4": at["pretrained: BCE alone", 0], "3.2": at["pretrained: BCE alone", 1]},
        "winners-read": {"77": 100 * won.loc["unet-pretrained", "of mean colour"],
                         "87": 100 * won.loc["gan-pretrained", "of mean colour"],
                         "93": 100 * won.loc["bins", "of mean colour"],
                         "20": -won.loc["unet-pretrained", "colourfulness"],
                         "15": -won.loc["gan-pretrained", "colourfulness"], "10": -won.loc["bins", "colourfulness"]},
        "reference-head": {"5,000": there["n_train"], "739": tested, "64": there["size"]},
        "cuda-intro": {"64": cuda["width"].max(), "5,000": cuda["training_photos"].max(), "128": cuda["size"].max(),
                       "739": cuda["photos"].max()},
        "cuda-figures": {"1.3": calm},
        "cuda-read": {"128": cuda["size"].max()},
        "take-away": {"175": 100 * long["last"], "108": 100 * long["averaged"], "64": there["size"],
                      "92": 100 * scores.loc["gan-l1", "of mean colour"]},
    }  # fmt: skip
    prose.check(GAN, given, measured)


def at_most(column):
    return reference.table("06_ablation")[column].max()


def fall(means, before, after):
    """By how many decibels the PSNR falls."""
    return means.loc[before, "psnr"] - means.loc[after, "psnr"]


def test_what_it_calculates_on_paper():
    p, q = np.array([1 / 2, 1 / 2, 0]), np.array([1, 0, 0])
    js = 0.5 * (0.5 * math.log(2 / 3) + 0.5 * math.log(2)) + 0.5 * math.log(4 / 3)
    assert js == pytest.approx(jensenshannon(p, q) ** 2) == pytest.approx(0.216, abs=0.0005)
    purple = jensenshannon(p, [0, 0, 1]) ** 2
    assert purple == pytest.approx(math.log(2)) and jensenshannon(p, p) == 0
    for red in np.linspace(0, 1, 11):
        assert jensenshannon(p, [red, 1 - red, 0]) ** 2 < purple
    r, j, seen, steps = 1, 1, [1], [1]
    for stride in (2, 2, 2, 1, 1):
        r, j = r + 3 * j, j * stride
        seen.append(r)
        steps.append(j)
    assert (seen, steps) == ([1, 4, 10, 22, 46, 70], [1, 2, 4, 8, 8, 8])
    sides = [64]
    for stride in (2, 2, 2, 1, 1):
        sides.append((sides[-1] + 2 - 4) // stride + 1)
    assert sides[1:] == [32, 16, 8, 7, 6] and len(fields(64)) == 6
    for n in (3, 20):  # the ends of Clopper and Pearson's interval
        assert binomtest(0, n).proportion_ci().high == pytest.approx(1 - 0.025 ** (1 / n))
        assert binomtest(n, n).proportion_ci().low == pytest.approx(0.025 ** (1 / n))
    answers, truth = np.array([1.0, 4, 10]), 3.0
    mean = answers.mean()
    assert np.mean((answers - truth) ** 2) == pytest.approx((mean - truth) ** 2 + np.mean((answers - mean) ** 2))
    table = lipschitz.layer_norms(PatchDiscriminator(4), 64)
    assert (table["at most"] / table["matrix"]).prod() == pytest.approx(128)


def test_which_discriminator_each_run_has():
    assert (GAN_PAPER.discriminator, GAN_PAPER.spectral) == ("binary", False)
    assert (GAN_L1.discriminator, GAN_L1.spectral, GAN_L1.batch_norm) == ("patch", True, False)
    assert not any(config.spectral for config in experiments.paper_variants().values())
    losses = experiments.losses()
    assert not experiments.factors(losses)["game: the paper's discriminator"].spectral
    ours = BinaryDiscriminator()
    kinds = [type(layer).__name__ for layer in ours.features]
    assert kinds.count("Conv2d") == 4 and kinds.count("BatchNorm2d") == 3 and GAN_PAPER.dropout == 0.25
    widths = [layer.out_channels for layer in ours.features if isinstance(layer, torch.nn.Conv2d)]
    assert widths == [64, 128, 256, 512]


def test_the_verdict_of_the_papers_is_the_mean_of_verdicts_of_places():
    torch.manual_seed(0)
    network, photos = BinaryDiscriminator(4).eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        places = network.head(network.features(photos).permute(0, 2, 3, 1))
        assert torch.allclose(places.mean(dim=(1, 2)), network(photos), atol=1e-5)


def test_the_changes_of_gan_l1_that_the_ablation_takes_apart():
    game, tries = experiments.losses()["pretrained: L1 + discriminator"], experiments.factors(experiments.losses())
    fields = ("weight", "pretrain", "discriminator", "spectral", "ema", "discriminator_rate", "schedule", "jitter")
    games = [config for name, config in tries.items() if name.startswith("game: ")]
    changed = {field for field in fields for config in games if getattr(config, field) != getattr(game, field)}
    assert changed == {"weight", "pretrain", "discriminator", "spectral", "ema"}
    differ = {field for field in fields if getattr(GAN_L1, field) != getattr(GAN_PAPER, field)}
    assert differ == set(fields) - {"ema"}  # and what is kept
    assert (GAN_PAPER.kept, GAN_L1.kept) == ("last", "averaged")


def test_the_long_training_goes_as_it_says(paper):
    last, averaged = paper.loc[(0, "last")], paper.loc[(0, "averaged")]
    assert (last["of_low"] > 1).all() and (averaged["of_high"] >= 1).all()  # never below the mean colour's error
    assert np.abs(np.diff(last["of_mean_colour"])).max() > 0.5 and last["of_mean_colour"].iloc[-1] > 1.5
    by = averaged["of_mean_colour"]
    assert by[by.index > 50].mean() < by[by.index <= 50].mean() - 0.1
    assert (paper["attempt"] == 0).all()
    assert set(paper.index.get_level_values("epoch")) >= {1, *range(5, 101, 5)}
    lengths = paper.reset_index().groupby("seed")["epoch"].max()
    assert lengths.tolist() == [100, 15, 15]


def test_tuning_by_hand():
    tried = reference.table("06_variants").pivot(index="seed", columns="variant", values="of mean colour")
    assert tried.loc[0].idxmin() == tried.loc[1].idxmax() == "discriminator's rate x 4"
    assert tried.loc[1].max() > 2 * tried.loc[1].drop("discriminator's rate x 4").max()
    below = tried.columns[tried.max() < tried["gan-paper"].min()]
    assert set(below) == {"both rates halved", "both rates doubled", "discriminator's rate / 4"}
    assert tried.min(axis=None) > 1
    own = tried["gan-paper"]
    for name in ("discriminator half as wide", "discriminator twice as wide"):  # not shown to matter
        assert tried[name].min() < own.min() and own.max() < tried[name].max()
        assert tried[name].max() - tried[name].min() > abs(tried[name].mean() - own.mean())
    table = reference.table("06_variants")
    assert (table["symptoms"] == 0).all() and (table["restarts"] == 0).all()


def test_the_ablation_says_what_it_says(means):
    share, colour = means["of mean colour"], means["colourfulness"]
    for loss in LOSSES:
        assert share[f"pretrained: {loss}"] < share[f"scratch: {loss}"]
    near = ["MSE", "L1", "L1 + discriminator"]
    for body in ("scratch", "pretrained"):
        part = share[[f"{body}: {loss}" for loss in near]]
        assert part.max() - part.min() < 0.02
        gained = share[[f"scratch: {loss}" for loss in near]].to_numpy() - share[[f"pretrained: {n}" for n in near]]
        assert gained.min() > part.max() - part.min()
    assert means.loc["pretrained: L1", "delta_e"] < means.loc["pretrained: MSE", "delta_e"]
    assert colour["pretrained: L1"] < colour["pretrained: MSE"]
    weights = ["pretrained: L1 + discriminator", *(f"game: L1 weight {w}" for w in (100, 30, 10, 3))]  # from 300 down
    assert share[weights].is_monotonic_increasing and colour[weights].is_monotonic_increasing
    least = [f"game: L1 weight {weight}" for weight in (1, 3)]
    assert abs(np.diff(share[least]))[0] < 0.02 and abs(np.diff(colour[least]))[0] < 2
    assert share["game: L1 weight 10"] < share["pretrained: bins, rebalanced"] - 0.015
    assert abs(colour["game: L1 weight 10"] - colour["pretrained: bins, rebalanced"]) < 0.5
    assert share["bins: lambda 0"] > 3 and colour["bins: lambda 0"] > 0 and share["bins: lambda 0.3"] > 1
    assert means["colourfulness"].drop("mean colour").idxmin() == "scratch: bins"
    assert colour["scratch: bins"] < colour["mean colour"]
    for name in ("game: neither norm", "game: the paper's discriminator", "game: no averaged weights"):
        assert abs(share[name] - share["pretrained: L1 + discriminator"]) < 0.01
    assert abs(share["pretrained: L1"] - share["pretrained: L1 + discriminator"]) < 0.01


def test_the_winners_lie_as_it_says():
    won = reference.table("06_winners").set_index("variant").loc[["unet-pretrained", "gan-pretrained", "bins"]]
    assert won["of mean colour"].is_monotonic_increasing and won["colourfulness"].is_monotonic_increasing
    assert (won["colourfulness_high"].to_numpy()[:-1] < won["colourfulness_low"].to_numpy()[1:]).all()
    low, high = won["ab_mse_low"].to_numpy(), won["ab_mse_high"].to_numpy()
    assert high[0] > low[1] and high[1] > low[2] and high[0] < low[2]
    for measure in ("agreement", "frechet"):
        assert won[f"{measure}_low"].max() < won[f"{measure}_high"].min()


def test_what_to_take_away_from_the_scores():
    scores = reference.table("06_scores").set_index("method")
    share, chroma, hues = scores["of mean colour"], scores["chroma"], scores["hue_spread"]
    assert chroma["gan-l1"] / chroma["truth"] == pytest.approx(0.5, abs=0.05)
    assert share["no discriminator"] < share["gan-l1"] < 1
    assert share["no discriminator, with gain"] < share["gan-l1, with gain"]
    assert hues["gan-l1"] > hues["no discriminator"]


def test_the_games_that_the_reference_plays(there):
    assert there["world_epochs"] == 100 and there["seeds"] == list(range(20))
    coins = reference.table("06_coins")
    assert set(coins["config"]) <= set(coin_world.games(1))
    chose = coins["red"] + coins["blue"]
    assert ((chose >= 0.8) >= coins["converged"].fillna(False).astype(bool)).all()


def test_its_own_outputs_show_what_the_text_beside_them_says(cells):
    same = next(o["text"] for o in cells["gan-same"].outputs if "text" in o)
    assert float(re.search(r"of a loss: ([\d.e+-]+)", same)[1]) < 1e-4
    html = next(o.data["text/html"] for o in cells["dstar"].outputs if "data" in o)
    lines = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)]
    table = pd.DataFrame([line for line in lines if line]).set_index(0)[[4, 5]].astype(float)
    assert table[4].idxmax() == "always purple" and table[4].idxmin() == "red, 5 of 10"
    assert table.loc["always red", 4] == 0.216
    assert np.allclose(table[5], 2 * math.log(2) - 2 * table[4], atol=0.002)


def test_the_monitor_s_game_collapsed_and_was_given_up(cells):
    told = "".join(str(o.data.get("text/markdown", "")) for o in cells["nb06-26"].outputs if "data" in o)
    assert told.startswith("**What happened.** The first attempt collapsed after") and "**gave up**" in told


def test_an_unfair_game_collapses_whatever_the_seed():
    """As notebook 06 plays it, with the seeds that it does not show."""
    for seed in (1, 2):
        unfair = dataclasses.replace(coin_world.games(20)["gan-paper"], rate=1e-6, discriminator_rate=1e-2, seed=seed)
        world = coin_world.toss(240, size=24, seed=seed)
        lost = train(dataclasses.replace(unfair, dropout=0.0), world.photos, monitor=Monitor(lost=2.0, patience=3),
                     restarts=0, log_every=5, progress=False)  # fmt: skip
        assert lost.collapsed == "discriminator saturated"


def test_how_hard_l1_and_the_discriminator_pull(cells):
    (html,) = [o.data["text/html"] for o in cells["l1-pull"].outputs if "text/html" in o.get("data", {})]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", line) for line in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)]
    table = np.array([row for row in rows if row], float)
    assert np.allclose(table[:, 1], table[:, 0] / math.sqrt(2 * 64 * 64), atol=6e-4)
    assert np.allclose(table[:, 3], table[:, 1] / table[:, 2], rtol=0.05)
    said = next(o["text"] for o in cells["l1-pull"].outputs if "text" in o)
    l1, opinion = (float(re.search(rf"{name} ([\d.]+)", said)[1]) for name in ("L1", "opinion"))
    assert table[-1, 3] > 3 and opinion > 3 * l1  # at the weight of the run L1 pulls harder, with the smaller loss
