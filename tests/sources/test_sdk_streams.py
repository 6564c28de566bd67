"""Whoever stops reading hangs up: a stream of the openai SDK in a flow, and a run of the client."""

import json
from collections.abc import Iterator, Sequence
from typing import Literal, cast

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel
from support.meeting import MESSAGES

from streamkit import Change, End, JsonSyntaxError, extract, from_provider
from streamkit.client import AsyncClient, Client
from streamkit.operators import tap
from streamkit.sources import Read, Recorded, openai_chat
from streamkit.testing import LoopbackServer, chat_events

How = Literal["sdk", "sse"]
HOWS: tuple[How, How] = ("sdk", "sse")


class User(BaseModel):
    name: str
    age: int


def slow(text: str) -> Recorded:
    """An answer that says something at once, and then nothing for a long while."""
    first, *rest = chat_events(list(text))
    return Recorded(
        [*(Read(0.0, each) for each in (first, *rest[:12])), *(Read(60.0, each) for each in rest[12:])], speed=1.0
    )


GOOD = slow(json.dumps({"name": "a long name", "age": 25}))
BAD = slow('{"name": ?, "age": 25, "more": "of it"}')


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(GOOD) as server:
        yield server


def check_left(server: LoopbackServer) -> None:
    seen = server.requests[0]
    assert seen.wait(5.0)
    assert seen.left is not None
    assert not seen.done


def sdk_of(server: LoopbackServer) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0)


def asdk_of(server: LoopbackServer) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0)


def asked(sdk: openai.OpenAI) -> openai.Stream[ChatCompletionChunk]:
    return sdk.chat.completions.create(model="m", messages=[], stream=True)


async def aasked(sdk: openai.AsyncOpenAI) -> openai.AsyncStream[ChatCompletionChunk]:
    return await sdk.chat.completions.create(model="m", messages=[], stream=True)


def fail(item: object) -> None:
    raise RuntimeError("no disk")


@pytest.mark.parametrize("how", HOWS)
def test_leaving_a_flow_hangs_up(how: How, server: LoopbackServer) -> None:
    with sdk_of(server) as sdk:
        with openai_chat(asked(sdk), source=how) | extract(User) as changes:
            assert next(iter(changes)).op == "add"
        check_left(server)


@pytest.mark.parametrize("how", HOWS)
async def test_leaving_a_flow_hangs_up_in_the_async_world(how: How, server: LoopbackServer) -> None:
    async with asdk_of(server) as sdk:
        async with openai_chat(await aasked(sdk), source=how) | extract(User) as changes:
            assert (await anext(aiter(changes))).op == "add"
        check_left(server)


@pytest.mark.parametrize("how", HOWS)
def test_text_that_is_no_json_hangs_up(how: How) -> None:
    with LoopbackServer(BAD) as server, sdk_of(server) as sdk:
        with pytest.raises(JsonSyntaxError):
            (openai_chat(asked(sdk), source=how) | extract(User)).result_sync()
        check_left(server)


@pytest.mark.parametrize("how", HOWS)
async def test_text_that_is_no_json_hangs_up_in_the_async_world(how: How) -> None:
    with LoopbackServer(BAD) as server:
        async with asdk_of(server) as sdk:
            flow = openai_chat(await aasked(sdk), source=how) | extract(User)
            with pytest.raises(JsonSyntaxError):
                await flow.result()
            check_left(server)


@pytest.mark.parametrize("how", HOWS)
async def test_a_stage_that_raises_hangs_up(how: How, server: LoopbackServer) -> None:
    async with asdk_of(server) as sdk:
        with pytest.raises(RuntimeError, match="no disk"):
            async for _ in openai_chat(await aasked(sdk), source=how) | tap(fail) | extract(User):
                pass
        check_left(server)


def test_the_sdks_own_stream_as_a_source_hangs_up(server: LoopbackServer) -> None:
    with sdk_of(server) as sdk:
        with pytest.raises(RuntimeError, match="no disk"):
            for _ in asked(sdk) | tap(fail):
                pass
        check_left(server)


async def test_the_sdks_own_async_stream_as_a_source_hangs_up(server: LoopbackServer) -> None:
    async with asdk_of(server) as sdk:
        with pytest.raises(RuntimeError, match="no disk"):
            async for _ in (await aasked(sdk)) | tap(fail):
                pass
        check_left(server)


async def test_leaving_the_sdks_own_stream_hangs_up(server: LoopbackServer) -> None:
    async with asdk_of(server) as sdk:
        async with (await aasked(sdk)) | tap(lambda chunk: None) as chunks:
            await anext(aiter(chunks))
        check_left(server)


class Watched:
    """What an HTTP client was answered, and how much of it had been taken when somebody looked."""

    def __init__(self) -> None:
        self._responses: list[httpx2.Response] = []
        self._taken = 0

    def client(self, server: LoopbackServer) -> Client:
        http = httpx2.Client(event_hooks={"response": [self._responses.append]})
        return from_provider("local/m", base_url=server.base_url, http_client=http)

    def aclient(self, server: LoopbackServer) -> AsyncClient:
        async def take(response: httpx2.Response) -> None:
            self._responses.append(response)

        http = httpx2.AsyncClient(event_hooks={"response": [take]})
        return from_provider("local/m", base_url=server.base_url, async_client=True, http_client=http)

    def look(self) -> None:
        (response,) = self._responses
        self._taken = response.num_bytes_downloaded

    def check_closed(self) -> None:
        """The connection is closed, and nothing was taken from it since."""
        (response,) = self._responses
        assert response.is_closed
        assert response.num_bytes_downloaded == self._taken

    def check_cancelled(self, rest: Sequence[Change[User]]) -> None:
        """What was left to read ends cancelled, and the connection is closed."""
        assert cast("End", rest[-1].value).status == "cancelled"
        self.check_closed()


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("cancels", [False, True])
async def test_leaving_an_async_run_has_hung_up(how: How, cancels: bool, server: LoopbackServer) -> None:
    watched = Watched()
    async with watched.aclient(server) as client:
        client.source = how
        async with client.stream(User, messages=MESSAGES) as run:
            assert (await anext(run)).op == "add"
            watched.look()
            if cancels:
                run.cancel()
                watched.check_cancelled([each async for each in run])
        watched.check_closed()
        check_left(server)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("cancels", [False, True])
def test_leaving_a_run_has_hung_up(how: How, cancels: bool, server: LoopbackServer) -> None:
    watched = Watched()
    with watched.client(server) as client:
        client.source = how
        with client.stream(User, messages=MESSAGES) as run:
            assert next(run).op == "add"
            watched.look()
            if cancels:
                run.cancel()
                watched.check_cancelled(list(run))
        watched.check_closed()
        check_left(server)


async def test_leaving_a_run_of_several_calls_has_hung_up(server: LoopbackServer) -> None:
    watched = Watched()
    async with watched.aclient(server) as client:
        async with client.stream_choices(User, n=1, messages=MESSAGES) as run:
            await anext(run)
            watched.look()
        watched.check_closed()
        check_left(server)
