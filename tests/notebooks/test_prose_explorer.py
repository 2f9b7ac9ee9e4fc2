"""What notebook 08 says in words and numbers, against the committed tables and its own outputs; README's GPU column."""

import re

import numpy as np
import pandas as pd
import prose
import pytest
from prose import shown

from nbhelpers import paths
from nbhelpers.colour import gamut
from nbhelpers.colour.lab import lab_to_rgb, rgb_to_lab
from nbhelpers.evaluation import paper, reference
from nbhelpers.hints import Hints, hide_pixels, patches
from nbhelpers.networks import hint_inputs

STEM = "08_explorer"
COUNTS = [0, 1, 5, 10, 50, 100, 500]


@pytest.fixture(scope="module")
def cells():
    return prose.cells(STEM)


@pytest.fixture(scope="module")
def hints():
    """The reference run's means: a row for each method, a column for each number of patches."""
    return reference.table("08_hints").pivot(index="method", columns="patches", values="mean")


@pytest.fixture(scope="module")
def gains():
    return reference.table("08_gains").set_index(["method", "patches"])


def printed(cell):
    return "".join(o.get("text", "") or o.get("data", {}).get("text/markdown", "") for o in cell.outputs)


def test_each_number_of_its_prose_has_a_source(hints, gains):
    given = {
        "c04": "100",
        "how-far": "64",  # the package names anchors for this side
        "c06": "0 11 20 21 25 25.5 255 30 35 40 8.1 2.55 20.6 205.6 113 27.6",  # calculated, tested below
        "edges-md": "2 10",  # about what is just noticeable in CIELAB, and five times that
        "edges-then": "10",
        "c06b": "2",
        "c09": "45 85",
        "c12": "0 2",
        "spread-then": "0 20 5 60 8",
        "dog-then": "1 37 7 71",
        "reach-then": "0 3 64",
        "open-then": "0 0.993 10 128 20",
        "trust-md": "45 90",
        "training-md": "1 128 2 500 18 20 25 27 7",
        "two-then": "100 128 2",
        "how-far-then": "64",
        "c16": "256 6",
        "share-md": "1.2 24 36 500 95",
        "share-then": "10",
        "c20": "1.3",  # 1.3 million photos: the paper's
        "told-read": "0 5,000 256",
        "c24": "-4 -55 0 1",
        "gamut-then": "0 80 255",
        "take": "0",
        "closing": "100 99",
    }
    there = reference.table("08_gains").query("method == 'hinted'").iloc[0]
    alone = reference.table("08_gains").query("method == 'hinted-alone'").iloc[0]
    anchor = reference.table("08_anchor").query("patches == 1").set_index("anchor")["mean"]
    measured = {
        "how-far-then": {"0.3": anchor[1e-4] - anchor[1e-5]},
        "told-read": {
            "128": there["size"],
            "64": there["width"],
            "16": there["epochs"],
            "8": alone["epochs"],
            "100": there["photos"],
            "0.2": hints.loc["hinted", 0] - hints.loc["unet-pretrained", 0],
            "0.7": -gains.loc[("hinted-alone", 5), "difference"],
            "1.3": -gains.loc[("hinted-alone", 500), "difference"],
            "7.9": -gains.loc[("unet-pretrained", 500), "difference"],
        },
    }
    prose.check(STEM, given, measured)
    assert f"{-gains.loc[('unet-pretrained', 5), 'difference']:.1f}" == "1.3"
    assert there["seeds"] == alone["seeds"] == 1


def test_what_it_calculates_on_paper():
    assert [f"{255 / 10 ** (db / 20):.3g}" for db in (20, 30, 40)] == ["25.5", "8.06", "2.55"]
    assert 10 ** (6 / 20) == pytest.approx(2, rel=0.01) and 1 - 10 ** (-1 / 20) == pytest.approx(0.11, abs=0.002)
    assert 1 - 10 ** (-1 / 10) == pytest.approx(0.21, abs=0.005) and 10 ** (-6 / 10) == pytest.approx(1 / 4, abs=0.002)
    squares = np.array([255**2 / 10 ** (db / 10) for db in (35, 25)])
    assert [f"{square:.1f}" for square in squares] == ["20.6", "205.6"] and f"{squares.mean():.0f}" == "113"
    assert f"{10 * np.log10(255**2 / squares.mean()):.1f}" == "27.6"
    assert 0.99**100 == pytest.approx(0.37, abs=0.005) and 0.99**100 > 1 / 3
    share = 1 - (1 - 36 / 256**2) ** 500
    assert share == pytest.approx(0.24, abs=0.005) and -10 * np.log10(1 - share) == pytest.approx(1.2, abs=0.05)
    assert np.sqrt(3 / (8 * 1e-4)) == pytest.approx(61, abs=0.5) and hint_inputs.ANCHOR == 1e-4
    assert [f"{1 / np.sqrt(2 * a):.0f}" for a in (1e-4, 1e-2)] == ["71", "7"]
    assert f"{np.exp(-1):.0%}" == "37%" and 8 / 3 == pytest.approx(2 * 4 / 3)
    shares = 45 / (45 + 90), 90 / (90 + 90)
    assert shares == pytest.approx((1 / 3, 1 / 2))
    assert [(1 - t) ** 2 * 90 + t**2 * 90 for t in shares] == pytest.approx([5 / 9 * 90, 45]) and 5 / 9 * 90 == 50
    assert 20 + (25 - 18) == 27
    assert 10 + 1 / 2 * 0.5 * 20 == 15 and np.exp(5) - 1 == pytest.approx(147, abs=0.5)
    none = hint_inputs.openness(hint_inputs.closeness(np.zeros((1, 1), bool)))
    assert none[0, 0] == pytest.approx(0.993, abs=5e-4)


