"""Execute the notebooks without a browser: the papermill driver behind `nbhelpers run`."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import papermill
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from tqdm import tqdm

from nbhelpers import paths, system
from nbhelpers.course.notebooks import find_notebooks, profile_overrides, read_notebook
from nbhelpers.course.reference_run import Record
from nbhelpers.course.refresh import refresh
from nbhelpers.errors import UserError
from nbhelpers.evaluation.reference import REFERENCE
from nbhelpers.photos import open_photos

CELL_TIMEOUT = {"smoke": 300, "demo": 600}  # seconds; any other profile may work for hours
LONGEST_CELL = 14_400
PACKAGE = Path(__file__).parents[1]
# A new version of one of these may change the numbers, so `--resume` looks at them.
LIBRARIES = "numpy scipy scikit-learn scikit-image matplotlib pandas pillow pyamg torch torchvision".split()


@dataclass(frozen=True)
class Executed:
    """One notebook of a run.

    Attributes
    ----------
    notebook : Path
        Its file.
    copy : Path
        Its executed copy.
    seconds : float
        How long it took; 0 when skipped.
    skipped : bool
        Whether it had finished before, and nothing that it depends on has changed.
    """

    notebook: Path
    copy: Path
    seconds: float
    skipped: bool


class CourseKernel(AsyncKernelManager):
    """A kernel of this very interpreter, whatever kernels the machine has registered; without a browser.

    Parameters
    ----------
    **settings : dict
        As `AsyncKernelManager` takes them, without `kernel_spec_manager`.

    Attributes
    ----------
    run : str
        The name of the run that it is for, which the notebook takes instead of making one up.
    said : file object
        What takes the kernel's own messages: one that is stopped may print a traceback that is no error of a cell's.
    """

    run, said = "", None

    def __init__(self, **settings):
        super().__init__(**settings, kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))

    async def start_kernel(self, **settings):
        # Without MPLBACKEND the kernel draws inline; one set for the terminal would swallow the pictures.
        inherited = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
        # Threads that wait for each other should sleep: on a busy machine, spinning makes a training many times slower.
        told = {"NBHELPERS_HEADLESS": "1", "NBHELPERS_RUN": self.run}
        settings["env"] = {"OMP_WAIT_POLICY": "PASSIVE"} | inherited | told
        settings["stderr"] = self.said
        return await super().start_kernel(**settings)


def _open_photos(source: str):
    """Return the source as a notebook can open it (a folder: absolute), its photos, and what identifies them."""
    photos = open_photos(source)  # before any kernel starts: a wrong name or folder shows at once
    if source not in paths.SOURCES:
        source = str(Path(source).expanduser().resolve())
    # The cache of decoded photos is named after the state of every file.
    return source, photos, [source, photos.train.cache.folder.name, photos.train.names, photos.test.names]


def _environment() -> str:
    """A digest of the package's source and the versions beneath it."""
    digest = hashlib.sha256(sys.version.encode())
    for library in LIBRARIES:
        digest.update(f"{library} {importlib.metadata.version(library)}\n".encode())
    for file in sorted(PACKAGE.rglob("*.py")):
        digest.update(file.relative_to(PACKAGE).as_posix().encode() + file.read_bytes())
    return digest.hexdigest()


def _mark(copy: Path) -> dict:
    """What a finished notebook left in its executed copy: {"key", "outputs"}; empty if it did not finish."""
    try:
        return nbformat.read(copy, as_version=4).metadata.get("nbhelpers", {})
    except (OSError, ValueError, nbformat.ValidationError):
        return {}


def _key(node, parameters: dict, basis: list, run: paths.Run, earlier: list[Path]) -> str:
    """A digest of what a result depends on: cells, parameters, photos, package, and earlier models and tables."""
    files = [
        [name, hashlib.sha256((paths.ROOT / name).read_bytes()).hexdigest()]
        for notebook in earlier
        for name in _mark(run.executed / notebook.name).get("outputs", [])
        if (paths.ROOT / name).is_file() and not name.endswith((".png", ".webp", "timing.csv"))
    ]
    cells = [[cell.cell_type, cell.source] for cell in node.cells]
    return hashlib.sha256(json.dumps([cells, parameters, basis, files], sort_keys=True).encode()).hexdigest()


