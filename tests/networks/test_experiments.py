"""Trainings side by side."""

import dataclasses

import numpy as np
import pytest

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.networks import experiments
from nbhelpers.networks.config import GAN_L1, GAN_PAPER, LITE0, UNET, train_config

TINY = {"size": 32, "stored": 36, "width": 2, "depth": 2, "discriminator_width": 2, "batch": 4, "epochs": 1}


@pytest.fixture(scope="module")
def squares():
    return list(np.random.default_rng(0).integers(0, 256, (8, 36, 36, 3), dtype=np.uint8))


def test_losses_see_the_photos_equally_often_with_an_encoder_and_without():
    configs = experiments.losses(epochs=6, width=8, decoder=16, size=96, stored=108)
    kinds = ["MSE", "L1", "bins", "bins, rebalanced", "L1 + discriminator", "BCE alone"]
    assert list(configs) == [f"{body}: {kind}" for body in ("scratch", "pretrained") for kind in kinds]
    assert {config.epochs + config.pretrain for config in configs.values()} == {6}
    assert {(config.size, config.stored, config.vivid) for config in configs.values()} == {(96, 108, 0)}
    body = {"encoder": "none", "cached": 0, "width": 8, "decay": 0.0}
    for kind in kinds:  # nothing else is between the two
        scratch, helped = configs[f"scratch: {kind}"], configs[f"pretrained: {kind}"]
        assert (helped.encoder, helped.encoder_rate, helped.cached, helped.width) == (LITE0, 0.0, 2, 16)
        assert dataclasses.replace(helped, **body) == dataclasses.replace(scratch, decay=0.0)
    assert configs["scratch: BCE alone"] == dataclasses.replace(GAN_PAPER, epochs=6, width=8, size=96, stored=108)
    found = {kind: configs[f"scratch: {kind}"] for kind in kinds}
    assert [config.loss for config in found.values()] == ["mse", "l1", "bins", "bins", "l1", "none"]
    assert (found["bins"].uniform, found["bins, rebalanced"].uniform) == (1.0, 0.7)
    assert (found["L1 + discriminator"].pretrain, found["L1 + discriminator"].weight) == (3, 300)


def test_factors_change_one_thing_each():
    losses = experiments.losses(size=96, stored=108)
    centres = {"MSE": "MSE", "bins": "bins, rebalanced", "game": "L1 + discriminator"}
    together = {"batch norm for spectral norm": 2, "the paper's discriminator": 2, "no head start": 2}
    together |= {"the encoder learns too, in the second half": 4}  # the rates, and the epochs before
    factors = experiments.factors(losses)
    for name, config in factors.items():
        family, _, change = name.partition(": ")
        centre = losses[f"pretrained: {centres[family]}"]
        mine, theirs = dataclasses.asdict(config), dataclasses.asdict(centre)
        assert len([key for key, value in mine.items() if value != theirs[key]]) == together.get(change, 1), name
        assert config.epochs + config.pretrain == 4
    assert len(set(factors.values()) | set(losses.values())) == len(factors) + len(losses) == 32
    weights = [config.weight for name, config in factors.items() if "weight " in name]
    assert weights == [1, 3, 10, 30, 100]


def test_variants_of_the_papers_gan_change_what_the_paper_names():
    configs = experiments.paper_variants(width=8, epochs=3, discriminator_width=4)
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
    table = experiments.ablation(configs, squares, inside, [0, 1], tmp_path)
    assert table[["variant", "seed"]].to_numpy().tolist() == [["plain", 0], ["gan", 0], ["plain", 1], ["gan", 1]]
    assert table["ab_mse"].nunique() == 4 and (table["photos"] == 8).all()
    assert table["symptoms"].isna().tolist() == [True, False] * 2 and table["symptoms"].dropna().between(0, 1).all()
    assert table[["size", "width", "epochs", "seeds"]].to_numpy().tolist() == [[32, 2, 1, 1], [32, 2, 2, 1]] * 2
    monkeypatch.setattr("nbhelpers.networks.training._train_unet", None)  # nothing is trained again
    monkeypatch.setattr("nbhelpers.networks.training._train_gan", None)
    assert experiments.ablation(configs, squares, inside, [0, 1], tmp_path).equals(table)


def test_many_seeds_says_why_a_seed_was_given_up(squares):
    asked = dataclasses.replace(UNET, **TINY)
    table = experiments.many_seeds(asked, squares, [3, 4], lambda network: {"width": network.width})
    assert table.to_numpy().tolist() == [[3, 2, ""], [4, 2, ""]]
    wild = dataclasses.replace(asked, rate=1e38, schedule="constant", epochs=3)
    assert experiments.many_seeds(wild, squares, [3], lambda network: {"width": 0})["given up"].tolist() == [
        "not finite"
    ]


def test_an_encoder_is_compared_with_none_after_as_many_steps(squares, tmp_path):
    scratch = dataclasses.replace(UNET, **{k: v for k, v in TINY.items() if k != "discriminator_width"} | {"epochs": 2})
    helped = train_config("unet-pretrained", "smoke", size=32, stored=36, pretrain=1, epochs=1, width=2)
    test = [square[:32, :32] for square in squares[:3]]
    table = experiments.with_encoder(scratch, helped, squares, [4, 8], test, tmp_path)
    assert table["learned from"].tolist() == [4] * 5 + [8] * 5
    kinds = ["truth", "mean colour", "from scratch", "encoder frozen", "encoder fine-tuned"]
    assert table["kind"].tolist() == kinds * 2
    assert table["epochs"].fillna(0).tolist() == [0, 0, 4, 2, 4, 0, 0, 2, 1, 2]  # half the photos, twice the epochs
    assert (table.loc[table["kind"] == "mean colour", "of mean colour"] == 1).all() and (table["chroma"] > 0).all()
    mean = np.mean([rgb_to_lab(square)[..., 1:].mean(axis=(0, 1)) for square in squares[:4]], axis=0)
    by_hand = np.mean([np.square(rgb_to_lab(rgb)[..., 1:] - mean).mean() for rgb in test])
    assert table["ab_mse"][1] == pytest.approx(by_hand, rel=1e-4)
