"""coalesce: merge changes while the consumer is busy, without loss.

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
    """Merge pending changes while the consumer is busy, and deliver them as one batch.

    Appends to the same string are joined; nothing is dropped. The backlog is never larger than the document and its
    verdicts. Under a plain `for`, nothing can be read while the consumer works: only the changes of one chunk are
    merged.
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
    backlog = Backlog(merge)
    async with Reading(batches, lambda batch: backlog.add(_changes(batch)), "coalesce") as reading:
        while await reading.wait():
            if backlog:
                yield backlog.take()
            elif reading.over:
                break
        reading.finish()


def _changes(batch: Sequence[object]) -> Sequence[Change[object]]:
    """Make sure that all items are changes: others cannot be merged, so the backlog would grow."""
    for item in batch:
        if not isinstance(item, Change):
            raise no_change("coalesce()", item)
    return cast("Sequence[Change[object]]", batch)
