"""`Backlog`: what waits to be handed on, and never grows beyond what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from streamkit.changes.change import Change
from streamkit.changes.merge import conflate

__all__ = ["Backlog"]

_SOME = 64  # changes that may wait unmerged


class Backlog:
    """Changes are merged, without loss; of anything else the newest is kept.

    Args:
        merge: how changes are merged.
    """

    def __init__(self, merge: Callable[[Iterable[Change]], list[Change]] = conflate) -> None:
        self._merge = merge
        self._changes: list[Change] = []
        self._merged = 0  # how many of them were merged already; doubling keeps the whole linear
        self._newest: list[object] = []

    def __bool__(self) -> bool:
        return bool(self._changes or self._newest)

    def add(self, batch: Sequence[object]) -> None:
        """Put a batch on it."""
        for item in batch:
            if isinstance(item, Change):
                self._changes.append(item)  # pyright: ignore[reportUnknownArgumentType]  # isinstance made it a Change of something
            else:
                self._newest = [item]
        if len(self._changes) > 2 * self._merged + _SOME:
            self._changes = self._merge(self._changes)
            self._merged = len(self._changes)

    def take(self) -> Sequence[object]:
        """Take all of it."""
        out = [*self._merge(self._changes), *self._newest]
        self._changes, self._newest, self._merged = [], [], 0
        return out
