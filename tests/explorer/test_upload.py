"""The upload button's Python half: pieces in order, files that are refused, replaced, or never come whole."""

import asyncio
import importlib
import sys

import pytest
from uploading import Sender

from nbhelpers import explorer
from nbhelpers.errors import UserError
from nbhelpers.explorer import page, painting, upload


@pytest.fixture
def come():
    """What has come whole: (name, content)."""
    return []


@pytest.fixture
def refused():
    """What was said of files that have not, as sentences."""
    return []


@pytest.fixture
def sender(come, refused):
    return Sender(upload.Upload(lambda *file: come.append(file), lambda error: refused.append(str(error))))


WHOLE = bytes(range(256)) * 10
NOT_WHOLE = ["a.png has not come whole: choose it again"]


def test_a_file_comes_in_pieces_each_asked_for_when_the_one_before_is_there(sender, come, refused):
    assert sender.send("a.png", WHOLE, 1000) == 3
    assert [answer.get("at") for answer in sender.answers] == [0, 1000, 2000, None]
    assert sender.send("a.png", WHOLE, 2560) == 1  # the same file once more
    assert come == [("a.png", WHOLE)] * 2 and all(type(content) is bytes for _, content in come)
    assert refused == [] and sender.button.content == b""


def test_of_a_file_that_is_too_large_nothing_is_asked_for(sender, come, refused):
    assert "at" not in sender.begin("b.png", 300_000_000)
    assert come == [] and len(refused) == 1
    assert refused[0].startswith("b.png cannot be used as a photo: larger than 40 MB")
    assert sender.begin("c.png", painting.MAX_BYTES)["at"] == 0


def test_an_empty_file_is_there_at_once(sender, come):
    assert sender.send("a.png", b"") == 0
    assert come == [("a.png", b"")]


@pytest.mark.parametrize(
    ("at", "pieces"),
    [(0, [b"12345"]), (10, [b"12345"]), (5, []), (5, [b""]), (5, [b"1234567"])],
    ids=["twice", "one left out", "not to be read", "empty", "more than was told"],
)
def test_pieces_that_do_not_fit_end_the_upload(sender, come, refused, at, pieces):
    sender.begin("a.png", 11)
    assert sender.tell({"id": "1", "at": 0}, b"12345")["at"] == 5
    assert sender.tell({"id": "1", "at": at}, *pieces) == {"id": "1"}
    assert (come, refused, sender.button.content) == ([], NOT_WHOLE, b"")
    assert sender.tell({"id": "1", "at": 5}, b"123456") == {"id": "1"}  # what comes late is nothing's
    assert (come, refused) == ([], NOT_WHOLE)
    sender.send("a.png", WHOLE)
    assert come == [("a.png", WHOLE)]


def test_a_second_file_takes_the_place_of_one_that_is_on_its_way(sender, come, refused):
    sender.begin("a.png", 10)
    sender.tell({"id": "1", "at": 0}, b"12345")
    assert sender.begin("b.png", 4) == {"id": "2", "at": 0}
    assert sender.tell({"id": "1", "at": 5}, b"67890") == {"id": "1"}  # another page's button: it rests
    sender.tell({"id": "2", "at": 0}, b"1234")
    assert come == [("b.png", b"1234")] and refused == []


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_file_of_which_no_more_comes_is_given_up(sender, come, refused, monkeypatch, goes_on):
    monkeypatch.setattr(upload, "PATIENCE", 0.2)

    async def half():
        sender.begin("a.png", 10)
        await asyncio.sleep(0.1)
        sender.tell({"id": "1", "at": 0}, b"12345")
        await asyncio.sleep(0.15)  # what was asked for first has come
        assert refused == [] and len(sender.button.content) == 5
        if goes_on:
            sender.tell({"id": "1", "at": 5}, b"67890")
        await asyncio.sleep(0.2)

    asyncio.run(half())
    assert (come, refused) == (([("a.png", b"1234567890")], []) if goes_on else ([], NOT_WHOLE))
    assert sender.answers[-1] == {"id": "1"} and sender.button.content == b""


@pytest.mark.parametrize(("package", "module"), [("anywidget", "upload"), ("ipycanvas", "canvas")])
def test_without_its_package_the_page_says_what_to_install(monkeypatch, package, module):
    monkeypatch.setitem(sys.modules, package, None)
    for name in (module, "places", "page"):
        monkeypatch.delitem(sys.modules, f"nbhelpers.explorer.{name}")
        monkeypatch.delattr(explorer, name)
    with pytest.raises(UserError, match=f"^{package} missing: `make app` installs it"):
        importlib.import_module(page.__name__)
