"""Law 8: however a flow is left, its source is closed once, promptly, and never sees the consumer's error."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self, cast

import anyio
import pytest

from streamkit import share
from streamkit.flow import Flow, Reason, Stage, batched
from streamkit.hub import Hub
from streamkit.operators import accumulate

CHUNKS = ['{"a": [1, ', '2, "x', 'y"], ', '"b": null', "}"]


class Log(list[str]):
    """The events of a test, in order."""


# -- probe sources: each notes how it is entered, what is thrown into it, and how it is closed ---------------


def generator(log: Log, chunks: Sequence[object]) -> Iterator[object]:
    try:
        for chunk in chunks:
            yield give(chunk)
    except Exception as error:
        log.append(f"thrown {error!r}") if error not in chunks else None
        raise
    finally:
        log.append("closed")


async def async_generator(log: Log, chunks: Sequence[object]) -> AsyncIterator[object]:
    try:
        for chunk in chunks:
            await asyncio.sleep(0)
            yield give(chunk)
    except Exception as error:
        log.append(f"thrown {error!r}") if error not in chunks else None
        raise
    finally:
        await asyncio.sleep(0)
        log.append("closed")


def give(chunk: object) -> object:
    if isinstance(chunk, Exception):
        raise chunk
    return chunk


class Iterated:
    """A plain iterator with a `close`."""

    def __init__(self, log: Log, chunks: Sequence[object]) -> None:
        self.log, self._left = log, iter(chunks)

    def __iter__(self) -> Iterated:
        return self

    def __next__(self) -> object:
        return give(next(self._left))

    def close(self) -> None:
        self.log.append("closed")


class Entered(Iterated):
    """An iterator that is a context manager: it is entered and left; nobody else calls `close`."""

    def __enter__(self) -> Self:
        self.log.append("entered")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        self.log.append("closed" if (kind, error, trace) == (None, None, None) else f"left with {error!r}")
        return True

    def close(self) -> None:
        self.log.append("closed behind its own back")


class AsyncIterated:
    def __init__(self, log: Log, chunks: Sequence[object]) -> None:
        self.log, self._left = log, iter(chunks)

    def __aiter__(self) -> AsyncIterated:
        return self

    async def __anext__(self) -> object:
        await asyncio.sleep(0)
        for chunk in self._left:
            return give(chunk)
        raise StopAsyncIteration

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.log.append("closed")


class AsyncEntered(AsyncIterated):
    async def __aenter__(self) -> Self:
        await asyncio.sleep(0)
        self.log.append("entered")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        await asyncio.sleep(0)
        self.log.append("closed" if (kind, error, trace) == (None, None, None) else f"left with {error!r}")
        return True

    async def aclose(self) -> None:
        self.log.append("closed behind its own back")


Probe = Callable[[Log, Sequence[object]], Any]


PLAIN: list[Probe] = [generator, Iterated, Entered]
ALL: list[Probe] = [*PLAIN, async_generator, AsyncIterated, AsyncEntered]


def source_of(probe: object) -> Any:
    """Use a probe as a source of any items."""
    return probe


def closings(log: Log) -> list[str]:
    return [entry for entry in log if entry != "entered"]


class ConsumerError(Exception):
    pass


def fail_after(change: object) -> None:
    raise ConsumerError


def is_batched(flow: Flow[Any], whole: bool) -> Flow[Any]:
    return flow.batches() if whole else flow


async def drain(flow: Any) -> list[str]:
    """Read a flow to its end; the error that it raises has the earlier ops as its `came`."""
    ops: list[str] = []
    try:
        async for change in flow:
            ops.append(change.op)
    except Exception as error:
        cast("Any", error).came = ops
        raise
    return ops


async def fail_at_first(flow: Any) -> None:
    """Consume a flow with a bug in the loop's body."""
    async with flow as changes:
        async for _ in changes:
            raise ConsumerError


async def until(happened: Callable[[], object]) -> None:
    """Let other tasks run until an event has happened."""
    for _ in range(1000):
        if happened():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never happened")


async def hurry(flow: Any) -> None:
    async with asyncio.timeout(0.01):
        await fail_at_first(flow)


