"""Recorded streams of real providers, at random byte splits, through real sockets and the SDK's own parsing.

What a stream says is taken out of it a second time, by other means: httpx2's event reader and plain dicts.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeAlias, cast

import httpx2
import openai
import pytest
from support.flows import folded
from support.recorded import FOLDER, OURS, THEIRS

from streamkit import Document, Truncated
from streamkit.operators import accumulate
from streamkit.sources import anthropic_messages, openai_chat, openai_responses
from streamkit.testing import LoopbackServer, random_split

Place: TypeAlias = tuple[int, int | None]
"""Which choice, and which tool call of it; None for its content."""

SPLITS = (7, 60, 600)
"""Into how many pieces a body is cut: each piece is a write to the socket."""


def events(body: bytes, random: Random) -> Iterator[dict[str, Any]]:
    """The data of each event of a body, framed by the HTTP client's own reader."""
    response = httpx2.Response(
        200,
        headers={"content-type": "text/event-stream"},
        content=iter(random_split(body, random)),
        request=httpx2.Request("POST", "http://127.0.0.1/"),
    )
    for event in httpx2.EventSource(response):
        if event.data != "[DONE]":
            yield cast("dict[str, Any]", event.json())


def chat_texts(body: bytes, random: Random) -> dict[Place, str]:
    texts: dict[Place, str] = {}
    for chunk in events(body, random):
        choices: list[Any] = chunk.get("choices") or []
        for choice in choices:
            delta: Any = choice.get("delta") or {}
            calls: list[Any] = delta.get("tool_calls") or []
            pieces: list[tuple[int | None, str | None]] = [(None, delta.get("content"))]
            pieces += [(call["index"], call["function"].get("arguments")) for call in calls]
            for tool, text in pieces:
                if text:
                    place = (choice["index"], tool)
                    texts[place] = texts.get(place, "") + text
    return texts


def responses_texts(body: bytes, random: Random) -> dict[Place, str]:
    """By what the final event says of the whole, not by the deltas."""
    *_, last = events(body, random)
    texts: dict[Place, str] = {}
    for item in last["response"]["output"]:
        if item["type"] == "function_call":
            texts[0, sum(tool is not None for _, tool in texts)] = item["arguments"]
        elif item["type"] == "message":
            texts[0, None] = "".join(part["text"] for part in item["content"])
    return texts


def anthropic_texts(body: bytes, random: Random) -> dict[Place, str]:
    texts: dict[Place, str] = {}
    for event in events(body, random):
        if event["type"] == "content_block_delta":
            delta = event["delta"]
            tool = event["index"] if delta["type"] == "input_json_delta" else None
            text = delta.get("partial_json", delta.get("text", ""))
            texts[event["index"], tool] = texts.get((event["index"], tool), "") + text
    return texts


def check(text: str, document: Document) -> None:
    assert document.end is not None
    try:
        expected = json.loads(text)
    except json.JSONDecodeError:
        assert isinstance(document.end.error, Truncated)
    else:
        assert document.end.status == "complete"
        assert document.value == expected
        assert type(document.value) is type(expected)


def is_json(text: str) -> bool:
    return text.lstrip()[:1] in ("{", "[", '"')


@pytest.mark.parametrize("path", [*OURS, *THEIRS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_recording(path: Path, request: pytest.FixtureRequest) -> None:
    if path.is_relative_to(FOLDER):
        request.getfixturevalue("recordings")
    body = path.read_bytes()
    random = Random(path.name)
    if b"event: message_start" in body:
        check_anthropic(body, random)
    elif b"event: response.created" in body:
        check_wire(body, random, responses=True)
    else:
        check_wire(body, random, responses=False)


def check_anthropic(body: bytes, random: Random) -> None:
    texts: dict[int | None, str] = {}
    blocks = [event["index"] for event in events(body, random) if event["type"] == "content_block_start"]
    for (block, tool), text in anthropic_texts(body, random).items():
        tools = [at for at in blocks if (at, at) in anthropic_texts(body, random)]
        place = None if tool is None else tools.index(block)
        texts[place] = texts.get(place, "") + text
    ends = [event["delta"]["stop_reason"] for event in events(body, random) if event["type"] == "message_delta"]
    asked = [(tool, text, random_split(body, random, pieces=at)) for tool, text in texts.items() for at in SPLITS]
    with (
        LoopbackServer(*[pieces for _, _, pieces in asked] or [[body]]) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        for tool, text, _ in asked:
            # The SDK of the other provider makes the same kind of stream.
            stream = sdk.post("/messages", cast_to=object, stream=True, stream_cls=openai.Stream[object])
            source = anthropic_messages(stream, tool=tool)
            pieces = list(source)
            assert "".join(pieces) == text
            assert source.id
            assert source.model
            assert source.finish.reason == REASONS.get(ends[0], ends[0])
            if is_json(text):
                check(text, folded(pieces | accumulate()))


REASONS = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length"}


def check_wire(body: bytes, random: Random, *, responses: bool) -> None:
    texts = (responses_texts if responses else chat_texts)(body, random)
    asked = [(place, text, pieces) for place, text in texts.items() for pieces in SPLITS]
    bodies = [random_split(body, random, pieces=pieces) for _, _, pieces in asked for _ in range(2)] or [[body]]
    with (
        LoopbackServer(*bodies) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        for place, text, _ in asked:
            objects = read(sdk, place, "sdk", responses=responses)
            pieces = list(objects)
            source = read(sdk, place, "sse", responses=responses)
            joined = list(source)
            assert "".join(pieces) == "".join(joined) == text
            assert source.chunks == objects.chunks == len(pieces)
            # Without a finish reason only the bytes show, by a `[DONE]`, that the answer is complete.
            ended = source.finish.ended if source.finish.reason is None else objects.finish.ended
            assert source.finish == objects.finish._replace(ended=ended)
            assert (source.id, source.model) == (objects.id, objects.model)
            assert all(pieces)
            assert all(joined)
            if is_json(text):
                check(text, folded(pieces | accumulate()))
                check(text, folded(joined | accumulate()))


def read(sdk: openai.OpenAI, place: Place, source: Literal["sdk", "sse"], *, responses: bool) -> Any:
    choice, tool = place
    if responses:
        stream = sdk.responses.create(model="any", input="any", stream=True)
        return openai_responses(stream, tool=tool, source=source)
    chunks = sdk.chat.completions.create(model="any", messages=[], stream=True)
    return openai_chat(chunks, choice=choice, tool=tool, source=source)


def test_every_kind_of_wire_is_there() -> None:
    bodies = [path.read_bytes() for path in OURS]
    assert sum(b"event: response.created" in body for body in bodies) >= 2
    assert sum(len(chat_texts(body, Random(0))) > 1 for body in bodies) >= 2
