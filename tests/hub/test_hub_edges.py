"""Hubs at their edges: sources that cancel themselves, other threads and loops, subscriptions that nobody left."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any

import pytest
from support.flows import spread
from support.hubs import letters, told, virtual

from streamkit import Change, End, Flow, SourceFailed, StreamkitError, extract, share
from streamkit.hub import Hub
from streamkit.hub.subscription import Policy

# -- a source that raises CancelledError, though nobody cancelled the hub ------------------------------------------


async def raises_it(text: str) -> AsyncIterator[str]:
    yield text
    raise asyncio.CancelledError


async def awaits_a_cancelled_task(text: str) -> AsyncIterator[str]:
    yield text
    task = asyncio.ensure_future(asyncio.sleep(10))
    task.cancel()
    await task


class Changes:
    """Changes without a flow, by a class."""

    def __init__(self) -> None:
        self._left = [Change[Any]("add", (), "x")]

    def __aiter__(self) -> Changes:
        return self

    async def __anext__(self) -> Change[Any]:
        if not self._left:
            raise asyncio.CancelledError
        return self._left.pop()


class CannotBeOpened(Changes):
    async def __aenter__(self) -> Changes:
        raise asyncio.CancelledError

    async def __aexit__(self, *_: object) -> None: ...


@pytest.mark.parametrize(
    "make",
    [
        lambda: raises_it('"x') | extract(str),
        lambda: awaits_a_cancelled_task('"x') | extract(str),
        Changes,
        CannotBeOpened,
        lambda: share_of(Changes()),
    ],
)
async def test_a_source_that_raises_cancelled_error_has_failed(make: Callable[[], Any]) -> None:
    ends: list[Any] = []

    async def follow(hub: Hub[Any]) -> None:
        async with hub.subscribe() as changes:
            async for change in changes:
                ends.extend([change.value] if change.op == "end" else [])

    source: Flow[Change[Any]] = Flow(make())
    async with share(source) as hub:
        with pytest.raises(SourceFailed, match="was cancelled"):
            await follow(hub)
        with pytest.raises(SourceFailed):
            await hub.result()
    assert [end.status for end in ends] == ["failed"]
    assert hub.end == ends[0]


async def share_of(source: AsyncIterable[Change[Any]]) -> AsyncIterator[Any]:
    """The changes of another hub."""
    shared: Hub[Any] = share(source)
    async with shared as hub, hub.subscribe() as changes:
        async for change in changes:
            yield change


# -- cancel() from elsewhere --------------------------------------------------------------------------------------


def in_a_thread(call: Callable[[], object]) -> None:
    call()


def in_another_loop(call: Callable[[], object]) -> None:
    async def main() -> None:
        call()

    asyncio.run(main())


@pytest.mark.parametrize("where", [in_a_thread, in_another_loop])
async def test_cancelling_from_elsewhere_says_what_to_write(where: Callable[[Callable[[], object]], None]) -> None:
    _, source = told(letters("ab"), delay=0.001)
    async with share(source, start="eager") as hub:
        with pytest.raises(StreamkitError, match=r"another event loop.*loop\.call_soon_threadsafe\(hub\.cancel\)"):
            await asyncio.to_thread(where, hub.cancel)
        assert hub.end is None
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(loop.call_soon_threadsafe, hub.cancel)
        with pytest.raises(StreamkitError, match="cancelled"):
            await hub.result()
    await asyncio.to_thread(where, hub.cancel)  # it is over: nothing is left to stop


# -- subscriptions that are dropped without being left ------------------------------------------------------------


@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_dropped_subscription_releases_the_source(in_thread: bool) -> None:
    _, source = told(letters("abcdefgh"), delay=0.0)
    async with share(source) as hub:
        subscription = hub.subscribe(policy="suspend", capacity=2)
        await subscription.__aenter__()
        assert (await anext(subscription)).op == "add"
        for _ in range(20):
            await asyncio.sleep(0)
        assert hub.end is None
        assert hub.seq < 5
        cycle: list[Any] = [subscription]
        cycle.append(cycle)
        del subscription, cycle
        with pytest.warns(ResourceWarning, match=r"dropped without being left: write 'async with hub\.subscribe\(\)"):
            _ = await asyncio.to_thread(gc.collect) if in_thread else gc.collect()
        async with asyncio.timeout(1):
            assert await hub.result() == "abcdefgh"
        assert hub.stats() == {}


async def test_a_dropped_subscription_does_not_keep_an_unused_source() -> None:
    probe, source = told(letters("abc"), delay=1000)
    async with share(source, start="subscribed") as hub:
        subscription = hub.subscribe()
        await subscription.__aenter__()
        cycle: list[Any] = [subscription]
        cycle.append(cycle)
        del subscription, cycle
        with pytest.warns(ResourceWarning):
            gc.collect()
        for _ in range(10):
            await asyncio.sleep(0)
        assert hub.end is not None
        assert hub.end.status == "cancelled"
    probe.check()


@virtual
async def test_no_warning_where_nothing_is_held() -> None:
    policies: list[Policy] = ["conflate", "every", "suspend", "disconnect"]
    for policy in policies:
        _, source = told(letters("ab"))
        async with share(source) as hub:
            hub.subscribe(policy=policy)  # never entered
            subscription = hub.subscribe(policy=policy)
            await subscription.__aenter__()
            hub.cancel()
            del subscription
            gc.collect()


# -- many subscribers, a large chunk ------------------------------------------------------------------------------


def everything(_: int) -> str | None:
    return "/*"


def one_each(number: int) -> str | None:
    return f"/{number}"


def not_selected(_: int) -> str | None:
    return None


CROWD, CHUNK = 200, 4000


async def longest_turn(hub: Hub[Any], patterns: Callable[[int], str | None], policy: Policy) -> tuple[float, int]:
    """Have a crowd follow a hub; return the longest turn of the loop in seconds, and how many changes all got."""
    longest = 0.0
    got = 0

    async def follow(number: int) -> None:
        nonlocal got
        async with hub.subscribe(select=patterns(number), policy=policy, batches=True) as batches:
            async for batch in batches:
                got += len(batch.changes)

    async def watch() -> None:
        nonlocal longest
        before = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            now = time.perf_counter()
            longest, before = max(longest, now - before), now

    followers = [asyncio.create_task(follow(number)) for number in range(CROWD)]
    await asyncio.sleep(0.01)
    watching = asyncio.create_task(watch())
    await asyncio.gather(*followers)
    watching.cancel()
    return longest, got


def wide(size: int) -> list[Change[Any]]:
    return [change for n in range(size) for change in (Change[Any]("add", (n,), n), Change[Any]("complete", (n,), n))]


@pytest.mark.parametrize("policy", ["conflate", "every"])
@pytest.mark.parametrize("patterns", [everything, one_each, not_selected])
async def test_a_large_chunk_for_a_crowd_does_not_block_the_loop(
    patterns: Callable[[int], str | None], policy: Policy
) -> None:
    async def source() -> AsyncIterator[Any]:
        yield [Change[Any]("add", (), [])]
        await asyncio.sleep(0.1)
        yield wide(CHUNK)
        await asyncio.sleep(0)
        yield [Change[Any]("end", (), End("truncated"))]

    async with share(source() | spread()) as hub:
        longest, got = await longest_turn(hub, patterns, policy)
    assert got == CROWD * {"/*": 2 * CHUNK + 1, "/0": 3, None: 2 * CHUNK + 2}[patterns(0)]
    # 0.5 s and more where each subscriber selects for itself, without a pause.
    assert longest < 0.2  # 0.05 on a machine that does nothing else
