"""The figures of notebook 05 that show how a network is built, what it sees, and how it learns."""

import numpy as np
import pandas as pd
import pytest

from nbhelpers.networks import drawings, study
from nbhelpers.networks.models import UNet


def test_the_u_has_a_box_for_each_block_with_its_shape_and_an_arrow_for_each_way():
    figure = drawings.u_shape(study.summary(UNet(4, 2), 32))
    texts = [text.get_text() for text in figure.axes[0].texts]
    boxes = {"down.0": "4 x 32 x 32", "down.1": "8 x 16 x 16", "down.2": "16 x 8 x 8", "merge.0": "8 x 16 x 16"}
    boxes |= {"merge.1": "4 x 32 x 32", "head": "2 x 32 x 32"}
    assert [text for text in texts if "\n" in text] == [f"{name}\n{shape}" for name, shape in boxes.items()]
    assert texts.count("put beside") == texts.count("halve") == 2
    assert "up.0: 8 channels, doubled" in texts and "up.1: 4 channels, doubled" in texts


def test_what_a_pixel_sees_is_drawn_on_a_logarithmic_scale_with_its_field():
    gradient = np.zeros((20, 30))
    gradient[10, 15], gradient[10, 5] = 50.0, 0.5
    figure = drawings.seen_by_a_pixel(np.zeros((20, 30, 3), np.uint8), gradient, (15, 10), 8)
    shown = figure.axes[1].images[0].get_array()
    assert shown[10, 15] == 0 and np.isclose(shown[10, 5], -2) and shown[0, 0] == -6
    square = figure.axes[0].patches[0]
    assert (square.get_x(), square.get_y(), square.get_width()) == (11, 6, 8)


def test_a_diagnosis_has_a_panel_for_each_kind_of_statistics():
    rows = [
        {"epoch": e, "photos": p, "statistics": s, "of mean colour": v * e}
        for e in (1, 2)
        for s, k in (("running", 1), ("counted anew", 2))
        for p, v in (("learned from", 0.1 * k), ("new", 0.5 * k))
    ]
    left, right = drawings.diagnosis(rows).axes
    assert (left.get_title(), right.get_title()) == ("running statistics", "statistics counted anew")
    assert np.allclose(right.lines[0].get_ydata(), [20, 40]) and np.allclose(left.lines[1].get_ydata(), [50, 100])


def test_the_choice_of_bins_has_a_line_for_each_temperature_and_marks_the_chosen():
    rows = [
        {"uniform": u, "temperature": t, "of mean colour": u + t, "hue_spread": u * t, "chroma": 20 * u}
        | {"true chroma": 20.0, "true hue_spread": 0.45}
        for u in (0.9, 0.5)
        for t in (1.0, 0.2)
    ]
    left, right = drawings.bins_choice(pd.DataFrame(rows), (0.5, 0.2)).axes
    low, high, chosen = left.lines[:3]
    assert (low.get_label(), high.get_label(), chosen.get_label()) == ("T = 0.2", "T = 1", "chosen")
    assert np.allclose(low.get_xydata(), [[50, 70], [90, 110]]) and np.allclose(high.get_ydata(), [150, 190])
    assert np.allclose(chosen.get_xydata(), [[50, 70]])
    assert np.allclose(right.lines[2].get_xydata(), [[50, 0.1]])
    assert [text.get_text() for text in left.texts] == ["0.5", "0.9"]
    assert np.allclose(right.lines[-1].get_ydata(), 0.45)


def test_the_figure_of_a_unet_has_both_errors_in_shares_of_the_mean_colours():
    look = {"weights": "last", "ab_mse": 200.0, "of_low": 0.7, "of_high": 0.9, "true_chroma": 17.0}
    rows = [look | {"seed": 0, "epoch": 0, "of_mean_colour": 1.0, "chroma": 8.0}]
    rows += [look | {"seed": s, "epoch": e, "of_mean_colour": 0.8 + s, "chroma": 9.0} for s in (0, 1) for e in (1, 2)]
    log = pd.DataFrame({"step": range(4), "epoch": [0, 0, 1, 1], "loss": [0.03, 0.01, 0.01, 0.0]})
    error, chroma = drawings.unet_over_epochs(pd.DataFrame(rows), log).axes
    lines = {line.get_label(): line for line in error.lines}
    learned = lines["photos learned from (loss)"]
    assert learned.get_xdata().tolist() == [1, 2]
    assert learned.get_ydata().tolist() == pytest.approx([110**2 * 0.02 / 200, 110**2 * 0.005 / 200])
    assert lines["another seed"].get_ydata().tolist() == [1.8, 1.8] and lines["the mean colour"].get_ydata()[0] == 1
    assert [text.get_text() for text in chroma.get_legend().get_texts()] == [
        "new photos",
        "another seed",
        "true photos",
    ]
