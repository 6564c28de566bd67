"""Measuring: CPU time of this process, several rounds, the contenders in turn, medians."""

from __future__ import annotations

import gc
import math
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TypeVar

T = TypeVar("T")

RAW: dict[str, dict[str, list[float]]] = {}
"""What was compared -> contender -> CPU seconds of each round."""


def cpu_times(what: str, contenders: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median CPU seconds of each contender; they take turns, so that a slow spell of the machine hits all."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            gc.collect()
            start = time.process_time()
            run()
            taken[name].append(time.process_time() - start)
    RAW[what] = taken
    return {name: median(times) for name, times in taken.items()}


def cpu_ratios(what: str, contenders: Mapping[str, Callable[[], object]], rounds: int, base: str) -> dict[str, float]:
    """Median over the rounds of each contender's CPU time against that of one of them in the same round.

    For small differences of long times: spells of the machine last longer than a round, and hit both.
    """
    cpu_times(what, contenders, rounds)
    against = RAW[what][base]
    return {name: median(a / b for a, b in zip(times, against, strict=True)) for name, times in RAW[what].items()}


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


def exponent(sizes: Sequence[int], times: Sequence[float]) -> float:
    """The slope of log(time) over log(size): 1 is linear, 2 quadratic (least squares)."""
    xs, ys = [math.log(size) for size in sizes], [math.log(seconds) for seconds in times]
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)