# -- left under `async with` and `with` ------------------------------------------------------------------------


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("probe", ALL)
async def test_leaving_async_with_by_break_closes_at_once(probe: Probe, batched: bool) -> None:
    log = Log()
    async with is_batched(probe(log, CHUNKS) | accumulate(), batched) as changes:
        async for _ in changes:
            break
        assert closings(log) == []
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("probe", PLAIN)
def test_leaving_with_by_break_closes_at_once(probe: Probe, batched: bool) -> None:
    log = Log()
    with is_batched(probe(log, CHUNKS) | accumulate(), batched) as changes:
        for _ in changes:
            break
        assert closings(log) == []
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("probe", ALL)
async def test_the_consumers_error_is_its_own(probe: Probe) -> None:
    log = Log()
    with pytest.raises(ConsumerError) as caught:
        await fail_at_first(probe(log, CHUNKS) | accumulate())
    assert closings(log) == ["closed"]
    assert not hasattr(caught.value, "__notes__")


@pytest.mark.parametrize("probe", PLAIN)
def test_the_consumers_error_is_its_own_without_a_loop(probe: Probe) -> None:
    log = Log()
    with pytest.raises(ConsumerError), probe(log, CHUNKS) | accumulate() as changes:
        fail_after(next(changes))
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("probe", ALL)
async def test_an_error_thrown_into_the_flow_does_not_reach_the_source(probe: Probe, batched: bool) -> None:
    log = Log()
    changes = cast("Any", aiter(is_batched(probe(log, CHUNKS) | accumulate(), batched)))
    await anext(changes)
    thrown = ConsumerError()
    with pytest.raises(ConsumerError) as caught:
        await changes.athrow(thrown)
    assert caught.value is thrown
    assert closings(log) == ["closed"]
    with pytest.raises(StopAsyncIteration):
        await anext(changes)


@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize("probe", PLAIN)
def test_an_error_thrown_into_a_plain_flow_does_not_reach_the_source(probe: Probe, batched: bool) -> None:
    log = Log()
    changes = cast("Any", iter(is_batched(probe(log, CHUNKS) | accumulate(), batched)))
    next(changes)
    with pytest.raises(ConsumerError):
        changes.throw(ConsumerError())
    assert closings(log) == ["closed"]
    assert list(changes) == []


@pytest.mark.parametrize("probe", ALL)
async def test_entering_and_leaving_without_iterating_runs_nothing(probe: Probe) -> None:
    log = Log()
    async with probe(log, CHUNKS) | accumulate():
        pass
    assert log == []


# -- cancelled -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("probe", ALL)
async def test_cancelling_between_items_closes_before_the_task_ends(probe: Probe) -> None:
    log, reached = Log(), asyncio.Event()

    async def consume() -> None:
        async with probe(log, CHUNKS) | accumulate() as changes:
            async for _ in changes:
                reached.set()
                await asyncio.Event().wait()

    task = asyncio.create_task(consume())
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closings(log) == ["closed"]


class Stuck(AsyncIterated):
    """Yields nothing, and takes some time to close."""

    async def __anext__(self) -> object:
        self.log.append("waiting")
        await asyncio.Event().wait()
        raise AssertionError

    async def aclose(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)
        self.log.append("closed")


class StuckEntered(Stuck):
    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *args: object) -> None:
        assert args == (None, None, None)
        await self.aclose()


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("probe", [Stuck, StuckEntered])
async def test_cancelling_while_the_source_waits_closes_it_completely(probe: Probe, bare: bool) -> None:
    log = Log()
    flow = probe(log, []) | accumulate()

    async def consume() -> None:
        if bare:
            async for _ in flow:
                pass
        else:
            async with flow as changes:
                async for _ in changes:
                    pass

    task = asyncio.create_task(consume())
    await until(lambda: log)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["waiting", "closed"]


async def test_a_cancelled_scope_does_not_keep_the_source_from_closing() -> None:
    """A cancelled scope cancels every wait inside it, again and again; the closing is not inside."""
    log = Log()
    with anyio.CancelScope() as scope:
        async with source_of(AsyncIterated(log, CHUNKS)) | accumulate() as changes:
            async for _ in changes:
                scope.cancel()
    assert scope.cancelled_caught
    assert log == ["closed"]


async def test_a_timeout_around_a_flow_closes_the_source() -> None:
    log = Log()
    with pytest.raises(TimeoutError):
        await hurry(source_of(Stuck(log, [])) | accumulate())
    assert log == ["waiting", "closed"]


