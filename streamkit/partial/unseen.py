"""What a field shows before it comes: its plain default, else None.

None for a default that is made for each object, since factories run when the object closes, and for one that
a stream would fill: a model, a list or the like.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

__all__ = ["plain", "unseen"]

_FILLED = (BaseModel, Mapping, list, tuple, set, frozenset, deque)


@lru_cache(maxsize=1024)
def unseen(cls: type[Any]) -> Mapping[str, object]:
    """What the fields of a model, dataclass or named tuple show before they come, by name."""
    if issubclass(cls, BaseModel):
        return {name: plain(field) for name, field in cls.model_fields.items()}
    if hasattr(cls, "_fields"):
        tuples = cast("Any", cls)
        return {name: plain(tuples._field_defaults.get(name)) for name in tuples._fields}
    # A pydantic dataclass knows more of its fields.
    known = cast("Mapping[str, object]", getattr(cls, "__pydantic_fields__", {}))
    fields = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    return {field.name: plain(known.get(field.name, field.default)) for field in fields}


def plain(default: object) -> object:
    """What is shown of a default; a `FieldInfo` in its place is asked for its own."""
    if isinstance(default, FieldInfo):
        default = cast("object", default.default)
    if default is PydanticUndefined or default is dataclasses.MISSING or isinstance(default, _FILLED):
        return None
    return None if dataclasses.is_dataclass(default) else default
