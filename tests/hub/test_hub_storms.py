"""Hubs for a long time, and in bad weather: nothing is left, nothing grows, no error is lost."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import tracemalloc
import weakref
from collections.abc import AsyncIterator
from typing import Any, cast

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.hubs import all_of, letters, now, told, virtual
from support.strategies import LAW

from streamkit import Change, Document, FellBehind, Flow, share
from streamkit.hub import Policy, Subscription
from streamkit.hub.limits import Limits

POLICIES: list[Policy] = ["conflate", "every", "suspend", "disconnect"]


def others() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks() - {asyncio.current_task()}}


async def endless(period: float) -> AsyncIterator[Change[Any]]:
    """A string that grows for ever, then begins anew, so that the document itself does not grow."""
    yield Change("add", (), "")
    while True:
        for letter in "0123456789":
            await asyncio.sleep(period)
            yield Change("append", (), letter)
        yield Change("replace", (), "")


@virtual
async def test_an_hour_of_joining_and_leaving_leaves_nothing() -> None:
    """10,000 subscribers come and go, each in its own way; then no task, no reference, no growth."""
    dice = random.Random(4)
    refs: list[weakref.ref[Subscription[Any]]] = []
    sizes: list[int] = []
    left: list[int] = []

    async def visit(hub: Any, number: int) -> None:
        policy = POLICIES[number % 4]
        subscription = hub.subscribe(policy=policy, batches=bool(number % 3), capacity=None if number % 5 else 50)
        refs.append(weakref.ref(subscription))
        document = Document()
        try:
            async with asyncio.timeout(dice.choice([1, 5, 30, 100])), subscription as events:
                async for event in events:
                    for change in event.changes if number % 3 else (event,):
                        document.apply(change)
                    await asyncio.sleep(dice.choice([0, 0, 0, 1, 3]))
                    if dice.random() < 0.02:
                        raise ZeroDivisionError
        except (TimeoutError, ZeroDivisionError, FellBehind):
            left.append(number)
        assert len(cast("str", document.value)) <= 10

    async with share(endless(0.5), retain=100) as hub:
        visits: set[asyncio.Task[None]] = set()
        for number in range(10_000):
            task = asyncio.create_task(visit(hub, number))
            visits.add(task)
            task.add_done_callback(visits.discard)
            await asyncio.sleep(0.361)
            if number in (3_000, 9_900):
                gc.collect()
                sizes.append(
                    sum(1 for each in gc.get_objects() if isinstance(each, (Change, Subscription, asyncio.Future)))
                )
        assert now() >= 3600
        await asyncio.gather(*visits)
        assert len(left) == 10_000
        assert hub.stats() == {}
        gc.collect()
        assert [ref for ref in refs if ref() is not None] == []
        channel = cast("Any", hub.channel)
        assert (len(channel.readers), channel.limits.smallest) == (0, None)
        assert len(channel.log._batches) < 1000
        assert others() == {"streamkit share"}
    assert others() == set()
    assert sizes[1] < 2 * sizes[0], f"it grows: {sizes}"


@virtual
async def test_a_storm_of_cancelling_hurts_nobody_else() -> None:
    probe, flow = told(letters("x" * 200), delay=0.01)
    dice = random.Random(1)
    async with share(flow) as hub:
        calm = asyncio.create_task(all_of(hub.subscribe(policy="every")))
        for _ in range(300):
            tasks = [asyncio.create_task(all_of(hub.subscribe(policy=dice.choice(POLICIES)))) for _ in range(5)]
            for _ in range(dice.randrange(4)):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
                if dice.random() < 0.5:
                    task.cancel()
            await asyncio.wait(tasks)
            await asyncio.sleep(dice.random() * 0.02)
        assert len(await calm) == 203
        assert len(hub.channel.readers) == 0
    probe.check()
    assert others() == set()


@virtual
async def test_those_who_are_cancelled_while_they_wait_are_forgotten_at_once() -> None:
    _, flow = told([], "wait")
    async with share(flow) as hub:
        for _ in range(100):
            with anyio.move_on_after(1):
                await all_of(hub.subscribe())
            assert len(hub.channel.readers) == 0


@virtual
async def test_news_for_one_who_was_just_cancelled_is_no_error() -> None:
    _, flow = told([], "wait")
    async with share(flow) as hub:
        reader = asyncio.create_task(all_of(hub.subscribe()))
        await asyncio.sleep(1)
        reader.cancel()
        hub.cancel()
        await asyncio.wait([reader])
        assert reader.cancelled()


@virtual
async def test_every_order_of_closing_is_clean() -> None:
    """The hub, two subscriptions, a reader's task, cancel(): each at any time after any other."""
    steps = ["hub", "one", "two", "reader", "cancel"]
    for order in itertools.permutations(steps):
        probe, flow = told(letters("hello"))
        hub = share(flow)
        await hub.__aenter__()
        one, two = hub.subscribe(policy="suspend", capacity=1), hub.subscribe()
        await one.__aenter__()
        await two.__aenter__()
        reader = asyncio.create_task(all_of(two))
        await asyncio.sleep(2.5)
        for step in order:
            if step == "hub":
                await hub.__aexit__(None, None, None)
            elif step == "one":
                await one.__aexit__(None, None, None)
            elif step == "two":
                await two.__aexit__(None, None, None)
            elif step == "reader":
                reader.cancel()
            else:
                hub.cancel()
        await asyncio.wait([reader])
        assert reader.cancelled() or reader.exception() is None
        probe.check()
        assert (hub.stats(), others()) == ({}, set()), order


