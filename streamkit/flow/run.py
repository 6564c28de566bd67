"""The run loop: from a source, through fused machines, to the consumer.

`run_sync` and `run_async` are one function, written for sync and async code: open the source, feed each item, close
the source, end the machines. They yield batches, not items, so that the changes of one chunk stay together.
"""

from __future__ import annotations

from asyncio import CancelledError
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
from streamkit.flow.tasks import failure_of, require_asyncio

__all__ = ["Batches", "Pump", "async_items_of", "items_of", "run_async", "run_batches", "run_sync"]

Batches: TypeAlias = AsyncGenerator[Sequence[object], None]
CloseSource: TypeAlias = Callable[[], object] | None
Pump: TypeAlias = Callable[[Batches], Batches]
"""An operator that waits: receives the batches of the stages before it, and yields batches."""


def run_sync(
    source: Iterable[object], parts: Sequence[Part], *, of_changes: bool
) -> Generator[Sequence[object], None, None]:
    """Run stages over a plain iterable."""
    fused = Fused(parts, of_changes=of_changes)
    feed = fused.item_feeder()
    reason: Reason = Finish()
    close: CloseSource = None
    opened: object = None
    try:
        try:
            items, close, opened = _open(source)
        except Exception as error:
            reason, items = error, iter(())
        while not fused.done:
            # Only next() is in this try: what a consumer throws into the yield below is not the source's error.
            try:
                item = next(items)
            except StopIteration:
                reason = _reason_of(opened, reason)
                break
            except Exception as error:
                reason = error
                break
            batch = feed(item)
            if batch:
                yield batch
    except BaseException as left:
        _raise_failure(left, _close(close, _abandon(fused, left)))
        raise
    reason = _close(close, reason)
    batch = fused.close(reason)
    if batch:
        yield batch
    if fused.error is not None:
        raise fused.error


async def run_async(
    source: AsyncIterable[object] | Iterable[object], parts: Sequence[Part], *, of_changes: bool
) -> Batches:
    """Run stages over an async iterable, or over a plain one in async code."""
    require_asyncio("a flow")
    fused = Fused(parts, of_changes=of_changes)
    feed = fused.item_feeder()
    reason: Reason = Finish()
    close: CloseSource = None
    opened: object = None
    try:
        try:
            items, close, opened = await _open_async(source)
        except (Exception, CancelledError) as error:
            reason, items = _failure(error), _as_async(iter(()))
        while not fused.done:
            # As in run_sync.
            try:
                item = await anext(items)
            except StopAsyncIteration:
                reason = _reason_of(opened, reason)
                break
            except (Exception, CancelledError) as error:
                reason = _failure(error)
                break
            batch = feed(item)
            if batch:
                yield batch
    except BaseException as left:
        _raise_failure(left, await _close_async(close, _abandon(fused, left)))
        raise
    reason = await _close_async(close, reason)
    batch = fused.close(reason)
    if batch:
        yield batch
    if fused.error is not None:
        raise fused.error


async def run_batches(batches: Batches, parts: Sequence[Part], *, of_changes: bool) -> Batches:
    """Run stages, perhaps none, over batches. With none it still adds the `end` if the batches raise."""
    require_asyncio("a flow")
    fused = Fused(parts, of_changes=of_changes)
    feed = fused.batch_feeder()
    reason: Reason = Finish()
    async with aclosing(batches):
        try:
            while not fused.done:
                try:
                    batch = await anext(batches)
                except StopAsyncIteration:
                    reason = _reason_of(batches, reason)
                    break
                except (Exception, CancelledError) as error:
                    reason = _failure(error)
                    break
                out = feed(batch)
                if out:
                    yield out
        except BaseException as left:
            _raise_failure(left, _abandon(fused, left))
            raise
    out = fused.close(reason)
    if out:
        yield out
    if fused.error is not None:
        raise fused.error


