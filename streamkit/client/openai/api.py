"""`OpenAIApi` and `AsyncOpenAIApi`: chat completions and Responses, through the openai SDK."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from openai import AsyncOpenAI, OpenAI

from streamkit.client.mode import Mode
from streamkit.client.openai.explain import explained
from streamkit.client.openai.request import ask, ask_for_calls
from streamkit.client.request import Arguments, Asked, Message, Tools
from streamkit.sources.openai import How, chat_pieces, responses_pieces

if TYPE_CHECKING:
    from openai import AsyncStream, Stream
    from openai.types.chat import ChatCompletionChunk
    from openai.types.responses import ResponseStreamEvent

    from streamkit.sources.pieces import AsyncPieces, Pieces

__all__ = ["AsyncOpenAIApi", "OpenAIApi"]

SdkT = TypeVar("SdkT", OpenAI, AsyncOpenAI)


class _Asking(Generic[SdkT]):
    """What both share; see `Api`.

    Args:
        sdk: the client that sends the requests.
        omit: arguments that the provider refuses.
    """

    def __init__(self, sdk: SdkT, omit: Mapping[str, None] | None = None) -> None:
        self.sdk: SdkT = sdk
        self._omit = omit or {}

    def ask(self, response_model: object, mode: Mode, messages: Sequence[Message], request: Arguments) -> Asked:
        return ask(response_model, mode, messages, {**self._omit, **request})

    def ask_for_calls(self, tools: Tools, mode: Mode, messages: Sequence[Message], request: Arguments) -> Asked:
        return ask_for_calls(tools, mode, messages, {**self._omit, **request})


class OpenAIApi(_Asking[OpenAI]):
    """For the sync world."""

    def send(self, asked: Asked, source: How | None) -> Pieces:
        with explained(asked, self.sdk.base_url):
            if asked.mode.is_responses:
                respond = cast("Callable[..., Stream[ResponseStreamEvent]]", self.sdk.responses.create)
                return responses_pieces(respond(**asked.sent), source)
            complete = cast("Callable[..., Stream[ChatCompletionChunk]]", self.sdk.chat.completions.create)
            return chat_pieces(complete(**asked.sent), source)

    def create(self, messages: Sequence[Message], request: Arguments) -> Any:
        plain = cast("Callable[..., Any]", self.sdk.chat.completions.create)
        return plain(**request, messages=messages)

    def close(self) -> None:
        self.sdk.close()


class AsyncOpenAIApi(_Asking[AsyncOpenAI]):
    """For the async world."""

    async def send(self, asked: Asked, source: How | None) -> AsyncPieces:
        with explained(asked, self.sdk.base_url):
            if asked.mode.is_responses:
                respond = cast("Callable[..., Awaitable[AsyncStream[ResponseStreamEvent]]]", self.sdk.responses.create)
                return responses_pieces(await respond(**asked.sent), source)
            complete = cast(
                "Callable[..., Awaitable[AsyncStream[ChatCompletionChunk]]]", self.sdk.chat.completions.create
            )
            return chat_pieces(await complete(**asked.sent), source)

    async def create(self, messages: Sequence[Message], request: Arguments) -> Any:
        plain = cast("Callable[..., Awaitable[Any]]", self.sdk.chat.completions.create)
        return await plain(**request, messages=messages)

    async def aclose(self) -> None:
        await self.sdk.close()