def test_a_share_that_is_missed_by_all_hints_is_what_single_pixels_miss():
    """Of squares of 10 x 10 pixels, with one pixel in a hundred known: 0.99^100 of them have no hint."""
    known = hide_pixels(np.zeros((2000, 2000, 2), np.float32), 0.99, seed=3).known
    missed = ~known.reshape(200, 10, 200, 10).any(axis=(1, 3))
    assert missed.mean() == pytest.approx(0.99**100, abs=0.01)


def test_an_error_of_colour_makes_more_steps_in_a_bright_pixel():
    def steps(level):
        grey, yellow = (lab_to_rgb(np.float32([[[level, 0, b]]])).astype(float) for b in (0, 10))
        return np.sqrt(np.mean((grey - yellow) ** 2))

    assert 1 < steps(80) / steps(20) < 1.5  # "somewhat"


def test_hinted_is_ahead_of_propagation_everywhere_and_most_with_one_patch(gains):
    won = gains.loc["hinted"]
    assert list(won.index) == COUNTS and (won["low"] > 0).all() and won["difference"].idxmax() == 1


def test_its_guess_alone_is_ahead_up_to_one_patch_and_far_behind_from_five(gains):
    difference = gains.loc["unet-pretrained"]["difference"]
    assert (difference[[0, 1]] > 0).all() and difference[5:].is_monotonic_decreasing and difference[5] < -1


def test_the_network_that_is_merely_told_is_ahead_up_to_one_patch_and_behind_from_five(gains):
    alone = gains.loc["hinted-alone"]
    assert (alone.loc[[0, 1], "difference"] > 0).all()
    assert (alone.loc[[5, 10, 50, 100, 500], "high"] < 0).all()
    few = alone.loc[[5, 10, 50, 100, 500], "difference"]
    assert few.is_monotonic_decreasing


def test_the_published_network_is_above_ours_up_to_a_hundred_patches(hints):
    printed_ = paper.siggraph17().set_index("patches")["psnr"]
    ours = hints.loc[["hinted", "hinted-alone"]].max()
    assert all(printed_[count] > ours[count] for count in COUNTS[:-1]) and printed_[500] < ours[500]


def test_given_pixels_explain_the_rise_of_a_network_that_looks_at_no_hints(hints):
    rise = hints.loc["unet"] - hints.loc["unet", 0]
    share = patches(np.zeros((256, 256, 2)), 500).known.mean()
    assert rise[500] == pytest.approx(-10 * np.log10(1 - share), rel=0.15) and rise.is_monotonic_increasing


def test_the_anchor_is_the_best_with_one_patch_and_any_weak_one_does_with_many():
    means = reference.table("08_anchor").pivot(index="anchor", columns="patches", values="mean")
    assert means[1].idxmax() == hint_inputs.ANCHOR
    assert np.ptp(means.loc[means.index <= 1e-4, 50]) < 0.05 < np.ptp(means[50])


def test_the_two_sizes_do_what_is_printed_of_them(cells):
    lines = {tuple(line[:2]): [float(number) for number in line[2:]] for line in shown(cells["two-parts"])[1:]}
    small, large, both = "the small answer, enlarged", "s', full size", "ab'"
    found = re.findall(r"(.+): ab' has (\d+)% of the error of s', (\d+)% of the small", printed(cells["two-parts"]))
    printed_ = {name: (int(of_large) / 100, int(of_small) / 100) for name, of_large, of_small in found}
    assert list(printed_) == ["ten dabs", "1 % of the pixels", "20 % of the pixels"]
    for known, (of_large, of_small) in printed_.items():
        assert lines[known, both][0] / lines[known, large][0] == pytest.approx(of_large, abs=0.02)
        assert lines[known, both][0] / lines[known, small][0] == pytest.approx(of_small, abs=0.02)
        assert lines[known, small][1] > 0 == lines[known, both][1]
    few, many = printed_["ten dabs"], printed_["20 % of the pixels"]
    assert few[0] < many[0] and many[1] < few[1]  # the change matters with few hints, the full size with many
    assert re.findall(r"at most ([\d.]+) apart", printed(cells["two-sizes"])) == ["0.0000"] * 3


