"""Recorded steps: what is recorded when, and what a replay reads; on a GPU, which random numbers it draws."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from nbhelpers.networks.cuda_graphs import WARM_UP, Recorded
from nbhelpers.networks.data import Batch


def batch(value, device="cpu"):
    return Batch(torch.full((2, 1, 4, 4), value, device=device), torch.zeros(2, 2, 4, 4, device=device))


@pytest.fixture
def plain_gpu(monkeypatch):
    """torch.cuda without a GPU: one stream, and a recording that computes nothing."""
    stream = SimpleNamespace(wait_stream=lambda other: None)
    fakes = {"Stream": lambda: stream, "current_stream": lambda: stream}
    fakes |= {"stream": lambda _: nullcontext(), "graph": lambda tape, stream: nullcontext()}
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)


def test_the_first_steps_are_taken_as_they_are_and_the_next_is_recorded(plain_gpu, monkeypatch):
    seen = []

    def step(given):
        seen.append(given)
        return 2 * given.ab, {"loss": given.lightness.mean()}

    recorded, tapes = Recorded(step), []

    class Tape:
        def __init__(self):
            tapes.append(self)

        def replay(self):  # the same step with the tensors of the recording, into those that it gave
            predicted, values = step(recorded.batch)
            recorded.found[0].copy_(predicted)
            recorded.found[1]["loss"].copy_(values["loss"])

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Tape)
    batches = [batch(float(i)) for i in range(WARM_UP + 3)]
    for i, each in enumerate(batches):
        predicted, values = recorded(each)
        assert values["loss"] == i and len(tapes) == (i >= WARM_UP)
        if i < WARM_UP:
            assert seen[-1] is each
        else:
            assert seen[-1] is recorded.batch and torch.equal(recorded.batch.lightness, each.lightness)
    assert recorded.batch.hint_channels is None
    assert batches[WARM_UP].lightness.unique() == WARM_UP  # a copy was recorded


def test_features_in_a_list_are_recorded_and_read_anew(plain_gpu, monkeypatch):
    tape = type("Tape", (), {"replay": lambda self: recorded.found[0].copy_(step(recorded.batch)[0])})
    monkeypatch.setattr(torch.cuda, "CUDAGraph", tape)

    def step(given):
        return given.features[0] + given.features[1].mean(), {"loss": given.lightness.mean()}

    recorded = Recorded(step)
    for i in range(WARM_UP + 3):
        given = batch(0.0)._replace(features=[torch.full((2, 3), float(i)), torch.full((4,), 10.0 * i)])
        assert (recorded(given)[0] == 11 * i).all()
    assert given.features[0] is not recorded.batch.features[0]


@pytest.mark.parametrize("wrong", [torch.OutOfMemoryError("full"), ValueError("else")])
def test_a_full_gpu_is_called_so_even_while_a_step_is_recorded(plain_gpu, monkeypatch, wrong):
    """The recording's end then fails as well, with another error."""

    class Failing:
        def __enter__(self):
            pass

        def __exit__(self, *_):
            raise RuntimeError("operation failed due to a previous error during capture")

    def step(given):
        if given is getattr(recorded, "batch", None):
            raise wrong
        return given.ab, {"loss": given.lightness.mean()}

    monkeypatch.setattr(torch.cuda, "CUDAGraph", object)
    monkeypatch.setattr(torch.cuda, "graph", lambda *_, **__: Failing())
    recorded, full = Recorded(step), isinstance(wrong, torch.OutOfMemoryError)
    with pytest.raises(RuntimeError, match="full" if full else "operation failed") as error:
        for i in range(WARM_UP + 1):
            recorded(batch(float(i)))
    assert isinstance(error.value, torch.OutOfMemoryError) == full


@pytest.mark.cuda
def test_a_replay_draws_the_random_numbers_of_the_seed_of_the_moment():
    def step(given):
        return torch.nn.functional.dropout(given.ab + 1), {"loss": given.lightness.mean()}

    recorded, given = Recorded(step), batch(1.0, "cuda")
    for _ in range(WARM_UP + 1):
        recorded(given)

    def drawn(seed, how):
        torch.cuda.manual_seed(seed)
        return how(given)[0].clone()

    assert torch.equal(drawn(1, recorded), drawn(1, recorded))
    assert not torch.equal(drawn(1, recorded), drawn(2, recorded))
    assert torch.equal(drawn(2, recorded), drawn(2, step))
