"""Parts of a document for a page: the selected values, and the containers around them, so that frames still fold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from streamkit.changes.change import Change, matches, parse_pattern
from streamkit.changes.document import Document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamkit.changes.change import Path

__all__ = ["selected"]


def selected(changes: Sequence[Change[Any]], patterns: tuple[str, ...]) -> Sequence[Change[Any]]:
    """Return the changes of the selected paths and of the containers around them; all without a pattern."""
    if not patterns:
        return changes
    # An index stands for the whole list: an item can only be added behind those before it.
    steps = [tuple("*" if step.isdigit() else step for step in parse_pattern(pattern)) for pattern in patterns]
    out: list[Change[Any]] = []
    for change in changes:
        if change.op == "snapshot":
            out.append(Change("snapshot", (), _part(cast("Document", change.value), steps)))
        elif change.op in ("reset", "end") or _is_shown(change.path, steps):
            out.append(change)
    return out


def _is_shown(path: Path, steps: Sequence[tuple[str, ...]]) -> bool:
    return any(matches(each, path) or _is_around(path, each) for each in steps)


def _is_around(path: Path, steps: tuple[str, ...]) -> bool:
    """Whether a path leads to what a pattern selects."""
    return len(path) < len(steps) and matches(steps[: len(path)], path)


def _part(document: Document, steps: Sequence[tuple[str, ...]]) -> Document:
    part = Document()
    for path in document.paths():
        if _is_shown(path, steps):
            value = document.get(path)
            empty: object = {} if isinstance(value, dict) else [] if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]  # an empty one
            part.apply(Change[Any]("add", path, empty))
    for path in reversed([*part.paths()]):
        state = document.state(path)
        if state != "open":
            value = document.errors(path) if state == "invalid" else document.get(path)
            part.apply(Change(state, path, value))
    part.missed = document.missed
    return part
