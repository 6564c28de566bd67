"""Streams of a provider over real sockets: what streamkit adds to the SDK, and what it saves.

The figures are those of the async world, where the SDK is iterated by `async for`; `wires_sync` has the consumers
of the sync one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

import openai
import wires_sync
from documents import MeetingInfo, chunked, users
from events import chat_events
from measure import cpu_ratios, cpu_times
from rows import QUICK, ROUNDS, Row
from server import serving
from tokens import between, parser, teller

from streamkit import extract, from_openai
from streamkit.sources import openai_chat
from streamkit.sources.openai import Deltas
from streamkit.sources.openai_wires import ChatReader, content_alone, fields
from streamkit.sources.pieces import ObjectWire, Pieces

Consumers: TypeAlias = Mapping[str, Callable[[], Any]]

_SIZE = 4_000 if QUICK else 8_000
_MANY = ROUNDS if QUICK else 3 * ROUNDS
"""Rounds where small differences of long times are asked for."""


@contextmanager
def consumers(base_url: str) -> Iterator[Consumers]:
    """What reads one answer of the server, by its name; all in one event loop."""
    every = (objects, body, found, tokens, text, typed, run, object_tokens, object_told, object_text, object_typed)
    with asyncio.Runner() as loop:
        sdk = openai.AsyncOpenAI(base_url=base_url, api_key="none")
        yield {each.__name__: partial(_in, loop, each, sdk) for each in every}
        loop.run(sdk.close())


def _in(loop: asyncio.Runner, consume: Callable[[openai.AsyncOpenAI], Any], sdk: openai.AsyncOpenAI) -> Any:
    return loop.run(consume(sdk))


async def ask(sdk: openai.AsyncOpenAI) -> openai.AsyncStream[Any]:
    return await sdk.chat.completions.create(model="m", messages=[], stream=True)


async def objects(sdk: openai.AsyncOpenAI) -> None:
    """The SDK's plain iteration, with nothing done."""
    async for _ in await ask(sdk):
        pass


async def body(sdk: openai.AsyncOpenAI) -> int:
    """The HTTP client's own bytes, with nothing done; how many reads there were."""
    reads = 0
    async for _ in (await ask(sdk)).response.aiter_bytes():
        reads += 1
    return reads


async def found(sdk: openai.AsyncOpenAI) -> None:
    """The least that can be done: finding the text in each read, as if it could stand nowhere else."""
    async for read in (await ask(sdk)).response.aiter_bytes():
        between(read).decode()


async def tokens(sdk: openai.AsyncOpenAI) -> None:
    """The same, and a JSON parser in C that reads on where it stopped: it shows no open strings, and knows no types."""
    feed = parser()
    async for read in (await ask(sdk)).response.aiter_bytes():
        feed(between(read).replace(b'\\"', b'"'))


async def text(sdk: openai.AsyncOpenAI) -> None:
    """From the bytes to the text in them, which nobody reads."""
    async for _ in openai_chat(await ask(sdk), source="sse"):
        pass


async def typed(sdk: openai.AsyncOpenAI) -> None:
    """From the bytes to typed changes."""
    async for _ in (openai_chat(await ask(sdk), source="sse") | extract(MeetingInfo)).batches():
        pass


async def run(sdk: openai.AsyncOpenAI) -> None:
    """The same by a run of the client, which folds what it reads."""
    async for _ in from_openai(sdk, model="m").stream(MeetingInfo, messages=[]).batches():
        pass


async def object_tokens(sdk: openai.AsyncOpenAI) -> None:
    """The SDK's iteration, and a JSON parser in C that is given the text: see `tokens`."""
    feed = parser()
    async for chunk in await ask(sdk):
        if chunk.choices and (content := chunk.choices[0].delta.content):
            feed(content.encode())


async def object_told(sdk: openai.AsyncOpenAI) -> None:
    """The same, and a tuple for each of its tokens: see `teller`."""
    feed = teller()
    async for chunk in await ask(sdk):
        if chunk.choices and (content := chunk.choices[0].delta.content):
            feed(content.encode())


async def object_text(sdk: openai.AsyncOpenAI) -> None:
    """From the SDK's objects to the text in them, which nobody reads."""
    async for _ in openai_chat(await ask(sdk), source="sdk"):
        pass


async def object_typed(sdk: openai.AsyncOpenAI) -> None:
    """From the SDK's objects to typed changes."""
    async for _ in (openai_chat(await ask(sdk), source="sdk") | extract(MeetingInfo)).batches():
        pass


