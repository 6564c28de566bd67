"""What a caller means by a response model, in Instructor's spellings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import isroutine
from typing import Any, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel
from typing_extensions import TypeIs

from streamkit.partial import whole_class

__all__ = ["item_of", "wanted"]

ModelT = TypeVar("ModelT")


def wanted(response_model: type[ModelT]) -> type[ModelT]:
    """The type itself, where its `Partial` was given.

    Raises:
        TypeError: it is a value, not a type.
    """
    given = cast("object", response_model)
    _check(given)
    return cast("type[ModelT]", whole_class(given)) if _is_model(given) else response_model


def item_of(response_model: object) -> Any:
    """`User` of `Iterable[User]` and `list[User]`; None of anything else."""
    if get_origin(response_model) in (Iterable, list):
        return get_args(response_model)[0]
    return None


def _check(given: object) -> None:
    if isinstance(given, (list, tuple, set)):
        items = [getattr(each, "__name__", repr(each)) for each in cast("Iterable[object]", given)]
        kind = type(cast("object", given)).__name__
        meant = f": did you mean {kind}[{', '.join(items)}]?" if items else ""
        raise TypeError(f"response_model is a type, got a {kind} of {len(items)}{meant}")
    if isinstance(given, BaseModel):
        name = type(given).__name__
        raise TypeError(f"response_model is a type, got an instance of {name}: did you mean {name}?")
    if isroutine(given):
        # pydantic would call it.
        raise TypeError(f"response_model is a type, got the function {given.__name__}: make a model of its arguments")
    if isinstance(given, (Mapping, str, bytes, int, float)):
        raise TypeError(f"response_model is a type, got {given!r:.80}: make a pydantic model of it")


def _is_model(given: object) -> TypeIs[type[BaseModel]]:
    return isinstance(given, type) and issubclass(given, BaseModel)
