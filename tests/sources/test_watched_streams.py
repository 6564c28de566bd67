"""Streams of the SDK that somebody watches: a tracer that wraps one, or replaces its iterator, sees every chunk."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from support.meeting import User

from streamkit import extract, sources
from streamkit.testing import LoopbackServer, chat_events

TEXT = '{"name": "Jo", "email": "j", "twitter": "@"}'
openai_chat: Any = sources.openai_chat  # what is passed is typed as no stream of the SDK
PIECES = [TEXT[i : i + 5] for i in range(0, len(TEXT), 5)]


class Proxy:
    """Stands for a stream, as LangSmith's does: no stream of the SDK, but iterated like one."""

    def __init__(self, stream: Any, seen: list[object]) -> None:
        self._stream, self._seen = stream, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[object]:
        for chunk in self._stream:
            self._seen.append(chunk)
            yield chunk


class AsyncProxy(Proxy):
    async def __aiter__(self) -> AsyncIterator[object]:
        async for chunk in self._stream:
            self._seen.append(chunk)
            yield chunk


def noted(iterator: Iterator[object], seen: list[object]) -> Iterator[object]:
    for chunk in iterator:
        seen.append(chunk)
        yield chunk


@pytest.mark.parametrize("how", ["proxy", "iterator"])
def test_who_watches_a_stream_sees_every_chunk(how: str) -> None:
    seen: list[object] = []
    with (
        LoopbackServer(chat_events(PIECES)) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk,
    ):
        stream: Any = sdk.chat.completions.create(model="m", messages=[], stream=True)
        response = stream.response
        if how == "proxy":
            stream = Proxy(stream, seen)
        else:
            stream._iterator = noted(stream._iterator, seen)  # as Langfuse does
        assert (openai_chat(stream) | extract(User)).result_sync() == User.model_validate_json(TEXT)
        assert response.is_closed
    assert len(seen) >= len(PIECES)


async def test_who_watches_an_async_stream_sees_every_chunk() -> None:
    seen: list[object] = []
    with LoopbackServer(chat_events(PIECES)) as server:
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="none", max_retries=0) as sdk:
            stream: Any = await sdk.chat.completions.create(model="m", messages=[], stream=True)
            assert await (openai_chat(AsyncProxy(stream, seen)) | extract(User)).result() == User.model_validate_json(
                TEXT
            )
            assert stream.response.is_closed
    assert len(seen) >= len(PIECES)


@pytest.mark.parametrize("stream", [None, "text", b"bytes", {}, 5])
def test_other_objects_are_refused(stream: Any) -> None:
    with pytest.raises(TypeError, match="expected a stream of the openai SDK"):
        openai_chat(stream)


def test_the_bytes_of_a_proxy_cannot_be_read() -> None:
    with pytest.raises(TypeError, match="leave source out"):
        openai_chat(Proxy(None, []), source="sse")
