"""Training configurations: the paper's values, names and values that cannot be, sizes of work."""

import dataclasses
import json
import pickle
import subprocess
import sys
import tomllib

import numpy as np
import pytest

from nbhelpers import paths
from nbhelpers.errors import UserError
from nbhelpers.networks.config import (
    BINS,
    CONFIGS,
    GAN_L1,
    GAN_PAPER,
    HINTED,
    HINTED_ALONE,
    HINTS,
    LITE0,
    PROFILES,
    SMALLEST,
    UNET,
    UNET_PRETRAINED,
    TrainConfig,
    train_config,
)


def test_the_papers_gan_has_the_papers_values():
    """Sections 3.5 and 5.3: binary cross entropy alone, Adam at 2e-4, batches of 32, nothing else."""
    assert (GAN_PAPER.loss, GAN_PAPER.discriminator, GAN_PAPER.spectral) == ("none", "binary", False)
    assert GAN_PAPER.rate == GAN_PAPER.discriminator_rate == 2e-4
    assert GAN_PAPER.betas == (0.5, 0.999) and GAN_PAPER.decay == 0
    assert (GAN_PAPER.batch, GAN_PAPER.schedule, GAN_PAPER.pretrain) == (32, "constant", 0)
    assert (GAN_PAPER.jitter, GAN_PAPER.upsampling) == (0, "transposed")
    assert GAN_PAPER.kept == "last"  # its averaged weights are looked at, and not kept
    assert GAN_PAPER.adversarial


def test_gan_l1_has_what_helps():
    assert (GAN_L1.loss, GAN_L1.weight) == ("l1", 300)
    assert (GAN_L1.discriminator, GAN_L1.spectral) == ("patch", True)
    assert GAN_L1.discriminator_rate == 4 * GAN_L1.rate == 8e-4  # Heusel et al. 2017
    assert (GAN_L1.pretrain, GAN_L1.schedule, GAN_L1.ema, GAN_L1.kept) == (10, "warmup-cosine", 0.999, "averaged")
    assert (GAN_L1.betas, GAN_L1.batch) == (GAN_PAPER.betas, GAN_PAPER.batch)


def test_the_unet_has_no_discriminator():
    assert (UNET.loss, UNET.discriminator, UNET.adversarial, UNET.pretrain) == ("mse", "none", False, 0)
    assert list(CONFIGS) == ["unet", "gan-paper", "gan-l1", "unet-pretrained", "bins", "hinted", "hinted-alone"]
    assert all(made.name == name for name, made in CONFIGS.items())


def test_configs_with_hints_are_networks_on_an_encoder_that_are_told_of_them():
    told = dataclasses.replace(HINTED, name="bins", hints="none", loss="bins", cached=BINS.cached, epochs=BINS.epochs)
    assert (
        told == BINS and HINTED.encoder_rate == 0
    )  # what an encoder has learned of the photos would be known by heart
    assert (HINTED.hints, HINTED_ALONE.hints) == ("spread", "given") and HINTED.cached == HINTED.rounds > 1
    folds = {name: train_config(name, "reference").folds for name in CONFIGS}
    assert folds.pop("hinted") == 2 and set(folds.values()) == {0}
    assert dataclasses.replace(HINTED_ALONE, name="hinted", hints="spread") == HINTED
    assert {made.hints for name, made in CONFIGS.items() if "hinted" not in name} == {"none"}


def test_every_kind_of_hints_has_its_planes():
    pytest.importorskip("torch")
    from nbhelpers.networks.hint_inputs import PLANES

    assert set(PLANES) == set(HINTS)


@pytest.mark.parametrize("hints", ["given", "spread"])
@pytest.mark.parametrize("name", ["gan-paper", "gan-l1"])
def test_a_discriminator_does_not_go_with_hints(name, hints):
    with pytest.raises(UserError, match=f"hints '{hints}' go with a plain U-Net"):
        train_config(name, hints=hints)
    assert train_config("unet", hints=hints).hints == hints


@pytest.mark.parametrize("name", CONFIGS)
def test_the_papers_profile_has_the_papers_sizes(name):
    made = train_config(name, "paper")
    assert (made.size, made.stored, made.width, made.depth, made.epochs) == (400, 400, 64, 4, 100)
    assert made.discriminator_width == 64 and made.batch == 32
    sizes = {field: getattr(CONFIGS[name], field) for field in PROFILES["paper"]}
    assert dataclasses.replace(made, **sizes) == CONFIGS[name]  # all else stays


