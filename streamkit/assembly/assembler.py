"""`Assembler`: turns the scanner's tokens into typed values and changes, along a tree of nodes.

It reads one value at a time. `begin_item` (in a list) or `key` (in an object) finds the value's node and path.
The node then decides:

- a string may *stream*: its text is emitted as it arrives, and validated when it ends;
- a container may be *entered*: it gets a frame, and its children are read by the same rules;
- everything else is *buffered*: the scanner collects its raw text, and it is validated when it closes.

A finished value is emitted with its verdict and stored in the container around it; a container is built from its
stored children when it closes. Emitted changes are not kept, only typed values (and, below an object that user
code may change, their JSON forms, to compare them afterwards).

The parts, each in a file of this package; all are functions over the shared state, an `AssemblyState`:

    state        the state: current node and path, open frames, changes made so far
    containers   begin an item, open a container, build it when it closes
    values       validate, emit and store one finished value
    deferred     fields that are read later than their text arrives
    derived      defaults, computed fields, and what user code changed when a container was built
    verdicts     invalid values, dropped items, omitted fields
"""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import TYPE_CHECKING, cast

from streamkit.assembly.containers import (
    ask_union,
    begin_item,
    close_container,
    close_frameless,
    emit_open,
    frame_of,
    open_container,
)
from streamkit.assembly.state import AssemblyState, new_change
from streamkit.assembly.values import close_string, guess_literal, read_value
from streamkit.changes.change import Change
from streamkit.schema.nodes import Entry, Node
from streamkit.schema.probe import SearchObserver, find_entry
from streamkit.text.json_text import read_json, write_json
from streamkit.text.limits import Limits
from streamkit.text.receiver import BUFFER_ONLY, Observer
from streamkit.text.scanner import Scanner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamkit.assembly.frame import Frame
    from streamkit.changes.change import Path
    from streamkit.changes.json_values import Json

__all__ = ["Assembler"]

_NO_KEYS: Mapping[str, Path] = {}
_BLOCK = 1024  # pieces of a string that are joined to a block: a piece costs far more than its characters
_MOST_NAMES = 1024  # shared copies of unknown keys: an object that is no table may have any number of them
_NO_LIMITS = Limits(max_depth=1 << 30, max_size=1 << 62)  # for text that the scanner has already checked


