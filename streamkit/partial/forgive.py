"""The user's own serializers: written for whole values, what they do with half of one is not an error."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from streamkit.schema.core import Schema, serializer

__all__ = ["bare", "bearing_none", "forgiving", "users_own"]


def users_own(schema: Schema) -> bool:
    """Whether a schema says itself how its values are dumped; not by what pydantic has for abstract collections."""
    written = serializer(schema)
    of_items = "schema" in written and getattr(written.get("function"), "__module__", "").startswith("pydantic.")
    return bool(written) and not of_items


def forgiving(schema: Schema) -> Schema:
    """The same, passing over a serializer that fails; what there is then need not be of the type it returns."""
    written = serializer(schema)
    if "function" not in written:
        return bare(schema)
    at = 1 if written.get("is_field_serializer") else 0
    function = _bearing(cast("Callable[..., object]", written["function"]), at)
    kept = {key: value for key, value in written.items() if key != "return_schema"}
    return {**bare(schema), "serialization": {**kept, "function": function}}


def _bearing(function: Callable[..., object], at: int) -> Callable[..., object]:
    @wraps(function)
    def bearing(*args: Any) -> object:
        try:
            return function(*args)
        except Exception:  # noqa: BLE001  # see the head of this file
            return args[at]

    return bearing


def bearing_none(excluded: object) -> Callable[[object], bool]:
    """What says whether to leave a field out, for a field that may not have come; where it fails, to keep it."""
    function = cast("Callable[[object], bool]", excluded)

    def bearing(value: object) -> bool:
        try:
            return value is not None and function(value)
        except Exception:  # noqa: BLE001  # see the head of this file
            return False

    return bearing


def bare(schema: Schema, without: frozenset[str] = frozenset()) -> dict[str, object]:
    """Without its name, which belongs to it alone: a schema may be rewritten, and more than once."""
    return {key: value for key, value in schema.items() if key != "ref" and key not in without}
