"""What notebook 08 says in words and numbers, against the committed tables and its own outputs; README's GPU column."""

import html
import re

import nbformat
import numpy as np
import pandas as pd
import prose
import pytest

from nbhelpers import paths
from nbhelpers.colour.lab import lab_to_rgb
from nbhelpers.evaluation import paper, reference
from nbhelpers.hints import hide_pixels, patches
from nbhelpers.networks import hint_inputs

STEM = "08_explorer"
COUNTS = [0, 1, 5, 10, 50, 100, 500]


@pytest.fixture(scope="module")
def cells():
    return {cell.id: cell for cell in nbformat.read(prose.NOTEBOOKS / f"{STEM}.ipynb", as_version=4).cells}


@pytest.fixture(scope="module")
def hints():
    """The reference run's means: a row for each method, a column for each number of patches."""
    return reference.table("08_hints").pivot(index="method", columns="patches", values="mean")


@pytest.fixture(scope="module")
def gains():
    return reference.table("08_gains").set_index(["method", "patches"])


def printed(cell):
    return "".join(o.get("text", "") or o.get("data", {}).get("text/markdown", "") for o in cell.outputs)


def shown(cell):
    """The first table that a cell shows: a list of cells for each of its lines, headings first."""
    text = next(o.data["text/html"] for o in cell.outputs if "text/html" in o.get("data", {}))
    lines = re.findall(r"<tr>.*?</tr>", text, re.DOTALL)
    plain = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", line, re.DOTALL) for line in lines]
    return [[html.unescape(part).strip() for part in line] for line in plain]


def test_each_number_of_its_prose_has_a_source(hints, gains):
    given = {
        "c04": "100",
        "c06": "0 11 20 25.5 255 30 40 8.1 2.55",  # calculated, tested below
        "edges-then": "10",
        "c09": "45 85",
        "c12": "0 2",
        "spread-then": "0 1 20 5 60 8",
        "reach-then": "0 3 64",
        "open-then": "0 0.993 10 128 20",
        "training-md": "1 128 2 500",
        "two-then": "128 2",
        "how-far-then": "64",
        "c16": "256 6",
        "share-md": "1.2 24 36 500 95",
        "share-then": "10",
        "c20": "95 1.3",  # 1.3 million photos: the paper's
        "told-read": "0 5,000 256",
        "take": "0",
        "c26": "100 30 33 6 64 99",
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
    assert 0.99**100 == pytest.approx(0.37, abs=0.005) and 0.99**100 > 1 / 3
    share = 1 - (1 - 36 / 256**2) ** 500
    assert share == pytest.approx(0.24, abs=0.005) and -10 * np.log10(1 - share) == pytest.approx(1.2, abs=0.05)
    assert np.sqrt(3 / (8 * 1e-4)) == pytest.approx(61, abs=0.5) and hint_inputs.ANCHOR == 1e-4
    assert 10 + 1 / 2 * 0.5 * 20 == 15 and np.exp(5) - 1 == pytest.approx(147, abs=0.5)
    none = hint_inputs.openness(hint_inputs.closeness(np.zeros((1, 1), bool)))
    assert none[0, 0] == pytest.approx(0.993, abs=5e-4)
    assert 10 ** (3 / 10) == pytest.approx(2.0, abs=0.05) and np.sqrt(3 / 0.08) == pytest.approx(6.1, abs=0.05)
    assert 1 - (1 - 36 / 65536) ** 100 == pytest.approx(0.053, abs=5e-4)


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


def test_the_two_sizes_do_what_the_text_says_of_the_executed_run(cells):
    lines = {tuple(line[:2]): [float(number) for number in line[2:]] for line in shown(cells["two-parts"])[1:]}
    small, large, both = "the small answer, enlarged", "s', full size", "ab'"
    dabs, fifth = "ten dabs", "20 % of the pixels"
    assert lines[dabs, both][0] < lines[dabs, large][0] / 2
    assert lines[dabs, both][0] == pytest.approx(lines[dabs, small][0], rel=0.1)
    assert lines[fifth, both][0] < lines[fifth, small][0] / 2
    assert lines[fifth, both][0] == pytest.approx(lines[fifth, large][0], rel=0.05)
    for known in (dabs, "1 % of the pixels", fifth):
        assert lines[known, both][0] < 1.05 * min(lines[known, what][0] for what in (small, large))
        assert lines[known, small][1] > 0 == lines[known, both][1]
    assert re.findall(r"at most ([\d.]+) apart", printed(cells["two-sizes"])) == ["0.0000"] * 3


def test_borders_hold_more_than_their_share_and_photos_differ(cells):
    said = printed(cells["edges"])
    low, high = (int(n) for n in re.search(r"holds (\d+)% to (\d+)% of the squared error", said).groups())
    assert 15 < low < high < 90  # a tenth, were the errors spread evenly


def test_it_shows_different_photos(cells):
    """Four figures, four photos; the first view has a fifth."""
    numbers = {id: re.search(r"number\((\d)\)", cells[id].source) for id in ("edges", "c07", "c13", "c25")}
    assert sorted(found[1] for found in numbers.values()) == ["1", "2", "3", "5"]


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
