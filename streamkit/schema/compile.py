"""From a type to the tree of nodes that the machine follows.

A schema that can be taken apart becomes containers and streaming strings; every other one becomes a node
that waits for the value to close and gives its text to pydantic whole. Taking apart is an optimisation of
*when*, never of *what*.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, TypeAdapter
from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError

from streamkit.schema.builder import Builder, wrapper
from streamkit.schema.compiling import Options
from streamkit.schema.core import (
    ANNOTATIONS,
    AS_INSIDE,
    BY_ITS_CLASS,
    LEAVES,
    Schema,
    is_own_json,
    is_plain_string,
    looks_further,
    omits,
    says,
    serializer,
)
from streamkit.schema.dumpers import Dumper, DumpOrNone
from streamkit.schema.hint import hint_of
from streamkit.schema.inside import closed, wants_siblings
from streamkit.schema.layers import Wrap
from streamkit.schema.nodes import TYPED_ANY, Container, Entry, Node, OnInvalid, Read
from streamkit.schema.objects import Objects
from streamkit.schema.readers import QUICK, Reader, digits_as_text, from_text, read_or_none
from streamkit.schema.unions import tagged_union, union

if TYPE_CHECKING:
    from pydantic_core import CoreConfig, CoreSchema

__all__ = ["Options", "compile_type", "type_name"]


_PLAIN = Options()


def compile_type(tp: object, options: Options = _PLAIN) -> Node:
    """The node of a type: a pydantic model, or anything that `TypeAdapter` takes. Compiled once.

    Raises:
        TypeError: pydantic can make nothing of the type.
    """
    try:
        # `int | bool` and `bool | int` are equal, and mean different things.
        return _compiled(tp, repr(tp), options)
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        return _compile(tp, options)


def type_name(tp: object) -> str:
    """What a type is called in messages: `User`, `list[User]`."""
    return tp.__name__ if type(tp) is type or isinstance(tp, type(BaseModel)) else str(tp).replace("typing.", "")


@lru_cache(maxsize=512)
def _compiled(tp: object, written: str, options: Options) -> Node:  # a part of the key
    return _compile(tp, options)


def _compile(tp: object, options: Options) -> Node:
    if tp is object:
        return TYPED_ANY
    if isinstance(tp, (str, bytes, Mapping, BaseModel)):
        raise TypeError(f"cannot validate against {tp!r:.80}: give a type, such as a pydantic model")
    try:
        adapter = TypeAdapter(cast("type[object]", tp))
        adapter.rebuild(raise_errors=True)
        schema = cast("Schema", adapter.core_schema)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        raise TypeError(f"cannot validate against {tp!r}: {error}") from error
    node = _Compiler(options).root(schema)
    # The type's own: pydantic-core may build others otherwise (a wrapped model that contains itself is wrapped twice).
    if isinstance(node.read, Reader):
        node.read.use(adapter.validator.validate_json)
    if isinstance(node.dump, Dumper):
        node.dump.use(adapter.serializer.to_python)
    return node


class _Compiler:
    """One type being compiled: the definitions its schemas refer to, and the nodes made of them."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.definitions: dict[str, Schema] = {}
        # At the place that is being compiled:
        self.policy: OnInvalid = options.on_invalid
        self._eager = options.eager_literals
        self._made: dict[tuple[str, int, OnInvalid, bool], Node] = {}
        self._unfilled: list[Callable[[], None]] = []
        self._objects = Objects(self)

    def root(self, schema: Schema) -> Node:
        node = self.node(schema, {})
        # Containers are filled one after another, not inside one another: a type may contain itself.
        while self._unfilled:
            self._unfilled.pop()()
        return node

    def later(self, fill: Callable[[], None]) -> None:
        """Have something done once the node at hand is made."""
        policy, eager = self.policy, self._eager

        def fill_as_here() -> None:
            self.policy, self._eager = policy, eager
            fill()

        self._unfilled.append(fill_as_here)

    def node(self, schema: Schema, config: Schema) -> Node:
        """The node of a schema, within a model of this config."""
        hint = hint_of(schema)
        if hint is None:
            return self._node(schema, config)
        around = self.policy, self._eager
        self.policy, self._eager = hint.on_invalid or self.policy, hint.eager or self._eager
        node = self._node(schema, config)
        self.policy, self._eager = around
        return node.buffered() if hint.hold else node

    def _node(self, schema: Schema, config: Schema) -> Node:
        node = self._plain_node(schema, config)
        return node if self.policy == self.options.on_invalid else replace(node, on_invalid=self.policy)

    def _plain_node(self, schema: Schema, config: Schema) -> Node:  # one kind of schema each
        kind = cast("str", schema["type"])
        if kind == "definitions":
            for definition in cast("list[Schema]", schema["definitions"]):
                self.definitions[cast("str", definition["ref"])] = definition
            return self.node(cast("Schema", schema["schema"]), config)
        if serializer(schema) and not says(schema, BY_ITS_CLASS):
            return self._dumped_by_pydantic(schema, config)
        if kind == "definition-ref":
            return self._referred(schema, config)
        wrapped = self._wrapped(kind, schema, config)
        if wrapped is not None:
            return wrapped
        if kind == "any":
            return self._any(schema, config)
        if kind == "str":
            return self._str(schema, config)
        if kind in QUICK and not schema.keys() - ANNOTATIONS and self._is_lax(config):
            return Node(read=QUICK[kind](self.reader(schema, config)), leaf=True)
        if kind in ("literal", "enum"):
            return self._literal(schema, config)
        if kind in ("list", "tuple", "dict", "deque", "ordered-dict", "generator"):
            return self._collection(schema, config)
        if kind in ("model", "dataclass", "typed-dict", "named-tuple"):
            return self._objects.node(schema, config)
        return self.buffered(schema, config)

    def _wrapped(self, kind: str, schema: Schema, config: Schema) -> Node | None:
        """The node of a schema that does something around another one."""
        if kind == "union":
            return union(self, schema, config)
        if kind == "tagged-union":
            return tagged_union(self, schema, config)
        if kind == "default":
            failing = schema.get("on_error", "raise") != "raise"
            return self.buffered(schema, config) if failing else self.node(cast("Schema", schema["schema"]), config)
        if kind == "nullable":
            return self._nullable(schema, config)
        if kind == "json-or-python":
            return self.node(cast("Schema", schema["json_schema"]), config)
        if kind == "chain" and len(cast("list[Schema]", schema["steps"])) == 1:
            return self.node(cast("list[Schema]", schema["steps"])[0], config)
        if kind == "function-after":
            inside = cast("Schema", schema["schema"])
            return (
                self.node(inside, config) if says(schema, AS_INSIDE) else self.around(schema, config, may_change=True)
            )
        if kind == "model" and schema.get("root_model") and not schema.get("custom_init"):
            # A validator inside is told of the field `root`.
            asks = wants_siblings(cast("Schema", schema["schema"]), self.definitions)
            return self.buffered(schema, config) if asks else self._root_model(schema)
        return None

    def _referred(self, schema: Schema, config: Schema) -> Node:
        ref = cast("str", schema["schema_ref"])
        definition = self.definitions[ref]
        # A model brings its own config; what a name stands for else is read with that of the model around it.
        has_own = definition["type"] in ("model", "dataclass", "typed-dict")
        key = (ref, 0 if has_own else id(config), self.policy, self._eager)
        if key not in self._made:
            self._made[key] = self.node(definition, config)
        return self._made[key]

    # -- what waits for the whole value ------------------------------------------------------------

    def buffered(self, schema: Schema, config: Schema) -> Node:
        """A node that waits for the whole value."""
        read: Read = self.reader(schema, config)
        if schema["type"] == "decimal" and self.options.exact_numbers:
            read = digits_as_text(read)
        leaf = schema["type"] in LEAVES and not serializer(schema)
        return Node(read=read, dump=None if is_own_json(schema) else self.dumper(schema, config), leaf=leaf)

    def _dumped_by_pydantic(self, schema: Schema, config: Schema) -> Node:
        """A value with a serializer: user code, which wants it whole, or pydantic's own for an abstract collection."""
        function = serializer(schema).get("function")
        own = getattr(function, "__module__", "") == "pydantic._internal._serializers"
        if not own or schema["type"] != "json-or-python":
            return self.buffered(schema, config)
        dump = self.dumper(schema, config)
        inner = self.node(cast("Schema", schema["json_schema"]), config)
        return replace(inner.through(lambda entry: replace(entry, dump=dump)), dump=dump)

    def _literal(self, schema: Schema, config: Schema) -> Node:
        node = self.buffered(schema, config)
        if self._eager:
            node.eager = _strings_of(schema)
        return node

    # -- what streams ------------------------------------------------------------------------------

    def _any(self, schema: Schema, config: Schema) -> Node:
        if config.get("ser_json_inf_nan", "null") == "null":
            return TYPED_ANY
        node = Node(read=self.reader(schema, config), dump=self.dumper(schema, config), streams=True)
        node.object = Entry(Container(is_list=False, item=node))
        node.array = Entry(Container(is_list=True, item=node))
        return node

    def _str(self, schema: Schema, config: Schema) -> Node:
        read = self.reader(schema, config)
        check = None if is_plain_string(schema, config) else from_text(read)
        return Node(read=read, streams=True, check=check, leaf=True)

    def _is_lax(self, config: Schema) -> bool:
        return not (config.get("strict") or self.options.strict) and config.get("allow_inf_nan") is not False

    # -- what does something around another value ------------------------------------------------------

    def _nullable(self, schema: Schema, config: Schema) -> Node:
        inner = self.node(cast("Schema", schema["schema"]), config)
        return replace(inner, read=read_or_none(inner.read), dump=inner.dump and DumpOrNone(inner.dump))

    def _root_model(self, schema: Schema) -> Node:
        root = cast("type", schema["cls"])
        node = self.around(schema, cast("Schema", schema.get("config") or {}), root=root)
        return replace(node, leaf=False, roots=(*node.roots, root))

    def around(self, schema: Schema, config: Schema, *, may_change: bool = False, root: type | None = None) -> Node:
        """The node of what is inside a schema, made into that of the schema."""
        inner = self.node(cast("Schema", schema["schema"]), config)
        buffered = self.buffered(schema, config)
        if inner.streams:
            inner = replace(inner, check=from_text(buffered.read))
        dump, wrap = self.dumper(schema, config), Wrap(wrapper(schema, config), root)

        def enter(entry: Entry) -> Entry:
            return replace(entry.within(wrap), dump=dump, may_change=entry.may_change or may_change)

        return replace(inner.through(enter), read=buffered.read, dump=buffered.dump, eager=())

    # -- collections -------------------------------------------------------------------------------

    def _collection(self, schema: Schema, config: Schema) -> Node:
        """A list, tuple or dict; an iterable is read as a list, pydantic's own would be spent by whoever reads it."""
        if schema["type"] == "generator":
            schema = {**schema, "type": "list"}
        node = self.buffered(schema, config)
        container = self._empty_collection(schema, config)
        if container is None:
            return node
        if container.is_list:
            node.array = Entry(container)
            container.drops = self.policy == "drop" and schema["type"] in ("list", "deque")
        else:
            node.object = Entry(container)
        self.later(lambda: self._fill(container, schema, config))
        by_place = not container.is_list
        if schema["type"] not in ("list", "dict") or schema.keys() & {"min_length", "max_length"}:
            # The words of a dict's errors are other ones in JSON mode.
            container.build = Builder(schema, config, by_place=by_place)
        container.recheck = Builder(schema, config, by_place=True)
        container.dump = self.dumper(schema, config)
        return node

    def _empty_collection(self, schema: Schema, config: Schema) -> Container | None:
        """The container for a collection; None where it cannot be filled piece by piece."""
        kind = schema["type"]
        items = schema.get("items_schema")
        if omits(items) or omits(schema.get("values_schema")) or schema.get("fail_fast"):
            return None
        if kind == "tuple":
            if any(map(_has_default, cast("list[Schema]", items))):
                return None  # an item that was not received is filled in
            last = len(cast("list[Schema]", items)) - 1
            streams = schema.get("variadic_item_index", last) == last
            return Container(is_list=True, shown_as=tuple) if streams else None
        if kind == "deque" and schema.keys() - {"type", "items_schema", "ref", "metadata", "strict"}:
            return None
        if kind in ("list", "deque"):
            return Container(is_list=True, shown_as=deque if kind == "deque" else None)
        if "max_length" in schema:
            return None  # a key that comes twice counts twice
        keys = cast("Schema", schema.get("keys_schema") or {"type": "any"})
        plain = keys["type"] == "any" or is_plain_string(keys, config)
        shown_as = OrderedDict if kind == "ordered-dict" else None
        return Container(is_list=False, every_counts=True, shown_as=shown_as) if plain else None

    def _fill(self, container: Container, schema: Schema, config: Schema) -> None:
        """Compile what is inside."""
        inner = schema.get("items_schema") or schema.get("values_schema") or {"type": "any"}
        if schema["type"] != "tuple":
            container.item = self.node(cast("Schema", inner), config)
            return
        nodes = [self.node(item, config) for item in cast("list[Schema]", schema["items_schema"])]
        if "variadic_item_index" in schema:
            container.item = nodes.pop()
        container.items = tuple(nodes)

    # -- pydantic's own machines -----------------------------------------------------------------------

    def reader(self, schema: Schema, config: Schema) -> Reader:
        """What validates the JSON text of a value."""
        return Reader(lambda: self.closed(schema), _core(config), self.options.strict)

    def dumper(self, schema: Schema, config: Schema) -> Dumper:
        """What gives the JSON form of a value."""
        return Dumper(lambda: self.closed(schema), _core(config))

    def closed(self, schema: Schema) -> CoreSchema:
        """A schema that stands by itself: with the definitions it needs."""
        return closed(schema, self.definitions)


def _has_default(schema: Schema) -> bool:
    """Whether a missing value is filled in, by the schema itself or inside function validators around it."""
    while str(schema["type"]).startswith("function-") and "schema" in schema:
        schema = cast("Schema", schema["schema"])
    return schema["type"] == "default"


def _core(config: Schema) -> CoreConfig | None:
    return cast("CoreConfig", config) if config else None


def _strings_of(schema: Schema) -> tuple[str, ...]:
    """The strings that a literal or enum takes; none where others might do."""
    if schema["type"] == "literal":
        values = cast("list[object]", schema["expected"])
    elif not looks_further(schema):
        values = [cast("object", getattr(member, "value", None)) for member in cast("list[object]", schema["members"])]
    else:
        return ()
    return tuple(value for value in values if isinstance(value, str))
