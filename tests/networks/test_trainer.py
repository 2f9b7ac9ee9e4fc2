"""The health of a training: losses that are not finite, and GANs that collapse, are seen, said and started anew."""

import dataclasses
import threading
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import trainings
from trainings import assert_equal, home, pale

from nbhelpers.networks import checkpoints, collapse, training
from nbhelpers.networks.collapse import Diverged, Monitor
from nbhelpers.networks.data import mix
from nbhelpers.networks.models import UNet, initialize
from nbhelpers.networks.speed import Speed
from nbhelpers.networks.training import train

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Speed("cpu", bf16=False)


def quick(name="gan-paper", **changes):
    return trainings.quick(name, **{"pretrain": 0} | changes)


def learn(asked, folder=None, photos=None, **options):
    given = {"speed": CPU, "progress": False, "log_every": 1} | options
    return train(asked, pale() if photos is None else photos, folder, **given)


# ---- losses that are not finite


class Poison:
    """Stands in for `_pixel_loss`: what call number `when` returns goes through `spoil(loss, painted)`."""

    def __init__(self, when, spoil):
        self.calls, self.when, self.spoil, self.loss = 0, when, spoil, training._pixel_loss

    def __call__(self, kind, predicted, truth, weight=None):
        self.calls += 1
        loss = self.loss(kind, predicted, truth, weight)
        return self.spoil(loss, predicted) if self.calls - 1 == self.when else loss


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["unet", "gan-l1"])
def test_a_loss_that_is_not_finite_stops_with_the_step_and_the_last_good_checkpoint(tmp_path, monkeypatch, name, value):
    whole = learn(quick(name), tmp_path / "whole", log_every=2)
    monkeypatch.setattr(training, "_pixel_loss", Poison(4, lambda loss, predicted: loss * value))
    with pytest.raises(Diverged, match="in step 4: .*the last good checkpoint is ") as error:
        learn(quick(name), tmp_path / "part", log_every=20)  # seen at the end of the epoch
    last = home(tmp_path / "part", name) / "last.safetensors"
    assert str(error.value).endswith(str(last)) and "\n" not in str(error.value)
    tensors, about = checkpoints.read(last)
    assert about["step"] == 3
    assert all(value.isfinite().all() for value in tensors.values())
    assert not (tmp_path / "part" / f"{name}.safetensors").exists()
    monkeypatch.undo()
    torch.set_num_threads(1)
    again = learn(quick(name), tmp_path / "part", log_every=2)
    assert_equal(again.network.state_dict(), whole.network.state_dict())


