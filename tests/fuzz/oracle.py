"""What fuzz targets compare: the events of a text at some splits, and what other readers say of the whole text."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn, TypeAlias, cast

import jiter

from streamkit.changes.change import Change, End
from streamkit.changes.document import Document
from streamkit.errors import StreamkitError
from streamkit.flow import Pipeline

__all__ = ["NOT_JSON", "Finding", "fold", "pieces", "read_by_others", "same", "stream", "tidy"]

Event: TypeAlias = tuple[object, ...]


class Finding(AssertionError):
    """Something that must not happen."""


class _NotJson:
    def __repr__(self) -> str:
        return "NOT_JSON"


NOT_JSON: object = _NotJson()


def pieces(text: bytes, choice: int) -> list[bytes]:
    """Split a text: 0 not at all, 1 after each byte, otherwise into pieces of repeating lengths."""
    if choice == 0:
        return [text]
    lengths = [1] if choice == 1 else [1 + choice % 7, 1 + choice // 7 % 11, 1 + choice // 77]
    found: list[bytes] = []
    while text:
        size = lengths[len(found) % len(lengths)]
        found.append(text[:size])
        text = text[size:]
    return found


def stream(chunks: Sequence[bytes], pipeline: Pipeline[Any, Change[Any]]) -> list[Change[Any]]:
    """Run a pipeline and return its changes; an error other than streamkit's own is a finding."""
    changes: list[Change[Any]] = []
    with suppress(StreamkitError):
        for change in chunks | pipeline:
            changes.append(change)  # noqa: PERF402  # the changes before an error count
    return changes


def tidy(changes: Sequence[Change[Any]]) -> list[Event]:
    """Join the text of each string, so that streams at different splits can be compared."""
    out: list[list[object]] = []
    for op, path, value in changes:
        if op == "append" and out and out[-1][1] == path and out[-1][0] in ("add", "replace"):
            out[-1][2] = cast("str", out[-1][2]) + value
        elif op == "end":
            end = cast("End", value)
            out.append([op, end.status, end.open, str(end.error)])
        elif op == "complete":
            out.append([op, path, repr(value)])
        else:
            out.append([op, path, value])
    return [tuple(map(repr, each)) for each in out]


def fold(changes: Sequence[Change[Any]]) -> Document:
    """Fold the changes: an error of the fold is a finding."""
    document = Document()
    for change in changes:
        document.apply(change)
    return document


def read_by_others(text: bytes) -> object:
    """The value of a text that RFC 8259 and jiter both accept; `NOT_JSON` for any other."""
    try:
        value = json.loads(text.decode("utf-8"), parse_constant=_refuse, object_pairs_hook=dict)
        return jiter.from_json(text, allow_inf_nan=False) if value is not NOT_JSON else NOT_JSON
    except (ValueError, RecursionError):
        return NOT_JSON


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def same(one: object, other: object) -> bool:
    """Equal as JSON; numbers by their kind, too."""
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        mine, theirs = cast("dict[str, object]", one), cast("dict[str, object]", other)
        return mine.keys() == theirs.keys() and all(same(value, theirs[key]) for key, value in mine.items())
    if isinstance(one, list):
        ours, others = cast("list[object]", one), cast("list[object]", other)
        return len(ours) == len(others) and all(map(same, ours, others))
    return one == other
