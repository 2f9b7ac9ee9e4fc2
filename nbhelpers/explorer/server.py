"""Serve the explorer as a page: the first cells of notebook 08, run by Voilà."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat

from nbhelpers import paths, widgets
from nbhelpers.errors import UserError

NOTEBOOK = "08_explorer.ipynb"
LARGEST_MESSAGE = 2**30  # bytes from the browser at once, as in `make lab`; above tornado's 10 MiB a connection ends


def write_page(photos: str, folder: Path) -> Path:
    """Write notebook 08 up to the explorer, without its introduction and outputs, for a photo source.

    Parameters
    ----------
    photos : str
        A source of `open_photos`; a folder by its absolute path.
    folder : Path
        Where the page is written.

    Returns
    -------
    Path
        `folder`/explorer.ipynb.

    Raises
    ------
    UserError
        When the notebook cannot be read, or has no cell that calls explore().
    """
    notebook = paths.NOTEBOOKS / NOTEBOOK
    try:
        node = nbformat.read(notebook, as_version=4)
        last = next(i for i, cell in enumerate(node.cells) if "= explore(" in cell.source)
        at = next(i for i, cell in enumerate(node.cells) if "parameters" in cell.metadata.get("tags", []))
        title = node.cells[0].source.splitlines()[0]
    except Exception:  # nbformat answers damaged files with errors of many kinds
        raise UserError(
            f"{notebook} has no cell that calls explore(): use the one that comes with the course"
        ) from None
    node.cells = node.cells[: last + 1]
    node.cells[0].source = title  # the title; who opens the page wants to begin
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    node.cells.insert(at + 1, nbformat.v4.new_code_cell(f"photos = {photos!r}"))
    with paths.atomic(folder / "explorer.ipynb") as part:
        nbformat.write(node, part)
    return folder / "explorer.ipynb"


def command(page: Path, port: int, browser: bool) -> list[str]:
    """The command that serves a page on this machine alone, at http://localhost:<port>/.

    Parameters
    ----------
    page : Path
        The notebook.
    port : int
        To listen on.
    browser : bool
        Whether to open one.

    Returns
    -------
    list of str
        The program and its arguments.
    """
    options = [f"--port={port}", "--Voila.ip=127.0.0.1", "--show_tracebacks=False", "--theme=light"]
    options += [f"--Voila.tornado_settings={{'websocket_max_message_size': {LARGEST_MESSAGE}}}"]
    # A page that was closed without a word, as on a phone that fell asleep, gives its memory back after half an hour.
    options += ["--MappingKernelManager.cull_idle_timeout=1800", "--MappingKernelManager.cull_interval=60"]
    return [sys.executable, "-m", "voila", str(page), *options, *([] if browser else ["--no-browser"])]


def serve(photos: str = "sample", port: int = 8866, browser: bool = True) -> int:
    """Serve the explorer until Ctrl-C.

    Parameters
    ----------
    photos : str
        A source of `open_photos`.
    port : int
        To listen on, at localhost.
    browser : bool
        Whether to open one.

    Returns
    -------
    int
        The server's exit status; 0 after Ctrl-C.

    Raises
    ------
    UserError
        When the packages of the extra "app" are missing, photos cannot be opened, or the port is taken or cannot be
        used.
    """
    if told := widgets.missing("voila", "ipycanvas", "anywidget"):
        raise UserError(told)
    from nbhelpers.photos import open_photos

    open_photos(photos)  # what is wrong with it shows here, not on the page
    if photos not in paths.SOURCES:
        photos = str(Path(photos).expanduser().resolve())
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was just left is free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            why = "is taken, perhaps by another explorer" if taken else f"cannot be used ({error.strerror.lower()})"
            raise UserError(f"port {port} {why}: name another with --port") from None
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MPLBACKEND", "NBHELPERS_HEADLESS")
    }
    with tempfile.TemporaryDirectory(prefix="nbhelpers-") as folder:  # another explorer has another page
        page = write_page(photos, Path(folder))
        environment |= {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONWARNINGS": "ignore"}
        print(f"The explorer is at http://localhost:{port}/; Ctrl-C ends it.", flush=True)
        server = subprocess.Popen(command(page, port, browser), env=environment)
        try:
            return server.wait()
        except KeyboardInterrupt:
            server.terminate()
            server.wait()
            return 0
