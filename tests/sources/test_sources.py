"""Sources: each wire's dialects, through real sockets; files; recordings and their pace."""

import asyncio
import io
import os
import subprocess
import sys
import time
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import anthropic
import httpx2
import openai
import pytest
from support.meeting import DATA, MEETING, RECORDED, USERS, MeetingInfo, User
from support.wires import DONE, call, choice, event

import streamkit.sources
from streamkit import Change, ConnectionLost, End, Finish, ProviderError, extract
from streamkit.sources import (
    AsyncDeltas,
    Deltas,
    Read,
    Recorded,
    anthropic_messages,
    file,
    openai_chat,
    openai_responses,
    recorded,
)
from streamkit.sources.answer import Called
from streamkit.sources.anthropic_wire import AnthropicReader
from streamkit.sources.openai import responses_pieces
from streamkit.testing import Answer, LoopbackServer, anthropic_events, chat_events

TEXT = '{"name": "Jo", "email": "ö", "twitter": "@"}'


def ask(server: LoopbackServer, *, choice: int = 0, tool: int | None = None) -> tuple[list[str], Finish]:
    """What the SDK's objects give, and what is known in the end; checked against the bytes, and the async world."""
    with openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk:
        told: list[tuple[list[str], Finish]] = []
        for how in HOWS:
            stream = sdk.chat.completions.create(model="m", messages=[], stream=True)
            source = openai_chat(stream, choice=choice, tool=tool, source=how)
            assert isinstance(source, Deltas)
            told.append((list(source), source.finish))
            assert source.chunks == len(told[0][0])
            text, finish = asyncio.run(ask_async(server, choice, tool, how))
            assert as_text(([text], finish)) == as_text(told[-1])
    assert as_text(told[0]) == as_text(told[1])
    return told[0]


HOWS: tuple[Literal["sdk"], Literal["sse"]] = ("sdk", "sse")


def as_text(told: tuple[list[str], Finish]) -> tuple[str, Finish]:
    """The text, and the end; without a reason, only the bytes know from a `[DONE]` that it is the end."""
    texts, finish = told
    return "".join(texts), finish if finish.reason is not None else finish._replace(ended=False)


async def ask_async(
    server: LoopbackServer, choice: int, tool: int | None, how: Literal["sdk", "sse"]
) -> tuple[str, Finish]:
    async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk:
        stream = await sdk.chat.completions.create(model="m", messages=[], stream=True)
        source = openai_chat(stream, choice=choice, tool=tool, source=how)
        assert isinstance(source, AsyncDeltas)
        return "".join([text async for text in source]), source.finish


DIALECTS: dict[str, tuple[list[bytes], list[str], str | None]] = {
    "plain": (chat_events(["a", "b"]), ["a", "b"], "stop"),
    "null and empty content": (
        [choice({"content": None}), choice({"content": ""}), choice({"content": "a"})],
        ["a"],
        None,
    ),
    "no delta, no choices": (
        [event(id="1"), event(id="1", choices=None), choice(None), choice({"content": "a"})],
        ["a"],
        None,
    ),
    "list content": (
        [choice({"content": [{"type": "text", "text": "a"}, {"type": "reference", "text": "b"}, "?"]})],
        ["a"],
        None,
    ),
    "reasoning": (
        [choice({"reasoning_content": "hm", "content": None}), choice({"reasoning": "hm"}), choice({"content": "a"})],
        ["a"],
        None,
    ),
    "other choices": ([choice({"content": "b"}, index=1), choice({"content": "a"})], ["a"], None),
    "no index": ([choice({"content": "a"}, index=None)], ["a"], None),
    "null choices and calls": (
        [event(choices=[None]), choice({"tool_calls": [None]}), choice({"content": "a"})],
        ["a"],
        None,
    ),
    "reason and text at once": ([choice({"content": "a"}, finish_reason="length"), DONE], ["a"], "length"),
    "a null reason after the reason": (
        [choice({"content": "a"}, finish_reason="stop"), choice({"content": ""})],
        ["a"],
        "stop",
    ),
    "an empty reason is none": ([choice({"content": "a"}, finish_reason=""), DONE], ["a"], None),
    "an empty reason after the reason": (
        [choice({"content": "a"}, finish_reason="stop"), choice({"content": ""}, finish_reason="")],
        ["a"],
        "stop",
    ),
    "keep-alives and CRLF": ([b": ping\r\n\r\n", choice({"content": "a"}).replace(b"\n", b"\r\n")], ["a"], None),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialects_of_content(dialect: str) -> None:
    events, expected, reason = DIALECTS[dialect]
    with LoopbackServer(events) as server:
        pieces, finish = ask(server)
    assert (pieces, finish.reason) == (expected, reason)


def named(name: str, arguments: str, which: str | None, index: int | None = 0) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "id": which, "function": {"name": name, "arguments": arguments}}]}


@pytest.mark.parametrize("how", HOWS)
def test_an_id_and_a_model_that_are_empty_at_first(how: Literal["sdk", "sse"]) -> None:
    first = event(id="", model="", choices=[], prompt_filter_results=[])
    events = [first, choice({"content": "a"}), DONE]
    with LoopbackServer(events) as server, openai.OpenAI(base_url=server.base_url, api_key="none") as sdk:
        source = openai_chat(ask_sdk(sdk), source=how)
        assert list(source) == ["a"]
        assert (source.id, source.model) == ("1", "m")


@pytest.mark.parametrize("encoded", [False, True])
async def test_a_body_that_is_encoded_on_the_wire(encoded: bool) -> None:
    events = [choice({"content": "a"}), choice({"content": "é"}), DONE]
    answer = Answer(events)
    if encoded:
        gzip = zlib.compressobj(wbits=31)
        pieces = [gzip.compress(each) + gzip.flush(zlib.Z_SYNC_FLUSH) for each in events]
        answer = Answer([*pieces, gzip.flush()], headers={"Content-Encoding": "gzip"})
    with LoopbackServer(answer, answer) as server:
        with openai.OpenAI(base_url=server.base_url, api_key="none") as sdk:
            assert list(openai_chat(ask_sdk(sdk), source="sse")) == ["a", "é"]
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none") as sdk_too:
            stream = await sdk_too.chat.completions.create(model="m", messages=[], stream=True)
            assert [piece async for piece in openai_chat(stream, source="sse")] == ["a", "é"]


