"""`TypedFold`: the fold of typed changes into `Partial` models, by structural sharing.

Like `Document`, but of Python values: what is complete stands there as the very object its `complete`
carried, and only the containers from the root to what is still open are made anew for a snapshot.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel

from streamkit.events import Change, Path
from streamkit.partial import make_partial, partial_class
from streamkit.schema.nodes import Opening

if TYPE_CHECKING:
    from streamkit.schema.nodes import Container, Entry, Node

__all__ = ["TypedFold"]

_ABSENT = object()
_SCALARS = (str, int, float, bool)


class _Open:
    """A container of which not all is final.

    Attributes:
        values: what has come, by field name or index; an `_Open` for what is open in turn.
        arrived: of a model that was whole, which fields had come; else None, and all in `values` have.
        inner: the keys under which one stands.
        frozen: the snapshot of it; `_ABSENT` when it has changed since.
    """

    __slots__ = ("arrived", "container", "frozen", "inner", "parent", "partial", "shape", "values")

    def __init__(self, container: Container | None, values: Any, parent: _Open | None) -> None:
        self.container, self.parent = container, parent
        self.values: Any = values
        self.inner: set[str | int] = set()
        self.frozen: object = _ABSENT
        self.arrived: set[str] | None = None
        cls = container.cls if container is not None else None
        self.partial = partial_class(cls) if cls is not None and issubclass(cls, BaseModel) else None
        self.shape: type[Any] | None = cls if self.partial is None else None


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
        self._root: object = _ABSENT
        self._open: dict[Path, _Open] = {}
        self._text_path: Path | None = None
        self._text: list[str] = []

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
            self._invalid(path)
        elif op == "remove":
            self._remove(path)

    def snapshot(self) -> object:
        """What has come so far: a `Partial` model, or the model itself once it is complete; None before anything."""
        self._settle_text(keep=True)
        self.changed = False
        return None if self._root is _ABSENT else _freeze(self._root)

    def _append(self, path: Path, text: str) -> None:
        if path != self._text_path:
            self._settle_text()
            self._text_path, self._text = path, [cast("str", self._get(path))]
        self._text.append(text)
        self.changed = True
        self._touch(path)

    def _put(self, path: Path, value: object, entry: Entry | None) -> None:
        self._forget(path)
        if isinstance(value, (dict, list)):
            parent = self._parent(path) if path else None
            container = _container(self._node(path, parent), entry, is_list=isinstance(value, list))
            empty: dict[str, object] | list[object] = {} if isinstance(value, dict) else []
            value = self._open[path] = _Open(container, empty, parent)
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
            self._text_path, self._text = None, []
        self._forget(path)
        before = self._get(path)
        self._set(path, value)
        # A string, number or instance that looks as before is no news; the root's own instance is.
        looks_alike = before is value or (
            type(before) is type(value) and isinstance(value, _SCALARS) and before == value
        )
        if not path or not (isinstance(before, _Open) or looks_alike):
            self.changed = True

    def _invalid(self, path: Path) -> None:
        """A wrong value is not shown; what is right inside a wrong container still is."""
        if path == self._text_path:
            self._text_path, self._text = None, []
        before = self._get(path)
        of_another_type = isinstance(before, _Open) and before.container is None
        if of_another_type or not isinstance(before, (_Open, BaseModel)):
            self._forget(path)
            self._set(path, None)
            self.changed = True
        elif isinstance(before, _Open):
            # Final, as it is: nothing inside it is looked at again.
            self._forget(path)
            self._set(path, _freeze(before))

    def _remove(self, path: Path) -> None:
        self._settle_text()
        self._forget(path)
        if not path:
            self._root = _ABSENT
            return
        parent = self._parent(path)
        # The user's code may have taken it out of the value itself before it was told.
        with suppress(LookupError):
            del parent.values[path[-1]]
        parent.inner.discard(path[-1])
        self._touch(path)
        self.changed = True

    def _settle_text(self, *, keep: bool = False) -> None:
        """Put the growing string where it belongs."""
        path = self._text_path
        if path is None:
            return
        if len(self._text) > 1:
            self._text = ["".join(self._text)]
            self._set(path, self._text[0])
        if not keep:
            self._text_path = None

    def _get(self, path: Path) -> object:
        if not path:
            return self._root
        values: Any = self._parent(path).values
        try:
            return cast("object", values[path[-1]])
        except KeyError:
            return _ABSENT

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
        if isinstance(value, _Open):
            parent.inner.add(key)
        else:
            parent.inner.discard(key)
        self._touch(path)

    def _touch(self, path: Path) -> None:
        """The snapshots of everything around a path are out of date."""
        around = self._parent(path) if path else None
        while around is not None and around.frozen is not _ABSENT:
            around.frozen = _ABSENT
            around = around.parent

    def _forget(self, path: Path) -> None:
        """Nothing at or below a path is open any more."""
        if path in self._open:
            depth = len(path)
            for other in [other for other in self._open if other[:depth] == path]:
                del self._open[other]

    def _parent(self, path: Path) -> _Open:
        found = self._open.get(path[:-1])
        return found if found is not None else self._reopen(path[:-1])

    def _reopen(self, path: Path) -> _Open:
        """A container that was final is to change: take it apart."""
        value = self._get(path)
        parent = self._parent(path) if path else None
        node = self._node(path, parent)
        whole = value if isinstance(value, BaseModel) else None
        values = _taken_apart(value)
        container = _container(node, None, is_list=isinstance(values, list))
        self._open[path] = opened = _Open(container, values, parent)
        opened.arrived = set(whole.model_fields_set) if whole is not None else None
        self._set(path, opened)
        return opened

    def _node(self, path: Path, parent: _Open | None) -> Node | None:
        """The node of a path; None inside what is held, where pydantic alone knows."""
        if parent is None:
            return self._root_node
        container = parent.container
        if container is None:
            return None
        if container.is_list:
            return container.at(cast("int", path[-1]))
        return next((c.node for c in container.children.values() if c.name == path[-1]), container.item)


def _container(node: Node | None, entry: Entry | None, *, is_list: bool) -> Container | None:
    if entry is None and node is not None:
        entry = node.array if is_list else node.object
    return None if entry is None else entry.container


def _taken_apart(value: Any) -> Any:
    """What is in a value: a dict by field name or key, or a list."""
    if isinstance(value, BaseModel):
        return {**value.__dict__, **(value.__pydantic_extra__ or {})}
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return dict(cast("Mapping[str, object]", value)) if isinstance(value, Mapping) else list(value)


def _shaped(shape: type[Any], values: Any) -> object:
    """A tuple, deque or dataclass of what has come; what has not is None, or its plain default."""
    if is_dataclass(shape):
        made = object.__new__(shape)
        for field in fields(shape):
            default = None if field.default is MISSING else field.default
            object.__setattr__(made, field.name, values.get(field.name, default))
        return made
    if hasattr(shape, "_fields"):
        names = shape._fields[len(values) :]
        return shape._make([*values, *(shape._field_defaults.get(name) for name in names)])
    return cast("object", shape(values))


def _freeze(value: object) -> object:
    if not isinstance(value, _Open):
        return value
    if value.frozen is _ABSENT:
        values = value.values.copy()
        for key in value.inner:
            values[key] = _freeze(values[key])
        if value.partial is not None:
            arrived = value.values.keys() if value.arrived is None else value.arrived
            values = make_partial(value.partial, values, arrived)
        elif value.shape is not None:
            values = _shaped(value.shape, values)
        value.frozen = values
    return value.frozen
