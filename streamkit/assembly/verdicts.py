"""Invalid values, dropped items and omitted fields: what is emitted for them, and what is withdrawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from pydantic_core import PydanticOmit, SchemaError

from streamkit.assembly.state import NOT_EMITTED
from streamkit.changes.change import Change, Dropped, Op, Path
from streamkit.changes.expand import expand, expand_invalid
from streamkit.errors import InvalidResult
from streamkit.schema.labels import below
from streamkit.schema.nodes import Invalid

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from streamkit.assembly.frame import Frame
    from streamkit.assembly.state import AssemblyState
    from streamkit.changes.json_values import Json
    from streamkit.schema.nodes import Node

__all__ = [
    "begin_trial",
    "emit_invalid",
    "is_absent",
    "is_dropped",
    "is_omitted",
    "late_op",
    "mark_invalid",
    "omit",
    "withdraw",
]


def emit_invalid(
    state: AssemblyState, node: Node, path: Path, errors: list[ErrorDetails], unreported: list[ErrorDetails]
) -> None:
    """Emit the `invalid` of a value.

    Args:
        state: the state of the text being read.
        node: the value's node.
        path: the value's path.
        errors: all errors of the value; at the root, all are emitted.
        unreported: those that no value below has emitted.

    Raises:
        InvalidResult: the type or the stage asked for `on_invalid="raise"`.
    """
    if state.frame is state.outside:
        state.errors = unreported = errors
    else:
        loc = state.location(state.frame, child=True)
        unreported = [below(loc, error) for error in unreported]
    state.out.append(Change("invalid", path, unreported))
    if (node.on_invalid or state.on_invalid) == "raise":
        raise InvalidResult(unreported, path=path)


def mark_invalid(state: AssemblyState) -> None:
    """Note in the surrounding container that a child is invalid, unless the child will be dropped."""
    if not (state.in_list and state.frame.container.drops):
        state.frame.has_invalid = True


def late_op(state: AssemblyState, path: Path) -> Op:
    """Return the op for a late field that is invalid, and so is emitted before its object is built."""
    name, frame = str(path[-1]), state.frame
    op: Op = "replace" if name in frame.emitted_late else "add"
    frame.emitted_late = {*frame.emitted_late, name}
    return op


# -- items that may be dropped -------------------------------------------------------------------------


def begin_trial(state: AssemblyState, frame: Frame) -> None:
    """Buffer the changes of an item until it is known to be valid."""
    state.trials.append((frame, state.out))
    state.out = []


def is_dropped(state: AssemblyState, frame: Frame, typed: object) -> bool:
    """End the trial of an item: emit its buffered changes, or a `Dropped` in their place."""
    _, out = state.trials.pop()
    if not isinstance(typed, Invalid):
        out += state.out
        state.out = out
        return False
    state.out = out
    source = len(frame.children) + frame.dropped
    frame.dropped += 1
    loc = (*state.location(frame), source)
    state.out.append(Dropped("invalid", frame.path, [below(loc, error) for error in typed.errors]))
    return True


# -- values that user code omits -----------------------------------------------------------------------


def is_absent(state: AssemblyState, error: Exception) -> bool:
    """Tell whether a validator raised `PydanticUseDefault`: the field counts as not received."""
    frame = state.frame
    if frame.container.is_list or frame.key not in frame.container.children:
        return False
    return isinstance(error, SchemaError) and "UseDefault" in str(error)


def is_omitted(state: AssemblyState, error: Exception) -> bool:
    """Tell whether a validator raised `PydanticOmit` where an item or field can be omitted."""
    if not isinstance(error, PydanticOmit) and not (isinstance(error, SchemaError) and "Omit" in str(error)):
        return False
    frame = state.frame
    container = frame.container
    return state.in_list or container.every_counts or (container.omits and frame.key in container.children)


def omit(state: AssemblyState, path: Path, *, emitted: bool) -> None:
    """Omit the value being read; `emitted`: withdraw what was emitted for it."""
    frame = state.frame
    if state.in_list:
        frame.omit(len(frame.children))
        if frame.container.drops:
            state.out = state.trials.pop()[1]
            return
    elif frame.container.every_counts and frame.key in frame.children:
        if emitted:
            _restore(state, frame.container.place(frame.key).node, path, frame.children[frame.key])
        return
    elif not frame.container.every_counts:
        frame.omit(frame.key)
        withdraw(state, path, emitted=emitted)
        return
    if emitted:
        state.out.append(Change("remove", path))


def withdraw(state: AssemblyState, path: Path, *, emitted: bool) -> None:
    """Treat a field as not received; an earlier value of a repeated key is withdrawn, too."""
    frame = state.frame
    emitted |= frame.children.pop(frame.key, NOT_EMITTED) is not NOT_EMITTED and not state.node.silent
    if frame.json is not None:
        frame.json.pop(path[-1], None)
    if emitted:
        state.out.append(Change("remove", path))


def _restore(state: AssemblyState, node: Node, path: Path, before: object) -> None:
    """Emit the first value of a repeated key in a dict again: the second was emitted, and then omitted."""
    if isinstance(before, Invalid):
        expand_invalid(state.out, "replace", path, cast("Json", before.json))
        emit_invalid(state, node, path, before.errors, before.errors)
    else:
        expand(state.out, "replace", path, node.json_of(before), before)
