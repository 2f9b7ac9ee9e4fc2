"""Where photos are found on this machine: the sample, and folders."""

from __future__ import annotations

import csv
import hashlib
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from nbhelpers.errors import UserError
from nbhelpers.photos.decoding import PhotoError, read_header
from nbhelpers.photos.folders import HIDDEN, LINKED, NOTHING, below, is_photo

NO_COLOUR = "greyscale, has no colour to learn from"


class Found(NamedTuple):
    """The photos of a source.

    Attributes
    ----------
    train, test : tuple
        (name, path or TorchvisionPhoto) of each photo, sorted by name.
    skipped : tuple
        (name, reason) of files that cannot be used.
    state : str
        Changes whenever a file does.
    beside : tuple of str
        Names of what was passed over: hidden, a link, or no picture.
    """

    train: tuple
    test: tuple
    skipped: tuple = ()
    state: str = ""
    beside: tuple = ()


class SamplePhoto(NamedTuple):
    """A photo that a dependency installs, and under which terms.

    Attributes
    ----------
    name : str
        Its file's, without suffix.
    part : str
        "train" or "test".
    package : str
        The package that installs it, as it is imported.
    folder : str
        Where in the package.
    credit : str
        Author and licence.
    """

    name: str
    part: str
    package: str
    folder: str
    credit: str


_SKIMAGE = ("skimage", "data")
_SKLEARN = ("sklearn", "datasets/images")
SAMPLE = (
    SamplePhoto("astronaut", "train", *_SKIMAGE, "NASA, public domain"),
    SamplePhoto("china", "train", *_SKLEARN, "danielbuechele, CC BY 2.0"),
    SamplePhoto("hubble_deep_field", "train", *_SKIMAGE, "NASA, public domain"),
    SamplePhoto("motorcycle_left", "train", *_SKIMAGE, "Middlebury Stereo 2014, CC0 by way of scikit-image"),
    SamplePhoto("rocket", "train", *_SKIMAGE, "SpaceX, CC0"),
    SamplePhoto("chelsea", "test", *_SKIMAGE, "Stéfan van der Walt, CC0"),
    SamplePhoto("coffee", "test", *_SKIMAGE, "Rachel Michetti, CC0"),
    SamplePhoto("flower", "test", *_SKLEARN, "vultilion, CC BY 2.0"),
    SamplePhoto("grace_hopper", "test", "matplotlib", "mpl-data/sample_data", "US Navy, public domain"),
)
_INSTALL = {"skimage": "scikit-image>=0.25", "sklearn": "scikit-learn", "matplotlib": "matplotlib"}


def sample() -> Found:
    """The nine photos that scikit-image, scikit-learn and matplotlib install; nothing is downloaded."""
    parts, state = {"train": [], "test": []}, []
    for photo in SAMPLE:
        path = _sample_path(photo)
        header = read_header(path)
        parts[photo.part].append((photo.name, path))
        state.append(f"{photo.name} {header.bytes} {header.mtime_ns}")
    return Found(tuple(parts["train"]), tuple(parts["test"]), (), "\n".join(state))


def _sample_path(photo: SamplePhoto) -> Path:
    spec = find_spec(photo.package)  # finds the package without importing it
    folder = Path(spec.origin).parent / photo.folder if spec else Path()
    found = sorted(p for p in folder.glob(f"{photo.name}.*") if p.suffix in (".png", ".jpg", ".jpeg", ".webp"))
    if not found:
        raise UserError(
            f"the sample photo {photo.name} is not in the installed {photo.package}: "
            f'run pip install --force-reinstall "{_INSTALL[photo.package]}".'
        )
    return found[0]


def sample_credits() -> dict[str, str]:
    """Photo name -> author and licence, of the sample."""
    return {photo.name: photo.credit for photo in SAMPLE}


def folder_credits(folder: Path) -> dict[str, str]:
    """Licences and attributions from a folder's SOURCES.csv.

    Parameters
    ----------
    folder : Path
        Where the table is.

    Returns
    -------
    dict
        Photo name -> attribution and licence; {} when there is no table.

    Raises
    ------
    UserError
        When the table cannot be read.
    """
    table = folder / "SOURCES.csv"
    if not table.is_file():
        return {}
    keys = ("file", "attribution", "licence_note")
    try:
        with open(table, newline="", encoding="utf-8-sig") as file:  # with or without the mark that Excel puts first
            lines = csv.DictReader(file)
            rows = [[row.get(key) or "" for key in keys] for row in lines]
    except UnicodeDecodeError:
        raise UserError(f"{table} is not UTF-8: save it as CSV in UTF-8") from None
    if "file" not in (lines.fieldnames or []):
        raise UserError(f"{table} has no column 'file': save it as CSV with commas, and columns {', '.join(keys)}")
    return {name: ", ".join(filter(None, words)) for name, *words in rows}


# ---- folders


