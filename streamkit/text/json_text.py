"""Read and write complete JSON texts, and read complete containers with the standard library's C scanner."""

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
"""Write a value as JSON text, like `json.dumps`, without escaping non-ASCII characters; infinity is `Infinity`."""


def _refuse(what: object) -> Json:
    raise ValueError(what)


def _pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("duplicate key")
    return found


class _Context:
    """The settings of `json.scanner`, under the names that its C code reads."""

    strict = True
    memo: ClassVar[dict[str, str]] = {}
    parse_float, parse_int, parse_constant = float, int, staticmethod(_refuse)
    object_hook, object_pairs_hook = None, staticmethod(_pairs)


read_container = cast("Callable[[str, int], tuple[Json, int]]", make_scanner(_Context()))  # type: ignore[arg-type]  # the stubs know only json's own decoder


_CONTAINERS = frozenset({dict, list})


def depth_of(value: Json, most: int) -> int:
    """Return how many levels of containers a value has, itself included.

    Args:
        value: the value.
        most: an upper bound for the number of containers in it.
    """
    depth = 0
    level: list[Any] = [value]
    while level:
        depth += 1
        most -= len(level)
        if not most:  # the rest are empty of containers; looking through them would be most of the work
            break
        insides: Iterator[Any] = (item.values() if item.__class__ is dict else item for item in level)
        level = [item for item in chain.from_iterable(insides) if item.__class__ in _CONTAINERS]
    return depth
