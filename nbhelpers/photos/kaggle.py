"""The paper's photos: Kaggle's "Image Colorization Dataset"."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from nbhelpers import paths
from nbhelpers.errors import UserError
from nbhelpers.paths import whole_folder
from nbhelpers.photos.sources import find_layout

HANDLE = "aayush9753/image-colorization-dataset/versions/1"
MAX_UNPACKED = 10_000_000_000  # bytes; the real archive holds well under one tenth of it
BY_HAND = (
    "by hand: put the archive of kaggle.com/datasets/aayush9753/image-colorization-dataset at data/kaggle/archive.zip, "
    "or its folders at data/kaggle/data/train_color and data/kaggle/data/test_color"
)


def root() -> Path:
    """The folder of all that belongs to the Kaggle photos."""
    return paths.DATA / "kaggle"


def manifest_path() -> Path:
    """The file with the names, bytes and SHA-256 of the photos."""
    return root() / "manifest.json"


def present() -> Path | None:
    """The folder with the Kaggle photos if they are here, by whichever way they came; no network."""
    hub = root() / "datasets" / HANDLE
    for folder in (root(), hub):
        # without a manifest a download may have stopped half-way: kagglehub has to say
        if find_layout(folder) and (folder != hub or manifest_path().is_file()):
            return folder
    return None


def folder() -> Path:
    """The folder with the paper's photos: placed by hand, unpacked from archive.zip, or downloaded.

    The first time its names, bytes and SHA-256 go to manifest.json; later openings compare names and bytes.
    Raises UserError when the photos cannot be had, or differ from the manifest.
    """
    folder, archive = present(), root() / "archive.zip"
    if folder is None and archive.is_file():
        unpack(archive, root() / "data")
        folder = present()
        if folder is None:
            raise UserError(f"{root() / 'data'} is in the way of unpacking {archive}: delete it.")
    if folder is None:
        folder = _download()
    if not manifest_path().is_file():
        _write_manifest(folder)
    compare_with_manifest(folder)
    return folder


def unpack(archive: Path, target: Path) -> None:
    """Unpack the photos of train_color and test_color, nothing else, whole or not at all.

    Parameters
    ----------
    archive : Path
        A ZIP file.
    target : Path
        The folder to make.

    Raises
    ------
    UserError
        When the archive is damaged, lacks one of the two folders, would unpack to more than 10 GB or names files
        outside the folder, and when the photos cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as source, whole_folder(target) as part:
            wanted = [(info, where) for info in source.infolist() if (where := _member(archive, info.filename))]
            if {where[0] for _, where in wanted} != {"train_color", "test_color"}:
                raise UserError(f"{archive} holds no photos in train_color and test_color: download it again.")
            if sum(info.file_size for info, _ in wanted) > MAX_UNPACKED:
                raise UserError(f"{archive} would unpack to more than 10 GB and is refused: download it again.")
            for info, where in wanted:
                path = part.joinpath(*where)
                path.parent.mkdir(exist_ok=True)
                with source.open(info) as packed, open(path, "wb") as file:
                    shutil.copyfileobj(packed, file)
    except OSError as error:
        raise UserError(f"{archive} could not be unpacked ({error}): make room beside it and try again.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise UserError(f"{archive} is damaged ({error}): delete it and download it again.") from error


def _member(archive: Path, name: str) -> tuple[str, str] | None:
    """(folder, file) for a member to unpack, None for one to leave; a name that leads outside is refused."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
        raise UserError(f"{archive} is refused: its member {name!r} leads outside the folder; download it again.")
    inside = len(parts) > 1 and parts[-2] in ("train_color", "test_color")
    return (parts[-2], parts[-1]) if inside and _is_photo_name(parts[-1]) else None


def _download() -> Path:
    try:
        import kagglehub
    except ImportError:
        raise UserError(f'"kaggle" needs kagglehub: run pip install -e ".[kaggle]", or place them {BY_HAND}.') from None
    before = os.environ.get("KAGGLEHUB_CACHE")
    os.environ["KAGGLEHUB_CACHE"] = str(root())
    try:
        folder = Path(kagglehub.dataset_download(HANDLE))
    except Exception as error:  # requests', Kaggle's and the archive's own errors have no common base
        status = getattr(getattr(error, "response", None), "status_code", None)
        reason = f"no answer from Kaggle ({getattr(error, 'strerror', None) or type(error).__name__})"
        if status in (401, 403):
            reason = f"Kaggle gives no permission ({status}), log in as data/README.md says"
        elif status is not None:
            reason = f"Kaggle does not have it ({status})"
        sentence = f"the Kaggle photos could not be downloaded ({reason}): try again, or place them {BY_HAND}."
        raise UserError(sentence) from error
    finally:
        os.environ.pop("KAGGLEHUB_CACHE")
        if before is not None:
            os.environ["KAGGLEHUB_CACHE"] = before
    if not find_layout(folder):
        raise UserError(
            f"{folder} lacks train_color and test_color: delete it and fetch again, or place them {BY_HAND}."
        )
    return folder


def _is_photo_name(name: str) -> bool:
    return name.lower().endswith((".jpg", ".jpeg", ".png")) and not name.startswith(".")


def _photo_files(folder: Path) -> dict[str, Path]:
    every = [path for where in (find_layout(folder) or {}).values() for path in where.glob("*")]
    return {f"{path.parent.name}/{path.name}": path for path in every if _is_photo_name(path.name)}


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_manifest(folder: Path) -> None:
    files = {name: [path.stat().st_size, _sha256(path)] for name, path in _photo_files(folder).items()}
    if not {"train_color", "test_color"} <= {name.split("/")[0] for name in files}:
        raise UserError(f"{folder} lacks the photos of train_color or test_color: place both {BY_HAND}.")
    with paths.atomic(manifest_path()) as part:
        part.write_text(json.dumps({"handle": HANDLE, "files": files}, indent=0))


def compare_with_manifest(folder: Path, contents: bool = False, progress: Callable = iter) -> None:
    """Compare the photos in a folder with the manifest, by name and bytes.

    Parameters
    ----------
    folder : Path
        Where the photos are, see `folder`.
    contents : bool
        Whether the SHA-256 is compared too.
    progress : callable
        Wraps the sorted names that are looped over, such as a progress bar.

    Raises
    ------
    UserError
        Names the first file that differs; also when the manifest is damaged.
    """
    manifest = manifest_path()
    try:
        files = json.loads(manifest.read_text())["files"]
        expected = {name: (int(size), str(digest)) for name, (size, digest) in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{manifest} is damaged: delete it, and it is made anew from the photos.") from error
    found = _photo_files(folder)
    for name in progress(sorted(expected.keys() | found.keys())):
        if name not in found:
            what = "is missing"
        elif name not in expected:
            what = "is not in the manifest"
        elif found[name].stat().st_size != expected[name][0]:
            what = f"has {found[name].stat().st_size} bytes instead of {expected[name][0]}"
        elif contents and _sha256(found[name]) != expected[name][1]:
            what = "has other contents than when it was downloaded"
        else:
            continue
        home = find_layout(folder)["train"].parent
        raise UserError(
            f"the Kaggle photo {name} {what}: delete {home} and fetch it again "
            f"(or, if this change is meant, delete {manifest})."
        )
