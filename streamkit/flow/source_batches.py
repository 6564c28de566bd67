"""`batched`: any source as a flow of batches.

Some sources (a run of the client) have batches of their own: `source.batches()`. Closing that generator does not close
the source. So the source is opened and closed here, as `run` does it: as a context manager if it is one, else by its
`close` or `aclose`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    aclosing,
    closing,
)
from typing import TYPE_CHECKING, Any, TypeVar, cast

from streamkit.flow.flow import Flow, Source

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["batched"]

T = TypeVar("T")


def batched(source: Source[T]) -> Flow[Sequence[T]]:
    """Return a flow of the batches of a source: its own if it has them, else one batch per item."""
    if isinstance(source, Flow):
        return source.batches()
    if not hasattr(source, "batches"):
        return Flow[T](source).batches()
    batches = _AsyncSourceBatches(source) if isinstance(source, AsyncIterable) else _SourceBatches(source)
    return Flow(cast("Source[object]", batches))


class _SourceBatches(Iterator[Sequence[object]]):
    """The batches of a plain source."""

    def __init__(self, source: Any) -> None:
        self._source, self._stack = source, ExitStack()
        self._batches: Iterator[Sequence[object]] = iter(())

    def __enter__(self) -> Self:
        source = self._source
        if isinstance(source, AbstractContextManager):
            source = cast("Any", self._stack.enter_context(cast("AbstractContextManager[object]", source)))
        elif hasattr(source, "close"):
            self._stack.callback(source.close)
        self._batches = self._stack.enter_context(closing(source.batches()))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def __next__(self) -> Sequence[object]:
        return next(self._batches)


class _AsyncSourceBatches(AsyncIterator[Sequence[object]]):
    """The batches of an async source."""

    def __init__(self, source: Any) -> None:
        self._source, self._stack = source, AsyncExitStack()
        self._batches: AsyncIterator[Sequence[object]]

    async def __aenter__(self) -> Self:
        source = self._source
        if isinstance(source, AbstractAsyncContextManager):
            manager = cast("AbstractAsyncContextManager[object]", source)
            source = cast("Any", await self._stack.enter_async_context(manager))
        elif hasattr(source, "aclose"):
            self._stack.push_async_callback(source.aclose)
        self._batches = await self._stack.enter_async_context(aclosing(source.batches()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def __anext__(self) -> Sequence[object]:
        return await anext(self._batches)
