"""Answers written the way the providers stream them: as server-sent events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["anthropic_events", "chat_events"]


def chat_events(
    pieces: Iterable[str],
    *,
    finish_reason: str | None = "stop",
    usage: Mapping[str, int] | None = None,
    done: bool = True,
) -> list[bytes]:
    """Write an answer the way the chat completions endpoint streams it: one event for each piece of text.

    Args:
        pieces: the content, cut as it is to arrive.
        finish_reason: what the last delta says; None leaves that delta out.
        usage: token counts, in a chunk of its own at the end; None leaves it out.
        done: send the `[DONE]`.
    """
    events = [_chunk([{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}])]
    events += [_chunk([{"index": 0, "delta": {"content": text}, "finish_reason": None}]) for text in pieces]
    if finish_reason is not None:
        events.append(_chunk([{"index": 0, "delta": {}, "finish_reason": finish_reason}]))
    if usage is not None:
        events.append(_chunk([], usage=usage))
    return [*events, b"data: [DONE]\n\n"] if done else events


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


def _chunk(choices: Sequence[object], **more: object) -> bytes:
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 0, "model": "recorded"}
    return b"data: " + json.dumps({**chunk, "choices": choices, **more}).encode() + b"\n\n"


def _block(index: int, block: Mapping[str, object], kind: str, key: str, pieces: Iterable[str]) -> list[bytes]:
    deltas = [_event("content_block_delta", index=index, delta={"type": kind, key: text}) for text in pieces]
    start = _event("content_block_start", index=index, content_block=block)
    return [start, *deltas, _event("content_block_stop", index=index)]


def _event(kind: str, **more: object) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()
