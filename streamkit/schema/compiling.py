"""What the parts of the compiler ask of one another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

    from streamkit.schema.core import Schema
    from streamkit.schema.dumpers import Dumper
    from streamkit.schema.nodes import Node, OnInvalid
    from streamkit.schema.readers import Reader

__all__ = ["Compiler", "Options"]


@dataclass(frozen=True, slots=True)
class Options:
    """How a type is to be read.

    Attributes:
        exact_numbers: give `Decimal` the digits as they were written, not through a float.
        strict: as in `model_validate_json`.
        eager_literals: tell a literal or enum as soon as its beginning leaves one candidate.
        on_invalid: `drop` leaves out list items that are not valid.
    """

    exact_numbers: bool = False
    strict: bool | None = None
    eager_literals: bool = False
    on_invalid: OnInvalid = "emit"


class Compiler(Protocol):
    """One type being compiled."""

    options: Options
    definitions: dict[str, Schema]

    def node(self, schema: Schema, config: Schema) -> Node:
        """The node of a schema, within a model of this config."""
        ...

    def buffered(self, schema: Schema, config: Schema) -> Node:
        """A node that waits for the whole value."""
        ...

    def later(self, fill: Callable[[], None]) -> None:
        """Have something done once the node at hand is made: a type may contain itself."""
        ...

    def reader(self, schema: Schema, config: Schema) -> Reader:
        """What validates the JSON text of a value."""
        ...

    def dumper(self, schema: Schema, config: Schema) -> Dumper:
        """What gives the JSON form of a value."""
        ...

    def closed(self, schema: Schema) -> CoreSchema:
        """A schema that stands by itself: with the definitions it needs."""
        ...