def folder(root: Path) -> Found:
    """The photos in a folder: Kaggle layout, `train/` and `test/`, or plain images at any depth.

    Kaggle layout: `train_color` and `test_color`, here or in `data/`. Plain images are split by a hash of their names:
    a photo stays in its part when others come and go.

    Parameters
    ----------
    root : Path
        The folder.

    Returns
    -------
    Found
        What can be used, what cannot and what was passed over; names are paths relative to `root`.

    Raises
    ------
    UserError
        When the folder, or that of a part, cannot be read.
    """
    dirs, names, skipped, beside = find_layout(root), {}, [], []
    for part, where in (dirs or {"all": root}).items():
        if where.is_dir():
            names[part], unreadable, others = _listing(root, where)
            skipped += unreadable
            beside += others
    if dirs:
        at = next(iter(dirs.values())).parent
        lying = [path for path in sorted(at.iterdir()) if is_photo(path)]
        parts = " and ".join(where.name for where in dirs.values())
        skipped += [(path.relative_to(root).as_posix(), f"lies beside {parts}, not in them") for path in lying]
    every = [name for part in names.values() for name in part]
    with ThreadPoolExecutor(8) as pool:
        headers = dict(zip(every, pool.map(_header, [root / name for name in every]), strict=True))
    skipped += [(name, reason) for name, reason in headers.items() if isinstance(reason, str)]
    good = {part: [n for n in listed if not isinstance(headers[n], str)] for part, listed in names.items()}
    if not dirs:
        good = _split(good["all"])
    grey = [name for name in good.get("train", ()) if headers[name].grey]
    skipped += [(name, NO_COLOUR) for name in grey]
    train = tuple((name, root / name) for name in good.get("train", ()) if not headers[name].grey)
    test = tuple((name, root / name) for name in good.get("test", ()))
    state = [f"{name} {headers[name].bytes} {headers[name].mtime_ns}" for name, _ in (*train, *test)]
    return Found(train, test, tuple(sorted(skipped)), f"{len(train)}\n" + "\n".join(state), tuple(sorted(beside)))


def count_files(root: Path) -> int:
    """How many files of a folder ought to be photos, without opening them.

    Parameters
    ----------
    root : Path
        The folder, see `folder`.

    Returns
    -------
    int
        Their number.

    Raises
    ------
    UserError
        When the folder, or that of a part, cannot be read.
    """
    dirs = (find_layout(root) or {"all": root}).values()
    return sum(len(_listing(root, where)[0]) for where in dirs if where.is_dir())


def find_layout(root: Path) -> dict[str, Path] | None:
    """The folders of the two parts.

    Parameters
    ----------
    root : Path
        The folder, see `folder`.

    Returns
    -------
    dict or None
        "train" and "test" -> Path, one of which may be missing in Kaggle's layout; None for plain images.
    """
    for base in (root, root / "data"):
        dirs = {"train": base / "train_color", "test": base / "test_color"}
        if any(where.is_dir() for where in dirs.values()):
            return dirs
    dirs = {"train": root / "train", "test": root / "test"}
    return dirs if all(where.is_dir() for where in dirs.values()) else None


def _header(path: Path):
    try:
        return read_header(path)
    except PhotoError as error:
        return error.reason


def _listing(root: Path, where: Path) -> tuple[list[str], list[tuple[str, str]], list[str]]:
    """The files in a folder that ought to be photos, sorted, its subfolders that cannot be read, and what is neither.

    All names are relative to `root`. Of files that are no pictures those count that nobody lays beside photos.
    """
    found, inside = below(where), where.relative_to(root)
    unreadable = {name: why for name, why in found.unreadable}
    if "." in unreadable:
        raise UserError(f"the folder {where} cannot be read ({unreadable['.']}): change its permissions.")
    odd = {name for name, why in found.passed_over if why not in (HIDDEN, LINKED, NOTHING) and not _is_companion(name)}
    beside = [name for name, _ in found.passed_over if name not in odd]

    def here(name: str) -> str:
        return (inside / name).as_posix() + ("/" if name.endswith("/") else "")

    names = sorted(here(name) for name in (*found.photos, *odd))
    return names, [(here(name) + "/", why) for name, why in unreadable.items()], [here(name) for name in beside]


def _is_companion(name: str) -> bool:
    """Files that lie beside photos, by their names: `license_plate.png` is none of them."""
    lower = name.rpartition("/")[2].lower()
    return lower in ("readme", "license", "licence", "thumbs.db", "desktop.ini") or lower.endswith(
        (".md", ".txt", ".csv", ".json")
    )


def _split(names: list[str]) -> dict[str, list[str]]:
    """10 % for testing, by the name's SHA-256; neither part stays empty when there are two photos."""
    keys = {name: _hash(name) for name in names}
    test = {name for name in names if keys[name] % 10 == 0}
    if names and len(test) in (0, len(names)):
        lowest = min(names, key=keys.get)
        test = {lowest} if not test or len(names) == 1 else test - {lowest}
    return {"train": [n for n in names if n not in test], "test": [n for n in names if n in test]}


def _hash(name: str) -> int:
    plain = unicodedata.normalize("NFC", name)  # macOS stores accents apart
    return int.from_bytes(hashlib.sha256(plain.encode("utf-8", "replace")).digest()[:8], "big")
