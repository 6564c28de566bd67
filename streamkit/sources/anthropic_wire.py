"""What Anthropic's Messages API says, event by event: which text belongs where, and how it ended.

Blocks are known by their index. Text blocks are the content, tool uses are calls, counted from 0 as they appear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic_core import to_json

from streamkit.sources.answer import Answer, Called, Piece, Slot
from streamkit.sources.openai_wires import bare_error, told_error

__all__ = ["AnthropicReader"]

Fields: TypeAlias = Mapping[str, Any]

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
# Of blocks, and of what is added to them: where the text goes that stands under the kind's own name.
_PLACES: Mapping[str, Slot] = {"text": (0, "content"), "thinking": (0, "reasoning")}


class AnthropicReader:
    """Events of a message; reasons are told in the words of chat completions: `"stop"`, `"length"`, `"tool_calls"`."""

    def __init__(self) -> None:
        self.answer = Answer()
        self._places: dict[int, Slot] = {}
        self._silent: dict[int, Slot] = {}  # tool uses of which no arguments have come
        self._closed: list[Slot] = []  # those of them that ended
        self._usage: dict[str, object] = {}
        self._readers: Mapping[str, Callable[[Fields], Sequence[Piece]]] = {
            "message_start": self._start,
            "content_block_start": self._open,
            "content_block_delta": self._delta,
            "content_block_stop": self._close,
            "message_delta": self._end,
            "message_stop": self._stop,
        }

    def read(self, event: Fields, /) -> Sequence[Piece]:
        read = self._readers.get(event.get("type") or "")
        if read is not None:
            return read(event)
        if error := event.get("error") or bare_error(event):
            raise told_error(error)
        return ()

    def _start(self, event: Fields) -> Sequence[Piece]:
        message: Fields = event.get("message") or {}
        self.answer.id, self.answer.model = message.get("id"), message.get("model")
        self._learn(message.get("usage"))
        return ()

    def _open(self, event: Fields) -> Sequence[Piece]:
        """Take the beginning of a block, which may hold text already; no block before it was cut, then."""
        block: Fields = event.get("content_block") or {}
        kind: str = block.get("type") or ""
        before, self._closed = _without_input(self._closed), []
        if kind == "tool_use":
            return [*before, *self._call(event.get("index") or 0, block)]
        return [*before, *_piece(block, kind, _PLACES.get(kind))]

    def _call(self, index: int, block: Fields) -> Sequence[Piece]:
        place: Slot = (0, len(self.answer.calls))
        self._places[index] = place
        self.answer.calls[place] = Called(block.get("name"), block.get("id"))
        if given := block.get("input"):
            return ((place, to_json(given).decode()),)
        self._silent[index] = place
        return ()

    def _delta(self, event: Fields) -> Sequence[Piece]:
        delta: Fields = event.get("delta") or {}
        kind: str = (delta.get("type") or "").removesuffix("_delta")
        if kind != "input_json":
            return _piece(delta, kind, _PLACES.get(kind))
        index: int = event.get("index") or 0
        # There is no place for what a tool of the server's own is asked.
        pieces = _piece(delta, "partial_json", self._places.get(index))
        if pieces:
            self._silent.pop(index, None)
        return pieces

    def _close(self, event: Fields) -> Sequence[Piece]:
        """A tool use that ends without arguments has none, or was cut before them: what follows will tell."""
        index: int = event.get("index") or 0
        if index in self._silent:
            self._closed.append(self._silent.pop(index))
        return ()

    def _end(self, event: Fields) -> Sequence[Piece]:
        self._learn(event.get("usage"))
        delta: Fields = event.get("delta") or {}
        reason: str | None = delta.get("stop_reason")
        # Some servers tell the reason more than once.
        if reason == "refusal" and self.answer.finish().refusal is None:
            details: Fields = delta.get("stop_details") or {}
            self.answer.refuse(0, details.get("explanation") or "the model refused")
        if reason:
            self.answer.end(0, _REASONS.get(reason, reason))
        return self._last()

    def _stop(self, event: Fields) -> Sequence[Piece]:
        self.answer.closed = True
        return self._last()

    def _last(self) -> Sequence[Piece]:
        """Tell of the tool uses without arguments, once it is known that the answer was not cut."""
        if not self.answer.is_whole():
            return ()
        pieces = _without_input([*self._closed, *self._silent.values()])
        self._closed, self._silent = [], {}
        return pieces

    def _learn(self, usage: Fields | None) -> None:
        """The prompt's tokens are told in the beginning, the answer's in the end."""
        if usage:
            # A null says nothing; it must not hide what was told before.
            self._usage = {**self._usage, **{name: count for name, count in usage.items() if count is not None}}
            self.answer.usage = self._usage


def _piece(told: Fields, key: str, place: Slot | None) -> Sequence[Piece]:
    text: object = told.get(key)
    if not text or place is None:
        return ()
    if not isinstance(text, str):
        raise TypeError(f"{key!r} is no text")
    return ((place, text),)


def _without_input(places: Sequence[Slot]) -> Sequence[Piece]:
    return [(place, "{}") for place in places]
