"""What notebook 07 says in words and numbers, against the committed tables, the profiles, and its own outputs."""

import re
import tomllib

import prose
import pytest
from prose import table

from nbhelpers.comparison import claims, evidence, tables
from nbhelpers.evaluation import reference
from nbhelpers.evaluation.statistics import FEW, LEAST_FRECHET
from nbhelpers.registry import FOUR, ROWS

STEM = "07_comparison"


@pytest.fixture(scope="module")
def cells():
    return prose.cells(STEM)


@pytest.fixture(scope="module")
def there():
    return evidence.of_reference()


def test_every_number_of_its_prose_has_a_source():
    with open(prose.NOTEBOOKS / "profiles.toml", "rb") as file:
        profile = tomllib.load(file)["reference"]
    photos = {"739": profile[STEM]["n_test"]}
    scores, pixels = reference.table("07_scores").set_index(["measure", "method"]), table("04_pixels")
    given = {
        "c00": "5",
        "c06": "100",
        "c08": "0 1 10 11 255",
        "c13": "95",
        "boot-said": "2,000 95",
        "cover-said": "95",
        "d6c2806a": "0 1,280 224",
        "b0e62466": "1,280 50",
        "3e530a53": "1 2 50",
        "many-said": "0.05 1,000 20",
        "holm-said": "0.05 5",
        "pairs-said": "0.05",
        "c20": "1",
        "c24": "36 5.17 99",
        "c30": "0 90",
        "tails-said": "1",
        "c40": "80 0",
        "c32": "100 20",
        "c42": "1 80",
        "realism-said": "0",
        "claims-read": "400",  # the paper's pixels
        "closing": "0.999 12",
        "c22": "1.96",
    }
    epochs = {"6": scores.loc[("ab_mse", "gan-paper"), "epochs"]}
    ship = reference.cuda("ship").set_index("network").loc["gan-paper"]
    long = [end.iloc[0] for end in evidence.of_reference().ends()]
    widths, sizes = ({line[name] for line in long} for name in ("width", "size"))
    gains = [1 - scores.loc[("ab_mse", kind), "mean"] / scores.loc[("ab_mse", "mean"), "mean"] for kind in ROWS]
    measured = {
        "c46": photos | {"5,000": profile["04_row_by_row"]["n_train"], "100": profile[STEM]["n_axis"]},
        "pixels-said": {"224.8": pixels["ab_mse"].min(), "228.1": scores.loc[("ab_mse", "unet"), "mean"]},
        "there-said": epochs | {"100": ship["epochs"], "500": ship["photos"], "258": 100 * ship["of_mean_colour"]},
        "c40": {"100": LEAST_FRECHET},
        "claims-read": {
            "1": 100 * min(gains), "4": 100 * max(gains), "97": min(line["epochs"] for line in long),
            "100": max(line["epochs"] for line in long), "64": min(sizes), "128": max(sizes), "16": min(widths),
            "29": len(trainings()),
        },
        "c49": photos | epochs,
    }  # fmt: skip
    assert widths == {16, 64} and sizes == {64, 128}
    prose.check(STEM, given, measured)


def trainings():
    """(epochs, restarts) of each training of the paper's GAN on photos, and of its variants."""
    long = [part for each in (reference.table("06_paper"), reference.cuda("paper")) for _, part in each.groupby("seed")]
    found = [(part["epoch"].max(), part["attempt"].max()) for part in long]
    return found + [(row.epochs, row.restarts) for row in reference.table("06_variants").itertuples()]


def test_what_it_says_of_the_verdicts_is_in_the_tables(there):
    verdict = reference.table("07_claims").set_index("claim")["verdict"]
    names = {claim.judge.__name__: verdict[claim.claim] for claim in claims.CLAIMS}
    assert names["_no_ability"] == names["_slowest"] == claims.FAILS
    assert {names[name] for name in ("_real", "_restarts", "_improper", "_prompts")} == {claims.PARTLY}
    seen = table("07_realism")
    assert seen.loc["gan-l1", "frechet_high"] < seen.loc[list(ROWS), "frechet_low"].min()
    assert seen.loc["gan-paper", "frechet"] > seen.loc[list(ROWS), "frechet"].max()
    alone, rows = seen.loc["no discriminator", "behind"], seen.loc[list(ROWS), "behind"]
    assert 0 < alone < rows.min() / 5  # nearly as near: most of it comes from the pixel loss
    assert sum(epochs < evidence.AT_LENGTH for epochs, _ in trainings()) == 26
    assert not any(restarts for _, restarts in trainings())
    coins = reference.table("06_coins")
    assert not coins.loc[coins["config"].str.startswith("gan-paper"), "converged"].all()
    assert len(reference.cuda("paper")["seed"].unique()) == 2  # "two on a GPU"
    assert not any(end["size"].max() >= 400 for end in there.ends())


def test_what_it_says_of_prompts_is_in_the_tables(there):
    few, more = (part["mean"] / part.loc["mean", "mean"] for part in (there.at(0.99, *FOUR), there.at(0.95, *FOUR)))
    assert [name for name in FOUR if few[name] < 0.25] == ["lasso"]
    assert [name for name in FOUR if few[name] > 100] == ["ols", "ridge"]
    assert more[list(FOUR)].max() < 0.05 and few["edge-aware"] < few["unet"] / 5


