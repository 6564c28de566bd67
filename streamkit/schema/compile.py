"""Reading pydantic's core schema: from a type to the tree of nodes that the machine follows.

This is the one place that knows what pydantic's schemas look like. A schema it can take apart becomes
containers and streaming strings; every other one becomes a node that waits for the value to close and
gives its text to pydantic whole. Taking apart is an optimisation of *when*, never of *what*.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
from pydantic_core import SchemaSerializer, SchemaValidator

from streamkit.schema.nodes import ANY, IGNORED, TYPED_ANY, Child, Container, Node, forbidden
from streamkit.schema.shell import Shell, closed, extra_behavior, inner_schemas

if TYPE_CHECKING:
    from pydantic_core import CoreConfig, CoreSchema

    from streamkit.scanner import Json

__all__ = ["compile_type", "type_name"]

Schema = Mapping[str, object]
T = TypeVar("T")
U = TypeVar("U")

_ANNOTATIONS = frozenset({"type", "ref", "metadata", "schema"})
_LEAVES = frozenset(
    "str int float bool none decimal date time datetime timedelta uuid literal enum url multi-host-url complex".split()  # noqa: SIM905  # reads better
)
_PLAIN_INT = re.compile(r"-?[0-9]{1,18}").fullmatch


def compile_type(tp: object, *, exact_numbers: bool = False) -> Node:
    """The node of a type: a pydantic model, or anything that `TypeAdapter` takes. Compiled once.

    Args:
        tp: the type.
        exact_numbers: give `Decimal` the digits as they were written, not through a float.

    Raises:
        TypeError: pydantic can make nothing of the type.
    """
    try:
        # `int | bool` and `bool | int` are equal, and mean different things.
        return _compiled(tp, repr(tp), exact_numbers)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return _compile(tp, exact_numbers)


def type_name(tp: object) -> str:
    """What a type is called in messages: `User`, `list[User]`."""
    return tp.__name__ if type(tp) is type or isinstance(tp, type(BaseModel)) else str(tp).replace("typing.", "")


@lru_cache(maxsize=512)
def _compiled(tp: object, written: str, exact_numbers: bool) -> Node:  # a part of the key
    return _compile(tp, exact_numbers)


def _compile(tp: object, exact_numbers: bool) -> Node:
    if tp is object:
        return ANY
    if isinstance(tp, (str, bytes, Mapping, BaseModel)):
        raise TypeError(f"cannot validate against {tp!r:.80}: give a type, such as a pydantic model")
    try:
        adapter = TypeAdapter(cast("type[object]", tp))
        adapter.rebuild(raise_errors=True)
        schema = cast("Schema", adapter.core_schema)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        raise TypeError(f"cannot validate against {tp!r}: {error}") from error
    return _Compiler(exact_numbers).root(schema)


class _Compiler:
    """One type being compiled: the definitions its schemas refer to, and the nodes made of them."""

    def __init__(self, exact_numbers: bool) -> None:
        self._exact_numbers = exact_numbers
        self._definitions: dict[str, Schema] = {}
        self._made: dict[tuple[str, int], Node] = {}
        self._unfilled: list[Callable[[], None]] = []

    def root(self, schema: Schema) -> Node:
        node = self.node(schema, {})
        # Containers are filled one after another, not inside one another: a type may contain itself.
        while self._unfilled:
            self._unfilled.pop()()
        return node

    def node(self, schema: Schema, config: Schema) -> Node:
        """The node of a schema, within a model of this config."""
        kind = schema["type"]
        if kind == "definitions":
            for definition in cast("list[Schema]", schema["definitions"]):
                self._definitions[cast("str", definition["ref"])] = definition
            return self.node(cast("Schema", schema["schema"]), config)
        if schema.get("serialization") is not None:
            return self._held(schema, config)
        if kind == "definition-ref":
            return self._referred(schema, config)
        if kind == "default":
            inner = cast("Schema", schema["schema"])
            return (
                self._held(schema, config)
                if "on_error" in schema and schema["on_error"] != "raise"
                else self.node(inner, config)
            )
        if kind == "nullable":
            return self._nullable(schema, config)
        if kind == "json-or-python" and "ref" not in schema:
            return self.node(cast("Schema", schema["json_schema"]), config)
        if kind == "any":
            return TYPED_ANY
        if kind == "str":
            return self._str(schema, config)
        lax = not config.get("strict") and config.get("allow_inf_nan") is not False
        if kind in ("int", "float", "bool", "none") and not schema.keys() - _ANNOTATIONS and lax:
            return self._number(schema, config)
        if kind in ("list", "dict", "model", "function-after"):
            return self._container(schema, config)
        return self._held(schema, config)

    def _referred(self, schema: Schema, config: Schema) -> Node:
        ref = cast("str", schema["schema_ref"])
        definition = self._definitions[ref]
        # A model brings its own config; what a name stands for else is read with that of the model around it.
        has_own = any(layer["type"] == "model" for layer in _layers(definition, self._definitions))
        key = (ref, 0 if has_own else id(config))
        if key not in self._made:
            self._made[key] = self.node(definition, config)
        return self._made[key]

    def _held(self, schema: Schema, config: Schema) -> Node:
        """A node that waits for the whole value."""
        read = self._reader(schema, config)
        if schema["type"] == "decimal" and self._exact_numbers:
            read = _digits_as_text(read)
        leaf = schema["type"] in _LEAVES and schema.get("serialization") is None
        return Node(read=read, dump=None if _is_own_json(schema) else self._dumper(schema, config), leaf=leaf)

    def _nullable(self, schema: Schema, config: Schema) -> Node:
        inner = self.node(cast("Schema", schema["schema"]), config)
        return replace(inner, read=_or_none("null", inner.read), dump=inner.dump and _or_none(None, inner.dump))

    def _str(self, schema: Schema, config: Schema) -> Node:
        read = self._reader(schema, config)
        plain = not schema.keys() - _ANNOTATIONS and not any(key.startswith("str_") for key in config)
        return Node(read=read, streams=True, check=None if plain else _from_text(read), leaf=True)

    def _number(self, schema: Schema, config: Schema) -> Node:
        read = self._reader(schema, config)
        quick = {"int": _read_int, "float": _read_float, "bool": _read_bool, "none": _read_none}
        return Node(read=quick[cast("str", schema["type"])](read), leaf=True)

    def _container(self, schema: Schema, config: Schema) -> Node:
        """A node that can be entered, if every layer of the schema can be taken apart."""
        layers = list(_layers(schema, self._definitions))
        core = layers[-1]
        held = self._held(schema, config)
        if not all(_transparent(layer) for layer in layers[:-1]):
            return held
        kind, after = core["type"], any(layer["type"] == "function-after" for layer in layers)
        if kind == "str" and core.get("serialization") is None:
            return Node(read=held.read, dump=held.dump, streams=True, check=_from_text(held.read), leaf=True)
        if core.get("serialization") is not None or kind not in ("list", "dict", "model-fields"):
            return held
        model = next((layer for layer in layers if layer["type"] == "model"), None)
        if model is not None:
            config = cast("Schema", model.get("config") or {})
        container = self._empty(core, model, config)
        if container is None:
            return held
        node = Node(read=held.read, dump=held.dump)
        if container.is_list:
            node.array = container
        else:
            node.object = container
        self._unfilled.append(lambda: self._fill(container, core, config))
        changes = after or (model is not None and _has_post_init(model))
        if changes or model is not None or core.keys() & {"min_length", "max_length"}:
            # The words of a dict's errors are other ones in JSON mode.
            container.build = Shell(schema, config, by_place=core["type"] == "dict")
        container.recheck = Shell(schema, config, by_place=True)
        container.may_change |= changes
        container.dump = self._partial_dumper(schema, config)
        return node

    def _empty(self, core: Schema, model: Schema | None, config: Schema) -> Container | None:
        """The container for a core schema; None where it cannot be filled piece by piece."""
        if _omits(core.get("items_schema")) or _omits(core.get("values_schema")):
            return None
        if core["type"] == "list":
            return Container(is_list=True)
        if core["type"] == "dict":
            keys = cast("Schema", core.get("keys_schema") or {"type": "str"})
            plain = keys["type"] in ("str", "any") and not keys.keys() - _ANNOTATIONS
            plain = plain and not any(key.startswith("str_") for key in config)
            return Container(is_list=False, every_counts=True) if plain else None
        if model is None or not _can_enter(model, core, config, self._definitions):
            return None
        return Container(is_list=False, cls=cast("type", model["cls"]))

    def _fill(self, container: Container, core: Schema, config: Schema) -> None:
        """Compile what is inside."""
        if core["type"] == "list":
            container.item = self.node(cast("Schema", core.get("items_schema") or {"type": "any"}), config)
        elif core["type"] == "dict":
            container.item = self.node(cast("Schema", core.get("values_schema") or {"type": "any"}), config)
        else:
            self._fill_model(container, core, config)

    def _fill_model(self, container: Container, core: Schema, config: Schema) -> None:
        for name, field in cast("dict[str, Schema]", core["fields"]).items():
            schema = cast("Schema", field["schema"])
            node = self._field(schema, config)
            if field.get("serialization_exclude"):
                node = replace(node, silent=True, late=False, object=None, array=None, streams=False)
            elif field.get("serialization_exclude_if") is not None:
                node = replace(node, late=True, object=None, array=None, streams=False)
            container.later |= node.late
            container.settles |= node.late or (schema["type"] == "default" and not node.silent)
            container.children[cast("str", field.get("validation_alias", name))] = Child(name, node)
        container.fields = frozenset(cast("dict[str, Schema]", core["fields"]))
        container.computed = tuple(
            (cast("str", field["property_name"]), self._dumper_of_computed(field, config))
            for field in cast("list[Schema]", core.get("computed_fields", ()))
        )
        container.settles |= bool(container.computed)
        container.errors_by_name = config.get("loc_by_alias") is False
        extra = extra_behavior(core, config)
        if extra == "forbid":
            container.other = self._forbid(container)
        elif extra == "ignore":
            container.other = lambda key: Child(key, IGNORED)
        else:
            extras = core.get("extras_schema")
            container.item = self.node(cast("Schema", extras), config) if extras is not None else TYPED_ANY
            self._hide_shadows(container, container.item)

    def _forbid(self, container: Container) -> Callable[[str], Child]:
        """A forbidden key is shown, and wrong; but not where its path would be that of an aliased field."""
        shadows = {child.name for child in container.children.values()} - container.children.keys()

        def place(key: str) -> Child:
            child = forbidden(key)
            return Child(key, replace(child.node, silent=True)) if key in shadows else child

        return place

    def _hide_shadows(self, container: Container, extra: Node) -> None:
        """An extra key may be called as an aliased field: pydantic's dump then shows the extra in its place."""
        names = {child.name for child in container.children.values()}
        shadows = names - container.children.keys()
        if shadows:
            hidden = replace(extra, silent=True, object=None, array=None, streams=False)
            container.other = lambda key: Child(key, hidden if key in shadows else extra)
            container.may_change = True

    def _field(self, schema: Schema, config: Schema) -> Node:
        """A model's field; one whose serializer wants the model is shown when the model is built."""
        node = self.node(schema, config)
        if any(_serializer(layer).get("is_field_serializer") for layer in _layers(schema, self._definitions)):
            return replace(node, late=True, object=None, array=None, streams=False)
        return node

    def _reader(self, schema: Schema, config: Schema) -> Callable[[str], object]:
        """Validates the JSON text of a value; made at its first use."""
        return _Lazy(lambda: SchemaValidator(self._closed(schema), _core(config)).validate_json)

    def _dumper(self, schema: Schema, config: Schema) -> Callable[[object], Json]:
        serializer = _Lazy(lambda: SchemaSerializer(self._closed(schema), _core(config)).to_python)

        def dump(value: object) -> Json:
            return cast("Json", serializer(value, mode="json", by_alias=False, warnings=False))

        return dump

    def _dumper_of_computed(self, field: Schema, config: Schema) -> Callable[[object], Json] | None:
        """None where the serializer wants the model: its own dump has to tell then."""
        schema = cast("Schema", field["return_schema"])
        return None if _serializer(schema).get("is_field_serializer") else self._dumper(schema, config)

    def _partial_dumper(self, schema: Schema, config: Schema) -> Callable[[object, set[str] | None], Json]:
        serializer = _Lazy(lambda: SchemaSerializer(self._closed(schema), _core(config)).to_python)

        def dump(value: object, names: set[str] | None) -> Json:
            return cast("Json", serializer(value, mode="json", by_alias=False, include=names, warnings=False))

        return dump

    def _closed(self, schema: Schema) -> CoreSchema:
        """A schema that stands by itself: with the definitions it needs."""
        return closed(schema, self._definitions)


