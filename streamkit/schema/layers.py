"""What a type may have around what is entered: a validator, a root model, a union. Each is a layer of its `Entry`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

__all__ = ["Member", "Wrap"]


@dataclass(frozen=True, slots=True)
class Wrap:
    """A root model or an `after` validator around a value: makes another value of it.

    Attributes:
        make: makes it, with the user's context.
        root: the class, of a root model.
    """

    make: Callable[[object, object], object]
    root: type | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A union around one of its members.

    Attributes:
        label: what errors call the member.
        others: the errors of the other members, which no object (or, if asked with True, no array) can be.
    """

    label: str | int
    others: Callable[[bool], list[ErrorDetails]] | None = None
