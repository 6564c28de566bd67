"""diff: reduce changes (or complete snapshots) to minimal changes.

in    add /name "Jo", append /name "hn"      reset, add "", add /name "Jo", append /name "e", ...
out   add /name "John"                       reset, replace /name "Joe", ...

in    {"name": "Jo"}      {"name": "John"}   {"name": "John"}
out   add "", add /name   append /name "hn"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from streamkit.assembly.text_machine import reader_before
from streamkit.changes.attempt_diff import AttemptDiff
from streamkit.changes.change import Change, End, Finish, is_verdict
from streamkit.changes.document import Document
from streamkit.changes.endings import cut_short, unfinished
from streamkit.changes.merge import merge_into
from streamkit.changes.snapshot_diff import SnapshotDiff
from streamkit.flow import AnyStage, Reason, ToChanges

__all__ = ["diff"]

_RARE = ("reset", "end")


def diff() -> ToChanges:
    """Join changes of one chunk, drop changes without effect, and after a retry emit only the differences.

    - Text that one chunk appends to a string it has just added or replaced joins that change.
    - After a `reset`, the new attempt is compared with what the subscriber already has. When a container closes, the
      children that the new attempt did not repeat are removed. Every value gets its verdict again. An `end` before
      that lists, as open, the paths that still show the old attempt.
    - Items that are not changes are complete snapshots from any other library: pydantic models, dicts or lists. They
      are converted to the same changes; the verdicts follow when the input ends.
    """
    return ToChanges(_Diff, "diff", emits_changes=True, plan=_plan)


def _plan(before: Sequence[AnyStage], this: AnyStage) -> Sequence[AnyStage]:
    """Directly after a stage that reads text there is nothing to do: one text has one attempt, and repeats nothing."""
    reader = reader_before(before)
    if reader is None:
        return (*before, this)
    return (*before[:-1], replace(reader, name=f"{reader.name} | {this.name}").stage())


class _Diff:
    def __init__(self) -> None:
        self._shown = Document()  # what the consumer has
        self._attempt_diff: AttemptDiff | None = None
        self._snapshots = SnapshotDiff()

    def feed(self, item: object, /) -> Sequence[Change]:
        return self.feed_batch((item,))

    def feed_batch(self, items: Sequence[object]) -> Sequence[Change]:
        out: list[Change] = []
        apply = self._shown.apply
        for item in items:
            change: Any = item
            if item.__class__ is Change and self._attempt_diff is None and change[0] not in _RARE:
                apply(change)
                if change[0] == "append":
                    merge_into(out, change)
                else:
                    out.append(change)
                continue
            for reduced in self._reduce(change) if isinstance(item, Change) else self._snapshots.take(item):
                apply(reduced)
                merge_into(out, reduced)
        return out

    def close(self, reason: Reason, /) -> Sequence[Change]:
        if self._shown.end is not None or not isinstance(reason, (Finish, Exception)):
            return ()
        if isinstance(reason, Exception):
            return [Change("end", (), End("failed", self._shown.open, reason))]
        if self._snapshots.started and not cut_short(reason):
            return [*self._snapshots.verdicts(), Change("end", (), End("complete", finish_reason=reason.reason))]
        status, error = unfinished(reason, self._shown.open, started=self._shown.has(()))
        return [Change("end", (), End(status, self._shown.open, error, reason.reason))]

    def _reduce(self, change: Change) -> Sequence[Change]:
        op, path, value = change
        if op == "reset":
            self._attempt_diff = AttemptDiff(self._shown)
            return [change]
        if op == "end":
            end = cast("End", value)
            return [change if self._attempt_diff is None else Change("end", (), end._replace(open=self._shown.open))]
        if self._attempt_diff is not None:
            changes = self._attempt_diff.take(change)
            if not path and is_verdict(change):
                self._attempt_diff = None
            return changes
        return [change]
