"""debounce: what came, once nothing more has come for so many seconds.

debounce(3)
in    a-b-c------d|
out   -------c----(d|)      changes are merged: c is all three
"""

from __future__ import annotations

from streamkit.changes.backlog import Backlog
from streamkit.flow import Batches, Reading, Through, check_seconds, needs_a_loop

__all__ = ["debounce"]


def debounce(quiet: float) -> Through:
    """Wait until nothing has come for `quiet` seconds, then hand on what piled up as one batch.

    Changes are merged, and nothing of them is lost; of anything else the newest is handed on. What waits when the
    source ends is handed on without delay. It waits, so it needs `async for`.

    Args:
        quiet: seconds.

    Raises:
        ValueError: they are not positive.
    """
    check_seconds(quiet, "debounce()")

    async def pump(batches: Batches) -> Batches:
        pile = Backlog()
        async with Reading(batches, pile.add, name) as reading:
            while await reading.news():
                while not reading.over and await reading.news(quiet):
                    pass
                if pile:
                    yield pile.take()
                elif reading.over:
                    break
            reading.finish()

    name = f"debounce({quiet:g})"
    return Through(needs_a_loop(name), name, pump=pump)
