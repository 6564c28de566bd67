"""JSON values in Python: their type, equality, and the children that a value has."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TypeAlias, TypeGuard, cast

from pydantic import BaseModel, RootModel

__all__ = ["Json", "children", "is_array", "is_object", "same_json"]

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Tell whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    """Tell whether a JSON value is an array."""
    return isinstance(value, list)


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
        known = vars(typed) if hasattr(typed, "__dict__") else {}
        if not known and dataclasses.is_dataclass(typed):  # it has slots
            known = {field.name: getattr(typed, field.name, None) for field in dataclasses.fields(typed)}
        extras = typed.__pydantic_extra__ or {} if isinstance(typed, BaseModel) else {}
        for key, child in json.items():
            # A computed field is among neither, and is not asked for again: its JSON form has to do.
            yield key, child, extras[key] if key in extras else known.get(key, child)