async def test_a_body_that_a_hook_has_read_already() -> None:
    async def aread(response: httpx2.Response) -> None:
        await response.aread()

    hooks: dict[str, list[Any]] = {"response": [httpx2.Response.read]}
    ahooks: dict[str, list[Any]] = {"response": [aread]}
    openai_events, answers = [choice({"content": "a"}), DONE], anthropic_events(["a"])
    asked: Any = {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "x"}], "stream": True}
    with LoopbackServer(openai_events, openai_events, answers, answers) as server:
        url = server.base_url
        with openai.OpenAI(base_url=url, api_key="none", http_client=httpx2.Client(event_hooks=hooks)) as sdk:
            assert list(openai_chat(ask_sdk(sdk), source="sse")) == ["a"]
        http = httpx2.AsyncClient(event_hooks=ahooks)
        async with openai.AsyncOpenAI(base_url=url, api_key="none", http_client=http) as sdk_too:
            stream = await sdk_too.chat.completions.create(model="m", messages=[], stream=True)
            assert [piece async for piece in openai_chat(stream, source="sse")] == ["a"]
        url = url.removesuffix("/v1")
        with anthropic.Anthropic(base_url=url, api_key="none", http_client=httpx2.Client(event_hooks=hooks)) as other:
            create: Any = other.messages.create
            said: anthropic.Stream[Any] = create(**asked)
            assert list(anthropic_messages(said)) == ["a"]
        http = httpx2.AsyncClient(event_hooks=ahooks)
        async with anthropic.AsyncAnthropic(base_url=url, api_key="none", http_client=http) as other_too:
            create = other_too.messages.create
            said_too: anthropic.AsyncStream[Any] = await create(**asked)
            assert [piece async for piece in anthropic_messages(said_too)] == ["a"]


CALLS: dict[str, tuple[list[bytes], int, list[str]]] = {
    "in pieces": ([choice(call("", id="c", type="function")), choice(call('{"')), choice(call('}"'))], 0, ['{"', '}"']),
    "id on every chunk": ([choice(call("{", id="c")), choice(call("}", id="c"))], 0, ["{", "}"]),
    "ids that change": ([choice(call("{", id="c")), choice(call("}", id="d"))], 0, ["{", "}"]),
    "id and name on every chunk": ([choice(named("f", "{", "c")), choice(named("f", "}", "c"))], 0, ["{", "}"]),
    "a name before the id": ([choice(named("f", "{", None)), choice(named("f", "}", "c"))], 0, ["{", "}"]),
    "always index 0": ([choice(named("f", "{}", "c")), choice(named("g", "[", "d")), choice(call("]"))], 1, ["[", "]"]),
    "always index 0, the same tool": ([choice(named("f", "{}", "c")), choice(named("f", "[]", "d"))], 1, ["[]"]),
    "never an index": (
        [choice(named("f", "{}", "c", None)), choice(named("g", "[", "d", None)), choice(call("]", index=None))],
        1,
        ["[", "]"],
    ),
    "never an index, by turns": (
        [
            choice(
                {"tool_calls": [*named("f", "{", "c", None)["tool_calls"], *named("g", "[", "d", None)["tool_calls"]]}
            ),
            choice(call("}", index=None, id="c")),
            choice(call("]", index=None, id="d")),
        ],
        1,
        ["[", "]"],
    ),
    "always index 0, by turns": (
        [choice(named("f", text, which)) for text, which in (("{", "c"), ("[", "d"), ("}", "c"), ("]", "d"))],
        0,
        ["{", "}"],
    ),
    "always index 0, in pieces": (
        [
            choice(each)
            for name, which in (("f", "c"), ("g", "d"))
            for each in (named(name, "", which), call("1"), call("2"), call("3"))
        ],
        1,
        ["1", "2", "3"],
    ),
    "index 0 twice, then 1": (
        [choice(named("f", "{}", "c")), choice(named("f", "[]", "d")), choice(named("f", "3", "e", 1))],
        2,
        ["3"],
    ),
    "whole in one chunk": ([choice(call("{}", id="c"), finish_reason="tool_calls")], 0, ["{}"]),
    "null arguments first": ([choice(call(None, id="c")), choice(call("{}"))], 0, ["{}"]),
    "no function": ([choice({"tool_calls": [{"index": 0, "id": "c"}]}), choice(call("{}"))], 0, ["{}"]),
    "no index": ([choice(call("{}", index=None))], 0, ["{}"]),
    "no index, two in one chunk": (
        [choice({"tool_calls": [{"function": {"arguments": "{}"}}, {"function": {"arguments": "[]"}}]})],
        1,
        ["[]"],
    ),
    "an object for arguments": ([choice(call({"a": 1}))], 0, ['{"a":1}']),
    "content beside": ([choice({"content": "I call", **call("{}")})], 0, ["{}"]),
    "the second of two": (
        [choice(call("{", index=0)), choice(call("[", index=1)), choice(call("]", index=1))],
        1,
        ["[", "]"],
    ),
    "two in one chunk": (
        [choice({"tool_calls": [*call("{}", index=0)["tool_calls"], *call("[]", index=1)["tool_calls"]]})],
        1,
        ["[]"],
    ),
}


@pytest.mark.parametrize("dialect", CALLS)
def test_dialects_of_tool_calls(dialect: str) -> None:
    events, tool, expected = CALLS[dialect]
    with LoopbackServer(events) as server:
        pieces, _ = ask(server, tool=tool)
    assert pieces == expected


