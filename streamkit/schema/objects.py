"""Models, dataclasses, typed dicts and named tuples: each field a place of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import TYPE_CHECKING, cast

from streamkit.schema.builder import Builder, Raw, truncated
from streamkit.schema.core import Schema, extra_behavior, fields_of, has_post_init, lookups, serializer
from streamkit.schema.hint import hint_of
from streamkit.schema.inside import wants_siblings
from streamkit.schema.nodes import FEED, IGNORED, TYPED_ANY, Child, Computed, Container, Entry, Node, forbidden
from streamkit.schema.readers import from_text

if TYPE_CHECKING:
    from streamkit.schema.compiling import Compiler
    from streamkit.schema.probe import VariantSearch

__all__ = ["Objects"]

_CORES = ("model-fields", "dataclass-args", "typed-dict", "named-tuple")
_BEFORE = ("function-before", "function-wrap", "function-plain")
_PRIVATE = token_hex(8)
"""Part of the keys that no text has: those of fields whose values are looked up."""


class Objects:
    """Compiles the types that have fields."""

    def __init__(self, compiler: Compiler) -> None:
        self._compiler = compiler

    def node(self, schema: Schema, config: Schema) -> Node:
        """The node of a type with fields; held where it cannot be built from finished ones."""
        config = cast("Schema", schema.get("config") or {}) if schema["type"] != "named-tuple" else config
        buffered = self._compiler.buffered(schema, config)
        core = cast("Schema", schema["schema"]) if schema["type"] in ("model", "dataclass") else schema
        if core["type"] not in _CORES or not self._can_enter(schema, core, config):
            return buffered
        shape = _Shape(self._compiler, schema, core, config)
        self._compiler.later(shape.fill)
        entry = Entry(shape.container)
        if shape.container.is_list:
            return replace(buffered, array=entry)
        needed = _needed(core, config)
        return replace(buffered, probe=_Needs(entry, needed)) if needed else replace(buffered, object=entry)

    def _can_enter(self, outer: Schema, core: Schema, config: Schema) -> bool:
        """Whether a value can be built from finished fields."""
        if outer.get("custom_init") or core.get("extras_keys_schema") is not None or serializer(core):
            return False
        definitions = self._compiler.definitions
        extras = core.get("extras_schema")
        if extras is not None and wants_siblings(cast("Schema", extras), definitions):
            return False
        fields = list(fields_of(core))
        if core["type"] == "named-tuple":
            return not any(wants_siblings(cast("Schema", field["schema"]), definitions) for _, field in fields)
        extra = extra_behavior(core, config)
        if core["type"] == "dataclass-args" and (
            extra == "allow" or any(field.get("init_only") or field.get("init") is False for _, field in fields)
        ):
            return False
        found = [lookups(name, field, config) for name, field in fields]
        plain = all(len(paths) == 1 and len(paths[0]) == 1 for paths in found)
        distinct = len({str(paths[0]) for paths in found}) == len(found)
        # Which keys are left over as extras, only pydantic can tell then.
        return extra == "ignore" or (plain and distinct)


class _Shape:
    """One such type."""

    def __init__(self, compiler: Compiler, outer: Schema, core: Schema, config: Schema) -> None:
        self._compiler, self._outer, self._core, self._config = compiler, outer, core, config
        is_list = core["type"] == "named-tuple"
        self.container = Container(is_list=is_list, cls=_class_of(outer))
        self._validates_defaults = bool(config.get("validate_default"))

    def fill(self) -> None:
        """Compile the fields, and what builds a value of them."""
        container, config = self.container, self._config
        self._core = self._with_keys()
        live = {name for name, field in fields_of(self._core) if self._is_live(field)}
        for name, field in fields_of(self._core):
            self._add(name, field)
        container.fields = frozenset(name for name, _ in fields_of(self._core))
        if container.is_list:
            container.items = tuple(child.node for child in container.children.values())
        computed = cast("list[Schema]", self._core.get("computed_fields", ()))
        container.computed = tuple(self._computed(field) for field in computed)
        container.has_derived |= bool(container.computed)
        container.errors_by_name = config.get("loc_by_alias") is False
        container.may_change = has_post_init(self._outer)
        container.polymorphic = bool(config.get("polymorphic_serialization"))
        self._extras()
        self._build(live)

    def _build(self, live: set[str]) -> None:
        container, config, compiler = self.container, self._config, self._compiler
        outer = self._outer
        rebuilt = {**outer, "schema": self._core} if "schema" in outer else self._core
        container.recheck = Builder(
            rebuilt, config, by_place=True, live=live, strict=compiler.options.strict, closed=compiler.closed
        )
        container.build = container.recheck if live else Builder(rebuilt, config, by_place=False)
        container.dump = compiler.dumper(outer, config)
        if container.deferred_fields:
            container.resolve = self._resolver()

    def _with_keys(self) -> Schema:
        """The core schema, in which a field that is looked up has a key of its own as the last choice."""
        fields = dict(fields_of(self._core))
        if self.container.is_list:
            return self._core
        found = {name: lookups(name, field, self._config) for name, field in fields.items()}
        users: dict[str, set[str]] = {}
        for name, paths in found.items():
            for path in paths:
                users.setdefault(str(path[0]), set()).add(name)
        for name, paths in found.items():
            own = f"\0{name}\0{_PRIVATE}"
            first = str(paths[0][0])
            direct = len(paths[0]) == 1 and self._only_for(name, first, found)
            if len(paths) == 1 and direct:
                fields[name] = {**fields[name], "validation_alias": first}
                continue
            self.container.lookups[own] = tuple(tuple(path) for path in paths)
            self.container.direct[own] = first if direct else None
            for path in paths[1:] if direct else paths:
                key = str(path[0])
                self.container.feeds.setdefault(key, ())
                if own not in self.container.feeds[key]:
                    self.container.feeds[key] = (*self.container.feeds[key], own)
            fields[name] = {**fields[name], "validation_alias": [*paths, [own]]}
        listed = isinstance(self._core["fields"], list)
        return {**self._core, "fields": list(fields.values()) if listed else fields}

    @staticmethod
    def _only_for(name: str, key: str, found: Mapping[str, list[list[str | int]]]) -> bool:
        """Whether a key is the first choice of one field, and of no use to any other."""
        return not any(path[0] == key for other, paths in found.items() for path in paths if other != name) and not any(
            path[0] == key for path in found[name][1:]
        )

    def _is_live(self, field: Schema) -> bool:
        """Whether the field's own schema is needed when the object is built."""
        schema = cast("Schema", field["schema"])
        validated = schema["type"] == "default" and schema.get("validate_default", self._validates_defaults)
        return bool(validated) or self._waits(schema)

    def _waits(self, schema: Schema) -> bool:
        """Whether the field is validated with regard to those before it."""
        if schema["type"] != "default":
            return wants_siblings(schema, self._compiler.definitions)
        inner = cast("Schema", schema["schema"])
        takes_data = bool(schema.get("default_factory_takes_data")) and inner["type"] in _BEFORE
        return takes_data or wants_siblings(inner, self._compiler.definitions)

    def _add(self, name: str, field: Schema) -> None:
        container = self.container
        schema = cast("Schema", field["schema"])
        node = self._field(schema)
        if self._waits(schema):
            node = node.buffered(deferred=True)
        if field.get("serialization_exclude"):
            node = replace(node.buffered(), silent=True, late=False)
        elif field.get("serialization_exclude_if") is not None:
            node = node.buffered(late=True)
        container.later |= node.late
        container.has_derived |= node.late or node.deferred or (schema["type"] == "default" and not node.silent)
        own = f"\0{name}\0{_PRIVATE}"
        keys = (
            [own, container.direct[own]]
            if own in container.lookups
            else [cast("str", field.get("validation_alias", name))]
        )
        for key in keys:
            if key is not None:
                container.children[key] = Child(name, node)
                if node.deferred:
                    container.deferred_fields[key] = tuple(self._before(name))

    def _before(self, name: str) -> list[str]:
        """The names of the fields declared before one."""
        names = [each for each, _ in fields_of(self._core)]
        return names[: names.index(name)]

    def _field(self, schema: Schema) -> Node:
        node = self._compiler.node(schema, self._config)
        if schema["type"] == "default":
            # A function inside may ask for the default (PydanticUseDefault).
            inner = cast("Schema", schema["schema"])["type"]
            if inner in _BEFORE or (inner == "function-after" and not node.enters):
                buffered = self._compiler.buffered(schema, self._config)
                node = replace(
                    node, read=buffered.read, check=node.check and from_text(buffered.read), dump=buffered.dump
                )
        if _wants_model(schema):
            return node.buffered(late=True)  # shown when the model is built
        return node

    def _resolver(self) -> Callable[[str, Mapping[str, object], str, object], object]:
        """What validates a field that waits, once those before it have come."""
        shells: dict[str, Builder] = {}

        def resolve(key: str, children: Mapping[str, object], text: str, context: object) -> object:
            name = self.container.children[key].name
            if name not in shells:
                shells[name] = Builder(
                    truncated(self._core, name),
                    self._config,
                    by_place=True,
                    live={name},
                    strict=self._compiler.options.strict,
                    closed=self._compiler.closed,
                )
            raw = Raw(text, self.container.step(key))
            needed = {*self._before(name)}
            places = self.container.children
            given = {each: child for each, child in children.items() if each in places and places[each].name in needed}
            return raw.validated(lambda: shells[name]({**given, key: raw}, context))

        return resolve

    def _computed(self, field: Schema) -> Computed:
        schema = cast("Schema", field["return_schema"])
        # Where its serializer wants the model, the model's own dump has to tell.
        dump = None if serializer(schema).get("is_field_serializer") else self._compiler.dumper(schema, self._config)
        leaves_out = cast("Callable[[object], bool] | None", field.get("serialization_exclude_if"))
        return Computed(cast("str", field["property_name"]), dump, leaves_out)

    def _extras(self) -> None:
        container = self.container
        extra = extra_behavior(self._core, self._config)
        container.omits = self._core["type"] in ("model-fields", "typed-dict")
        container.every_extra_counts = self._core["type"] != "model-fields"
        if container.is_list:
            container.item = forbidden("").node
        elif extra == "forbid":
            container.other = self._forbid()
        elif extra == "ignore":
            container.other = self._ignore()
        else:
            extras = self._core.get("extras_schema")
            own = self._compiler.node(cast("Schema", extras), self._config) if extras is not None else TYPED_ANY
            container.item = own
            self._hide_shadows(own)

    def _ignore(self) -> Callable[[str], Child]:
        feeds = self.container.feeds
        return lambda key: Child(key, FEED if key in feeds else IGNORED)

    def _shadows(self) -> set[str]:
        """Names of fields that come under another key: a key of such a name has the path of the field."""
        return {child.name for child in self.container.children.values()} - self.container.children.keys()

    def _forbid(self) -> Callable[[str], Child]:
        """A forbidden key is shown, and wrong; but not where its path would be that of an aliased field."""
        shadows = self._shadows()

        error = "unexpected_keyword_argument" if self._core["type"] == "dataclass-args" else "extra_forbidden"

        def place(key: str) -> Child:
            child = forbidden(key, error)
            return Child(key, replace(child.node, silent=True)) if key in shadows else child

        return place

    def _hide_shadows(self, extra: Node) -> None:
        """An extra key may be called as another field.

        In place of an aliased one pydantic's dump then shows the extra; in that of a computed one, what is computed.
        """
        aliased = self._shadows()
        shadows = aliased | {field.name for field in self.container.computed}
        if shadows:
            hidden = extra.buffered(silent=True)
            self.container.other = lambda key: Child(key, hidden if key in shadows else extra)
            self.container.may_change |= bool(aliased)


