"""What a stream costs: by size, by document, beside other libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import peers
from documents import MeetingInfo, Note, Orders, chunked, note, orders, users
from measure import cpu_times, exponent
from pydantic import BaseModel
from rows import QUICK, ROUNDS, Row

from streamkit import extract
from streamkit.operators import snapshots, tap

Run = Callable[[], object]


def run(text: str, size: int = 4, model: type[BaseModel] = MeetingInfo) -> Run:
    """A whole run of `accumulate | validate | diff` over a text in pieces."""
    flow = chunked(text, size) | extract(model)

    def consume() -> None:
        for _ in flow:
            pass

    return consume


def growth() -> Iterator[Row]:
    """How cost grows with size, and what a chunk costs."""
    sizes = [10_000, 100_000, 1_000_000] if QUICK else [10_000, 30_000, 100_000, 300_000, 1_000_000]
    texts = {str(size): users(size) for size in sizes}
    times = cpu_times({name: run(text) for name, text in texts.items()}, ROUNDS)
    slope = exponent([len(texts[name]) for name in texts], [times[name] for name in texts])
    yield Row("growth of accumulate|validate|diff, 10 KB to 1 MB: the exponent", "<= 1.05", slope, digits=3)
    per_chunk = times["100000"] / len(chunked(texts["100000"])) * 1e6
    yield Row("CPU time of a 4-character chunk at 100 KB", "<= 4", per_chunk, " us")


def against_peers() -> Iterator[Row]:
    """The peers read everything again for each chunk, so the ratio grows with the size."""
    for size, target in {1_000: 12, 10_000: 80, 100_000: 1000}.items():
        if QUICK and size > 10_000:
            continue
        rounds = ROUNDS if size < 100_000 else 1
        ratio = _against(peers.instructor, size, rounds)
        yield Row(f"against Instructor's model_from_chunks at {size // 1000} KB", f">= {target}", ratio, "x", 0)
    for name, peer in {
        "pydantic-ai": peers.pydantic_ai,
        "LangChain diff": peers.langchain,
        "openai .stream()": peers.openai,
    }.items():
        yield Row(f"against {name} at 10 KB", ">= 20", _against(peer, 10_000, 1 if QUICK else 3), "x", 0)


def _against(peer: Callable[[str], Run], size: int, rounds: int) -> float:
    text = users(size)
    times = cpu_times({"peer": peer(text), "streamkit": run(text)}, rounds)
    return times["peer"] / times["streamkit"]


def whole() -> Iterator[Row]:
    """Everything in one chunk, against pydantic alone."""
    text = users(100_000)
    contenders = {"streamkit": run(text, len(text)), "pydantic": lambda: MeetingInfo.model_validate_json(text)}
    times = cpu_times(contenders, ROUNDS)
    ratio = times["streamkit"] / times["pydantic"]
    yield Row("the whole document in one chunk, against model_validate_json", "<= 8", ratio, "x", 1)


def documents() -> Iterator[Row]:
    """Other documents, by the chunk, against the users."""
    flat, deep, long = users(100_000), orders(100_000), note(100_000)
    contenders = {"users": run(flat), "orders": run(deep, model=Orders), "note": run(long, model=Note)}
    times = cpu_times(contenders, ROUNDS)
    users_time = times["users"] / len(flat)
    yield Row(
        "a chunk of 10 unions on 5 levels, against one of the users",
        "<= 2",
        times["orders"] / len(deep) / users_time,
        "x",
    )
    yield Row(
        "a chunk of one 100 KB string, against one of the users", "<= 1.5", times["note"] / len(long) / users_time, "x"
    )


def snapshot() -> Iterator[Row]:
    """One `Partial` for each chunk."""
    if QUICK:
        return
    text = users(100_000)
    flow = chunked(text) | extract(MeetingInfo) | snapshots()

    def consume() -> None:
        for _ in flow:
            pass

    times = cpu_times({"streamkit": consume, "instructor": peers.instructor(text)}, 1)
    yield Row(
        "a Partial for each chunk at 100 KB: how much cheaper than Instructor's",
        ">= 100",
        times["instructor"] / times["streamkit"],
        "x",
        0,
    )


def stage() -> Iterator[Row]:
    """A stage that only passes items on."""
    items = [*range(200_000)]

    def nothing(item: object) -> None:
        pass

    def through(count: int) -> Run:
        flow = items | tap(nothing)
        for _ in range(count - 1):
            flow = flow | tap(nothing)

        def consume() -> None:
            for _ in flow:
                pass

        return consume

    times = cpu_times({"1": through(1), "5": through(5)}, ROUNDS)
    yield Row(
        "a stage that passes items on, per item", "<= 150", (times["5"] - times["1"]) / 4 / len(items) * 1e9, " ns", 0
    )


PARTS = (growth, against_peers, whole, documents, snapshot, stage)
