"""`Place`: where a reader stands in a log, and what it is handed from there: batches, merged ones, or a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from streamkit.events import Change
from streamkit.hub.log import MemoryLog
from streamkit.merge import conflate

__all__ = ["Place"]

_ALWAYS = ("reset", "snapshot", "end")


class Place:
    """A place in a log, which moves on as what lies behind it is taken.

    Args:
        log: what was told.
        at: how many changes lie before the place.
        fits: the changes that are wanted; None for all.
        conflates: what piled up is merged; else it is taken batch by batch.

    Attributes:
        at: how many changes lie before the place.
        behind: where it was before what was taken last; -1 where that is as the source told it.
        withheld: how many were not handed over of those before the place.
        merged: how many were joined with others that were handed over.
        dropped: for how many a snapshot stood.
    """

    __slots__ = ("_conflates", "_fits", "_log", "at", "behind", "dropped", "merged", "withheld")

    def __init__(self, log: MemoryLog, at: int, fits: Callable[[Change], bool] | None, *, conflates: bool) -> None:
        self._log, self._fits, self._conflates = log, fits, conflates
        self.at, self.behind = at, 0
        self.withheld = at
        self.merged = self.dropped = 0

    def take(self) -> Sequence[Change[object]]:
        """Move on in the log; return what is to be handed over of it, perhaps nothing."""
        before = self.at
        changes = self._taken()
        self.withheld += self.at - before - len(changes)
        return changes

    def _taken(self) -> Sequence[Change[object]]:
        log = self._log
        self.behind = -1
        if self._conflates:
            batches = log.read(self.at)
            if batches is not None and len(batches) > 1:
                return self._merge(batches)
            batch = None if batches is None else batches[0]
        else:
            batch = log.read_one(self.at)
        if batch is None:
            return self._snapshot()
        self.at += len(batch)
        if self._fits is None:
            return batch
        return self._select(batch)

    def _select(self, changes: Sequence[Change[object]]) -> Sequence[Change[object]]:
        fits = self._fits
        if fits is None:
            return changes
        chosen = [change for change in changes if change.op in _ALWAYS or fits(change)]
        if len(chosen) < len(changes):
            self.behind = self.at - len(changes)
        return chosen

    def _merge(self, batches: Sequence[Sequence[Change[object]]]) -> Sequence[Change[object]]:
        """What piled up, as the least changes; or the document, where that is less."""
        log = self._log
        behind, self.at = self.at, log.seq
        changes = self._select(list(chain.from_iterable(batches)))
        merged = conflate(changes)
        # In a document, a value is its state and its verdict: two changes' worth.
        if len(merged) > 2 * log.values + 1:
            self.at = behind
            return self._snapshot()
        self.merged += len(changes) - len(merged)
        self.behind = behind
        return merged

    def _snapshot(self) -> Sequence[Change[object]]:
        """The document in place of what is not kept, and again what tells how the stream came out."""
        log = self._log
        told: list[Change[object]] = []
        if log.verdict is not None and (self._fits is None or self._fits(log.verdict)):
            told.append(log.verdict)
        if log.end is not None:
            told.append(Change("end", (), log.end))
        document = log.snapshot()
        document.end = None  # told behind it
        document.missed = log.seq - self.at - len(told)
        self.dropped += document.missed
        self.behind, self.at = self.at, log.seq
        return [Change("snapshot", (), document), *told]
