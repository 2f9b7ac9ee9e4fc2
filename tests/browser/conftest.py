"""A real Chromium, and servers of the explorer for it; the tests are skipped where there is no browser."""

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
# Two things that every page of Voilà or JupyterLab logs without a network, and that are not ours: fonts and style
# sheets from a content delivery network.
FOREIGN = ("cdn.jsdelivr.net", "unpkg.com", "fonts.googleapis.com", "cdnjs.cloudflare.com", "ERR_INTERNET_DISCONNECTED")


def pytest_collection_modifyitems(items):
    for item in items:
        if CHROMIUM is None and Path(item.fspath).parent == Path(__file__).parent:
            item.add_marker(pytest.mark.skip(reason="no Chromium is installed: apt install chromium"))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """The environment of a project folder of its own, with the notebooks and the models that come with the course."""
    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", root / "notebooks")
    shutil.copytree(ROOT / "data/checkpoints", root / "data/checkpoints")
    dropped = ("MPLBACKEND", "NBHELPERS_HEADLESS")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"NBHELPERS_ROOT": str(root), "OMP_WAIT_POLICY": "PASSIVE", "JUPYTER_CONFIG_DIR": str(root / "none")}


@pytest.fixture(scope="module")
def serve(elsewhere):
    """serve(command with {port}): start a server, wait until it listens, return its address."""
    started = []

    def start(command, timeout=90):
        port = _free_port()
        log = Path(elsewhere["NBHELPERS_ROOT"]) / f"{port}.log"
        command = [part.replace("{port}", str(port)) for part in command]
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", *command], env=elsewhere, stdout=file, stderr=file,
                cwd=elsewhere["NBHELPERS_ROOT"], start_new_session=True,
            )  # fmt: skip
        started.append(process)
        for _ in range(timeout * 5):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return f"http://localhost:{port}"
            except OSError:
                if process.poll() is not None:
                    break
                time.sleep(0.2)
        pytest.fail(f"the server did not start:\n{log.read_text()[-2000:]}")

    yield start
    for process in started:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def chromium():
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


class Errors(list):
    """What a page's console reports as errors, but for what is FOREIGN."""

    def watch(self, page):
        page.on("console", lambda message: self._note(message.text, message.location.get("url", "")) if
                message.type == "error" else None)  # fmt: skip
        page.on("pageerror", lambda error: self._note(str(error), ""))

    def _note(self, text, url):
        if not any(name in text + url for name in FOREIGN):
            self.append(f"{text} ({url})")


class Sent(list):
    """The bytes of each message that a page sends to its kernel."""

    def watch(self, page):
        page.on("websocket", lambda socket: socket.on("framesent", lambda message: self.append(len(message))))


@pytest.fixture
def sent():
    return Sent()


@pytest.fixture
def errors():
    found = Errors()
    yield found
    assert found == []
