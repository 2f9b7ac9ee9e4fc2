"""Where everything is: the project's folders, and the files that one run leaves behind."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from contextlib import contextmanager, suppress
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
    """A temporary path beside a file, which replaces it when the block ends well.

    After an error or Ctrl-C the temporary file is removed and an older file is untouched; after a power cut there is
    the older or the newer one, whole. Who may read it is for the umask to say.

    Parameters
    ----------
    path : Path or str
        The file to be written; its folder is made when there is none.

    Yields
    ------
    Path
        An empty file with the same suffix, to write to.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path, path.stem, path.suffix)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))  # tempfile would make it private
    try:
        yield part
        _flush(part)
        part.replace(path)
        _flush_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _beside(path: Path, stem: str, suffix: str = "") -> Path:
    """A name that nobody else has, hidden in the same folder."""
    return path.parent / f".{stem[:40]}-{secrets.token_hex(8)}{suffix}"


def _flush(file: Path) -> None:
    """Have the file on the disk before another name stands for it. Raises OSError when the disk fails."""
    handle = os.open(file, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    with suppress(OSError):  # Windows and some network drives cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@dataclass(frozen=True)
class Run:
    """One run of the course, named `<profile>-<photos>`, as in `demo-sample`.

    Attributes
    ----------
    profile : str
        The size of work, such as "demo".
    photos : str
        A source of `open_photos`. A folder gives its name and six digits that stand for where it is, as in
        `demo-pictures-3fa2c1`: two folders of one name are two runs.
    called : str
        Another name, such as "reference" for the committed run; "" for none. In a notebook that `nbhelpers run`
        executes, the environment variable NBHELPERS_RUN has it.
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
        """Write a figure to `figures/<run>/`; the notebook shows it when the cell ends.

        Parameters
        ----------
        figure : matplotlib.figure.Figure
            With a photo (any image of red, green and blue) it becomes a light `<name>.webp`, else a sharp `<name>.png`.
        name : str
            The file's name, without a suffix.
        """
        photos = any(image.get_array().ndim == 3 for ax in figure.axes for image in ax.images)
        kinds = {".png": {"metadata": {"Software": None}}, ".webp": {"pil_kwargs": {"quality": 80, "method": 6}}}
        used, other = (".webp", ".png") if photos else (".png", ".webp")
        with atomic(self.figures / f"{name}{used}") as part:
            figure.savefig(part, dpi=90, bbox_inches="tight", **kinds[used])
        (self.figures / f"{name}{other}").unlink(missing_ok=True)

    def save_table(self, table, name: str) -> None:
        """Write a table to `figures/<run>/<name>.csv`.

        Parameters
        ----------
        table : pd.DataFrame
            Its numbers are written with 7 significant digits, its index is not.
        name : str
            The file's name, without a suffix.
        """
        path = self.figures / f"{name}.csv"
        with atomic(path) as part:
            table.to_csv(part, index=False, float_format="%.7g")

    def save_sheet(self, pictures: dict, columns, credits, name: str) -> None:
        """Write small pictures of one size as the tiles of `<name>.webp`, for a slider, and as `.json` what they show.

        Parameters
        ----------
        pictures : dict
            A row's name, as "kind | photo" -> its pictures, one for each column, uint8 (S, S, 3).
        columns : sequence of str
            The columns' names, such as the epochs that a slider runs over.
        credits : sequence of str
            Of the photos, in any order; they go into the `.json`.
        name : str
            The files' name, without a suffix.
        """
        import numpy as np
        from PIL import Image

        sheet = np.vstack([np.hstack(row) for row in pictures.values()])
        told = {
            "rows": list(pictures),
            "columns": [str(column) for column in columns],
            "side": len(next(iter(pictures.values()))[0]),
        }
        with atomic(self.figures / f"{name}.webp") as part:
            Image.fromarray(sheet).save(part, quality=70, method=6)
        with atomic(self.figures / f"{name}.json") as part:
            part.write_text(json.dumps(told | {"credits": list(credits)}, indent=1, ensure_ascii=False) + "\n")


def find_run(name: str) -> Run:
    """Find the run of that name.

    Parameters
    ----------
    name : str
        As in `Run.name`.

    Returns
    -------
    Run
        Its `photos` are "FOLDER" when they came from a folder: where that was is not known any more.

    Raises
    ------
    UserError
        When it has no fitted models.
    """
    files = (path for path in (DATA / "runs").glob("*/models/*") if path.suffix in (".json", ".npz", ".safetensors"))
    there = sorted({path.parts[-3] for path in files})
    if name not in there:
        out = instead_of(name, there) if there else "`nbhelpers run` or `nbhelpers train` makes one"
        raise UserError(f"there is no run {name!r} with models in {DATA / 'runs'}: {out}")
    profile, _, photos = name.partition("-")
    return Run(profile, photos if photos in SOURCES else "FOLDER", name)  # where the folder was is not known any more


@contextmanager
def whole_folder(target: Path):
    """A new folder that becomes `target` when the block ends well and vanishes when it does not.

    Its files are on the disk before it has that name; who may read them is for the umask to say.

    Parameters
    ----------
    target : Path
        The folder to be made; when another process is faster, its folder stays.

    Yields
    ------
    Path
        An empty folder to fill.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(target, target.name)
    part.mkdir()
    try:
        yield part
        for folder, _, files in os.walk(part):
            for file in files:
                _flush(Path(folder) / file)
            _flush_folder(Path(folder))
        try:
            part.rename(target)
        except OSError:
            if not target.is_dir():  # else another process was faster
                raise
        _flush_folder(target.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)
