"""What a stream keeps: peaks and sums of tracemalloc."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import measure
import peers
from documents import MeetingInfo, chunked, users
from measure import traced
from rows import QUICK, Row

from streamkit import extract
from streamkit.operators import accumulate, completed, snapshots

# Tracing makes every chunk several times dearer, and how the text is cut changes the peak by less than 1 %.
PIECE = 64

COUNTS = (1, 1000) if QUICK else (1, 10, 100, 1000)


def pieces(text: str, size: int) -> Iterator[str]:
    """The text in pieces that do not lie in memory all at once."""
    for at in range(0, len(text), size):
        yield text[at : at + size]


def large() -> Iterator[Row]:
    """A long stream, against holding what it comes to, and the text."""
    yield _peak(200_000 if QUICK else 1_000_000, 4)
    yield _peak(1_000_000 if QUICK else 10_000_000, PIECE)


def _peak(size: int, piece: int) -> Row:
    text = users(size)

    def stream() -> object:
        last: object = None
        for change in pieces(text, piece) | extract(MeetingInfo):
            last = change.value if not change.path and change.op == "complete" else last
        return last

    def hold() -> object:
        return MeetingInfo.model_validate_json(text), text.encode()

    (_, peak), (held, _) = traced(stream), traced(hold)
    figure = f"peak of streaming {size / 1e6:g} MB in {piece}-character chunks, against its result and text"
    return Row(figure, "<= 1.3", peak / held, "x")


def typed_values() -> Iterator[Row]:
    """Items that are let go: whether what was read stays in memory all the same."""
    small, large = (100_000, 1_000_000) if QUICK else (300_000, 3_000_000)

    def peak(size: int) -> float:
        text = users(size)

        def consume() -> None:
            for _ in pieces(text, PIECE) | accumulate() | completed("/users/*", retain=False):
                pass

        return traced(consume)[1]

    figure = f"peak of accumulate|completed('/users/*', retain=False), {large / 1e6:g} MB against {small / 1e6:g} MB"
    yield Row(figure, "<= 1.1", peak(large) / peak(small), "x")


def every_snapshot() -> Iterator[Row]:
    """A consumer that keeps all that it got."""
    text = users(20_000)
    kept, _ = traced(lambda: list(chunked(text) | extract(MeetingInfo) | snapshots()))
    yield Row("holding every snapshot of a 20 KB answer", "<= 20", kept / 1e6, " MB", 1)
    if not QUICK:
        kept, _ = traced(lambda: peers.instructor_snapshots(text))
        yield Row("the same, Instructor's", "", kept / 1e6, " MB", 1)


def many() -> Iterator[Row]:
    """Pipelines side by side."""
    text = users(2_000)
    chunks = chunked(text)

    def begun(count: int, upto: int) -> list[object]:
        """So many runs, each begun."""
        runs: list[object] = []
        for _ in range(count):
            batches = iter((chunks | extract(MeetingInfo)).batches())
            for _ in range(upto):
                next(batches)
            runs.append(batches)
        return runs

    told = sum(1 for _ in (chunks | extract(MeetingInfo)).batches())
    yield Row("an idle pipeline", "<= 20", traced(lambda: begun(100, 1))[0] / 100 / 1000, " kB", 1)
    count = 100 if QUICK else 1000
    each = traced(lambda: begun(count, told - 2))[0] / count / 1000
    yield Row(f"each of {count:,} pipelines just before the end of 2 KB", "<= 50", each, " kB", 1)
    yield from _crowd()


def _crowd() -> Iterator[Row]:
    command = [sys.executable, str(Path(__file__).with_name("crowd.py")), *map(str, COUNTS)]
    taken = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    measure.RAW["pipelines side by side"] = taken
    for name in [*taken][1:]:
        target = "<= 1.2" if name == "1,000" else ""
        ratio = median(taken[name]) / median(taken["1"])
        yield Row(f"CPU time of a pipeline among {name}, against one alone", target, ratio, "x")


PARTS = (large, typed_values, every_snapshot, many)
