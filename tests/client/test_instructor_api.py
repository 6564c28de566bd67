"""Instructor's spellings: `create`, `create_partial`, `create_iterable`, sync and async."""

import json
from collections.abc import Iterable
from typing import Any, Literal, cast

import pytest
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from pydantic import BaseModel, ValidationInfo, field_validator
from support.meeting import MEETING, MESSAGES, RECORDED, USERS, MeetingInfo, User
from support.wires import DONE, choice, event

from streamkit import InvalidResult, Mode, Partial, PartialLiteralMixin, StreamkitError, from_provider
from streamkit.client import AsyncClient, Client
from streamkit.sources import recorded
from streamkit.testing import LoopbackServer, chat_events

LIST = json.dumps({"value": [user.model_dump() for user in USERS]})
WRONG = json.dumps({"value": [{**USERS[0].model_dump()}, {"name": "Jane"}, USERS[2].model_dump()]})


MANY: Any = Iterable[User]  # type checkers know of `type[list[User]]`, and of no `type[Iterable[User]]`


def answer(text: str) -> list[bytes]:
    return chat_events([text[i : i + 6] for i in range(0, len(text), 6)])


def sync(server: LoopbackServer) -> Client:
    return from_provider("local/m", base_url=server.base_url)


def asynchronous(server: LoopbackServer) -> AsyncClient:
    return from_provider("local/m", base_url=server.base_url, async_client=True)


@pytest.mark.parametrize("asked", [User, Iterable[User], list[User]])
def test_items_come_as_they_complete(asked: Any) -> None:
    with LoopbackServer(answer(LIST)) as server, sync(server) as client:
        users = client.chat.completions.create_iterable(response_model=asked, messages=MESSAGES)
        assert next(users) == USERS[0]
        assert list(users) == USERS[1:]


async def test_items_come_as_they_complete_in_the_async_world() -> None:
    with LoopbackServer(answer(LIST)) as server:
        async with asynchronous(server) as client:
            assert [user async for user in client.create_iterable(response_model=User, messages=MESSAGES)] == USERS
            stream = await client.create(response_model=MANY, messages=MESSAGES, stream=True)
            assert [user async for user in stream] == USERS
            assert await client.create(response_model=MANY, messages=MESSAGES) == USERS


def test_items_that_were_given_do_not_come_again() -> None:
    with LoopbackServer(answer(WRONG), answer(LIST)) as server, sync(server) as client:
        users = list(client.create_iterable(response_model=User, messages=MESSAGES, max_retries=1))
        assert users == [USERS[0], USERS[2], USERS[1]]
    with LoopbackServer(answer(WRONG)) as server, sync(server) as client:
        given: list[User] = []
        with pytest.raises(InvalidResult, match="/1/email"):
            given.extend(client.create_iterable(response_model=User, messages=MESSAGES))
        assert given == [USERS[0], USERS[2]]


def test_create() -> None:
    with LoopbackServer(recorded(RECORDED)) as server, sync(server) as client:
        assert client.chat.completions.create(response_model=MeetingInfo, messages=MESSAGES) == MEETING
        partials = list(client.create(response_model=Partial[MeetingInfo], messages=MESSAGES, stream=True))
        assert partials[-1] == MEETING
        assert len(partials) > 2
        assert client.create(response_model=Partial[MeetingInfo], messages=MESSAGES) == MEETING
        chunks = list(client.create(messages=MESSAGES, stream=True, temperature=0))
        assert len(chunks) == 116
        assert "response_format" not in server.requests[-1].json
    with LoopbackServer(answer(LIST)) as server, sync(server) as client:
        assert list(client.create(response_model=MANY, messages=MESSAGES, stream=True)) == USERS
        assert client.create(response_model=list[User], messages=MESSAGES) == USERS


async def test_create_async() -> None:
    with LoopbackServer(recorded(RECORDED)) as server:
        async with asynchronous(server) as client:
            assert await client.chat.completions.create(response_model=MeetingInfo, messages=MESSAGES) == MEETING
            stream = await client.create(response_model=MeetingInfo, messages=MESSAGES, stream=True)
            assert [each async for each in stream][-1] == MEETING
            chunks = await client.create(messages=MESSAGES, stream=True)
            assert len([chunk async for chunk in chunks]) == 116


