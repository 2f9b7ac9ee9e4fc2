"""What can go wrong: mistakes that a user can put right, and systems that were not solved."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right; the message is one sentence that says how."""


class NotConverged(UserWarning):
    """A sparse system was not solved to its tolerance; the colours are the solver's last guess."""
