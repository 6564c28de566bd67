"""debounce: emit once nothing has arrived for some seconds.

debounce(3)
in    a-b-c------d|
out   -------c----(d|)      changes are merged: c is all three
"""

from __future__ import annotations

from streamkit.changes.backlog import Backlog
from streamkit.flow import Batches, Reading, Through, check_seconds, needs_a_loop

__all__ = ["debounce"]


def debounce(quiet: float) -> Through:
    """Wait until nothing has arrived for `quiet` seconds, then emit everything pending as one batch.

    Changes are merged without loss; of other items, only the newest is emitted. When the source ends, the pending items
    are emitted at once. It waits, so it needs `async for`.

    Args:
        quiet: seconds.

    Raises:
        ValueError: `quiet` is not positive.
    """
    check_seconds(quiet, "debounce()")

    async def pump(batches: Batches) -> Batches:
        backlog = Backlog()
        async with Reading(batches, backlog.add, name) as reading:
            while await reading.wait():
                while not reading.over and await reading.wait(quiet):
                    pass
                if backlog:
                    yield backlog.take()
                elif reading.over:
                    break
            reading.finish()

    name = f"debounce({quiet:g})"
    return Through(needs_a_loop(name), name, pump=pump)
