"""What readers of a hub wait on: woken together and in order, and cancelled or interrupted each for itself."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import UserList
from collections.abc import AsyncIterator, Sequence
from contextvars import ContextVar
from typing import Any

import pytest
from support.hubs import all_of, letters, told, virtual

from streamkit import Change, share
from streamkit.hub.waiters import Waiter, Waiters

NAME = ContextVar[str]("NAME")


class Readers:
    """Tasks that wait once each, and what became of them."""

    def __init__(self) -> None:
        self.waiters, self.log = Waiters(), list[str]()

    def read(self, name: str, then: BaseException | None = None) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self._read(name, then), name=name)

    async def _read(self, name: str, then: BaseException | None) -> None:
        NAME.set(name)
        waiter = Waiter(self.waiters)
        try:
            await waiter
        except asyncio.CancelledError as error:
            assert NAME.get() == name
            self.log.append(f"{name} cancelled {error}")
            raise
        assert NAME.get() == name
        self.log.append(name)
        if then is not None:
            raise then


def told_to_the_loop() -> list[dict[str, Any]]:
    """What went wrong in callbacks of the loop: a task that is woken twice, for one."""
    trouble: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: trouble.append(context))
    return trouble


async def test_all_are_woken_in_the_order_they_came() -> None:
    readers = Readers()
    tasks = [readers.read(name) for name in "cab"]
    await asyncio.sleep(0)
    assert len(readers.waiters) == 3
    assert readers.waiters.wake()
    assert (readers.log, len(readers.waiters)) == ([], 0)
    await asyncio.sleep(0)
    assert readers.log == ["c", "a", "b"]
    assert not readers.waiters.wake()
    await asyncio.gather(*tasks)


async def test_one_who_is_cancelled_is_woken_alone() -> None:
    readers = Readers()
    tasks = [readers.read(name) for name in "abc"]
    await asyncio.sleep(0)
    trouble = told_to_the_loop()
    tasks[1].cancel("enough")
    tasks[1].cancel("enough")
    await asyncio.wait([tasks[1]])
    await asyncio.sleep(0)
    assert (readers.log, trouble) == (["b cancelled enough"], [])
    readers.waiters.wake()
    await asyncio.wait(tasks)
    assert readers.log == ["b cancelled enough", "a", "c"]
    assert [task.cancelled() for task in tasks] == [False, True, False]


async def test_one_who_is_cancelled_when_it_is_woken_is_cancelled() -> None:
    readers = Readers()
    tasks = [readers.read(name) for name in "abc"]
    await asyncio.sleep(0)
    trouble = told_to_the_loop()
    readers.waiters.wake()
    tasks[1].cancel("late")
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert (readers.log, trouble) == (["a", "b cancelled late", "c"], [])


async def test_one_who_is_cancelled_before_it_waits_is_cancelled() -> None:
    waiters = Waiters()

    async def read() -> None:
        reader.cancel()
        await Waiter(waiters)

    reader = asyncio.create_task(read())
    await asyncio.wait([reader], timeout=1)
    assert reader.cancelled()
    assert len(waiters) == 0


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_of_one_does_not_keep_the_others_asleep(interrupt: type[BaseException]) -> None:
    readers = Readers()

    async def start() -> list[asyncio.Task[None]]:
        tasks = [readers.read("a"), readers.read("b", interrupt()), readers.read("c"), readers.read("d")]
        await asyncio.sleep(0)
        return tasks

    loop = asyncio.new_event_loop()
    try:
        tasks = loop.run_until_complete(start())
        readers.waiters.wake()
        with pytest.raises(interrupt):
            loop.run_until_complete(asyncio.wait(tasks))
        assert readers.log == ["a", "b"]
        loop.run_until_complete(asyncio.wait(tasks))
        assert readers.log == ["a", "b", "c", "d"]
        assert isinstance(tasks[1].exception(), interrupt)
    finally:
        loop.close()


def test_a_task_of_another_loop_cannot_wait() -> None:
    readers = Readers()

    async def wait(seconds: float) -> None:
        await asyncio.wait([readers.read("a")], timeout=seconds)

    here, there = asyncio.new_event_loop(), asyncio.new_event_loop()

    async def fail() -> None:
        await readers.read("b")

    try:
        here.run_until_complete(wait(0))
        with pytest.raises(RuntimeError, match="attached to a different loop"):
            there.run_until_complete(fail())
        readers.waiters.wake()
        here.run_until_complete(asyncio.sleep(0))
        assert readers.log == ["a"]
    finally:
        here.close()
        there.close()


@virtual
async def test_no_batch_is_lost_or_repeated_however_a_reader_is_cancelled() -> None:
    """Once before each step of the loop that there is between two batches."""
    _, flow = told(letters("x" * 200), delay=0.01)
    got: list[Change[Any]] = []
    async with share(flow) as hub, hub.subscribe(policy="every") as changes:
        turns, over = 0, False
        while not over:
            reading = asyncio.ensure_future(anext(changes, None))
            await asyncio.sleep(0.01 * (turns % 2))
            for _ in range(turns % 5):
                await asyncio.sleep(0)
            turns += 1
            reading.cancel()
            await asyncio.wait([reading])
            if not reading.cancelled():
                change = reading.result()
                over = change is None
                got += [] if change is None else [change]
        assert turns > 200
    assert [change.op for change in got] == ["add", *["append"] * 200, "complete", "end"]


@virtual
async def test_a_subscription_that_was_left_keeps_no_task() -> None:
    _, flow = told(letters("xyz"))
    async with share(flow) as hub:
        changes = hub.subscribe()
        reader = asyncio.create_task(all_of(changes))
        await reader
        ref = weakref.ref(reader)
        del reader
        await asyncio.sleep(1)  # the loop holds it, too, until it goes on
        gc.collect()
        assert ref() is None
        assert changes.seq == hub.seq


class Odd:
    """A source whose batches are neither lists nor tuples: their iterators do not tell how many are left."""

    model = None

    def __aiter__(self) -> AsyncIterator[Change[Any]]:
        raise AssertionError

    async def open_batches(self) -> AsyncIterator[Sequence[Change[Any]]]:
        yield UserList([Change[Any]("add", (), []), Change("add", (0,), 1), Change("complete", (0,), 1)])


@virtual
async def test_the_place_of_a_reader_is_known_in_batches_of_any_kind() -> None:
    async with share(Odd()) as hub:
        async with hub.subscribe() as changes:
            await anext(changes)
            assert changes.seq == 1
        rest = await all_of(hub.subscribe(after=1))
        assert [change.op for change in rest] == ["add", "complete", "end"]
