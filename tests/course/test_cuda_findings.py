"""The sentence on a long training, from planted tables."""

import pandas as pd

from nbhelpers.course import cuda_findings


def looks(errors, seed=0):
    """Scores after 1, 10, 20, ... epochs, and the mean colour's before."""
    same = {"size": 128, "width": 64, "training_photos": 5000, "photos": 739, "card": "GPU", "true_chroma": 17.6}
    rows = [(0, 1.0), *zip([1, *range(10, 1000, 10)], errors)]
    table = pd.DataFrame(rows, columns=["epoch", "of_mean_colour"]).assign(seed=seed, chroma=12.6, **same)
    return table.assign(of_low=table["of_mean_colour"] - 0.04, of_high=table["of_mean_colour"] + 0.04, ab_mse=242.0)


LOG = pd.DataFrame({"epoch": [0, 19, 19], "loss": [0.02, 0.01, 0.014]})  # 0.012: 60 % of 242


def test_a_training_that_gets_worse_says_where_it_was_best():
    said = " ".join(cuda_findings.unet_at_length(looks([0.98, 0.82, 0.9]), LOG).split())
    assert "98% (94% to 102%) of the mean colour's error after 1 epoch, lowest after 10, 82% (78% to 86%)" in said
    assert "and 90% (86% to 94%) in the end" in said and "photos kept out" in said
    assert "60% in the last epoch, 30 points less than the error on new photos" in said and "Another seed" not in said


def test_a_training_that_gets_better_to_the_end_says_so():
    table = pd.concat([looks([0.98, 0.9, 0.5]), looks([0.97, 0.8, 0.85], seed=1)])
    said = " ".join(cuda_findings.unet_at_length(table, LOG).split())
    assert "lowest at the end, 50% (46% to 54%)" in said and "kept out" not in said
    assert "10 points more than the error on new photos" in said
    assert "Another seed: lowest after 10, 80% (76% to 84%), and 85% (81% to 89%) in the end." in said
