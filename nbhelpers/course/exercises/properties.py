"""What an answer must hold to, and the sentence for the smallest input where it does not."""

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


def _array(value):
    """As a NumPy array, a tensor of PyTorch too."""
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
        return "{" + ", ".join(f"{written(k)}: {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)) and not all(isinstance(v, (int, float)) for v in value):
        return "(" + ", ".join(map(written, value)) + ")"
    if isinstance(value, (int, float, np.number, list, tuple, np.ndarray)) or hasattr(value, "detach"):
        array = _array(value)
        if array.dtype == bool or array.dtype.kind in "OUS":
            return str(array.tolist()) if array.size < 17 else f"an array of shape {array.shape}"
        if array.size > 16:
            return f"an array of shape {array.shape} that begins {' '.join(f'{v:.4g}' for v in array.flat[:4])}"
        return np.array2string(array, separator=", ", formatter={"all": lambda v: f"{v:.6g}"}).replace("\n", "")
    if isinstance(value, np.random.Generator):
        return "a generator"
    return value.__name__ if callable(value) and hasattr(value, "__name__") else repr(value)[:120]


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
    named = _named(theirs, given)
    try:
        got = theirs(*mine)
    except (Exception, SystemExit) as error:
        file = getattr(getattr(theirs, "__code__", None), "co_filename", None)
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
    if isinstance(before, np.ndarray):
        return np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    if isinstance(before, (list, tuple)):
        return len(before) == len(after) and all(map(_kept, before, after))
    return True


def _named(theirs, given) -> str:
    """The input, with the names that the student's function has for its parts."""
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


def name_slip(got, slips, given: str = "", tolerance: float = 1e-5) -> None:
    """Where an answer is just what a likely slip gives, say so.

    Parameters
    ----------
    got : object
        What came out, which is not as wanted.
    slips : dict of str to object
        The property that a slip misses -> what the slip gives.
    given : str
        The input, for the message.
    tolerance : float
        As in `same`.

    Raises
    ------
    Unmet
        For the first slip that gives what came out.
    """
    for what, value in slips.items():
        try:
            same(what, got, value, given, tolerance)
        except Unmet:
            continue
        raise lacks(what, given)


def same(what: str, got, wanted, given: str = "", tolerance: float = 1e-6) -> None:
    """A value is as wanted: same form, numbers within a tolerance.

    Parameters
    ----------
    what : str
        The property.
    got, wanted : object
        Numbers, arrays, tensors, texts, or tuples, lists and dicts of them.
    given : str
        The input, for the message.
    tolerance : float
        Relative to the largest wanted number, or absolute where that is below 1.

    Raises
    ------
    Unmet
        When they differ.
    """
    if isinstance(wanted, dict):
        if not isinstance(got, dict) or set(got) != set(wanted):
            raise lacks(what, given, got, wanted)
        for key in wanted:
            same(f"{what} ({written(key)})", got[key], wanted[key], given, tolerance)
        return
    if isinstance(wanted, tuple):
        several = isinstance(got, (tuple, list)) or isinstance(got, np.ndarray) and got.ndim > 0
        if not several or len(got) != len(wanted):
            raise lacks(f"{what} ({len(wanted)} results are asked for)", given, got, wanted)
        for number, (mine, right) in enumerate(zip(got, wanted), 1):
            same(f"{what} (result {number})", mine, right, given, tolerance)
        return
    if isinstance(wanted, str):
        if got != wanted:
            raise lacks(what, given, got, wanted)
        return
    try:
        mine, right = _array(got), _array(wanted)
        shaped = mine.shape == right.shape
        near = shaped and np.allclose(mine, right, rtol=0, atol=tolerance * max(1, np.abs(right).max(initial=0)))
    except (TypeError, ValueError):
        raise lacks(what, given, got, wanted) from None
    if not shaped:
        raise lacks(f"{what} (its shape is {mine.shape}, and should be {right.shape})", given)
    if not near:
        if right.size > 16:  # name one place
            place = np.unravel_index(np.abs(mine - right).argmax(), right.shape)
            what, got, wanted = f"{what}, at {tuple(map(int, place))}", mine[place], right[place]
        raise lacks(what, given, got, wanted)


def agree(what: str, theirs, ours, inputs, tolerance: float = 1e-6, of=lambda result: result) -> None:
    """A student's function gives what ours gives.

    Parameters
    ----------
    what : str
        The property.
    theirs, ours : callable
        The two functions.
    inputs : iterable of tuple
        Arguments of each call, the smallest first: the first that fails is the one that is shown.
    tolerance : float
        As in `same`.
    of : callable, optional
        Takes from each result what is compared, such as one of several numbers.

    Raises
    ------
    Unmet
        For the first input where they differ.
    """
    for given in inputs:
        got, wanted = call(theirs, *given), ours(*copy.deepcopy(given))
        same(what, of(got), of(wanted), _named(theirs, given), tolerance)


def holds(what: str, condition, given: str = "", got=...) -> None:
    """A condition is true.

    Parameters
    ----------
    what : str
        The property.
    condition : bool
        Whether the answer has it.
    given : str
        The input, for the message.
    got : object, optional
        What came out.

    Raises
    ------
    Unmet
        When it is false.
    """
    if not condition:
        raise lacks(what, given, got)


def numbers(what: str, got, given: str = "") -> np.ndarray:
    """What an answer returned, as an array of numbers.

    Parameters
    ----------
    what : str
        The property, such as "it is an array of numbers".
    got : object
        What came out.
    given : str
        The input, for the message.

    Returns
    -------
    np.ndarray
        Of floats.

    Raises
    ------
    Unmet
        When it is nothing of the kind.
    """
    try:
        return np.asarray(_array(got), float)
    except (TypeError, ValueError):
        raise lacks(what, given, got) from None


def explain(good, why: str) -> None:
    """Say why an answer, mostly a prediction, is not right, in words of its own.

    Parameters
    ----------
    good : bool
        Whether it is right in this.
    why : str
        What is told where it is not.

    Raises
    ------
    Unmet
        Where it is not.
    """
    if not good:
        raise Unmet(why)


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
    return theirs is ... or theirs is None


def _alike(one, other) -> bool:
    """Whether two values are the same; functions, when they do the same: where they stand does not matter."""
    if not (isinstance(one, FunctionType) and isinstance(other, FunctionType)):
        return repr(one) == repr(other)
    mine, given = one.__code__, other.__code__
    # What the cell defines beside the function, and the function uses.
    beside = [name for name in given.co_names if name in other.__globals__ and other.__globals__[name] is not other]
    return (
        _same_code(mine, given)
        and repr(one.__defaults__) == repr(other.__defaults__)
        and all(_alike(one.__globals__.get(name), other.__globals__[name]) for name in beside)
    )


def _same_code(one: CodeType, other: CodeType) -> bool:
    """Whether two pieces of code do the same."""
    plain = (one.co_code, one.co_names, one.co_varnames) == (other.co_code, other.co_names, other.co_varnames)
    if not plain or len(one.co_consts) != len(other.co_consts):
        return False
    return all(
        _same_code(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else repr(a) == repr(b)
        for a, b in zip(one.co_consts, other.co_consts)
    )
