"""throttle: at most one batch in so many seconds, without loss.

throttle(3)
in    a--b-c------d|
out   a--b--c-----d|      changes are merged: c may be many
"""

from __future__ import annotations

from streamkit.changes.backlog import Backlog
from streamkit.flow import Batches, Reading, Through, check_seconds, needs_a_loop

__all__ = ["throttle"]


def throttle(interval: float) -> Through:
    """Hand on what comes at once, then nothing for `interval` seconds, then what came meanwhile as one batch.

    Changes are merged, and nothing of them is lost: appends are joined, every verdict stays. Of anything else (models
    from `snapshots()`) the newest is handed on. The source is read all the while. What waits when it ends is handed on
    without delay. It waits, so it needs `async for`.

    Args:
        interval: seconds.

    Raises:
        ValueError: they are not positive.
    """
    check_seconds(interval, "throttle()")

    async def pump(batches: Batches) -> Batches:
        pile = Backlog()
        async with Reading(batches, pile.add, name) as reading:
            while await reading.news():
                if pile:
                    yield pile.take()
                    await reading.rest(interval)
                elif reading.over:
                    break
            reading.finish()

    name = f"throttle({interval:g})"
    return Through(needs_a_loop(name), name, pump=pump)
