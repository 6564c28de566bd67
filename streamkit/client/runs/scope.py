"""`RunScope` and `AsyncRunScope`: a run sends its request when it is entered, and hangs up when it is left.

What of an answer a run is read for, its own class says; how its reader is opened and stopped is the same for all.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, TypeVar

from streamkit.client.sync_async import AsyncOnly, SyncOnly

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from streamkit.client.runs.async_reader import AsyncReader
    from streamkit.client.runs.reader import SyncReader

__all__ = ["AsyncRunScope", "RunScope"]

ItemT = TypeVar("ItemT")


class RunScope(SyncOnly, Iterator[ItemT]):
    """For the sync world."""

    _reader: SyncReader[ItemT]

    def __enter__(self) -> Self:
        self._reader.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def cancel(self) -> None:
        """Stop the provider's stream; what is read next is an `end` with the status `cancelled`, in every branch.

        From another thread, a read that waits for a server which sends nothing goes on until a byte comes, or
        the SDK's timeout passes.
        """
        self._reader.cancel()

    def close(self) -> None:
        """Stop: close the connection. Again is harmless."""
        self._reader.close()


class AsyncRunScope(AsyncOnly, AsyncIterator[ItemT]):
    """For the async world."""

    _reader: AsyncReader[ItemT]

    async def __aenter__(self) -> Self:
        await self._reader.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    def cancel(self) -> None:
        """Stop the provider's stream at once; who reads is given an `end`, `cancelled`, in every branch."""
        self._reader.cancel()

    async def aclose(self) -> None:
        """Stop: close the connection. Again is harmless."""
        await self._reader.aclose()
