"""`extract(Model)`: the pipeline that most people want, in one word."""

from __future__ import annotations

from typing import Literal, TypeVar

from streamkit.events import Change
from streamkit.flow import Pipeline
from streamkit.operators import accumulate, diff, validate

__all__ = ["extract"]

ModelT = TypeVar("ModelT")


def extract(
    model: type[ModelT],
    *,
    on_invalid: Literal["emit", "raise"] = "emit",
    exact_numbers: bool = False,
    max_depth: int = 200,
    max_size: int = 32 * 1024 * 1024,
) -> Pipeline[str | bytes, Change[ModelT]]:
    """Text in, typed field changes out: `accumulate() | validate(model) | diff()`.

    Args:
        model: a pydantic model, or any type that `pydantic.TypeAdapter` takes.
        on_invalid: as for `validate`.
        exact_numbers: as for `validate`.
        max_depth: as for `accumulate`.
        max_size: as for `accumulate`.
    """
    text = accumulate(max_depth=max_depth, max_size=max_size)
    return text | validate(model, on_invalid=on_invalid, exact_numbers=exact_numbers) | diff()
