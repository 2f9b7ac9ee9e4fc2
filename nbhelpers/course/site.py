"""The course as a static site: notebooks, tables and figures as pages that need no server. `nbhelpers site`."""

from __future__ import annotations

import html
import json
import os
import re
import shutil
import tempfile
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pandas as pd
from nbconvert import HTMLExporter
from nbconvert.filters import markdown2html

from nbhelpers import paths
from nbhelpers.course.classroom import syllabus
from nbhelpers.course.exercise_cells import put
from nbhelpers.course.notebooks import find_notebooks
from nbhelpers.course.overview import COURSE
from nbhelpers.course.pages import write
from nbhelpers.errors import UserError
from nbhelpers.evaluation.reference import REFERENCE

MARK = ".nbhelpers-site"  # a file in a folder that may be made anew


def build(folder: Path, repository: str | None = None) -> list[Path]:
    """Write the site to a folder, which is made anew once all its links are good.

    Parameters
    ----------
    folder : Path
        New, empty, or with an earlier site.
    repository : str, optional
        "owner/name" on GitHub, for buttons that open a notebook in Binder or Colab; by default what the environment
        variable GITHUB_REPOSITORY names, as GitHub's own machines do.

    Returns
    -------
    list of Path
        Its pages, sorted.

    Raises
    ------
    UserError
        For a folder that holds anything but an earlier site or cannot be replaced, for a file in its place, and for a
        link that leads nowhere.
    """
    folder = Path(folder).resolve()  # "." has no parent to build beside
    repository = repository or os.environ.get("GITHUB_REPOSITORY", "")
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file: name a folder with --out")
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        raise UserError(f"{folder} holds something else than a site: name an empty or a new folder with --out")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as temporary:
        part = Path(temporary) / "site"
        _fill(part, repository)
        _put(part, folder, Path(temporary) / "older")
    return sorted(folder.glob("*.html"))


def _put(new: Path, folder: Path, aside: Path) -> None:
    """Let the folder `new` take the place of `folder`, which comes back when that fails.

    aside: where the old one stays meanwhile. Raises UserError when either cannot be renamed.
    """
    older = folder.exists()
    try:
        if older:
            folder.rename(aside)
        new.rename(folder)
    except OSError as error:
        what = "is as it was" if older else "was not made"
        raise UserError(f"the site cannot be put to {folder} ({error.strerror}): the folder {what}") from None
    finally:  # Ctrl-C too
        if aside.exists() and not folder.exists():
            aside.rename(folder)


def _fill(folder: Path, repository: str) -> None:
    notebooks, run = find_notebooks(), paths.FIGURES / REFERENCE
    shutil.copytree(run, folder / "figures" / REFERENCE)
    (folder / MARK).touch()
    for notebook in notebooks:
        write(folder / f"{notebook.stem}.html", *_notebook(notebook, notebooks, repository))
    for number, _ in enumerate(notebooks):
        if list(run.glob(f"{number:02d}_*")):
            write(folder / f"results_{number:02d}.html", *_results(run, number, notebooks))
    body = re.sub(r'<a class="anchor-link".*?</a>', "", markdown2html(syllabus("{}.html")))
    body = f'<div class="text">{body}</div>'
    write(folder / "syllabus.html", "Syllabus", "", body, [("Contents", "index.html")])
    write(folder / "index.html", *_index(notebooks, run))
    broken = broken_links(folder)
    if broken:
        raise UserError(f"the site has links that lead nowhere: {'; '.join(broken[:5])}")


def _title(notebook: Path) -> str:
    number = int(notebook.name[:2])
    return f"{number:02d} {COURSE[number][0]}" if number < len(COURSE) else notebook.stem


