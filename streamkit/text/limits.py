"""`Limits`: what a text must not exceed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a text must not exceed.

    Attributes:
        max_depth: levels of nested containers; the root is level 1.
        max_size: length of the text in characters.
        ignore_rest: ignore text after the document; by default it is an error.
    """

    max_depth: int = 200
    max_size: int = 32 * 1024 * 1024
    ignore_rest: bool = False
