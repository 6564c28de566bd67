"""The JSON Schema that goes over the wire, strict (as OpenAI calls it) where the model allows it.

Strict means: no object has other keys than it names, and all of them come. That binds who writes the
answer; what the user's model accepts stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias, cast

from openai import pydantic_function_tool
from pydantic import BaseModel, TypeAdapter, create_model

__all__ = ["Schema", "WireSchema", "wire_schema"]

Schema: TypeAlias = dict[str, object]

_UNKNOWN_TO_STRICT = frozenset({"prefixItems", "patternProperties", "propertyNames", "uniqueItems", "not"})
_SAYS_WHAT = frozenset({"type", "$ref", "anyOf", "allOf", "enum", "const"})


@dataclass(frozen=True)
class WireSchema:
    """A type's schema.

    Attributes:
        schema: an object at the root, always: what is wanted, or a field `value` around it.
        strict: whether it is what OpenAI calls strict.
        wrapped: whether there is a field around it.
    """

    schema: Schema
    strict: bool
    wrapped: bool = False


def wire_schema(model: object) -> WireSchema:
    """Return the schema of a type as it is sent.

    A model with open parts (a `dict`, `Any`, `extra="allow"`, a tuple) or a type that is no pydantic model
    has its own schema, not strict. A type that is not an object in JSON (a list, a number, a union) stands in
    the field `value` of one, because providers want an object at the root. Not to be changed.
    """
    try:
        return _made(model)
    except TypeError:  # of what cannot be hashed, nothing is remembered
        return _made.__wrapped__(model)


@lru_cache(maxsize=256)
def _made(model: object) -> WireSchema:
    own = TypeAdapter(cast("type[object]", model)).json_schema()
    if not _is_object(own):
        wrapper = create_model("Answer", value=(cast("type[object]", model), ...))
        return _strict(wrapper, wrapper.model_json_schema(), wrapped=True)
    if isinstance(model, type) and issubclass(model, BaseModel):
        return _strict(model, own, wrapped=False)
    return WireSchema(own, strict=False)


def _strict(model: type[BaseModel], own: Schema, *, wrapped: bool) -> WireSchema:
    schema = cast("Schema", pydantic_function_tool(model)["function"].get("parameters"))
    for each in _schemas(schema):
        _tidy(each)
    if all(_is_strict(each) for each in _schemas(schema)):
        return WireSchema(schema, strict=True, wrapped=wrapped)
    return WireSchema(own, strict=False, wrapped=wrapped)


def _is_object(schema: Schema) -> bool:
    ref = schema.get("$ref")
    if isinstance(ref, str):
        schema = cast("dict[str, Schema]", schema["$defs"])[ref.rpartition("/")[2]]
    return schema.get("type") == "object"


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
