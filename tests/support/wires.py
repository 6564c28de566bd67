"""Events of the chat completions wire, one by one."""

import json
from typing import Any

__all__ = ["DONE", "call", "choice", "event"]

DONE = b"data: [DONE]\n\n"


def event(**data: Any) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def choice(delta: Any, *, index: int | None = 0, finish_reason: str | None = None, **more: Any) -> bytes:
    return event(id="1", model="m", choices=[{"index": index, "delta": delta, "finish_reason": finish_reason}], **more)


def call(arguments: Any, *, index: int | None = 0, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{"index": index, "function": {"arguments": arguments}, **more}]}
