"""Expand a value that is known whole into the changes of one that streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamkit.changes.change import Change, Op, Path
from streamkit.changes.json_values import children

if TYPE_CHECKING:
    from streamkit.changes.json_values import Json

__all__ = ["expand", "expand_invalid"]


def expand(out: list[Change], op: Op, path: Path, json: Json, typed: object) -> None:
    """Tell a whole value: itself, then its children, each with its verdict, then its own."""
    if isinstance(json, (dict, list)):
        out.append(Change(op, path, {} if isinstance(json, dict) else []))
        for key, child, value in children(json, typed):
            expand(out, "add", (*path, key), child, value)
    else:
        out.append(Change(op, path, json))
    out.append(Change("complete", path, typed))


def expand_invalid(out: list[Change], op: Op, path: Path, json: Json) -> None:
    """Tell a value that is not valid, without its own verdict: nothing below it can be trusted either."""
    if not isinstance(json, (dict, list)):
        out.append(Change(op, path, json))
        return
    out.append(Change(op, path, {} if isinstance(json, dict) else []))
    for key, child in json.items() if isinstance(json, dict) else enumerate(json):
        expand_invalid(out, "add", (*path, key), child)
        out.append(Change("invalid", (*path, key), []))