def _core(config: Schema) -> CoreConfig | None:
    return cast("CoreConfig", config) if config else None


class _Lazy:
    """Makes a function at its first call: most fields of most models are never needed."""

    __slots__ = ("_function", "_make")

    def __init__(self, make: Callable[[], Callable[..., object]]) -> None:
        self._make = make
        self._function: Callable[..., object] | None = None

    def __call__(self, *args: object, **named: object) -> object:
        if self._function is None:
            self._function = self._make()
        return self._function(*args, **named)


def _layers(schema: Schema, definitions: Mapping[str, Schema]) -> Iterator[Schema]:
    """A schema, what it wraps, what that wraps...: down to what holds values."""
    while True:
        yield schema
        kind = schema["type"]
        if kind == "definition-ref":
            schema = definitions[cast("str", schema["schema_ref"])]
        elif kind in ("default", "nullable", "model", "function-after"):
            schema = cast("Schema", schema["schema"])
        else:
            return


def _transparent(layer: Schema) -> bool:
    """Whether a layer leaves alone what comes in, as JSON and as a dump."""
    if layer.get("serialization") is not None:
        return False
    if layer["type"] == "function-after":
        return cast("Schema", layer["function"])["type"] == "no-info"
    return layer["type"] == "model"


def _can_enter(model: Schema, core: Schema, config: Schema, definitions: Mapping[str, Schema]) -> bool:
    """Whether a model can be built from finished fields, and each field be known by its key."""
    if model.get("root_model") or model.get("custom_init") or config.get("validate_default"):
        return False
    if config.get("validate_by_name") or config.get("populate_by_name") or config.get("validate_by_alias") is False:
        return False
    if core.get("extras_keys_schema") is not None:
        return False
    fields = cast("dict[str, Schema]", core["fields"])
    if len({str(field.get("validation_alias", name)) for name, field in fields.items()}) < len(fields):
        return False
    return all(_can_stand_alone(field, definitions) for field in fields.values())


