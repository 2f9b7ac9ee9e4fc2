"""The figures of notebooks 05 and 06: they draw what they are given."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from nbhelpers.colour import plots
from nbhelpers.colour.lab import lab_to_rgb
from nbhelpers.hints import Constant
from nbhelpers.networks import coin_world
from nbhelpers.networks import plots as network_plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def rows(n=6, **more):
    return [{"attempt": i // 4, "epoch": 0, "step": i, "loss": 1 / (i + 1), "chroma": 5.0, "real_chroma": 9.0} | more
            for i in range(n)]  # fmt: skip


def texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_unet_curves_show_the_log_and_the_errors_beside_references():
    figure = network_plots.unet_curves(rows(), [1, 2], [30.0, 20.0], {"grey": 40.0, "mean colour": 35.0})
    loss, chroma, error = figure.axes
    assert loss.lines[0].get_ydata().tolist() == [1 / (i + 1) for i in range(6)]
    assert texts(chroma) == ["painted", "true"]
    assert error.lines[0].get_ydata().tolist() == [30, 20] and texts(error)[1:] == ["grey", "mean colour"]
    assert len(network_plots.unet_curves(rows()).axes) == 2


def test_gan_curves_mark_what_guessing_costs_and_each_restart():
    game = {"adversarial": 1.0, "discriminator_loss": 1.2, "real_accuracy": 0.7, "fake_accuracy": 0.6}
    figure = network_plots.gan_curves(rows(6, **game))
    assert [ax.get_title() for ax in figure.axes][0] == "losses"
    heights = [line.get_ydata()[0] for line in figure.axes[0].lines]
    assert pytest.approx(2 * np.log(2)) in heights
    restarts = [line for line in figure.axes[1].lines if list(line.get_xdata()) == [3.5, 3.5]]
    assert len(restarts) == 1  # the attempt changes between rows 3 and 4


def test_the_feature_grid_shows_the_chosen_channels():
    maps = {"a": np.stack([np.zeros((4, 4)), np.eye(4), np.full((4, 4), 3.0)])}
    figure = network_plots.feature_grid(maps, {"a": np.array([1, 2])})
    assert np.array_equal(figure.axes[0].images[0].get_array(), np.eye(4)) and len(figure.axes) == 2
    assert "3 x 4 x 4" in figure.axes[0].get_ylabel()


def kept(errors, first=1):
    painted = [[np.full((8, 8, 2), k, np.float32)] * 2 for k in range(len(errors))]
    return SimpleNamespace(errors=errors, epochs=list(range(first, first + len(errors))), painted=painted)


def test_epochs_stand_in_columns_with_the_worst_among_them_and_the_truth_last():
    labs = [np.full((8, 8, 3), 40, np.float32)] * 2
    trainings = {"scratch": kept([5, 9, 4, 3, 3, 2, 1, 1]), "on": kept([3.0, 2.0], first=0)}
    figure = network_plots.over_epochs(labs, trainings)
    titles = [ax.get_title().replace("\n", " ") for ax in figure.axes[:7]]
    scratch = ["scratch epoch 1", "scratch epoch 2, worst", "scratch epoch 6", "scratch epoch 8"]
    assert titles == [*scratch, "on as it came, worst", "on epoch 1", "truth"]
    worst = lab_to_rgb(np.dstack([labs[0][..., 0], trainings["scratch"].painted[1][0]]))
    assert np.array_equal(figure.axes[1].images[0].get_array(), worst)
    assert np.array_equal(figure.axes[6].images[0].get_array(), lab_to_rgb(labs[0]))
    two = network_plots.over_epochs(labs, {"scratch": trainings["scratch"]}, most=2)
    titles = [ax.get_title().replace("\n", " ") for ax in two.axes[:3]]
    assert titles == ["scratch epoch 2, worst", "scratch epoch 8", "truth"]


def test_methods_stand_in_columns():
    labs = [np.full((8, 8, 3), 40, np.float32)] * 2
    figure = plots.by_method(labs, {"truth": None, "grey": Constant("grey")})
    assert [ax.get_title() for ax in figure.axes] == ["truth", "grey", "", ""]
    grey = figure.axes[3].images[0].get_array()
    assert (grey == grey[..., :1]).all()


def test_own_size_names_the_sizes():
    big, small = np.full((40, 60, 3), 50, np.float32), np.full((10, 15), 50, np.float32)
    figure = network_plots.own_size(big, small, np.zeros((10, 15, 2), np.float32), np.zeros((40, 60, 2), np.float32))
    titles = " ".join(ax.get_title() for ax in figure.axes)
    assert "60 x 40" in titles and "15 x 10" in titles


def test_coin_figures_show_every_network_and_the_worked_out_answer():
    points = np.array([[60.0, 40.0], [10.0, -50.0]])
    figure = network_plots.coin_answers({"one": points, "two": points}, {"one": np.array([35.0, -5.0])})
    assert [ax.get_title() for ax in figure.axes] == ["one", "two"]
    assert len(figure.axes[0].collections) == len(figure.axes[1].collections) + 1
    free = network_plots.coin_answers({"one": points}, {"one": points}).axes[0].patches[0]  # a whole rectangle
    assert (free.get_x(), free.get_y(), free.get_width(), free.get_height()) == (10, -50, 50, 90)
    world = coin_world.toss(4, size=16)
    figure = network_plots.coin_pictures(world, {"red": np.broadcast_to(coin_world.RED, (4, 16, 16, 2))}, count=2)
    assert len(figure.axes) == 6


def test_variants_have_a_dot_for_each_seed():
    table = pd.DataFrame({"variant": ["x", "x", "y"], "ab_mse": [1.0, 2.0, 3.0], "chroma": [4.0, 5.0, 6.0]})
    figure = network_plots.variants(table, 2.5, 7.0)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["y", "x"]
    dots = sorted(value for line in figure.axes[0].lines if line.get_marker() == "o" for value in line.get_xdata())
    assert dots == [1, 2, 3]


def test_a_long_training_shows_both_weights_with_their_intervals_and_the_losses():
    rows = [("mean colour", 0, 1.0, 9.0)]
    rows += [(w, e, v, c) for e, v, c in ((1, 4.0, 30.0), (10, 1.5, 12.0)) for w in ("last", "averaged")]
    scores = pd.DataFrame(rows, columns=["weights", "epoch", "of_mean_colour", "chroma"])
    scores = scores.assign(true_chroma=17.0, seed=0)
    scores = scores.assign(of_low=scores["of_mean_colour"] - 0.1, of_high=scores["of_mean_colour"] + 0.2)
    log = pd.DataFrame({"step": [0, 50, 99], "adversarial": [0.7, 0.8, 0.9], "discriminator_loss": [1.4, 1.3, 1.2]})
    errors, chroma, losses = network_plots.long_training(scores, log).axes
    bars = [bar.get_segments() for bar in errors.collections]
    assert len(bars) == 2 and np.allclose([segment[:, 1] for segment in bars[0]], [(3.9, 4.2), (1.4, 1.7)])
    assert [list(line.get_ydata()) for line in chroma.lines[:2]] == [[30, 12]] * 2
    assert losses.lines[0].get_xdata()[-1] == 10  # in epochs, as the others
    short = network_plots.long_training(scores.replace({"epoch": {10: 3}}), log.assign(step=[0, 15, 29]))
    assert all(tick == int(tick) for ax in short.axes for tick in ax.get_xticks())  # there are no half epochs
    both = pd.concat([scores, scores[scores["epoch"] == 1].assign(seed=1, of_mean_colour=5.0)])
    errors = network_plots.long_training(both, log).axes[0]
    assert [list(line.get_ydata()) for line in errors.lines if list(line.get_ydata()) == [5.0]] == [[5.0]] * 2
    assert "other seeds" in [text.get_text() for text in errors.get_legend().get_texts()]
    assert len(errors.collections) == 2  # they have no intervals


def test_photos_at_epochs_stand_in_order_with_their_credits():
    epochs = (1, 10, 20, 30, 40)
    pictures = {f"{w} {e:03d}": np.full((6, 8, 8, 3), e, np.uint8) for e in epochs for w in ("last", "averaged")}
    pictures |= {"truth": np.full((6, 8, 8, 3), 99, np.uint8), "credits": [f"photo {i}" for i in range(6)]}
    figure = network_plots.at_epochs(pictures, most=2)
    titles = [ax.get_title() for ax in figure.axes[:7]]
    assert titles == [
        "epoch 1",
        "epoch 10",
        "epoch 20",
        "epoch 40",
        "epoch 10, averaged",
        "epoch 40, averaged",
        "truth",
    ]
    shown = [ax.images[0].get_array()[0, 0, 0] for ax in figure.axes]
    assert shown == [1, 10, 20, 40, 10, 40, 99] * 2
    assert "photo 1" in figure._supxlabel.get_text() and "photo 2" not in figure._supxlabel.get_text()


def curve():
    kinds = {"truth": (np.nan, np.nan), "mean colour": (1, 1), "from scratch": (0.98, 0.9)}
    kinds |= {"encoder frozen": (0.9, 0.82), "encoder fine-tuned": (0.91, 0.8)}
    lines = [
        {"learned from": n, "kind": kind, "of mean colour": both[i], "chroma": 18.0 if kind == "truth" else 9.0}
        for kind, both in kinds.items()
        for i, n in enumerate((200, 5000))
    ]
    return pd.DataFrame(lines)


def test_the_encoders_figure_has_a_curve_for_each_way_to_learn():
    figure = network_plots.with_encoder(curve())
    assert texts(figure.axes[0]) == ["from scratch", "encoder frozen", "encoder fine-tuned", "the mean colour"]
    np.testing.assert_allclose(figure.axes[0].lines[1].get_ydata(), [90, 82])
    assert texts(figure.axes[1]) == ["the mean colour", "the truth"]
    assert [line.get_ydata().tolist() for line in figure.axes[1].lines[-2:]] == [[9, 9], [18, 18]]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["200", "5,000"]


@pytest.mark.parametrize(("temperature", "painted"), [(1.0, -4.0), (0.5, (0.36 * 20 - 0.16 * 40) / 0.52)])
def test_the_distribution_marks_what_is_painted_the_mean_and_the_likeliest_colour(temperature, painted):
    centres = np.array([[20.0, 0], [-20, 0], [-40, 0]])
    likely = np.array([0.6, 0.0, 0.4])
    figure = network_plots.distribution(np.zeros((8, 8, 3), np.uint8), 3, 5, likely, centres, temperature)
    marks = {line.get_label(): line.get_xydata()[0] for line in figure.axes[1].lines}
    np.testing.assert_allclose(marks["painted: annealed mean"], [painted, 0])
    np.testing.assert_allclose(marks["mean, T = 1"], [20 * 0.6 - 40 * 0.4, 0])
    np.testing.assert_allclose(marks["likeliest colour"], [20, 0])
    assert figure.axes[0].lines[0].get_xydata().tolist() == [[3, 5]]
