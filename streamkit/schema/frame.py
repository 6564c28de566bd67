"""`Frame`: a container that is being read; `Spy`: looks into an object that cannot be entered yet."""

from __future__ import annotations

from collections.abc import Collection
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, cast

from streamkit.scanner import Watcher, read_json, write_json
from streamkit.schema.shell import OMITTED

if TYPE_CHECKING:
    from streamkit.events import Path
    from streamkit.scanner import Json
    from streamkit.schema.nodes import Entry, Look, Node

__all__ = ["Frame", "Spy", "came", "way_in"]


class Frame:
    """A container being read, or what stands around the root.

    Attributes:
        entry: how it was entered.
        container: what was entered.
        node: that of the value.
        children: the finished ones, by JSON key or in order.
        json: what was told of it, if somebody is to compare; else None.
        key: of the child being read.
        bad: some child is `Wrong`.
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
        "again", "bad", "children", "container", "dropped", "entry", "found", "held", "json", "key", "late", "node",
        "omitted", "parent", "path", "pending", "undumped",
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
        if container.waiting or container.lookups:
            self.held: dict[str, str] = {}
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
        kept = len(self.children) if index is None else index
        return kept + sum(1 for before in self.omitted if before <= kept)

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
    for key, text in frame.held.items() if container.waiting or container.lookups else ():
        if key not in container.lookups and (key in container.feeds or not container.place(key).node.silent):
            known[key] = read_json(text)
    return known


class Spy(Watcher):
    """Tells a look of the members of an object, while its text is collected."""

    __slots__ = ("_depth", "_key", "_text", "entry", "look")

    def __init__(self, look: Look) -> None:
        self.look = look
        self.entry: Entry | None = None
        self._depth = 0
        self._key = ""
        self._text: list[str] = []

    def see(self, text: str | None) -> bool:
        """Take the member under the last key."""
        if self._depth == 0:
            self.entry = self.look.see(self._key, text)
        return self.entry is not None

    def open_object(self) -> None:
        self._depth += 1

    open_array = open_object

    def close(self) -> bool:
        self._depth -= 1
        return self.see(None)

    def key(self, name: str, /) -> bool:
        if self._depth == 0:
            self._key = name
        return False

    def text(self, text: str, /) -> bool:
        return self.see(encode_basestring(text))

    def text_start(self, text: str, /) -> None:
        self._text = [text]

    def text_more(self, text: str, /) -> None:
        if self._depth == 0:
            self._text.append(text)

    def text_end(self, text: str, /) -> bool:
        self._text.append(text)
        return self.see(encode_basestring("".join(self._text)))

    def scalar(self, text: str, /) -> bool:
        return self.see(text)

    def whole(self, value: Json, text: str, start: int, end: int, /) -> bool:
        return self.see(None)


def way_in(look: Look, value: object) -> Entry | None:
    """The way into an object that is known whole: of a key that came twice, what came last."""
    for key, member in cast("dict[str, object]", value).items():
        entry = look.see(key, None if isinstance(member, (dict, list)) else write_json(member))
        if entry is not None:
            return entry
    return None
