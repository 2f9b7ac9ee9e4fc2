"""Epochs that fit into the time, scores on the right photos, and what a training leaves when its time is over."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from campaigns import Clock, campaign, table

from nbhelpers import paths
from nbhelpers.bench import cuda_campaign, cuda_training
from nbhelpers.bench.cuda_campaign import FAST, OutOfTime
from nbhelpers.networks import batch_scores, checkpoints
from nbhelpers.networks.config import train_config
from nbhelpers.networks.models import UNet
from nbhelpers.networks.training import Trained, train

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def affordable(tmp_path, monkeypatch):
    """A function (seconds left, share, configuration) -> configuration; epochs take 10, 6, 2, 2, ... s."""
    clock = Clock(cuda_campaign, cuda_training, patch=monkeypatch)

    def trained(asked, photos, watch, **options):
        assert asked.pretrain == 0
        for epoch in range(asked.epochs):
            clock.now += max(2, 10 - 4 * epoch)
            watch(None)

    def affordable(seconds, share, asked):
        c = campaign(tmp_path)
        c.deadline = clock.now + 18 + seconds  # after the trial
        return cuda_training._affordable(c, asked, [], share)

    monkeypatch.setattr(cuda_training, "train", trained)
    return affordable


def test_epochs_fit_into_the_share_of_the_time(affordable):
    unet, gan = train_config("unet", epochs=50), train_config("gan-l1", epochs=50, pretrain=50)
    assert affordable(1000, 0.5, unet) == unet
    assert affordable(100, 0.5, unet) == dataclasses.replace(unet, epochs=25)
    assert affordable(41, 0.5, unet).epochs == 10 and affordable(4, 0.5, unet).epochs == 1
    shorter = affordable(100, 0.5, gan)  # the time is for both of its parts
    assert (shorter.epochs, shorter.pretrain) == (12, 12)
    for seconds in (3.9, -1, -15):
        with pytest.raises(OutOfTime):
            affordable(seconds, 0.5, unet)


def planted(folder, name, size=32, hints="none", seed=0):
    torch.manual_seed(seed)
    made = UNet(4, 2, channels=1 if hints == "none" else 4)
    fields = {"hints": hints, "loss": "mse", "size": size, "width": 4, "epochs": 7, "seed": 3}
    checkpoints.save_network(folder / f"{name}.safetensors", made, {"name": name, "size": size, "recipe": fields})


def test_networks_to_ship_are_scored_on_the_photos_that_they_have_not_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    for name, about in {"known": {}, "larger": {"size": 64}, "hinted": {"hints": "given"}}.items():
        planted(tmp_path / "checkpoints", name, **about)
    seen, made = [], UNet(4, 2).eval()

    def trained(asked, photos, folder, watch, **options):
        seen.append(photos)
        watch(SimpleNamespace())
        checkpoints.save_network(folder / "unet.safetensors", made, {"name": "unet", "epochs": 9})
        return Trained(made, folder / "unet.safetensors", folder, [], [])

    monkeypatch.setattr(cuda_training, "train", trained)
    c = campaign(tmp_path / "out", held=8)
    shipped = cuda_training.Shipped(c)
    shipped.add(train_config("unet", epochs=2, seed=5))
    assert np.array_equal(np.stack(seen[0]), c.pack.train[:12])

    rows = table(c.out, "ship")
    assert rows["network"].tolist() == ["mean colour", "known", "unet"] and (rows["photos"] == 8).all()
    assert rows["epochs"].tolist()[1:] == [7, 9] and rows["seed"].tolist()[1:] == [3, 5]
    assert rows["file"].tolist()[1].startswith("committed") and rows["file"].tolist()[2] == "unet-2-5/unet.safetensors"
    known = checkpoints.load_network(tmp_path / "checkpoints" / "known.safetensors")[0].to(c.device)
    held = batch_scores.on(c.device, c.pack.train[12:])
    expected = [batch_scores.errors(None, held, batch_scores.mean_colour(c.device, c.pack.train[:12]))]
    expected += [batch_scores.errors(net, held) for net in (known, made)]
    assert rows["ab_mse"].tolist() == pytest.approx([each["ab_mse"].mean() for each in expected], rel=1e-3)
    c.deadline = 0
    with pytest.raises(OutOfTime):
        shipped.add(train_config("unet"))


def watched(c, **changes):
    asked = dataclasses.replace(train_config("gan-paper", size=32, width=4, batch=4, **changes), stored=48)
    return cuda_training._watched(c, "paper", asked, FAST, list(c.pack.train))


def test_a_watched_training_is_scored_every_few_epochs_and_at_its_ends(tmp_path):
    c = campaign(tmp_path, credits={"b": "Ann, CC0", "e": ""}, score_every=2)
    trained = watched(c, epochs=5)
    rows = table(tmp_path, "paper")
    assert rows["epoch"].tolist() == [0, 1, 1, 2, 2, 4, 4, 5, 5]
    assert rows["weights"].tolist() == ["mean colour"] + 4 * ["last", "averaged"]
    assert (rows["training_photos"] == 20).all() and (rows["photos"] == 6).all()
    test = batch_scores.on(c.device, c.pack.test)
    base = batch_scores.errors(None, test, batch_scores.mean_colour(c.device, c.pack.train))
    end = batch_scores.summary(batch_scores.errors(trained.network.to(c.device), test), base)
    for row, expected in ((rows.iloc[0], batch_scores.summary(base, base)), (rows.iloc[-2], end)):
        assert {key: row[key] for key in expected} == pytest.approx(expected, rel=1e-3)
    log = table(tmp_path, "paper_log")
    assert log["epoch"].max() == 4 and log["step"].max() == 24

    with np.load(tmp_path / "10_cuda_paper_pictures.npz") as kept:
        pictures = dict(kept)
    assert pictures.pop("credits").tolist() == ["b: Ann, CC0", "e: "]
    assert np.array_equal(pictures.pop("truth"), c.pack.test[[1, 4]])
    assert set(pictures) == {f"{weights} 00{epoch}" for weights in ("last", "averaged") for epoch in (1, 2, 4, 5)}
    shown = batch_scores.painted(trained.network, test[[1, 4]])
    assert abs(pictures["last 005"].astype(int) - shown).max() <= 1
    assert not np.array_equal(pictures["averaged 005"], pictures["last 005"])


def test_photos_without_credits_are_not_kept(tmp_path):
    watched(campaign(tmp_path), epochs=1)
    with np.load(tmp_path / "10_cuda_paper_pictures.npz") as kept:
        assert {len(kept[name]) for name in kept} == {0}


def test_a_training_leaves_what_it_had_when_its_time_is_over(tmp_path, monkeypatch):
    c = campaign(tmp_path, score_every=4)

    def late(*arguments, watch, **options):
        def slow(trainer):
            if trainer.step == 10:
                c.deadline = 0
            watch(trainer)

        return train(*arguments, watch=slow, **options)

    monkeypatch.setattr(cuda_training, "train", late)
    with pytest.raises(OutOfTime):
        watched(c, epochs=4)
    assert table(tmp_path, "paper")["epoch"].tolist() == [0, 1, 1, 2, 2]
    assert table(tmp_path, "paper_log")["step"].max() == 9
    with np.load(tmp_path / "10_cuda_paper_pictures.npz") as kept:
        assert "last 002" in kept


def test_other_seeds_join_the_table_of_the_first(tmp_path, monkeypatch):
    c = campaign(tmp_path, epochs=2, score_every=1, size=32)
    cuda_training.paper(c)
    log, first = table(tmp_path, "paper_log"), table(tmp_path, "paper").assign(card="another", torch="1")
    first.to_csv(tmp_path / "10_cuda_paper.csv", index=False)  # measured elsewhere: that stays so
    begun = []

    def late(asked, *arguments, watch, **options):
        begun.append(asked.seed)

        def slow(trainer):
            if asked.seed == 2 and trainer.step == 5:
                c.deadline = 0
            watch(trainer)

        return train(asked, *arguments, watch=slow, **options)

    monkeypatch.setattr(cuda_training, "train", late)
    for _ in range(2):  # a second attempt goes on with the seed that the first was cut off in
        c.deadline = cuda_campaign.time.monotonic() + 500
        with pytest.raises(OutOfTime):
            cuda_training.again(c)
        rows = table(tmp_path, "paper")
        assert rows[rows["seed"] == 0].astype(str).equals(first.astype(str))
        assert set(rows.loc[rows["seed"] > 0, "card"]) == {cuda_campaign.card(c.device)}
        assert rows.groupby("seed")["epoch"].max().to_dict() == {0: 2, 1: 2, 2: 1}
        assert rows.groupby("seed")["ab_mse"].last().nunique() == 3 and len(rows) == 5 + 5 + 3
    assert begun == [1, 2, 2]
    pd.testing.assert_frame_equal(table(tmp_path, "paper_log"), log)
    c.deadline = cuda_campaign.time.monotonic() + 500
    cuda_training.paper(c)  # once more: the others are not lost
    assert table(tmp_path, "paper").groupby("seed")["epoch"].max().to_dict() == {0: 2, 1: 2, 2: 1}


def test_a_seed_that_would_not_end_in_time_is_not_begun(tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr(cuda_training, "_paper", lambda c, seed: begun.append(seed))
    c = campaign(tmp_path, seconds=100)
    pd.DataFrame({"seed": [0, 0], "epoch": [1, 2], "seconds": [50.0, 95.0]}).to_csv(
        tmp_path / "10_cuda_paper.csv", index=False
    )
    with pytest.raises(OutOfTime):  # so that --resume tries again
        cuda_training.again(c)
    assert not begun
    c.deadline += 10
    cuda_training.again(c)
    assert begun == [1, 2]


@pytest.mark.parametrize("name", ["unet-pretrained-frozen", "gan-paper"])
def test_a_network_that_fails_leaves_a_note_and_the_others_are_made(tmp_path, monkeypatch, capsys, name):
    def some(asked, *arguments, **options):
        if asked.name == name:
            raise RuntimeError("no room\n for it")
        return train(asked, *arguments, **options)

    monkeypatch.setattr(cuda_training, "train", some)
    monkeypatch.setattr(cuda_training, "SEEDS", ())
    monkeypatch.setattr(paths, "DATA", tmp_path)
    c = campaign(tmp_path / "out", epochs=1)
    with pytest.raises(RuntimeError, match=f"1 networks failed: {name}; why stands in their notes"):
        cuda_training.ship(c)
    rows = table(tmp_path / "out", "ship").iloc[1:].drop_duplicates("network").set_index("network")
    others = {"unet-pretrained-frozen", "unet-pretrained", "gan-paper", "bins", "unet", "gan-l1"} - {name}
    others -= {"unet-pretrained", "bins"} if name == "unet-pretrained-frozen" else set()
    assert set(rows.index) == {name, *others} and rows.loc[sorted(others), "ab_mse"].notna().all()
    assert rows.loc[name, "note"] == "RuntimeError: no room for it" and pd.isna(rows.loc[name, "ab_mse"])
    assert f"ship: {name} failed: RuntimeError: no room for it" in capsys.readouterr().out


def test_a_second_attempt_takes_no_network_of_the_first(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    shipped, asked = cuda_training.Shipped(campaign(tmp_path)), train_config("unet", "smoke", stored=48, size=32)
    (one, two), steps = (shipped.add(asked) for _ in range(2)), []
    monkeypatch.setattr(cuda_training, "train", lambda *a, **o: steps.append(1) or train(*a, **o))
    found = tmp_path / "networks" / one["file"]
    assert one["ab_mse"] == two["ab_mse"] and len(list(found.parent.glob("unet-*/log.csv"))) == 1
    before = found.stat().st_mtime_ns
    shipped.add(asked)
    assert found.stat().st_mtime_ns > before and steps


def test_the_best_fine_tuned_network_begins_the_bins(tmp_path, monkeypatch):
    begun = []

    class Table:
        c = campaign(tmp_path)
        photos, error = [], {1: 30.0, 4: 20.0}

        rows = []

        def add(self, asked, start=None, share=0, watched=False):
            begun.append((asked.name, asked.epochs, start and start.name))
            file = f"{asked.name}-{asked.epochs}/{asked.epochs}.safetensors"
            return {"file": file, "seconds": 1e9, "epochs": 1, "ab_mse": self.error.get(asked.epochs, 0.0)}

    monkeypatch.setattr(cuda_training, "Shipped", lambda c: Table())
    cuda_training.ship(Table.c)
    assert begun[:3] == [("unet-pretrained-frozen", 1, None), ("unet-pretrained", 1, "1.safetensors"),
                         ("unet-pretrained", 4, "1.safetensors")]  # fmt: skip
    assert dict((name, start) for name, _, start in begun)["bins"] == "4.safetensors"
