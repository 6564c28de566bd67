"""What a stream costs: by size, by document, beside other libraries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import peers
from documents import MeetingInfo, Note, Orders, chunked, note, orders, users
from measure import cpu_times, exponent
from pydantic import BaseModel
from rows import QUICK, ROUNDS, Row

from streamkit import extract
from streamkit.operators import accumulate, snapshots, tap

Run = Callable[[], object]


def run(text: str, size: int = 4, model: type[BaseModel] = MeetingInfo) -> Run:
    """A whole run of `accumulate | validate | diff` over a text in pieces."""
    flow = chunked(text, size) | extract(model)
    return lambda: _spend(flow)


def run_snapshots(text: str) -> Run:
    """A `Partial` for each chunk."""
    flow = chunked(text) | extract(MeetingInfo) | snapshots()
    return lambda: _spend(flow)


def run_untyped(text: str) -> Run:
    """`accumulate` alone: no schema."""
    flow = chunked(text) | accumulate()
    return lambda: _spend(flow)


def _spend(items: Iterable[object]) -> None:
    for _ in items:
        pass


def growth() -> Iterator[Row]:
    """How cost grows with size, and what a chunk costs."""
    sizes = [10_000, 100_000, 1_000_000] if QUICK else [10_000, 30_000, 100_000, 300_000, 1_000_000]
    texts = {f"{size:,}": users(size) for size in sizes}
    times = cpu_times("growth, users", {name: run(text) for name, text in texts.items()}, 1 if QUICK else ROUNDS)
    slope = exponent([len(texts[name]) for name in texts], [times[name] for name in texts])
    yield Row("growth of accumulate|validate|diff, 10 KB to 1 MB: the exponent", "<= 1.05", slope, digits=3)
    strings = {f"{size:,}": note(size) for size in sizes}
    long = cpu_times(
        "growth, one string", {name: run(text, model=Note) for name, text in strings.items()}, 1 if QUICK else 3
    )
    slope = exponent([len(strings[name]) for name in strings], [long[name] for name in strings])
    yield Row("the same of one long string", "<= 1.05", slope, digits=3)
    text = texts["100,000"]
    chunks = len(chunked(text))
    yield Row("CPU time of a 4-character chunk at 100 KB", "", times["100,000"] / chunks * 1e6, " us")
    others = {
        "accumulate alone": run_untyped(text),
        "ijson": peers.ijson_events(text),
        "json-stream": peers.json_stream_values(text),
    }
    for name, seconds in cpu_times("a chunk without a schema", others, ROUNDS).items():
        yield Row(f"the same without a schema, {name}", "", seconds / chunks * 1e6, " us")


def against_peers() -> Iterator[Row]:
    """The peers read everything again for each chunk, so the ratio grows with the size."""
    for size, target in {1_000: 12, 10_000: 80}.items():
        ratio = _against("Instructor", peers.instructor, size, ROUNDS)
        yield Row(f"against Instructor's model_from_chunks at {size // 1000} KB", f">= {target}", ratio, "x", 0)
    if not QUICK:
        yield from _at_100_kb()
    for name, peer in {
        "pydantic-ai": peers.pydantic_ai,
        "LangChain diff": peers.langchain,
        "openai .stream()": peers.openai,
    }.items():
        yield Row(f"against {name} at 10 KB", ">= 20", _against(name, peer, 10_000, 1 if QUICK else 3), "x", 0)


def _against(name: str, peer: Callable[[str], Run], size: int, rounds: int) -> float:
    text = users(size)
    times = cpu_times(f"{name} at {size:,}", {"peer": peer(text), "streamkit": run(text)}, rounds)
    return times["peer"] / times["streamkit"]


def _at_100_kb() -> Iterator[Row]:
    """Instructor needs the better part of a minute: once."""
    text = users(100_000)
    peer = cpu_times("Instructor at 100,000", {"peer": peers.instructor(text)}, 1)["peer"]
    ours = cpu_times("streamkit at 100,000", {"changes": run(text), "snapshots": run_snapshots(text)}, ROUNDS)
    yield Row("against Instructor's model_from_chunks at 100 KB", ">= 1000", peer / ours["changes"], "x", 0)
    ratio = peer / ours["snapshots"]
    yield Row("a Partial for each chunk at 100 KB: how much cheaper than Instructor's", ">= 100", ratio, "x", 0)


def whole() -> Iterator[Row]:
    """Everything in one chunk, against pydantic alone."""
    text = users(100_000)
    contenders = {"streamkit": run(text, len(text)), "pydantic": lambda: MeetingInfo.model_validate_json(text)}
    times = cpu_times("the whole document in one chunk", contenders, ROUNDS)
    ratio = times["streamkit"] / times["pydantic"]
    yield Row("the whole document in one chunk, against model_validate_json", "<= 8", ratio, "x", 1)


def documents() -> Iterator[Row]:
    """Other documents, by the chunk, against the users."""
    flat, deep, long = users(100_000), orders(100_000), note(100_000)
    contenders = {"users": run(flat), "orders": run(deep, model=Orders), "note": run(long, model=Note)}
    times = cpu_times("documents of 100 KB", contenders, ROUNDS)
    base = times["users"] / len(flat)
    ratio = times["orders"] / len(deep) / base
    yield Row("a chunk of 10 unions on 5 levels, against one of the users", "<= 2", ratio, "x")
    ratio = times["note"] / len(long) / base
    yield Row("a chunk of one 100 KB string, against one of the users", "<= 1.5", ratio, "x")


def stage() -> Iterator[Row]:
    """A stage that only passes items on: what four more cost where there are two; one alone costs less."""
    items = [*range(50_000 if QUICK else 200_000)]

    def nothing(item: object) -> None:
        pass

    def through(count: int) -> Run:
        flow = items | tap(nothing)
        for _ in range(count - 1):
            flow = flow | tap(nothing)
        return lambda: _spend(flow)

    some = items[:20_000]
    contenders = {"2": through(2), "6": through(6)}
    contenders |= {f"aiostream {count}": peers.aiostream_stages(some, count) for count in (2, 6)}
    times = cpu_times("a stage that passes items on", contenders, ROUNDS)
    ours = (times["6"] - times["2"]) / 4 / len(items) * 1e9
    yield Row("a stage that passes items on, errors named, per item", "<= 150", ours, " ns", 0)
    theirs = (times["aiostream 6"] - times["aiostream 2"]) / 4 / len(some) * 1e9
    yield Row("the same, aiostream's action", "", theirs, " ns", 0)


PARTS = (growth, against_peers, whole, documents, stage)
