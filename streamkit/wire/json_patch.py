"""json_patch: changes as JSON Patch (RFC 6902), for the many libraries that apply it.

changes   add /name "Jo"                                    append /name "hn", append /name "ny", complete /name
patch     [{"op":"add","path":"/name","value":"Jo"}]        [{"op":"replace","path":"/name","value":"Johnny"}]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from streamkit.changes.change import Change, Path, to_pointer
from streamkit.changes.document import Document
from streamkit.changes.write_json import finite
from streamkit.wire.lines import to_line

__all__ = ["JsonPatchEncoder", "Operation"]

Operation = dict[str, object]


class JsonPatchEncoder:
    """Encodes batches of changes as JSON Patch; every patch applies to the result of those before it.

    The first patch applies to null, or to any other document: it sets the root. JSON Patch knows no verdicts, no reset
    and no end: `complete`, `invalid`, `reset` and `end` are left out, so a patch may be empty.

    JSON Patch cannot append to a string. All that a batch appends to a string becomes one `replace` with the complete
    string. So a string of n characters costs about n * n / 2 characters if each batch brings one: merge batches, as
    `throttle()` does, to send less.

    Args:
        append: write `{"op": "append", "path": ..., "value": new text}` instead. No standard library applies it.

    Attributes:
        document: what all batches so far add up to.
    """

    def __init__(self, *, append: bool = False) -> None:
        self.document = Document()
        self._append = append
        # The text that a batch gives to strings: each operation with its pieces, and where a string's is, by path.
        self._texts: list[tuple[Operation, list[str]]] = []
        self._growing: dict[Path, list[str]] = {}

    def encode(self, batch: Sequence[Change[Any]]) -> bytes:
        """Return the patch of a batch as one line of JSON in UTF-8, without its line break.

        Raises:
            ValueError: a change does not fit the document: it is not the first of its stream, or some were left out.
        """
        return to_line(self.operations(batch))

    def operations(self, batch: Sequence[Change[Any]]) -> list[Operation]:
        """Return the patch of a batch: a list of operations.

        Raises:
            ValueError: a change does not fit the document: it is not the first of its stream, or some were left out.
        """
        out: list[Operation] = []
        self._texts, self._growing = [], {}
        for change in batch:
            op, path, value = change
            known = op in ("add", "replace") and self.document.has(path)
            self.document.apply(change)
            if op == "append":
                self._grow(out, path, cast("str", value))
            elif op in ("add", "replace"):
                self._set(out, path, value, known=known)
            elif op == "remove":
                # No operation removes the root.
                gone: Operation = {"op": "remove", "path": to_pointer(path)}
                out.append(gone if path else {"op": "replace", "path": "", "value": None})
            elif op == "snapshot":
                self._growing.clear()
                out[:] = [{"op": "add", "path": "", "value": finite(self.document.value)}]
        for operation, pieces in self._texts:
            operation["value"] = "".join(pieces)
        return out

    def _set(self, out: list[Operation], path: Path, value: object, *, known: bool) -> None:
        empty = cast("dict[str, object] | list[object]", value).copy() if isinstance(value, (dict, list)) else value
        # Where something stands, "add" would insert it into a list.
        operation: Operation = {"op": "replace" if known else "add", "path": to_pointer(path), "value": finite(empty)}
        out.append(operation)
        if isinstance(value, str):
            self._collect(operation, path, value)

    def _grow(self, out: list[Operation], path: Path, text: str) -> None:
        pieces = self._growing.get(path)
        if pieces is not None:
            pieces.append(text)
        elif text:
            op = "append" if self._append else "replace"
            operation: Operation = {"op": op, "path": to_pointer(path), "value": text}
            out.append(operation)
            self._collect(operation, path, text if self._append else cast("str", self.document.get(path)))

    def _collect(self, operation: Operation, path: Path, text: str) -> None:
        self._growing[path] = pieces = [text]
        self._texts.append((operation, pieces))
