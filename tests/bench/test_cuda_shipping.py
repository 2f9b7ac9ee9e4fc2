"""Epochs that fit into the time, scores on photos kept out, and networks that fail beside others that do not."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from campaigns import Clock, campaign, table

from nbhelpers import paths
from nbhelpers.bench import cuda_campaign, cuda_shipping
from nbhelpers.bench.cuda_campaign import OutOfTime
from nbhelpers.networks import batch_scores, checkpoints
from nbhelpers.networks.config import train_config
from nbhelpers.networks.data import bytes_of, identity
from nbhelpers.networks.models import UNet
from nbhelpers.networks.training import Trained, train

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def affordable(tmp_path, monkeypatch):
    """A function (seconds left, share, configuration) -> configuration; epochs take 10, 6, 2, 2, ... s."""
    clock = Clock(cuda_campaign, cuda_shipping, patch=monkeypatch)

    def trained(asked, photos, watch, **options):
        assert asked.pretrain == 0
        for epoch in range(asked.epochs):
            clock.now += max(2, 10 - 4 * epoch)
            watch(None)

    def affordable(seconds, share, asked):
        c = campaign(tmp_path)
        c.deadline = clock.now + 18 + seconds  # after the trial
        return cuda_shipping._affordable(c, asked, [], share)

    monkeypatch.setattr(cuda_shipping, "train", trained)
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


def planted(folder, name, size=32, hints="none", seed=0, **about):
    torch.manual_seed(seed)
    made = UNet(4, 2, channels=1 if hints == "none" else 4)
    fields = {"hints": hints, "loss": "mse", "size": size, "width": 4, "epochs": 7, "seed": 3}
    about |= {"name": name, "size": size, "recipe": fields}
    checkpoints.save_network(folder / f"{name}.safetensors", made, about)


def test_a_committed_network_that_has_not_seen_the_photos_kept_out_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    c = campaign(tmp_path / "out", held=8)
    for name, photos in {"fair": c.pack.train[:12], "flattered": c.pack.train}.items():
        planted(tmp_path / "checkpoints", name, identity=identity(bytes_of(list(photos), 48)))
    planted(tmp_path / "checkpoints", "of old")
    rows = {row["network"]: row for row in cuda_shipping.Shipped(c).rows}
    assert (rows["fair"]["file"], rows["fair"]["training_photos"]) == ("committed", 12)
    for name in ("flattered", "of old"):
        assert "may have learned from the photos kept out" in rows[name]["file"] and "training_photos" not in rows[name]


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

    monkeypatch.setattr(cuda_shipping, "train", trained)
    c = campaign(tmp_path / "out", held=8)
    shipped = cuda_shipping.Shipped(c)
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


@pytest.mark.parametrize("name", ["unet-pretrained-frozen", "gan-paper"])
def test_a_network_that_fails_leaves_a_note_and_the_others_are_made(tmp_path, monkeypatch, capsys, name):
    def some(asked, *arguments, **options):
        if asked.name == name:
            raise RuntimeError("no room\n for it")
        return train(asked, *arguments, **options)

    monkeypatch.setattr(cuda_shipping, "train", some)
    monkeypatch.setattr(cuda_shipping, "SEEDS", ())
    monkeypatch.setattr(paths, "DATA", tmp_path)
    c = campaign(tmp_path / "out", epochs=1)
    with pytest.raises(RuntimeError, match=f"1 networks failed: {name}; why stands in their notes"):
        cuda_shipping.ship(c)
    rows = table(tmp_path / "out", "ship").iloc[1:].drop_duplicates("network").set_index("network")
    others = {"unet-pretrained-frozen", "unet-pretrained", "gan-paper", "bins", "unet", "gan-l1"} - {name}
    others -= {"unet-pretrained", "bins"} if name == "unet-pretrained-frozen" else set()
    assert set(rows.index) == {name, *others} and rows.loc[sorted(others), "ab_mse"].notna().all()
    assert rows.loc[name, "note"] == "RuntimeError: no room for it" and pd.isna(rows.loc[name, "ab_mse"])
    assert f"ship: {name} failed: RuntimeError: no room for it" in capsys.readouterr().out


def test_a_second_attempt_takes_no_network_of_the_first(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    shipped, asked = cuda_shipping.Shipped(campaign(tmp_path)), train_config("unet", "smoke", stored=48, size=32)
    (one, two), steps = (shipped.add(asked) for _ in range(2)), []
    monkeypatch.setattr(cuda_shipping, "train", lambda *a, **o: steps.append(1) or train(*a, **o))
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

    monkeypatch.setattr(cuda_shipping, "Shipped", lambda c: Table())
    cuda_shipping.ship(Table.c)
    assert begun[:3] == [("unet-pretrained-frozen", 1, None), ("unet-pretrained", 1, "1.safetensors"),
                         ("unet-pretrained", 4, "1.safetensors")]  # fmt: skip
    assert dict((name, start) for name, _, start in begun)["bins"] == "4.safetensors"
