"""The ablation judged: numbers by hand, intervals over photos and seeds, and the front."""

import numpy as np
import pandas as pd
import pytest
import torch
from trainings import pale, quick

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.colour.metrics import colourfulness, delta_e, psnr
from nbhelpers.comparison import ablation, realism
from nbhelpers.evaluation.statistics import bootstrap_interval
from nbhelpers.hints import Hints
from nbhelpers.networks import experiments
from nbhelpers.networks.config import train_config
from nbhelpers.networks.inference import NetworkColorizer
from nbhelpers.networks.milestones import Milestones
from nbhelpers.networks.models import UNet
from nbhelpers.networks.training import Trained

ONE, TWO = "scratch: MSE", "pretrained: MSE"
CONFIGS = {name: train_config("unet", width=2, depth=2, size=32, epochs=3) for name in (ONE, TWO)}


@pytest.fixture(scope="module")
def photos(sample):
    return [sample.test[i][:48, :48] for i in range(3)]


@pytest.fixture(scope="module")
def trained():
    found = {}
    for i, key in enumerate([(ONE, 0), (TWO, 0), (ONE, 4), (TWO, 4)]):
        torch.manual_seed(i)
        again = [{"attempt": 1}] * (i == 3)
        found[key] = Trained(UNet(2, 2).eval(), None, None, [], again, "lost" if i == 3 else "")
    return found


@pytest.fixture(scope="module")
def table(trained, photos):
    return ablation.judged(trained, CONFIGS, photos, (3.0, 5.0), draws=2)


def test_each_variant_and_seed_has_a_line_after_the_mean_colour(table):
    names = [("mean colour", None), (ONE, 0), (ONE, 4), (TWO, 0), (TWO, 4)]
    assert [(v, None if pd.isna(s) else s) for v, s in zip(table["variant"], table["seed"])] == names
    assert table["of mean colour"].tolist() == pytest.approx((table["ab_mse"] / table["ab_mse"][0]).tolist())
    assert (table["photos"] == 3).all() and table["collapsed"].tolist() == ["", "", "", "", "lost"]
    assert table["restarts"].fillna(-1).tolist() == [-1, 0, 0, 0, 1]
    assert table[["size", "width", "epochs", "seeds"]].fillna(0).to_numpy().tolist() == [[0] * 4] + 4 * [[32, 2, 3, 1]]
    assert table["frechet"].isna().all()  # of a hundred photos at least


def test_the_numbers_of_a_line_are_those_of_its_network(table, trained, photos):
    colorizer, found = NetworkColorizer("x", trained[TWO, 0].network, 32), []
    answers = []
    for rgb in photos:
        lab = rgb_to_lab(rgb)
        ab = colorizer.colorize(lab[..., 0], Hints.none(lab.shape[:2])).ab
        shown = lab_to_rgb(np.dstack([lab[..., 0], ab]))
        more = colourfulness(shown) - colourfulness(rgb)
        found.append([np.square(ab - lab[..., 1:]).mean(), delta_e(shown, rgb), psnr(shown, rgb), more])
        answers.append(realism.look(shown)[1].argmax() == realism.look(rgb)[1].argmax())
    line = table[(table["variant"] == TWO) & (table["seed"] == 0)].iloc[0]
    for measure, values in zip(("ab_mse", "delta_e", "psnr", "colourfulness"), np.transpose(found), strict=True):
        assert line[measure] == pytest.approx(np.mean(values), rel=1e-4), measure
        expected = bootstrap_interval(values)
        assert (line[f"{measure}_low"], line[f"{measure}_high"]) == pytest.approx(expected, rel=1e-4), measure
    assert line["agreement"] == pytest.approx(np.mean(answers))
    true = [np.linalg.norm(rgb_to_lab(rgb)[..., 1:], axis=2).mean() for rgb in photos]
    assert table["true chroma"].to_numpy() == pytest.approx(np.mean(true), rel=1e-4) and line["chroma"] > 0


def test_a_difference_is_taken_photo_by_photo_with_the_same_seed(table, trained, photos):
    assert (
        table["against"].tolist() == ["", "", "", ONE, ONE]
        and table["difference"].notna().tolist() == [False] * 3 + [True] * 2
    )
    errors = {}
    for variant in (ONE, TWO):
        colorizer = NetworkColorizer("x", trained[variant, 4].network, 32)
        found = []
        for rgb in photos:
            lab = rgb_to_lab(rgb)
            ab = colorizer.colorize(lab[..., 0], Hints.none(lab.shape[:2])).ab
            found.append(np.square(ab - lab[..., 1:]).mean())
        errors[variant] = np.array(found)
    more = (errors[TWO] - errors[ONE]) / table["ab_mse"][0]
    line = table.iloc[4]
    assert line["difference"] == pytest.approx(more.mean(), rel=1e-3)
    expected = bootstrap_interval(more)
    assert (line["difference_low"], line["difference_high"]) == pytest.approx(expected, rel=1e-3)
    assert line["difference"] == pytest.approx(line["of mean colour"] - table["of mean colour"][2])


