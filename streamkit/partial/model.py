"""`Partial[Model]`: a model that is still arriving.

An instance of `Partial[User]` is an instance of `User` whose fields may not have come yet: those show
their plain default, else None. `model_fields_set` tells which have come. It is made by the `snapshots`
operator, without validation: what is in it was validated when it closed, except strings still growing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from threading import RLock
from types import new_class
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, get_args
from warnings import catch_warnings, simplefilter

from pydantic import BaseModel
from pydantic_core import PydanticUndefined, SchemaValidator

from streamkit.partial.dump import partial_serializer
from streamkit.partial.read import partial_schema
from streamkit.partial.unseen import unseen

if TYPE_CHECKING:
    from typing import Annotated

    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

__all__ = ["Partial", "PartialLiteralMixin", "make_partial", "partial_class", "whole_class"]

ModelT = TypeVar("ModelT")

# Two threads are not to make two classes of one model.
_MAKING = RLock()
_MADE = "__streamkit_partial__"
"""The attribute of a model in which its partial class is kept: it lives as long as the model does."""

if TYPE_CHECKING:
    # To a type checker a partial has the model's own attributes. Python's types cannot say "each of them
    # or None" of a class, as TypeScript's `Partial` does.
    Partial = Annotated[ModelT, "partial"]
else:

    class Partial(Generic[ModelT]):
        """`Partial[User]`: the class of users that are still arriving, a subclass of `User`.

        - Always the same class for the same model; `Partial[Partial[User]]` is `Partial[User]`.
        - Validating with it, or calling it, requires nothing but the tags of discriminated unions: at any
          depth a field may be absent, or null. What is there is validated as the model does, except by
          validators of whole models and dataclasses and by those that look at other fields. An instance of
          the model itself is taken as it is.
        - Its JSON schema is the model's own, its name too.
        - To type checkers it is the model: attributes keep their names and types, since Python's types
          cannot say that each may be None as well. Ask `"age" in user.model_fields_set` rather than
          `user.age is not None`, which a strict checker calls needless, and which does not tell null from
          absent. For `isinstance`, mypy wants the class under another name:
          `PartialUser: type[User] = Partial[User]`.
        """

        def __class_getitem__(cls, model: Any) -> Any:
            """Return the partial class of a model; for a type variable, a place to put one.

            Raises:
                TypeError: what is given is not a pydantic model.
            """
            return super().__class_getitem__(model) if isinstance(model, TypeVar) else partial_class(model)


class PartialLiteralMixin:
    """Does nothing: literals are never shown unfinished. Accepted because Instructor asks for it."""


class _IsPartial:
    """What the classes that `partial_class` makes have before the model's own."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        """A partial is no subclass of the user's making: its model's own hook is not called for it."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """As `__init_subclass__`."""

    @classmethod
    def __class_getitem__(cls, item: Any) -> type[BaseModel]:
        """The partial of a generic model, with its types given, is the partial of the model with its types given."""
        return partial_class(cast("Any", whole_class(_model(cls)))[item])

    @classmethod
    def model_rebuild(cls, **options: Any) -> bool | None:
        """Build the model, then what validates and dumps its partial."""
        made = _model(cls)
        if made.__pydantic_complete__ and not options.get("force"):
            return None
        built = whole_class(made).model_rebuild(**options)
        if built is not False:
            _complete(made)
        return built is not False

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """The model's own."""
        return whole_class(_model(cls)).model_json_schema(*args, **options)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read where it stands in another type as by itself."""
        cls.model_rebuild()
        return partial_schema(whole_class(_model(cls)), partial_class)

    __get_pydantic_json_schema__ = None  # the core schema tells; the model's own hook has been heard in the model's

    def _make_private(self, context: object, /) -> None:
        """As `make_partial`: the model's own way may be user code that wants a whole one."""
        object.__setattr__(self, "__pydantic_private__", _private(_model(type(self))))

    def __repr_args__(self) -> Iterator[tuple[str, object]]:
        """Fields and extras; a computed field may not bear what has not come yet."""
        me = cast("BaseModel", self)
        fields = type(me).model_fields
        yield from ((name, value) for name, value in me.__dict__.items() if name in fields and fields[name].repr)
        yield from (me.__pydantic_extra__ or {}).items()

    # The model's own are written for whole ones.
    __repr__ = BaseModel.__repr__
    __str__ = BaseModel.__str__
    __repr_name__ = BaseModel.__repr_name__
    __repr_str__ = BaseModel.__repr_str__
    __rich_repr__ = BaseModel.__rich_repr__
    __pretty__ = BaseModel.__pretty__
    model_dump = BaseModel.model_dump
    model_dump_json = BaseModel.model_dump_json

    def __reduce__(self) -> tuple[object, ...]:
        """The class is made anew where it is unpickled."""
        me = cast("BaseModel", self)
        return _restore, (whole_class(type(me)), BaseModel.__getstate__(me))


