"""`Run` and `AsyncRun`: one answer, read once, by whatever reads it.

Changes, snapshots, completed values and the result are views of one stream: each reads on from where the
last one stopped. What was read is folded, so a snapshot or the result is whole whoever read the changes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, overload

from streamkit.changes.change import Change
from streamkit.client.runs.async_reader import AsyncReader
from streamkit.client.runs.reader import SyncReader
from streamkit.client.runs.reasoning import AsyncReasoning, Reasoning
from streamkit.client.runs.run_state import RunState
from streamkit.client.runs.scope import AsyncRunScope, RunScope

if TYPE_CHECKING:
    from streamkit.client.runs.attempts import Attempts

__all__ = ["AsyncRun", "Run"]

ModelT = TypeVar("ModelT")
T = TypeVar("T")


class Run(RunState[ModelT], RunScope[Change[ModelT]]):
    """One answer; iterating gives the changes.

    As a context manager it sends the request when it is entered, and closes the connection when it is left,
    however much was read. Without, the request is sent when something is first read.
    """

    def __init__(self, model: type[ModelT], attempts: Attempts[ModelT], reader: SyncReader[Change[ModelT]]) -> None:
        super().__init__(model, attempts)
        self._reader = reader
        self._reasoning = Reasoning(lambda: attempts.reasoning, lambda: not self._pending and self._more())

    def __next__(self) -> Change[ModelT]:
        while not self._pending:
            if not self._more():
                raise StopIteration
        return self._take()

    @property
    def first_change(self) -> float | None:
        """Seconds from the request to the first change; None before it."""
        return self._reader.first_change

    @property
    def reasoning(self) -> Reasoning:
        """What the model thinks, where it shows that: `str()` of it is what has come; iterating gives the pieces."""
        return self._reasoning

    def batches(self) -> Generator[Sequence[Change[ModelT]], None, None]:
        """The changes, with those of one read together."""
        more = self._reader.more
        while True:
            while self._pending:  # of a batch that another view began
                yield self._take_all()
            batch = more()
            if batch is None:
                return
            if batch:
                yield self._folded(batch)

    def snapshots(self) -> Generator[ModelT, None, None]:
        """`Partial` instances, one for each read that changed something; the last is the result itself.

        Raises:
            StreamkitError: the stream did not end `complete`; `.partial` has the last snapshot.
        """
        for _ in self.batches():
            yield from self._news()
        self._check("complete")

    @overload
    def completed(self, *patterns: str) -> Generator[object, None, None]: ...
    @overload
    def completed(self, *patterns: str, of: type[T]) -> Generator[T, None, None]: ...
    def completed(self, *patterns: str, of: type[Any] = object) -> Generator[Any, None, None]:
        """Typed values, the moment each is final: those whose path fits a pattern; see `operators.completed`.

        Args:
            patterns: as there.
            of: a class; only its instances pass, and type checkers know it.
        """
        fits = self._fits(patterns, of)
        for change in self:
            if fits(change):
                yield change.value
        self._check("complete", "invalid")

    def result(self) -> ModelT:
        """Read what is left, and return the validated model; again, the same object.

        Raises:
            StreamkitError: the stream did not end `complete`: `Truncated`, `Refused`, `InvalidResult`,
                `SourceFailed`, `JsonSyntaxError`..., or `RetriesExhausted`; `.partial` has what had arrived.
        """
        for _ in self.batches():
            pass
        return self._result()

    def _more(self) -> bool:
        batch = self._reader.more()
        self._pending.extend(batch or ())
        return batch is not None


class AsyncRun(RunState[ModelT], AsyncRunScope[Change[ModelT]]):
    """One answer; iterating (`async for`) gives the changes.

    As an async context manager it sends the request when it is entered, and has closed the connection when
    it is left, however much was read. Without, the request is sent when something is first read.

    Several tasks may read: what one was given, the others are not. Leaving ends the run for all.
    """

    def __init__(self, model: type[ModelT], attempts: Attempts[ModelT], reader: AsyncReader[Change[ModelT]]) -> None:
        super().__init__(model, attempts)
        self._reader = reader

        async def more() -> bool:
            return not self._pending and await self._more()

        self._reasoning = AsyncReasoning(lambda: attempts.reasoning, more)

    async def __anext__(self) -> Change[ModelT]:
        while not self._pending:
            if not await self._more():
                raise StopAsyncIteration
        return self._take()

    @property
    def first_change(self) -> float | None:
        """Seconds from the request to the first change; None before it."""
        return self._reader.first_change

    @property
    def reasoning(self) -> AsyncReasoning:
        """What the model thinks, where it shows that: `str()` of it is what has come; iterating gives the pieces."""
        return self._reasoning

    async def batches(self) -> AsyncGenerator[Sequence[Change[ModelT]], None]:
        """The changes, with those of one read together."""
        more = self._reader.more
        while True:
            while self._pending:  # of a batch that another view began
                yield self._take_all()
            batch = await more()
            if self._pending:  # what another task read meanwhile goes first
                self._pending.extend(batch or ())
            elif batch is None:
                return
            elif batch:
                yield self._folded(batch)

    async def snapshots(self) -> AsyncGenerator[ModelT, None]:
        """`Partial` instances, one for each read that changed something; the last is the result itself.

        Raises:
            StreamkitError: the stream did not end `complete`; `.partial` has the last snapshot.
        """
        while self._pending or await self._more():
            self._take_all()
            for snapshot in self._news():
                yield snapshot
        self._check("complete")

    @overload
    def completed(self, *patterns: str) -> AsyncGenerator[object, None]: ...
    @overload
    def completed(self, *patterns: str, of: type[T]) -> AsyncGenerator[T, None]: ...
    async def completed(self, *patterns: str, of: type[Any] = object) -> AsyncGenerator[Any, None]:
        """Typed values, the moment each is final: those whose path fits a pattern; see `operators.completed`.

        Args:
            patterns: as there.
            of: a class; only its instances pass, and type checkers know it.
        """
        fits = self._fits(patterns, of)
        async for change in self:
            if fits(change):
                yield change.value
        self._check("complete", "invalid")

    async def result(self) -> ModelT:
        """Read what is left, and return the validated model; again, the same object.

        Raises:
            StreamkitError: the stream did not end `complete`: `Truncated`, `Refused`, `InvalidResult`,
                `SourceFailed`, `JsonSyntaxError`..., or `RetriesExhausted`; `.partial` has what had arrived.
        """
        while self._pending or await self._more():
            self._take_all()
        return self._result()

    async def _more(self) -> bool:
        batch = await self._reader.more()
        self._pending.extend(batch or ())
        return batch is not None
