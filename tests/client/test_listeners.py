"""`client.on(...)`: Instructor's way to hear of each request, beside `Hooks`."""

import asyncio
import json
from typing import Any, cast

import openai
import pytest
from openai.types.chat import ChatCompletion
from pydantic import BaseModel
from support.meeting import MESSAGES

from streamkit import Hooks, InvalidResult, RetriesExhausted, StreamkitError, Truncated, from_provider
from streamkit.client import AsyncClient, Client
from streamkit.testing import Answer, LoopbackServer, chat_events

NAMES = (
    "completion:kwargs",
    "completion:response",
    "completion:error",
    "parse:error",
    "completion:last_attempt",
)


class User(BaseModel):
    name: str
    age: int


GOOD = chat_events([json.dumps({"name": "Jo", "age": 25})])
WRONG = chat_events([json.dumps({"name": "Jo", "age": "old"})])
CUT = chat_events(['{"name": "Jo'], finish_reason="length")
DENIED = Answer([b"{}"], status=401, content_type="application/json")
BROKEN = Answer(GOOD[:1], ending="dropped")


class Heard:
    """What a client's handlers were called with."""

    def __init__(self, client: Client | AsyncClient) -> None:
        self.names: list[str] = []
        self.values: list[Any] = []
        for name in NAMES:
            client.on(cast("Any", name), self.hear(name))

    def hear(self, name: str) -> Any:
        def handler(*args: Any, **kwargs: Any) -> None:
            self.names.append(name)
            self.values.append(kwargs or args[0])

        return handler


def sync(server: LoopbackServer) -> Client:
    return from_provider("local/m", base_url=server.base_url, max_retries=0)


def test_a_good_answer_is_heard() -> None:
    with LoopbackServer(GOOD) as server, sync(server) as client:
        heard = Heard(client)
        assert client.create(response_model=User, messages=MESSAGES, temperature=0).name == "Jo"
        asked = server.requests[0].json
    assert heard.names == ["completion:kwargs", "completion:response"]
    assert heard.values[0] == asked
    assert isinstance(heard.values[1], ChatCompletion)
    assert heard.values[1].choices[0].message.content == '{"name": "Jo", "age": 25}'


def test_each_attempt_is_heard() -> None:
    ends: list[str] = []
    hooks = Hooks(on_retry=lambda attempt: ends.append("again"), on_end=lambda end: ends.append(end.status))
    with LoopbackServer(WRONG, GOOD) as server, sync(server) as client:
        heard = Heard(client)
        *_, last = client.create_partial(response_model=User, messages=MESSAGES, max_retries=1, hooks=hooks)
        assert last.age == 25
    asked, wrong, failed, again, right = heard.values
    assert heard.names == [*NAMES[:2], "parse:error", *NAMES[:2]]
    assert isinstance(failed, InvalidResult)
    assert ("old" in wrong.choices[0].message.content, "old" in right.choices[0].message.content) == (True, False)
    assert len(again["messages"]) == len(asked["messages"]) + 2
    assert ends == ["again", "complete"]


def test_the_last_attempt_is_heard() -> None:
    with LoopbackServer(WRONG) as server, sync(server) as client:
        heard = Heard(client)
        with pytest.raises(RetriesExhausted):
            client.create(response_model=User, messages=MESSAGES, max_retries=1)
        once = ["completion:kwargs", "completion:response", "parse:error"]
        assert heard.names == [*once, *once, "completion:last_attempt"]
        assert isinstance(heard.values[-1], InvalidResult)
        assert heard.values[-1] is heard.values[-2]


@pytest.mark.parametrize(
    ("answers", "names"),
    [
        ([DENIED], ["completion:kwargs", "completion:error"]),
        ([CUT], ["completion:kwargs", "completion:error", "completion:last_attempt"]),
        ([BROKEN, DENIED], ["completion:kwargs", "completion:error"] * 2 + ["completion:last_attempt"]),
    ],
)
@pytest.mark.parametrize("is_async", [False, True])
def test_what_gives_no_answer_is_heard(answers: list[Any], names: list[str], is_async: bool) -> None:
    kinds: list[type[Exception]] = [openai.AuthenticationError, Truncated, RetriesExhausted]
    ask: dict[str, Any] = {"response_model": User, "messages": MESSAGES, "max_retries": 1}
    for method in ("create", "create_partial", "create_iterable", "create_with_completion"):
        with LoopbackServer(*answers) as server:
            if is_async:
                made = asyncio.run(hear_async(server, method, ask))
            else:
                with sync(server) as client:
                    heard = Heard(client)
                    with pytest.raises((openai.OpenAIError, StreamkitError)) as caught:
                        list(getattr(client, method)(**ask))
                    made = heard.names, caught.value
        assert made[0] == names
        assert isinstance(made[1], tuple(kinds))


async def hear_async(server: LoopbackServer, method: str, ask: dict[str, Any]) -> tuple[list[str], Exception]:
    async with from_provider("local/m", base_url=server.base_url, async_client=True, max_retries=0) as client:
        heard = Heard(client)
        with pytest.raises((openai.OpenAIError, StreamkitError)) as caught:
            await read_all(getattr(client, method)(**ask))
        return heard.names, caught.value


async def read_all(asked: Any) -> None:
    if hasattr(asked, "__aiter__"):
        async for _ in asked:
            pass
    else:
        await asked


def test_handlers_go_as_they_came() -> None:
    told: list[str] = []

    def first(**request: object) -> None:
        told.append("first")

    def second(**request: object) -> None:
        told.append("second")

    with LoopbackServer(GOOD) as server, sync(server) as client:
        client.on("completion:kwargs", first)
        client.on("completion:kwargs", second)
        client.create(response_model=User, messages=MESSAGES)
        client.off("completion:kwargs", first)
        client.off("completion:kwargs", first)
        client.create(response_model=User, messages=MESSAGES)
        client.clear("parse:error")
        client.create(response_model=User, messages=MESSAGES)
        client.clear()
        client.create(response_model=User, messages=MESSAGES)
        assert told == ["first", "second", "second", "second"]
        client.stream(User, messages=MESSAGES).result()


def test_handlers_that_cannot_be_called() -> None:
    async def handler(error: Exception) -> None: ...

    with LoopbackServer(GOOD) as server, sync(server) as client:
        with pytest.raises(ValueError, match=r"known are 'completion:kwargs', .*; got 'kwargs'"):
            client.on(cast("Any", "kwargs"), print)
        with pytest.raises(TypeError, match="a plain function"):
            client.on("parse:error", handler)
        client.on("completion:kwargs", print)
        with pytest.raises(TypeError, match="hooks is a Hooks"):
            client.create(response_model=User, messages=MESSAGES, hooks=print)
