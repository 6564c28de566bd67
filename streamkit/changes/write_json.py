"""Write any Python value as JSON: models, dates and exceptions, too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, cast

from pydantic_core import PydanticSerializationError, to_json

from streamkit.changes.json_values import is_array, is_object

__all__ = ["finite", "on_one_line", "plain_errors", "write_json"]


def write_json(value: object) -> bytes:
    """Write a value as one line of compact JSON in UTF-8.

    Models are written under their field names. A float that JSON does not have is null. An object that pydantic does
    not know is its text. Bytes that are not UTF-8 are Base64.

    Raises:
        PydanticSerializationError: the value contains itself, is nested too deeply, or has a lone surrogate in a text.
    """
    try:
        line = to_json(value, by_alias=False, inf_nan_mode="null", fallback=str)
    except PydanticSerializationError:
        line = to_json(value, by_alias=False, inf_nan_mode="null", fallback=str, bytes_mode="base64")
    return on_one_line(line)


def on_one_line(line: bytes) -> bytes:
    """Escape the three characters that JSON allows inside a string, and at which some readers break lines."""
    if b"\xe2\x80" in line or b"\xc2\x85" in line:
        line = line.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
        line = line.replace(b"\xc2\x85", b"\\u0085")
    return line


def plain_errors(errors: object) -> list[dict[str, object]]:
    """Convert the errors that an `invalid` carries to JSON, whatever `input` and `ctx` hold; `loc` becomes an array."""
    return [_plain_error(error) for error in cast("Iterable[Mapping[str, object]]", errors)]


def _plain_error(error: Mapping[str, object]) -> dict[str, object]:
    try:
        return cast("dict[str, object]", json.loads(write_json(error)))
    except (ValueError, RecursionError):  # member by member: only what JSON cannot say is lost
        return {key: _plain(value) for key, value in error.items()}


def _plain(value: object) -> Any:
    try:
        return json.loads(write_json(value))
    except (ValueError, RecursionError):
        try:
            return ascii(value)
        except Exception:  # noqa: BLE001  # the object's own repr() failed
            return f"<{type(value).__qualname__}>"


def finite(value: object) -> object:
    """Return a JSON value with null for each float that JSON does not have; the same object if there is none."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if is_object(value):
        members = {key: finite(child) for key, child in value.items()}
        return members if any(members[key] is not child for key, child in value.items()) else value
    if is_array(value):
        items = [finite(child) for child in value]
        return items if any(one is not other for one, other in zip(items, value, strict=True)) else value
    return value
