"""`Deltas` and `AsyncDeltas`: the text in one place of an answer, as it is read, and what is known beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TYPE_CHECKING

from streamkit.sources.answer import Answer, Piece, Slot
from streamkit.sources.pieces import AsyncPieces, Pieces

if TYPE_CHECKING:
    from typing import Self

    from streamkit.changes.change import Finish

__all__ = ["AsyncDeltas", "Deltas", "deltas_of"]


class _Known:
    """What the source knows beside the text.

    Attributes:
        chunks: how many pieces of text have come.
    """

    def __init__(self, answer: Answer, place: Slot) -> None:
        self.chunks = 0
        self._answer, self._place = answer, place

    @property
    def finish(self) -> Finish:
        """What the provider has said so far of the answer's end, its cost, and a refusal."""
        return self._answer.finish(self._place[0])

    @property
    def id(self) -> str | None:
        """The provider's id of the answer; None before the first event."""
        return self._answer.id

    @property
    def model(self) -> str | None:
        """The model that answers, by its own name; None before it told."""
        return self._answer.model

    def _joined(self, pieces: Sequence[Piece]) -> str:
        """What of one read belongs here, perhaps nothing."""
        mine = [text for place, text in pieces if place == self._place]
        self.chunks += len(mine)
        return "".join(mine)


class Deltas(_Known, Iterator[str]):
    """Text from a sync stream, as it is read; `finish`, `id` and `model` beside it."""

    def __init__(self, pieces: Pieces, place: Slot) -> None:
        super().__init__(pieces.answer, place)
        self._pieces = pieces

    def __iter__(self) -> Iterator[str]:  # noqa: PYI034  # a generator costs less for each item than `__next__`
        place = self._place
        for pieces in self._pieces:
            # By far the most reads bring one piece.
            if len(pieces) == 1 and pieces[0][0] == place:
                self.chunks += 1
                yield pieces[0][1]
            elif text := self._joined(pieces):
                yield text

    def __next__(self) -> str:
        for text in self:
            return text
        raise StopIteration

    def close(self) -> None:
        """Close the connection; again is harmless."""
        self._pieces.close()


class AsyncDeltas(_Known, AsyncIterator[str]):
    """Text from an async stream, as it is read; `finish`, `id` and `model` beside it."""

    def __init__(self, pieces: AsyncPieces, place: Slot) -> None:
        super().__init__(pieces.answer, place)
        self._pieces = pieces

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        while True:
            pieces = await self._pieces.__anext__()
            # As above.
            if len(pieces) == 1 and pieces[0][0] == self._place:
                self.chunks += 1
                return pieces[0][1]
            if text := self._joined(pieces):
                return text

    async def aclose(self) -> None:
        """Close the connection; again is harmless."""
        await self._pieces.aclose()


def deltas_of(pieces: Pieces | AsyncPieces, place: Slot) -> Deltas | AsyncDeltas:
    """The text in one place, in the world that the pieces come from."""
    return Deltas(pieces, place) if isinstance(pieces, Pieces) else AsyncDeltas(pieces, place)
