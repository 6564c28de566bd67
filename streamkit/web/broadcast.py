"""`Broadcast`: the frames of one hub, encoded once for all followers who keep up.

    hub --changes--> Broadcast --frames, `pace` apart--> follower, follower, follower

A follower who joins, comes back or fell behind first gets a frame of its own (`catch_up`), which ends at the cursor
where the shared frames go on.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from streamkit.changes.change import Change
from streamkit.errors import StreamkitError
from streamkit.flow import stop
from streamkit.hub.waiters import Waiter, Waiters
from streamkit.web.selection import selected
from streamkit.wire import CompactEncoder
from streamkit.wire.lines import to_line

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from streamkit.hub.hub import Hub
    from streamkit.hub.subscription import Subscription

__all__ = ["Broadcast", "Frame", "broadcast_of"]

_KEPT = 64  # frames that a slow follower may be behind before it gets a merged one


@dataclass(slots=True, eq=False)
class Frame:
    """One frame, ready to be sent.

    Attributes:
        seq: how many changes of the stream lie before its end.
        data: its bytes.
        last: it holds the `end`.
        event: the whole Server-Sent Event, once somebody has made it: it is the same for all followers.
        tagged_event: the same of a connection that follows several runs.
    """

    seq: int
    data: bytes
    last: bool
    event: bytes = b""
    tagged_event: bytes = b""


class Broadcast:
    """Encodes the changes of a hub while somebody follows.

    Args:
        hub: what is followed.
        select: patterns of paths; empty for all.
        pace: seconds between two frames, at least; changes that arrive in between are merged, without loss.
    """

    def __init__(self, hub: Hub[Any], select: tuple[str, ...], pace: float) -> None:
        self._hub, self._select, self._pace = hub, select, pace
        self._encoder = CompactEncoder()
        self._encoder.cursor = ()
        self._frames: deque[Frame] = deque(maxlen=_KEPT)
        self._count = 0  # frames made so far; the last ones are in `_frames`
        self._followers = 0
        self._waiters = Waiters()
        self._hurry = asyncio.Event()
        self._reads: Subscription[Any] | None = None
        self._task: asyncio.Task[None] | None = None

    async def follow(self, after: int | None) -> AsyncGenerator[Frame, None]:
        """Yield frames to the end of the stream.

        Args:
            after: continue after this place in the stream; None begins with a snapshot.
        """
        self._followers += 1
        waiter = Waiter(self._waiters)
        try:
            while True:
                frame, at = await self._join(after)
                yield frame
                # A follower who is too far behind joins again.
                while not frame.last and self._count - at <= len(self._frames):
                    while at == self._count:
                        await waiter
                    if self._count - at > len(self._frames):
                        break
                    frame = self._frames[at - self._count]
                    at, after = at + 1, frame.seq
                    yield frame
                if frame.last:
                    return
        finally:
            self._followers -= 1
            if not self._followers and self._task is not None:
                task, self._task, self._reads = self._task, None, None
                await stop(task)

    async def _join(self, after: int | None) -> tuple[Frame, int]:
        """The frame that brings a follower up to the shared ones, and the number of the next of these."""
        hub = self._hub
        while hub.end is None:
            if self._task is None:
                self._start()
            reads = self._reads
            if reads is not None and reads.seq == hub.seq:
                break
            self._hurry.set()
            await asyncio.sleep(0)
        at = self._count
        # Nothing below waits: the hub stays where the shared frames are.
        if after == hub.seq and hub.end is None:
            return Frame(hub.seq, to_line([[0, list(self._encoder.cursor or ())]]), last=False), at
        return await self._catch_up(after), at

    async def _catch_up(self, after: int | None) -> Frame:
        hub, encoder = self._hub, CompactEncoder()
        items: list[object] = []
        if after is None:
            document = hub.snapshot()
            if document.has(()) or self._select:
                document.end = None
                items = encoder.items(selected([Change("snapshot", (), document)], self._select))
            if hub.end is not None:
                items += encoder.items([Change("end", (), hub.end)])
        else:
            with suppress(Exception):  # a failed stream raises its error behind the end
                async with hub.subscribe(after, batches=True) as batches:
                    changes = (await anext(batches)).changes
                    items = encoder.items(selected(changes, self._select))
        if hub.end is None and encoder.cursor != self._encoder.cursor:
            items.append([0, list(self._encoder.cursor or ())])
        return Frame(hub.seq, to_line(items), last=hub.end is not None)

    def _start(self) -> None:
        self._reads = self._hub.subscribe(self._hub.seq, batches=True)
        self._task = asyncio.get_running_loop().create_task(self._run(self._reads), name="streamkit broadcast")

    async def _run(self, reads: Subscription[Any]) -> None:
        with suppress(StreamkitError):  # its text is in the end, which all followers get
            async with reads as batches:
                async for batch in batches:
                    self._publish(batch.seq, batch.changes)
                    await self._rest()

    def _publish(self, seq: int, changes: Sequence[Change[Any]]) -> None:
        chosen = selected(changes, self._select)
        last = bool(changes) and changes[-1].op == "end"
        self._frames.append(Frame(seq, self._encoder.encode(chosen), last))
        self._count += 1
        self._waiters.wake()

    async def _rest(self) -> None:
        """Let changes gather until the next frame is due, or somebody joins."""
        if not self._pace:
            return
        self._hurry.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace):
                await self._hurry.wait()


_broadcasts: WeakKeyDictionary[Any, dict[tuple[tuple[str, ...], float], Broadcast]] = WeakKeyDictionary()


def broadcast_of(hub: Hub[Any], select: tuple[str, ...], pace: float) -> Broadcast:
    """Return the broadcast of a hub that all followers with these patterns and this pace share."""
    of_hub = _broadcasts.setdefault(hub, {})
    found = of_hub.get((select, pace))
    if found is None:
        found = of_hub[select, pace] = Broadcast(hub, select, pace)
    return found
