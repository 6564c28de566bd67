"""`Assembler`: what the scanner reads becomes typed values and changes, along a tree of nodes.

One value is read at a time. `_begin_item` or `key` finds its node and path; then it streams, is entered, or
is held; when it closes it is validated by itself, told, and stored with the container it belongs to; a
container is built from its stored children when it closes in turn. Nothing is kept of what was told, except
the typed values themselves (and, below a model that user code may change, their JSON forms, to compare).
"""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import TYPE_CHECKING, cast

from streamkit.assembly.containers import Containers
from streamkit.assembly.frame import Frame
from streamkit.assembly.reading import new_change
from streamkit.changes.change import Change
from streamkit.schema.nodes import Entry, Node
from streamkit.schema.probe import SearchObserver, find_entry
from streamkit.text.json_text import read_json, write_json
from streamkit.text.limits import Limits
from streamkit.text.receiver import BUFFER_ONLY, Observer
from streamkit.text.scanner import Scanner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamkit.changes.change import Path
    from streamkit.changes.json_values import Json

__all__ = ["Assembler"]

_NO_NAMES: Mapping[str, Path] = {}
_PIECES = 1024  # a string's pieces are joined in blocks of so many: a piece costs far more than its characters
_NAMES = 1024  # keys of one text that are remembered; what is no table may have any number of them
_NO_LIMITS = Limits(max_depth=1 << 30, max_size=1 << 62)  # for text that was read once


