"""jsonlines: one line of JSON for each change.

{"op":"add","path":["users",0,"name"],"value":"Jo"}
{"op":"complete","path":["users",0,"name"],"value":"John"}
{"op":"end","path":[],"value":{"status":"complete","open":[],"error":null,"finish_reason":"stop"}}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streamkit.changes.change import Change, Dropped, End
from streamkit.changes.document import Document
from streamkit.changes.write_json import write_json
from streamkit.sinks.sink import Sink

__all__ = ["TextFile", "jsonlines", "to_json"]


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

    Raises:
        TypeError: it is no such thing, as a path is none.
    """
    if not hasattr(file, "write"):
        raise TypeError(f"jsonlines() takes a file open for text, got {file!r:.80}: write open(path, 'w')")
    return Sink(lambda model: _JsonLines(file), "jsonlines")


def to_json(change: Change[object]) -> str:
    """Write one change as compact JSON: an object with `op`, `path` and `value`, without a line break.

    `path` is an array. `value` is what the change carries: the typed value of a `complete` as pydantic writes it, under
    field names; an `end` as an object of `status`, `open`, `error` (its text) and `finish_reason`; a hub's `snapshot`
    as one of `value`, `open`, `invalid` and `missed`. A float that JSON has not is null; bytes that are no text are
    Base64. The `invalid` of an item that was left out (`on_invalid="drop"`), which is no verdict of the list at its
    path, has a fourth member, `dropped`: true. `from_json` reads all of it.
    """
    told = {"op": change.op, "path": change.path, "value": _plain(change.value)}
    if isinstance(change, Dropped):
        told["dropped"] = True
    return write_json(told).decode()


def _plain(value: object) -> object:
    if isinstance(value, End):
        return value._asdict()
    if isinstance(value, Document):
        return {"value": value.value, "open": value.open, "invalid": value.invalid, "missed": value.missed}
    return value


class _JsonLines:
    def __init__(self, file: TextFile) -> None:
        self._file = file

    def take(self, batch: Sequence[Change[object]], /) -> None:
        self._file.write("".join(f"{to_json(change)}\n" for change in batch))
        self._file.flush()

    def close(self) -> None:
        """The file is its owner's to close."""