async def run(flow: Flow[Change[Any]]) -> None:
    async with share(flow, start="eager") as hub, asyncio.TaskGroup() as tasks:
        for _ in range(3):
            tasks.create_task(all_of(hub.subscribe()))
        await asyncio.sleep(1000)


@virtual
async def test_leaving_while_being_cancelled_still_closes_the_source() -> None:
    for turns in range(12):
        probe, flow = told(letters("hello"), delay=0.0)
        task = asyncio.create_task(run(flow))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        if probe.runs:
            probe.check()
        assert others() == set(), turns


@virtual
async def test_a_cancelled_scope_around_a_hub_still_closes_its_source() -> None:
    probe, flow = told(letters("hello"), closing=3.0)
    with anyio.move_on_after(2.5):
        async with share(flow) as hub:
            await all_of(hub.subscribe())
    assert now() == 5.5
    probe.check()
    assert others() == set()


@virtual
async def test_two_hubs_are_left_in_any_order() -> None:
    probe_one, flow_one = told(letters("hello"))
    probe_two, flow_two = told(letters("hello"))
    one, two = share(flow_one, start="eager"), share(flow_two, start="eager")
    await one.__aenter__()
    await two.__aenter__()
    await asyncio.sleep(1.5)
    await one.__aexit__(None, None, None)
    await two.__aexit__(None, None, None)
    probe_one.check()
    probe_two.check()


@virtual
async def test_a_subscriber_that_raises_inside_a_task_group_takes_only_its_group_along() -> None:
    _, flow = told(letters("hello"))
    async with share(flow) as hub:
        other = asyncio.create_task(all_of(hub.subscribe()))

        async def bad() -> None:
            async with hub.subscribe() as events:
                async for _ in events:
                    raise ZeroDivisionError

        with pytest.raises(ExceptionGroup) as caught:  # the group is the point
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(bad())
                tasks.create_task(all_of(hub.subscribe()))
        assert caught.group_contains(ZeroDivisionError)
        assert len(await other) == 8


@virtual
async def test_many_followers_cost_one_wake_up_for_each_batch() -> None:
    _, flow = told([[Change("add", (), "")], *([Change[Any]("append", (), "x")] * 10 for _ in range(50))])
    woken = 0

    async with share(flow) as hub:

        async def follow() -> None:
            nonlocal woken
            async with hub.subscribe(batches=True) as batches:
                async for _ in batches:
                    woken += 1

        await asyncio.gather(*(follow() for _ in range(200)))
    assert woken == 200 * 52


@virtual
async def test_ten_thousand_follow() -> None:
    _, flow = told(letters("abc"))
    async with share(flow) as hub:
        results = await asyncio.gather(*(all_of(hub.subscribe()) for _ in range(10_000)))
        assert {len(changes) for changes in results} == {6}


@virtual
async def test_one_who_never_reads_holds_nothing_back() -> None:
    """Law 10: what is kept for it does not grow with the stream."""
    _, flow = told(letters("x" * 8000), delay=0.0)
    async with share(flow) as hub, hub.subscribe() as never:
        async with hub.subscribe() as reading:
            for _ in range(2000):
                await anext(reading)
            tracemalloc.start()
            for _ in range(6000):
                await anext(reading)
            grown, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert grown < 500_000
        assert never.stats().lag >= 8000


@LAW
@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=60))
def test_the_smallest_limit_is_known_at_all_times(moves: list[tuple[int, bool]]) -> None:
    limits, held = Limits(), list[int]()
    for number, takes in moves:
        if takes and held:
            limits.remove(held.pop(number % len(held)))
        else:
            limits.add(number)
            held.append(number)
        assert limits.smallest == min(held, default=None)
