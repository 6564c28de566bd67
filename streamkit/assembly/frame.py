"""`Frame`: one open container, and its finished children."""

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

__all__ = ["Frame", "received_json"]


class Frame:
    """One open container, or what is around the root.

    Attributes:
        entry: how it was entered.
        container: what was entered.
        node: the node of the value.
        path: its path.
        parent: the frame around it; None for the one around the root.
        children: the finished children, by JSON key or in order.
        json: the JSON form emitted for it, kept only where user code may change the value afterwards; else None.
        key: the key of the child being read.
        has_invalid: some child is `Invalid`.
        emitted_late: names of late fields that were emitted early, because they were invalid.
        buffered: by key, the text of members that are deferred, or in which other fields are looked up.
        pending: the keys of deferred members that have no value yet.
        found: for fields that are looked up, by their own keys: where they were found.
        decisive_keys: keys that decided the variant of the object; if one comes again, the object is read again.
        dropped: number of items dropped because they were invalid.
        dump_failed_at: the path of the value whose serializer raised when this container closed.
        omitted: for each item that user code omitted, how many were kept before it; for an object, the keys.
    """

    __slots__ = (
        "buffered", "children", "container", "decisive_keys", "dropped", "dump_failed_at", "emitted_late", "entry",
        "found", "has_invalid", "json", "key", "node", "omitted", "parent", "path", "pending",
    )  # fmt: skip

    def __init__(self, entry: Entry, node: Node | None, path: Path, parent: Any, json: Any) -> None:
        container = entry.container
        self.entry, self.container, self.node, self.path, self.parent = entry, container, node, path, parent
        self.children: Any = [] if container.is_list else {}
        self.json = json
        self.key = ""
        self.has_invalid = False
        self.dropped = 0
        self.dump_failed_at: Path | None = None
        # These three are replaced by a list or set when something goes into them: most frames never need it.
        self.omitted: list[Any] | tuple[()] = ()
        self.decisive_keys: Collection[str] = ()
        self.emitted_late: Collection[str] = ()
        if container.deferred_fields or container.lookups:
            self.buffered: dict[str, str] = {}
            self.pending: set[str] = set()
            self.found: dict[str, tuple[str | int, ...]] = {}

    def omit(self, what: int | str) -> None:
        """Note an item (by its index) or a field (by its key) that user code omitted."""
        if isinstance(self.omitted, list):
            self.omitted.append(what)
        else:
            self.omitted = [what]

    def source_index(self, index: int | None = None) -> int:
        """Return the index in the document of a kept item; without `index`, of the item being read."""
        if index is None:
            return len(self.children) + len(self.omitted)
        return index + bisect_right(self.omitted, index)  # noted in ascending order

    def received_names(self) -> set[str]:
        """Return the names of the fields that were received."""
        places = self.container.children
        return {places[key].name for key in (*self.children, *self.omitted) if key in places}

    def build_input(self) -> Any:
        """Return the finished children, with `OMITTED` for fields that user code omitted."""
        if not self.omitted or self.container.is_list:
            return self.children
        return {**self.children, **{key: OMITTED for key in self.omitted if key not in self.children}}

    def loc_of(self, key: str) -> tuple[str | int, ...]:
        """Return the `loc` that pydantic gives the errors of a child."""
        if key in self.container.lookups:
            found = self.found.get(key, ())
            return (self.container.children[key].name,) if self.container.errors_by_name else found
        return (self.container.step(key),)


def received_json(frame: Frame) -> Json:
    """Return what was received of a container, as far as it was kept: its children's JSON and deferred members."""
    container, children = frame.container, frame.children
    if container.is_list:
        return [container.at(index).json_of(child, plain=True) for index, child in enumerate(children)]
    nodes = {key: container.place(key).node for key in children if key not in container.lookups}
    known = {key: node.json_of(children[key], plain=True) for key, node in nodes.items() if not node.silent}
    for key, text in frame.buffered.items() if container.deferred_fields or container.lookups else ():
        if key not in container.lookups and (key in container.feeds or not container.place(key).node.silent):
            known[key] = read_json(text)
    return known
