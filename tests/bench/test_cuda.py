"""The campaign: rehearsed on a bare machine; its time, failures, resume and sentences with planted steps."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from campaigns import DEVICE, Clock, campaign, squares, table
from PIL import Image

from nbhelpers import cli, paths
from nbhelpers.bench import cuda, cuda_campaign
from nbhelpers.bench.cuda_campaign import OutOfTime, Step
from nbhelpers.errors import UserError
from nbhelpers.evaluation import reference
from nbhelpers.photos import pack

TABLES = {"paper", "paper_log", "paper_small", "paper_small_log", "resume", "right", "ship", "speed"}
TABLES |= {"paper_seed_1", "paper_seed_1_log", "memory", "unet", "unet_log", "unet_seed_1", "unet_seed_1_log"}
# Without Jupyter and pyamg: not to be found, rather than an error when one asks for them, as other libraries do.
BARE = """
import dataclasses, importlib.machinery, os, sys

class Finder:
    hidden = {"nbformat", "nbconvert", "ipywidgets", "IPython", "papermill", "pyamg", "voila", "dask", "distributed"}

    def hides(name):
        top = name.partition(".")[0]
        return top in Finder.hidden or top.startswith("jupyter")

    def find_spec(name, *rest):
        return None if Finder.hides(name) else importlib.machinery.PathFinder.find_spec(name, *rest)

    def find_distributions(*given):
        found = importlib.machinery.PathFinder.find_distributions(*given)
        return (each for each in found if not Finder.hides(each.metadata["Name"]))

sys.meta_path[sys.meta_path.index(importlib.machinery.PathFinder)] = Finder
for name in list(sys.modules):
    assert not Finder.hides(name), name
from nbhelpers import cli
from nbhelpers.bench import cuda, cuda_campaign, cuda_shipping, cuda_training

cuda_training.SEEDS = cuda_shipping.SEEDS = (1,)

def command(*arguments):
    try:
        cli.main(["bench", "cuda", *arguments])
    except SystemExit as end:
        assert end.code == 0, end.code

command("--dry-run", "--budget", "1080")
import pytest