def test_usage_and_refusal() -> None:
    refusal = [choice({"content": None, "refusal": ""}), choice({"refusal": "I'm"}), choice({"refusal": " sorry"})]
    usage = event(id="1", choices=[], usage={"total_tokens": 3})
    with LoopbackServer([*refusal, choice({}, finish_reason="stop"), usage, DONE]) as server:
        assert ask(server) == ([], Finish("stop", {"total_tokens": 3}, "I'm sorry"))
        with openai.OpenAI(base_url=server.base_url, api_key="none") as sdk:
            stream = sdk.chat.completions.create(model="m", messages=[], stream=True)
            *_, last = openai_chat(stream) | extract(User)
    end = cast("End", last.value)
    assert end.status == "refused"
    assert str(end.error) == "I'm sorry"


def test_choices_and_calls_of_real_recordings() -> None:
    for choice_index in (0, 1):
        assert parsed("chat_n2", MeetingInfo, choice=choice_index) == MEETING
    assert parsed("chat_tool_required", MeetingInfo, tool=0) == MEETING
    assert [parsed("chat_tool_parallel", User, tool=at) for at in range(3)] == USERS
    assert parsed("responses_json_schema", MeetingInfo) == MEETING
    assert [parsed("responses_tool", User, tool=at) for at in range(3)] == USERS


def parsed(name: str, model: type[Any], **place: Any) -> object:
    with (
        LoopbackServer(recorded(DATA / f"{name}.sse")) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none") as sdk,
    ):
        if name.startswith("responses"):
            source: Any = openai_responses(sdk.responses.create(model="m", input="", stream=True), **place)
        else:
            source = openai_chat(sdk.chat.completions.create(model="m", messages=[], stream=True), **place)
        result = (source | extract(model)).result_sync()
        assert source.id
        assert source.model == "meeting"
        assert source.finish.reason in ("stop", "tool_calls")
        return result


def response(kind: str, **more: Any) -> bytes:
    status = kind.removeprefix("response.")
    return event(type=kind, response={"id": "r", "model": "m", "status": status, "output": [], **more})


def text_delta(text: str, item: str = "a") -> bytes:
    return event(type="response.output_text.delta", item_id=item, delta=text)


