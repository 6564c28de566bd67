"""What can be read off pydantic's core schemas, the dictionaries that its validators are made of.

Every question that the compiler asks of a schema is answered here, and in `inside` where it is one of all that is
inside, on the safe side: a schema of a type that is not known may accept anything, and hold any user code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias, cast

if TYPE_CHECKING:
    from enum import Enum

    from pydantic import BaseModel
    from pydantic_core import CoreConfig

__all__ = [
    "ANNOTATIONS",
    "AS_INSIDE",
    "BY_ITS_CLASS",
    "LEAVES",
    "Schema",
    "accepts",
    "choices_of",
    "definitions_of",
    "extra_behavior",
    "fields_of",
    "has_post_init",
    "is_own_json",
    "is_plain_string",
    "looks_further",
    "lookups",
    "model_fields_of",
    "omits",
    "says",
    "serializer",
]

Schema: TypeAlias = Mapping[str, object]
Definitions: TypeAlias = Mapping[str, Schema]

AS_INSIDE = "streamkit_as_inside"
"""In the metadata of a schema that does nothing to what comes as JSON: it is to be read as what is inside."""

BY_ITS_CLASS = "streamkit_by_its_class"
"""In the metadata of a model's schema whose serializer leaves everything to the value's class: it may be entered."""

ANNOTATIONS = frozenset({"type", "ref", "metadata", "schema"})
"""Keys of a schema that restrict nothing."""

LEAVES = frozenset(
    "str int float bool none decimal date time datetime timedelta uuid literal enum url multi-host-url complex".split()  # noqa: SIM905  # reads better
)
"""Types of schemas whose values have nothing inside."""

_KINDS = frozenset({"object", "array", "string", "number", "bool", "null"})
_NUMERIC = frozenset({"string", "number", "bool"})
_TEXTUAL = frozenset({"string", "number"})
_SCALAR = _KINDS - {"object", "array"}
_ACCEPTS: Mapping[str, frozenset[str]] = {
    "int": _NUMERIC,
    "float": _NUMERIC,
    "bool": _NUMERIC,
    "none": frozenset({"null"}),
    **dict.fromkeys("decimal bytes date time datetime timedelta uuid url multi-host-url complex".split(), _TEXTUAL),  # noqa: SIM905  # reads better
    "literal": _SCALAR,
    "json": frozenset({"string"}),
    **dict.fromkeys(("list", "tuple", "set", "frozenset", "deque"), frozenset({"array"})),
    **dict.fromkeys(("dict", "ordered-dict", "model-fields", "dataclass-args", "typed-dict"), frozenset({"object"})),
    "named-tuple": frozenset({"object", "array"}),
}
_WRAPPERS = ("nullable", "default", "function-after", "model", "dataclass", "chain")


def accepts(schema: Schema, config: Schema, definitions: Definitions) -> frozenset[str]:
    """The kinds of JSON of which some value may be valid: `object`, `array`, `string`, `number`, `bool`, `null`."""
    return _accepts(schema, config, definitions, frozenset())


def _accepts(
    schema: Schema, config: Schema, definitions: Definitions, seen: frozenset[str]
) -> frozenset[str]:  # one kind each
    kind = cast("str", schema["type"])
    if kind in _ACCEPTS:
        return _ACCEPTS[kind]
    if kind == "str":
        loose = schema.get("coerce_numbers_to_str") or config.get("coerce_numbers_to_str")
        return frozenset({"string", "number"} if loose else {"string"})
    if kind == "enum":
        simple = all(type(member.value) in (str, int, bool, float) for member in cast("list[Enum]", schema["members"]))
        return _SCALAR if simple and not looks_further(schema) else _KINDS
    if kind == "definition-ref":
        ref = cast("str", schema["schema_ref"])
        return frozenset() if ref in seen else _accepts(definitions[ref], config, definitions, seen | {ref})
    if kind == "union":
        members = [_accepts(choice, config, definitions, seen) for choice in choices_of(schema)]
        return frozenset(kind for member in members for kind in member)
    if kind == "tagged-union" and not callable(schema["discriminator"]):
        return frozenset({"object"})
    if kind == "model" and schema.get("custom_init"):
        return _KINDS
    if kind in _WRAPPERS and "on_error" not in schema:
        if kind in ("model", "dataclass"):
            config = cast("Schema", schema.get("config") or {})
        inner = cast("list[Schema]", schema["steps"])[0] if kind == "chain" else cast("Schema", schema["schema"])
        found = _accepts(inner, config, definitions, seen)
        return found | {"null"} if kind == "nullable" else found
    return _KINDS


def choices_of(schema: Schema) -> list[Schema]:
    """The members of a union, without their labels."""
    choices = cast("list[Schema | tuple[Schema, str]]", schema["choices"])
    return [choice[0] if isinstance(choice, tuple) else choice for choice in choices]


def fields_of(core: Schema) -> Iterator[tuple[str, Schema]]:
    """The fields of a model, dataclass, typed dict or named tuple, by name, in the order of their declaration."""
    fields = cast("Mapping[str, Schema] | list[Schema]", core["fields"])
    if isinstance(fields, Mapping):
        yield from fields.items()
    else:
        yield from ((cast("str", field["name"]), field) for field in fields)


def lookups(name: str, field: Schema, config: Schema) -> list[list[str | int]]:
    """Where in the JSON object a field's value may stand, the first choice first."""
    by_name = bool(config.get("validate_by_name") or config.get("populate_by_name"))
    alias = field.get("validation_alias")
    if alias is None:
        return [[name]]
    found: list[list[str | int]] = []
    if config.get("validate_by_alias") is not False:
        if isinstance(alias, str):
            found = [[alias]]
        else:
            paths = cast("list[str | int] | list[list[str | int]]", alias)
            found = (
                [cast("list[str | int]", list(paths))]
                if isinstance(paths[0], str)
                else list(cast("list[list[str | int]]", paths))
            )
    return [*found, [name]] if by_name and [name] not in found else found


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
    """What an object does with keys it does not know: `ignore`, `allow` or `forbid`."""
    return cast("str", core.get("extra_behavior") or config.get("extra_fields_behavior") or "ignore")


