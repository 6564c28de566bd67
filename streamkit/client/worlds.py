"""`AsyncOnly`: what says `write 'async for'` where somebody wrote `for`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

__all__ = ["AsyncOnly"]


class AsyncOnly:
    """Base of what is read in the async world alone."""

    # A type checker knows without: there, these would make it something to iterate.
    if not TYPE_CHECKING:

        def __iter__(self) -> NoReturn:
            raise TypeError(f"a run of an async client is iterated with 'async for', got 'for' over {_name(self)}")

        def __await__(self) -> NoReturn:
            result = "await ....result()" if hasattr(self, "result") else "await ....results()"
            raise TypeError(f"a run is not awaited itself: write 'async with ... as run' or '{result}'")

        def __enter__(self) -> NoReturn:
            raise TypeError(f"a run of an async client is entered with 'async with', got 'with' on {_name(self)}")

        def __exit__(self, *left: object) -> None:
            pass


def _name(value: object) -> str:
    return type(value).__name__
