"""`Partial[Model]`: a model that is still arriving.

An instance of `Partial[User]` is an instance of `User` whose fields may not have come yet: those show
their plain default, else None. `model_fields_set` tells which have come. It is made by the `snapshots`
operator, without validation: what is in it was validated when it closed, except strings still growing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from copy import copy
from functools import lru_cache, wraps
from threading import RLock
from types import new_class
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast
from warnings import catch_warnings, simplefilter

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, SchemaSerializer, core_schema

from streamkit.schema.core import closed, definitions_of, inner_schemas, model_fields_of

if TYPE_CHECKING:
    from typing import Annotated

    from pydantic.fields import FieldInfo

__all__ = ["Partial", "PartialLiteralMixin", "make_partial", "partial_class", "whole_class"]

ModelT = TypeVar("ModelT")
Schema = Mapping[str, object]

# A cache alone would let two threads make two classes of one model.
_MAKING = RLock()

if TYPE_CHECKING:
    # To a type checker a partial has the model's own attributes.
    Partial = Annotated[ModelT, "partial"]
else:

    class Partial(Generic[ModelT]):
        """`Partial[User]`: the class of users that are still arriving, a subclass of `User`."""

        def __class_getitem__(cls, model: type[BaseModel]) -> type[BaseModel]:
            return partial_class(model)


class PartialLiteralMixin:
    """Does nothing: literals are never shown unfinished. Accepted because Instructor asks for it."""


class _IsPartial:
    """What the classes that `partial_class` makes have before the model's own."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        """A partial is no subclass of the user's making: its model's own hook is not called for it."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """As `__init_subclass__`."""

    def __repr_args__(self) -> Iterator[tuple[str, object]]:
        """Fields and extras; a computed field may not bear what has not come yet."""
        me = cast("BaseModel", self)
        fields = type(me).model_fields
        yield from ((name, value) for name, value in me.__dict__.items() if name in fields and fields[name].repr)
        yield from (me.__pydantic_extra__ or {}).items()

    def __reduce__(self) -> tuple[object, ...]:
        """The class is made anew where it is unpickled."""
        me = cast("BaseModel", self)
        values = {**me.__dict__, **(me.__pydantic_extra__ or {})}
        return _restore, (whole_class(type(me)), values, me.model_fields_set)


def partial_class(model: type[BaseModel]) -> type[BaseModel]:
    """Return the partial class of a model; always the same one for the same model.

    Raises:
        TypeError: what is given is not a pydantic model.
    """
    if not isinstance(model, type) or not issubclass(model, BaseModel):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"Partial[...] takes a pydantic model, got {model!r}")
    if issubclass(model, _IsPartial):
        return model
    with _MAKING:
        return _made(model)


@lru_cache(maxsize=1024)
def _made(model: type[BaseModel]) -> type[BaseModel]:
    namespace = {"__module__": model.__module__, "__qualname__": model.__qualname__, "__doc__": model.__doc__}
    with catch_warnings():
        simplefilter("ignore")  # they were given when the model itself was made
        partial = new_class(model.__name__, (_IsPartial, model), {}, lambda ns: ns.update(namespace))
    made = cast("type[BaseModel]", partial)
    made.__pydantic_serializer__ = _serializer(made, model)
    return made


def whole_class(model: type[BaseModel]) -> type[BaseModel]:
    """Return the model that a partial class was made of; any other class itself."""
    return cast("type[BaseModel]", model.__mro__[2]) if issubclass(model, _IsPartial) else model


def make_partial(cls: type[BaseModel], values: Mapping[str, object], arrived: Collection[str]) -> BaseModel:
    """Make an instance of a partial class.

    Args:
        cls: what `partial_class` returned.
        values: what there is, by field name; names that are no fields are extras, where the model allows them.
        arrived: the names that count as set.
    """
    made = cls.__new__(cls)
    shown, fields = _shown(cls)
    extra = cls.model_config.get("extra") == "allow"
    others = {name: value for name, value in values.items() if name not in fields} if extra else None
    object.__setattr__(made, "__dict__", {**shown, **{name: values[name] for name in values if name in fields}})
    object.__setattr__(made, "__pydantic_fields_set__", {name for name in arrived if extra or name in fields})
    object.__setattr__(made, "__pydantic_extra__", others)
    object.__setattr__(made, "__pydantic_private__", _private(cls))
    return made