def test_a_loss_that_is_not_finite_from_the_start_leaves_no_checkpoint(tmp_path, monkeypatch):
    for folder in (tmp_path, None):
        monkeypatch.setattr(training, "_pixel_loss", Poison(0, lambda loss, predicted: loss / 0))
        with pytest.raises(Diverged, match="in step 0: lower the rate; no checkpoint was written yet"):
            learn(quick("unet"), folder)
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize("step", [2, 3])
def test_weights_that_are_not_finite_are_never_a_good_checkpoint(tmp_path, monkeypatch, step):
    """A finite loss can have a gradient that is not: in the last step of an epoch no later loss would tell."""
    poison = Poison(step, lambda loss, predicted: loss + (predicted - predicted.detach()).abs().sqrt().sum())
    monkeypatch.setattr(training, "_pixel_loss", poison)
    with pytest.raises(Diverged, match=f"in step {step}") as error:
        learn(quick("unet"), tmp_path, log_every=20 if step == 2 else 1)
    kept = [str(path) for path in tmp_path.rglob("*.safetensors")]
    assert [path in str(error.value) for path in kept] == [True] * (step // 3)


@pytest.mark.parametrize("name", ["unet", "gan-paper"])
def test_an_absurd_rate_is_said_and_no_checkpoint_is_worthless(tmp_path, name):
    with pytest.raises(Diverged, match="lower the rate"):
        learn(quick(name, rate=1e30, discriminator_rate=1e30), tmp_path, log_every=20)
    for path in tmp_path.rglob("*.safetensors"):
        assert all(value.isfinite().all() for value in checkpoints.read(path)[0].values())


def test_ctrl_c_after_a_bad_step_does_not_save_it(tmp_path, monkeypatch, steps):
    seen = steps(4)
    monkeypatch.setattr(training, "_pixel_loss", Poison(3, lambda loss, predicted: loss * float("nan")))
    with pytest.raises(Diverged, match="in step 3"):
        learn(quick("unet"), tmp_path, log_every=20)
    assert len(seen) == 5
    assert checkpoints.read_about(home(tmp_path, "unet") / "last.safetensors")["step"] == 3


# ---- collapses, planted in the monitor


@dataclass(frozen=True)
class Planted(Monitor):
    """Sees a symptom from step `since` on, in the first `attempts` attempts; two in a row are a collapse."""

    patience: int = 2
    since: int = 4
    attempts: int = 99

    def symptom(self, row):
        return "planted" if row["step"] >= self.since and row["attempt"] < self.attempts else ""


def test_a_collapse_goes_back_to_the_last_healthy_state_with_another_seed(tmp_path, steps):
    seen = steps()
    asked, began = quick(), []
    trained = learn(asked, tmp_path, monitor=Planted(attempts=1), watch=lambda trainer: began.append(trainer.attempt))
    seeds = [mix(asked.seed, attempt) for attempt in (0, 1)]
    assert seen == [(step, seeds[0]) for step in range(6)] + [(step, seeds[1]) for step in range(3, 9)]
    assert began == [0, 1, 1]  # the epoch of the collapse is not finished
    expected = {"attempt": 1, "collapsed_at": 6, "why": "planted", "back_to": 3, "seed": seeds[1]}
    assert trained.restarts == [expected] and trained.collapsed == ""
    folder = home(tmp_path, "gan-paper")
    assert collapse.read_log(folder / "restarts.csv") == [expected]
    log = [(row["attempt"], row["step"]) for row in collapse.read_log(folder / "log.csv")]
    assert log == [(0, step) for step in range(6)] + [(1, step) for step in range(3, 9)]
    assert [(row["attempt"], row["step"]) for row in trained.rows] == log
    about = checkpoints.read_about(trained.file)
    assert (about["step"], about["restarts"], about["collapsed"]) == (9, [expected], "")
    second = learn(asked, tmp_path, monitor=Planted(attempts=1))
    assert second.restarts == [expected] and len(seen) == 12


def test_the_healthy_state_is_the_one_before_the_symptom(tmp_path, monkeypatch):
    """The weights with which the second attempt begins are those after the first epoch, moments included."""
    states = []
    loop = training._train_gan
    monkeypatch.setattr(training, "_train_gan", lambda t: states.append(_copy(t.state())) or loop(t))
    after = []
    learn(
        quick(),
        tmp_path,
        monitor=Planted(attempts=1),
        watch=lambda trainer: after.append(_copy(trainer.state())),
    )
    assert len(states) == 2
    assert_equal(states[1], after[0])
    assert any(key.startswith("discriminator_optimizer/") for key in after[0])


def _copy(tensors):
    return {key: value.detach().clone() for key, value in tensors.items()}


@pytest.mark.parametrize("restarts", [0, 1, 2])
def test_after_the_last_restart_the_training_is_given_up(tmp_path, restarts, steps):
    seen = steps()
    trained = learn(quick(), tmp_path, monitor=Planted(), restarts=restarts)
    assert len(seen) == 6 + 3 * restarts
    assert trained.collapsed == "planted"
    assert [row["attempt"] for row in trained.restarts] == list(range(1, restarts + 1))
    assert len({row["seed"] for row in trained.restarts} | {mix(0, 0)}) == restarts + 1
    assert [row["step"] for row in trained.rows] == [0, 1, 2] + [3, 4, 5] * (restarts + 1)
    about = checkpoints.read_about(trained.file)
    assert (about["step"], about["collapsed"], about["restarts"]) == (3, "planted", trained.restarts)
    healthy = checkpoints.unpack("generator", checkpoints.read(home(tmp_path, "gan-paper") / "healthy.safetensors")[0])
    for key, value in checkpoints.load_network(trained.file)[0].state_dict().items():
        torch.testing.assert_close(value, healthy[key], atol=1e-4, rtol=1e-3)  # written in half precision


def test_an_interrupted_training_remembers_its_restarts(tmp_path, steps):
    asked, monitor = quick(), Planted()
    whole = learn(asked, tmp_path / "whole", monitor=monitor)
    seen = steps(1, 4, 7, 10)  # with one symptom seen, and once in each attempt
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            learn(asked, tmp_path / "part", monitor=monitor)
    part = learn(asked, tmp_path / "part", monitor=monitor)
    assert len(seen) == 12
    assert part.restarts == whole.restarts and part.collapsed == whole.collapsed
    one, two = (home(tmp_path / name, "gan-paper") for name in ("part", "whole"))
    for name in ("log.csv", "restarts.csv"):
        assert (one / name).read_text() == (two / name).read_text()
    one, two = (checkpoints.read(folder / "healthy.safetensors") for folder in (one, two))
    assert_equal(one[0], two[0])
    assert one[1] == two[1]
    assert part.file.read_bytes() == whole.file.read_bytes()


def test_ctrl_c_in_the_very_step_of_a_collapse_stops_too(tmp_path, steps):
    asked, monitor = quick(), Planted(attempts=1)
    whole = learn(asked, tmp_path / "whole", monitor=monitor)
    seen = steps(5)
    with pytest.raises(KeyboardInterrupt):
        learn(asked, tmp_path / "part", monitor=monitor)
    assert len(seen) == 6
    part = learn(asked, tmp_path / "part", monitor=monitor)
    assert part.restarts == whole.restarts
    assert_equal(part.network.state_dict(), whole.network.state_dict())


def test_without_a_healthy_state_it_begins_anew_with_other_weights(tmp_path, monkeypatch):
    first = []
    loop = training._train_gan
    monkeypatch.setattr(
        training, "_train_gan", lambda t: first.append(_copy(t.generator_module.state_dict())) or loop(t)
    )
    for folder in (tmp_path, None):
        first.clear()
        trained = learn(quick(), folder, monitor=Planted(since=0, attempts=1))
        assert [(row["collapsed_at"], row["back_to"]) for row in trained.restarts] == [(2, 0)]
        assert [row["step"] for row in trained.rows] == [0, 1, *range(9)]
        assert not torch.equal(first[0]["head.weight"], first[1]["head.weight"])


def test_a_given_network_is_where_it_begins_anew(tmp_path, monkeypatch):
    start = learn(quick("unet"), tmp_path).file
    first = []
    loop = training._train_gan
    monkeypatch.setattr(
        training, "_train_gan", lambda t: first.append(_copy(t.generator_module.state_dict())) or loop(t)
    )
    learn(quick(), tmp_path / "gan", start=start, monitor=Planted(since=0, attempts=1))
    for state in first:
        assert_equal(state, checkpoints.load_network(start)[0].state_dict())


def test_a_unet_has_no_collapse():
    assert learn(quick("unet"), monitor=Planted(since=0)).restarts == []


# ---- real collapses


def test_a_discriminator_that_wins_is_caught(tmp_path):
    asked = quick("gan-l1", spectral=False, rate=0.0, discriminator_rate=0.02, schedule="constant", epochs=20)
    trained = learn(asked, tmp_path, monitor=Monitor(patience=3))
    assert trained.collapsed == "discriminator saturated"
    assert [row["why"] for row in trained.restarts] == ["discriminator saturated"] * 2
    last = trained.rows[-3:]
    assert all(min(row["real_accuracy"], row["fake_accuracy"]) >= 0.99 and row["adversarial"] > 6 for row in last)
    assert trained.rows[0]["adversarial"] < 1


def constant(folder):
    """The file of a U-Net that paints one colour."""
    torch.manual_seed(0)
    network = initialize(UNet(2, 2))
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.bias.fill_(0.1)
    checkpoints.save_network(folder / "constant.safetensors", network, {"name": "constant", "size": 24})
    return folder / "constant.safetensors"


def test_a_generator_that_paints_one_colour_is_caught(tmp_path):
    asked = quick(rate=0.0)
    trained = learn(asked, tmp_path, start=constant(tmp_path), monitor=Monitor(patience=4))
    assert trained.collapsed == "sample spread gone"
    assert [(row["why"], row["collapsed_at"], row["back_to"]) for row in trained.restarts] == [
        ("sample spread gone", 4, 0)
    ] * 2
    assert all(row["spread"] < 1e-3 < row["real_spread"] for row in trained.rows)


def test_losses_that_do_not_move_are_caught(tmp_path):
    """Rates of nothing, and a photo that a mirror does not change."""
    half = pale(1, 24)[0][:, :12]
    photos = [np.concatenate([half, half[:, ::-1]], axis=1)]
    still = quick("gan-l1", stored=24, spectral=False, rate=0.0, discriminator_rate=0.0, jitter=0.0, epochs=12)
    trained = learn(still, tmp_path, photos, monitor=Monitor(patience=4), restarts=1)
    assert trained.collapsed == "loss frozen" and [row["why"] for row in trained.restarts] == ["loss frozen"]
    moving = dataclasses.replace(still, rate=1e-3, discriminator_rate=1e-3)
    assert learn(moving, tmp_path / "moving", photos, monitor=Monitor(patience=4)).collapsed == ""


@pytest.mark.parametrize("name", ["gan-paper", "gan-l1"])
def test_a_few_epochs_on_real_photos_are_no_collapse(sample, name):
    photos = [photo[::3, ::3].copy() for photo in sample.train]
    trained = learn(quick(name, size=32, stored=32, width=4, discriminator_width=4, epochs=30), photos=photos)
    assert len(trained.rows) == 30 and (trained.restarts, trained.collapsed) == ([], "")


# ---- Ctrl-C where there are no signals


def test_a_training_in_a_thread_needs_no_signals():
    found = []
    thread = threading.Thread(target=lambda: found.append(learn(quick("unet"))))
    thread.start()
    thread.join(60)
    assert_equal(found[0].network.state_dict(), learn(quick("unet")).network.state_dict())
