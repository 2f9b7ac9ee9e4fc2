"""The `nbhelpers` command: exit status, errors and warnings; `commands` has its subcommands."""

from __future__ import annotations

import signal
import sys
import traceback
import warnings

import typer

from nbhelpers.cli.commands import app
from nbhelpers.errors import UserError


def _show_warning(message, category, *_) -> None:
    sys.stderr.write(f"nbhelpers: warning: {message}\n")


def main(arguments: list[str] | None = None) -> None:
    """Run the command and exit.

    An error is one sentence on stderr, with its traceback above it only with `--debug`.

    Parameters
    ----------
    arguments : list of str, optional
        What follows the command's name; None takes those of the process.

    Raises
    ------
    SystemExit
        Always, with the exit status: 0, 1 for a failure, 2 for wrong usage, 130 after Ctrl-C.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # to be stopped is like Ctrl-C
    debug = "--debug" in arguments
    arguments = [a for a in arguments if a != "--debug"]
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            status = app(arguments, prog_name="nbhelpers", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        status = 130
    except Exception as error:
        if debug:
            traceback.print_exc()
        if isinstance(error, UserError):
            text, status = str(error), getattr(error, "exit_code", 1)
        elif hasattr(error, "format_message"):  # wrong usage, as typer found it
            text, status = error.format_message(), error.exit_code
            if type(error).__name__ == "NoArgsIsHelpError":
                error.show()
                text = "a command is missing"
        else:
            reason = " ".join(str(error).split())[:300]
            text, status = f"{type(error).__name__}: {reason} (--debug shows the traceback)", 1
        sys.stderr.write(f"nbhelpers: {text}\n")  # at once: several devices may speak
    sys.exit(status if isinstance(status, int) else 0)
