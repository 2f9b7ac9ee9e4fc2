"""The measures against scikit-image and worked examples; one table for any jobs; no photo is lost."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from skimage import data
from skimage.metrics import peak_signal_noise_ratio

from nbhelpers import paths
from nbhelpers.colour import metrics
from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.colour.metrics import ab_mse, psnr
from nbhelpers.errors import UserError
from nbhelpers.evaluation.evaluate import MEASURES, evaluate, evaluate_patches, score
from nbhelpers.evaluation.statistics import bootstrap_interval, paired, summarise
from nbhelpers.hints import Colorization, Constant, Nearest, hide_pixels, keep_known
from nbhelpers.linear.colorizers import Propagation
from nbhelpers.linear.neighbours import fit, gather_statistics, paper_estimators
from nbhelpers.linear.solvers import solve
from nbhelpers.linear.systems import edge_aware_system
from nbhelpers.photos import open_photos
from nbhelpers.photos.cache import PhotoWarning
from nbhelpers.system import backend

METHODS = (Constant("grey"), Nearest(), Propagation("edge-aware", "edge-aware", anchor=1e-6))
SHARES = (0.2, 0.8, 1.0)


class Stubborn:
    """A colorizer that paints every photo grey, as a solver that did not get there."""

    name = "stubborn"

    def colorize(self, lightness, hints):
        return Colorization(keep_known(np.zeros_like(hints.ab), hints), False, 0.5, "gave up after 3 iterations")


@pytest.fixture(scope="module")
def photos(sample):
    return sample.test[:3]


@pytest.fixture(scope="module")
def scores(photos):
    return evaluate(METHODS, photos, SHARES, seed=5, jobs=1)


def test_mse_is_the_mean_over_both_channels_of_the_unknown_pixels():
    truth = np.zeros((2, 3, 2), np.float32)
    ab = truth.copy()
    ab[0, 0] = 3, 4  # squares 9 and 16
    ab[1, 2] = 0, 10
    unknown = np.zeros((2, 3), bool)
    unknown[0, :2] = True
    assert ab_mse(ab, truth, unknown) == (9 + 16) / 4
    assert ab_mse(ab, truth) == (9 + 16 + 100) / 12
    assert ab_mse(truth, truth) == 0
    assert np.isnan(ab_mse(ab, truth, np.zeros((2, 3), bool)))


def test_psnr_is_scikit_images(photos):
    first, second = photos[0], photos[1]
    assert psnr(first, second) == pytest.approx(peak_signal_noise_ratio(second, first), rel=1e-12)
    assert psnr(first, first) == np.inf
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    assert psnr(black, white) == 0


def test_the_table_has_a_row_for_each_photo_share_and_method(photos, scores):
    assert list(scores.columns) == ["photo", "unknown", "method", "ab_mse", "psnr", "converged", "seconds"]
    expected = [(p, s, m.name) for p in photos.names for s in SHARES for m in METHODS]
    assert list(scores[["photo", "unknown", "method"]].itertuples(index=False, name=None)) == expected
    assert scores["converged"].all() and (scores["seconds"] > 0).all()


def test_each_number_is_what_the_colorizer_scores(photos, scores):
    for i, rgb in enumerate(photos):
        lab = rgb_to_lab(rgb)
        for share in SHARES:
            hints = hide_pixels(lab[..., 1:], share, seed=5 + i)
            for method in METHODS:
                ab = method.colorize(lab[..., 0], hints).ab
                row = scores[
                    (scores["photo"] == photos.names[i])
                    & (scores["unknown"] == share)
                    & (scores["method"] == method.name)
                ].squeeze()
                assert row["ab_mse"] == pytest.approx(ab_mse(ab, lab[..., 1:], ~hints.known), rel=1e-5)
                shown = lab_to_rgb(np.dstack([lab[..., 0], ab]))
                assert row["psnr"] == pytest.approx(peak_signal_noise_ratio(rgb, shown), rel=1e-5)


def test_fewer_hints_are_not_better(scores):
    means = scores.pivot_table(index="unknown", columns="method", values="ab_mse")
    assert (means.loc[0.2, ["nearest", "edge-aware"]] < means.loc[0.8, ["nearest", "edge-aware"]]).all()
    assert (means.loc[[0.2, 0.8], "edge-aware"] < means.loc[[0.2, 0.8], "nearest"]).all()
    assert (means.loc[[0.2, 0.8], "nearest"] < means.loc[[0.2, 0.8], "grey"] / 2).all()


def test_jobs_and_repetition_change_nothing(photos, scores):
    for jobs in (1, 2):
        again = evaluate(METHODS, photos, SHARES, seed=5, jobs=jobs)
        pd.testing.assert_frame_equal(again.drop(columns="seconds"), scores.drop(columns="seconds"))
    other = evaluate(METHODS, photos, SHARES, seed=6, jobs=1)
    assert (other["ab_mse"] != scores["ab_mse"]).any()


def test_a_cluster_gives_the_same_table(cluster, photos, scores):
    with backend(cluster.scheduler_address):
        there = evaluate(METHODS, photos, SHARES, seed=5)
    pd.testing.assert_frame_equal(there.drop(columns="seconds"), scores.drop(columns="seconds"))


def test_patches_take_the_place_of_shares(photos):
    found = evaluate_patches(METHODS, photos[:2], (0, 1, 50), seed=1, jobs=1)
    assert list(found.columns) == ["photo", "patches", "method", "ab_mse", "psnr", "converged", "seconds"]
    assert len(found) == 2 * 3 * len(METHODS)
    means = found.pivot_table(index="patches", columns="method", values="psnr")
    assert means.loc[50, "edge-aware"] > means.loc[0, "edge-aware"] + 1


def test_nothing_unknown_has_no_error(photos):
    found = evaluate(METHODS[:1], photos[:1], (0.0,), jobs=1)
    assert found["ab_mse"].isna().all() and (found["psnr"] > 40).all()


def test_an_unreadable_photo_is_named_and_the_others_are_scored(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path / "data")
    (tmp_path / "set").mkdir()
    for name, photo in (("cat", data.chelsea()), ("cup", data.coffee()), ("rocket", data.rocket())):
        for part in ("train", "test"):
            (tmp_path / "set" / part).mkdir(exist_ok=True)
            Image.fromarray(photo).save(tmp_path / "set" / part / f"{name}.png")
    opened = open_photos(tmp_path / "set", size=32).test
    opened.items[1].write_bytes(b"no photo any more")
    for jobs in (1, 2):
        with pytest.warns(PhotoWarning, match=opened.items[1].name) as caught:
            found = evaluate(METHODS[:1], opened, (0.5,), jobs=jobs)
        assert len(caught) == 1
        assert list(found["photo"]) == [opened.names[0], opened.names[2]]
    whole = evaluate(METHODS[:1], opened[2:], (0.5,), seed=2, jobs=1)
    assert found["ab_mse"].iloc[1] == whole["ab_mse"].iloc[0], "a gap does not move the others' seeds"


def test_solves_that_did_not_converge_are_counted_and_kept_out_of_the_mean(photos):
    found = evaluate((METHODS[0], Stubborn()), photos, (0.5,), jobs=1)
    assert list(found["converged"]) == [True, False] * 3
    table = summarise(found, ["method", "unknown"])
    assert list(table.columns) == ["method", "unknown", "mean", "low", "high", "photos", "not_converged"]
    grey, stubborn = (row for _, row in table.iterrows())
    assert (grey["photos"], grey["not_converged"]) == (3, 0) and grey["mean"] > 0
    assert (stubborn["photos"], stubborn["not_converged"]) == (0, 3)
    assert stubborn[["mean", "low", "high"]].isna().all()


def test_the_summary_is_the_mean_of_what_converged():
    scores = pd.DataFrame(
        {
            "method": ["b", "b", "b", "a", "a"],
            "unknown": [0.2] * 5,
            "ab_mse": [1.0, 3.0, 1000.0, 5.0, 5.0],
            "psnr": [10.0, 20.0, 0.0, 30.0, 40.0],
            "converged": [True, True, False, True, True],
        }
    )
    table = summarise(scores, ["method"])
    assert list(table["method"]) == ["b", "a"], "order of appearance"
    assert table.iloc[0].tolist() == ["b", 2.0, 1.0, 3.0, 2, 1]
    assert table.iloc[1].tolist() == ["a", 5.0, 5.0, 5.0, 2, 0]
    assert list(summarise(scores, ["method"], "psnr")["mean"]) == [15.0, 35.0]


def test_the_bootstrap_interval_of_a_coin():
    """Of 5 heads in 10 throws, the resampled means are Binomial(10, 1 / 2) / 10: quantiles 2 and 8."""
    assert bootstrap_interval([1.0, 0.0] * 5) == pytest.approx((0.2, 0.8))


def test_the_bootstrap_interval_of_many_values_is_the_normal_one():
    values = np.random.default_rng(0).normal(10, 2, 900)
    low, high = bootstrap_interval(values)
    half = 1.96 * values.std() / 30
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.08 * half)
    narrow = bootstrap_interval(values, level=0.5)
    assert low < narrow[0] < narrow[1] < high
    assert bootstrap_interval(values) == (low, high)


def test_the_bootstrap_interval_of_little():
    assert np.isnan(bootstrap_interval([])).all() and np.isnan(bootstrap_interval([4.0])).all()
    assert bootstrap_interval([4.0, 4.0, 4.0]) == (4.0, 4.0)
    assert bootstrap_interval([1.0, 3.0]) == (1.0, 3.0)  # each quarter of the resamples is all of one


@pytest.mark.photos
def test_table_1_on_real_photos(tmp_path, monkeypatch):
    """Statistics, fits and one table, and the order of the methods that many photos show."""
    monkeypatch.setattr(paths, "DATA", tmp_path)
    opened = open_photos(os.environ["NBHELPERS_PHOTOS"], size=200)
    stats = gather_statistics(opened.train, n=30)
    assert stats.rows == 30 * 198**2
    fitted = paper_estimators()
    methods = [Propagation(n, "neighbour", fit(stats, fitted[n])) for n in ("ols", "lasso", "sum-to-one")]
    found = evaluate([*METHODS, *methods], opened.test[:4], (0.2, 0.8), jobs=2)
    table = summarise(found, ["method", "unknown"])
    assert (table["not_converged"] == 0).all() and (table["photos"] == 4).all()
    assert (table["low"] <= table["mean"]).all() and (table["mean"] <= table["high"]).all()
    mean = table.set_index(["method", "unknown"])["mean"]
    for share in (0.2, 0.8):
        assert mean["grey", share] > 3 * mean["nearest", share] > 3 * mean["lasso", share]
    assert mean["ols", 0.2] < mean["lasso", 0.2]
    for name in ("nearest", "ols", "lasso", "sum-to-one", "edge-aware"):
        assert mean[name, 0.2] < mean[name, 0.8]


def test_every_measure_has_its_column_and_those_of_the_truth(photos):
    table = evaluate(METHODS, photos, (0.5, 1.0), jobs=1, measures=MEASURES)
    both = ["colourfulness", "true_colourfulness", "chroma", "true_chroma"]
    expected = ["photo", "unknown", "method", "ab_mse", "psnr", "ssim", "delta_e", *both]
    assert list(table) == [*expected, "hue_spread", "true_hue_spread", "converged", "seconds"]
    row = table.query("method == 'nearest' and unknown == 0.5").iloc[1]
    lab = rgb_to_lab(photos[1])
    hints = hide_pixels(lab[..., 1:], 0.5, seed=1)
    ab = Nearest().colorize(lab[..., 0], hints).ab
    shown = lab_to_rgb(np.dstack([lab[..., 0], ab]))
    assert row["delta_e"] == metrics.delta_e(shown, photos[1]) and row["ssim"] == metrics.ssim(shown, photos[1])
    assert row["colourfulness"] == metrics.colourfulness(shown)
    assert row["chroma"] == pytest.approx(np.hypot(*ab[~hints.known].T).mean(), rel=1e-6)
    assert row["true_chroma"] == pytest.approx(np.hypot(*lab[~hints.known, 1:].T).mean(), rel=1e-6)
    grey = table.query("method == 'grey' and unknown == 1.0")
    assert (grey["chroma"] == 0).all() and grey["hue_spread"].isna().all()


def test_nothing_unknown_has_no_colours_to_measure(photos):
    table = evaluate(METHODS[:1], photos[:1], (0.0,), jobs=1, measures=MEASURES)
    assert table[["ab_mse", "chroma", "hue_spread"]].isna().all(axis=None)
    assert table["delta_e"].iloc[0] < 0.2  # rounding to sRGB alone


def test_an_unknown_measure_is_refused_before_any_work(photos):
    with pytest.raises(ValueError, match="'mse'.*ab_mse, psnr"):
        evaluate(METHODS, photos, (1.0,), measures=("mse",))


def frame(**values):
    rows = [(f"p{i}", name, x) for name, column in values.items() for i, x in enumerate(column)]
    return pd.DataFrame(rows, columns=["photo", "method", "ab_mse"]).assign(converged=True)


def test_paired_differences_find_what_single_intervals_hide():
    hard = np.random.default_rng(1).uniform(10, 1000, 60)
    table = frame(a=hard, b=hard + 2 + np.sin(np.arange(60)))
    (gap,) = paired(table).to_dict("records")
    assert (gap["method"], gap["other"], gap["photos"]) == ("b", "a", 60)
    assert gap["difference"] == pytest.approx(2, abs=0.1) and 0 < gap["low"] < gap["difference"] < gap["high"]
    assert gap["better"] == 0
    single = summarise(table, ["method"])
    assert single["low"].max() < single["high"].min()  # alone, the two do not differ significantly


def test_paired_differences_use_the_photos_that_both_have_solved():
    table = frame(a=[1.0, 2.0, 3.0], b=[2.0, 2.0, 100.0], c=[0.0, 0.0, 0.0])
    table.loc[(table["method"] == "b") & (table["photo"] == "p2"), "converged"] = False
    found = paired(table).set_index(["method", "other"])
    assert list(found.index) == [("b", "a"), ("c", "a"), ("c", "b")]
    assert found.loc[("b", "a"), ["difference", "photos", "better"]].tolist() == [0.5, 2, 0]
    assert found.loc[("c", "a"), ["difference", "photos", "better"]].tolist() == [-2, 3, 1]
    against = paired(table, against="c")
    assert list(against["method"]) == ["a", "b"] and against["difference"].tolist() == [2, 2]


def test_a_ratio_of_means_has_an_interval_over_photos():
    rng = np.random.default_rng(0)
    true = rng.uniform(5, 30, 200)
    table = frame(a=0.5 * true + rng.normal(0, 0.1, 200)).assign(true=true)
    (row,) = summarise(table, ["method"], "ab_mse", of="true").to_dict("records")
    assert row["low"] < row["mean"] < row["high"] and row["mean"] == pytest.approx(0.5, abs=0.01)
    assert row["high"] - row["low"] < 0.01  # the ratio is far surer than either mean


def test_values_that_are_no_numbers_are_left_out_and_counted(photos):
    table = frame(a=[1.0, np.nan, 3.0])
    assert summarise(table, ["method"]).iloc[0][["mean", "photos", "not_converged"]].tolist() == [2, 2, 0]


def test_the_loop_measures_what_one_by_hand_measures(sample):
    method = Constant("a colour", (5.0, -7.0))
    with backend(jobs=2):
        painted = score([Constant("grey"), method], sample.test, by_row=True)
    labs = [rgb_to_lab(rgb) for rgb in sample.test]
    errors = [np.square(np.array([5.0, -7.0]) - lab[..., 1:]) for lab in labs]
    ours = painted.table[painted.table["method"] == "a colour"]
    assert ours["photo"].tolist() == list(sample.test.names)
    np.testing.assert_allclose(ours["ab_mse"], [error.mean() for error in errors], rtol=1e-5)
    np.testing.assert_allclose(painted.rows["a colour", 1.0], np.mean(errors, axis=0).mean(axis=(1, 2)), rtol=1e-5)
    truth = sum((ColourStatistics.of(lab) for lab in labs[1:]), ColourStatistics.of(labs[0]))
    assert (painted.colours["truth", 1.0].counts == truth.counts).all()
    assert painted.colours["a colour", 1.0].pixels == 96 * 96 * len(labs)
    assert painted.colours["a colour", 1.0].spread == pytest.approx(0, abs=1e-3)


def test_a_share_of_the_pixels_is_measured_on_those_alone(sample):
    painted = score([Constant("grey")], sample.test[:2], [0.25], seed=7, by_row=True)
    errors, asked = [], []
    for i, rgb in enumerate(sample.test[:2]):
        ab = rgb_to_lab(rgb)[..., 1:]
        asked.append(~hide_pixels(ab, 0.25, seed=7 + i).known)
        errors.append(np.square(ab).mean(axis=2))
    expected = [error[mask].mean() for error, mask in zip(errors, asked)]
    np.testing.assert_allclose(painted.table["ab_mse"], expected, rtol=1e-5)
    rows = np.mean([(e * m).sum(axis=1) / m.sum(axis=1) for e, m in zip(errors, asked)], axis=0)
    np.testing.assert_allclose(painted.rows["grey", 0.25], rows, rtol=1e-5)
    assert (
        painted.colours["truth", 0.25].pixels
        == painted.colours["grey", 0.25].pixels
        == sum(mask.sum() for mask in asked)
    )


def test_a_list_of_arrays_will_do_and_an_empty_one_is_an_error(photos):
    table = score([METHODS[0]], [photos[0], photos[1]], measures=("ab_mse",)).table
    assert table["photo"].tolist() == ["photo 0", "photo 1"]
    assert table["ab_mse"].tolist() == evaluate(METHODS[:1], photos[:2], [1.0], jobs=1)["ab_mse"].tolist()
    with pytest.raises(UserError, match="no photo to colorize"):
        score([METHODS[0]], [])


class Patient:
    """Edge-aware, which gives up after a few steps where the photo is darker than 50 on the whole."""

    name = "patient"

    def colorize(self, lightness, hints):
        system = edge_aware_system(lightness, hints)
        found = solve(system, "cg", maxiter=2 if lightness.mean() < 50 else 1000)
        return Colorization(found.ab, found.converged, found.residual, found.note)


def test_eight_threads_report_their_own_convergence():
    rng = np.random.default_rng(0)
    levels = [30 if i % 3 == 0 else 70 for i in range(48)]
    photos = [np.uint8(np.clip(rng.normal(2.4 * level, 10, (24, 24, 3)), 0, 255)) for level in levels]

    def one(photo):
        return bool(score([Patient()], [photo], [0.9], jobs=1, measures=("ab_mse",)).table["converged"].iloc[0])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(one, photos)) == [level == 70 for level in levels]
