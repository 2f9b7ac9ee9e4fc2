"""The monitor: what it takes for a GAN to have collapsed; the log as a file."""

import dataclasses
import math

import numpy as np
import pytest

from nbhelpers.errors import UserError
from nbhelpers.networks import collapse
from nbhelpers.networks.collapse import Diverged, Monitor, read_log, write_log

SATURATED, FADED, FROZEN = "discriminator saturated", "sample spread gone", "loss frozen"
MONITOR = Monitor(patience=4)


def row(step=0, **changes):
    """A healthy row of a GAN's log; its losses differ from step to step."""
    healthy = {
        "step": step,
        "adversarial": 0.7 + step / 100,
        "pixel_loss": 0.1,
        "discriminator_loss": 1.3 - step / 100,
        "real_accuracy": 0.8,
        "fake_accuracy": 0.75,
        "spread": 12.0,
        "real_spread": 16.0,
    }
    return healthy | changes


def saturated(step=0, **changes):
    return row(step, real_accuracy=1.0, fake_accuracy=0.995, adversarial=7 + step / 10, **changes)


def faded(step=0, **changes):
    return row(step, spread=0.5, **changes)


def rows(make, count=4, first=0):
    return [make(first + i) for i in range(count)]


# ---- one row


def test_a_healthy_row_has_no_symptom():
    assert Monitor().symptom(row()) == ""


@pytest.mark.parametrize(
    ("changes", "symptom"),
    [
        ({"real_accuracy": 1.0, "fake_accuracy": 1.0, "adversarial": 9.0}, SATURATED),
        ({"real_accuracy": 0.99, "fake_accuracy": 0.99, "adversarial": 6.01}, SATURATED),
        ({"real_accuracy": 0.98, "fake_accuracy": 1.0, "adversarial": 9.0}, ""),
        ({"real_accuracy": 1.0, "fake_accuracy": 0.98, "adversarial": 9.0}, ""),
        ({"real_accuracy": 1.0, "fake_accuracy": 1.0, "adversarial": 6.0}, ""),
        ({"adversarial": 50.0}, ""),
        ({"spread": 0.79}, FADED),
        ({"spread": 0.81}, ""),
        ({"spread": 0.0}, FADED),
        ({"spread": 1.1, "real_spread": 24.0}, FADED),
        ({"spread": 0.2, "real_spread": 3.0}, ""),
        ({"spread": 0.0, "real_spread": 0.0}, ""),  # grey photos have none either
        ({"spread": 40.0}, ""),
        ({"real_accuracy": 1.0, "fake_accuracy": 1.0, "adversarial": 9.0, "spread": 0.0}, SATURATED),
    ],
    ids=str,
)
def test_a_symptom_needs_all_of_its_signs(changes, symptom):
    assert Monitor().symptom(row(**changes)) == symptom


def test_the_limits_can_be_moved():
    assert Monitor(lost=8).symptom(saturated()) == "" and Monitor(lost=5).symptom(saturated()) == SATURATED
    assert Monitor(accuracy=0.7, lost=0.5).symptom(row()) == SATURATED
    assert Monitor(spread=0.9).symptom(row()) == FADED and Monitor(spread=0.01).symptom(faded()) == ""


def test_a_unet_has_no_symptoms():
    alone = {"step": 3, "loss": 0.02, "spread": 0.0, "real_spread": 16.0}
    assert Monitor().symptom(alone) == ""
    assert MONITOR.verdict([alone | {"loss": 0.02 - i / 1000} for i in range(9)]) == ""


# ---- the whole log


@pytest.mark.parametrize(("make", "why"), [(row, ""), (saturated, SATURATED), (faded, FADED)])
def test_as_many_symptoms_as_patience_are_a_collapse(make, why):
    assert MONITOR.verdict(rows(make)) == why
    assert MONITOR.verdict(rows(make, 9)) == why
    assert MONITOR.verdict(rows(row, 5) + rows(make, 4, 5)) == why


@pytest.mark.parametrize("make", [saturated, faded])
def test_fewer_symptoms_are_none(make):
    for count in range(4):
        assert MONITOR.verdict(rows(make, count)) == ""
        assert MONITOR.verdict(rows(row, 5) + rows(make, count, 5)) == ""
    assert Monitor().verdict(rows(make, 9)) == "" != Monitor().verdict(rows(make, 10))


