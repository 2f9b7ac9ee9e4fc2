"""The networks of some epochs, kept while a training goes on: which, with which weights, and what they can do."""

import dataclasses

import numpy as np
import pytest
import torch
from campaigns import squares

from nbhelpers.errors import UserError
from nbhelpers.networks import batch_scores, checkpoints, milestones
from nbhelpers.networks.config import GAN_PAPER, UNET
from nbhelpers.networks.milestones import Milestones
from nbhelpers.networks.training import train

pytestmark = pytest.mark.usefixtures("one_thread")
TINY = {"size": 32, "stored": 48, "width": 2, "depth": 2, "batch": 4, "discriminator_width": 2, "epochs": 3}
CONFIG = dataclasses.replace(GAN_PAPER, **TINY, ema=0.5)
PHOTOS = list(squares(8))
QUIET = {"progress": False}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The folder of a training that kept the networks of epochs 1 and 3."""
    folder = tmp_path_factory.mktemp("models")
    trained = train(CONFIG, PHOTOS, folder, watch=Milestones([1, 3]), **QUIET)
    assert trained.home.parent == folder
    return trained.home


def test_the_networks_of_these_epochs_are_kept(home):
    names = sorted(path.name for path in (home / "milestones").glob("*.safetensors"))
    assert names == [f"{epoch:04d}-{weights}.safetensors" for epoch in (1, 3) for weights in ("averaged", "last")]
    last, about = checkpoints.load_network(milestones.file(home, 3, "last"))
    finished = checkpoints.load_network(home.parent / "gan-paper.safetensors")[0]  # as the configuration says, the last
    assert about["epochs"] == 3 and about["weights"] == "last"
    averaged = checkpoints.load_network(milestones.file(home, 3, "averaged"))[0]
    for one, other, third in zip(*(net.state_dict().values() for net in (last, finished, averaged))):
        assert torch.equal(one, other) and (one.ndim < 4 or not torch.equal(one, third))


def test_a_training_that_was_interrupted_keeps_the_same(home, tmp_path):
    """Ctrl-C in the last step of the first epoch: that epoch has its milestone all the same."""
    keep = Milestones([1, 3])

    def stopped(trainer):
        keep(trainer)
        if trainer.step == trainer.data.per_epoch:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, PHOTOS, tmp_path, watch=stopped, **QUIET)
    again = train(CONFIG, PHOTOS, tmp_path, watch=keep, **QUIET).home
    for epoch in (1, 3):
        for weights in ("last", "averaged"):
            one, other = (milestones.file(each, epoch, weights).read_bytes() for each in (home, again))
            assert one == other


def test_a_stop_at_the_end_of_an_epoch_does_not_miss_it(tmp_path, monkeypatch):
    import signal

    from nbhelpers.networks.trainer import Trainer

    check = Trainer._any
    monkeypatch.setattr(Trainer, "_any", lambda self, flag: check(self, flag or self.step == 2))
    seen = []
    with pytest.raises(KeyboardInterrupt):
        train(CONFIG, PHOTOS, tmp_path, watch=lambda trainer: seen.append(trainer.step), **QUIET)
    assert seen == [2] and signal.getsignal(signal.SIGINT) is not None
    monkeypatch.setattr(Trainer, "_any", check)
    train(CONFIG, PHOTOS, tmp_path, watch=lambda trainer: seen.append(trainer.step), **QUIET)
    assert seen == [2, 4, 6]


def test_scores_are_those_of_the_kept_networks(home):
    photos = [photo[:32, :32] for photo in PHOTOS[:5]]
    table = milestones.scores(home, [1, 3], photos, (2.0, 8.0))
    assert table["weights"].tolist() == ["mean colour", "last", "averaged", "last", "averaged"]
    assert table["epoch"].tolist() == [0, 1, 1, 3, 3] and (table["photos"] == 5).all()
    facts = ["network", "size", "width", "batch", "epochs", "seeds", "attempt", "training_photos"]
    expected = [["gan-paper", 32, 2, 4, epoch, 1, 0, 8] for epoch in (1, 1, 3, 3)]
    assert table.loc[1:, facts].to_numpy().tolist() == expected
    assert table.loc[0, "network"] == "mean colour" and table.loc[0, facts[1:]].isna().all()
    test = batch_scores.on("cpu", np.stack(photos))
    base = batch_scores.errors(None, test, batch_scores.plane((2, 8)))
    network = checkpoints.load_network(milestones.file(home, 3, "averaged"))[0]
    expected = batch_scores.summary(batch_scores.errors(network, test), base)
    assert table.iloc[-1][list(expected)].to_dict() == pytest.approx(expected)
    assert table.loc[0, "of_mean_colour"] == 1


def test_pictures_are_painted_by_the_kept_networks(home):
    photos = np.stack([photo[:32, :32] for photo in PHOTOS[:2]])
    found = milestones.pictures(home, [3], photos, ["a", "b"])
    assert set(found) == {"truth", "credits", "last 003", "averaged 003"} and found["credits"] == ["a", "b"]
    network = checkpoints.load_network(milestones.file(home, 3, "last"))[0]
    assert np.array_equal(found["last 003"], batch_scores.painted(network, batch_scores.on("cpu", photos)))


def test_an_epoch_that_was_not_kept_is_named(home):
    with pytest.raises(UserError, match="keeps no network of epoch 2: delete that folder and train again"):
        milestones.scores(home, [1, 2], PHOTOS, (0, 0))


def test_without_averaged_weights_there_are_the_last_alone(tmp_path):
    config = dataclasses.replace(UNET, **TINY)
    trained = train(config, PHOTOS, tmp_path, watch=Milestones([3]), **QUIET)
    table = milestones.scores(trained.home, [3], [photo[:32, :32] for photo in PHOTOS[:2]], (0, 0))
    assert table["weights"].tolist() == ["mean colour", "last"]


def test_milestones_need_a_folder():
    with pytest.raises(UserError, match="give the training a folder"):
        train(CONFIG, PHOTOS, watch=Milestones([1]), **QUIET)


@pytest.mark.parametrize(
    ("epochs", "step", "expected"),
    [(4, 1, [1, 2, 3, 4]), (10, 5, [1, 5, 10]), (7, 3, [1, 3, 6, 7]), (1, 10, [1]), (3, 10, [1, 3])],
)
def test_which_epochs(epochs, step, expected):
    assert milestones.every(epochs, step) == expected
