"""What a type adds to a value when it is built: defaults, computed fields, and changes made by user code."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import BaseModel, RootModel
from pydantic_core import MISSING, to_jsonable_python

from streamkit.assembly.revision import Revision, WithComputed, marked, unchanged
from streamkit.changes.change import Change
from streamkit.changes.expand import expand
from streamkit.changes.json_values import is_object
from streamkit.schema.nodes import Computed, Invalid

if TYPE_CHECKING:
    from streamkit.assembly.frame import Frame
    from streamkit.changes.change import Op, Path
    from streamkit.changes.json_values import Json

__all__ = ["emit_derived", "emit_late"]


def emit_derived(out: list[Change], frame: Frame, typed: Any, *, final: object) -> Json:
    """Emit what a built value has beyond its received children.

    Args:
        out: receives the changes.
        frame: the container that has closed.
        typed: the value built from its children.
        final: the value after root models and `after` validators.

    Returns:
        The JSON form of the value; only used where a container around it may be changed by user code.
    """
    container, entry = frame.container, frame.entry
    revised = container.may_change or entry.may_change
    owner = _unwrapped(final)
    owned = container.cls is not None and isinstance(owner, container.cls)
    if container.polymorphic and type(owner) is not container.cls:
        owned = False  # it is dumped as an instance of its own class
    if revised:
        # Its own computed fields are emitted below; those inside it were computed once, when they were emitted.
        names = _field_names(frame, owner) if owned else None
        dump, value = (container.dump, owner) if owned or entry.dump is None else (entry.dump, final)
        dumped: Any = _dumped(frame, dump.plain, value, names)
        if not unchanged(frame.json, dumped):
            revision = Revision(out, len(frame.path), lambda: _dumped(frame, dump, value, names))
            revision.reconcile(frame.path, frame.json, dumped, value, _finished_children(frame))
    elif container.is_list:
        return _emit_missing_items(out, frame, typed)
    else:
        dumped = _emit_missing_fields(out, frame, typed)
    if is_object(dumped):
        dumped = dict(dumped) if revised or frame.json is None else {**frame.json, **dumped}
    if container.computed and owned:
        for field in container.computed:
            value = _computed(frame, owner, field)
            if value is not None:
                dumped[field.name] = value.json
                expand(out, "add", (*frame.path, field.name), value.json, value.typed)
        return WithComputed(dumped, [field.name for field in container.computed])
    return cast("Json", dumped)


def _dumped(frame: Frame, dump: Callable[..., Any], value: object, names: set[str] | None) -> Any:
    try:
        return dump(value, names)
    except Exception:
        frame.dump_failed_at = (*frame.path, *_failing_field(dump, value, names or ()))
        raise


def _failing_field(dump: Callable[..., Any], value: object, names: Collection[str]) -> Path:
    """The step to the field whose serializer raises; empty if no single field does."""
    for name in sorted(names):
        try:
            dump(value, {name})
        except Exception:  # noqa: BLE001  # user code: a serializer may raise anything
            return (name,)
    return ()


class _Value(NamedTuple):
    """The value of a computed field, and its JSON form."""

    typed: object
    json: Json


def _computed(frame: Frame, owner: object, field: Computed) -> _Value | None:
    """Compute a field; None if the model's dump excludes it."""
    name = field.name
    try:
        value = getattr(owner, name)
        if value is MISSING or (field.leaves_out is not None and field.leaves_out(value)):
            return None
        return _Value(value, field.dump(value) if field.dump is not None else frame.container.dump(owner, {name})[name])
    except Exception:
        frame.dump_failed_at = (*frame.path, name)
        raise


def _unwrapped(value: object) -> object:
    while isinstance(value, RootModel):
        value = cast("object", value.root)  # pyright: ignore[reportUnknownMemberType]  # any root
    return value


def _field_names(frame: Frame, owner: object) -> set[str] | None:
    if frame.container.is_list:
        return None
    extras = owner.__pydantic_extra__ or {} if isinstance(owner, BaseModel) else {}
    return {*extras, *frame.container.fields} - {field.name for field in frame.container.computed}


def _finished_children(frame: Frame) -> dict[str | int, object]:
    """The finished children, by the last step of their paths."""
    if frame.container.is_list:
        return dict(enumerate(cast("list[object]", frame.children)))
    return {frame.container.place(key).name: typed for key, typed in frame.children.items()}


def _emit_missing_items(out: list[Change], frame: Frame, typed: Any) -> Json:
    """Emit the last items of a named tuple that were not received: their defaults."""
    received = len(frame.children)
    if received == len(typed):
        return cast("Json", frame.json)
    dumped = _dumped(frame, frame.container.dump, typed, None)
    for index in range(received, len(dumped)):
        expand(out, "add", (*frame.path, index), dumped[index], typed[index])
    return _to_compare(frame, cast("Json", dumped), typed)


def _emit_missing_fields(out: list[Change], frame: Frame, typed: object) -> dict[str, Json]:
    """Emit the fields that were not received, and the late ones; return their JSON forms."""
    container = frame.container
    received = frame.received_names()
    late = {child.name for child in container.children.values() if child.node.late}
    names = {
        child.name: child.node
        for child in container.children.values()
        if not child.node.silent and (child.name in late or child.name not in received)
    }
    if not names:
        return {}
    dumped = cast("dict[str, Json]", _dumped(frame, container.dump, typed, set(names)))
    for name in names:
        if name in dumped:
            op: Op = "replace" if name in frame.emitted_late else "add"
            expand(out, op, (*frame.path, name), dumped[name], _field(typed, name))
        elif name in frame.emitted_late:
            out.append(Change("remove", (*frame.path, name)))
    return cast("dict[str, Json]", _to_compare(frame, dumped, typed, set(names)))


def _to_compare(frame: Frame, json: Json, typed: object, names: set[str] | None = None) -> Json:
    """The JSON form; computed fields in it are marked where it is compared later."""
    dump = frame.container.dump
    return marked(json, dump.plain(typed, names)) if frame.json is not None and dump.computes else json


def _field(typed: object, name: str) -> object:
    if isinstance(typed, Mapping):
        return cast("Mapping[str, object]", typed)[name]
    # `getattr` only as a fallback: pydantic warns when a deprecated field is read by it.
    fields = cast("Mapping[str, object]", getattr(typed, "__dict__", {}))
    return fields[name] if name in fields else getattr(typed, name)


def emit_late(out: list[Change], frame: Frame) -> None:
    """Emit the late fields of an object that could not be built: plainly, since its serializer needs the object."""
    if frame.container.later:
        for key, typed in frame.children.items():
            child = frame.container.place(key)
            if child.node.late and not isinstance(typed, Invalid):
                json = cast("Json", to_jsonable_python(typed, fallback=repr))
                op: Op = "replace" if child.name in frame.emitted_late else "add"
                expand(out, op, (*frame.path, child.name), json, typed)
