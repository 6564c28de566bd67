"""What a caller means by a response model, in Instructor's spellings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import TypeIs

from streamkit.partial import whole_class

__all__ = ["item_of", "wanted"]

ModelT = TypeVar("ModelT")


def wanted(response_model: type[ModelT]) -> type[ModelT]:
    """The type itself, where its `Partial` was given."""
    given = cast("object", response_model)
    return cast("type[ModelT]", whole_class(given)) if _is_model(given) else response_model


def item_of(response_model: object) -> Any:
    """`User` of `Iterable[User]` and `list[User]`; None of anything else."""
    if get_origin(response_model) in (Iterable, list):
        return get_args(response_model)[0]
    return None


def _is_model(given: object) -> TypeIs[type[BaseModel]]:
    return isinstance(given, type) and issubclass(given, BaseModel)
