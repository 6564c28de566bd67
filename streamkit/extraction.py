"""`extract(Model)`: the usual pipeline as one call."""

from __future__ import annotations

from typing import Literal, TypeVar

from streamkit.changes.change import Change
from streamkit.flow import Pipeline
from streamkit.operators import accumulate, diff, validate

__all__ = ["extract"]

ModelT = TypeVar("ModelT")


def extract(
    model: type[ModelT],
    *,
    on_invalid: Literal["emit", "raise", "drop"] = "emit",
    strict: bool | None = None,
    context: object = None,
    eager_literals: bool = False,
    exact_numbers: bool = False,
    max_depth: int = 200,
    max_size: int = 32 * 1024 * 1024,
    ignore_rest: bool = False,
) -> Pipeline[str | bytes, Change[ModelT]]:
    """Convert text to typed field changes: the same as `accumulate() | validate(model) | diff()`.

    Args:
        model: a pydantic model, or any type that `pydantic.TypeAdapter` accepts.
        on_invalid: as for `validate`.
        strict: as for `validate`.
        context: as for `validate`.
        eager_literals: as for `validate`.
        exact_numbers: as for `validate`.
        max_depth: as for `accumulate`.
        max_size: as for `accumulate`.
        ignore_rest: as for `accumulate`.
    """
    text = accumulate(max_depth=max_depth, max_size=max_size, ignore_rest=ignore_rest)
    typed = validate(
        model,
        on_invalid=on_invalid,
        strict=strict,
        context=context,
        eager_literals=eager_literals,
        exact_numbers=exact_numbers,
    )
    return text | typed | diff()
