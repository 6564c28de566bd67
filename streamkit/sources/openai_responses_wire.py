"""What an OpenAI-compatible server says in the Responses API, event by event; see `openai_wires`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, cast

from streamkit.sources.answer import Answer, Called, Piece, Slot
from streamkit.sources.openai_wires import Fields, Look, bare_error, plain, same_event, told_error
from streamkit.sources.response_items import Item, Items

__all__ = ["ResponsesReader"]

_REASONS = {"max_output_tokens": "length", "completed": "stop"}
# What an event has text of, and where; in all but deltas it is the whole.
_TEXTS = {
    "response.output_text.delta": ("text", "delta"),
    "response.output_text.done": ("text", "text"),
    "response.function_call_arguments.delta": ("arguments", "delta"),
    "response.function_call_arguments.done": ("arguments", "arguments"),
    "response.reasoning_text.delta": ("reasoning", "delta"),
    "response.reasoning_text.done": ("reasoning", "text"),
    "response.reasoning_summary_text.delta": ("summary", "delta"),
    "response.reasoning_summary_text.done": ("summary", "text"),
    "response.refusal.delta": ("refusal", "delta"),
    "response.refusal.done": ("refusal", "refusal"),
}
_KINDS = {
    "text": "message",
    "refusal": "message",
    "arguments": "function_call",
    "reasoning": "reasoning",
    "summary": "reasoning",
}
_PLACES: Mapping[str, Slot] = {
    "text": (0, "content"),
    "refusal": (0, "refusal"),
    "reasoning": (0, "reasoning"),
    "summary": (0, "reasoning"),
}


class ResponsesReader:
    """Events of the Responses API. Items are known by their index or their ids, whichever is told: see `Items`.

    The text of the first message is content; the function calls are counted from 0. What was not told in pieces is
    told when it is done, or when its item or the response is.

    Args:
        look: what makes mappings of the objects in an event; by default they are mappings.
    """

    def __init__(self, look: Look = same_event) -> None:
        self.answer = Answer()
        self._look = look
        self._items = {kind: Items() for kind in _KINDS.values()}
        self._first: Item | None = None  # the message that is the answer: a second one would be a second document

    def read(self, event: Any, /) -> Sequence[Piece]:
        event = self._look(event)
        kind: str = event.get("type") or ""
        if (text := _TEXTS.get(kind)) is not None:
            return self._text(event, *text)
        if kind == "response.output_item.added":
            return self._begin(event)
        if kind == "response.output_item.done":
            return self._done(event)
        if error := event.get("error") or bare_error(event):
            raise told_error(error)
        if (response := event.get("response")) is not None:
            return self._learn(self._look(response))
        return ()

    def _text(self, event: Fields, what: str, key: str) -> Sequence[Piece]:
        item = self._items[_KINDS[what]].find(event.get("output_index"), event.get("item_id") or None)
        part = (what, event.get("content_index") or event.get("summary_index") or 0)
        text = event.get(key)
        if key == "delta":
            if what == "arguments" and text and not item.told:
                text = _beginning(item, text) + text
        elif part in item.told:
            return ()
        return self._piece(item, part, text)

    def _begin(self, event: Fields) -> Sequence[Piece]:
        """What an item that is added says may come again in pieces: it is kept."""
        whole = self._look(event.get("item") or {})
        items = self._items.get(whole.get("type") or "")
        if items is not None:
            self._call(items.begin(whole, event.get("output_index"), *_keys(whole)), whole)
        return ()

    def _done(self, event: Fields) -> Sequence[Piece]:
        whole = self._look(event.get("item") or {})
        items = self._items.get(whole.get("type") or "")
        return () if items is None else self._rest(items.find(event.get("output_index"), *_keys(whole)), whole)

    def _rest(self, item: Item, whole: Fields) -> Sequence[Piece]:
        """What an item says that was not told before."""
        self._call(item, whole)
        told = {_PLACES.get(what) for what, _ in item.told}
        return [
            piece
            for what, text in self._texts(whole).items()
            if _PLACES.get(what) not in told
            for piece in self._piece(item, (what, 0), text)
        ]

    def _texts(self, whole: Fields) -> Mapping[str, Any]:
        if whole.get("type") == "function_call":
            return {"arguments": whole.get("arguments")}
        content = self._objects(whole.get("content"))
        if whole.get("type") == "message":
            return {"text": _joined(content, "text"), "refusal": _joined(content, "refusal")}
        return {"reasoning": _joined([*self._objects(whole.get("summary")), *content], "text")}

    def _objects(self, listed: object) -> Sequence[Fields]:
        """The objects in a list; what else servers have there was told in another way."""
        if not isinstance(listed, list):
            return ()
        objects = cast("list[object]", listed)
        return [
            self._look(each) for each in objects if isinstance(each, Mapping) or hasattr(each, "__pydantic_extra__")
        ]

    def _piece(self, item: Item, part: tuple[str, int], text: object) -> Sequence[Piece]:
        what, _ = part
        place = self._place(item, what)
        if not text or place is None:
            return ()
        if not isinstance(text, str):
            raise TypeError(f"the {what} is no text")
        item.told.add(part)
        if what == "text":
            self._first = item
        elif what == "refusal":
            self.answer.refuse(0, text)
        return ((place, text),)

    def _place(self, item: Item, what: str) -> Slot | None:
        if what == "arguments":
            place: Slot = (0, item.number)
            if place not in self.answer.calls:
                self.answer.calls[place] = Called()
            return place
        return None if what == "text" and self._first not in (None, item) else _PLACES[what]

    def _call(self, item: Item, whole: Fields) -> None:
        if whole.get("type") == "function_call":
            called = self.answer.calls.setdefault((0, item.number), Called())
            called.name, called.id = called.name or whole.get("name"), called.id or whole.get("call_id")

    def _learn(self, response: Fields) -> Sequence[Piece]:
        answer = self.answer
        answer.id, answer.model = response.get("id") or answer.id, response.get("model") or answer.model
        if (usage := response.get("usage")) is not None:
            answer.usage = plain(usage)
        status = response.get("status")
        if status == "failed":
            raise told_error(response.get("error") or "no reason given")
        if status not in ("completed", "incomplete"):
            return ()
        details = self._look(response.get("incomplete_details") or {})
        reason: str = details.get("reason") or status
        answer.end(0, _REASONS.get(reason, reason))
        return self._end(response)

    def _end(self, response: Fields) -> Sequence[Piece]:
        """What the whole output says that was not told before, and then the items as they were added."""
        pieces: list[Piece] = []
        seen = Counter[str]()
        for whole in self._objects(response.get("output")):
            kind: str = whole.get("type") or ""
            if (items := self._items.get(kind)) is not None:
                pieces += self._rest(items.nth(seen[kind], *_keys(whole)), whole)
                seen[kind] += 1
        for item in (each for items in self._items.values() for each in items):
            if item.begun is not None:
                pieces += self._rest(item, item.begun)
        return pieces


def _keys(whole: Fields) -> Sequence[str | None]:
    return whole.get("id") or None, whole.get("call_id") or None


def _beginning(item: Item, text: str) -> str:
    """What was told of the arguments when their item was added, unless the first piece begins them anew."""
    told: object = (item.begun or {}).get("arguments")
    return told if isinstance(told, str) and not text.lstrip().startswith("{") else ""


def _joined(parts: Sequence[Fields], key: str) -> str:
    return "".join(part.get(key) or "" for part in parts)
