"""`stop`: the task has ended when it returns, even if the caller is cancelled."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from streamkit.flow import stop
from streamkit.testing import run_virtual


async def closing(seconds: float, log: list[str]) -> None:
    """Run for ever; take some time to be closed."""
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(seconds)
        log.append("closed")


def test_a_stopped_task_has_ended() -> None:
    async def main() -> None:
        log: list[str] = []
        task = asyncio.create_task(closing(5, log))
        await asyncio.sleep(0)
        await stop(task)
        assert (log, task.cancelled()) == (["closed"], True)
        await stop(task)

    run_virtual(main())


def test_what_the_task_raises_is_not_raised() -> None:
    async def failing() -> None:
        raise OSError("lost")

    async def main() -> None:
        task = asyncio.create_task(failing())
        await asyncio.sleep(0)
        await stop(task)
        assert isinstance(task.exception(), OSError)

    run_virtual(main())


def test_a_cancelled_scope_does_not_cut_it_short() -> None:
    async def main() -> None:
        log: list[str] = []
        task = asyncio.create_task(closing(5, log))
        await asyncio.sleep(0)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await stop(task)
        assert log == ["closed"]

    run_virtual(main())


def test_a_second_cancellation_reaches_the_task_and_is_raised_after_its_end() -> None:
    async def main() -> None:
        log: list[str] = []
        task = asyncio.create_task(closing(5, log))
        await asyncio.sleep(0)
        stopping = asyncio.create_task(stop(task))
        await asyncio.sleep(1)
        stopping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stopping
        assert task.done()
        assert log == []
        assert asyncio.get_running_loop().time() == 1

    run_virtual(main())
