"""Which notebooks and profiles the course has, and the parameters they take."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import nbformat

from nbhelpers import paths
from nbhelpers.errors import UserError, instead_of


class UnknownName(UserError):
    """A name is not one of those there are: wrong usage rather than a failed run."""

    exit_code = 2


def find_notebooks(names=()) -> list[Path]:
    """Find the course's notebooks.

    Parameters
    ----------
    names : iterable of str or Path
        Numbers ("02"), stems or paths; none picks all.

    Returns
    -------
    list of Path
        Those picked, in the course's order.

    Raises
    ------
    UnknownName
        For a name that picks none.
    UserError
        When the project has no notebooks.
    """
    every = sorted(paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
    if not every:
        raise UserError(f"{paths.NOTEBOOKS} has no notebook named like 01_title.ipynb: use a full checkout")
    if not names:
        return every
    picked = set()
    for name in map(str, names):
        found = [
            notebook
            for notebook in every
            if name
            and name.zfill(2) == notebook.name[:2]
            or name in (notebook.stem, notebook.name)
            or Path(name).resolve() == notebook.resolve()
        ]
        if not found:
            raise UnknownName(f"no notebook {name!r}: choose from {', '.join(n.stem for n in every)}")
        picked.update(found)
    return sorted(picked)


def parameters_of(notebook) -> dict:
    """Read the cell tagged `parameters` of a notebook.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The notebook.

    Returns
    -------
    dict
        The names that it sets, in order -> their values.

    Raises
    ------
    ValueError
        When there is no such cell or several, or when it holds anything but literals given to plain names.
    """
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    if len(cells) != 1:
        raise ValueError(f"it needs one cell tagged 'parameters', not {len(cells)}")
    values = {}
    for node in ast.parse(cells[0].source).body:
        if not (isinstance(node, ast.Assign) and [type(target) for target in node.targets] == [ast.Name]):
            raise ValueError(f"its parameters cell may only set names to literals, not: {ast.unparse(node)}")
        values[node.targets[0].id] = ast.literal_eval(node.value)
    return values


def profile_overrides(profile: str) -> dict[str, dict]:
    """Read what a profile sets; `demo` is what the notebooks say themselves.

    Parameters
    ----------
    profile : str
        A name in `notebooks/profiles.toml`, or "demo".

    Returns
    -------
    dict
        Notebook stem -> {parameter: value}.

    Raises
    ------
    UnknownName
        For a profile that the file lacks.
    UserError
        When the file is broken.
    """
    file = paths.NOTEBOOKS / "profiles.toml"
    try:
        profiles = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file} is not valid TOML: {error}") from None
    profiles.setdefault("demo", {})
    if profile not in profiles:
        raise UnknownName(f"no profile {profile!r}: {instead_of(profile, sorted(profiles))}")
    return profiles[profile]


def read_notebook(notebook: Path, profile: str, overrides: dict, given: dict):
    """Read a notebook, and what a run hands to it.

    Parameters
    ----------
    notebook : Path
        The file.
    profile : str
        The name of the profile that the overrides come from.
    overrides : dict
        Parameter -> value; each must be one of the notebook's.
    given : dict
        Parameter -> value; those that the notebook has not are left out.

    Returns
    -------
    tuple
        The notebook's node, and the parameters of the run as a dict.

    Raises
    ------
    UserError
        When the file is no notebook, its parameters cell is wrong, or an override is not one of its parameters.
    """
    try:
        node = nbformat.read(notebook, as_version=4)
        known = parameters_of(node)
    except Exception as error:  # nbformat answers damaged files with errors of many kinds
        reason = next(iter(str(error).splitlines()), "")[:200]
        raise UserError(f"{notebook} cannot be run: {type(error).__name__}: {reason}") from None
    unknown = sorted(set(overrides) - set(known))
    if unknown:
        where = f"[{profile}.{notebook.stem}] of {paths.NOTEBOOKS / 'profiles.toml'}"
        raise UserError(f"{where} sets {', '.join(unknown)}: not among that notebook's parameters")
    return node, overrides | {name: value for name, value in given.items() if name in known}
