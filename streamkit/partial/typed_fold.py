"""`TypedFold`: the fold of typed changes into `Partial` models, by structural sharing.

Like `Document`, but of Python values: what is complete stands there as the very object its `complete`
carried, and only the containers from the root to what is still open are made anew for a snapshot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import is_dataclass
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from streamkit.changes.change import Change, Dropped, Path
from streamkit.partial import whole_class
from streamkit.partial.open_value import ABSENT, OpenValue, rooted, taken_apart, unrooted
from streamkit.schema.compile import compile_type
from streamkit.schema.nodes import Opening

if TYPE_CHECKING:
    from streamkit.schema.nodes import Entry, Node

__all__ = ["TypedFold"]

_SCALARS = (str, int, float, bool)
_CONTAINERS = (BaseModel, Mapping, list, tuple, deque)


class TypedFold:
    """Folds changes; `snapshot()` may be asked for at any time.

    Args:
        node: the root's node.

    Attributes:
        changed: something that a snapshot shows has changed since the last one.
    """

    def __init__(self, node: Node) -> None:
        self.changed = False
        self._root_node = node
        self._root: object = ABSENT
        self._open: dict[Path, OpenValue] = {}
        self._text_path: Path | None = None  # of the string told last, until something else is told
        self._text: list[str] = []
        self._unshown = False  # some of that string was not put where it belongs
        self._wrong: dict[Path, object] = {}  # what was told of values that are not shown: a new attempt may go on

    def apply(self, change: Change[object]) -> None:
        """Take one change."""
        op, path, value = change
        if op == "append":
            self._append(path, cast("str", value))
        elif op == "add" or op == "replace":
            self._settle_text()
            self._put(path, value, change.entry if isinstance(change, Opening) else None)
        elif op == "complete":
            self._complete(path, value)
        elif op == "invalid":
            if not isinstance(change, Dropped):
                self._invalid(path)
        elif op == "remove":
            self._remove(path)

    def snapshot(self) -> object:
        """What has come so far: a `Partial` model, or the model itself once it is complete; None before anything."""
        self._settle_text(keep=True)
        self.changed = False
        root = self._root
        return None if root is ABSENT else root.snapshot() if isinstance(root, OpenValue) else root

    # -- what changes tell -----------------------------------------------------------------------------

    def _append(self, path: Path, text: str) -> None:
        if path != self._text_path:
            self._settle_text()
            before = self._wrong.pop(path) if path in self._wrong else unrooted(self._get(path))
            self._text_path, self._text = path, [cast("str", before)]
        self._text.append(text)
        self._unshown = self.changed = True
        self._touch(path)

    def _put(self, path: Path, value: object, entry: Entry | None) -> None:
        self._forget(path)
        self._void(path)
        if isinstance(value, (dict, list)):
            parent = self._parent(path) if path else None
            if entry is None:
                entry = _entry(self._node(path, parent), is_list=isinstance(value, list))
            empty: dict[str, object] | list[object] = {} if isinstance(value, dict) else []
            value = self._open[path] = OpenValue(entry, empty, parent)
        elif isinstance(value, str):
            self._text_path, self._text, self._unshown = path, [value], True
        self._set(path, value)
        self._arrive(path)
        self.changed = True

    def _arrive(self, path: Path) -> None:
        """A field of a model that is being changed has come (again)."""
        arrived = self._parent(path).arrived if path else None
        if arrived is not None:
            arrived.add(str(path[-1]))

    def _complete(self, path: Path, value: object) -> None:
        if path == self._text_path:
            self._text_path = None
        self._forget(path)
        self._wrong.pop(path, None)
        before = self._get(path)
        self._set(path, value)
        if not path or not (isinstance(before, OpenValue) or _looks_alike(before, value)):
            self.changed = True

    def _invalid(self, path: Path) -> None:
        """A wrong value is not shown; what is right inside a wrong container still is."""
        before = self._get(path)
        if path == self._text_path:
            before = "".join(self._text)
            self._text_path = None
        self._forget(path)
        if isinstance(before, OpenValue) and before.container is not None:
            self._set(path, before.snapshot())  # final, as it is: nothing inside it is looked at again
        elif not isinstance(before, _CONTAINERS) and not is_dataclass(before):
            self._wrong.setdefault(path, before)
            self._set(path, None)
            self.changed = True

    def _remove(self, path: Path) -> None:
        self._settle_text()
        self._forget(path)
        self._void(path)
        if not path:
            self._root = ABSENT
            return
        parent = self._parent(path)
        # The user's code may have taken it out of the value itself before it was told.
        with suppress(LookupError):
            del parent.values[path[-1]]
        parent.inner.discard(path[-1])
        parent.touch()
        self.changed = True

    # -- the string that is told ------------------------------------------------------------------------

    def _settle_text(self, *, keep: bool = False) -> None:
        """Put the string told last where it belongs."""
        path = self._text_path
        if path is None:
            return
        if self._unshown:
            self._text = ["".join(self._text)]
            self._set(path, self._typed_text(path, self._text[0]))
            self._unshown = False
        if not keep:
            self._text_path = None

    def _typed_text(self, path: Path, text: str) -> object:
        """What a string that is open is shown as."""
        node = self._node(path, self._parent(path) if path else None)
        if node is None:
            return text
        if node.streams:
            return rooted(node.roots, text)
        # Told before its end: a literal or an enum that can be no other any more.
        with suppress(ValueError):
            return node.read(encode_basestring(text), None) if node.leaf else text
        return text

    # -- where values stand ------------------------------------------------------------------------------

    def _get(self, path: Path) -> object:
        if not path:
            return self._root
        values: Any = self._parent(path).values
        try:
            return cast("object", values[path[-1]])
        except LookupError:
            return ABSENT

    def _set(self, path: Path, value: object) -> None:
        if not path:
            self._root = value
            return
        parent, key = self._parent(path), path[-1]
        values = parent.values
        if values.__class__ is list and key == len(values):
            values.append(value)
        else:
            values[key] = value
        if isinstance(value, OpenValue):
            parent.inner.add(key)
        else:
            parent.inner.discard(key)
        parent.touch()

    def _touch(self, path: Path) -> None:
        """The snapshots of everything around a path are out of date."""
        if path:
            self._parent(path).touch()

    def _forget(self, path: Path) -> None:
        """Nothing at or below a path is open any more."""
        if path in self._open:
            depth = len(path)
            for other in [other for other in self._open if other[:depth] == path]:
                del self._open[other]

    def _void(self, path: Path) -> None:
        """What was wrong at or below a path does not matter any more."""
        if self._wrong:
            depth = len(path)
            self._wrong = {other: told for other, told in self._wrong.items() if other[:depth] != path}

    def _parent(self, path: Path) -> OpenValue:
        found = self._open.get(path[:-1])
        return found if found is not None else self._reopen(path[:-1])

    def _reopen(self, path: Path) -> OpenValue:
        """A container that was final is to change: take it apart."""
        value = self._wrong.pop(path, None) or self._get(path)
        parent = self._parent(path) if path else None
        if isinstance(value, OpenValue):
            opened = value
            opened.parent = parent
        else:
            values = taken_apart(value)
            entry = _entry(self._node(path, parent), is_list=isinstance(values, list)) or _entry_of(value)
            # What is held may be another thing in JSON. All of it is told at once, its verdict too.
            opened = OpenValue(entry, values if entry is not None else {}, parent)
            inner = unrooted(value)
            opened.arrived = set(inner.model_fields_set) if isinstance(inner, BaseModel) else None
        self._open[path] = opened
        self._set(path, opened)
        return opened

    def _node(self, path: Path, parent: OpenValue | None) -> Node | None:
        """The node of a path; None inside what is held, where pydantic alone knows."""
        if parent is None:
            return self._root_node
        container = parent.container
        if container is None:
            return None
        if container.is_list:
            return container.at(cast("int", path[-1]))
        return next((c.node for c in container.children.values() if c.name == path[-1]), container.item)


def _entry(node: Node | None, *, is_list: bool) -> Entry | None:
    return None if node is None else node.array if is_list else node.object_entry


def _entry_of(value: object) -> Entry | None:
    """The way into a value of a union, which its type alone does not tell."""
    if isinstance(value, BaseModel):
        return compile_type(whole_class(type(value))).object_entry
    return compile_type(type(value)).object_entry if is_dataclass(value) else None


def _looks_alike(before: object, value: object) -> bool:
    """Whether a string, number or instance that has closed is no news."""
    before, value = unrooted(before), unrooted(value)
    return before is value or (type(before) is type(value) and isinstance(value, _SCALARS) and before == value)
