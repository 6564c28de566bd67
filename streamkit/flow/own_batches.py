"""The batches that a source knows of itself (a run of the client does), read so that leaving them leaves the source.

Closing the generator that `batches()` returns says nothing to the source behind it. So the source is entered and left
as `run` does it with any: as a context manager if it is one, else by its `close` or `aclose`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    ExitStack,
    aclosing,
    closing,
)
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

__all__ = ["AsyncOwnBatches", "OwnBatches"]


class OwnBatches(Iterator[Sequence[object]]):
    """Those of a plain source."""

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


class AsyncOwnBatches(AsyncIterator[Sequence[object]]):
    """Those of an async source."""

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
