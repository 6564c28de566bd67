"""What a model thinks before it answers, as text beside the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence

__all__ = ["AsyncReasoning", "Reasoning"]


class _Reasoning:
    """The text so far, as `str()`.

    Args:
        attempts: who collects the pieces of the current attempt.
    """

    def __init__(self, pieces: Callable[[], Sequence[str]]) -> None:
        self._pieces = pieces

    def __str__(self) -> str:
        return "".join(self._pieces())

    def __bool__(self) -> bool:
        return bool(self._pieces())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r:.80})"


class Reasoning(_Reasoning):
    """Iterating gives the pieces, from the first, and reads on until the answer begins; again, it goes on."""

    def __init__(self, pieces: Callable[[], Sequence[str]], more: Callable[[], bool]) -> None:
        super().__init__(pieces)
        self._more, self._given = more, 0

    def __iter__(self) -> Iterator[str]:
        while True:
            pieces = self._pieces()
            yield from pieces[self._given :]
            self._given = len(pieces)
            if not self._more():
                return


class AsyncReasoning(_Reasoning):
    """For `async for`; see `Reasoning`."""

    def __init__(self, pieces: Callable[[], Sequence[str]], more: Callable[[], Awaitable[bool]]) -> None:
        super().__init__(pieces)
        self._more, self._given = more, 0

    async def __aiter__(self) -> AsyncIterator[str]:
        while True:
            pieces = self._pieces()
            for piece in pieces[self._given :]:
                yield piece
            self._given = len(pieces)
            if not await self._more():
                return
