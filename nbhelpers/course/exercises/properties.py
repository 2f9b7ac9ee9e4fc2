"""What an answer must hold to, and the sentence for the smallest input where it does not."""

from __future__ import annotations

import copy

import numpy as np

from nbhelpers.course.exercises.answers import Unmet, as_array, call, lacks, named_inputs, written


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
        several = isinstance(got, (tuple, list)) or getattr(got, "ndim", 0) > 0
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
        mine, right = as_array(got), as_array(wanted)
        shaped = mine.shape == right.shape
        near = shaped and np.allclose(mine, right, rtol=0, atol=tolerance * max(1, np.abs(right).max(initial=0)))
    except (TypeError, ValueError):
        raise lacks(what, given, got, wanted) from None
    if not shaped:
        raise lacks(f"{what} (its shape is {mine.shape}, and should be {right.shape})", given)
    if not near:
        if right.size > 16 or right.ndim > 2:  # name one place
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
        same(what, of(got), of(wanted), named_inputs(theirs, given), tolerance)


def numbers(what: str, got, given: str = "", shape: tuple | None = None) -> np.ndarray:
    """What an answer returned, as an array of numbers.

    Parameters
    ----------
    what : str
        The property, such as "it is one line of 25 numbers".
    got : object
        What came out.
    given : str
        The input, for the message.
    shape : tuple of int, optional
        The shape that it should have; () for a single number.

    Returns
    -------
    np.ndarray
        Of floats.

    Raises
    ------
    Unmet
        When it is nothing of the kind, or has another shape.
    """
    try:
        array = np.asarray(as_array(got), float)
    except (TypeError, ValueError):
        raise lacks(what, given, got) from None
    if shape is not None and array.shape != shape:
        raise Unmet(f"wanted: {what}. For {given} the answer's shape is {array.shape}, and should be {shape}")
    return array


def number(what: str, value) -> float:
    """What an answer says, as a number.

    Parameters
    ----------
    what : str
        The property, such as "it is a number, in dB".
    value : object
        Anything; a text of digits is taken for the number.

    Returns
    -------
    float
        Finite.

    Raises
    ------
    Unmet
        When it is none.
    """
    try:
        found = float("nan") if isinstance(value, (bool, np.bool_, bytes)) else float(value)
    except (TypeError, ValueError):
        found = float("nan")
    if not np.isfinite(found):
        raise lacks(what, got=value)
    return found


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


def name_slip(got, slips, given: str = "", tolerance: float = 1e-5, wanted=...) -> None:
    """Where an answer is just what a likely slip gives, say so.

    Parameters
    ----------
    got : object
        What came out.
    slips : dict of str to object
        The property that a slip misses -> what the slip gives.
    given : str
        The input, for the message.
    tolerance : float
        As in `same`.
    wanted : object, optional
        What is right: what comes near it is no slip, else it is told beside what came out.

    Raises
    ------
    Unmet
        For the first slip that gives what came out.
    """
    for what, value in slips.items():
        if _alike(got, value, tolerance) and (wanted is ... or not _alike(got, wanted, tolerance)):
            raise lacks(what, given) if wanted is ... else lacks(what, given, got, wanted)


def _alike(got, wanted, tolerance) -> bool:
    try:
        same("", got, wanted, "", tolerance)
    except Unmet:
        return False
    return True
