"""Several processes come to the numbers of one: batch normalization, both loops, a stop and its resume."""

import json
import re
import runpy
import subprocess
import sys

import pytest
import torch
from torch import distributed, nn
from torch.multiprocessing import spawn

from nbhelpers.networks import checkpoints, collapse, hint_inputs
from nbhelpers.networks.batch_norm import SyncedBatchNorm, synchronize
from nbhelpers.networks.config import LITE0
from nbhelpers.networks.pretrained import PretrainedUNet


def inputs(world):
    """The whole batch (channels last), what weighs its outputs, and the normalization's first state."""
    torch.manual_seed(0)
    x = (3 * torch.randn(4 * world, 3, 5, 6) + torch.tensor([0.0, 2.0, -9.0])[:, None, None]).double()
    weigh = torch.randn_like(x)
    norm = nn.BatchNorm2d(3, momentum=0.3).double()
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, 1.0, -2.0]))
        norm.bias.normal_()
        norm.running_mean.normal_()
    return x, weigh, norm


def learn(norm, x, weigh):
    """What one step gives: the output, the gradients, the statistics, and the output in evaluation afterwards."""
    x = x.detach().clone().requires_grad_()
    out = norm(x)
    (out.square() * weigh).sum().backward()
    norm.eval()
    found = {"out": out.detach(), "x": x.grad, "evaluated": norm(x).detach()}
    found |= {"weight": norm.weight.grad, "bias": norm.bias.grad} | {k: v.clone() for k, v in norm.named_buffers()}
    return found


def one_of(rank, world, folder):
    """The work of a process: its part of the batch, normalized together with the others."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=world)
    x, weigh, norm = inputs(world)
    norm = synchronize(nn.Sequential(norm), 2)[0].float()
    assert type(norm) is SyncedBatchNorm
    part = slice(4 * rank, 4 * rank + 4)
    found = learn(norm, x[part].float(), weigh[part].float())
    torch.save(found, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.parametrize("world", [1, 2])
def test_normalization_over_processes_is_that_of_the_whole_batch(tmp_path, world):
    if world == 1:
        one_of(0, 1, tmp_path)
    else:
        spawn(one_of, (world, tmp_path), nprocs=world)
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in range(world)]
    x, weigh, norm = inputs(world)
    whole = learn(norm, x, weigh)
    for key in ("out", "x", "evaluated"):
        torch.testing.assert_close(torch.cat([part[key] for part in parts]).double(), whole[key], atol=1e-4, rtol=1e-4)
    for key in ("weight", "bias"):  # DDP sums them
        torch.testing.assert_close(sum(part[key] for part in parts).double(), whole[key], atol=1e-3, rtol=1e-4)
    for part in parts:
        for key in ("running_mean", "running_var", "num_batches_tracked"):
            torch.testing.assert_close(part[key].double(), whole[key].double(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("spread", [0.0, 1e-3])
def test_channels_far_from_zero_are_normalized_like_torchs(tmp_path, spread):
    """As differences of large numbers, variances would come out wrong, or below zero."""
    torch.manual_seed(0)
    x = torch.linspace(-3000, 3000, 40)[:, None, None] * (1 + spread * torch.randn(3, 40, 7, 7))
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        norm = synchronize(nn.Sequential(nn.BatchNorm2d(40)), 2)
        torch.testing.assert_close(norm(x), nn.BatchNorm2d(40)(x), atol=0.1 if spread == 0 else 2e-3, rtol=1e-3)
    finally:
        distributed.destroy_process_group()


def test_one_process_keeps_torchs_own():
    network = synchronize(nn.Sequential(nn.BatchNorm2d(2), nn.Sequential(nn.BatchNorm2d(3))), 1)
    assert type(network[0]) is type(network[1][0]) is nn.BatchNorm2d
    network = synchronize(network, 2)
    assert type(network[0]) is type(network[1][0]) is SyncedBatchNorm
    network.eval()[0](torch.ones(1, 2, 3, 3))  # needs no other process


def test_synchronized_normalization_is_a_new_module_with_the_same_parameters():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.Sequential(nn.BatchNorm2d(3, eps=0.1, momentum=0.3)), nn.ReLU())
    network.eval()
    norm = network[1][0]
    norm.running_mean.normal_()
    parameters, x = list(network.parameters()), torch.randn(1, 2, 4, 4)
    expected = network(x)
    made = synchronize(network, 2)[1][0]
    assert made is not norm and type(norm) is nn.BatchNorm2d
    assert (made.eps, made.momentum, made.training) == (0.1, 0.3, False)
    assert all(mine is known for mine, known in zip(network.parameters(), parameters, strict=True))  # in their order
    assert torch.equal(network(x), expected)


@pytest.mark.parametrize("name", [LITE0, "resnet18"])
def test_an_encoder_sees_what_it_saw(name):
    """timm's normalizations hold their activation: a new module without it would see something else."""
    torch.manual_seed(0)
    network, x = PretrainedUNet(name, 2).eval(), torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        expected = [*network.features(x), network(x)]
        synchronize(network, 2)
        found = [*network.features(x), network(x)]
    assert type(network.bottom[1]) is type(network.merge[0][1]) is SyncedBatchNorm
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