class Cased(BaseModel, PartialLiteralMixin):
    name: str
    kind: Literal["upper", "lower"]

    @field_validator("name")
    @classmethod
    def upper(cls, name: str, info: ValidationInfo) -> str:
        return name.upper() if info.context == "shout" else name


def test_context_and_strictness() -> None:
    answers = answer('{"name": "jo", "kind": "lower"}'), answer('{"value": ["1"]}')
    with LoopbackServer(*answers) as server, sync(server) as client:
        assert client.create(response_model=Cased, messages=MESSAGES, context="shout").name == "JO"
        assert client.create(response_model=list[int], messages=MESSAGES) == [1]
        with pytest.raises(InvalidResult):
            client.create(response_model=list[int], messages=MESSAGES, strict=True)


def test_partials_only_stream() -> None:
    with LoopbackServer(answer("{}")) as server, sync(server) as client:
        with pytest.raises(ValueError, match="use create"):
            client.create_partial(response_model=User, messages=MESSAGES, stream=False)
        with pytest.raises(StreamkitError):
            client.create(response_model=User, messages=MESSAGES)
        assert cast("Any", client).chat.completions is client


USAGE = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
JANE = USERS[1].model_dump_json()


@pytest.mark.parametrize("source", ["sse", "sdk"])
def test_the_completion_is_the_sdks_own(source: Any) -> None:
    events = chat_events([JANE[:9], JANE[9:]], usage=USAGE)
    with LoopbackServer(events, answer(LIST)) as server, sync(server) as client:
        client.source = source
        user, completion = client.chat.completions.create_with_completion(response_model=User, messages=MESSAGES)
        assert user == USERS[1]
        assert isinstance(completion, ChatCompletion)
        assert isinstance(completion.usage, CompletionUsage)
        assert completion.usage.total_tokens == 7
        assert completion.choices[0].message.content == JANE
        assert (completion.choices[0].finish_reason, completion.choices[0].message.tool_calls) == ("stop", None)
        assert ChatCompletion.model_validate(completion.model_dump()) == completion
        users, _ = client.create_with_completion(response_model=MANY, messages=MESSAGES, mode=Mode.JSON, max_retries=0)
        assert users == USERS


async def test_the_completion_of_a_call_in_the_async_world() -> None:
    function = {"name": "User", "arguments": JANE}
    called = choice({"tool_calls": [{"index": 0, "id": "c1", "function": function}]})
    with LoopbackServer([called, choice({}, finish_reason="tool_calls"), DONE]) as server:
        async with asynchronous(server) as client:
            user, completion = await client.create_with_completion(
                response_model=User, messages=MESSAGES, mode=Mode.TOOLS
            )
    assert user == USERS[1]
    (told,) = completion.choices
    assert (told.message.content, told.finish_reason, completion.usage) == (None, "tool_calls", None)
    assert [(each.id, each.function.name, each.function.arguments) for each in told.message.tool_calls] == [
        ("c1", "User", JANE)
    ]


def test_the_completion_of_the_responses_api() -> None:
    events = [
        event(type="response.output_text.delta", item_id="a", delta=JANE),
        event(type="response.completed", response={"id": "r", "status": "completed", "usage": {"total_tokens": 7}}),
    ]
    item = {"type": "function_call", "id": "i", "call_id": "c", "name": "User"}
    calls = [
        event(type="response.output_item.added", item=item),
        event(type="response.function_call_arguments.done", item_id="i", arguments=JANE),
        event(type="response.completed", response={"status": "completed"}),
    ]
    with LoopbackServer(events, calls) as server, sync(server) as client:
        _, told = client.create_with_completion(response_model=User, messages=MESSAGES, mode=Mode.RESPONSES)
        assert isinstance(told, Response)
        assert (told.id, told.status, told.output_text) == ("r", "completed", JANE)
        assert told.usage is not None
        assert told.usage.total_tokens == 7
        _, told = client.create_with_completion(response_model=User, messages=MESSAGES, mode=Mode.RESPONSES_TOOLS)
        assert [(each.type, each.name, each.arguments) for each in told.output] == [("function_call", "User", JANE)]