def _can_stand_alone(field: Schema, definitions: Mapping[str, Schema]) -> bool:
    """Whether a field is validated by its own value alone."""
    if not isinstance(field.get("validation_alias", ""), str):
        return False
    schema = cast("Schema", field["schema"])
    if schema["type"] == "default":
        # A function inside may ask for the default (PydanticUseDefault), which only the model knows how to give.
        before = ("function-before", "function-wrap", "function-plain")
        if schema.get("validate_default") or cast("Schema", schema["schema"])["type"] in before:
            return False
    return not _wants_siblings(schema, definitions, set())


def _wants_siblings(schema: Schema, definitions: Mapping[str, Schema], seen: set[str]) -> bool:
    """Whether a validator of the field takes `info`, which tells of the fields before it."""
    if schema["type"] in ("model", "definitions"):
        return False
    if schema["type"] == "definition-ref":
        ref = cast("str", schema["schema_ref"])
        if ref in seen:
            return False
        seen.add(ref)
        return _wants_siblings(definitions[ref], definitions, seen)
    function = schema.get("function")
    if isinstance(function, Mapping) and cast("Schema", function).get("type") == "with-info":
        return True
    return any(_wants_siblings(inner, definitions, seen) for inner in inner_schemas(schema))


def _omits(schema: object) -> bool:
    """Whether an item that is not valid is left out (`OnErrorOmit`)."""
    return isinstance(schema, Mapping) and cast("Schema", schema).get("on_error") == "omit"