@pytest.mark.parametrize("profile", ["reference", "paper"])
def test_a_profile_means_the_same_in_run_and_in_train(profile):
    """The notebooks hand these parameters to `train_config`, `nbhelpers train` the profile."""
    profiles = tomllib.loads((paths.NOTEBOOKS / "profiles.toml").read_text())[profile]
    five, six = profiles["05_unet"], profiles["06_gan"]
    unused = train_config("unet", profile).discriminator_width  # a U-Net has no discriminator
    sizes = {"size": five["size"], "width": five["width"], "discriminator_width": unused}
    assert train_config("unet", epochs=five["epochs"], **sizes) == train_config("unet", profile)
    sizes = {"size": six["size"], "width": six["width"], "discriminator_width": six["discriminator_width"]}
    assert train_config("gan-paper", epochs=six["paper_epochs"], **sizes) == train_config("gan-paper", profile)
    asked = train_config("gan-l1", epochs=six["epochs"], pretrain=six["pretrain"], **sizes)
    assert asked == train_config("gan-l1", profile)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_demo_is_the_config_itself(name):
    assert train_config(name) == train_config(name, "demo") == CONFIGS[name]
    sizes = (64, 72, 24) if CONFIGS[name].encoder == "none" else (128, 144, 64)
    assert (train_config(name).size, train_config(name).stored, train_config(name).width) == sizes


@pytest.mark.parametrize("name", CONFIGS)
def test_a_smoke_test_is_small_and_changes_no_method(name):
    made = train_config(name, "smoke")
    method = ("loss", "weight", "discriminator", "spectral", "rate", "betas", "ema", "hints", "rounds")
    assert (made.size, made.stored, made.width, made.depth, made.epochs, made.batch) == (32, 36, 4, 2, 1, 4)
    assert made.pretrain == (1 if CONFIGS[name].pretrain else 0)
    assert all(getattr(made, field) == getattr(CONFIGS[name], field) for field in method)


@pytest.mark.parametrize(
    ("name", "profile", "says"),
    [
        ("unett", "demo", "there is no training configuration 'unett': did you mean 'unet'?"),
        ("gan-l2", "demo", "there is no training configuration 'gan-l2': did you mean 'gan-l1'?"),
        ("gan_paper", "demo", "there is no training configuration 'gan_paper': did you mean 'gan-paper'?"),
        ("xyzzy", "demo", "there is no training configuration 'xyzzy': choose from unet, gan-paper, gan-l1"),
        ("", "demo", "there is no training configuration '': choose from unet"),
        ("unet", "papers", "there is no training profile 'papers': did you mean 'paper'?"),
        ("unet", "xyzzy", "there is no training profile 'xyzzy': choose from smoke, demo, reference, paper"),
    ],
)
def test_unknown_names_are_answered_with_those_that_are(name, profile, says):
    with pytest.raises(UserError) as caught:
        train_config(name, profile)
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"loss": "l2"}, "loss must be one of mse, l1, bins, none, got 'l2'"),
        ({"schedule": "cosine"}, "schedule must be one of constant, warmup-cosine, got 'cosine'"),
        ({"discriminator": "pixel"}, "discriminator must be one of none, binary, patch, got 'pixel'"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"epochs": -1}, "epochs must be at least 1, got -1"),
        ({"size": 0}, "size must be at least 1, got 0"),
        ({"width": 0}, "width must be at least 1, got 0"),
        ({"depth": 0}, "depth must be at least 1, got 0"),
        ({"stored": 63}, r"stored \(63\) must be at least size \(64\)"),
        ({"size": 15}, "size must be at least 16 pixels for depth 4"),
        ({"depth": 7}, "size must be at least 128 pixels for depth 7"),
        ({"hints": "some"}, "hints must be one of none, given, spread, got 'some'"),
        ({"rounds": 0}, "rounds must be at least 1, got 0"),
        ({"loss": "none"}, "loss 'none' needs a discriminator"),
    ],
    ids=str,
)
def test_values_that_cannot_be_are_named(changes, says):
    with pytest.raises(UserError, match=says):
        train_config("unet", **changes)
    with pytest.raises(UserError, match=says):
        dataclasses.replace(UNET, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": -1},  # NumPy draws from seeds of at least 0
        {"pretrain": -1},
        {"rate": -1e-3},
        {"discriminator_width": 0},
        {"upsampling": "bilinear"},
    ],
    ids=str,
)
def test_values_that_would_fail_in_training_are_named_before(changes):
    with pytest.raises(UserError, match=next(iter(changes))):
        train_config("gan-l1", **changes)


