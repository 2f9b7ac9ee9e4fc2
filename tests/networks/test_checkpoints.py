"""Files of numbers: every bit comes back, damaged and foreign files are named, nothing in a file is ever executed."""

import copy
import itertools
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from trainings import assert_equal

from nbhelpers.errors import UserError
from nbhelpers.networks import checkpoints, optimizers
from nbhelpers.networks.bins import ColourBins
from nbhelpers.networks.models import UNet, initialize
from nbhelpers.networks.pretrained import PretrainedUNet

ABOUT = {"name": "unet", "size": 16, "rate": 2e-4, "betas": [0.5, 0.999], "start": None, "said": 'ä "x" {y}'}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a {folder}" / "net.safetensors"


@pytest.fixture
def saved(path):
    checkpoints.save(path, {"a": torch.arange(12.0).reshape(3, 4), "b": torch.tensor(7)}, ABOUT)
    return path


@pytest.fixture
def network():
    """A small U-Net with weights and statistics unlike those of a new one."""
    torch.manual_seed(0)
    made = initialize(UNet(3, 2))
    for _ in range(3):
        made(torch.rand(2, 1, 16, 16))
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return made


def bits(tensor):
    return tensor.shape, tensor.dtype, tensor.detach().contiguous().reshape(-1).view(torch.uint8).tolist()


# ---- any tensors


def test_every_bit_comes_back(path):
    special = np.array([0.0, -0.0, np.inf, -np.inf, 1e-45, 3.4e38], np.float32)
    odd = torch.from_numpy(np.array([0x7FC00001, 0xFFC12345], np.uint32).view(np.float32))  # two of many NaN
    torch.manual_seed(0)
    tensors = {
        "special": torch.from_numpy(special),
        "NaN": odd,
        "double": torch.randn(2, 3, dtype=torch.float64),
        "half": torch.randn(4).half(),
        "bfloat16": torch.randn(4).bfloat16(),
        "whole": torch.tensor([-(2**63), 2**63 - 1]),
        "bytes": torch.arange(256, dtype=torch.uint8),
        "flags": torch.tensor([True, False]),
        "scalar": torch.tensor(3.25),
        "none": torch.zeros(0, 5),
        "turned": torch.randn(3, 4).T,
        "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
        "every other": torch.randn(10)[::2],
        "learned": nn.Parameter(torch.randn(3)),
        "with/a.name ä": torch.ones(1),
    }
    before = {key: bits(value) for key, value in tensors.items()}
    checkpoints.save(path, tensors, ABOUT)
    found, about = checkpoints.read(path)
    assert {key: bits(value) for key, value in found.items()} == before
    assert {key: bits(value) for key, value in tensors.items()} == before
    assert about == {"format": checkpoints.FORMAT} | ABOUT == checkpoints.read_about(path)
    assert not any(value.requires_grad for value in found.values())


def test_what_is_said_stands_beside_as_json(saved):
    beside = saved.with_suffix(".json")
    assert sorted(saved.parent.iterdir()) == [beside, saved]
    assert json.loads(beside.read_text()) == checkpoints.read_about(saved) and beside.read_text().count("\n") > 5
    beside.unlink()  # for people only
    assert checkpoints.read_about(saved)["size"] == 16


def test_a_later_save_replaces_all(saved):
    checkpoints.save(saved, {"c": torch.ones(2)}, {"step": 5})
    tensors, about = checkpoints.read(saved)
    assert list(tensors) == ["c"] and about == {"format": checkpoints.FORMAT, "step": 5}
    assert json.loads(saved.with_suffix(".json").read_text()) == about


def test_the_same_numbers_give_the_same_file(path):
    tensors = {"b": torch.arange(5.0), "a": torch.ones(2, 2)}
    for name in ("one", "two"):
        checkpoints.save(path.with_stem(name), tensors, ABOUT)
    assert path.with_stem("one").read_bytes() == path.with_stem("two").read_bytes()


@pytest.mark.parametrize("error", [OSError("No space left on device"), KeyboardInterrupt()], ids=["full", "Ctrl-C"])
def test_an_interrupted_write_leaves_the_older_file_whole(saved, monkeypatch, error):
    before = {file: file.read_bytes() for file in saved.parent.iterdir()}

    def half(tensors, part, metadata):
        save_file(tensors, part, metadata=metadata)
        Path(part).write_bytes(Path(part).read_bytes()[:100])
        raise error

    monkeypatch.setattr(checkpoints, "save_file", half)
    with pytest.raises(type(error)):
        checkpoints.save(saved, {"a": torch.zeros(100)}, {"step": 9})
    assert {file: file.read_bytes() for file in saved.parent.iterdir()} == before and len(before) == 2
    assert checkpoints.read(saved)[1]["size"] == 16


