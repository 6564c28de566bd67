"""Whoever stops reading hangs up: a stream of the openai SDK in a flow, and a run of the client."""

import json
from collections.abc import Iterator
from typing import Literal, cast

import httpx2
import openai
import pytest
from meeting import MESSAGES
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel

from streamkit import End, JsonSyntaxError, extract, from_provider
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
    """What an HTTP client was answered."""

    def __init__(self) -> None:
        self.responses: list[httpx2.Response] = []

    async def take(self, response: httpx2.Response) -> None:
        self.responses.append(response)

    def check_closed(self, taken: int) -> None:
        """The connection is closed, and nothing was taken from it since."""
        (response,) = self.responses
        assert response.is_closed
        assert response.num_bytes_downloaded == taken


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("cancels", [False, True])
async def test_leaving_an_async_run_has_hung_up(how: How, cancels: bool, server: LoopbackServer) -> None:
    watched = Watched()
    http = httpx2.AsyncClient(event_hooks={"response": [watched.take]})
    async with from_provider("local/m", base_url=server.base_url, async_client=True, http_client=http) as client:
        client.source = how
        async with client.stream(User, messages=MESSAGES) as run:
            change = await anext(run)
            assert change.op == "add"
            taken = watched.responses[0].num_bytes_downloaded
            if cancels:
                run.cancel()
                *_, last = [each async for each in run]
                assert cast("End", last.value).status == "cancelled"
                watched.check_closed(taken)
        watched.check_closed(taken)
        check_left(server)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("cancels", [False, True])
def test_leaving_a_run_has_hung_up(how: How, cancels: bool, server: LoopbackServer) -> None:
    watched = Watched()
    http = httpx2.Client(event_hooks={"response": [watched.responses.append]})
    with from_provider("local/m", base_url=server.base_url, http_client=http) as client:
        client.source = how
        with client.stream(User, messages=MESSAGES) as run:
            assert next(run).op == "add"
            taken = watched.responses[0].num_bytes_downloaded
            if cancels:
                run.cancel()
                *_, last = run
                assert cast("End", last.value).status == "cancelled"
                watched.check_closed(taken)
        watched.check_closed(taken)
        check_left(server)


async def test_leaving_a_run_of_several_calls_has_hung_up(server: LoopbackServer) -> None:
    watched = Watched()
    http = httpx2.AsyncClient(event_hooks={"response": [watched.take]})
    async with from_provider("local/m", base_url=server.base_url, async_client=True, http_client=http) as client:
        async with client.stream_choices(User, n=1, messages=MESSAGES) as run:
            await anext(run)
            taken = watched.responses[0].num_bytes_downloaded
        watched.check_closed(taken)
        check_left(server)
