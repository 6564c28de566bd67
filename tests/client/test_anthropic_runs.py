"""Runs over Anthropic's Messages API: asking again, cancelling, and what was recorded of it."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any, cast

import anthropic
import pytest
from pydantic import BaseModel, Field
from support.claude import STOP, aclaude, claude, cut, event, tool_use
from support.flows import folded
from support.meeting import USERS, User

from streamkit import (
    Change,
    End,
    InvalidResult,
    JsonSyntaxError,
    Mode,
    ProviderError,
    Refused,
    RetriesExhausted,
    Truncated,
)
from streamkit.client import AsyncRun, Client, Hooks
from streamkit.sources import Read, Recorded
from streamkit.testing import Answer, LoopbackServer, anthropic_events, random_split

pytestmark = pytest.mark.usefixtures("waits")

MESSAGES = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who was there?"}]
TEXT = USERS[0].model_dump_json()


class Person(BaseModel):
    name: str
    email: str
    age: int = Field(ge=0)
    motto: str


GOOD = {"name": "John", "email": "john@email.com", "age": 25, "motto": "Go on"}
BAD = {**GOOD, "age": -25}
OVERLOADED = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
BROKEN = [*anthropic_events([json.dumps(GOOD)[:20]], stop_reason=None, done=False), OVERLOADED]


def calling(value: object) -> list[bytes]:
    return cut(value, tool="Person", stop_reason="tool_use")


def corrected(server: LoopbackServer) -> tuple[Any, ...]:
    """What the second request says more than the first; all else is the same."""
    first, second = (cast("Any", seen.json) for seen in server.requests)
    more = second["messages"][len(first["messages"]) :]
    assert {**second, "messages": first["messages"]} == first
    return tuple(more)


def check_screen(changes: list[Change[Person]]) -> None:
    """A subscriber sees only what differs, and ends with the second attempt."""
    reset = [change.op for change in changes].index("reset")
    state = [change for change in changes[reset + 1 :] if change.op not in ("complete", "end")]
    assert state == [Change("replace", ("age",), 25)]
    assert folded(changes).value == GOOD


# Asking again


def test_a_wrong_answer_is_corrected(waits: list[float]) -> None:
    with LoopbackServer(cut(BAD), cut(GOOD)) as server, claude(server) as client:
        with client.stream(Person, messages=MESSAGES, max_retries=1) as run:
            changes = list(run)
        assert run.result() == Person.model_validate(GOOD)
        said, told = corrected(server)
    check_screen(changes)
    assert waits == [0.0]
    assert [type(attempt.error) for attempt in run.attempts] == [InvalidResult, type(None)]
    assert said == {"role": "assistant", "content": json.dumps(BAD)}
    assert told["role"] == "user"
    assert "/age: Input should be greater than or equal to 0 (got -25)" in told["content"]


async def test_a_wrong_call_is_corrected_as_a_call() -> None:
    with LoopbackServer(calling(BAD), calling(GOOD)) as server:
        async with aclaude(server, mode=Mode.TOOLS) as client:
            changes = [change async for change in client.stream(Person, messages=MESSAGES, max_retries=1)]
        said, told = corrected(server)
    check_screen(changes)
    use = {"type": "tool_use", "id": "toolu_1", "name": "Person", "input": BAD}
    assert said == {"role": "assistant", "content": [use]}
    (result,) = told["content"]
    assert "/age" in result.pop("content")
    assert result == {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True}
    assert told["role"] == "user"


@pytest.mark.parametrize("text", ['{"name": "John",', '["John"]'])
def test_a_call_that_cannot_be_sent_back_is_told_in_words(text: str) -> None:
    told = calling(text + "}") if text.startswith("{") else calling(text)
    with LoopbackServer(told, calling(GOOD)) as server, claude(server, mode=Mode.TOOLS) as client:
        run = client.stream(Person, messages=MESSAGES, max_retries=1)
        assert run.result().age == 25
        said, corrections = corrected(server)
    assert type(run.attempts[0].error) is (JsonSyntaxError if text.startswith("{") else InvalidResult)
    assert said == {"role": "assistant", "content": run.attempts[0].text}
    assert corrections["role"] == "user"
    assert isinstance(corrections["content"], str)


def test_a_model_that_thinks_is_corrected_in_words() -> None:
    with LoopbackServer(calling(BAD), calling(GOOD)) as server, claude(server, mode=Mode.TOOLS) as client:
        options: dict[str, Any] = {"thinking": {"type": "adaptive"}, "tool_choice": {"type": "auto"}}
        assert client.stream(Person, messages=MESSAGES, max_retries=1, **options).result().age == 25
        said, _ = corrected(server)
    assert said == {"role": "assistant", "content": json.dumps(BAD)}


def test_leaving_at_the_first_wrong_value() -> None:
    events = cut(BAD)
    known = 2 + json.dumps(BAD).index('"motto"') // 4
    paced = Recorded([Read(0.0, b"".join(events[:known])), Read(20.0, b"".join(events[known:]))], speed=1.0)
    with LoopbackServer(paced, cut(GOOD)) as server, claude(server) as client:
        run = client.stream(Person, messages=MESSAGES, max_retries=1, abort_on_invalid=True)
        assert run.result().age == 25
        assert server.requests[0].wait()
        assert server.requests[0].left is not None
    assert "motto" not in run.attempts[0].text


def test_context_and_strict() -> None:
    with LoopbackServer(cut({**GOOD, "age": "25"})) as server, claude(server) as client:
        assert client.create(response_model=Person, messages=MESSAGES, context={"a": 1}).age == 25
        with pytest.raises(InvalidResult, match="/age"):
            client.create(response_model=Person, messages=MESSAGES, strict=True)


def test_a_stream_that_broke_is_asked_for_again(waits: list[float]) -> None:
    dropped = Answer(BROKEN[:-1], ending="dropped")
    with LoopbackServer(BROKEN, dropped, BROKEN[:-1], cut(GOOD)) as server, claude(server) as client:
        run = client.stream(Person, messages=MESSAGES, max_retries=3)
        assert run.result().age == 25
        assert len({json.dumps(seen.json) for seen in server.requests}) == 1  # it was not the model that failed
    assert [type(attempt.error).__name__ for attempt in run.attempts] == [
        "ProviderError",
        "ConnectionLost",
        "Truncated",
        "NoneType",
    ]
    assert [wait > 0 for wait in waits] == [True, True, False]


async def test_a_request_that_failed_between_attempts(waits: list[float]) -> None:
    body = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}).encode()
    busy = Answer([body], status=529, content_type="application/json")
    with LoopbackServer(BROKEN, busy, cut(GOOD)) as server:
        async with aclaude(server, max_retries=0) as client:
            run = client.stream(Person, messages=MESSAGES, max_retries=2)
            assert (await run.result()).age == 25
    assert [type(attempt.error) for attempt in run.attempts] == [
        ProviderError,
        anthropic.OverloadedError,
        type(None),
    ]
    assert len(waits) == 2
    assert all(wait > 0 for wait in waits)


@pytest.mark.parametrize("status", [400, 401])
def test_a_request_that_will_fail_again_is_not_repeated(status: int) -> None:
    refused = Answer([b'{"type": "error", "error": {}}'], status=status, content_type="application/json")
    with LoopbackServer(BROKEN, refused) as server, claude(server, max_retries=0) as client:
        with pytest.raises(RetriesExhausted) as caught:
            client.create(response_model=Person, messages=MESSAGES, max_retries=5)
        assert len(server.requests) == 2
    assert isinstance(caught.value.__cause__, anthropic.APIStatusError)


def test_a_server_that_went_away() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(LoopbackServer(BROKEN))
        hooks = Hooks(on_retry=lambda attempt: stack.close())
        with claude(server, max_retries=0) as client, pytest.raises(RetriesExhausted) as caught:
            client.create(response_model=Person, messages=MESSAGES, max_retries=2, hooks=hooks)
    assert [type(attempt.error) for attempt in caught.value.attempts[1:]] == [anthropic.APIConnectionError] * 2


@pytest.mark.parametrize(("reason", "error"), [("max_tokens", Truncated), ("refusal", Refused)])
def test_what_would_end_alike_is_not_asked_for_again(reason: str, error: type[Exception]) -> None:
    with LoopbackServer(anthropic_events(['{"name": "Jo'], stop_reason=reason)) as server, claude(server) as client:
        with pytest.raises(error):
            client.create(response_model=Person, messages=MESSAGES, max_retries=3)
        assert len(server.requests) == 1


def test_parallel_calls_are_corrected_together() -> None:
    def both(second: object) -> list[bytes]:
        return [*tool_use(0, "Person", json.dumps(GOOD)), *tool_use(1, "Person", json.dumps(second)), STOP]

    with LoopbackServer(both(BAD), both(GOOD)) as server, claude(server) as client:
        run = client.stream_tools([Person], messages=MESSAGES, max_retries=1)
        assert [person.age for person in run.results()] == [25, 25]
        said, told = corrected(server)
    assert [(use["id"], use["input"]) for use in said["content"]] == [("toolu_0", GOOD), ("toolu_1", BAD)]
    assert [(result["tool_use_id"], result["is_error"]) for result in told["content"]] == [
        ("toolu_0", False),
        ("toolu_1", True),
    ]


@pytest.mark.parametrize("mode", [Mode.JSON_SCHEMA, Mode.TOOLS])
def test_the_completion_is_the_sdks_message(mode: Mode) -> None:
    events = calling(GOOD) if mode is Mode.TOOLS else cut(GOOD, usage={"output_tokens": 9})
    with LoopbackServer(events) as server, claude(server, mode=mode) as client:
        person, completion = client.create_with_completion(response_model=Person, messages=MESSAGES)
    assert person.age == 25
    assert isinstance(completion, anthropic.types.Message)
    (block,) = completion.content
    if block.type == "tool_use":
        assert (block.input, completion.stop_reason) == (GOOD, "tool_use")
    else:
        assert block.type == "text"
        assert (json.loads(block.text), completion.stop_reason) == (GOOD, "end_turn")
        assert completion.usage.output_tokens == 9


def test_listeners_hear_of_the_sdks_errors() -> None:
    heard: list[object] = []
    refused = Answer([b'{"type": "error", "error": {}}'], status=400, content_type="application/json")
    with LoopbackServer(refused) as server, claude(server) as client:
        client.on("completion:error", heard.append)
        with pytest.raises(anthropic.BadRequestError) as caught:
            client.create(response_model=Person, messages=MESSAGES)
    assert heard == [caught.value]


# Cancelling


def slow() -> Recorded:
    events = cut(GOOD)
    return Recorded([Read(0.0, b"".join(events[:5])), Read(60.0, b"".join(events[5:]))], speed=1.0)


def test_cancelling_closes_the_connection() -> None:
    with LoopbackServer(slow()) as server, claude(server) as client:
        with client.stream(Person, messages=MESSAGES) as run:
            next(run)
            run.cancel()
            *_, last = run
            assert cast("End", last.value).status == "cancelled"
        assert server.requests[0].wait()
        assert server.requests[0].left is not None


async def test_leaving_closes_the_connection() -> None:
    with LoopbackServer(slow()) as server:
        async with aclaude(server) as client:
            async with client.stream(Person, messages=MESSAGES) as run:
                assert (await anext(run)).op == "add"
            assert await asyncio.to_thread(server.requests[0].wait)
            assert server.requests[0].left is not None


async def test_cancelling_while_another_task_reads() -> None:
    with LoopbackServer(slow()) as server:
        async with aclaude(server) as client, client.stream(Person, messages=MESSAGES) as run:
            await anext(run)
            reading = asyncio.create_task(rest(run))
            await asyncio.sleep(0)
            run.cancel()
            assert (await reading)[-1].op == "end"
            assert await asyncio.to_thread(server.requests[0].wait)
            assert server.requests[0].left is not None


async def rest(run: AsyncRun[Person]) -> list[Change[Person]]:
    return [change async for change in run]


# What was recorded


def replayed(body: bytes) -> Iterator[Client]:
    """Clients of a server that replays a recording, cut anew each time."""
    for pieces in (1, 7, 60):
        with LoopbackServer(random_split(body, Random(pieces), pieces=pieces)) as server, claude(server) as client:
            yield client


class Where(BaseModel):
    location: str


class get_weather(Where):  # noqa: N801 - as the recorded tool
    """The weather somewhere."""


def test_a_recorded_call(recordings: Path) -> None:
    body = (recordings / "anthropic-sdk/tool_use_response.sse").read_bytes()
    for client in replayed(body):
        run = client.stream(get_weather, messages=MESSAGES, mode=Mode.TOOLS)
        assert run.result().location == "Paris"
        assert (run.id, run.finish_reason) == ("msg_019Q1hrJbZG26Fb9BQhrkHEr", "tool_calls")
        assert run.usage is not None
        assert (run.usage["input_tokens"], run.usage["output_tokens"]) == (377, 65)
        (weather,) = client.stream_tools([get_weather], messages=MESSAGES).results()
        assert weather.location == "Paris"


class make_file(BaseModel):  # noqa: N801 - as the recorded tool
    filename: str
    lines_of_text: list[str]


def test_a_recorded_call_that_was_cut(recordings: Path) -> None:
    body = (recordings / "anthropic-sdk/incomplete_partial_json_response.sse").read_bytes()
    for client in replayed(body):
        run = client.stream(make_file, messages=MESSAGES, mode=Mode.TOOLS)
        with pytest.raises(Truncated) as caught:
            run.result()
        partial: Any = caught.value.partial
        assert partial.filename == "taxes.txt"
        assert run.finish_reason == "length"


def test_a_recorded_refusal(recordings: Path) -> None:
    body = (recordings / "anthropic-sdk/refusal_response.sse").read_bytes()
    for client in replayed(body):
        run = client.stream(User, messages=MESSAGES)
        with pytest.raises(Refused, match="due to policy"):
            run.result()
        assert run.refusal == "This request was refused due to policy."


def test_recorded_words(recordings: Path) -> None:
    body = (recordings / "anthropic-sdk/basic_response.sse").read_bytes()
    for client in replayed(body):
        run = client.stream(User, messages=MESSAGES)
        with pytest.raises(JsonSyntaxError):
            run.result()
        assert run.text.startswith("Hello")
        assert run.model == "claude-3-opus-latest"