def items_of(batches: Generator[Sequence[object], None, None]) -> Generator[object, None, None]:
    """Yield the items of batches one by one."""
    try:
        for batch in batches:
            yield from batch
    finally:
        batches.close()


async def async_items_of(batches: Batches) -> AsyncGenerator[object, None]:
    """Yield the items of batches one by one."""
    async with aclosing(batches):
        async for batch in batches:
            for item in batch:
                yield item


def _reason_of(opened: object, reason: Reason) -> Reason:
    """Return the `finish` of a source that has ended, or `reason` if it has none."""
    finish = getattr(opened, "finish", None)
    return finish if isinstance(finish, Finish) else reason


def _failure(error: Exception | CancelledError) -> Exception:
    """Return the error of a source; raise a `CancelledError` again if the running task is being cancelled."""
    if isinstance(error, Exception):
        return error
    failed = failure_of(error, "the source")
    failed.__cause__ = error
    return failed


def _abandon(fused: Fused, left: BaseException) -> BaseException:
    """Close the machines of a run that the consumer left; return the error of one that failed, or else `left`."""
    before = fused.error
    fused.close(GeneratorExit())
    return left if fused.error is None or fused.error is before else fused.error


def _raise_failure(left: BaseException, outcome: BaseException | Finish) -> None:
    """Raise a failure to close if the consumer simply left; an error of the consumer is more important."""
    if isinstance(left, GeneratorExit) and isinstance(outcome, Exception):
        raise outcome


def _open(source: Iterable[object]) -> tuple[Iterator[object], CloseSource, object]:
    """Open a source; return its items, the function that closes it, and the object whose `finish` says how it ended."""
    items = iter(source)
    # An iterator that holds a connection may return a mere generator from `iter`.
    opened = source if isinstance(source, Iterator) else items
    if isinstance(opened, AbstractContextManager):
        manager = cast("AbstractContextManager[Iterator[object]]", opened)
        entered = manager.__enter__()
        return entered, lambda: manager.__exit__(None, None, None), entered
    return items, getattr(opened, "close", None) or getattr(items, "close", None), opened


def _close(close: CloseSource, reason: Reason) -> Reason:
    """Close a source; return why the run ended."""
    try:
        if close is not None:
            close()
    except Exception as error:
        return _with_closing_error(reason, error)
    return reason


async def _open_async(
    source: AsyncIterable[object] | Iterable[object],
) -> tuple[AsyncIterator[object], CloseSource, object]:
    """Open a source, as `_open` does."""
    if not isinstance(source, AsyncIterable):
        items, close, opened = _open(source)
        return _as_async(items), close, opened
    aitems = aiter(source)
    opened = source if isinstance(source, AsyncIterator) else aitems
    if isinstance(opened, AbstractAsyncContextManager):
        manager = cast("AbstractAsyncContextManager[AsyncIterator[object]]", opened)
        entered = await manager.__aenter__()
        return entered, lambda: manager.__aexit__(None, None, None), entered
    return aitems, getattr(opened, "aclose", None) or getattr(aitems, "aclose", None), opened


async def _as_async(items: Iterator[object]) -> AsyncGenerator[object, None]:
    """Iterate a plain iterator in async code."""
    for item in items:
        yield item


async def _close_async(close: CloseSource, reason: Reason) -> Reason:
    """Close a source, also inside a cancelled scope; return why the run ended."""
    try:
        if close is not None:
            with anyio.CancelScope(shield=True):
                closing = close()
                if hasattr(closing, "__await__"):
                    await closing  # pyright: ignore[reportGeneralTypeIssues]  # just looked
    except Exception as error:
        return _with_closing_error(reason, error)
    return reason


def _with_closing_error(reason: Reason, closing: Exception) -> Reason:
    """Return the error of closing the source, or an earlier error with a note about it."""
    if isinstance(reason, BaseException) and not isinstance(reason, GeneratorExit):
        reason.add_note(f"and closing the source failed: {closing!r}")
        return reason
    closing.add_note("raised while the source was being closed")
    return closing
