"""`Run` and `AsyncRun`: one request, its answer read once, by whatever reads it.

Changes, snapshots, completed values and the result are views of one stream: each reads on from where the
last one stopped. What was read is folded, so a snapshot or the result is whole whoever read the changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import anyio

from streamkit.errors import StreamkitError
from streamkit.events import Change, End, Finish
from streamkit.extract import extract
from streamkit.patterns import check_pattern, matcher
from streamkit.schema.compile import compile_type
from streamkit.typed_fold import TypedFold

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from streamkit.sources.openai import AsyncDeltas, Deltas

__all__ = ["AsyncRun", "Run"]

ModelT = TypeVar("ModelT")


class _Reading(Generic[ModelT]):
    """What both kinds of run know, and tell."""

    def __init__(self, model: type[ModelT]) -> None:
        self._model = model
        self._source: Deltas | AsyncDeltas | None = None
        self._fold = TypedFold(compile_type(model))
        self._pending: deque[Change[ModelT]] = deque()
        self._value: list[ModelT] = []
        self._end: End | None = None
        self._closed = False

    @property
    def model(self) -> type[ModelT]:
        """The type that is streamed."""
        return self._model

    @property
    def partial(self) -> ModelT | None:
        """What has been read so far: a `Partial`, the result itself once it is complete; None before anything."""
        # Looking takes nothing from who follows the snapshots.
        changed = self._fold.changed
        partial = self._fold.snapshot()
        self._fold.changed = changed
        return cast("ModelT | None", partial)

    @property
    def end(self) -> End | None:
        """How the stream ended; None until that was read."""
        return self._end

    @property
    def usage(self) -> Mapping[str, object] | None:
        """What the answer cost, by the provider's names; None until it told, usually at the very end."""
        return self._finish.usage

    @property
    def finish_reason(self) -> str | None:
        """Why the provider stopped: `"stop"`, `"length"`...; None until it told."""
        return self._finish.reason

    @property
    def chunks(self) -> int:
        """How many pieces of text have come."""
        return self._source.chunks if self._source is not None else 0

    @property
    def _finish(self) -> Finish:
        return self._source.finish if self._source is not None else Finish()

    def _take(self) -> Change[ModelT]:
        """The next of the changes that have come, folded."""
        change = self._pending.popleft()
        if change.op == "end":
            self._end = cast("End", change.value)
            if isinstance(self._end.error, StreamkitError):
                self._end.error.partial = self.partial
        else:
            self._fold.apply(change)
            if change.op == "complete" and not change.path:
                self._value = [cast("ModelT", change.value)]
        return change

    def _take_all(self) -> list[Change[ModelT]]:
        return [self._take() for _ in range(len(self._pending))]

    def _news(self) -> list[ModelT]:
        """A snapshot, if there is anything new in it."""
        return [cast("ModelT", self._fold.snapshot())] if self._fold.changed else []

    def _result(self) -> ModelT:
        self._check("complete")
        return self._value[0]

    def _check(self, *good: str) -> None:
        """Raise unless the stream ended well."""
        if self._end is None:
            raise StreamkitError("the run was left before its end: read the result inside the 'with' block")
        if self._end.status not in good and self._end.error is not None:
            raise self._end.error

    def _fits(self, patterns: Sequence[str]) -> Callable[[Change[ModelT]], bool]:
        for pattern in patterns:
            check_pattern(pattern, self._model)
        fits = matcher(patterns or ("/**",))
        return lambda change: change.op == "complete" and fits(change)


