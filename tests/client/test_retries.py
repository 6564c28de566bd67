"""Asking again: what the model is told, what the subscriber sees, and when it is not done."""

import asyncio
import json
from typing import Annotated, Any, cast

import anyio
import openai
import pytest
from pydantic import BaseModel, Field
from support.meeting import MESSAGES
from support.wires import DONE, call, choice, event

import streamkit
import streamkit.client.runs.reader
from streamkit import (
    Change,
    ConnectionLost,
    Document,
    End,
    InvalidResult,
    JsonSyntaxError,
    Mode,
    Refused,
    RetriesExhausted,
    Stream,
    StreamkitError,
    Truncated,
    from_provider,
)
from streamkit.client import AsyncClient, Client, Hooks
from streamkit.errors import Attempt
from streamkit.sources import Read, Recorded
from streamkit.testing import Answer, LoopbackServer, chat_events

pytestmark = pytest.mark.usefixtures("waits")


class Person(BaseModel):
    name: str
    email: str
    age: int = Field(ge=0)
    motto: str


PAUSE = streamkit.client.runs.reader.pause
GOOD = {"name": "John", "email": "john@email.com", "age": 25, "motto": "Go on"}
BAD = {**GOOD, "age": -25}
USAGE = {"total_tokens": 7}


def answer(value: object, **more: Any) -> list[bytes]:
    text = value if isinstance(value, str) else json.dumps(value)
    return chat_events([text[i : i + 4] for i in range(0, len(text), 4)], usage=USAGE, **more)


def sync(server: LoopbackServer, **options: Any) -> Client:
    client: Client = from_provider("local/m", base_url=server.base_url, async_client=False, **options)
    return client


def asynchronous(server: LoopbackServer, **options: Any) -> AsyncClient:
    client: AsyncClient = from_provider("local/m", base_url=server.base_url, async_client=True, **options)
    return client


def check_screen(changes: list[Change[Person]]) -> None:
    """A subscriber sees only what differs, and ends with the second attempt."""
    document = Document()
    reset = next(at for at, change in enumerate(changes) if change.op == "reset")
    for change in changes:
        document.apply(change)
        if changes.index(change) > reset:
            assert document.get(("name",)) == "John"
    state = [change for change in changes[reset + 1 :] if change.op not in ("complete", "end")]
    assert state == [Change("replace", ("age",), 25)]
    assert document.value == GOOD
    assert [change.op for change in changes].count("reset") == 1
    assert [change.op for change in changes].count("end") == 1
    assert {change.pointer for change in changes[reset:] if change.op == "complete"} == {
        "",
        "/name",
        "/email",
        "/age",
        "/motto",
    }


def test_a_wrong_answer_is_corrected_on_the_screen(waits: list[float]) -> None:
    with LoopbackServer(answer(BAD), answer(GOOD)) as server, sync(server) as client:
        with client.stream(Person, messages=MESSAGES, max_retries=1) as run:
            changes = list(run)
            assert run.result() == Person.model_validate(GOOD)
        assert [type(attempt.error) for attempt in run.attempts] == [InvalidResult, type(None)]
        assert [json.loads(attempt.text) for attempt in run.attempts] == [BAD, GOOD]
        assert [attempt.usage for attempt in run.attempts] == [USAGE, USAGE]
        first, second = (seen.json for seen in server.requests)
    check_screen(changes)
    assert waits == [0.0]
    said, told = cast("Any", second)["messages"][len(MESSAGES) :]
    assert said == {"role": "assistant", "content": json.dumps(BAD)}
    assert told["role"] == "user"
    assert "/age: Input should be greater than or equal to 0 (got -25)" in told["content"]
    assert {**cast("Any", second), "messages": MESSAGES} == first


