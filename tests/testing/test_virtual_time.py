"""`streamkit.testing`: the clock that jumps, marble diagrams, probes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import anyio
import pytest

from streamkit import extract, share
from streamkit.flow import Flow
from streamkit.testing import Deadlock, Probe, VirtualTimeLoop, drawn, marbles, run_virtual

# -- the clock ----------------------------------------------------------------------------------------


def test_sleeping_costs_nothing_and_takes_its_time() -> None:
    async def main() -> list[float]:
        now = asyncio.get_running_loop().time
        times = [now()]
        for seconds in (3600.0, 0.001, 1e6):
            await asyncio.sleep(seconds)
            times.append(now())
        return times

    began = time.monotonic()
    assert run_virtual(main()) == pytest.approx([0, 3600, 3600.001, 1003600.001])
    assert time.monotonic() - began < 60


def test_sleepers_wake_in_order() -> None:
    woken: list[int] = []

    async def sleeper(seconds: int) -> None:
        await asyncio.sleep(seconds)
        woken.append(seconds)

    async def main() -> None:
        await asyncio.gather(*map(sleeper, (5, 1, 3, 2, 4)))

    run_virtual(main())
    assert woken == [1, 2, 3, 4, 5]


def test_a_deadlock_names_who_waits_and_where() -> None:
    async def stuck() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        await asyncio.sleep(7)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(stuck(), name="the stuck one")

    with pytest.raises(Deadlock, match=r"after 7 s.*the stuck one waits in wait \(.*locks\.py"):
        run_virtual(main())


def test_timeouts_of_asyncio_go_by_it() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == pytest.approx(100)


def test_timeouts_of_anyio_go_by_it() -> None:
    async def main() -> float:
        with anyio.move_on_after(50):
            await anyio.sleep_forever()
        with pytest.raises(TimeoutError), anyio.fail_after(50):  # the block is the point
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(anyio.sleep, 1000)
        return anyio.current_time()

    assert anyio.run(main, backend_options={"loop_factory": VirtualTimeLoop}) == pytest.approx(100)


def test_threads_are_refused() -> None:
    with pytest.raises(RuntimeError, match="virtual time jumps past it"):
        run_virtual(asyncio.to_thread(time.sleep, 0))


def test_what_other_tasks_do_at_once_comes_before_the_clock_moves() -> None:
    async def main() -> bool:
        ready = asyncio.Event()
        asyncio.get_running_loop().call_soon(ready.set)
        async with asyncio.timeout(1e-9):
            return await ready.wait()

    assert run_virtual(main())


# -- marbles ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("diagram", ["|", "a|", "a-b-(cd)|", "-(ab|)", "--#", "a(b#)", "(ab)----c|", "-----|"])
def test_what_is_drawn_is_what_was_written(diagram: str) -> None:
    for tick in (1.0, 0.001, 60.0):
        assert run_virtual(drawn(marbles(diagram, tick=tick), tick=tick)) == diagram


def test_spaces_mean_nothing() -> None:
    assert run_virtual(drawn(marbles("a- b -|"))) == "a-b-|"


def test_what_never_ends_is_left_after_some_ticks() -> None:
    assert run_virtual(drawn(marbles("a-b"), ticks=5)) == "a-b--"
    with pytest.raises(Deadlock):
        run_virtual(drawn(marbles("a-b")))


def test_marks_stand_for_values() -> None:
    values = {"a": "hello", "b": {"x": 1}}

    async def main() -> list[object]:
        return [item async for item in marbles("ab|", values)]

    assert run_virtual(main()) == ["hello", {"x": 1}]
    assert run_virtual(drawn(marbles("ab|", values), {"x": "hello", "y": {"x": 1}})) == "xy|"
    with pytest.raises(ValueError, match="no mark for 'hello'"):
        run_virtual(drawn(marbles("a|", values)))


def test_a_diagram_raises_what_it_is_told_to() -> None:
    async def main() -> None:
        async for _ in marbles("a#", error=OSError("lost")):
            pass

    with pytest.raises(OSError, match="lost"):
        run_virtual(main())


def test_a_slow_consumer_does_not_shift_the_source() -> None:
    async def main() -> list[float]:
        times: list[float] = []
        async for _ in marbles("a-b-c|"):
            times.append(asyncio.get_running_loop().time())
            await asyncio.sleep(1.5)
        return times

    assert run_virtual(main()) == [0, 2, 4]


def test_what_comes_between_ticks_is_not_drawn_at_one() -> None:
    with pytest.raises(ValueError, match=r"'b' came after 0\.5 s"):
        run_virtual(drawn(marbles("ab|", tick=0.5)))


@pytest.mark.parametrize("diagram", ["a|b", "(a", "a)", "((a))", "(a-b)", "a#-", "(|a)"])
def test_what_is_no_diagram_is_refused(diagram: str) -> None:
    with pytest.raises(ValueError, match="cannot read the diagram"):
        marbles(diagram)


# -- probes -------------------------------------------------------------------------------------------


def test_a_probe_tells_of_pulls_and_closing() -> None:
    async def main() -> Probe[int]:
        probe = Probe([1, 2, 3])
        async with Flow[int](probe) as items:
            assert [await anext(items), await anext(items)] == [1, 2]
            assert (probe.pulls, probe.closings) == (2, 0)
        assert [item async for item in Flow[int](probe)] == [1, 2, 3]
        probe.check()
        assert [run.given for run in probe.runs] == [2, 3]
        return probe

    probe = run_virtual(main())
    assert (probe.pulls, probe.closings) == (6, 2)


def test_a_probe_tells_of_being_cancelled() -> None:
    async def main() -> None:
        probe = Probe[int]([], "wait", closing=3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1), Flow[int](probe) as items:
                await anext(items)
        assert probe.runs[0].cancelled
        probe.check()
        assert asyncio.get_running_loop().time() == pytest.approx(4)

    run_virtual(main())


def test_a_probe_tells_of_what_nobody_may_do() -> None:
    async def main() -> None:
        never_closed = Probe([1])
        await anext(aiter(never_closed))
        with pytest.raises(AssertionError, match="closed 0 times"):
            never_closed.check()

        hurried = Probe([1, 2], delay=1)
        run = aiter(hurried)
        await asyncio.gather(anext(run), anext(run))
        await run.aclose()
        with pytest.raises(AssertionError, match="pulled while a pull was under way"):
            hurried.check()

        late = Probe([1])
        run = aiter(late)
        await run.aclose()
        await anext(run)
        with pytest.raises(AssertionError, match="pulled after it was closed"):
            late.check()

        thrown = Probe([1])
        run = aiter(thrown)
        with pytest.raises(ZeroDivisionError):
            await run.athrow(ZeroDivisionError())
        await run.aclose()
        with pytest.raises(AssertionError, match="was thrown in"):
            thrown.check()

    run_virtual(main())


def test_a_hub_is_drawn() -> None:
    told = list(["1"] | extract(int))

    async def picture() -> str:
        async with share(told) as hub:
            return await drawn(hub, values={"a": told[0], "c": told[1], "e": told[2]})

    assert run_virtual(picture()) == "(ace|)"


def test_an_error_of_any_kind_is_drawn() -> None:
    def failing() -> Iterator[str]:
        yield "a"
        raise ValueError("of the stream")

    assert run_virtual(drawn(Flow(failing()))) == "(a#)"