class Run(_Reading[ModelT], Iterator[Change[ModelT]]):
    """One request and its answer; iterating gives the changes.

    As a context manager it sends the request when it is entered, and closes the connection when it is left,
    however much was read. Without, the request is sent when something is first read.
    """

    def __init__(self, model: type[ModelT], request: Callable[[], Deltas]) -> None:
        super().__init__(model)
        self._request = request
        self._batches: Generator[Sequence[Change[ModelT]], None, None] | None = None

    def __enter__(self) -> Self:
        self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Change[ModelT]:
        while not self._pending:
            self._pending.extend(next(self._open()))
        return self._take()

    def batches(self) -> Generator[Sequence[Change[ModelT]], None, None]:
        """The changes, with those of one chunk together."""
        while self._pending or self._more():
            yield self._take_all()

    def snapshots(self) -> Generator[ModelT, None, None]:
        """`Partial` instances, one for each chunk that changed something; the last is the result itself.

        Raises:
            StreamkitError: the stream did not end `complete`; `.partial` has the last snapshot.
        """
        for _ in self.batches():
            yield from self._news()
        self._check("complete")

    def completed(self, *patterns: str) -> Generator[object, None, None]:
        """Typed values, the moment each is final: those whose path fits a pattern; see `operators.completed`."""
        fits = self._fits(patterns)
        for change in self:
            if fits(change):
                yield change.value
        self._check("complete", "invalid")

    def result(self) -> ModelT:
        """Read what is left, and return the validated model; again, the same object.

        Raises:
            StreamkitError: the stream did not end `complete`: `Truncated`, `Refused`, `InvalidResult`,
                `SourceFailed`, `JsonSyntaxError`...; `.partial` has what had arrived.
        """
        for _ in self.batches():
            pass
        return self._result()

    def close(self) -> None:
        """Stop: close the connection. Again is harmless."""
        self._closed = True
        if self._batches is not None:
            self._batches.close()
        # A stream that nobody began to read is not closed by the flow.
        if self._source is not None:
            cast("Deltas", self._source).close()

    def _open(self) -> Iterator[Sequence[Change[ModelT]]]:
        if self._batches is None:
            if self._closed:
                return iter(())
            self._source = self._request()
            flow = (self._source | extract(self._model)).batches()
            self._batches = cast("Generator[Sequence[Change[ModelT]], None, None]", iter(flow))
        return self._batches

    def _more(self) -> bool:
        batch = next(self._open(), None)
        self._pending.extend(batch or ())
        return batch is not None


class AsyncRun(_Reading[ModelT], AsyncIterator[Change[ModelT]]):
    """One request and its answer; iterating (`async for`) gives the changes.

    As an async context manager it sends the request when it is entered, and has closed the connection when
    it is left, however much was read. Without, the request is sent when something is first read.
    """

    def __init__(self, model: type[ModelT], request: Callable[[], Awaitable[AsyncDeltas]]) -> None:
        super().__init__(model)
        self._request = request
        self._batches: AsyncGenerator[Sequence[Change[ModelT]], None] | None = None

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Change[ModelT]:
        while not self._pending:
            if not await self._more():
                raise StopAsyncIteration
        return self._take()

    async def batches(self) -> AsyncGenerator[Sequence[Change[ModelT]], None]:
        """The changes, with those of one chunk together."""
        while self._pending or await self._more():
            yield self._take_all()

    async def snapshots(self) -> AsyncGenerator[ModelT, None]:
        """`Partial` instances, one for each chunk that changed something; the last is the result itself.

        Raises:
            StreamkitError: the stream did not end `complete`; `.partial` has the last snapshot.
        """
        while self._pending or await self._more():
            self._take_all()
            for snapshot in self._news():
                yield snapshot
        self._check("complete")

    async def completed(self, *patterns: str) -> AsyncGenerator[object, None]:
        """Typed values, the moment each is final: those whose path fits a pattern; see `operators.completed`."""
        fits = self._fits(patterns)
        async for change in self:
            if fits(change):
                yield change.value
        self._check("complete", "invalid")

    async def result(self) -> ModelT:
        """Read what is left, and return the validated model; again, the same object.

        Raises:
            StreamkitError: the stream did not end `complete`: `Truncated`, `Refused`, `InvalidResult`,
                `SourceFailed`, `JsonSyntaxError`...; `.partial` has what had arrived.
        """
        while self._pending or await self._more():
            self._take_all()
        return self._result()

    async def aclose(self) -> None:
        """Stop: close the connection. Again is harmless."""
        self._closed = True
        # Not even a cancelled task goes before the connection is closed.
        with anyio.CancelScope(shield=True):
            if self._batches is not None:
                await self._batches.aclose()
            # A stream that nobody began to read is not closed by the flow.
            if self._source is not None:
                await cast("AsyncDeltas", self._source).aclose()

    async def _open(self) -> AsyncGenerator[Sequence[Change[ModelT]], None] | None:
        if self._batches is None and not self._closed:
            source = self._source = await self._request()
            flow = (source | extract(self._model)).batches()
            self._batches = cast("AsyncGenerator[Sequence[Change[ModelT]], None]", aiter(flow))
        return self._batches

    async def _more(self) -> bool:
        batches = await self._open()
        batch = await anext(batches, None) if batches is not None else None
        self._pending.extend(batch or ())
        return batch is not None
