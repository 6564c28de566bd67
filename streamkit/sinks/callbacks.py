"""callbacks: a function for each path pattern, called with the changes that fit it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Collection, Coroutine, Generator, Iterator, Mapping, Sequence
from typing import get_args

from streamkit.changes.change import Change, Op, matches, parse_pattern
from streamkit.schema.patterns import check_pattern
from streamkit.sinks.sink import Sink

__all__ = ["Callback", "callbacks"]

Callback = Callable[[Change[object]], object]
"""Takes a change; may return an awaitable, which is awaited before anything else is called."""


def callbacks(patterns: Mapping[str, Callback], *, ops: Collection[Op] | None = None) -> Sink:
    """Call functions with the changes of certain paths, in the order of the changes.

        await (flow | callbacks({"/users/*": save}, ops={"complete"}))

    Args:
        patterns: from a path pattern, as for `select`, to a plain or a coroutine function; all that fit are
            called, in this order. `end` and `reset` stand at the root: `""` and `"/**"` get them.
        ops: only changes with these ops; by default all.

    Raises:
        TypeError: `patterns` is no mapping.
        ValueError: a pattern is none, or (when it runs) can never match the model of the flow; or there is no such op.
    """
    if not isinstance(patterns, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"callbacks() takes functions by pattern, as in {{'/**': print}}, got {patterns!r:.80}")
    if ops is not None and (isinstance(ops, str) or not {*ops} <= {*get_args(Op)}):
        raise ValueError(f"ops is some of {', '.join(get_args(Op))}, as in {{'complete'}}; got {ops!r:.80}")
    routes = [_Route(pattern, call) for pattern, call in patterns.items()]

    def open(model: object) -> _Callbacks:  # noqa: A001 - what it does
        if model is not None:
            for pattern in patterns:
                check_pattern(pattern, model)
        return _Callbacks(routes, ops)

    waits = any(inspect.iscoroutinefunction(call) for call in patterns.values())
    return Sink(open, f"callbacks({', '.join(map(repr, patterns))})", waits=waits)


class _Route:
    """One pattern and its function."""

    def __init__(self, pattern: str, call: Callback) -> None:
        self.steps, self.pattern, self._call = parse_pattern(pattern), pattern, call

    def call(self, change: Change[object]) -> Awaitable[object] | None:
        try:
            returned = self._call(change)
        except Exception as error:
            self.name(error, change)
            raise
        return returned if inspect.isawaitable(returned) else None

    def name(self, error: Exception, change: Change[object]) -> None:
        error.add_note(f"raised by the callback for {self.pattern!r}, called with {change.op} {change.pointer!r}")


class _Callbacks:
    def __init__(self, routes: Sequence[_Route], ops: Collection[Op] | None) -> None:
        self._routes, self._ops = routes, ops

    def take(self, batch: Sequence[Change[object]], /) -> Awaitable[object] | None:
        calls = self._calls(batch)
        for route, change in calls:
            waiting = route.call(change)
            if waiting is not None:
                return _Going(self._go_on(route, change, waiting, calls), waiting)
        return None

    def close(self) -> None:
        """Nothing was opened."""

    def _calls(self, batch: Sequence[Change[object]]) -> Iterator[tuple[_Route, Change[object]]]:
        for change in batch:
            if self._ops is None or change.op in self._ops:
                for route in self._routes:
                    if matches(route.steps, change.path):
                        yield route, change

    async def _go_on(
        self,
        route: _Route,
        change: Change[object],
        waiting: Awaitable[object] | None,
        rest: Iterator[tuple[_Route, Change[object]]],
    ) -> None:
        """Wait for one call, then make the rest."""
        while True:
            if waiting is not None:
                try:
                    await waiting
                except Exception as error:
                    route.name(error, change)
                    raise
            following = next(rest, None)
            if following is None:
                return
            route, change = following
            waiting = route.call(change)


class _Going:
    """The rest of a batch, where one call has to be waited for; closed instead of awaited, that call is, too."""

    def __init__(self, going: Coroutine[object, object, None], waiting: Awaitable[object]) -> None:
        self._going, self._waiting = going, waiting

    def __await__(self) -> Generator[object, object, None]:
        return self._going.__await__()

    def close(self) -> None:
        for each in (self._going, self._waiting):
            if inspect.iscoroutine(each):
                each.close()
