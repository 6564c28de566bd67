"""Under trio, every way in raises one error, which names asyncio and trio."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import openai
import pytest
import trio
from pydantic import BaseModel

from streamkit import extract, from_openai, share
from streamkit.errors import StreamkitError
from streamkit.flow import Flow, require_asyncio
from streamkit.hub import Hubs
from streamkit.operators import accumulate, map_async, merge_runs, retry_source, throttle, timeout
from streamkit.sources import file

TEXT = '{"name": "Jo"}'


class User(BaseModel):
    name: str


async def chunks() -> AsyncIterator[str]:
    yield TEXT


async def same(item: object) -> object:
    return item


def client() -> Any:
    return from_openai(openai.AsyncOpenAI(base_url="http://127.0.0.1:9/v1", api_key="none", max_retries=0))


MESSAGES: Any = [{"role": "user", "content": "x"}]


async def loop_over(items: Any) -> None:
    async for _ in items:
        pass


async def enter(manager: Any) -> None:
    async with manager:
        pass


async def enter_and_loop(flow: Any) -> None:
    async with flow as items:
        await loop_over(items)


WAYS: dict[str, Callable[[], Awaitable[Any]]] = {
    "async for": lambda: loop_over(chunks() | extract(User)),
    "async for over a list": lambda: loop_over([TEXT] | accumulate()),
    "async with": lambda: enter_and_loop(chunks() | extract(User)),
    "batches": lambda: loop_over((chunks() | extract(User)).batches()),
    "result": (chunks() | extract(User)).result,
    "a flow alone": lambda: loop_over(Flow(chunks())),
    "throttle": lambda: loop_over(chunks() | throttle(1)),
    "timeout": lambda: enter_and_loop(chunks() | timeout(first=1)),
    "map_async": lambda: loop_over(chunks() | map_async(same)),
    "merge_runs": lambda: loop_over(merge_runs({"a": [TEXT] | extract(User)})),
    "retry_source": lambda: loop_over([TEXT] | retry_source()),
    "share": lambda: enter(share([TEXT] | extract(User))),
    "Hubs": lambda: enter(Hubs()),
    "file": lambda: loop_over(file(io.BytesIO(b"1"))),
    "client.stream": lambda: enter(client().stream(User, messages=MESSAGES, model="m")),
    "client.stream, bare": lambda: loop_over(client().stream(User, messages=MESSAGES, model="m")),
    "client.stream, result": lambda: client().stream(User, messages=MESSAGES, model="m").result(),
    "client.create": lambda: client().chat.completions.create(response_model=User, messages=MESSAGES, model="m"),
    "client.create_partial": lambda: loop_over(
        client().chat.completions.create_partial(response_model=User, messages=MESSAGES, model="m")
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_error_says_asyncio(way: str) -> None:
    with pytest.raises(StreamkitError, match=r"runs on asyncio, and here trio is running: .*asyncio\.run\(main\(\)\)"):
        trio.run(WAYS[way])


def test_a_plain_loop_works_in_a_thread_of_trio() -> None:
    async def main() -> User:
        return await trio.to_thread.run_sync(([TEXT] | extract(User)).result_sync)

    assert trio.run(main) == User(name="Jo")


def test_without_any_loop() -> None:
    with pytest.raises(StreamkitError, match="this runs on asyncio, and here no event loop is running"):
        require_asyncio("this")