def sources() -> Iterator[Row]:
    """What streamkit adds to the SDK, and what reading the bytes saves, in both worlds."""
    half = _SIZE // 2  # waiting for each event takes its time
    events = len(chat_events(chunked(users(half))))
    for world, opened in (("async", consumers), ("sync", wires_sync.consumers)):
        # Here the SDK reads without waiting, so its share is the work alone.
        with serving(_SIZE, 10, 0.001) as base_url, opened(base_url) as consume:
            yield from _together(world, consume)
            yield from _objects(world, consume)
        with serving(half, 1, 0.0003) as base_url, opened(base_url) as consume:
            yield from _alone(world, consume, events)
    yield from _in_a_loop_of_its_own()


def _together(world: str, consume: Consumers) -> Iterator[Row]:
    ratios = _turns(f"{world}: 10 events a read", consume, ["objects", "typed", "run"])
    for name, figure in (("typed", "a flow"), ("run", "a run")):
        row = f"{world}: socket to typed changes, 10 events a read, {figure}, of the SDK's iteration"
        yield Row(row, "<= 0.25", ratios[name], "x")


def _objects(world: str, consume: Consumers) -> Iterator[Row]:
    names = ["objects", "object_tokens", "object_told", "object_text", "object_typed"]
    ratios = _turns(f"{world}: the SDK's objects", consume, names)
    for name, figure, target in (
        ("object_text", "openai_chat(source='sdk'), added to the SDK's own iteration", "<= 3"),
        ("object_typed", "the same and extract(Model)", "<= 3"),
        ("object_tokens", "to compare: tokens by a C parser (ijson), added to it", ""),
        ("object_told", "to compare: the same, and a tuple for each token", ""),
    ):
        yield Row(f"{world}: {figure}", target, (ratios[name] - 1) * 100, " %", 1)


def _alone(world: str, consume: Consumers, events: int) -> Iterator[Row]:
    # The bound is one of the async world: there the HTTP client's bytes take twice as much.
    target = "<= 1.15" if world == "async" else ""
    names = ["body", "objects", "found", "tokens", "text", "typed", "run"]
    ratios = _turns(f"{world}: an event a read", consume, names)
    for name, figure, bound in (
        ("typed", "socket to typed changes, an event a read, a flow, of the HTTP client's bytes", target),
        ("run", "the same, a run", target),
        ("text", "the same, the text alone, unread", ""),
        ("found", "the same, finding it in each read, nothing more", ""),
        ("tokens", "the same, finding it, and tokens by a C parser (ijson)", ""),
    ):
        yield Row(f"{world}: {figure}", bound, ratios[name], "x")
    yield Row(f"{world}: the HTTP client's bytes, of the SDK's iteration", "", 1 / ratios["objects"], "x")
    yield Row(f"{world}: events in a read, on average", "", events / consume["body"]())


def _turns(what: str, consume: Consumers, names: Sequence[str]) -> dict[str, float]:
    """CPU time of each of these, against that of the first, taking turns."""
    return cpu_ratios(what, {name: consume[name] for name in names}, _MANY, names[0])


def _in_a_loop_of_its_own() -> Iterator[Row]:
    """What is done with chunks that are there already: nothing else is done meanwhile, so the caches are warm."""
    with serving(_SIZE, 10, 0.001) as base_url, openai.OpenAI(base_url=base_url, api_key="none") as sdk:
        spent = cpu_times("the SDK alone", {"objects": partial(wires_sync.objects, sdk)}, ROUNDS)["objects"]
        chunks = list(wires_sync.ask(sdk))

    def source() -> Deltas:
        wire = ObjectWire(ChatReader(fields), content_alone)
        return Deltas(Pieces(iter(chunks), wire, lambda: None, ""), (0, "content"))

    def consumed() -> None:
        for _ in source():
            pass

    def extracted() -> None:
        for _ in (source() | extract(MeetingInfo)).batches():
            pass

    times = cpu_times("the SDK's objects, made before", {"source": consumed, "typed": extracted}, ROUNDS)
    for name, figure in (("source", "openai_chat(source='sdk')"), ("typed", "the same and extract(Model)")):
        share = times[name] / spent * 100
        yield Row(f"{figure}, in a loop of its own, of the SDK's work on a chunk", "", share, " %", 1)


PARTS = (sources,)