def _describe(node) -> None:
    """Give every picture a text for those who cannot see it: what it is saved as, under which heading."""
    heading = ""
    for cell in node.cells:
        found = re.findall(r"^#+ +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else []
        heading = found[-1] if found else heading
        saved = re.findall(r"save_figure\(\w+, f?\"\d\d_([^\"]+)\"", cell.source)
        for output in cell.get("outputs", []):
            for kind in ("image/png", "image/jpeg"):
                if kind in output.get("data", {}):
                    what = saved[0].replace("_", " ") if saved else "figure"
                    output.setdefault("metadata", {})[kind] = {"alt": f"{what}, from the section: {heading}"}


def _notebook(notebook: Path, notebooks: list[Path], repository: str) -> tuple:
    node = nbformat.read(notebook, as_version=4)
    put(node, notebook.stem)  # the quiz with the numbers of today's tables
    _describe(node)
    exporter = HTMLExporter(template_name="lab", exclude_anchor_links=True, require_js_url="", mathjax_url=MATHJAX)
    page, _ = exporter.from_notebook_node(node)
    style = "".join(re.findall(r"<style[^>]*>(.*?)</style>", page, re.DOTALL))
    scripts = "".join(re.findall(r"<script[^>]*MathJax[^>]*>.*?</script>", page, re.DOTALL))
    body = re.search(r"<body[^>]*>(.*)</body>", page, re.DOTALL)[1]
    body = re.sub(r'(href|src)="\.\./figures/', r'\1="figures/', body)
    body = re.sub(r'href="(\d\d_\w+)\.ipynb', r'href="\1.html', body)
    # Files that the site does not have are on GitHub, or nowhere that is known.
    there = rf'href="https://github.com/{repository}/blob/main/\1"' if repository else ""
    body = re.sub(r'href="\.\./([^"]+)"', there, body)
    links = [("Contents", "index.html")]
    at = notebooks.index(notebook)
    links += [(f"← {_title(n)}", f"{n.stem}.html") for n in notebooks[max(at - 1, 0) : at]]
    links += [(f"{_title(n)} →", f"{n.stem}.html") for n in notebooks[at + 1 : at + 2]]
    links += [(name, f"#{name}") for name in ("Exercises", "Quiz") if f'id="{name}"' in body]
    if repository:
        there = f"notebooks/{notebook.name}"
        links.append(("Open in Binder", f"https://mybinder.org/v2/gh/{repository}/HEAD?labpath={there}"))
        if any("REPOSITORY =" in cell.source for cell in node.cells):  # it installs the course by itself
            links.append(("Open in Colab", f"https://colab.research.google.com/github/{repository}/blob/main/{there}"))
    return _title(notebook), style, body + scripts, links


MATHJAX = "https://cdn.jsdelivr.net/npm/mathjax@2.7.9/MathJax.js?config=TeX-AMS_CHTML-full,Safe"


def _results(run: Path, number: int, notebooks: list[Path]) -> tuple:
    """All figures and tables of one notebook in the reference run."""
    parts = [f"<h1>{html.escape(_title(notebooks[number]))}: results of the reference run</h1>"]
    for figure in sorted(file for kind in ("png", "webp") for file in run.glob(f"{number:02d}_*.{kind}")):
        what = figure.stem[3:].replace("_", " ")
        parts.append(
            f'<figure><img loading="lazy" src="figures/{run.name}/{figure.name}" alt="{html.escape(what)}">'
            f"<figcaption>{html.escape(what + _tiles(figure.with_suffix('.json')))}</figcaption></figure>"
        )
    for table in sorted(run.glob(f"{number:02d}_*.csv")):
        rows = pd.read_csv(table)
        few = rows.head(60).to_html(index=False, border=0, na_rep="", float_format="{:.4g}".format)
        more = f" and {len(rows) - 60} more rows" if len(rows) > 60 else ""
        parts.append(f'<h2>{html.escape(table.stem[3:].replace("_", " "))}</h2><div class="wide">{few}</div>')
        parts.append(f'<p><a href="figures/{run.name}/{table.name}">{table.name}</a>{more}</p>')
    links = [("Contents", "index.html"), ("The notebook", f"{notebooks[number].stem}.html")]
    return f"Results of {_title(notebooks[number])}", "", "\n".join(parts), links


def _tiles(about: Path) -> str:
    """What the tiles of a sheet show, and whose photos they are; "" for a figure that is no sheet."""
    if not about.is_file():
        return ""
    told = json.loads(about.read_text())
    across, down = ", ".join(told["columns"]), ", ".join(told["rows"])
    return f". From left: {across}. From above: {down}. Photos: {'; '.join(told['credits'])}"


def _index(notebooks: list[Path], run: Path) -> tuple:
    rows = []
    for notebook in notebooks:
        number = int(notebook.name[:2])
        about = html.escape(COURSE[number][1]) if number < len(COURSE) else ""
        results = f'<a href="results_{number:02d}.html">results</a>' if list(run.glob(f"{number:02d}_*")) else ""
        link = f'<a href="{notebook.stem}.html">{html.escape(_title(notebook))}</a>'
        rows.append(f"<tr><td>{link}</td><td>{about}</td><td>{results}</td></tr>")
    body = f"""<h1>Colorizing grey photographs</h1>
<p>A course in notebooks. It rebuilds <em>Grayscale Image Colorization In Machine Learning</em> (Zhou and Zhu, 2024),
method by method, on real photographs, checks each claim, and says what holds and what does not. Each notebook has
exercises that check themselves, and a quiz. For teachers: the <a href="syllabus.html">syllabus</a>.</p>
<div class="wide"><table class="text">{"".join(rows)}</table></div>{_claims(run)}"""
    return "Colorizing grey photographs", "", body, [("Contents", "index.html")]


def _claims(run: Path) -> str:
    table = run / "07_claims.csv"
    if not table.exists():
        return ""
    shown = pd.read_csv(table).to_html(index=False, border=0, classes="text")
    picture = f"figures/{run.name}/07_axis.png"
    alt = "Error of every method over the share of unknown pixels"
    figure = f'<figure><img src="{picture}" alt="{alt}"><figcaption>{alt}, log scale.</figcaption></figure>'
    return f'{figure}<h2>The paper\'s claims</h2><div class="wide">{shown}</div>'


class _Links(HTMLParser):
    """Collects the targets of links and pictures, the anchors, and pictures without a text."""

    def __init__(self):
        super().__init__()
        self.targets, self.anchors, self.silent = [], set(), 0

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        self.targets += [found[name] for name in ("href", "src") if found.get(name)]
        self.silent += tag == "img" and not found.get("alt")


def read_page(path: Path) -> _Links:
    """Read the links of one page.

    Parameters
    ----------
    path : Path
        An HTML file.

    Returns
    -------
    _Links
        Its `targets` and `anchors`, and the number of pictures without a text (`silent`).
    """
    page = _Links()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def broken_links(folder: Path) -> list[str]:
    """Find each link of the pages that leads to no file or anchor of the site.

    Addresses on other machines are checked for their form alone: a build should not need the network.

    Parameters
    ----------
    folder : Path
        With the pages.

    Returns
    -------
    list of str
        "page: target".
    """
    pages = {path.name: read_page(path) for path in folder.glob("*.html")}
    broken = []
    for name, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme in ("http", "https"):
                good = bool(parts.netloc)
            elif parts.scheme in ("data", "mailto"):
                good = True
            else:
                file = unquote(parts.path) or name
                good = (folder / file).is_file()
                if good and parts.fragment and file in pages:
                    good = unquote(parts.fragment) in pages[file].anchors
            if not good:
                broken.append(f"{name}: {target}")
    return broken