def _restore(model: type[BaseModel], values: Mapping[str, object], arrived: Collection[str]) -> BaseModel:
    return make_partial(partial_class(model), values, arrived)


def _private(cls: type[BaseModel]) -> dict[str, object] | None:
    """Private attributes with a plain default; pydantic makes the others when the model is built."""
    attributes = cls.__private_attributes__
    defaults = {name: copy(attribute.default) for name, attribute in attributes.items()}
    return {name: value for name, value in defaults.items() if value is not PydanticUndefined} if attributes else None


@lru_cache(maxsize=1024)
def _shown(cls: type[BaseModel]) -> tuple[dict[str, object], frozenset[str]]:
    """What fields show before they come, and which there are."""
    fields = cls.model_fields
    return {name: _default(field) for name, field in fields.items()}, frozenset(fields)


def _default(field: FieldInfo) -> object:
    """A field's plain default; None for one that is made for each object, or that a stream would fill."""
    default = cast("object", field.default)
    if default is PydanticUndefined or isinstance(default, (BaseModel, list, dict, set)):
        return None
    return default


def _serializer(cls: type[BaseModel], model: type[BaseModel]) -> SchemaSerializer:
    """Dumps what is there as the model would, and None for what is not; computed fields are left out."""
    definitions = definitions_of(model)
    known, config = model_fields_of(model)
    fields: dict[str, core_schema.ModelField] = {}
    for name, field in known.items():
        schema = _forgiving(cast("Schema", field["schema"]), definitions)
        excluded = field.get("serialization_exclude_if")
        patch = {} if excluded is None else {"serialization_exclude_if": _bearing_none(excluded)}
        fields[name] = cast("core_schema.ModelField", {**field, **patch, "schema": schema})
    schema = core_schema.model_schema(cls, core_schema.model_fields_schema(fields), config=config)
    return SchemaSerializer(closed(cast("Schema", schema), definitions), config, _use_prebuilt=False)


def _forgiving(schema: Schema, definitions: Mapping[str, Schema]) -> Schema:
    """A field's schema, for dumping: None for what has not come, a model in it may be partial."""
    written = _written(schema)
    if written is not None:
        return {"type": "nullable", "schema": {**schema, **_patched(schema, written)}}
    if _may_differ(schema, definitions, set()):
        return core_schema.any_schema()
    return {"type": "nullable", "schema": schema}


def _written(schema: Schema) -> Schema | None:
    """The user's own serializer of a field, where there is one."""
    while True:
        found = cast("Schema | None", schema.get("serialization"))
        if found is not None:
            return found
        if schema["type"] not in ("default", "nullable", "function-after", "function-before", "function-wrap"):
            return None
        schema = cast("Schema", schema["schema"])


def _patched(schema: Schema, written: Schema) -> Schema:
    """The parts of a schema to replace, so that a serializer which cannot bear a partial value is passed over."""
    if "function" not in written:
        return {}
    at = 1 if written.get("is_field_serializer") else 0
    function = _bearing(cast("Callable[..., object]", written["function"]), at)
    return {"serialization": {**written, "function": function}}


def _bearing(function: Callable[..., object], at: int) -> Callable[..., object]:
    @wraps(function)
    def bearing(*args: Any) -> object:
        try:
            return function(*args)
        except Exception:  # noqa: BLE001  # written for whole values; what it does with half of one is not an error
            return args[at]

    return bearing


def _bearing_none(excluded: object) -> Callable[[object], bool]:
    """What says whether to leave a field out, for a field that may not have come."""
    function = cast("Callable[[object], bool]", excluded)
    return lambda value: value is not None and function(value)


def _may_differ(schema: Schema, definitions: Mapping[str, Schema], seen: set[str]) -> bool:
    """Whether models may stand in a value, or user code may have made it another type than is written."""
    kind = cast("str", schema["type"])
    if kind in ("model", "dataclass", "typed-dict", "tuple", "named-tuple") or kind.startswith("function-"):
        return True
    if schema["type"] == "definition-ref":
        ref = cast("str", schema["schema_ref"])
        if ref in seen:
            return False
        seen.add(ref)
        return _may_differ(definitions[ref], definitions, seen)
    return any(_may_differ(inner, definitions, seen) for inner in inner_schemas(schema))
