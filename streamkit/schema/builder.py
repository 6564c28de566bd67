"""Building a value from finished children: a schema with what is inside taken out.

The children of an object were validated when they closed. To build the object, pydantic runs the
model's own schema with every field's schema replaced by one that takes anything: model validators,
defaults, factories, required and forbidden fields work as they always do, and nothing is validated twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextvars import ContextVar
from json import dumps
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticCustomError, PydanticOmit, SchemaValidator, ValidationError, core_schema

from streamkit.schema.core import Schema, extra_behavior, fields_of
from streamkit.schema.nodes import Invalid

if TYPE_CHECKING:
    from pydantic_core import CoreConfig, CoreSchema, ErrorDetails

__all__ = ["OMITTED", "WRONG", "Builder", "Raw", "Refusal", "lenient", "truncated", "wrapper"]

WRONG = "streamkit_wrong"
"""The type of the error that stands for those of a wrong child."""

OMITTED = object()
"""Stands among the finished children for one that user code left out (`PydanticOmit`)."""

_NOTHING = object()
_NONE = frozenset[str]()
_children: ContextVar[Any] = ContextVar("children")


class Refusal(Exception):
    """A value is not valid: what a `ValidationError` says, where pydantic raises none of its own.

    Attributes:
        details: the errors.
    """

    def __init__(self, details: list[ErrorDetails]) -> None:
        super().__init__(details)
        self.details = details


class Raw:
    """Stands among the finished children for one that has yet to be validated: its text.

    Args:
        text: its JSON.
        step: how errors of the object around it name it.

    Attributes:
        typed: the value, once it was found valid.
        errors: what is wrong with it, once that was found, `loc` counted from itself.
    """

    __slots__ = ("errors", "step", "text", "typed")

    def __init__(self, text: str, step: str) -> None:
        self.text, self.step = text, step
        self.typed: object = _NOTHING
        self.errors: list[ErrorDetails] = []

    @property
    def valid(self) -> bool:
        return self.typed is not _NOTHING

    def concerns(self, error: ErrorDetails) -> bool:
        """Whether an error of the object around it is one of its own."""
        return error["loc"][:1] == (self.step,)

    def outcome(self) -> object:
        """Its value; raises `Refusal` if it is wrong, `PydanticOmit` if it is left out."""
        if self.errors:
            raise Refusal(self.errors)
        if not self.valid:
            raise PydanticOmit
        return self.typed

    def validated(self, build: Callable[[], object]) -> object:
        """Its value, found by building something that it is a part of: what is wrong elsewhere does not matter."""
        try:
            build()
        except ValidationError:
            if not (self.errors or self.valid):
                raise
        return self.outcome()


class Builder:
    """Builds values of one type from finished children; made at its first use.

    Args:
        schema: the type's schema, with nothing to be looked up in it but what is inside.
        config: the config of the model it belongs to.
        by_place: build in JSON mode, from JSON in which each child is told by its place. Slower, but some
            children may be `Invalid` or `Raw` then, and the errors are those of JSON to the letter: where a
            child was refused, an error's input is its place.
        live: the fields whose own schema is kept, for `Raw` children and for defaults that are validated.
        strict: as in `model_validate_json`, for those.
        closed: makes a schema stand by itself.
    """

    __slots__ = ("_builds", "_live", "_make", "_only", "_strict", "by_place")

    def __init__(  # each is one decision of the compiler
        self,
        schema: Schema,
        config: Schema,
        *,
        by_place: bool,
        live: Collection[str] = (),
        strict: bool | None = None,
        closed: Callable[[Schema], CoreSchema] = lambda schema: cast("CoreSchema", schema),
    ) -> None:
        self.by_place = by_place
        self._live = bool(live)
        self._strict = strict if live else None
        leaf = core_schema.no_info_plain_validator_function(_at_place) if by_place else core_schema.any_schema()

        def make(raws: frozenset[str]) -> Callable[..., object]:
            emptied = closed(_emptied(schema, leaf, live, config, raws))
            # Not prebuilt: pydantic would take the class's own validator, whatever the schema says.
            settings = dict(config) if live else lenient(config)
            validator = SchemaValidator(emptied, cast("CoreConfig", settings) or None, _use_prebuilt=False)
            return validator.validate_json if by_place else validator.validate_python

        self._make = make
        self._builds: dict[frozenset[str], Callable[..., object]] = {}
        self._only: Callable[..., object] | None = None  # where there can be no other

    def __call__(self, children: Any, context: object) -> object:
        if self._only is not None:
            return self._only(children, context=context)
        raws = _raws(children) if self._live else {}
        build = self._builds.get(_NONE) if not raws else self._builds.get(frozenset(raws))
        if build is None:
            build = self._builds[frozenset(raws)] = self._make(frozenset(raws))
        if not self.by_place:
            self._only = build if not self._live else None
            return build(children, context=context)
        try:
            return self._build_by_place(build, children, context)
        except ValidationError as error:
            for detail in error.errors() if raws else ():
                for raw in raws.values():
                    if raw.concerns(detail):
                        raw.errors.append(cast("ErrorDetails", {**detail, "loc": detail["loc"][1:]}))
            raise

    def _build_by_place(self, build: Callable[..., object], children: Any, context: object) -> object:
        token = _children.set((children, {}) if isinstance(children, list) else (list(children.values()), children))
        try:
            return build(_by_place(children), strict=self._strict, context=context)
        finally:
            _children.reset(token)


def wrapper(schema: Schema, config: Schema) -> Callable[[object, object], object]:
    """What a schema does around what is inside it: makes the outer value of the inner one."""
    function = schema.get("function")
    # Whoever asks for `info` is told the mode.
    as_json = isinstance(function, Mapping) and cast("Schema", function)["type"] == "with-info"
    built: list[Callable[..., object]] = []

    def wrap(value: object, context: object) -> object:
        if not built:
            leaf = core_schema.no_info_plain_validator_function(_at_place) if as_json else core_schema.any_schema()
            emptied = cast("CoreSchema", _emptied(schema, leaf, (), config))
            validator = SchemaValidator(emptied, cast("CoreConfig", lenient(config)) or None, _use_prebuilt=False)
            built.append(validator.validate_json if as_json else validator.validate_python)
        if not as_json:
            return built[0](value, context=context)
        token = _children.set(([value], {}))
        try:
            return built[0]("0", context=context)
        finally:
            _children.reset(token)

    return wrap


def truncated(core: Schema, name: str) -> Schema:
    """The schema of an object without the fields declared after this one."""
    kept: dict[str, Schema] = {}
    for each, field in fields_of(core):
        kept[each] = field
        if each == name:
            break
    fields: object = kept if isinstance(core["fields"], Mapping) else list(kept.values())
    return {**core, "fields": fields, "extra_behavior": "ignore"}


def _by_place(children: Any) -> str:
    """The JSON from which a value is built: for each child its place, or the text of one yet to be validated."""
    if isinstance(children, dict):
        members = (
            f"{dumps(key)}:{child.text if isinstance(child, Raw) else place}"
            for place, (key, child) in enumerate(cast("dict[str, object]", children).items())
        )
        return "{" + ",".join(members) + "}"
    return dumps(list(range(len(children))))


def _at_place(place: Any) -> object:
    child = _children.get()[0][place]
    if isinstance(child, Invalid):
        raise PydanticCustomError(WRONG, "not valid")
    if child is OMITTED:
        raise PydanticOmit
    return child


def _raws(children: Any) -> dict[str, Raw]:
    return {key: child for key, child in cast("dict[str, object]", children).items() if isinstance(child, Raw)}


def _alive(keys: list[str], schema: CoreSchema) -> CoreSchema:
    """The schema of a field that was validated, or whose default is to be."""

    def validate(value: Any, handler: Callable[[object], object]) -> object:
        children = _children.get()[1]
        return _at_place(value) if any(key in children for key in keys) else handler(value)

    return core_schema.no_info_wrap_validator_function(validate, schema)


def _told(key: str, schema: CoreSchema) -> CoreSchema:
    """The schema of a field that is validated here: it reads the text itself, as only JSON is read."""

    def tell(typed: object) -> object:
        _children.get()[1][key].typed = typed
        return typed

    return core_schema.no_info_after_validator_function(tell, schema)


def _emptied(
    schema: Schema, leaf: CoreSchema, live: Collection[str], config: Schema, raws: frozenset[str] = _NONE
) -> Schema:
    """The schema with the children's schemas replaced. Strictness is theirs, too: they have passed it."""
    out = {key: value for key, value in schema.items() if key not in ("ref", "serialization", "metadata", "strict")}
    kind = schema["type"]
    if kind == "function-after" or (kind == "model" and schema.get("root_model")):
        out["schema"] = leaf
    elif kind in ("model", "dataclass"):
        config = cast("Schema", schema.get("config") or {})
        out["schema"] = _emptied(cast("Schema", schema["schema"]), leaf, live, config, raws)
    elif kind == "list" or kind == "deque":
        out["items_schema"] = leaf
    elif kind == "tuple":
        out["items_schema"] = [leaf] * len(cast("list[Schema]", schema["items_schema"]))
    elif kind == "dict" or kind == "ordered-dict":
        out["values_schema"] = leaf
    else:
        fields = {name: _field(name, field, leaf, live, raws) for name, field in fields_of(schema)}
        out["fields"] = fields if isinstance(schema["fields"], Mapping) else list(fields.values())
        if extra_behavior(schema, config) == "allow":
            out["extras_schema"] = leaf
    if "config" in out:
        out["config"] = cast("Schema", schema["config"]) if live else lenient(cast("Schema", schema["config"]))
    return out


def _field(name: str, field: Schema, leaf: CoreSchema, live: Collection[str], raws: frozenset[str]) -> Schema:
    schema = cast("Schema", field["schema"])
    keys = _keys(name, field)
    raw = next((key for key in keys if key in raws), None)

    def emptied(inner: object) -> CoreSchema:
        if name not in live:
            return leaf
        own = cast("CoreSchema", inner)
        return _alive(keys, own) if raw is None else _told(raw, own)

    if schema["type"] != "default":
        return {**field, "schema": emptied(schema)}
    inner = emptied(schema["schema"])
    kept = {key: value for key, value in schema.items() if key != "serialization"}
    return {**field, "schema": {**kept, "schema": inner}}


def _keys(name: str, field: Schema) -> list[str]:
    """The keys under which the child of a field may be given."""
    alias = field.get("validation_alias", name)
    return [alias] if isinstance(alias, str) else [path[0] for path in cast("list[list[str]]", alias) if len(path) == 1]


def lenient(config: Schema) -> dict[str, object]:
    """A config for values that have passed its strictness."""
    return {key: value for key, value in config.items() if key not in ("strict", "revalidate_instances")}
