"""sample: what came, every so many seconds, by the clock.

sample(3)
in    ab--c-----d|
out   ---b--c----(d|)      changes are merged: b is both
"""

from __future__ import annotations

import asyncio

from streamkit.changes.backlog import Backlog
from streamkit.flow import Batches, Reading, Through, check_seconds, needs_a_loop

__all__ = ["sample"]


def sample(interval: float) -> Through:
    """Hand on what has come at each tick of a clock that starts with the run; nothing if nothing came.

    Changes are merged, and nothing of them is lost; of anything else the newest is handed on. What waits when the
    source ends is handed on without delay. A tick that the consumer was busy at is left out. It waits, so it needs
    `async for`.

    Args:
        interval: seconds from tick to tick.

    Raises:
        ValueError: it is not positive.
    """
    check_seconds(interval, "sample()")

    async def pump(batches: Batches) -> Batches:
        pile = Backlog()
        now = asyncio.get_running_loop().time
        start, tick = now(), 0
        async with Reading(batches, pile.add, name) as reading:
            while pile or not reading.over:
                tick = max(tick, int((now() - start) / interval)) + 1
                await reading.rest(start + tick * interval - now())
                if pile:
                    yield pile.take()
            reading.finish()

    name = f"sample({interval:g})"
    return Through(needs_a_loop(name), name, pump=pump)