def test_borders_hold_more_than_their_share_and_less_than_half_in_most_photos(cells):
    said = printed(cells["edges"])
    low, high = (int(n) for n in re.search(r"holds (\d+)% to (\d+)% of the squared error", said).groups())
    assert 15 < low < high < 90  # a tenth, were the errors spread evenly
    some, all_ = (int(n) for n in re.search(r"in (\d+) of (\d+) photos more than half", said).groups())
    assert some > all_ / 2


def test_one_hint_browns_the_dog_and_goes_wrong_as_the_text_says(cells):
    lines = {line[0]: dict(zip(shown(cells["dog"])[0][1:], map(float, line[1:]))) for line in shown(cells["dog"])[1:]}
    guess, plain = lines["u: the guess"], lines["h spread, no anchor"]
    one, two = lines["u + S(h - u)"], lines["the same, and a hint that agrees"]
    assert plain["sky"] > 20 and plain["grass"] > 20 and plain["body"] == 0  # brown is everywhere
    assert one["sky"] == guess["sky"] == 0 and one["body"] < 2 < guess["body"]
    assert one["grass"] > 10 and two["grass"] < one["grass"] / 2  # it leaks; the agreeing hint stops most of it
    assert one["head"] == guess["head"]  # the collar holds it back
    assert one["body"] < two["body"] < guess["body"] / 2  # "takes a little"


def test_the_same_leak_and_the_same_dam_with_the_package():
    """A difference beside a weak edge, on 8 rows: `spread_colours` leaks it, and a hint that agrees stops it."""
    lightness = np.repeat(np.float32([40, 45]), 20)[None] + np.zeros((8, 1), np.float32)
    known = np.zeros(lightness.shape, bool)
    known[:, 5] = True
    ab = np.where(known[..., None], np.float32([20, 0]), 0)
    anchor = 1e-4 * (8 / 64) ** 2  # 1e-4 on 8 rows
    leaked = hint_inputs.spread_colours(lightness, Hints(ab, known), (0, 0), anchor=anchor).ab[4, :, 0]
    dammed = known.copy()
    dammed[:, 25] = True
    stopped = hint_inputs.spread_colours(lightness, Hints(ab, dammed), (0, 0), anchor=anchor).ab[4, :, 0]
    assert leaked[39] > 10 and abs(stopped[39]) < 1 and stopped[18] < leaked[18]


def test_clipping_takes_contrast_and_less_chroma_does_not():
    levels = np.linspace(5, 95, 91)
    asked = np.stack([levels, np.full(91, -4.0), np.full(91, -55.0)], axis=1).astype(np.float32)
    clipped, kept = (rgb_to_lab(lab_to_rgb(lab)) for lab in (asked, gamut.into_gamut(asked)))
    assert clipped[0, 0] > 10 and clipped[-1, 0] < 94 and np.abs(kept[:, 0] - levels).max() < 0.6
    hue = [np.degrees(np.arctan2(lab[75, 2], lab[75, 1])) for lab in (asked, clipped, kept)]
    assert abs(hue[1] - hue[0]) > 10 and abs(hue[2] - hue[0]) < 1.5
    chroma = [np.hypot(*lab[75, 1:]) for lab in (asked, clipped, kept)]
    assert chroma[2] < chroma[1] < chroma[0] and abs(clipped[75, 0] - 80) > 1


def test_no_cell_only_says_that_something_is_missing(cells):
    assert {"how-far-gaps", "pairs", "c21"}.isdisjoint(cells)
    for table in ("08_anchor_gaps", "08_pairs", "08_gains"):  # kept for the next reference run
        assert any(f'"{table}")' in cell.source for cell in cells.values())


def test_it_shows_different_photos(cells):
    """The rule in the notebook: each figure takes the next photo; the first view has the first."""
    numbers = {id: re.search(r"number\((\d)\)", cells[id].source) for id in ("edges", "c07", "c13", "c25")}
    assert [found[1] for found in numbers.values()] == ["1", "2", "3", "4"]


def test_the_readme_says_for_whom_a_gpu_is_worth_it():
    text = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| \[(\d\d)\]\(notebooks/.*\| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE))
    assert len(rows) == 9 and {n for n, gpu in rows.items() if gpu == "optional"} == {"05", "06"}
    assert {gpu for n, gpu in rows.items() if n not in ("05", "06")} == {"no"}
    speed = (
        pd.read_csv(paths.FIGURES / "reference" / "10_cuda_speed.csv").query("variant == 'all'").set_index("network")
    )
    unet, gan = speed.loc["unet"], speed.loc["gan-paper"]
    assert (speed["size"] == 400).all() and (speed["width"] == 64).all() and (speed["card"] == "NVIDIA H200").all()
    words = " ".join(text.split())
    assert f"learns from {unet['photos_per_second']:.0f} such photos per second on one NVIDIA H200" in words
    assert f"the GAN of notebook 06 from {gan['photos_per_second']:.0f}; at that rate" in words
    minutes = [5000 * 100 / line["photos_per_second"] / 60 for line in (unet, gan)]
    assert f"would take {minutes[0]:.0f} and {minutes[1]:.0f} minutes" in words