def test_the_trees_on_pixels_come_as_far_as_the_unet(there):
    pixels, unet = table("04_pixels"), there.board.set_index("method").loc["unet"]
    best = pixels.loc["boosting, deep, pixels"]
    assert best["ab_mse"] == pixels["ab_mse"].min() and unet["low"] < best["ab_mse"] < unet["high"]
    assert set(pixels["measured"]) == {0.1} and set(pixels["photos"]) == {unet["photos"]}
    assert len(pixels) == 4  # "the four rows"


def test_what_it_says_of_colour_and_of_trainings_is_in_the_tables(there):
    board = reference.table("07_scores").pivot(index="method", columns="measure", values="mean").drop("truth")
    assert board["ab_mse"].idxmin() == "unet" and board["ab_mse"].idxmax() == board["chroma"].idxmax() == "gan-paper"
    assert (reference.table("07_scores")["seeds"].dropna() == 1).all()
    assert len(reference.table("07_pairs")) > 100
    gains = table("06_scores")["gain"]
    assert gains["gan-l1"] == 1 and gains["gan-l1, with gain"] != 1  # the verdicts take the former
    assert board.loc["gan-l1", "chroma"] > 1.3 * there.painted.set_index("method").loc["gan-l1", "chroma"]


def test_the_world_of_skewed_errors_is_as_skewed_as_the_reference(cells):
    mean, median = re.match(r"mean, median = ([\d.]+), ([\d.]+)", cells["cover"].source).groups()
    assert (mean, median) == (f"{table('07_figure_5').loc['unet', 'mean']:.1f}",
                              f"{table('07_tails').loc['unet', 'median']:.1f}")  # fmt: skip


def test_paired_intervals_are_narrower_where_errors_go_together(there):
    lines, gap = there.board.set_index("method").loc[["unet", "mean"]], there.gap("unet", "mean")
    assert lines.loc["unet", "high"] > lines.loc["mean", "low"] and gap["high"] < 0  # overlap, and yet apart


def test_few_photos_get_no_verdict_in_its_outputs(cells):
    def text(name):
        shown = [output.get("data", {}) for output in cells[name].outputs]
        return " ".join(str(data.get(kind, "")) for data in shown for kind in ("text/html", "text/markdown"))

    photos = int(re.search(r"(\d+) test photos", cells["c03"].outputs[0].text)[1])
    assert photos < FEW
    assert text("c36").count(tables.TOO_FEW) == 7 and "levin, " not in text("c36")
    assert claims.UNTESTED in text("c41") and "no person was asked" in text("c41")
    shown = [html for html in re.findall(r"<td[^>]*>(.*?)</td>", text("c48"), re.DOTALL) if html in claims.VERDICTS]
    assert shown == reference.table("07_claims")["verdict"].tolist()


def test_what_it_says_of_colourful_gans_is_in_the_tables(there):
    evident = reference.table("07_claims").set_index("claim")["evidence"]
    text = next(evident[claim.claim] for claim in claims.CLAIMS if claim.judge.__name__ == "_colourful")
    judged, _, left = text.partition("not judged")
    how = "64 px, 16 channels, 100 epochs, 1 seed"
    assert re.findall(r"\(([^)]*seed)\)", judged) == [how, how]  # one training, two weights
    assert left.count("128 px") == left.count("chroma") == 4 and set(re.findall(r"with seed (\d)", left)) == {"0", "1"}
    last, averaged = there.painted.set_index("method").loc[["gan-paper", "gan-paper, averaged"]].itertuples()
    assert 1 < last.chroma < 1.1 and last.hue_spread > 0.75 and averaged.chroma < 0.75 and averaged.hue_spread < 0.1


def test_ten_photos_are_just_enough_for_the_largest_claim():
    largest = len(evidence.SHARES) * len(evidence.REGRESSIONS)
    assert largest == 16 and 2 / 2**FEW < 0.05 / largest < 2 / 2 ** (FEW - 1)


def test_rows_of_older_networks_say_so_where_they_stand(cells):
    html = " ".join(str(output.get("data", {}).get("text/html", "")) for output in cells["c47"].outputs)
    old = table("06_scores")
    for name, shown in (("gan-paper", "gan-paper, 6 epochs"), ("gan-l1", "gan-l1, with its old gain")):
        assert f">{shown}</th>" in html and f">{name}</th>" not in html
        scores = reference.table("07_scores").query("measure == 'chroma'").set_index("method")
        assert old.loc[name, "chroma"] / old.loc["truth", "chroma"] != pytest.approx(scores.loc[name, "mean"], rel=0.1)
    assert ">hue spread in a photo</th>" in html and ">hue spread over all photos</th>" in html


def test_it_prints_each_rule_from_the_package(cells):
    printed = cells["rules"].outputs[0].data["text/markdown"]
    assert printed == claims.rules() and printed.count("\n") == len(claims.CLAIMS) + 2
