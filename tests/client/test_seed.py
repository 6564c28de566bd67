"""The seed page's example, through a real socket: its table, its changes, and that it is live.

The table's third row is a misprint for `"age":`, and says nothing that the second does not: three are distinct.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx2
import openai
import pytest
from pydantic import BaseModel

import streamkit
from streamkit import Change, End, Partial, PartialLiteralMixin
from streamkit.client import AsyncClient, Client
from streamkit.sources import Read, Recorded
from streamkit.testing import Answer, LoopbackServer, chat_events, every_split

TABLE = ['{"name": "Jo', 'hn", "ag', 'e":', " 25}"]
TEXT = '{"name": "John", "age": 25}'
ASK: Any = {"messages": [{"role": "user", "content": "John is 25 years old"}]}


class User(BaseModel):
    name: str
    age: int


CHANGES = [
    Change("add", (), {}),
    Change("add", ("name",), "Jo"),
    Change("append", ("name",), "hn"),
    Change("complete", ("name",), "John"),
    Change("add", ("age",), 25),
    Change("complete", ("age",), 25),
    Change("complete", (), User(name="John", age=25)),
    Change("end", (), End("complete", finish_reason="stop")),
]


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(chat_events(TABLE)) as server:
        yield server


def sync_client(server: LoopbackServer) -> Client:
    return streamkit.from_provider("openai/gpt-4.1-mini", base_url=server.base_url, api_key="none")


def async_client(server: LoopbackServer) -> AsyncClient:
    return streamkit.from_provider("openai/gpt-4.1-mini", base_url=server.base_url, api_key="none", async_client=True)


def check_table(seen: Sequence[User]) -> None:
    assert [(user.name, user.age) for user in seen] == [("Jo", None), ("John", None), ("John", 25)]
    assert [user.model_fields_set for user in seen] == [{"name"}, {"name"}, {"name", "age"}]
    assert seen[-1] == User(name="John", age=25)
    assert [type(user) for user in seen] == [Partial[User], Partial[User], User]


def test_table(server: LoopbackServer) -> None:
    with sync_client(server) as client:
        check_table(
            list(client.chat.completions.create_partial(response_model=User, stream=True, max_retries=2, **ASK))
        )


async def test_table_async(server: LoopbackServer) -> None:
    async with async_client(server) as client:
        stream = client.chat.completions.create_partial(response_model=User, stream=True, max_retries=2, **ASK)
        check_table([user async for user in stream])


def test_changes(server: LoopbackServer) -> None:
    with sync_client(server) as client, client.stream(User, **ASK) as run:
        assert list(run) == CHANGES


async def test_changes_async(server: LoopbackServer) -> None:
    async with async_client(server) as client, client.stream(User, **ASK) as run:
        assert [change async for change in run] == CHANGES


def test_changes_of_any_split() -> None:
    told: list[Change[object]] = [change for change in CHANGES if change.op != "append"]
    for pieces in every_split(TEXT):
        changes = list(pieces | streamkit.extract(User))
        rest = [change for change in changes if change.op != "append"]
        assert [change[:2] for change in rest] == [change[:2] for change in told]
        assert (
            "".join(str(change.value) for change in changes if change.path == ("name",) and change.op != "complete")
            == "John"
        )
        assert [change for change in rest if change.op == "complete"] == [c for c in told if c.op == "complete"]


def test_partial_of_the_model_is_taken_for_the_model(server: LoopbackServer) -> None:
    with sync_client(server) as client:
        model: Any = Partial[User]
        *_, last = client.create_partial(response_model=model, **ASK)
    assert type(last) is User


def test_the_literal_mixin_does_no_harm(server: LoopbackServer) -> None:
    class Mixed(BaseModel, PartialLiteralMixin):
        name: str
        age: int

    with sync_client(server) as client:
        *_, last = client.create_partial(response_model=Mixed, **ASK)
    assert last == Mixed(name="John", age=25)


def paced(seconds: float) -> Recorded:
    """The changes of a long name, evenly over some time."""
    text = '{"name": "' + "John " * 40 + '", "age": 25}'
    events = chat_events([text[at : at + 4] for at in range(0, len(text), 4)])
    return Recorded([Read(0.0, event) for event in events]).over(seconds)


def test_the_first_partial_comes_before_the_body_is_half_sent() -> None:
    body = paced(1.0)
    with LoopbackServer(body) as server, sync_client(server) as client:
        partials = client.create_partial(response_model=User, **ASK)
        assert next(partials).age is None
        assert server.requests[0].sent < len(body.reads) / 2
        assert list(partials)[-1].age == 25


async def test_the_first_partial_comes_before_the_body_is_half_sent_async() -> None:
    body = paced(1.0)
    with LoopbackServer(body) as server:
        async with async_client(server) as client:
            partials = client.create_partial(response_model=User, **ASK)
            assert (await anext(partials)).age is None
            assert server.requests[0].sent < len(body.reads) / 2
            assert [partial async for partial in partials][-1].age == 25


@pytest.mark.parametrize("finish_reason", ["length", None])
def test_a_cut_answer_is_not_taken_for_a_whole_one(finish_reason: str | None) -> None:
    # With "length" the provider says so; without, the body just ends, which the SDK passes over in silence.
    events = chat_events(TABLE[:2], finish_reason=finish_reason, done=finish_reason is not None)
    with LoopbackServer(events) as server, sync_client(server) as client:
        seen: list[User] = []
        with pytest.raises(streamkit.Truncated) as caught:
            seen += client.create_partial(response_model=User, **ASK)
        check_cut(caught.value)
        with client.stream(User, **ASK) as run:
            *_, last = run
            assert last == Change("end", (), run.end)
            assert run.end is not None
            assert (run.end.status, run.end.open) == ("truncated", ((),))
            assert run.finish_reason == finish_reason
            with pytest.raises(streamkit.Truncated):
                run.result()


async def test_a_cut_answer_is_not_taken_for_a_whole_one_async() -> None:
    with LoopbackServer(chat_events(TABLE[:2], finish_reason="length")) as server:
        async with async_client(server) as client:
            with pytest.raises(streamkit.Truncated, match="allow it more tokens") as caught:
                async for _ in client.create_partial(response_model=User, **ASK):
                    pass
            check_cut(caught.value)
            async with client.stream(User, **ASK) as run:
                with pytest.raises(streamkit.Truncated):
                    await run.result()
            assert run.end is not None
            assert run.end.status == "truncated"


def check_cut(error: streamkit.Truncated) -> None:
    assert isinstance(error.partial, User)
    assert error.partial.model_dump() == {"name": "John", "age": None}


def test_a_dropped_connection_is_a_failed_source() -> None:
    with (
        LoopbackServer(Answer(chat_events(TABLE[:2], finish_reason=None, done=False), ending="dropped")) as server,
        sync_client(server) as client,
        client.stream(User, **ASK) as run,
    ):
        with pytest.raises(streamkit.SourceFailed, match="broke off") as caught:
            run.result()
        # openai 3.3 lets the HTTP client's own exception through.
        assert isinstance(caught.value.__cause__, (openai.APIConnectionError, httpx2.RemoteProtocolError))
        assert caught.value.partial == run.partial
        assert run.partial is not None
        assert run.partial.name == "John"
        assert run.end is not None
        assert run.end.status == "failed"


def test_leaving_closes_the_connection() -> None:
    with LoopbackServer(paced(20.0)) as server, sync_client(server) as client:
        for _ in client.create_partial(response_model=User, **ASK):
            break
        assert server.requests[0].wait(2.0)
        assert server.requests[0].left is not None
        with client.stream(User, **ASK) as run:
            next(run)
            start = time.monotonic()
        assert server.requests[1].wait(2.0)
        assert server.requests[1].left is not None
        assert server.requests[1].left - start < 0.5


async def test_leaving_closes_the_connection_async() -> None:
    with LoopbackServer(paced(20.0)) as server:
        async with async_client(server) as client, client.stream(User, **ASK) as run:
            await anext(run)
            start = time.monotonic()
        assert server.requests[0].wait(2.0)
        assert server.requests[0].left is not None
        assert server.requests[0].left - start < 0.5
