"""What a reader has tried of the exercises: a local file, one line a check, and a page made from it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from nbhelpers import paths


def file() -> Path:
    """Where the notes lie, data/progress.jsonl: a line of JSON for each check, hint and solution."""
    return paths.DATA / "progress.jsonl"


def note(name: str, event: str) -> str:
    """Add a line to the notes.

    Parameters
    ----------
    name : str
        Of the exercise.
    event : str
        "right", "not yet", "hint 1", "hint 2" or "solution".

    Returns
    -------
    str
        "" or, where nothing can be written, a sentence that says so.
    """
    line = json.dumps({"at": datetime.now().isoformat(timespec="seconds"), "exercise": name, "event": event})
    try:
        file().parent.mkdir(parents=True, exist_ok=True)
        with open(file(), "a", encoding="utf-8") as notes:  # a line at once: two kernels may write
            notes.write(line + "\n")
    except OSError as error:
        return f"nbhelpers progress will not know of this: {file()} cannot be written ({error.strerror})"
    return ""
