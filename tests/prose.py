"""What a notebook says and shows, so that a test can hold each number of its prose against where it comes from."""

import html
import re
from pathlib import Path

import nbformat

from nbhelpers.evaluation import reference

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"
# What is no claim: code, formulas, addresses, the numbers of notebooks, sections, tables, figures and years, lists.
_APART = re.compile(
    r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|<[^>]*>|^\s*\d+\. "
    r"|\b[Nn]otebooks? \d\d(?:(?:,| and| to| or) \d\d)*|\b(?:[Ss]ections?|[Tt]able|[Ff]igures?|[Ee]quations?) \d[\d.]*"
    r"(?:(?:,| and| to) \d[\d.]*\d)*|\b(?:18|19|20)\d\d\b",
    re.DOTALL | re.MULTILINE,
)
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?")


def numbers(notebook: str) -> dict[str, set[str]]:
    """The numbers in the Markdown cells of a notebook, such as "03_sparse_system": cell id -> as they are written."""
    node = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4)
    # The texts of exercises have none but in code and formulas: tests/course/test_exercises.py.
    told = [c for c in node.cells if c.cell_type == "markdown" and not c.id.startswith("ex-")]
    cells = {c.id: _APART.sub(" ", c.source) for c in told}
    found = {name: {n.rstrip(",").lstrip("+") for n in _NUMBER.findall(text)} for name, text in cells.items()}
    return {name: these for name, these in found.items() if these}


def check(notebook: str, given: dict[str, str], measured: dict[str, dict[str, float]]) -> None:
    """Hold every number of a notebook's prose against its source.

    Parameters
    ----------
    notebook : str
        Its stem.
    given : dict of str to str
        Cell id -> numbers as written, with spaces between: definitions, the paper's own, what the reader is asked to
        set. Nothing that was measured.
    measured : dict of str to dict
        Cell id -> the number as written -> its value in a committed table; equal when rounded to the digits written.
    """
    said, wrong = numbers(notebook), []
    for cell in sorted({*said, *given, *measured}):
        words, values = set(given.get(cell, "").split()), measured.get(cell, {})
        wrong += [f"{cell} says {n}: from where?" for n in sorted(said.get(cell, set()) - words - set(values))]
        wrong += [f"{cell} does not say {n}" for n in sorted((words | set(values)) - said.get(cell, set()))]
        for text, value in values.items():
            digits = len(text.partition(".")[2])
            if f"{value:.{digits}f}" != text.replace(",", "").lstrip("+"):
                wrong.append(f"{cell} says {text}, the table {value}")
    assert not wrong, "\n".join(wrong)


def cells(notebook: str) -> dict:
    """The cells of a notebook, by id.

    Parameters
    ----------
    notebook : str
        Its stem.
    """
    return {cell.id: cell for cell in nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4).cells}


def table(name: str):
    """A committed table of the reference run, with its first column as index.

    Parameters
    ----------
    name : str
        Of the file, without its ending.
    """
    found = reference.table(name)
    return found.set_index(found.columns[0])


def shown(cell):
    """The first table that a cell shows: a list of cells for each of its lines, headings first."""
    text = next(o.data["text/html"] for o in cell.outputs if "text/html" in o.get("data", {}))
    lines = re.findall(r"<tr>.*?</tr>", text, re.DOTALL)
    plain = [re.findall(r"<t[hd].*?>(.*?)</t[hd]>", line, re.DOTALL) for line in lines]
    return [[html.unescape(part).strip() for part in line] for line in plain]
