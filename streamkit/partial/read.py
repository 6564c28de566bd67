"""How a partial is validated: what is there as its model would, and nothing is required.

The schema of a model is rewritten for its partial: at any depth a field may be absent, or null; models
become partials. What validators of whole objects say is known only of whole ones: they are not run, and
neither is what looks at other fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import core_schema

from streamkit.partial.dump import is_plain
from streamkit.partial.forgive import bare
from streamkit.partial.unseen import plain
from streamkit.schema.core import AS_INSIDE, BY_ITS_CLASS, Schema, definitions_of, fields_of
from streamkit.schema.inside import closed, inner_schemas

if TYPE_CHECKING:
    from pydantic import BaseModel, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

__all__ = ["partial_schema"]

ClassOf = Callable[["type[BaseModel]"], "type[BaseModel]"]

_ANY: Schema = cast("Schema", core_schema.any_schema())
_OBJECTS = ("model", "dataclass", "typed-dict", "named-tuple")
_OF_WHOLE = frozenset({"custom_init", "post_init", "serialization", "metadata", "generic_origin"})
"""What an object's schema says that holds for whole ones only."""
_OPAQUE = frozenset({"metadata", "default", "expected", "members", "serialization", "config", "function"})
"""Parts of a schema in which there are no schemas to rewrite."""


# A partial class dumps otherwise than its schema says, and in the place of a partial there may be a whole one.
_BY_ITS_CLASS = core_schema.wrap_serializer_function_ser_schema(
    lambda value, handler: handler(value), schema=core_schema.any_schema()
)
_BY_THE_MODEL = core_schema.plain_serializer_function_ser_schema(lambda model, value: value, is_field_serializer=True)
"""Of a field that the dump of the model around it has to tell: that of the partial class."""


def partial_schema(model: type[BaseModel], class_of: ClassOf) -> CoreSchema:
    """Make the core schema of a model's partial class.

    Args:
        model: the model.
        class_of: gives the partial class of a model.
    """
    rewriting = _Rewriting(definitions_of(model), class_of)
    schema = rewriting.value(cast("Schema", model.__pydantic_core_schema__))
    # A function of an annotation's kind: what it returns may be a reference, as the model's own schema is.
    metadata = {AS_INSIDE: True, "pydantic_js_annotation_functions": [_json_schema_of(model)]}
    # Behind a function pydantic finds the name of a definition, and so gives a field of the type no title.
    around = core_schema.no_info_after_validator_function(_same, cast("CoreSchema", schema), metadata=metadata)
    return closed(cast("Schema", around), rewriting.definitions)


def _same(value: object) -> object:
    return value


def _json_schema_of(model: type[BaseModel]) -> Callable[[object, GetJsonSchemaHandler], JsonSchemaValue]:
    """The JSON schema is the model's own, wherever the partial stands."""
    whole = core_schema.definitions_schema(model.__pydantic_core_schema__, [])
    return lambda schema, handler: handler(whole)


