"""The site: every notebook a page, every picture with a text, every link with an end."""

import html
import itertools
import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from nbhelpers import cli, paths
from nbhelpers.course import site
from nbhelpers.errors import UserError


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site of the committed notebooks and results."""
    folder = tmp_path_factory.mktemp("site") / "site"
    return folder, site.build(folder, "owner/course")


def test_there_is_a_page_for_each_notebook_and_its_results(built):
    folder, pages = built
    names = {page.name for page in pages} - {"syllabus.html"}
    stems = {path.stem for path in paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")}
    assert names == {"index.html"} | {f"{stem}.html" for stem in stems} | {f"results_{s[:2]}.html" for s in stems}
    index = (folder / "index.html").read_text()
    assert all(f'href="{name}"' in index for name in names - {"index.html"} | {"syllabus.html"})
    assert 'href="02_neighbour_regression.html"' in (folder / "syllabus.html").read_text()


def test_every_link_ends_and_every_picture_has_a_text(built):
    folder, pages = built
    assert site.broken_links(folder) == []
    for page in pages:
        read = site.read_page(page)
        assert read.silent == 0, page.name
        assert not [target for target in read.targets if ".ipynb" in target and "github" not in target
                    and "mybinder" not in target]  # fmt: skip


def test_every_committed_figure_and_table_is_on_its_page(built):
    files = [path.name for path in (paths.FIGURES / "reference").glob("0[0-9]_*.*")]
    assert {Path(name).suffix for name in files} == {".csv", ".json", ".png", ".webp"}
    pages = {number: (built[0] / f"results_{number}.html").read_text() for number in {name[:2] for name in files}}
    assert [name for name in files if f'/{name}"' not in pages[name[:2]] and not name.endswith(".json")] == []
    for name in (name for name in files if name.endswith(".json")):  # of a sheet of tiles: what they show, and by whom
        told = json.loads((paths.FIGURES / "reference" / name).read_text())
        shown = [*told["credits"], ", ".join(told["columns"]), ", ".join(told["rows"])]
        assert [text for text in shown if html.escape(text) not in pages[name[:2]]] == [], name


def test_pages_fit_a_phone(built):
    for page in built[1]:
        text = page.read_text()
        assert '<meta name="viewport" content="width=device-width' in text
        assert "img{max-width:100%" in text and 'lang="en"' in text


def test_a_notebook_page_leads_on_and_opens_elsewhere(built):
    page = (built[0] / "03_sparse_system.html").read_text()
    nav = re.search("<nav>(.*?)</nav>", page)[1]
    assert "02_neighbour_regression.html" in nav and "04_row_by_row.html" in nav
    assert "https://mybinder.org/v2/gh/owner/course/HEAD?labpath=notebooks/03_sparse_system.ipynb" in nav
    assert 'href="#Exercises"' in nav and 'href="#Quiz"' in nav
    assert "colab" not in nav  # it would not find the package there
    first = (built[0] / "00_start_here.html").read_text()
    assert "https://colab.research.google.com/github/owner/course/blob/main/notebooks/00_start_here.ipynb" in first


def small(course):
    course.write("00_start_here", "print(1)")
    (course.root / "figures" / "reference").mkdir(parents=True)


def test_a_link_that_leads_nowhere_stops_the_build(course, tmp_path):
    small(course)
    path = course.notebooks / "00_start_here.ipynb"
    node = nbformat.read(path, as_version=4)
    node.cells[0].source = "# Title\n\n[there](../figures/reference/none.png), [here](09_none.ipynb)"
    nbformat.write(node, path)
    with pytest.raises(UserError, match="09_none.html"):
        site.build(tmp_path / "site", "")
    assert list(tmp_path.glob(".site*")) == [] and not (tmp_path / "site").exists()  # nothing half-built stays
    node.cells[0].source = "# Title\n\n[below](#no-such-heading)"
    nbformat.write(node, path)
    with pytest.raises(UserError, match="no-such-heading"):
        site.build(tmp_path / "site", "")


def test_the_folder_where_one_stands_can_be_made_anew(course, tmp_path, monkeypatch):
    small(course)
    (tmp_path / "site").mkdir()
    monkeypatch.chdir(tmp_path / "site")
    for _ in range(2):
        assert site.build(".", "")[0].parent == tmp_path / "site"
        monkeypatch.chdir(tmp_path / "site")  # it is another folder now
    assert (tmp_path / "site/index.html").is_file() and [path.name for path in tmp_path.glob("*site*")] == ["site"]


@pytest.mark.parametrize("error", [OSError(39, "Directory not empty"), KeyboardInterrupt()], ids=["error", "Ctrl-C"])
@pytest.mark.parametrize("when", [1, 2], ids=["the old one is moved away", "the new one is moved in"])
def test_the_old_site_stays_when_replacing_it_fails(tmp_path, monkeypatch, when, error):
    folder, rename, count = tmp_path / "site", Path.rename, itertools.count(1)
    monkeypatch.setattr(site, "_fill", lambda part, repository: [part.mkdir(), (part / site.MARK).touch(),
                                                                 (part / "index.html").write_text("new")])  # fmt: skip

    def failing(self, target):
        if next(count) == when:
            raise error
        return rename(self, target)

    site.build(folder)
    (folder / "index.html").write_text("old")
    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises((UserError, KeyboardInterrupt), match="cannot be put to .*Directory not empty.*as it was|^$"):
        site.build(folder)
    assert (folder / "index.html").read_text() == "old" and list(tmp_path.iterdir()) == [folder]
    count = itertools.count(10)
    site.build(folder)
    assert (folder / "index.html").read_text() == "new" and list(tmp_path.iterdir()) == [folder]


def test_a_file_is_no_place_for_a_site(course, tmp_path):
    small(course)
    (tmp_path / "site").write_text("mine")
    with pytest.raises(UserError, match="site is a file: name a folder with --out"):
        site.build(tmp_path / "site", "")
    assert (tmp_path / "site").read_text() == "mine"


def test_without_a_repository_there_are_no_buttons(course, tmp_path, monkeypatch):
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)
    small(course)
    site.build(tmp_path / "site")
    assert "Binder" not in (tmp_path / "site/00_start_here.html").read_text()
    monkeypatch.setenv("GITHUB_REPOSITORY", "a/b")
    site.build(tmp_path / "site")  # a second time, over the first
    assert "gh/a/b/" in (tmp_path / "site/00_start_here.html").read_text()


def test_a_folder_of_something_else_is_left_alone(course, tmp_path, capsys):
    small(course)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("keep me")
    with pytest.raises(SystemExit) as exit:
        cli.main(["site", "--out", str(tmp_path / "mine")])
    assert exit.value.code == 1 and "--out" in capsys.readouterr().err
    assert (tmp_path / "mine/letter.txt").read_text() == "keep me"
    shutil.rmtree(tmp_path / "mine")


def test_the_command_says_where_to_look(course, tmp_path, capsys):
    small(course)
    with pytest.raises(SystemExit) as exit:
        cli.main(["site", "--out", str(tmp_path / "new")])
    out = capsys.readouterr().out
    assert exit.value.code == 0 and "index.html" in out
