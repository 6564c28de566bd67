"""The events of a chat completion, as a provider writes them on the wire."""

from __future__ import annotations

import json

_CHUNK = {
    "id": "chatcmpl-ABfwCjPMi0ubw56UyMIIeNfJzyogq",
    "object": "chat.completion.chunk",
    "created": 1727346180,
    "model": "gpt-4o-2024-08-06",
    "system_fingerprint": "fp_5050236cbd",
}


def chat_events(pieces: list[str]) -> list[bytes]:
    """An event for each piece of text, one that says why it stopped, and the last."""
    said = [_event({"content": piece}) for piece in pieces]
    return [*said, _event({}, "stop"), b"data: [DONE]\n\n"]


def _event(delta: dict[str, str], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return b"data: " + json.dumps({**_CHUNK, "choices": [choice]}, separators=(",", ":")).encode() + b"\n\n"
