"""Fields that are read later than their text arrives.

Two kinds: a *deferred* field has a validator that takes the fields declared before it, so it is read once those
are finished. A *looked up* field (`AliasChoices`, `AliasPath`) may be in several places of the object.

These functions keep the texts of such members in the frame, and yield each field as it becomes due. They must be
consumed lazily: reading one field can make the next one due.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from streamkit.changes.change import Change
from streamkit.schema.lookup import find

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from streamkit.assembly.frame import Frame
    from streamkit.schema.builder import Raw
    from streamkit.schema.nodes import Node

__all__ = ["Due", "already_read", "defer", "look_up", "resolve"]


class Due(NamedTuple):
    """A field that can be read now.

    Attributes:
        key: its key in the container.
        text: its JSON text.
        node: how to read it; None for the node that the container has for the key.
    """

    key: str
    text: str
    node: Node | None = None


def defer(out: list[Change], frame: Frame, node: Node, text: str) -> Iterator[Due]:
    """Keep the text of the member being read; yield the fields that are due because of it.

    Args:
        out: receives a `remove` for each looked up field whose place was overwritten by a repeated key.
        frame: the object; `frame.key` is the member's key.
        node: the member's node.
        text: its JSON text.
    """
    key = frame.key
    repeated = key in frame.buffered
    frame.buffered[key] = text
    feeds = frame.container.feeds.get(key)
    if feeds is not None and node.silent and key not in frame.container.children:
        if repeated:
            _forget_found(out, frame, feeds)
        yield from look_up(frame, final=False)
        return
    frame.pending.add(key)
    yield from resolve(frame, repeated=repeated)


def _forget_found(out: list[Change], frame: Frame, own_keys: Sequence[str]) -> None:
    for own in own_keys:
        if frame.found.pop(own, None) is not None and frame.children.pop(own, None) is not None:
            child = frame.container.children[own]
            if not child.node.silent and not child.node.late:
                out.append(Change("remove", (*frame.path, child.name)))
                if frame.json is not None:
                    frame.json.pop(child.name, None)


def look_up(frame: Frame, *, final: bool) -> Iterator[Due]:
    """Yield the looked up fields that are found; `final`: the object is closed, so no better place can follow."""
    container = frame.container
    for own, paths in container.lookups.items():
        direct = container.direct[own]
        if own in frame.found or direct in frame.children or direct in frame.pending:
            continue
        found = find(frame.buffered, paths, final=final)
        if found is not None:
            frame.found[own], text = found
            yield Due(own, text)


def resolve(frame: Frame, *, repeated: bool) -> Iterator[Due]:
    """Yield the deferred fields whose needed fields are all there; again, where one of those was repeated."""
    container = frame.container
    places = container.children
    changed = places[frame.key].name if frame.key in places else None
    for key, needs in container.deferred_fields.items():
        if repeated and changed in needs and key in frame.buffered:
            frame.pending.add(key)
    for key, needs in container.deferred_fields.items():
        ready = key in frame.pending and frame.received_names().issuperset(needs)
        if ready and not any(places[other].name in needs for other in frame.pending):
            frame.pending.discard(key)
            yield Due(key, frame.buffered[key], _resolving(frame, key))


def _resolving(frame: Frame, key: str) -> Node:
    """The node of a deferred field: its reader passes on the fields before it."""
    resolve_field = cast("Callable[[str, Any, str, object], object]", frame.container.resolve)

    def read(text: str, context: object) -> object:
        return resolve_field(key, frame.build_input(), text, context)

    return replace(frame.container.children[key].node, deferred=False, read=read)


def already_read(frame: Frame, key: str, raw: Raw) -> Due:
    """Return a field that was validated while the whole object was built: reading it repeats the outcome."""

    def read(text: str, context: object) -> object:
        return raw.outcome()

    return Due(key, raw.text, replace(frame.container.children[key].node, deferred=False, read=read))
