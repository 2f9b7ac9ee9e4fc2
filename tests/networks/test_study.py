"""What notebooks 05 and 06 measure of networks."""

import dataclasses

import numpy as np
import pytest
import torch

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.hints import Constant
from nbhelpers.networks import study
from nbhelpers.networks.config import GAN_L1, GAN_PAPER, UNET, train_config
from nbhelpers.networks.models import BinaryDiscriminator, PatchDiscriminator, UNet
from nbhelpers.networks.training import train

TINY = {"size": 32, "stored": 36, "width": 2, "depth": 2, "discriminator_width": 2, "batch": 4, "epochs": 1}


@pytest.fixture(scope="module")
def squares():
    return list(np.random.default_rng(0).integers(0, 256, (8, 36, 36, 3), dtype=np.uint8))


def test_the_summary_counts_layers_parameters_and_operations():
    network = UNet(4, 2)
    table = study.summary(network, 32)
    levels = [f"{part}.{i}" for part, n in (("down", 3), ("up", 2), ("merge", 2)) for i in range(n)]
    assert table["layer"].tolist() == [*levels, "head", "all"]
    whole = table.set_index("layer").loc["all"]
    assert whole["parameters"] == sum(p.numel() for p in network.parameters())
    assert table["parameters"][:-1].sum() == whole["parameters"]
    assert table["GFLOP"][:-1].sum() == pytest.approx(whole["GFLOP"])
    # the first block by hand: two 3 x 3 convolutions, 1 -> 4 and 4 -> 4, at 32 x 32
    first = table.set_index("layer").loc["down.0"]
    assert first["output"] == "4 x 32 x 32"
    assert first["GFLOP"] == pytest.approx(2 * 9 * (1 * 4 + 4 * 4) * 32 * 32 / 1e9)


@pytest.mark.parametrize("discriminator", [BinaryDiscriminator(4), PatchDiscriminator(4)])
def test_discriminators_have_a_summary_too(discriminator):
    whole = study.summary(discriminator, 64, channels=3).iloc[-1]
    assert whole["parameters"] == sum(p.numel() for p in discriminator.parameters()) and whole["GFLOP"] > 0


def test_feature_maps_shrink_and_grow():
    maps = study.feature_maps(UNet(4, 2), np.random.default_rng(0).uniform(0, 100, (32, 24)))
    shapes = {name: planes.shape for name, planes in maps.items()}
    assert shapes == {"down.0": (4, 32, 24), "down.1": (8, 16, 12), "down.2": (16, 8, 6),
                      "merge.0": (8, 16, 12), "merge.1": (4, 32, 24)}  # fmt: skip


def test_scores_stand_beside_the_mean_colour(squares):
    perfect_grey = [np.full((16, 16, 3), 120, np.uint8)] * 2
    table = study.score([Constant("grey"), Constant("mean", (3.0, 4.0))], perfect_grey).set_index("method")
    assert table.index[0] == "truth"
    assert table.loc["grey", "ab_mse"] == pytest.approx(0, abs=1e-4)
    assert table.loc["mean", "ab_mse"] == pytest.approx(12.5, abs=0.02)
    assert table.loc["mean", "of mean colour"] == 1 and table.loc["mean", "chroma"] == pytest.approx(5)


def test_snapshots_keep_what_each_epoch_paints_and_change_nothing(squares):
    asked = dataclasses.replace(UNET, **TINY | {"epochs": 2})
    snapshots = study.Snapshots([photo[:32, :32] for photo in squares[:2]])
    watched = train(asked, squares, watch=snapshots, progress=False)
    alone = train(asked, squares, progress=False)
    assert snapshots.epochs == [1, 2] and len(snapshots.painted) == 2 and len(snapshots.painted[0]) == 2
    for mine, theirs in zip(watched.network.parameters(), alone.network.parameters()):
        assert torch.equal(mine, theirs)
    truth = rgb_to_lab(squares[0][:32, :32])[..., 1:]
    other = rgb_to_lab(squares[1][:32, :32])[..., 1:]
    errors = [np.square(ab - t).mean() for ab, t in zip(snapshots.painted[-1], (truth, other))]
    assert snapshots.errors[-1] == pytest.approx(np.mean(errors))


