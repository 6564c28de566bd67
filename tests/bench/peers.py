"""What the libraries do that people use otherwise, with the same chunks of the same document."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from importlib.metadata import version
from typing import Any

import ijson
import json_stream
from aiostream import pipe, stream
from documents import MeetingInfo, chunked
from instructor.dsl.partial import Partial as InstructorPartial
from langchain_core.output_parsers import JsonOutputParser
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput
from pydantic_ai.models.function import FunctionModel

Run = Callable[[], object]

PEERS = ("instructor", "pydantic-ai-slim", "langchain-core", "openai", "ijson", "json-stream", "aiostream")


def versions() -> str:
    """The peers' versions, in one line."""
    return ", ".join(f"{peer} {version(peer)}" for peer in PEERS)


def instructor(text: str, size: int = 4, model: type[BaseModel] = MeetingInfo) -> Run:
    """Instructor's `model_from_chunks`."""
    chunks = chunked(text, size)
    return lambda: _spend(instructor_partials(model, chunks))


def instructor_partials(model: type[BaseModel], chunks: list[str]) -> Iterator[BaseModel]:
    """What it gives: a whole model for each chunk."""
    partials: Iterator[BaseModel] = InstructorPartial[model].model_from_chunks(chunks)  # type: ignore[valid-type]  # a variable
    return partials


def instructor_snapshots(text: str) -> list[BaseModel]:
    """All of them at once."""
    return list(instructor_partials(MeetingInfo, chunked(text)))


def langchain(text: str, size: int = 4, model: type[BaseModel] = MeetingInfo) -> Run:
    """LangChain's JSON parser, which tells JSON Patch and knows no model."""
    chunks = chunked(text, size)
    return lambda: _spend(langchain_patches(chunks))


def langchain_patches(chunks: list[str]) -> Iterator[Any]:
    """What it tells: a patch for each chunk that changes something."""
    return JsonOutputParser(diff=True).transform(iter(chunks))


def openai(text: str, size: int = 4, model: type[BaseModel] = MeetingInfo) -> Run:
    """What the SDK's `.stream()` does with each chunk; the chunks themselves are there already."""
    chunks = [_openai_chunk(piece) for piece in chunked(text, size)]

    def consume() -> None:
        state = ChatCompletionStreamState(input_tools=[], response_format=model)
        for chunk in chunks:
            _spend(iter(state.handle_chunk(chunk)))

    return consume


def _openai_chunk(piece: str) -> ChatCompletionChunk:
    choice = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
    fields = {"id": "1", "created": 1, "model": "m", "object": "chat.completion.chunk", "choices": [choice]}
    return ChatCompletionChunk.model_validate(fields)


def pydantic_ai(text: str, size: int = 4, model: type[BaseModel] = MeetingInfo) -> Run:
    """pydantic-ai's `stream_output`, of a model that says these chunks."""

    async def say(messages: object, info: object) -> AsyncIterator[str]:
        for piece in chunked(text, size):
            yield piece

    agent = Agent(FunctionModel(stream_function=say), output_type=NativeOutput(model))

    async def consume() -> None:
        async with agent.run_stream("") as result:
            async for _ in result.stream_output(debounce_by=None):
                pass

    return lambda: asyncio.run(consume())


def ijson_events(text: str) -> Run:
    """ijson's events, pushed: no schema, and no string before it ends."""
    chunks = [piece.encode() for piece in chunked(text)]

    def consume() -> None:
        events = ijson.sendable_list()
        parser = ijson.parse_coro(events)
        for chunk in chunks:
            parser.send(chunk)
            events.clear()
        parser.close()

    return consume


def json_stream_values(text: str) -> Run:
    """json-stream's values, visited one by one: no schema, and no string before it ends."""
    chunks = [piece.encode() for piece in chunked(text)]
    return lambda: json_stream.visit(iter(chunks), lambda value, path: None)


def aiostream_stages(items: Sequence[int], count: int) -> Run:
    """Items through so many of aiostream's stages."""

    def nothing(item: int) -> None:
        pass

    async def consume() -> None:
        through = stream.iterate(items)
        for _ in range(count):
            through = through | pipe.action(nothing)
        async with through.stream() as told:
            async for _ in told:
                pass

    return lambda: asyncio.run(consume())


def _spend(items: Iterator[object]) -> None:
    for _ in items:
        pass