class Assembler(AssemblyState):
    """Receives the tokens of one text; see `streamkit.text.receiver.Receiver`."""

    # Bound directly, not wrapped in a method: it is called for every container.
    close = close_container

    def key(self, name: str, /) -> bool:
        frame = self.frame
        child = frame.container.children.get(name)
        if child is None:
            name = self.names.get(name) or self._shared_name(name)
            child = frame.container.place(name)
        frame.key = name
        self.node = child.node
        self.path = frame.path + child.step
        self.op = "replace" if name in frame.children else "add"
        if frame.decisive_keys and name in frame.decisive_keys:
            self.rereading = self.busy = True
            self.streaming = False
            return True
        return False

    def _shared_name(self, name: str) -> str:
        if len(self.names) < _MOST_NAMES:
            self.names[name] = name
        return name

    def text(self, text: str, /) -> None:
        if self.in_list:
            begin_item(self)
        node = self.node
        if node.streams:
            self.out.append(new_change(Change, (self.op, self.path, text)))
            close_string(self, node, text)
        else:
            read_value(self, encode_basestring(text))

    def text_start(self, text: str, /) -> None:
        if self.in_list:
            begin_item(self)
        self.busy = True
        self.streaming = self.node.streams
        self.pieces.append(text)
        if self.streaming:
            self.out.append(new_change(Change, (self.op, self.path, text)))
        elif self.node.eager:
            guess_literal(self)

    def text_more(self, text: str, /) -> None:
        pieces = self.pieces
        pieces.append(text)
        if self.streaming:
            self.out.append(new_change(Change, ("append", self.path, text)))
        elif self.node.eager:
            guess_literal(self)
        if len(pieces) == _BLOCK:
            self.blocks.append("".join(pieces))
            pieces.clear()

    def text_end(self, text: str, /) -> None:
        self.busy = False
        if text:
            if self.streaming:
                self.out.append(new_change(Change, ("append", self.path, text)))
            self.pieces.append(text)
        text = "".join((*self.blocks, *self.pieces)) if self.blocks else "".join(self.pieces)
        self.pieces = []
        self.blocks.clear()
        if self.streaming:
            close_string(self, self.node, text)
        else:
            read_value(self, encode_basestring(text))

    def scalar(self, text: str, /) -> None:
        if self.in_list:
            begin_item(self)
        read_value(self, text)

    def open_object(self) -> Observer | None:
        if self.chosen is not None:  # its variant was found while its text was buffered
            entry, self.chosen = self.chosen, None
            open_container(self, entry, {})
            return None
        if self.in_list:
            begin_item(self)
        node = self.node
        if node.object is not None:
            open_container(self, node.object, {})
            return None
        self.busy, self.streaming = True, False
        if node.probe is None:
            return BUFFER_ONLY
        self.observer = SearchObserver(node.probe.begin())
        return self.observer

    def open_array(self) -> Observer | None:
        if self.in_list:
            begin_item(self)
        if self.node.array is not None:
            open_container(self, self.node.array, [])
            return None
        self.busy, self.streaming = True, False
        return BUFFER_ONLY

    def enter(self, text: str, /) -> bool:
        """Descend into a buffered object whose variant was found: read its text so far."""
        observer = cast("SearchObserver[Entry]", self.observer)
        self.observer = None
        self.busy = False
        entry = self.chosen = cast("Entry", observer.entry)
        node = self.node
        Scanner(self, _NO_LIMITS, whole=False).feed(text + " ")  # the space ends a number
        frame = self.frame
        frame.node, frame.decisive_keys = node, observer.search.again
        return bool(frame.decisive_keys) or entry.doubtful

    def raw(self, text: str, /) -> None:
        """Take the text of a container that was buffered, or is to be read again."""
        self.busy = False
        self.observer = None
        if self.doubted is not None:
            ask_union(self, self.doubted, text)
        elif self.rereading:
            self._read_again(text)
        else:
            read_value(self, text)

    def _read_again(self, text: str) -> None:
        """Read an object again, because a key that decided its variant was repeated."""
        frame = self.frame
        self.rereading = False
        self.frame = frame.parent
        self.in_list = self.frame.container.is_list
        self.node, self.path, self.op = cast("Node", frame.node), frame.path, "replace"
        value = read_json(text)
        entry = self._entry_for(value)
        if entry is None or entry.doubtful:
            read_value(self, text)
        else:
            self._walk_container(value, entry)

    # -- containers that the scanner read at once ----------------------------------------------------------

    def whole(self, value: Json, text: str, start: int, end: int, /) -> None:
        if self.in_list:
            begin_item(self)
        entry = self._entry_for(value)
        if entry is None:
            read_value(self, text[start:end])
        else:
            self._walk_container(value, entry)

    def _entry_for(self, value: Json) -> Entry | None:
        """How to descend into a container that is known completely; None to validate it as one value."""
        node = self.node
        if isinstance(value, list):
            return node.array
        if node.object is None and node.probe is not None:
            return find_entry(node.probe.begin(), value)
        return node.object

    def _walk(self, value: Json) -> None:
        """Emit a value that is known completely, as if it had arrived in pieces."""
        if isinstance(value, (dict, list)):
            if self.in_list:
                begin_item(self)
            entry = self._entry_for(value)
            if entry is None:
                read_value(self, write_json(value))
            else:
                self._walk_container(value, entry)
        elif isinstance(value, str):
            self.text(value)
        else:
            self.scalar(_scalar_text(value))

    def _walk_container(self, value: Json, entry: Entry) -> None:
        if isinstance(value, dict):
            self._walk_object(value, entry)
        else:
            self._walk_array(value, entry)

    def _walk_array(self, value: Json, entry: Entry) -> None:
        open_container(self, entry, [])
        for child in cast("list[Json]", value):
            self._walk(child)
        if self.close():
            self.raw(write_json(value))

    def _walk_object(self, value: dict[str, Json], entry: Entry) -> None:
        """Emit an object. Most objects hold only strings: they get a frame with the first member that needs one."""
        if self.wanted is None and self.frame.json is None and entry.only_builds():
            emit_open(self, entry, {})
            frame: Frame | None = None
            children: dict[str, object] = {}
        else:
            open_container(self, entry, {})
            frame = self.frame
            children = frame.children
        path, out = self.path, self.out
        plain = entry.container.plain_strings() if frame is None or frame.json is None else _NO_KEYS
        for name, child in value.items():
            if child.__class__ is str and name in plain:
                # The same as key, text and close_string, at a third of the cost.
                at = path + plain[name]
                out.append(new_change(Change, ("add", at, child)))
                out.append(new_change(Change, ("complete", at, child)))
                children[name] = child
                continue
            if frame is None:
                frame = self.frame = frame_of(self, entry, children)
                self.in_list = False
            self.key(name)
            self._walk(child)
            out = self.out  # another list, while an item is on trial
        if self.close() if frame is not None else close_frameless(self, entry, children):
            self.raw(write_json(value))


def _scalar_text(value: float | bool | None) -> str:
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return repr(value) if value - value == 0 else write_json(value)  # the repr of infinity is not JSON
