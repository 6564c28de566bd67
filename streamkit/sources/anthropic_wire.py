"""What Anthropic's Messages API says, event by event: which text belongs where, and how it ended.

Blocks are known by their index. Text blocks are the content, tool uses are calls, counted from 0 as they appear.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pydantic_core import to_json

from streamkit.sources.answer import Answer, Called, Piece, Place
from streamkit.sources.openai_wires import told_error

__all__ = ["AnthropicReader"]

Fields: TypeAlias = Mapping[str, Any]

_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
}
_TEXTS = {"text_delta": "text", "input_json_delta": "partial_json", "thinking_delta": "thinking"}


class AnthropicReader:
    """Events of a message; reasons are told in the words of chat completions: `"stop"`, `"length"`, `"tool_calls"`."""

    def __init__(self) -> None:
        self.answer = Answer()
        self._places: dict[int, Place] = {}
        self._silent: set[int] = set()  # tool uses of which no arguments have come
        self._usage: dict[str, object] = {}
        self._readers: Mapping[str, Callable[[Fields], Sequence[Piece]]] = {
            "message_start": self._start,
            "content_block_start": self._open,
            "content_block_delta": self._delta,
            "content_block_stop": self._close,
            "message_delta": self._end,
            "message_stop": self._stop,
            "error": self._error,
        }

    def read(self, event: Fields, /) -> Sequence[Piece]:
        read = self._readers.get(event.get("type") or "")
        return read(event) if read is not None else ()

    def _start(self, event: Fields) -> Sequence[Piece]:
        message: Fields = event.get("message") or {}
        self.answer.id, self.answer.model = message.get("id"), message.get("model")
        self._learn(message.get("usage"))
        return ()

    def _open(self, event: Fields) -> Sequence[Piece]:
        index: int = event.get("index") or 0
        block: Fields = event.get("content_block") or {}
        if block.get("type") != "tool_use":
            return ()
        place: Place = (0, len(self.answer.calls))
        self._places[index] = place
        self.answer.calls[place] = Called(block.get("name"), block.get("id"))
        if given := block.get("input"):
            return ((place, to_json(given).decode()),)
        self._silent.add(index)
        return ()

    def _delta(self, event: Fields) -> Sequence[Piece]:
        index: int = event.get("index") or 0
        delta: Fields = event.get("delta") or {}
        kind: str = delta.get("type") or ""
        text: object = delta.get(_TEXTS.get(kind, ""))
        if not text:
            return ()
        if not isinstance(text, str):
            raise TypeError(f"{_TEXTS[kind]!r} is no text")
        if kind == "thinking_delta":
            return (((0, "reasoning"), text),)
        if kind == "text_delta":
            return (((0, "content"), text),)
        if index not in self._places:
            return ()  # what a tool of the server's own is asked
        self._silent.discard(index)
        return ((self._places[index], text),)

    def _close(self, event: Fields) -> Sequence[Piece]:
        """A tool use that ends without arguments has none."""
        index: int = event.get("index") or 0
        if index not in self._silent:
            return ()
        self._silent.discard(index)
        return ((self._places[index], "{}"),)

    def _end(self, event: Fields) -> Sequence[Piece]:
        self._learn(event.get("usage"))
        delta: Fields = event.get("delta") or {}
        reason: str | None = delta.get("stop_reason")
        if reason == "refusal":
            details: Fields = delta.get("stop_details") or {}
            self.answer.refuse(0, details.get("explanation") or "the model refused")
        if reason:
            self.answer.end(0, _REASONS.get(reason, reason))
        return ()

    def _stop(self, event: Fields) -> Sequence[Piece]:
        self.answer.closed = True
        return ()

    def _error(self, event: Fields) -> Sequence[Piece]:
        raise told_error(event.get("error") or event)

    def _learn(self, usage: Fields | None) -> None:
        """The prompt's tokens are told in the beginning, the answer's in the end."""
        if usage:
            self._usage = {**self._usage, **usage}
            self.answer.usage = self._usage