async def test_a_wrong_answer_is_corrected_in_the_async_world() -> None:
    retried: list[Attempt] = []

    async def on_retry(attempt: Attempt) -> None:
        retried.append(attempt)

    with LoopbackServer(answer(BAD), answer(GOOD)) as server:
        async with asynchronous(server) as client:
            hooks = Hooks(on_retry=on_retry)
            async with client.stream(Person, messages=MESSAGES, max_retries=1, hooks=hooks) as run:
                changes = [change async for change in run]
                assert (await run.result()).age == 25
            assert retried == [run.attempts[0]]
            check_screen(changes)
            ages = [each.age async for each in client.create_partial(response_model=Person, messages=MESSAGES)]
            assert ages[-1] == 25


def test_partials_never_flash_back() -> None:
    with LoopbackServer(answer(BAD), answer(GOOD)) as server, sync(server) as client:
        partials = list(client.create_partial(response_model=Person, messages=MESSAGES, max_retries=3))
    first = next(at for at, each in enumerate(partials) if each.motto == "Go on")
    assert all((each.name, each.motto) == ("John", "Go on") for each in partials[first:])
    assert partials[-1] == Person.model_validate(GOOD)


def test_a_call_is_corrected_as_a_call() -> None:
    def calling(value: object) -> list[bytes]:
        text = json.dumps(value)
        begun = choice(call("", id="c1", function={"name": "Person", "arguments": ""}))
        return [begun, *[choice(call(text[i : i + 5])) for i in range(0, len(text), 5)], DONE]

    with LoopbackServer(calling(BAD), calling(GOOD)) as server, sync(server, mode=Mode.TOOLS) as client:
        assert client.stream(Person, messages=MESSAGES, max_retries=1).result().age == 25
        said, told = cast("Any", server.requests[1].json)["messages"][len(MESSAGES) :]
    function = {"name": "Person", "arguments": json.dumps(BAD)}
    assert said["tool_calls"] == [{"id": "c1", "type": "function", "function": function}]
    assert (told["role"], told["tool_call_id"]) == ("tool", "c1")


def test_half_a_call_is_told_in_words() -> None:
    def calling(value: object) -> list[bytes]:
        text = json.dumps(value)
        pieces = [choice(call(text[i : i + 5], id="c1")) for i in range(0, len(text), 5)]
        return [*pieces, choice({}, finish_reason="tool_calls"), DONE]

    with LoopbackServer(calling(BAD), calling(GOOD)) as server, sync(server, mode=Mode.TOOLS) as client:
        client.source = "sdk"
        run = client.stream(Person, messages=MESSAGES, max_retries=1, abort_on_invalid=True)
        assert run.result().age == 25
        said, told = cast("Any", server.requests[1].json)["messages"][len(MESSAGES) :]
    assert said == {"role": "assistant", "content": run.attempts[0].text}
    assert told["role"] == "user"


def test_leaving_at_the_first_wrong_value() -> None:
    with LoopbackServer(answer(BAD), answer(GOOD)) as server, sync(server) as client:
        client.source = "sdk"
        run = client.stream(Person, messages=MESSAGES, max_retries=1, abort_on_invalid=True)
        changes = list(run)
    assert run.result().age == 25
    assert isinstance(run.attempts[0].error, InvalidResult)
    assert not run.attempts[0].error.whole
    assert "motto" not in run.attempts[0].text
    assert [change.pointer for change in changes if change.op == "invalid"] == ["/age"]


def test_an_item_that_is_dropped_is_no_reason_to_leave() -> None:
    class Ages(BaseModel):
        ages: Annotated[list[int], Stream(on_invalid="drop")]

    with LoopbackServer(answer({"ages": [1, "x", 2]})) as server, sync(server) as client:
        run = client.stream(Ages, messages=MESSAGES, max_retries=1, abort_on_invalid=True)
        assert run.result().ages == [1, 2]
    assert len(run.attempts) == 1


def test_leaving_at_the_first_wrong_value_without_another_attempt() -> None:
    events = answer({"age": -1, **{key: value for key, value in GOOD.items() if key != "age"}})
    with LoopbackServer(Recorded([Read(0.0, each) for each in events]).over(20.0)) as server, sync(server) as client:
        with client.stream(Person, messages=MESSAGES, abort_on_invalid=True) as run:
            *_, last = run
        end = cast("End", last.value)
        assert (end.status, end.open) == ("invalid", ((),))
        with pytest.raises(InvalidResult, match="/age"):
            run.result()
        assert server.requests[0].wait(2.0)
        assert server.requests[0].left is not None


