"""All that recorded streams say beside their text: calls, reasons, refusals, usage, through the SDKs, at random splits.

What a recording says is taken out of its lines here, by a reader that shares nothing with the library's.
"""

import json
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeAlias, cast

import anthropic
import openai
import pytest
from support.meeting import DATA, RECORDED
from support.recorded import FOLDER, OURS, THEIRS

from streamkit.sources.answer import Slot
from streamkit.sources.anthropic import messages_pieces
from streamkit.sources.openai import chat_pieces, responses_pieces
from streamkit.sources.pieces import Pieces
from streamkit.testing import LoopbackServer, random_split

Wire: TypeAlias = Literal["chat", "responses", "anthropic"]
Event: TypeAlias = dict[str, Any]

SPLITS = (1, 40, 400)
WORDS = {"end_turn": "stop", "tool_use": "tool_calls", "max_tokens": "length", "completed": "stop"}


@dataclass
class Told:
    """What one recording says."""

    texts: dict[Slot, str] = field(default_factory=lambda: defaultdict(str))
    calls: dict[Slot, tuple[str | None, str | None]] = field(default_factory=dict[Slot, Any])
    reasons: dict[int, str] = field(default_factory=dict[int, str])
    refusals: dict[int, str] = field(default_factory=lambda: defaultdict(str))
    usage: dict[str, Any] | None = None


def events(body: bytes) -> Iterator[Event]:
    for line in body.decode().splitlines():
        if line.startswith("data:") and line[5:].strip() != "[DONE]":
            yield json.loads(line[5:])


def chat(body: bytes) -> Told:
    told = Told()
    for chunk in events(body):
        told.usage = chunk.get("usage") or told.usage
        for choice in cast("list[Event]", chunk["choices"]):
            at: int = choice["index"]
            delta: Event = choice.get("delta") or {}
            told.texts[at, "content"] += delta.get("content") or ""
            told.texts[at, "refusal"] += delta.get("refusal") or ""
            told.refusals[at] += delta.get("refusal") or ""
            told.texts[at, "reasoning"] += delta.get("reasoning_content") or delta.get("reasoning") or ""
            for call in cast("list[Event]", delta.get("tool_calls") or []):
                place = (at, call["index"])
                name, call_id = told.calls.get(place, (None, None))
                told.calls[place] = (name or call["function"].get("name"), call_id or call.get("id"))
                told.texts[place] += call["function"].get("arguments") or ""
            if choice.get("finish_reason"):
                told.reasons[at] = choice["finish_reason"]
    return told


def responses(body: bytes) -> Told:
    """By the last event, which says the whole."""
    *_, last = events(body)
    response = last["response"]
    told = Told(usage=response["usage"], reasons={0: WORDS[response["status"]]})
    for item in cast("list[Event]", response["output"]):
        if item["type"] == "function_call":
            place = (0, len(told.calls))
            told.calls[place] = (item["name"], item["call_id"])
            told.texts[place] = item["arguments"]
        elif item["type"] == "message":
            told.texts[0, "content"] = "".join(part["text"] for part in item["content"])
    return told


def messages(body: bytes) -> Told:
    told = Told(usage={})
    calls: dict[int, Slot] = {}
    for event in events(body):
        told.usage = {**(told.usage or {}), **event.get("message", {}).get("usage", {}), **event.get("usage", {})}
        delta, block = event.get("delta", {}), event.get("content_block", {})
        if block.get("type") == "tool_use":
            place = calls[event["index"]] = (0, len(calls))
            told.calls[place] = (block["name"], block["id"])
        if "partial_json" in delta:
            told.texts[calls[event["index"]]] += delta["partial_json"]
        told.texts[0, "content"] += delta.get("text", "")
        told.texts[0, "reasoning"] += delta.get("thinking", "")
        if reason := delta.get("stop_reason"):
            told.reasons[0] = WORDS.get(str(reason), str(reason))
            if reason == "refusal":
                told.refusals[0] = delta["stop_details"]["explanation"]
    return told


def wire_of(body: bytes) -> Wire:
    if b"event: message_start" in body:
        return "anthropic"
    return "responses" if b"event: response.created" in body else "chat"


READ_BY_HAND = {"chat": chat, "responses": responses, "anthropic": messages}


@contextmanager
def asked(server: LoopbackServer, wire: Wire, source: Literal["sse", "sdk"]) -> Generator[Pieces]:
    """The answer, through the SDK."""
    address: dict[str, Any] = {"base_url": server.base_url, "api_key": "none", "max_retries": 0}
    if wire == "anthropic":
        with anthropic.Anthropic(**address) as claude:
            yield messages_pieces(claude.messages.create(model="any", max_tokens=9, messages=[], stream=True))
        return
    with openai.OpenAI(**address) as sdk:
        if wire == "responses":
            yield responses_pieces(sdk.responses.create(model="any", input="any", stream=True), source)
        else:
            yield chat_pieces(sdk.chat.completions.create(model="any", messages=[], stream=True), source)


def read(pieces: Pieces) -> Told:
    told = Told()
    for place, text in (each for several in pieces for each in several):
        told.texts[place] += text
    answer = pieces.answer
    told.calls = {place: (called.name, called.id) for place, called in answer.calls.items()}
    for choice in {0, *(at for at, _ in told.texts)}:
        finish = answer.finish(choice)
        told.usage = cast("Any", finish.usage)
        if finish.reason is not None:
            told.reasons[choice] = finish.reason
        told.refusals[choice] = finish.refusal or ""
    pieces.close()
    return told


def without_empty(told: Told) -> Told:
    texts = {place: text for place, text in told.texts.items() if text}
    refusals = {choice: text for choice, text in told.refusals.items() if text}
    return Told(texts, told.calls, told.reasons, refusals, told.usage or None)


@pytest.mark.parametrize("path", [*OURS, *THEIRS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_recorded_answer(path: Path, request: pytest.FixtureRequest) -> None:
    if path.is_relative_to(FOLDER):
        request.getfixturevalue("recordings")
    body = path.read_bytes()
    wire, random = wire_of(body), Random(path.name)
    expected = without_empty(READ_BY_HAND[wire](body))
    # Of the anthropic SDK only the bytes are read.
    sources: list[Literal["sse", "sdk"]] = ["sse"] if wire == "anthropic" else ["sse", "sdk"]
    asks: list[tuple[Literal["sse", "sdk"], list[bytes]]] = [
        (source, random_split(body, random, pieces=pieces)) for source in sources for pieces in SPLITS
    ]
    with LoopbackServer(*(cut for _, cut in asks)) as server:
        for source, _ in asks:
            with asked(server, wire, source) as pieces:
                assert without_empty(read(pieces)) == expected


def test_there_is_something_to_read() -> None:
    told = [READ_BY_HAND[wire_of(path.read_bytes())](path.read_bytes()) for path in (RECORDED, *DATA.glob("*.sse"))]
    assert {reason for each in told for reason in each.reasons.values()} == {"stop", "length", "tool_calls"}
    assert max(len(each.calls) for each in told) == 3
    assert sum(each.usage is not None for each in told) >= 3
