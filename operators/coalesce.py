"""coalesce: merges changes while the consumer is busy, without loss.

in    add /s "a"   append /s "b"   append /s "c"   complete /s      (consumer busy after the first)
out   add /s "a"                   append /s "bc", complete /s
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import cast

from streamkit.events import Change
from streamkit.flow import Batches, Reason, Through
from streamkit.merge import merge

__all__ = ["coalesce"]

_SOME = 64  # changes that may wait unmerged


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
        return merge(batch)

    def close(self, reason: Reason, /) -> Sequence[Change[object]]:
        return ()


async def _pump(batches: Batches) -> Batches:
    waiting: list[Change[object]] = []
    merged = 0  # how much of what waits was merged already; doubling keeps the whole linear
    came = asyncio.Event()

    async def read() -> None:
        nonlocal merged
        try:
            async with aclosing(batches):
                async for batch in batches:
                    waiting.extend(cast("Sequence[Change[object]]", batch))
                    if len(waiting) > 2 * merged + _SOME:
                        waiting[:] = merge(waiting)
                        merged = len(waiting)
                    came.set()
        finally:
            came.set()

    reader = asyncio.create_task(read(), name="streamkit coalesce")
    try:
        while not reader.done() or waiting:
            await came.wait()
            came.clear()
            if waiting:
                ready = merge(waiting)
                waiting.clear()
                merged = 0
                yield ready
        await reader
    finally:
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
