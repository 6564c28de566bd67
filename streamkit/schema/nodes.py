"""What the machine knows of a type: for every place in the document, what may stream and what must wait.

A `Node` says what becomes of a value by the kind of JSON that comes: a string may stream, an object or
an array may be entered if the node has a `Container` for it, everything else is held until it closes
and then read by the type's own validator. So a node without containers, which does not stream, is
always right: it only waits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import ValidationError

from streamkit.scanner import Json, read_json

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["ANY", "IGNORED", "TYPED_ANY", "Child", "Container", "Node", "Wrong", "forbidden"]


@dataclass(slots=True)
class Node:
    """How values of one type at one place are treated.

    Attributes:
        read: makes the typed value from the JSON text of a whole value; raises `ValidationError`.
        dump: the JSON form of a typed value; None where the value is its own.
        streams: a JSON string is told as it grows.
        check: for a string that streamed, makes the typed value; None where there is nothing to check.
        object: how an object is entered; None holds it.
        array: how an array is entered; None holds it.
        silent: no events; the type's dump leaves this value out.
        late: the JSON form is known only when the object around it is built.
        leaf: no value of the type has anything inside it.
    """

    read: Callable[[str], object]
    dump: Callable[[object], Json] | None = None
    streams: bool = False
    check: Callable[[str], object] | None = None
    object: Container | None = None
    array: Container | None = None
    silent: bool = False
    late: bool = False
    leaf: bool = False


@dataclass(slots=True)
class Child:
    """A place inside an object: the step that paths take to it, and its node."""

    name: str
    node: Node


@dataclass(slots=True)
class Container:
    """How an object or array is put together from finished children.

    Attributes:
        is_list: an array, else an object.
        item: the node of every item, or of every key without a place of its own.
        children: the places of an object by JSON key.
        other: the place of a key that is not among them; None takes `item` under the key itself.
        build: makes the typed value from the finished children; raises `ValidationError`. None where the
            list or dict of them is the value.
        recheck: the same with some children `Wrong`: raises their errors as pydantic would.
        dump: the JSON form of the typed value, or of the named fields of it.
        may_change: user code may make something else of what was streamed.
        settles: the type adds something when it is built: defaults, computed or late fields.
        later: some field's JSON form waits for the object.
        fields: the names of a model's fields.
        computed: the computed fields, each with what makes its JSON form; None where only the model can.
        every_counts: of a key that comes twice, pydantic keeps the errors of both.
        errors_by_name: pydantic's errors name fields by their name, not their alias.
        cls: the model's class.
    """

    is_list: bool
    item: Node | None = None
    children: dict[str, Child] = field(default_factory=dict[str, Child])
    other: Callable[[str], Child] | None = None
    build: Callable[[object], object] | None = None
    recheck: Callable[[object], object] | None = None
    dump: Callable[[object, set[str] | None], Any] = lambda value, names: value
    may_change: bool = False
    settles: bool = False
    later: bool = False
    fields: frozenset[str] = frozenset()
    computed: tuple[tuple[str, Callable[[object], Json] | None], ...] = ()
    every_counts: bool = False
    errors_by_name: bool = False
    cls: type | None = None

    def place(self, key: str) -> Child:
        """Where the value of a key goes."""
        child = self.children.get(key)
        if child is None:
            child = self.other(key) if self.other is not None else Child(key, self.item or ANY)
        return child


class Wrong:
    """Stands among the finished children for one that is not valid.

    Attributes:
        errors: all of its errors, `loc` counted from itself.
        json: what came; of an object or array that was entered, what was told of it.
        told: its errors were emitted.
    """

    __slots__ = ("errors", "json", "told")

    def __init__(self, errors: list[ErrorDetails], json: object, *, told: bool) -> None:
        self.errors, self.json, self.told = errors, json, told


def _finite(value: object) -> Json:
    return None if isinstance(value, float) and not isfinite(value) else cast("Json", value)


def forbidden(key: str) -> Child:
    """The place of a key that the model forbids: what stands there is shown, and wrong."""
    return Child(key, Node(read=_refuse_extra))


def _refuse_extra(text: str) -> object:
    raise ValidationError.from_exception_data(
        "extra", [{"type": "extra_forbidden", "loc": (), "input": read_json(text)}], input_type="json"
    )


ANY = Node(read=read_json, streams=True)
"""Any JSON: what `accumulate` uses, and fields of type `Any`."""
ANY.object = Container(is_list=False, item=ANY)
ANY.array = Container(is_list=True, item=ANY)

TYPED_ANY = Node(read=read_json, dump=_finite, streams=True)
"""A field of type `Any`: the same, but pydantic dumps an infinite number as null there."""
TYPED_ANY.object = Container(is_list=False, item=TYPED_ANY)
TYPED_ANY.array = Container(is_list=True, item=TYPED_ANY)

IGNORED = Node(read=lambda text: None, silent=True)
"""A value that the model ignores."""
