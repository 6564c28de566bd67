"""`Frame`: a container that is being read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from streamkit.schema.builder import OMITTED
from streamkit.text.json_text import read_json

if TYPE_CHECKING:
    from streamkit.changes.change import Path
    from streamkit.changes.json_values import Json
    from streamkit.schema.nodes import Entry, Node

__all__ = ["Frame", "came"]


class Frame:
    """A container being read, or what stands around the root.

    Attributes:
        entry: how it was entered.
        container: what was entered.
        node: that of the value.
        children: the finished ones, by JSON key or in order.
        json: what was told of it, if somebody is to compare; else None.
        key: of the child being read.
        bad: some child is `Invalid`.
        late: names of late fields that were told, because they were wrong.
        held: the text of members that wait for others, or in which others are looked up, by key.
        pending: the keys of those that wait and have no value yet.
        found: where fields that are looked up were found, by their own keys.
        again: keys that decided what the object is; one that comes again makes it be read again.
        dropped: how many of its items were left out because they were wrong.
        undumped: where the value stands whose dump raised when it closed.
        omitted: for each item that user code left out, how many were kept before it; the keys of such fields.
    """

    __slots__ = (
        "again",
        "bad",
        "buffered",
        "children",
        "container",
        "dropped",
        "entry",
        "found",
        "json",
        "key",
        "late",
        "node",
        "omitted",
        "parent",
        "path",
        "pending",
        "undumped",
    )  # fmt: skip

    def __init__(self, entry: Entry, node: Node | None, path: Path, parent: Any, json: Any) -> None:
        container = entry.container
        self.entry, self.container, self.node, self.path, self.parent = entry, container, node, path, parent
        self.children: Any = [] if container.is_list else {}
        self.json = json
        self.key = ""
        self.bad = False
        self.dropped = 0
        self.undumped: Path | None = None
        self.omitted: list[Any] | tuple[()] = ()  # like `again` and `late`, made when there is something in it
        self.again: Collection[str] = ()
        self.late: Collection[str] = ()
        if container.deferred_fields or container.lookups:
            self.buffered: dict[str, str] = {}
            self.pending: set[str] = set()
            self.found: dict[str, tuple[str | int, ...]] = {}

    def omit(self, what: int | str) -> None:
        """Take a note of an item or a field that user code left out."""
        if isinstance(self.omitted, list):
            self.omitted.append(what)
        else:
            self.omitted = [what]

    def source(self, index: int | None = None) -> int:
        """Where an item stands in the document, or (without one) the item that is being read."""
        if index is None:
            return len(self.children) + len(self.omitted)
        return index + bisect_right(self.omitted, index)  # they were noted in their order

    def names(self) -> set[str]:
        """The names of the fields that have come."""
        places = self.container.children
        return {places[key].name for key in (*self.children, *self.omitted) if key in places}

    def given(self) -> Any:
        """The finished children, and the marks of fields that user code left out."""
        if not self.omitted or self.container.is_list:
            return self.children
        return {**self.children, **{key: OMITTED for key in self.omitted if key not in self.children}}

    def place(self, key: str) -> tuple[str | int, ...]:
        """Where errors of a child stand, as pydantic tells it."""
        if key in self.container.lookups:
            found = self.found.get(key, ())
            return (self.container.children[key].name,) if self.container.errors_by_name else found
        return (self.container.step(key),)


def came(frame: Frame) -> Json:
    """What has come of a container, as far as it was kept: the JSON form of its children, and members that wait."""
    container, children = frame.container, frame.children
    if container.is_list:
        return [container.at(index).json_of(child, plain=True) for index, child in enumerate(children)]
    nodes = {key: container.place(key).node for key in children if key not in container.lookups}
    known = {key: node.json_of(children[key], plain=True) for key, node in nodes.items() if not node.silent}
    for key, text in frame.buffered.items() if container.deferred_fields or container.lookups else ():
        if key not in container.lookups and (key in container.feeds or not container.place(key).node.silent):
            known[key] = read_json(text)
    return known