# Each configuration on 13 photos, in as many processes as it says; the first is interrupted once when `stop` says so.
SCRIPT = """
import dataclasses, hashlib, json, os, signal, sys
import numpy as np, torch
from torch import nn
from nbhelpers.networks import checkpoints, hint_inputs, training
from nbhelpers.networks.data import Batches
from nbhelpers.networks.collapse import Diverged
from nbhelpers.networks.models import UNet
from nbhelpers.networks.config import CONFIGS, train_config

torch.set_num_threads(1)
nn.Dropout2d.forward = lambda self, x: x  # each process draws its own
folder, devices = sys.argv[1], int(sys.argv[2])
photos = list(np.random.default_rng(0).integers(96, 160, (13, 26, 26, 3), dtype=np.uint8))
options = {"speed": training.Speed("cpu", devices, bf16=False), "log_every": 1, "progress": False}
torch.manual_seed(0)
start = folder + "/start/unet.safetensors"  # written by each process, all the same
checkpoints.save_network(start, UNet(2, 2), {})
at = Batches.at

def stop(self, step, seed):
    if step == 4 and os.environ.get("LOCAL_RANK", "0") == "0":  # only the first is told
        os.kill(os.getpid(), signal.SIGINT)
    return at(self, step, seed)

hint_inputs.PART = 4  # of 13 photos: 4, 4, 4 and 1
draw, of_photos, drawn = hint_inputs.draw, hint_inputs._of_photos, []

def counted(rgb, *rest):
    drawn.append(len(rgb))
    return of_photos(rgb, *rest)

def noted(photos, config, prior):
    drawn.clear()
    samples = draw(photos, config, prior)
    tensors = (value for value in vars(samples).values() if isinstance(value, torch.Tensor))
    digest = hashlib.sha256(b"".join(value.contiguous().numpy().tobytes() for value in tensors)).hexdigest()
    with open(f"{folder}/{config.name}-{os.environ.get('LOCAL_RANK', '0')}.drawn", "w") as file:
        json.dump([sum(drawn), digest], file)
    return samples

hint_inputs.draw, hint_inputs._of_photos = noted, counted
for name in (*CONFIGS, "hinted-started"):
    kind = name.removesuffix("-started")
    asked = train_config(kind, "smoke", size=24, stored=26, width=2, discriminator_width=2, epochs=3)
    if name != kind:  # the start's colours are the prior of each process
        asked = dataclasses.replace(asked, name=name)
        options["start"] = start
    if devices > 1 and name == "unet":
        Batches.at = stop
        try:
            training.train(asked, photos, folder, **options)
        except KeyboardInterrupt:
            Batches.at = at
    trained = training.train(asked, photos, folder, **options)
    kept = sum(value.double().abs().sum().item() for value in trained.network.state_dict().values())
    sys.stdout.write(f"\\nrank {os.environ.get('LOCAL_RANK', '0')} {name} {kept}\\n")  # at once: two share the pipe
    sys.stdout.flush()

options.pop("start")
loss = training._pixel_loss
def poisoned(*given):
    return loss(*given) * (float("nan") if os.environ.get("LOCAL_RANK") == "1" else 1)

if devices > 1:
    training._pixel_loss = poisoned  # on the second process only
    try:
        training.train(train_config("unet", "smoke", size=24, stored=26, width=2, seed=1), photos, **options)
    except Diverged as error:
        sys.stdout.write(f"\\nrank {os.environ.get('LOCAL_RANK', '0')} {error}\\n")
        sys.stdout.flush()
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folders of one process and of two, and what the latter printed."""
    folder = tmp_path_factory.mktemp("processes")
    script = folder / "several.py"
    script.write_text(SCRIPT)
    command = [sys.executable, script, folder / "two", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, start_new_session=True)
    assert done.returncode == 0, done.stderr
    threads = torch.get_num_threads()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nn.Dropout2d, "forward", nn.Dropout2d.forward)  # to be put back
        for name in ("PART", "draw", "_of_photos"):
            patch.setattr(hint_inputs, name, getattr(hint_inputs, name))
        patch.setattr(sys, "argv", [str(script), str(folder / "one"), "1"])
        runpy.run_path(str(script))
    torch.set_num_threads(threads)
    return folder / "one", folder / "two", re.findall(r"rank \d .+", done.stdout)


