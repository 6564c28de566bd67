"""What is not valid, in pydantic's own words."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from streamkit.assembly.frame import came
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
    """The errors' details, without the frames that user code was raised through: they hold everything alive."""
    found = error.details if isinstance(error, Refusal) else error.errors()
    for detail in found:
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, Exception):
            cause.__traceback__ = None
    return found


def errors_of(
    frame: Frame, found: Sequence[ErrorDetails], around: int
) -> tuple[list[ErrorDetails], list[ErrorDetails]]:
    """All errors of a container that was refused, and those of them that were not told yet.

    Args:
        frame: the container.
        found: the errors that building it gave, in which a wrong child is named by its place.
        around: how many layers around the container were passed before that.
    """
    whole = cache(lambda: came(frame))
    errors: list[ErrorDetails] = []
    untold: list[ErrorDetails] = []
    keys: Sequence[Any] = range(len(frame.children)) if frame.container.is_list else list(frame.children)
    for detail in found:
        # A forbidden key was refused when it came, and is once more where there are wrong ones.
        if detail["type"] == WRONG or (frame.bad and detail["type"] in _EXTRA):
            key = keys[cast("int", detail["input"])]
            child = cast("Invalid", frame.children[key])
            rest = detail["loc"]
            if frame.container.is_list:
                rest = (frame.source(key),)
            elif key in frame.container.lookups:
                rest = frame.place(key)
            inner = [below(rest, error) for error in child.errors]
            errors += inner
            untold += () if child.told else inner
        else:
            own: ErrorDetails = {**detail, "input": whole()} if _is_of(frame, detail) else detail
            errors.append(own)
            untold.append(own)
    for layer in frame.entry.layers[around:]:
        if isinstance(layer, Member):
            others = [] if layer.others is None else layer.others(frame.container.is_list)
            others = [cast("ErrorDetails", {**error, "input": whole()}) for error in others]
            errors = [below((layer.label,), error) for error in errors] + others
            untold = [below((layer.label,), error) for error in untold] + others
    return errors, untold


def _is_of(frame: Frame, detail: ErrorDetails) -> bool:
    """Whether an error is one of the container itself: what it met is then what the container was built of."""
    met: Any = detail["input"]
    children = frame.children
    if not detail["loc"] or met is children:
        return True
    if frame.container.is_list:
        return bool(list(range(len(children))) == met)
    return isinstance(met, dict) and met.keys() == {*children, *frame.omitted}
