"""Spelling out: a value that is known whole, told in the same events as one that streamed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, RootModel

from streamkit.events import Change, Op, Path

if TYPE_CHECKING:
    from streamkit.scanner import Json

__all__ = ["children", "reconcile", "same_json", "spell", "spell_wrong"]


def spell(out: list[Change], op: Op, path: Path, json: Json, typed: object) -> None:
    """Tell a whole value: itself, then its children, each with its verdict, then its own."""
    if isinstance(json, (dict, list)):
        out.append(Change(op, path, {} if isinstance(json, dict) else []))
        for key, child, value in children(json, typed):
            spell(out, "add", (*path, key), child, value)
    else:
        out.append(Change(op, path, json))
    out.append(Change("complete", path, typed))


def spell_wrong(out: list[Change], op: Op, path: Path, json: Json) -> None:
    """Tell a value that is not valid, without its own verdict: nothing below it can be trusted either."""
    if not isinstance(json, (dict, list)):
        out.append(Change(op, path, json))
        return
    out.append(Change(op, path, {} if isinstance(json, dict) else []))
    for key, child in json.items() if isinstance(json, dict) else enumerate(json):
        spell_wrong(out, "add", (*path, key), child)
        out.append(Change("invalid", (*path, key), []))


def reconcile(  # noqa: PLR0917  # called in two places, one of them itself
    out: list[Change], path: Path, old: Json, new: Json, typed: object, told: Mapping[str | int, object]
) -> None:
    """Tell what makes `new` of `old`: user code changed it after it was told.

    The verdict of the value itself is left to whoever calls. A value that was changed in place keeps its
    verdict, which carried that very object; one that was exchanged is replaced whole.

    Args:
        out: where the changes go.
        path: where the value stands.
        old: the JSON form that was told.
        new: the JSON form it has now.
        typed: the value.
        told: the children whose `complete` was told, by key or index.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        gone: list[str | int] = [key for key in old if key not in new]
        before: dict[str | int, Json] = dict(old.items())
    elif isinstance(old, list) and isinstance(new, list):
        gone = [*range(len(old) - 1, len(new) - 1, -1)]
        before = {**dict(enumerate(old))}
    else:
        if not same_json(old, new):
            spell(out, "replace", path, new, typed)
            out.pop()  # its verdict
        return
    out += [Change("remove", (*path, key)) for key in gone]
    for key, child, value in children(new, typed):
        place = (*path, key)
        if key not in before:
            spell(out, "add", place, child, value)
        elif isinstance(child, (dict, list)) and type(child) is type(before[key]) and told.get(key, out) is value:
            reconcile(out, place, before[key], child, value, {at: each for at, _, each in children(child, value)})
        elif not same_json(before[key], child):
            spell(out, "replace", place, child, value)


def same_json(one: object, other: object) -> bool:
    """Equal as JSON: `1` and `true` differ, `1` and `1.0` do not, NaN is itself."""
    if one is other:
        return True
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        one, other = cast("dict[str, object]", one), cast("dict[str, object]", other)
        return one.keys() == other.keys() and all(same_json(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        one, other = cast("list[object]", one), cast("list[object]", other)
        return len(one) == len(other) and all(map(same_json, one, other))
    return one == other


def children(json: dict[str, Json] | list[Json], typed: object) -> Iterable[tuple[str | int, Json, object]]:
    """The children of a value in its JSON form, each with its typed value where there is one."""
    while isinstance(typed, RootModel):
        typed = cast("object", typed.root)  # pyright: ignore[reportUnknownMemberType]  # any root
    if isinstance(json, list):
        values = list(cast("Iterable[object]", typed)) if isinstance(typed, Iterable) else []
        for index, child in enumerate(json):
            yield index, child, values[index] if len(values) == len(json) else child
    elif isinstance(typed, Mapping):
        # A dump keeps the order of the keys, but may write them otherwise.
        values = list(cast("Mapping[object, object]", typed).values())
        for index, (key, child) in enumerate(json.items()):
            yield key, child, values[index] if len(values) == len(json) else child
    else:
        known = isinstance(typed, BaseModel) or dataclasses.is_dataclass(typed)
        for key, child in json.items():
            extras = typed.__pydantic_extra__ or {} if isinstance(typed, BaseModel) else {}
            yield key, child, extras[key] if key in extras else getattr(typed, key, child) if known else child
