"""The committed reference run: `nbhelpers run --reference` alone writes figures/reference/, and says from what."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

from nbhelpers import paths
from nbhelpers.errors import UserError
from nbhelpers.evaluation.reference import REFERENCE
from nbhelpers.photos import PhotoSet
from nbhelpers.system import machine


def commit(package: Path) -> str:
    """Return the commit that the checkout with this package stands for.

    Parameters
    ----------
    package : Path
        The folder of the package that runs.

    Returns
    -------
    str
        The commit's hash.

    Raises
    ------
    UserError
        When the checkout has changes, but for those of the reference's own files, or is none.
    """
    ask = (
        ["git", "rev-parse", "--show-toplevel"],
        ["git", "status", "--porcelain", "--", ".", f":(exclude)figures/{REFERENCE}"],
        ["git", "rev-parse", "HEAD"],
    )
    try:
        top, changed, found = (
            subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout.rstrip("\n")
            for command in ask
        )
    except (OSError, subprocess.CalledProcessError):
        top = ""
    if not top or not Path(top).resolve() == paths.ROOT == package.resolve().parent:
        raise UserError(f"--reference needs git, and nbhelpers in a checkout of its own: {paths.ROOT} is none")
    if changed:
        named = ", ".join(line[3:] for line in changed.splitlines()[:3])
        raise UserError(f"--reference names the commit that its tables come from: commit your changes first ({named})")
    return found


def photos_digest(photos: PhotoSet) -> str:
    """Digest the names and bytes of all photos: the same wherever they lie.

    Parameters
    ----------
    photos : PhotoSet
        Training and test photos.

    Returns
    -------
    str
        SHA-256, in hexadecimal.
    """
    digest = hashlib.sha256()
    for part in (photos.train, photos.test):
        for name, item in zip(part.names, part.items, strict=True):
            content = item.read_bytes() if isinstance(item, Path) else item.image().tobytes()
            digest.update(f"{name}\n".encode() + hashlib.sha256(content).digest())
    return digest.hexdigest()


class Record:
    """figures/reference/run.json: commit, photos and machine, and of each finished notebook its commit and seconds.

    Parameters
    ----------
    source : str
        Of the photos; a named one gives the set its name.
    photos : PhotoSet
        What was opened there.
    package : Path
        The folder of the package that runs.

    Raises
    ------
    UserError
        For a damaged file, for one of other photos, since a reference is of one set, and as `commit` does.
    """

    def __init__(self, source: str, photos: PhotoSet, package: Path):
        self.path, self.package, self.commit = paths.FIGURES / REFERENCE / "run.json", package, commit(package)
        name = source if source in paths.SOURCES else photos.name
        self.photos = {"name": name, "training": len(photos.train), "test": len(photos.test)}
        self.photos["sha256"] = photos_digest(photos)
        try:
            told = (
                json.loads(self.path.read_text()) if self.path.is_file() else {"notebooks": {}, "photos": self.photos}
            )
            self.notebooks, known = dict(told["notebooks"]), told["photos"]
        except (ValueError, KeyError, TypeError):
            raise UserError(f"{self.path} is damaged: delete it, and run the reference anew") from None
        if known != self.photos:
            raise UserError(f"{self.path} is of other photos ({known}): delete it to begin a reference of these")

    def begin(self, notebook: str) -> None:
        """Take out a notebook that is about to write its tables again: until it has ended they are no result.

        Parameters
        ----------
        notebook : str
            Its stem.
        """
        if self.notebooks.pop(notebook, None):
            self._write()

    def end(self, notebook: str, seconds: float) -> None:
        """Put in a notebook that has ended.

        Parameters
        ----------
        notebook : str
            Its stem.
        seconds : float
            How long it took.

        Raises
        ------
        UserError
            When the checkout has changed meanwhile.
        """
        if commit(self.package) != self.commit:
            raise UserError(f"the checkout moved on to another commit while {notebook} ran: run it again")
        self.notebooks[notebook] = {"commit": self.commit, "seconds": round(seconds, 1)}
        self._write()

    def _write(self) -> None:
        told = {"commit": self.commit, "photos": self.photos, "machine": machine()}
        with paths.atomic(self.path) as part:
            part.write_text(json.dumps(told | {"notebooks": dict(sorted(self.notebooks.items()))}, indent=1) + "\n")
