"""`AnthropicApi` and `AsyncAnthropicApi`: the Messages API, through the anthropic SDK (`streamkit[anthropic]`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from anthropic import Anthropic, AsyncAnthropic

from streamkit.client.anthropic.request import ask, ask_for_calls, check_source, spelt
from streamkit.client.mode import Mode
from streamkit.client.openai.explain import explained
from streamkit.client.request import Arguments, Asked, Message, Tools
from streamkit.sources.anthropic import messages_pieces

if TYPE_CHECKING:
    from anthropic import AsyncStream, Stream
    from anthropic.types import RawMessageStreamEvent

    from streamkit.sources.openai import How
    from streamkit.sources.pieces import AsyncPieces, Pieces

__all__ = ["AnthropicApi", "AsyncAnthropicApi"]

SdkT = TypeVar("SdkT", Anthropic, AsyncAnthropic)


class _Asking(Generic[SdkT]):
    """What both share; see `Api`."""

    def __init__(self, sdk: SdkT) -> None:
        self.sdk: SdkT = sdk

    def ask(self, response_model: object, mode: Mode, messages: Sequence[Message], request: Arguments) -> Asked:
        return ask(response_model, mode, messages, request)

    def ask_for_calls(self, tools: Tools, mode: Mode, messages: Sequence[Message], request: Arguments) -> Asked:
        return ask_for_calls(tools, mode, messages, request)


class AnthropicApi(_Asking[Anthropic]):
    """For the sync world."""

    def send(self, asked: Asked, source: How | None) -> Pieces:
        check_source(source)
        with explained(asked, self.sdk.base_url, ends=""):
            send = cast("Callable[..., Stream[RawMessageStreamEvent]]", self.sdk.messages.create)
            return messages_pieces(send(**asked.sent))

    def create(self, messages: Sequence[Message], request: Arguments) -> Any:
        return cast("Callable[..., Any]", self.sdk.messages.create)(**spelt(messages, request))

    def close(self) -> None:
        self.sdk.close()


class AsyncAnthropicApi(_Asking[AsyncAnthropic]):
    """For the async world."""

    async def send(self, asked: Asked, source: How | None) -> AsyncPieces:
        check_source(source)
        with explained(asked, self.sdk.base_url, ends=""):
            send = cast("Callable[..., Awaitable[AsyncStream[RawMessageStreamEvent]]]", self.sdk.messages.create)
            return messages_pieces(await send(**asked.sent))

    async def create(self, messages: Sequence[Message], request: Arguments) -> Any:
        return await cast("Callable[..., Awaitable[Any]]", self.sdk.messages.create)(**spelt(messages, request))

    async def aclose(self) -> None:
        await self.sdk.close()