@pytest.mark.parametrize("make", [saturated, faded])
@pytest.mark.parametrize("healthy", range(4))
def test_a_healthy_row_among_the_last_is_hope(make, healthy):
    log = rows(make, 8)
    log[-1 - healthy] = row(99)
    assert MONITOR.verdict(log) == ""
    log[-1 - healthy] = make(99)
    log[-5] = row(99)  # too long ago
    assert MONITOR.verdict(log) != ""


def test_mixed_symptoms_are_no_collapse():
    for count in (1, 2, 3):
        assert MONITOR.verdict(rows(saturated, 4 - count) + rows(faded, count, 5)) == ""
        assert MONITOR.verdict(rows(faded, 4 - count) + rows(saturated, count, 5)) == ""
    assert MONITOR.verdict([saturated(i) if i % 2 else faded(i) for i in range(12)]) == ""


def test_the_very_same_losses_are_a_collapse():
    still = {"adversarial": 0.7, "discriminator_loss": 1.4}
    log = [row(step, **still, spread=12.0 + step) for step in range(4)]  # only the losses must stand still
    assert MONITOR.verdict(log) == FROZEN and MONITOR.verdict(log[:3]) == ""
    assert MONITOR.verdict([row(0), *log]) == FROZEN
    for loss in ("adversarial", "discriminator_loss", "pixel_loss"):
        assert MONITOR.verdict([*log[:3], log[3] | {loss: 0.6999999}]) == ""
    assert MONITOR.verdict([{"loss": 0.5, "step": step} for step in range(4)]) == FROZEN


def test_a_log_is_not_changed_by_looking_at_it():
    log = rows(saturated)
    MONITOR.verdict(log)
    assert log == rows(saturated)


def test_a_monitor_cannot_be_changed_behind_ones_back():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MONITOR.patience = 1


# ---- finite numbers


def test_a_divergence_is_shown_as_a_sentence():
    assert issubclass(Diverged, UserError) and not issubclass(collapse.Collapsed, UserError)


# ---- the log as a file


def test_a_log_comes_back_from_its_file(tmp_path):
    log = [
        {"attempt": 0, "step": 10, "loss": 0.12345678, "small": 1.5e-30, "why": "loss frozen", "seed": 2**40},
        {"attempt": -1, "step": 0, "loss": -3.0, "small": 1e12, "why": 'said "a, b"\nand ä', "seed": 0},
    ]
    write_log(tmp_path / "new" / "log.csv", log)
    found = read_log(tmp_path / "new" / "log.csv")
    assert [list(each) for each in found] == [list(each) for each in log]
    for mine, theirs in zip(found, log, strict=True):
        for key, value in theirs.items():
            assert mine[key] == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value), key
    assert isinstance(found[0]["seed"], int) and isinstance(found[0]["loss"], float)
    assert found[0]["loss"] == 0.1234568  # seven digits


def test_a_log_written_again_is_the_same_file(tmp_path):
    """A resumed training writes the rows that it read."""
    random = np.random.default_rng(0)
    log = [{"step": i, "loss": float(x), "other": float(x) ** 5} for i, x in enumerate(random.normal(size=50) * 100)]
    log[3] |= {"loss": 2.0, "other": 1e7}
    write_log(tmp_path / "one.csv", log)
    write_log(tmp_path / "two.csv", read_log(tmp_path / "one.csv"))
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


def test_numbers_that_are_not_finite_come_back(tmp_path):
    write_log(tmp_path / "log.csv", [{"a": math.nan, "b": math.inf, "c": -math.inf}])
    (found,) = read_log(tmp_path / "log.csv")
    assert math.isnan(found["a"]) and (found["b"], found["c"]) == (math.inf, -math.inf)


def test_no_rows_are_no_file(tmp_path):
    write_log(tmp_path / "log.csv", [])
    assert list(tmp_path.iterdir()) == [] and read_log(tmp_path / "log.csv") == []


def test_a_log_is_written_in_one_step(tmp_path):
    path = tmp_path / "log.csv"
    write_log(path, [{"step": 1, "loss": 0.5}])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="dict contains fields not in fieldnames"):
        write_log(path, [{"step": 1, "loss": 0.4}, {"step": 2, "loss": 0.3, "more": 1}])
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    write_log(path, [{"step": 2}])
    assert read_log(path) == [{"step": 2}]
