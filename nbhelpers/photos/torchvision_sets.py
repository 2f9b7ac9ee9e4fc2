"""Photo sets that torchvision downloads."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

from nbhelpers import paths
from nbhelpers.errors import UserError
from nbhelpers.paths import whole_folder
from nbhelpers.photos.decoding import PhotoError
from nbhelpers.photos.sources import Found

# name -> (class in torchvision.datasets, its splits for train, its splits for test)
TORCHVISION = {
    "flowers102": ("Flowers102", ("train", "val"), ("test",)),
    "imagenette": ("Imagenette", ("train",), ("val",)),
    "stl10": ("STL10", ("train",), ("test",)),
}


@dataclass(frozen=True)
class TorchvisionPhoto:
    """One photo of a torchvision set: small to pickle, opened where it is needed.

    Attributes
    ----------
    root : str
        The folder of the set.
    name : str
        Of the set, see TORCHVISION.
    split : str
        As torchvision calls it.
    index : int
        Its place in the split, from 0.
    """

    root: str
    name: str
    split: str
    index: int

    def image(self):
        """The photo as an RGB Pillow image. Raises PhotoError."""
        try:
            return _dataset(self.root, self.name, self.split)[self.index][0].convert("RGB")
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise PhotoError(f"{self.name}/{self.split}-{self.index:05d}", f"damaged ({error})") from error


def torchvision_root(name: str) -> Path:
    """The folder of a torchvision set, which need not be there.

    Parameters
    ----------
    name : str
        Of the set, see TORCHVISION.

    Returns
    -------
    Path
        The folder.
    """
    return paths.DATA / "torchvision" / name


def torchvision_set(name: str) -> Found:
    """A torchvision set, downloaded on first use.

    Parameters
    ----------
    name : str
        Of the set, see TORCHVISION.

    Returns
    -------
    Found
        Its photos; none is skipped.

    Raises
    ------
    UserError
        When that fails: torchvision is not installed, the download breaks off or what is here is damaged.
    """
    _, *splits = TORCHVISION[name]
    root = torchvision_root(name)
    if not root.is_dir():
        _download_torchvision(name, root)
    train, test = (
        tuple(
            (f"{split}-{index:05d}", TorchvisionPhoto(str(root), name, split, index))
            for split in part
            for index in range(len(_dataset(str(root), name, split)))
        )
        for part in splits
    )
    return Found(train, test, (), f"{len(train)} {len(test)}")


def _open_dataset(root, name: str, split: str, download: bool):
    try:
        from torchvision import datasets
    except ImportError:
        raise UserError(f'"{name}" needs torchvision: run pip install torchvision.') from None
    return getattr(datasets, TORCHVISION[name][0])(root=str(root), split=split, download=download)


@functools.lru_cache(maxsize=8)
def _dataset(root: str, name: str, split: str):
    try:
        return _open_dataset(root, name, split, download=False)
    except (OSError, RuntimeError) as error:
        raise UserError(f"{root} is damaged ({error}): delete it and fetch it again.") from error


def _download_torchvision(name: str, root: Path) -> None:
    try:
        with whole_folder(root) as part:
            for splits in TORCHVISION[name][1:]:
                for split in splits:
                    _open_dataset(part, name, split, download=True)
    except (OSError, RuntimeError) as error:
        raise UserError(
            f'"{name}" could not be downloaded ({error}): check the network, or use "sample" or a folder.'
        ) from error
