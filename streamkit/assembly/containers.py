"""Containers: begin an item, open an object or array, and build its value when it closes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from pydantic_core import ValidationError

from streamkit.assembly.deferred import already_read, look_up
from streamkit.assembly.derived import emit_derived, emit_late
from streamkit.assembly.discarded import DiscardedItems, DiscardedMembers
from streamkit.assembly.frame import Frame
from streamkit.assembly.invalid import details, errors_of
from streamkit.assembly.state import NOT_EMITTED, emitted_json, new_change
from streamkit.assembly.values import read_due, store
from streamkit.assembly.verdicts import begin_trial, emit_invalid, is_omitted, mark_invalid, omit
from streamkit.changes.change import Change
from streamkit.schema.builder import WRONG, Raw, Refusal
from streamkit.schema.layers import Wrap
from streamkit.schema.nodes import ANY, Entry, Invalid, Node, Opening

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic_core import ErrorDetails

    from streamkit.assembly.state import AssemblyState, Wanted
    from streamkit.changes.change import Path
    from streamkit.changes.json_values import Json

__all__ = ["ask_union", "begin_item", "close_container", "close_frameless", "emit_open", "frame_of", "open_container"]


def begin_item(state: AssemblyState) -> None:
    """Move to the next item of the list being read."""
    frame = state.frame
    container = frame.container
    item, step = container.item, (len(frame.children),)
    state.node = container.at(*step) if item is None or container.items else item
    state.path = frame.path + step
    state.op = "add"
    if container.drops:
        begin_trial(state, frame)


def open_container(state: AssemblyState, entry: Entry, empty: Json) -> None:
    """Emit a container, empty, and descend into it."""
    container, parent, path = entry.container, state.frame, state.path
    emit_open(state, entry, empty)
    json: Json = None
    if container.may_change or entry.may_change or parent.json is not None:
        json = [] if container.is_list else {}
    state.frame = Frame(entry, state.node, path, parent, json)
    state.in_list = container.is_list
    if state.wanted is not None and not _is_kept(state, path, parent):
        state.frame.children = DiscardedItems() if container.is_list else DiscardedMembers()


def emit_open(state: AssemblyState, entry: Entry, empty: Json) -> None:
    """Emit a container, empty."""
    if state.node.probe is None:
        state.out.append(new_change(Change, (state.op, state.path, empty)))
    else:
        opening = Opening(state.op, state.path, empty)
        opening.entry = entry
        state.out.append(opening)


def _is_kept(state: AssemblyState, path: Path, parent: Frame) -> bool:
    """Whether a container is wanted, or is inside one that is."""
    inside = parent is not state.outside and parent.children.__class__ in (list, dict)
    return inside or cast("Wanted", state.wanted)(path)


def frame_of(state: AssemblyState, entry: Entry, children: dict[str, object]) -> Frame:
    """Make the frame of an object that was read without one."""
    frame = Frame(entry, state.node, state.path, state.frame, None)
    frame.children, frame.key = children, next(reversed(children), "")
    return frame


def close_container(state: AssemblyState) -> bool:
    """Build the value of the container that closes, emit its verdict and store it.

    Returns:
        Whether the container's raw text is needed, for a union to say what is invalid.
    """
    frame = state.frame
    container, children, entry = frame.container, frame.children, frame.entry
    state.frame = frame.parent
    state.in_list = state.frame.container.is_list
    if container.lookups:
        read_due(state, frame, look_up(frame, final=True))
    typed: object = children
    json = frame.json
    if frame.has_invalid or container.build is not None or entry.wraps:
        passed = 0
        try:
            typed = final = _build(state, frame)
            for layer in entry.layers:
                passed += 1
                if isinstance(layer, Wrap):
                    final = layer.make(final, state.context)
        except Exception as error:
            text_needed = _close_failed(state, frame, error, passed)
            if text_needed is None:
                raise
            return text_needed
        if container.may_change or container.has_derived or entry.may_change:
            json = _finish(state, frame, typed, final)
        typed = final
    state.node, state.path = frame.node or ANY, frame.path
    state.out.append(new_change(Change, ("complete", frame.path, typed)))
    store(state, typed, json)
    return False


def close_frameless(state: AssemblyState, entry: Entry, children: dict[str, object]) -> bool:
    """Close an object that has no frame, because it holds only strings that need no validation.

    Returns:
        As `close_container`.
    """
    typed: object = children
    if entry.container.build is not None:
        try:
            typed = entry.container.build(children, state.context)
        except Exception as error:
            text_needed = _close_failed(state, frame_of(state, entry, children), error, 0)
            if text_needed is None:
                raise
            return text_needed
    state.out.append(new_change(Change, ("complete", state.path, typed)))
    store(state, typed, NOT_EMITTED)
    return False


def ask_union(state: AssemblyState, frame: Frame, text: str) -> None:
    """Let a union report what is invalid in a value that its only remaining candidate refused."""
    state.doubted = None
    node = cast("Node", frame.node)
    try:
        node.read(text, state.context)
    except ValidationError as error:
        errors = details(error)
    else:
        raise AssertionError("the union accepts a value that its only candidate refuses")
    children = frame.children if frame.container.is_list else frame.children.values()
    reported = {
        (*frame.entry.label, key, *each["loc"])
        for key, child in zip(frame.children, children, strict=True)
        if isinstance(child, Invalid) and child.told
        for each in child.errors
    }
    _close_invalid(state, frame, errors, [each for each in errors if each["loc"] not in reported])


def _build(state: AssemblyState, frame: Frame) -> object:
    container, children, build = frame.container, frame.children, frame.container.build
    if frame.has_invalid or frame.omitted:
        children, build = frame.build_input(), container.recheck
    if build is None:
        return frame.children
    if container.deferred_fields and frame.pending:
        return _build_with_deferred(state, frame)
    return build(children, state.context)


def _build_with_deferred(state: AssemblyState, frame: Frame) -> object:
    """Build an object with fields that still wait for defaults: building it validates them."""
    container = frame.container
    raws = {
        key: Raw(frame.buffered[key], container.step(key)) for key in container.deferred_fields if key in frame.pending
    }
    build = cast("Callable[[Any, object], object]", container.recheck)
    try:
        return build({**frame.build_input(), **raws}, state.context)
    except ValidationError as error:
        found = [each for each in details(error) if not any(raw.concerns(each) for raw in raws.values())]
    for key, raw in raws.items():
        if raw.errors or raw.valid:
            frame.pending.discard(key)
            read_due(state, frame, [already_read(frame, key, raw)])
        if raw.errors:
            invalid_child: Any = {
                "type": WRONG,
                "loc": (raw.step,),
                "msg": "",
                "input": [*frame.children].index(key),
            }
            found.append(invalid_child)
    raise Refusal(found)


def _finish(state: AssemblyState, frame: Frame, typed: object, final: object) -> Json:
    try:
        return emit_derived(state.out, frame, typed, final=final)
    except Exception:
        state.frame, state.dump_failed_at = frame, frame.dump_failed_at
        raise


def _close_failed(state: AssemblyState, frame: Frame, error: Exception, passed: int) -> bool | None:
    """Building a container raised: return whether its raw text is needed; None if the error is no verdict.

    Args:
        state: the state of the text being read.
        frame: the container.
        error: what was raised.
        passed: number of layers around the container that were already applied.
    """
    if isinstance(error, (ValidationError, Refusal)):
        if frame.entry.doubtful:
            state.doubted = frame
            return True
        _close_invalid(state, frame, *errors_of(frame, details(error), passed))
        return False
    if is_omitted(state, error):
        omit(state, frame.path, emitted=True)
        return False
    state.frame = frame  # it was emitted, and stays open, without a verdict
    return None


def _close_invalid(
    state: AssemblyState, frame: Frame, errors: list[ErrorDetails], unreported: list[ErrorDetails]
) -> None:
    emit_late(state.out, frame)
    emit_invalid(state, frame.node or ANY, frame.path, errors, unreported)
    mark_invalid(state)
    store(state, Invalid(errors, emitted_json(frame, NOT_EMITTED), told=True), frame.json)
