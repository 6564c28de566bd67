"""What the machine knows of a type: for every place in the document, what may stream and what must wait.

A `Node` says what becomes of a value by the kind of JSON that comes: a string may stream, an object or
an array may be entered if the node has a `Container` for it, everything else is held until it closes
and then read by the type's own validator. So a node without containers, which does not stream, is
always right: it only waits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from pydantic_core import ValidationError, to_jsonable_python

from streamkit.changes.change import Change, Path
from streamkit.changes.json_values import Json
from streamkit.schema.dumpers import AsItIs, Dump, Finite
from streamkit.schema.layers import Member, Wrap
from streamkit.schema.probe import MappedProbe, VariantProbe
from streamkit.text.json_text import read_json

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = [
    "ANY",
    "FEED",
    "IGNORED",
    "TYPED_ANY",
    "Child",
    "Computed",
    "Container",
    "Entry",
    "Invalid",
    "Node",
    "OnInvalid",
    "Opening",
    "Read",
    "forbidden",
]


OnInvalid: TypeAlias = Literal["emit", "raise", "drop"]

Read: TypeAlias = "Callable[[str, object], object]"
"""Makes a typed value from text, with the user's context; raises `ValidationError`."""

_AS_IT_IS = AsItIs()


@dataclass(slots=True)
class Node:
    """How values of one type at one place are treated.

    Attributes:
        read: makes the typed value from the JSON text of a whole value.
        dump: the JSON form of a typed value; None where the value is its own.
        streams: a JSON string is told as it grows.
        check: for a string that streamed, makes the typed value of its text; None where there is nothing to check.
        object: how an object is entered; None holds it.
        array: how an array is entered; None holds it.
        watch: finds out how an object is to be entered, once some of it has come.
        eager: the strings that can come; one is told as soon as no other can.
        silent: no events; the type's dump leaves this value out.
        late: the JSON form is known only when the object around it is built.
        waits: its validators want the fields declared before it.
        on_invalid: what becomes of a value that is wrong; None where the whole document's rule holds.
        leaf: no value of the type has anything inside it.
        roots: the root models around a string that streams, from the inside out.
    """

    read: Read
    dump: Dump | None = None
    streams: bool = False
    check: Read | None = None
    object: Entry | None = None
    array: Entry | None = None
    probe: VariantProbe[Entry] | None = None
    eager: tuple[str, ...] = ()
    silent: bool = False
    late: bool = False
    deferred: bool = False
    on_invalid: OnInvalid | None = None
    leaf: bool = False
    roots: tuple[type, ...] = ()

    @property
    def enters(self) -> bool:
        """Whether an object or an array may be entered."""
        return self.object is not None or self.array is not None or self.probe is not None

    @property
    def object_entry(self) -> Entry | None:
        """How an object is entered, where the type alone tells: it may have to wait all the same."""
        return self.object if self.probe is None else self.probe.only

    def buffered(self, *, silent: bool = False, late: bool = False, deferred: bool = False) -> Node:
        """The same, but told when it is whole."""
        return replace(
            self,
            streams=False,
            check=None,
            object=None,
            array=None,
            probe=None,
            eager=(),
            silent=silent or self.silent,
            late=late or self.late,
            deferred=deferred or self.deferred,
        )

    def json_of(self, child: Any, *, plain: bool = False) -> Json:
        """The JSON form of a finished value; plainly, without computed fields."""
        if isinstance(child, Invalid):
            return cast("Json", child.json)
        if self.late:  # its serializer wants the object, which there is none of yet
            return cast("Json", to_jsonable_python(child, fallback=repr))
        if self.dump is None:
            return cast("Json", child)
        return cast("Json", self.dump.plain(child) if plain else self.dump(child))

    def through(self, entering: Callable[[Entry], Entry]) -> Node:
        """The same, with something done to every way in."""
        return replace(
            self,
            object=self.object and entering(self.object),
            array=self.array and entering(self.array),
            probe=self.probe and MappedProbe(self.probe, entering),
        )


