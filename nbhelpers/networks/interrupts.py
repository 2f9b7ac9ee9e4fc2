"""Ctrl-C during a training: a step is never torn in two."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager


@contextmanager
def asked_to_stop():
    """Within, Ctrl-C sets the event that is yielded, so that a step is finished first; a second one stops at once.

    Yields
    ------
    threading.Event
        Never set outside the main thread, where no signal arrives.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def ask(number, frame):
        event.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)
