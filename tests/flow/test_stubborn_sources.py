"""Law 8 with sources that swallow a cancellation: what was told to stop accepts no further batch, and is told again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from support.hubs import now, virtual

from streamkit import Change, Flow, SourceFailed, share
from streamkit.flow import stop, stop_all
from streamkit.operators import (
    catch,
    coalesce,
    debounce,
    map_async,
    merge_runs,
    on_end,
    retry_source,
    sample,
    tap,
    throttle,
    timeout,
)
from streamkit.testing import run_virtual

Make = Callable[[list[str]], Any]
FIRST = Change[Any]("add", (), "")
MORE = Change[Any]("append", (), "x")


# -- sources: each swallows what an over-broad `except` swallows -------------------------------------------------


async def goes_on(log: list[str]) -> AsyncIterator[Any]:
    """Yield on after each cancellation, as if nothing had happened."""
    yield FIRST
    try:
        while True:
            try:
                await asyncio.sleep(1)
            except BaseException:  # noqa: BLE001  # the mistake
                log.append("swallowed")
            yield MORE
    finally:
        log.append("closed")


async def waits_again(log: list[str], times: int = 1) -> AsyncIterator[Any]:
    """Wait again after each cancellation, so often, for something that never comes."""
    yield FIRST
    try:
        for _ in range(times):
            try:
                await asyncio.Event().wait()
            except BaseException as error:  # noqa: BLE001  # the mistake
                kept = error
                log.append(f"swallowed {type(kept).__name__}")
        await asyncio.Event().wait()
    finally:
        log.append("closed")


async def waits_for_a_task(log: list[str]) -> AsyncIterator[Any]:
    """Wait for a task that swallows the cancellation, in a `gather`."""
    yield FIRST
    inner = waits_again(log)
    await anext(inner)
    await asyncio.gather(asyncio.ensure_future(asyncio.sleep(0)), asyncio.ensure_future(anext_of(inner)))


async def anext_of(items: AsyncIterator[Any]) -> object:
    return await anext(items)


class Iterated:
    """The same as a class, as providers' streams are."""

    def __init__(self, log: list[str]) -> None:
        self._log, self._count = log, 0

    def __aiter__(self) -> Iterated:
        return self

    async def __anext__(self) -> Any:
        self._count += 1
        if self._count == 1:
            return FIRST
        try:
            await asyncio.Event().wait()
        except BaseException:  # noqa: BLE001  # the mistake
            self._log.append("swallowed")
        return MORE

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self._log.append("closed")


async def converts(log: list[str]) -> AsyncIterator[Any]:
    """Raise another error in place of the cancellation."""
    yield FIRST
    try:
        await asyncio.Event().wait()
    except BaseException as error:
        log.append("closed")
        raise RuntimeError("lost") from error


def again(log: list[str]) -> Any:
    """`waits_again` that swallows three of them."""
    return waits_again(log, 3)


class Fresh:
    """A source that can be read again."""

    def __init__(self, make: Make, log: list[str]) -> None:
        self._make, self._log = make, log

    def __aiter__(self) -> AsyncIterator[Any]:
        items: AsyncIterator[Any] = aiter(self._make(self._log))
        return items


SOURCES: list[Make] = [goes_on, waits_again, again, Iterated, waits_for_a_task, converts]


# -- what leaves them --------------------------------------------------------------------------------------------


async def same(item: object) -> object:
    return item


async def noted(error: object) -> None:
    await asyncio.sleep(1)


def always(error: Exception) -> list[Any]:
    raise AssertionError("a cancelled run is not continued")


PIPELINES: dict[str, Callable[[Any], Flow[Any]]] = {
    "throttle": lambda source: source | throttle(1),
    "debounce": lambda source: source | debounce(0.5),
    "sample": lambda source: source | sample(1),
    "coalesce": lambda source: source | coalesce(),
    "map_async": lambda source: source | map_async(same),
    "two": lambda source: source | throttle(1) | tap(lambda _: None) | map_async(same),
    "timeout": lambda source: source | timeout(first=50, between=50) | throttle(1),
    "merge_runs": lambda source: merge_runs({"a": source}),
    "retry_source": lambda source: source | retry_source(3) | coalesce(),
    "catch": lambda source: source | catch(always) | coalesce(),
    "on_end": lambda source: source | on_end(noted) | coalesce(),
}


