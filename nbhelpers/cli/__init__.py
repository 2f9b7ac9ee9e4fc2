"""The `nbhelpers` command: help and errors at once, work imported late."""

from nbhelpers.cli.entry import main

__all__ = ["main"]
