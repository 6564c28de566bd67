"""Finished values: validate one, emit it, and store it in the container around it."""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import PydanticOmit, SchemaError, ValidationError

from streamkit.assembly.deferred import defer, resolve
from streamkit.assembly.invalid import details
from streamkit.assembly.revision import marked
from streamkit.assembly.state import NOT_EMITTED, new_change
from streamkit.assembly.verdicts import (
    emit_invalid,
    is_absent,
    is_dropped,
    is_omitted,
    late_op,
    mark_invalid,
    omit,
    withdraw,
)
from streamkit.changes.change import Change
from streamkit.changes.expand import expand, expand_invalid
from streamkit.changes.json_values import same_json
from streamkit.schema.builder import Refusal
from streamkit.schema.nodes import IGNORED, Container, Invalid, Node
from streamkit.text.json_text import read_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamkit.assembly.deferred import Due
    from streamkit.assembly.frame import Frame
    from streamkit.assembly.state import AssemblyState
    from streamkit.changes.json_values import Json
    from streamkit.schema.dumpers import Dump

__all__ = ["close_string", "guess_literal", "read_due", "read_value", "store"]


def store(state: AssemblyState, typed: object, json: Json) -> None:
    """Give a finished value to the container around it.

    Args:
        state: the state of the text being read.
        typed: the typed value, or an `Invalid`.
        json: the JSON form that was emitted; `NOT_EMITTED` if there is none.
    """
    frame = state.frame
    if state.in_list:
        if frame.container.drops and is_dropped(state, frame, typed):
            return
        frame.children.append(typed)
        if frame.json is not None and json is not NOT_EMITTED:
            frame.json.append(json)
        return
    children = frame.children
    before = children.get(frame.key) if frame.has_invalid else None
    if isinstance(before, Invalid) and _keeps_earlier_errors(frame.container, frame.key):
        more = typed.errors if isinstance(typed, Invalid) else []
        typed = Invalid([*before.errors, *more], before.json, told=True)
    repeated = frame.key in children
    children[frame.key] = typed
    if frame.json is not None and json is not NOT_EMITTED:
        frame.json[frame.container.place(frame.key).name] = json
    if frame.container.deferred_fields:
        read_due(state, frame, resolve(frame, repeated=repeated))


def _keeps_earlier_errors(container: Container, key: str) -> bool:
    """Whether the errors of a value count although its key was repeated."""
    return container.every_counts or (container.every_extra_counts and key not in container.children)


def close_string(state: AssemblyState, node: Node, text: str) -> None:
    """Finish a string that was emitted as it grew."""
    typed: object = text
    json: Any = text
    path = state.path
    if node.check is not None:
        try:
            typed = node.check(text, state.context)
            json = typed if node.dump is None else _dumped(state, node, typed)
        except ValidationError as error:
            _close_invalid(state, error, text)
            return
        except Exception as error:
            if is_omitted(state, error):
                omit(state, path, emitted=True)
                return
            if is_absent(state, error):
                withdraw(state, path, emitted=True)
                return
            state.busy, state.streaming, state.pieces = True, True, [text]  # it stays open, without a verdict
            raise
        if json is not text and not same_json(json, text):
            expand(state.out, "replace", path, json, typed)
            store(state, typed, json)
            return
    state.out.append(new_change(Change, ("complete", path, typed)))
    store(state, typed, json)


def read_value(state: AssemblyState, text: str) -> None:
    """Read a value that was buffered, or is a number or a literal; `text` is its JSON text."""
    node, path = state.node, state.path
    if node is IGNORED:
        return
    if node.deferred:
        read_due(state, state.frame, defer(state.out, state.frame, node, text))
        return
    try:
        typed = node.read(text, state.context)
    except (SchemaError, PydanticOmit) as error:
        if not _leave_out(state, error):
            raise
        return
    except (ValidationError, Refusal) as error:
        _read_invalid(state, error, read_json(text))
        return
    if node.silent or node.late:
        store(state, typed, NOT_EMITTED)
        return
    json: Any = typed if node.dump is None else _dumped(state, node, typed)
    if json.__class__ is dict or json.__class__ is list:
        expand(state.out, state.op, path, json, typed)
        json = _to_compare(state, node, typed, json)
    else:
        if state.eager_value is not NOT_EMITTED:
            state.eager_value = NOT_EMITTED
        else:
            state.out.append(new_change(Change, (state.op, path, json)))
        state.out.append(new_change(Change, ("complete", path, typed)))
    store(state, typed, json)


def _leave_out(state: AssemblyState, error: Exception) -> bool:
    """Leave out a value that was not emitted, if its validator asked for that."""
    if is_omitted(state, error):
        omit(state, state.path, emitted=False)
    elif is_absent(state, error):
        withdraw(state, state.path, emitted=False)
    else:
        return False
    return True


def read_due(state: AssemblyState, frame: Frame, due_fields: Iterable[Due]) -> None:
    """Read fields of an open object out of turn, each as it becomes due."""
    for key, text, node in due_fields:
        child = frame.container.children[key]
        around = state.frame, state.in_list
        turn = frame.key
        state.frame, state.in_list = frame, False
        frame.key = key
        state.node, state.path = node or child.node, (*frame.path, child.name)
        state.op = "replace" if key in frame.children else "add"
        read_value(state, text)
        frame.key = turn
        state.frame, state.in_list = around


def guess_literal(state: AssemblyState) -> None:
    """Emit an open literal as soon as only one candidate begins with its text."""
    if state.eager_value is not NOT_EMITTED:
        return
    node, begun = state.node, "".join((*state.blocks, *state.pieces))
    possible = [text for text in node.eager if text.startswith(begun)]
    if len(possible) == 1:
        typed = node.read(encode_basestring(possible[0]), state.context)
        state.eager_value = typed if node.dump is None else node.dump(typed)
        state.out.append(Change(state.op, state.path, state.eager_value))


def _read_invalid(state: AssemblyState, error: ValidationError | Refusal, received: Json) -> None:
    """Emit a value that was refused, and its verdict."""
    node, path = state.node, state.path
    op = late_op(state, path) if node.late else state.op
    if state.eager_value is not NOT_EMITTED:
        op, state.eager_value = "replace", NOT_EMITTED
    if not node.silent:
        expand_invalid(state.out, op, path, received)
    _close_invalid(state, error, received)


def _close_invalid(state: AssemblyState, error: ValidationError | Refusal, json: Json) -> None:
    """Emit the verdict of a value that was refused; the value itself has been emitted."""
    errors = details(error)
    node = state.node
    if not node.silent:
        emit_invalid(state, node, state.path, errors, errors)
    mark_invalid(state)
    store(state, Invalid(errors, json, told=not node.silent), NOT_EMITTED if node.silent else json)


def _dumped(state: AssemblyState, node: Node, typed: object) -> Json:
    try:
        return cast("Json", cast("Dump", node.dump)(typed))
    except Exception:
        state.dump_failed_at = state.path
        raise


def _to_compare(state: AssemblyState, node: Node, typed: object, json: Json) -> Json:
    """The JSON form of a buffered value; computed fields in it are marked where it is compared later."""
    if state.frame.json is None or node.dump is None or not node.dump.computes:
        return json
    return marked(json, cast("Json", node.dump.plain(typed)))