class Assembler(Containers):
    """Receives one text; see `streamkit.text.scanner.Receiver`."""

    # -- what the scanner tells ------------------------------------------------------------------

    def key(self, name: str, /) -> bool:
        frame = self._frame
        child = frame.container.children.get(name)
        if child is None:
            # Of the keys that no model names, each piece of text has a copy: rows of a table share one.
            name = self._names.get(name) or self._named(name)
            child = frame.container.place(name)
        frame.key = name
        self._node = child.node
        self._path = frame.path + child.step
        self._op = "replace" if name in frame.children else "add"
        if frame.again and name in frame.again:
            self._read_again = self._busy = True
            self._streaming = False
            return True
        return False

    def _named(self, name: str) -> str:
        if len(self._names) < _NAMES:
            self._names[name] = name
        return name

    def text(self, text: str, /) -> None:
        if self._in_list:
            self._begin_item()
        node = self._node
        if node.streams:
            self.out.append(new_change(Change, (self._op, self._path, text)))
            self._close_text(node, text)
        else:
            self._read(encode_basestring(text))

    def text_start(self, text: str, /) -> None:
        if self._in_list:
            self._begin_item()
        self._busy = True
        self._streaming = self._node.streams
        self._text.append(text)
        if self._streaming:
            self.out.append(new_change(Change, (self._op, self._path, text)))
        elif self._node.eager:
            self._guess()

    def text_more(self, text: str, /) -> None:
        pieces = self._text
        pieces.append(text)
        if self._streaming:
            self.out.append(new_change(Change, ("append", self._path, text)))
        elif self._node.eager:
            self._guess()
        if len(pieces) == _PIECES:
            self._blocks.append("".join(pieces))
            pieces.clear()

    def text_end(self, text: str, /) -> None:
        self._busy = False
        if text:
            if self._streaming:
                self.out.append(new_change(Change, ("append", self._path, text)))
            self._text.append(text)
        text = "".join((*self._blocks, *self._text)) if self._blocks else "".join(self._text)
        self._text = []
        self._blocks.clear()
        if self._streaming:
            self._close_text(self._node, text)
        else:
            self._read(encode_basestring(text))

    def scalar(self, text: str, /) -> None:
        if self._in_list:
            self._begin_item()
        self._read(text)

    def open_object(self) -> Observer | None:
        if self._chosen is not None:  # it has begun already
            entry, self._chosen = self._chosen, None
            self._open(entry, {})
            return None
        if self._in_list:
            self._begin_item()
        node = self._node
        if node.object is not None:
            self._open(node.object, {})
            return None
        self._busy, self._streaming = True, False
        if node.probe is None:
            return BUFFER_ONLY
        self._observer = SearchObserver(node.probe.begin())
        return self._observer

    def open_array(self) -> Observer | None:
        if self._in_list:
            self._begin_item()
        if self._node.array is not None:
            self._open(self._node.array, [])
            return None
        self._busy, self._streaming = True, False
        return BUFFER_ONLY

    def enter(self, text: str, /) -> bool:
        """The way into an object was found: read what has come of it."""
        observer = cast("SearchObserver[Entry]", self._observer)
        self._observer = None
        self._busy = False
        entry = self._chosen = cast("Entry", observer.entry)
        node = self._node
        Scanner(self, _NO_LIMITS, whole=False).feed(text + " ")  # a number ends with what follows it
        frame = self._frame
        frame.node, frame.again = node, observer.search.again
        return bool(frame.again) or entry.doubtful

    def raw(self, text: str, /) -> None:
        """The whole text of a container that was held, or is to be read again."""
        self._busy = False
        self._observer = None
        if self._doubted is not None:
            self._ask_union(self._doubted, text)
        elif self._read_again:
            self._replace(text)
        else:
            self._read(text)

    def whole(self, value: Json, text: str, start: int, end: int, /) -> None:
        if self._in_list:
            self._begin_item()
        entry = self._find_entry(value)
        if entry is None:
            self._read(text[start:end])
        else:
            self._walk_container(value, entry)

    # -- values that are known whole -----------------------------------------------------------

    def _find_entry(self, value: Json) -> Entry | None:
        """How to enter a container that is known whole; None holds it."""
        node = self._node
        if isinstance(value, list):
            return node.array
        if node.object is None and node.probe is not None:
            return find_entry(node.probe.begin(), value)
        return node.object

    def _walk(self, value: Json) -> None:
        """Tell of a value that was read whole, as if it came piece by piece."""
        if isinstance(value, (dict, list)):
            if self._in_list:
                self._begin_item()
            entry = self._find_entry(value)
            if entry is None:
                self._read(write_json(value))
            else:
                self._walk_container(value, entry)
        elif isinstance(value, str):
            self.text(value)
        else:
            self.scalar(_scalar(value))

    def _walk_container(self, value: Json, entry: Entry) -> None:
        if isinstance(value, dict):
            self._walk_object(value, entry)
        else:
            self._walk_array(value, entry)

    def _walk_array(self, value: Json, entry: Entry) -> None:
        self._open(entry, [])
        for child in cast("list[Json]", value):
            self._walk(child)
        if self.close():
            self.raw(write_json(value))

    def _walk_object(self, value: dict[str, Json], entry: Entry) -> None:
        """Most of a document are objects of strings. Those have no frame: it is made for what comes into one."""
        if self._wanted is None and self._frame.json is None and entry.only_builds():
            self._tell_open(entry, {})
            frame: Frame | None = None
            children: dict[str, object] = {}
        else:
            self._open(entry, {})
            frame = self._frame
            children = frame.children
        path, out = self._path, self.out
        plain = entry.container.plain_strings() if frame is None or frame.json is None else _NO_NAMES
        for name, child in value.items():
            if child.__class__ is str and name in plain:
                # What key, text and _close_text would do, at a third of the cost.
                at = path + plain[name]
                out.append(new_change(Change, ("add", at, child)))
                out.append(new_change(Change, ("complete", at, child)))
                children[name] = child
                continue
            if frame is None:
                frame = self._frame = self._framed(entry, children)
                self._in_list = False
            self.key(name)
            self._walk(child)
            out = self.out  # perhaps another list: while an item is on trial
        if self.close() if frame is not None else self._close_strings(entry, children):
            self.raw(write_json(value))

    def _replace(self, text: str) -> None:
        """Read an object again, of which a key came twice that decides what it is."""
        frame = self._frame
        self._read_again = False
        self._frame = frame.parent
        self._in_list = self._frame.container.is_list
        self._node, self._path, self._op = cast("Node", frame.node), frame.path, "replace"
        value = read_json(text)
        entry = self._find_entry(value)
        if entry is None or entry.doubtful:
            self._read(text)
        else:
            self._walk_container(value, entry)


def _scalar(value: float | bool | None) -> str:
    """The text of a number, boolean or null."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return repr(value) if value - value == 0 else write_json(value)  # infinity has no repr that is JSON
