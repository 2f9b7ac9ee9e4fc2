"""Operations counted without computing, and the rows of the table of speeds. No time is asserted."""

import dataclasses

import pytest
import torch
from campaigns import Clock, campaign, table
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss
from torch.utils.flop_counter import FlopCounterMode
from trainings import quick

from nbhelpers.bench import cuda_speed, networks
from nbhelpers.bench.cuda_campaign import FAST, PLAIN, SWITCHES, OutOfTime, Sizes
from nbhelpers.networks.config import train_config
from nbhelpers.networks.models import BinaryDiscriminator, UNet
from nbhelpers.networks.pretrained import PretrainedUNet


def test_operations_of_networks_on_an_encoder():
    """A frozen encoder costs nothing where its features are given; fine-tuning runs it, and back through a part."""
    tuned = train_config("unet-pretrained", size=128)
    frozen, bins = (cuda_speed.flops(each) for each in (tuned.pretraining(), train_config("bins", size=128)))
    network = PretrainedUNet(width=64)
    lightness = torch.zeros(1, 1, 128, 128)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        seen = network.eval().features(lightness)
    forward = counter.get_total_flops()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.planes(lightness, seen)
    decoder = counter.get_total_flops()
    assert 2 * decoder < frozen < 3 * decoder and frozen < bins < 1.5 * frozen
    assert frozen + forward < cuda_speed.flops(tuned) < 3 * (decoder + forward)


def test_operations_of_the_papers_networks():
    for name, expected in {"unet": 0.704e12, "gan-paper": 0.769e12}.items():
        asked = cuda_speed.timed_config(name, Sizes())
        assert (asked.size, asked.width, asked.discriminator_width) == (400, 64, 64)
        assert cuda_speed.flops(asked) == pytest.approx(expected, rel=1e-3)
        half = cuda_speed.flops(dataclasses.replace(asked, size=192, stored=192, width=32, discriminator_width=32))
        assert half == pytest.approx(expected / 4 * 192**2 / 400**2, rel=0.01)


@pytest.mark.parametrize("name", ["unet", "gan-paper"])
def test_operations_are_those_of_a_real_step(name):
    asked, photos = quick(name), 3
    generator, discriminator = UNet(asked.width, asked.depth), BinaryDiscriminator(asked.discriminator_width)
    lightness, ab = torch.rand(photos, 1, 24, 24), torch.rand(photos, 2, 24, 24)
    true, false = torch.ones(photos, 1), torch.zeros(photos, 1)
    with FlopCounterMode(display=False) as counter:
        painted = generator(lightness)
        if name == "unet":
            mse_loss(painted, ab).backward()
        else:
            for planes, label in ((ab, true), (painted.detach(), false)):
                logit = discriminator(torch.cat([lightness, planes], dim=1))
                binary_cross_entropy_with_logits(logit, label).backward()
            logit = discriminator(torch.cat([lightness, painted], dim=1))
            binary_cross_entropy_with_logits(logit, true).backward(inputs=list(generator.parameters()))
    assert cuda_speed.flops(asked) == counter.get_total_flops() / photos


@pytest.fixture
def timings(tmp_path, monkeypatch):
    """A table whose loops take planted seconds per photo, and fail from batch 64 on."""

    def ours(photos, asked, switches):
        if asked.batch >= 64:
            raise RuntimeError("no\n  room")
        return 1 / 8 if switches == PLAIN else 1 / 16

    monkeypatch.setattr(networks, "plain", lambda _, asked, *__: {"gan-paper": 1 / 4, "unet": 1 / 2}[asked.name])
    monkeypatch.setattr(networks, "ours", ours)
    monkeypatch.setattr(cuda_speed, "flops", lambda asked: 1e12 if asked.name == "unet" else 3e12)
    monkeypatch.setattr(cuda_speed, "product", lambda _: 100.0)
    return cuda_speed.Timings(campaign(tmp_path))


def test_the_ratio_is_against_the_plain_loop_of_the_same_network(timings, tmp_path):
    assert timings.add("unet", "fast", FAST) == 16
    assert "ratio" not in table(tmp_path, "speed")
    timings.plain("gan-paper")
    timings.add("gan-paper", "ours", PLAIN)
    timings.plain("unet")
    rows = table(tmp_path, "speed")
    assert rows["photos_per_second"].tolist() == [16, 4, 8, 2] and rows["ratio"].tolist() == [8, 1, 2, 1]
    assert rows["TFLOP_per_photo"].tolist() == [1, 3, 3, 1] and rows["utilization"].tolist() == [0.16, 0.12, 0.24, 0.02]
    assert (rows["size"] == 48).all() and (rows["batch"] == 4).all() and (rows["product_TFLOP_per_second"] == 100).all()


def test_a_variant_that_fails_leaves_its_note_and_the_rows_before(timings, tmp_path):
    timings.plain("gan-paper")
    assert timings.add("gan-paper", "too large", FAST, 64) is None
    timings.add("gan-paper", "ours", PLAIN)
    timings.c.deadline = 0
    with pytest.raises(OutOfTime):
        timings.add("gan-paper", "too late", PLAIN)
    rows = table(tmp_path, "speed")
    assert rows["note"].fillna("").tolist() == ["", "RuntimeError: no room", ""] and rows["ratio"].notna().sum() == 2
    assert rows["variant"].tolist()[1:] == ["too large", "ours"]


def test_every_switch_is_timed_and_batches_grow_until_one_fails(timings, tmp_path):
    cuda_speed.speed(campaign(tmp_path, largest_batch=1000, compile=True))
    rows = table(tmp_path, "speed")
    gan = rows[rows["network"] == "gan-paper"]
    assert {f"float32 + {what}" for what in (*SWITCHES, "compile")} <= set(gan["variant"])
    assert gan["batch"].unique().tolist() == [4, 16, 32, 64] and rows["note"].notna().sum() == 1
    assert rows["ratio"].notna().sum() == len(rows) - 1
    assert rows.loc[rows["network"] == "unet", "ratio"].tolist() == [8, 8, 1]


def test_what_a_product_reaches(monkeypatch):
    clock, readings = Clock(cuda_speed, patch=monkeypatch), iter([0, 5, 5, 7])
    monkeypatch.setattr(clock, "perf_counter", lambda: next(readings), raising=False)
    assert cuda_speed.product(torch.device("cpu"), repeats=4) == pytest.approx(2 * 256**3 * 4 / 2 / 1e12)