def ask_responses(events: list[bytes], tool: int | None = None) -> tuple[list[str], Finish]:
    with (
        LoopbackServer(events) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        told: list[tuple[list[str], Finish]] = []
        for how in HOWS:
            source = openai_responses(sdk.responses.create(model="m", input="", stream=True), tool=tool, source=how)
            told.append((list(source), source.finish))
    assert as_text(told[0]) == as_text(told[1])
    return told[0]


def test_responses_end_in_the_words_of_chat() -> None:
    done = response("response.completed", usage={"total_tokens": 3})
    cut = response("response.incomplete", incomplete_details={"reason": "max_output_tokens"})
    filtered = response("response.incomplete", incomplete_details={"reason": "content_filter"})
    assert ask_responses([text_delta("a"), done]) == (["a"], Finish("stop", {"total_tokens": 3}))
    assert ask_responses([text_delta("a"), cut]) == (["a"], Finish("length"))
    assert ask_responses([text_delta("a"), filtered]) == (["a"], Finish("content_filter"))
    assert ask_responses([text_delta("a")]) == (["a"], Finish(ended=False))
    refused = event(type="response.refusal.delta", item_id="a", delta="no")
    assert ask_responses([refused, done]) == ([], Finish("stop", {"total_tokens": 3}, "no"))


def test_responses_items_are_known_by_id() -> None:
    def arguments(item: str, text: str, kind: str = "delta") -> bytes:
        told = {"delta": text} if kind == "delta" else {"arguments": text}
        return event(type=f"response.function_call_arguments.{kind}", item_id=item, **told)

    added = event(type="response.output_item.added", item={"id": "y", "type": "function_call", "name": "f"})
    events = [
        text_delta("t"),
        added,
        arguments("x", "{"),
        arguments("y", "["),
        arguments("x", "}"),
        arguments("y", "]"),
    ]
    assert ask_responses(events, tool=0)[0] == ["[", "]"]
    assert ask_responses(events, tool=1)[0] == ["{", "}"]
    assert ask_responses([*events, text_delta("u", "b")])[0] == ["t"]
    whole = [arguments("x", "{}", "done"), event(type="response.output_text.done", item_id="a", text="t")]
    assert ask_responses(whole, tool=0)[0] == ["{}"]
    assert ask_responses(whole)[0] == ["t"]
    assert ask_responses([arguments("x", "{}"), arguments("x", "{}", "done")], tool=0)[0] == ["{}"]


def arguments(text: str, **told: Any) -> bytes:
    return event(type="response.function_call_arguments.delta", delta=text, **told)


def message_text(text: str, **told: Any) -> bytes:
    return event(type="response.output_text.delta", delta=text, **told)


def item_told(kind: str, item: dict[str, Any], **told: Any) -> bytes:
    return event(type=f"response.output_item.{kind}", item=item, **told)


def a_call(call: str | None = None, **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "name": "f", "arguments": "", "call_id": call, **more}


def a_message(*parts: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": list(parts), **more}


def ends_with(*output: Any) -> bytes:
    return event(type="response.completed", response={"id": "r", "status": "completed", "output": list(output)})


SAYS, SAYS_MORE = {"type": "output_text", "text": "te"}, {"type": "output_text", "text": "xt"}
REFUSES = {"type": "refusal", "refusal": "no"}
THINKS = {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
SUMS_UP = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
A, B = a_call("a"), a_call("b")
A_WHOLE, B_WHOLE = a_call("a", arguments="{}", id="x"), a_call("b", arguments="[]", id="y")
TWO_CALLS: dict[int | str, str] = {0: "{}", 1: "[]"}

ITEMS: dict[str, tuple[list[bytes], dict[int | str, str]]] = {
    "deltas by the id of the call": (
        [
            item_told("added", A),
            item_told("added", B),
            arguments("{", item_id="a"),
            arguments("[", item_id="b"),
            arguments("}", item_id="a"),
            arguments("]", item_id="b"),
        ],
        TWO_CALLS,
    ),
    "deltas by an id that was not told": (
        [
            item_told("added", a_call()),
            arguments("{", item_id="x"),
            arguments("}", item_id="x"),
            item_told("added", a_call()),
            arguments("[", item_id="y"),
            arguments("]", item_id="y"),
        ],
        TWO_CALLS,
    ),
    "a text whose ids are new": (
        [
            item_told("added", a_message(id="1"), output_index=0),
            message_text("te", item_id="2", output_index=0),
            message_text("xt", item_id="3", output_index=0),
            event(type="response.output_text.done", text="text", item_id="4", output_index=0),
            item_told("done", a_message(SAYS, SAYS_MORE, id="5"), output_index=0),
            ends_with(a_message(SAYS, SAYS_MORE, id="6")),
        ],
        {"content": "text"},
    ),
    "calls whose ids are new": (
        [
            item_told("added", {"type": "reasoning", "id": "0"}, output_index=0),
            item_told("added", a_call("a", id="1"), output_index=1),
            arguments("{", item_id="2", output_index=1),
            item_told("added", a_call("b", id="3"), output_index=2),
            arguments("[", item_id="4", output_index=2),
            arguments("}", item_id="5", output_index=1),
            arguments("]", item_id="6", output_index=2),
            item_told("done", a_call("a", id="7", arguments="{}"), output_index=1),
            ends_with(a_call(None, id="8", arguments="{}"), a_call("b", id="9", arguments="[]")),
        ],
        TWO_CALLS,
    ),
    "indices alone": (
        [
            arguments("{", output_index=1),
            arguments("[", output_index=2),
            arguments("}", output_index=1),
            arguments("]", output_index=2),
        ],
        TWO_CALLS,
    ),
    "neither indices nor ids": (
        [
            item_told("added", a_call()),
            arguments("{"),
            arguments("}"),
            item_told("added", a_call()),
            arguments("[]"),
            item_told("done", a_call(arguments="[]")),
        ],
        TWO_CALLS,
    ),
    "empty deltas by an id that was not told": (
        [
            item_told("added", a_call()),
            item_told("added", a_call()),
            arguments("", item_id="x"),
            arguments("", item_id="y"),
            arguments("{}", item_id="x"),
            arguments("[]", item_id="y"),
        ],
        TWO_CALLS,
    ),
    "a call that was never added": (
        [item_told("added", A), arguments("{}", item_id="a"), arguments("[]", item_id="y")],
        TWO_CALLS,
    ),
    "an item that is added twice": (
        [item_told("added", a_call(id="x")), item_told("added", a_call("a", id="x")), arguments("{}", item_id="x")],
        {0: "{}"},
    ),
    "an output in another order": (
        [
            item_told("added", a_call("a", id="x")),
            item_told("added", a_call("b", id="y")),
            arguments("{}", item_id="x"),
            ends_with(B_WHOLE, A_WHOLE),
        ],
        TWO_CALLS,
    ),
    "one index for all": (
        [
            item_told("added", a_call("a", id="x"), output_index=0),
            item_told("added", a_call("b", id="y"), output_index=0),
            arguments("{", item_id="x", output_index=0),
            arguments("[", item_id="y", output_index=0),
            arguments("}", item_id="x", output_index=0),
            arguments("]", item_id="y", output_index=0),
        ],
        TWO_CALLS,
    ),
    "one id for all": (
        [
            item_told("added", a_call("a", id="x"), output_index=0),
            item_told("added", a_call("b", id="x"), output_index=1),
            arguments("{", item_id="x", output_index=0),
            arguments("[", item_id="x", output_index=1),
            arguments("}", item_id="x", output_index=0),
            arguments("]", item_id="x", output_index=1),
        ],
        TWO_CALLS,
    ),
    "an index that is not the item's": (
        [
            item_told("added", a_call("a", id="x"), output_index=1),
            arguments("{", item_id="x", output_index=0),
            arguments("}", item_id="x", output_index=0),
        ],
        {0: "{}"},
    ),
    "an item that is added after its text": (
        [arguments("{", item_id="x"), item_told("added", a_call(id="x")), arguments("}", item_id="x")],
        {0: "{}"},
    ),
    "items that are done": (
        [
            item_told("done", A_WHOLE),
            item_told("done", B_WHOLE),
            item_told("done", a_message(SAYS, SAYS_MORE)),
            item_told("done", THINKS),
            ends_with(A_WHOLE, B_WHOLE, a_message(SAYS, SAYS_MORE), THINKS),
        ],
        {**TWO_CALLS, "content": "text", "reasoning": "hm"},
    ),
    "a response that is done": (
        [ends_with(THINKS, a_message(SAYS, SAYS_MORE), A_WHOLE, None, a_message(SAYS), B_WHOLE)],
        {**TWO_CALLS, "content": "text", "reasoning": "hm"},
    ),
    "a refusal that is done": (
        [event(type="response.refusal.done", item_id="x", refusal="no"), ends_with(a_message(REFUSES, id="x"))],
        {"refusal": "no"},
    ),
    "a refusal after a text": (
        [message_text("te", item_id="x"), item_told("done", a_message(SAYS, REFUSES, id="x"))],
        {"content": "te", "refusal": "no"},
    ),
    "a refusal in the end": ([ends_with(a_message(REFUSES))], {"refusal": "no"}),
    "reasoning that is done": (
        [event(type="response.reasoning_text.done", item_id="x", text="hm"), item_told("done", {**THINKS, "id": "x"})],
        {"reasoning": "hm"},
    ),
    "a summary that is done": (
        [
            event(type="response.reasoning_summary_text.done", item_id="x", summary_index=0, text="h"),
            event(type="response.reasoning_summary_text.delta", item_id="x", summary_index=1, delta="m"),
            event(type="response.reasoning_summary_text.done", item_id="x", summary_index=1, text="m"),
            ends_with({**SUMS_UP, "id": "x"}),
        ],
        {"reasoning": "hm"},
    ),
    "reasoning that comes again as a summary": (
        [event(type="response.reasoning_text.delta", item_id="x", delta="hm"), ends_with(SUMS_UP)],
        {"reasoning": "hm"},
    ),
    "parts that are done": (
        [
            message_text("te", item_id="x", content_index=0),
            event(type="response.output_text.done", item_id="x", content_index=0, text="te"),
            event(type="response.output_text.done", item_id="x", content_index=1, text="xt"),
        ],
        {"content": "text"},
    ),
    "arguments where the call is added": ([item_told("added", A_WHOLE), ends_with()], {0: "{}"}),
    "arguments where it is added, and again": (
        [item_told("added", A_WHOLE), arguments("{", item_id="x"), arguments("}", item_id="x"), ends_with(A_WHOLE)],
        {0: "{}"},
    ),
    "arguments that begin where the call is added": (
        [item_told("added", a_call(id="x", arguments="{")), arguments("}", item_id="x"), ends_with()],
        {0: "{}"},
    ),
    "no arguments where it is added": (
        [item_told("added", A_WHOLE), arguments('{"a": 1}', item_id="x"), ends_with()],
        {0: '{"a": 1}'},
    ),
}


@pytest.mark.parametrize("dialect", ITEMS)
def test_dialects_of_items(dialect: str) -> None:
    events, expected = ITEMS[dialect]
    with (
        LoopbackServer(events) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        for how in HOWS:
            texts: dict[int | str, str] = {}
            pieces = responses_pieces(sdk.responses.create(model="m", input="", stream=True), how)
            for (_, where), text in (each for several in pieces for each in several):
                texts[where] = texts.get(where, "") + text
            assert texts == expected
            assert len(pieces.answer.calls) == sum(isinstance(where, int) for where in texts)
            assert pieces.answer.finish().refusal == expected.get("refusal")


def test_a_call_that_is_told_in_the_end_alone_has_its_name() -> None:
    for told in (item_told("done", A_WHOLE), ends_with(A_WHOLE)):
        with (
            LoopbackServer([told, ends_with({"type": "function_call", "id": "x"})]) as server,
            openai.OpenAI(base_url=server.base_url, api_key="none") as sdk,
        ):
            pieces = responses_pieces(sdk.responses.create(model="m", input="", stream=True))
            assert [piece for several in pieces for piece in several] == [((0, 0), "{}")]
            assert pieces.answer.calls == {(0, 0): Called("f", "a")}


FAULTS: dict[str, tuple[list[bytes], str]] = {
    "an error object": ([event(error={"message": "overloaded"})], "overloaded"),
    "an error beside choices": ([choice({"content": "2"}, error={"message": "overloaded"})], "overloaded"),
    "an error that is a word": ([event(error="overloaded")], "error"),
    "an event named error": ([b"event: error\n" + event(message="overloaded", code=503)], "error: overloaded"),
    "an object called error": ([event(object="error", message="overloaded")], "error: overloaded"),
    "an object called error, without a message": ([event(object="error", code=503)], "error: .*503"),
    "usage that is a number": ([event(choices=[], usage=5)], r"not as expected .*usage"),
    "a choice that is a number": ([event(choices=[5])], r"not as expected .*choices.*5"),
    "an index that is a list": ([choice(call("{}", index=cast("Any", [1])))], r"not as expected .*unhashable"),
    "a malformed event": ([b"data: {nonsense\n\n"], "JSON|Expecting property name"),
}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_inside_the_stream_is_a_failed_source(fault: str, how: Literal["sdk", "sse"]) -> None:
    events, said = FAULTS[fault]
    answer = [b"".join([choice({"content": "{"}), *events, choice({"content": "}"})])]
    with LoopbackServer(answer) as server, openai.OpenAI(base_url=server.base_url, api_key="none") as sdk:
        told: list[Change[User]] = []
        changes = iter(openai_chat(ask_sdk(sdk), source=how) | extract(User))
        with pytest.raises(ProviderError, match=said) as caught:
            told.extend(next(changes) for _ in range(9))
    assert [change.op for change in told] == ["add", "end"]
    assert cast("End", told[1].value).status == "failed"
    assert "raised by the source" in caught.value.__notes__[0]


def ask_sdk(sdk: openai.OpenAI) -> openai.Stream[Any]:
    return sdk.chat.completions.create(model="m", messages=[], stream=True)


@pytest.mark.parametrize("how", HOWS)
def test_what_is_no_stream_of_events_is_told(how: Literal["sdk", "sse"]) -> None:
    page = Answer([b"<!doctype html>", b"<p>Hello\n\n"], content_type="text/html")
    whole = Answer([b'{"object": "chat.completion", "choices": []}'], content_type="application/json")
    with LoopbackServer(page, whole) as server, openai.OpenAI(base_url=server.base_url, api_key="none") as sdk:
        with pytest.raises(ProviderError, match=r"no event.*text/html, from http://127.*is base_url right"):
            list(openai_chat(ask_sdk(sdk), source=how))
        with pytest.raises(ProviderError, match=r"no event.*application/json"):
            list(openai_chat(ask_sdk(sdk), source=how))


async def test_a_body_without_events_is_shown() -> None:
    error = Answer([b'{"error": {"message": "quota ', "é".encode()[:1], "é".encode()[1:], b'"}}' + b" " * 999])
    error = replace(error, content_type="application/json; charset=utf-8")
    told = r"""it began '{"error": {"message": "quota é"}} {1,200}'$"""
    with LoopbackServer(error) as server:
        with openai.OpenAI(base_url=server.base_url, api_key="none") as sdk, pytest.raises(ProviderError, match=told):
            list(openai_chat(ask_sdk(sdk)))
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none") as sdk:
            stream = await sdk.chat.completions.create(model="m", messages=[], stream=True)
            with pytest.raises(ProviderError, match=told):
                _ = [text async for text in openai_chat(stream)]


def test_the_bytes_are_read_where_the_server_says_that_they_are_events() -> None:
    events = chat_events(["a", "b"])
    body = [b"".join(events)]
    unnamed = Answer(body, content_type="text/plain")
    with LoopbackServer(body, body, unnamed) as server, openai.OpenAI(base_url=server.base_url, api_key="n") as sdk:
        assert list(openai_chat(ask_sdk(sdk))) == ["ab"]
        begun = ask_sdk(sdk)
        next(begun)
        assert list(openai_chat(begun)) == ["a", "b"]
        assert list(openai_chat(ask_sdk(sdk))) == ["a", "b"]


class Watched(openai.Stream[Any]):
    """What instrumentation puts around a stream."""

    seen = 0

    def __iter__(self) -> Iterator[Any]:
        for chunk in super().__iter__():
            self.seen += 1
            yield chunk


def test_a_stream_that_is_watched_is_iterated() -> None:
    with LoopbackServer(chat_events(["a", "b"])) as server, openai.OpenAI(base_url=server.base_url, api_key="n") as sdk:
        stream = ask_sdk(sdk)
        watched = Watched(cast_to=cast("Any", stream)._cast_to, response=stream.response, client=sdk)
        assert list(openai_chat(watched)) == ["a", "b"]
        assert watched.seen == 4


@pytest.mark.parametrize("how", HOWS)
def test_a_connection_that_breaks_is_told(how: Literal["sdk", "sse"]) -> None:
    answer = Answer(chat_events(["a", "b"], finish_reason=None, done=False), ending="dropped")
    with (
        LoopbackServer(answer) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        source = openai_chat(ask_sdk(sdk), source=how)
        texts: list[str] = []
        with pytest.raises(ConnectionLost, match="broke off") as caught:
            texts.extend(source)
        assert "".join(texts) == "ab"
        assert caught.value.__cause__ is not None
        words = str(caught.value).split(": ")
        assert len(words) == len(set(words))


@pytest.mark.parametrize(
    "failed",
    [
        event(type="error", message="overloaded", code=None, param=None),
        event(object="error", message="overloaded"),
        b"event: error\n" + event(message="overloaded"),
        response("response.failed", error={"message": "overloaded", "code": "server_error"}),
    ],
    ids=["error", "an object called error", "an event named error", "failed"],
)
def test_an_error_of_responses_is_a_failed_source(failed: bytes) -> None:
    with pytest.raises(ProviderError, match="told of an error: overloaded"):
        ask_responses([text_delta("a"), failed])


@pytest.mark.parametrize(
    "odd", [text_delta(cast("Any", 5)), event(type="response.refusal.delta", delta=5), event(response=5)]
)
def test_an_event_of_responses_that_is_not_as_expected(odd: bytes) -> None:
    with pytest.raises(ProviderError, match=r"not as expected \(.*\): .*5"):
        ask_responses([text_delta("a"), odd])


async def test_an_odd_event_in_the_async_world() -> None:
    odd = [choice({"content": "a"}), event(choices=[5]), DONE]
    with LoopbackServer(odd) as server:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk:
            stream = await sdk.chat.completions.create(model="m", messages=[], stream=True)
            with pytest.raises(ProviderError, match="not as expected"):
                _ = [text async for text in openai_chat(stream)]


FAILING = [choice({"content": "a"}), event(error={"message": "busy"}), b": more\n\n"]


@pytest.mark.parametrize("how", HOWS)
def test_an_error_closes_the_stream_of_the_sdk(how: Literal["sdk", "sse"]) -> None:
    with LoopbackServer(FAILING) as server, openai.OpenAI(base_url=server.base_url, api_key="none") as sdk:
        stream = ask_sdk(sdk)
        with pytest.raises(ProviderError, match="busy") as caught:
            list(openai_chat(stream, source=how))
        assert stream.response.is_closed, caught  # which keeps everything alive that was there when it was raised


@pytest.mark.parametrize("how", HOWS)
async def test_an_error_closes_the_stream_of_the_async_sdk(how: Literal["sdk", "sse"]) -> None:
    with LoopbackServer(FAILING) as server:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none") as sdk:
            stream = await sdk.chat.completions.create(model="m", messages=[], stream=True)
            with pytest.raises(ProviderError, match="busy") as caught:
                _ = [text async for text in openai_chat(stream, source=how)]
            assert stream.response.is_closed, caught


def test_leaving_closes_the_stream_of_the_sdk() -> None:
    events = Recorded([Read(0.0, each) for each in chat_events(list(TEXT))]).over(20.0)
    with LoopbackServer(events) as server, openai.OpenAI(base_url=server.base_url, api_key="none") as sdk:
        stream = sdk.chat.completions.create(model="m", messages=[], stream=True)
        with openai_chat(stream) | extract(User) as changes:
            next(changes)
        assert stream.response.is_closed
        assert server.requests[0].wait(2.0)
        assert server.requests[0].left is not None


async def test_leaving_closes_the_stream_of_the_async_sdk() -> None:
    events = Recorded([Read(0.0, each) for each in chat_events(list(TEXT))]).over(20.0)
    with LoopbackServer(events) as server:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none") as sdk:
            stream = await sdk.chat.completions.create(model="m", messages=[], stream=True)

            async def read() -> None:
                async with openai_chat(stream) | extract(User) as changes:
                    async for _ in changes:
                        pass

            with pytest.raises(TimeoutError):
                await asyncio.wait_for(read(), 0.3)
            assert stream.response.is_closed
            stream = await sdk.chat.completions.create(model="m", messages=[], stream=True)
            async with openai_chat(stream) | extract(User) as changes:
                await anext(changes)
            assert stream.response.is_closed
            assert all(seen.wait(2.0) and seen.left is not None for seen in server.requests)


def block(kind: str, index: int = 0, **more: Any) -> bytes:
    return event(type=f"content_block_{kind}", index=index, **more)


def message(*events: bytes, tool: int | None = None) -> tuple[str, Finish]:
    start = event(type="message_start", message={"id": "m1", "model": "c", "usage": {"input_tokens": 2}})
    with (
        LoopbackServer([start, *events]) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        # The anthropic SDK makes the same kind of stream.
        source = anthropic_messages(
            sdk.post("/messages", cast_to=object, stream=True, stream_cls=openai.Stream[object]), tool=tool
        )
        told = "".join(source), source.finish
        assert (source.id, source.model) == ("m1", "c")
        return told


def test_messages_of_anthropic() -> None:
    begin = block("start", content_block={"type": "thinking", "thinking": ""})
    thought = block("delta", delta={"type": "thinking_delta", "thinking": "hm"})
    text = block("delta", 1, delta={"type": "text_delta", "text": "a"})
    no_input = block("start", 2, content_block={"type": "tool_use", "id": "t1", "name": "f", "input": {}})
    given = block("start", 3, content_block={"type": "tool_use", "id": "t2", "name": "g", "input": {"b": 1}})
    stop = block("stop", 2)
    end = event(type="message_delta", delta={"stop_reason": "max_tokens"}, usage={"output_tokens": 3})
    events = [begin, thought, text, event(type="ping"), no_input, stop, given, block("stop", 3), end]
    usage = {"input_tokens": 2, "output_tokens": 3}
    assert message(*events) == ("a", Finish("length", usage))
    assert message(*events, tool=0) == ("{}", Finish("length", usage))
    assert message(*events, tool=1) == ('{"b":1}', Finish("length", usage))


def test_refusals_and_errors_of_anthropic() -> None:
    refused = event(type="message_delta", delta={"stop_reason": "refusal", "stop_details": {"explanation": "No"}})
    assert message(refused) == ("", Finish("refusal", {"input_tokens": 2}, "No"))
    with pytest.raises(ProviderError, match="told of an error: Overloaded"):
        message(event(type="error", error={"type": "overloaded_error", "message": "Overloaded"}))
    with pytest.raises(ProviderError, match="told of an error: Overloaded"):
        message(event(type="error", message="Overloaded"))
    with pytest.raises(ProviderError, match="told of an error: Overloaded"):
        message(event(type="error", error="Overloaded"))


def because(reason: str | None, **details: Any) -> bytes:
    return event(type="message_delta", delta={"stop_reason": reason, "stop_details": details})


@pytest.mark.parametrize(
    ("rest", "text"),
    [
        ([because("tool_use"), event(type="message_stop")], "{}"),
        ([because(None), event(type="message_stop")], "{}"),
        ([block("start", 1, content_block={"type": "text", "text": ""}), because("max_tokens")], "{}"),
        ([because("max_tokens"), event(type="message_stop")], ""),
        ([because("model_context_window_exceeded")], ""),
        ([because("refusal"), event(type="message_stop")], ""),
        ([because(None)], ""),
        ([], ""),
    ],
)
def test_a_call_of_anthropic_without_input(rest: list[bytes], text: str) -> None:
    begun = block("start", content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}})
    assert message(begun, block("stop"), *rest, tool=0)[0] == text


def test_a_call_of_anthropic_whose_end_is_not_told() -> None:
    begun = block("start", content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}})
    other = block("start", 1, content_block={"type": "tool_use", "id": "u", "name": "g", "input": {}})
    more = block("delta", delta={"type": "input_json_delta", "partial_json": '{"a":1}'})
    events = begun, other, more, because("tool_use"), event(type="message_stop")
    assert message(*events, tool=0)[0] == '{"a":1}'
    assert message(*events, tool=1)[0] == "{}"


def test_an_error_of_anthropic_without_its_type() -> None:
    for error in ({"error": {"type": "overloaded_error", "message": "Overloaded"}}, {"message": "Overloaded"}):
        with pytest.raises(ProviderError, match="told of an error: Overloaded"):
            message(event(**error))


def test_nulls_of_anthropic_hide_no_counts() -> None:
    usage = {"input_tokens": None, "output_tokens": 7}
    assert message(event(type="message_delta", delta={}, usage=usage))[1].usage == {
        "input_tokens": 2,
        "output_tokens": 7,
    }


def test_what_a_block_of_anthropic_begins_with() -> None:
    thought = {"type": "content_block_start", "content_block": {"type": "thinking", "thinking": "h"}}
    assert AnthropicReader().read(thought) == [((0, "reasoning"), "h")]
    text = block("start", 1, content_block={"type": "text", "text": "Hel"})
    more = block("delta", 1, delta={"type": "text_delta", "text": "lo"})
    assert message(event(**thought), text, more)[0] == "Hello"
    with pytest.raises(ProviderError, match="not as expected"):
        message(block("start", content_block={"type": "text", "text": 5}))


def test_a_refusal_of_anthropic_that_is_told_twice() -> None:
    refused = because("refusal", explanation="No")
    assert message(refused, refused)[1].refusal == "No"


@pytest.mark.parametrize(
    "odd",
    [
        event(type="message_delta", usage=5),
        event(type="message_start", message="text"),
        block("stop", cast("Any", [1])),
        block("delta", delta={"type": "text_delta", "text": 5}),
    ],
)
def test_an_event_of_anthropic_that_is_not_as_expected(odd: bytes) -> None:
    with pytest.raises(ProviderError, match=r"not as expected \(.*\): {.*(message_|block_)"):
        message(odd)


async def test_async_messages_of_anthropic() -> None:
    text = block("delta", delta={"type": "text_delta", "text": '{"name": "Jo", "email": "j", "twitter": "@"}'})
    with LoopbackServer([text, event(type="message_stop")]) as server:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk:
            stream = await sdk.post("/messages", cast_to=object, stream=True, stream_cls=openai.AsyncStream[object])
            source = anthropic_messages(stream)
            assert isinstance(source, AsyncDeltas)
            assert (await (source | extract(User)).result()).name == "Jo"
            assert stream.response.is_closed


def test_what_is_no_stream_is_told() -> None:
    not_a_stream: Any = "text"
    with pytest.raises(TypeError, match="stream=True"):
        openai_chat(not_a_stream)
    with pytest.raises(TypeError, match="anthropic SDK"):
        anthropic_messages(not_a_stream)


@pytest.mark.parametrize("chunk_size", [0, -1])
def test_a_file_is_read_by_the_byte_at_least(chunk_size: int) -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        file("anything", chunk_size=chunk_size)


def test_a_file_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "user.json"
    path.write_text(TEXT, "utf-8")
    source = file(path, chunk_size=3)
    assert b"".join(cast("Iterator[bytes]", iter(source))) == TEXT.encode()
    assert (source | extract(User)).result_sync() == (file(str(path)) | extract(User)).result_sync()
    assert asyncio.run((source | extract(User)).result()) == User(name="Jo", email="ö", twitter="@")
    with pytest.raises(FileNotFoundError):
        list(file(tmp_path / "none.json"))


def test_an_open_file_is_left_open() -> None:
    for opened in (io.StringIO(TEXT), io.BytesIO(TEXT.encode())):
        assert (file(opened, chunk_size=3) | extract(User)).result_sync().name == "Jo"
        assert not opened.closed


async def test_a_pipe_is_read_as_it_fills() -> None:
    end, other = os.pipe()
    with os.fdopen(end, "rb") as reading, os.fdopen(other, "wb", buffering=0) as writing:
        writing.write(b'{"name": "Jo')
        async with file(reading) | extract(User) as changes:
            assert [(await anext(changes)).op, (await anext(changes)).value] == ["add", "Jo"]
            writing.write(b'"')
            assert (await anext(changes)).op == "complete"
            writing.close()


def run(*program: str, text: str = "") -> list[str]:
    """What a Python program prints."""
    command = [sys.executable, "-c", "\n".join(program)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout.split()


def test_standard_input() -> None:
    told = run(
        "from streamkit.sources import stdin",
        "from streamkit.operators import accumulate",
        "for change in stdin() | accumulate(): print(change.op)",
        text="[1]",
    )
    assert told == ["add", "add", "complete", "complete", "end"]


def test_a_recording_is_replayed_as_it_was_read() -> None:
    replay = recorded(RECORDED)
    assert replay.body == RECORDED.read_bytes()
    assert list(replay) == [read.data for read in replay.reads]
    assert len(replay.reads) == len(RECORDED.with_suffix(".timing.jsonl").read_text("utf-8").splitlines())
    assert replay.reads[0].at < replay.seconds < 1


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_a_recording_without_timing_is_cut_at_its_events(tmp_path: Path, newline: bytes) -> None:
    body = tmp_path / "a.sse"
    first, second = b"data: 1" + newline * 2, b"event: x" + newline + b"data: 2" + newline * 2
    body.write_bytes(first + second + b"data: 3")
    assert list(recorded(body)) == [first, second, b"data: 3"]
    assert [read.at for read in recorded(body).over(1.0).reads] == [0.0, 0.5, 1.0]


async def test_the_pace_of_a_recording() -> None:
    replay = Recorded([Read(0.0, b"a"), Read(1.0, b"b"), Read(2.0, b"c")], speed=20.0)
    for pieces in (replay, Recorded(replay.reads).over(0.1)):
        start = time.monotonic()
        assert list(pieces) == [b"a", b"b", b"c"]
        middle = time.monotonic()
        assert [piece async for piece in cast("AsyncIterator[bytes]", pieces)] == [b"a", b"b", b"c"]
        assert 0.09 < middle - start < 0.5
        assert 0.09 < time.monotonic() - middle < 0.5
    start = time.monotonic()
    assert len(list(Recorded(replay.reads))) == 3
    assert time.monotonic() - start < 0.05


def test_a_recording_that_cannot_be(tmp_path: Path) -> None:
    body, timing = tmp_path / "a.sse", tmp_path / "a.timing.jsonl"
    body.write_bytes(b"data: 1\n\n")
    timing.write_text("[0.1, 5]\n", "utf-8")
    with pytest.raises(ValueError, match="tells of 5 bytes, but the body has 9"):
        recorded(body)
    with pytest.raises(ValueError, match="speed must be above 0"):
        recorded(RECORDED, speed=0)
    with pytest.raises(FileNotFoundError):
        recorded(RECORDED, timing=tmp_path / "none.jsonl")


def test_an_answer_that_is_dropped_or_refused() -> None:
    with (
        LoopbackServer(Answer([b"{}"], status=401, content_type="application/json"), chat_events(["a"])) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none") as sdk,
    ):
        with pytest.raises(openai.AuthenticationError):
            sdk.chat.completions.create(model="m", messages=[], stream=True)
        assert list(openai_chat(sdk.chat.completions.create(model="m", messages=[], stream=True))) == ["a"]
        assert [seen.json["model"] for seen in server.requests] == ["m", "m"]
        assert [seen.path for seen in server.requests] == ["/v1/chat/completions"] * 2


def test_importing_streamkit_imports_neither_the_sdk_nor_rich() -> None:
    packages = ("streamkit", "streamkit.sources", "streamkit.sinks", "streamkit.testing")
    told = run(f"import sys, {', '.join(packages)}", "print('openai' in sys.modules, 'rich' in sys.modules)")
    assert told == ["False", "False"]


def test_what_a_lazy_package_does_not_have() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(streamkit.sources, "nothing")  # noqa: B009 - a type checker knows better
