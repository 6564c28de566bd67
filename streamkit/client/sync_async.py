"""What says what to write where somebody wrote the other world's `for`, `with` or `await`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

__all__ = ["AsyncOnly", "AsyncWith", "SyncOnly", "SyncWith"]

_FOR_ASYNC = "for the async world write from_provider(..., async_client=True), or wrap the SDK's async client"


class AsyncWith:
    """Base of what is entered in the async world alone."""

    # A type checker knows without: there, these would make it something to enter, to iterate, to await.
    if not TYPE_CHECKING:

        def __enter__(self) -> NoReturn:
            raise TypeError(f"{_name(self)} belongs to an async client: it is entered with 'async with', got 'with'")

        def __exit__(self, *left: object) -> None:
            pass


class AsyncOnly(AsyncWith):
    """Base of what is read in the async world alone."""

    if not TYPE_CHECKING:

        def __iter__(self) -> NoReturn:
            raise TypeError(f"a run of an async client is iterated with 'async for', got 'for' over {_name(self)}")

        def __await__(self) -> NoReturn:
            result = "await ....result()" if hasattr(self, "result") else "await ....results()"
            raise TypeError(f"a run is not awaited itself: write 'async with ... as run' or '{result}'")


class SyncWith:
    """Base of what is entered in the sync world alone."""

    if not TYPE_CHECKING:

        async def __aenter__(self) -> NoReturn:
            raise TypeError(
                f"{_name(self)} belongs to a sync client: it is entered with 'with', got 'async with'; {_FOR_ASYNC}"
            )

        async def __aexit__(self, *left: object) -> None:
            pass


class SyncOnly(SyncWith):
    """Base of what is read in the sync world alone."""

    # No `__aiter__`: with one it would pass for an async source, and a flow in an event loop reads it as a plain one.
    if not TYPE_CHECKING:

        def __await__(self) -> NoReturn:
            result = "result()" if hasattr(self, "result") else "results()"
            raise TypeError(f"a run of a sync client is not awaited: write '....{result}'; {_FOR_ASYNC}")


def _name(value: object) -> str:
    return type(value).__name__
