"""Every table that shows a network says how it was trained."""

import re
from dataclasses import replace

import pandas as pd
import pytest

from nbhelpers import paths, registry
from nbhelpers.evaluation.reference import TRAINING, table
from nbhelpers.hints import Constant
from nbhelpers.networks.columns import beside, in_words, with_training
from nbhelpers.networks.config import GAN_L1, UNET
from nbhelpers.networks.inference import training_of

FACTS = {"size": 128, "width": 24, "epochs": 53, "seeds": 1}
# Columns whose names are networks, and what stands before the names of their four columns.
PREFIXES = {"other": "other_", "best without hints": "its "}
EXEMPT = {
    ("reference/07_claims", None): "prose: its evidence says it beside the names, see below",
    ("reference/07_winners", "not told apart"): "several names in one cell; the table of the same scores has them all",
    ("reference/07_winners", "not significantly different"): "as the column is called in a run of today",
    ("bench/training", None): "seconds of single steps, no network that has learned",
}


@pytest.fixture(scope="module")
def ours():
    return {name: registry.load(name) for name in ("unet", "hinted")}


def test_the_networks_of_the_course_say_what_they_have_learned_in_all(ours):
    assert training_of(ours["unet"]) == FACTS
    assert training_of(ours["hinted"]) == {"size": 128, "width": 64, "epochs": 8 + 8, "seeds": 1}
    assert training_of(ours["hinted"].prior)["epochs"] == 8


def test_lines_of_networks_are_filled_and_others_empty(ours):
    methods = [Constant("mean", (1.0, 2.0)), replace(ours["unet"], name="unet (course)")]
    scores = pd.DataFrame({"method": ["truth", "unet (course)", "mean", "unet (course)"], "ab_mse": 1.0})
    found = with_training(scores, methods)
    assert list(found) == ["method", "ab_mse", *TRAINING] and (found[list(TRAINING)].dtypes == "Int64").all()
    assert found.loc[[0, 2], list(TRAINING)].isna().all(axis=None)
    assert found.loc[[1, 3], list(TRAINING)].to_dict("records") == [FACTS] * 2
    assert found.to_csv(index=False).splitlines()[1:3] == ["truth,1.0,,,,", "unet (course),1.0,128,24,53,1"]


def test_a_second_network_in_a_line_has_columns_of_its_own(ours):
    pairs = pd.DataFrame({"method": ["hinted"], "other": ["unet"]})
    found = with_training(with_training(pairs, ours), ours, "other", "other_").iloc[0]
    assert (found["size"], found["other_size"], found["epochs"], found["other_epochs"]) == (128, 128, 16, 53)


def test_configurations_count_their_pretraining():
    named = {"L1": replace(UNET, epochs=3), "game": replace(GAN_L1, pretrain=4, epochs=5, size=48, width=6)}
    found = with_training(pd.DataFrame({"variant": ["game", "L1"]}), named, "variant")
    assert found[list(TRAINING)].to_numpy().tolist() == [[48, 6, 9, 1], [64, 24, 3, 1]]


def test_a_table_without_any_network_has_the_columns_too():
    found = with_training(pd.DataFrame({"method": ["grey"]}), [Constant("grey")])
    assert list(found) == ["method", *TRAINING] and found[list(TRAINING)].isna().all(axis=None)
    assert with_training(pd.DataFrame({"method": []}), []).empty


def test_in_words():
    assert in_words(FACTS) == "128 px, 24 channels, 53 epochs, 1 seed"
    assert in_words(pd.Series(FACTS | {"epochs": 1, "seeds": 5})) == "128 px, 24 channels, 1 epoch, 5 seeds"
    assert in_words({"its size": 64, "its width": 8, "its epochs": 2, "its seeds": 1}, "its ").startswith("64 px, 8 ")
    assert beside("*unet*", FACTS) == "*unet* (128 px, 24 channels, 53 epochs, 1 seed)"
    empty = dict.fromkeys(TRAINING, pd.NA)
    assert (in_words(empty), in_words({}), beside("mean", empty)) == ("", "", "mean")


def test_tables_of_the_reference_are_read_as_whole_numbers():
    found = table("07_scores").set_index("method")
    assert (found[list(TRAINING)].dtypes == "Int64").all()
    assert found.loc["unet", list(TRAINING)].drop_duplicates().to_numpy().tolist() == [[64, 24, 24, 1]]
    assert table("03_table1")["photo_size"].iloc[0] == 400


