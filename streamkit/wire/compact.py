"""compact: changes as compact frames, streamkit's own format for a page, a socket or a log.

    changes   add /users [], add /users/0 {}, add /users/0/name "Jo"    append /users/0/name "hn", complete it
    frame     [[0,["users"],[]],[1,[0],{}],[2,["name"],"Jo"]]           ["hn",1]

A frame is a JSON array of items, applied from left to right. Its reader keeps a value, a verdict for each part of it,
and a cursor (a path), at which most items apply. docs/frames.md lists the items.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from streamkit.changes.change import Change, Dropped, End
from streamkit.changes.document import Document
from streamkit.changes.endings import no_change
from streamkit.changes.merge import merge
from streamkit.changes.write_json import finite, plain_errors
from streamkit.wire.lines import to_line
from streamkit.wire.marks import marks_of

if TYPE_CHECKING:
    from streamkit.changes.change import Path

__all__ = ["CompactEncoder"]


class CompactEncoder:
    """Encodes batches of changes as frames; each frame continues at the cursor of the one before.

    The first frame is absolute: it relies on no earlier cursor. So whoever has read each frame since an absolute one,
    or since a `snapshot()`, can read the next, and one encoding of a batch serves all of them.

    Attributes:
        cursor: the path at which the next frame continues; None if the next frame is absolute.
    """

    __slots__ = ("_attempt", "cursor")

    def __init__(self) -> None:
        self.cursor: Path | None = None
        self._attempt = 1

    def absolute(self) -> None:
        """Make the next frame absolute, for a reader that has not read the frame before it."""
        self.cursor = None

    def encode(self, batch: Sequence[Change[Any]]) -> bytes:
        """Return the frame of a batch as one line of JSON in UTF-8, without its line break.

        Raises:
            TypeError: the batch holds something else than changes.
        """
        return to_line(self.items(batch))

    def items(self, batch: Sequence[Change[Any]]) -> list[object]:
        """Return the frame of a batch as JSON values. Text that a batch appends in several pieces is joined.

        Raises:
            TypeError: the batch holds something else than changes.
        """
        out: list[Any] = []
        for change in batch if len(batch) == 1 else merge(batch):
            op, path, value = change
            if op == "append":
                if value:  # an empty text says nothing
                    self._go(out, path)
                    out.append(value)
            elif op == "add" or op == "replace":
                if isinstance(value, float) and not isfinite(value):
                    value = None
                out.append([*self._move(path), value])
            elif op == "complete":
                self._complete(out, path)
            else:
                self._rare(out, change)
        return out

    def snapshot(self, document: Document) -> dict[str, object]:
        """Return the item that replaces all that a reader has by a document.

        It puts the reader at the encoder's cursor, so the encoder's next frame may follow it. Before anything was added
        to the document, the value is null.
        """
        return {"snapshot": finite(document.value), "marks": marks_of(document), "at": list(self.cursor or ())}

    def _move(self, path: Path) -> list[Any]:
        """Put the cursor at a path; return how many segments it keeps, and the segments behind them."""
        keep = 0
        for here, there in zip(self.cursor or (), path, strict=False):
            if here != there:
                break
            keep += 1
        self.cursor = path
        return [keep, list(path[keep:])]

    def _go(self, out: list[Any], path: Path) -> None:
        if self.cursor != path:
            out.append(self._move(path))

    def _complete(self, out: list[Any], path: Path) -> None:
        if out and out[-1].__class__ is int and self.cursor and self.cursor[:-1] == path:
            out[-1] += 1  # after a value, its parent
            self.cursor = path
        else:
            self._go(out, path)
            out.append(1)

    def _rare(self, out: list[Any], change: Change[Any]) -> None:
        op, path, value = change
        if op == "invalid":
            self._go(out, path)
            out.append({"dropped" if isinstance(change, Dropped) else "invalid": plain_errors(value)})
        elif op == "remove":
            self._go(out, path)
            out.append({"remove": 1})
        elif op == "reset":
            self._attempt += 1
            out.append({"reset": self._attempt})
        elif op == "snapshot":
            out.append(self.snapshot(cast("Document", value)))
            self.cursor = self.cursor or ()
        elif op == "end":
            end = cast("End", value)
            open_paths, error = [list(path) for path in end.open], None if end.error is None else str(end.error)
            out.append({"end": {**end._asdict(), "open": open_paths, "error": error}})
        else:
            raise no_change("CompactEncoder", change)