def test_variants_change_one_thing_each():
    configs = study.variants(width=8, epochs=3, pretrain=2)
    full = dataclasses.asdict(configs["gan-l1"])
    assert configs["gan-l1"] == dataclasses.replace(GAN_L1, width=8, epochs=3, pretrain=2)
    for name, config in configs.items():
        if name == "gan-l1":
            continue
        different = {key for key, value in dataclasses.asdict(config).items() if value != full[key]}
        assert len(different - {"epochs"}) == 1, name
    # as many passes over the photos in all
    assert {r.epochs + r.pretrain for r in configs.values()} == {5}


def test_variants_of_the_papers_gan_change_what_the_paper_names():
    configs = study.paper_variants(width=8, epochs=3, discriminator_width=4)
    full = dataclasses.asdict(configs["gan-paper"])
    assert configs["gan-paper"] == dataclasses.replace(GAN_PAPER, width=8, epochs=3, discriminator_width=4)
    allowed = {"rate", "discriminator_rate", "dropout", "discriminator_width"}
    for name, config in configs.items():
        different = {key for key, value in dataclasses.asdict(config).items() if value != full[key]}
        assert different <= allowed and (different or name == "gan-paper"), name
    assert len(set(configs.values())) == len(configs)


def test_an_ablation_scores_each_variant_and_seed_and_reads_finished_ones_again(squares, tmp_path, monkeypatch):
    configs = {"plain": dataclasses.replace(UNET, **TINY), "gan": dataclasses.replace(GAN_L1, **TINY, pretrain=1)}
    inside = [photo[:32, :32] for photo in squares[:2]]
    table = study.ablation(configs, squares, inside, [0, 1], tmp_path)
    assert table[["variant", "seed"]].to_numpy().tolist() == [["plain", 0], ["gan", 0], ["plain", 1], ["gan", 1]]
    assert table["ab_mse"].nunique() == 4 and (table["photos"] == 8).all()
    assert table["symptoms"].isna().tolist() == [True, False] * 2 and table["symptoms"].dropna().between(0, 1).all()
    assert table[["size", "width", "epochs", "seeds"]].to_numpy().tolist() == [[32, 2, 1, 1], [32, 2, 2, 1]] * 2
    monkeypatch.setattr("nbhelpers.networks.training._train_unet", None)  # nothing is trained again
    monkeypatch.setattr("nbhelpers.networks.training._train_gan", None)
    assert study.ablation(configs, squares, inside, [0, 1], tmp_path).equals(table)


def test_many_seeds_says_why_a_seed_was_given_up(squares):
    asked = dataclasses.replace(UNET, **TINY)
    table = study.many_seeds(asked, squares, [3, 4], lambda network: {"width": network.width})
    assert table.to_numpy().tolist() == [[3, 2, ""], [4, 2, ""]]
    wild = dataclasses.replace(asked, rate=1e38, schedule="constant", epochs=3)
    assert study.many_seeds(wild, squares, [3], lambda network: {"width": 0})["given up"].tolist() == ["not finite"]


def test_an_encoder_is_compared_with_none_after_as_many_steps(squares, tmp_path):
    scratch = dataclasses.replace(UNET, **{k: v for k, v in TINY.items() if k != "discriminator_width"} | {"epochs": 2})
    helped = train_config("unet-pretrained", "smoke", size=32, stored=36, pretrain=1, epochs=1, width=2)
    test = [square[:32, :32] for square in squares[:3]]
    table = study.with_encoder(scratch, helped, squares, [4, 8], test, tmp_path)
    assert table["learned from"].tolist() == [4] * 4 + [8] * 4
    kinds = ["mean colour", "from scratch", "encoder frozen", "encoder fine-tuned"]
    assert table["kind"].tolist() == kinds * 2
    assert table["epochs"].fillna(0).tolist() == [0, 4, 2, 4, 0, 2, 1, 2]  # half the photos, twice the epochs
    assert (table.loc[table["kind"] == "mean colour", "of mean colour"] == 1).all() and table["ab_mse"].gt(0).all()
    mean = np.mean([rgb_to_lab(square)[..., 1:].mean(axis=(0, 1)) for square in squares[:4]], axis=0)
    by_hand = np.mean([np.square(rgb_to_lab(rgb)[..., 1:] - mean).mean() for rgb in test])
    assert table["ab_mse"][0] == pytest.approx(by_hand, rel=1e-4)
