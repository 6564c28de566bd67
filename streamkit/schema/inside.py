"""What is anywhere inside a core schema: user code, computed fields, the definitions that it refers to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias, cast

from streamkit.schema.core import Schema, has_post_init, looks_further, serializer

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

__all__ = [
    "closed",
    "has_computed",
    "has_user_code",
    "inner_schemas",
    "wants_siblings",
    "without_computed",
]

Definitions: TypeAlias = Mapping[str, Schema]

_OPAQUE = ("metadata", "default", "expected", "members")
_OWN_SCOPE = ("model-fields", "dataclass-args", "typed-dict")


def wants_siblings(schema: Schema, definitions: Definitions) -> bool:
    """Whether a validator in a field takes `info`, which tells of the fields before it."""
    return _any_inside(schema, definitions, _takes_info, _OWN_SCOPE, set())


def has_user_code(schema: Schema, definitions: Definitions) -> bool:
    """Whether validating may call functions of the user's."""
    return _any_inside(schema, definitions, _is_code, (), set())


def _takes_info(schema: Schema) -> bool:
    function = schema.get("function")
    return isinstance(function, Mapping) and cast("Schema", function).get("type") == "with-info"


def _is_code(schema: Schema) -> bool:
    kind = cast("str", schema["type"])
    if kind.startswith("function-") or kind in ("call", "custom-error", "is-instance", "is-subclass", "callable"):
        return True
    if schema.get("default_factory") not in (None, list, dict, set, tuple):
        return True
    if schema.get("custom_init") or (kind == "enum" and looks_further(schema)):
        return True
    if kind == "tagged-union" and callable(schema["discriminator"]):
        return True
    return kind in ("model", "dataclass") and has_post_init(schema)


def _any_inside(
    schema: Schema,
    definitions: Definitions,
    test: Callable[[Schema], bool],
    stop: tuple[str, ...],
    seen: set[str],
) -> bool:
    if schema["type"] == "definition-ref":
        ref = cast("str", schema["schema_ref"])
        if ref in seen:
            return False
        seen.add(ref)
        return _any_inside(definitions[ref], definitions, test, stop, seen)
    if schema["type"] in stop:
        return False
    if test(schema):
        return True
    return any(_any_inside(inner, definitions, test, stop, seen) for inner in inner_schemas(schema))


def has_computed(schema: Schema) -> bool:
    """Whether there is a computed field in a schema that stands by itself."""
    return bool(schema.get("computed_fields")) or any(map(has_computed, inner_schemas(schema)))


def without_computed(schema: CoreSchema) -> CoreSchema:
    """The schema without computed fields; but what a serializer of the user's works on is left to it."""
    return cast("CoreSchema", _stripped(schema))


def _stripped(value: object) -> object:
    if isinstance(value, Mapping):
        inner = cast("Schema", value)
        if serializer(inner) and "type" in inner:
            return inner
        return {
            key: each if key in _OPAQUE else _stripped(each) for key, each in inner.items() if key != "computed_fields"
        }
    if isinstance(value, (list, tuple)):
        return [_stripped(each) for each in cast("list[object]", value)]
    return value


def closed(schema: Schema, definitions: Definitions) -> CoreSchema:
    """A schema that stands by itself: with the definitions that it refers to, at any depth."""
    needed: dict[str, Schema] = {}
    todo = list(_refs(schema))
    while todo:
        ref = todo.pop()
        if ref not in needed and ref in definitions:
            needed[ref] = definitions[ref]
            todo += _refs(definitions[ref])
    if not needed:
        return cast("CoreSchema", schema)
    if schema.get("ref") in needed:
        schema = {"type": "definition-ref", "schema_ref": schema["ref"]}
    return cast("CoreSchema", {"type": "definitions", "schema": schema, "definitions": list(needed.values())})


def inner_schemas(schema: Schema) -> Iterator[Schema]:
    """The schemas directly inside a schema, whatever its type."""
    for key, value in schema.items():
        if key in _OPAQUE:
            continue
        yield from _schemas_in(value)


def _schemas_in(value: object) -> Iterator[Schema]:
    if isinstance(value, Mapping):
        inner = cast("Schema", value)
        if isinstance(inner.get("type"), str) and not _is_function(inner):
            yield inner
        else:
            for item in inner.values():
                yield from _schemas_in(item)
    elif isinstance(value, (list, tuple)):
        for item in cast("list[object]", value):
            yield from _schemas_in(item)


def _is_function(schema: Schema) -> bool:
    return schema["type"] in ("with-info", "no-info")


def _refs(schema: Schema) -> Iterator[str]:
    if schema["type"] == "definition-ref":
        yield cast("str", schema["schema_ref"])
    for inner in inner_schemas(schema):
        yield from _refs(inner)
