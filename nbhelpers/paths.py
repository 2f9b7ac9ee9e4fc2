"""Where everything is: the project's folders, and the files that one run leaves behind."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbhelpers.errors import UserError

ROOT = Path(os.environ.get("NBHELPERS_ROOT", Path(__file__).resolve().parents[1])).resolve()
DATA = ROOT / "data"
FIGURES = ROOT / "figures"
NOTEBOOKS = ROOT / "notebooks"


@contextmanager
def atomic(path):
    """Yield a temporary path beside `path` and rename it to `path` when the block ends well.

    After an error or Ctrl-C the temporary file is removed and an older `path` is untouched.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem[:40]}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@dataclass(frozen=True)
class Run:
    """One run of the course, named `<profile>-<photos>`, as in `demo-sample`.

    `photos` is a source of `open_photos`; for a folder the run takes the folder's own name.
    """

    profile: str = "demo"
    photos: str = "sample"

    @property
    def name(self) -> str:
        last = Path(str(self.photos)).expanduser().resolve().name
        return f"{self.profile}-{re.sub(r'[^A-Za-z0-9_.]+', '-', last).strip('-') or 'photos'}"

    @property
    def figures(self) -> Path:
        return FIGURES / self.name

    @property
    def executed(self) -> Path:
        return DATA / "runs" / self.name

    @property
    def models(self) -> Path:
        return self.executed / "models"

    def save_figure(self, figure, name: str) -> None:
        """Write a matplotlib figure to `figures/<run>/<name>.png`; the notebook shows it when the cell ends."""
        path = self.figures / f"{name}.png"
        with atomic(path) as part:
            figure.savefig(part, dpi=90, bbox_inches="tight", metadata={"Software": None})

    def save_table(self, table, name: str) -> None:
        """Write a DataFrame to `figures/<run>/<name>.csv`, 7 significant digits."""
        path = self.figures / f"{name}.csv"
        with atomic(path) as part:
            table.to_csv(part, index=False, float_format="%.7g")


def find_run(name: str) -> Run:
    """The run of that name, `<profile>-<photos>`; UserError when it has no fitted models."""
    there = sorted(path.parent.name for path in (DATA / "runs").glob("*-*/models") if path.is_dir())
    if name not in there:
        known = f"choose from {', '.join(there)}" if there else "`nbhelpers run` or `nbhelpers train` makes one"
        raise UserError(f"there is no run {name!r} with models in {DATA / 'runs'}: {known}")
    run = Run(*name.split("-", 1))
    if run.name != name:  # a symbolic link here has the name of its photos
        raise UserError(f"{run.photos} leads elsewhere from here, to {run.name}: call it from another folder")
    return run


@contextmanager
def whole_folder(target: Path):
    """Yield a new folder that becomes `target` when the block ends well and vanishes when it does not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield part
        part.chmod(0o755)
        try:
            part.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
