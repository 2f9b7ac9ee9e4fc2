"""The committed reference run: `nbhelpers run --reference` alone writes figures/reference/, and says from what."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

from nbhelpers import paths
from nbhelpers.errors import UserError
from nbhelpers.photos import PhotoSet
from nbhelpers.system import machine

NAME = "reference"  # of the run, and of its profile
RECORD = "run.json"


def commit() -> str:
    """The commit that the working tree stands for; UserError when it has changes, but for the reference's own files."""
    ask = ["git", "status", "--porcelain", "--", ".", f":(exclude)figures/{NAME}"]
    try:
        changed, found = (
            subprocess.run(command, cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout
            for command in (ask, ["git", "rev-parse", "HEAD"])
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise UserError(f"--reference needs git and a checkout with a commit, and {paths.ROOT} is none") from error
    if changed:
        named = ", ".join(line[3:] for line in changed.splitlines()[:3])
        raise UserError(f"--reference names the commit that its tables come from: commit your changes first ({named})")
    return found.strip()


def photos_digest(photos: PhotoSet) -> str:
    """SHA-256 of the names of all photos and, where they are files, of their bytes: the same wherever they lie."""
    digest = hashlib.sha256()
    for part in (photos.train, photos.test):
        for name, item in zip(part.names, part.items, strict=True):
            digest.update(f"{name}\n".encode())
            if isinstance(item, Path):
                digest.update(hashlib.sha256(item.read_bytes()).digest())
    return digest.hexdigest()


def record(source: str, photos: PhotoSet, digest: str, commit: str, notebook: str, seconds: float) -> None:
    """Add one finished notebook to figures/reference/run.json: its commit and seconds, photos and machine."""
    path = paths.FIGURES / NAME / RECORD
    try:
        known = json.loads(path.read_text())["notebooks"] if path.is_file() else {}
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is damaged: delete it, and run the reference anew") from None
    known[notebook] = {"commit": commit, "seconds": round(seconds, 1)}
    name = source if source in paths.SOURCES else photos.name
    about = {"name": name, "training": len(photos.train), "test": len(photos.test), "sha256": digest}
    told = {"commit": commit, "photos": about, "machine": machine(), "notebooks": dict(sorted(known.items()))}
    with paths.atomic(path) as part:
        part.write_text(json.dumps(told, indent=1) + "\n")
