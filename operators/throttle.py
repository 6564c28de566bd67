"""throttle: emit at most one batch per interval, without loss.

throttle(3)
in    a--b-c------d|
out   a--b--c-----d|      changes are merged: c may be many
"""

from __future__ import annotations

from streamkit.changes.backlog import Backlog
from streamkit.flow import Batches, Reading, Through, check_seconds, needs_a_loop

__all__ = ["throttle"]


def throttle(interval: float) -> Through:
    """Emit what arrives at once, then nothing for `interval` seconds, then everything pending as one batch.

    Changes are merged without loss: appends are joined, every verdict stays. Of other items (models from
    `snapshots()`), only the newest is emitted. The source is read all the time. When it ends, the pending items are
    emitted at once. It waits, so it needs `async for`.

    Args:
        interval: seconds.

    Raises:
        ValueError: `interval` is not positive.
    """
    check_seconds(interval, "throttle()")

    async def pump(batches: Batches) -> Batches:
        backlog = Backlog()
        async with Reading(batches, backlog.add, name) as reading:
            while await reading.wait():
                if backlog:
                    yield backlog.take()
                    await reading.rest(interval)
                elif reading.over:
                    break
            reading.finish()

    name = f"throttle({interval:g})"
    return Through(needs_a_loop(name), name, pump=pump)
