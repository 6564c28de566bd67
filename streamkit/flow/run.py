"""Driving a pipeline: from a source, through fused machines, to whoever iterates.

The two functions are one, written for the two worlds: open the source, put each item through, close
the source, say how it ended. Batches, not items, so that the events of a chunk stay together.
"""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing
from typing import TypeAlias, cast

import anyio

from streamkit.changes.change import Finish
from streamkit.flow.fused import Fused, Part
from streamkit.flow.machine import Reason

__all__ = ["Batches", "Pump", "run_async", "run_sync"]

Batches: TypeAlias = AsyncGenerator[Sequence[object], None]
Leave: TypeAlias = Callable[[], object] | None
Pump: TypeAlias = Callable[[Batches], Batches]
"""An operator that waits: takes the batches of the stages before it, gives batches."""


def run_sync(
    source: Iterable[object], parts: Sequence[Part], *, of_changes: bool
) -> Generator[Sequence[object], None, None]:
    """Run stages over a plain iterable."""
    fused = Fused(parts, of_changes=of_changes)
    feed = fused.item_feeder()
    reason: Reason = Finish()
    leave: Leave = None
    teller: object = None
    try:
        try:
            items, leave, teller = _enter(source)
        except Exception as error:
            reason, items = error, iter(())
        while not fused.done:
            # Only what the source raises is the source's: a consumer may throw into the yield below.
            try:
                item = next(items)
            except StopIteration:
                reason = _finish(teller, reason)
                break
            except Exception as error:
                reason = error
                break
            batch = feed(item)
            if batch:
                yield batch
    except BaseException as left:
        _raise_if_worse(left, _leave(leave, _abandon(fused, left)))
        raise
    reason = _leave(leave, reason)
    batch = fused.close(reason)
    if batch:
        yield batch
    if fused.error is not None:
        raise fused.error


async def run_async(
    source: AsyncIterable[object] | Iterable[object], parts: Sequence[Part], *, of_changes: bool
) -> Batches:
    """Run stages over an async iterable, or over a plain one in an async world."""
    fused = Fused(parts, of_changes=of_changes)
    feed = fused.item_feeder()
    reason: Reason = Finish()
    leave: Leave = None
    teller: object = None
    try:
        try:
            items, leave, teller = await _aenter(source)
        except Exception as error:
            reason, items = error, _lift(iter(()))
        while not fused.done:
            # As in run_sync.
            try:
                item = await anext(items)
            except StopAsyncIteration:
                reason = _finish(teller, reason)
                break
            except Exception as error:
                reason = error
                break
            batch = feed(item)
            if batch:
                yield batch
    except BaseException as left:
        _raise_if_worse(left, await _aleave(leave, _abandon(fused, left)))
        raise
    reason = await _aleave(leave, reason)
    batch = fused.close(reason)
    if batch:
        yield batch
    if fused.error is not None:
        raise fused.error


async def run_batches(batches: Batches, parts: Sequence[Part], *, of_changes: bool) -> Batches:
    """Run stages behind an operator that waits, perhaps none: what that raises is to have its `end`, too."""
    fused = Fused(parts, of_changes=of_changes)
    feed = fused.batch_feeder()
    reason: Reason = Finish()
    async with aclosing(batches):
        try:
            while not fused.done:
                try:
                    batch = await anext(batches)
                except StopAsyncIteration:
                    reason = _finish(batches, reason)
                    break
                except Exception as error:
                    reason = error
                    break
                out = feed(batch)
                if out:
                    yield out
        except BaseException as left:
            _raise_if_worse(left, _abandon(fused, left))
            raise
    out = fused.close(reason)
    if out:
        yield out
    if fused.error is not None:
        raise fused.error


def _finish(items: object, reason: Reason) -> Reason:
    """How a source that has no more items says that it ended; `reason` if it says nothing."""
    finish = getattr(items, "finish", None)
    return finish if isinstance(finish, Finish) else reason


def _abandon(fused: Fused, left: BaseException) -> BaseException:
    """Close stages that nobody reads any more: the reason for that, or the error of one that failed at it."""
    before = fused.error
    fused.close(GeneratorExit())
    return left if fused.error is None or fused.error is before else fused.error


def _raise_if_worse(left: BaseException, outcome: BaseException | Finish) -> None:
    """What fails to close is no reason to leave with, unless the consumer simply left."""
    if isinstance(left, GeneratorExit) and isinstance(outcome, Exception):
        raise outcome


def _enter(source: Iterable[object]) -> tuple[Iterator[object], Leave, object]:
    """Open a source: what to iterate, how to leave it, and who knows how it finished."""
    items = iter(source)
    # Of an iterator with a connection, `iter` may give a mere generator.
    opened = source if isinstance(source, Iterator) else items
    if isinstance(opened, AbstractContextManager):
        manager = cast("AbstractContextManager[Iterator[object]]", opened)
        entered = manager.__enter__()
        return entered, lambda: manager.__exit__(None, None, None), entered
    return items, getattr(opened, "close", None) or getattr(items, "close", None), opened


def _leave(leave: Leave, reason: Reason) -> Reason:
    try:
        if leave is not None:
            leave()
    except Exception as error:
        return _both(reason, error)
    return reason


async def _aenter(
    source: AsyncIterable[object] | Iterable[object],
) -> tuple[AsyncIterator[object], Leave, object]:
    """Open a source, as `_enter` does."""
    if not isinstance(source, AsyncIterable):
        items, leave, teller = _enter(source)
        return _lift(items), leave, teller
    aitems = aiter(source)
    opened = source if isinstance(source, AsyncIterator) else aitems
    if isinstance(opened, AbstractAsyncContextManager):
        manager = cast("AbstractAsyncContextManager[AsyncIterator[object]]", opened)
        entered = await manager.__aenter__()
        return entered, lambda: manager.__aexit__(None, None, None), entered
    return aitems, getattr(opened, "aclose", None) or getattr(aitems, "aclose", None), opened


async def _lift(items: Iterator[object]) -> AsyncGenerator[object, None]:
    """A plain iterator in an async world."""
    for item in items:
        yield item


async def _aleave(leave: Leave, reason: Reason) -> Reason:
    """Leave the source; a cancelled scope does not keep it from closing."""
    try:
        if leave is not None:
            with anyio.CancelScope(shield=True):
                left = leave()
                if hasattr(left, "__await__"):
                    await left  # pyright: ignore[reportGeneralTypeIssues]  # just looked
    except Exception as error:
        return _both(reason, error)
    return reason


def _both(reason: Reason, closing: Exception) -> Reason:
    """The source failed to close: that is how it ended, unless something else went wrong before."""
    if isinstance(reason, BaseException) and not isinstance(reason, GeneratorExit):
        reason.add_note(f"and closing the source failed: {closing!r}")
        return reason
    closing.add_note("raised while the source was being closed")
    return closing