def _written(run: paths.Run) -> dict[Path, int]:
    """The figures, tables and models of a run, each with the time it was written."""
    files = (file for folder in (run.figures, run.models) for file in folder.rglob("*") if file.is_file())
    return {file: file.stat().st_mtime_ns for file in files if not file.name.startswith(".")}


def _execute(notebook: Path, part: Path, parameters: dict, run: paths.Run, timeout: int, tick):
    """Execute into the file `part`; return the executed node and, when a cell failed, the exception."""
    at, failure = {}, None
    with tempfile.TemporaryFile() as said:
        try:
            papermill.execute_notebook(
                # papermill fills {placeholders} in paths: a folder may be named with braces
                *(str(path).replace("{", "{{").replace("}", "}}") for path in (notebook, part)),
                parameters=parameters,
                kernel_name="python3",
                language="python",
                progress_bar=False,
                cwd=str(notebook.parent),
                start_timeout=120,
                execution_timeout=timeout,
                iopub_timeout=60,
                coalesce_streams=True,
                kernel_manager_class=type("RunKernel", (CourseKernel,), {"run": run.name, "said": said}),
                on_cell_execute=lambda cell, cell_index: at.update(id=cell.id),
                on_cell_executed=tick,
            )
        except (papermill.PapermillException, TimeoutError, RuntimeError) as error:
            failure = error
        if isinstance(failure, RuntimeError):  # the kernel died: its last words are all there is
            said.seek(0)
            sys.stderr.write(said.read().decode(errors="replace"))
    node = nbformat.read(part, as_version=4)
    node.metadata.pop("widgets", None)  # without its state a viewer calls the notebook invalid
    for name in ("input_path", "output_path"):
        node.metadata.papermill.pop(name, None)
    if isinstance(failure, (TimeoutError, RuntimeError)):
        # The cell has no error of its own, or only the interrupt that stopped it.
        name, reason = type(failure).__name__, str(failure)
        if isinstance(failure, TimeoutError):
            reason = f"stopped after {timeout} s"
        error = nbformat.v4.new_output("error", ename=name, evalue=reason, traceback=[reason])
        for cell in node.cells:
            if cell.get("id") == at.get("id"):
                cell.outputs = [o for o in cell.outputs if o.output_type != "error"] + [error]
    if failure is None and node.metadata.papermill.get("exception"):
        failure = RuntimeError("a cell called sys.exit")  # papermill counts a clean exit as success
    return node, failure


def _own(cell) -> bool:
    """False for the cell that papermill adds, with the parameters of the run."""
    return "injected-parameters" not in cell.metadata.get("tags", [])


def _failed_cells(node) -> list:
    """(number, cell, error output) of each error in the code cells, counted without the injected one."""
    code = [cell for cell in node.cells if cell.cell_type == "code" and _own(cell)]
    return [
        (number, cell, output)
        for number, cell in enumerate(code, 1)
        for output in cell.outputs
        if output.output_type == "error"
    ]


def _explain(notebook: Path, node, failure: Exception, copy: Path) -> str:
    """One sentence that names the failing cell, its error, and the copy to look at."""
    where, what = "", f"{type(failure).__name__}: {failure}"
    for number, cell, output in _failed_cells(node)[:1]:
        first = next(line for line in cell.source.splitlines() if line.strip())
        where, what = f" in code cell {number} ({first.strip()[:80]})", f"{output.ename}: {output.evalue}"
    what = " ".join(what.split())[:300].rstrip(".: ")
    return f"{notebook.name} failed{where}: {what}; the executed copy with the error is {copy}"


