"""Committed copies of networks: in int8 where the error hardly grows, with what was measured; the course's own ones."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from nbhelpers import paths, registry
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.course import quantization
from nbhelpers.errors import UserError
from nbhelpers.evaluation.evaluate import evaluate_patches
from nbhelpers.networks import checkpoints, hint_inputs, inference
from nbhelpers.networks.bins import ColourBins
from nbhelpers.networks.config import LITE0
from nbhelpers.networks.encoder import extractor, imagenet_weights
from nbhelpers.networks.inference import HintedColorizer, NetworkColorizer
from nbhelpers.networks.int8 import output_axes
from nbhelpers.networks.models import UNet
from nbhelpers.networks.pretrained import PretrainedUNet
from nbhelpers.photos import open_photos

FILES = sorted((paths.ROOT / "data" / "checkpoints").glob("*.safetensors"))
ENCODERS = [path for path in FILES if path.stem.startswith("encoder-")]
COMMITTED = [path for path in FILES if path not in ENCODERS]
SIZE = 32  # pixels; side of the photos of these tests, where hints are given


@pytest.fixture(autouse=True)
def small(course, monkeypatch):
    monkeypatch.setattr(quantization, "SIZE", SIZE)


@pytest.fixture
def trained(tmp_path):
    return tmp_path / "trained"


@pytest.fixture
def to():
    return paths.DATA / "checkpoints"


def keep(path, network, **about):
    """A network's file as a training leaves it."""
    checkpoints.save_network(path, network, {"name": path.stem, "size": 16, "step": 7} | about)
    return path


def random_network(planes=(1, 2), seed=0):
    torch.manual_seed(seed)
    made = UNet(3, 2, "transposed", *planes)
    with torch.no_grad():
        made.head.weight.mul_(4)  # colours, not almost grey
    return made


def fragile(colour, planes=(1, 2)):
    """A network that paints one colour, and grey once its last weights are rounded to int8.

    One feature is 1 everywhere and carries the colour, one is 0 and has a weight of 1000.
    """
    made = UNet(2, 1, "transposed", *planes)
    with torch.no_grad():
        made.merge[-1][4].weight.zero_()
        made.merge[-1][4].bias[:] = torch.tensor([1.0, 0.0])
        made.head.bias.zero_()
        made.head.weight.zero_()
        made.head.weight[:2, 0, 0, 0] = torch.atanh(torch.tensor(colour) / 110)
        made.head.weight[:2, 1] = 1000
    return made


def true_colour(size):
    """The mean colour of the test photos: painting it has a smaller error than grey."""
    labs = [rgb_to_lab(rgb) for rgb in open_photos("sample", size=size).test]
    return tuple(np.mean([lab[..., 1:].mean(axis=(0, 1)) for lab in labs], axis=0).tolist())


def hinted(folder, network, prior):
    """A network with hints as `train` leaves it, and the one it began with beside it."""
    about = {"prior": [4.0, 12.5], "recipe": {"hints": "spread"}}
    beside = keep(folder / "unet.safetensors", prior).rename(folder / "hinted-prior.safetensors")
    return keep(folder / "hinted.safetensors", network, start=checkpoints.digest(beside), **about)


def error(colorizer, size, patches=(0,)):
    """The mean ab-MSE over the test photos, one number for each count of patches."""
    scores = evaluate_patches([colorizer], open_photos("sample", size=size).test, patches, measures=("ab_mse",))
    return [scores.loc[scores["patches"] == count, "ab_mse"].mean() for count in patches]


def int8_weights(path):
    """How many of its convolutions a file holds in int8, and how many in half precision."""
    kinds = [value.dtype for value in checkpoints.read(path)[0].values()]
    return kinds.count(torch.int8), kinds.count(torch.float16)


def convolutions(width=3, depth=2):
    return len(output_axes(UNet(width, depth)))


# ---- the command


