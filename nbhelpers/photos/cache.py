"""Decoded photos on disk, so that each is decoded once.

One folder per state of a source holds two flat files for each part: `<part>.u8`, the squares one after
another, and `<part>.done`, one byte per photo, set after its data. Processes may share them: all write the
same bytes to the same places, and a photo whose byte is not set (after a kill, say) is decoded again.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbhelpers import paths

FORMAT = 2  # raise it when decoding changes, so that older caches are left alone
RESERVE = 500_000_000  # bytes of free disk that the cache never touches


class PhotoWarning(UserWarning):
    """Photos were skipped, or could not be cached."""


_given_up: set[Path] = set()  # folders that cannot be written, warned about once per process


@dataclass(frozen=True)
class SquareCache:
    """The squares of one part of a source, uint8 (size, size, 3) each, at `folder`/`part`.u8.

    Attributes
    ----------
    folder : Path
        Where the files are, see `cache_folder`.
    part : str
        "train" or "test".
    size : int
        Pixels of a square's side.
    """

    folder: Path
    part: str
    size: int

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.size, self.size, 3

    def get(self, slot: int) -> np.ndarray | None:
        """Read one photo.

        Parameters
        ----------
        slot : int
            Its place in the cache, from 0.

        Returns
        -------
        np.ndarray or None
            (size, size, 3) uint8; None when it is not there.
        """
        data, done = self.folder / f"{self.part}.u8", self.folder / f"{self.part}.done"
        length = self.size * self.size * 3
        try:
            if not np.fromfile(done, np.uint8, count=1, offset=slot).any():
                return None
            square = np.fromfile(data, np.uint8, count=length, offset=slot * length)
        except OSError:
            return None
        return square.reshape(self._shape) if square.size == length else None

    def strip(self, slots, start: int, stop: int) -> np.ndarray | None:
        """Read some rows of photos. The file is memory-mapped, so that only these rows are read.

        Parameters
        ----------
        slots : sequence of int
            The photos' places in the cache.
        start, stop : int
            Rows [start, stop) are read.

        Returns
        -------
        np.ndarray or None
            (n, stop - start, size, 3) uint8; None unless all photos are there.
        """
        slots = np.asarray(slots, dtype=np.intp)
        try:
            done = np.fromfile(self.folder / f"{self.part}.done", np.uint8)
            if slots.size and (slots.max() >= done.size or not done[slots].all()):
                return None
            squares = np.memmap(self.folder / f"{self.part}.u8", np.uint8, "r", shape=(done.size, *self._shape))
            return np.array(squares[slots, start:stop])
        except (OSError, ValueError):  # no such file, or shorter than it should be
            return None

    def put(self, slot: int, square: np.ndarray) -> None:
        """Store a photo.

        Without space or permission there is one PhotoWarning, and everything works uncached.

        Parameters
        ----------
        slot : int
            Its place in the cache, from 0.
        square : np.ndarray
            (size, size, 3) uint8.
        """
        if self.folder in _given_up:
            return
        data = np.ascontiguousarray(square, dtype=np.uint8).reshape(self._shape)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self.folder).free < RESERVE + data.nbytes:
                raise OSError(errno.ENOSPC, "no space left on the disk")
            _write_at(self.folder / f"{self.part}.u8", slot * data.nbytes, data)
            _write_at(self.folder / f"{self.part}.done", slot, b"\1")
        except OSError as error:
            _given_up.add(self.folder)
            reason = error.strerror or error
            warnings.warn(f"photos are not cached in {self.folder}: {reason}", PhotoWarning, stacklevel=3)


def cache_folder(source: str, size: int, state: str) -> Path:
    """Where the squares of a source live.

    Squares of an earlier state (files added, changed or taken away) are deleted.

    Parameters
    ----------
    source : str
        The source's name, or the path of its folder.
    size : int
        Pixels of a square's side.
    state : str
        The state of the source's files, see `Found`.

    Returns
    -------
    Path
        A folder for this source, size and state; it need not exist.
    """
    home = paths.DATA / "cache" / f"{Path(source).name}-{_digest(f'{FORMAT} {size} {source}')}"
    folder = home / _digest(state)
    with suppress(OSError):  # `put` will say that the cache cannot be used
        for older in os.listdir(home):
            if older != folder.name:
                shutil.rmtree(home / older, ignore_errors=True)
    return folder


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _write_at(path: Path, offset: int, data) -> None:
    path.touch()  # creates it; never shortens it
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)
