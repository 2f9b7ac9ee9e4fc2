"""What the subcommands share: the folder that -o names, a photo source, warnings."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path

import typer

from nbhelpers.errors import UserError

plain = {"no_args_is_help": True, "add_completion": False, "rich_markup_mode": None}


def out_folder(out: str) -> str:
    """The folder that -o/--out names.

    Parameters
    ----------
    out : str
        As it was typed.

    Returns
    -------
    str
        With the home folder written out.

    Raises
    ------
    typer.BadParameter
        When it cannot be one.
    UserError
        When nothing can be written there.
    """
    out = os.path.expanduser(out)
    if not out or os.path.exists(out) and not os.path.isdir(out):
        raise typer.BadParameter(
            f"-o/--out names a folder, and {out or 'an empty name'} is {'a file' if out else 'none'}"
        )
    above = next((place for place in (Path(out), *Path(out).absolute().parents) if place.exists()), None)
    if above is None or not above.is_dir() or not os.access(above, os.W_OK):
        raise UserError(f"nothing can be written to {out}, as {above} does not allow it: choose another folder with -o")
    return out


def tell(note: str) -> None:
    """Print a warning, not in the middle of a progress bar.

    Parameters
    ----------
    note : str
        One sentence.
    """
    from tqdm import tqdm

    with tqdm.external_write_mode():
        typer.echo(f"nbhelpers: warning: {note}", err=True)


@contextmanager
def photo_source(source: str):
    """Make the error for a bare word that is neither a source nor a folder one of usage.

    Parameters
    ----------
    source : str
        The word, as it was typed.

    Yields
    ------
    None
        While the source is opened.
    """
    from nbhelpers.paths import SOURCES

    try:
        yield
    except UserError as error:
        if source in SOURCES or os.sep in source or os.path.exists(source):
            raise
        raise typer.BadParameter(str(error)) from None
