"""What an OpenAI-compatible server says in the Responses API, event by event; see `openai_wires`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from streamkit.sources.answer import Answer, Called, Piece, Place
from streamkit.sources.openai_wires import Fields, Look, bare_error, plain, same_event, told_error

__all__ = ["ResponsesReader"]

_REASONS = {"max_output_tokens": "length", "completed": "stop"}


class ResponsesReader:
    """Events of the Responses API. Items are known by their id, in order of appearance: an index may be missing.

    The text of all messages is content; the function calls are counted from 0.

    Args:
        look: what makes mappings of the objects in an event; by default they are mappings.
    """

    def __init__(self, look: Look = same_event) -> None:
        self.answer = Answer()
        self._look = look
        self._calls: dict[str, Place] = {}
        self._messages: list[str] = []
        self._streamed: set[str] = set()
        self._readers: Mapping[str, Callable[[Fields], Sequence[Piece]]] = {
            "response.output_text.delta": self._text,
            "response.output_text.done": self._text_whole,
            "response.function_call_arguments.delta": self._arguments,
            "response.function_call_arguments.done": self._arguments_whole,
            "response.reasoning_text.delta": self._reasoning,
            "response.reasoning_summary_text.delta": self._reasoning,
            "response.refusal.delta": self._refusal,
            "response.output_item.added": self._item,
        }

    def read(self, event: Any, /) -> Sequence[Piece]:
        event = self._look(event)
        kind: str = event.get("type") or ""
        read = self._readers.get(kind)
        if read is not None:
            return read(event)
        if error := event.get("error") or bare_error(event):
            raise told_error(error)
        if event.get("response") is not None:
            self._learn(self._look(event["response"]))
        return ()

    def _text(self, event: Fields) -> Sequence[Piece]:
        return self._piece(event, "delta", self._message(event))

    def _text_whole(self, event: Fields) -> Sequence[Piece]:
        return self._whole(event, "text", self._message(event))

    def _arguments(self, event: Fields) -> Sequence[Piece]:
        return self._piece(event, "delta", self._call(event.get("item_id") or ""))

    def _arguments_whole(self, event: Fields) -> Sequence[Piece]:
        return self._whole(event, "arguments", self._call(event.get("item_id") or ""))

    def _reasoning(self, event: Fields) -> Sequence[Piece]:
        return self._piece(event, "delta", (0, "reasoning"))

    def _refusal(self, event: Fields) -> Sequence[Piece]:
        pieces = self._piece(event, "delta", (0, "refusal"))
        for _, text in pieces:
            self.answer.refuse(0, text)
        return pieces

    def _item(self, event: Fields) -> Sequence[Piece]:
        item = self._look(event.get("item") or {})
        if item.get("type") == "function_call":
            called = self.answer.calls[self._call(item.get("id") or "")]
            called.name, called.id = item.get("name"), item.get("call_id")
        return ()

    def _piece(self, event: Fields, key: str, place: Place | None) -> Sequence[Piece]:
        text = event.get(key)
        if not text or place is None:
            return ()
        if not isinstance(text, str):
            raise TypeError(f"{key!r} is no text")
        self._streamed.add(event.get("item_id") or "")
        return ((place, text),)

    def _whole(self, event: Fields, key: str, place: Place | None) -> Sequence[Piece]:
        """What a server that streams no pieces tells in the end."""
        return () if (event.get("item_id") or "") in self._streamed else self._piece(event, key, place)

    def _message(self, event: Fields) -> Place | None:
        """The first message is the answer: a second one would be a second document."""
        item = event.get("item_id") or ""
        if not self._messages:
            self._messages.append(item)
        return (0, "content") if item == self._messages[0] else None

    def _call(self, item: str) -> Place:
        place = self._calls.get(item)
        if place is None:
            place = self._calls[item] = (0, len(self._calls))
            self.answer.calls[place] = Called()
        return place

    def _learn(self, response: Fields) -> None:
        answer = self.answer
        answer.id, answer.model = response.get("id") or answer.id, response.get("model") or answer.model
        if (usage := response.get("usage")) is not None:
            answer.usage = plain(usage)
        status = response.get("status")
        if status == "failed":
            raise told_error(response.get("error") or "no reason given")
        if status in ("completed", "incomplete"):
            details = self._look(response.get("incomplete_details") or {})
            reason: str = details.get("reason") or status
            answer.end(0, _REASONS.get(reason, reason))
