"""`OpenPaths`: what a stream of changes has told so far, as far as its `end` has to know."""

from __future__ import annotations

from collections.abc import Sequence

from streamkit.changes.change import Change, End, Path, is_verdict

__all__ = ["OpenPaths"]


class OpenPaths:
    """Follows changes that others made, so that their stream has an `end` also where a stage fails behind them.

    It need not be a whole document: `select()` leaves parts of one. After a `reset` only what is told again is known to
    be open.

    Args:
        of_changes: changes are to come; what comes shows whether they do.
    """

    __slots__ = ("_ended", "_of_changes", "_open")

    def __init__(self, *, of_changes: bool) -> None:
        self._of_changes, self._ended = of_changes, False
        self._open: dict[Path, None] = {}

    def take(self, batch: Sequence[object]) -> None:
        """Take note of what is handed on."""
        for item in batch:
            self._of_changes = isinstance(item, Change)
            if isinstance(item, Change) and item.op != "append":
                self._note(item)  # pyright: ignore[reportUnknownArgumentType]  # isinstance made it a Change of something

    def _note(self, change: Change[object]) -> None:
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
        """The `end` for this error, if the changes had none; nothing where there are no changes."""
        if self._ended or not self._of_changes or not isinstance(error, Exception):
            return ()
        self._ended = True
        return (Change("end", (), End("failed", tuple(sorted(self._open, key=len)), error)),)
