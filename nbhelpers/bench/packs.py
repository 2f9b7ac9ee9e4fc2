"""How photos are best packed: colour error, size and reading time of WebP and of JPEG without chroma subsampling."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
from PIL import Image

from nbhelpers.colour.lab import rgb_to_lab
from nbhelpers.photos.decoding import read_square
from nbhelpers.system import median_seconds

CODECS = {f"WebP {quality}": {"format": "WEBP", "quality": quality, "method": 6} for quality in (70, 80, 90)}
CODECS |= {f"JPEG 4:4:4 {quality}": {"format": "JPEG", "quality": quality, "subsampling": 0, "optimize": True}
           for quality in (60, 75, 85)}  # fmt: skip
TIMED = 16  # photos


def packs(name: str, opened: dict) -> pd.DataFrame:
    """Measure codecs at several sizes: colour error, bytes, and seconds to read.

    Parameters
    ----------
    name : str
        Name of the photos.
    opened : dict
        Side in pixels -> `Photos` of that size.

    Returns
    -------
    pd.DataFrame
        One row for each size and codec: what, photos, photo_size; means over photos of ab_mse and l_mse (squared errors
        of a* and b*, mean of both, and of L*) and bytes_per_photo; seconds (to read a packed photo), against_seconds,
        ratio (how many times longer its own file takes, which is decoded and shrunk), against.
    """
    rows = []
    for size, photos in opened.items():
        files = photos.items[:TIMED]
        spent = median_seconds(lambda files=files, size=size: [read_square(f, size) for f in files], 3) / len(files)
        for what, options in CODECS.items():
            packed = [_encoded(photo, options) for photo in photos]
            errors = [
                np.square(rgb_to_lab(_decoded(p)) - rgb_to_lab(rgb)).mean((0, 1)) for p, rgb in zip(packed, photos)
            ]
            light, a, b = np.mean(errors, axis=0)
            row = {
                "what": what,
                "photos": f"{name}: {len(photos)}",
                "photo_size": size,
                "ab_mse": (a + b) / 2,
                "l_mse": light,
            }
            row["bytes_per_photo"] = np.mean([len(p) for p in packed])
            few = packed[:TIMED]
            row["seconds"] = median_seconds(lambda few=few: [_decoded(p) for p in few], 3) / len(few)
            rows.append(row | {"against_seconds": spent})
    table = pd.DataFrame(rows)
    ratio = table["against_seconds"] / table["seconds"]
    return table.assign(ratio=ratio, against="decoding a photo's own file and shrinking it")


def _encoded(photo: np.ndarray, options: dict) -> bytes:
    file = io.BytesIO()
    Image.fromarray(photo).save(file, **options)
    return file.getvalue()


def _decoded(packed: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(packed)))
