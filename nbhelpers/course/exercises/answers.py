"""An answer to an exercise: has it been begun, what does it give, and how its values are told."""

from __future__ import annotations

import copy
import inspect
import traceback
from pathlib import Path
from types import CodeType, FunctionType

import numpy as np


class Unmet(Exception):
    """An answer is not right yet; its text is what a person is told.

    Parameters
    ----------
    what : str
        What is wrong, such as "the hue is in degrees, and np.cos wants radians".
    given : str, optional
        The input, as `written` writes it.
    got, wanted : object, optional
        What came out, and what should have.
    """

    def __init__(self, what, given="", got=..., wanted=...):
        said = [f"for {given}"] if given else []
        said += [f"it is {_told(got, wanted)}"] if got is not ... else ["it is not so"] if given else []
        text = " ".join(said) + (f", and should be {_told(wanted, got)}" if wanted is not ... else "")
        end = "" if what.endswith((".", "?", "!")) else "."
        super().__init__(f"{what}{end} {text[:1].upper()}{text[1:]}" if text else what)


def lacks(what: str, given: str = "", got=..., wanted=...) -> Unmet:
    """A property that an answer lacks.

    Parameters
    ----------
    what : str
        The property, such as "it keeps the order of its inputs".
    given, got, wanted : object, optional
        As `Unmet` takes them.

    Returns
    -------
    Unmet
        To be raised.
    """
    return Unmet(f"wanted: {what}", given, got, wanted)


def _told(value, other) -> str:
    """Written, with more digits where two values look alike and are not."""
    text = written(value)
    if other is not ... and text == written(other) and isinstance(value, (int, float, np.number)):
        return f"{float(value):.12g}"
    return text


def as_array(value):
    """As a NumPy array, a tensor of PyTorch too.

    Parameters
    ----------
    value : object
        Numbers.

    Returns
    -------
    np.ndarray
        Of any type.
    """
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def written(value) -> str:
    """Write a value so that a person can read it.

    Parameters
    ----------
    value : object
        A number, a text, an array, a tensor, or a collection of them.

    Returns
    -------
    str
        Numbers with few digits; of a large array its shape and first numbers.
    """
    if hasattr(value, "handed_over_itself"):
        return value.__name__
    if isinstance(value, dict):
        more = ", ..." if len(value) > 6 else ""
        return "{" + ", ".join(f"{written(k)}: {written(v)}" for k, v in list(value.items())[:6]) + more + "}"
    if isinstance(value, (list, tuple)) and not all(isinstance(v, (int, float)) for v in value):
        more = ", ..." if len(value) > 6 else ""
        left, right = "[]" if isinstance(value, list) else "()"
        return left + ", ".join(map(written, value[:6])) + more + right
    if isinstance(value, (int, float, np.number, list, tuple, np.ndarray)) or hasattr(value, "detach"):
        array = as_array(value)
        if array.dtype == bool or array.dtype.kind in "OUS":
            return _short(array.tolist()) if array.size < 17 else f"an array of shape {array.shape}"
        if array.size > 16:
            return f"an array of shape {array.shape} that begins {' '.join(f'{v:.4g}' for v in array.flat[:4])}"
        return _digits(array.tolist())
    if isinstance(value, np.random.Generator):
        return "a generator"
    return value.__name__ if callable(value) and hasattr(value, "__name__") else _short(value)


def _digits(nested) -> str:
    """Numbers in lists; NumPy's own way depends on options that a library may have set."""
    return f"[{', '.join(map(_digits, nested))}]" if isinstance(nested, list) else f"{nested:.6g}"


def _short(value) -> str:
    """Its beginning, without the sign that stands around code in messages."""
    return repr(value)[:120].replace("`", "'")


