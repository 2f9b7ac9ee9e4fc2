"""Scores that are kept: the same as those of `evaluate`, never those of another method, photo or setting."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nbhelpers import system
from nbhelpers.colour.chroma import ColourStatistics
from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.evaluation import scores
from nbhelpers.evaluation.evaluate import MEASURES, evaluate
from nbhelpers.evaluation.scores import fingerprint, score_methods
from nbhelpers.hints import Colorization, Constant, Nearest, hide_pixels
from nbhelpers.linear.colorizers import Propagation
from nbhelpers.networks.inference import NetworkColorizer
from nbhelpers.networks.models import UNet
from nbhelpers.photos import Photos, open_photos
from nbhelpers.photos.cache import PhotoWarning
from nbhelpers.photos.decoding import PhotoError
from nbhelpers.rows.colorizers import PositionMean
from nbhelpers.system import backend

METHODS = (Constant("brown", (5.0, 10.0)), Nearest(prior=(1.0, 2.0)))
SHARES = (0.5, 1.0)


@pytest.fixture(scope="module")
def photos(sample):
    return sample.test[:3]


@pytest.fixture(scope="module")
def found(photos):
    return score_methods(METHODS, photos, SHARES, seed=4)


def same(first, second):
    order = ["method", "photo", "unknown"]
    tables = [table.sort_values(order).reset_index(drop=True).drop(columns="seconds") for table in (first, second)]
    pd.testing.assert_frame_equal(*tables)


def test_the_scores_are_those_of_evaluate(photos, found):
    same(found.table, evaluate(METHODS, photos, SHARES, seed=4, jobs=1, measures=MEASURES))


def test_the_colours_are_those_of_the_unknown_pixels_of_all_photos(photos, found):
    expected = []
    for i in range(len(photos)):
        lab = rgb_to_lab(photos[i])
        hints = hide_pixels(lab[..., 1:], 0.5, seed=4 + i)
        ab = METHODS[1].colorize(lab[..., 0], hints).ab
        expected.append(ColourStatistics.of(np.dstack([lab[..., 0], ab])[~hints.known]))
    total = expected[0] + expected[1] + expected[2]
    assert np.array_equal(found.colours["nearest", 0.5].counts, total.counts)
    assert found.colours["nearest", 0.5].chroma == pytest.approx(total.chroma)
    assert set(found.colours) == {(m.name, share) for m in METHODS for share in SHARES}


def test_jobs_do_not_change_the_scores(photos, found):
    with backend(jobs=2):
        same(score_methods(METHODS, photos, SHARES, seed=4).table, found.table)


def test_a_cluster_gives_the_same_scores(photos, found, cluster):
    with backend(cluster.scheduler_address):
        same(score_methods(METHODS, photos, SHARES, seed=4).table, found.table)


def test_a_second_call_reads_what_was_kept(photos, tmp_path, monkeypatch):
    first = score_methods(METHODS, photos, SHARES, tmp_path, seed=4)
    assert sorted(path.name.rpartition("-")[0] for path in tmp_path.iterdir()) == ["brown", "nearest"]
    monkeypatch.setattr(scores, "score", None)  # nothing is measured again
    again = score_methods(METHODS, photos, SHARES, tmp_path, seed=4)
    pd.testing.assert_frame_equal(again.table, first.table)
    for key, value in first.colours.items():
        for field in dataclasses.fields(ColourStatistics):
            pair = [getattr(colours, field.name) for colours in (value, again.colours[key])]
            assert np.array_equal(*pair), field.name


@pytest.mark.parametrize("change", ["method", "photos", "shares", "seed", "measures"])
def test_another_method_photo_or_setting_is_measured_anew(photos, tmp_path, change):
    given = {"method": METHODS[0], "photos": photos, "shares": (1.0,), "seed": 0, "measures": ("ab_mse",)}
    other = {"method": Constant("brown", (5.0, 10.5)), "photos": photos[:2], "shares": (0.9,), "seed": 1}
    other |= {"measures": ("ab_mse", "psnr")}

    def score(asked):
        return score_methods([asked["method"]], asked["photos"], asked["shares"], tmp_path, asked["seed"],
                             asked["measures"])  # fmt: skip

    score(given)
    score(given | {change: other[change]})
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupted_run_goes_on_with_the_next_method(photos, tmp_path, monkeypatch):
    measured, original = [], scores.score

    def once(colorizers, *rest, **more):
        if colorizers[0].name == "nearest" and "nearest" not in measured:
            measured.append("nearest")
            raise KeyboardInterrupt
        measured.append(colorizers[0].name)
        return original(colorizers, *rest, **more)

    monkeypatch.setattr(scores, "score", once)
    with pytest.raises(KeyboardInterrupt):
        score_methods(METHODS, photos, SHARES, tmp_path)
    assert [path.name.rpartition("-")[0] for path in tmp_path.iterdir()] == ["brown"]  # and no half-written file
    measured[:] = ["nearest"]
    score_methods(METHODS, photos, SHARES, tmp_path)
    assert set(measured) == {"nearest"}


def test_a_damaged_file_is_measured_again(photos, tmp_path):
    first = score_methods(METHODS[:1], photos, SHARES, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:300])
    same(score_methods(METHODS[:1], photos, SHARES, tmp_path).table, first.table)


def test_an_unreadable_photo_is_named_and_left_out(tmp_path, sample):
    for i in range(3):
        Image.fromarray(sample.test[i]).save(tmp_path / f"{i}.jpg", quality=95)
    photos = open_photos(tmp_path, size=96)
    every = photos.train if len(photos.train) >= len(photos.test) else photos.test
    broken = tmp_path / every.names[0]
    broken.write_bytes(broken.read_bytes()[:400])  # its header is whole, its pixels are not there
    with pytest.warns(PhotoWarning, match="skipped"):
        table = score_methods(METHODS[:1], every, [1.0], measures=("ab_mse",)).table
    assert len(table) == len(every) - 1


def test_a_photo_that_was_not_solved_is_in_the_table_and_not_in_the_colours(photos):
    class Stubborn:
        name = "stubborn"

        def colorize(self, lightness, hints):
            return Colorization(np.full((*lightness.shape, 2), 5, np.float32), lightness[0, 0] != first[0, 0])

    first = rgb_to_lab(photos[0])[..., 0]
    found = score_methods([Stubborn()], photos, [1.0], measures=("chroma",))
    assert found.table["converged"].tolist() == [False, True, True]
    assert found.colours["stubborn", 1.0].pixels == 2 * first.size


def test_scores_are_not_kept_while_a_photo_cannot_be_read(tmp_path, photos, monkeypatch):
    def blind(self, index):
        if not isinstance(index, slice) and self.names[index] == photos.names[0]:
            raise PhotoError(self.names[index], "no light")
        return original(self, index)

    original = Photos.__getitem__
    monkeypatch.setattr(Photos, "__getitem__", blind)
    with pytest.warns(PhotoWarning, match="no light"):
        assert len(score_methods(METHODS[:1], photos, [1.0], tmp_path).table) == 2
    monkeypatch.setattr(Photos, "__getitem__", original)
    assert len(score_methods(METHODS[:1], photos, [1.0], tmp_path).table) == 3


def test_new_code_is_measured_anew(tmp_path, photos, monkeypatch):
    score_methods(METHODS[:1], photos[:1], [1.0], tmp_path)
    monkeypatch.setattr(scores, "_code", lambda: "another solver")
    score_methods(METHODS[:1], photos[:1], [1.0], tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("library", ["numpy", "scipy", "scikit-learn", "scikit-image", "torch", "pyamg"])
def test_another_version_of_a_library_is_measured_anew(tmp_path, photos, monkeypatch, library):
    score_methods(METHODS[:1], photos[:1], [1.0], tmp_path)
    true = system.version
    monkeypatch.setattr(system, "version", lambda name: "0.0.1" if name == library else true(name))
    score_methods(METHODS[:1], photos[:1], [1.0], tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_two_methods_of_one_name_and_unknown_measures_are_refused(photos):
    with pytest.raises(ValueError, match="name of its own"):
        score_methods([METHODS[0], METHODS[0]], photos, [1.0])
    with pytest.raises(ValueError, match="'lpips'.*ab_mse"):
        score_methods(METHODS, photos, [1.0], measures=("lpips",))


def test_fingerprints_tell_methods_apart():
    ab = np.zeros((2, 3, 2), np.float32)
    network, other = UNet(2, 1), UNet(2, 1)
    other.load_state_dict(network.state_dict())
    with_bias = dict(other.state_dict())
    methods = [
        Constant("a"),
        Constant("a", (0.0, 1.0)),
        PositionMean(ab),
        PositionMean(ab + np.float32(1e-6)),
        PositionMean(ab.reshape(3, 2, 2)),
        Propagation("a", "edge-aware"),
        Propagation("a", "edge-aware", beta=26.0),
        NetworkColorizer("a", network, 16),
        NetworkColorizer("a", network, 16, 1.5),
    ]
    assert len({fingerprint(method) for method in methods}) == len(methods)
    assert fingerprint(NetworkColorizer("a", other, 16)) == fingerprint(methods[7])
    assert fingerprint(PositionMean(np.asfortranarray(ab))) == fingerprint(methods[2])  # the layout says nothing
    name = next(iter(with_bias))
    with_bias[name] = with_bias[name] + 1e-3
    other.load_state_dict(with_bias)
    assert fingerprint(NetworkColorizer("a", other, 16)) != fingerprint(methods[7])
    with pytest.raises(TypeError, match="object"):
        fingerprint(object())