def test_what_cannot_be_said_in_json_is_refused_before_anything_is_written(saved):
    before = {file: file.read_bytes() for file in saved.parent.iterdir()}
    with pytest.raises(TypeError, match="not JSON serializable"):
        checkpoints.save(saved, {"a": torch.zeros(3)}, {"start": Path("x")})
    assert {file: file.read_bytes() for file in saved.parent.iterdir()} == before


# ---- files that are none


def refused(path, says="is damaged or no safetensors file .*: delete it and train again"):
    """Both readers, and that of networks, refuse the file by its name, in one line."""
    for read in (checkpoints.read, checkpoints.read_about, checkpoints.load_network):
        with pytest.raises(UserError, match=says) as caught:
            read(path)
        assert str(path) in str(caught.value) and len(str(caught.value)) < 400 + len(str(path))


def test_a_cut_file_is_named(saved):
    whole = saved.read_bytes()
    for length in (*range(0, len(whole), 13), 7, 8, 9, len(whole) - 1):
        saved.write_bytes(whole[:length])
        with pytest.raises(UserError, match="is damaged or no safetensors file") as caught:
            checkpoints.read(saved)
        assert str(saved) in str(caught.value)
    refused(saved)
    saved.write_bytes(whole + b"more")
    refused(saved)
    saved.write_bytes(whole)
    assert checkpoints.read(saved)[0]["b"] == 7


FOREIGN = {
    "empty": b"",
    "text": b"step,loss\n0,1.5\n" * 20,
    "json": json.dumps({"format": 1}).encode(),
    "zeros": bytes(500),
    "huge header": b"\xff" * 8 + b"{}",
    "no utf-8": (40).to_bytes(8, "little") + b'{"__metadata__":{"about":"\xff\xfe\x80"}}' + bytes(9),
    "noise": np.random.default_rng(0).bytes(1000),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_files_of_another_kind_are_named(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    refused(path)


@pytest.mark.parametrize(
    "metadata",
    [None, {}, {"format": "pt"}, {"about": "null"}, {"about": "[1]"}, {"about": "{}"}, {"about": '{"format": "1"}'}],
    ids=str,
)
def test_safetensors_of_others_are_named(path, metadata):
    path.parent.mkdir()
    save_file({"a": torch.ones(2)}, path, metadata=metadata)
    refused(path, "was not written by this version of nbhelpers: delete it and train again")


@pytest.mark.parametrize("text", ["", "{", "format: 1", '{"format": 1', "[" * 100_000], ids=lambda text: text[:9])
def test_a_header_that_is_no_json_is_named(path, text):
    path.parent.mkdir()
    save_file({"a": torch.ones(2)}, path, metadata={"about": text})
    refused(path)


@pytest.mark.parametrize("other", [checkpoints.FORMAT + 1, 0, None])
def test_another_format_is_named(path, monkeypatch, other):
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "FORMAT", other)
        checkpoints.save(path, {"a": torch.ones(2)}, ABOUT)
        assert checkpoints.read_about(path)["format"] == other
    refused(path, "was not written by this version of nbhelpers")


def test_a_missing_file_is_named(path):
    refused(path, "there is no file .*: give the path of a .safetensors file")
    path.mkdir(parents=True)
    refused(path, "there is no file")


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, file):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


