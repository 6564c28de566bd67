"""`AttemptDiff`: a new attempt laid over what a subscriber already has.

After a `reset` the document of the attempt before still stands on somebody's screen. Only where the
new attempt says something else is that told: a string that begins as the old one did says nothing yet,
and what the new attempt did not repeat goes when the container around it closes.
"""

from __future__ import annotations

from typing import cast

from streamkit.changes.change import Change, Dropped, Path
from streamkit.changes.document import Document
from streamkit.changes.json_values import is_array, is_object, same_json

__all__ = ["AttemptDiff"]


class AttemptDiff:
    """One attempt after the first.

    Args:
        shown: what the subscriber has; whoever calls applies to it what `take` returns.
    """

    def __init__(self, shown: Document) -> None:
        self._shown = shown
        self._fresh = Document()
        # Strings that so far repeat the beginning of the old one, and how much of it.
        self._quiet: dict[Path, int] = {}

    def take(self, change: Change) -> list[Change]:
        """Return what a change of the new attempt means for the subscriber."""
        op, path, value = change
        again = op == "replace" and self._fresh.has(path) and self._fresh.state(path) != "open"
        self._fresh.apply(change)
        if op in ("add", "replace"):
            self._quiet.pop(path, None)
            # It had its verdict in this very attempt: only a `replace` takes that back.
            return [change] if again and isinstance(value, (str, dict, list)) else self._put(path, value)
        if op == "append":
            return self._append(path, cast("str", value))
        if isinstance(change, Dropped):
            return [change]
        if op in ("complete", "invalid"):
            return [*self._settle(path), change]
        return self._remove(change)

    def _put(self, path: Path, value: object) -> list[Change]:
        if not self._shown.has(path):
            return [Change("add", path, value)]
        old = self._shown.get(path)
        if isinstance(value, str) and isinstance(old, str):
            if old.startswith(value):
                self._quiet[path] = len(value)
                return []
            return [_grown(path, old, value)]
        if (is_object(value) and is_object(old)) or (is_array(value) and is_array(old)):
            return []
        return [] if same_json(old, value) else [Change("replace", path, value)]

    def _append(self, path: Path, text: str) -> list[Change]:
        if path not in self._quiet:
            return [Change("append", path, text)]
        old, matched = cast("str", self._shown.get(path)), self._quiet[path]
        if old.startswith(text, matched):
            self._quiet[path] = matched + len(text)
            return []
        del self._quiet[path]
        return [_grown(path, old, cast("str", self._fresh.get(path)))]

    def _remove(self, change: Change) -> list[Change]:
        """What is not there when its container closes is removed then; after that, at once."""
        settled = self._fresh.state(change.path[:-1]) != "open"
        return [change] if settled and self._shown.has(change.path) else []

    def _settle(self, path: Path) -> list[Change]:
        """A value of the new attempt is final: remove what stands there beside it."""
        new = self._fresh.get(path)
        if self._quiet.pop(path, None) is not None:
            return [] if new == self._shown.get(path) else [Change("replace", path, new)]
        old = self._shown.get(path)
        if is_array(new) and is_array(old):
            extra = range(len(old) - 1, len(new) - 1, -1)
            return [Change("remove", (*path, index)) for index in extra]
        if is_object(new) and is_object(old):
            return [Change("remove", (*path, key)) for key in old if key not in new]
        return []


def _grown(path: Path, old: str, new: str) -> Change:
    return Change("append", path, new[len(old) :]) if new.startswith(old) else Change("replace", path, new)