def run_notebooks(
    names=(),
    profile="demo",
    photos="sample",
    cluster="",
    resume=False,
    cell_timeout=None,
    update=False,
    reference=False,
) -> list[Executed]:
    """Execute notebooks in order, with a profile's parameters, on the photos of a source.

    Figures and tables go to `figures/<run>/`, models and executed copies to `data/runs/<run>/`.

    Parameters
    ----------
    names : iterable of str
        Notebooks, see `find_notebooks`; none runs all.
    profile : str
        See `profile_overrides`.
    photos : str or Path
        A source of `open_photos`.
    cluster : str
        Address of a Dask scheduler; "" for this machine.
    resume : bool
        Whether to skip a notebook that finished before when nothing that it depends on has changed and its files are
        still there (networks that `train` put into the run since are not noticed: name the notebook to run it anew).
    cell_timeout : int, optional
        Seconds for a cell; by default 300 (smoke), 600 (demo) or 14,400.
    update : bool
        Whether to write the outputs back into the notebooks themselves, once all have succeeded.
    reference : bool
        Whether this is the committed run, figures/reference/, with the profile of that name, which says in its
        `run.json` from which commit, photos and machine it is.

    Returns
    -------
    list of Executed
        One for each notebook.

    Raises
    ------
    UserError
        Naming the cell when one fails (the notebooks after it are not run); for `update` with another profile than demo
        or other photos than sample, for a cluster or photos that cannot be used, and as `Record` does.
    UnknownName
        For a notebook or profile that does not exist.
    """
    for name in ("papermill", "asyncio"):  # what they log, of a cell that was interrupted too, is in our own messages
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if update and (profile, photos) != ("demo", "sample"):
        raise UserError("--update needs --profile demo --photos sample: notebooks are committed with these")
    profile = REFERENCE if reference else profile
    notebooks, overrides, course = find_notebooks(names), profile_overrides(profile), find_notebooks()
    if cluster:
        with system.backend(cluster):
            pass  # an address that does not answer shows before any kernel starts
    photos, opened, identity = _open_photos(str(photos))
    run = paths.Run(profile, photos, REFERENCE if reference else "")
    basis = [identity, _environment()]
    record = Record(photos, opened, PACKAGE) if reference else None
    given = {"photos": photos, "profile": profile} | ({"cluster": cluster} if cluster else {})
    todo = [(path, *read_notebook(path, profile, overrides.get(path.stem, {}), given)) for path in notebooks]
    timeout = cell_timeout or CELL_TIMEOUT.get(profile, LONGEST_CELL)
    done = []
    cells = {path: sum(bool(c.cell_type == "code" and c.source.strip()) for c in node.cells) for path, node, _ in todo}
    # In a log file each redraw is a new line: be brief there.
    with tqdm(total=sum(cells.values()), unit="cell", mininterval=0.1 if sys.stderr.isatty() else 30) as bar:

        def tick(cell, **_):
            bar.update(_own(cell))

        for path, node, parameters in todo:
            bar.set_description(path.stem)
            copy, start, before = run.executed / path.name, time.monotonic(), _written(run)
            key, mark = _key(node, parameters, basis, run, course[: course.index(path)]), _mark(copy)
            if resume and mark.get("key") == key and all((paths.ROOT / f).exists() for f in mark["outputs"]):
                bar.update(cells[path])
                done.append(Executed(path, copy, 0.0, True))
                continue
            if record:
                record.begin(path.stem)
            with paths.atomic(copy) as part:
                executed, failure = _execute(path, part, parameters, run, timeout, tick)
                if failure is None:
                    now = {os.path.relpath(file, paths.ROOT): at for file, at in _written(run).items()}
                    before = {os.path.relpath(file, paths.ROOT): at for file, at in before.items()}
                    # A model that was there already may not have been written again.
                    kept = set(mark.get("outputs", [])) & set(now)
                    outputs = sorted(kept | {file for file, at in now.items() if before.get(file) != at})
                    executed.metadata["nbhelpers"] = {"key": key, "outputs": outputs}
                nbformat.write(executed, part)
            if failure is not None:
                raise UserError(_explain(path, executed, failure, copy)) from failure
            done.append(Executed(path, copy, time.monotonic() - start, False))
            if record:
                record.end(path.stem, done[-1].seconds)
    if update:
        for item in done:
            refresh(item.notebook, item.copy)
    return done