def test_a_prior_of_the_course_is_shared_with_it(trained, to):
    """The file of `unet-pretrained` guesses for `hinted`: nothing is stored twice."""
    torch.manual_seed(0)
    whole = keep(trained / "unet-pretrained.safetensors", PretrainedUNet(LITE0, 2).eval())
    quantization.commit("unet-pretrained", whole, "sample", to)
    prior = to / "unet-pretrained.safetensors"
    made = PretrainedUNet(LITE0, 2, *reversed(hint_inputs.PLANES["spread"])).eval()
    about = {"prior": [4.0, 12.5], "recipe": {"hints": "spread"}, "start": checkpoints.digest(prior)}
    path = keep(trained / "hinted.safetensors", made, **about)
    checkpoints.copy(prior, trained / "hinted-prior.safetensors")  # as `train` does
    assert len(list(trained.glob("encoder-*.safetensors"))) == 1
    names = {file.name for file in to.iterdir()}
    (one,) = quantization.commit("hinted", path, "sample", to).values()
    assert {file.name for file in to.iterdir()} - names >= {"hinted.safetensors", "hinted.json"}
    assert not list(to.glob("hinted-prior*"))
    found = registry.load("hinted")
    assert found.prior.name == "unet-pretrained" and found.about["start"] == checkpoints.digest(prior)
    assert one["ab_mse_after"] == pytest.approx(error(found, SIZE, (0, 10)), rel=1e-6)
    assert one["ab_mse_before"] == pytest.approx(error(inference.load("hinted", path), SIZE, (0, 10)), rel=1e-6)


@pytest.mark.parametrize("name", ["unet", "gan-l1"])
def test_a_network_is_stored_in_int8_with_what_that_costs(trained, to, name):
    path = keep(trained / f"{name}.safetensors", random_network(), gain=1.25)
    content = path.read_bytes()
    stored = quantization.commit(name, path, "sample", to)
    new = to / f"{name}.safetensors"
    assert int8_weights(new) == (convolutions(), 0) and int8_weights(path) == (0, convolutions())
    assert path.read_bytes() == content and sorted(file.name for file in to.iterdir()) == [f"{name}.json", new.name]
    before, after = inference.load(name, path), registry.load(name)
    assert isinstance(after, NetworkColorizer) and after.gain == 1.25
    assert {key: value for key, value in after.about.items() if key != "stored"} == before.about
    assert json.loads(new.with_suffix(".json").read_text()) == after.about == checkpoints.read_about(new)
    (one,) = stored.values()
    assert list(stored) == [new.name] and one == after.about["stored"]
    assert (one["weights"], one["made_from"]) == ("int8", checkpoints.digest(path))
    assert one["photos"] == len(open_photos("sample", size=16).test) >= 2
    assert (one["size"], one["patches"]) == (16, [0])
    assert one["ab_mse_before"] == pytest.approx(error(before, 16), rel=1e-6)
    assert one["ab_mse_after"] == pytest.approx(error(after, 16), rel=1e-6)
    assert 1e-6 < abs(one["ab_mse_after"][0] / one["ab_mse_before"][0] - 1) < quantization.LIMIT


def test_a_network_with_hints_takes_its_prior_along_and_names_it_by_its_new_digest(trained, to):
    path = hinted(trained, random_network(hint_inputs.PLANES["spread"]), random_network(seed=1))
    old = checkpoints.read_about(path)["start"]
    stored = quantization.commit("hinted", path, "sample", to)
    files = {"hinted.safetensors": path, "hinted-prior.safetensors": trained / "hinted-prior.safetensors"}
    assert set(stored) == set(files)
    assert sorted(file.name for file in to.glob("*.safetensors")) == sorted(files)
    for name, source in files.items():
        assert int8_weights(to / name) == (convolutions(), 0)
        about, changed = checkpoints.read_about(to / name), ("stored", "start")
        assert about["stored"] == stored[name] and stored[name]["made_from"] == checkpoints.digest(source)
        was = checkpoints.read_about(source)
        assert {k: v for k, v in about.items() if k not in changed} == {k: v for k, v in was.items() if k != "start"}
    start = checkpoints.read_about(to / "hinted.safetensors")["start"]
    assert start == checkpoints.digest(to / "hinted-prior.safetensors") != old
    assert "start" not in checkpoints.read_about(to / "hinted-prior.safetensors")
    before, after = inference.load("hinted", path), registry.load("hinted")
    assert isinstance(after, HintedColorizer) and isinstance(after.prior, NetworkColorizer)
    one, prior = stored["hinted.safetensors"], stored["hinted-prior.safetensors"]
    assert (one["size"], one["patches"], prior["size"], prior["patches"]) == (SIZE, [0, 10], SIZE, [0])
    assert one["photos"] == prior["photos"] == len(open_photos("sample", size=SIZE).test)
    assert one["ab_mse_before"] == pytest.approx(error(before, SIZE, (0, 10)), rel=1e-6)
    assert one["ab_mse_after"] == pytest.approx(error(after, SIZE, (0, 10)), rel=1e-6)
    assert prior["ab_mse_before"] == pytest.approx(error(before.prior, SIZE), rel=1e-6)
    assert prior["ab_mse_after"] == pytest.approx(error(after.prior, SIZE), rel=1e-6)
    for record in (one, prior):
        assert all(a != b for a, b in zip(record["ab_mse_before"], record["ab_mse_after"], strict=True))
    other = HintedColorizer("hinted", after.network, 16, before.prior)  # scored with the prior as it is stored
    assert one["ab_mse_after"] != pytest.approx(error(other, SIZE, (0, 10)), rel=1e-6)