class _Rewriting:
    """The schemas of one model, rewritten.

    Attributes:
        definitions: the model's own, and the rewritten ones.
    """

    def __init__(self, definitions: Mapping[str, Schema], class_of: ClassOf) -> None:
        self.definitions: dict[str, Schema] = dict(definitions)
        self._class_of = class_of

    def value(self, schema: Schema) -> Schema:
        """For a value that has come."""
        kind = cast("str", schema["type"])
        if kind == "definitions":
            return self.value(cast("Schema", schema["schema"]))
        if not self._differs(schema, set()):
            return bare(schema)
        if kind == "model":
            model = cast("type[BaseModel]", schema["cls"])
            name = f"{model.__qualname__} {id(model)}"
            return self._named(schema, f"{name} or whole", lambda whole: self._or_whole(model, whole, name))
        if kind == "definition-ref":
            ref = cast("str", schema["schema_ref"])
            found = self.definitions[ref]
            return self.value(found) if found["type"] == "model" else self._named(found, ref, self.value)
        if kind == "dataclass":
            # Without an origin pydantic would take the class's own validator, whatever the schema says.
            return {**bare(schema, _OF_WHOLE), "schema": self._core(schema), "generic_origin": schema["cls"]}
        if kind in ("typed-dict", "named-tuple"):
            return self._core(schema)
        if _is_users_function(schema):
            return self.value(cast("Schema", schema["schema"])) if "schema" in schema else _ANY
        return {key: value if key in _OPAQUE else self._inside(value) for key, value in bare(schema).items()}

    def _named(self, schema: Schema, ref: str, rewrite: Callable[[Schema], Schema]) -> Schema:
        """A definition, rewritten once: it may contain itself."""
        own = f"partial {ref}"
        if own not in self.definitions:
            self.definitions[own] = _ANY
            self.definitions[own] = {**rewrite(schema), "ref": own}
        return {"type": "definition-ref", "schema_ref": own}

    def _or_whole(self, model: type[BaseModel], schema: Schema, name: str) -> Schema:
        """An instance of the model itself is taken as it is; JSON, which has none, is read by the schema alone."""

        def validate(value: object, handler: Callable[[object], object]) -> object:
            return value if isinstance(value, model) else handler(value)

        # A function around the schema would be given Python values in the place of JSON, in which strictness and
        # unions mean something else.
        inner = cast("CoreSchema", self._named(schema, name, self._model))
        python = core_schema.no_info_wrap_validator_function(validate, inner)
        return cast("Schema", core_schema.json_or_python_schema(inner, python))

    def _model(self, schema: Schema) -> Schema:
        model = cast("type[BaseModel]", schema["cls"])
        out = {**bare(schema, _OF_WHOLE), "cls": self._class_of(model), "serialization": _BY_ITS_CLASS}
        out["metadata"] = {BY_ITS_CLASS: True}
        if model.__private_attributes__:
            out["post_init"] = "_make_private"
        inner = cast("Schema", schema["schema"])
        if not schema.get("root_model"):
            return {**out, "schema": {**self._core(inner), "computed_fields": []}}
        root = self.value(inner)
        return {
            **out,
            "schema": root if is_plain(inner, self.definitions) else {**root, "serialization": _BY_ITS_CLASS},
        }

    def _core(self, schema: Schema) -> Schema:
        """What has fields: none of them is required."""
        while schema["type"] == "dataclass" or "fields" not in schema:
            schema = cast("Schema", schema["schema"])
        fields = {name: self._field(field) for name, field in fields_of(schema)}
        out = bare(schema)
        if "extras_schema" in schema:
            extras = cast("Schema", schema["extras_schema"])
            out["extras_schema"] = self.value(extras)
            if not is_plain(extras, self.definitions):
                out["serialization"] = _BY_ITS_CLASS
        return {**out, "fields": fields if isinstance(schema["fields"], Mapping) else list(fields.values())}

    def _field(self, field: Schema) -> Schema:
        schema = cast("Schema", field["schema"])
        inner = cast("Schema", schema["schema"]) if schema["type"] == "default" else schema
        inner = {"type": "nullable", "schema": self.value(inner)}
        if not is_plain(schema, self.definitions):
            inner["serialization"] = _BY_THE_MODEL
        if field["type"] == "typed-dict-field":
            return {**field, "schema": inner, "required": False}
        return {**field, "schema": {"type": "default", "schema": inner, "default": plain(schema.get("default"))}}

    def _inside(self, value: object) -> Any:
        """The schemas in a part of a schema, rewritten."""
        if isinstance(value, Mapping):
            inner = cast("Schema", value)
            if isinstance(inner.get("type"), str):
                return self.value(inner)
            return {key: self._inside(item) for key, item in inner.items()}
        if isinstance(value, (list, tuple)):
            items = map(self._inside, cast("list[object]", value))
            return list(items) if isinstance(value, list) else tuple(items)
        return value

    def _differs(self, schema: Schema, seen: set[str]) -> bool:
        """Whether there is something in a value that is read otherwise."""
        if schema["type"] in _OBJECTS or (_is_users_function(schema) and _takes_info(schema)):
            return True
        if schema["type"] == "definition-ref":
            ref = cast("str", schema["schema_ref"])
            if ref in seen:
                return False
            seen.add(ref)
            return self._differs(self.definitions[ref], seen)
        read = {key: value for key, value in schema.items() if key not in _OPAQUE}
        return any(self._differs(inner, seen) for inner in inner_schemas(read))


def _is_users_function(schema: Schema) -> bool:
    """Whether a schema is a validator of the user's; pydantic has some of its own."""
    if not cast("str", schema["type"]).startswith("function-"):
        return False
    function = cast("Schema", schema["function"])["function"]
    return not getattr(function, "__module__", "").startswith("pydantic.")


def _takes_info(schema: Schema) -> bool:
    return cast("Schema", schema["function"])["type"] == "with-info"
