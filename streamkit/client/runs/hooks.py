"""`Hooks`: what is to be called while a run goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from inspect import iscoroutinefunction
from typing import Any, Generic, cast

from typing_extensions import TypeVar

from streamkit.changes.change import Change, End
from streamkit.client.runs.branch import BranchChange
from streamkit.errors import Attempt

__all__ = ["Hooks", "check_hooks"]

ToldT = TypeVar("ToldT", default=Any, contravariant=True)
"""What a run gives: `Change`, or `BranchChange` where several documents are read."""


@dataclass(frozen=True)
class Hooks(Generic[ToldT]):
    """Callables, each with one argument; in an async client they may be async, and are awaited.

    They are called before whoever reads the run gets to see the same; what they raise ends the run.

    Attributes:
        on_request: the arguments of each request, before it is sent: a dict as the SDK takes it.
        on_chunk: each piece of the answer's text, as it was read.
        on_change: each change, as the run gives it: with `stream_tools` and `stream_choices` a `BranchChange`.
        on_invalid: each of them that says that a value is wrong.
        on_retry: an attempt that failed, before the next one begins.
        on_end: how the run ended; with `stream_tools` and `stream_choices`, how each document did.
    """

    on_request: Callable[[dict[str, Any]], object] | None = None
    on_chunk: Callable[[str], object] | None = None
    on_change: Callable[[ToldT], object] | None = None
    on_invalid: Callable[[ToldT], object] | None = None
    on_retry: Callable[[Attempt], object] | None = None
    on_end: Callable[[End], object] | None = None

    def check_sync(self) -> None:
        """Make sure that all can be called without an event loop.

        Raises:
            TypeError: one is an async function.
        """
        for field in fields(self):
            if iscoroutinefunction(getattr(self, field.name)):
                raise TypeError(f"{field.name} is an async function: a sync client cannot await it")

    def calls_for(self, items: Sequence[object]) -> list[tuple[Callable[[Any], object], object]]:
        """What is to be called for some changes, with its argument."""
        calls: list[tuple[Callable[[Any], object], object]] = []
        for told in cast("Sequence[Any]", items):
            change: Change = told.change if told.__class__ is BranchChange else told
            if self.on_change is not None:
                calls.append((self.on_change, told))
            if self.on_invalid is not None and change.op == "invalid":
                calls.append((self.on_invalid, told))
            if self.on_end is not None and change.op == "end":
                calls.append((self.on_end, change.value))
        return calls


def check_hooks(hooks: object, *, is_async: bool) -> None:
    """Make sure that these are hooks that a client can call.

    Raises:
        TypeError: they are something else, or async where nothing can be awaited.
    """
    if not isinstance(hooks, Hooks):
        raise TypeError(f"hooks is a Hooks, as in Hooks(on_change=print), got {hooks!r:.80}")
    if not is_async:
        hooks.check_sync()
