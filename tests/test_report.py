"""The README says what the committed tables say."""

import shutil

import pandas as pd
import pytest

from nbhelpers import paths, report


@pytest.mark.parametrize("file", report.BLOCKS)
def test_the_pages_are_up_to_date(file):
    text = (paths.ROOT / file).read_text(encoding="utf-8")
    assert report.fill(text, file) == text, "run `python -m nbhelpers.report`"


@pytest.mark.parametrize(("name", "method", "column"), [("03_table1", "lasso", "mean"), ("04_rows", "forest", "chroma"),
                                                        ("04_pixels", "forest, pixels", "of mean colour"),
                                                        ("04_fit_timing", "tree", "seconds"),
                                                        ("06_scores", "gan-l1", "chroma"),
                                                        ("06_shipped", "unet", "ab_mse"),
                                                        ("training", "unet: all three", "photos_per_second"),
                                                        ("rows", "forest", "ratio")])  # fmt: skip
def test_a_changed_table_makes_the_readme_stale(tmp_path, monkeypatch, name, method, column):
    text = (paths.ROOT / "README.md").read_text(encoding="utf-8")
    shutil.copytree(paths.FIGURES / "paper-photos", tmp_path / "paper-photos")
    shutil.copytree(paths.FIGURES / "bench", tmp_path / "bench")
    table = next(tmp_path.glob(f"*/{name}.csv"))
    scores = pd.read_csv(table)
    scores.loc[(scores == method).any(axis=1), column] *= 2
    scores.to_csv(table, index=False)
    monkeypatch.setattr(paths, "FIGURES", tmp_path)
    assert report.fill(text) != text


def test_a_readme_without_its_marks_is_refused():
    with pytest.raises(paths.UserError, match="table 1"):
        report.fill("# no marks here")