@pytest.mark.parametrize(
    ("first", "told"),
    [
        (answer('{"name": "John", }'), True),
        (answer(""), True),
        (answer('{"name": "Jo', finish_reason=None, done=False), False),
        ([choice({"content": '{"name": "Jo'}), event(error={"message": "overloaded"})], False),
    ],
    ids=["not JSON", "empty", "cut", "an error of the provider"],
)
def test_what_is_tried_again(first: list[bytes], told: bool) -> None:
    with LoopbackServer(first, answer(GOOD)) as server, sync(server) as client:
        assert client.stream(Person, messages=MESSAGES, max_retries=1).result().age == 25
        messages = cast("Any", server.requests[1].json)["messages"]
    assert (len(messages) > len(MESSAGES)) is told


def test_a_connection_that_breaks_is_given_time(waits: list[float]) -> None:
    broken = Answer(answer('{"name": "Jo', finish_reason=None, done=False), ending="dropped")
    with LoopbackServer(broken, broken, broken, answer(GOOD)) as server, sync(server) as client:
        run = client.stream(Person, messages=MESSAGES, max_retries=5)
        assert run.result().age == 25
        assert [type(attempt.error) for attempt in run.attempts[:-1]] == [ConnectionLost] * 3
    assert [0.75 * 2**n <= 2 * wait <= 2**n for n, wait in enumerate(waits)] == [True] * 3


@pytest.mark.parametrize(
    ("first", "error"),
    [
        ([choice({"refusal": "No"}), choice({}, finish_reason="stop")], Refused),
        (answer('{"name": "Jo', finish_reason="length"), Truncated),
        (answer("", finish_reason="length"), Truncated),
    ],
)
def test_what_would_end_the_same_is_not_tried_again(first: list[bytes], error: type[Exception]) -> None:
    with LoopbackServer(first, answer(GOOD)) as server, sync(server) as client:
        with pytest.raises(error):
            client.stream(Person, messages=MESSAGES, max_retries=3).result()
        assert len(server.requests) == 1


def test_the_last_error_has_every_attempt() -> None:
    with LoopbackServer(answer(BAD), answer('{"name": ?}'), answer(BAD)) as server, sync(server) as client:
        run = client.stream(Person, messages=MESSAGES, max_retries=2)
        with pytest.raises(RetriesExhausted, match=r"3 attempts gave no valid result; the last: 1 field") as caught:
            run.result()
    error = caught.value
    assert [type(attempt.error) for attempt in error.attempts] == [InvalidResult, JsonSyntaxError, InvalidResult]
    assert [attempt.text for attempt in error.attempts] == [json.dumps(BAD), '{"name": ?}', json.dumps(BAD)]
    assert [attempt.usage for attempt in error.attempts] == [USAGE, None, USAGE]
    assert cast("Any", error.partial).name == "John"
    assert isinstance(error.__cause__, InvalidResult)
    assert run.end is not None
    assert (run.end.status, run.end.error) == ("invalid", error)


def test_a_model_is_told_what_was_wrong_and_not_what_the_program_may_do() -> None:
    with LoopbackServer(answer("Sure: " + json.dumps(GOOD)), answer(GOOD)) as server, sync(server) as client:
        with client.stream(Person, messages=MESSAGES, max_retries=1) as run:
            assert run.result() == Person.model_validate(GOOD)
        told = cast("Any", server.requests[1].json)["messages"][-1]["content"]
    assert "expected a value, got 'S', at the root (line 1, column 1, offset 0)\n" in told
    error = cast("JsonSyntaxError", run.attempts[0].error)
    assert str(error) == f"{error.met}; {error.advice}"
    assert "mode=Mode.MD_JSON" in error.advice
    assert "fenced()" not in str(error)