WRITERS = {
    "torch": lambda trap, path: torch.save({"a": trap}, path),
    "old torch": lambda trap, path: torch.save({"a": trap}, path, _use_new_zipfile_serialization=False),
    "pickle": lambda trap, path: path.write_bytes(pickle.dumps(trap)),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_pickle_is_refused_and_never_opened(path, write, suffix):
    path = path.with_suffix(suffix)
    path.parent.mkdir()
    touched = path.with_name("touched")
    write(Trap(touched), path)
    refused(path)
    assert not touched.exists()
    if write is WRITERS["pickle"]:  # the trap works
        pickle.loads(path.read_bytes())
    else:
        torch.load(path.rename(path.with_suffix(".pt")), weights_only=False)
    assert touched.exists()


# ---- optimizers


def test_packing_can_be_undone():
    one, other = {"0.step": torch.tensor(1.0), "a/b.c": torch.ones(2)}, {"0.step": torch.tensor(2.0)}
    packed = checkpoints.pack("optimizer", one) | checkpoints.pack("optimizer2", other)
    assert set(packed) == {"optimizer/0.step", "optimizer/a/b.c", "optimizer2/0.step"}
    assert checkpoints.unpack("optimizer", packed) == one and checkpoints.unpack("optimizer2", packed) == other
    assert checkpoints.unpack("optim", packed) == {}


def learner(channels_last, seed=0, **options):
    """Layers whose weights can lie in memory in several ways, and their optimizer."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 5, 3),
        nn.BatchNorm2d(5),
        nn.Conv2d(5, 4, 1),
        nn.ConvTranspose2d(4, 6, 2, stride=2),
        nn.Conv2d(6, 1, 3),
        nn.Flatten(),
        nn.Linear(64, 2),
    )
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    return network, torch.optim.AdamW(network.parameters(), 1e-2, weight_decay=0.1, **options)


def step(network, optimizer, seed):
    """One step on gradients that lie in memory as the weights do."""
    random = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.empty_like(parameter).copy_(torch.randn(parameter.shape, generator=random))
    optimizer.step()


@pytest.mark.parametrize("options", [{"fused": True}, {"fused": False, "foreach": False}, {"amsgrad": True}], ids=str)
@pytest.mark.parametrize("layouts", list(itertools.product([False, True], repeat=2)), ids=str)
def test_an_optimizer_goes_on_as_if_nothing_had_happened(path, options, layouts):
    """Also from one memory layout to the other; the fused Adam would apply moments in the wrong order."""
    network, optimizer = learner(layouts[0], **options)
    for seed in range(3):
        step(network, optimizer, seed)
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    checkpoints.save(path, checkpoints.pack("optimizer", optimizers.state(optimizer)), {})
    again, its = learner(layouts[1], 1, **options)
    step(again, its, 9)
    again.load_state_dict(weights)
    optimizers.restore(its, checkpoints.unpack("optimizer", checkpoints.read(path)[0]))
    for seed in (3, 4):
        step(network, optimizer, seed)
        step(again, its, seed)
        for mine, theirs in zip(network.parameters(), again.parameters(), strict=True):
            if layouts[0] == layouts[1]:
                assert torch.equal(mine, theirs)
            else:
                torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)
    for parameter in again.parameters():
        assert its.state[parameter]["exp_avg"].stride() == parameter.stride()
        assert its.state[parameter]["step"] == 5


def test_a_step_without_the_moments_is_another_one():
    """So that the test above can fail."""
    network, optimizer = learner(True, fused=True)
    step(network, optimizer, 0)
    again, its = learner(True, fused=True)
    again.load_state_dict(network.state_dict())
    step(network, optimizer, 1)
    step(again, its, 1)
    for mine, theirs in zip(network.parameters(), again.parameters(), strict=True):
        assert (mine - theirs).abs().max() > 1e-3


def test_parameters_of_all_groups_are_counted_and_those_without_state_stay_without(path):
    made = [nn.Parameter(torch.ones(2)) for _ in range(4)]
    groups = [{"params": made[:1]}, {"params": made[1:], "lr": 0.5}]
    optimizer = torch.optim.AdamW(groups, fused=True)
    for i in (0, 2):
        made[i].grad = torch.full((2,), i + 1.0)
    optimizer.step()
    found = optimizers.state(optimizer)
    assert set(found) == {f"{i}.{name}" for i in (0, 2) for name in ("step", "exp_avg", "exp_avg_sq")}
    torch.testing.assert_close(found["2.exp_avg"], torch.tensor([0.3, 0.3]))
    other = torch.optim.AdamW(groups, fused=True)
    for parameter in made:
        parameter.grad = torch.ones(2)
    other.step()  # state of its own, which must go
    optimizers.restore(other, found)
    assert [bool(other.state.get(parameter)) for parameter in made] == [True, False, True, False]
    assert bits(other.state[made[2]]["exp_avg_sq"]) == bits(found["2.exp_avg_sq"])
    other.state[made[2]]["exp_avg"].zero_()
    assert found["2.exp_avg"].any()  # a copy


# ---- finished networks


def test_a_network_comes_back_as_it_was_but_for_rounded_convolutions(path, network):
    before = {key: value.clone() for key, value in network.state_dict().items()}
    checkpoints.save_network(path, network, ABOUT)
    found, about = checkpoints.load_network(path)
    assert about == {"format": checkpoints.FORMAT, **ABOUT} | {
        "network": {"width": 3, "depth": 2, "upsampling": "transposed", "channels": 1, "outputs": 2}
    }
    assert list(found.state_dict()) == list(before) and not found.training
    for key, value in found.state_dict().items():
        assert bits(value) == bits(before[key].half().float() if before[key].ndim == 4 else before[key]), key
        assert bits(network.state_dict()[key]) == bits(before[key])
    x = torch.rand(1, 1, 20, 20)
    with torch.no_grad():
        torch.testing.assert_close(found(x), network.eval()(x), rtol=0, atol=2e-2)
    assert all(parameter.requires_grad for parameter in found.parameters())  # a training may start from it


def test_only_convolutions_are_kept_in_half_precision(path, network):
    checkpoints.save_network(path, network, ABOUT)
    tensors = checkpoints.read(path)[0]
    kinds = {key: tensor.dtype for key, tensor in tensors.items()}
    for name, module in network.named_modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            assert kinds.pop(f"{name}.weight") == torch.float16
    assert {kind for key, kind in kinds.items() if key.endswith("num_batches_tracked")} == {torch.int64}
    assert {kind for key, kind in kinds.items() if not key.endswith("num_batches_tracked")} == {torch.float32}
    assert any("running_var" in key for key in kinds) and any("bias" in key for key in kinds)


def test_saving_what_was_loaded_gives_the_same_file(path, network):
    checkpoints.save_network(path, network.to(memory_format=torch.channels_last), ABOUT)
    again = path.with_stem("again")
    checkpoints.save_network(again, checkpoints.load_network(path)[0], ABOUT)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    "shape", [(1, 1, "resize", 1, 2), (2, 3, "transposed", 7, 3), (5, 2, "resize", 4, 2), (2, 1, "resize", 1, 3)]
)
def test_the_file_knows_the_networks_shape(path, shape):
    checkpoints.save_network(path, UNet(*shape), ABOUT)
    found = checkpoints.load_network(path)[0]
    assert (found.width, found.depth, found.upsampling, found.channels, found.outputs) == shape


def test_the_demos_network_is_small_enough_to_be_committed(path):
    with torch.device("meta"):
        network = UNet(24)
    checkpoints.save_network(path, network.to_empty(device="cpu"), ABOUT)
    assert 8e6 < path.stat().st_size < 12e6


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("key", ["head.weight", "head.bias", "down.0.1.running_var", "merge.1.4.weight"])
def test_numbers_that_are_not_finite_are_refused(path, network, key, value):
    network.state_dict()[key].flatten()[0] = value
    checkpoints.save_network(path, network, ABOUT)
    with pytest.raises(UserError, match=r"net\.safetensors holds numbers that are not finite: delete it"):
        checkpoints.load_network(path)


def changed(path, network, tensors=lambda found: found, about=lambda said: said, int8=False):
    """Write a network's file with other contents."""
    checkpoints.save_network(path, network, ABOUT, int8)
    found, said = checkpoints.read(path)
    checkpoints.save(path, tensors(found), about(said))
    return path


STRANGE = {
    "one more": lambda found: found | {"more": torch.ones(2)},
    "one less": lambda found: {key: value for key, value in found.items() if key != "head.bias"},
    "other name": lambda found: {key.replace("head", "tail"): value for key, value in found.items()},
    "other shape": lambda found: found | {"head.bias": torch.ones(3)},
    "turned": lambda found: found | {"head.weight": found["head.weight"].transpose(0, 1)},
    "other network": lambda found: UNet(2, 2).state_dict(),
    "other upsampling": lambda found: UNet(3, 2, "resize").state_dict(),
    "checkpoint": lambda found: checkpoints.pack("generator", found),
    "nothing": lambda found: {},
}
CLAIMS = {
    "wider": {"width": 4},
    "deeper": {"depth": 3},
    "other upsampling": {"upsampling": "resize"},
    "no upsampling": {"upsampling": "bilinear"},
    "no width": {"width": 0},
    "more planes": {"channels": 4},
    "more colours": {"outputs": 3},
    "no planes": {"channels": 0},
    "no colours": {"outputs": -1},
    "planes in words": {"channels": "1"},
    "words": {"width": "3"},
    "fractions": {"width": 3.0},
    "absurd": {"width": 10**30},
    "more": {"colour": True},
}


@pytest.mark.parametrize("tensors", STRANGE.values(), ids=STRANGE)
def test_foreign_tensors_are_refused(path, network, tensors):
    changed(path, network, tensors)
    with pytest.raises(UserError, match=r"net\.safetensors holds no network as it should: delete it and train again"):
        checkpoints.load_network(path)


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_claims_that_the_numbers_do_not_keep_are_refused(path, network, claim):
    changed(path, network, about=lambda said: said | {"network": said["network"] | claim})
    with pytest.raises(UserError, match=r"net\.safetensors holds no network as it should"):
        checkpoints.load_network(path)


@pytest.mark.parametrize("said", [{}, {"network": None}, {"network": [3, 2]}, {"network": "unet"}], ids=str)
def test_a_file_without_the_networks_shape_is_refused(path, network, said):
    changed(path, network, about=lambda _: ABOUT | said)
    with pytest.raises(UserError, match=r"net\.safetensors holds no network as it should"):
        checkpoints.load_network(path)


def test_a_file_from_before_there_were_more_planes_is_read(path, network):
    old = {"width": 3, "depth": 2, "upsampling": "transposed"}
    found, about = checkpoints.load_network(changed(path, network, about=lambda said: said | {"network": old}))
    assert (found.channels, found.outputs, about["network"]) == (1, 2, old)


def test_an_untouched_copy_is_accepted(path, network):
    assert checkpoints.load_network(changed(path, network))[0].width == 3


# ---- convolutions in int8


@pytest.fixture
def uneven(network):
    """The network, its output channels of very unlike size; one of each convolution is zero."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                sizes = 10.0 ** torch.linspace(-6, 2, module.out_channels)[:, None, None, None]
                sizes[-1] = 0
                module.weight.mul_(sizes.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else sizes)
    for _, channels in convolutions(network).values():
        assert (channels[-1] == 0).all() and channels[:-1].abs().amax(1).min() > 0
    return network


def convolutions(network):
    """Each convolution's weight, and the same with a row for each output channel: name -> (weight, (channels, n))."""
    found = {}
    for name, module in network.named_modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            turned = module.weight.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else module.weight
            assert len(turned) == module.out_channels
            found[f"{name}.weight"] = module.weight, turned.detach().flatten(1)
    assert len(found) == len([value for value in network.state_dict().values() if value.ndim == 4]) > 3
    return found


@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
def test_no_weight_moves_by_more_than_half_a_step_of_its_channel(path, upsampling):
    torch.manual_seed(0)
    network = initialize(UNet(3, 2, upsampling, 7, 3))
    with torch.no_grad():
        for weight, _ in convolutions(network).values():
            weight.mul_(10.0 ** torch.empty(weight.shape[:2]).uniform_(-3, 3)[..., None, None])
    checkpoints.save_network(path, network, ABOUT, int8=True)
    found, about = checkpoints.load_network(path)
    assert about["network"]["outputs"] == 3 and not found.training
    rounded = convolutions(found)
    for key, (_, before) in convolutions(network).items():
        step = before.abs().amax(1, keepdim=True) / 127
        gap = (rounded[key][1] - before).abs() / step
        assert gap.max() <= 0.5 + 1e-4, key
        assert (gap.amax(1) > 0.05).all() and (gap.gather(1, before.abs().argmax(1)[:, None]) < 1e-4).all(), key
    for key, value in found.state_dict().items():
        assert value.dtype == network.state_dict()[key].dtype, key
        if key not in rounded:
            assert bits(value) == bits(network.state_dict()[key]), key
    assert list(found.state_dict()) == list(network.state_dict())
    assert all(parameter.requires_grad for parameter in found.parameters())  # a training may start from it


def test_in_int8_are_the_convolutions_and_nothing_else(path, uneven):
    checkpoints.save_network(path, uneven, ABOUT, int8=True)
    tensors = checkpoints.read(path)[0]
    for key, (weight, channels) in convolutions(uneven).items():
        steps, scale = tensors.pop(key), tensors.pop(f"{key}_scale")
        assert steps.dtype == torch.int8 and steps.shape == weight.shape and (steps != -128).all()
        assert scale.dtype == torch.float32 and scale.shape == (len(channels),) and (scale > 0).all()
        assert steps.max() == 127 or steps.min() == -127
    others = {key: value for key, value in uneven.state_dict().items() if value.ndim != 4}
    assert {key: bits(value) for key, value in tensors.items()} == {key: bits(value) for key, value in others.items()}
    assert len(others) > 10


def test_channels_of_zeros_and_of_the_smallest_numbers_come_back(path, uneven):
    tiny = convolutions(uneven)["head.weight"][0]
    with torch.no_grad():
        tiny[0] = 1e-44
        tiny[0, 0] = -3e38
        tiny[1] = torch.tensor([1e-44, -1e-45, 0]).reshape(3, 1, 1)
    checkpoints.save_network(path, uneven, ABOUT, int8=True)
    found = convolutions(checkpoints.load_network(path)[0])
    for key, (_, channels) in found.items():
        assert channels.isfinite().all()
        if key != "head.weight":
            assert (channels[-1] == 0).all()
    torch.testing.assert_close(found["head.weight"][1], tiny.detach().flatten(1), rtol=1e-6, atol=1e-37)


def test_a_network_in_int8_paints_nearly_the_same(path, network, monkeypatch):
    network, x = network.eval(), torch.rand(4, 1, 20, 20)
    with torch.no_grad():
        before = network(x)
        checkpoints.save_network(path, network, ABOUT, int8=True)
        gap = (checkpoints.load_network(path)[0](x) - before).abs()
        monkeypatch.setattr("nbhelpers.networks.int8.STEPS", 7)  # four bits
        checkpoints.save_network(path, network, ABOUT, int8=True)
        coarse = (checkpoints.load_network(path)[0](x) - before).abs()
    assert before.std() > 0.1
    assert 0 < gap.max() < 0.03 and 0 < gap.mean() < 0.005
    assert coarse.mean() > 5 * gap.mean()


def test_the_layout_in_memory_changes_nothing_in_int8(path, network):
    other = path.with_stem("other")
    checkpoints.save_network(path, network, ABOUT, int8=True)
    checkpoints.save_network(other, network.to(memory_format=torch.channels_last), ABOUT, int8=True)
    assert network.down[1][0].weight.is_contiguous(memory_format=torch.channels_last)
    assert other.read_bytes() == path.read_bytes()


def test_a_network_in_int8_takes_half_the_room(path):
    network, sizes = initialize(UNet(24)), {}
    for int8 in (False, True):
        checkpoints.save_network(path, network, ABOUT, int8)
        sizes[int8] = path.stat().st_size
    assert 0.49 < sizes[True] / sizes[False] < 0.51


CONV, UP = "merge.0.0.weight", "up.0.weight"  # (6, 12, 3, 3) and, transposed, (12, 6, 2, 2)
HARMED = {
    "no scale": lambda found: {key: value for key, value in found.items() if key != f"{CONV}_scale"},
    "no scales": lambda found: {key: value for key, value in found.items() if not key.endswith("_scale")},
    "scales alone": lambda found: {key: value for key, value in found.items() if key != CONV},
    "a scale less": lambda found: found | {f"{CONV}_scale": found[f"{CONV}_scale"][:-1]},
    "one scale": lambda found: found | {f"{CONV}_scale": found[f"{CONV}_scale"][:1]},
    "a scale without dimension": lambda found: found | {f"{CONV}_scale": found[f"{CONV}_scale"][0]},
    "a scale of two dimensions": lambda found: found | {f"{CONV}_scale": found[f"{CONV}_scale"][:, None]},
    "scales of the inputs": lambda found: found | {f"{CONV}_scale": torch.ones(12)},
    "scales of the inputs, transposed": lambda found: found | {f"{UP}_scale": torch.ones(12)},
    "half a scale": lambda found: found | {f"{CONV}_scale": found[f"{CONV}_scale"].half()},
    "a whole scale": lambda found: found | {f"{CONV}_scale": torch.ones(6, dtype=torch.int8)},
    "a scale for a bias": lambda found: found | {"head.bias_scale": torch.ones(2)},
    "a bias of int8": lambda found: (
        found | {"head.bias": torch.ones(2, dtype=torch.int8), "head.bias_scale": torch.ones(2)}
    ),
    "a scale for half precision": lambda found: found | {CONV: found[CONV].half()},
    "turned": lambda found: found | {UP: found[UP].transpose(0, 1)},
    "flat": lambda found: found | {CONV: found[CONV].flatten(1)},
    "a number": lambda found: found | {CONV: found[CONV].sum().to(torch.int8)},
    "negative": lambda found: found | {f"{CONV}_scale": -found[f"{CONV}_scale"]},
    "zero": lambda found: found | {f"{UP}_scale": 0 * found[f"{UP}_scale"]},
    "one negative": lambda found: found | {f"{UP}_scale": found[f"{UP}_scale"] * torch.tensor([1, 1, -1, 1, 1, 1])},
}


@pytest.mark.parametrize("tensors", [*HARMED.values(), *STRANGE.values()], ids=[*HARMED, *STRANGE])
def test_damaged_files_in_int8_are_refused(path, network, tensors):
    assert network.state_dict()[CONV].shape == (6, 12, 3, 3) and network.state_dict()[UP].shape == (12, 6, 2, 2)
    changed(path, network, lambda found: found, int8=True)
    assert checkpoints.load_network(path)[0].width == 3
    changed(path, network, tensors, int8=True)
    with pytest.raises(UserError, match=r"net\.safetensors holds no network as it should: delete it and train again$"):
        checkpoints.load_network(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("key", [f"{CONV}_scale", f"{UP}_scale", "head.bias", "down.0.1.running_var"])
def test_numbers_that_are_not_finite_are_refused_in_int8(path, network, key, value):
    def harm(found):
        found[key][-1] = value
        return found

    changed(path, network, harm, int8=True)
    with pytest.raises(UserError, match=r"net\.safetensors holds numbers that are not finite: delete it"):
        checkpoints.load_network(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_not_finite_are_refused_though_written_in_int8(path, network, value):
    network.state_dict()[UP][0, 0, 0, 0] = value
    checkpoints.save_network(path, network, ABOUT, int8=True)
    with pytest.raises(UserError, match=r"net\.safetensors holds numbers that are not finite: delete it"):
        checkpoints.load_network(path)


# ---- one file for an encoder that networks share


@pytest.fixture(scope="module")
def pair():
    """A network and one that classifies 7 colours, on the same encoder, with weights unlike those of new ones."""
    torch.manual_seed(0)
    one = PretrainedUNet("mobilenetv3_small_050", 2)
    other = ColourBins("mobilenetv3_small_050", 3, 7, 0.4)
    with torch.no_grad():
        for network in (one, other):
            for value in network.state_dict().values():
                if value.is_floating_point():
                    value.copy_(0.1 * (torch.randn_like(value) if value.ndim == 4 else torch.rand_like(value) + 1))
    other.encoder.load_state_dict(one.encoder.state_dict())
    return one.eval(), other.eval()


def share(folder, pair, int8=False):
    """Write both; returns their files and that of their encoder."""
    files = folder / "one.safetensors", folder / "other.safetensors"
    for file, network in zip(files, pair, strict=True):
        checkpoints.save_network(file, network, ABOUT, int8, share=True)
    (beside,) = folder.glob("encoder-*.safetensors")
    return *files, beside


@pytest.mark.parametrize("int8", [False, True], ids=["float16", "int8"])
def test_networks_with_one_encoder_share_its_file(tmp_path, pair, int8):
    one, other, beside = share(tmp_path, pair, int8)
    assert len(list(tmp_path.iterdir())) == 6  # each with its description
    digits = beside.stem.removeprefix("encoder-")
    assert len(digits) == 16 and int(digits, 16) >= 0
    keys = set(checkpoints.read(beside)[0])
    assert {"encoder.conv_stem.weight", "encoder.bn1.running_var"} < keys and all(key[:8] == "encoder." for key in keys)
    assert ("encoder.conv_stem.weight_scale" in keys) == int8
    for file, network in zip((one, other), pair, strict=True):
        own, about = checkpoints.read(file)
        assert about["encoder"] == digits and about["network"] == network.arguments
        assert not any("encoder." in key for key in own) and file.stat().st_size < 0.1 * beside.stat().st_size
        found, said = checkpoints.load_network(file)
        assert type(found) is type(network) and not found.training and found.arguments == network.arguments
        checkpoints.save_network(tmp_path / "whole" / file.name, network, ABOUT, int8)  # in one file, without sharing
        whole, told = checkpoints.load_network(tmp_path / "whole" / file.name)
        assert "encoder" not in told and said["encoder"] == digits
        assert_equal(found.state_dict(), whole.state_dict())
    assert not list((tmp_path / "whole").glob("encoder-*"))


@pytest.mark.parametrize(("int8", "near"), [(False, 1e-3), (True, 2e-2)], ids=["float16", "int8"])
def test_a_network_on_an_encoder_comes_back_but_for_rounding(tmp_path, pair, int8, near):
    files, x = share(tmp_path, pair, int8)[:2], 2 * torch.rand(1, 1, 20, 30) - 1
    for file, network in zip(files, pair, strict=True):
        found = checkpoints.load_network(file)[0]
        for key, value in network.state_dict().items():
            exact = value.ndim != 4
            torch.testing.assert_close(found.state_dict()[key], value, rtol=0, atol=0 if exact else near * value.max())
        with torch.no_grad():
            assert found(x).shape == (1, 2, 20, 30) and found(x).isfinite().all()
    if not int8:
        with torch.no_grad():
            assert found.temperature == 0.4 and torch.equal(found.centres, pair[1].centres)


def test_the_digest_names_the_weights_and_their_precision(tmp_path, pair):
    names = [share(tmp_path / name, pair, int8)[2].name for name, int8 in (("a", False), ("b", False), ("c", True))]
    changed = copy.deepcopy(pair)
    for network in changed:
        network.encoder.bn1.running_mean[0] += 1e-3
    names.append(share(tmp_path / "d", changed)[2].name)
    assert names[0] == names[1] and len(set(names)) == 3
    digests = [checkpoints.digest(tmp_path / name / "one.safetensors") for name in "abd"]
    assert digests[0] == digests[1] != digests[2]  # though the decoder is the same


def test_saving_what_was_shared_again_gives_the_same_files(tmp_path, pair):
    one, _, beside = share(tmp_path / "a", pair)
    network, about = checkpoints.load_network(one)
    checkpoints.save_network(tmp_path / "b" / one.name, network, about, share=True)
    for file in (one, beside):
        assert (tmp_path / "b" / file.name).read_bytes() == file.read_bytes()
    checkpoints.save_network(tmp_path / "c" / one.name, network, about)  # needs no other file
    assert_equal(checkpoints.load_network(tmp_path / "c" / one.name)[0].state_dict(), network.state_dict())
    assert "encoder" not in checkpoints.read_about(tmp_path / "c" / one.name)


def test_a_network_without_an_encoder_shares_nothing(path, network):
    checkpoints.save_network(path, network, ABOUT, share=True)
    assert [file.name for file in path.parent.glob("*.safetensors")] == [path.name]
    assert "encoder" not in checkpoints.load_network(path)[1]


HARM = {
    "missing": (lambda beside: beside.unlink(), "there is no file .*"),
    "cut": (lambda beside: beside.write_bytes(beside.read_bytes()[:-100]), "is damaged or no safetensors file"),
    "text": (lambda beside: beside.write_text("step,loss"), "is damaged or no safetensors file"),
    "foreign": (lambda beside: save_file({"a": torch.ones(2)}, beside), "was not written by this version"),
    "other weights": (
        lambda beside: checkpoints.save(beside, {k: v + 1 for k, v in checkpoints.read(beside)[0].items()}, ABOUT),
        "holds another encoder than its name says",
    ),
    "fewer": (
        lambda beside: checkpoints.save(beside, dict(list(checkpoints.read(beside)[0].items())[1:]), ABOUT),
        "holds another encoder than its name says",
    ),
}


@pytest.mark.parametrize(("harm", "says"), HARM.values(), ids=HARM)
def test_an_encoder_that_is_missing_or_another_is_named(tmp_path, pair, harm, says):
    one, other, beside = share(tmp_path, pair)
    harm(beside)
    for file in (one, other):
        with pytest.raises(UserError, match=says) as caught:
            checkpoints.load_network(file)
        assert str(beside) in str(caught.value) and "\n" not in str(caught.value)
    share(tmp_path, pair)  # written anew
    assert checkpoints.load_network(one)[0].width == 2


@pytest.mark.parametrize("digits", ["../x", "/etc/passwd", "", "a.b", "a/../b", 7, ["a"], {"a": 1}], ids=str)
def test_the_name_of_an_encoder_leads_nowhere_else(tmp_path, pair, monkeypatch, digits):
    one, _, _ = share(tmp_path / "a", pair)
    found, said = checkpoints.read(one)
    checkpoints.save(one, found, said | {"encoder": digits})
    read, asked = checkpoints.read, []
    monkeypatch.setattr(checkpoints, "read", lambda file: asked.append(file) or read(file))
    with pytest.raises(UserError, match=r"one\.safetensors holds no network as it should"):
        checkpoints.load_network(one)
    assert asked == [one]


@pytest.mark.parametrize(
    ("claim", "says"),
    [
        ({"encoder": "nosuch"}, "cannot be read: timm knows no network 'nosuch'"),
        ({"encoder": "hf-hub:a/b"}, "cannot be read: timm knows no network 'hf-hub:a/b'"),
        ({"encoder": 7}, "holds no network as it should"),
        ({"encoder": None}, "holds no network as it should"),
        ({"encoder": "resnet34"}, "holds no network as it should"),
        ({"width": 4}, "holds no network as it should"),
        ({"outputs": 8}, "holds no network as it should"),
        ({"temperature": 0}, "holds no network as it should"),
        ({"temperature": "warm"}, "holds no network as it should"),
        ({"depth": 3}, "holds no network as it should"),
    ],
    ids=str,
)
def test_claims_about_an_encoder_that_the_numbers_do_not_keep_are_refused(tmp_path, pair, claim, says):
    _, other, _ = share(tmp_path, pair)
    found, said = checkpoints.read(other)
    checkpoints.save(other, found, said | {"network": said["network"] | claim})
    with pytest.raises(UserError, match=says) as caught:
        checkpoints.load_network(other)
    assert str(other) in str(caught.value) and "\n" not in str(caught.value)


# ---- copies


def test_a_copy_is_the_same_to_the_byte_and_has_its_description(path, network):
    checkpoints.save_network(path, network, ABOUT)
    to = path.parent / "deeper" / "copy.safetensors"
    to.parent.mkdir()
    for _ in range(2):  # it replaces an older one
        checkpoints.copy(path, to)
        assert to.read_bytes() == path.read_bytes() and checkpoints.digest(to) == checkpoints.digest(path)
        assert to.with_suffix(".json").read_bytes() == path.with_suffix(".json").read_bytes()
        assert sorted(file.name for file in to.parent.iterdir()) == ["copy.json", "copy.safetensors"]
        checkpoints.save(to, {"a": torch.ones(1)}, {})
    checkpoints.copy(path, path)
    assert checkpoints.load_network(path)[0].width == 3


def test_what_is_damaged_is_not_copied(path):
    path.parent.mkdir()
    to = path.with_stem("copy")
    with pytest.raises(UserError, match="there is no file"):
        checkpoints.copy(path, to)
    path.write_bytes(b"text")
    with pytest.raises(UserError, match=r"net\.safetensors is damaged"):
        checkpoints.copy(path, to)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_digest_tells_files_apart(saved):
    first = checkpoints.digest(saved)
    assert len(first) == 16 and int(first, 16) >= 0 and first == checkpoints.digest(str(saved))
    content = saved.read_bytes()
    saved.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert checkpoints.digest(saved) != first


def test_a_copy_takes_its_encoder_along(path):
    torch.manual_seed(0)
    network = PretrainedUNet("resnet18", 2)
    checkpoints.save_network(path, network, ABOUT, share=True)
    (encoder,) = path.parent.glob("encoder-*.safetensors")
    to = path.parent / "deeper" / "copy.safetensors"
    to.parent.mkdir()
    for _ in range(2):
        checkpoints.copy(path, to)
        assert (to.read_bytes(), (to.parent / encoder.name).read_bytes()) == (path.read_bytes(), encoder.read_bytes())
        found = checkpoints.load_network(to)[0].state_dict()
        assert_equal(found, checkpoints.load_network(path)[0].state_dict())
    encoder.unlink()
    with pytest.raises(UserError, match=f"there is no file {encoder}"):
        checkpoints.copy(path, to.with_name("other.safetensors"))
    assert not to.with_name("other.safetensors").exists()


@pytest.mark.parametrize("digits", ["../../x", "", 3, None, ["a"]], ids=str)
def test_no_other_file_is_copied_whatever_a_description_says(path, digits):
    checkpoints.save(path, {"a": torch.ones(1)}, {"encoder": digits})
    with pytest.raises(UserError, match=r"net\.safetensors holds no network as it should: delete it"):
        checkpoints.copy(path, path.with_stem("copy"))
    assert not path.with_stem("copy").exists()
