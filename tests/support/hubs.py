"""What tests of hubs share: streams to follow, and how to follow them, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from streamkit import Change, Flow
from streamkit.hub import Subscription
from streamkit.testing import Probe, run_virtual
from support.flows import spread

__all__ = ["all_of", "letters", "now", "ops", "slowly", "told", "virtual"]

T = TypeVar("T")


def letters(text: str) -> list[list[Change[Any]]]:
    """The batches of a string that is told letter by letter."""
    batches = [[Change[Any]("add", (), "")], *([Change[Any]("append", (), letter)] for letter in text)]
    return [*batches, [Change("complete", (), text)]]


def told(
    batches: Sequence[Sequence[Change[Any]]],
    then: Any = "end",
    *,
    delay: float = 1.0,
    closing: float = 0.0,
    fails_to_close: Exception | None = None,
) -> tuple[Probe[Any], Flow[Change[Any]]]:
    """A flow of batches, a second apart, and the probe behind it."""
    probe = Probe(batches, then, delay=delay, closing=closing, fails_to_close=fails_to_close)
    return probe, probe | spread()


async def all_of(subscription: Subscription[T] | Flow[T]) -> list[T]:
    """All that a subscription gives, to one who reads at once."""
    async with subscription as items:
        return [item async for item in items]


async def slowly(subscription: Subscription[T], pause: float) -> list[T]:
    """All that a subscription gives, to one who rests after each item."""
    items: list[T] = []
    async with subscription as reading:
        async for item in reading:
            items.append(item)
            await asyncio.sleep(pause)
    return items


def ops(changes: Sequence[Change[Any]]) -> list[str]:
    return [change.op for change in changes]


def now() -> float:
    return asyncio.get_running_loop().time()


def virtual(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run a test in virtual time."""

    def run() -> None:
        run_virtual(test())

    run.__name__ = test.__name__
    return run
