"""What can go wrong: mistakes that a user can put right, names that are unknown."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something the user can put right; the message is one sentence that says how."""


def instead_of(name: str, known: Iterable[str]) -> str:
    """The way out after an unknown `name`: that of `known` which begins with it or is spelt nearly so, or else all."""
    known = list(known)
    close = [each for each in known if name and each.startswith(name)] or get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"choose from {', '.join(known)}"
