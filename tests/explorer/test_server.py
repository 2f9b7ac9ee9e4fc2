"""`nbhelpers app`: the page it writes, how it is served, and what a person is told when it cannot be."""

import ast
import errno
import importlib.util
import socket
from pathlib import Path

import nbformat
import pytest

from nbhelpers import paths
from nbhelpers.cli import main
from nbhelpers.errors import UserError
from nbhelpers.explorer import server


def source_of(page):
    return "\n".join(cell.source for cell in nbformat.read(page, as_version=4).cells if cell.cell_type == "code")


def test_the_page_is_notebook_08_up_to_the_explorer(tmp_path):
    page = server.write_page("sample", tmp_path)
    node = nbformat.read(page, as_version=4)
    nbformat.validate(node)
    code = source_of(page)
    assert code.rstrip().splitlines()[-1].startswith("page = explore(")
    assert "save_figure" not in code
    assert node.cells[0].source == "# The explorer: your photo, your hints"
    assert all(not cell.outputs for cell in node.cells if cell.cell_type == "code")


def test_the_page_shows_the_photos_that_were_asked_for(tmp_path):
    code = source_of(server.write_page("/some 'folder'", tmp_path))
    nodes = [node for node in ast.parse(code).body if isinstance(node, ast.Assign)]
    values = [ast.literal_eval(node.value) for node in nodes if ast.unparse(node.targets[0]) == "photos"]
    assert values == ["sample", "/some 'folder'"]  # the last one counts


def test_a_notebook_without_the_explorer_is_refused(course):
    course.write("08_other", "print(1)")
    with pytest.raises(UserError, match=r"08_explorer.ipynb has no cell that calls explore\(\)"):
        server.write_page("sample", course.root)


def test_only_this_machine_is_served(tmp_path):
    command = server.command(tmp_path / "explorer.ipynb", 1234, browser=False)
    assert "--Voila.ip=127.0.0.1" in command and "--port=1234" in command and "--no-browser" in command
    assert "--no-browser" not in server.command(tmp_path / "explorer.ipynb", 1234, browser=True)


def status(capsys, *arguments):
    with pytest.raises(SystemExit) as stopped:
        main(list(arguments))
    return stopped.value.code, capsys.readouterr().err


@pytest.fixture
def never(monkeypatch):
    """No server may start."""
    monkeypatch.setattr(server.subprocess, "Popen", lambda *_, **__: pytest.fail("a server was started"))


def test_a_port_that_is_forbidden_is_not_called_taken(capsys, never, monkeypatch):
    def refused(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refused)
    code, text = status(capsys, "app", "--port", "80")
    assert code == 1 and "port 80 cannot be used (permission denied): name another with --port" in text


def test_each_explorer_has_a_page_of_its_own_and_takes_it_away(monkeypatch):
    served = []

    class Server:
        def __init__(self, command, env):
            served.append(next(Path(part) for part in command if part.endswith(".ipynb")))

        def wait(self):
            assert served[-1].is_file()
            if len(served) == 1:
                assert server.serve(port=0, browser=False) == 3
            return 3

    monkeypatch.setattr(server.subprocess, "Popen", Server)
    assert server.serve(port=0, browser=False) == 3
    assert len(set(served)) == 2 and not any(page.exists() for page in served)


def test_a_taken_port_is_named(capsys, never, tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "DATA", tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, text = status(capsys, "app", "--no-browser", "--port", str(taken.getsockname()[1]))
    assert code == 1 and "is taken" in text and "--port" in text and len(text.splitlines()) == 1


def test_missing_packages_are_named(capsys, never, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "voila" else real(name))
    code, text = status(capsys, "app")
    assert code == 1 and "voila missing" in text and "make app" in text


@pytest.mark.parametrize(("photos", "code"), [("smaple", 2), ("/no/such/folder", 1)])
def test_wrong_photos_show_before_any_page(capsys, never, photos, code):
    found, text = status(capsys, "app", "--photos", photos)
    assert found == code and len(text.strip().splitlines()) == 1
