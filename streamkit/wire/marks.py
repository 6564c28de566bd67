"""Marks: the verdicts of a document as a tree beside its value, as snapshots carry them.

    value   {"name": "Jo", "ages": [1, "x"]}
    marks   {"c": {"name": {"m": "complete"}, "ages": {"c": {"0": {"m": "complete"}, "1": {"m": [errors]}}}}}

`m` is a value's verdict: `"complete"`, or the errors of an invalid value; an open value has none. `c` holds the marks
of children, by key or index. Where there is nothing to say, there is no node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias, cast

from streamkit.changes.change import Change, Op, Path
from streamkit.changes.document import Document
from streamkit.changes.json_values import is_array, is_object
from streamkit.changes.write_json import plain_errors

__all__ = ["Marks", "marks_of", "read_errors", "replay"]

Marks: TypeAlias = "dict[str, Any]"


def marks_of(document: Document, path: Path = ()) -> Marks | None:
    """Return the marks of a document, or of the value at a path; None if nothing there has a verdict."""
    if not document.has(path):
        return None
    return _Marker(document).node(path, document.get(path))


class _Marker:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._open, self._invalid = set(document.open), set(document.invalid)

    def node(self, path: Path, value: object) -> Marks | None:
        node: Marks = {}
        if path in self._invalid:
            node["m"] = plain_errors(self._document.errors(path))
        elif path not in self._open:
            node["m"] = "complete"
        below = {str(key): self.node((*path, key), child) for key, child in _children(value)}
        children = {key: child for key, child in below.items() if child is not None}
        if children:
            node["c"] = children
        return node or None


def replay(out: list[Change[object]], op: Op, path: Path, value: object, marks: object) -> None:
    """Append the changes that put a JSON value with its marks at a path: parents first, verdicts children first.

    Raises:
        ValueError: the marks are malformed.
    """
    node: object = dict[str, object]() if marks is None else marks
    if not is_object(node):
        raise ValueError(f"marks are an object or null, got {marks!r:.80}")
    below = node.get("c", {})
    if not is_object(below):
        raise ValueError(f"the children of marks ('c') are an object, got {below!r:.80}")
    out.append(Change(op, path, {} if is_object(value) else [] if is_array(value) else value))
    for key, child in _children(value):
        replay(out, "add", (*path, key), child, below.get(str(key)))
    mark = node.get("m")
    if mark == "complete":
        out.append(Change("complete", path, value))
    elif mark is not None:
        out.append(Change("invalid", path, read_errors(mark)))


def read_errors(value: object) -> list[dict[str, object]]:
    """Read the errors of a frame: `loc` becomes a tuple again.

    Raises:
        ValueError: it is not a list of objects.
    """
    if not is_array(value) or not all(map(is_object, value)):
        raise ValueError(f"errors are a list of objects, got {value!r:.80}")
    errors = cast("list[Mapping[str, Any]]", value)
    return [{**error, "loc": tuple(cast("Iterable[object]", error.get("loc", ())))} for error in errors]


def _children(value: object) -> Iterable[tuple[str | int, object]]:
    return value.items() if is_object(value) else enumerate(value) if is_array(value) else ()