def serializer(schema: Schema) -> Schema:
    """How a schema says that its values are dumped; empty where it says nothing."""
    return cast("Schema", schema.get("serialization") or {})


def says(schema: Schema, mark: str) -> bool:
    """Whether a mark is in a schema's metadata."""
    return mark in cast("Schema", schema.get("metadata") or {})


def has_post_init(model: Schema) -> bool:
    """Whether the user's own code may change a model after it was built; pydantic's own only makes private fields."""
    if not model.get("post_init"):
        return False
    if model["type"] == "dataclass":
        return True
    made_by = cast("type[BaseModel]", model["cls"]).model_post_init
    return not made_by.__module__.startswith("pydantic.")


def is_own_json(schema: Schema) -> bool:
    """Whether every valid value of a schema is its own JSON form."""
    if schema.get("serialization") is not None:
        return False
    if schema["type"] in ("str", "int", "bool", "none"):
        return True
    if schema["type"] == "literal":
        return all(type(value) in (str, int, bool, type(None)) for value in cast("list[object]", schema["expected"]))
    return False


def is_plain_string(schema: Schema, config: Schema) -> bool:
    """Whether any string is valid, and stays what it is."""
    if schema["type"] != "str" or schema.get("serialization") is not None:
        return False
    return not schema.keys() - ANNOTATIONS and not any(key.startswith("str_") for key in config)


def looks_further(enum: Schema) -> bool:
    """Whether an enum has user code for values that are not among its members."""
    cls = cast("type[Enum]", enum["cls"])
    return enum.get("missing") is not None or "_missing_" in {name for base in cls.__mro__[:-1] for name in _own(base)}


def _own(base: type) -> Iterable[str]:
    return () if base.__module__ == "enum" else vars(base)


def omits(schema: object) -> bool:
    """Whether an item that is not valid is left out (`OnErrorOmit`)."""
    return isinstance(schema, Mapping) and cast("Schema", schema).get("on_error") == "omit"
