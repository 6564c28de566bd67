"""How a partial is dumped: as its model is, with None for what has not come.

pydantic's serializers warn of a None in the place of a string, and fail where a computed field lacks what it
is computed of. So the schemas of a model's fields are rewritten for its partial: values are dumped by what they
are, but where a type says more (a serializer, an alias) by that, if they are of the type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import SchemaSerializer, core_schema

from streamkit.partial.forgive import bare, bearing_none, forgiving, users_own
from streamkit.schema.core import Schema, accepts, choices_of, definitions_of, fields_of, serializer
from streamkit.schema.inside import closed, inner_schemas

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import CoreSchema

__all__ = ["is_plain", "partial_serializer"]

_ANY: Schema = core_schema.any_schema()
_ITEMS = {
    **dict.fromkeys(("list", "set", "frozenset", "deque"), "items_schema"),
    **dict.fromkeys(("dict", "ordered-dict"), "values_schema"),
}
_SPECIAL = ("serialization_alias", "serialization_exclude", "serialization_exclude_if", "computed_fields")
_OTHER = -1
_LONGEST = 8
"""Up to so many places of a tuple, what has come of it is dumped by place."""


def partial_serializer(partial: type[BaseModel], model: type[BaseModel]) -> SchemaSerializer:
    """Make what dumps the instances of a partial class. Computed fields are left out.

    Args:
        partial: the partial class.
        model: the model that it was made of.
    """
    definitions = definitions_of(model)
    outer = _model_schema(cast("Schema", model.__pydantic_core_schema__), definitions)
    config = cast("core_schema.CoreConfig", outer.get("config") or {})
    rewriting = _Rewriting(definitions)
    core = _core_of(outer)
    is_root = bool(outer.get("root_model"))
    if is_root:
        inner = rewriting.shown(cast("Schema", outer["schema"]))
    else:
        inner = rewriting.uncomputed(core) if core is not None else _ANY
    schema = core_schema.model_schema(partial, cast("CoreSchema", inner), config=config, root_model=is_root)
    return SchemaSerializer(closed(cast("Schema", schema), rewriting.definitions), config, _use_prebuilt=False)


def _model_schema(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """The schema of the model itself: without definitions, and validators around it."""
    while schema["type"] != "model":
        if schema["type"] == "definition-ref":
            schema = definitions[cast("str", schema["schema_ref"])]
        elif "schema" in schema:
            schema = cast("Schema", schema["schema"])
        else:
            break
    return schema


def _core_of(schema: Schema) -> Schema | None:
    """The part of a model's or dataclass's schema that has its fields."""
    while "fields" not in schema or schema["type"] in ("model", "dataclass"):
        if "schema" not in schema:
            return None
        schema = cast("Schema", schema["schema"])
    return schema


def is_plain(schema: Schema, definitions: Mapping[str, Schema]) -> bool:
    """Whether values dump alike by what they are; a model knows how to dump itself, a partial one too.

    But with a serializer of its own it is asked, as pydantic does: in a union the first may speak for others.
    """
    return _is_plain(schema, definitions, set())


def _is_plain(schema: Schema, definitions: Mapping[str, Schema], seen: set[str]) -> bool:
    kind = cast("str", schema["type"])
    if kind == "model":
        return not users_own(schema)
    if kind == "definition-ref":
        ref = cast("str", schema["schema_ref"])
        if ref in seen:
            return True
        seen.add(ref)
        return _is_plain(definitions[ref], definitions, seen)
    if kind == "json" or users_own(schema) or any(schema.get(key) for key in _SPECIAL):
        return False
    return all(_is_plain(inner, definitions, seen) for inner in inner_schemas(schema))


class _Rewriting:
    """The schemas of one model, rewritten.

    Attributes:
        definitions: the model's own, and the rewritten ones.
    """

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self.definitions: dict[str, Schema] = dict(definitions)

    def shown(self, schema: Schema) -> Schema:
        """For a place in which None may stand for what has not come, or is wrong, or a default, unvalidated."""
        while schema["type"] == "default" and not serializer(schema):
            schema = cast("Schema", schema["schema"])
        if users_own(schema):
            asked = forgiving(schema)
            return asked if "null" in accepts(schema, {}, self.definitions) else {"type": "nullable", "schema": asked}
        value = self.value(schema)
        return value if value is _ANY else _either({"type": "nullable", "schema": value})

    def value(self, schema: Schema) -> Schema:
        """For a value that has come."""
        if is_plain(schema, self.definitions):
            return _ANY
        kind = cast("str", schema["type"])
        if users_own(schema):
            return forgiving(schema)
        if kind == "default":
            return self.value(cast("Schema", schema["schema"]))
        if kind == "nullable":
            return {"type": "nullable", "schema": self.value(cast("Schema", schema["schema"]))}
        if kind == "definition-ref":
            return self._referred(cast("str", schema["schema_ref"]))
        if kind == "dataclass":
            return self._dataclass(schema)
        if kind in ("typed-dict", "named-tuple"):
            return self.fields(schema)
        members = _members(kind, schema)
        return _either(*map(self.value, members)) if members else self._collection(kind, schema)

    def uncomputed(self, core: Schema) -> Schema:
        """The same without computed fields."""
        return {**self.fields(core), "computed_fields": []}

    def fields(self, core: Schema) -> Schema:
        """For what has fields, of which some have not come."""
        return self._with_fields(core, self.shown)

    def _with_fields(self, core: Schema, rewrite: Callable[[Schema], Schema]) -> Schema:
        fields = {name: self._field(field, rewrite) for name, field in fields_of(core)}
        out = {**bare(core), "fields": fields if isinstance(core["fields"], Mapping) else list(fields.values())}
        if "extras_schema" in core:
            out["extras_schema"] = self.shown(cast("Schema", core["extras_schema"]))
        return out

    @staticmethod
    def _field(field: Schema, rewrite: Callable[[Schema], Schema]) -> Schema:
        out = {**field, "schema": rewrite(cast("Schema", field["schema"]))}
        if field["type"] == "typed-dict-field":
            out["required"] = False
        if field.get("serialization_exclude_if") is not None:
            out["serialization_exclude_if"] = bearing_none(field["serialization_exclude_if"])
        return out

    def _dataclass(self, schema: Schema) -> Schema:
        """A whole one as ever; one that would not do so, without what is computed."""
        core = _core_of(schema)
        if core is None:
            return _ANY
        bodies = self._with_fields(core, self.value), self.uncomputed(core)
        return _either(*({**bare(schema), "schema": body} for body in bodies))

    def _collection(self, kind: str, schema: Schema) -> Schema:
        """For a value with items; any other is whole."""
        if kind == "tuple":
            return self._tuple(schema)
        key = _ITEMS.get(kind, "")
        return {**bare(schema), key: self.shown(cast("Schema", schema[key]))} if key in schema else bare(schema)

    def _tuple(self, schema: Schema) -> Schema:
        """For a tuple of which only the first items may have come, or more than there should: by their number."""
        items = [self.shown(item) for item in cast("list[Schema]", schema["items_schema"])]
        varies = "variadic_item_index" in schema
        least = len(items) - varies
        shorter = {length: {"type": "tuple", "items_schema": items[:length]} for length in range(min(least, _LONGEST))}
        choices: dict[int, Schema] = {**shorter, least: {**bare(schema), "items_schema": items}, _OTHER: _ANY}

        def kind_of(value: object) -> int:
            length = len(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else _OTHER
            return least if varies and length > least else length if length in choices else _OTHER

        # A plain union tries one after another, and takes a first that warns.
        return cast("Schema", core_schema.tagged_union_schema(cast("Any", choices), kind_of))

    def _referred(self, ref: str) -> Schema:
        """A definition, rewritten once: it may contain itself."""
        own = f"partial {ref}"
        if own not in self.definitions:
            self.definitions[own] = _ANY
            found = self.value(self.definitions[ref])
            # A name for a name needs something around it.
            found = _either(found) if found["type"] == "definition-ref" else found
            self.definitions[own] = {**found, "ref": own}
        return {"type": "definition-ref", "schema_ref": own}


def _members(kind: str, schema: Schema) -> list[Schema]:
    """The types that a value may be of, without their being sure: a function may have made another of it."""
    collected = serializer(schema).get("schema")
    if kind == "union":
        return choices_of(schema)
    if kind == "tagged-union":
        return list(cast("Mapping[str, Schema]", schema["choices"]).values())
    if kind == "json-or-python":
        return [cast("Schema", schema["json_schema"])]
    if kind == "generator":
        return [{**schema, "type": "list"}]  # an open one is shown as a list
    if kind == "chain":
        return cast("list[Schema]", schema["steps"])[-1:]
    if collected is not None or (kind.startswith("function-") and "schema" in schema):
        return [cast("Schema", collected or schema["schema"])]
    return []


def _either(*schemas: Schema) -> Schema:
    """The first that a value fits; else whatever it is, without a warning."""
    fitting = [schema for schema in schemas if schema is not _ANY]
    return {"type": "union", "choices": [*fitting, _ANY]} if fitting else _ANY