# -- exhausted, failing, refusing to close -----------------------------------------------------------------------


@pytest.mark.parametrize("probe", ALL)
async def test_exhausting_closes_before_the_end_is_emitted(probe: Probe) -> None:
    log = Log()
    async for change in probe(log, CHUNKS) | accumulate():
        if change.op == "end":
            assert closings(log) == ["closed"]
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("probe", PLAIN)
def test_exhausting_closes_once_without_a_loop(probe: Probe) -> None:
    log = Log()
    assert [change.op for change in probe(log, CHUNKS) | accumulate()][-1] == "end"
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("probe", ALL)
async def test_a_failing_source_is_closed_once_and_its_error_emitted_then_raised(probe: Probe) -> None:
    log, lost = Log(), OSError("lost")
    with pytest.raises(OSError, match="lost") as caught:
        await drain(probe(log, [*CHUNKS[:2], lost]) | accumulate())
    assert caught.value is lost
    assert cast("Any", lost).came == ["add", "add", "add", "complete", "add", "complete", "add", "end"]
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("probe", ALL)
async def test_text_that_is_not_json_leaves_the_source_at_once(probe: Probe) -> None:
    log = Log()
    flow = probe(log, ["[1, !", AssertionError("pulled after the end")]) | accumulate()
    with pytest.raises(ValueError, match="expected a value"):
        await drain(flow)
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("probe", ALL)
async def test_a_stage_that_raises_leaves_the_source(probe: Probe) -> None:
    class Bad:
        def feed(self, item: object, /) -> Sequence[object]:
            raise KeyError("bad")

        def close(self, reason: Reason, /) -> Sequence[object]:
            return ()

    log = Log()
    with pytest.raises(KeyError):
        await drain(probe(log, CHUNKS) | Stage(Bad))
    assert closings(log) == ["closed"]


def spoil(probe: Probe, error: BaseException) -> Probe:
    """The same source, but closing it fails."""

    def make(log: Log, chunks: Sequence[object]) -> Any:
        made: object = probe(log, chunks)
        kind = type(made)
        name = next(name for name in ("__aexit__", "__exit__", "aclose", "close") if hasattr(kind, name))

        async def alater(*args: object) -> None:
            log.append("closed")
            raise error

        def later(*args: object) -> None:
            log.append("closed")
            raise error

        cast("Any", made).__class__ = type(
            "Spoiled", (kind,), {name: alater if name.startswith(("__a", "a")) else later}
        )
        return made

    return make


OBJECTS: list[Probe] = [Iterated, Entered, AsyncIterated, AsyncEntered]


@pytest.mark.parametrize("probe", OBJECTS)
async def test_a_source_that_fails_to_close_makes_the_stream_fail(probe: Probe) -> None:
    log, broken = Log(), OSError("cannot close")
    with pytest.raises(OSError, match="cannot close") as caught:
        await drain(spoil(probe, broken)(log, CHUNKS) | accumulate())
    assert caught.value is broken
    ops = cast("Any", broken).came
    assert ops.count("end") == 1
    assert ops[-1] == "end"
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("probe", OBJECTS)
async def test_a_source_that_fails_twice_keeps_its_first_error(probe: Probe) -> None:
    log, lost = Log(), OSError("lost")
    with pytest.raises(OSError, match="lost") as caught:
        await drain(spoil(probe, OSError("cannot close"))(log, [lost]) | accumulate())
    assert caught.value is lost
    assert any("cannot close" in note for note in caught.value.__notes__)
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("probe", OBJECTS)
async def test_a_source_that_fails_to_close_does_not_hide_the_consumers_error(probe: Probe) -> None:
    log = Log()
    with pytest.raises(ConsumerError):
        await fail_at_first(spoil(probe, OSError("cannot close"))(log, CHUNKS) | accumulate())
    assert closings(log) == ["closed"]


class Refusing(AsyncIterated):
    async def __aenter__(self) -> Self:
        raise OSError("connection refused")

    async def __aexit__(self, *args: object) -> None:
        raise AssertionError("left without having been entered")


async def test_a_source_that_cannot_be_entered_ends_failed() -> None:
    with pytest.raises(OSError, match="connection refused") as caught:
        await drain(source_of(Refusing(Log(), [])) | accumulate())
    assert cast("Any", caught.value).came == ["end"]
    assert any("source" in note for note in caught.value.__notes__)


