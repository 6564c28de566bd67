"""Where an error stands, in pydantic's terms: a `loc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["Loc", "below"]

Loc = tuple[str | int, ...]


def below(place: Loc, error: ErrorDetails) -> ErrorDetails:
    """The error as it is told from further up."""
    return {**error, "loc": (*place, *error["loc"])} if place else error
