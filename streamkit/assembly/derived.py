"""What a type itself puts into a value when it is built: defaults, computed fields, changes by user code."""

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
    """Tell what was not told before of a value that is built; return its JSON form, if somebody is to compare.

    Args:
        out: where the changes go.
        frame: the container that has closed.
        typed: the value that was built of its children.
        final: what root models and `after` validators made of that.
    """
    container, entry = frame.container, frame.entry
    revised = container.may_change or entry.may_change
    owner = _unwrapped(final)
    owned = container.cls is not None and isinstance(owner, container.cls)
    if container.polymorphic and type(owner) is not container.cls:
        owned = False  # it is dumped as what it is
    if revised:
        # Its own computed fields are told below; those inside it were computed once, when they were told.
        names = _field_names(frame, owner) if owned else None
        dump, value = (container.dump, owner) if owned or entry.dump is None else (entry.dump, final)
        dumped: Any = _dumped(frame, dump.plain, value, names)
        if not unchanged(frame.json, dumped):
            revision = Revision(out, len(frame.path), lambda: _dumped(frame, dump, value, names))
            revision.reconcile(frame.path, frame.json, dumped, value, _told_children(frame))
    elif container.is_list:
        return _settle_items(out, frame, typed)
    else:
        dumped = _tell_missing(out, frame, typed)
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
        frame.undumped = (*frame.path, *_culprit(dump, value, names or ()))
        raise


def _culprit(dump: Callable[..., Any], value: object, names: Collection[str]) -> Path:
    """The step to the field whose dump raises; none where it is not one of them alone."""
    for name in sorted(names):
        try:
            dump(value, {name})
        except Exception:  # noqa: BLE001  # a serializer of the user's
            return (name,)
    return ()


class _Value(NamedTuple):
    """A computed field has this value, and this JSON form."""

    typed: object
    json: Json


def _computed(frame: Frame, owner: object, field: Computed) -> _Value | None:
    """What a computed field tells; None where the model's dump goes without it."""
    name = field.name
    try:
        value = getattr(owner, name)
        if value is MISSING or (field.leaves_out is not None and field.leaves_out(value)):
            return None
        return _Value(value, field.dump(value) if field.dump is not None else frame.container.dump(owner, {name})[name])
    except Exception:
        frame.undumped = (*frame.path, name)
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


def _told_children(frame: Frame) -> dict[str | int, object]:
    """The finished children by the step that paths take to them."""
    if frame.container.is_list:
        return dict(enumerate(cast("list[object]", frame.children)))
    return {frame.container.place(key).name: typed for key, typed in frame.children.items()}


def _settle_items(out: list[Change], frame: Frame, typed: Any) -> Json:
    """Tell the last items of a named tuple, which did not come."""
    told = len(frame.children)
    if told == len(typed):
        return cast("Json", frame.json)
    dumped = _dumped(frame, frame.container.dump, typed, None)
    for index in range(told, len(dumped)):
        expand(out, "add", (*frame.path, index), dumped[index], typed[index])
    return _to_compare(frame, cast("Json", dumped), typed)


def _tell_missing(out: list[Change], frame: Frame, typed: object) -> dict[str, Json]:
    """Tell the fields that did not come, or could not be told before; return their JSON forms."""
    container = frame.container
    come = frame.names()
    late = {child.name for child in container.children.values() if child.node.late}
    names = {
        child.name: child.node
        for child in container.children.values()
        if not child.node.silent and (child.name in late or child.name not in come)
    }
    if not names:
        return {}
    dumped = cast("dict[str, Json]", _dumped(frame, container.dump, typed, set(names)))
    for name in names:
        if name in dumped:
            op: Op = "replace" if name in frame.late else "add"
            expand(out, op, (*frame.path, name), dumped[name], _field(typed, name))
        elif name in frame.late:
            out.append(Change("remove", (*frame.path, name)))
    return cast("dict[str, Json]", _to_compare(frame, dumped, typed, set(names)))


def _to_compare(frame: Frame, json: Json, typed: object, names: set[str] | None = None) -> Json:
    """The JSON form, with what is computed in it marked where somebody is to compare."""
    dump = frame.container.dump
    return marked(json, dump.plain(typed, names)) if frame.json is not None and dump.computes else json


def _field(typed: object, name: str) -> object:
    if isinstance(typed, Mapping):
        return cast("Mapping[str, object]", typed)[name]
    # Not by `getattr` where it can be helped: pydantic warns of whoever asks for a deprecated field.
    fields = cast("Mapping[str, object]", getattr(typed, "__dict__", {}))
    return fields[name] if name in fields else getattr(typed, name)


def emit_late(out: list[Change], frame: Frame) -> None:
    """Without the object there is no serializer for fields that wait for it: show them plainly."""
    if frame.container.later:
        for key, typed in frame.children.items():
            child = frame.container.place(key)
            if child.node.late and not isinstance(typed, Invalid):
                json = cast("Json", to_jsonable_python(typed, fallback=repr))
                op: Op = "replace" if child.name in frame.late else "add"
                expand(out, op, (*frame.path, child.name), json, typed)
