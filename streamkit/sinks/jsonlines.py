"""jsonlines: one line of JSON for each change.

{"op":"add","path":["users",0,"name"],"value":"Jo"}
{"op":"complete","path":["users",0,"name"],"value":"John"}
{"op":"end","path":[],"value":{"status":"complete","open":[],"error":null,"finish_reason":"stop"}}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pydantic_core import to_json

from streamkit.events import Change, End
from streamkit.sinks.sink import Sink

__all__ = ["TextFile", "jsonlines", "to_line"]


class TextFile(Protocol):
    """A file open for text."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...


def jsonlines(file: TextFile) -> Sink:
    """Write changes to a file as JSON Lines, flushed after each chunk of the source; the file stays open.

    `path` is an array: strings are keys, numbers are indexes. The typed values of `complete` are written as
    pydantic writes them, under field names; an exception as its text.

    Args:
        file: open for writing text.
    """
    return Sink(lambda model: _JsonLines(file), "jsonlines")


def to_line(change: Change[object]) -> str:
    """Write one change as one line of JSON, with the line break."""
    value = change.value._asdict() if isinstance(change.value, End) else change.value
    told = {"op": change.op, "path": change.path, "value": value}
    return to_json(told, by_alias=False, inf_nan_mode="null", fallback=str).decode() + "\n"


class _JsonLines:
    def __init__(self, file: TextFile) -> None:
        self._file = file

    def take(self, batch: Sequence[Change[object]], /) -> None:
        self._file.write("".join(map(to_line, batch)))
        self._file.flush()

    def close(self) -> None:
        """The file is its owner's to close."""
