"""JSON on one line, for SSE, WebSockets and logs."""

from __future__ import annotations

import json

from pydantic_core import PydanticSerializationError, to_json

__all__ = ["to_line", "to_sse"]

# What pydantic's writer refuses, this one writes: deeper values, and lone surrogates (as escapes).
_write = json.JSONEncoder(separators=(",", ":")).encode


def to_line(value: object) -> bytes:
    """Write JSON values as UTF-8 without any character that a reader may take for a line break."""
    try:
        line = to_json(value, inf_nan_mode="null")
    except PydanticSerializationError:
        return _write(value).encode()
    # JSON allows these three inside a string; str.splitlines() breaks at them.
    if b"\xe2\x80" in line or b"\xc2\x85" in line:
        line = line.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
        line = line.replace(b"\xc2\x85", b"\\u0085")
    return line


def to_sse(value: object) -> bytes:
    """Write JSON values as one Server-Sent Event."""
    return b"data: %b\n\n" % to_line(value)
