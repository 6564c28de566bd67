"""Instructor's way to listen: `client.on("completion:kwargs", f)`, for every call in its spellings.

Each request is told by what `Hooks` tells of it, in Instructor's names and with its arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from inspect import iscoroutinefunction
from typing import Any, Literal, Protocol, TypeAlias, get_args

from streamkit.changes.change import End
from streamkit.client.runs.hooks import Hooks, check_hooks
from streamkit.client.sdk_errors import sdk_errors
from streamkit.errors import Attempt, InvalidResult, JsonSyntaxError, RetriesExhausted

__all__ = ["EventName", "Listeners"]

EventName: TypeAlias = Literal[
    "completion:kwargs", "completion:response", "completion:error", "parse:error", "completion:last_attempt"
]
Handler: TypeAlias = Callable[..., object]


class _Heard(Protocol):
    """What is asked of a run."""

    @property
    def completion(self) -> object: ...


class Listeners:
    """The handlers of a client, by the name of what they are called for."""

    def __init__(self) -> None:
        self._handlers: dict[str, list[Handler]] = {}

    def on(self, name: EventName, handler: Handler) -> None:
        """Call a handler from now on; see `SyncSpellings.on`."""
        if name not in get_args(EventName):
            raise ValueError(f"known are {', '.join(map(repr, get_args(EventName)))}; got {name!r}")
        if iscoroutinefunction(handler):
            raise TypeError(f"a handler of {name!r} is a plain function; async ones are for Hooks")
        self._handlers.setdefault(name, []).append(handler)

    def off(self, name: EventName, handler: Handler) -> None:
        """Call it no more; harmless if it was not there."""
        if handler in self._handlers.get(name, ()):
            self._handlers[name].remove(handler)

    def clear(self, name: EventName | None = None) -> None:
        """Call no handler of that name any more, or none at all."""
        for each in [name] if name is not None else list(self._handlers):
            self._handlers.pop(each, None)

    def around(self, hooks: Hooks[Any], run: Callable[[], _Heard]) -> Hooks[Any]:
        """Hooks that tell these handlers, too, of a run that is there once something is to be told."""

        def on_retry(attempt: Attempt) -> None:
            self._failed(attempt.error, run())

        def on_end(end: End) -> None:
            if end.status == "complete":
                self._tell("completion:response", run().completion)
            elif end.status != "cancelled":
                error = end.error.attempts[-1].error if isinstance(end.error, RetriesExhausted) else end.error
                self._failed(error, run())
                self._tell("completion:last_attempt", error)

        if not any(self._handlers.values()):
            return hooks
        check_hooks(hooks, is_async=True)  # that a sync client can call them is looked at by `stream`
        return replace(
            hooks,
            on_request=_both(lambda request: self._tell("completion:kwargs", **request), hooks.on_request),
            on_retry=_both(on_retry, hooks.on_retry),
            on_end=_both(on_end, hooks.on_end),
        )

    @contextmanager
    def requesting(self) -> Generator[None]:
        """Tell of a request that failed before anything streamed."""
        try:
            yield
        except sdk_errors("APIError") as error:
            self._tell("completion:error", error)
            raise

    def _failed(self, error: Exception | None, run: _Heard) -> None:
        if isinstance(error, (InvalidResult, JsonSyntaxError)):
            self._tell("completion:response", run.completion)
            self._tell("parse:error", error)
        else:
            self._tell("completion:error", error)

    def _tell(self, name: EventName, *args: object, **kwargs: object) -> None:
        for handler in list(self._handlers.get(name, ())):
            handler(*args, **kwargs)


def _both(first: Callable[[Any], object], second: Callable[[Any], object] | None) -> Callable[[Any], object]:
    """Call both; what the second returns may be to be awaited."""
    if second is None:
        return first

    def both(value: Any) -> object:
        first(value)
        return second(value)

    return both
