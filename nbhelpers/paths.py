"""Where everything is: the project's folders, and the files that one run leaves behind."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbhelpers.errors import UserError, instead_of

ROOT = Path(os.environ.get("NBHELPERS_ROOT", Path(__file__).resolve().parents[1])).resolve()
DATA = ROOT / "data"
FIGURES = ROOT / "figures"
NOTEBOOKS = ROOT / "notebooks"
SOURCES = ("sample", "kaggle", "flowers102", "imagenette", "stl10")  # of photos, by name; all else are folders


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

    photos: a source of `open_photos`. A folder gives its name and six digits that stand for where it is, as in
    `demo-pictures-3fa2c1`: two folders of one name are two runs.  called: another name, such as "reference" for the
    committed run; in a notebook that `nbhelpers run` executes, the environment variable NBHELPERS_RUN has it.
    """

    profile: str = "demo"
    photos: str = "sample"
    called: str = ""

    @property
    def name(self) -> str:
        told = os.environ.get("NBHELPERS_RUN", "") if os.environ.get("NBHELPERS_HEADLESS") else ""
        if self.called or told:
            return self.called or told
        if self.photos in SOURCES:
            return f"{self.profile}-{self.photos}"
        place = Path(str(self.photos)).expanduser().resolve()
        last = re.sub(r"[^A-Za-z0-9_.]+", "-", place.name).strip("-") or "photos"
        return f"{self.profile}-{last}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:6]}"

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
        """Write a matplotlib figure to `figures/<run>/`; the notebook shows it when the cell ends.

        With a photo (any image of red, green and blue) it becomes a light `<name>.webp`, else a sharp `<name>.png`.
        """
        photos = any(image.get_array().ndim == 3 for ax in figure.axes for image in ax.images)
        kinds = {".png": {"metadata": {"Software": None}}, ".webp": {"pil_kwargs": {"quality": 80, "method": 6}}}
        used, other = (".webp", ".png") if photos else (".png", ".webp")
        with atomic(self.figures / f"{name}{used}") as part:
            figure.savefig(part, dpi=90, bbox_inches="tight", **kinds[used])
        (self.figures / f"{name}{other}").unlink(missing_ok=True)

    def save_table(self, table, name: str) -> None:
        """Write a DataFrame to `figures/<run>/<name>.csv`, 7 significant digits."""
        path = self.figures / f"{name}.csv"
        with atomic(path) as part:
            table.to_csv(part, index=False, float_format="%.7g")


def find_run(name: str) -> Run:
    """The run of that name, as in `Run.name`; UserError when it has no fitted models."""
    files = (path for path in (DATA / "runs").glob("*/models/*") if path.suffix in (".json", ".npz", ".safetensors"))
    there = sorted({path.parts[-3] for path in files})
    if name not in there:
        out = instead_of(name, there) if there else "`nbhelpers run` or `nbhelpers train` makes one"
        raise UserError(f"there is no run {name!r} with models in {DATA / 'runs'}: {out}")
    profile, _, photos = name.partition("-")
    return Run(profile, photos if photos in SOURCES else "FOLDER", name)  # where the folder was is not known any more


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
