"""`Limits`: what a text may not exceed."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a text may not exceed.

    Attributes:
        max_depth: containers inside one another; the root is the first.
        max_size: characters of the whole text.
        ignore_rest: what follows the document is passed over; else it is an error.
    """

    max_depth: int = 200
    max_size: int = 32 * 1024 * 1024
    ignore_rest: bool = False
