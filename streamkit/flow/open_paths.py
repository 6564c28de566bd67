"""`OpenPaths`: the paths that a stream of changes has left open, for its `end`."""

from __future__ import annotations

from collections.abc import Sequence

from streamkit.changes.change import Change, End, Path, is_verdict

__all__ = ["OpenPaths"]


class OpenPaths:
    """Follows changes as they are emitted, so that the stream gets its `end` even if a stage after them fails.

    The changes need not form a complete document: `select()` drops parts of it. After a `reset`, only paths that are
    emitted again count as open.

    Args:
        of_changes: whether the stream is known to be one of changes; its items show it, too.
    """

    __slots__ = ("_ended", "_of_changes", "_open")

    def __init__(self, *, of_changes: bool) -> None:
        self._of_changes, self._ended = of_changes, False
        self._open: dict[Path, None] = {}

    def follow(self, batch: Sequence[object]) -> None:
        """Receive the items that are emitted next."""
        for item in batch:
            self._of_changes = isinstance(item, Change)
            if isinstance(item, Change) and item.op != "append":
                self._apply(item)  # pyright: ignore[reportUnknownArgumentType]  # isinstance made it a Change of something

    def _apply(self, change: Change[object]) -> None:
        op, path, value = change
        if op == "end":
            self._ended = True
        elif op == "snapshot":
            self._open = dict.fromkeys(getattr(value, "open", ()))
        elif is_verdict(change):
            self._open.pop(path, None)
        elif op != "reset" and op != "invalid":
            if op != "add":
                self._open = {each: None for each in self._open if each[: len(path)] != path}
            if op != "remove":
                self._open[path] = None

    def end(self, error: BaseException) -> Sequence[Change[object]]:
        """Return the `end` for this error; nothing if there was an `end`, or if the items are not changes."""
        if self._ended or not self._of_changes or not isinstance(error, Exception):
            return ()
        self._ended = True
        return (Change("end", (), End("failed", tuple(sorted(self._open, key=len)), error)),)
