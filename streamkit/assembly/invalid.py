"""The errors of invalid values, as pydantic words them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from streamkit.assembly.frame import received_json
from streamkit.schema.builder import WRONG, Refusal
from streamkit.schema.labels import below
from streamkit.schema.layers import Member

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails, ValidationError

    from streamkit.assembly.frame import Frame
    from streamkit.schema.nodes import Invalid

__all__ = ["details", "errors_of"]

_EXTRA = ("extra_forbidden", "unexpected_keyword_argument")


def details(error: ValidationError | Refusal) -> list[ErrorDetails]:
    """Return the error details, without tracebacks: their frames would keep the whole document alive."""
    found = error.details if isinstance(error, Refusal) else error.errors()
    for detail in found:
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Exception):
            cause.__traceback__ = None
    return found


def errors_of(
    frame: Frame, found: Sequence[ErrorDetails], passed: int
) -> tuple[list[ErrorDetails], list[ErrorDetails]]:
    """Return all errors of a container that could not be built, and those of them that were not emitted yet.

    Args:
        frame: the container.
        found: the errors raised by building it; they name an invalid child by its position among the children.
        passed: number of layers around the container that were already applied.
    """
    received = cache(lambda: received_json(frame))
    errors: list[ErrorDetails] = []
    unreported: list[ErrorDetails] = []
    keys: Sequence[Any] = range(len(frame.children)) if frame.container.is_list else list(frame.children)
    for detail in found:
        # A forbidden key was refused when it arrived, and is refused again where other children are invalid.
        if detail["type"] == WRONG or (frame.has_invalid and detail["type"] in _EXTRA):
            key = keys[cast("int", detail["input"])]
            child = cast("Invalid", frame.children[key])
            rest = detail["loc"]
            if frame.container.is_list:
                rest = (frame.source_index(key),)
            elif key in frame.container.lookups:
                rest = frame.loc_of(key)
            inner = [below(rest, error) for error in child.errors]
            errors += inner
            unreported += () if child.told else inner
        else:
            own: ErrorDetails = {**detail, "input": received()} if _is_of(frame, detail) else detail
            errors.append(own)
            unreported.append(own)
    for layer in frame.entry.layers[passed:]:
        if isinstance(layer, Member):
            others = [] if layer.others is None else layer.others(frame.container.is_list)
            others = [cast("ErrorDetails", {**error, "input": received()}) for error in others]
            errors = [below((layer.label,), error) for error in errors] + others
            unreported = [below((layer.label,), error) for error in unreported] + others
    return errors, unreported


def _is_of(frame: Frame, detail: ErrorDetails) -> bool:
    """Whether an error is about the container itself: its input is then what the container was built from."""
    met: Any = detail["input"]
    children = frame.children
    if not detail["loc"] or met is children:
        return True
    if frame.container.is_list:
        return bool(list(range(len(children))) == met)
    return isinstance(met, dict) and met.keys() == {*children, *frame.omitted}