NAMED = re.compile(rf"({'|'.join((*registry.NETWORKS, *registry.HINTED))})(?!\w)")


def lacking(found: pd.DataFrame, name: str) -> list[str]:
    """What a table does not say of the networks that it names, column by column."""
    problems = []
    for column in found.select_dtypes(exclude="number"):
        shows = found[column].astype(str).str.match(NAMED)
        if not shows.any() or (name, None) in EXEMPT or (name, column) in EXEMPT:
            continue
        wanted = [f"{PREFIXES.get(column, '')}{key}" for key in TRAINING]
        if missing := [key for key in wanted if key not in found]:
            problems.append(f"{name}, {column}: no column {', '.join(missing)}")
        elif found.loc[shows, wanted].isna().any(axis=None):
            problems.append(f"{name}, {column}: a network without its training")
        elif found.loc[shows, wanted].lt(1).any(axis=None):
            problems.append(f"{name}, {column}: a training of nothing")
    return problems


def test_every_committed_table_says_how_its_networks_were_trained():
    """Those of the GPU's campaign (10_cuda_*) have columns of their own: size, width, epoch or epochs, seed."""
    files = [file for folder in ("reference", "bench") for file in sorted((paths.FIGURES / folder).glob("*.csv"))]
    files = {f"{file.parent.name}/{file.stem}": file for file in files if not file.name.startswith("10_cuda_")}
    tables = {name: pd.read_csv(file) for name, file in files.items()}
    assert [fault for name, found in tables.items() for fault in lacking(found, name)] == []
    assert {name for name, _ in EXEMPT} <= set(tables)
    shown = [name for name, found in tables.items() if "seeds" in found]
    assert {f"reference/{name}" for name in ("05_coins", "06_coins", "06_ablation", "06_shipped")} < set(shown)
    assert len(shown) >= 20 and "reference/07_million_timing" in shown
    # `size` is of the squares that a network learned from, wherever it stands.
    assert [name for name in tables if "size" in tables[name] and name not in (*shown, "bench/training")] == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda t: t.drop(columns="epochs"), "no column epochs"),
        (lambda t: t.assign(size=t["size"].where(t["method"] != "gan-l1 (course)")), "without its training"),
        (lambda t: t.assign(seeds=0), "a training of nothing"),
        (lambda t: t.assign(other="hinted"), "other: no column other_size, other_width"),
        (lambda t: t.replace("mean", "unet, with gain"), "without its training"),
    ],
)
def test_a_table_that_says_less_is_found(change, fault):
    whole = pd.DataFrame({"method": ["mean", "unet", "gan-l1 (course)", "unetlike trees"], "ab_mse": 1.0})
    whole = whole.assign(size=[None, 64, 128, None], width=[None, 24, 24, None], epochs=[None, 24, 31, None])
    whole = whole.assign(seeds=[None, 1, 1, None])
    assert lacking(whole, "x") == []
    assert any(fault in each for each in lacking(change(whole), "x")), lacking(change(whole), "x")


def test_the_claims_say_it_in_their_evidence():
    found = pd.read_csv(paths.FIGURES / "reference" / "07_claims.csv")
    said = (found["claim"] + " " + found["evidence"]).replace("U-Net", "unet", regex=True)
    counted = 0
    for text in said:
        names = [name for name in registry.NETWORKS if re.search(rf"\b{name}\b(?!-)", text)]
        assert all(re.search(rf"\b{name} \(\d+ px, \d+ channels, \d+ epochs, \d+ seeds?\)", text) for name in names)
        counted += len(names)
    assert counted >= 10


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("unet", "unet (128 px, 24 channels, 53 epochs, 1 seed)"),
        ("bins", "bins (128 px, 24 channels, 53 epochs, 1 seed, encoder from ImageNet)"),
        ("*unet-pretrained*", "*unet-pretrained* (128 px, 24 channels, 53 epochs, 1 seed, encoder from ImageNet)"),
        ("grey", "grey (128 px, 24 channels, 53 epochs, 1 seed)"),
    ],
)
def test_an_encoder_that_saw_imagenet_is_named_beside_its_network(name, said):
    assert beside(name, FACTS) == said and beside(name, {}) == name