NAMES = ["unet", "gan-paper", "gan-l1-pretrained", "gan-l1", "bins", "hinted", "hinted-alone", "hinted-started"]


def rows(folder, name):
    (home,) = [path for path in folder.glob(f"{name}-*/") if len(path.name) == len(name) + 11]
    return collapse.read_log(home / "log.csv")


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_begin_like_one_with_the_same_batch(trained, name):
    one, two = (rows(folder, name) for folder in trained[:2])
    assert [row["step"] for row in one] == [row["step"] for row in two] == list(range(3 if "pretrained" in name else 9))
    compared = {"loss", "adversarial", "pixel_loss", "discriminator_loss", "gradient", "discriminator_gradient"}
    compared |= {"chroma", "real_chroma", "real_accuracy", "fake_accuracy"}
    assert len(compared & one[0].keys()) >= 4
    for mine, theirs in zip(one[:3], two):
        for key in compared & mine.keys():
            assert theirs[key] == pytest.approx(mine[key], rel=1e-4), (key, mine["step"])


@pytest.mark.parametrize("name", NAMES)
def test_two_processes_end_like_one(trained, name):
    one, two = (checkpoints.load_network(folder / f"{name}.safetensors")[0].state_dict() for folder in trained[:2])
    assert one.keys() == two.keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, atol=2e-3, rtol=2e-2)
    mine, theirs = (rows(folder, name)[-1] for folder in trained[:2])
    for key in {"loss", "adversarial", "discriminator_loss"} & mine.keys():
        assert theirs[key] == pytest.approx(mine[key], rel=1e-2)


@pytest.mark.parametrize("name", [name for name in NAMES if "hinted" in name])
def test_each_process_draws_the_hints_of_its_share_and_has_those_of_one(trained, name):
    one, two = trained[:2]
    files = (one / f"{name}-0.drawn", two / f"{name}-0.drawn", two / f"{name}-1.drawn")
    counts, digests = zip(*(json.loads(file.read_text()) for file in files))
    assert counts == (13, 8, 5)
    assert len(set(digests)) == 1


def test_all_processes_have_the_same_network(trained):
    said = [line.split() for line in trained[2]]
    for name in NAMES:
        if name.endswith("pretrained"):
            continue
        assert len({kept for _, _, who, kept, *_ in said if who == name}) == 1
        assert sorted(rank for _, rank, who, *_ in said if who == name) == ["0", "1"]


def test_a_bad_loss_in_one_process_stops_all_with_its_step(trained):
    said = sorted(line for line in trained[2] if "NaN" in line)
    expected = [f"rank {rank} the loss became NaN or infinite in step 0" for rank in (0, 1)]
    assert [line.partition(":")[0] for line in said] == expected


def test_processes_leave_no_temporary_files(trained):
    assert not [path for folder in trained[:2] for path in folder.rglob(".*")]
