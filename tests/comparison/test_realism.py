"""Realism: what EfficientNet-Lite0 sees; LPIPS and FID, taken when their weights are here, never blindly unpickled."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torchmetrics.functional.image import learned_perceptual_image_patch_similarity
from torchvision.models import squeezenet1_1

from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.comparison import realism
from nbhelpers.hints import Constant, Hints
from nbhelpers.networks import encoder


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


# ---- what EfficientNet-Lite0 sees


def test_the_distance_is_that_of_two_normal_distributions():
    """Against the formula with SciPy's matrix root; and by hand where only the mean differs."""
    rng = np.random.default_rng(0)
    true, painted = rng.normal(size=(60, 6)), rng.normal(1, 2, size=(40, 6)) @ rng.normal(size=(6, 6))
    covariances = [np.cov(rows, rowvar=False) for rows in (true, painted)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    gap = np.square(true.mean(0) - painted.mean(0)).sum()
    expected = gap + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert realism.frechet(true, painted) == pytest.approx(expected, rel=1e-8)
    assert realism.frechet(painted, true) == pytest.approx(expected, rel=1e-8)
    assert realism.frechet(true, true + [3, 4, 0, 0, 0, 0]) == pytest.approx(25)
    assert realism.frechet(true, true[::-1]) == pytest.approx(0, abs=1e-9)
    wide = rng.normal(size=(20, 50))  # fewer photos than features
    assert realism.frechet(wide, 2 * wide) == pytest.approx(np.trace(np.cov(wide, rowvar=False)) + gap_of(wide))


def gap_of(rows):
    return np.square(rows.mean(0)).sum()


def test_a_resample_counts_each_photo_as_often_as_it_was_drawn():
    rng = np.random.default_rng(1)
    true, painted, drawn = rng.normal(size=(30, 5)), rng.normal(size=(30, 5)), rng.integers(0, 30, 30)
    counted = realism.frechet(true, painted, np.bincount(drawn, minlength=30))
    assert counted == pytest.approx(realism.frechet(true[drawn], painted[drawn]), rel=1e-9)


@pytest.fixture(scope="module")
def planted():
    """What would be seen: the truth, a method near it, one far away, and one that is right in every second photo."""
    rng = np.random.default_rng(2)
    features, answers = rng.normal(size=(200, 20)), rng.dirichlet(np.ones(7), 200)
    other = np.roll(answers, 1, axis=1)
    half = np.where(np.arange(200)[:, None] % 2, answers, other)
    near, far = features + rng.normal(0, 0.1, features.shape), features + rng.normal(0.3, 1, features.shape)
    made = {"truth": (features, answers), "near": (near, answers), "far": (far, other), "half": (far, half)}
    return {name: realism.Seen(*each) for name, each in made.items()}


def test_the_more_alike_is_nearer_and_the_truth_has_a_floor(planted):
    table = realism.compare(planted, draws=50).set_index("method")
    assert list(table.index) == ["truth", "near", "far", "half"] and (table["photos"] == 200).all()
    assert table.loc["truth", "frechet"] == pytest.approx(0, abs=1e-9) and np.isnan(table.loc["truth", "frechet_low"])
    assert 0 < table.loc["near", "frechet"] < 1 < table.loc["far", "frechet"] == table.loc["half", "frechet"]
    assert (table["halves"] > table["frechet"]).all()  # half the photos, and others
    floor = table.loc["truth", "halves"]
    assert floor == pytest.approx(table.loc["near", "halves"], rel=0.1) and table.loc["far", "halves"] > 1.5 * floor
    assert table["agreement"].tolist() == [1, 1, 0, 0.5]
    assert table.loc["half", "agreement_low"] < 0.5 < table.loc["half", "agreement_high"]
    assert table.loc["near", "behind"] == 0 and np.isnan(table.loc["near", "behind_low"])  # nothing is nearer
    behind = table.loc["far", "frechet"] - table.loc["near", "frechet"]
    assert table.loc["far", "behind"] == pytest.approx(behind) and table.loc["far", "behind_low"] > 0
    again = realism.compare(planted, draws=50).set_index("method")
    assert again.equals(table) and not realism.compare(planted, 1, draws=50).set_index("method").equals(table)


def test_an_interval_holds_what_is_true_of_many_photos():
    """Sets whose distance is known when they are large: 9 from the means and (2 - 1)^2 for each of 4 features."""
    inside = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        features = rng.normal(size=(300, 4))
        answers = np.eye(2)[rng.integers(0, 2, 300)]
        painted = 2 * features + [3, 0, 0, 0]
        seen = {"truth": realism.Seen(features, answers), "x": realism.Seen(painted, answers)}
        row = realism.compare(seen, draws=200, splits=1).iloc[1]
        inside += row["frechet_low"] <= 9 + 4 <= row["frechet_high"]
    assert inside >= 16  # of 20, at 95 %: fewer has a chance of 0.3 %


def test_with_more_features_than_photos_an_interval_holds_what_sets_of_so_many_photos_have():
    """Where the distance of a resample is much larger than that of the set: its spread is right, its place is not."""
    rng = np.random.default_rng(3)
    stretch = rng.uniform(0.5, 1.5, 150)

    def distances(draws):
        features = rng.normal(size=(100, 150))
        painted = features * stretch + rng.normal(0, 0.3, (100, 150))
        seen = {name: realism.Seen(rows, np.eye(2)[[0] * 100]) for name, rows in (("truth", features), ("x", painted))}
        return realism.compare(seen, draws=draws, splits=1).iloc[1]

    fresh, found = [distances(2)["frechet"] for _ in range(60)], [distances(40) for _ in range(20)]
    assert sum(row["frechet_low"] <= np.mean(fresh) <= row["frechet_high"] for row in found) >= 16  # as above
    wide = np.mean([row["frechet_high"] - row["frechet_low"] for row in found]) / (2 * 1.96 * np.std(fresh, ddof=1))
    assert 0.9 < wide < 1.6  # somewhat too wide


def test_few_photos_have_no_distance(planted):
    few = {name: realism.Seen(each.features[:99], each.answers[:99]) for name, each in planted.items()}
    table = realism.compare(few)
    assert table[["frechet", "frechet_low", "halves"]].isna().all(axis=None) and table["agreement"].notna().all()


def test_it_sees_what_the_network_sees_in_each_photo(sample):
    photos = [sample.test[i] for i in range(2)]
    seen = realism.perceive([Constant("grey"), Constant("red", (60.0, 40.0))], photos)
    assert list(seen) == ["truth", "grey", "red"]
    for name, ab in (("grey", (0.0, 0.0)), ("red", (60.0, 40.0))):
        for i, photo in enumerate(photos):
            lab = rgb_to_lab(photo)
            shown = lab_to_rgb(np.dstack([lab[..., 0], np.broadcast_to(np.float32(ab), (*lab.shape[:2], 2))]))
            features, answer = encoder.look(shown)
            np.testing.assert_allclose(seen[name].features[i], features, rtol=1e-3, atol=1e-3)
            np.testing.assert_allclose(seen[name].answers[i], answer, atol=1e-4)
    np.testing.assert_allclose(seen["truth"].features[1], encoder.look(photos[1])[0], rtol=1e-3, atol=1e-3)


def test_a_method_taught_by_the_judge_is_compared_and_is_no_yardstick():
    rng = np.random.default_rng(3)
    true = rng.normal(size=(realism.LEAST_FRECHET, 4)).astype(np.float32)
    answers = np.eye(4, dtype=np.float32)[rng.integers(0, 4, len(true))]
    moved = {"bins": 0.1, "grey": 0.6, "unet": 0.3}  # how far off
    seen = {"truth": realism.Seen(true, answers)}
    seen |= {name: realism.Seen(true + by, answers) for name, by in moved.items()}
    behind = realism.compare(seen, draws=20, splits=2).set_index("method")["behind"]
    assert behind["unet"] == 0 and behind["bins"] < 0 < behind["grey"]
    assert behind["bins"] == pytest.approx(4 * (0.1**2 - 0.3**2), rel=1e-3)
