"""Answers written the way Anthropic's Messages API streams them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

__all__ = ["anthropic_events"]


def anthropic_events(
    pieces: Iterable[str],
    *,
    tool: str | None = None,
    thinking: Iterable[str] = (),
    stop_reason: str | None = "end_turn",
    usage: Mapping[str, int] | None = None,
    done: bool = True,
) -> list[bytes]:
    """Write an answer the way the Messages API streams it: one event for each piece of text.

    Args:
        pieces: the text, cut as it is to arrive.
        tool: the tool whose input the text is; None for the message's own text.
        thinking: what the model thinks before it answers.
        stop_reason: why the model stopped: `"end_turn"`, `"tool_use"`, `"max_tokens"`, `"refusal"`; None leaves
            the event out.
        usage: the answer's token counts, told with the reason.
        done: send the `message_stop`.
    """
    cost = {"input_tokens": 1, "output_tokens": 1}
    events = [_event("message_start", message={"id": "msg_1", "model": "recorded", "role": "assistant", "usage": cost})]
    index = 0
    if thoughts := list(thinking):
        events += _block(0, {"type": "thinking", "thinking": ""}, "thinking_delta", "thinking", thoughts)
        index = 1
    if tool is None:
        events += _block(index, {"type": "text", "text": ""}, "text_delta", "text", pieces)
    else:
        use: dict[str, object] = {"type": "tool_use", "id": "toolu_1", "name": tool, "input": {}}
        events += _block(index, use, "input_json_delta", "partial_json", pieces)
    if stop_reason is not None:
        delta = {"stop_reason": stop_reason, "stop_sequence": None}
        events.append(_event("message_delta", delta=delta, usage=dict(usage or {})))
    return [*events, _event("message_stop")] if done else events


def _block(index: int, block: Mapping[str, object], kind: str, key: str, pieces: Iterable[str]) -> list[bytes]:
    deltas = [_event("content_block_delta", index=index, delta={"type": kind, key: text}) for text in pieces]
    start = _event("content_block_start", index=index, content_block=block)
    return [start, *deltas, _event("content_block_stop", index=index)]


def _event(kind: str, **more: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()
