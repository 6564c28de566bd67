"""Fixed work, whose instructions are counted: see `instructions.py`.

Uses nothing but public names of whatever streamkit the PYTHONPATH names, so that two commits do the same work.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx2
import openai
from documents import MeetingInfo, chunked, users
from events import chat_events
from sharing import by_hub, ten_each

import streamkit
from streamkit import extract
from streamkit.operators import accumulate
from streamkit.sources import openai_chat

Work = tuple[Callable[[], object], int]
"""One run of it, and the chunks or deliveries in a run."""

CHUNKS = chunked(users(8_000))


def raw_events() -> Work:
    flow = CHUNKS | accumulate()
    return lambda: _spend(flow), len(CHUNKS)


def typed_changes() -> Work:
    flow = CHUNKS | extract(MeetingInfo)
    return lambda: _spend(flow), len(CHUNKS)


def bytes_alone() -> Work:
    """An event a read; nothing is done with it."""
    sdk = _sdk()
    return lambda: _spend(_ask(sdk).response.iter_bytes()), len(CHUNKS)


def bytes_typed() -> Work:
    sdk = _sdk()
    return lambda: _spend((openai_chat(_ask(sdk), source="sse") | extract(MeetingInfo)).batches()), len(CHUNKS)


class Body(httpx2.SyncByteStream):
    """A body that comes an event a read, without a socket."""

    reads = chat_events(CHUNKS)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.reads)


def _sdk() -> openai.OpenAI:
    headers = {"content-type": "text/event-stream"}
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, headers=headers, stream=Body()))
    return openai.OpenAI(base_url="http://test/v1", api_key="none", http_client=httpx2.Client(transport=transport))


def _ask(sdk: openai.OpenAI) -> openai.Stream[Any]:
    return sdk.chat.completions.create(model="m", messages=[], stream=True)


def hub_batches() -> Work:
    """Ten events for each chunk; many more chunks than subscribers, so that what is counted is the delivery."""
    return _hub(whole=True)


def hub_changes() -> Work:
    return _hub(whole=False)


def _hub(*, whole: bool) -> Work:
    batches, readers = ten_each(150), 30
    return lambda: asyncio.run(by_hub(batches, readers, whole=whole)), readers * sum(map(len, batches))


def _spend(items: Iterable[object]) -> None:
    for _ in items:
        pass


WORKLOADS: dict[str, Callable[[], Work]] = {
    "raw events, a chunk": raw_events,
    "typed changes, a chunk": typed_changes,
    "the HTTP client's bytes, an event": bytes_alone,
    "from those bytes to typed changes, an event": bytes_typed,
    "a hub in batches, an event for a subscriber": hub_batches,
    "a hub change by change, an event for a subscriber": hub_changes,
}


def mark() -> None:
    """Have the counting begin anew: a function of the C library that nothing else calls."""
    os.getloadavg()


def main() -> None:
    """Tell which streamkit it is, and each work with its units; do each once between two marks."""
    print(streamkit.__file__)
    for name, make in WORKLOADS.items():
        work, units = make()
        work()
        gc.collect()
        gc.freeze()
        mark()
        work()
        mark()
        print(name, units)


if __name__ == "__main__":
    main()