def test_a_network_of_given_hints_has_no_prior_to_take_along(trained, to):
    about = {"prior": [4.0, 12.5], "recipe": {"hints": "given"}, "start": "0123456789abcdef"}
    path = keep(trained / "hinted-alone.safetensors", random_network(hint_inputs.PLANES["given"]), **about)
    (one,) = quantization.commit("hinted-alone", path, "sample", to).values()
    assert (one["weights"], one["patches"], one["size"]) == ("int8", [0, 10], SIZE)
    assert registry.load("hinted-alone").about["start"] == about["start"]
    assert len(list(to.glob("*.safetensors"))) == 1


def test_networks_on_one_encoder_are_stored_with_one_file_of_it(trained, to):
    torch.manual_seed(0)
    pretrained = PretrainedUNet(LITE0, 3).begin_with(imagenet_weights(LITE0))
    keep(trained / "unet-pretrained.safetensors", pretrained)
    classifier = ColourBins(LITE0, 3, 4, 0.4).begin_with(imagenet_weights(LITE0))
    classifier.centres.copy_(torch.tensor([(0, 0), (10, 20), (30, 0), (0, -20)]))
    keep(trained / "bins.safetensors", classifier)
    for name in ("unet-pretrained", "bins"):
        (one,) = quantization.commit(name, trained / f"{name}.safetensors", "sample", to).values()
        assert (one["weights"], one["size"]) == ("int8", 16)
    (beside,) = to.glob("encoder-*.safetensors")
    assert len(list(to.iterdir())) == 6 and int8_weights(beside)[1] == 0
    for name in ("unet-pretrained", "bins"):
        loaded = registry.load(name)
        assert loaded.about["encoder"] == beside.stem.removeprefix("encoder-")
        assert loaded.about["stored"]["ab_mse_after"] == pytest.approx(error(loaded, 16), rel=1e-6)
        assert (to / f"{name}.safetensors").stat().st_size < 0.1 * beside.stat().st_size


def test_an_encoders_features_drift_less_than_its_roundings_would_have_them(trained, to):
    torch.manual_seed(0)
    network = PretrainedUNet(LITE0, 3).begin_with(imagenet_weights(LITE0)).eval()
    path = keep(trained / "unet-pretrained.safetensors", network, size=64)
    quantization.commit("unet-pretrained", path, "sample", to)
    plain = trained / "plain.safetensors"
    checkpoints.save_network(plain, network, {"name": "plain", "size": 64}, int8=True)
    photos = np.stack([rgb_to_lab(rgb)[..., 0] for _, rgb in open_photos("sample", 64).test.read()])
    lightness = torch.from_numpy(photos)[:, None].float() / 50 - 1
    with torch.no_grad():
        seen = [one.features(lightness) for one in (network, registry.load("unet-pretrained").network)]
        without = checkpoints.load_network(plain)[0].features(lightness)
    for was, kept, drifted in zip(*seen, without, strict=True):
        assert (kept - was).norm() < 0.7 * (drifted - was).norm() < 0.2 * was.norm()


def test_a_network_that_int8_harms_stays_in_half_precision(trained, to):
    colour = true_colour(16)
    path = keep(trained / "unet.safetensors", fragile(colour))
    (one,) = quantization.commit("unet", path, "sample", to).values()
    new = to / "unet.safetensors"
    assert one["weights"] == "float16" and int8_weights(new) == int8_weights(path) == (0, convolutions(2, 1))
    assert one["ab_mse_after"][0] > (1 + quantization.LIMIT) * one["ab_mse_before"][0]  # of what was tried
    before, after = checkpoints.read(path)[0], checkpoints.read(new)[0]
    assert list(before) == list(after) and all(torch.equal(before[key], after[key]) for key in before)
    assert checkpoints.read_about(new)["stored"] == one
    assert error(registry.load("unet"), 16) == pytest.approx(one["ab_mse_before"], rel=1e-6)


