"""ai_sdk: changes as the UI message stream of Vercel's AI SDK (version 7), which `useChat` reads.

    start                                                   the message begins
    data-streamkit   transient   [[0,[],{}], ...]           a compact frame for each batch: `onData` gets it
    data-streamkit   kept        {"value":..., "status":..} at the end: a part of the message
    finish                                                  or `error`, or `abort`

The other protocol of that SDK, the text that `useObject` reads, needs no encoder: send the model's text itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from streamkit.changes.change import Change, End
from streamkit.changes.document import Document
from streamkit.changes.write_json import finite
from streamkit.wire.compact import CompactEncoder
from streamkit.wire.lines import to_sse

__all__ = ["AI_SDK_HEADERS", "AiSdkEncoder"]

AI_SDK_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "content-type": "text/event-stream",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
        "x-vercel-ai-ui-message-stream": "v1",
    }
)
"""The headers of a response with a UI message stream."""

Part = dict[str, object]
# The words of providers, and the SDK's for them.
_REASONS = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "content_filter": "content-filter",
    "refusal": "content-filter",
    "tool_calls": "tool-calls",
    "tool_use": "tool-calls",
}


class AiSdkEncoder:
    """Encodes batches of changes as the parts of one assistant message.

    Args:
        message_id: the id of the message; by default the client makes one.
        part_id: the id of the part that stays in the message, with the final value. Give each stream its own id if
            several write into one message.
    """

    def __init__(self, message_id: str | None = None, *, part_id: str = "streamkit") -> None:
        self._message_id, self._part_id = message_id, part_id
        self._frames = CompactEncoder()
        self._document = Document()
        self._started = False

    def encode(self, batch: Sequence[Change[Any]]) -> bytes:
        """Return the parts of a batch as Server-Sent Events; after an `end`, also the `[DONE]` that closes the stream.

        Raises:
            ValueError: a change does not fit the document: it is not the first of its stream, or some were left out.
        """
        events = b"".join(map(to_sse, self.parts(batch)))
        return events + b"data: [DONE]\n\n" if self._document.end is not None else events

    def parts(self, batch: Sequence[Change[Any]]) -> list[Part]:
        """Return the parts of a batch as JSON values.

        The first batch starts the message. Each batch is one transient part with a compact frame. An `end` adds the
        part that is kept: `{"value": final value, "status": status}`; then `finish`, after an `error` with its text if
        the status is neither `complete` nor `cancelled`. A cancelled stream has `abort` in place of `finish`.

        Raises:
            ValueError: a change does not fit the document: it is not the first of its stream, or some were left out.
        """
        out: list[Part] = []
        if not self._started:
            self._started = True
            named: Part = {} if self._message_id is None else {"messageId": self._message_id}
            out.append({"type": "start", **named})
        for change in batch:
            self._document.apply(change)
        items = self._frames.items(batch)
        if items:
            out.append({"type": "data-streamkit", "data": items, "transient": True})
        if self._document.end is not None:
            out += self._finish(self._document.end)
        return out

    def _finish(self, end: End) -> list[Part]:
        data = {"value": finite(self._document.value), "status": end.status}
        out: list[Part] = [{"type": "data-streamkit", "id": self._part_id, "data": data}]
        if end.status == "cancelled":
            return [*out, {"type": "abort", "reason": "cancelled"}]
        if end.status != "complete":
            text = str(end.error) if end.error is not None else f"the stream ended as {end.status}"
            out.append({"type": "error", "errorText": text})
        return [*out, {"type": "finish", "finishReason": _reason(end)}]


def _reason(end: End) -> str:
    said = _REASONS.get(end.finish_reason or "stop", "other")
    return said if end.status == "complete" or said in ("length", "content-filter") else "error"
