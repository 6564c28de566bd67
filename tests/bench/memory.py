"""What a stream keeps: peaks and sums of tracemalloc."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from typing import TypeVar

from documents import MeetingInfo, chunked, users
from measure import cpu_times
from rows import QUICK, ROUNDS, Row

from streamkit import extract
from streamkit.operators import snapshots

T = TypeVar("T")


def traced(make: Callable[[], T]) -> tuple[float, float]:
    """Bytes kept by what `make` returns, and the peak while it was made."""
    gc.collect()
    tracemalloc.start()
    kept = make()
    gc.collect()
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del kept
    return now, peak


def large() -> Iterator[Row]:
    """A long stream, against holding what it comes to, and the text."""
    size = 1_000_000 if QUICK else 10_000_000
    text = users(size)

    def pieces() -> Iterator[str]:
        for at in range(0, len(text), 4):
            yield text[at : at + 4]

    def stream() -> object:
        last: object = None
        for change in pieces() | extract(MeetingInfo):
            last = change.value if not change.path and change.op == "complete" else last
        return last

    def hold() -> object:
        return MeetingInfo.model_validate_json(text), text.encode()

    (_, peak), (held, _) = traced(stream), traced(hold)
    yield Row(
        f"peak of streaming {size // 1_000_000} MB, against holding the result and the text", "<= 1.3", peak / held, "x"
    )


def every_snapshot() -> Iterator[Row]:
    """A consumer that keeps all that it got."""
    text = users(20_000)
    kept, _ = traced(lambda: list(chunked(text) | extract(MeetingInfo) | snapshots()))
    yield Row("holding every snapshot of a 20 KB answer", "<= 20", kept / 1e6, " MB", 1)


def many() -> Iterator[Row]:
    """Pipelines side by side."""
    text = users(2_000)
    pieces = chunked(text)

    def begun(count: int, upto: int) -> list[object]:
        """So many runs, each begun."""
        runs: list[object] = []
        for _ in range(count):
            batches = iter((pieces | extract(MeetingInfo)).batches())
            for _ in range(upto):
                next(batches)
            runs.append(batches)
        return runs

    begun(1, 1)
    yield Row("an idle pipeline", "<= 20", traced(lambda: begun(100, 1))[0] / 100 / 1000, " kB", 1)
    yield Row(
        "each of 1,000 pipelines half way through 2 KB", "<= 50", traced(lambda: begun(1000, 250))[0] / 1e6, " kB", 1
    )
    one = cpu_times(
        {"1": lambda: side_by_side(1, pieces), "1000": lambda: side_by_side(1000, pieces)},
        1 if QUICK else min(ROUNDS, 3),
    )
    yield Row("CPU time of a pipeline among 1,000, against one alone", "<= 1.2", one["1000"] / one["1"], "x")


def side_by_side(count: int, pieces: list[str]) -> None:
    """A thousand runs, so many of them at a time, a chunk of each in turn."""
    for _ in range(1000 // count):
        running = [iter((pieces | extract(MeetingInfo)).batches()) for _ in range(count)]
        while running:
            running = [batches for batches in running if next(batches, None) is not None]


PARTS = (large, every_snapshot, many)
