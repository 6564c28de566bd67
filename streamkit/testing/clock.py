"""A clock that jumps: an event loop in which sleeping costs nothing.

    run_virtual(main())                                  # like asyncio.run
    asyncio.Runner(loop_factory=VirtualTimeLoop)         # wherever a loop factory is taken
    anyio.run(main, backend_options={"loop_factory": VirtualTimeLoop})

When nothing is ready to run, the clock goes to the next timer at once. When there is no timer either,
nothing can ever happen again: that is a `Deadlock`, which names the tasks that wait and where.
"""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

__all__ = ["Deadlock", "VirtualTimeLoop", "run_virtual"]

T = TypeVar("T")


class Deadlock(RuntimeError):
    """Every task waits for something that nothing can bring about."""


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time, like `asyncio.run`; return what it returns.

    The clock (`loop.time()`) begins at 0 and counts seconds. Timeouts of asyncio and anyio go by it.

    Raises:
        Deadlock: nothing is ready and nothing is due.
    """
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next timer when nothing else is left to do.

    It knows nothing of what goes on outside: a thread or a peer on the network takes no virtual time, so threads are
    refused, and a test with sockets wants a real loop.
    """

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_JumpingSelector(self._jump))

    def time(self) -> float:
        """Seconds since the loop was made, as far as its tasks can tell."""
        return self._now

    def run_in_executor(self, executor: object, func: Callable[..., object], *args: object) -> NoReturn:
        """Refuse: a thread takes real time, of which this clock knows nothing.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError(f"cannot run {func!r:.80} in a thread: virtual time jumps past it; use a real event loop")

    def _jump(self, seconds: float | None) -> None:
        if seconds is None:
            raise Deadlock(f"deadlock after {self._now:g} s: nothing is ready or due, and {_waiting(self)}")
        # At least the next float, so that a far-off clock still moves.
        self._now = max(self._now + seconds, math.nextafter(self._now, math.inf))


class _JumpingSelector(selectors.BaseSelector):
    """Looks whether anything is ready, and instead of waiting has the clock jump."""

    def __init__(self, jump: Callable[[float | None], None]) -> None:
        self._inner, self._jump = selectors.DefaultSelector(), jump

    def register(self, fileobj: FileDescriptorLike, events: int, data: object = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0)
        if not ready and (timeout is None or timeout > 0):
            self._jump(timeout)
        return ready

    def close(self) -> None:
        self._inner.close()

    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        return self._inner.get_map()


def _waiting(loop: asyncio.AbstractEventLoop) -> str:
    places = sorted(f"{task.get_name()} waits {_place(task)}" for task in asyncio.all_tasks(loop))
    return "; ".join(places) or "no task is left"


def _place(task: asyncio.Task[Any]) -> str:
    """Where a task waits: the innermost frame that can be seen."""
    waiting: Any = task.get_coro()
    frame: Any = None
    while waiting is not None:
        for kind in ("cr", "ag", "gi"):
            if hasattr(waiting, f"{kind}_frame"):
                frame = getattr(waiting, f"{kind}_frame") or frame
                waiting = getattr(waiting, f"{kind}_await", None) or getattr(waiting, f"{kind}_yieldfrom", None)
                break
        else:
            break
    if frame is None:
        return "somewhere"
    return f"in {frame.f_code.co_name} ({frame.f_code.co_filename}:{frame.f_lineno})"
