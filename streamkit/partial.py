"""`Partial[Model]`: a model that is still arriving.

An instance of `Partial[User]` is an instance of `User` whose fields may not have come yet: those show
their plain default, else None. `model_fields_set` tells which have come. It is made by the `snapshots`
operator, without validation: what is in it was validated when it closed, except strings still growing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from functools import lru_cache
from types import new_class
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, SchemaSerializer, core_schema

if TYPE_CHECKING:
    from typing import Annotated

    from pydantic.fields import FieldInfo

__all__ = ["Partial", "PartialLiteralMixin", "make_partial", "partial_class"]

ModelT = TypeVar("ModelT")

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
    """Marks the classes that `partial_class` makes."""

    def __repr_args__(self) -> Iterator[tuple[str, object]]:
        """Fields alone: a computed one may not bear what has not come yet."""
        state = cast("dict[str, object]", self.__dict__)
        yield from state.items()

    def __reduce__(self) -> tuple[object, ...]:
        """The class is made anew where it is unpickled."""
        me = cast("BaseModel", self)
        arrived = {name: me.__dict__[name] for name in me.model_fields_set if name in me.__dict__}
        return _restore, (whole_class(type(me)), {**arrived, **(me.__pydantic_extra__ or {})})


@lru_cache(maxsize=1024)
def partial_class(model: type[BaseModel]) -> type[BaseModel]:
    """Return the partial class of a model; always the same one for the same model.

    Raises:
        TypeError: what is given is not a pydantic model.
    """
    if not isinstance(model, type) or not issubclass(model, BaseModel):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        raise TypeError(f"Partial[...] takes a pydantic model, got {model!r}")
    if issubclass(model, _IsPartial):
        return model
    namespace: dict[str, object] = {
        "__module__": model.__module__,
        "__qualname__": model.__qualname__,
        "__doc__": model.__doc__,
        "__repr_args__": _IsPartial.__repr_args__,
        "__reduce__": _IsPartial.__reduce__,
    }
    made = cast("type[BaseModel]", new_class(model.__name__, (model, _IsPartial), {}, lambda ns: ns.update(namespace)))
    made.__pydantic_serializer__ = _serializer(made)
    return made


def whole_class(model: type[BaseModel]) -> type[BaseModel]:
    """Return the model that a partial class was made of; any other class itself."""
    return cast("type[BaseModel]", model.__mro__[1]) if issubclass(model, _IsPartial) else model


def make_partial(cls: type[BaseModel], values: Mapping[str, object]) -> BaseModel:
    """Make an instance of a partial class from what has come, by field name."""
    made = cls.__new__(cls)
    shown, fields = _shown(cls)
    state = {**shown, **{name: value for name, value in values.items() if name in fields}}
    extra = {name: value for name, value in values.items() if name not in fields}
    object.__setattr__(made, "__dict__", state)
    object.__setattr__(made, "__pydantic_fields_set__", set(values))
    object.__setattr__(made, "__pydantic_extra__", extra or ({} if cls.model_config.get("extra") == "allow" else None))
    object.__setattr__(made, "__pydantic_private__", _private(cls))
    return made


def _restore(model: type[BaseModel], values: Mapping[str, object]) -> BaseModel:
    return make_partial(partial_class(model), values)


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


def _serializer(cls: type[BaseModel]) -> SchemaSerializer:
    """Dumps whatever is there by what it is: a field may hold its type, a part of it, or None."""
    fields: dict[str, core_schema.ModelField] = {}
    for name, field in cls.model_fields.items():
        fields[name] = core_schema.model_field(
            core_schema.any_schema(),
            serialization_alias=field.serialization_alias or field.alias,
            serialization_exclude=True if field.exclude else None,
        )
    inner = core_schema.model_fields_schema(fields, extra_behavior=cls.model_config.get("extra"))
    config = cast("core_schema.CoreConfig", _core_config(cls))
    return SchemaSerializer(core_schema.model_schema(cls, inner, config=config), config)


def _core_config(cls: type[BaseModel]) -> Mapping[str, object]:
    """The settings that say how values are dumped."""
    return {key: value for key, value in cls.model_config.items() if key.startswith("ser_json_")}
