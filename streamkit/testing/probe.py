"""A source that takes notes: how often it was pulled, how it was closed, what was thrown into it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Generic, Literal, TypeVar

__all__ = ["Probe", "ProbeRun"]

T = TypeVar("T")


class Probe(Generic[T]):
    """A cold async source of some items; each iteration of it is a `ProbeRun`, kept in `runs`.

    Args:
        items: what it gives, in order.
        then: what follows: `"end"`, an exception to raise, or `"wait"`, for ever.
        delay: seconds before each item and before the end; the loop is let run at least once.
        closing: seconds that closing takes.
        fails_to_close: what closing raises.

    Attributes:
        runs: one for each iteration, in order.
    """

    def __init__(
        self,
        items: Iterable[T],
        then: Literal["end", "wait"] | Exception = "end",
        *,
        delay: float = 0.0,
        closing: float = 0.0,
        fails_to_close: Exception | None = None,
    ) -> None:
        self.items, self.then = tuple(items), then
        self.delay, self.closing, self.fails_to_close = delay, closing, fails_to_close
        self.runs: list[ProbeRun[T]] = []

    def __aiter__(self) -> ProbeRun[T]:
        run = ProbeRun(self)
        self.runs.append(run)
        return run

    @property
    def pulls(self) -> int:
        """How many items were asked for, in all runs."""
        return sum(run.pulls for run in self.runs)

    @property
    def closings(self) -> int:
        """How many times a run was closed; an async generator, too, is closed when it ends."""
        return sum(run.closings for run in self.runs)

    def check(self) -> None:
        """Make sure that every run was closed once, and nothing was done to one that may not be done.

        Raises:
            AssertionError: names the rule.
        """
        for at, run in enumerate(self.runs):
            faults = [*run.faults, *([f"closed {run.closings} times, not once"] if run.closings != 1 else [])]
            if faults:
                raise AssertionError(f"run {at} of the source: {'; '.join(faults)}")


class ProbeRun(AsyncIterator[T]):
    """One iteration of a probe.

    Attributes:
        pulls: how many items were asked for.
        given: how many were given.
        closings: how often it was closed.
        cancelled: a pull was cancelled while it waited.
        faults: what was done to it that nobody may do: pulled while a pull was under way or after it was
            closed, an exception thrown in.
    """

    def __init__(self, probe: Probe[T]) -> None:
        self._probe = probe
        self._pulled = False
        self.pulls = self.given = self.closings = 0
        self.cancelled = False
        self.faults: list[str] = []

    async def __anext__(self) -> T:
        self.pulls += 1
        if self._pulled:
            self.faults.append("pulled while a pull was under way")
        if self.closings:
            self.faults.append("pulled after it was closed")
        self._pulled = True
        try:
            await asyncio.sleep(self._probe.delay)
            return await self._give()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        finally:
            self._pulled = False

    async def _give(self) -> T:
        items, then = self._probe.items, self._probe.then
        if self.given < len(items):
            self.given += 1
            return items[self.given - 1]
        if isinstance(then, Exception):
            raise then
        if then == "wait":
            await asyncio.Event().wait()
        raise StopAsyncIteration

    async def athrow(self, error: BaseException, /) -> T:
        """Note that an exception was thrown in: a consumer's error is none of the source's business."""
        self.faults.append(f"{error!r} was thrown in")
        raise error

    async def aclose(self) -> None:
        """Note the closing."""
        if self._pulled:
            self.faults.append("closed while a pull was under way")
        self.closings += 1
        await asyncio.sleep(self._probe.closing)
        if self._probe.fails_to_close is not None:
            raise self._probe.fails_to_close
