"""What the suites share: saying that a rule is broken, naming it, and finding what was left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from streamkit.changes.change import Change, End
from streamkit.testing.clock import run_virtual

__all__ = ["PATIENCE", "ConsumerError", "expect", "nothing_left", "run_rules", "worded"]

CaseT = TypeVar("CaseT")

PATIENCE = 1e6
"""Seconds of virtual time in which a run must be over."""


class ConsumerError(Exception):
    """A bug in the code that consumes."""


def run_rules(rules: Iterable[Callable[[CaseT], Coroutine[Any, Any, None]]], case: CaseT, whose: object) -> None:
    """Try rules one by one, each in an event loop of its own.

    Raises:
        AssertionError: one is broken, if only because something else was raised; a note names the rule.
    """
    for rule in rules:
        try:
            run_virtual(rule(case))
        except AssertionError as error:
            error.add_note(_named(rule, whose))
            raise
        except (Exception, asyncio.CancelledError) as error:  # whatever it is, the rule is not kept
            broken = AssertionError(repr(error))
            broken.add_note(_named(rule, whose))
            raise broken from error


def _named(rule: Callable[..., object], whose: object) -> str:
    return f"rule: {(rule.__doc__ or rule.__name__).strip()} Broken by {whose!r}."


def expect(kept: object, message: str) -> None:
    """Raise AssertionError unless a rule is kept; an `assert` would say nothing under `python -O`."""
    if not kept:
        raise AssertionError(message)


def nothing_left() -> None:
    """Make sure that this task is the only one."""
    others = {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}
    expect(not others, f"tasks are left behind: {sorted(others)}")


def worded(item: object) -> object:
    """An item in a form that compares: of an error in an `end`, its words."""
    if isinstance(item, Change) and isinstance(item.value, End):
        return item.value._replace(error=None), repr(item.value.error)
    return item  # pyright: ignore[reportUnknownVariableType]  # isinstance made it a Change of something
