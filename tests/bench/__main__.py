"""`make bench`: what streamkit costs, beside the libraries that people use otherwise.

Prints a line for each figure: what it is, the target, what was measured. `QUICK=1 make bench` leaves out what
takes long. Timings are CPU seconds of one process; only ratios mean anything from one machine to another.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version

from documents import MeetingInfo, chunked, users
from instructor.dsl.partial import Partial as InstructorPartial
from measure import cpu_times, exponent
from sharing import fan_out, idle, never_reading

from streamkit import extract

QUICK = bool(os.environ.get("QUICK"))
ROUNDS = 3 if QUICK else 7
Row = tuple[str, str, str, bool]


def run(text: str, size: int = 4) -> Callable[[], object]:
    """A whole run of `accumulate | validate | diff` over a text in pieces."""
    flow = chunked(text, size) | extract(MeetingInfo)

    def consume() -> None:
        for _ in flow:
            pass

    return consume


def instructor(text: str) -> Callable[[], object]:
    """What Instructor does with the same chunks."""
    partial, chunks = InstructorPartial[MeetingInfo], chunked(text)

    def consume() -> None:
        for _ in partial.model_from_chunks(chunks):
            pass

    return consume


def growth() -> Iterator[Row]:
    """How cost grows with size, and what a chunk costs."""
    sizes = [10_000, 100_000, 1_000_000] if QUICK else [10_000, 30_000, 100_000, 300_000, 1_000_000]
    texts = {str(size): users(size) for size in sizes}
    times = cpu_times({name: run(text) for name, text in texts.items()}, ROUNDS)
    slope = exponent([len(texts[name]) for name in texts], [times[name] for name in texts])
    yield "growth of accumulate|validate|diff, 10 KB to 1 MB (exponent)", "<= 1.05", f"{slope:.3f}", slope <= 1.05
    per_chunk = times["100000"] / len(chunked(texts["100000"])) * 1e6
    yield "CPU per 4-character chunk at 100 KB", "< 4 us", f"{per_chunk:.2f} us", per_chunk < 4


def against_instructor() -> Iterator[Row]:
    """Instructor reads everything again for each chunk, so the ratio grows with the size."""
    targets = {1_000: 12, 10_000: 80} if QUICK else {1_000: 12, 10_000: 80, 100_000: 1000}
    for size, target in targets.items():
        text = users(size)
        rounds = ROUNDS if size < 100_000 else 1
        times = cpu_times({"instructor": instructor(text), "streamkit": run(text)}, rounds)
        ratio = times["instructor"] / times["streamkit"]
        figure = f"against Instructor's model_from_chunks at {size // 1000} KB"
        yield figure, f">= {target}x", f"{ratio:.0f}x", ratio >= target


def whole() -> Iterator[Row]:
    """Everything in one chunk, against pydantic alone."""
    text = users(100_000)
    contenders = {"streamkit": run(text, len(text)), "pydantic": lambda: MeetingInfo.model_validate_json(text)}
    times = cpu_times(contenders, ROUNDS)
    ratio = times["streamkit"] / times["pydantic"]
    yield "the whole document in one chunk, against model_validate_json", "<= 8x", f"{ratio:.1f}x", ratio <= 8


def sharing() -> Iterator[Row]:
    """Hubs: see sharing.py."""
    for part in (fan_out, idle, never_reading):
        yield from part(ROUNDS)


def main() -> None:
    print(f"Python {sys.version.split()[0]}, instructor {version('instructor')}, pydantic {version('pydantic')}\n")
    print(f"{'figure':66}{'target':>10}{'measured':>12}")
    for part in (growth, against_instructor, whole, sharing):
        for figure, target, measured, met in part():
            print(f"{figure:66}{target:>10}{measured:>12}  {'' if met else 'not met'}".rstrip())


if __name__ == "__main__":
    main()