@pytest.mark.parametrize("harmed", ["prior", "network"])
def test_a_network_and_its_prior_stay_in_half_precision_together(trained, to, harmed, monkeypatch):
    planes = hint_inputs.PLANES["spread"]
    network = fragile(true_colour(SIZE), planes) if harmed == "network" else random_network(planes)
    with torch.no_grad():
        network.head.bias[2] = -50 if harmed == "prior" else 50  # whose colours count
    prior = fragile(true_colour(SIZE)) if harmed == "prior" else random_network(seed=1)
    stored = quantization.commit("hinted", hinted(trained, network, prior), "sample", to)
    assert [one["weights"] for one in stored.values()] == ["float16", "float16"]
    for name in stored:
        assert int8_weights(to / name)[0] == 0
    first = stored["hinted-prior.safetensors" if harmed == "prior" else "hinted.safetensors"]
    assert first["ab_mse_after"][0] > (1 + quantization.LIMIT) * first["ab_mse_before"][0]
    assert registry.load("hinted").about["start"] == checkpoints.digest(to / "hinted-prior.safetensors")
    after = error(registry.load("hinted"), SIZE, (0, 10))
    assert after == pytest.approx(stored["hinted.safetensors"]["ab_mse_before"], rel=1e-6)


@pytest.mark.parametrize("factor", [0.999, 1.001])
def test_the_limit_decides(trained, to, monkeypatch, factor):
    path = keep(trained / "unet.safetensors", random_network())
    (one,) = quantization.commit("unet", path, "sample", to).values()
    grown = one["ab_mse_after"][0] / one["ab_mse_before"][0] - 1
    monkeypatch.setattr(quantization, "LIMIT", grown + (factor - 1) * abs(grown))
    (again,) = quantization.commit("unet", path, "sample", to).values()
    assert again["weights"] == ("int8" if factor > 1 else "float16")


def test_an_error_that_is_no_number_is_no_reason_for_int8(trained, to, monkeypatch):
    def nothing(*args, **kwargs):
        return evaluate_patches(*args, **kwargs).assign(ab_mse=float("nan"))

    monkeypatch.setattr(quantization, "evaluate_patches", nothing)
    path = keep(trained / "unet.safetensors", random_network())
    (one,) = quantization.commit("unet", path, "sample", to).values()
    assert one["weights"] == "float16"


def test_a_file_can_be_replaced_by_its_own_copy_but_not_twice(to):
    path = hinted(to, random_network(hint_inputs.PLANES["spread"]), random_network(seed=1))
    quantization.commit("hinted", path, "sample", to)
    assert int8_weights(path) == int8_weights(to / "hinted-prior.safetensors") == (convolutions(), 0)
    content = path.read_bytes()
    with pytest.raises(UserError, match=r"hinted\.safetensors is stored in int8 already: give the network as it was"):
        quantization.commit("hinted", path, "sample", to)
    assert path.read_bytes() == content and registry.load("hinted").prior.name == "unet"


def test_what_cannot_be_read_is_refused_and_nothing_is_written(trained, to, tmp_path):
    path = keep(trained / "unet.safetensors", random_network())
    with pytest.raises(UserError, match="there is no file"):
        quantization.commit("unet", trained / "other.safetensors", "sample", to)
    with pytest.raises(UserError, match="does not hold a network 'gan-l1'"):
        quantization.commit("gan-l1", path, "sample", to)
    (tmp_path / "photos" / "train").mkdir(parents=True)
    with pytest.raises(UserError, match="photo"):
        quantization.commit("unet", path, str(tmp_path / "photos"), to)
    again = hinted(trained, random_network(hint_inputs.PLANES["spread"]), random_network(seed=1))
    (trained / "hinted-prior.safetensors").unlink()
    with pytest.raises(UserError, match=r"hinted-prior\.safetensors, .*, is missing or another"):
        quantization.commit("hinted", again, "sample", to)
    assert not to.exists()


