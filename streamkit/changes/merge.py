"""Merging changes without loss: what one change says and the next adds, said at once."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import cast

from streamkit.changes.change import Change, Op, Path

__all__ = ["conflate", "merge", "merge_into"]

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


def conflate(changes: Iterable[Change]) -> list[Change]:
    """The least changes that come to the same: what was said of a value is said where that began.

    Text joins the change that told of its string, a value set over one that was just set takes its place. Every
    verdict stays. Changes of different values may trade places, parents never behind their children. Linear.
    """
    out: list[Change] = []
    grown: dict[int, list[str]] = {}  # the text of a change in `out`, in pieces
    last: dict[Path, int] = {}  # where the state of a value without a verdict was told
    for change in changes:
        op, path, value = change
        at = last.get(path)
        if op == "append" and at is not None and isinstance(out[at].value, str):
            grown.setdefault(at, [cast("str", out[at].value)]).append(cast("str", value))
        elif op == "replace" and at is not None and not isinstance(out[at].value, (dict, list)):
            out[at] = Change("add" if out[at].op == "add" else "replace", path, value)
            grown.pop(at, None)
        else:
            if op in ("complete", "invalid"):
                last.pop(path, None)
            elif op in _GROWING:
                # What stood below is told anew, too, so its old places need not be forgotten.
                last[path] = len(out)
            else:
                last.clear()
            out.append(change)
    for at, pieces in grown.items():
        out[at] = Change(out[at].op, out[at].path, "".join(pieces))
    return out
