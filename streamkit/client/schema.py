"""The JSON Schema that goes over the wire, strict (as OpenAI calls it) where the model allows it.

Strict means: no object has other keys than it names, and all of them come. That binds who writes the
answer; what the user's model accepts stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias, cast

from openai import pydantic_function_tool
from pydantic import BaseModel, TypeAdapter

__all__ = ["Schema", "wire_schema"]

Schema: TypeAlias = dict[str, object]

_UNKNOWN_TO_STRICT = frozenset({"prefixItems", "patternProperties", "propertyNames", "uniqueItems", "not"})
_SAYS_WHAT = frozenset({"type", "$ref", "anyOf", "allOf", "enum", "const"})


def wire_schema(model: object) -> tuple[Schema, bool]:
    """Return the schema of a type, and whether it is strict.

    A model with open parts (a `dict`, `Any`, `extra="allow"`, a tuple) or a type that is no pydantic model
    has its own schema, not strict.
    """
    if isinstance(model, type) and issubclass(model, BaseModel):
        schema = cast("Schema", pydantic_function_tool(model)["function"].get("parameters"))
        for each in _schemas(schema):
            _tidy(each)
        if all(_is_strict(each) for each in _schemas(schema)):
            return schema, True
    return TypeAdapter(cast("type[object]", model)).json_schema(), False


def _schemas(schema: Schema) -> Iterator[Schema]:
    """A schema and all those inside it."""
    yield schema
    for keyword in ("$defs", "properties"):
        for inner in cast("dict[str, Schema]", schema.get(keyword, {})).values():
            yield from _schemas(inner)
    for keyword in ("anyOf", "oneOf", "allOf"):
        for inner in cast("list[Schema]", schema.get(keyword, [])):
            yield from _schemas(inner)
    if isinstance(items := schema.get("items"), dict):
        yield from _schemas(cast("Schema", items))


def _tidy(schema: Schema) -> None:
    """Take out what strict schemas may not have and that tells the writer nothing."""
    schema.pop("default", None)
    schema.pop("discriminator", None)
    if "oneOf" in schema:
        schema["anyOf"] = schema.pop("oneOf")


def _is_strict(schema: Schema) -> bool:
    if _UNKNOWN_TO_STRICT & schema.keys() or not _SAYS_WHAT & schema.keys():
        return False
    return schema.get("type") != "object" or schema.get("additionalProperties") is False