NUMBERS = [field.name for field in dataclasses.fields(UNET) if not isinstance(getattr(UNET, field.name), str)]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), np.float32("nan")])
@pytest.mark.parametrize("field", NUMBERS)
def test_every_number_is_finite(field, bad):
    value = (0.5, bad) if field == "betas" else bad
    with pytest.raises(UserError, match=f"{field} must be finite"):
        train_config("unet", **{field: value})


def test_a_pretraining_without_a_pixel_loss_is_refused():
    with pytest.raises(UserError, match="pretrain"):
        train_config("gan-paper", pretrain=3)


@pytest.mark.parametrize(("discriminator", "least"), {"none": 4, "binary": 16, "patch": 24}.items())
def test_photos_are_large_enough_for_the_networks(discriminator, least):
    small = {"depth": 2, "discriminator": discriminator, "size": least}
    assert train_config("unet", **small).size == least >= SMALLEST[discriminator]
    with pytest.raises(UserError, match=f"size must be at least {least} pixels for depth 2"):
        train_config("unet", **small | {"size": least - 1})


def test_the_smallest_photos_are_those_that_the_networks_take():
    torch = pytest.importorskip("torch")
    from nbhelpers.networks.models import discriminator

    for kind in ("binary", "patch"):
        made, least = discriminator(kind, 1).eval(), SMALLEST[kind]
        assert made(torch.zeros(1, 3, least, least)).numel() == 1
        with pytest.raises(RuntimeError):
            made(torch.zeros(1, 3, least - 1, least - 1))


@pytest.mark.parametrize(("size", "stored"), {16: 18, 64: 72, 100: 112, 399: 448, 400: 400, 512: 512}.items())
def test_the_size_decides_what_is_stored(size, stored):
    for profile in PROFILES:
        made = train_config("unet", profile, size=size)
        assert (made.size, made.stored) == (size, stored)
        assert train_config("unet", profile, size=size, stored=size + 1).stored == size + 1


def test_what_is_stored_can_be_changed_alone():
    assert (train_config("unet", stored=90).size, train_config("unet", stored=90).stored) == (64, 90)
    assert train_config("unet", "paper", stored=450).stored == 450


def test_changes_come_before_the_profile_and_none_changes_nothing():
    assert train_config("unet", "smoke", epochs=7, width=None, seed=3) == dataclasses.replace(
        train_config("unet", "smoke"), epochs=7, seed=3
    )
    fields = [field.name for field in dataclasses.fields(TrainConfig) if field.name != "name"]
    assert train_config("gan-l1", **dict.fromkeys(fields)) == GAN_L1
    assert train_config("unet", loss="l1", batch=8) == dataclasses.replace(UNET, loss="l1", batch=8)


def test_a_size_still_decides_what_is_stored_when_stored_is_none():
    assert train_config("unet", size=128, stored=None) == train_config("unet", size=128)


@pytest.mark.parametrize("epochs", [0, 3])
def test_a_smoke_test_is_pretrained_as_asked(epochs):
    assert train_config("gan-l1", "smoke", pretrain=epochs).pretrain == epochs


def test_unknown_fields_are_no_changes():
    with pytest.raises(TypeError, match="learning_rate"):
        train_config("unet", learning_rate=1)


def test_a_pretrained_encoder_stays_at_first_and_learns_then():
    assert UNET_PRETRAINED.encoder == LITE0 and (UNET_PRETRAINED.loss, UNET_PRETRAINED.adversarial) == ("mse", False)
    assert (UNET_PRETRAINED.pretrain, UNET_PRETRAINED.epochs, UNET_PRETRAINED.cached) == (4, 4, 2)
    first = UNET_PRETRAINED.pretraining()
    assert first.name == "unet-pretrained-frozen" and (first.encoder_rate, first.pretrain, first.epochs) == (0, 0, 4)
    assert first.rate == 2 * UNET_PRETRAINED.rate and UNET_PRETRAINED.encoder_rate == 0.3
    for field in ("encoder", "cached", "size", "stored", "width", "decay", "loss", "batch", "seed"):
        assert getattr(first, field) == getattr(UNET_PRETRAINED, field), field


def test_bins_classify_on_the_encoder_of_unet_pretrained():
    assert (BINS.loss, BINS.uniform, BINS.temperature) == ("bins", 0.7, 0.2)  # 0.5 and 0.38 with Zhang et al. 2016
    assert (BINS.encoder_rate, BINS.pretrain) == (0, 0)
    same = {field: getattr(UNET_PRETRAINED, field) for field in ("name", "loss", "encoder_rate", "pretrain")}
    assert dataclasses.replace(BINS, **same, epochs=4, rate=1e-3) == UNET_PRETRAINED
    first = train_config("bins", pretrain=2, uniform=0.1, temperature=0.7).pretraining()
    assert (first.name, first.loss, first.uniform, first.temperature) == ("bins-frozen", "bins", 0.1, 0.7)


