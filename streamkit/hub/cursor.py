"""`Cursor`: a position in a log, and what is read from there: batches, merged batches, or a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from streamkit.changes.change import Change
from streamkit.changes.merge import conflate
from streamkit.hub.log import MemoryLog

__all__ = ["Cursor"]

_ALWAYS = ("reset", "snapshot", "end")


class Cursor:
    """A position in a log, which moves on as changes are read.

    A subscription is a cursor, instead of having one: that saves an object for each of many thousands.

    Args:
        log: the changes.
        at: the position: number of changes before it.
        fits: selects changes; None for all.
        conflates: merge the backlog; else read it batch by batch.
    """

    __slots__ = ("_at", "_behind", "_conflates", "_dropped", "_fits", "_log", "_merged", "_withheld")

    def __init__(self, log: MemoryLog, at: int, fits: Callable[[Change], bool] | None, *, conflates: bool) -> None:
        self._log, self._fits, self._conflates = log, fits, conflates
        self._at = at
        self._behind = 0  # the position before the last read; -1 if that read was a batch as the source emitted it
        self._withheld = at  # number of changes before the position that were not delivered
        self._merged = self._dropped = 0  # number of changes that were merged; that a snapshot replaced

    def _take(self) -> Sequence[Change[object]]:
        """Move on in the log; return the changes to deliver, perhaps none."""
        before = self._at
        changes = self._taken()
        self._withheld += self._at - before - len(changes)
        return changes

    def _taken(self) -> Sequence[Change[object]]:
        log = self._log
        self._behind = -1
        if self._conflates:
            batches = log.read(self._at)
            if batches is not None and len(batches) > 1:
                return self._merge(batches)
            batch = None if batches is None else batches[0]
        else:
            batch = log.read_one(self._at)
        if batch is None:
            return self._snapshot()
        before, fits = self._at, self._fits
        self._at += len(batch)
        if fits is None:
            return batch
        # Many subscribers at the same cursor ask for the same: it is selected once, and merged once.
        chosen = log.shared((fits, before, self._at), lambda: _select(batch, fits))
        if len(chosen) < len(batch):
            self._behind = before
        return chosen

    def _merge(self, batches: Sequence[Sequence[Change[object]]]) -> Sequence[Change[object]]:
        """Return the backlog merged to minimal changes; or the document, if that is smaller."""
        log = self._log
        behind, self._at = self._at, log.seq
        fits = self._fits
        changes = log.shared((fits, behind, self._at), lambda: _select(list(chain.from_iterable(batches)), fits))
        merged = log.shared((fits, behind), lambda: conflate(changes))
        # A value of a document counts as two changes: its state and its verdict.
        if len(merged) > 2 * log.values + 1:
            self._at = behind
            return self._snapshot()
        self._merged += len(changes) - len(merged)
        self._behind = behind
        return merged

    def _snapshot(self) -> Sequence[Change[object]]:
        """Return the document in place of changes that are not kept, then the root's verdict and the `end`."""
        log = self._log
        told: list[Change[object]] = []
        if log.verdict is not None and (self._fits is None or self._fits(log.verdict)):
            told.append(log.verdict)
        if log.end is not None:
            told.append(Change("end", (), log.end))
        document = log.snapshot()
        document.end = None  # it follows as a change
        document.missed = log.seq - self._at - len(told)
        self._dropped += document.missed
        self._behind, self._at = self._at, log.seq
        return [Change("snapshot", (), document), *told]


def _select(changes: Sequence[Change[object]], fits: Callable[[Change], bool] | None) -> Sequence[Change[object]]:
    """Return the changes that a subscriber asked for."""
    return changes if fits is None else [change for change in changes if change.op in _ALWAYS or fits(change)]