def _needed(core: Schema, config: Schema) -> list[frozenset[str]]:
    """For each field that its object waits for (`Stream(needed=True)`): the keys that it may come under."""
    return [
        frozenset(str(path[0]) for path in lookups(name, field, config))
        for name, field in fields_of(core)
        if _hints(cast("Schema", field["schema"]))
    ]


def _hints(schema: Schema) -> bool:
    hint = hint_of(cast("Schema", schema["schema"]) if schema["type"] == "default" else schema)
    return hint is not None and hint.needed


@dataclass(frozen=True, slots=True)
class _Needs:
    """An object of which nothing is told before certain fields are there."""

    entry: Entry
    needed: list[frozenset[str]]

    @property
    def only(self) -> Entry | None:
        return self.entry

    def begin(self) -> VariantSearch[Entry]:
        return _Missing(self.entry, list(self.needed))


@dataclass(slots=True)
class _Missing:
    entry: Entry
    needed: list[frozenset[str]]
    again: tuple[str, ...] = ()

    def see(self, key: str, text: str | None) -> Entry | None:
        self.needed = [keys for keys in self.needed if key not in keys]
        return None if self.needed else self.entry


def _class_of(outer: Schema) -> type | None:
    """The class of the values: a typed dict has none, they are plain."""
    return cast("type", outer["cls"]) if outer["type"] != "typed-dict" else None


def _wants_model(schema: Schema) -> bool:
    """Whether a field's serializer takes the model."""
    while True:
        if serializer(schema).get("is_field_serializer"):
            return True
        if schema["type"] not in ("default", "nullable", "function-after"):
            return False
        schema = cast("Schema", schema["schema"])
