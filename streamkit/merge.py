"""Merging changes without loss: what one change says and the next adds, said at once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import cast

from streamkit.events import Change, Op, Path

__all__ = ["merge", "merge_into"]

_GROWING = ("add", "append", "replace")


def merge_into(out: list[Change], change: Change) -> None:
    """Put a change behind others: text appended to what was just told of the same string joins it."""
    if change.op == "append" and out:
        last = out[-1]
        if last.path == change.path and last.op in _GROWING and isinstance(last.value, str):
            out[-1] = Change(last.op, last.path, last.value + cast("str", change.value))
            return
    out.append(change)


def merge(changes: Iterable[Change]) -> list[Change]:
    """Merge any number of changes, in linear time however long a string they tell."""
    out: list[Change] = []
    for (op, path), run in groupby(changes, key=_op_and_path):
        if op == "append":
            merge_into(out, Change("append", path, "".join(cast("str", change.value) for change in run)))
        else:
            out += run
    return out


def _op_and_path(change: Change) -> tuple[Op, Path]:
    return change.op, change.path