def check_exhausted(error: RetriesExhausted) -> None:
    """Each attempt is there; `partial` is what is shown, the partial of the cause what the last attempt had."""
    first, last = error.attempts
    assert (first.text, first.usage, type(first.error)) == (json.dumps(BAD), USAGE, InvalidResult)
    assert (last.text, last.usage, type(last.error)) == ('{"name": "Jim', None, ConnectionLost)
    assert isinstance(error.partial, Person)
    assert error.partial.model_dump() == {**GOOD, "name": "Jim", "age": None}
    assert error.__cause__ is last.error
    assert cast("ConnectionLost", last.error).partial == {"name": "Jim"}


def test_the_last_error_of_create_has_every_attempt() -> None:
    lost = Answer(chat_events(['{"name": "', "Jim", "never sent"])[:3], ending="dropped")
    with (
        LoopbackServer(answer(BAD), lost) as server,
        sync(server) as client,
        pytest.raises(RetriesExhausted) as caught,
    ):
        client.create(response_model=Person, messages=MESSAGES, max_retries=1)
    check_exhausted(caught.value)


async def test_the_last_error_of_create_has_every_attempt_in_the_async_world() -> None:
    lost = Answer(chat_events(['{"name": "', "Jim", "never sent"])[:3], ending="dropped")
    with LoopbackServer(answer(BAD), lost) as server:
        async with asynchronous(server) as client:
            with pytest.raises(RetriesExhausted) as caught:
                await client.create(response_model=Person, messages=MESSAGES, max_retries=1)
    check_exhausted(caught.value)


def test_a_request_that_is_refused_later() -> None:
    denied = Answer([b"{}"], status=401, content_type="application/json")
    with LoopbackServer(answer(BAD), denied) as server, sync(server) as client:
        run = client.stream(Person, messages=MESSAGES, max_retries=2)
        with pytest.raises(RetriesExhausted) as caught:
            list(run)
    assert isinstance(caught.value.__cause__, openai.AuthenticationError)
    assert run.end is not None
    assert run.end.status == "failed"
    assert cast("Any", caught.value.partial).name == "John"


async def test_a_request_that_is_refused_later_in_the_async_world() -> None:
    denied = Answer([b"{}"], status=401, content_type="application/json")
    with LoopbackServer(answer(BAD), denied) as server:
        async with asynchronous(server) as client:
            run = client.stream(Person, messages=MESSAGES, max_retries=2)
            with pytest.raises(RetriesExhausted):
                await run.result()
            assert run.end is not None


async def test_cancelling_while_the_next_attempt_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waiting.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(anyio, "sleep", sleep)
    broken = Answer(answer('{"name": "Jo', finish_reason=None, done=False), ending="dropped")
    with LoopbackServer(broken, answer(GOOD)) as server:
        async with asynchronous(server) as client:
            ends: list[End] = []
            run = client.stream(Person, messages=MESSAGES, max_retries=1, hooks=Hooks(on_end=ends.append))
            reading = asyncio.create_task(run.result())
            await waiting.wait()
            run.cancel()
            with pytest.raises(StreamkitError, match="cancelled"):
                await asyncio.wait_for(reading, 5.0)
            assert [(end.status, end.open) for end in ends] == [("cancelled", ((), ("name",)))]
            assert len(server.requests) == 1


def test_cancelling_before_anything_was_sent() -> None:
    with LoopbackServer(answer(GOOD)) as server, sync(server) as client:
        run = client.stream(Person, messages=MESSAGES)
        run.cancel()
        (change,) = run
        assert cast("End", change.value).status == "cancelled"
        with pytest.raises(StreamkitError, match="was cancelled"):
            run.result()
        calls = client.stream_tools([Person], messages=MESSAGES)
        calls.cancel()
        with pytest.raises(StreamkitError, match="was cancelled"):
            calls.results()
        assert server.requests == []


async def test_cancelling_before_anything_was_sent_in_the_async_world() -> None:
    with LoopbackServer(answer(GOOD)) as server:
        async with asynchronous(server) as client:
            run = client.stream(Person, messages=MESSAGES)
            run.cancel()
            async with run:
                assert [cast("End", change.value).status async for change in run] == ["cancelled"]
        assert server.requests == []