os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
files = [f"tests/{name}.py" for name in cuda_campaign.Sizes().tests]
assert pytest.main(["-m", "cuda", "--collect-only", "-q", "-p", "no:cacheprovider", *files]) == 0
cuda.TINY = dataclasses.replace(cuda.TINY, tests=(), width=3, small=3)
command("--photos", sys.argv[1], "--out", sys.argv[2], "--rehearse")
assert not any(map(Finder.hides, sys.modules))
"""


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """A pack of 20 training and 6 test photos."""
    folder = tmp_path_factory.mktemp("photos")
    for seed, (part, count) in enumerate({"train": 20, "test": 6}.items()):
        (folder / part).mkdir()
        for number, photo in enumerate(squares(count, seed=seed)):
            Image.fromarray(photo).save(folder / part / f"{number:02d}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "DATA", tmp_path_factory.mktemp("data"))
        pack.write(folder, folder / "photos.zip", size=48, progress=False)
    return folder / "photos.zip"


@pytest.fixture(scope="module")
def rehearsed(packed, tmp_path_factory):
    """The folder of a whole rehearsal on a bare machine, and what was printed on the way."""
    out = tmp_path_factory.mktemp("campaign") / "out"
    asked = [sys.executable, "-c", BARE, packed, out]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=300, cwd=paths.ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done.stdout


def log_of(out):
    return json.loads((out / "10_cuda_campaign.json").read_text())


def test_a_bare_machine_plans_and_finds_the_tests_for_cuda(rehearsed):
    title, *plan = rehearsed[1].splitlines()[:8]
    assert title.split() == ["step", "question", "share_s", "photos", "PFLOP", "estimate_s"]
    assert [line.split()[0] for line in plan] == ["right", "speed", "paper", "ship", "memory", "unet", "again"]
    shares, photos, work, seconds = zip(*(map(float, line.split()[-4:]) for line in plan))
    assert sum(shares) == 1080 and photos[2] == 5000 * 100
    assert work[2] == pytest.approx(photos[2] * 0.769e-3 * 128**2 / 400**2, rel=0.01)
    assert seconds == pytest.approx([1e15 * one / cuda.ASSUMED for one in work], rel=0.01)
    for name in cuda_campaign.Sizes().tests:
        assert f"tests/{name}.py:" in rehearsed[1]


def test_a_rehearsal_leaves_every_table(rehearsed):
    out, done = rehearsed[0], log_of(rehearsed[0])
    assert list(done) == ["about", "right", "speed", "paper", "ship", "memory", "unet", "again"]
    assert {done[step.name]["state"] for step in cuda.steps()} == {"done"}
    assert done["about"]["photos"] == [20, 6] and done["about"]["card"] == cuda_campaign.card(DEVICE)
    assert "numpy" in done["about"] and "pyamg" not in done["about"]
    assert {path.stem.removeprefix("10_cuda_") for path in out.glob("*.csv")} == TABLES
    for name in TABLES:
        measured = table(out, name)[["card", "torch"]].drop_duplicates()
        assert measured.values.tolist() == [[cuda_campaign.card(DEVICE), torch.__version__]]
    assert table(out, "resume")[["a second run repeats", "resume is exact"]].all(axis=None)
    right, speed, ship = (table(out, name) for name in ("right", "speed", "ship"))
    alike, again = right["variant"] != "float32, another seed", right["variant"] == "float32, once more"
    assert right["within"][alike].all() and again.sum() == 2 and (right["difference"][again] < 1e-3).all()
    assert (
        set(speed["network"]) == {"unet", "gan-paper"}
        and "note" not in speed
        and (speed["photos_per_second"] > 0).all()
    )
    assert set(speed["ratio"][speed["variant"].str.startswith("plain PyTorch")]) == {1}
    fits = table(out, "memory")
    assert fits.groupby("network")[["size", "batch"]].value_counts().tolist() == [1] * 12 and "note" not in fits
    assert (fits["photos_per_second"] > 0).all()
    long = table(out, "unet")
    assert long["epoch"].tolist() == 2 * [0, 1, 2, 4] and set(table(out, "unet_seed_1")["seed"]) == {1}
    assert {"10_cuda_unet.png", "10_cuda_unet_photos.webp"} <= {path.name for path in out.iterdir()}
    made = ["unet-pretrained-frozen", "unet-pretrained", "unet-pretrained", "gan-paper", "bins", "unet", "gan-l1"]
    assert ship["network"].tolist()[1:8] == made and set(ship["photos"]) == {8} and "note" not in ship
    assert all((out / "networks" / file).is_file() for file in ship["file"].dropna())


def test_what_is_done_is_not_done_again(rehearsed, packed, monkeypatch):
    out, before = rehearsed[0], log_of(rehearsed[0])
    with pytest.raises(UserError, match=r"holds a campaign: go on with --resume, or name another folder"):
        cuda.main(packed, out, rehearse=True)
    with pytest.raises(UserError, match="holds a campaign of other sizes, such as a rehearsal"):
        cuda.main(packed, out, resume=True, rehearse=True)
    monkeypatch.setattr(cuda, "TINY", dataclasses.replace(cuda_campaign.TINY, tests=(), width=3, small=3))  # as there
    monkeypatch.setattr(cuda, "_taken", None)
    cuda.main(packed, out, resume=True, rehearse=True)
    assert log_of(out) == before


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"about": {"card": "none"}}'])
def test_a_damaged_campaign_is_named(packed, tmp_path, text):
    (tmp_path / "10_cuda_campaign.json").write_text(text)
    with pytest.raises(UserError, match="10_cuda_campaign.json is damaged: delete it, or name another folder"):
        cuda.main(packed, tmp_path, resume=True, rehearse=True)


class Steps:
    """Two planted steps, one share and three; `does` says what each does, `called` with how many seconds."""

    def __init__(self, patch):
        self.called, self.does = [], {}
        self.clock = Clock(cuda, cuda_campaign, patch=patch)
        made = [
            Step(name, "?", share, lambda c, n=name: self.do(n, c), None) for name, share in (("one", 1), ("two", 3))
        ]
        patch.setattr(cuda, "steps", lambda: made)

    def do(self, name, c):
        self.called.append((name, c.left))
        self.does.get(name, lambda: None)()


@pytest.fixture
def planted(monkeypatch):
    return Steps(monkeypatch)


def fail():
    raise ValueError("broken\n  here")


def test_a_failing_step_is_named_and_tried_again(planted, packed, tmp_path):
    planted.does["one"] = fail
    with pytest.raises(UserError, match="failed: one; the reasons are in .*campaign.json; --resume tries"):
        cuda.main(packed, tmp_path, rehearse=True)
    done = log_of(tmp_path)
    assert done["one"]["state"] == "failed: ValueError: broken here" and done["two"]["state"] == "done"
    assert "in fail" in "\n".join(done["one"]["traceback"]) and "Traceback" in done["one"]["traceback"][0]
    planted.does.clear()
    cuda.main(packed, tmp_path, resume=True, rehearse=True)
    assert planted.called == [("one", 135), ("two", 540), ("one", 540)]  # with all the seconds, now
    assert log_of(tmp_path)["one"] == {"state": "done", "seconds": 0}


def test_a_step_leaves_its_time_to_the_next_and_is_cut_off_when_all_is_used(planted, packed, tmp_path):
    planted.does["one"] = lambda: setattr(planted.clock, "now", planted.clock.now + 10)
    cuda.main(packed, tmp_path / "a", budget=200, rehearse=True)
    assert planted.called == [("one", 50), ("two", 190)]

    def too_long():
        planted.clock.now += 201
        raise OutOfTime

    planted.called.clear()
    planted.does["one"] = too_long
    cuda.main(packed, tmp_path / "b", budget=200, rehearse=True)  # no failure
    done = log_of(tmp_path / "b")
    assert done["one"] == {"state": "cut off", "seconds": 201} and done["two"] == {"state": "cut off", "seconds": 0}
    planted.does.clear()
    cuda.main(packed, tmp_path / "b", budget=200, resume=True, rehearse=True)
    assert [name for name, _ in planted.called] == ["one", "one", "two"]
    assert log_of(tmp_path / "b")["two"]["state"] == "done"


@pytest.mark.parametrize(
    ("held", "rehearse", "file", "words"),
    [
        (20, True, "photos.zip", "has too few photos: the campaign needs over 20 for training"),
        (8, True, "none.zip", "there is no file .*none.zip: `nbhelpers photos pack` makes one"),
        (8, False, "photos.zip", "no CUDA device here: --dry-run shows the plan, --rehearse tries it"),
    ],
)
def test_what_is_missing_is_one_sentence(planted, packed, tmp_path, monkeypatch, held, rehearse, file, words):
    monkeypatch.setattr(cuda, "TINY", campaign(tmp_path, held=held).sizes)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=words):
        cuda.main(packed.with_name(file), tmp_path / "out", rehearse=rehearse)
    assert not planted.called and not (tmp_path / "out").exists()


@pytest.mark.parametrize("budget", [540, 541, 333.5])
def test_the_plans_shares_sum_to_the_budget_and_its_speed_is_one_that_was_measured(budget):
    assert cuda.plan(budget)["share_s"].sum() == round(budget)
    product = reference.cuda("speed")["product_TFLOP_per_second"].max()
    assert 0.35 < cuda.ASSUMED / 1e12 / product < 0.45


def test_squares_are_the_training_photos_made_small_some_several_times(tmp_path):
    c = campaign(tmp_path)
    found = np.stack(c.squares(24, 23))
    assert found.shape == (23, 24, 24, 3) and found.dtype == np.uint8 and (found[20:] == found[:3]).all()
    expected = [np.array(Image.fromarray(one).resize((24, 24), Image.Resampling.BILINEAR)) for one in c.pack.train]
    assert abs(found[:20].astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["cuda"], "needs --photos PACK and --out DIR"),
        (["cuda", "--photos", "a.zip"], "needs --photos PACK and --out DIR"),
        (["cuda", "--out", "out"], "needs --photos PACK and --out DIR"),
        (["cuda", "--photos", "a.zip", "--out", __file__], "--out names a folder"),
        (["lab", "--rehearse"], "belong to `nbhelpers bench cuda`"),
        (["lab", "--out", "out"], "belong to `nbhelpers bench cuda`"),
        (["lab", "--budget", "5"], "belong to `nbhelpers bench cuda`"),
        (["--dry-run"], "belong to `nbhelpers bench cuda`"),
    ],
)
def test_wrong_usage(capsys, arguments, words):
    with pytest.raises(SystemExit) as end:
        cli.main(["bench", *arguments])
    out, errors = capsys.readouterr()
    assert (end.value.code, out) == (2, "") and words in errors
