"""What the committed run has to show."""

import numpy as np

from nbhelpers import paths
from nbhelpers.evaluation import reference
from nbhelpers.paths import Run


def test_a_sheet_is_read_as_it_was_written(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "FIGURES", tmp_path)
    levels = np.arange(8).reshape(4, 2) * 30
    names = ["last | a", "last | b", "averaged | a", "averaged | b"]
    rows = {name: [np.full((16, 16, 3), level, np.uint8) for level in pair] for name, pair in zip(names, levels)}
    assert reference.sheet("x") is None
    Run("demo", "sample", "reference").save_sheet(rows, [1, 100], ["a: somebody"], "x")
    found = reference.sheet("x")
    assert (found.rows, found.columns, found.credits) == (names, ["1", "100"], ["a: somebody"])
    assert found.tiles.shape == (4, 2, 16, 16, 3)
    assert np.abs(found.tiles[:, :, 8, 8, 0].astype(int) - levels).max() < 6  # webp loses a little
    averaged = found.of("averaged")
    assert list(averaged) == ["a", "b"] and np.array_equal(averaged["b"], found.tiles[3])
    assert found.of("first") == {}
