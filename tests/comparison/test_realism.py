"""LPIPS and FID: left out with a way to get them, taken when their weights are here, and never unpickled blindly."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import learned_perceptual_image_patch_similarity
from torchvision.models import squeezenet1_1

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.comparison import realism
from nbhelpers.hints import Constant, Hints


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """An empty folder where torch looks for weights."""
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints"


def test_without_weights_each_line_says_how_to_get_them(weights):
    lpips, fid = realism.status().splitlines()
    assert "LPIPS: left out" in lpips and "alexnet" in lpips
    assert "FID: left out" in fid and "torch-fidelity" in fid
    assert not realism.lpips_ready() and not realism.fid_ready()


def test_a_file_that_would_run_code_is_not_loaded(weights, capsys):
    class Evil:
        def __reduce__(self):
            return (print, ("run",))

    path = weights / realism.LPIPS_FILES["alex"]
    torch.save({"weight": Evil()}, path)
    assert not realism.lpips_ready() and capsys.readouterr().out == ""
    torch.load(path, weights_only=False)  # as it would, if it were believed
    assert capsys.readouterr().out == "run\n"


def test_with_weights_it_is_the_measure_of_torchmetrics(weights, monkeypatch, sample):
    monkeypatch.setattr(realism, "LPIPS_NET", "squeeze")  # 5 MB of weights instead of 233, drawn at random here
    torch.manual_seed(0)
    torch.save(squeezenet1_1(weights=None).state_dict(), weights / realism.LPIPS_FILES["squeeze"])
    assert realism.lpips_ready() and "LPIPS: ready" in realism.status()
    photos, grey = [sample.test[i] for i in range(2)], Constant("grey")
    table = realism.measure([grey], photos)
    expected = []
    for photo in photos:
        lab = rgb_to_lab(photo)
        shown = lab_to_rgb(np.dstack([lab[..., 0], grey.colorize(lab[..., 0], Hints.none(lab.shape[:2])).ab]))
        pair = [torch.from_numpy(rgb.copy()).permute(2, 0, 1)[None] / 127.5 - 1 for rgb in (shown, photo)]
        expected.append(float(learned_perceptual_image_patch_similarity(*pair, net_type="squeeze")))
    assert table.loc[0, "lpips"] == pytest.approx(np.mean(expected), rel=1e-4) and min(expected) > 0
    assert np.isnan(table.loc[0, "fid"]) and table.loc[0, "photos"] == 2
