"""`Containers`: how an object or array is entered and closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic_core import ValidationError

from streamkit.assembly.derived import emit_derived
from streamkit.assembly.discarded import DiscardedItems, DiscardedMembers
from streamkit.assembly.frame import Frame
from streamkit.assembly.reading import new_change
from streamkit.assembly.values import Values
from streamkit.changes.change import Change
from streamkit.schema.builder import Refusal
from streamkit.schema.layers import Wrap
from streamkit.schema.nodes import ANY, Entry, Opening

if TYPE_CHECKING:
    from streamkit.assembly.reading import Wanted
    from streamkit.changes.change import Path
    from streamkit.changes.json_values import Json

__all__ = ["Containers"]


class Containers(Values):
    """Begins an item, opens a container, and builds its value when it closes."""

    def _begin_item(self) -> None:
        frame = self._frame
        container = frame.container
        item, step = container.item, (len(frame.children),)
        self._node = container.at(*step) if item is None or container.items else item
        self._path = frame.path + step
        self._op = "add"
        if container.drops:
            self._try(frame)

    def _open(self, entry: Entry, empty: Json) -> None:
        """Enter a container."""
        container, parent, path = entry.container, self._frame, self._path
        self._tell_open(entry, empty)
        told: Json = None
        if container.may_change or entry.may_change or parent.json is not None:
            told = [] if container.is_list else {}
        self._frame = Frame(entry, self._node, path, parent, told)
        self._in_list = container.is_list
        if self._wanted is not None and not self._is_kept(path, parent):
            self._frame.children = DiscardedItems() if container.is_list else DiscardedMembers()

    def _tell_open(self, entry: Entry, empty: Json) -> None:
        if self._node.probe is None:
            self.out.append(new_change(Change, (self._op, self._path, empty)))
        else:
            opening = Opening(self._op, self._path, empty)
            opening.entry = entry
            self.out.append(opening)

    def _is_kept(self, path: Path, parent: Frame) -> bool:
        """Whether a container is asked for, or is inside one that is."""
        inside = parent is not self._outside and parent.children.__class__ in (list, dict)
        return inside or cast("Wanted", self._wanted)(path)

    def close(self) -> bool:
        frame = self._frame
        container, children, entry = frame.container, frame.children, frame.entry
        self._frame = frame.parent
        self._in_list = self._frame.container.is_list
        if container.lookups:
            self._look_up(frame, final=True)
        typed: object = children
        json = frame.json
        if frame.bad or container.build is not None or entry.wraps:
            passed = 0
            try:
                typed = final = self._build(frame)
                for layer in entry.layers:
                    passed += 1
                    if isinstance(layer, Wrap):
                        final = layer.make(final, self._context)
            except Exception as error:
                doubted = self._unbuilt(frame, error, passed)
                if doubted is None:
                    raise
                return doubted
            if container.may_change or container.has_derived or entry.may_change:
                json = self._settled(frame, typed, final)
            typed = final
        self._node, self._path = frame.node or ANY, frame.path
        self.out.append(new_change(Change, ("complete", frame.path, typed)))
        self._store(typed, json)
        return False

    def _unbuilt(self, frame: Frame, error: Exception, around: int) -> bool | None:
        """Building raised: whether a union is to be asked what is wrong; None for an error that is no verdict."""
        if isinstance(error, (ValidationError, Refusal)):
            return self._close_wrong(frame, error, around)
        if self._omits(error):
            self._omit(frame.path, told=True)
            return False
        self._frame = frame  # it was told, and is left without a verdict
        return None

    def _close_strings(self, entry: Entry, children: dict[str, object]) -> bool:
        """Close an object that has no frame, since there are only strings in it that are right as they came."""
        typed: object = children
        if entry.container.build is not None:
            try:
                typed = entry.container.build(children, self._context)
            except Exception as error:
                doubted = self._unbuilt(self._framed(entry, children), error, 0)
                if doubted is None:
                    raise
                return doubted
        self.out.append(new_change(Change, ("complete", self._path, typed)))
        self._store(typed, None)
        return False

    def _framed(self, entry: Entry, children: dict[str, object]) -> Frame:
        """The frame of an object that has had none."""
        frame = Frame(entry, self._node, self._path, self._frame, None)
        frame.children, frame.key = children, next(reversed(children), "")
        return frame

    def _settled(self, frame: Frame, typed: object, final: object) -> Json:
        try:
            return emit_derived(self.out, frame, typed, final=final)
        except Exception:
            self._frame, self.undumped = frame, frame.undumped
            raise

    def _build(self, frame: Frame) -> object:
        container, children, build = frame.container, frame.children, frame.container.build
        if frame.bad or frame.omitted:
            children, build = frame.given(), container.recheck
        if build is None:
            return frame.children
        if container.deferred_fields and frame.pending:
            return self._build_waiting(frame)
        return build(children, self._context)