def test_photos_that_cannot_be_read_are_not_counted(trained, to, tmp_path):
    from PIL import Image

    folder = tmp_path / "photos" / "test"
    folder.mkdir(parents=True)
    (tmp_path / "photos" / "train").mkdir()
    random = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(random.integers(0, 256, (40, 40, 3), np.uint8)).save(folder / f"{i}.png")
    path = keep(trained / "unet.safetensors", random_network())
    (one,) = quantization.commit("unet", path, str(folder.parent), to).values()
    assert one["photos"] == 3
    for i in range(3):
        content = (folder / f"{i}.png").read_bytes()
        (folder / f"{i}.png").write_bytes(content[: len(content) // 2] if i else content)
    with pytest.warns(UserWarning, match="skipped"):
        (one,) = quantization.commit("unet", path, str(folder.parent), to).values()
    assert one["photos"] == 1
    (folder / "0.png").rename(folder.parent / "train" / "0.png")
    with pytest.warns(UserWarning, match="skipped"), pytest.raises(UserError, match="no photo to colorize"):
        quantization.commit("unet", path, str(folder.parent), to)


def test_the_command_says_what_it_did(trained, to, capsys):
    path = keep(trained / "unet.safetensors", random_network())
    quantization.main(["unet", str(path), "--photos", "sample"])
    first, second = capsys.readouterr().out.splitlines()
    one = checkpoints.read_about(to / "unet.safetensors")["stored"]
    size = (to / "unet.safetensors").stat().st_size
    assert first == f"unet.safetensors: int8, {size / 1e6:.2f} MB, {one['photos']} photos"
    old, new = one["ab_mse_before"][0], one["ab_mse_after"][0]
    assert second == f"  0 patches known: ab-MSE {old:.3f}, in int8 {new:.3f} ({100 * (new - old) / old:+.3f}%)"


def test_the_command_fails_in_one_sentence(course, trained, capsys):
    command = [sys.executable, "-m", "nbhelpers.course.quantization"]
    done = subprocess.run(
        [*command, "unet", str(trained / "unet.safetensors"), "--photos", "sample"], capture_output=True, text=True
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("python -m nbhelpers.course.quantization: there is no file ")
    assert done.stderr.count("\n") == 1
    with pytest.raises(SystemExit) as end:
        quantization.main(["grey", "x", "--photos", "sample"])
    assert end.value.code == 2 and "invalid choice: 'grey'" in capsys.readouterr().err


# ---- the networks that come with the course


def test_the_courses_networks_are_these():
    assert {path.stem for path in COMMITTED} == {"bins", "gan-l1", "hinted", "unet", "unet-pretrained"}
    assert sum(path.stat().st_size for path in FILES) < 22e6
    told = {path.stem: checkpoints.read_about(path).get("encoder") for path in COMMITTED}
    assert told["bins"] == told["unet-pretrained"] != told["hinted"]  # which has it as ImageNet left it
    assert {path.stem for path in ENCODERS} == {f"encoder-{told[name]}" for name in ("bins", "hinted")}
    for encoder in ENCODERS:
        assert int8_weights(encoder)[0] == len(output_axes(extractor(LITE0))) and not int8_weights(encoder)[1]


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_the_courses_networks_are_in_int8_and_that_costs_next_to_nothing(path):
    network, about = checkpoints.load_network(path)
    if isinstance(network, UNet):
        assert int8_weights(path) == (convolutions(network.width, network.depth), 0) == (23, 0)
    else:
        count = 12 if path.stem == "hinted" else 6
        assert int8_weights(path) == (count, 0) and about["encoder"]  # the encoder has a file of its own
    assert json.loads(path.with_suffix(".json").read_text()) == about
    stored = about["stored"]
    with_hints = path.stem.startswith("hinted")
    assert (stored["weights"], stored["photos"], stored["size"]) == ("int8", 739, 256 if with_hints else 128)
    assert stored["patches"] == ([0, 10] if path.stem == "hinted" else [0])
    assert len(stored["ab_mse_before"]) == len(stored["ab_mse_after"]) == len(stored["patches"])
    for old, new in zip(stored["ab_mse_before"], stored["ab_mse_after"], strict=True):
        assert 50 < old < 260 and 0.99 * old < new <= 1.005 * old


@pytest.mark.parametrize("name", ["unet", "unet-pretrained", "bins", "gan-l1", "hinted"])
def test_the_courses_networks_are_found_by_the_registry(monkeypatch, name):
    monkeypatch.setattr(paths, "DATA", paths.ROOT / "nowhere")
    with pytest.raises(UserError):
        registry.load(name)
    monkeypatch.setattr(paths, "DATA", COMMITTED[0].parents[1])
    found = registry.load(name)
    assert found.about["stored"]["weights"] == "int8"
    assert found.network.width == (64 if "encoder" in found.about else 24)
    assert all(value.dtype in (torch.float32, torch.int64) for value in found.network.state_dict().values())
    if name == "hinted":
        prior = COMMITTED[0].with_name("unet-pretrained.safetensors")
        assert found.about["start"] == checkpoints.digest(prior) and found.prior.name == "unet-pretrained"
