"""diff: changes (or whole snapshots) -> the least changes.

in    add /name "Jo", append /name "hn"      reset, add "", add /name "Jo", append /name "e", ...
out   add /name "John"                       reset, replace /name "Joe", ...

in    {"name": "Jo"}      {"name": "John"}   {"name": "John"}
out   add "", add /name   append /name "hn"
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from streamkit.changes.attempt_diff import AttemptDiff
from streamkit.changes.change import Change, End, Finish, is_verdict
from streamkit.changes.document import Document
from streamkit.changes.endings import cut_short, unfinished
from streamkit.changes.json_values import same_json
from streamkit.changes.merge import merge_into
from streamkit.changes.snapshot_diff import SnapshotDiff
from streamkit.flow import AnyStage, Reason, ToChanges

__all__ = ["diff"]

_RARE = ("reset", "replace", "end")


def diff() -> ToChanges:
    """Say once what was said twice, nothing that changes nothing, and after a retry only what differs.

    - Text that one chunk appends to a string it has just told of joins it.
    - A `replace` by an equal number, boolean or null is dropped; its verdict is not.
    - After a `reset` the new attempt is compared with what the subscriber already has; when one of its
      containers closes, what it did not repeat is removed. Every value gets its verdict again. An `end`
      before that names, as open, the paths of the old attempt still shown.
    - Items that are not changes are whole snapshots: pydantic models, or dicts and lists, from any other
      library. They become the same changes; the verdicts follow when the input ends.
    """
    return ToChanges(_Diff, "diff", emits_changes=True, plan=_plan)


def _plan(before: Sequence[AnyStage], me: AnyStage) -> Sequence[AnyStage]:
    """Right behind a stage that can tell the least by itself, let it."""
    least = before[-1].least if before else None
    return (*before, me) if least is None else (*before[:-1], least)


class _Diff:
    def __init__(self) -> None:
        self._shown = Document()
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
            for told in self._rare(change) if isinstance(item, Change) else self._snapshots.take(item):
                apply(told)
                merge_into(out, told)
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

    def _rare(self, change: Change) -> Sequence[Change]:
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
        same = not isinstance(value, (dict, list, str)) and same_json(self._shown.get(path), value)
        return [] if same else [change]
