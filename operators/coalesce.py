"""coalesce: merges changes while the consumer is busy, without loss.

in    add /s "a"   append /s "b"   append /s "c"   complete /s      (consumer busy after the first)
out   add /s "a"                   append /s "bc", complete /s
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from streamkit.changes.backlog import Backlog
from streamkit.changes.change import Change
from streamkit.changes.endings import no_change
from streamkit.changes.merge import merge
from streamkit.flow import Batches, Reading, Reason, Through

__all__ = ["coalesce"]


def coalesce() -> Through:
    """Read on while the consumer works, and hand it what piled up as one batch, appends joined.

    Nothing is dropped: what waits is never more than the document and its verdicts. Under a plain `for`
    nothing can be read meanwhile, so only the changes of one chunk are merged.
    """
    return Through(_Coalesce, "coalesce", pump=_pump)


class _Coalesce:
    def feed(self, change: Change[object], /) -> Sequence[Change[object]]:
        return (change,)

    def feed_batch(self, batch: Sequence[Change[object]]) -> Sequence[Change[object]]:
        return merge(_changes(batch))

    def close(self, reason: Reason, /) -> Sequence[Change[object]]:
        return ()


async def _pump(batches: Batches) -> Batches:
    pile = Backlog(merge)
    async with Reading(batches, lambda batch: pile.add(_changes(batch)), "coalesce") as reading:
        while await reading.news():
            if pile:
                yield pile.take()
            elif reading.over:
                break
        reading.finish()


def _changes(batch: Sequence[object]) -> Sequence[Change[object]]:
    """The same; of anything else there is nothing to merge, and what waits would grow."""
    for item in batch:
        if not isinstance(item, Change):
            raise no_change("coalesce()", item)
    return cast("Sequence[Change[object]]", batch)
