"""`Asking`: what a user asks of a client becomes a request, and what is to read the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from streamkit.client.api import Api, Sdk
from streamkit.client.mode import Mode, mode_of
from streamkit.client.request import Arguments, Asked, Message, tool_name
from streamkit.client.response_model import wanted
from streamkit.client.retries.retry import Retries
from streamkit.client.runs.attempts import Reads
from streamkit.client.runs.branches import Branches

if TYPE_CHECKING:
    from streamkit.sources.openai import How

__all__ = ["Asking"]

ModelT = TypeVar("ModelT")
ApiT = TypeVar("ApiT", bound=Api)


class Asking(Generic[ApiT]):
    """What both kinds of client are made of.

    Args:
        api: how requests are spelt and sent.
        model: the model to ask; by default each request names one.
        mode: how to ask for JSON; each request may say otherwise.
        source: read the bytes of the answers (`"sse"`) or the SDK's objects (`"sdk"`); by default the bytes
            wherever the server says that they are events.
    """

    def __init__(
        self, api: ApiT, *, model: str | None = None, mode: Mode = Mode.JSON_SCHEMA, source: How | None = None
    ) -> None:
        self._api: ApiT = api
        self.model, self.mode = model, mode_of(mode)
        self.source: How | None = source

    @property
    def sdk(self) -> Sdk:
        """The SDK's client, which sends the requests."""
        return self._api.sdk

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.model!r} at {self.sdk.base_url})"

    def _ask(self, response_model: object, mode: Mode | None, messages: Sequence[Message], request: Arguments) -> Asked:
        mode = mode_of(mode or self.mode)
        return self._api.ask(response_model, mode, messages, {"model": self.model, **request})

    def _calls(
        self,
        tools: Sequence[type[ModelT]],
        mode: Mode,
        messages: Sequence[Message],
        request: Arguments,
        *,
        retries: Retries,
        reads: Reads,
    ) -> Branches[ModelT]:
        if isinstance(tools, (type, Mapping)):
            hint = ": did you mean [...] around it?" if isinstance(tools, type) else ": a tool has its model's name"
            raise TypeError(f"tools is a list of models, got {tools!r:.80}{hint}")
        mode = mode_of(mode)
        models = [wanted(each) for each in tools]
        named: dict[str | None, type[ModelT]] = {tool_name(each): each for each in models}
        if not models:
            raise ValueError("stream_tools() needs a tool to offer, got none")
        if len(named) < len(models):
            raise ValueError(f"a tool has its model's name, and two have the same: {[*map(tool_name, models)]}")
        if not mode.calls_tools:
            raise ValueError(f"stream_tools() asks in the mode TOOLS or RESPONSES_TOOLS, not {mode.name}")
        asked = self._api.ask_for_calls(named, mode, messages, {"model": self.model, **request})
        return Branches(asked, named, retries, reads)

    def _choices(
        self,
        response_model: type[ModelT],
        mode: Mode | None,
        messages: Sequence[Message],
        request: Arguments,
        *,
        n: int,
        retries: Retries,
        reads: Reads,
    ) -> Branches[ModelT]:
        whole = wanted(response_model)
        return Branches(self._ask(whole, mode, messages, request).with_choices(n), {None: whole}, retries, reads)
