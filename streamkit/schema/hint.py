"""`Stream`: how a model says that a field is to stream.

class Order(BaseModel):
    id: Annotated[str, Stream(needed=True)]         # nothing of the order is told before its id is there
    total: Annotated[Money, Stream(hold=True)]      # told when it is whole
    lines: Annotated[list[Line], Stream(on_invalid="drop")]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

    from streamkit.schema.core import Schema

__all__ = ["Stream", "hint_of"]

_KEY = "streamkit"


@dataclass(frozen=True, slots=True)
class Stream:
    """Stands in `Annotated[...]`, beside a type, and says how its values stream. Validation is not changed.

    Attributes:
        hold: tell the value only when it is whole.
        needed: tell nothing of the object around the field before the field has closed. For fields of models,
            dataclasses and typed dicts.
        eager: tell a `Literal` or `Enum` as soon as its beginning leaves one candidate.
        on_invalid: what becomes of wrong values there, and inside: `"emit"`, `"raise"` or `"drop"`, as for
            `validate`; None leaves it to what stands around.
    """

    hold: bool = False
    needed: bool = False
    eager: bool = False
    on_invalid: Literal["emit", "raise", "drop"] | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Leave a mark in the schema; around it where others share it: to pydantic a chain of one step is that step."""
        schema = handler(source)
        if "ref" in schema:
            return core_schema.chain_schema([schema], metadata={_KEY: self})
        # Of the same kind as before: a discriminator takes no chain for a member of its union.
        inner = hint_of(cast("Schema", schema))
        mark = self if inner is None else self._around(inner)
        return cast("CoreSchema", {**schema, "metadata": {**schema.get("metadata", {}), _KEY: mark}})

    def _around(self, inner: Stream) -> Stream:
        return Stream(
            hold=self.hold or inner.hold,
            needed=self.needed or inner.needed,
            eager=self.eager or inner.eager,
            on_invalid=inner.on_invalid or self.on_invalid,
        )


def hint_of(schema: Schema) -> Stream | None:
    """The hint that a schema carries, if it carries one."""
    metadata = cast("dict[str, object]", schema.get("metadata") or {})
    return cast("Stream | None", metadata.get(_KEY))