@pytest.mark.parametrize("cancelled", [False, True])
@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("make", SOURCES)
def test_leaving_ends(make: Make, name: str, cancelled: bool) -> None:
    async def main() -> None:
        log: list[str] = []

        async def consume() -> None:
            try:
                async with PIPELINES[name](Fresh(make, log)) as items:
                    async for _ in items:
                        if not cancelled:
                            await asyncio.sleep(0.1)  # it reads ahead, and waits
                            break
            except RuntimeError:
                assert make is converts

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.8)
        if cancelled:
            task.cancel()
        await asyncio.wait([task], timeout=20)
        assert task.done()
        assert now() < 10
        assert log[-1] == "closed"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())


@pytest.mark.parametrize("make", [goes_on, waits_again, again, Iterated, waits_for_a_task])
@pytest.mark.parametrize("start", ["cancel", "leave"])
def test_leaving_a_hub_ends(make: Make, start: str) -> None:
    async def main() -> None:
        log: list[str] = []
        async with asyncio.timeout(20):
            async with share(Flow[Change[Any]](make(log))) as hub, hub.subscribe() as changes:
                assert await anext(changes) == FIRST
                await asyncio.sleep(0.1)
                if start == "cancel":
                    hub.cancel()
                    ends: list[Any] = [change.value async for change in changes if change.op == "end"]
                    assert [end.status for end in ends] == ["cancelled"]
        assert now() < 10
        assert log[-1] == "closed"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())


@virtual
async def test_a_cancelled_hub_accepts_no_further_batch() -> None:
    log: list[str] = []
    async with share(Flow[Change[Any]](goes_on(log)), start="eager") as hub:
        await asyncio.sleep(0.5)
        hub.cancel()
        await asyncio.sleep(2)
        assert log == ["swallowed", "closed"]


@pytest.mark.parametrize("make", [goes_on, waits_again, again, Iterated])
def test_a_timeout_comes_though_the_source_swallows_it(make: Make) -> None:
    async def main() -> None:
        log: list[str] = []
        seen: list[Any] = []

        async def read() -> None:
            async with make(log) | timeout(between=0.7) as items:
                async for item in items:
                    seen.append(item)

        with pytest.raises(TimeoutError, match=r"the next item did not arrive within 0\.7 s"):
            await read()
        assert seen == [FIRST, Change("end", (), seen[-1].value)]
        assert now() < 10
        assert log[-1] == "closed"
        assert asyncio.current_task().cancelling() == 0  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess]  # a task runs this

    run_virtual(main())


@virtual
async def test_a_timeout_does_not_swallow_the_cancellation_of_its_consumer() -> None:
    log: list[str] = []

    async def consume() -> None:
        async for _ in waits_again(log) | timeout(between=5):
            pass

    task = asyncio.create_task(consume())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


# -- what cleans up may take its time ----------------------------------------------------------------------------


async def with_finally(log: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(60)
        log.append("closed")


class SlowToLeave:
    def __init__(self, log: list[str]) -> None:
        self._log = log

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(60)
        self._log.append("closed")


async def with_aexit(log: list[str]) -> None:
    async with SlowToLeave(log):
        await asyncio.Event().wait()


async def with_generator(log: list[str]) -> None:
    async def items() -> AsyncIterator[None]:
        await with_finally(log)
        yield

    async for _ in items():
        pass


async def with_inner_task(log: list[str]) -> None:
    await asyncio.ensure_future(with_finally(log))


async def with_gather(log: list[str]) -> None:
    await asyncio.gather(asyncio.ensure_future(with_finally(log)))


async def with_task_group(log: list[str]) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(with_finally(log))


@pytest.mark.parametrize(
    "clean", [with_finally, with_aexit, with_generator, with_inner_task, with_gather, with_task_group]
)
def test_cleaning_up_is_not_cut_short(clean: Callable[[list[str]], Any]) -> None:
    async def main() -> None:
        log: list[str] = []
        tasks = [asyncio.create_task(clean(log)), asyncio.create_task(clean(log))]
        await asyncio.sleep(1)
        await stop_all(tasks)
        assert log == ["closed", "closed"]
        assert now() == 61

    run_virtual(main())


@virtual
async def test_a_task_that_ignores_everything_is_named() -> None:
    freed = asyncio.Event()

    async def deaf() -> None:
        while not freed.is_set():
            try:
                await asyncio.sleep(1000)
            except BaseException:  # noqa: BLE001, S112  # the mistake
                continue

    task = asyncio.create_task(deaf(), name="the deaf one")
    await asyncio.sleep(1)
    with pytest.raises(SourceFailed, match=r"ignored 10 cancellations .*the deaf one.*except Exception"):
        await stop(task)
    assert now() < 10
    freed.set()
    task.cancel()
    await task
