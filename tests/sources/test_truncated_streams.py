"""A stream that was cut never looks complete: every recording, every wire, both sources, at every byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import openai
import pytest
from pydantic import BaseModel
from support.meeting import MESSAGES
from support.recorded import FOLDER, OURS, THEIRS
from support.wires import DONE, choice, event

from streamkit import Change, End, Mode, Truncated, extract, from_openai
from streamkit.errors import EmptyAnswer, StreamkitError
from streamkit.operators import accumulate
from streamkit.sources import anthropic_messages, openai_chat, openai_responses
from streamkit.sources.answer import Reader
from streamkit.sources.anthropic_wire import AnthropicReader
from streamkit.sources.openai_responses_wire import ResponsesReader
from streamkit.sources.openai_wires import ChatReader
from streamkit.sources.pieces import EventWire
from streamkit.testing import LoopbackServer

LAST_WORDS = (
    b'"finish_reason":',
    b"[DONE]",
    b"response.completed",
    b"response.incomplete",
    b"message_stop",
    b"stop_reason",
)


def wire_of(body: bytes) -> tuple[Callable[[], Reader], Any]:
    if b"event: message_start" in body or b'"type":"message_start"' in body:
        return AnthropicReader, anthropic_messages
    if b"response.created" in body or b"response.output" in body:
        return ResponsesReader, openai_responses
    return ChatReader, openai_chat


@pytest.mark.parametrize("path", [*OURS, *THEIRS], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_byte_before_the_providers_last_word_ends_an_answer(path: Path, request: pytest.FixtureRequest) -> None:
    if path.is_relative_to(FOLDER):
        request.getfixturevalue("recordings")
    body = path.read_bytes()
    make, _ = wire_of(body)
    wire = EventWire(make())
    for at in range(len(body)):
        wire.feed(body[at : at + 1])
        if wire.answer.finish().ended:
            # It ends with an event that says so, and only when that event is complete.
            last = body[: at + 1].replace(b"\r\n", b"\n").rstrip().split(b"\n\n")[-1]
            assert any(word in last for word in LAST_WORDS), last
            assert body[at : at + 1] in (b"\n", b"\r")
            break


@pytest.mark.parametrize("path", [*OURS, *THEIRS], ids=lambda path: f"{path.parent.name}/{path.stem}")
@pytest.mark.parametrize("how", ["sse", "sdk"])
def test_cut_bodies_over_a_socket_are_never_complete(path: Path, how: Any, request: pytest.FixtureRequest) -> None:
    if path.is_relative_to(FOLDER):
        request.getfixturevalue("recordings")
    body = path.read_bytes()
    make, source = wire_of(body)
    events = body.replace(b"\r\n", b"\n").split(b"\n\n")
    wire, whole = EventWire(make()), 0
    for whole in range(len(events)):  # how many events come before the one that ends the answer
        wire.feed(events[whole] + b"\n\n")
        if wire.answer.finish().ended:
            break
    random = Random(len(body))
    before = b"\n\n".join(events[:whole]) + b"\n\n"
    cuts = {len(before), *(random.randrange(len(before)) for _ in range(3))}
    with (
        LoopbackServer(*[[before[:cut]] for cut in cuts]) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        for _ in cuts:
            stream = sdk.post("/chat/completions", cast_to=object, stream=True, stream_cls=openai.Stream[Any])
            options = {} if source is anthropic_messages else {"source": how}  # that always reads the bytes
            assert status(source(stream, **options)) != "complete"


def status(source: Any) -> str:
    found: list[Change[object]] = []
    try:
        for change in source | accumulate(ignore_rest=True):
            found.append(change)  # noqa: PERF402  # those before an error count
    except (StreamkitError, json.JSONDecodeError):
        pass
    end = found[-1].value
    assert isinstance(end, End)
    return end.status


class Search(BaseModel):
    limit: int = 10


CALL = {"index": 0, "id": "c", "function": {"name": "Search", "arguments": ""}}


@pytest.mark.parametrize("how", ["sse", "sdk"])
@pytest.mark.parametrize("tail", [[], [choice({})], [event(choices=[], usage={"total_tokens": 1})]])
def test_no_arguments_are_invented_for_a_call_that_was_cut(how: Any, tail: list[bytes]) -> None:
    with (
        LoopbackServer([choice({"tool_calls": [CALL]}), *tail]) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        client = from_openai(sdk, model="m", mode=Mode.TOOLS)
        client.source = how
        with pytest.raises(EmptyAnswer):
            client.stream(Search, messages=MESSAGES).result()
        with pytest.raises(Truncated):
            client.stream_tools([Search], messages=MESSAGES).results()


@pytest.mark.parametrize("how", ["sse", "sdk"])
@pytest.mark.parametrize(
    "reason", ["insufficient_system_resource", "model_length", "sensitive", "SAFETY", "pause_turn", "x"]
)
def test_an_unknown_finish_reason_after_a_complete_call_is_not_good(how: Any, reason: str) -> None:
    call = {**CALL, "function": {"name": "Search", "arguments": '{"limit": 3}'}}
    with (
        LoopbackServer([choice({"tool_calls": [call]}), choice({}, finish_reason=reason), DONE]) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        client = from_openai(sdk, model="m", mode=Mode.TOOLS)
        client.source = how
        with pytest.raises(Truncated, match=reason) as cut:
            client.stream_tools([Search], messages=MESSAGES).results()
        assert cut.value.finish_reason == reason


@pytest.mark.parametrize("how", ["sse", "sdk"])
def test_a_complete_document_without_a_last_word_is_truncated_and_keeps_its_value(how: Any) -> None:
    with (
        LoopbackServer([choice({"content": '{"a": 1}'})]) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        source = openai_chat(sdk.chat.completions.create(model="m", messages=[], stream=True), source=how)
        with pytest.raises(Truncated, match="without a finish reason") as cut:
            (source | extract(dict[str, int])).result_sync()
        assert cut.value.partial == {"a": 1}
