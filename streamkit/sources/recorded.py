"""A recorded response body, replayed as it was read: the bytes, the cuts between them, and the pace."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import anyio

__all__ = ["Read", "Recorded", "recorded"]

_EVENT = re.compile(rb".+?(?:\r\n\r\n|\n\n|\r\r|\Z)", re.DOTALL)


class Read(NamedTuple):
    """One read of the recording.

    Attributes:
        at: seconds since the response's headers.
        data: the bytes that came.
    """

    at: float
    data: bytes


def recorded(
    body: str | PathLike[str], *, timing: str | PathLike[str] | None = None, speed: float | None = None
) -> Recorded:
    """A recorded body as a source of bytes, for `for` and `async for`, again and again.

    Args:
        body: the file of the body, for instance `NAME.sse`.
        timing: the file that tells how it was read: a line `[seconds since the headers, bytes]` for each
            read. By default `NAME.timing.jsonl` beside the body; without such a file the body is cut after
            each event, all at once.
        speed: 1.0 replays at the recorded pace, 0.1 ten times slower; None does not wait at all.

    Raises:
        FileNotFoundError: there is no such body, or no such timing.
        ValueError: the timing tells of more or fewer bytes than the body has; or `speed` is not above 0.
    """
    path = Path(body)
    told = Path(timing) if timing is not None else path.with_suffix(".timing.jsonl")
    data = path.read_bytes()
    if timing is None and not told.exists():
        return Recorded([Read(0.0, event) for event in _EVENT.findall(data)], speed=speed)
    return Recorded(_timed(data, told), speed=speed)


class Recorded:
    """A recording, ready to be replayed.

    Attributes:
        reads: what was read, and when.
        speed: how fast it is replayed; None without waiting.
    """

    def __init__(self, reads: list[Read], *, speed: float | None = None) -> None:
        if speed is not None and speed <= 0:
            raise ValueError(f"speed must be above 0, got {speed!r}; None replays without waiting")
        self.reads, self.speed = reads, speed

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(read.data for read in self.reads)

    @property
    def seconds(self) -> float:
        """How long the recording took, from the headers to the last read."""
        return self.reads[-1].at if self.reads else 0.0

    def over(self, seconds: float) -> Recorded:
        """The same recording, replayed in so many seconds; what took no time is spread evenly."""
        if self.seconds:
            return Recorded(self.reads, speed=self.seconds / seconds)
        last = max(len(self.reads) - 1, 1)
        return Recorded([Read(seconds * at / last, read.data) for at, read in enumerate(self.reads)], speed=1.0)

    def __iter__(self) -> Iterator[bytes]:
        start = time.monotonic()
        for read in self.reads:
            if (wait := self._wait(read, start)) > 0:
                time.sleep(wait)
            yield read.data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        start = time.monotonic()
        for read in self.reads:
            if (wait := self._wait(read, start)) > 0:
                await anyio.sleep(wait)
            yield read.data

    def _wait(self, read: Read, start: float) -> float:
        """Seconds until a read is due, by its own time, so that small delays do not add up."""
        return 0.0 if self.speed is None else start + read.at / self.speed - time.monotonic()


def _timed(data: bytes, timing: Path) -> list[Read]:
    reads: list[Read] = []
    start = 0
    for line in timing.read_text("utf-8").splitlines():
        at, size = json.loads(line)
        reads.append(Read(float(at), data[start : start + size]))
        start += size
    if start != len(data):
        raise ValueError(
            f"{timing} tells of {start} bytes, but the body has {len(data)}: they are not of one recording"
        )
    return reads