def _model(cls: type) -> type[BaseModel]:
    """The class itself, as the model that it is."""
    return cast("type[BaseModel]", cls)


def partial_class(model: type[BaseModel]) -> type[BaseModel]:
    """Return the partial class of a model; always the same one for the same model.

    Raises:
        TypeError: what is given is not a pydantic model.
    """
    if not isinstance(model, type) or not issubclass(model, BaseModel):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without a type checker
        inside = "; for the models inside of it, write Partial there: list[Partial[User]]" if get_args(model) else ""
        raise TypeError(f"Partial[...] takes a pydantic model, got {model!r}{inside}")
    if issubclass(model, _IsPartial):
        return model
    if _MADE not in model.__dict__:
        with _MAKING:
            if _MADE not in model.__dict__:
                setattr(model, _MADE, _made(model))
    return cast("type[BaseModel]", model.__dict__[_MADE])


def _made(model: type[BaseModel]) -> type[BaseModel]:
    """Make the class; what needs the model's schema waits, for some name in it may not be defined yet."""
    namespace: dict[str, object] = {key: getattr(model, key) for key in ("__module__", "__qualname__", "__doc__")}
    namespace["model_config"] = {"defer_build": True}
    with catch_warnings():
        simplefilter("ignore")  # they were given when the model itself was made
        partial = new_class(model.__name__, (_IsPartial, model), {}, lambda ns: ns.update(namespace))
    made = cast("type[BaseModel]", partial)
    made.model_config, made.__pydantic_fields__ = model.model_config, model.__pydantic_fields__
    return made


def _complete(made: type[BaseModel]) -> None:
    """Give a partial class what validates and dumps its instances."""
    model = whole_class(made)
    made.__pydantic_fields__ = model.__pydantic_fields__
    made.__pydantic_serializer__ = partial_serializer(made, model)
    made.__pydantic_core_schema__ = schema = partial_schema(model, partial_class)
    made.__pydantic_validator__ = SchemaValidator(schema, {"title": made.__name__}, _use_prebuilt=False)
    made.__pydantic_complete__ = True


def whole_class(model: type[BaseModel]) -> type[BaseModel]:
    """Return the model that a partial class was made of; any other class itself."""
    if not issubclass(model, _IsPartial):
        return model
    return cast("type[BaseModel]", model.__mro__[model.__mro__.index(_IsPartial) + 1])


def make_partial(
    cls: type[BaseModel], values: Mapping[str, object], arrived: Collection[str] | None = None
) -> BaseModel:
    """Make an instance of a partial class.

    Args:
        cls: what `partial_class` returned.
        values: what there is, by field name; names that are no fields are extras, where the model allows them.
        arrived: the names that count as set; by default all of them.
    """
    if not cls.__pydantic_complete__:
        cls.model_rebuild()
    made = cls.__new__(cls)
    shown = unseen(cls)
    extra = cls.model_config.get("extra") == "allow"
    others = {name: value for name, value in values.items() if name not in shown} if extra else None
    object.__setattr__(made, "__dict__", {**shown, **{name: values[name] for name in values if name in shown}})
    object.__setattr__(
        made,
        "__pydantic_fields_set__",
        {name for name in (values if arrived is None else arrived) if extra or name in shown},
    )
    object.__setattr__(made, "__pydantic_extra__", others)
    object.__setattr__(made, "__pydantic_private__", _private(cls))
    return made


def _restore(model: type[BaseModel], state: dict[Any, Any]) -> BaseModel:
    cls = partial_class(model)
    cls.model_rebuild()
    made = cls.__new__(cls)
    BaseModel.__setstate__(made, state)
    return made


def _private(cls: type[BaseModel]) -> dict[str, object] | None:
    """Private attributes with a plain default; pydantic makes the others when the model is built."""
    attributes = cls.__private_attributes__
    plain = {name: each for name, each in attributes.items() if each.default is not PydanticUndefined}
    return {name: each.get_default() for name, each in plain.items()} if attributes else None
