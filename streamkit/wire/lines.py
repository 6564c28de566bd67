"""JSON on one line, for SSE, WebSockets and logs."""

from __future__ import annotations

import json

from pydantic_core import PydanticSerializationError, to_json

from streamkit.changes.write_json import on_one_line

__all__ = ["to_line", "to_sse"]

# What pydantic's writer refuses, this one writes: deeper values, and lone surrogates (as escapes).
_write = json.JSONEncoder(separators=(",", ":")).encode


def to_line(value: object) -> bytes:
    """Write JSON values as UTF-8 without any character that a reader may take for a line break."""
    try:
        return on_one_line(to_json(value, inf_nan_mode="null"))
    except PydanticSerializationError:
        return _write(value).encode()


def to_sse(value: object) -> bytes:
    """Write JSON values as one Server-Sent Event."""
    return b"data: %b\n\n" % to_line(value)
