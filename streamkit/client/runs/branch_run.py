"""`BranchRun` and `AsyncBranchRun`: one answer with several documents in it, read as they come."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from streamkit.client.runs.branch import Branch, BranchChange
from streamkit.client.runs.branches import Branches
from streamkit.client.runs.scope import AsyncRunScope, RunScope
from streamkit.errors import Attempt

if TYPE_CHECKING:
    from streamkit.client.runs.async_reader import AsyncReader
    from streamkit.client.runs.reader import SyncReader

__all__ = ["AsyncBranchRun", "BranchRun"]

ModelT = TypeVar("ModelT")


class _Reading(Generic[ModelT]):
    """What both kinds of run know, and tell."""

    def __init__(self, machine: Branches[ModelT]) -> None:
        self._machine = machine
        self._pending: deque[BranchChange[ModelT]] = deque()

    @property
    def branches(self) -> Sequence[Branch[ModelT]]:
        """The documents that have begun, in any attempt, in the order in which they did."""
        return tuple(self._machine.branches.values())

    @property
    def attempts(self) -> Sequence[Attempt]:
        """The attempts that have ended, oldest first."""
        return tuple(self._machine.over)

    @property
    def usage(self) -> Mapping[str, object] | None:
        """What the last attempt cost, by the provider's names; None until it told, usually at the very end."""
        return self._machine.answer.usage

    @property
    def model(self) -> str | None:
        """The model that answers, by its own name; None before it told."""
        return self._machine.answer.model

    @property
    def id(self) -> str | None:
        """The provider's id of the answer; None before it told."""
        return self._machine.answer.id

    def _results(self) -> list[ModelT]:
        if self._machine.failure is not None:
            raise self._machine.failure
        # Choices by their index; calls of one choice in the order in which they began.
        return [branch.result() for branch in sorted(self._machine.answered, key=lambda branch: branch.choice)]


class BranchRun(_Reading[ModelT], RunScope[BranchChange[ModelT]]):
    """Iterating gives `(branch, change)`; entering and leaving as for a `Run`.

    Each branch has an `end` of its own, and so an error of its own. With `max_retries=` no branch ends before it
    is known that no attempt follows. Where one does, each branch gets a `reset`, and then only what differs in the
    call of the same index and tool (or the same choice) of the new attempt; others are new branches. A branch
    that the last attempt does not have ends `failed`, and is not among the results.

    Raises (at the end of the iteration):
        SourceFailed: the stream broke; every branch that was open has ended `failed`.
        EmptyAnswer: there was no branch at all.
        Refused, Truncated: the model refused, a filter or a token limit stopped the answer, or it just ended, and no
            branch tells of it: there may have been more calls.
        RetriesExhausted: one of these, after more than one attempt.
    """

    def __init__(self, machine: Branches[ModelT], reader: SyncReader[BranchChange[ModelT]]) -> None:
        super().__init__(machine)
        self._reader = reader

    def __next__(self) -> BranchChange[ModelT]:
        while not self._pending:
            batch = self._reader.more()
            if batch is None:
                raise StopIteration
            self._pending.extend(batch)
        return self._pending.popleft()

    def results(self) -> list[ModelT]:
        """Read what is left, and return the validated models of the last attempt.

        Choices come by their index, calls in the order in which they began.

        Raises:
            StreamkitError: as the first branch that did not end `complete` has it; after more than one attempt
                `RetriesExhausted`.
        """
        for _ in self:
            pass
        return self._results()


class AsyncBranchRun(_Reading[ModelT], AsyncRunScope[BranchChange[ModelT]]):
    """For `async for`; see `BranchRun`."""

    def __init__(self, machine: Branches[ModelT], reader: AsyncReader[BranchChange[ModelT]]) -> None:
        super().__init__(machine)
        self._reader = reader

    async def __anext__(self) -> BranchChange[ModelT]:
        while not self._pending:
            batch = await self._reader.more()
            if batch is None:
                raise StopAsyncIteration
            self._pending.extend(batch)
        return self._pending.popleft()

    async def results(self) -> list[ModelT]:
        """Read what is left, and return the validated models; see `BranchRun.results`."""
        async for _ in self:
            pass
        return self._results()
