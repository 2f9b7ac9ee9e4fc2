"""What the subcommands share: the folder that -o names, a photo source, warnings."""

from __future__ import annotations

import os
from contextlib import contextmanager

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
    """
    out = os.path.expanduser(out)
    if not out or os.path.exists(out) and not os.path.isdir(out):
        raise typer.BadParameter(
            f"-o/--out names a folder, and {out or 'an empty name'} is {'a file' if out else 'none'}"
        )
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