def test_what_a_variant_is_compared_with():
    losses = experiments.losses()
    names = [*losses, *experiments.factors(losses)]
    assert {ablation.against(name) for name in names if name.startswith("scratch: ")} == {""}
    assert ablation.against("pretrained: bins, rebalanced") == "scratch: bins, rebalanced"
    assert ablation.against("bins: lambda 0.5") == "pretrained: bins, rebalanced"
    assert {ablation.against(name) for name in names} - {""} <= set(names)


def lines(**columns):
    """A table with the same interval, one unit to each side, for every measure."""
    count = len(columns["variant"])
    given = {"ab_mse": np.arange(1.0, count + 1), "of mean colour": np.arange(1.0, count + 1) / 4} | columns
    for measure in ablation.MEASURES:
        given.setdefault(measure, np.arange(1.0, count + 1))
        given |= {f"{measure}_low": given[measure] - 1, f"{measure}_high": np.asarray(given[measure]) + 1}
    for end, value in {"": 0.02, "_low": 0.01, "_high": 0.03}.items():
        given.setdefault(f"difference{end}", value)
    return pd.DataFrame({"chroma": 1.0, "hue_spread": 1.0, "against": ""} | given)


def test_intervals_are_over_photos_and_seeds():
    found = ablation.over_seeds(lines(variant=["y", "x", "y"], seed=[0, 0, 1], ab_mse=np.array([10.0, 5.0, 14.0])))
    assert found.index.tolist() == ["y", "x"] and found["seeds"].tolist() == [2, 1]
    assert found.loc["y", "ab_mse"] == 12 and found.loc["x", "ab_mse"] == 5
    half = np.sqrt(1 + (1.96 * 2) ** 2)  # 10 and 14 have a standard deviation of 2.83, their mean a standard error of 2
    assert found.loc["y", ["ab_mse_low", "ab_mse_high"]].tolist() == pytest.approx([12 - half, 12 + half])
    assert found.loc["x", ["ab_mse_low", "ab_mse_high"]].tolist() == [4, 6]  # one seed says nothing of seeds
    share = found.loc["y", "of mean colour"] / 12
    ends = found.loc["y", ["of mean colour_low", "of mean colour_high"]]
    assert ends.tolist() == pytest.approx([(12 - half) * share, (12 + half) * share])


def test_nobody_beats_the_front_in_both():
    error = [80, 90, 100, 85, 95, 80]
    colour = [-20, -10, 0, -25, 11, -20]  # the fourth is worse than the first in both, the fifth than the second
    assert ablation.front(error, colour).tolist() == [True, True, True, False, False, True]
    assert ablation.front([1.0], [5.0]).tolist() == [True]


def test_snapshots_show_each_pass_and_the_truth(tmp_path):
    photos = pale(2, 24)
    configs = {"plain": quick("unet", epochs=2), "game": quick("gan-l1", pretrain=1, epochs=1)}
    learned = experiments.trained(configs, pale(), [5, 3], tmp_path, watch=Milestones(range(1, 3)))
    found = ablation.snapshots(learned, configs, photos, ["a", "b"])
    assert list(found) == ["plain | a", "plain | b", "game | a", "game | b"]
    assert {len(tiles) for tiles in found.values()} == {3}
    for row, tiles in found.items():
        photo = photos[row.endswith("b")]
        assert np.array_equal(tiles[-1], photo)
        for tile in tiles[:-1]:
            assert np.abs(rgb_to_lab(tile)[..., 0] - rgb_to_lab(photo)[..., 0]).mean() < 3  # the photo's own lightness
    last = learned["plain", 5].network  # of the first seed
    assert np.array_equal(found["plain | b"][1], ablation.painted(last, photos[1], 24))
    assert not np.array_equal(found["plain | b"][0], found["plain | b"][1])
    grey, kept = found["game | a"][:2]
    assert np.ptp(grey, axis=2).max() <= 1
    assert np.array_equal(kept, ablation.painted(learned["game", 5].network, photos[0], 24))
