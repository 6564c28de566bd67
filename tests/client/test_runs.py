"""What a run tells beside its changes: reasoning, text, refusal, time; hooks; cancelling."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any, cast

import httpx2
import openai
import pytest
from support.clients import MakeClient
from support.meeting import MESSAGES, RECORDED, MeetingInfo, User
from support.wires import DONE, call, choice, event

from streamkit import (
    Change,
    ConnectionLost,
    Document,
    EmptyAnswer,
    End,
    Filtered,
    Mode,
    ProviderError,
    Refused,
    StreamkitError,
    from_openai,
    from_provider,
)
from streamkit.client import AsyncClient, AsyncRun, Hooks
from streamkit.sources import Read, Recorded, recorded
from streamkit.testing import Answer, LoopbackServer, chat_events

TEXT = '{"name": "Jo", "email": "j", "twitter": "@"}'
JO = User(name="Jo", email="j", twitter="@")
THINKING = [
    choice({"role": "assistant", "content": ""}),
    choice({"reasoning_content": "A name"}),
    choice({"reasoning_content": " is there."}),
    *[choice({"content": TEXT[i : i + 4]}) for i in range(0, len(TEXT), 4)],
    choice({}, finish_reason="stop"),
    DONE,
]


def paced(events: list[bytes], seconds: float) -> Recorded:
    return Recorded([Read(0.0, each) for each in events]).over(seconds)


def asynchronous(server: LoopbackServer) -> AsyncClient:
    return from_provider("local/m", base_url=server.base_url, async_client=True)


# Each event is read alone, and what is read brings several changes.
SPREAD = paced([*chat_events([TEXT[:20], TEXT[20:35], TEXT[35:]], done=False), DONE], 0.2)


def test_two_views_by_turns(make_client: MakeClient) -> None:
    """What one view left of a read comes before anything else is read."""
    client = make_client(SPREAD, SPREAD)
    with client.stream(User, messages=MESSAGES) as run:
        whole = list(run)
    with client.stream(User, messages=MESSAGES) as run:
        changes = [next(run)]
        batches = run.batches()
        changes += next(batches)
        changes.append(next(run))
        text = run.text
        changes += next(batches)
        assert run.text == text
        assert [*changes, *run] == whole


class Scripted(httpx2.AsyncByteStream):
    """A body that says when who reads it has to wait."""

    def __init__(self, *reads: bytes) -> None:
        self._reads = reads

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for read in self._reads:
            yield read
            await asyncio.sleep(0)


@pytest.mark.parametrize("view", ["result", "changes", "batches"])
async def test_who_waits_for_its_turn_misses_nothing(view: str) -> None:
    """The end may be read by another view, which has no use for it."""

    async def read(run: AsyncRun[User]) -> list[str]:
        if view == "result":
            return [str(await run.result())]
        if view == "changes":
            return [change.op async for change in run]
        return [change.op async for batch in run.batches() for change in batch]

    async def think(run: AsyncRun[User]) -> None:
        async for _ in run.reasoning:
            pass

    def answer(_: httpx2.Request) -> httpx2.Response:
        body = Scripted(choice({"content": TEXT}), choice({}, finish_reason="stop"), DONE)
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=body)

    transport = httpx2.MockTransport(answer)
    async with (
        openai.AsyncOpenAI(api_key="none", http_client=httpx2.AsyncClient(transport=transport)) as sdk,
        from_openai(sdk, model="m").stream(User, messages=MESSAGES) as run,
    ):
        told, _ = await asyncio.gather(read(run), think(run))
    assert told[-1] == (str(JO) if view == "result" else "end")


def test_the_reasoning_is_a_stream_of_its_own(make_client: MakeClient) -> None:
    client = make_client(paced(THINKING, 0.3), [b"".join(THINKING)])
    with client.stream(User, messages=MESSAGES) as run:
        assert not run.reasoning
        assert list(run.reasoning) == ["A name", " is there."]
        assert next(run) == Change("add", (), {})
        assert list(run.reasoning) == []
        assert run.result() == JO
        assert str(run.reasoning) == "A name is there."
        assert run.text == TEXT
    with client.stream(User, messages=MESSAGES) as run:
        assert list(run.reasoning) == ["A name", " is there."]
        assert run.result() == JO


async def test_the_reasoning_is_an_async_stream() -> None:
    with LoopbackServer(THINKING) as server:
        async with asynchronous(server) as client, client.stream(User, messages=MESSAGES) as run:
            assert [piece async for piece in run.reasoning] == ["A name", " is there."]
            assert await run.result() == JO
            assert [piece async for piece in run.reasoning] == []


def test_an_async_run_is_made_anywhere() -> None:
    async def last(client: AsyncClient, partials: AsyncIterator[User]) -> User:
        async with client:
            return [each async for each in partials][-1]

    with LoopbackServer(THINKING) as server:
        client = asynchronous(server)
        assert asyncio.run(last(client, client.create_partial(response_model=User, messages=MESSAGES))) == JO
        client = asynchronous(server)
        run = client.stream(User, messages=MESSAGES)
        calls = client.stream_tools([User], messages=MESSAGES)
        for each in (run, calls):
            with pytest.raises(TypeError, match="'async for'"):
                list(cast("Any", each))
            with pytest.raises(TypeError, match="'async with'"), cast("Any", each):
                pass
        assert asyncio.run(last(client, run.snapshots())) == JO


@pytest.mark.parametrize("is_entered", [True, False])
async def test_two_tasks_read_one_run(is_entered: bool) -> None:
    async def pieces(run: AsyncRun[User]) -> list[str]:
        return [piece async for piece in run.reasoning]

    with LoopbackServer(paced(THINKING, 0.3)) as server:
        async with asynchronous(server) as client, AsyncExitStack() as stack:
            run = client.stream(User, messages=MESSAGES)
            if is_entered:
                await stack.enter_async_context(run)
            told: list[object] = [*await asyncio.gather(run.result(), pieces(run), run.result())]
            assert told == [JO, ["A name", " is there."], JO]
            assert run.text == TEXT
        assert len(server.requests) == 1


async def test_two_tasks_share_the_changes_in_order() -> None:
    document = Document()

    async def follow(run: AsyncRun[User], by_batch: bool) -> None:
        if by_batch:
            async for batch in run.batches():
                for change in batch:
                    document.apply(change)
        else:
            async for change in run:
                document.apply(change)

    with LoopbackServer(paced(THINKING, 0.3)) as server:
        async with asynchronous(server) as client, client.stream(User, messages=MESSAGES) as run:
            await asyncio.gather(follow(run, True), follow(run, False), follow(run, True))
    assert document.value == JO.model_dump()
    assert document.end is not None


async def test_leaving_while_another_task_reads() -> None:
    with LoopbackServer(paced(THINKING, 60.0)) as server:
        async with asynchronous(server) as client:
            async with client.stream(User, messages=MESSAGES) as run:
                reading = asyncio.create_task(run.result())
                await asyncio.sleep(0.1)
            assert server.requests[0].wait(2.0)
            assert server.requests[0].left is not None
            with pytest.raises(StreamkitError, match="left while it was read"):
                await asyncio.wait_for(reading, 5.0)


async def test_a_hook_cannot_read_its_own_run() -> None:
    async def read(change: Change) -> None:
        await run.result()

    with LoopbackServer(THINKING) as server:
        async with asynchronous(server) as client:
            run = client.stream(User, messages=MESSAGES, hooks=Hooks(on_change=read))
            with pytest.raises(StreamkitError, match="hook cannot read the run"):
                await asyncio.wait_for(run.result(), 5.0)


def test_what_the_provider_says(make_client: MakeClient) -> None:
    with make_client(recorded(RECORDED)).stream(MeetingInfo, messages=MESSAGES) as run:
        assert (run.id, run.model, run.first_change, run.attempts, run.refusal) == (None, None, None, (), None)
        run.result()
    assert run.id
    assert run.id.startswith("chatcmpl-")
    assert run.model == "meeting"
    assert run.first_change is not None
    assert 0 < run.first_change < 5
    (attempt,) = run.attempts
    assert (attempt.text, attempt.error, attempt.usage, attempt.id) == (run.text, None, run.usage, run.id)


def ended(make_client: MakeClient, *events: bytes, mode: Mode = Mode.JSON_SCHEMA, **answer: Any) -> End:
    with make_client(Answer(list(events), **answer)).stream(User, messages=MESSAGES, mode=mode) as run:
        with pytest.raises(StreamkitError) as caught:
            run.result()
        assert run.end is not None
        assert caught.value is run.end.error
        return run.end


BEGUN = choice({"content": '{"name": "Jo'})


@pytest.mark.parametrize(
    ("events", "status", "kind", "said"),
    [
        ([choice({"refusal": "No"}), choice({}, finish_reason="stop")], "refused", Refused, "^No$"),
        ([BEGUN, choice({}, finish_reason="content_filter")], "refused", Filtered, "content filter"),
        ([choice({}, finish_reason="stop"), DONE], "truncated", EmptyAnswer, "without any text"),
        ([BEGUN, event(error={"message": "overloaded"})], "failed", ProviderError, "overloaded"),
        ([BEGUN, choice({}, finish_reason="error")], "failed", ProviderError, "'error'"),
        ([b"<html>"], "failed", ProviderError, "no event"),
    ],
)
def test_each_bad_end_has_its_error(
    make_client: MakeClient, events: list[bytes], status: str, kind: type[Exception], said: str
) -> None:
    end = ended(make_client, *events)
    assert (end.status, type(end.error)) == (status, kind)
    with pytest.raises(kind, match=said):
        raise cast("Exception", end.error)
    if events[0] is BEGUN:
        assert cast("Any", end.error).partial.name == "Jo"


def test_a_connection_that_breaks(make_client: MakeClient) -> None:
    end = ended(make_client, BEGUN, ending="dropped")
    assert (end.status, type(end.error), end.open) == ("failed", ConnectionLost, ((), ("name",)))
    assert cast("Any", end.error).partial.name == "Jo"


def test_words_where_a_call_was_asked_for(make_client: MakeClient) -> None:
    end = ended(make_client, *chat_events(["I would ", "rather not"]), mode=Mode.TOOLS)
    assert (end.status, str(end.error)) == ("truncated", "the model called no tool; it said 'I would rather not'")
    end = ended(make_client, *chat_events(["No fence, ", "no {}"]), mode=Mode.MD_JSON)
    assert str(end.error) == "there is no JSON document in the answer; it said 'No fence, no {}'"


def test_a_call_is_read_wherever_its_index_begins(make_client: MakeClient) -> None:
    events = [choice({"content": "I call"}), *[choice(call(TEXT[i : i + 9], index=1)) for i in range(0, len(TEXT), 9)]]
    other = choice(call('{"name": "other"}', index=2))
    with make_client([*events, other, DONE]).stream(User, messages=MESSAGES, mode=Mode.TOOLS) as run:
        assert run.result() == JO


def test_a_document_that_is_sent_twice(make_client: MakeClient) -> None:
    with make_client(chat_events([TEXT, "\n", TEXT])).stream(User, messages=MESSAGES) as run:
        assert run.result() == JO
        assert run.text == f"{TEXT}\n{TEXT}"


def test_a_fence_and_a_message_that_asks_for_it() -> None:
    events = chat_events(["Here:\n```", "json\n", TEXT[:9], TEXT[9:], "\n``", "`\nDone."])
    with LoopbackServer(events) as server:
        with from_provider("local/m", base_url=server.base_url, mode=Mode.MD_JSON) as client:
            client.source = "sdk"
            partials = client.create_partial(response_model=User, messages=MESSAGES)
            assert [(each.name, each.email) for each in partials] == [(None, None), ("Jo", "j")]
        sent = server.requests[0].json
    assert "response_format" not in sent
    assert "```json" in cast("Any", sent)["messages"][0]["content"]


# Hooks


def test_hooks_are_called_in_order(make_client: MakeClient) -> None:
    told: list[tuple[str, object]] = []

    def tell(name: str) -> Callable[[Any], None]:
        return lambda value: told.append((name, value))

    names = ("request", "chunk", "change", "invalid", "end")
    hooks = Hooks(**{f"on_{name}": tell(name) for name in names})
    client = make_client(chat_events(['{"name": 1, ', '"email": "j", "twitter": "@"}']))
    client.source = "sdk"
    with client.stream(User, messages=MESSAGES, hooks=hooks) as run:
        changes = list(run)
    assert [name for name, _ in told][:3] == ["request", "chunk", "change"]
    assert cast("Any", told[0][1])["model"] == "m"
    assert [value for name, value in told if name == "chunk"] == ['{"name": 1, ', '"email": "j", "twitter": "@"}']
    assert [value for name, value in told if name == "change"] == changes
    assert [cast("Change", value).pointer for name, value in told if name == "invalid"] == ["/name", ""]
    assert told[-1] == ("end", run.end)


def test_what_a_hook_does_to_a_request_is_its_own_business() -> None:
    def spoil(request: dict[str, Any]) -> None:
        request["response_format"]["json_schema"]["schema"].clear()

    with LoopbackServer(chat_events([TEXT])) as server, from_provider("local/m", base_url=server.base_url) as client:
        for _ in range(2):
            assert client.stream(User, messages=MESSAGES, hooks=Hooks(on_request=spoil)).result() == JO
        first, second = (cast("Any", seen.json)["response_format"]["json_schema"]["schema"] for seen in server.requests)
        assert first == second
        assert first["properties"]


async def test_async_hooks_are_awaited() -> None:
    told: list[str] = []

    async def on_end(end: End) -> None:
        await asyncio.sleep(0)
        told.append(end.status)

    with LoopbackServer(chat_events([TEXT])) as server:
        async with asynchronous(server) as client:
            hooks = Hooks[Change](on_end=on_end, on_change=lambda change: told.append(change.op))
            assert await client.stream(User, messages=MESSAGES, hooks=hooks).result() == JO
        assert told[-2:] == ["end", "complete"]
        with from_provider("local/m", base_url=server.base_url) as sync, pytest.raises(TypeError, match="on_end"):
            sync.stream(User, messages=MESSAGES, hooks=Hooks(on_end=on_end))


def test_what_a_hook_raises_ends_the_run() -> None:
    def fail(change: Change) -> None:
        raise RuntimeError("no disk")

    with LoopbackServer(paced(THINKING, 9.0)) as server, from_provider("local/m", base_url=server.base_url) as client:
        with (
            pytest.raises(RuntimeError, match="no disk"),
            client.stream(User, messages=MESSAGES, hooks=Hooks(on_change=fail)) as run,
        ):
            next(run)
        assert server.requests[0].wait(2.0)
        assert server.requests[0].left is not None
        with pytest.raises(StreamkitError, match=r"ended by what was raised.*no disk"):
            run.result()


def test_a_hook_closes_the_run_that_calls_it(make_client: MakeClient) -> None:
    with make_client(paced(THINKING, 9.0)) as client:
        run = client.stream(User, messages=MESSAGES, hooks=Hooks(on_change=lambda change: run.close()))
        with pytest.raises(StreamkitError, match="left before its end"):
            run.result()


def test_a_hook_cannot_read_its_own_run_in_the_sync_world(make_client: MakeClient) -> None:
    with make_client(THINKING) as client:
        run = client.stream(User, messages=MESSAGES, hooks=Hooks(on_change=lambda change: run.result()))
        with pytest.raises(StreamkitError, match="a hook cannot read it"):
            run.result()


def test_another_thread_does_not_spoil_a_run_that_is_read(make_client: MakeClient) -> None:
    def meanwhile(change: Change) -> None:
        if not told:
            told.append(thread.submit(run.result).exception(5.0))

    told: list[BaseException | None] = []
    with make_client(THINKING) as client, ThreadPoolExecutor(1) as thread:
        run = client.stream(User, messages=MESSAGES, hooks=Hooks(on_change=meanwhile))
        assert run.result() == JO
    assert "of threads only one at a time" in str(told[0])


def test_another_thread_closes_a_run_that_is_read() -> None:
    with LoopbackServer(paced(THINKING, 9.0)) as server, from_provider("local/m", base_url=server.base_url) as client:
        with ThreadPoolExecutor(1) as thread:
            hooks = Hooks[Change](on_change=lambda change: thread.submit(run.close).result(5.0))
            run = client.stream(User, messages=MESSAGES, hooks=hooks)
            with pytest.raises(StreamkitError, match="left before its end"):
                run.result()
        assert server.requests[0].wait(2.0)
        assert server.requests[0].left is not None


# Cancelling


def test_cancelling_ends_the_run() -> None:
    with LoopbackServer(paced(THINKING, 9.0)) as server, from_provider("local/m", base_url=server.base_url) as client:
        with client.stream(User, messages=MESSAGES) as run:
            next(run)
            run.cancel()
            *_, last = run
            assert cast("End", last.value).status == "cancelled"
            with pytest.raises(Exception, match="cancelled"):
                run.result()
        assert server.requests[0].wait(2.0)
        assert server.requests[0].left is not None


async def test_cancelling_while_another_task_reads() -> None:
    with LoopbackServer(paced(THINKING, 60.0)) as server:
        async with asynchronous(server) as client, client.stream(User, messages=MESSAGES) as run:

            async def read() -> list[Change[User]]:
                return [change async for change in run]

            reading = asyncio.create_task(read())
            await asyncio.sleep(0.1)
            run.cancel()
            changes = await asyncio.wait_for(reading, 5.0)
            assert cast("End", changes[-1].value).status == "cancelled"
            assert server.requests[0].wait(2.0)
            assert server.requests[0].left is not None


async def test_the_connection_is_closed_before_the_block_is_left() -> None:
    with LoopbackServer(paced(chat_events(list(TEXT)), 30.0)) as server:
        async with asynchronous(server) as client:
            async with client.stream(User, messages=MESSAGES) as run:
                await anext(run)
                response = cast("Any", run)._reader._source._close.__self__.response
                sent = server.requests[0].sent
            assert response.is_closed
            assert server.requests[0].wait(2.0)
            assert server.requests[0].left is not None
            assert server.requests[0].sent <= sent + 1


@pytest.mark.parametrize("source", ["sse", "sdk"])
async def test_a_connection_whose_answer_was_read_is_used_again(source: Any) -> None:
    def peers() -> list[object]:
        return [connection.getpeername() for connection in cast("Any", server)._http._connections]

    with LoopbackServer(chat_events([TEXT])) as server:
        async with from_provider("local/m", base_url=server.base_url, async_client=True, source=source) as client:
            assert await client.stream(User, messages=MESSAGES).result() == JO
            first = peers()
            assert await client.stream(User, messages=MESSAGES).result() == JO
            assert peers() == first
            assert len(first) == 1