BROKEN = Answer(answer('{"name": "Jo', finish_reason=None, done=False), ending="dropped")


@pytest.mark.parametrize("attempt", [1, 2])
async def test_cancelling_while_a_request_has_no_answer(attempt: int) -> None:
    asked: list[bytes] = []
    stalled = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        if len(asked) < attempt:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
            writer.write(choice({"content": '{"name": "Jo'}))
        else:
            stalled.set()
            await reader.read()  # until the client leaves
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with from_provider("local/m", base_url=url, async_client=True) as client:
            run = client.stream(Person, messages=MESSAGES, max_retries=1)
            reading = asyncio.create_task(run.result())
            await stalled.wait()
            run.cancel()
            with pytest.raises(StreamkitError, match="was cancelled"):
                await asyncio.wait_for(reading, 10.0)
            assert run.end is not None
            assert run.end.status == "cancelled"


def test_no_attempt_is_waited_for_once_it_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamkit.client.runs.reader, "pause", PAUSE)
    with LoopbackServer(BROKEN, answer(GOOD)) as server, sync(server) as client:
        stops: list[bool] = []

        def on_retry(attempt: Attempt) -> None:
            run.cancel()
            reader = cast("Any", run)._reader
            stops.append(reader._stop.is_set())

        run = client.stream(Person, messages=MESSAGES, max_retries=1, hooks=Hooks(on_retry=on_retry))
        *_, last = run
        assert stops == [True]
        assert cast("End", last.value).status == "cancelled"
        assert len(server.requests) == 1


async def test_no_attempt_is_waited_for_once_it_is_cancelled_async(waits: list[float]) -> None:
    with LoopbackServer(BROKEN, answer(GOOD)) as server:
        async with asynchronous(server) as client:
            run = client.stream(Person, messages=MESSAGES, max_retries=1)
            async for change in run:
                if change.op == "reset":
                    run.cancel()
            assert run.end is not None
            assert run.end.status == "cancelled"
        assert (waits, len(server.requests)) == ([], 1)


UNAVAILABLE = Answer([b"{}"], status=503, content_type="application/json")


def test_a_request_that_fails_later_is_one_attempt(waits: list[float]) -> None:
    answers = (BROKEN, UNAVAILABLE, UNAVAILABLE, answer(GOOD))
    with LoopbackServer(*answers) as server, sync(server, max_retries=0) as client:
        run = client.stream(Person, messages=MESSAGES, max_retries=5)
        changes = list(run)
        assert run.result().age == 25
    assert [change.op for change in changes].count("reset") == 3
    kinds = [type(attempt.error) for attempt in run.attempts]
    assert kinds == [ConnectionLost, openai.InternalServerError, openai.InternalServerError, type(None)]
    assert [0.75 * 2**n <= 2 * wait <= 2**n for n, wait in enumerate(waits)] == [True] * 3


async def test_a_request_that_fails_later_is_one_attempt_in_the_async_world() -> None:
    with LoopbackServer(BROKEN, UNAVAILABLE, UNAVAILABLE, answer(GOOD)) as server:
        async with asynchronous(server, max_retries=0) as client:
            assert (await client.stream(Person, messages=MESSAGES, max_retries=3).result()).age == 25
    with LoopbackServer(BROKEN, UNAVAILABLE, answer(GOOD)) as server:
        async with asynchronous(server, max_retries=0) as client:
            run = client.stream(Person, messages=MESSAGES, max_retries=1)
            with pytest.raises(RetriesExhausted, match="2 attempts"):
                await run.result()


def test_how_often_is_told() -> None:
    with LoopbackServer(answer(BAD)) as server, sync(server) as client:
        with pytest.raises(ValueError, match="how often"):
            client.stream(Person, messages=MESSAGES, max_retries=-1)
        with pytest.raises(TypeError, match="Retrying of tenacity"):
            client.stream(Person, messages=MESSAGES, max_retries=cast("Any", "2"))
