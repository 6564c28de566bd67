"""`MemoryLog`: one copy of a shared stream, for any number of subscribers.

It keeps the newest changes, in their batches, and the document of all changes. A position in the stream is a number:
how many changes come before it. Changes after a position can be read while they are kept; a snapshot of the document
replaces all changes before a position. So new, lagging and returning subscribers all use the same code.

Nothing here waits, or knows subscribers: a log on another machine can have the same four methods (append, read,
snapshot, close).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar, cast

from streamkit.changes.change import Change, End, Finish, is_verdict
from streamkit.changes.document import Document
from streamkit.changes.endings import unfinished

__all__ = ["Batch", "MemoryLog"]

RootT = TypeVar("RootT", covariant=True)

_SOME = 256  # empty slots that are kept before the list is shortened
_SHARED = 16  # selections that are kept for readers at the same place


class Batch(NamedTuple, Generic[RootT]):
    """Changes that belong together, and the position after them.

    Attributes:
        seq: number of changes of the stream up to here; pass it as `after` to continue from here.
        changes: the changes of one chunk; for a subscriber that fell behind, those of several chunks, merged.
    """

    seq: int
    changes: Sequence[Change[RootT]]


class MemoryLog:
    """A shared stream, in memory.

    Args:
        keep: number of changes to keep before the newest batch; None keeps all.

    Attributes:
        seq: number of changes so far.
        before: the position before the newest batch.
        newest: that batch, which all subscribers who keep up read.
        values: the approximate number of values in the document.
        verdict: the verdict of the root, once there is one.
        end: how the stream ended; None while it runs.
    """

    def __init__(self, keep: int | None) -> None:
        self.keep = keep
        self.seq = self.before = self.values = 0
        self.newest = Batch[object](0, ())
        self.verdict: Change[object] | None = None
        self.end: End | None = None
        self._document = Document()
        # Batches and the position after each. Batches before `_first` were dropped, up to the position `_floor`.
        self._batches: list[Sequence[Change[object]]] = []
        self._ends: list[int] = []
        self._first = self._floor = 0
        self._shared: dict[object, Sequence[Change[object]]] = {}

    def append(self, changes: Sequence[Change[object]]) -> None:
        """Append the changes of one chunk; those after an `end` are ignored.

        Raises:
            TypeError, ValueError: an item is not a change, or does not fit; the ones before it are appended.
        """
        taken = 0
        try:
            for change in changes:
                if self.end is not None:
                    break
                self._fold(change)
                taken += 1
        finally:
            if taken:
                self._shared.clear()
                self.before, self.seq = self.seq, self.seq + taken
                if taken < len(changes) or type(changes) not in (list, tuple):
                    changes = list(changes)[:taken]  # readers ask its iterators how many are left
                self.newest = Batch(self.seq, changes)
                self._batches.append(self.newest.changes)
                self._ends.append(self.seq)
                if self.keep is not None:
                    self._forget(self.seq - taken - self.keep)

    def close(self, error: Exception | None = None, *, cancelled: bool = False) -> None:
        """Append the `end` of a stream that had none, because it failed, was cancelled, or stopped."""
        if self.end is not None:
            return
        open_paths = self._document.open
        if error is not None:
            end = End("cancelled" if cancelled else "failed", open_paths, error)
        elif self.verdict is not None and self.verdict.op == "complete":
            end = End("complete")
        else:
            status, why = unfinished(Finish(), open_paths, started=self._document.has(()))
            end = End(status, open_paths, why)
        self.append([Change("end", (), end)])

    def read(self, after: int) -> Sequence[Sequence[Change[object]]] | None:
        """Return the changes after a position, by batch; None if not all of them are kept."""
        at = self._find(after)
        if at is None:
            return None
        return [self._part(at, after), *self._batches[at + 1 :]]

    def read_one(self, after: int) -> Sequence[Change[object]] | None:
        """Return the first of these batches."""
        at = self._find(after)
        return None if at is None else self._part(at, after)

    def snapshot(self) -> Document:
        """Return the document at `seq`; it shares unchanged parts with others."""
        return self._document.copy()

    def shared(self, key: object, make: Callable[[], Sequence[Change[object]]]) -> Sequence[Change[object]]:
        """Return what `make` returns, made once for all readers that use this key until the next `append`."""
        found = self._shared.get(key)
        if found is None:
            if len(self._shared) >= _SHARED:
                self._shared.clear()
            found = self._shared[key] = make()
        return found

    def _find(self, after: int) -> int | None:
        return None if after < self._floor else bisect_right(self._ends, after, self._first)

    def _part(self, at: int, after: int) -> Sequence[Change[object]]:
        if at == len(self._ends):
            return ()
        batch = self._batches[at]
        known = after - (self._ends[at] - len(batch))
        return batch[known:] if known > 0 else batch

    def _fold(self, change: Change[object]) -> None:
        if not isinstance(change, Change):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
            raise TypeError(f"share() takes changes, got {change!r:.80}; write share(chunks | extract(Model))")
        try:
            self._document.apply(change)
        except ValueError as error:
            error.add_note("share() takes all changes of a stream, as they add up: put select() behind the hub")
            raise
        op = change.op
        if op == "add":
            self.values += 1
        elif op == "remove":
            self.values -= 1
        if not change.path:
            if op == "end":
                self.end = cast("End", change.value)
            elif op != "append":
                self.verdict = change if is_verdict(change) else None

    def _forget(self, floor: int) -> None:
        """Drop changes before a position: complete batches, and the greater part of a large one."""
        ends, first = self._ends, self._first
        while ends[first] <= floor:
            self._floor = ends[first]
            self._batches[first] = ()
            first += 1
        batch = self._batches[first]
        known = floor - (ends[first] - len(batch))
        if known > _SOME and 2 * known > len(batch):
            self._batches[first] = batch[known:]
            self._floor = floor
        if first > _SOME and 2 * first > len(ends):
            del ends[:first], self._batches[:first]
            first = 0
        self._first = first