def call(theirs, *given):
    """Call an answer, on copies (but of `itself`).

    Parameters
    ----------
    theirs : callable
        The student's function.
    *given : object
        Its input.

    Returns
    -------
    object
        What it returns.

    Raises
    ------
    Unmet
        When it raises, naming the line, when it returns nothing, and when it changes its input.
    """
    memo = {}
    mine = [v if hasattr(v, "handed_over_itself") else copy.deepcopy(v, memo) for v in given]
    named = named_inputs(theirs, given)
    try:
        got = theirs(*mine)
    except KeyboardInterrupt:
        raise Unmet(f"it was stopped, for {named}: does a loop in it never end?") from None
    except (Exception, SystemExit) as error:
        file = getattr(getattr(inspect.unwrap(theirs), "__code__", None), "co_filename", None)
        ours = file is not None and Path(file).parent == Path(__file__).parent  # a judge's wrapper, and not the cell
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file and not ours]
        where = f" in line {lines[-1]} of the cell" if lines else ""
        reason = " ".join(str(error).split())[:200]
        raise Unmet(f"it raises {type(error).__name__} ({reason}){where}, for {named}") from None
    if got is None or got is ...:
        raise Unmet(f"it returns nothing, for {named}: is there a `return`?")
    for before, after in zip(given, mine):
        if not _kept(before, after):
            raise lacks("it leaves its input as it was", named)
    return got


def _kept(before, after) -> bool:
    """Whether arrays, in lists too, are as they were."""
    if hasattr(before, "detach"):
        before, after = as_array(before), as_array(after)
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_kept, before, after))
    return True


def named_inputs(theirs, given) -> str:
    """Write the input of a call, with the names that the student's function has for its parts.

    Parameters
    ----------
    theirs : callable
        The function.
    given : tuple
        Its arguments.

    Returns
    -------
    str
        Such as "t = [1], delta = 0.2".
    """
    try:
        names = list(inspect.signature(theirs).parameters)
    except (TypeError, ValueError):
        names = []
    names += [f"input {i + 1}" for i in range(len(names), len(given))]
    return ", ".join(f"{name} = {written(value)}" for name, value in zip(names, given)) or "no input"


def itself(value, name: str):
    """Have `call` hand over an object itself and not a copy, so that one can look at it afterwards.

    Parameters
    ----------
    value : object
        Such as a network or an optimizer.
    name : str
        What messages call it.

    Returns
    -------
    object
        The same object.
    """
    value.handed_over_itself, value.__name__ = True, name
    return value


def empty(theirs, stub) -> bool:
    """Has an answer not been begun?

    Parameters
    ----------
    theirs : object
        A function or a value.
    stub : object
        What the stub's cell defines.

    Returns
    -------
    bool
        For a function whether it does what the stub does, word for word; for a value whether a `...` is left in it.
    """
    if callable(theirs):
        return _alike(theirs, stub)
    if isinstance(theirs, dict):
        return any(empty(value, stub) for value in theirs.values())
    if isinstance(theirs, (list, tuple)):
        return any(empty(value, stub) for value in theirs)
    return theirs is ...


def _alike(one, other) -> bool:
    """Whether two values are the same; functions, when they do the same: where they stand does not matter."""
    if one is other or not (isinstance(one, FunctionType) and isinstance(other, FunctionType)):
        return one is other or repr(one) == repr(other)
    mine, given = one.__code__, other.__code__
    # What the cell defines beside the function, and the function uses.
    beside = [name for name in given.co_names if name in other.__globals__ and other.__globals__[name] is not other]
    return (
        _same_code(mine, given, 1)  # whatever its docstring says, which is the first constant
        and repr(one.__defaults__) == repr(other.__defaults__)
        and all(_alike(one.__globals__.get(name), other.__globals__[name]) for name in beside)
    )


def _same_code(one: CodeType, other: CodeType, begin: int = 0) -> bool:
    """Whether two pieces of code do the same; constants before `begin` do not count."""
    plain = (one.co_code, one.co_names, one.co_varnames) == (other.co_code, other.co_names, other.co_varnames)
    if not plain or len(one.co_consts) != len(other.co_consts):
        return False
    return all(
        _same_code(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else repr(a) == repr(b)
        for a, b in zip(one.co_consts[begin:], other.co_consts[begin:])
    )
