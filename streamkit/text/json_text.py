"""Whole JSON texts: read and written at once, and containers read by the standard library's C scanner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from json.encoder import JSONEncoder
from json.scanner import make_scanner
from typing import TYPE_CHECKING, Any, ClassVar, cast

import jiter

if TYPE_CHECKING:
    from streamkit.changes.json_values import Json

__all__ = ["depth_of", "read_container", "read_json", "write_json"]


def read_json(text: str) -> Json:
    """Read a text that is known to be JSON and within limits."""
    return cast("Json", jiter.from_json(text.encode()))


write_json = JSONEncoder(ensure_ascii=False).encode
"""Write a value as JSON text, as short as `json.dumps` does by itself; infinity as that does, too."""


def _refuse(what: object) -> Json:
    raise ValueError(what)


def _pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate key")
    return found


class _Context:
    """What `json.scanner` wants to know, by the names that its C code reads."""

    strict = True
    memo: ClassVar[dict[str, str]] = {}
    parse_float, parse_int, parse_constant = float, int, staticmethod(_refuse)
    object_hook, object_pairs_hook = None, staticmethod(_pairs)


read_container = cast("Callable[[str, int], tuple[Json, int]]", make_scanner(_Context()))  # type: ignore[arg-type]  # the stubs know only json's own decoder


_CONTAINERS = frozenset({dict, list})


def depth_of(value: Json, most: int) -> int:
    """How deep containers nest in a value, itself counted; `most`: there are no more than so many of them."""
    depth = 0
    level: list[Any] = [value]
    while level:
        depth += 1
        most -= len(level)
        if not most:  # to look through the innermost would be most of the work
            break
        insides: Iterator[Any] = (item.values() if item.__class__ is dict else item for item in level)
        level = [item for item in chain.from_iterable(insides) if item.__class__ in _CONTAINERS]
    return depth
