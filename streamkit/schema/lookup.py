"""Values that may stand in several places of an object: `AliasChoices`, `AliasPath`, `populate_by_name`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from streamkit.changes.json_values import Json
from streamkit.text.json_text import read_json, write_json

__all__ = ["find"]

Loc = tuple[str | int, ...]
_ABSENT = object()


def find(buffered: Mapping[str, str], paths: Sequence[Loc], *, final: bool) -> tuple[Loc, str] | None:
    """The first path at which something stands, and the JSON text of it; None if there is none yet.

    Args:
        held: the members of the object that have come, as text.
        paths: where to look, the first choice first.
        final: no more members will come; else a choice that may yet come is waited for.
    """
    for path in paths:
        text = buffered.get(str(path[0]))
        if text is None:
            if not final:
                return None
        elif len(path) == 1:
            return path, text
        else:
            found = _inside(read_json(text), path[1:])
            if found is not _ABSENT:
                return path, write_json(found)
    return None


def _inside(value: Json, path: Loc) -> object:
    """What stands at a path inside a value, as pydantic looks it up."""
    found: object = value
    for step in path:
        if isinstance(found, dict) and isinstance(step, str):
            found = cast("dict[str, object]", found).get(step, _ABSENT)
        elif isinstance(found, list) and isinstance(step, int):
            items = cast("list[object]", found)
            found = items[step] if -len(items) <= step < len(items) else _ABSENT
        else:
            return _ABSENT
    return found
