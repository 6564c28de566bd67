"""Many pipelines in one process: a program of its own, since what other libraries left in memory would count, too.

python tests/bench/crowd.py 1 1000     CPU seconds of a thousand pipelines, one and a thousand at a time, as JSON
"""

from __future__ import annotations

import gc
import json
import sys

import measure
from documents import MeetingInfo, chunked, users
from rows import QUICK

from streamkit import extract

_ALL = 1000
_ROUNDS = 1 if QUICK else 5


def side_by_side(count: int, chunks: list[str]) -> None:
    """A thousand runs, so many of them at a time, a chunk of each in turn."""
    for _ in range(_ALL // count):
        running = [iter((chunks | extract(MeetingInfo)).batches()) for _ in range(count)]
        while running:
            running = [batches for batches in running if next(batches, None) is not None]


def main(counts: list[int]) -> None:
    """Print the CPU seconds of each round, by how many run at a time."""
    chunks = chunked(users(2_000))
    gc.collect()
    gc.freeze()  # as in the bench itself
    what = "pipelines side by side"
    measure.cpu_times(what, {f"{n:,}": lambda n=n: side_by_side(n, chunks) for n in counts}, _ROUNDS)
    print(json.dumps(measure.RAW[what]))


if __name__ == "__main__":
    main([int(count) for count in sys.argv[1:]])
