"""`Sink`: where a flow of changes ends.

    await (flow | jsonlines(file))          # in an async world
    (flow | jsonlines(file)).run()          # over a plain iterable, without an event loop

A sink is a recipe, as a stage is: each run of it opens a `Drain` of its own, which is told the changes, one
batch for each chunk of the source, and is closed when the run is left. Nothing runs until it is awaited or
`run()` is called. By hand: `with closing(sink.open(Model)) as drain: drain.take(batch)`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Generator, Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NoReturn, Protocol, TypeAlias, cast

from streamkit.changes.change import Change, End
from streamkit.changes.endings import no_change
from streamkit.flow import batched

__all__ = ["Changes", "Delivery", "Drain", "Sink"]

Changes: TypeAlias = AsyncIterable[Change[object]] | Iterable[Change[object]]
"""A flow of changes, a run of the client, or any iterable of changes."""


class Drain(Protocol):
    """One run of a sink."""

    def take(self, batch: Sequence[Change[object]], /) -> Awaitable[object] | None:
        """Take the changes of one chunk; what is returned is awaited before the next."""
        ...

    def close(self) -> None:
        """Let go of what was opened; called once, however the run ended."""
        ...


class Sink:
    """Where changes go.

    Args:
        open: makes the drain of one run; is given the model that the changes speak of, or None.
        name: for `repr` and error messages.
        waits: its drains return awaitables, so it cannot run without an event loop.
    """

    def __init__(self, open: Callable[[object], Drain], name: str, *, waits: bool = False) -> None:  # noqa: A002 - what it does
        self.open, self.name, self.waits = open, name, waits

    def __repr__(self) -> str:
        return self.name

    def __ror__(self, changes: Changes) -> Delivery:
        return Delivery(changes, self)

    def __call__(self, changes: Changes) -> Delivery:
        """The same as `changes | sink`."""
        return Delivery(changes, self)


class Delivery:
    """A flow and its sink, not yet running: await it, or call `run()`.

    Both return the stream's `End` (None if no `end` came through), and raise what the flow raises after it:
    the error of a stream that failed. What the sink raises goes to the caller, never into the source.
    """

    def __init__(self, changes: Changes, sink: Sink) -> None:
        self._changes, self._sink = changes, sink

    def __repr__(self) -> str:
        return f"{self._changes!r} | {self._sink!r}"

    # A type checker knows without: there, this would make it something to iterate.
    if not TYPE_CHECKING:

        def __iter__(self) -> NoReturn:
            raise TypeError(f"{self!r} ends in a sink: await it, or call its run(); nothing stands behind a sink")

    def run(self) -> End | None:
        """Deliver everything, here and now.

        Raises:
            TypeError: the source is async, or the sink has to wait for something: await the delivery.
        """
        end: End | None = None
        if self._sink.waits:
            raise self._must_wait()
        with closing(self._open()) as drain, batched(self._changes) as batches:
            for batch in batches:
                self._check(batch)
                waiting = drain.take(batch)
                if waiting is not None:
                    if hasattr(waiting, "close"):  # of a coroutine; of what stands for one
                        cast("Generator[object]", waiting).close()
                    raise self._must_wait()
                end = _end(batch) or end
        return end

    def __await__(self) -> Generator[object, None, End | None]:
        return self._deliver().__await__()

    async def _deliver(self) -> End | None:
        end: End | None = None
        with closing(self._open()) as drain:
            async with batched(self._changes) as batches:
                async for batch in batches:
                    self._check(batch)
                    waiting = drain.take(batch)
                    if waiting is not None:
                        await waiting
                    end = _end(batch) or end
        return end

    def _open(self) -> Drain:
        changes = self._changes
        # A run's own `model` is the name of the language model.
        return self._sink.open(getattr(changes, "response_model", None) or getattr(changes, "model", None))

    def _check(self, batch: Sequence[Change[object]]) -> None:
        # What makes other things makes no change first.
        if not isinstance(batch[0], Change):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise no_change(repr(self._sink), batch[0])

    def _must_wait(self) -> TypeError:
        return TypeError(f"{self._sink!r} has to wait: write 'await (flow | sink)', not run()")


def _end(batch: Sequence[Change[object]]) -> End | None:
    # An `end` is always last.
    last = batch[-1]
    return cast("End", last.value) if last.op == "end" else None
