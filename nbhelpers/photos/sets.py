"""Photos to learn from and to colorize: `open_photos(source)`.

A source is `"sample"`, `"kaggle"`, one of torchvision's sets (`"flowers102"`, `"imagenette"`, `"stl10"`), or
a folder.
"""

from __future__ import annotations

import operator
import os
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.colour.tint import COLOURED, is_grey, tone
from nbhelpers.errors import UserError
from nbhelpers.photos.cache import PhotoWarning, SquareCache, cache_folder
from nbhelpers.photos.catalogue import find
from nbhelpers.photos.decoding import PhotoError, in_order, read_square, square
from nbhelpers.photos.formats import READABLE
from nbhelpers.photos.sources import NO_COLOUR, Found
from nbhelpers.photos.torchvision_sets import TorchvisionPhoto


@dataclass(frozen=True, eq=False, repr=False)
class Photos(Sequence):
    """A lazy sequence of photos, sRGB uint8 (size, size, 3); each is decoded once, then cached on disk.

    `photos[i]` raises PhotoError for a photo that cannot be decoded, or has no colour in the training part;
    `photos[a:b]` is Photos; `read` skips what cannot be used. Pickles as names, not as pixels.

    Attributes
    ----------
    names : tuple of str
        The photos' names.
    items : tuple
        A path or a TorchvisionPhoto for each name.
    slots : tuple of int
        Their places in the cache.
    size : int
        Pixels of a square's side.
    colour_only : bool
        Whether photos without colour cannot be used, as in the training part.
    cache : SquareCache
        The squares on disk.
    """

    names: tuple[str, ...]
    items: tuple  # a path or a TorchvisionPhoto for each name
    slots: tuple[int, ...]  # places in the cache
    size: int
    colour_only: bool
    cache: SquareCache

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        return f"<{len(self)} photos of {self.size} x {self.size}>"

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.pick(range(*index.indices(len(self))))
        index = operator.index(index)
        slot, item = self.slots[index], self.items[index]
        rgb = self.cache.get(slot)
        if rgb is None:
            torch = isinstance(item, TorchvisionPhoto)
            rgb = square(item.image(), self.size) if torch else read_square(item, self.size)
            if self.colour_only and is_grey(rgb):
                raise PhotoError(self.names[index] if torch else item, NO_COLOUR)
            self.cache.put(slot, rgb)
        return rgb

    def pick(self, indices: Iterable[int]) -> Photos:
        """Some of the photos.

        Parameters
        ----------
        indices : iterable of int
            Which ones.

        Returns
        -------
        Photos
            In the order of `indices`.
        """
        indices = list(indices)
        names, items, slots = (tuple(of[i] for i in indices) for of in (self.names, self.items, self.slots))
        return Photos(names, items, slots, self.size, self.colour_only, self.cache)

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Some rows of all photos; from the cache, only these are read.

        Parameters
        ----------
        start, stop : int
            Rows [start, stop).

        Returns
        -------
        np.ndarray
            (n, stop - start, size, 3) uint8.

        Raises
        ------
        PhotoError
            When a photo cannot be used.
        """
        found = self.cache.strip(self.slots, start, stop)
        return np.stack([photo[start:stop] for photo in self]) if found is None else found

    def read(self, indices: Iterable[int] | None = None, jobs: int = 1) -> Iterator[tuple[int, np.ndarray]]:
        """Read photos; one that cannot be used is skipped with a PhotoWarning that names it.

        Parameters
        ----------
        indices : iterable of int, optional
            Which ones, in which order; None reads all.
        jobs : int
            Photos decoded at once; -1 is one per core.

        Yields
        ------
        index : int
            Its place in this sequence.
        rgb : np.ndarray
            (size, size, 3) uint8, sRGB.
        """
        for index, rgb in in_order(self._try, range(len(self)) if indices is None else indices, jobs):
            if isinstance(rgb, PhotoError):
                warnings.warn(f"skipped: {rgb}", PhotoWarning, stacklevel=2)
            else:
                yield index, rgb

    def _try(self, index: int):
        try:
            return index, self[index]
        except PhotoError as error:
            return index, error

    def _try_lab(self, index: int):
        index, rgb = self._try(index)
        return rgb if isinstance(rgb, PhotoError) else rgb_to_lab(rgb)


@dataclass(frozen=True, eq=False)
class PhotoSet:
    """The photos of a source, split by photo.

    Attributes
    ----------
    name : str
        Of the source.
    train, test : Photos
        The two parts.
    skipped : tuple
        (name, reason) of files that ought to be photos and were left out.
    beside : tuple of str
        Names of what was passed over: hidden, a link, or no picture.
    """

    name: str
    train: Photos
    test: Photos
    skipped: tuple[tuple[str, str], ...] = ()
    beside: tuple[str, ...] = ()

    def labs(self, n: int | None = None, jobs: int = 1) -> Iterator[np.ndarray]:
        """Read usable training photos in order; unusable ones are skipped with a PhotoWarning.

        Parameters
        ----------
        n : int, optional
            How many usable photos, from the first; None reads all.
        jobs : int
            Threads that decode ahead, never more than two photos each; -1 is one per core.

        Yields
        ------
        np.ndarray
            (size, size, 3) float32, CIELAB.

        Raises
        ------
        UserError
            When there are fewer than `n`, or `n` is negative.
        """
        if n is not None and not 0 <= n <= len(self.train):
            raise UserError(f"{n} training photos were asked for, {self.name} has {len(self.train)}: ask for fewer.")
        return self._labs(n, jobs)

    def _labs(self, n: int | None, jobs: int) -> Iterator[np.ndarray]:
        count = 0
        if n == 0:
            return
        for lab in in_order(self.train._try_lab, range(len(self.train)), jobs):
            if isinstance(lab, PhotoError):
                warnings.warn(f"skipped: {lab}", PhotoWarning, stacklevel=2)
                continue
            yield lab
            count += 1
            if count == n:
                return
        if n is not None:
            raise UserError(f"{n} training photos were asked for, {self.name} has {count} usable: ask for fewer.")


def open_photos(source: str | os.PathLike = "sample", size: int = 400) -> PhotoSet:
    """Open a source of photos (see the module); nothing is decoded yet.

    A folder has `train_color/` and `test_color/` (there or in `data/`), `train/` and `test/`, or plain images, of which
    a hash of the name puts 10 % into test. Files that cannot be used are in `.skipped` and in one PhotoWarning, those
    that are hidden or no pictures, such as README.md, in `.beside`.

    Parameters
    ----------
    source : str or os.PathLike
        The name of a source, or a folder.
    size : int
        Photos are cut to centre squares of so many pixels, 8 to 10,000; the default is the paper's.

    Returns
    -------
    PhotoSet
        The photos, split into training and test part.

    Raises
    ------
    UserError
        When there is no such source, it cannot be downloaded or has no photo, and for a size out of range.
    """
    size = _checked_size(size)
    name, where, found = find(source)
    if found.skipped:
        warnings.warn(_skipped_sentence(where, found), PhotoWarning, stacklevel=2)
    if not found.train and not found.test:
        raise UserError(f"{where} holds no photo that can be used: put {READABLE} files in it.")
    folder = cache_folder(str(where), size, found.state)
    train, test = (
        Photos(
            tuple(name for name, _ in part),
            tuple(item for _, item in part),
            tuple(range(len(part))),
            size,
            label == "train",
            SquareCache(folder, label, size),
        )
        for label, part in (("train", found.train), ("test", found.test))
    )
    return PhotoSet(name, train, test, found.skipped, found.beside)


def tinted(photos: Photos) -> list[str]:
    """Photos without colours of things: they have one tint, as sepia, or next to none, and teach that.

    Parameters
    ----------
    photos : Photos
        All are decoded.

    Returns
    -------
    list of str
        Their names.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PhotoWarning)  # whoever learns from them hears of it
        return [photos.names[index] for index, rgb in photos.read(jobs=-1) if tone(rgb) != COLOURED]


def _checked_size(size) -> int:
    try:
        size = operator.index(size)
    except TypeError:
        size = 0
    if not 8 <= size <= 10_000:
        raise UserError("size must be a whole number of pixels from 8 to 10,000: the paper's is 400.")
    return size


def _skipped_sentence(where, found: Found) -> str:
    total = len(found.skipped) + len(found.train) + len(found.test)
    named = ", ".join(f"{name} ({reason})" for name, reason in found.skipped[:5])
    more = f", and {len(found.skipped) - 5} more" if len(found.skipped) > 5 else ""
    return f"{len(found.skipped)} of {total} files in {where} skipped: {named}{more}"
