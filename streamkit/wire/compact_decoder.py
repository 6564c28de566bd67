"""compact_decoder: compact frames as changes again, on another machine.

["hn",1]   ->   append /users/0/name "hn", complete /users/0/name "John"
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeGuard, cast, get_args

from streamkit.changes.change import Change, Dropped, End, Op, Path, Status, to_pointer
from streamkit.changes.document import Document
from streamkit.changes.json_values import is_array, is_object
from streamkit.errors import StreamkitError
from streamkit.wire.marks import marks_of, read_errors, replay

__all__ = ["CompactDecoder"]

_KNOWN = ("invalid", "dropped", "remove", "reset", "snapshot", "end")


class CompactDecoder:
    """Decodes compact frames to changes, and folds them.

    The changes fold as those that were encoded. What was a Python value is JSON: a `complete` carries the JSON value at
    its path. A `reset` carries `"attempt N"`. An `end` carries an `End` whose `error` is a `StreamkitError` with the
    text of the error that was encoded.

    Attributes:
        document: what all frames so far add up to.
        cursor: the path at which the next frame continues; None before the first frame.
    """

    def __init__(self) -> None:
        self.document = Document()
        self.cursor: Path | None = None
        self._lost = False
        self._out: list[Change[object]] = []

    def decode(self, frame: bytes | str | Sequence[object]) -> list[Change[object]]:
        """Return the changes of the next frame: JSON text, or the list that is parsed from it.

        Items that this version does not know are passed over, if they are objects.

        Raises:
            ValueError: the frame is malformed, does not fit the document, or continues a frame that this decoder has
                not read. Afterwards, only a frame that begins with a snapshot is accepted.
        """
        items = self._items(frame)
        self._out, index, item = [], 0, None
        try:
            for index, item in enumerate(items):  # noqa: B007  # the message below names them
                self._take(item)
        except (ValueError, KeyError) as error:
            self._lost = True
            reason = f"nothing at {error.args[0]!r}" if isinstance(error, KeyError) else error
            raise ValueError(f"item {index} of the frame, {item!r:.80}: {reason}; get a snapshot") from error
        self._lost = False
        return self._out

    def _items(self, frame: bytes | str | Sequence[object]) -> Sequence[object]:
        try:
            items: object = json.loads(frame) if isinstance(frame, (bytes, str)) else frame
        except (ValueError, RecursionError) as error:
            self._lost = True
            raise ValueError(f"a frame is a JSON array, got {frame!r:.80}: {error}; get a snapshot") from error
        if not isinstance(items, (list, tuple)):
            self._lost = True
            raise ValueError(f"a frame is a JSON array, got {items!r:.80}; get a snapshot")  # noqa: TRY004  # as for all malformed frames
        found = cast("Sequence[object]", items)
        if self._lost and not (found and is_object(found[0]) and "snapshot" in found[0]):
            raise ValueError(f"an earlier frame was malformed, and {frame!r:.80} has no snapshot first; get a snapshot")
        return found

    def _take(self, item: object) -> None:
        if self.document.end is not None and not is_object(item):
            raise ValueError("nothing follows an end but a snapshot")
        if isinstance(item, str):
            if item:
                self._emit("append", self._here(), item)
        elif isinstance(item, int) and not isinstance(item, bool):
            self._complete(item)
        elif is_array(item):
            self._move(item)
        elif is_object(item):
            self._take_object(item)
        else:
            raise ValueError("an item is a text, a positive integer, an array or an object")

    def _take_object(self, item: Mapping[str, object]) -> None:
        name = next((name for name in _KNOWN if name in item), None)
        if name is None:
            return
        value = item[name]
        if name == "snapshot":
            self._snapshot(value, item.get("marks"), item.get("at") or [])
        elif self.document.end is not None:
            raise ValueError("nothing follows an end but a snapshot")
        elif name == "invalid":
            self._emit("invalid", self._here(), read_errors(value))
        elif name == "dropped":
            self._apply([Dropped("invalid", self._here(), read_errors(value))])
        elif name == "remove":
            self._remove(self._here())
        elif name == "reset":
            self._reset(value)
        else:
            self._emit("end", (), _read_end(value))

    def _here(self) -> Path:
        if self.cursor is None:
            raise ValueError("this frame continues an earlier one, which was not read")
        return self.cursor

    def _emit(self, op: Op, path: Path, value: object = None) -> None:
        self._apply([Change(op, path, value)])

    def _apply(self, changes: Sequence[Change[object]]) -> None:
        for change in changes:
            self.document.apply(change)
            self._out.append(change)

    # -- items that move the cursor ----------------------------------------------------------------------

    def _move(self, item: Sequence[object]) -> None:
        if len(item) not in (2, 3) or not _is_index(item[0]) or not _is_path(item[1]):
            raise ValueError("expected [keep, [segment, ...]] or [keep, [segment, ...], value]")
        keep, segments = item[0], item[1]
        if keep and keep > len(self._here()):
            raise ValueError(f"it keeps {keep} segments, and the cursor has {len(self._here())}")
        self.cursor = (*(self.cursor or ())[:keep], *segments)
        if len(item) == 3:
            self._set(self.cursor, item[2])

    def _set(self, path: Path, value: object) -> None:
        self._before_change_in(path[:-1])
        changes: list[Change[object]] = []
        replay(changes, "replace" if self.document.has(path) else "add", path, value, None)
        self._apply(changes)

    def _complete(self, count: int) -> None:
        path = self._here()
        if not 1 <= count <= len(path) + 1:
            raise ValueError(f"it completes {count} values, and at {to_pointer(path)!r} there are {len(path) + 1}")
        for length in range(len(path), len(path) - count, -1):
            self.cursor = path[:length]
            self._emit("complete", self.cursor, self.document.get(self.cursor))

    def _before_change_in(self, path: Path) -> None:
        """Keep values that a `complete` has handed out as they are: a container in use is copied before it changes."""
        if self.document.has(path) and self.document.state(path) != "open":
            _ = self.document.value

    # -- items that are objects --------------------------------------------------------------------------

    def _remove(self, path: Path) -> None:
        siblings = self.document.get(path[:-1]) if path else None
        self._before_change_in(path[:-1])
        if is_array(siblings) and isinstance(path[-1], int) and path[-1] < len(siblings) - 1:
            self._remove_item(path, siblings)
        else:
            self._emit("remove", path)

    def _remove_item(self, path: Path, items: Sequence[object]) -> None:
        """Remove an item of a list that others follow. Changes remove only a last item: the others are put again."""
        parent, index = path[:-1], cast("int", path[-1])
        moved: list[Change[object]] = []
        for at in range(index + 1, len(items)):
            replay(moved, "add", (*parent, at - 1), items[at], marks_of(self.document, (*parent, at)))
        self._apply([Change("remove", (*parent, at)) for at in range(len(items) - 1, index - 1, -1)])
        self._apply(moved)

    def _reset(self, value: object) -> None:
        if not _is_index(value):
            raise ValueError(f"a reset carries the number of the attempt, got {value!r:.80}")
        _ = self.document.value  # values that were handed out stay as they are: all may change again
        self._emit("reset", (), f"attempt {value}")

    def _snapshot(self, value: object, marks: object, at: object) -> None:
        if not _is_path(at):
            raise ValueError(f"'at' is a path, got {at!r:.80}")
        changes, document = list[Change[object]](), Document()
        replay(changes, "add", (), value, marks)
        for change in changes:
            document.apply(change)
        self._emit("snapshot", (), document)
        self.cursor = tuple(at)


def _read_end(value: object) -> End:
    if not is_object(value) or value.get("status") not in get_args(Status):
        raise ValueError(f"an end has a status, one of {', '.join(get_args(Status))}")
    paths, error, reason = value.get("open", []), value.get("error"), value.get("finish_reason")
    if not is_array(paths) or not all(map(_is_path, paths)):
        raise ValueError(f"'open' of an end is a list of paths, got {paths!r:.80}")
    if not isinstance(error, (str, type(None))) or not isinstance(reason, (str, type(None))):
        raise ValueError("'error' and 'finish_reason' of an end are texts or null")  # noqa: TRY004  # as for all malformed frames
    open_paths = tuple(tuple(path) for path in cast("list[list[str | int]]", paths))
    return End(cast("Status", value["status"]), open_paths, None if error is None else StreamkitError(error), reason)


def _is_index(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_path(value: object) -> TypeGuard[list[str | int]]:
    return is_array(value) and all(isinstance(step, str) or _is_index(step) for step in value)
