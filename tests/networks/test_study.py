"""What notebooks 05 and 06 measure of networks."""

import dataclasses

import numpy as np
import pytest
import torch

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.hints import Constant
from nbhelpers.networks import study
from nbhelpers.networks.config import UNET
from nbhelpers.networks.models import BinaryDiscriminator, PatchDiscriminator, UNet
from nbhelpers.networks.training import train

TINY = {"size": 32, "stored": 36, "width": 2, "depth": 2, "discriminator_width": 2, "batch": 4, "epochs": 1}


@pytest.fixture(scope="module")
def squares():
    return list(np.random.default_rng(0).integers(0, 256, (8, 36, 36, 3), dtype=np.uint8))


def test_the_summary_counts_layers_parameters_and_operations():
    network = UNet(4, 2)
    table = study.summary(network, 32)
    flow = ["down.0", "down.1", "down.2", "up.0", "merge.0", "up.1", "merge.1", "head"]  # as the data go
    assert table["layer"].tolist() == [*flow, "all"]
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


def test_distinct_maps_are_the_least_alike():
    one, other, third, weak = np.random.default_rng(0).normal(size=(4, 8, 8))
    maps = np.stack([np.full((8, 8), 2.0), 3 * one, 2.9 * one + 1, -2.8 * one, 2 * other, third, *[0.01 * weak] * 5])
    assert study.distinct(maps, 3)[0] == 1 and set(study.distinct(maps, 3)) == {1, 4, 5}  # of the livelier half
    every = study.distinct(maps, 20)
    assert len(every) == 10 and 0 not in every  # the dead one is no map
    assert study.distinct(maps[:1], 2).size == 0


def test_likeness_is_the_mean_size_of_the_correlations():
    ramp = np.arange(16.0).reshape(4, 4)
    assert study.likeness(np.stack([ramp, 2 * ramp + 1, -ramp])) == pytest.approx(1)
    odd = np.array([[1.0, -1], [-1, 1]])
    assert study.likeness(np.stack([odd, np.array([[1.0, 1], [-1, -1]])])) == pytest.approx(0, abs=1e-12)
    assert np.isnan(study.likeness(odd[None]))


def test_a_diagnosis_measures_both_kinds_of_photos_with_both_kinds_of_statistics(squares):
    asked = dataclasses.replace(UNET, **TINY | {"epochs": 2})
    known, new = [p[:32, :32] for p in squares[:3]], [p[:32, :32] for p in squares[3:5]]
    lightness = [torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(k)) for k in range(2)]
    found, last = study.Diagnosis(known, new, lightness), {}

    def watch(trainer):
        found(trainer)
        last["state"] = {key: value.clone() for key, value in trainer.result.state_dict().items()}

    watched = train(asked, squares, watch=watch, progress=False)
    alone = train(asked, squares, progress=False)
    for mine, theirs in zip(watched.network.state_dict().values(), alone.network.state_dict().values()):
        assert torch.equal(mine, theirs)  # it changes nothing, no running statistics either
    assert [row["epoch"] for row in found.rows] == [1] * 4 + [2] * 4
    labs = [rgb_to_lab(p) for p in new]
    running = {row["photos"]: row for row in found.rows[4:] if row["statistics"] == "running"}
    painted = [alone.network(torch.from_numpy(lab[None, None, ..., 0]) / 50 - 1)[0] * 110 for lab in labs]
    errors = [np.square(p.detach().permute(1, 2, 0).numpy() - lab[..., 1:]).mean() for p, lab in zip(painted, labs)]
    assert running["new"]["ab_mse"] == pytest.approx(np.mean(errors), rel=1e-4)
    mean = np.mean([rgb_to_lab(p)[..., 1:].reshape(-1, 2).mean(axis=0) for p in known], axis=0)
    naive = np.mean([np.square(lab[..., 1:] - mean).mean() for lab in labs])
    assert running["new"]["of mean colour"] == pytest.approx(np.mean(errors) / naive, rel=1e-4)
    anew = UNet(**alone.network.arguments)
    anew.load_state_dict(last["state"])
    for layer in anew.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.reset_running_stats()
            layer.momentum = None  # the plain mean over the batches
    with torch.no_grad():
        for batch in lightness:
            anew.train()(batch)
        fresh = [anew.eval()(torch.from_numpy(lab[None, None, ..., 0]) / 50 - 1)[0] * 110 for lab in labs]
    errors = [np.square(p.permute(1, 2, 0).numpy() - lab[..., 1:]).mean() for p, lab in zip(fresh, labs)]
    counted = {row["photos"]: row for row in found.rows[4:] if row["statistics"] == "counted anew"}
    assert counted["new"]["ab_mse"] == pytest.approx(np.mean(errors), rel=1e-4)