@dataclass(slots=True)
class Child:
    """A place inside an object: the step that paths take to it, and its node."""

    name: str
    node: Node
    step: tuple[str] = field(init=False)  # to be added to a path, which is quicker than to unpack that

    def __post_init__(self) -> None:
        self.step = (self.name,)


@dataclass(frozen=True, slots=True)
class Computed:
    """A computed field.

    Attributes:
        name: its name.
        dump: makes its JSON form; None where only the model can.
        leaves_out: whether the model's dump goes without a value (`exclude_if`).
    """

    name: str
    dump: Callable[[object], Json] | None
    leaves_out: Callable[[object], bool] | None = None


@dataclass(slots=True)
class Container:
    """How an object or array is put together from finished children.

    Attributes:
        is_list: an array, else an object.
        item: the node of every item, or of every key without a place of its own.
        items: the nodes of a tuple's first items; `item` is that of the others.
        children: the places of an object by JSON key.
        other: the place of a key that is not among them; None takes `item` under the key itself.
        build: makes the typed value from the finished children; None where the list or dict of them is the value.
        recheck: the same with some children `Invalid`: raises their errors as pydantic would.
        resolve: makes the value of a field that waits for others, by its key, from their values and its text.
        dump: the JSON form of the typed value, or of the named fields of it.
        may_change: user code may make something else of what was streamed.
        settles: the type adds something when it is built: defaults, computed or late fields.
        later: some field's JSON form waits for the object.
        fields: the names of a model's fields.
        waiting: for each field that waits for others, by its key: their names.
        lookups: for each field that is not found under one key alone, by a key of its own that no text has:
            the paths at which it may stand, the first choice first.
        direct: of these, the key that is the first choice and may stream; None where there is none.
        feeds: the keys in which such fields are looked up, each with the fields' own keys.
        computed: the computed fields.
        drops: items that are not valid are left out.
        omits: user code may leave out a field (`PydanticOmit`).
        every_counts: of a key that comes twice, pydantic keeps the errors of both.
        every_extra_counts: the same for keys that the type forbids.
        errors_by_name: pydantic's errors name fields by their name, not their alias.
        cls: the class of the typed value, where it has one: a model, a dataclass, a named tuple.
        polymorphic: a value of a subclass is dumped as one (`polymorphic_serialization`).
        shown_as: makes what an open one is shown as of its children; None where that is a list, a dict or `cls`.
    """

    is_list: bool
    item: Node | None = None
    items: tuple[Node, ...] = ()
    children: dict[str, Child] = field(default_factory=dict[str, Child])
    other: Callable[[str], Child] | None = None
    build: Callable[[Any, object], object] | None = None
    recheck: Callable[[Any, object], object] | None = None
    resolve: Callable[[str, Any, str, object], object] | None = None
    dump: Dump = _AS_IT_IS
    may_change: bool = False
    has_derived: bool = False
    later: bool = False
    fields: frozenset[str] = frozenset()
    deferred_fields: dict[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    lookups: dict[str, tuple[tuple[str | int, ...], ...]] = field(default_factory=dict[str, Any])
    direct: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    feeds: dict[str, tuple[str, ...]] = field(default_factory=dict[str, "tuple[str, ...]"])
    computed: tuple[Computed, ...] = ()
    drops: bool = False
    omits: bool = False
    every_counts: bool = False
    every_extra_counts: bool = False
    errors_by_name: bool = False
    cls: type | None = None
    polymorphic: bool = False
    shown_as: Callable[[Any], object] | None = None
    _plain: dict[str, Path] | None = field(default=None, repr=False)

    def plain_strings(self) -> Mapping[str, Path]:
        """The keys under which any string is right as it came, with their steps; none where others wait for fields."""
        if self._plain is None:
            places = {} if self.deferred_fields else self.children
            self._plain = {key: c.step for key, c in places.items() if c.node.streams and c.node.check is None}
        return self._plain

    def place(self, key: str) -> Child:
        """Where the value of a key goes."""
        child = self.children.get(key)
        if child is None:
            child = self.other(key) if self.other is not None else Child(key, self.item or ANY)
        return child

    def step(self, key: str) -> str:
        """How pydantic's errors name what stands under a key."""
        return self.place(key).name if self.errors_by_name else key

    def at(self, index: int) -> Node:
        """The node of an item."""
        return self.items[index] if index < len(self.items) else self.item or ANY


@dataclass(slots=True)
class Entry:
    """A way into a container.

    Attributes:
        container: what is entered.
        layers: what is around it in the type, from the inside out.
        doubtful: its errors are those of the whole union, told by reading its text again.
        dump: the JSON form of the final value, or of the named fields of it; None where that of the container does.
        may_change: some layer is user code.
        label: where errors inside it stand, between the place of the value and that of the child.
        roots: the root models among the layers.
    """

    container: Container
    layers: tuple[Wrap | Member, ...] = ()
    doubtful: bool = False
    dump: Dump | None = None
    may_change: bool = False
    label: tuple[str | int, ...] = field(init=False)
    wraps: bool = field(init=False)
    roots: tuple[type, ...] = field(init=False)
    _only_builds: bool | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        self.label = tuple(layer.label for layer in reversed(self.layers) if isinstance(layer, Member))
        self.wraps = any(isinstance(layer, Wrap) for layer in self.layers)
        roots = (layer.root for layer in self.layers if isinstance(layer, Wrap))
        self.roots = tuple(root for root in roots if root is not None)

    def only_builds(self) -> bool:
        """Whether its value is the one built of its children, and told by them: nothing comes before or after."""
        if self._only_builds is None:
            inside = self.container
            self._only_builds = not (inside.has_derived or inside.may_change or self.may_change or self.wraps)
        return self._only_builds

    def within(self, layer: Wrap | Member) -> Entry:
        """The same, with one more layer around it."""
        return replace(self, layers=(*self.layers, layer))


class Opening(Change[Any]):
    """The change by which an object appears that the type alone does not tell how to read."""

    entry: Entry

    def __repr__(self) -> str:
        return repr(Change(*self))

    def __reduce__(self) -> tuple[object, ...]:
        """Elsewhere it is a change like any other."""
        return Change, tuple(self)


class Invalid:
    """Stands among the finished children for one that is not valid.

    Attributes:
        errors: all of its errors, `loc` counted from itself.
        json: what came; of an object or array that was entered, what was told of it.
        told: its errors were emitted.
    """

    __slots__ = ("errors", "json", "told")

    def __init__(self, errors: list[ErrorDetails], json: object, *, told: bool) -> None:
        self.errors, self.json, self.told = errors, json, told


def forbidden(key: str, error: str = "extra_forbidden") -> Child:
    """The place of a key that the type forbids: what stands there is shown, and wrong."""

    def refuse(text: str, context: object) -> object:
        details: list[Any] = [{"type": error, "loc": (), "input": read_json(text)}]
        raise ValidationError.from_exception_data("extra", details, input_type="json")

    return Child(key, Node(read=refuse))


def _read_any(text: str, context: object) -> object:
    return read_json(text)


ANY = Node(read=_read_any, streams=True)
"""Any JSON: what `accumulate` uses."""
ANY.object = Entry(Container(is_list=False, item=ANY))
ANY.array = Entry(Container(is_list=True, item=ANY))

TYPED_ANY = Node(read=_read_any, dump=Finite(), streams=True)
"""A field of type `Any`: the same, but pydantic dumps an infinite number as null there."""
TYPED_ANY.object = Entry(Container(is_list=False, item=TYPED_ANY))
TYPED_ANY.array = Entry(Container(is_list=True, item=TYPED_ANY))

FEED = Node(read=lambda text, context: None, silent=True, deferred=True)
"""A value in which those of fields are looked up."""

IGNORED = Node(read=lambda text, context: None, silent=True)
"""A value that the model ignores."""
