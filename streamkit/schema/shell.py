"""Building a value from finished children: a schema with what is inside taken out.

The children of an object were validated when they closed. To build the object, pydantic runs the
model's own schema with every field's schema replaced by one that takes anything: model validators,
defaults, factories, required and forbidden fields work as they always do, and nothing is validated twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from json import dumps
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticCustomError, SchemaValidator, core_schema

from streamkit.schema.nodes import Wrong

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationInfo
    from pydantic_core import CoreConfig, CoreSchema

__all__ = ["Shell", "closed", "definitions_of", "extra_behavior", "inner_schemas", "model_fields_of"]

Schema = Mapping[str, object]


class Shell:
    """Builds values of one type from finished children; made at its first use.

    Args:
        schema: the type's schema.
        config: the config of the model it belongs to.
        by_place: build in JSON mode, from JSON in which each child is told by its place. Slower, but some
            children may be `Wrong` then, and the errors are those of JSON to the letter: where a child was
            refused, an error's input is its place.
    """

    __slots__ = ("_build", "_make", "by_place")

    def __init__(self, schema: Schema, config: Schema, *, by_place: bool) -> None:
        self.by_place = by_place
        leaf = core_schema.with_info_plain_validator_function(_at_place) if by_place else core_schema.any_schema()

        def make() -> Callable[..., object]:
            emptied = cast("CoreSchema", _emptied(schema, leaf, config))
            # Not prebuilt: pydantic would take the class's own validator, whatever the schema says.
            validator = SchemaValidator(emptied, cast("CoreConfig", _lenient(config)) or None, _use_prebuilt=False)
            return validator.validate_json if by_place else validator.validate_python

        self._make = make
        self._build: Callable[..., object] | None = None

    def __call__(self, children: Any) -> object:
        build = self._build
        if build is None:
            build = self._build = self._make()
        if not self.by_place:
            return build(children)
        if isinstance(children, dict):
            places = {key: place for place, key in enumerate(cast("dict[str, object]", children))}
            return build(dumps(places), context=list(cast("dict[str, object]", children).values()))
        return build(dumps(list(range(len(children)))), context=children)


def _at_place(place: int, info: ValidationInfo[list[object]]) -> object:
    child = info.context[place]
    if isinstance(child, Wrong):
        raise PydanticCustomError("streamkit_wrong", "not valid")
    return child


def _emptied(schema: Schema, leaf: CoreSchema, config: Schema) -> Schema:
    """The schema with the children's schemas replaced. Strictness is theirs, too: they have passed it."""
    out = {key: value for key, value in schema.items() if key not in ("ref", "serialization", "metadata", "strict")}
    kind = schema["type"]
    if kind in ("model", "function-after"):
        if kind == "model":
            config = cast("Schema", schema.get("config") or {})
            out["config"] = _lenient(config)
        out["schema"] = _emptied(cast("Schema", schema["schema"]), leaf, config)
    elif kind == "model-fields":
        out["fields"] = {
            name: _field(field, leaf) for name, field in cast("dict[str, Schema]", schema["fields"]).items()
        }
        if extra_behavior(schema, config) == "allow":
            out["extras_schema"] = leaf
    elif kind == "list":
        out["items_schema"] = leaf
    elif kind == "dict":
        out["values_schema"] = leaf
    else:
        raise AssertionError(f"no shell for a schema of type {kind!r}")
    return out


def _field(field: Schema, leaf: CoreSchema) -> Schema:
    schema = cast("Schema", field["schema"])
    if schema["type"] != "default":
        return {**field, "schema": leaf}
    kept = {key: value for key, value in schema.items() if key != "serialization"}
    return {**field, "schema": {**kept, "schema": leaf}}


def _lenient(config: Schema) -> Schema:
    return {key: value for key, value in config.items() if key not in ("strict", "revalidate_instances")}


def definitions_of(model: type[BaseModel]) -> dict[str, Schema]:
    """The definitions that a model's schema comes with."""
    schema = cast("Schema", model.__pydantic_core_schema__)
    if schema["type"] != "definitions":
        return {}
    return {cast("str", each["ref"]): each for each in cast("list[Schema]", schema["definitions"])}


def model_fields_of(model: type[BaseModel]) -> tuple[Mapping[str, Schema], CoreConfig]:
    """The schemas of a model's fields (none for a root model), and its settings as pydantic-core takes them."""
    definitions = definitions_of(model)
    schema, config = cast("Schema", model.__pydantic_core_schema__), cast("CoreConfig", {})
    while schema["type"] != "model-fields":
        if schema["type"] == "definition-ref":
            schema = definitions[cast("str", schema["schema_ref"])]
        elif "schema" in schema:
            config = cast("CoreConfig", schema.get("config") or config)
            schema = cast("Schema", schema["schema"])
        else:
            return {}, config
    return cast("Mapping[str, Schema]", schema["fields"]), config


def extra_behavior(core: Schema, config: Schema) -> str:
    """What a model does with keys it does not know: `ignore`, `allow` or `forbid`."""
    return cast("str", core.get("extra_behavior") or config.get("extra_fields_behavior") or "ignore")


def closed(schema: Schema, definitions: Mapping[str, Schema]) -> CoreSchema:
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
        if key in ("metadata", "default", "expected", "members"):
            continue
        yield from _schemas_in(value)


def _schemas_in(value: object) -> Iterator[Schema]:
    if isinstance(value, Mapping):
        inner = cast("Schema", value)
        if isinstance(inner.get("type"), str) and "type" in inner and not _is_function(inner):
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
