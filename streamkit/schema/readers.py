"""What makes typed values of JSON text: pydantic's validators, and short cuts for the plainest types."""

from __future__ import annotations

import re
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic_core import SchemaValidator

if TYPE_CHECKING:
    from pydantic_core import CoreConfig, CoreSchema

    from streamkit.schema.nodes import Read

__all__ = ["QUICK", "Reader", "digits_as_text", "from_text", "read_or_none"]

ValueT = TypeVar("ValueT")

_PLAIN_INT = re.compile(r"-?[0-9]{1,18}").fullmatch


class Reader:
    """Validates the JSON text of a value; made at its first use: most fields of most models are never needed."""

    __slots__ = ("_config", "_schema", "_strict", "_validate")

    def __init__(self, schema: Callable[[], CoreSchema], config: CoreConfig | None, strict: bool | None) -> None:
        self._schema, self._config, self._strict = schema, config, strict
        self._validate: Callable[..., Any] | None = None

    def use(self, validator: Callable[..., Any]) -> None:
        """Validate with this `validate_json`, which is there already."""
        self._validate = validator

    def __call__(self, text: str, context: object) -> object:
        if self._validate is None:
            self._validate = SchemaValidator(self._schema(), self._config).validate_json
        return self._validate(text, strict=self._strict, context=context)


def read_or_none(read: Read) -> Read:
    """The reader, except for null."""
    return lambda text, context: None if text == "null" else read(text, context)


def from_text(read: Read) -> Read:
    """Validate a decoded string as the JSON string it came from."""
    return lambda text, context: read(encode_basestring(text), context)


def digits_as_text(read: Read) -> Read:
    """Give a number as a string, so that no digit of it is lost."""
    return lambda text, context: read(f'"{text}"' if text[0] in "-0123456789" else text, context)


def _int(read: Read) -> Read:
    return lambda text, context: int(text) if _PLAIN_INT(text) is not None else read(text, context)


def _float(read: Read) -> Read:
    def quick(text: str, context: object) -> object:
        # "-0" is an integer to jiter, which knows no negative one; a very long integer is pydantic's affair.
        return float(text) if text[0] in "-0123456789" and text != "-0" and len(text) < 300 else read(text, context)

    return quick


def _bool(read: Read) -> Read:
    return lambda text, context: True if text == "true" else False if text == "false" else read(text, context)


QUICK: dict[str, Callable[[Read], Read]] = {"int": _int, "float": _float, "bool": _bool, "none": read_or_none}
"""Short cuts around the readers of plain schemas, by type."""