@pytest.mark.parametrize("name", ["unet-pretrained", "bins"])
def test_the_papers_profile_keeps_no_features_of_photos_of_400_pixels(name):
    assert train_config(name, "paper").cached == 0 and train_config(name, "smoke").cached == 2


@pytest.mark.parametrize(
    ("name", "changes", "says"),
    [
        (
            "unet",
            {"loss": "bins", "depth": 1},
            "loss 'bins' needs a depth of at least 2, got 1: it answers at a quarter",
        ),
        ("unet", {"encoder_rate": 0.5}, f"encoder_rate and cached need an encoder: --encoder {LITE0}"),
        ("unet", {"cached": 1}, "encoder_rate and cached need an encoder"),
        ("bins", {"encoder": "none"}, "encoder_rate and cached need an encoder"),
        ("hinted", {"encoder": "none"}, "encoder_rate and cached need an encoder"),
        ("hinted", {"cached": 3}, "cached must be 0, or as rounds 4: features belong to the squares of the hints"),
        ("hinted-alone", {"rounds": 2}, "cached must be 0, or as rounds 2"),
        ("hinted", {"folds": 1}, "folds must be 0, or at least 2 with hints 'spread', got 1"),
        ("hinted", {"folds": -1}, "folds must not be negative, got -1"),
        ("hinted-alone", {"folds": 2}, "folds must be 0, or at least 2 with hints 'spread', got 2"),
        ("unet", {"folds": 2}, "folds must be 0, or at least 2 with hints 'spread', got 2"),
        ("hinted", {"loss": "bins"}, "hints 'spread' go with loss mse or l1: the network answers with a distribution"),
        (
            "gan-paper",
            {"batch_norm": True},
            "batch_norm is of the discriminator 'patch': the paper's, 'binary', has it",
        ),
        ("unet", {"vivid": -1}, "vivid must not be negative, got -1"),
        ("bins", {"discriminator": "patch"}, "loss 'bins' goes with no discriminator"),
        ("gan-l1", {"encoder": LITE0, "loss": "bins"}, "loss 'bins' goes with no discriminator"),
        ("bins", {"uniform": 1.01}, r"uniform must lie in \[0, 1\] and temperature above 0, got 1.01 and 0.2"),
        ("bins", {"uniform": -0.1}, "uniform must lie in"),
        ("bins", {"temperature": 0.0}, "uniform must lie in .* and temperature above 0, got 0.7 and 0.0"),
        ("bins", {"encoder_rate": -0.1}, "encoder_rate must not be negative, got -0.1"),
        ("bins", {"cached": -1}, "cached must not be negative, got -1"),
    ],
    ids=str,
)
def test_what_does_not_go_with_an_encoder_or_without_is_named(name, changes, says):
    with pytest.raises(UserError, match=says):
        train_config(name, **changes)


@pytest.mark.parametrize("profile", PROFILES)
def test_pretraining_keeps_the_generator_and_its_pixel_loss(profile):
    game = train_config("gan-l1", profile, depth=3, batch=6, seed=5, upsampling="resize", jitter=0.3, stored=500)
    first = game.pretraining()
    assert first.name == "gan-l1-pretrained" and first.epochs == game.pretrain >= 1
    for field in ("loss", "batch", "size", "stored", "jitter", "width", "depth", "upsampling", "seed"):
        assert getattr(first, field) == getattr(game, field), field
    for field in ("discriminator", "weight", "rate", "betas", "decay", "schedule", "ema", "pretrain", "spectral"):
        assert getattr(first, field) == getattr(UNET, field), field
    assert not first.adversarial


def test_a_config_cannot_be_changed_behind_ones_back():
    for name in CONFIGS:
        with pytest.raises(dataclasses.FrozenInstanceError):
            CONFIGS[name].rate = 1.0
    made = train_config("unet", rate=1.0)
    assert made.rate == 1.0 and UNET.rate == 2e-3 and CONFIGS["unet"] is UNET


def test_configs_survive_pickle_and_json():
    for made in CONFIGS.values():
        assert pickle.loads(pickle.dumps(made)) == made
        again = TrainConfig(**json.loads(json.dumps(dataclasses.asdict(made))))  # betas come back as a list
        assert again == made and hash(again) == hash(made) and isinstance(again.betas, tuple)


def test_configs_load_no_library():
    code = "import nbhelpers.networks.config, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "lightning", "nbhelpers.networks.models"} & set(done.stdout.split())
