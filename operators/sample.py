"""sample: emit what has arrived at each tick of a clock.

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
    """Emit what has arrived at each tick of a clock that starts with the run; nothing if nothing arrived.

    Changes are merged without loss; of other items, only the newest is emitted. When the source ends, the pending items
    are emitted at once. A tick during which the consumer is busy is skipped. It waits, so it needs `async for`.

    Args:
        interval: seconds from tick to tick.

    Raises:
        ValueError: `interval` is not positive.
    """
    check_seconds(interval, "sample()")

    async def pump(batches: Batches) -> Batches:
        backlog = Backlog()
        now = asyncio.get_running_loop().time
        start, tick = now(), 0
        async with Reading(batches, backlog.add, name) as reading:
            while backlog or not reading.over:
                tick = max(tick, int((now() - start) / interval)) + 1
                await reading.rest(start + tick * interval - now())
                if backlog:
                    yield backlog.take()
            reading.finish()

    name = f"sample({interval:g})"
    return Through(needs_a_loop(name), name, pump=pump)
