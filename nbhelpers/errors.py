"""What can go wrong: mistakes that a user can put right, names that are unknown."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can put right; the message is one sentence that says how."""


def instead_of(name: str, known: Iterable[str]) -> str:
    """The way out after an unknown name.

    Parameters
    ----------
    name : str
        The unknown name.
    known : iterable of str
        The names that there are.

    Returns
    -------
    str
        "did you mean ...?", with the known name that begins with `name` or is spelt nearly so, or else "choose from
        ..." with all.
    """
    known = list(known)
    close = [each for each in known if name and each.startswith(name)] or get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(known)}"
