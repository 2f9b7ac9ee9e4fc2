"""Public functions say what goes in and what comes out, in the sections that numpydoc has for that."""

import ast
from pathlib import Path

import docstring_parser
import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "nbhelpers"
COMMANDS = ("cli/colorize.py", "cli/commands.py", "cli/photos.py")  # what they take is explained by their help
INHERITED = {"fit", "predict"}  # scikit-learn's, with its meaning
JUDGED = ["theirs"]  # what a judge of an exercise takes: an answer, which its exercise describes


def arguments(function) -> list[str]:
    """The names of a function's arguments, without those that Python fills in."""
    given = function.args
    names = [item.arg for item in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    names += [item.arg for item in (given.vararg, given.kwarg) if item]
    return [name for name in names if name not in ("self", "cls")]


def answers(function) -> bool:
    """Does it return or yield something?"""
    inner = [
        node for node in ast.walk(function) if isinstance(node, (ast.FunctionDef, ast.Lambda)) and node != function
    ]
    hidden = {id(node) for each in inner for node in ast.walk(each)}
    return any(
        isinstance(node, (ast.Yield, ast.YieldFrom)) or isinstance(node, ast.Return) and node.value is not None
        for node in ast.walk(function)
        if id(node) not in hidden
    )


def is_property(function) -> bool:
    return any("property" in ast.unparse(decorator) for decorator in function.decorator_list)


def public(body, of=""):
    """(qualified name, function) of what has no underscore; methods too."""
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from public(node.body, f"{node.name}.")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield of + node.name, node


def faults(source: str) -> list[str]:
    """What the docstrings of a module lack."""
    found = []
    for name, function in public(ast.parse(source).body):
        text, asked = ast.get_docstring(function), arguments(function)
        if text is None:
            if asked and name.rpartition(".")[2] not in ("colorize", *INHERITED):
                found.append(f"{name} has no docstring")
            continue
        if is_property(function) or name.rpartition(".")[2] in INHERITED or asked == JUDGED:
            continue
        parsed = docstring_parser.parse(text, docstring_parser.DocstringStyle.NUMPYDOC)
        named = [part.strip().lstrip("*") for param in parsed.params for part in param.arg_name.split(",")]
        if asked and named != asked:
            found.append(f"{name}: arguments {', '.join(asked)}, described {', '.join(named) or 'none'}")
        if asked and any(not (param.type_name and param.description) for param in parsed.params):
            found.append(f"{name}: an argument without its type or its description")
        if asked and answers(function) and not parsed.returns:
            found.append(f"{name}: what it returns is not described")
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_every_argument_and_every_answer_is_described(path):
    if path.relative_to(PACKAGE).as_posix() not in COMMANDS:
        assert faults(path.read_text()) == []


def test_what_is_missing_is_found():
    source = '''def add(a, b):
    """Add.

    Parameters
    ----------
    a, b : int
        What to add.

    Returns
    -------
    int
        The sum.
    """
    return a + b
'''
    assert faults(source) == []
    assert faults(source.replace("a, b : int", "a : int")) == ["add: arguments a, b, described a"]
    assert faults(source.replace("a, b : int", "a, b")) == ["add: an argument without its type or its description"]
    assert faults(source.replace("Returns\n    -------\n    int\n        The sum.\n", "")) == [
        "add: what it returns is not described"
    ]
    assert faults("def add(a):\n    return a\n") == ["add has no docstring"]
