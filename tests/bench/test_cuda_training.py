"""Scores on the right photos, seeds beside each other, and what a training leaves when its time is over."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from campaigns import campaign, table

from nbhelpers.bench import cuda_campaign, cuda_training
from nbhelpers.bench.cuda_campaign import FAST, OutOfTime
from nbhelpers.networks import batch_scores
from nbhelpers.networks.config import train_config
from nbhelpers.networks.training import train

pytestmark = pytest.mark.usefixtures("one_thread")


def watched(c, **changes):
    asked = dataclasses.replace(train_config("gan-paper", size=32, width=4, batch=4, **changes), stored=48)
    return cuda_training.train_watched(c, "paper", asked, FAST, list(c.pack.train))


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
    monkeypatch.setattr(cuda_training, "_seeded", lambda c, name, network, seed: begun.append(seed))
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
