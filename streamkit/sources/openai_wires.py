"""What an OpenAI-compatible server says, event by event: the text in one place of it, and how it ended.

A reader knows one wire and its dialects, and does no I/O: sync and async streams share it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from streamkit.errors import SourceFailed
from streamkit.events import Finish

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk
    from openai.types.chat.chat_completion_chunk import Choice, ChoiceDelta
    from openai.types.responses import Response, ResponseStreamEvent

__all__ = ["ChatReader", "Reader", "ResponsesReader"]

EventT_contra = TypeVar("EventT_contra", contravariant=True)


class Reader(Protocol[EventT_contra]):
    """Takes the events of one wire, gives the text in each; what it learns on the way it keeps."""

    id: str | None
    model: str | None

    def read(self, event: EventT_contra, /) -> str: ...

    @property
    def finish(self) -> Finish: ...


class ChatReader:
    """Chat completion chunks. Calls are known by their index: ids repeat, change and go missing.

    The SDK builds chunks without checking them, so whatever a server leaves out is not there at all.
    """

    def __init__(self, choice: int, tool: int | None) -> None:
        self.id: str | None = None
        self.model: str | None = None
        self._choice, self._tool = choice, tool
        self._reason: str | None = None
        self._usage: Mapping[str, object] | None = None
        self._refusal: list[str] = []

    @property
    def finish(self) -> Finish:
        return Finish(self._reason, self._usage, "".join(self._refusal) or None)

    def read(self, chunk: ChatCompletionChunk, /) -> str:
        if self.model is None:
            self.id, self.model = getattr(chunk, "id", None), getattr(chunk, "model", None)
        if chunk.usage is not None:
            self._usage = chunk.usage.to_dict()
        text = ""
        # Before the answer and after it there are chunks without choices.
        for choice in cast("list[Choice] | None", getattr(chunk, "choices", None)) or ():
            if (choice.index or 0) == self._choice:
                text += self._choose(choice)
        return text

    def _choose(self, choice: Choice) -> str:
        # A later chunk may come with usage and null here: the reason stands.
        if choice.finish_reason is not None:
            self._reason = choice.finish_reason
        delta = cast("ChoiceDelta | None", getattr(choice, "delta", None))
        if delta is None:
            return ""
        if delta.refusal:
            self._refusal.append(delta.refusal)
        return _plain(delta.content) if self._tool is None else self._arguments(delta)

    def _arguments(self, delta: ChoiceDelta) -> str:
        text = ""
        for call in delta.tool_calls or ():
            if (call.index or 0) == self._tool and call.function is not None:
                text += call.function.arguments or ""
        return text


def _plain(content: object) -> str:
    """The text of a message's content, which some servers send as a list of parts."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [cast("Mapping[str, object]", part) for part in cast("list[object]", content) if isinstance(part, Mapping)]
    return "".join(str(part.get("text") or "") for part in parts if part.get("type") == "text")


_TEXT = ("response.output_text.delta", "response.output_text.done")
_CALL = ("response.function_call_arguments.delta", "response.function_call_arguments.done")
_REASONS = {"max_output_tokens": "length", "completed": "stop"}


class ResponsesReader:
    """Events of the Responses API. Items are known by their id, in order of appearance: an index may be missing."""

    def __init__(self, tool: int | None) -> None:
        self.id: str | None = None
        self.model: str | None = None
        self._nth, (self._delta, self._done) = tool or 0, _TEXT if tool is None else _CALL
        self._kind = "message" if tool is None else "function_call"
        self._items: list[str] = []
        self._streamed = False
        self._reason: str | None = None
        self._usage: Mapping[str, object] | None = None
        self._refusal: list[str] = []

    @property
    def finish(self) -> Finish:
        return Finish(self._reason, self._usage, "".join(self._refusal) or None)

    def read(self, event: ResponseStreamEvent, /) -> str:
        kind = event.type
        if kind == self._delta:
            text = cast("str", getattr(event, "delta", None) or "")
            if text and self._mine(event):
                self._streamed = True
                return text
        elif kind == self._done and not self._streamed and self._mine(event):
            # Whole, from a server that streams no pieces.
            return cast("str", getattr(event, "text", None) or getattr(event, "arguments", None) or "")
        elif event.type == "response.output_item.added":
            if event.item.type == self._kind:
                self._number(event.item.id or "")
        elif event.type == "response.refusal.delta":
            self._refusal.append(event.delta)
        elif event.type == "error":
            raise SourceFailed(f"the provider told of an error: {event.message}")
        elif hasattr(event, "response"):
            self._learn(cast("Response", getattr(event, "response")))  # noqa: B009 - one of many event types
        return ""

    def _mine(self, event: object) -> bool:
        return self._number(cast("str", getattr(event, "item_id", None) or "")) == self._nth

    def _number(self, item: str) -> int:
        if item not in self._items:
            self._items.append(item)
        return self._items.index(item)

    def _learn(self, response: Response) -> None:
        self.id, self.model = response.id, getattr(response, "model", None) or self.model
        if response.usage is not None:
            self._usage = response.usage.to_dict()
        if response.status == "failed":
            told = response.error.message if response.error is not None else "no reason given"
            raise SourceFailed(f"the provider told of an error: {told}")
        if response.status in ("completed", "incomplete"):
            details = response.incomplete_details
            reason = details.reason if details is not None and details.reason is not None else response.status
            self._reason = _REASONS.get(reason, reason)