# -- innermost first -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("left_early", [False, True])
async def test_an_inner_flow_is_closed_before_the_outer_one(left_early: bool) -> None:
    log = Log()

    async def outer(flow: Flow[Any]) -> AsyncIterator[object]:
        try:
            async with flow as items:
                async for item in items:
                    yield item
        finally:
            log.append("outer")

    async with outer(source_of(async_generator(log, CHUNKS)) | accumulate()) | Stage(Passing) as changes:
        async for _ in changes:
            if left_early:
                break
    assert log == ["closed", "outer"]


class Passing:
    def feed(self, item: object, /) -> Sequence[object]:
        return (item,)

    def close(self, reason: Reason, /) -> Sequence[object]:
        return ()


@pytest.mark.parametrize("probe", ALL)
async def test_a_flow_as_a_source_closes_its_own_source(probe: Probe) -> None:
    log = Log()
    async with Flow(probe(log, CHUNKS) | accumulate()) | Stage(Passing) as changes:
        async for _ in changes:
            break
    assert closings(log) == ["closed"]


# -- a source that knows its batches ------------------------------------------------------------------------------


class Batched(Iterated):
    """Like the other sources, but with batches of its own."""

    def batches(self) -> Iterator[Sequence[object]]:
        for chunk in self:
            yield [*source_of([chunk]) | accumulate()][:-1]


class BatchedEntered(Entered):
    batches = Batched.batches


class AsyncBatched(AsyncIterated):
    async def batches(self) -> AsyncIterator[Sequence[object]]:
        async for chunk in self:
            yield [*source_of([chunk]) | accumulate()][:-1]


class AsyncBatchedEntered(AsyncEntered):
    batches = AsyncBatched.batches


BATCHED: list[Probe] = [Batched, BatchedEntered, AsyncBatched, AsyncBatchedEntered]
WHOLE = ['{"a": 1}'] * 3


@pytest.mark.parametrize("probe", BATCHED)
async def test_reading_the_batches_of_a_source_leaves_the_source(probe: Probe) -> None:
    log = Log()
    async with batched(probe(log, WHOLE)) as batches:
        async for batch in batches:
            assert [change.op for change in batch] == ["add", "add", "complete", "complete"]
            assert closings(log) == []
            break
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("probe", BATCHED[:2])
def test_reading_the_batches_of_a_plain_source_leaves_the_source(probe: Probe) -> None:
    log = Log()
    with batched(probe(log, WHOLE)) as batches:
        next(batches)
        assert closings(log) == []
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("probe", BATCHED)
async def test_a_source_of_batches_that_is_read_to_its_end_is_closed(probe: Probe) -> None:
    log = Log()
    assert len([batch async for batch in batched(probe(log, WHOLE))]) == 3
    assert closings(log) == ["closed"]


@pytest.mark.parametrize("probe", BATCHED)
async def test_leaving_a_hub_closes_a_source_of_batches(probe: Probe) -> None:
    log = Log()
    hub: Hub[object] = share(probe(log, WHOLE))
    async with hub, hub.subscribe() as changes:
        async for _ in changes:
            break
        hub.cancel()
    assert closings(log) == ["closed"]


# -- a bare loop ------------------------------------------------------------------------------------------------


async def test_a_bare_loop_left_early_closes_when_its_iterator_is_collected() -> None:
    log = Log()

    async def consume() -> None:
        async for _ in source_of(async_generator(log, CHUNKS)) | accumulate():
            break

    await consume()
    gc.collect()
    for _ in range(10):
        await asyncio.sleep(0)
    assert log == ["closed"]


def test_a_bare_plain_loop_left_early_closes_when_its_iterator_is_collected() -> None:
    log = Log()
    for _ in source_of(generator(log, CHUNKS)) | accumulate():
        break
    gc.collect()
    assert log == ["closed"]


async def test_leaving_a_plain_source_in_an_async_loop_leaves_no_generator_behind() -> None:
    log = Log()
    async with source_of(Iterated(log, CHUNKS)) | accumulate() as changes:
        async for _ in changes:
            break
    loop = asyncio.get_running_loop()
    assert not [agen for agen in cast("Any", loop)._asyncgens if agen.ag_running or agen.ag_frame is not None]
