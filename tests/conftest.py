"""What the tests share: an empty course in a temporary folder, and no photos, no tests of photos."""

import os
import signal
import time

import numpy as np
import pytest
from hypothesis import settings

from nbhelpers import paths
from nbhelpers.hints import Colorization, Hints
from nbhelpers.photos import open_photos

os.environ.setdefault("MPLBACKEND", "Agg")  # no window from a test
os.environ.setdefault("OMP_NUM_THREADS", "1")  # two test processes on two cores: more threads would wait for each other
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in a shell's background; tests of Ctrl-C would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("course", deadline=None)  # a shared machine may pause at any moment
settings.load_profile("course")


BEGAN = time.monotonic()


def pytest_addoption(parser):
    parser.addoption("--calibrate", action="store_true", help="say how long it took, in multiples of a fixed work")


def pytest_terminal_summary(terminalreporter, exitstatus, config):
    """What `make test` took, beside the budget of CONTRIBUTING.md; measured now, when both processors are free."""
    took = time.monotonic() - BEGAN
    if config.getoption("calibrate") and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        from nbhelpers.bench.calibration import calibration, sentence  # imports torch

        terminalreporter.line(sentence("make test", took, calibration()))


def pytest_collection_modifyitems(items):
    # Whole runs of the notebooks take minutes each: begun last, one of two processes would wait for them.
    items.sort(key=lambda item: item.path.parent.name != "notebooks")
    missing = {}
    if not os.environ.get("NBHELPERS_PHOTOS"):
        missing["photos"] = "NBHELPERS_PHOTOS does not name a folder of photos"
    if any(item.get_closest_marker("cuda") for item in items):
        import torch

        if not torch.cuda.is_available():
            missing["cuda"] = "there is no CUDA device"
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


class Course:
    """A project folder of its own, for this process and for those that it starts."""

    def __init__(self, root):
        self.root, self.notebooks = root, root / "notebooks"
        self.notebooks.mkdir(parents=True)

    def write(self, stem, *cells, parameters="photos = 'sample'\nprofile = 'demo'"):
        """Write a notebook: its parameters cell, then code cells with these sources; returns its path."""
        import nbformat  # not at the top: the tests for CUDA run on machines without Jupyter

        code = [nbformat.v4.new_code_cell(source, id=f"cell-{i}") for i, source in enumerate((parameters, *cells))]
        code[0].metadata["tags"] = ["parameters"]
        node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title", id="title"), *code])
        nbformat.write(node, self.notebooks / f"{stem}.ipynb")
        return self.notebooks / f"{stem}.ipynb"

    def profiles(self, text):
        (self.notebooks / "profiles.toml").write_text(text)

    def copy(self, stem, run="demo-sample"):
        import nbformat

        return nbformat.read(self.root / "data" / "runs" / run / f"{stem}.ipynb", as_version=4)


@pytest.fixture
def course(tmp_path, monkeypatch):
    """An empty course; `paths` and NBHELPERS_ROOT point to it. The braces are there to be no placeholder."""
    made = Course(tmp_path / "a {course}")
    monkeypatch.setenv("NBHELPERS_ROOT", str(made.root))
    monkeypatch.setattr(paths, "ROOT", made.root)
    for name in ("DATA", "FIGURES", "NOTEBOOKS"):
        monkeypatch.setattr(paths, name, made.root / name.lower())
    return made


@pytest.fixture
def one_thread():
    """PyTorch works in one thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def steps(monkeypatch):
    """Call it to note each (step, seed) from now on; in those numbered `stop`, counted from 0, Ctrl-C is pressed."""
    from nbhelpers.networks.data import Batches

    at = Batches.at

    def watch(*stop):
        seen = []

        def noted(self, step, seed):
            seen.append((step, seed))
            if len(seen) - 1 in stop:
                signal.raise_signal(signal.SIGINT)
            return at(self, step, seed)

        monkeypatch.setattr(Batches, "at", noted)
        return seen

    return watch


@pytest.fixture(scope="session")
def colorized():
    """A function (colorizer, lightness, hints) -> ab that asserts on the way what every Colorizer promises."""

    def colorized(colorizer, lightness, hints):
        before = lightness.copy(), hints.ab.copy(), hints.known.copy()
        answer = colorizer.colorize(lightness, hints)
        assert isinstance(answer, Colorization) and type(answer.converged) is bool and type(answer.note) is str
        assert answer.residual is None or answer.residual >= 0
        found = answer.ab
        assert type(found) is np.ndarray and found.dtype == np.float32 and found.shape == (*lightness.shape, 2)
        assert np.isfinite(found).all()
        assert (found[hints.known] == hints.ab[hints.known]).all()
        hidden = hints.ab.copy()
        hidden[~hints.known] = np.nan  # what is unknown is never looked at
        assert (colorizer.colorize(lightness, Hints(hidden, hints.known)).ab == found).all()
        for kept, now in zip(before, (lightness, hints.ab, hints.known), strict=True):
            assert (kept == now).all(), "the input was changed"
        return found

    return colorized


@pytest.fixture(scope="session")
def cluster():
    """A Dask scheduler with two worker processes on this machine, which take seconds to start."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as made:
        yield made


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """The sample photos at 96 x 96 pixels, cached in a folder of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "DATA", tmp_path_factory.mktemp("data"))
        return open_photos("sample", size=96)


@pytest.fixture(scope="session")
def lab_photos(sample):
    """The sample's training photos as CIELAB, float32 (96, 96, 3) each."""
    return tuple(sample.labs())
