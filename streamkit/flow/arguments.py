"""Checks of what operators are given: functions, seconds, exception classes."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

__all__ = ["check_function", "check_kinds", "check_seconds", "refuse_coroutine"]


def check_function(fn: object, name: str) -> None:
    """Make sure that an argument can be called.

    Raises:
        TypeError: it cannot.
    """
    if not callable(fn):
        raise TypeError(f"{name} takes a function, got {fn!r:.80}")


def check_seconds(seconds: object, name: str) -> None:
    """Make sure that an argument is a positive number of seconds.

    Raises:
        TypeError: it is not a number.
        ValueError: it is not positive.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name} takes seconds as a number, such as 0.5, got {seconds!r:.80}")
    if not seconds > 0:
        raise ValueError(f"{name} takes more than 0 seconds, got {seconds!r}")


def check_kinds(kinds: Sequence[object], name: str) -> None:
    """Make sure that arguments are classes of exceptions.

    Raises:
        TypeError: one is not.
    """
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            raise TypeError(f"{name} takes exception classes, such as ConnectionError, got {kind!r:.80}")


def refuse_coroutine(returned: object, name: str) -> None:
    """Raise if a plain function returned a coroutine, which would never run.

    Raises:
        TypeError: it is a coroutine; it is closed.
    """
    if inspect.iscoroutine(returned):
        returned.close()
        raise TypeError(f"{name} takes a plain function, and this one returned {returned!r:.80}, which nobody awaits")
