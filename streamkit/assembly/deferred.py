"""`Deferred`: fields that wait for others of their object, or that may stand in several places of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import ValidationError

from streamkit.assembly.frame import Frame
from streamkit.assembly.invalid import details
from streamkit.assembly.verdicts import Verdicts
from streamkit.changes.change import Change
from streamkit.schema.builder import WRONG, Raw, Refusal
from streamkit.schema.lookup import find
from streamkit.schema.nodes import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Deferred"]


class Deferred(Verdicts):
    """Keeps the text of such fields, and reads it when what they wait for is there."""

    def _read(self, text: str) -> None:
        """Read a value that is whole; the assembler does."""
        raise NotImplementedError

    def _defer(self, text: str) -> None:
        """A member whose value cannot be made yet."""
        frame = self._frame
        key = frame.key
        twice = key in frame.buffered
        frame.buffered[key] = text
        feeds = frame.container.feeds.get(key)
        if feeds is not None and self._node.silent and key not in frame.container.children:
            if twice:
                self._forget(frame, feeds)
            self._look_up(frame, final=False)
            return
        frame.pending.add(key)
        self._resolve(frame, twice=twice)

    def _forget(self, frame: Frame, owns: Sequence[str]) -> None:
        """Where these fields were found, something else has come."""
        for own in owns:
            if frame.found.pop(own, None) is not None and frame.children.pop(own, None) is not None:
                child = frame.container.children[own]
                if not child.node.silent and not child.node.late:
                    self.out.append(Change("remove", (*frame.path, child.name)))
                    if frame.json is not None:
                        frame.json.pop(child.name, None)

    def _look_up(self, frame: Frame, *, final: bool) -> None:
        """Find the values of fields that may stand in several places; finally, whatever has not come will not."""
        container = frame.container
        for own, paths in container.lookups.items():
            direct = container.direct[own]
            if own in frame.found or direct in frame.children or direct in frame.pending:
                continue
            found = find(frame.buffered, paths, final=final)
            if found is not None:
                frame.found[own], text = found
                self._as_child(frame, own, text)

    def _as_child(self, frame: Frame, key: str, text: str, node: Node | None = None) -> None:
        """Read a child of an open object out of its turn."""
        child = frame.container.children[key]
        around = self._frame, self._in_list
        turn = frame.key
        self._frame, self._in_list = frame, False
        frame.key = key
        self._node, self._path = node or child.node, (*frame.path, child.name)
        self._op = "replace" if key in frame.children else "add"
        self._read(text)
        frame.key = turn
        self._frame, self._in_list = around

    def _resolve(self, frame: Frame, *, twice: bool) -> None:
        """Validate the fields that wait for no other any more; again, where one of those has come again."""
        container = frame.container
        places = container.children
        changed = places[frame.key].name if frame.key in places else None
        for key, needs in container.deferred_fields.items():
            if twice and changed in needs and key in frame.buffered:
                frame.pending.add(key)
        for key, needs in container.deferred_fields.items():
            if key in frame.pending and frame.names().issuperset(needs) and not self._unsettled(frame, needs):
                frame.pending.discard(key)
                self._as_child(frame, key, frame.buffered[key], _resolving(frame, key))

    @staticmethod
    def _unsettled(frame: Frame, needs: Sequence[str]) -> bool:
        places = frame.container.children
        return any(places[key].name in needs for key in frame.pending)

    def _build_waiting(self, frame: Frame) -> object:
        """Build an object some of whose fields wait for defaults: they are validated on the way."""
        container = frame.container
        raws = {
            key: Raw(frame.buffered[key], container.step(key))
            for key in container.deferred_fields
            if key in frame.pending
        }
        build = cast("Callable[[Any, object], object]", container.recheck)
        try:
            return build({**frame.given(), **raws}, self._context)
        except ValidationError as error:
            found = [each for each in details(error) if not any(raw.concerns(each) for raw in raws.values())]
        for key, raw in raws.items():
            if raw.errors or raw.valid:
                frame.pending.discard(key)
                node = replace(container.children[key].node, deferred=False, read=_outcome(raw))
                self._as_child(frame, key, raw.text, node)
            if raw.errors:
                place: Any = {"type": WRONG, "loc": (raw.step,), "msg": "", "input": [*frame.children].index(key)}
                found.append(place)
        raise Refusal(found)


def _resolving(frame: Frame, key: str) -> Node:
    """The node of a field that has waited for those before it."""
    resolve = cast("Callable[[str, Any, str, object], object]", frame.container.resolve)

    def read(text: str, context: object) -> object:
        return resolve(key, frame.given(), text, context)

    return replace(frame.container.children[key].node, deferred=False, read=read)


def _outcome(raw: Raw) -> Callable[[str, object], object]:
    """What was found of a value that is known already."""

    def read(text: str, context: object) -> object:
        return raw.outcome()

    return read
