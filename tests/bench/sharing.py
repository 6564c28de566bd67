"""What a hub costs: many subscribers against a queue for each, idle ones, one that never reads."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

import jiter
from documents import MeetingInfo, chunked, users
from measure import cpu_times, traced
from rows import QUICK, ROUNDS, Row

from streamkit import Change, extract, share
from streamkit.flow import Flow
from streamkit.hub import Hub
from streamkit.operators import accumulate

Batches = Sequence[Sequence[Change]]


class Given:
    """A source of batches, each after a turn of the loop, as from a socket."""

    model = None

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __aiter__(self) -> AsyncIterator[Change]:
        raise AssertionError

    async def open_batches(self) -> AsyncIterator[Sequence[Change]]:
        for batch in self._batches:
            await asyncio.sleep(0)
            yield batch


def ten_each(chunks: int) -> list[list[Change]]:
    """Ten events for each chunk."""
    told: list[Change] = [Change("add", (), [])]
    for at in range(chunks * 5):
        told += [Change("add", (at,), at), Change("complete", (at,), at)]
    told.append(Change("complete", (), []))
    return [told[at : at + 10] for at in range(0, len(told), 10)]


async def by_hub(batches: Batches, count: int, *, whole: bool) -> None:
    async def follow(hub: Hub) -> None:
        async with hub.subscribe(batches=whole) as items:
            async for item in items:
                if whole:
                    for _ in item.changes:
                        pass

    async with share(Given(batches)) as hub:
        await asyncio.gather(*(follow(hub) for _ in range(count)))


async def by_queues(batches: Batches, count: int) -> None:
    """What one writes without a hub: every event into a queue for each consumer."""
    queues = [asyncio.Queue[Change | None]() for _ in range(count)]

    async def follow(queue: asyncio.Queue[Change | None]) -> None:
        while await queue.get() is not None:
            pass

    followers = [asyncio.create_task(follow(queue)) for queue in queues]
    async for batch in Given(batches).open_batches():
        for change in batch:
            for queue in queues:
                queue.put_nowait(change)
    for queue in queues:
        queue.put_nowait(None)
    await asyncio.gather(*followers)


def fan_out() -> Iterator[Row]:
    """A thousand subscribers, ten events for each chunk, CPU per event and subscriber."""
    times = cpu_times("1,000 subscribers", contenders(1000, 100), ROUNDS)
    ratio = times["queues"] / times["batches"]
    yield Row("1,000 subscribers in batches, against an asyncio.Queue each", ">= 4", ratio, "x", 1)
    ratio = times["queues"] / times["changes"]
    yield Row("the same, change by change", ">= 4", ratio, "x", 1)


def contenders(count: int, chunks: int) -> dict[str, Callable[[], object]]:
    """The same events to so many consumers, in several ways."""
    batches = ten_each(chunks)
    return {
        "queues": lambda: asyncio.run(by_queues(batches, count)),
        "batches": lambda: asyncio.run(by_hub(batches, count, whole=True)),
        "changes": lambda: asyncio.run(by_hub(batches, count, whole=False)),
    }


def by_subscribers() -> dict[str, list[tuple[float, float]]]:
    """Microseconds for an event and subscriber, by the number of subscribers."""
    names = {"queues": "an asyncio.Queue each", "batches": "streamkit", "changes": "streamkit, change by change"}
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in names.values()}
    for count in (1, 10, 100, 1000, 10_000):
        chunks = max(10, 20_000 // count)
        times = cpu_times(f"{count} subscribers", contenders(count, chunks), 1 if count > 1000 else 3)
        for name, shown in names.items():
            points[shown].append((count, times[name] / count / chunks / 10 * 1e6))
    return points


def idle() -> Iterator[Row]:
    """What a subscriber with its task costs while nothing comes."""

    async def measure(count: int) -> float:
        async def follow(hub: Hub) -> None:
            async with hub.subscribe() as changes:
                async for _ in changes:
                    pass

        waiting: asyncio.Event = asyncio.Event()

        async def silent() -> AsyncIterator[Change]:
            await waiting.wait()
            yield Change("add", (), 1)

        async with share(silent()) as hub:
            first = asyncio.create_task(follow(hub))
            await asyncio.sleep(0)
            gc.collect()
            tracemalloc.start()
            before, _ = tracemalloc.get_traced_memory()
            tasks = [asyncio.create_task(follow(hub)) for _ in range(count)]
            for _ in range(3):
                await asyncio.sleep(0)
            gc.collect()
            after, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            waiting.set()
            await asyncio.gather(first, *tasks)
        return (after - before) / count

    for count in (1000, 10_000):
        size = asyncio.run(measure(count))
        yield Row(f"memory of one of {count:,} idle subscribers, task included", "<= 1500", size, " B", 0)


def never_reading() -> Iterator[Row]:
    """One subscriber never reads while 1 MB streams."""
    text = users(1_000_000)
    piece = 64 if QUICK else 4  # tracing makes each chunk several times dearer

    async def stream(flow: Flow[Change], *, lagging: int) -> Hub:
        async with share(flow) as hub:
            lags = [hub.subscribe() for _ in range(lagging)]
            for lag in lags:
                await lag.__aenter__()
            async with hub.subscribe(batches=True) as batches:
                async for _ in batches:
                    pass
        return hub

    parsed, _ = traced(lambda: jiter.from_json(text.encode()))
    flow = chunked(text, piece) | accumulate()
    with_lag, _ = traced(lambda: asyncio.run(stream(flow, lagging=1)))
    ratio = with_lag / parsed
    yield Row(
        f"a hub with one that never reads, 1 MB in {piece}-character chunks, against it parsed",
        "<= 2",
        ratio,
        "x",
    )
    short = chunked(users(100_000)) | extract(MeetingInfo)
    times = cpu_times(
        "a subscriber that never reads",
        {
            "alone": lambda: asyncio.run(stream(short, lagging=0)),
            "lagging": lambda: asyncio.run(stream(short, lagging=1)),
        },
        ROUNDS if QUICK else 2 * ROUNDS,
    )
    more = times["lagging"] / times["alone"] - 1
    yield Row("what one that never reads costs the others, CPU", "<= 5", more * 100, " %", 1)


PARTS = (fan_out, idle, never_reading)