def _serializer(schema: Schema) -> Schema:
    return cast("Schema", schema.get("serialization") or {})


def _has_post_init(model: Schema) -> bool:
    """Whether the user's own `model_post_init` may change the model; pydantic's own only makes private fields."""
    if model.get("post_init") is None:
        return False
    made_by = cast("type[BaseModel]", model["cls"]).model_post_init
    return not made_by.__module__.startswith("pydantic.")


def _is_own_json(schema: Schema) -> bool:
    """Whether every valid value of a schema is its own JSON form."""
    if schema.get("serialization") is not None:
        return False
    if schema["type"] in ("str", "int", "bool", "none"):
        return True
    if schema["type"] == "literal":
        return all(type(value) in (str, int, bool, type(None)) for value in cast("list[object]", schema["expected"]))
    return False


def _or_none(absent: object, function: Callable[[T], U]) -> Callable[[T], U | None]:
    """The function, except for what stands for None."""
    return lambda value: None if value is absent or (type(value) is str and value == absent) else function(value)


def _from_text(read: Callable[[str], object]) -> Callable[[str], object]:
    """Validate a decoded string as the JSON string it came from."""
    return lambda text: read(encode_basestring(text))


def _digits_as_text(read: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: read(f'"{text}"' if text[0] in "-0123456789" else text)


def _read_int(read: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: int(text) if _PLAIN_INT(text) is not None else read(text)


def _read_float(read: Callable[[str], object]) -> Callable[[str], object]:
    # "-0" is an integer to jiter, which knows no negative one; a very long integer is pydantic's affair.
    return lambda text: float(text) if text[0] in "-0123456789" and text != "-0" and len(text) < 300 else read(text)


def _read_bool(read: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: True if text == "true" else False if text == "false" else read(text)


def _read_none(read: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: None if text == "null" else read(text)
